//! An item from its trigger to its end, 300 s after it left the queue.

use std::time::Duration;

use jenkins_stand_in::{Clock, Job, Setup, StandIn};

use crate::client::{Reply, basic, get, post, send};

fn server() -> StandIn {
    StandIn::start(Setup::recorded_server().clock(Clock::Manual))
}

fn item(jenkins: &StandIn, id: u64) -> Reply {
    get(jenkins.port(), &format!("/queue/item/{id}/api/json"))
}

#[test]
fn an_item_waits_is_ready_leaves_and_gets_its_build() {
    let jenkins = server();
    let id = post(jenkins.port(), "/job/branchy/buildWithParameters", "BRANCH=x").item();
    let mut seen = Vec::new();
    for _ in 0..5100 {
        let view = &jenkins.queue_items()[0];
        let shown = format!("{:?}", view.state);
        if seen.last() != Some(&shown) {
            seen.push(shown);
        }
        jenkins.advance(Duration::from_millis(1));
    }
    assert_eq!(
        seen,
        [
            "Waiting",
            "Buildable { pending: false }",
            "Buildable { pending: true }",
            // The instant in which a client must ask again.
            "Left { cancelled: false, executable: None }",
            "Left { cancelled: false, executable: Some(1) }",
        ]
    );
    let left = item(&jenkins, id).json();
    assert_eq!(left["_class"], "hudson.model.Queue$LeftItem");
    assert_eq!(left["executable"]["number"], 1);
    assert_eq!(left["why"], serde_json::Value::Null);
    let build = get(jenkins.port(), "/job/branchy/1/api/json?tree=queueId,building").json();
    assert_eq!(
        (&build["queueId"], &build["building"]),
        (&id.into(), &true.into())
    );
}

/// s4-12
#[test]
fn an_item_is_gone_300_s_after_it_left() {
    let jenkins = server();
    let id = post(
        jenkins.port(),
        "/job/quietp/buildWithParameters",
        "BRANCH=x&delay=100sec",
    )
    .item();
    // The life counts from leaving, not from the trigger.
    jenkins.advance(Duration::from_secs(100));
    jenkins.advance(Duration::from_millis(8));
    jenkins.advance(Duration::from_secs(248));
    assert_eq!(item(&jenkins, id).status, 200);
    jenkins.advance(Duration::from_millis(51_999));
    assert_eq!(item(&jenkins, id).status, 200);
    jenkins.advance(Duration::from_millis(1));
    assert_eq!(item(&jenkins, id).status, 404);
    assert_eq!(get(jenkins.port(), &format!("/queue/item/{id}/")).status, 404);
    // What reconciling has left then.
    let builds = get(
        jenkins.port(),
        "/job/quietp/api/json?tree=builds[number,queueId]{0,20}",
    )
    .json();
    assert_eq!(builds["builds"][0]["queueId"], id);
}

#[test]
fn a_cancelled_item_stays_to_be_seen() {
    let jenkins = server();
    let id = post(jenkins.port(), "/job/branchy/buildWithParameters", "BRANCH=x").item();
    let cancel = |user: (String, String)| {
        let target = format!("/queue/cancelItem?id={id}");
        send(jenkins.port(), "POST", &target, &[user], b"")
            .expect("an answer")
            .status
    };
    assert_eq!(cancel(crate::client::builduser()), 422);
    assert_eq!(cancel(basic("admin", "admin-api-token")), 204);
    assert_eq!(cancel(basic("admin", "admin-api-token")), 500);
    let seen = item(&jenkins, id).json();
    assert_eq!(
        (&seen["cancelled"], &seen["executable"]),
        (&true.into(), &serde_json::Value::Null)
    );
    jenkins.advance(Duration::from_secs(60));
    assert!(jenkins.builds("branchy").is_empty());
}

#[test]
fn items_wait_for_an_executor() {
    let jobs = ["one", "two", "three"].map(|name| Job::new(name).builds_forever());
    let mut setup = Setup::recorded_server().clock(Clock::Manual);
    for job in jobs {
        setup = setup.job(job);
    }
    let jenkins = StandIn::start(setup);
    let ids: Vec<u64> = ["one", "two", "three"]
        .map(|name| post(jenkins.port(), &format!("/job/{name}/build"), "delay=0sec").item())
        .into();
    jenkins.advance(Duration::from_secs(60));
    let third = item(&jenkins, ids[2]).json();
    assert_eq!(third["why"], "Waiting for next available executor");
    assert_eq!(third["pending"], false);
    assert!(jenkins.finish_build("one", 1, jenkins_stand_in::BuildResult::Failure));
    jenkins.advance(Duration::from_secs(1));
    assert_eq!(jenkins.builds("three").len(), 1);
}
