//! What `log` costs where the journal has 100,000 lines, as a whole process: `cargo bench --bench
//! journal`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod common;

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use common::{Place, median, run};

const ROUNDS: usize = 41;
const LINES: usize = 100_000;
const LIMIT: Duration = Duration::from_millis(20);

/// One line in a thousand is of the branch `rare`.
fn line(number: usize) -> String {
    let branch = if number.is_multiple_of(1_000) {
        "rare"
    } else {
        "main"
    };
    format!(
        "{{\"time\":\"2026-01-02T03:04:05.123456789Z\",\"id\":\"01K{number:023}\",\"outcome\":\"queued\",\
         \"event\":\"post-push\",\"rules\":[\"shop/deploy\"],\"server\":\"https://ci.example.com/jenkins/\",\
         \"job\":\"shop/deploy\",\"branch\":\"{branch}\",\"sha\":\"{number:040}\",\"item\":{number},\
         \"url\":\"https://ci.example.com/jenkins/queue/item/{number}/\"}}\n"
    )
}

/// All of it in one file, as before any was put aside, so that there really are so many.
fn write_journal(git: &Path) -> u64 {
    let user = fs::metadata(git).expect("the git directory").uid();
    let spool = git.join("jenkins-trigger").join(user.to_string());
    let mut private = fs::DirBuilder::new();
    private
        .mode(0o700)
        .recursive(true)
        .create(&spool)
        .expect("the spool");
    let text: String = (0..LINES).map(line).collect();
    let journal = spool.join("journal.jsonl");
    fs::write(&journal, &text).expect("the journal");
    text.len() as u64 / 1024 / 1024
}

fn main() {
    let place = Place::new();
    let folder = place.path("shop");
    fs::create_dir(&folder).expect("a folder");
    place.git(&folder, &["init", "-q", "-b", "main"], b"");
    let size = write_journal(&folder.join(".git"));
    println!("{LINES} lines, {size} MiB; limit {LIMIT:.1?}");
    for (what, arguments, lines) in [
        ("the last 50", &["log", "--json"][..], 50),
        (
            "the last 50 of one branch, spread over half of it",
            &["log", "--json", "--branch", "rare"],
            50,
        ),
        (
            "none, of a branch that is not in it",
            &["log", "--json", "--branch", "none"],
            0,
        ),
    ] {
        let mut once = place.command(env!("CARGO_BIN_EXE_jenkins-trigger"), &folder);
        let printed = run(once.args(arguments), b"");
        let count = printed.split_inclusive(|byte| *byte == b'\n').count();
        assert_eq!(count, lines, "{what}");
        let time = median((0..ROUNDS).map(|_| place.time(&folder, arguments, b"")).collect());
        let verdict = if time < LIMIT { "below" } else { "ABOVE" };
        println!("log of {what}: {time:.1?}, {verdict} the limit");
    }
}
