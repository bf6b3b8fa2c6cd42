//! `pre-push`: what is about to be pushed is planned and noted; a process that waits for git's end
//! finds out what the remote took.

use std::collections::BTreeSet;

use bstr::{BString, ByteSlice as _};
use jiff::Timestamp;

use super::call::{Call, Hook};
use super::seen::{self, Doing, Seen};
use super::{Lineage, is_git, one_line, without_file};
use crate::cli::backlog::{self, STORM};
use crate::cli::consent::Consent;
use crate::cli::pushes::{self, Planner};
use crate::deliver::{self, Start};
use crate::environment;
use crate::event::push::{self, Line};
use crate::git::{Repository, address_to_keep};
use crate::platform::{self, Process};
use crate::spool::{Later, PUSH_FORMAT, ProcessId, Push, Spool, Trigger, new_ids};
use crate::text::Text;
use crate::ui::Printer;

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
    let git = ancestors.and_then(pushing_git);
    if git.is_some_and(is_dry_run) {
        return Ok(());
    }
    let watched_by = watcher(repository);
    let planner = Planner::new(repository, pushing.remote.as_bstr(), pushing.address.as_bstr())?;
    let planned = planner.plan(&pushing.lines);
    let planned = match planned {
        // It is read and said there.
        Err(_) if watched_by.is_some() => return Ok(()),
        planned => planned?,
    };
    if !planned.has_file && call.everywhere {
        return Ok(());
    }
    if planned.has_file
        && let Some(git) = git
        // A trigger too many is better than one that is lost.
        && !spool.claim(&seen.claim(git)).unwrap_or(true)
    {
        return Ok(());
    }
    let mut told = BTreeSet::new();
    if watched_by.is_none() {
        let backlog = backlog::tell(printer, repository, &spool);
        told = backlog.told;
        pushes::tend(printer, repository, &spool);
        if backlog.waiting > 0 {
            // What cannot be started now goes out with the next hook.
            let _ = deliver::start(repository.common_dir(), Start::Eager);
        }
        for trouble in &planned.troubles {
            printer.hook_line(&one_line(&trouble.consequence(), &trouble.error));
        }
        for note in planned.notes.lines() {
            printer.hook_line(&note);
        }
        if planned.reviews && spool.say_once(pushes::REVIEW).unwrap_or(true) {
            printer.hook_line(pushes::NO_BRANCH);
        }
        if planned.lacks_file() {
            return Err(without_file(seen.hook, repository).into());
        }
    }
    let later: Vec<Later<'_>> = pushing.lines.iter().map(later).collect();
    let pid = git.map_or(0, |git| git.pid);
    // A trigger too many is better than one that is lost.
    let repeated = spool.note_later(pid, planned.remote.as_ref(), &later);
    let repeated = repeated.unwrap_or_default();
    if planned.references.is_empty() {
        return Ok(());
    }
    let mut push = Push {
        v: PUSH_FORMAT,
        id: new_ids(1).concat(),
        created: Timestamp::now(),
        git: match (git, ancestors) {
            (Some(git), _) => id_of(git),
            (None, Some(_)) => pushes::NOBODY,
            (None, None) => id_of(&platform::parent()),
        },
        watched_by,
        remote: planned.remote,
        address: Text(address_to_keep(pushing.address.as_bstr())),
        max_triggers: planned.max_triggers,
        references: planned.references,
        asked: None,
        trouble: None,
    };
    let again = spool
        .pushes()
        .is_ok_and(|pushes| pushes.under_way.iter().any(|other| other.git == push.git));
    for reference in &mut push.references {
        reference.repeats = repeated.contains(&(reference.reference.0.as_bstr(), &*reference.new));
    }
    let consent = Consent::of(repository);
    push.triggers().for_each(|trigger| consent.learn(trigger));
    for (trigger, error) in push.refuse_secrets() {
        let to = format!("{} → {} on {}", trigger.reference(), trigger.job, trigger.server);
        printer.hook_line(&format!("nothing triggered: {to}: {error}"));
    }
    if push.references.is_empty() {
        return Ok(());
    }
    spool.put_push(&push)?;
    if let Err(error) = pushes::wait_for(repository, &push, git, &pushing.address) {
        printer.hook_line(&format!(
            "could not start waiting for the end of the push ({error}); when it has ended: jenkins-trigger retry"
        ));
    }
    // Not once more for each address of the same remote.
    if watched_by.is_none() && !again {
        let triggers: Vec<&Trigger> = push.triggers().collect();
        let consent = consent.expecting(planned.expected);
        say(printer, &consent, told, &triggers, push.max_triggers);
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
    consent: &Consent,
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
    for trigger in triggers {
        match consent.trouble(trigger) {
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

/// Whether git was told to push nothing, as far as its words tell: an alias may hide it.
fn is_dry_run(git: &Process) -> bool {
    /// The options of git itself whose values are words of their own.
    const WITH_VALUE: &[&str] = &[
        "-C",
        "-c",
        "--config-env",
        "--exec-path",
        "--git-dir",
        "--namespace",
        "--super-prefix",
        "--work-tree",
    ];
    let words = platform::arguments_of(git.pid);
    let mut place = 1;
    while let Some(word) = words
        .get(place)
        .filter(|word| word.as_encoded_bytes().starts_with(b"-"))
    {
        place += if WITH_VALUE.iter().any(|known| word == known) {
            2
        } else {
            1
        };
    }
    let arguments = words.get(place + 1..).unwrap_or_default();
    words.get(place).is_some_and(|word| word == "push") && crate::cli::push::is_dry_run(arguments)
}

fn later(line: &Line) -> Later<'_> {
    Later {
        reference: line.reference.as_bstr(),
        new: &line.new,
        old: Some(line.old.as_deref()),
    }
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
