//! `trust`: allows this repository to reach the servers and fire the jobs that its file names.

use clap::Args;
use serde::Serialize;

use super::allow::{self, Allow};
use super::fires::{self, Difference};
use super::reviewed;
use super::{Exit, Refusal, Session, file, servers};
use crate::credentials::trust::{Accepted, Authority, Fire, Trust};
use crate::git::Repository;
use crate::text::Text;
use crate::ui::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Two questions are asked before anything leaves: may this repository reach that server with your credentials, and may
its file fire that job? What the file at the remote's default branch names may be fired without a word of yours; what
any other branch names anew is held until you allow it here.")]
pub(super) struct Arguments {
    /// Allow it without asking
    #[arg(short, long, conflicts_with = "list")]
    yes: bool,

    /// Show what is allowed here, and change nothing
    #[arg(short, long)]
    list: bool,

    /// With --list: print one JSON object
    #[arg(long, requires = "list")]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    if arguments.list {
        return list(printer, &repository, arguments.json);
    }
    let source = file::of_work_tree(&repository, printer)?;
    let config = source.read_with_files(&repository)?;
    let answers = servers::ask(printer, &repository, (&config, &source.place), arguments.yes)?;
    for server in &answers.trusted {
        printer.result(&format!(
            "trusted: {server} may be sent your credentials from here"
        ));
    }
    for server in &answers.declined {
        printer.result(&format!("not trusted: nothing is sent to {server}"));
    }
    for authority in &answers.authorities {
        printer.result(&format!("trusted: {authority}"));
    }
    for authority in &answers.declined_authorities {
        printer.result(&format!("not trusted: nothing is sent where {authority}"));
    }
    let difference = Difference::of(&repository, &config, &answers.trusted)?;
    for line in difference.added() {
        printer.result(&format!("+ {line}"));
    }
    for line in difference.removed() {
        printer.result(&format!("- {line}"));
    }
    let agreed = !difference.has_new() || fires::confirm(printer, arguments.yes);
    if agreed {
        difference.replace(&repository)?;
    } else {
        printer.result("not allowed: nothing of that is sent");
    }
    if repository.work_tree().is_none() {
        // What is allowed here still has to pass it.
        allow::say_bound(printer, &repository, &config)?;
    }
    servers::release(printer, &repository)?;
    Ok(
        if agreed && answers.declined.is_empty() && answers.declined_authorities.is_empty() {
            Exit::Done
        } else {
            Exit::Act
        },
    )
}

/// What `--list --json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    servers: &'a [String],
    fires: &'a [Fire],
    env: &'a [String],
    authorities: &'a [Authority],
    /// None where the remote has no default branch that is known here.
    default_branch: Option<DefaultBranch<'a>>,
    /// None where nothing is set.
    allow: Option<Vec<Text>>,
}

#[derive(Serialize)]
struct DefaultBranch<'a> {
    remote: Text,
    commit: &'a str,
    fires: &'a [Fire],
    env: &'a [String],
    authorities: &'a [Authority],
}

fn list(printer: &Printer, repository: &Repository, json: bool) -> anyhow::Result<Exit> {
    let trust = Trust::of_user().map_err(Refusal::from)?;
    let trusted = trust.trusted(repository.common_dir()).map_err(Refusal::from)?;
    let accepted = trusted.accepted();
    let reviewed = reviewed::look(repository);
    let allow = Allow::of(repository)?;
    let remote = reviewed::remote(repository);
    if json {
        printer.json(&Listing {
            servers: trusted.servers(),
            fires: &accepted.fires,
            env: &accepted.env,
            authorities: &accepted.authorities,
            default_branch: reviewed.as_ref().map(|found| DefaultBranch {
                remote: Text(remote),
                commit: &found.commit,
                fires: &found.accepted.fires,
                env: &found.accepted.env,
                authorities: &found.accepted.authorities,
            }),
            allow: allow.map(|allow| allow.values.into_iter().map(Text).collect()),
        });
        return Ok(Exit::Done);
    }
    for server in trusted.servers() {
        printer.result(&format!("{server} may be sent your credentials from here"));
    }
    for line in lines(accepted) {
        printer.result(&line);
    }
    if trusted.servers().is_empty() && accepted.is_empty() {
        printer.note("nothing is allowed here; to allow what the file names: jenkins-trigger trust");
    }
    if let Some(found) = &reviewed {
        for line in lines(&found.accepted) {
            printer.result(&format!("by the default branch of {remote}: {line}"));
        }
    }
    if let Some(allow) = &allow {
        allow.tell(printer);
    }
    Ok(Exit::Done)
}

/// What is accepted, a line for each.
pub(super) fn lines(accepted: &Accepted) -> Vec<String> {
    let jobs = accepted.fires.iter().map(Fire::to_string);
    let variables = accepted.env.iter().map(|name| fires::variable(name));
    let authorities = accepted.authorities.iter().map(|known| {
        format!(
            "certificates with SHA-256 {} say who {} is",
            known.sha256, known.server
        )
    });
    jobs.chain(variables).chain(authorities).collect()
}
