//! The question which jobs a file may fire, and which variables it may read.

use bstr::BString;
use url::Url;

use super::{Refusal, reviewed};
use crate::config::Config;
use crate::credentials::trust::{Accepted, Fire, Trust};
use crate::git::Repository;
use crate::ui::Printer;

/// What a file names against what was accepted before.
pub(super) struct Difference {
    /// What was accepted before.
    known: Accepted,
    new: Accepted,
    /// What the file names no more.
    gone: Accepted,
    /// The jobs that need nobody's word here.
    reviewed: Vec<Fire>,
    remote: BString,
}

impl Difference {
    /// That of this file, as far as its servers may be reached.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub(super) fn of(repository: &Repository, config: &Config, servers: &[Url]) -> Result<Self, Refusal> {
        let trusted = Trust::of_user()?.trusted(repository.common_dir())?;
        let known = trusted.accepted().clone();
        let reachable = |fire: &Fire| servers.iter().any(|server| server.as_str() == fire.server);
        let mut fires = reviewed::fires(config);
        fires.retain(reachable);
        let new = Accepted {
            fires: fires
                .iter()
                .filter(|fire| !known.fires.contains(fire))
                .cloned()
                .collect(),
            env: config
                .env
                .iter()
                .filter(|name| !known.env.contains(name))
                .cloned()
                .collect(),
            ..Accepted::default()
        };
        let gone = Accepted {
            fires: known
                .fires
                .iter()
                .filter(|fire| !fires.contains(fire))
                .cloned()
                .collect(),
            env: known
                .env
                .iter()
                .filter(|name| !config.env.contains(name))
                .cloned()
                .collect(),
            ..Accepted::default()
        };
        let reviewed = if new.fires.is_empty() && gone.fires.is_empty() {
            None
        } else {
            reviewed::look(repository)
        };
        Ok(Self {
            known,
            reviewed: reviewed.map(|found| found.accepted.fires).unwrap_or_default(),
            new,
            gone,
            remote: reviewed::remote(repository),
        })
    }

    /// Whether the file names something that was not accepted before.
    pub(super) fn has_new(&self) -> bool {
        !self.new.is_empty()
    }

    /// What is new, a line for each.
    pub(super) fn added(&self) -> Vec<String> {
        self.lines(&self.new, "so it was allowed already")
    }

    /// What the file names no more, a line for each.
    pub(super) fn removed(&self) -> Vec<String> {
        self.lines(&self.gone, "so it stays allowed")
    }

    fn lines(&self, some: &Accepted, consequence: &str) -> Vec<String> {
        let jobs = some.fires.iter().map(|fire| {
            if self.reviewed.contains(fire) {
                let remote = &self.remote;
                format!("{fire}; the file at the default branch of {remote} has it, {consequence}")
            } else {
                fire.to_string()
            }
        });
        jobs.chain(some.env.iter().map(|name| variable(name))).collect()
    }

    /// Adds what is new to what is accepted.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(super) fn add(self, repository: &Repository) -> Result<(), Refusal> {
        let fires = [self.known.fires, self.new.fires].concat();
        let env = [self.known.env, self.new.env].concat();
        Ok(Trust::of_user()?.set_fires(repository.common_dir(), fires, env)?)
    }

    /// The same, and takes back what the file names no more.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(super) fn replace(mut self, repository: &Repository) -> Result<(), Refusal> {
        self.known.fires.retain(|fire| !self.gone.fires.contains(fire));
        self.known.env.retain(|name| !self.gone.env.contains(name));
        self.add(repository)
    }
}

/// An environment variable among other things that are allowed.
pub(super) fn variable(name: &str) -> String {
    format!("env {name}")
}

/// Asks whether the file may have what it names anew; without a terminal, or with `yes`, it may.
pub(super) fn confirm(printer: &Printer, yes: bool) -> bool {
    yes || printer.confirm("Allow this?").unwrap_or(true)
}
