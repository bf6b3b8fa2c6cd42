//! Commits that git makes or asks for on its way to something else.

use jenkins_stand_in::StandIn;

use crate::support::{Home, Ran, Repository, with_each_git};
use crate::watch::{assert_fired, complaints, file_for_all, file_with, said, shop_with_sha};

/// `topic` with four commits, and a `main` that went on; the hook is installed after that.
fn forked<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    forked_with(home, &file_for_all(jenkins))
}

fn forked_with<'a>(home: &'a Home, file: &str) -> Repository<'a> {
    let repository = home.repository("shop", file);
    repository.commit("base");
    repository.git(&["checkout", "-q", "-b", "topic"]);
    for name in ["a", "b", "c", "d"] {
        repository.write(name, name);
        repository.commit(name);
    }
    repository.git(&["checkout", "-q", "main"]);
    repository.write("main.txt", "main");
    repository.commit("main went on");
    repository.git(&["checkout", "-q", "topic"]);
    repository.install();
    repository
}

fn assert_silent(ran: &Ran) {
    assert_eq!(said(ran), [""; 0], "{}", ran.whole());
}

/// The merge backend runs post-commit for every commit it replays, HEAD detached.
#[test]
fn a_rebase_triggers_nothing_and_says_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        assert_silent(&repository.git(&["rebase", "--merge", "main"]));
        assert_eq!(
            repository.git(&["rev-list", "--count", "main..topic"]).stdout,
            "4\n"
        );
        assert!(repository.spooled("new").is_empty());
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// The apply backend, and rewording, squashing and dropping on the way.
#[test]
fn no_kind_of_rebase_triggers_or_says_anything() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        assert_silent(&repository.git(&["rebase", "--apply", "main"]));
        let plan = "sequence.editor=sed -i -e '1s/^pick/reword/' -e '2s/^pick/squash/' -e '3s/^pick/fixup/'";
        let ran = repository.git(&[
            "-c",
            plan,
            "-c",
            "core.editor=true",
            "rebase",
            "-i",
            "--no-ff",
            "main",
        ]);
        assert_silent(&ran);
        assert_eq!(
            repository.git(&["rev-list", "--count", "main..topic"]).stdout,
            "2\n"
        );
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// A stop for `edit` hands the user a detached HEAD: what he commits there is part of the rebase.
#[test]
fn a_commit_by_hand_in_a_stopped_rebase_triggers_nothing_and_says_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let plan = "sequence.editor=sed -i 1s/^pick/edit/";
        assert_silent(&repository.git(&["-c", plan, "rebase", "-i", "main"]));
        repository.write("by-hand", "x");
        repository.git(&["add", "--all"]);
        assert_silent(&repository.git(&["commit", "-m", "by hand"]));
        assert_silent(&repository.git(&["commit", "--amend", "-m", "by hand, again"]));
        assert_silent(&repository.git(&["-c", "core.editor=true", "rebase", "--continue"]));
        assert_eq!(
            repository.git(&["rev-list", "--count", "main..topic"]).stdout,
            "5\n"
        );
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// A conflict in a rebase, solved with `git commit` or with `--continue`.
#[test]
fn a_conflict_solved_in_a_rebase_triggers_nothing_and_says_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["reset", "-q", "--hard", "main"]);
        for name in ["one", "two"] {
            repository.write("main.txt", name);
            repository.git(&["add", "--all"]);
            repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", name]);
        }
        repository.git(&["checkout", "-q", "main"]);
        repository.write("main.txt", "three");
        repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-qam", "three"]);
        repository.git(&["checkout", "-q", "topic"]);
        assert_ne!(repository.try_git(&["rebase", "main"]).code, 0);
        repository.write("main.txt", "solved");
        repository.git(&["add", "--all"]);
        assert_silent(&repository.git(&["commit", "-m", "solved"]));
        assert_ne!(repository.try_git(&["rebase", "--continue"]).code, 0);
        repository.write("main.txt", "solved again");
        repository.git(&["add", "--all"]);
        assert_silent(&repository.git(&["-c", "core.editor=true", "rebase", "--continue"]));
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// Whatever `skip` says: a rebase has no branch.
#[test]
fn a_rebase_has_no_branch_even_if_nothing_is_to_be_skipped() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked_with(home, &file_with(&jenkins, "skip: { while: [] }", ""));
        repository.git(&["rebase", "--merge", "main"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// `git bisect start` leaves HEAD on its branch.
#[test]
fn a_commit_during_a_bisect_is_not_fired_and_that_is_said() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.install();
        repository.git(&["bisect", "start"]);
        let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.stderr, @"jenkins-trigger: shop/deploy not triggered: a bisect is in progress (`skip.while`)");
        }
        assert!(repository.spooled("new").is_empty());
        repository.git(&["bisect", "reset"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// In the middle of a bisect HEAD is detached; nobody is told at every step.
#[test]
fn a_commit_on_a_bisected_commit_is_silent() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["bisect", "start", "topic", "main~1"]);
        assert_silent(&repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]));
        repository.git(&["bisect", "reset"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// A bisect in another work tree is no business of this one.
#[test]
fn a_bisect_in_a_linked_work_tree_holds_nothing_back_here() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["worktree", "add", "-q", "../linked", "main"]);
        home.git(&home.path("linked"), &["bisect", "start"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// `skip: {while: []}` gives the bisect's commits back.
#[test]
fn a_file_that_skips_nothing_fires_during_a_bisect() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_with(&jenkins, "skip: { while: [] }", "");
        let repository = home.repository("shop", &file);
        repository.commit("before the hook");
        repository.install();
        repository.git(&["bisect", "start"]);
        let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        assert_eq!(complaints(&ran), [""; 0]);
        let during = repository.head();
        assert_fired(&repository, &jenkins, &[during]);
    });
}
