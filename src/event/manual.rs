//! The event of a trigger by hand.

use bstr::{BStr, BString};

use super::{ChangedPaths, Event, Kind};
use crate::git::{Error, Repository};

/// Where the commit of a branch named by hand was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// The event, from the local branch or the one remote-tracking branch of that name.
    Found(Box<Event>),
    /// No such branch, here or on a remote.
    Missing,
    /// No local branch, and remotes that disagree: their reference names.
    Ambiguous(Vec<BString>),
}

/// Makes the event for `branch`: its local tip, else the remote-tracking one.
///
/// # Errors
/// What the repository says when it cannot be read.
pub fn read(repository: &Repository, branch: &BStr) -> Result<Tip, Error> {
    let mut reference = BString::from("refs/heads/");
    reference.extend_from_slice(branch);
    let mut remote = None;
    let tip = match repository.resolve(reference.as_ref())? {
        Some(tip) => tip,
        None => {
            let tips = repository.remote_tips(branch)?;
            let Some((tracking, tip)) = tips.first() else {
                return Ok(Tip::Missing);
            };
            if tips.iter().any(|(_, other)| other != tip) {
                return Ok(Tip::Ambiguous(tips.into_iter().map(|(name, _)| name).collect()));
            }
            remote = remote_of(tracking, branch);
            tip.clone()
        }
    };
    let commit = repository.commit(&tip)?;
    Ok(Tip::Found(Box::new(Event {
        kind: Kind::Manual,
        reference,
        branch: Some(branch.to_owned()),
        tag: None,
        old_id: commit.parents.first().cloned(),
        remote,
        repository: repository.name(),
        operations: Vec::new(),
        changed: ChangedPaths::Unknown("a trigger by hand has no base to compare with".into()),
        commit,
    })))
}

fn remote_of(tracking: &BString, branch: &BStr) -> Option<BString> {
    let name = tracking.strip_prefix(b"refs/remotes/")?;
    let remote = name.strip_suffix(branch.as_ref() as &[u8])?;
    Some(remote.strip_suffix(b"/")?.into())
}
