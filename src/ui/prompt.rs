//! Questions, and the answers that are typed or come from a pipe.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::AutoStream;
use zeroize::Zeroizing;

use super::Printer;
use crate::platform::terminal::{self, Line};
use crate::secret::{Secret, redact};
use crate::text::harmless;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody, or nothing, is there who could answer any more.
    #[error("nothing was entered")]
    End,
    /// Only the end of a line came.
    #[error("an empty line was entered")]
    Empty,
    /// It is no text that can be meant.
    #[error("what was entered is too long, is not UTF-8, or has a control character in it")]
    NotText,
    /// Ctrl-C or the like.
    #[error("interrupted")]
    Interrupted,
    /// The terminal cannot be used.
    #[error("could not read what was entered: {0}")]
    System(#[from] io::Error),
}

impl Printer {
    /// Whether somebody is there to answer.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        !self.in_hook && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks for a line.
    ///
    /// # Errors
    /// Why there is none.
    pub fn ask(&self, question: &str) -> Result<String, NoAnswer> {
        self.put(question);
        let line = text_of(terminal::read_line()?)?;
        let answer = line.trim().to_owned();
        (!answer.is_empty()).then_some(answer).ok_or(NoAnswer::Empty)
    }

    /// Asks for what must not be seen, and does not show it.
    ///
    /// # Errors
    /// Why there is none. The terminal then shows again what is typed.
    pub fn ask_secret(&self, question: &str) -> Result<Secret, NoAnswer> {
        self.put(question);
        let mut line = text_of(terminal::read_hidden_line()?)?;
        (!line.is_empty())
            .then(|| Secret::new(std::mem::take(&mut *line)))
            .ok_or(NoAnswer::Empty)
    }

    /// Asks a question whose answer is no unless it is yes, whatever keeps the answer from being read.
    /// `None` where nobody is there to ask.
    #[must_use]
    pub fn confirm(&self, question: &str) -> Option<bool> {
        if !self.can_ask() {
            return None;
        }
        self.put(&format!("{question} [y/N]"));
        let line = terminal::read_line().map_err(NoAnswer::from).and_then(text_of);
        let is_yes =
            |line: Zeroizing<String>| matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        Some(line.is_ok_and(is_yes))
    }

    /// Asks a question whose answer is yes unless it is no.
    ///
    /// # Errors
    /// Why there is no answer; an empty line is one.
    pub fn confirm_unless_no(&self, question: &str) -> Result<bool, NoAnswer> {
        self.put(&format!("{question} [Y/n]"));
        let line = text_of(terminal::read_line()?)?;
        Ok(matches!(
            line.trim().to_ascii_lowercase().as_str(),
            "" | "y" | "yes"
        ))
    }

    fn put(&self, question: &str) {
        let mut err = AutoStream::new(io::stderr(), self.color).lock();
        let _ = write!(err, "{} ", harmless(&redact(question)));
        let _ = err.flush();
    }
}

/// The next line of stdin, which is no terminal.
///
/// # Errors
/// Why there is none.
pub fn piped_line() -> Result<Zeroizing<String>, NoAnswer> {
    let line = text_of(terminal::read_line()?)?;
    (!line.is_empty()).then_some(line).ok_or(NoAnswer::Empty)
}

fn text_of(line: Line) -> Result<Zeroizing<String>, NoAnswer> {
    let mut bytes = match line {
        Line::Text(bytes) => bytes,
        Line::End => return Err(NoAnswer::End),
        Line::TooLong => return Err(NoAnswer::NotText),
        Line::Interrupted => return Err(NoAnswer::Interrupted),
    };
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            let is_text = !text.chars().any(char::is_control);
            is_text.then_some(text).ok_or(NoAnswer::NotText)
        }
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(NoAnswer::NotText)
        }
    }
}
