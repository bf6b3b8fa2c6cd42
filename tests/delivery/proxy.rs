//! Proxies that the environment names: who is reached through them, and what they get to see.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jenkins_stand_in::StandIn;

use crate::proxy_server::{Manner, Proxy};
use crate::support::{Home, Repository, TOKEN, USER, filtered, gits, shop};
use crate::tls_server::{Machine, TlsServer, address_of};

const HTTPS: &str = "https://ci.example.test/";
const HTTP: &str = "http://ci.example.test/";

/// A repository whose file names this server, which its user trusts.
fn repository<'a>(home: &'a Home, machine: &Machine<'_>, url: &str) -> Repository<'a> {
    let file = format!("version: 1\nserver: {url}\njobs:\n  main: shop/deploy\n");
    let repository = home.repository("shop", &file);
    machine.commit(&repository, "first");
    machine.set(
        &repository,
        "jenkinsTrigger.allowPlainHttp",
        "http://ci.example.test",
    );
    machine.tool(&repository, &["trust"]).succeeded();
    repository
}

/// What a request would show of the user's token.
fn credentials() -> String {
    BASE64_STANDARD.encode(format!("{USER}:{TOKEN}")).to_lowercase()
}

#[test]
fn https_goes_through_a_tunnel_whose_proxy_sees_a_host_and_nothing_else() {
    let home = Home::new(&gits()[0]);
    let mut machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let server = TlsServer::before(&jenkins, &machine.system.server_for(&["ci.example.test"]));
    let proxy = Proxy::start(Manner::To(server.port));
    machine
        .environment
        .push(("HTTPS_PROXY", proxy.url("corp:hunter2@")));
    let repository = repository(&home, &machine, HTTPS);
    machine.tool(&repository, &["trigger"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
    let heads = proxy.heads();
    assert!(!heads.is_empty());
    for head in heads {
        assert!(head.starts_with("connect ci.example.test:443 "), "{head}");
        let login = BASE64_STANDARD.encode("corp:hunter2").to_lowercase();
        assert!(
            head.contains(&format!("proxy-authorization: basic {login}")),
            "{head}"
        );
        assert!(
            !head.contains(&credentials()) && !head.contains("\nauthorization:"),
            "{head}"
        );
    }
    // Nor does Jenkins see who the proxy takes the user for.
    for request in jenkins.requests() {
        assert!(request.header("proxy-authorization").is_none());
    }
}

#[test]
fn http_goes_through_the_proxy_and_no_proxy_takes_a_host_out() {
    let home = Home::new(&gits()[0]);
    let mut machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let proxy = Proxy::start(Manner::To(address_of(&jenkins).port()));
    machine.environment.push(("http_proxy", proxy.url("")));
    let repository = repository(&home, &machine, HTTP);
    machine.tool(&repository, &["trigger"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
    let seen = proxy.heads();
    assert!(
        seen.iter()
            .any(|head| head.starts_with("post http://ci.example.test/job/shop/job/deploy/")),
        "{seen:?}"
    );
    machine.environment.push(("no_proxy", ".example.test".into()));
    let ran = machine.tool(&repository, &["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stdout.contains("cannot be resolved"), "{}", ran.whole());
    assert_eq!(proxy.heads().len(), seen.len());
}

#[test]
fn this_machine_itself_is_never_reached_through_a_proxy() {
    let home = Home::new(&gits()[0]);
    let mut machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let proxy = Proxy::start(Manner::Saying("HTTP/1.1 500 Never\r\n\r\n"));
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy"] {
        machine.environment.push((name, proxy.url("")));
    }
    let repository = repository(&home, &machine, &jenkins.url());
    machine.tool(&repository, &["trigger"]).succeeded();
    assert_eq!((proxy.heads().len(), jenkins.queue_items().len()), (0, 1));
}

/// What `trigger` says of a server behind this proxy.
fn said(variable: &'static str, proxy: String, url: &str) -> (Home, String) {
    let home = Home::new(&gits()[0]);
    let mut machine = Machine::new(&home);
    machine.environment.push((variable, proxy));
    let repository = repository(&home, &machine, url);
    let ran = machine.tool(&repository, &["trigger"]);
    assert_ne!(ran.code, 0, "{}", ran.whole());
    let said = ran.stdout + &ran.stderr;
    assert!(!said.contains("hunter2"), "{said}");
    (home, said)
}

#[test]
fn a_proxy_that_wants_a_login_is_told() {
    let proxy = Proxy::start(Manner::Saying(
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    ));
    let (home, text) = said("HTTPS_PROXY", proxy.url("corp:hunter2@"), HTTPS);
    filtered(&home, || {
        insta::assert_snapshot!(text, @"waiting main → shop/deploy: the proxy [JENKINS] wants a login (HTTP 407); write user and password into HTTPS_PROXY: http://USER:PASSWORD@[JENKINS]; then: jenkins-trigger retry");
    });
    let (home, text) = said("http_proxy", proxy.url("corp:hunter2@"), HTTP);
    filtered(&home, || {
        insta::assert_snapshot!(text, @"failed main → shop/deploy: the proxy [JENKINS] wants a login (HTTP 407); write user and password into HTTP_PROXY: http://USER:PASSWORD@[JENKINS]; then: jenkins-trigger retry");
    });
}

#[test]
fn a_proxy_that_says_no_is_told() {
    let proxy = Proxy::start(Manner::Saying(
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    ));
    let (home, text) = said("HTTPS_PROXY", proxy.url("corp:hunter2@"), HTTPS);
    filtered(&home, || {
        insta::assert_snapshot!(text, @"waiting main → shop/deploy: the proxy [JENKINS] refuses to connect to ci.example.test; check HTTPS_PROXY; if ci.example.test is to be reached without it, add ci.example.test to NO_PROXY; then: jenkins-trigger retry");
    });
}

#[test]
fn a_proxy_that_is_not_there_is_told_and_not_the_server() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    for (variable, url) in [("HTTPS_PROXY", HTTPS), ("http_proxy", HTTP)] {
        let (home, text) = said(variable, format!("http://corp:hunter2@{address}"), url);
        filtered(&home, || {
            insta::with_settings!({filters => vec![("(?i)https?_proxy", "[VARIABLE]"), (r"127\.0\.0\.1:\d+", "[PROXY]")]}, {
                insta::allow_duplicates! { insta::assert_snapshot!(text, @"waiting main → shop/deploy: the proxy [PROXY], on the way to ci.example.test, refuses the connection; check [VARIABLE]; if ci.example.test is to be reached without it, add ci.example.test to NO_PROXY; then: jenkins-trigger retry"); }
            });
        });
    }
}
