//! What Jenkins tells about a job to who may read it.

use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Client, TOTAL_LIMIT};
use super::explain::Reading;
use super::follow::Unseen;
use super::job_path;
use super::parameters::{Definition, Kind, nearest};
use crate::secret::Login;

/// A job, folder or project, as far as a trigger has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Jenkins's class of it, such as `hudson.model.FreeStyleProject`.
    pub class: String,
    /// Whether it can be built now; a folder has no such word.
    pub buildable: Option<bool>,
    /// Whether it has a build, running or ended.
    pub has_build: bool,
    /// Whether a build of it ever ended.
    pub has_ended_build: bool,
    /// What it takes, in its order.
    pub parameters: Vec<Definition>,
}

impl Job {
    /// Whether it is a multibranch project, whose branches are jobs of their own.
    #[must_use]
    pub fn is_multibranch(&self) -> bool {
        self.class.ends_with("MultiBranchProject")
    }

    /// Whether it holds jobs and is none.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.is_multibranch() || self.class.ends_with("Folder") || self.class.ends_with("OrganizationFolder")
    }

    /// Whether it is a pipeline whose first run has not ended: what its `parameters { }` declare
    /// Jenkins learns only from that (contract, row 49).
    #[must_use]
    pub fn is_unborn_pipeline(&self) -> bool {
        self.class.ends_with(".WorkflowJob") && !self.has_ended_build && self.parameters.is_empty()
    }

    /// What it takes that was not sent, each with its default where Jenkins tells it: `ENV=dev`. One
    /// without is its name alone.
    #[must_use]
    pub fn left_to_defaults(&self, sent: &[(&str, &[u8])]) -> Vec<String> {
        let missing = |definition: &&Definition| sent.iter().all(|(name, _)| *name != definition.name);
        let shown = |definition: &Definition| match (&definition.kind, &definition.default) {
            (Kind::Password, _) | (_, None) => definition.name.clone(),
            (_, Some(default)) => format!("{}={default}", definition.name),
        };
        self.parameters.iter().filter(missing).map(shown).collect()
    }
}

/// What of a job is asked for (contract, row 50).
pub(super) const TREE: &str = "_class,buildable,lastBuild[number],lastCompletedBuild[number],\
     property[parameterDefinitions[name,type,choices,defaultParameterValue[value]]]";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobObject {
    #[serde(rename = "_class", default)]
    class: String,
    #[serde(default)]
    buildable: Option<bool>,
    #[serde(default)]
    last_build: Option<IgnoredAny>,
    #[serde(default)]
    last_completed_build: Option<IgnoredAny>,
    #[serde(default)]
    property: Vec<Option<PropertyObject>>,
}

/// One of the many kinds of things that are set for a job; most have no such field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PropertyObject {
    #[serde(default)]
    parameter_definitions: Vec<DefinitionObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionObject {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    choices: Value,
    /// Not asked for by [`TREE`].
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    default_parameter_value: Option<DefaultObject>,
}

#[derive(Deserialize)]
struct DefaultObject {
    #[serde(default)]
    value: Value,
}

impl JobObject {
    /// What the job's author says of each parameter, in their order; empty where he says nothing.
    pub(super) fn descriptions(&self) -> Vec<String> {
        let properties = self.property.iter().flatten();
        let definitions = properties.flat_map(|property| &property.parameter_definitions);
        definitions
            .map(|definition| definition.description.clone().unwrap_or_default())
            .collect()
    }
}

impl From<JobObject> for Job {
    fn from(object: JobObject) -> Self {
        let properties = object.property.into_iter().flatten();
        let definitions = properties.flat_map(|property| property.parameter_definitions);
        Self {
            class: object.class,
            buildable: object.buildable,
            has_build: object.last_build.is_some(),
            has_ended_build: object.last_completed_build.is_some(),
            parameters: definitions.map(Definition::from).collect(),
        }
    }
}

impl From<DefinitionObject> for Definition {
    fn from(object: DefinitionObject) -> Self {
        let default = object
            .default_parameter_value
            .and_then(|default| match default.value {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            });
        let kind = Kind::of(&object.kind);
        // Those of plugins may be anything.
        let choices = object.choices.as_array().into_iter().flatten();
        let choices = choices.filter_map(|choice| choice.as_str().map(str::to_owned));
        Self {
            name: object.name,
            choices: choices.collect(),
            default: default.filter(|_| kind != Kind::Password),
            kind,
        }
    }
}

#[derive(Deserialize)]
struct FolderObject {
    #[serde(default)]
    jobs: Vec<ChildObject>,
}

#[derive(Deserialize)]
struct ChildObject {
    name: String,
}

impl Client {
    /// What Jenkins tells about a job; needs Job/Read. `limit` is for the whole answer.
    ///
    /// # Errors
    /// [`Unseen`]: whoever asks because of a trigger goes on after all but [`Unseen::Away`].
    pub fn job(&self, job: &str, login: &Login, limit: Duration) -> Result<Job, Unseen> {
        let path = format!("{}api/json", job_path(job));
        let reading = Reading {
            job,
            login,
            for_trigger: true,
        };
        let (job, _) = self.see_within::<JobObject>(&path, TREE, &reading, limit)?;
        Ok(job.into())
    }

    /// The same for whoever is about to trigger: within the time for one answer.
    ///
    /// # Errors
    /// As [`Client::job`].
    pub fn look_up(&self, job: &str, login: &Login) -> Result<Job, Unseen> {
        self.job(job, login, TOTAL_LIMIT)
    }

    /// Names that this user can see where `job` was looked for, the most alike first; at most three.
    #[must_use]
    pub fn near(&self, job: &str, login: &Login, limit: Duration) -> Vec<String> {
        let (folder, name) = job.rsplit_once('/').unwrap_or(("", job));
        let path = if folder.is_empty() {
            String::new()
        } else {
            job_path(folder)
        };
        let reading = Reading {
            job: folder,
            login,
            for_trigger: true,
        };
        let asked =
            self.see_within::<FolderObject>(&format!("{path}api/json"), "jobs[name]", &reading, limit);
        let Ok((folder_object, _)) = asked else {
            return Vec::new();
        };
        let mut names: Vec<&str> = folder_object.jobs.iter().map(|job| job.name.as_str()).collect();
        let mut found = Vec::new();
        while found.len() < 3
            && let Some(near) = nearest(name, names.iter().copied())
        {
            names.retain(|other| *other != near);
            found.push(near);
        }
        let below = |name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        found.into_iter().map(below).collect()
    }
}
