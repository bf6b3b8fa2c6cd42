//! Every name that a template can ask for.

use jenkins_trigger::config;
use jenkins_trigger::event::{Event, Kind};

use crate::helpers::{SHA, file_with, on, plan_of, rule, tagged, value, with_message};

fn asked(event: &Event, name: &str) -> Option<String> {
    value(
        event,
        &rule(&format!(
            "tags: [\"**\"], branches: [\"**\"], parameters: {{ A: \"${{{name}}}\" }}"
        )),
        "A",
    )
}

#[test]
fn each_name_has_its_value() {
    let old = "f".repeat(40);
    let event = Event {
        remote: Some("origin".into()),
        kind: Kind::PostPush,
        ..on("feature/x")
    };
    for (name, expected) in [
        ("branch", "feature/x"),
        ("ref", "refs/heads/feature/x"),
        ("sha", SHA),
        ("short_sha", "0123456"),
        ("old_sha", &old),
        ("author_name", "Ada Lovelace"),
        ("author_email", "ada@example.com"),
        ("subject", "A subject"),
        ("repo", "shop"),
        ("remote", "origin"),
        ("event", "post-push"),
        ("user", "ada"),
        ("hostname", "engine"),
    ] {
        assert_eq!(asked(&event, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(asked(&event, "tag"), None);
}

#[test]
fn a_tag_has_its_own_names() {
    let event = tagged("v1.0");
    assert_eq!(asked(&event, "tag").as_deref(), Some("v1.0"));
    assert_eq!(asked(&event, "ref").as_deref(), Some("refs/tags/v1.0"));
    assert_eq!(asked(&event, "branch"), None);
}

#[test]
fn the_event_is_called_as_in_the_file() {
    for (kind, name) in [
        (Kind::PostCommit, "post-commit"),
        (Kind::PostPush, "post-push"),
        (Kind::PostReceive, "post-receive"),
        (Kind::Manual, "manual"),
    ] {
        assert_eq!(
            asked(&Event { kind, ..on("main") }, "event").as_deref(),
            Some(name)
        );
    }
}

#[test]
fn the_subject_is_the_first_line_that_is_not_blank() {
    assert_eq!(
        asked(&with_message("one line"), "subject").as_deref(),
        Some("one line")
    );
    assert_eq!(
        asked(&with_message("\n\n second \nthird"), "subject")
            .as_deref()
            .map(str::trim),
        Some("second")
    );
    assert_eq!(
        asked(&with_message("windows\r\nline"), "subject").as_deref(),
        Some("windows")
    );
    assert_eq!(
        value(
            &with_message(""),
            &rule("parameters: { A: \"<${subject}>\" }"),
            "A"
        )
        .as_deref(),
        Some("<>")
    );
}

#[test]
fn a_commit_without_a_message_has_no_subject() {
    let config = rule("parameters: { A: \"${subject:-no message}\" }");
    assert_eq!(
        value(&with_message(""), &config, "A").as_deref(),
        Some("no message")
    );
}

#[test]
fn a_short_sha_has_seven_digits_whatever_the_hash() {
    let mut event = on("main");
    event.commit.id = "ab".repeat(32);
    assert_eq!(asked(&event, "short_sha").as_deref(), Some("abababa"));
    assert_eq!(asked(&event, "sha").map(|sha| sha.len()), Some(64));
}

#[test]
fn a_declared_variable_of_the_environment_is_read() {
    let jobs = "  - { job: x, parameters: { A: \"${env.CHANNEL}\", B: \"${env.UNSET}\", C: \"${env.UNSET:-dev}\", D: \"${env.EMPTY:-dev}\" } }\n";
    let config = file_with("env: [CHANNEL, UNSET, EMPTY]\n", jobs);
    let found = |name: &str| value(&on("main"), &config, name);
    assert_eq!(found("A").as_deref(), Some("beta"));
    assert_eq!(found("B"), None);
    assert_eq!(found("C").as_deref(), Some("dev"));
    assert_eq!(
        found("D").as_deref(),
        Some("dev"),
        "as in a shell, `:-` stands in for what is empty too"
    );
}

#[test]
fn a_variable_that_is_not_declared_is_an_error_of_the_file() {
    for wrong in [
        "${env.HOME}",
        "${env.CHANNEL}",
        "${HOME}",
        "${nothing}",
        "${branch-x}",
        "${Branch}",
        "${}",
        "${branch",
        "$branch",
    ] {
        let text = format!(
            "version: 1\nserver: https://ci.example.com\njobs:\n  - job: x\n    parameters: {{ A: \"{wrong}\" }}\n"
        );
        assert!(config::read("file", text.as_bytes()).is_err(), "{wrong}");
    }
}

/// The text is made without it, and the trigger says so: what it asks for is not what the file says.
#[test]
fn a_variable_that_may_not_be_read_is_named_by_the_triggers_that_would() {
    let jobs = "  - { job: x, parameters: { A: \"${env.SECRET:-none}\" } }\n  - { job: y, method: job-token, token_from: t, cause: \"${env.SECRET}\" }\n  - { job: z, parameters: { A: \"${env.CHANNEL}\" } }\n  - { job: z, name: second, parameters: { A: beta } }\n";
    let config = file_with("env: [CHANNEL, SECRET]\n", jobs);
    let plan = plan_of(&on("main"), &config);
    let withheld: Vec<_> = plan
        .triggers
        .iter()
        .map(|trigger| (trigger.job.as_str(), trigger.withheld.join(" ")))
        .collect();
    let none = String::new;
    assert_eq!(
        withheld,
        [("x", "SECRET".into()), ("y", "SECRET".into()), ("z", none())]
    );
    assert_eq!(value(&on("main"), &config, "A").as_deref(), Some("none"));
}

/// Two rules that ask for the same but for what one of them may not read do not ask for the same.
#[test]
fn what_lacks_a_variable_is_not_one_with_what_lacks_none() {
    let jobs = "  - { job: x, parameters: { A: \"${env.SECRET:-dev}\" } }\n  - { job: x, name: second, parameters: { A: dev } }\n";
    let plan = plan_of(&on("main"), &file_with("env: [SECRET]\n", jobs));
    assert_eq!(plan.triggers.len(), 2);
}
