//! Sockets: keeping, closing, limits, garbage.

use std::time::Duration;

use jenkins_stand_in::{Fault, FaultAction, Setup, StandIn};

use crate::client::{Connection, builduser, post, request, send};

fn server() -> StandIn {
    StandIn::start(Setup::recorded_server())
}

#[test]
fn a_connection_is_kept_and_closed_after_its_idle_time() {
    let jenkins = StandIn::start(Setup::recorded_server().idle_timeout(Duration::from_millis(300)));
    let mut connection = Connection::open(jenkins.port()).expect("a connection");
    for _ in 0..3 {
        connection
            .send(&request("GET", "/login", &[], b""))
            .expect("sent");
        assert_eq!(connection.reply(false).expect("an answer").status, 200);
    }
    let before = std::time::Instant::now();
    assert!(connection.is_closed());
    assert!(before.elapsed() >= Duration::from_millis(250));
    assert!(jenkins.requests().iter().all(|request| request.connection == 0));
}

#[test]
fn expect_is_answered_with_100_even_before_a_refusal() {
    let jenkins = server();
    for (user, status) in [
        (builduser(), 201),
        (crate::client::basic("builduser", "wrong"), 401),
    ] {
        let mut connection = Connection::open(jenkins.port()).expect("a connection");
        let headers = [
            user,
            ("Expect".into(), "100-continue".into()),
            ("Content-Type".into(), "application/x-www-form-urlencoded".into()),
        ];
        connection
            .send(&request(
                "POST",
                "/job/branchy/buildWithParameters",
                &headers,
                b"BRANCH=x",
            ))
            .expect("sent");
        let reply = connection.reply(false).expect("an answer");
        assert!(reply.continued);
        assert_eq!(reply.status, status);
    }
}

/// Jetty counts request line and headers together: 414 when the line alone is too long, else 431 (s2-40c…e, s9-07).
#[test]
fn heads_over_8_kb_are_refused() {
    let jenkins = server();
    let of_length = |length: usize| {
        let target = format!("/job/branchy/buildWithParameters?BRANCH={}", "x".repeat(length));
        send(jenkins.port(), "POST", &target, &[builduser()], b"")
            .expect("an answer")
            .status
    };
    assert_eq!(of_length(6000), 201);
    assert_eq!(of_length(8192), 414);
    assert_eq!(of_length(2_000_000), 414);
    let junk = ("X-Junk".to_owned(), "j".repeat(8192));
    let reply = send(
        jenkins.port(),
        "POST",
        "/job/simple/build",
        &[builduser(), junk],
        b"",
    )
    .expect("an answer");
    assert_eq!((reply.status, reply.header("connection")), (431, Some("close")));
}

#[test]
fn requests_are_recorded_as_they_came() {
    let jenkins = server();
    let form = "BRANCH=a%20b&BRANCH=c&%zz=%FF";
    post(
        jenkins.port(),
        "/job/branchy/buildWithParameters?x=BRANCH%2FTOKEN",
        form,
    );
    let requests = jenkins.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method.as_str(), requests[0].status),
        ("POST", Some(500))
    );
    assert_eq!(requests[0].form_values("BRANCH"), ["a b", "c"]);
    assert_eq!(requests[0].form()[2], (b"%zz".to_vec(), b"\xff".to_vec()));
    assert!(requests[0].target_contains("BRANCH/TOKEN"));
    assert!(requests[0].header("authorization").is_some());
    assert_eq!(requests[0].body, form.as_bytes());
}

#[test]
fn garbage_does_not_bring_the_server_down() {
    let jenkins = server();
    let bad: [&[u8]; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /%ff%/%zz?%=%&&=;tree=[[[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/json?tree=a[b{,,}] HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"POST /buildByToken/build HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\n--",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /job/ü HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ü\r\n\r\n".as_bytes(),
    ];
    for bytes in bad {
        let mut connection = Connection::open(jenkins.port()).expect("a connection");
        connection.send(bytes).expect("sent");
        drop(connection);
    }
    assert_eq!(post(jenkins.port(), "/job/simple/build", "").status, 201);
}

/// What a client had sent before it died takes effect all the same, and then it is over.
#[test]
fn a_server_is_deserted_when_the_last_client_has_gone() {
    let jenkins = StandIn::start(Setup::recorded_server());
    jenkins.fault(Fault::new(FaultAction::Delay(Duration::from_millis(300))));
    let mut client = Connection::open(jenkins.port()).expect("a connection");
    assert!(!jenkins.wait_until_deserted(Duration::from_millis(50)));
    client
        .send(&request("POST", "/job/simple/build", &[builduser()], b""))
        .expect("sent");
    drop(client);
    assert!(jenkins.wait_until_deserted(Duration::from_secs(60)));
    assert_eq!(jenkins.taken().len(), 1);
    jenkins.stop();
    assert!(jenkins.wait_until_deserted(Duration::ZERO));
}

#[test]
fn what_took_effect_is_remembered_longer_than_the_queue_remembers_it() {
    let jenkins = StandIn::start(Setup::recorded_server());
    for branch in ["main", "main", "dev"] {
        post(
            jenkins.port(),
            "/job/branchy/buildWithParameters",
            &format!("BRANCH={branch}"),
        );
    }
    jenkins.cancel_item(1);
    jenkins.resume();
    let taken: Vec<_> = jenkins
        .taken()
        .iter()
        .map(|taken| {
            (
                taken.item,
                taken.parameter("BRANCH").map(str::to_owned),
                taken.merged,
            )
        })
        .collect();
    let branch = |name: &str| Some(name.to_owned());
    assert_eq!(
        taken,
        [
            (1, branch("main"), false),
            (1, branch("main"), true),
            (2, branch("dev"), false)
        ]
    );
}
