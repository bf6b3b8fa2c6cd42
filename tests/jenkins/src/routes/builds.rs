//! A build and its log.

use super::{Context, Routed, redirect, text};
use crate::auth::Permission;
use crate::jobs::{Build, BuildResult, JobState};
use crate::queue::Cause;
use crate::routes::objects::build_object;
use crate::world::World;

impl Context<'_> {
    pub(super) fn build_of(&mut self, job: usize, which: &str, rest: &[&str]) -> Routed {
        let state = &self.world.jobs[job];
        let finished = |wanted: fn(BuildResult) -> bool| {
            state
                .builds
                .iter()
                .rev()
                .find(|build| build.finished.is_some_and(|(_, result)| wanted(result)))
        };
        let found = match which {
            "lastBuild" => state.builds.last(),
            "lastCompletedBuild" => finished(|_| true),
            "lastStableBuild" => finished(|result| result == BuildResult::Success),
            "lastSuccessfulBuild" => {
                finished(|result| matches!(result, BuildResult::Success | BuildResult::Unstable))
            }
            "lastFailedBuild" => finished(|result| result == BuildResult::Failure),
            "lastUnsuccessfulBuild" => finished(|result| result != BuildResult::Success),
            number => number
                .parse()
                .ok()
                .and_then(|number: u32| state.builds.iter().find(|build| build.number == number)),
        };
        let Some(build) = found.cloned() else {
            return Err(self.not_found());
        };
        let place = format!(
            "{}/{}{}/",
            self.world.context_path,
            Self::item_path(&self.world.jobs[job].job.full_name),
            build.number
        );
        match rest {
            [] if !self.trailing_slash => Ok(redirect(302, &place)),
            [] => {
                let name = self.world.jobs[job].job.name().to_owned();
                Ok(self.plain_page(
                    &format!("{name} #{}", build.number),
                    &name,
                    "Status Changes Console Output",
                ))
            }
            ["api", flavor] => {
                let object = build_object(self.world, &self.world.jobs[job], &build);
                self.api(&object, flavor)
            }
            ["logText", "progressiveText"] => self.progressive_text(job, &build),
            ["consoleText"] => {
                let log = without_notes(&raw_log(self.world, &self.world.jobs[job], &build));
                Ok(text("text/plain;charset=utf-8", &log))
            }
            ["stop"] => {
                if !self.is_post() {
                    let name = self.world.jobs[job].job.name().to_owned();
                    return Err(self.post_required(&name));
                }
                self.require(Permission::JobCancel, Some(job))?;
                self.world.end_build(job, build.number, BuildResult::Aborted);
                Ok(redirect(302, &place))
            }
            _ => Err(self.not_found()),
        }
    }

    /// The log from a byte of the raw text on. Lines end with CRLF here, so the body is longer than the raw text that
    /// `X-Text-Size` counts; a start past the end gives the whole log again (s5-08d).
    fn progressive_text(&mut self, job: usize, build: &Build) -> Routed {
        let parameters = self.parameters()?;
        let start = match parameters.get("start").map(str::parse::<usize>) {
            None => 0,
            Some(Ok(start)) => start,
            Some(Err(_)) => return Err(self.failure()),
        };
        let log = raw_log(self.world, &self.world.jobs[job], build);
        let from = if start > log.len() { 0 } else { start };
        let rest = String::from_utf8_lossy(&log.as_bytes()[from..]).into_owned();
        let answer = text("text/plain;charset=utf-8", &rest.replace('\n', "\r\n"));
        let answer = answer.header("X-Text-Size", log.len().to_string());
        Ok(if build.finished.is_none() {
            answer.header("X-More-Data", "true")
        } else {
            answer
        })
    }
}

/// The link to the user in the first line of a log, as Jenkins hides it between escape sequences.
const USER_NOTE: &str = "\u{1b}[8mha:////4O5nl2vE76qEuh8Ze1D2XVjOKY7FWFIO4UCze5omxyATAAAAmR+LCAAAAAAAAP9b85aBtbiIQTGjNKU4P08vOT+vOD8nVc83PyU1x6OyILUoJzMv2y+/JJUBAhiZGBgqihhk0NSjKDWzXb3RdlLBUSYGJk8GtpzUvPSSDB8G5tKinBIGIZ+sxLJE/ZzEvHT94JKizLx0a6BxUmjGOUNodHsLgAzOEgZ+/dLi1CL9pNLMnBQQCwCBIm4rxAAAAA==\u{1b}[0m";

fn raw_log(world: &World, state: &JobState, build: &Build) -> String {
    let mut log = String::new();
    for cause in &build.causes {
        log.push_str(&match cause {
            Cause::User(id) => {
                let name = id
                    .as_ref()
                    .map(|id| world.user(id).map_or(id.as_str(), |user| user.full_name.as_str()));
                format!("Started by user {USER_NOTE}{}\n", name.unwrap_or("anonymous"))
            }
            Cause::Remote { addr, note } => {
                let note = note
                    .as_ref()
                    .map(|note| format!(" with note: {note}"))
                    .unwrap_or_default();
                format!("Started by remote host {addr}{note}\n")
            }
            Cause::BranchIndexing => "Branch indexing\n".to_owned(),
        });
    }
    let name = state.job.name();
    log.push_str(&format!(
        "Running as SYSTEM\nBuilding in workspace /var/jenkins_home/workspace/{name}\n\
         [{name}] $ /bin/sh -xe /var/tmp/jenkins{:020}.sh\n",
        11_929_871_865_460_982_415_u64.wrapping_add(build.queue_id)
    ));
    for command in state
        .job
        .shell
        .split(';')
        .map(str::trim)
        .filter(|command| !command.is_empty())
    {
        let mut command = command.to_owned();
        for value in build.parameters.iter().flatten() {
            command = command.replace(&format!("${}", value.name), &value.value);
        }
        log.push_str(&format!("+ {command}\n"));
        if let Some(words) = command.strip_prefix("echo ") {
            log.push_str(&format!("{words}\n"));
        }
    }
    if let Some((_, result)) = build.finished {
        log.push_str(&format!("Finished: {}\n", result.name()));
    }
    log
}

fn without_notes(log: &str) -> String {
    log.replace(USER_NOTE, "")
}
