//! The hidden command that the hook scripts run.

use std::collections::BTreeSet;
use std::panic;
use std::process::ExitCode;

use super::backlog::{self, STORM};
use super::{Refusal, enqueue, file};
use crate::config::{Config, FILE_NAME};
use crate::credentials::trust;
use crate::deliver::{self, Start};
use crate::environment;
use crate::event::{Event, commit};
use crate::git::{self, Repository};
use crate::plan::{self, Plan, Reason, Wishes};
use crate::spool::{Spool, Trigger};
use crate::ui::Printer;

/// What is remembered of having been said once.
const DETACHED: &str = "detached";

/// Runs a hook. Always 0: nothing here may fail a commit.
pub(super) fn run(event: &str) -> ExitCode {
    let printer = Printer::for_hook();
    // The frame that a panic ends at says its one line; the default message would be many.
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(|| match event {
        "post-commit" => post_commit(&printer),
        other => {
            printer.hook_line(&format!("unknown hook {other}; this version knows post-commit"));
            Ok(())
        }
    });
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => printer.hook_line(&one_line(&error)),
        Err(_) => printer.hook_line("stopped by a fault of its own; the commit is not affected"),
    }
    ExitCode::SUCCESS
}

fn one_line(error: &anyhow::Error) -> String {
    let (message, help) = if let Some(mistake) = error.downcast_ref::<crate::config::Error>() {
        let help = mistake.help().map(str::to_owned);
        (format!("{mistake}"), help)
    } else if let Some(refusal) = error.downcast_ref::<Refusal>() {
        (refusal.message.clone(), refusal.help.clone())
    } else {
        (format!("{error:#}"), None)
    };
    match help {
        // An example of several lines is none on one line.
        Some(help) if help.lines().count() > 1 => {
            format!("nothing triggered: {message}; see: jenkins-trigger check")
        }
        Some(help) => format!("nothing triggered: {message}; {help}"),
        None => format!("nothing triggered: {message}"),
    }
}

fn post_commit(printer: &Printer) -> anyhow::Result<()> {
    if environment::switched_off() {
        return Ok(());
    }
    let here = std::env::current_dir()?;
    let repository = match Repository::discover(&here, &environment::repository_paths()) {
        Ok(repository) => repository,
        Err(git::Error::NoRepository(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let spool = Spool::of(repository.common_dir());
    let mut event = match commit::read(&repository)? {
        commit::Found::Event(event) => *event,
        commit::Found::Unfinished => return Ok(()),
        commit::Found::Detached => {
            if spool.say_once(DETACHED).unwrap_or(true) {
                printer.hook_line("HEAD is detached, so there is no branch to trigger for");
            }
            return Ok(());
        }
    };
    spool.unsay(DETACHED);
    let backlog = backlog::tell(printer, &spool);
    let planned = plan_for(printer, &repository, &mut event);
    let triggers = planned.as_deref().unwrap_or_default();
    accept(printer, &repository, &spool, backlog.told, triggers);
    if (backlog.waiting > 0 || !triggers.is_empty())
        && let Err(error) = deliver::start(repository.common_dir(), Start::Eager)
    {
        printer.hook_line(&format!(
            "could not start sending ({error}); to send: jenkins-trigger retry"
        ));
    }
    planned.map(drop)
}

/// What the file says is to be triggered because of this event.
fn plan_for(printer: &Printer, repository: &Repository, event: &mut Event) -> anyhow::Result<Vec<Trigger>> {
    let Some(source) = file::of_commit(repository, &event.commit.id)? else {
        let why = match repository.work_tree() {
            Some(top) if top.join(FILE_NAME).exists() => {
                format!("this commit has no {FILE_NAME}; commit it")
            }
            _ => format!("there is no {FILE_NAME}; write one"),
        };
        let message = format!("{why}, or take the hook out: jenkins-trigger uninstall");
        return Err(Refusal::plain(message).into());
    };
    let config = source.read()?;
    if plan::needs_changed_paths(&config) {
        event.find_changed_paths(repository);
    }
    if plan::needs_last_action(&config) {
        commit::note_last_action(event, repository);
    }
    let surroundings = enqueue::surroundings(&config);
    let plan = plan::plan(event, &config, &surroundings, &Wishes::default());
    tell_skips(printer, &config, &plan);
    Ok(enqueue::triggers(event, &config, &plan))
}

/// A rule that would have fired but for a marker is worth a line; other branches are not.
fn tell_skips(printer: &Printer, config: &Config, plan: &Plan) {
    for verdict in &plan.verdicts {
        if let Reason::Marker(_) | Reason::During(_) = verdict.reason {
            let rule = &config.rules[verdict.rule];
            printer.hook_line(&format!("{} not triggered: {}", rule.job, verdict.reason));
        }
        if let Some(note) = &verdict.note {
            let rule = &config.rules[verdict.rule];
            printer.hook_line(&format!("rule {}: {note}", rule.name));
        }
    }
}

/// Puts the new triggers into the spool and says one line of each.
fn accept(
    printer: &Printer,
    repository: &Repository,
    spool: &Spool,
    mut told: BTreeSet<String>,
    triggers: &[Trigger],
) {
    if triggers.is_empty() {
        return;
    }
    let trusted = trust::servers_of(repository.common_dir());
    for trigger in triggers {
        let to = format!("{} → {} on {}", trigger.reference(), trigger.job, trigger.server);
        let trouble = match &trusted {
            Ok(servers) if servers.contains(&trigger.server) => deliver::lacks(trigger),
            Ok(_) => Some(deliver::untrusted(&trigger.server)),
            Err(error) => Some(error.to_string()),
        };
        if let Err(error) = spool.put(trigger) {
            printer.hook_line(&format!("nothing triggered: {to}: {error}"));
        } else if trigger.hold.is_some() {
            // All of them are told below, in one line.
        } else if let Some(trouble) = trouble {
            if told.insert(trouble.clone()) {
                printer.hook_line(&format!("not sent: {trouble}"));
            }
        } else {
            printer.hook_line(&to);
        }
    }
    if triggers.iter().any(|trigger| trigger.hold.is_some()) {
        printer.hook_line(&format!("none of {} triggers is sent: {STORM}", triggers.len()));
    }
}
