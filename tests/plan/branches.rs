//! `branches`, `tags` and `events`.

use jenkins_trigger::event::{Event, Kind};

use crate::helpers::{file, fires, on, plan_of, rule, tagged, verdict};

#[test]
fn the_short_form_maps_each_branch_to_its_job() {
    let config = file("  main: shop/deploy\n  \"release/**\": shop/release\n  \"**\": shop/all\n");
    let jobs = |branch: &str| -> Vec<String> {
        plan_of(&on(branch), &config)
            .triggers
            .into_iter()
            .map(|trigger| trigger.job)
            .collect()
    };
    assert_eq!(jobs("main"), ["shop/deploy", "shop/all"]);
    assert_eq!(jobs("release/1.0/fix"), ["shop/release", "shop/all"]);
    assert_eq!(jobs("topic"), ["shop/all"]);
}

#[test]
fn a_rule_without_patterns_takes_every_branch_and_no_tag() {
    let config = rule("");
    assert_eq!(
        verdict(&on("any/thing"), &config),
        (true, "it has no `branches`, so every branch matches".into())
    );
    assert_eq!(
        verdict(&tagged("v1"), &config),
        (false, "it has no `tags`, and this is a tag".into())
    );
}

#[test]
fn the_last_pattern_that_matches_wins() {
    let config = rule("branches: [\"**\", \"!feature/**\", \"feature/keep\"]");
    assert_eq!(
        verdict(&on("main"), &config),
        (true, "branch main matches `**`".into())
    );
    assert_eq!(
        verdict(&on("feature/x"), &config),
        (false, "branch feature/x is excluded by `!feature/**`".into())
    );
    assert_eq!(
        verdict(&on("feature/keep"), &config),
        (true, "branch feature/keep matches `feature/keep`".into())
    );
    let turned = rule("branches: [\"feature/keep\", \"!feature/**\", \"**\"]");
    assert!(fires(&on("feature/x"), &turned));
    let last = rule("branches: [\"**\", \"feature/keep\", \"!feature/**\"]");
    assert!(!fires(&on("feature/keep"), &last));
}

#[test]
fn a_list_that_only_excludes_starts_from_everything() {
    let config = rule("branches: [\"!wip/**\", \"!tmp\"]");
    let said = "branch main is not excluded, and the list only excludes";
    assert_eq!(verdict(&on("main"), &config), (true, said.into()));
    assert!(!fires(&on("wip/x"), &config));
    assert!(!fires(&on("tmp"), &config));
}

#[test]
fn a_branch_that_no_pattern_matches_is_out() {
    let config = rule("branches: [main, \"!dev\"]");
    assert_eq!(
        verdict(&on("topic"), &config),
        (false, "no pattern matches branch topic".into())
    );
    assert!(!fires(&on("Main"), &config), "case counts");
    assert!(
        !fires(&on("main2"), &config) && !fires(&on("x/main"), &config),
        "patterns are anchored"
    );
    assert!(!fires(&on("refs/heads/main"), &config), "the short name counts");
}

#[test]
fn a_rule_with_only_tags_takes_no_branch() {
    let config = rule("tags: [\"v[0-9]*\"]");
    assert_eq!(
        verdict(&on("v1"), &config),
        (false, "it has only `tags`, and this is a branch".into())
    );
    assert_eq!(
        verdict(&tagged("v1"), &config),
        (true, "tag v1 matches `v[0-9]*`".into())
    );
    assert_eq!(
        verdict(&tagged("latest"), &config),
        (false, "no pattern matches tag latest".into())
    );
}

#[test]
fn a_rule_with_both_takes_both_each_by_its_own_list() {
    let config = rule("branches: [main], tags: [\"v*\", \"!v0*\"]");
    assert!(fires(&on("main"), &config) && fires(&tagged("v1"), &config));
    assert!(!fires(&on("v1"), &config) && !fires(&tagged("main"), &config));
    assert_eq!(
        verdict(&tagged("v0.1"), &config),
        (false, "tag v0.1 is excluded by `!v0*`".into())
    );
}

#[test]
fn a_reference_that_is_neither_branch_nor_tag_fires_nothing() {
    let event = Event {
        branch: None,
        reference: "refs/notes/commits".into(),
        ..on("main")
    };
    let config = file("  - { job: a }\n  - { job: b, branches: [\"**\"], tags: [\"**\"] }\n");
    assert!(plan_of(&event, &config).triggers.is_empty());
}

#[test]
fn a_name_that_is_no_utf8_is_matched_by_its_bytes() {
    let event = Event {
        branch: Some(b"fix/\xfc"[..].into()),
        ..on("main")
    };
    assert!(fires(&event, &rule("branches: [\"fix/?\"]")));
    assert!(fires(&event, &rule("branches: [\"**\"]")));
    assert!(!fires(&event, &rule("branches: [\"fix/ü\"]")));
}

#[test]
fn a_rule_listens_to_the_events_it_lists() {
    let config = rule("events: [post-push, post-receive]");
    let of = |kind: Kind| Event { kind, ..on("main") };
    assert_eq!(
        verdict(&of(Kind::PostCommit), &config),
        (false, "its `events` do not list post-commit".into())
    );
    assert!(fires(&of(Kind::PostPush), &config) && fires(&of(Kind::PostReceive), &config));
    for kind in [Kind::PostCommit, Kind::PostPush, Kind::PostReceive] {
        assert!(fires(&of(kind), &rule("")), "without `events` all three count");
    }
}

#[test]
fn a_trigger_by_hand_goes_past_events() {
    let by_hand = Event {
        kind: Kind::Manual,
        ..on("main")
    };
    assert!(fires(&by_hand, &rule("events: [post-receive]")));
    assert!(!fires(&by_hand, &rule("branches: [other]")));
}

#[test]
fn every_rule_has_its_verdict_in_the_files_order() {
    let config = file("  - { job: a }\n  - { job: b, branches: [x] }\n  - { job: c, tags: [x] }\n");
    let plan = plan_of(&on("main"), &config);
    let found: Vec<_> = plan
        .verdicts
        .iter()
        .map(|verdict| (verdict.rule, verdict.fires))
        .collect();
    assert_eq!(found, [(0, true), (1, false), (2, false)]);
}
