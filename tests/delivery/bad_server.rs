//! Servers that are broken, or mean harm: whatever comes, the user reads a clear sentence soon, and
//! no secret that the answer repeats.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jenkins_stand_in::{Answer, Fault, FaultAction, RecordedRequest, StandIn};

use crate::secrets::assert_no_secret;
use crate::support::{Home, JOB_TOKEN, Ran, TOKEN, filtered, gits, shop, short_file};

/// Nothing takes longer: two attempts of 10 s each, the pauses between them, and a loaded machine.
const LONGEST: Duration = Duration::from_secs(90);

/// Writes what it likes to whoever posts. The client may have gone meanwhile.
type Post = Box<dyn Fn(&mut TcpStream) + Send + Sync>;

/// Something that is a Jenkins for everybody but whoever wants to build.
struct Bad {
    url: String,
    posts: Arc<AtomicUsize>,
}

impl Bad {
    /// It goes on until this test program ends.
    fn start(post: Post) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let posts = Arc::new(AtomicUsize::new(0));
        let (count, post) = (Arc::clone(&posts), Arc::new(post));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, post) = (Arc::clone(&count), Arc::clone(&post));
                thread::spawn(move || serve(stream, &count, &post));
            }
        });
        Self { url, posts }
    }
}

fn serve(mut stream: TcpStream, posts: &AtomicUsize, post: &Post) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    let head = loop {
        let Ok(length @ 1..) = stream.read(&mut chunk) else {
            return;
        };
        request.extend_from_slice(&chunk[..length]);
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    if text.starts_with("post ") {
        let length = text
            .split_once("content-length: ")
            .map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap_or_default());
        let mut missing = (head + length.parse::<usize>().expect("a length")).saturating_sub(request.len());
        while missing > 0
            && let Ok(length @ 1..) = stream.read(&mut chunk)
        {
            missing = missing.saturating_sub(length);
        }
        posts.fetch_add(1, Ordering::SeqCst);
        post(&mut stream);
    } else {
        let status = if text.contains("whoami") {
            "200 OK"
        } else {
            "403 Forbidden"
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nX-Jenkins: 2.528.2\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let _ = stream.write_all(answer.as_bytes());
    }
    // What was written is not to be lost because the rest was not read.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    while matches!(stream.read(&mut chunk), Ok(1..)) {}
}

/// These bytes, and no more.
fn bytes(bytes: impl Into<Vec<u8>>) -> Post {
    let bytes = bytes.into();
    Box::new(move |stream| {
        let _ = stream.write_all(&bytes);
    })
}

/// A whole answer with this head, and a body that repeats what is nobody's business.
fn answer(head: &str) -> Post {
    let body = format!("<p>token={JOB_TOKEN} {TOKEN} Logging ID=12345678-1234-1234-1234-123456789abc</p>");
    let length = body.len();
    bytes(format!(
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

/// This again and again, until nobody listens.
fn endlessly(head: &'static str, again: &'static [u8], pause: Duration) -> Post {
    Box::new(move |stream| {
        let mut alive = stream.write_all(head.as_bytes()).is_ok();
        while alive {
            alive = stream.write_all(again).is_ok();
            thread::sleep(pause);
        }
    })
}

/// A trigger by hand with both kinds of secrets, and what the journal has of it in the end.
fn triggered(server: &str) -> (Home, Ran, String) {
    let home = Home::new(&gits()[0]);
    let file =
        format!("version: 1\nserver: {server}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n");
    let (ran, journal) = {
        let repository = home.repository("shop", &file);
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        // On a slow machine another attempt would come before the journal is read.
        repository.without_sleepers();
        (repository.tool(&["-v", "trigger"]), repository.journal())
    };
    let lines = journal.iter().map(|line| {
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {}", text("outcome"), text("reason"), text("message"))
    });
    let lines: Vec<String> = lines.collect();
    (home, ran, lines.join("\n"))
}

/// All of these at once, and what the journal has of each: many of them take their time.
fn all(cases: Vec<(&'static str, Post)>) -> String {
    let said = Mutex::new(Vec::new());
    let home = Home::new(&gits()[0]);
    thread::scope(|scope| {
        for (place, (name, post)) in cases.into_iter().enumerate() {
            let said = &said;
            scope.spawn(move || {
                let server = Bad::start(post);
                let begun = Instant::now();
                let (home, ran, journal) = triggered(&server.url);
                assert!(begun.elapsed() < LONGEST, "{name}: {:?}", begun.elapsed());
                assert!(server.posts.load(Ordering::SeqCst) <= 2, "{name}");
                assert_no_secret(&home, &ran.whole());
                assert!(!ran.stderr.contains("panicked"), "{name}\n{}", ran.whole());
                said.lock()
                    .expect("no panic")
                    .push((place, format!("{name}\n{journal}")));
            });
        }
    });
    drop(home);
    let mut said = said.into_inner().expect("no panic");
    said.sort();
    let said: Vec<String> = said.into_iter().map(|(_, text)| text).collect();
    said.join("\n\n")
}

#[track_caller]
fn shown(text: &str, snapshot: impl FnOnce(&str)) {
    let home = Home::new(&gits()[0]);
    filtered(&home, || snapshot(text));
}

#[test]
fn answers_that_are_hardly_http() {
    let many = |header: &str, count: usize| {
        let headers: String = (0..count)
            .map(|number| format!("{header}{number}: {TOKEN}\r\n"))
            .collect();
        format!("HTTP/1.1 500 Oops\r\n{headers}\r\n")
    };
    let said = all(vec![
        ("nothing", bytes("")),
        (
            "half a head",
            bytes("HTTP/1.1 201 Created\r\nLocation: http://127.0.0.1/queue/it"),
        ),
        ("another protocol", bytes(b"\x16\x03\x01\x00\x05hello".to_vec())),
        ("no status", bytes("HTTP/1.1 abc Created\r\n\r\n")),
        (
            "two lengths",
            bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello"),
        ),
        (
            "an escape in a header",
            answer("302 Found\r\nLocation: /login\x1b[2J"),
        ),
        ("five thousand headers", bytes(many("X-", 5000))),
        (
            "a header of a megabyte",
            bytes(format!(
                "HTTP/1.1 302 Found\r\nLocation: /{}\r\n\r\n",
                "x".repeat(1 << 20)
            )),
        ),
        (
            "101",
            answer("101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c"),
        ),
        (
            "204",
            bytes("HTTP/1.1 204 No Content\r\nLocation: /queue/item/7/\r\n\r\n"),
        ),
    ]);
    shown(&said, |said| {
        insta::assert_snapshot!(said, @"
    nothing
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (connection closed before message completed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    half a head
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (connection closed before message completed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    another protocol
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (invalid HTTP version parsed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    no status
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (invalid HTTP status-code parsed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    two lengths
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (invalid content-length parsed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    an escape in a header
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (invalid HTTP header parsed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    five thousand headers
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (message head is too large): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    a header of a megabyte
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (message head is too large): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    101
    failed unknown-answer: http://[JENKINS]/job/shop/job/deploy/buildWithParameters answered HTTP 101; this is no answer of a Jenkins; check `server` in .jenkins-trigger.yml

    204
    failed no-queue-item: http://[JENKINS]/job/shop/job/deploy/buildWithParameters answered HTTP 204 without a queue item: nothing says that a build was queued; check that `server` in .jenkins-trigger.yml is a Jenkins, with its context path, and see http://[JENKINS]/job/shop/job/deploy/
    ");
    });
}

#[test]
fn answers_whose_head_is_meant_to_mislead() {
    let long = format!("302 Found\r\nLocation: /{}", "x".repeat(100_000));
    let cookies: String = (0..80)
        .map(|_| format!("Set-Cookie: a={}\r\n", "c".repeat(4000)))
        .collect();
    let said = all(vec![
        ("a long location", answer(&long)),
        (
            "a location with a password",
            answer(&format!(
                "302 Found\r\nLocation: https://dev:{TOKEN}@login.example.com/{JOB_TOKEN}/sso?{TOKEN}#{TOKEN}"
            )),
        ),
        (
            "a location that reads backwards",
            answer("302 Found\r\nLocation: /\u{202e}nigol"),
        ),
        (
            "an item that is no number",
            answer("201 Created\r\nLocation: /queue/item/18446744073709551616/"),
        ),
        (
            "an item and more",
            answer("201 Created\r\nLocation: /queue/item/7/../../manage/"),
        ),
        (
            "an item of another host",
            answer(&format!(
                "201 Created\r\nLocation: https://{TOKEN}@evil.example/queue/item/7/"
            )),
        ),
        (
            "eighty cookies of 4 KB",
            answer(&format!("403 Forbidden\r\n{cookies}X-Jenkins: 1")),
        ),
        (
            "headers that repeat the token",
            answer(&format!(
                "403 Forbidden\r\nX-Jenkins: {TOKEN}\r\nX-You-Are-Authenticated-As: {TOKEN}\r\nX-Required-Permission: {JOB_TOKEN}"
            )),
        ),
        (
            "a realm that is the token",
            answer(&format!("401 No\r\nWWW-Authenticate: Basic realm=\"{TOKEN}\"")),
        ),
        (
            "a permission of 100 KB",
            answer(&format!(
                "403 Forbidden\r\nX-Jenkins: 1\r\nX-Required-Permission: {}",
                "p".repeat(100_000)
            )),
        ),
    ]);
    shown(&said, |said| {
        insta::assert_snapshot!(said, @"
    a long location
    failed redirected: http://[JENKINS]/job/shop/job/deploy/buildWithParameters redirects to http://[JENKINS]/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…; check `server` in .jenkins-trigger.yml, with its context path; or a single sign-on stands before Jenkins

    a location with a password
    failed single-sign-on: 127.0.0.1 asks for a login first, at https://login.example.com/•••/sso; a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use an internal URL as `server`

    a location that reads backwards
    failed redirected: http://[JENKINS]/job/shop/job/deploy/buildWithParameters redirects to http://[JENKINS]/%E2%80%AEnigol; check `server` in .jenkins-trigger.yml, with its context path; or a single sign-on stands before Jenkins

    an item that is no number
    failed no-queue-item: http://[JENKINS]/job/shop/job/deploy/buildWithParameters answered HTTP 201 without a queue item: nothing says that a build was queued; check that `server` in .jenkins-trigger.yml is a Jenkins, with its context path, and see http://[JENKINS]/job/shop/job/deploy/

    an item and more
    failed no-queue-item: http://[JENKINS]/job/shop/job/deploy/buildWithParameters answered HTTP 201 without a queue item: nothing says that a build was queued; check that `server` in .jenkins-trigger.yml is a Jenkins, with its context path, and see http://[JENKINS]/job/shop/job/deploy/

    an item of another host
    queued -: nobody could look whether the job declares BRANCH, and Jenkins drops what it does not: user dev lacks the permission Job/Read on job shop/deploy

    eighty cookies of 4 KB
    failed forbidden: http://[JENKINS]/job/shop/job/deploy/buildWithParameters is forbidden for user dev (HTTP 403); check the job's permissions and its trigger token

    headers that repeat the token
    failed job-permission: user ••• lacks the permission ••• on job shop/deploy; an administrator ticks ••• for ••• at http://[JENKINS]/manage/configureSecurity/, or in the job's or folder's own matrix; then: jenkins-trigger retry

    a realm that is the token
    failed front-login: something before Jenkins at 127.0.0.1 wants a login of its own (HTTP 401); the proxy must let requests with an API token through to Jenkins, which checks it; or use an internal URL as `server`

    a permission of 100 KB
    failed job-permission: user dev lacks the permission pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp… on job shop/deploy; an administrator ticks pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp… for dev at http://[JENKINS]/manage/configureSecurity/, or in the job's or folder's own matrix; then: jenkins-trigger retry
    ");
    });
}

#[test]
fn answers_whose_body_is_broken() {
    let jenkins = "HTTP/1.1 500 Oops\r\nX-Jenkins: 2.528.2\r\n";
    let said = all(vec![
        (
            "no utf-8",
            bytes(
                [
                    jenkins.as_bytes(),
                    b"Content-Length: 46\r\n\r\n\xff\xfeOops! Logging ID=\xff\xff 12345678-1234-1234-1234",
                ]
                .concat(),
            ),
        ),
        (
            "shorter than promised",
            bytes(format!(
                "{jenkins}Content-Length: 99999999999\r\n\r\nOops! Logging ID=12345678-1234-1234-1234-123456789abc"
            )),
        ),
        (
            "a chunk that is none",
            bytes(format!(
                "{jenkins}Transfer-Encoding: chunked\r\n\r\n2\r\nOo\r\nzz\r\n"
            )),
        ),
        (
            "a chunk beyond all memory",
            bytes(format!(
                "{jenkins}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nOops"
            )),
        ),
        (
            "compressed, unasked",
            bytes(format!(
                "{jenkins}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x08\x08\x08"
            )),
        ),
        (
            "an id that is none",
            bytes(format!(
                "{jenkins}Connection: close\r\n\r\nLogging ID=\x1b[2J{}",
                "f".repeat(5000)
            )),
        ),
    ]);
    shown(&said, |said| {
        insta::assert_snapshot!(said, @"
    no utf-8
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator

    shorter than promised
    failed server-error: Jenkins failed over the request for job shop/deploy (Logging ID=[UUID]); usually a value that a choice parameter does not list; its log has the reason under that id, for an administrator

    a chunk that is none
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator

    a chunk beyond all memory
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator

    compressed, unasked
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator

    an id that is none
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator
    ");
    });
}

#[test]
fn answers_that_never_end() {
    let second = Duration::from_secs(1);
    let said = all(vec![
        (
            "a head, one byte a second",
            endlessly("HTTP/1.1 500 O", b"o", second),
        ),
        (
            "a body, one byte a second",
            endlessly(
                "HTTP/1.1 500 Oops\r\nX-Jenkins: 1\r\n\r\nLogging ID=12345678-1234-1234-1234-123456789abc ",
                b"o",
                second,
            ),
        ),
        (
            "a body without an end",
            endlessly(
                "HTTP/1.1 500 Oops\r\nX-Jenkins: 1\r\n\r\n",
                &[b'x'; 65536],
                Duration::ZERO,
            ),
        ),
        (
            "chunks without an end",
            endlessly(
                "HTTP/1.1 500 Oops\r\nX-Jenkins: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"1\r\nx\r\n",
                Duration::ZERO,
            ),
        ),
        (
            "nothing but 100",
            endlessly("", b"HTTP/1.1 100 Continue\r\n\r\n", Duration::ZERO),
        ),
        (
            "headers without an end",
            endlessly("HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n", Duration::ZERO),
        ),
    ]);
    shown(&said, |said| {
        insta::assert_snapshot!(said, @"
    a head, one byte a second
    unknown no-answer: 127.0.0.1 took the request and gave no answer within 10 s: it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    a body, one byte a second
    failed server-error: Jenkins failed over the request for job shop/deploy (Logging ID=[UUID]); usually a value that a choice parameter does not list; its log has the reason under that id, for an administrator

    a body without an end
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator

    chunks without an end
    failed server-error: Jenkins failed over the request for job shop/deploy; usually a value that a choice parameter does not list; its log has the reason, for an administrator

    nothing but 100
    unknown no-answer: 127.0.0.1 took the request and gave no answer within 10 s: it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/

    headers without an end
    unknown broken-answer: the connection to 127.0.0.1 broke before an answer that is HTTP (message head is too large): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/
    ");
    });
}

#[test]
fn what_comes_before_the_answer_is_no_answer() {
    let early = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20) + "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let answer =
        "HTTP/1.1 201 Created\r\nLocation: /queue/item/7/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Bad::start(bytes(early + answer));
    let (_home, ran, _) = triggered(&server.url);
    assert!(ran.stdout.contains("item 7 "), "{}", ran.whole());
}

/// Each leads to the next; none is followed.
#[test]
fn a_chain_of_redirects_is_not_begun() {
    let jenkins = StandIn::start(shop());
    for number in 0..20 {
        let from = format!("/{number}");
        let at = move |request: &RecordedRequest| request.path().ends_with(&from);
        let to = Answer::new(302).header("Location", format!("/{}", number + 1));
        jenkins.fault(Fault::answer(to).when(at));
    }
    jenkins.fault(
        Fault::answer(Answer::new(302).header("Location", "/0")).when(|request| request.method == "POST"),
    );
    let (_home, ran, _) = triggered(&jenkins.url());
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(
        ran.stdout.contains("redirects to http://127.0.0.1"),
        "{}",
        ran.whole()
    );
    let requests = jenkins.requests();
    let targets: Vec<&str> = requests.iter().map(RecordedRequest::path).collect();
    assert!(!targets.contains(&"/0"), "{targets:?}");
}

/// What is not the JSON that was asked for.
fn no_json() -> Vec<(&'static str, FaultAction)> {
    let answer = |body: Vec<u8>| FaultAction::Answer {
        processed: false,
        answer: Answer::new(200)
            .header("Content-Type", "application/json")
            .body(body),
    };
    vec![
        ("HTML", answer(format!("<html>{TOKEN}</html>").into())),
        ("nothing", answer(Vec::new())),
        ("another kind", answer(b"[1, 2]".to_vec())),
        (
            "wrong fields",
            answer(
                br#"{"executable":{"number":"x"},"cancelled":1,"_class":[],"builds":{},"jobs":7}"#.to_vec(),
            ),
        ),
        (
            "no utf-8",
            answer(b"{\"_class\":\"\xff\xfe\",\"why\":\"\xff\"".to_vec()),
        ),
        (
            "a number beyond all",
            answer(
                br#"{"executable":{"number":99999999999999999999},"nextBuildNumber":-1,"_class":1e999}"#
                    .to_vec(),
            ),
        ),
        (
            "deeply nested",
            answer(format!("{}{}", "{\"actions\":[".repeat(50_000), "1").into()),
        ),
        ("cut", FaultAction::CloseInBody { missing: 3 }),
        (
            "a redirect",
            FaultAction::Answer {
                processed: false,
                answer: Answer::new(302).header("Location", "/elsewhere"),
            },
        ),
        ("100 MB", FaultAction::HugeBody(100 << 20)),
    ]
}

/// Only the answer to the trigger counts; what was to be learnt of the job before, Jenkins says then.
#[test]
fn what_is_no_json_about_a_job_keeps_no_trigger() {
    for (name, action) in no_json() {
        let jenkins = StandIn::start(shop());
        let looks = |request: &RecordedRequest| request.method == "GET" && request.target.contains("/job/");
        jenkins.fault(Fault::new(action).when(looks));
        let home = Home::new(&gits()[0]);
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        let ran = repository.tool(&["trigger"]);
        // A broken connection may be whole the next time.
        let code = i32::from(name == "cut");
        assert_eq!(ran.code, code, "{name}\n{}", ran.whole());
        assert_eq!(jenkins.queue_items().len(), usize::from(code == 0), "{name}");
        assert_no_secret(&home, &ran.whole());
    }
}

#[test]
fn what_is_no_json_about_an_item_is_said_by_wait() {
    let said = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (place, (name, action)) in no_json().into_iter().enumerate() {
            // It is waited for until it is whole.
            if name == "cut" {
                continue;
            }
            let said = &said;
            scope.spawn(move || {
                let jenkins = StandIn::start(shop());
                jenkins.fault(Fault::new(action).when(|request| request.target.contains("/queue/item/")));
                let home = Home::new(&gits()[0]);
                let repository = home.repository("shop", &short_file(&jenkins));
                repository.tool(&["trust", "--yes"]).succeeded();
                repository.commit("first");
                let ran = repository.tool(&["trigger", "--wait"]);
                assert_no_secret(&home, &ran.whole());
                said.lock()
                    .expect("no panic")
                    .push((place, format!("{name}\n{} {}", ran.code, ran.stdout)));
            });
        }
    });
    let mut said = said.into_inner().expect("no panic");
    said.sort();
    let said: Vec<String> = said.into_iter().map(|(_, text)| text).collect();
    shown(&said.join("\n"), |said| {
        insta::assert_snapshot!(said, @"
    HTML
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    nothing
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    another kind
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    wrong fields
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    no utf-8
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    a number beyond all
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    deeply nested
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/

    a redirect
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json redirects to http://[JENKINS]/elsewhere; check `server` in .jenkins-trigger.yml, with its context path; or a single sign-on stands before Jenkins; look at item 1 http://[JENKINS]/queue/item/1/

    100 MB
    1 queued main → shop/deploy: what becomes of it cannot be seen: http://[JENKINS]/queue/item/1/api/json does not show the JSON that was asked for; something before Jenkins may have changed it: a proxy or single sign-on; look at item 1 http://[JENKINS]/queue/item/1/
    ");
    });
}
