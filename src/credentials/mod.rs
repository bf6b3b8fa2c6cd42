//! Who this user is to a Jenkins, and which servers a repository may reach.

pub mod tls;
pub mod trust;

use url::Url;

use crate::environment;
use crate::git;
use crate::secret::{Login, Secret};

/// The git setting, of the user or the system, that allows credentials over plain http.
pub const ALLOW_PLAIN_HTTP: &str = "jenkinsTrigger.allowPlainHttp";

/// Why there is nothing to log in with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither variable, or only one of the two.
    #[error("no credentials for {0}; set JENKINS_USER_ID and JENKINS_API_TOKEN (made at {0}me/security/)")]
    NoUser(Url),
    /// The credentials are for another server.
    #[error("JENKINS_API_TOKEN is for {bound} (JENKINS_URL), not for {server}; set JENKINS_URL to it")]
    Elsewhere {
        /// The server that was to be asked.
        server: Url,
        /// The server that `JENKINS_URL` names.
        bound: String,
    },
    /// No trigger token of that name.
    #[error("no trigger token for job {job}; set {variable}")]
    NoJobToken {
        /// The job.
        job: String,
        /// The variable that would hold it.
        variable: String,
    },
    /// A file for TLS that the user's git config names cannot be read.
    #[error(transparent)]
    Tls(Box<tls::Unreadable>),
    /// The server is reached over plain http.
    #[error(
        "{server} is plain http, so a token sent there can be read on the way; use https, or allow it: \
         git config --global --add {ALLOW_PLAIN_HTTP} {origin}"
    )]
    PlainHttp {
        /// The server.
        server: Url,
        /// Its scheme, host and port.
        origin: String,
    },
}

/// The user and API token for `server`.
///
/// # Errors
/// [`Error::NoUser`], or [`Error::Elsewhere`] when they are bound to another server's origin.
pub fn login_for(server: &Url) -> Result<Login, Error> {
    let login = environment::jenkins_login().ok_or_else(|| Error::NoUser(server.clone()))?;
    if let Some(bound) = environment::jenkins_url() {
        let same = Url::parse(&bound).is_ok_and(|url| url.origin() == server.origin());
        if !same {
            return Err(Error::Elsewhere {
                server: server.clone(),
                bound: shown(&bound),
            });
        }
    }
    Ok(login)
}

/// The same where the user said that they are for this server: for a question that is not needed
/// for what he asked, and that nobody is to ask another server with his token.
#[must_use]
pub fn bound_login_for(server: &Url) -> Option<Login> {
    environment::jenkins_url()?;
    login_for(server).ok()
}

/// A URL out of the environment without the password that may stand in it.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => "something that is no URL".into(),
    }
}

/// The trigger token called `name`, for `job`.
///
/// # Errors
/// [`Error::NoJobToken`].
pub fn job_token(name: &str, job: &str) -> Result<Secret, Error> {
    let variable = environment::job_token_variable(name);
    environment::job_token(&variable).ok_or_else(|| Error::NoJobToken {
        job: job.to_owned(),
        variable,
    })
}

/// Whether a secret may be sent to `server`: over https, to this machine itself, or where the
/// user's own git config says so. `loopback` is the client's word on "this machine itself".
///
/// # Errors
/// [`Error::PlainHttp`].
pub fn check_transport(server: &Url, loopback: bool) -> Result<(), Error> {
    if server.scheme() == "https" || loopback {
        return Ok(());
    }
    let allowed = git::global_settings(ALLOW_PLAIN_HTTP).unwrap_or_default();
    let listed = allowed
        .iter()
        .filter_map(|value| Url::parse(value).ok())
        .any(|url| url.origin() == server.origin());
    if listed {
        return Ok(());
    }
    Err(Error::PlainHttp {
        server: server.clone(),
        origin: server.origin().ascii_serialization(),
    })
}
