//! Reading patterns: the syntax, and what no name could match.

use std::ops::Range;

use super::error::quote;
use super::glob::{Single, Step};

/// Longest pattern, in bytes. Git's own paths end at 4,096.
const LONGEST: usize = 4096;

/// Deepest nesting of `{…}`.
const DEEPEST: usize = 8;

/// A syntax error in a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub range: Range<usize>,
    pub message: String,
    pub help: String,
}

/// A piece of a pattern with its place.
pub(super) enum Item {
    Step(Step, usize),
    Group(Vec<Vec<Item>>),
}

/// Reads a pattern and refuses what has an error in it or can match nothing.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, Refused> {
    let parser = Parser { text };
    parser.check_whole()?;
    let items = parser.sequence(&mut 0, 0)?;
    parser.check_left(&items, true)?;
    parser.check_right(&items, true)?;
    Ok(items)
}

struct Parser<'a> {
    text: &'a str,
}

impl Parser<'_> {
    fn refuse(range: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Refused {
        Refused {
            range,
            message: message.into(),
            help: help.into(),
        }
    }

    /// What is wrong with a pattern before its parts are looked at: no name begins or ends with
    /// `/`, or is empty.
    fn check_whole(&self) -> Result<(), Refused> {
        let text = self.text;
        let end = text.len();
        if text.is_empty() {
            return Err(Self::refuse(
                0..0,
                "an empty pattern matches nothing",
                "write a name, or `**` for every name",
            ));
        }
        if end > LONGEST {
            return Err(Self::refuse(
                0..end,
                "a pattern of more than 4,096 bytes",
                "write several shorter patterns",
            ));
        }
        if let Some(rest) = text.strip_prefix("./") {
            return Err(Self::refuse(
                0..2,
                "no name begins with `./`",
                format!("write {}", quote(rest)),
            ));
        }
        if text.starts_with('/') {
            let rest = text.trim_start_matches('/');
            return Err(Self::refuse(
                0..1,
                "no name begins with `/`, so this matches nothing",
                format!("write {}: every pattern begins at the top", quote(rest)),
            ));
        }
        if text.ends_with('/') && !text.ends_with("\\/") {
            let inside = format!("{}/**", text.trim_end_matches('/'));
            return Err(Self::refuse(
                end - 1..end,
                "no name ends with `/`, so this matches nothing",
                format!("for everything inside write {}", quote(&inside)),
            ));
        }
        if let Some(at) = text.find("//") {
            return Err(Self::refuse(
                at..at + 2,
                "no name contains `//`, so this matches nothing",
                format!("write {}", quote(&text.replace("//", "/"))),
            ));
        }
        Ok(())
    }

    /// Items up to the end, or up to the `,` or `}` that ends a group's branch.
    fn sequence(&self, at: &mut usize, depth: usize) -> Result<Vec<Item>, Refused> {
        let mut items = Vec::new();
        while let Some(character) = self.text[*at..].chars().next() {
            let start = *at;
            let one = start..start + character.len_utf8();
            let step = match character {
                ',' | '}' if depth > 0 => break,
                '}' => {
                    return Err(Self::refuse(
                        one,
                        "`}` without `{`",
                        "write `\\}` for the character itself",
                    ));
                }
                ']' => {
                    return Err(Self::refuse(
                        one,
                        "`]` without `[`",
                        "write `\\]` for the character itself",
                    ));
                }
                '{' => {
                    items.push(self.group(at, depth)?);
                    continue;
                }
                '*' => {
                    let row = self.text[start..]
                        .bytes()
                        .take_while(|byte| *byte == b'*')
                        .count();
                    *at += row;
                    let step = match row {
                        1 => Step::Run,
                        2 => Step::Components,
                        _ => {
                            return Err(Self::refuse(
                                start..*at,
                                format!("{row} stars in a row"),
                                "write `*` for a run without `/`, `**` for whole components",
                            ));
                        }
                    };
                    items.push(Item::Step(step, start));
                    continue;
                }
                '[' => Step::One(self.class(at)?),
                '?' => Step::One(Single::Any),
                '/' => Step::Slash,
                '\\' => match self.escaped(at)? {
                    '/' => Step::Slash,
                    character => Step::One(Single::Literal(character)),
                },
                character => Step::One(Single::Literal(character)),
            };
            if *at == start {
                *at = one.end;
            }
            items.push(Item::Step(step, start));
        }
        Ok(items)
    }

    fn group(&self, at: &mut usize, depth: usize) -> Result<Item, Refused> {
        let start = *at;
        if depth == DEEPEST {
            return Err(Self::refuse(
                start..start + 1,
                "`{…}` nested too deeply",
                "write several patterns",
            ));
        }
        let mut branches = Vec::new();
        loop {
            *at += 1;
            branches.push(self.sequence(at, depth + 1)?);
            match self.text.as_bytes().get(*at) {
                Some(b',') => {}
                Some(_) => break,
                None => {
                    return Err(Self::refuse(
                        start..start + 1,
                        "this `{` is never closed",
                        "write `{one,two}`, or `\\{` for the character itself",
                    ));
                }
            }
        }
        *at += 1;
        if branches.len() == 1 {
            return Err(Self::refuse(
                start..*at,
                "braces around only one alternative",
                "write `{one,two}`, or `\\{` and `\\}` for the characters themselves",
            ));
        }
        Ok(Item::Group(branches))
    }

    /// The character after a backslash.
    fn escaped(&self, at: &mut usize) -> Result<char, Refused> {
        let start = *at;
        match self.text[start + 1..].chars().next() {
            Some(character) => {
                *at = start + 1 + character.len_utf8();
                Ok(character)
            }
            None => Err(Self::refuse(
                start..start + 1,
                "`\\` at the end has nothing to escape",
                "write `\\\\` for the character itself",
            )),
        }
    }

    fn class(&self, at: &mut usize) -> Result<Single, Refused> {
        let start = *at;
        let unclosed = || {
            Self::refuse(
                start..start + 1,
                "this `[` is never closed",
                "write `[a-z]`, or `\\[` for the character itself",
            )
        };
        *at += 1;
        let rest = &self.text[*at..];
        if rest.starts_with('^') {
            return Err(Self::refuse(
                *at..*at + 1,
                "`[^` is another language's sign for `[!`",
                "write `[!…]` to exclude characters, `[\\^…]` for the character itself",
            ));
        }
        if rest.starts_with(':') && rest.contains(":]") {
            return Err(Self::refuse(
                start..*at + 1,
                "named classes do not exist here",
                "write the range, `[a-z]`",
            ));
        }
        let negated = rest.starts_with('!');
        *at += usize::from(negated);
        let mut ranges = Vec::new();
        while !self.text[*at..].starts_with(']') {
            let from = *at;
            let first = self.member(at)?.ok_or_else(unclosed)?;
            let rest = &self.text[*at..];
            let mut last = first;
            if rest.starts_with('-') && !rest.starts_with("-]") {
                *at += 1;
                last = self.member(at)?.ok_or_else(unclosed)?;
            }
            if first > last {
                return Err(Self::refuse(
                    from..*at,
                    format!("the range {} is reversed", quote(&self.text[from..*at])),
                    format!("write {}", quote(&format!("{last}-{first}"))),
                ));
            }
            ranges.push((first, last));
        }
        *at += 1;
        if ranges.is_empty() {
            return Err(Self::refuse(
                start..*at,
                "an empty `[]` matches nothing",
                "write the characters between the brackets, `[\\]]` for `]` itself",
            ));
        }
        Ok(Single::Class { negated, ranges })
    }

    /// One character of a class; `None` at the end of the pattern.
    fn member(&self, at: &mut usize) -> Result<Option<char>, Refused> {
        let start = *at;
        let member = match self.text[start..].chars().next() {
            None => return Ok(None),
            Some('\\') => self.escaped(at)?,
            Some('[') if self.text[start + 1..].starts_with(':') => {
                return Err(Self::refuse(
                    start..start + 2,
                    "named classes do not exist here",
                    "write the range, `[a-z]`, or `\\[` for the character itself",
                ));
            }
            Some(character) => {
                *at = start + character.len_utf8();
                character
            }
        };
        if member == '/' {
            return Err(Self::refuse(
                start..*at,
                "`[…]` never matches `/`",
                "write the `/` outside the brackets",
            ));
        }
        Ok(Some(member))
    }

    /// Refuses a `**` that does not begin a component, on whichever way through the braces it is
    /// reached. Tells whether the items surely end where a component begins.
    fn check_left(&self, items: &[Item], mut at_start: bool) -> Result<bool, Refused> {
        for item in items {
            at_start = match item {
                Item::Step(Step::Components, at) if !at_start => return Err(self.misplaced(*at)),
                Item::Step(step, _) => *step == Step::Slash,
                Item::Group(branches) => {
                    let mut all = true;
                    for branch in branches {
                        all &= self.check_left(branch, at_start)?;
                    }
                    all
                }
            };
        }
        Ok(at_start)
    }

    /// The same from behind: a `**` must end a component.
    fn check_right(&self, items: &[Item], mut at_end: bool) -> Result<bool, Refused> {
        for item in items.iter().rev() {
            at_end = match item {
                Item::Step(Step::Components, at) if !at_end => return Err(self.misplaced(*at)),
                Item::Step(step, _) => *step == Step::Slash,
                Item::Group(branches) => {
                    let mut all = true;
                    for branch in branches {
                        all &= self.check_right(branch, at_end)?;
                    }
                    all
                }
            };
        }
        Ok(at_end)
    }

    fn misplaced(&self, at: usize) -> Refused {
        let (before, after) = (&self.text[..at], &self.text[at + 2..]);
        let single = format!("{before}*{after}");
        let left = if before.is_empty() || before.ends_with(['/', '{', ',']) {
            ""
        } else {
            "/"
        };
        let right = if after.is_empty() || after.starts_with(['/', '}', ',']) {
            ""
        } else {
            "/*"
        };
        let whole = format!("{before}{left}**{right}{after}");
        Self::refuse(
            at..at + 2,
            "`**` must be a whole component, between `/` and `/`",
            format!(
                "write {} within one component, or {} over several",
                quote(&single),
                quote(&whole)
            ),
        )
    }
}
