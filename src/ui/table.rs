//! Columns.

use unicode_width::UnicodeWidthStr as _;

use super::{Tone, painted};
use crate::secret::redact;
use crate::text::harmless;

/// Rows of cells, aligned by column; the last column is as long as it is.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<(Option<Tone>, String)>>,
    /// Of the rows that are printed already.
    widths: Vec<usize>,
}

impl Table {
    /// A table with these headings.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(headings.iter().map(|name| (Some(Tone::Dim), (*name).to_owned())));
        table
    }

    /// Adds a row; control characters in its cells are shown, not obeyed, and secrets are not shown.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (Option<Tone>, String)>) {
        let cells = cells
            .into_iter()
            .map(|(tone, cell)| (tone, harmless(&redact(&cell))));
        self.rows.push(cells.collect());
    }

    /// The lines of what it holds, which it forgets: a table that goes on is as wide as its
    /// widest row so far.
    #[must_use]
    pub fn take_lines(&mut self) -> Vec<String> {
        let lines = self.lines();
        self.widths = self.widths();
        self.rows.clear();
        lines
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let before = self.widths.get(column).copied().unwrap_or(0);
            cells.map(|(_, cell)| cell.width()).max().unwrap_or(0).max(before)
        };
        (0..columns.max(self.widths.len())).map(width).collect()
    }

    /// The lines, ready to print.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let line = |row: &Vec<(Option<Tone>, String)>| {
            let mut line = String::new();
            for ((tone, cell), width) in row.iter().zip(&widths) {
                match tone {
                    Some(tone) => line.push_str(&painted(*tone, cell)),
                    None => line.push_str(cell),
                }
                line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
            line.truncate(line.trim_end().len());
            line
        };
        self.rows.iter().map(line).collect()
    }
}
