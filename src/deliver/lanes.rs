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

    /// All that is dealt with by it.
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
/// what always fails keeps nobody else waiting, then the oldest. One of `tried` that still waits
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
    let mut steps: Vec<(u32, Step)> = Vec::new();
    for lane in lanes.values() {
        let attempts = lane[0].attempts;
        steps.extend(
            steps_of(lane, haste, now, tried)
                .into_iter()
                .map(|step| (attempts, step)),
        );
    }
    steps.sort_by(|(attempts, one), (others, other)| {
        (attempts, &one.trigger().id).cmp(&(others, &other.trigger().id))
    });
    steps.into_iter().map(|(_, step)| step).collect()
}

fn steps_of(lane: &[&Trigger], haste: Haste, now: Timestamp, tried: &BTreeSet<String>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = lane;
    let mut released: BTreeSet<&str> = BTreeSet::new();
    while let Some((&first, later)) = rest.split_first() {
        let is_released = released.contains(first.id.as_str());
        if tried.contains(&first.id) || (!is_released && due(first, haste, now) > now) {
            break;
        }
        let mut first = first.clone();
        if is_released {
            first.coalesce = Some(0);
        }
        rest = later;
        if let Some(new) = newer(&first, later) {
            released.insert(&new.id);
            let new = Trigger {
                coalesce: Some(0),
                ..new.clone()
            };
            steps.push(Step::Supersede {
                old: first,
                new: Box::new(new),
            });
            continue;
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
    // One that has a story of its own keeps it.
    let is_new = other.sending.is_none() && other.coalesce.is_none() && other.attempts == 0;
    is_new
        && one.method == other.method
        && one.token_from == other.token_from
        && one.parameters == other.parameters
        && one.delay == other.delay
        && one.tag == other.tag
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
        // Held: there is nothing to wait for that time brings.
        if trigger.due.is_none() && trigger.trouble.is_some() {
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
