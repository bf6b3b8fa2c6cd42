//! What of a file's triggers may go out of this repository, as its user has said.

use crate::credentials::Keyring;
use crate::credentials::trust::{self, Trusted};
use crate::deliver;
use crate::git::Repository;
use crate::spool::Trigger;

/// The answers to the questions that are asked before anything leaves.
pub(super) struct Consent {
    trusted: Result<Trusted, trust::Error>,
    keyring: Keyring,
}

impl Consent {
    /// Those of this user for this repository.
    pub(super) fn of(repository: &Repository) -> Self {
        Self {
            trusted: trust::trusted(repository.common_dir()),
            keyring: Keyring::without_programs(),
        }
    }

    /// Why a trigger would not be sent, as far as it is known without asking anybody.
    pub(super) fn trouble(&self, trigger: &Trigger) -> Option<String> {
        match &self.trusted {
            Ok(trusted) => {
                deliver::untrusted(trusted, trigger).or_else(|| deliver::lacks(&self.keyring, trigger))
            }
            Err(error) => Some(error.to_string()),
        }
    }
}
