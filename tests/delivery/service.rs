//! `deliver`, and `deliver --watch` as a service of a git server.

use std::cell::RefCell;
use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use jenkins_stand_in::{Answer, Fault, StandIn};
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::commit_without_credentials;
use crate::support::{Home, PATIENCE, gits, program, shop, short_file, wait_for};

struct Service(Child);

impl Service {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("it starts"))
    }

    fn stop(mut self) -> (i32, String) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).expect("a signal");
        let code = self.0.wait().expect("it ends").code().expect("a code");
        let mut out = String::new();
        self.0
            .stdout
            .take()
            .expect("a stream")
            .read_to_string(&mut out)
            .expect("text");
        (code, out)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_sends_what_comes_to_several_repositories_until_it_is_stopped() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let one = home.repository("one", &short_file(&jenkins));
    let two = home.repository("two", &short_file(&jenkins));
    let mut command = home.command(program(), &home.path(""));
    command
        .args(["deliver", "--watch", "--repository", "one", "--repository", "two"])
        .stdout(Stdio::piped());
    let service = Service::start(&mut command);
    for (number, repository) in [&one, &two].into_iter().enumerate() {
        repository.install();
        // What no hook's sender can send, for want of credentials.
        let mut commit = home.command("git", &repository.folder);
        repository.git(&["add", "--all"]);
        commit
            .args(["commit", "-q", "-m", "first"])
            .env_remove("JENKINS_API_TOKEN");
        assert!(commit.status().expect("git").success());
        assert!(
            jenkins.wait_until(|state| state.posts().len() == number + 1, PATIENCE),
            "{:?}",
            repository.journal()
        );
        wait_for("it to leave the spool", || {
            repository.spooled("new").is_empty().then_some(())
        });
    }
    let (code, out) = service.stop();
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("one/.git: main → shop/deploy"), "{out}");
    assert!(out.contains("two/.git: main → shop/deploy"), "{out}");
}

#[test]
fn a_service_tries_again_by_itself() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("one", &short_file(&jenkins));
    repository.install();
    let mut command = home.command(program(), &repository.folder);
    command.args(["deliver", "--watch"]).stdout(Stdio::piped());
    let service = Service::start(&mut command);
    jenkins.fault(Fault::answer_to_posts(Answer::new(503)).times(2));
    repository.commit("first");
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[1]["outcome"], "queued", "{journal:?}");
    assert_eq!(service.stop().0, 0);
}

#[test]
fn a_service_of_a_repository_that_goes_away_ends() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("one", &short_file(&jenkins));
    repository.install();
    let mut command = home.command(program(), &home.path(""));
    command
        .args(["deliver", "--watch", "--repository", "one"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let service = RefCell::new(Service::start(&mut command));
    wait_for("it to sleep", || {
        repository.spool().join("sleeping.lock").exists().then_some(())
    });
    fs::remove_dir_all(&repository.folder).expect("removed");
    wait_for("it to end", || {
        service.borrow_mut().0.try_wait().expect("its state")
    });
    assert!(!repository.folder.exists(), "and makes nothing anew");
}

#[test]
fn once_it_sends_what_waits_and_prints_it() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("one", &short_file(&jenkins));
    repository.without_sleepers();
    repository.install();
    jenkins.fault(Fault::answer_to_posts(Answer::new(503)).times(1));
    repository.commit("first");
    repository.wait_for_journal(1);
    let ran = repository.tool(&["deliver"]).succeeded();
    assert!(
        ran.stdout.contains("queued main → shop/deploy: item 1"),
        "{}",
        ran.whole()
    );
    let ran = repository.tool(&["deliver"]).succeeded();
    assert!(!ran.whole().contains("queued"), "{}", ran.whole());
}

/// Of what Jenkins answered to it, nothing is left to look for.
#[test]
fn what_is_held_for_its_credentials_is_not_taken_for_lost() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("one", &short_file(&jenkins));
    repository.install();
    let mut command = home.command(program(), &repository.folder);
    command
        .args(["deliver", "--watch"])
        .env("JENKINS_API_TOKEN", "wrong")
        .stdout(Stdio::piped());
    let service = Service::start(&mut command);
    wait_for("the service", || {
        repository.spool().join("new").exists().then_some(())
    });
    commit_without_credentials(&repository);
    // One request each time, and one whether its user is known.
    assert!(jenkins.wait_until(|state| state.requests.len() >= 2, PATIENCE));
    wait_for("it to be tried again and again", || {
        // Anything that changes there wakes the service, once it sleeps.
        let other = repository.spool().join("new").join("other");
        fs::write(&other, "").expect("written");
        fs::remove_file(&other).expect("removed");
        (jenkins.requests().len() >= 6).then_some(())
    });
    let looked = jenkins.requests().into_iter().map(|request| request.target);
    let looked: Vec<String> = looked
        .filter(|target| target.contains("queue/api/json") || target.contains("builds"))
        .collect();
    assert!(looked.is_empty(), "{looked:?}");
    service.stop();
}

/// Hooks count on whoever sleeps.
#[test]
fn one_that_is_stopped_leaves_a_sender_to_what_still_waits() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("one", &short_file(&jenkins));
    repository.install();
    let mut command = home.command(program(), &repository.folder);
    command.args(["deliver", "--watch"]).stdout(Stdio::piped());
    let service = Service::start(&mut command);
    jenkins.fault(Fault::answer_to_posts(Answer::new(503)).times(1));
    repository.commit("first");
    repository.wait_for_journal(1);
    assert_eq!(service.stop().0, 0);
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[1]["outcome"], "queued", "{journal:?}");
}
