//! Runs a program up to its n-th system call that changes a file, or starts a process that may, and
//! kills it there: between two of those nothing changes that another process could see. Or lets
//! that call fail.

#![allow(
    unsafe_code,
    reason = "a process is traced from its very start, and its calls are a union"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
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
pub enum Calls {
    /// Those that change a file.
    Files,
    /// Those that start a process too: it may change one.
    FilesAndStarts,
}

/// Runs it; this happens to its `at`-th such call, from 1.
pub fn run(command: &mut Command, on: FileSystem, calls: Calls, fate: Fate, at: usize) -> Ended {
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
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(child, options).expect("options");
    let mut made = 0;
    let mut signal = None;
    loop {
        ptrace::syscall(child, signal.take()).expect("it goes on");
        match waitpid(child, None).expect("a child") {
            WaitStatus::PtraceSyscall(_) => {
                let Some(call) = Call::begun(child) else { continue };
                if !(call.changes_a_file() || calls == Calls::FilesAndStarts && call.starts_a_process()) {
                    continue;
                }
                made += 1;
                match fate {
                    Fate::Killed if made == at => {
                        kill(child, Signal::SIGKILL).expect("a kill");
                        while !matches!(waitpid(child, None), Ok(WaitStatus::Signaled(..))) {}
                        return Ended::Killed;
                    }
                    Fate::Fails(error) if made == at => fail(child, error),
                    _ if on == FileSystem::WithoutExchange && call.number == libc::SYS_renameat2 => {
                        fail(child, Errno::EINVAL);
                    }
                    _ => {}
                }
            }
            WaitStatus::Stopped(_, sent) => signal = Some(sent),
            WaitStatus::Exited(_, code) => return Ended::Exited(code, made),
            other => panic!("{other:?}"),
        }
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
    let after = waitpid(child, None).expect("a child");
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
