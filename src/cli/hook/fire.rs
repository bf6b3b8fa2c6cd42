//! Events → plan → spool → sender, as a hook does it: with a line for each trigger and no wait.

use std::collections::BTreeSet;

use crate::cli::authorities::Authorities;
use crate::cli::backlog::{self, STORM};
use crate::cli::consent::Consent;
use crate::cli::enqueue::{self, Notes};
use crate::cli::file::{Place, Source};
use crate::cli::pushes;
use crate::config::Config;
use crate::credentials::trust::Occasion;
use crate::deliver::{self, Start};
use crate::event::receive::{Options, PARAMETER};
use crate::event::{DefaultBranch, Event, commit};
use crate::git::Repository;
use crate::plan::{self, Plan, Verdict, Wishes};
use crate::spool::{Hold, Spool, Trigger};
use crate::ui::Printer;

/// How events are made triggers.
pub(super) struct Fire<'a> {
    pub(super) printer: &'a Printer,
    pub(super) repository: &'a Repository,
    /// Whether somebody is there to be told what came of earlier triggers.
    pub(super) tells: bool,
    /// Whether whoever reads it sits elsewhere: what he is told to do is to be done here.
    pub(super) from_afar: bool,
    /// Whether `HEAD`'s reflog tells what made the events' commit.
    pub(super) by_commit: bool,
}

/// Whoever pushes would try in his clone what he reads.
pub(super) fn tell_where(printer: &Printer, repository: &Repository) {
    printer.hook_line(&format!(
        "that is to be done on the server, in {}",
        repository.common_dir().display()
    ));
}

/// A push with the circumstances that all of its events share.
#[derive(Debug, Default)]
pub(super) struct Push {
    pub(super) events: Vec<Event>,
    /// What new branches are compared with.
    pub(super) default: Option<DefaultBranch>,
    /// What whoever pushed asked for.
    pub(super) options: Options,
}

impl Fire<'_> {
    /// Makes triggers of the events and starts to send them.
    ///
    /// # Errors
    /// What is wrong with the file; triggers that wait are sent all the same.
    pub(super) fn run(&self, source: anyhow::Result<Source>, events: &mut [Event]) -> anyhow::Result<()> {
        let (consent, wrong) = self.consent();
        self.carry_out((&consent, &wrong), || {
            let source = source?;
            let config = source.read()?;
            let plans = self.plan(&consent, &config, events, None, &Wishes::default());
            Ok(self.triggers((&config, &source.place), events, &plans))
        })
    }

    /// The same for a push that is read only now, when it is known what may fire.
    ///
    /// # Errors
    /// As [`Fire::run`], and what keeps the push from being read.
    pub(super) fn run_push(
        &self,
        source: anyhow::Result<Source>,
        read: impl FnOnce(&Config) -> anyhow::Result<Push>,
    ) -> anyhow::Result<()> {
        let (consent, wrong) = self.consent();
        self.carry_out((&consent, &wrong), || {
            let source = source?;
            let config = source.read()?;
            let mut push = read(&config)?;
            let wishes = Wishes {
                replacements: push.options.parameters.clone(),
                ..Wishes::default()
            };
            let plans = self.plan(
                &consent,
                &config,
                &mut push.events,
                push.default.as_ref(),
                &wishes,
            );
            if let Some(skip) = push.options.skip {
                if plans.iter().any(|plan| !plan.triggers.is_empty()) {
                    self.printer
                        .hook_line(&format!("nothing triggered: the push option {skip} says so"));
                }
                return Ok(Vec::new());
            }
            self.tell_left_out(&config, &push.options, &plans);
            Ok(self.triggers((&config, &source.place), &push.events, &plans))
        })
    }

    /// What may go out, and what cannot be read of what bounds it.
    fn consent(&self) -> (Consent, Vec<String>) {
        if self.from_afar {
            Consent::of_received(self.repository)
        } else {
            (Consent::of(self.repository), Vec::new())
        }
    }

    fn carry_out(
        &self,
        consent: (&Consent, &[String]),
        plan: impl FnOnce() -> anyhow::Result<Vec<Trigger>>,
    ) -> anyhow::Result<()> {
        let spool = Spool::of(self.repository.common_dir());
        let (told, waiting, mut advised) = if self.tells {
            let backlog = backlog::tell(self.printer, self.repository, &spool);
            pushes::tend(self.printer, self.repository, &spool);
            (backlog.told, backlog.waiting > 0, backlog.advised)
        } else {
            (BTreeSet::new(), false, false)
        };
        let planned = plan();
        let triggers = planned.as_deref().unwrap_or_default();
        advised |= self.accept(&spool, consent, told, triggers);
        if (waiting || !triggers.is_empty())
            && let Err(error) = deliver::start(self.repository.common_dir(), Start::Eager)
        {
            self.printer.hook_line(&format!(
                "could not start sending ({error}); to send: jenkins-trigger retry"
            ));
            advised = true;
        }
        // After an error this is said where the error is.
        if self.from_afar && advised && planned.is_ok() {
            tell_where(self.printer, self.repository);
        }
        planned.map(drop)
    }

    /// What the file says is to be triggered because of each of these events.
    fn plan(
        &self,
        consent: &Consent,
        config: &Config,
        events: &mut [Event],
        default: Option<&DefaultBranch>,
        wishes: &Wishes,
    ) -> Vec<Plan> {
        let occasion = if self.from_afar {
            Occasion::Received
        } else {
            Occasion::Own
        };
        let surroundings = enqueue::surroundings(config, consent, occasion);
        let count = events.len();
        let mut plans = Vec::new();
        for event in events {
            enqueue::find_changed_paths(event, count, config, self.repository, default);
            if self.by_commit && plan::needs_last_action(config) {
                commit::note_last_action(event, self.repository);
            }
            plans.push(plan::plan(event, config, &surroundings, wishes));
        }
        plans
    }

    fn triggers(&self, (config, place): (&Config, &Place), events: &[Event], plans: &[Plan]) -> Vec<Trigger> {
        let authorities = Authorities::new(self.repository, place).kept();
        let mut triggers = Vec::new();
        let mut notes = Notes::default();
        for (event, plan) in events.iter().zip(plans) {
            notes.add(event, config, plan);
            triggers.extend(enqueue::triggers(event, config, plan, &authorities));
        }
        for note in notes.lines() {
            self.printer.hook_line(&note);
        }
        // One push is one storm, however many references it moves.
        if triggers.len() > config.max_triggers {
            for trigger in &mut triggers {
                trigger.hold = Some(Hold::Storm);
            }
        }
        triggers
    }

    /// Whoever gives a value and sees nothing would take it for used.
    fn tell_left_out(&self, config: &Config, options: &Options, plans: &[Plan]) {
        for option in &options.malformed {
            self.printer.hook_line(&format!(
                "the push option {option} is left out: it has no name or no value; write it so: git push -o \
                 {PARAMETER}NAME=VALUE"
            ));
        }
        for option in &options.unknown {
            self.printer.hook_line(&format!(
                "the push option {option} is left out: it is unknown; there are jenkins.skip and \
                 {PARAMETER}NAME=VALUE"
            ));
        }
        let fires = |verdict: &&Verdict| verdict.fires;
        let fired = plans.iter().flat_map(|plan| plan.verdicts.iter().filter(fires));
        let named: BTreeSet<&[u8]> = fired
            .flat_map(|verdict| &config.rules[verdict.rule].parameters)
            .map(|(name, _)| name.as_bytes())
            .collect();
        let mut told = BTreeSet::new();
        for (name, _) in &options.parameters {
            if !named.contains(name.as_slice()) && told.insert(name) {
                self.printer.hook_line(&format!(
                    "the push option {PARAMETER}{name} is left out: no rule that fires has {name} among its \
                     `parameters`"
                ));
            }
        }
    }

    /// Puts the new triggers into the spool and says one line of each; whether somebody has to do
    /// something.
    fn accept(
        &self,
        spool: &Spool,
        (consent, wrong): (&Consent, &[String]),
        mut told: BTreeSet<String>,
        triggers: &[Trigger],
    ) -> bool {
        if triggers.is_empty() {
            return false;
        }
        let mut advised = !wrong.is_empty();
        for wrong in wrong {
            self.printer.hook_line(wrong);
        }
        let mut intake = spool.intake();
        let mut lost: Option<(String, usize)> = None;
        for trigger in triggers {
            let to = format!("{} → {} on {}", trigger.reference(), trigger.job, trigger.server);
            consent.learn(trigger);
            let trouble = consent.trouble(trigger);
            let put = match &mut intake {
                Ok(intake) => intake.put(trigger).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = put {
                lost.get_or_insert_with(|| (format!("{to}: {error}"), 0)).1 += 1;
            } else if trigger.hold.is_some() {
                // All of them are told below, in one line.
            } else if let Some(trouble) = trouble {
                advised = true;
                if told.insert(trouble.clone()) {
                    self.printer.hook_line(&format!("not sent: {trouble}"));
                }
            } else if let Some(seconds) = trigger.coalesce {
                self.printer
                    .hook_line(&format!("{to}, held for {seconds} s in case a newer one comes"));
            } else {
                self.printer.hook_line(&to);
            }
        }
        // What keeps one out keeps most of them out.
        if let Some((first, count)) = lost {
            advised = true;
            let more = match count - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            self.printer
                .hook_line(&format!("nothing triggered: {first}{more}"));
        }
        if triggers.iter().any(|trigger| trigger.hold.is_some()) {
            advised = true;
            self.printer
                .hook_line(&format!("none of {} triggers is sent: {STORM}", triggers.len()));
        }
        advised
    }
}
