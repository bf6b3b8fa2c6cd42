//! Hooks of other tools and of the user: what install does with each, and with the oddities that
//! git itself bears with.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use crate::helpers::{assert_same, home, listing, put_hook, said, with_each_config_git, with_each_older_git};
use crate::support::{Home, Ran, Repository, with_each_git};

const HOOKS: [&str; 3] = ["post-commit", "post-merge", "post-rewrite"];
const MINE: &str = "#!/bin/sh\necho mine >&2\n";
const HUSKY_YES: [&str; 5] = ["install", "--via", "file", "--yes", "post-commit"];

/// What husky 9 leaves behind: a folder that it writes anew, whose hooks run the user's.
fn with_husky(home: &Home) -> Repository<'_> {
    let repository = home.repository("shop", "");
    let helper = "#!/usr/bin/env sh\nn=$(basename \"$0\")\ns=$(dirname \"$(dirname \"$0\")\")/$n\n\
                  [ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\nexit $?\n";
    put_hook(&repository.path(".husky/_/h"), helper, 0o755);
    for hook in HOOKS {
        let content = "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"";
        put_hook(&repository.path(".husky/_").join(hook), content, 0o755);
    }
    repository.write(".husky/_/.gitignore", "*");
    repository.git(&["config", "core.hooksPath", ".husky/_"]);
    repository
}

/// The program by its name, as the lines in a file of a team call it.
fn on_the_path(home: &Home) {
    let _ = symlink(crate::support::program(), home.path("bin/jenkins-trigger"));
}

#[track_caller]
fn refused_unchanged(repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    let before = listing(&repository.home.path(""));
    let ran = repository.tool(arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    assert_same(&listing(&repository.home.path("")), &before);
    ran
}

#[test]
fn in_huskys_folder_nothing_is_written_and_the_lines_for_its_own_files_are_shown() {
    with_each_git(|home| {
        let repository = with_husky(home);
        let ran = refused_unchanged(&repository, &["install", "--via", "file", "post-commit"]);
        assert!(ran.stderr.contains("husky owns the hooks"), "{}", ran.whole());
        for hook in HOOKS {
            let line = format!(
                ".husky/{hook}: if command -v jenkins-trigger >/dev/null; then jenkins-trigger hook {hook} \"$@\"; fi"
            );
            assert!(ran.stderr.contains(&line), "{}", ran.whole());
        }
    });
    with_each_older_git(|home| {
        let repository = with_husky(home);
        refused_unchanged(&repository, &["install", "post-commit"]);
    });
}

#[test]
fn with_yes_lines_are_added_to_huskys_files_once_and_cut_out_byte_for_byte() {
    with_each_git(|home| {
        on_the_path(home);
        for before in [
            None,
            Some("true\n"),
            Some("echo mine >&2"),
            Some(""),
            Some("true \\\n  x\n\n"),
        ] {
            let repository = with_husky(home);
            if let Some(content) = before {
                repository.write(".husky/post-commit", content);
            }
            let untouched = listing(&repository.path(".husky"));
            repository.tool(&HUSKY_YES).succeeded();
            let once = listing(&repository.path(".husky"));
            repository.tool(&HUSKY_YES).succeeded();
            assert_same(&listing(&repository.path(".husky")), &once);
            repository.all_well();
            assert_eq!(repository.firings(), 1);
            let ran = repository.tool(&["uninstall"]).succeeded();
            assert!(ran.stdout.starts_with("taken out of"), "{}", ran.whole());
            assert_same(&listing(&repository.path(".husky")), &untouched);
            assert_eq!(repository.path(".husky/post-commit").exists(), before.is_some());
            assert!(!repository.path(".husky/post-merge").exists());
            fs::remove_dir_all(&repository.folder).expect("removed");
        }
    });
}

#[test]
fn beside_husky_the_git_config_is_used_since_git_2_54_and_huskys_hooks_run_too() {
    with_each_config_git(|home| {
        let repository = with_husky(home);
        repository.write(".husky/post-commit", "echo mine >&2\n");
        let before = listing(&repository.path(".husky"));
        let ran = repository.install();
        assert!(ran.stderr.contains("because husky owns"), "{}", ran.whole());
        assert_same(&listing(&repository.path(".husky")), &before);
        let commit = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        assert_eq!(said(&commit).len(), 1, "{}", commit.whole());
        assert!(commit.stderr.contains("mine\n"), "{}", commit.whole());
        repository.all_well();
    });
}

#[test]
fn the_git_config_takes_the_place_of_lines_in_huskys_files() {
    with_each_config_git(|home| {
        on_the_path(home);
        let repository = with_husky(home);
        let before = listing(&repository.path(".husky"));
        repository.tool(&HUSKY_YES).succeeded();
        repository.install();
        assert_same(&listing(&repository.path(".husky")), &before);
        assert_eq!(repository.firings(), 1);
        repository.tool(&HUSKY_YES).succeeded();
        repository.all_well();
        assert_eq!(repository.firings(), 1);
    });
}

/// Hooks that cannot simply be moved aside: the name, the script, what install says about it.
fn hooks_with_a_catch() -> [(&'static str, &'static str, &'static str); 3] {
    [
        (
            "overcommit",
            "#!/usr/bin/env ruby\nif ENV['OVERCOMMIT_DISABLE'].to_i != 0\n  exit\nend\n\
             hook_type = File.basename($0)\n",
            "OVERCOMMIT",
        ),
        (
            "by-name",
            "#!/bin/sh\necho \"$(basename \"$0\")\" >&2\n",
            "under its own name only",
        ),
        (
            "by-expansion",
            "#!/bin/sh\necho \"${0##*/}\" >&2\n",
            "under its own name only",
        ),
    ]
}

#[test]
fn a_hook_that_asks_under_which_name_it_runs_is_never_renamed() {
    with_each_git(|home| {
        for (name, script, said) in hooks_with_a_catch() {
            let repository = home.repository(name, "");
            put_hook(&repository.hooks().join("post-commit"), script, 0o755);
            let ran = refused_unchanged(&repository, &["install", "--via", "file", "post-commit"]);
            let said = if name == "overcommit" {
                "under its own name only"
            } else {
                said
            };
            assert!(ran.stderr.contains(said), "{}", ran.whole());
            if name == "overcommit" {
                assert!(ran.stderr.contains(".overcommit.yml"), "{}", ran.whole());
            } else {
                assert!(ran.stderr.contains("hook post-commit \"$@\""), "{}", ran.whole());
            }
            let hooks = listing(&repository.hooks());
            if home.git.supports(2, 54) {
                repository.install();
                repository.all_well();
            } else {
                refused_unchanged(&repository, &["install", "post-commit"]);
            }
            assert_same(&listing(&repository.hooks()), &hooks);
        }
    });
}

#[test]
fn the_line_that_a_refusal_names_serves_once_it_is_in_the_hook() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        let hook = repository.hooks().join("post-commit");
        let script = "#!/bin/sh\nname=$(basename \"$0\")\necho \"$name\" >&2\n";
        put_hook(&hook, script, 0o755);
        let ran = repository.tool(&["install", "--via", "file", "post-commit"]);
        let line = ran
            .stderr
            .lines()
            .find(|line| line.ends_with("hook post-commit \"$@\"; fi"));
        let line = line.unwrap_or_else(|| panic!("no line in\n{}", ran.whole()));
        put_hook(&hook, format!("{script}{}\n", line.trim()), 0o755);
        repository.install();
        repository.install();
        repository.all_well();
        let commit = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        assert_eq!(said(&commit).len(), 1, "{}", commit.whole());
        assert!(commit.stderr.contains("post-commit\n"), "{}", commit.whole());
        if home.git.supports(2, 54) {
            let ran = refused_unchanged(&repository, &["install", "--via", "config", "post-commit"]);
            assert!(ran.stderr.contains("both would run"), "{}", ran.whole());
        }
    });
}

#[test]
fn lefthooks_hook_is_chained_with_a_warning_or_left_alone_where_the_git_config_serves() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        let script = "#!/bin/sh\n\nif [ \"$LEFTHOOK\" = \"0\" ]; then\n  exit 0\nfi\n\ncall_lefthook()\n{\n  echo \
                      lefthook \"$@\" >&2\n}\n\ncall_lefthook run \"post-commit\" \"$@\"\n";
        put_hook(&repository.hooks().join("post-commit"), script, 0o755);
        let before = listing(&repository.hooks());
        let ran = repository.install();
        if home.git.supports(2, 54) {
            assert!(ran.stderr.contains("because lefthook"), "{}", ran.whole());
            assert_same(&listing(&repository.hooks()), &before);
        } else {
            assert!(
                ran.stderr.contains("warning: lefthook moves it away again"),
                "{}",
                ran.whole()
            );
            assert!(ran.stderr.contains("lefthook.yml"), "{}", ran.whole());
        }
        repository.all_well();
        let commit = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        assert_eq!(said(&commit).len(), 1, "{}", commit.whole());
        assert!(
            commit.stderr.contains("lefthook run post-commit\n"),
            "{}",
            commit.whole()
        );
        repository.tool(&["uninstall"]).succeeded();
        assert_same(&listing(&repository.hooks()), &before);
    });
}

#[test]
fn a_hook_that_was_there_runs_first_and_ours_once() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        put_hook(&repository.hooks().join("post-commit"), MINE, 0o755);
        repository.install();
        repository.install();
        let commit = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        let lines: Vec<&str> = commit
            .stderr
            .lines()
            .filter(|line| *line == "mine" || line.starts_with("jenkins-trigger: "))
            .collect();
        assert_eq!(lines.len(), 2, "{}", commit.whole());
        assert_eq!(lines[0], "mine");
    });
}

#[test]
fn a_hook_of_the_server_gets_its_stdin_and_ours_gets_the_same() {
    with_each_git(|home| {
        let server = home.repository_with("shop.git", "", &["--bare"]);
        let log = home.path("received");
        put_hook(
            &server.path("hooks/post-receive"),
            format!("#!/bin/sh\ncat >>'{}'\necho mine\n", log.display()),
            0o755,
        );
        server.tool(&["install"]).succeeded();
        server.all_well();
        let work = home.repository("shop", "");
        work.commit("first");
        let push = work.git(&["push", "../shop.git", "main:main", "main:refs/heads/topic"]);
        let head = work.head();
        let zeros = "0".repeat(40);
        let expected = format!("{zeros} {head} refs/heads/main\n{zeros} {head} refs/heads/topic\n");
        assert_eq!(fs::read_to_string(&log).expect("a file"), expected);
        assert!(push.stderr.contains("remote: mine"), "{}", push.whole());
    });
}

/// Puts a hook in each odd shape that git bears with; install and uninstall must too.
#[track_caller]
fn oddity(name: &str, put: impl Fn(&PathBuf), runs: bool) {
    with_each_git(|home| {
        let repository = home.repository(name, "");
        let hook = repository.hooks().join("post-commit");
        fs::create_dir_all(repository.hooks()).expect("a folder");
        put(&hook);
        let before = listing(&repository.hooks());
        repository.install();
        repository.all_well();
        let commit = repository
            .try_git(&["commit", "-q", "--allow-empty", "-m", "one"])
            .succeeded();
        let ours = said(&commit);
        assert!(
            ours.iter()
                .any(|line| line.contains("there is no .jenkins-trigger.yml")),
            "{}",
            commit.whole()
        );
        assert_eq!(commit.stderr.contains("mine\n"), runs, "{}", commit.whole());
        repository.tool(&["uninstall"]).succeeded();
        assert_same(&listing(&repository.hooks()), &before);
    });
}

#[test]
fn a_hook_without_run_bit_is_not_run_and_keeps_its_mode() {
    oddity("no-run-bit", |hook| put_hook(hook, MINE, 0o644), false);
}

#[test]
fn a_hook_with_windows_line_ends_does_not_keep_ours_from_running() {
    oddity(
        "crlf",
        |hook| put_hook(hook, "#!/bin/sh\r\necho mine >&2\r\n", 0o755),
        false,
    );
}

#[test]
fn a_hook_with_a_missing_interpreter_does_not_keep_ours_from_running() {
    oddity(
        "no-interpreter",
        |hook| put_hook(hook, "#!/nowhere/python\nprint('mine')\n", 0o755),
        false,
    );
}

#[test]
fn a_hook_without_a_first_line_runs_through_the_shell_as_with_git() {
    oddity(
        "no-shebang",
        |hook| put_hook(hook, "echo mine >&2\n", 0o755),
        true,
    );
}

#[test]
fn a_hook_that_is_a_dangling_link_does_not_keep_ours_from_running() {
    oddity(
        "dangling",
        |hook| symlink("../../nowhere", hook).expect("a link"),
        false,
    );
}

#[test]
fn a_hook_that_is_a_link_to_a_script_runs_and_the_script_is_not_touched() {
    oddity(
        "link",
        |hook| {
            let script = hook.with_file_name("my-script");
            put_hook(&script, MINE, 0o755);
            symlink("my-script", hook).expect("a link");
        },
        true,
    );
}

#[test]
fn a_hook_that_fails_fails_as_before_and_the_commit_is_made() {
    oddity(
        "failing",
        |hook| put_hook(hook, "#!/bin/sh\necho mine >&2\nexit 7\n", 0o755),
        true,
    );
}

#[test]
fn an_empty_hook_is_left_as_it_is() {
    oddity("empty", |hook| put_hook(hook, "", 0o755), false);
}

#[test]
fn a_hooks_path_that_is_missing_is_made_where_git_would_run_nothing() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "core.hooksPath", "no/such/folder"]);
        assert_eq!(repository.firings(), 0);
        repository.install();
        assert_eq!(repository.firings(), 1);
    });
}

#[test]
fn nothing_is_written_into_the_work_tree_where_the_hooks_path_is_empty() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "core.hooksPath", ""]);
        refused_unchanged(&repository, &["install", "post-commit"]);
        assert_eq!(repository.changed(), "");
        repository.write("post-commit", "mine");
        let ran = repository.tool(&["uninstall"]).succeeded();
        assert!(!ran.stderr.contains("post-commit is not"), "{}", ran.whole());
        assert_eq!(fs::read(repository.path("post-commit")).expect("a file"), b"mine");
    });
}

#[test]
fn every_place_is_looked_at_before_any_is_changed() {
    let home = home();
    let repository = home.repository("shop", "");
    put_hook(&repository.hooks().join("post-commit"), MINE, 0o755);
    // The last of the three cannot be moved.
    let by_name = "#!/bin/sh\necho \"$(basename \"$0\")\"\n";
    put_hook(&repository.hooks().join("post-rewrite"), by_name, 0o755);
    refused_unchanged(&repository, &["install", "--via", "file", "post-commit"]);
}

#[test]
fn a_taken_backup_name_a_later_hook_and_a_link_together_lose_nothing() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        let hooks = repository.hooks();
        put_hook(&hooks.join("post-commit"), MINE, 0o755);
        put_hook(
            &hooks.join("post-commit.before-jenkins-trigger"),
            "precious",
            0o600,
        );
        repository.install();
        fs::remove_file(hooks.join("post-commit")).expect("removed");
        symlink("/bin/true", hooks.join("post-commit")).expect("a link");
        repository.install();
        repository.all_well();
        repository.tool(&["uninstall"]).succeeded();
        assert_eq!(
            fs::read_link(hooks.join("post-commit")).expect("a link"),
            PathBuf::from("/bin/true")
        );
        let kept: Vec<Vec<u8>> = listing(&hooks)
            .into_iter()
            .filter(|(path, _)| path.display().to_string().contains(".before-"))
            .map(|(_, (_, content))| content.into())
            .collect();
        assert!(
            kept.contains(&MINE.as_bytes().to_vec()) && kept.contains(&b"precious".to_vec()),
            "{kept:?}"
        );
        let mode = fs::metadata(hooks.join("post-commit.before-jenkins-trigger")).expect("metadata");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    });
}
