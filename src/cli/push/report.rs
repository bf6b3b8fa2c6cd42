//! What git says of each reference (`git push --porcelain`), and the same as people read it.

use bstr::{BString, ByteSlice as _};

use crate::event::short;
use crate::ui::{Printer, Tone};

/// Two abbreviated ids with the dots between them: git never makes the column less wide.
const NARROWEST: usize = 17;

/// What became of one reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Forwarded,
    Forced,
    New,
    Deleted,
    Rejected,
    UpToDate,
}

impl Fate {
    fn of(flag: u8) -> Option<Self> {
        Some(match flag {
            b' ' => Self::Forwarded,
            b'+' => Self::Forced,
            b'*' => Self::New,
            b'-' => Self::Deleted,
            b'!' => Self::Rejected,
            b'=' => Self::UpToDate,
            _ => return None,
        })
    }

    fn flag(self) -> char {
        match self {
            Self::Forwarded => ' ',
            Self::Forced => '+',
            Self::New => '*',
            Self::Deleted => '-',
            Self::Rejected => '!',
            Self::UpToDate => '=',
        }
    }
}

/// One reference of a push, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) fate: Fate,
    /// What was pushed: a full name, `HEAD`, an id or an expression; empty for a deletion.
    pub(super) from: BString,
    /// Its full name over there.
    pub(super) to: BString,
    /// For example `[new branch]` or `1234567..89abcde (forced update)`.
    summary: BString,
    /// The reason in parentheses, with a blank before it, or nothing.
    reason: BString,
}

impl Told {
    /// Reads `<flag> TAB <from>:<to> TAB <summary>`, with `(<reason>)` after that or not.
    fn parse(line: &[u8]) -> Option<Self> {
        let (flag, rest) = line.split_first()?;
        let fate = Fate::of(*flag)?;
        let (names, text) = rest.strip_prefix(b"\t")?.split_once_str("\t")?;
        // No reference has a colon in its name; an expression may.
        let (from, to) = names.rsplit_once_str(":")?;
        let end = match text.first()? {
            b'[' => text.find_byte(b']')? + 1,
            _ => text.find_byte(b' ').unwrap_or(text.len()),
        };
        let (summary, reason) = text.split_at(end);
        Some(Self {
            fate,
            from: from.into(),
            to: to.into(),
            summary: summary.into(),
            reason: reason.into(),
        })
    }

    /// The ids before and after, abbreviated.
    pub(super) fn ids(&self) -> Option<(&str, &str)> {
        let summary = self.summary.to_str().ok()?;
        let (old, new) = summary.split_once("...").or_else(|| summary.split_once(".."))?;
        let is_short = |id: &str| id.len() >= 4 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        (is_short(old) && is_short(new)).then_some((old, new))
    }

    /// Whether the remote took something that there is now.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.fate, Fate::Forwarded | Fate::Forced | Fate::New)
    }

    /// Whether the remote has said so: it may have taken what it did not report on.
    pub(super) fn is_certain(&self) -> bool {
        self.fate != Fate::Rejected || !self.summary.starts_with(b"[remote failure]")
    }

    fn width(&self) -> usize {
        self.ids()
            .map_or(0, |(old, new)| 2 * old.len().max(new.len()) + 3)
    }

    fn head(&self, width: usize) -> String {
        let summary = self.summary.to_str_lossy();
        format!(" {} {summary:<width$}", self.fate.flag())
    }

    fn tail(&self) -> String {
        let from = if self.from.is_empty() {
            String::new()
        } else {
            format!("{} -> ", short(&self.from))
        };
        format!(" {from}{}{}", short(&self.to), self.reason)
    }
}

/// Reads what git writes and prints what it would have printed.
#[derive(Debug)]
pub(super) struct Report<'a> {
    printer: &'a Printer,
    /// The lines for programs are what the user wants.
    raw: bool,
    verbosity: i32,
    /// A line that is not complete yet.
    pending: Vec<u8>,
    /// Whether the beginning of this line is printed already.
    in_line: bool,
    /// Whether git has begun to tell of one address, and whether anything was not up to date there.
    begun: bool,
    moved: bool,
    block: Block,
    /// Where it went.
    pub(super) address: Option<BString>,
    pub(super) told: Vec<Told>,
}

/// What is printed together, so that its columns fit.
#[derive(Debug, Default)]
struct Block {
    to: BString,
    /// As they came, for programs.
    lines: Vec<u8>,
    told: Vec<Told>,
}

impl<'a> Report<'a> {
    pub(super) fn new(printer: &'a Printer, raw: bool, verbosity: i32) -> Self {
        Self {
            printer,
            raw,
            verbosity,
            pending: Vec::new(),
            in_line: false,
            begun: false,
            moved: false,
            block: Block::default(),
            address: None,
            told: Vec::new(),
        }
    }

    /// Takes more of it.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.pending);
                self.line(&line);
            } else if self.in_line || !may_be_gits(&self.pending) {
                // A hook that asks something does not end the line first.
                let pending = std::mem::take(&mut self.pending);
                self.printer.raw(&pending);
                self.in_line = true;
            }
        }
    }

    /// There is no more.
    pub(super) fn end(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.line(&rest);
        }
        self.end_block();
    }

    fn line(&mut self, line: &[u8]) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if std::mem::take(&mut self.in_line) {
            self.printer.raw(line);
        } else if let Some(told) = Told::parse(text) {
            self.begun = true;
            self.moved |= told.fate != Fate::UpToDate;
            self.block.lines.extend_from_slice(line);
            self.block.told.push(told.clone());
            self.told.push(told);
        } else if let Some(address) = text.strip_prefix(b"To ") {
            self.end_block();
            self.begun = true;
            self.block.lines.extend_from_slice(line);
            self.block.to = address.into();
            self.address.get_or_insert_with(|| address.into());
        } else if text == b"Done" {
            self.end_block();
            if self.raw {
                // git prints it for programs however quiet it is to be.
                self.printer.raw(line);
            }
            self.begun = false;
            if !std::mem::take(&mut self.moved) && !self.raw && self.verbosity >= 0 {
                self.printer.relay(None, "Everything up-to-date", "");
            }
        } else {
            self.end_block();
            // For example which branch follows which from now on.
            if !self.begun || self.verbosity >= 0 {
                self.printer.raw(line);
            }
        }
    }

    fn end_block(&mut self) {
        let Block { to, lines, told } = std::mem::take(&mut self.block);
        let rejected = told.iter().any(|told| told.fate == Fate::Rejected);
        // git breaks a silence that it was asked for only if something went wrong.
        if self.verbosity < 0 && !rejected {
            return;
        }
        if self.raw {
            self.printer.raw(&lines);
            return;
        }
        let shown: Vec<&Told> = told
            .iter()
            .filter(|told| told.fate != Fate::UpToDate || self.verbosity > 0)
            .collect();
        if shown.is_empty() {
            return;
        }
        if !to.is_empty() {
            self.printer.relay(None, "To ", &to.to_string());
        }
        let width = told.iter().map(Told::width).fold(NARROWEST, usize::max);
        for told in shown {
            let tone = (told.fate == Fate::Rejected).then_some(Tone::Rejected);
            self.printer.relay(tone, &told.head(width), &told.tail());
        }
    }
}

/// Whether a line that begins so may be one of git's about the push.
fn may_be_gits(beginning: &[u8]) -> bool {
    let begins = |with: &[u8]| with.starts_with(beginning) || beginning.starts_with(with);
    let reference = |flag: &u8| begins(&[*flag, b'\t']);
    begins(b"To ") || b"Done".starts_with(beginning) || b" +*-!=".iter().any(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Told {
        Told::parse(line.as_bytes()).expect("a reference")
    }

    #[test]
    fn the_machines_lines_become_the_ones_that_people_know() {
        for (line, expected) in [
            (
                "*\trefs/heads/main:refs/heads/main\t[new branch]",
                " * [new branch]      main -> main",
            ),
            (
                " \tHEAD:refs/heads/a\t1234567..89abcde",
                "   1234567..89abcde  HEAD -> a",
            ),
            (
                "+\trefs/heads/a:refs/heads/a\t1234567...89abcde (forced update)",
                " + 1234567...89abcde a -> a (forced update)",
            ),
            ("-\t:refs/tags/v1\t[deleted]", " - [deleted]         v1"),
            (
                "!\trefs/heads/b:refs/heads/b\t[remote rejected] (hook declined)",
                " ! [remote rejected] b -> b (hook declined)",
            ),
            (
                "=\t:/a fix:refs/for/main\t[up to date]",
                " = [up to date]      :/a fix -> refs/for/main",
            ),
        ] {
            let told = parse(line);
            assert_eq!(told.head(NARROWEST) + &told.tail(), expected);
        }
        for line in ["", "To x", "Done", "?\ta:b\tc", "*\tab\tc", "* a:b c", "*\ta:b\t"] {
            assert_eq!(Told::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_ids_are_those_of_an_update() {
        let update = " \tmain:refs/heads/main\t";
        let forced = parse(&format!("{update}1234567...89abcde (forced update)"));
        assert_eq!(forced.ids(), Some(("1234567", "89abcde")));
        assert_eq!(
            parse(&format!("{update}1234..89ab")).ids(),
            Some(("1234", "89ab"))
        );
        assert_eq!(parse(&format!("{update}[new branch]")).ids(), None);
    }

    #[test]
    fn what_the_remote_did_not_report_on_is_not_certain() {
        let line = "!\tmain:refs/heads/main\t[remote failure] (remote failed to report status)";
        assert!(!parse(line).is_certain());
        assert!(parse("!\tmain:refs/heads/main\t[rejected] (fetch first)").is_certain());
    }
}
