//! What it costs to send: 1,000 triggers that wait, beside a bare loop that sends the same requests
//! over one connection, the sender's memory, and what the spool costs a hook for each trigger:
//! `cargo bench --bench delivery`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, in_turns, median, run};
use jenkins_stand_in::{Job, Permission, RecordedRequest, Setup, StandIn, User};
use jenkins_trigger::spool::{Spool, Trigger};

const ROUNDS: usize = 9;
const TRIGGERS: usize = 1_000;
const ZERO: &str = "0000000000000000000000000000000000000000";

/// Keeps nothing in its queue for longer than it must: what it remembers would make it slow.
fn jenkins() -> StandIn {
    let user = User::new("ada", "token");
    StandIn::start(
        Setup::new()
            .user(user.grant([Permission::OverallRead, Permission::JobRead, Permission::JobBuild]))
            .quiet_period(Duration::ZERO)
            .item_life(Duration::ZERO)
            .executors(10 * TRIGGERS)
            .job(
                Job::new("shop/deploy")
                    .string_parameter("BRANCH", "")
                    .string_parameter("COMMIT", "")
                    .concurrent()
                    .build_time(Duration::ZERO),
            ),
    )
}

/// A bare repository with so many branches.
fn repository(place: &Place, jenkins: &StandIn) -> PathBuf {
    let folder = place.path("shop.git");
    fs::create_dir(&folder).expect("a folder");
    place.git(&folder, &["init", "-q", "--bare", "-b", "main"], b"");
    let file = format!(
        "version: 1\nserver: {}\nmax_triggers: {TRIGGERS}\njobs:\n  - {{ job: shop/deploy, branches: [\"b/*\"], \
         parameters: {{ COMMIT: \"${{sha}}\" }} }}\n",
        jenkins.url()
    );
    let by = "committer Ada <ada@example.com> 1700000000 +0000";
    let mut stream = format!(
        "commit refs/heads/main\n{by}\ndata 1\nx\nM 100644 inline .jenkins-trigger.yml\ndata {}\n{file}\n",
        file.len()
    );
    for number in 0..TRIGGERS {
        write!(
            stream,
            "commit refs/heads/b/{number:04}\n{by}\ndata 4\n{number:04}\nfrom refs/heads/main\n\n"
        )
        .expect("memory");
    }
    place.git(&folder, &["fast-import", "--quiet"], stream.as_bytes());
    run(place.tool(&folder).args(["trust", "--yes"]), b"");
    folder
}

/// Waits for the senders that hooks have started: one that comes late would send what is put back.
fn wait_for_senders(folder: &Path) {
    let is_sender = |process: &Path| {
        let words = fs::read(process.join("cmdline")).unwrap_or_default();
        let mut words = words.split(|byte| *byte == 0);
        words.any(|word| word == b"deliver")
            && words.any(|word| word == folder.as_os_str().as_encoded_bytes())
    };
    loop {
        let processes = fs::read_dir("/proc").expect("the processes");
        if !processes.flatten().any(|process| is_sender(&process.path())) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Lets a push of all branches wait: the files of the triggers.
fn push(place: &Place, folder: &Path, spool: &Spool) -> Vec<(PathBuf, Vec<u8>)> {
    // Nobody sends meanwhile.
    let lock = spool.lock_sending().expect("a spool").expect("nobody else");
    let listed = place.git(
        folder,
        &[
            "for-each-ref",
            "--format=%(objectname) %(refname)",
            "refs/heads/b/",
        ],
        b"",
    );
    let lines: String = listed.lines().map(|line| format!("{ZERO} {line}\n")).collect();
    run(
        place.tool(folder).args(["hook", "post-receive"]),
        lines.as_bytes(),
    );
    let files = fs::read_dir(spool.folder().join("new")).expect("the spool");
    let read = |path: PathBuf| (path.clone(), fs::read(path).expect("an entry"));
    let entries = files.map(|entry| read(entry.expect("an entry").path())).collect();
    drop(lock);
    wait_for_senders(folder);
    entries
}

/// Runs it to its end; how long it took, and the most memory that it had, in kB.
fn watched(command: &mut Command) -> (Duration, u64) {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("a child") {
            break ended;
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(peak.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(ended.success(), "{command:?}");
    (start.elapsed(), most)
}

/// Sends these requests one after the other over one connection, and nothing else.
fn bare_loop(jenkins: &StandIn, requests: &[RecordedRequest]) -> Duration {
    // reqwest makes its TLS ready also where none is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let start = Instant::now();
    for request in requests {
        let mut post = client.post(format!("{}{}", jenkins.url(), request.target));
        for name in ["authorization", "content-type", "accept", "user-agent"] {
            if let Some(value) = request.header(name) {
                post = post.header(name, value);
            }
        }
        let answer = post.body(request.body.clone()).send().expect("an answer");
        assert_eq!(answer.status().as_u16(), 201);
        answer.bytes().expect("its body");
    }
    start.elapsed()
}

/// What one of these costs a hook to take in.
fn intake(place: &Place, round: usize, triggers: &[Trigger]) -> Duration {
    let folder = place.path(&format!("spool-{round}"));
    fs::create_dir(&folder).expect("a folder");
    let spool = Spool::of(&folder);
    let start = Instant::now();
    let mut intake = spool.intake().expect("a spool");
    for trigger in triggers {
        intake.put(trigger).expect("room");
    }
    start.elapsed() / u32::try_from(triggers.len()).expect("few")
}

fn per_second(time: Duration) -> f64 {
    f64::from(u32::try_from(TRIGGERS).expect("few")) / time.as_secs_f64()
}

fn main() {
    let place = Place::new();
    let jenkins = jenkins();
    let folder = repository(&place, &jenkins);
    let spool = Spool::of(&folder);
    let entries = push(&place, &folder, &spool);
    assert_eq!(entries.len(), TRIGGERS);
    let put_back = || {
        for (path, content) in &entries {
            fs::write(path, content).expect("an entry");
        }
        // They were sent, says this.
        fs::remove_file(spool.folder().join("sending.jsonl")).expect("what was sent");
        jenkins.clear_requests();
    };
    put_back();
    let triggers = spool.waiting().expect("the spool").triggers;

    let intakes = (0..ROUNDS)
        .map(|round| intake(&place, round, &triggers))
        .collect();
    println!(
        "spool, per trigger in the hook: {:.1?} (wanted: < 300µs)",
        median(intakes)
    );

    // All of them once, to see what is sent and who sends it over how many connections.
    let (_, first) = watched(place.tool(&folder).arg("retry"));
    let sent = jenkins.posts();
    assert_eq!(sent.len(), TRIGGERS);
    let connections = sent.iter().map(|request| request.connection);
    let connections: std::collections::BTreeSet<usize> = connections.collect();
    let mut most = first;
    let mut retry = || {
        put_back();
        let (time, memory) = watched(place.tool(&folder).arg("retry"));
        assert_eq!(jenkins.posts().len(), TRIGGERS);
        most = most.max(memory);
        time
    };
    let bare = || {
        jenkins.clear_requests();
        bare_loop(&jenkins, &sent)
    };
    let (ours, bare) = in_turns(ROUNDS, &mut retry, bare);
    println!(
        "retry of {TRIGGERS}: {ours:.1?}, {:.0} a second over {} connection(s); a bare loop: {bare:.1?}, {:.0} a \
         second; ratio {:.2} (wanted: >= 0.5)",
        per_second(ours),
        connections.len(),
        per_second(bare),
        bare.as_secs_f64() / ours.as_secs_f64()
    );

    put_back();
    let (time, memory) = watched(place.tool(Path::new("/")).arg("deliver").arg(&folder).arg("now"));
    assert_eq!(jenkins.posts().len(), TRIGGERS);
    println!(
        "sender of {TRIGGERS}: {time:.1?}; its most memory: {:.1} MB, of retry: {:.1} MB (wanted: < 30)",
        megabytes(memory),
        megabytes(most)
    );
}

fn megabytes(kilobytes: u64) -> f64 {
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0
}
