//! Every system call on the spool fails once, or is the last of its process: a commit goes on, and
//! nothing that was accepted is lost, or sent twice.

#![allow(
    clippy::print_stdout,
    reason = "who looks into a failure needs the seed of the run"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use jenkins_stand_in::StandIn;
use nix::errno::Errno;

use crate::scene::{
    Served, file, files_in, jenkins, kill_all, retry_until_all_is_sent, spool_in, taken, wait_for_all,
};
use crate::support::dice::Dice;
use crate::support::{Home, Repository, gits, program};
use crate::traced::{Calls, Ended, Fate, FileSystem, listed, run};

const ERRORS: [Errno; 4] = [Errno::ENOSPC, Errno::EIO, Errno::EACCES, Errno::EINTR];

/// What happens at which call, of those that a program makes when nothing happens: each is the last
/// one once, and fails once; every write is a short one once. `FAILING_CALLS=all` in the
/// environment: each fails in every way. `FAILING_CALLS_SEED`: as in an earlier run.
#[allow(clippy::disallowed_methods, reason = "a test is told so how much it is to do")]
fn fates(calls: &[bool]) -> Vec<(usize, Fate)> {
    let all = std::env::var("FAILING_CALLS").is_ok_and(|word| word == "all");
    let mut dice = Dice::of("FAILING_CALLS_SEED");
    let Dice(seed) = dice;
    println!("FAILING_CALLS_SEED={seed}: {} calls", calls.len());
    let mut fates = Vec::new();
    // Some more: a call that failed may be followed by others than one that did not.
    for at in 1..=calls.len() + 3 {
        let one = dice.below(ERRORS.len());
        let errors = ERRORS.iter().enumerate();
        fates.extend(
            errors
                .filter(|(number, _)| all || *number == one)
                .map(|(_, error)| (at, Fate::Fails(*error))),
        );
        fates.push((at, Fate::Killed));
        if calls.get(at - 1) == Some(&true) {
            fates.push((at, Fate::Short));
        }
    }
    fates
}

/// A repository in whose hook calls fail.
struct Hook<'a> {
    jenkins: StandIn,
    repository: Repository<'a>,
}

impl<'a> Hook<'a> {
    fn new(home: &'a Home) -> Self {
        let jenkins = StandIn::start(jenkins());
        let repository = home.repository("shop", &file(&jenkins, ""));
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.git(&["checkout", "-q", "-b", "waits/main"]);
        repository.commit("first");
        Self { jenkins, repository }
    }

    fn folder(&self) -> PathBuf {
        self.repository.path(".git/jenkins-trigger")
    }

    fn command(&self) -> Command {
        let said = fs::File::create(self.repository.home.path("said")).expect("a file");
        let mut hook = self.repository.home.command(program(), &self.repository.folder);
        hook.args(["hook", "post-commit"]).stderr(said);
        hook
    }

    fn calls(&self) -> Vec<bool> {
        self.repository.commit("counted");
        let calls = listed(&mut self.command(), Calls::Below(&self.folder()));
        assert!(calls.len() > 10, "{calls:?}");
        wait_for_all(self.repository.home);
        calls
    }

    /// A commit whose hook that happens to; the commit, if the hook said that it has taken it.
    #[track_caller]
    fn fires(&self, at: usize, fate: Fate) -> Option<String> {
        self.repository.commit("one more");
        let ended = run(
            &mut self.command(),
            FileSystem::Real,
            Calls::Below(&self.folder()),
            fate,
            at,
        );
        let said = fs::read_to_string(self.repository.home.path("said")).expect("what it said");
        let when = format!("{fate:?} at call {at}: {ended:?}\n{said}");
        assert!(matches!(ended, Ended::Killed | Ended::Exited(0, _)), "{when}");
        let server = self.jenkins.url();
        let taken = format!("jenkins-trigger: waits/main → waits on {server}/");
        let accepted = said.lines().filter(|line| *line == taken).count();
        let refused = said
            .lines()
            .filter(|line| line.contains("nothing triggered"))
            .count();
        assert!(!said.contains("panicked"), "{when}");
        if ended != Ended::Killed {
            assert_eq!((accepted + refused, said.contains('\n')), (1, true), "{when}");
        }
        let commit = self.repository.head();
        wait_for_all(self.repository.home);
        if accepted == 1 {
            let waits = files_in(&spool_in(&self.repository.path(".git")).join("new"))
                .iter()
                .any(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(&commit)));
            let sent = taken_of(&self.jenkins, &commit) > 0;
            assert!(waits || sent, "lost: {when}");
        }
        (accepted == 1).then_some(commit)
    }
}

fn taken_of(jenkins: &StandIn, commit: &str) -> usize {
    taken(jenkins).get(commit).map_or(0, Vec::len)
}

#[test]
fn a_hook_that_makes_its_spool_loses_nothing_it_accepted() {
    let home = Home::new(&gits()[0]);
    let hook = Hook::new(&home);
    let forget = || {
        if let Err(error) = fs::remove_dir_all(hook.folder()) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    };
    forget();
    for (at, fate) in fates(&hook.calls()) {
        forget();
        hook.fires(at, fate);
    }
}

#[test]
fn a_hook_beside_what_waits_loses_nothing_it_accepted_and_doubles_nothing() {
    let home = Home::new(&gits()[0]);
    let hook = Hook::new(&home);
    hook.calls();
    hook.jenkins.stop();
    hook.repository.commit("waits");
    hook.command().status().expect("the program starts");
    kill_all(&home, &hook.jenkins);
    hook.repository.commit("is counted");
    let calls = listed(&mut hook.command(), Calls::Below(&hook.folder()));
    kill_all(&home, &hook.jenkins);
    hook.jenkins.resume();
    let fates = fates(&calls);
    let accepted: BTreeSet<String> = fates
        .into_iter()
        .filter_map(|(at, fate)| hook.fires(at, fate))
        .collect();
    retry_until_all_is_sent(
        &home,
        &hook.repository.folder,
        &spool_in(&hook.repository.path(".git")),
    );
    for commit in &accepted {
        assert_eq!(taken_of(&hook.jenkins, commit), 1);
    }
    let twice: Vec<_> = taken(&hook.jenkins)
        .into_iter()
        .filter(|(_, all)| all.len() > 1)
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// A repository with much that waits, of which two at a time are there when `retry` is traced.
struct Retry<'a> {
    jenkins: StandIn,
    served: Served<'a>,
    left: Vec<PathBuf>,
    sent: usize,
}

impl<'a> Retry<'a> {
    fn new(home: &'a Home, triggers: usize) -> Self {
        let jenkins = StandIn::start(jenkins());
        let served = Served::new(home, "shop.git", &file(&jenkins, ""), triggers, 1);
        jenkins.stop();
        let ran = served.push(0).succeeded();
        assert_eq!(served.accepted(&ran).len(), triggers);
        kill_all(home, &jenkins);
        jenkins.resume();
        let new = served.spool().join("new");
        let store = home.path("store");
        fs::rename(&new, &store).expect("a move");
        fs::create_dir(&new).expect("a folder");
        let mut left = files_in(&store);
        left.sort_unstable();
        Self {
            jenkins,
            served,
            left,
            sent: 0,
        }
    }

    fn folder(&self) -> PathBuf {
        self.served.folder.join("jenkins-trigger")
    }

    /// With two that wait.
    fn command(&mut self) -> Command {
        let new = self.served.spool().join("new");
        for path in self.left.drain(..2) {
            fs::rename(&path, new.join(path.file_name().expect("a name"))).expect("a move");
        }
        self.sent += 2;
        let said = fs::File::create(self.served.home.path("said")).expect("a file");
        let mut retry = self.served.home.command(program(), &self.served.folder);
        retry
            .arg("retry")
            .stdout(said.try_clone().expect("a file"))
            .stderr(said);
        retry
    }

    fn calls(&mut self) -> Vec<bool> {
        let folder = self.folder();
        let calls = listed(&mut self.command(), Calls::Below(&folder));
        assert!(calls.len() > 30, "{calls:?}");
        self.served.retry_until_all_is_sent();
        calls
    }

    #[track_caller]
    fn survives(&mut self, at: usize, fate: Fate) {
        let folder = self.folder();
        let ended = run(
            &mut self.command(),
            FileSystem::Real,
            Calls::Below(&folder),
            fate,
            at,
        );
        kill_all(self.served.home, &self.jenkins);
        let said = fs::read_to_string(self.served.home.path("said")).expect("what it said");
        let when = format!("{fate:?} at call {at}: {ended:?}\n{said}");
        assert!(matches!(ended, Ended::Killed | Ended::Exited(0..=3, _)), "{when}");
        assert!(!said.contains("panicked"), "{when}");
        let then = self.served.retry_until_all_is_sent();
        let taken = taken(&self.jenkins);
        assert_eq!(taken.len(), self.sent, "{when}{then}");
        let twice: Vec<_> = taken.values().filter(|all| all.len() > 1).collect();
        assert!(twice.is_empty(), "{when}{then}{twice:#?}");
    }
}

/// Several at a time: a sender waits three seconds before it looks for what another had sent.
#[test]
fn a_sender_loses_nothing_and_doubles_nothing() {
    const WORKERS: usize = 6;
    let home = Home::new(&gits()[0]);
    let fates = fates(&Retry::new(&home, 2).calls());
    let fates = &fates;
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            scope.spawn(move || {
                let home = Home::new(&gits()[0]);
                let own: Vec<_> = fates.iter().skip(worker).step_by(WORKERS).collect();
                let mut retry = Retry::new(&home, 2 * own.len());
                for (at, fate) in own {
                    retry.survives(*at, *fate);
                }
            });
        }
    });
}
