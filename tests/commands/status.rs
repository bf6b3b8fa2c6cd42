//! What `status` says of the hooks, and that what it tells to do helps.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helpers::{
    command_after, filtered, home, put_hook, said, with_each_config_git, with_each_older_git,
};
use crate::support::{Home, Ran, Repository, copy_program, program, with_each_git};

const FILE: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n";
const FOREIGN: &str = "#!/bin/sh\necho somebody >&2\n";

/// Does what `help` lines say, one after the other, until all is well; the first `status`.
#[track_caller]
fn helped(repository: &Repository<'_>, problem: &str) -> Ran {
    helped_in(repository, problem, |_| {})
}

#[track_caller]
fn helped_in(repository: &Repository<'_>, problem: &str, change: impl Fn(&mut Command)) -> Ran {
    let first = repository.tool_in(&["status"], &change);
    assert_eq!(first.code, 1, "{}", first.whole());
    assert!(
        first.stderr.contains(problem),
        "no {problem:?} in\n{}",
        first.whole()
    );
    let mut now = first.clone();
    for _ in 0..4 {
        let fix = command_after(&now.stderr, "help: ");
        let script = match fix.strip_prefix("jenkins-trigger ") {
            Some(arguments) => format!("\"$0\" {arguments}"),
            None => fix.to_owned(),
        };
        let mut shell = repository.home.command("sh", &repository.folder);
        shell.args(["-c", &script]).arg(program());
        change(&mut shell);
        // Another thing may be wrong still; `status` tells.
        let ran = Ran::of(&mut shell);
        assert!(ran.code <= 1, "{script}\n{}", ran.whole());
        now = repository.tool_in(&["status"], &change);
        if now.code == 0 {
            return first;
        }
    }
    panic!("after all that help\n{}", now.whole());
}

#[test]
fn it_says_where_git_looks_and_that_all_three_hooks_fire() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    let ran = repository.all_well();
    let git = home.git.version.clone();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole().replace(&git, "[VERSION]").replace(env!("CARGO_PKG_VERSION"), "[OUR VERSION]"), @"
        exit code: 0
        ----- stdout -----
        git       [VERSION], hooks in [HOME]/shop/.git/hooks (core.hooksPath is not set)
        EVENT        GIT HOOK      STATE    FROM
        post-commit  post-commit   ours     [HOME]/shop/.git/hooks/post-commit
        post-commit  post-merge    ours     [HOME]/shop/.git/hooks/post-merge
        post-commit  post-rewrite  ours     [HOME]/shop/.git/hooks/post-rewrite
        post-push    pre-push      nothing
        program   [PROGRAM] ([OUR VERSION])
        file      .jenkins-trigger.yml
        server    https://ci.example.com/ trusted; credentials of dev from JENKINS_API_TOKEN
        triggers  0 waiting, 0 failed
        ----- stderr -----
        ");
    });
}

#[test]
fn with_json_it_prints_one_object() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    fs::remove_file(repository.hooks().join("post-merge")).expect("removed");
    put_hook(&repository.hooks().join("post-rewrite"), FOREIGN, 0o755);
    let ran = repository.tool(&["status", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{}", ran.whole());
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one object");
    let mut pretty = serde_json::to_string_pretty(&report).expect("JSON");
    pretty = pretty.replace(&home.git.version, "[VERSION]");
    pretty = pretty.replace(env!("CARGO_PKG_VERSION"), "[OUR VERSION]");
    filtered(&home, || {
        insta::assert_snapshot!(pretty, @r#"
        {
          "failed": 0,
          "failing": 0,
          "file": true,
          "git": "[VERSION]",
          "held": 0,
          "hooks": [
            {
              "entries": [
                {
                  "from": "[HOME]/shop/.git/hooks/post-commit",
                  "note": null,
                  "program": "[PROGRAM]",
                  "whose": "ours"
                }
              ],
              "hook": "post-commit"
            },
            {
              "entries": [],
              "hook": "post-merge"
            },
            {
              "entries": [
                {
                  "from": "[HOME]/shop/.git/hooks/post-rewrite",
                  "note": null,
                  "program": null,
                  "whose": "foreign"
                }
              ],
              "hook": "post-rewrite"
            },
            {
              "entries": [],
              "hook": "pre-push"
            }
          ],
          "hooks_folder": "[HOME]/shop/.git/hooks",
          "hooks_path": null,
          "installed": true,
          "last": [],
          "problems": [
            {
              "help": "jenkins-trigger install post-commit",
              "message": "git runs nothing on post-merge, which post-commit needs too"
            },
            {
              "help": "jenkins-trigger install post-commit",
              "message": "git runs [HOME]/shop/.git/hooks/post-rewrite on post-rewrite, and not jenkins-trigger"
            }
          ],
          "programs": [
            {
              "instead": null,
              "path": "[PROGRAM]",
              "version": "[OUR VERSION]"
            }
          ],
          "servers": [
            {
              "held": [],
              "held_rules": 0,
              "job_tokens": [],
              "rules": 1,
              "server": "https://ci.example.com/",
              "source": "JENKINS_API_TOKEN",
              "trusted": true,
              "user": "dev"
            }
          ],
          "undecided": 0,
          "under_way": 0,
          "unreadable": [],
          "waiting": 0,
          "warnings": []
        }
        "#);
    });
}

#[test]
fn nothing_installed_is_no_problem_until_there_is_a_file() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.all_well();
        repository.write(".jenkins-trigger.yml", FILE);
        helped(
            &repository,
            "there is a .jenkins-trigger.yml, and no hook that reads it",
        );
    });
}

#[test]
fn a_hooks_path_of_any_scope_that_hides_ours_is_named_and_put_right() {
    with_each_git(|home| {
        for scope in ["local", "worktree", "global"] {
            let repository = home.repository(scope, "");
            repository.git(&["config", "extensions.worktreeConfig", "true"]);
            repository.install();
            repository.git(&[
                "config",
                &format!("--{scope}"),
                "core.hooksPath",
                "/opt/company/hooks",
            ]);
            let problem =
                format!("core.hooksPath is set to \"/opt/company/hooks\" in the {scope} git config");
            if scope == "global" {
                helped(&repository, &problem);
                assert_eq!(repository.firings(), 1, "{scope}");
                continue;
            }
            // The folder is the repository's own, so it would be used.
            let value = repository
                .path(format!(".git/{scope}-hooks"))
                .display()
                .to_string();
            repository.git(&["config", &format!("--{scope}"), "core.hooksPath", &value]);
            helped(&repository, "core.hooksPath is set to");
            assert_eq!(repository.firings(), 1, "{scope}");
        }
    });
}

#[test]
fn a_hooks_path_of_the_machine_that_hides_ours_is_named_and_put_right() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.install();
        let system = home.path("system-config");
        fs::write(&system, "[core]\n\thooksPath = /opt/company/hooks\n").expect("a config");
        helped_in(&repository, "in the system git config", |command| {
            command
                .env("GIT_CONFIG_NOSYSTEM", "0")
                .env("GIT_CONFIG_SYSTEM", &system);
        });
    });
}

#[test]
fn a_hooks_path_of_one_command_is_named_and_said_to_be_left_out() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.install();
        let ran = repository.tool_in(&["status"], |command| {
            command.env("GIT_CONFIG_PARAMETERS", "'core.hooksPath'='/opt/company/hooks'");
        });
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(
            ran.stderr.contains("in the command git config"),
            "{}",
            ran.whole()
        );
        assert!(
            home.git.supports(2, 54) || ran.stderr.contains("help: leave out `-c core.hooksPath=...`"),
            "{}",
            ran.whole()
        );
    });
}

#[test]
fn a_hooks_path_that_is_empty_or_dev_null_after_install_is_put_right() {
    with_each_git(|home| {
        for (name, value) in [("empty", ""), ("null", "/dev/null")] {
            let repository = home.repository(name, "");
            repository.install();
            repository.git(&["config", "core.hooksPath", value]);
            assert_eq!(repository.firings(), 0);
            helped(&repository, &format!("core.hooksPath is set to {value:?}"));
            assert_eq!(repository.firings(), 1);
        }
    });
}

#[test]
fn a_hook_in_the_folder_that_no_longer_fires_is_named_and_put_right() {
    type Break = fn(&Path);
    let cases: [(&str, &str, Break); 6] = [
        ("run-bit", "it has no run bit", |hooks| {
            let hook = hooks.join("post-commit");
            fs::set_permissions(hook, fs::Permissions::from_mode(0o644)).expect("a mode");
        }),
        ("foreign", "and not jenkins-trigger", |hooks| {
            put_hook(&hooks.join("post-commit"), FOREIGN, 0o755);
        }),
        ("renamed", "post-commit.old: nobody runs it", |hooks| {
            fs::rename(hooks.join("post-commit"), hooks.join("post-commit.old")).expect("renamed");
        }),
        ("taken-over", "and not [HOOKS]/post-commit.old", |hooks| {
            fs::rename(hooks.join("post-commit"), hooks.join("post-commit.old")).expect("renamed");
            put_hook(&hooks.join("post-commit"), FOREIGN, 0o755);
        }),
        (
            "missing",
            "git runs nothing on post-merge, which post-commit needs too",
            |hooks| {
                fs::remove_file(hooks.join("post-merge")).expect("removed");
            },
        ),
        (
            "not-executable-foreign",
            "git runs nothing on post-rewrite",
            |hooks| {
                put_hook(&hooks.join("post-rewrite"), FOREIGN, 0o644);
            },
        ),
    ];
    with_each_git(|home| {
        for (name, problem, break_it) in cases {
            for (number, hooks_path) in [None, Some(".githooks"), Some(".git/hooks")]
                .into_iter()
                .enumerate()
            {
                let repository = home.repository(&format!("{name}-{number}"), "");
                if let Some(value) = hooks_path {
                    repository.git(&["config", "core.hooksPath", value]);
                }
                repository.install();
                let hooks = repository.path(hooks_path.unwrap_or(".git/hooks"));
                break_it(&hooks);
                let first = helped(
                    &repository,
                    &problem.replace("[HOOKS]", &hooks.display().to_string()),
                );
                assert!(!first.stderr.contains("core.hooksPath"), "{}", first.whole());
                assert_eq!(repository.firings(), 1, "{name}");
            }
        }
    });
}

fn moved_program(home: &Home) -> PathBuf {
    let copy = home.path("programs/jenkins-trigger");
    fs::create_dir_all(home.path("programs")).expect("a folder");
    copy_program(program(), &copy);
    copy
}

#[test]
fn a_program_that_is_gone_is_a_problem_unless_another_is_on_the_path() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        let copy = moved_program(home);
        let mut install = home.command(&copy, &repository.folder);
        Ran::of(install.args(["install", "post-commit"])).succeeded();
        repository.all_well();
        fs::rename(&copy, home.path("bin/jenkins-trigger")).expect("moved");
        let ran = repository.all_well();
        let instead = format!(
            "gone; {} is run instead",
            home.path("bin/jenkins-trigger").display()
        );
        assert!(ran.stdout.contains(&instead), "{}", ran.whole());
        assert_eq!(repository.firings(), 1);
        fs::remove_file(home.path("bin/jenkins-trigger")).expect("removed");
        helped(&repository, &format!("{}, which is gone", copy.display()));
        assert_eq!(repository.firings(), 1);
    });
}

#[test]
fn a_config_hook_that_is_switched_off_in_any_scope_is_named_and_put_right() {
    with_each_config_git(|home| {
        for scope in ["--local", "--global"] {
            for key in ["hook.jenkins-trigger.enabled", "hook.post-commit.enabled"] {
                if key == "hook.post-commit.enabled" && !home.git.supports(2, 55) {
                    continue;
                }
                let repository = home.repository("shop", "");
                repository
                    .tool(&["install", "--via", "config", "post-commit"])
                    .succeeded();
                repository.git(&["config", scope, key, "false"]);
                assert_eq!(repository.firings(), 0);
                helped(&repository, &format!("switched off by {key}"));
                assert_eq!(repository.firings(), 1);
                fs::remove_dir_all(&repository.folder).expect("removed");
            }
        }
    });
}

#[test]
fn a_hook_that_git_would_run_twice_is_named_and_put_right() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        repository.install();
        home.tool(&home.path("home"), &["install", "--global", "post-commit"])
            .succeeded();
        helped(
            &repository,
            "git runs it twice on post-commit: by global git config",
        );
        assert!(!repository.hooks().join("post-commit").exists());
    });
}

#[test]
fn a_hook_that_was_moved_aside_and_is_not_run_is_said_and_is_no_problem() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        put_hook(&repository.hooks().join("post-commit"), FOREIGN, 0o755);
        repository.install();
        let aside = repository.hooks().join("post-commit.before-jenkins-trigger");
        let ran = repository.all_well();
        assert!(
            ran.stdout.contains(&format!("(after {})", aside.display())),
            "{}",
            ran.whole()
        );
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o644)).expect("a mode");
        let ran = repository.all_well();
        assert!(
            ran.stdout.contains(&format!("({} is not run)", aside.display())),
            "{}",
            ran.whole()
        );
        let commit = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        assert_eq!(said(&commit).len(), 1, "{}", commit.whole());
        assert!(!commit.stderr.contains("somebody"), "{}", commit.whole());
    });
}

#[test]
fn ours_below_pre_commits_own_hook_is_seen() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.install();
        for hook in ["post-commit", "post-merge", "post-rewrite"] {
            let path = repository.hooks().join(hook);
            let legacy = repository.hooks().join(format!("{hook}.legacy"));
            fs::rename(&path, &legacy).expect("renamed");
            put_hook(
                &path,
                "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\nexec \"$0.legacy\" \"$@\"\n",
                0o755,
            );
        }
        let ran = repository.all_well();
        assert!(
            ran.stdout.contains("below") && ran.stdout.contains("post-merge.legacy below it"),
            "{}",
            ran.whole()
        );
        fs::set_permissions(
            repository.hooks().join("post-merge.legacy"),
            fs::Permissions::from_mode(0o644),
        )
        .expect("a mode");
        assert_eq!(repository.tool(&["status"]).code, 1);
    });
}

#[test]
fn in_a_bare_repository_post_receive_is_what_counts() {
    with_each_git(|home| {
        let repository = home.repository_with("shop.git", "", &["--bare"]);
        repository.tool(&["install"]).succeeded();
        let ran = repository.all_well();
        assert!(
            ran.stdout.contains("post-receive") && !ran.stdout.contains("post-commit"),
            "{}",
            ran.whole()
        );
        put_hook(&repository.path("hooks/post-receive"), FOREIGN, 0o755);
        // A foreign hook alone is nobody's problem: nothing of ours is left.
        assert_eq!(repository.tool(&["status"]).code, 0);
        repository.tool(&["install"]).succeeded();
        repository.git(&["config", "--global", "core.hooksPath", "/opt/company/hooks"]);
        helped(&repository, "in the global git config");
    });
}

#[test]
fn below_git_2_54_the_help_for_a_shared_hooks_path_is_a_hooks_path_of_its_own() {
    with_each_older_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.git(&["config", "--global", "core.hooksPath", "/opt/company/hooks"]);
        let ran = helped(&repository, "no hook that reads it");
        assert_eq!(
            command_after(&ran.stderr, "help: "),
            format!(
                "git config --local core.hooksPath {}",
                repository.hooks().display()
            )
        );
    });
}

/// An unpacked repository may bring a hook of our looks, with a program of its own in it.
#[test]
fn a_program_that_lies_in_the_repository_is_not_run_to_be_looked_at() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    let brought = repository.path("jenkins-trigger");
    let marker = home.path("it-ran");
    fs::write(&brought, format!("#!/bin/sh\ntouch '{}'\n", marker.display())).expect("a program");
    fs::set_permissions(&brought, fs::Permissions::from_mode(0o755)).expect("a mode");
    for hook in ["post-commit", "post-merge", "post-rewrite"] {
        let path = repository.hooks().join(hook);
        let script = fs::read_to_string(&path).expect("the hook");
        let own = program().display().to_string();
        fs::write(&path, script.replace(&own, &brought.display().to_string())).expect("the hook");
    }
    let ran = repository.tool(&["status"]);
    assert!(ran.stdout.contains("not asked"), "{}", ran.whole());
    assert!(!marker.exists());
}

/// As somebody's own hand, or a config that was merged, may leave it.
#[test]
fn half_a_hook_in_the_git_config_is_named_and_put_right() {
    with_each_config_git(|home| {
        for scope in ["--local", "--global"] {
            let repository = home.repository(&format!("shop{scope}"), "");
            repository.git(&["config", scope, "hook.jenkins-trigger.event", "post-commit"]);
            let told = helped(&repository, "events and no command");
            assert!(told.stderr.contains("fails"), "{}", told.whole());
            repository.git(&["commit", "--allow-empty", "-m", "works again"]);
        }
    });
}
