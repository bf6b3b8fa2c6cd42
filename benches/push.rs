//! What a push costs in the hook: beside a commit, and when it is of 10,000 references. Ratios and
//! medians, because machines differ: `cargo bench --bench push`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it found, and takes git from the PATH"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const ROUNDS: usize = 41;
const REFERENCES: usize = 10_000;
const ZERO: &str = "0000000000000000000000000000000000000000";
const FILE: &str = "version: 1\nserver: http://127.0.0.1:1\njobs:\n  - job: shop/deploy\n    branches: [main, release/00000, release/0000?]\n";

struct Place {
    folder: TempDir,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: impl AsRef<Path>, directory: &Path) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("JENKINS_USER_ID", "ada")
            .env("JENKINS_API_TOKEN", "token");
        command
    }

    fn git(&self, directory: &Path, arguments: &[&str], input: &[u8]) -> String {
        let mut git = self.command("git", directory);
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments);
        String::from_utf8(run(&mut git, input)).expect("names without odd bytes")
    }

    fn hook(&self, directory: &Path, event: &[&str], input: &[u8]) -> Duration {
        let mut hook = self.command(env!("CARGO_BIN_EXE_jenkins-trigger"), directory);
        hook.arg("hook").args(event);
        let start = Instant::now();
        run(&mut hook, input);
        start.elapsed()
    }
}

fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{command:?}");
        output.stdout
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Medians of two things done in turns, so that what else the machine does hits both.
fn in_turns(mut one: impl FnMut() -> Duration, mut other: impl FnMut() -> Duration) -> (Duration, Duration) {
    let pairs: Vec<(Duration, Duration)> = (0..ROUNDS).map(|_| (one(), other())).collect();
    let (ones, others) = pairs.into_iter().unzip();
    (median(ones), median(others))
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
    let place = Place {
        folder: TempDir::new().expect("a folder"),
    };
    let folder = repository(&place);
    let tip = place.git(&folder, &["rev-parse", "HEAD"], b"");
    let tip = tip.trim();
    let forget = || {
        let _ = fs::remove_dir_all(folder.join(".git/jenkins-trigger"));
    };
    let line = format!("refs/heads/main {tip} refs/heads/main {ZERO}\n");
    let pre_push = ["pre-push", "origin", "../shop.git"];
    let (push, commit) = in_turns(
        || {
            forget();
            place.hook(&folder, &pre_push, line.as_bytes())
        },
        || {
            forget();
            place.hook(&folder, &["post-commit"], b"")
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
            || {
                forget();
                place.hook(folder, event, many.as_bytes())
            },
            || {
                forget();
                place.hook(folder, event, one.as_bytes())
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
