//! Every layout of a repository works alike: work trees, submodules, separate folders.

use std::path::{Path, PathBuf};

use jenkins_stand_in::StandIn;

use crate::support::{Ran, Repository, program, with_each_git};
use crate::watch::{assert_fired, complaints, file_for_all, shop_with_sha, triggers};

/// The spool's folder below a git directory.
fn spool(git_dir: &Path) -> PathBuf {
    let user = rustix::process::geteuid().as_raw().to_string();
    git_dir.join("jenkins-trigger").join(user)
}

#[test]
fn a_commit_from_a_sub_directory_or_from_outside_fires() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.write("deep/down/text", "1");
        repository.install();
        home.git(&repository.path("deep/down"), &["add", ":/"]);
        home.git(
            &repository.path("deep/down"),
            &["commit", "-q", "-m", "from below"],
        );
        let below = repository.head();
        home.git(
            &home.path(""),
            &[
                "-C",
                "shop/deep",
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "from outside",
            ],
        );
        let outside = repository.head();
        assert_fired(&repository, &jenkins, &[below, outside]);
    });
}

/// All work trees share the hook, the trust and the spool.
#[test]
fn a_commit_in_a_linked_work_tree_fires_through_the_common_folder() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.install();
        repository.git(&["worktree", "add", "-q", "-b", "topic", "../linked"]);
        let linked = Repository {
            home,
            folder: home.path("linked"),
        };
        linked.write("deep/text", "1");
        home.git(&linked.path("deep"), &["add", "text"]);
        home.git(&linked.path("deep"), &["commit", "-q", "-m", "work"]);
        let first = linked.head();
        linked.wait_for_journal(1);
        assert_eq!(triggers(&jenkins)[0].form_values("BRANCH"), ["topic"]);
        assert!(spool(&repository.path(".git")).join("journal.jsonl").is_file());
        assert!(!repository.path(".git/worktrees/linked/jenkins-trigger").exists());
        assert_fired(&linked, &jenkins, &[first]);
    });
}

/// `install` in the linked one serves the main one too.
#[test]
fn a_hook_installed_from_a_linked_work_tree_serves_the_main_one() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.git(&["worktree", "add", "-q", "-b", "topic", "../linked"]);
        Repository {
            home,
            folder: home.path("linked"),
        }
        .install();
        assert_fired(&repository, &jenkins, &[]);
    });
}

#[test]
fn a_commit_in_a_submodule_fires_its_own_file_only() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let library = home.repository("library", &file_for_all(&jenkins));
        library.commit("of the library");
        let super_file = file_for_all(&jenkins).replace("shop/deploy", "shop/other");
        let outer = home.repository("outer", &super_file);
        outer.commit("of the outer one");
        outer.git(&["submodule", "--quiet", "add", "../library", "library"]);
        outer.git(&["commit", "-q", "-m", "a submodule"]);
        let inner = Repository {
            home,
            folder: outer.path("library"),
        };
        inner.install();
        inner.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        let first = inner.head();
        assert_fired(&inner, &jenkins, &[first]);
        assert!(
            triggers(&jenkins)
                .iter()
                .all(|request| request.target.contains("/job/deploy/"))
        );
        assert!(spool(&outer.path(".git/modules/library")).is_dir());
        assert!(!outer.path(".git/jenkins-trigger").exists());
    });
}

/// git gives its hook `GIT_DIR` as the user wrote it, and `GIT_WORK_TREE=.`
#[test]
fn a_git_directory_named_on_the_command_line_works() {
    with_each_git(|home| {
        for relative in [false, true] {
            let jenkins = StandIn::start(shop_with_sha());
            let place = home.path(format!("apart-{relative}"));
            let (git_dir, work_tree) = (place.join("meta/shop.git"), place.join("work"));
            std::fs::create_dir_all(work_tree.join("deep")).expect("a folder");
            home.git(&place, &["init", "-q", "--bare", "meta/shop.git"]);
            home.git(&git_dir, &["config", "core.bare", "false"]);
            std::fs::write(work_tree.join(".jenkins-trigger.yml"), file_for_all(&jenkins)).expect("the file");
            let (named, tree) = if relative {
                ("meta/shop.git".to_owned(), "work".to_owned())
            } else {
                (git_dir.display().to_string(), work_tree.display().to_string())
            };
            let mut install = home.command(program(), &place);
            install
                .args(["install", "post-commit"])
                .env("GIT_DIR", &named)
                .env("GIT_WORK_TREE", &tree);
            Ran::of(&mut install).succeeded();
            let git = |arguments: &[&str]| {
                let options = [format!("--git-dir={named}"), format!("--work-tree={tree}")];
                let options: Vec<&str> = options.iter().map(String::as_str).collect();
                home.git(&place, &[&options, arguments].concat())
            };
            git(&["add", "--all"]);
            let ran = git(&["commit", "-q", "-m", "first"]);
            assert_eq!(complaints(&ran), [""; 0], "{}", ran.whole());
            let head = git(&["rev-parse", "HEAD"]).stdout.trim().to_owned();
            assert!(jenkins.wait_until(|state| state.items.len() == 1, crate::support::PATIENCE));
            assert_eq!(crate::watch::commits(&jenkins), [head]);
            assert!(spool(&git_dir).is_dir());
        }
    });
}

/// `.git` is a file.
#[test]
fn a_separate_git_directory_works() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let elsewhere = home.path("elsewhere.git");
        let option = format!("--separate-git-dir={}", elsewhere.display());
        let repository = home.repository_with("shop", &file_for_all(&jenkins), &[&option]);
        repository.install();
        repository.commit("first");
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
        assert!(spool(&elsewhere).is_dir());
    });
}

/// What the folder is called goes into a command line, a shell script and a file.
#[test]
fn a_folder_with_an_awkward_name_works() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("it's a \"folder\" $(x) ü", &file_for_all(&jenkins));
        repository.install();
        repository.commit("first");
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}
