//! Repositories that libgit2 cannot open.

use crate::scene::Scene;
use crate::server::Way;
use crate::support::with_each_git;

fn fires_what_was_taken(scene: &Scene<'_>) {
    let base = scene.commit("work");
    scene.clone.git(&["tag", "-a", "-m", "one", "v1"]);
    scene.branches(&["new", "refused"]);
    scene.refused(&["origin", "main", "new", "refused", "v1"]);
    scene.assert_fired(&["main", "new", "tags/v1"]);
    scene.commit("more");
    scene.pushed(&["--dry-run", "origin", "main"]);
    scene.assert_fired(&[]);
    scene.pushed(&["origin", "main", ":new"]);
    scene.assert_fired(&["main"]);
    scene.server.move_branch("main", &base);
    scene.pushed(&["--dry-run", "origin", "main"]);
    scene.assert_fired(&[]);
    scene.pushed(&["origin", "main"]);
    scene.assert_fired(&["main"]);
}

#[test]
fn a_sha256_repository_fires_what_was_taken() {
    with_each_git(|home| {
        let scene = Scene::with(home, Way::Path, &["--object-format=sha256"]);
        fires_what_was_taken(&scene);
    });
}

#[test]
fn a_reftable_repository_fires_what_was_taken() {
    with_each_git(|home| {
        if !home.git.supports(2, 45) {
            return;
        }
        let scene = Scene::with(home, Way::Path, &["--ref-format=reftable"]);
        fires_what_was_taken(&scene);
    });
}
