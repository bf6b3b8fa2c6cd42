//! What git did.

pub mod commit;
pub mod manual;
pub mod receive;

use std::fmt;

use bstr::{BString, ByteSlice as _};

use crate::git::{Changes, Commit, Repository};

/// More changed files than this are not listed: the event then matches every `paths`.
pub const MOST_CHANGED_FILES: usize = 3_000;

/// Which of git's doings an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A commit was made here.
    PostCommit,
    /// A remote took a push.
    PostPush,
    /// This repository took a push.
    PostReceive,
    /// The user asked by hand.
    Manual,
}

impl Kind {
    /// The name as the file and `${event}` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostCommit => "post-commit",
            Self::PostPush => "post-push",
            Self::PostReceive => "post-receive",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// An operation of git that made, or is making, the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A `git am` that has not ended; what a rebase makes on its way is no event.
    Rebase,
    /// A bisect that has not ended.
    Bisect,
    /// A cherry-picked commit.
    CherryPick,
    /// A commit that reverts another.
    Revert,
    /// A commit with more than one parent.
    Merge,
}

/// The paths an event changed, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedPaths {
    /// All of them; none at all is possible.
    Known(Vec<BString>),
    /// Why they are not known.
    Unknown(String),
}

/// Something git did to one reference, with all that rules and templates ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which of git's doings.
    pub kind: Kind,
    /// The full reference name.
    pub reference: BString,
    /// The short name, if the reference is a branch.
    pub branch: Option<BString>,
    /// The short name, if the reference is a tag.
    pub tag: Option<BString>,
    /// The commit it points at now.
    pub commit: Commit,
    /// The commit it pointed at before, where there was one.
    pub old_id: Option<String>,
    /// The name of the remote, for a push.
    pub remote: Option<BString>,
    /// The repository's name.
    pub repository: BString,
    /// What git is or was in the middle of.
    pub operations: Vec<Operation>,
    /// The paths that changed since `old_id`.
    pub changed: ChangedPaths,
}

impl Event {
    /// The first line of the commit's message.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        self.commit
            .message
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
    }

    /// The first seven digits of the commit's id.
    #[must_use]
    pub fn short_id(&self) -> &str {
        self.commit.id.get(..7).unwrap_or(&self.commit.id)
    }

    /// Finds out which paths changed since `old_id`; without one, since the empty tree. Not done
    /// with the rest, because most files have no path filter and a comparison may be long.
    pub fn find_changed_paths(&mut self, repository: &Repository) {
        if self.kind == Kind::PostReceive && self.old_id.is_none() {
            self.changed = ChangedPaths::Unknown("it is new, so there is nothing to compare with".into());
            return;
        }
        let found = repository.changes(self.old_id.as_deref(), &self.commit.id, MOST_CHANGED_FILES);
        self.changed = match found {
            Ok(Changes::Known(paths)) => ChangedPaths::Known(paths),
            Ok(Changes::TooMany) => {
                ChangedPaths::Unknown(format!("more than {MOST_CHANGED_FILES} files changed"))
            }
            Err(error) => ChangedPaths::Unknown(error.to_string()),
        };
    }
}

/// The short name of a full reference name below `prefix`.
fn short_name(reference: &BString, prefix: &str) -> Option<BString> {
    reference.strip_prefix(prefix.as_bytes()).map(BString::from)
}
