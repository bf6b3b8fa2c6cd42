//! Why a hook could not be installed or taken out, and the way out of it.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::BString;

use super::Event;
use super::manager::{self, Manager, PRE_PUSH};
use crate::git;
use crate::text::shell_argument;

/// Why a hook could not be installed or taken out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Our own script with other lines in it.
    #[error("{path} is jenkins-trigger's with other lines in it; nothing was changed")]
    Edited {
        /// The file.
        path: PathBuf,
    },
    /// A folder, pipe or the like where the hook belongs.
    #[error("{path} is not a file; nothing was changed")]
    NoFile {
        /// What it is instead.
        path: PathBuf,
    },
    /// Something else where the folder belongs.
    #[error("{path} is not a folder; nothing was changed")]
    NoFolder {
        /// What it is instead.
        path: PathBuf,
    },
    /// Somebody else changed the file again and again.
    #[error("{path} is being changed by somebody else; nothing was changed")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else's hook that works under its own name only.
    #[error("{path} works under its own name only, so it cannot be moved aside; nothing was changed")]
    Named {
        /// The file.
        path: PathBuf,
        /// The hook of git's.
        hook: &'static str,
        /// Whose it is, if that is known.
        manager: Option<Manager>,
        /// The program that a line in it would run.
        program: PathBuf,
    },
    /// A hook of a manager that puts its own back, and runs nothing that was in its place.
    #[error("{manager} puts its own hooks back when its file changes; nothing was changed", manager = .manager.name())]
    TakenBack {
        /// Which one.
        manager: Manager,
    },
    /// A hook that git tracks.
    #[error("{path} is tracked by git, so moving it aside would be a change for all; nothing was changed")]
    Tracked {
        /// The first of the files.
        path: PathBuf,
        /// The hooks of git's that are so.
        hooks: Vec<&'static str>,
    },
    /// husky writes the hooks folder anew whenever it is installed.
    #[error("husky owns the hooks of this repository; nothing was changed")]
    Husky {
        /// The folder of the files that it has for this.
        folder: PathBuf,
    },
    /// A hook in the git config would be the second one.
    #[error("{path} runs jenkins-trigger by a line in it: both would run; nothing was changed")]
    ByLine {
        /// The file.
        path: PathBuf,
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
        "core.hooksPath is set to {value:?} in the {scope} git config, so git runs no hook files here; nothing \
         was changed"
    )]
    NoHooks {
        /// The scope that says so.
        scope: String,
        /// Its value.
        value: BString,
    },
    /// `core.hooksPath` is relative, and nothing in some work tree.
    #[error(
        "core.hooksPath is set to {value} in the {scope} git config, which counts from the top of each work tree: \
         in {work_tree} that is {dead}, where no folder can be; nothing was changed"
    )]
    DeadHooksPath {
        /// The scope that says so.
        scope: String,
        /// Its value.
        value: BString,
        /// The work tree.
        work_tree: PathBuf,
        /// Where git looks there.
        dead: PathBuf,
        /// The folder that was meant.
        alive: PathBuf,
    },
    /// The hook is installed for every repository.
    #[error("it is installed already for every repository, in {by}: both would run; nothing was changed")]
    EverywhereAlready {
        /// The git config or the folder that has it.
        by: String,
    },
    /// Hook files are for one repository.
    #[error("no folder has the hook files of every repository: core.hooksPath is not set in your git config")]
    NoFolderForAll,
    /// This git runs no hooks from its config.
    #[error("git {version} runs no hooks from its config; that came with git 2.54")]
    OldGit {
        /// The version that is here.
        version: String,
        /// The user's folder for the hook files of every repository, if he has one.
        folder: Option<PathBuf>,
    },
    /// The git config could not be written.
    #[error("could not change the git config: {message}")]
    GitConfig {
        /// What git said.
        message: String,
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
    /// git changes one file of the git config, and the hook is in one that is included or beside it.
    #[error("hook.jenkins-trigger is set in {file}, which git config leaves alone: it is still there")]
    InAnotherFile {
        /// Where it is.
        file: PathBuf,
    },
}

impl Error {
    /// Whether hooks in the git config would do what the files cannot.
    pub(super) fn config_helps(&self) -> bool {
        matches!(
            self,
            Self::Named { .. }
                | Self::TakenBack { .. }
                | Self::Tracked { .. }
                | Self::Husky { .. }
                | Self::SharedHooksPath { .. }
                | Self::DeadHooksPath { .. }
        )
    }

    /// The command that lets git run this repository's hook files, if there is one.
    #[must_use]
    pub fn setting_right(&self) -> Option<String> {
        let set = |scope: &str, path: &Path| {
            let path = shell_argument(path.as_os_str().as_bytes());
            Some(format!("git config --{scope} core.hooksPath {path}"))
        };
        match self {
            Self::SharedHooksPath { own, .. } => set("local", own),
            Self::DeadHooksPath { scope, alive, .. } => set(scope, alive),
            Self::NoHooks { scope, .. } => Some(format!("git config --{scope} --unset-all core.hooksPath")),
            _ => None,
        }
    }

    /// What the user can do about it, if more than the message says. `events` is what he installs.
    #[must_use]
    pub fn help(&self, events: &[Event]) -> Option<String> {
        let word = |path: &Path| shell_argument(path.as_os_str().as_bytes());
        let install = super::command(events);
        // The other way, which leaves every file alone.
        let by_config = format!("with git 2.54 or newer: {install} --via config");
        let setting_right = self.setting_right().unwrap_or_default();
        match self {
            Self::Edited { path } => Some(format!("move {} away and install again", path.display())),
            Self::NoFile { path } | Self::NoFolder { path } => Some(format!("move {} away", path.display())),
            Self::Named {
                manager: Some(manager),
                ..
            }
            | Self::TakenBack { manager } => Some(format!("{}\nor, {by_config}", manager.offer(events).join("\n"))),
            Self::Named { hook, program, .. } => Some(format!(
                "if it is a shell script, add {what} to it, before {all}:\n{lines}\nthen: {install}\nor, {by_config}",
                what = if *hook == PRE_PUSH { "these lines" } else { "this line" },
                all = if *hook == PRE_PUSH { "all else" } else { "any `exec` or `exit`" },
                lines = manager::own_lines(&word(program), hook).join("\n")
            )),
            Self::Tracked { hooks, .. } => {
                let lines: Vec<String> = hooks
                    .iter()
                    .flat_map(|hook| manager::named(&format!("in {hook}"), manager::guarded_lines(hook)))
                    .collect();
                Some(format!(
                    "add a line to it, before any `exec` or `exit`, that does nothing for those who have no \
                     jenkins-trigger on the PATH\n{}\nthen: {install}\nor, {by_config}",
                    lines.join("\n")
                ))
            }
            Self::Husky { .. } => Some(format!(
                "let this add lines to them: {install} --via file --yes\nor write them yourself {}\nor, {by_config}",
                Manager::Husky.offer(events).join("\n")
            )),
            Self::ByLine { .. } => Some(format!("for the other hooks: {install} --via file")),
            Self::SharedHooksPath { .. } => Some(format!(
                "to have hooks of its own in this repository, and no longer the shared ones: \
                 {setting_right}\nor, {by_config}"
            )),
            Self::PassingHooksPath { .. } => Some(
                "leave out `-c core.hooksPath=...` (or GIT_CONFIG_COUNT and GIT_CONFIG_PARAMETERS) when you install"
                    .into(),
            ),
            Self::NoHooks { .. } => Some(format!(
                "to let git run hooks again: {setting_right}\nor, {by_config}"
            )),
            Self::DeadHooksPath { .. } => Some(format!(
                "give it as an absolute path: {setting_right}\nor, {by_config}"
            )),
            Self::EverywhereAlready { .. } => Some("take that out first: jenkins-trigger uninstall --global".into()),
            Self::NoFolderForAll => Some(format!("{by_config} --global")),
            Self::OldGit { folder: Some(folder), .. } => Some(format!(
                "to write into {}, where your git config says that the hooks of every repository are: \
                 {install} --global --via file",
                folder.display()
            )),
            Self::OldGit { .. } => Some(format!("install hook files into each repository: {install} --via file")),
            Self::InAnotherFile { file } => Some(format!(
                "take it out there, then do this again: git config --file {} --remove-section hook.jenkins-trigger",
                word(file)
            )),
            Self::Changed { .. } | Self::GitConfig { .. } | Self::Io { .. } | Self::Git(_) => None,
        }
    }
}
