//! What Jenkins said about a job, kept for a while: a job is described by one more request, which
//! not every trigger is to cost. A refusal never comes from here: whoever finds a fault in what is
//! kept asks anew, as the job may have been put right meanwhile.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::jenkins::Job;
use crate::spool::Spool;

/// For so long a job counts as it was. Jenkins is told of a change by whoever makes it, we are not.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// A file with more jobs than this is begun anew.
const MOST_JOBS: usize = 500;
/// The file's format.
const FORMAT: u32 = 1;

/// One job as the file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    user: String,
    asked: Timestamp,
    job: Job,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    v: u32,
    jobs: HashMap<String, Known>,
}

/// What this user was told about a job not long ago, by whoever sent from this spool.
#[must_use]
pub fn known_job(spool: &Spool, (server, job): (&str, &str), user: &str) -> Option<Job> {
    Jobs::new(spool, server).get(job, user).cloned()
}

/// The jobs of one server, in memory and in the spool's folder.
#[derive(Debug)]
pub(super) struct Jobs<'a> {
    spool: &'a Spool,
    server: String,
    all: Option<HashMap<String, Known>>,
    changed: bool,
}

impl<'a> Jobs<'a> {
    pub(super) fn new(spool: &'a Spool, server: &str) -> Self {
        Self {
            spool,
            server: server.to_owned(),
            all: None,
            changed: false,
        }
    }

    fn jobs(&mut self) -> &mut HashMap<String, Known> {
        let (spool, server) = (self.spool, &self.server);
        self.all.get_or_insert_with(|| {
            let text = spool.recall(server).unwrap_or_default();
            let file: File = serde_json::from_slice(&text).unwrap_or_default();
            if file.v == FORMAT {
                file.jobs
            } else {
                HashMap::new()
            }
        })
    }

    /// What this user was told about a job not long ago.
    pub(super) fn get(&mut self, job: &str, user: &str) -> Option<&Job> {
        let now = Timestamp::now();
        let known = self.jobs().get(job)?;
        // A time to come was written before the clock was set back.
        let age = now.duration_since(known.asked);
        let is_fresh = known.user == user && !age.is_negative() && age < LIFETIME;
        is_fresh.then_some(&known.job)
    }

    pub(super) fn put(&mut self, job: &str, user: &str, known: Job) {
        self.changed = true;
        let known = Known {
            user: user.to_owned(),
            asked: Timestamp::now(),
            job: known,
        };
        self.jobs().insert(job.to_owned(), known);
    }

    pub(super) fn forget(&mut self, job: &str) {
        self.changed |= self.jobs().remove(job).is_some();
    }

    /// Keeps it for the next sender; what cannot be written is asked anew by that one.
    pub(super) fn save(&mut self) {
        let Some(jobs) = self.all.as_mut().filter(|_| self.changed) else {
            return;
        };
        let now = Timestamp::now();
        jobs.retain(|_, known| now.duration_since(known.asked) < LIFETIME);
        if jobs.len() > MOST_JOBS {
            jobs.clear();
        }
        let file = File {
            v: FORMAT,
            jobs: std::mem::take(jobs),
        };
        // Serialisation to memory fails only for maps with keys that are no strings.
        let text = serde_json::to_vec(&file).unwrap_or_default();
        let _ = self.spool.remember(&self.server, &text);
        self.all = Some(file.jobs);
        self.changed = false;
    }
}

impl Drop for Jobs<'_> {
    fn drop(&mut self) {
        self.save();
    }
}
