//! husky turns git to a folder of its own, which it rewrites whenever it runs.

use crate::helpers::{HOOKS, Managed, assert_same, with_managers};

pub fn configure(managed: &Managed<'_>) {
    for hook in HOOKS {
        let script = format!("{}\n", Managed::job());
        managed.repository.write(&format!(".husky/{hook}"), script);
    }
}

/// Ours as lines in husky's own scripts.
fn add_lines(managed: &Managed<'_>) {
    let command = ["install", "post-commit", "--via", "file"];
    let refused = managed.repository.tool(&command);
    assert_eq!(refused.code, 1, "{}", refused.whole());
    for hook in HOOKS {
        let script = format!(".husky/{hook}");
        assert!(refused.whole().contains(&script), "{}", refused.whole());
    }
    let added = managed.repository.tool(&[&command[..], &["--yes"]].concat());
    assert_eq!(added.code, 0, "{}", added.whole());
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn ours_joins_it() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["husky"]);
        let before = managed.state();
        add_lines(managed);
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
fn it_turns_git_away_from_ours_and_an_install_puts_that_right() {
    with_managers(|managed| {
        configure(managed);
        managed.install();
        managed.run(&["husky"]);
        managed.commit(1, 0);
        managed.assert_status_tells(&["core.hooksPath", ".husky"]);

        let its = managed.files(".husky");
        add_lines(managed);
        managed.assert_both_work(&[]);
        managed.uninstall();
        assert_same(&managed.files(".husky"), &its);
        managed.assert_nothing_is_left(".git/hooks");
        managed.assert_it_works_alone();
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn its_second_install_changes_nothing() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["husky"]);
        let before = managed.state();
        add_lines(managed);
        let sent = managed.assert_both_work(&[]);
        managed.run(&["husky"]);
        managed.assert_status_is_good();
        managed.assert_both_work(&sent);
        managed.uninstall();
        assert_same(&managed.state(), &before);
        managed.assert_it_works_alone();
    });
}

/// husky's scripts are committed, and a colleague need not have this tool.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn the_lines_are_harmless_without_the_program() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["husky"]);
        add_lines(managed);
        std::fs::remove_file(managed.home().path("bin/jenkins-trigger")).expect("the link");
        managed.commit(1, 0);
    });
}
