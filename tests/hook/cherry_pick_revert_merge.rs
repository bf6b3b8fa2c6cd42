//! Commits that repeat, undo or join others: they fire, unless the file says otherwise.

use jenkins_stand_in::StandIn;

use crate::support::{Ran, Repository, with_each_git};
use crate::watch::{assert_fired, complaints, file_with, shop_with_sha};

/// `main`, and a `topic` whose commits are picked and merged: `clean` meets nothing, `clash`
/// conflicts. The hook is installed last.
fn with_topic(skip: &str, test: impl Fn(&Repository<'_>, &StandIn)) {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_with(&jenkins, skip, ""));
        repository.write("text", "base");
        repository.commit("base");
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.write("new", "new");
        repository.commit("clean");
        repository.git(&["tag", "clean"]);
        repository.write("text", "topic");
        repository.commit("clash");
        repository.git(&["tag", "clash"]);
        repository.git(&["checkout", "-q", "main"]);
        repository.write("text", "main");
        repository.commit("main went on");
        repository.git(&["tag", "old"]);
        repository.write("text", "main again");
        repository.commit("main went on again");
        repository.install();
        test(&repository, &jenkins);
    });
}

fn solve(repository: &Repository<'_>, command: &[&str], conclusion: &[&str]) -> Ran {
    let ran = repository.try_git(command);
    assert_ne!(ran.code, 0, "no conflict: {}", ran.whole());
    repository.write("text", format!("solved {command:?} {conclusion:?}"));
    repository.git(&["add", "--all"]);
    repository.git(&[&["-c", "core.editor=true"], conclusion].concat())
}

/// Each way to a cherry-pick.
fn cherry_picks(repository: &Repository<'_>) -> Vec<(Ran, String)> {
    let done = |ran| (ran, repository.head());
    let conflict = ["cherry-pick", "clash"];
    vec![
        done(repository.git(&["cherry-pick", "clean"])),
        done(solve(repository, &conflict, &["cherry-pick", "--continue"])),
        done(solve(repository, &conflict, &["commit", "--no-edit"])),
    ]
}

/// Each way to a revert.
fn reverts(repository: &Repository<'_>) -> Vec<(Ran, String)> {
    let done = |ran| (ran, repository.head());
    let conflict = ["revert", "--no-edit", "old"];
    vec![
        done(solve(repository, &conflict, &["revert", "--continue"])),
        done(solve(repository, &conflict, &["commit", "--no-edit"])),
        done(repository.git(&["revert", "--no-edit", "HEAD"])),
    ]
}

fn all_of(done: &[(Ran, String)]) -> Vec<String> {
    done.iter().map(|(_, commit)| commit.clone()).collect()
}

#[test]
fn a_cherry_pick_fires_once_however_it_ends() {
    with_topic("", |repository, jenkins| {
        let done = cherry_picks(repository);
        assert_fired(repository, jenkins, &all_of(&done));
    });
}

#[test]
fn a_revert_fires_once_however_it_ends() {
    with_topic("", |repository, jenkins| {
        let done = reverts(repository);
        assert_fired(repository, jenkins, &all_of(&done));
    });
}

#[test]
fn a_merge_concluded_by_a_commit_fires_once() {
    with_topic("", |repository, jenkins| {
        solve(repository, &["merge", "topic"], &["commit", "--no-edit"]);
        let merge = repository.head();
        assert_eq!(
            repository
                .git(&["rev-list", "--parents", "-1", "HEAD"])
                .stdout
                .split(' ')
                .count(),
            3
        );
        assert_fired(repository, jenkins, &[merge]);
    });
}

#[test]
fn an_amended_commit_fires_once_more() {
    with_topic("", |repository, jenkins| {
        repository.git(&["commit", "--allow-empty", "-m", "work"]);
        let first = repository.head();
        repository.git(&["commit", "--amend", "--allow-empty", "-m", "better"]);
        let amended = repository.head();
        assert_ne!(first, amended);
        assert_fired(repository, jenkins, &[first, amended]);
    });
}

/// Only the last of several cherry-picks fires.
#[test]
fn of_several_cherry_picks_only_the_last_fires() {
    with_topic("", |repository, jenkins| {
        repository.git(&["checkout", "-q", "-b", "picks", "topic~2"]);
        repository.git(&[
            "-c",
            "core.hooksPath=/dev/null",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ]);
        repository.git(&["cherry-pick", "clean", "clash"]);
        let last = repository.head();
        assert_fired(repository, jenkins, &[last]);
    });
}

#[track_caller]
fn assert_each_said(done: &[(Ran, String)], why: &str) {
    for (ran, _) in done {
        let expected = format!("jenkins-trigger: shop/deploy not triggered: {why} (`skip.while`)");
        assert_eq!(complaints(ran), [expected], "{}", ran.whole());
    }
}

/// git removes `CHERRY_PICK_HEAD` before the hook when there was a conflict.
#[test]
fn a_file_that_skips_cherry_picks_skips_each_way_to_one() {
    with_topic("skip: { while: [cherry-pick] }", |repository, jenkins| {
        let done = cherry_picks(repository);
        assert_each_said(&done, "the commit is a cherry-pick");
        let fired = all_of(&reverts(repository));
        assert_fired(repository, jenkins, &fired);
    });
}

/// A clean revert leaves no `REVERT_HEAD` for the hook to see.
#[test]
fn a_file_that_skips_reverts_skips_each_way_to_one() {
    with_topic("skip: { while: [revert] }", |repository, jenkins| {
        let done = reverts(repository);
        assert_each_said(&done, "the commit is a revert");
        let fired = all_of(&cherry_picks(repository));
        assert_fired(repository, jenkins, &fired);
    });
}

/// A conflict solved with `git commit`, and the rest of the picks forgotten.
#[test]
fn a_forgotten_list_of_picks_does_not_stop_later_commits() {
    with_topic("", |repository, jenkins| {
        let ran = repository.try_git(&["cherry-pick", "clash", "clean"]);
        assert_ne!(ran.code, 0, "no conflict: {}", ran.whole());
        repository.write("text", "solved");
        repository.commit("picked by hand");
        repository.commit("something else");
        let later = repository.head();
        assert_fired(repository, jenkins, &[later]);
    });
}

/// Since 2.43 git calls the revert of a revert `Reapply "…"`.
#[test]
fn a_file_that_skips_reverts_skips_the_revert_of_a_revert() {
    with_topic("skip: { while: [revert] }", |repository, jenkins| {
        let revert = |conclusion: &[&str]| {
            let ran = solve(
                repository,
                &["revert", "--no-edit", "old"],
                &["revert", "--continue"],
            );
            assert_each_said(&[(ran, String::new())], "the commit is a revert");
            repository.git(&["tag", "-f", "reverting"]);
            repository.write("text", format!("between {conclusion:?}"));
            repository.commit("between");
            let between = repository.head();
            let ran = solve(repository, &["revert", "--no-edit", "reverting"], conclusion);
            assert_each_said(&[(ran, String::new())], "the commit is a revert");
            between
        };
        let fired = [
            revert(&["revert", "--continue"]),
            revert(&["commit", "--no-edit"]),
        ];
        assert_fired(repository, jenkins, &fired);
    });
}

#[test]
fn a_file_that_skips_merges_skips_a_concluded_merge_only() {
    with_topic("skip: { while: [merge] }", |repository, jenkins| {
        let merge = solve(repository, &["merge", "topic"], &["commit", "--no-edit"]);
        assert_each_said(&[(merge, repository.head())], "the commit is a merge");
        repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        let work = repository.head();
        assert_fired(repository, jenkins, &[work]);
    });
}

/// A squashed merge is an ordinary commit.
#[test]
fn a_squashed_merge_fires_even_where_merges_are_skipped() {
    with_topic("skip: { while: [merge] }", |repository, jenkins| {
        solve(
            repository,
            &["merge", "--squash", "topic"],
            &["commit", "--no-edit"],
        );
        let squashed = repository.head();
        assert_fired(repository, jenkins, &[squashed]);
    });
}
