//! What every process that the tool starts is told: its arguments and its environment.

#![allow(unsafe_code, reason = "a process is traced from its very start")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::canary::{ALL, OWN, found_in};
use crate::support::program;

/// A program that was started.
#[derive(Debug, Clone)]
pub struct Started {
    /// What it was told, from its name on.
    pub arguments: Vec<String>,
    environment: Vec<u8>,
    command_line: Vec<u8>,
    /// That of this tool's processes which started it, or which started whatever started it.
    by_us: bool,
    is_us: bool,
}

impl Started {
    fn of(process: Pid, by_us: bool) -> Self {
        let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
        let command_line = read("cmdline");
        let arguments = command_line
            .strip_suffix(b"\0")
            .unwrap_or(&command_line)
            .split(|byte| *byte == 0)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect();
        let real = fs::read_link(format!("/proc/{process}/exe"));
        Self {
            arguments,
            environment: read("environ"),
            command_line,
            by_us,
            is_us: real.is_ok_and(|path| path == program()),
        }
    }
}

/// Runs it, and tells of every program that was started for it, in the background too, until the last
/// one has ended.
pub fn started_by(command: &mut Command) -> Vec<Started> {
    // SAFETY: it is one system call.
    unsafe {
        command.pre_exec(|| ptrace::traceme().map_err(io::Error::from));
    }
    #[allow(clippy::zombie_processes, reason = "waitpid below is the wait")]
    let child = command.spawn().expect("the program starts");
    let child = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    let stopped = waitpid(child, None).expect("a child");
    assert!(
        matches!(stopped, WaitStatus::Stopped(_, Signal::SIGTRAP)),
        "{stopped:?}"
    );
    let options = ptrace::Options::PTRACE_O_TRACEFORK
        | ptrace::Options::PTRACE_O_TRACEVFORK
        | ptrace::Options::PTRACE_O_TRACECLONE
        | ptrace::Options::PTRACE_O_TRACEEXEC
        | ptrace::Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(child, options).expect("options");
    let first = Started::of(child, false);
    // What each process or thread runs, and whether this tool has started it.
    let mut images = BTreeMap::from([(child, (first.is_us, false))]);
    let mut early = BTreeSet::new();
    let mut all = vec![first];
    go_on(child, None);
    loop {
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        match waitpid(None, Some(ours)) {
            Err(Errno::ECHILD) => return all,
            Err(error) => panic!("{error}"),
            Ok(WaitStatus::PtraceEvent(process, _, libc::PTRACE_EVENT_EXEC)) => {
                let (was_us, below_us) = images.get(&process).copied().unwrap_or_default();
                let started = Started::of(process, was_us || below_us);
                images.insert(process, (started.is_us, started.by_us));
                all.push(started);
                go_on(process, None);
            }
            Ok(WaitStatus::PtraceEvent(process, _, _)) => {
                let new = ptrace::getevent(process).expect("its child");
                let new = Pid::from_raw(i32::try_from(new).expect("a process id"));
                let image = images.get(&process).copied().unwrap_or_default();
                images.insert(new, image);
                if early.remove(&new) {
                    go_on(new, None);
                }
                go_on(process, None);
            }
            // It begins so, and may be seen before he who made it.
            Ok(WaitStatus::Stopped(process, Signal::SIGSTOP)) if !images.contains_key(&process) => {
                early.insert(process);
            }
            Ok(WaitStatus::Stopped(process, Signal::SIGSTOP)) => go_on(process, None),
            Ok(WaitStatus::Stopped(process, signal)) => go_on(process, Some(signal)),
            Ok(_) => {}
        }
    }
}

/// One that was killed meanwhile will be seen to be dead.
fn go_on(process: Pid, signal: Option<Signal>) {
    match ptrace::cont(process, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Nobody's arguments have a secret in them; and whom this tool has started has one of its own in the
/// environment only if it is this tool, or the hook of the user's own at this path.
#[track_caller]
pub fn assert_told_nothing(all: &[Started], chained: Option<&str>) {
    for started in all {
        let arguments = &started.arguments;
        assert_eq!(found_in(&started.command_line, &ALL), None, "{arguments:?}");
        let is_chained =
            chained.is_some_and(|hook| arguments.iter().any(|argument| argument.ends_with(hook)));
        if started.by_us && !started.is_us && !is_chained {
            assert_eq!(found_in(&started.environment, &OWN), None, "{arguments:?}");
        }
    }
}
