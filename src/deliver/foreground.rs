//! Sending while the user waits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::sender::Sender;
use crate::spool::{self, Entry, Spool, Trigger};

/// How long to wait for a sender that is at work.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends these waiting triggers now and tells what became of each: the last word of the journal
/// where another sender was faster, nothing for one that has to wait behind an earlier trigger of
/// its job and branch.
///
/// # Errors
/// What the file system says about the spool.
pub fn send_now(spool: &Spool, common_dir: &Path, triggers: &[Trigger]) -> spool::Result<Vec<Option<Entry>>> {
    let mut outcomes: BTreeMap<String, Entry> = BTreeMap::new();
    let patience = Instant::now() + PATIENCE;
    loop {
        if let Some(_lock) = spool.lock_sending()? {
            // What waits before them for the same job and branch goes first.
            let lanes: BTreeSet<_> = triggers.iter().map(Trigger::lane).collect();
            Sender::new(spool, common_dir).pass(
                true,
                &|trigger| lanes.contains(&trigger.lane()),
                &mut |entry| {
                    outcomes.insert(entry.id.clone(), entry);
                },
            )?;
            break;
        }
        if Instant::now() >= patience {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    if triggers.iter().any(|trigger| !outcomes.contains_key(&trigger.id)) {
        for entry in spool.journal().entries()?.into_iter().rev() {
            outcomes.entry(entry.id.clone()).or_insert(entry);
        }
    }
    Ok(triggers
        .iter()
        .map(|trigger| outcomes.remove(&trigger.id))
        .collect())
}
