//! `git commit` never waits for Jenkins.

use std::process::Command;

use jenkins_stand_in::{Fault, FaultAction, StandIn};

use crate::receive;
use crate::support::{Home, PATIENCE, Ran, Repository, shop, short_file, with_each_git, write_script};
use crate::watch::complaints;

fn assert_nothing_answered(repository: &Repository<'_>, jenkins: &StandIn) {
    assert_eq!(repository.journal().len(), 0);
    assert_eq!(repository.spooled("new").len(), 1);
    assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
    assert_eq!(jenkins.posts()[0].status, None);
    assert_eq!(repository.journal().len(), 0);
    assert_eq!(repository.spooled("new").len(), 1);
}

/// Runs `commit` against a Jenkins that never answers, and shows that it is back before any answer.
fn while_jenkins_is_silent(commit: impl Fn(&Home, &Repository<'_>) -> Command) {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: false }));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.git(&["add", "--all"]);
        // `output` reads both pipes to their end: it is back only when nobody has them open.
        let ran = Ran::of(&mut commit(home, &repository));
        assert_eq!(ran.code, 0, "{}", ran.whole());
        assert_nothing_answered(&repository, &jenkins);
        repository.head();
    });
}

/// A GUI or an IDE reads git's output through pipes.
#[test]
fn a_commit_into_pipes_returns_before_jenkins_answers() {
    while_jenkins_is_silent(|home, repository| {
        let mut git = home.command("git", &repository.folder);
        git.args(["commit", "-m", "first"]);
        git
    });
}

/// A descriptor beside the usual three keeps its reader waiting just as well.
#[test]
fn a_commit_with_a_further_descriptor_returns_before_jenkins_answers() {
    while_jenkins_is_silent(|home, repository| {
        let mut shell = home.command("sh", &repository.folder);
        shell.args(["-c", "exec 3>&1 4>&2 9>&1; git commit -m first"]);
        shell
    });
}

/// `$(git commit …)` of a script ends when the pipe has no writer left.
#[test]
fn a_commit_inside_a_command_substitution_returns_before_jenkins_answers() {
    while_jenkins_is_silent(|home, repository| {
        let mut shell = home.command("sh", &repository.folder);
        shell.args(["-c", "said=$(git commit -m first 2>&1) && echo \"$said\" | cat"]);
        shell
    });
}

/// The connection is made, but not even a TLS or HTTP greeting ever comes.
#[test]
fn a_commit_returns_while_the_server_does_not_even_accept() {
    with_each_git(|home| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let file = format!("version: 1\nserver: http://127.0.0.1:{port}\njobs:\n  main: shop/deploy\n");
        let repository = home.repository("shop", &file);
        repository.install();
        repository.commit("first");
        assert_eq!(repository.journal().len(), 0);
        assert_eq!(repository.spooled("new").len(), 1);
    });
}

/// Whoever pushes waits for the hook on the other side, and cannot even see what that waits for.
#[test]
fn a_push_returns_while_the_credential_helper_of_the_other_side_hangs() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let file = short_file(&jenkins).replace("main: shop/deploy", "'**': shop/deploy");
        let scene = receive::scene(home, &file);
        let (asked, end) = (home.path("asked"), home.path("end"));
        let hangs = format!(
            "#!/bin/sh\n: >'{}'\nwhile ! [ -e '{}' ]; do sleep 0.05; done\n",
            asked.display(),
            end.display()
        );
        write_script(&home.path("bin/git-credential-hangs"), hangs, 0o755);
        home.git(
            &home.path("home"),
            &["config", "--global", "credential.helper", "hangs"],
        );
        scene.commit("second");
        let mut push = home.command("git", &scene.clone.folder);
        push.args(["push", "-q", "origin", "main"])
            .env_remove("JENKINS_USER_ID")
            .env_remove("JENKINS_API_TOKEN");
        // An impatient program would say that the helper has not answered.
        let ran = Ran::of(&mut push).succeeded();
        assert_eq!(complaints(&ran), [""; 0]);
        // And whoever sends asks it all the same.
        crate::support::wait_for("the helper to be asked", || asked.exists().then_some(()));
        std::fs::write(end, "").expect("a file");
    });
}
