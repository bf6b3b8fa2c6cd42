//! Where it is pushed to: remotes by name and by address, and several at once.

use crate::scene::{Scene, said};
use crate::server::{Server, Way};
use crate::support::with_each_git;

#[test]
fn a_push_to_an_address_fires() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let other = Server::new(home, "other.git", Way::Path);
        for address in [other.url(), format!("file://{}", other.url())] {
            scene.commit("work");
            scene.pushed(&["--dry-run", &address, "main"]);
            scene.pushed(&[&address, "main"]);
            scene.refused(&[&address, "main:refused"]);
            scene.settle();
            let taken = other.taken(&other.news());
            assert_eq!(taken.len(), 1);
            assert_eq!(scene.triggered(), taken);
        }
    });
}

#[test]
fn a_push_to_the_address_of_a_remote_fires() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.commit("work");
        scene.branches(&["refused"]);
        scene.pushed(&["--dry-run", &scene.server.url(), "main"]);
        scene.assert_fired(&[]);
        scene.refused(&[&scene.server.url(), "main", "refused"]);
        scene.assert_fired(&["main"]);
    });
}

#[test]
fn over_http_a_push_to_the_address_of_a_remote_fires() {
    with_each_git(|home| {
        let scene = Scene::over(home, Way::Http);
        scene.commit("work");
        scene.pushed(&["--dry-run", &scene.server.url(), "main"]);
        scene.assert_fired(&[]);
        scene.pushed(&[&scene.server.url(), "main"]);
        scene.assert_fired(&["main"]);
    });
}

#[test]
fn a_mirror_fires_for_what_it_moved_and_not_for_what_it_deleted() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.branches(&["old", "kept"]);
        scene.pushed(&["origin", "old", "kept"]);
        scene.assert_fired(&["old", "kept"]);
        scene.clone.git(&["branch", "-q", "-D", "old"]);
        scene.branches(&["new"]);
        scene.clone.git(&["tag", "v1"]);
        scene.commit("work");
        let url = scene.server.url();
        scene
            .clone
            .git(&["remote", "add", "--mirror=push", "mirror", &url]);
        scene.pushed(&["mirror"]);
        scene.assert_fired(&["main", "new", "tags/v1"]);
        scene.pushed(&["--mirror", "origin"]);
        scene.assert_fired(&[]);
    });
}

#[test]
fn a_push_that_does_not_get_through_fires_nothing() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.commit("work");
        scene.refused(&[&home.path("nowhere").display().to_string(), "main"]);
        scene.refused(&["origin", "nonsense"]);
        scene.refused(&["origin", "main:refs/heads/a..b"]);
        scene.assert_fired(&[]);
    });
}

#[test]
fn where_it_is_pushed_to_may_be_another_place_than_where_it_is_fetched_from() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let other = Server::new(home, "other.git", Way::Path);
        scene.clone.git(&["config", "remote.origin.url", &other.url()]);
        scene
            .clone
            .git(&["config", "remote.origin.pushurl", &scene.server.url()]);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        scene.refused(&["origin", "main", "v1", "main:refused"]);
        scene.assert_fired(&["main", "tags/v1"]);
        assert_eq!(other.news(), [""; 0]);
    });
}

/// A scene whose remote has two addresses, of which the first is the scene's server.
fn with_two<'a>(scene: &Scene<'a>) -> Server<'a> {
    let second = Server::new(scene.home, "second.git", Way::Path);
    for url in [scene.server.url(), second.url()] {
        scene
            .clone
            .git(&["config", "--add", "remote.origin.pushurl", &url]);
    }
    second
}

#[test]
fn one_push_to_two_places_is_one_event() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let second = with_two(&scene);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        let ran = scene.pushed(&["origin", "main", "v1"]);
        scene.assert_fired(&["main", "tags/v1"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        assert_eq!(second.news().len(), 2);
        scene.commit("more");
        scene.pushed(&["--dry-run", "origin", "main"]);
        scene.assert_fired(&[]);
        let has_it_already = |server: &Server<'_>| {
            let newest = scene.commit("known to one");
            home.git(
                &server.bare,
                &["fetch", "-q", &scene.clone.folder.display().to_string()],
            );
            server.move_branch("main", &newest);
        };
        has_it_already(&second);
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
        second.news();
        has_it_already(&scene.server);
        scene.pushed(&["origin", "main"]);
        scene.settle();
        let taken = second.taken(&second.news());
        assert_eq!(taken.len(), 1);
        assert_eq!(scene.triggered(), taken);
    });
}

#[test]
fn of_two_places_the_second_may_fail() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let second = with_two(&scene);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        second.hook("pre-receive", "exit 1");
        scene.refused(&["origin", "main", "v1"]);
        scene.assert_fired(&["main", "tags/v1"]);
        scene.commit("more");
        std::fs::remove_dir_all(&second.bare).expect("the second");
        scene.refused(&["origin", "main"]);
        scene.assert_fired(&["main"]);
    });
}

#[test]
fn of_two_places_the_first_may_refuse() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let second = with_two(&scene);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        scene.server.hook("pre-receive", "exit 1");
        scene.refused(&["origin", "main", "v1"]);
        scene.settle();
        assert_eq!(scene.server.news(), [""; 0]);
        let taken = second.taken(&second.news());
        assert_eq!(taken.len(), 2, "the second takes it all the same");
        assert_eq!(scene.triggered(), taken);
    });
}
