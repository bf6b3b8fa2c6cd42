//! The process that sends after `git commit` has ended owes nothing to the one that started it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jenkins_stand_in::{Fault, FaultAction, StandIn};

use crate::support::{Home, JOB_TOKEN, PATIENCE, Ran, Repository, TOKEN, shop, wait_for, with_each_git};

/// A sender that waits for an answer, started by a commit in a linked work tree below `git -c`,
/// with descriptors handed down.
struct Held<'a> {
    jenkins: StandIn,
    repository: Repository<'a>,
    process: PathBuf,
    pid: u32,
}

fn held(home: &Home) -> Held<'_> {
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: false }));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - job: shop/deploy\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.commit("before the hook");
    repository.install();
    repository.git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
    let script = "exec 7>\"$HOME/handed-down\" 8<\"$HOME/.gitconfig\" 9>&1; \
                  git -c a.b=c commit -q --allow-empty -m work";
    let mut shell = home.command("sh", &home.path("linked"));
    shell
        .args(["-c", script])
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "d.e")
        .env("GIT_CONFIG_VALUE_0", "f")
        .env("no_proxy", "kept.example.com,127.0.0.1")
        .env("GIT_SSH_COMMAND", "kept");
    let ran = Ran::of(&mut shell);
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
    let pid = sender_of(&repository);
    Held {
        jenkins,
        repository,
        process: PathBuf::from(format!("/proc/{pid}")),
        pid,
    }
}

fn sender_of(repository: &Repository<'_>) -> u32 {
    let folder = repository.folder.display().to_string();
    let is_sender = |pid: u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<_> = line
            .split(|byte| *byte == 0)
            .map(String::from_utf8_lossy)
            .collect();
        let ours = words.get(1).is_some_and(|word| word == "deliver")
            && words.iter().any(|word| word.starts_with(&folder));
        ours.then_some(pid)
    };
    wait_for("the sender's process", || {
        let found: Vec<u32> = fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(is_sender)
            .collect();
        assert!(found.len() <= 1, "several senders: {found:?}");
        found.first().copied()
    })
}

fn with_a_held_sender(look: impl Fn(&Held<'_>)) {
    with_each_git(|home| {
        let held = held(home);
        look(&held);
        assert_eq!(held.jenkins.posts()[0].status, None);
        assert_eq!(held.repository.journal().len(), 0);
    });
}

/// Ctrl-C and a closed terminal go to the session of the terminal.
#[test]
fn it_leads_a_session_of_its_own() {
    with_a_held_sender(|held| {
        let stat = fs::read_to_string(held.process.join("stat")).expect("its state");
        let (_, fields) = stat.rsplit_once(')').expect("a command name in parentheses");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let (group, session, terminal) = (fields[2], fields[3], fields[4]);
        assert_eq!(session, held.pid.to_string());
        assert_eq!(group, held.pid.to_string());
        assert_eq!(terminal, "0");
    });
}

/// A pipe that stays open keeps its reader waiting; a folder that is somebody's current one cannot
/// be unmounted.
#[test]
fn it_holds_nothing_of_the_caller_open() {
    with_a_held_sender(|held| {
        assert_eq!(
            fs::read_link(held.process.join("cwd")).expect("its folder"),
            Path::new("/")
        );
        let spool = held.repository.spool();
        for entry in fs::read_dir(held.process.join("fd")).expect("its descriptors") {
            let path = entry.expect("an entry").path();
            let Ok(target) = fs::read_link(&path) else {
                continue;
            };
            let number = path.file_name().expect("a number").to_str().expect("digits");
            let text = target.to_string_lossy();
            if ["0", "1", "2"].contains(&number) {
                assert_eq!(target, Path::new("/dev/null"), "descriptor {number}");
            } else {
                let own = target.starts_with(&spool)
                    || text.starts_with("socket:")
                    || text.starts_with("anon_inode:");
                assert!(own, "descriptor {number} is {text}");
            }
        }
    });
}

/// In a linked work tree `GIT_DIR` and `GIT_INDEX_FILE` are absolute: whatever inherits them works on
/// that repository.
#[test]
fn it_inherits_no_variable_that_ties_it_to_a_repository() {
    with_a_held_sender(|held| {
        let environment = fs::read(held.process.join("environ")).expect("its environment");
        let names: BTreeSet<String> = environment
            .split(|byte| *byte == 0)
            .filter_map(|line| Some(String::from_utf8_lossy(line).split_once('=')?.0.to_owned()))
            .collect();
        let listed = held.repository.git(&["rev-parse", "--local-env-vars"]).stdout;
        let more = [
            "GIT_PREFIX",
            "GIT_INDEX_FILE",
            "GIT_QUARANTINE_PATH",
            "GIT_CONFIG_KEY_0",
            "GIT_CONFIG_VALUE_0",
        ];
        for name in listed.lines().chain(more) {
            assert!(!names.contains(name), "{name} is in {names:?}");
        }
        for name in ["JENKINS_API_TOKEN", "no_proxy", "GIT_SSH_COMMAND", "HOME"] {
            assert!(names.contains(name), "{name} is not in {names:?}");
        }
    });
}

/// Everybody on the machine can read a command line.
#[test]
fn its_command_line_has_no_secret() {
    with_a_held_sender(|held| {
        let line = fs::read(held.process.join("cmdline")).expect("its command line");
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(line.contains("deliver"), "{line}");
        for secret in [TOKEN, JOB_TOKEN] {
            assert!(!line.contains(secret), "{line}");
        }
    });
}
