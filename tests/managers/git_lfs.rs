//! git-lfs refuses where it finds a hook that is not its own, and stops half way.

use std::fs;

use crate::helpers::{Managed, assert_same, with_managers, write_script};

/// Puts git-lfs behind a script that counts how often it is asked to do its `post-commit` work.
pub fn configure(managed: &Managed<'_>) {
    let program = managed.home().path("bin/git-lfs");
    let real = fs::read_link(&program).expect("the link to it");
    fs::remove_file(&program).expect("the link to it");
    let counting = format!(
        "#!/bin/sh\n[ \"$1\" != post-commit ] || {}\nexec '{}' \"$@\"\n",
        Managed::job(),
        real.display()
    );
    write_script(&program, &counting);
}

fn with_git_lfs(test: impl Fn(&Managed<'_>)) {
    with_managers(|managed| {
        configure(managed);
        test(managed);
    });
}

pub const INSTALL: [&str; 4] = ["git", "lfs", "install", "--local"];

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn ours_joins_it() {
    with_git_lfs(|managed| {
        managed.run(&INSTALL);
        let before = managed.state();
        managed.install();
        managed.assert_status_is_good();
        let sent = managed.assert_both_work(&[]);
        // Only its post-commit is counted.
        managed.assert_merge_and_rebase_fire(&sent, 0, 2);
        managed.uninstall();
        assert_same(&managed.state(), &before);
        managed.assert_it_works_alone();
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn it_refuses_to_touch_ours() {
    with_git_lfs(|managed| {
        managed.install();
        let ours = managed.files(".git/hooks");
        let refused = managed.try_run(&INSTALL);
        assert_eq!(refused.code, 2, "{}", refused.whole());
        let mut after = managed.files(".git/hooks");
        let its = managed.foreign(".git/hooks");
        after.retain(|path, _| !its.contains_key(path));
        assert_same(&after, &ours);
        managed.commit(0, 1);
        managed.uninstall();
        assert_same(&managed.files(".git/hooks"), &its);

        // The right order.
        managed.run(&INSTALL);
        let sent = vec![managed.repository.head()];
        managed.install();
        managed.assert_both_work(&sent);
    });
}

#[test]
#[ignore = "needs the hook managers: see tests/hook-managers"]
fn its_second_install_changes_nothing() {
    with_git_lfs(|managed| {
        managed.run(&INSTALL);
        let before = managed.state();
        managed.install();
        let joined = managed.state();
        let sent = managed.assert_both_work(&[]);
        // It fails where our hook lies in front of its own.
        managed.try_run(&INSTALL);
        managed.try_run(&["git", "lfs", "update"]);
        managed.try_run(&["git", "lfs", "track", "*.bin"]);
        assert_same(&managed.state(), &joined);
        managed.assert_both_work(&sent);
        managed.uninstall();
        assert_same(&managed.state(), &before);
        managed.assert_it_works_alone();
    });
}
