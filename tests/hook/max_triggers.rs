//! A commit that fires more rules than the file allows.

use jenkins_stand_in::{Job, Setup, StandIn};

use crate::support::{developer, filtered, with_each_git};
use crate::watch::triggers;

fn file(jenkins: &StandIn, most: usize) -> String {
    format!(
        "version: 1\nserver: {}\nmax_triggers: {most}\njobs:\n  - job: one\n  - job: two\n  - job: three\n",
        jenkins.url()
    )
}

fn jenkins() -> StandIn {
    let job = |name: &str| Job::new(name).string_parameter("BRANCH", "");
    StandIn::start(
        Setup::new()
            .user(developer())
            .job(job("one"))
            .job(job("two"))
            .job(job("three")),
    )
}

/// All or none: half a storm helps nobody.
#[test]
fn more_triggers_than_allowed_are_all_held_until_retry_all() {
    with_each_git(|home| {
        let jenkins = jenkins();
        let repository = home.repository("shop", &file(&jenkins, 2));
        repository.install();
        let ran = repository.commit("first");
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.stderr, @"jenkins-trigger: none of 3 triggers is sent: one event made more triggers than `max_triggers` allows; to send them: jenkins-trigger retry --all");
            }
        });
        assert_eq!(repository.spooled("new").len(), 3);

        // A later commit's sender leaves them alone, and so does a plain retry.
        repository.write(
            ".jenkins-trigger.yml",
            file(&jenkins, 2).replace("  - job: three\n", ""),
        );
        repository.commit("second");
        repository.wait_for_journal(2);
        repository.tool(&["retry"]);
        assert_eq!(triggers(&jenkins).len(), 2);
        assert_eq!(repository.spooled("new").len(), 3);

        repository.tool(&["retry", "--all"]).succeeded();
        assert!(repository.spooled("new").is_empty());
        let targets: Vec<String> = triggers(&jenkins)
            .into_iter()
            .map(|request| request.target)
            .collect();
        let path = |job: &str| format!("/job/{job}/buildWithParameters");
        assert_eq!(
            targets,
            [path("one"), path("two"), path("one"), path("two"), path("three")]
        );
    });
}

#[test]
fn as_many_triggers_as_allowed_are_sent() {
    with_each_git(|home| {
        let jenkins = jenkins();
        let repository = home.repository("shop", &file(&jenkins, 3));
        repository.install();
        repository.commit("first");
        repository.wait_for_journal(3);
        assert_eq!(triggers(&jenkins).len(), 3);
    });
}
