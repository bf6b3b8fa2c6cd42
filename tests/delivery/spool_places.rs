//! The place where the spool lies goes away, is full or cannot be written; what lies in it is torn
//! or of another time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use jenkins_stand_in::StandIn;
use serde_json::{Value, json};

use crate::scene::{
    assert_each_once, file, files_in, jenkins, kill_all, processes_of, retry_until_all_is_sent, taken,
    wait_for_all,
};
use crate::support::{Home, PATIENCE, Ran, Repository, gits, program};

/// A repository with hooks, on a branch that fires.
fn repository<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &file(jenkins, ""));
    repository.install();
    repository.git(&["checkout", "-q", "-b", "waits/main"]);
    repository
}

/// With one trigger that its sender, which sleeps, will try again; and the commit.
fn with_sleeper<'a>(home: &'a Home, jenkins: &StandIn) -> (Repository<'a>, String) {
    let repository = repository(home, jenkins);
    jenkins.stop();
    repository.commit("first");
    repository.wait_for_journal(1);
    let commit = repository.head();
    assert_eq!(processes_of(home).len(), 1);
    (repository, commit)
}

#[test]
fn a_repository_that_is_moved_while_its_sender_sleeps_is_served_by_the_next_hook_there() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(jenkins());
    let (repository, first) = with_sleeper(&home, &jenkins);
    let moved = home.path("moved");
    fs::rename(&repository.folder, &moved).expect("a move");
    wait_for_all(&home);
    assert!(!repository.folder.exists());
    jenkins.resume();
    let moved = Repository {
        home: &home,
        folder: moved,
    };
    // Trust is for a place.
    let ran = moved.commit("second");
    assert!(ran.stderr.contains("jenkins-trigger trust"), "{}", ran.stderr);
    let second = moved.head();
    wait_for_all(&home);
    assert_eq!(moved.spooled("new").len(), 2);
    moved.tool(&["trust"]).succeeded();
    wait_for_all(&home);
    assert_each_once(&jenkins, [&first, &second]);
    assert!(moved.spooled("new").is_empty());
}

#[test]
fn a_sender_whose_repository_or_spool_is_deleted_ends_and_makes_nothing_anew() {
    for gone in ["", ".git", ".git/jenkins-trigger"] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(jenkins());
        let (repository, _) = with_sleeper(&home, &jenkins);
        jenkins.resume();
        let gone = repository.path(gone);
        fs::remove_dir_all(&gone).expect("it is deleted");
        wait_for_all(&home);
        assert!(!gone.exists(), "{}", gone.display());
        assert!(taken(&jenkins).is_empty());
    }
}

/// Runs a program where a file system is mounted on a folder that nobody else sees; `None` if this
/// user may not mount.
fn with_mount(
    home: &Home,
    on: &Path,
    options: &str,
    before: &str,
    program: &[&str],
    cwd: &Path,
) -> Option<Ran> {
    let mut may = Command::new("unshare");
    may.args(["-m", "mount", "-t", "tmpfs", "none"]).arg(on);
    if !may.output().is_ok_and(|done| done.status.success()) {
        skipped("this user may not mount a file system of his own");
        return None;
    }
    let script = format!("mount -t tmpfs -o {options} none \"$0\" && {before} exec \"$@\"");
    let mut command = home.command("unshare", cwd);
    command.args(["-m", "sh", "-c", &script]).arg(on).args(program);
    Some(Ran::of(&mut command))
}

/// Says loudly that a test could not run here.
#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

/// What a commit says whose hook cannot write its trigger; it is there all the same.
fn refused(home: &Home, options: &str, before: &str) -> Option<String> {
    let jenkins = StandIn::start(jenkins());
    let repository = repository(home, &jenkins);
    let spool = repository.path(".git/jenkins-trigger");
    fs::create_dir_all(&spool).expect("a folder");
    let commit = ["git", "commit", "-q", "--allow-empty", "-m", "first"];
    let ran = with_mount(home, &spool, options, before, &commit, &repository.folder)?.succeeded();
    repository.head();
    wait_for_all(home);
    assert!(jenkins.requests().is_empty());
    let lines: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("jenkins-trigger:"))
        .collect();
    assert_eq!(lines.len(), 1, "{}", ran.whole());
    Some(lines[0].to_owned())
}

#[test]
fn a_commit_goes_on_beside_a_full_disk_and_one_line_says_what_is_lost() {
    let home = Home::new(&gits()[0]);
    let uid = rustix::process::geteuid().as_raw();
    // All there is to write into is taken, but for the folders.
    let fill = format!(
        "mkdir -m 700 \"$0/{uid}\" && (cd \"$0/{uid}\" && mkdir -m 700 tmp new failed && \
         head -c 100000 /dev/zero >fill 2>/dev/null; true) &&"
    );
    let Some(line) = refused(&home, "size=16k,mode=700", &fill) else {
        return;
    };
    assert!(line.contains("nothing triggered: waits/main → waits"), "{line}");
    assert!(line.contains("No space left on device"), "{line}");
}

#[test]
fn a_commit_goes_on_beside_a_folder_that_cannot_be_written() {
    let home = Home::new(&gits()[0]);
    let Some(line) = refused(&home, "ro,mode=700", "") else {
        return;
    };
    assert!(line.contains("nothing triggered: waits/main → waits"), "{line}");
    assert!(line.contains("Read-only file system"), "{line}");
}

/// A repository of whose commit the trigger waits, and nobody is there to send it.
fn with_one<'a>(home: &'a Home, jenkins: &StandIn) -> (Repository<'a>, String, PathBuf) {
    let (repository, commit) = with_sleeper(home, jenkins);
    kill_all(home, jenkins);
    jenkins.resume();
    let entry = repository.spooled("new").remove(0);
    (repository, commit, entry)
}

fn change(entry: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value =
        serde_json::from_slice(&fs::read(entry).expect("the entry")).expect("an entry of JSON");
    change(&mut value);
    fs::write(entry, value.to_string()).expect("a file");
}

/// Starts a sender that hurries nothing.
fn deliver(repository: &Repository<'_>) -> Child {
    let common = repository.path(".git");
    let mut deliver = repository.home.command(program(), Path::new("/"));
    deliver
        .arg("deliver")
        .arg(common)
        .spawn()
        .expect("the program starts")
}

#[test]
fn torn_and_foreign_entries_are_left_alone_and_said_and_the_others_go_out() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(jenkins());
    let (repository, commit, entry) = with_one(&home, &jenkins);
    let whole = fs::read_to_string(&entry).expect("the entry");
    let folder = entry.parent().expect("a folder");
    let newer = whole.replacen("\"v\":1", "\"v\":2", 1);
    assert_ne!(newer, whole);
    // Older than the one that is whole, and of its branch.
    let strange: Vec<(PathBuf, Vec<u8>)> = [
        ("01K00000000000000000000000", b"".to_vec()),
        (
            "01K00000000000000000000001",
            whole.as_bytes()[..whole.len() / 2].to_vec(),
        ),
        ("01K00000000000000000000002", newer.into_bytes()),
        ("01K00000000000000000000003", vec![0; 4096]),
        ("01K00000000000000000000004", b"{\"v\":1}\n".to_vec()),
    ]
    .into_iter()
    .map(|(name, content)| (folder.join(format!("{name}.json")), content))
    .collect();
    for (path, content) in &strange {
        fs::write(path, content).expect("a file");
    }
    fs::create_dir(folder.join("01K00000000000000000000005.json")).expect("a folder");
    let ran = repository.tool(&["retry"]);
    assert_each_once(&jenkins, [&commit]);
    for (path, content) in &strange {
        assert_eq!(&fs::read(path).expect("it is still there"), content);
        let name = path.display().to_string();
        let said = ran.stderr.lines().filter(|line| line.contains(&name)).count();
        assert_eq!(said, 1, "{name}\n{}", ran.whole());
    }
    wait_for_all(&home);
}

#[test]
fn a_clock_that_is_set_keeps_no_trigger_waiting_for_long() {
    let soon = |text: &str| text.replacen("20", "21", 1);
    for times in [&["due"][..], &["created"], &["created", "due"]] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(jenkins());
        let (repository, commit, entry) = with_one(&home, &jenkins);
        change(&entry, |value| {
            for name in times {
                let text = value[name].as_str().expect("a time");
                value[name] = json!(soon(text));
            }
            if !times.contains(&"due") {
                value["due"] = json!("2001-01-01T00:00:00Z");
            }
        });
        let mut deliver = deliver(&repository);
        assert!(jenkins.wait_until(|state| !state.items.is_empty(), PATIENCE));
        deliver.wait().expect("it ends");
        assert_each_once(&jenkins, [&commit]);
    }
}

/// By a mark from a time that is not yet: it is looked for, and found or sent.
#[test]
fn a_clock_that_was_set_back_while_a_request_was_out_doubles_nothing() {
    for is_there in [false, true] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(jenkins());
        let (repository, commit, entry) = with_one(&home, &jenkins);
        if is_there {
            let waiting = fs::read(&entry).expect("the entry");
            repository.tool(&["retry"]).succeeded();
            fs::write(&entry, waiting).expect("a file");
            fs::remove_file(repository.spool().join("journal.jsonl")).expect("the journal");
        }
        change(&entry, |value| {
            value["sending"] = json!("2099-01-01T00:00:00Z");
            value["due"] = Value::Null;
        });
        retry_until_all_is_sent(&home, &repository.folder, &repository.spool());
        assert_each_once(&jenkins, [&commit]);
    }
}

#[test]
fn when_10000_wait_one_more_is_refused_and_said_until_one_is_gone() {
    const MOST: usize = 10_000;
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(jenkins());
    let (repository, first, entry) = with_one(&home, &jenkins);
    jenkins.stop();
    let value: Value = serde_json::from_slice(&fs::read(&entry).expect("the entry")).expect("JSON");
    let id = value["id"].as_str().expect("an id").to_owned();
    let folder = entry.parent().expect("a folder");
    let mut newest = id.clone();
    for number in 1..MOST {
        newest = format!("{}{number:05}", &id[..id.len() - 5]);
        let mut other = value.clone();
        other["id"] = json!(newest);
        fs::write(folder.join(format!("{newest}.json")), other.to_string()).expect("a file");
    }
    assert_eq!(files_in(folder).len(), MOST);
    let ran = repository.commit("one too many");
    kill_all(&home, &jenkins);
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("nothing triggered"))
        .collect();
    assert_eq!(said.len(), 1, "{}", ran.stderr);
    assert!(said[0].contains("10000 triggers wait already"), "{}", said[0]);
    assert!(said[0].contains("jenkins-trigger retry"), "{}", said[0]);
    assert_eq!(files_in(folder).len(), MOST);

    repository.tool(&["cancel", &newest]).succeeded();
    kill_all(&home, &jenkins);
    let ran = repository.commit("room for one");
    kill_all(&home, &jenkins);
    assert!(!ran.stderr.contains("nothing triggered"), "{}", ran.stderr);
    assert_eq!(files_in(folder).len(), MOST);
    assert!(entry.exists());
    assert_eq!(first, value["sha"]);
}
