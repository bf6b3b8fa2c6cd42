//! The steps that need nobody else: the hook, and the file.

use super::report::Report;
use crate::cli::install::refusal;
use crate::cli::{Refusal, file, twice};
use crate::config::{self, Config, EventKind, Rule};
use crate::git::Repository;
use crate::install::Event;
use crate::install::state::{self, State};

/// Whether git will really run the hook, as `status` finds out.
pub(super) fn hook(repository: &Repository, report: &mut Report<'_>) -> anyhow::Result<State> {
    let state = state::inspect(repository).map_err(|error| refusal(&error, &[]))?;
    for problem in &state.problems {
        report.fail("hook", &problem.message, &problem.help);
    }
    if !state.is_installed() {
        report.fail(
            "hook",
            "no hook is installed here, so nothing fires",
            &state.remedy,
        );
    } else if state.problems.is_empty() {
        let events: Vec<&str> = state.firing().iter().map(|event| event.name()).collect();
        let hooks = state.hooks.iter().flat_map(|(_, hooks)| hooks);
        let hooks: Vec<&str> = hooks.filter(|hook| hook.fires()).map(|hook| hook.hook).collect();
        report.ok(
            "hook",
            format!(
                "git {} runs it on {} ({})",
                state.version.text,
                hooks.join(", "),
                events.join(", ")
            ),
        );
    }
    Ok(state)
}

/// The file, if it can be read.
pub(super) fn file(
    repository: &Repository,
    state: &State,
    report: &mut Report<'_>,
) -> anyhow::Result<Option<Config>> {
    let read =
        file::compare(repository).and_then(|(source, differs)| Ok((source.read()?, source.origin, differs)));
    let (config, origin, differs) = match read {
        Ok(read) => read,
        Err(error) => {
            if let Some(mistake) = error.downcast_ref::<config::Error>() {
                match mistake.help() {
                    Some(help) => report.fail("file", mistake.to_string(), help),
                    None => report.fail_plainly("file", mistake.to_string()),
                }
            } else if let Some(refusal) = error.downcast_ref::<Refusal>() {
                match &refusal.help {
                    Some(help) => report.fail("file", &refusal.message, help),
                    None => report.fail_plainly("file", &refusal.message),
                }
            } else {
                return Err(error);
            }
            return Ok(None);
        }
    };
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    report.ok(
        "file",
        format!(
            "{origin} is valid: {}, {}",
            count(config.rules.len(), "rule"),
            count(config.servers.len(), "server")
        ),
    );
    if differs {
        report.warn(
            "file",
            format!("it {}", file::DIFFERS),
            format!("git commit {}", config::FILE_NAME),
        );
    }
    let installed = state.firing();
    if let Some(warning) = twice::warning(&config, &installed) {
        let (warning, fix) = warning.rsplit_once("; ").unwrap_or((&warning, ""));
        report.warn("file", warning, fix);
    }
    for rule in &config.rules {
        if !installed.is_empty() && !listens(rule, &installed) {
            let wanted: Vec<String> = rule.events.iter().map(ToString::to_string).collect();
            report.warn(
                "file",
                format!(
                    "rule {} (line {}) fires for {} only, and no hook of that is installed",
                    rule.name,
                    rule.line,
                    wanted.join(" and ")
                ),
                format!("jenkins-trigger install {}", wanted.join(" ")),
            );
        }
    }
    Ok(Some(config))
}

fn listens(rule: &Rule, installed: &[Event]) -> bool {
    rule.events.iter().any(|event| {
        installed.contains(&match event {
            EventKind::PostCommit => Event::PostCommit,
            EventKind::PostPush => Event::PostPush,
            EventKind::PostReceive => Event::PostReceive,
        })
    })
}
