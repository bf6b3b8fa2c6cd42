//! What came of earlier triggers, as a hook tells it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::consent::Consent;
use super::ids;
use crate::deliver;
use crate::git::Repository;
use crate::spool::{Hold, Spool, Trigger, Unreadable};
use crate::ui::Printer;

/// So many entries are looked at; the rest is counted.
const ENOUGH: usize = 100;

/// Why a storm is held.
pub(super) const STORM: &str = "one event made more triggers than `max_triggers` allows; to send them: \
                                jenkins-trigger retry --all";

/// What waits already, and the reasons that were told.
pub(super) struct Backlog {
    pub(super) waiting: usize,
    pub(super) told: BTreeSet<String>,
    /// Whether any of what was told may need somebody to do something.
    pub(super) advised: bool,
}

/// The command that sends something again; an id may follow.
const RETRY: &str = "jenkins-trigger retry";

/// What is remembered of having been said once: that there are entries that cannot be read.
const UNREADABLE: &str = "unreadable";

/// The same of where the spool lies.
const ELSEWHERE: &str = "elsewhere";

/// Tells what failed for good, once, and what still waits for a reason, each time, one line for
/// each reason.
pub(super) fn tell(printer: &Printer, repository: &Repository, spool: &Spool) -> Backlog {
    if let Some(why) = spool.elsewhere()
        && spool.say_once(ELSEWHERE).unwrap_or(true)
    {
        printer.hook_line(why);
    }
    let failed = spool.tell_failures(ENOUGH).unwrap_or_default();
    let (oldest, waiting) = spool.oldest_waiting(ENOUGH).unwrap_or_default();
    let failures = tell_failures(printer, &failed.triggers);
    let damage = tell_unreadable(printer, spool, &[failed.unreadable, oldest.unreadable].concat());
    let oldest = oldest.triggers;
    let consent = OnceCell::new();
    let is_allowed = |trigger: &Trigger| {
        let consent = consent.get_or_init(|| Consent::of(repository));
        consent.refusal(trigger).is_none()
    };
    let reasons = reasons_of(&oldest, is_allowed);
    let mut told = BTreeSet::new();
    for (trigger, &reason) in oldest.iter().zip(&reasons) {
        if reason.is_empty() && !is_old(trigger) || !told.insert(reason.to_owned()) {
            continue;
        }
        let count = reasons.iter().filter(|other| **other == reason).count();
        let since = local_time(trigger);
        if reason.is_empty() {
            // Its sender was killed, or the machine went down: this hook starts another.
            printer.hook_line(&format!("{count} waiting since {since}"));
        } else {
            printer.hook_line(&format!("{count} waiting since {since}: {reason}"));
        }
    }
    let advised = failures || damage || told.iter().any(|reason| !reason.is_empty());
    Backlog {
        waiting,
        told,
        advised,
    }
}

fn tell_failures(printer: &Printer, failed: &[Trigger]) -> bool {
    let Some(last) = failed.last() else { return false };
    let more = match failed.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: jenkins-trigger log --outcome failed)"),
    };
    let failed = if last.uncertain { "" } else { " failed" };
    let reason = last.trouble.as_deref().unwrap_or("for no reason on record");
    let id = ids::short(&last.id);
    let fix = if reason.ends_with(RETRY) {
        format!(" {id}")
    } else if reason.contains("jenkins-trigger ") {
        format!(" ({id})")
    } else {
        format!("; then: {RETRY} {id}")
    };
    printer.hook_line(&format!(
        "earlier, {} → {}{failed}: {reason}{fix}{more}",
        last.reference(),
        last.job
    ));
    true
}

/// Tells once of entries that cannot be read, until there are none any more.
fn tell_unreadable(printer: &Printer, spool: &Spool, unreadable: &[Unreadable]) -> bool {
    let Some(first) = unreadable.first() else {
        spool.unsay(UNREADABLE);
        return false;
    };
    if !spool.say_once(UNREADABLE).unwrap_or_default() {
        return false;
    }
    let more = match unreadable.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: jenkins-trigger status)"),
    };
    printer.hook_line(&format!(
        "{first}; install the version that reads it, or drop it: jenkins-trigger cancel {}{more}",
        first.id()
    ));
    true
}

/// Why each of these waits, the oldest of which come first: what comes after one of its job and branch
/// waits for the same reason.
fn reasons_of(oldest: &[Trigger], is_allowed: impl Fn(&Trigger) -> bool) -> Vec<&str> {
    let mut first = BTreeMap::new();
    let mut reason = |trigger| match reason_of(trigger) {
        own if trigger.hold.is_some() => own,
        // It goes out now.
        own if deliver::is_refusal(own) && is_allowed(trigger) => "",
        own => *first.entry(trigger.lane()).or_insert(own),
    };
    oldest.iter().map(&mut reason).collect()
}

/// Why it waits; empty while nobody has tried to send it.
pub(super) fn reason_of(trigger: &Trigger) -> &str {
    match trigger.hold {
        Some(Hold::Storm) => STORM,
        None => trigger.trouble.as_deref().unwrap_or_default(),
    }
}

fn is_old(trigger: &Trigger) -> bool {
    const USUAL: SignedDuration = SignedDuration::from_mins(1);
    let held = i64::try_from(trigger.coalesce.unwrap_or_default()).unwrap_or(i64::MAX);
    let age = Timestamp::now().duration_since(trigger.created);
    age > USUAL.saturating_add(SignedDuration::from_secs(held))
}

fn local_time(trigger: &Trigger) -> String {
    let local = trigger.created.to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%F %H:%M").to_string()
}
