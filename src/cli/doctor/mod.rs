//! `doctor`: every step from the hook to Jenkins's permission, each with its fix. It asks and never
//! triggers, one question after the other.

mod job;
mod local;
mod parameters;
mod report;
mod server;
mod subject;

use std::time::{Duration, Instant};

use bstr::BString;
use clap::Args;

use super::{Exit, Session};
use report::Report;

/// After so long no further question is put. One that is put has its own limit.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug, Args)]
#[command(after_help = "\
Asks Jenkins and changes nothing: no build is started and nothing is queued. A server that is not
trusted in this repository is not contacted, and a job that is not allowed here is not looked at
(see: jenkins-trigger trust).

Exit codes: 0 nothing failed (warnings may be there), 1 something did.")]
pub(super) struct Arguments {
    /// What would be sent for this branch, by the rules that fire for it
    #[arg(short, long, value_name = "BRANCH", value_parser = super::bytes())]
    branch: Option<BString>,

    /// Only the rule of this name (the job's, where a rule has none); may be repeated
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let until = Instant::now() + LIMIT;
    let repository = session.repository()?;
    let mut report = Report::new(&session.printer, arguments.json);
    let state = local::hook(&repository, &mut report)?;
    let Some((config, place)) = local::file(&repository, &state, &mut report)? else {
        report.unchecked_all(&server::STEPS, "there is no file that names one");
        return Ok(report.end());
    };
    let (subjects, left_out) = subject::subjects(
        session,
        &repository,
        &config,
        &arguments.only,
        arguments.branch.as_ref(),
    )?;
    for left_out in left_out {
        report.of_rule(Some(left_out.rule));
        report.unchecked("rule", left_out.why);
    }
    report.of_rule(None);
    for (index, server) in config.servers.iter().enumerate() {
        let subjects: Vec<_> = subjects
            .iter()
            .filter(|subject| subject.rule.server == index)
            .collect();
        if !subjects.is_empty() {
            server::examine(
                &repository,
                (&config, server, &place),
                &subjects,
                until,
                &mut report,
            );
        }
    }
    Ok(report.end())
}
