//! `trigger --wait`: who asked for the build and with what, and where that is not what was sent.

use std::time::Duration;

use jenkins_stand_in::{Answer, BuildResult, Fault, Job, Parameter, RecordedRequest, Setup, StandIn, User};
use serde_json::Value;

use crate::helpers::{file_for, filtered, home, ready};
use crate::support::{TOKEN, USER, short_file};
use crate::waiting::{JOB, Waiting, let_start, still};

/// A job with a parameter of every kind that has a value.
fn wide() -> Setup {
    let job = Job::new(JOB)
        .string_parameter("BRANCH", "main")
        .parameter(Parameter::boolean("DEPLOY", false))
        .parameter(Parameter::password("SECRET", "default"))
        .parameter(Parameter::trimmed_string("NOTES", ""))
        .builds_forever();
    still().job(job)
}

fn wide_file(jenkins: &StandIn) -> String {
    file_for(
        jenkins,
        "  - { job: shop/deploy, parameters: { DEPLOY: \"TRUE\", NOTES: \" a \" } }\n",
    )
}

/// With a value that no file may have.
fn with_secret<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--param", "SECRET=canary-parameter"], arguments].concat()
}

#[test]
fn with_verbose_causes_and_parameters_are_told_and_no_password() {
    let home = home();
    let jenkins = StandIn::start(wide());
    jenkins.put_user(crate::support::developer_with(TOKEN).full_name("Ada \u{1b}[2J\u{202e}Lovelace"));
    let repository = ready(&home, &wide_file(&jenkins));
    let waiting = Waiting::start(&repository, &with_secret(&["--wait", "-v"]));
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    assert!(!ran.whole().contains("canary"), "{}", ran.whole());
    assert_eq!(
        jenkins.builds(JOB)[0].parameter("SECRET"),
        Some("canary-parameter")
    );
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .skip_while(|line| !line.contains(": build 1 "))
        .skip(1)
        .collect();
    assert_eq!(
        said,
        [
            "main → shop/deploy: Started by user Ada \\u{1b}[2J\\u{202e}Lovelace",
            "main → shop/deploy: with BRANCH=main",
            "main → shop/deploy: with DEPLOY=true",
            "main → shop/deploy: with SECRET=•••",
            "main → shop/deploy: with NOTES=a",
        ],
        "{}",
        ran.whole()
    );
}

#[test]
fn in_json_they_belong_to_the_result() {
    let home = home();
    let jenkins = StandIn::start(wide());
    let repository = ready(&home, &wide_file(&jenkins));
    let waiting = Waiting::start(&repository, &with_secret(&["--wait", "--json"]));
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    assert!(!ran.whole().contains("canary"), "{}", ran.whole());
    let shown: Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(shown["causes"].to_string(), r#"["Started by user dev"]"#);
    assert_eq!(
        shown["parameters"].to_string(),
        r#"[["BRANCH","main"],["DEPLOY",true],["SECRET",null],["NOTES","a"]]"#
    );
}

#[test]
fn those_who_were_merged_into_one_build_are_told_together() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    repository.tool(&["trigger"]).succeeded();
    let waiting = Waiting::start(&repository, &["--wait", "-v"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    let line = "main → shop/deploy: Started by user dev (2 times)\n";
    assert_eq!(ran.stderr.matches(line).count(), 1, "{}", ran.whole());
    assert!(!ran.stderr.contains("warning"), "{}", ran.whole());
}

#[test]
fn a_build_that_runs_with_something_else_than_what_was_sent_is_told() {
    let home = home();
    let job = Job::new(JOB)
        .string_parameter("BRANCH", "main")
        .parameter(Parameter::boolean("DEPLOY", true))
        .builds_forever();
    let jenkins = StandIn::start(still().job(job));
    let rule = "  - { job: shop/deploy, strict_parameters: false, parameters: { DEPLOY: \"yes\", GONE: canary-value } }\n";
    let repository = ready(&home, &file_for(&jenkins, rule));
    for follow in ["--wait", "--follow"] {
        let number = jenkins.builds(JOB).len() + 1;
        let waiting = Waiting::start(&repository, &[follow]);
        crate::waiting::until(&jenkins, |state| {
            crate::waiting::asked(state, &format!("/queue/item/{number}/")) >= 1
        });
        jenkins.advance(Duration::from_secs(1));
        jenkins.advance(Duration::from_secs(1));
        crate::waiting::until(&jenkins, |state| {
            crate::waiting::asked(state, &format!("/job/deploy/{number}/")) >= 1
        });
        jenkins.finish_build(JOB, u32::try_from(number).expect("small"), BuildResult::Success);
        let ran = waiting.end().succeeded();
        for said in [
            format!(
                "warning: main → shop/deploy: build {number} runs with DEPLOY=false, sent was DEPLOY=yes\n"
            ),
            format!("warning: main → shop/deploy: build {number} runs without GONE, which it was to get\n"),
        ] {
            assert_eq!(ran.stderr.matches(&said).count(), 1, "{}", ran.whole());
        }
        assert_eq!(ran.stderr.matches("warning").count(), 2, "{}", ran.whole());
        assert!(!ran.whole().contains("canary-value"), "{}", ran.whole());
    }
}

/// A pipeline can overrule its parameters, and another plugin can too.
#[test]
fn a_branch_that_was_replaced_is_told() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = {
        let build = |request: &RecordedRequest| request.target.contains("/job/deploy/1/api/json");
        let long = "x".repeat(100_000);
        let object = format!(
            r#"{{"building":false,"result":"SUCCESS","timestamp":0,"actions":[{{"parameters":[{{"name":"BRANCH","value":"{long}"}}]}}]}}"#
        );
        jenkins.fault(Fault::answer(Answer::new(200).body(object)).when(build));
        Waiting::start(&repository, &["--wait"])
    };
    let_start(&jenkins);
    let ran = waiting.end().succeeded();
    filtered(&home, || {
        let shown = ran.whole().replace(&"x".repeat(200), "[200 x]");
        insta::assert_snapshot!(shown, @"
        exit code: 0
        ----- stdout -----
        SUCCESS main → shop/deploy: build 1 http://[JENKINS]/job/shop/job/deploy/1/ after 0:00
        ----- stderr -----
        main → shop/deploy: queued, item 1 http://[JENKINS]/queue/item/1/
        main → shop/deploy: waits: In the quiet period. Expires in 1 sec
        main → shop/deploy: build 1 http://[JENKINS]/job/shop/job/deploy/1/
        warning: main → shop/deploy: build 1 runs with BRANCH=[200 x]…, sent was BRANCH=main
        ");
    });
}

/// What a build came of is no reason not to tell its result.
#[test]
fn a_build_that_tells_nothing_of_itself_has_a_result_all_the_same() {
    let home = home();
    let jenkins = StandIn::start(still());
    jenkins.put_user(User::new(USER, TOKEN).grant([
        jenkins_stand_in::Permission::OverallRead,
        jenkins_stand_in::Permission::JobRead,
        jenkins_stand_in::Permission::JobBuild,
    ]));
    let repository = ready(&home, &short_file(&jenkins));
    let build = |request: &RecordedRequest| request.target.contains("/job/deploy/1/api/json");
    let object = r#"{"building":false,"result":"SUCCESS","timestamp":0,"actions":[null,{},{"causes":[{}],"parameters":[]}]}"#;
    jenkins.fault(Fault::answer(Answer::new(200).body(object)).when(build));
    let waiting = Waiting::start(&repository, &["--wait"]);
    let_start(&jenkins);
    let ran = waiting.end().succeeded();
    assert!(
        ran.stderr
            .ends_with("warning: main → shop/deploy: build 1 runs without BRANCH, which it was to get\n"),
        "{}",
        ran.whole()
    );
}
