//! `log`: the journal for people and programs.

use jenkins_stand_in::{Answer, Fault, Job, Permission, StandIn, User};
use serde_json::Value;

use crate::helpers::{file_for, filtered, home, ready};
use crate::support::{TOKEN, USER, shop, short_file};

#[test]
fn an_empty_journal_is_said() {
    let home = home();
    let repository = home.repository("shop", "");
    let ran = repository.tool(&["log"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        ----- stderr -----
        nothing was triggered from this repository so far
        ");
    });
    let json = repository.tool(&["log", "--json"]);
    assert_eq!(
        (json.code, json.stdout.as_str(), json.stderr.as_str()),
        (0, "", "")
    );
}

#[test]
fn the_journal_is_a_table_of_outcomes() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("b").string_parameter("BRANCH", "")));
    let repository = ready(
        &home,
        &file_for(
            &jenkins,
            "  - { job: shop/deploy }\n  - { job: missing }\n  - { job: b }\n",
        ),
    );
    repository.tool(&["trigger", "--only", "shop/deploy"]).succeeded();
    repository.tool(&["trigger", "--only", "shop/deploy"]).succeeded();
    repository.git(&["switch", "-q", "-c", "feature/long-name"]);
    repository.tool(&["trigger", "--only", "missing"]);
    jenkins.stop();
    repository.tool(&["trigger", "--only", "b"]);
    let ran = repository.tool(&["log"]);
    filtered(&home, || {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r" +[0-9a-f]{7}  ", "  [SHORT]  ");
        settings.add_filter(r"  [0-9A-HJKMNP-TV-Z]{8}  ", "  [ID]  ");
        settings.bind(|| insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        TIME                 ID        OUTCOME  BRANCH             COMMIT   JOB          RESULT
        [TIME]  [ID]  queued   main [SHORT]  shop/deploy  item 1 http://[JENKINS]/queue/item/1/
        [TIME]  [ID]  merged   main [SHORT]  shop/deploy  item 1 http://[JENKINS]/queue/item/1/
        [TIME]  [ID]  failed   feature/long-name  [SHORT]  missing      there is no job missing, or user dev may not see it (tried http://[JENKINS]/job/missing/buildWithParameters); check `job` (the full name with its folders), and the permission Job/Read of dev on job and folders
        [TIME]  [ID]  waiting  feature/long-name  [SHORT]  b            127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
        ----- stderr -----
        1 waiting; to send now: jenkins-trigger retry
        "));
    });
}

#[test]
fn each_line_of_json_is_one_object() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    repository.tool(&["trigger"]).succeeded();
    let ran = repository.tool(&["log", "--json"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        {"time":"[TIME]","id":"[ID]","outcome":"queued","event":"manual","rules":["shop/deploy"],"server":"http://[JENKINS]/","job":"shop/deploy","branch":"main","sha":"[SHA]","item":1,"url":"http://[JENKINS]/queue/item/1/"}
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_number_asks_for_the_newest() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins).replace("main:", "\"**\":"));
    for branch in ["a", "b", "c"] {
        repository.git(&["switch", "-q", "-c", branch]);
        repository.tool(&["trigger"]).succeeded();
    }
    let branches = |arguments: &[&str]| -> Vec<String> {
        let ran = repository
            .tool(&[&["log", "--json"], arguments].concat())
            .succeeded();
        let branch = |line: &str| {
            serde_json::from_str::<Value>(line).expect("JSON")["branch"]
                .as_str()
                .expect("text")
                .to_owned()
        };
        ran.stdout.lines().map(branch).collect()
    };
    assert_eq!(branches(&[]), ["a", "b", "c"]);
    assert_eq!(branches(&["-n", "2"]), ["b", "c"]);
    assert_eq!(branches(&["--number", "100"]), ["a", "b", "c"]);
    assert!(branches(&["-n", "0"]).is_empty());
    assert_eq!(
        repository
            .tool(&["log", "-n", "2"])
            .succeeded()
            .stdout
            .lines()
            .count(),
        3,
        "a heading and two"
    );
    for wrong in ["-1", "x"] {
        assert_eq!(repository.tool(&["log", "-n", wrong]).code, 1);
    }
}

#[test]
fn asking_for_no_lines_is_not_answered_with_nothing_was_triggered() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    repository.tool(&["trigger"]).succeeded();
    let ran = repository.tool(&["log", "-n", "0"]).succeeded();
    assert!(!ran.whole().contains("nothing was triggered"), "{}", ran.whole());
}

fn assert_harmless(text: &str) {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(obeyed), "{text:?}");
}

#[test]
fn control_characters_of_a_branch_name_are_shown_not_obeyed() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins).replace("main:", "\"**\":"));
    let name = "a\u{202e}b\u{9b}2Jc";
    repository.git(&["switch", "-q", "-c", name]);
    repository.tool(&["install", "post-commit"]).succeeded();
    let hook = repository.commit("second");
    let own: String = hook
        .stderr
        .lines()
        .filter(|line| line.starts_with("jenkins-trigger:"))
        .collect();
    assert!(own.contains("\\u{202e}"), "{own:?}");
    assert_harmless(&own);
    repository.wait_for_journal(1);
    assert_eq!(jenkins.posts()[0].form_values("BRANCH"), [name]);
    let missing = format!("{name}x");
    for arguments in [
        &["trigger"][..],
        &["log"],
        &["log", "--json"],
        &["check", "--branch", name],
        &["check", "--branch", name, "--json"],
        &["trigger", "--branch", &missing],
        &["trigger", "--dry-run"],
    ] {
        assert_harmless(&repository.tool(arguments).whole());
    }
}

#[test]
fn control_characters_in_the_answers_of_jenkins_are_shown_not_obeyed() {
    let home = home();
    for evil in ["x\u{9b}31my\u{202e}z", "x\u{1b}[31my"] {
        let jenkins = StandIn::start(shop());
        let repository = ready(&home, &short_file(&jenkins));
        for answer in [
            Answer::new(403)
                .header("X-Jenkins", "2.528.2")
                .header("X-You-Are-Authenticated-As", evil)
                .header("X-Required-Permission", evil),
            Answer::new(302).header("Location", format!("/jenkins/{evil}")),
            Answer::new(500).body(format!("Logging ID={evil}")),
        ] {
            jenkins.fault(Fault::answer_to_posts(answer).times(1));
            let ran = repository.tool(&["trigger"]);
            assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.whole());
            assert_harmless(&ran.whole());
        }
        assert_harmless(&repository.tool(&["log"]).whole());
        assert_harmless(&repository.tool(&["log", "--json"]).whole());
        let hook = repository.install();
        assert_harmless(&hook.whole());
        repository.tool(&["uninstall"]).succeeded();
        std::fs::remove_dir_all(&repository.folder).expect("a folder");
    }
}

#[test]
fn the_user_that_jenkins_saw_is_named() {
    let home = home();
    let jenkins = StandIn::start(shop());
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
    let repository = ready(&home, &short_file(&jenkins));
    repository.tool(&["trigger"]);
    let log = repository.tool(&["log"]).succeeded();
    assert!(
        log.stdout
            .contains("user dev lacks the permission Job/Build on job shop/deploy"),
        "{}",
        log.whole()
    );
}
