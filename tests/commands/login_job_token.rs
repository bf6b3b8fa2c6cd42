//! `login --job-token` keeps a job's trigger token, and asks Jenkins about it where it can.

use jenkins_stand_in::{Job, StandIn};

use crate::helpers::{filtered, home};
use crate::keyboard::Terminal;
use crate::login::{REAL_TOKEN, assert_nowhere, bare, kept, piped, shop, store, without};
use crate::login_helpers::commit;
use crate::support::{Home, JOB_TOKEN, Repository};

fn repository<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = untrusted(home, jenkins);
    repository.tool(&["trust"]).succeeded();
    repository
}

fn untrusted<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-m", "the file"]);
    repository
}

/// Not even to find out whether the token is right.
#[test]
fn a_job_that_only_a_strangers_file_names_is_not_looked_at() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: prod/deploy, token_from: deploy }}\n",
        jenkins.url()
    );
    repository.write(".jenkins-trigger.yml", file);
    jenkins.clear_requests();
    let ran = piped(&repository, &["login", "--job-token", "deploy"], JOB_TOKEN).succeeded();
    assert!(
        ran.stderr
            .contains("it was not checked: this file now names prod/deploy"),
        "{}",
        ran.whole()
    );
    let asked = jenkins.requests();
    assert!(
        !asked.iter().any(|request| request.target_contains("prod")),
        "{asked:?}"
    );
    assert!(kept(&home).contains(JOB_TOKEN));
}

#[test]
fn a_token_is_checked_by_a_request_that_builds_nothing() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    let login = ["login", "--job-token", "deploy"];
    let unknown = piped(&repository, &login, JOB_TOKEN);
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    let right = piped(&repository, &login, JOB_TOKEN);
    let wrong = piped(&repository, &login, "canary-another");
    jenkins.put_job(Job::new("shop/deploy").string_parameter("BRANCH", "main"));
    let ignored = piped(&repository, &login, JOB_TOKEN);
    assert!(jenkins.taken().is_empty());
    let all = [unknown, right, wrong, ignored].map(|ran| ran.whole()).concat();
    assert!(!all.contains("canary"), "{all}");
    assert_eq!(
        kept(&home).matches(JOB_TOKEN).count(),
        1,
        "the wrong one is not kept"
    );
    assert_nowhere(&home, &[JOB_TOKEN, "canary-another"], &[store(&home)]);
    filtered(&home, || {
        insta::assert_snapshot!(all, @r#"
        exit code: 0
        ----- stdout -----
        trigger token deploy for http://[JENKINS]/: kept in ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        it was not checked: only who may read the job can do that: jenkins-trigger login http://[JENKINS]/
        exit code: 0
        ----- stdout -----
        trigger token deploy for http://[JENKINS]/: kept in ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        Jenkins takes it for shop/deploy
        exit code: 3
        ----- stdout -----
        ----- stderr -----
        error: the trigger token of job shop/deploy is wrong; nothing was kept
        help: set a new one under "Trigger builds remotely" at http://[JENKINS]/job/shop/job/deploy/configure (a Jenkins since 2.541 does not show the old one), and keep it by the name that `token_from` has: jenkins-trigger login --job-token NAME
        exit code: 0
        ----- stdout -----
        trigger token deploy for http://[JENKINS]/: kept in ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        it was not checked: job shop/deploy has no trigger token, so that it takes any
        "#);
    });
}

#[test]
fn what_was_kept_fires_the_job() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    without(&repository, &["install", "post-commit"]).succeeded();
    let ran = commit(&repository, "without");
    assert!(
        ran.stderr.contains("jenkins-trigger login --job-token deploy"),
        "{}",
        ran.whole()
    );
    repository.wait_for_journal(1);
    let mut terminal = Terminal::of(&repository, "login --job-token deploy", bare);
    terminal.answer("Trigger token deploy:", JOB_TOKEN);
    let ran = terminal.end();
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(!ran.stdout.contains(JOB_TOKEN), "{}", ran.whole());
    assert!(
        ran.stdout.contains("1 that waited are being sent"),
        "{}",
        ran.whole()
    );
    repository.wait_for_accepted(1);
}

#[test]
fn a_token_in_place_of_its_name_is_refused_and_not_repeated() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    for name in ["canary:token", "canary token", "", "file", "FILE", "-canary"] {
        let ran = piped(&repository, &["login", &format!("--job-token={name}")], JOB_TOKEN);
        assert_eq!(ran.code, 1, "{name}: {}", ran.whole());
        assert!(!ran.whole().contains("canary"), "{}", ran.whole());
    }
    assert_eq!(kept(&home), "");
}

#[test]
fn another_token_in_the_environment_is_said_to_go_first() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    let ran = crate::login::piped_in(
        &repository,
        &["login", "--job-token", "deploy"],
        JOB_TOKEN,
        |command| {
            command.env("JENKINS_TRIGGER_TOKEN_DEPLOY", "canary-another");
        },
    );
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(
        ran.stderr.contains("JENKINS_TRIGGER_TOKEN_DEPLOY goes first"),
        "{}",
        ran.whole()
    );
}

/// The file may be a stranger's, and has chosen the server.
#[test]
fn a_token_for_no_server_in_particular_is_not_sent_to_one_that_was_not_accepted() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = untrusted(&home, &jenkins);
    let run = || {
        let arguments = ["login", "--job-token", "deploy"];
        let ran = crate::login::piped_in(&repository, &arguments, JOB_TOKEN, |command| {
            command
                .env("JENKINS_USER_ID", "dev")
                .env("JENKINS_API_TOKEN", REAL_TOKEN);
        });
        ran.succeeded().stderr
    };
    // The second time the user has accepted the server, and this repository's file is still nobody's.
    for _ in 0..2 {
        let said = run();
        assert!(said.contains("it was not checked: this file names"), "{said}");
        assert!(said.contains("to allow it: jenkins-trigger trust"), "{said}");
        assert!(jenkins.requests().is_empty());
    }
    repository.tool(&["trust"]).succeeded();
    let said = run();
    assert!(said.contains("Jenkins takes it for shop/deploy"), "{said}");
}
