//! Repositories whose git directory is not simply `.git`.

use std::fs;
use std::path::Path;

use jenkins_stand_in::StandIn;

use crate::helpers::{home, skipped};
use crate::support::{Home, Repository, gits, shop, short_file, wait_for, with_each_git};

/// Commits in a work tree and waits for the queue item of its branch.
#[track_caller]
fn assert_triggers(home: &Home, work_tree: &Path, jenkins: &StandIn) {
    let before = jenkins.posts().len();
    home.git(
        work_tree,
        &["commit", "-q", "--allow-empty", "-m", "a commit here"],
    );
    wait_for("a request", || (jenkins.posts().len() > before).then_some(()));
    let sha = home.git(work_tree, &["rev-parse", "HEAD"]).stdout;
    let logged = wait_for("the journal", || {
        let log = home.tool(work_tree, &["log", "--json"]).succeeded().stdout;
        log.contains(sha.trim()).then_some(log)
    });
    assert!(
        logged.contains("\"outcome\":\"queued\"") || logged.contains("\"outcome\":\"merged\""),
        "{logged}"
    );
}

fn every_branch(jenkins: &StandIn) -> String {
    short_file(jenkins).replace("main:", "\"**\":")
}

fn committed<'a>(home: &'a Home, name: &str, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository(name, &every_branch(jenkins));
    repository.commit("first");
    repository
}

#[test]
fn an_install_in_a_linked_worktree_serves_it_and_the_main_one() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = committed(home, "shop", &jenkins);
        let linked = home.path("linked");
        repository.git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        home.tool(&linked, &["install", "post-commit"]).succeeded();
        assert!(repository.hooks().join("post-commit").is_file());
        assert_triggers(home, &linked, &jenkins);
        assert_triggers(home, &repository.folder, &jenkins);
    });
}

#[test]
fn an_install_in_the_main_worktree_serves_a_linked_one() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = committed(home, "shop", &jenkins);
        repository.install();
        repository.git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        assert_triggers(home, &home.path("linked"), &jenkins);
    });
}

#[test]
fn a_worktree_of_a_bare_repository_is_served() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = committed(home, "shop", &jenkins);
        home.git(&home.path(""), &["clone", "-q", "--bare", "shop", "shop.git"]);
        home.git(
            &home.path("shop.git"),
            &["worktree", "add", "-q", "../linked", "-b", "topic"],
        );
        let linked = home.path("linked");
        home.tool(&linked, &["install", "post-commit"]).succeeded();
        assert!(home.path("shop.git/hooks/post-commit").is_file());
        assert!(!repository.hooks().join("post-commit").exists());
        assert_triggers(home, &linked, &jenkins);
    });
}

#[test]
fn a_submodule_has_its_own_hook() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        committed(home, "library", &jenkins);
        let outer = committed(home, "outer", &jenkins);
        outer.git(&["submodule", "--quiet", "add", "../library", "library"]);
        let inner = outer.path("library");
        home.tool(&inner, &["install", "post-commit"]).succeeded();
        assert!(outer.path(".git/modules/library/hooks/post-commit").is_file());
        assert!(!outer.hooks().join("post-commit").exists());
        assert_triggers(home, &inner, &jenkins);
    });
}

#[test]
fn a_separate_git_directory_is_served() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let options = ["--separate-git-dir", "../shop-data"];
        let repository = home.repository_with("shop", &every_branch(&jenkins), &options);
        repository.install();
        assert!(home.path("shop-data/hooks/post-commit").is_file());
        repository.git(&["add", "--all"]);
        assert_triggers(home, &repository.folder, &jenkins);
    });
}

#[test]
fn a_repository_that_libgit2_cannot_open_is_served() {
    let layouts = [
        ("--ref-format=reftable", (2, 45)),
        ("--object-format=sha256", (2, 29)),
    ];
    for git in gits() {
        for (option, (major, minor)) in layouts {
            if !git.supports(major, minor) {
                skipped(&format!("git {} has no {option}", git.version));
                continue;
            }
            let home = Home::new(&git);
            let jenkins = StandIn::start(shop());
            let repository = home.repository_with("shop", &every_branch(&jenkins), &[option]);
            repository.install();
            repository.git(&["add", "--all"]);
            assert_triggers(&home, &repository.folder, &jenkins);
            repository.tool(&["uninstall"]).succeeded();
            assert!(!repository.hooks().join("post-commit").exists());
        }
    }
}

#[test]
fn a_repository_reached_through_a_link_is_the_same_repository() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    std::os::unix::fs::symlink(&repository.folder, home.path("by-link")).expect("a link");
    home.tool(&home.path("by-link"), &["install", "post-commit"])
        .succeeded();
    let told = repository.tool(&["-v", "trust"]).succeeded();
    assert!(told.stderr.contains("is trusted already"), "{}", told.whole());
}

#[test]
fn a_repository_without_a_hooks_folder_gets_one() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository_with("shop", &every_branch(&jenkins), &["--template="]);
        assert!(!repository.hooks().exists());
        let ran = repository.install();
        assert!(ran.stderr.contains("created "), "{}", ran.whole());
        repository.git(&["add", "--all"]);
        assert_triggers(home, &repository.folder, &jenkins);
        assert_eq!(fs::read_dir(repository.hooks()).expect("a folder").count(), 3);
    });
}
