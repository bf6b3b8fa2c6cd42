//! `retry`: sends now what waits or failed.

use clap::Args;

use super::{Exit, Refusal, Session, outcomes};
use crate::deliver;
use crate::spool::{self, Spool, Trigger};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these triggers; the end of an id is enough
    #[arg(value_name = "ID", conflicts_with = "all")]
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
    let waiting = spool.waiting()?;
    let failed = spool.failed()?;
    for unreadable in waiting.unreadable.iter().chain(&failed.unreadable) {
        printer.warning(&format!(
            "{} is left alone: {}",
            unreadable.path.display(),
            unreadable.reason
        ));
    }
    let wanted = |trigger: &Trigger| {
        if arguments.ids.is_empty() {
            arguments.all || trigger.hold.is_none()
        } else {
            arguments.ids.iter().any(|id| trigger.id.ends_with(id))
        }
    };
    let failed: Vec<Trigger> = failed.triggers.into_iter().filter(&wanted).collect();
    let waiting: Vec<Trigger> = waiting.triggers.into_iter().filter(&wanted).collect();
    let mut chosen = [failed.clone(), waiting.clone()].concat();
    check_ids(&arguments.ids, &chosen)?;
    for trigger in &failed {
        spool.revive(trigger)?;
    }
    for trigger in waiting.iter().filter(|trigger| trigger.hold.is_some()) {
        spool.update(&Trigger {
            hold: None,
            ..trigger.clone()
        })?;
    }
    chosen.sort_by(|one, other| one.id.cmp(&other.id));
    if chosen.is_empty() {
        printer.note("nothing waits and nothing failed");
        return Ok(Exit::Done);
    }
    for trigger in &chosen {
        printer.detail(&format!(
            "{} {} on {}, sent {} times so far",
            trigger.id, trigger.job, trigger.server, trigger.attempts
        ));
    }
    let entries = deliver::send_now(&spool, repository.common_dir(), &chosen)?;
    Ok(outcomes::print(printer, &chosen, &entries, arguments.json))
}

/// Each id must name one trigger, or the user meant another.
fn check_ids(ids: &[String], chosen: &[Trigger]) -> anyhow::Result<()> {
    for id in ids {
        let error = match chosen.iter().filter(|trigger| trigger.id.ends_with(id)).count() {
            0 => spool::Error::Unknown(id.clone()),
            1 => continue,
            _ => spool::Error::Ambiguous(id.clone()),
        };
        return Err(Refusal::plain(error.to_string()).into());
    }
    Ok(())
}
