//! What tests look at: the requests that came, the queue, the builds.

use std::fmt;
use std::time::Duration;

use crate::jobs::BuildResult;
use crate::parameters;
use crate::queue::{Cause, ItemState, ParameterValue};

/// A request as it reached the server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method, as sent.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// All headers in order, values as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without its transfer coding.
    pub body: Vec<u8>,
    /// The status that was answered; `None` when no answer went out.
    pub status: Option<u16>,
    /// Which connection it came over, counted from 0.
    pub connection: usize,
    pub(crate) serial: u64,
}

impl RecordedRequest {
    /// The first header of a name, any letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The part of the target before `?`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The fields of the query, decoded.
    #[must_use]
    pub fn query(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        fields(
            self.target
                .split_once('?')
                .map_or("", |(_, query)| query)
                .as_bytes(),
        )
    }

    /// The fields of an urlencoded body, decoded, in the order and as often as they were sent.
    #[must_use]
    pub fn form(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        fields(&self.body)
    }

    /// Every value of one form field, as text.
    #[must_use]
    pub fn form_values(&self, name: &str) -> Vec<String> {
        let values = self
            .form()
            .into_iter()
            .filter(|(other, _)| other == name.as_bytes());
        values
            .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
            .collect()
    }

    /// Whether a text occurs in the target, plainly or percent-encoded.
    #[must_use]
    pub fn target_contains(&self, text: &str) -> bool {
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(&self.target.replace('+', " ")).collect();
        self.target.contains(text)
            || decoded
                .windows(text.len().max(1))
                .any(|window| window == text.as_bytes())
    }
}

/// Bytes that cannot be decoded stay as they are.
fn fields(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let decoded = |part: &[u8]| parameters::decode(part).unwrap_or_else(|_| part.to_vec());
    parameters::split(text)
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} -> {:?}", self.method, self.target, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "  {name}: {}", String::from_utf8_lossy(value))?;
        }
        write!(
            f,
            "  {}",
            String::from_utf8_lossy(&self.body[..self.body.len().min(2000)])
        )
    }
}

/// A queue item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView {
    /// Its id.
    pub id: u64,
    /// The full name of its job.
    pub job: String,
    /// Its parameters.
    pub parameters: Vec<ParameterValue>,
    /// Its causes, one per trigger that went into it.
    pub causes: Vec<Cause>,
    /// When its quiet period ends or ended, on [`StandIn::now`](crate::StandIn::now)'s scale.
    pub due: Duration,
    /// Where it is.
    pub state: ItemState,
}

/// One trigger that took effect, whether or not anybody got an answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The queue item.
    pub item: u64,
    /// The full name of its job.
    pub job: String,
    /// Its parameters.
    pub parameters: Vec<ParameterValue>,
    /// The item was there before, equal to what this one would have made.
    pub merged: bool,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildView {
    /// The full name of its job.
    pub job: String,
    /// Its number.
    pub number: u32,
    /// The id of the queue item it came from.
    pub queue_id: u64,
    /// Its parameters.
    pub parameters: Vec<ParameterValue>,
    /// Its causes.
    pub causes: Vec<Cause>,
    /// How it ended; `None` while it runs.
    pub result: Option<BuildResult>,
}

macro_rules! parameter_lookup {
    ($($view:ty),*) => {$(
        impl $view {
            /// The value of a parameter.
            #[must_use]
            pub fn parameter(&self, name: &str) -> Option<&str> {
                self.parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.value.as_str())
            }
        }
    )*};
}
parameter_lookup!(ItemView, BuildView, Taken);

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateView {
    /// The requests so far, also those still without an answer.
    pub requests: Vec<RecordedRequest>,
    /// The queue items that can still be asked for.
    pub items: Vec<ItemView>,
    /// All builds, by job and number.
    pub builds: Vec<BuildView>,
}

impl StateView {
    /// The POSTs so far: what only looks is left out.
    #[must_use]
    pub fn posts(&self) -> Vec<&RecordedRequest> {
        let requests = self.requests.iter();
        requests.filter(|request| request.method == "POST").collect()
    }

    /// The builds of one job.
    #[must_use]
    pub fn builds_of(&self, job: &str) -> Vec<&BuildView> {
        self.builds.iter().filter(|build| build.job == job).collect()
    }
}
