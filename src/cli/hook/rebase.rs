//! The rest of a rebase that puts `HEAD` back on its branch only after the hook has ended: a
//! process of its own waits for that.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use super::fire::Fire;
use crate::cli::file;
use crate::environment;
use crate::event::commit::{self, Found, Rebased};
use crate::git::Repository;
use crate::platform::{self, Process};
use crate::ui::Printer;

/// The hidden command that [`start`] runs.
pub(in crate::cli) const COMMAND: &str = "after-rebase";

/// What git still has to do by then takes no time, but for other hooks.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// How often the folder is looked for.
const GLANCE: Duration = Duration::from_millis(50);

/// Stands for a git that the system does not tell of.
const UNKNOWN: &str = "0";

/// Starts a process that waits, detached from everything, for the end of `git`.
///
/// # Errors
/// What the system says when this program cannot be started again.
pub(super) fn start(repository: &Repository, made: &Rebased, git: Option<&Process>) -> io::Result<()> {
    let mut command = Command::new(platform::this_program()?);
    command
        .arg(COMMAND)
        .arg(git.map_or(UNKNOWN.into(), |git| git.pid.to_string()))
        .arg(git.map_or(UNKNOWN.into(), |git| git.started.to_string()))
        .arg(&made.tip)
        .args(&made.before);
    for name in environment::repository_variables() {
        command.env_remove(name);
    }
    // For this process and for any git that it starts.
    command.env(environment::GIT_DIR, repository.git_dir());
    if let Some(work_tree) = repository.work_tree() {
        command.env(environment::GIT_WORK_TREE, work_tree);
    }
    platform::spawn_detached(&mut command)
}

/// Waits, and triggers for the branch. Nobody is there to be told anything.
pub(in crate::cli) fn run(words: &[OsString]) -> ExitCode {
    platform::close_inherited_files();
    match rest(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

fn rest(words: &[OsString]) -> anyhow::Result<()> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let (pid, started, made) = match words[..] {
        [pid, started, tip] => (pid, started, rebased(tip, None)),
        [pid, started, tip, before] => (pid, started, rebased(tip, Some(before))),
        _ => anyhow::bail!("{COMMAND} is run by the hook only"),
    };
    let paths = environment::repository_paths();
    let here = paths.work_tree.as_ref().or(paths.git_dir.as_ref());
    let here = here.ok_or_else(|| anyhow::anyhow!("no repository is named"))?;
    let repository = Repository::discover(here, &paths)?;
    let ended = if pid == UNKNOWN {
        wait_for_removal(&repository)
    } else {
        platform::wait_for_end(pid.parse()?, started.parse()?, LIMIT)
    };
    if !ended {
        return Ok(());
    }
    let Found::Event(event) = commit::read_rebased(&repository, &made)? else {
        return Ok(());
    };
    let Some(source) = file::of_commit(&repository, &made.tip)? else {
        return Ok(());
    };
    let fire = Fire {
        printer: &Printer::for_hook(),
        repository: &repository,
        tells: false,
        from_afar: false,
        by_commit: false,
    };
    fire.run(Ok(source), &mut [*event])
}

/// The last thing that git does for a rebase is to remove the folder it keeps for it.
fn wait_for_removal(repository: &Repository) -> bool {
    let end = Instant::now() + LIMIT;
    while repository.rebases_by_mail() {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(GLANCE);
    }
    true
}

fn rebased(tip: &str, before: Option<&str>) -> Rebased {
    Rebased {
        tip: tip.to_owned(),
        before: before.map(str::to_owned),
    }
}
