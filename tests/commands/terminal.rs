//! On a terminal the tool asks before it records anything; `script` makes the terminal.

use std::io::Write as _;
use std::process::Stdio;

use crate::helpers::home;
use crate::support::{Ran, Repository, program};

const FILE: &str = "version: 1\nserver: http://ci.invalid:8080\njobs:\n  main: shop/deploy\n";

/// What the tool says on a terminal where somebody types these answers.
fn typed(repository: &Repository<'_>, command: &str, answers: impl AsRef<[u8]>) -> Ran {
    let mut terminal = repository.home.command("script", &repository.folder);
    let line = format!("'{}' {command}", program().display());
    let mut child = terminal
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script starts");
    let mut keyboard = child.stdin.take().expect("a pipe");
    keyboard.write_all(answers.as_ref()).expect("typed");
    drop(keyboard);
    Ran::from(child.wait_with_output().expect("it ends"))
}

fn allowed(repository: &Repository<'_>) -> String {
    repository
        .try_git(&["config", "--global", "--get-all", "jenkinsTrigger.allowPlainHttp"])
        .stdout
}

#[test]
fn who_says_no_has_a_hook_that_sends_nothing() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = typed(&repository, "install post-commit", "n\n");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(
        ran.stdout
            .contains("Trust http://ci.invalid:8080/ with your credentials? [y/N]")
    );
    assert!(ran.stdout.contains("until you allow it: jenkins-trigger trust"));
    let commit = repository.commit("first");
    assert!(
        commit
            .stderr
            .contains("not sent: this file names http://ci.invalid:8080/")
    );
    assert_eq!(allowed(&repository), "");
}

#[test]
fn just_pressing_enter_is_a_no() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = typed(&repository, "trust", "\n");
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stdout.contains("not trusted"), "{}", ran.whole());
}

#[test]
fn what_cannot_be_read_is_a_no() {
    let home = home();
    let repository = home.repository("shop", FILE);
    // An `ä` of another encoding.
    for answer in [&b"\xe4\n"[..], b"\x04", b"y\xff\n"] {
        let ran = typed(&repository, "trust", answer);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.stdout.contains("not trusted"), "{}", ran.whole());
    }
}

#[test]
fn who_said_no_is_asked_again_by_install() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = typed(&repository, "trust", "y\nn\nn\n");
    assert!(ran.stdout.contains("Allow this? [y/N]"), "{}", ran.whole());
    let ran = typed(&repository, "install post-commit", "n\nn\n");
    assert!(ran.stdout.contains("Allow this? [y/N]"), "{}", ran.whole());
    let listed = repository.tool(&["trust", "--list"]).stdout;
    assert!(!listed.contains("shop/deploy"), "{listed}");
}

#[test]
fn who_says_yes_to_plain_http_has_it_in_the_git_config() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = typed(&repository, "trust", "y\ny\ny\n");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(ran.stdout.contains("plain http"), "{}", ran.whole());
    assert_eq!(allowed(&repository), "http://ci.invalid:8080\n");
}

#[test]
fn who_trusts_a_server_may_still_say_no_to_plain_http() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = typed(&repository, "trust", "y\nn\ny\n");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert_eq!(allowed(&repository), "");
    let again = typed(&repository, "trust", "n\n");
    assert!(!again.stdout.contains("with your credentials?"), "asked once");
}

#[test]
fn trust_shows_what_is_new_and_asks_before_it_allows_it() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.tool(&["trust"]).succeeded();
    repository.write(
        ".jenkins-trigger.yml",
        FILE.replace("  main: shop/deploy", "  main: prod/deploy"),
    );
    let allowed = || repository.tool(&["trust", "--list"]).stdout;
    let before = allowed();
    let ran = typed(&repository, "trust", "n\nn\n");
    assert_eq!(ran.code, 1, "{}", ran.whole());
    for line in [
        "+ prod/deploy on http://ci.invalid:8080/ (api)",
        "- shop/deploy on http://ci.invalid:8080/ (api)",
        "Allow this? [y/N]",
        "not allowed: nothing of that is sent",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.whole());
    }
    assert!(
        !ran.stdout.contains("with your credentials?"),
        "it is trusted already"
    );
    assert_eq!(allowed(), before);
    let ran = typed(&repository, "trust", "n\ny\n");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert_eq!(allowed(), before.replace("shop/deploy", "prod/deploy"));
}

#[test]
fn a_second_install_asks_about_what_the_file_names_anew() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    let allowed = || repository.tool(&["trust", "--list"]).stdout;
    let before = allowed();
    repository.write(".jenkins-trigger.yml", format!("{FILE}  other: prod/deploy\n"));
    let ran = typed(&repository, "install post-commit", "n\nn\n");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(ran.stdout.contains("+ prod/deploy on"), "{}", ran.whole());
    assert!(ran.stdout.contains("until you allow it: jenkins-trigger trust"));
    assert_eq!(allowed(), before);
    let ran = typed(&repository, "install post-commit", "n\ny\n");
    assert!(ran.stdout.contains("Allow this? [y/N]"), "{}", ran.whole());
    assert!(allowed().contains("prod/deploy"));
    let again = typed(&repository, "install post-commit", "n\n");
    assert!(!again.stdout.contains("Allow this?"), "{}", again.whole());
}

#[test]
fn a_server_that_was_accepted_elsewhere_is_not_asked_about_again() {
    let home = home();
    let first = home.repository("first", FILE);
    assert_eq!(typed(&first, "trust", "y\nn\ny\n").code, 0);
    let second = home.repository("second", FILE);
    let ran = typed(&second, "trust", "n\ny\n");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(!ran.stdout.contains("with your credentials?"), "{}", ran.whole());
    assert!(
        ran.stdout
            .contains("trusted: http://ci.invalid:8080/ may be sent your credentials from here")
    );
    second
        .tool(&["untrust", "--everywhere", "http://ci.invalid:8080"])
        .succeeded();
    let ran = typed(&first, "trust", "n\nn\n");
    assert!(
        ran.stdout.contains("with your credentials? [y/N]"),
        "{}",
        ran.whole()
    );
}
