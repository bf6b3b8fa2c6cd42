//! Sending while the user waits.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::detached::{self, Start};
use super::sender::Sender;
use crate::platform::Lock;
use crate::spool::{self, Entry, Spool, Trigger};

/// How long to wait for a sender that is at work.
const PATIENCE: Duration = Duration::from_secs(30);

/// The one who sends, with the user looking on. Nobody else changes what waits meanwhile.
#[derive(Debug)]
pub struct Foreground<'a> {
    spool: &'a Spool,
    common_dir: &'a Path,
    lock: Option<Lock>,
    begun: Timestamp,
}

impl<'a> Foreground<'a> {
    /// Waits until no other sender is at work, but not for ever: then this one can only report
    /// what the other does.
    ///
    /// # Errors
    /// What the file system says about the spool.
    pub fn begin(spool: &'a Spool, common_dir: &'a Path) -> spool::Result<Self> {
        let begun = Timestamp::now();
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
            lock,
            begun,
        })
    }

    /// Whether this is the one who sends.
    #[must_use]
    pub fn has_lock(&self) -> bool {
        self.lock.is_some()
    }

    /// Sends these waiting triggers and, before them, what waits for the same job and branch and
    /// is older. Tells what became of each, oldest first; nothing for one that has to go on
    /// waiting behind another.
    ///
    /// # Errors
    /// What the file system says about the spool.
    pub fn send(self, chosen: &[Trigger]) -> spool::Result<Vec<(Trigger, Option<Entry>)>> {
        let mut outcomes: BTreeMap<String, Entry> = BTreeMap::new();
        let goes = |trigger: &Trigger| {
            chosen
                .iter()
                .any(|last| trigger.lane() == last.lane() && trigger.id <= last.id)
        };
        let mut all = chosen.to_vec();
        if self.lock.is_some() {
            let waiting = self.spool.waiting()?.triggers;
            all.extend(
                waiting
                    .into_iter()
                    .filter(|trigger| trigger.hold.is_none() && goes(trigger)),
            );
            Sender::new(self.spool, self.common_dir).pass(true, &goes, &mut |entry| {
                outcomes.insert(entry.id.clone(), entry);
            })?;
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all.dedup_by(|one, other| one.id == other.id);
        // Another sender may have been faster with some.
        if all.iter().any(|trigger| !outcomes.contains_key(&trigger.id)) {
            for entry in self.spool.journal().entries()?.into_iter().rev() {
                if entry.time >= self.begun {
                    outcomes.entry(entry.id.clone()).or_insert(entry);
                }
            }
        }
        self.end()?;
        Ok(all
            .into_iter()
            .map(|trigger| {
                let entry = outcomes.remove(&trigger.id);
                (trigger, entry)
            })
            .collect())
    }

    /// Lets go of the lock. A hook's sender that found it taken is gone: what can still be sent
    /// needs another.
    fn end(self) -> spool::Result<()> {
        drop(self.lock);
        if self.spool.is_asked_again() || detached::next_due(self.spool)?.is_some() {
            // Without one it goes out with the next hook.
            let _ = detached::start(self.common_dir, Start::Patient);
        }
        Ok(())
    }
}
