//! Columns.

use unicode_width::UnicodeWidthStr as _;

use super::{Tone, painted};
use crate::text::harmless;

/// Rows of cells, aligned by column; the last column is as long as it is.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<(Option<Tone>, String)>>,
}

impl Table {
    /// A table with these headings.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(headings.iter().map(|name| (Some(Tone::Dim), (*name).to_owned())));
        table
    }

    /// Adds a row; control characters in its cells are shown, not obeyed.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (Option<Tone>, String)>) {
        let cells = cells.into_iter().map(|(tone, cell)| (tone, harmless(&cell)));
        self.rows.push(cells.collect());
    }

    /// The lines, ready to print.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(_, cell)| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
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
