//! A hermetic home for real git and the real program: nothing of the machine's own configuration,
//! identity or time zone gets in, and nothing gets out.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "each test program uses a part of this; PATH and the program's place come from the environment"
)]

pub mod dice;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jenkins_stand_in::{Job, Permission, Setup, StandIn, User};
use serde_json::Value;
use tempfile::TempDir;

pub const USER: &str = "dev";
pub const TOKEN: &str = "11canary0api0token0canary0api0token";
pub const JOB_TOKEN: &str = "canary-job-token";

/// Long enough for a loaded machine; a wait ends as soon as its condition holds.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One version of git on this machine.
#[derive(Debug, Clone)]
pub struct Git {
    pub program: PathBuf,
    pub version: String,
}

impl Git {
    pub fn supports(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.version.split('.').map(|n| n.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
    }
}

/// Every version of git on the PATH, each once.
pub fn gits() -> Vec<Git> {
    let path = std::env::var_os("PATH").expect("a PATH");
    let mut found: Vec<Git> = Vec::new();
    for program in std::env::split_paths(&path).map(|folder| folder.join("git")) {
        let Ok(output) = Command::new(&program).arg("--version").output() else {
            continue;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some(version) = said.trim().strip_prefix("git version ") else {
            continue;
        };
        if !found.iter().any(|git| git.version == version) {
            found.push(Git {
                program,
                version: version.to_owned(),
            });
        }
    }
    assert!(!found.is_empty(), "there is no git on the PATH");
    found
}

/// Runs a test with every version of git; says which one it failed with.
pub fn with_each_git(test: impl Fn(&Home)) {
    for git in gits() {
        eprintln!("with git {}", git.version);
        test(&Home::new(&git));
    }
}

/// The path of the program under test.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_jenkins-trigger"))
}

/// A user's home on a machine with one git.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    pub git: Git,
}

impl Home {
    pub fn new(git: &Git) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let home = Self {
            folder,
            git: git.clone(),
        };
        for name in ["bin", "home", "state"] {
            fs::create_dir(home.path(name)).expect("a folder");
        }
        symlink(&git.program, home.path("bin/git")).expect("a link to git");
        let settings = "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n\
                        [commit]\n\tgpgSign = false\n[core]\n\tautocrlf = false\n[gc]\n\tauto = 0\n\
                        [advice]\n\tdetachedHead = false\n[protocol \"file\"]\n\tallow = always\n";
        fs::write(home.path("home/.gitconfig"), settings).expect("a git config");
        home
    }

    /// A path below this home's folder, links resolved.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        let root = self.folder.path().canonicalize().expect("the temporary folder");
        root.join(name)
    }

    /// Any program, in this home and no other.
    pub fn command(&self, program: impl AsRef<OsStr>, directory: &Path) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LOGNAME", "ada")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("JENKINS_USER_ID", USER)
            .env("JENKINS_API_TOKEN", TOKEN)
            .env("JENKINS_TRIGGER_TOKEN_DEPLOY", JOB_TOKEN)
            .stdin(Stdio::null());
        command
    }

    /// The program under test.
    pub fn tool(&self, directory: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.command(program(), directory);
        Ran::of(command.args(arguments))
    }

    /// git, whatever it answers.
    pub fn try_git(&self, directory: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.command("git", directory);
        // `Command` looks a bare name up in its own PATH only after `env` was set on it.
        Ran::of(command.args(arguments))
    }

    /// git, which must succeed.
    pub fn git(&self, directory: &Path, arguments: &[&str]) -> Ran {
        let ran = self.try_git(directory, arguments);
        assert_eq!(ran.code, 0, "git {arguments:?}\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// A fresh repository with this configuration file, not yet committed.
    pub fn repository(&self, name: &str, file: &str) -> Repository<'_> {
        self.repository_with(name, file, &[])
    }

    /// The same, with options for `git init`.
    pub fn repository_with(&self, name: &str, file: &str, options: &[&str]) -> Repository<'_> {
        let folder = self.path(name);
        fs::create_dir_all(&folder).expect("a folder");
        self.git(&folder, &[&["init", "-q"], options].concat());
        if !file.is_empty() {
            fs::write(folder.join(".jenkins-trigger.yml"), file).expect("the file");
        }
        Repository { home: self, folder }
    }
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program starts");
        Self::from(output)
    }

    /// All of it as one text, for a snapshot.
    pub fn whole(&self) -> String {
        format!(
            "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            self.code, self.stdout, self.stderr
        )
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.whole());
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A repository in a [`Home`].
#[derive(Debug)]
pub struct Repository<'a> {
    pub home: &'a Home,
    pub folder: PathBuf,
}

impl Repository<'_> {
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    pub fn git(&self, arguments: &[&str]) -> Ran {
        self.home.git(&self.folder, arguments)
    }

    pub fn try_git(&self, arguments: &[&str]) -> Ran {
        self.home.try_git(&self.folder, arguments)
    }

    pub fn tool(&self, arguments: &[&str]) -> Ran {
        self.home.tool(&self.folder, arguments)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// Installs the hook and trusts the file's servers.
    pub fn install(&self) -> Ran {
        self.tool(&["install", "post-commit"]).succeeded()
    }

    /// Commits everything there is, and something new in any case; returns what git and the hook
    /// said.
    pub fn commit(&self, message: &str) -> Ran {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--allow-empty", "-m", message])
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).stdout.trim().to_owned()
    }

    /// The journal's lines.
    pub fn journal(&self) -> Vec<Value> {
        let log = self.tool(&["log", "--json", "--number", "100000"]).succeeded();
        log.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Waits until the journal has so many lines.
    pub fn wait_for_journal(&self, lines: usize) -> Vec<Value> {
        wait_for(&format!("{lines} lines in the journal"), || {
            let journal = self.journal();
            (journal.len() >= lines).then_some(journal)
        })
    }

    /// From now on no sender stays in the background to try again later: the test alone decides
    /// when something is sent.
    pub fn without_sleepers(&self) {
        // Makes the spool's folders.
        self.tool(&["retry"]);
        let lock = fs::File::create(self.spool().join("sleeping.lock")).expect("the lock");
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .expect("nobody sleeps");
        // Until this test program ends.
        std::mem::forget(lock);
    }

    /// The spool's folder of this user.
    pub fn spool(&self) -> PathBuf {
        let common = self
            .git(&["rev-parse", "--path-format=absolute", "--git-common-dir"])
            .stdout;
        let user = rustix::process::geteuid().as_raw().to_string();
        Path::new(common.trim()).join("jenkins-trigger").join(user)
    }

    /// The files of a folder of the spool.
    pub fn spooled(&self, folder: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.spool().join(folder)) else {
            return Vec::new();
        };
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

/// Writes a hook, or a program that a hook is to run. Not by this process itself: the child that
/// another thread starts meanwhile would keep the file open, and nobody could run it.
pub fn write_script(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    fs::write(&draft, content).expect("a draft");
    let mut install = Command::new("install");
    let done = install.arg(format!("-m{mode:o}")).arg(&draft).arg(path).status();
    assert!(done.expect("install starts").success());
    fs::remove_file(&draft).expect("the draft");
}

/// Copies a program to where a test runs it, by another process as [`write_script`] does: one that
/// a fork of this process still has open for writing cannot be run.
pub fn copy_program(from: &Path, to: &Path) {
    let mut install = Command::new("install");
    let done = install.arg("-m755").arg(from).arg(to).status();
    assert!(done.expect("install starts").success());
}

/// Looks again and again until `condition` gives something.
#[track_caller]
pub fn wait_for<T>(what: &str, condition: impl Fn() -> Option<T>) -> T {
    let patience = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < patience, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The user that [`Home`] has credentials for, with all the rights a trigger needs.
pub fn developer() -> User {
    developer_with(TOKEN)
}

/// The same with another API token.
pub fn developer_with(token: &str) -> User {
    User::new(USER, token).grant([Permission::OverallRead, Permission::JobRead, Permission::JobBuild])
}

/// A Jenkins with `shop/deploy`, which takes BRANCH, and that user.
pub fn shop() -> Setup {
    Setup::new().user(developer()).job(
        Job::new("shop/deploy")
            .string_parameter("BRANCH", "main")
            .trigger_token(JOB_TOKEN),
    )
}

/// The short form of the file, for `main`.
pub fn short_file(jenkins: &StandIn) -> String {
    format!(
        "version: 1\nserver: {}\njobs:\n  main: shop/deploy\n",
        jenkins.url()
    )
}

/// Filters for snapshots: what differs between two runs.
pub fn filters(home: &Home) -> Vec<(String, String)> {
    vec![
        (
            regex_escape(&home.path("").display().to_string()),
            "[HOME]/".into(),
        ),
        (regex_escape(&program().display().to_string()), "[PROGRAM]".into()),
        (r"127\.0\.0\.1:\d+".into(), "[JENKINS]".into()),
        (r"port \d+".into(), "port [PORT]".into()),
        (
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".into(),
            "[UUID]".into(),
        ),
        (r"\b01[0-9A-HJKMNP-TV-Z]{24}\b".into(), "[ID]".into()),
        (
            r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+Z)?)?".into(),
            "[TIME]".into(),
        ),
    ]
}

fn regex_escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let special = r".+*?()|[]{}^$\".contains(c);
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}

/// Runs a block with those filters.
pub fn filtered(home: &Home, snapshots: impl FnOnce()) {
    let filters = filters(home);
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in &filters {
        settings.add_filter(pattern, replacement.as_str());
    }
    settings.bind(snapshots);
}
