//! What may be asked about a job's permission and token so that nothing starts (contract, observed 7).

use jenkins_stand_in::{Clock, Setup, StandIn};

use crate::client::{basic, builduser, send};

fn server() -> StandIn {
    StandIn::start(Setup::recorded_server().clock(Clock::Manual))
}

fn form(jenkins: &StandIn, target: &str, user: Option<(String, String)>, body: &str) -> u16 {
    let content_type = (
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    );
    let headers: Vec<_> = user.into_iter().chain([content_type]).collect();
    let reply = send(jenkins.port(), "POST", target, &headers, body.as_bytes()).expect("an answer");
    reply.status
}

/// By the sources the permission is checked before the method is.
#[test]
fn a_get_without_a_token_tells_who_may_build() {
    let jenkins = server();
    for target in [
        "/job/simple/build",
        "/job/simple/buildWithParameters",
        "/job/branchy/buildWithParameters",
        "/job/notoken/buildWithParameters",
        "/job/pipe/buildWithParameters",
    ] {
        let get = |user| send(jenkins.port(), "GET", target, &[user], b"").expect("an answer");
        let may = get(builduser());
        assert_eq!((may.status, may.header("allow")), (405, Some("POST")), "{target}");
        let may_not = get(basic("reader", "reader-api-token"));
        assert_eq!(may_not.status, 403, "{target}");
        assert_eq!(
            may_not.header("x-required-permission"),
            Some("hudson.model.Item.Build")
        );
    }
    assert!(jenkins.taken().is_empty());
}

#[test]
fn the_wrong_endpoint_tells_a_right_token_from_a_wrong_one() {
    let jenkins = server();
    let reader = || Some(basic("reader", "reader-api-token"));
    for (token, expected) in [("SIMPLETOKEN", 400), ("WRONG", 403)] {
        let body = format!("job=simple&token={token}");
        assert_eq!(
            form(&jenkins, "/buildByToken/buildWithParameters", None, &body),
            expected
        );
        let body = format!("token={token}");
        assert_eq!(
            form(&jenkins, "/job/simple/buildWithParameters", reader(), &body),
            expected
        );
    }
    for (token, expected) in [("BRANCHTOKEN", 400), ("WRONG", 403)] {
        let body = format!("job=branchy&token={token}");
        assert_eq!(form(&jenkins, "/buildByToken/build", None, &body), expected);
        let body = format!("token={token}");
        assert_eq!(form(&jenkins, "/job/branchy/build", reader(), &body), expected);
    }
    assert!(jenkins.taken().is_empty());
}
