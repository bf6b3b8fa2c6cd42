//! `cancel`: what is dropped, and what is said of it.

use std::fs;
use std::path::PathBuf;

use jenkins_stand_in::{Job, Permission, StandIn, User};
use serde_json::Value;

use crate::helpers::{file_for, filtered, home};
use crate::retry::with_waiting;
use crate::support::{Home, Ran, Repository, TOKEN, USER, developer, shop};

fn id_of(trigger: &Value) -> String {
    trigger["id"].as_str().expect("text").to_owned()
}

fn last(repository: &Repository<'_>) -> Value {
    repository.journal().pop().expect("a line")
}

/// Changes the file of the trigger that waits alone.
fn change(repository: &Repository<'_>, change: impl FnOnce(&mut Value)) -> PathBuf {
    let file = repository.spooled("new").remove(0);
    let mut trigger: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    change(&mut trigger);
    fs::write(&file, trigger.to_string()).expect("a file");
    file
}

fn whole_with_short_ids(home: &Home, ran: &Ran, snapshot: impl FnOnce(&str)) {
    filtered(home, || {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"jenkins-trigger/\d+/", "jenkins-trigger/[UID]/");
        settings.bind(|| snapshot(&ran.whole()));
    });
}

#[test]
fn the_end_of_an_id_drops_one_and_the_journal_says_so() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a", "b"]);
    let id = id_of(&repository.waiting()[0]);
    let ran = repository.tool(&["cancel", &id[18..].to_lowercase()]);
    whole_with_short_ids(&home, &ran, |whole| {
        insta::assert_snapshot!(whole, @"
    exit code: 0
    ----- stdout -----
    dropped a → shop/deploy: cancelled by its user
    ----- stderr -----
    ");
    });
    let line = last(&repository);
    assert_eq!(
        (line["id"].as_str(), line["outcome"].as_str()),
        (Some(id.as_str()), Some("dropped"))
    );
    jenkins.resume();
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.posts().len(), 1);
    assert_eq!(jenkins.posts()[0].form_values("BRANCH"), ["b"]);
}

#[test]
fn what_nobody_has_is_refused_and_so_is_all_that_was_named_with_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let id = id_of(&repository.waiting()[0]);
    let ran = repository.tool(&["cancel", "ZZZ", &id]);
    whole_with_short_ids(&home, &ran, |whole| {
        insta::assert_snapshot!(whole, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: no trigger ZZZ waits or failed
    help: take an id from: jenkins-trigger log
    ");
    });
    for wrong in [&["cancel"][..], &["cancel", ""], &["cancel", "--all", &id]] {
        assert_eq!(repository.tool(wrong).code, 1);
    }
    assert_eq!(repository.waiting().len(), 1);
}

#[test]
fn what_jenkins_has_is_to_be_stopped_there() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let id = id_of(&repository.waiting()[0]);
    jenkins.resume();
    repository.tool(&["retry"]).succeeded();
    let ran = repository.tool(&["cancel", &id]);
    whole_with_short_ids(&home, &ran, |whole| {
        insta::assert_snapshot!(whole, @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: [ID] is over, there is nothing to cancel: queued
    help: Jenkins has it; to stop it there: http://[JENKINS]/queue/item/1/
    ");
    });
    let again = repository.tool(&["cancel", "--all"]).succeeded();
    assert_eq!(again.stderr, "nothing waits and nothing failed\n");
}

#[test]
fn all_takes_what_waits_what_is_held_and_what_failed() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("b").string_parameter("BRANCH", "")));
    let two = file_for(&jenkins, "  - { job: shop/deploy }\n  - { job: b }\n");
    let repository = home.repository("shop", &two.replace("jobs:", "max_triggers: 1\njobs:"));
    repository.install();
    repository.commit("held");
    assert_eq!(repository.waiting().len(), 2);
    repository.tool(&["cancel", "--all"]).succeeded();
    assert!(repository.waiting().is_empty());
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
    assert_eq!(repository.tool(&["trigger", "--only", "b"]).code, 3);
    assert_eq!(repository.spooled("failed").len(), 1);
    jenkins.put_user(developer());
    let ran = repository.tool(&["cancel", "--all", "--json"]).succeeded();
    let line: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        (line["outcome"].as_str(), line["job"].as_str()),
        (Some("dropped"), Some("b"))
    );
    assert!(repository.spooled("failed").is_empty());
    jenkins.clear_requests();
    assert_eq!(
        repository.tool(&["retry", "--all"]).succeeded().stderr,
        "nothing waits and nothing failed\n"
    );
    assert!(jenkins.requests().is_empty());
}

#[test]
fn of_one_that_was_sent_it_says_that_jenkins_may_have_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    change(&repository, |trigger| {
        trigger["sending"] = "2026-01-02T03:04:05Z".into();
    });
    let ran = repository.tool(&["cancel", "--all"]);
    whole_with_short_ids(&home, &ran, |whole| {
        insta::assert_snapshot!(whole, @"
    exit code: 0
    ----- stdout -----
    dropped a → shop/deploy: cancelled by its user; it was sent before and no answer came, so Jenkins may have it: look at http://[JENKINS]/job/shop/job/deploy/
    ----- stderr -----
    ");
    });
}

/// The request that is out stands for it too.
#[test]
fn of_one_that_another_s_request_stood_for_it_says_so_too_and_the_other_stays() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let file = repository.spooled("new").remove(0);
    let other = "01K00000000000000000000000";
    let text = fs::read_to_string(&file).expect("a file");
    let mut copy: Value = serde_json::from_str(&text).expect("JSON");
    copy["id"] = other.into();
    fs::write(file.with_file_name(format!("{other}.json")), copy.to_string()).expect("a file");
    let mut trigger: Value = serde_json::from_str(&text).expect("JSON");
    trigger["sending"] = "2026-01-02T03:04:05Z".into();
    trigger["with"] = serde_json::json!([other]);
    fs::write(&file, trigger.to_string()).expect("a file");
    let ran = repository.tool(&["cancel", other]).succeeded();
    assert!(ran.stdout.contains("Jenkins may have it"), "{}", ran.whole());
    repository.tool(&["cancel", &id_of(&trigger)]).succeeded();
    let line = last(&repository);
    assert_eq!(line.get("also"), None, "the other was not dropped with it");
}

#[test]
fn a_file_that_cannot_be_read_goes_when_it_is_named_and_only_then() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let later = "01K00000000000000000000009";
    let failed = "01K00000000000000000000008";
    let new = repository.spool().join(format!("new/{later}.json"));
    let told = repository.spool().join(format!("failed/{failed}.told.json"));
    fs::write(&new, "{\"v\":2}").expect("a file");
    fs::write(&told, "{").expect("a file");
    let all = repository.tool(&["cancel", "--all"]).succeeded();
    assert!(new.exists() && told.exists(), "{}", all.whole());
    for id in [later, failed] {
        let fix = format!("to drop it too: jenkins-trigger cancel {id}");
        assert!(all.stderr.contains(&fix), "{}", all.whole());
    }
    let ran = repository.tool(&["cancel", later, failed]);
    whole_with_short_ids(&home, &ran, |whole| {
        insta::assert_snapshot!(whole, @"
    exit code: 0
    ----- stdout -----
    dropped [HOME]/shop/.git/jenkins-trigger/[UID]/new/[ID].json: cancelled by its user; it could not be read: it is of format 2, this version of jenkins-trigger reads 1
    dropped [HOME]/shop/.git/jenkins-trigger/[UID]/failed/[ID].told.json: cancelled by its user; it could not be read: EOF while parsing an object at line 1 column 1
    ----- stderr -----
    ");
    });
    assert!(!new.exists() && !told.exists());
    assert_eq!(last(&repository)["outcome"], "dropped");
}

/// `ulimit -f` is to this process what a full disk is to all.
#[test]
fn what_the_journal_has_no_room_for_is_not_dropped_and_leaves_no_torn_line() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let journal = repository.spool().join("journal.jsonl");
    let line = fs::read_to_string(&journal).expect("the journal");
    let filler = " ".repeat(1024 - 100 - line.len());
    fs::write(&journal, format!("{filler}{line}")).expect("the journal");
    let before = fs::read(&journal).expect("the journal");
    let mut shell = home.command("sh", &repository.folder);
    let script = "trap '' XFSZ; ulimit -f 2; exec \"$0\" cancel --all";
    let ran = Ran::of(shell.args(["-c", script]).arg(crate::support::program()));
    assert_eq!(ran.code, 2, "{}", ran.whole());
    assert!(ran.stderr.contains("could not write"), "{}", ran.whole());
    assert_eq!(repository.waiting().len(), 1);
    assert_eq!(fs::read(&journal).expect("the journal"), before);
}

#[test]
fn while_one_sends_nothing_is_dropped() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let lock = fs::File::open(repository.spool().join("sending.lock")).expect("the lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let child = {
        let mut cancel = home.command(crate::support::program(), &repository.folder);
        cancel
            .args(["cancel", "--all"])
            .spawn()
            .expect("the program starts")
    };
    crate::support::wait_for("it to look at the lock again and again", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
        let slept = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        (slept.trim().parse::<u64>().ok()? > 10).then_some(())
    });
    assert_eq!(repository.waiting().len(), 1);
    drop(lock);
    let ran = Ran::from(child.wait_with_output().expect("its end"));
    assert_eq!(ran.code, 0);
    assert!(repository.waiting().is_empty());
}
