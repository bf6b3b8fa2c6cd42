//! `paths` and `paths_ignore` against the files a commit changed since its first parent.

use jenkins_stand_in::StandIn;

use crate::support::{Home, Repository, with_each_git};
use crate::watch::{assert_fired, complaints, file_with, said, shop_with_sha};

const FILTER: &str = "paths: [\"src/**\", Cargo.toml]\npaths_ignore: [\"**/*.md\"]";

fn filtering<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &file_with(jenkins, "", FILTER));
    repository.install();
    repository
}

/// Takes the filter out, so that the last commit fires.
fn assert_fired_so_far(repository: &Repository<'_>, jenkins: &StandIn, expected: &[String]) {
    repository.write(".jenkins-trigger.yml", file_with(jenkins, "", ""));
    repository.git(&["add", "--all"]);
    assert_fired(repository, jenkins, expected);
}

/// Files inside and outside of the filter, in every order.
#[test]
fn a_commit_fires_if_one_changed_file_matches_and_is_not_ignored() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = filtering(home, &jenkins);
        repository.write("docs/a", "1");
        assert_eq!(said(&repository.commit("root without a match")), [""; 0]);
        let mut fired = Vec::new();
        let changes: [(&[&str], bool); 8] = [
            (&["src/a.rs"], true),
            (&["src/deep/down/a.rs"], true),
            (&["Cargo.toml"], true),
            (&["docs/Cargo.toml"], false),
            (&["src/README.md"], false),
            (&["src/README.md", "docs/b"], false),
            (&["src/README.md", "src/b.rs", "docs/c"], true),
            (&["other/src/a.rs"], false),
        ];
        for (number, (files, fires)) in changes.iter().enumerate() {
            for file in *files {
                repository.write(file, number.to_string());
            }
            let ran = repository.commit("work");
            assert_eq!(complaints(&ran), [""; 0]);
            if *fires {
                fired.push(repository.head());
            }
        }
        assert_fired_so_far(&repository, &jenkins, &fired);
    });
}

/// A root commit is compared with the empty tree: everything in it is new.
#[test]
fn every_file_of_a_root_commit_counts() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = filtering(home, &jenkins);
        repository.write("src/a.rs", "1");
        repository.commit("root");
        let root = repository.head();
        assert_fired_so_far(&repository, &jenkins, &[root]);
    });
}

/// No changed file: no match.
#[test]
fn an_empty_commit_does_not_match() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = filtering(home, &jenkins);
        repository.write("src/a.rs", "1");
        repository.commit("root");
        let root = repository.head();
        assert_eq!(said(&repository.commit("empty")), [""; 0]);
        assert_fired_so_far(&repository, &jenkins, &[root]);
    });
}

/// Deleting and moving away change `src` too; so do a mode and a type.
#[test]
fn removals_renames_and_modes_count() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = filtering(home, &jenkins);
        let long = "the same line again\n".repeat(50);
        for name in ["src/a", "src/b", "src/c", "src/d", "docs/e"] {
            repository.write(name, format!("{name}\n{long}"));
        }
        repository.commit("root");
        let mut fired = vec![repository.head()];
        let mut fires = |what: &str| {
            repository.commit(what);
            fired.push(repository.head());
        };
        repository.git(&["rm", "-q", "src/a"]);
        fires("removed");
        repository.git(&["mv", "src/b", "docs/b"]);
        fires("moved out");
        repository.git(&["mv", "docs/e", "src/e"]);
        fires("moved in");
        repository.git(&["update-index", "--chmod=+x", "src/c"]);
        repository.git(&["commit", "-q", "-m", "mode"]);
        repository.git(&["checkout", "-q", "--", "src/c"]);
        fired.push(repository.head());
        std::fs::remove_file(repository.path("src/d")).expect("a file");
        std::os::unix::fs::symlink("c", repository.path("src/d")).expect("a link");
        repository.commit("type");
        fired.push(repository.head());
        assert_fired_so_far(&repository, &jenkins, &fired);
    });
}

/// A merge brings what the other branch did; what this branch did before is not new.
#[test]
fn a_merge_is_compared_with_its_first_parent() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_with(&jenkins, "", FILTER));
        repository.write("text", "base");
        repository.commit("base");
        for (branch, file) in [("brings", "src/brought"), ("elsewhere", "docs/brought")] {
            repository.git(&["checkout", "-q", "-b", branch, "main"]);
            repository.write(file, "1");
            repository.write("text", branch);
            repository.commit(branch);
            repository.git(&["checkout", "-q", "main"]);
        }
        repository.write("src/own", "1");
        repository.write("text", "main");
        repository.commit("main went on");
        repository.install();
        let merge = |branch: &str| {
            assert_ne!(repository.try_git(&["merge", branch]).code, 0);
            repository.write("text", format!("solved {branch}"));
            repository.git(&["add", "--all"]);
            repository.git(&["commit", "-q", "--no-edit"]);
            repository.head()
        };
        merge("elsewhere");
        let brought = merge("brings");
        assert_fired_so_far(&repository, &jenkins, &[brought]);
    });
}

/// Names that git would quote in its own listings.
#[test]
fn awkward_file_names_match() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_with(&jenkins, "", "paths: [\"src/*\"]");
        let repository = home.repository("shop", &file);
        repository.install();
        let mut fired = Vec::new();
        for name in ["src/é", "src/with \"quotes\"", "src/new\nline", "src/-dash"] {
            repository.write(name, "1");
            repository.commit("work");
            fired.push(repository.head());
        }
        assert_fired_so_far(&repository, &jenkins, &fired);
    });
}

/// Too many to look at: better one build too many.
#[test]
fn more_than_3000_changed_files_count_as_a_match_and_that_is_said() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = filtering(home, &jenkins);
        repository.commit("root");
        for number in 0..3_000 {
            repository.write(&format!("docs/{number}"), "1");
        }
        assert_eq!(said(&repository.commit("just not too many")), [""; 0]);
        for number in 0..3_001 {
            repository.write(&format!("docs/{number}"), "2");
        }
        let ran = repository.commit("too many");
        let many = repository.head();
        assert_eq!(
            complaints(&ran),
            [
                "jenkins-trigger: main: rule shop/deploy counts as matched whatever changed: more than 3000 files changed"
            ]
        );
        assert_fired_so_far(&repository, &jenkins, &[many]);
    });
}
