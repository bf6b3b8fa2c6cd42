//! Whatever goes wrong on the way, and whoever dies: every trigger reaches Jenkins, and where one
//! may look, once.

#![allow(
    clippy::print_stdout,
    reason = "who looks into a failure needs the seed of the run"
)]

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jenkins_stand_in::{Answer, Fault, FaultAction, StandIn, StartUp};
use serde_json::Value;

use crate::scene::{self, Served, assert_in_order, assert_journal_agrees, doubles, kill_all, taken};
use crate::support::dice::Dice;
use crate::support::{Home, gits, program};

/// A start-up in which all happens that was recorded, and fast.
fn start_up() -> StartUp {
    let at = Duration::from_millis;
    StartUp {
        port_opens: at(50),
        first_post_held_until: at(150),
        credentials_refused_from: at(200),
        credentials_refused_until: at(260),
        ready: at(350),
    }
}

/// Some percent of all requests go wrong, in each way that Jenkins and what is before it has.
fn bad_weather(jenkins: &StandIn, dice: &mut Dice) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let answer = |status, processed| FaultAction::Answer {
        processed,
        answer: Answer::new(status).body("<h1>trouble</h1>"),
    };
    let actions = [
        FaultAction::CloseUnread,
        FaultAction::CloseUnanswered { processed: false },
        FaultAction::CloseUnanswered { processed: true },
        FaultAction::CloseInHead,
        FaultAction::CloseInBody { missing: 10 },
        answer(502, false),
        answer(502, true),
        answer(503, false),
        answer(504, false),
        answer(504, true),
        FaultAction::Delay(Duration::from_millis(50)),
    ];
    for action in actions {
        let own = Mutex::new(Dice(dice.below(1 << 30) as u64));
        let count = Arc::clone(&count);
        jenkins.fault(Fault::of_posts(action).when(move |_| {
            let hit = own.lock().expect("no panic").below(1000) < 15;
            count.fetch_add(usize::from(hit), Ordering::Relaxed);
            hit
        }));
    }
    count
}

/// What the storm was like.
struct Storm<'a> {
    jenkins: StandIn,
    servers: Vec<Served<'a>>,
    dice: Dice,
    kills: usize,
    restarts: usize,
}

impl Storm<'_> {
    /// `retry` by everybody, killed at a random moment.
    fn round(&mut self, environment: &[(&str, Option<&str>)]) {
        let retries: Vec<_> = self
            .servers
            .iter()
            .map(|served| retry(served, environment))
            .collect();
        if self.dice.one_in(6) {
            thread::sleep(Duration::from_millis(self.dice.below(300) as u64));
            self.jenkins.restart(start_up());
            self.restarts += 1;
        }
        // What was lost a moment ago may still be on its way: a sender waits three seconds then.
        let longest = [300, 3_500][self.dice.below(2)];
        thread::sleep(Duration::from_millis(self.dice.below(longest) as u64));
        self.kill();
        for mut retry in retries {
            retry.wait().expect("it ends");
        }
    }

    fn kill(&mut self) {
        kill_all(self.servers[0].home, &self.jenkins);
        self.kills += 1;
    }

    fn waiting(&self) -> usize {
        self.servers
            .iter()
            .map(|served| served.spooled("new").len())
            .sum()
    }
}

fn retry(served: &Served<'_>, environment: &[(&str, Option<&str>)]) -> std::process::Child {
    let mut retry = served.home.command(program(), &served.folder);
    retry.arg("retry").stdout(Stdio::null()).stderr(Stdio::null());
    for (name, value) in environment {
        match value {
            Some(value) => retry.env(name, value),
            None => retry.env_remove(name),
        };
    }
    retry.spawn().expect("the program starts")
}

/// `STORM_SEED` in the environment: as an earlier run.
fn storm(branches: usize, pushes: usize) {
    let dice = Dice::of("STORM_SEED");
    let Dice(seed) = dice;
    println!("STORM_SEED={seed}");
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(scene::jenkins());
    let file = scene::file(&jenkins, "");
    let servers = ["one.git", "two.git"];
    let servers = servers.map(|name| Served::new(&home, name, &file, branches, pushes));
    let mut storm = Storm {
        jenkins,
        servers: servers.into(),
        dice,
        kills: 0,
        restarts: 0,
    };
    let faults = bad_weather(&storm.jenkins, &mut storm.dice);
    storm
        .jenkins
        .fault(Fault::of_posts(FaultAction::Hold { processed: true }).times(1));
    let mut accepted = 0;
    for push in 0..pushes {
        for number in 0..storm.servers.len() {
            let ran = storm.servers[number].push(push).succeeded();
            let told = storm.servers[number].accepted(&ran).len();
            assert_eq!(told, branches, "{}", ran.stderr);
            accepted += told;
            thread::sleep(Duration::from_millis(storm.dice.below(150) as u64));
            if storm.dice.one_in(2) {
                storm.kill();
            }
        }
    }
    while storm.waiting() > 0 && storm.kills < 40 {
        storm.round(&[]);
    }
    storm.jenkins.clear_faults();
    for served in &storm.servers {
        served.retry_until_all_is_sent();
    }

    let all: BTreeSet<&String> = storm.servers.iter().flat_map(Served::commits).collect();
    assert_eq!(all.len(), accepted);
    let taken = taken(&storm.jenkins);
    assert_eq!(taken.keys().collect::<BTreeSet<_>>(), all);
    let (builds, requests) = doubles(&taken);
    println!(
        "{accepted} triggers, {} requests, {} of them hit, {} kills, {} restarts: {builds} builds too many, \
         {requests} requests too many",
        storm.jenkins.posts().len(),
        faults.load(Ordering::Relaxed),
        storm.kills,
        storm.restarts,
    );
    for served in &storm.servers {
        let journal = served.journal();
        let triggers = assert_journal_agrees(&journal, &taken);
        assert_eq!(triggers, branches * pushes);
        assert_in_order(&served.branches, &taken);
    }
    let twice: Vec<_> = taken.values().filter(|all| all.len() > 1).collect();
    assert_eq!((builds, requests), (0, 0), "{twice:#?}");
}

#[test]
fn of_400_triggers_in_a_storm_each_arrives_once() {
    storm(50, 4);
}

#[test]
#[ignore = "takes minutes"]
fn of_2000_triggers_in_a_storm_each_arrives_once() {
    storm(200, 5);
}

/// With a job's token alone nobody may look into the queue: what may have been lost is sent again,
/// and that is said.
#[test]
fn where_nobody_may_look_each_arrives_and_a_second_sending_is_said() {
    let nobody = [("JENKINS_USER_ID", None), ("JENKINS_API_TOKEN", None)];
    let dice = Dice::of("STORM_SEED");
    let Dice(seed) = dice;
    println!("STORM_SEED={seed}");
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(scene::jenkins());
    let file = scene::file(&jenkins, ", method: token-root, token_from: deploy");
    let served = Served::new(&home, "one.git", &file, 100, 1);
    let mut storm = Storm {
        jenkins,
        servers: vec![served],
        dice,
        kills: 0,
        restarts: 0,
    };
    bad_weather(&storm.jenkins, &mut storm.dice);
    storm.servers[0].push(0).succeeded();
    storm.kill();
    while storm.waiting() > 0 && storm.kills < 15 {
        storm.round(&nobody);
    }
    storm.jenkins.clear_faults();
    let served = &storm.servers[0];
    served.retry_until_all_is_sent();
    let taken = taken(&storm.jenkins);
    let all: BTreeSet<&String> = served.commits().collect();
    assert_eq!(taken.keys().collect::<BTreeSet<_>>(), all);
    let journal = served.journal();
    assert_eq!(assert_journal_agrees(&journal, &taken), all.len());
    let (builds, requests) = doubles(&taken);
    println!(
        "{} kills: {builds} builds too many, {requests} requests too many",
        storm.kills
    );
    for (commit, sent) in taken.iter().filter(|(_, sent)| sent.len() > 1) {
        let lines: Vec<&Value> = journal.iter().filter(|line| line["sha"] == **commit).collect();
        let said = lines.iter().any(|line| {
            line["message"]
                .as_str()
                .is_some_and(|said| said.contains("again"))
        });
        assert!(said, "{sent:?}\n{lines:#?}");
    }
}
