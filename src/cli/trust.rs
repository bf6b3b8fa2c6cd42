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
    let config = file::of_work_tree(&repository, printer)?.read()?;
    let answers = servers::ask(printer, repository.common_dir(), &config, arguments.yes)?;
    for server in &answers.trusted {
        printer.result(&format!(
            "trusted: {server} may be sent your credentials from here"
        ));
    }
    for server in &answers.declined {
        printer.result(&format!("not trusted: nothing is sent to {server}"));
    }
    servers::release(printer, &repository, &answers)?;
    Ok(if answers.declined.is_empty() {
        Exit::Done
    } else {
        Exit::Act
    })
}
