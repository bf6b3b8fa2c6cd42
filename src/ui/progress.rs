//! One line at the bottom of a terminal that says how far a thing is.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Printer, Verbosity};
use crate::secret::redact;
use crate::text::harmless;

/// The line. Without a terminal that can move its cursor, and with `--quiet`, there is none; then
/// [`Progress::is_shown`] is false. It is gone once this is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Printer {
    /// A progress line on stderr.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let target = if self.verbosity == Verbosity::Quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        Progress(bar)
    }
}

impl Progress {
    /// Whether anybody sees it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    /// Says how far it is, and that time goes on.
    pub fn show(&self, line: &str) {
        if self.0.is_finished() {
            self.0.reset();
        }
        self.0.set_message(harmless(&redact(line)));
        self.0.tick();
    }

    /// Prints other lines, with this one out of their way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Takes the line away, until it is shown again.
    pub fn hide(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}
