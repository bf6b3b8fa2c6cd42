//! The `git` program: for repositories that libgit2 cannot open, and for what only git decides.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use bstr::{BStr, BString, ByteSlice as _};

use super::{Changes, Commit, Error, Head, Tip};
use crate::environment;

/// A `git` as its user would start it himself: in his language, on his terminal, and with
/// everything that he and his hooks are used to find in the environment.
#[must_use]
pub fn users_own() -> Command {
    // A hook below a GUI client may have an empty PATH; git tells it where its programs are.
    let program = environment::git_exec_path()
        .map(|folder| folder.join("git"))
        .filter(|program| program.is_file())
        .map_or_else(|| OsString::from("git"), PathBuf::into_os_string);
    Command::new(program)
}

/// A `git` that inherits no secret of this tool; the caller says which repository it is for.
#[must_use]
pub fn command() -> Command {
    let mut command = users_own();
    for name in environment::secret_variables() {
        command.env_remove(name);
    }
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// A `git` that does not know either which repository this process was started for.
pub(super) fn command_elsewhere() -> Command {
    let mut command = command();
    for name in environment::repository_variables() {
        command.env_remove(name);
    }
    command
}

/// Runs `command` and returns its output, whatever its exit code.
///
/// # Errors
/// [`Error::Start`] if there is no git.
pub fn run(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(Error::Start)
}

/// The subcommand with its arguments.
fn arguments_of(command: &Command) -> String {
    let arguments: Vec<_> = command
        .get_args()
        .skip_while(|argument| argument.as_bytes().starts_with(b"--git-dir"))
        .map(OsStr::to_string_lossy)
        .collect();
    arguments.join(" ")
}

fn refused(command: &Command, output: &Output) -> Error {
    let message = output.stderr.to_str_lossy();
    Error::Program {
        arguments: arguments_of(command),
        message: message.lines().collect::<Vec<_>>().join(" ").trim().into(),
    }
}

/// The value of `key` in the user's or the system's git config, never the repository's: what a
/// repository brings along must not widen what the tool may do.
///
/// # Errors
/// What git says about an unreadable config file.
pub fn global_settings(key: &str) -> Result<Vec<String>, Error> {
    let mut values = Vec::new();
    for scope in ["--system", "--global"] {
        let mut git = command_elsewhere();
        git.current_dir("/")
            .args(["config", scope, "--includes", "-z", "--get-all", key]);
        let output = run(&mut git)?;
        // 1: no such key; git also ends so, with a message, where the file itself is absent.
        if output.status.success() {
            let found = output.stdout.split_str("\0").map(|value| value.to_str_lossy());
            values.extend(found.filter(|value| !value.is_empty()).map(String::from));
        }
    }
    Ok(values)
}

/// A `git` that reads the config of the user and the system only.
pub(super) fn config_for_url() -> Command {
    let mut git = command_elsewhere();
    // No repository: its own config must not get in, wherever this process runs.
    git.current_dir("/")
        .env(environment::GIT_DIR, "/dev/null")
        .arg("config");
    git
}

/// What the user's and the system's git config say for this URL in a section, with the keys in lower
/// case: git's own choice between `http.key` and the `http.<url>.key`s.
///
/// # Errors
/// [`Error::Start`] if there is no git.
pub fn settings_for_url(section: &str, url: &str) -> Result<BTreeMap<String, BString>, Error> {
    let mut git = config_for_url();
    let output = run(git.args(["-z", "--get-urlmatch", section, url]))?;
    let entries = output.stdout.split_str("\0").filter(|entry| !entry.is_empty());
    Ok(entries
        .map(|entry| {
            // A key without `=` has no value.
            let (key, value) = entry.split_once_str("\n").unwrap_or((entry, b""));
            (key.to_str_lossy().into_owned(), value.into())
        })
        .collect())
}

/// The path that one of these settings names for this URL, as git reads it: `~` is the home folder.
///
/// # Errors
/// [`Error::Start`] if there is no git.
pub fn path_for_url(key: &str, url: &str) -> Result<Option<BString>, Error> {
    let mut git = config_for_url();
    let output = run(git.args(["-z", "--type=path", "--get-urlmatch", key, url]))?;
    let path = output.stdout.split_str("\0").next().unwrap_or_default();
    Ok(output.status.success().then(|| path.into()))
}

/// A version of git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// As git prints it, for example `2.39.5`.
    pub text: String,
    /// The first two numbers.
    pub number: (u32, u32),
}

impl Version {
    /// Whether it knows hooks that are set in the git config (release notes of 2.54).
    #[must_use]
    pub fn has_config_hooks(&self) -> bool {
        self.number >= (2, 54)
    }

    fn of(printed: &[u8]) -> Self {
        let printed = printed.to_str_lossy();
        let text = printed.trim().trim_start_matches("git version ");
        let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
        Self {
            text: text.to_owned(),
            number: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
        }
    }
}

/// The version of the git that this tool runs.
///
/// # Errors
/// [`Error::Start`] if there is no git.
pub fn version() -> Result<Version, Error> {
    let output = run(command().arg("version"))?;
    Ok(Version::of(&output.stdout))
}

/// Every git on the PATH, with its version; one that is there under two names only once.
#[must_use]
pub fn versions_on_path() -> Vec<(PathBuf, Version)> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for program in environment::search_path().iter().map(|folder| folder.join("git")) {
        let Ok(real) = program.canonicalize() else {
            continue;
        };
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        let mut asked = Command::new(&program);
        for name in environment::secret_variables() {
            asked.env_remove(name);
        }
        let answer = asked.arg("version").stdin(Stdio::null()).output();
        if let Ok(output) = answer
            && output.status.success()
        {
            found.push((program, Version::of(&output.stdout)));
        }
    }
    found
}

/// The output of a command that must succeed.
pub(super) fn answer_of(git: &mut Command) -> Result<Vec<u8>, Error> {
    let output = run(git)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(refused(git, &output))
    }
}

/// The output of a command that must succeed and reads these questions.
fn answer_to(git: &mut Command, questions: &[u8]) -> Result<Vec<u8>, Error> {
    git.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = git.spawn().map_err(Error::Start)?;
    let stdin = child.stdin.take();
    // git answers each question before it reads the next: whoever only wrote, and whoever only
    // read, would wait for ever.
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            if let Some(mut stdin) = stdin {
                // A git that went away says why on its own.
                let _ = stdin.write_all(questions);
            }
        });
        child.wait_with_output()
    });
    let output = output.map_err(Error::Start)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(refused(git, &output))
    }
}

fn cut_short(git: &Command) -> Error {
    Error::Program {
        arguments: arguments_of(git),
        message: "its answer is cut short".into(),
    }
}

/// Whether the commit that `HEAD` leads to has the file; no, where there is no repository.
pub(super) fn head_has(start: &Path, path: &str) -> Result<bool, Error> {
    let mut git = command();
    git.current_dir(start)
        .args(["cat-file", "-e", &format!("HEAD:{path}")]);
    Ok(run(&mut git)?.status.success())
}

fn parse_commit(id: String, raw: &[u8]) -> Commit {
    let (head, message) = raw.split_once_str("\n\n").unwrap_or((raw, b""));
    let mut commit = Commit {
        id,
        parents: Vec::new(),
        author_name: BString::default(),
        author_email: BString::default(),
        message: message.into(),
    };
    for line in head.lines() {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            commit.parents.push(parent.to_str_lossy().into_owned());
        } else if let Some(author) = line.strip_prefix(b"author ")
            && let Some((name, rest)) = author.split_once_str(" <")
        {
            commit.author_name = name.into();
            let end = rest.find_byte(b'>').unwrap_or(rest.len());
            commit.author_email = rest[..end].into();
        }
    }
    commit
}

/// Takes the next answer of `cat-file --batch`: `<id> commit <size>`, the commit and a line's end,
/// or a line that says there is none. `None` where the answers end too early.
#[allow(clippy::option_option, reason = "no commit and no answer are two things")]
fn next_commit(answers: &mut &[u8]) -> Option<Option<Commit>> {
    let (line, rest) = answers.split_once_str("\n")?;
    *answers = rest;
    let mut words = line.split_str(" ");
    let (id, kind, size) = (words.next()?, words.next()?, words.next());
    if kind != b"commit" {
        return Some(None);
    }
    let size: usize = size?.to_str().ok()?.parse().ok()?;
    let raw = answers.get(..size)?;
    *answers = answers.get(size + 1..)?;
    Some(Some(parse_commit(id.to_str_lossy().into_owned(), raw)))
}

#[derive(Debug)]
pub(super) struct Program {
    git_dir: PathBuf,
}

/// Where the parts of a repository lie, absolute.
pub(super) struct Places {
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) work_tree: Option<PathBuf>,
}

impl Program {
    pub(super) fn open(start: &Path) -> Result<(Self, Places), Error> {
        let ask = |questions: &[&str]| {
            let mut git = command();
            git.current_dir(start)
                .args(["rev-parse", "--path-format=absolute"])
                .args(questions);
            let output = run(&mut git)?;
            if output.status.success() {
                Ok(output.stdout)
            } else if output.stderr.contains_str("not a git repository") {
                Err(Error::NoRepository(start.to_owned()))
            } else {
                Err(refused(&git, &output))
            }
        };
        let answer = ask(&["--is-bare-repository", "--git-dir", "--git-common-dir"])?;
        let mut lines = answer.lines();
        let bare = lines.next() == Some(b"true");
        let mut path = || PathBuf::from(OsString::from_vec(lines.next().unwrap_or_default().into()));
        let git_dir = path();
        let common_dir = path();
        let work_tree = if bare {
            None
        } else {
            // Fails inside the git directory of a repository that has a work tree elsewhere.
            ask(&["--show-toplevel"])
                .ok()
                .map(|top| PathBuf::from(OsString::from_vec(top.trim_end_with(|c| c == '\n').into())))
        };
        let program = Self {
            git_dir: git_dir.clone(),
        };
        let places = Places {
            git_dir,
            common_dir,
            work_tree,
        };
        Ok((program, places))
    }

    fn git(&self) -> Command {
        let mut git = command_elsewhere();
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(&self.git_dir);
        git.arg(git_dir)
            .current_dir(&self.git_dir)
            // As libgit2 does. Whoever may push at all may push to `refs/replace/`, and would have the
            // default branch's file be his own.
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            // And a partial clone would fetch what it lacks while somebody waits for his commit. git
            // before 2.44 knows only the second.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none");
        git
    }

    /// The output of a command that must succeed.
    fn answer<I, S>(&self, arguments: I) -> Result<Vec<u8>, Error>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut git = self.git();
        answer_of(git.args(arguments))
    }

    /// The first line of a command whose exit code 1 means "there is none".
    fn line<I, S>(&self, arguments: I) -> Result<Option<BString>, Error>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut git = self.git();
        git.args(arguments);
        let output = run(&mut git)?;
        match output.status.code() {
            Some(0) => Ok(output.stdout.lines().next().map(BString::from)),
            Some(1) => Ok(None),
            _ => Err(refused(&git, &output)),
        }
    }

    pub(super) fn head(&self) -> Result<Head, Error> {
        match self.line(["symbolic-ref", "-q", "HEAD"])? {
            Some(reference) => {
                let tip = self.resolve(reference.as_bstr())?;
                Ok(Head::Branch { reference, tip })
            }
            None => Ok(Head::Detached {
                tip: self.peel("HEAD")?.unwrap_or_default(),
            }),
        }
    }

    /// The object that a reference of exactly this name leads to, and whether it is a commit.
    fn reference(&self, reference: &BStr) -> Result<Option<(String, bool)>, Error> {
        // Not `rev-parse`, which would take `main~1` for a name.
        let listed = self.answer([
            OsStr::new("for-each-ref"),
            OsStr::new("--format=%(objectname) %(objecttype) %(refname)"),
            OsStr::from_bytes(reference),
        ])?;
        Ok(listed.lines().find_map(|line| {
            let (id, rest) = line.split_once_str(" ")?;
            let (kind, name) = rest.split_once_str(" ")?;
            (name == reference.as_bytes()).then(|| (id.to_str_lossy().into_owned(), kind == b"commit"))
        }))
    }

    pub(super) fn resolve(&self, reference: &BStr) -> Result<Option<String>, Error> {
        match self.reference(reference)? {
            None => Ok(None),
            Some((id, true)) => Ok(Some(id)),
            Some((id, false)) => self.peel(&id),
        }
    }

    pub(super) fn id_of(&self, reference: &BStr) -> Result<Option<String>, Error> {
        Ok(self.reference(reference)?.map(|(id, _)| id))
    }

    pub(super) fn references(&self) -> Result<BTreeMap<BString, String>, Error> {
        let listed = self.answer(["for-each-ref", "--format=%(objectname) %(refname)"])?;
        let entry = |line: &[u8]| {
            let (id, name) = line.split_once_str(" ")?;
            Some((BString::from(name), id.to_str_lossy().into_owned()))
        };
        Ok(listed.lines().filter_map(entry).collect())
    }

    pub(super) fn symbolic_target(&self, reference: &BStr) -> Result<Option<BString>, Error> {
        self.line([
            OsStr::new("symbolic-ref"),
            OsStr::new("-q"),
            OsStr::from_bytes(reference),
        ])
    }

    pub(super) fn tips(&self, ids: &[String], file: &str) -> Result<Vec<Option<Tip>>, Error> {
        let questions: Vec<String> = ids
            .iter()
            .map(|id| format!("{id}^{{commit}}\n{id}:{file}\n"))
            .collect();
        let mut git = self.git();
        git.args(["cat-file", "--batch-check=%(objectname) %(objecttype)"]);
        let answers = answer_to(&mut git, questions.concat().as_bytes())?;
        let id = |line: &[u8]| {
            // Of what is not there git repeats the question.
            let (id, kind) = line.rsplit_once_str(" ")?;
            (kind != b"missing").then(|| id.to_str_lossy().into_owned())
        };
        let mut lines = answers.lines();
        let mut next = || {
            let (commit, file) = (lines.next()?, lines.next()?);
            Some(id(commit).map(|commit| Tip {
                commit,
                file: id(file),
            }))
        };
        let tips: Option<Vec<Option<Tip>>> = ids.iter().map(|_| next()).collect();
        tips.ok_or_else(|| cut_short(&git))
    }

    pub(super) fn peel(&self, name: &str) -> Result<Option<String>, Error> {
        let id = self.line(["rev-parse", "-q", "--verify", &format!("{name}^{{commit}}")])?;
        Ok(id.map(|id| id.to_string()))
    }

    pub(super) fn remotes(&self) -> Result<Vec<BString>, Error> {
        let names = self.answer(["remote"])?;
        Ok(names.lines().map(BString::from).collect())
    }

    pub(super) fn commit(&self, id: &str) -> Result<Commit, Error> {
        let raw = self.answer(["cat-file", "commit", id])?;
        Ok(parse_commit(id.to_owned(), &raw))
    }

    pub(super) fn commits(&self, ids: &[String]) -> Result<Vec<Option<Commit>>, Error> {
        let questions: String = ids.iter().map(|id| format!("{id}^{{commit}}\n")).collect();
        let mut git = self.git();
        git.args(["cat-file", "--batch"]);
        let answers = answer_to(&mut git, questions.as_bytes())?;
        let mut rest = answers.as_slice();
        let found: Option<Vec<Option<Commit>>> = ids.iter().map(|_| next_commit(&mut rest)).collect();
        found.ok_or_else(|| cut_short(&git))
    }

    pub(super) fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        let base = self.line(["merge-base", one, other])?;
        Ok(base.map(|id| id.to_string()))
    }

    pub(super) fn file_at(&self, commit: &str, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let listed = self.answer(["ls-tree", "-z", commit, "--", path])?;
        // "<mode> <type> <id>\t<path>\0"
        let Some((fields, _)) = listed.split_once_str("\t") else {
            return Ok(None);
        };
        let mut fields = fields.split_str(" ");
        let mode = fields
            .next()
            .and_then(|mode| u32::from_str_radix(mode.to_str().ok()?, 8).ok());
        super::check_is_file(mode.unwrap_or_default(), path, commit)?;
        let id = fields.nth(1).unwrap_or_default().to_str_lossy();
        let size = self.answer(["cat-file", "-s", &id])?;
        let size = size.trim().to_str_lossy().parse().unwrap_or(u64::MAX);
        super::check_size(size, path, commit, limit)?;
        self.answer(["cat-file", "blob", &id]).map(Some)
    }

    pub(super) fn changes(&self, old: Option<&str>, new: &str, limit: usize) -> Result<Changes, Error> {
        let listed = match old {
            Some(old) => self.answer(["diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new])?,
            // Not `diff-tree --root`, which compares a commit that has parents with them.
            None => self.answer(["ls-tree", "-r", "-z", "--full-tree", "--name-only", new])?,
        };
        let paths: Vec<BString> = listed
            .split_str("\0")
            .filter(|path| !path.is_empty())
            .map(BString::from)
            .collect();
        if paths.len() > limit {
            return Ok(Changes::TooMany);
        }
        Ok(Changes::Known(paths))
    }

    pub(super) fn last_action(&self) -> Option<BString> {
        self.line(["log", "-g", "-1", "--no-show-signature", "--format=%gs", "HEAD"])
            .ok()?
    }
}
