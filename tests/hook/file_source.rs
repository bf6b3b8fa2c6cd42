//! Which `.jenkins-trigger.yml` counts: the commit's own, else one that is shared with nobody.

use jenkins_stand_in::StandIn;

use crate::support::{Repository, with_each_git};
use crate::watch::{assert_fired, file_for_all, said, shop_with_sha, triggers};

const NAME: &str = ".jenkins-trigger.yml";

fn jobs(jenkins: &StandIn) -> Vec<String> {
    triggers(jenkins)
        .iter()
        .map(|request| request.target.replace("/job/", "/"))
        .collect()
}

fn other(file: &str) -> String {
    file.replace("shop/deploy", "shop/other")
}

fn commit(repository: &Repository<'_>) {
    repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
}

/// What is not committed is not used, staged or not.
#[test]
fn an_uncommitted_change_of_the_file_is_not_used() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_for_all(&jenkins);
        let repository = home.repository("shop", &file);
        repository.write("text", "1");
        repository.commit("before the hook");
        repository.install();
        repository.write(NAME, other(&file));
        commit(&repository);
        repository.git(&["add", NAME]);
        repository.write("text", "2");
        repository.git(&["commit", "-q", "-m", "work", "--only", "text"]);
        repository.wait_for_journal(2);
        repository.tool(&["trust"]).succeeded();
        commit(&repository);
        repository.wait_for_journal(3);
        let deploy = "/shop/deploy/buildWithParameters";
        let other = "/shop/other/buildWithParameters";
        assert_eq!(jobs(&jenkins), [deploy, deploy, other]);
    });
}

/// Each branch has its own.
#[test]
fn the_file_of_the_branch_counts() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_for_all(&jenkins);
        let repository = home.repository("shop", &file);
        repository.commit("before the hook");
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.write(NAME, other(&file));
        repository.commit("another file");
        repository.install();
        commit(&repository);
        repository.wait_for_journal(1);
        repository.git(&["checkout", "-q", "main"]);
        repository.install();
        commit(&repository);
        repository.wait_for_journal(2);
        assert_eq!(
            jobs(&jenkins),
            [
                "/shop/other/buildWithParameters",
                "/shop/deploy/buildWithParameters"
            ]
        );
    });
}

/// The first commit that has the file uses it.
#[test]
fn the_commit_that_adds_the_file_fires() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", "");
        repository.write("text", "1");
        repository.commit("without a file");
        repository.write(NAME, file_for_all(&jenkins));
        repository.install();
        repository.commit("with a file");
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}

/// A file that is shared with nobody works.
#[test]
fn an_untracked_file_works() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.write(".git/info/exclude", format!("{NAME}\n"));
        repository.install();
        repository.write("text", "1");
        repository.commit("work");
        assert_eq!(repository.git(&["ls-files"]).stdout, "text\n");
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}

/// From a sub directory, the file at the top counts, as it does for git.
#[test]
fn an_untracked_file_works_from_a_sub_directory() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.write(".git/info/exclude", format!("{NAME}\n"));
        repository.install();
        repository.write("deep/down/text", "1");
        home.git(&repository.path("deep/down"), &["add", "text"]);
        home.git(&repository.path("deep/down"), &["commit", "-q", "-m", "work"]);
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}

/// Staged, it is on its way to being shared, and this commit does not have it.
#[test]
fn a_file_in_the_index_but_not_in_the_commit_is_not_used() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", "");
        repository.write("text", "1");
        repository.commit("before the hook");
        repository.write(NAME, file_for_all(&jenkins));
        repository.install();
        repository.git(&["add", NAME]);
        repository.write("text", "2");
        let ran = repository.git(&["commit", "-q", "-m", "work", "--only", "text"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        assert!(repository.spooled("new").is_empty());
        repository.git(&["commit", "-q", "-m", "the file"]);
        let file = repository.head();
        assert_fired(&repository, &jenkins, &[file]);
    });
}

/// Taken out of version control but kept, it is an unshared file like any other.
#[test]
fn a_file_taken_out_of_version_control_but_kept_is_used() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.write("text", "1");
        repository.commit("before the hook");
        repository.install();
        repository.git(&["rm", "-q", "--cached", NAME]);
        repository.git(&["commit", "-q", "-m", "not shared any more"]);
        let kept = repository.head();
        assert_fired(&repository, &jenkins, &[kept]);
    });
}

/// Deleted, it is gone for this branch.
#[test]
fn a_deleted_file_is_not_used() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.write("text", "1");
        repository.commit("before the hook");
        repository.install();
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.git(&["rm", "-q", NAME]);
        let ran = repository.git(&["commit", "-q", "-m", "no triggers here"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        repository.git(&["checkout", "-q", "main"]);
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// libgit2 reads neither kind of index.
#[test]
fn an_unshared_file_works_beside_a_split_or_sparse_index() {
    with_each_git(|home| {
        for (name, setting) in [
            ("split", &["update-index", "--split-index"][..]),
            ("sparse", &["sparse-checkout", "init", "--cone", "--sparse-index"]),
        ] {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = home.repository(name, "");
            repository.write("folder/text", "1");
            repository.write("other/text", "1");
            repository.commit("before the hook");
            repository.git(setting);
            repository.write(NAME, file_for_all(&jenkins));
            repository.install();
            repository.write("text", "2");
            repository.git(&["add", "text"]);
            repository.git(&["commit", "-q", "-m", "work"]);
            let work = repository.head();
            assert_fired(&repository, &jenkins, &[work]);
        }
    });
}
