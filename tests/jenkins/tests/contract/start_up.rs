//! A server that stops and starts, with the recorded figures.

use std::time::Duration;

use jenkins_stand_in::{Clock, Setup, StandIn, StartUp};

use crate::client::{Reply, builduser, get, post, send};

fn server() -> StandIn {
    StandIn::start(Setup::recorded_server().clock(Clock::Manual))
}

fn at(jenkins: &StandIn, launched: Duration, seconds: f64) {
    jenkins.advance((launched + Duration::from_secs_f64(seconds)).saturating_sub(jenkins.now()));
}

fn trigger(jenkins: &StandIn) -> Reply {
    post(jenkins.port(), "/job/simple/build", "delay=600sec")
}

fn is_crumb_refusal(reply: &Reply) -> bool {
    reply.status == 403
        && reply
            .text()
            .contains("No valid crumb was included in the request")
        && reply.header("x-jenkins").is_none()
}

fn is_getting_ready(reply: &Reply) -> bool {
    reply.status == 503
        && reply.text().contains("Jenkins is getting ready to work")
        && reply.header("retry-after").is_none()
        && reply.header("x-jenkins").is_none()
}

#[test]
fn a_stopped_server_refuses_connections() {
    let jenkins = server();
    assert_eq!(get(jenkins.port(), "/login").status, 200);
    jenkins.stop();
    let error = send(jenkins.port(), "GET", "/login", &[], b"").expect_err("nobody there");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_recorded_start_up_goes_through_its_phases() {
    let jenkins = server();
    let port = jenkins.port();
    jenkins.stop();
    jenkins.restart(StartUp::default());
    let launched = jenkins.now();
    at(&jenkins, launched, 6.9);
    assert!(send(port, "GET", "/login", &[], b"").is_err());
    at(&jenkins, launched, 7.2);
    assert!(is_getting_ready(&get(port, "/login")));
    assert!(is_getting_ready(&get(port, "/whoAmI/api/json")));
    at(&jenkins, launched, 12.3);
    assert!(
        is_crumb_refusal(&trigger(&jenkins)),
        "a valid API token means nothing yet"
    );
    let by_token = send(
        port,
        "POST",
        "/buildByToken/build?job=simple&token=SIMPLETOKEN",
        &[],
        b"",
    )
    .expect("an answer");
    assert!(is_getting_ready(&by_token), "this path needs no crumb");
    at(&jenkins, launched, 14.6);
    assert_eq!(trigger(&jenkins).status, 401);
    assert_eq!(get(port, "/whoAmI/api/json").status, 401);
    assert!(
        is_getting_ready(&send(port, "GET", "/login", &[], b"").expect("an answer")),
        "nothing to refuse there"
    );
    at(&jenkins, launched, 15.7);
    assert!(is_getting_ready(&trigger(&jenkins)));
    at(&jenkins, launched, 19.9);
    assert!(is_getting_ready(&trigger(&jenkins)));
    at(&jenkins, launched, 20.0);
    assert_eq!(trigger(&jenkins).status, 201);
    assert!(jenkins.queue_items().len() == 1, "none of the others took effect");
}

/// The first POST after the port opened is held for 4 to 5 s and then gets the crumb 403.
#[test]
fn the_first_post_of_a_start_up_is_held() {
    let jenkins = server();
    jenkins.stop();
    jenkins.restart(StartUp::default());
    let launched = jenkins.now();
    at(&jenkins, launched, 7.2);
    std::thread::scope(|scope| {
        let posts = [
            scope.spawn(|| trigger(&jenkins)),
            scope.spawn(|| trigger(&jenkins)),
        ];
        let one_is_held = |state: &jenkins_stand_in::StateView| {
            let mut statuses: Vec<_> = state.requests.iter().map(|request| request.status).collect();
            statuses.sort_unstable();
            statuses == [None, Some(403)]
        };
        assert!(jenkins.wait_until(one_is_held, Duration::from_secs(10)));
        assert!(
            is_getting_ready(&get(jenkins.port(), "/login")),
            "others are answered meanwhile"
        );
        at(&jenkins, launched, 12.1);
        assert!(jenkins.requests().iter().any(|request| request.status.is_none()));
        at(&jenkins, launched, 12.2);
        for post in posts {
            assert!(is_crumb_refusal(&post.join().expect("an answer")));
        }
    });
}

#[test]
fn waiting_items_and_ids_survive_a_restart_and_what_left_does_not() {
    let jenkins = server();
    let waits = trigger(&jenkins).item();
    let left = post(
        jenkins.port(),
        "/job/branchy/buildWithParameters",
        "BRANCH=x&delay=0sec",
    )
    .item();
    jenkins.advance(Duration::from_secs(2));
    assert_eq!(
        get(jenkins.port(), &format!("/queue/item/{left}/api/json")).status,
        200
    );
    jenkins.stop();
    jenkins.restart(StartUp::default());
    jenkins.advance(Duration::from_secs(20));
    let item = get(jenkins.port(), &format!("/queue/item/{waits}/api/json")).json();
    assert_eq!(item["_class"], "hudson.model.Queue$WaitingItem");
    assert_eq!(item["why"], "In the quiet period. Expires in 9 min 38 sec");
    assert_eq!(
        get(jenkins.port(), &format!("/queue/item/{left}/api/json")).status,
        404
    );
    let next = post(jenkins.port(), "/job/branchy/buildWithParameters", "BRANCH=y").item();
    assert_eq!(next, left + 1);
}

#[test]
fn a_start_up_runs_by_itself_on_a_running_clock() {
    let jenkins = StandIn::start(Setup::recorded_server().clock(Clock::Scaled(100.0)));
    jenkins.stop();
    jenkins.restart(StartUp::default());
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while std::time::Instant::now() < deadline {
        if send(jenkins.port(), "GET", "/whoAmI/api/json", &[builduser()], b"")
            .is_ok_and(|reply| reply.status == 200)
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never ready");
}
