//! The hook, freshly installed where git keeps hooks by itself.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use jenkins_stand_in::StandIn;

use crate::helpers::{filtered, home, listing, mode};
use crate::support::{Home, Ran, Repository, copy_program, program, shop, short_file, with_each_git};

const FILE: &str = "version: 1\nserver: https://ci.example.com/jenkins\njobs:\n  main: shop/deploy\n";

#[test]
fn a_fresh_install_says_where_the_hook_is_and_whom_it_trusts() {
    let home = home();
    let ran = home.repository("shop", FILE).tool(&["install", "post-commit"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        installed [HOME]/shop/.git/hooks/post-commit
        installed [HOME]/shop/.git/hooks/post-merge
        installed [HOME]/shop/.git/hooks/post-rewrite
        ----- stderr -----
        trusted: https://ci.example.com/jenkins/ may be sent your credentials from here
        allowed: shop/deploy on https://ci.example.com/jenkins/ (api)
        ");
    });
}

#[test]
fn the_hook_file_is_exactly_this_script_and_executable() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    let hook = repository.hooks().join("post-commit");
    assert_eq!(mode(&hook), 0o755);
    let script = fs::read_to_string(&hook).expect("the hook");
    filtered(&home, || {
        insta::assert_snapshot!(script, @r#"
        #!/bin/sh
        # jenkins-trigger hook, version 3. To take it out: jenkins-trigger uninstall
        # folders made for it: 0
        hook=post-commit
        binary='[PROGRAM]'
        chained=''
        everywhere=

        case $0 in */*) folder=${0%/*} ;; *) folder=. ;; esac
        # The hook that was here before lies beside this one.
        [ -z "$chained" ] || chained=$folder/$chained

        leave() {
        	trap - EXIT
        	[ -f "$chained" ] && [ -x "$chained" ] || exit 0
        	# git calls it by the hook's name; a manager that renamed it may be what it runs.
        	if [ "${0##*/}" != $hook ]; then
        		[ "${JENKINS_TRIGGER_CHAIN-}" != "$PWD $chained" ] || exit 0
        		JENKINS_TRIGGER_CHAIN="$PWD $chained"
        		export JENKINS_TRIGGER_CHAIN
        	fi
        	exec "$chained" "$@"
        }

        # Under another name a hook manager runs this, and it may be the one that was here before:
        # then only the program can tell.
        case ${chained:+${0##*/}} in
        '' | "$hook")
        	[ "${JENKINS_TRIGGER-}" != 0 ] || leave "$@"
        	git_dir=${GIT_DIR:-.git}
        	if [ $hook = post-commit ]; then
        		[ ! -d "$git_dir/rebase-merge" ] || leave "$@"
        		[ ! -f "$git_dir/rebase-apply/rebasing" ] || leave "$@"
        	fi
        	# Most repositories have no file, and never had one that fired. Not all of a sparse or bare
        	# one lies here.
        	[ -z "$everywhere" ] || [ -e .jenkins-trigger.yml ] || [ -e "$git_dir/jenkins-trigger" ] ||
        		[ -e "$git_dir/../../jenkins-trigger" ] || [ -e "$git_dir/info/sparse-checkout" ] ||
        		[ -d objects ] || leave "$@"
        	;;
        esac

        [ -f "$binary" ] && [ -x "$binary" ] || binary=$(command -v jenkins-trigger) || {
        	case $0 in /*) this=$0 ;; *) this=$PWD/$0 ;; esac
        	if [ -z "$chained" ]; then
        		fix="delete this hook: $this"
        	else
        		fix="put back the one before it: in ${this%/*}, rename ${chained##*/} to ${0##*/}"
        	fi
        	printf 'jenkins-trigger: the program is gone; install it again, or %s\n' "$fix" >&2
        	leave "$@"
        }
        if [ $hook = pre-push ]; then
        	# Here git heeds the exit code, so only that of the hook that was here before may count: without
        	# one there is none, and what comes of a program that does not even start is not its.
        	"$binary" hook ${everywhere:+--everywhere} ${chained:+--chain "$chained"} "$hook" "$@"
        	code=$?
        	[ -n "$chained" ] || exit 0
        	[ $code = 0 ] || "$binary" --version </dev/null >/dev/null 2>&1 || leave "$@"
        	exit $code
        fi
        # A program that does not start must fail nothing, nor keep the one before from running: some
        # shells leave then, others go on if they are told to.
        trap 'leave "$@"' EXIT
        shopt -s execfail 2>/dev/null
        exec "$binary" hook ${everywhere:+--everywhere} ${chained:+--chain "$chained"} "$hook" "$@"
        leave "$@"
        "#);
    });
}

#[test]
fn the_umask_does_not_take_the_run_bits_away() {
    let home = home();
    let repository = home.repository("shop", FILE);
    let mut shell = home.command("sh", &repository.folder);
    shell
        .args(["-c", "umask 077; exec \"$0\" install post-commit"])
        .arg(program());
    Ran::of(&mut shell).succeeded();
    assert_eq!(mode(&repository.hooks().join("post-commit")), 0o755);
}

#[test]
fn git_runs_the_hook_that_was_installed() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.commit("first");
        repository.wait_for_journal(1);
        assert_eq!(jenkins.queue_items().len(), 1);
    });
}

#[test]
fn git_runs_the_hook_when_the_program_lies_in_a_folder_with_a_difficult_name() {
    with_each_git(|home| {
        for folder in [
            "with space",
            "it's",
            "a$HOME`id`",
            "\"quoted\\\"",
            "two\nlines",
            "-dash",
            "*?[a]",
            "schön",
        ] {
            let jenkins = StandIn::start(shop());
            let place = home.path("programs").join(folder);
            fs::create_dir_all(&place).expect("a folder");
            let copy = place.join("jenkins-trigger");
            fs::hard_link(program(), &copy).unwrap_or_else(|_| copy_program(program(), &copy));
            let repository = home.repository(&format!("shop-{folder}"), &short_file(&jenkins));
            let mut install = home.command(&copy, &repository.folder);
            Ran::of(install.args(["install", "post-commit"])).succeeded();
            repository.commit("first");
            repository.wait_for_journal(1);
            assert_eq!(jenkins.queue_items().len(), 1, "{folder}");
            let again = Ran::of(
                home.command(&copy, &repository.folder)
                    .args(["install", "post-commit"]),
            )
            .succeeded();
            assert!(again.stdout.starts_with("renewed "), "{}", again.whole());
            let gone = Ran::of(home.command(&copy, &repository.folder).arg("uninstall")).succeeded();
            assert!(gone.stdout.starts_with("removed "), "{}", gone.whole());
        }
    });
}

#[test]
fn a_second_install_renews_the_hook_and_changes_nothing() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.install();
        let before = (listing(&repository.hooks()), listing(&home.path("state")));
        let again = repository.install();
        assert!(again.stdout.starts_with("renewed "), "{}", again.whole());
        assert_eq!(again.stderr, "", "there is nothing new to say");
        assert_eq!(
            (listing(&repository.hooks()), listing(&home.path("state"))),
            before
        );
    });
}

#[test]
fn an_install_renews_the_hook_of_a_program_that_moved() {
    let home = home();
    let repository = home.repository("shop", FILE);
    repository.install();
    let hook = repository.hooks().join("post-commit");
    let fresh = fs::read(&hook).expect("the hook");
    let script = String::from_utf8(fresh.clone()).expect("text");
    let path = program().to_str().expect("text");
    fs::write(&hook, script.replace(path, "/gone/jenkins-trigger")).expect("a file");
    let again = repository.install();
    assert!(again.stdout.starts_with("renewed"), "{}", again.whole());
    assert_eq!(fs::read(&hook).expect("the hook"), fresh);
}

#[test]
fn without_a_file_it_is_installed_and_said() {
    let home = home();
    let ran = home.repository("shop", "").install();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        installed [HOME]/shop/.git/hooks/post-commit
        installed [HOME]/shop/.git/hooks/post-merge
        installed [HOME]/shop/.git/hooks/post-rewrite
        ----- stderr -----
        there is no .jenkins-trigger.yml yet; write one, then: jenkins-trigger trust
        ");
    });
}

#[test]
fn it_installs_from_a_sub_directory_and_with_an_option_for_the_directory() {
    with_each_git(|home| {
        let from_below = home.repository("below", FILE);
        let folder = from_below.path("src/deep");
        fs::create_dir_all(&folder).expect("a folder");
        home.tool(&folder, &["install", "post-commit"]).succeeded();
        assert!(from_below.hooks().join("post-commit").is_file());

        let from_outside = home.repository("outside", FILE);
        let elsewhere = home.path("home");
        home.tool(&elsewhere, &["-C", "../outside", "install", "post-commit"])
            .succeeded();
        assert!(from_outside.hooks().join("post-commit").is_file());
        assert_eq!(listing(&elsewhere).len(), 1, "only the git config is there");
    });
}

fn install_at_once(home: &Home, folders: &[&Path]) -> Vec<Ran> {
    let start = |folder: &&Path| {
        let mut command = home.command(program(), folder);
        command
            .args(["install", "post-commit"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    };
    let children: Vec<_> = folders.iter().map(start).collect();
    let wait = |child: std::process::Child| Ran::from(child.wait_with_output().expect("an output"));
    children.into_iter().map(wait).collect()
}

#[test]
fn installs_at_the_same_time_do_not_disturb_each_other() {
    let home = home();
    let one = home.repository("one", FILE);
    let other = home.repository("other", FILE);
    let folders: Vec<&Path> = [&one, &other]
        .repeat(6)
        .into_iter()
        .map(|r: &Repository<'_>| r.folder.as_path())
        .collect();
    for ran in install_at_once(&home, &folders) {
        ran.succeeded();
    }
    let alone = home.repository("alone", FILE);
    alone.install();
    let expected: Vec<_> = listing(&alone.hooks()).into_values().collect();
    for repository in [&one, &other] {
        let found: Vec<_> = listing(&repository.hooks()).into_values().collect();
        assert_eq!(found, expected, "the hook and nothing left over");
        let told = repository.tool(&["-v", "trust"]).succeeded();
        assert!(told.stderr.contains("is trusted already"), "{}", told.whole());
    }
}
