//! What is the same however git reaches the remote.

use crate::scene::{Scene, over_each_way, said};

over_each_way!(
    what_the_remote_took_fires_and_what_it_has_already_does_not,
    a_dry_run_fires_nothing,
    each_reference_of_a_push_fires,
    a_deletion_fires_nothing,
    tags_fire_for_their_commit,
    the_name_on_the_remote_counts,
    only_a_forced_update_fires_where_the_histories_part,
    what_the_remote_refused_does_not_fire,
    what_is_pushed_again_after_it_was_refused_fires_once,
);

fn what_the_remote_took_fires_and_what_it_has_already_does_not(scene: &Scene<'_>) {
    scene.commit("an update");
    let ran = scene.pushed(&["origin", "main"]);
    let lines = said(&ran);
    assert_eq!(lines.len(), 1, "{}", ran.whole());
    assert!(lines[0].contains("main → shop/deploy on "), "{}", ran.whole());
    scene.assert_fired(&["main"]);
    let ran = scene.pushed(&["origin", "main"]);
    assert_eq!(said(&ran), [""; 0]);
    scene.assert_fired(&[]);
    scene.branches(&["new"]);
    scene.pushed(&["origin", "new"]);
    scene.assert_fired(&["new"]);
    // By the hook that is not run.
    scene.commit("unseen");
    scene.pushed(&["--no-verify", "origin", "main"]);
    scene.settle();
    assert_eq!(scene.server.news().len(), 1);
    assert_eq!(scene.triggered(), []);
}

fn a_dry_run_fires_nothing(scene: &Scene<'_>) {
    let base = scene.clone.head();
    scene.commit("work");
    scene.pushed(&["--dry-run", "origin", "main", "main:new"]);
    scene.assert_fired(&[]);
    scene.pushed(&["origin", "main"]);
    scene.assert_fired(&["main"]);
    // Here it looks now as if it had been taken.
    scene.server.move_branch("main", &base);
    scene.pushed(&["--dry-run", "origin", "main"]);
    scene.assert_fired(&[]);
    scene.pushed(&["origin", "main"]);
    scene.assert_fired(&["main"]);
}

fn each_reference_of_a_push_fires(scene: &Scene<'_>) {
    scene.commit("work");
    scene.branches(&["b2", "b3"]);
    let ran = scene.pushed(&["origin", "main", "b2", "b3"]);
    assert_eq!(said(&ran).len(), 3, "{}", ran.whole());
    scene.assert_fired(&["main", "b2", "b3"]);
    scene.branches(&["b4", "b5"]);
    scene.commit("more");
    scene.pushed(&["--all", "origin"]);
    scene.assert_fired(&["main", "b4", "b5"]);
}

fn a_deletion_fires_nothing(scene: &Scene<'_>) {
    scene.branches(&["b3", "b4"]);
    scene.clone.git(&["tag", "v1"]);
    scene.pushed(&["origin", "b3", "b4", "v1"]);
    scene.assert_fired(&["b3", "b4", "tags/v1"]);
    let ran = scene.pushed(&["origin", "--delete", "b3", "v1"]);
    assert_eq!(said(&ran), [""; 0]);
    scene.refused(&["origin", ":nope"]);
    scene.assert_fired(&[]);
    scene.branches(&["b5"]);
    scene.pushed(&["origin", ":b4", "b5"]);
    scene.assert_fired(&["b5"]);
    scene.pushed(&["origin", "b3"]);
    scene.assert_fired(&["b3"]);
}

fn tags_fire_for_their_commit(scene: &Scene<'_>) {
    scene.commit("tagged");
    scene.clone.git(&["tag", "v1"]);
    scene.pushed(&["origin", "v1"]);
    scene.assert_fired(&["tags/v1"]);
    scene.clone.git(&["tag", "-a", "-m", "two", "v2"]);
    scene.clone.git(&["tag", "-a", "-m", "three", "v3", "v2"]);
    scene.clone.git(&["tag", "of-a-tree", "HEAD^{tree}"]);
    scene.pushed(&["origin", "--tags"]);
    scene.assert_fired(&["tags/v2", "tags/v3"]);
    scene.commit("and its tag");
    scene.clone.git(&["tag", "-a", "-m", "four", "v4"]);
    scene.pushed(&["--follow-tags", "origin", "main"]);
    scene.assert_fired(&["main", "tags/v4"]);
    scene.commit("moved");
    scene.clone.git(&["tag", "-f", "v1"]);
    scene.pushed(&["--dry-run", "--force", "origin", "v1"]);
    scene.assert_fired(&[]);
    scene.pushed(&["--force", "origin", "v1"]);
    scene.assert_fired(&["tags/v1"]);
}

fn the_name_on_the_remote_counts(scene: &Scene<'_>) {
    let work = scene.commit("work");
    scene.pushed(&["origin", "HEAD:other"]);
    scene.assert_fired(&["other"]);
    scene.pushed(&["origin", &format!("{work}:refs/heads/by-id")]);
    scene.assert_fired(&["by-id"]);
    scene.clone.git(&[
        "config",
        "remote.origin.push",
        "refs/heads/main:refs/heads/qa/main",
    ]);
    scene.pushed(&["origin"]);
    scene.assert_fired(&["qa/main"]);
    let ran = scene.pushed(&["origin", "HEAD:refs/for/main"]);
    assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
    assert!(said(&ran)[0].contains("refs/for/"), "{}", ran.whole());
    scene.settle();
    assert_eq!(scene.server.news().len(), 1);
    assert_eq!(scene.triggered(), []);
}

fn only_a_forced_update_fires_where_the_histories_part(scene: &Scene<'_>) {
    let amend = |message: &str| {
        scene
            .clone
            .git(&["commit", "-q", "--amend", "--allow-empty", "-m", message]);
        scene.clone.head()
    };
    scene.commit("work");
    scene.pushed(&["origin", "main"]);
    scene.assert_fired(&["main"]);
    let before = amend("another");
    let ran = scene.refused(&["origin", "main"]);
    assert_eq!(said(&ran), [""; 0]);
    scene.assert_fired(&[]);
    scene.branches(&["good"]);
    let ran = scene.refused(&["origin", "main", "good"]);
    assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
    scene.assert_fired(&["good"]);
    let ran = scene.refused(&[&format!("--force-with-lease=main:{before}"), "origin", "main"]);
    assert_eq!(said(&ran), [""; 0]);
    scene.assert_fired(&[]);
    scene.pushed(&["--force-with-lease", "origin", "main"]);
    scene.assert_fired(&["main"]);
    amend("a third");
    scene.pushed(&["--force", "origin", "main"]);
    scene.assert_fired(&["main"]);
    // Back to what was pushed once before.
    scene.clone.git(&["reset", "-q", "--hard", &before]);
    scene.pushed(&["origin", "+main"]);
    scene.assert_fired(&["main"]);
}

/// Each with names of its own, as over HTTP the remote is asked for a while: git ends in the same way
/// where it never got the answer.
fn what_the_remote_refused_does_not_fire(scene: &Scene<'_>) {
    scene.commit("work");
    scene.branches(&["refused-1", "refused-2", "one", "two", "three", "forbidden"]);
    scene.clone.git(&["tag", "v1"]);
    scene.clone.git(&["tag", "refused-3"]);
    // git's own refusal, and yet the hook is told of it.
    scene.clone.git(&["tag", "moved", "main~"]);
    scene.pushed(&["origin", "moved"]);
    scene.assert_fired(&["tags/moved"]);
    scene.clone.git(&["tag", "-f", "moved"]);
    scene.refused(&["origin", "moved"]);
    scene.refused(&["origin", "main", "refused-1"]);
    scene.refused(&["--atomic", "origin", "one", "refused-2"]);
    scene.refused(&["origin", "two", "forbidden"]);
    scene.refused(&["origin", "three", "v1", "refs/tags/refused-3"]);
    scene.assert_fired(&["main", "three", "tags/v1"]);
    scene.pushed(&["--atomic", "origin", "one", "two"]);
    scene.assert_fired(&["one", "two"]);
}

/// Perhaps at once, while the remote is still asked about the first.
fn what_is_pushed_again_after_it_was_refused_fires_once(scene: &Scene<'_>) {
    scene.commit("work");
    scene.clone.git(&["tag", "v1"]);
    scene.server.hook("pre-receive", "exit 1");
    scene.refused(&["origin", "main", "v1"]);
    scene.server.hook("pre-receive", "");
    scene.pushed(&["origin", "main", "v1"]);
    scene.assert_fired(&["main", "tags/v1"]);
}
