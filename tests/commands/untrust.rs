//! `untrust` takes back what `trust` allowed, and `trust --list` shows it.

use std::fs;

use jenkins_stand_in::StandIn;

use crate::helpers::{Bait, file_for, filtered, home};
use crate::support::{Repository, shop, short_file, wait_for};

fn held(repository: &Repository<'_>, why: &str) {
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains(why), "{}", ran.whole());
}

#[test]
fn all_that_is_allowed_is_shown_and_taken_back() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let file = file_for(
        &jenkins,
        "  - { job: shop/deploy, parameters: { A: \"${env.CHANNEL}\" } }\n",
    );
    let repository = home.repository("shop", &file.replace("jobs:", "env: [CHANNEL]\njobs:"));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let list = repository.tool(&["trust", "--list"]);
    let json = repository.tool(&["trust", "--list", "--json"]);
    let taken = repository.tool(&["untrust"]);
    let empty = repository.tool(&["trust", "--list"]);
    let again = repository.tool(&["untrust"]);
    filtered(&home, || {
        insta::assert_snapshot!(list.whole(), @"
        exit code: 0
        ----- stdout -----
        http://[JENKINS]/ may be sent your credentials from here
        shop/deploy on http://[JENKINS]/ (api)
        env CHANNEL
        ----- stderr -----
        ");
        insta::assert_snapshot!(json.whole(), @r#"
        exit code: 0
        ----- stdout -----
        {"servers":["http://[JENKINS]/"],"fires":[{"server":"http://[JENKINS]/","method":"api","job":"shop/deploy"}],"env":["CHANNEL"],"authorities":[],"default_branch":null,"allow":null}
        ----- stderr -----
        "#);
        insta::assert_snapshot!(taken.whole(), @"
        exit code: 0
        ----- stdout -----
        taken back: http://[JENKINS]/ is not sent your credentials from here any more
        taken back: shop/deploy on http://[JENKINS]/ (api)
        taken back: env CHANNEL
        ----- stderr -----
        ");
        insta::assert_snapshot!(empty.whole(), @"
        exit code: 0
        ----- stdout -----
        ----- stderr -----
        nothing is allowed here; to allow what the file names: jenkins-trigger trust
        ");
        insta::assert_snapshot!(again.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: nothing is allowed in this repository
        help: what is allowed: jenkins-trigger trust --list
        ");
    });
    held(&repository, "which you have not trusted here");
    assert!(jenkins.requests().is_empty());
}

#[test]
fn what_the_default_branch_allows_is_shown_too() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    repository.git(&["remote", "add", "upstream", "../nowhere.git"]);
    repository.git(&["update-ref", "refs/remotes/upstream/main", "HEAD"]);
    repository.git(&[
        "symbolic-ref",
        "refs/remotes/upstream/HEAD",
        "refs/remotes/upstream/main",
    ]);
    repository.write(
        ".jenkins-trigger.yml",
        file_for(&jenkins, "  main: shop/deploy\n  other: shop/other\n"),
    );
    let trust = repository.tool(&["trust"]);
    repository.write(
        ".jenkins-trigger.yml",
        file_for(&jenkins, "  other: shop/other\n"),
    );
    let less = repository.tool(&["trust"]);
    let list = repository.tool(&["trust", "--list"]);
    filtered(&home, || {
        insta::assert_snapshot!(trust.whole(), @"
        exit code: 0
        ----- stdout -----
        trusted: http://[JENKINS]/ may be sent your credentials from here
        + shop/deploy on http://[JENKINS]/ (api); the file at the default branch of upstream has it, so it was allowed already
        + shop/other on http://[JENKINS]/ (api)
        ----- stderr -----
        note: .jenkins-trigger.yml differs from the committed one, which is what a hook reads
        ");
        insta::assert_snapshot!(less.whole(), @"
        exit code: 0
        ----- stdout -----
        trusted: http://[JENKINS]/ may be sent your credentials from here
        - shop/deploy on http://[JENKINS]/ (api); the file at the default branch of upstream has it, so it stays allowed
        ----- stderr -----
        note: .jenkins-trigger.yml differs from the committed one, which is what a hook reads
        ");
        insta::assert_snapshot!(list.whole(), @"
        exit code: 0
        ----- stdout -----
        http://[JENKINS]/ may be sent your credentials from here
        shop/other on http://[JENKINS]/ (api)
        by the default branch of upstream: shop/deploy on http://[JENKINS]/ (api)
        ----- stderr -----
        ");
    });
}

#[test]
fn one_server_is_taken_back_however_it_is_written_and_no_other() {
    let home = home();
    let (jenkins, bait) = (StandIn::start(shop().context_path("/ci")), Bait::new());
    let file = format!(
        "version: 1\nservers:\n  one: {{ url: {} }}\n  two: {{ url: {} }}\njobs:\n  - {{ job: shop/deploy, server: one \
         }}\n  - {{ job: x, server: two, branches: [none] }}\n",
        jenkins.url(),
        bait.url()
    );
    let repository = home.repository("shop", &file);
    repository.commit("first");
    for written in [
        bait.url(),
        format!("{}/", bait.url()),
        bait.url().replace("http", "HTTP"),
    ] {
        repository.tool(&["trust"]).succeeded();
        let ran = repository.tool(&["untrust", &written]).succeeded();
        assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.whole());
        let again = repository.tool(&["untrust", &written]);
        assert_eq!(again.code, 1, "{}", again.whole());
        let left = repository.tool(&["trust", "--list"]).stdout;
        assert!(
            !left.contains(&bait.url()) && left.contains(&jenkins.url()),
            "{left}"
        );
    }
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(repository.tool(&["untrust", "ftp://x"]).code, 1);
    assert_eq!(repository.tool(&["untrust", "--everywhere"]).code, 1);
}

#[test]
fn what_waits_is_held_from_then_on() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.without_sleepers();
    jenkins.stop();
    repository.commit("first");
    wait_for("the first attempt", || {
        (repository.waiting()[0]["trouble"].is_string()).then_some(())
    });
    repository.tool(&["untrust"]).succeeded();
    let ran = repository.tool(&["retry"]);
    assert!(ran.stdout.starts_with("held "), "{}", ran.whole());
}

#[test]
fn everywhere_is_every_repository_and_the_next_question() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let (one, two) = (
        home.repository("one", &short_file(&jenkins)),
        home.repository("two", &short_file(&jenkins)),
    );
    for repository in [&one, &two] {
        repository.commit("first");
        repository.tool(&["trust"]).succeeded();
    }
    // It is about no repository.
    let ran = home.tool(&home.path("home"), &["untrust", "--everywhere", &jenkins.url()]);
    let again = home.tool(&home.path("home"), &["untrust", "--everywhere", &jenkins.url()]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        taken back: http://[JENKINS]/ is not sent your credentials from anywhere any more
        ----- stderr -----
        that was allowed in [HOME]/one/.git
        that was allowed in [HOME]/two/.git
        ");
        insta::assert_snapshot!(again.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: you have allowed http://[JENKINS]/ nowhere
        ");
    });
    for repository in [&one, &two] {
        held(repository, "which you have not trusted here");
    }
}

#[test]
fn a_record_that_others_can_write_to_allows_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let record = home.path("state/jenkins-trigger/trust");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o622)).expect("a mode");
    for command in ["trigger", "trust", "untrust"] {
        let ran = repository.tool(&[command]);
        assert_eq!(ran.code, 1, "{command}: {}", ran.whole());
        assert!(ran.stderr.contains("can be written by others"), "{}", ran.whole());
        assert!(ran.stderr.contains("chmod 600 "), "{}", ran.whole());
    }
    assert!(jenkins.requests().is_empty());
    fs::set_permissions(&record, fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::rename(&record, home.path("elsewhere")).expect("a move");
    std::os::unix::fs::symlink(home.path("elsewhere"), &record).expect("a link");
    held(&repository, "is a link");
    assert!(jenkins.requests().is_empty());
}

#[test]
fn a_server_goes_by_its_name_in_the_file_too() {
    let home = home();
    let file = "version: 1\nservers:\n  main: { url: https://ci.example.com/jenkins }\n  old: { url: \
                https://old.example.com }\ndefaults: { server: main }\njobs:\n  main: shop/deploy\n";
    let repository = home.repository("shop", file);
    repository.tool(&["trust", "--yes"]).succeeded();
    let taken = repository.tool(&["untrust", "old"]);
    let unknown = repository.tool(&["untrust", "other"]);
    filtered(&home, || {
        insta::assert_snapshot!(format!("{}\n{}", taken.whole(), unknown.whole()), @"
        exit code: 0
        ----- stdout -----
        taken back: https://old.example.com/ is not sent your credentials from here any more
        ----- stderr -----

        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: the server's URL has no scheme
        help: write `https://other`
        ");
    });
}
