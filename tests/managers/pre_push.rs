//! `pre-push`: git tells it on stdin what is pushed, and heeds its exit code. Theirs and ours are
//! both told, and only theirs may refuse.

use std::fs;

use crate::helpers::{Managed, note, with_managers, write_script};
use crate::support::wait_for;
use crate::watch::commits;

/// A manager's own `pre-push`, which keeps what it is told and refuses if it is told to.
fn job(managed: &Managed<'_>) -> String {
    let path = managed.home().path("bin/their-pre-push");
    write_script(&path, "#!/bin/sh\ncat >$HOME/told\n[ ! -e $HOME/refuse ]\n");
    "their-pre-push".into()
}

/// Gives the repository a remote, which has its first commit.
fn add_origin(managed: &Managed<'_>) {
    let origin = managed.home().path("origin.git");
    let origin = origin.to_str().expect("UTF-8");
    managed.repository.git(&["init", "-q", "--bare", origin]);
    managed.repository.git(&["remote", "add", "origin", origin]);
    managed.repository.commit("first");
    managed
        .repository
        .git(&["push", "-q", "--no-verify", "origin", "main"]);
}

fn told(managed: &Managed<'_>) -> String {
    fs::read_to_string(managed.home().path("home/told")).unwrap_or_default()
}

fn pushed(managed: &Managed<'_>) -> String {
    let there = managed
        .repository
        .git(&["ls-remote", "origin", "refs/heads/main"]);
    there.stdout.split('\t').next().unwrap_or_default().to_owned()
}

/// Two pushes that the remote takes, and one that the manager's hook refuses.
#[track_caller]
fn assert_pushes_fire(managed: &Managed<'_>, sees_lines: bool) {
    managed.assert_status_is_good();
    let mut sent = Vec::new();
    for _ in 0..2 {
        managed.repository.commit("work");
        let ran = managed.repository.try_git(&["push", "origin", "main"]);
        assert_eq!(ran.code, 0, "{}", ran.whole());
        sent.push(managed.repository.head());
        assert_eq!(pushed(managed), managed.repository.head());
        if sees_lines {
            assert!(
                told(managed).contains(&managed.repository.head()),
                "{}",
                ran.whole()
            );
        }
        assert_fired(managed, &sent);
    }
    fs::write(managed.home().path("home/refuse"), "").expect("a file");
    managed.repository.commit("refused");
    let ran = managed.repository.try_git(&["push", "origin", "main"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    fs::remove_file(managed.home().path("home/refuse")).expect("the file");
    managed.repository.commit("work");
    managed.repository.git(&["push", "-q", "origin", "main"]);
    sent.push(managed.repository.head());
    assert_fired(managed, &sent);
}

/// The journal tells of the push that was refused too.
#[track_caller]
fn assert_fired(managed: &Managed<'_>, expected: &[String]) {
    let queued = || {
        let journal = managed.repository.journal();
        let queued = journal.iter().filter(|line| line["outcome"] == "queued");
        (queued.count() >= expected.len()).then_some(())
    };
    wait_for("the triggers in the journal", queued);
    assert_eq!(commits(managed.jenkins), expected);
}

fn install(managed: &Managed<'_>, options: &[&str]) {
    managed
        .repository
        .tool(&[&["install", "post-push"], options].concat())
        .succeeded();
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn chained_before_lefthook_and_as_lines_in_its_file_both_are_told() {
    with_managers(|managed| {
        let their = job(managed);
        let file = format!("pre-push:\n  jobs:\n    - run: {their}\n      use_stdin: true\n");
        managed.repository.write("lefthook.yml", &file);
        add_origin(managed);
        managed.run(&["lefthook", "install"]);
        install(managed, &[]);
        assert_pushes_fire(managed, true);
    });
    with_managers(|managed| {
        let their = job(managed);
        let file = format!("pre-push:\n  jobs:\n    - run: {their}\n      use_stdin: true\n");
        managed.repository.write("lefthook.yml", &file);
        add_origin(managed);
        managed.run(&["lefthook", "install"]);
        let refused = managed
            .repository
            .tool(&["install", "post-push", "--via", "file"]);
        let lines: Vec<&str> = refused
            .stderr
            .lines()
            .skip_while(|line| *line != "pre-push:")
            .skip(2)
            .take_while(|line| line.starts_with(' '))
            .collect();
        assert_eq!(lines.len(), 3, "{}", refused.whole());
        managed.repository.tool(&["uninstall"]).succeeded();
        managed
            .repository
            .write("lefthook.yml", file + &lines.join("\n") + "\n");
        managed.run(&["lefthook", "install"]);
        assert_pushes_fire(managed, true);
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn in_huskys_file_both_are_told() {
    with_managers(|managed| {
        let their = job(managed);
        managed.repository.write(".husky/pre-push", their + "\n");
        add_origin(managed);
        managed.run(&["husky"]);
        install(managed, &["--via", "file", "--yes"]);
        assert_pushes_fire(managed, true);
    });
}

/// Their hooks get what git says in variables.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn before_and_below_pre_commit_and_prek_ours_is_told() {
    for manager in ["pre-commit", "prek"] {
        for below in [false, true] {
            with_managers(|managed| {
                note(manager);
                let their = job(managed);
                let file = format!(
                    "default_install_hook_types: [pre-push]\nrepos:\n  - repo: local\n    hooks:\n      - id: job\n        \
                     name: job\n        language: system\n        entry: {their}\n        stages: [pre-push]\n        \
                     always_run: true\n        pass_filenames: false\n"
                );
                managed.repository.write(".pre-commit-config.yaml", file);
                add_origin(managed);
                if below {
                    install(managed, &[]);
                    managed.run(&[manager, "install"]);
                } else {
                    managed.run(&[manager, "install"]);
                    install(managed, &[]);
                }
                assert_pushes_fire(managed, false);
            });
        }
    }
}

/// What it uploads is told to it on stdin alone.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn git_lfs_uploads_what_is_pushed() {
    with_managers(|managed| {
        managed.run(&["git", "lfs", "install", "--local"]);
        add_origin(managed);
        install(managed, &[]);
        managed.assert_status_is_good();
        managed.run(&["git", "lfs", "track", "*.bin"]);
        managed.repository.write("large.bin", "a large file");
        managed.repository.commit("a large file");
        managed.repository.git(&["push", "origin", "main"]);
        assert_fired(managed, &[managed.repository.head()]);
        let there = managed.home().path("origin.git/lfs/objects");
        assert!(there.is_dir(), "nothing was uploaded");
    });
}
