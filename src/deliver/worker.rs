//! What becomes of the triggers for one server: each is sent, and written down.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::asker::{Asker, Found};
use super::connect::Vouching;
use super::lanes::{self, Step};
use super::order::{cause_of, incomplete, order_of, parameters_of, secrets_for, untrusted};
use super::project;
use super::sender::{Stopped, Told};
use super::state::{State, is_open};
use crate::credentials::trust::Trusted;
use crate::credentials::{self, Keyring};
use crate::jenkins::{Looked, Method};
use crate::secret::redact;
use crate::spool::{self, Entry, Outcome, Sending, Spool, Trigger};

/// A failure that took so long is the server's and not the trigger's.
const SLOW: Duration = Duration::from_secs(4);

/// So much later at most, while others go out, is told what became of one.
const SOON: Duration = Duration::from_millis(20);

/// After so many slow failures in a row a server is left alone for a while.
const SLOW_ENOUGH: u32 = 2;

/// What a worker found out about its server.
pub(super) struct Done {
    /// Until when it is to be left alone; long ago, where it need not.
    pub(super) rests_until: Timestamp,
    /// What was not tried because it is.
    pub(super) put_off: Vec<Trigger>,
}

/// Sends what waits for one server, one after the other over one connection.
pub(super) struct Worker<'a> {
    spool: &'a Spool,
    sending: &'a Sending,
    trusted: &'a Result<Trusted, String>,
    stopped: Stopped<'a>,
    server: String,
    asker: Asker<'a>,
    keyring: Keyring,
    slow: u32,
    tell: mpsc::Sender<Told>,
    untold: Vec<Entry>,
    told: Instant,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        (spool, sending): (&'a Spool, &'a Sending),
        (trusted, stopped): (&'a Result<Trusted, String>, Stopped<'a>),
        (server, begun): (&str, Timestamp),
        tell: mpsc::Sender<Told>,
    ) -> Self {
        Self {
            spool,
            sending,
            trusted,
            stopped,
            server: server.to_owned(),
            asker: Asker::new(spool, server, begun),
            keyring: Keyring::default(),
            slow: 0,
            tell,
            untold: Vec::new(),
            told: Instant::now(),
        }
    }

    /// Does all of this, but for what a failure before holds back.
    pub(super) fn run(mut self, steps: &[Step]) -> spool::Result<Done> {
        let done = self.work(steps);
        self.tell_all();
        let _ = self.tell.send(Told::Done(self.server.clone()));
        done
    }

    fn work(&mut self, steps: &[Step]) -> spool::Result<Done> {
        let mut blocked = BTreeSet::new();
        let mut rests_until = None;
        let mut put_off = Vec::new();
        for step in steps {
            if (self.stopped)() {
                break;
            }
            let lane = step.trigger().lane();
            // Before the rest: what comes after one that was tried must not be tried without it.
            if blocked.contains(&lane) {
                continue;
            }
            if rests_until.is_some() {
                put_off.extend(step.clone().into_triggers());
                continue;
            }
            match step {
                Step::Supersede { old, new } => self.supersede(old, new)?,
                Step::Send(trigger, identical) => {
                    let begun = Instant::now();
                    let Some(again) = self.deal_with_all(trigger.clone(), identical.clone())? else {
                        self.slow = 0;
                        continue;
                    };
                    blocked.insert(lane);
                    self.slow = if begun.elapsed() >= SLOW { self.slow + 1 } else { 0 };
                    rests_until = (self.slow >= SLOW_ENOUGH).then_some(again);
                }
            }
        }
        self.spool.journal().sync()?;
        Ok(Done {
            rests_until: rests_until.unwrap_or(Timestamp::MIN),
            put_off,
        })
    }

    fn supersede(&mut self, old: &Trigger, new: &Trigger) -> spool::Result<()> {
        // First: it must not wait as long once more if this process ends in between.
        self.spool.update(new)?;
        let mut entry = Entry::of(old, Outcome::Superseded);
        entry.message = Some(format!("a newer one goes out instead: {}", new.id));
        self.close(old, &entry)?;
        self.report(entry);
        Ok(())
    }

    /// Sends all of these as one, but for what an earlier request turns out to have stood for; when
    /// the next attempt is worth it, if any still waits then.
    fn deal_with_all(
        &mut self,
        trigger: Trigger,
        identical: Vec<Trigger>,
    ) -> spool::Result<Option<Timestamp>> {
        let mut left = VecDeque::from(identical);
        let mut next = Some(trigger);
        while let Some(trigger) = next {
            let (entry, again) = self.deal_with(trigger, left.make_contiguous())?;
            let is_open = is_open(entry.outcome);
            left.retain(|other| entry.ids().all(|id| id != other.id));
            self.report(entry);
            if is_open {
                return Ok(Some(again));
            }
            next = left.pop_front();
        }
        Ok(None)
    }

    /// Sends one, or finds what became of it. When the next attempt is worth it, if it still waits.
    fn deal_with(
        &mut self,
        mut trigger: Trigger,
        identical: &[Trigger],
    ) -> spool::Result<(Entry, Timestamp)> {
        if let Some(entry) = self.settled(&trigger)? {
            return Ok((entry, Timestamp::now()));
        }
        let state = match self.attempt(&mut trigger, identical) {
            Ok(state) | Err(state) => state,
        };
        // From the end of the attempt, which may have taken longer than the wait.
        let now = Timestamp::now();
        let again = project::next_look(&trigger, now).unwrap_or_else(|| lanes::next_attempt(&trigger, now));
        let mut entry = self.entry_of(&trigger, &state)?;
        // As it is kept, or it would differ from what was kept and be told again.
        entry.message = state.message().map(|said| redact(said).into_owned());
        entry.reason = state.reason().map(str::to_owned);
        if let State::Accepted { item, url, .. } = &state {
            entry.item = Some(*item);
            entry.url = Some(url.clone());
        }
        if let Err(error) = self.record(&trigger, &state, &entry, again) {
            // Whoever looks on is to know all the same.
            self.report(entry);
            return Err(error);
        }
        Ok((entry, again))
    }

    /// The line about it. What is settled for several is told of the newest.
    fn entry_of(&self, trigger: &Trigger, state: &State) -> spool::Result<Entry> {
        let newest = match trigger.with.last() {
            Some(id) if !state.is_open() => self.spool.read(id)?,
            _ => None,
        };
        let entry = Entry::of(trigger, state.outcome());
        let Some(newest) = newest else { return Ok(entry) };
        let others = entry.ids().filter(|id| *id != newest.id).map(str::to_owned);
        Ok(Entry {
            also: others.collect(),
            ..Entry::of(&newest, state.outcome())
        })
    }

    /// Ends what a sender began that died between the journal and the spool, if the journal has
    /// its end.
    fn settled(&self, trigger: &Trigger) -> spool::Result<Option<Entry>> {
        let Some(since) = trigger.sending else {
            return Ok(None);
        };
        // The clock may have been set back in between, though hardly for long.
        let earliest = since
            .saturating_sub(SignedDuration::from_hours(1))
            .unwrap_or(since);
        let last = self
            .spool
            .journal()
            .newest_first()?
            .take_while(|entry| entry.time >= earliest)
            .find(|entry| entry.outcome.is_of_delivery() && entry.ids().any(|id| id == trigger.id));
        let Some(last) = last.filter(|last| last.time >= since && !is_open(last.outcome)) else {
            return Ok(None);
        };
        let trigger = Trigger {
            trouble: last.message.clone(),
            ..trigger.clone()
        };
        self.leave(&trigger, &last)?;
        Ok(Some(last))
    }

    /// `Err` is no worse than `Ok`: it only leaves early.
    fn attempt(&mut self, trigger: &mut Trigger, identical: &[Trigger]) -> Result<State, State> {
        let held = |error: credentials::Error| State::Held(error.to_string().into());
        let server = Url::parse(&self.server).map_err(|error| State::Refused(error.to_string().into()))?;
        let method: Method = trigger
            .method
            .parse()
            .map_err(|unknown: String| State::Refused(unknown.into()))?;
        let vouching = self.check_trust(trigger)?;
        if let Some(why) = incomplete(trigger) {
            return Err(State::Refused(why.into()));
        }
        self.asker.connect(&server, vouching)?;
        let (login, job_token) = secrets_for(&self.keyring, trigger, method, &server).map_err(held)?;
        if let Some(part) = trigger.secret_part() {
            // It may have come to be known as one only now.
            return Err(State::Refused(spool::Error::Secret(part).to_string().into()));
        }
        self.asker.check_login(login.as_ref(), trigger.created)?;
        if trigger.poll {
            // To look into the SCM twice harms nobody.
            trigger.sending = None;
        }
        let note = match lost_since(trigger) {
            None => None,
            Some(since) => {
                trigger.sending = Some(since);
                // Some requests need no user (`token-root`); looking always does.
                let any = || Some(self.keyring.login(&server).ok()?.value);
                let login = login.clone().or_else(any);
                match self.asker.look(trigger, method, since, login.as_ref()) {
                    Looked::Found { item, url } => {
                        let note = "the answer was lost, and it was found in Jenkins".to_owned();
                        return Ok(State::Accepted {
                            item,
                            url,
                            merged: false,
                            note: Some(note),
                        });
                    }
                    Looked::Unanswered(why) => return Err(State::Unknown(why.into())),
                    Looked::NotThere => {
                        trigger.sending = None;
                        trigger.sent_as = None;
                        None
                    }
                    Looked::MayNotLook(why) => Some(format!(
                        "sent again without knowing what became of the first request, so it may be built twice: \
                         {why}"
                    )),
                }
            }
        };
        let way = {
            let parameters = parameters_of(trigger);
            let order = order_of(
                trigger,
                method,
                &parameters,
                &[],
                login.as_ref(),
                job_token.as_ref(),
            );
            match self
                .asker
                .find_way(&order, &self.keyring, (trigger.created, trigger.attempts))?
            {
                Found::Way(way) => way,
                Found::NoBranchJob(looker) => {
                    return self.asker.search(trigger, &looker);
                }
            }
        };
        // What came after the request that may be in Jenkins is not in there with it.
        let since_then = |other: &Trigger| trigger.sending.is_none() || trigger.with.contains(&other.id);
        let same = identical.iter().take_while(|other| since_then(other)).count();
        let identical = &identical[..same];
        trigger.with = identical.iter().map(|other| other.id.clone()).collect();
        let before = trigger.sending;
        trigger.sending = before.or_else(|| Some(Timestamp::now()));
        if let Err(error) = self.sending.begin(trigger) {
            trigger.sending = before;
            return Err(State::Waiting(error.to_string().into()));
        }
        let mut sent = {
            // The newest of them has the note that says most.
            let note = &identical.last().unwrap_or(trigger).cause.0;
            let cause = cause_of(note, trigger.id_in_note());
            let parameters = parameters_of(trigger);
            let order = order_of(
                trigger,
                method,
                &parameters,
                &cause,
                login.as_ref(),
                job_token.as_ref(),
            );
            self.asker.send(&order, way, trigger.created)
        };
        if !matches!(sent, State::Unknown(_)) {
            trigger.sending = before;
        }
        if let State::Accepted { note: said, .. } | State::Polled(said) = &mut sent {
            let both: Vec<String> = note.into_iter().chain(said.take()).collect();
            *said = (!both.is_empty()).then(|| both.join("; "));
        }
        Ok(sent)
    }

    /// What is to vouch for the server.
    fn check_trust(&self, trigger: &Trigger) -> Result<Vouching, State> {
        let trusted = self.trusted.as_ref();
        let trusted = trusted.map_err(|reason| State::Held(reason.clone().into()))?;
        match untrusted(trusted, trigger) {
            Some(why) => Err(State::Held(why.into())),
            None => Ok(Vouching::of(trusted, trigger)),
        }
    }

    fn record(&self, trigger: &Trigger, state: &State, entry: &Entry, again: Timestamp) -> spool::Result<()> {
        // A server that is away for a day is one line, not one for every attempt.
        if state.is_open() && entry.message != trigger.trouble {
            self.spool.journal().append(entry)?;
        }
        let tried = Trigger {
            trouble: entry.message.clone(),
            with: trigger.sending.map_or_else(Vec::new, |_| trigger.with.clone()),
            // To wait for a branch's job is no failure.
            attempts: match project::next_look(trigger, Timestamp::now()) {
                Some(_) => trigger.attempts,
                None => trigger.attempts.saturating_add(1),
            },
            ..trigger.clone()
        };
        match state {
            State::Accepted { .. } | State::Polled(_) => self.close(trigger, entry),
            State::Refused(_) => self.close(&tried, entry),
            State::Waiting(_) | State::Unknown(_) => self.keep(&Trigger {
                due: Some(again),
                ..tried
            }),
            // Without a time: what holds it may be gone whenever the next sender looks.
            State::Held(_) => {
                let held = Trigger {
                    due: None,
                    attempts: trigger.attempts,
                    ..tried
                };
                // Writing wakes whoever sleeps, who would find it held and write.
                if self.spool.read(&held.id)?.as_ref() == Some(&held) {
                    return self.sending.end(&held.id);
                }
                self.keep(&held)
            }
        }
    }

    fn keep(&self, trigger: &Trigger) -> spool::Result<()> {
        self.spool.update(trigger)?;
        self.sending.end(&trigger.id)
    }

    /// The journal first: a trigger leaves the spool only after its outcome is in there.
    fn close(&self, trigger: &Trigger, entry: &Entry) -> spool::Result<()> {
        self.spool.journal().append(entry)?;
        self.leave(trigger, entry)
    }

    /// That which names the others leaves last: as long as it is there, the journal is asked for
    /// all of them.
    fn leave(&self, trigger: &Trigger, entry: &Entry) -> spool::Result<()> {
        let others = entry.ids().filter(|id| *id != trigger.id);
        for id in others.chain([trigger.id.as_str()]) {
            if entry.outcome != Outcome::Failed {
                self.spool.done(id)?;
            } else if let Some(one) = self.spool.read(id)? {
                self.spool.fail(&Trigger {
                    trouble: trigger.trouble.clone(),
                    attempts: trigger.attempts,
                    due: None,
                    sending: None,
                    with: Vec::new(),
                    sent_as: None,
                    // Whoever lets it go on wants it searched once more.
                    scan: None,
                    uncertain: false,
                    ..one
                })?;
            }
        }
        Ok(())
    }

    /// Tells what became of some; a moment later, as waking the one who listens for each takes its
    /// time.
    fn report(&mut self, entry: Entry) {
        self.untold.push(entry);
        if self.told.elapsed() >= SOON {
            self.tell_all();
        }
    }

    fn tell_all(&mut self) {
        self.told = Instant::now();
        // The one who listens may have what he wants.
        let _ = self.tell.send(Told::Entries(std::mem::take(&mut self.untold)));
    }
}

/// Since when a request may be in Jenkins of which nobody knows.
fn lost_since(trigger: &Trigger) -> Option<Timestamp> {
    // Earlier versions noted that without a time.
    trigger
        .sending
        .or_else(|| trigger.uncertain.then_some(trigger.created))
}
