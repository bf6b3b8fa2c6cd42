//! The visitors that read YAML: one for the outline, one for the texts and for finding a node.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, EnumAccess, Error as _, MapAccess, SeqAccess, Visitor};
use serde_yaml::Deserializer;

use super::error::{Error, quote};
use super::source::Source;
use super::syntax;
use super::tree::{Kind, Node, Value};

/// A file without aliases has fewer nodes than bytes; aliases may unfold to this many whatever the
/// file's size.
const MOST_NODES: usize = 100_000;

/// Only what is what: the first reading, which tells text from numbers but loses how a number is written.
pub(super) enum Shape {
    Null,
    Scalar(Kind),
    List(Vec<Shape>),
    Map(Vec<(Shape, Shape)>),
}

/// Reads the file's only document for its outline.
pub(super) fn outline(source: &Source<'_>) -> Result<Shape, Error> {
    let text = source.text();
    let state = State {
        text,
        most: MOST_NODES.max(text.len()),
        ..State::default()
    };
    let mut documents = Deserializer::from_str(text);
    let shape = match documents.next() {
        None => Shape::Null,
        Some(document) => document
            .deserialize_any(Outline(&state))
            .map_err(|error| state.refusal(source, &error))?,
    };
    match documents.next() {
        None => Ok(shape),
        Some(second) => Err(second_document(source, second)),
    }
}

/// What the first reading knows besides its result.
#[derive(Default)]
struct State<'a> {
    text: &'a str,
    most: usize,
    nodes: Cell<usize>,
    /// The last text whose place is known: the best place for an error that has none.
    last: Cell<usize>,
    refused: RefCell<Option<(String, String)>>,
}

impl State<'_> {
    fn refuse<E: serde::de::Error>(&self, message: impl Into<String>, help: impl Into<String>) -> E {
        *self.refused.borrow_mut() = Some((message.into(), help.into()));
        E::custom("refused")
    }

    /// What the library, or a visitor through it, says of the file.
    fn refusal(&self, source: &Source<'_>, error: &serde_yaml::Error) -> Error {
        let at = error
            .location()
            .map_or(self.last.get(), |location| location.index());
        match self.refused.take() {
            Some((message, help)) => source.error(at..at + 1, message, Some(help), false),
            None => syntax::error(source, error, at),
        }
    }
}

/// Visits a node of any kind and keeps its shape.
#[derive(Clone, Copy)]
struct Outline<'s>(&'s State<'s>);

impl<'de> DeserializeSeed<'de> for Outline<'_> {
    type Value = Shape;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        let nodes = self.0.nodes.get() + 1;
        self.0.nodes.set(nodes);
        if nodes > self.0.most {
            return Err(self.0.refuse(
                "the aliases (`*name`) in this file repeat too much",
                "write the values out, or put what rules share under `defaults`",
            ));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Bool))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Integer))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Integer))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Integer))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Float))
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar(Kind::Text))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Shape, E> {
        if let Some(offset) = offset(self.0.text, text) {
            self.0.last.set(offset);
        }
        Ok(Shape::Scalar(Kind::Text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(self)? {
            map.push((key, entries.next_value_seed(self)?));
        }
        Ok(Shape::Map(map))
    }

    /// Only a tag (`!name`) is an enum to the library.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Shape, A::Error> {
        let (tag, _) = tagged.variant::<String>()?;
        let tag = format!("!{}", tag.trim_start_matches('!'));
        let pattern = tag.split(',').next().unwrap_or(&tag).trim_end_matches(':');
        Err(self.0.refuse(
            format!("without quotes {} is a tag, not a text", quote(pattern)),
            format!("quote it: {}", super::value::yaml(pattern)),
        ))
    }
}

/// The second reading: follows a shape, asks for every scalar's text as written, and stops where it
/// is told to.
struct Build<'s> {
    text: &'s str,
    shape: &'s Shape,
    next: &'s Cell<usize>,
    stop: Option<usize>,
}

/// Reads the file again for its texts, or fails at the node `stop`, so that the error has its place.
pub(super) fn build(text: &str, shape: &Shape, stop: Option<usize>) -> Result<Node, serde_yaml::Error> {
    let next = Cell::new(0);
    match Deserializer::from_str(text).next() {
        Some(document) => Build {
            text,
            shape,
            next: &next,
            stop,
        }
        .deserialize(document),
        None => Err(serde_yaml::Error::custom("nothing to read")),
    }
}

impl<'s> Build<'s> {
    fn child(&self, shape: &'s Shape) -> Self {
        Self { shape, ..*self }
    }

    fn node<E: serde::de::Error>(&self) -> Result<Node, E> {
        let id = self.next.get();
        self.next.set(id + 1);
        if self.stop == Some(id) {
            return Err(E::custom("here"));
        }
        Ok(Node {
            id,
            value: Value::Null,
            offset: None,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Build<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        match self.shape {
            Shape::Null | Shape::Scalar(_) => deserializer.deserialize_str(self),
            Shape::List(_) => deserializer.deserialize_seq(self),
            Shape::Map(_) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Build<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("what stood here when the file was read before")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        let node = self.node()?;
        Ok(match self.shape {
            Shape::Scalar(kind) => Node {
                value: Value::Scalar(*kind, text.to_owned()),
                ..node
            },
            _ => node,
        })
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Node, E> {
        let offset = offset(self.text, text);
        let node = self.visit_str(text)?;
        Ok(Node { offset, ..node })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let node = self.node()?;
        let mut list = Vec::new();
        if let Shape::List(shapes) = self.shape {
            for shape in shapes {
                list.extend(items.next_element_seed(self.child(shape))?);
            }
        }
        Ok(Node {
            value: Value::List(list),
            ..node
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let node = self.node()?;
        let mut map = Vec::new();
        if let Shape::Map(shapes) = self.shape {
            for (key, value) in shapes {
                if let Some(key) = entries.next_key_seed(self.child(key))? {
                    map.push((key, entries.next_value_seed(self.child(value))?));
                }
            }
        }
        Ok(Node {
            value: Value::Map(map),
            ..node
        })
    }
}

/// Where a text that was borrowed from the file begins in it.
fn offset(file: &str, borrowed: &str) -> Option<usize> {
    let at = borrowed.as_ptr().addr().checked_sub(file.as_ptr().addr())?;
    (at + borrowed.len() <= file.len()).then_some(at)
}

fn second_document(source: &Source<'_>, second: Deserializer<'_>) -> Error {
    let text = source.text();
    // No visitor accepts it, so the library says where its content begins.
    let at = second
        .deserialize_any(Refuse)
        .err()
        .and_then(|error| error.location())
        .map_or(text.len(), |location| location.index().min(text.len()));
    let before = text.get(..at).unwrap_or(text);
    let at = before.rfind("\n---").map_or(at, |line| line + 1);
    source.error(
        at..at + 3,
        "a second YAML document begins here".into(),
        Some("one file is one document: remove this line, or what follows it".into()),
        false,
    )
}

struct Refuse;

impl<'de> Visitor<'de> for Refuse {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no second document")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("refused"))
    }
}
