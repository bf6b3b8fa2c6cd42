//! Asking Jenkins to build a job, or to look into its SCM, and what came of it.

use std::time::{Duration, Instant};

use url::Url;

use super::client::{Client, TOTAL_LIMIT, innermost};
use super::explain::{self, Answer, Explanation, Tried};
use super::job::Job;
use super::parameters::{self, Mistake};
use super::session::Crumb;
use super::{Action, Order, item_of, item_url, job_url};

/// How long one attempt may take, however many requests it is made of.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);

/// How long is asked for what jobs there are instead of one that is not there.
const NEAR_LIMIT: Duration = Duration::from_secs(3);

/// What one attempt to trigger came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// Jenkins has it.
    Accepted {
        /// The number of the queue item.
        item: u64,
        /// Its address under the configured URL.
        url: String,
        /// Whether Jenkins said that it merged it with an item that waited already.
        merged: bool,
    },
    /// Jenkins looks into the job's SCM, and builds if something is new there.
    Polled,
    /// It cannot have been queued; to be tried again.
    NotSent(Explanation),
    /// It was sent, and nothing says whether it was queued.
    Unknown(Explanation),
    /// The credentials were not accepted, as happens also while Jenkins starts.
    Doubted(Explanation),
    /// Jenkins said no.
    Refused(Explanation),
}

/// How a job is asked after what is known of it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Whether the endpoint is the one with parameters.
    pub with_parameters: bool,
    /// What is to be said although Jenkins will take it.
    pub note: Option<String>,
}

/// Why a job is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoWay {
    /// It would not do what is ordered.
    Never(Explanation),
    /// It may later.
    NotYet(Explanation),
}

impl Order<'_> {
    /// How to ask when nothing is known of the job.
    #[must_use]
    pub fn blind_way(&self) -> Way {
        Way {
            with_parameters: !self.parameters.is_empty(),
            note: None,
        }
    }

    /// The same where Jenkins was asked and did not say what the job takes.
    #[must_use]
    pub fn unseen_way(&self, why: &Explanation) -> Way {
        let may_drop = !self.parameters.is_empty() && self.action == Action::Build;
        Way {
            note: may_drop.then(|| {
                format!(
                    "nobody could look whether the job declares {}, and Jenkins drops what it does not: {}",
                    names(self.parameters),
                    why.meaning
                )
            }),
            ..self.blind_way()
        }
    }

    /// How to ask this job, as Jenkins describes it.
    ///
    /// # Errors
    /// Why it is not asked at all.
    pub fn way(&self, server: &Url, job: &Job) -> Result<Way, NoWay> {
        let name = self.job;
        let never = |reason, meaning: String, advice: String| {
            NoWay::Never(explain::say(meaning, advice).named(reason))
        };
        if job.is_multibranch() {
            return Err(never(
                "is-multibranch",
                format!("{name} is a multibranch project, whose branches are jobs of their own"),
                "write `multibranch: true` in the rule".into(),
            ));
        }
        if job.is_folder() {
            return Err(never(
                "is-folder",
                format!("{name} is a folder, not a job"),
                format!(
                    "write the full name of a job in it as `job`; see {}",
                    job_url(server, name)
                ),
            ));
        }
        if job.buildable == Some(false) {
            return Err(NoWay::Never(explain::disabled(server, name)));
        }
        if self.action == Action::Poll {
            return Ok(self.blind_way());
        }
        let mut way = Way {
            // One with parameters takes them from nowhere else, though nothing is sent.
            with_parameters: !(self.parameters.is_empty() && job.parameters.is_empty()),
            note: None,
        };
        let mistakes = parameters::check(&job.parameters, self.parameters);
        let Some(first) = mistakes.first() else {
            return Ok(way);
        };
        if job.is_unborn_pipeline() {
            if job.has_build {
                let why = explain::say(
                    format!(
                        "pipeline {name} is in its first run, and Jenkins does not know its parameters yet: {} would be \
                         dropped",
                        names(self.parameters)
                    ),
                    "it is tried again until Jenkins does",
                );
                return Err(NoWay::NotYet(why.named("first-run")));
            }
            if !self.is_branch_job {
                return Err(never(
                    "never-ran",
                    format!(
                        "pipeline {name} has never run, so Jenkins does not know its parameters yet and would drop {}",
                        names(self.parameters)
                    ),
                    format!(
                        "run it once by hand at {}, then: jenkins-trigger retry; or declare the parameters in the job",
                        job_url(server, name)
                    ),
                ));
            }
            way.with_parameters = false;
            way.note = Some(format!(
                "this is the first run of the pipeline, which knows its parameters only after it: sent without {}",
                names(self.parameters)
            ));
            return Ok(way);
        }
        if self.is_strict {
            return Err(never("parameters", first.meaning(name), first.advice()));
        }
        if let Mistake::NoneDeclared { .. } = first {
            // Jenkins refuses these itself; anything else would drop the branch.
            return Err(never("parameters", first.meaning(name), first.advice()));
        }
        let said: Vec<String> = mistakes.iter().map(|mistake| mistake.meaning(name)).collect();
        way.note = Some(said.join("; "));
        Ok(way)
    }
}

fn names(parameters: &[(&str, &[u8])]) -> String {
    let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

impl Client {
    /// Asks Jenkins for what is ordered, in this way, and corrects itself once by the answer.
    #[must_use]
    pub fn trigger(&self, order: &Order<'_>, way: &Way) -> Attempt {
        let until = Instant::now() + ATTEMPT_LIMIT;
        let attempt = self.ask(order, way.with_parameters, until);
        // A job with parameters refuses `build` (contract, observed 1). Nothing is lost by asking
        // the other way; the reverse would drop the branch and is never done.
        match attempt {
            Outcome::NeedsParameters(_) if !way.with_parameters => self.ask(order, true, until).settle(),
            other => other.settle(),
        }
    }

    fn ask(&self, order: &Order<'_>, with_parameters: bool, until: Instant) -> Outcome {
        let url = order.url(&self.server, with_parameters);
        let mut tried = Tried::to_build(&self.server, &url, order);
        let left = until.saturating_duration_since(Instant::now());
        match self.post(&url, &order.form(with_parameters), order.login, left) {
            Ok(answer) => {
                if let (404, Some(login), true) = (answer.status, order.login, answer.is_jenkins) {
                    let left = || until.saturating_duration_since(Instant::now()).min(TOTAL_LIMIT);
                    if order.action == Action::Poll && self.job(order.job, login, left()).is_ok() {
                        return Outcome::Settled(Attempt::Refused(explain::no_polling(&tried)));
                    }
                    tried.near = self.near(order.job, login, left().min(NEAR_LIMIT));
                }
                self.settle(&answer, &tried)
            }
            Err(error) => Outcome::Settled(self.failure(&error, &tried)),
        }
    }

    fn settle(&self, answer: &Answer, tried: &Tried<'_>) -> Outcome {
        if tried.polls() {
            if polls(answer, tried) {
                return Outcome::Settled(Attempt::Polled);
            }
        } else if matches!(answer.status, 201 | 303)
            && let Some(item) = answer.location.as_deref().and_then(item_of)
        {
            return Outcome::Settled(Attempt::Accepted {
                item,
                url: item_url(&self.server, item),
                merged: answer.status == 303,
            });
        }
        let explanation = self.explain(answer, tried);
        if answer.status == 400 && explain::wants_parameters(answer, tried) {
            return Outcome::NeedsParameters(explanation);
        }
        Outcome::Settled(match answer.status {
            // Contract, "What follows" 4.
            429 | 503 => Attempt::NotSent(explanation),
            // To look into the SCM twice harms nobody.
            502 | 504 if tried.polls() => Attempt::NotSent(explanation),
            502 | 504 => Attempt::Unknown(explanation),
            _ if explanation.is_about_credentials() => Attempt::Doubted(explanation),
            // That he lacks a permission is no matter of the moment.
            403 if answer.wants_crumb() && answer.crumb != Crumb::Withheld => Attempt::Doubted(explanation),
            _ => Attempt::Refused(explanation),
        })
    }

    fn failure(&self, error: &reqwest::Error, tried: &Tried<'_>) -> Attempt {
        if let Some(explanation) = self.no_way_to_it(error) {
            return Attempt::NotSent(explanation);
        }
        let cause = innermost(error);
        if error.is_connect() {
            Attempt::NotSent(explain::no_connection(&cause, error.is_timeout(), tried.server))
        } else if error.is_builder() {
            Attempt::Refused(explain::no_request(&cause, tried))
        } else if tried.polls() {
            Attempt::NotSent(explain::broken_answer(&cause, tried))
        } else if error.is_timeout() {
            Attempt::Unknown(explain::no_answer(TOTAL_LIMIT, tried))
        } else {
            Attempt::Unknown(explain::broken_answer(&cause, tried))
        }
    }
}

/// Whether Jenkins will look into the job's SCM: back to the job (contract, observed 7), or
/// build-token-root's `Scheduled.` (observed 2).
fn polls(answer: &Answer, tried: &Tried<'_>) -> bool {
    if tried.token_root() {
        return answer.status == 200 && answer.body.trim() == "Scheduled.";
    }
    matches!(answer.status, 302 | 303) && explain::leads_to_job(answer, tried)
}

enum Outcome {
    Settled(Attempt),
    /// The endpoint without parameters was wrong for this job.
    NeedsParameters(Explanation),
}

impl Outcome {
    fn settle(self) -> Attempt {
        match self {
            Self::Settled(attempt) => attempt,
            Self::NeedsParameters(explanation) => Attempt::Refused(explanation),
        }
    }
}
