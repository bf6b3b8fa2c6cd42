//! What every command makes of a job that the user has not allowed on a server that he trusts.

use jenkins_stand_in::{RecordedRequest, StandIn};

use crate::helpers::{file_for, filtered, home};
use crate::support::{Home, Repository, shop, short_file};

/// The file has come to name another job since it was allowed.
fn scene<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins));
    repository.install();
    let jobs = "  - { job: shop/deploy }\n  - { job: prod/deploy, name: evil }\n";
    repository.write(".jenkins-trigger.yml", file_for(jenkins, jobs));
    repository.git(&["add", "--all"]);
    repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "a change"]);
    repository
}

#[track_caller]
fn assert_not_looked_at(jenkins: &StandIn) {
    let asked = |request: &RecordedRequest| request.target.contains("prod");
    assert!(!jenkins.requests().iter().any(asked), "{:?}", jenkins.requests());
}

#[test]
fn by_hand_none_of_it_is_sent() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = scene(&home, &jenkins);
    let all = repository.tool(&["trigger"]);
    let waits = repository.tool(&["trigger", "--wait", "--only", "evil"]);
    assert!(jenkins.requests().is_empty());
    assert_eq!(repository.waiting().len(), 0);
    assert_eq!(waits, all);
    filtered(&home, || {
        insta::assert_snapshot!(all.whole(), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: this file now names prod/deploy on http://[JENKINS]/ (api), which you have not allowed here; nothing was sent
    help: to allow it: jenkins-trigger trust
    ");
    });
    repository.tool(&["trigger", "--only", "shop/deploy"]).succeeded();
    assert_not_looked_at(&jenkins);
}

#[test]
fn check_and_status_tell_what_would_be_held() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = scene(&home, &jenkins);
    let check = repository.tool(&["check"]);
    let status = repository.tool(&["status"]);
    let status: Vec<&str> = status
        .stdout
        .lines()
        .filter(|line| line.starts_with("server "))
        .collect();
    filtered(&home, || {
        insta::assert_snapshot!(check.stderr, @"warning: it would be held: this file now names prod/deploy on http://[JENKINS]/ (api), which you have not allowed here; to allow it: jenkins-trigger trust");
        insta::assert_snapshot!(status.join("\n"), @"server    http://[JENKINS]/ trusted, but 1 of 2 rules would be held (see: jenkins-trigger check); credentials of dev from JENKINS_API_TOKEN");
    });
    let json = repository.tool(&["status", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["servers"][0]["held_rules"], 1, "{json}");
    // Whoever has installed nothing and allowed nothing only wants to know whether the file is right.
    home.git(&home.path(""), &["clone", "-q", "shop", "clone"]);
    let check = home.tool(&home.path("clone"), &["check"]);
    assert_eq!(check.stderr, "");
    assert!(jenkins.requests().is_empty());
}

#[test]
fn doctor_says_it_and_looks_at_the_others() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = scene(&home, &jenkins);
    let ran = repository.tool(&["doctor"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    let (_, about) = ran.stdout.split_once("job prod/deploy\n").expect("the job");
    filtered(&home, || {
        insta::assert_snapshot!(about, @"
    failed       job            evil: this file now names prod/deploy on http://[JENKINS]/ (api), which you have not allowed here
                                fix: jenkins-trigger trust
    not checked  buildable, may build, parameters, quiet period: a job that is not allowed here is not looked at

    1 failed, 0 warnings, 5 not checked
    ");
    });
    assert!(ran.stdout.contains("sees"), "{}", ran.whole());
    assert_not_looked_at(&jenkins);
    // Also where nobody answers.
    jenkins.stop();
    let ran = repository.tool(&["doctor"]);
    assert!(
        ran.stdout.contains("which you have not allowed here"),
        "{}",
        ran.whole()
    );
}

#[test]
fn push_sends_the_rest_and_says_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = scene(&home, &jenkins);
    repository.tool(&["uninstall"]).succeeded();
    repository.git(&["init", "-q", "--bare", "../origin.git"]);
    repository.git(&["remote", "add", "origin", "../origin.git"]);
    let ran = repository.tool(&["push", "origin", "main"]);
    assert!(
        ran.stdout.contains("queued main → shop/deploy"),
        "{}",
        ran.whole()
    );
    assert!(
        ran.stdout
            .contains("held main → prod/deploy: this file now names prod/deploy on "),
        "{}",
        ran.whole()
    );
    assert_not_looked_at(&jenkins);
    // It has reached the default branch by that.
    repository.git(&["remote", "set-head", "origin", "main"]);
    let ran = repository.tool(&["retry"]);
    assert!(!ran.stdout.contains("held"), "{}", ran.whole());
}
