//! A trigger that must wait holds back its own server, job and branch, and nothing else.

use jenkins_stand_in::{Answer, Fault, Job, StandIn};

use crate::support::{Home, gits, shop};

#[test]
fn a_newer_trigger_never_overtakes_an_older_one_of_its_branch() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(
        shop().job(
            Job::new("each")
                .string_parameter("BRANCH", "")
                .string_parameter("N", ""),
        ),
    );
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: each, parameters: {{ N: \"${{subject}}\" }} }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    jenkins.fault(Fault::answer(Answer::new(503)));
    for subject in ["one", "two", "three"] {
        repository.commit(subject);
    }
    repository.wait_for_journal(1);
    jenkins.clear_requests();
    // Two attempts fail before the first may go: the other two must not be tried meanwhile.
    assert_eq!(repository.tool(&["retry"]).code, 1);
    let tried = jenkins
        .requests()
        .iter()
        .flat_map(|request| request.form_values("N"))
        .collect::<Vec<_>>();
    assert!(tried.iter().all(|n| n == "one"), "{tried:?}");

    jenkins.clear_faults();
    repository.tool(&["retry"]).succeeded();
    let built: Vec<_> = jenkins
        .queue_items()
        .iter()
        .map(|item| item.parameter("N").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(built, ["one", "two", "three"]);
}

#[test]
fn another_job_is_not_held_back() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("other").string_parameter("BRANCH", "")));
    jenkins.fault(Fault::answer(Answer::new(503)).when(|request| request.target.contains("/job/deploy/")));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - job: shop/deploy\n  - job: other\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    repository.commit("first");
    let journal = repository.wait_for_journal(2);
    let outcome = |job: &str| {
        let line = journal.iter().find(|line| line["job"] == job).expect("a line");
        line["outcome"].clone()
    };
    assert_eq!(outcome("shop/deploy"), "waiting");
    assert_eq!(outcome("other"), "queued");
}
