//! What is to be triggered for a push if all of it lands.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bstr::{BStr, BString, ByteSlice as _};

use crate::cli::authorities::Authorities;
use crate::cli::consent::Consent;
use crate::cli::enqueue::{self, Notes, some_of};
use crate::cli::file::{self, Place, Source};
use crate::cli::reviewed;
use crate::config::{Config, FILE_NAME};
use crate::credentials::trust::{Accepted, Occasion};
use crate::event::push::{self, Line, Tracking};
use crate::event::{DefaultBranch, Kind, is_branch_or_tag, short};
use crate::git::{Commit, Refspecs, Repository, Tip};
use crate::plan::{self, Plan, Surroundings, Wishes};
use crate::spool::{PushedReference, TrackedReference, Trigger};
use crate::text::Text;

/// Of so many branches and tags it is told why no rule fires for them; the rest is counted.
const FEW: usize = 3;

/// What is to be triggered for a push if all of it lands.
#[derive(Debug)]
pub(in crate::cli) struct Planned {
    /// The name of the remote it is for, if it has one.
    pub(in crate::cli) remote: Option<Text>,
    pub(in crate::cli) references: Vec<PushedReference>,
    pub(in crate::cli) max_triggers: usize,
    /// Whether any of what is pushed has a file.
    pub(in crate::cli) has_file: bool,
    /// Whether any of it leads to a commit, which might have one.
    has_commit: bool,
    /// Whether something goes to a review that would have fired for its branch.
    pub(in crate::cli) reviews: bool,
    /// What is wrong with some of the files.
    pub(in crate::cli) troubles: Vec<Trouble>,
    /// What is worth a line about rules.
    pub(in crate::cli) notes: Notes,
    /// For whom no rule fires, where that is to be explained.
    pub(in crate::cli) idle: Vec<Idle>,
    /// How many more there are.
    pub(in crate::cli) more_idle: usize,
    /// What the file names that is pushed to the default branch: when it has landed, it counts.
    pub(in crate::cli) expected: Accepted,
}

/// A branch or tag that no rule fires for.
#[derive(Debug)]
pub(in crate::cli) struct Idle {
    /// Its short name.
    pub(in crate::cli) name: BString,
    /// Of each rule its name and why it does not fire; or that there are no rules.
    pub(in crate::cli) reason: String,
}

/// A file that cannot be read.
#[derive(Debug)]
pub(in crate::cli) struct Trouble {
    /// The short names of the branches and tags that have it.
    names: Vec<BString>,
    /// What is wrong with it.
    pub(in crate::cli) error: anyhow::Error,
}

impl Trouble {
    /// What does not come about, for whom.
    pub(in crate::cli) fn consequence(&self) -> String {
        format!("nothing triggered for {}", some_of(&self.names))
    }
}

/// What is known of one file.
#[derive(Debug)]
enum Found {
    Config(Rc<(Config, Place)>),
    /// Its place among the troubles.
    Trouble(usize),
    Nothing,
}

/// Plans for pushes to one remote.
#[derive(Debug)]
pub(in crate::cli) struct Planner<'a> {
    repository: &'a Repository,
    remote: Option<BString>,
    /// Where git keeps copies of what the remote has; nowhere if the user gave an address.
    refspecs: Refspecs,
    default: OnceCell<Option<DefaultBranch>>,
    consent: Consent,
    explains: bool,
}

impl<'a> Planner<'a> {
    /// For pushes to this remote, as the user gave it, or this address.
    ///
    /// # Errors
    /// What the repository says.
    pub(in crate::cli) fn new(
        repository: &'a Repository,
        given: &BStr,
        address: &BStr,
    ) -> anyhow::Result<Self> {
        let configured = repository.remotes()?.iter().any(|remote| remote == given);
        let refspecs = if configured {
            repository.refspecs(given)?
        } else {
            Refspecs::default()
        };
        // One that only `git -c` knows has a name too.
        let is_name = configured || !given.contains(&b'/') && !given.contains(&b':');
        let remote = if is_name {
            Some(given.to_owned())
        } else {
            repository.remote_at(&[given, address])?
        };
        Ok(Self {
            repository,
            remote,
            refspecs,
            default: OnceCell::new(),
            consent: Consent::of(repository),
            explains: false,
        })
    }

    /// One that also finds out why no rule fires.
    #[must_use]
    pub(in crate::cli) fn explaining(self) -> Self {
        Self {
            explains: true,
            ..self
        }
    }

    /// git's own copy of a reference of the remote; `None` if it keeps none.
    pub(in crate::cli) fn copy_of(&self, reference: &BStr) -> Option<BString> {
        self.refspecs.tracking(reference)
    }

    /// What is to be triggered for these.
    ///
    /// # Errors
    /// What the repository says.
    pub(in crate::cli) fn plan(&self, lines: &[Line]) -> anyhow::Result<Planned> {
        let mut planned = Planned {
            remote: self.remote.clone().map(Text),
            references: Vec::new(),
            max_triggers: usize::MAX,
            has_file: false,
            has_commit: false,
            reviews: false,
            troubles: Vec::new(),
            notes: Notes::default(),
            idle: Vec::new(),
            more_idle: 0,
            expected: Accepted::default(),
        };
        // For notes and the like nothing is ever triggered.
        let may_be_event = |line: &&Line| {
            let name = line.reference.as_bstr();
            is_branch_or_tag(name) || push::review_of(name).is_some()
        };
        let lines = || lines.iter().filter(may_be_event);
        let ids: Vec<String> = lines().map(|line| line.new.clone()).collect();
        let tips = self.repository.tips(&ids, FILE_NAME)?;
        let remote = self.remote.as_ref().map(|remote| remote.as_bstr());
        // Many have the same file.
        let mut configs = BTreeMap::new();
        let mut may_fire = Vec::new();
        for (line, tip) in lines().zip(tips) {
            let Some(Tip { commit, file }) = tip else { continue };
            planned.has_commit = true;
            let found = configs
                .entry(file)
                .or_insert_with(|| self.config(&commit, &mut planned));
            let found = match found {
                Found::Config(found) => found,
                Found::Trouble(place) => {
                    planned.troubles[*place].names.push(short(&line.reference));
                    continue;
                }
                Found::Nothing => {
                    if self.explains {
                        let reason = format!("its commit has no {FILE_NAME}");
                        planned.add_idle(short(&line.reference), reason);
                    }
                    continue;
                }
            };
            let config = &found.0;
            // Only what is pushed will be there.
            if let place @ Place::Commit(_) = &found.1
                && self.is_default(line.reference.as_ref())
            {
                let authorities = Authorities::new(self.repository, place);
                planned.expected = reviewed::named_by(config, &authorities);
            }
            if let Some(branch) = push::review_of(line.reference.as_ref()) {
                planned.reviews |= plan::may_fire(config, Kind::PostPush, branch.as_bstr(), remote);
            }
            if plan::may_fire(config, Kind::PostPush, line.reference.as_ref(), remote) {
                may_fire.push((line, commit, Rc::clone(found)));
            } else if self.explains && planned.idle.len() == FEW {
                planned.more_idle += 1;
            } else if self.explains
                && let commit = self.repository.commit(&commit)?
                && let Some(event) = push::event(self.repository, line, commit, remote)
            {
                let surroundings = self.surroundings(config);
                let plan = plan::plan(&event, config, &surroundings, &Wishes::default());
                planned.add_idle(short(&line.reference), reasons(config, &plan));
            }
        }
        let ids: Vec<String> = may_fire.iter().map(|(_, commit, _)| commit.clone()).collect();
        let commits = self.repository.commits(&ids)?;
        let count = may_fire.len();
        for ((line, _, found), commit) in may_fire.into_iter().zip(commits) {
            if let Some(commit) = commit {
                self.plan_one(line, commit, (&found, count), &mut planned);
            }
        }
        Ok(planned)
    }

    fn plan_one(
        &self,
        line: &Line,
        commit: Commit,
        ((config, place), count): (&(Config, Place), usize),
        planned: &mut Planned,
    ) {
        // The same file in another commit may name another one beside it.
        let place = match place {
            Place::Commit(_) => Place::Commit(commit.id.clone()),
            Place::WorkTree => Place::WorkTree,
        };
        let authorities = Authorities::new(self.repository, &place).kept();
        let remote = self.remote.as_ref().map(|remote| remote.as_bstr());
        let Some(mut event) = push::event(self.repository, line, commit, remote) else {
            return;
        };
        let default = self.default_branch();
        enqueue::find_changed_paths(&mut event, count, config, self.repository, default);
        let plan = plan::plan(&event, config, &self.surroundings(config), &Wishes::default());
        if plan.triggers.is_empty() && self.explains {
            planned.add_idle(short(&line.reference), reasons(config, &plan));
            return;
        }
        planned.notes.add(&event, config, &plan);
        if plan.triggers.is_empty() {
            return;
        }
        let triggers = enqueue::triggers(&event, config, &plan, &authorities)
            .into_iter()
            // Counted when it is known what has landed.
            .map(|trigger| Trigger {
                hold: None,
                ..trigger
            });
        planned.max_triggers = planned.max_triggers.min(config.max_triggers);
        planned.references.push(PushedReference {
            reference: Text(line.reference.clone()),
            new: line.new.clone(),
            old: line.old.clone(),
            // What cannot be read tells nothing: then the remote is asked.
            tracking: self.tracking(line).unwrap_or_default(),
            repeats: false,
            triggers: triggers.collect(),
        });
    }

    fn surroundings(&self, config: &Config) -> Surroundings {
        enqueue::surroundings(config, &self.consent, Occasion::Own)
    }

    /// Whether this is the default branch of the remote that counts, and git will keep a copy of what
    /// is pushed to it.
    fn is_default(&self, reference: &BStr) -> bool {
        let counts = || self.remote.as_ref() == Some(&reviewed::remote(self.repository));
        self.copy_of(reference).is_some()
            && counts()
            && self
                .default_branch()
                .is_some_and(|default| default.reference == reference)
    }

    fn tracking(&self, line: &Line) -> anyhow::Result<Option<TrackedReference>> {
        let Some(reference) = self.copy_of(line.reference.as_ref()) else {
            return Ok(None);
        };
        let tracking = Tracking::look(self.repository, reference)?;
        Ok(Some(TrackedReference {
            reference: Text(tracking.reference),
            before: tracking.before,
            reflog: tracking.reflog,
        }))
    }

    fn default_branch(&self) -> Option<&DefaultBranch> {
        let look = || {
            let remote = self.remote.as_ref()?;
            let found = self.repository.default_branch_of(remote.as_bstr()).ok()?;
            found.map(|(reference, tip)| DefaultBranch { reference, tip })
        };
        self.default.get_or_init(look).as_ref()
    }

    fn config(&self, commit: &str, planned: &mut Planned) -> Found {
        let read = || {
            let source = file::of_commit(self.repository, commit)?;
            let read = |source: Source| Ok((source.read()?, source.place));
            source.map(read).transpose()
        };
        let config = read();
        planned.has_file |= !matches!(config, Ok(None));
        match config {
            Ok(Some(found)) => Found::Config(Rc::new(found)),
            Ok(None) => Found::Nothing,
            Err(error) => {
                let names = Vec::new();
                planned.troubles.push(Trouble { names, error });
                Found::Trouble(planned.troubles.len() - 1)
            }
        }
    }
}

impl Planned {
    /// Whether there are commits, and none of them has a file.
    pub(in crate::cli) fn lacks_file(&self) -> bool {
        self.has_commit && !self.has_file
    }

    fn add_idle(&mut self, name: BString, reason: String) {
        if self.idle.len() == FEW {
            self.more_idle += 1;
        } else {
            self.idle.push(Idle { name, reason });
        }
    }
}

fn reasons(config: &Config, plan: &Plan) -> String {
    let reason = |verdict: &plan::Verdict| format!("{}: {}", config.rules[verdict.rule].name, verdict.reason);
    plan.verdicts.iter().map(reason).collect::<Vec<_>>().join("; ")
}
