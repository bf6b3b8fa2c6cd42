//! The events of git's `post-commit`, `post-merge` and `post-rewrite` hooks: a branch moved here,
//! by its user's own hand.

use bstr::{BString, ByteSlice as _};

use super::{ChangedPaths, Event, Kind, Operation, short_name};
use crate::git::{Commit, Error, Head, Repository};

/// What a hook found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A branch has a new commit.
    Event(Box<Event>),
    /// Nothing: what git did is a part of something it has not finished, or is none of the user's
    /// own doing.
    Nothing,
    /// A commit of the user's own without a branch: its id, if there is one at all.
    Detached(Option<String>),
    /// A branch will have this commit as soon as git ends.
    AtTheEnd(Rebased),
}

/// What a rebase has made, while `HEAD` is not back on the branch yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebased {
    /// The new tip.
    pub tip: String,
    /// The old tip, where git wrote it down.
    pub before: Option<String>,
}

/// Reads what was committed.
///
/// # Errors
/// What the repository says when it cannot be read.
pub fn read(repository: &Repository) -> Result<Found, Error> {
    let in_progress = repository.in_progress();
    // What is committed on the way counts at its end, as `read_rebase` has it.
    if in_progress.rebase {
        return Ok(Found::Nothing);
    }
    let unfinished = [
        (in_progress.mailbox, Operation::Rebase),
        (in_progress.bisect, Operation::Bisect),
    ];
    let mut operations: Vec<Operation> = unfinished
        .into_iter()
        .filter_map(|(now, operation)| now.then_some(operation))
        .collect();

    let (reference, tip) = match tip(repository)? {
        Tip::Branch(reference, tip) => (reference, tip),
        Tip::Detached(tip) if operations.is_empty() => return Ok(Found::Detached(tip)),
        Tip::Detached(_) => return Ok(Found::Nothing),
    };
    let commit = repository.commit(&tip)?;
    // The one at work is still in the list while its hook runs. A list that somebody forgot, and
    // then committed something of his own, is none of this commit's.
    if repository.sequence_left() > 1
        && (in_progress.cherry_pick || last_action(repository, &commit).is_some())
    {
        return Ok(Found::Nothing);
    }
    if in_progress.cherry_pick {
        operations.push(Operation::CherryPick);
    }
    if in_progress.revert {
        operations.push(Operation::Revert);
    }
    if commit.parents.len() > 1 {
        operations.push(Operation::Merge);
    }
    let old_id = commit.parents.first().cloned();
    Ok(event(repository, reference, commit, old_id, operations))
}

/// Reads what was merged; nothing for a fast-forward, which makes no commit.
///
/// # Errors
/// As [`read`].
pub fn read_merge(repository: &Repository) -> Result<Found, Error> {
    // git removes the file only after this hook, and has none for a fast-forward.
    if !repository.in_progress().merge {
        return Ok(Found::Nothing);
    }
    let (reference, tip) = match tip(repository)? {
        Tip::Branch(reference, tip) => (reference, tip),
        Tip::Detached(tip) => return Ok(Found::Detached(tip)),
    };
    let commit = repository.commit(&tip)?;
    let old_id = commit.parents.first().cloned();
    Ok(event(repository, reference, commit, old_id, Vec::new()))
}

/// Reads what was rebased: one event for the branch, with what it is at the end. Nothing for a
/// rebase without a branch.
///
/// # Errors
/// As [`read`].
pub fn read_rebase(repository: &Repository) -> Result<Found, Error> {
    let before = repository.before_rebase();
    match tip(repository)? {
        Tip::Branch(reference, tip) => rebased(repository, reference, &tip, before),
        // This kind puts HEAD back only after the hook.
        Tip::Detached(Some(tip)) if repository.rebases_by_mail() => {
            Ok(Found::AtTheEnd(Rebased { tip, before }))
        }
        Tip::Detached(_) => Ok(Found::Nothing),
    }
}

/// Reads what a rebase has made, after its end; nothing if `HEAD` is not on a branch with it.
///
/// # Errors
/// As [`read`].
pub fn read_rebased(repository: &Repository, made: &Rebased) -> Result<Found, Error> {
    match tip(repository)? {
        Tip::Branch(reference, tip) if tip == made.tip => {
            rebased(repository, reference, &tip, made.before.clone())
        }
        _ => Ok(Found::Nothing),
    }
}

fn rebased(
    repository: &Repository,
    reference: BString,
    tip: &str,
    before: Option<String>,
) -> Result<Found, Error> {
    let commit = repository.commit(tip)?;
    let before = before.filter(|id| *id != tip);
    let old_id = before.or_else(|| commit.parents.first().cloned());
    Ok(event(repository, reference, commit, old_id, Vec::new()))
}

enum Tip {
    Branch(BString, String),
    Detached(Option<String>),
}

fn tip(repository: &Repository) -> Result<Tip, Error> {
    Ok(match repository.head()? {
        Head::Branch {
            reference,
            tip: Some(tip),
        } => Tip::Branch(reference, tip),
        Head::Branch { .. } => Tip::Detached(None),
        Head::Detached { tip } => Tip::Detached(Some(tip)),
    })
}

fn event(
    repository: &Repository,
    reference: BString,
    commit: Commit,
    old_id: Option<String>,
    operations: Vec<Operation>,
) -> Found {
    Found::Event(Box::new(Event {
        kind: Kind::PostCommit,
        branch: short_name(&reference, "refs/heads/"),
        tag: None,
        old_id,
        remote: None,
        repository: repository.name(),
        operations,
        changed: ChangedPaths::Unknown("not asked for".into()),
        reference,
        commit,
    }))
}

/// Adds the operations that only the reflog tells: git removes `REVERT_HEAD`, and after a
/// conflict `CHERRY_PICK_HEAD`, before it runs `post-commit`.
pub fn note_last_action(event: &mut Event, repository: &Repository) {
    if let Some(operation) = last_action(repository, &event.commit)
        && !event.operations.contains(&operation)
    {
        event.operations.push(operation);
    }
}

fn last_action(repository: &Repository, commit: &Commit) -> Option<Operation> {
    let action = repository.last_action();
    let picked = ["cherry-pick:", "commit (cherry-pick):"];
    if picked.iter().any(|start| action.starts_with_str(start)) {
        Some(Operation::CherryPick)
    } else if action.starts_with_str("revert:") || reverts(commit) {
        // `git revert --continue` is logged as a plain commit; its message is git's own.
        Some(Operation::Revert)
    } else {
        None
    }
}

fn reverts(commit: &Commit) -> bool {
    // Since 2.43 git calls the revert of a revert so.
    let subject_is_gits = ["Revert \"", "Reapply \""]
        .iter()
        .any(|start| commit.message.starts_with_str(start));
    subject_is_gits && commit.message.contains_str("\nThis reverts commit ")
}
