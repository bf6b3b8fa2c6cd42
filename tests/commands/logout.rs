//! `logout` erases what is kept, and names what it cannot erase.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jenkins_stand_in::StandIn;

use crate::helpers::{filtered, home};
use crate::keyboard::Terminal;
use crate::login::{REAL_TOKEN, bare, kept, piped, ready, shop, store, without};
use crate::support::{JOB_TOKEN, short_file, with_each_git};

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

/// Other programs keep theirs with the same helpers, for other paths of the same host.
#[test]
fn what_git_keeps_of_others_for_the_host_stays_there() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = ready(home, &jenkins);
        repository.git(&["config", "--global", "credential.helper", "store"]);
        let host = format!("127.0.0.1:{}", jenkins.port());
        let others = format!("http://bob:b0b0b0b0@{host}/git/shop.git\n");
        let kept = home.path("home/.git-credentials");
        fs::write(&kept, format!("http://dev:{REAL_TOKEN}@{host}\n{others}")).expect("git's store");
        let url = format!("{}/", jenkins.url());
        let ran = without(&repository, &["logout", &url]);
        assert_eq!(
            fs::read_to_string(&kept).expect("git's store"),
            others,
            "{}",
            ran.whole()
        );
        // Whose that is nobody can tell.
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(
            ran.stderr.contains("git credential still has something"),
            "{}",
            ran.whole()
        );

        fs::write(&kept, &others).expect("git's store");
        piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
        assert_eq!(fs::read_to_string(&kept).expect("git's store"), others);
    });
}

#[test]
fn the_helpers_are_not_asked_about_a_server_that_only_a_file_names() {
    let home = home();
    let repository = home.repository("stranger", &file_for("https://evil.example.com"));
    let asked = home.path("asked");
    let helper = format!("!f() {{ echo asked >>'{}'; }}; f", asked.display());
    repository.git(&["config", "--global", "credential.helper", &helper]);
    let ran = without(&repository, &["logout"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(!asked.exists(), "{}", ran.whole());
    without(&repository, &["logout", "https://evil.example.com"]);
    assert!(asked.exists());
}

fn file_for(url: &str) -> String {
    format!("version: 1\nserver: {url}\njobs:\n  main: shop/deploy\n")
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

#[test]
fn a_record_that_is_refused_hides_nothing_of_what_still_answers() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &jenkins);
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    let record = home.path("state/jenkins-trigger/trust");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o666)).expect("a mode");
    let ran = repository.tool_in(&["logout"], |command| {
        bare(command);
        command
            .env("JENKINS_USER_ID", "dev")
            .env("JENKINS_API_TOKEN", REAL_TOKEN);
    });
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("chmod 600 "), "{}", ran.whole());
    assert!(
        ran.stderr.contains("JENKINS_API_TOKEN still has something for"),
        "{}",
        ran.whole()
    );
}
