//! `trigger --wait` and `--follow`: from the queue item to the result of its build.

mod console;
mod origin;
mod watcher;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use url::Url;

use self::console::Console;
use self::watcher::{End, News, Watcher};
use super::Exit;
use crate::credentials::Keyring;
use crate::credentials::trust::Trusted;
use crate::deliver::{self, NoClient};
use crate::jenkins::{Client, Given, Origin, build_url};
use crate::platform::Interruption;
use crate::secret::Login;
use crate::spool::{Entry, Spool, Trigger};
use crate::ui::{Printer, Progress, Tone};

/// How often the progress line moves, and how soon Ctrl-C is heard of.
const TICK: Duration = Duration::from_millis(100);
/// How many pieces of news may wait to be printed; a reader that is slow slows the reading.
const BACKLOG: usize = 64;

/// What is wanted of the builds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes {
    /// Their consoles too.
    pub(super) follow: bool,
    /// Results as JSON.
    pub(super) json: bool,
}

/// A trigger that Jenkins accepted.
pub(super) type Accepted = (Trigger, Entry);

/// Waits for the builds of accepted triggers side by side, and finds the exit code that fits all.
///
/// # Errors
/// What the system says about signals and threads.
pub(super) fn run(
    printer: &Printer,
    (spool, trusted): (&Spool, &Trusted),
    accepted: &[Accepted],
    wishes: Wishes,
) -> anyhow::Result<Exit> {
    let interruption = Interruption::watch()?;
    let (reader, news) = sync_channel(BACKLOG);
    let mut screen = Screen::new(printer, accepted, wishes);
    let keyring = Keyring::default();
    for (number, (trigger, entry)) in accepted.iter().enumerate() {
        screen.queued(number);
        match watcher((spool, trusted, &keyring), trigger, entry) {
            Ok((client, login, item)) => {
                let watcher = Watcher {
                    client,
                    login,
                    job: trigger.job.clone(),
                    item,
                    follow: wishes.follow,
                    reader: (reader.clone(), number),
                };
                thread::Builder::new().spawn(move || watcher.run())?;
            }
            Err(end) => screen.news(number, News::Ended(end)),
        }
    }
    drop(reader);
    let interrupted = screen.watch(&news, &interruption);
    Ok(screen.exit(interrupted))
}

/// Who asks for this trigger's item, with what he needs for it.
fn watcher(
    (spool, trusted, keyring): (&Spool, &Trusted, &Keyring),
    trigger: &Trigger,
    entry: &Entry,
) -> Result<(Client, Login, u64), End> {
    let unseen = |reason: String, advice: Option<String>| End::Unseen { reason, advice };
    let server = Url::parse(&trigger.server).map_err(|error| unseen(error.to_string(), None))?;
    // Also with token-root, which sends none: without a user Jenkins shows nothing.
    let login = keyring.login(&server);
    let login = login.map_err(|error| unseen(error.to_string(), None))?.value;
    let item = entry
        .item
        .ok_or_else(|| unseen("it has no queue item".into(), None))?;
    let client = deliver::connect_for(spool, trusted, trigger, &server).map_err(|why| match why {
        NoClient::Explained(why) => unseen(why.meaning, Some(why.advice)),
        why => unseen(why.to_string(), None),
    })?;
    Ok((client, login, item))
}

/// One trigger on the screen.
struct Row<'a> {
    trigger: &'a Trigger,
    entry: &'a Entry,
    /// The reasons for waiting that were told.
    told: BTreeSet<String>,
    /// Since when there is something to be said of it, and what.
    stands: (Instant, String),
    estimated: Option<Duration>,
    build: Option<u64>,
    origin: Option<Origin>,
    console: Console,
    /// The line that is not whole yet.
    line: String,
    end: Option<End>,
}

impl Row<'_> {
    fn name(&self) -> String {
        format!("{} → {}", self.entry.reference(), self.trigger.job)
    }

    /// Where to look with a browser.
    fn place(&self) -> String {
        let server = Url::parse(&self.trigger.server);
        match (self.build, server) {
            (Some(number), Ok(server)) => {
                format!("build {number} {}", build_url(&server, &self.trigger.job, number))
            }
            _ => item_of(self.entry),
        }
    }
}

fn item_of(entry: &Entry) -> String {
    match (entry.item, &entry.url) {
        (Some(item), Some(url)) => format!("item {item} {url}"),
        _ => String::new(),
    }
}

/// A result for programs: the journal's line of the trigger, and what came of it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entry: Entry,
    build: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causes: Option<&'a [String]>,
    /// As the build has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a [Given]>,
    result: Option<&'a str>,
    /// Of the build, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
}

/// What the user sees.
struct Screen<'a> {
    printer: &'a Printer,
    progress: Progress,
    wishes: Wishes,
    rows: Vec<Row<'a>>,
}

impl<'a> Screen<'a> {
    fn new(printer: &'a Printer, accepted: &'a [Accepted], wishes: Wishes) -> Self {
        let rows = accepted.iter().map(|(trigger, entry)| Row {
            trigger,
            entry,
            told: BTreeSet::new(),
            stands: (Instant::now(), "queued".into()),
            estimated: None,
            build: None,
            origin: None,
            console: Console::default(),
            line: String::new(),
            end: None,
        });
        Self {
            printer,
            progress: printer.progress(),
            wishes,
            rows: rows.collect(),
        }
    }

    /// Says on stderr what goes on: stdout is for results and consoles.
    fn say(&self, number: usize, what: &str) {
        let line = format!("{}: {what}", self.rows[number].name());
        self.progress.aside(|| self.printer.note(&line));
    }

    fn queued(&self, number: usize) {
        let entry = self.rows[number].entry;
        self.say(number, &format!("{}, {}", entry.outcome.name(), item_of(entry)));
    }

    /// Until all ended; `true` when interrupted.
    fn watch(&mut self, news: &Receiver<(usize, News)>, interruption: &Interruption) -> bool {
        while self.rows.iter().any(|row| row.end.is_none()) {
            match news.recv_timeout(TICK) {
                Ok((number, news)) => self.news(number, news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if interruption.came() {
                return true;
            }
            self.show_progress();
        }
        false
    }

    fn news(&mut self, number: usize, news: News) {
        let now = Instant::now();
        match news {
            News::Waits { why, quiet, stuck } => self.waits(number, (&why, stuck), quiet),
            News::Builds(build) => {
                let row = &mut self.rows[number];
                row.build = Some(build);
                row.stands = (now, format!("build {build}"));
                let place = row.place();
                self.say(number, &place);
            }
            News::CameOf(origin) => self.came_of(number, origin),
            News::Runs { duration, estimated } => {
                let row = &mut self.rows[number];
                let began = now.checked_sub(duration).unwrap_or(now);
                // The server's clock has whole seconds; one time that jumps to and fro is enough.
                row.stands.0 = row.stands.0.min(began);
                row.estimated = estimated;
            }
            News::Console(bytes) => {
                let text = self.rows[number].console.take(&bytes);
                self.print_console(number, &text);
            }
            News::Away(reason) => {
                self.say(number, &format!("{reason}; asking on until it does, or Ctrl-C"));
            }
            News::Back => self.say(number, "the server answers again"),
            News::Ended(end) => self.ended(number, end),
        }
    }

    fn came_of(&mut self, number: usize, origin: Origin) {
        let row = &self.rows[number];
        let (name, build) = (row.name(), row.build.unwrap_or_default());
        let sent = deliver::parameters_of(row.trigger);
        self.progress.aside(|| {
            for line in origin::details(&origin) {
                self.printer.detail(&format!("{name}: {line}"));
            }
            for line in origin::differences(build, &origin, &sent) {
                self.printer.warning(&format!("{name}: {line}"));
            }
        });
        self.rows[number].origin = Some(origin);
    }

    fn waits(&mut self, number: usize, (why, stuck): (&str, bool), quiet: bool) {
        let row = &mut self.rows[number];
        // What changes with every look, in any language: the time left, and what stands in brackets.
        let reason = if quiet {
            String::new()
        } else {
            why.split(['(', '（']).next().unwrap_or_default().trim().into()
        };
        let line = waits(why, stuck);
        row.stands.1.clone_from(&line);
        // Being stuck is said once more, and at once: it may stand so for days.
        let reason = if stuck { waits(&reason, true) } else { reason };
        if row.told.insert(reason) && (stuck || !self.progress.is_shown()) {
            self.say(number, &line);
        }
    }

    fn print_console(&mut self, number: usize, text: &str) {
        if self.rows.len() == 1 {
            self.progress.hide();
            self.printer.text(text);
            return;
        }
        // Lines of several consoles, each with its build.
        let row = &mut self.rows[number];
        row.line.push_str(text);
        let whole = row.line.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = row.line.drain(..whole).collect();
        let build = row.build.unwrap_or_default();
        let mut labelled = String::new();
        for line in lines.lines() {
            labelled.push_str(&format!("{} #{build} | {line}\n", row.trigger.job));
        }
        self.progress.aside(|| self.printer.text(&labelled));
    }

    fn ended(&mut self, number: usize, end: End) {
        let rest = self.rows[number].console.end();
        if !rest.is_empty() {
            self.print_console(number, &rest);
        }
        self.rows[number].end = Some(end);
        let row = &self.rows[number];
        // It comes back if others go on.
        self.progress.hide();
        if self.wishes.json {
            self.printer.json(&shown(row));
            return;
        }
        let (tone, word, rest) = in_words(row);
        // With a console on stdout the result is none of its lines.
        if self.wishes.follow {
            self.printer.on_stderr().toned(tone, &word, &rest);
        } else {
            self.printer.toned(tone, &word, &rest);
        }
    }

    fn show_progress(&self) {
        if !self.progress.is_shown() {
            return;
        }
        let running: Vec<&Row<'_>> = self.rows.iter().filter(|row| row.end.is_none()).collect();
        // A console that scrolls is progress enough.
        if running.is_empty() || self.wishes.follow && running.iter().any(|row| row.build.is_some()) {
            self.progress.hide();
            return;
        }
        let stands = running.iter().map(|row| {
            let (since, what) = &row.stands;
            let of = match row.estimated {
                Some(estimated) if estimated.as_secs() > 0 => format!(" of about {}", clock(estimated)),
                _ => String::new(),
            };
            format!("{}: {what}, {}{of}", row.name(), clock(since.elapsed()))
        });
        self.progress.show(&stands.collect::<Vec<_>>().join(" · "));
    }

    /// Ends, and says where those go on that did not.
    fn exit(self, interrupted: bool) -> Exit {
        let Self {
            printer,
            progress,
            wishes,
            rows,
        } = self;
        drop(progress);
        if !interrupted {
            let ends = rows.iter().map(|row| match &row.end {
                Some(End::Built { result, .. }) if result == "SUCCESS" => Exit::Done,
                Some(End::Built { .. } | End::Cancelled) => Exit::NotSuccessful,
                Some(End::Unseen { .. }) | None => Exit::Act,
            });
            return ends.fold(Exit::Done, Exit::worse);
        }
        let mut again = "jenkins-trigger log".to_owned();
        for row in rows.iter().filter(|row| row.end.is_none()) {
            again.push_str(&format!(" {}", row.entry.id));
            if wishes.json {
                printer.json(&shown(row));
            }
            let rest = format!(" {} goes on in Jenkins: {}", row.name(), row.place());
            printer.relay(Some(Tone::Warn), "interrupted", &rest);
        }
        printer.note(&format!("look again there, or at what was sent: {again}"));
        Exit::Interrupted
    }
}

fn shown<'a>(row: &'a Row<'_>) -> Shown<'a> {
    let mut entry = row.entry.clone();
    let server = Url::parse(&row.trigger.server);
    if let (Some(number), Ok(server)) = (row.build, server) {
        entry.url = Some(build_url(&server, &row.trigger.job, number));
    }
    let (result, duration) = match &row.end {
        Some(End::Built { result, duration }) => (Some(result.as_str()), Some(duration.as_secs_f64())),
        Some(End::Cancelled) => (Some("CANCELLED"), None),
        Some(End::Unseen { .. }) | None => (None, None),
    };
    entry.message = match &row.end {
        Some(End::Unseen { reason, advice }) => Some(unseen(reason, advice.as_deref())),
        _ => None,
    };
    Shown {
        entry,
        build: row.build,
        causes: row.origin.as_ref().map(|origin| &origin.causes[..]),
        parameters: row.origin.as_ref().map(|origin| &origin.parameters[..]),
        result,
        duration,
    }
}

fn unseen(reason: &str, advice: Option<&str>) -> String {
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    format!("what becomes of it cannot be seen: {reason}{advice}")
}

/// The result of one trigger: tone, word and the rest of the line.
fn in_words(row: &Row<'_>) -> (Tone, String, String) {
    let (name, place) = (row.name(), row.place());
    match &row.end {
        Some(End::Built { result, duration }) => {
            let tone = match result.as_str() {
                "SUCCESS" => Tone::Good,
                "FAILURE" => Tone::Bad,
                _ => Tone::Warn,
            };
            let rest = format!(" {name}: {place} after {}", clock(*duration));
            (tone, result.clone(), rest)
        }
        Some(End::Cancelled) => {
            let rest = format!(" {name}: taken out of the queue, there is no build; {place}");
            (Tone::Warn, "CANCELLED".into(), rest)
        }
        Some(End::Unseen { reason, advice }) => {
            let rest = format!(" {name}: {}; look at {place}", unseen(reason, advice.as_deref()));
            (Tone::Warn, row.entry.outcome.name().into(), rest)
        }
        None => (
            Tone::Dim,
            row.entry.outcome.name().into(),
            format!(" {name}: {place}"),
        ),
    }
}

/// `0:07`, `12:34`, `1:02:03`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Jenkins does not always say why.
fn waits(why: &str, stuck: bool) -> String {
    let word = if stuck { "stuck" } else { "waits" };
    if why.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {why}")
    }
}
