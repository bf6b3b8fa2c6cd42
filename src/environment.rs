//! Every environment variable this tool reads, in one place.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the one module that reads the environment"
)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use bstr::BString;

use crate::secret::{Login, Secret};

/// `0` switches the hooks off for a command: `JENKINS_TRIGGER=0 git commit …`.
pub const SWITCH: &str = "JENKINS_TRIGGER";
/// Where a process's ancestors are not told: the hook that is being run for ours, so that it is
/// not run once more below itself.
pub const CHAIN: &str = "JENKINS_TRIGGER_CHAIN";
/// The git directory, as git and this tool tell it to what they start.
pub const GIT_DIR: &str = "GIT_DIR";
/// The top of the work tree, as git and this tool tell it to what they start.
pub const GIT_WORK_TREE: &str = "GIT_WORK_TREE";
/// The Jenkins user id, as the official Jenkins CLI reads it.
pub const USER_ID: &str = "JENKINS_USER_ID";
/// That user's API token or password, as the official Jenkins CLI reads it.
pub const API_TOKEN: &str = "JENKINS_API_TOKEN";
/// The server the two belong to; without it they serve every trusted server.
pub const URL: &str = "JENKINS_URL";
/// What the name of a variable with a job's trigger token begins with.
pub const JOB_TOKEN_PREFIX: &str = "JENKINS_TRIGGER_TOKEN_";
/// The file with the credentials of a service account. No job's trigger token, though it begins so.
pub const TOKEN_FILE: &str = "JENKINS_TRIGGER_TOKEN_FILE";
/// The folder with the credentials that systemd gives a service.
pub const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The address that a push goes to, for the process that waits for its end: it may have a password
/// in it.
pub const PUSH_ADDRESS: &str = "JENKINS_TRIGGER_PUSH_ADDRESS";
/// What the names of variables begin with that tell a `git` of ours about a remote: the values may
/// have passwords in them.
pub const ASKED_PREFIX: &str = "JENKINS_TRIGGER_ASKED_";
/// The `jenkins-trigger push` that a push runs below, for its hook: process id, start, and the
/// common git directory.
pub const PUSH: &str = "JENKINS_TRIGGER_PUSH";
/// The command by which git runs ssh.
pub const GIT_SSH_COMMAND: &str = "GIT_SSH_COMMAND";

/// The variables that tie a process to one repository: what `git rev-parse --local-env-vars`
/// lists in any version of git so far, and those that a hook gets on top of them.
const REPOSITORY_VARIABLES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Where an explicit `GIT_DIR` and `GIT_WORK_TREE` point, as given.
#[derive(Debug, Default, Clone)]
pub struct RepositoryPaths {
    /// `GIT_DIR`, perhaps relative.
    pub git_dir: Option<PathBuf>,
    /// `GIT_WORK_TREE`, perhaps relative.
    pub work_tree: Option<PathBuf>,
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn value(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the user switched the hooks off.
#[must_use]
pub fn switched_off() -> bool {
    env::var_os(SWITCH).is_some_and(|value| value == "0")
}

/// The chained hook that this process runs below, as [`CHAIN`] has it.
#[must_use]
pub fn chain() -> Option<PathBuf> {
    path(CHAIN)
}

/// What git told its hook, or the user told git, about the repository.
#[must_use]
pub fn repository_paths() -> RepositoryPaths {
    RepositoryPaths {
        git_dir: path(GIT_DIR),
        work_tree: path(GIT_WORK_TREE),
    }
}

/// The folder git's own programs are in, for a caller whose PATH lacks `git`.
#[must_use]
pub fn git_exec_path() -> Option<PathBuf> {
    path("GIT_EXEC_PATH")
}

/// The address of the push whose end this process waits for, with its password.
#[must_use]
pub fn push_address() -> Option<BString> {
    env::var_os(PUSH_ADDRESS).map(|value| value.into_vec().into())
}

/// The `jenkins-trigger push` that this process runs below, as [`PUSH`] has it.
#[must_use]
pub fn push() -> Option<OsString> {
    env::var_os(PUSH)
}

/// The command by which the user has git run ssh.
#[must_use]
pub fn git_ssh_command() -> Option<BString> {
    env::var_os(GIT_SSH_COMMAND).map(|value| value.into_vec().into())
}

/// The program that the user has git run for ssh.
#[must_use]
pub fn git_ssh() -> Option<OsString> {
    env::var_os("GIT_SSH").filter(|value| !value.is_empty())
}

/// How that program takes its arguments, as the user tells git.
#[must_use]
pub fn git_ssh_variant() -> Option<BString> {
    env::var_os("GIT_SSH_VARIANT").map(|value| value.into_vec().into())
}

/// What was given to `git push -o`, as git tells its hooks where the push is received.
#[must_use]
pub fn push_options() -> Vec<Vec<u8>> {
    let count = env::var("GIT_PUSH_OPTION_COUNT").ok();
    let count: usize = count.and_then(|count| count.parse().ok()).unwrap_or(0);
    (0..count)
        .map_while(|number| env::var_os(format!("GIT_PUSH_OPTION_{number}")))
        .map(OsString::into_vec)
        .collect()
}

/// The folders that programs are looked for in.
#[must_use]
pub fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect()
}

/// The user's home folder, as `HOME` or, for a service that is started without it, the list of
/// users has it; `None` for a user without one.
#[must_use]
pub fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

/// `$XDG_STATE_HOME`, or `~/.local/state`; `None` for a user without either.
#[must_use]
pub fn state_home() -> Option<PathBuf> {
    path("XDG_STATE_HOME")
        .filter(|home| home.is_absolute())
        .or_else(|| Some(home()?.join(".local/state")))
}

/// `$XDG_CONFIG_HOME`, or `~/.config`; `None` for a user without either.
#[must_use]
pub fn config_home() -> Option<PathBuf> {
    path("XDG_CONFIG_HOME")
        .filter(|home| home.is_absolute())
        .or_else(|| Some(home()?.join(".config")))
}

/// The file with the credentials of a service account, if the user named one.
#[must_use]
pub fn token_file() -> Option<PathBuf> {
    path(TOKEN_FILE)
}

/// The folder with the credentials that systemd gave this service.
#[must_use]
pub fn credentials_directory() -> Option<PathBuf> {
    path(CREDENTIALS_DIRECTORY).filter(|folder| folder.is_absolute())
}

/// Where Git Credential Manager is told to keep what it is given, before what git's config says of
/// that (its `docs/environment.md`).
#[must_use]
pub fn gcm_credential_store() -> Option<OsString> {
    env::var_os("GCM_CREDENTIAL_STORE").filter(|store| !store.is_empty())
}

/// The netrc: what `NETRC` names, as for curl, or the one in the home folder.
#[must_use]
pub fn netrc() -> Option<PathBuf> {
    path("NETRC")
        .filter(|file| file.is_absolute())
        .or_else(|| Some(home()?.join(".netrc")))
}

/// The config files of git that belong to the user, or to the whole system where git is told where
/// that is: `None` if git is told to read others, or none.
#[must_use]
pub fn git_config_of_user() -> Option<Vec<PathBuf>> {
    if env::var_os("GIT_CONFIG_GLOBAL").is_some() || env::var_os("GIT_CONFIG_SYSTEM").is_some() {
        return None;
    }
    let home = home()?;
    Some(vec![config_home()?.join("git/config"), home.join(".gitconfig")])
}

/// Whether git is told not to read the system's config.
#[must_use]
pub fn git_config_has_no_system() -> bool {
    env::var_os("GIT_CONFIG_NOSYSTEM")
        .is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// The login name; for a service that has none, the number of the user.
#[must_use]
pub fn user_name() -> Vec<u8> {
    ["LOGNAME", "USER"]
        .iter()
        .find_map(|name| env::var_os(name).filter(|value| !value.is_empty()))
        .map_or_else(
            || crate::platform::user_id().to_string().into_bytes(),
            OsString::into_vec,
        )
}

/// The value of a variable that the file names under `env:`.
#[must_use]
pub fn declared(name: &str) -> Option<Vec<u8>> {
    env::var_os(name).map(OsString::into_vec)
}

/// The Jenkins user id and API token, if both are set.
#[must_use]
pub fn jenkins_login() -> Option<Login> {
    Some(Login::new(value(USER_ID)?, Secret::new(value(API_TOKEN)?)))
}

/// The one of the two variables that is not set, if the other is.
#[must_use]
pub fn missing_of_login() -> Option<&'static str> {
    let is_set = |name| env::var(name).is_ok_and(|value: String| !value.is_empty());
    match (is_set(USER_ID), is_set(API_TOKEN)) {
        (true, false) => Some(API_TOKEN),
        (false, true) => Some(USER_ID),
        _ => None,
    }
}

/// The server that the user id and token are for, if the user bound them to one. What is no text is
/// no server's, and binds them all the same.
#[must_use]
pub fn jenkins_url() -> Option<String> {
    let url = env::var_os(URL).filter(|value| !value.is_empty())?;
    Some(url.to_string_lossy().into_owned())
}

/// The name of the variable that holds the job trigger token called `name`: upper case, `-` to `_`.
#[must_use]
pub fn job_token_variable(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace('-', "_");
    format!("{JOB_TOKEN_PREFIX}{name}")
}

/// The job trigger token in the variable called `name`.
#[must_use]
pub fn job_token(name: &str) -> Option<Secret> {
    let text = value(name).filter(|_| name != TOKEN_FILE)?;
    // Whoever knows the job lets it be hidden.
    Some(Secret::unregistered(text))
}

/// The variables of this process that a child with work elsewhere must not inherit.
pub fn repository_variables() -> impl Iterator<Item = OsString> {
    env::vars_os().map(|(name, _)| name).filter(|name| {
        let bytes = name.as_bytes();
        REPOSITORY_VARIABLES.iter().any(|known| OsStr::new(known) == name)
            || bytes.starts_with(b"GIT_CONFIG_KEY_")
            || bytes.starts_with(b"GIT_CONFIG_VALUE_")
    })
}

/// The variables of this process that hold a secret of this tool.
pub fn secret_variables() -> impl Iterator<Item = OsString> {
    env::vars_os().map(|(name, _)| name).filter(|name| {
        name == API_TOKEN || name == PUSH_ADDRESS || name.as_bytes().starts_with(JOB_TOKEN_PREFIX.as_bytes())
    })
}
