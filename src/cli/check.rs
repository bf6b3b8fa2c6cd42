//! `check`: what is wrong with the file, and what it would do.

use bstr::BString;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::allow::Allow;
use super::authorities::Authorities;
use super::consent::{self, Consent};
use super::file::Place;
use super::sources::{self, Known};
use super::{Exit, Refusal, Session, enqueue, file, twice};
use crate::config::{Config, EventKind, Method, PatternList, Rule};
use crate::credentials::trust;
use crate::event::{ChangedPaths, Event, Kind, manual};
use crate::git::{Commit, Repository};
use crate::install::state;
use crate::plan::{self, Plan, Reason, Verdict, Wishes};
use crate::text::Text;
use crate::ui::{Printer, Table, Tone};

/// The events that rules can name.
#[allow(clippy::enum_variant_names, reason = "these are git's own names")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EventName {
    PostCommit,
    PostPush,
    PostReceive,
}

impl From<EventName> for Kind {
    fn from(name: EventName) -> Self {
        match name {
            EventName::PostCommit => Self::PostCommit,
            EventName::PostPush => Self::PostPush,
            EventName::PostReceive => Self::PostReceive,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Explain which rules fire for this branch, and which pattern decides
    #[arg(short, long, value_name = "BRANCH", value_parser = super::bytes())]
    branch: Option<BString>,

    /// The same for this tag
    #[arg(short, long, value_name = "TAG", value_parser = super::bytes(), conflicts_with = "branch")]
    tag: Option<BString>,

    /// The event to explain [default: each]
    #[arg(short, long, value_enum)]
    event: Option<EventName>,

    /// Where a push goes, for rules with `remotes` [default: the only remote, else origin]
    #[arg(short, long, value_name = "REMOTE", value_parser = super::bytes())]
    remote: Option<BString>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let source = file::of_work_tree(&repository, printer)?;
    let config = match source.read_with_files(&repository) {
        Ok(config) => config,
        Err(mistake) if arguments.json => {
            printer.json(&Mistake {
                valid: false,
                file: mistake.origin(),
                line: mistake.line(),
                column: mistake.column(),
                message: mistake.message(),
                help: mistake.help(),
            });
            return Ok(Exit::Act);
        }
        Err(mistake) => return Err(mistake.into()),
    };
    let warnings = warnings(&repository, &config, &source.place);
    let subject = match (&arguments.branch, &arguments.tag) {
        (Some(branch), _) => Some(branch_event(printer, &repository, &config, branch)?),
        (None, Some(tag)) => Some(tag_event(printer, &repository, tag)?),
        (None, None) if arguments.event.is_some() || arguments.remote.is_some() => {
            return Err(Refusal::new(
                "say what happens to which branch or tag",
                "add it: jenkins-trigger check --branch main",
            )
            .into());
        }
        (None, None) => None,
    };
    match subject {
        None => summary(
            printer,
            (&source.origin, &config),
            &sources::known(
                &config,
                &trust::trusted(repository.common_dir()).unwrap_or_default(),
            ),
            &warnings,
            arguments.json,
        ),
        Some(event) => explain(printer, &repository, &config, &event, arguments)?,
    }
    if !arguments.json {
        for warning in &warnings {
            printer.warning(warning);
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Mistake<'a> {
    valid: bool,
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary<'a> {
    valid: bool,
    file: &'a str,
    rules: Vec<SummaryRule<'a>>,
    servers: &'a [Known],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct SummaryRule<'a> {
    name: &'a str,
    job: &'a str,
    server: &'a str,
    method: String,
    line: usize,
}

/// What is allowed and yet probably not meant.
fn warnings(repository: &Repository, config: &Config, place: &Place) -> Vec<String> {
    let unheard_causes = config
        .rules
        .iter()
        .filter(|rule| rule.cause_given && rule.method == Method::Api)
        .map(|rule| {
            format!(
                "line {}: Jenkins records the `cause` of rule {} only with a trigger token; with method api it \
                 notes the user instead",
                rule.line, rule.name
            )
        });
    let installed = state::inspect(repository).map_or_else(|_| Vec::new(), |state| state.firing());
    let consent = Consent::of(repository);
    // Where nothing fires and nothing was allowed, nothing is held.
    let held = if installed.is_empty() && consent.is_none() {
        Vec::new()
    } else {
        held(repository, (config, place), &consent)
    };
    let bound = Allow::of(repository).ok().flatten();
    unheard_causes
        .chain(twice::warning(config, &installed))
        .chain(held)
        .chain(bound.map(|allow| allow.wrong).into_iter().flatten())
        .collect()
}

/// What of the file would be held, each reason once.
fn held(repository: &Repository, (config, place): (&Config, &Place), consent: &Consent) -> Vec<String> {
    let authorities = Authorities::new(repository, place);
    let mut told = Vec::new();
    for rule in &config.rules {
        let occasion = consent::occasion(repository, rule);
        if let Some(why) = consent.refusal_of((config, rule), &authorities, occasion) {
            let why = format!("it would be held: {why}");
            if !told.contains(&why) {
                told.push(why);
            }
        }
    }
    told
}

fn summary(
    printer: &Printer,
    (origin, config): (&str, &Config),
    servers: &[Known],
    warnings: &[String],
    json: bool,
) {
    if json {
        printer.json(&Summary {
            valid: true,
            file: origin,
            rules: config
                .rules
                .iter()
                .map(|rule| summary_rule(config, rule))
                .collect(),
            servers,
            warnings,
        });
        return;
    }
    printer.toned(Tone::Good, "valid", &format!(" {origin}"));
    let mut table = Table::new(&["FOR", "JOB", "SERVER", "METHOD", "EVENTS"]);
    for rule in &config.rules {
        let events: Vec<String> = rule.events.iter().map(|event| heard(rule, *event)).collect();
        table.row([
            (None, wanted(rule)),
            (None, rule.job.clone()),
            (None, config.servers[rule.server].url.to_string()),
            (None, rule.method.to_string()),
            (None, events.join(" ")),
        ]);
    }
    printer.table(&table);
    for server in servers {
        printer.result(&server.line());
    }
}

/// An event of a rule, with the remotes where they count.
fn heard(rule: &Rule, event: EventKind) -> String {
    match &rule.remotes {
        Some(remotes) if event == EventKind::PostPush => format!("{event} to {}", remotes.join(",")),
        _ => event.to_string(),
    }
}

fn summary_rule<'a>(config: &'a Config, rule: &'a Rule) -> SummaryRule<'a> {
    SummaryRule {
        name: &rule.name,
        job: &rule.job,
        server: config.servers[rule.server].url.as_str(),
        method: rule.method.to_string(),
        line: rule.line,
    }
}

/// What a rule is for, in its own patterns.
fn wanted(rule: &Rule) -> String {
    let list = |patterns: &PatternList| {
        let texts: Vec<&str> = patterns
            .patterns()
            .iter()
            .map(crate::config::Pattern::text)
            .collect();
        texts.join(" ")
    };
    match (&rule.branches, &rule.tags) {
        (Some(branches), None) => list(branches),
        (None, Some(tags)) => format!("tags {}", list(tags)),
        (Some(branches), Some(tags)) => format!("{} tags {}", list(branches), list(tags)),
        (None, None) => "every branch".into(),
    }
}

/// What one rule does on the events that were asked about.
#[derive(Serialize)]
struct Explained<'a> {
    rule: &'a str,
    job: &'a str,
    line: usize,
    fires: bool,
    events: Vec<&'static str>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    parameters: Vec<(String, Text)>,
}

fn explain(
    printer: &Printer,
    repository: &Repository,
    config: &Config,
    event: &Event,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let kinds = match arguments.event {
        Some(event) => vec![Kind::from(event)],
        None => vec![Kind::PostCommit, Kind::PostPush, Kind::PostReceive],
    };
    let remote = remote(printer, repository, arguments.remote.as_ref())?;
    let consent = Consent::of(repository);
    let plans: Vec<(Kind, Plan)> = kinds
        .into_iter()
        // No commit makes a tag.
        .filter(|kind| event.tag.is_none() || arguments.event.is_some() || *kind != Kind::PostCommit)
        .map(|kind| {
            let event = Event {
                kind,
                remote: (kind == Kind::PostPush).then(|| remote.clone()),
                ..event.clone()
            };
            let surroundings = enqueue::surroundings(config, &consent, enqueue::occasion(kind));
            let plan = plan::plan(&event, config, &surroundings, &Wishes::default());
            (kind, plan)
        })
        .collect();
    for (index, rule) in config.rules.iter().enumerate() {
        let explained = explained(rule, index, &plans);
        if arguments.json {
            printer.json(&explained);
        } else {
            print_explained(printer, &explained);
        }
    }
    Ok(())
}

/// The remote that a push is explained for.
fn remote(printer: &Printer, repository: &Repository, asked: Option<&BString>) -> anyhow::Result<BString> {
    let remotes = repository.remotes()?;
    Ok(match (asked, &remotes[..]) {
        (Some(asked), _) => {
            if !remotes.contains(asked) {
                printer.note(&format!("note: there is no remote {asked} here"));
            }
            asked.clone()
        }
        (None, [only]) => only.clone(),
        (None, _) => "origin".into(),
    })
}

fn explained<'a>(rule: &'a Rule, index: usize, plans: &[(Kind, Plan)]) -> Explained<'a> {
    let verdict = |plan: &Plan| plan.verdicts.iter().find(|v| v.rule == index).cloned();
    let verdicts: Vec<(Kind, &Plan, Verdict)> = plans
        .iter()
        .filter_map(|(kind, plan)| Some((*kind, plan, verdict(plan)?)))
        .collect();
    let firing: Vec<_> = verdicts.iter().filter(|(_, _, v)| v.fires).collect();
    // A rule that listens to one event only is explained by what it makes of that one.
    let telling = firing.first().copied().or_else(|| {
        let heard = |(_, _, v): &&(Kind, &Plan, Verdict)| !matches!(v.reason, Reason::OtherEvent(_));
        verdicts.iter().find(heard).or(verdicts.first())
    });
    let parameters = firing
        .first()
        .and_then(|(_, plan, _)| plan.triggers.iter().find(|t| t.rules.contains(&index)))
        .map(|trigger| {
            let texts = trigger.parameters.iter();
            texts
                .map(|(name, value)| (name.clone(), Text(value.clone())))
                .collect()
        });
    Explained {
        rule: &rule.name,
        job: &rule.job,
        line: rule.line,
        fires: !firing.is_empty(),
        events: firing.iter().map(|(kind, _, _)| kind.name()).collect(),
        reason: telling.map(|(_, _, v)| v.reason.to_string()).unwrap_or_default(),
        note: telling
            .and_then(|(_, _, v)| v.note.as_ref().map(|note| format!("it {note}")))
            .or_else(|| unheard_push(&verdicts).filter(|_| !firing.is_empty())),
        parameters: parameters.unwrap_or_default(),
    }
}

/// That a rule does not fire for a push is worth a word where it fires otherwise.
fn unheard_push(verdicts: &[(Kind, &Plan, Verdict)]) -> Option<String> {
    verdicts.iter().find_map(|(kind, _, verdict)| {
        let other_remote = matches!(verdict.reason, Reason::OtherRemote { .. });
        other_remote.then(|| format!("not on {kind}: {}", verdict.reason))
    })
}

fn print_explained(printer: &Printer, explained: &Explained<'_>) {
    let name = if explained.rule == explained.job {
        explained.rule.to_owned()
    } else {
        format!("{} → {}", explained.rule, explained.job)
    };
    if explained.fires {
        let events = explained.events.join(", ");
        printer.toned(
            Tone::Good,
            "fires",
            &format!("     {name} on {events}: {}", explained.reason),
        );
        for (name, value) in &explained.parameters {
            printer.result(&format!("            {name}={value}"));
        }
    } else {
        printer.toned(Tone::Dim, "does not", &format!("  {name}: {}", explained.reason));
    }
    if let Some(note) = &explained.note {
        printer.result(&format!("            {note}"));
    }
}

/// The event to explain: the branch's tip as if it had just been committed; for a branch that
/// does not exist, a commit of nothing but zeros.
pub(super) fn branch_event(
    printer: &Printer,
    repository: &Repository,
    config: &Config,
    branch: &BString,
) -> anyhow::Result<Event> {
    if let manual::Tip::Found(mut event) = manual::read(repository, branch.as_ref())? {
        if plan::needs_changed_paths(config) {
            event.find_changed_paths(repository, None);
        }
        return Ok(*event);
    }
    printer.note(&format!(
        "note: there is no branch {branch} here; its commit is shown as zeros"
    ));
    Ok(Event {
        branch: Some(branch.clone()),
        ..about(repository, full_name("refs/heads/", branch), None)
    })
}

/// The same for a tag that was just made: there is nothing to compare it with.
fn tag_event(printer: &Printer, repository: &Repository, tag: &BString) -> anyhow::Result<Event> {
    let reference = full_name("refs/tags/", tag);
    let id = match repository.resolve(reference.as_ref())? {
        Some(id) => repository.commit_of(&id)?,
        None => None,
    };
    let commit = id.map(|id| repository.commit(&id)).transpose()?;
    if commit.is_none() {
        printer.note(&format!(
            "note: there is no tag {tag} of a commit here; its commit is shown as zeros"
        ));
    }
    Ok(Event {
        tag: Some(tag.clone()),
        ..about(repository, reference, commit)
    })
}

fn full_name(prefix: &str, name: &BString) -> BString {
    [prefix.as_bytes(), name].concat().into()
}

fn about(repository: &Repository, reference: BString, commit: Option<Commit>) -> Event {
    let why = match commit {
        Some(_) => "it is new, so there is nothing to compare with",
        None => "there is no such commit yet",
    };
    Event {
        kind: Kind::Manual,
        reference,
        branch: None,
        tag: None,
        commit: commit.unwrap_or_else(|| Commit {
            id: "0".repeat(40),
            parents: Vec::new(),
            author_name: BString::default(),
            author_email: BString::default(),
            message: BString::default(),
        }),
        old_id: None,
        remote: None,
        repository: repository.name(),
        operations: Vec::new(),
        changed: ChangedPaths::Unknown(why.into()),
    }
}
