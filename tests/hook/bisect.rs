//! Commits during a bisect.

use jenkins_stand_in::StandIn;

use crate::support::{Ran, with_each_git};
use crate::watch::{assert_fired, complaints, file_for_all, file_with, forked, said, shop_with_sha};

fn assert_silent(ran: &Ran) {
    assert_eq!(said(ran), [""; 0], "{}", ran.whole());
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
