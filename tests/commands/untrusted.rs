//! A file that names a server its user has not trusted.

use jenkins_stand_in::StandIn;

use crate::helpers::{Bait, filtered, home, said};
use crate::support::{shop, short_file, wait_for, with_each_git};
use crate::{login, login_helpers};

fn file(servers: &[(&str, &str)], rules: &[(&str, &str)]) -> String {
    let mut text = String::from("version: 1\nservers:\n");
    for (name, url) in servers {
        text += &format!("  {name}: {{ url: {url} }}\n");
    }
    text += "jobs:\n";
    for (job, server) in rules {
        text += &format!("  - {{ job: {job}, server: {server}, branches: [main] }}\n");
    }
    text
}

#[test]
fn a_server_that_the_file_names_anew_is_held_said_once_and_not_contacted() {
    with_each_git(|home| {
        let (jenkins, bait, second) = (StandIn::start(shop()), Bait::new(), Bait::new());
        let (known, evil, worse) = (jenkins.url(), bait.url(), second.url());
        let servers = [
            ("known", known.as_str()),
            ("evil", evil.as_str()),
            ("worse", worse.as_str()),
        ];
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        let rules = [
            ("shop/deploy", "known"),
            ("a", "evil"),
            ("b", "evil"),
            ("c", "worse"),
        ];
        repository.write(".jenkins-trigger.yml", file(&servers, &rules));
        let ran = repository.commit("a stranger's change");
        let not_sent: Vec<_> = said(&ran)
            .into_iter()
            .filter(|line| line.contains("not sent"))
            .collect();
        assert_eq!(not_sent.len(), 2, "one line for each server:\n{}", ran.stderr);
        for server in [&evil, &worse] {
            assert!(
                not_sent.iter().any(|line| line.contains(server.as_str())),
                "{}",
                ran.stderr
            );
        }
        assert!(
            not_sent
                .iter()
                .all(|line| line.ends_with("to allow it: jenkins-trigger trust"))
        );
        let journal = repository.wait_for_journal(4);
        let held = journal.iter().filter(|line| line["outcome"] == "held").count();
        assert_eq!((held, jenkins.queue_items().len()), (3, 1), "{journal:?}");
        assert_eq!(repository.waiting().len(), 3);
        bait.assert_untouched();
        second.assert_untouched();
    });
}

#[test]
fn each_later_hook_tells_of_it_again() {
    let home = home();
    let (jenkins, bait) = (StandIn::start(shop()), Bait::new());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    let evil = short_file(&jenkins).replace(&jenkins.url(), &bait.url());
    repository.write(".jenkins-trigger.yml", &evil);
    repository.commit("names another server");
    repository.wait_for_journal(1);
    repository.write(".jenkins-trigger.yml", short_file(&jenkins));
    for message in ["names the first again", "and again"] {
        let ran = repository.commit(message);
        assert!(
            said(&ran)
                .iter()
                .any(|line| line.contains(&bait.url()) && line.contains("jenkins-trigger trust")),
            "the hook after {message:?} is silent about what is held:\n{}",
            ran.stderr
        );
    }
    bait.assert_untouched();
}

#[test]
fn each_later_hook_names_every_server_that_is_held() {
    let home = home();
    let (jenkins, bait, second) = (StandIn::start(shop()), Bait::new(), Bait::new());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    let servers = [("evil", bait.url()), ("worse", second.url())];
    let servers = servers.each_ref().map(|(name, url)| (*name, url.as_str()));
    repository.write(
        ".jenkins-trigger.yml",
        file(&servers, &[("a", "evil"), ("b", "worse")]),
    );
    repository.commit("names two other servers");
    repository.wait_for_journal(2);
    repository.write(".jenkins-trigger.yml", short_file(&jenkins));
    let ran = repository.commit("names the first again");
    for (_, url) in servers {
        let lines = said(&ran).iter().filter(|line| line.contains(url)).count();
        assert_eq!(lines, 1, "once for {url}:\n{}", ran.stderr);
    }
}

#[test]
fn by_hand_it_is_refused_and_nothing_waits() {
    with_each_git(|home| {
        let (jenkins, bait) = (StandIn::start(shop()), Bait::new());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.write(
            ".jenkins-trigger.yml",
            short_file(&jenkins).replace(&jenkins.url(), &bait.url()),
        );
        repository.commit("first");
        let waiting = repository.waiting().len();
        let ran = repository.tool(&["trigger"]);
        bait.assert_untouched();
        assert_eq!(repository.waiting().len(), waiting, "nothing was added");
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                ----- stderr -----
                error: this file names http://[JENKINS]/, which you have not trusted here; nothing was sent
                help: to allow it: jenkins-trigger trust
                ");
            }
        });
    });
}

#[test]
fn retry_does_not_reach_it_either() {
    let home = home();
    let (jenkins, bait) = (StandIn::start(shop()), Bait::new());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.write(
        ".jenkins-trigger.yml",
        short_file(&jenkins).replace(&jenkins.url(), &bait.url()),
    );
    repository.commit("first");
    for arguments in [&["retry"][..], &["retry", "--all"]] {
        let ran = repository.tool(arguments);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.stdout.contains("jenkins-trigger trust"), "{}", ran.whole());
    }
    assert_eq!(repository.waiting().len(), 1);
    bait.assert_untouched();
}

#[test]
fn trust_releases_what_was_held_and_sends_it() {
    with_each_git(|home| {
        let (jenkins, other) = (StandIn::start(shop()), StandIn::start(shop()));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.write(".jenkins-trigger.yml", short_file(&other));
        repository.commit("first");
        repository.commit("second");
        let second = repository.head();
        assert!(other.requests().is_empty());
        let ran = repository.tool(&["trust"]);
        let journal = repository.wait_for_accepted(2);
        assert_eq!(journal[0]["sha"], second, "the newest is told of");
        wait_for("nothing to wait", || {
            repository.waiting().is_empty().then_some(())
        });
        // They ask for the same.
        assert_eq!(other.posts().len(), 1);
        assert!(jenkins.requests().is_empty());
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 0
                ----- stdout -----
                trusted: http://[JENKINS]/ may be sent your credentials from here
                + shop/deploy on http://[JENKINS]/ (api)
                - shop/deploy on http://[JENKINS]/ (api)
                ----- stderr -----
                2 that waited are being sent; see: jenkins-trigger log
                ");
            }
        });
    });
}

#[test]
fn another_context_path_port_or_host_name_is_another_server() {
    let home = home();
    let jenkins = StandIn::start(shop().context_path("/jenkins"));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    let true_url = jenkins.url();
    let urls = [
        true_url.replace("/jenkins", "/other"),
        true_url.replace("/jenkins", "/jenkins/more"),
        true_url.replace("/jenkins", ""),
        true_url.replace("127.0.0.1", "localhost"),
        Bait::new().url() + "/jenkins",
    ];
    for (number, url) in urls.iter().enumerate() {
        repository.write(
            ".jenkins-trigger.yml",
            short_file(&jenkins).replace(&true_url, url),
        );
        let ran = repository.commit(&format!("names {url}"));
        assert!(
            said(&ran)
                .iter()
                .any(|line| line.contains("not sent") && line.contains(url.as_str())),
            "{}",
            ran.stderr
        );
        assert_eq!(repository.waiting().len(), number + 1);
        assert_eq!(repository.tool(&["trigger"]).code, 1, "{url}");
    }
    assert!(jenkins.requests().is_empty());
}

#[test]
fn another_way_to_write_the_same_server_is_the_same_server() {
    let home = home();
    let jenkins = StandIn::start(shop().context_path("/jenkins"));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.write(
        ".jenkins-trigger.yml",
        short_file(&jenkins).replace(
            &jenkins.url(),
            &format!("{}/", jenkins.url().replace("http:", "HTTP:")),
        ),
    );
    repository.commit("first");
    repository.wait_for_journal(1);
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn trust_does_not_promise_to_send_what_lacks_credentials() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["install", "post-commit"]).succeeded();
    repository.tool(&["untrust"]).succeeded();
    login_helpers::commit(&repository, "first");
    let ran = repository.tool_in(&["trust"], login::bare);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        trusted: http://[JENKINS]/ may be sent your credentials from here
        + shop/deploy on http://[JENKINS]/ (api)
        ----- stderr -----
        warning: what waited is still not sent: no credentials for http://[JENKINS]/; to log in: jenkins-trigger login http://[JENKINS]/
        ");
    });
}
