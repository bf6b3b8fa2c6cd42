//! event × configuration → triggers, each with the reason why a rule fires or does not. Pure:
//! the same input gives the same plan, and nothing is read or written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice as _};

use crate::config::{
    Action, BranchParameter, Config, Decision, EventKind, Method, Operation, Rule, Variable, branch_job,
};
use crate::event::{self, ChangedPaths, Event, Kind};

/// What templates may ask about the world outside the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The login name.
    pub user: BString,
    /// This machine's name.
    pub hostname: BString,
    /// The values of the variables that the file names under `env:`, where they are set.
    pub variables: BTreeMap<String, BString>,
    /// Those that it names and may not read.
    pub withheld: BTreeSet<String>,
}

/// One job to be triggered because of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The rules that ask for it, indices into [`Config::rules`].
    pub rules: Vec<usize>,
    /// The server, an index into [`Config::servers`].
    pub server: usize,
    /// How Jenkins is asked.
    pub method: Method,
    /// The job's full name.
    pub job: String,
    /// The name of the job's trigger token in the credential store.
    pub token_from: Option<String>,
    /// The parameters, branch parameter first.
    pub parameters: Vec<(String, BString)>,
    /// The variables that the rules' texts name and that may not be read: without them the rest is
    /// not what the file asks for.
    pub withheld: Vec<String>,
    /// How long Jenkins is to wait; `None` leaves it to the job's quiet period.
    pub delay: Option<Duration>,
    /// For how long it is held here, and of those of its rules and branch that come meanwhile only
    /// the newest is sent.
    pub coalesce: Option<Duration>,
    /// The note for the build's page.
    pub cause: BString,
    /// What Jenkins is asked for.
    pub action: Action,
    /// Whether the job is the branch's in a multibranch project.
    pub multibranch: bool,
    /// Whether what the job does not declare is refused.
    pub strict_parameters: bool,
}

/// Why a rule fires or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It fires: the rule has no patterns, so that every branch matches.
    EveryBranch,
    /// It fires or not: this pattern decided about this name.
    Pattern {
        /// `branch` or `tag`.
        of: &'static str,
        /// The name that was matched.
        name: BString,
        /// The pattern as written.
        pattern: String,
        /// Whether the name is in.
        included: bool,
    },
    /// It fires: the list only excludes, and excludes something else.
    NotExcluded {
        /// `branch` or `tag`.
        of: &'static str,
        /// The name that was matched.
        name: BString,
    },
    /// No pattern of the list matches.
    NoPattern {
        /// `branch` or `tag`.
        of: &'static str,
        /// The name that was matched.
        name: BString,
    },
    /// The rule is for tags, the event is about a branch.
    OnlyTags,
    /// The rule is for branches, the event is about a tag.
    OnlyBranches,
    /// The event is not in the rule's `events`.
    OtherEvent(Kind),
    /// The push went to a remote that is not in the rule's `remotes`.
    OtherRemote {
        /// The rule's `remotes`.
        wanted: Vec<String>,
        /// The remote; `None` for an address that is no remote of this repository.
        remote: Option<BString>,
    },
    /// A skip marker stands in the commit's message.
    Marker(String),
    /// `skip.while` names what git is doing.
    During(event::Operation),
    /// None of the changed paths matches `paths`, or all match `paths_ignore`.
    NoPath,
    /// `--only` names other rules.
    NotAsked,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryBranch => out.write_str("it has no `branches`, so every branch matches"),
            Self::Pattern {
                of,
                name,
                pattern,
                included: true,
            } => write!(out, "{of} {name} matches `{pattern}`"),
            Self::Pattern {
                of, name, pattern, ..
            } => write!(out, "{of} {name} is excluded by `{pattern}`"),
            Self::NotExcluded { of, name } => {
                write!(out, "{of} {name} is not excluded, and the list only excludes")
            }
            Self::NoPattern { of, name } => write!(out, "no pattern matches {of} {name}"),
            Self::OnlyTags => out.write_str("it has only `tags`, and this is a branch"),
            Self::OnlyBranches => out.write_str("it has no `tags`, and this is a tag"),
            Self::OtherEvent(kind) => write!(out, "its `events` do not list {kind}"),
            Self::OtherRemote { wanted, remote } => {
                let plural = if wanted.len() == 1 { "" } else { "s" };
                write!(out, "it is for remote{plural} {} only", wanted.join(", "))?;
                match remote {
                    Some(remote) => write!(out, ", and this went to {remote}"),
                    None => {
                        out.write_str(", and this went to an address that is no remote of this repository")
                    }
                }
            }
            Self::Marker(marker) => write!(out, "the commit's message says {marker}"),
            Self::During(operation) => write!(out, "{} (`skip.while`)", describe(*operation)),
            Self::NoPath => out.write_str("no changed file matches its path filter"),
            Self::NotAsked => out.write_str("`--only` names another rule"),
        }
    }
}

/// How an operation is called in a sentence.
#[must_use]
pub fn describe(operation: event::Operation) -> &'static str {
    match operation {
        event::Operation::Rebase => "a rebase or git am is in progress",
        event::Operation::Bisect => "a bisect is in progress",
        event::Operation::CherryPick => "the commit is a cherry-pick",
        event::Operation::Revert => "the commit is a revert",
        event::Operation::Merge => "the commit is a merge",
    }
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The rule, an index into [`Config::rules`].
    pub rule: usize,
    /// Whether it fires.
    pub fires: bool,
    /// What decided.
    pub reason: Reason,
    /// Something the user should know although the rule fires.
    pub note: Option<String>,
}

/// All that follows from one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// A verdict for every rule, in the file's order.
    pub verdicts: Vec<Verdict>,
    /// What is to be triggered, each once.
    pub triggers: Vec<Trigger>,
}

/// What the user asked for, on the command line or with a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Only rules of these names.
    pub only: Vec<String>,
    /// Parameters that replace or join the rule's own.
    pub parameters: Vec<(String, BString)>,
    /// Values for parameters that the rule itself names, and for no other: who may push is not
    /// asked what a job takes. Of several for one name the last counts.
    pub replacements: Vec<(BString, BString)>,
}

/// Makes the plan for `event`.
#[must_use]
pub fn plan(event: &Event, config: &Config, surroundings: &Surroundings, wishes: &Wishes) -> Plan {
    let marker = config
        .skip
        .markers
        .then(|| skip_marker(event.commit.message.as_ref()))
        .flatten();
    let mut plan = Plan::default();
    for (index, rule) in config.rules.iter().enumerate() {
        let (fires, reason) = decide(event, config, rule, marker.as_deref(), wishes);
        let note = (fires && filters_paths(rule))
            .then(|| match &event.changed {
                ChangedPaths::Unknown(why) => Some(format!("counts as matched whatever changed: {why}")),
                ChangedPaths::Known(_) => None,
            })
            .flatten();
        plan.verdicts.push(Verdict {
            rule: index,
            fires,
            reason,
            note,
        });
        if fires {
            join(
                &mut plan.triggers,
                trigger(event, (index, rule), surroundings, wishes),
            );
        }
    }
    plan
}

/// Whether any rule could fire for an event of this kind on this reference, given by its full
/// name, as far as the kind, the names and the remote tell: no commit has to be read for it. Where
/// this is false [`plan`] makes no trigger.
#[must_use]
pub fn may_fire(config: &Config, kind: Kind, reference: &BStr, remote: Option<&BStr>) -> bool {
    let below = |prefix: &[u8]| reference.strip_prefix(prefix).map(BStr::new);
    let name = Name {
        branch: below(b"refs/heads/"),
        tag: below(b"refs/tags/"),
    };
    config.rules.iter().any(|rule| {
        let listens = kind == Kind::Manual || listens(rule, kind);
        listens && takes_remote(rule, kind, remote) && decide_name(name, rule).matches()
    })
}

/// The rules, indices into [`Config::rules`], that fire for a commit and again when it is pushed.
#[must_use]
pub fn fires_twice(config: &Config) -> Vec<usize> {
    let both = |rule: &Rule| {
        // A commit is on a branch.
        let takes_branches = rule.branches.is_some() || rule.tags.is_none();
        takes_branches && listens(rule, Kind::PostCommit) && listens(rule, Kind::PostPush)
    };
    let rules = config.rules.iter().enumerate();
    rules
        .filter_map(|(index, rule)| both(rule).then_some(index))
        .collect()
}

/// Whether any rule of the file needs to know the changed paths.
#[must_use]
pub fn needs_changed_paths(config: &Config) -> bool {
    config.rules.iter().any(filters_paths)
}

/// Whether the file skips operations that only the reflog tells apart.
#[must_use]
pub fn needs_last_action(config: &Config) -> bool {
    config
        .skip
        .while_
        .iter()
        .any(|operation| matches!(operation, Operation::CherryPick | Operation::Revert))
}

fn filters_paths(rule: &Rule) -> bool {
    rule.paths.is_some() || rule.paths_ignore.is_some()
}

/// Identical triggers of one event are one, whatever their notes say.
fn join(triggers: &mut Vec<Trigger>, new: Trigger) {
    let same = |old: &Trigger| {
        old.server == new.server
            && old.method == new.method
            && old.job == new.job
            && old.token_from == new.token_from
            && old.parameters == new.parameters
            && old.withheld == new.withheld
            && old.delay == new.delay
            && old.coalesce == new.coalesce
            && old.action == new.action
            && old.multibranch == new.multibranch
            && old.strict_parameters == new.strict_parameters
    };
    match triggers.iter_mut().find(|old| same(old)) {
        Some(old) => old.rules.extend(new.rules),
        None => triggers.push(new),
    }
}

fn decide(
    event: &Event,
    config: &Config,
    rule: &Rule,
    marker: Option<&str>,
    wishes: &Wishes,
) -> (bool, Reason) {
    if !wishes.only.is_empty() && !wishes.only.contains(&rule.name) {
        return (false, Reason::NotAsked);
    }
    let by_hand = event.kind == Kind::Manual;
    if !by_hand && !listens(rule, event.kind) {
        return (false, Reason::OtherEvent(event.kind));
    }
    if !takes_remote(rule, event.kind, event.remote.as_ref().map(AsRef::as_ref)) {
        let reason = Reason::OtherRemote {
            wanted: rule.remotes.clone().unwrap_or_default(),
            remote: event.remote.clone(),
        };
        return (false, reason);
    }
    let name = Name {
        branch: event.branch.as_ref().map(AsRef::as_ref),
        tag: event.tag.as_ref().map(AsRef::as_ref),
    };
    let decision = decide_name(name, rule);
    let reason = decision.reason(event);
    if !decision.matches() {
        return (false, reason);
    }
    if by_hand {
        return (true, reason);
    }
    if let Some(operation) = skipped_operation(event, config) {
        return (false, Reason::During(operation));
    }
    if let (Some(marker), true) = (marker, rule.skip_ci) {
        return (false, Reason::Marker(marker.to_owned()));
    }
    if !matches_paths(event, rule) {
        return (false, Reason::NoPath);
    }
    (true, reason)
}

fn listens(rule: &Rule, kind: Kind) -> bool {
    rule.events.iter().any(|listed| match listed {
        EventKind::PostCommit => kind == Kind::PostCommit,
        EventKind::PostPush => kind == Kind::PostPush,
        EventKind::PostReceive => kind == Kind::PostReceive,
    })
}

/// `remotes` is about pushes from here and about nothing else.
fn takes_remote(rule: &Rule, kind: Kind, remote: Option<&BStr>) -> bool {
    match &rule.remotes {
        Some(names) if kind == Kind::PostPush => {
            remote.is_some_and(|remote| names.iter().any(|name| remote == name.as_bytes()))
        }
        _ => true,
    }
}

/// The short name of a branch or a tag; of another reference neither.
#[derive(Clone, Copy)]
struct Name<'a> {
    branch: Option<&'a BStr>,
    tag: Option<&'a BStr>,
}

/// What a rule's patterns say of a name. It borrows all it has: of the many references of one push
/// most match nothing, and then nobody wants to know why.
enum NameDecision<'a> {
    EveryBranch,
    OnlyTags,
    OnlyBranches,
    Neither,
    List(&'static str, &'a BStr, Decision<'a>),
}

fn decide_name<'a>(name: Name<'a>, rule: &'a Rule) -> NameDecision<'a> {
    match (name.branch, name.tag) {
        (Some(branch), _) => match (&rule.branches, &rule.tags) {
            (Some(patterns), _) => NameDecision::List("branch", branch, patterns.decide(branch)),
            (None, Some(_)) => NameDecision::OnlyTags,
            (None, None) => NameDecision::EveryBranch,
        },
        (None, Some(tag)) => match &rule.tags {
            Some(patterns) => NameDecision::List("tag", tag, patterns.decide(tag)),
            None => NameDecision::OnlyBranches,
        },
        (None, None) => NameDecision::Neither,
    }
}

impl NameDecision<'_> {
    fn matches(&self) -> bool {
        match self {
            Self::EveryBranch => true,
            Self::OnlyTags | Self::OnlyBranches | Self::Neither => false,
            Self::List(_, _, decision) => {
                matches!(decision, Decision::Included(_) | Decision::IncludedByDefault)
            }
        }
    }

    fn reason(&self, event: &Event) -> Reason {
        match *self {
            Self::EveryBranch => Reason::EveryBranch,
            Self::OnlyTags => Reason::OnlyTags,
            Self::OnlyBranches => Reason::OnlyBranches,
            Self::Neither => Reason::NoPattern {
                of: "reference",
                name: event.reference.clone(),
            },
            Self::List(of, name, decision) => {
                let name = name.to_owned();
                match decision {
                    Decision::Included(pattern) | Decision::Excluded(pattern) => Reason::Pattern {
                        of,
                        name,
                        pattern: pattern.text().to_owned(),
                        included: self.matches(),
                    },
                    Decision::IncludedByDefault => Reason::NotExcluded { of, name },
                    Decision::NoMatch => Reason::NoPattern { of, name },
                }
            }
        }
    }
}

fn skipped_operation(event: &Event, config: &Config) -> Option<event::Operation> {
    event.operations.iter().copied().find(|now| {
        config.skip.while_.iter().any(|listed| match listed {
            Operation::Rebase => *now == event::Operation::Rebase,
            Operation::Bisect => *now == event::Operation::Bisect,
            Operation::CherryPick => *now == event::Operation::CherryPick,
            Operation::Revert => *now == event::Operation::Revert,
            Operation::Merge => *now == event::Operation::Merge,
        })
    })
}

fn matches_paths(event: &Event, rule: &Rule) -> bool {
    if !filters_paths(rule) {
        return true;
    }
    match &event.changed {
        ChangedPaths::Unknown(_) => true,
        ChangedPaths::Known(paths) => paths.iter().any(|path| {
            let wanted = rule.paths.as_ref().is_none_or(|list| list.matches(path));
            let ignored = rule.paths_ignore.as_ref().is_some_and(|list| list.matches(path));
            wanted && !ignored
        }),
    }
}

/// The markers, in lower case, as people write them in commit messages for any CI.
const MARKERS: &[&str] = &[
    "[skip ci]",
    "[ci skip]",
    "[no ci]",
    "[skip jenkins]",
    "[jenkins skip]",
];

/// The skip marker in a commit's message: a bracketed one anywhere, or the trailer
/// `skip-checks: true` in its last paragraph.
fn skip_marker(message: &BStr) -> Option<String> {
    let message = message.to_ascii_lowercase();
    if let Some(marker) = MARKERS.iter().find(|marker| message.contains_str(marker)) {
        return Some((*marker).to_owned());
    }
    let is_trailer = |line: &[u8]| {
        line.split_once_str(":")
            .is_some_and(|(key, value)| key == b"skip-checks" && value.trim() == b"true")
    };
    let lines: Vec<&[u8]> = message.trim_end().lines().collect();
    let blank = lines.iter().rposition(|line| line.trim().is_empty())?;
    lines[blank..]
        .iter()
        .any(|line| is_trailer(line))
        .then(|| "skip-checks: true".to_owned())
}

fn trigger(
    event: &Event,
    (index, rule): (usize, &Rule),
    surroundings: &Surroundings,
    wishes: &Wishes,
) -> Trigger {
    let value = |variable: &Variable| value_of(variable, event, surroundings);
    let mut parameters: Vec<(String, BString)> = Vec::new();
    let branch_parameter = match (&rule.branch_parameter, &event.branch, &event.tag) {
        (BranchParameter::Off, _, _) | (BranchParameter::Default(_), None, _) => None,
        (BranchParameter::Default(name) | BranchParameter::Explicit(name), Some(branch), _) => {
            Some((name.clone(), branch.clone()))
        }
        (BranchParameter::Explicit(name), None, tag) => tag.clone().map(|tag| (name.clone(), tag)),
    };
    parameters.extend(branch_parameter);
    for (name, template) in &rule.parameters {
        let mut replacements = wishes.replacements.iter().rev();
        let replaced = replacements.find(|(replaced, _)| replaced == name.as_bytes());
        let text = match replaced {
            Some((_, text)) => Some(text.clone()),
            None => template.expand(&value).map(BString::from),
        };
        parameters.extend(text.map(|text| (name.clone(), text)));
    }
    for (name, text) in &wishes.parameters {
        match parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => old.clone_from(text),
            None => parameters.push((name.clone(), text.clone())),
        }
    }
    Trigger {
        rules: vec![index],
        server: rule.server,
        method: rule.method,
        job: match event.branch.as_ref().or(event.tag.as_ref()) {
            Some(name) if rule.multibranch => branch_job(&rule.job, name.as_ref()),
            _ => rule.job.clone(),
        },
        token_from: rule.token_from.clone(),
        parameters,
        withheld: withheld(rule, surroundings),
        delay: rule.delay.filter(|_| !rule.coalesce),
        // By hand there is nothing to wait for.
        coalesce: rule.delay.filter(|_| rule.coalesce && event.kind != Kind::Manual),
        cause: rule.cause.expand(&value).unwrap_or_default().into(),
        action: rule.action,
        multibranch: rule.multibranch,
        strict_parameters: rule.strict_parameters,
    }
}

/// The variables that a rule reads, of those that it may not.
fn withheld(rule: &Rule, surroundings: &Surroundings) -> Vec<String> {
    let mut names = rule.variables();
    names.retain(|name| surroundings.withheld.contains(*name));
    names.into_iter().map(str::to_owned).collect()
}

fn value_of(variable: &Variable, event: &Event, surroundings: &Surroundings) -> Option<Vec<u8>> {
    let text = |value: &[u8]| Some(value.to_vec());
    let name = |value: &Option<BString>| value.as_ref().map(|value| value.to_vec());
    match variable {
        Variable::Branch => name(&event.branch),
        Variable::Ref => text(&event.reference),
        Variable::Sha => text(event.commit.id.as_bytes()),
        Variable::ShortSha => text(event.short_id().as_bytes()),
        Variable::OldSha => event.old_id.as_ref().and_then(|id| text(id.as_bytes())),
        Variable::Tag => name(&event.tag),
        Variable::AuthorName => text(&event.commit.author_name),
        Variable::AuthorEmail => text(&event.commit.author_email),
        Variable::Subject => text(event.subject()),
        Variable::Repo => text(&event.repository),
        Variable::Remote => name(&event.remote),
        Variable::Event => text(event.kind.name().as_bytes()),
        Variable::User => text(&surroundings.user),
        Variable::Hostname => text(&surroundings.hostname),
        Variable::Env(name) => surroundings.variables.get(name).and_then(|value| text(value)),
    }
}
