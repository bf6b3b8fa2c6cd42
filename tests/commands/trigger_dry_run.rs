//! `trigger --dry-run`: everything but sending.

use jenkins_stand_in::{Job, Setup, StandIn};

use crate::helpers::{Bait, file_for, filtered, home, listing};
use crate::support::{JOB_TOKEN, TOKEN, developer, shop, short_file};

pub const RULES: &str = r#"  - job: team/my job
    delay: 30s
    parameters: { NOTE: "it's $$HOME; `id` \"x\" & 50% + ü #", EMPTY: "" }
  - { job: shop/deploy, token_from: deploy, parameters: { BUILD: "@/etc/passwd" } }
  - { job: plain, branch_parameter: false }
"#;

pub fn server() -> StandIn {
    let note = Job::new("team/my job")
        .string_parameter("BRANCH", "")
        .string_parameter("NOTE", "")
        .string_parameter("EMPTY", "x");
    let deploy = Job::new("shop/deploy")
        .string_parameter("BRANCH", "")
        .string_parameter("BUILD", "")
        .trigger_token(JOB_TOKEN);
    StandIn::start(
        Setup::new()
            .user(developer())
            .job(note)
            .job(deploy)
            .job(Job::new("plain")),
    )
}

#[test]
fn it_shows_address_form_and_what_secrets_it_would_use() {
    let home = home();
    let jenkins = server();
    let repository = home.repository("shop", &file_for(&jenkins, RULES));
    repository.commit("first");
    let ran = repository.tool(&["trigger", "--dry-run", "--only", "team/my job", "--only", "plain"]);
    assert!(jenkins.requests().is_empty());
    assert!(!ran.whole().contains(TOKEN) && !ran.whole().contains(JOB_TOKEN));
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        would send POST http://[JENKINS]/job/team/job/my%20job/buildWithParameters
            delay=30sec
            BRANCH=main
            NOTE=it's $HOME; `id` "x" & 50% + ü #
            EMPTY=
            with the API token of dev from JENKINS_API_TOKEN
        would send POST http://[JENKINS]/job/plain/build
            with the API token of dev from JENKINS_API_TOKEN
        ----- stderr -----
        warning: nothing would be sent: this file names http://[JENKINS]/, which you have not trusted here; to allow it: jenkins-trigger trust
        "#);
    });
}

#[test]
fn it_shows_the_same_in_json() {
    let home = home();
    let jenkins = server();
    let repository = home.repository("shop", &file_for(&jenkins, RULES));
    repository.commit("first");
    let ran = repository.tool(&["trigger", "--dry-run", "--json", "--only", "team/my job"]);
    assert!(!ran.whole().contains(TOKEN) && !ran.whole().contains(JOB_TOKEN));
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        {"job":"team/my job","server":"http://[JENKINS]/","method":"api","url":"http://[JENKINS]/job/team/job/my%20job/buildWithParameters","parameters":[["delay","30sec"],["BRANCH","main"],["NOTE","it's $HOME; `id` \"x\" & 50% + ü #"],["EMPTY",""]],"secrets":["the API token of dev from JENKINS_API_TOKEN"]}
        ----- stderr -----
        warning: nothing would be sent: this file names http://[JENKINS]/, which you have not trusted here; to allow it: jenkins-trigger trust
        "#);
    });
}

#[test]
fn it_shows_the_note_that_goes_out_with_a_trigger_token() {
    let home = home();
    let jenkins = server();
    let repository = home.repository("shop", &file_for(&jenkins, RULES));
    repository.commit("first");
    for (how, note) in [
        (&[][..], "manual of main@"),
        (&["--json"], "manual of main@"),
        (&["--curl"], "cause=manual+of+main%40"),
    ] {
        let arguments = [&["trigger", "--dry-run", "--only", "shop/deploy"], how].concat();
        let ran = repository.tool(&arguments).succeeded();
        assert!(ran.stdout.contains(note), "{}", ran.whole());
    }
}

#[test]
fn it_shows_a_curl_command() {
    let home = home();
    let jenkins = server();
    let repository = home.repository("shop", &file_for(&jenkins, RULES));
    repository.commit("first");
    let ran = repository.tool(&["trigger", "--dry-run", "--curl", "--only", "team/my job"]);
    assert!(!ran.whole().contains(TOKEN) && !ran.whole().contains(JOB_TOKEN));
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        curl -i -X POST --user "$JENKINS_USER_ID:$JENKINS_API_TOKEN" --data 'delay=30sec' --data 'BRANCH=main' --data 'NOTE=it%27s+%24HOME%3B+%60id%60+%22x%22+%26+50%25+%2B+%C3%BC+%23' --data 'EMPTY=' 'http://[JENKINS]/job/team/job/my%20job/buildWithParameters'
        ----- stderr -----
        warning: nothing would be sent: this file names http://[JENKINS]/, which you have not trusted here; to allow it: jenkins-trigger trust
        "#);
    });
}

#[test]
fn it_sends_nothing_and_keeps_nothing_trusted_or_not() {
    let home = home();
    let bait = Bait::new();
    let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
    let repository = home.repository("shop", &file);
    repository.commit("first");
    for trusted in [false, true] {
        if trusted {
            repository.tool(&["trust"]).succeeded();
        }
        let before = listing(&home.path(""));
        for arguments in [
            &["--dry-run"][..],
            &["--dry-run", "--json"],
            &["--dry-run", "--curl"],
        ] {
            let ran = repository.tool(&[&["trigger"], arguments].concat()).succeeded();
            let held = "warning: nothing would be sent: this file names";
            assert_ne!(ran.stderr.contains(held), trusted, "{}", ran.whole());
        }
        assert_eq!(listing(&home.path("")), before);
    }
    bait.assert_untouched();
}

#[test]
fn it_ends_with_1_where_the_real_one_would() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    for arguments in [
        &["--branch", "nowhere"][..],
        &["--only", "nobody"],
        &["--param", "x"],
    ] {
        assert_eq!(
            repository
                .tool(&[&["trigger", "--dry-run"], arguments].concat())
                .code,
            1,
            "{arguments:?}"
        );
    }
    repository.git(&["switch", "-q", "-c", "unmapped"]);
    assert_eq!(repository.tool(&["trigger", "--dry-run"]).code, 1);
}

#[test]
fn curl_needs_a_dry_run_and_excludes_json() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    for arguments in [&["--curl"][..], &["--dry-run", "--curl", "--json"]] {
        assert_eq!(
            repository.tool(&[&["trigger"], arguments].concat()).code,
            1,
            "{arguments:?}"
        );
    }
    assert!(jenkins.requests().is_empty());
}

#[test]
fn control_characters_of_a_value_are_shown_not_obeyed() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    let value = "NOTE=\u{1b}[2J\u{9b}2J\rx\ny\u{202e}z";
    for arguments in [
        &["--dry-run"][..],
        &["--dry-run", "--json"],
        &["--dry-run", "--curl"],
    ] {
        let ran = repository
            .tool(&[&["trigger", "--param", value], arguments].concat())
            .succeeded();
        let obeyed = |c: char| matches!(c, '\u{1b}' | '\u{9b}' | '\r' | '\u{202e}');
        assert!(!ran.stdout.contains(obeyed), "{arguments:?} {:?}", ran.stdout);
    }
}
