//! The events of git's `post-receive` hook.

use bstr::{BString, ByteSlice as _};

use super::{ChangedPaths, Event, Kind, short_name};
use crate::git::{Error, Repository, is_id};

/// One reference that a push has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The object before; `None` for a new reference.
    pub old: Option<String>,
    /// The object now; `None` for one that was deleted.
    pub new: Option<String>,
    /// The full name.
    pub reference: BString,
}

/// Reads the hook's input: a line `<old> <new> <reference>` for each reference. A line that is
/// none of these is skipped.
#[must_use]
pub fn updates(input: &[u8]) -> Vec<Update> {
    input.split(|byte| *byte == b'\n').filter_map(update).collect()
}

fn update(line: &[u8]) -> Option<Update> {
    let mut fields = line.splitn(3, |byte| *byte == b' ');
    let mut id = || {
        let id = fields.next()?.to_str().ok()?;
        is_id(id).then(|| (id.bytes().any(|digit| digit != b'0')).then(|| id.to_owned()))
    };
    let (old, new) = (id()?, id()?);
    let reference = BString::from(fields.next()?);
    reference
        .starts_with(b"refs/")
        .then_some(Update { old, new, reference })
}

/// The events of a push: a branch or a tag that points at a commit now. Nothing for a deletion
/// and for any other reference.
///
/// # Errors
/// What the repository says when it cannot be read.
pub fn events(repository: &Repository, updates: Vec<Update>) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for update in updates {
        let branch = short_name(&update.reference, "refs/heads/");
        let tag = short_name(&update.reference, "refs/tags/");
        let Some(new) = update.new.filter(|_| branch.is_some() || tag.is_some()) else {
            continue;
        };
        let Some(commit) = repository.commit_of(&new)? else {
            continue;
        };
        events.push(Event {
            kind: Kind::PostReceive,
            branch,
            tag,
            commit: repository.commit(&commit)?,
            old_id: update.old,
            remote: None,
            repository: repository.name(),
            operations: Vec::new(),
            changed: ChangedPaths::Unknown("not asked for".into()),
            reference: update.reference,
        });
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "0000000000000000000000000000000000000000";
    const ONE: &str = "1111111111111111111111111111111111111111";

    #[test]
    fn lines_are_read_as_git_writes_them_and_others_skipped() {
        let input = format!(
            "{ZERO} {ONE} refs/heads/a b\n\
             \n\
             nonsense\n\
             {ONE} {ZERO} refs/tags/\u{e9}\n\
             {ONE} {ONE}\n\
             {ONE} {ONE} HEAD\n\
             {ONE} short refs/heads/x\n\
             {ONE} {ONE} refs/heads/last"
        );
        let update = |old: &str, new: &str, reference: &str| Update {
            old: (old != ZERO).then(|| old.to_owned()),
            new: (new != ZERO).then(|| new.to_owned()),
            reference: reference.into(),
        };
        assert_eq!(
            updates(input.as_bytes()),
            [
                update(ZERO, ONE, "refs/heads/a b"),
                update(ONE, ZERO, "refs/tags/\u{e9}"),
                update(ONE, ONE, "refs/heads/last"),
            ]
        );
        assert_eq!(updates(b"\0\xff \n"), []);
    }
}
