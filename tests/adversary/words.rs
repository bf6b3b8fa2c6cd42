//! Whoever names a branch, writes a commit or fills a parameter: none of it is obeyed, by a shell, by
//! the form that is posted, or by the terminal.

use jenkins_stand_in::StandIn;

use crate::canary::Search;
use crate::scene::{command, file, git, home, setup, tool, wait_for_all};
use crate::support::{Ran, TOKEN};

const RULE: &str =
    "{ job: shop/deploy, parameters: { NOTE: \"${subject}|${author_name}|${author_email}|${tag:-none}\" } }";

/// Whether a terminal would obey any of it.
fn is_obeyed(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn a_branch_is_sent_as_it_is_called_and_does_nothing_else() {
    let long = "l".repeat(200);
    let names = [
        "$(touch${IFS}owned)",
        "`touch${IFS}owned`",
        "a;touch${IFS}owned;b",
        "a&token=x&job=shop%2Fprod",
        "a%0d%0aX-Evil%3a1",
        "a'b\"c",
        "-rf",
        "\u{202e}niam",
        "\u{2066}x\u{2069}",
        "\u{85}next",
        "a|b>owned<c",
        "${env.JENKINS_API_TOKEN}",
        "%25s%n",
        "#{x}",
        &long,
    ];
    let home = home();
    let trusted = StandIn::start(setup());
    let repository = home.repository("shop", &file(&trusted, RULE));
    let mut search = Search::of(&home).trusted(&trusted);
    search.said(repository.install());
    repository.git(&["add", "--all"]);
    git(&repository, &["commit", "-m", "first"]);
    repository.wait_for_journal(1);
    for (number, name) in names.iter().enumerate() {
        git(
            &repository,
            &["update-ref", &format!("refs/heads/{name}"), "HEAD"],
        )
        .succeeded();
        git(
            &repository,
            &["symbolic-ref", "HEAD", &format!("refs/heads/{name}")],
        )
        .succeeded();
        let ran = git(&repository, &["commit", "--allow-empty", "-m", "work"]).succeeded();
        assert!(!is_obeyed(&ran.stderr), "{name:?} {:?}", ran.stderr);
        search.said(ran);
        let journal = repository.wait_for_journal(number + 2);
        assert_eq!(journal[number + 1]["branch"], *name);
        for arguments in [
            &["log"][..],
            &["check", "--branch", name],
            &["trigger", "--dry-run", "--curl"],
        ] {
            let ran = tool(&repository, arguments);
            assert!(
                !is_obeyed(&ran.whole()),
                "{name:?} {arguments:?} {:?}",
                ran.whole()
            );
            search.said(ran);
        }
        assert_eq!(sent(&trusted, "BRANCH").last().map(String::as_str), Some(*name));
    }
    wait_for_all(&home);
    assert!(!repository.path("owned").exists());
    assert_well_formed(&trusted);
    search.assert_nowhere();
}

#[test]
fn what_stands_in_a_commit_is_sent_as_it_is_and_does_nothing_else() {
    let home = home();
    let trusted = StandIn::start(setup());
    let repository = home.repository("shop", &file(&trusted, RULE));
    let mut search = Search::of(&home).trusted(&trusted);
    search.said(repository.install());
    repository.git(&["add", "--all"]);
    let hostile = [
        ("$(touch owned)", "`touch owned`"),
        ("a&token=x&job=shop/prod&json={}", "a=b&BRANCH=prod"),
        ("a\rX-Evil: 1", "a;touch owned"),
        ("\u{1b}]0;title\u{7}\u{1b}[2J", "\u{202e}rorrim"),
        ("--curl=x", "-x"),
        ("%0d%0a%00", "a\u{85}b"),
    ];
    for (number, (subject, author)) in hostile.iter().enumerate() {
        let mut commit = command(&home, "git", &repository.folder);
        commit
            .args(["commit", "--allow-empty", "-m", subject])
            .env("GIT_AUTHOR_NAME", author)
            .env("GIT_AUTHOR_EMAIL", format!("{author}@example.com"));
        let ran = Ran::of(&mut commit).succeeded();
        assert!(!is_obeyed(&ran.stderr), "{subject:?} {:?}", ran.stderr);
        search.said(ran);
        repository.wait_for_journal(number + 1);
        for arguments in [
            &["log"][..],
            &["trigger", "--dry-run", "--curl"],
            &["check", "--branch", "main"],
        ] {
            let ran = tool(&repository, arguments);
            assert!(
                !is_obeyed(&ran.whole()),
                "{subject:?} {arguments:?} {:?}",
                ran.whole()
            );
            search.said(ran);
        }
        let note = sent(&trusted, "NOTE").last().cloned().unwrap_or_default();
        assert!(note.starts_with(subject), "{note:?}");
        assert!(note.contains(author), "{note:?}");
    }
    wait_for_all(&home);
    assert!(!repository.path("owned").exists());
    assert_well_formed(&trusted);
    search.assert_nowhere();
}

/// A parameter that is one of the user's secrets would be shown by Jenkins to everybody.
#[test]
fn a_parameter_that_has_a_secret_in_it_is_not_sent_and_not_kept() {
    let home = home();
    let trusted = StandIn::start(setup());
    let file = format!(
        "{}env: [HARMLESS]\n",
        file(
            &trusted,
            "{ job: shop/deploy, parameters: { NOTE: \"x ${env.HARMLESS}\" } }"
        )
    );
    let repository = home.repository("shop", &file);
    let mut search = Search::of(&home).trusted(&trusted);
    search.said(repository.install());
    repository.git(&["add", "--all"]);
    for value in [TOKEN.to_owned(), format!("https://dev:{TOKEN}@example.com")] {
        let mut commit = command(&home, "git", &repository.folder);
        commit
            .args(["commit", "--allow-empty", "-m", "work"])
            .env("HARMLESS", &value);
        let ran = Ran::of(&mut commit).succeeded();
        assert!(
            ran.stderr.contains("nothing triggered")
                && ran.stderr.contains("the parameter NOTE has a secret in it"),
            "{}",
            ran.whole()
        );
        search.said(ran);
        let mut trigger = command(&home, crate::support::program(), &repository.folder);
        let ran = Ran::of(trigger.arg("trigger").env("HARMLESS", &value));
        assert_eq!(ran.code, 1, "{}", ran.whole());
        search.said(ran);
    }
    for argument in [format!("NOTE={TOKEN}"), format!("BRANCH={TOKEN}")] {
        let ran = tool(&repository, &["trigger", "--param", &argument]);
        assert_ne!(ran.code, 0, "{}", ran.whole());
        search.said(ran);
    }
    wait_for_all(&home);
    assert!(trusted.posts().is_empty());
    search.assert_nowhere();
}

/// The values of a field in all that was posted.
fn sent(jenkins: &StandIn, field: &str) -> Vec<String> {
    jenkins
        .posts()
        .iter()
        .flat_map(|request| request.form_values(field))
        .collect()
}

/// Each has the fields of its rule, each once, and asked for no other job.
#[track_caller]
fn assert_well_formed(jenkins: &StandIn) {
    for request in jenkins.posts() {
        let names: Vec<Vec<u8>> = request.form().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [b"BRANCH".to_vec(), b"NOTE".to_vec()], "{request:?}");
        assert_eq!(request.target, "/job/shop/job/deploy/buildWithParameters");
        assert_eq!(request.header("X-Evil"), None, "{request:?}");
    }
}
