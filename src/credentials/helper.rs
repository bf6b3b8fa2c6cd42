//! What git's credential helpers keep: the user's API token and the jobs' trigger tokens of a server.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use url::Url;

use super::Error;
use crate::environment;
use crate::git::{self, Description};
use crate::secret::Login;

/// The user that a job's trigger token is kept for.
pub const JOB_TOKEN: &str = "job-token";

/// The path of a user's API token where the server has no context path: without one, helpers answer
/// with whatever they have for the host, a job's trigger token too.
const LOGIN: &str = "login";

/// The helpers that keep what they are given where nobody reads it from the disk (gitcredentials(7),
/// and the manager's own documentation).
const ENCRYPTING: &[&str] = &[
    "osxkeychain",
    "libsecret",
    "gnome-keyring",
    "wincred",
    "manager",
    "manager-core",
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// The user with the API token.
    User,
    /// The job's trigger token of this name.
    JobToken(String),
}

impl Wanted {
    fn description(&self, server: &Url) -> Description {
        let context = server.path().trim_matches('/');
        let (path, username) = match self {
            Self::User if context.is_empty() => (LOGIN.to_owned(), None),
            Self::User => (context.to_owned(), None),
            Self::JobToken(name) => {
                let path = format!("{context}/{JOB_TOKEN}/{name}");
                (
                    path.trim_start_matches('/').to_owned(),
                    Some(JOB_TOKEN.to_owned()),
                )
            }
        };
        Description {
            server: server.clone(),
            path: Some(path),
            username,
        }
    }

    /// As whoever gave it to a helper himself may have described it, if that is another way.
    fn other_description(&self, server: &Url) -> Option<Description> {
        let is_root = server.path().trim_matches('/').is_empty();
        (is_root && *self == Self::User).then(|| Description {
            server: server.clone(),
            path: None,
            username: None,
        })
    }
}

/// Whether the git config of the user or the system may name a helper for this server. Starts no
/// program.
#[must_use]
pub fn may_be_configured(server: &Url) -> bool {
    git::may_have_credential_helper(server)
}

/// Whether what is approved for this server is kept encrypted, and nowhere else: git gives it to every
/// helper there is.
#[must_use]
pub fn encrypts(server: &Url) -> bool {
    let helpers = git::credential_helpers(server).unwrap_or_default();
    let names: Vec<&str> = helpers.iter().map(|helper| git::helper_name(helper)).collect();
    let is_manager = names.iter().any(|name| name.starts_with("manager"));
    names.iter().any(|name| ENCRYPTING.contains(name))
        // The cache never writes to the disk, and forgets.
        && names.iter().all(|name| ENCRYPTING.contains(name) || *name == "cache")
        && !(is_manager && manager_keeps_plaintext(server))
}

/// Whether Git Credential Manager is set to keep plain text, or nothing for long
/// (its `docs/credstores.md`).
fn manager_keeps_plaintext(server: &Url) -> bool {
    let store = environment::gcm_credential_store().map(OsString::into_vec);
    let store = store.or_else(|| {
        let mut settings = git::settings_for_url("credential", server.as_str()).unwrap_or_default();
        settings.remove("credential.credentialstore").map(Vec::from)
    });
    store.is_some_and(|store| {
        ["plaintext", "cache", "none"]
            .iter()
            .any(|plain| store.eq_ignore_ascii_case(plain.as_bytes()))
    })
}

/// What a helper has, without anybody being asked; `None` if none has anything.
///
/// # Errors
/// [`Error::Helper`]: git cannot be started, or the helpers take too long.
pub fn fill(server: &Url, wanted: &Wanted) -> Result<Option<Login>, Error> {
    let found = fill_own(server, wanted)?;
    match wanted.other_description(server) {
        Some(other) if found.is_none() => ask(&other, wanted),
        _ => Ok(found),
    }
}

/// The same of what [`approve`] gave them alone.
///
/// # Errors
/// As [`fill`].
pub fn fill_own(server: &Url, wanted: &Wanted) -> Result<Option<Login>, Error> {
    ask(&wanted.description(server), wanted)
}

fn ask(description: &Description, wanted: &Wanted) -> Result<Option<Login>, Error> {
    let found = git::credential_fill(description).map_err(|error| refused(&error))?;
    // Helpers that do not look at the path have one answer for all.
    Ok(found.filter(|login| (login.user == JOB_TOKEN) == (*wanted != Wanted::User)))
}

/// Gives it to the helpers to keep, and asks for it again: whether one has it now.
///
/// # Errors
/// As [`fill`].
pub fn approve(server: &Url, wanted: &Wanted, login: &Login) -> Result<bool, Error> {
    git::credential_approve(&wanted.description(server), login).map_err(|error| refused(&error))?;
    Ok(is(login, fill_own(server, wanted)?))
}

/// Has the helpers forget what [`approve`] gave them, and asks for it again: whether it is gone.
///
/// # Errors
/// As [`fill`].
pub fn reject(server: &Url, wanted: &Wanted, login: &Login) -> Result<bool, Error> {
    git::credential_reject(&wanted.description(server), login).map_err(|error| refused(&error))?;
    Ok(!is(login, fill_own(server, wanted)?))
}

/// The same for what the user gave them himself, perhaps without a path: what else they have for the
/// host is other programs', so it is this one that answers and no other.
///
/// # Errors
/// As [`fill`].
pub fn reject_answer(server: &Url, wanted: &Wanted, login: &Login) -> Result<bool, Error> {
    if let Some(other) = wanted.other_description(server) {
        git::credential_reject(&other, login).map_err(|error| refused(&error))?;
    }
    Ok(!is(login, fill(server, wanted)?))
}

fn is(login: &Login, found: Option<Login>) -> bool {
    found.is_some_and(|found| found.user == login.user && found.token.is(&login.token))
}

fn refused(error: &git::Error) -> Error {
    Error::Helper(error.to_string())
}
