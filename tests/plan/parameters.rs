//! The branch parameter and the others.

use jenkins_trigger::config;
use jenkins_trigger::event::Event;

use crate::helpers::{file_with, on, parameters, plan_of, rule, tagged};

fn pairs(found: &[(String, String)]) -> Vec<(&str, &str)> {
    found
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[test]
fn the_branch_goes_into_branch_by_itself() {
    assert_eq!(
        pairs(&parameters(&on("feature/x"), &rule(""))),
        [("BRANCH", "feature/x")]
    );
}

#[test]
fn a_rule_can_name_its_parameter_or_pass_none() {
    assert_eq!(
        pairs(&parameters(&on("main"), &rule("branch_parameter: GIT_REF"))),
        [("GIT_REF", "main")]
    );
    assert!(parameters(&on("main"), &rule("branch_parameter: false")).is_empty());
}

#[test]
fn the_files_default_names_it_for_rules_that_do_not() {
    let jobs =
        "  - { job: a }\n  - { job: b, branch_parameter: B }\n  - { job: c, branch_parameter: false }\n";
    let config = file_with("defaults: { branch_parameter: REF }\n", jobs);
    let plan = plan_of(&on("main"), &config);
    let names: Vec<Vec<&str>> = plan
        .triggers
        .iter()
        .map(|t| t.parameters.iter().map(|(name, _)| name.as_str()).collect())
        .collect();
    assert_eq!(names, [vec!["REF"], vec!["B"], vec![]]);
    let off = file_with("defaults: { branch_parameter: false }\n", jobs);
    let plan = plan_of(&on("main"), &off);
    assert!(plan.triggers[0].parameters.is_empty());
    assert_eq!(plan.triggers[1].parameters.len(), 1);
}

#[test]
fn a_tag_is_passed_only_where_the_rule_says_in_which_parameter() {
    assert!(parameters(&tagged("v1"), &rule("tags: [\"v*\"]")).is_empty());
    let config = file_with(
        "defaults: { branch_parameter: REF }\n",
        "  - { job: x, tags: [\"v*\"] }\n",
    );
    assert!(
        parameters(&tagged("v1"), &config).is_empty(),
        "a default of the file is not the rule's word"
    );
    let named = rule("tags: [\"v*\"], branch_parameter: TAG");
    assert_eq!(pairs(&parameters(&tagged("v1"), &named)), [("TAG", "v1")]);
    let as_parameter = rule("tags: [\"v*\"], parameters: { TAG: \"${tag}\" }");
    assert_eq!(pairs(&parameters(&tagged("v1"), &as_parameter)), [("TAG", "v1")]);
}

#[test]
fn parameters_come_after_the_branch_in_the_files_order() {
    let config = rule("parameters: { Z: \"1\", A: \"2\", M: \"${branch}-x\" }");
    let found = parameters(&on("main"), &config);
    assert_eq!(
        pairs(&found),
        [("BRANCH", "main"), ("Z", "1"), ("A", "2"), ("M", "main-x")]
    );
}

#[test]
fn a_parameter_that_is_only_a_name_without_a_value_is_left_out() {
    let config = rule("parameters: { TAG: \"${tag}\", OLD: \"${old_sha}\", REMOTE: \"${remote}\" }");
    let event = Event {
        old_id: None,
        ..on("main")
    };
    assert_eq!(pairs(&parameters(&event, &config)), [("BRANCH", "main")]);
}

#[test]
fn a_name_without_a_value_among_text_is_empty() {
    let config = rule("parameters: { A: \"<${tag}>\", B: \"${tag}${remote}\", C: \"\" }");
    let found = parameters(&on("main"), &config);
    assert_eq!(pairs(&found)[1], ("A", "<>"));
    assert_eq!(
        pairs(&found).last(),
        Some(&("C", "")),
        "a text that is empty is passed"
    );
}

#[test]
fn a_default_stands_in_for_a_name_without_a_value() {
    let config = rule(
        "parameters: { A: \"${tag:-none}\", B: \"${tag:-}\", C: \"${branch:-none}\", D: \"${remote:-a:-b}\" }",
    );
    let found = parameters(&on("main"), &config);
    assert_eq!(
        pairs(&found),
        [
            ("BRANCH", "main"),
            ("A", "none"),
            ("B", ""),
            ("C", "main"),
            ("D", "a:-b")
        ]
    );
}

#[test]
fn two_dollars_are_one() {
    let config = rule("parameters: { A: \"$${branch} costs $$5\", B: \"$$\" }");
    let found = parameters(&on("main"), &config);
    assert_eq!(pairs(&found)[1..], [("A", "${branch} costs $5"), ("B", "$")]);
}

#[test]
fn a_value_is_never_read_again() {
    let found = parameters(&on("a$${sha}`id`"), &rule("parameters: { A: \"${branch}\" }"));
    assert_eq!(pairs(&found)[1], ("A", "a$${sha}`id`"));
}

#[test]
fn bytes_that_are_no_utf8_pass_as_they_are() {
    let event = Event {
        branch: Some(b"fix/\xfc"[..].into()),
        ..on("main")
    };
    let plan = plan_of(&event, &rule("parameters: { A: \"x${branch}\" }"));
    let values: Vec<&[u8]> = plan.triggers[0]
        .parameters
        .iter()
        .map(|(_, value)| value.as_slice())
        .collect();
    assert_eq!(values, [&b"fix/\xfc"[..], b"xfix/\xfc"]);
}

#[test]
fn a_parameter_named_like_the_branchs_is_an_error_of_the_file_or_replaces_it() {
    let text = "version: 1\nserver: https://ci.example.com\njobs:\n  - { job: x, parameters: { BRANCH: \"origin/${branch}\" } }\n";
    if let Ok(config) = config::read("file", text.as_bytes()) {
        assert_eq!(
            pairs(&parameters(&on("main"), &config)),
            [("BRANCH", "origin/main")],
            "never twice"
        );
    }
}
