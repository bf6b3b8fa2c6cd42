//! `uninstall`: takes out what `install` put in.

use clap::Args;

use super::{Exit, Refusal, Session};
use crate::install::{self, Found};

#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(session: &Session, _: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let places = install::uninstall_post_commit(&repository).map_err(Refusal::from)?;
    let mut removed = false;
    for (path, found) in &places {
        let path = path.display();
        match found {
            Found::Ours => {
                removed = true;
                printer.result(&format!("removed post-commit: {path}"));
            }
            Found::Foreign => {
                printer.note(&format!("{path} is not jenkins-trigger's and stays as it is"));
            }
            Found::Nothing => printer.detail(&format!("there is no {path}")),
        }
    }
    if !removed && places.iter().all(|(_, found)| *found == Found::Nothing) {
        printer.note("nothing to remove: the hook is not installed");
    }
    Ok(Exit::Done)
}
