//! Which of the waiting triggers go out now, in which order, and which as one. Pure.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp};

use crate::spool::Trigger;

/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
/// The longest wait, but for the jitter.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// So many per cent of a wait are left to chance, or all who lost a server come back at once.
const JITTER: u64 = 50;

/// How much of the waiting is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// None: what is due goes.
    Due,
    /// The waits after failures: something may have changed.
    Eager,
    /// All: the user wants it now.
    Now,
}

/// What is to be done with one trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It is sent, and these identical ones with it.
    Send(Trigger, Vec<Trigger>),
    /// It gives way to a newer one of its rules and branch, which need not wait any longer.
    Supersede {
        /// The older one.
        old: Trigger,
        /// The newer one, as it is from now on.
        new: Box<Trigger>,
    },
}

impl Step {
    /// The trigger that it is about.
    pub(super) fn trigger(&self) -> &Trigger {
        match self {
            Self::Send(trigger, _) | Self::Supersede { old: trigger, .. } => trigger,
        }
    }

    /// All that is dealt with by it, itself.
    pub(super) fn into_triggers(self) -> impl Iterator<Item = Trigger> {
        let (trigger, with) = match self {
            Self::Send(trigger, identical) => (trigger, identical),
            Self::Supersede { old, .. } => (old, Vec::new()),
        };
        std::iter::once(trigger).chain(with)
    }

    /// The ids of all that is dealt with by it.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let with = match self {
            Self::Send(_, identical) => identical.as_slice(),
            Self::Supersede { .. } => &[],
        };
        std::iter::once(self.trigger())
            .chain(with)
            .map(|trigger| trigger.id.as_str())
    }
}

/// What goes out of these, which are sorted by age: first what has failed least often, so that
/// what always fails keeps nobody else waiting, then the oldest; last what may be in Jenkins. One of `tried` that still waits
/// holds back what comes after it for its job and branch; none goes out again.
pub(super) fn steps(
    waiting: &[Trigger],
    haste: Haste,
    now: Timestamp,
    tried: &BTreeSet<String>,
) -> Vec<Step> {
    let mut lanes: BTreeMap<_, Vec<&Trigger>> = BTreeMap::new();
    for trigger in waiting.iter().filter(|trigger| trigger.hold.is_none()) {
        lanes.entry(trigger.lane()).or_default().push(trigger);
    }
    let mut steps = Vec::new();
    for lane in lanes.values() {
        // Where something may still be on its way it is waited for.
        let rank = (lane[0].sending.is_some(), lane[0].attempts);
        let of_lane = steps_of(lane, haste, now, tried);
        steps.extend(of_lane.into_iter().map(|step| (rank, step)));
    }
    steps.sort_by(|(rank, one), (others, other)| {
        (rank, &one.trigger().id).cmp(&(others, &other.trigger().id))
    });
    steps.into_iter().map(|(_, step)| step).collect()
}

fn steps_of(lane: &[&Trigger], haste: Haste, now: Timestamp, tried: &BTreeSet<String>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = lane;
    let mut released: BTreeSet<&str> = BTreeSet::new();
    while let Some((&first, later)) = rest.split_first() {
        let new = newer(first, later);
        let is_released = released.contains(first.id.as_str());
        // One that is newer than what has waited long enough takes along what lies between.
        let waits = !is_released && !new.is_some_and(|new| released.contains(new.id.as_str()));
        if tried.contains(&first.id) || (waits && due(first, haste, now) > now) {
            break;
        }
        rest = later;
        let mut first = first.clone();
        if let Some(new) = new {
            released.insert(&new.id);
            let new = Box::new(released_of(new));
            steps.push(Step::Supersede { old: first, new });
            continue;
        }
        if is_released {
            first = released_of(&first);
        }
        let same = later
            .iter()
            .take_while(|other| is_identical(&first, other))
            .count();
        let (identical, later) = later.split_at(same);
        rest = later;
        let identical = identical.iter().map(|&trigger| trigger.clone()).collect();
        steps.push(Step::Send(first, identical));
    }
    steps
}

/// It as it is once it is held no longer.
fn released_of(trigger: &Trigger) -> Trigger {
    Trigger {
        coalesce: Some(0),
        ..trigger.clone()
    }
}

/// The newest that a coalesced one gives way to. One that may be in Jenkins already does not.
fn newer<'a>(trigger: &Trigger, later: &[&'a Trigger]) -> Option<&'a Trigger> {
    if trigger.coalesce.is_none() || trigger.sending.is_some() {
        return None;
    }
    let replaces = |newer: &&&Trigger| {
        newer.coalesce.is_some() && newer.rules == trigger.rules && newer.tag == trigger.tag
    };
    later.iter().rev().find(replaces).copied()
}

/// Whether one request does for both, whatever their notes say.
fn is_identical(one: &Trigger, other: &Trigger) -> bool {
    // One that may be in Jenkins already is looked for by itself.
    other.sending.is_none()
        && other.coalesce.is_none()
        && one.method == other.method
        && one.token_from == other.token_from
        && one.ca == other.ca
        && one.ca_trouble == other.ca_trouble
        && one.parameters == other.parameters
        && one.withheld == other.withheld
        && one.delay == other.delay
        && one.tag == other.tag
        && one.poll == other.poll
        && one.multibranch == other.multibranch
        && one.lax_parameters == other.lax_parameters
}

/// When a waiting trigger may be sent. A time further off than any wait was written before the
/// clock was set back.
pub(super) fn due(trigger: &Trigger, haste: Haste, now: Timestamp) -> Timestamp {
    let no_later = |time: Timestamp, longest: SignedDuration| {
        if time.duration_since(now) <= longest {
            time
        } else {
            now
        }
    };
    let held = trigger.coalesce.map_or(now, |seconds| {
        let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        no_later(trigger.created.saturating_add(wait).unwrap_or(now), wait)
    });
    let failed = trigger.due.map_or(now, |due| no_later(due, LONGEST_WAIT * 2));
    match haste {
        Haste::Now => now,
        Haste::Eager => held,
        Haste::Due => held.max(failed),
    }
}

/// When the first of these that can be sent is due, each no earlier than its server has rested;
/// what waits for the user does not count.
pub(super) fn next_due(
    waiting: &[Trigger],
    rests: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut seen = BTreeSet::new();
    let mut next: Option<Timestamp> = None;
    for trigger in waiting {
        // Only the first of its job and branch may go.
        if trigger.hold.is_some() || !seen.insert(trigger.lane()) {
            continue;
        }
        if trigger.is_held() {
            continue;
        }
        let due = due(trigger, Haste::Due, now);
        let due = rests.get(&trigger.server).map_or(due, |rest| due.max(*rest));
        next = Some(next.map_or(due, |earlier| earlier.min(due)));
    }
    next
}

/// When one that has failed is tried again.
pub(super) fn next_attempt(trigger: &Trigger, now: Timestamp) -> Timestamp {
    let factor = 1_i32.checked_shl(trigger.attempts.min(10)).unwrap_or(1);
    let wait = FIRST_WAIT
        .checked_mul(factor)
        .map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
    // Half of an id is chance.
    let mut hash = DefaultHasher::new();
    (&trigger.id, trigger.attempts).hash(&mut hash);
    let per_cent = 100 - JITTER / 2 + hash.finish() % (JITTER + 1);
    let wait = wait * i32::try_from(per_cent).unwrap_or(100) / 100;
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{FORMAT, Hold};
    use crate::text::Text;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    /// One that was made at that second.
    fn trigger(second: i64, branch: &str) -> Trigger {
        Trigger {
            v: FORMAT,
            id: format!("{second:04}"),
            created: time(second),
            event: "post-push".into(),
            rules: vec!["rule".into()],
            server: "https://one/".into(),
            method: "api".into(),
            job: "job".into(),
            token_from: None,
            ca: None,
            ca_trouble: None,
            withheld: Vec::new(),
            parameters: vec![("BRANCH".into(), Text(branch.into()))],
            delay: None,
            cause: Text(format!("at {second}").into()),
            branch: Some(Text(branch.into())),
            tag: None,
            sha: format!("{second:040}"),
            attempts: 0,
            due: None,
            trouble: None,
            sending: None,
            with: Vec::new(),
            sent_as: None,
            coalesce: None,
            poll: false,
            multibranch: false,
            lax_parameters: false,
            scan: None,
            uncertain: false,
            hold: None,
        }
    }

    fn with_sha(mut trigger: Trigger) -> Trigger {
        let sha = Text(trigger.sha.clone().into());
        trigger.parameters.push(("COMMIT".into(), sha));
        trigger
    }

    fn held(seconds: u64, trigger: Trigger) -> Trigger {
        Trigger {
            coalesce: Some(seconds),
            ..with_sha(trigger)
        }
    }

    fn plan(waiting: &[Trigger], haste: Haste, second: i64) -> Vec<String> {
        let plan = steps(waiting, haste, time(second), &BTreeSet::new());
        let told = plan.iter().map(|step| match step {
            Step::Send(..) => step.ids().collect::<Vec<_>>().join("+"),
            Step::Supersede { old, new } => format!("{} gives way to {}", old.id, new.id),
        });
        told.collect()
    }

    #[test]
    fn identical_ones_in_a_row_are_sent_as_one() {
        let waiting = [
            trigger(1, "main"),
            trigger(2, "work"),
            trigger(3, "main"),
            trigger(4, "main"),
        ];
        assert_eq!(plan(&waiting, Haste::Due, 9), ["0001+0003+0004", "0002"]);
    }

    /// What was pushed back to after something else is built after it.
    #[test]
    fn an_identical_one_does_not_overtake_another() {
        let mut other = trigger(2, "main");
        other.delay = Some(5);
        let waiting = [trigger(1, "main"), other, trigger(3, "main")];
        assert_eq!(plan(&waiting, Haste::Due, 9), ["0001", "0002", "0003"]);
    }

    #[test]
    fn what_may_be_in_jenkins_already_is_looked_for_by_itself() {
        let mut lost = trigger(2, "main");
        lost.sending = Some(time(3));
        let waiting = [trigger(1, "main"), lost, trigger(3, "main")];
        assert_eq!(plan(&waiting, Haste::Due, 9), ["0001", "0002+0003"]);
    }

    #[test]
    fn what_waits_holds_back_its_own_branch_and_no_other() {
        let mut failed = with_sha(trigger(1, "main"));
        failed.due = Some(time(20));
        failed.attempts = 1;
        let waiting = [failed, with_sha(trigger(2, "main")), trigger(3, "work")];
        assert_eq!(plan(&waiting, Haste::Due, 9), ["0003"]);
        assert_eq!(plan(&waiting, Haste::Eager, 9), ["0003", "0001", "0002"]);
        assert_eq!(plan(&waiting, Haste::Due, 20), ["0003", "0001", "0002"]);
    }

    #[test]
    fn what_was_tried_holds_back_its_branch_and_is_not_tried_again() {
        let waiting = [with_sha(trigger(1, "main")), with_sha(trigger(2, "main"))];
        let tried = BTreeSet::from(["0001".to_owned()]);
        assert_eq!(steps(&waiting, Haste::Now, time(9), &tried), []);
    }

    #[test]
    fn what_only_the_user_lets_go_holds_back_nothing() {
        let mut storm = trigger(1, "main");
        storm.hold = Some(Hold::Storm);
        let waiting = [storm, trigger(2, "main")];
        assert_eq!(plan(&waiting, Haste::Now, 9), ["0002"]);
        assert_eq!(next_due(&waiting[..1], &BTreeMap::new(), time(9)), None);
    }

    #[test]
    fn of_coalesced_ones_the_newest_goes_when_the_first_has_waited() {
        let waiting = [
            held(30, trigger(1, "main")),
            held(30, trigger(9, "main")),
            held(30, trigger(25, "main")),
            held(30, trigger(26, "work")),
        ];
        assert_eq!(plan(&waiting, Haste::Due, 30), [""; 0]);
        // A hook does not cut it short, its user does.
        assert_eq!(plan(&waiting, Haste::Eager, 30), [""; 0]);
        let sent = ["0001 gives way to 0025", "0009 gives way to 0025", "0025"];
        assert_eq!(plan(&waiting, Haste::Due, 31), sent);
        assert_eq!(plan(&waiting, Haste::Now, 26), [&sent[..], &["0026"]].concat());
        let next = next_due(&waiting, &BTreeMap::new(), time(26));
        assert_eq!(next, Some(time(31)));
    }

    #[test]
    fn a_coalesced_one_that_was_let_go_waits_no_longer() {
        let waiting = [held(0, trigger(25, "main"))];
        assert_eq!(plan(&waiting, Haste::Due, 26), ["0025"]);
    }

    #[test]
    fn a_coalesced_one_gives_way_only_to_its_own_rules() {
        let mut other = held(30, trigger(2, "main"));
        other.rules = vec!["other".into()];
        let waiting = [held(30, trigger(1, "main")), other, trigger(3, "main")];
        assert_eq!(plan(&waiting, Haste::Due, 40), ["0001", "0002", "0003"]);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_waiting() {
        let mut failed = trigger(9_000, "main");
        failed.due = Some(time(9_001));
        failed.attempts = 1;
        assert_eq!(plan(&[failed], Haste::Due, 1), ["9000"]);
        assert_eq!(plan(&[held(30, trigger(9_000, "main"))], Haste::Due, 1), ["9000"]);
    }

    #[test]
    fn a_server_that_rests_is_due_when_it_has_rested() {
        let rests = BTreeMap::from([("https://one/".to_owned(), time(50))]);
        let waiting = [trigger(1, "main")];
        assert_eq!(next_due(&waiting, &rests, time(9)), Some(time(50)));
    }

    #[test]
    fn the_waits_double_up_to_five_minutes_and_none_is_like_another() {
        let wait_of = |second: i64, attempts: u32| {
            let mut failed = trigger(second, "main");
            failed.attempts = attempts;
            next_attempt(&failed, time(0))
                .duration_since(time(0))
                .as_secs_f64()
        };
        for (attempts, wait) in [(0, 5.0), (1, 10.0), (5, 160.0), (6, 300.0), (90, 300.0)] {
            let waits: Vec<f64> = (0..100).map(|second| wait_of(second, attempts)).collect();
            let (least, most) = (wait * 0.75, wait * 1.25);
            assert!(
                waits.iter().all(|wait| (least..=most).contains(wait)),
                "{waits:?}"
            );
            assert!(waits.iter().any(|some| *some < wait) && waits.iter().any(|some| *some > wait));
        }
    }
}
