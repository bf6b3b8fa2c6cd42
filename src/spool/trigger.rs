//! A trigger as it lies on disk.

use std::borrow::Cow;
use std::cell::RefCell;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::secret;
use crate::text::Text;

/// Why a trigger waits for its user and not for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// One event made more triggers than `max_triggers`.
    Storm,
}

/// The search for new branches that a multibranch project was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// When it was first asked.
    pub first: Timestamp,
    /// When it was last asked.
    pub last: Timestamp,
    /// The HTTP status with which it refused then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u16>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// One job to be triggered, with all that sending it needs but the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The entry's format, [`FORMAT`].
    pub v: u32,
    /// Unique, and later ids sort later.
    pub id: String,
    /// When it was planned.
    pub created: Timestamp,
    /// The event, for example `post-commit`.
    pub event: String,
    /// The names of the rules that fired.
    pub rules: Vec<String>,
    /// The server's base URL.
    pub server: String,
    /// `api`, `job-token` or `token-root`.
    pub method: String,
    /// The job's full name.
    pub job: String,
    /// The name of the job's trigger token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
    /// The SHA-256, in hexadecimal, of the certificates of authorities that the file names for the
    /// server; the spool keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Why there are none although the file names some: without them it is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_trouble: Option<String>,
    /// The environment variables that its rules read and that were not read, because the user had not
    /// allowed it: it cannot be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
    /// The parameters in order.
    pub parameters: Vec<(String, Text)>,
    /// What Jenkins is told to wait, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// The note for the build's page.
    pub cause: Text,
    /// The branch's short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
    /// The tag's short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Text>,
    /// The commit's id.
    pub sha: String,
    /// How often it was sent in vain.
    #[serde(default)]
    pub attempts: u32,
    /// Not to be sent before; `None`: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What went wrong last, as a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Since when a request for it is out. Still set when nobody is sending, it says that a sender
    /// died in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<Timestamp>,
    /// Identical ones that the request that is out stands for too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// The id in the note of the request that is out, where it is another's that was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_as: Option<String>,
    /// It is held here for so many seconds, and of those of its rules and branch that come
    /// meanwhile only the newest is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coalesce: Option<u64>,
    /// Jenkins is asked to look into the job's SCM, not to build.
    #[serde(default, skip_serializing_if = "is_false")]
    pub poll: bool,
    /// The job is a branch's in a multibranch project.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multibranch: bool,
    /// What the job does not declare is sent all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lax_parameters: bool,
    /// The search for a branch that the multibranch project does not know yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<Scan>,
    /// Set on a failed one that Jenkins may have taken all the same.
    #[serde(default)]
    pub uncertain: bool,
    /// Set while only the user can let it go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

impl Trigger {
    /// The branch or tag it is about, for people.
    #[must_use]
    pub fn reference(&self) -> String {
        reference(self.branch.as_ref(), self.tag.as_ref())
    }

    /// Whether there is nothing to wait for that time brings: only its user can let it go on.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.hold.is_some() || (self.due.is_none() && self.trouble.is_some())
    }

    /// The id in the note of its request.
    #[must_use]
    pub fn id_in_note(&self) -> &str {
        self.sent_as.as_ref().unwrap_or(&self.id)
    }

    /// Which of what it would send has a secret of this user's in it. A branch or tag that has it in
    /// its own name has told everybody already.
    #[must_use]
    pub fn secret_part(&self) -> Option<String> {
        let names = self.branch.iter().chain(&self.tag);
        if names.into_iter().any(|name| secret::is_in(&name.0)) {
            return None;
        }
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(_, value)| secret::is_in(&value.0))
            .map(|(name, _)| format!("the parameter {name}"))
            .or_else(|| secret::is_in(&self.cause.0).then(|| "its cause".into()))
    }

    /// That each id in it is one.
    pub(super) fn check_ids(&self) -> Result<(), String> {
        let others = self.with.iter().chain(&self.sent_as);
        [&self.id]
            .into_iter()
            .chain(others)
            .try_for_each(|id| check_id(id))
    }

    /// What must stay in order: triggers of one lane never overtake each other.
    #[must_use]
    pub fn lane(&self) -> Lane<'_> {
        Lane {
            server: &self.server,
            job: &self.job,
            branch: self.branch.as_ref(),
            method: &self.method,
            multibranch: self.multibranch,
            token_from: self.token_from.as_deref(),
            ca: self.ca.as_deref(),
            ca_trouble: self.ca_trouble.as_deref(),
            withheld: &self.withheld,
        }
    }
}

/// A server, job and branch, and whatever the user is asked about: what he has not allowed holds
/// back nothing that he has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane<'a> {
    server: &'a str,
    job: &'a str,
    branch: Option<&'a Text>,
    method: &'a str,
    multibranch: bool,
    token_from: Option<&'a str>,
    ca: Option<&'a str>,
    ca_trouble: Option<&'a str>,
    withheld: &'a [String],
}

/// A branch or tag as people read it.
pub(super) fn reference(branch: Option<&Text>, tag: Option<&Text>) -> String {
    match (branch, tag) {
        (Some(branch), _) => branch.to_string(),
        (None, Some(tag)) => format!("tag {tag}"),
        (None, None) => String::new(),
    }
}

thread_local! {
    /// One for all, or ids of one millisecond that were asked for in turns would be in no order.
    static IDS: RefCell<ulid::Generator> = const { RefCell::new(ulid::Generator::new()) };
}

/// So many fresh ids in ascending order, after all that were made before.
#[must_use]
pub fn new_ids(count: usize) -> Vec<String> {
    // The generator gives up after 2^80 ids of one millisecond.
    let next = |ids: &mut ulid::Generator| ids.generate().unwrap_or_else(|_| ulid::Ulid::generate());
    IDS.with_borrow_mut(|ids| (0..count).map(|_| next(ids).to_string()).collect())
}

pub(super) fn encode(trigger: &Trigger) -> Vec<u8> {
    let trigger = &redacted(trigger);
    // Serialisation to memory fails only for maps with keys that are no strings; there are none.
    let mut text = serde_json::to_vec(trigger).unwrap_or_default();
    text.push(b'\n');
    text
}

/// The trigger without any secret in what was said about it. What is sent is never changed.
fn redacted(trigger: &Trigger) -> Cow<'_, Trigger> {
    let said = [&trigger.trouble, &trigger.ca_trouble];
    if !said
        .into_iter()
        .flatten()
        .any(|text| secret::is_in(text.as_bytes()))
    {
        return Cow::Borrowed(trigger);
    }
    let without = |text: &Option<String>| Some(secret::redact(text.as_deref()?).into_owned());
    Cow::Owned(Trigger {
        trouble: without(&trigger.trouble),
        ca_trouble: without(&trigger.ca_trouble),
        ..trigger.clone()
    })
}

pub(super) fn decode(text: &[u8]) -> Result<Trigger, String> {
    check_format(text, FORMAT)?;
    let trigger: Trigger = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    trigger.check_ids()?;
    Ok(trigger)
}

/// Whether it can be an id: what comes from a file becomes a part of the names of others.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Refuses what leads out of the spool, as it may stand in one that was unpacked.
pub(super) fn check_id(id: &str) -> Result<(), String> {
    if is_id(id) {
        return Ok(());
    }
    Err(format!("{id:?} in it is no id"))
}

/// Refuses an entry that another version wrote in another format.
pub(super) fn check_format(text: &[u8], format: u32) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let found: Version = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if found.v == format {
        return Ok(());
    }
    Err(format!(
        "it is of format {}, this version of jenkins-trigger reads {format}",
        found.v
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_part_of_a_name_and_no_way() {
        assert!(new_ids(3).iter().all(|id| is_id(id)));
        for text in ["", ".", "..", "a/b", "../a", "a.b", "a\0", "ä"] {
            assert!(!is_id(text), "{text:?}");
        }
    }

    #[test]
    fn ids_ascend_within_one_event_and_from_one_to_the_next() {
        let ids: Vec<String> = (0..1_000).flat_map(|count| new_ids(count % 3)).collect();
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
