//! One pass over the spool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::credentials::{self, trust};
use crate::jenkins::{self, Attempt, Client, Method, Order};
use crate::secret::{Login, Secret};
use crate::spool::{self, Entry, Outcome, Spool, Trigger};

/// How long to wait before credentials that were not accepted are looked at once more: while
/// Jenkins starts, valid ones get a 401 for 0.3 to 0.8 s (contract, observed 4).
const SECOND_LOOK: Duration = Duration::from_secs(3);

/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// What one attempt made of a trigger.
enum State {
    /// Jenkins has it, as this queue item.
    Accepted {
        /// The item's number.
        item: u64,
        /// Its address.
        url: String,
        /// Whether it was merged with one that waited.
        merged: bool,
    },
    /// It will be tried again.
    Waiting(String),
    /// It waits for the user.
    Held(String),
    /// It may have been queued.
    Unknown(String),
    /// Jenkins refused it.
    Refused(String),
}

impl State {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Accepted { merged: false, .. } => Outcome::Queued,
            Self::Accepted { merged: true, .. } => Outcome::Merged,
            Self::Waiting(_) => Outcome::Waiting,
            Self::Held(_) => Outcome::Held,
            Self::Unknown(_) => Outcome::Unknown,
            Self::Refused(_) => Outcome::Failed,
        }
    }

    fn trouble(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Waiting(text) | Self::Held(text) | Self::Unknown(text) | Self::Refused(text) => Some(text),
        }
    }
}

/// Sends what a spool holds. Its maker holds the spool's sending lock.
#[derive(Debug)]
pub struct Sender<'a> {
    spool: &'a Spool,
    trusted: Result<Vec<String>, String>,
    clients: BTreeMap<String, Client>,
}

impl<'a> Sender<'a> {
    /// A sender for the spool in this common git directory.
    #[must_use]
    pub fn new(spool: &'a Spool, common_dir: &Path) -> Self {
        let trusted = trust::servers_of(common_dir).map_err(|error| error.to_string());
        Self {
            spool,
            trusted,
            clients: BTreeMap::new(),
        }
    }

    /// Tries every trigger that is due (`now`: every one, due or not) and that `wanted` lets
    /// pass, oldest first, and tells `report` of each. A trigger that must wait holds back the
    /// later ones of its server, job and branch, and no others.
    ///
    /// # Errors
    /// What the file system says about the spool; what was sent until then is in the journal.
    pub fn pass(
        &mut self,
        now: bool,
        wanted: &dyn Fn(&Trigger) -> bool,
        report: &mut dyn FnMut(Entry),
    ) -> spool::Result<()> {
        let waiting = self.spool.waiting()?.triggers;
        let mut blocked = BTreeSet::new();
        for trigger in &waiting {
            let lane = trigger.lane();
            if trigger.hold.is_some() || blocked.contains(&lane) || !wanted(trigger) {
                continue;
            }
            if !now && due(trigger) > Timestamp::now() {
                blocked.insert(lane);
                continue;
            }
            let state = match trigger.sending {
                Some(since) => match self.settled_since(trigger, since)? {
                    Some(entry) => {
                        report(entry);
                        continue;
                    }
                    None => State::Unknown(died_meanwhile(trigger)),
                },
                None => self.attempt(trigger),
            };
            let (entry, recorded) = self.record(trigger, &state);
            report(entry);
            recorded?;
            if matches!(state, State::Waiting(_) | State::Held(_)) {
                blocked.insert(lane);
            }
        }
        self.spool.journal().sync()
    }

    fn attempt(&mut self, trigger: &Trigger) -> State {
        match self.send(trigger) {
            Ok(state) | Err(state) => state,
        }
    }

    /// Ends what a sender began that died between the journal and the spool, if the journal has
    /// its end.
    fn settled_since(&self, trigger: &Trigger, since: Timestamp) -> spool::Result<Option<Entry>> {
        let entries = self.spool.journal().entries()?;
        let last = entries
            .into_iter()
            .rev()
            .find(|entry| entry.id == trigger.id && entry.time >= since && entry.outcome.is_of_delivery());
        let Some(last) = last else { return Ok(None) };
        match last.outcome {
            Outcome::Waiting | Outcome::Held | Outcome::NotPushed | Outcome::Undecided => return Ok(None),
            Outcome::Queued | Outcome::Merged | Outcome::Dropped | Outcome::Superseded => {
                self.spool.done(&trigger.id)?;
            }
            Outcome::Failed | Outcome::Unknown => self.spool.fail(&Trigger {
                trouble: last.message.clone(),
                sending: None,
                uncertain: last.outcome == Outcome::Unknown,
                ..trigger.clone()
            })?,
        }
        Ok(Some(last))
    }

    /// `Err` is no worse than `Ok`: it only leaves early.
    fn send(&mut self, trigger: &Trigger) -> Result<State, State> {
        let held = |error: credentials::Error| State::Held(error.to_string());
        let server = Url::parse(&trigger.server).map_err(|error| State::Refused(error.to_string()))?;
        let method: Method = trigger.method.parse().map_err(State::Refused)?;
        self.check_trust(&trigger.server)?;
        credentials::check_transport(&server, jenkins::is_loopback(&server)).map_err(held)?;
        let (login, job_token) = secrets_for(trigger, method, &server).map_err(held)?;
        let parameters = parameters_of(trigger);
        let order = order_of(trigger, method, &parameters, login.as_ref(), job_token.as_ref());
        let spool = self.spool;
        let client = self.client(server)?;
        // From here on nobody can say that it was not queued, whatever becomes of this process.
        let marked = Trigger {
            sending: Some(Timestamp::now()),
            ..trigger.clone()
        };
        spool
            .update(&marked)
            .map_err(|error| State::Waiting(error.to_string()))?;
        Ok(settle(client, &order))
    }

    fn check_trust(&self, server: &str) -> Result<(), State> {
        match &self.trusted {
            Ok(servers) if servers.iter().any(|known| known == server) => Ok(()),
            Ok(_) => Err(State::Held(untrusted(server))),
            Err(reason) => Err(State::Held(reason.clone())),
        }
    }

    fn client(&mut self, server: Url) -> Result<&Client, State> {
        let key = server.as_str().to_owned();
        match self.clients.entry(key) {
            std::collections::btree_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::btree_map::Entry::Vacant(new) => {
                let client = Client::new(server).map_err(|reason| State::Waiting(reason.to_string()))?;
                Ok(new.insert(client))
            }
        }
    }

    /// The journal first: a trigger leaves the spool only after its outcome is in there.
    fn record(&self, trigger: &Trigger, state: &State) -> (Entry, spool::Result<()>) {
        let mut entry = Entry::of(trigger, state.outcome());
        entry.message = state.trouble().map(str::to_owned);
        if let State::Accepted { item, url, .. } = state {
            entry.item = Some(*item);
            entry.url = Some(url.clone());
        }
        let recorded = self.write_down(trigger, state, &entry);
        (entry, recorded)
    }

    fn write_down(&self, trigger: &Trigger, state: &State, entry: &Entry) -> spool::Result<()> {
        // A server that is away for a day is one line, not one for every attempt.
        let repeated =
            matches!(state, State::Waiting(_) | State::Held(_)) && entry.message == trigger.trouble;
        if !repeated {
            self.spool.journal().append(entry)?;
        }
        let tried = Trigger {
            trouble: entry.message.clone(),
            sending: None,
            ..trigger.clone()
        };
        match state {
            State::Accepted { .. } => self.spool.done(&trigger.id),
            State::Refused(_) | State::Unknown(_) => self.spool.fail(&Trigger {
                attempts: trigger.attempts.saturating_add(1),
                due: None,
                uncertain: matches!(state, State::Unknown(_)),
                ..tried
            }),
            State::Waiting(_) => self.spool.update(&Trigger {
                attempts: trigger.attempts.saturating_add(1),
                due: Some(next_attempt(trigger.attempts)),
                ..tried
            }),
            // Without a time: what holds it may be gone whenever the next sender looks.
            State::Held(_) => self.spool.update(&Trigger { due: None, ..tried }),
        }
    }
}

fn died_meanwhile(trigger: &Trigger) -> String {
    let place = Url::parse(&trigger.server)
        .map(|server| jenkins::job_url(&server, &trigger.job))
        .unwrap_or_default();
    format!(
        "the program ended while the request was out: it may have been queued; look at {place}; if it is not \
         there: jenkins-trigger retry"
    )
}

/// What is said of a server that this repository may not reach yet.
#[must_use]
pub fn untrusted(server: &str) -> String {
    format!("this file names {server}, which you have not trusted here; to allow it: jenkins-trigger trust")
}

/// What a trigger lacks to be sent from here, found out without asking anybody.
#[must_use]
pub fn lacks(trigger: &Trigger) -> Option<String> {
    let server = Url::parse(&trigger.server).ok()?;
    let method = trigger.method.parse().ok()?;
    let secrets = secrets_for(trigger, method, &server);
    secrets.err().map(|error| error.to_string())
}

fn secrets_for(
    trigger: &Trigger,
    method: Method,
    server: &Url,
) -> Result<(Option<Login>, Option<Secret>), credentials::Error> {
    let login = method
        .needs_user()
        .then(|| credentials::login_for(server))
        .transpose()?;
    let job_token = trigger
        .token_from
        .as_deref()
        .map(|name| credentials::job_token(name, &trigger.job))
        .transpose()?;
    Ok((login, job_token))
}

/// The parameters of a trigger as Jenkins is asked with them.
#[must_use]
pub fn parameters_of(trigger: &Trigger) -> Vec<(&str, &[u8])> {
    let parameters = trigger.parameters.iter();
    parameters
        .map(|(name, value)| (name.as_str(), value.0.as_slice()))
        .collect()
}

/// What Jenkins is asked to do because of a trigger.
#[must_use]
pub fn order_of<'a>(
    trigger: &'a Trigger,
    method: Method,
    parameters: &'a [(&'a str, &'a [u8])],
    login: Option<&'a Login>,
    job_token: Option<&'a Secret>,
) -> Order<'a> {
    Order {
        method,
        job: &trigger.job,
        parameters,
        delay: trigger.delay.map(Duration::from_secs),
        cause: &trigger.cause.0,
        login,
        job_token,
    }
}

/// When a waiting trigger may be sent. A time further off than the longest wait was written
/// before the clock was set back.
pub(super) fn due(trigger: &Trigger) -> Timestamp {
    let now = Timestamp::now();
    match trigger.due {
        Some(due) if due.duration_since(now) <= LONGEST_WAIT => due,
        _ => now,
    }
}

fn next_attempt(attempts: u32) -> Timestamp {
    let factor = 1_i32.checked_shl(attempts.min(10)).unwrap_or(1);
    let wait = FIRST_WAIT
        .checked_mul(factor)
        .map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
    Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Sends, and looks once more where the answer may only mean that Jenkins is starting.
fn settle(client: &Client, order: &Order<'_>) -> State {
    let doubt = match client.trigger(order) {
        Attempt::Doubted(explanation) => explanation,
        other => return state_of(other),
    };
    thread::sleep(SECOND_LOOK);
    let known = match order.login {
        Some(login) => client.knows(login),
        None => Some(true),
    };
    match known {
        Some(true) => match client.trigger(order) {
            Attempt::Doubted(again) => State::Refused(again.to_string()),
            other => state_of(other),
        },
        Some(false) => State::Refused(doubt.to_string()),
        None => State::Waiting(doubt.to_string()),
    }
}

fn state_of(attempt: Attempt) -> State {
    match attempt {
        Attempt::Accepted { item, url, merged } => State::Accepted { item, url, merged },
        Attempt::NotSent(explanation) => State::Waiting(explanation.to_string()),
        Attempt::Unknown(explanation) => State::Unknown(explanation.to_string()),
        Attempt::Doubted(explanation) | Attempt::Refused(explanation) => {
            State::Refused(explanation.to_string())
        }
    }
}
