//! `check`: a file without mistakes.

use crate::helpers::{Bait, filtered, home};
use crate::support::with_each_git;

const FILE: &str = r#"version: 1
servers:
  main: { url: https://ci.example.com/jenkins }
  legacy: { url: https://old-ci.example.com, method: token-root }
defaults: { server: main }
jobs:
  - name: app
    job: shop/build
    events: [post-push]
    branches: ["**", "!dependabot/**"]
    cause: "${event} of ${branch}"
  - { job: shop/release, tags: ["v[0-9]*"], parameters: { TAG: "${tag}" } }
  - { job: mirror, server: legacy, token_from: mirror-token, branches: [main] }
  - job: nightly
"#;

#[test]
fn a_valid_file_is_shown_as_it_was_understood() {
    let home = home();
    let ran = home.repository("shop", FILE).tool(&["check"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        valid .jenkins-trigger.yml
        FOR                JOB           SERVER                           METHOD      EVENTS
        ** !dependabot/**  shop/build    https://ci.example.com/jenkins/  api         post-push
        tags v[0-9]*       shop/release  https://ci.example.com/jenkins/  api         post-commit post-push post-receive
        main               mirror        https://old-ci.example.com/      token-root  post-commit post-push post-receive
        every branch       nightly       https://ci.example.com/jenkins/  api         post-commit post-push post-receive
        https://ci.example.com/jenkins/ credentials of dev from JENKINS_API_TOKEN
        https://old-ci.example.com/ credentials of dev from JENKINS_API_TOKEN, no trigger token mirror-token
        ----- stderr -----
        warning: line 7: Jenkins records the `cause` of rule app only with a trigger token; with method api it notes the user instead
        ");
    });
}

#[test]
fn a_valid_file_in_json() {
    let home = home();
    let ran = home.repository("shop", FILE).tool(&["check", "--json"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        {"valid":true,"file":".jenkins-trigger.yml","rules":[{"name":"app","job":"shop/build","server":"https://ci.example.com/jenkins/","method":"api","line":7},{"name":"shop/release","job":"shop/release","server":"https://ci.example.com/jenkins/","method":"api","line":12},{"name":"mirror","job":"mirror","server":"https://old-ci.example.com/","method":"token-root","line":13},{"name":"nightly","job":"nightly","server":"https://ci.example.com/jenkins/","method":"api","line":14}],"servers":[{"server":"https://ci.example.com/jenkins/","user":"dev","source":"JENKINS_API_TOKEN","job_tokens":[]},{"server":"https://old-ci.example.com/","user":"dev","source":"JENKINS_API_TOKEN","job_tokens":[{"name":"mirror-token","trouble":"no trigger token mirror-token"}]}],"warnings":["line 7: Jenkins records the `cause` of rule app only with a trigger token; with method api it notes the user instead"]}
        ----- stderr -----
        "#);
    });
}

#[test]
fn it_needs_no_network_and_no_credentials() {
    with_each_git(|home| {
        let bait = Bait::new();
        let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
        let repository = home.repository("shop", &file);
        for arguments in [
            &["check"][..],
            &["check", "--json"],
            &["check", "--branch", "main"],
        ] {
            let ran = repository.tool_in(arguments, |command| {
                for variable in [
                    "JENKINS_USER_ID",
                    "JENKINS_API_TOKEN",
                    "JENKINS_TRIGGER_TOKEN_DEPLOY",
                    "HOME",
                    "XDG_STATE_HOME",
                ] {
                    command.env_remove(variable);
                }
            });
            ran.succeeded();
        }
        bait.assert_untouched();
    });
}

#[test]
fn it_changes_nothing() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.commit("first");
    let before = crate::helpers::listing(&home.path(""));
    repository.tool(&["check"]).succeeded();
    repository.tool(&["check", "--branch", "main"]).succeeded();
    assert_eq!(crate::helpers::listing(&home.path("")), before);
}

#[test]
fn it_says_when_the_committed_file_is_another() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.commit("first");
        assert_eq!(repository.tool(&["check"]).stderr.matches("differs").count(), 0);
        repository.write(".jenkins-trigger.yml", FILE.replace("nightly", "weekly"));
        let ran = repository.tool(&["check"]).succeeded();
        assert!(
            ran.stdout.contains("weekly"),
            "the work tree's file counts:\n{}",
            ran.whole()
        );
        assert!(
            ran.stderr.contains(
                "note: .jenkins-trigger.yml differs from the committed one, which is what a hook reads"
            ),
            "{}",
            ran.whole()
        );
    });
}

#[test]
fn it_checks_the_default_branchs_file_of_a_bare_repository() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.commit("first");
        home.git(&home.path(""), &["clone", "-q", "--bare", "shop", "shop.git"]);
        let ran = home.tool(&home.path("shop.git"), &["check"]).succeeded();
        assert!(
            ran.stdout.starts_with("valid HEAD:.jenkins-trigger.yml\n"),
            "{}",
            ran.whole()
        );
    });
}

#[test]
fn without_a_file_it_shows_how_one_looks() {
    let home = home();
    let ran = home.repository("shop", "").tool(&["check"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: there is no [HOME]/shop/.jenkins-trigger.yml
        help: write one, for example:
        version: 1
        server: https://ci.example.com
        jobs:
          main: folder/job
        ");
    });
}

#[test]
fn the_example_in_that_message_is_valid() {
    let home = home();
    let repository = home.repository("shop", "");
    let ran = repository.tool(&["check"]);
    let (_, example) = ran.stderr.split_once("for example:").expect("an example");
    repository.write(".jenkins-trigger.yml", example.trim_start());
    let again = repository.tool(&["check"]);
    assert_eq!(
        again.code,
        0,
        "as a user would copy it:\n{example}\n{}",
        again.whole()
    );
}

#[test]
fn quiet_leaves_the_result_and_verbose_is_no_less() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let plain = repository.tool(&["check"]).succeeded();
    let quiet = repository.tool(&["-q", "check"]).succeeded();
    assert_eq!(
        (quiet.stdout.as_str(), quiet.stderr.as_str()),
        (plain.stdout.as_str(), "")
    );
    assert_eq!(repository.tool(&["check", "-v"]).succeeded().stdout, plain.stdout);
}

#[test]
fn colours_come_only_when_asked_for() {
    let home = home();
    let repository = home.repository("shop", FILE);
    assert!(!repository.tool(&["check"]).whole().contains('\u{1b}'));
    assert!(
        repository
            .tool(&["check", "--color", "always"])
            .stdout
            .contains("\u{1b}[")
    );
    assert!(
        !repository
            .tool(&["check", "--color", "never"])
            .whole()
            .contains('\u{1b}')
    );
}
