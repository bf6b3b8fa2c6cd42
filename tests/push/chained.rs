//! Other hooks at the same place.

use std::fs;

use crate::scene::{Scene, said};
use crate::server::Way;
use crate::support::{with_each_git, write_script};

#[test]
fn a_hook_that_forbids_the_push_keeps_everything_from_firing() {
    with_each_git(|home| {
        let scene = Scene::without_hook(home, Way::Path, &[]);
        let hook = scene.clone.path(".git/hooks/pre-push");
        write_script(&hook, "#!/bin/sh\nexit 3\n", 0o755);
        scene.install(&scene.clone.folder);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        scene.refused(&["origin", "main", "v1"]);
        scene.assert_fired(&[]);
        // Nor what is pushed past it.
        scene.pushed(&["--no-verify", "origin", "main"]);
        scene.settle();
        assert_eq!(scene.triggered(), []);
    });
}

#[test]
fn a_hook_that_was_there_gets_the_words_and_the_lines() {
    with_each_git(|home| {
        let scene = Scene::without_hook(home, Way::Path, &[]);
        let seen = home.path("seen");
        let hook = scene.clone.path(".git/hooks/pre-push");
        let script = format!("#!/bin/sh\nexec >'{}'\necho \"$@\"\ncat\n", seen.display());
        write_script(&hook, script, 0o755);
        scene.install(&scene.clone.folder);
        let old = scene.clone.head();
        let new = scene.commit("work");
        scene.pushed(&["origin", "main"]);
        let url = scene.server.url();
        assert_eq!(
            fs::read_to_string(seen).expect("what was seen"),
            format!("origin {url}\nrefs/heads/main {new} refs/heads/main {old}\n")
        );
        scene.assert_fired(&["main"]);
    });
}

/// As git itself goes on: with a reader that left, and with what follows.
#[test]
fn a_hook_that_does_not_read_its_lines_changes_nothing() {
    with_each_git(|home| {
        let scene = Scene::without_hook(home, Way::Path, &[]);
        let hook = scene.clone.path(".git/hooks/pre-push");
        write_script(&hook, "#!/bin/sh\nexec <&-\n", 0o755);
        scene.install(&scene.clone.folder);
        scene.commit("work");
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
    });
}

/// Such a one stands between git and the hook, and stays a while after it.
#[test]
fn below_a_hook_manager_what_the_remote_took_fires() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let hook = scene.clone.path(".git/hooks/pre-push");
        fs::rename(&hook, scene.clone.path(".git/hooks/pre-push.ours")).expect("the hook");
        let manager = "#!/bin/sh\ncat >lines\nsh -c '\"$0.ours\" \"$@\" <lines' \"$0\" \"$@\"\ncode=$?\n\
                       rm lines\nexit $code\n";
        write_script(&hook, manager, 0o755);
        let base = scene.commit("work");
        scene.branches(&["refused"]);
        let ran = scene.refused(&["origin", "main", "refused"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        scene.assert_fired(&["main"]);
        scene.clone.git(&["tag", "v1"]);
        scene.commit("more");
        scene.pushed(&["--dry-run", "origin", "main", "v1"]);
        scene.assert_fired(&[]);
        scene.pushed(&["origin", "main", "v1"]);
        scene.assert_fired(&["main", "tags/v1"]);
        scene.server.move_branch("main", &base);
        scene.pushed(&["--dry-run", "origin", "main"]);
        scene.assert_fired(&[]);
    });
}
