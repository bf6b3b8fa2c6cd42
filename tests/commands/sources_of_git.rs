//! What git's credential helpers are asked, and what becomes of answers of every kind.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use jenkins_stand_in::StandIn;

use crate::helpers::{home, ready};
use crate::login_helpers;
use crate::sources::{answering, bare, configure_helper, write_helper};
use crate::support::{
    Home, JOB_TOKEN, Ran, Repository, TOKEN, USER, filtered, program, shop, short_file, with_each_git,
    write_script,
};

fn trigger(repository: &Repository<'_>) -> Ran {
    repository.tool_in(&["trigger"], |command| {
        bare(command);
    })
}

/// What the user does himself to have git keep something.
fn approve(home: &Home, description: &str) {
    let mut command = home.command("git", &home.path("home"));
    let mut git = command
        .args(["-c", "credential.useHttpPath=true", "credential", "approve"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git starts");
    let mut stdin = git.stdin.take().expect("a pipe");
    stdin.write_all(description.as_bytes()).expect("it listens");
    drop(stdin);
    assert!(git.wait().expect("its end").success());
}

#[test]
fn what_store_and_cache_keep_is_found_with_and_without_a_context_path() {
    with_each_git(|git_home| {
        for (helper, context) in [
            ("store", ""),
            ("store", "/jenkins"),
            ("cache", ""),
            ("cache", "/ci/jenkins"),
        ] {
            let home = Home::new(&git_home.git);
            let jenkins = StandIn::start(shop().context_path(context));
            let file = format!(
                "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n",
                jenkins.url()
            );
            let repository = ready(&home, &file);
            configure_helper(&home, helper);
            let host = format!("127.0.0.1:{}", jenkins.port());
            let path = context.trim_matches('/');
            let token_path = format!("{path}/job-token/deploy");
            let described = |path: &str, user: &str, password: &str| {
                let path = path.trim_matches('/');
                let path = if path.is_empty() {
                    String::new()
                } else {
                    format!("path={path}\n")
                };
                format!("protocol=http\nhost={host}\n{path}username={user}\npassword={password}\n")
            };
            // So it is kept by a login where there is no path to tell the two apart by.
            let own_path = if path.is_empty() { "login" } else { path };
            approve(&home, &described(own_path, USER, TOKEN));
            approve(&home, &described(&token_path, "job-token", JOB_TOKEN));
            let check = repository.tool_in(&["check"], |command| {
                bare(command);
            });
            let line = check.stdout.lines().last().unwrap_or_default().to_owned();
            let found = "credentials of dev from git credential, trigger token deploy from git credential";
            let sent = trigger(&repository);
            if helper == "cache" {
                home.git(&home.path("home"), &["credential-cache", "exit"]);
            }
            assert!(line.ends_with(found), "{helper} {context}: {line}");
            sent.succeeded();
            assert_eq!(jenkins.posts()[0].form_values("token"), [JOB_TOKEN]);
        }
    });
}

#[test]
fn what_the_user_gave_to_git_himself_serves_a_server_without_a_context_path() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = ready(home, &short_file(&jenkins));
        configure_helper(home, "store");
        let host = format!("127.0.0.1:{}", jenkins.port());
        let kept = |path: &str, password: &str| {
            format!("protocol=http\nhost={host}\n{path}username={USER}\npassword={password}\n")
        };
        approve(home, &kept("", TOKEN));
        trigger(&repository).succeeded();
        assert_eq!(jenkins.posts().len(), 1);
    });
}

#[test]
fn no_answer_and_no_sensible_one_are_none_and_nobody_is_asked() {
    with_each_git(|git_home| {
        let home = Home::new(&git_home.git);
        let jenkins = StandIn::start(shop());
        let repository = ready(&home, &short_file(&jenkins));
        for answer in [
            "",
            "exit 1",
            "echo username=dev",
            "echo password=canary",
            "echo username=; echo password=canary",
            "echo username=dev; echo password=",
            "echo username=a:b; echo password=canary",
            "printf 'username=dev\\npassword=can\\033ary\\n'",
            "printf 'username=dev\\npassword=can\\377ary\\n'",
            "echo quit=1",
            "echo rubbish; head -c 100000 /dev/zero",
            // There is no terminal to ask on.
            "read answer < /dev/tty && echo username=dev && echo password=$answer",
        ] {
            write_helper(&home, answer);
            let begun = Instant::now();
            let ran = trigger(&repository);
            assert_eq!(ran.code, 1, "{answer:?}: {}", ran.whole());
            assert!(
                ran.stdout.contains("no credentials for"),
                "{answer:?}: {}",
                ran.whole()
            );
            assert!(!ran.whole().contains("can"), "{answer:?}: {}", ran.whole());
            assert!(
                begun.elapsed() < Duration::from_secs(8),
                "{answer:?} waits for nobody"
            );
        }
        assert!(jenkins.requests().is_empty());
    });
}

#[test]
fn a_helper_that_hangs_is_ended_with_all_that_it_started() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let started = home.path("started");
    write_helper(
        &home,
        &format!("echo $$ > '{}'; sleep 1000 & wait", started.display()),
    );
    let ran = trigger(&repository);
    assert_eq!(ran.code, 1);
    filtered(&home, || {
        assert_snapshot!(ran.whole(), @"
    exit code: 1
    ----- stdout -----
    held main → shop/deploy: no credentials for http://[JENKINS]/ (git credential fill failed: no answer within 10 s); to log in: jenkins-trigger login http://[JENKINS]/
    ----- stderr -----
    ");
    });
    let helper = fs::read_to_string(started).expect("its process id");
    let alive = fs::read_to_string(format!("/proc/{}/stat", helper.trim()));
    assert!(
        alive.is_err() || alive.is_ok_and(|stat| stat.contains(") Z ")),
        "it was ended"
    );
}

/// Only the user's and the system's config say which programs see what is asked.
#[test]
fn a_repositorys_own_config_names_no_helper() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = ready(home, &short_file(&jenkins));
        write_helper(home, "");
        let ran_it = home.path("ran");
        let evil = home.path("evil");
        let script = format!(
            "#!/bin/sh\ntouch '{}'\necho username=eve\necho password=x\n",
            ran_it.display()
        );
        write_script(&evil, script, 0o755);
        let evil = evil.display().to_string();
        repository.git(&["config", "credential.helper", &evil]);
        repository.git(&["config", &format!("credential.{}.helper", jenkins.url()), &evil]);
        let ran = repository.tool_in(&["trigger"], |command| {
            bare(command)
                .env("GIT_DIR", repository.path(".git"))
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", "credential.helper")
                .env("GIT_CONFIG_VALUE_0", &evil);
        });
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(!ran_it.exists(), "the repository's helper was run");
    });
}

#[test]
fn a_helper_for_another_server_has_nothing_to_say() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    write_helper(&home, &answering(&jenkins, USER, TOKEN));
    let settings = home.path("home");
    home.git(
        &settings,
        &["config", "--global", "--unset-all", "credential.helper"],
    );
    home.git(
        &settings,
        &[
            "config",
            "--global",
            "credential.https://github.com.helper",
            "scripted",
        ],
    );
    assert_eq!(trigger(&repository).code, 1);
    // So nobody need be asked to know that.
    repository.install();
    let told = login_helpers::commit(&repository, "first").stderr;
    assert!(told.contains("not sent: no credentials for"), "{told}");
    home.git(
        &settings,
        &[
            "config",
            "--global",
            &format!("credential.{}.helper", jenkins.url()),
            "scripted",
        ],
    );
    trigger(&repository).succeeded();
}

/// Whoever may look at the processes of this machine sees no secret in them.
#[test]
fn neither_git_nor_its_helpers_get_a_secret_they_are_not_asked_to_keep() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = ready(home, &short_file(&jenkins));
        let seen = home.path("seen");
        let look = format!(
            "for process in $$ $PPID $(cut -d' ' -f4 /proc/$PPID/stat); do\n\
             cat /proc/$process/cmdline; tr '\\0' '\\n' < /proc/$process/cmdline\n\
             [ $(readlink /proc/$process/exe) = {} ] || cat /proc/$process/environ\n\
             done >> '{}'\nprintf '%s' \"$asked\" >> '{}'",
            program().display(),
            seen.display(),
            seen.display()
        );
        write_helper(home, &look);
        let file = home.path("token");
        fs::write(&file, "url=https://ci.example.com\nada:canary-file\n").expect("a file");
        repository.tool_in(&["trigger"], |command| {
            bare(command)
                .env("JENKINS_API_TOKEN", "canary-token")
                .env("JENKINS_TRIGGER_TOKEN_DEPLOY", "canary-job")
                .env("JENKINS_TRIGGER_TOKEN_FILE", &file);
        });
        let seen = fs::read(&seen).expect("what it saw");
        let seen = String::from_utf8_lossy(&seen);
        assert!(
            seen.contains("GIT_TERMINAL_PROMPT=0") && seen.contains("host=127.0.0.1"),
            "{seen}"
        );
        assert!(!seen.contains("canary"), "{seen}");
    });
}

/// 1,000 triggers of one pass ask once.
#[test]
fn a_helper_is_asked_once_by_a_pass_however_much_waits() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let file = format!(
        "version: 1\nserver: {}\njobs:\n{}",
        jenkins.url(),
        (0..5)
            .map(|number| format!(
                "  - {{ job: shop/deploy, parameters: {{ NOTE: \"{number}\" }}, strict_parameters: false }}\n"
            ))
            .collect::<String>()
    );
    let repository = ready(&home, &file);
    let asked = home.path("asked");
    let answer = answering(&jenkins, USER, TOKEN);
    write_helper(&home, &format!("echo once >> '{}'\n{answer}", asked.display()));
    trigger(&repository).succeeded();
    assert_eq!(jenkins.posts().len(), 5);
    let asked = fs::read_to_string(asked).expect("a file");
    assert_eq!(asked, "once\n");
}

/// Some of them ask the server that they are asked about.
#[test]
fn no_helper_is_asked_about_a_server_that_is_not_trusted() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.commit("first");
    let asked = home.path("asked");
    write_helper(&home, &format!(": >'{}'", asked.display()));
    let questions: [&[&str]; 4] = [
        &["check"],
        &["check", "--json"],
        &["status"],
        &["trigger", "--dry-run"],
    ];
    let ask = |question: &[&str]| {
        let ran = repository.tool_in(question, |command| {
            bare(command);
        });
        assert!(ran.code < 2, "{question:?}: {}", ran.whole());
        let was_asked = asked.exists();
        let _ = fs::remove_file(&asked);
        was_asked
    };
    for question in questions {
        assert!(!ask(question), "{question:?}");
    }
    repository.tool(&["trust"]).succeeded();
    for question in questions {
        assert!(ask(question), "{question:?}");
    }
}
