//! Replays the recorded exchanges against the stand-in, each after the set-up that its id and note describe.
//!
//! Exchanges of one scene (see [`scene_of`]) go to the same server in the recorded order; the others get a fresh one,
//! and before them only what made the queue item or build that they look at. Ids are brought into line beforehand: the
//! next new item gets the id that the recording shows, so an answer that names another item is a difference.
//!
//! With `JENKINS_EXCHANGES` naming a file of the same form, the exchanges in that file are compared instead, and the
//! crate's own serve as what happened around them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use crate::recordings::{self, Exchange};
use crate::scene::{Scene, scene_of};

const OWN: &str = include_str!("../../recorded/exchanges.jsonl");
const ADMIN: &str = include_str!("../../recorded/exchanges-admin.jsonl");

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a variable of this test, not of the tool"
)]
fn recorded_exchanges_are_answered_as_recorded() {
    let own = recordings::parse(OWN).expect("the recorded exchanges");
    let outcome = match std::env::var_os("JENKINS_EXCHANGES") {
        None => replay(&own, &[]),
        Some(path) => {
            let text = std::fs::read_to_string(&path).expect("the file named by JENKINS_EXCHANGES");
            let hidden = recordings::parse(&text).expect("exchanges, one a line");
            replay(&hidden, &own)
        }
    };
    outcome.print("recorded exchanges");
    assert!(outcome.different.is_empty(), "\n{}", outcome.different.join("\n"));
    if std::env::var_os("JENKINS_EXCHANGES").is_none() {
        // Two look at what an unrecorded trigger made; a third one would be a hole in this test.
        assert_eq!(outcome.replayed, own.len() - 2);
    }
}

#[test]
fn recorded_administration_is_answered_as_recorded() {
    let outcome = replay(&recordings::parse(ADMIN).expect("the recorded exchanges"), &[]);
    outcome.print("administrator's exchanges");
    assert!(outcome.different.is_empty(), "\n{}", outcome.different.join("\n"));
}

/// A replay that cannot see a difference would prove nothing.
#[test]
fn a_changed_recording_is_noticed() {
    let own = recordings::parse(OWN).expect("the recorded exchanges");
    let changed = |id: &str, change: fn(&mut Exchange)| {
        let mut exchanges = own.clone();
        let exchange = exchanges
            .iter_mut()
            .find(|exchange| exchange.id == id)
            .expect("a recorded id");
        change(exchange);
        let target = exchange.clone();
        assert_eq!(replay(&[target], &own).different.len(), 1, "{id}");
    };
    changed("s1-01", |exchange| exchange.status = Some(202));
    changed("s4-02", |exchange| exchange.status = Some(201));
    changed("s1-14", |exchange| {
        let relative = "/queue/item/31/".to_owned();
        exchange.answer_headers.insert("Location".into(), relative);
    });
    changed("s1-07", |exchange| {
        exchange.answer_headers.remove("X-Jenkins");
    });
    changed("s1-05", |exchange| {
        exchange.text = exchange
            .text
            .as_ref()
            .map(|text| text.replace("Invalid", "Valid"));
    });
    changed("s2-02-q", |exchange| {
        exchange.answer_body = exchange
            .answer_body
            .as_ref()
            .map(|body| body.replace("dev", "def"));
    });
    changed("s1-18", |exchange| exchange.opens_session = Some(false));
}

#[derive(Debug, Default)]
struct Outcome {
    replayed: usize,
    different: Vec<String>,
    not_replayed: BTreeMap<String, Vec<String>>,
}

impl Outcome {
    /// To the real stderr, which the test harness does not capture: the counts are to be seen in a run that succeeds.
    fn print(&self, what: &str) {
        let mut text = format!(
            "{what}: {} replayed, {} different",
            self.replayed,
            self.different.len()
        );
        for (reason, ids) in &self.not_replayed {
            let _ = write!(text, ", {} not replayed ({reason}: {})", ids.len(), ids.join(" "));
        }
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// Replays `targets`; `around` are exchanges of the same recording that may have to happen before.
fn replay(targets: &[Exchange], around: &[Exchange]) -> Outcome {
    let is_target = |id: &str| targets.iter().any(|exchange| exchange.id == id);
    let around: Vec<Exchange> = around
        .iter()
        .filter(|exchange| !is_target(&exchange.id))
        .cloned()
        .collect();
    let all = merged(targets, &around);
    let mut scenes: BTreeMap<String, Vec<&Exchange>> = BTreeMap::new();
    for exchange in &all {
        scenes.entry(scene_of(&exchange.id)).or_default().push(exchange);
    }
    let mut outcome = Outcome::default();
    for (name, exchanges) in scenes {
        if !exchanges.iter().any(|exchange| is_target(&exchange.id)) {
            continue;
        }
        let mut scene = Scene::new(&name, &exchanges, &all);
        for exchange in exchanges {
            let result = scene.replay(exchange);
            if !is_target(&exchange.id) {
                continue;
            }
            match result {
                Ok(differences) if differences.is_empty() => outcome.replayed += 1,
                Ok(differences) => {
                    outcome.replayed += 1;
                    outcome.different.push(format!(
                        "{} ({}): {} {}\n  {}",
                        exchange.id,
                        exchange.note,
                        exchange.method,
                        exchange.path.chars().take(120).collect::<String>(),
                        differences.join("\n  ")
                    ));
                }
                Err(reason) => outcome
                    .not_replayed
                    .entry(reason)
                    .or_default()
                    .push(exchange.id.clone()),
            }
        }
    }
    outcome
}

/// Two parts of one recording in one order. Each is in the order of the recording; between them the ids decide.
fn merged(one: &[Exchange], other: &[Exchange]) -> Vec<Exchange> {
    let mut all = Vec::new();
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(left), Some(right)) = (one.peek(), other.peek()) {
        let left_is_first = sort_key(&left.id) <= sort_key(&right.id);
        all.extend(if left_is_first { one.next() } else { other.next() }.cloned());
    }
    all.extend(one.chain(other).cloned());
    all
}

/// `s4-02c-q` after `s4-02c`, `s4-10` after `s4-9`: numbers count as numbers.
fn sort_key(id: &str) -> Vec<(u64, String)> {
    let mut key = Vec::new();
    let mut rest = id;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        // Launches are polled in the order of their last number, whatever was polled.
        let word = match &after[..letters] {
            "-login-" | "-trigger-" | "-bytoken-" | "-whoami-" | "-queue-" => "-",
            word => word,
        };
        // Looks at an item are numbered from 1 on, and the first number is left out before a letter: qa, q2.
        let look = word
            .strip_prefix("-q")
            .filter(|_| !after[letters..].starts_with(|c: char| c.is_ascii_digit()));
        key.push((
            number.parse().unwrap_or(0),
            look.map_or(word, |_| "-q").to_owned(),
        ));
        key.extend(look.map(|letters| (1, letters.to_owned())));
        rest = &after[letters..];
    }
    key
}
