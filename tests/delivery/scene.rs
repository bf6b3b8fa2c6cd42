//! Many triggers, each its own by its commit, and what became of each: by Jenkins' own list, and by
//! the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jenkins_stand_in::{Job, Setup, StandIn, Taken};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Home, PATIENCE, Ran, Repository, developer, program, wait_for};

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A day: what is queued stays queued.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// So many jobs build. Jenkins lists the last hundred builds of a job and no more: whoever looks
/// for one that came before those will not find it.
pub const BUILDERS: usize = 20;

/// A Jenkins whose job `waits` keeps all in the queue and whose jobs `builds-0` and so on make a
/// build of everything at once.
pub fn jenkins() -> Setup {
    let job = |name: &str| {
        Job::new(name)
            .string_parameter("BRANCH", "")
            .string_parameter("COMMIT", "")
            .trigger_token(crate::support::JOB_TOKEN)
            .concurrent()
            .build_time(Duration::ZERO)
    };
    let setup = Setup::new()
        .user(developer())
        .executors(10_000)
        .job(job("waits").quiet_period(LONG));
    (0..BUILDERS).fold(setup, |setup, number| {
        setup.job(job(&format!("builds-{number}")).quiet_period(Duration::ZERO))
    })
}

/// A rule for each of these jobs, each for the branches below its name.
pub fn file(jenkins: &StandIn, more: &str) -> String {
    let mut file = format!(
        "version: 1\nserver: {}\nmax_triggers: 10000\njobs:\n",
        jenkins.url()
    );
    let builders = (0..BUILDERS).map(|number| format!("builds-{number}"));
    for job in builders.chain(["waits".to_owned()]) {
        writeln!(
            file,
            "  - {{ job: {job}, branches: [\"{job}/*\"], parameters: {{ COMMIT: \"${{sha}}\" }}{more} }}"
        )
        .expect("memory");
    }
    file
}

/// A bare repository with commits that were not yet pushed to it, as far as the hook knows.
pub struct Served<'a> {
    pub home: &'a Home,
    pub folder: PathBuf,
    /// The names of the branches, each with its commits, oldest first.
    pub branches: Vec<(String, Vec<String>)>,
}

impl<'a> Served<'a> {
    /// So many branches of so many commits each, in turns for the one job and the other.
    pub fn new(home: &'a Home, name: &str, file: &str, branches: usize, commits: usize) -> Self {
        let folder = home.path(name);
        fs::create_dir(&folder).expect("a folder");
        home.git(&folder, &["init", "-q", "--bare"]);
        let marks = folder.join("marks");
        let by = "committer Ada <ada@example.com> 1700000000 +0000";
        let mut stream = format!(
            "commit refs/heads/main\nmark :1\n{by}\ndata 1\nx\nM 100644 inline .jenkins-trigger.yml\ndata {}\n{file}\n",
            file.len()
        );
        let names: Vec<String> = (0..branches)
            .map(|number| match number % 2 {
                0 => format!("waits/{number:04}"),
                _ => format!("builds-{}/{number:04}", number / 2 % BUILDERS),
            })
            .collect();
        for (branch, branch_name) in names.iter().enumerate() {
            for commit in 0..commits {
                let mark = 2 + branch * commits + commit;
                let from = if commit == 0 { 1 } else { mark - 1 };
                let message = format!("{name} {branch_name} {commit}");
                write!(
                    stream,
                    "commit refs/heads/{branch_name}\nmark :{mark}\n{by}\ndata {}\n{message}\nfrom :{from}\n\n",
                    message.len()
                )
                .expect("memory");
            }
        }
        let mut import = home.command("git", &folder);
        import
            .args(["fast-import", "--quiet", "--export-marks=marks"])
            .stdin(Stdio::piped());
        let mut import = import.spawn().expect("git starts");
        let mut stdin = import.stdin.take().expect("a pipe");
        stdin.write_all(stream.as_bytes()).expect("it reads");
        drop(stdin);
        assert!(import.wait().expect("it ends").success());
        let marks: BTreeMap<usize, String> = fs::read_to_string(marks)
            .expect("the marks")
            .lines()
            .filter_map(|line| line.strip_prefix(':')?.split_once(' '))
            .map(|(mark, id)| (mark.parse().expect("a number"), id.to_owned()))
            .collect();
        let ids = |branch: usize| (0..commits).map(move |commit| 2 + branch * commits + commit);
        let branches = names
            .into_iter()
            .enumerate()
            .map(|(branch, name)| (name, ids(branch).map(|mark| marks[&mark].clone()).collect()))
            .collect();
        home.tool(&folder, &["trust", "--yes"]).succeeded();
        Self {
            home,
            folder,
            branches,
        }
    }

    /// The n-th commit of each branch comes, in one push.
    pub fn push(&self, commit: usize) -> Ran {
        self.push_of(0..self.branches.len(), commit)
    }

    /// The same for some of the branches.
    pub fn push_of(&self, branches: impl Iterator<Item = usize>, commit: usize) -> Ran {
        let mut lines = String::new();
        for (name, commits) in branches.map(|branch| &self.branches[branch]) {
            let old = commit.checked_sub(1).map_or(ZERO, |before| &commits[before]);
            writeln!(lines, "{old} {} refs/heads/{name}", commits[commit]).expect("memory");
        }
        let input = self.home.path("pushed");
        fs::write(&input, lines).expect("a file");
        let mut hook = self.home.command(program(), &self.folder);
        hook.args(["hook", "post-receive"])
            .stdin(fs::File::open(input).expect("the file"));
        Ran::of(&mut hook)
    }

    /// The branches of which the hook said that it took the trigger.
    pub fn accepted(&self, ran: &Ran) -> Vec<&str> {
        ran.stderr
            .lines()
            .filter_map(|line| line.strip_prefix("jenkins-trigger: ")?.split_once(" → "))
            .filter(|(_, rest)| rest.contains(" on http") && !rest.contains(": "))
            .filter_map(|(name, _)| self.branches.iter().find(|(known, _)| known == name))
            .map(|(known, _)| known.as_str())
            .collect()
    }

    /// All the commits, each of which is one trigger.
    pub fn commits(&self) -> impl Iterator<Item = &String> {
        self.branches.iter().flat_map(|(_, commits)| commits)
    }

    pub fn spool(&self) -> PathBuf {
        spool_in(&self.folder)
    }

    pub fn spooled(&self, folder: &str) -> Vec<PathBuf> {
        files_in(&self.spool().join(folder))
    }

    pub fn journal(&self) -> Vec<Value> {
        journal_of(self.home, &self.folder)
    }

    /// `retry`, until nothing waits and nothing failed.
    #[track_caller]
    pub fn retry_until_all_is_sent(&self) -> String {
        retry_until_all_is_sent(self.home, &self.folder, &self.spool())
    }
}

/// The spool in this common git directory.
pub fn spool_in(common_dir: &Path) -> PathBuf {
    let user = rustix::process::geteuid().as_raw().to_string();
    common_dir.join("jenkins-trigger").join(user)
}

pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// The journal's lines, oldest first.
pub fn journal_of(home: &Home, folder: &Path) -> Vec<Value> {
    let log = home
        .tool(folder, &["log", "--json", "--number", "1000000"])
        .succeeded();
    log.stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// What the `retry`s said, once nothing waits and nothing failed.
#[track_caller]
pub fn retry_until_all_is_sent(home: &Home, folder: &Path, spool: &Path) -> String {
    const MOST: usize = 30;
    let mut said = String::new();
    for _ in 0..MOST {
        let left = ["new", "failed"].map(|name| files_in(&spool.join(name)).len());
        if left == [0, 0] {
            return said;
        }
        said += &home.tool(folder, &["retry"]).whole();
    }
    panic!("after {MOST} times `retry` some are not sent:\n{said}");
}

/// The processes that run in this home.
pub fn processes_of(home: &Home) -> Vec<Pid> {
    let mark = format!("XDG_STATE_HOME={}", home.path("state").display());
    let here = |pid: &str| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .any(|variable| variable == mark.as_bytes())
            .then(|| pid.parse().ok().and_then(Pid::from_raw))?
    };
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| here(entry.ok()?.file_name().to_str()?))
        .collect()
}

/// Kills all that runs in this home, with no time for anything. What they had sent has arrived
/// when this returns.
pub fn kill_all(home: &Home, jenkins: &StandIn) {
    wait_for("all processes to be dead", || {
        let alive = processes_of(home);
        for pid in &alive {
            let _ = kill_process(*pid, Signal::KILL);
        }
        alive.is_empty().then_some(())
    });
    assert!(jenkins.wait_until_deserted(PATIENCE));
}

/// Waits until nothing runs in this home.
pub fn wait_for_all(home: &Home) {
    wait_for("all processes to end", || {
        processes_of(home).is_empty().then_some(())
    });
}

/// What Jenkins has of each commit: everything that it ever put into its queue.
pub fn taken(jenkins: &StandIn) -> BTreeMap<String, Vec<Taken>> {
    let mut all: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
    for taken in jenkins.taken() {
        let commit = taken.parameter("COMMIT").unwrap_or_default().to_owned();
        all.entry(commit).or_default().push(taken);
    }
    all
}

/// How many builds too many there are of these, and how many requests too many that only met the
/// item that was there.
pub fn doubles(taken: &BTreeMap<String, Vec<Taken>>) -> (usize, usize) {
    let items = |all: &[Taken]| all.iter().map(|one| one.item).collect::<BTreeSet<_>>().len();
    let builds = taken.values().map(|all| items(all) - 1).sum();
    let requests: usize = taken.values().map(|all| all.len() - items(all)).sum();
    (builds, requests)
}

/// Each of these commits was taken, and no other, each exactly once.
#[track_caller]
pub fn assert_each_once<'a>(jenkins: &StandIn, commits: impl IntoIterator<Item = &'a String>) {
    let taken = taken(jenkins);
    let expected: BTreeSet<&String> = commits.into_iter().collect();
    let found: BTreeSet<&String> = taken.keys().collect();
    assert_eq!(found, expected);
    let twice: Vec<_> = taken.values().filter(|all| all.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// The last word on each trigger is that Jenkins has it, as an item that Jenkins has for it too.
/// Returns how many there are.
#[track_caller]
pub fn assert_journal_agrees(journal: &[Value], taken: &BTreeMap<String, Vec<Taken>>) -> usize {
    let mut last: BTreeMap<&str, &Value> = BTreeMap::new();
    for line in journal {
        let also = line["also"].as_array().into_iter().flatten();
        for id in std::iter::once(&line["id"]).chain(also) {
            last.insert(id.as_str().expect("an id"), line);
        }
    }
    for line in last.values() {
        let outcome = line["outcome"].as_str().expect("an outcome");
        assert!(["queued", "merged"].contains(&outcome), "{line}");
        let items = &taken[line["sha"].as_str().expect("a commit")];
        let item = line["item"].as_u64().expect("an item");
        assert!(
            items.iter().any(|taken| taken.item == item),
            "{line} but {items:?}"
        );
    }
    last.len()
}

/// That of each branch the older commit was taken before the newer one.
#[track_caller]
pub fn assert_in_order(branches: &[(String, Vec<String>)], taken: &BTreeMap<String, Vec<Taken>>) {
    for (name, commits) in branches {
        let firsts: Vec<u64> = commits.iter().map(|commit| taken[commit][0].item).collect();
        assert!(firsts.is_sorted(), "{name}: {firsts:?}");
    }
}

/// So that no hook's sender can send it.
pub fn commit_without_credentials(repository: &Repository<'_>) {
    let mut commit = repository.home.command("git", &repository.folder);
    commit
        .args(["commit", "-q", "--allow-empty", "-m", "work"])
        .env_remove("JENKINS_API_TOKEN")
        .stderr(Stdio::null());
    assert!(commit.status().expect("git").success());
}

/// Commits without credentials, so that nobody can send until the test does.
pub fn wait_in_line(repository: &Repository<'_>, count: usize) {
    for _ in repository.spooled("new").len()..count {
        commit_without_credentials(repository);
    }
    assert_eq!(repository.spooled("new").len(), count);
}
