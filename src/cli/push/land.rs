//! What the remote took becomes triggers.

use std::collections::{BTreeMap, BTreeSet};

use bstr::{BString, ByteSlice as _};
use jiff::Timestamp;

use super::objects::{Names, Objects};
use super::options::Options;
use super::report::Told;
use crate::cli::backlog::STORM;
use crate::cli::consent::Consent;
use crate::cli::pushes::{NO_BRANCH, Planned, Planner};
use crate::cli::{Refusal, complain_about, consent, outcomes};
use crate::config::FILE_NAME;
use crate::deliver::Foreground;
use crate::event::push::{Line, review_of};
use crate::event::{is_branch_or_tag, short};
use crate::git::{self, Head, Repository};
use crate::platform::Lock;
use crate::spool::{self, Entry, Hold, Later, Outcome, Push, PushedReference, Spool, Trigger};
use crate::text::shell_argument;
use crate::ui::Printer;

/// What is known before git pushes: it moves some of it, and `-u` changes more.
#[derive(Debug)]
pub(super) struct Before {
    /// The remote as the user gave it, or as git finds it.
    remote: Option<BString>,
    names: Names,
}

impl Before {
    /// Looks.
    ///
    /// # Errors
    /// What the repository says.
    pub(super) fn look(repository: &Repository, options: &Options) -> Result<Self, git::Error> {
        let remote = match &options.remote {
            Some(remote) => Some(remote.clone()),
            None => usual_remote(repository)?,
        };
        Ok(Self {
            remote,
            names: Names::look(repository, options)?,
        })
    }
}

/// Where git pushes to when it is not told (git-config, `branch.<name>.pushRemote`).
fn usual_remote(repository: &Repository) -> Result<Option<BString>, git::Error> {
    let mut keys = vec![BString::from("remote.pushDefault")];
    if let Head::Branch { reference, .. } = repository.head()? {
        let branch = short(&reference);
        keys.insert(0, format!("branch.{branch}.pushRemote").into());
        keys.push(format!("branch.{branch}.remote").into());
    }
    for key in keys {
        if let Some(remote) = repository.settings(key.as_ref())?.pop() {
            return Ok(Some(remote));
        }
    }
    let mut remotes = repository.remotes()?;
    if remotes.len() == 1 {
        return Ok(remotes.pop());
    }
    Ok(remotes.into_iter().find(|remote| remote == "origin"))
}

/// A push that has ended.
#[derive(Debug)]
pub(super) struct Landing<'a> {
    pub(super) printer: &'a Printer,
    pub(super) repository: &'a Repository,
    pub(super) options: &'a Options,
    /// The number of git's process, and when it was not started yet.
    pub(super) git: u32,
    pub(super) since: Timestamp,
    /// Where it went, as git told it.
    pub(super) address: BString,
    pub(super) told: Vec<Told>,
}

impl Landing<'_> {
    /// Triggers for each branch and tag that the remote took, and prints what became of that.
    ///
    /// # Errors
    /// What keeps it from that. What the hook has noted is then left to the one who waits.
    pub(super) fn trigger(&self, before: Result<Before, git::Error>) -> anyhow::Result<()> {
        let spool = Spool::of(self.repository.common_dir());
        let noted = Noted::take(&spool, self.git, self.since)?;
        let certain = self.certain();
        self.tell_uncertain(&certain, &noted);
        let accepted = self.accepted();
        if accepted.is_empty() {
            self.printer
                .detail("nothing to trigger: the remote took no branch and no tag");
            return Ok(noted.end(&certain)?);
        }
        let (planned, unsure) = self.plan(&accepted, &noted, before?)?;
        let later: Vec<Later<'_>> = planned.references.iter().map(later).collect();
        // A trigger too many is better than one that is lost.
        let _ = spool.note_later(self.git, planned.remote.as_ref(), &later);
        let mut triggers: Vec<Trigger> = planned
            .references
            .iter()
            .filter(|reference| !noted.others.contains(&reference.reference.0))
            .flat_map(|reference| noted.triggers_of(reference))
            .cloned()
            .collect();
        let storm = triggers.len() > planned.max_triggers;
        if storm {
            for trigger in &mut triggers {
                trigger.hold = Some(Hold::Storm);
            }
        }
        let journal = spool.journal().mark();
        self.put(&spool, &mut triggers)?;
        // Only now: until here they would not be lost, whatever became of this process.
        noted.end(&certain)?;
        self.tell_unsure(&unsure);
        let explained = self.explain(&planned, unsure.len() < accepted.len());
        if storm {
            let count = triggers.len();
            self.printer
                .warning(&format!("none of {count} triggers is sent: {STORM}"));
        } else if !triggers.is_empty() {
            let common_dir = self.repository.common_dir();
            let sending = Foreground::begin_for(&spool, (common_dir, consent::ask), journal)?;
            outcomes::send(self.printer, &spool, sending, (&triggers, false), false)?;
        }
        explained
    }

    /// The references of which it is known what became of them: of several addresses of one remote
    /// it is enough that one took it.
    fn certain(&self) -> BTreeSet<&BString> {
        let names = |which: fn(&Told) -> bool| -> BTreeSet<&BString> {
            let told = self.told.iter().filter(|told| which(told));
            told.map(|told| &told.to).collect()
        };
        let doubtful = names(|told| !told.is_certain());
        let mut certain = names(Told::is_certain);
        certain.retain(|name| !doubtful.contains(name));
        certain.extend(names(Told::is_accepted));
        certain
    }

    /// What the remote took that may be an event, each once.
    fn accepted(&self) -> Vec<&Told> {
        let mut seen = BTreeSet::new();
        let is_event = |told: &&Told| {
            let name = told.to.as_bstr();
            told.is_accepted() && (is_branch_or_tag(name) || review_of(name).is_some())
        };
        let accepted = self.told.iter().filter(is_event);
        accepted.filter(|told| seen.insert(&told.to)).collect()
    }

    fn tell_uncertain(&self, certain: &BTreeSet<&BString>, noted: &Noted<'_>) {
        let told = self.told.iter().map(|told| &told.to);
        // The connection may have been lost before git was told anything.
        let all: BTreeSet<&BString> = told.chain(noted.references.keys()).collect();
        for name in all.difference(certain) {
            let rest = if noted.references.contains_key(*name) {
                "; it is asked, see: jenkins-trigger log".to_owned()
            } else {
                format!("; nothing is triggered for it{}", by_hand(name))
            };
            let name = short(name);
            self.printer
                .warning(&format!("the remote did not say whether it took {name}{rest}"));
        }
    }

    fn tell_unsure(&self, names: &[BString]) {
        for name in names {
            self.printer.warning(&format!(
                "{} was pushed, but it moved meanwhile and git does not tell which commit the remote has; \
                 nothing is triggered for it{}",
                short(name),
                by_hand(name)
            ));
        }
    }

    /// Plans for what was taken; also those of which nobody can say what it was.
    fn plan(
        &self,
        accepted: &[&Told],
        noted: &Noted<'_>,
        before: Before,
    ) -> anyhow::Result<(Planned, Vec<BString>)> {
        let given = before.remote.as_ref().unwrap_or(&self.address);
        let address = self.address.as_bstr();
        let planner = Planner::new(self.repository, given.as_bstr(), address)?.explaining();
        let objects = Objects {
            before: before.names,
            after: Names::look(self.repository, self.options)?,
        };
        let mut lines = Vec::new();
        let mut unsure = Vec::new();
        for told in accepted {
            let copy = planner.copy_of(told.to.as_ref());
            let copy = copy.as_ref().map(|copy| copy.as_bstr());
            let line = noted.line(&told.to);
            match line.or_else(|| objects.line(self.repository, told, copy)) {
                Some(line) => lines.push(line),
                None => unsure.push(told.to.clone()),
            }
        }
        Ok((planner.plan(&lines)?, unsure))
    }

    /// Puts them into the spool; leaves out those that do not go in.
    fn put(&self, spool: &Spool, triggers: &mut Vec<Trigger>) -> spool::Result<()> {
        let consent = Consent::of(self.repository);
        let mut intake = spool.intake()?;
        for trigger in std::mem::take(triggers) {
            consent.learn(&trigger);
            let Err(error) = intake.put(&trigger) else {
                triggers.push(trigger);
                continue;
            };
            let message = error.to_string();
            let to = format!("{} → {}", trigger.reference(), trigger.job);
            self.printer
                .error(&format!("nothing triggered: {to}: {message}"), None);
            let entry = Entry {
                message: Some(message),
                ..Entry::of(&trigger, Outcome::Dropped)
            };
            spool.journal().append(&entry)?;
        }
        Ok(())
    }

    fn explain(&self, planned: &Planned, some: bool) -> anyhow::Result<()> {
        for trouble in &planned.troubles {
            complain_about(self.printer, &trouble.consequence(), &trouble.error)?;
        }
        for note in planned.notes.lines() {
            self.printer.note(&note);
        }
        if planned.reviews {
            self.printer.note(NO_BRANCH);
        }
        if planned.lacks_file() && some {
            return Err(Refusal::new(
                format!("nothing triggered: what was pushed has no {FILE_NAME}"),
                "commit one, and push it",
            )
            .into());
        }
        for idle in &planned.idle {
            self.printer
                .note(&format!("no rule fires for {}: {}", idle.name, idle.reason));
        }
        if planned.more_idle > 0 {
            self.printer
                .note(&format!("no rule fires for {} more", planned.more_idle));
        }
        Ok(())
    }
}

fn later(reference: &PushedReference) -> Later<'_> {
    Later {
        reference: reference.reference.0.as_bstr(),
        new: &reference.new,
        // git abbreviates it, and it may be an object that is not here.
        old: None,
    }
}

/// How to trigger by hand what nobody is sure of.
fn by_hand(name: &BString) -> String {
    match name.strip_prefix(b"refs/heads/") {
        Some(branch) => format!(
            "; if it is to be: jenkins-trigger trigger --branch {}",
            shell_argument(branch)
        ),
        None => String::new(),
    }
}

/// What the hook has noted of this push, which nobody else decides now.
#[derive(Debug)]
struct Noted<'a> {
    spool: &'a Spool,
    pushes: Vec<(Push, Lock)>,
    references: BTreeMap<BString, PushedReference>,
    /// What somebody else was faster with.
    others: BTreeSet<BString>,
}

impl<'a> Noted<'a> {
    fn take(spool: &'a Spool, git: u32, since: Timestamp) -> spool::Result<Self> {
        let mut noted = Self {
            spool,
            pushes: Vec::new(),
            references: BTreeMap::new(),
            others: BTreeSet::new(),
        };
        if !spool.may_have_pushes() {
            return Ok(noted);
        }
        for push in spool.pushes()?.under_way {
            // An older one may have had a process of the same number.
            if push.git.pid != git || push.created < since {
                continue;
            }
            match spool.take_push(&push.id)? {
                Some((push, lock)) => {
                    let references = push.references.iter().cloned();
                    let by_name = references.map(|reference| (reference.reference.0.clone(), reference));
                    noted.references.extend(by_name);
                    noted.pushes.push((push, lock));
                }
                None => {
                    let names = push.references.into_iter();
                    noted.others.extend(names.map(|reference| reference.reference.0));
                }
            }
        }
        Ok(noted)
    }

    /// What git told the hook about a reference: nothing is more certain.
    fn line(&self, name: &BString) -> Option<Line> {
        let noted = self.references.get(name)?;
        Some(Line {
            new: noted.new.clone(),
            reference: name.clone(),
            old: noted.old.clone(),
        })
    }

    /// The triggers of a reference: those that the hook has noted already, if it has, so that
    /// whoever comes upon both finds that they are the same.
    fn triggers_of<'b>(&'b self, planned: &'b PushedReference) -> &'b [Trigger] {
        let noted = self.references.get(&planned.reference.0);
        let same = noted.filter(|noted| noted.new == planned.new);
        &same.unwrap_or(planned).triggers
    }

    /// Takes away what is decided. The rest is for the one who waits.
    fn end(&self, certain: &BTreeSet<&BString>) -> spool::Result<()> {
        for (push, _) in &self.pushes {
            let mut left = push.clone();
            left.references
                .retain(|reference| !certain.contains(&reference.reference.0));
            if left.references.is_empty() {
                self.spool.end_push(&push.id)?;
            } else {
                self.spool.put_push(&left)?;
            }
        }
        Ok(())
    }
}
