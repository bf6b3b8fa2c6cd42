//! `log`: the journal as a table.

use std::time::Duration;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use jiff::{Span, Timestamp, Zoned, civil};

use super::backlog::STORM;
use super::{Exit, Session, bytes, ids, outcomes, pushes};
use crate::platform;
use crate::spool::{Foreign, Line, Outcome, Spool};
use crate::text::Text;
use crate::ui::{Printer, Table, Tone};

mod filter;

use filter::Filter;

/// How often the journal is looked at for new lines.
const GLANCE: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only lines about these triggers; the end of an id is enough
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,

    /// How many lines, the newest
    #[arg(short, long, default_value_t = 50, value_name = "N")]
    number: usize,

    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,

    /// Only this branch
    #[arg(long, value_name = "BRANCH", value_parser = bytes())]
    branch: Option<bstr::BString>,

    /// Only this job, by its full name
    #[arg(long, value_name = "JOB")]
    job: Option<String>,

    /// Only these outcomes, separated by commas
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome())]
    outcome: Vec<String>,

    /// Only what came since then: 2h, 3d, or a date and time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

fn outcome() -> PossibleValuesParser {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::name))
}

/// A time as people write it; without an offset it is local, as `log` shows it.
fn moment(text: &str) -> Result<Timestamp, String> {
    let now = Zoned::now();
    let zone = now.time_zone().clone();
    let local = |at: civil::DateTime| at.to_zoned(zone).ok();
    let found = if let Ok(ago) = text.parse::<Span>() {
        now.checked_sub(ago.abs()).ok()
    } else if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    } else if let Ok(at) = text.parse::<civil::DateTime>() {
        local(at)
    } else {
        let today = text.parse::<civil::Time>().ok();
        today.and_then(|time| local(now.date().to_datetime(time)))
    };
    let expected = "write how long ago (2h, 3d) or a date and time (2026-01-31, \"2026-01-31 15:04\", 15:04)";
    found
        .map(|found| found.timestamp())
        .ok_or_else(|| expected.to_owned())
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let spool = Spool::of(repository.common_dir());
    let journal = spool.journal();
    let filter = Filter {
        ids: arguments.ids.clone(),
        branch: arguments.branch.clone().map(Text),
        job: arguments.job.clone(),
        outcomes: arguments.outcome.clone(),
        since: arguments.since,
    };
    // Before the last lines are read: what comes meanwhile must not be lost in between.
    let mut mark = journal.mark();
    let newest = filter.newest(&journal, arguments.number)?;
    let mut rows = Rows::new(printer, arguments.json);
    if arguments.follow {
        let mut shown = newest;
        loop {
            rows.print(&shown);
            if platform::reader_leaves_within(GLANCE) || !repository.common_dir().is_dir() {
                return Ok(Exit::Done);
            }
            shown = journal.follow(&mut mark)?;
            shown.retain(|line| filter.lets_pass(line));
        }
    }
    rows.print(&newest);
    if arguments.json {
        return Ok(Exit::Done);
    }
    if newest.is_empty() && arguments.number > 0 {
        printer.note(if filter.is_empty() {
            "nothing was triggered from this repository so far"
        } else {
            "no line of the journal is so; all of them: jenkins-trigger log"
        });
    }
    tell_what_waits(printer, &spool)?;
    printer.detail(&format!("spool and journal: {}", spool.folder().display()));
    Ok(Exit::Done)
}

/// The lines as they are printed, one lot after the other.
struct Rows<'a> {
    printer: &'a Printer,
    json: bool,
    table: Table,
    begun: bool,
}

impl<'a> Rows<'a> {
    fn new(printer: &'a Printer, json: bool) -> Self {
        Self {
            printer,
            json,
            table: Table::new(&["TIME", "ID", "OUTCOME", "BRANCH", "COMMIT", "JOB", "RESULT"]),
            begun: false,
        }
    }

    fn print(&mut self, lines: &[Line]) {
        if self.json {
            for line in lines {
                match line {
                    Line::Known(entry) => self.printer.json(entry),
                    Line::Foreign(foreign) => self.printer.json(&foreign.fields),
                }
            }
            return;
        }
        // Headings come with the first line.
        self.begun |= !lines.is_empty();
        if self.begun {
            for line in lines {
                self.table.row(cells(line));
            }
            self.printer.rows(&mut self.table);
        }
    }
}

fn cells(line: &Line) -> [(Option<Tone>, String); 7] {
    let local = line.time().to_zoned(jiff::tz::TimeZone::system());
    let time = local.strftime("%F %T").to_string();
    let [id, outcome, reference, sha, job, result] = match line {
        Line::Known(entry) => [
            ids::short(&entry.id).to_owned(),
            entry.outcome.name().to_owned(),
            entry.reference(),
            entry.sha.clone(),
            entry.job.clone(),
            outcomes::result(entry),
        ],
        Line::Foreign(foreign) => cells_of_foreign(foreign),
    };
    let tone = match line {
        Line::Known(entry) => outcomes::tone(entry.outcome),
        Line::Foreign(_) => Tone::Warn,
    };
    [
        (None, time),
        (None, id),
        (Some(tone), outcome),
        (None, reference),
        (None, sha.chars().take(7).collect()),
        (None, job),
        (None, result),
    ]
}

fn cells_of_foreign(foreign: &Foreign) -> [String; 6] {
    let text = |name: &str| foreign.field::<String>(name).unwrap_or_default();
    let branch: Option<Text> = foreign.field("branch").or_else(|| foreign.field("tag"));
    let message = foreign.field("message");
    [
        ids::short(&foreign.id).to_owned(),
        foreign.outcome.clone(),
        branch.map(|branch| branch.to_string()).unwrap_or_default(),
        text("sha"),
        text("job"),
        message.unwrap_or_else(|| "another version of jenkins-trigger wrote this".to_owned()),
    ]
}

fn tell_what_waits(printer: &Printer, spool: &Spool) -> anyhow::Result<()> {
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
    Ok(())
}
