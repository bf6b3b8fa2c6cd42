//! What Jenkins is asked because of a trigger, and with whose credentials.

use std::time::Duration;

use url::Url;

use crate::credentials::trust::{ALLOW_SETTING, Fire, NotAllowed, Occasion, Trusted};
use crate::credentials::{self, Keyring};
use crate::jenkins::{Action, Method, Order};
use crate::secret::{Login, Secret};
use crate::spool::Trigger;
use crate::text::shell_argument;

/// What the user must have allowed before it is asked for.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The job, and how it is triggered.
    pub fire: Fire,
    /// The environment variables that are read for it.
    pub env: &'a [String],
    /// The SHA-256 of the certificates that are to vouch for the server.
    pub ca: Option<&'a str>,
    /// Why there are none although the file names some.
    pub ca_trouble: Option<&'a str>,
    /// What it is asked for at.
    pub occasion: Occasion,
}

/// What every refusal ends in that the user's word takes away.
const ALLOW: &str = "to allow it: jenkins-trigger trust";

/// Whether this is why a trigger waits: its user has not allowed it. He, or a change of the default
/// branch, may have done so since.
#[must_use]
pub fn is_refusal(trouble: &str) -> bool {
    trouble.ends_with(ALLOW)
}

/// Why a trigger must not go out of this repository, if it must not.
#[must_use]
pub fn untrusted(trusted: &Trusted, trigger: &Trigger) -> Option<String> {
    let wish = Wish {
        fire: fire_of(trigger),
        env: &trigger.withheld,
        ca: trigger.ca.as_deref(),
        ca_trouble: trigger.ca_trouble.as_deref(),
        occasion: Occasion::of(&trigger.event),
    };
    refusal(trusted, &wish)
}

/// Why a wish is not granted, if it is not.
#[must_use]
pub fn refusal(trusted: &Trusted, wish: &Wish<'_>) -> Option<String> {
    let Wish { fire, occasion, .. } = wish;
    let server = &fire.server;
    if !trusted.has_server(server) {
        return Some(format!(
            "this file names {server}, which you have not trusted here; {ALLOW}"
        ));
    }
    match trusted.check_fire(fire, *occasion) {
        Ok(()) => {}
        Err(NotAllowed::Unknown) => {
            return Some(format!(
                "this file now names {fire}, which you have not allowed here; {ALLOW}"
            ));
        }
        Err(NotAllowed::OutOfBounds) => return Some(out_of_bounds(fire)),
    }
    let mut env = wish.env.iter();
    if let Some(name) = env.find(|name| !trusted.may_read(name, *occasion)) {
        return Some(format!(
            "this file now reads {name} from the environment, which you have not allowed here; {ALLOW}"
        ));
    }
    if let Some(why) = wish.ca_trouble {
        // Whatever was accepted since then stands in for it.
        let others = trusted.newest_authority(server).is_some();
        return (!others).then(|| format!("{why}; put it right, then: jenkins-trigger trust"));
    }
    let known = wish
        .ca
        .is_none_or(|ca| trusted.has_authority(server, ca, *occasion));
    (!known).then(|| format!("this file names another certificate authority for {server}; {ALLOW}"))
}

/// What is said of a job that pushes into a repository must not trigger.
#[must_use]
pub fn out_of_bounds(fire: &Fire) -> String {
    /// Characters that stand for others in a pattern.
    const SPECIAL: &str = "*?[]{},!\\";
    let mut value = format!("{} ", fire.server);
    for character in fire.job.chars() {
        if SPECIAL.contains(character) {
            value.push('\\');
        }
        value.push(character);
    }
    format!(
        "{ALLOW_SETTING} of this repository lets no push trigger {fire}; its owner allows it with: git config --add \
         {ALLOW_SETTING} {}",
        shell_argument(value.as_bytes())
    )
}

/// What the user is asked about when a trigger is to go out.
fn fire_of(trigger: &Trigger) -> Fire {
    // A branch is no way to another project; a job without a name is nobody's.
    let project = || match trigger.job.rsplit_once('/') {
        Some((project, branch)) if !matches!(branch, "" | "." | "..") => project,
        _ => "",
    };
    Fire {
        server: trigger.server.clone(),
        method: trigger.method.clone(),
        job: if trigger.multibranch {
            project().to_owned()
        } else {
            trigger.job.clone()
        },
        multibranch: trigger.multibranch,
        token_from: trigger.token_from.clone(),
    }
}

/// Why a trigger that may go out by now is not what its file asks for, if it is not.
#[must_use]
pub fn incomplete(trigger: &Trigger) -> Option<String> {
    if trigger.withheld.is_empty() {
        return None;
    }
    let names = trigger.withheld.join(", ");
    let again = match &trigger.branch {
        Some(branch) => {
            let only = trigger.rules.iter().map(|rule| {
                let rule = shell_argument(rule.as_bytes());
                format!(" --only {rule}")
            });
            format!(
                "to trigger it anew: jenkins-trigger trigger --branch {}{}",
                shell_argument(&branch.0),
                only.collect::<String>()
            )
        }
        None => "start the job in Jenkins, and drop this: jenkins-trigger cancel".into(),
    };
    Some(format!(
        "it was made without {names}, which its file was not allowed to read then; {again}"
    ))
}

/// Lets this process know the secrets that are kept for a trigger's server, so that nothing that is
/// written of the trigger has one of them in it.
pub fn learn(keyring: &Keyring, trigger: &Trigger) {
    let Ok(server) = Url::parse(&trigger.server) else {
        return;
    };
    // Whatever is found is known from then on.
    let _ = keyring.login(&server);
    if let Some(name) = &trigger.token_from {
        let _ = keyring.job_token(&server, name, &trigger.job);
    }
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
