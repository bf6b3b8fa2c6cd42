//! `trust`: allows this repository to reach the servers its file names.

use clap::Args;

use super::{Exit, Session, file, servers};
use crate::deliver;
use crate::spool::Spool;

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
        printer.result(&format!("{server} may be reached from this repository"));
    }
    for server in &answers.declined {
        printer.result(&format!("{server} may not be reached from this repository"));
    }
    let waiting = Spool::of(repository.common_dir()).waiting()?.triggers;
    let freed = waiting
        .iter()
        .filter(|trigger| {
            let server = &trigger.server;
            trigger.hold.is_none() && answers.trusted.iter().any(|url| url.as_str() == server)
        })
        .count();
    if freed > 0 {
        deliver::start(repository.common_dir())?;
        printer.note(&format!(
            "{freed} that waited for it are being sent; see: jenkins-trigger log"
        ));
    }
    Ok(if answers.declined.is_empty() {
        Exit::Done
    } else {
        Exit::Act
    })
}
