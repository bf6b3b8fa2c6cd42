//! What waits, what came of the last ones, and whether somebody is at it.

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::cli::backlog::reason_of;
use crate::cli::{ids, outcomes, pushes};
use crate::deliver::{self, Start};
use crate::spool::{self, Entry, Pushes, Spool, Trigger, Unreadable};
use crate::ui::Printer;

/// So many of the last outcomes are shown.
const LAST: usize = 3;

/// What a spool holds; `--json` prints it.
#[derive(Serialize)]
pub(super) struct Contents {
    waiting: usize,
    /// Of those that wait: for their user.
    held: usize,
    /// Of those that wait: tried in vain so far.
    failing: usize,
    failed: usize,
    under_way: usize,
    undecided: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<Oldest>,
    /// When the first of those that time can help is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<SenderState>,
    /// The newest last.
    last: Vec<Entry>,
    unreadable: Vec<Damage>,
    #[serde(skip)]
    pushes: Pushes,
}

#[derive(Serialize)]
struct Oldest {
    id: String,
    since: Timestamp,
    job: String,
    #[serde(skip)]
    reference: String,
    reason: String,
}

#[derive(Serialize)]
struct Damage {
    id: String,
    path: String,
    reason: String,
}

impl Damage {
    fn of(unreadable: Unreadable) -> Self {
        Self {
            id: unreadable.id().to_owned(),
            path: unreadable.path.display().to_string(),
            reason: unreadable.reason,
        }
    }
}

/// Who is at what waits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum SenderState {
    /// One sends.
    AtWork,
    /// One waits until something is due.
    Asleep,
    /// Nobody.
    None,
}

impl Contents {
    /// Looks at it all.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn look(spool: &Spool, start: impl FnOnce()) -> spool::Result<Self> {
        // First: whoever gets the lock writes into the entries what a sender that died had sent.
        let sender = if spool.oldest_waiting(0)?.1 == 0 {
            None
        } else {
            Some(SenderState::of(spool, start)?)
        };
        let waiting = spool.waiting()?;
        let failed = spool.failed()?;
        let pushes = spool.pushes()?;
        let sender = sender.filter(|_| !waiting.triggers.is_empty());
        let mut last: Vec<Entry> = spool.journal().newest_first()?.take(LAST).collect();
        last.reverse();
        let unreadable = [waiting.unreadable, failed.unreadable, pushes.unreadable.clone()].concat();
        Ok(Self {
            waiting: waiting.triggers.len(),
            held: waiting
                .triggers
                .iter()
                .filter(|trigger| trigger.is_held())
                .count(),
            failing: waiting
                .triggers
                .iter()
                .filter(|trigger| is_failing(trigger))
                .count(),
            failed: failed.triggers.len(),
            under_way: pushes.under_way.len(),
            undecided: pushes.undecided.len(),
            oldest: waiting.triggers.first().map(|oldest| Oldest::of(oldest, spool)),
            next_attempt: next_attempt(&waiting.triggers),
            sender,
            last,
            unreadable: unreadable.into_iter().map(Damage::of).collect(),
            pushes,
        })
    }

    /// Shows it, a line for each thing.
    pub(super) fn show(&self, printer: &Printer) {
        let Self { waiting, failed, .. } = self;
        let kinds = [(self.held, "held"), (self.failing, "tried in vain")];
        let kinds: Vec<String> = kinds
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, kind)| format!("{count} {kind}"))
            .collect();
        let kinds = match kinds.as_slice() {
            [] => String::new(),
            kinds => format!(" ({})", kinds.join(", ")),
        };
        printer.result(&format!("triggers  {waiting} waiting{kinds}, {failed} failed"));
        if let Some(oldest) = &self.oldest {
            printer.result(&format!(
                "oldest    {} {} {} → {}: {}",
                local(oldest.since),
                ids::short(&oldest.id),
                oldest.reference,
                oldest.job,
                oldest.reason
            ));
        }
        self.show_sender(printer);
        for push in &self.pushes.under_way {
            printer.result(&format!("push      {}", pushes::under_way(push)));
        }
        for push in &self.pushes.undecided {
            printer.result(&format!("push      {}", pushes::not_known(push)));
        }
        for entry in &self.last {
            printer.result(&format!(
                "last      {} {} {}: {} → {} {}",
                local(entry.time),
                ids::short(&entry.id),
                entry.outcome.name(),
                entry.reference(),
                entry.job,
                outcomes::result(entry)
            ));
        }
        for damage in &self.unreadable {
            printer.warning(&format!(
                "{} is left alone: {}; install the version that reads it, or drop it: jenkins-trigger cancel {}",
                damage.path, damage.reason, damage.id
            ));
        }
    }

    fn show_sender(&self, printer: &Printer) {
        let next = self
            .next_attempt
            .map(|next| format!("; next attempt {}", local(next)));
        let next = next.unwrap_or_default();
        match self.sender {
            None => {}
            Some(SenderState::AtWork) => printer.result("sender    at work"),
            Some(SenderState::Asleep) => printer.result(&format!("sender    asleep{next}")),
            // Nobody is needed for what waits for its user.
            Some(SenderState::None) if self.held == self.waiting => {}
            Some(SenderState::None) => {
                printer
                    .result("sender    none; the next hook starts one, and so does: jenkins-trigger retry");
            }
        }
    }
}

impl Oldest {
    fn of(trigger: &Trigger, spool: &Spool) -> Self {
        let reason = match reason_of(trigger) {
            "" if spool.is_out(&trigger.id) => "it is being sent",
            "" if trigger.sending.is_some() => {
                "its sender died, so it may be in Jenkins; the next one looks there"
            }
            "" if trigger.coalesce.is_some() => "it is held until no newer one comes",
            "" => "nobody has tried to send it yet",
            reason => reason,
        };
        Self {
            id: trigger.id.clone(),
            since: trigger.created,
            job: trigger.job.clone(),
            reference: trigger.reference(),
            reason: reason.to_owned(),
        }
    }
}

impl SenderState {
    fn of(spool: &Spool, start: impl FnOnce()) -> spool::Result<Self> {
        let Some(lock) = spool.lock_sending()? else {
            return Ok(Self::AtWork);
        };
        let sleeps = spool.lock_sleeping()?.is_none();
        drop(lock);
        if spool.is_asked_again() {
            // A sender that found the lock taken has left, and relies on whoever had it.
            start();
        }
        Ok(if sleeps { Self::Asleep } else { Self::None })
    }
}

/// Starts a sender for those that came while the lock was looked at.
pub(super) fn start_sender(common_dir: &std::path::Path) {
    // Without one it goes out with the next hook.
    let _ = deliver::start(common_dir, Start::Patient);
}

/// Only its user can let it go on.
fn is_failing(trigger: &Trigger) -> bool {
    trigger.trouble.is_some() && !trigger.is_held()
}

fn next_attempt(waiting: &[Trigger]) -> Option<Timestamp> {
    let due = waiting.iter().filter(|trigger| !trigger.is_held());
    due.filter_map(|trigger| trigger.due).min()
}

fn local(time: Timestamp) -> String {
    let local: Zoned = time.to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%F %T").to_string()
}
