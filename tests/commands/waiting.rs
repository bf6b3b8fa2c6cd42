//! What the tests of `trigger --wait` and `--follow` need.

use std::process::{Child, Stdio};
use std::time::Duration;

use jenkins_stand_in::{Clock, Job, Setup, StandIn, StateView};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{JOB_TOKEN, PATIENCE, Ran, Repository, program, shop};

pub const JOB: &str = "shop/deploy";

/// A job whose builds end when the test says so.
pub fn endless(name: &str) -> Job {
    Job::new(name)
        .string_parameter("BRANCH", "main")
        .trigger_token(JOB_TOKEN)
        .builds_forever()
}

/// A server whose clock stands still, and starts builds 1 s after the trigger.
pub fn still() -> Setup {
    let setup = shop().clock(Clock::Manual).quiet_period(Duration::from_secs(1));
    setup.job(endless(JOB))
}

/// The program at work in the background.
pub struct Waiting(Child);

impl Waiting {
    pub fn start(repository: &Repository<'_>, arguments: &[&str]) -> Self {
        let mut command = repository.home.command(program(), &repository.folder);
        command
            .arg("trigger")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().expect("the program starts"))
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).expect("a process id"));
        kill(id, signal).expect("the signal");
    }

    pub fn end(self) -> Ran {
        Ran::from(self.0.wait_with_output().expect("it ends"))
    }
}

#[track_caller]
pub fn until(jenkins: &StandIn, holds: impl Fn(&StateView) -> bool) {
    assert!(
        jenkins.wait_until(holds, PATIENCE),
        "waited in vain: {:#?}",
        jenkins.state().requests
    );
}

/// How often something was asked for.
pub fn asked(state: &StateView, what: &str) -> usize {
    let requests = state.requests.iter();
    requests
        .filter(|request| request.status.is_some() && request.target.contains(what))
        .count()
}

/// Lets the first item's build start, once the program has seen that it waits.
pub fn let_start(jenkins: &StandIn) {
    until(jenkins, |state| asked(state, "/queue/item/") >= 1);
    jenkins.advance(Duration::from_secs(1));
    jenkins.advance(Duration::from_secs(1));
    until(jenkins, |state| asked(state, "/job/deploy/1/") >= 1);
}
