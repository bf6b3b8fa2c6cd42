//! Everybody who can read `/proc`, and every program that is run along the way.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use jenkins_stand_in::StandIn;

use crate::canary::Search;
use crate::children::{Started, assert_told_nothing, started_by};
use crate::scene::{command, file, setup, wait_for_all};
use crate::support::{Home, PATIENCE, Repository, TOKEN, gits, program, write_script};

const RULES: &str = "{ job: shop/deploy }\n  - { job: shop/deploy, name: token, token_from: deploy }";

/// Everything that is started for it is told no secret; and so much was started by this tool.
#[track_caller]
fn tells_nobody(command: &mut Command, chained: Option<&str>, expected: &[&str]) {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let all = started_by(command);
    assert_told_nothing(&all, chained);
    for name in expected {
        let is_it = |started: &Started| {
            let line = started.arguments.join(" ");
            line.contains(name)
        };
        let lines: Vec<String> = all.iter().map(|started| started.arguments.join(" ")).collect();
        assert!(all.iter().any(is_it), "{name} is not among {lines:#?}");
    }
}

/// Only this git knows SHA-256 repositories: the tool asks it about everything.
fn repository<'a>(home: &'a Home, name: &str, trusted: &StandIn) -> Repository<'a> {
    let repository = home.repository_with(name, &file(trusted, RULES), &["--object-format=sha256"]);
    write_script(
        &repository.path(".git/hooks/post-commit"),
        "#!/bin/sh\nexit 0\n",
        0o755,
    );
    repository
}

#[test]
fn a_commit_tells_nobody() {
    for git in gits() {
        let home = Home::new(&git);
        let trusted = StandIn::start(setup());
        let repository = repository(&home, "shop", &trusted);
        repository.install();
        repository.git(&["add", "--all"]);
        let mut commit = command(&home, "git", &repository.folder);
        commit.args(["commit", "-q", "-m", "work"]);
        let hook = "post-commit.before-jenkins-trigger";
        tells_nobody(&mut commit, Some(hook), &["hook --chain", "deliver", "cat-file"]);
        wait_for_all(&home);
        assert_eq!(trusted.posts().len(), 2);
        Search::of(&home).trusted(&trusted).assert_nowhere();
    }
}

#[test]
fn a_push_tells_nobody_on_either_side() {
    for git in gits() {
        let home = Home::new(&git);
        let trusted = StandIn::start(setup());
        let repository = repository(&home, "clone", &trusted);
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "-q", "-m", "base"]);
        let bare = Repository {
            home: &home,
            folder: home.path("bare.git"),
        };
        home.git(
            &home.path(""),
            &[
                "clone",
                "-q",
                "--bare",
                "--upload-pack=git upload-pack",
                "clone",
                "bare.git",
            ],
        );
        repository.git(&["remote", "add", "origin", &bare.folder.display().to_string()]);
        repository.git(&["config", "remote.origin.receivepack", "git receive-pack"]);
        repository.git(&["config", "remote.origin.uploadpack", "git upload-pack"]);
        repository.tool(&["install", "post-push"]).succeeded();
        bare.tool(&["install", "post-receive"]).succeeded();
        trusted.clear_requests();
        repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        let mut push = command(&home, "git", &repository.folder);
        push.args(["push", "-q", "origin", "HEAD:refs/heads/work"]);
        tells_nobody(
            &mut push,
            None,
            &["hook pre-push", "after-push", "hook post-receive", "deliver"],
        );
        wait_for_all(&home);
        assert!(trusted.posts().len() >= 2, "{:?}", trusted.posts());
        Search::of(&home).trusted(&trusted).assert_nowhere();
    }
}

#[test]
fn what_a_user_runs_by_hand_tells_nobody() {
    let home = Home::new(&gits()[0]);
    let trusted = StandIn::start(setup());
    let repository = repository(&home, "shop", &trusted);
    repository.install();
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-q", "-m", "work"]);
    wait_for_all(&home);
    for arguments in [
        &["trigger"][..],
        &["retry", "--all"],
        &["doctor"],
        &["status"],
        &["check", "--branch", "main"],
        &["jobs"],
        &["whoami"],
        &["log"],
        &["deliver"],
        &["trust", "--yes"],
        &["install", "post-commit"],
        &["uninstall"],
    ] {
        let mut tool = command(&home, program(), &repository.folder);
        tells_nobody(tool.args(arguments), None, &[arguments[0]]);
    }
    wait_for_all(&home);
    assert!(trusted.wait_until_deserted(PATIENCE));
    Search::of(&home).trusted(&trusted).assert_nowhere();
}

/// The user's own helper is asked for what the environment has for another server.
#[test]
fn a_credential_helper_is_told_no_other_secret() {
    let home = Home::new(&gits()[0]);
    let trusted = StandIn::start(setup());
    let repository = repository(&home, "shop", &trusted);
    repository.install();
    repository.git(&["add", "--all"]);
    repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "work"]);
    let helper = home.path("helper");
    let answer = home.path("answer");
    fs::write(&answer, format!("username=dev\npassword={TOKEN}\n")).expect("a file");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] && exec cat '{}'\nexit 0\n",
        answer.display()
    );
    write_script(&helper, script, 0o755);
    repository.git(&[
        "config",
        "--global",
        "credential.helper",
        &helper.display().to_string(),
    ]);
    for arguments in [&["trigger"][..], &["doctor"], &["whoami"]] {
        let mut tool = command(&home, program(), &repository.folder);
        tool.args(arguments).env("JENKINS_URL", "https://ci.example.com");
        tells_nobody(&mut tool, None, &["credential fill", "helper get"]);
    }
    let mut login = command(&home, program(), &repository.folder);
    login
        .args(["login", &trusted.url(), "--user", "dev", "--keep-in", "git"])
        .stdin(Stdio::from(piped(&format!("{TOKEN}\n"))));
    tells_nobody(&mut login, None, &["credential approve", "helper store"]);
    wait_for_all(&home);
    Search::of(&home)
        .trusted(&trusted)
        .own_file(answer)
        .assert_nowhere();
}

/// A pipe that has this in it.
fn piped(text: &str) -> std::io::PipeReader {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(text.as_bytes()).expect("room for it");
    reader
}
