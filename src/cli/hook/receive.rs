//! What `post-receive` sees: a push that this repository has taken.

use bstr::BString;

use super::call::{Call, Hook};
use super::fire::Push;
use super::seen::{self, Doing, Seen};
use crate::cli::Refusal;
use crate::config::Config;
use crate::environment;
use crate::event::receive::{self, Options, Update};
use crate::event::{DefaultBranch, Kind};
use crate::git::{Error, Head, Repository};
use crate::plan;

/// A push of which nothing but the names is known yet.
#[derive(Debug)]
pub(super) struct Received {
    updates: Vec<Update>,
    default: DefaultBranch,
}

impl Received {
    /// The part of it that may fire. The rest may be thousands of references.
    ///
    /// # Errors
    /// What the repository says.
    pub(super) fn read(&self, repository: &Repository, config: &Config) -> Result<Push, Error> {
        let may_fire = |reference: &_| plan::may_fire(config, Kind::PostReceive, reference, None);
        let options = environment::push_options().into_iter().map(BString::from);
        Ok(Push {
            events: receive::events(repository, &self.updates, may_fire)?,
            default: Some(self.default.clone()),
            options: Options::of(options.collect()),
        })
    }
}

/// Looks; `None` if there is nothing to do.
///
/// # Errors
/// What the repository says, and that there is no default branch.
pub(super) fn look(
    call: &Call,
    repository: Repository,
    stdin: Option<&[u8]>,
) -> anyhow::Result<Option<Seen>> {
    let input = seen::input(stdin)?;
    let mut updates = receive::updates(&repository, &input);
    updates.retain(receive::is_event);
    if updates.is_empty() {
        return Ok(None);
    }
    let default = match repository.head()? {
        Head::Branch {
            reference,
            tip: Some(tip),
        } => DefaultBranch { reference, tip },
        _ if call.everywhere => return Ok(None),
        Head::Branch { reference, .. } => {
            let message =
                format!("HEAD names {reference}, which is no branch here, so no file is the default one");
            let help = "set it to one that is: git symbolic-ref HEAD refs/heads/...";
            return Err(Refusal::new(message, help).into());
        }
        Head::Detached { .. } => {
            let message = "HEAD is detached, so no file is the default one";
            let help = "set it to a branch: git symbolic-ref HEAD refs/heads/...";
            return Err(Refusal::new(message, help).into());
        }
    };
    Ok(Some(Seen {
        hook: Hook::Receive,
        repository,
        tip: Some(default.tip.clone()),
        doing: Doing::Received(Received { updates, default }),
        input,
    }))
}
