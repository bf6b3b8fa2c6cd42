//! `log`: which lines are shown, and how it goes on.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use crate::helpers::{filtered, home};
use crate::support::{Home, PATIENCE, Ran, Repository, program, wait_for};

/// A line of the journal about the trigger whose id ends so.
fn line(end: &str, branch: &str, outcome: &str) -> Value {
    json!({
        "time": format!("2026-01-0{}T12:00:00Z", end.len()),
        "id": format!("{:0>26}", format!("1K{end}")),
        "outcome": outcome,
        "event": "post-push",
        "rules": ["deploy"],
        "server": "https://ci.example.com/",
        "job": format!("shop/{branch}"),
        "branch": branch,
        "sha": "1".repeat(40),
    })
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A repository with this journal.
fn with_journal<'a>(home: &'a Home, lines: &[Value]) -> Repository<'a> {
    let repository = home.repository("shop", "");
    let mut private = fs::DirBuilder::new();
    private
        .mode(0o700)
        .recursive(true)
        .create(repository.spool())
        .expect("a folder");
    fs::write(repository.spool().join("journal.jsonl"), text(lines)).expect("the journal");
    repository
}

/// The ends of the ids of the lines that are shown.
fn shown(repository: &Repository<'_>, arguments: &[&str]) -> Vec<String> {
    let ran = repository
        .tool(&[&["log", "--json"], arguments].concat())
        .succeeded();
    let end = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let id = line["id"].as_str().expect("text").to_owned();
        id.split_once("1K").expect("an id").1.to_owned()
    };
    ran.stdout.lines().map(end).collect()
}

#[test]
fn filters_choose_among_all_lines_and_the_number_counts_what_is_left() {
    let home = home();
    let mut lines = vec![
        line("A", "main", "queued"),
        line("BB", "next", "failed"),
        line("CCC", "main", "waiting"),
    ];
    lines.extend((0..200).map(|_| line("XXXX", "other", "merged")));
    lines.push(line("DDDDD", "main", "failed"));
    let repository = with_journal(&home, &lines);
    let chosen = |arguments: &[&str]| shown(&repository, arguments);
    assert_eq!(chosen(&["-n", "2"]), ["XXXX", "DDDDD"]);
    assert_eq!(chosen(&["--branch", "main"]), ["A", "CCC", "DDDDD"]);
    assert_eq!(chosen(&["--branch", "main", "-n", "2"]), ["CCC", "DDDDD"]);
    assert_eq!(chosen(&["--branch", "mai"]), [""; 0]);
    assert_eq!(chosen(&["--job", "shop/next"]), ["BB"]);
    assert_eq!(chosen(&["--outcome", "failed"]), ["BB", "DDDDD"]);
    assert_eq!(chosen(&["--outcome", "failed,queued"]), ["A", "BB", "DDDDD"]);
    assert_eq!(chosen(&["--outcome", "failed", "--branch", "main"]), ["DDDDD"]);
    assert_eq!(chosen(&["CCC"]), ["CCC"]);
    assert_eq!(chosen(&["kccc", "1KA"]), ["A", "CCC"], "in lower case, and two");
    assert_eq!(chosen(&["--since", "2026-01-05"]), ["DDDDD"]);
    assert_eq!(chosen(&["--since", "2026-01-05 12:00"]), ["DDDDD"]);
    assert_eq!(chosen(&["--since", "2026-01-05T12:00:01Z"]), [""; 0]);
    assert_eq!(chosen(&["--since", "2h"]), [""; 0]);
    assert_eq!(chosen(&["--since", "200 years", "-n", "3"]).len(), 3);
    let ran = repository.tool(&["log", "--branch", "none"]).succeeded();
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.contains("no line of the journal is so"),
        "{}",
        ran.whole()
    );
}

/// Lines are in the order in which they were written, and clocks are set back.
#[test]
fn a_clock_that_was_set_back_hides_nothing() {
    let home = home();
    let early = line("A", "main", "queued");
    let mut late = line("BBB", "main", "queued");
    late["time"] = "2026-01-01T20:00:00Z".into();
    let repository = with_journal(&home, &[late, early]);
    assert_eq!(shown(&repository, &["--since", "2026-01-01T19:00:00Z"]), ["BBB"]);
}

#[test]
fn what_it_does_not_understand_is_refused_with_what_it_does() {
    let home = home();
    let repository = with_journal(&home, &[]);
    for (arguments, help) in [
        (["--since", "yesterday-ish"], "write how long ago (2h, 3d)"),
        (["--outcome", "lost"], "queued, merged, polled, waiting"),
        (["--branch", "main"], ""),
    ] {
        let ran = repository.tool(&[&["log"], &arguments[..]].concat());
        assert_eq!(ran.code, i32::from(!help.is_empty()), "{}", ran.whole());
        assert!(ran.stderr.contains(help), "{}", ran.whole());
    }
    assert_eq!(repository.tool(&["log", ""]).code, 1);
}

#[test]
fn one_line_for_several_triggers_says_so_and_is_found_by_each_of_them() {
    let home = home();
    let mut both = line("A", "main", "queued");
    both["also"] = json!(["01KBB", "01KCC"]);
    let repository = with_journal(&home, &[both.clone(), line("ZZ", "main", "queued")]);
    assert_eq!(shown(&repository, &["KCC"]), ["A"]);
    let table = repository.tool(&["log", "KBB"]).succeeded();
    assert!(table.stdout.contains("(and 2 identical)"), "{}", table.whole());
    let json = repository.tool(&["log", "--json", "KBB"]).succeeded();
    let found: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(found["also"], both["also"]);
}

#[test]
fn a_line_of_a_later_version_is_shown_as_it_is() {
    let home = home();
    let mut later = line("A", "main", "teleported");
    later["engine"] = "warp".into();
    let repository = with_journal(&home, &[later.clone(), line("BB", "main", "queued")]);
    let table = repository.tool(&["log"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(table.stdout, @"
        TIME                 ID        OUTCOME     BRANCH  COMMIT   JOB        RESULT
        [TIME]  000001KA  teleported  main [SHORT]  shop/main  another version of jenkins-trigger wrote this
        [TIME]  00001KBB  queued      main [SHORT]  shop/main
        ");
    });
    let json = repository
        .tool(&["log", "--json", "--branch", "main", "-n", "2"])
        .succeeded();
    let first: Value = serde_json::from_str(json.stdout.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first, later);
}

#[test]
fn older_files_of_the_journal_are_read_too() {
    let home = home();
    let repository = with_journal(&home, &[line("DDDD", "main", "queued")]);
    for (number, end) in [(1, "CCC"), (2, "BB"), (4, "A")] {
        let path = repository.spool().join(format!("journal.{number}.jsonl"));
        fs::write(path, text(&[line(end, "main", "queued")])).expect("a file");
    }
    assert_eq!(shown(&repository, &[]), ["A", "BB", "CCC", "DDDD"]);
    assert_eq!(shown(&repository, &["-n", "2"]), ["CCC", "DDDD"]);
}

#[test]
fn a_journal_that_is_a_link_is_neither_read_nor_written_and_the_way_out_helps() {
    let home = home();
    let repository = with_journal(&home, &[]);
    let path = repository.spool().join("journal.jsonl");
    let secret = home.path("secret");
    fs::write(&secret, text(&[line("A", "secret-branch", "queued")])).expect("a file");
    fs::remove_file(&path).expect("the journal");
    std::os::unix::fs::symlink(&secret, &path).expect("a link");
    for command in ["log", "status"] {
        let ran = repository.tool(&[command]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(!ran.whole().contains("secret-branch"), "{}", ran.whole());
        assert!(ran.stderr.contains("journal.jsonl is a link"), "{}", ran.whole());
    }
    repository.follow(crate::helpers::command_after(
        &repository.tool(&["log"]).stderr,
        "remove it: ",
    ));
    repository.tool(&["log"]).succeeded();
    assert!(secret.exists());
}

/// A `log --follow` and the lines that it prints.
struct Following {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Following {
    fn start(repository: &Repository<'_>, arguments: &[&str]) -> (Child, ChildStdout) {
        let mut log = repository.home.command(program(), &repository.folder);
        log.args(["log", "--follow"]).args(arguments);
        let mut child = log
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        (child, stdout)
    }

    fn of(repository: &Repository<'_>, arguments: &[&str]) -> Self {
        let (child, stdout) = Self::start(repository, arguments);
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let _ = tell.send(line.expect("text"));
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_follows_across_the_files_of_the_journal() {
    let home = home();
    let repository = with_journal(
        &home,
        &[line("A", "main", "queued"), line("BB", "main", "queued")],
    );
    let path = repository.spool().join("journal.jsonl");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .expect("the journal");
        file.write_all(text.as_bytes()).expect("written");
    };
    let following = Following::of(&repository, &["-n", "1", "--branch", "main"]);
    let heading = following.next();
    assert!(heading.starts_with("TIME"), "{heading}");
    let first = following.next();
    assert!(first.contains("1KBB "), "{first}");
    append(&text(&[line("OTHER", "other", "queued")]));
    let next = text(&[line("CCC", "main", "not-pushed")]);
    let (beginning, end) = next.split_at(50);
    append(beginning);
    append(end);
    let second = following.next();
    assert!(second.contains("1KCCC "), "{second}");
    append(&text(&[line("DDD", "main", "queued")]));
    fs::rename(&path, repository.spool().join("journal.1.jsonl")).expect("a move");
    append(&text(&[line("EEE", "main", "queued")]));
    for id in ["1KDDD ", "1KEEE "] {
        let line = following.next();
        assert!(line.contains(id), "{line}");
        assert_eq!(line.find("main"), second.find("main"), "the columns stay");
    }
}

#[test]
fn it_waits_for_the_first_line_and_ends_quietly_when_its_reader_leaves() {
    let home = home();
    let repository = home.repository("shop", "");
    let (mut child, stdout) = Following::start(&repository, &["--json"]);
    let ended = |child: &mut Child| child.try_wait().expect("a child").is_some();
    thread::scope(|scope| {
        let spool = repository.spool();
        scope.spawn(move || {
            let mut private = fs::DirBuilder::new();
            private
                .mode(0o700)
                .recursive(true)
                .create(&spool)
                .expect("a folder");
            fs::write(spool.join("journal.jsonl"), text(&[line("A", "main", "queued")]))
                .expect("the journal");
        });
        let mut stdout = BufReader::new(stdout);
        let mut first = String::new();
        stdout.read_line(&mut first).expect("a line");
        assert!(first.contains("1KA\""), "{first}");
        assert!(!ended(&mut child));
    });
    let child = std::sync::Mutex::new(child);
    wait_for("its end", || {
        ended(&mut child.lock().expect("a child")).then_some(())
    });
    let child = child.into_inner().expect("a child");
    let ran = Ran::from(child.wait_with_output().expect("its end"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn it_ends_when_the_repository_is_gone() {
    let home = home();
    let repository = with_journal(&home, &[line("A", "main", "queued")]);
    let mut following = Following::of(&repository, &[]);
    following.next();
    fs::remove_dir_all(repository.path(".git")).expect("removed");
    let code = following.child.wait().expect("its end").code();
    assert_eq!(code, Some(0));
}
