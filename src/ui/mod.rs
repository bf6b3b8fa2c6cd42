//! Everything a person or a program reads goes through here.

mod progress;
mod prompt;
mod snippet;
mod table;

use std::io::{self, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

pub use progress::Progress;
pub use prompt::{NoAnswer, piped_line};
pub use snippet::Snippet;
pub use table::Table;

use crate::secret::redact;
use crate::text::{harmless, is_obeyed};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const REJECTED: Style = AnsiColor::Red.on_default();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// When to use colours.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Results and errors only.
    Quiet,
    /// As usual.
    #[default]
    Normal,
    /// With details.
    Verbose,
}

/// The tone of a word in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It waits or needs a look.
    Warn,
    /// It went wrong.
    Bad,
    /// It is beside the point.
    Dim,
    /// As git has what a remote did not take.
    Rejected,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => GOOD,
            Self::Warn => WARN,
            Self::Bad => BAD,
            Self::Dim => DIM,
            Self::Rejected => REJECTED,
        }
    }
}

/// Writes to stdout and stderr, and no secret that this process knows. A reader that went away is no error: a hook must not die of it.
#[derive(Debug, Clone)]
pub struct Printer {
    verbosity: Verbosity,
    color: ColorChoice,
    /// Set in hooks: stdout may belong to git, and each line says who speaks.
    in_hook: bool,
}

impl Printer {
    /// A printer for commands.
    #[must_use]
    pub fn new(color: Color, verbosity: Verbosity) -> Self {
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self {
            verbosity,
            color,
            in_hook: false,
        }
    }

    /// A printer for hooks: single lines on stderr that begin with the tool's name.
    #[must_use]
    pub fn for_hook() -> Self {
        Self {
            verbosity: Verbosity::Normal,
            color: ColorChoice::Never,
            in_hook: true,
        }
    }

    /// The same for a command whose stdout belongs to git.
    #[must_use]
    pub fn on_stderr(&self) -> Self {
        Self {
            in_hook: true,
            ..*self
        }
    }

    fn out(&self, line: &str) {
        if self.in_hook {
            self.err(line);
            return;
        }
        let mut out = AutoStream::new(io::stdout(), self.color).lock();
        let _ = writeln!(out, "{}", redact(line));
    }

    fn err(&self, line: &str) {
        let mut err = AutoStream::new(io::stderr(), self.color).lock();
        let _ = writeln!(err, "{}", redact(line));
    }

    /// One line that a hook says.
    pub fn hook_line(&self, line: &str) {
        self.err(&format!("jenkins-trigger: {}", harmless(line)));
    }

    /// The result of a command, also with `--quiet`.
    pub fn result(&self, line: &str) {
        self.out(&harmless(line));
    }

    /// A result whose first word has a tone.
    pub fn toned(&self, tone: Tone, word: &str, rest: &str) {
        let style = tone.style();
        self.out(&format!("{style}{}{style:#}{}", harmless(word), harmless(rest)));
    }

    /// A table on stdout.
    pub fn table(&self, table: &Table) {
        for line in table.lines() {
            self.out(&line);
        }
    }

    /// The rows that a table has got since the last time.
    pub fn rows(&self, table: &mut Table) {
        for line in table.take_lines() {
            self.out(&line);
        }
    }

    /// A value for programs, as one line of JSON.
    pub fn json(&self, value: &impl serde::Serialize) {
        // Serialisation to memory fails only for maps with keys that are no strings.
        let text = serde_json::to_string(value).unwrap_or_default();
        let mut line = String::with_capacity(text.len());
        for c in text.chars() {
            // JSON escapes only the first 32 of the characters that a terminal obeys.
            if is_obeyed(c) {
                line.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                line.push(c);
            }
        }
        self.out(&line);
    }

    /// A line of another program's, on stderr, also with `--quiet`; its beginning may have a tone.
    pub fn relay(&self, tone: Option<Tone>, beginning: &str, rest: &str) {
        let style = tone.map(Tone::style).unwrap_or_default();
        self.err(&format!(
            "{style}{}{style:#}{}",
            harmless(beginning),
            harmless(rest)
        ));
    }

    /// What another program wrote to its stdout, byte for byte: whatever is in it, nobody here has
    /// put it there.
    #[allow(
        clippy::unused_self,
        reason = "everything that is written goes through a printer"
    )]
    pub fn raw(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Text on stdout as it is, line ends included. Whoever made it has left nothing in it that a
    /// terminal obeys but colours, which are taken out where they are not wanted.
    pub fn text(&self, text: &str) {
        let mut out = AutoStream::new(io::stdout(), self.color).lock();
        let _ = write!(out, "{}", redact(text)).and_then(|()| out.flush());
    }

    /// Something to know, unless `--quiet`.
    pub fn note(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.err(&harmless(line));
        }
    }

    /// Whether details are wanted.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// Something for the curious, with `--verbose`.
    pub fn detail(&self, line: &str) {
        if self.verbosity == Verbosity::Verbose {
            self.err(&format!("{DIM}{}{DIM:#}", harmless(line)));
        }
    }

    /// Something that may need the user, unless `--quiet`.
    pub fn warning(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.err(&format!("{WARN}warning{WARN:#}: {}", harmless(line)));
        }
    }

    /// What was refused, and the way out of it.
    pub fn error(&self, line: &str, help: Option<&str>) {
        self.err(&format!("{BAD}error{BAD:#}: {}", harmless(line)));
        if let Some(help) = help {
            self.err(&format!("{GOOD}help{GOOD:#}: {}", harmless_lines(help)));
        }
    }

    /// A mistake in a file, with the line that has it.
    pub fn snippet(&self, snippet: &Snippet<'_>) {
        self.err(snippet.render().trim_end());
    }
}

/// A text of several lines, each harmless.
fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// A word with a tone, for the inside of a table.
#[must_use]
pub fn painted(tone: Tone, word: &str) -> String {
    let style = tone.style();
    format!("{style}{}{style:#}", harmless(word))
}
