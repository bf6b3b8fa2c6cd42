//! For which server the user's credentials are.

use jenkins_stand_in::StandIn;

use crate::helpers::{Bait, home};
use crate::support::{Ran, Repository, TOKEN, shop, short_file, with_each_git};

fn trigger_bound_to(repository: &Repository<'_>, url: &str) -> Ran {
    repository.tool_in(&["trigger"], |command| {
        command.env("JENKINS_URL", url);
    })
}

#[test]
fn credentials_bound_to_another_origin_are_not_sent() {
    let home = home();
    let bait = Bait::new();
    let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
    let repository = home.repository("shop", &file);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let urls = [
        "https://ci.example.com/",
        &bait.url().replace("http:", "https:"),
        &bait.url().replace("127.0.0.1", "localhost"),
        "http://127.0.0.1/",
        "no url",
    ];
    for url in urls {
        let ran = trigger_bound_to(&repository, url);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.whole().contains("JENKINS_URL"), "{}", ran.whole());
        assert!(repository.waiting().is_empty());
    }
    bait.assert_untouched();
}

#[test]
fn a_hook_whose_credentials_are_for_another_server_holds_the_trigger_and_the_next_one_says_so() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.git(&["add", "--all"]);
        let commit = |message: &str| {
            let mut command = home.command("git", &repository.folder);
            command.env("JENKINS_URL", "https://ci.example.com/");
            Ran::of(command.args(["commit", "--allow-empty", "-m", message])).succeeded()
        };
        commit("first");
        let journal = repository.wait_for_journal(1);
        assert_eq!(journal[0]["outcome"], "held");
        let message = journal[0]["message"].as_str().expect("a message");
        assert!(
            message.contains("JENKINS_URL") && message.contains("https://ci.example.com"),
            "{message}"
        );
        let later = commit("second");
        assert!(later.stderr.contains("JENKINS_URL"), "{}", later.stderr);
        assert!(jenkins.requests().is_empty());
        let ran = repository.tool(&["retry"]).succeeded();
        // They ask for the same.
        assert_eq!(jenkins.posts().len(), 1, "{}", ran.whole());
        assert!(ran.stdout.contains("(and 1 identical)"), "{}", ran.whole());
    });
}

#[test]
fn credentials_bound_to_the_same_origin_are_sent_whatever_its_path() {
    let home = home();
    let jenkins = StandIn::start(shop().context_path("/jenkins"));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let origin = format!("http://127.0.0.1:{}", jenkins.port());
    let urls = [
        jenkins.url(),
        origin.clone(),
        format!("{origin}/another/path/"),
        origin.replace("http", "HTTP"),
    ];
    for url in &urls {
        trigger_bound_to(&repository, url).succeeded();
    }
    assert_eq!(jenkins.posts().len(), urls.len());
}

#[test]
fn a_password_in_jenkins_url_is_not_shown() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let ran = trigger_bound_to(&repository, "https://bob:hunter2canary@ci.example.com/");
    assert_eq!(ran.code, 1);
    assert!(!ran.whole().contains("hunter2canary"), "{}", ran.whole());
}

#[test]
fn without_credentials_nothing_is_sent_and_nothing_is_left_waiting() {
    let home = home();
    let bait = Bait::new();
    let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
    let repository = home.repository("shop", &file);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    for variable in ["JENKINS_USER_ID", "JENKINS_API_TOKEN"] {
        for empty in [true, false] {
            let ran = repository.tool_in(&["trigger"], |command| {
                if empty {
                    command.env(variable, "")
                } else {
                    command.env_remove(variable)
                };
            });
            assert_eq!(ran.code, 1, "{}", ran.whole());
            let reason = format!("{variable} is not set");
            assert!(ran.whole().contains(&reason), "{}", ran.whole());
            assert!(ran.whole().contains("jenkins-trigger login"), "{}", ran.whole());
            assert!(repository.waiting().is_empty());
        }
    }
    bait.assert_untouched();
}

#[test]
fn a_job_token_that_is_missing_is_named_by_its_variable() {
    let home = home();
    let bait = Bait::new();
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: prod-deploy }}\n",
        bait.url()
    );
    let repository = home.repository("shop", &file);
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.whole().contains("JENKINS_TRIGGER_TOKEN_PROD_DEPLOY"),
        "{}",
        ran.whole()
    );
    assert!(repository.waiting().is_empty());
    bait.assert_untouched();
}

#[test]
fn no_secret_is_in_anything_that_is_written() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    let mut said = String::new();
    for arguments in [
        &["-v", "trigger"][..],
        &["trigger", "--dry-run"],
        &["trigger", "--dry-run", "--curl"],
        &["trigger", "--dry-run", "--json"],
        &["-v", "check", "--branch", "main"],
        &["log", "--json"],
    ] {
        said += &repository.tool(arguments).succeeded().whole();
    }
    jenkins.stop();
    said += &repository.tool(&["-v", "trigger"]).whole();
    for secret in [TOKEN, crate::support::JOB_TOKEN] {
        assert!(!said.contains(secret), "{said}");
        let written = crate::helpers::listing(&home.path(""));
        let leak = written.iter().find(|(_, (_, bytes))| {
            bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
        });
        assert!(leak.is_none(), "{:?}", leak.map(|(path, _)| path));
    }
}
