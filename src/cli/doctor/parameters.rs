//! What a rule sends against what its job declares, as far as that is known beforehand.

use super::report::Report;
use super::server::Ground;
use super::subject::Subject;
use crate::config::Action;
use crate::jenkins::parameters::{Definition, Kind, Mistake, check_as_far_as_known};
use crate::jenkins::{Job, job_url};

/// The step's name.
pub(super) const STEP: &str = "parameters";

/// Of the defaults that are shown no more than this is.
const MOST_SHOWN: usize = 40;

/// What the rule sends against what the job declares.
pub(super) fn compare(ground: &Ground<'_>, subject: &Subject<'_>, found: &Job, report: &mut Report<'_>) {
    let (job, rule) = (subject.job.as_str(), subject.rule);
    if rule.action == Action::Poll {
        return report.ok(STEP, "a poll passes none");
    }
    let names: Vec<&str> = subject.sent.iter().map(|(name, _)| name.as_str()).collect();
    if found.is_unborn_pipeline() && !names.is_empty() {
        let message =
            format!("no run of pipeline {job} has ended, so Jenkins does not know its parameters yet");
        if rule.multibranch {
            let fix = format!("the first trigger of it goes out without {}", names.join(", "));
            return report.warn(STEP, message, fix);
        }
        return report.fail(
            STEP,
            message,
            format!("run it once by hand at {}", job_url(ground.url, job)),
        );
    }
    let sent = subject.sent.iter();
    let sent: Vec<_> = sent
        .map(|(name, value)| (name.as_str(), value.as_ref().map(|value| value.as_slice())))
        .collect();
    let mistakes = check_as_far_as_known(&found.parameters, &sent);
    for mistake in &mistakes {
        // Jenkins refuses any to a job that has none.
        let fatal = rule.strict_parameters || matches!(mistake, Mistake::NoneDeclared { .. });
        if fatal {
            report.fail(STEP, mistake.meaning(job), mistake.advice());
        } else {
            report.warn(STEP, mistake.meaning(job), mistake.advice());
        }
    }
    if mistakes.is_empty() {
        report.ok(STEP, described(subject, &found.parameters));
    }
}

/// What is passed, and what becomes of the rest.
fn described(subject: &Subject<'_>, declared: &[Definition]) -> String {
    let sent = |definition: &&Definition| subject.sent.iter().any(|(name, _)| *name == definition.name);
    let passed: Vec<&str> = subject.sent.iter().map(|(name, _)| name.as_str()).collect();
    let mut said = match (passed.is_empty(), declared.is_empty()) {
        (true, true) => "the job has none, and none is passed".to_owned(),
        (true, false) => "none is passed".to_owned(),
        (false, _) => format!("the job declares {}", passed.join(", ")),
    };
    let rest: Vec<String> = declared
        .iter()
        .filter(|definition| !sent(definition))
        .map(without_value)
        .collect();
    if !rest.is_empty() {
        said.push_str(&format!("; not passed: {}", rest.join(", ")));
    }
    let unknown: Vec<&str> = subject
        .sent
        .iter()
        .filter(|(name, value)| value.is_none() && is_picky(declared, name))
        .map(|(name, _)| name.as_str())
        .collect();
    if !unknown.is_empty() {
        said.push_str(&format!(
            "; the value of {} is checked with --branch",
            unknown.join(", ")
        ));
    }
    said
}

/// What a parameter is when nothing is sent for it.
fn without_value(definition: &Definition) -> String {
    let name = &definition.name;
    match (&definition.kind, &definition.default) {
        (Kind::File, _) => format!("{name} (a file, which no trigger carries: it stays empty)"),
        (Kind::Password, _) | (_, None) => format!("{name} (its default)"),
        (_, Some(default)) => {
            let mut shown: String = default.chars().take(MOST_SHOWN).collect();
            if shown.len() < default.len() {
                shown.push('…');
            }
            format!("{name} (stays {shown:?})")
        }
    }
}

/// Whether Jenkins does not take every value for it.
fn is_picky(declared: &[Definition], name: &str) -> bool {
    declared
        .iter()
        .any(|definition| definition.name == name && matches!(definition.kind, Kind::Choice | Kind::Boolean))
}
