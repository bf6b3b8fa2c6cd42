//! A rebase fires once, at its end, for the branch that it moved.

use std::fs;

use jenkins_stand_in::StandIn;

use crate::support::{Home, Ran, Repository, program, wait_for, with_each_git};
use crate::watch::{
    assert_fired, complaints, file_for_all, file_with, forked, forked_with, said, shop_with_sha,
    wait_for_fired,
};

#[track_caller]
fn assert_silent(ran: &Ran) {
    assert_eq!(said(ran), [""; 0], "{}", ran.whole());
}

/// Exactly the line that announces the trigger.
#[track_caller]
fn assert_announced(ran: &Ran) {
    assert_eq!(said(ran).len(), 1, "{}", ran.whole());
    assert_eq!(complaints(ran), [""; 0]);
}

fn ahead(repository: &Repository<'_>) -> String {
    repository.git(&["rev-list", "--count", "main..topic"]).stdout
}

/// Waits for the process that waited for the end of a rebase which made this commit.
fn wait_for_the_rest(tip: &str) {
    wait_for("the rest of the rebase", || {
        let processes = fs::read_dir("/proc").expect("/proc");
        let waits = processes.filter_map(Result::ok).any(|process| {
            let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).into_owned();
            words.contains("after-rebase") && words.contains(tip)
        });
        (!waits).then_some(())
    });
}

/// Its `post-commit` runs for every commit it replays, HEAD detached.
#[test]
fn a_rebase_fires_once_for_the_branch() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        assert_announced(&repository.git(&["rebase", "--merge", "main"]));
        assert_eq!(ahead(&repository), "4\n");
        let rebased = repository.head();
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

/// libgit2 cannot open it: another way to the same.
#[test]
fn a_rebase_in_a_format_of_its_own_fires_once() {
    with_each_git(|home| {
        for backend in ["--merge", "--apply"] {
            let jenkins = StandIn::start(shop_with_sha());
            let options = ["--object-format=sha256"];
            let repository =
                home.repository_with(&format!("shop{backend}"), &file_for_all(&jenkins), &options);
            repository.commit("base");
            repository.git(&["checkout", "-q", "-b", "topic"]);
            repository.write("a", "a");
            repository.commit("a");
            repository.git(&["checkout", "-q", "main"]);
            repository.write("main.txt", "main");
            repository.commit("main went on");
            repository.git(&["checkout", "-q", "topic"]);
            repository.install();
            repository.git(&["rebase", backend, "main"]);
            let rebased = repository.head();
            wait_for_fired(&jenkins, std::slice::from_ref(&rebased));
            repository.git(&["merge", "-q", "--no-ff", "--no-edit", "main~1"]);
            assert_fired(&repository, &jenkins, &[rebased]);
        }
    });
}

/// HEAD comes back to the branch only after git's hook: nobody is there any more to be told.
#[test]
fn a_rebase_by_mail_fires_once_for_the_branch() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        assert_silent(&repository.git(&["rebase", "--apply", "main"]));
        assert_eq!(ahead(&repository), "4\n");
        let rebased = repository.head();
        wait_for_fired(&jenkins, std::slice::from_ref(&rebased));
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

/// Not every system tells which processes there are: then the folder that git keeps for the rebase
/// shows when it is over.
#[test]
fn the_end_of_a_rebase_shows_in_its_folder_too() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let tip = repository.head();
        let rest = |tip: &str| {
            let mut rest = home.command(program(), &repository.folder);
            rest.args(["after-rebase", "0", "0", tip])
                .env("GIT_DIR", repository.path(".git"))
                .env("GIT_WORK_TREE", &repository.folder);
            rest.spawn().expect("the rest")
        };
        repository.write(".git/rebase-apply/rebasing", "");
        let mut waiting = rest(&tip);
        fs::remove_dir_all(repository.path(".git/rebase-apply")).expect("the folder");
        assert!(waiting.wait().expect("its end").success());
        // The branch is not there any more, or never came to be.
        let other = repository.git(&["rev-parse", "main"]).stdout;
        assert!(rest(other.trim()).wait().expect("its end").success());
        assert_fired(&repository, &jenkins, &[tip]);
    });
}

#[test]
fn a_rebase_that_rewords_squashes_and_fixes_up_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let plan = "sequence.editor=sed -i -e '1s/^pick/reword/' -e '2s/^pick/squash/' -e '3s/^pick/fixup/'";
        let ran = repository.git(&["-c", plan, "-c", "core.editor=true", "rebase", "-i", "main"]);
        assert_announced(&ran);
        assert_eq!(ahead(&repository), "2\n");
        let rebased = repository.head();
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

#[test]
fn a_rebase_with_uncommitted_changes_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.write("a", "not committed");
        assert_announced(&repository.git(&["rebase", "--autosquash", "--autostash", "main"]));
        let rebased = repository.head();
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

#[test]
fn a_rebase_that_squashes_by_itself_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.write("a", "better");
        repository.git(&["add", "--all"]);
        repository.git(&[
            "-c",
            "core.hooksPath=/dev/null",
            "commit",
            "-q",
            "--fixup",
            "HEAD~3",
        ]);
        let ran = repository.git(&[
            "-c",
            "sequence.editor=true",
            "rebase",
            "-i",
            "--autosquash",
            "main",
        ]);
        assert_announced(&ran);
        assert_eq!(ahead(&repository), "4\n");
        let rebased = repository.head();
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

/// A stop for `edit` hands the user a detached HEAD: what he commits there is part of the rebase.
#[test]
fn a_commit_by_hand_in_a_stopped_rebase_is_part_of_it() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let plan = "sequence.editor=sed -i 1s/^pick/edit/";
        assert_silent(&repository.git(&["-c", plan, "rebase", "-i", "main"]));
        repository.write("by-hand", "x");
        repository.git(&["add", "--all"]);
        assert_silent(&repository.git(&["commit", "-m", "by hand"]));
        assert_silent(&repository.git(&["commit", "--amend", "-m", "by hand, again"]));
        assert_announced(&repository.git(&["-c", "core.editor=true", "rebase", "--continue"]));
        assert_eq!(ahead(&repository), "5\n");
        let rebased = repository.head();
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

/// `topic` has two commits that each conflict with `main`.
fn clashing<'a>(home: &'a Home, jenkins: &StandIn, name: &str) -> Repository<'a> {
    let repository = home.repository(name, &file_for_all(jenkins));
    repository.write("text", "base");
    repository.commit("base");
    repository.git(&["checkout", "-q", "-b", "topic"]);
    for text in ["one", "two"] {
        repository.write("text", text);
        repository.commit(text);
    }
    repository.git(&["checkout", "-q", "main"]);
    repository.write("text", "three");
    repository.commit("three");
    repository.git(&["checkout", "-q", "topic"]);
    repository.install();
    repository
}

/// Solved with `git commit`, and with `--continue`.
#[test]
fn a_rebase_with_conflicts_fires_once() {
    with_each_git(|home| {
        for backend in ["--merge", "--apply"] {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = clashing(home, &jenkins, &format!("shop{backend}"));
            assert_ne!(repository.try_git(&["rebase", backend, "main"]).code, 0);
            repository.write("text", "solved");
            repository.git(&["add", "--all"]);
            if backend == "--merge" {
                assert_silent(&repository.git(&["commit", "-m", "solved"]));
            }
            let ran = repository.try_git(&["-c", "core.editor=true", "rebase", "--continue"]);
            assert_ne!(ran.code, 0, "{}", ran.whole());
            assert_silent(&ran);
            repository.write("text", "solved again");
            repository.git(&["add", "--all"]);
            repository.git(&["-c", "core.editor=true", "rebase", "--continue"]);
            assert_eq!(
                repository.git(&["symbolic-ref", "HEAD"]).stdout,
                "refs/heads/topic\n"
            );
            let rebased = repository.head();
            wait_for_fired(&jenkins, std::slice::from_ref(&rebased));
            assert_fired(&repository, &jenkins, &[rebased]);
        }
    });
}

#[test]
fn an_aborted_rebase_fires_nothing_and_says_nothing() {
    with_each_git(|home| {
        for backend in ["--merge", "--apply"] {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = clashing(home, &jenkins, &format!("shop{backend}"));
            assert_ne!(repository.try_git(&["rebase", backend, "main"]).code, 0);
            assert_silent(&repository.git(&["rebase", "--abort"]));
            assert_fired(&repository, &jenkins, &[]);
        }
    });
}

/// Whatever was committed on the way to a conflict is gone again.
#[test]
fn a_commit_on_another_branch_during_a_rebase_is_silent() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = clashing(home, &jenkins, "shop");
        assert_ne!(repository.try_git(&["rebase", "main"]).code, 0);
        repository.git(&["reset", "-q", "--hard"]);
        repository.git(&["checkout", "-q", "main"]);
        assert_silent(&repository.git(&["commit", "-q", "--allow-empty", "-m", "elsewhere"]));
        repository.git(&["rebase", "--quit"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// There is nothing to replay: git runs no hook.
#[test]
fn a_rebase_that_only_catches_up_fires_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["checkout", "-q", "-b", "behind", "main~1"]);
        for backend in ["--merge", "--apply"] {
            repository.git(&["reset", "-q", "--hard", "main~1"]);
            assert_silent(&repository.git(&["rebase", backend, "main"]));
        }
        assert_fired(&repository, &jenkins, &[]);
    });
}

#[test]
fn a_rebase_in_a_linked_work_tree_fires_once() {
    with_each_git(|home| {
        for backend in ["--merge", "--apply"] {
            let jenkins = StandIn::start(shop_with_sha());
            let name = format!("linked{backend}");
            let repository = home.repository(&format!("shop{backend}"), &file_for_all(&jenkins));
            repository.commit("base");
            repository.git(&["branch", "topic"]);
            repository.write("main.txt", "main");
            repository.commit("main went on");
            let linked = home.path(&name);
            repository.git(&["worktree", "add", "-q", &linked.display().to_string(), "topic"]);
            let linked = Repository { home, folder: linked };
            linked.write("a", "a");
            linked.commit("a");
            repository.install();
            linked.git(&["rebase", backend, "main"]);
            let rebased = linked.head();
            wait_for_fired(&jenkins, std::slice::from_ref(&rebased));
            assert_fired(&linked, &jenkins, &[rebased]);
        }
    });
}

#[test]
fn a_rebase_without_a_branch_fires_nothing_and_says_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        for backend in ["--merge", "--apply"] {
            repository.git(&["checkout", "-q", "--detach", "topic"]);
            assert_silent(&repository.git(&["rebase", backend, "main"]));
            wait_for_the_rest(&repository.head());
        }
        repository.git(&["checkout", "-q", "topic"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// Whatever `skip` says: what a rebase commits on its way has no branch, and its end is no
/// operation.
#[test]
fn a_rebase_fires_once_whatever_is_to_be_skipped() {
    with_each_git(|home| {
        for (number, skip) in ["[]", "[rebase, cherry-pick, revert, merge]"].iter().enumerate() {
            let jenkins = StandIn::start(shop_with_sha());
            let file = file_with(&jenkins, &format!("skip: {{ while: {skip} }}"), "");
            let repository = forked_with(home, &format!("shop{number}"), &file);
            repository.git(&["rebase", "--merge", "main"]);
            let rebased = repository.head();
            wait_for_fired(&jenkins, &[rebased]);
        }
    });
}

fn cloned<'a>(home: &'a Home, jenkins: &StandIn) -> (Repository<'a>, Repository<'a>) {
    let upstream = home.repository("upstream", &file_for_all(jenkins));
    upstream.commit("base");
    let place = upstream.folder.display().to_string();
    home.git(&home.path(""), &["clone", "-q", &place, "clone"]);
    let clone = Repository {
        home,
        folder: home.path("clone"),
    };
    clone.install();
    upstream.commit("upstream went on");
    (upstream, clone)
}

#[test]
fn a_pull_that_rebases_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let (_upstream, clone) = cloned(home, &jenkins);
        clone.git(&["commit", "-q", "--allow-empty", "-m", "own"]);
        let own = clone.head();
        clone.git(&["pull", "-q", "--rebase"]);
        let rebased = clone.head();
        assert_ne!(own, rebased);
        assert_fired(&clone, &jenkins, &[own, rebased]);
    });
}

#[test]
fn a_pull_that_only_catches_up_fires_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let (_upstream, clone) = cloned(home, &jenkins);
        assert_silent(&clone.git(&["pull", "-q", "--rebase"]));
        assert_fired(&clone, &jenkins, &[]);
    });
}

/// The mails are somebody else's commits.
#[test]
fn mails_that_are_applied_fire_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["format-patch", "-q", "-o", "../mails", "main"]);
        repository.git(&["checkout", "-q", "main"]);
        let mails = home.path("mails").display().to_string();
        assert_silent(&repository.git(&["am", "-q", &mails]));
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// git tells it twice, of the commit and of the rewriting.
#[test]
fn an_amended_commit_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        assert_announced(&repository.git(&["commit", "-q", "--amend", "-m", "better"]));
        let amended = repository.head();
        assert_fired(&repository, &jenkins, &[amended]);
    });
}

#[test]
fn a_reverted_commit_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        assert_announced(&repository.git(&["revert", "--no-edit", "HEAD"]));
        let reverted = repository.head();
        assert_fired(&repository, &jenkins, &[reverted]);
    });
}

/// What the branch was before is the base, not the parent of its last commit.
#[test]
fn the_paths_of_a_rebase_are_all_that_the_branch_changed_by() {
    with_each_git(|home| {
        for backend in ["--merge", "--apply"] {
            let jenkins = StandIn::start(shop_with_sha());
            let file = file_with(&jenkins, "", "paths: [main.txt]");
            let repository = forked_with(home, &format!("shop{backend}"), &file);
            repository.git(&["rebase", backend, "main"]);
            let rebased = repository.head();
            wait_for_fired(&jenkins, &[rebased]);
        }
    });
}
