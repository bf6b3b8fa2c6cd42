//! `whoami` tells which credentials answer, and asks only servers that may be asked.

use jenkins_stand_in::StandIn;
use serde_json::Value;

use crate::helpers::{Bait, filtered, home};
use crate::login::{PASSWORD, REAL_TOKEN, bare, piped, ready, shop, without};
use crate::support::{Ran, Repository, short_file};

fn with_token(repository: &Repository<'_>, arguments: &[&str], token: &str) -> Ran {
    repository.tool_in(arguments, |command| {
        bare(command);
        command
            .env("JENKINS_USER_ID", "DEV")
            .env("JENKINS_API_TOKEN", token);
    })
}

#[test]
fn it_names_the_source_and_jenkins_own_name_of_the_user() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &jenkins);
    let mut all = String::new();
    for token in [REAL_TOKEN, PASSWORD, "11canary"] {
        all += &with_token(&repository, &["whoami"], token).whole();
    }
    all += &without(&repository, &["whoami"]).whole();
    assert!(!all.contains("canary"), "{all}");
    filtered(&home, || {
        insta::assert_snapshot!(all, @"
        exit code: 0
        ----- stdout -----
        http://[JENKINS]/: dev, an API token from JENKINS_API_TOKEN
        ----- stderr -----
        exit code: 0
        ----- stdout -----
        http://[JENKINS]/: dev, a password from JENKINS_API_TOKEN
        ----- stderr -----
        exit code: 3
        ----- stdout -----
        ----- stderr -----
        http://[JENKINS]/: DEV, from JENKINS_API_TOKEN
        error: Jenkins at 127.0.0.1 does not accept the API token of user DEV (from JENKINS_API_TOKEN)
        help: it may be mistyped, revoked or expired: make one at http://[JENKINS]/user/DEV/security/ (in an older Jenkins http://[JENKINS]/user/DEV/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: no credentials for http://[JENKINS]/
        help: to log in: jenkins-trigger login http://[JENKINS]/
        ");
    });
    assert!(jenkins.posts().iter().all(|post| post.target.contains("whoAmI")));
}

#[test]
fn a_program_gets_an_object_for_each_server() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let bait = Bait::new();
    let file = format!(
        "version: 1\nservers:\n  main: {{ url: {} }}\n  other: {{ url: {} }}\ndefaults: {{ server: main }}\n\
         jobs:\n  main: shop/deploy\n",
        jenkins.url(),
        bait.url()
    );
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.write(".jenkins-trigger.yml", file);
    let ran = with_token(&repository, &["whoami", "--json"], REAL_TOKEN);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    bait.assert_untouched();
    let objects: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["user"], "dev");
    assert_eq!(objects[0]["kind"], "api-token");
    assert_eq!(objects[0]["source"], "JENKINS_API_TOKEN");
    assert_eq!(objects[0]["error"], Value::Null);
    assert_eq!(objects[1]["kind"], Value::Null);
    assert!(
        objects[1]["error"]
            .as_str()
            .expect("a reason")
            .contains("not trusted")
    );
    let ran = with_token(&repository, &["whoami", "main", "--json"], "11canary");
    assert_eq!(ran.code, 3, "{}", ran.whole());
}

/// Whoever types an address may have been told it by a stranger.
#[test]
fn what_is_for_no_server_in_particular_goes_to_none_that_was_not_accepted() {
    let home = home();
    let bait = Bait::new();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("elsewhere", "");
    let ran = with_token(&repository, &["whoami", &bait.url()], REAL_TOKEN);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("nothing was sent"), "{}", ran.whole());
    bait.assert_untouched();
    // Accepted in another repository.
    ready(&home, &jenkins);
    with_token(&repository, &["whoami", &jenkins.url()], REAL_TOKEN).succeeded();
    // Bound to it, or kept for it.
    let other = StandIn::start(shop());
    let ran = repository.tool_in(&["whoami", &other.url()], |command| {
        bare(command);
        command
            .env("JENKINS_USER_ID", "dev")
            .env("JENKINS_API_TOKEN", REAL_TOKEN)
            .env("JENKINS_URL", other.url());
    });
    ran.succeeded();
    let third = StandIn::start(shop());
    piped(
        &repository,
        &["login", &third.url()],
        &format!("dev:{REAL_TOKEN}"),
    )
    .succeeded();
    without(&repository, &["whoami", &third.url()]).succeeded();
}

#[test]
fn a_server_that_does_not_answer_has_refused_nothing() {
    let home = home();
    let repository = home.repository("elsewhere", "");
    let jenkins = StandIn::start(shop());
    let url = jenkins.url();
    drop(jenkins);
    let ran = repository.tool_in(&["whoami", &url], |command| {
        bare(command);
        command
            .env("JENKINS_USER_ID", "dev")
            .env("JENKINS_API_TOKEN", REAL_TOKEN)
            .env("JENKINS_URL", &url);
    });
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("refuses the connection"), "{}", ran.whole());
}
