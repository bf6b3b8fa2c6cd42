//! What of a file's triggers may go out of this repository, as its user has said.

use std::path::Path;

use super::allow::Allow;
use super::authorities::Authorities;
use super::reviewed::{self, Circumstances};
use crate::config::{Config, EventKind, Rule};
use crate::credentials::Keyring;
use crate::credentials::trust::{self, Accepted, Occasion, Trusted};
use crate::deliver::{self, Wish};
use crate::git::Repository;
use crate::spool::Trigger;

/// What may go out of the repository with this common git directory.
///
/// # Errors
/// When the record of what the user accepted cannot be read.
pub(super) fn trusted(common_dir: &Path) -> Result<Trusted, trust::Error> {
    let trusted = trust::trusted(common_dir)?;
    Ok(trusted.with(Box::new(Circumstances::of(common_dir))))
}

/// The same as a sender asks for it.
///
/// # Errors
/// As [`trusted`].
pub(super) fn ask(common_dir: &Path) -> Result<Trusted, String> {
    trusted(common_dir).map_err(|error| error.to_string())
}

/// The occasion at which this repository would trigger for a rule.
pub(super) fn occasion(repository: &Repository, rule: &Rule) -> Occasion {
    let received = rule.events.contains(&EventKind::PostReceive);
    if repository.work_tree().is_none() && received {
        Occasion::Received
    } else {
        Occasion::Own
    }
}

/// The answers to the questions that are asked before anything leaves.
#[derive(Debug)]
pub(super) struct Consent {
    trusted: Result<Trusted, trust::Error>,
    keyring: Keyring,
}

impl Consent {
    /// Those of this user for this repository.
    pub(super) fn of(repository: &Repository) -> Self {
        Self {
            trusted: trusted(repository.common_dir()),
            keyring: Keyring::without_programs(),
        }
    }

    /// The same for a push that it received; and what cannot be read of the bound that its owner has
    /// set for those.
    pub(super) fn of_received(repository: &Repository) -> (Self, Vec<String>) {
        let common_dir = repository.common_dir();
        let allow = Allow::of(repository).unwrap_or_else(|error| Some(Allow::nothing(&error)));
        let wrong = allow
            .as_ref()
            .map(|allow| allow.wrong.clone())
            .unwrap_or_default();
        let beside = Circumstances::bounded(common_dir, allow);
        let consent = Self {
            trusted: trust::trusted(common_dir).map(|trusted| trusted.with(Box::new(beside))),
            // Whoever pushed waits for it.
            keyring: Keyring::without_programs(),
        };
        (consent, wrong)
    }

    /// The same as they will be when the default branch of the remote has this.
    #[must_use]
    pub(super) fn expecting(self, accepted: Accepted) -> Self {
        Self {
            trusted: self.trusted.map(|trusted| trusted.expecting(accepted)),
            ..self
        }
    }

    /// Whether the file may read this environment variable.
    pub(super) fn may_read(&self, name: &str, occasion: Occasion) -> bool {
        let trusted = self.trusted.as_ref();
        trusted.is_ok_and(|trusted| trusted.may_read(name, occasion))
    }

    /// Why a trigger must not go out, if it must not.
    pub(super) fn refusal(&self, trigger: &Trigger) -> Option<String> {
        match &self.trusted {
            Ok(trusted) => deliver::untrusted(trusted, trigger),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Why what a rule asks for would not go out on such an occasion, if it would not.
    pub(super) fn refusal_of(
        &self,
        (config, rule): (&Config, &Rule),
        authorities: &Authorities<'_>,
        occasion: Occasion,
    ) -> Option<String> {
        let trusted = match &self.trusted {
            Ok(trusted) => trusted,
            Err(error) => return Some(error.to_string()),
        };
        let (ca, ca_trouble) = authorities.for_trigger(&config.servers[rule.server]);
        let env: Vec<String> = rule.variables().into_iter().map(str::to_owned).collect();
        let wish = Wish {
            fire: reviewed::fire_of(config, rule),
            env: &env,
            ca: ca.as_deref(),
            ca_trouble: ca_trouble.as_deref(),
            occasion,
        };
        deliver::refusal(trusted, &wish)
    }

    /// Whether anything at all was accepted here.
    pub(super) fn is_none(&self) -> bool {
        let trusted = self.trusted.as_ref();
        trusted.is_ok_and(|trusted| trusted.servers().is_empty() && trusted.accepted().is_empty())
    }

    /// Before anything of a trigger is written down: what is kept for its server becomes known as
    /// secret, as far as that needs no program.
    pub(super) fn learn(&self, trigger: &Trigger) {
        deliver::learn(&self.keyring, trigger);
    }

    /// Why a trigger would not be sent, as far as it is known without asking anybody.
    pub(super) fn trouble(&self, trigger: &Trigger) -> Option<String> {
        self.refusal(trigger)
            .or_else(|| deliver::lacks(&self.keyring, trigger))
    }
}
