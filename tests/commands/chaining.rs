//! Hooks that were there before: moved aside, run first, and back again.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::helpers::{filtered, home, listing, put_hook};
use crate::support::{Ran, Repository, program, with_each_git};

const FILE: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n";

/// Installs over what is there and takes it out again: everything is as before.
#[track_caller]
fn comes_back(repository: &Repository<'_>) {
    let before = listing(&repository.folder);
    repository.install();
    assert_ne!(listing(&repository.folder), before);
    repository.tool(&["uninstall"]).succeeded();
    assert_eq!(listing(&repository.folder), before);
}

fn put(repository: &Repository<'_>, hook: &str, content: &[u8], mode: u32) {
    put_hook(&repository.hooks().join(hook), content, mode);
}

#[test]
fn a_hook_that_was_there_is_said_to_run_first_and_is_said_to_be_back() {
    let home = home();
    let repository = home.repository("shop", FILE);
    put(&repository, "post-commit", b"#!/bin/sh\necho mine\n", 0o755);
    put(&repository, "post-merge", b"#!/bin/sh\necho off\n", 0o644);
    let ran = repository.install();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        installed [HOME]/shop/.git/hooks/post-commit
        installed [HOME]/shop/.git/hooks/post-merge
        installed [HOME]/shop/.git/hooks/post-rewrite
        ----- stderr -----
        the hook that was there runs first, from [HOME]/shop/.git/hooks/post-commit.before-jenkins-trigger
        the hook that was there, which git does not run, is kept as [HOME]/shop/.git/hooks/post-merge.before-jenkins-trigger
        trusted: https://ci.example.com/ may be sent your credentials from here
        allowed: shop/deploy on https://ci.example.com/ (api)
        ");
    });
    let ran = repository.tool(&["uninstall"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        restored [HOME]/shop/.git/hooks/post-commit
        restored [HOME]/shop/.git/hooks/post-merge
        removed [HOME]/shop/.git/hooks/post-rewrite
        ----- stderr -----
        ");
    });
}

#[test]
fn a_hook_of_any_content_and_mode_comes_back_byte_for_byte() {
    with_each_git(|home| {
        let binary = fs::read("/bin/true").expect("a binary");
        let contents: [&[u8]; 7] = [
            &binary,
            b"#!/bin/sh\n# \xfc\xff\n",
            b"",
            b"\n\n\n",
            b"#!/bin/sh\r\necho no newline at the end",
            b"#!/bin/sh\n# jenkins-trigger was here once\n",
            b"#!/usr/bin/env python3\nprint('x')\n# jenkins-trigger hook, version 1\n",
        ];
        for (number, content) in contents.into_iter().enumerate() {
            let repository = home.repository(&format!("shop-{number}"), FILE);
            put(&repository, "post-commit", content, 0o755);
            put(&repository, "post-merge", content, 0o644);
            put(&repository, "post-rewrite", content, 0o4711);
            comes_back(&repository);
        }
    });
}

#[test]
fn a_hook_that_is_a_link_comes_back_as_that_link() {
    with_each_git(|home| {
        let targets: [&Path; 4] = [
            Path::new("/bin/true"),
            Path::new("nowhere"),
            program(),
            Path::new("../../scripts/hook"),
        ];
        for (number, target) in targets.into_iter().enumerate() {
            let repository = home.repository(&format!("link-{number}"), FILE);
            fs::create_dir_all(repository.hooks()).expect("a folder");
            symlink(target, repository.hooks().join("post-commit")).expect("a link");
            comes_back(&repository);
        }
    });
}

#[test]
fn a_backup_name_that_is_taken_is_left_alone() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        put(&repository, "post-commit", b"#!/bin/sh\necho mine\n", 0o755);
        put(
            &repository,
            "post-commit.before-jenkins-trigger",
            b"precious",
            0o600,
        );
        symlink(
            "nowhere",
            repository.hooks().join("post-commit.before-jenkins-trigger-2"),
        )
        .expect("a link");
        repository.install();
        let third = repository.hooks().join("post-commit.before-jenkins-trigger-3");
        assert_eq!(fs::read(third).expect("the hook"), b"#!/bin/sh\necho mine\n");
        repository.tool(&["uninstall"]).succeeded();
        comes_back(&repository);
    });
}

/// Somebody wrote his own hook over ours: that one is moved aside in its turn.
#[test]
fn a_hook_that_came_after_ours_is_chained_too_and_nothing_is_lost() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        put(&repository, "post-commit", b"#!/bin/sh\necho first\n", 0o755);
        repository.install();
        put(&repository, "post-commit", b"#!/bin/sh\necho second\n", 0o700);
        repository.install();
        repository.tool(&["uninstall"]).succeeded();
        let hooks = repository.hooks();
        assert_eq!(
            fs::read(hooks.join("post-commit")).expect("the hook"),
            b"#!/bin/sh\necho second\n"
        );
        let first = hooks.join("post-commit.before-jenkins-trigger");
        assert_eq!(fs::read(first).expect("the first"), b"#!/bin/sh\necho first\n");
    });
}

#[test]
fn a_chained_hook_with_a_name_that_is_no_utf8_in_its_path_comes_back() {
    let home = home();
    let folder = home.path(std::ffi::OsStr::from_bytes(b"sh\xffop"));
    fs::create_dir_all(&folder).expect("a folder");
    home.git(&folder, &["init", "-q"]);
    let hooks = folder.join(".git/hooks");
    fs::create_dir_all(&hooks).expect("a folder");
    fs::write(hooks.join("post-commit"), "#!/bin/sh\n").expect("a hook");
    let before = listing(&folder);
    home.tool(&folder, &["install", "post-commit"]).succeeded();
    home.tool(&folder, &["uninstall"]).succeeded();
    assert_eq!(listing(&folder), before);
}

fn content(repository: &Repository<'_>, name: &str) -> Option<Vec<u8>> {
    fs::read(repository.hooks().join(name)).ok()
}

/// What ours had moved aside would otherwise never run again, and nobody would say so.
#[test]
fn a_hook_whose_chain_was_broken_by_hand_is_chained_again() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        let mine = b"#!/bin/sh\necho mine >&2\n";
        put(&repository, "post-commit", mine, 0o755);
        repository.install();
        fs::remove_file(repository.hooks().join("post-commit")).expect("ours is there");
        let ran = repository.install();
        assert!(ran.stderr.contains("runs first, from"), "{}", ran.whole());
        let commit = repository.commit("work");
        assert!(commit.stderr.contains("mine\n"), "{}", commit.whole());
        repository.tool(&["uninstall"]).succeeded();
        assert_eq!(content(&repository, "post-commit").as_deref(), Some(&mine[..]));

        repository.install();
        fs::remove_file(repository.hooks().join("post-commit")).expect("ours is there");
        repository.tool(&["uninstall"]).succeeded();
        assert_eq!(content(&repository, "post-commit").as_deref(), Some(&mine[..]));
    });
}

/// A file that was never ours to move is none of ours to put anywhere.
#[test]
fn a_file_with_a_name_like_our_backups_is_not_made_a_hook() {
    let home = home();
    let repository = home.repository("shop", FILE);
    for name in [
        "post-merge.before-jenkins-trigger-mine",
        "post-merge.before-jenkins-triggers",
    ] {
        put(&repository, name, b"#!/bin/sh\n", 0o755);
    }
    let before = listing(&repository.folder);
    repository.tool(&["uninstall"]).succeeded();
    assert_eq!(listing(&repository.folder), before);
    comes_back(&repository);
}

/// As after an update to another system, or of a file that was cut off.
#[test]
fn a_program_that_does_not_start_keeps_no_chained_hook_from_running() {
    with_each_git(|home| {
        for (name, lose) in [
            (
                "garbage",
                (|path: &Path| fs::write(path, b"\x7fELFgarbage").expect("a file")) as fn(&Path),
            ),
            ("folder", |path| {
                fs::remove_file(path).expect("the program");
                fs::create_dir(path).expect("a folder");
            }),
        ] {
            let repository = home.repository(name, FILE);
            put(&repository, "post-commit", b"#!/bin/sh\necho mine >&2\n", 0o755);
            let copy = home.path(name).join("jenkins-trigger-copy");
            // Not by this process: another thread's child would keep it open, and nobody could run it.
            let mut cp = home.command("cp", &repository.folder);
            Ran::of(cp.arg(program()).arg(&copy)).succeeded();
            let mut install = home.command(&copy, &repository.folder);
            Ran::of(install.args(["install", "post-commit"])).succeeded();
            lose(&copy);
            let commit = repository.git(&["commit", "--allow-empty", "-m", "work"]);
            assert!(commit.stderr.contains("mine\n"), "{name}: {}", commit.whole());
            // Without one, it fails nothing either.
            let mut hook = home.command("sh", &repository.folder);
            let ran = Ran::of(hook.args([".git/hooks/post-merge", "0"]));
            assert_eq!(ran.code, 0, "{name}: {}", ran.whole());
        }
    });
}

/// A chained hook that commits elsewhere finds the hooks of that place as without us.
#[test]
fn switched_off_each_chained_hook_runs_in_its_own_repository() {
    with_each_git(|home| {
        let inner = home.repository("inner", FILE);
        put(&inner, "post-commit", b"#!/bin/sh\necho inner >&2\n", 0o755);
        inner.install();
        let outer = home.repository("outer", FILE);
        let script = format!(
            "#!/bin/sh\necho outer >&2\ncd '{}' && unset GIT_DIR GIT_INDEX_FILE && git commit -q --allow-empty -m x\n",
            inner.folder.display()
        );
        put(&outer, "post-commit", script.as_bytes(), 0o755);
        outer.install();
        let mut git = home.command("git", &outer.folder);
        git.args(["commit", "-q", "--allow-empty", "-m", "work"])
            .env("JENKINS_TRIGGER", "0");
        let ran = Ran::of(&mut git).succeeded();
        assert_eq!(ran.stderr, "outer\ninner\n");
    });
}

/// What a link leads to changes with every update of a package.
#[test]
fn the_hook_runs_the_program_by_the_link_it_was_started_by() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let link = home.path("bin/jenkins-trigger");
    symlink(program(), &link).expect("a link");
    for started in [link.as_path(), Path::new("jenkins-trigger")] {
        let mut install = home.command(started, &repository.folder);
        Ran::of(install.args(["install", "post-commit"])).succeeded();
        let script = content(&repository, "post-commit").expect("the hook");
        let line = format!("binary='{}'\n", link.display());
        assert!(String::from_utf8_lossy(&script).contains(&line));
    }
}

/// Other repositories may run it too, and have nothing to do with it.
#[test]
fn a_hooks_folder_that_is_a_link_to_a_shared_one_is_said_and_is_silent_for_others() {
    with_each_git(|home| {
        let shared = home.path("shared");
        fs::create_dir(&shared).expect("a folder");
        let linked = |name: &str| {
            let repository = home.repository(name, "");
            let _ = fs::remove_dir_all(repository.hooks());
            symlink(&shared, repository.hooks()).expect("a link");
            repository
        };
        let (one, other) = (linked("one"), linked("other"));
        let ran = one.install();
        assert!(
            ran.stderr.contains("lies outside of this repository"),
            "{}",
            ran.whole()
        );
        let commit = other.git(&["commit", "--allow-empty", "-m", "work"]);
        assert_eq!(commit.stderr, "");
    });
}
