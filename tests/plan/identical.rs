//! Identical triggers of one event are one.

use std::time::Duration;

use jenkins_trigger::config::{self, Method};

use crate::helpers::{file, on, plan_of, rule};

/// The names of the rules of each trigger.
fn rules(jobs: &str) -> Vec<Vec<String>> {
    let config = file(jobs);
    let plan = plan_of(&on("main"), &config);
    let name = |rule: usize| config.rules[rule].name.clone();
    let triggers = plan.triggers.into_iter();
    triggers
        .map(|trigger| trigger.rules.into_iter().map(name).collect())
        .collect()
}

#[test]
fn two_rules_for_the_same_become_one_trigger_that_names_both() {
    let jobs = "  - { name: one, job: x, branches: [main] }\n  - { name: two, job: x, branches: [\"**\"] }\n";
    assert_eq!(rules(jobs), [["one", "two"]]);
}

#[test]
fn their_notes_do_not_keep_them_apart() {
    let jobs = "  - { name: one, job: x, token_from: t, cause: a }\n  - { name: two, job: x, token_from: t, cause: b }\n";
    let plan = plan_of(&on("main"), &file(jobs));
    assert_eq!(plan.triggers.len(), 1);
    assert_eq!(plan.triggers[0].cause, "a", "the first one's note");
}

#[test]
fn a_third_between_them_keeps_the_files_order() {
    let jobs = "  - { name: one, job: x }\n  - { name: other, job: y }\n  - { name: two, job: x }\n";
    assert_eq!(rules(jobs), [vec!["one", "two"], vec!["other"]]);
}

#[test]
fn what_differs_stays_apart() {
    for difference in [
        "delay: 30s",
        "delay: 0s",
        "parameters: { A: x }",
        "branch_parameter: OTHER",
        "branch_parameter: false",
        "token_from: t",
        "method: token-root, token_from: t",
    ] {
        let jobs = format!("  - {{ name: one, job: x }}\n  - {{ name: two, job: x, {difference} }}\n");
        assert_eq!(rules(&jobs).len(), 2, "{difference}");
    }
    assert_eq!(
        rules("  - { name: one, job: x }\n  - { name: two, job: X }\n").len(),
        2
    );
}

#[test]
fn the_same_job_on_two_servers_stays_two() {
    let text = "version: 1\nservers: { a: { url: https://a.example.com }, b: { url: https://b.example.com } }\n\
                jobs:\n  - { job: x, server: a }\n  - { job: x, server: b }\n";
    let config = config::read("file", text.as_bytes()).expect("a file");
    let plan = plan_of(&on("main"), &config);
    let servers: Vec<_> = plan
        .triggers
        .iter()
        .map(|t| config.servers[t.server].url.as_str())
        .collect();
    assert_eq!(servers, ["https://a.example.com/", "https://b.example.com/"]);
}

#[test]
fn templates_that_come_to_the_same_are_the_same() {
    let jobs = "  - { name: one, job: x, parameters: { A: \"${branch}\" } }\n  - { name: two, job: x, parameters: { A: main } }\n";
    assert_eq!(rules(jobs), [["one", "two"]]);
}

#[test]
fn a_rule_that_does_not_fire_is_not_named() {
    let jobs = "  - { name: one, job: x }\n  - { name: two, job: x, branches: [other] }\n";
    assert_eq!(rules(jobs), [["one"]]);
}

#[test]
fn a_trigger_carries_what_its_rule_says() {
    let plan = plan_of(&on("main"), &rule("delay: 2m, token_from: deploy-token"));
    let trigger = &plan.triggers[0];
    assert_eq!(trigger.delay, Some(Duration::from_secs(120)));
    assert_eq!(
        (trigger.method, trigger.token_from.as_deref()),
        (Method::JobToken, Some("deploy-token"))
    );
    assert_eq!(trigger.cause, "post-commit of main@0123456");
    let plan = plan_of(&on("main"), &rule(""));
    assert_eq!(
        (plan.triggers[0].delay, plan.triggers[0].method),
        (None, Method::Api)
    );
}

#[test]
fn the_files_defaults_reach_its_rules() {
    let text = "version: 1\nserver: https://ci.example.com\ndefaults: { delay: 30s, events: [post-push] }\n\
                jobs:\n  - { job: x, events: [post-commit] }\n  - { job: y, delay: 0s, events: [post-commit] }\n  - { job: z }\n";
    let config = config::read("file", text.as_bytes()).expect("a file");
    let plan = plan_of(&on("main"), &config);
    let delays: Vec<_> = plan
        .triggers
        .iter()
        .map(|trigger| (trigger.job.as_str(), trigger.delay))
        .collect();
    assert_eq!(
        delays,
        [("x", Some(Duration::from_secs(30))), ("y", Some(Duration::ZERO))]
    );
}
