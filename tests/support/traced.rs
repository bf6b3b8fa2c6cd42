//! Runs a program up to its n-th system call that changes a file, or starts a process that may, and
//! kills it there: between two of those nothing changes that another process could see. Or lets
//! that call fail, or do half of its work.

#![allow(
    unsafe_code,
    dead_code,
    reason = "a process is traced from its very start, its calls are a union, and each test program uses a part of this"
)]

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By the kill, before the call was made.
    Killed,
    /// By itself: its exit code, and how many such calls it made.
    Exited(i32, usize),
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The process is killed before it.
    Killed,
    /// It is not made, and says this.
    Fails(Errno),
    /// If it writes, it writes half of what it was given.
    Short,
}

/// The file system that the program believes to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// The one that it is on.
    Real,
    /// One that knows no `renameat2`, as there are many.
    WithoutExchange,
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls<'a> {
    /// Those that change a file.
    Files,
    /// Those that start a process too: it may change one.
    FilesAndStarts,
    /// Those on this folder and what is in it, reading too, but for the closing of a file: a
    /// file is closed whatever that says.
    Below(&'a Path),
}

/// Runs it; this happens to its `at`-th such call, from 1.
pub fn run(command: &mut Command, on: FileSystem, calls: Calls<'_>, fate: Fate, at: usize) -> Ended {
    trace(command, on, calls, |_, number| (number == at).then_some(fate))
}

/// Runs it, and tells of each of its calls whether it writes into a file.
pub fn listed(command: &mut Command, calls: Calls<'_>) -> Vec<bool> {
    let mut all = Vec::new();
    trace(command, FileSystem::Real, calls, |call, _| {
        all.push(call.writes());
        None
    });
    all
}

fn trace(
    command: &mut Command,
    on: FileSystem,
    calls: Calls<'_>,
    mut fate: impl FnMut(&Call, usize) -> Option<Fate>,
) -> Ended {
    // SAFETY: it is one system call.
    unsafe {
        command.pre_exec(|| ptrace::traceme().map_err(io::Error::from));
    }
    #[allow(clippy::zombie_processes, reason = "waitpid below is the wait")]
    let child = command.spawn().expect("the program starts");
    let child = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    let started = waitpid(child, None).expect("a child");
    assert!(
        matches!(started, WaitStatus::Stopped(_, Signal::SIGTRAP)),
        "{started:?}"
    );
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD
        | ptrace::Options::PTRACE_O_TRACECLONE
        | ptrace::Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(child, options).expect("options");
    let mut made = 0;
    go_on(child, None);
    loop {
        match next_stop() {
            WaitStatus::PtraceSyscall(thread) => {
                if let Some(call) = Call::begun(thread) {
                    let counts = call.counts(thread, calls);
                    made += usize::from(counts);
                    let fate = if counts { fate(&call, made) } else { None };
                    match fate {
                        Some(Fate::Killed) => {
                            kill(child, Signal::SIGKILL).expect("a kill");
                            while !matches!(next_stop(), WaitStatus::Signaled(dead, ..) if dead == child) {}
                            return Ended::Killed;
                        }
                        Some(Fate::Fails(error)) => fail(thread, error),
                        Some(Fate::Short) => call.halve(thread),
                        None if on == FileSystem::WithoutExchange && call.number == libc::SYS_renameat2 => {
                            fail(thread, Errno::EINVAL);
                        }
                        None => {}
                    }
                }
                go_on(thread, None);
            }
            // A new thread begins so.
            WaitStatus::PtraceEvent(thread, ..) | WaitStatus::Stopped(thread, Signal::SIGSTOP) => {
                go_on(thread, None);
            }
            WaitStatus::Stopped(thread, sent) => go_on(thread, Some(sent)),
            WaitStatus::Exited(ended, code) if ended == child => return Ended::Exited(code, made),
            // One of its threads.
            WaitStatus::Exited(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// What happens next in a thread of a process that this thread of ours traces.
fn next_stop() -> WaitStatus {
    let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    waitpid(None, Some(ours)).expect("a child")
}

/// One that was killed meanwhile will be seen to be dead.
fn go_on(thread: Pid, signal: Option<Signal>) {
    match ptrace::syscall(thread, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Lets the call fail that the process is about to make.
#[cfg(target_arch = "x86_64")]
fn fail(child: Pid, error: Errno) {
    let mut registers = ptrace::getregs(child).expect("registers");
    // No call has this number.
    registers.orig_rax = u64::MAX;
    ptrace::setregs(child, registers).expect("registers");
    ptrace::syscall(child, None).expect("it goes on");
    let after = waitpid(child, Some(WaitPidFlag::__WALL)).expect("a child");
    assert!(matches!(after, WaitStatus::PtraceSyscall(_)), "{after:?}");
    let mut registers = ptrace::getregs(child).expect("registers");
    registers.rax = (-i64::from(error as i32)).cast_unsigned();
    ptrace::setregs(child, registers).expect("registers");
}

#[cfg(not(target_arch = "x86_64"))]
fn fail(_: Pid, _: Errno) {
    panic!("the registers of this machine have other names");
}

/// A system call that is about to be made.
struct Call {
    number: i64,
    arguments: [u64; 6],
}

impl Call {
    fn begun(child: Pid) -> Option<Self> {
        let info = ptrace::syscall_info(child).expect("what it calls");
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        // SAFETY: `op` says that it is this one.
        let entry = unsafe { info.u.entry };
        Some(Self {
            number: i64::try_from(entry.nr).expect("a number"),
            arguments: entry.args,
        })
    }

    fn counts(&self, thread: Pid, calls: Calls<'_>) -> bool {
        match calls {
            Calls::Files => self.changes_a_file(),
            Calls::FilesAndStarts => self.changes_a_file() || self.starts_a_process(),
            Calls::Below(folder) => self.paths(thread).iter().any(|path| path.starts_with(folder)),
        }
    }

    /// The files that it is about, as far as their names are absolute.
    fn paths(&self, thread: Pid) -> Vec<PathBuf> {
        let open = |argument: usize| {
            let number = self.arguments[argument].cast_signed();
            fs::read_link(format!("/proc/{thread}/fd/{number}")).unwrap_or_default()
        };
        let named = |argument: usize| string_at(thread, self.arguments[argument]);
        match self.number {
            libc::SYS_openat
            | libc::SYS_newfstatat
            | libc::SYS_statx
            | libc::SYS_unlinkat
            | libc::SYS_mkdirat
            | libc::SYS_fchmodat
            | libc::SYS_fchownat
            | libc::SYS_faccessat
            | libc::SYS_faccessat2
            | libc::SYS_readlinkat
            | libc::SYS_utimensat => vec![open(0).join(named(1))],
            libc::SYS_renameat2 | libc::SYS_linkat => vec![open(0).join(named(1)), open(2).join(named(3))],
            #[cfg(not(target_arch = "riscv64"))]
            libc::SYS_renameat => vec![open(0).join(named(1)), open(2).join(named(3))],
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename | libc::SYS_link => vec![named(0), named(1)],
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open
            | libc::SYS_creat
            | libc::SYS_stat
            | libc::SYS_lstat
            | libc::SYS_access
            | libc::SYS_readlink
            | libc::SYS_unlink
            | libc::SYS_mkdir
            | libc::SYS_rmdir
            | libc::SYS_chmod
            | libc::SYS_chown => vec![named(0)],
            libc::SYS_read
            | libc::SYS_readv
            | libc::SYS_pread64
            | libc::SYS_write
            | libc::SYS_writev
            | libc::SYS_pwrite64
            | libc::SYS_fstat
            | libc::SYS_getdents64
            | libc::SYS_lseek
            | libc::SYS_flock
            | libc::SYS_fsync
            | libc::SYS_fdatasync
            | libc::SYS_ftruncate
            | libc::SYS_fchmod
            | libc::SYS_fchown => vec![open(0)],
            _ => Vec::new(),
        }
    }

    fn writes(&self) -> bool {
        matches!(self.number, libc::SYS_write | libc::SYS_pwrite64)
    }

    /// Halves what it is about to write.
    #[cfg(target_arch = "x86_64")]
    fn halve(&self, thread: Pid) {
        if self.writes() && self.arguments[2] > 1 {
            let mut registers = ptrace::getregs(thread).expect("registers");
            registers.rdx = self.arguments[2] / 2;
            ptrace::setregs(thread, registers).expect("registers");
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn halve(&self, _: Pid) {
        panic!("the registers of this machine have other names");
    }

    fn changes_a_file(&self) -> bool {
        let opens_for_writing = |argument: usize| {
            let flags = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC;
            self.arguments[argument] & u64::from(flags.cast_unsigned()) != 0
        };
        match self.number {
            libc::SYS_openat => opens_for_writing(2),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => opens_for_writing(1),
            // What is said to people changes no file.
            libc::SYS_write | libc::SYS_writev => self.arguments[0] > 2,
            _ => CHANGES.contains(&self.number),
        }
    }

    fn starts_a_process(&self) -> bool {
        STARTS.contains(&self.number)
    }
}

/// A path that the process has at this address. One that is too long is cut off.
fn string_at(thread: Pid, address: u64) -> PathBuf {
    const LONGEST: usize = 4096;
    let mut text = Vec::new();
    if let Ok(memory) = fs::File::open(format!("/proc/{thread}/mem")) {
        let mut byte = [0];
        while text.len() < LONGEST
            && matches!(memory.read_at(&mut byte, address + text.len() as u64), Ok(1))
            && byte != [0]
        {
            text.push(byte[0]);
        }
    }
    OsStr::from_bytes(&text).into()
}

const CHANGES: &[libc::c_long] = &[
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_copy_file_range,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_openat2,
    libc::SYS_mknodat,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_renameat2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_fsetxattr,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
];

const STARTS: &[libc::c_long] = &[
    libc::SYS_clone,
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];
