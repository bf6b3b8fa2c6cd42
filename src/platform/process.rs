//! The processes this one was started by, as far as the system tells: `/proc` on Linux.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
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
///
/// The first process of all is one of them: in a container it may be git itself, and it is the
/// parent of whatever has lost its own.
#[must_use]
pub fn ancestors() -> Option<Vec<Process>> {
    Stat::of(std::process::id())?;
    let mut next = std::os::unix::process::parent_id();
    let mut found = Vec::new();
    // A parent outside the container has no number here.
    while next > 0 {
        let Some(stat) = Stat::of(next) else { break };
        found.push(Process {
            pid: next,
            started: stat.started,
            name: stat.name,
        });
        next = stat.parent;
    }
    Some(found)
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

/// Waits until the process has ended, or for `limit`; `false` if it then still runs.
#[must_use]
pub fn wait_for_end(pid: u32, started: u64, limit: Duration) -> bool {
    wait_on_handle(open_process(pid).as_ref(), pid, started, limit)
}

/// How a process ended, as far as one that is not its parent can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal.
    Killed,
    /// The system does not tell.
    Unknown,
}

/// Something by which a process can be waited for, whoever gets its number after it.
#[derive(Debug)]
pub struct Handle(OwnedFd);

impl Handle {
    /// A handle of this very process; `None` where there is no such thing, or the process is gone.
    #[must_use]
    pub fn of(process: &Process) -> Option<Self> {
        // Opened before the look at who it is: what it refers to cannot change any more.
        let handle = open_process(process.pid)?;
        runs(process.pid, process.started).then_some(Self(handle))
    }

    /// To be a child's stdin, where [`wait_on_stdin`] finds it.
    #[must_use]
    pub fn into_stdin(self) -> Stdio {
        Stdio::from(self.0)
    }
}

/// Waits, for `limit` at most, for the end of a process whose [`Handle`] may be this one's stdin;
/// `None` if it then still runs.
#[must_use]
pub fn wait_on_stdin(pid: u32, started: u64, limit: Duration) -> Option<End> {
    let stdin = io::stdin().as_fd().try_clone_to_owned().ok();
    let given = stdin.filter(|handle| end_of(handle, pid) != Told::Nothing);
    let handle = given.or_else(|| open_process(pid));
    if !wait_on_handle(handle.as_ref(), pid, started, limit) {
        return None;
    }
    let Some(handle) = handle else {
        return Some(End::Unknown);
    };
    // The system tells only when the parent has asked, which it does at once as a rule.
    let patience = Instant::now() + REAPED_BY;
    loop {
        match end_of(&handle, pid) {
            Told::Ended(end) => return Some(end),
            Told::NotYet if Instant::now() < patience => thread::sleep(GLANCE / 5),
            _ => return Some(End::Unknown),
        }
    }
}

/// How long the parent of a process that has ended is waited for.
const REAPED_BY: Duration = Duration::from_secs(2);

/// Hands on what a child writes to its stdout until it has ended. Not until that is closed: what a
/// hook left running in the background may keep it open for as long as it likes.
///
/// # Errors
/// What the system says.
pub fn follow(child: &mut Child, mut take: impl FnMut(&[u8])) -> io::Result<ExitStatus> {
    let Some(mut stdout) = child.stdout.take() else {
        return child.wait();
    };
    rustix::io::ioctl_fionbio(&stdout, true)?;
    let handle = open_process(child.id());
    let mut buffer = [0; 8 * 1024];
    let mut ended = None;
    loop {
        match stdout.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            // All that it wrote itself has been read by now.
            Err(_) if ended.is_some() => break,
            Err(_) => {
                wait_for_output(&stdout, handle.as_ref());
                ended = child.try_wait()?;
            }
        }
    }
    match ended {
        Some(status) => Ok(status),
        None => child.wait(),
    }
}

/// Waits until there is something to read or the process has ended, or for a while.
fn wait_for_output(output: &ChildStdout, handle: Option<&OwnedFd>) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut files = vec![PollFd::new(output, PollFlags::IN)];
    files.extend(handle.map(|handle| PollFd::new(handle, PollFlags::IN)));
    let limit = handle
        .is_none()
        .then(|| Timespec::try_from(GLANCE).ok())
        .flatten();
    if poll(&mut files, limit.as_ref()).is_err() {
        thread::sleep(GLANCE);
    }
}

fn wait_on_handle(handle: Option<&OwnedFd>, pid: u32, started: u64, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        if !runs(pid, started) {
            return true;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        match handle {
            Some(handle) => wait_on(handle, left),
            None => thread::sleep(left.min(GLANCE)),
        }
    }
}

/// How often a process is looked at where the system cannot tell of its end.
const GLANCE: Duration = Duration::from_millis(50);

/// The start of a process that the system tells only the number of.
const NOT_TOLD: u64 = 0;

/// The parent of this process, where [`ancestors`] knows nothing.
#[must_use]
pub fn parent() -> Process {
    Process {
        pid: std::os::unix::process::parent_id(),
        started: NOT_TOLD,
        name: OsString::new(),
    }
}

/// This process.
#[must_use]
pub fn own() -> Process {
    let pid = std::process::id();
    let stat = Stat::of(pid);
    Process {
        pid,
        started: stat.as_ref().map_or(NOT_TOLD, |stat| stat.started),
        name: stat.map(|stat| stat.name).unwrap_or_default(),
    }
}

/// Whether this process has not ended yet.
#[must_use]
pub fn runs(pid: u32, started: u64) -> bool {
    if started == NOT_TOLD {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        return pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
    }
    // One that nobody has asked for its exit code yet has ended all the same.
    Stat::of(pid).is_some_and(|stat| stat.started == started && !stat.ended)
}

#[cfg(target_os = "linux")]
fn open_process(pid: u32) -> Option<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_process(_: u32) -> Option<OwnedFd> {
    None
}

/// What the system tells of the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The handle is none of this process, or the system (Linux before 6.15) tells nothing.
    Nothing,
    /// It has not ended, or nobody has asked for its exit code yet.
    NotYet,
    /// It ended so.
    Ended(End),
}

/// What the system tells of the end of the process that this handle is of.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn end_of(handle: &OwnedFd, pid: u32) -> Told {
    use rustix::ioctl::{Updater, ioctl, opcode};
    use std::os::unix::process::ExitStatusExt as _;

    /// `struct pidfd_info` of `linux/pidfd.h` in its first version.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        pid: u32,
        thread_group: u32,
        parent: u32,
        /// Real, effective, saved and file system ids of user and group.
        ids: [u32; 8],
        exit: i32,
    }
    const PID: u64 = 1;
    const EXIT: u64 = 1 << 3;
    const GET_INFO: rustix::ioctl::Opcode = opcode::read_write::<Info>(0xFF, 11);

    let mut info = Info {
        mask: PID | EXIT,
        ..Info::default()
    };
    // SAFETY: `Info` is what this request reads and writes (`PIDFD_GET_INFO`), and every bit
    // pattern of it is valid; another kind of file refuses the request.
    let told = unsafe { ioctl(handle, Updater::<GET_INFO, Info>::new(&mut info)) };
    if told.is_err() {
        return Told::Nothing;
    }
    if info.mask & EXIT == 0 {
        return if info.pid == pid {
            Told::NotYet
        } else {
            Told::Nothing
        };
    }
    // A process that is gone has no number any more.
    let status = std::process::ExitStatus::from_raw(info.exit);
    Told::Ended(status.code().map_or(End::Killed, End::Exited))
}

#[cfg(not(target_os = "linux"))]
fn end_of(_: &OwnedFd, _: u32) -> Told {
    Told::Nothing
}

fn wait_on(handle: &OwnedFd, limit: Duration) {
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
        let parent = found.first().map_or(0, |process| process.pid);
        assert_eq!(parent, std::os::unix::process::parent_id());
        assert!(found.iter().all(|process| process.pid > 0));
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

    #[test]
    #[cfg(target_os = "linux")]
    fn a_handle_is_of_the_process_that_was_meant() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("a child");
        let process = Process {
            pid: child.id(),
            started: Stat::of(child.id()).expect("its stat").started,
            name: "cat".into(),
        };
        assert!(Handle::of(&process).is_some());
        let other = Process {
            started: process.started + 1,
            ..process.clone()
        };
        assert!(Handle::of(&other).is_none(), "its number was another's before");
        drop(child.stdin.take());
        child.wait().expect("its end");
        assert!(Handle::of(&process).is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_handle_tells_how_the_process_ended() {
        for (command, expected) in [
            ("exit 0", End::Exited(0)),
            ("exit 128", End::Exited(128)),
            ("kill -9 $$", End::Killed),
        ] {
            let mut child = Command::new("sh")
                .args(["-c", &format!("read line; {command}")])
                .stdin(Stdio::piped())
                .spawn()
                .expect("a child");
            let handle = open_process(child.id()).expect("a handle");
            let before = end_of(&handle, child.id());
            assert_eq!(
                end_of(&handle, child.id() + 1),
                Told::Nothing,
                "of another process"
            );
            drop(child.stdin.take());
            child.wait().expect("its end");
            let after = end_of(&handle, child.id());
            // Linux tells since 6.15.
            if (before, after) != (Told::Nothing, Told::Nothing) {
                assert_eq!((before, after), (Told::NotYet, Told::Ended(expected)));
            }
        }
    }
}
