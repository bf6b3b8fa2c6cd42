//! `check --remote` and `check --tag`: what a push to a remote would fire.

use crate::helpers::{filtered, home};
use crate::support::with_each_git;

const FILE: &str = r#"version: 1
server: https://ci.example.com
jobs:
  - { name: any, job: shop/any, parameters: { FROM: "${remote:-nowhere}" } }
  - { name: origin, job: shop/a, remotes: [origin, upstream] }
  - { name: push-origin, job: shop/b, remotes: [origin], events: [post-push] }
  - { name: backup, job: shop/c, remotes: [backup], events: [post-push] }
  - { name: tags, job: shop/d, tags: ["v*"], parameters: { TAG: "${tag}", SHA: "${sha}" } }
"#;

#[test]
fn the_table_names_the_remotes_beside_the_event() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = repository.tool(&["check"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        valid .jenkins-trigger.yml
        FOR           JOB       SERVER                   METHOD  EVENTS
        every branch  shop/any  https://ci.example.com/  api     post-commit post-push post-receive
        every branch  shop/a    https://ci.example.com/  api     post-commit post-push to origin,upstream post-receive
        every branch  shop/b    https://ci.example.com/  api     post-push to origin
        every branch  shop/c    https://ci.example.com/  api     post-push to backup
        tags v*       shop/d    https://ci.example.com/  api     post-commit post-push post-receive
        https://ci.example.com/ credentials of dev from JENKINS_API_TOKEN
        ----- stderr -----
        ");
    });
}

#[test]
fn a_push_is_explained_for_the_remote_that_is_named() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.commit("first");
    repository.git(&["remote", "add", "origin", "../origin.git"]);
    repository.git(&["remote", "add", "backup", "../backup.git"]);
    let ran = repository.tool(&["check", "--branch", "main", "--remote", "backup"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        fires     any → shop/any on post-commit, post-push, post-receive: it has no `branches`, so every branch matches
                    BRANCH=main
                    FROM=nowhere
        fires     origin → shop/a on post-commit, post-receive: it has no `branches`, so every branch matches
                    BRANCH=main
                    not on post-push: it is for remotes origin, upstream only, and this went to backup
        does not  push-origin → shop/b: it is for remote origin only, and this went to backup
        fires     backup → shop/c on post-push: it has no `branches`, so every branch matches
                    BRANCH=main
        does not  tags → shop/d: it has only `tags`, and this is a branch
        ----- stderr -----
        ");
    });
    let ran = repository.tool(&["check", "-b", "main", "-e", "post-push", "-r", "fork"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        fires     any → shop/any on post-push: it has no `branches`, so every branch matches
                    BRANCH=main
                    FROM=fork
        does not  origin → shop/a: it is for remotes origin, upstream only, and this went to fork
        does not  push-origin → shop/b: it is for remote origin only, and this went to fork
        does not  backup → shop/c: it is for remote backup only, and this went to fork
        does not  tags → shop/d: it has only `tags`, and this is a branch
        ----- stderr -----
        note: there is no remote fork here
        ");
    });
}

#[test]
fn without_a_name_it_is_the_only_remote_or_else_origin() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.commit("first");
        let explained = || {
            let check = ["check", "--branch", "main", "--event", "post-push", "--json"];
            let ran = repository.tool(&check).succeeded();
            ran.stdout
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .find(|rule: &serde_json::Value| rule["rule"] == "any")
                .expect("the rule")
        };
        let from = || explained()["parameters"][1][1].clone();
        assert_eq!(from(), "origin", "there is none");
        repository.git(&["remote", "add", "backup", "../backup.git"]);
        assert_eq!(from(), "backup");
        repository.git(&["remote", "add", "upstream", "../upstream.git"]);
        assert_eq!(from(), "origin", "there are several");
    });
}

#[test]
fn a_tag_is_explained_with_the_commit_that_it_names() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.commit("first");
        repository.git(&["tag", "-a", "-m", "one", "v1"]);
        let ran = repository.tool(&["check", "--tag", "v1"]);
        let shown = ran.whole().replace(&repository.head(), "[COMMIT]");
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(shown, @"
                exit code: 0
                ----- stdout -----
                does not  any → shop/any: it has no `tags`, and this is a tag
                does not  origin → shop/a: it has no `tags`, and this is a tag
                does not  push-origin → shop/b: it has no `tags`, and this is a tag
                does not  backup → shop/c: it is for remote backup only, and this went to origin
                fires     tags → shop/d on post-push, post-receive: tag v1 matches `v*`
                            TAG=v1
                            SHA=[COMMIT]
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn a_tag_that_is_not_there_yet_is_said_to_be_so() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = repository.tool(&["check", "--tag", "latest"]).succeeded();
    assert_eq!(
        ran.stderr,
        "note: there is no tag latest of a commit here; its commit is shown as zeros\n"
    );
    assert!(
        ran.stdout
            .contains("does not  tags → shop/d: no pattern matches tag latest"),
        "{}",
        ran.whole()
    );
}

#[test]
fn an_event_or_a_remote_without_a_branch_or_tag_is_refused() {
    let home = home();
    let repository = home.repository("shop", FILE);
    for arguments in [["--event", "post-push"], ["--remote", "origin"]] {
        let ran = repository.tool(&["check", arguments[0], arguments[1]]);
        assert_eq!(
            ran.whole(),
            "exit code: 1\n----- stdout -----\n----- stderr -----\n\
             error: say what happens to which branch or tag\n\
             help: add it: jenkins-trigger check --branch main\n"
        );
    }
    let ran = repository.tool(&["check", "--branch", "main", "--tag", "v1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
}
