//! What the YAML parser says of a file that is no YAML, in words that name the likely cause.

use std::ops::Range;

use super::error::{Error, quote};
use super::source::Source;
use super::value::yaml;

/// The parser's refusal at the byte `at`.
pub(super) fn error(source: &Source<'_>, error: &serde_yaml::Error, at: usize) -> Error {
    let said = error.to_string();
    let text = source.text();
    let at = (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let context = context(text, &said);
    let (range, message, help) = reword(text, &said, at, context);
    source.error(range, message, Some(help), false)
}

/// Where, what and what to write instead.
type Reworded = (Range<usize>, String, String);

fn reword(text: &str, said: &str, at: usize, context: Option<usize>) -> Reworded {
    if let Some(reworded) = unquoted(text, said, at) {
        return reworded;
    }
    let opened = context.unwrap_or(at);
    let has = |part: &str| said.contains(part);
    let (at, message, help) = if has("recursion limit") {
        (
            at,
            "the file is nested too deeply",
            "no configuration needs more than five levels",
        )
    } else if has("repetition limit") {
        (
            at,
            "the aliases (`*name`) in this file repeat too much",
            "write the values out, or put what rules share under `defaults`",
        )
    } else if has("a tab character") || text[at..].starts_with('\t') {
        (at, "a tab where YAML needs spaces", "indent with spaces")
    } else if has("while scanning a quoted scalar") && has("end of stream") {
        (
            opened,
            "this quote is never closed",
            "close it at the end of the text",
        )
    } else if has("unknown escape character") {
        (
            at,
            "in double quotes a backslash begins an escape, and this is none of YAML's",
            "use single quotes, in which a backslash is itself, or write `\\\\`",
        )
    } else if has("expected ',' or ']'") || (has("flow sequence") && has("expected node content")) {
        (
            opened,
            "this `[` is never closed, or a comma is missing",
            "write `[one, two]`, and quote texts with special characters",
        )
    } else if has("expected ',' or '}'") {
        (
            opened,
            "this `{` is never closed, or a comma is missing",
            "write `{ key: value, key: value }`, and quote texts with special characters",
        )
    } else if has("flow node") {
        (
            at,
            "a list or map in brackets is not finished here",
            "close every `[` with `]` and every `{` with `}`",
        )
    } else if has("could not find expected ':'") {
        (
            opened,
            "a key without a colon",
            "write `key: value`; a text over several lines needs quotes",
        )
    } else if has("block sequence entries are not allowed") {
        (
            at,
            "a list cannot begin on its key's line",
            "begin each `- ` on a line of its own, or write `[one, two]`",
        )
    } else if has("mapping values are not allowed") {
        return colon(text, at);
    } else if has("while scanning a block scalar") {
        (
            at,
            "after `|` or `>` the text begins on the next line",
            "quote a text that begins with `|` or `>`",
        )
    } else if has("expected key") || has("expected '-' indicator") {
        (
            at,
            "this line does not fit what stands above it",
            "indent what belongs together by the same number of spaces",
        )
    } else {
        let problem = said.split(" at line ").next().unwrap_or_default();
        let problem = problem.split(", ").next().unwrap_or_default();
        return (
            at..at + 1,
            format!("this is not valid YAML: {}", super::error::plain(problem)),
            "quote texts with special characters, and indent with spaces".into(),
        );
    };
    (at..at + 1, message.into(), help.into())
}

/// Text that YAML takes for its own signs: patterns mostly.
fn unquoted(text: &str, said: &str, at: usize) -> Option<Reworded> {
    let has = |part: &str| said.contains(part);
    let sign = |sign: char| {
        if text[at..].starts_with(sign) {
            Some(at)
        } else {
            text[..at].rfind(sign)
        }
    };
    let (word, taken) = if has("while scanning an alias") || has("unknown anchor") {
        (word_at(text, sign('*')?), "an alias")
    } else if has("while scanning an anchor") {
        (word_at(text, sign('&')?), "an anchor")
    } else if has("while scanning a tag") || has("while parsing a tag") || has("tag handle") {
        (word_at(text, sign('!')?), "a tag")
    } else if has("cannot start any token") && !text[at..].starts_with('\t') {
        (word_at(text, at), "nothing that YAML knows")
    } else if text[..at].ends_with([']', '}'])
        && ["expected key", "expected ','", "expected '-'"]
            .iter()
            .any(|part| has(part))
    {
        // `{a,b}/c` or `[ab]c`: the bracket was meant as text.
        let word = word_at(text, at);
        match word.chars().next() {
            Some('[') => (word, "a list"),
            Some('{') => (word, "a map"),
            _ => return None,
        }
    } else {
        return None;
    };
    let start = word.as_ptr().addr() - text.as_ptr().addr();
    Some((
        start..start + word.len(),
        format!("without quotes {} is {taken}, not a text", quote(word)),
        format!("quote it: {}", yaml(word)),
    ))
}

/// The pattern around a byte: up to blanks, and not over a bracket that opens a list around it.
fn word_at(text: &str, at: usize) -> &str {
    let mut start = at;
    let mut closed = 0_usize;
    for (index, character) in text[..at].char_indices().rev() {
        match character {
            '\n' => break,
            ' ' | '\t' | '\r' | ',' | '[' | '{' if closed == 0 => break,
            ']' | '}' => closed += 1,
            '[' | '{' => closed -= 1,
            _ => {}
        }
        start = index;
    }
    let mut open = 0_usize;
    let mut end = text.len();
    for (index, character) in text[start..].char_indices() {
        match character {
            ' ' | '\t' | '\n' | '\r' => {
                end = start + index;
                break;
            }
            ',' | ']' | '}' if open == 0 => {
                end = start + index;
                break;
            }
            '[' | '{' => open += 1,
            ']' | '}' => open -= 1,
            _ => {}
        }
    }
    text[start..end].trim_end_matches(':')
}

/// `key: a: b`, or a line that is indented more than the one above although that has a value already.
fn colon(text: &str, at: usize) -> Reworded {
    let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
    if text[start..at].contains(": ") {
        return (
            at..at + 1,
            "a second `: ` on one line".into(),
            "quote a text that contains `: `, or put the inner map on lines of its own".into(),
        );
    }
    let indent = text[start..].len() - text[start..].trim_start_matches(' ').len();
    (
        start + indent..start + indent + 1,
        "this line is indented as if it belonged to the value above it".into(),
        "indent the keys of one map by the same number of spaces".into(),
    )
}

/// Where the construct begins that the parser was in: the second position of its message.
fn context(text: &str, said: &str) -> Option<usize> {
    let (_, context) = said.split_once(", while ")?;
    let (_, position) = context.split_once(" at line ")?;
    let (line, column) = position.split_once(" column ")?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n')? + 1;
    }
    text[start..]
        .char_indices()
        .nth(column.checked_sub(1)?)
        .map(|(at, _)| start + at)
}
