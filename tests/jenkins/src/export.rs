//! Objects as `api/json`, `api/python` and `api/xml` show them: `_class` first, fields in their declared order, cut to
//! a depth or to a `tree=` expression.

use std::fmt::Write as _;

/// A value that the API exports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Value>),
    Object(Object),
}

/// An exported object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object {
    class: Option<String>,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    name: &'static str,
    value: Value,
    /// Shown without `tree=` only down to this depth: 1 is the object that was asked for.
    depth: i16,
    /// Its objects count as part of the one that holds them.
    inline: bool,
}

impl Object {
    pub(crate) fn new(class: &str) -> Self {
        Self {
            class: Some(class.to_owned()),
            fields: Vec::new(),
        }
    }

    pub(crate) fn without_class() -> Self {
        Self::default()
    }

    /// A field shown only in the object that was asked for.
    pub(crate) fn top(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.field(name, value, 1, false)
    }

    /// A field shown wherever the object appears.
    pub(crate) fn always(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.field(name, value, i16::MAX, false)
    }

    /// A field of the object that was asked for, whose objects are shown as fully as that one.
    pub(crate) fn inline(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.field(name, value, 1, true)
    }

    fn field(mut self, name: &'static str, value: impl Into<Value>, depth: i16, inline: bool) -> Self {
        self.fields.push(Field {
            name,
            value: value.into(),
            depth,
            inline,
        });
        self
    }

    fn to_depth(&self, depth: i16) -> Self {
        let fields = self
            .fields
            .iter()
            .filter(|field| field.depth >= depth)
            .map(|field| {
                let inner = if field.inline {
                    depth
                } else {
                    depth.saturating_add(1)
                };
                Field {
                    value: field.value.map_objects(&|object| object.to_depth(inner)),
                    ..field.clone()
                }
            })
            .collect();
        Self {
            class: self.class.clone(),
            fields,
        }
    }

    fn to_tree(&self, tree: &Tree) -> Self {
        let fields = self
            .fields
            .iter()
            .filter_map(|field| {
                let branch = tree.branch(field.name)?;
                let mut value = field.value.map_objects(&|object| object.to_tree(&branch.tree));
                if let (Value::List(list), Some((from, to))) = (&mut value, branch.range) {
                    let end = to.min(list.len());
                    *list = list.get(from.min(end)..end).unwrap_or_default().to_vec();
                }
                Some(Field {
                    value,
                    ..field.clone()
                })
            })
            .collect();
        Self {
            class: self.class.clone(),
            fields,
        }
    }

    /// What the API shows of this object: a tree, or so many levels more than the first.
    pub(crate) fn shown(&self, tree: Option<&Tree>, depth: i16) -> Self {
        tree.map_or_else(
            || self.to_depth(1_i16.saturating_sub(depth)),
            |tree| self.to_tree(tree),
        )
    }
}

impl Value {
    fn map_objects(&self, change: &dyn Fn(&Object) -> Object) -> Self {
        match self {
            Self::Object(object) => Self::Object(change(object)),
            Self::List(list) => Self::List(list.iter().map(|value| value.map_objects(change)).collect()),
            other => other.clone(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}
impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}
impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A parsed `tree=` expression: `name,name[name,…]{from,to}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    branches: Vec<Branch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Branch {
    name: String,
    tree: Tree,
    range: Option<(usize, usize)>,
}

/// The expression is not one; Jenkins answers 500 (s5-06p).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedTree;

impl Tree {
    pub(crate) fn parse(text: &str) -> Result<Self, MalformedTree> {
        let mut rest = text;
        let tree = Self::parse_list(&mut rest)?;
        if rest.is_empty() {
            Ok(tree)
        } else {
            Err(MalformedTree)
        }
    }

    fn parse_list(rest: &mut &str) -> Result<Self, MalformedTree> {
        let mut branches = Vec::new();
        loop {
            *rest = rest.trim_start();
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "_-*".contains(c)))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(MalformedTree);
            }
            let mut branch = Branch {
                name: rest[..end].to_owned(),
                tree: Self::default(),
                range: None,
            };
            *rest = rest[end..].trim_start();
            if let Some(inner) = rest.strip_prefix('[') {
                *rest = inner;
                branch.tree = Self::parse_list(rest)?;
                *rest = rest.strip_prefix(']').ok_or(MalformedTree)?.trim_start();
            }
            if let Some(inner) = rest.strip_prefix('{') {
                let end = inner.find('}').ok_or(MalformedTree)?;
                branch.range = Some(range(&inner[..end])?);
                *rest = inner[end + 1..].trim_start();
            }
            branches.push(branch);
            match rest.strip_prefix(',') {
                Some(more) => *rest = more,
                None => return Ok(Self { branches }),
            }
        }
    }

    /// What is asked of a field; a name that appears twice counts as both together.
    fn branch(&self, name: &str) -> Option<Branch> {
        let mut asked = self
            .branches
            .iter()
            .filter(|branch| branch.name == name || branch.name == "*");
        let mut merged = asked.next()?.clone();
        for branch in asked {
            merged.tree.branches.extend(branch.tree.branches.iter().cloned());
            merged.range = merged.range.or(branch.range);
        }
        Some(merged)
    }
}

/// `{M,N}`, `{M,}`, `{,N}` and `{N}`, the last being the one element.
fn range(text: &str) -> Result<(usize, usize), MalformedTree> {
    let number = |text: &str, absent| match text.trim() {
        "" => Ok(absent),
        digits => digits.parse::<usize>().map_err(|_| MalformedTree),
    };
    match text.split_once(',') {
        Some((from, to)) => Ok((number(from, 0)?, number(to, usize::MAX)?)),
        None => {
            let at = text.trim().parse::<usize>().map_err(|_| MalformedTree)?;
            Ok((at, at + 1))
        }
    }
}

/// How the export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    Json,
    PrettyJson,
    Python,
}

pub(crate) fn write(object: &Object, flavor: Flavor) -> String {
    let mut out = String::new();
    write_object(&mut out, object, flavor, 0);
    out
}

fn write_object(out: &mut String, object: &Object, flavor: Flavor, level: usize) {
    let class = object
        .class
        .as_ref()
        .map(|class| ("_class", Value::Text(class.clone())));
    let fields = object
        .fields
        .iter()
        .map(|field| (field.name, field.value.clone()));
    let entries: Vec<_> = class.into_iter().chain(fields).collect();
    write_entries(
        out,
        flavor,
        level,
        ('{', '}'),
        &entries,
        |out, (name, value), level| {
            write_text(out, name);
            out.push_str(if flavor == Flavor::PrettyJson { " : " } else { ":" });
            write_value(out, value, flavor, level);
        },
    );
}

fn write_entries<T>(
    out: &mut String,
    flavor: Flavor,
    level: usize,
    (open, close): (char, char),
    entries: &[T],
    mut entry: impl FnMut(&mut String, &T, usize),
) {
    let line = |out: &mut String, level: usize| {
        if flavor == Flavor::PrettyJson {
            out.push('\n');
            out.push_str(&"  ".repeat(level));
        }
    };
    out.push(open);
    for (index, item) in entries.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, level + 1);
        entry(out, item, level + 1);
    }
    line(out, level);
    out.push(close);
}

fn write_value(out: &mut String, value: &Value, flavor: Flavor, level: usize) {
    let python = flavor == Flavor::Python;
    match value {
        Value::Null => out.push_str(if python { "None" } else { "null" }),
        Value::Bool(true) => out.push_str(if python { "True" } else { "true" }),
        Value::Bool(false) => out.push_str(if python { "False" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Text(text) => write_text(out, text),
        Value::Object(object) => write_object(out, object, flavor, level),
        Value::List(list) => write_entries(out, flavor, level, ('[', ']'), list, |out, value, level| {
            write_value(out, value, flavor, level);
        }),
    }
}

/// Control characters and what lies beyond the basic plane are escaped, everything else is written as it is (s2-26c,
/// s2-26d, s2-26h).
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if c > '\u{ffff}' => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The object as XML, its element named after the class.
pub(crate) fn write_xml(object: &Object) -> String {
    let class = object.class.clone().unwrap_or_default();
    let simple = class.rsplit(['.', '$']).next().unwrap_or_default();
    let mut letters = simple.chars();
    let name: String = letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect();
    let mut out = String::new();
    write_element(
        &mut out,
        if name.is_empty() { "object" } else { &name },
        &Value::Object(object.clone()),
    );
    out
}

fn write_element(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::List(list) => {
            // A list becomes one element per entry, named in the singular.
            let singular = name.strip_suffix('s').unwrap_or(name);
            for entry in list {
                write_element(out, singular, entry);
            }
        }
        Value::Object(object) => {
            let class = object
                .class
                .as_ref()
                .map(|class| format!(" _class='{class}'"))
                .unwrap_or_default();
            if object.fields.is_empty() {
                let _ = write!(out, "<{name}{class}/>");
                return;
            }
            let _ = write!(out, "<{name}{class}>");
            for field in &object.fields {
                write_element(out, field.name, &field.value);
            }
            let _ = write!(out, "</{name}>");
        }
        Value::Bool(_) | Value::Int(_) | Value::Text(_) => {
            let text = match value {
                Value::Bool(value) => value.to_string(),
                Value::Int(number) => number.to_string(),
                Value::Text(text) => crate::pages::escape(text),
                _ => String::new(),
            };
            let _ = write!(out, "<{name}>{text}</{name}>");
        }
    }
}

/// The text of a scalar field at the top of an object, for `xpath=//name`.
pub(crate) fn scalar(object: &Object, name: &str) -> Option<String> {
    object
        .fields
        .iter()
        .find(|field| field.name == name)
        .and_then(|field| match &field.value {
            Value::Text(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        })
}
