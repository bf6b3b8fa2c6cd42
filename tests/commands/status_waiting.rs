//! `status`: what waits and why, what came of the last ones, and who is at it.

use std::fs;
use std::process::Stdio;

use jenkins_stand_in::{Fault, FaultAction, StandIn};
use serde_json::Value;

use crate::helpers::{file_for, filtered, home, ready};
use crate::retry::with_waiting;
use crate::support::{Home, PATIENCE, Ran, Repository, program, shop, short_file};

/// What is said of the spool.
fn of_spool(home: &Home, ran: &Ran, snapshot: impl FnOnce(&str)) {
    let lines: Vec<&str> = ran
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("triggers"))
        .chain(ran.stderr.lines().filter(|line| line.starts_with("warning")))
        .collect();
    filtered(home, || {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"jenkins-trigger/\d+/", "jenkins-trigger/[UID]/");
        settings.add_filter(r"\[TIME\] [0-9A-HJKMNP-TV-Z]{8} ", "[TIME] [ID] ");
        settings.bind(|| snapshot(&lines.join("\n")));
    });
}

fn json(repository: &Repository<'_>) -> Value {
    serde_json::from_str(&repository.tool(&["status", "--json"]).stdout).expect("one object")
}

fn locked(repository: &Repository<'_>, name: &str) -> fs::File {
    let lock = fs::File::create(repository.spool().join(name)).expect("the lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    lock
}

#[test]
fn it_tells_the_oldest_with_its_reason_the_next_attempt_and_the_last_outcomes() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a", "b", "c", "d"]);
    let ran = repository.tool(&["status"]);
    of_spool(&home, &ran, |text| {
        insta::assert_snapshot!(text, @"
    triggers  4 waiting (4 tried in vain), 0 failed
    oldest    [TIME] [ID] a → shop/deploy: 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
    sender    asleep; next attempt [TIME]
    last      [TIME] [ID] waiting: b → shop/deploy 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
    last      [TIME] [ID] waiting: c → shop/deploy 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
    last      [TIME] [ID] waiting: d → shop/deploy 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
    ");
    });
    let report = json(&repository);
    let waiting = repository.waiting();
    assert_eq!(report["oldest"]["id"], waiting[0]["id"]);
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
    };
    let first = waiting.iter().filter_map(|trigger| time(&trigger["due"])).min();
    assert!(first.is_some());
    assert_eq!(time(&report["next_attempt"]), first);
    assert_eq!((&report["failing"], &report["held"]), (&4.into(), &0.into()));
    let last = report["last"].as_array().expect("a list");
    let branches: Vec<&str> = last.iter().filter_map(|line| line["branch"].as_str()).collect();
    assert_eq!(branches, ["b", "c", "d"]);
}

#[test]
fn who_sends_and_who_sleeps_is_told_and_not_kept_from_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let sender = || json(&repository)["sender"].clone();
    assert_eq!(sender(), "asleep", "the test has that lock");
    let sending = locked(&repository, "sending.lock");
    assert_eq!(sender(), "at-work");
    drop(sending);
    fs::remove_file(repository.spool().join("sleeping.lock")).expect("the lock");
    assert_eq!(sender(), "none");
    let ran = repository.tool(&["status"]);
    assert!(
        ran.stdout.contains("sender    none; the next hook"),
        "{}",
        ran.whole()
    );
    jenkins.resume();
    repository.tool(&["retry"]).succeeded();
    assert_eq!(sender(), Value::Null);
}

#[test]
fn what_only_the_user_can_let_go_on_counts_as_held() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let file = file_for(&jenkins, "  - { job: shop/deploy }\n  - { job: b }\n");
    let repository = ready(&home, &file.replace("jobs:", "max_triggers: 1\njobs:"));
    repository.install();
    repository.commit("a storm");
    let ran = repository.tool(&["status"]);
    of_spool(&home, &ran, |text| {
        insta::assert_snapshot!(text, @"
        triggers  2 waiting (2 held), 0 failed
        oldest    [TIME] [ID] main → shop/deploy: one event made more triggers than `max_triggers` allows; to send them: jenkins-trigger retry --all
        ");
    });
    assert_eq!(json(&repository)["held"], 2);
}

#[test]
fn what_cannot_be_read_is_named_with_the_way_out() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &[]);
    fs::write(
        repository.spool().join("new/01K00000000000000000000009.json"),
        "{\"v\":2}",
    )
    .expect("a file");
    let ran = repository.tool(&["status"]);
    of_spool(&home, &ran, |text| {
        insta::assert_snapshot!(text, @"
    triggers  0 waiting, 0 failed
    warning: [HOME]/shop/.git/jenkins-trigger/[UID]/new/[ID].json is left alone: it is of format 2, this version of jenkins-trigger reads 1; install the version that reads it, or drop it: jenkins-trigger cancel [ID]
    ");
    });
    assert_eq!(
        json(&repository)["unreadable"][0]["id"],
        "01K00000000000000000000009"
    );
    repository
        .tool(&["cancel", "01K00000000000000000000009"])
        .succeeded();
    assert!(!repository.tool(&["status"]).stderr.contains("warning"));
}

#[test]
fn what_is_being_sent_is_told_and_that_its_sender_died() {
    let home = home();
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: true }).times(1));
    let repository = ready(&home, &short_file(&jenkins));
    let mut trigger = home.command(program(), &repository.folder);
    let trigger = trigger.arg("trigger").stdout(Stdio::null()).stderr(Stdio::null());
    let mut trigger = trigger.spawn().expect("the program starts");
    assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
    assert_eq!(json(&repository)["oldest"]["reason"], "it is being sent");
    trigger.kill().expect("killed");
    trigger.wait().expect("it ends");
    let report = json(&repository);
    let reason = report["oldest"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("its sender died"), "{report}");
}
