//! pre-commit and prek move what they find to `<hook>.legacy`, and run that first.

use crate::helpers::{HOOKS, Managed, assert_same, note, with_managers, write_script};

const BOTH: [&str; 2] = ["pre-commit", "prek"];

pub fn configure(managed: &Managed<'_>) {
    let hooks = HOOKS.join(", ");
    let file = format!(
        "default_install_hook_types: [{hooks}]\nrepos:\n  - repo: local\n    hooks:\n      \
         - id: job\n        name: job\n        language: system\n        entry: sh -c '{}'\n        \
         stages: [{hooks}]\n        always_run: true\n        pass_filenames: false\n",
        Managed::job()
    );
    managed.repository.write(".pre-commit-config.yaml", file);
}

fn with_each(test: impl Fn(&Managed<'_>, &str)) {
    for manager in BOTH {
        with_managers(|managed| {
            note(manager);
            configure(managed);
            test(managed, manager);
        });
    }
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn ours_joins_them() {
    with_each(|managed, manager| {
        managed.run(&[manager, "install"]);
        let before = managed.state();
        managed.install();
        managed.assert_status_is_good();
        let sent = managed.assert_both_work(&[]);
        managed.assert_merge_and_rebase_fire(&sent, 1, 3);
        managed.uninstall();
        assert_same(&managed.state(), &before);
        managed.assert_it_works_alone();
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn they_run_ours_as_the_hook_that_was_there_before() {
    with_each(|managed, manager| {
        managed.install();
        managed.run(&[manager, "install"]);
        let its = managed.foreign(".git/hooks");
        managed.assert_status_is_good();
        let sent = managed.assert_both_work(&[]);
        managed.run(&[manager, "install"]);
        let sent = managed.assert_both_work(&sent);
        managed.assert_merge_and_rebase_fire(&sent, 1, 3);
        managed.uninstall();
        assert_same(&managed.foreign(".git/hooks"), &its);
        managed.assert_nothing_is_left(".git/hooks");
        managed.assert_it_works_alone();
    });
}

/// What ours moved aside is a hook of the manager that also runs ours: neither may run the other
/// in a circle, and the manager's own check for that may not be set off.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn their_second_install_and_ours_change_nothing() {
    with_each(|managed, manager| {
        managed.run(&[manager, "install"]);
        let before = managed.foreign(".git/hooks");
        managed.install();
        let sent = managed.assert_both_work(&[]);
        managed.run(&[manager, "install"]);
        managed.assert_status_is_good();
        let sent = managed.assert_both_work(&sent);
        managed.install();
        managed.assert_status_is_good();
        let sent = managed.assert_both_work(&sent);
        managed.run(&[manager, "install"]);
        managed.assert_both_work(&sent);
        managed.uninstall();
        assert_same(&managed.foreign(".git/hooks"), &before);
        managed.assert_nothing_is_left(".git/hooks");
        managed.assert_it_works_alone();
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn ours_is_back_in_its_place_when_they_are_uninstalled() {
    with_each(|managed, manager| {
        managed.install();
        let before = managed.state();
        managed.run(&[manager, "install"]);
        managed.run(&[manager, "uninstall"]);
        assert_same(&managed.state(), &before);
        managed.commit(0, 1);
        managed.assert_status_is_good();
    });
}

/// Both of them and a hook that was there before either.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn a_hook_from_before_both_runs_on() {
    with_each(|managed, manager| {
        let oldest = format!("#!/bin/sh\n{}\n", Managed::job());
        write_script(&managed.hooks().join("post-commit"), &oldest);
        let before = managed.state();
        managed.install();
        managed.commit(1, 1);
        managed.run(&[manager, "install"]);
        managed.commit(2, 1);
        managed.uninstall();
        managed.assert_nothing_is_left(".git/hooks");
        managed.commit(2, 0);
        managed.run(&[manager, "uninstall"]);
        assert_same(&managed.state(), &before);
        managed.commit(1, 0);
    });
}
