//! `remotes`, and what the names alone tell.

use jenkins_trigger::event::{Event, Kind};
use jenkins_trigger::plan;

use crate::helpers::{file, fires, on, rule, tagged, verdict};

fn pushed_to(remote: Option<&str>) -> Event {
    Event {
        kind: Kind::PostPush,
        remote: remote.map(Into::into),
        ..on("main")
    }
}

#[test]
fn without_remotes_every_push_counts() {
    let config = rule("events: [post-push]");
    assert!(fires(&pushed_to(Some("origin")), &config));
    assert!(fires(&pushed_to(None), &config), "an address");
}

#[test]
fn a_rule_with_remotes_takes_pushes_to_these_only() {
    let config = rule("remotes: [origin]");
    assert_eq!(
        verdict(&pushed_to(Some("origin")), &config),
        (true, "it has no `branches`, so every branch matches".into())
    );
    assert_eq!(
        verdict(&pushed_to(Some("backup")), &config),
        (
            false,
            "it is for remote origin only, and this went to backup".into()
        )
    );
    assert!(!fires(&pushed_to(Some("Origin")), &config), "case counts");
    assert!(!fires(&pushed_to(Some("origin/x")), &config), "names are whole");
    let both = rule("remotes: [origin, upstream]");
    assert!(fires(&pushed_to(Some("upstream")), &both));
    assert_eq!(
        verdict(&pushed_to(None), &both),
        (
            false,
            "it is for remotes origin, upstream only, and this went to an address that is no remote of this repository"
                .into()
        )
    );
}

#[test]
fn tags_are_pushed_to_remotes_too() {
    let config = rule("tags: [\"v*\"], remotes: [backup]");
    assert!(!fires(&tagged("v1"), &config), "it went to origin");
    let to_backup = Event {
        remote: Some("backup".into()),
        ..tagged("v1")
    };
    assert!(fires(&to_backup, &config));
}

#[test]
fn remotes_are_nothing_to_other_events() {
    let config = rule("remotes: [origin]");
    for kind in [Kind::PostCommit, Kind::PostReceive, Kind::Manual] {
        for remote in [None, Some("backup")] {
            let event = Event {
                kind,
                ..pushed_to(remote)
            };
            assert!(fires(&event, &config), "{kind} {remote:?}");
        }
    }
}

#[test]
fn a_reference_that_is_neither_branch_nor_tag_never_may_fire() {
    let config = file("  - { job: a }\n  - { job: b, branches: [\"**\"], tags: [\"**\"] }\n");
    for reference in [
        "refs/for/main",
        "refs/notes/commits",
        "HEAD",
        "main",
        "refs/heads",
        "",
    ] {
        assert!(
            !plan::may_fire(&config, Kind::PostPush, reference.into(), None),
            "{reference}"
        );
    }
    for reference in ["refs/heads/main", "refs/tags/v1"] {
        assert!(
            plan::may_fire(&config, Kind::PostPush, reference.into(), None),
            "{reference}"
        );
    }
}
