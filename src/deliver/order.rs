//! What Jenkins is asked because of a trigger, and with whose credentials.

use std::time::Duration;

use url::Url;

use crate::credentials::trust::Trusted;
use crate::credentials::{self, Keyring};
use crate::jenkins::{Action, Method, Order};
use crate::secret::{Login, Secret};
use crate::spool::Trigger;

/// Why a trigger must not go out of this repository, if it must not.
#[must_use]
pub fn untrusted(trusted: &Trusted, trigger: &Trigger) -> Option<String> {
    const ALLOW: &str = "to allow it: jenkins-trigger trust";
    let server = &trigger.server;
    if !trusted.has_server(server) {
        return Some(format!(
            "this file names {server}, which you have not trusted here; {ALLOW}"
        ));
    }
    if let Some(why) = &trigger.ca_trouble {
        // Whatever was accepted since then stands in for it.
        let others = trusted.newest_authority(server).is_some();
        return (!others).then(|| format!("{why}; put it right, then: jenkins-trigger trust"));
    }
    let known = trigger
        .ca
        .as_ref()
        .is_none_or(|ca| trusted.has_authority(server, ca));
    (!known).then(|| format!("this file names another certificate authority for {server}; {ALLOW}"))
}

/// What a trigger lacks to be sent from here, found out without asking anybody.
#[must_use]
pub fn lacks(keyring: &Keyring, trigger: &Trigger) -> Option<String> {
    let server = Url::parse(&trigger.server).ok()?;
    let method = trigger.method.parse().ok()?;
    let secrets = secrets_for(keyring, trigger, method, &server);
    match secrets {
        // Whoever sends it asks git, and says what it lacks then.
        Ok(_) | Err(credentials::Error::NotAsked(_)) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// The credentials that the trigger's method asks for.
pub(super) fn secrets_for(
    keyring: &Keyring,
    trigger: &Trigger,
    method: Method,
    server: &Url,
) -> Result<(Option<Login>, Option<Secret>), credentials::Error> {
    let login = method
        .needs_user()
        .then(|| keyring.login(server))
        .transpose()?
        .map(|found| found.value);
    let job_token = trigger
        .token_from
        .as_deref()
        .map(|name| keyring.job_token(server, name, &trigger.job))
        .transpose()?
        .map(|found| found.value);
    Ok((login, job_token))
}

/// The parameters of a trigger as Jenkins is asked with them.
#[must_use]
pub fn parameters_of(trigger: &Trigger) -> Vec<(&str, &[u8])> {
    let parameters = trigger.parameters.iter();
    parameters
        .map(|(name, value)| (name.as_str(), value.0.as_slice()))
        .collect()
}

/// The note for the build's page. It ends in the trigger's id: where Jenkins keeps it, a trigger
/// whose answer was lost is found by it.
#[must_use]
pub fn cause_of(note: &[u8], id: &str) -> Vec<u8> {
    // A template may come to nothing.
    let space = if note.is_empty() { "" } else { " " };
    [note, format!("{space}[{id}]").as_bytes()].concat()
}

/// What Jenkins is asked to do because of a trigger; `cause` is made by [`cause_of`].
#[must_use]
pub fn order_of<'a>(
    trigger: &'a Trigger,
    method: Method,
    parameters: &'a [(&'a str, &'a [u8])],
    cause: &'a [u8],
    login: Option<&'a Login>,
    job_token: Option<&'a Secret>,
) -> Order<'a> {
    Order {
        method,
        action: if trigger.poll { Action::Poll } else { Action::Build },
        is_branch_job: trigger.multibranch,
        is_strict: !trigger.lax_parameters,
        job: &trigger.job,
        parameters,
        delay: trigger.delay.map(Duration::from_secs),
        cause,
        login,
        job_token,
    }
}
