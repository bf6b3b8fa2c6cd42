//! `git credential`: what the user's helpers keep, asked so that nobody is asked anything.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bstr::ByteSlice as _;
use git2::{Config, ConfigLevel};
use url::Url;
use zeroize::{Zeroize as _, Zeroizing};

use super::Error;
use super::program::{command_elsewhere, config_for_url, run};
use crate::environment;
use crate::platform;
use crate::secret::{Login, Secret};

/// How long all the helpers together may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the credentials are for, as git tells its helpers (gitcredentials(7)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Description {
    /// The server. Only its scheme, host and port are told.
    pub server: Url,
    /// The path, without slashes at its ends; `None`: any.
    pub path: Option<String>,
    /// The user that is wanted; `None`: any.
    pub username: Option<String>,
}

impl Description {
    fn lines(&self) -> Zeroizing<Vec<u8>> {
        let mut lines = Zeroizing::new(Vec::with_capacity(4096));
        let host = self.server.host_str().unwrap_or_default();
        let host = match self.server.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        line(&mut lines, "protocol", self.server.scheme());
        line(&mut lines, "host", &host);
        if let Some(path) = &self.path {
            line(&mut lines, "path", path);
        }
        if let Some(username) = &self.username {
            line(&mut lines, "username", username);
        }
        lines
    }

    /// What a `credential.<url>.…` setting for this very thing has in its middle.
    fn url(&self) -> String {
        let origin = self.server.origin().ascii_serialization();
        format!("{origin}/{}", self.path.as_deref().unwrap_or_default())
    }
}

fn line(lines: &mut Vec<u8>, key: &str, value: &str) {
    for part in [key, "=", value, "\n"] {
        lines.extend_from_slice(part.as_bytes());
    }
}

/// What a helper has for this; `None` if none has, or what it has makes no sense.
///
/// # Errors
/// When git cannot be started, or the helpers take too long.
pub fn credential_fill(wanted: &Description) -> Result<Option<Login>, Error> {
    let Some(answer) = credential("fill", wanted, wanted.lines())? else {
        return Ok(None);
    };
    let mut user = None;
    let mut password = None;
    for line in answer.lines() {
        if let Some(value) = line.strip_prefix(b"username=") {
            user = value.to_str().ok();
        } else if let Some(value) = line.strip_prefix(b"password=") {
            password = value.to_str().ok();
        }
    }
    let (Some(user), Some(password)) = (user, password) else {
        return Ok(None);
    };
    let is_sound = |value: &str| !value.is_empty() && !value.contains(char::is_control);
    let wrong_user = wanted.username.as_deref().is_some_and(|wanted| wanted != user);
    if !is_sound(user) || !is_sound(password) || user.contains(':') || wrong_user {
        return Ok(None);
    }
    Ok(Some(Login {
        user: user.to_owned(),
        // It may be a job's, and whoever asked knows of which.
        token: Secret::unregistered(password.to_owned()),
        provenance: None,
    }))
}

/// Gives it to every helper to keep. git does not tell whether one did.
///
/// # Errors
/// As [`credential_fill`].
pub fn credential_approve(wanted: &Description, login: &Login) -> Result<(), Error> {
    credential("approve", wanted, told(wanted, login)).map(drop)
}

/// Has every helper forget it.
///
/// # Errors
/// As [`credential_fill`].
pub fn credential_reject(wanted: &Description, login: &Login) -> Result<(), Error> {
    credential("reject", wanted, told(wanted, login)).map(drop)
}

fn told(wanted: &Description, login: &Login) -> Zeroizing<Vec<u8>> {
    let mut lines = Description {
        username: Some(login.user.clone()),
        ..wanted.clone()
    }
    .lines();
    line(&mut lines, "password", login.token.expose());
    lines
}

/// What git answers; `None` if it refuses, as it does where no helper knows anything and nobody may
/// be asked.
fn credential(
    action: &str,
    wanted: &Description,
    told: Zeroizing<Vec<u8>>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut git = command_elsewhere();
    git.args(["credential", action])
        .current_dir("/")
        // No repository: its own config must not name a helper, wherever this process runs.
        .env(environment::GIT_DIR, "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GCM_INTERACTIVE", "never");
    // Not as arguments: a URL may have a `=` in it.
    let path_matters = format!("credential.{}.useHttpPath", wanted.url());
    configure(
        &mut git,
        &[
            ("core.askPass", ""),
            ("credential.interactive", "false"),
            (&path_matters, "true"),
        ],
    );
    let output = platform::run_alone_told(&mut git, told, PATIENCE).map_err(Error::Start)?;
    let Some(mut output) = output else {
        return Err(Error::Program {
            arguments: format!("credential {action}"),
            message: format!("no answer within {} s", PATIENCE.as_secs()),
        });
    };
    let answer = Zeroizing::new(output.stdout);
    // What a helper says may be anything.
    output.stderr.zeroize();
    Ok(output.status.success().then_some(answer))
}

/// Settings for this one git, as of the user.
fn configure(git: &mut Command, settings: &[(&str, &str)]) {
    git.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (number, (key, value)) in settings.iter().enumerate() {
        git.env(format!("GIT_CONFIG_KEY_{number}"), key)
            .env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
}

/// Whether the config of the user or the system may name a credential helper that is asked about this
/// server; without starting a program, and `true` where only git itself could tell.
#[must_use]
pub fn may_have_credential_helper(server: &Url) -> bool {
    // Apple's git, and others that are built so, have a config of their own elsewhere.
    if cfg!(not(target_os = "linux")) {
        return true;
    }
    let Some(mut files) = environment::git_config_of_user() else {
        return true;
    };
    if !environment::git_config_has_no_system() {
        files.extend(system_files());
    }
    // One that cannot be read here is for git to complain about.
    files
        .iter()
        .any(|file| names_helper(file, server).unwrap_or(true))
}

fn names_helper(file: &Path, server: &Url) -> Result<bool, git2::Error> {
    // A link that leads nowhere, too, is no file to git.
    if !file.exists() {
        return Ok(false);
    }
    let mut config = Config::new()?;
    config.add_file(file, ConfigLevel::Global, false)?;
    let entries = config.entries(Some(r"^credential\.(.*\.)?helper$"))?;
    let mut found = false;
    entries.for_each(|entry| {
        let name = entry.name_bytes();
        let pattern = name
            .strip_prefix(b"credential.")
            .and_then(|rest| rest.strip_suffix(b".helper"));
        found |= pattern.is_none_or(|pattern| may_concern(&pattern.to_str_lossy(), server));
    })?;
    Ok(found)
}

/// Whether the middle of `credential.<url>.helper` may be for something at this server: many have one
/// for the host of their git repositories only. What is no whole URL git alone can read.
fn may_concern(pattern: &str, server: &Url) -> bool {
    let Ok(mut url) = Url::parse(pattern) else {
        return true;
    };
    // What is asked for has a path of its own below the server.
    url.set_path("");
    !url.has_host() || matches_url(url.as_str(), server)
}

/// Where a git of this machine may have the system's config: beside itself, or in `/etc`.
fn system_files() -> Vec<PathBuf> {
    let mut prefixes = vec![PathBuf::from("/"), PathBuf::from("/usr/local")];
    if let Some(own) = environment::git_exec_path() {
        // <prefix>/libexec/git-core
        prefixes.extend(own.ancestors().nth(2).map(Path::to_owned));
    }
    let on_path = environment::search_path();
    let program = on_path
        .iter()
        .map(|folder| folder.join("git"))
        .find(|git| git.is_file());
    if let Some(program) = program {
        for program in [program.canonicalize().unwrap_or_default(), program] {
            // <prefix>/bin/git
            prefixes.extend(program.ancestors().nth(2).map(Path::to_owned));
        }
    }
    prefixes
        .iter()
        .map(|prefix| prefix.join("etc/gitconfig"))
        .collect()
}

/// The helpers that git would ask for this, in their order: `credential.helper` and those for a URL,
/// but for what an empty one before them takes back.
///
/// # Errors
/// [`Error::Start`] if there is no git.
pub fn credential_helpers(server: &Url) -> Result<Vec<String>, Error> {
    let mut git = config_for_url();
    let output = run(git.args(["-z", "--get-regexp", r"^credential\.(.*\.)?helper$"]))?;
    let mut helpers = Vec::new();
    for entry in output.stdout.split_str("\0").filter(|entry| !entry.is_empty()) {
        let (key, value) = entry.split_once_str("\n").unwrap_or((entry, b""));
        let pattern = key
            .strip_prefix(b"credential.")
            .and_then(|rest| rest.strip_suffix(b".helper"));
        let applies = pattern.is_none_or(|pattern| matches_url(&pattern.to_str_lossy(), server));
        if !applies {
            continue;
        }
        if value.is_empty() {
            helpers.clear();
        } else {
            helpers.push(value.to_str_lossy().into_owned());
        }
    }
    Ok(helpers)
}

/// Whether the middle of `credential.<url>.helper` is for this server (git-config(1), `http.<url>.*`,
/// and gitcredentials(7) for one that is only a host).
fn matches_url(pattern: &str, server: &Url) -> bool {
    let path = |url: &Url| url.path().trim_matches('/').to_owned();
    let (scheme, host, port, prefix) = match Url::parse(pattern) {
        Ok(url) if url.has_host() => (
            Some(url.scheme().to_owned()),
            url.host_str().unwrap_or_default().to_owned(),
            Some(url.port_or_known_default()),
            path(&url),
        ),
        _ => {
            let (host, port) = pattern.split_once(':').unwrap_or((pattern, ""));
            let port = port.parse().ok().map(Some);
            (None, host.to_owned(), port, String::new())
        }
    };
    let labels = |host: &str| {
        host.to_lowercase()
            .split('.')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (wanted, own) = (labels(&host), labels(server.host_str().unwrap_or_default()));
    let same_host = wanted.len() == own.len()
        && wanted
            .iter()
            .zip(&own)
            .all(|(wanted, own)| wanted == "*" || wanted == own);
    let own_path = path(server);
    let below = prefix.is_empty()
        || own_path == prefix
        || own_path
            .strip_prefix(&prefix)
            .is_some_and(|rest| rest.starts_with('/'));
    scheme.is_none_or(|scheme| scheme == server.scheme())
        && same_host
        && port.is_none_or(|port| port == server.port_or_known_default())
        && below
}

/// The name of a helper out of `credential.helper`: `libsecret` also of a path with arguments.
#[must_use]
pub fn helper_name(helper: &str) -> &str {
    let command = helper.trim_start_matches('!').trim_start();
    let program = command.split_ascii_whitespace().next().unwrap_or_default();
    let program = program.trim_matches(['"', '\'']);
    let name = Path::new(program)
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    name.strip_prefix("git-credential-").unwrap_or(name)
}
