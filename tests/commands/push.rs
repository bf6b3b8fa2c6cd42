//! `push`: what the remote took is triggered, and nothing else.

use crate::helpers::{filtered, home, put_hook};
use crate::push_scene::{RULES, scene, scene_in, scene_with};
use crate::support::with_each_git;

#[test]
fn what_is_pushed_is_triggered_and_shown_as_git_shows_it() {
    let home = home();
    let scene = scene(&home);
    let ran = scene.push(&["-u", "origin", "main"]);
    scene.assert_fired(1);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        branch 'main' set up to track 'origin/main'.
        queued main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        To ../server.git
         * [new branch]      main -> main
        ");
    });
    scene.commit("second");
    let ran = scene.push(&[]);
    scene.assert_fired(2);
    filtered(&home, || {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"[0-9a-f]{7}\.\.[0-9a-f]{7}", "[OLD]..[NEW]");
        settings.bind(|| {
            insta::assert_snapshot!(ran.whole(), @"
            exit code: 0
            ----- stdout -----
            queued main → shop/deploy: item 2 http://[JENKINS]/queue/item/2/
            ----- stderr -----
            To ../server.git
               [OLD]..[NEW]  main -> main
            ");
        });
    });
}

/// The options before the server, the rest after it.
fn with<'a>(server: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    let (options, rest): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    [options, vec![server], rest].concat()
}

#[test]
fn what_git_prints_without_us_is_what_is_printed() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.branch("other");
        scene.branch("bad");
        scene.refuse("bad");
        scene.clone.git(&["tag", "v1"]);
        scene.add_server("twin.git", &[]);
        let hook = std::fs::read(scene.server.join("hooks/update")).expect("the hook");
        put_hook(&home.path("twin.git/hooks/update"), hook, 0o755);
        for arguments in [
            &["main", "other"][..],
            &["main"],
            &["-u", "main", "main:another"],
            &["-v", "main", "v1"],
            &["main~0:refs/heads/x", "bad"],
            &["-q", "v1:refs/tags/v2"],
            &["-q", "bad", "v1:refs/tags/v3"],
            &["--delete", "x"],
            &["-f", "other:main"],
            &["main:main"],
            &["nothing"],
        ] {
            let there = scene
                .clone
                .try_git(&[vec!["push"], with("../twin.git", arguments)].concat());
            let here = scene.push(&with("../server.git", arguments));
            let sorted = |text: &str| {
                let ours = ["no rule fires", "queued "];
                let mut lines: Vec<String> = text
                    .lines()
                    .filter(|line| !ours.iter().any(|word| line.starts_with(word)))
                    .map(|line| line.trim_end().replace("twin", "server"))
                    .collect();
                lines.sort();
                lines
            };
            assert_eq!(sorted(&here.stderr), sorted(&there.stderr), "{arguments:?}");
            assert_eq!(sorted(&here.stdout), sorted(&there.stdout), "{arguments:?}");
            assert_eq!(here.code, there.code, "{arguments:?}");
        }
    });
}

#[test]
fn each_branch_and_tag_fires_for_itself() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.branch("one");
        scene.branch("two");
        scene.push(&["origin", "one", "two"]).succeeded();
        scene.assert_fired(2);
        scene.clone.git(&["tag", "-a", "-m", "v1", "v1"]);
        scene.clone.git(&["tag", "v2", "main"]);
        scene.push(&["--all", "origin"]).succeeded();
        scene.assert_fired(3);
        scene.push(&["origin", "--tags"]).succeeded();
        scene.assert_fired(5);
    });
}

#[test]
fn a_format_that_libgit2_cannot_open_is_as_good() {
    with_each_git(|home| {
        let scene = scene_in(home, RULES, &["--object-format=sha256"]);
        scene.branch("one");
        scene.clone.git(&["tag", "-a", "-m", "v1", "v1"]);
        scene.push(&["origin", "main", "one", "v1"]).succeeded();
        scene.assert_fired(3);
        scene.commit("more");
        scene.push(&["origin", "HEAD", "one~1:refs/heads/x"]).succeeded();
        scene.assert_fired(5);
    });
}

#[test]
fn deletions_and_what_is_up_to_date_fire_nothing() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.push(&["origin", "main", "main:other"]).succeeded();
        scene.assert_fired(2);
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert_eq!(ran.stderr, "Everything up-to-date\n");
        scene.push(&["origin", "--delete", "other"]).succeeded();
        scene.push(&["origin", ":refs/tags/nothing"]);
        scene.clone.git(&["notes", "add", "-m", "a note"]);
        scene.push(&["origin", "refs/notes/commits"]).succeeded();
        let notes = scene
            .taken()
            .into_iter()
            .filter(|line| line.starts_with("refs/notes"));
        assert_eq!(notes.count(), 1);
        assert_eq!(scene.fired().len(), 2);
    });
}

#[test]
fn a_forced_push_fires_for_where_the_branch_is_now() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.commit("second");
        scene.push(&["origin", "main"]).succeeded();
        scene
            .clone
            .git(&["commit", "-q", "--amend", "--allow-empty", "-m", "other"]);
        assert_eq!(scene.push(&["origin", "main"]).code, 1);
        scene.assert_fired(1);
        scene.push(&["-f", "origin", "main"]).succeeded();
        scene.assert_fired(2);
        scene
            .clone
            .git(&["commit", "-q", "--amend", "--allow-empty", "-m", "third"]);
        scene
            .push(&["--force-with-lease", "origin", "+main:main"])
            .succeeded();
        scene.assert_fired(3);
    });
}

#[test]
fn what_the_server_rejects_fires_nothing_and_git_s_exit_code_stays() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.refuse("bad");
        scene.branch("good");
        scene.branch("bad");
        let ran = scene.push(&["origin", "good", "bad"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(
            ran.stderr
                .contains(" ! [remote rejected] bad -> bad (hook declined)\n"),
            "{}",
            ran.whole()
        );
        scene.assert_fired(1);
        scene.branch("better");
        assert_eq!(scene.push(&["--atomic", "origin", "better", "bad"]).code, 1);
        scene.assert_fired(1);
    });
}

#[test]
fn a_dry_run_fires_nothing_however_it_is_spelled() {
    with_each_git(|home| {
        let scene = scene(home);
        for spelling in ["-n", "--dry-run", "--dr", "-fn"] {
            let ran = scene.push(&["origin", spelling, "main"]).succeeded();
            assert!(ran.stderr.contains(" * [new branch]      main -> main\n"));
            assert!(ran.stderr.ends_with("a dry run: nothing is triggered\n"));
        }
        scene.assert_fired(0);
        scene
            .push(&["origin", "-n", "--no-dry-run", "-o", "-n", "main"])
            .code
            .ne(&0)
            .then_some(())
            .expect("the server takes no push options");
        scene.push(&["-n", "--no-dry-run", "origin", "main"]).succeeded();
        scene.assert_fired(1);
    });
}

#[test]
fn quiet_is_as_quiet_as_git() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.refuse("bad");
        let ran = scene.push(&["-q", "-u", "origin", "main"]).succeeded();
        assert_eq!(ran.stderr, "", "{}", ran.whole());
        assert!(ran.stdout.starts_with("queued main → shop/deploy"));
        scene.branch("bad");
        let ran = scene.push(&["--quiet", "origin", "bad"]);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("! [remote rejected] bad"), "{}", ran.whole());
        scene.assert_fired(1);
    });
}

#[test]
fn who_wants_the_lines_for_programs_gets_them_and_no_other_on_stdout() {
    with_each_git(|home| {
        let scene = scene(home);
        let ran = scene.push(&["--porcelain", "origin", "main"]).succeeded();
        assert_eq!(
            ran.stdout,
            "To ../server.git\n*\trefs/heads/main:refs/heads/main\t[new branch]\nDone\n"
        );
        assert!(
            ran.stderr.contains("queued main → shop/deploy"),
            "{}",
            ran.whole()
        );
        scene.assert_fired(1);
        scene.commit("second");
        let ran = scene
            .push(&["origin", "main", "--porcelain", "--no-porcelain"])
            .succeeded();
        assert!(ran.stderr.contains("main -> main\n"), "{}", ran.whole());
        scene.assert_fired(2);
        let there = scene
            .clone
            .git(&["push", "-q", "--porcelain", "origin", "main:one"]);
        let here = scene
            .push(&["-q", "--porcelain", "origin", "main:two"])
            .succeeded();
        assert_eq!(here.stdout, "Done\n");
        assert_eq!(here.stdout, there.stdout);
    });
}

#[test]
fn what_is_pushed_may_be_anything_that_git_understands() {
    with_each_git(|home| {
        let scene = scene(home);
        let first = scene.clone.head();
        scene.commit("second");
        scene.commit("third: a fix");
        let id = format!("{first}:refs/heads/by-id");
        let short = format!("{}:refs/heads/by-short-id", &first[..9]);
        scene.push(&["origin", "HEAD:other"]).succeeded();
        scene.push(&["origin", &id]).succeeded();
        scene.push(&["origin", &short]).succeeded();
        scene.push(&["origin", "main~1:refs/heads/before"]).succeeded();
        scene.push(&["origin", ":/a fix:refs/heads/found"]).succeeded();
        scene.push(&["origin", "@:refs/heads/at"]).succeeded();
        scene
            .push(&["origin", "origin/before~1:refs/heads/deep"])
            .succeeded();
        scene
            .push(&["origin", "refs/heads/*:refs/heads/all/*"])
            .succeeded();
        scene.push(&["origin", "v1:refs/heads/no"]);
        scene.assert_fired(8);
        // Where no copy is kept, and git tells no id.
        scene
            .push(&["../server.git", "main~1:refs/heads/raw", "main:refs/heads/raw2"])
            .succeeded();
        scene.assert_fired(10);
        scene
            .push(&[
                "../server.git",
                "main~2:refs/heads/raw",
                "+main~1:refs/heads/raw2",
            ])
            .code
            .eq(&1)
            .then_some(())
            .expect("one is no fast-forward");
        scene.assert_fired(11);
    });
}

#[test]
fn a_commit_made_meanwhile_is_never_taken_for_the_one_that_was_pushed() {
    with_each_git(|home| {
        let scene = scene(home);
        let script = "#!/bin/sh\ngit commit -q --allow-empty -m meanwhile\n";
        put_hook(&scene.clone.hooks().join("pre-push"), script, 0o755);
        scene.push(&["origin", "main"]).succeeded();
        scene.assert_fired(1);
        scene.push(&["../server.git", "main"]).succeeded();
        scene.assert_fired(2);
        // Nothing tells which of the two it was.
        let ran = scene.push(&["../server.git", "main:refs/heads/new"]).succeeded();
        assert!(
            ran.stderr.contains(
                "warning: new was pushed, but it moved meanwhile and git does not tell which commit the remote \
                 has; nothing is triggered for it; if it is to be: jenkins-trigger trigger --branch new\n"
            ),
            "{}",
            ran.whole()
        );
        assert_eq!((scene.fired().len(), scene.taken().len()), (2, 3));
    });
}

#[test]
fn a_remote_with_two_addresses_is_one_push() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.add_server("twin.git", &[]);
        scene
            .clone
            .git(&["remote", "set-url", "--add", "--push", "origin", "../server.git"]);
        scene
            .clone
            .git(&["remote", "set-url", "--add", "--push", "origin", "../twin.git"]);
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(ran.stderr.contains("To ../server.git\n"), "{}", ran.whole());
        assert!(ran.stderr.contains("To ../twin.git\n"), "{}", ran.whole());
        assert_eq!((scene.fired().len(), scene.taken().len()), (1, 2));
        std::fs::remove_dir_all(home.path("twin.git")).expect("the folder");
        scene.commit("second");
        assert_eq!(scene.push(&["origin", "main"]).code, 128);
        assert_eq!((scene.fired().len(), scene.taken().len()), (2, 3));
    });
}

#[test]
fn the_remote_is_the_one_that_git_chooses() {
    let file = "  - { job: shop/deploy, remotes: [backup], parameters: { SHA: \"${sha}\" } }\n";
    with_each_git(|home| {
        let scene = scene_with(home, file);
        scene.add_server("backup.git", &[]);
        scene.clone.git(&["remote", "add", "backup", "../backup.git"]);
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(
            ran.stderr.ends_with(
                "no rule fires for main: shop/deploy: it is for remote backup only, and this went to origin\n"
            ),
            "{}",
            ran.whole()
        );
        scene.clone.git(&["config", "push.default", "current"]);
        for (key, remote, fires) in [
            ("branch.main.remote", "backup", true),
            ("remote.pushDefault", "origin", false),
            ("branch.main.pushRemote", "backup", true),
        ] {
            scene.clone.git(&["config", key, remote]);
            let before = scene.fired().len();
            scene.commit(key);
            scene.push(&[]).succeeded();
            assert_eq!(scene.fired().len() > before, fires, "{key}");
        }
        scene.commit("by its address");
        scene.push(&["../backup.git", "main"]).succeeded();
        scene.push(&["--repo=backup", "-f"]).succeeded();
        assert_eq!(scene.fired().len(), 3);
    });
}

#[test]
fn a_review_is_no_branch_and_says_so() {
    let home = home();
    let scene = scene(&home);
    let ran = scene.push(&["origin", "HEAD:refs/for/main"]).succeeded();
    assert!(
        ran.stderr.contains("goes to a review and is no branch yet"),
        "{}",
        ran.whole()
    );
    assert_eq!(scene.fired().len(), 0);
}

#[test]
fn a_push_that_git_cannot_make_ends_as_git_ends_it() {
    with_each_git(|home| {
        let scene = scene(home);
        assert_eq!(scene.push(&["../nowhere.git", "main"]).code, 128);
        assert_eq!(scene.push(&["--no-such-option"]).code, 129);
        assert_eq!(scene.push(&["origin", "no-such-branch"]).code, 1);
        let outside = home.tool(&home.path("home"), &["push", "origin"]);
        assert_eq!(outside.code, 128, "{}", outside.whole());
        assert_eq!(outside.stderr.lines().count(), 1, "{}", outside.whole());
        scene.assert_fired(0);
    });
}
