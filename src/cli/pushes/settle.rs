//! What became of a push whose git has ended.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use bstr::{BString, ByteSlice as _};
use jiff::Timestamp;

use super::{NOBODY, has_ended, is_too_old};
use crate::environment;
use crate::event::push::{self, Line, Tracking, Verdict};
use crate::git::{Repository, address_to_keep};
use crate::platform::{End, Lock};
use crate::spool::{Entry, Hold, Outcome, Push, PushedReference, Spool, Trigger};
use crate::text::Text;

/// What came of pushes.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The remote took it: these are in the spool.
    pub(super) taken: Vec<Trigger>,
    /// These are given up, and why: the remote did not take it, as a rule.
    pub(super) not_taken: Vec<(Trigger, String)>,
    /// Nobody can say yet.
    pub(super) undecided: Vec<Push>,
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
pub(super) fn group_of(push: &Push) -> (u32, u64, Option<String>) {
    let id = (push.git == NOBODY).then(|| push.id.clone());
    (push.git.pid, push.git.started, id)
}

/// Decides the pushes of one git, which has ended so. With `waits` this is the one who waited for
/// that; without, somebody may have begun to before, and died over it.
pub(super) fn settle(
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
        .map(|(push, _)| judge(repository, spool, push, end, waits.unwrap_or_default()));
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
        let repeated = spool.repeated(&push.id);
        for reference in &push.references {
            if is_among(&repeated, reference) {
                known.remove(&key(push, reference));
                settled.give_up(
                    reference,
                    "it was pushed again before it was known what became of it",
                );
                continue;
            }
            // Taken out, so that the same of another address is not triggered again.
            match known.remove(&key(push, reference)) {
                Some(Verdict::Taken) => settled.taken.extend(reference.triggers.iter().cloned()),
                Some(Verdict::NotTaken) => {
                    settled.give_up(reference, &format!("{} did not take it", push.destination()));
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

impl Settled {
    fn give_up(&mut self, reference: &PushedReference, why: &str) {
        let triggers = reference.triggers.iter().cloned();
        self.not_taken
            .extend(triggers.map(|trigger| (trigger, why.to_owned())));
    }
}

fn is_among(repeated: &[(Text, String)], reference: &PushedReference) -> bool {
    repeated
        .iter()
        .any(|(name, new)| *name == reference.reference && *new == reference.new)
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
    for (trigger, why) in &settled.not_taken {
        let mut entry = Entry::of(trigger, Outcome::NotPushed);
        entry.message = Some(why.clone());
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
fn judge(
    repository: &Repository,
    spool: &Spool,
    push: &Push,
    end: End,
    waits: &[Duration],
) -> anyhow::Result<Vec<Verdict>> {
    let mut waits = waits.iter();
    loop {
        let (verdicts, asked) = judge_once(repository, push, end)?;
        let repeated = spool.repeated(&push.id);
        let open = push
            .references
            .iter()
            .zip(&verdicts)
            .any(|(reference, verdict)| *verdict != Verdict::Taken && !is_among(&repeated, reference));
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
        verdicts.push(push::judge(trace, had_answer && !reference.repeats));
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
