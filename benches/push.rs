//! What a push costs in the hook: beside a commit, and when it is of 10,000 references. Ratios and
//! medians, because machines differ: `cargo bench --bench push`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Place, in_turns};

const ROUNDS: usize = 41;
const REFERENCES: usize = 10_000;
const ZERO: &str = "0000000000000000000000000000000000000000";
const FILE: &str = "version: 1\nserver: http://127.0.0.1:1\njobs:\n  - job: shop/deploy\n    branches: [main, release/00000, release/0000?]\n";

/// How long this hook takes.
fn hook(place: &Place, directory: &Path, event: &[&str], input: &[u8]) -> Duration {
    place.time(directory, &[&["hook"], event].concat(), input)
}

fn repository(place: &Place) -> PathBuf {
    let folder = place.path("shop");
    fs::create_dir(&folder).expect("a folder");
    place.git(&folder, &["init", "-q", "-b", "main"], b"");
    fs::write(folder.join(".jenkins-trigger.yml"), FILE).expect("a file");
    place.git(&folder, &["add", "."], b"");
    place.git(&folder, &["commit", "-q", "-m", "first"], b"");
    place.git(&folder, &["remote", "add", "origin", "../shop.git"], b"");
    folder
}

fn import(count: usize) -> String {
    let mut stream = String::new();
    for number in 0..count {
        let content = number.to_string();
        write!(
            stream,
            "commit refs/heads/release/{number:05}\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 1\nx\n\
             from refs/heads/main^0\nM 100644 inline file\ndata {}\n{content}\n\n",
            content.len()
        )
        .expect("memory");
    }
    stream
}

fn main() {
    let place = Place::new();
    let folder = repository(&place);
    let tip = place.git(&folder, &["rev-parse", "HEAD"], b"");
    let tip = tip.trim();
    let forget = || {
        let _ = fs::remove_dir_all(folder.join(".git/jenkins-trigger"));
    };
    let line = format!("refs/heads/main {tip} refs/heads/main {ZERO}\n");
    let pre_push = ["pre-push", "origin", "../shop.git"];
    let (push, commit) = in_turns(
        ROUNDS,
        || {
            forget();
            hook(&place, &folder, &pre_push, line.as_bytes())
        },
        || {
            forget();
            hook(&place, &folder, &["post-commit"], b"")
        },
    );
    println!(
        "pre-push {push:.1?}, post-commit {commit:.1?}: {:.2} of it",
        push.as_secs_f64() / commit.as_secs_f64()
    );

    place.git(
        &folder,
        &["fast-import", "--quiet"],
        import(REFERENCES).as_bytes(),
    );
    let listed = place.git(
        &folder,
        &[
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            "refs/heads/release/",
        ],
        b"",
    );
    let lines = |format: fn(&str, &str) -> String| -> String {
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(name, id)| format(name, id)).collect()
    };
    let pushed = lines(|name, id| format!("{name} {id} {name} {ZERO}\n"));
    let received = lines(|name, id| format!("{ZERO} {id} {name}\n"));
    let bare = place.path("shop.git");
    place.git(&folder, &["clone", "-q", "--bare", ".", "../shop.git"], b"");
    for (name, folder, event, many) in [
        ("pre-push", &folder, &pre_push[..], &pushed),
        ("post-receive", &bare, &["post-receive"][..], &received),
    ] {
        let one = many.lines().next().unwrap_or_default().to_owned() + "\n";
        let forget = || {
            let _ = fs::remove_dir_all(folder.join(".git/jenkins-trigger"));
            let _ = fs::remove_dir_all(folder.join("jenkins-trigger"));
        };
        let (many, one) = in_turns(
            ROUNDS,
            || {
                forget();
                hook(&place, folder, event, many.as_bytes())
            },
            || {
                forget();
                hook(&place, folder, event, one.as_bytes())
            },
        );
        println!("{name} of {REFERENCES} references, 10 of which fire: {many:.1?}; of one: {one:.1?}");
    }
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("its usage");
        println!(
            "the largest of all these processes: {} MB",
            usage.max_rss() / 1024
        );
    }
}
