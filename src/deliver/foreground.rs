//! Sending while the user waits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::PATIENCE;
use super::detached::{self, Start};
use super::lanes::{self, Haste};
use super::project;
use super::sender::{Ask, Sender};
use crate::jenkins::SECOND_LOOK;
use crate::platform::Lock;
use crate::spool::{self, Entry, Mark, Outcome, Spool, Trigger};

/// For so long whoever has a user waiting waits for a branch's job to come about.
const BRANCH_PATIENCE: Duration = Duration::from_secs(20);

/// Triggers, each with what became of it.
pub type Sent = Vec<(Trigger, Option<Entry>)>;

/// The one who sends, with the user looking on. Nobody else changes what waits meanwhile.
#[derive(Debug)]
pub struct Foreground<'a> {
    spool: &'a Spool,
    common_dir: &'a Path,
    ask: Ask,
    lock: Option<Lock>,
    /// Where the journal ended before.
    journal: Mark,
}

impl<'a> Foreground<'a> {
    /// Waits until no other sender is at work, but not for ever: then this one can only report
    /// what the other does.
    ///
    /// # Errors
    /// What the file system says about the spool.
    pub fn begin(spool: &'a Spool, common_dir: &'a Path, ask: Ask) -> spool::Result<Self> {
        Self::begin_for(spool, (common_dir, ask), spool.journal().mark())
    }

    /// The same for triggers that were put into the spool when the journal ended there: another
    /// sender may have been faster with them.
    ///
    /// # Errors
    /// As [`Foreground::begin`].
    pub fn begin_for(
        spool: &'a Spool,
        (common_dir, ask): (&'a Path, Ask),
        journal: Mark,
    ) -> spool::Result<Self> {
        let patience = Instant::now() + PATIENCE;
        let lock = loop {
            let lock = spool.lock_sending()?;
            if lock.is_some() || Instant::now() >= patience {
                break lock;
            }
            thread::sleep(Duration::from_millis(20));
        };
        Ok(Self {
            spool,
            common_dir,
            ask,
            lock,
            journal,
        })
    }

    /// Whether this is the one who sends.
    #[must_use]
    pub fn has_lock(&self) -> bool {
        self.lock.is_some()
    }

    /// Sends these waiting triggers and, before them, what waits for the same job and branch and
    /// is older. Tells what became of each, oldest first; nothing for one that has to go on
    /// waiting behind another. With `drop_held`, those of the chosen that wait for their user are
    /// given up.
    ///
    /// # Errors
    /// What the file system says about the spool, beside what was sent all the same.
    pub fn send(self, chosen: &[Trigger], drop_held: bool) -> (Sent, spool::Result<()>) {
        let mut outcomes: BTreeMap<String, Entry> = BTreeMap::new();
        let mut all = chosen.to_vec();
        let mut sent = self.pass(chosen, &mut all, &mut outcomes);
        if drop_held {
            let held = chosen.iter().filter(|trigger| {
                let outcome = outcomes.get(&trigger.id).map(|entry| entry.outcome);
                outcome == Some(Outcome::Held)
            });
            for trigger in held {
                sent = sent.and_then(|()| self.drop_held(trigger));
            }
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all.dedup_by(|one, other| one.id == other.id);
        let sent = sent.and(self.end());
        let with_outcome = |trigger: Trigger| {
            let entry = outcomes.remove(&trigger.id);
            (trigger, entry)
        };
        (all.into_iter().map(with_outcome).collect(), sent)
    }

    fn pass(
        &self,
        chosen: &[Trigger],
        all: &mut Vec<Trigger>,
        outcomes: &mut BTreeMap<String, Entry>,
    ) -> spool::Result<()> {
        let mut newest: BTreeMap<_, &str> = BTreeMap::new();
        for trigger in chosen {
            let last = newest.entry(trigger.lane()).or_default();
            *last = trigger.id.as_str().max(last);
        }
        let goes = |trigger: &Trigger| {
            let newest = newest.get(&trigger.lane());
            newest.is_some_and(|newest| trigger.id.as_str() <= *newest)
        };
        let mut sent = Ok(());
        if self.lock.is_some() {
            let waiting = self.spool.waiting()?.triggers;
            all.extend(
                waiting
                    .into_iter()
                    .filter(|trigger| trigger.hold.is_none() && goes(trigger)),
            );
            let mut sender = Sender::new(self.spool, self.common_dir, self.ask, &|| false);
            sent = sender.pass(Haste::Now, &goes, &mut |entry| note(outcomes, &entry));
            let lost: BTreeSet<_> = all
                .iter()
                .filter(|trigger| {
                    let outcome = outcomes.get(&trigger.id).map(|entry| entry.outcome);
                    outcome == Some(Outcome::Unknown)
                })
                .map(Trigger::lane)
                .collect();
            // Somebody waits to hear what became of it, and by then Jenkins can tell.
            if sent.is_ok() && !lost.is_empty() {
                thread::sleep(SECOND_LOOK);
                let put_off: BTreeSet<String> = sender
                    .put_off()
                    .iter()
                    .map(|trigger| trigger.id.clone())
                    .collect();
                let again =
                    |trigger: &Trigger| lost.contains(&trigger.lane()) || put_off.contains(&trigger.id);
                let wanted = |trigger: &Trigger| goes(trigger) && again(trigger);
                sent = sender.pass(Haste::Now, &wanted, &mut |entry| note(outcomes, &entry));
            }
            let patience = Instant::now() + BRANCH_PATIENCE;
            while sent.is_ok() && Instant::now() < patience {
                let waits = self.for_their_jobs(all, outcomes)?;
                if waits.is_empty() {
                    break;
                }
                thread::sleep(project::SOON.unsigned_abs());
                let wanted = |trigger: &Trigger| goes(trigger) && waits.contains(&trigger.id);
                sent = sender.pass(Haste::Now, &wanted, &mut |entry| note(outcomes, &entry));
            }
            for trigger in sender.put_off() {
                note(outcomes, &not_tried(trigger));
            }
        }
        // Another sender may have been faster with some.
        if all.iter().any(|trigger| !outcomes.contains_key(&trigger.id)) {
            for entry in self.spool.journal().since(&self.journal)?.into_iter().rev() {
                for id in entry.ids() {
                    outcomes.entry(id.to_owned()).or_insert_with(|| entry.clone());
                }
            }
        }
        sent
    }

    /// The ids of those that wait for Jenkins to find their branch, which takes it seconds.
    fn for_their_jobs(
        &self,
        all: &[Trigger],
        outcomes: &BTreeMap<String, Entry>,
    ) -> spool::Result<BTreeSet<String>> {
        let mut waits = BTreeSet::new();
        for trigger in all.iter().filter(|trigger| trigger.multibranch) {
            let outcome = outcomes.get(&trigger.id).map(|entry| entry.outcome);
            if outcome == Some(Outcome::Waiting)
                && let Some(now) = self.spool.read(&trigger.id)?
                && project::next_look(&now, Timestamp::now()).is_some()
            {
                waits.insert(now.id);
            }
        }
        Ok(waits)
    }

    fn drop_held(&self, trigger: &Trigger) -> spool::Result<()> {
        let journal = self.spool.journal();
        journal.append(&Entry::of(trigger, Outcome::Dropped))?;
        self.spool.done(&trigger.id)
    }

    fn is_due_some_day(&self) -> spool::Result<bool> {
        let waiting = self.spool.waiting()?.triggers;
        Ok(lanes::next_due(&waiting, &BTreeMap::new(), Timestamp::now()).is_some())
    }

    fn end(mut self) -> spool::Result<()> {
        self.lock = None;
        self.hand_over()
    }

    /// A hook's sender that found the lock taken is gone: what can still be sent needs another.
    fn hand_over(&self) -> spool::Result<()> {
        if self.spool.is_asked_again() || self.is_due_some_day()? {
            // Without one it goes out with the next hook.
            let _ = detached::start(self.common_dir, Start::Patient);
        }
        Ok(())
    }
}

/// Whoever had the lock and does not come to send, for whatever reason, leaves what others put
/// into the spool meanwhile to a sender.
impl Drop for Foreground<'_> {
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            // What cannot be read now goes out with the next hook.
            let _ = self.hand_over();
        }
    }
}

/// What is said of one whose server did not answer others.
fn not_tried(trigger: &Trigger) -> Entry {
    let mut entry = Entry::of(trigger, Outcome::Waiting);
    entry.message = Some(format!(
        "not tried, as {} did not answer; to try again: jenkins-trigger retry",
        trigger.server
    ));
    entry
}

/// Every trigger of the entry has this outcome.
fn note(outcomes: &mut BTreeMap<String, Entry>, entry: &Entry) {
    for id in entry.ids() {
        outcomes.insert(id.to_owned(), entry.clone());
    }
}
