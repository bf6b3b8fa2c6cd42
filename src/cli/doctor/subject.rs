//! What is to be looked at in Jenkins: of each rule the job, and what the rule sends to it.

use bstr::BString;

use crate::cli::consent::Consent;
use crate::cli::{Refusal, Session, check, enqueue};
use crate::config::{BranchParameter, Config, Rule, branch_job};
use crate::git::Repository;
use crate::plan::{self, Wishes};

/// One rule and its job.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) rule: &'a Rule,
    /// The job's full name; of a multibranch rule the branch's job, where a branch was named.
    pub(super) job: String,
    /// The parameters, and their values as far as they are known beforehand.
    pub(super) sent: Vec<(String, Option<BString>)>,
}

/// A rule that is not looked at, and why.
pub(super) struct LeftOut<'a> {
    pub(super) rule: &'a Rule,
    pub(super) why: String,
}

/// The rules that were asked for.
pub(super) fn subjects<'a>(
    session: &Session,
    repository: &Repository,
    config: &'a Config,
    only: &[String],
    branch: Option<&BString>,
) -> anyhow::Result<(Vec<Subject<'a>>, Vec<LeftOut<'a>>)> {
    if let Some(name) = only
        .iter()
        .find(|name| config.rules.iter().all(|rule| rule.name != **name))
    {
        let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
        return Err(Refusal::new(
            format!("no rule is called {name}"),
            format!("the file's rules: {}", names.join(", ")),
        )
        .into());
    }
    let asked = |rule: &&Rule| only.is_empty() || only.contains(&rule.name);
    let Some(branch) = branch else {
        let subjects = config.rules.iter().filter(asked).map(|rule| Subject {
            rule,
            job: rule.job.clone(),
            sent: sent(rule),
        });
        return Ok((subjects.collect(), Vec::new()));
    };
    let event = check::branch_event(&session.printer, repository, config, branch)?;
    let wishes = Wishes {
        only: only.to_vec(),
        ..Wishes::default()
    };
    let consent = Consent::of(repository);
    let surroundings = enqueue::surroundings(config, &consent, enqueue::occasion(event.kind));
    let plan = plan::plan(&event, config, &surroundings, &wishes);
    let (mut subjects, mut left_out) = (Vec::new(), Vec::new());
    for verdict in &plan.verdicts {
        let rule = &config.rules[verdict.rule];
        let trigger = plan
            .triggers
            .iter()
            .find(|trigger| trigger.rules.contains(&verdict.rule));
        match trigger {
            Some(trigger) => subjects.push(Subject {
                rule,
                job: if rule.multibranch {
                    branch_job(&rule.job, branch.as_ref())
                } else {
                    rule.job.clone()
                },
                sent: trigger
                    .parameters
                    .iter()
                    .map(|(name, value)| (name.clone(), Some(value.clone())))
                    .collect(),
            }),
            None if asked(&rule) => left_out.push(LeftOut {
                rule,
                why: format!("it does not fire for branch {branch}: {}", verdict.reason),
            }),
            None => {}
        }
    }
    Ok((subjects, left_out))
}

/// What a rule may send, whatever the event: all names, and the values that are written out.
fn sent(rule: &Rule) -> Vec<(String, Option<BString>)> {
    let only_tags = rule.branches.is_none() && rule.tags.is_some();
    let branch = match &rule.branch_parameter {
        BranchParameter::Off => None,
        BranchParameter::Default(_) if only_tags => None,
        BranchParameter::Default(name) | BranchParameter::Explicit(name) => Some((name.clone(), None)),
    };
    let others = rule.parameters.iter().map(|(name, template)| {
        let is_literal = template.variables().next().is_none();
        let value = template.expand(&|_| None).filter(|_| is_literal);
        (name.clone(), value.map(BString::from))
    });
    branch.into_iter().chain(others).collect()
}
