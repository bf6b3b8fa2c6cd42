//! `retry`: sends now what waits or failed.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::backlog::STORM;
use super::{Exit, Refusal, Session, consent, ids, outcomes, pushes};
use crate::deliver::Foreground;
use crate::spool::{Spool, Trigger};
use crate::ui::Printer;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these triggers; the end of an id is enough
    #[arg(value_name = "ID", conflicts_with = "all", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,

    /// Also those that were held because one event made too many
    #[arg(long)]
    all: bool,

    /// Print one JSON object per trigger
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let spool = Spool::of(repository.common_dir());
    let decided = pushes::ask_again(printer, &repository, &spool, arguments.json)?;
    // From here on nobody else sends or changes what waits: two retries would double a build.
    let sending = Foreground::begin(&spool, repository.common_dir(), consent::ask)?;
    if !sending.has_lock() {
        let message = "another sender is at work, and it takes long; see: jenkins-trigger log";
        return Err(Refusal::plain(message).into());
    }
    let chosen = choose(printer, &spool, arguments)?;
    let left = !decided || spool.oldest_waiting(0)?.1 > 0;
    if chosen.is_empty() && left {
        return Ok(Exit::Act);
    }
    for trigger in &chosen {
        printer.detail(&format!(
            "{} {} on {}, attempts so far: {}",
            trigger.id, trigger.job, trigger.server, trigger.attempts
        ));
    }
    let (outcomes, sent) = sending.send(&chosen, false);
    let exit = outcomes::print(printer, &outcomes, arguments.json);
    sent?;
    Ok(match exit {
        Exit::Done if !decided => Exit::Act,
        exit => exit,
    })
}

/// Finds what the user means and lets it go on.
fn choose(printer: &Printer, spool: &Spool, arguments: &Arguments) -> anyhow::Result<Vec<Trigger>> {
    let waiting = spool.waiting()?;
    let failed = spool.failed()?;
    for unreadable in waiting.unreadable.iter().chain(&failed.unreadable) {
        printer.warning(&unreadable.to_string());
    }
    let wanted = |trigger: &Trigger| {
        if arguments.ids.is_empty() {
            arguments.all || trigger.hold.is_none()
        } else {
            ids::name(&arguments.ids, &trigger.id)
        }
    };
    let all = waiting.triggers.len();
    let failed: Vec<Trigger> = failed.triggers.into_iter().filter(&wanted).collect();
    let waiting: Vec<Trigger> = waiting.triggers.into_iter().filter(&wanted).collect();
    let chosen = [failed.clone(), waiting.clone()].concat();
    ids::check(&arguments.ids, chosen.iter().map(|trigger| trigger.id.as_str()))
        .map_err(|error| Refusal::plain(error.to_string()))?;
    for trigger in &failed {
        spool.revive(&trigger.id)?;
    }
    for trigger in waiting.iter().filter(|trigger| trigger.hold.is_some()) {
        spool.update(&Trigger {
            hold: None,
            ..trigger.clone()
        })?;
    }
    match (chosen.is_empty(), all) {
        (true, 0) if spool.may_have_pushes() => {}
        (true, 0) => printer.note("nothing waits and nothing failed"),
        (true, held) => printer.note(&format!("{held} held: {STORM}")),
        (false, _) => {}
    }
    Ok(chosen)
}
