//! Nodes as the values that the format asks for, each with a refusal that shows how to write it.

use super::error::{Problem, quote};
use super::tree::{Kind, Node, Value};

/// What a node is, for a message.
pub(super) fn describe(node: &Node) -> String {
    match &node.value {
        Value::Null => "empty".into(),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a map".into(),
        Value::Scalar(Kind::Text, text) => format!("the text {}", quote(text)),
        Value::Scalar(Kind::Bool, text) => quote(text),
        Value::Scalar(Kind::Integer | Kind::Float, text) => format!("the number {}", quote(text)),
    }
}

/// A map's key as text.
pub(super) fn key(node: &Node) -> Result<&str, Problem> {
    match &node.value {
        Value::Scalar(_, text) => Ok(text),
        Value::Null => Err(Problem::new(
            node.id,
            "a key is empty",
            "write `key: value`; quote a key that is empty or `null`",
        )),
        Value::List(_) | Value::Map(_) => Err(Problem::new(
            node.id,
            format!("a key is a text, not {}", describe(node)),
            "quote a key that begins with `[`, `{` or `?`",
        )),
    }
}

/// A scalar's text exactly as written: `1.10` stays `1.10` and `yes` stays `yes`.
pub(super) fn text<'n>(node: &'n Node, what: &str) -> Result<&'n str, Problem> {
    match &node.value {
        Value::Scalar(_, text) => Ok(text),
        Value::Null => Err(Problem::new(
            node.id,
            format!("{what} is empty"),
            "write a text; the empty text is `''`, and the word `null` needs quotes",
        )),
        Value::List(_) | Value::Map(_) => Err(Problem::new(
            node.id,
            format!("{what} is a text, not {}", describe(node)),
            "write one text; quote it if it begins with `[`, `{`, `-` or another special character",
        )),
    }
}

/// A text of one line that is not blank.
pub(super) fn word<'n>(node: &'n Node, what: &str) -> Result<&'n str, Problem> {
    let word = text(node, what)?;
    if word.trim().is_empty() {
        return Err(Problem::new(
            node.id,
            format!("{what} is empty"),
            "write a text, or leave the key out",
        ));
    }
    if word.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err(Problem::new(
            node.id,
            format!("{what} has more than one line"),
            "write it on one line, or over several with `>-`",
        ));
    }
    if word.trim() != word {
        return Err(Problem::new(
            node.id,
            format!("{what} begins or ends with blanks: {}", quote(word)),
            format!("write {}", yaml(word.trim())),
        ));
    }
    Ok(word)
}

/// `true` or `false`.
pub(super) fn bool(node: &Node, key: &str) -> Result<bool, Problem> {
    match &node.value {
        Value::Scalar(Kind::Bool, text) => Ok(text.eq_ignore_ascii_case("true")),
        _ => Err(Problem::new(
            node.id,
            format!("`{key}` is true or false, not {}", describe(node)),
            format!("write `{key}: true` or `{key}: false`, without quotes"),
        )),
    }
}

/// The items of a list. A single value is refused with the list that was meant.
pub(super) fn list<'n>(node: &'n Node, key: &str, example: &str) -> Result<&'n [Node], Problem> {
    match &node.value {
        Value::List(items) => Ok(items),
        Value::Scalar(_, text) => {
            let meant: Vec<String> = text.split(',').map(|part| yaml(part.trim())).collect();
            let shown = if text.chars().count() > 60 {
                example.into()
            } else {
                meant.join(", ")
            };
            Err(Problem::new(
                node.id,
                format!("`{key}` is a list, not {}", describe(node)),
                format!("write `{key}: [{shown}]`"),
            ))
        }
        Value::Null | Value::Map(_) => Err(Problem::new(
            node.id,
            format!("`{key}` is a list, not {}", describe(node)),
            format!("write `{key}: [{example}]`, or leave the key out"),
        )),
    }
}

/// Refuses a list without items.
pub(super) fn not_empty(node: &Node, items: &[Node], key: &str, help: &str) -> Result<(), Problem> {
    if items.is_empty() {
        Err(Problem::new(node.id, format!("`{key}` is an empty list"), help))
    } else {
        Ok(())
    }
}

/// A name of letters, digits, `-` and `_`, as servers and tokens have.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
}

/// The text as it is written in YAML, for a message: masked, and quoted where YAML needs it.
pub(super) fn yaml(text: &str) -> String {
    let shown = super::error::plain(text);
    let harmless = |character: char| {
        character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | '/' | '+' | '$')
    };
    let plain = shown.starts_with(|first: char| first.is_alphanumeric()) && shown.chars().all(harmless);
    if plain {
        shown
    } else if shown.contains(['\\', '"']) && !shown.contains('\'') {
        format!("'{shown}'")
    } else {
        format!("\"{}\"", shown.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
