//! What became of triggers, as people and programs read it.

use std::path::Path;

use super::Exit;
use crate::deliver::{Foreground, Sent};
use crate::spool::{self, Entry, Outcome, Spool, Trigger};
use crate::ui::{Printer, Tone};

/// The tone of an outcome.
pub(super) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Queued | Outcome::Merged | Outcome::Polled => Tone::Good,
        Outcome::Waiting | Outcome::Held | Outcome::Unknown | Outcome::Undecided => Tone::Warn,
        Outcome::Failed => Tone::Bad,
        Outcome::Dropped | Outcome::NotPushed | Outcome::Superseded => Tone::Dim,
    }
}

/// What came of it, in a few words: the item, or the reason.
pub(super) fn result(entry: &Entry) -> String {
    let result = match (&entry.item, &entry.url, &entry.message) {
        (Some(item), Some(url), None) => format!("item {item} {url}"),
        (Some(item), Some(url), Some(message)) => format!("item {item} {url}; {message}"),
        (_, _, Some(message)) => message.clone(),
        _ => String::new(),
    };
    match entry.also.len() {
        0 => result,
        more => format!("{result} (and {more} identical)").trim_start().to_owned(),
    }
}

/// Sends these, prints the outcome of each, and finds the exit code that fits them all. With
/// `drop_held`, those that wait for their user are given up.
///
/// # Errors
/// What the file system says about the spool.
pub(super) fn send(
    printer: &Printer,
    spool: &Spool,
    sending: Foreground<'_>,
    (triggers, drop_held): (&[Trigger], bool),
    json: bool,
) -> anyhow::Result<Exit> {
    let (outcomes, sent) = deliver(spool, sending, (triggers, drop_held))?;
    let exit = print(printer, &outcomes, json);
    sent?;
    Ok(exit)
}

/// The same for a caller who prints himself; what the file system said about the rest comes beside
/// what was sent.
///
/// # Errors
/// As [`send`].
pub(super) fn deliver(
    spool: &Spool,
    sending: Foreground<'_>,
    (triggers, drop_held): (&[Trigger], bool),
) -> spool::Result<(Sent, spool::Result<()>)> {
    let (outcomes, sent) = sending.send(triggers, drop_held);
    for (trigger, entry) in &outcomes {
        if let Some(Outcome::Failed | Outcome::Unknown) = entry.as_ref().map(|entry| entry.outcome) {
            // He is told now.
            spool.mark_told(&trigger.id)?;
        }
    }
    Ok((outcomes, sent))
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
        exit = exit.and(&entry);
        // Those that were sent as one are one line, that of the first.
        let is_told = entry.id != trigger.id && outcomes.iter().any(|(other, _)| other.id == entry.id);
        if is_told {
            continue;
        }
        if json {
            printer.json(&entry);
        } else {
            print_entry(printer, &entry, None);
        }
    }
    exit
}

/// Prints the outcome of a trigger, and of which repository it is where there are several.
pub(super) fn print_entry(printer: &Printer, entry: &Entry, repository: Option<&Path>) {
    let place = repository.map_or_else(String::new, |path| format!(" {}:", path.display()));
    let to = format!("{place} {} → {}: {}", entry.reference(), entry.job, result(entry));
    printer.toned(tone(entry.outcome), entry.outcome.name(), &to);
}

impl Exit {
    /// The exit code that fits this outcome too.
    pub(super) fn and(self, entry: &Entry) -> Self {
        match (entry.outcome, self) {
            (Outcome::Failed, _) | (_, Self::Refused) => Self::Refused,
            (Outcome::Queued | Outcome::Merged | Outcome::Polled | Outcome::Superseded, exit) => exit,
            _ => Self::Act,
        }
    }
}
