//! `trigger` without `--branch`: what is checked out.

use crate::helpers::{file_for, filtered, home};
use crate::support::{Repository, with_each_git};
use crate::trigger_branch::{RULE, ready, refused, server, triggered};

#[test]
fn without_a_name_it_is_the_branch_checked_out() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        repository.git(&["switch", "-q", "-c", "feature/x"]);
        repository.commit("second");
        let expected = ("feature/x".into(), repository.head(), "none".into());
        assert_eq!(triggered(&repository, &jenkins, &[]), expected);
    });
}

#[test]
fn a_linked_worktree_has_its_own_branch() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        repository.git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        let linked = Repository {
            home,
            folder: home.path("linked"),
        };
        assert_eq!(triggered(&linked, &jenkins, &[]).0, "topic");
    });
}

#[test]
fn a_detached_head_has_no_branch() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        repository.git(&["switch", "-q", "--detach"]);
        let ran = refused(&repository, &jenkins, &[]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                ----- stderr -----
                error: HEAD is detached, so there is no branch to trigger for
                help: name a branch: --branch BRANCH
                ");
            }
        });
        assert_eq!(triggered(&repository, &jenkins, &["--branch", "main"]).0, "main");
    });
}

#[test]
fn an_unborn_branch_has_no_commit() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = home.repository("shop", &file_for(&jenkins, RULE));
        repository.tool(&["trust"]).succeeded();
        let ran = refused(&repository, &jenkins, &[]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                ----- stderr -----
                error: the branch checked out has no commit yet
                help: name a branch: --branch BRANCH
                ");
            }
        });
        refused(&repository, &jenkins, &["--branch", "main"]);
    });
}

#[test]
fn in_a_bare_repository_the_default_branchs_file_counts() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        home.git(&home.path(""), &["clone", "-q", "--bare", "shop", "shop.git"]);
        let bare = Repository {
            home,
            folder: home.path("shop.git"),
        };
        bare.tool(&["trust"]).succeeded();
        let expected = ("main".into(), repository.head(), "none".into());
        assert_eq!(triggered(&bare, &jenkins, &[]), expected);
    });
}

#[test]
fn a_bare_repository_whose_default_branch_has_no_file_says_so() {
    let home = home();
    home.git(&home.path(""), &["init", "-q", "--bare", "shop.git"]);
    let ran = home.tool(&home.path("shop.git"), &["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: the default branch has no .jenkins-trigger.yml
        help: commit one to it; `jenkins-trigger --help` and the README show what goes in
        ");
    });
}
