//! The steps about one server, up to who the user is there.

use std::time::Instant;

use url::Url;

use super::job;
use super::report::{About, Report};
use super::subject::Subject;
use crate::cli::authorities::Authorities;
use crate::cli::consent::{self, Consent};
use crate::cli::file::Place;
use crate::cli::{Refusal, servers};
use crate::config::{Config, Method, Server};
use crate::credentials::{self, Keyring};
use crate::deliver;
use crate::git::Repository;
use crate::jenkins::{self, Client, Explanation, Identity, Reached, Version};
use crate::secret::Login;

/// The steps about a server, in their order.
pub(super) const STEPS: [&str; 4] = ["server", "connection", "Jenkins", "credentials"];

/// A server that answers, and what is known of the user there.
pub(super) struct Ground<'a> {
    pub(super) url: &'a Url,
    pub(super) client: Client,
    pub(super) keyring: Keyring,
    pub(super) version: Version,
    /// Why the user cannot be asked for, in place of the login.
    pub(super) login: Result<Login, &'static str>,
    /// Whether build-token-root is installed, where a rule needs it and the answer tells.
    pub(super) plugin: Option<bool>,
    /// Until when questions are put.
    pub(super) until: Instant,
}

impl Ground<'_> {
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// What is said of steps that come after the time is over.
pub(super) const OVER: &str = "all of it took too long";

pub(super) fn examine(
    repository: &Repository,
    (config, server, place): (&Config, &Server, &Place),
    subjects: &[&Subject<'_>],
    until: Instant,
    report: &mut Report<'_>,
) {
    let url = &server.url;
    let about = About {
        server: Some(url.to_string()),
        ..About::default()
    };
    report.turn_to(about, &format!("server {url}"));
    let (allowed, refused) = by_consent(repository, (config, place), subjects);
    match ground(repository, (server, place), subjects, until, report) {
        Ok(ground) => job::examine_all(&ground, &allowed, report),
        // It is said of the server already.
        Err(why @ (NOT_TRUSTED | NOBODY_KNOWS | NOT_VOUCHED)) => {
            return job::leave_all(url, subjects, why, report);
        }
        Err(why) => job::leave_all(url, &allowed, why, report),
    }
    job::refuse_all(url, &refused, report);
}

/// Those whose job may be triggered from here, and those whose may not, each with why.
fn by_consent<'s, 'r>(
    repository: &Repository,
    (config, place): (&Config, &Place),
    subjects: &[&'s Subject<'r>],
) -> (Vec<&'s Subject<'r>>, Vec<(&'s Subject<'r>, String)>) {
    let consent = Consent::of(repository);
    let authorities = Authorities::new(repository, place);
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for subject in subjects {
        let occasion = consent::occasion(repository, subject.rule);
        match consent.refusal_of((config, subject.rule), &authorities, occasion) {
            Some(why) => refused.push((*subject, why)),
            None => allowed.push(*subject),
        }
    }
    (allowed, refused)
}

/// Why the steps after the first are not taken.
const NOT_TRUSTED: &str = "a server that is not trusted is not contacted";
const NOBODY_KNOWS: &str = "nobody knows whether the server is trusted";
const NOT_VOUCHED: &str = "what is to say who it is cannot be used";

/// The steps of [`STEPS`]; the error is why the jobs cannot be looked at.
fn ground<'a>(
    repository: &Repository,
    (server, place): (&'a Server, &Place),
    subjects: &[&Subject<'_>],
    until: Instant,
    report: &mut Report<'_>,
) -> Result<Ground<'a>, &'static str> {
    let url = &server.url;
    let trusted = match consent::trusted(repository.common_dir()) {
        Ok(trusted) => trusted,
        Err(error) => {
            let message = error.to_string();
            let (meaning, fix) = message
                .split_once("; ")
                .unwrap_or((&message, "make it readable and writable for you"));
            report.fail(STEPS[0], meaning, fix);
            report.unchecked_all(&STEPS[1..], NOBODY_KNOWS);
            return Err(NOBODY_KNOWS);
        }
    };
    if !trusted.has_server(url.as_str()) {
        report.fail(
            STEPS[0],
            "it is not trusted in this repository, so nothing is sent to it",
            "jenkins-trigger trust",
        );
        report.unchecked_all(&STEPS[1..], NOT_TRUSTED);
        return Err(NOT_TRUSTED);
    }
    if let Err(error) = credentials::check_transport(url, jenkins::is_loopback(url)) {
        let message = error.to_string();
        let (meaning, fix) = message.split_once("; ").unwrap_or((&message, "use https"));
        report.fail(STEPS[0], meaning, fix);
        let why = "no token may go to it";
        report.unchecked_all(&STEPS[1..], why);
        return Err(why);
    }
    let ca = match servers::vouching(repository, place, server, &trusted) {
        Ok(ca) => ca,
        Err(refusal) => {
            report.fail(STEPS[0], refusal.message, refusal.help.unwrap_or_default());
            report.unchecked_all(&STEPS[1..], NOT_VOUCHED);
            return Err(NOT_VOUCHED);
        }
    };
    if url.scheme() == "http" && !jenkins::is_loopback(url) {
        report.warn(
            STEPS[0],
            "it is trusted here, over plain http: tokens can be read on the way, which your git config allows",
            "use https as soon as the server has it",
        );
    } else {
        report.ok(STEPS[0], "it is trusted in this repository");
    }
    if Instant::now() >= until {
        report.unchecked_all(&STEPS[1..], OVER);
        return Err(OVER);
    }
    let client = match deliver::connect(url, ca.as_deref()) {
        Ok(client) => client,
        Err(error) => {
            let refusal = Refusal::from(error);
            report.fail(STEPS[1], refusal.message, refusal.help.unwrap_or_default());
            report.unchecked_all(&STEPS[2..], NOT_REACHED);
            return Err(NOT_REACHED);
        }
    };
    let Some(version) = reach(&client, url, report) else {
        return Err(NOT_REACHED);
    };
    let keyring = Keyring::default();
    let login = login(&client, (url, &keyring), subjects, report);
    let by_token_alone = |subject: &&Subject<'_>| subject.rule.method == Method::TokenRoot;
    let plugin = if subjects.iter().any(by_token_alone) {
        plugin(&client, url, report)
    } else {
        None
    };
    Ok(Ground {
        url,
        client,
        keyring,
        version,
        login,
        plugin,
        until,
    })
}

const NOT_REACHED: &str = "the server was not reached";

fn reach(client: &Client, url: &Url, report: &mut Report<'_>) -> Option<Version> {
    let said = |explanation: Explanation| (explanation.meaning, explanation.advice);
    match client.reach() {
        Reached::Nobody(explanation) => {
            let (meaning, advice) = said(explanation);
            report.fail(STEPS[1], meaning, advice);
            report.unchecked_all(&STEPS[2..], NOT_REACHED);
            None
        }
        Reached::Other(explanation) => {
            let (meaning, advice) = said(explanation);
            report.ok(STEPS[1], connected(url));
            report.fail(STEPS[2], meaning, advice);
            report.unchecked_all(&STEPS[3..], "there is no Jenkins to ask");
            None
        }
        Reached::Jenkins(version) => {
            report.ok(STEPS[1], connected(url));
            report.ok(STEPS[2], format!("Jenkins {}", version.text()));
            Some(version)
        }
    }
}

fn connected(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    if url.scheme() == "https" {
        format!("{host} answers, and its certificate is accepted")
    } else {
        format!("{host} answers")
    }
}

/// Whether what the method token-root speaks to is there.
fn plugin(client: &Client, url: &Url, report: &mut Report<'_>) -> Option<bool> {
    const PLUGIN: &str = "plugin";
    let installed = client.has_build_token_root();
    match installed {
        Some(true) => report.ok(PLUGIN, "Build Authorization Token Root is installed"),
        Some(false) => report.fail(
            PLUGIN,
            "Build Authorization Token Root is not installed, and the method token-root needs it",
            format!(
                "an administrator installs build-token-root at {url}manage/pluginManager/available; or write \
                 `method: job-token`"
            ),
        ),
        None => report.unchecked(
            PLUGIN,
            "the answer does not tell whether build-token-root is installed",
        ),
    }
    installed
}

/// Who the user is, and what Jenkins tells him of itself.
fn login(
    client: &Client,
    (url, keyring): (&Url, &Keyring),
    subjects: &[&Subject<'_>],
    report: &mut Report<'_>,
) -> Result<Login, &'static str> {
    const NOT_ACCEPTED: &str = "there are no credentials that Jenkins accepts";
    let is_needed = subjects
        .iter()
        .any(|subject| subject.rule.method != Method::TokenRoot);
    let login = match keyring.login(url) {
        Ok(found) => found.value,
        Err(error) if is_needed => {
            let message = error.to_string();
            let (meaning, fix) = message.split_once("; ").unwrap_or((&message, ""));
            report.fail(STEPS[3], meaning, fix);
            return Err(NOT_ACCEPTED);
        }
        Err(_) => {
            report.unchecked(STEPS[3], "the method token-root needs none");
            return Err("the method token-root goes without credentials, and looking at a job needs some");
        }
    };
    let provenance = login.provenance.as_ref();
    let from = provenance.map_or_else(String::new, |known| format!(", from {}", known.name));
    match client.identify(&login) {
        Identity::ApiToken(name) => report.ok(STEPS[3], format!("an API token of user {name}{from}")),
        Identity::Unclear(name) => report.ok(
            STEPS[3],
            format!("user {name}{from}, by API token or password: this server does not tell"),
        ),
        Identity::Password(name) => report.warn(
            STEPS[3],
            format!("a password of user {name}, not an API token{from}"),
            format!(
                "an API token can be taken back and needs no crumb: make one at {url}me/security/ and {}",
                provenance.map_or_else(String::new, |known| known.renewal.clone())
            ),
        ),
        Identity::Refused(explanation) if is_needed => {
            report.fail(STEPS[3], explanation.meaning, explanation.advice);
            return Err(NOT_ACCEPTED);
        }
        Identity::Refused(explanation) => {
            report.warn(STEPS[3], explanation.meaning, explanation.advice);
            return Err(NOT_ACCEPTED);
        }
    }
    match client.about(&login) {
        Ok(about) => {
            root_url(url, about.url.as_deref(), report);
            if about.quieting_down {
                report.warn(
                    STEPS[2],
                    "it is about to shut down: it takes triggers, and builds nothing before it is back",
                    format!("an administrator calls that off at {url}"),
                );
            }
            Ok(login)
        }
        Err(explanation) => {
            if is_needed {
                report.fail(STEPS[3], explanation.meaning, explanation.advice);
            } else {
                report.warn(STEPS[3], explanation.meaning, explanation.advice);
            }
            Err("the user may not read anything there")
        }
    }
}

/// The address that Jenkins believes to have. Ours is the one that works.
fn root_url(url: &Url, configured: Option<&str>, report: &mut Report<'_>) {
    let Some(configured) = configured else {
        return;
    };
    let same = Url::parse(configured)
        .is_ok_and(|own| format!("{}/", own.as_str().trim_end_matches('/')) == url.as_str());
    if !same {
        report.warn(
            STEPS[2],
            format!("it takes itself for {configured}: triggers do not mind, but links that it sends to people do"),
            format!(
                "an administrator sets \"Jenkins URL\" at {url}manage/configure; or `server` in .jenkins-trigger.yml, \
                 if that address works from here too"
            ),
        );
    }
}
