//! Merges: what git commits fires once, by whichever of its hooks it is told.

use jenkins_stand_in::StandIn;

use crate::support::{Repository, with_each_git};
use crate::watch::{
    assert_fired, complaints, file_for_all, file_with, forked, forked_with, said, shop_with_sha,
};

/// A branch from where `topic` began, with one commit that conflicts with nothing.
fn side(repository: &Repository<'_>, name: &str) {
    repository.git(&["checkout", "-q", "-b", name, "main~1"]);
    repository.write(name, name);
    repository.git(&["add", "--all"]);
    repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", name]);
    repository.git(&["checkout", "-q", "topic"]);
}

/// `topic` and `main` both change the same line.
fn clash(repository: &Repository<'_>) {
    for branch in ["main", "topic"] {
        repository.git(&["checkout", "-q", branch]);
        repository.write("text", branch);
        repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-am", branch]);
    }
}

/// git's own `post-commit` does not run then.
#[test]
fn a_clean_merge_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let ran = repository.git(&["merge", "-q", "--no-edit", "main"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        assert_eq!(complaints(&ran), [""; 0]);
        let merge = repository.head();
        assert_fired(&repository, &jenkins, &[merge]);
    });
}

/// Nothing was made here: whoever made it has reported it.
#[test]
fn a_fast_forward_fires_nothing_and_says_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["checkout", "-q", "-b", "behind", "main~1"]);
        let ran = repository.git(&["merge", "-q", "main"]);
        assert_eq!(said(&ran), [""; 0]);
        let ran = repository.git(&["merge", "-q", "main"]);
        assert_eq!(said(&ran), [""; 0]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

#[test]
fn a_fast_forward_onto_a_merge_fires_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&[
            "-c",
            "core.hooksPath=/dev/null",
            "merge",
            "-q",
            "--no-edit",
            "main",
        ]);
        repository.git(&["checkout", "-q", "-b", "behind", "main"]);
        repository.git(&["merge", "-q", "--ff-only", "topic"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

#[test]
fn a_merge_made_where_a_fast_forward_could_be_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["checkout", "-q", "-b", "behind", "main~1"]);
        repository.git(&["merge", "-q", "--no-ff", "--no-edit", "main"]);
        let merge = repository.head();
        assert_fired(&repository, &jenkins, &[merge]);
    });
}

#[test]
fn a_merge_with_a_conflict_fires_once_however_it_is_concluded() {
    with_each_git(|home| {
        for conclusion in [&["commit", "--no-edit"][..], &["merge", "--continue"]] {
            let jenkins = StandIn::start(shop_with_sha());
            let name = format!("shop-{}", conclusion[0]);
            let repository = home.repository(&name, &file_for_all(&jenkins));
            repository.write("text", "base");
            repository.commit("base");
            repository.git(&["branch", "topic"]);
            repository.install();
            clash(&repository);
            assert_ne!(repository.try_git(&["merge", "main"]).code, 0);
            repository.write("text", "solved");
            repository.git(&["add", "--all"]);
            repository.git(&[&["-c", "core.editor=true"], conclusion].concat());
            let merge = repository.head();
            assert_fired(&repository, &jenkins, &[merge]);
        }
    });
}

#[test]
fn a_merge_that_is_committed_by_hand_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["merge", "-q", "--no-commit", "main"]);
        repository.git(&["commit", "-q", "--no-edit"]);
        let merge = repository.head();
        assert_fired(&repository, &jenkins, &[merge]);
    });
}

#[test]
fn an_aborted_merge_fires_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        clash(&repository);
        assert_ne!(repository.try_git(&["merge", "main"]).code, 0);
        repository.git(&["merge", "--abort"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// `post-merge` runs for the squash, which moves no branch, and `post-commit` for its commit.
#[test]
fn a_squashed_merge_fires_at_its_commit() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let ran = repository.git(&["merge", "-q", "--squash", "main"]);
        assert_eq!(said(&ran), [""; 0]);
        repository.git(&["commit", "-q", "-m", "squashed"]);
        let squashed = repository.head();
        assert_fired(&repository, &jenkins, &[squashed]);
    });
}

#[test]
fn a_merge_of_several_branches_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        side(&repository, "one");
        side(&repository, "two");
        repository.git(&["merge", "-q", "--no-edit", "one", "two"]);
        let parents = repository.git(&["rev-list", "--parents", "-1", "HEAD"]);
        assert_eq!(parents.stdout.split(' ').count(), 4);
        let merge = repository.head();
        assert_fired(&repository, &jenkins, &[merge]);
    });
}

#[test]
fn a_pull_fires_if_it_merges_and_not_if_it_only_catches_up() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        let upstream = home.path("shop").display().to_string();
        let clone = home.path("clone");
        home.git(
            &home.path(""),
            &["clone", "-q", "--branch", "main", &upstream, "clone"],
        );
        let clone = Repository { home, folder: clone };
        clone.install();
        let advance = |message: &str| {
            repository.git(&["checkout", "-q", "main"]);
            let quiet = ["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty"];
            repository.git(&[&quiet[..], &["-m", message]].concat());
        };
        advance("upstream");
        assert_eq!(said(&clone.git(&["pull", "-q", "--ff-only"])), [""; 0]);
        advance("upstream again");
        clone.git(&["commit", "-q", "--allow-empty", "-m", "own"]);
        let own = clone.head();
        clone.git(&["pull", "-q", "--no-rebase", "--no-edit"]);
        let merge = clone.head();
        assert_ne!(own, merge);
        assert_fired(&clone, &jenkins, &[own, merge]);
    });
}

/// `skip.while` is for what git is in the middle of.
#[test]
fn a_clean_merge_fires_even_where_merges_are_skipped() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_with(&jenkins, "skip: { while: [rebase, bisect, merge] }", "");
        let repository = forked_with(home, "shop", &file);
        repository.git(&["merge", "-q", "--no-edit", "main"]);
        let merge = repository.head();
        repository.git(&[
            "-c",
            "core.hooksPath=/dev/null",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ]);
        assert_fired(&repository, &jenkins, &[merge]);
    });
}

#[test]
fn a_merge_without_a_branch_is_said_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        repository.git(&["checkout", "-q", "--detach"]);
        let ran = repository.git(&["merge", "-q", "--no-edit", "main"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.stderr, @"jenkins-trigger: HEAD is detached, so there is no branch to trigger for");
        }
        let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        assert_eq!(said(&ran), [""; 0]);
        repository.git(&["checkout", "-q", "topic"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// The first parent is what the branch was before.
#[test]
fn the_paths_of_a_merge_are_those_that_it_brought() {
    with_each_git(|home| {
        for (paths, fires) in [("main.txt", true), ("a", false)] {
            let jenkins = StandIn::start(shop_with_sha());
            let name = format!("shop-{paths}");
            let file = file_with(&jenkins, "", &format!("paths: [\"{paths}\", end]"));
            let repository = home.repository(&name, &file);
            repository.commit("base");
            repository.git(&["checkout", "-q", "-b", "topic"]);
            repository.write("a", "a");
            repository.commit("a");
            repository.git(&["checkout", "-q", "main"]);
            repository.write("main.txt", "main");
            repository.commit("main went on");
            repository.git(&["checkout", "-q", "topic"]);
            repository.install();
            repository.git(&["merge", "-q", "--no-edit", "main"]);
            let mut fired = if fires { vec![repository.head()] } else { vec![] };
            repository.write("end", "end");
            repository.commit("end");
            fired.push(repository.head());
            crate::watch::wait_for_fired(&jenkins, &fired);
        }
    });
}
