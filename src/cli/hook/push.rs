//! `pre-push`: what is about to be pushed is planned and noted; a process that waits for git's end
//! finds out what the remote took.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use bstr::{BString, ByteSlice as _};
use jiff::Timestamp;

use super::call::{Call, Hook};
use super::fire::{find_changed_paths, tell_skips, trouble};
use super::seen::{self, Doing, Seen};
use super::{Lineage, is_git, one_line, without_file};
use crate::cli::backlog::{self, STORM};
use crate::cli::{enqueue, file, pushes};
use crate::config::{Config, FILE_NAME};
use crate::credentials::trust;
use crate::deliver::{self, Start};
use crate::environment;
use crate::event::push::{self, Line, Tracking};
use crate::event::{DefaultBranch, Kind};
use crate::git::{Commit, Refspecs, Repository, address_to_keep};
use crate::plan::{self, Wishes};
use crate::platform::{self, Process};
use crate::spool::{
    PUSH_FORMAT, ProcessId, Push, PushedReference, Spool, TrackedReference, Trigger, new_ids,
};
use crate::text::Text;
use crate::ui::Printer;

/// What is remembered of having been said once.
const REVIEW: &str = "review";

/// A push that git is about to make.
#[derive(Debug)]
pub(super) struct Pushing {
    lines: Vec<Line>,
    /// The remote's name; its address where the user gave that.
    remote: BString,
    address: BString,
}

/// Looks; `None` if there is nothing to do.
///
/// # Errors
/// What the system says about stdin.
pub(super) fn look(
    call: &Call,
    repository: Repository,
    stdin: Option<&[u8]>,
) -> anyhow::Result<Option<Seen>> {
    let [remote, address, ..] = &call.arguments[..] else {
        return Ok(None);
    };
    let mut input = seen::input(stdin)?;
    let lines = push::lines(&input);
    if lines.is_empty() {
        return Ok(None);
    }
    // One git runs the hook for each address, perhaps with the same input.
    for word in [remote, address] {
        input.push(0);
        input.extend_from_slice(word.as_encoded_bytes());
    }
    Ok(Some(Seen {
        hook: Hook::Push,
        repository,
        tip: None,
        doing: Doing::Pushing(Pushing {
            lines,
            remote: remote.as_encoded_bytes().into(),
            address: address.as_encoded_bytes().into(),
        }),
        input,
    }))
}

/// Says what will be triggered when the push lands, notes it, and lets somebody wait for that.
///
/// # Errors
/// What is wrong with the file or the repository.
pub(super) fn announce(
    printer: &Printer,
    call: &Call,
    seen: &Seen,
    pushing: &Pushing,
    ancestors: Option<&[Process]>,
) -> anyhow::Result<()> {
    let repository = &seen.repository;
    let spool = Spool::of(repository.common_dir());
    let lineage = Lineage::of(ancestors.unwrap_or_default());
    if lineage.below_hook {
        return Ok(());
    }
    let watched_by = watcher(repository);
    let planner = Planner::new(printer, repository, pushing)?;
    let planned = planner.plan(&pushing.lines);
    let planned = match planned {
        // It is read and said there.
        Err(_) if watched_by.is_some() => return Ok(()),
        planned => planned?,
    };
    if !planned.has_file && call.everywhere {
        return Ok(());
    }
    let git = ancestors.and_then(pushing_git);
    if planned.has_file
        && let Some(git) = git
        // A trigger too many is better than one that is lost.
        && !spool.claim(&seen.claim(git)).unwrap_or(true)
    {
        return Ok(());
    }
    let mut told = BTreeSet::new();
    if watched_by.is_none() {
        let backlog = backlog::tell(printer, &spool);
        told = backlog.told;
        pushes::tend(printer, repository, &spool);
        if backlog.waiting > 0 {
            // What cannot be started now goes out with the next hook.
            let _ = deliver::start(repository.common_dir(), Start::Eager);
        }
        for trouble in &planned.troubles {
            printer.hook_line(trouble);
        }
        if planned.reviews && spool.say_once(REVIEW).unwrap_or(true) {
            printer.hook_line(
                "what is pushed to refs/for/ goes to a review and is no branch yet, so nothing is triggered for it",
            );
        }
        if !planned.has_file {
            return Err(without_file(seen.hook, repository).into());
        }
    }
    if planned.references.is_empty() {
        return Ok(());
    }
    let push = Push {
        v: PUSH_FORMAT,
        id: new_ids(1).concat(),
        created: Timestamp::now(),
        git: match (git, ancestors) {
            (Some(git), _) => id_of(git),
            (None, Some(_)) => pushes::NOBODY,
            (None, None) => id_of(&platform::parent()),
        },
        watched_by,
        remote: planner.remote.clone().map(Text),
        address: Text(address_to_keep(pushing.address.as_bstr())),
        max_triggers: planned.max_triggers,
        references: planned.references,
        asked: None,
        trouble: None,
    };
    let again = spool
        .pushes()
        .is_ok_and(|pushes| pushes.under_way.iter().any(|other| other.git == push.git));
    spool.put_push(&push)?;
    if let Err(error) = pushes::wait_for(repository, &push, git, &pushing.address) {
        printer.hook_line(&format!(
            "could not start waiting for the end of the push ({error}); when it has ended: jenkins-trigger retry"
        ));
    }
    // Not once more for each address of the same remote.
    if watched_by.is_none() && !again {
        let triggers: Vec<&Trigger> = push.triggers().collect();
        say(printer, repository, told, &triggers, push.max_triggers);
    }
    Ok(())
}

fn id_of(process: &Process) -> ProcessId {
    ProcessId {
        pid: process.pid,
        started: process.started,
    }
}

fn say(
    printer: &Printer,
    repository: &Repository,
    mut told: BTreeSet<String>,
    triggers: &[&Trigger],
    max_triggers: usize,
) {
    if triggers.len() > max_triggers {
        printer.hook_line(&format!(
            "if all of it lands, none of {} triggers is sent: {STORM}",
            triggers.len()
        ));
        return;
    }
    let trusted = trust::servers_of(repository.common_dir());
    for trigger in triggers {
        match trouble(&trusted, trigger) {
            Some(trouble) if !told.insert(trouble.clone()) => {}
            Some(trouble) => printer.hook_line(&format!("will not be sent: {trouble}")),
            None => printer.hook_line(&format!(
                "{} → {} on {}, when the push lands",
                trigger.reference(),
                trigger.job,
                trigger.server
            )),
        }
    }
}

/// The git that pushes: a hook manager may run this below a `git hook run` of its own.
fn pushing_git(ancestors: &[Process]) -> Option<&Process> {
    let runs_hooks = |process: &Process| {
        platform::arguments_of(process.pid)
            .iter()
            .skip(1)
            .find(|word| !word.as_encoded_bytes().starts_with(b"-"))
            .is_some_and(|word| word == "hook")
    };
    ancestors
        .iter()
        .find(|process| is_git(process) && !runs_hooks(process))
}

/// The `jenkins-trigger push` that runs this git, if it is for this repository: a submodule's push
/// is its own.
fn watcher(repository: &Repository) -> Option<ProcessId> {
    let words = environment::push()?;
    let mut words = words.as_encoded_bytes().splitn(3, |byte| *byte == b' ');
    let mut number = || words.next()?.to_str().ok()?.parse::<u64>().ok();
    let (pid, started) = (u32::try_from(number()?).ok()?, number()?);
    let own = repository.common_dir().as_os_str().as_encoded_bytes() == words.next()?;
    (own && platform::runs(pid, started)).then_some(ProcessId { pid, started })
}

/// What is to be triggered for a push if all of it lands.
struct Planned {
    references: Vec<PushedReference>,
    max_triggers: usize,
    /// Whether any of what is pushed has a file.
    has_file: bool,
    /// Whether something goes to a review that would have fired for its branch.
    reviews: bool,
    /// What is wrong with some of the files.
    troubles: Vec<String>,
    /// What was said of rules.
    told: BTreeSet<String>,
}

struct Planner<'a> {
    printer: &'a Printer,
    repository: &'a Repository,
    remote: Option<BString>,
    /// Where git keeps copies of what the remote has; nowhere if the user gave an address.
    refspecs: Refspecs,
    default: OnceCell<Option<DefaultBranch>>,
}

impl<'a> Planner<'a> {
    fn new(printer: &'a Printer, repository: &'a Repository, pushing: &Pushing) -> anyhow::Result<Self> {
        let given = pushing.remote.as_bstr();
        let configured = repository.remotes()?.contains(&pushing.remote);
        let refspecs = if configured {
            repository.refspecs(given)?
        } else {
            Refspecs::default()
        };
        // One that only `git -c` knows has a name too.
        let is_name = configured || !given.contains(&b'/') && !given.contains(&b':');
        let remote = if is_name {
            Some(pushing.remote.clone())
        } else {
            repository.remote_at(&[given, pushing.address.as_bstr()])?
        };
        Ok(Self {
            printer,
            repository,
            remote,
            refspecs,
            default: OnceCell::new(),
        })
    }

    fn plan(&self, lines: &[Line]) -> anyhow::Result<Planned> {
        let mut planned = Planned {
            references: Vec::new(),
            max_triggers: usize::MAX,
            has_file: false,
            reviews: false,
            troubles: Vec::new(),
            told: BTreeSet::new(),
        };
        let ids: Vec<String> = lines.iter().map(|line| line.new.clone()).collect();
        let commits = self.repository.commits(&ids)?;
        let found: Vec<(&Line, Commit)> = lines
            .iter()
            .zip(commits)
            .filter_map(|(line, commit)| Some((line, commit?)))
            .collect();
        let configs = self.configs(&found, &mut planned)?;
        let remote = self.remote.as_ref().map(|remote| remote.as_bstr());
        let mut may_fire = Vec::new();
        for ((line, commit), config) in found.into_iter().zip(configs) {
            let Some(config) = config else { continue };
            if let Some(branch) = push::review_of(line.reference.as_ref()) {
                planned.reviews |= plan::may_fire(&config, Kind::PostPush, branch.as_bstr(), remote);
            }
            if plan::may_fire(&config, Kind::PostPush, line.reference.as_ref(), remote) {
                may_fire.push((line, commit, config));
            }
        }
        let count = may_fire.len();
        for (line, commit, config) in may_fire {
            self.plan_one(line, commit, (&config, count), &mut planned)?;
        }
        Ok(planned)
    }

    fn plan_one(
        &self,
        line: &Line,
        commit: Commit,
        (config, count): (&Config, usize),
        planned: &mut Planned,
    ) -> anyhow::Result<()> {
        let remote = self.remote.as_ref().map(|remote| remote.as_bstr());
        let Some(mut event) = push::event(self.repository, line, commit, remote) else {
            return Ok(());
        };
        find_changed_paths(&mut event, count, config, self.repository, self.default_branch());
        let plan = plan::plan(&event, config, &enqueue::surroundings(config), &Wishes::default());
        tell_skips(self.printer, config, &plan, &mut planned.told);
        if plan.triggers.is_empty() {
            return Ok(());
        }
        let triggers = enqueue::triggers(&event, config, &plan)
            .into_iter()
            // Counted when it is known what has landed.
            .map(|trigger| Trigger {
                hold: None,
                ..trigger
            });
        planned.max_triggers = planned.max_triggers.min(config.max_triggers);
        planned.references.push(PushedReference {
            reference: Text(line.reference.clone()),
            new: line.new.clone(),
            old: line.old.clone(),
            tracking: self.tracking(line)?,
            triggers: triggers.collect(),
        });
        Ok(())
    }

    fn tracking(&self, line: &Line) -> anyhow::Result<Option<TrackedReference>> {
        let Some(reference) = self.refspecs.tracking(line.reference.as_ref()) else {
            return Ok(None);
        };
        let tracking = Tracking::look(self.repository, reference)?;
        Ok(Some(TrackedReference {
            reference: Text(tracking.reference),
            before: tracking.before,
            reflog: tracking.reflog,
        }))
    }

    fn default_branch(&self) -> Option<&DefaultBranch> {
        let look = || {
            let remote = self.remote.as_ref()?;
            let found = self.repository.default_branch_of(remote.as_bstr()).ok()?;
            found.map(|(reference, tip)| DefaultBranch { reference, tip })
        };
        self.default.get_or_init(look).as_ref()
    }

    /// The configuration for each commit: many have the same file.
    fn configs(
        &self,
        found: &[(&Line, Commit)],
        planned: &mut Planned,
    ) -> anyhow::Result<Vec<Option<std::rc::Rc<Config>>>> {
        let ids: Vec<String> = found.iter().map(|(_, commit)| commit.id.clone()).collect();
        let files = self.repository.file_ids(&ids, FILE_NAME)?;
        let mut known = BTreeMap::new();
        let mut configs = Vec::with_capacity(ids.len());
        for (commit, file) in ids.iter().zip(files) {
            let config = known
                .entry(file)
                .or_insert_with(|| self.config(commit, planned))
                .clone();
            configs.push(config);
        }
        Ok(configs)
    }

    fn config(&self, commit: &str, planned: &mut Planned) -> Option<std::rc::Rc<Config>> {
        let read = || {
            let source = file::of_commit(self.repository, commit)?;
            anyhow::Ok(source.map(|source| source.read()).transpose()?)
        };
        let config = read();
        planned.has_file |= !matches!(config, Ok(None));
        match config {
            Ok(config) => config.map(std::rc::Rc::new),
            Err(error) => {
                planned.troubles.push(one_line(&error));
                None
            }
        }
    }
}
