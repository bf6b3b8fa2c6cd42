//! Texts with `${names}` in them. No shell, no expressions: a name is replaced by its value, once.

use std::ops::Range;

use super::error::quote;
use super::keys::nearest;

/// A text with names, read when the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Name {
        variable: Variable,
        default: Option<String>,
        start: usize,
    },
}

/// What a name in a template stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// The branch's short name.
    Branch,
    /// The full name of the ref.
    Ref,
    /// The commit.
    Sha,
    /// The commit, abbreviated.
    ShortSha,
    /// The commit that the ref pointed to before.
    OldSha,
    /// The tag's short name.
    Tag,
    /// The commit's author.
    AuthorName,
    /// The author's address.
    AuthorEmail,
    /// The first line of the commit's message.
    Subject,
    /// The repository.
    Repo,
    /// The remote that was pushed to.
    Remote,
    /// The event.
    Event,
    /// The user of this computer.
    User,
    /// The name of this computer.
    Hostname,
    /// An environment variable; the file's `env` names it.
    Env(String),
}

const NAMES: [(&str, Variable); 14] = [
    ("branch", Variable::Branch),
    ("ref", Variable::Ref),
    ("sha", Variable::Sha),
    ("short_sha", Variable::ShortSha),
    ("old_sha", Variable::OldSha),
    ("tag", Variable::Tag),
    ("author_name", Variable::AuthorName),
    ("author_email", Variable::AuthorEmail),
    ("subject", Variable::Subject),
    ("repo", Variable::Repo),
    ("remote", Variable::Remote),
    ("event", Variable::Event),
    ("user", Variable::User),
    ("hostname", Variable::Hostname),
];

/// Why a template was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    range: Range<usize>,
    message: String,
    help: String,
}

impl TemplateError {
    /// The refused bytes of the text.
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

impl Template {
    /// Reads a text with names.
    ///
    /// # Errors
    ///
    /// A `$` that begins nothing, and a name that is unknown or not closed.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('$') {
            let dollar = at + found;
            literal.push_str(&text[at..dollar]);
            let rest = &text[dollar + 1..];
            if rest.starts_with('$') {
                literal.push('$');
                at = dollar + 2;
            } else if rest.starts_with('{') {
                let (part, end) = name(text, dollar)?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(part);
                at = end;
            } else {
                return Err(lone_dollar(text, dollar));
            }
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// The note of a rule that gives none.
    pub(super) fn default_cause() -> Self {
        let name = |variable, start| Part::Name {
            variable,
            default: None,
            start,
        };
        Self {
            text: "${event} of ${branch}@${short_sha}".into(),
            parts: vec![
                name(Variable::Event, 0),
                Part::Literal(" of ".into()),
                name(Variable::Branch, 12),
                Part::Literal("@".into()),
                name(Variable::ShortSha, 22),
            ],
        }
    }

    /// The text as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it names, in order.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.names().map(|(variable, ..)| variable)
    }

    /// What it names, the default, and where the name begins.
    pub(super) fn names(&self) -> impl Iterator<Item = (&Variable, Option<&str>, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name {
                variable,
                default,
                start,
            } => Some((variable, default.as_deref(), *start)),
            Part::Literal(_) => None,
        })
    }

    /// The text with values. An empty value counts as none, as with the shell's `:-`.
    ///
    /// `None` when the template is only one name that has neither a value nor a default: a
    /// parameter is then left out.
    #[must_use]
    pub fn expand(&self, value: &dyn Fn(&Variable) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let value = |variable: &Variable| value(variable).filter(|value| !value.is_empty());
        if let [
            Part::Name {
                variable,
                default: None,
                ..
            },
        ] = &self.parts[..]
        {
            return value(variable);
        }
        let mut expanded = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => expanded.extend_from_slice(literal.as_bytes()),
                Part::Name {
                    variable, default, ..
                } => match (value(variable), default) {
                    (Some(value), _) => expanded.extend(value),
                    (None, Some(default)) => expanded.extend_from_slice(default.as_bytes()),
                    (None, None) => {}
                },
            }
        }
        Some(expanded)
    }
}

fn refuse(range: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> TemplateError {
    TemplateError {
        range,
        message: message.into(),
        help: help.into(),
    }
}

fn lone_dollar(text: &str, at: usize) -> TemplateError {
    let word: String = text[at + 1..]
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '_')
        .collect();
    let help = if is_known(&word) {
        format!("write `${{{word}}}` for the value, `$$` for the character itself")
    } else {
        "write `$$` for the character itself, `${branch}` for a value".into()
    };
    refuse(at..at + 1 + word.len(), "`$` begins no name here", help)
}

/// The name that begins at a `${`, and where it ends.
fn name(text: &str, start: usize) -> Result<(Part, usize), TemplateError> {
    let inside = start + 2;
    let Some(length) = text[inside..].find('}') else {
        return Err(refuse(
            start..start + 2,
            "this `${` is never closed",
            "write `${branch}`, and `$$` for the character `$`",
        ));
    };
    let end = inside + length + 1;
    let content = &text[inside..end - 1];
    if let Some(nested) = content.find("${") {
        return Err(refuse(
            inside + nested..inside + nested + 2,
            "a default is plain text, without another `${`",
            "write one name and a text, `${branch:-main}`",
        ));
    }
    let (name, default) = match content.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (content, None),
    };
    let known = NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, variable)| variable.clone());
    let variable = match (known, name.strip_prefix("env.")) {
        (Some(variable), _) => variable,
        (None, Some(environment)) if is_environment_name(environment) => {
            Variable::Env(environment.to_owned())
        }
        _ => return Err(unknown(start..end, name)),
    };
    Ok((
        Part::Name {
            variable,
            default,
            start,
        },
        end,
    ))
}

/// Whether an environment variable may have this name.
pub(super) fn is_environment_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn is_known(name: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == name)
}

fn unknown(range: Range<usize>, name: &str) -> TemplateError {
    let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
    let message = if name.trim().is_empty() {
        "`${}` without a name".into()
    } else {
        format!("unknown name {}", quote(name))
    };
    let bare = name.trim().to_ascii_lowercase();
    // `${branch:=x}`, `${branch-x}`, `${branch%/*}`: the shell knows these, this file only `:-`.
    let stem_length = bare
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count();
    let stem = &bare[..stem_length];
    let environment = name
        .trim()
        .strip_prefix("env")
        .map(|rest| rest.trim_start_matches(['.', ':', '_', ' ']));
    let help = if bare != name && is_known(&bare) {
        format!("write `${{{bare}}}`")
    } else if stem_length < bare.len() && is_known(stem) {
        format!("write `${{{stem}}}`, or `${{{stem}:-text}}` with a default; no more of the shell is known")
    } else if let Some(environment) = environment.filter(|rest| is_environment_name(rest)) {
        format!("write `${{env.{environment}}}`, and the name under `env:`")
    } else if let Some(near) = nearest(&bare, &known) {
        format!("did you mean `${{{near}}}`?")
    } else {
        format!(
            "known are {}, and `env.NAME` for what `env:` lists",
            known.join(", ")
        )
    };
    refuse(range, message, help)
}
