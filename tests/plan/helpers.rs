//! Files and events by hand.

use jenkins_trigger::config::{self, Config};
use jenkins_trigger::event::{ChangedPaths, Event, Kind};
use jenkins_trigger::git::Commit;
use jenkins_trigger::plan::{self, Plan, Surroundings, Trigger, Wishes};

pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file of one server; `jobs` is indented by two.
pub fn file(jobs: &str) -> Config {
    file_with("", jobs)
}

/// The same with more keys at the top.
#[track_caller]
pub fn file_with(top: &str, jobs: &str) -> Config {
    let text = format!("version: 1\nserver: https://ci.example.com\n{top}jobs:\n{jobs}");
    config::read("file", text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A file of one rule of job `x`.
#[track_caller]
pub fn rule(keys: &str) -> Config {
    file(&format!(
        "  - {{ job: x{}{keys} }}\n",
        if keys.is_empty() { "" } else { ", " }
    ))
}

fn event() -> Event {
    Event {
        kind: Kind::PostCommit,
        reference: "".into(),
        branch: None,
        tag: None,
        commit: Commit {
            id: SHA.into(),
            parents: vec!["f".repeat(40)],
            author_name: "Ada Lovelace".into(),
            author_email: "ada@example.com".into(),
            message: "A subject\n\nand a body\n".into(),
        },
        old_id: Some("f".repeat(40)),
        remote: None,
        repository: "shop".into(),
        operations: Vec::new(),
        changed: ChangedPaths::Known(vec!["src/main.rs".into()]),
    }
}

/// A commit on a branch.
pub fn on(branch: &str) -> Event {
    Event {
        reference: format!("refs/heads/{branch}").into(),
        branch: Some(branch.into()),
        ..event()
    }
}

/// A tag that was pushed.
pub fn tagged(tag: &str) -> Event {
    Event {
        kind: Kind::PostPush,
        reference: format!("refs/tags/{tag}").into(),
        tag: Some(tag.into()),
        remote: Some("origin".into()),
        ..event()
    }
}

pub fn with_message(message: &str) -> Event {
    let mut event = on("main");
    event.commit.message = message.into();
    event
}

pub fn surroundings() -> Surroundings {
    Surroundings {
        user: "ada".into(),
        hostname: "engine".into(),
        variables: [
            ("CHANNEL".to_owned(), "beta".into()),
            ("EMPTY".to_owned(), "".into()),
        ]
        .into(),
        withheld: ["SECRET".to_owned()].into(),
    }
}

pub fn plan_of(event: &Event, config: &Config) -> Plan {
    plan::plan(event, config, &surroundings(), &Wishes::default())
}

/// Whether the file's first rule fires, and why (not).
pub fn verdict(event: &Event, config: &Config) -> (bool, String) {
    let plan = plan_of(event, config);
    (plan.verdicts[0].fires, plan.verdicts[0].reason.to_string())
}

pub fn fires(event: &Event, config: &Config) -> bool {
    verdict(event, config).0
}

/// The parameters of a trigger, as text.
pub fn shown(trigger: &Trigger) -> Vec<(&str, String)> {
    let texts = trigger.parameters.iter();
    texts
        .map(|(name, value)| (name.as_str(), value.to_string()))
        .collect()
}

/// The parameters of the first trigger, as text.
#[track_caller]
pub fn parameters(event: &Event, config: &Config) -> Vec<(String, String)> {
    let plan = plan_of(event, config);
    let found = shown(&plan.triggers[0]);
    found
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The value of one parameter, where it is passed.
#[track_caller]
pub fn value(event: &Event, config: &Config, name: &str) -> Option<String> {
    let found = parameters(event, config);
    found
        .into_iter()
        .find_map(|(known, value)| (known == name).then_some(value))
}
