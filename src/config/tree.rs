//! The file as a tree of nodes that know where they stand.
//!
//! The YAML library attaches a position only to an error, and only to the node whose visitor raised
//! it. So the tree is built without positions, the rules of the format are checked on it with plain
//! code, and when a node is refused the file is read a second time with a visitor that fails at
//! just this node. A good file pays nothing for it.

use std::ops::Range;

use super::error::{At, Error, Problem};
use super::source::Source;
use super::syntax;
use super::visit::{self, Shape};

/// One value of the file.
#[derive(Debug)]
pub(super) struct Node {
    /// Its number in the order of reading.
    pub id: usize,
    pub value: Value,
    /// Where its text begins, when the file holds it unchanged (no escapes, no folding).
    pub offset: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(Kind, String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// What YAML takes an unquoted word for. The text is kept as written, whatever the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bool,
    Integer,
    Float,
}

/// A file that is one YAML document.
pub(super) struct Document<'s> {
    pub root: Node,
    shape: Shape,
    source: &'s Source<'s>,
}

impl Node {
    /// Where the node, or the first thing in it whose place is known, begins.
    fn first_offset(&self) -> Option<usize> {
        self.offset.or_else(|| match &self.value {
            Value::Null | Value::Scalar(..) => None,
            Value::List(items) => items.iter().find_map(Node::first_offset),
            Value::Map(entries) => entries
                .iter()
                .find_map(|(key, value)| key.first_offset().or_else(|| value.first_offset())),
        })
    }

    fn find(&self, id: usize) -> Option<&Node> {
        if self.id == id {
            return Some(self);
        }
        match &self.value {
            Value::Null | Value::Scalar(..) => None,
            Value::List(items) => items.iter().find_map(|item| item.find(id)),
            Value::Map(entries) => entries
                .iter()
                .find_map(|(key, value)| key.find(id).or_else(|| value.find(id))),
        }
    }
}

impl<'s> Document<'s> {
    /// Reads the file as YAML.
    pub fn parse(source: &'s Source<'s>) -> Result<Self, Error> {
        let text = source.text();
        let shape = visit::outline(source)?;
        let root = match &shape {
            // An empty file has no node to ask for.
            Shape::Null => Node {
                id: 0,
                value: Value::Null,
                offset: None,
            },
            _ => visit::build(text, &shape, None).map_err(|error| syntax::error(source, &error, 0))?,
        };
        Ok(Self { root, shape, source })
    }

    /// The line of a node, or of the nearest thing in it whose place is known; else `fallback`.
    pub fn line(&self, node: &Node, fallback: usize) -> usize {
        node.first_offset().map_or(fallback, |at| self.source.line(at))
    }

    /// A refusal with its place.
    pub fn error(&self, problem: Problem) -> Error {
        let (id, within) = match &problem.at {
            At::Node(id) | At::Secret(id) => (*id, None),
            At::Within(id, within) => (*id, Some(within.clone())),
        };
        let offset = self.root.find(id).and_then(|node| node.offset);
        let range = match (offset, within) {
            (Some(offset), Some(within)) => offset + within.start..offset + within.end,
            _ => self.range(id),
        };
        let secret = matches!(problem.at, At::Secret(_));
        self.source.error(range, problem.message, problem.help, secret)
    }

    /// The line on which a node begins, for a message about another one.
    pub fn line_of(&self, id: usize) -> usize {
        self.source.line(self.range(id).start)
    }

    fn range(&self, id: usize) -> Range<usize> {
        let start = match &self.shape {
            Shape::Null => 0,
            shape => {
                let stopped = visit::build(self.source.text(), shape, Some(id));
                stopped
                    .err()
                    .and_then(|error| error.location())
                    .map_or(0, |location| location.index())
            }
        };
        let end = self
            .root
            .find(id)
            .and_then(|node| match (&node.value, node.offset) {
                (Value::Scalar(_, text), Some(offset)) => {
                    let end = offset + text.len();
                    let quoted = self.source.text()[end..].starts_with(['"', '\'']) && offset > start;
                    Some(end + usize::from(quoted))
                }
                _ => None,
            });
        start..end.unwrap_or(start + 1)
    }
}
