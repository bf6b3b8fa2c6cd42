//! Equal triggers merge into the item that waits.

use std::time::Duration;

use jenkins_stand_in::{Cause, Clock, ItemState, Setup, StandIn};

use crate::client::{get, post, send};

fn server() -> StandIn {
    StandIn::start(Setup::recorded_server().clock(Clock::Manual))
}

const QUIETP: &str = "/job/quietp/buildWithParameters";

/// s6-02: one 201 and nineteen 303, one item with twenty causes.
#[test]
fn twenty_equal_triggers_at_once_make_one_item() {
    let jenkins = server();
    let replies: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| post(jenkins.port(), QUIETP, "BRANCH=same")))
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("an answer"))
            .collect()
    });
    let of_status = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((of_status(201), of_status(303)), (1, 19));
    assert!(replies.iter().all(|reply| reply.item() == replies[0].item()));
    let items = jenkins.queue_items();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].causes, vec![Cause::User(Some("builduser".into())); 20]);
}

/// s4-02b
#[test]
fn other_parameters_make_another_item() {
    let jenkins = server();
    let one = post(jenkins.port(), QUIETP, "BRANCH=one");
    let two = post(jenkins.port(), QUIETP, "BRANCH=two");
    assert_eq!((one.status, two.status), (201, 201));
    assert_ne!(one.item(), two.item());
}

/// s4-03b: without parameters the answer does not tell.
#[test]
fn a_merged_trigger_without_parameters_is_answered_201() {
    let jenkins = server();
    let one = post(jenkins.port(), "/job/quiet/build", "");
    let two = post(jenkins.port(), "/job/quiet/build", "");
    assert_eq!((one.status, two.status), (201, 201));
    assert_eq!(one.item(), two.item());
}

/// s3-30d: build-token-root tells, and then its `Location` is absolute.
#[test]
fn build_token_root_answers_303_with_a_whole_url() {
    let jenkins = server();
    let trigger = || {
        let target = "/buildByToken/build?job=quiet&token=QUIETTOKEN&delay=20sec";
        send(jenkins.port(), "POST", target, &[], b"").expect("an answer")
    };
    let (one, two) = (trigger(), trigger());
    assert_eq!(
        (one.status, one.header("location")),
        (201, Some("/queue/item/1/"))
    );
    assert_eq!(
        (two.status, two.header("location")),
        (303, Some("http://127.0.0.1:8080/queue/item/1/"))
    );
}

/// s4-03d, s4-02c: 20 s are not begun anew, and `delay=0sec` ends them.
#[test]
fn a_merged_trigger_never_postpones_but_may_pull_forward() {
    let jenkins = server();
    let id = post(jenkins.port(), QUIETP, "BRANCH=x").item();
    let due = |jenkins: &StandIn| jenkins.queue_items()[0].due;
    let first = due(&jenkins);
    jenkins.advance(Duration::from_secs(3));
    assert_eq!(post(jenkins.port(), QUIETP, "BRANCH=x").item(), id);
    assert_eq!(post(jenkins.port(), QUIETP, "BRANCH=x&delay=600sec").item(), id);
    assert_eq!(due(&jenkins), first);
    let why = get(jenkins.port(), &format!("/queue/item/{id}/api/json")).json()["why"].clone();
    assert_eq!(why, "In the quiet period. Expires in 17 sec");
    assert_eq!(post(jenkins.port(), QUIETP, "BRANCH=x&delay=0sec").item(), id);
    jenkins.advance(Duration::from_millis(100));
    assert_eq!(jenkins.builds("quietp").len(), 1);
    assert_eq!(jenkins.builds("quietp")[0].causes.len(), 4);
}

/// s4-06…c: a running build is left alone, a blocked item is merged into.
#[test]
fn a_running_build_does_not_merge_and_a_blocked_item_does() {
    let jenkins = server();
    let trigger = |branch: &str| {
        post(
            jenkins.port(),
            "/job/slow/buildWithParameters",
            &format!("BRANCH={branch}&delay=0sec"),
        )
    };
    let running = trigger("r1");
    jenkins.advance(Duration::from_secs(1));
    assert_eq!(jenkins.builds("slow").len(), 1);
    let blocked = trigger("r1");
    assert_eq!(blocked.status, 201);
    assert_ne!(blocked.item(), running.item());
    let item = get(
        jenkins.port(),
        &format!("/queue/item/{}/api/json", blocked.item()),
    )
    .json();
    assert_eq!(item["why"], "Build #1 is already in progress (ETA: N/A)");
    assert_eq!(item["blocked"], true);
    let merged = trigger("r1");
    assert_eq!((merged.status, merged.item()), (303, blocked.item()));
    assert_eq!(trigger("r2").status, 201);
    jenkins.advance(Duration::from_secs(30));
    assert_eq!(jenkins.builds("slow").len(), 2);
    let state = jenkins
        .queue_items()
        .into_iter()
        .find(|item| item.id == blocked.item())
        .map(|item| item.state);
    assert_eq!(
        state,
        Some(ItemState::Left {
            cancelled: false,
            executable: Some(2)
        })
    );
}

/// s3-33: in quiet-down mode triggers are accepted and wait.
#[test]
fn a_server_about_to_shut_down_accepts_and_starts_nothing() {
    let jenkins = server();
    jenkins.quiet_down(true);
    let id = post(jenkins.port(), "/job/branchy/buildWithParameters", "BRANCH=qd").item();
    jenkins.advance(Duration::from_secs(60));
    assert!(jenkins.builds("branchy").is_empty());
    let item = get(jenkins.port(), &format!("/queue/item/{id}/api/json")).json();
    assert_eq!(item["why"], "Jenkins is about to shut down");
    jenkins.quiet_down(false);
    jenkins.advance(Duration::from_secs(1));
    assert_eq!(jenkins.builds("branchy").len(), 1);
}
