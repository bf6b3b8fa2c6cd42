//! Where the credentials for a file's servers come from.

use serde::Serialize;

use crate::config::{Config, Method, Rule};
use crate::credentials::trust::Trusted;
use crate::credentials::{Error, Keyring};

/// What there is for a server of the file, and where; nobody is asked whether it is right.
#[derive(Debug, Serialize)]
pub(super) struct Known {
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    job_tokens: Vec<KnownToken>,
}

/// A trigger token that rules name.
#[derive(Debug, Serialize)]
struct KnownToken {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl Known {
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The server with what there is for it, on one line.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.server, self.credentials())
    }

    /// What there is for it, on one line.
    pub(super) fn credentials(&self) -> String {
        let login = match (&self.user, &self.source, &self.trouble) {
            (Some(user), Some(source), _) => Some(format!("credentials of {user} from {source}")),
            (_, _, trouble) => trouble.clone(),
        };
        let tokens = self.job_tokens.iter().map(|token| match &token.source {
            Some(source) => format!("trigger token {} from {source}", token.name),
            None => token.trouble.clone().unwrap_or_default(),
        });
        let parts: Vec<String> = login.into_iter().chain(tokens).collect();
        parts.join(", ")
    }
}

/// Of each server of the file, in its order. For one that is not trusted here no helper is asked: some
/// of them ask the server.
pub(super) fn known(config: &Config, trusted: &Trusted) -> Vec<Known> {
    let (keyring, strangers) = (Keyring::default(), Keyring::without_programs());
    let servers = config.servers.iter().enumerate();
    servers
        .map(|(number, server)| {
            let keyring = if trusted.has_server(server.url.as_str()) {
                &keyring
            } else {
                &strangers
            };
            let rules: Vec<&Rule> = config.rules.iter().filter(|rule| rule.server == number).collect();
            let is_needed = rules.is_empty() || rules.iter().any(|rule| rule.method != Method::TokenRoot);
            let (user, source, trouble) = match keyring.login(&server.url) {
                Ok(found) => (Some(found.value.user), Some(found.source.to_string()), None),
                Err(_) if !is_needed => (None, None, None),
                Err(error) => (None, None, Some(in_short(&error, "no credentials"))),
            };
            let mut names: Vec<&str> = rules
                .iter()
                .filter_map(|rule| rule.token_from.as_deref())
                .collect();
            names.sort_unstable();
            names.dedup();
            let token = |name: &str| {
                let found = keyring.job_token(&server.url, name, "");
                KnownToken {
                    name: name.to_owned(),
                    source: found.as_ref().ok().map(|found| found.source.to_string()),
                    trouble: found
                        .err()
                        .map(|error| in_short(&error, &format!("no trigger token {name}"))),
                }
            };
            Known {
                server: server.url.to_string(),
                user,
                source,
                trouble,
                job_tokens: names.into_iter().map(token).collect(),
            }
        })
        .collect()
}

/// What is said of a server in a list of them: `nothing` where no source has anything.
fn in_short(error: &Error, nothing: &str) -> String {
    match error.passed_over() {
        Some([]) => nothing.to_owned(),
        Some(reasons) => format!("{nothing} ({})", reasons.join(", and ")),
        None => error.to_string(),
    }
}
