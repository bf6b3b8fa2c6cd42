//! `/buildByToken/…`, the plugin build-token-root: for those who have a job's token and nothing else.

use super::{Context, Routed, redirect, text};
use crate::http::Answer;

impl Context<'_> {
    pub(super) fn build_token_root(&mut self, path: &[&str]) -> Routed {
        match path {
            ["build"] => {
                let (job, delay) = self.named_job()?;
                if self.is_parameterized(job) {
                    return Err(self.reason_in_log(400));
                }
                self.schedule_by_token(job, None, delay)
            }
            ["buildWithParameters"] => {
                let (job, delay) = self.named_job()?;
                if !self.is_parameterized(job) {
                    return Err(self.reason_in_log(400));
                }
                let values = self.declared_values(job)?;
                self.schedule_by_token(job, Some(values), delay)
            }
            ["polling"] => {
                let (job, _) = self.named_job()?;
                if self.world.jobs[job].job.polls_scm {
                    return Ok(text("text/html;charset=utf-8", "Scheduled.\n"));
                }
                Err(self.reason_in_log(400))
            }
            _ => Err(self.not_found()),
        }
    }

    /// The job that `job` names and the caller may trigger. It is looked up for everybody, so a missing one and one
    /// without a token look alike: an empty 404 (s3-08).
    fn named_job(&mut self) -> Result<(usize, Option<i64>), Answer> {
        let delay = self.delay()?;
        let parameters = self.parameters()?;
        let Some(name) = parameters.get("job") else {
            return Err(self.failure());
        };
        let found = self
            .world
            .job(name.strip_prefix('/').unwrap_or(name))
            .filter(|&job| {
                let job = &self.world.jobs[job].job;
                !job.kind.is_folder() && job.trigger_token.is_some()
            });
        let Some(job) = found else {
            return Err(Answer::new(404));
        };
        self.authorize_trigger(job)?;
        if !self.world.jobs[job].job.is_buildable() {
            return Err(self.reason_in_log(400));
        }
        Ok((job, delay))
    }

    /// The sentence that would help stands in the server's log alone (s3-07, s3-09).
    fn reason_in_log(&mut self, status: u16) -> Answer {
        self.oops(status, None, true)
    }

    /// The plugin takes the job's quiet period for milliseconds, which rounds it down to nothing (s4-04). A new item's
    /// `Location` is a path, that of a known one a URL (s3-30d).
    fn schedule_by_token(
        &mut self,
        job: usize,
        values: Option<Vec<crate::ParameterValue>>,
        delay: Option<i64>,
    ) -> Routed {
        let quiet = self.world.jobs[job]
            .job
            .quiet_period
            .unwrap_or(self.world.quiet_period)
            .as_secs();
        let delay = delay.unwrap_or_else(|| i64::try_from(quiet / 1000).unwrap_or(0));
        let parameters = self.parameters()?;
        let cause = self.remote_cause(&parameters);
        let scheduled = self.world.schedule(job, values, cause, delay);
        if scheduled.created {
            return Ok(redirect(
                201,
                &format!("{}/queue/item/{}/", self.world.context_path, scheduled.id),
            ));
        }
        Ok(self.item_answer(scheduled))
    }
}
