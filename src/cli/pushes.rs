//! Pushes that are not decided yet: what git left behind, and what the remote says, make triggers
//! of them or not.

mod plan;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::Duration;

use bstr::{BString, ByteSlice as _};
use jiff::{SignedDuration, Timestamp};

use crate::environment;
use crate::event::push::{self, Line, Tracking, Verdict};
use crate::git::{Repository, address_to_keep};
use crate::platform::{self, End, Handle, Lock, Process};
use crate::spool::{Entry, Hold, Outcome, ProcessId, Push, PushedReference, Spool, Trigger};
use crate::text::Text;
use crate::ui::{Printer, Tone};

pub(super) use plan::{Planned, Planner};

/// What is remembered of having been said once: that a review is no branch.
pub(super) const REVIEW: &str = "review";

/// Why nothing is triggered for a review.
pub(super) const NO_BRANCH: &str =
    "what is pushed to refs/for/ goes to a review and is no branch yet, so nothing is triggered for it";

/// The hidden command that waits for the end of a push.
pub(super) const COMMAND: &str = "after-push";

/// How long it is tried to find out what a remote took.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// So long a remote that gave no answer is not asked again by a hook.
const ASK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// When a remote is asked again that may still be at a push whose git was cut off.
const CUT_OFF: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// The same where it is not known who pushes, so that the push may not even have begun.
const UNSEEN: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// Stands for whoever pushes where that is no git: some clients run git's hooks and push themselves.
pub(super) const NOBODY: ProcessId = ProcessId { pid: 0, started: 0 };

/// Longer than any push.
const LONGEST_PUSH: Duration = Duration::from_secs(24 * 60 * 60);

/// What came of pushes.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The remote took it: these are in the spool.
    pub(super) taken: Vec<Trigger>,
    /// The remote of this name did not: these are given up.
    pub(super) not_taken: Vec<(Trigger, String)>,
    /// Nobody can say yet.
    pub(super) undecided: Vec<Push>,
}

/// Starts a process that waits, detached from everything, for the end of this push.
///
/// # Errors
/// What the system says when this program cannot be started again.
pub(super) fn wait_for(
    repository: &Repository,
    push: &Push,
    git: Option<&Process>,
    address: &BString,
) -> std::io::Result<()> {
    let mut command = waiter(repository)?;
    command.arg(&push.id);
    if push.address.0 != *address {
        command.env(environment::PUSH_ADDRESS, to_os(address));
    }
    match git.and_then(Handle::of) {
        Some(handle) => platform::spawn_detached_with(&mut command, handle.into_stdin()),
        None => platform::spawn_detached(&mut command),
    }
}

fn waiter(repository: &Repository) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND);
    for name in environment::repository_variables() {
        // How the user had this git reach the remote counts when it is asked.
        if !name.as_encoded_bytes().starts_with(b"GIT_CONFIG") {
            command.env_remove(name);
        }
    }
    command.env(environment::GIT_DIR, repository.git_dir());
    if let Some(work_tree) = repository.work_tree() {
        command.env(environment::GIT_WORK_TREE, work_tree);
    }
    Ok(command)
}

fn to_os(bytes: &BString) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes.as_slice())
}

/// Waits for the end of the push with this id and decides it; without an id, decides all whose git
/// has ended. Nobody is there to be told anything.
///
/// # Errors
/// What the repository or the spool says.
pub(super) fn run(id: Option<&str>) -> anyhow::Result<()> {
    let paths = environment::repository_paths();
    let here = paths.work_tree.as_ref().or(paths.git_dir.as_ref());
    let here = here.ok_or_else(|| anyhow::anyhow!("no repository is named"))?;
    let repository = Repository::discover(here, &paths)?;
    let spool = Spool::of(repository.common_dir());
    let settled = match id {
        Some(id) => {
            let waiting = spool.pushes()?.under_way;
            let Some(own) = waiting.into_iter().find(|push| push.id == id) else {
                return Ok(());
            };
            let Some(end) = wait_for_end(&own) else {
                return Ok(());
            };
            // git runs the hook once for each address of a remote, and then ends once.
            let mut same = spool.pushes()?.under_way;
            same.retain(|push| group_of(push) == group_of(&own));
            let waits = if push::had_answer(end, own.address.0.as_bstr()) {
                &[][..]
            } else if own.git == NOBODY {
                &UNSEEN[..]
            } else {
                &CUT_OFF[..]
            };
            settle(&repository, &spool, &same, end, Some(waits))?
        }
        None => settle_ended(&repository, &spool, |push| !asked_lately(push))?,
    };
    if !settled.taken.is_empty() {
        crate::deliver::start(repository.common_dir(), crate::deliver::Start::Eager)?;
    }
    Ok(())
}

fn wait_for_end(push: &Push) -> Option<End> {
    if push.git == NOBODY {
        return Some(End::Unknown);
    }
    let ProcessId { pid, started } = push.git;
    let end = platform::wait_on_stdin(pid, started, LONGEST_PUSH)?;
    if let Some(ProcessId { pid, started }) = push.watched_by {
        // It knows better, and takes the push away when it has ended well.
        let ended = platform::wait_for_end(pid, started, LONGEST_PUSH);
        return ended.then_some(end);
    }
    Some(end)
}

/// Decides every push that `wanted` lets pass and whose git has ended.
///
/// # Errors
/// What the repository or the spool says.
pub(super) fn settle_ended(
    repository: &Repository,
    spool: &Spool,
    wanted: impl Fn(&Push) -> bool,
) -> anyhow::Result<Settled> {
    let pushes = spool.pushes()?;
    let mut by_git: BTreeMap<_, Vec<Push>> = BTreeMap::new();
    let ended = pushes.under_way.into_iter().filter(has_ended);
    for push in ended.chain(pushes.undecided.into_iter().filter(|push| !is_too_old(push))) {
        if wanted(&push) {
            by_git
                .entry((push.git.pid, push.git.started))
                .or_default()
                .push(push);
        }
    }
    let mut all = Settled::default();
    for pushes in by_git.into_values() {
        let settled = settle(repository, spool, &pushes, End::Unknown, None)?;
        all.taken.extend(settled.taken);
        all.not_taken.extend(settled.not_taken);
        all.undecided.extend(settled.undecided);
    }
    Ok(all)
}

/// What is decided together: the pushes of one git. Those of nobody have nothing in common.
fn group_of(push: &Push) -> (u32, u64, Option<String>) {
    let id = (push.git == NOBODY).then(|| push.id.clone());
    (push.git.pid, push.git.started, id)
}

fn has_ended(push: &Push) -> bool {
    let watched = push.watched_by.is_some_and(runs);
    !watched && !runs(push.git)
}

fn runs(process: ProcessId) -> bool {
    platform::runs(process.pid, process.started)
}

fn is_too_old(push: &Push) -> bool {
    Timestamp::now().duration_since(push.created) > GIVE_UP_AFTER
}

fn asked_lately(push: &Push) -> bool {
    // After the clock was set back, the next to look asks.
    let age = push.asked.map(|asked| Timestamp::now().duration_since(asked));
    age.is_some_and(|age| !age.is_negative() && age < ASK_EVERY)
}

/// Decides the pushes of one git, which has ended so. With `waits` this is the one who waited for
/// that; without, somebody may have begun to before, and died over it.
fn settle(
    repository: &Repository,
    spool: &Spool,
    pushes: &[Push],
    end: End,
    waits: Option<&[Duration]>,
) -> anyhow::Result<Settled> {
    let mut taken: Vec<(Push, Lock)> = Vec::new();
    for push in pushes {
        // Whoever has the first has them all.
        let Some(own) = spool.take_push(&push.id)? else {
            break;
        };
        taken.push(own);
    }
    let judged = taken
        .iter()
        .map(|(push, _)| judge(repository, push, end, waits.unwrap_or_default()));
    let judged: Vec<Vec<Verdict>> = judged.collect::<Result<_, _>>()?;
    let mut settled = Settled::default();
    // Of several addresses of one remote it is enough that one took it.
    let mut known = BTreeMap::new();
    for ((push, _), verdicts) in taken.iter().zip(&judged) {
        for (reference, verdict) in push.references.iter().zip(verdicts) {
            let so_far = known
                .entry(key(push, reference))
                .or_insert_with(|| verdict.clone());
            if rank(verdict) > rank(so_far) {
                *so_far = verdict.clone();
            }
        }
    }
    let max_triggers = taken.iter().map(|(push, _)| push.max_triggers).min();
    for (push, _) in &taken {
        let mut left = Push {
            references: Vec::new(),
            asked: Some(Timestamp::now()),
            ..push.clone()
        };
        for reference in &push.references {
            // Taken out, so that the same of another address is not triggered again.
            match known.remove(&key(push, reference)) {
                Some(Verdict::Taken) => settled.taken.extend(reference.triggers.iter().cloned()),
                Some(Verdict::NotTaken) => {
                    let triggers = reference.triggers.iter().cloned();
                    settled
                        .not_taken
                        .extend(triggers.map(|trigger| (trigger, push.destination())));
                }
                Some(Verdict::Undecided(why)) => {
                    left.trouble = Some(why);
                    left.references.push(reference.clone());
                }
                None => {}
            }
        }
        if !left.references.is_empty() {
            settled.undecided.push(left);
        }
    }
    if settled.taken.len() > max_triggers.unwrap_or(usize::MAX) {
        for trigger in &mut settled.taken {
            trigger.hold = Some(Hold::Storm);
        }
    }
    write_down(spool, &settled, waits.is_none())?;
    for (push, _) in &taken {
        match settled.undecided.iter().find(|left| left.id == push.id) {
            Some(left) => spool.keep_undecided(left)?,
            None => spool.end_push(&push.id)?,
        }
    }
    Ok(settled)
}

/// What one event is of.
fn key<'a>(push: &'a Push, reference: &'a PushedReference) -> (Option<&'a Text>, &'a Text, &'a str) {
    (push.remote.as_ref(), &reference.reference, &reference.new)
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::NotTaken => 0,
        Verdict::Undecided(_) => 1,
        Verdict::Taken => 2,
    }
}

/// The triggers first: a push is forgotten only after what came of it is safe.
fn write_down(spool: &Spool, settled: &Settled, again: bool) -> anyhow::Result<()> {
    let journal = spool.journal();
    let mut intake = spool.intake()?;
    for trigger in &settled.taken {
        if again && spool.knows(trigger)? {
            continue;
        }
        if let Err(error) = intake.put(trigger) {
            let mut entry = Entry::of(trigger, Outcome::Dropped);
            entry.message = Some(error.to_string());
            journal.append(&entry)?;
        }
    }
    for (trigger, destination) in &settled.not_taken {
        let mut entry = Entry::of(trigger, Outcome::NotPushed);
        entry.message = Some(not_taken_by(destination));
        journal.append(&entry)?;
    }
    for push in &settled.undecided {
        for trigger in push.triggers() {
            // Not once more each time it is asked in vain.
            if !again {
                let mut entry = Entry::of(trigger, Outcome::Undecided);
                entry.message.clone_from(&push.trouble);
                journal.append(&entry)?;
            }
        }
    }
    Ok(())
}

/// What became of each reference of a push. Where git did not come to its end by itself the remote
/// may still be at it, so its first no is not its last: it is asked again after each of `waits`.
fn judge(repository: &Repository, push: &Push, end: End, waits: &[Duration]) -> anyhow::Result<Vec<Verdict>> {
    let mut waits = waits.iter();
    loop {
        let (verdicts, asked) = judge_once(repository, push, end)?;
        let open = verdicts.iter().any(|verdict| *verdict != Verdict::Taken);
        match waits.next() {
            Some(wait) if asked && open => thread::sleep(*wait),
            _ => return Ok(verdicts),
        }
    }
}

/// The verdicts, and whether the remote had to be asked for them.
fn judge_once(repository: &Repository, push: &Push, end: End) -> anyhow::Result<(Vec<Verdict>, bool)> {
    let had_answer = push::had_answer(end, push.address.0.as_bstr());
    let references = OnceCell::new();
    let mut verdicts = Vec::new();
    for reference in &push.references {
        let tracking = reference.tracking.as_ref().map(|tracking| Tracking {
            reference: tracking.reference.0.clone(),
            before: tracking.before.clone(),
            reflog: tracking.reflog,
        });
        let trace = push::trace(repository, &references, tracking.as_ref(), &reference.new)?;
        verdicts.push(push::judge(trace, had_answer));
    }
    let open: Vec<_> = push
        .references
        .iter()
        .zip(&verdicts)
        .filter_map(|(reference, verdict)| verdict.is_none().then_some(reference.reference.0.as_bstr()))
        .collect();
    let asked = !open.is_empty();
    let answer = if asked {
        let remote = push.remote.as_ref().map(|remote| remote.0.as_bstr());
        let address = address_of(repository, push);
        repository.ask_remote(remote, address.as_bstr(), &open)
    } else {
        Ok(BTreeMap::new())
    };
    let mut judged = Vec::new();
    for (reference, verdict) in push.references.iter().zip(verdicts) {
        judged.push(match (verdict, &answer) {
            (Some(verdict), _) => verdict,
            (None, Ok(there)) => {
                let line = Line {
                    new: reference.new.clone(),
                    reference: reference.reference.0.clone(),
                    old: reference.old.clone(),
                };
                let there = there.get(&line.reference).map(String::as_str);
                push::judge_answer(repository, &line, there)?
            }
            (None, Err(why)) => Verdict::Undecided(why.clone()),
        });
    }
    Ok((judged, asked))
}

/// Where it went, with the user and password that were not written down, as far as they are known.
fn address_of(repository: &Repository, push: &Push) -> BString {
    let given = environment::push_address();
    let configured = || {
        let remote = push.remote.as_ref()?;
        Some(repository.addresses_of(remote.0.as_bstr()).unwrap_or_default())
    };
    let mut known = given.into_iter().chain(configured().into_iter().flatten());
    known
        .find(|address| address_to_keep(address.as_bstr()) == push.address.0)
        .unwrap_or_else(|| push.address.0.clone())
}

/// Says of what nobody could find out yet, gives up what is too old, and lets somebody look again
/// at the rest.
pub(super) fn tend(printer: &Printer, repository: &Repository, spool: &Spool) {
    if !spool.may_have_pushes() {
        return;
    }
    let pushes = spool.pushes().unwrap_or_default();
    let (too_old, undecided): (Vec<_>, Vec<_>) = pushes.undecided.into_iter().partition(is_too_old);
    for push in &too_old {
        if let Ok(true) = give_up(spool, push) {
            printer.hook_line(&given_up(push));
        }
    }
    for push in &undecided {
        printer.hook_line(&format!("{}; it is asked again", not_known(push)));
    }
    let left_behind = pushes.under_way.iter().any(has_ended);
    let to_ask = undecided.iter().any(|push| !asked_lately(push));
    if left_behind || to_ask {
        // Without it the next hook looks again.
        let _ = waiter(repository).and_then(|mut command| platform::spawn_detached(&mut command));
    }
}

/// Forgets what could not be found out for too long; `false` if somebody else is at it.
///
/// # Errors
/// What the spool says.
fn give_up(spool: &Spool, push: &Push) -> crate::spool::Result<bool> {
    let Some((push, _lock)) = spool.take_push(&push.id)? else {
        return Ok(false);
    };
    for trigger in push.triggers() {
        let mut entry = Entry::of(trigger, Outcome::Dropped);
        entry.message = Some(given_up(&push));
        spool.journal().append(&entry)?;
    }
    spool.end_push(&push.id)?;
    Ok(true)
}

/// Asks once more about everything that is not decided, with the user looking on, and says what
/// came of it; what landed waits to be sent then. `false` if something is still to be decided.
///
/// # Errors
/// What the repository or the spool says.
pub(super) fn ask_again(printer: &Printer, repository: &Repository, spool: &Spool) -> anyhow::Result<bool> {
    if !spool.may_have_pushes() {
        return Ok(true);
    }
    let settled = settle_ended(repository, spool, |_| true)?;
    for (trigger, destination) in &settled.not_taken {
        let to = format!(
            " {} → {}: {}",
            trigger.reference(),
            trigger.job,
            not_taken_by(destination)
        );
        printer.toned(Tone::Dim, Outcome::NotPushed.name(), &to);
    }
    let pushes = spool.pushes()?;
    for unreadable in &pushes.unreadable {
        printer.warning(&unreadable.to_string());
    }
    let (too_old, undecided): (Vec<_>, Vec<_>) = pushes.undecided.into_iter().partition(is_too_old);
    for push in &too_old {
        if give_up(spool, push)? {
            printer.toned(
                Tone::Dim,
                Outcome::Dropped.name(),
                &format!(" {}", given_up(push)),
            );
        }
    }
    for push in &undecided {
        printer.toned(
            Tone::Warn,
            Outcome::Undecided.name(),
            &format!(" {}", not_known(push)),
        );
    }
    for push in &pushes.under_way {
        printer.note(&under_way(push));
    }
    Ok(undecided.is_empty())
}

fn not_taken_by(destination: &str) -> String {
    format!("{destination} did not take it")
}

/// That git has not ended.
pub(super) fn under_way(push: &Push) -> String {
    format!(
        "{} is being pushed to {}; what lands is triggered then",
        names_of(push),
        push.destination()
    )
}

/// That and why it is not known whether the remote took a push.
pub(super) fn not_known(push: &Push) -> String {
    format!(
        "it is not known whether {} took {}: {}",
        push.destination(),
        names_of(push),
        push.trouble.as_deref().unwrap_or("nobody has looked yet")
    )
}

/// That nobody tries to find out any more.
fn given_up(push: &Push) -> String {
    format!(
        "nothing triggered for {}: for 24 hours nobody could say whether {} took it ({}); if it did: \
         jenkins-trigger trigger --branch ...",
        names_of(push),
        push.destination(),
        push.trouble.as_deref().unwrap_or("nobody has looked")
    )
}

/// The branches and tags of a push, the first few.
fn names_of(push: &Push) -> String {
    const FEW: usize = 3;
    let mut names: Vec<String> = Vec::new();
    for trigger in push.triggers() {
        let name = trigger.reference();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len().saturating_sub(FEW) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..FEW].join(", ")),
    }
}
