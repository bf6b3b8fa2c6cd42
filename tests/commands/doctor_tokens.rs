//! `doctor` finds out whether a trigger token is the right one, and starts nothing by that.

use jenkins_stand_in::{Answer, Fault, Job, Permission, Setup, StandIn, User};
use serde_json::Value;

use crate::doctor::{doctor, from_the_server, ready};
use crate::helpers::{file_for, filtered, home};
use crate::support::{JOB_TOKEN, TOKEN, USER, developer};

fn step<'a>(whole: &'a Value, name: &str) -> &'a Value {
    let steps = whole["steps"].as_array().expect("steps");
    steps
        .iter()
        .find(|step| step["step"] == name)
        .unwrap_or(&Value::Null)
}

/// Every method, with and without parameters, the token right, wrong and missing, with Job/Build and
/// without.
#[test]
fn whatever_the_job_is_like_nothing_is_started() {
    let home = home();
    let mut jobs = Vec::new();
    for parameterised in [true, false] {
        for token in [Some(JOB_TOKEN), Some("another"), None] {
            for pipeline in [true, false] {
                let name = format!("job-{}", jobs.len());
                let job = if pipeline {
                    Job::pipeline(name)
                } else {
                    Job::new(name)
                };
                let job = if parameterised {
                    job.string_parameter("BRANCH", "main")
                } else {
                    job
                };
                jobs.push((
                    parameterised,
                    token,
                    match token {
                        Some(token) => job.trigger_token(token),
                        None => job,
                    },
                ));
            }
        }
    }
    let may_build = [Permission::OverallRead, Permission::JobRead, Permission::JobBuild];
    for permissions in [&may_build[..], &may_build[..2]] {
        let user = User::new(USER, TOKEN).grant(permissions.iter().copied());
        let setup = jobs.iter().fold(Setup::new().user(user), |setup, (_, _, job)| {
            setup.job(job.clone())
        });
        let jenkins = StandIn::start(setup);
        let rules: String = jobs
            .iter()
            .enumerate()
            .flat_map(|(number, (parameterised, ..))| {
                let passes = if *parameterised { "BRANCH" } else { "false" };
                ["job-token", "token-root"].map(|method| {
                    format!(
                        "  - {{ name: {method}-{number}, job: job-{number}, method: {method}, token_from: deploy, \
                         branch_parameter: {passes} }}\n"
                    )
                })
            })
            .collect();
        let repository = ready(&home, &file_for(&jenkins, &rules));
        let ran = doctor(&jenkins, &repository, &["--json"]);
        let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let steps = whole["steps"].as_array().expect("steps").iter();
        let mut found = 0;
        for step in steps.filter(|step| step["step"] == "trigger-token") {
            found += 1;
            let rule = step["rule"].as_str().expect("a rule");
            let number: usize = rule
                .rsplit('-')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number");
            let (_, token, _) = &jobs[number];
            let builds_anyway = token.is_none() && permissions == may_build && rule.starts_with("job-token");
            let expected = match token {
                Some(token) if *token == JOB_TOKEN => "ok",
                // Jenkins ignores it there.
                None if builds_anyway => "warning",
                _ => "failed",
            };
            assert_eq!(step["state"], expected, "{step}");
        }
        assert_eq!(found, 2 * jobs.len());
        std::fs::remove_dir_all(&repository.folder).expect("the repository");
    }
}

fn deploy() -> Job {
    Job::new("shop/deploy")
        .string_parameter("BRANCH", "main")
        .trigger_token(JOB_TOKEN)
}

const RULE: &str = "  - { job: shop/deploy, token_from: deploy, METHOD }\n";

fn rule(method: &str) -> String {
    RULE.replace("METHOD", &format!("method: {method}"))
}

#[test]
fn a_wrong_token_is_told_with_the_page_that_has_the_right_one() {
    let home = home();
    let jenkins = StandIn::start(Setup::new().user(developer()).job(deploy()));
    let repository = ready(&home, &file_for(&jenkins, &rule("job-token")));
    let ran = repository.tool_in(&["doctor"], |command| {
        command.env("JENKINS_TRIGGER_TOKEN_DEPLOY", "mistyped");
    });
    assert!(jenkins.taken().is_empty());
    assert_eq!(ran.code, 1);
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @r#"
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        ok           credentials    an API token of user dev, from JENKINS_API_TOKEN

        job shop/deploy
        ok           job            user dev sees http://[JENKINS]/job/shop/job/deploy/
        ok           buildable      it is enabled
        ok           may build      not needed: with the job's trigger token Overall/Read and Job/Read are enough
        ok           parameters     the job declares BRANCH
        failed       trigger token  the trigger token of job shop/deploy is wrong
                                    fix: set a new one under "Trigger builds remotely" at http://[JENKINS]/job/shop/job/deploy/configure (a Jenkins since 2.541 does not show the old one), and keep it by the name that `token_from` has: jenkins-trigger login --job-token NAME
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 1 not checked
        ----- stderr -----
        "#);
    });
    let ran = repository.tool_in(&["doctor"], |command| {
        command.env_remove("JENKINS_TRIGGER_TOKEN_DEPLOY");
    });
    assert!(ran.stdout.contains("login --job-token deploy"), "{}", ran.whole());
}

#[test]
fn build_token_root_needs_its_plugin_and_no_user() {
    let home = home();
    let jenkins = StandIn::start(
        Setup::new()
            .user(developer())
            .job(deploy())
            .build_token_root(false),
    );
    let repository = ready(&home, &file_for(&jenkins, &rule("token-root")));
    let ran = doctor(&jenkins, &repository, &[]);
    assert_eq!(ran.code, 1);
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        ok           credentials    an API token of user dev, from JENKINS_API_TOKEN
        failed       plugin         Build Authorization Token Root is not installed, and the method token-root needs it
                                    fix: an administrator installs build-token-root at http://[JENKINS]/manage/pluginManager/available; or write `method: job-token`

        job shop/deploy
        ok           job            user dev sees http://[JENKINS]/job/shop/job/deploy/
        ok           buildable      it is enabled
        ok           may build      not needed: the job's trigger token is all that token-root asks for
        ok           parameters     the job declares BRANCH
        not checked  trigger token  the plugin that looks at it is not installed
        warning      quiet period   none: with token-root a build starts at once, whatever quiet period the job has
                                    fix: write `delay` in the rule, such as `delay: 10s`; `delay: 0s` if that is what you want

        1 failed, 1 warning, 1 not checked
        ----- stderr -----
        ");
    });
    let jenkins = StandIn::start(Setup::new().user(developer()).job(deploy()));
    repository.write(".jenkins-trigger.yml", file_for(&jenkins, &rule("token-root")));
    repository.tool(&["trust"]).succeeded();
    let ran = repository.tool_in(&["doctor"], |command| {
        command.env_remove("JENKINS_API_TOKEN");
    });
    assert!(
        jenkins
            .requests()
            .iter()
            .all(|request| request.method == "GET" && request.header("authorization").is_none())
    );
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 0

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        not checked  credentials    the method token-root needs none
        ok           plugin         Build Authorization Token Root is installed

        job shop/deploy
        not checked  job            the method token-root goes without credentials, and looking at a job needs some
        not checked  buildable, may build, parameters, trigger token: the method token-root goes without credentials, and looking at a job needs some
        warning      quiet period   none: with token-root a build starts at once, whatever quiet period the job has
                                    fix: write `delay` in the rule, such as `delay: 10s`; `delay: 0s` if that is what you want

        0 failed, 2 warnings, 6 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn no_credentials_go_to_build_token_root() {
    let home = home();
    let jenkins = StandIn::start(Setup::new().user(developer()).job(deploy()));
    let repository = ready(&home, &file_for(&jenkins, &rule("token-root")));
    doctor(&jenkins, &repository, &[]).succeeded();
    let requests = jenkins.requests();
    let posted: Vec<_> = requests
        .iter()
        .filter(|request| request.path().starts_with("/buildByToken/"))
        .collect();
    assert_eq!(posted.len(), 2);
    assert!(
        posted
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
    assert_eq!(posted[1].form_values("token"), [JOB_TOKEN]);
}

/// In doubt nothing is sent: the wrong guess would build.
#[test]
fn a_job_of_which_jenkins_does_not_say_all_is_not_asked() {
    let home = home();
    let jenkins = StandIn::start(
        Setup::new()
            .user(developer())
            .job(deploy())
            .job(Job::new("plain").trigger_token(JOB_TOKEN)),
    );
    let rules = "  - { job: plain, token_from: deploy, branch_parameter: false }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let idle = r#""inQueue":false,"lastBuild":null,"lastCompletedBuild":null"#;
    let running = r#""inQueue":false,"lastBuild":{"number":2},"lastCompletedBuild":{"number":1}"#;
    let declares = r#"{"parameterDefinitions":[{"name":"BRANCH"}]}"#;
    for description in [
        "{}".to_owned(),
        "<html>".to_owned(),
        format!(r#"{{"_class":"x","buildable":true,{idle},"property":[]}}"#),
        format!(r#"{{"_class":"x","buildable":true,{idle},"actions":[]}}"#),
        format!(r#"{{"_class":"x","buildable":true,{idle},"property":[],"actions":[{declares}]}}"#),
        format!(r#"{{"_class":"x","buildable":true,{idle},"property":[{declares}],"actions":[{{}}]}}"#),
        format!(r#"{{"_class":"x","buildable":false,{idle},"property":[],"actions":[]}}"#),
        format!(
            r#"{{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","buildable":true,{running},"property":[],"actions":[]}}"#
        ),
    ] {
        let answer = Answer::new(200)
            .header("X-Jenkins", "2.528.2")
            .body(description.clone());
        let certain = |request: &jenkins_stand_in::RecordedRequest| request.target.contains("actions");
        jenkins.fault(Fault::answer(answer).when(certain));
        jenkins.clear_requests();
        let ran = doctor(&jenkins, &repository, &["--json"]);
        jenkins.clear_faults();
        let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(
            step(&whole, "trigger-token")["state"],
            "not-checked",
            "{description}\n{}",
            ran.whole()
        );
        let requests = jenkins.requests();
        assert!(
            requests
                .iter()
                .all(|request| request.form_values("token").is_empty()),
            "{description}"
        );
    }
}

#[test]
fn what_is_no_answer_of_jenkins_tells_nothing() {
    let home = home();
    let jenkins = StandIn::start(Setup::new().user(developer()).job(deploy()));
    let repository = ready(&home, &file_for(&jenkins, &rule("job-token")));
    for answer in [
        Answer::new(400).body("Bad Request"),
        Answer::new(200).body("welcome"),
        Answer::new(302).header("Location", "/login"),
        Answer::new(500),
    ] {
        let posted =
            |request: &jenkins_stand_in::RecordedRequest| request.path() == "/job/shop/job/deploy/build";
        jenkins.fault(Fault::answer(answer).when(posted));
        let ran = doctor(&jenkins, &repository, &["--json"]).succeeded();
        jenkins.clear_faults();
        let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(
            step(&whole, "trigger-token")["state"],
            "not-checked",
            "{}",
            ran.whole()
        );
    }
}

#[test]
fn should_the_question_queue_a_build_after_all_that_is_said() {
    let home = home();
    let jenkins = StandIn::start(Setup::new().user(developer()).job(deploy()));
    let repository = ready(&home, &file_for(&jenkins, &rule("job-token")));
    let answer = Answer::new(201).header("Location", "http://ci.invalid/queue/item/77/");
    let posted = |request: &jenkins_stand_in::RecordedRequest| request.path() == "/job/shop/job/deploy/build";
    jenkins.fault(Fault::answer(answer).when(posted));
    let ran = doctor(&jenkins, &repository, &["--json"]);
    let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let step = step(&whole, "trigger-token");
    assert_eq!(step["state"], "warning");
    let fix = step["fix"].as_str().expect("a fix");
    assert!(
        fix.ends_with(&format!("{}/queue/item/77/", jenkins.url())),
        "{fix}"
    );
}

#[test]
fn a_password_and_a_user_without_job_read_leave_it_open() {
    let home = home();
    let rights = [Permission::OverallRead, Permission::JobRead];
    let by_password = User::new("ada", "x").password("correct horse").grant(rights);
    let blind = User::new(USER, TOKEN).grant([Permission::OverallRead]);
    let jenkins = StandIn::start(Setup::new().user(by_password).user(blind).job(deploy()));
    for (method, user, secret) in [("job-token", "ada", "correct horse"), ("token-root", USER, TOKEN)] {
        let repository = ready(&home, &file_for(&jenkins, &rule(method)));
        let ran = repository.tool_in(&["doctor", "--json"], |command| {
            command
                .env("JENKINS_USER_ID", user)
                .env("JENKINS_API_TOKEN", secret);
        });
        let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(
            step(&whole, "trigger-token")["state"],
            "not-checked",
            "{}",
            ran.whole()
        );
        assert_eq!(ran.code, 0, "{}", ran.whole());
        std::fs::remove_dir_all(&repository.folder).expect("the repository");
    }
    assert!(jenkins.taken().is_empty());
}

#[test]
fn the_token_is_told_with_where_it_is() {
    let home = home();
    let jenkins = StandIn::start(Setup::new().user(developer()).job(deploy()));
    let repository = ready(&home, &file_for(&jenkins, &rule("job-token")));
    let file = home.path("token");
    crate::sources::write(&file, &format!("deploy={JOB_TOKEN}\n"), 0o600);
    let run = || {
        let ran = repository.tool_in(&["doctor"], |command| {
            command
                .env_remove("JENKINS_TRIGGER_TOKEN_DEPLOY")
                .env("JENKINS_TRIGGER_TOKEN_FILE", &file);
        });
        let lines = ran
            .stdout
            .lines()
            .filter(|line| line.contains("  trigger token "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let right = run();
    jenkins.put_job(Job::new("shop/deploy").string_parameter("BRANCH", "main"));
    let ignored = run();
    filtered(&home, || {
        insta::assert_snapshot!(format!("{right}\n{ignored}"), @"
        ok           trigger token  Jenkins takes trigger token deploy from [HOME]/token
        warning      trigger token  the job has no trigger token: trigger token deploy from [HOME]/token is ignored, and your Job/Build counts
        ");
    });
}
