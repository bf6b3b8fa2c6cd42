//! What git did.

pub mod commit;
pub mod manual;
pub mod push;
pub mod receive;

use std::fmt;

use bstr::{BStr, BString, ByteSlice as _};

use crate::git::{Changes, Commit, Repository, is_id};
use crate::text::shell_argument;

/// More changed files than this are not listed: the event then matches every `paths`.
pub const MOST_CHANGED_FILES: usize = 3_000;

/// git's own protocol has no room for the name of a reference of so many bytes.
const LONGEST_NAME: usize = 65_516;

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

/// The branch that new ones are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultBranch {
    /// The full name that it has where the push went.
    pub reference: BString,
    /// Its commit's id.
    pub tip: String,
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
    /// What it pointed at before, where there was one: a commit or, of a push, perhaps its tag.
    pub old_id: Option<String>,
    /// The name of the remote, for a push.
    pub remote: Option<BString>,
    /// The repository's name.
    pub repository: BString,
    /// What git is or was in the middle of.
    pub operations: Vec<Operation>,
    /// The paths that changed, once [`Event::find_changed_paths`] has looked.
    pub changed: ChangedPaths,
}

impl Event {
    /// That a push moved a reference of this full name to this commit, where `old_id` was before.
    fn of_push(
        kind: Kind,
        reference: BString,
        old_id: Option<String>,
        commit: Commit,
        repository: BString,
    ) -> Self {
        Self {
            kind,
            branch: short_name(&reference, "refs/heads/"),
            tag: short_name(&reference, "refs/tags/"),
            commit,
            old_id,
            remote: None,
            repository,
            operations: Vec::new(),
            changed: ChangedPaths::Unknown("not asked for".into()),
            reference,
        }
    }

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

    /// Finds out which paths changed: of a commit since `old_id`, or without one since the empty
    /// tree; of a push as the remote, or this repository, had it before. Not done with the rest,
    /// because most files have no path filter and a comparison may be long.
    ///
    /// `default` is the default branch of where it was pushed to, as it is now.
    pub fn find_changed_paths(&mut self, repository: &Repository, default: Option<&DefaultBranch>) {
        let base = match self.kind {
            Kind::PostPush | Kind::PostReceive => self.pushed_over(repository, default),
            Kind::PostCommit | Kind::Manual => Ok(self.old_id.clone()),
        };
        self.changed = base
            .and_then(|base| {
                repository
                    .changes(base.as_deref(), &self.commit.id, MOST_CHANGED_FILES)
                    .map_err(|error| error.to_string())
            })
            .map_or_else(ChangedPaths::Unknown, |found| match found {
                Changes::Known(paths) => ChangedPaths::Known(paths),
                Changes::TooMany => {
                    ChangedPaths::Unknown(format!("more than {MOST_CHANGED_FILES} files changed"))
                }
            });
    }

    /// The commit to compare a push with, `None` for the empty tree; or why there is none.
    fn pushed_over(
        &self,
        repository: &Repository,
        default: Option<&DefaultBranch>,
    ) -> Result<Option<String>, String> {
        if let Some(old) = &self.old_id {
            let before = repository.commit_of(old).map_err(|error| error.to_string())?;
            let short = old.get(..7).unwrap_or(old);
            return before
                .map(Some)
                .ok_or_else(|| format!("there is no commit {short} here, where it was before"));
        }
        if self.tag.is_some() {
            return Err("a new tag has nothing to be compared with".into());
        }
        let Some(default) = default else {
            let remedy = self.remote.as_ref().map(|remote| {
                let remote = shell_argument(remote);
                format!("; git remote set-head {remote} --auto")
            });
            return Err(format!(
                "it is new, and no default branch is known to compare it with{}",
                remedy.unwrap_or_default()
            ));
        };
        if self.reference == default.reference {
            return Ok(None);
        }
        let base = repository
            .merge_base(&self.commit.id, &default.tip)
            .map_err(|error| error.to_string())?;
        let name = short_name(&default.reference, "refs/heads/");
        let name = name.as_ref().unwrap_or(&default.reference);
        base.map(Some)
            .ok_or_else(|| format!("it is new, and has no commit in common with {name}"))
    }
}

/// An object's id as git tells it to a hook: `None` for what is no id, `Some(None)` for that of
/// nothing.
#[allow(clippy::option_option, reason = "no id and the id of nothing are two things")]
fn object_id(field: &[u8]) -> Option<Option<String>> {
    let id = field.to_str().ok().filter(|id| is_id(id))?;
    Some(id.bytes().any(|digit| digit != b'0').then(|| id.to_owned()))
}

/// Whether git may have told this name of a reference to a hook.
fn is_reference(name: &BStr) -> bool {
    name.starts_with(b"refs/") && name.len() < LONGEST_NAME
}

/// Whether this is the full name of a branch or a tag: nothing else is ever triggered for.
#[must_use]
pub fn is_branch_or_tag(name: &BStr) -> bool {
    name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/")
}

/// A reference's name without the folder it is in.
#[must_use]
pub fn short(name: &BString) -> BString {
    let folders = ["refs/heads/", "refs/tags/", "refs/remotes/"];
    let short = folders.iter().find_map(|folder| short_name(name, folder));
    short.unwrap_or_else(|| name.clone())
}

/// The short name of a full reference name below `prefix`.
fn short_name(reference: &BString, prefix: &str) -> Option<BString> {
    reference.strip_prefix(prefix.as_bytes()).map(BString::from)
}
