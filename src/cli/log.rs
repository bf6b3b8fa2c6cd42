//! `log`: the journal as a table.

use clap::Args;

use super::backlog::STORM;
use super::{Exit, Session, outcomes, pushes};
use crate::spool::Spool;
use crate::ui::Table;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many lines, the newest
    #[arg(short, long, default_value_t = 50, value_name = "N")]
    number: usize,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let spool = Spool::of(repository.common_dir());
    let entries = spool.journal().entries()?;
    let newest = &entries[entries.len().saturating_sub(arguments.number)..];
    if arguments.json {
        for entry in newest {
            printer.json(entry);
        }
        return Ok(Exit::Done);
    }
    if entries.is_empty() {
        printer.note("nothing was triggered from this repository so far");
    } else if !newest.is_empty() {
        let mut table = Table::new(&["TIME", "OUTCOME", "BRANCH", "COMMIT", "JOB", "RESULT"]);
        for entry in newest {
            let local = entry.time.to_zoned(jiff::tz::TimeZone::system());
            table.row([
                (None, local.strftime("%F %T").to_string()),
                (Some(outcomes::tone(entry.outcome)), entry.outcome.name().into()),
                (None, entry.reference()),
                (None, entry.sha.chars().take(7).collect()),
                (None, entry.job.clone()),
                (None, outcomes::result(entry)),
            ]);
        }
        printer.table(&table);
    }
    let waiting = spool.waiting()?;
    let (held, due): (Vec<_>, Vec<_>) = waiting
        .triggers
        .iter()
        .partition(|trigger| trigger.hold.is_some());
    if !due.is_empty() {
        printer.note(&format!(
            "{} waiting; to send now: jenkins-trigger retry",
            due.len()
        ));
    }
    if !held.is_empty() {
        printer.note(&format!("{} held: {STORM}", held.len()));
    }
    let open = spool.pushes()?;
    for push in &open.undecided {
        printer.note(&format!(
            "{}; to ask now: jenkins-trigger retry",
            pushes::not_known(push)
        ));
    }
    for push in &open.under_way {
        printer.note(&pushes::under_way(push));
    }
    for unreadable in waiting.unreadable.iter().chain(&open.unreadable) {
        printer.warning(&unreadable.to_string());
    }
    printer.detail(&format!("spool and journal: {}", spool.folder().display()));
    Ok(Exit::Done)
}
