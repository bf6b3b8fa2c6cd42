//! `trigger`: what came of it, and the exit code that says so.

use jenkins_stand_in::{Job, Permission, StandIn, User};

use crate::helpers::{file_for, filtered, home, ready};
use crate::support::{TOKEN, USER, shop, short_file, with_each_git};

#[test]
fn accepted_ends_with_0_and_the_queue_item() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop().context_path("/jenkins").next_queue_id(7));
        let repository = ready(home, &short_file(&jenkins));
        let ran = repository.tool(&["trigger"]);
        assert_eq!(jenkins.queue_items()[0].parameter("BRANCH"), Some("main"));
        assert!(repository.waiting().is_empty());
        assert_eq!(repository.journal()[0]["event"], "manual");
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 0
                ----- stdout -----
                queued main → shop/deploy: item 7 http://[JENKINS]/jenkins/queue/item/7/
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn merged_ends_with_0_and_says_with_which_item() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    repository.tool(&["trigger"]).succeeded();
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(ran.stdout.contains("item 1 "), "{}", ran.whole());
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn every_rule_that_fires_is_sent_and_printed_in_the_files_order() {
    let home = home();
    let jenkins = StandIn::start(
        shop()
            .job(Job::new("b").string_parameter("BRANCH", ""))
            .job(Job::new("a").string_parameter("BRANCH", "")),
    );
    let repository = ready(
        &home,
        &file_for(
            &jenkins,
            "  - { job: b }\n  - { job: a }\n  - { job: shop/deploy, branches: [other] }\n",
        ),
    );
    let ran = repository.tool(&["trigger"]).succeeded();
    let jobs: Vec<String> = jenkins.queue_items().into_iter().map(|item| item.job).collect();
    assert_eq!(jobs, ["b", "a"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        queued main → b: item 1 http://[JENKINS]/queue/item/1/
        queued main → a: item 2 http://[JENKINS]/queue/item/2/
        ----- stderr -----
        ");
    });
}

#[test]
fn the_outcome_in_json() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = repository.tool(&["trigger", "--json"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        {"time":"[TIME]","id":"[ID]","outcome":"queued","event":"manual","rules":["shop/deploy"],"server":"http://[JENKINS]/","job":"shop/deploy","branch":"main","sha":"[SHA]","item":1,"url":"http://[JENKINS]/queue/item/1/"}
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_refusal_of_jenkins_ends_with_3_and_what_to_do() {
    let home = home();
    let jenkins = StandIn::start(shop().user(User::new("other", "x")));
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
    let repository = ready(&home, &short_file(&jenkins));
    let ran = repository.tool(&["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → shop/deploy: user dev lacks the permission Job/Build on job shop/deploy; an administrator ticks Job/Build for dev at http://[JENKINS]/manage/configureSecurity/, or in the job's or folder's own matrix; then: jenkins-trigger retry
        ----- stderr -----
        ");
    });
    let later = repository.commit("later");
    assert!(
        !later.stderr.contains("earlier"),
        "it was said already:\n{}",
        later.stderr
    );
}

#[test]
fn a_refusal_of_one_job_does_not_keep_the_others() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(
        &home,
        &file_for(&jenkins, "  - { job: missing }\n  - { job: shop/deploy }\n"),
    );
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn an_unreachable_server_ends_with_1_and_the_trigger_waits() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    jenkins.stop();
    let ran = repository.tool(&["trigger"]);
    assert_eq!(repository.waiting().len(), 1);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting main → shop/deploy: 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
        ----- stderr -----
        ");
    });
}

#[test]
fn verbose_tells_of_each_rule() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(
        &home,
        &file_for(
            &jenkins,
            "  - { job: shop/deploy }\n  - { job: other, branches: [x] }\n",
        ),
    );
    let ran = repository.tool(&["trigger", "-v"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        queued main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        rule shop/deploy fires: it has no `branches`, so every branch matches
        rule other does not fire: no pattern matches branch main
        ");
    });
}
