//! `retry ID`: which trigger is meant.

use std::fs;

use jenkins_stand_in::{Permission, StandIn, User};
use serde_json::Value;

use crate::helpers::{command_after, filtered, home};
use crate::support::{Home, Ran, Repository, TOKEN, USER, developer, shop, short_file};

const FIRST: &str = "01K0000000000000000000AAX7";
const SECOND: &str = "01K0000000000000000000BBX7";
const THIRD: &str = "01K0000000000000000000CCY8";

/// A repository where three triggers of these ids wait, for the branches `a`, `b` and `c`.
fn with_three<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    repository.without_sleepers();
    jenkins.stop();
    repository.tool(&["trigger"]);
    jenkins.resume();
    let model = repository.spooled("new").remove(0);
    let trigger: Value = serde_json::from_slice(&fs::read(&model).expect("a file")).expect("JSON");
    fs::remove_file(&model).expect("a file");
    for (id, branch) in [(FIRST, "a"), (SECOND, "b"), (THIRD, "c")] {
        let mut copy = trigger.clone();
        copy["id"] = id.into();
        copy["branch"] = branch.into();
        copy["parameters"] = serde_json::json!([["BRANCH", branch]]);
        fs::write(model.with_file_name(format!("{id}.json")), copy.to_string()).expect("a file");
    }
    repository
}

fn sent(jenkins: &StandIn) -> Vec<String> {
    jenkins
        .posts()
        .iter()
        .map(|request| request.form_values("BRANCH").concat())
        .collect()
}

fn refused(jenkins: &StandIn, repository: &Repository<'_>, ids: &[&str]) -> Ran {
    let ran = repository.tool(&[&["retry"], ids].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    assert!(jenkins.requests().is_empty());
    assert_eq!(repository.waiting().len(), 3);
    ran
}

#[test]
fn a_full_id_or_its_end_names_one() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_three(&home, &jenkins);
    repository.tool(&["retry", SECOND]).succeeded();
    assert_eq!(sent(&jenkins), ["b"]);
    repository.tool(&["retry", "y8"]).succeeded();
    assert_eq!(sent(&jenkins), ["b", "c"]);
    assert_eq!(repository.waiting().len(), 1);
}

#[test]
fn several_ids_go_out_oldest_first() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_three(&home, &jenkins);
    repository.tool(&["retry", THIRD, FIRST]).succeeded();
    assert_eq!(sent(&jenkins), ["a", "c"]);
}

#[test]
fn an_end_that_fits_two_is_refused() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_three(&home, &jenkins);
    let ran = refused(&jenkins, &repository, &["X7"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: X7 fits more than one trigger; give more of the id
        ");
    });
    refused(&jenkins, &repository, &[""]);
}

#[test]
fn an_id_that_nobody_has_is_refused_and_so_is_all_that_was_named_with_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_three(&home, &jenkins);
    let ran = refused(&jenkins, &repository, &["ZZZ", THIRD]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: no trigger ZZZ waits or failed; see: jenkins-trigger log
        ");
    });
}

#[test]
fn a_hook_tells_a_failure_once_with_the_command_that_sends_it_again() {
    let home = home();
    let jenkins = StandIn::start(shop());
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    repository.git(&["switch", "-q", "-c", "unmapped"]);
    let told = repository.commit("second").stderr;
    let command = command_after(&told, "; then: jenkins-trigger ");
    assert!(command.starts_with("retry "), "{told}");
    let again = repository.commit("third").stderr;
    assert!(!again.contains("earlier"), "{again}");
    jenkins.put_user(developer());
    let words: Vec<&str> = command.split(' ').collect();
    repository.tool(&words).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn ids_and_all_exclude_each_other() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_three(&home, &jenkins);
    refused(&jenkins, &repository, &["--all", THIRD]);
}

#[test]
fn an_earlier_one_of_the_same_job_and_branch_goes_first() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_three(&home, &jenkins);
    let file = repository.spool().join("new").join(format!("{FIRST}.json"));
    let text = fs::read_to_string(&file).expect("a file");
    fs::write(&file, text.replace("\"branch\":\"a\"", "\"branch\":\"c\"")).expect("a file");
    repository.tool(&["retry", THIRD]).succeeded();
    assert_eq!(sent(&jenkins), ["a", "c"]);
}
