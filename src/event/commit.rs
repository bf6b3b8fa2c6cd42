//! The event of git's `post-commit` hook.

use bstr::ByteSlice as _;

use super::{ChangedPaths, Event, Kind, Operation, short_name};
use crate::git::{Commit, Error, Head, Repository};

/// What a `post-commit` hook found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A branch has a new commit.
    Event(Box<Event>),
    /// One commit of several that git makes in one go, on a branch or not: the last one counts.
    Unfinished,
    /// A commit of the user's own without a branch.
    Detached,
}

/// Reads what was committed.
///
/// # Errors
/// What the repository says when it cannot be read.
pub fn read(repository: &Repository) -> Result<Found, Error> {
    let in_progress = repository.in_progress();
    let unfinished = [
        (in_progress.rebase, Operation::Rebase),
        (in_progress.bisect, Operation::Bisect),
    ];
    let mut operations: Vec<Operation> = unfinished
        .into_iter()
        .filter_map(|(now, operation)| now.then_some(operation))
        .collect();

    let (reference, tip) = match repository.head()? {
        Head::Branch {
            reference,
            tip: Some(tip),
        } => (reference, tip),
        Head::Branch { .. } | Head::Detached { .. } if operations.is_empty() => return Ok(Found::Detached),
        Head::Branch { .. } | Head::Detached { .. } => return Ok(Found::Unfinished),
    };
    let commit = repository.commit(&tip)?;
    // The one at work is still in the list while its hook runs. A list that somebody forgot, and
    // then committed something of his own, is none of this commit's.
    if repository.sequence_left() > 1
        && (in_progress.cherry_pick || last_action(repository, &commit).is_some())
    {
        return Ok(Found::Unfinished);
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
    Ok(Found::Event(Box::new(Event {
        kind: Kind::PostCommit,
        branch: short_name(&reference, "refs/heads/"),
        tag: None,
        old_id: commit.parents.first().cloned(),
        remote: None,
        repository: repository.name(),
        operations,
        changed: ChangedPaths::Unknown("not asked for".into()),
        reference,
        commit,
    })))
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
