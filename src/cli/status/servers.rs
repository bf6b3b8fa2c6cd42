//! The servers of the file: what of it is allowed here, and where the credentials for each come from.

use serde::Serialize;

use crate::cli::authorities::Authorities;
use crate::cli::consent::{self, Consent};
use crate::cli::file;
use crate::cli::sources::{self, Known};
use crate::config::Config;
use crate::credentials::trust;
use crate::git::Repository;
use crate::ui::Printer;

/// One server of the file.
#[derive(Debug, Serialize)]
pub(super) struct ServerState {
    #[serde(flatten)]
    known: Known,
    /// Whether it may be sent the user's credentials from here.
    trusted: bool,
    /// How many rules of the file are for it.
    rules: usize,
    /// What of them would be held, each reason once.
    held: Vec<String>,
    /// How many rules that is.
    held_rules: usize,
}

/// Those of the file that commands read. One that cannot be read is `check`'s business.
pub(super) fn look(repository: &Repository) -> Vec<ServerState> {
    let source = file::compare(repository).map(|(source, _)| source);
    let Ok((config, place)) = source.and_then(|source| Ok((source.read()?, source.place))) else {
        return Vec::new();
    };
    let consent = Consent::of(repository);
    let authorities = Authorities::new(repository, &place);
    let trusted = trust::trusted(repository.common_dir()).unwrap_or_default();
    let known = sources::known(&config, &trusted).into_iter().enumerate();
    known
        .map(|(index, known)| {
            state(
                repository,
                (&config, index),
                known,
                &consent,
                &authorities,
                &trusted,
            )
        })
        .collect()
}

fn state(
    repository: &Repository,
    (config, index): (&Config, usize),
    known: Known,
    consent: &Consent,
    authorities: &Authorities<'_>,
    trusted: &trust::Trusted,
) -> ServerState {
    let mut state = ServerState {
        trusted: trusted.has_server(config.servers[index].url.as_str()),
        known,
        rules: 0,
        held: Vec::new(),
        held_rules: 0,
    };
    for rule in config.rules.iter().filter(|rule| rule.server == index) {
        state.rules += 1;
        let occasion = consent::occasion(repository, rule);
        if let Some(why) = consent.refusal_of((config, rule), authorities, occasion) {
            state.held_rules += 1;
            if !state.held.contains(&why) {
                state.held.push(why);
            }
        }
    }
    state
}

impl ServerState {
    pub(super) fn show(&self, printer: &Printer) {
        let Self {
            known,
            rules,
            held_rules,
            ..
        } = self;
        let state = match (self.trusted, held_rules) {
            (false, _) => {
                "not trusted here, so nothing is sent to it (to allow it: jenkins-trigger trust)".to_owned()
            }
            (true, 0) => "trusted".to_owned(),
            (true, held) => {
                format!("trusted, but {held} of {rules} rules would be held (see: jenkins-trigger check)")
            }
        };
        let credentials = known.credentials();
        let end = if credentials.is_empty() { "" } else { "; " };
        printer.result(&format!("server    {} {state}{end}{credentials}", known.server()));
    }
}
