//! plan → spool.

use std::collections::BTreeMap;

use bstr::BString;
use jiff::Timestamp;

use super::authorities::Authorities;
use super::consent::Consent;
use crate::config::{Action, Config};
use crate::credentials::trust::Occasion;
use crate::environment;
use crate::event::{ChangedPaths, DefaultBranch, Event, Kind, short};
use crate::git::Repository;
use crate::plan::{self, Plan, Reason, Surroundings};
use crate::platform;
use crate::spool::{FORMAT, Hold, Trigger, new_ids};
use crate::text::Text;

/// Of more references that one push moved, and for which rules may fire, the changed paths are not
/// looked for: whoever pushed waits for it.
const MOST_COMPARED: usize = 200;

/// What the file's templates may ask of this process: of the variables those that the user lets it
/// read on such an occasion. No other is looked at.
pub(super) fn surroundings(config: &Config, consent: &Consent, occasion: Occasion) -> Surroundings {
    let (read, withheld): (Vec<&String>, Vec<&String>) = config
        .env
        .iter()
        .partition(|name| consent.may_read(name, occasion));
    let variables: BTreeMap<_, _> = read
        .into_iter()
        .filter_map(|name| Some((name.clone(), environment::declared(name)?.into())))
        .collect();
    Surroundings {
        user: environment::user_name().into(),
        hostname: platform::hostname().into(),
        variables,
        withheld: withheld.into_iter().cloned().collect(),
    }
}

/// The occasion that an event is.
pub(super) fn occasion(kind: Kind) -> Occasion {
    Occasion::of(kind.name())
}

/// What is said of a variable that the file may not read.
pub(super) fn withheld_of(name: &str) -> String {
    format!(
        "{name} is not read from the environment, which you have not allowed this file; to allow it: jenkins-trigger \
         trust"
    )
}

/// Finds out what one of so many events changed, if the file asks for that.
pub(super) fn find_changed_paths(
    event: &mut Event,
    count: usize,
    config: &Config,
    repository: &Repository,
    default: Option<&DefaultBranch>,
) {
    if count > MOST_COMPARED {
        let why = format!("it is one of more than {MOST_COMPARED} that were pushed at once");
        event.changed = ChangedPaths::Unknown(why);
    } else if plan::needs_changed_paths(config) {
        event.find_changed_paths(repository, default);
    }
}

/// Of so many branches and tags the names are told; the rest is counted.
const FEW: usize = 3;

/// These names, or the first of them.
pub(super) fn some_of(names: &[BString]) -> String {
    let few: Vec<String> = names.iter().take(FEW).map(ToString::to_string).collect();
    let few = few.join(", ");
    match names.len().saturating_sub(FEW) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}

/// What is worth a line, once: a rule that would have fired but for a marker is, one for other
/// branches is not.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<(String, Vec<BString>)>);

impl Notes {
    /// Notes what is worth it of one event.
    pub(super) fn add(&mut self, event: &Event, config: &Config, plan: &Plan) {
        for verdict in &plan.verdicts {
            let rule = &config.rules[verdict.rule];
            if matches!(verdict.reason, Reason::Marker(_) | Reason::During(_)) {
                self.put(format!("{} not triggered: {}", rule.job, verdict.reason), None);
            }
            if let Some(note) = &verdict.note {
                let name = short(&event.reference);
                self.put(format!("rule {} {note}", rule.name), Some(name));
            }
        }
    }

    fn put(&mut self, text: String, name: Option<BString>) {
        match self.0.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.extend(name),
            None => self.0.push((text, name.into_iter().collect())),
        }
    }

    /// The lines, each with those that it is about.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let line = |(text, names): &(String, Vec<BString>)| match names[..] {
            [] => text.clone(),
            _ => format!("{}: {text}", some_of(names)),
        };
        self.0.iter().map(line)
    }
}

/// The plan's triggers as the spool takes them, held if they are more than the file allows.
pub(super) fn triggers(
    event: &Event,
    config: &Config,
    plan: &Plan,
    authorities: &Authorities<'_>,
) -> Vec<Trigger> {
    let hold = (plan.triggers.len() > config.max_triggers).then_some(Hold::Storm);
    let created = Timestamp::now();
    let ids = new_ids(plan.triggers.len());
    let entry = |(id, planned): (String, &plan::Trigger)| {
        let (ca, ca_trouble) = authorities.for_trigger(&config.servers[planned.server]);
        Trigger {
            ca,
            ca_trouble,
            v: FORMAT,
            id,
            created,
            event: event.kind.name().into(),
            rules: planned
                .rules
                .iter()
                .map(|rule| config.rules[*rule].name.clone())
                .collect(),
            server: config.servers[planned.server].url.as_str().into(),
            method: planned.method.to_string(),
            job: planned.job.clone(),
            token_from: planned.token_from.clone(),
            withheld: planned.withheld.clone(),
            parameters: planned
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), Text(value.clone())))
                .collect(),
            delay: planned.delay.map(|delay| delay.as_secs()),
            cause: Text(planned.cause.clone()),
            branch: event.branch.clone().map(Text),
            tag: event.tag.clone().map(Text),
            sha: event.commit.id.clone(),
            attempts: 0,
            due: None,
            trouble: None,
            sending: None,
            with: Vec::new(),
            sent_as: None,
            coalesce: planned.coalesce.map(|hold| hold.as_secs()),
            poll: planned.action == Action::Poll,
            multibranch: planned.multibranch,
            lax_parameters: !planned.strict_parameters,
            scan: None,
            uncertain: false,
            hold,
        }
    };
    ids.into_iter().zip(&plan.triggers).map(entry).collect()
}
