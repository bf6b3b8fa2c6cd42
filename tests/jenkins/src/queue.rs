//! The queue: quiet periods, merging, executors, and the life of an item after it left.

use std::time::Duration;

use crate::clock::ms;
use crate::jobs::{Build, BuildResult};
use crate::recorded::Taken;
use crate::world::{World, values};

/// Who or what started a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A user of Jenkins; `None` is the anonymous one.
    User(Option<String>),
    /// Someone who knew the job's token.
    Remote {
        /// The address the request came from.
        addr: String,
        /// The text of the parameter `cause`.
        note: Option<String>,
    },
    /// The scan of a multibranch project found the branch.
    BranchIndexing,
}

/// A parameter of a queued item or of a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterValue {
    /// The parameter's name.
    pub name: String,
    /// Its value; `true` or `false` for a boolean, empty for a file.
    pub value: String,
    pub(crate) class: ValueClass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ValueClass {
    String,
    Text,
    Boolean,
    Password,
    File,
}

impl ParameterValue {
    pub(crate) fn new(name: &str, value: impl Into<String>, class: ValueClass) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
            class,
        }
    }
}

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemState {
    /// In its quiet period.
    Waiting,
    /// Held by a running build of the same job, or because Jenkins is about to shut down.
    Blocked,
    /// Waiting for an executor, or (`pending`) about to get one.
    Buildable {
        /// An executor was chosen.
        pending: bool,
    },
    /// Gone from the queue.
    Left {
        /// It will never be built.
        cancelled: bool,
        /// The number of its build; for an instant after leaving there is none yet.
        executable: Option<u32>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: u64,
    /// Index of the job.
    pub(crate) job: usize,
    pub(crate) parameters: Option<Vec<ParameterValue>>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) since: u64,
    pub(crate) due: u64,
    pub(crate) state: ItemState,
    /// When the present state began; for blocked and buildable items, when the quiet period was over.
    pub(crate) buildable_since: u64,
    pub(crate) changed: u64,
}

/// How long an item is seen ready, chosen, and gone without a build. The recordings caught each of these moments
/// (s2-20-5-q, s2-20-4-q, s2-20-8-q); their lengths are chosen, not recorded.
const READY_MS: u64 = 3;
const PENDING_MS: u64 = 5;
const NO_BUILD_YET_MS: u64 = 40;

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) items: Vec<Item>,
    pub(crate) next_id: u64,
    pub(crate) quieting_down: bool,
}

impl Queue {
    pub(crate) fn item(&self, id: u64) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }
}

impl Item {
    pub(crate) fn is_queued(&self) -> bool {
        !matches!(self.state, ItemState::Left { .. })
    }

    /// Parameters are compared as sets, and none at all is the same as an empty set.
    fn has_parameters(&self, other: Option<&[ParameterValue]>) -> bool {
        let sorted = |values: Option<&[ParameterValue]>| {
            let mut values = values.unwrap_or_default().to_vec();
            values.sort();
            values.dedup();
            values
        };
        sorted(self.parameters.as_deref()) == sorted(other)
    }

    fn add_cause(&mut self, cause: Cause) {
        // Equal causes are kept together, each as often as it came (s4-03d-q).
        let at = self
            .causes
            .iter()
            .rposition(|other| *other == cause)
            .map_or(self.causes.len(), |at| at + 1);
        self.causes.insert(at, cause);
    }
}

/// Whether a trigger made a new item or met one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheduled {
    pub(crate) id: u64,
    pub(crate) created: bool,
}

impl World {
    /// Puts a build into the queue, or into an equal item that waits there: its causes gain one, its time can only come
    /// nearer. A running build never counts as equal (s4-06).
    pub(crate) fn schedule(
        &mut self,
        job: usize,
        parameters: Option<Vec<ParameterValue>>,
        cause: Cause,
        delay_seconds: i64,
    ) -> Scheduled {
        let now = self.time.now();
        self.settle();
        let due = now + u64::try_from(delay_seconds).unwrap_or(0).saturating_mul(1000);
        let taken = Taken {
            item: self.queue.next_id,
            job: self.jobs[job].job.full_name.clone(),
            parameters: values(parameters.as_ref()),
            merged: false,
        };
        let equal =
            self.queue.items.iter_mut().find(|item| {
                item.is_queued() && item.job == job && item.has_parameters(parameters.as_deref())
            });
        if let Some(item) = equal {
            item.add_cause(cause);
            if item.state == ItemState::Waiting {
                item.due = item.due.min(due);
            }
            let id = item.id;
            self.taken.push(Taken {
                item: id,
                merged: true,
                ..taken
            });
            self.settle();
            return Scheduled { id, created: false };
        }
        let id = self.queue.next_id;
        self.queue.next_id += 1;
        self.taken.push(taken);
        self.queue.items.push(Item {
            id,
            job,
            parameters,
            causes: vec![cause],
            since: now,
            due,
            state: ItemState::Waiting,
            buildable_since: due,
            changed: now,
        });
        self.settle();
        Scheduled { id, created: true }
    }

    /// Brings queue and builds to the present, moment by moment.
    pub(crate) fn settle(&mut self) {
        let now = self.time.now();
        while let Some(at) = self.next_event().filter(|&at| at <= now) {
            self.step(at);
        }
        self.step(now);
        let life = ms(self.item_life);
        self.queue
            .items
            .retain(|item| item.is_queued() || now < item.changed + life);
    }

    /// When something will change by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        let room = self.has_room();
        let items = self.queue.items.iter().filter_map(|item| match item.state {
            ItemState::Waiting => Some(item.due),
            ItemState::Buildable { pending: false } if room => Some(item.changed + READY_MS),
            ItemState::Buildable { pending: true } => Some(item.changed + PENDING_MS),
            ItemState::Left {
                cancelled: false,
                executable: None,
            } => Some(item.changed + NO_BUILD_YET_MS),
            _ => None,
        });
        let builds = self.jobs.iter().flat_map(|state| &state.builds);
        let ends = builds
            .filter(|build| build.finished.is_none())
            .filter_map(|build| build.ends);
        items.chain(ends).chain(self.next_scan_end()).min()
    }

    fn has_room(&self) -> bool {
        let running = self
            .jobs
            .iter()
            .flat_map(|state| &state.builds)
            .filter(|build| build.finished.is_none())
            .count();
        let chosen = self
            .queue
            .items
            .iter()
            .filter(|item| {
                matches!(
                    item.state,
                    ItemState::Buildable { pending: true }
                        | ItemState::Left {
                            cancelled: false,
                            executable: None
                        }
                )
            })
            .count();
        !self.queue.quieting_down && running + chosen < self.executors
    }

    /// Whether a build of the job runs or is about to, so that another of a job that is not concurrent must wait.
    fn is_taken(&self, job: usize, except: u64) -> bool {
        let state = &self.jobs[job];
        !state.job.concurrent
            && (state.running().is_some()
                || self.queue.items.iter().any(|item| {
                    item.job == job
                        && item.id != except
                        && matches!(
                            item.state,
                            ItemState::Buildable { .. }
                                | ItemState::Left {
                                    cancelled: false,
                                    executable: None
                                }
                        )
                }))
    }

    fn step(&mut self, at: u64) {
        self.end_scans(at);
        for state in &mut self.jobs {
            for build in &mut state.builds {
                if let (None, Some(end)) = (build.finished, build.ends.filter(|&end| end <= at)) {
                    build.finished = Some((end, state.job.result));
                }
            }
        }
        for index in 0..self.queue.items.len() {
            let item = &self.queue.items[index];
            let (id, job, changed) = (item.id, item.job, item.changed);
            let next = match item.state {
                ItemState::Waiting if item.due > at => None,
                ItemState::Waiting | ItemState::Blocked => {
                    let blocked = self.queue.quieting_down || self.is_taken(job, id);
                    Some(if blocked {
                        ItemState::Blocked
                    } else {
                        ItemState::Buildable { pending: false }
                    })
                }
                ItemState::Buildable { pending: false } if at >= changed + READY_MS && self.has_room() => {
                    Some(ItemState::Buildable { pending: true })
                }
                ItemState::Buildable { pending: true } if at >= changed + PENDING_MS => {
                    Some(ItemState::Left {
                        cancelled: false,
                        executable: None,
                    })
                }
                ItemState::Left {
                    cancelled: false,
                    executable: None,
                } if at >= changed + NO_BUILD_YET_MS => {
                    let number = self.start_build(index, at);
                    Some(ItemState::Left {
                        cancelled: false,
                        executable: Some(number),
                    })
                }
                _ => None,
            };
            let item = &mut self.queue.items[index];
            if let Some(next) = next.filter(|&next| next != item.state) {
                if item.state == ItemState::Waiting {
                    item.buildable_since = at;
                }
                // The 300 s of an item run from when it left, not from when its build was there.
                if !matches!(
                    next,
                    ItemState::Left {
                        executable: Some(_),
                        ..
                    }
                ) {
                    item.changed = at;
                }
                item.state = next;
            }
        }
    }

    /// Starts what has left the queue and is no build yet: a Jenkins that stops does not lose it either.
    pub(crate) fn start_what_has_left(&mut self, at: u64) {
        for index in 0..self.queue.items.len() {
            if let ItemState::Left {
                cancelled: false,
                executable: None,
            } = self.queue.items[index].state
            {
                let number = self.start_build(index, at);
                self.queue.items[index].state = ItemState::Left {
                    cancelled: false,
                    executable: Some(number),
                };
            }
        }
    }

    fn start_build(&mut self, item: usize, at: u64) -> u32 {
        let item = &self.queue.items[item];
        let state = &mut self.jobs[item.job];
        let number = state.next_build;
        state.next_build += 1;
        state.builds.push(Build {
            number,
            queue_id: item.id,
            parameters: item.parameters.clone(),
            causes: item.causes.clone(),
            started: at,
            ends: state.job.build_time.map(|time| at + ms(time)),
            finished: None,
        });
        number
    }

    /// Ends a running build now.
    pub(crate) fn end_build(&mut self, job: usize, number: u32, result: BuildResult) -> bool {
        let now = self.time.now();
        let build = self.jobs[job]
            .builds
            .iter_mut()
            .find(|build| build.number == number && build.finished.is_none());
        let Some(build) = build else { return false };
        build.finished = Some((now, result));
        self.settle();
        true
    }

    /// Takes an item out of the queue unbuilt.
    pub(crate) fn cancel(&mut self, id: u64) -> bool {
        let now = self.time.now();
        let Some(item) = self
            .queue
            .items
            .iter_mut()
            .find(|item| item.id == id && item.is_queued())
        else {
            return false;
        };
        item.state = ItemState::Left {
            cancelled: true,
            executable: None,
        };
        item.changed = now;
        true
    }

    /// Cancels what is queued of a job, as disabling and deleting it do (s4-11c, s4-11g).
    pub(crate) fn cancel_all_of(&mut self, job: usize) {
        let ids: Vec<u64> = self
            .queue
            .items
            .iter()
            .filter(|item| item.job == job && item.is_queued())
            .map(|item| item.id)
            .collect();
        for id in ids {
            self.cancel(id);
        }
    }

    /// The sentence `why` of an item.
    pub(crate) fn why(&self, item: &Item) -> Option<String> {
        let now = self.time.now();
        match item.state {
            ItemState::Waiting => {
                let left = Duration::from_millis(item.due.saturating_sub(now));
                Some(format!("In the quiet period. Expires in {}", span(left)))
            }
            ItemState::Blocked if self.queue.quieting_down => {
                Some("Jenkins is about to shut down".to_owned())
            }
            ItemState::Blocked => Some(self.jobs[item.job].running().map_or_else(
                || "A build is already in progress".to_owned(),
                |build| {
                    let left =
                        self.jobs[item.job].estimated_ms() - i64::try_from(now - build.started).unwrap_or(0);
                    let eta = u64::try_from(left).ok().filter(|&left| left > 0);
                    let eta = eta.map_or_else(|| "N/A".to_owned(), |left| span(Duration::from_millis(left)));
                    format!("Build #{} is already in progress (ETA: {eta})", build.number)
                },
            )),
            ItemState::Buildable { .. } => Some("Waiting for next available executor".to_owned()),
            ItemState::Left { .. } => None,
        }
    }
}

/// A span of time in Jenkins's words: the two largest units, tenths below ten seconds.
pub(crate) fn span(duration: Duration) -> String {
    let total = duration.as_millis();
    let (seconds, minutes, hours, days) = (
        total / 1000,
        total / 60_000,
        total / 3_600_000,
        total / 86_400_000,
    );
    let pair = |large: u128, unit: &str, small: u128, small_unit: &str| {
        if large >= 10 {
            format!("{large} {unit}")
        } else {
            format!("{large} {unit} {small} {small_unit}")
        }
    };
    let day_unit = if days == 1 { "day" } else { "days" };
    match (days, hours, minutes, seconds) {
        (1.., ..) => pair(days, day_unit, hours % 24, "hr"),
        (_, 1.., ..) => pair(hours, "hr", minutes % 60, "min"),
        (_, _, 1.., _) => pair(minutes, "min", seconds % 60, "sec"),
        (_, _, _, 10..) => format!("{seconds} sec"),
        (_, _, _, 1..) => match total / 100 % 10 {
            0 => format!("{seconds} sec"),
            tenth => format!("{seconds}.{tenth} sec"),
        },
        _ if total >= 100 => {
            let hundredths = total / 10;
            if hundredths.is_multiple_of(10) {
                format!("0.{} sec", hundredths / 10)
            } else {
                format!("0.{hundredths:02} sec")
            }
        }
        _ => format!("{total} ms"),
    }
}
