//! The faults that a test can order.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use jenkins_stand_in::{Answer, Fault, FaultAction, Setup, StandIn};

use crate::client::{builduser, post, send};

fn server() -> StandIn {
    StandIn::start(Setup::recorded_server())
}

fn trigger(jenkins: &StandIn) -> std::io::Result<crate::client::Reply> {
    send(jenkins.port(), "POST", "/job/simple/build", &[builduser()], b"")
}

#[test]
fn a_fault_meets_as_many_requests_as_it_was_told() {
    let jenkins = server();
    jenkins.fault(Fault::answer(Answer::new(503).header("Retry-After", "7").body("busy")).times(2));
    for _ in 0..2 {
        let reply = trigger(&jenkins).expect("an answer");
        assert_eq!(
            (reply.status, reply.header("retry-after"), reply.text().as_str()),
            (503, Some("7"), "busy")
        );
    }
    assert_eq!(trigger(&jenkins).expect("an answer").status, 201);
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn a_fault_meets_only_the_requests_it_is_for() {
    let jenkins = server();
    jenkins.fault(Fault::answer(Answer::new(502)).when(|request| request.path().contains("branchy")));
    assert_eq!(trigger(&jenkins).expect("an answer").status, 201);
    assert_eq!(
        post(jenkins.port(), "/job/branchy/buildWithParameters", "").status,
        502
    );
    jenkins.clear_faults();
    assert_eq!(
        post(jenkins.port(), "/job/branchy/buildWithParameters", "").status,
        201
    );
}

#[test]
fn a_lost_answer_leaves_the_request_done_or_not_as_ordered() {
    for processed in [false, true] {
        let jenkins = server();
        jenkins.fault(Fault::new(FaultAction::CloseUnanswered { processed }).times(1));
        assert_eq!(
            trigger(&jenkins).expect_err("no answer").kind(),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(jenkins.queue_items().len(), usize::from(processed));
        assert_eq!(jenkins.requests()[0].status, None);
        let gateway = FaultAction::Answer {
            processed,
            answer: Answer::new(504),
        };
        jenkins.fault(Fault::new(gateway).times(1));
        assert_eq!(
            post(jenkins.port(), "/job/branchy/buildWithParameters", "").status,
            504
        );
        assert_eq!(jenkins.queue_items().len(), 2 * usize::from(processed));
    }
}

#[test]
fn answers_break_off_in_head_and_body() {
    let jenkins = server();
    let actions = [
        FaultAction::CloseUnread,
        FaultAction::CloseInHead,
        FaultAction::CloseInBody { missing: 10 },
        FaultAction::Garbage(b"220 mail\r\n".to_vec()),
    ];
    for action in actions {
        jenkins.fault(Fault::new(action).times(1));
        assert!(trigger(&jenkins).is_err());
    }
}

#[test]
fn answers_come_late_slowly_or_without_end() {
    let jenkins = server();
    jenkins.fault(Fault::new(FaultAction::Delay(Duration::from_millis(120))).times(1));
    let before = Instant::now();
    assert_eq!(trigger(&jenkins).expect("an answer").status, 201);
    assert!(before.elapsed() >= Duration::from_millis(120));
    jenkins.fault(Fault::new(FaultAction::Trickle(Duration::from_millis(1))).times(1));
    assert_eq!(trigger(&jenkins).expect("an answer").status, 201);
    jenkins.fault(Fault::new(FaultAction::HugeBody(3 << 20)).times(1));
    assert_eq!(trigger(&jenkins).expect("an answer").body.len(), 3 << 20);
}

/// A held request ends when the client goes or the server stops; neither may hang.
#[test]
fn a_held_request_ends_with_the_server() {
    let jenkins = server();
    jenkins.fault(Fault::new(FaultAction::Hold { processed: true }));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| trigger(&jenkins));
        assert!(jenkins.wait_until(|state| state.items.len() == 1, Duration::from_secs(10)));
        jenkins.stop();
        assert!(held.join().expect("an end").is_err());
    });
}
