//! What the command line adds, and what a push option replaces.

use jenkins_trigger::event::{Event, Kind};
use jenkins_trigger::plan::{self, Plan, Wishes};

use crate::helpers::{file, on, shown, surroundings};

fn wished(jobs: &str, wishes: &Wishes) -> Plan {
    let event = Event {
        kind: Kind::Manual,
        ..on("main")
    };
    plan::plan(&event, &file(jobs), &surroundings(), wishes)
}

const JOBS: &str = "  - { name: app, job: x, parameters: { A: \"1\", B: \"2\" } }\n  - { job: y }\n  - { name: app2, job: z, branches: [other] }\n";

#[test]
fn only_the_named_rules_fire() {
    let only = |names: &[&str]| {
        let wishes = Wishes {
            only: names.iter().map(|name| (*name).into()).collect(),
            ..Wishes::default()
        };
        let plan = wished(JOBS, &wishes);
        plan.verdicts
            .iter()
            .map(|verdict| verdict.reason.to_string())
            .zip(plan.verdicts.iter().map(|v| v.fires))
            .collect::<Vec<_>>()
    };
    let every = "it has no `branches`, so every branch matches".to_owned();
    let other = "`--only` names another rule".to_owned();
    assert_eq!(
        only(&["app"]),
        [
            (every.clone(), true),
            (other.clone(), false),
            (other.clone(), false)
        ]
    );
    assert_eq!(
        only(&["y"]),
        [
            (other.clone(), false),
            (every.clone(), true),
            (other.clone(), false)
        ],
        "a job's name is its rule's"
    );
    let pattern = "no pattern matches branch main".to_owned();
    assert_eq!(
        only(&["app2", "y"]),
        [(other, false), (every, true), (pattern, false)],
        "asking is no reason to fire"
    );
    assert!(only(&[])[0].1);
}

#[test]
fn parameters_replace_in_place_and_join_at_the_end() {
    let wishes = Wishes {
        parameters: vec![
            ("A".into(), "x".into()),
            ("NEW".into(), "".into()),
            ("BRANCH".into(), "y".into()),
            ("A".into(), "z".into()),
        ],
        ..Wishes::default()
    };
    let plan = wished(JOBS, &wishes);
    let expected =
        [("BRANCH", "y"), ("A", "z"), ("B", "2"), ("NEW", "")].map(|(name, value)| (name, value.to_owned()));
    assert_eq!(shown(&plan.triggers[0]), expected);
    let expected = [("BRANCH", "y"), ("A", "z"), ("NEW", "")].map(|(name, value)| (name, value.to_owned()));
    assert_eq!(shown(&plan.triggers[1]), expected, "they count for every rule");
}

#[test]
fn parameters_that_make_two_triggers_the_same_make_them_one() {
    let jobs = "  - { name: one, job: x, parameters: { A: \"1\" } }\n  - { name: two, job: x, parameters: { A: \"2\" } }\n";
    let wishes = Wishes {
        parameters: vec![("A".into(), "3".into())],
        ..Wishes::default()
    };
    let plan = wished(jobs, &wishes);
    assert_eq!(plan.triggers.len(), 1);
    assert_eq!(plan.triggers[0].rules, [0, 1]);
}

#[test]
fn a_value_by_hand_is_no_template() {
    let wishes = Wishes {
        parameters: vec![("A".into(), "${sha} $$".into())],
        ..Wishes::default()
    };
    assert_eq!(
        shown(&wished("  - { job: x }\n", &wishes).triggers[0])[1],
        ("A", "${sha} $$".into())
    );
}

/// Whoever pushes fills in what the file leaves open, and nothing else.
#[test]
fn a_replacement_counts_for_rules_that_name_the_parameter_and_for_no_other() {
    let jobs = "  - { name: names, job: x, parameters: { A: \"1\", B: \"2\" } }\n\
                \x20 - { name: leaves-out, job: y, parameters: { B: \"${tag}\", C: \"3\" } }\n\
                \x20 - { name: none, job: z }\n";
    let wishes = Wishes {
        replacements: vec![
            ("B".into(), "first".into()),
            ("BRANCH".into(), "evil".into()),
            ("NEW".into(), "new".into()),
            ("b".into(), "lower".into()),
            ("B".into(), "${sha} $$ \u{e9}".into()),
        ],
        ..Wishes::default()
    };
    let plan = wished(jobs, &wishes);
    let shown: Vec<_> = plan.triggers.iter().map(shown).collect();
    let pairs = |pairs: &[(&'static str, &str)]| -> Vec<_> {
        pairs
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect()
    };
    assert_eq!(
        shown,
        [
            pairs(&[("BRANCH", "main"), ("A", "1"), ("B", "${sha} $$ \u{e9}")]),
            pairs(&[("BRANCH", "main"), ("B", "${sha} $$ \u{e9}"), ("C", "3")]),
            pairs(&[("BRANCH", "main")]),
        ]
    );
}
