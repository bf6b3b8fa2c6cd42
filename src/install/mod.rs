//! Putting hooks where git runs them, and taking them out again.

pub mod chain;
pub mod manager;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};

use crate::git::{self, Repository};
use crate::platform;
use crate::text::{shell_argument, shell_word};

/// What the second line of our hooks begins with, whatever else was written into them.
const MARKER: &str = "# jenkins-trigger hook, version ";

/// The hook as it is installed, but for the path of the program.
const POST_COMMIT: &str = include_str!("../../hooks/post-commit");

/// What stands in for that path.
const PLACEHOLDER: &str = "@BINARY@";

/// Why a hook could not be installed or taken out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else's hook is there.
    #[error("{path} is there already and is not jenkins-trigger's; nothing was changed")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The program that a line in it would run.
        program: PathBuf,
    },
    /// `core.hooksPath` is not this repository's own.
    #[error(
        "core.hooksPath is set to {value} in the {scope} git config, for every repository; nothing was changed"
    )]
    SharedHooksPath {
        /// `global` or `system`.
        scope: String,
        /// Its value.
        value: BString,
        /// The folder that is for this repository's hooks alone.
        own: PathBuf,
    },
    /// `core.hooksPath` was set for one command.
    #[error("core.hooksPath is set to {value} for this one command; nothing was changed")]
    PassingHooksPath {
        /// Its value.
        value: BString,
    },
    /// `core.hooksPath` switches hooks off.
    #[error(
        "core.hooksPath is set to {value:?} in the {scope} git config, so git runs no hooks here; nothing was \
         changed"
    )]
    NoHooks {
        /// The scope that says so.
        scope: String,
        /// Its value.
        value: BString,
    },
    /// The file system refused.
    #[error("could not {action} {path}: {reason}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// git refused.
    #[error(transparent)]
    Git(#[from] git::Error),
}

impl Error {
    /// What the user can do about it, if more than the message says.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Foreign { path, .. } if was_ours(path) => Some(format!(
                "it is jenkins-trigger's with other lines in it; move {} away and install again",
                path.display()
            )),
            Self::Foreign { path, program } if is_script(path) => Some(format!(
                "if it is a shell script, add this line to it, before any `exec` or `exit`:\n{} hook post-commit \
                 \"$@\"\nthen: jenkins-trigger trust",
                shell_argument(program.as_os_str().as_bytes())
            )),
            Self::Foreign { path, .. } => Some(format!(
                "move it away and install again, or call both from a script of your own at {}",
                path.display()
            )),
            Self::SharedHooksPath { own, .. } => Some(format!(
                "to have hooks of its own in this repository: git config --local core.hooksPath {}",
                shell_argument(own.as_os_str().as_bytes())
            )),
            Self::PassingHooksPath { .. } => Some(
                "leave out `-c core.hooksPath=...` (or GIT_CONFIG_COUNT and GIT_CONFIG_PARAMETERS) when you install"
                    .into(),
            ),
            Self::NoHooks { scope, .. } => Some(format!(
                "to let git run hooks again: git config --{scope} --unset core.hooksPath"
            )),
            Self::Io { .. } | Self::Git(_) => None,
        }
    }
}

fn is_script(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
        && fs::read(path).is_ok_and(|content| content.starts_with(b"#!"))
}

/// What was found where a hook belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A hook that this tool wrote.
    Ours,
    /// Something else.
    Foreign,
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The hook file.
    pub path: PathBuf,
    /// What it replaced: nothing, or an earlier version of itself.
    pub before: Found,
    /// Whether its folder had to be created.
    pub made_folder: bool,
}

/// The folder that git runs hooks from when nothing else is configured.
fn own_folder(repository: &Repository) -> PathBuf {
    repository.common_dir().join("hooks")
}

/// The file that git runs on `post-commit` in this repository, by git's own rule.
/// An error where that file is not this repository's to write, or git would run none.
fn hook_file(repository: &Repository) -> Result<PathBuf, Error> {
    if let Some((scope, value)) = repository.hooks_path_setting()? {
        match scope.as_str() {
            "command" => return Err(Error::PassingHooksPath { value }),
            _ if value.is_empty() || value == "/dev/null" => {
                return Err(Error::NoHooks { scope, value });
            }
            "local" | "worktree" => {}
            _ => {
                return Err(Error::SharedHooksPath {
                    scope,
                    value,
                    own: own_folder(repository),
                });
            }
        }
    }
    Ok(repository.hook_path("post-commit")?)
}

fn look(path: &Path) -> Result<Found, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed("look at", path)(error)),
        Ok(found) if !found.is_file() => return Ok(Found::Foreign),
        Ok(_) => {}
    }
    let content = fs::read(path).map_err(failed("read", path))?;
    Ok(if is_ours(&content) {
        Found::Ours
    } else {
        Found::Foreign
    })
}

/// Whether the file is what `install` writes and nothing more: a line that somebody added is his,
/// and neither overwritten nor removed.
fn is_ours(content: &[u8]) -> bool {
    let (head, tail) = template();
    content
        .strip_prefix(head.as_bytes())
        .and_then(|rest| rest.strip_suffix(tail.as_bytes()))
        .is_some_and(is_shell_word)
}

/// Whether these bytes are one word as `shell_word` writes it.
fn is_shell_word(word: &[u8]) -> bool {
    let inner = word.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"));
    inner.is_some_and(|inner| shell_word(&inner.replace(b"'\\''", b"'")) == word)
}

/// The hook before and after the path of the program.
fn template() -> (&'static str, &'static str) {
    POST_COMMIT.split_once(PLACEHOLDER).unwrap_or((POST_COMMIT, ""))
}

fn was_ours(path: &Path) -> bool {
    fs::read(path).is_ok_and(|content| {
        let marked = |line: &[u8]| line.starts_with(MARKER.as_bytes());
        content.lines().nth(1).is_some_and(marked)
    })
}

/// Installs the `post-commit` hook, to run `program`.
///
/// # Errors
/// [`Error::Foreign`] where somebody else's hook is; nothing was changed after any error.
pub fn install_post_commit(repository: &Repository, program: &Path) -> Result<Installed, Error> {
    let path = hook_file(repository)?;
    let before = look(&path)?;
    if before == Found::Foreign {
        return Err(Error::Foreign {
            path,
            program: program.to_owned(),
        });
    }
    let folder = path.parent().unwrap_or(&path).to_owned();
    let made_folder = !folder.is_dir();
    if made_folder {
        let topmost = folder.ancestors().take_while(|path| !path.exists()).last();
        remember_folder(repository, topmost.unwrap_or(&folder))?;
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
    }
    let (head, tail) = template();
    let word = shell_word(program.as_os_str().as_bytes());
    let content = [head.as_bytes(), &word, tail.as_bytes()].concat();
    platform::replace(&path, &content, 0o755).map_err(failed("write", &path))?;
    Ok(Installed {
        path,
        before,
        made_folder,
    })
}

/// Takes the `post-commit` hook out, wherever an `install` under an earlier `core.hooksPath` may
/// have put it; gives each place that was looked at and what was there.
///
/// # Errors
/// What git or the file system says.
pub fn uninstall_post_commit(repository: &Repository) -> Result<Vec<(PathBuf, Found)>, Error> {
    let mut places = vec![repository.hook_path("post-commit")?];
    let own = own_folder(repository).join("post-commit");
    if !places.contains(&own) {
        places.push(own);
    }
    let mut found = Vec::new();
    for path in places {
        let was = look(&path)?;
        if was == Found::Ours {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
            forget_folder(repository, path.parent().unwrap_or(&path));
        }
        found.push((path, was));
    }
    Ok(found)
}

/// Where the topmost folder that `install` had to create is written down.
fn folder_record(repository: &Repository) -> PathBuf {
    repository.common_dir().join("jenkins-trigger/made-folder")
}

fn remember_folder(repository: &Repository, topmost: &Path) -> Result<(), Error> {
    let record = folder_record(repository);
    let parent = record.parent().unwrap_or(&record);
    platform::shared_directory(parent, repository.common_dir()).map_err(failed("create", parent))?;
    platform::replace(&record, topmost.as_os_str().as_bytes(), 0o644).map_err(failed("write", &record))
}

/// Removes the folders that `install` created, unless somebody put something into them.
fn forget_folder(repository: &Repository, folder: &Path) {
    let record = folder_record(repository);
    let Ok(topmost) = fs::read(&record) else { return };
    let topmost = Path::new(OsStr::from_bytes(&topmost));
    let mut made = folder
        .ancestors()
        .take_while(|path| path.starts_with(topmost))
        .peekable();
    if made.peek().is_none() || made.any(|path| fs::remove_dir(path).is_err()) {
        return;
    }
    let _ = fs::remove_file(&record);
    // Stays while there is a spool in it.
    let _ = fs::remove_dir(record.parent().unwrap_or(&record));
}

/// Whether git would run the file: it skips one without the run bit.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |reason| Error::Io {
        action,
        path: path.to_owned(),
        reason,
    }
}
