//! `uninstall`: takes out what `install` put in.

use clap::Args;

use super::install::{refusal, say};
use super::{Exit, Session};
use crate::install::{self, Done};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Take out what `install --global` put in
    #[arg(long)]
    global: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let done = if arguments.global {
        install::uninstall_everywhere()
    } else {
        install::uninstall(&session.repository()?)
    }
    .map_err(|error| refusal(&error, &[]))?;
    for done in &done {
        say(printer, done);
    }
    let ours = |done: &Done| {
        !matches!(
            done,
            Done::Foreign(_) | Done::ByLine(_) | Done::StillAside(_) | Done::StillEverywhere
        )
    };
    if !done.iter().any(ours) {
        printer.note("nothing to remove: the hook is not installed");
    }
    Ok(Exit::Done)
}
