//! The file, the credentials and the program are replaced while a sender runs: what was accepted
//! goes out as it was accepted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jenkins_stand_in::{Fault, FaultAction, StandIn};

use crate::scene::{
    assert_each_once, assert_journal_agrees, file, files_in, jenkins, kill_all, taken, wait_for_all,
};
use crate::support::{
    Home, PATIENCE, Ran, Repository, copy_program, developer_with, gits, program, with_each_git,
};

/// Enough for what a test does meanwhile, and less than a sender waits.
const ANSWER: Duration = Duration::from_secs(4);

/// A repository whose sender waits for an answer; and the commit that it has sent.
struct Busy<'a> {
    jenkins: StandIn,
    repository: Repository<'a>,
    first: String,
}

/// With this program in its hooks.
fn busy<'a>(home: &'a Home, program: &Path) -> Busy<'a> {
    let jenkins = StandIn::start(jenkins());
    let repository = home.repository("shop", &file(&jenkins, ""));
    let mut install = home.command(program, &repository.folder);
    Ran::of(install.args(["install", "post-commit"])).succeeded();
    repository.git(&["checkout", "-q", "-b", "waits/main"]);
    jenkins.fault(Fault::of_posts(FaultAction::Delay(ANSWER)).times(1));
    repository.commit("first");
    let first = repository.head();
    // Taken, and not answered.
    assert!(jenkins.wait_until(|state| state.items.len() == 1, PATIENCE));
    Busy {
        jenkins,
        repository,
        first,
    }
}

impl Busy<'_> {
    /// A commit that fires, while the sender still waits.
    #[track_caller]
    fn commit(&self, message: &str) -> String {
        let ran = self.repository.commit(message);
        assert!(
            ran.stderr.contains("jenkins-trigger: waits/main → "),
            "{}",
            ran.stderr
        );
        self.is_still_busy();
        self.repository.head()
    }

    #[track_caller]
    fn is_still_busy(&self) {
        let requests = self.jenkins.posts();
        assert!(
            requests.len() == 1 && requests[0].status.is_none(),
            "{requests:?}"
        );
    }

    /// By itself each of these goes out, and nothing is left.
    #[track_caller]
    fn sends(&self, commits: &[&String]) {
        wait_for_all(self.repository.home);
        assert_each_once(&self.jenkins, commits.iter().copied());
        assert!(self.repository.spooled("new").is_empty());
        assert!(self.repository.spooled("failed").is_empty());
        let agreed = assert_journal_agrees(&self.repository.journal(), &taken(&self.jenkins));
        assert_eq!(agreed, commits.len());
    }
}

#[test]
fn each_commit_goes_by_the_file_that_it_has() {
    with_each_git(|home| {
        let busy = busy(home, program());
        let old = file(&busy.jenkins, "");
        busy.repository
            .write(".jenkins-trigger.yml", old.replace("job: waits", "job: builds-0"));
        let second = busy.commit("another job");
        busy.repository
            .write(".jenkins-trigger.yml", "version: 1\nnonsense");
        let broken = busy.repository.commit("nonsense");
        assert!(!broken.stderr.contains(" → "), "{}", broken.stderr);
        busy.repository.git(&["rm", "-q", "-f", ".jenkins-trigger.yml"]);
        busy.repository.git(&["commit", "-q", "-m", "no file"]);
        busy.is_still_busy();
        busy.sends(&[&busy.first, &second]);
        let taken = taken(&busy.jenkins);
        assert_eq!(taken[&busy.first][0].job, "waits");
        assert_eq!(taken[&second][0].job, "builds-0");
    });
}

/// The sender has its own from before.
#[test]
fn a_hook_without_credentials_leaves_its_trigger_to_the_sender_that_has_some() {
    let home = Home::new(&gits()[0]);
    let busy = busy(&home, program());
    let mut commit = home.command("git", &busy.repository.folder);
    commit
        .args(["commit", "-q", "--allow-empty", "-m", "second"])
        .env_remove("JENKINS_API_TOKEN");
    Ran::of(&mut commit).succeeded();
    let second = busy.repository.head();
    busy.is_still_busy();
    busy.sends(&[&busy.first, &second]);
}

/// What the sender that still has the old token cannot send goes out with the new one.
#[test]
fn a_token_that_is_renewed_meanwhile_loses_nothing() {
    let home = Home::new(&gits()[0]);
    let busy = busy(&home, program());
    busy.jenkins.put_user(developer_with("renewed"));
    let mut commit = home.command("git", &busy.repository.folder);
    commit
        .args(["commit", "-q", "--allow-empty", "-m", "second"])
        .env("JENKINS_API_TOKEN", "renewed");
    let ran = Ran::of(&mut commit).succeeded();
    assert!(ran.stderr.contains("waits/main → waits"), "{}", ran.stderr);
    let second = busy.repository.head();
    busy.is_still_busy();
    busy.sends(&[&busy.first, &second]);
}

/// A program of its own, which can be replaced.
fn own_program(home: &Home) -> PathBuf {
    let own = home.path("own/jenkins-trigger");
    fs::create_dir_all(home.path("own")).expect("a folder");
    copy_program(program(), &own);
    own
}

#[test]
fn a_new_program_in_the_place_of_the_one_that_runs_goes_on_with_its_work() {
    with_each_git(|home| {
        let own = own_program(home);
        let busy = busy(home, &own);
        let new = home.path("own/new");
        copy_program(program(), &new);
        fs::rename(&new, &own).expect("a move");
        let second = busy.commit("second");
        busy.sends(&[&busy.first, &second]);
    });
}

#[test]
fn a_program_that_is_gone_for_a_while_ends_its_work_and_the_next_one_begins() {
    with_each_git(|home| {
        let own = own_program(home);
        let busy = busy(home, &own);
        fs::remove_file(&own).expect("the program");
        // The hook has no program: nothing is accepted, and git goes on.
        let without = busy.repository.commit("without");
        assert!(!without.stderr.contains(" → "), "{}", without.stderr);
        copy_program(program(), &own);
        let third = busy.commit("third");
        busy.sends(&[&busy.first, &third]);
    });
}

/// `/proc/self/exe` has another name then.
#[test]
fn what_comes_during_a_retry_whose_program_is_replaced_is_sent_by_the_new_one() {
    for deleted_first in [false, true] {
        let home = Home::new(&gits()[0]);
        let own = own_program(&home);
        let jenkins = StandIn::start(jenkins());
        let repository = home.repository("shop", &file(&jenkins, ""));
        let mut install = home.command(&own, &repository.folder);
        Ran::of(install.args(["install", "post-commit"])).succeeded();
        repository.git(&["checkout", "-q", "-b", "waits/main"]);
        jenkins.stop();
        repository.commit("first");
        let first = repository.head();
        kill_all(&home, &jenkins);
        jenkins.resume();
        jenkins.fault(Fault::of_posts(FaultAction::Delay(ANSWER)).times(1));
        let mut retry = home.command(&own, &repository.folder);
        let retry = retry.arg("retry").stdout(Stdio::null()).spawn();
        assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
        if deleted_first {
            fs::remove_file(&own).expect("the program");
        }
        let new = home.path("own/new");
        copy_program(program(), &new);
        fs::rename(&new, &own).expect("a move");
        repository.commit("second");
        let second = repository.head();
        assert_eq!(files_in(&repository.spool().join("new")).len(), 2);
        let mut retry = retry.expect("it started");
        assert!(retry.wait().expect("it ends").success());
        let busy = Busy {
            jenkins,
            repository,
            first,
        };
        busy.sends(&[&busy.first, &second]);
    }
}
