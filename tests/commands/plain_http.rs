//! Tokens over plain http: never, unless the user's own git config names the origin.

use jenkins_stand_in::StandIn;

use crate::helpers::{command_after, filtered, home};
use crate::support::{Ran, Repository, shop, with_each_git};

const FILE: &str = "version: 1\nserver: http://ci.invalid:8080/jenkins\njobs:\n  main: shop/deploy\n";

/// Runs the tool with the stand-in as its proxy: what would go to `ci.invalid` arrives there.
fn through(proxy: &StandIn, repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    repository.tool_in(arguments, |command| {
        command.env("http_proxy", proxy.url());
    })
}

fn trusting<'a>(home: &'a crate::support::Home, name: &str) -> Repository<'a> {
    let repository = home.repository(name, FILE);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    repository
}

#[test]
fn install_warns_with_the_line_that_would_allow_it() {
    let home = home();
    let ran = home.repository("shop", FILE).install();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        installed [HOME]/shop/.git/hooks/post-commit
        installed [HOME]/shop/.git/hooks/post-merge
        installed [HOME]/shop/.git/hooks/post-rewrite
        ----- stderr -----
        warning: http://ci.invalid:8080/jenkins/ is plain http, so a token sent there can be read on the way; use https, or allow it: git config --global --add jenkinsTrigger.allowPlainHttp http://ci.invalid:8080
        trusted: http://ci.invalid:8080/jenkins/ may be sent your credentials from here
        allowed: shop/deploy on http://ci.invalid:8080/jenkins/ (api)
        ");
    });
}

#[test]
fn a_token_is_refused_to_plain_http_before_anything_is_looked_up() {
    with_each_git(|home| {
        let proxy = StandIn::start(shop());
        let repository = trusting(home, "shop");
        let ran = through(&proxy, &repository, &["trigger"]);
        assert!(proxy.requests().is_empty());
        assert!(repository.waiting().is_empty());
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                held main → shop/deploy: http://ci.invalid:8080/jenkins/ is plain http, so a token sent there can be read on the way; use https, or allow it: git config --global --add jenkinsTrigger.allowPlainHttp http://ci.invalid:8080
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn every_address_that_is_not_this_machine_is_refused() {
    let home = home();
    let proxy = StandIn::start(shop());
    let hosts = [
        "192.0.2.1",
        "[2001:db8::1]:8080",
        "localhost.invalid",
        "localhost.",
        "127.0.0.1.invalid",
        "0.0.0.0",
        "[::ffff:192.0.2.1]",
    ];
    for (number, host) in hosts.into_iter().enumerate() {
        let file = FILE.replace("ci.invalid:8080", host);
        let repository = home.repository(&format!("shop-{number}"), &file);
        repository.commit("first");
        repository.tool(&["trust"]).succeeded();
        let ran = through(&proxy, &repository, &["trigger"]);
        assert_eq!(ran.code, 1, "{host}\n{}", ran.whole());
        assert!(ran.whole().contains("plain http"), "{host}\n{}", ran.whole());
    }
    assert!(proxy.requests().is_empty());
}

#[test]
fn the_line_of_the_message_allows_it() {
    with_each_git(|home| {
        let proxy = StandIn::start(shop().context_path("/jenkins"));
        let repository = trusting(home, "shop");
        let refused = through(&proxy, &repository, &["trigger"]);
        repository.follow(command_after(&refused.stdout, "allow it: "));
        let origin = proxy.url().replace("/jenkins", "");
        let ran = repository.tool_in(&["trigger"], |command| {
            command.env("http_proxy", origin);
        });
        ran.succeeded();
        let requests = proxy.posts();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].header("host"), Some(&b"ci.invalid:8080"[..]));
    });
}

#[test]
fn the_repositorys_own_config_and_another_origins_line_do_not_allow_it() {
    with_each_git(|home| {
        let proxy = StandIn::start(shop());
        let repository = trusting(home, "shop");
        let key = "jenkinsTrigger.allowPlainHttp";
        repository.git(&["config", "--local", key, "http://ci.invalid:8080"]);
        for value in [
            "http://ci.invalid",
            "https://ci.invalid:8080",
            "http://other.invalid:8080",
            "true",
            "*",
        ] {
            repository.git(&["config", "--global", "--add", key, value]);
        }
        let ran = repository.tool_in(&["trigger"], |command| {
            command.env("http_proxy", proxy.url()).env(
                "GIT_CONFIG_PARAMETERS",
                format!("'{key}'='http://ci.invalid:8080'"),
            );
        });
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.whole().contains("plain http"), "{}", ran.whole());
        assert!(proxy.requests().is_empty());
    });
}

#[test]
fn a_hook_holds_it_and_the_next_one_names_the_line() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    repository.commit("first");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "held");
    let line = "git config --global --add jenkinsTrigger.allowPlainHttp http://ci.invalid:8080";
    assert!(
        journal[0]["message"]
            .as_str()
            .is_some_and(|message| message.contains(line)),
        "{journal:?}"
    );
    let later = repository.commit("second");
    assert!(later.stderr.contains(line), "{}", later.stderr);
}

/// The user's config may be in several files.
#[test]
fn a_config_that_the_users_config_includes_may_allow_it() {
    let home = home();
    let proxy = jenkins_stand_in::StandIn::start(crate::support::shop());
    let repository = home.repository("shop", FILE);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let included = home.path("home/work.gitconfig");
    let line = "[jenkinsTrigger]\n\tallowPlainHttp = http://ci.invalid:8080\n";
    std::fs::write(&included, line).expect("a file");
    repository.git(&[
        "config",
        "--global",
        "include.path",
        &included.display().to_string(),
    ]);
    let ran = repository.tool_in(&["trigger"], |command| {
        command.env("http_proxy", proxy.url());
    });
    assert!(!ran.whole().contains("plain http"), "{}", ran.whole());
    assert_eq!(proxy.posts().len(), 1);
}
