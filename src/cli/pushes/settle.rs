//! What became of a push whose git has ended.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice as _};
use jiff::Timestamp;

use super::{NOBODY, has_ended, is_too_old};
use crate::deliver::{self, Start};
use crate::environment;
use crate::event::push::{self, Line, Tracking, Verdict};
use crate::git::{Repository, address_to_keep};
use crate::platform::{End, Lock};
use crate::spool::{Entry, Hold, Noted, Outcome, Push, PushedReference, Spool, Trigger};
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
    /// Whether a remote has said no.
    refused: bool,
}

/// When a remote is asked again that may still be at a push whose git was cut off.
pub(super) const CUT_OFF: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// What is done with what landed, and until a remote is asked again that may still be at a push.
#[derive(Clone, Copy)]
pub(super) enum Meanwhile<'a> {
    /// It goes out at once.
    Send,
    /// Somebody looks on, is told that it takes longer, and sends it himself.
    Tell(&'a dyn Fn(&Push)),
}

impl Meanwhile<'_> {
    fn sends(self) -> bool {
        matches!(self, Self::Send)
    }
}

/// Decides every push that `wanted` lets pass, whose git has ended and which nobody else is at.
///
/// The one who waited for that may have died over it, or be just about to begin. So where git has
/// only just ended, for all that is known, the remote is asked again as he would ask it.
///
/// # Errors
/// What the repository or the spool says.
pub(super) fn settle_ended(
    repository: &Repository,
    spool: &Spool,
    wanted: impl Fn(&Push) -> bool,
    meanwhile: Meanwhile<'_>,
) -> anyhow::Result<Settled> {
    let pushes = spool.pushes()?;
    let under_way = pushes.under_way.iter().filter(|push| has_ended(push));
    let undecided = pushes.undecided.iter().filter(|push| !is_too_old(push));
    let ended = under_way
        .map(|push| (push, &CUT_OFF[..]))
        .chain(undecided.map(|push| (push, &[][..])));
    let mut groups: BTreeMap<_, (Vec<&Push>, &[Duration])> = BTreeMap::new();
    for (push, waits) in ended.filter(|(push, _)| wanted(push)) {
        let (group, _) = groups
            .entry(group_of(push))
            .or_insert_with(|| (Vec::new(), waits));
        group.push(push);
    }
    let mut all = Settled::default();
    let mut open = Vec::new();
    for (group, waits) in groups.into_values() {
        let mut case = Case::take(spool, group, End::Unknown, waits, true)?;
        match case.look(repository, spool, meanwhile)? {
            Some(settled) => all.add(settled),
            None => {
                if let Meanwhile::Tell(tell) = meanwhile {
                    case.own.iter().for_each(|(push, _)| tell(push));
                }
                open.push(case);
            }
        }
    }
    while let Some(next) = (0..open.len()).min_by_key(|&place| open[place].due) {
        if let Some(settled) = open[next].wait_and_look(repository, spool, meanwhile)? {
            all.add(settled);
            open.swap_remove(next);
        }
    }
    Ok(all)
}

/// What is decided together: the pushes of one git. Those of nobody have nothing in common.
pub(super) fn group_of(push: &Push) -> (u32, u64, Option<String>) {
    let id = (push.git == NOBODY).then(|| push.id.clone());
    (push.git.pid, push.git.started, id)
}

/// Decides the pushes of one git, which has ended so, for the one who waited for that.
///
/// Where git did not come to its end by itself the remote may still be at it, so its first no is not
/// its last: it is asked again after each of `waits`. What it has taken until then goes out.
pub(super) fn settle(
    repository: &Repository,
    spool: &Spool,
    pushes: &[Push],
    end: End,
    waits: &[Duration],
) -> anyhow::Result<Settled> {
    let mut case = Case::take(spool, pushes, end, waits, false)?;
    let mut settled = case.look(repository, spool, Meanwhile::Send)?;
    loop {
        match settled {
            Some(settled) => return Ok(settled),
            None => settled = case.wait_and_look(repository, spool, Meanwhile::Send)?,
        }
    }
}

/// Pushes that are decided together, by the one who has them.
struct Case<'a> {
    own: Vec<(Push, Lock)>,
    end: End,
    /// After these the remote is asked once more.
    waits: std::slice::Iter<'a, Duration>,
    due: Instant,
    /// Somebody may have begun with it before, and died over it.
    again: bool,
    /// The ids of what has gone out.
    sent: BTreeSet<String>,
}

impl<'a> Case<'a> {
    fn take<'p>(
        spool: &Spool,
        pushes: impl IntoIterator<Item = &'p Push>,
        end: End,
        waits: &'a [Duration],
        again: bool,
    ) -> anyhow::Result<Self> {
        let mut own = Vec::new();
        for push in pushes {
            // Whoever has the first has them all.
            let Some(taken) = spool.take_push(&push.id)? else {
                break;
            };
            own.push(taken);
        }
        Ok(Self {
            own,
            end,
            waits: waits.iter(),
            due: Instant::now(),
            again,
            sent: BTreeSet::new(),
        })
    }

    fn wait_and_look(
        &mut self,
        repository: &Repository,
        spool: &Spool,
        meanwhile: Meanwhile<'_>,
    ) -> anyhow::Result<Option<Settled>> {
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
        self.look(repository, spool, meanwhile)
    }

    /// `None` if it is to be looked at again.
    fn look(
        &mut self,
        repository: &Repository,
        spool: &Spool,
        meanwhile: Meanwhile<'_>,
    ) -> anyhow::Result<Option<Settled>> {
        let mut settled = Settled::default();
        let mut asked = false;
        let own = self.own.iter().map(|(push, _)| push);
        let verdicts = verdicts(repository, own, self.end, &mut asked)?;
        sort_out(spool, &self.own, verdicts, &self.sent, &mut settled);
        if asked
            && settled.has_open()
            && let Some(wait) = self.waits.next()
        {
            // How many they are is known in the end only.
            if !may_be_storm(&self.own) && !settled.taken.is_empty() && meanwhile.sends() {
                put(spool, &settled.taken, self.again)?;
                let ids = settled.taken.iter().map(|trigger| trigger.id.clone());
                self.sent.extend(ids);
                deliver::start(repository.common_dir(), Start::Eager)?;
            }
            self.due = Instant::now() + *wait;
            return Ok(None);
        }
        put(spool, &settled.taken, self.again)?;
        write_down(spool, &settled, self.again)?;
        for (push, _) in &self.own {
            match settled.undecided.iter().find(|left| left.id == push.id) {
                Some(left) => spool.keep_undecided(left)?,
                None => spool.end_push(&push.id)?,
            }
        }
        if !settled.taken.is_empty() && meanwhile.sends() {
            deliver::start(repository.common_dir(), Start::Eager)?;
        }
        Ok(Some(settled))
    }
}

/// What became of each reference, once for all addresses of one remote: it is enough that one of
/// them took it.
fn verdicts<'a>(
    repository: &Repository,
    pushes: impl Iterator<Item = &'a Push>,
    end: End,
    asked: &mut bool,
) -> anyhow::Result<BTreeMap<Key<'a>, Verdict>> {
    let mut known = BTreeMap::new();
    for push in pushes {
        let verdicts = judge(repository, push, end, asked)?;
        for (reference, verdict) in push.references.iter().zip(verdicts) {
            let so_far = known
                .entry(key(push, reference))
                .or_insert_with(|| verdict.clone());
            if rank(&verdict) > rank(so_far) {
                *so_far = verdict;
            }
        }
    }
    Ok(known)
}

/// Makes lists of the verdicts, but for those whose triggers are `sent`.
fn sort_out<'a>(
    spool: &Spool,
    own: &'a [(Push, Lock)],
    mut verdicts: BTreeMap<Key<'a>, Verdict>,
    sent: &BTreeSet<String>,
    settled: &mut Settled,
) {
    for (push, _) in own {
        let noted = spool.noted(&push.id);
        let mut left = Push {
            references: Vec::new(),
            asked: Some(Timestamp::now()),
            ..push.clone()
        };
        for reference in &push.references {
            // Taken out, so that the same of another address is not triggered again.
            let verdict = verdicts.remove(&key(push, reference));
            // Whatever the remote has there by now.
            if reference
                .triggers
                .iter()
                .any(|trigger| sent.contains(&trigger.id))
            {
                continue;
            }
            let verdict = match noted_of(&noted, reference) {
                Some(Noted { taken: true, .. }) => Some(Verdict::Taken),
                Some(Noted { taken: false, .. }) => {
                    settled.give_up(reference, "it had not been taken when it was pushed there again");
                    continue;
                }
                None => verdict,
            };
            match verdict {
                Some(Verdict::Taken) => settled.taken.extend(reference.triggers.iter().cloned()),
                Some(Verdict::NotTaken) => {
                    settled.refused = true;
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
    if settled.taken.len() > max_triggers(own) {
        for trigger in &mut settled.taken {
            trigger.hold = Some(Hold::Storm);
        }
    }
}

fn may_be_storm(own: &[(Push, Lock)]) -> bool {
    let all = own.iter().flat_map(|(push, _)| push.triggers()).count();
    all > max_triggers(own)
}

fn max_triggers(own: &[(Push, Lock)]) -> usize {
    let most = own.iter().map(|(push, _)| push.max_triggers).min();
    most.unwrap_or(usize::MAX)
}

impl Settled {
    fn add(&mut self, other: Self) {
        self.taken.extend(other.taken);
        self.not_taken.extend(other.not_taken);
        self.undecided.extend(other.undecided);
    }

    /// Whether a later look may find more.
    fn has_open(&self) -> bool {
        self.refused || !self.undecided.is_empty()
    }

    fn give_up(&mut self, reference: &PushedReference, why: &str) {
        let triggers = reference.triggers.iter().cloned();
        self.not_taken
            .extend(triggers.map(|trigger| (trigger, why.to_owned())));
    }
}

fn noted_of<'a>(noted: &'a [Noted], reference: &PushedReference) -> Option<&'a Noted> {
    noted
        .iter()
        .find(|noted| noted.reference == reference.reference && noted.new == reference.new)
}

/// What one event is of: the remote, its reference, and the object.
type Key<'a> = (Option<&'a Text>, &'a Text, &'a str);

fn key<'a>(push: &'a Push, reference: &'a PushedReference) -> Key<'a> {
    (push.remote.as_ref(), &reference.reference, &reference.new)
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::NotTaken => 0,
        Verdict::Undecided(_) => 1,
        Verdict::Taken => 2,
    }
}

/// Puts triggers into the spool: a push is forgotten only after what came of it is safe.
fn put(spool: &Spool, triggers: &[Trigger], again: bool) -> anyhow::Result<()> {
    if triggers.is_empty() {
        return Ok(());
    }
    let mut intake = spool.intake()?;
    for trigger in triggers {
        if again && spool.knows(trigger)? {
            continue;
        }
        if let Err(error) = intake.put(trigger) {
            let mut entry = Entry::of(trigger, Outcome::Dropped);
            entry.message = Some(error.to_string());
            spool.journal().append(&entry)?;
        }
    }
    Ok(())
}

fn write_down(spool: &Spool, settled: &Settled, again: bool) -> anyhow::Result<()> {
    let journal = spool.journal();
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

/// What became of each reference of a push, and whether the remote had to be asked for that.
fn judge(repository: &Repository, push: &Push, end: End, asked: &mut bool) -> anyhow::Result<Vec<Verdict>> {
    let refused = push::refused(end, push.address.0.as_bstr());
    let references = OnceCell::new();
    let mut verdicts = Vec::new();
    for reference in &push.references {
        let tracking = reference.tracking.as_ref().map(|tracking| Tracking {
            reference: tracking.reference.0.clone(),
            before: tracking.before.clone(),
            reflog: tracking.reflog,
        });
        let trace = push::trace(repository, &references, tracking.as_ref(), &reference.new)?;
        verdicts.push(push::judge(trace, refused && !reference.repeats));
    }
    let open: Vec<_> = push
        .references
        .iter()
        .zip(&verdicts)
        .filter_map(|(reference, verdict)| verdict.is_none().then_some(reference.reference.0.as_bstr()))
        .collect();
    let answer = if open.is_empty() {
        Ok(BTreeMap::new())
    } else {
        *asked = true;
        let remote = push.remote.as_ref().map(|remote| remote.0.as_bstr());
        let address = address_of(repository, push);
        repository.ask_remote(remote, address.as_bstr(), &open)
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
                push::judge_answer(&line, there)
            }
            (None, Err(why)) => Verdict::Undecided(why.clone()),
        });
    }
    Ok(judged)
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
