//! `core.hooksPath`: followed where it is the repository's own, refused with a way out elsewhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use jenkins_stand_in::StandIn;

use crate::helpers::{filtered, home, listing, skipped};
use crate::support::{Ran, Repository, shop, short_file, with_each_git};

fn served(repository: &Repository<'_>, jenkins: &StandIn, folder: &Path) {
    let ran = repository.install();
    assert!(folder.join("post-commit").is_file(), "{}", ran.whole());
    assert!(!repository.hooks().join("post-commit").exists());
    repository.commit("first");
    repository.wait_for_journal(1);
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn the_repositorys_own_hooks_path_is_followed() {
    with_each_git(|home| {
        let outside = home.path("team-hooks").display().to_string();
        let cases = [
            ("relative", ".githooks", None),
            ("absolute", outside.as_str(), Some("team-hooks")),
            ("of-home", "~/hooks", Some("home/hooks")),
        ];
        for (name, value, place) in cases {
            let jenkins = StandIn::start(shop());
            let repository = home.repository(name, &short_file(&jenkins));
            repository.git(&["config", "core.hooksPath", value]);
            let folder = place.map_or_else(|| repository.path(value), |place| home.path(place));
            fs::create_dir_all(&folder).expect("a folder");
            served(&repository, &jenkins, &folder);
        }
    });
}

#[test]
fn a_relative_hooks_path_counts_from_the_top_of_the_work_tree() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "core.hooksPath", ".githooks"]);
        fs::create_dir_all(repository.path("src/deep")).expect("a folder");
        home.tool(&repository.path("src/deep"), &["install", "post-commit"])
            .succeeded();
        assert!(repository.path(".githooks/post-commit").is_file());
        assert!(!repository.path("src/deep/.githooks").exists());
    });
}

#[test]
fn a_hooks_path_of_one_worktree_serves_that_one() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.git(&["config", "extensions.worktreeConfig", "true"]);
        repository.git(&["config", "--worktree", "core.hooksPath", ".githooks"]);
        served(&repository, &jenkins, &repository.path(".githooks"));
    });
}

#[test]
fn a_hooks_folder_that_is_missing_is_created_and_said() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.git(&["config", "core.hooksPath", "tools/hooks"]);
        let ran = repository.install();
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 0
                ----- stdout -----
                installed [HOME]/shop/tools/hooks/post-commit
                installed [HOME]/shop/tools/hooks/post-merge
                installed [HOME]/shop/tools/hooks/post-rewrite
                ----- stderr -----
                created [HOME]/shop/tools/hooks
                hidden from git status by lines in [HOME]/shop/.git/info/exclude
                trusted: http://[JENKINS]/ may be sent your credentials from here
                allowed: shop/deploy on http://[JENKINS]/ (api)
                ");
            }
        });
        repository.commit("first");
        repository.wait_for_journal(1);
    });
}

/// Installs and expects a refusal with nothing written but by git.
#[track_caller]
fn refused(repository: &Repository<'_>, change: impl FnOnce(&mut Command)) -> Ran {
    let root = repository.home.path("");
    let before = listing(&root);
    let ran = repository.tool_in(&["install", "--via", "file", "post-commit"], change);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    assert_eq!(listing(&root), before);
    ran
}

/// The `git config …` line that a refusal names.
#[track_caller]
fn fix(ran: &Ran) -> &str {
    let line = ran
        .stderr
        .lines()
        .find_map(|line| line.find(": git config").map(|start| &line[start + 2..]));
    line.unwrap_or_else(|| panic!("no fix in:\n{}", ran.stderr))
}

#[track_caller]
fn assert_fix_works(repository: &Repository<'_>, jenkins: &StandIn, ran: &Ran) {
    repository.follow(fix(ran));
    repository.install();
    repository.commit("after the fix");
    repository.wait_for_journal(1);
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn a_users_hooks_path_for_all_repositories_is_refused_with_its_scope_and_a_fix_that_works() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        fs::create_dir(home.path("shared-hooks")).expect("a folder");
        let shared = home.path("shared-hooks").display().to_string();
        repository.git(&["config", "--global", "core.hooksPath", &shared]);
        let ran = refused(&repository, |_| {});
        assert!(ran.stderr.contains("global"), "{}", ran.whole());
        assert!(ran.stderr.contains(&shared), "{}", ran.whole());
        assert_fix_works(&repository, &jenkins, &ran);
        assert!(listing(&home.path("shared-hooks")).is_empty());
    });
}

#[test]
fn the_refusal_of_a_shared_hooks_path_says_what_scope_value_and_way_out() {
    let home = home();
    let repository = home.repository("shop", "");
    repository.git(&["config", "--global", "core.hooksPath", "/opt/company/hooks"]);
    let ran = refused(&repository, |_| {});
    let error = "error: core.hooksPath is set to /opt/company/hooks in the global git config, for every repository; \
                 nothing was changed\n";
    assert!(ran.stderr.starts_with(error), "{}", ran.whole());
    let hooks = repository.hooks().display().to_string();
    assert!(
        fix(&ran).ends_with(&hooks),
        "a relative path is looked up in each work tree, and `.git` is a file in a linked one:\n{}",
        ran.whole()
    );
}

#[test]
fn the_fix_for_a_shared_hooks_path_works_in_a_linked_worktree_too() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.commit("first");
        repository.git(&["branch", "-q", "-m", "trunk"]);
        repository.git(&["worktree", "add", "-q", "../linked", "-b", "main"]);
        repository.git(&["config", "--global", "core.hooksPath", "/opt/company/hooks"]);
        let linked = Repository {
            home,
            folder: home.path("linked"),
        };
        let ran = refused(&linked, |_| {});
        assert_fix_works(&linked, &jenkins, &ran);
    });
}

#[test]
fn a_hooks_path_of_the_machine_is_refused_with_its_scope_and_a_fix_that_works() {
    with_each_git(|home| {
        if !home.git.supports(2, 32) {
            skipped(&format!(
                "git {} cannot be given a system config",
                home.git.version
            ));
            return;
        }
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        let system = home.path("system-config");
        fs::write(&system, "[core]\n\thooksPath = /opt/company/hooks\n").expect("a config");
        let as_system = |command: &mut Command| {
            command
                .env_remove("GIT_CONFIG_NOSYSTEM")
                .env("GIT_CONFIG_SYSTEM", &system);
        };
        let ran = refused(&repository, as_system);
        assert!(ran.stderr.contains("system"), "{}", ran.whole());
        repository.follow(fix(&ran));
        repository
            .tool_in(&["install", "post-commit"], as_system)
            .succeeded();
        assert!(repository.hooks().join("post-commit").is_file());
    });
}

#[test]
fn a_hooks_path_of_one_command_line_is_refused_and_not_answered_with_a_config_line() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        let ran = refused(&repository, |command| {
            command.env("GIT_CONFIG_PARAMETERS", "'core.hooksPath'='/tmp/given'");
        });
        assert!(ran.stderr.contains("command"), "{}", ran.whole());
        assert!(
            !ran.stderr.contains("--local"),
            "`git -c` goes before the local config, so that line would change nothing:\n{}",
            ran.whole()
        );
    });
}

#[test]
fn a_hooks_path_that_switches_hooks_off_is_refused_with_a_fix_that_works() {
    with_each_git(|home| {
        for (name, value) in [("empty", ""), ("null", "/dev/null")] {
            for scope in ["--local", "--global"] {
                let jenkins = StandIn::start(shop());
                let repository = home.repository(&format!("{name}{scope}"), &short_file(&jenkins));
                repository.git(&["config", scope, "core.hooksPath", value]);
                let ran = refused(&repository, |_| {});
                assert!(ran.stderr.contains("runs no hook files"), "{}", ran.whole());
                assert_fix_works(&repository, &jenkins, &ran);
                home.try_git(
                    &repository.folder,
                    &["config", "--global", "--unset", "core.hooksPath"],
                );
            }
        }
    });
}
