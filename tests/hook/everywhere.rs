//! Installed for every repository of a user: most have nothing to do with it.

use jenkins_stand_in::StandIn;

use crate::support::{Ran, Repository, with_each_git};
use crate::watch::{assert_fired, file_for_all, said, shop_with_sha};

/// By files, which every version of git runs.
fn everywhere(repository: &Repository<'_>) {
    let folder = repository.home.path("all-hooks").display().to_string();
    repository.git(&["config", "--global", "core.hooksPath", &folder]);
    repository
        .tool(&["install", "--global", "--via", "file", "post-commit"])
        .succeeded();
}

/// Writes the file and trusts its server.
fn trust(repository: &Repository<'_>, file: &str) {
    repository.write(".jenkins-trigger.yml", file);
    repository.tool(&["trust", "--yes"]).succeeded();
}

#[test]
fn a_repository_without_a_file_is_left_alone() {
    with_each_git(|home| {
        for format in [&[][..], &["--object-format=sha256"]] {
            let repository = home.repository_with(&format!("shop{}", format.len()), "", format);
            repository.write("text", "base");
            repository.commit("before the hook");
            repository.git(&["branch", "topic"]);
            everywhere(&repository);
            let mut said = String::new();
            for name in ["a", "b"] {
                repository.write(name, name);
                repository.git(&["add", "--all"]);
                said.push_str(&repository.git(&["commit", "-q", "-m", name]).stderr);
            }
            for command in [
                &["rebase", "-q", "--merge", "--no-ff", "main~1"][..],
                &["rebase", "-q", "--apply", "--no-ff", "main~1"],
                &["checkout", "-q", "topic"],
                &["commit", "-q", "--allow-empty", "-m", "work on topic"],
                &["merge", "-q", "--no-edit", "main"],
                &["checkout", "-q", "--detach"],
                &["commit", "-q", "--allow-empty", "-m", "detached"],
            ] {
                said.push_str(&repository.git(command).stderr);
            }
            assert_eq!(said, "");
            assert!(!repository.path(".git/jenkins-trigger").exists());
        }
    });
}

/// Not even a repository that nobody can read is worth a line.
#[test]
fn a_broken_repository_without_a_file_is_left_alone() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.commit("base");
        repository.write(".git/HEAD", "nonsense");
        let ran = repository.tool(&["hook", "--everywhere", "config"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    });
}

#[test]
fn a_repository_with_a_file_fires_committed_or_not() {
    with_each_git(|home| {
        for format in [&[][..], &["--object-format=sha256"]] {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = home.repository_with(&format!("shop{}", format.len()), "", format);
            repository.commit("base");
            trust(&repository, &file_for_all(&jenkins));
            everywhere(&repository);
            repository.git(&["commit", "-q", "--allow-empty", "-m", "unshared"]);
            let unshared = repository.head();
            repository.commit("shared");
            let shared = repository.head();
            // Of the commit, whatever the work tree has.
            std::fs::remove_file(repository.path(".jenkins-trigger.yml")).expect("the file");
            repository.git(&[
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "removed, but not in the commit",
            ]);
            let removed = repository.head();
            assert_fired(&repository, &jenkins, &[unshared, shared, removed]);
        }
    });
}

/// With a file, it is said as ever.
#[test]
fn a_detached_head_is_said_where_there_is_a_file() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("base");
        everywhere(&repository);
        repository.git(&["checkout", "-q", "--detach"]);
        let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
    });
}

/// One command for all events, in the user's own git config.
#[test]
fn a_config_hook_of_the_user_serves_the_repositories_that_have_a_file() {
    with_each_git(|home| {
        if !home.git.supports(2, 54) {
            return;
        }
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", "");
        let other = home.repository("other", "");
        repository
            .tool(&["install", "--global", "post-commit", "post-receive"])
            .succeeded();
        let ran: Ran = other.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        assert_eq!(ran.stderr, "");
        assert!(!other.path(".git/jenkins-trigger").exists());

        home.git(&home.path(""), &["init", "-q", "--bare", "bare.git"]);
        let bare = home.path("bare.git").display().to_string();
        let ran = other.git(&["push", "-q", "--receive-pack=git receive-pack", &bare, "main"]);
        assert_eq!(ran.stderr, "");
        assert!(!home.path("bare.git/jenkins-trigger").exists());

        trust(&repository, &file_for_all(&jenkins));
        repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}
