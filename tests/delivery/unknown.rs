//! Sent, and no word of it: it may have been queued, so nobody sends it again unasked.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use jenkins_stand_in::{Answer, Fault, FaultAction, StandIn};

use crate::support::{Home, PATIENCE, Repository, gits, program, shop, short_file, wait_for};

fn outcome_of(action: FaultAction) -> (Home, StandIn, String) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::new(action).times(1));
    let message = {
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.commit("first");
        let journal = repository.wait_for_journal(1);
        assert_eq!(journal[0]["outcome"], "unknown", "{journal:?}");
        wait_for("the trigger in `failed`", || {
            (repository.spooled("failed").len() == 1).then_some(())
        });
        // Another sender comes and goes, and leaves it alone.
        repository.commit("second");
        repository.wait_for_journal(2);
        assert_eq!(jenkins.requests().len(), 2);
        repository.tool(&["retry"]).succeeded();
        assert_eq!(jenkins.requests().len(), 3);
        journal[0]["message"].as_str().expect("a message").to_owned()
    };
    (home, jenkins, message)
}

#[test]
fn a_server_that_says_nothing_for_ten_seconds_may_have_queued_it() {
    let (_home, _jenkins, message) = outcome_of(FaultAction::Hold { processed: true });
    assert!(message.contains("no answer within 10 s"), "{message}");
    assert!(message.contains("it may have been queued"), "{message}");
}

#[test]
fn a_connection_that_breaks_after_the_request_may_have_queued_it() {
    for action in [
        FaultAction::CloseUnanswered { processed: true },
        FaultAction::CloseInHead,
    ] {
        let (_home, _jenkins, message) = outcome_of(action);
        assert!(message.contains("it may have been queued"), "{message}");
    }
}

#[test]
fn an_answer_that_is_no_http_may_have_queued_it() {
    let (_home, _jenkins, message) = outcome_of(FaultAction::Garbage(b"\x00\x01 hello \xff\n".to_vec()));
    assert!(message.contains("before an answer that is HTTP"), "{message}");
}

#[test]
fn a_proxy_that_lost_jenkins_may_have_queued_it() {
    for status in [502, 504] {
        let (_home, _jenkins, message) = outcome_of(FaultAction::Answer {
            processed: true,
            answer: Answer::new(status).body("<h1>Bad Gateway</h1>"),
        });
        assert!(message.contains(&format!("HTTP {status}")), "{message}");
    }
}

/// The rest of an answer that drips is not waited for: its head says enough.
#[test]
fn a_body_that_never_ends_does_not_hold_the_sender() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::new(FaultAction::HugeBody(100 << 20)).times(1));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(ran.stdout.contains("without a queue item"), "{}", ran.whole());
}

/// A trigger by hand whose request is out, and what its entry in the spool says meanwhile.
fn on_its_way(repository: &Repository<'_>, jenkins: &StandIn) -> (Child, PathBuf, Vec<u8>) {
    let mut trigger = repository.home.command(program(), &repository.folder);
    let child = trigger
        .arg("trigger")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    assert!(jenkins.wait_until(|state| state.requests.len() == 1, PATIENCE));
    let entry = repository.spooled("new").remove(0);
    let content = fs::read(&entry).expect("the entry");
    (child, entry, content)
}

#[test]
fn what_a_killed_sender_had_sent_is_not_sent_again_unasked() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::new(FaultAction::Hold { processed: true }).times(1));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust"]).succeeded();
    repository.commit("first");
    let (mut child, _, _) = on_its_way(&repository, &jenkins);
    child.kill().expect("killed");
    child.wait().expect("it ends");

    repository.install();
    repository.commit("second");
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[0]["outcome"], "unknown", "{journal:?}");
    // Jenkins had it indeed, and merges the next one with it.
    assert_eq!(journal[1]["outcome"], "merged", "{journal:?}");
    assert_eq!(jenkins.requests().len(), 2);
}

/// Death between the journal's line and the end of the entry.
#[test]
fn what_the_journal_has_as_queued_is_not_sent_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::new(FaultAction::Delay(Duration::from_secs(1))).times(1));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust"]).succeeded();
    repository.commit("first");
    let (mut child, entry, content) = on_its_way(&repository, &jenkins);
    assert!(child.wait().expect("it ends").success());
    assert!(!entry.exists());
    fs::write(&entry, content).expect("the entry");
    repository.tool(&["retry"]).succeeded();
    assert!(!entry.exists());
    assert_eq!(jenkins.requests().len(), 1);
    assert_eq!(repository.journal().len(), 1);
}
