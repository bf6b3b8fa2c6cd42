//! `cancel`: drops what waits or failed.

use std::collections::BTreeSet;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use jiff::Timestamp;
use url::Url;

use super::{Exit, Refusal, Session, consent, ids, outcomes, pushes};
use crate::deliver::Foreground;
use crate::jenkins;
use crate::spool::{self, Entry, Outcome, Push, Spool, Trigger, Unreadable};
use crate::ui::Printer;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// These triggers; the end of an id, as `log` shows it, is enough
    #[arg(
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with = "all",
        value_parser = NonEmptyStringValueParser::new()
    )]
    ids: Vec<String>,

    /// All that wait, are held or failed, and pushes nobody knows about
    #[arg(long)]
    all: bool,

    /// Print one JSON object per trigger
    #[arg(long)]
    json: bool,
}

/// Why it is dropped.
const CANCELLED: &str = "cancelled by its user";

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let spool = Spool::of(repository.common_dir());
    // From here on nobody sends what is dropped.
    let sending = Foreground::begin(&spool, repository.common_dir(), consent::ask)?;
    if !sending.has_lock() {
        return Err(Refusal::new(
            "another sender is at work, and it takes long",
            "try again when it is done; what is left: jenkins-trigger status",
        )
        .into());
    }
    let found = Found::look(&spool)?;
    if !arguments.all {
        found.check(&spool, &arguments.ids)?;
    }
    let cancel = Cancel {
        printer,
        spool: &spool,
        arguments,
    };
    cancel.everything(&found)
}

/// All that could be meant.
struct Found {
    triggers: Vec<Trigger>,
    unreadable: Vec<Unreadable>,
    under_way: Vec<Push>,
    open: Vec<Push>,
}

impl Found {
    fn look(spool: &Spool) -> spool::Result<Self> {
        let waiting = spool.waiting()?;
        let failed = spool.failed()?;
        let pushes = spool.pushes()?;
        let mut triggers = waiting.triggers;
        // One whose sender died in between lies in both places.
        let waits: BTreeSet<String> = triggers.iter().map(|trigger| trigger.id.clone()).collect();
        triggers.extend(
            failed
                .triggers
                .into_iter()
                .filter(|failed| !waits.contains(&failed.id)),
        );
        let unreadable = [waiting.unreadable, failed.unreadable, pushes.unreadable].concat();
        let (ended, under_way) = pushes.under_way.into_iter().partition(pushes::has_ended);
        Ok(Self {
            triggers,
            unreadable,
            under_way,
            open: [ended, pushes.undecided].concat(),
        })
    }

    /// Each of these ids must name one that can be dropped now.
    fn check(&self, spool: &Spool, ends: &[String]) -> anyhow::Result<()> {
        let pushes = self.open.iter().chain(&self.under_way);
        let of_pushes = pushes.flat_map(ids_of);
        let all: BTreeSet<&str> = self
            .triggers
            .iter()
            .map(|trigger| trigger.id.as_str())
            .chain(self.unreadable.iter().map(Unreadable::id))
            .chain(of_pushes)
            .collect();
        for end in ends {
            match ids::check(std::slice::from_ref(end), all.iter().copied()) {
                Err(spool::Error::Unknown(_)) => return Err(is_over(spool, end)?.into()),
                checked => checked.map_err(|error| Refusal::plain(error.to_string()))?,
            }
        }
        let named = |push: &&Push| ids_of(push).any(|id| ids::name(ends, id));
        match self.under_way.iter().find(named) {
            Some(push) => {
                let message = pushes::under_way(push);
                let help = "wait for git's end, or end it; what is left then: jenkins-trigger log";
                Err(Refusal::new(message, help).into())
            }
            None => Ok(()),
        }
    }
}

fn ids_of(push: &Push) -> impl Iterator<Item = &str> {
    let triggers = push.triggers().map(|trigger| trigger.id.as_str());
    std::iter::once(push.id.as_str()).chain(triggers)
}

/// What is said of an id that nothing has any more: the journal may know.
fn is_over(spool: &Spool, end: &str) -> spool::Result<Refusal> {
    let mut lines = spool.journal().newest_first()?;
    let Some(last) = lines.find(|line| line.ids().any(|id| ids::is_end_of(end, id))) else {
        return Ok(Refusal::new(
            format!("no trigger {end} waits or failed"),
            "take an id from: jenkins-trigger log",
        ));
    };
    let message = format!(
        "{end} is over, there is nothing to cancel: {}",
        last.outcome.name()
    );
    Ok(match (last.outcome, &last.url) {
        (Outcome::Queued | Outcome::Merged, Some(url)) => {
            Refusal::new(message, format!("Jenkins has it; to stop it there: {url}"))
        }
        _ => Refusal::new(message, format!("what became of it: jenkins-trigger log {end}")),
    })
}

struct Cancel<'a> {
    printer: &'a Printer,
    spool: &'a Spool,
    arguments: &'a Arguments,
}

impl Cancel<'_> {
    fn is_meant(&self, id: &str) -> bool {
        self.arguments.all || ids::name(&self.arguments.ids, id)
    }

    fn everything(&self, found: &Found) -> anyhow::Result<Exit> {
        let mut exit = Exit::Done;
        let mut nothing = true;
        for trigger in &found.triggers {
            if self.is_meant(&trigger.id) {
                nothing = false;
                // Before the journal has its end: whoever finds that one there only removes it.
                self.spool.hand_on(&trigger.id)?;
                self.drop(trigger, may_be_out(trigger, &found.triggers))?;
                self.spool.give_up(&trigger.id)?;
            }
        }
        for push in &found.open {
            if self.is_meant(&push.id) || push.triggers().any(|trigger| self.is_meant(&trigger.id)) {
                nothing = false;
                if !self.drop_push(push)? {
                    exit = Exit::Act;
                }
            }
        }
        for unreadable in &found.unreadable {
            // Another version's may be worth a lot: it is not enough to mean everything.
            if self.arguments.all {
                self.printer.warning(&format!(
                    "{unreadable}; to drop it too: jenkins-trigger cancel {}",
                    unreadable.id()
                ));
            } else if self.is_meant(unreadable.id()) {
                self.drop_unreadable(unreadable)?;
            }
        }
        if self.arguments.all {
            for push in &found.under_way {
                self.printer.note(&pushes::under_way(push));
            }
            if nothing {
                self.printer.note("nothing waits and nothing failed");
            }
        }
        Ok(exit)
    }

    /// The journal first: nothing goes without a line about it.
    fn drop(&self, trigger: &Trigger, may_be_out: bool) -> spool::Result<()> {
        let mut message = CANCELLED.to_owned();
        if may_be_out {
            let page = Url::parse(&trigger.server).map(|server| jenkins::job_url(&server, &trigger.job));
            message += "; it was sent before and no answer came, so Jenkins may have it: look at ";
            message += page.as_deref().unwrap_or(&trigger.job);
        }
        let entry = Entry {
            // Those that the request stood for too still wait.
            also: Vec::new(),
            message: Some(message),
            ..Entry::of(trigger, Outcome::Dropped)
        };
        self.spool.journal().append(&entry)?;
        self.tell(&entry, &format!("{} → {}", entry.reference(), entry.job));
        Ok(())
    }

    fn drop_unreadable(&self, unreadable: &Unreadable) -> spool::Result<()> {
        let entry = Entry {
            time: Timestamp::now(),
            id: unreadable.id().to_owned(),
            also: Vec::new(),
            outcome: Outcome::Dropped,
            event: String::new(),
            rules: Vec::new(),
            server: String::new(),
            job: String::new(),
            branch: None,
            tag: None,
            sha: String::new(),
            item: None,
            url: None,
            message: Some(format!(
                "{CANCELLED}; it could not be read: {}",
                unreadable.reason
            )),
            reason: None,
        };
        self.spool.journal().append(&entry)?;
        self.spool.forget(unreadable)?;
        self.tell(&entry, &unreadable.path.display().to_string());
        Ok(())
    }

    /// `false` if somebody else is at this push.
    fn drop_push(&self, push: &Push) -> spool::Result<bool> {
        let Some((mut push, _lock)) = self.spool.take_push(&push.id)? else {
            let message = format!("{}; somebody is at it just now", pushes::not_known(push));
            self.printer
                .error(&message, Some("see what comes of it: jenkins-trigger log"));
            return Ok(false);
        };
        let whole = self.is_meant(&push.id);
        for reference in &mut push.references {
            let triggers = std::mem::take(&mut reference.triggers);
            let (meant, left): (Vec<_>, Vec<_>) = triggers
                .into_iter()
                .partition(|trigger| whole || self.is_meant(&trigger.id));
            for trigger in &meant {
                self.drop(trigger, false)?;
            }
            reference.triggers = left;
        }
        push.references.retain(|reference| !reference.triggers.is_empty());
        if push.references.is_empty() {
            self.spool.end_push(&push.id)?;
        } else {
            self.spool.keep_undecided(&push)?;
        }
        Ok(true)
    }

    fn tell(&self, entry: &Entry, what: &str) {
        if self.arguments.json {
            self.printer.json(entry);
        } else {
            let to = format!(" {what}: {}", outcomes::result(entry));
            self.printer
                .toned(outcomes::tone(entry.outcome), entry.outcome.name(), &to);
        }
    }
}

/// Whether a request for it was sent and nobody knows what came of it; another's may have stood for
/// it too.
fn may_be_out(trigger: &Trigger, all: &[Trigger]) -> bool {
    let stands_for_it = |other: &Trigger| other.sending.is_some() && other.with.contains(&trigger.id);
    trigger.sending.is_some() || trigger.uncertain || all.iter().any(stands_for_it)
}
