//! `push` beside hooks: the one of this tool, the user's own, and those of the server.

use std::fs;
use std::process::{Child, Stdio};

use jenkins_stand_in::StandIn;

use crate::helpers::{file_for, put_hook};
use crate::push_scene::{RULES, Scene, jenkins, scene, scene_with};
use crate::support::{Home, program, wait_for, with_each_git};

#[test]
fn with_the_hook_everything_fires_once() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        scene.branch("one");
        scene.clone.git(&["tag", "-a", "-m", "v1", "v1"]);
        let ran = scene.push(&["origin", "main", "one", "v1"]).succeeded();
        assert!(!ran.stderr.contains("jenkins-trigger: "), "{}", ran.whole());
        scene.assert_fired(3);
        scene.commit("more");
        scene
            .push(&["../server.git", "one", "HEAD:refs/heads/x"])
            .succeeded();
        scene.assert_fired(5);
        scene.refuse("bad");
        scene.branch("bad");
        assert_eq!(scene.push(&["origin", "bad", "one:y"]).code, 1);
        scene.assert_fired(6);
        nothing_comes_later(&scene);
        assert!(
            scene
                .clone
                .journal()
                .iter()
                .all(|line| line["outcome"] == "queued")
        );
    });
}

/// Whoever waited for the end of a push has seen that there is nothing left to do: a push of git's
/// own fires in the background, as it does without any of this, and is the last that comes.
#[track_caller]
fn nothing_comes_later(scene: &Scene<'_>) {
    scene.branch("the-end");
    scene.clone.git(&["push", "-q", "origin", "the-end"]);
    wait_for("the last push", || {
        (scene.fired().len() >= scene.taken().len()).then_some(())
    });
    wait_for("no push to be under way", || {
        scene.clone.spooled("pushes").is_empty().then_some(())
    });
    wait_for("an empty spool", || {
        scene.clone.spooled("new").is_empty().then_some(())
    });
    assert_eq!(scene.fired(), scene.taken());
}

#[test]
fn without_verification_by_hooks_it_fires_all_the_same() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        scene.push(&["--no-verify", "origin", "main"]).succeeded();
        scene.assert_fired(1);
        scene.branch("other");
        scene
            .push_in(&["origin", "other"], |command| {
                command.env("JENKINS_TRIGGER", "0");
            })
            .succeeded();
        scene.assert_fired(2);
    });
}

#[test]
fn a_dry_run_leaves_nothing_behind_for_the_hook_to_trigger() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        let ran = scene.push(&["-n", "origin", "main"]).succeeded();
        assert!(!ran.stderr.contains("when the push lands"), "{}", ran.whole());
        wait_for("the push to be decided", || {
            scene.clone.spooled("pushes").is_empty().then_some(())
        });
        assert!(scene.clone.spooled("new").is_empty());
        assert_eq!(scene.fired().len(), 0);
    });
}

#[test]
fn the_user_s_own_hook_may_refuse_and_may_say_what_it_likes() {
    with_each_git(|home| {
        let scene = scene(home);
        let chained = home.path("own-pre-push");
        put_hook(
            &chained,
            "#!/bin/sh\nprintf 'tests: '\necho passed\nprintf 'no end of line'\ncat >> ../seen\n[ ! -e ../refuse ]\n",
            0o755,
        );
        let script = format!(
            "#!/bin/sh\nexec '{}' hook --chain '{}' pre-push \"$@\"\n",
            program().display(),
            chained.display()
        );
        put_hook(&scene.clone.hooks().join("pre-push"), script, 0o755);
        fs::write(home.path("refuse"), "").expect("a file");
        let ran = scene.push(&["origin", "main"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(
            fs::read_to_string(home.path("seen"))
                .expect("it ran")
                .contains("refs/heads/main")
        );
        scene.assert_fired(0);
        fs::remove_file(home.path("refuse")).expect("the file");
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(
            ran.stdout
                .starts_with("tests: passed\nno end of lineTo ../server.git\n"),
            "{}",
            ran.whole()
        );
        scene.assert_fired(1);
    });
}

#[test]
fn what_a_hook_leaves_running_is_not_waited_for() {
    with_each_git(|home| {
        let scene = scene(home);
        let script = "#!/bin/sh\n(while [ ! -e ../stop ]; do sleep 0.1; done; touch ../stopped) &\n";
        put_hook(&scene.clone.hooks().join("pre-push"), script, 0o755);
        let mut command = home.command(program(), &scene.clone.folder);
        command.args(["push", "origin", "main"]);
        // It has these two open as well, and this test would wait for it.
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(quiet.status().expect("the program starts").success());
        scene.assert_fired(1);
        assert!(!home.path("stopped").exists());
        fs::write(home.path("stop"), "").expect("a file");
        wait_for("its end", || home.path("stopped").exists().then_some(()));
    });
}

#[test]
fn a_server_of_this_machine_with_its_own_hook_still_fires() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        let rule = "  - { job: shop/deploy, events: [post-receive], parameters: { SHA: \"${sha}\" } }\n";
        let there = StandIn::start(jenkins());
        // The server's default branch has a file of its own.
        let other = home.repository("other", &file_for(&there, rule));
        other.commit("the server's file");
        other.git(&["push", "-q", "../server.git", "main:refs/heads/config"]);
        home.git(&scene.server, &["symbolic-ref", "HEAD", "refs/heads/config"]);
        home.tool(&scene.server, &["trust", "--yes"]).succeeded();
        fs::remove_file(home.path("taken")).expect("the log");
        let hook = scene.server.join("hooks/post-receive");
        fs::rename(&hook, home.path("logging")).expect("the hook");
        let script = format!(
            "#!/bin/sh\nexec '{}' hook --chain '{}' post-receive \"$@\"\n",
            program().display(),
            home.path("logging").display()
        );
        put_hook(&hook, script, 0o755);
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(
            ran.stderr.contains("remote: jenkins-trigger: main → "),
            "{}",
            ran.whole()
        );
        scene.assert_fired(1);
        wait_for("the server's own", || {
            let came = there.posts().iter().any(|request| request.method == "POST");
            came.then_some(())
        });
    });
}

#[test]
fn a_submodule_s_own_push_fires_by_its_own_hook() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        // Both log to one file, and ask one Jenkins.
        scene.add_server("library.git", &[]);
        let seed = home.repository("seed", &file_for(&scene.jenkins, RULES));
        seed.commit("the library");
        seed.git(&["push", "-q", "../library.git", "main"]);
        fs::remove_file(home.path("taken")).expect("the log");
        home.git(
            &home.path("library.git"),
            &["symbolic-ref", "HEAD", "refs/heads/main"],
        );
        scene
            .clone
            .git(&["submodule", "--quiet", "add", "../library.git", "library"]);
        let module = scene.clone.path("library");
        home.tool(&module, &["trust"]).succeeded();
        let script = fs::read(scene.clone.hooks().join("pre-push")).expect("the hook");
        put_hook(
            &scene.clone.path(".git/modules/library/hooks/pre-push"),
            script,
            0o755,
        );
        home.git(&module, &["commit", "-q", "--allow-empty", "-m", "deep"]);
        let deep = home.git(&module, &["rev-parse", "HEAD"]).stdout;
        scene.commit("with the submodule");
        let ran = scene
            .push(&["--recurse-submodules=on-demand", "origin", "main"])
            .succeeded();
        assert!(ran.stderr.contains("when the push lands"), "{}", ran.whole());
        let expected = [
            format!("main {}", deep.trim()),
            format!("main {}", scene.clone.head()),
        ];
        wait_for("both", || (scene.fired().len() >= 2).then_some(()));
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(scene.fired(), expected);
    });
}

/// A push that is under way: the server has taken it and does not say so before `go` is there.
fn held_push(home: &Home, scene: &Scene<'_>) -> Child {
    let hook = scene.server.join("hooks/post-receive");
    fs::rename(&hook, home.path("logging")).expect("the hook");
    let script = format!(
        "#!/bin/sh\n'{}'\ntouch '{}'\nwhile [ ! -e '{}' ]; do sleep 0.05; done\n",
        home.path("logging").display(),
        home.path("held").display(),
        home.path("go").display()
    );
    put_hook(&hook, script, 0o755);
    let child = home
        .command(program(), &scene.clone.folder)
        .args(["push", "origin", "main"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    wait_for("the server to have it", || {
        home.path("held").exists().then_some(())
    });
    child
}

#[test]
fn killed_while_git_pushes_it_is_the_hook_that_triggers() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        let mut child = held_push(home, &scene);
        child.kill().expect("it runs");
        child.wait().expect("its end");
        assert_eq!(scene.clone.spooled("pushes").len(), 1);
        assert_eq!(scene.fired().len(), 0);
        fs::write(home.path("go"), "").expect("a file");
        wait_for("the trigger", || (!scene.fired().is_empty()).then_some(()));
        wait_for("the end of it", || {
            let empty = |folder| scene.clone.spooled(folder).is_empty();
            (empty("pushes") && empty("new")).then_some(())
        });
        scene.assert_fired(1);
    });
}

#[test]
fn a_git_that_was_killed_ends_with_the_code_of_its_signal() {
    with_each_git(|home| {
        let scene = scene_with(home, RULES);
        scene.install();
        let script = "#!/bin/sh\ncat >/dev/null\nkill -9 $PPID\n";
        put_hook(&scene.clone.hooks().join("pre-push"), script, 0o755);
        assert_eq!(scene.push(&["origin", "main"]).code, 137);
        scene.assert_fired(0);
    });
}

#[test]
fn a_server_that_dies_before_it_answers_is_asked_by_the_hook() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        // It has taken it by then.
        let script = "#!/bin/sh\n[ \"$1\" != committed ] || kill -9 $PPID\n";
        put_hook(&scene.server.join("hooks/reference-transaction"), script, 0o755);
        let ran = scene.push(&["origin", "main"]);
        assert_eq!(ran.code, 128, "{}", ran.whole());
        let expected =
            "warning: the remote did not say whether it took main; it is asked, see: jenkins-trigger log\n";
        assert!(ran.stderr.ends_with(expected), "{}", ran.whole());
        wait_for("the trigger", || (!scene.fired().is_empty()).then_some(()));
        wait_for("the end of it", || {
            let empty = |folder| scene.clone.spooled(folder).is_empty();
            (empty("pushes") && empty("new")).then_some(())
        });
        assert_eq!(scene.fired(), [format!("main {}", scene.clone.head())]);
    });
}
