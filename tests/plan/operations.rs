//! Skip markers and `skip.while`.

use jenkins_trigger::event::{Event, Kind, Operation};

use crate::helpers::{file_with, fires, on, rule, verdict, with_message};

#[test]
fn each_marker_in_any_case_and_any_place_skips() {
    let config = rule("");
    for marker in [
        "[skip ci]",
        "[ci skip]",
        "[no ci]",
        "[skip jenkins]",
        "[jenkins skip]",
    ] {
        for message in [
            marker.to_owned(),
            marker.to_uppercase(),
            format!("A subject {marker}"),
            format!("A subject\n\na body with {marker} in it\n"),
        ] {
            let said = format!("the commit's message says {marker}");
            assert_eq!(
                verdict(&with_message(&message), &config),
                (false, said),
                "{message:?}"
            );
        }
    }
}

#[test]
fn the_trailer_skips_in_the_last_paragraph_only() {
    let config = rule("");
    for message in [
        "A subject\n\nskip-checks: true\n",
        "A subject\n\nbody\n\nSigned-off-by: Ada\nSkip-Checks: TRUE\n",
        "A subject\n\nskip-checks:true",
        "A subject\r\n\r\nskip-checks: true\r\n",
    ] {
        let said = "the commit's message says skip-checks: true".to_owned();
        assert_eq!(
            verdict(&with_message(message), &config),
            (false, said),
            "{message:?}"
        );
    }
    for message in [
        "A subject\n\nskip-checks: true\n\nmore body\n",
        "A subject\n\nskip-checks: false\n",
        "A subject\n\nnot skip-checks: true\n",
    ] {
        assert!(fires(&with_message(message), &config), "{message:?}");
    }
}

#[test]
fn what_only_looks_like_a_marker_does_not_skip() {
    for message in [
        "skip ci",
        "[skip  ci]",
        "[skip-ci]",
        "[skip\nci]",
        "[skip ci",
        "[noci]",
        "",
    ] {
        assert!(fires(&with_message(message), &rule("")), "{message:?}");
    }
}

#[test]
fn a_rule_or_the_file_can_ignore_markers() {
    let event = with_message("A subject [skip ci]");
    assert!(fires(&event, &rule("skip_ci: false")));
    assert!(!fires(&event, &rule("skip_ci: true")));
    let off = file_with("skip: { markers: false }\n", "  - { job: x }\n");
    assert!(fires(&event, &off));
}

#[test]
fn a_trigger_by_hand_goes_past_markers_and_operations() {
    let event = Event {
        kind: Kind::Manual,
        operations: vec![Operation::Rebase, Operation::Bisect],
        ..with_message("A subject [skip ci]")
    };
    assert!(fires(&event, &rule("")));
}

#[test]
fn a_rebase_and_a_bisect_are_skipped_unless_the_file_says_otherwise() {
    let during = |operation: Operation| Event {
        operations: vec![operation],
        ..on("main")
    };
    let usual = rule("");
    let said = "a rebase or git am is in progress (`skip.while`)";
    assert_eq!(verdict(&during(Operation::Rebase), &usual), (false, said.into()));
    assert!(!fires(&during(Operation::Bisect), &usual));
    for operation in [Operation::CherryPick, Operation::Revert, Operation::Merge] {
        assert!(fires(&during(operation), &usual), "{operation:?}");
    }
    let none = file_with("skip: { while: [] }\n", "  - { job: x }\n");
    assert!(fires(&during(Operation::Rebase), &none) && fires(&during(Operation::Bisect), &none));
}

#[test]
fn each_operation_can_be_listed() {
    let operations = [
        ("rebase", Operation::Rebase, "a rebase or git am is in progress"),
        ("bisect", Operation::Bisect, "a bisect is in progress"),
        (
            "cherry-pick",
            Operation::CherryPick,
            "the commit is a cherry-pick",
        ),
        ("revert", Operation::Revert, "the commit is a revert"),
        ("merge", Operation::Merge, "the commit is a merge"),
    ];
    for (word, listed, said) in operations {
        let config = file_with(&format!("skip: {{ while: [{word}] }}\n"), "  - { job: x }\n");
        for (_, operation, _) in operations {
            let event = Event {
                operations: vec![operation],
                ..on("main")
            };
            let expected = operation != listed;
            let (fires, reason) = verdict(&event, &config);
            assert_eq!(fires, expected, "{word} {operation:?}");
            assert!(expected || reason == format!("{said} (`skip.while`)"), "{reason}");
        }
    }
}

#[test]
fn a_branch_that_does_not_match_is_the_reason_before_any_marker() {
    let event = with_message("A subject [skip ci]");
    let (fires, reason) = verdict(&event, &rule("branches: [other]"));
    assert_eq!(
        (fires, reason.as_str()),
        (false, "no pattern matches branch main")
    );
}
