//! Who this user is to a server: the sources in their order, each asked once.

use std::fmt;

use url::Url;

use super::Error;
use crate::environment;
use crate::secret::{Login, Secret};

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment.
    Environment(String),
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(out, "{name}"),
        }
    }
}

/// A secret with where it was found.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// What was looked for.
    pub value: T,
    /// Where it was.
    pub source: Source,
    /// Whether it is kept for this very server. What is not serves only servers that the user trusts.
    pub bound: bool,
}

/// The credentials of the user that this process runs for. What a source has said counts as long as
/// this lives.
#[derive(Debug, Default)]
pub struct Keyring {}

impl Keyring {
    /// The user and API token for a server that the user trusts.
    ///
    /// # Errors
    /// [`Error::NoUser`], or [`Error::Elsewhere`] when they are bound to another server's origin.
    pub fn login(&self, server: &Url) -> Result<Found<Login>, Error> {
        let login = environment::jenkins_login().ok_or_else(|| Error::NoUser(server.clone()))?;
        let bound = environment::jenkins_url();
        if let Some(bound) = &bound {
            let same = Url::parse(bound).is_ok_and(|url| url.origin() == server.origin());
            if !same {
                return Err(Error::Elsewhere {
                    server: server.clone(),
                    bound: shown(bound),
                });
            }
        }
        Ok(Found {
            value: login,
            source: Source::Environment(environment::API_TOKEN.into()),
            bound: bound.is_some(),
        })
    }

    /// The same where something says that they are for this server: for a question that is not needed
    /// for what he asked, and that nobody is to ask another server with his token.
    #[must_use]
    pub fn bound_login(&self, server: &Url) -> Option<Login> {
        let found = self.login(server).ok()?;
        found.bound.then_some(found.value)
    }

    /// The trigger token called `name`, for `job` of a server that the user trusts.
    ///
    /// # Errors
    /// [`Error::NoJobToken`].
    pub fn job_token(&self, _server: &Url, name: &str, job: &str) -> Result<Found<Secret>, Error> {
        let variable = environment::job_token_variable(name);
        match environment::job_token(&variable, job) {
            Some(value) => Ok(Found {
                value,
                source: Source::Environment(variable),
                bound: false,
            }),
            None => Err(Error::NoJobToken {
                job: job.to_owned(),
                variable,
            }),
        }
    }
}

/// A URL out of the environment without the password that may stand in it.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => "something that is no URL".into(),
    }
}
