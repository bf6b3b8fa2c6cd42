//! A trigger that must wait holds back its own server, job and branch, and nothing else.

use std::process::Stdio;
use std::time::Duration;

use jenkins_stand_in::{Answer, Fault, FaultAction, Job, StandIn};

use crate::scene::{commit_without_credentials, wait_for_all};
use crate::support::{Home, PATIENCE, gits, shop, wait_for};

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
    jenkins.fault(Fault::answer_to_posts(Answer::new(503)));
    for subject in ["one", "two", "three"] {
        repository.commit(subject);
    }
    repository.wait_for_journal(1);
    jenkins.clear_requests();
    assert_eq!(repository.tool(&["retry"]).code, 1);
    let tried = jenkins
        .posts()
        .iter()
        .flat_map(|request| request.form_values("N"))
        .collect::<Vec<_>>();
    assert!(!tried.is_empty() && tried.iter().all(|n| n == "one"), "{tried:?}");

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
    jenkins.fault(
        Fault::answer_to_posts(Answer::new(503)).when(|request| request.target.contains("/job/deploy/")),
    );
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

/// A hook's sender that finds the foreground at work goes away; nothing may be left lying then.
#[test]
fn a_commit_during_a_trigger_by_hand_is_sent() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("other").string_parameter("BRANCH", "")));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  main: shop/deploy\n  work: other\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    repository.install();
    jenkins.fault(Fault::of_posts(FaultAction::Delay(Duration::from_secs(3))).times(1));
    let mut by_hand = home.command(crate::support::program(), &repository.folder);
    let mut by_hand = by_hand
        .args(["trigger", "--branch", "main"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
    repository.git(&["checkout", "-q", "-b", "work"]);
    repository.commit("second");
    assert!(by_hand.wait().expect("it ends").success());
    assert!(
        jenkins.wait_until(
            |state| state.items.iter().any(|item| item.job == "other"),
            PATIENCE
        ),
        "{:?}",
        jenkins.posts()
    );
}

#[test]
fn several_retries_at_once_send_each_trigger_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("other").string_parameter("BRANCH", "")));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - job: shop/deploy\n  - job: other\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    jenkins.fault(Fault::answer_to_posts(Answer::new(500)));
    repository.commit("first");
    repository.wait_for_journal(2);
    wait_for("two failures", || {
        (repository.spooled("failed").len() == 2).then_some(())
    });
    jenkins.clear_faults();
    jenkins.clear_requests();
    let retries: Vec<_> = (0..8)
        .map(|_| {
            let mut retry = home.command(crate::support::program(), &repository.folder);
            retry.arg("retry").stdout(Stdio::null()).stderr(Stdio::null());
            retry.spawn().expect("the program starts")
        })
        .collect();
    for mut retry in retries {
        assert!(retry.wait().expect("it ends").success());
    }
    assert_eq!(jenkins.posts().len(), 2, "{:?}", jenkins.posts());
}

/// A sender that is at work has read what is trusted; what is trusted meanwhile counts all the same.
#[test]
fn what_is_trusted_while_a_sender_is_at_work_is_sent() {
    let home = Home::new(&gits()[0]);
    let (slow, other) = (StandIn::start(shop()), StandIn::start(shop()));
    let repository = home.repository("shop", &crate::support::short_file(&slow));
    repository.install();
    repository.write(
        ".jenkins-trigger.yml",
        format!(
            "version: 1\nservers: {{ slow: {{ url: {} }}, other: {{ url: {} }} }}\njobs:\n  \
             - {{ job: shop/deploy, server: slow }}\n  - {{ job: shop/deploy, server: other }}\n",
            slow.url(),
            other.url()
        ),
    );
    slow.fault(Fault::of_posts(FaultAction::Delay(Duration::from_secs(2))));
    repository.commit("names another server");
    assert!(slow.wait_until(|state| state.posts().len() == 1, PATIENCE));
    repository.tool(&["trust"]).succeeded();
    assert!(other.requests().is_empty(), "the first sender is still at work");
    assert!(other.wait_until(|state| state.posts().len() == 1, PATIENCE));
    let sent = repository.wait_for_journal(3);
    assert_eq!(sent[2]["outcome"], "queued", "{sent:?}");
    assert_eq!(slow.posts().len(), 1);
}

/// Retry tries what was lost once more, and with it what its slow server kept from being tried.
#[test]
fn what_is_tried_a_second_time_overtakes_nothing() {
    let home = Home::new(&gits()[0]);
    let setup = ["one", "two"].into_iter().fold(shop(), |setup, name| {
        setup.job(
            Job::new(name)
                .string_parameter("BRANCH", "")
                .string_parameter("COMMIT", ""),
        )
    });
    let jenkins = StandIn::start(setup);
    let file = format!(
        "version: 1\nserver: {}\njobs:\n{}",
        jenkins.url(),
        ["one", "two"]
            .map(|job| format!("  - {{ job: {job}, parameters: {{ COMMIT: \"${{sha}}\" }} }}\n"))
            .concat()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    for _ in 0..2 {
        commit_without_credentials(&repository);
    }
    wait_for_all(&home);
    // After four seconds and more the first waits: nobody says whether its user is known.
    let once = |action, part: &'static str| {
        jenkins.fault(
            Fault::of_posts(action)
                .when(move |request| request.target.contains(part))
                .times(1),
        );
    };
    let refusal = Answer::new(401);
    once(
        FaultAction::Answer {
            processed: false,
            answer: refusal,
        },
        "job/one",
    );
    let hold = Fault::new(FaultAction::Hold { processed: false });
    jenkins.fault(hold.when(|request| request.target.contains("whoAmI")).times(1));
    // The second is lost.
    once(FaultAction::Hold { processed: false }, "job/two");
    let ran = repository.tool(&["retry"]);
    let posted = jenkins.posts();
    let posted = posted.iter().filter(|request| request.method == "POST");
    let bodies: Vec<String> = posted
        .filter(|request| request.target.contains("job/one"))
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    let first = repository.git(&["rev-parse", "HEAD~1"]).stdout;
    assert!(bodies[0].contains(first.trim()), "{bodies:?} {}", ran.whole());
    // What may have gone out since has the first of its job before it.
    assert!(
        bodies.len() == 1 || bodies[1].contains(first.trim()),
        "{bodies:?} {}",
        ran.whole()
    );
}
