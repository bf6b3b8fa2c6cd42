//! Hooks that are set in the git config: `hook.jenkins-trigger.command` and `.event`, which git
//! runs since 2.54 beside the hook files, wherever `core.hooksPath` points.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use bstr::{BString, ByteSlice as _};

use super::Error;
use super::shim::take_word;
use crate::git::{self, Repository};
use crate::text::shell_word;

/// The name that the hook has in the git config. No event of git may be called so: such a name is
/// fatal to every git command that runs a hook.
const SECTION: &str = "hook.jenkins-trigger";

/// The value of `command`; git adds `"$@"` itself.
const TEMPLATE: &str = include_str!("../../hooks/config");

/// In milliseconds: git itself does not wait for another git that changes the same file.
const WAITS: [u64; 5] = [10, 20, 40, 80, 160];

/// Whose git config.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// This repository's own.
    Local(&'a Repository),
    /// The user's, for every repository.
    Global,
}

impl Scope<'_> {
    fn option(self) -> &'static str {
        match self {
            Self::Local(_) => "--local",
            Self::Global => "--global",
        }
    }

    fn name(self) -> &'static str {
        self.option().trim_start_matches('-')
    }

    /// A `git config` that reads all scopes, as git does when it runs a hook: one that is told the
    /// scope leaves out what is included.
    fn reader(self) -> Command {
        let mut git = match self {
            Self::Local(repository) => repository.command(),
            Self::Global => git::command(),
        };
        if matches!(self, Self::Global) {
            git.current_dir("/");
        }
        git.arg("config");
        git
    }

    /// A `git config` that changes this scope.
    fn git(self) -> Command {
        let mut git = self.reader();
        git.arg(self.option());
        git
    }
}

/// What one scope of the git config says about our hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigHook {
    /// `local`, `global`, `system`, `worktree` or `command`.
    pub scope: String,
    /// What git runs.
    pub command: Option<BString>,
    /// On which of its hooks.
    pub events: Vec<String>,
    /// `false`: switched off.
    pub enabled: Option<bool>,
}

impl ConfigHook {
    /// The program that the command runs; `None` if somebody wrote another command.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        let (_, rest) = self.command.as_ref()?.split_once_str("binary=")?;
        let mut rest = rest;
        take_word(&mut rest).map(PathBuf::from)
    }
}

/// What the git config says, scope by scope, as git reads it: later ones go before earlier ones.
///
/// # Errors
/// What git says.
pub fn read(repository: Option<&Repository>) -> Result<Vec<ConfigHook>, Error> {
    let mut git = repository.map_or_else(git::command, Repository::command);
    if repository.is_none() {
        git.current_dir("/");
    }
    git.args([
        "config",
        "--show-scope",
        "-z",
        "--get-regexp",
        r"^hook\.jenkins-trigger\.",
    ]);
    let output = git::run(&mut git)?;
    let mut hooks: Vec<ConfigHook> = Vec::new();
    let mut fields = output.stdout.split_str("\0");
    while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
        let (key, value) = entry.split_once_str("\n").unwrap_or((entry, b"true"));
        let scope = scope.to_str_lossy().into_owned();
        let at = hooks.iter().position(|hook| hook.scope == scope);
        let at = at.unwrap_or_else(|| {
            hooks.push(ConfigHook {
                scope,
                command: None,
                events: Vec::new(),
                enabled: None,
            });
            hooks.len() - 1
        });
        let hook = &mut hooks[at];
        match key.rsplit_once_str(".").map(|(_, name)| name) {
            Some(b"command") => hook.command = Some(value.into()),
            Some(b"event") if value.is_empty() => hook.events.clear(),
            Some(b"event") => hook.events.push(value.to_str_lossy().into_owned()),
            Some(b"enabled") => hook.enabled = Some(!matches!(value, b"false" | b"no" | b"off" | b"0")),
            _ => {}
        }
    }
    Ok(hooks)
}

/// Sets the hook. The command first: an event without a command is fatal to every git command
/// that runs a hook, and a kill may come in between.
///
/// # Errors
/// What git says; the message names the key. What was not there before is not there then either.
pub fn write(scope: Scope<'_>, program: &Path, hooks: &[&str]) -> Result<(), Error> {
    let before = in_scope(scope)?;
    let written = add(scope, program, hooks, before.as_ref());
    if written.is_err() && before.is_none() {
        let _ = remove(scope);
    }
    // Another program, or somebody's editor, may have taken the command out meanwhile.
    let dead = |hook: &ConfigHook| hook.command.is_none() && !hook.events.is_empty();
    if let Ok(Some(found)) = in_scope(scope)
        && dead(&found)
    {
        unset(scope, "event")?;
        written?;
        return Err(Error::GitConfig {
            message: format!("somebody else took {SECTION}.command out"),
        });
    }
    written
}

fn add(scope: Scope<'_>, program: &Path, hooks: &[&str], before: Option<&ConfigHook>) -> Result<(), Error> {
    set(scope, &["--replace-all"], "command", &command(scope, program))?;
    let there = before.map(|hook| hook.events.as_slice()).unwrap_or_default();
    for hook in hooks {
        if !there.iter().any(|event| event == hook) {
            set(scope, &["--add"], "event", hook.as_bytes())?;
        }
    }
    Ok(())
}

/// Takes the hook out of one scope, as far as it is ours: what somebody set beside it stays.
/// `false` where there was none.
///
/// # Errors
/// What git says.
pub fn remove(scope: Scope<'_>) -> Result<bool, Error> {
    let Some(found) = in_scope(scope)? else {
        return Ok(false);
    };
    if found.command.is_none() && found.events.is_empty() {
        return Ok(false);
    }
    if is_ours_alone(scope)? {
        let output = change(scope.git().args(["--remove-section", SECTION]))?;
        // It may be in another file than the one that git changes; that is found out below.
        if !output.stderr.contains_str("no such section") {
            succeeded(&output)?;
        }
    } else {
        // The events first, and the command only when none is left in any file.
        unset(scope, "event")?;
        is_gone(scope, &["event"])?;
        unset(scope, "command")?;
    }
    match is_gone(scope, &["event", "command"]) {
        Err(error @ Error::InAnotherFile { .. }) => Err(error),
        // What git did is done, whether it can be looked at or not.
        _ => Ok(true),
    }
}

fn unset(scope: Scope<'_>, key: &str) -> Result<(), Error> {
    let mut git = scope.git();
    git.args(["--unset-all", &format!("{SECTION}.{key}")]);
    let output = change(&mut git)?;
    // 5: there was none.
    if output.status.code() == Some(5) {
        return Ok(());
    }
    succeeded(&output)
}

/// # Errors
/// [`Error::InAnotherFile`] if one of these keys is still there.
fn is_gone(scope: Scope<'_>, keys: &[&str]) -> Result<(), Error> {
    let is_left = |entry: &&Entry| keys.iter().any(|key| entry.is(key));
    match entries(scope)?.iter().find(is_left) {
        Some(entry) => Err(Error::InAnotherFile {
            file: entry.file.clone(),
        }),
        None => Ok(()),
    }
}

/// One key of the section, in whatever file of a scope.
#[derive(Debug)]
struct Entry {
    file: PathBuf,
    key: BString,
}

impl Entry {
    fn is(&self, name: &str) -> bool {
        self.key
            .rsplit_once_str(".")
            .is_some_and(|(_, key)| key == name.as_bytes())
    }
}

fn entries(scope: Scope<'_>) -> Result<Vec<Entry>, Error> {
    let mut git = scope.reader();
    git.args([
        "--show-scope",
        "--show-origin",
        "--name-only",
        "-z",
        "--get-regexp",
        r"^hook\.jenkins-trigger\.",
    ]);
    let output = git::run(&mut git)?;
    let fields: Vec<&[u8]> = output.stdout.split_str("\0").collect();
    let (found, _) = fields.as_chunks::<3>();
    Ok(found
        .iter()
        .filter(|[name, ..]| *name == scope.name().as_bytes())
        .map(|[_, origin, key]| Entry {
            file: OsStr::from_bytes(origin.strip_prefix(b"file:").unwrap_or(origin)).into(),
            key: (*key).into(),
        })
        .collect())
}

/// Whether the section holds what we wrote and nothing else: git takes comments away with a
/// section, up to the next one.
fn is_ours_alone(scope: Scope<'_>) -> Result<bool, Error> {
    let entries = entries(scope)?;
    let Some(Entry { file, .. }) = entries.first() else {
        return Ok(false);
    };
    let ours = |entry: &Entry| (entry.is("command") || entry.is("event")) && entry.file == *file;
    if !entries.iter().all(ours) {
        return Ok(false);
    }
    let text = fs::read(file).unwrap_or_default();
    let header = |line: &[u8]| line.trim() == b"[hook \"jenkins-trigger\"]";
    let mut rest = text.lines().skip_while(|line| !header(line)).skip(1).peekable();
    let written = |line: &[u8]| {
        [&b"\tcommand = "[..], b"\tevent = "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    Ok(rest.peek().is_some() && rest.take_while(|line| !line.starts_with(b"[")).all(written))
}

fn in_scope(scope: Scope<'_>) -> Result<Option<ConfigHook>, Error> {
    let repository = match scope {
        Scope::Local(repository) => Some(repository),
        Scope::Global => None,
    };
    let mut hooks = read(repository)?.into_iter();
    Ok(hooks.find(|hook| hook.scope == scope.name()))
}

fn command(scope: Scope<'_>, program: &Path) -> Vec<u8> {
    let everywhere = matches!(scope, Scope::Global);
    let text = TEMPLATE
        .trim_end()
        .replace("@SCOPE@", scope.option())
        .replace("@EVERYWHERE@", if everywhere { "yes" } else { "" });
    // Last, and once: the path may hold anything.
    let word = shell_word(program.as_os_str().as_bytes());
    text.as_bytes().replacen("@BINARY@", word, 1)
}

fn set(scope: Scope<'_>, how: &[&str], key: &str, value: &[u8]) -> Result<(), Error> {
    let mut git = scope.git();
    git.args(how)
        .arg(format!("{SECTION}.{key}"))
        .arg(OsStr::from_bytes(value));
    must(&mut git)
}

fn must(git: &mut Command) -> Result<(), Error> {
    succeeded(&change(git)?)
}

/// Runs a git that changes the config, again if another one is at it.
fn change(git: &mut Command) -> Result<Output, Error> {
    for wait in WAITS {
        let output = git::run(git)?;
        if output.status.success() || !output.stderr.contains_str("could not lock config file") {
            return Ok(output);
        }
        thread::sleep(Duration::from_millis(wait));
    }
    Ok(git::run(git)?)
}

fn succeeded(output: &Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let said = output.stderr.to_str_lossy();
    Err(Error::GitConfig {
        message: said.lines().collect::<Vec<_>>().join(" "),
    })
}
