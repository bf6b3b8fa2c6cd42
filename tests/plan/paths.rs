//! `paths` and `paths_ignore`.

use jenkins_trigger::event::{ChangedPaths, Event, Kind};
use jenkins_trigger::plan;

use crate::helpers::{fires, on, plan_of, rule, verdict};

fn changing(paths: &[&str]) -> Event {
    let paths = paths.iter().map(|path| (*path).into()).collect();
    Event {
        changed: ChangedPaths::Known(paths),
        ..on("main")
    }
}

#[test]
fn one_changed_file_that_matches_is_enough() {
    let config = rule("paths: [\"src/**\", \"Cargo.*\"]");
    assert!(fires(&changing(&["README.md", "src/a/b.rs"]), &config));
    assert!(fires(&changing(&["Cargo.lock"]), &config));
    let said = "no changed file matches its path filter";
    assert_eq!(
        verdict(&changing(&["README.md", "docs/src/x"]), &config),
        (false, said.into())
    );
}

#[test]
fn a_change_of_ignored_files_only_is_no_match() {
    let config = rule("paths_ignore: [\"**/*.md\", \"docs/**\"]");
    assert!(!fires(&changing(&["README.md", "docs/a.png"]), &config));
    assert!(fires(&changing(&["README.md", "src/a.rs"]), &config));
}

#[test]
fn one_and_the_same_file_must_be_wanted_and_not_ignored() {
    let config = rule("paths: [\"src/**\"], paths_ignore: [\"**/*.md\"]");
    assert!(fires(&changing(&["src/a.rs"]), &config));
    assert!(!fires(&changing(&["src/README.md", "build.rs"]), &config));
}

#[test]
fn no_changed_file_is_no_match() {
    assert!(!fires(&changing(&[]), &rule("paths: [\"**\"]")));
    assert!(!fires(&changing(&[]), &rule("paths_ignore: [\"docs/**\"]")));
    assert!(
        fires(&changing(&[]), &rule("")),
        "without a filter nothing has to have changed"
    );
}

#[test]
fn unknown_paths_count_as_a_match_and_that_is_noted() {
    let event = Event {
        changed: ChangedPaths::Unknown("more than 3000 files changed".into()),
        ..on("main")
    };
    let plan = plan_of(&event, &rule("paths: [\"src/**\"]"));
    assert!(plan.verdicts[0].fires);
    let note = plan.verdicts[0].note.as_deref();
    assert_eq!(
        note,
        Some("counts as matched whatever changed: more than 3000 files changed")
    );
    let plan = plan_of(&event, &rule(""));
    assert_eq!(
        plan.verdicts[0].note, None,
        "a rule without a filter has nothing to note"
    );
    let plan = plan_of(&event, &rule("paths: [\"src/**\"], branches: [other]"));
    assert_eq!(plan.verdicts[0].note, None, "nor has one that does not fire");
}

#[test]
fn a_trigger_by_hand_goes_past_paths() {
    let event = Event {
        kind: Kind::Manual,
        ..changing(&["README.md"])
    };
    let plan = plan_of(&event, &rule("paths: [\"src/**\"]"));
    assert!(plan.verdicts[0].fires);
}

#[test]
fn paths_are_asked_for_only_where_a_rule_filters_them() {
    assert!(plan::needs_changed_paths(&rule("paths: [a]")));
    assert!(plan::needs_changed_paths(&rule("paths_ignore: [a]")));
    assert!(!plan::needs_changed_paths(&rule("")));
}
