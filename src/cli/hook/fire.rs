//! Events → plan → spool → sender, as a hook does it: with a line for each trigger and no wait.

use std::collections::BTreeSet;

use crate::cli::backlog::{self, STORM};
use crate::cli::enqueue;
use crate::cli::file::Source;
use crate::config::Config;
use crate::credentials::trust;
use crate::deliver::{self, Start};
use crate::event::{Event, commit};
use crate::git::Repository;
use crate::plan::{self, Plan, Reason, Wishes};
use crate::spool::{Hold, Spool, Trigger};
use crate::ui::Printer;

/// How events are made triggers.
pub(super) struct Fire<'a> {
    pub(super) printer: &'a Printer,
    pub(super) repository: &'a Repository,
    /// Whether somebody is there to be told what came of earlier triggers.
    pub(super) tells: bool,
    /// Whether `HEAD`'s reflog tells what made the events' commit.
    pub(super) by_commit: bool,
}

impl Fire<'_> {
    /// Makes triggers of the events and starts to send them.
    ///
    /// # Errors
    /// What is wrong with the file; triggers that wait are sent all the same.
    pub(super) fn run(&self, source: anyhow::Result<Source>, events: &mut [Event]) -> anyhow::Result<()> {
        let spool = Spool::of(self.repository.common_dir());
        let (told, waiting) = if self.tells {
            let backlog = backlog::tell(self.printer, &spool);
            (backlog.told, backlog.waiting > 0)
        } else {
            (BTreeSet::new(), false)
        };
        let planned = source.and_then(|source| self.plan(&source, events));
        let triggers = planned.as_deref().unwrap_or_default();
        self.accept(&spool, told, triggers);
        if (waiting || !triggers.is_empty())
            && let Err(error) = deliver::start(self.repository.common_dir(), Start::Eager)
        {
            self.printer.hook_line(&format!(
                "could not start sending ({error}); to send: jenkins-trigger retry"
            ));
        }
        planned.map(drop)
    }

    /// What the file says is to be triggered because of these events.
    fn plan(&self, source: &Source, events: &mut [Event]) -> anyhow::Result<Vec<Trigger>> {
        let config = source.read()?;
        let surroundings = enqueue::surroundings(&config);
        let mut triggers = Vec::new();
        for event in events {
            if plan::needs_changed_paths(&config) {
                event.find_changed_paths(self.repository, None);
            }
            if self.by_commit && plan::needs_last_action(&config) {
                commit::note_last_action(event, self.repository);
            }
            let plan = plan::plan(event, &config, &surroundings, &Wishes::default());
            self.tell_skips(&config, &plan);
            triggers.extend(enqueue::triggers(event, &config, &plan));
        }
        // One push is one storm, however many references it moves.
        if triggers.len() > config.max_triggers {
            for trigger in &mut triggers {
                trigger.hold = Some(Hold::Storm);
            }
        }
        Ok(triggers)
    }

    /// A rule that would have fired but for a marker is worth a line; other branches are not.
    fn tell_skips(&self, config: &Config, plan: &Plan) {
        for verdict in &plan.verdicts {
            let rule = &config.rules[verdict.rule];
            if let Reason::Marker(_) | Reason::During(_) = verdict.reason {
                self.printer
                    .hook_line(&format!("{} not triggered: {}", rule.job, verdict.reason));
            }
            if let Some(note) = &verdict.note {
                self.printer.hook_line(&format!("rule {}: {note}", rule.name));
            }
        }
    }

    /// Puts the new triggers into the spool and says one line of each.
    fn accept(&self, spool: &Spool, mut told: BTreeSet<String>, triggers: &[Trigger]) {
        if triggers.is_empty() {
            return;
        }
        let trusted = trust::servers_of(self.repository.common_dir());
        for trigger in triggers {
            let to = format!("{} → {} on {}", trigger.reference(), trigger.job, trigger.server);
            let trouble = match &trusted {
                Ok(servers) if servers.contains(&trigger.server) => deliver::lacks(trigger),
                Ok(_) => Some(deliver::untrusted(&trigger.server)),
                Err(error) => Some(error.to_string()),
            };
            if let Err(error) = spool.put(trigger) {
                self.printer
                    .hook_line(&format!("nothing triggered: {to}: {error}"));
            } else if trigger.hold.is_some() {
                // All of them are told below, in one line.
            } else if let Some(trouble) = trouble {
                if told.insert(trouble.clone()) {
                    self.printer.hook_line(&format!("not sent: {trouble}"));
                }
            } else {
                self.printer.hook_line(&to);
            }
        }
        if triggers.iter().any(|trigger| trigger.hold.is_some()) {
            self.printer
                .hook_line(&format!("none of {} triggers is sent: {STORM}", triggers.len()));
        }
    }
}
