//! Hooks that were there before: moved aside, run first, and back again.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::helpers::{filtered, home, listing};
use crate::support::{Repository, program, with_each_git};

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
    let path = repository.hooks().join(hook);
    fs::create_dir_all(repository.hooks()).expect("a folder");
    fs::write(&path, content).expect("a hook");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
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
