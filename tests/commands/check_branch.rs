//! `check --branch`: which rules fire, and which pattern decided.

use serde_json::Value;

use crate::helpers::{filtered, home};
use crate::support::with_each_git;

const FILE: &str = r#"version: 1
server: https://ci.example.com
jobs:
  - { name: all, job: shop/all }
  - { name: included, job: shop/a, branches: ["main", "feature/**"] }
  - { name: excluded, job: shop/b, branches: ["**", "!feature/**"] }
  - { name: back-in, job: shop/c, branches: ["**", "!feature/**", "feature/x"] }
  - { name: only-excluding, job: shop/d, branches: ["!dependabot/**"] }
  - { name: no-pattern, job: shop/e, branches: ["release/**"] }
  - { name: only-tags, job: shop/f, tags: ["v*"] }
  - { name: push-only, job: shop/g, events: [post-push], delay: 30s }
  - { name: docs, job: shop/h, paths: ["docs/**"], parameters: { SHA: "${sha}", AUTHOR: "${author_name}" } }
"#;

#[test]
fn each_rule_says_which_pattern_decided() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.commit("first");
    repository.git(&["branch", "feature/x"]);
    let ran = repository.tool(&["check", "--branch", "feature/x"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        fires     all → shop/all on post-commit, post-push, post-receive: it has no `branches`, so every branch matches
                    BRANCH=feature/x
        fires     included → shop/a on post-commit, post-push, post-receive: branch feature/x matches `feature/**`
                    BRANCH=feature/x
        does not  excluded → shop/b: branch feature/x is excluded by `!feature/**`
        fires     back-in → shop/c on post-commit, post-push, post-receive: branch feature/x matches `feature/x`
                    BRANCH=feature/x
        fires     only-excluding → shop/d on post-commit, post-push, post-receive: branch feature/x is not excluded, and the list only excludes
                    BRANCH=feature/x
        does not  no-pattern → shop/e: no pattern matches branch feature/x
        does not  only-tags → shop/f: it has only `tags`, and this is a branch
        fires     push-only → shop/g on post-push: it has no `branches`, so every branch matches
                    BRANCH=feature/x
        does not  docs → shop/h: no changed file matches its path filter
        ----- stderr -----
        ");
    });
}

#[test]
fn one_event_can_be_asked_about() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.commit("first");
    let ran = repository.tool(&["check", "--branch", "main", "--event", "post-commit"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        fires     all → shop/all on post-commit: it has no `branches`, so every branch matches
                    BRANCH=main
        fires     included → shop/a on post-commit: branch main matches `main`
                    BRANCH=main
        fires     excluded → shop/b on post-commit: branch main matches `**`
                    BRANCH=main
        fires     back-in → shop/c on post-commit: branch main matches `**`
                    BRANCH=main
        fires     only-excluding → shop/d on post-commit: branch main is not excluded, and the list only excludes
                    BRANCH=main
        does not  no-pattern → shop/e: no pattern matches branch main
        does not  only-tags → shop/f: it has only `tags`, and this is a branch
        does not  push-only → shop/g: its `events` do not list post-commit
        does not  docs → shop/h: no changed file matches its path filter
        ----- stderr -----
        ");
    });
}

#[test]
fn a_branch_that_does_not_exist_yet_is_explained_too() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.commit("first");
    let ran = repository.tool(&["check", "--branch", "dependabot/npm", "--event", "post-push"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        fires     all → shop/all on post-push: it has no `branches`, so every branch matches
                    BRANCH=dependabot/npm
        does not  included → shop/a: no pattern matches branch dependabot/npm
        fires     excluded → shop/b on post-push: branch dependabot/npm matches `**`
                    BRANCH=dependabot/npm
        fires     back-in → shop/c on post-push: branch dependabot/npm matches `**`
                    BRANCH=dependabot/npm
        does not  only-excluding → shop/d: branch dependabot/npm is excluded by `!dependabot/**`
        does not  no-pattern → shop/e: no pattern matches branch dependabot/npm
        does not  only-tags → shop/f: it has only `tags`, and this is a branch
        fires     push-only → shop/g on post-push: it has no `branches`, so every branch matches
                    BRANCH=dependabot/npm
        fires     docs → shop/h on post-push: it has no `branches`, so every branch matches
                    BRANCH=dependabot/npm
                    SHA=[SHA]
                    it counts as matched whatever changed: there is no such commit yet
        ----- stderr -----
        note: there is no branch dependabot/npm here; its commit is shown as zeros
        ");
    });
}

#[test]
fn it_explains_in_a_repository_without_a_commit() {
    with_each_git(|home| {
        let ran = home
            .repository("shop", FILE)
            .tool(&["check", "--branch", "main"])
            .succeeded();
        assert!(
            ran.stdout.starts_with("fires     all → shop/all on "),
            "{}",
            ran.whole()
        );
    });
}

#[test]
fn the_changed_paths_of_the_tip_count() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.commit("first");
        repository.write("docs/a.md", "a");
        repository.commit("documents");
        let explained = |repository: &crate::support::Repository<'_>| {
            let ran = repository
                .tool(&["check", "--branch", "main", "--json"])
                .succeeded();
            let lines = ran
                .stdout
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            lines
                .into_iter()
                .find(|line| line["rule"] == "docs")
                .expect("the rule")
        };
        let found = explained(&repository);
        assert_eq!(found["fires"], true, "{found}");
        let head = repository.head();
        assert_eq!(
            found["parameters"],
            serde_json::json!([["BRANCH", "main"], ["SHA", head], ["AUTHOR", "Ada"]])
        );
        repository.write("src/a.rs", "a");
        repository.commit("source");
        let found = explained(&repository);
        assert_eq!(
            (&found["fires"], &found["reason"]),
            (&false.into(), &"no changed file matches its path filter".into())
        );
    });
}

#[test]
fn a_skip_marker_in_the_tips_message_is_the_reason() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.commit("first [skip ci]");
    let ran = repository.tool(&["check", "--branch", "main"]).succeeded();
    assert!(!ran.stdout.contains("fires  "), "{}", ran.whole());
    assert!(
        ran.stdout
            .contains("does not  all → shop/all: the commit's message says [skip ci]"),
        "{}",
        ran.whole()
    );
}

#[test]
fn two_rules_of_one_job_are_explained_each_with_its_own_parameters() {
    let home = home();
    let file = "version: 1\nserver: https://ci.example.com\njobs:\n  - { job: a, parameters: { X: one } }\n  - { job: a, parameters: { X: two } }\n";
    let repository = home.repository("shop", file);
    repository.commit("first");
    let ran = repository.tool(&["check", "--branch", "main"]).succeeded();
    let found: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("X="))
        .map(str::trim)
        .collect();
    assert_eq!(found, ["X=one", "X=two"], "{}", ran.whole());
}

#[test]
fn an_event_needs_a_branch() {
    let home = home();
    let ran = home
        .repository("shop", FILE)
        .tool(&["check", "--event", "post-push"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("--branch"), "{}", ran.whole());
}
