//! The process that waits for git's end.

use std::process::Command;
use std::time::Duration;

use bstr::{BString, ByteSlice as _};

use super::settle::{CUT_OFF, Meanwhile, group_of, settle, settle_ended};
use super::{NOBODY, asked_lately};
use crate::environment;
use crate::event::push;
use crate::git::Repository;
use crate::platform::{self, End, Handle, Process};
use crate::spool::{ProcessId, Push, Spool};

/// The hidden command that waits for the end of a push.
pub(in crate::cli) const COMMAND: &str = "after-push";

/// As [`CUT_OFF`], where it is not known who pushes, so that the push may not even have begun.
const UNSEEN: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// Longer than any push.
const LONGEST_PUSH: Duration = Duration::from_secs(24 * 60 * 60);

/// Starts a process that waits, detached from everything, for the end of this push.
///
/// # Errors
/// What the system says when this program cannot be started again.
pub(in crate::cli) fn wait_for(
    repository: &Repository,
    push: &Push,
    git: Option<&Process>,
    address: &BString,
) -> std::io::Result<()> {
    let mut command = waiter(repository)?;
    command.arg(&push.id);
    if push.address.0 != *address {
        command.env(environment::PUSH_ADDRESS, to_os(address));
    }
    match git.and_then(Handle::of) {
        Some(handle) => platform::spawn_detached_with(&mut command, handle.into_stdin()),
        None => platform::spawn_detached(&mut command),
    }
}

/// Starts one that decides all whose git has ended, and waits for none.
///
/// # Errors
/// As [`wait_for`].
pub(super) fn look_after(repository: &Repository) -> std::io::Result<()> {
    platform::spawn_detached(&mut waiter(repository)?)
}

fn waiter(repository: &Repository) -> std::io::Result<Command> {
    let mut command = Command::new(platform::this_program()?);
    command.arg(COMMAND);
    for name in environment::repository_variables() {
        // How the user had this git reach the remote counts when it is asked.
        if !name.as_encoded_bytes().starts_with(b"GIT_CONFIG") {
            command.env_remove(name);
        }
    }
    command.env(environment::GIT_DIR, repository.git_dir());
    if let Some(work_tree) = repository.work_tree() {
        command.env(environment::GIT_WORK_TREE, work_tree);
    }
    Ok(command)
}

fn to_os(bytes: &BString) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes.as_slice())
}

/// Waits for the end of the push with this id and decides it; without an id, decides all whose git
/// has ended. Nobody is there to be told anything.
///
/// # Errors
/// What the repository or the spool says.
pub(in crate::cli) fn run(id: Option<&str>) -> anyhow::Result<()> {
    let paths = environment::repository_paths();
    let here = paths.work_tree.as_ref().or(paths.git_dir.as_ref());
    let here = here.ok_or_else(|| anyhow::anyhow!("no repository is named"))?;
    let repository = Repository::discover(here, &paths)?;
    let spool = Spool::of(repository.common_dir());
    match id {
        Some(id) => {
            let waiting = spool.pushes()?.under_way;
            let Some(own) = waiting.into_iter().find(|push| push.id == id) else {
                return Ok(());
            };
            let Some(end) = wait_for_end(&own) else {
                return Ok(());
            };
            // git runs the hook once for each address of a remote, and then ends once.
            let mut same = spool.pushes()?.under_way;
            same.retain(|push| group_of(push) == group_of(&own));
            let repeats = own.references.iter().any(|reference| reference.repeats);
            let waits = if push::ended_well(end, own.address.0.as_bstr()) && !repeats {
                &[][..]
            } else if own.git == NOBODY {
                &UNSEEN[..]
            } else {
                &CUT_OFF[..]
            };
            settle(&repository, &spool, &same, end, waits)?;
        }
        None => {
            let wanted = |push: &Push| !asked_lately(push);
            settle_ended(&repository, &spool, wanted, Meanwhile::Send)?;
        }
    }
    Ok(())
}

fn wait_for_end(push: &Push) -> Option<End> {
    if push.git == NOBODY {
        return Some(End::Unknown);
    }
    let ProcessId { pid, started } = push.git;
    let end = platform::wait_on_stdin(pid, started, LONGEST_PUSH)?;
    if let Some(ProcessId { pid, started }) = push.watched_by {
        // It knows better, and takes the push away when it has ended well.
        let ended = platform::wait_for_end(pid, started, LONGEST_PUSH);
        return ended.then_some(end);
    }
    Some(end)
}
