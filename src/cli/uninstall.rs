//! `uninstall`: takes out what `install` put in.

use clap::Args;

use super::{Exit, Refusal, Session};
use crate::install::{self, Removed};

#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(session: &Session, _: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let removed = install::uninstall_post_commit(&repository).map_err(Refusal::from)?;
    match removed {
        Removed::Removed(path) => {
            printer.result(&format!("removed post-commit: {}", path.display()));
        }
        Removed::Absent(path) => {
            printer.note(&format!("nothing to remove: there is no {}", path.display()));
        }
        Removed::Foreign(path) => {
            printer.note(&format!(
                "{} is not jenkins-trigger's and stays as it is",
                path.display()
            ));
        }
    }
    Ok(Exit::Done)
}
