//! What a rule asks Jenkins for: `action`, `multibranch`, `strict_parameters`.

use std::time::Duration;

use super::{HEAD, config, rule, rule_refused};
use crate::config::{Action, BranchParameter};

#[test]
fn a_rule_builds_one_job_strictly_unless_it_says_otherwise() {
    let short = config(&format!("{HEAD}jobs: {{ main: shop/build }}\n"))
        .rules
        .remove(0);
    for rule in [short, rule("branches: [main]")] {
        assert_eq!(rule.action, Action::Build);
        assert!(rule.strict_parameters);
        assert!(!rule.multibranch);
    }
    let said = rule("action: build\nstrict_parameters: false\nmultibranch: true");
    assert_eq!(said.action, Action::Build);
    assert!(!said.strict_parameters);
    assert!(said.multibranch);
    let said = rule("strict_parameters: true\nmultibranch: false");
    assert!(said.strict_parameters);
    assert!(!said.multibranch);
}

/// The branch is what the branch's job builds, so it is no parameter.
#[test]
fn a_branchs_job_gets_the_branch_only_if_the_rule_says_as_what() {
    assert_eq!(rule("multibranch: true").branch_parameter, BranchParameter::Off);
    assert_eq!(
        rule("multibranch: true\nbranch_parameter: BRANCH").branch_parameter,
        BranchParameter::Explicit("BRANCH".into())
    );
    let defaults = config(&format!(
        "{HEAD}defaults: {{ branch_parameter: Branch, delay: 30s }}\njobs:\n  - {{ job: a, multibranch: true }}\n"
    ));
    assert_eq!(defaults.rules[0].branch_parameter, BranchParameter::Off);
    assert_eq!(defaults.rules[0].delay, Some(Duration::from_secs(30)));
    let with_parameters = rule("multibranch: true\nparameters: { DEPLOY: yes }\ndelay: 5s");
    assert_eq!(with_parameters.parameters.len(), 1);
}

/// Whatever the file says for all its rules: Jenkins would drop it.
#[test]
fn a_rule_that_polls_takes_nothing_along() {
    let file = format!(
        "{HEAD}defaults: {{ branch_parameter: Branch, delay: 30s }}\njobs:\n  - {{ job: a, action: poll, branches: [main] }}\n"
    );
    let rule = config(&file).rules.remove(0);
    assert_eq!(rule.action, Action::Poll);
    assert_eq!(rule.branch_parameter, BranchParameter::Off);
    assert_eq!(rule.delay, None);
    assert!(rule.parameters.is_empty());
    assert!(!rule.coalesce);
}

#[test]
fn what_a_poll_cannot_take_along_is_refused_where_it_stands() {
    for (key, value) in [
        ("parameters", "{ A: b }"),
        ("branch_parameter", "BRANCH"),
        ("branch_parameter", "false"),
        ("strict_parameters", "false"),
        ("delay", "30s"),
        ("cause", "because"),
        ("multibranch", "true"),
    ] {
        rule_refused(&[(
            &format!("action: poll\n{key}: {value}"),
            &format!(
                "6:5 `{key}` in a rule with `action: poll`: Jenkins looks into the job's SCM and takes nothing along"
            ),
            &format!("take `{key}` out, or write `action: build`"),
        )]);
    }
    // The first of them, however they are ordered.
    rule_refused(&[(
        "coalesce: latest\ndelay: 30s\naction: poll",
        "6:5 `delay` in a rule with `action: poll`: Jenkins looks into the job's SCM and takes nothing along",
        "take `delay` out, or write `action: build`",
    )]);
}

#[test]
fn an_action_is_one_of_two() {
    for text in ["polling", "scm"] {
        rule_refused(&[(
            &format!("action: {text}"),
            &format!("5:13 unknown action `{text}`"),
            "did you mean `poll`?",
        )]);
    }
    rule_refused(&[
        (
            "action: bild",
            "5:13 unknown action `bild`",
            "did you mean `build`?",
        ),
        (
            "action: deploy",
            "5:13 unknown action `deploy`",
            "known are `build` and `poll`",
        ),
    ]);
}

#[test]
fn switches_are_true_or_false() {
    for key in ["multibranch", "strict_parameters"] {
        for value in ["maybe", "1", "[true]", "\"true\""] {
            let error = super::refusal(super::with_rule(&format!("{key}: {value}")));
            assert!(
                error.message().contains(&format!("`{key}`")),
                "{key}: {value}: {}",
                error.message()
            );
        }
    }
}
