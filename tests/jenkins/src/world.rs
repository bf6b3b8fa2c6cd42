//! The server's state, all of it under one lock.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::time::Duration;

use crate::auth::{Permission, User, Who, same_name};
use crate::clock::Time;
use crate::faults::Fault;
use crate::jobs::JobState;
use crate::queue::{Item, ParameterValue, Queue};
use crate::recorded::{BuildView, ItemView, RecordedRequest, StateView, Taken};
use crate::setup::{Authorization, Setup};
use crate::start_up::StartUp;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) time: Time,
    pub(crate) users: Vec<User>,
    pub(crate) jobs: Vec<JobState>,
    pub(crate) queue: Queue,
    pub(crate) sessions: HashSet<String>,
    pub(crate) authorization: Authorization,
    pub(crate) anonymous: BTreeSet<Permission>,
    pub(crate) project_based_matrix: bool,
    pub(crate) csrf: bool,
    pub(crate) build_token_root: bool,
    pub(crate) context_path: String,
    pub(crate) root_url: String,
    pub(crate) executors: usize,
    pub(crate) quiet_period: Duration,
    pub(crate) item_life: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) requests: Vec<RecordedRequest>,
    /// Everything that was ever put into the queue, in that order.
    pub(crate) taken: Vec<Taken>,
    pub(crate) faults: Vec<Fault>,
    /// The start-up that runs, and when it was launched.
    pub(crate) starting: Option<(StartUp, u64)>,
    /// The first POST of this start-up came, and was or is held.
    pub(crate) first_post_came: bool,
    serial: u64,
}

impl World {
    pub(crate) fn new(setup: Setup, port: u16) -> Self {
        let url = format!("http://127.0.0.1:{port}{}/", setup.context_path);
        Self {
            time: Time::new(setup.clock),
            users: setup.users,
            jobs: setup.jobs.into_iter().map(JobState::new).collect(),
            queue: Queue {
                items: Vec::new(),
                next_id: setup.next_queue_id,
                quieting_down: false,
            },
            sessions: HashSet::new(),
            authorization: setup.authorization,
            anonymous: setup.anonymous,
            project_based_matrix: setup.project_based_matrix,
            csrf: setup.csrf,
            build_token_root: setup.build_token_root,
            context_path: setup.context_path,
            root_url: setup
                .root_url
                .map_or(url, |url| format!("{}/", url.trim_end_matches('/'))),
            executors: setup.executors,
            quiet_period: setup.quiet_period,
            item_life: setup.item_life,
            idle_timeout: setup.idle_timeout,
            requests: Vec::new(),
            taken: Vec::new(),
            faults: Vec::new(),
            starting: None,
            first_post_came: false,
            serial: 0,
        }
    }

    /// How long the running start-up has run.
    pub(crate) fn since_launch(&self) -> Option<(StartUp, Duration)> {
        let now = self.time.now();
        self.starting
            .map(|(start_up, launched)| (start_up, Duration::from_millis(now.saturating_sub(launched))))
    }

    /// Whether someone has a permission, on one job or at all.
    pub(crate) fn allows(&self, who: &Who, permission: Permission, job: Option<usize>) -> bool {
        let name = match who {
            Who::Anonymous => None,
            Who::User { id, .. } => Some(id.as_str()),
        };
        match self.authorization {
            Authorization::AnyoneCanDoAnything => return true,
            Authorization::LoggedInUsersCanDoAnything => return name.is_some(),
            Authorization::Matrix => {}
        }
        let user = name.and_then(|name| self.user(name));
        let granted = user.map_or(&self.anonymous, |user| &user.permissions);
        if granted.contains(&permission) || granted.contains(&Permission::OverallAdminister) {
            return true;
        }
        self.project_based_matrix
            && job.is_some_and(|job| {
                self.jobs[job].job.grants.iter().any(|(user, permissions)| {
                    same_name(user, name.unwrap_or("anonymous")) && permissions.contains(&permission)
                })
            })
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| same_name(&user.id, id))
    }

    /// The job of a full name, in any letter case.
    pub(crate) fn job(&self, full_name: &str) -> Option<usize> {
        self.jobs
            .iter()
            .position(|state| !state.deleted && same_name(&state.job.full_name, full_name))
    }

    /// The items right below a folder (`""` is the server) in the order Jenkins lists them.
    pub(crate) fn children(&self, parent: &str) -> Vec<usize> {
        let mut children: Vec<usize> = (0..self.jobs.len())
            .filter(|&index| !self.jobs[index].deleted && self.jobs[index].job.parent() == parent)
            .collect();
        children.sort_by_key(|&index| self.jobs[index].job.name().to_lowercase());
        children
    }

    /// Keeps a request and gives the number to find it by.
    pub(crate) fn record(&mut self, request: RecordedRequest) -> u64 {
        self.serial += 1;
        self.requests.push(RecordedRequest {
            serial: self.serial,
            ..request
        });
        self.serial
    }

    /// A kept request, unless a test has thrown it away meanwhile.
    pub(crate) fn recorded(&mut self, serial: u64) -> Option<&mut RecordedRequest> {
        self.requests
            .iter_mut()
            .rev()
            .find(|request| request.serial == serial)
    }

    /// Hexadecimal digits that differ each time and each run.
    pub(crate) fn random_hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            self.serial += 1;
            text.push_str(&hex_of(&(self.serial, &self.root_url, self.time.epoch(0))));
        }
        text.truncate(digits);
        text
    }

    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.random_hex(32);
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }

    /// The crumb of a session, for one user only.
    pub(crate) fn crumb(&self, session: &str, who: &Who) -> String {
        let name = match who {
            Who::Anonymous => "anonymous",
            Who::User { id, .. } => id,
        };
        (0..4)
            .map(|part: u8| hex_of(&(part, session, name, self.time.epoch(0))))
            .collect()
    }

    pub(crate) fn view(&mut self) -> StateView {
        self.settle();
        let items = self.queue.items.iter().map(|item| self.item_view(item)).collect();
        let mut builds = Vec::new();
        for state in &self.jobs {
            builds.extend(state.builds.iter().map(|build| BuildView {
                job: state.job.full_name.clone(),
                number: build.number,
                queue_id: build.queue_id,
                parameters: values(build.parameters.as_ref()),
                causes: build.causes.clone(),
                result: build.finished.map(|(_, result)| result),
            }));
        }
        StateView {
            requests: self.requests.clone(),
            items,
            builds,
        }
    }

    fn item_view(&self, item: &Item) -> ItemView {
        ItemView {
            id: item.id,
            job: self.jobs[item.job].job.full_name.clone(),
            parameters: values(item.parameters.as_ref()),
            causes: item.causes.clone(),
            due: Duration::from_millis(item.due),
            state: item.state,
        }
    }
}

pub(crate) fn values(parameters: Option<&Vec<ParameterValue>>) -> Vec<ParameterValue> {
    parameters.cloned().unwrap_or_default()
}

fn hex_of(value: &impl std::hash::Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
