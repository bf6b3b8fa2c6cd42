//! Bursts: what is identical is sent once, and with `coalesce` only the newest.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use jenkins_stand_in::{Answer, Fault, FaultAction, Job, StandIn};
use serde_json::Value;

use crate::scene::{commit_without_credentials, wait_for_all, wait_in_line};
use crate::support::{Home, PATIENCE, Repository, gits, program, shop, short_file, wait_for};

fn each() -> Job {
    Job::new("each")
        .string_parameter("BRANCH", "main")
        .string_parameter("COMMIT", "")
}

fn ids(line: &Value) -> Vec<String> {
    let also = line["also"].as_array().cloned().unwrap_or_default();
    let ids = [vec![line["id"].clone()], also].concat();
    ids.iter()
        .map(|id| id.as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn what_is_held_is_not_written_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    wait_in_line(&repository, 1);
    wait_for_all(&home);
    let entry = repository.spooled("new").remove(0);
    let written = || {
        fs::metadata(&entry)
            .and_then(|found| found.modified())
            .expect("a time")
    };
    let before = written();
    commit_without_credentials(&repository);
    wait_for_all(&home);
    assert_eq!(repository.spooled("new").len(), 2);
    assert_eq!(written(), before);
}

/// Whoever found the lock taken is gone.
#[test]
fn a_command_that_is_refused_leaves_a_sender_to_what_came_meanwhile() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    wait_in_line(&repository, 1);
    wait_for_all(&home);
    for command in ["retry", "cancel"] {
        jenkins.clear_requests();
        if repository.spooled("new").is_empty() {
            commit_without_credentials(&repository);
            wait_for_all(&home);
        }
        fs::write(repository.spool().join("again"), "").expect("asked again");
        assert_eq!(repository.tool(&[command, "nosuch"]).code, 1);
        wait_for("it to be sent", || {
            repository.spooled("new").is_empty().then_some(())
        });
        wait_for_all(&home);
        assert_eq!(jenkins.posts().len(), 1);
    }
}

/// A sender dies when Jenkins has its request, and before the answer.
fn kill_while_its_request_is_out(repository: &Repository<'_>, jenkins: &StandIn) {
    jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: true }).times(1));
    let mut retry = repository.home.command(program(), &repository.folder);
    let retry = retry.arg("retry").stdout(Stdio::null()).stderr(Stdio::null());
    let mut retry = retry.spawn().expect("the program starts");
    assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
    retry.kill().expect("killed");
    retry.wait().expect("it ends");
}

/// Oldest first.
fn ids_of_waiting(repository: &Repository<'_>) -> Vec<String> {
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut ids: Vec<String> = repository.spooled("new").into_iter().map(name).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn identical_ones_are_sent_once_and_share_one_outcome() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    wait_in_line(&repository, 5);
    let waiting = ids_of_waiting(&repository);
    let retry = repository.tool(&["retry"]).succeeded();
    assert!(retry.stdout.contains("(and 4 identical)"), "{}", retry.whole());
    assert_eq!(retry.stdout.lines().count(), 1, "{}", retry.whole());
    assert_eq!(jenkins.posts().len(), 1);
    let journal = repository.journal();
    let last = journal.last().expect("a line");
    assert_eq!(last["outcome"], "queued", "{journal:?}");
    let mut told = ids(last);
    told.sort_unstable();
    assert_eq!(told, waiting);
    assert!(repository.spooled("new").is_empty());
}

#[test]
fn what_jenkins_refuses_of_identical_ones_fails_for_all_and_goes_out_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    wait_in_line(&repository, 3);
    jenkins.fault(Fault::answer_to_posts(Answer::new(409)).times(1));
    let refused = repository.tool(&["retry"]);
    assert_eq!(refused.code, 3, "{}", refused.whole());
    assert_eq!(repository.spooled("failed").len(), 3);
    assert!(repository.spooled("new").is_empty());
    jenkins.clear_requests();
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.posts().len(), 1);
    assert!(repository.spooled("failed").is_empty());
}

/// Killed after the request went out: the next one finds it, for all that it stood for.
#[test]
fn a_request_for_several_that_was_lost_is_found_for_all() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    wait_in_line(&repository, 3);
    kill_while_its_request_is_out(&repository, &jenkins);
    // What has come since was not in that request.
    wait_in_line(&repository, 4);
    let ran = repository.tool(&["retry"]).succeeded();
    assert!(ran.stdout.starts_with("queued "), "{}", ran.whole());
    assert!(
        ran.stdout.lines().any(|line| line.starts_with("merged ")),
        "{}",
        ran.whole()
    );
    let posts = jenkins.posts();
    assert_eq!(posts.iter().filter(|request| request.method == "POST").count(), 2);
    let journal = repository.journal();
    let newest = journal.iter().rev().take(2);
    let told: Vec<_> = newest.map(|line| (&line["outcome"], ids(line).len())).collect();
    assert_eq!(
        told,
        [(&"merged".into(), 1), (&"queued".into(), 3)],
        "{journal:?}"
    );
    assert!(repository.spooled("new").is_empty());
}

/// It may be in Jenkins for those that are left.
#[test]
fn the_request_of_one_that_is_cancelled_is_looked_for_by_those_it_stood_for() {
    let by_token = |jenkins: &StandIn| {
        format!(
            "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n",
            jenkins.url()
        )
    };
    let files: [&dyn Fn(&StandIn) -> String; 2] = [&short_file, &by_token];
    for file in files {
        cancel_two_of_three(file);
    }
}

fn cancel_two_of_three(file: &dyn Fn(&StandIn) -> String) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &file(&jenkins));
    repository.install();
    wait_in_line(&repository, 3);
    wait_for_all(&home);
    kill_while_its_request_is_out(&repository, &jenkins);
    let ids = ids_of_waiting(&repository);
    let ran = repository.tool(&["cancel", &ids[0], &ids[1]]).succeeded();
    assert!(ran.stdout.contains("Jenkins may have it"), "{}", ran.whole());
    // Whoever cancels leaves a sender to what still waits.
    wait_for("the third to be found", || {
        repository.spooled("new").is_empty().then_some(())
    });
    let journal = repository.journal();
    let last = journal.last().expect("a line");
    let expected: (&Value, &Value) = (&ids[2].as_str().into(), &"queued".into());
    assert_eq!((&last["id"], &last["outcome"]), expected, "{journal:?}");
    let message = last["message"].as_str().expect("a message");
    assert!(message.contains("it was found in Jenkins"), "{message}");
    let requests = jenkins.posts();
    assert_eq!(
        requests.iter().filter(|request| request.method == "POST").count(),
        1
    );
}

fn coalesced(jenkins: &StandIn, delay: &str) -> String {
    format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: each, delay: {delay}, coalesce: latest, \
         parameters: {{ COMMIT: \"${{sha}}\" }} }}\n",
        jenkins.url()
    )
}

#[test]
fn of_a_burst_only_the_newest_of_each_branch_is_sent_after_the_delay() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(each()));
    let repository = home.repository("shop", &coalesced(&jenkins, "8s"));
    repository.install();
    for number in 0..4 {
        repository.commit(&format!("commit {number}"));
    }
    let main = repository.head();
    repository.git(&["checkout", "-q", "-b", "work"]);
    repository.commit("elsewhere");
    let work = repository.head();
    assert!(jenkins.requests().is_empty());
    assert!(jenkins.wait_until(|state| state.posts().len() == 2, PATIENCE));
    wait_for("the end of all", || {
        repository.spooled("new").is_empty().then_some(())
    });
    let built: Vec<_> = jenkins
        .queue_items()
        .iter()
        .map(|item| item.parameter("COMMIT").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(built, [main.trim(), work.trim()]);
    // It was held here, so Jenkins is not asked to wait once more.
    assert!(
        jenkins
            .posts()
            .iter()
            .all(|request| request.form_values("delay").is_empty())
    );
    let journal = repository.journal();
    let superseded: Vec<&Value> = journal
        .iter()
        .filter(|line| line["outcome"] == "superseded")
        .collect();
    assert_eq!(superseded.len(), 3, "{journal:?}");
    let newest = journal
        .iter()
        .find(|line| line["outcome"] == "queued" && line["branch"] == "main")
        .expect("a line");
    for line in superseded {
        let message = line["message"].as_str().expect("a message");
        assert!(
            message.contains(newest["id"].as_str().expect("an id")),
            "{message}"
        );
    }
}

#[test]
fn by_hand_nothing_is_held() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(each()));
    let repository = home.repository("shop", &coalesced(&jenkins, "10m"));
    repository.install();
    repository.commit("first");
    assert!(jenkins.requests().is_empty());
    // The one that was held is the same, and older: one request is enough for both.
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(jenkins.posts().len(), 1);
    repository.commit("second");
    repository.commit("third");
    let third = repository.head();
    repository.tool(&["retry"]).succeeded();
    let requests = jenkins.posts();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].form_values("COMMIT"), [third.trim()]);
}

/// Whoever sends by hand does not wait for what another one holds.
#[test]
fn what_is_held_goes_out_when_its_sender_was_killed() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(each()));
    let repository = home.repository("shop", &coalesced(&jenkins, "3s"));
    repository.without_sleepers();
    repository.install();
    repository.commit("first");
    wait_for("the sender to give up", || {
        let mut command = home.command(crate::support::program(), &repository.folder);
        let ran = command
            .arg("deliver")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it runs");
        ran.success().then_some(())
    });
    assert_eq!(jenkins.posts().len(), 1);
}
