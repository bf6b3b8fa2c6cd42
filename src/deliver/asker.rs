//! What is asked of one server, over one connection: how a job is to be triggered, the trigger itself,
//! and what became of one whose answer was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::connect::{NoClient, Vouching, connect_with};
use super::known::Jobs;
use super::order::parameters_of;
use super::project;
use super::state::State;
use crate::credentials::Keyring;
use crate::jenkins::{
    Attempt, Client, Explanation, Looked, Method, NoWay, Order, SECOND_LOOK, Unseen, Wanted, Way,
};
use crate::secret::Login;
use crate::spool::{Scan, Spool, Trigger};

/// After so many attempts at which Jenkins did not describe a job it is triggered all the same.
const ENOUGH_ATTEMPTS: u32 = 3;

/// Asks one server.
pub(super) struct Asker<'a> {
    spool: &'a Spool,
    server: String,
    client: Option<Client>,
    /// What vouches for the server to that client.
    vouching: Vouching,
    jobs: Jobs<'a>,
    /// Items that the journal has, or that came of this one's own requests.
    items: Option<BTreeSet<u64>>,
    /// Since when this process has its credentials.
    begun: Timestamp,
    /// What Jenkins has against the credentials, when it was asked a second time.
    unknown_login: Option<Explanation>,
    /// The jobs that cannot be looked at with the credentials there are.
    blind: BTreeMap<String, Explanation>,
    /// The searches for new branches that were asked for, by project.
    scans: BTreeMap<String, Scan>,
}

/// How a job is to be asked.
pub(super) enum Found {
    /// So.
    Way(Way),
    /// Not at all yet: the multibranch project has no job of the branch, as far as this user sees.
    NoBranchJob(Login),
}

impl<'a> Asker<'a> {
    /// For the server with this base URL, in a process that has had its credentials since `begun`.
    pub(super) fn new(spool: &'a Spool, server: &str, begun: Timestamp) -> Self {
        Self {
            spool,
            server: server.to_owned(),
            client: None,
            vouching: Vouching::default(),
            jobs: Jobs::new(spool, server),
            items: None,
            begun,
            unknown_login: None,
            blind: BTreeMap::new(),
            scans: BTreeMap::new(),
        }
    }

    /// Connects, unless it is connected so already.
    pub(super) fn connect(&mut self, server: &Url, vouching: Vouching) -> Result<(), State> {
        if self.client.is_some() && self.vouching == vouching {
            return Ok(());
        }
        self.client = None;
        let client = connect_with(self.spool, server, &vouching).map_err(|why| match why {
            NoClient::Forbidden(_) | NoClient::Gone { .. } => State::Held(why.to_string().into()),
            NoClient::Explained(why) => State::Waiting(why.into()),
        })?;
        self.client = Some(client);
        self.vouching = vouching;
        Ok(())
    }

    /// Nothing is asked for a user whom Jenkins does not know: who comes too often with a wrong
    /// password may be locked out, and not by Jenkins alone.
    pub(super) fn check_login(&self, login: Option<&Login>, created: Timestamp) -> Result<(), State> {
        match (login, &self.unknown_login) {
            (Some(_), Some(doubt)) => Err(self.unknown(doubt, created)),
            _ => Ok(()),
        }
    }

    /// Looks in Jenkins for a trigger whose request may have come through.
    pub(super) fn look(
        &self,
        trigger: &Trigger,
        method: Method,
        since: Timestamp,
        login: Option<&Login>,
    ) -> Looked {
        let (Some(client), Some(login)) = (&self.client, login) else {
            return Looked::MayNotLook(Explanation {
                meaning: "only a user with an API token can look for it in Jenkins".into(),
                advice: format!("to log in: jenkins-trigger login {}", self.server),
                reason: "no-user-to-look",
            });
        };
        let age = || Duration::try_from(Timestamp::now().duration_since(since)).ok();
        // It may still be on its way.
        thread::sleep(SECOND_LOOK.saturating_sub(age().unwrap_or_default()));
        client.look(
            &Wanted {
                job: &trigger.job,
                parameters: &parameters_of(trigger),
                id: (method != Method::Api).then_some(trigger.id_in_note()),
                may_lack_id: method == Method::JobToken,
                age: age(),
                after: self.newest_item(since),
            },
            login,
        )
    }

    /// The newest of this server's queue items that the journal knows from before. One that was
    /// merged is older than the one before it, so several are asked.
    fn newest_item(&self, before: Timestamp) -> Option<u64> {
        const ENOUGH: usize = 20;
        let lines = self.spool.journal().newest_first().ok()?;
        let older = lines.filter(|line| line.time < before && line.server == self.server);
        older.filter_map(|line| line.item).take(ENOUGH).max()
    }

    /// How to ask for this, by what Jenkins says of the job, where it says anything to this user.
    pub(super) fn find_way(
        &mut self,
        order: &Order<'_>,
        keyring: &Keyring,
        (created, attempts): (Timestamp, u32),
    ) -> Result<Found, State> {
        let blind = Ok(Found::Way(order.blind_way()));
        let server = Url::parse(&self.server).map_err(|error| State::Refused(error.to_string().into()))?;
        // Some requests need no user (`token-root`); looking always does.
        let looker = match order.login {
            Some(login) => Some(login.clone()),
            // Not to a server that nothing says the user is for: this one asks for nobody.
            None => keyring.bound_login(&server),
        };
        let Some(looker) = looker.filter(|_| self.unknown_login.is_none()) else {
            return blind;
        };
        if let Some(why) = self.blind.get(order.job) {
            return Ok(Found::Way(order.unseen_way(why)));
        }
        // A branch's job goes with the branch, and comes again with other parameters.
        if !order.is_branch_job
            && let Some(known) = self.jobs.get(order.job, &looker.user)
            && let Ok(way) = order.way(&server, known)
        {
            return Ok(Found::Way(way));
        }
        let found = match self.client()?.look_up(order.job, &looker) {
            Err(Unseen::Unknown(why)) if order.login.is_none() => return Ok(self.go_blind(order, why)),
            Err(Unseen::Unknown(why)) => {
                self.resolve(&why, Some(&looker), created)?;
                self.client()?.look_up(order.job, &looker)
            }
            found => found,
        };
        match found {
            // Jenkins took its branch for deleted when it last looked, and nobody can enable it.
            Ok(job) if order.is_branch_job && job.buildable == Some(false) => Ok(Found::NoBranchJob(looker)),
            Ok(job) => {
                let way = order.way(&server, &job);
                // What is to change soon is asked anew, and so is what is to be put right.
                if way.is_ok() && !job.is_unborn_pipeline() {
                    self.jobs.put(order.job, &looker.user, job);
                }
                way.map(Found::Way).map_err(|why| match why {
                    NoWay::Never(why) => State::Refused(why.into()),
                    NoWay::NotYet(why) => State::Waiting(why.into()),
                })
            }
            // A server may be too slow to describe a job and not to build it.
            Err(Unseen::Away(why)) if attempts >= ENOUGH_ATTEMPTS => Ok(Found::Way(order.unseen_way(&why))),
            Err(Unseen::Away(why)) => Err(State::Waiting(why.into())),
            Err(Unseen::Missing(why)) if order.is_branch_job => {
                // Who asks only by the way need not see what can be triggered without him.
                let needs_no_user = order.login.is_none();
                if needs_no_user && !self.sees_project_of(order.job, &looker)? {
                    return Ok(self.go_blind(order, why));
                }
                Ok(Found::NoBranchJob(looker))
            }
            // Who may build may not always look; then the answer says what is wrong.
            Err(Unseen::Missing(why) | Unseen::Unknown(why) | Unseen::Denied(why)) => {
                Ok(self.go_blind(order, why))
            }
        }
    }

    /// The job is not looked at again by this one.
    fn go_blind(&mut self, order: &Order<'_>, why: Explanation) -> Found {
        let way = order.unseen_way(&why);
        self.blind.insert(order.job.to_owned(), why);
        Found::Way(way)
    }

    fn sees_project_of(&self, job: &str, looker: &Login) -> Result<bool, State> {
        let Some((project, _)) = job.rsplit_once('/') else {
            return Ok(false);
        };
        match self.client()?.look_up(project, looker) {
            Ok(_) => Ok(true),
            Err(Unseen::Away(why)) => Err(State::Waiting(why.into())),
            Err(_) => Ok(false),
        }
    }

    /// Has the project of this trigger's branch look for it, if it was not asked just now.
    pub(super) fn search(&mut self, trigger: &mut Trigger, login: &Login) -> Result<State, State> {
        let client = self.client.as_ref().ok_or_else(no_connection)?;
        Ok(project::scan(client, &mut self.scans, trigger, login))
    }

    fn client(&self) -> Result<&Client, State> {
        self.client.as_ref().ok_or_else(no_connection)
    }

    /// Looks once more at a doubt about the credentials, which may only mean that Jenkins is
    /// starting. `Ok`: it is worth trying again now.
    fn resolve(
        &mut self,
        doubt: &Explanation,
        login: Option<&Login>,
        created: Timestamp,
    ) -> Result<(), State> {
        if self.unknown_login.is_some() {
            return Err(self.unknown(doubt, created));
        }
        thread::sleep(SECOND_LOOK);
        let client = self.client()?;
        match login.map_or(Some(true), |login| client.knows(login)) {
            Some(true) => Ok(()),
            Some(false) => {
                self.unknown_login = Some(doubt.clone());
                Err(self.unknown(doubt, created))
            }
            None => Err(State::Waiting(doubt.clone().into())),
        }
    }

    /// What becomes of a trigger whose user Jenkins does not know.
    fn unknown(&self, doubt: &Explanation, created: Timestamp) -> State {
        // The hook of one that is younger than this process may have had newer credentials.
        if created > self.begun {
            State::Held(doubt.clone().into())
        } else {
            State::Refused(doubt.clone().into())
        }
    }

    /// Sends, and looks once more where the answer may only mean that Jenkins is starting.
    pub(super) fn send(&mut self, order: &Order<'_>, way: Way, created: Timestamp) -> State {
        let state = self.send_doubting(order, &way, created);
        match state {
            State::Accepted {
                item,
                url,
                merged,
                note: _,
            } => State::Accepted {
                // Without parameters Jenkins answers 201 for both (contract, observed 1).
                merged: merged || self.is_known_item(item),
                item,
                url,
                note: way.note,
            },
            State::Polled(_) => {
                let looks = "Jenkins looks into its SCM, and builds if something is new there";
                State::Polled(Some(looks.to_owned()))
            }
            State::Refused(_) => {
                self.jobs.forget(order.job);
                state
            }
            other => other,
        }
    }

    /// Whether another trigger has this item already; from now on this one has.
    fn is_known_item(&mut self, item: u64) -> bool {
        /// Nobody's item waits for so long that more triggers came after it.
        const ENOUGH: usize = 200;
        let (spool, server) = (self.spool, &self.server);
        let items = self.items.get_or_insert_with(|| {
            let lines = spool.journal().newest_first();
            let lines = lines.into_iter().flatten().take(ENOUGH);
            let ours = lines.filter(|line| line.server == *server);
            ours.filter_map(|line| line.item).collect()
        });
        !items.insert(item)
    }

    fn send_doubting(&mut self, order: &Order<'_>, way: &Way, created: Timestamp) -> State {
        let mut send = || -> Result<Attempt, State> {
            let doubt = match self.client()?.trigger(order, way) {
                Attempt::Doubted(doubt) => doubt,
                other => return Ok(other),
            };
            self.resolve(&doubt, order.login, created)?;
            Ok(self.client()?.trigger(order, way))
        };
        send().map_or_else(|state| state, State::from)
    }
}

/// Nobody sees it: every attempt connects first.
fn no_connection() -> State {
    State::Waiting("there is no connection".to_owned().into())
}
