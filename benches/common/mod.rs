//! What the benchmarks share: a home of their own, and medians.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "each benchmark uses a part of this; git is taken from the PATH"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A home in which nothing of the machine's own configuration counts.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, program: impl AsRef<Path>, directory: &Path) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("JENKINS_USER_ID", "ada")
            .env("JENKINS_API_TOKEN", "token");
        command
    }

    pub fn tool(&self, directory: &Path) -> Command {
        self.command(env!("CARGO_BIN_EXE_jenkins-trigger"), directory)
    }

    /// How long the program takes for this, from its start to its end.
    pub fn time(&self, directory: &Path, arguments: &[&str], input: &[u8]) -> Duration {
        let mut tool = self.tool(directory);
        tool.args(arguments);
        let start = Instant::now();
        run(&mut tool, input);
        start.elapsed()
    }

    pub fn git(&self, directory: &Path, arguments: &[&str], input: &[u8]) -> String {
        let mut git = self.command("git", directory);
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments);
        String::from_utf8(run(&mut git, input)).expect("names without odd bytes")
    }
}

/// Runs it, with this on its stdin; what it wrote to its stdout.
pub fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{command:?}");
        output.stdout
    })
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Medians of two things done in turns, so that what else the machine does hits both.
pub fn in_turns(
    rounds: usize,
    mut one: impl FnMut() -> Duration,
    mut other: impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let pairs: Vec<(Duration, Duration)> = (0..rounds).map(|_| (one(), other())).collect();
    let (ones, others) = pairs.into_iter().unzip();
    (median(ones), median(others))
}
