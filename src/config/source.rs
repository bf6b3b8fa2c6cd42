//! The file as text: what can be said before YAML, and where a byte stands.

use std::ops::Range;

use super::error::{Details, Error, is_unprintable};
use super::{MAX_FILE_SIZE, secret};

/// The parser's time grows with the square of the nesting, so a hostile file of brackets would take
/// minutes. Counting all of them, wherever they stand, is the bound that no quoting or comment can
/// get around.
const MOST_BRACKETS: usize = 10_000;

/// Longest part of a line that an error shows, in characters.
const LONGEST_LINE: usize = 160;

/// A file that is text.
pub(super) struct Source<'a> {
    origin: &'a str,
    text: &'a str,
    /// Where each line but the first begins.
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    /// The file as text, without a byte order mark.
    pub fn new(origin: &'a str, bytes: &'a [u8]) -> Result<Self, Error> {
        let nowhere = Source {
            origin,
            text: "",
            starts: Vec::new(),
        };
        if bytes.len() as u64 > MAX_FILE_SIZE {
            return Err(nowhere.error(
                0..0,
                format!("the file is larger than {} MiB", MAX_FILE_SIZE >> 20),
                Some("a configuration is a few kilobytes: is this the right file?".into()),
                false,
            ));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (valid, _) = bytes.split_at(error.valid_up_to());
            // The bytes up to here were just found to be valid, so nothing is lost.
            let valid = String::from_utf8_lossy(valid);
            let place = Source {
                origin,
                text: &valid,
                starts: starts(&valid),
            };
            let utf_16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
            place.error(
                valid.len()..valid.len(),
                if utf_16 {
                    "the file is UTF-16 text"
                } else {
                    "the file is not UTF-8 text"
                }
                .into(),
                Some("save it with the encoding UTF-8".into()),
                false,
            )
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source {
            origin,
            text,
            starts: starts(text),
        };
        source.check_characters()?;
        source.check_brackets()?;
        Ok(source)
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    fn check_characters(&self) -> Result<(), Error> {
        let refused = |character: char| {
            (character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}'))
                || matches!(character, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        };
        let lonely = |at: usize| !self.text[at + 1..].starts_with('\n');
        let found = self
            .text
            .char_indices()
            .find(|(at, character)| refused(*character) || (*character == '\r' && lonely(*at)));
        let Some((at, character)) = found else {
            return Ok(());
        };
        let code = u32::from(character);
        let (message, help) = match character {
            '\0' => (
                "a NUL byte: this is not a text file".into(),
                "write the file as YAML text".into(),
            ),
            '\r' => (
                "a carriage return that ends no line".into(),
                "save the file with line ends LF or CR LF".into(),
            ),
            '\u{feff}' => (
                "a byte order mark inside the file".into(),
                "remove this invisible character (U+FEFF)".into(),
            ),
            _ => (
                format!("the control character U+{code:04X}"),
                "remove it; in a double-quoted text a control character is written as an escape".into(),
            ),
        };
        Err(self.error(at..at + character.len_utf8(), message, Some(help), false))
    }

    fn check_brackets(&self) -> Result<(), Error> {
        match self.text.match_indices(['[', '{']).nth(MOST_BRACKETS) {
            None => Ok(()),
            Some((at, bracket)) => Err(self.error(
                at..at + 1,
                format!("more than 10,000 `[` and `{{`, this `{bracket}` is one too many"),
                Some("write lists as lines that begin with `- `, and maps as lines `key: value`".into()),
                false,
            )),
        }
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) + 1
    }

    /// A refusal of some bytes of the file; `secret` when they must not be shown.
    pub fn error(&self, range: Range<usize>, message: String, help: Option<String>, secret: bool) -> Error {
        let start = self.on_text(range.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let rest = &self.text[line_start..];
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let within =
            (start - line_start).min(line.len())..(range.end.max(start) - line_start).min(line.len());
        let column = line[..within.start].chars().count() + 1;
        let mut masks = secret::ranges(line);
        if self.is_private(line_start, line) {
            masks.push(indent_of(line)..line.len());
        } else if secret {
            // Of a text that is not written as it is read the end is not known.
            let end = if within.len() > 1 { within.end } else { line.len() };
            masks.push(within.start..end);
        }
        let (source_line, span) = shown(line, within, secret::merged(masks));
        Error(Box::new(Details {
            origin: super::error::plain(self.origin),
            line: self.line(start),
            column,
            message,
            help,
            source_line: (!self.text.is_empty()).then_some(source_line),
            span,
        }))
    }

    /// The parser places an unexpected end of the file behind the last line; people look at the
    /// last text.
    fn on_text(&self, at: usize) -> usize {
        let end = self.text.trim_end().len();
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        if at > end && self.text[end..at].contains('\n') {
            end
        } else {
            at
        }
    }

    /// Whether a line belongs to a key above it that says that its value is private.
    fn is_private(&self, line_start: usize, line: &str) -> bool {
        let mut indent = indent_of(line);
        for above in self.text[..line_start].lines().rev() {
            let deeper = indent_of(above);
            if above.trim().is_empty() || deeper >= indent {
                continue;
            }
            // The value stands below its key, so something must stand in for it to be recognised.
            if secret::is_private_line(&format!("{} x", open_key(above))) {
                return true;
            }
            indent = deeper;
            if indent == 0 {
                break;
            }
        }
        false
    }
}

fn starts(text: &str) -> Vec<usize> {
    text.match_indices('\n').map(|(at, _)| at + 1).collect()
}

/// A key's line without the sign of the block text that it opens.
fn open_key(line: &str) -> &str {
    line.trim_end().trim_end_matches(['|', '>', '-', '+', ' '])
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The line as an error shows it, and where in it the refused bytes are, in characters.
fn shown(line: &str, within: Range<usize>, masked: Vec<Range<usize>>) -> (String, (usize, usize)) {
    let mut text = String::new();
    let mut count = 0;
    let (mut start, mut end) = (None, None);
    let mut masks = masked.into_iter().peekable();
    for (at, character) in line.char_indices() {
        while masks.peek().is_some_and(|mask| mask.end <= at) {
            masks.next();
        }
        let mask = masks.peek().filter(|mask| mask.contains(&at));
        if at >= within.start && start.is_none() {
            // Text behind a mask's start is the mask, which is already written.
            start = Some(if mask.is_some_and(|mask| mask.start < at) {
                count - secret::MASK.chars().count()
            } else {
                count
            });
        }
        if at >= within.end && end.is_none() {
            end = Some(count);
        }
        match mask {
            Some(mask) if mask.start == at => {
                text.push_str(secret::MASK);
                count += secret::MASK.chars().count();
            }
            Some(_) => {}
            None => {
                text.push(if character == '\t' {
                    ' '
                } else if is_unprintable(character) {
                    '\u{fffd}'
                } else {
                    character
                });
                count += 1;
            }
        }
    }
    let start = start.unwrap_or(count);
    let end = end.unwrap_or(count).max(start);
    clip(&text, start, (end - start).max(1))
}

/// The part of a long line around the refused text.
fn clip(text: &str, start: usize, length: usize) -> (String, (usize, usize)) {
    let total = text.chars().count();
    if total <= LONGEST_LINE {
        return (
            text.to_owned(),
            (start, length.min((total + 1).saturating_sub(start)).max(1)),
        );
    }
    let first = start.saturating_sub(LONGEST_LINE / 4);
    let kept = text.chars().skip(first).take(LONGEST_LINE);
    let mut part = String::new();
    if first > 0 {
        part.push('…');
    }
    part.extend(kept);
    if first + LONGEST_LINE < total {
        part.push('…');
    }
    let start = start - first + usize::from(first > 0);
    let shown = part.chars().count();
    (
        part,
        (start, length.min((shown + 1).saturating_sub(start)).max(1)),
    )
}
