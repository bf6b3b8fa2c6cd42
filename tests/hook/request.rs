//! What a commit on a mapped branch sends, and that any other commit sends nothing.

use jenkins_stand_in::StandIn;

use crate::support::{filtered, shop, short_file, with_each_git};
use crate::watch::{said, triggers};

/// `dev:11canary0api0token0canary0api0token` in Base64.
const LOGIN: &str = "Basic ZGV2OjExY2FuYXJ5MGFwaTB0b2tlbjBjYW5hcnkwYXBpMHRva2Vu";

/// The branch is the only parameter, the API token the only authentication.
#[test]
fn one_post_with_the_branch_and_nothing_else() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop().context_path("/jenkins"));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        let ran = repository.commit("first");
        repository.wait_for_journal(1);
        let posts = triggers(&jenkins);
        assert_eq!(posts.len(), 1, "{posts:?}");
        let post = &posts[0];
        assert_eq!(post.target, "/jenkins/job/shop/job/deploy/buildWithParameters");
        assert_eq!(post.body, b"BRANCH=main");
        assert_eq!(
            post.header("Content-Type"),
            Some(&b"application/x-www-form-urlencoded"[..])
        );
        assert_eq!(post.header("Authorization"), Some(LOGIN.as_bytes()));
        for request in jenkins.posts() {
            assert_eq!(request.header("Cookie"), None, "{request:?}");
            assert_eq!(request.header("Jenkins-Crumb"), None, "{request:?}");
            assert_eq!(request.path(), request.target, "{request:?}");
        }
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"jenkins-trigger: main → shop/deploy on http://[JENKINS]/jenkins/");
            }
        });
    });
}

/// A branch without a rule is nothing to talk about.
#[test]
fn a_commit_on_an_unmapped_branch_is_silent_and_sends_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository_with("shop", &short_file(&jenkins), &["-b", "topic"]);
        repository.install();
        let ran = repository.commit("first");
        assert_eq!(said(&ran), [""; 0]);
        assert_eq!(ran.stderr, "");
        assert!(repository.spooled("new").is_empty());
        assert!(repository.spooled("failed").is_empty());

        repository.git(&["checkout", "-q", "-b", "main"]);
        repository.commit("second");
        repository.wait_for_journal(1);
        assert_eq!(triggers(&jenkins).len(), 1);
        assert_eq!(triggers(&jenkins)[0].body, b"BRANCH=main");
        assert!(repository.spooled("new").is_empty());
    });
}

/// Each commit is an event of its own, also when the branch has one already waiting.
#[test]
fn every_commit_on_a_mapped_branch_is_sent_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(crate::watch::shop_with_sha());
        let repository = home.repository("shop", &crate::watch::file_for_all(&jenkins));
        repository.install();
        let mut made = Vec::new();
        for message in ["one", "two", "three", "four"] {
            repository.commit(message);
            made.push(repository.head());
        }
        crate::watch::assert_fired(&repository, &jenkins, &made);
    });
}
