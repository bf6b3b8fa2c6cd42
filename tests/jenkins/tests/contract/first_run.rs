//! A pipeline that declares its parameters in its Jenkinsfile has none before its first build (row 49).

use std::time::Duration;

use jenkins_stand_in::{Clock, Job, Setup, StandIn};
use serde_json::Value;

use crate::client::{get, post};

#[test]
fn a_pipeline_is_not_parameterized_before_its_first_build_has_ended() {
    let job = Job::pipeline("fresh")
        .string_parameter("BRANCH", "main")
        .parameters_after_first_run()
        .build_time(Duration::from_secs(10));
    let jenkins = StandIn::start(Setup::recorded_server().clock(Clock::Manual).job(job));
    let look = || {
        let tree = "tree=nextBuildNumber,lastBuild%5Bnumber%5D,property%5BparameterDefinitions%5Bname%5D%5D";
        get(jenkins.port(), &format!("/job/fresh/api/json?{tree}")).json()
    };
    let with = || post(jenkins.port(), "/job/fresh/buildWithParameters", "BRANCH=x");

    let before = look();
    assert_eq!(before["nextBuildNumber"], 1);
    assert_eq!(before["lastBuild"], Value::Null);
    assert_eq!(before["property"], Value::Array(Vec::new()));
    let refused = with();
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("fresh is not parameterized"));

    assert_eq!(post(jenkins.port(), "/job/fresh/build", "delay=0sec").status, 201);
    jenkins.advance(Duration::from_secs(9));
    assert_eq!(look()["lastBuild"]["number"], 1);
    assert_eq!(with().status, 400, "it still runs");
    jenkins.advance(Duration::from_secs(2));
    assert_eq!(look()["property"][0]["parameterDefinitions"][0]["name"], "BRANCH");
    assert_eq!(with().status, 201);
}
