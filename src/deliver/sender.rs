//! One pass over the spool: what is due goes out, each server's on a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use jiff::Timestamp;

use super::GLANCE;
use super::lanes::{self, Haste, Step};
use super::worker::{Done, Worker};
use crate::credentials::trust::Trusted;
use crate::spool::{self, Entry, Spool, Trigger};

/// What a worker tells.
pub(super) enum Told {
    /// This became of triggers.
    Entries(Vec<Entry>),
    /// The one for this server has done all it was given.
    Done(String),
}

/// Says whether to stop; what is under way is brought to its end.
pub type Stopped<'a> = &'a (dyn Fn() -> bool + Sync);

/// Finds out what may go out of the repository with this common git directory. Asked at each pass:
/// what a spool has lain with is no word of its user's, and what he accepted may have changed.
pub type Ask = fn(&Path) -> Result<Trusted, String>;

type Workers<'scope> = BTreeMap<String, ScopedJoinHandle<'scope, spool::Result<Done>>>;

/// Sends what a spool holds. Whoever calls [`Sender::pass`] holds the spool's sending lock.
pub(super) struct Sender<'a> {
    spool: &'a Spool,
    common_dir: PathBuf,
    ask: Ask,
    stopped: Stopped<'a>,
    /// Until when nobody asks a server that did not answer.
    rests: BTreeMap<String, Timestamp>,
    put_off: Vec<Trigger>,
    begun: Timestamp,
}

impl<'a> Sender<'a> {
    /// A sender for the spool in this common git directory.
    pub(super) fn new(spool: &'a Spool, common_dir: &Path, ask: Ask, stopped: Stopped<'a>) -> Self {
        Self {
            spool,
            common_dir: common_dir.to_owned(),
            ask,
            stopped,
            rests: BTreeMap::new(),
            put_off: Vec::new(),
            begun: Timestamp::now(),
        }
    }

    /// Tries every trigger that is due and that `wanted` lets pass, and tells `report` of each. A
    /// trigger that must wait holds back the later ones of its server, job and branch, and no
    /// others; a server that hangs holds back no other, not even what comes in meanwhile.
    ///
    /// # Errors
    /// What the file system says about the spool; what was sent until then is in the journal.
    pub(super) fn pass(
        &mut self,
        haste: Haste,
        wanted: &dyn Fn(&Trigger) -> bool,
        report: &mut dyn FnMut(Entry),
    ) -> spool::Result<()> {
        let trusted = (self.ask)(&self.common_dir);
        if let Ok(trusted) = &trusted {
            let accepted = trusted
                .accepted()
                .authorities
                .iter()
                .map(|one| one.sha256.as_str());
            self.spool.sweep_authorities(accepted);
        }
        if haste != Haste::Due {
            self.rests.clear();
        }
        let (spool, stopped, begun) = (self.spool, self.stopped, self.begun);
        self.put_off.clear();
        let sending = spool.sending()?;
        let mut tried = BTreeSet::new();
        let mut passed = Ok(());
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            let mut workers = Workers::new();
            loop {
                let newest = spool.newest_waiting();
                let given = if passed.is_ok() && !stopped() {
                    self.due_for_idle(haste, wanted, &mut tried, &workers)
                } else {
                    Ok(BTreeMap::new())
                };
                match given {
                    Ok(given) => {
                        for (server, steps) in given {
                            let worker = Worker::new(
                                (spool, &sending),
                                (&trusted, stopped),
                                (&server, begun),
                                tell.clone(),
                            );
                            workers.insert(server, scope.spawn(move || worker.run(&steps)));
                        }
                    }
                    Err(error) => passed = Err(error),
                }
                if workers.is_empty() {
                    return;
                }
                for server in wait(&told, spool, newest.as_deref(), report, &workers) {
                    self.collect(&server, &mut workers, &mut passed);
                }
            }
        });
        passed
    }

    /// What is due for servers that no worker asks now.
    fn due_for_idle(
        &self,
        haste: Haste,
        wanted: &dyn Fn(&Trigger) -> bool,
        tried: &mut BTreeSet<String>,
        workers: &Workers<'_>,
    ) -> spool::Result<BTreeMap<String, Vec<Step>>> {
        let now = Timestamp::now();
        let mut waiting = self.spool.waiting()?.triggers;
        waiting.retain(|trigger| {
            let rests = self.rests.get(&trigger.server).is_some_and(|rest| *rest > now);
            wanted(trigger) && !rests && !workers.contains_key(&trigger.server)
        });
        let mut given: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for step in lanes::steps(&waiting, haste, now, tried) {
            tried.extend(step.ids().map(str::to_owned));
            given.entry(step.trigger().server.clone()).or_default().push(step);
        }
        Ok(given)
    }

    fn collect(&mut self, server: &str, workers: &mut Workers<'_>, passed: &mut spool::Result<()>) {
        match workers.remove(server).map(ScopedJoinHandle::join) {
            None => {}
            Some(Ok(Ok(done))) => {
                self.rests.insert(server.to_owned(), done.rests_until);
                self.put_off.extend(done.put_off);
            }
            Some(Ok(Err(error))) => *passed = Err(error),
            // What it had in hand is in the spool and says so.
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }

    /// What the last pass did not try, because their server had not answered others. It waits as
    /// before, so there is nothing of it in the journal.
    pub(super) fn put_off(&self) -> &[Trigger] {
        &self.put_off
    }

    /// When the first trigger that can be sent is due.
    ///
    /// # Errors
    /// What the file system says about the spool.
    pub(super) fn next_due(&self) -> spool::Result<Option<Timestamp>> {
        let waiting = self.spool.waiting()?.triggers;
        Ok(lanes::next_due(&waiting, &self.rests, Timestamp::now()))
    }
}

/// Reports until a worker is done, or something came in that another could send. The servers whose
/// workers are done.
fn wait(
    told: &mpsc::Receiver<Told>,
    spool: &Spool,
    newest: Option<&str>,
    report: &mut dyn FnMut(Entry),
    workers: &Workers<'_>,
) -> Vec<String> {
    let finished = || {
        let finished = workers.iter().filter(|(_, worker)| worker.is_finished());
        finished.map(|(server, _)| server.clone()).collect::<Vec<_>>()
    };
    let mut looks = Instant::now() + GLANCE;
    loop {
        let mut done = Vec::new();
        let next = told
            .recv_timeout(looks.saturating_duration_since(Instant::now()))
            // Only one that panicked ends and tells nothing.
            .or_else(|_| {
                done = finished();
                told.try_recv()
            });
        match next {
            Ok(Told::Entries(entries)) => entries.into_iter().for_each(&mut *report),
            Ok(Told::Done(server)) => return vec![server],
            Err(_) if !done.is_empty() => return done,
            Err(_) => {}
        }
        // Also while one tells a lot: it may go on for long.
        if Instant::now() >= looks {
            if spool.newest_waiting().as_deref() > newest {
                return Vec::new();
            }
            looks = Instant::now() + GLANCE;
        }
    }
}
