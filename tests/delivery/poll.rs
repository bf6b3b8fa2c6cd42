//! `action: poll`: Jenkins looks into the job's SCM, and there is no item to follow.

use jenkins_stand_in::{Answer, Fault, FaultAction, Job, StandIn};

use crate::support::{Home, JOB_TOKEN, Ran, filtered, gits, shop};

fn poll(rule: &str, change: impl FnOnce(&StandIn)) -> (Home, StandIn, Ran) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(
        shop()
            .job(Job::new("polled").trigger_token(JOB_TOKEN).polls_scm())
            .job(Job::pipeline("pipe").trigger_token(JOB_TOKEN)),
    );
    change(&jenkins);
    let file = format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url());
    let ran = {
        let repository = home.repository("shop", &file);
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        repository.tool(&["trigger"])
    };
    (home, jenkins, ran)
}

#[test]
fn a_job_is_told_to_look_into_its_scm() {
    let (home, jenkins, ran) = poll("{ job: polled, action: poll }", |_| {});
    assert_eq!(jenkins.posts()[0].target, "/job/polled/polling");
    assert!(jenkins.posts()[0].form().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        polled main → polled: Jenkins looks into its SCM, and builds if something is new there
        ----- stderr -----
        ");
    });
}

#[test]
fn with_its_token_at_build_token_root_too() {
    let rule = "{ job: polled, action: poll, method: token-root, token_from: deploy }";
    let (_home, jenkins, ran) = poll(rule, |_| {});
    assert_eq!(ran.code, 0, "{}", ran.whole());
    let posts = jenkins.posts();
    assert_eq!(posts[0].target, "/buildByToken/polling");
    assert_eq!(posts[0].form_values("job"), ["polled"]);
    assert_eq!(posts[0].form_values("token"), [JOB_TOKEN]);
    assert_eq!(posts[0].form().len(), 2);
}

/// Twice harms nobody.
#[test]
fn an_answer_that_is_lost_is_no_reason_to_look_for_it() {
    let (_home, jenkins, ran) = poll("{ job: polled, action: poll }", |jenkins| {
        jenkins.fault(Fault::of_posts(FaultAction::CloseUnanswered { processed: true }).times(1));
    });
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stdout.starts_with("waiting"), "{}", ran.whole());
    assert!(
        !jenkins
            .requests()
            .iter()
            .any(|request| request.target.contains("queue"))
    );
}

#[test]
fn a_job_that_does_not_poll_is_told_by_build_token_root() {
    let rule = "{ job: shop/deploy, action: poll, method: token-root, token_from: deploy }";
    let (home, _jenkins, ran) = poll(rule, |_| {});
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 3
        ----- stdout -----
        failed main → shop/deploy: job shop/deploy is not set up to poll its SCM, or is disabled (HTTP 400; the reason is in the server's log); tick "Poll SCM" at http://[JENKINS]/job/shop/job/deploy/configure, its schedule may be empty; or write `action: build`
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_wrong_token_is_told() {
    let (home, _jenkins, ran) = poll("{ job: polled, action: poll, token_from: deploy }", |jenkins| {
        jenkins.put_job(Job::new("polled").trigger_token("another").polls_scm());
    });
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 3
        ----- stdout -----
        failed main → polled: the trigger token of job polled is wrong; set a new one under "Trigger builds remotely" at http://[JENKINS]/job/polled/configure (a Jenkins since 2.541 does not show the old one), and keep it by the name that `token_from` has: jenkins-trigger login --job-token NAME; then: jenkins-trigger retry
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_page_for_those_who_are_not_logged_in_is_no_success() {
    let (_home, _jenkins, ran) = poll("{ job: polled, action: poll }", |jenkins| {
        jenkins.fault(Fault::answer_to_posts(
            Answer::new(302).header("Location", "/login?from=x"),
        ));
    });
    assert_eq!(ran.code, 3, "{}", ran.whole());
}
