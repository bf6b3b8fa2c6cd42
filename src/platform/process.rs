//! The processes this one was started by, as far as the system tells: `/proc` on Linux.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A process as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number, which the system gives away again after its end.
    pub pid: u32,
    /// When it was started, in ticks since the machine was: with the number, this names one process.
    pub started: u64,
    /// The first 15 bytes of its program's file name; of a script, the script's.
    pub name: OsString,
}

/// The processes above this one, nearest first; `None` where the system does not tell.
#[must_use]
pub fn ancestors() -> Option<Vec<Process>> {
    let mut next = std::os::unix::process::parent_id();
    let mut found = Vec::new();
    while next > 1 {
        let Some(stat) = Stat::of(next) else { break };
        found.push(Process {
            pid: next,
            started: stat.started,
            name: stat.name,
        });
        next = stat.parent;
    }
    (!found.is_empty()).then_some(found)
}

/// The arguments a process was started with, its name first; empty where they are not told.
#[must_use]
pub fn arguments_of(pid: u32) -> Vec<OsString> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split_inclusive(|byte| *byte == 0)
        .map(|word| word.strip_suffix(&[0]).unwrap_or(word))
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect()
}

/// The name under which [`Process::name`] would have this process.
#[must_use]
pub fn own_name() -> Option<OsString> {
    Stat::of(std::process::id()).map(|stat| stat.name)
}

/// Waits until the process has ended, or for `limit`; `false` if it then still runs.
#[must_use]
pub fn wait_for_end(pid: u32, started: u64, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    // Opened before the look at who it is: what it refers to cannot change any more.
    let handle = open_process(pid);
    loop {
        if !runs(pid, started) {
            return true;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        match &handle {
            Some(handle) => wait_on(handle, left),
            None => thread::sleep(left.min(GLANCE)),
        }
    }
}

/// How often a process is looked at where the system cannot tell of its end.
const GLANCE: Duration = Duration::from_millis(50);

fn runs(pid: u32, started: u64) -> bool {
    // One that nobody has asked for its exit code yet has ended all the same.
    Stat::of(pid).is_some_and(|stat| stat.started == started && !stat.ended)
}

#[cfg(target_os = "linux")]
fn open_process(pid: u32) -> Option<std::os::fd::OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_process(_: u32) -> Option<std::os::fd::OwnedFd> {
    None
}

fn wait_on(handle: &std::os::fd::OwnedFd, limit: Duration) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec::try_from(limit).ok();
    if poll(&mut [PollFd::new(handle, PollFlags::IN)], limit.as_ref()).is_err() {
        thread::sleep(GLANCE);
    }
}

/// The fields of `/proc/<pid>/stat` that are needed here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: OsString,
    ended: bool,
    parent: u32,
    started: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let path = format!("/proc/{pid}/stat");
        Self::parse(&fs::read(Path::new(&path)).ok()?)
    }

    fn parse(line: &[u8]) -> Option<Self> {
        // The name stands in parentheses and may hold spaces, parentheses and any other byte.
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let name = line.get(open + 1..close)?;
        let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        // The 22nd of all, and two come before the state.
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self {
            name: OsString::from_vec(name.to_vec()),
            ended: matches!(state, "Z" | "X" | "x"),
            parent,
            started,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_name_may_look_like_the_fields_after_it() {
        let line = b"42 (a) Z 1 (b c) S 7 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2\n";
        let stat = Stat::parse(line).expect("a stat line");
        assert_eq!(stat.name, "a) Z 1 (b c");
        assert_eq!((stat.parent, stat.started, stat.ended), (7, 987_654, false));
        assert_eq!(Stat::parse(b""), None);
        assert_eq!(Stat::parse(b"42 )("), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_parent_is_the_first_ancestor() {
        let found = ancestors().expect("/proc");
        assert_eq!(found[0].pid, std::os::unix::process::parent_id());
        assert!(found.iter().all(|process| process.pid > 1));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_wait_ends_with_the_process_and_is_not_fooled_by_its_number() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("a child");
        let pid = child.id();
        let started = Stat::of(pid).expect("its stat").started;
        assert!(!wait_for_end(pid, started, Duration::from_millis(1)));
        assert!(wait_for_end(pid, started + 1, Duration::from_secs(60)));
        drop(child.stdin.take());
        // Ended, though nobody has asked for its exit code.
        assert!(wait_for_end(pid, started, Duration::from_secs(60)));
        child.wait().expect("its end");
        assert!(wait_for_end(pid, started, Duration::from_secs(60)));
    }
}
