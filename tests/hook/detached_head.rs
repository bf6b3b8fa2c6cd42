//! A detached HEAD is no branch.

use jenkins_stand_in::StandIn;

use crate::support::with_each_git;
use crate::watch::{assert_fired, complaints, file_for_all, said, shop_with_sha};

/// Said at the first such commit, and again only after one on a branch.
#[test]
fn a_detached_head_triggers_nothing_and_is_said_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.install();
        let detached = || {
            repository.git(&["checkout", "-q", "--detach"]);
        };
        let commit = || repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);

        detached();
        insta::allow_duplicates! {
            insta::assert_snapshot!(commit().stderr, @"jenkins-trigger: HEAD is detached, so there is no branch to trigger for");
        }
        assert_eq!(said(&commit()), [""; 0]);
        assert_eq!(said(&commit()), [""; 0]);

        repository.git(&["checkout", "-q", "main"]);
        assert_eq!(complaints(&commit()), [""; 0]);
        let on_branch = repository.head();

        detached();
        assert_eq!(said(&commit()).len(), 1);
        assert_eq!(said(&commit()), [""; 0]);

        repository.git(&["checkout", "-q", "main"]);
        assert_fired(&repository, &jenkins, &[on_branch]);
    });
}

/// Also a rule for every branch is for branches.
#[test]
fn a_detached_head_on_a_mapped_branch_s_commit_is_still_none() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.install();
        repository.git(&["checkout", "-q", "--detach", "main"]);
        let ran = repository.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "work"]);
        assert_eq!(said(&ran).len(), 1);
        assert!(repository.spooled("new").is_empty());
        repository.git(&["checkout", "-q", "main"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}
