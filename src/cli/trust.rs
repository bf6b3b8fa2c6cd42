//! `trust`: allows this repository to reach the servers its file names.

use clap::Args;

use super::{Exit, Session, file, servers};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Trust without asking
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
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
    servers::release(printer, &repository, &answers)?;
    Ok(
        if answers.declined.is_empty() && answers.declined_authorities.is_empty() {
            Exit::Done
        } else {
            Exit::Act
        },
    )
}
