//! Putting hooks where git runs them, and taking them out again.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};

use crate::git::{self, Repository};
use crate::platform;

/// The line that tells our hooks from anybody else's.
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
        /// Its event.
        event: &'static str,
    },
    /// `core.hooksPath` is not this repository's own.
    #[error(
        "core.hooksPath is set to {value} in the {scope} git config, for every repository; nothing was changed"
    )]
    SharedHooksPath {
        /// `global`, `system` or `command`.
        scope: String,
        /// Its value.
        value: BString,
    },
    /// `core.hooksPath` switches hooks off.
    #[error(
        "core.hooksPath is set to {value:?}, so git runs no hooks in this repository; nothing was changed"
    )]
    NoHooks {
        /// Its value.
        value: BString,
    },
    /// The file system refused.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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
            Self::Foreign { path, event } => Some(format!(
                "add this line to {}: jenkins-trigger hook {event} \"$@\"",
                path.display()
            )),
            Self::SharedHooksPath { .. } => Some(
                "to use this repository's own hooks instead: git config --local core.hooksPath .git/hooks"
                    .into(),
            ),
            Self::NoHooks { .. } => {
                Some("to let git run this repository's hooks: git config --unset core.hooksPath".into())
            }
            Self::Io { .. } | Self::Git(_) => None,
        }
    }
}

/// What was found where a hook belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A hook that this tool wrote, with these bytes.
    Ours(Vec<u8>),
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

/// What an uninstallation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// The hook is gone.
    Removed(PathBuf),
    /// There was none.
    Absent(PathBuf),
    /// What is there is somebody else's and stays.
    Foreign(PathBuf),
}

/// The file that git runs on `post-commit` in this repository, by git's own rule.
///
/// # Errors
/// [`Error::SharedHooksPath`] and [`Error::NoHooks`] where it is not this repository's to write.
pub fn hook_file(repository: &Repository) -> Result<PathBuf, Error> {
    if let Some((scope, value)) = repository.hooks_path_setting()? {
        if value.is_empty() || value == "/dev/null" {
            return Err(Error::NoHooks { value });
        }
        if scope != "local" && scope != "worktree" {
            return Err(Error::SharedHooksPath { scope, value });
        }
    }
    Ok(repository.hook_path("post-commit")?)
}

/// What is at `path` now.
///
/// # Errors
/// What the file system says.
pub fn look(path: &Path) -> Result<Found, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed("look at", path)(error)),
        Ok(found) if !found.is_file() => return Ok(Found::Foreign),
        Ok(_) => {}
    }
    let content = fs::read(path).map_err(failed("read", path))?;
    let ours = content
        .lines()
        .nth(1)
        .is_some_and(|line| line.starts_with(MARKER.as_bytes()));
    Ok(if ours {
        Found::Ours(content)
    } else {
        Found::Foreign
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
            event: "post-commit",
        });
    }
    let folder = path.parent().unwrap_or(&path).to_owned();
    let made_folder = !folder.is_dir();
    if made_folder {
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
    }
    let script = POST_COMMIT.replace(PLACEHOLDER, "\0");
    let (head, tail) = script.split_once('\0').unwrap_or((&script, ""));
    let content = [head.as_bytes(), &quoted(program), tail.as_bytes()].concat();
    platform::replace(&path, &content, 0o755).map_err(failed("write", &path))?;
    Ok(Installed {
        path,
        before,
        made_folder,
    })
}

/// Takes the `post-commit` hook out.
///
/// # Errors
/// What git or the file system says.
pub fn uninstall_post_commit(repository: &Repository) -> Result<Removed, Error> {
    let path = hook_file(repository)?;
    match look(&path)? {
        Found::Nothing => Ok(Removed::Absent(path)),
        Found::Foreign => Ok(Removed::Foreign(path)),
        Found::Ours(_) => {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
            Ok(Removed::Removed(path))
        }
    }
}

/// Whether git would run the file: it skips one without the run bit.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> Vec<u8> {
    let mut word = b"'".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'\'' => word.extend_from_slice(b"'\\''"),
            other => word.push(*other),
        }
    }
    word.push(b'\'');
    word
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
