//! `trigger --wait`: from the queue to the result of the build.

use std::thread;
use std::time::{Duration, Instant};

use jenkins_stand_in::{
    Answer, BuildResult, Fault, FaultAction, Job, Permission, RecordedRequest, StandIn, StartUp, StateView,
    User,
};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::helpers::{file_for, filtered, home, ready};
use crate::support::{TOKEN, USER, shop, short_file};
use crate::waiting::{JOB, Waiting, asked, endless, let_start, still, until};

#[test]
fn it_tells_why_it_waits_which_build_it_became_and_the_result() {
    let home = home();
    let jenkins = StandIn::start(still().context_path("/jenkins").next_queue_id(7));
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    // Quietly counting down is told once.
    until(&jenkins, |state| asked(state, "/queue/item/7/") >= 2);
    let_start(&jenkins);
    jenkins.advance(Duration::from_secs(63));
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        SUCCESS main → shop/deploy: build 1 http://[JENKINS]/jenkins/job/shop/job/deploy/1/ after 1:03
        ----- stderr -----
        main → shop/deploy: queued, item 7 http://[JENKINS]/jenkins/queue/item/7/
        main → shop/deploy: waits: In the quiet period. Expires in 1 sec
        main → shop/deploy: build 1 http://[JENKINS]/jenkins/job/shop/job/deploy/1/
        ");
    });
}

#[test]
fn every_result_but_success_ends_with_4() {
    let home = home();
    for (result, word, code) in [
        (BuildResult::Success, "SUCCESS", 0),
        (BuildResult::Unstable, "UNSTABLE", 4),
        (BuildResult::Failure, "FAILURE", 4),
        (BuildResult::NotBuilt, "NOT_BUILT", 4),
        (BuildResult::Aborted, "ABORTED", 4),
    ] {
        let job = Job::new(JOB)
            .string_parameter("BRANCH", "main")
            .result(result)
            .build_time(Duration::from_millis(10));
        let jenkins = StandIn::start(shop().job(job).quiet_period(Duration::ZERO));
        let repository = home.repository(word, &short_file(&jenkins));
        repository.tool(&["trust"]).succeeded();
        repository.commit("first");
        let ran = repository.tool(&["-q", "trigger", "--wait"]);
        assert_eq!(ran.code, code, "{}", ran.whole());
        let begins = format!("{word} main → shop/deploy: build 1 http://127.0.0.1:");
        assert!(ran.stdout.starts_with(&begins), "{}", ran.whole());
        assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
    }
}

#[test]
fn what_is_taken_out_of_the_queue_ends_with_4() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
    jenkins.cancel_item(1);
    let ran = waiting.end();
    assert_eq!(ran.code, 4, "{}", ran.whole());
    let line = "CANCELLED main → shop/deploy: taken out of the queue, there is no build; item 1 http://";
    assert!(ran.stdout.starts_with(line), "{}", ran.whole());
}

#[test]
fn each_new_reason_for_waiting_is_told_once() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    jenkins.quiet_down(true);
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
    // The reason counts down.
    jenkins.advance(Duration::from_millis(300));
    let looks = asked(&jenkins.state(), "/queue/item/1/");
    until(&jenkins, |state| asked(state, "/queue/item/1/") > looks);
    jenkins.advance(Duration::from_secs(2));
    let looks = asked(&jenkins.state(), "/queue/item/1/");
    until(&jenkins, |state| asked(state, "/queue/item/1/") > looks);
    jenkins.set_executors(0);
    jenkins.quiet_down(false);
    let looks = asked(&jenkins.state(), "/queue/item/1/");
    until(&jenkins, |state| asked(state, "/queue/item/1/") > looks);
    jenkins.cancel_item(1);
    let ran = waiting.end();
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.split_once("waits: "))
        .map(|(_, why)| why)
        .collect();
    assert_eq!(
        said,
        [
            "In the quiet period. Expires in 1 sec",
            "Jenkins is about to shut down",
            "Waiting for next available executor"
        ],
        "{}",
        ran.whole()
    );
}

#[test]
fn an_item_that_was_merged_is_waited_for_as_one() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    repository.tool(&["trigger"]).succeeded();
    let waiting = Waiting::start(&repository, &["--wait"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    assert!(ran.stderr.contains("merged, item 1 "), "{}", ran.whole());
    assert!(ran.stdout.contains("build 1 "), "{}", ran.whole());
}

/// As a Jenkins that has many controllers behind one address, or that is busy, may do.
#[test]
fn an_item_that_is_not_known_at_once_is_waited_for() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let item = |request: &RecordedRequest| request.target.contains("/queue/item/");
    jenkins.fault(Fault::answer(Answer::new(404)).when(item).times(2));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 3);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    waiting.end().succeeded();
}

/// Jenkins forgets an item 300 s after it left the queue.
#[test]
fn the_build_of_an_item_that_is_forgotten_is_found_by_its_number() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
    jenkins.advance(Duration::from_secs(2));
    jenkins.advance(Duration::from_secs(400));
    jenkins.finish_build(JOB, 1, BuildResult::Failure);
    let ran = waiting.end();
    assert_eq!(ran.code, 4, "{}", ran.whole());
    assert!(
        ran.stdout.contains("FAILURE main → shop/deploy: build 1 "),
        "{}",
        ran.whole()
    );
}

/// Taken out of the queue just before a restart, which makes Jenkins forget that.
#[test]
fn an_item_that_is_nowhere_ends_with_1() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
    jenkins.stop();
    jenkins.cancel_item(1);
    jenkins.resume();
    let ran = waiting.end();
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stdout
            .contains("no longer knows item 1, and no build came of it; look at item 1 http://"),
        "{}",
        ran.whole()
    );
}

#[test]
fn who_may_not_see_the_job_is_told_where_to_look() {
    let home = home();
    let blind = [
        Permission::OverallRead,
        Permission::JobDiscover,
        Permission::JobBuild,
    ];
    let jenkins = StandIn::start(still().anonymous([Permission::JobDiscover]));
    jenkins.put_user(User::new(USER, TOKEN).grant(blind));
    let file = file_for(
        &jenkins,
        "  - { job: shop/deploy, method: token-root, token_from: deploy }\n",
    );
    let repository = ready(&home, &file);
    let ran = repository.tool(&["trigger", "--wait"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        queued main → shop/deploy: what becomes of it cannot be seen: user dev lacks the permission Job/Read on job shop/deploy; an administrator ticks Job/Read for dev on the job and its folders; look at item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        main → shop/deploy: queued, item 1 http://[JENKINS]/queue/item/1/
        ");
    });
}

#[test]
fn a_trigger_without_a_user_cannot_be_watched() {
    let home = home();
    let jenkins = StandIn::start(still());
    let file = file_for(
        &jenkins,
        "  - { job: shop/deploy, method: token-root, token_from: deploy }\n",
    );
    let repository = ready(&home, &file);
    let ran = repository.tool_in(&["trigger", "--wait"], |command| {
        command.env_remove("JENKINS_USER_ID");
    });
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        queued main → shop/deploy: what becomes of it cannot be seen: no credentials for http://[JENKINS]/ (JENKINS_USER_ID is not set); to log in: jenkins-trigger login http://[JENKINS]/; look at item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        main → shop/deploy: queued, item 1 http://[JENKINS]/queue/item/1/
        ");
    });
    // With one it can.
    let waiting = Waiting::start(&repository, &["--wait"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    waiting.end().succeeded();
}

#[test]
fn a_jenkins_that_restarts_is_waited_for() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
    jenkins.stop();
    thread::sleep(Duration::from_secs(2));
    jenkins.restart(StartUp::default());
    jenkins.advance(Duration::from_secs(8));
    let answered = |state: &StateView, status| {
        state
            .requests
            .iter()
            .any(|request| request.status == Some(status))
    };
    until(&jenkins, |state| answered(state, 503));
    // In the middle of the half second in which Jenkins takes everybody for a stranger.
    jenkins.advance(Duration::from_millis(6_700));
    until(&jenkins, |state| answered(state, 401));
    jenkins.advance(Duration::from_secs(10));
    until(&jenkins, |state| asked(state, "/job/deploy/1/") >= 1);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    assert_eq!(ran.stderr.matches("asking on").count(), 1, "{}", ran.whole());
    assert_eq!(ran.stderr.matches("answers again").count(), 1, "{}", ran.whole());
}

#[test]
fn credentials_that_are_refused_again_and_again_end_the_wait_with_1() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
    jenkins.put_user(User::new(USER, "a new one"));
    let ran = waiting.end();
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stdout.contains("does not accept the API token of user dev"),
        "{}",
        ran.whole()
    );
    assert!(ran.stdout.contains("look at item 1 http://"), "{}", ran.whole());
}

#[test]
fn ctrl_c_leaves_the_build_alone_and_says_where_to_look() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait"]);
    let_start(&jenkins);
    waiting.signal(Signal::SIGINT);
    let ran = waiting.end();
    assert_eq!(jenkins.builds(JOB)[0].result, None);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 130
        ----- stdout -----
        ----- stderr -----
        main → shop/deploy: queued, item 1 http://[JENKINS]/queue/item/1/
        main → shop/deploy: waits: In the quiet period. Expires in 1 sec
        main → shop/deploy: build 1 http://[JENKINS]/job/shop/job/deploy/1/
        interrupted main → shop/deploy goes on in Jenkins: build 1 http://[JENKINS]/job/shop/job/deploy/1/
        look again there, or at what was sent: jenkins-trigger log [ID]
        ");
    });
}

#[test]
fn a_server_that_hangs_does_not_hold_ctrl_c() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let item = |request: &RecordedRequest| request.target.contains("/queue/item/");
    let hold = FaultAction::Hold { processed: false };
    jenkins.fault(Fault::new(hold).when(item));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| state.requests.len() >= 3);
    let begun = Instant::now();
    waiting.signal(Signal::SIGTERM);
    let ran = waiting.end();
    assert_eq!(ran.code, 130, "{}", ran.whole());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn several_are_waited_for_side_by_side_and_the_worst_decides() {
    let home = home();
    let jenkins = StandIn::start(still().job(endless("a")).job(endless("b")));
    let file = file_for(&jenkins, "  - { job: a }\n  - { job: b }\n");
    let repository = ready(&home, &file);
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/") >= 2);
    jenkins.advance(Duration::from_secs(1));
    jenkins.advance(Duration::from_secs(1));
    // The second ends first.
    until(&jenkins, |state| asked(state, "/job/b/1/") >= 1);
    let before = asked(&jenkins.state(), "/job/b/1/");
    jenkins.finish_build("b", 1, BuildResult::Failure);
    until(&jenkins, |state| asked(state, "/job/b/1/") > before);
    jenkins.finish_build("a", 1, BuildResult::Success);
    let ran = waiting.end();
    assert_eq!(ran.code, 4, "{}", ran.whole());
    let words: Vec<&str> = ran
        .stdout
        .lines()
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(words, ["FAILURE main → b", "SUCCESS main → a"], "{}", ran.whole());

    let file = file_for(&jenkins, "  - { job: missing }\n  - { job: b }\n");
    repository.write(".jenkins-trigger.yml", file);
    repository.tool(&["trust"]).succeeded();
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/3/") >= 1);
    jenkins.cancel_item(3);
    assert_eq!(waiting.end().code, 3);
}

#[test]
fn what_jenkins_did_not_accept_is_not_waited_for() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    jenkins.stop();
    let ran = repository.tool(&["trigger", "--wait"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stdout.starts_with("waiting main → shop/deploy: "),
        "{}",
        ran.whole()
    );
}

#[test]
fn the_result_in_json() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--wait", "--json", "-q"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Unstable);
    let ran = waiting.end();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 4
        ----- stdout -----
        {"time":"[TIME]","id":"[ID]","outcome":"queued","event":"manual","rules":["shop/deploy"],"server":"http://[JENKINS]/","job":"shop/deploy","branch":"main","sha":"[SHA]","item":1,"url":"http://[JENKINS]/job/shop/job/deploy/1/","build":1,"causes":["Started by user dev"],"parameters":[["BRANCH","main"]],"result":"UNSTABLE","duration":0.952}
        ----- stderr -----
        "#);
    });
    let shown: Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(shown["item"], 1);
    assert_eq!(shown["build"], 1);

    let waiting = Waiting::start(&repository, &["--wait", "--json"]);
    until(&jenkins, |state| asked(state, "/queue/item/2/") >= 1);
    jenkins.cancel_item(2);
    let ran = waiting.end();
    let shown: Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(
        (&shown["result"], &shown["build"]),
        (&"CANCELLED".into(), &Value::Null)
    );
}
