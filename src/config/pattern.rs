//! Patterns for branches, tags and paths, and lists of them.

use std::ops::Range;

use super::error::quote;
use super::glob::Glob;
use super::glob_syntax::Refused;

/// One pattern of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    negated: bool,
    glob: Glob,
}

/// Patterns in order, of which the last that matches decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternList {
    patterns: Vec<Pattern>,
}

/// What a list says of a name, and which pattern said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The last pattern that matches includes.
    Included(&'a Pattern),
    /// The last pattern that matches excludes.
    Excluded(&'a Pattern),
    /// No pattern matches, and the list only excludes.
    IncludedByDefault,
    /// No pattern matches.
    NoMatch,
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    index: usize,
    range: Range<usize>,
    message: String,
    help: String,
}

impl PatternError {
    /// Which pattern of the list, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The refused bytes of the pattern.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// What was refused, and why.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, Refused> {
        let shifted = |refused: Refused, by: usize| Refused {
            range: refused.range.start + by..refused.range.end + by,
            ..refused
        };
        let (negated, body) = text.strip_prefix('!').map_or((false, text), |body| (true, body));
        if negated && body.starts_with('!') {
            return Err(Refused {
                range: 0..2,
                message: "`!` twice".into(),
                help: "write one `!` to exclude, `\\!` for the character itself".into(),
            });
        }
        let glob = Glob::parse(body).map_err(|refused| shifted(refused, usize::from(negated)))?;
        Ok(Self {
            text: text.to_owned(),
            negated,
            glob,
        })
    }

    /// The pattern as it is written, with its `!`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it excludes.
    #[must_use]
    pub fn negated(&self) -> bool {
        self.negated
    }

    /// Whether the name fits, whatever follows from it: `!a` matches `a`.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.glob.matches(name)
    }
}

impl PatternList {
    /// Reads patterns.
    ///
    /// # Errors
    ///
    /// The first pattern that is not understood or can match nothing.
    pub fn parse<S: AsRef<str>>(list: &[S]) -> Result<Self, PatternError> {
        let mut patterns = Vec::with_capacity(list.len());
        for (index, text) in list.iter().enumerate() {
            let pattern =
                Pattern::parse(text.as_ref()).map_err(|Refused { range, message, help }| PatternError {
                    index,
                    range,
                    message,
                    help,
                })?;
            patterns.push(pattern);
        }
        Ok(Self { patterns })
    }

    /// The patterns in order.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// What the list says of a name.
    #[must_use]
    pub fn decide(&self, name: &[u8]) -> Decision<'_> {
        match self.patterns.iter().rev().find(|pattern| pattern.matches(name)) {
            Some(pattern) if pattern.negated => Decision::Excluded(pattern),
            Some(pattern) => Decision::Included(pattern),
            None if !self.patterns.is_empty() && self.patterns.iter().all(Pattern::negated) => {
                Decision::IncludedByDefault
            }
            None => Decision::NoMatch,
        }
    }

    /// Whether the list includes a name.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        matches!(
            self.decide(name),
            Decision::Included(_) | Decision::IncludedByDefault
        )
    }
}

/// What a pattern is matched against; git forbids some characters in the names of branches and tags.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Branch,
    Tag,
    Path,
}

/// What cannot match any branch or tag, though it is a pattern: where, why, and what to write.
pub(super) fn hopeless(subject: Subject, text: &str) -> Option<(Range<usize>, String, String)> {
    let (noun, prefix, other) = match subject {
        Subject::Path => return None,
        Subject::Branch => ("branch", "refs/heads/", "refs/tags/"),
        Subject::Tag => ("tag", "refs/tags/", "refs/heads/"),
    };
    let negated = usize::from(text.starts_with('!'));
    let body = &text[negated..];
    if let Some(short) = body.strip_prefix(prefix) {
        let sign = &text[..negated];
        return Some((
            negated..negated + prefix.len(),
            format!("patterns are matched against the {noun}'s short name, without `{prefix}`"),
            format!("write {}", quote(&format!("{sign}{short}"))),
        ));
    }
    if body.starts_with(other) {
        let key = if subject == Subject::Branch {
            "tags"
        } else {
            "branches"
        };
        return Some((
            negated..negated + other.len(),
            format!("`{other}` is never the beginning of a {noun}'s short name"),
            format!("write it under `{key}`, without `{other}`"),
        ));
    }
    let (at, character) = body
        .char_indices()
        .find(|(_, character)| matches!(character, ' ' | '~' | '^' | ':') || character.is_control())?;
    let at = at + negated;
    Some((
        at..at + character.len_utf8(),
        format!(
            "no {noun} has {} in its name, so this matches nothing",
            quote(&character.to_string())
        ),
        "patterns know `*`, `**`, `?`, `[a-z]`, `{a,b}` and `\\`, and are no regular expressions; \
         each is an entry of its own"
            .into(),
    ))
}
