//! A hook of git's configuration stays out of every manager's way.

use crate::helpers::{Managed, assert_same, note, with_managers};
use crate::{git_lfs, husky, lefthook, pre_commit};

type Configure = fn(&Managed<'_>);

const MANAGERS: [(Configure, &[&str]); 5] = [
    (lefthook::configure, &["lefthook", "install"]),
    (husky::configure, &["husky"]),
    (pre_commit::configure, &["pre-commit", "install"]),
    (pre_commit::configure, &["prek", "install"]),
    (git_lfs::configure, &git_lfs::INSTALL),
];

fn with_each(test: impl Fn(&Managed<'_>, &[&str])) {
    for (configure, install) in MANAGERS {
        with_managers(|managed| {
            if managed.has_config_hooks() {
                note(&install.join(" "));
                configure(managed);
                test(managed, install);
            }
        });
    }
}

fn install(managed: &Managed<'_>) {
    let command = ["install", "post-commit", "--via", "config"];
    managed.repository.tool(&command).succeeded();
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn it_joins_a_manager() {
    with_each(|managed, command| {
        managed.run(command);
        let before = managed.state();
        let its = managed.files(".git/hooks");
        install(managed);
        assert_same(&managed.files(".git/hooks"), &its);
        managed.assert_status_is_good();
        let sent = managed.assert_both_work(&[]);
        managed.run(command);
        managed.assert_status_is_good();
        managed.assert_both_work(&sent);
        managed.uninstall();
        assert_same(&managed.state(), &before);
        managed.assert_it_works_alone();
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn a_manager_joins_it() {
    with_each(|managed, command| {
        install(managed);
        managed.run(command);
        let its = managed.files(".git/hooks");
        managed.assert_status_is_good();
        managed.assert_both_work(&[]);
        managed.uninstall();
        assert_same(&managed.files(".git/hooks"), &its);
        managed.assert_nothing_is_left(".git/hooks");
        managed.assert_it_works_alone();
    });
}

/// Without being told, ours takes the config where the folder is a manager's.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn it_is_the_way_into_a_repository_with_husky() {
    with_managers(|managed| {
        if !managed.has_config_hooks() {
            return;
        }
        husky::configure(managed);
        managed.run(&["husky"]);
        let before = managed.state();
        managed.install();
        assert!(managed.uses_config_hook());
        let sent = managed.assert_both_work(&[]);
        managed.assert_merge_and_rebase_fire(&sent, 1, 3);
        managed.uninstall();
        assert_same(&managed.state(), &before);
    });
}
