//! A user with secrets, his Jenkins, and a server of somebody else's.

use std::path::Path;
use std::process::Command;

use jenkins_stand_in::{Job, Setup, StandIn};

use crate::canary::{CLOUD_KEY, CLOUD_VARIABLE, PASSWORD};
use crate::support::{Home, JOB_TOKEN, Ran, Repository, TOKEN, developer, gits, program};

pub fn home() -> Home {
    Home::new(&gits()[0])
}

/// What a job that anybody could want to start takes.
fn job(name: &str) -> Job {
    Job::new(name)
        .string_parameter("BRANCH", "main")
        .string_parameter("NOTE", "")
        .trigger_token(JOB_TOKEN)
}

/// Jobs `shop/deploy`, which the user's own file names, and `shop/prod`, which it does not.
pub fn setup() -> Setup {
    Setup::new()
        .build_token_root(true)
        .user(developer().password(PASSWORD))
        .job(job("shop/deploy"))
        .job(job("shop/prod"))
}

pub fn file(jenkins: &StandIn, rule: &str) -> String {
    format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url())
}

/// A program as the user runs it, who has secrets of other programs in his environment too.
pub fn command(home: &Home, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = home.command(program, folder);
    command.env(CLOUD_VARIABLE, CLOUD_KEY);
    command
}

pub fn git(repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    run_with(repository, "git".as_ref(), TOKEN, arguments)
}

pub fn tool(repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    run_with(repository, program(), TOKEN, arguments)
}

/// The same for who has this as his API token.
pub fn run_with(repository: &Repository<'_>, program: &Path, token: &str, arguments: &[&str]) -> Ran {
    let mut command = command(repository.home, program, &repository.folder);
    Ran::of(command.args(arguments).env("JENKINS_API_TOKEN", token))
}

/// All that a user may ask the tool about a repository's file. `jobs` is not: it looks at every job
/// of the server.
pub const QUESTIONS: [&[&str]; 13] = [
    &["status"],
    &["check"],
    &["check", "--branch", "main"],
    &["trigger", "--dry-run"],
    &["trigger", "--dry-run", "--curl"],
    &["-v", "trigger"],
    &["doctor"],
    &["-v", "doctor", "--json"],
    &["-v", "retry", "--all"],
    &["deliver"],
    &["log"],
    &["log", "--json"],
    &["whoami"],
];

/// Asks all of that.
pub fn ask_all(repository: &Repository<'_>, token: &str) -> Vec<Ran> {
    QUESTIONS
        .iter()
        .map(|arguments| run_with(repository, program(), token, arguments))
        .collect()
}

/// Waits until no process runs in this home any more.
pub fn wait_for_all(home: &Home) {
    let mark = format!("XDG_STATE_HOME={}", home.path("state").display());
    crate::support::wait_for("all processes to end", || {
        let processes = std::fs::read_dir("/proc").expect("/proc");
        let runs = processes.filter_map(Result::ok).any(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes())
        });
        (!runs).then_some(())
    });
}
