//! Sent, and no word of it: it may have been queued, so it is looked for before it is sent again.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use jenkins_stand_in::{Answer, Fault, FaultAction, Job, Permission, StandIn, StateView, User};
use serde_json::Value;

use crate::scene::{wait_for_all, wait_in_line};
use crate::support::{Home, JOB_TOKEN, PATIENCE, Repository, gits, program, shop, short_file, wait_for};
use crate::support::{TOKEN, USER};

/// A first trigger met by this, and the journal when the sender has done with it.
fn journal_of(action: FaultAction, file: impl Fn(&StandIn) -> String) -> (Home, StandIn, Vec<Value>) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(tagged()));
    jenkins.fault(Fault::of_posts(action).times(1));
    let journal = {
        let repository = home.repository("shop", &file(&jenkins));
        repository.install();
        repository.commit("first");
        let journal = repository.wait_for_journal(2);
        wait_for("the end of it", || {
            repository.spooled("new").is_empty().then_some(())
        });
        assert!(repository.spooled("failed").is_empty());
        journal
    };
    (home, jenkins, journal)
}

/// Each of its triggers is its own.
fn tagged() -> Job {
    Job::new("each")
        .string_parameter("BRANCH", "main")
        .string_parameter("COMMIT", "")
        .trigger_token(JOB_TOKEN)
}

fn asked_to_build(jenkins: &StandIn) -> usize {
    let requests = jenkins.posts();
    let posts = requests.iter().filter(|request| request.method == "POST");
    posts.count()
}

/// Queued in spite of the lost answer: found, and not sent again.
fn is_found(action: FaultAction) -> String {
    let (_home, jenkins, journal) = journal_of(action, short_file);
    assert_eq!(journal[0]["outcome"], "unknown", "{journal:?}");
    assert_eq!(journal[1]["outcome"], "queued", "{journal:?}");
    assert_eq!(journal[1]["item"], 1, "{journal:?}");
    assert!(
        journal[1]["message"]
            .as_str()
            .is_some_and(|said| said.contains("found in Jenkins")),
        "{journal:?}"
    );
    assert_eq!(asked_to_build(&jenkins), 1);
    assert_eq!(jenkins.queue_items().len(), 1);
    journal[0]["message"].as_str().expect("a message").to_owned()
}

/// Lost before it was queued: not found, and sent again.
fn is_sent_again(action: FaultAction) -> String {
    let (_home, jenkins, journal) = journal_of(action, short_file);
    assert_eq!(journal[0]["outcome"], "unknown", "{journal:?}");
    assert_eq!(journal[1]["outcome"], "queued", "{journal:?}");
    assert_eq!(journal[1]["message"], Value::Null, "{journal:?}");
    assert_eq!(asked_to_build(&jenkins), 2);
    assert_eq!(jenkins.queue_items().len(), 1);
    journal[0]["message"].as_str().expect("a message").to_owned()
}

#[test]
fn a_server_that_says_nothing_for_ten_seconds_is_asked_what_became_of_it() {
    let message = is_found(FaultAction::Hold { processed: true });
    assert!(message.contains("no answer within 10 s"), "{message}");
    assert!(message.contains("it may have been queued"), "{message}");
    assert!(
        message.contains("before it is sent again it is looked for"),
        "{message}"
    );
    is_sent_again(FaultAction::Hold { processed: false });
}

#[test]
fn what_came_through_before_the_connection_broke_is_found() {
    for action in [
        FaultAction::CloseUnanswered { processed: true },
        FaultAction::CloseInHead,
    ] {
        let message = is_found(action);
        assert!(message.contains("it may have been queued"), "{message}");
    }
}

#[test]
fn what_did_not_come_through_is_sent_again() {
    for action in [
        FaultAction::CloseUnanswered { processed: false },
        FaultAction::CloseUnread,
    ] {
        let message = is_sent_again(action);
        assert!(message.contains("it may have been queued"), "{message}");
    }
    let message = is_sent_again(FaultAction::Garbage(b"\x00\x01 hello \xff\n".to_vec()));
    assert!(message.contains("before an answer that is HTTP"), "{message}");
}

#[test]
fn a_proxy_that_lost_jenkins_is_not_believed() {
    for status in [502, 504] {
        let answer = Answer::new(status).body("<h1>Bad Gateway</h1>");
        let lost = |processed| FaultAction::Answer {
            processed,
            answer: answer.clone(),
        };
        let message = is_found(lost(true));
        assert!(message.contains(&format!("HTTP {status}")), "{message}");
        is_sent_again(lost(false));
    }
}

/// With a job's token the note is kept, and the trigger's id in it.
#[test]
fn where_the_note_is_kept_it_is_found_by_its_id() {
    let file = |jenkins: &StandIn| {
        format!(
            "version: 1\nserver: {}\njobs:\n  - {{ job: each, token_from: deploy, cause: a note }}\n",
            jenkins.url()
        )
    };
    let (_home, jenkins, journal) = journal_of(FaultAction::CloseUnanswered { processed: true }, file);
    assert_eq!(journal[1]["outcome"], "queued", "{journal:?}");
    assert_eq!(asked_to_build(&jenkins), 1);

    // The same parameters, and another's: it is not taken for ours.
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(tagged()));
    let repository = home.repository("shop", &file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    jenkins.fault(Fault::of_posts(FaultAction::CloseUnanswered { processed: false }).times(1));
    repository.commit("second");
    let journal = repository.wait_for_journal(3);
    assert_eq!(journal[1]["outcome"], "unknown", "{journal:?}");
    assert_eq!(journal[2]["message"], Value::Null, "{journal:?}");
    assert_eq!(asked_to_build(&jenkins), 3);
}

/// Who may build and not read cannot look.
#[test]
fn without_permission_to_look_it_is_sent_again_and_said() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(tagged()));
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead]));
    jenkins.fault(Fault::of_posts(FaultAction::CloseUnanswered { processed: true }).times(1));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: each, method: token-root, token_from: deploy, \
         delay: 30s }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    repository.commit("first");
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[0]["outcome"], "unknown", "{journal:?}");
    assert_eq!(journal[1]["outcome"], "merged", "{journal:?}");
    let message = journal[1]["message"].as_str().expect("a message");
    assert!(message.starts_with("sent again without knowing"), "{message}");
    assert!(message.contains("it may be built twice"), "{message}");
}

/// Who sends by hand is told how it ended, and not that nobody knows.
#[test]
fn by_hand_it_is_looked_for_at_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::CloseUnanswered { processed: true }).times(1));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]).succeeded();
    assert!(
        ran.stdout.contains("queued main → shop/deploy: item 1"),
        "{}",
        ran.whole()
    );
    assert_eq!(asked_to_build(&jenkins), 1);
}

/// The rest of an answer that drips is not waited for: its head says enough.
#[test]
fn a_body_that_never_ends_does_not_hold_the_sender() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::HugeBody(100 << 20)).times(1));
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
    assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
    let entry = repository.spooled("new").remove(0);
    let content = fs::read(&entry).expect("the entry");
    (child, entry, content)
}

#[test]
fn what_a_killed_sender_had_sent_is_found_by_the_next() {
    for processed in [true, false] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop());
        jenkins.fault(Fault::of_posts(FaultAction::Hold { processed }).times(1));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.tool(&["trust"]).succeeded();
        repository.commit("first");
        let (mut child, _, _) = on_its_way(&repository, &jenkins);
        child.kill().expect("killed");
        child.wait().expect("it ends");

        repository.tool(&["retry"]).succeeded();
        let journal = repository.journal();
        assert_eq!(journal.len(), 1, "{journal:?}");
        assert_eq!(journal[0]["outcome"], "queued", "{journal:?}");
        assert_eq!(journal[0]["message"].is_null(), !processed, "{journal:?}");
        assert_eq!(asked_to_build(&jenkins), if processed { 1 } else { 2 });
        assert_eq!(jenkins.queue_items().len(), 1);
    }
}

/// Death between the journal's line and the end of the entry.
#[test]
fn what_the_journal_has_as_queued_is_not_sent_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::Delay(Duration::from_secs(1))).times(1));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust"]).succeeded();
    repository.commit("first");
    let (mut child, entry, content) = on_its_way(&repository, &jenkins);
    assert!(child.wait().expect("it ends").success());
    assert!(!entry.exists());
    fs::write(&entry, content).expect("the entry");
    repository.tool(&["retry"]).succeeded();
    assert!(!entry.exists());
    assert_eq!(jenkins.posts().len(), 1);
    assert_eq!(repository.journal().len(), 1);
}

/// A sender of an earlier version put it among the failed.
#[test]
fn what_an_earlier_version_gave_up_is_looked_for_too() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust"]).succeeded();
    repository.commit("first");
    jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: true }).times(1));
    let (mut child, entry, content) = on_its_way(&repository, &jenkins);
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let mut old: Value = serde_json::from_slice(&content).expect("JSON");
    old["uncertain"] = true.into();
    old.as_object_mut().expect("an object").remove("sending");
    let failed = repository
        .spool()
        .join("failed")
        .join(entry.file_name().expect("a name"));
    fs::remove_file(&entry).expect("removed");
    fs::write(&failed, old.to_string()).expect("written");
    repository.tool(&["retry"]).succeeded();
    assert_eq!(asked_to_build(&jenkins), 1);
    assert_eq!(repository.journal()[0]["outcome"], "queued");
}

/// The first of two requests is not there, the second is, and each of their senders is killed.
#[test]
fn of_two_requests_whose_sender_died_the_second_counts() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    for (waiting, processed) in [(1, false), (2, true)] {
        wait_in_line(&repository, waiting);
        wait_for_all(&home);
        jenkins.fault(
            Fault::of_posts(FaultAction::Hold { processed })
                .when(|request| request.method == "POST")
                .times(1),
        );
        let mut retry = repository.home.command(program(), &repository.folder);
        let retry = retry.arg("retry").stdout(Stdio::null()).stderr(Stdio::null());
        let mut retry = retry.spawn().expect("the program starts");
        let posts = |state: &StateView| {
            let posts = state.requests.iter().filter(|request| request.method == "POST");
            posts.count()
        };
        assert!(jenkins.wait_until(|state| posts(state) == waiting, PATIENCE));
        retry.kill().expect("killed");
        retry.wait().expect("it ends");
    }
    repository.tool(&["retry"]).succeeded();
    assert_eq!(asked_to_build(&jenkins), 2);
    assert!(repository.spooled("new").is_empty());
}
