//! What became of triggers, as people and programs read it.

use super::Exit;
use crate::spool::{Entry, Outcome, Trigger};
use crate::ui::{Printer, Tone};

/// The tone of an outcome.
pub(super) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Queued | Outcome::Merged => Tone::Good,
        Outcome::Waiting | Outcome::Held | Outcome::Unknown | Outcome::Undecided => Tone::Warn,
        Outcome::Failed => Tone::Bad,
        Outcome::Dropped | Outcome::NotPushed => Tone::Dim,
    }
}

/// What came of it, in a few words: the item, or the reason.
pub(super) fn result(entry: &Entry) -> String {
    match (&entry.item, &entry.url, &entry.message) {
        (Some(item), Some(url), _) => format!("item {item} {url}"),
        (_, _, Some(message)) => message.clone(),
        _ => String::new(),
    }
}

/// Prints the outcome of each trigger and finds the exit code that fits them all. One without an
/// entry waits: another sender is at work, or an earlier trigger of its job and branch is first.
pub(super) fn print(printer: &Printer, outcomes: &[(Trigger, Option<Entry>)], json: bool) -> Exit {
    let mut exit = Exit::Done;
    for (trigger, entry) in outcomes {
        let entry = entry.clone().unwrap_or_else(|| Entry {
            message: Some("it comes after what is being sent, or waits, before it".into()),
            ..Entry::of(trigger, Outcome::Waiting)
        });
        exit = match (entry.outcome, exit) {
            (Outcome::Failed, _) | (_, Exit::Refused) => Exit::Refused,
            (Outcome::Queued | Outcome::Merged, exit) => exit,
            _ => Exit::Act,
        };
        if json {
            printer.json(&entry);
        } else {
            let to = format!(" {} → {}: {}", entry.reference(), entry.job, result(&entry));
            printer.toned(tone(entry.outcome), entry.outcome.name(), &to);
        }
    }
    exit
}
