//! The hook script and the command behind it, in the surroundings people really have.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use jenkins_stand_in::StandIn;

use crate::support::{Home, Ran, Repository, filtered, program, with_each_git};
use crate::watch::{assert_fired, complaints, file_for_all, said, shop_with_sha};

fn installed<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &file_for_all(jenkins));
    repository.commit("before the hook");
    repository.install();
    repository
}

/// Points the hook at a program that is not there.
fn lose_the_program(repository: &Repository<'_>) {
    let path = repository.path(".git/hooks/post-commit");
    let script = fs::read_to_string(&path).expect("the hook");
    let program = program().display().to_string();
    assert!(script.contains(&program), "{script}");
    fs::write(&path, script.replace(&program, "/nowhere/jenkins-trigger")).expect("the hook");
}

fn commit(repository: &Repository<'_>) -> Ran {
    repository.git(&["commit", "-q", "--allow-empty", "-m", "work"])
}

#[test]
fn the_switch_keeps_one_commit_from_firing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins);
        let mut git = home.command("git", &repository.folder);
        git.args(["commit", "-q", "--allow-empty", "-m", "work"])
            .env("JENKINS_TRIGGER", "0");
        let ran = Ran::of(&mut git).succeeded();
        assert_eq!(ran.stderr, "");
        let mut hook = home.command(program(), &repository.folder);
        let ran = Ran::of(hook.args(["hook", "post-commit"]).env("JENKINS_TRIGGER", "0")).succeeded();
        assert_eq!(ran.stderr, "");
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// An upgrade moved the program: the PATH knows where.
#[test]
fn a_program_that_moved_is_found_on_the_path() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins);
        lose_the_program(&repository);
        symlink(program(), home.path("bin/jenkins-trigger")).expect("a link");
        assert_eq!(complaints(&commit(&repository)), [""; 0]);
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}

/// Uninstalled without its hooks: the commit goes on, and the line names the file to delete.
#[test]
fn a_program_that_is_gone_is_one_line_that_names_the_hook() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins);
        lose_the_program(&repository);
        let before = repository.head();
        let ran = commit(&repository);
        assert_ne!(repository.head(), before);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.stderr, @"jenkins-trigger: the program is gone; install it again, or delete this hook: [HOME]/shop/.git/hooks/post-commit");
            }
        });
        let hook = repository.path(".git/hooks/post-commit");
        assert!(ran.stderr.contains(&hook.display().to_string()), "{}", ran.stderr);
    });
}

/// A GUI client starts git with a PATH of its own, or none.
#[test]
fn an_empty_path_is_enough() {
    with_each_git(|home| {
        for format in [&[][..], &["--object-format=sha256"]] {
            let jenkins = StandIn::start(shop_with_sha());
            let name = format!("shop{}", format.len());
            let repository = home.repository_with(&name, &file_for_all(&jenkins), format);
            repository.install();
            repository.git(&["add", "--all"]);
            let mut git = home.command(&home.git.program, &repository.folder);
            let ran = Ran::of(git.args(["commit", "-q", "-m", "work"]).env("PATH", ""));
            assert_eq!(ran.code, 0, "{}", ran.whole());
            assert_eq!(complaints(&ran), [""; 0]);
            let first = repository.head();
            assert_fired(&repository, &jenkins, &[first]);
        }
    });
}

/// Below another hook tool the script may be called anything and get further arguments.
#[test]
fn the_hook_works_from_another_file_name() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins);
        let hooks = repository.path(".git/hooks");
        fs::rename(hooks.join("post-commit"), hooks.join("post-commit.legacy")).expect("a rename");
        let manager = "#!/bin/sh\n\"$0.legacy\" \"$@\" extra arguments\n";
        fs::write(hooks.join("post-commit"), manager).expect("a hook");
        let mut chmod = home.command("chmod", &hooks);
        assert!(
            chmod
                .args(["+x", "post-commit"])
                .status()
                .expect("chmod")
                .success()
        );
        assert_eq!(complaints(&commit(&repository)), [""; 0]);
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}

fn hook_in_shell(home: &Home, directory: &Path, redirection: &str) -> Ran {
    let script = format!("\"$1\" hook post-commit {redirection}; echo \"code $?\" >\"$HOME/code\"");
    let mut shell = home.command("sh", directory);
    Ran::of(shell.args(["-c", &script, "sh"]).arg(program()))
}

fn code(home: &Home) -> String {
    fs::read_to_string(home.path("home/code")).expect("the code")
}

/// A closed stderr, a reader that went away and a full disk: the hook still does its work.
#[test]
fn a_hook_that_cannot_say_anything_still_works() {
    with_each_git(|home| {
        for redirection in ["2>&-", "2>&- >&- <&-", "2>/dev/full", "2>&1 >/dev/null | true"] {
            let jenkins = StandIn::start(shop_with_sha());
            let name = format!("shop{}", redirection.len());
            let repository = home.repository(&name, &file_for_all(&jenkins));
            repository.commit("before the hook");
            repository.install();
            hook_in_shell(home, &repository.folder, redirection);
            assert_eq!(code(home), "code 0\n", "{redirection}");
            let first = repository.head();
            repository.wait_for_journal(1);
            assert_fired(&repository, &jenkins, &[first]);
        }
    });
}

/// The pipe's status is the reader's, so the hook's own is looked at here.
#[test]
fn a_hook_whose_reader_went_away_exits_with_0() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins);
        let mut hook = home.command(program(), &repository.folder);
        hook.args(["hook", "post-commit"])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = hook.spawn().expect("the hook starts");
        drop(child.stderr.take());
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("its end").code(), Some(0));
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
    });
}

/// A newer version's hook script with an older program.
#[test]
fn an_unknown_event_is_one_line_and_exit_code_0() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins);
        for arguments in [&["hook", "post-teleport"][..], &["hook"], &["hook", "--help"]] {
            let ran = repository.tool(arguments);
            assert_eq!(ran.code, 0, "{}", ran.whole());
            assert_eq!(ran.stdout, "");
            assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        }
    });
}

/// Nothing to do, and nothing to say.
#[test]
fn outside_a_repository_the_hook_is_silent() {
    with_each_git(|home| {
        let ran = home.tool(&home.path("home"), &["hook", "post-commit"]);
        assert_eq!(
            ran.whole(),
            "exit code: 0\n----- stdout -----\n----- stderr -----\n"
        );
    });
}
