//! What could not be sent is still there, and goes out when it can.

use jenkins_stand_in::{Answer, Fault, StandIn};

use crate::support::{Home, Ran, filtered, gits, shop, short_file, with_each_git};

/// A port that nobody listens on: one that a stand-in has just given back.
fn nobody() -> String {
    let jenkins = StandIn::start(shop());
    short_file(&jenkins)
}

#[test]
fn a_trigger_for_a_server_that_is_down_waits_and_is_sent_by_retry() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        jenkins.stop();
        repository.commit("first");
        let journal = repository.wait_for_journal(1);
        assert_eq!(journal[0]["outcome"], "waiting");
        assert_eq!(repository.spooled("new").len(), 1);

        jenkins.resume();
        repository.tool(&["retry"]).succeeded();
        let journal = repository.journal();
        assert_eq!(journal.last().expect("a line")["outcome"], "queued");
        assert!(repository.spooled("new").is_empty());
        assert_eq!(jenkins.queue_items().len(), 1);
    });
}

#[test]
fn the_next_hook_says_why_something_waits() {
    let home = Home::new(&gits()[0]);
    let repository = home.repository("shop", &nobody());
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    let second = repository.commit("second");
    let ours: String = second
        .stderr
        .lines()
        .filter(|line| line.starts_with("jenkins-trigger:"))
        .map(|line| format!("{line}\n"))
        .collect();
    filtered(&home, || {
        insta::assert_snapshot!(ours, @"
        jenkins-trigger: 1 waiting since [TIME]: 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
        jenkins-trigger: main → shop/deploy on http://[JENKINS]/
        ");
    });
}

#[test]
fn a_host_that_does_not_resolve_is_named() {
    let home = Home::new(&gits()[0]);
    let file = "version: 1\nserver: https://no-such-host.invalid\njobs:\n  main: shop/deploy\n";
    let repository = home.repository("shop", file);
    repository.install();
    repository.commit("first");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "waiting");
    let message = journal[0]["message"].as_str().expect("a message");
    assert!(
        message.starts_with("the host name no-such-host.invalid cannot be resolved"),
        "{message}"
    );
}

/// A detached sender outlives a short absence without anybody's help.
#[test]
fn a_server_that_comes_back_gets_the_trigger_from_the_sender_that_waits() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    jenkins.fault(Fault::answer_to_posts(Answer::new(503).body("busy")).times(1));
    repository.commit("first");
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[0]["outcome"], "waiting");
    assert_eq!(journal[1]["outcome"], "queued");
    assert_eq!(jenkins.posts().len(), 2);
}

#[test]
fn many_failures_of_one_kind_are_one_line_in_the_journal() {
    let home = Home::new(&gits()[0]);
    let repository = home.repository("shop", &nobody());
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    for _ in 0..3 {
        assert_eq!(repository.tool(&["retry"]).code, 1);
    }
    assert_eq!(repository.journal().len(), 1);
}

#[test]
fn without_credentials_nothing_is_contacted_and_the_trigger_waits() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.git(&["add", "--all"]);
    let mut commit = home.command("git", &repository.folder);
    commit
        .args(["commit", "-q", "-m", "first"])
        .env_remove("JENKINS_API_TOKEN");
    Ran::of(&mut commit).succeeded();
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "held");
    assert!(jenkins.requests().is_empty());

    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.posts().len(), 1);
}

/// What `trigger` says of a server that is away is true: somebody tries again.
#[test]
fn what_waits_after_a_trigger_by_hand_is_sent_in_the_background() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    jenkins.fault(Fault::answer_to_posts(Answer::new(503)).times(1));
    assert_eq!(repository.tool(&["trigger"]).code, 1);
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[1]["outcome"], "queued");
}
