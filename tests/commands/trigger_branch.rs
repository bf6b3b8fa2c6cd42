//! `trigger`: which branch, and which commit of it.

use jenkins_stand_in::{Job, Setup, StandIn};

use crate::helpers::{file_for, filtered};
use crate::support::{Home, Ran, Repository, developer, with_each_git};

pub fn server() -> StandIn {
    let job = Job::new("build")
        .string_parameter("BRANCH", "")
        .string_parameter("SHA", "")
        .string_parameter("REMOTE", "");
    StandIn::start(Setup::new().user(developer()).job(job))
}

pub const RULE: &str = "  - { job: build, parameters: { SHA: \"${sha}\", REMOTE: \"${remote:-none}\" } }\n";

pub fn ready<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    ready_with(home, jenkins, &[])
}

fn ready_with<'a>(home: &'a Home, jenkins: &StandIn, options: &[&str]) -> Repository<'a> {
    let repository = home.repository_with("shop", &file_for(jenkins, RULE), options);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    repository
}

/// Triggers and returns branch, commit and remote as Jenkins got them.
pub fn triggered(
    repository: &Repository<'_>,
    jenkins: &StandIn,
    arguments: &[&str],
) -> (String, String, String) {
    let before = jenkins.posts().len();
    repository.tool(&[&["trigger"], arguments].concat()).succeeded();
    let requests = jenkins.posts();
    assert_eq!(requests.len(), before + 1);
    let value = |name: &str| requests[before].form_values(name).concat();
    (value("BRANCH"), value("SHA"), value("REMOTE"))
}

pub fn refused(repository: &Repository<'_>, jenkins: &StandIn, arguments: &[&str]) -> Ran {
    let ran = repository.tool(&[&["trigger"], arguments].concat());
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (1, ""),
        "{arguments:?}\n{}",
        ran.whole()
    );
    assert!(jenkins.requests().is_empty());
    assert!(repository.waiting().is_empty());
    ran
}

/// Remotes of these names, never fetched.
fn with_remotes(repository: &Repository<'_>, names: &[&str]) {
    for name in names {
        repository.git(&["remote", "add", name, "https://git.example.com/shop"]);
    }
}

fn tip(repository: &Repository<'_>, name: &str) -> String {
    repository.git(&["rev-parse", name]).stdout.trim().to_owned()
}

/// A commit that only this reference has.
fn reference_to_new_commit(repository: &Repository<'_>, reference: &str, message: &str) -> String {
    let made = repository
        .git(&["commit-tree", "-m", message, "HEAD^{tree}"])
        .stdout;
    repository.git(&["update-ref", reference, made.trim()]);
    made.trim().to_owned()
}

#[test]
fn the_local_branch_goes_before_the_remotes() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        let local = reference_to_new_commit(&repository, "refs/heads/topic", "local");
        reference_to_new_commit(&repository, "refs/remotes/origin/topic", "remote");
        reference_to_new_commit(&repository, "refs/tags/topic", "tag");
        let expected = ("topic".into(), local, "none".into());
        assert_eq!(triggered(&repository, &jenkins, &["--branch", "topic"]), expected);
    });
}

#[test]
fn else_it_is_the_remote_tracking_branch() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        repository.git(&["remote", "add", "origin", "https://git.example.com/shop"]);
        let remote = reference_to_new_commit(&repository, "refs/remotes/origin/feature/x", "remote");
        let expected = ("feature/x".into(), remote, "origin".into());
        assert_eq!(triggered(&repository, &jenkins, &["-b", "feature/x"]), expected);
    });
}

#[test]
fn remotes_that_agree_are_no_question() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        with_remotes(&repository, &["origin", "fork"]);
        let remote = reference_to_new_commit(&repository, "refs/remotes/origin/topic", "remote");
        repository.git(&["update-ref", "refs/remotes/fork/topic", &remote]);
        assert_eq!(triggered(&repository, &jenkins, &["-b", "topic"]).1, remote);
    });
}

#[test]
fn remotes_that_disagree_are_a_question() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        with_remotes(&repository, &["origin", "fork"]);
        reference_to_new_commit(&repository, "refs/remotes/origin/topic", "one");
        reference_to_new_commit(&repository, "refs/remotes/fork/topic", "other");
        let ran = refused(&repository, &jenkins, &["--branch", "topic"]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                ----- stderr -----
                error: several remotes have a branch topic, with different commits
                help: make a local branch of the one you mean, for example: git branch topic refs/remotes/fork/topic
                ");
            }
        });
        repository.follow(crate::helpers::command_after(&ran.stderr, "for example: "));
        assert_eq!(
            triggered(&repository, &jenkins, &["-b", "topic"]).1,
            tip(&repository, "refs/heads/topic")
        );
    });
}

#[test]
fn a_branch_that_nobody_has_is_missing() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        let ran = refused(&repository, &jenkins, &["--branch", "nowhere"]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                ----- stderr -----
                error: there is no branch nowhere, neither here nor on a remote as last fetched
                help: see: git branch --all
                ");
            }
        });
    });
}

#[test]
fn the_end_of_a_remote_branchs_name_is_not_its_name() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        repository.git(&["remote", "add", "origin", "https://git.example.com/shop"]);
        reference_to_new_commit(&repository, "refs/remotes/origin/feature/deploy", "remote");
        refused(&repository, &jenkins, &["--branch", "deploy"]);
    });
}

#[test]
fn names_that_are_no_branchs_are_missing() {
    with_each_git(|home| {
        let jenkins = server();
        names_are_missing(&ready(home, &jenkins), &jenkins);
    });
}

/// Where git itself is asked, which would read revisions.
#[test]
fn revisions_are_no_branches_where_libgit2_cannot_help() {
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready_with(home, &jenkins, &["--object-format=sha256"]);
        names_are_missing(&repository, &jenkins);
    });
}

fn names_are_missing(repository: &Repository<'_>, jenkins: &StandIn) {
    repository.git(&["tag", "v1"]);
    for name in [
        "",
        "..",
        "a b",
        "HEAD",
        "v1",
        "refs/heads/main",
        "main~1",
        "main\u{7}",
        "/main",
        "main/",
        "@{-1}",
    ] {
        refused(repository, jenkins, &["--branch", name]);
    }
}

#[test]
fn a_branch_whose_name_is_no_utf8_is_passed_byte_for_byte() {
    use std::os::unix::ffi::OsStrExt as _;
    with_each_git(|home| {
        let jenkins = server();
        let repository = ready(home, &jenkins);
        let name = std::ffi::OsStr::from_bytes(b"fix/\xfc");
        let mut git = home.command("git", &repository.folder);
        Ran::of(git.arg("branch").arg(name)).succeeded();
        let ran = repository.tool_in(&["trigger", "--branch"], |command| {
            command.arg(name);
        });
        ran.succeeded();
        assert!(
            jenkins.posts()[0]
                .form()
                .contains(&(b"BRANCH".to_vec(), b"fix/\xfc".to_vec()))
        );
    });
}
