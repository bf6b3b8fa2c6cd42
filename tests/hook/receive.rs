//! A push that a repository has taken.

use std::fs;
use std::path::PathBuf;

use jenkins_stand_in::StandIn;

use crate::support::{Home, Ran, Repository, filtered, program, with_each_git};
use crate::watch::{commits, hook_script, said, shop_with_sha, triggers, wait_for_fired, write_program};

/// A bare repository whose default branch has the file, and a clone to push from.
pub struct Scene<'a> {
    pub bare: PathBuf,
    pub clone: Repository<'a>,
}

pub fn file(jenkins: &StandIn) -> String {
    format!(
        "version: 1\nserver: {}\njobs:\n\
         \x20 - {{ name: branches, job: shop/deploy, events: [post-receive], parameters: {{ SHA: \"${{sha}}\" }} }}\n\
         \x20 - {{ name: tags, job: shop/other, tags: [\"v*\"], parameters: {{ SHA: \"${{sha}}\" }} }}\n",
        jenkins.url()
    )
}

pub fn scene<'a>(home: &'a Home, file: &str) -> Scene<'a> {
    scene_with(home, file, &[])
}

/// The same, with options for `git init`.
pub fn scene_with<'a>(home: &'a Home, file: &str, options: &[&str]) -> Scene<'a> {
    let clone = home.repository_with("clone", file, options);
    clone.commit("base");
    // What it is called otherwise may be another git's.
    let other_side = "--upload-pack=git upload-pack";
    home.git(
        &home.path(""),
        &["clone", "-q", "--bare", other_side, "clone", "bare.git"],
    );
    let bare = home.path("bare.git");
    clone.git(&["remote", "add", "origin", &bare.display().to_string()]);
    clone.git(&["config", "remote.origin.receivepack", "git receive-pack"]);
    home.tool(&bare, &["trust", "--yes"]).succeeded();
    write_program(&bare.join("hooks/post-receive"), hook_script("post-receive"));
    Scene { bare, clone }
}

impl Scene<'_> {
    pub fn commit(&self, message: &str) -> String {
        self.clone.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.clone.head()
    }

    pub fn push(&self, what: &[&str]) -> Ran {
        self.clone.git(&[&["push", "-q", "origin"], what].concat())
    }

    /// One more push, and nothing has come but what is expected.
    #[track_caller]
    pub fn assert_fired(&self, jenkins: &StandIn, expected: &[String]) {
        self.clone.git(&["checkout", "-q", "-B", "the-end"]);
        let end = self.commit("the end");
        self.push(&["the-end"]);
        wait_for_fired(jenkins, &[expected, &[end]].concat());
    }
}

#[test]
fn a_push_fires_for_each_branch_it_moved() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        let update = scene.commit("an update");
        let ran = scene.push(&["main"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        assert!(
            ran.stderr
                .contains("remote: jenkins-trigger: main → shop/deploy on "),
            "{}",
            ran.stderr
        );
        scene.clone.git(&["checkout", "-q", "-b", "one"]);
        let one = scene.commit("one");
        scene.clone.git(&["checkout", "-q", "-b", "two"]);
        let two = scene.commit("two");
        let ran = scene.push(&["one", "two"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        scene.assert_fired(&jenkins, &[update, one, two]);
        let branches: Vec<String> = triggers(&jenkins)
            .iter()
            .flat_map(|request| request.form_values("BRANCH"))
            .collect();
        assert_eq!(branches.first().map(String::as_str), Some("main"));
    });
}

#[test]
fn a_push_into_a_format_that_libgit2_cannot_open_fires_alike() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene_with(home, &file(&jenkins), &["--object-format=sha256"]);
        let update = scene.commit("an update");
        scene.clone.git(&["tag", "-a", "-m", "one", "v1"]);
        scene.clone.git(&["tag", "v-tree", "HEAD^{tree}"]);
        let ran = scene.push(&["main", "v1", "v-tree"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        scene.assert_fired(&jenkins, &[update.clone(), update]);
    });
}

#[test]
fn a_push_that_deletes_or_moves_nothing_fires_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        scene.push(&["main"]);
        scene.clone.git(&["checkout", "-q", "-b", "one"]);
        let one = scene.commit("one");
        scene.push(&["one"]);
        assert_eq!(said(&scene.push(&["--delete", "one"])), [""; 0]);
        scene.clone.git(&["notes", "add", "-m", "a note"]);
        assert_eq!(said(&scene.push(&["refs/notes/commits"])), [""; 0]);
        scene.assert_fired(&jenkins, &[one]);
    });
}

#[test]
fn a_tag_fires_for_its_commit_and_one_of_something_else_does_not() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        let base = scene.clone.head();
        scene.clone.git(&["tag", "v1"]);
        scene.clone.git(&["tag", "-a", "-m", "two", "v2", "v1"]);
        scene.clone.git(&["tag", "-a", "-m", "three", "v3", "v2"]);
        scene.clone.git(&["tag", "v-tree", "HEAD^{tree}"]);
        scene.clone.git(&["tag", "other"]);
        let ran = scene.push(&["--tags"]);
        assert_eq!(said(&ran).len(), 3, "{}", ran.whole());
        scene.assert_fired(&jenkins, &[base.clone(), base.clone(), base]);
    });
}

/// Whoever may push to some branch does not say what is triggered.
#[test]
fn the_file_of_the_default_branch_counts_and_no_other() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        scene.clone.git(&["checkout", "-q", "-b", "evil"]);
        let other = file(&jenkins).replace("shop/deploy", "shop/other");
        scene.clone.write(".jenkins-trigger.yml", other);
        scene.clone.commit("another file");
        let evil = scene.clone.head();
        let ran = scene.push(&["evil"]);
        assert!(ran.stderr.contains("evil → shop/deploy"), "{}", ran.stderr);
        scene.clone.git(&["rm", "-q", ".jenkins-trigger.yml"]);
        scene.clone.git(&["commit", "-q", "-m", "none"]);
        let none = scene.clone.head();
        scene.push(&["evil"]);
        scene.assert_fired(&jenkins, &[evil, none]);
    });
}

/// Also not what lies in a work tree.
#[test]
fn a_push_into_a_repository_with_a_work_tree_goes_by_its_branch() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let clone = home.repository("clone", &file(&jenkins));
        clone.commit("base");
        home.git(&home.path(""), &["clone", "-q", "clone", "served"]);
        let served = home.path("served");
        home.tool(&served, &["trust", "--yes"]).succeeded();
        write_program(
            &served.join(".git/hooks/post-receive"),
            hook_script("post-receive"),
        );
        fs::write(served.join(".jenkins-trigger.yml"), "nonsense").expect("a file");
        fs::write(served.join(".git/.jenkins-trigger.yml"), "nonsense").expect("a file");
        clone.git(&["checkout", "-q", "-b", "one"]);
        clone.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
        let place = served.display().to_string();
        clone.git(&["push", "-q", "--receive-pack=git receive-pack", &place, "one"]);
        wait_for_fired(&jenkins, &[clone.head()]);
    });
}

/// The folder that git runs the hook in is none of what was committed.
#[test]
fn a_file_that_lies_where_the_hook_runs_does_not_count() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let clone = home.repository("clone", "");
        clone.commit("base");
        home.git(&home.path(""), &["clone", "-q", "clone", "served"]);
        let served = home.path("served");
        write_program(
            &served.join(".git/hooks/post-receive"),
            hook_script("post-receive"),
        );
        for name in [".jenkins-trigger.yml", ".git/.jenkins-trigger.yml"] {
            fs::write(served.join(name), file(&jenkins)).expect("a file");
        }
        let place = served.display().to_string();
        let ran = clone.git(&[
            "push",
            "-q",
            "--receive-pack=git receive-pack",
            &place,
            "main:one",
        ]);
        assert!(ran.stderr.contains("the default branch has no"), "{}", ran.stderr);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
    });
}

#[test]
fn a_default_branch_that_is_not_there_is_said_in_one_line() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        home.git(&scene.bare, &["symbolic-ref", "HEAD", "refs/heads/nowhere"]);
        scene.commit("work");
        let ran = scene.push(&["main"]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"
                remote: jenkins-trigger: nothing triggered: HEAD names refs/heads/nowhere, which is no branch here, so no file is the default one; set it to one that is: git symbolic-ref HEAD refs/heads/...
                remote: jenkins-trigger: that is to be done on the server, in [HOME]/bare.git
                ");
            }
        });
        home.git(&scene.bare, &["symbolic-ref", "HEAD", "refs/heads/main"]);
        scene.assert_fired(&jenkins, &[]);
    });
}

#[test]
fn a_default_branch_without_a_file_is_said_in_one_line() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        scene.clone.git(&["rm", "-q", ".jenkins-trigger.yml"]);
        scene.clone.git(&["commit", "-q", "-m", "none"]);
        let ran = scene.push(&["main"]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"
                remote: jenkins-trigger: nothing triggered: the default branch has no .jenkins-trigger.yml; push one to it, or take the hook out: jenkins-trigger uninstall
                remote: jenkins-trigger: that is to be done on the server, in [HOME]/bare.git
                ");
            }
        });
        // What could not fire in any case is not worth a line.
        scene.clone.git(&["notes", "add", "-m", "a note"]);
        assert_eq!(said(&scene.push(&["refs/notes/commits"])), [""; 0]);
        assert!(commits(&jenkins).is_empty());
    });
}

/// One push is one event, however many branches it moves.
#[test]
fn more_triggers_than_one_push_may_make_are_all_held() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file(&jenkins).replace("jobs:", "max_triggers: 2\njobs:");
        let scene = scene(home, &file);
        for branch in ["one", "two", "three"] {
            scene.clone.git(&["branch", branch]);
        }
        let ran = scene.push(&["one", "two", "three"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        assert!(
            ran.stderr.contains("none of 3 triggers is sent"),
            "{}",
            ran.stderr
        );
        assert!(commits(&jenkins).is_empty());
    });
}

#[test]
fn a_hook_that_was_there_gets_the_lines_too() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        write_program(
            &scene.bare.join("hooks/post-receive"),
            hook_script("--chain hooks/post-receive.mine post-receive"),
        );
        write_program(
            &scene.bare.join("hooks/post-receive.mine"),
            "#!/bin/sh\ncat >seen\nexit 7\n",
        );
        let old = scene.clone.head();
        let new = scene.commit("work");
        let ran = scene.push(&["main"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        let seen = fs::read_to_string(scene.bare.join("seen")).expect("what was seen");
        assert_eq!(seen, format!("{old} {new} refs/heads/main\n"));
        scene.assert_fired(&jenkins, &[new]);
    });
}

/// As over ssh, the program may be called `git-receive-pack`.
#[test]
fn one_push_that_is_told_twice_fires_once() {
    with_each_git(|home| {
        for program_name in ["git receive-pack", "git-receive-pack"] {
            let jenkins = StandIn::start(shop_with_sha());
            let scene = scene(home, &file(&jenkins));
            let twice = format!(
                "#!/bin/sh\ncat >lines\n'{0}' hook post-receive <lines\n'{0}' hook post-receive <lines\n",
                program().display()
            );
            write_program(&scene.bare.join("hooks/post-receive"), twice);
            scene
                .clone
                .git(&["config", "remote.origin.receivepack", program_name]);
            let new = scene.commit("work");
            assert_eq!(said(&scene.push(&["main"])).len(), 1);
            scene.assert_fired(&jenkins, &[new]);
            fs::remove_dir_all(&scene.bare).expect("the repository");
            fs::remove_dir_all(&scene.clone.folder).expect("the clone");
        }
    });
}

/// git tells a config hook of it only by the folder it runs in.
#[test]
fn a_config_hook_knows_a_push_from_a_commit() {
    with_each_git(|home| {
        if !home.git.supports(2, 54) {
            return;
        }
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        let command = format!("'{}' hook config", program().display());
        home.git(&scene.bare, &["config", "hook.jenkins-trigger.command", &command]);
        home.git(
            &scene.bare,
            &["config", "hook.jenkins-trigger.event", "post-receive"],
        );
        let first = scene.commit("with both");
        assert_eq!(said(&scene.push(&["main"])).len(), 1);
        fs::remove_file(scene.bare.join("hooks/post-receive")).expect("the hook");
        let second = scene.commit("with one");
        scene.push(&["main"]);
        scene.assert_fired(&jenkins, &[first, second]);
    });
}
