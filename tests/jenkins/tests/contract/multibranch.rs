//! Multibranch projects, by rows 47 to 49 of what the sources say.

use std::time::Duration;

use jenkins_stand_in::{Cause, Clock, Job, Setup, StandIn};
use serde_json::Value;

use crate::client::{basic, get, post, send};

const BUILD: &str = "/job/shop/job/app/build";

fn server(project: Job) -> StandIn {
    let jenkins = StandIn::start(Setup::recorded_server().clock(Clock::Manual).job(project));
    jenkins.put_branch("shop/app", "main", true);
    jenkins.put_branch("shop/app", "feature/x", true);
    jenkins.put_branch("shop/app", "docs", false);
    jenkins
}

fn project() -> Job {
    Job::multibranch("shop/app").branch_jobs(Job::pipeline("").string_parameter("DEPLOY", "no"))
}

fn names(jenkins: &StandIn) -> Vec<String> {
    let found = get(
        jenkins.port(),
        "/job/shop/job/app/api/json?tree=jobs%5BfullName%5D",
    )
    .json();
    let jobs = found["jobs"].as_array().expect("jobs");
    jobs.iter()
        .map(|job| job["fullName"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn a_project_is_no_job_and_shows_what_it_holds() {
    let jenkins = server(project());
    let json = get(jenkins.port(), "/job/shop/job/app/api/json").json();
    assert_eq!(
        json["_class"],
        "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
    );
    for absent in ["buildable", "property", "nextBuildNumber", "lastBuild", "color"] {
        assert_eq!(json.get(absent), None, "{absent}");
    }
    assert_eq!(json["jobs"], Value::Array(Vec::new()));
    for not_there in ["buildWithParameters", "polling", "1/api/json"] {
        let reply = post(
            jenkins.port(),
            &format!("/job/shop/job/app/{not_there}"),
            "BRANCH=x",
        );
        assert_eq!(reply.status, 404, "{not_there}");
    }
}

#[test]
fn a_branch_has_no_job_until_a_scan_is_done() {
    let jenkins = server(project());
    let branch = "/job/shop/job/app/job/feature%252Fx/api/json";
    assert_eq!(get(jenkins.port(), branch).status, 404);

    let scan = post(jenkins.port(), BUILD, "");
    assert_eq!(
        (scan.status, scan.header("location")),
        (302, Some("/job/shop/job/app/"))
    );
    jenkins.advance(Duration::from_millis(999));
    assert!(names(&jenkins).is_empty());
    jenkins.advance(Duration::from_millis(1));
    assert_eq!(names(&jenkins), ["shop/app/feature%2Fx", "shop/app/main"]);

    let json = get(jenkins.port(), branch).json();
    assert_eq!(json["_class"], "org.jenkinsci.plugins.workflow.job.WorkflowJob");
    assert_eq!(json["displayName"], "feature/x");
    assert_eq!(json["name"], "feature%2Fx");
    assert_eq!(json["fullName"], "shop/app/feature%2Fx");
    let url = json["url"].as_str().expect("a url");
    assert!(url.ends_with("/job/shop/job/app/job/feature%252Fx/"), "{url}");
    // Encoded once, it is another name.
    let once = get(jenkins.port(), "/job/shop/job/app/job/feature%2Fx/api/json");
    assert_eq!(once.status, 404);
}

#[test]
fn a_scan_starts_the_first_build_of_what_it_found_and_of_nothing_twice() {
    let jenkins = server(project());
    post(jenkins.port(), BUILD, "");
    jenkins.advance(Duration::from_secs(2));
    let builds = jenkins.builds("shop/app/main");
    assert_eq!(builds.len(), 1);
    assert_eq!(builds[0].causes, [Cause::BranchIndexing]);
    assert!(jenkins.taken().is_empty(), "nobody triggered it");
    post(jenkins.port(), BUILD, "");
    jenkins.advance(Duration::from_secs(3));
    assert_eq!(jenkins.builds("shop/app/main").len(), 1);
}

#[test]
fn a_scan_may_leave_the_first_build_to_others() {
    let jenkins = server(project().starts_first_build(false));
    post(jenkins.port(), BUILD, "");
    jenkins.advance(Duration::from_secs(2));
    assert_eq!(names(&jenkins).len(), 2);
    assert!(jenkins.builds("shop/app/main").is_empty());
}

#[test]
fn a_branch_that_comes_during_a_scan_is_found_by_the_next() {
    let jenkins = server(project());
    post(jenkins.port(), BUILD, "");
    jenkins.put_branch("shop/app", "late", true);
    jenkins.advance(Duration::from_secs(5));
    assert_eq!(names(&jenkins).len(), 2);
    // Asked for during a scan, another follows it.
    post(jenkins.port(), BUILD, "");
    jenkins.put_branch("shop/app", "later", true);
    post(jenkins.port(), BUILD, "");
    jenkins.advance(Duration::from_secs(1));
    assert_eq!(names(&jenkins).len(), 3);
    jenkins.advance(Duration::from_secs(1));
    assert_eq!(names(&jenkins).len(), 4);
}

#[test]
fn the_parameters_of_a_branch_job_come_with_its_first_build() {
    let jenkins = server(project().starts_first_build(false));
    post(jenkins.port(), BUILD, "");
    jenkins.advance(Duration::from_secs(1));
    let job = "/job/shop/job/app/job/main";
    let early = post(
        jenkins.port(),
        &format!("{job}/buildWithParameters"),
        "DEPLOY=yes",
    );
    assert_eq!(early.status, 400);
    assert!(early.text().contains("shop/app/main is not parameterized"));
    assert_eq!(
        post(jenkins.port(), &format!("{job}/build"), "delay=0sec").status,
        201
    );
    jenkins.advance(Duration::from_secs(1));
    let later = post(
        jenkins.port(),
        &format!("{job}/buildWithParameters"),
        "DEPLOY=yes",
    );
    assert_eq!(later.status, 201);
}

#[test]
fn a_scan_needs_post_and_the_permission_to_build() {
    let jenkins = server(project());
    let reader = basic("reader", "reader-api-token");
    let refused = send(jenkins.port(), "POST", BUILD, &[reader], b"").expect("an answer");
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.header("x-required-permission"),
        Some("hudson.model.Item.Build")
    );
    assert_eq!(get(jenkins.port(), BUILD).status, 405);
    jenkins.advance(Duration::from_secs(5));
    assert!(names(&jenkins).is_empty());
}

#[test]
fn a_disabled_project_cannot_be_scanned() {
    let jenkins = server(project().disabled());
    let reply = post(jenkins.port(), BUILD, "");
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("shop/app cannot be recomputed"));
    jenkins.advance(Duration::from_secs(5));
    assert!(names(&jenkins).is_empty());
}
