//! The sender that runs on after the hook has returned.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::lanes::Haste;
use super::sender::{Ask, Sender, Stopped};
use super::{GLANCE, PATIENCE};
use crate::environment;
use crate::platform;
use crate::spool::{self, Entry, Spool};

/// How long a detached sender lives at most; what still waits then goes out with the next hook
/// or `retry`.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The hidden command that [`start`] runs.
pub const COMMAND: &str = "deliver";

/// What a sender does first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It tries everything once, however long it was to wait: something has changed.
    Eager,
    /// It tries what is due: the rest has just been tried.
    Patient,
}

impl Start {
    const EAGER: &str = "now";

    /// As the second argument of [`COMMAND`] says.
    #[must_use]
    pub fn of(argument: Option<&OsStr>) -> Self {
        if argument.is_some_and(|word| word == Self::EAGER) {
            Self::Eager
        } else {
            Self::Patient
        }
    }
}

/// How long a sender goes on.
#[derive(Clone, Copy)]
pub struct Lifetime<'a> {
    is_endless: bool,
    /// How long to wait for another sender that is at work.
    patience: Duration,
    stopped: Stopped<'a>,
}

impl<'a> Lifetime<'a> {
    /// Until nothing is left that can be sent, or 15 minutes after the newest trigger, or `stopped`
    /// says so; it leaves at once where another is at work.
    #[must_use]
    pub fn errand(stopped: Stopped<'a>) -> Self {
        Self {
            is_endless: false,
            patience: Duration::ZERO,
            stopped,
        }
    }

    /// The same, while its user waits: also for another that is at work, though not for ever.
    #[must_use]
    pub fn visit(stopped: Stopped<'a>) -> Self {
        Self {
            patience: PATIENCE,
            ..Self::errand(stopped)
        }
    }

    /// Until `stopped` says so, whatever waits.
    #[must_use]
    pub fn service(stopped: Stopped<'a>) -> Self {
        Self {
            is_endless: true,
            patience: Duration::ZERO,
            stopped,
        }
    }

    /// Whether it is a service.
    #[must_use]
    pub fn is_endless(self) -> bool {
        self.is_endless
    }

    fn is_before(self, end: Instant) -> bool {
        !(self.stopped)() && (self.is_endless || Instant::now() < end)
    }
}

/// Starts a sender for this common git directory, detached from everything.
///
/// # Errors
/// What the system says when this program cannot be started again.
pub fn start(common_dir: &Path, how: Start) -> io::Result<()> {
    let mut command = Command::new(platform::this_program()?);
    command.arg(COMMAND).arg(common_dir);
    if how == Start::Eager {
        command.arg(Start::EAGER);
    }
    for name in environment::repository_variables() {
        command.env_remove(name);
    }
    command.env_remove(environment::PUSH_ADDRESS);
    platform::spawn_detached(&mut command)
}

/// Sends until nothing is left that can be sent, or the time is up, or its `stopped` says so;
/// tells `report` of each.
///
/// # Errors
/// What the file system says about the spool.
pub fn run(
    common_dir: &Path,
    (how, ask): (Start, Ask),
    lifetime: Lifetime<'_>,
    report: &mut dyn FnMut(Entry),
) -> spool::Result<()> {
    let spool = Spool::of(common_dir);
    let mut sender = Sender::new(&spool, common_dir, ask, lifetime.stopped);
    go_on(&spool, &mut sender, how, lifetime, report)?;
    // Senders of hooks have left because of this one, which has not come to its end by itself.
    if (lifetime.stopped)() && (spool.is_asked_again() || sender.next_due()?.is_some()) {
        // Without one it goes out with the next hook.
        let _ = start(common_dir, Start::Patient);
    }
    Ok(())
}

fn go_on(
    spool: &Spool,
    sender: &mut Sender<'_>,
    how: Start,
    lifetime: Lifetime<'_>,
    report: &mut dyn FnMut(Entry),
) -> spool::Result<()> {
    let begun = Instant::now();
    let mut end = begun + LIFETIME;
    if how == Start::Eager {
        spool.ask_again()?;
    }
    // Held from the first sleep to the end: one who sleeps is enough for all.
    let mut sleeping = None;
    let mut waiting = None;
    // Whoever asked is gone, and counts on this one.
    while lifetime.is_before(end) || (spool.is_asked_again() && !(lifetime.stopped)()) {
        match spool.lock_sending()? {
            Some(_lock) => {
                let eager = spool.take_asked_again()?;
                let haste = if eager { Haste::Eager } else { Haste::Due };
                waiting = None;
                sender.pass(haste, &|_| true, report)?;
            }
            // Whoever holds it looks once more, at the spool and for the request, when he has let
            // go of it. But he may have older credentials: one waits, and looks after him.
            None if sleeping.is_none() && !lifetime.is_endless() => {
                if waiting.is_none() {
                    waiting = spool.lock_waiting()?;
                }
                let patience = waiting.as_ref().map_or(lifetime.patience, |_| PATIENCE);
                if begun.elapsed() >= patience {
                    return Ok(());
                }
                thread::sleep(GLANCE);
                continue;
            }
            // He may be killed before; others left their triggers to this one.
            None if lifetime.is_before(end) => {
                thread::sleep(GLANCE);
                continue;
            }
            None => return Ok(()),
        }
        if spool.is_asked_again() {
            continue;
        }
        // Before the look at what is due: what comes after it must wake the sleeper.
        let before = changed(spool);
        let due = match sender.next_due()? {
            Some(due) if due <= Timestamp::now() => continue,
            None if !lifetime.is_endless() => return Ok(()),
            due => due,
        };
        if sleeping.is_none() {
            sleeping = spool.lock_sleeping()?;
        }
        if sleeping.is_none() && !lifetime.is_endless() {
            return Ok(());
        }
        end = end.max(end_of_newest(spool)?);
        if sleep_until(due, &|| lifetime.is_before(end), spool, before) {
            continue;
        }
        // In this order: whoever left because somebody sleeps has put his triggers in before.
        sleeping = None;
        if changed(spool).is_none() {
            return Ok(());
        }
        end = end.max(end_of_newest(spool)?);
    }
    Ok(())
}

/// Until when the newest trigger that waits is to be tried.
fn end_of_newest(spool: &Spool) -> spool::Result<Instant> {
    let now = Timestamp::now();
    let waiting = spool.waiting()?.triggers;
    let age = waiting
        .iter()
        // Of one that a clock set back made younger than nothing: no age.
        .map(|trigger| Duration::try_from(now.duration_since(trigger.created)).unwrap_or_default())
        .min()
        .unwrap_or(LIFETIME);
    Ok(Instant::now() + LIFETIME.saturating_sub(age))
}

/// Sleeps until something is due or the spool is no longer as it was; `false` when the time is up
/// or the spool is gone.
fn sleep_until(
    due: Option<Timestamp>,
    goes_on: &dyn Fn() -> bool,
    spool: &Spool,
    before: Option<SystemTime>,
) -> bool {
    loop {
        let now = changed(spool);
        if now.is_none() {
            return false;
        }
        if now != before || due.is_some_and(|due| due <= Timestamp::now()) {
            return true;
        }
        if !goes_on() {
            return false;
        }
        thread::sleep(GLANCE);
    }
}

fn changed(spool: &Spool) -> Option<SystemTime> {
    fs::metadata(spool.folder().join("new")).ok()?.modified().ok()
}
