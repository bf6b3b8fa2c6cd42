//! Pushes that are stopped half way, and the processes that have to do with them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::scene::Scene;
use crate::server::Server;
use crate::support::{Home, program, wait_for};

/// A server whose hook waits until it is let go on, or until its folder is gone.
pub struct Hold {
    reached: PathBuf,
    holding: PathBuf,
}

impl Hold {
    /// `after` is what the hook does then.
    pub fn at(server: &Server<'_>, hook: &str, after: &str) -> Self {
        let beside = |name: &str| server.bare.with_extension(format!("{hook}.{name}"));
        let hold = Self {
            reached: beside("reached"),
            holding: beside("holding"),
        };
        fs::write(&hold.holding, "").expect("a file");
        let _ = fs::remove_file(&hold.reached);
        let script = format!(
            "touch '{}'; while [ -e '{}' ]; do sleep 0.01; done; {after}",
            hold.reached.display(),
            hold.holding.display()
        );
        server.hook(hook, &script);
        hold
    }

    #[track_caller]
    pub fn wait(&self) {
        wait_for("the server's hook", || self.reached.exists().then_some(()));
    }

    pub fn release(&self) {
        let _ = fs::remove_file(&self.holding);
    }
}

impl Scene<'_> {
    /// Starts a `git push` as a shell starts it: in a process group of its own, and with no signal
    /// ignored, as one is where tests run in the background.
    pub fn start(&self, arguments: &[&str]) -> Push {
        let mut command = self.home.command("env", &self.clone.folder);
        let child = command
            .args(["--default-signal", "git", "push", "-q"])
            .args(arguments)
            .envs(self.server.ssh_command().map(|ssh| ("GIT_SSH_COMMAND", ssh)))
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("git starts");
        Push { child }
    }
}

pub struct Push {
    child: Child,
}

impl Push {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Kills git itself, and nothing that it started.
    pub fn kill(mut self) {
        self.child.kill().expect("it still runs");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal as a terminal does, and waits for the end of git.
    pub fn signal(mut self, signal: Signal) {
        // Perhaps it ended by itself.
        let _ = kill_process_group(self.pid(), signal);
        self.child.wait().expect("it ends");
    }

    pub fn wait(mut self) -> bool {
        self.child.wait().expect("it ends").success()
    }
}

/// The processes of the program under test in this home, but for those that talk to Jenkins.
pub fn waiters(home: &Home) -> Vec<Pid> {
    processes(home, |pid| {
        let words = fs::read(of(pid, "cmdline")).unwrap_or_default();
        let sends = words.split(|byte| *byte == 0).nth(1) == Some(b"deliver");
        !sends && fs::read_link(of(pid, "exe")).is_ok_and(|exe| exe == program())
    })
}

/// The gits of this home.
pub fn gits(home: &Home) -> Vec<Pid> {
    processes(home, |pid| {
        fs::read_to_string(of(pid, "comm")).is_ok_and(|name| name.starts_with("git"))
    })
}

pub fn of(pid: Pid, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

fn processes(home: &Home, is_meant: impl Fn(Pid) -> bool) -> Vec<Pid> {
    let mut variable = b"HOME=".to_vec();
    variable.extend_from_slice(home.path("home").as_os_str().as_encoded_bytes());
    let is_at_home = |pid: Pid| {
        let environment = fs::read(of(pid, "environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == variable)
    };
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .filter(|&pid| is_at_home(pid) && is_meant(pid))
        .collect()
}

/// Kills whatever waits for the end of a push; returns how many there were.
#[track_caller]
pub fn kill_waiters(home: &Home) -> usize {
    let waiters = waiters(home);
    for &waiter in &waiters {
        // Perhaps it ended by itself.
        let _ = kill_process(waiter, Signal::KILL);
    }
    wait_for("the waiters' end", || {
        self::waiters(home).is_empty().then_some(())
    });
    waiters.len()
}
