//! What libgit2 and the `git` program answer alike, by the library: commits, what they have in
//! common, and what a push changed.

use std::path::Path;

use bstr::BString;
use jenkins_trigger::environment::RepositoryPaths;
use jenkins_trigger::event::{ChangedPaths, DefaultBranch, Event, Kind};
use jenkins_trigger::git;

use crate::support::{Repository, with_each_git};

/// With each git in each format that it has; those but the first only the program can open.
fn in_each_format(test: impl Fn(&Repository<'_>)) {
    with_each_git(|home| {
        let mut formats = vec!["--object-format=sha1", "--object-format=sha256"];
        if home.git.supports(2, 45) {
            formats.push("--ref-format=reftable");
        }
        for format in formats {
            test(&home.repository_with(&format!("shop{format}"), "", &[format]));
        }
    });
}

fn open(folder: &Path) -> git::Repository {
    git::Repository::discover(folder, &RepositoryPaths::default()).expect("a repository")
}

fn id(repository: &Repository<'_>, name: &str) -> String {
    repository.git(&["rev-parse", name]).stdout.trim().to_owned()
}

#[test]
fn commits_are_found_by_their_own_ids_and_by_those_of_their_tags() {
    in_each_format(|repository| {
        repository.commit("first\n\nwith a body\n\nand an end");
        repository.git(&[
            "-c",
            "user.name=É \"q\" <",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "second",
        ]);
        repository.git(&["tag", "-a", "-m", "one", "one"]);
        repository.git(&["tag", "-a", "-m", "two", "two", "one"]);
        repository.git(&["tag", "-a", "-m", "a tree", "tree", "HEAD^{tree}"]);
        let head = repository.head();
        let nothing = "1".repeat(head.len());
        let ids = [
            id(repository, "HEAD^"),
            id(repository, "two"),
            nothing,
            id(repository, "tree"),
            id(repository, "HEAD^{tree}"),
            "no id".to_owned(),
            head.clone(),
        ];
        let opened = open(&repository.folder);
        let found = opened.commits(&ids).expect("an answer");
        let one_by_one = |id: &String| {
            let commit = opened.commit_of(id).expect("an answer")?;
            Some(opened.commit(&commit).expect("a commit"))
        };
        let expected: Vec<_> = ids.iter().map(one_by_one).collect();
        assert_eq!(found, expected);
        let found: Vec<_> = found
            .iter()
            .map(|commit| commit.as_ref().map(|commit| &commit.id))
            .collect();
        assert_eq!(
            found,
            [Some(&ids[0]), Some(&head), None, None, None, None, Some(&head)]
        );
        assert_eq!(
            expected[0].as_ref().expect("a commit").message,
            "first\n\nwith a body\n\nand an end\n"
        );
        assert_eq!(opened.commits(&[]).expect("an answer"), []);
    });
}

/// More than fits into any pipe, in both directions: nobody waits for the other.
#[test]
fn many_commits_are_found_in_one_go() {
    in_each_format(|repository| {
        repository.commit("first");
        repository.git(&["commit", "-q", "--allow-empty", "-m", &"long ".repeat(2_000)]);
        let ids: Vec<String> = std::iter::repeat_n([repository.head(), "1".repeat(40)], 3_000)
            .flatten()
            .collect();
        let found = open(&repository.folder).commits(&ids).expect("an answer");
        assert_eq!(found.len(), ids.len());
        for pair in found.chunks(2) {
            assert_eq!(pair[0].as_ref().expect("a commit").id, ids[0]);
            assert_eq!(pair[1], None);
        }
    });
}

#[test]
fn what_two_commits_have_in_common_is_found() {
    in_each_format(|repository| {
        repository.commit("base");
        let base = repository.head();
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.commit("topic");
        let topic = repository.head();
        repository.git(&["checkout", "-q", "main"]);
        repository.commit("went on");
        let main = repository.head();
        repository.git(&["checkout", "-q", "--orphan", "other"]);
        repository.commit("of its own");
        let other = repository.head();
        let opened = open(&repository.folder);
        let common = |one: &str, other: &str| opened.merge_base(one, other).expect("an answer");
        assert_eq!(common(&topic, &main), Some(base.clone()));
        assert_eq!(common(&base, &main), Some(base));
        assert_eq!(common(&other, &main), None);
        assert!(opened.merge_base(&main, &"1".repeat(main.len())).is_err());
    });
}

/// The changed paths, or why they are not known.
type Paths = Result<Vec<String>, String>;

struct Pushed<'a> {
    reference: &'a str,
    old: Option<&'a str>,
    new: &'a str,
}

/// What a push of this changed, for `kind`, beside a default branch `main`, if there is one.
fn changed(repository: &Repository<'_>, kind: Kind, pushed: &Pushed<'_>, default: bool) -> Paths {
    let opened = open(&repository.folder);
    let reference = BString::from(pushed.reference);
    let mut event = Event {
        kind,
        branch: None,
        tag: None,
        commit: opened
            .commit(&id(repository, &format!("{}^{{}}", pushed.new)))
            .expect("a commit"),
        old_id: pushed.old.map(|old| id(repository, old)),
        remote: None,
        repository: opened.name(),
        operations: Vec::new(),
        changed: ChangedPaths::Unknown("not asked for".into()),
        reference,
    };
    let default = default.then(|| DefaultBranch {
        reference: "refs/heads/main".into(),
        tip: id(repository, "main"),
    });
    event.find_changed_paths(&opened, default.as_ref());
    match event.changed {
        ChangedPaths::Known(paths) => Ok(paths.iter().map(ToString::to_string).collect()),
        ChangedPaths::Unknown(why) => Err(why),
    }
}

#[test]
fn a_push_is_compared_with_what_was_there_and_a_new_branch_with_the_default_one() {
    in_each_format(|repository| {
        let commit = |name: &str| {
            repository.write(name, name);
            repository.commit(name);
        };
        commit("base");
        repository.git(&["checkout", "-q", "-b", "topic"]);
        commit("one");
        commit("two");
        repository.git(&["tag", "-a", "-m", "one", "v1", "HEAD^"]);
        repository.git(&["tag", "-a", "-m", "two", "v2"]);
        repository.git(&["checkout", "-q", "main"]);
        commit("main");
        repository.git(&["checkout", "-q", "--orphan", "unrelated"]);
        repository.git(&["rm", "-rfq", "."]);
        commit("alone");
        let gone = "1".repeat(repository.head().len());
        let unknown = |why: &str| Err(why.to_owned());
        let paths = |paths: &[&str]| Ok(paths.iter().map(ToString::to_string).collect());
        let pushed = |reference, old, new| Pushed { reference, old, new };
        let topic = "refs/heads/topic";
        let cases: &[(Pushed<'_>, bool, Paths)] = &[
            (
                pushed(topic, Some("topic~2"), "topic"),
                true,
                paths(&["one", "two"]),
            ),
            (pushed(topic, Some("topic^"), "topic"), false, paths(&["two"])),
            (pushed(topic, Some("topic"), "topic^"), true, paths(&["two"])),
            (
                pushed(topic, Some("unrelated"), "main"),
                true,
                paths(&["alone", "base", "main"]),
            ),
            (pushed(topic, None, "topic"), true, paths(&["one", "two"])),
            (pushed("refs/heads/same", None, "main"), true, paths(&[])),
            (pushed("refs/tags/v2", None, "v2"), true, paths(&["one", "two"])),
            (pushed("refs/tags/v2", Some("v1"), "v2"), true, paths(&["two"])),
            (
                pushed("refs/heads/main", None, "main"),
                true,
                paths(&["base", "main"]),
            ),
            (
                pushed(topic, None, "topic"),
                false,
                unknown("it is new, and no default branch is known to compare it with"),
            ),
            (
                pushed("refs/heads/unrelated", None, "unrelated"),
                true,
                unknown("it is new, and has no commit in common with main"),
            ),
            (
                pushed(topic, Some(&gone), "topic"),
                true,
                unknown("there is no commit 1111111 here, where it was before"),
            ),
        ];
        for kind in [Kind::PostPush, Kind::PostReceive] {
            for (pushed, default, expected) in cases {
                let found = changed(repository, kind, pushed, *default);
                assert_eq!(&found, expected, "{kind} {} {:?}", pushed.reference, pushed.old);
            }
        }
        // A commit's own kind knows no default branch.
        let found = changed(repository, Kind::PostCommit, &pushed(topic, None, "topic"), true);
        assert_eq!(found, paths(&["base", "one", "two"]));
    });
}
