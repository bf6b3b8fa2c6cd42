//! The hidden command that the hook scripts run.

use std::collections::BTreeSet;
use std::panic;
use std::path::Path;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};

use super::{enqueue, file};
use crate::config::{Config, FILE_NAME};
use crate::credentials::trust::Trust;
use crate::deliver;
use crate::environment;
use crate::event::commit;
use crate::git::{self, Repository};
use crate::plan::{self, Plan, Reason, Wishes};
use crate::spool::{Hold, Spool, Trigger};
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
    } else if let Some(refusal) = error.downcast_ref::<super::Refusal>() {
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
    let Some(source) = file::of_commit(&repository, &event.commit.id)? else {
        let why = match repository.work_tree() {
            Some(top) if top.join(FILE_NAME).exists() => {
                format!("this commit has no {FILE_NAME}; commit it")
            }
            _ => format!("there is no {FILE_NAME}; write one"),
        };
        printer.hook_line(&format!(
            "nothing triggered: {why}, or take the hook out: jenkins-trigger uninstall"
        ));
        return Ok(());
    };
    let config = source.read()?;
    if plan::needs_changed_paths(&config) {
        event.find_changed_paths(&repository);
    }
    if plan::needs_last_action(&config) {
        commit::note_last_action(&mut event, &repository);
    }
    let plan = plan::plan(
        &event,
        &config,
        &enqueue::surroundings(&config),
        &Wishes::default(),
    );
    tell_skips(printer, &config, &plan);
    let triggers = enqueue::triggers(&event, &config, &plan);
    let old = tell_old(printer, &spool);
    accept(printer, &repository, &spool, &old, &triggers);
    let new = triggers.len();
    if (old.count > 0 || new > 0)
        && let Err(error) = deliver::start(repository.common_dir())
    {
        printer.hook_line(&format!(
            "could not start sending ({error}); to send: jenkins-trigger retry"
        ));
    }
    Ok(())
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

/// What earlier deliveries came to, if that needs the user: what failed for good, once; what
/// still waits after an attempt, each time.
fn tell_old(printer: &Printer, spool: &Spool) -> Old {
    const ENOUGH: usize = 100;
    let failed = spool.tell_failures(ENOUGH).unwrap_or_default();
    if let Some(last) = failed.last() {
        let more = match failed.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more: jenkins-trigger log)"),
        };
        printer.hook_line(&format!(
            "earlier, {} → {} failed: {}{more}",
            last.reference(),
            last.job,
            last.trouble.as_deref().unwrap_or("for no reason on record")
        ));
    }
    let (oldest, count) = spool.oldest_waiting().unwrap_or_default();
    let Some(oldest) = oldest else {
        return Old::default();
    };
    let trouble = match (oldest.hold, oldest.trouble.clone()) {
        (Some(Hold::Storm), _) => Some(format!("{STORM}; to send them: jenkins-trigger retry --all")),
        (None, trouble) => trouble,
    };
    let since = local_time(&oldest);
    match &trouble {
        Some(trouble) => printer.hook_line(&format!("{count} waiting since {since}: {trouble}")),
        // Its sender was killed, or the machine went down: this hook starts another.
        None if is_old(&oldest) => printer.hook_line(&format!("{count} waiting since {since}")),
        None => {}
    }
    Old { count, trouble }
}

/// What waits already, and what was said of it.
#[derive(Default)]
struct Old {
    count: usize,
    trouble: Option<String>,
}

/// Why a storm is held.
const STORM: &str = "one event made more triggers than `max_triggers` allows";

fn is_old(trigger: &Trigger) -> bool {
    const USUAL: SignedDuration = SignedDuration::from_mins(1);
    Timestamp::now().duration_since(trigger.created) > USUAL
}

fn local_time(trigger: &Trigger) -> String {
    let local = trigger.created.to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%F %H:%M").to_string()
}

/// Puts the new triggers into the spool and says one line of each.
fn accept(printer: &Printer, repository: &Repository, spool: &Spool, old: &Old, triggers: &[Trigger]) {
    let trusted = trusted_servers(repository.common_dir());
    let mut told: BTreeSet<String> = old.trouble.iter().cloned().collect();
    for trigger in triggers {
        let to = format!("{} → {} on {}", trigger.reference(), trigger.job, trigger.server);
        let said = match spool.put(trigger) {
            Err(error) => format!("nothing triggered: {to}: {error}"),
            Ok(()) if trigger.hold.is_some() => continue,
            Ok(()) if trusted.contains(&trigger.server) => to,
            Ok(()) => {
                let reason = deliver::untrusted(&trigger.server);
                if !told.insert(reason.clone()) {
                    continue;
                }
                format!("not sent: {reason}")
            }
        };
        printer.hook_line(&said);
    }
    if triggers.iter().any(|trigger| trigger.hold.is_some()) {
        printer.hook_line(&format!(
            "none of {} triggers is sent: {STORM}; to send them: jenkins-trigger retry --all",
            triggers.len()
        ));
    }
}

fn trusted_servers(common_dir: &Path) -> Vec<String> {
    Trust::of_user()
        .and_then(|trust| trust.servers(common_dir))
        .unwrap_or_default()
}
