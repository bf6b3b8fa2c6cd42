//! `logout` erases what is kept, and names what it cannot erase.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jenkins_stand_in::StandIn;

use crate::helpers::{filtered, home};
use crate::keyboard::Terminal;
use crate::login::{REAL_TOKEN, bare, kept, piped, ready, shop, store, without};
use crate::support::{JOB_TOKEN, short_file};

#[test]
fn it_says_what_it_erased_and_that_the_token_is_still_good() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    jenkins.clear_requests();
    let ran = without(&repository, &["logout"]);
    let again = without(&repository, &["logout"]);
    assert!(jenkins.requests().is_empty());
    assert!(!kept(&home).contains(REAL_TOKEN));
    filtered(&home, || {
        insta::assert_snapshot!(format!("{}\n{}", ran.whole(), again.whole()), @"
        exit code: 0
        ----- stdout -----
        logged out of http://[JENKINS]/: erased from ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        the API token itself stays valid until it is revoked: http://[JENKINS]/me/security/

        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: no credentials are kept for http://[JENKINS]/
        ");
    });
}

#[test]
fn what_is_not_its_to_erase_is_named() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &jenkins);
    let file = home.path("token");
    fs::write(&file, format!("dev:{REAL_TOKEN}\n")).expect("a file");
    let netrc = home.path("home/.netrc");
    let entry = format!("machine 127.0.0.1 login dev password {REAL_TOKEN}\n");
    fs::write(&netrc, entry).expect("a file");
    for path in [&file, &netrc] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    let ran = repository.tool_in(&["logout"], |command| {
        bare(command);
        command
            .env("JENKINS_USER_ID", "dev")
            .env("JENKINS_API_TOKEN", REAL_TOKEN)
            .env("JENKINS_TRIGGER_TOKEN_FILE", &file);
    });
    assert!(!kept(&home).contains(REAL_TOKEN));
    assert!(!ran.whole().contains(REAL_TOKEN));
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        logged out of http://[JENKINS]/: erased from ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        error: JENKINS_API_TOKEN still has something for http://[JENKINS]/
        help: unset JENKINS_API_TOKEN; and take it out of the file that sets it
        error: [HOME]/token still has something for http://[JENKINS]/
        help: take it out of [HOME]/token
        error: ~/.netrc still has something for http://[JENKINS]/
        help: take the entry for 127.0.0.1 out of ~/.netrc
        the API token itself stays valid until it is revoked: http://[JENKINS]/me/security/
        ");
    });
}

/// Who logs out does not trust the server any more with what he has elsewhere.
#[test]
fn the_server_is_asked_about_again() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    without(&repository, &["logout"]).succeeded();
    let mut terminal = Terminal::of(&repository, "login --user dev", bare);
    terminal.answer("with your credentials? [y/N]", "n");
    assert_eq!(terminal.end().code, 1);
}

#[test]
fn a_store_that_others_can_read_is_not_touched_and_said() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    fs::set_permissions(store(&home), fs::Permissions::from_mode(0o640)).expect("a mode");
    let ran = without(&repository, &["logout"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("chmod 600 "), "{}", ran.whole());
    assert!(kept(&home).contains(REAL_TOKEN));
}

#[test]
fn a_trigger_token_goes_alone() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    piped(&repository, &["login", "--job-token", "deploy"], JOB_TOKEN).succeeded();
    let ran = without(&repository, &["logout", "--job-token", "deploy"]).succeeded();
    assert!(ran.stdout.contains("trigger token deploy for"), "{}", ran.whole());
    assert!(kept(&home).contains(REAL_TOKEN));
    assert!(!kept(&home).contains(JOB_TOKEN));
    let ran = repository.tool_in(&["logout", "--job-token", "deploy"], |command| {
        command.env("JENKINS_TRIGGER_TOKEN_DEPLOY", JOB_TOKEN);
    });
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stderr
            .contains("JENKINS_TRIGGER_TOKEN_DEPLOY still has something"),
        "{}",
        ran.whole()
    );
    let ran = without(&repository, &["logout", "--job-token", "not a name"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
}

#[test]
fn of_several_servers_the_advice_erases_no_more_than_was_asked_for() {
    let home = home();
    let file = "version: 1\nservers:\n  a: { url: https://a.example.com }\n  b: { url: https://b.example.com }\n\
                defaults: { server: a }\njobs:\n  main: shop/deploy\n";
    let repository = home.repository("shop", file);
    let ran = without(&repository, &["logout", "--job-token", "deploy"]);
    insta::assert_snapshot!(ran.whole(), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the file names 2 servers; say which
    help: jenkins-trigger logout --job-token deploy https://a.example.com/
    jenkins-trigger logout --job-token deploy https://b.example.com/
    ");
}
