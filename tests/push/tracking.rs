//! What the clone knows of the remote's branches may be old, wrong or nothing at all.

use std::fs;

use crate::held::Hold;
use crate::scene::{Scene, said};
use crate::support::with_each_git;

#[test]
fn without_reflogs_what_was_taken_fires_alike() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.clone.git(&["config", "core.logAllRefUpdates", "false"]);
        let base = scene.commit("work");
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
        scene.branches(&["new", "refused"]);
        scene.refused(&["origin", "new", "refused"]);
        scene.assert_fired(&["new"]);
        scene.commit("more");
        scene.pushed(&["--dry-run", "origin", "main"]);
        scene.assert_fired(&[]);
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
        scene.server.move_branch("main", &base);
        scene.pushed(&["--dry-run", "origin", "main"]);
        scene.assert_fired(&[]);
    });
}

#[test]
fn without_a_fetch_refspec_what_was_taken_fires_alike() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.clone.git(&["config", "--unset", "remote.origin.fetch"]);
        scene.commit("work");
        scene.branches(&["new", "refused"]);
        scene.pushed(&["--dry-run", "origin", "main"]);
        scene.refused(&["origin", "main", "new", "refused"]);
        scene.assert_fired(&["main", "new"]);
    });
}

#[test]
fn a_clone_of_a_single_branch_fires_for_all_of_them() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.clone.git(&[
            "config",
            "remote.origin.fetch",
            "+refs/heads/main:refs/remotes/origin/main",
        ]);
        scene.commit("work");
        scene.branches(&["new", "refused"]);
        scene.pushed(&["--dry-run", "origin", "new"]);
        scene.refused(&["origin", "main", "new", "refused"]);
        scene.assert_fired(&["main", "new"]);
    });
}

#[test]
fn catching_up_with_a_remote_that_has_it_already_fires_nothing() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let base = scene.clone.head();
        scene.commit("work");
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
        scene
            .clone
            .git(&["update-ref", "refs/remotes/origin/main", &base]);
        let ran = scene.pushed(&["origin", "main"]);
        assert_eq!(said(&ran), [""; 0]);
        scene.assert_fired(&[]);
        // It says `update by push` of the very commit that is not pushed here.
        let base = scene.clone.git(&["rev-parse", "HEAD~"]).stdout;
        scene.server.move_branch("main", base.trim());
        scene.pushed(&["--dry-run", "origin", "main"]);
        scene.assert_fired(&[]);
    });
}

/// What was pushed under a name once is not what was pushed now.
#[test]
fn a_refused_push_of_what_the_remote_had_once_fires_nothing() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let old = scene.commit("work");
        scene.pushed(&["origin", "main"]);
        scene.commit("more");
        scene.pushed(&["origin", "main"]);
        scene.settle();
        scene.triggered();
        scene.server.news();
        scene.server.hook("update", "exit 1");
        scene.refused(&["--force", "origin", &format!("{old}:refs/heads/main")]);
        scene.assert_fired(&[]);
    });
}

#[test]
fn a_fetch_at_the_same_time_neither_fires_nor_hides_anything() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        // The fetch, not the push, moves the tracking reference.
        let hold = Hold::at(&scene.server, "post-receive", "");
        scene.commit("work");
        let push = scene.start(&["origin", "main"]);
        hold.wait();
        scene.clone.git(&["fetch", "-q"]);
        hold.release();
        push.wait();
        scene.assert_fired(&["main"]);

        // It moves another branch, and ours is refused.
        scene.server.hook("post-receive", "");
        let hold = Hold::at(&scene.server, "pre-receive", "! grep -q forbidden");
        let before = scene.clone.git(&["rev-parse", "HEAD~"]).stdout;
        scene.branches(&["forbidden"]);
        let push = scene.start(&["origin", "forbidden"]);
        hold.wait();
        scene.server.move_branch("main", before.trim());
        scene.clone.git(&["fetch", "-q"]);
        hold.release();
        assert!(!push.wait());
        scene.assert_fired(&[]);
    });
}

/// `a` was deleted there, which the clone does not know: there is no place for `a/b`.
#[test]
fn a_tracking_reference_that_cannot_be_written_hides_nothing() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.branches(&["a"]);
        scene.pushed(&["origin", "a"]);
        scene.assert_fired(&["a"]);
        scene.server.delete_branch("a");
        scene.pushed(&["--dry-run", "origin", "main:a/b"]);
        scene.assert_fired(&[]);
        scene.push(&["origin", "main:a/b"]);
        scene.assert_fired(&["a/b"]);

        scene.commit("work");
        let lock = scene.clone.path(".git/refs/remotes/origin/main.lock");
        fs::write(&lock, "").expect("a lock");
        scene.push(&["origin", "main"]);
        scene.assert_fired(&["main"]);
        scene.commit("more");
        scene.push(&["--dry-run", "origin", "main"]);
        scene.refused(&["origin", "main", "main:refused"]);
        scene.assert_fired(&["main"]);
    });
}
