//! lefthook moves what it finds to `<hook>.old`, and never runs that.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::helpers::{HOOKS, Managed, assert_same, with_managers};

pub fn configure(managed: &Managed<'_>) {
    let mut file = "output: [execution_out, failure]\n".to_owned();
    for hook in HOOKS {
        file += &format!("{hook}:\n  jobs:\n    - run: {}\n", Managed::job());
    }
    managed.repository.write("lefthook.yml", file);
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn ours_joins_it() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["lefthook", "install"]);
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
fn it_pushes_ours_aside_and_an_install_puts_that_right() {
    with_managers(|managed| {
        configure(managed);
        managed.install();
        managed.run(&["lefthook", "install"]);
        managed.commit(1, 0);
        managed.assert_status_tells(&["post-commit", "lefthook"]);

        let its = managed.foreign(".git/hooks");
        managed.install();
        managed.assert_status_is_good();
        managed.assert_both_work(&[]);
        managed.uninstall();
        assert_same(&managed.foreign(".git/hooks"), &its);
        managed.assert_nothing_is_left(".git/hooks");
        managed.assert_it_works_alone();
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn its_own_second_install_is_noticed_and_can_be_put_right() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["lefthook", "install"]);
        let before = managed.state();
        managed.install();
        let mut sent = managed.assert_both_work(&[]);
        // The second time, what the first one left must not be in the way.
        for _ in 0..2 {
            managed.run(&["lefthook", "install"]);
            if !managed.uses_config_hook() {
                managed.commit(1, 0);
                managed.assert_status_tells(&["post-commit", "lefthook"]);
                managed.install();
            }
            managed.assert_status_is_good();
            sent = managed.assert_both_work(&sent);
        }
        managed.uninstall();
        assert_same(&managed.state(), &before);
        managed.assert_it_works_alone();
    });
}

/// What `install` says to write into its file, so that it lasts.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn the_lines_for_its_own_file_work() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["lefthook", "install"]);
        let said = managed
            .repository
            .tool(&["install", "post-commit", "--yes", "--via", "file"]);
        let said = said.whole();
        let lines = said.lines().skip_while(|line| !line.ends_with("post-commit:"));
        let lines: Vec<&str> = lines.take(4 * HOOKS.len()).collect();
        managed.uninstall();
        managed
            .repository
            .write("lefthook-local.yml", lines.join("\n") + "\n");
        managed.run(&["lefthook", "install"]);
        let sent = managed.assert_both_work(&[]);
        managed.assert_merge_and_rebase_fire(&sent, 1, 3);
        managed.run(&["lefthook", "install"]);
        managed.commit(1, 1);
    });
}

/// A hook that is new in its file makes lefthook install all of them again, in the middle of
/// a commit.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn its_sync_during_a_commit_is_noticed() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["lefthook", "install"]);
        managed.install();
        let file = managed.repository.path("lefthook.yml");
        let more = fs::read_to_string(&file).expect("its file") + "pre-push:\n  jobs:\n    - run: 'true'\n";
        managed.repository.write("lefthook.yml", more);
        // It only looks at a file that is newer, by the second, than its last look.
        let later = SystemTime::now() + Duration::from_secs(10);
        let file = File::options().append(true).open(file).expect("its file");
        file.set_modified(later).expect("its time");
        managed.repository.commit("more hooks");
        assert!(managed.hooks().join("pre-push").exists(), "lefthook did not sync");
        if managed.uses_config_hook() {
            managed.assert_status_is_good();
        } else {
            managed.commit(1, 0);
            managed.assert_status_tells(&["post-commit", "lefthook"]);
        }
    });
}

/// Its uninstall deletes every file in the folder that it takes for its own, and so the one that
/// ours moved aside.
#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn ours_works_on_when_it_is_uninstalled() {
    with_managers(|managed| {
        configure(managed);
        managed.run(&["lefthook", "install"]);
        managed.install();
        managed.run(&["lefthook", "uninstall"]);
        managed.commit(0, 1);
        managed.assert_status_is_good();
        managed.uninstall();
        managed.assert_nothing_is_left(".git/hooks");
        managed.commit(0, 0);
    });
}
