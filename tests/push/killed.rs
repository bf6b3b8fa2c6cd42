//! A push that ends in the middle, and a waiter that does not live to see its end.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal};

use crate::held::{Hold, gits, kill_waiters, of, waiters};
use crate::scene::{Scene, over_each_way, with_all_gits};
use crate::server::{Server, Way};
use crate::support::{program, wait_for, with_each_git};

over_each_way!(a_push_that_is_killed_after_the_remote_took_it_fires);

fn a_push_that_is_killed_after_the_remote_took_it_fires(scene: &Scene<'_>) {
    scene.commit("work");
    scene.branches(&["new"]);
    scene.clone.git(&["tag", "v1"]);
    let hold = Hold::at(&scene.server, "post-receive", "");
    let push = scene.start(&["origin", "main", "new", "v1"]);
    hold.wait();
    push.kill();
    hold.release();
    scene.assert_fired(&["main", "new", "tags/v1"]);
}

const SIGNALS: [Signal; 4] = [Signal::INT, Signal::HUP, Signal::TERM, Signal::KILL];

/// Ctrl-C, or a terminal that is closed: the signal goes to everything that was started there.
#[test]
fn a_push_that_is_interrupted_after_the_remote_took_it_fires() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        for signal in SIGNALS {
            scene.commit("work");
            let hold = Hold::at(&scene.server, "post-receive", "");
            let push = scene.start(&["origin", "main"]);
            hold.wait();
            push.signal(signal);
            hold.release();
            scene.assert_fired(&["main"]);
        }
    });
}

/// The remote is asked for a while, as it may still be at it.
#[test]
fn a_push_that_is_interrupted_before_the_remote_took_it_fires_nothing() {
    with_all_gits(|home| {
        let scene = Scene::by_path(home);
        for (signal, branch) in SIGNALS.into_iter().zip(["one", "two", "three", "four"]) {
            let tag = format!("{branch}-tag");
            scene.branches(&[branch]);
            scene.clone.git(&["tag", &tag, branch]);
            let hold = Hold::at(&scene.server, "pre-receive", "");
            let push = scene.start(&["origin", branch, &tag]);
            hold.wait();
            push.signal(signal);
            hold.release();
        }
        scene.assert_fired(&[]);
        scene.server.hook("pre-receive", "");
        scene.pushed(&["origin", "one", "four-tag"]);
        scene.assert_fired(&["one", "tags/four-tag"]);
    });
}

#[test]
fn what_is_pushed_again_after_it_was_interrupted_fires_once() {
    with_all_gits(|home| {
        let scene = Scene::by_path(home);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        let hold = Hold::at(&scene.server, "pre-receive", "");
        let push = scene.start(&["origin", "main", "v1"]);
        hold.wait();
        push.signal(Signal::INT);
        hold.release();
        scene.pushed(&["origin", "main", "v1"]);
        scene.assert_fired(&["main", "tags/v1"]);
    });
}

/// It has everything it needs, and does not look for the client before it has done its work.
#[test]
fn what_the_remote_takes_after_the_push_was_killed_fires() {
    with_all_gits(|home| {
        let scene = Scene::over(home, Way::Http);
        scene.commit("work");
        scene.clone.git(&["tag", "v1"]);
        let hold = Hold::at(&scene.server, "pre-receive", "");
        let push = scene.start(&["origin", "main", "v1"]);
        hold.wait();
        push.kill();
        wait_for("the remote to be asked", || {
            scene.server.http().has_told().then_some(())
        });
        hold.release();
        scene.assert_fired(&["main", "tags/v1"]);
    });
}

/// The next hook, or the user, asks because nobody waits for it any more, or before he who does is
/// at it: then the remote's first no is not its last either.
#[test]
fn what_the_remote_takes_after_others_asked_for_it_fires() {
    with_all_gits(|home| {
        let scene = Scene::over(home, Way::Http);
        let other = Server::new(home, "other.git", Way::Path);
        for (name, by_retry) in [("by-retry", true), ("by-the-next", false)] {
            scene.branches(&[name]);
            let hold = Hold::at(&scene.server, "pre-receive", "");
            let push = scene.start(&["origin", name]);
            hold.wait();
            assert_eq!(kill_waiters(home), 1);
            push.kill();
            scene.server.http().forget_told();
            let retry = by_retry.then(|| {
                let mut retry = home.command(program(), &scene.clone.folder);
                let retry = retry.arg("retry").stdout(Stdio::null()).stderr(Stdio::null());
                retry.spawn().expect("it starts")
            });
            if !by_retry {
                scene.pushed(&[&other.url(), "main:refs/notes/none"]);
            }
            wait_for("the remote to be asked", || {
                scene.server.http().has_told().then_some(())
            });
            hold.release();
            wait_for("the end of the server's side", || {
                gits(home).is_empty().then_some(())
            });
            scene.assert_fired(&[name]);
            if let Some(mut retry) = retry {
                assert!(retry.wait().expect("it ends").success());
            }
        }
    });
}

/// Read where the system writes it, as `getsid` cannot say it of a session whose leader is in
/// another namespace, as those are that a container gets from outside.
fn session_of(process: Pid) -> Pid {
    let stat = fs::read_to_string(of(process, "stat")).expect("its state");
    // After the name: state, parent, group, session.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let session = fields.split_whitespace().nth(3).expect("a session");
    Pid::from_raw(session.parse().expect("a number")).expect("a process of this namespace")
}

/// What waits is nothing that anybody else has to wait for, or can stop by chance.
#[test]
fn the_waiter_has_let_go_of_everything() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene
            .clone
            .git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        home.git(
            &home.path("linked"),
            &["commit", "-q", "--allow-empty", "-m", "there"],
        );
        let hold = Hold::at(&scene.server, "post-receive", "");
        let push = scene.start(&["origin", "topic"]);
        hold.wait();
        let waiting = waiters(home);
        assert_eq!(waiting.len(), 1);
        let waiter = waiting[0];
        for stream in ["fd/0", "fd/1", "fd/2"] {
            let open = fs::read_link(of(waiter, stream)).expect("a stream");
            let open = open.display().to_string();
            // The one is what the end of git is known by.
            assert!(
                ["/dev/null", "anon_inode:[pidfd]"].contains(&open.as_str()),
                "{stream}: {open}"
            );
        }
        assert_eq!(session_of(waiter), waiter, "it has a session of its own");
        let environment = fs::read(of(waiter, "environ")).expect("its environment");
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let local = scene.clone.git(&["rev-parse", "--local-env-vars"]).stdout;
        for (name, value) in environment.split('\0').filter_map(|entry| entry.split_once('=')) {
            // Where it works, wherever git was run.
            let says_where = ["GIT_DIR", "GIT_WORK_TREE"].contains(&name) && value.starts_with('/');
            assert!(
                says_where || local.lines().all(|local| local != name),
                "{name}={value}"
            );
        }
        hold.release();
        assert!(push.wait());
        scene.assert_fired(&["topic"]);
        wait_for("nobody waits any more", || waiters(home).is_empty().then_some(()));
    });
}

/// A push whose waiter is killed, as the system does that has no memory left or is shut down.
fn push_with_killed_waiter(scene: &Scene<'_>, name: &str) {
    let tag = format!("{name}-tag");
    scene.branches(&[name]);
    scene.clone.git(&["tag", &tag, name]);
    let hold = Hold::at(&scene.server, "post-receive", "");
    let push = scene.start(&["origin", name, &tag, &format!("{name}:refused")]);
    hold.wait();
    assert_eq!(kill_waiters(scene.home), 1);
    hold.release();
    push.wait();
    assert_eq!(scene.triggered(), []);
}

#[test]
fn what_a_killed_waiter_did_not_see_is_decided_by_retry() {
    with_all_gits(|home| {
        let scene = Scene::by_path(home);
        push_with_killed_waiter(&scene, "work");
        scene.clone.tool(&["retry"]).succeeded();
        scene.assert_fired(&["tags/work-tag", "work"]);
    });
}

#[test]
fn what_a_killed_waiter_did_not_see_is_decided_by_the_next_push() {
    with_all_gits(|home| {
        let scene = Scene::by_path(home);
        push_with_killed_waiter(&scene, "work");
        scene.commit("more");
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main", "tags/work-tag", "work"]);
    });
}

#[test]
fn a_repository_that_is_deleted_meanwhile_stays_deleted() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        scene.commit("work");
        let hold = Hold::at(&scene.server, "pre-receive", "");
        let push = scene.start(&["origin", "main"]);
        hold.wait();
        assert!(!waiters(home).is_empty());
        fs::remove_dir_all(&scene.clone.folder).expect("the repository");
        hold.release();
        push.wait();
        wait_for("nobody waits any more", || waiters(home).is_empty().then_some(()));
        assert!(!scene.clone.folder.exists());
        assert_eq!(scene.triggered(), []);
    });
}
