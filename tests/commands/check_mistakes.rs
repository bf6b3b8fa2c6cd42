//! `check`: mistakes are shown where they are, with what to write instead.

use crate::helpers::{filtered, home};

fn checked(file: &str) -> String {
    let home = home();
    let ran = home.repository("shop", file).tool(&["check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    ran.stderr
}

fn with_rule(rule: &str) -> String {
    format!("version: 1\nserver: https://ci.example.com\njobs:\n  - job: shop/deploy\n    {rule}\n")
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one() {
    insta::assert_snapshot!(checked(&with_rule("brances: [main]")), @"
    error: unknown key `brances` in a rule
     --> .jenkins-trigger.yml:5:5
      |
    5 |     brances: [main]
      |     ^^^^^^^
      |
      = help: did you mean `branches`?
    ");
}

#[test]
fn a_duplicate_key_is_shown() {
    insta::assert_snapshot!(checked(&with_rule("job: shop/other")), @"
    error: duplicate key `job`, first on line 4
     --> .jenkins-trigger.yml:5:5
      |
    5 |     job: shop/other
      |     ^^^
      |
      = help: keep one of the two; several jobs for one branch need a list of rules
    ");
}

#[test]
fn a_missing_version_is_said() {
    insta::assert_snapshot!(checked("server: https://ci.example.com\njobs:\n  main: shop/deploy\n"), @"
    error: no `version`
     --> .jenkins-trigger.yml:1:1
      |
    1 | server: https://ci.example.com
      | ^
      |
      = help: add `version: 1` as the first line
    ");
}

#[test]
fn a_version_of_the_future_is_said() {
    insta::assert_snapshot!(checked("version: 2\nserver: https://ci.example.com\njobs: {}\n"), @"
    error: this release reads version 1; version 2 needs a newer jenkins-trigger
     --> .jenkins-trigger.yml:1:10
      |
    1 | version: 2
      |          ^
      |
      = help: update jenkins-trigger, or write the file for `version: 1`
    ");
}

#[test]
fn the_key_that_yaml_takes_for_true_is_explained() {
    insta::assert_snapshot!(checked(&with_rule("on: [post-push]")), @"
    error: unknown key `on` in a rule
     --> .jenkins-trigger.yml:5:5
      |
    5 |     on: [post-push]
      |     ^^
      |
      = help: write `events: [post-push]`; YAML 1.1 reads `on` as true
    ");
}

#[test]
fn a_pattern_that_cannot_match_is_shown_with_its_repair() {
    insta::assert_snapshot!(checked(&with_rule("branches: [\"release**\"]")), @r#"
    error: `**` must be a whole component, between `/` and `/`
     --> .jenkins-trigger.yml:5:24
      |
    5 |     branches: ["release**"]
      |                        ^^
      |
      = help: write `release*` within one component, or `release/**` over several
    "#);
}

#[test]
fn a_password_in_a_url_is_masked() {
    let shown =
        checked("version: 1\nserver: https://bob:hunter2canary@ci.example.com\njobs:\n  main: shop/deploy\n");
    assert!(!shown.contains("hunter2canary"));
    insta::assert_snapshot!(shown, @"
    error: a user and password in a URL
     --> .jenkins-trigger.yml:2:9
      |
    2 | server: https://•••@ci.example.com
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: remove all up to the `@`; credentials are kept by: jenkins-trigger login
    ");
}

#[test]
fn a_token_in_the_file_is_masked() {
    let shown = checked(&with_rule(
        "parameters: { DEPLOY_TOKEN: 11e89fbc2a5f4c6d8b9a0c1d2e3f405162 }",
    ));
    assert!(!shown.contains("11e89fbc"), "{shown}");
    insta::assert_snapshot!(shown, @"
    error: this looks like a Jenkins API token; nothing secret belongs in this file
     --> .jenkins-trigger.yml:5:33
      |
    5 |     parameters: { DEPLOY_TOKEN: •••
      |                                 ^^^
      |
      = help: remove it here and revoke it: it may be in the history already. Credentials are kept by `jenkins-trigger login`, a job's trigger token, with `token_from: NAME` here, by `jenkins-trigger login --job-token NAME`
    ");
}

#[test]
fn a_parameter_named_like_a_field_of_the_protocol_is_refused() {
    insta::assert_snapshot!(checked(&with_rule("parameters: { delay: now }")), @"
    error: Jenkins takes a parameter named `delay` for a part of its protocol
     --> .jenkins-trigger.yml:5:19
      |
    5 |     parameters: { delay: now }
      |                   ^^^^^
      |
      = help: for a delay write `delay: 30s` in the rule; else rename the parameter in the job
    ");
}

#[test]
fn a_variable_that_is_unknown_or_not_declared_is_refused() {
    insta::assert_snapshot!(checked(&with_rule("parameters: { A: \"${brnch}\" }")), @r#"
    error: unknown name `brnch`
     --> .jenkins-trigger.yml:5:23
      |
    5 |     parameters: { A: "${brnch}" }
      |                       ^^^^^^^^
      |
      = help: did you mean `${branch}`?
    "#);
    insta::assert_snapshot!(checked(&with_rule("parameters: { A: \"${env.HOME}\" }")), @r#"
    error: the environment variable `HOME` is not listed under `env`
     --> .jenkins-trigger.yml:5:23
      |
    5 |     parameters: { A: "${env.HOME}" }
      |                       ^^^^^^^^^^
      |
      = help: add it at the top of the file: `env: [HOME]`
    "#);
}

#[test]
fn a_delay_without_its_unit_is_refused() {
    insta::assert_snapshot!(checked(&with_rule("delay: 30")), @"
    error: the delay `30` has no unit; to Jenkins a bare number is milliseconds
     --> .jenkins-trigger.yml:5:12
      |
    5 |     delay: 30
      |            ^^
      |
      = help: write `delay: 30s` for seconds, or `m`, `h`
    ");
}

#[test]
fn what_is_no_yaml_is_shown_with_its_place() {
    insta::assert_snapshot!(checked("version: 1\njobs:\n\tmain: shop/deploy\n"), @"
    error: a tab where YAML needs spaces
     --> .jenkins-trigger.yml:3:1
      |
    3 |  main: shop/deploy
      | ^
      |
      = help: indent with spaces
    ");
}

#[test]
fn an_empty_file_is_said() {
    let shown = checked(" \n");
    assert!(shown.starts_with("error: the file is empty\n"), "{shown}");
    assert!(
        shown.lines().any(|line| line.trim() == "version: 1"),
        "an example to copy:\n{shown}"
    );
}

#[test]
fn a_file_that_is_no_text_is_said() {
    let home = home();
    let repository = home.repository("shop", "");
    repository.write(".jenkins-trigger.yml", b"version: 1\nserver: \xff\n");
    let ran = repository.tool(&["check"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stderr, @"
    error: the file is not UTF-8 text
     --> .jenkins-trigger.yml:2:9
      |
    2 | server: 
      |         ^
      |
      = help: save it with the encoding UTF-8
    ");
}

#[test]
fn control_characters_in_the_file_are_shown_not_obeyed() {
    let shown = checked(&with_rule("\"\\e[2Jbranches\": [main]"));
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let shown = checked(&with_rule("\u{202e}branches: [main]"));
    assert!(!shown.contains('\u{202e}'), "{shown:?}");
}

#[test]
fn a_mistake_in_json() {
    let home = home();
    let ran = home
        .repository("shop", &with_rule("brances: [main]"))
        .tool(&["check", "--json"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 1
        ----- stdout -----
        {"valid":false,"file":".jenkins-trigger.yml","line":5,"column":5,"message":"unknown key `brances` in a rule","help":"did you mean `branches`?"}
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_password_is_not_in_the_json_either() {
    let home = home();
    let file = "version: 1\nserver: https://bob:hunter2canary@ci.example.com\njobs:\n  main: shop/deploy\n";
    let ran = home.repository("shop", file).tool(&["check", "--json"]);
    assert_eq!(ran.code, 1);
    assert!(!ran.whole().contains("hunter2canary"), "{}", ran.whole());
}

#[test]
fn a_file_that_is_too_large_is_refused_whatever_is_in_it() {
    let shown = checked(&format!("version: 1\n# {}\n", "x".repeat(1 << 20)));
    assert!(shown.contains("1 MiB"), "{shown}");
}

#[test]
fn the_commands_that_read_the_file_show_the_same_mistake() {
    let home = home();
    let repository = home.repository("shop", &with_rule("brances: [main]"));
    repository.commit("first");
    let expected = repository.tool(&["check"]).stderr;
    for command in [&["install", "post-commit"][..], &["trigger"], &["trust"]] {
        let ran = repository.tool(command);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (1, "", expected.as_str()),
            "{command:?}"
        );
    }
}
