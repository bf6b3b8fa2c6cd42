//! A stranger's branch, checked out to be looked at, with a file that names other things.

use jenkins_stand_in::StandIn;

use crate::canary::{CLOUD_VARIABLE, Search};
use crate::scene::{ask_all, file, git, home, setup, tool, wait_for_all};
use crate::support::TOKEN;
use crate::tls_server::{Authority, Machine, TlsServer};

/// Files that nobody here has allowed, each with what makes it one.
pub fn hostile_files(trusted: &StandIn, evil: &StandIn) -> Vec<(&'static str, String)> {
    let here = |rule: &str| file(trusted, rule);
    let reading = |variable: &str, rule: &str| format!("{}env: [{variable}]\n", here(rule));
    let both = |rule: &str| {
        format!(
            "version: 1\nservers:\n  main: {}\n  other: {}\ndefaults: {{ server: main }}\njobs:\n  - {rule}\n",
            trusted.url(),
            evil.url()
        )
    };
    vec![
        ("another server", file(evil, "{ job: shop/deploy }")),
        (
            "another server beside it",
            both("{ job: shop/deploy, server: other }"),
        ),
        (
            "another server for a token",
            both("{ job: shop/deploy, server: other, method: token-root, token_from: deploy }"),
        ),
        ("another job", here("{ job: shop/prod }")),
        ("another job's polling", here("{ job: shop/prod, action: poll }")),
        (
            "another job's branches",
            here("{ job: shop/prod, multibranch: true }"),
        ),
        ("another token", here("{ job: shop/deploy, token_from: deploy }")),
        (
            "another job by its token",
            here("{ job: shop/prod, method: token-root, token_from: deploy }"),
        ),
        (
            "a variable in a parameter",
            reading(
                CLOUD_VARIABLE,
                &format!("{{ job: shop/deploy, parameters: {{ NOTE: \"${{env.{CLOUD_VARIABLE}}}\" }} }}"),
            ),
        ),
        (
            "a variable in the cause",
            reading(
                CLOUD_VARIABLE,
                &format!("{{ job: shop/deploy, cause: \"${{env.{CLOUD_VARIABLE}}}\" }}"),
            ),
        ),
        (
            "the token itself",
            reading(
                "JENKINS_API_TOKEN",
                "{ job: shop/deploy, parameters: { NOTE: \"${env.JENKINS_API_TOKEN}\" } }",
            ),
        ),
        (
            "a job's token",
            reading(
                "JENKINS_TRIGGER_TOKEN_DEPLOY",
                "{ job: shop/deploy, parameters: { NOTE: \"${env.JENKINS_TRIGGER_TOKEN_DEPLOY}\" } }",
            ),
        ),
    ]
}

/// Nothing went out for it, not even a question about the job.
#[track_caller]
pub fn assert_nothing_came(name: &str, trusted: &StandIn) {
    for request in trusted.requests() {
        let asks = request.method == "GET" || request.target.starts_with("/whoAmI/");
        assert!(asks && !request.target.contains("prod"), "{name}: {request:?}");
    }
}

#[test]
fn a_file_on_a_branch_that_is_checked_out_fires_nothing_that_was_not_allowed() {
    let names: Vec<&str> = {
        let (trusted, evil) = (StandIn::start(setup()), StandIn::start(setup()));
        let files = hostile_files(&trusted, &evil);
        files.into_iter().map(|(name, _)| name).collect()
    };
    for (number, name) in names.into_iter().enumerate() {
        let home = home();
        let (trusted, evil) = (StandIn::start(setup()), StandIn::start(setup()));
        let hostile = hostile_files(&trusted, &evil).swap_remove(number).1;
        let repository = home.repository("shop", &file(&trusted, "{ job: shop/deploy }"));
        let mut search = Search::of(&home).trusted(&trusted).other(&evil);
        search.said(repository.install());
        git(&repository, &["add", "--all"]);
        search.said(git(&repository, &["commit", "-m", "our own"]).succeeded());
        repository.wait_for_journal(1);
        assert_eq!(trusted.posts().len(), 1);
        trusted.clear_requests();

        git(&repository, &["checkout", "-q", "-b", "strangers"]);
        repository.write(".jenkins-trigger.yml", hostile);
        git(&repository, &["add", "--all"]);
        let ran = git(&repository, &["commit", "-m", "a stranger's"]).succeeded();
        assert!(
            ran.stderr.contains("jenkins-trigger: "),
            "{name}: {}",
            ran.whole()
        );
        assert!(
            !ran.stderr.contains(" → "),
            "{name} is announced: {}",
            ran.whole()
        );
        search.said(ran);
        let mut search = search.all_said(ask_all(&repository, TOKEN));
        wait_for_all(&home);
        assert_nothing_came(name, &trusted);
        search.assert_nowhere();

        // Whatever is held for it holds up nothing else.
        git(&repository, &["checkout", "-q", "main"]);
        search.said(git(&repository, &["commit", "--allow-empty", "-m", "our own again"]).succeeded());
        wait_for_all(&home);
        let branches: Vec<String> = trusted
            .posts()
            .iter()
            .flat_map(|request| request.form_values("BRANCH"))
            .collect();
        assert_eq!(branches, ["main"], "{name}");
        search.said(tool(&repository, &["cancel", "--all"]));
        search.assert_nowhere();
    }
}

/// Whoever vouches for the server is whom the user has allowed to, and not one more.
#[test]
fn certificates_on_a_branch_that_is_checked_out_vouch_for_nobody() {
    let home = home();
    let machine = Machine::new(&home);
    let trusted = StandIn::start(setup());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&trusted, &private.server());
    let file = format!(
        "version: 1\nservers: {{ main: {{ url: \"{}\", ca_file: ca.pem }} }}\njobs:\n  main: shop/deploy\n",
        server.url()
    );
    let repository = home.repository("shop", &file);
    repository.write("ca.pem", &private.pem);
    let mut search = Search::of(&home).trusted(&trusted);
    search.said(machine.tool(&repository, &["install", "post-commit"]).succeeded());
    search.said(machine.commit(&repository, "our own"));
    wait_for_all(&home);
    assert_eq!(trusted.posts().len(), 1);
    trusted.clear_requests();
    let stranger = Authority::new("Stranger's Root").pem;
    for pem in [stranger.clone(), private.pem + &stranger] {
        repository.write("ca.pem", pem);
        let ran = machine.commit(&repository, "a stranger's");
        let said = "this file names another certificate authority";
        assert!(ran.stderr.contains(said), "{}", ran.whole());
        search.said(ran);
        for arguments in [&["trigger"][..], &["retry", "--all"], &["deliver"], &["doctor"]] {
            search.said(machine.tool(&repository, arguments));
        }
        wait_for_all(&home);
        assert_nothing_came("other certificates", &trusted);
    }
    search.assert_nowhere();
}
