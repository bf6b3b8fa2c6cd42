//! Who this user is to a Jenkins, and which servers a repository may reach.

pub mod helper;
mod keyring;
mod netrc;
mod private;
pub mod store;
pub mod tls;
mod token_file;
pub mod trust;

use std::path::PathBuf;

use url::Url;

use crate::git;

pub use keyring::{Answers, Found, Keyring, Source};

/// The git setting, of the user or the system, that allows credentials over plain http.
pub const ALLOW_PLAIN_HTTP: &str = "jenkinsTrigger.allowPlainHttp";

/// Why there is nothing to log in with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No source has a user and API token for the server.
    #[error(
        "no credentials for {server}{}; to log in: jenkins-trigger login {server}",
        because(passed_over)
    )]
    NoUser {
        /// The server that was to be asked.
        server: Url,
        /// Why sources were passed over that may have some.
        passed_over: Vec<String>,
    },
    /// No trigger token of that name.
    #[error(transparent)]
    NoJobToken(Box<NoJobToken>),
    /// Nothing has any, and git's helpers were not asked, because that starts programs.
    #[error("git's credential helpers were not asked for credentials for {0}")]
    NotAsked(Url),
    /// A file with secrets that must not be used as it is.
    #[error("{} is not used, because {why}; {fix}", path.display())]
    Unusable {
        /// The file, or the folder that it lies in.
        path: PathBuf,
        /// What is wrong with it, never with anything of its content.
        why: String,
        /// What mends it.
        fix: String,
    },
    /// There is no place for the own store.
    #[error("there is no place to keep credentials; set HOME or XDG_CONFIG_HOME")]
    NoHome,
    /// git's helpers could not be asked.
    #[error("{0}")]
    Helper(String),
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

impl Error {
    /// Where no source has anything: why some were passed over.
    #[must_use]
    pub fn passed_over(&self) -> Option<&[String]> {
        match self {
            Self::NoUser { passed_over, .. } => Some(passed_over),
            Self::NoJobToken(why) => Some(&why.passed_over),
            _ => None,
        }
    }
}

/// No source has the trigger token of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no trigger token {name} for job {job}{}; to keep it: jenkins-trigger login --job-token {name} {server} (or set \
     {variable})",
    because(passed_over)
)]
pub struct NoJobToken {
    /// The server of the job.
    pub server: Url,
    /// The job.
    pub job: String,
    /// The token's name.
    pub name: String,
    /// The variable that would hold it.
    pub variable: String,
    /// Why sources were passed over that may have it.
    pub passed_over: Vec<String>,
}

/// The reasons, as a part of a sentence.
fn because(reasons: &[String]) -> String {
    if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join(", and "))
    }
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
