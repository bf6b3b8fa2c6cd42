//! The sender that runs on after the hook has returned.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::sender::{Sender, due};
use crate::environment;
use crate::platform;
use crate::spool::{self, Spool};

/// How long a detached sender lives at most; what still waits then goes out with the next hook
/// or `retry`.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How often a sleeping sender looks whether the spool changed or is gone.
const GLANCE: Duration = Duration::from_millis(500);

/// The hidden command that [`start`] runs.
pub const COMMAND: &str = "deliver";

/// Starts a sender for this common git directory, detached from everything.
///
/// # Errors
/// What the system says when this program cannot be started again.
pub fn start(common_dir: &Path) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).arg(common_dir);
    for name in environment::repository_variables() {
        command.env_remove(name);
    }
    platform::spawn_detached(&mut command)
}

/// Sends until nothing is left that can be sent, or the time is up.
///
/// # Errors
/// What the file system says about the spool.
pub fn run(common_dir: &Path) -> spool::Result<()> {
    let spool = Spool::of(common_dir);
    let end = Instant::now() + LIFETIME;
    loop {
        {
            // Whoever holds it looks at the spool once more after letting go.
            let Some(_lock) = spool.lock_sending()? else {
                return Ok(());
            };
            Sender::new(&spool, common_dir).pass(false, &|_| true, &mut |_| {})?;
        }
        match next_due(&spool)? {
            None => return Ok(()),
            Some(due) if due <= Timestamp::now() => {}
            Some(due) => {
                // One sleeper is enough for all; others' news it sees in the spool.
                let Some(_sleeping) = spool.lock_sleeping()? else {
                    return Ok(());
                };
                if !sleep_until(due, end, &spool) {
                    return Ok(());
                }
            }
        }
    }
}

/// When the first trigger that can be sent is due; those that wait for the user do not count.
fn next_due(spool: &Spool) -> spool::Result<Option<Timestamp>> {
    let mut seen = std::collections::BTreeSet::new();
    let mut next = None;
    for trigger in &spool.waiting()?.triggers {
        // Only the first of its job and branch may go.
        if trigger.hold.is_some() || !seen.insert(trigger.lane()) {
            continue;
        }
        // Held: there is nothing to wait for that time brings.
        if trigger.due.is_none() && trigger.trouble.is_some() {
            continue;
        }
        let due = due(trigger);
        next = Some(next.map_or(due, |earlier: Timestamp| earlier.min(due)));
    }
    Ok(next)
}

/// `false` when the time is up or the spool is gone; back early when the spool changed.
fn sleep_until(due: Timestamp, end: Instant, spool: &Spool) -> bool {
    let before = changed(spool);
    loop {
        if Instant::now() >= end {
            return false;
        }
        if due <= Timestamp::now() {
            return true;
        }
        thread::sleep(GLANCE);
        let now = changed(spool);
        if now.is_none() {
            return false;
        }
        if now != before {
            return true;
        }
    }
}

fn changed(spool: &Spool) -> Option<SystemTime> {
    fs::metadata(spool.folder().join("new")).ok()?.modified().ok()
}
