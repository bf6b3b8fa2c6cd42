//! The jobs that a user sees, folders and all.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::{Client, TOTAL_LIMIT};
use super::explain::Reading;
use super::follow::Unseen;
use super::job::{Job, JobObject};
use super::job_path;
use crate::secret::Login;

/// A job, or a multibranch project with its branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The full name, folders separated by `/`.
    pub name: String,
    /// What it is.
    pub job: Job,
    /// What its author says of each of its parameters, in their order; empty where he says nothing.
    pub descriptions: Vec<String>,
    /// The multibranch project that it is a branch of.
    pub project: Option<String>,
}

/// What was found, as far as there was time for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// In Jenkins's order, those of a folder together.
    pub jobs: Vec<Listed>,
    /// Folders that there was no time to look into, or that did not answer.
    pub unseen: Vec<String>,
}

/// So many levels of folders are asked for at once; each has its definition in the address, whose
/// length servers limit (contract, observed 1: 8 KB).
const LEVELS: usize = 4;

/// What is asked of each item (contract, row 50 and observed 8).
const FIELDS: &str = "_class,fullName,buildable,lastBuild[number],lastCompletedBuild[number],\
     property[parameterDefinitions[name,type,choices,description,defaultParameterValue[value]]]";

#[derive(Deserialize)]
struct FolderObject {
    #[serde(default)]
    jobs: Vec<ItemObject>,
}

#[derive(Deserialize)]
struct ItemObject {
    #[serde(flatten)]
    job: JobObject,
    #[serde(rename = "fullName")]
    full_name: String,
    /// Absent where a job is none, and where it was not asked for.
    #[serde(default)]
    jobs: Option<Vec<ItemObject>>,
}

/// The expression for so many levels of folders.
fn tree(levels: usize) -> String {
    match levels {
        0 | 1 => format!("jobs[{FIELDS}]"),
        more => format!("jobs[{FIELDS},{}]", tree(more - 1)),
    }
}

/// A folder that is yet to be looked into.
struct Folder {
    name: String,
    is_project: bool,
}

impl Client {
    /// All jobs that this user sees. After `limit` no further folder is looked into.
    ///
    /// # Errors
    /// [`Unseen`], which is about the server's own list.
    pub fn jobs(&self, login: &Login, limit: Duration) -> Result<Listing, Unseen> {
        let until = Instant::now() + limit;
        let mut listing = Listing::default();
        let mut folders = Vec::new();
        let all = Reading {
            job: "",
            login,
            for_trigger: false,
        };
        let (root, _) = self.see_within::<FolderObject>("api/json", &tree(LEVELS), &all, TOTAL_LIMIT)?;
        listing.take(root.jobs, None, &mut folders);
        while let Some(folder) = folders.pop() {
            let left = until.saturating_duration_since(Instant::now());
            let path = format!("{}api/json", job_path(&folder.name));
            let project = folder.is_project.then(|| folder.name.clone());
            let seen = match left {
                Duration::ZERO => None,
                left => self
                    .see_within::<FolderObject>(&path, &tree(LEVELS), &all, left.min(TOTAL_LIMIT))
                    .ok(),
            };
            match seen {
                Some((found, _)) => listing.take(found.jobs, project.as_deref(), &mut folders),
                None => listing.unseen.push(folder.name),
            }
        }
        Ok(listing)
    }
}

impl Listing {
    fn take(&mut self, items: Vec<ItemObject>, project: Option<&str>, folders: &mut Vec<Folder>) {
        for item in items {
            let descriptions = item.job.descriptions();
            let job = Job::from(item.job);
            let is_folder = job.is_folder() || item.jobs.is_some();
            let name = item.full_name;
            let is_project = job.is_multibranch();
            if is_project || !is_folder {
                self.jobs.push(Listed {
                    name: name.clone(),
                    job,
                    descriptions,
                    project: project.map(str::to_owned),
                });
            }
            match item.jobs {
                Some(inside) => self.take(inside, is_project.then_some(name.as_str()), folders),
                None if is_folder => folders.push(Folder { name, is_project }),
                None => {}
            }
        }
    }
}
