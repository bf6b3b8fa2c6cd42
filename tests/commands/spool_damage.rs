//! Files in the spool that are no triggers of this version.

use std::fs;

use jenkins_stand_in::StandIn;

use crate::helpers::{filtered, home, said};
use crate::support::{Home, Repository, shop, short_file};

const GARBAGE: &str = "01K00000000000000000000000.json";
const NEWER: &str = "01K00000000000000000000001.json";
const FAILED: &str = "01K00000000000000000000002.json";

fn with_damage<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    jenkins.stop();
    assert_eq!(repository.tool(&["trigger"]).code, 1);
    let spool = repository.spool();
    fs::write(spool.join("new").join(GARBAGE), b"{\"v\":1,\xff").expect("a file");
    fs::write(spool.join("new").join(NEWER), "{\"v\":2,\"id\":\"x\"}\n").expect("a file");
    fs::write(spool.join("failed").join(FAILED), "").expect("a file");
    repository
}

fn damaged(repository: &Repository<'_>) -> Vec<Vec<u8>> {
    let spool = repository.spool();
    let paths = [
        spool.join("new").join(GARBAGE),
        spool.join("new").join(NEWER),
        spool.join("failed").join(FAILED),
    ];
    paths
        .iter()
        .map(|path| fs::read(path).expect("the file is still there"))
        .collect()
}

#[test]
fn retry_names_them_leaves_them_alone_and_sends_the_rest() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_damage(&home, &jenkins);
    let before = damaged(&repository);
    jenkins.resume();
    let ran = repository.tool(&["retry"]);
    assert_eq!(jenkins.posts().len(), 2);
    assert_eq!(damaged(&repository), before);
    filtered(&home, || {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"jenkins-trigger/\d+/", "jenkins-trigger/[UID]/");
        settings.bind(|| insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        merged main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        warning: [HOME]/shop/.git/jenkins-trigger/[UID]/new/[ID].json is left alone: key must be a string at line 1 column 8
        warning: [HOME]/shop/.git/jenkins-trigger/[UID]/new/[ID].json is left alone: it is of format 2, this version of jenkins-trigger reads 1
        warning: [HOME]/shop/.git/jenkins-trigger/[UID]/failed/[ID].json is left alone: EOF while parsing a value at line 1 column 0
        "));
    });
}

#[test]
fn a_hook_goes_on_beside_them() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_damage(&home, &jenkins);
    let before = damaged(&repository);
    jenkins.resume();
    jenkins.clear_requests();
    let ran = repository.commit("second");
    let sha = repository.head();
    assert!(
        said(&ran).iter().any(|line| line.contains("main → shop/deploy")),
        "{}",
        ran.stderr
    );
    crate::support::wait_for("the second commit", || {
        repository
            .journal()
            .iter()
            .any(|line| line["sha"] == sha.as_str() && line["outcome"] != "waiting")
            .then_some(())
    });
    assert_eq!(damaged(&repository), before);
}

#[test]
fn a_hook_tells_of_them_once_until_there_are_none_any_more() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_damage(&home, &jenkins);
    let told = |message: &str| -> Vec<String> {
        let ran = repository.commit(message);
        let lines = said(&ran)
            .into_iter()
            .filter(|line| line.contains("is left alone"));
        lines.map(str::to_owned).collect()
    };
    let first = told("second");
    assert_eq!(first.len(), 1, "{first:?}");
    let end = "; install the version that reads it, or drop it: jenkins-trigger cancel \
               01K00000000000000000000002 (and 2 more: jenkins-trigger status)";
    assert!(first[0].ends_with(end), "{first:?}");
    assert!(told("third").is_empty());
    for id in [GARBAGE, NEWER, FAILED] {
        repository
            .tool(&["cancel", id.trim_end_matches(".json")])
            .succeeded();
    }
    assert!(told("fourth").is_empty());
    fs::write(repository.spool().join("new").join(NEWER), "{\"v\":2}\n").expect("a file");
    assert_eq!(told("fifth").len(), 1);
}

#[test]
fn log_and_retry_agree_on_whether_something_waits() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_damage(&home, &jenkins);
    jenkins.resume();
    repository.tool(&["retry"]);
    let log = repository.tool(&["log"]).succeeded();
    let retry = repository.tool(&["retry"]);
    let waits = log.stderr.contains("to send now: jenkins-trigger retry");
    let nothing = retry.stderr.contains("nothing waits");
    assert!(
        waits != nothing,
        "log:\n{}\nretry:\n{}",
        log.stderr,
        retry.whole()
    );
}

#[test]
fn a_torn_line_of_the_journal_does_not_hide_the_others() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    repository.tool(&["trigger"]).succeeded();
    let path = repository.spool().join("journal.jsonl");
    let line = fs::read_to_string(&path).expect("the journal");
    fs::write(&path, format!("{line}{{\"time\":\n\n[1]\n{line}{}", &line[..40])).expect("a file");
    assert_eq!(repository.journal().len(), 2);
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(
        repository.journal().len(),
        3,
        "a line after a torn one is not lost"
    );
}

/// What the commands say of a spool that is not to be used; the hook loses the trigger and says why.
fn refused(repository: &Repository<'_>, wrong: &str) {
    for arguments in [&["status"][..], &["log"], &["log", "--json"], &["retry"]] {
        let ran = repository.tool(arguments);
        assert_eq!(ran.code, 1, "{arguments:?} {}", ran.whole());
        assert!(ran.stderr.contains(wrong), "{arguments:?} {}", ran.whole());
        assert!(ran.stderr.contains("help: "), "{arguments:?} {}", ran.whole());
        let read = ["waiting", "secret-branch"]
            .iter()
            .any(|word| ran.whole().contains(word));
        assert!(!read, "{arguments:?} {}", ran.whole());
    }
    let hook = repository.commit("more");
    let lines = said(&hook);
    assert_eq!(lines.len(), 1, "{}", hook.whole());
    assert!(lines[0].contains("nothing triggered: main"), "{}", lines[0]);
    assert!(lines[0].contains(wrong), "{}", lines[0]);
}

fn with_failure<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    let journal = repository.spool().join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("the journal");
    fs::write(&journal, text.replace("\"main\"", "\"secret-branch\"")).expect("a file");
    repository
}

#[test]
fn a_spool_that_is_a_link_or_lies_behind_one_is_refused_and_not_read() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_failure(&home, &jenkins);
    let spool = repository.spool();
    let elsewhere = home.path("elsewhere");
    for place in [spool.as_path(), spool.parent().expect("a folder")] {
        fs::rename(place, &elsewhere).expect("a move");
        std::os::unix::fs::symlink(&elsewhere, place).expect("a link");
        refused(&repository, &format!("{} is a link", place.display()));
        fs::remove_file(place).expect("the link");
        fs::rename(&elsewhere, place).expect("a move");
    }
    assert!(
        repository.spooled("new").is_empty(),
        "something was written through the link"
    );
    repository.tool(&["status"]).succeeded();
}

#[test]
#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
fn a_spool_of_somebody_else_s_is_refused_and_not_read() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a folder to somebody else");
        return;
    }
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_failure(&home, &jenkins);
    std::os::unix::fs::chown(repository.spool(), Some(12_345), None).expect("root may");
    refused(&repository, "belongs to user id 12345, not to you");
}
