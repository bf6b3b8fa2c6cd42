//! A remote that does not say what it has: nothing is guessed, and it is asked again.

use std::fs;

use serde_json::{Value, json};

use crate::http::Asked;
use crate::scene::{Scene, entries, with_all_gits};
use crate::server::Way;
use crate::support::{Home, Ran, gits, wait_for, with_each_git, write_script};

impl Scene<'_> {
    /// Pushes a tag, of which nothing in the clone says whether the remote took it.
    fn push_tag(&self, name: &str) {
        self.clone.git(&["tag", name]);
        self.pushed(&["origin", name]);
    }

    /// Time goes by.
    fn change_undecided(&self, key: &str, value: &Value) {
        for path in entries(&self.spool.join("undecided")) {
            let text = fs::read_to_string(&path).expect("a push");
            let mut push: Value = serde_json::from_str(&text).expect("JSON");
            push[key] = value.clone();
            fs::write(&path, push.to_string()).expect("a push");
        }
    }

    /// The remote was asked in vain.
    #[track_caller]
    fn assert_undecided(&self, name: &str) {
        wait_for("something undecided", || {
            (entries(&self.spool.join("undecided")).len() == 1).then_some(())
        });
        self.settle();
        assert_eq!(self.triggered(), []);
        let log = self.clone.tool(&["log"]).succeeded();
        assert!(log.stdout.contains("undecided"), "{}", log.whole());
        assert!(log.stdout.contains(name), "{}", log.whole());
    }
}

/// With one git only: it is given its time.
#[test]
fn a_remote_that_hangs_is_asked_again() {
    let home = Home::new(&gits()[0]);
    let scene = Scene::over(&home, Way::Http);
    scene.server.http().when_asked(Asked::Hangs);
    scene.push_tag("v1");
    scene.assert_undecided("v1");
    scene.server.http().when_asked(Asked::Answers);
    scene.clone.tool(&["retry"]).succeeded();
    scene.assert_fired(&["tags/v1"]);
    assert_eq!(entries(&scene.spool.join("undecided")).len(), 0);
}

#[test]
fn a_remote_that_wants_a_password_is_not_given_a_prompt() {
    with_each_git(|home| {
        let scene = Scene::over(home, Way::Http);
        let asked = home.path("asked");
        let askpass = home.path("bin/askpass");
        let script = format!("#!/bin/sh\ntouch '{}'\necho guess\n", asked.display());
        write_script(&askpass, script, 0o755);
        let program = askpass.display().to_string();
        scene.clone.git(&["config", "core.askPass", &program]);
        scene.clone.git(&["tag", "v1"]);
        scene.server.http().when_asked(Asked::Locked);
        let mut push = scene.command(&scene.clone.folder, &["push", "origin", "v1"]);
        for variable in ["GIT_ASKPASS", "SSH_ASKPASS"] {
            push.env(variable, &askpass);
        }
        // As if there were somebody to be asked.
        push.env_remove("GIT_TERMINAL_PROMPT")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("DISPLAY", ":0");
        Ran::of(&mut push).succeeded();
        scene.assert_undecided("v1");
        assert_ne!(scene.clone.tool(&["retry"]).code, 0);
        scene.assert_undecided("v1");
        assert!(!asked.exists(), "somebody was asked for a password");

        // The next push but for those right after it finds it answering.
        scene.server.http().when_asked(Asked::Answers);
        scene.change_undecided("asked", &Value::Null);
        scene.commit("work");
        scene.pushed(&["origin", "main"]);
        wait_for("everything to be decided", || {
            entries(&scene.spool.join("undecided")).is_empty().then_some(())
        });
        scene.assert_fired(&["main", "tags/v1"]);
    });
}

#[test]
fn a_password_that_git_has_is_used() {
    with_each_git(|home| {
        let scene = Scene::over(home, Way::Http);
        // ada:secret
        scene.server.http().lock("YWRhOnNlY3JldA==");
        let helper = "!printf 'username=ada\\npassword=secret\\n'; :";
        scene.clone.git(&["config", "credential.helper", helper]);
        scene.push_tag("v1");
        scene.assert_fired(&["tags/v1"]);
    });
}

/// What the remote does not have is no more to be asked for.
#[test]
fn what_was_undecided_and_is_not_there_fires_nothing() {
    with_all_gits(|home| {
        let scene = Scene::over(home, Way::Http);
        scene.server.http().when_asked(Asked::Locked);
        scene.clone.git(&["tag", "refused-1"]);
        scene.refused(&["origin", "refs/tags/refused-1"]);
        scene.assert_undecided("refused-1");
        let told = scene.clone.tool(&["retry", "--json"]);
        assert_eq!(told.code, 1);
        let entry: Value = serde_json::from_str(&told.stdout).expect("one JSON object and no more");
        assert_eq!(entry["outcome"], "undecided");
        scene.server.http().when_asked(Asked::Answers);
        scene.clone.tool(&["retry"]).succeeded();
        scene.assert_fired(&[]);
        assert_eq!(entries(&scene.spool.join("undecided")).len(), 0);
    });
}

#[test]
fn a_remote_that_is_gone_is_asked_again() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let moved = home.path("moved.git");
        scene.clone.git(&["tag", "v1"]);
        let hide = format!("mv '{}' '{}'", scene.server.bare.display(), moved.display());
        scene.server.hook("post-receive", &hide);
        scene.push(&["origin", "v1"]);
        scene.assert_undecided("v1");
        fs::rename(&moved, &scene.server.bare).expect("the server");
        scene.clone.tool(&["retry"]).succeeded();
        scene.assert_fired(&["tags/v1"]);
    });
}

#[test]
fn what_nobody_could_say_for_a_day_is_given_up_and_said() {
    with_each_git(|home| {
        let scene = Scene::over(home, Way::Http);
        scene.server.http().when_asked(Asked::Locked);
        scene.push_tag("v1");
        scene.assert_undecided("v1");
        scene.push_tag("v2");
        wait_for("both to be undecided", || {
            (entries(&scene.spool.join("undecided")).len() == 2).then_some(())
        });
        scene.settle();
        scene.change_undecided("created", &json!("2026-01-01T00:00:00Z"));
        let retry = scene.clone.tool(&["retry"]);
        assert!(
            retry.stdout.contains("v1") && retry.stdout.contains("v2"),
            "{}",
            retry.whole()
        );
        assert_eq!(entries(&scene.spool.join("undecided")).len(), 0);
        scene.server.http().when_asked(Asked::Answers);
        scene.clone.tool(&["retry"]).succeeded();
        scene.settle();
        assert_eq!(scene.triggered(), []);
    });
}
