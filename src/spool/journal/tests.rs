use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn journal(&self) -> Journal {
        Journal::at(self.path("journal.jsonl"))
    }

    /// The name and the number of lines of each file.
    fn files(&self) -> BTreeMap<String, usize> {
        let files = fs::read_dir(self.folder.path()).expect("a folder");
        let count = |entry: fs::DirEntry| {
            let text = fs::read_to_string(entry.path()).expect("text");
            (
                entry.file_name().into_string().expect("text"),
                text.lines().count(),
            )
        };
        files.map(|entry| count(entry.expect("an entry"))).collect()
    }
}

fn entry(id: &str, size: usize) -> Entry {
    Entry {
        time: Timestamp::UNIX_EPOCH,
        id: id.to_owned(),
        also: Vec::new(),
        outcome: Outcome::Queued,
        event: "manual".into(),
        rules: vec!["a".into()],
        server: "http://127.0.0.1/".into(),
        job: "a".into(),
        branch: Some("main".into()),
        tag: None,
        sha: "0".repeat(40),
        item: None,
        url: None,
        message: Some("x".repeat(size)),
        reason: None,
    }
}

const QUARTER: usize = 2 * 1024 * 1024;

fn ids(entries: impl IntoIterator<Item = Entry>) -> Vec<String> {
    entries.into_iter().map(|entry| entry.id).collect()
}

#[test]
fn four_older_files_of_eight_mebibytes_are_kept() {
    let place = Place::new();
    let journal = place.journal();
    // Three of these go into one file.
    for number in 0..20 {
        journal
            .append(&entry(&number.to_string(), QUARTER + 1000))
            .expect("a line");
    }
    let expected = [
        ("journal.1.jsonl", 3),
        ("journal.2.jsonl", 3),
        ("journal.3.jsonl", 3),
        ("journal.4.jsonl", 3),
        ("journal.jsonl", 2),
    ];
    let expected: BTreeMap<String, usize> = expected.map(|(name, lines)| (name.to_owned(), lines)).into();
    assert_eq!(place.files(), expected);
    let kept: Vec<String> = (6..20).map(|number: u32| number.to_string()).collect();
    assert_eq!(ids(journal.entries().expect("entries")), kept);
    assert_eq!(journal.last().expect("read").expect("a line").id, "19");
    for name in expected.keys() {
        let mode = fs::metadata(place.path(name))
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
}

/// As one leaves it who died while he put files aside.
#[test]
fn a_gap_among_the_older_files_is_filled_before_one_is_given_up() {
    let place = Place::new();
    let journal = place.journal();
    for number in [1, 3, 4] {
        fs::write(
            place.path(&format!("journal.{number}.jsonl")),
            format!("{number}\n"),
        )
        .expect("a file");
    }
    for id in ["a", "b"] {
        journal.append(&entry(id, 3 * QUARTER)).expect("a line");
    }
    for (number, text) in [(2, "1\n"), (3, "3\n"), (4, "4\n")] {
        let path = place.path(&format!("journal.{number}.jsonl"));
        assert_eq!(fs::read_to_string(path).expect("a file"), text);
    }
    assert_eq!(ids(journal.entries().expect("entries")), ["a", "b"]);
}

#[test]
fn what_cannot_be_put_aside_grows_on() {
    let place = Place::new();
    let journal = place.journal();
    for number in 1..=4 {
        // A folder that is not empty cannot be replaced.
        fs::create_dir_all(place.path(&format!("journal.{number}.jsonl/full"))).expect("a folder");
    }
    for id in ["a", "b", "c"] {
        journal.append(&entry(id, 3 * QUARTER)).expect("a line");
    }
    let text = fs::read_to_string(place.path("journal.jsonl")).expect("the journal");
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn many_writers_lose_nothing_and_whoever_follows_sees_each_line_once() {
    const WRITERS: usize = 8;
    const LINES: usize = 450;
    let place = Place::new();
    let journal = place.journal();
    let done = AtomicBool::new(false);
    let mut mark = journal.mark();
    let seen = thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut seen = Vec::new();
            loop {
                let last = done.load(Ordering::Acquire);
                let lines = journal.follow(&mut mark).expect("readable");
                seen.extend(lines.iter().map(|line| match line {
                    Line::Known(entry) => entry.id.clone(),
                    Line::Foreign(foreign) => panic!("{foreign:?}"),
                }));
                if last {
                    return seen;
                }
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let journal = &journal;
                scope.spawn(move || {
                    for line in 0..LINES {
                        let id = format!("{writer}-{line:03}");
                        journal.append(&entry(&id, 8_000)).expect("a line");
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("no panic");
        }
        done.store(true, Ordering::Release);
        follower.join().expect("no panic")
    });
    let all = ids(journal.entries().expect("entries"));
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (WRITERS * LINES, WRITERS * LINES));
    assert!(place.files().len() >= 4, "it was put aside: {:?}", place.files());
    assert_eq!(seen, all, "in the order in which they were written");
}

#[test]
fn who_waited_for_another_writer_that_put_the_file_aside_writes_into_the_new_one() {
    let place = Place::new();
    let journal = place.journal();
    journal.append(&entry("before", 10)).expect("a line");
    let path = place.path("journal.jsonl");
    let other = fs::File::open(&path).expect("the journal");
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let (tell, told) = mpsc::channel();
    let writer = thread::spawn(move || {
        journal.append(&entry("after", 10)).expect("a line");
        tell.send(()).expect("a listener");
    });
    let early = told.recv_timeout(Duration::from_millis(200));
    assert!(early.is_err(), "it waits for the other");
    fs::rename(&path, place.path("journal.1.jsonl")).expect("a move");
    fs::write(&path, "").expect("the new one");
    drop(other);
    writer.join().expect("no panic");
    let files = [("journal.1.jsonl", 1), ("journal.jsonl", 1)];
    assert_eq!(
        place.files(),
        files.map(|(name, lines)| (name.to_owned(), lines)).into()
    );
}

#[test]
fn a_writer_that_was_stopped_stops_nobody() {
    let place = Place::new();
    let journal = place.journal();
    journal.append(&entry("before", 10)).expect("a line");
    let stopped = fs::File::open(place.path("journal.jsonl")).expect("the journal");
    rustix::fs::flock(&stopped, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    journal.append(&entry("after", 10)).expect("a line");
    assert_eq!(ids(journal.entries().expect("entries")), ["before", "after"]);
}

#[test]
fn a_mark_holds_while_the_file_is_put_aside() {
    let place = Place::new();
    let journal = place.journal();
    let nothing = journal.mark();
    journal.append(&entry("before", 10)).expect("a line");
    let mark = journal.mark();
    assert!(journal.since(&mark).expect("read").is_empty());
    for id in ["a", "b", "c"] {
        journal.append(&entry(id, 3 * QUARTER)).expect("a line");
    }
    assert_eq!(ids(journal.since(&mark).expect("read")), ["a", "b", "c"]);
    assert_eq!(
        ids(journal.since(&nothing).expect("read")),
        ["before", "a", "b", "c"]
    );
}

#[test]
fn a_mark_holds_between_two_files() {
    let place = Place::new();
    let journal = place.journal();
    journal.append(&entry("before", 10)).expect("a line");
    fs::rename(place.path("journal.jsonl"), place.path("journal.1.jsonl")).expect("a move");
    let mark = journal.mark();
    assert!(journal.since(&mark).expect("read").is_empty());
    journal.append(&entry("after", 10)).expect("a line");
    assert_eq!(ids(journal.since(&mark).expect("read")), ["after"]);
}

#[test]
fn who_follows_gets_a_line_when_it_is_whole() {
    let place = Place::new();
    let journal = place.journal();
    let mut mark = journal.mark();
    let line = serde_json::to_string(&entry("a", 10)).expect("JSON");
    let (beginning, end) = line.split_at(40);
    let path = place.path("journal.jsonl");
    fs::write(&path, beginning).expect("a file");
    assert!(journal.follow(&mut mark).expect("read").is_empty());
    fs::write(&path, format!("{beginning}{end}\n{beginning}")).expect("a file");
    assert_eq!(journal.follow(&mut mark).expect("read").len(), 1);
    assert!(journal.follow(&mut mark).expect("read").is_empty());
}

#[test]
fn lines_are_read_backwards_whatever_their_length() {
    for size in [0, 1, 300, 65_535, 65_536, 200_000] {
        let place = Place::new();
        let journal = place.journal();
        for number in 0..7 {
            journal.append(&entry(&number.to_string(), size)).expect("a line");
        }
        let newest = ids(journal.newest_first().expect("readable"));
        assert_eq!(newest, ["6", "5", "4", "3", "2", "1", "0"], "{size}");
    }
}

#[test]
fn torn_lines_are_left_out_and_a_whole_one_without_its_end_counts() {
    let place = Place::new();
    let journal = place.journal();
    let line = serde_json::to_string(&entry("a", 10)).expect("JSON");
    let path = place.path("journal.jsonl");
    fs::write(&path, format!("{}\n\n[1]\n{line}", &line[..40])).expect("a file");
    assert_eq!(ids(journal.newest_first().expect("readable")), ["a"]);
    journal.append(&entry("b", 10)).expect("a line");
    assert_eq!(ids(journal.newest_first().expect("readable")), ["b", "a"]);
    fs::write(&path, &line[..40]).expect("a file");
    journal.append(&entry("c", 10)).expect("a line");
    assert_eq!(ids(journal.entries().expect("readable")), ["c"]);
    fs::write(&path, "").expect("a file");
    assert_eq!(journal.last().expect("readable"), None);
}

#[test]
fn a_line_of_a_later_version_is_told_from_a_torn_one() {
    let place = Place::new();
    let journal = place.journal();
    let known = serde_json::to_string(&entry("a", 10)).expect("JSON");
    let later = known.replace("\"queued\"", "\"teleported\"");
    fs::write(
        place.path("journal.jsonl"),
        format!("{later}\n{}\n", &later[..90]),
    )
    .expect("a file");
    let lines: Vec<Line> = journal
        .lines(|_| true)
        .expect("readable")
        .collect::<Result<_>>()
        .expect("readable");
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].outcome(), lines[0].job()), ("teleported", Some("a")));
    assert_eq!(journal.last().expect("readable"), None);
}

#[test]
fn what_is_no_file_is_neither_read_nor_written() {
    let place = Place::new();
    let journal = place.journal();
    let path = place.path("journal.jsonl");
    let other = place.path("other");
    fs::write(&other, "").expect("a file");
    let link = || symlink(&other, &path).expect("a link");
    let pipe = || {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
    };
    for make in [&link as &dyn Fn(), &pipe] {
        make();
        let refused =
            |error: Option<Error>| assert!(matches!(error, Some(Error::NotOurs { .. })), "{error:?}");
        refused(journal.append(&entry("a", 10)).err());
        refused(journal.entries().err());
        refused(journal.since(&journal.mark()).err());
        assert_eq!(fs::read(&other).expect("a file"), b"");
        fs::remove_file(&path).expect("removed");
    }
}

/// What went wrong may repeat what a server said.
#[test]
fn no_secret_is_written_down() {
    let _secret = crate::secret::Secret::new("journalled-by-nobody".into());
    let place = Place::new();
    let line = Entry {
        message: Some("https://ada:journalled-by-nobody@ci.example.com; journalled%2Dby%2Dnobody".into()),
        url: Some("https://ci.example.com/journalled-by-nobody/".into()),
        ..entry("1", 1)
    };
    place.journal().append(&line).expect("a line");
    let read = place.journal().last().expect("read").expect("a line");
    assert_eq!(
        read.message.as_deref(),
        Some("https://ada:•••@ci.example.com; •••")
    );
    assert_eq!(read.url.as_deref(), Some("https://ci.example.com/•••/"));
    assert_eq!(read.job, line.job);
}
