//! Access to the repository: through libgit2, and through the `git` program where libgit2 cannot
//! open it (reftable references, SHA-256 objects).

mod credential;
mod library;
mod program;
mod remote;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bstr::{BStr, BString, ByteSlice as _};

use crate::environment::{self, RepositoryPaths};

pub use credential::{
    Description, credential_approve, credential_fill, credential_helpers, credential_reject, helper_name,
    may_have_credential_helper,
};
pub use program::{
    Version, command, global_settings, path_for_url, run, settings_for_url, users_own, version,
    versions_on_path,
};
pub use remote::{Refspecs, address_to_keep};

/// Why the repository could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository here or above.
    #[error("not in a git repository: {0}")]
    NoRepository(PathBuf),
    /// libgit2 could not do what was asked.
    #[error("could not {action}: {reason}")]
    Library {
        /// What was tried.
        action: String,
        /// libgit2's own words.
        reason: String,
    },
    /// The `git` program could not be started.
    #[error("could not run git: {0}")]
    Start(std::io::Error),
    /// The `git` program refused.
    #[error("git {arguments} failed: {message}")]
    Program {
        /// The subcommand with its arguments.
        arguments: String,
        /// What it wrote to stderr, on one line.
        message: String,
    },
    /// The file is not read, because it is too large to be what it should be.
    #[error(
        "{path} of commit {commit} has {size} bytes, more than the {limit} that are read; make it shorter"
    )]
    TooLarge {
        /// The path inside the repository.
        path: String,
        /// The commit, abbreviated.
        commit: String,
        /// Its size in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The path is there but is no file.
    #[error("{path} is {what} in commit {commit}; commit the file itself there")]
    NoFile {
        /// The path inside the repository.
        path: String,
        /// `a symbolic link`, `a directory` or `a submodule`.
        what: &'static str,
        /// The commit, abbreviated.
        commit: String,
    },
}

/// What `HEAD` points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A branch by its full reference name; `tip` is `None` while it has no commit.
    Branch {
        /// For example `refs/heads/main`; any bytes git allows.
        reference: BString,
        /// The commit's id in hexadecimal.
        tip: Option<String>,
    },
    /// A commit without a branch.
    Detached {
        /// The commit's id in hexadecimal.
        tip: String,
    },
}

/// What a commit object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id in hexadecimal: 40 digits, or 64 in a SHA-256 repository.
    pub id: String,
    /// The parents' ids, first parent first.
    pub parents: Vec<String>,
    /// The author's name.
    pub author_name: BString,
    /// The author's e-mail address.
    pub author_email: BString,
    /// The whole message.
    pub message: BString,
}

/// The end of a branch, or what a tag is of, with no more than its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The commit's id.
    pub commit: String,
    /// The id of what it has in the place that was asked about: files of one id are the same.
    pub file: Option<String>,
}

/// The paths that differ between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// All of them.
    Known(Vec<BString>),
    /// More than the limit.
    TooMany,
}

/// Files in the git directory that show an operation git has not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InProgress {
    /// A rebase.
    pub rebase: bool,
    /// A `git am`.
    pub mailbox: bool,
    /// A bisect.
    pub bisect: bool,
    /// A cherry-pick.
    pub cherry_pick: bool,
    /// A revert.
    pub revert: bool,
    /// A merge.
    pub merge: bool,
}

#[derive(Debug)]
enum Backend {
    Library(library::Library),
    Program(program::Program),
}

/// An open repository.
#[derive(Debug)]
pub struct Repository {
    backend: Backend,
    git_dir: PathBuf,
    common_dir: PathBuf,
    work_tree: Option<PathBuf>,
}

impl Repository {
    /// Opens the repository that `start` lies in, or the one that `GIT_DIR` names.
    ///
    /// # Errors
    /// [`Error::NoRepository`] where there is none; what git says where it refuses this one.
    pub fn discover(start: &Path, named: &RepositoryPaths) -> Result<Self, Error> {
        match Self::through_library(start, named) {
            Some(repository) => Ok(repository),
            // Whatever libgit2 has against it (no repository, a foreign owner, a format it does not
            // know): git itself decides, and its words are the ones people can search for.
            None => Self::through_program(start),
        }
    }

    /// Opens the repository as [`Repository::discover`] does, but only if `HEAD` has the file `path`
    /// or libgit2 can tell: each question to the `git` program is a process of its own, and most
    /// repositories are left alone after this one.
    ///
    /// # Errors
    /// As [`Repository::discover`].
    pub fn discover_with_file(
        start: &Path,
        named: &RepositoryPaths,
        path: &str,
    ) -> Result<Option<Self>, Error> {
        if let Some(repository) = Self::through_library(start, named) {
            return Ok(Some(repository));
        }
        if !start.join(path).exists() && !program::head_has(start, path)? {
            return Ok(None);
        }
        Self::through_program(start).map(Some)
    }

    fn through_library(start: &Path, named: &RepositoryPaths) -> Option<Self> {
        let library = library::Library::open(start, named).ok()?;
        let work_tree = library.work_tree(start, named);
        Some(Self {
            git_dir: absolute(library.git_dir()),
            common_dir: absolute(library.common_dir()),
            work_tree: work_tree.map(|path| absolute(&path)),
            backend: Backend::Library(library),
        })
    }

    fn through_program(start: &Path) -> Result<Self, Error> {
        let (program, places) = program::Program::open(start)?;
        Ok(Self {
            git_dir: places.git_dir,
            common_dir: places.common_dir,
            work_tree: places.work_tree,
            backend: Backend::Program(program),
        })
    }

    /// The absolute git directory, of this work tree where it is a linked one.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The absolute git directory that all linked work trees share.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The top of the work tree; `None` in a bare repository.
    #[must_use]
    pub fn work_tree(&self) -> Option<&Path> {
        self.work_tree.as_deref()
    }

    /// The folder that git runs this repository's hooks in.
    fn hooks_run_in(&self) -> &Path {
        self.work_tree().unwrap_or(self.git_dir())
    }

    /// The repository's name: its folder's, without `.git`.
    #[must_use]
    pub fn name(&self) -> BString {
        let folder = match self.common_dir.file_name() {
            Some(name) if name == ".git" => self.common_dir.parent().and_then(Path::file_name),
            other => other,
        };
        let name = folder.map_or(&b""[..], std::os::unix::ffi::OsStrExt::as_bytes);
        name.strip_suffix(b".git").unwrap_or(name).into()
    }

    /// A `git` for this very repository, whatever the environment says; it starts in the folder
    /// that git runs hooks in. What `git -c` was given still counts.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = command();
        for name in environment::repository_variables() {
            if !name.as_bytes().starts_with(b"GIT_CONFIG") {
                command.env_remove(name);
            }
        }
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(&self.git_dir);
        command.arg(git_dir).current_dir(self.hooks_run_in());
        command
    }

    /// How many commits an unfinished cherry-pick or revert of several has still to make, the one
    /// at work included; 0 where there is none.
    #[must_use]
    pub fn sequence_left(&self) -> usize {
        let todo = fs::read(self.git_dir.join("sequencer/todo")).unwrap_or_default();
        let is_command = |line: &&[u8]| !line.trim().is_empty() && !line.starts_with(b"#");
        todo.lines().filter(is_command).count()
    }

    /// `core.hooksPath` with the scope that sets it (`local`, `worktree`, `global`, `system`,
    /// `command`); `None` where nobody does.
    ///
    /// # Errors
    /// What git says.
    pub fn hooks_path_setting(&self) -> Result<Option<(String, BString)>, Error> {
        let mut git = self.command();
        git.args(["config", "--show-scope", "-z", "--get", "core.hooksPath"]);
        let output = run(&mut git)?;
        if !output.status.success() {
            return Ok(None);
        }
        let mut fields = output.stdout.split_str("\0");
        let scope = fields.next().unwrap_or_default().to_str_lossy().into_owned();
        let value = fields.next().unwrap_or_default();
        Ok(Some((scope, value.into())))
    }

    /// The scope (`local`, `global`, ...) that sets this key; `None` where nobody does.
    ///
    /// # Errors
    /// [`Error::Start`] if there is no git.
    pub fn scope_of_setting(&self, key: &str) -> Result<Option<String>, Error> {
        let mut git = self.command();
        git.args(["config", "--show-scope", "-z", "--get", key]);
        let output = run(&mut git)?;
        let scope = output.stdout.split_str("\0").next().unwrap_or_default();
        Ok((!scope.is_empty()).then(|| scope.to_str_lossy().into_owned()))
    }

    /// Where git has a file of its git directory, `hooks` or `info/exclude` for example.
    ///
    /// # Errors
    /// What git says.
    pub fn git_path(&self, name: &str) -> Result<PathBuf, Error> {
        let mut git = self.command();
        git.args(["rev-parse", "--git-path", name]);
        let answer = program::answer_of(&mut git)?;
        let path = answer.trim_end_with(|c| c == '\n');
        Ok(self.hooks_run_in().join(OsStr::from_bytes(path)))
    }

    /// The tops of all work trees of this repository, linked ones included.
    ///
    /// # Errors
    /// What git says.
    pub fn work_trees(&self) -> Result<Vec<PathBuf>, Error> {
        let mut git = self.command();
        git.args(["worktree", "list", "--porcelain"]);
        let answer = program::answer_of(&mut git)?;
        let mut found = Vec::new();
        for entry in answer.split_str("\n\n") {
            let bare = entry.lines().any(|line| line == b"bare");
            let path = entry.lines().find_map(|line| line.strip_prefix(b"worktree "));
            found.extend(
                path.filter(|_| !bare)
                    .map(|path| PathBuf::from(OsStr::from_bytes(path))),
            );
        }
        Ok(found)
    }

    /// Whether git tracks this file, which is named from the top of the work tree.
    ///
    /// # Errors
    /// What git says.
    pub fn tracks(&self, path: &Path) -> Result<bool, Error> {
        let mut git = self.command();
        let mut pathspec = OsString::from(":(top,literal)");
        pathspec.push(path);
        git.args(["ls-files", "-z", "--"]).arg(pathspec);
        Ok(!program::answer_of(&mut git)?.is_empty())
    }

    /// Whether git ignores this file of the work tree.
    ///
    /// # Errors
    /// [`Error::Start`] if there is no git.
    pub fn ignores(&self, path: &Path) -> Result<bool, Error> {
        let mut git = self.command();
        git.args(["check-ignore", "-q", "--"]).arg(path);
        Ok(run(&mut git)?.status.success())
    }

    /// What `HEAD` points at.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn head(&self) -> Result<Head, Error> {
        match &self.backend {
            Backend::Library(library) => library.head(),
            Backend::Program(program) => program.head(),
        }
    }

    /// The id of the commit that a full reference name leads to, tags peeled; `None` if there is
    /// no such reference.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn resolve(&self, reference: &BStr) -> Result<Option<String>, Error> {
        match &self.backend {
            Backend::Library(library) => library.resolve(reference),
            Backend::Program(program) => program.resolve(reference),
        }
    }

    /// The id of the object that a full reference name leads to, be it a tag; `None` if there is no
    /// such reference.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn id_of(&self, reference: &BStr) -> Result<Option<String>, Error> {
        match &self.backend {
            Backend::Library(library) => library.id_of(reference),
            Backend::Program(program) => program.id_of(reference),
        }
    }

    /// The object that every reference leads to, be it a tag.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn references(&self) -> Result<BTreeMap<BString, String>, Error> {
        match &self.backend {
            Backend::Library(library) => library.references(),
            Backend::Program(program) => program.references(),
        }
    }

    /// The id of the object that an expression such as `main~1` means to git; `None` if it means
    /// none.
    ///
    /// # Errors
    /// [`Error::Start`] if there is no git.
    pub fn meaning_of(&self, expression: &BStr) -> Result<Option<String>, Error> {
        if expression.starts_with(b"-") {
            return Ok(None);
        }
        let mut git = self.command();
        git.args(["rev-parse", "-q", "--verify"])
            .arg(OsStr::from_bytes(expression));
        let output = run(&mut git)?;
        let id = output.stdout.trim().to_str().ok().filter(|id| is_id(id));
        Ok(id.map(str::to_owned))
    }

    /// The reference that this one is another name of; `None` if it is none.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn symbolic_target(&self, reference: &BStr) -> Result<Option<BString>, Error> {
        match &self.backend {
            Backend::Library(library) => library.symbolic_target(reference),
            Backend::Program(program) => program.symbolic_target(reference),
        }
    }

    /// All values of a setting, in the order in which git reads them.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn settings(&self, key: &BStr) -> Result<Vec<BString>, Error> {
        match (&self.backend, key.to_str()) {
            (Backend::Library(library), Ok(key)) => library.settings(key),
            _ => self.values(&[], key),
        }
    }

    /// The same of the repository's own file only.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn own_settings(&self, key: &str) -> Result<Vec<BString>, Error> {
        match &self.backend {
            Backend::Library(library) => library.own_settings(key),
            Backend::Program(_) => self.values(&["--local", "--includes"], key.into()),
        }
    }

    fn values(&self, scope: &[&str], key: &BStr) -> Result<Vec<BString>, Error> {
        let mut git = self.command();
        git.arg("config")
            .args(scope)
            .args(["-z", "--get-all"])
            .arg(OsStr::from_bytes(key));
        let output = run(&mut git)?;
        // Every value ends so.
        let values = output.stdout.strip_suffix(b"\0").unwrap_or(&output.stdout);
        let found = output.status.success().then(|| values.split_str("\0"));
        Ok(found.into_iter().flatten().map(BString::from).collect())
    }

    /// For each object's id the commit that it is or is a tag of, and which file that has at this
    /// place; `None` where it leads to no commit. For many of them, of which few are looked at.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn tips(&self, ids: &[String], file: &str) -> Result<Vec<Option<Tip>>, Error> {
        match &self.backend {
            Backend::Library(library) => ids.iter().map(|id| library.tip(id, file)).collect(),
            Backend::Program(program) => program.tips(ids, file),
        }
    }

    /// The names of the configured remotes.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn remotes(&self) -> Result<Vec<BString>, Error> {
        match &self.backend {
            Backend::Library(library) => library.remotes(),
            Backend::Program(program) => program.remotes(),
        }
    }

    /// The commit that the object of this id is, or is a tag of; `None` where there is none.
    ///
    /// # Errors
    /// What git says; libgit2's "no" counts as none.
    pub fn commit_of(&self, id: &str) -> Result<Option<String>, Error> {
        match &self.backend {
            Backend::Library(library) => Ok(library.commit_of(id)),
            Backend::Program(program) => program.peel(id),
        }
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn commit(&self, id: &str) -> Result<Commit, Error> {
        match &self.backend {
            Backend::Library(library) => library.commit(id),
            Backend::Program(program) => program.commit(id),
        }
    }

    /// For each object id the commit that it is, or is a tag of; `None` where there is none. Many
    /// cost hardly more than one: a push may move thousands of references.
    ///
    /// # Errors
    /// What git says; libgit2's "no" counts as none.
    pub fn commits(&self, ids: &[String]) -> Result<Vec<Option<Commit>>, Error> {
        match &self.backend {
            Backend::Library(library) => Ok(ids.iter().map(|id| library.peeled(id)).collect()),
            Backend::Program(program) => program.commits(ids),
        }
    }

    /// The best common ancestor of two commits; `None` where they have none.
    ///
    /// # Errors
    /// What libgit2 or git says, of a commit that is not there for example.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        match &self.backend {
            Backend::Library(library) => library.merge_base(one, other),
            Backend::Program(program) => program.merge_base(one, other),
        }
    }

    /// The content of a file of a commit; `None` if the commit has none.
    ///
    /// # Errors
    /// [`Error::NoFile`] for a link, directory or submodule; [`Error::TooLarge`] for one of more than
    /// `limit` bytes; what libgit2 or git says.
    pub fn file_at(&self, commit: &str, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        match &self.backend {
            Backend::Library(library) => library.file_at(commit, path, limit),
            Backend::Program(program) => program.file_at(commit, path, limit),
        }
    }

    /// Whether the index has `path`.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn in_index(&self, path: &str) -> Result<bool, Error> {
        if let Backend::Library(library) = &self.backend
            && let Ok(found) = library.in_index(path)
        {
            return Ok(found);
        }
        // libgit2 reads no split and no sparse index.
        self.tracks(Path::new(path))
    }

    /// The paths that differ between commit `old` (`None`: the empty tree) and commit `new`;
    /// a renamed file counts with both names.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn changes(&self, old: Option<&str>, new: &str, limit: usize) -> Result<Changes, Error> {
        match &self.backend {
            Backend::Library(library) => library.changes(old, new, limit),
            Backend::Program(program) => program.changes(old, new, limit),
        }
    }

    /// What git is in the middle of, as its files in the git directory show it.
    #[must_use]
    pub fn in_progress(&self) -> InProgress {
        let has = |name: &str| self.git_dir.join(name).exists();
        // Both kinds of rebase, and `git am`, which shares a folder with the second.
        let rebase = has("rebase-merge") || has("rebase-apply/rebasing");
        InProgress {
            rebase,
            mailbox: !rebase && has("rebase-apply"),
            bisect: has("BISECT_LOG"),
            cherry_pick: has("CHERRY_PICK_HEAD"),
            revert: has("REVERT_HEAD"),
            merge: has("MERGE_HEAD"),
        }
    }

    /// Where the branch stood that a rebase, whose folder is still there, has moved; `None` where
    /// git wrote it nowhere.
    #[must_use]
    pub fn before_rebase(&self) -> Option<String> {
        // The last is there also for a rebase that never stopped and replays mails.
        let written = ["rebase-merge/orig-head", "rebase-apply/orig-head", "ORIG_HEAD"];
        written.iter().find_map(|name| {
            let text = fs::read_to_string(self.git_dir.join(name)).ok()?;
            let id = text.trim();
            is_id(id).then(|| id.to_owned())
        })
    }

    /// Whether a rebase that replays mails, as `git am` does, has not ended.
    #[must_use]
    pub fn rebases_by_mail(&self) -> bool {
        self.git_dir.join("rebase-apply/rebasing").exists()
    }

    /// What the newest line of `HEAD`'s reflog says git did, for example `revert: Revert "b"`;
    /// empty where no reflog is kept.
    #[must_use]
    pub fn last_action(&self) -> BString {
        match &self.backend {
            Backend::Library(_) => last_reflog_subject(&self.git_dir.join("logs/HEAD")),
            Backend::Program(program) => program.last_action(),
        }
        .unwrap_or_default()
    }
}

/// Whether this is the id of an object, in hexadecimal.
#[must_use]
pub fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A short name for any content, the same in every version of this tool.
#[must_use]
pub fn digest(content: &[u8]) -> String {
    // It fails for no content.
    git2::Oid::hash_object(git2::ObjectType::Blob, content)
        .map(|id| id.to_string())
        .unwrap_or_default()
}

/// Refuses a tree entry whose mode says that it is no regular file.
fn check_is_file(mode: u32, path: &str, commit: &str) -> Result<(), Error> {
    let what = match mode & 0o170_000 {
        0o120_000 => "a symbolic link",
        0o040_000 => "a directory",
        0o160_000 => "a submodule",
        _ => return Ok(()),
    };
    Err(Error::NoFile {
        path: path.to_owned(),
        what,
        commit: short(commit),
    })
}

/// Refuses a file before it is loaded.
fn check_size(size: u64, path: &str, commit: &str, limit: u64) -> Result<(), Error> {
    if size <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        path: path.to_owned(),
        commit: short(commit),
        size,
        limit,
    })
}

/// The first digits of an id, for people.
fn short(id: &str) -> String {
    id.chars().take(7).collect()
}

/// Reads the end of the log only: libgit2 would parse all of what may be years of it.
fn last_reflog_subject(log: &Path) -> Option<BString> {
    const ENOUGH: u64 = 8 * 1024;
    let mut file = fs::File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH))).ok()?;
    let mut tail = Vec::new();
    file.take(ENOUGH).read_to_end(&mut tail).ok()?;
    let last = tail.lines().next_back()?;
    let (_, subject) = last.split_once_str("\t")?;
    Some(subject.into())
}

fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
