//! `install`: the hook into this repository.

use clap::{Args, ValueEnum};

use super::{Exit, Refusal, Session, file, servers};
use crate::config::FILE_NAME;
use crate::install::{self, Found};

/// The hooks that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Event {
    /// When a commit was made here
    PostCommit,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to trigger on
    #[arg(value_enum, required = true)]
    events: Vec<Event>,

    /// Trust the servers of the file without asking
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    if repository.work_tree().is_none() {
        return Err(Refusal::new(
            format!("{} is bare: nobody commits in it", repository.git_dir().display()),
            "install post-commit where people work",
        )
        .into());
    }
    // The file first: a mistake in it is to be seen now, not at the first commit.
    let config = match file::of_work_tree(&repository, printer) {
        Ok(source) => Some(source.read()?),
        Err(error) if error.is::<Refusal>() && !has_file(&repository) => None,
        Err(error) => return Err(error),
    };
    let program = std::env::current_exe()?;
    for Event::PostCommit in &arguments.events {
        let installed = install::install_post_commit(&repository, &program).map_err(Refusal::from)?;
        if installed.made_folder {
            printer.note(&format!(
                "created {}",
                installed.path.parent().unwrap_or(&installed.path).display()
            ));
        }
        let done = match installed.before {
            Found::Ours => "renewed",
            Found::Nothing | Found::Foreign => "installed",
        };
        printer.result(&format!("{done} post-commit: {}", installed.path.display()));
        printer.detail(&format!("it runs {}", program.display()));
        if !install::is_executable(&installed.path) {
            printer.warning("git will not run it: this file system keeps no run bits; mount it with them");
        }
    }
    let Some(config) = config else {
        printer.note(&format!(
            "there is no {FILE_NAME} yet; write one, then: jenkins-trigger trust"
        ));
        return Ok(Exit::Done);
    };
    let answers = servers::ask(printer, repository.common_dir(), &config, arguments.yes)?;
    for server in &answers.new {
        printer.note(&format!(
            "trusted: {server} may be sent your credentials from here"
        ));
    }
    servers::release(printer, &repository, &answers)?;
    for server in &answers.declined {
        printer.warning(&format!(
            "nothing is sent to {server} until you allow it: jenkins-trigger trust"
        ));
    }
    Ok(Exit::Done)
}

fn has_file(repository: &crate::git::Repository) -> bool {
    repository
        .work_tree()
        .is_some_and(|top| top.join(FILE_NAME).symlink_metadata().is_ok())
}

impl From<install::Error> for Refusal {
    fn from(error: install::Error) -> Self {
        Self {
            help: error.help(),
            message: error.to_string(),
        }
    }
}
