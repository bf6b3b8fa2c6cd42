//! `trigger`: by hand, until Jenkins accepts or refuses.

use jenkins_stand_in::{Job, StandIn};

use crate::helpers::{file_for, filtered, home, ready};
use crate::support::{shop, short_file};

#[test]
fn it_ignores_events_skip_markers_and_paths() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let rule = "  - { job: shop/deploy, events: [post-receive], paths: [\"nothing/**\"] }\n";
    let repository = ready(&home, &file_for(&jenkins, rule));
    repository.commit("second [skip ci]");
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn the_work_trees_file_counts_and_it_is_said_that_the_committed_one_differs() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins).replace("main:", "other:"));
    repository.write(".jenkins-trigger.yml", short_file(&jenkins));
    let ran = repository.tool(&["trigger"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
    assert!(
        ran.stderr.contains("differs from the committed one"),
        "{}",
        ran.whole()
    );
}

#[test]
fn when_no_rule_fires_each_says_why_on_its_own_line() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let rules = "  - { name: release, job: shop/deploy, branches: [\"release/**\"] }\n  \
                 - { job: shop/deploy, branches: [\"**\", \"!main\"] }\n  \
                 - { job: tags, tags: [\"v*\"] }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = repository.tool(&["trigger"]);
    assert!(jenkins.requests().is_empty());
    let expected = "error: no rule fires for branch main\n\
                    help: release: no pattern matches branch main\n\
                    \x20     shop/deploy: branch main is excluded by `!main`\n\
                    \x20     tags: it has only `tags`, and this is a branch\n";
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "", expected)
    );
}

#[test]
fn only_the_rules_asked_for_fire() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("other").string_parameter("BRANCH", "")));
    let repository = ready(
        &home,
        &file_for(
            &jenkins,
            "  - { name: app, job: shop/deploy }\n  - { job: other }\n",
        ),
    );
    repository.tool(&["trigger", "--only", "other"]).succeeded();
    assert_eq!(jenkins.queue_items()[0].job, "other");
    repository
        .tool(&["trigger", "--only", "app", "--only", "other"])
        .succeeded();
    assert_eq!(jenkins.posts().len(), 3);
}

#[test]
fn an_unknown_rule_is_answered_with_the_names_there_are() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(
        &home,
        &file_for(
            &jenkins,
            "  - { name: app, job: shop/deploy }\n  - { job: other }\n",
        ),
    );
    let ran = repository.tool(&["trigger", "--only", "shop/deploy"]);
    assert!(jenkins.requests().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: no rule is called shop/deploy
        help: the file's rules: app, other
        ");
    });
}

#[test]
fn parameters_by_hand_replace_the_files_and_join_them() {
    let home = home();
    let job = Job::new("shop/deploy")
        .string_parameter("BRANCH", "")
        .string_parameter("A", "")
        .string_parameter("B", "");
    let jenkins = StandIn::start(shop().job(job));
    let repository = ready(
        &home,
        &file_for(&jenkins, "  - { job: shop/deploy, parameters: { A: \"1\" } }\n"),
    );
    let ran = repository.tool(&[
        "trigger",
        "--param",
        "A=x=y",
        "-p",
        "B=",
        "--param",
        "BRANCH=fix/ü &+%",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.whole());
    let item = &jenkins.queue_items()[0];
    assert_eq!(item.parameter("A"), Some("x=y"));
    assert_eq!(item.parameter("B"), Some(""));
    assert_eq!(item.parameter("BRANCH"), Some("fix/ü &+%"));
    let form = jenkins.posts()[0].form();
    assert_eq!(form.len(), 3, "each once: {form:?}");
}

#[test]
fn a_parameter_that_is_none_is_refused() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    for wrong in ["BRANCH", "=main", ""] {
        let ran = repository.tool(&["trigger", "--param", wrong]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
        assert!(ran.stderr.contains("--param"), "{}", ran.whole());
    }
    assert!(jenkins.requests().is_empty());
}

#[test]
fn a_parameter_named_like_a_field_of_the_protocol_is_refused_by_hand_too() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    for name in [
        "token",
        "delay",
        "cause",
        "job",
        "json",
        "statusCode",
        "redirectTo",
        "Submit",
        "Jenkins-Crumb",
    ] {
        let ran = repository.tool(&["trigger", "--param", &format!("{name}=x")]);
        assert_eq!(ran.code, 1, "{name} went out\n{}", ran.whole());
    }
    assert!(jenkins.requests().is_empty());
}

#[test]
fn more_triggers_than_an_event_may_cause_are_no_storm_by_hand() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("other").string_parameter("BRANCH", "")));
    let file = file_for(&jenkins, "  - { job: shop/deploy }\n  - { job: other }\n") + "max_triggers: 1\n";
    let repository = ready(&home, &file);
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 2);
}
