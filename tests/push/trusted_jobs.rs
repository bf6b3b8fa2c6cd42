//! What a push says and fires whose file names a job anew.

use crate::scene::{Scene, file, said};
use crate::support::{wait_for, with_each_git};

/// The file of the scene, with another job for branches.
fn changed(scene: &Scene<'_>) -> String {
    file(&scene.jenkins).replace("job: shop/deploy", "job: shop/other")
}

/// `main` is the default branch of the remote, as last fetched.
fn with_default_branch(scene: &Scene<'_>) {
    scene.clone.git(&["fetch", "-q"]);
    scene.clone.git(&["remote", "set-head", "origin", "main"]);
}

fn commit_file(scene: &Scene<'_>) {
    scene.clone.write(".jenkins-trigger.yml", changed(scene));
    scene.clone.git(&["add", "--all"]);
    scene.commit("another job");
}

#[test]
fn what_is_pushed_to_the_default_branch_counts_when_it_has_landed() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        with_default_branch(&scene);
        commit_file(&scene);
        let ran = scene.pushed(&["origin", "main"]);
        let lines = said(&ran);
        assert!(
            lines.len() == 1 && lines[0].contains("main → shop/other on "),
            "{lines:?}"
        );
        wait_for("the trigger", || {
            (!scene.jenkins.posts().is_empty()).then_some(())
        });
        assert!(
            scene.jenkins.posts()[0]
                .target
                .starts_with("/job/shop/job/other/")
        );
    });
}

#[test]
fn what_is_pushed_to_another_branch_is_held_until_the_default_branch_has_it() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        with_default_branch(&scene);
        scene.clone.git(&["checkout", "-q", "-b", "topic"]);
        commit_file(&scene);
        let ran = scene.pushed(&["origin", "topic"]);
        let lines = said(&ran);
        assert!(
            lines.len() == 1
                && lines[0].contains("will not be sent: this file now names shop/other on ")
                && lines[0].ends_with("to allow it: jenkins-trigger trust"),
            "{lines:?}"
        );
        wait_for("it to be held", || {
            let journal = scene.clone.journal();
            journal.iter().any(|line| line["outcome"] == "held").then_some(())
        });
        assert!(scene.jenkins.requests().is_empty());
        // Merged on the other side, and fetched.
        let merged = scene.clone.head();
        scene.server.move_branch("main", &merged);
        scene.clone.git(&["fetch", "-q"]);
        scene.clone.tool(&["retry"]).succeeded();
        assert_eq!(scene.jenkins.posts().len(), 1);
    });
}

/// A push that the remote refuses has changed nothing there.
#[test]
fn what_the_default_branch_did_not_take_does_not_count() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        with_default_branch(&scene);
        commit_file(&scene);
        scene.server.hook("update", "[ \"$1\" != refs/heads/main ]");
        scene.refused(&["origin", "main", "main:topic"]);
        wait_for("it to be held", || {
            let journal = scene.clone.journal();
            journal.iter().any(|line| line["outcome"] == "held").then_some(())
        });
        assert!(scene.jenkins.requests().is_empty());
    });
}
