//! Putting hooks where git runs them, and taking them out again.

mod block;
pub mod chain;
mod config_hook;
mod error;
mod files;
mod folder;
mod made;
pub mod manager;
mod place;
mod shim;
pub mod state;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::ByteSlice as _;

pub use config_hook::{ConfigHook, Scope, read as config_hooks};
pub use error::Error;
pub use folder::{Found, look};
pub use place::Place;
pub use shim::Shim;

use manager::Manager;

use crate::environment;
use crate::git::{self, Repository};
use crate::platform::Lock;

/// Every hook of git's that this tool installs, for whatever event.
pub const ALL_HOOKS: [&str; 5] = [
    "post-commit",
    "post-merge",
    "post-rewrite",
    "pre-push",
    "post-receive",
];

/// What can be installed: an event, and git's hooks that serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A commit was made here: git's own hook misses clean merges, and a rebase calls it for each
    /// commit.
    PostCommit,
    /// A remote took a push from here: git's own hook comes before the push, and what becomes of it
    /// is found out afterwards.
    PostPush,
    /// This bare repository took a push.
    PostReceive,
}

impl Event {
    /// The event's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostCommit => "post-commit",
            Self::PostPush => "post-push",
            Self::PostReceive => "post-receive",
        }
    }

    /// The hooks of git's that serve it.
    #[must_use]
    pub fn hooks(self) -> &'static [&'static str] {
        match self {
            Self::PostCommit => &ALL_HOOKS[..3],
            Self::PostPush => &ALL_HOOKS[3..4],
            Self::PostReceive => &ALL_HOOKS[4..],
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::PostCommit, Self::PostPush, Self::PostReceive];

    /// The one that is meant where nothing is said.
    #[must_use]
    pub fn usual(repository: &Repository) -> Self {
        if repository.work_tree().is_none() {
            Self::PostReceive
        } else {
            Self::PostPush
        }
    }

    /// The events that these hooks of git's serve.
    #[must_use]
    pub fn of_hooks(hooks: &[&str]) -> Vec<Self> {
        let mut events = Self::ALL.to_vec();
        events.retain(|event| event.hooks().iter().any(|hook| hooks.contains(hook)));
        events
    }
}

/// The command that installs these events; without any, the usual one.
#[must_use]
pub fn command(events: &[Event]) -> String {
    let names = events.iter().map(|event| event.name());
    let words: Vec<&str> = ["jenkins-trigger install"].into_iter().chain(names).collect();
    words.join(" ")
}

/// By which of git's two ways the hooks are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Files; where they cannot be this repository's own, the git config if this git runs hooks
    /// from there.
    Auto,
    /// Files in the hooks folder.
    File,
    /// `hook.jenkins-trigger` in the git config.
    Config,
}

/// What is to be installed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The program that the hooks run.
    pub program: &'a Path,
    /// Git's hooks, each once.
    pub hooks: &'a [&'static str],
    /// How.
    pub via: Via,
    /// Whether lines may be added to a file that a hook manager has for that.
    pub append: bool,
}

/// One thing that an installation or its undoing did, or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A folder was made.
    MadeFolder(PathBuf),
    /// A folder that was made is gone again.
    RemovedFolder(PathBuf),
    /// A hook file was put.
    Put {
        /// The file.
        path: PathBuf,
        /// It was ours before.
        renewed: bool,
        /// Where the hook that was there before is now.
        aside: Option<PathBuf>,
        /// Whose that one is, if it is a manager's.
        manager: Option<Manager>,
    },
    /// Somebody else's hook runs ours by a line in it, and stays.
    ByLine(PathBuf),
    /// Lines were added to a manager's own file.
    Appended(PathBuf),
    /// Files of ours in the work tree are hidden from `git status` by this file.
    Excluded(PathBuf),
    /// The folder is no part of this repository.
    Outside(PathBuf),
    /// Another work tree has a hooks folder of its own.
    Elsewhere {
        /// The work tree.
        work_tree: PathBuf,
        /// What is installed here and not there.
        events: Vec<Event>,
    },
    /// The git config was set.
    Configured {
        /// In which scope.
        scope: &'static str,
        /// On which hooks.
        hooks: Vec<&'static str>,
        /// It was set before.
        renewed: bool,
    },
    /// The git config was chosen because files could not be.
    Because(String),
    /// The user's git config has the hook already, for every repository.
    EverywhereAlready,
    /// The folder for the hook files of every repository has them already.
    EverywhereByFiles(PathBuf),
    /// The user's git config still has the hook, for every repository.
    StillEverywhere,
    /// One of our hook files was removed.
    Removed(PathBuf),
    /// The hook that was there before is back.
    Restored(PathBuf),
    /// What ours had moved aside is no longer there.
    Vanished(PathBuf),
    /// Somebody else's hook is in the place, and stays.
    Foreign(PathBuf),
    /// What was moved aside, still under that name because somebody else's hook is in its place.
    StillAside(PathBuf),
    /// Our lines are out of a manager's file.
    Cut(PathBuf),
    /// The hook is out of the git config.
    Unset(&'static str),
}

/// Waits until nobody else installs into this repository or takes out of it: files and git config
/// are one installation. Where there is no such lock, two at one time are left to luck.
fn lock(repository: &Repository) -> Option<Lock> {
    // Every repository has this folder, and no hooks are in it.
    Lock::of_folder(&repository.common_dir().join("objects")).ok()
}

/// The same for what every repository of the user has.
fn lock_everywhere() -> Option<Lock> {
    Lock::of_folder(&environment::home()?).ok()
}

/// Installs the hooks into one repository.
///
/// # Errors
/// Why it could not; nothing was changed then.
pub fn install(repository: &Repository, request: &Request<'_>) -> Result<Vec<Done>, Error> {
    let _lock = lock(repository);
    let set = config_hook::read(Some(repository))?;
    let version = git::version()?;
    let covered = |hook: &&ConfigHook| {
        hook.scope == "global"
            && request
                .hooks
                .iter()
                .all(|name| hook.events.iter().any(|event| event == name))
    };
    if version.has_config_hooks() && set.iter().any(|hook| covered(&hook)) {
        // Both would run.
        return match request.via {
            Via::Auto => {
                let mut done = vec![Done::EverywhereAlready];
                done.extend(without_files(&files::Places::of(repository)?)?);
                Ok(done)
            }
            Via::File | Via::Config => Err(Error::EverywhereAlready {
                by: "your git config".into(),
            }),
        };
    }
    let place = Place::of(repository)?;
    let there = |hook: &&str| {
        let path = place.folder.join(hook);
        matches!(look(&path), Ok(Found::Ours(_))) && is_executable(&path)
    };
    if place.is_shared() && request.hooks.iter().all(there) {
        return match request.via {
            Via::Auto => Ok(vec![Done::EverywhereByFiles(place.folder)]),
            Via::File | Via::Config => Err(Error::EverywhereAlready {
                by: place.folder.display().to_string(),
            }),
        };
    }
    let configured = set.iter().any(|hook| hook.scope == "local");
    let fires = set
        .iter()
        .any(|hook| hook.scope == "local" && !hook.events.is_empty());
    // What does not last is better than nothing.
    let by_file = |lasting| by_file(repository, request, lasting, configured);
    match request.via {
        Via::Config => by_config(repository, request),
        Via::Auto if fires && version.has_config_hooks() => by_config(repository, request),
        Via::Auto => match by_file(version.has_config_hooks()) {
            Err(error) if error.config_helps() && version.has_config_hooks() => {
                let mut done = vec![Done::Because(error.to_string())];
                done.extend(by_config(repository, request)?);
                Ok(done)
            }
            other => other,
        },
        Via::File => by_file(false),
    }
}

fn by_file(
    repository: &Repository,
    request: &Request<'_>,
    lasting: bool,
    configured: bool,
) -> Result<Vec<Done>, Error> {
    let mut done = files::install(repository, request, lasting)?;
    if !configured {
        return Ok(done);
    }
    match config_hook::remove(Scope::Local(repository)) {
        Ok(true) => done.push(Done::Unset("local")),
        Ok(false) => {}
        Err(error) => {
            // Both would run.
            files::take_back(&done);
            return Err(error);
        }
    }
    Ok(done)
}

fn by_config(repository: &Repository, request: &Request<'_>) -> Result<Vec<Done>, Error> {
    let place = Place::of(repository)?;
    for hook in request.hooks {
        let path = place.folder.join(hook);
        if !place.is_nowhere() && files::runs_us_by_a_line(&path, hook)? {
            return Err(Error::ByLine { path });
        }
    }
    let files = files::Places::of(repository)?;
    let mut done = configure(Scope::Local(repository), request)?;
    done.extend(without_files(&files)?);
    Ok(done)
}

/// Takes our files out, because the git config runs the hook.
fn without_files(files: &files::Places) -> Result<impl Iterator<Item = Done>, Error> {
    Ok(files.take_out()?.into_iter().filter(is_about_ours))
}

/// What else is in the folder has nothing to do with a hook in the config.
fn is_about_ours(done: &Done) -> bool {
    matches!(
        done,
        Done::Removed(_) | Done::Restored(_) | Done::RemovedFolder(_) | Done::Cut(_)
    )
}

/// Installs the hooks for every repository of the user.
///
/// # Errors
/// Why it could not; nothing was changed then.
pub fn install_everywhere(request: &Request<'_>) -> Result<Vec<Done>, Error> {
    let _lock = lock_everywhere();
    let folder = folder_for_all()?;
    if request.via != Via::File {
        let mut done = configure(Scope::Global, request)?;
        if let Some(folder) = folder {
            done.extend(files::out_of_folder(&folder)?.into_iter().filter(is_about_ours));
        }
        return Ok(done);
    }
    let mut done = files::into_folder(
        &folder.ok_or(Error::NoFolderForAll)?,
        None,
        request,
        files::Kind {
            everywhere: true,
            lasting: false,
        },
    )?;
    match config_hook::remove(Scope::Global) {
        Ok(true) => done.push(Done::Unset("global")),
        Ok(false) => {}
        Err(error) => {
            // Both would run.
            files::take_back(&done);
            return Err(error);
        }
    }
    Ok(done)
}

/// The folder that the user's git config names for the hook files of every repository.
fn folder_for_all() -> Result<Option<PathBuf>, Error> {
    let mut git = git::command();
    // With --global git reads one of the user's two files only.
    git.current_dir("/").args([
        "config",
        "--show-scope",
        "--type=path",
        "-z",
        "--get-all",
        "core.hooksPath",
    ]);
    let output = git::run(&mut git)?;
    let fields: Vec<&[u8]> = output.stdout.split_str("\0").collect();
    let (entries, _) = fields.as_chunks::<2>();
    let found = entries.iter().rev().find(|[scope, _]| *scope == b"global");
    let value = found.map_or(&b""[..], |[_, value]| value);
    let folder = Path::new(OsStr::from_bytes(value));
    // A relative one is another folder in each repository.
    Ok((folder.is_absolute() && folder != Path::new("/dev/null")).then(|| folder.to_owned()))
}

fn configure(scope: Scope<'_>, request: &Request<'_>) -> Result<Vec<Done>, Error> {
    let version = git::version()?;
    if !version.has_config_hooks() {
        return Err(Error::OldGit {
            version: version.text,
            folder: match scope {
                Scope::Local(_) => None,
                Scope::Global => folder_for_all()?,
            },
        });
    }
    let (name, repository) = match scope {
        Scope::Local(repository) => ("local", Some(repository)),
        Scope::Global => ("global", None),
    };
    let before = config_hook::read(repository)?;
    let renewed = before
        .iter()
        .any(|hook| hook.scope == name && !hook.events.is_empty());
    if let Err(error) = config_hook::write(scope, request.program, request.hooks) {
        if !renewed {
            let _ = config_hook::remove(scope);
        }
        return Err(error);
    }
    Ok(vec![Done::Configured {
        scope: name,
        hooks: request.hooks.to_vec(),
        renewed,
    }])
}

/// Takes out of one repository what was installed into it.
///
/// # Errors
/// What git or the file system says.
pub fn uninstall(repository: &Repository) -> Result<Vec<Done>, Error> {
    let _lock = lock(repository);
    let mut done = Vec::new();
    if config_hook::remove(Scope::Local(repository))? {
        done.push(Done::Unset("local"));
    }
    done.extend(files::uninstall(repository)?);
    let everywhere = |hook: &ConfigHook| hook.scope == "global" && !hook.events.is_empty();
    if config_hook::read(Some(repository))?.iter().any(everywhere) {
        done.push(Done::StillEverywhere);
    }
    Ok(done)
}

/// Takes out what was installed for every repository.
///
/// # Errors
/// What git says.
pub fn uninstall_everywhere() -> Result<Vec<Done>, Error> {
    let _lock = lock_everywhere();
    let mut done = Vec::new();
    if config_hook::remove(Scope::Global)? {
        done.push(Done::Unset("global"));
    }
    if let Some(folder) = folder_for_all()? {
        done.extend(files::out_of_folder(&folder)?);
    }
    Ok(done)
}

/// Whether git would run the file: it skips one without the run bit.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    crate::platform::may_run(path)
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |reason| Error::Io {
        action,
        path: path.to_owned(),
        reason,
    }
}

/// A file name with something added.
fn named(name: &str, addition: &str) -> OsString {
    OsString::from(format!("{name}{addition}"))
}
