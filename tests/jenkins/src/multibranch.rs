//! Multibranch projects: the branches of an SCM, the scan that finds them, and the jobs it makes. By the sources of
//! Jenkins's plugins (contract, rows 47–49); nothing of this was recorded.

use std::time::Duration;

use crate::clock::ms;
use crate::jobs::{Job, JobState, Kind};
use crate::queue::{Cause, Item, ItemState};
use crate::world::World;

/// What is special about a multibranch project.
#[derive(Debug, Clone)]
pub(crate) struct Multibranch {
    pub(crate) scan_time: Duration,
    pub(crate) starts_first_build: bool,
    /// What the jobs of branches look like, but for their names.
    pub(crate) branch_job: Job,
}

impl Multibranch {
    pub(crate) fn new() -> Self {
        Self {
            scan_time: Duration::from_secs(1),
            starts_first_build: true,
            branch_job: Job::pipeline(""),
        }
    }
}

/// A branch as it is in the SCM, whether or not a scan has seen it.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) name: String,
    pub(crate) has_jenkinsfile: bool,
}

/// A scan that runs. It finds what was there when it began.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) ends: u64,
    branches: Vec<Branch>,
    /// Asked for once more while it ran: it runs again at its end, once, however often that was.
    again: bool,
}

/// The name of a branch's job (row 48).
pub(crate) fn encode_name(branch: &str) -> String {
    let mut name = String::new();
    for c in branch.chars() {
        match c {
            '#' | '%' | '/' | '?' | '[' | '\\' | ']' => name.push_str(&format!("%{:02X}", u32::from(c))),
            c => name.push(c),
        }
    }
    name
}

impl World {
    /// Makes a branch exist in the SCM of a project. No scan begins.
    pub(crate) fn put_branch(&mut self, project: usize, name: &str, has_jenkinsfile: bool) {
        let branches = &mut self.jobs[project].branches;
        branches.retain(|branch| branch.name != name);
        branches.push(Branch {
            name: name.to_owned(),
            has_jenkinsfile,
        });
    }

    /// Begins a scan of a project's branches, or has the running one followed by another.
    pub(crate) fn scan(&mut self, project: usize, delay_seconds: i64) {
        let at = self.time.now() + u64::try_from(delay_seconds).unwrap_or(0).saturating_mul(1000);
        if let Some(scan) = &mut self.jobs[project].scan {
            scan.again = true;
            return;
        }
        self.begin_scan(project, at);
    }

    fn begin_scan(&mut self, project: usize, at: u64) {
        let state = &mut self.jobs[project];
        let Some(multibranch) = &state.job.multibranch else {
            return;
        };
        state.scan = Some(Scan {
            ends: at + ms(multibranch.scan_time),
            branches: state.branches.clone(),
            again: false,
        });
    }

    /// When the next scan is done.
    pub(crate) fn next_scan_end(&self) -> Option<u64> {
        let scans = self.jobs.iter().filter_map(|state| state.scan.as_ref());
        scans.map(|scan| scan.ends).min()
    }

    /// Makes the jobs that scans have found by now.
    pub(crate) fn end_scans(&mut self, at: u64) {
        for project in 0..self.jobs.len() {
            let state = &mut self.jobs[project];
            let Some(scan) = state.scan.take_if(|scan| scan.ends <= at) else {
                continue;
            };
            let Some(multibranch) = state.job.multibranch.clone().filter(|_| !state.deleted) else {
                continue;
            };
            let parent = state.job.full_name.clone();
            for branch in scan.branches.iter().filter(|branch| branch.has_jenkinsfile) {
                let full_name = format!("{parent}/{}", encode_name(&branch.name));
                if self.job(&full_name).is_some() {
                    continue;
                }
                let job = Job {
                    full_name,
                    kind: Kind::Pipeline,
                    display_name: Some(branch.name.clone()),
                    // They stand in the Jenkinsfile, which nobody has read before the first build.
                    parameters_after_first_run: true,
                    ..multibranch.branch_job.clone()
                };
                self.jobs.push(JobState::new(job));
                if multibranch.starts_first_build {
                    self.schedule_first_build(self.jobs.len() - 1, at);
                }
            }
            if scan.again {
                self.begin_scan(project, at);
            }
        }
    }

    /// The build that the scan starts of a branch it has found. Nobody asked for it, so it is not among what was
    /// [taken](crate::StandIn::taken).
    fn schedule_first_build(&mut self, job: usize, at: u64) {
        let id = self.queue.next_id;
        self.queue.next_id += 1;
        self.queue.items.push(Item {
            id,
            job,
            parameters: None,
            causes: vec![Cause::BranchIndexing],
            since: at,
            due: at,
            state: ItemState::Waiting,
            buildable_since: at,
            changed: at,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::encode_name;

    #[test]
    fn names_of_branch_jobs_are_encoded_as_the_plugin_does_it() {
        assert_eq!(encode_name("feature/x"), "feature%2Fx");
        assert_eq!(encode_name("#%/?[]\\"), "%23%25%2F%3F%5B%5D%5C");
        assert_eq!(encode_name("a b+ü&=@~"), "a b+ü&=@~");
    }
}
