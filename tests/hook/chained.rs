//! A hook of the user's own that was there before ours: it runs as if git ran it.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use jenkins_stand_in::StandIn;

use crate::support::{Home, Ran, Repository, copy_program, program, with_each_git};
use crate::watch::{
    assert_fired, complaints, file_for_all, file_with, forked, forked_with, hook_script, said, shop_with_sha,
    wait_for_fired, write_program,
};

/// Where the user's hook is moved to.
const MINE: &str = ".git/hooks/post-commit.mine";

fn chain(repository: &Repository<'_>, event: &str) {
    let script = hook_script(&format!("--chain .git/hooks/{event}.mine {event}"));
    write_program(&repository.path(".git/hooks").join(event), script);
}

/// A repository whose `post-commit` is ours, with the user's hook chained to it.
fn chained<'a>(home: &'a Home, jenkins: &StandIn, name: &str, mine: &str) -> Repository<'a> {
    let repository = home.repository(name, &file_for_all(jenkins));
    repository.commit("before the hook");
    repository.install();
    chain(&repository, "post-commit");
    write_program(&repository.path(MINE), mine);
    repository
}

fn commit(repository: &Repository<'_>) -> Ran {
    repository.git(&["commit", "-q", "--allow-empty", "-m", "work"])
}

/// Runs the hook itself, as git would but for what git does with its exit code.
fn hook(repository: &Repository<'_>) -> Ran {
    repository.tool(&["hook", "--chain", MINE, "post-commit"])
}

fn read(repository: &Repository<'_>, name: &str) -> String {
    fs::read_to_string(repository.path(name)).unwrap_or_default()
}

/// Everything of its surroundings that a hook can see, secrets included.
#[test]
fn it_finds_the_surroundings_that_git_alone_gives_it() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let look =
            "#!/bin/sh\n{ pwd; env | sort; echo $#; tty; ls -l /proc/self/fd | grep -c .; } >.git/seen\n";
        let repository = chained(home, &jenkins, "shop", look);
        commit(&repository);
        let first = repository.head();
        let with_us = read(&repository, ".git/seen");
        assert!(with_us.contains("JENKINS_API_TOKEN="), "{with_us}");
        assert!(with_us.contains("GIT_INDEX_FILE="), "{with_us}");

        let ours = read(&repository, ".git/hooks/post-commit");
        write_program(&repository.path(".git/hooks/post-commit"), look);
        fs::remove_file(repository.path(".git/seen")).expect("what was seen");
        commit(&repository);
        assert_eq!(with_us, read(&repository, ".git/seen"));

        write_program(&repository.path(".git/hooks/post-commit"), ours);
        assert_fired(&repository, &jenkins, &[first]);
    });
}

#[test]
fn it_gets_the_arguments_and_the_input_of_each_event() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = forked(home, &jenkins);
        for event in ["post-merge", "post-rewrite"] {
            chain(&repository, event);
            let mine = format!("#!/bin/sh\necho {event} \"$@\" >>.git/seen\ncat >>.git/seen\n");
            write_program(&repository.path(format!(".git/hooks/{event}.mine")), mine);
        }
        repository.git(&["merge", "-q", "--squash", "main"]);
        assert_eq!(read(&repository, ".git/seen"), "post-merge 1\n");
        repository.git(&["reset", "-q", "--hard"]);
        repository.git(&["merge", "-q", "--no-edit", "main"]);
        let merge = repository.head();
        assert_eq!(read(&repository, ".git/seen"), "post-merge 1\npost-merge 0\n");

        fs::remove_file(repository.path(".git/seen")).expect("what was seen");
        repository.git(&["commit", "-q", "--amend", "--no-edit"]);
        let amended = repository.head();
        assert_eq!(
            read(&repository, ".git/seen"),
            format!("post-rewrite amend\n{merge} {amended}\n")
        );

        fs::remove_file(repository.path(".git/seen")).expect("what was seen");
        repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
        repository.git(&["rebase", "-q", "--no-ff", "HEAD~2"]);
        let rebased = repository.head();
        let seen = read(&repository, ".git/seen");
        assert!(seen.starts_with("post-rewrite rebase\n"), "{seen}");
        assert_eq!(seen.lines().count(), 3, "{seen}");
        assert_fired(&repository, &jenkins, &[merge, amended, rebased]);
    });
}

/// Runs the hook of a bare repository with this input, which is of no use to it.
fn receive(home: &Home, mine: &str, input: &[u8]) -> (Ran, Vec<u8>) {
    let bare = home.path("bare.git");
    if !bare.exists() {
        home.git(&home.path(""), &["init", "-q", "--bare", "bare.git"]);
    }
    write_program(&bare.join("mine"), mine);
    let mut hook = home.command(program(), &bare);
    hook.args(["hook", "--chain", "mine", "post-receive", "one", "two words"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = hook.spawn().expect("the hook starts");
    let mut stdin = child.stdin.take().expect("its stdin");
    let bytes = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("the writer").expect("all is read");
    let seen = fs::read(bare.join("seen")).unwrap_or_default();
    (Ran::from(output), seen)
}

#[test]
fn it_gets_its_input_byte_for_byte() {
    with_each_git(|home| {
        let large: Vec<u8> = (0..1 << 20)
            .map(|n: u32| n.to_le_bytes()[n as usize % 3])
            .collect();
        for input in [
            &b""[..],
            b"no newline at the end",
            b"a line\n",
            b"\0 and \xff\n\0",
            &large,
        ] {
            let (ran, seen) = receive(home, "#!/bin/sh\ncat >seen\n", input);
            assert_eq!(ran.code, 0, "{}", ran.whole());
            assert!(seen == input, "{} bytes of {}", seen.len(), input.len());
        }
        let (_, seen) = receive(home, "#!/bin/sh\nprintf '%s.' \"$@\" >seen\n", b"");
        assert_eq!(seen, b"one.two words.");
    });
}

/// It writes much before it reads, or never reads, or closes its input.
#[test]
fn it_need_not_read_its_input() {
    with_each_git(|home| {
        let large = vec![b'x'; 1 << 20];
        let much = "#!/bin/sh\nhead -c 1000000 /dev/zero\nhead -c 1000000 /dev/zero >&2\ncat >seen\n";
        let (ran, seen) = receive(home, much, &large);
        assert_eq!(ran.stdout.len(), 1_000_000);
        assert_eq!(seen.len(), large.len());
        for mine in [
            "#!/bin/sh\nexit 3\n",
            "#!/bin/sh\nexec <&-\nexit 3\n",
            "#!/bin/sh\nhead -c 1 >seen\nexit 3\n",
        ] {
            let (ran, _) = receive(home, mine, &large);
            assert_eq!(ran.code, 3, "{}", ran.whole());
        }
    });
}

/// Something it left behind keeps its input open and does not read it.
#[test]
fn what_it_leaves_behind_is_not_waited_for() {
    with_each_git(|home| {
        let mine = "#!/bin/sh\nmkfifo fifo 2>/dev/null\n(exec >/dev/null 2>&1; : <fifo) <&0 &\nexit 3\n";
        let (ran, _) = receive(home, mine, &vec![b'x'; 1 << 20]);
        assert_eq!(ran.code, 3, "{}", ran.whole());
        // Lets the one that was left behind end.
        fs::write(home.path("bare.git/fifo"), "").expect("the other end");
    });
}

#[test]
fn its_exit_code_is_the_hook_s_own_and_the_trigger_fires_all_the_same() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(home, &jenkins, "shop", "#!/bin/sh\nexit 7\n");
        assert_eq!(complaints(&commit(&repository)), [""; 0]);
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
        assert_eq!(hook(&repository).code, 7);
        write_program(&repository.path(MINE), "#!/bin/sh\nkill -9 $$\n");
        assert_eq!(hook(&repository).code, 128 + 9);
        write_program(&repository.path(MINE), "#!/bin/sh\nexit 0\n");
        assert_eq!(hook(&repository).code, 0);
    });
}

/// As git has it: a file that may not be run is no hook.
#[test]
fn one_that_git_would_not_run_is_not_run_and_that_is_not_said() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(home, &jenkins, "shop", "#!/bin/sh\necho ran >&2\nexit 7\n");
        let mine = repository.path(MINE);
        let mut fired = Vec::new();
        let mut nothing_runs = |what: &str| {
            let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", what]);
            assert!(!ran.stderr.contains("ran"), "{what}: {}", ran.whole());
            assert_eq!(complaints(&ran), [""; 0], "{what}");
            fired.push(repository.head());
        };
        fs::set_permissions(&mine, fs::Permissions::from_mode(0o644)).expect("a mode");
        nothing_runs("may not be run");
        fs::remove_file(&mine).expect("the hook");
        nothing_runs("is not there");
        symlink("nowhere", &mine).expect("a link");
        nothing_runs("dangles");
        fs::remove_file(&mine).expect("the link");
        fs::create_dir(&mine).expect("a folder");
        nothing_runs("is a folder");
        assert_fired(&repository, &jenkins, &fired);
    });
}

#[test]
fn whatever_the_system_can_run_is_run() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(
            home,
            &jenkins,
            "shop",
            "echo no interpreter named, \"$0\" >&2\nexit 5\n",
        );
        let ran = hook(&repository);
        assert_eq!(ran.code, 5, "{}", ran.whole());
        assert!(
            ran.stderr
                .contains("no interpreter named, .git/hooks/post-commit.mine\n"),
            "{}",
            ran.stderr
        );
        write_program(&repository.path(MINE), "");
        assert_eq!(hook(&repository).code, 0);
        if Path::new("/usr/bin/python3").exists() {
            write_program(
                &repository.path(MINE),
                "#!/usr/bin/python3\nimport sys\nsys.exit(6)\n",
            );
            assert_eq!(hook(&repository).code, 6);
        }
        for (compiled, code) in [("/bin/true", 0), ("/bin/false", 1)] {
            fs::remove_file(repository.path(MINE)).expect("the hook");
            copy_program(Path::new(compiled), &repository.path(MINE));
            assert_eq!(hook(&repository).code, code, "{compiled}");
        }
        fs::remove_file(repository.path(MINE)).expect("the hook");
        symlink("/bin/false", repository.path(MINE)).expect("a link");
        assert_eq!(hook(&repository).code, 1);
    });
}

#[test]
fn one_that_cannot_start_is_said_in_one_line() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(home, &jenkins, "shop", "#!/bin/sh\r\nexit 0\r\n");
        let ran = commit(&repository);
        insta::allow_duplicates! {
            insta::assert_snapshot!(complaints(&ran).join("\n"), @r#"jenkins-trigger: could not run the hook .git/hooks/post-commit.mine: its first line asks for "/bin/sh\r", which is not there"#);
        }
        let first = repository.head();
        assert_fired(&repository, &jenkins, &[first]);
        write_program(&repository.path(MINE), "#!/nowhere/interpreter -x\n");
        let ran = hook(&repository);
        assert_eq!(ran.code, 127);
        assert_eq!(complaints(&ran).len(), 1, "{}", ran.whole());
    });
}

/// git gives any bytes on, and any bytes may name a file.
#[test]
fn its_name_and_arguments_may_be_any_bytes() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        let name = std::ffi::OsStr::from_bytes(b"a hook \xff");
        write_program(
            &repository.folder.join(name),
            "#!/bin/sh\nprintf %s \"$1\" >.git/seen\nexit 4\n",
        );
        let mut hook = home.command(program(), &repository.folder);
        hook.args(["hook", "--chain"])
            .arg(name)
            .arg("post-merge")
            .arg(std::ffi::OsStr::from_bytes(b"\xfe 1"));
        assert_eq!(Ran::of(&mut hook).code, 4);
        assert_eq!(
            fs::read(repository.path(".git/seen")).expect("what was seen"),
            b"\xfe 1"
        );
    });
}

#[test]
fn the_switch_leaves_it_running_and_nothing_else() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(
            home,
            &jenkins,
            "shop",
            "#!/bin/sh\necho ran >>.git/seen\nexit 7\n",
        );
        let mut off = home.command(program(), &repository.folder);
        off.args(["hook", "--chain", MINE, "post-commit"])
            .env("JENKINS_TRIGGER", "0");
        let ran = Ran::of(&mut off);
        assert_eq!((ran.code, ran.stderr.as_str()), (7, ""));
        assert_eq!(read(&repository, ".git/seen"), "ran\n");
        assert_fired(&repository, &jenkins, &[]);
    });
}

/// A newer version's script with an older program.
#[test]
fn it_runs_for_an_event_that_is_not_known() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        write_program(&repository.path(MINE), "#!/bin/sh\ncat\nexit 7\n");
        let mut hook = home.command(program(), &repository.folder);
        let ran = Ran::of(hook.args(["hook", "--chain", MINE, "post-teleport"]));
        assert_eq!(ran.code, 7, "{}", ran.whole());
    });
}

/// The second git tells our hook for itself.
#[test]
fn one_that_amends_the_commit_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let mine = "#!/bin/sh\n[ -e .git/amended ] && exit\n: >.git/amended\n\
                    git commit -q --amend --allow-empty -m amended\n";
        let repository = chained(home, &jenkins, "shop", mine);
        commit(&repository);
        let amended = repository.head();
        assert_eq!(repository.git(&["log", "-1", "--format=%s"]).stdout, "amended\n");
        assert_fired(&repository, &jenkins, &[amended]);
    });
}

/// Runs each of these ways to move a branch to a further commit, once, with no hook of ours.
const UNHOOKED: &[&str] = &[
    "git -c core.hooksPath=/dev/null commit -q --amend --allow-empty -m amended",
    "git -c core.hooksPath=/dev/null commit -q --allow-empty -m added",
    "git update-ref HEAD $(git commit-tree -p HEAD -m made HEAD^{tree})",
    "git reset -q --soft $(git commit-tree -p HEAD~1 -m made HEAD^{tree})",
    // The branch's own tip, wherever HEAD is by then.
    "git update-ref HEAD $(git commit-tree -p HEAD -m made HEAD^{tree})\ngit checkout -q -b other HEAD~1",
];

/// A hook that runs `what` the first time only.
fn once(what: &str) -> String {
    format!("#!/bin/sh\n[ -e .git/done ] && exit\n: >.git/done\n{what}\n")
}

/// No other git has run a hook for it.
#[test]
fn one_that_moves_the_branch_without_hooks_fires_once_for_where_it_is_then() {
    with_each_git(|home| {
        for (number, what) in UNHOOKED.iter().enumerate() {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = chained(home, &jenkins, &format!("shop{number}"), &once(what));
            let before = repository.head();
            let ran = commit(&repository);
            assert_eq!(complaints(&ran), [""; 0], "{what}: {}", ran.whole());
            assert_eq!(said(&ran).len(), 1, "{what}: {}", ran.whole());
            let moved = repository.git(&["rev-parse", "main"]).stdout.trim().to_owned();
            assert_ne!(moved, before, "{what}");
            repository.git(&["checkout", "-q", "main"]);
            assert_fired(&repository, &jenkins, &[moved]);
        }
    });
}

/// What git and the hook have changed together is what counts.
#[test]
fn what_it_adds_without_hooks_hides_no_changed_path() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(home, &jenkins, "shop", &once(UNHOOKED[1]));
        repository.write(
            ".jenkins-trigger.yml",
            file_with(&jenkins, "", "paths: [\"app/**\"]"),
        );
        repository.write("app/code", "new");
        repository.commit("work");
        let added = repository.head();
        assert_eq!(repository.git(&["log", "-1", "--format=%s"]).stdout, "added\n");
        wait_for_fired(&jenkins, &[added]);
    });
}

#[test]
fn one_that_takes_the_commit_back_or_deletes_the_branch_fires_nothing() {
    with_each_git(|home| {
        let ways = [
            "git reset -q --hard HEAD~1",
            "git update-ref -d HEAD",
            "git checkout -q other\ngit branch -q -D main",
        ];
        for (number, what) in ways.iter().enumerate() {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = chained(home, &jenkins, &format!("shop{number}"), &once(what));
            repository.git(&["branch", "other"]);
            let ran = commit(&repository);
            assert_eq!(said(&ran), [""; 0], "{what}: {}", ran.whole());
            repository.git(&["checkout", "-q", "-f", "other"]);
            assert_fired(&repository, &jenkins, &[]);
        }
    });
}

/// By then git's own notes of what it did may be gone.
#[test]
fn one_that_amends_a_merge_or_a_rebase_fires_once() {
    with_each_git(|home| {
        for switch in ["", "-c core.hooksPath=/dev/null"] {
            let jenkins = StandIn::start(shop_with_sha());
            let file = file_for_all(&jenkins);
            let repository = forked_with(home, &format!("shop{}", switch.len()), &file);
            let amend = format!("git {switch} commit -q --amend --no-edit --date=2001-01-01T00:00:00Z");
            // While it is there, git amends nothing.
            let forget = "rm .git/MERGE_HEAD";
            for (event, what) in [
                ("post-merge", format!("{forget}\n{amend}")),
                ("post-rewrite", amend),
            ] {
                chain(&repository, event);
                let mine = format!("#!/bin/sh\n[ \"$1\" = amend ] && exit\n{what}\n");
                write_program(&repository.path(format!(".git/hooks/{event}.mine")), mine);
            }
            let mut fired = Vec::new();
            for command in [
                &["rebase", "-q", "--merge", "--no-ff", "HEAD~2"][..],
                &["merge", "-q", "--no-edit", "main"],
                &["reset", "-q", "--hard", "HEAD~1"],
                &["rebase", "-q", "--apply", "main"],
            ] {
                let ran = repository.git(command);
                if command[0] == "reset" {
                    continue;
                }
                assert_eq!(complaints(&ran), [""; 0], "{command:?}: {}", ran.whole());
                let date = repository.git(&["log", "-1", "--format=%at"]).stdout;
                assert_eq!(date, "978307200\n", "{command:?}: {}", ran.whole());
                fired.push(repository.head());
                wait_for_fired(&jenkins, &fired);
            }
            assert_fired(&repository, &jenkins, &fired);
        }
    });
}

/// With everything switched off, whoever commits below it, and however.
#[test]
fn what_it_commits_below_the_switch_fires_nothing() {
    with_each_git(|home| {
        let ways = [UNHOOKED, &["git commit -q --amend --allow-empty -m amended"]].concat();
        for (number, what) in ways.iter().enumerate() {
            let jenkins = StandIn::start(shop_with_sha());
            let repository = chained(home, &jenkins, &format!("shop{number}"), &once(what));
            let mut git = home.command("git", &repository.folder);
            git.args(["commit", "-q", "--allow-empty", "-m", "work"])
                .env("JENKINS_TRIGGER", "0");
            let ran = Ran::of(&mut git).succeeded();
            assert_eq!(said(&ran), [""; 0], "{what}: {}", ran.whole());
            repository.git(&["checkout", "-q", "main"]);
            assert_fired(&repository, &jenkins, &[]);
        }
    });
}

/// The switch is the inner commit's; the outer one still counts, and only once.
#[test]
fn one_that_amends_with_the_switch_fires_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let mine = once("JENKINS_TRIGGER=0 git commit -q --amend --allow-empty -m amended");
        let repository = chained(home, &jenkins, "shop", &mine);
        let ran = commit(&repository);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        let amended = repository.head();
        assert_fired(&repository, &jenkins, &[amended]);
    });
}

#[test]
fn one_that_commits_in_another_repository_fires_for_both() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let mine = "#!/bin/sh\nunset $(git rev-parse --local-env-vars)\ncd ../other || exit\n\
                    git commit -q --allow-empty -m other\n";
        let other = chained(home, &jenkins, "other", "#!/bin/sh\n");
        let repository = chained(home, &jenkins, "shop", mine);
        let ran = commit(&repository);
        assert_eq!(complaints(&ran), [""; 0], "{}", ran.whole());
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        wait_for_fired(&jenkins, &[other.head(), repository.head()]);
    });
}

/// The commit is still the branch's.
#[test]
fn one_that_checks_out_another_branch_does_not_keep_the_commit_from_firing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let mine = "#!/bin/sh\n[ -e .git/moved ] && exit\n: >.git/moved\ngit checkout -q other\n";
        let repository = chained(home, &jenkins, "shop", mine);
        repository.git(&["branch", "other"]);
        commit(&repository);
        let first = repository.git(&["rev-parse", "main"]).stdout.trim().to_owned();
        assert_ne!(first, repository.head());
        repository.git(&["checkout", "-q", "main"]);
        assert_fired(&repository, &jenkins, &[first]);
    });
}

/// What it says stands before what we say.
#[test]
fn it_runs_first() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = chained(home, &jenkins, "shop", "#!/bin/sh\necho mine >&2\n");
        let ran = commit(&repository);
        assert!(
            ran.stderr.starts_with("mine\njenkins-trigger: "),
            "{}",
            ran.stderr
        );
        assert_eq!(said(&ran).len(), 1);
    });
}

/// A terminal is not read: nobody would end it.
#[test]
fn a_terminal_is_left_to_it() {
    with_each_git(|home| {
        let bare = home.path("bare.git");
        home.git(&home.path(""), &["init", "-q", "--bare", "bare.git"]);
        write_program(&bare.join("mine"), "#!/bin/sh\ntest -t 0\n");
        let line = format!("'{}' hook --chain mine post-receive", program().display());
        let mut terminal = home.command("script", &bare);
        terminal.args(["-q", "-e", "-c", &line, "/dev/null"]);
        if Command::new("script").arg("--version").output().is_ok() {
            assert_eq!(Ran::of(&mut terminal).code, 0);
        }
    });
}
