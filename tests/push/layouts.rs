//! Where the repository lies, and how git was told of it.

use std::fs;

use crate::scene::{Scene, file, said, settle};
use crate::server::{Server, Way};
use crate::support::{Ran, Repository, with_each_git};

#[test]
fn wherever_git_is_run_from_the_push_fires() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let below = scene.clone.path("sub/dir");
        fs::create_dir_all(&below).expect("folders");
        let outside = home.path("");
        let pushes: [(&_, &[&str]); 5] = [
            (&below, &["push"]),
            (&outside, &["-C", "clone", "push"]),
            (
                &outside,
                &["--git-dir", "clone/.git", "--work-tree", "clone", "push"],
            ),
            (&scene.clone.folder, &["--git-dir", ".git", "push"]),
            (&scene.clone.folder, &["-c", "a.b=c", "push"]),
        ];
        for (folder, words) in pushes {
            scene.commit("work");
            let words = [words, &["origin", "main", "main:refused"]].concat();
            assert_eq!(Ran::of(&mut scene.command(folder, &words)).code, 1);
            scene.assert_fired(&["main"]);
        }
        for (folder, git_dir) in [(&scene.clone.folder, ".git"), (&below, "../../.git")] {
            scene.commit("work");
            let mut push = scene.command(folder, &["push", "origin", "main"]);
            Ran::of(push.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", folder)).succeeded();
            scene.assert_fired(&["main"]);
        }
    });
}

#[test]
fn a_push_from_a_linked_work_tree_fires() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene
            .clone
            .git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        let linked = home.path("linked");
        home.git(&linked, &["commit", "-q", "--allow-empty", "-m", "there"]);
        let ran = scene.push_from(&linked, &["origin", "topic", "topic:refused"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        scene.assert_fired(&["topic"]);
        scene.push_from(&linked, &["--dry-run", "origin", "topic:another"]);
        scene.assert_fired(&[]);
    });
}

/// The remote decides after the work tree is gone.
#[test]
fn a_push_from_a_bare_repository_fires() {
    with_each_git(|home| {
        let scene = Scene::without_hook(home, Way::Path, &[]);
        home.git(&home.path(""), &["clone", "-q", "--bare", "clone", "bare.git"]);
        let bare = home.path("bare.git");
        home.git(&bare, &["remote", "set-url", "origin", &scene.server.url()]);
        scene.install(&bare);
        let work = scene.commit("work");
        home.git(
            &bare,
            &["fetch", "-q", &scene.clone.folder.display().to_string(), &work],
        );
        home.git(&bare, &["branch", "new", &work]);
        scene.push_from(&bare, &["origin", "new", "new:refused"]);
        settle(&bare.join("jenkins-trigger").join(user()));
        scene.assert_fired(&["new"]);
    });
}

fn user() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

#[test]
fn a_submodule_has_a_hook_of_its_own() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let server = Server::new(home, "library.git", Way::Path);
        let library = home.repository("library", &file(&scene.jenkins));
        library.commit("base");
        library.git(&["push", "-q", &server.url(), "main"]);
        scene
            .clone
            .git(&["submodule", "--quiet", "add", &server.url(), "library"]);
        scene.clone.commit("with a library");
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
        server.news();

        let inside = Repository {
            home,
            folder: scene.clone.path("library"),
        };
        scene.install(&inside.folder);
        let spool = inside.spool();
        inside.git(&["commit", "-q", "--allow-empty", "-m", "inside"]);
        scene.push_from(&inside.folder, &["origin", "main", "main:refused"]);
        settle(&spool);
        let taken = server.taken(&server.news());
        assert_eq!(taken.len(), 1);
        assert_eq!(scene.triggered(), taken);

        inside.git(&["commit", "-q", "--allow-empty", "-m", "on demand"]);
        scene.clone.commit("a newer library");
        scene.pushed(&["--recurse-submodules=on-demand", "origin", "main"]);
        settle(&spool);
        scene.settle();
        let mut taken = [&scene.server, &server]
            .map(|server| server.taken(&server.news()))
            .concat();
        assert_eq!(taken.len(), 2);
        taken.sort();
        assert_eq!(scene.triggered(), taken);
    });
}
