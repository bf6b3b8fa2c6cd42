//! Hooks in the git config, which git runs since 2.54: what is written, what goes again, that files
//! and config never run both, and what an older git makes of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::helpers::{
    assert_same, command_after, filtered, listing, put_hook, said, skipped, with_each_config_git,
    with_each_older_git,
};
use crate::support::{Git, Home, Ran, Repository, copy_program, gits, program, with_each_git};

const FILE: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n";
const BY_CONFIG: [&str; 4] = ["install", "--via", "config", "post-commit"];
const BY_FILE: [&str; 4] = ["install", "--via", "file", "post-commit"];
const EVERYWHERE: [&str; 3] = ["install", "--global", "post-commit"];

fn config_of(repository: &Repository<'_>) -> String {
    fs::read_to_string(repository.path(".git/config")).expect("a config")
}

fn user_config(home: &Home) -> String {
    fs::read_to_string(home.path("home/.gitconfig")).expect("a config")
}

fn has_files(repository: &Repository<'_>) -> bool {
    repository.hooks().join("post-commit").exists()
}

fn has_config(repository: &Repository<'_>) -> bool {
    config_of(repository).contains("jenkins-trigger")
}

#[test]
fn the_git_config_gets_exactly_these_lines_and_says_so() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let before = config_of(&repository);
        let ran = repository.tool(&BY_CONFIG).succeeded();
        let after = config_of(&repository);
        let new = after.strip_prefix(&before).expect("only lines at the end");
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(new, @r#"
                [hook "jenkins-trigger"]
                	command = "[ \"${JENKINS_TRIGGER-}\" = 0 ] && exit 0; everywhere=; git_dir=${GIT_DIR:-.git}; [ $# = 0 ] && { [ -d \"$git_dir/rebase-merge\" ] || [ -f \"$git_dir/rebase-apply/rebasing\" ]; } && exit 0; [ -z \"$everywhere\" ] || [ -e .jenkins-trigger.yml ] || [ -e \"$git_dir/jenkins-trigger\" ] || [ -e \"$git_dir/../../jenkins-trigger\" ] || [ -e \"$git_dir/info/sparse-checkout\" ] || [ -d objects ] || exit 0; binary='[PROGRAM]'; [ -f \"$binary\" ] && [ -x \"$binary\" ] || binary=$(command -v jenkins-trigger) || { echo \"jenkins-trigger: the program is gone; install it again, or take this hook out: git config --local --remove-section hook.jenkins-trigger\" >&2; exit 0; }; run() { [ $# = 2 ] || exec \"$binary\" hook ${everywhere:+--everywhere} config \"$@\"; \"$binary\" hook ${everywhere:+--everywhere} config \"$@\"; return 0; }; run"
                	event = post-commit
                	event = post-merge
                	event = post-rewrite
                "#);
                insta::assert_snapshot!(ran.stdout, @"installed hook.jenkins-trigger in the local git config, for post-commit, post-merge, post-rewrite");
            }
        });
        assert!(!has_files(&repository));
        assert_eq!(repository.firings(), 1);
        repository.all_well();
    });
}

#[test]
fn uninstall_leaves_the_git_config_byte_for_byte_as_it_was() {
    with_each_config_git(|home| {
        for (number, added) in [
            "",
            "[hook \"other\"]\n\tcommand = true\n\tevent = post-commit\n",
            "; the last line\n",
            "[alias]\n\n\tst = status # comment\n\n\n",
        ]
        .into_iter()
        .enumerate()
        {
            let repository = home.repository(&format!("shop-{number}"), "");
            let before = config_of(&repository) + added;
            repository.write(".git/config", &before);
            repository.tool(&BY_CONFIG).succeeded();
            repository.tool(&BY_CONFIG).succeeded();
            let ran = repository.tool(&["uninstall"]).succeeded();
            assert_eq!(
                ran.stdout,
                "removed hook.jenkins-trigger from the local git config\n"
            );
            assert_eq!(config_of(&repository), before);
        }
    });
}

#[test]
fn comments_and_keys_of_the_user_after_and_in_the_section_stay() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        repository.tool(&BY_CONFIG).succeeded();
        let after = config_of(&repository) + "# mine, about what follows\n[alias]\n\tst = status\n";
        repository.write(".git/config", after);
        repository.tool(&["uninstall"]).succeeded();
        assert!(config_of(&repository).ends_with("# mine, about what follows\n[alias]\n\tst = status\n"));

        repository.git(&["config", "hook.jenkins-trigger.enabled", "false"]);
        repository.git(&["config", "hook.jenkins-trigger.parallel", "true"]);
        let before = config_of(&repository);
        let ran = repository.tool(&BY_CONFIG);
        assert_eq!(ran.code, 1, "it does not fire: {}", ran.whole());
        assert!(
            ran.stderr
                .contains("switched off by hook.jenkins-trigger.enabled"),
            "{}",
            ran.whole()
        );
        repository.tool(&["uninstall"]).succeeded();
        assert_eq!(config_of(&repository), before);
    });
}

#[test]
fn a_git_config_that_is_locked_is_said_and_nothing_is_changed() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        repository.write(".git/config.lock", "");
        let before = listing(&home.path(""));
        let ran = repository.tool(&BY_CONFIG);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(
            ran.stderr.contains("could not lock config file"),
            "{}",
            ran.whole()
        );
        assert_same(&listing(&home.path("")), &before);
    });
}

/// Whoever holds the lock lets go of it once git has failed of it.
#[test]
fn a_git_config_that_is_locked_for_a_moment_is_waited_for() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let lock = repository.path(".git/config.lock");
        let wrapper = format!(
            "#!/bin/sh\n'{}' \"$@\"\ncode=$?\ncase \"$*\" in *--replace-all*|*--remove-section*) rm -f '{}' ;; esac\n\
             exit $code\n",
            home.git.program.display(),
            lock.display()
        );
        fs::remove_file(home.path("bin/git")).expect("the link");
        put_hook(&home.path("bin/git"), wrapper, 0o755);
        for arguments in [&BY_CONFIG[..], &["uninstall"]] {
            fs::write(&lock, "").expect("a file");
            repository.tool(arguments).succeeded();
            assert!(!lock.exists());
        }
        assert!(!has_config(&repository));
    });
}

/// Runs the program as often at one time.
fn at_once(home: &Home, folder: &Path, commands: &[&[&str]]) -> Vec<Ran> {
    let started: Vec<_> = commands
        .iter()
        .map(|arguments| {
            let mut command = home.command(program(), folder);
            command
                .args(*arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("the program starts")
        })
        .collect();
    started
        .into_iter()
        .map(|child| Ran::from(child.wait_with_output().expect("an end")))
        .collect()
}

#[track_caller]
fn assert_once(config: &str) {
    let count = |start: &str| {
        config
            .lines()
            .filter(|line| line.trim().starts_with(start))
            .count()
    };
    assert_eq!((count("command = "), count("event = ")), (1, 3), "{config}");
}

#[test]
fn installations_at_one_time_write_the_git_config_once() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        for ran in at_once(home, &repository.folder, &[&BY_CONFIG[..]; 6]) {
            ran.succeeded();
        }
        assert_once(&config_of(&repository));
        assert_eq!(repository.firings(), 1);
        repository.all_well();
        repository.tool(&["uninstall"]).succeeded();
        for ran in at_once(home, &home.path("home"), &[&EVERYWHERE[..]; 6]) {
            ran.succeeded();
        }
        assert_once(&user_config(home));
        let repository = home.repository("other", FILE);
        repository.git(&["add", "--all"]);
        assert_eq!(repository.firings(), 1);
    });
}

#[test]
fn whatever_is_installed_and_taken_out_at_one_time_ends_as_one_of_them() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let out: &[&str] = &["uninstall"];
        for commands in [
            [&BY_CONFIG[..], out, &BY_CONFIG, out, &BY_CONFIG, out],
            [&BY_CONFIG, &BY_FILE, &BY_CONFIG, &BY_FILE, &BY_CONFIG, &BY_FILE],
            [&BY_CONFIG, &BY_FILE, out, out, &BY_FILE, &BY_CONFIG],
        ] {
            for _ in 0..4 {
                at_once(home, &repository.folder, &commands);
                let config = config_of(&repository);
                let (by_config, by_file) = (has_config(&repository), has_files(&repository));
                assert!(!(by_config && by_file), "{commands:?}: {config}");
                if by_config {
                    assert_once(&config);
                }
                if !commands.contains(&out) {
                    assert!(by_config || by_file, "{commands:?}");
                }
                assert_eq!(repository.firings(), usize::from(by_config || by_file));
            }
        }
    });
}

/// Not every program that changes the git config knows our lock.
#[test]
fn a_command_that_somebody_takes_out_meanwhile_leaves_no_event_behind() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let link = home.path("bin/git");
        fs::remove_file(&link).expect("removed");
        let script = format!(
            "#!/bin/sh\ncase \" $* \" in *' --add '*) '{git}' config --local --unset-all \
             hook.jenkins-trigger.command;; esac\nexec '{git}' \"$@\"\n",
            git = home.git.program.display(),
        );
        put_hook(&link, script, 0o755);
        let ran = repository.tool(&BY_CONFIG);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.stderr.contains("somebody else"), "{}", ran.whole());
        fs::remove_file(&link).expect("removed");
        symlink(&home.git.program, &link).expect("a link");
        assert!(!config_of(&repository).contains("event ="));
        assert_eq!(repository.firings(), 0);
    });
}

/// Follows what `uninstall` says about a hook that it cannot take out.
#[track_caller]
fn uninstall_by_hand(repository: &Repository<'_>, arguments: &[&str], file: &Path) {
    let ran = repository.tool(arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    let said = format!("is set in {}", file.display());
    assert!(ran.stderr.contains(&said), "{}", ran.whole());
    // As long as it is there, it is whole.
    repository.git(&["commit", "-q", "--allow-empty", "-m", "a commit"]);
    repository.follow(command_after(&ran.stderr, "then do this again:"));
    repository.tool(arguments).succeeded();
    assert_eq!(repository.firings(), 0);
    let config = repository.try_git(&["config", "--get-regexp", r"^hook\.jenkins-trigger\."]);
    assert_eq!(config.stdout, "");
}

#[test]
fn a_hook_in_an_included_file_is_not_called_removed() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let file = home.path("included file");
        // What stays in the repository's own file.
        for own in ["", "command", "event"] {
            let before = config_of(&repository);
            repository.tool(&BY_CONFIG).succeeded();
            let whole = config_of(&repository);
            let section = whole.strip_prefix(&before).expect("only lines at the end");
            let with = |wanted: &dyn Fn(&str) -> bool| -> String {
                let lines = section
                    .lines()
                    .filter(|line| line.starts_with('[') || wanted(line));
                lines.flat_map(|line| [line, "\n"]).collect()
            };
            let is_own = |line: &str| !own.is_empty() && line.trim().starts_with(own);
            fs::write(&file, with(&|line| !is_own(line))).expect("a file");
            let stays = if own.is_empty() {
                String::new()
            } else {
                with(&is_own)
            };
            repository.write(".git/config", format!("{before}{stays}"));
            repository.git(&["config", "include.path", file.to_str().expect("text")]);
            assert_eq!(repository.firings(), 1, "{own}");
            uninstall_by_hand(&repository, &["uninstall"], &file);
            repository.git(&["config", "--unset", "include.path"]);
        }
    });
}

#[test]
fn a_hook_in_the_second_file_of_the_user_is_not_called_removed() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.git(&["add", "--all"]);
        let before = user_config(home);
        let install = || {
            home.tool(&home.path("home"), &EVERYWHERE).succeeded();
            let section = user_config(home).strip_prefix(&before).map(String::from);
            fs::write(home.path("home/.gitconfig"), &before).expect("a file");
            section.expect("only lines at the end")
        };
        let file = home.path("home/.config/git/config");
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, install()).expect("a file");
        uninstall_by_hand(&repository, &["uninstall", "--global"], &file);

        let file = home.path("home/included");
        fs::write(&file, install()).expect("a file");
        repository.git(&["config", "--global", "include.path", "included"]);
        uninstall_by_hand(&repository, &["uninstall", "--global"], &file);
    });
}

#[test]
fn files_do_not_come_beside_a_hook_that_the_git_config_keeps() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.git(&["add", "--all"]);
        repository.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
        let before = user_config(home);
        home.tool(&home.path("home"), &EVERYWHERE).succeeded();
        let section = user_config(home);
        let section = section.strip_prefix(&before).expect("only lines at the end");
        repository.write("../home/included", section);
        repository.write("../home/.gitconfig", &before);
        repository.git(&["config", "--global", "include.path", "included"]);
        let listed = listing(&home.path("home"));
        let by_file = ["install", "--global", "--via", "file", "post-commit"];
        let ran = home.tool(&home.path("home"), &by_file);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert_same(&listing(&home.path("home")), &listed);
        assert_eq!(repository.firings(), 1);
    });
}

#[test]
fn the_hooks_folder_of_every_repository_is_found_in_whatever_file_of_the_user_names_it() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.git(&["add", "--all"]);
        let before = user_config(home);
        let by_file = ["install", "--global", "--via", "file", "post-commit"];
        for (file, added) in [
            (".config/git/config", ""),
            ("included", "[include]\n\tpath = included\n"),
        ] {
            let file = home.path("home").join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(&file, "[core]\n\thooksPath = ~/hooks\n").expect("a file");
            fs::write(home.path("home/.gitconfig"), before.clone() + added).expect("a file");
            home.tool(&home.path("home"), &by_file).succeeded();
            assert!(home.path("home/hooks/post-commit").is_file());
            assert_eq!(repository.firings(), 1);
            home.tool(&home.path("home"), &["uninstall", "--global"])
                .succeeded();
            assert!(!home.path("home/hooks").exists());
            fs::remove_file(&file).expect("removed");
        }
    });
}

/// Puts a `git` in front of the real one that ends at the so-manieth change of the config instead
/// of doing it, as if that one had been killed; how many changes there were.
fn with_git_that_fails_at(home: &Home, number: usize, act: impl FnOnce()) -> usize {
    let (link, log) = (home.path("bin/git"), home.path("changes"));
    fs::remove_file(&link).expect("removed");
    fs::write(&log, "").expect("a file");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' --replace-all '*|*' --add '*|*' --unset-all '*|*' --remove-section '*)\n\
         \techo \"$*\" >>'{log}'\n\
         \t[ $(wc -l <'{log}') -ne {number} ] || exit 9\nesac\nexec '{git}' \"$@\"\n",
        log = log.display(),
        git = home.git.program.display(),
    );
    put_hook(&link, script, 0o755);
    act();
    fs::remove_file(&link).expect("removed");
    symlink(&home.git.program, &link).expect("a link");
    fs::read_to_string(&log).expect("a file").lines().count()
}

/// git refuses to run any hook of an event that has no command.
#[test]
fn wherever_writing_the_git_config_stops_no_event_is_left_without_a_command() {
    with_each_config_git(|home| {
        for (arguments, comment) in [
            (&BY_CONFIG[..], ""),
            (&["uninstall"], ""),
            (&["uninstall"], "# mine\n"),
        ] {
            let mut number = 1;
            loop {
                let repository = home.repository("shop", "");
                if arguments == ["uninstall"] {
                    repository.tool(&BY_CONFIG).succeeded();
                    let config = config_of(&repository) + comment;
                    repository.write(".git/config", config);
                }
                let changes = with_git_that_fails_at(home, number, || {
                    let ran = repository.tool(arguments);
                    assert!(ran.code == 0 || ran.code == 1, "{}", ran.whole());
                });
                let config = config_of(&repository);
                assert!(
                    !config.contains("event =") || config.contains("command ="),
                    "{arguments:?} {number}: {config}"
                );
                repository.git(&["commit", "-q", "--allow-empty", "-m", "a commit"]);
                // What is left is no hindrance either.
                repository.tool(&BY_CONFIG).succeeded();
                repository.all_well();
                repository.tool(&["uninstall"]).succeeded();
                let config = config_of(&repository);
                assert!(
                    !config.contains("command =") && config.ends_with(comment),
                    "{config}"
                );
                fs::remove_dir_all(&repository.folder).expect("removed");
                if changes < number {
                    break;
                }
                number += 1;
            }
            assert!(number > 1, "there was no change at all");
        }
    });
}

#[test]
fn a_git_config_that_could_be_written_in_part_only_is_put_back() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let before = config_of(&repository);
        with_git_that_fails_at(home, 3, || {
            let ran = repository.tool(&BY_CONFIG);
            assert_eq!(ran.code, 1, "{}", ran.whole());
        });
        assert_eq!(config_of(&repository), before);
    });
}

#[test]
fn files_and_git_config_never_run_both_and_a_chained_hook_comes_back() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        let mine = repository.hooks().join("post-commit");
        put_hook(&mine, "#!/bin/sh\necho mine >&2\n", 0o755);
        let before = listing(&repository.hooks());
        repository.tool(&BY_FILE).succeeded();
        let files = listing(&repository.hooks());
        assert!(!has_config(&repository));

        let ran = repository.tool(&BY_CONFIG).succeeded();
        assert!(
            ran.stdout.contains(&format!("restored {}\n", mine.display())),
            "{}",
            ran.whole()
        );
        assert_same(&listing(&repository.hooks()), &before);
        assert!(has_config(&repository));
        let commit = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        assert_eq!(said(&commit).len(), 1, "{}", commit.whole());
        assert!(commit.stderr.contains("mine\n"), "{}", commit.whole());
        // Automatic stays with what there is.
        repository.install();
        assert_same(&listing(&repository.hooks()), &before);

        repository.tool(&BY_FILE).succeeded();
        assert!(!has_config(&repository));
        assert_same(&listing(&repository.hooks()), &files);
        repository.all_well();
    });
}

#[test]
fn the_git_config_is_refused_below_git_2_54_and_files_are_named_instead() {
    with_each_older_git(|home| {
        let repository = home.repository("shop", "");
        let before = listing(&home.path(""));
        for arguments in [&BY_CONFIG[..], &EVERYWHERE] {
            let ran = repository.tool(arguments);
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
            assert!(ran.stderr.contains("came with git 2.54"), "{}", ran.whole());
            assert_same(&listing(&home.path("")), &before);
            let fix = command_after(&ran.stderr, "into each repository: jenkins-trigger ");
            repository.tool(&fix.split(' ').collect::<Vec<_>>()).succeeded();
            repository.all_well();
            repository.tool(&["uninstall"]).succeeded();
        }
    });
}

#[test]
fn an_install_for_every_repository_fires_in_each_and_goes_again() {
    with_each_config_git(|home| {
        let before = user_config(home);
        let ran = home.tool(&home.path("home"), &EVERYWHERE).succeeded();
        assert!(ran.stdout.contains("in the global git config"), "{}", ran.whole());
        for name in ["one", "other"] {
            let repository = home.repository(name, FILE);
            repository.all_well();
            repository.git(&["add", "--all"]);
            assert_eq!(repository.firings(), 1);
        }
        // Where nothing is configured nothing is said.
        assert_eq!(home.repository("without", "").firings(), 0);
        home.tool(&home.path("home"), &["uninstall", "--global"])
            .succeeded();
        assert_eq!(user_config(home), before);
    });
}

#[test]
fn where_it_is_installed_for_every_repository_none_gets_a_second_hook() {
    with_each_config_git(|home| {
        home.tool(&home.path("home"), &EVERYWHERE).succeeded();
        let repository = home.repository("shop", "");
        let before = listing(&repository.folder);
        let ran = repository.install();
        assert!(ran.stdout.starts_with("installed already"), "{}", ran.whole());
        for arguments in [BY_FILE, BY_CONFIG] {
            let ran = repository.tool(&arguments);
            assert_eq!(ran.code, 1, "{}", ran.whole());
            assert!(
                ran.stderr.contains("jenkins-trigger uninstall --global"),
                "{}",
                ran.whole()
            );
        }
        assert_same(&listing(&repository.folder), &before);
        repository.all_well();
    });
}

#[test]
fn a_hook_for_every_repository_that_is_switched_off_here_is_not_called_installed() {
    with_each_config_git(|home| {
        home.tool(&home.path("home"), &EVERYWHERE).succeeded();
        let repository = home.repository("shop", "");
        repository.git(&["config", "hook.jenkins-trigger.enabled", "false"]);
        let ran = repository.tool(&["install", "post-commit"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        repository.follow(command_after(&ran.stderr, "help:"));
        repository.all_well();
    });
}

#[test]
fn files_for_every_repository_go_into_the_users_own_hooks_folder_and_chain_what_is_there() {
    with_each_git(|home| {
        let folder = home.path("home/hooks");
        put_hook(&folder.join("post-commit"), "#!/bin/sh\necho mine >&2\n", 0o755);
        put_hook(&folder.join("pre-commit"), "#!/bin/sh\n", 0o755);
        let repository = home.repository("shop", "");
        repository.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
        let before = listing(&home.path(""));
        let by_file = ["install", "--global", "--via", "file", "post-commit"];
        home.tool(&home.path("home"), &by_file).succeeded();
        let script = fs::read_to_string(folder.join("post-commit")).expect("a hook");
        assert!(script.contains("\neverywhere=yes\n"), "{script}");
        assert!(folder.join("post-commit.before-jenkins-trigger").is_file());
        repository.all_well();
        let ran = repository.install();
        assert!(ran.stdout.starts_with("installed already"), "{}", ran.whole());
        assert!(!has_files(&repository) && !has_config(&repository));
        home.tool(&home.path("home"), &["uninstall", "--global"])
            .succeeded();
        assert_same(&listing(&home.path("")), &before);
    });
}

#[test]
fn for_every_repository_too_files_and_git_config_never_run_both() {
    with_each_config_git(|home| {
        let folder = home.path("home/hooks");
        let repository = home.repository("shop", "");
        repository.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
        let before = (user_config(home), listing(&home.path("home")));
        let by_file = ["install", "--global", "--via", "file", "post-commit"];
        home.tool(&home.path("home"), &by_file).succeeded();
        home.tool(&home.path("home"), &EVERYWHERE).succeeded();
        assert!(!folder.join("post-commit").exists());
        home.tool(&home.path("home"), &by_file).succeeded();
        assert_eq!(user_config(home), before.0);
        assert!(folder.join("post-commit").exists());
        home.tool(&home.path("home"), &["uninstall", "--global"])
            .succeeded();
        assert_same(&listing(&home.path("home")), &before.1);
    });
}

#[test]
fn files_for_every_repository_need_a_hooks_folder_of_the_user() {
    with_each_git(|home| {
        for value in [None, Some("relative"), Some("/dev/null")] {
            if let Some(value) = value {
                home.git(
                    &home.path("home"),
                    &["config", "--global", "core.hooksPath", value],
                );
            }
            let before = listing(&home.path(""));
            let ran = home.tool(
                &home.path("home"),
                &["install", "--global", "--via", "file", "post-commit"],
            );
            assert_eq!(ran.code, 1, "{}", ran.whole());
            assert!(ran.stderr.contains("core.hooksPath"), "{}", ran.whole());
            assert_same(&listing(&home.path("")), &before);
        }
    });
}

#[test]
fn below_git_2_54_the_users_own_hooks_folder_is_offered_for_every_repository() {
    with_each_older_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
        let ran = repository.tool(&EVERYWHERE);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        let fix = command_after(&ran.stderr, "are: jenkins-trigger ");
        repository.tool(&fix.split(' ').collect::<Vec<_>>()).succeeded();
        assert!(home.path("home/hooks/post-commit").is_file());
        repository.all_well();
    });
}

/// The first git on the PATH that runs hooks of its config, and one that does not.
fn new_and_old() -> Option<(Git, Git)> {
    let find = |config_hooks| gits().into_iter().find(|git| git.supports(2, 54) == config_hooks);
    let found = find(true).zip(find(false));
    if found.is_none() {
        skipped("an older and a newer git are not both on the PATH");
    }
    found
}

#[test]
fn an_older_git_on_the_path_is_named_because_it_would_run_nothing() {
    let Some((new, old)) = new_and_old() else { return };
    let home = Home::new(&new);
    let repository = home.repository("shop", "");
    fs::create_dir(home.path("other")).expect("a folder");
    symlink(&old.program, home.path("other/git")).expect("a link");
    let with_old = |arguments: &[&str]| {
        repository.tool_in(arguments, |command| {
            let path = format!("{}:{}", home.path("bin").display(), home.path("other").display());
            command.env("PATH", path);
        })
    };
    for arguments in [&BY_CONFIG[..], &["install", "--global", "post-commit"]] {
        let ran = with_old(arguments).succeeded();
        let warning = format!(
            "warning: {} is git {}, which does not run hooks of the git config",
            home.path("other/git").display(),
            old.version
        );
        assert!(ran.stderr.contains(&warning), "{}", ran.whole());
        assert!(
            !ran.stderr
                .contains(&format!("{} is git", home.path("bin/git").display())),
            "{}",
            ran.whole()
        );
        repository.tool(&["uninstall"]).succeeded();
    }
    repository.tool(&["uninstall", "--global"]).succeeded();
    let ran = with_old(&BY_FILE).succeeded();
    assert!(
        !ran.stderr.contains("warning"),
        "files run with both: {}",
        ran.whole()
    );
}

#[test]
fn an_older_git_in_a_repository_with_a_config_hook_says_why_nothing_runs() {
    let Some((new, old)) = new_and_old() else { return };
    let home = Home::new(&new);
    let repository = home.repository("shop", "");
    repository.tool(&BY_CONFIG).succeeded();
    fs::remove_file(home.path("bin/git")).expect("removed");
    symlink(&old.program, home.path("bin/git")).expect("a link");
    assert_eq!(repository.firings(), 0);
    let ran = repository.tool(&["status"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stderr
            .contains(&format!("git {} runs no hooks of its config", old.version)),
        "{}",
        ran.whole()
    );
    let fix = command_after(&ran.stderr, "help: jenkins-trigger ");
    repository.tool(&fix.split(' ').collect::<Vec<_>>()).succeeded();
    repository.all_well();
    assert_eq!(repository.firings(), 1);
    assert!(!has_config(&repository), "the newer git would run both");
}

/// Another name for the program, which the hook then has.
fn program_at(home: &Home, place: &str) -> PathBuf {
    let copy = home.path("programs").join(place).join("jenkins-trigger");
    fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
    fs::hard_link(program(), &copy).unwrap_or_else(|_| copy_program(program(), &copy));
    copy
}

fn install_with(program: &Path, repository: &Repository<'_>) {
    Ran::of(
        repository
            .home
            .command(program, &repository.folder)
            .args(BY_CONFIG),
    )
    .succeeded();
}

#[test]
fn a_program_in_a_folder_with_a_difficult_name_is_run_from_the_git_config() {
    with_each_config_git(|home| {
        for folder in [
            "with space",
            "it's",
            "a$HOME`id`",
            "\"quoted\\\"",
            "two\nlines",
            " ; # \t",
            "@BINARY@ @SCOPE@",
            "*?[a]",
            "schön",
        ] {
            let program = program_at(home, folder);
            let repository = home.repository("shop", "");
            install_with(&program, &repository);
            assert_eq!(repository.firings(), 1, "{folder}");
            let status = repository.tool(&["status", "--json"]).succeeded();
            let report: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
            assert_eq!(report["programs"][0]["path"], program.to_str().expect("text"));
            repository.tool(&["uninstall"]).succeeded();
            fs::remove_dir_all(&repository.folder).expect("removed");
        }
    });
}

#[test]
fn the_config_hook_can_be_switched_off_for_one_command_and_starts_no_program_then() {
    with_each_config_git(|home| {
        let program = program_at(home, "logged");
        let repository = home.repository("shop", "");
        install_with(&program, &repository);
        let log = home.path("started");
        fs::remove_file(&program).expect("removed");
        put_hook(
            &program,
            format!("#!/bin/sh\necho \"$@\" >>'{}'\n", log.display()),
            0o755,
        );
        for (switch, started) in [("0", ""), ("1", "hook config\n")] {
            let mut git = home.command("git", &repository.folder);
            git.args(["commit", "--allow-empty", "-m", "a commit"])
                .env("JENKINS_TRIGGER", switch);
            Ran::of(&mut git).succeeded();
            assert_eq!(fs::read_to_string(&log).unwrap_or_default(), started);
        }
    });
}

#[test]
fn a_config_hook_whose_program_is_gone_says_one_line_that_helps_and_the_commit_is_made() {
    with_each_config_git(|home| {
        for everywhere in [false, true] {
            let program = program_at(home, "gone soon");
            let repository = home.repository("shop", FILE);
            let mut install = home.command(&program, &repository.folder);
            install.args(if everywhere { &EVERYWHERE[..] } else { &BY_CONFIG });
            Ran::of(&mut install).succeeded();
            fs::remove_file(&program).expect("removed");
            let ran = repository
                .try_git(&["commit", "-q", "--allow-empty", "-m", "one"])
                .succeeded();
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.whole());
            repository.follow(command_after(&ran.stderr, "take this hook out:"));
            let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", "two"]);
            assert_eq!(ran.stderr, "");
            assert!(!has_config(&repository) && !user_config(home).contains("jenkins-trigger"));
            fs::remove_dir_all(&repository.folder).expect("removed");
        }
    });
}

#[test]
fn a_config_hook_finds_a_program_that_moved_to_the_path() {
    with_each_config_git(|home| {
        let program = program_at(home, "old place");
        let repository = home.repository("shop", "");
        install_with(&program, &repository);
        fs::rename(&program, home.path("bin/jenkins-trigger")).expect("moved");
        assert_eq!(repository.firings(), 1);
        repository.all_well();
    });
}

#[test]
fn a_config_hook_starts_no_program_for_the_commits_of_a_rebase() {
    with_each_config_git(|home| {
        for backend in ["--merge", "--apply"] {
            let program = program_at(home, "logged");
            let repository = home.repository("shop", "");
            install_with(&program, &repository);
            repository.write("a", "1");
            repository.commit("base");
            repository.git(&["checkout", "-q", "-b", "topic"]);
            for n in 0..3 {
                repository.write(&format!("topic-{n}"), "");
                repository.commit("on the topic");
            }
            repository.git(&["checkout", "-q", "main"]);
            repository.write("b", "2");
            repository.commit("meanwhile");
            let log = home.path("started");
            let script = format!("#!/bin/sh\necho \"$@\" >>'{}'\n", log.display());
            fs::remove_file(&program).expect("removed");
            put_hook(&program, script, 0o755);
            repository.git(&["rebase", "-q", backend, "main", "topic"]);
            let started = fs::read_to_string(&log).unwrap_or_default();
            // The end of the rebase alone, by post-rewrite; switching the branch runs none of ours.
            assert_eq!(started, "hook config rebase\n", "{backend}");
            fs::remove_file(&log).expect("removed");
            fs::remove_dir_all(&repository.folder).expect("removed");
            fs::remove_file(&program).expect("removed");
        }
    });
}

#[test]
fn other_hooks_of_the_git_config_and_of_the_folder_run_beside_ours() {
    with_each_config_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "hook.other.command", "echo other >&2"]);
        repository.git(&["config", "hook.other.event", "post-commit"]);
        put_hook(
            &repository.hooks().join("post-commit"),
            "#!/bin/sh\necho file >&2\n",
            0o755,
        );
        repository.tool(&BY_CONFIG).succeeded();
        let ran = repository.git(&["commit", "--allow-empty", "-m", "one"]);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines.len(), 3, "{}", ran.whole());
        assert!(lines[0] == "other" && lines[2] == "file", "{}", ran.whole());
        repository.all_well();
    });
}
