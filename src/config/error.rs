//! Why a file was refused.

use std::fmt;
use std::ops::Range;

use super::secret;

/// Why a file was refused: where, what, and what to write instead.
///
/// It holds nothing secret: whatever it quotes from the file was masked before, so printing it in
/// any way is safe.
#[derive(Debug, thiserror::Error)]
#[error("{}:{}:{}: {}", .0.origin, .0.line, .0.column, .0.message)]
pub struct Error(pub(super) Box<Details>);

#[derive(Debug)]
pub(super) struct Details {
    pub origin: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub help: Option<String>,
    pub source_line: Option<String>,
    pub span: (usize, usize),
}

impl Error {
    /// What the file was called by the reader's caller.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What was refused, and why. One line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to write instead. May have several lines when it shows a whole file.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The line of the file, with secrets masked and control characters replaced; of a very long
    /// line the part around the refused text. `None` where the file has no readable line.
    #[must_use]
    pub fn source_line(&self) -> Option<&str> {
        self.0.source_line.as_deref()
    }

    /// Where in [`Self::source_line`] the refused text stands: start and length in characters.
    /// Because of masking the start may differ from the column.
    #[must_use]
    pub fn span(&self) -> (usize, usize) {
        self.0.span
    }
}

/// A refusal before its place in the file is known.
#[derive(Debug)]
pub(super) struct Problem {
    pub at: At,
    pub message: String,
    pub help: Option<String>,
}

/// The place of a refusal.
#[derive(Debug)]
pub(super) enum At {
    /// A node of the tree.
    Node(usize),
    /// Some bytes of a scalar's text.
    Within(usize, Range<usize>),
    /// A node that must not be shown.
    Secret(usize),
}

impl Problem {
    pub fn new(id: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            at: At::Node(id),
            message: message.into(),
            help: Some(help.into()),
        }
    }

    pub fn secret(id: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            at: At::Secret(id),
            ..Self::new(id, message, help)
        }
    }

    pub fn within(
        id: usize,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            at: At::Within(id, range),
            message: message.into(),
            help: Some(help.into()),
        }
    }
}

/// Longest text that a message quotes, in characters.
const LONGEST_QUOTE: usize = 60;

/// Text from the file for a message: in backquotes, on one line, shortened, secrets masked.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", plain(text))
}

/// As [`quote`], without the backquotes.
pub(super) fn plain(text: &str) -> String {
    let masked = secret::mask(text);
    let mut shown = String::new();
    for (count, character) in masked.chars().enumerate() {
        if count == LONGEST_QUOTE {
            shown.push('…');
            break;
        }
        if is_unprintable(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that move the cursor, break the line or reorder what is shown.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Most names that a sentence lists.
const MOST_NAMES: usize = 20;

/// Several names as a sentence lists them: `a`, `b` and `c`.
pub(super) struct Names<'a, S>(pub &'a [S]);

impl<S: AsRef<str>> fmt::Display for Names<'_, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index == MOST_NAMES {
                return formatter.write_str(", …");
            }
            if index > 0 {
                formatter.write_str(if index + 1 == self.0.len() { " and " } else { ", " })?;
            }
            formatter.write_str(&quote(name.as_ref()))?;
        }
        Ok(())
    }
}
