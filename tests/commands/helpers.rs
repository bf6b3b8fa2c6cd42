//! What several groups of these tests need.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bstr::BString;
use jenkins_stand_in::StandIn;
use serde_json::Value;

use crate::support::{Home, Ran, Repository, gits, program, wait_for, write_script};

/// A home for what does not depend on the version of git.
pub fn home() -> Home {
    Home::new(&gits()[0])
}

/// Everything below a folder: path, mode and content (a link's target) of each.
pub fn listing(folder: &Path) -> BTreeMap<PathBuf, (u32, BString)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let content = if metadata.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file")
            };
            found.insert(path, (metadata.permissions().mode(), content.into()));
        }
    }
    found
}

/// Compares two listings and shows only what differs.
#[track_caller]
pub fn assert_same(now: &BTreeMap<PathBuf, (u32, BString)>, before: &BTreeMap<PathBuf, (u32, BString)>) {
    let paths = now.keys().chain(before.keys());
    let differ: Vec<_> = paths
        .filter(|path| now.get(*path) != before.get(*path))
        .map(|path| (path, before.get(path), now.get(path)))
        .collect();
    assert!(differ.is_empty(), "path, before, now: {differ:#?}");
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o7777
}

impl Repository<'_> {
    /// The program under test with more or fewer variables.
    pub fn tool_in(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
        let mut command = self.home.command(program(), &self.folder);
        command.args(arguments);
        change(&mut command);
        Ran::of(&mut command)
    }

    /// The hooks folder that git has when nothing else is configured.
    pub fn hooks(&self) -> PathBuf {
        self.path(".git/hooks")
    }

    /// Runs a `git config …` command that a message named, in this repository.
    pub fn follow(&self, fix: &str) {
        let mut shell = self.home.command("sh", &self.folder);
        let ran = Ran::of(shell.args(["-c", fix]));
        assert_eq!(ran.code, 0, "{fix}\n{}", ran.whole());
    }

    /// Makes a commit and counts how often our program ran on it: without a file it says one line
    /// each time.
    #[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
    pub fn firings(&self) -> usize {
        let ran = self.git(&["commit", "--allow-empty", "-m", "a commit"]);
        eprintln!("{}", ran.whole());
        said(&ran).len()
    }

    /// What `status` says, which must be that all is well.
    #[track_caller]
    pub fn all_well(&self) -> Ran {
        self.tool(&["status"]).succeeded()
    }

    /// What is new or changed for git.
    pub fn changed(&self) -> String {
        let arguments = [
            "--no-optional-locks",
            "status",
            "--porcelain",
            "--untracked-files=all",
        ];
        self.git(&arguments).stdout
    }

    /// Waits until Jenkins took so many triggers; returns the journal's lines about them.
    pub fn wait_for_accepted(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} accepted triggers"), || {
            let accepted = |line: &Value| line["outcome"] == "queued" || line["outcome"] == "merged";
            let journal: Vec<Value> = self.journal().into_iter().filter(accepted).collect();
            let also = |line: &Value| line["also"].as_array().map_or(0, Vec::len);
            let found: usize = journal.iter().map(|line| 1 + also(line)).sum();
            (found >= count).then_some(journal)
        })
    }

    /// The triggers that wait, oldest first.
    pub fn waiting(&self) -> Vec<Value> {
        let mut files = self.spooled("new");
        files.sort();
        let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
        files.iter().map(read).collect()
    }
}

/// The command that a message names after `marker`, up to the end of its line.
#[track_caller]
pub fn command_after<'a>(text: &'a str, marker: &str) -> &'a str {
    let (_, rest) = text
        .split_once(marker)
        .unwrap_or_else(|| panic!("no {marker:?} in:\n{text}"));
    rest.lines().next().unwrap_or_default().trim()
}

/// The lines of a hook's own.
pub fn said(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines();
    lines
        .filter(|line| line.starts_with("jenkins-trigger: "))
        .collect()
}

/// A port of this machine that must stay untouched.
#[derive(Debug)]
pub struct Bait {
    listener: TcpListener,
}

impl Bait {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a switch");
        Self { listener }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("an address"))
    }

    #[track_caller]
    pub fn assert_untouched(&self) {
        match self.listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => panic!("somebody connected: {other:?}"),
        }
    }
}

/// A repository with one commit whose file's servers are trusted, without a hook.
pub fn ready<'a>(home: &'a Home, file: &str) -> Repository<'a> {
    let repository = home.repository("shop", file);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    repository
}

/// Runs a test with every version of git that runs hooks of its config.
pub fn with_each_config_git(test: impl Fn(&Home)) {
    each_git_if(true, test);
}

/// Runs a test with every version of git that runs hook files only.
pub fn with_each_older_git(test: impl Fn(&Home)) {
    each_git_if(false, test);
}

#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
fn each_git_if(config_hooks: bool, test: impl Fn(&Home)) {
    let mut some = false;
    for git in gits() {
        if git.supports(2, 54) == config_hooks {
            eprintln!("with git {}", git.version);
            test(&Home::new(&git));
            some = true;
        }
    }
    if !some {
        skipped("no such git is on the PATH");
    }
}

/// Puts a hook, with the folders above it.
pub fn put_hook(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    write_script(path, content, mode);
}

/// Says loudly that a test could not run here.
#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
pub fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

/// A file with several rules for one server.
pub fn file_for(jenkins: &StandIn, jobs: &str) -> String {
    format!("version: 1\nserver: {}\njobs:\n{jobs}", jenkins.url())
}

/// [`crate::support::filtered`], and commit ids too.
pub fn filtered(home: &Home, snapshots: impl FnOnce()) {
    crate::support::filtered(home, || {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"\b[0-9a-f]{40}\b", "[SHA]");
        settings.add_filter(r"@[0-9a-f]{7}\b", "@[SHORT]");
        settings.add_filter(r"(main|deploy|branch) +[0-9a-f]{7}\b", "$1 [SHORT]");
        settings.bind(snapshots);
    });
}
