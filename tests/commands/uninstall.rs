//! What uninstall takes out, and what it leaves.

use std::fs;

use crate::helpers::{filtered, home, listing};
use crate::support::with_each_git;

const FILE: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n";

#[test]
fn install_and_uninstall_leave_the_repository_as_it_was() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        fs::create_dir_all(repository.hooks()).expect("a folder");
        fs::write(repository.hooks().join("pre-commit"), "#!/bin/sh\n# \u{fc}\n").expect("a hook");
        let before = listing(&repository.folder);
        repository.install();
        repository.install();
        assert_ne!(listing(&repository.folder), before);
        let ran = repository.tool(&["uninstall"]).succeeded();
        assert_eq!(listing(&repository.folder), before);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 0
                ----- stdout -----
                removed [HOME]/shop/.git/hooks/post-commit
                removed [HOME]/shop/.git/hooks/post-merge
                removed [HOME]/shop/.git/hooks/post-rewrite
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn a_hooks_folder_that_install_created_goes_again_if_it_is_empty() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.git(&["config", "core.hooksPath", "tools/hooks"]);
        let before = listing(&repository.folder);
        repository.install();
        repository.tool(&["uninstall"]).succeeded();
        assert_eq!(listing(&repository.folder), before);
    });
}

#[test]
fn without_a_hook_there_is_nothing_to_remove() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let before = listing(&repository.folder);
    let ran = repository.tool(&["uninstall"]);
    assert_eq!(listing(&repository.folder), before);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        ----- stderr -----
        nothing to remove: the hook is not installed
        ");
    });
}

#[test]
fn a_second_uninstall_finds_nothing() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    repository.tool(&["uninstall"]).succeeded();
    let ran = repository.tool(&["uninstall"]).succeeded();
    assert!(ran.stderr.starts_with("nothing to remove"), "{}", ran.whole());
}

#[test]
fn a_hook_that_took_the_place_of_ours_stays_and_is_said() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    let hook = repository.hooks().join("post-commit");
    fs::write(&hook, "#!/bin/sh\nexec lefthook run post-commit\n").expect("a hook");
    let mut before = listing(&repository.folder);
    let ran = repository.tool(&["uninstall"]);
    // The other two are still ours.
    before.remove(&repository.hooks().join("post-merge"));
    before.remove(&repository.hooks().join("post-rewrite"));
    assert_eq!(listing(&repository.folder), before);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        removed [HOME]/shop/.git/hooks/post-merge
        removed [HOME]/shop/.git/hooks/post-rewrite
        ----- stderr -----
        [HOME]/shop/.git/hooks/post-commit is not jenkins-trigger's and stays as it is
        ");
    });
}

#[test]
fn it_works_without_a_valid_file_and_from_below() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    repository.write(".jenkins-trigger.yml", "not: [valid");
    repository.write("src/a", "");
    home.tool(&repository.path("src"), &["uninstall"]).succeeded();
    assert!(!repository.hooks().join("post-commit").exists());
}

#[test]
fn it_takes_the_hook_out_of_a_linked_worktrees_repository() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.commit("first");
        repository.install();
        repository.git(&["worktree", "add", "-q", "../linked"]);
        home.tool(&home.path("linked"), &["uninstall"]).succeeded();
        assert!(!repository.hooks().join("post-commit").exists());
    });
}

#[test]
fn it_finds_the_hook_although_the_hooks_path_was_set_since() {
    with_each_git(|home| {
        for scope in ["--local", "--global"] {
            let repository = home.repository(&format!("shop{scope}"), FILE);
            repository.install();
            repository.git(&["config", scope, "core.hooksPath", "/opt/company/hooks"]);
            let ran = repository.tool(&["uninstall"]);
            assert!(
                !repository.hooks().join("post-commit").exists() && ran.code == 0,
                "{scope}: the hook is still there\n{}",
                ran.whole()
            );
            repository.git(&["config", scope, "--unset", "core.hooksPath"]);
        }
    });
}
