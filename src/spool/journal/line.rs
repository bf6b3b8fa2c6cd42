//! Lines of the journal that another version may have written.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Entry;
use crate::text::Text;

/// A line as far as this version understands it.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// One of this version's own kind.
    Known(Box<Entry>),
    /// One that only a later version understands.
    Foreign(Foreign),
}

/// A line with an outcome, or without a field, that this version does not expect.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// When it was written.
    pub time: Timestamp,
    /// The trigger.
    pub id: String,
    /// The word for what became of it.
    pub outcome: String,
    /// All of it.
    pub fields: Map<String, Value>,
}

impl Foreign {
    fn read(line: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let text = |name: &str| fields.get(name)?.as_str();
        Some(Self {
            time: text("time")?.parse().ok()?,
            id: text("id")?.to_owned(),
            outcome: text("outcome")?.to_owned(),
            fields,
        })
    }

    /// A field, if it is there and is such a thing.
    #[must_use]
    pub fn field<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.fields.get(name)?.clone()).ok()
    }
}

impl Line {
    /// `None` for a torn line.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        match serde_json::from_slice(line) {
            Ok(entry) => Some(Self::Known(Box::new(entry))),
            Err(_) => Foreign::read(line).map(Self::Foreign),
        }
    }

    /// When it was written.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Known(entry) => entry.time,
            Self::Foreign(foreign) => foreign.time,
        }
    }

    /// Whether one of the triggers that it is about is so.
    pub fn is_about(&self, is_so: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Known(entry) => entry.ids().any(is_so),
            Self::Foreign(foreign) => {
                let also: Vec<String> = foreign.field("also").unwrap_or_default();
                is_so(&foreign.id) || also.iter().any(|id| is_so(id))
            }
        }
    }

    /// The word for what became of it.
    #[must_use]
    pub fn outcome(&self) -> &str {
        match self {
            Self::Known(entry) => entry.outcome.name(),
            Self::Foreign(foreign) => &foreign.outcome,
        }
    }

    /// The branch's short name.
    #[must_use]
    pub fn branch(&self) -> Option<Text> {
        match self {
            Self::Known(entry) => entry.branch.clone(),
            Self::Foreign(foreign) => foreign.field("branch"),
        }
    }

    /// The job's full name.
    #[must_use]
    pub fn job(&self) -> Option<&str> {
        match self {
            Self::Known(entry) => Some(&entry.job),
            Self::Foreign(foreign) => foreign.fields.get("job")?.as_str(),
        }
    }
}
