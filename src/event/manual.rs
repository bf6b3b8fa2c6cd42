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
    let reference = join(b"refs/heads/", branch);
    let mut remote = None;
    let tip = match repository.resolve(reference.as_ref())? {
        Some(tip) => tip,
        None => {
            let mut tips: Vec<(BString, String)> = Vec::new();
            for name in repository.remotes()? {
                let tracking = tracking(&name, branch);
                if let Some(tip) = repository.resolve(tracking.as_ref())? {
                    tips.push((name, tip));
                }
            }
            let Some((name, tip)) = tips.first() else {
                return Ok(Tip::Missing);
            };
            if tips.iter().any(|(_, other)| other != tip) {
                let names = tips.iter().map(|(name, _)| tracking(name, branch));
                return Ok(Tip::Ambiguous(names.collect()));
            }
            remote = Some(name.clone());
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

fn tracking(remote: &BString, branch: &BStr) -> BString {
    let mut prefix = join(b"refs/remotes/", remote.as_ref());
    prefix.push(b'/');
    join(&prefix, branch)
}

fn join(prefix: &[u8], name: &BStr) -> BString {
    [prefix, name.as_ref()].concat().into()
}
