//! Jobs and folders, and the parameters they declare.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::auth::Permission;
use crate::multibranch::{Branch, Multibranch, Scan};
use crate::queue::{Cause, ParameterValue};

/// What kind of item a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A freestyle project.
    Freestyle,
    /// A pipeline job.
    Pipeline,
    /// A folder; the folders in a job's name are made by themselves.
    Folder,
    /// A multibranch project: a folder of pipeline jobs, one per branch, that a scan makes.
    Multibranch,
}

impl Kind {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Freestyle => "hudson.model.FreeStyleProject",
            Self::Pipeline => "org.jenkinsci.plugins.workflow.job.WorkflowJob",
            Self::Folder => "com.cloudbees.hudson.plugins.folder.Folder",
            Self::Multibranch => "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
        }
    }

    pub(crate) fn build_class(self) -> &'static str {
        match self {
            Self::Pipeline => "org.jenkinsci.plugins.workflow.job.WorkflowRun",
            Self::Freestyle | Self::Folder | Self::Multibranch => "hudson.model.FreeStyleBuild",
        }
    }

    /// Whether it holds jobs and is none itself.
    pub(crate) fn is_folder(self) -> bool {
        matches!(self, Self::Folder | Self::Multibranch)
    }
}

/// How a build ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildResult {
    /// It went well.
    Success,
    /// It ran to its end, but its tests did not.
    Unstable,
    /// It failed.
    Failure,
    /// It ended before it began.
    NotBuilt,
    /// Someone stopped it.
    Aborted,
}

impl BuildResult {
    /// As in `result` of a build.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Unstable => "UNSTABLE",
            Self::Failure => "FAILURE",
            Self::NotBuilt => "NOT_BUILT",
            Self::Aborted => "ABORTED",
        }
    }

    pub(crate) fn color(self) -> &'static str {
        match self {
            Self::Success => "blue",
            Self::Unstable => "yellow",
            Self::Failure => "red",
            Self::NotBuilt => "notbuilt",
            Self::Aborted => "aborted",
        }
    }
}

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: ParameterKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    String { default: String, trim: bool },
    Text { default: String },
    Boolean { default: bool },
    Password { default: String },
    Choice { choices: Vec<String> },
    File,
}

impl Parameter {
    fn new(name: impl Into<String>, kind: ParameterKind) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            kind,
        }
    }

    /// A string parameter.
    #[must_use]
    pub fn string(name: impl Into<String>, default: impl Into<String>) -> Self {
        Self::new(
            name,
            ParameterKind::String {
                default: default.into(),
                trim: false,
            },
        )
    }

    /// A string parameter that trims its value.
    #[must_use]
    pub fn trimmed_string(name: impl Into<String>, default: impl Into<String>) -> Self {
        Self::new(
            name,
            ParameterKind::String {
                default: default.into(),
                trim: true,
            },
        )
    }

    /// A text parameter of several lines.
    #[must_use]
    pub fn text(name: impl Into<String>, default: impl Into<String>) -> Self {
        Self::new(
            name,
            ParameterKind::Text {
                default: default.into(),
            },
        )
    }

    /// A boolean parameter.
    #[must_use]
    pub fn boolean(name: impl Into<String>, default: bool) -> Self {
        Self::new(name, ParameterKind::Boolean { default })
    }

    /// A password parameter.
    #[must_use]
    pub fn password(name: impl Into<String>, default: impl Into<String>) -> Self {
        Self::new(
            name,
            ParameterKind::Password {
                default: default.into(),
            },
        )
    }

    /// A choice parameter; the first choice is the default, any other value than the choices is a 500.
    #[must_use]
    pub fn choice<S: Into<String>>(name: impl Into<String>, choices: impl IntoIterator<Item = S>) -> Self {
        Self::new(
            name,
            ParameterKind::Choice {
                choices: choices.into_iter().map(Into::into).collect(),
            },
        )
    }

    /// A file parameter.
    #[must_use]
    pub fn file(name: impl Into<String>) -> Self {
        Self::new(name, ParameterKind::File)
    }

    /// Its description.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }
}

/// A job, or a folder.
#[derive(Debug, Clone)]
pub struct Job {
    pub(crate) full_name: String,
    pub(crate) kind: Kind,
    /// What people read instead of the name: a branch job's is its branch.
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) parameters_after_first_run: bool,
    pub(crate) multibranch: Option<Box<Multibranch>>,
    pub(crate) trigger_token: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) quiet_period: Option<Duration>,
    pub(crate) build_time: Option<Duration>,
    pub(crate) concurrent: bool,
    pub(crate) result: BuildResult,
    pub(crate) polls_scm: bool,
    pub(crate) shell: String,
    pub(crate) grants: Vec<(String, BTreeSet<Permission>)>,
    /// The text that was posted as `config.xml`, until something else changes the job.
    pub(crate) config_xml: Option<String>,
    /// A copy cannot be built until it was saved once (a2-09).
    pub(crate) unsaved_copy: bool,
}

impl Job {
    /// A freestyle job without parameters and token, named with its folders: `team/app/deploy`.
    #[must_use]
    pub fn new(full_name: impl Into<String>) -> Self {
        Self {
            full_name: full_name.into(),
            kind: Kind::Freestyle,
            display_name: None,
            description: None,
            parameters: Vec::new(),
            parameters_after_first_run: false,
            multibranch: None,
            trigger_token: None,
            disabled: false,
            quiet_period: None,
            build_time: Some(Duration::from_millis(50)),
            concurrent: false,
            result: BuildResult::Success,
            polls_scm: false,
            shell: String::new(),
            grants: Vec::new(),
            config_xml: None,
            unsaved_copy: false,
        }
    }

    /// A folder.
    #[must_use]
    pub fn folder(full_name: impl Into<String>) -> Self {
        Self {
            kind: Kind::Folder,
            ..Self::new(full_name)
        }
    }

    /// A pipeline job; its builds may run at the same time.
    #[must_use]
    pub fn pipeline(full_name: impl Into<String>) -> Self {
        Self {
            kind: Kind::Pipeline,
            concurrent: true,
            ..Self::new(full_name)
        }
    }

    /// A multibranch project. Branches come into its SCM by [`StandIn::put_branch`](crate::StandIn::put_branch); a scan,
    /// which `POST job/NAME/build` begins, makes jobs of those that have a Jenkinsfile.
    #[must_use]
    pub fn multibranch(full_name: impl Into<String>) -> Self {
        Self {
            kind: Kind::Multibranch,
            multibranch: Some(Box::new(Multibranch::new())),
            ..Self::new(full_name)
        }
    }

    /// How long a scan of this multibranch project takes on the server's clock: 1 s.
    #[must_use]
    pub fn scan_time(self, time: Duration) -> Self {
        self.with_multibranch(|multibranch| multibranch.scan_time = time)
    }

    /// Whether the scan of this multibranch project builds each branch it finds at once, as it does by default.
    #[must_use]
    pub fn starts_first_build(self, on: bool) -> Self {
        self.with_multibranch(|multibranch| multibranch.starts_first_build = on)
    }

    /// What the branch jobs of this multibranch project are like. Whatever is given here, they are pipelines that
    /// declare no parameters before their first build.
    #[must_use]
    pub fn branch_jobs(self, like: Job) -> Self {
        self.with_multibranch(|multibranch| multibranch.branch_job = like)
    }

    fn with_multibranch(mut self, change: impl FnOnce(&mut Multibranch)) -> Self {
        if let Some(multibranch) = &mut self.multibranch {
            change(multibranch);
        }
        self
    }

    /// The parameters stand in the Jenkinsfile: the job declares none until its first build has ended.
    #[must_use]
    pub fn parameters_after_first_run(mut self) -> Self {
        self.parameters_after_first_run = true;
        self
    }

    /// Declares a parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Declares a string parameter.
    #[must_use]
    pub fn string_parameter(self, name: impl Into<String>, default: impl Into<String>) -> Self {
        self.parameter(Parameter::string(name, default))
    }

    /// Declares a choice parameter.
    #[must_use]
    pub fn choice_parameter<S: Into<String>>(
        self,
        name: impl Into<String>,
        choices: impl IntoIterator<Item = S>,
    ) -> Self {
        self.parameter(Parameter::choice(name, choices))
    }

    /// Sets the token for remote triggers.
    #[must_use]
    pub fn trigger_token(mut self, token: impl Into<String>) -> Self {
        self.trigger_token = Some(token.into());
        self
    }

    /// Disables the job.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Sets the job's own quiet period; without it the server's counts.
    #[must_use]
    pub fn quiet_period(mut self, period: Duration) -> Self {
        self.quiet_period = Some(period);
        self
    }

    /// How long a build takes.
    #[must_use]
    pub fn build_time(mut self, time: Duration) -> Self {
        self.build_time = Some(time);
        self
    }

    /// Builds run until they are stopped or [`StandIn::finish_build`](crate::StandIn::finish_build) ends them.
    #[must_use]
    pub fn builds_forever(mut self) -> Self {
        self.build_time = None;
        self
    }

    /// Lets builds run at the same time.
    #[must_use]
    pub fn concurrent(mut self) -> Self {
        self.concurrent = true;
        self
    }

    /// How its builds end.
    #[must_use]
    pub fn result(mut self, result: BuildResult) -> Self {
        self.result = result;
        self
    }

    /// Gives the job an SCM trigger, so that it can be asked to poll.
    #[must_use]
    pub fn polls_scm(mut self) -> Self {
        self.polls_scm = true;
        self
    }

    /// The shell step; what `echo` in it prints shows in the console with `$PARAMETER` put in.
    #[must_use]
    pub fn shell(mut self, script: impl Into<String>) -> Self {
        self.shell = script.into();
        self
    }

    /// Grants permissions on this job alone. Without effect unless
    /// [`Setup::project_based_matrix`](crate::Setup::project_based_matrix) is on, as in Jenkins.
    #[must_use]
    pub fn grant(
        mut self,
        user: impl Into<String>,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> Self {
        self.grants.push((user.into(), permissions.into_iter().collect()));
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.full_name.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn parent(&self) -> &str {
        self.full_name.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    pub(crate) fn is_buildable(&self) -> bool {
        !self.disabled && !self.unsaved_copy && !self.kind.is_folder()
    }
}

/// A job as the server keeps it.
#[derive(Debug, Clone)]
pub(crate) struct JobState {
    pub(crate) job: Job,
    pub(crate) deleted: bool,
    pub(crate) next_build: u32,
    pub(crate) builds: Vec<Build>,
    /// The branches in the SCM of a multibranch project.
    pub(crate) branches: Vec<Branch>,
    pub(crate) scan: Option<Scan>,
}

#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) number: u32,
    pub(crate) queue_id: u64,
    pub(crate) parameters: Option<Vec<ParameterValue>>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) started: u64,
    /// When it will end by itself.
    pub(crate) ends: Option<u64>,
    pub(crate) finished: Option<(u64, BuildResult)>,
}

impl JobState {
    pub(crate) fn new(job: Job) -> Self {
        Self {
            job,
            deleted: false,
            next_build: 1,
            builds: Vec::new(),
            branches: Vec::new(),
            scan: None,
        }
    }

    /// The parameters that the job declares by now.
    pub(crate) fn declared(&self) -> &[Parameter] {
        let known =
            !self.job.parameters_after_first_run || self.builds.iter().any(|build| build.finished.is_some());
        if known { &self.job.parameters } else { &[] }
    }

    pub(crate) fn running(&self) -> Option<&Build> {
        self.builds.iter().rev().find(|build| build.finished.is_none())
    }

    pub(crate) fn color(&self) -> String {
        let last = self
            .builds
            .iter()
            .rev()
            .find_map(|build| build.finished.map(|(_, result)| result));
        let base = if self.job.disabled || self.deleted {
            "disabled"
        } else {
            last.map_or("notbuilt", BuildResult::color)
        };
        let running = if self.running().is_some() { "_anime" } else { "" };
        format!("{base}{running}")
    }

    /// The mean of the last three finished builds, or -1.
    pub(crate) fn estimated_ms(&self) -> i64 {
        let lengths: Vec<u64> = self
            .builds
            .iter()
            .rev()
            .filter_map(|build| match build.finished {
                Some((end, BuildResult::Success | BuildResult::Unstable | BuildResult::Failure)) => {
                    Some(end - build.started)
                }
                _ => None,
            })
            .take(3)
            .collect();
        let mean = lengths.iter().sum::<u64>().checked_div(lengths.len() as u64);
        mean.and_then(|mean| i64::try_from(mean).ok()).unwrap_or(-1)
    }
}
