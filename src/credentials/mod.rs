//! Who this user is to a Jenkins, and which servers a repository may reach.

mod keyring;
pub mod tls;
pub mod trust;

use url::Url;

use crate::git;

pub use keyring::{Found, Keyring, Source};

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
