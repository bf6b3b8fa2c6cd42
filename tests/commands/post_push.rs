//! `install post-push`: where it goes, that nothing of ours can stop a push, and rules that would
//! fire for a commit and again for its push.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::helpers::{
    assert_same, filtered, home, listing, put_hook, with_each_config_git, with_each_older_git,
};
use crate::support::{Home, Ran, Repository, program, with_each_git};

const FILE: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n";

/// A repository with a commit and a bare repository as its `origin`.
fn with_origin<'a>(home: &'a Home, name: &str, file: &str) -> Repository<'a> {
    let origin = home.path(format!("{name}.git"));
    let origin = origin.to_str().expect("UTF-8");
    home.git(&home.path(""), &["init", "-q", "--bare", origin]);
    let repository = home.repository(name, file);
    repository.git(&["remote", "add", "origin", origin]);
    repository.commit("first");
    repository
}

fn push(repository: &Repository<'_>) -> Ran {
    repository.commit("more");
    repository.try_git(&["push", "-q", "origin", "main"])
}

fn is_pushed(repository: &Repository<'_>) -> bool {
    let there = repository.git(&["ls-remote", "origin", "refs/heads/main"]).stdout;
    there.starts_with(&repository.head())
}

/// What was printed, without what the next release or another machine would print.
fn unversioned(home: &Home, ran: &Ran) -> String {
    ran.whole()
        .replace(&home.git.version, "[VERSION]")
        .replace(env!("CARGO_PKG_VERSION"), "[OUR VERSION]")
}

fn pre_push(repository: &Repository<'_>) -> PathBuf {
    repository.hooks().join("pre-push")
}

#[test]
fn without_an_event_it_is_post_push() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let ran = repository.tool(&["install", "--yes"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        installed [HOME]/shop/.git/hooks/pre-push
        ----- stderr -----
        a push with --no-verify, or by a client that runs no hooks, is not seen; for those: jenkins-trigger push
        trusted: https://ci.example.com/ may be sent your credentials from here
        allowed: shop/deploy on https://ci.example.com/ (api)
        ");
    });
    let status = repository.tool(&["status"]);
    filtered(&home, || {
        insta::assert_snapshot!(unversioned(&home, &status), @"
        exit code: 0
        ----- stdout -----
        git       [VERSION], hooks in [HOME]/shop/.git/hooks (core.hooksPath is not set)
        EVENT        GIT HOOK      STATE    FROM
        post-commit  post-commit   nothing
        post-commit  post-merge    nothing
        post-commit  post-rewrite  nothing
        post-push    pre-push      ours     [HOME]/shop/.git/hooks/pre-push
        program   [PROGRAM] ([OUR VERSION])
        file      .jenkins-trigger.yml
        server    https://ci.example.com/ trusted; credentials of dev from JENKINS_API_TOKEN
        triggers  0 waiting, 0 failed
        ----- stderr -----
        ");
    });
}

#[test]
fn without_an_event_a_bare_repository_gets_post_receive_and_it_may_have_both() {
    with_each_git(|home| {
        let bare = home.path("shop.git");
        home.git(&home.path(""), &["init", "-q", "--bare", "shop.git"]);
        home.tool(&bare, &["install"]).succeeded();
        assert!(bare.join("hooks/post-receive").exists() && !bare.join("hooks/pre-push").exists());
        home.tool(&bare, &["install", "post-push"]).succeeded();
        assert!(bare.join("hooks/pre-push").exists());
        home.tool(&bare, &["status"]).succeeded();
        home.tool(&bare, &["uninstall"]).succeeded();
        assert!(!bare.join("hooks/post-receive").exists() && !bare.join("hooks/pre-push").exists());
    });
}

#[test]
fn for_every_repository_too_it_is_post_push() {
    with_each_config_git(|home| {
        let ran = home
            .tool(&home.path("home"), &["install", "--global"])
            .succeeded();
        assert_eq!(
            ran.stdout,
            "installed hook.jenkins-trigger in the global git config, for pre-push\n"
        );
        let repository = home.repository("shop", "");
        let listed = repository.git(&["hook", "list", "pre-push"]).stdout;
        assert_eq!(listed, "jenkins-trigger\n");
        home.tool(&home.path("home"), &["uninstall", "--global"])
            .succeeded();
    });
    with_each_older_git(|home| {
        let folder = home.path("home/hooks");
        home.git(
            &home.path("home"),
            &[
                "config",
                "--global",
                "core.hooksPath",
                folder.to_str().expect("UTF-8"),
            ],
        );
        home.tool(&home.path("home"), &["install", "--global", "--via", "file"])
            .succeeded();
        assert!(folder.join("pre-push").exists());
        home.tool(&home.path("home"), &["uninstall", "--global"])
            .succeeded();
        assert!(!folder.exists());
    });
}

#[test]
fn install_and_uninstall_leave_everything_as_it_was() {
    with_each_git(|home| {
        for mine in [None, Some("#!/bin/sh\ncat >/dev/null\n")] {
            let repository = with_origin(home, &format!("shop-{}", mine.is_some()), FILE);
            if let Some(mine) = mine {
                put_hook(&pre_push(&repository), mine, 0o750);
            }
            let before = listing(&repository.path(".git"));
            repository.tool(&["install", "post-push"]).succeeded();
            assert_ne!(listing(&repository.path(".git")), before);
            repository
                .tool(&["install", "post-push", "post-commit"])
                .succeeded();
            repository.tool(&["uninstall"]).succeeded();
            assert_same(&listing(&repository.path(".git")), &before);
        }
    });
}

/// The hook that was there: it writes down what git tells it, and refuses if it is told to.
const MINE: &str = "#!/bin/sh\n{ echo \"$@\"; cat; } >.git/told\n[ ! -e .git/refuse ]\n";

#[test]
fn a_hook_that_was_there_is_told_of_the_push_and_may_refuse_it() {
    with_each_git(|home| {
        let repository = with_origin(home, "shop", FILE);
        put_hook(&pre_push(&repository), MINE, 0o755);
        push(&repository).succeeded();
        let alone = fs::read_to_string(repository.path(".git/told")).expect("what it was told");
        repository.tool(&["install"]).succeeded();
        let before = repository.head();
        push(&repository).succeeded();
        assert!(is_pushed(&repository));
        let told = fs::read_to_string(repository.path(".git/told")).expect("what it was told");
        let after = repository.head();
        assert_eq!(
            told,
            format!(
                "{}\nrefs/heads/main {after} refs/heads/main {before}\n",
                alone.lines().next().unwrap_or_default()
            )
        );
        repository.write(".git/refuse", "");
        assert_eq!(push(&repository).code, 1);
        assert!(!is_pushed(&repository));
    });
}

/// Programs that are not what was installed: gone, not to be started, for another system, failing.
const BROKEN: [(&str, Option<&str>); 5] = [
    ("gone", None),
    ("no-interpreter", Some("#!/nowhere/sh\n")),
    ("no-program", Some("\u{7f}ELF\u{1}\n")),
    ("failing", Some("#!/bin/sh\nexit 3\n")),
    ("killed", Some("#!/bin/sh\nkill -9 $$\n")),
];

/// Installs, and puts the broken program where the hook looks for its own.
fn break_program(repository: &Repository<'_>, name: &str, content: Option<&str>) {
    repository
        .tool(&["install", "--via", "file", "post-push"])
        .succeeded();
    let broken = repository.home.path(format!("broken-{name}"));
    if let Some(content) = content {
        put_hook(&broken, content, 0o755);
    }
    let hook = pre_push(repository);
    let script = fs::read_to_string(&hook).expect("the hook");
    let own = program().display().to_string();
    assert!(script.contains(&own), "{script}");
    put_hook(&hook, script.replace(&own, &broken.display().to_string()), 0o755);
}

#[test]
fn a_program_that_is_broken_stops_no_push() {
    with_each_git(|home| {
        for (name, content) in BROKEN {
            let repository = with_origin(home, name, FILE);
            break_program(&repository, name, content);
            let ran = push(&repository);
            assert_eq!(ran.code, 0, "{name}: {}", ran.whole());
            assert!(is_pushed(&repository), "{name}");
        }
    });
}

#[test]
fn beside_a_broken_program_the_hook_that_was_there_still_decides() {
    with_each_git(|home| {
        for (name, content) in BROKEN {
            let repository = with_origin(home, name, FILE);
            put_hook(&pre_push(&repository), MINE, 0o755);
            break_program(&repository, name, content);
            let ran = push(&repository);
            assert_eq!(ran.code, 0, "{name}: {}", ran.whole());
            assert!(is_pushed(&repository), "{name}");
            let told = fs::read_to_string(repository.path(".git/told")).expect("what it was told");
            assert!(told.contains(&repository.head()), "{name}: {told}");
            repository.write(".git/refuse", "");
            assert_eq!(push(&repository).code, 1, "{name}");
            assert!(!is_pushed(&repository), "{name}");
        }
    });
}

#[test]
fn a_broken_program_in_the_git_config_stops_no_push() {
    with_each_config_git(|home| {
        for (name, content) in BROKEN {
            let repository = with_origin(home, name, FILE);
            repository
                .tool(&["install", "--via", "config", "post-push"])
                .succeeded();
            let broken = home.path(format!("broken-{name}"));
            if let Some(content) = content {
                put_hook(&broken, content, 0o755);
            }
            let config = fs::read_to_string(repository.path(".git/config")).expect("the config");
            let own = program().display().to_string();
            assert!(config.contains(&own), "{config}");
            repository.write(".git/config", config.replace(&own, &broken.display().to_string()));
            let ran = push(&repository);
            assert_eq!(ran.code, 0, "{name}: {}", ran.whole());
            assert!(is_pushed(&repository), "{name}");
        }
    });
}

const RULES: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  \
                     - { name: both, job: a }\n  \
                     - { job: tags-only, tags: [\"v*\"] }\n  \
                     - { job: push-only, events: [post-push] }\n  \
                     - { job: commit-only, events: [post-commit, post-receive] }\n  \
                     - { job: named-both, events: [post-commit, post-push], branches: [main] }\n";

#[test]
fn rules_that_would_fire_for_a_commit_and_again_for_its_push_are_named() {
    let home = home();
    let repository = home.repository("shop", RULES);
    let first = repository.tool(&["install", "--yes", "post-commit"]).succeeded();
    let quiet = |ran: &Ran| assert!(!ran.stderr.contains("again when it is pushed"), "{}", ran.whole());
    quiet(&first);
    quiet(&repository.tool(&["check"]).succeeded());
    quiet(&repository.tool(&["status"]).succeeded());

    let second = repository.tool(&["install", "--yes", "post-push"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(second.stderr, @"
        a push with --no-verify, or by a client that runs no hooks, is not seen; for those: jenkins-trigger push
        warning: post-commit and post-push are both installed, so a commit builds once when it is made and again when it is pushed: both (line 4), named-both (line 8); for the push only, write `events: [post-push]` in the rule, or `defaults: { events: [post-push] }` at the top of the file for all
        ");
    });
    let warning = second
        .stderr
        .lines()
        .find(|line| line.starts_with("warning: "))
        .expect("a warning");
    for command in ["check", "status"] {
        let ran = repository.tool(&[command]).succeeded();
        assert!(ran.stderr.lines().any(|line| line == warning), "{}", ran.whole());
        let ran = repository.tool(&[command, "--json"]).succeeded();
        let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let warnings = report["warnings"].as_array().expect("warnings");
        assert_eq!(warnings.len(), 1, "{}", ran.whole());
        assert_eq!(
            format!("warning: {}", warnings[0].as_str().expect("a text")),
            warning
        );
    }
}

#[test]
fn what_the_warning_says_makes_them_fire_once() {
    let home = home();
    let short = FILE.replace("jobs:", "defaults: { events: [post-push] }\njobs:");
    let long = RULES
        .replace("job: a }", "job: a, events: [post-push] }")
        .replace("[post-commit, post-push]", "[post-push]");
    for (name, file) in [("short", short), ("long", long)] {
        let repository = home.repository(name, &file);
        let ran = repository
            .tool(&["install", "--yes", "post-commit", "post-push"])
            .succeeded();
        let check = repository.tool(&["check"]).succeeded();
        for ran in [ran, check, repository.tool(&["status"]).succeeded()] {
            assert!(!ran.stderr.contains("warning"), "{}", ran.whole());
        }
    }
}

/// What git does not run does not fire.
#[test]
fn a_hook_that_git_does_not_run_makes_nothing_fire_twice() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository
        .tool(&["install", "--yes", "post-commit", "post-push"])
        .succeeded();
    for ran in [repository.tool(&["status"]), repository.tool(&["check"])] {
        assert!(ran.stderr.contains("again when it is pushed"), "{}", ran.whole());
    }
    fs::remove_file(pre_push(&repository)).expect("the hook");
    for ran in [repository.tool(&["status"]), repository.tool(&["check"])] {
        assert!(!ran.stderr.contains("again when it is pushed"), "{}", ran.whole());
    }
}

/// The command that helps names the event that is installed.
#[test]
fn status_says_how_to_get_a_hook_back_that_is_gone() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository
        .tool(&["install", "--yes", "post-commit", "post-push"])
        .succeeded();
    put_hook(&pre_push(&repository), "#!/bin/sh\nexit 0\n", 0o755);
    let merge = repository.hooks().join("post-merge");
    put_hook(&merge, "#!/bin/sh\nexit 0\n", 0o755);
    let ran = repository.tool(&["status"]);
    filtered(&home, || {
        insta::assert_snapshot!(unversioned(&home, &ran), @"
        exit code: 1
        ----- stdout -----
        git       [VERSION], hooks in [HOME]/shop/.git/hooks (core.hooksPath is not set)
        EVENT        GIT HOOK      STATE    FROM
        post-commit  post-commit   ours     [HOME]/shop/.git/hooks/post-commit
        post-commit  post-merge    foreign  [HOME]/shop/.git/hooks/post-merge
        post-commit  post-rewrite  ours     [HOME]/shop/.git/hooks/post-rewrite
        post-push    pre-push      foreign  [HOME]/shop/.git/hooks/pre-push
        program   [PROGRAM] ([OUR VERSION])
        file      .jenkins-trigger.yml
        server    https://ci.example.com/ trusted; credentials of dev from JENKINS_API_TOKEN
        triggers  0 waiting, 0 failed
        ----- stderr -----
        error: git runs [HOME]/shop/.git/hooks/post-merge on post-merge, and not jenkins-trigger
        help: jenkins-trigger install post-commit
        ");
    });
}

/// In a file that others have too: those who have no program can push, and those whose is broken.
#[test]
fn the_lines_for_other_tools_cannot_stop_a_push() {
    let home = home();
    let repository = home.repository("shop", "");
    let refused = |hook: &str| {
        put_hook(&pre_push(&repository), hook, 0o755);
        repository.tool(&["install", "--via", "file", "post-push"])
    };
    let by_name = refused("#!/bin/sh\n[ \"$(basename \"$0\")\" = pre-push ]\n");
    let overcommit = refused("#!/usr/bin/env ruby\nif ENV['OVERCOMMIT_DISABLE']\n");
    let lefthook = refused("#!/bin/sh\ncall_lefthook run \"pre-push\" \"$@\"\n");
    filtered(&home, || {
        insta::assert_snapshot!(by_name.stderr, @r#"
        error: [HOME]/shop/.git/hooks/pre-push works under its own name only, so it cannot be moved aside; nothing was changed
        help: if it is a shell script, add these lines to it, before all else:
        pushed=$(cat)
        if [ -x [PROGRAM] ]; then printf '%s\n' "$pushed" | [PROGRAM] hook pre-push "$@" || :; fi
        [ -z "$pushed" ] || exec <<END
        $pushed
        END
        then: jenkins-trigger install post-push
        or, with git 2.54 or newer: jenkins-trigger install post-push --via config
        "#);
        insta::assert_snapshot!(overcommit.stderr, @r#"
        error: [HOME]/shop/.git/hooks/pre-push works under its own name only, so it cannot be moved aside; nothing was changed
        help: in .overcommit.yml, with scripts of yours that git tracks, and then: overcommit --sign
        PrePush:
          JenkinsTrigger:
            enabled: true
            required_executable: ./scripts/jenkins-trigger-pre-push
        in each script: if command -v jenkins-trigger >/dev/null; then jenkins-trigger hook pre-push "$@" || :; fi
        or, with git 2.54 or newer: jenkins-trigger install post-push --via config
        "#);
        insta::assert_snapshot!(lefthook.stderr, @r#"
        the hook that was there runs first, from [HOME]/shop/.git/hooks/pre-push.before-jenkins-trigger
        warning: lefthook moves it away again when its own file changes; to make it last, write
        in lefthook.yml or lefthook-local.yml, and then: lefthook install
        pre-push:
          jobs:
            - name: jenkins-trigger
              run: if command -v jenkins-trigger >/dev/null; then jenkins-trigger hook pre-push "{1}" "{2}" || :; fi
              use_stdin: true
        a push with --no-verify, or by a client that runs no hooks, is not seen; for those: jenkins-trigger push
        there is no .jenkins-trigger.yml yet; write one, then: jenkins-trigger trust
        "#);
    });
}

/// As in `git lfs pre-push`, which reads what git says.
const READS: &str = "cat >.git/told\n[ ! -e .git/refuse ]\n";

/// The lines are in a script that others have too, whose own commands read the same.
#[track_caller]
fn assert_both_are_told(repository: &Repository<'_>) {
    let ran = push(repository);
    assert_eq!(ran.code, 0, "{}", ran.whole());
    let told = fs::read_to_string(repository.path(".git/told")).expect("what it was told");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains(&repository.head()), "{told}");
    let ours = fs::read_to_string(repository.home.path("ours")).expect("what ours was told");
    assert_eq!(ours, told);
    repository.write(".git/refuse", "");
    assert_eq!(push(repository).code, 1);
    assert!(!is_pushed(repository));
}

/// A program by our name that writes down what it is told, and fails.
fn listener(home: &Home) -> PathBuf {
    let path = home.path("bin/jenkins-trigger");
    let script = format!("#!/bin/sh\ncat >'{}'\nexit 3\n", home.path("ours").display());
    put_hook(&path, script, 0o755);
    path
}

#[test]
fn the_lines_that_a_refusal_names_leave_the_rest_of_the_script_what_git_says() {
    with_each_git(|home| {
        let repository = with_origin(home, "shop", FILE);
        let script = format!("#!/bin/sh\nname=$(basename \"$0\")\n{READS}");
        put_hook(&pre_push(&repository), &script, 0o755);
        let ran = repository.tool(&["install", "--via", "file", "post-push"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        let (_, lines) = ran.stderr.split_once("before all else:\n").expect("lines");
        let (lines, _) = lines.split_once("then: ").expect("the end of them");
        let lines = lines.replace(
            &program().display().to_string(),
            &listener(home).display().to_string(),
        );
        put_hook(
            &pre_push(&repository),
            script.replacen('\n', &format!("\n{lines}"), 1),
            0o755,
        );
        repository
            .tool(&["install", "--via", "file", "post-push"])
            .succeeded();
        assert_both_are_told(&repository);
    });
}

#[test]
fn the_lines_in_huskys_file_leave_its_commands_what_git_says() {
    with_each_git(|home| {
        let repository = with_origin(home, "shop", FILE);
        listener(home);
        let helper = "#!/usr/bin/env sh\nn=$(basename \"$0\")\ns=$(dirname \"$(dirname \"$0\")\")/$n\n\
                      [ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\nexit $?\n";
        put_hook(&repository.path(".husky/_/h"), helper, 0o755);
        put_hook(
            &repository.path(".husky/_/pre-push"),
            "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"",
            0o755,
        );
        repository.git(&["config", "core.hooksPath", ".husky/_"]);
        repository.write(".husky/pre-push", READS);
        let before = listing(&repository.path(".husky"));
        repository
            .tool(&["install", "--via", "file", "--yes", "post-push"])
            .succeeded();
        assert_both_are_told(&repository);
        repository.tool(&["uninstall"]).succeeded();
        assert_same(&listing(&repository.path(".husky")), &before);
    });
}
