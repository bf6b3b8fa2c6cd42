//! Words in a commit's message that keep the hook from firing.

use jenkins_stand_in::StandIn;

use crate::support::{Ran, Repository, short_file, with_each_git};
use crate::watch::{assert_fired, complaints, file_for_all, file_with, said, shop_with_sha};

const MARKED: &[(&str, &str)] = &[
    ("work [skip ci]", "[skip ci]"),
    ("[CI SKIP] work", "[ci skip]"),
    ("work\n\nbody [No CI] body", "[no ci]"),
    ("work [Skip Jenkins]", "[skip jenkins]"),
    ("work\n\nbody\n\n[JENKINS skip]\n\nmore", "[jenkins skip]"),
    ("work\n\nSkip-Checks: true", "skip-checks: true"),
    (
        "work\n\nbody\n\nSigned-off-by: A <a@b>\nskip-checks:TRUE",
        "skip-checks: true",
    ),
];

const UNMARKED: &[&str] = &[
    "work skip ci",
    "work [skip-ci]",
    "work [skip  ci]",
    "work\n\nskip-checks: true\n\nthe last paragraph is another",
    "work\n\nskip-checks: false",
    "work\n\nno-skip-checks: true",
];

fn commit(repository: &Repository<'_>, message: &str) -> Ran {
    repository.git(&["commit", "-q", "--allow-empty", "-m", message])
}

/// Whoever wrote the marker is told that it was seen.
#[test]
fn a_marked_commit_is_not_fired_and_that_is_said_in_one_line() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.install();
        for (message, marker) in MARKED {
            let ran = commit(&repository, message);
            let expected =
                format!("jenkins-trigger: shop/deploy not triggered: the commit's message says {marker}");
            assert_eq!(said(&ran), [expected], "{message}");
        }
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// Almost a marker is none; a trailer counts in the last paragraph only.
#[test]
fn a_message_without_a_marker_fires() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.commit("before the hook");
        repository.install();
        let mut fired = Vec::new();
        for message in UNMARKED {
            assert_eq!(complaints(&commit(&repository, message)), [""; 0], "{message}");
            fired.push(repository.head());
        }
        assert_fired(&repository, &jenkins, &fired);
    });
}

/// Where no rule would have fired there is nothing to tell.
#[test]
fn a_marker_on_an_unmapped_branch_is_not_mentioned() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository_with("shop", &short_file(&jenkins), &["-b", "topic"]);
        repository.install();
        assert_eq!(said(&repository.commit("work [skip ci]")), [""; 0]);
    });
}

/// Only the newest commit's message counts.
#[test]
fn a_marker_of_an_earlier_commit_does_not_count() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        repository.install();
        repository.commit("first [skip ci]");
        assert_fired(&repository, &jenkins, &[]);
    });
}

fn assert_all_fire(top: &str, rule: &str) {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_with(&jenkins, top, rule));
        repository.commit("before the hook");
        repository.install();
        let mut fired = Vec::new();
        for (message, _) in MARKED {
            assert_eq!(complaints(&commit(&repository, message)), [""; 0], "{message}");
            fired.push(repository.head());
        }
        assert_fired(&repository, &jenkins, &fired);
    });
}

#[test]
fn a_rule_can_ignore_the_markers() {
    assert_all_fire("", "skip_ci: false");
}

#[test]
fn a_file_can_ignore_the_markers() {
    assert_all_fire("skip: { markers: false }", "");
}

/// `skip_ci` is a rule's own.
#[test]
fn a_rule_that_ignores_markers_fires_beside_one_that_does_not() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let more = "- job: shop/other\n  parameters: { SHA: \"${sha}\" }";
        let file =
            file_with(&jenkins, "", &format!("skip_ci: false\n{more}")).replace("    - job", "  - job");
        let repository = home.repository(
            "shop",
            &file.replace("      parameters: { SHA", "    parameters: { SHA"),
        );
        repository.commit("before the hook");
        repository.install();
        let ran = commit(&repository, "work [skip ci]");
        assert_eq!(
            complaints(&ran),
            ["jenkins-trigger: shop/other not triggered: the commit's message says [skip ci]"]
        );
        repository.wait_for_journal(1);
        assert_eq!(jenkins.queue_items()[0].job, "shop/deploy");
        assert_eq!(jenkins.posts().len(), 1);
    });
}
