//! What one attempt made of a trigger.

use crate::jenkins::{Attempt, Explanation};
use crate::spool::Outcome;

/// What one attempt made of a trigger.
#[derive(Debug)]
pub(super) enum State {
    /// Jenkins has it, as this queue item.
    Accepted {
        /// The item's number.
        item: u64,
        /// Its address.
        url: String,
        /// Whether it was merged with one that waited.
        merged: bool,
        /// What else is to be said of it.
        note: Option<String>,
    },
    /// Jenkins looks into the job's SCM.
    Polled(Option<String>),
    /// It will be tried again.
    Waiting(Trouble),
    /// It waits for the user.
    Held(Trouble),
    /// It may have been queued; the next attempt looks for it first.
    Unknown(Trouble),
    /// Jenkins refused it.
    Refused(Trouble),
}

/// What went wrong, for the user, and the name that Jenkins' answers of this kind have.
#[derive(Debug)]
pub(super) struct Trouble {
    text: String,
    reason: Option<&'static str>,
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self { text, reason: None }
    }
}

impl From<Explanation> for Trouble {
    fn from(explanation: Explanation) -> Self {
        Self {
            text: explanation.to_string(),
            reason: Some(explanation.reason),
        }
    }
}

impl State {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Accepted { merged: false, .. } => Outcome::Queued,
            Self::Accepted { merged: true, .. } => Outcome::Merged,
            Self::Polled(_) => Outcome::Polled,
            Self::Waiting(_) => Outcome::Waiting,
            Self::Held(_) => Outcome::Held,
            Self::Unknown(_) => Outcome::Unknown,
            Self::Refused(_) => Outcome::Failed,
        }
    }

    pub(super) fn message(&self) -> Option<&str> {
        match self {
            Self::Accepted { note, .. } | Self::Polled(note) => note.as_deref(),
            _ => self.trouble().map(|trouble| trouble.text.as_str()),
        }
    }

    /// The name that Jenkins' answers of this kind have.
    pub(super) fn reason(&self) -> Option<&'static str> {
        self.trouble()?.reason
    }

    fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Accepted { .. } | Self::Polled(_) => None,
            Self::Waiting(why) | Self::Held(why) | Self::Unknown(why) | Self::Refused(why) => Some(why),
        }
    }

    /// Whether it leaves the trigger where it is.
    pub(super) fn is_open(&self) -> bool {
        is_open(self.outcome())
    }
}

/// Whether a trigger with this outcome stays where it is.
pub(super) fn is_open(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Waiting | Outcome::Held | Outcome::Unknown)
}

impl From<Attempt> for State {
    fn from(attempt: Attempt) -> Self {
        match attempt {
            Attempt::Accepted { item, url, merged } => Self::Accepted {
                item,
                url,
                merged,
                note: None,
            },
            Attempt::Polled => Self::Polled(None),
            Attempt::NotSent(explanation) => Self::Waiting(explanation.into()),
            Attempt::Unknown(explanation) => Self::Unknown(explanation.into()),
            Attempt::Doubted(explanation) | Attempt::Refused(explanation) => {
                Self::Refused(explanation.into())
            }
        }
    }
}
