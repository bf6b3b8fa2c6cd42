//! `status`: whether git will really run the hooks, and what waits.

use clap::Args;
use serde::Serialize;

use super::allow::Allow;
use super::install::refusal;
use super::{Exit, Session, file, twice};
use crate::config::FILE_NAME;
use crate::install::state::{self, HookState, Problem, Program, State, Whose};
use crate::spool::{Error, Spool};
use crate::ui::{Table, Tone};

mod contents;
mod servers;

use contents::Contents;
use servers::ServerState;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    git: &'a str,
    hooks_folder: String,
    hooks_path: Option<Setting<'a>>,
    installed: bool,
    hooks: Vec<&'a HookState>,
    programs: &'a [Program],
    file: bool,
    servers: &'a [ServerState],
    /// None of a spool that cannot be used.
    #[serde(flatten)]
    contents: Option<Contents>,
    problems: &'a [Problem],
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Setting<'a> {
    scope: &'a str,
    value: String,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let mut state = state::inspect(&repository).map_err(|error| refusal(&error, &[]))?;
    let file = file::exists(&repository)?;
    if file && !state.is_installed() {
        state.problems.push(Problem {
            message: format!("there is a {FILE_NAME}, and no hook that reads it"),
            help: state.remedy.clone(),
        });
    }
    let spool = Spool::of(repository.common_dir());
    let look = || Contents::look(&spool, || contents::start_sender(repository.common_dir()));
    let contents = match spool.check().and_then(|()| look()) {
        Err(Error::NotOurs {
            path,
            problem,
            remedy,
        }) => {
            state.problems.push(Problem {
                message: format!("{} {problem}", path.display()),
                help: remedy,
            });
            None
        }
        found => Some(found?),
    };
    let servers = if file {
        servers::look(&repository)
    } else {
        Vec::new()
    };
    let bound = Allow::of(&repository)?;
    let warnings: Vec<String> = twice::warning_of_file(&repository, &state, printer)
        .into_iter()
        .chain(bound.map(|allow| allow.wrong).into_iter().flatten())
        .chain(spool.elsewhere().map(str::to_owned))
        .collect();
    if arguments.json {
        printer.json(&report(&state, (file, &servers), contents, &warnings));
    } else {
        show(session, &state);
        let found = if file { FILE_NAME } else { "none yet" };
        printer.result(&format!("file      {found}"));
        for server in &servers {
            server.show(printer);
        }
        if let Some(contents) = &contents {
            contents.show(printer);
        }
        for problem in &state.problems {
            printer.error(&problem.message, Some(&problem.help));
        }
        for warning in &warnings {
            printer.warning(warning);
        }
    }
    Ok(if state.problems.is_empty() {
        Exit::Done
    } else {
        Exit::Act
    })
}

fn report<'a>(
    state: &'a State,
    (file, servers): (bool, &'a [ServerState]),
    contents: Option<Contents>,
    warnings: &'a [String],
) -> Report<'a> {
    Report {
        git: &state.version.text,
        hooks_folder: state.place.folder.display().to_string(),
        hooks_path: state.place.setting.as_ref().map(|(scope, value)| Setting {
            scope,
            value: value.to_string(),
        }),
        installed: state.is_installed(),
        hooks: state.hooks.iter().flat_map(|(_, hooks)| hooks).collect(),
        programs: &state.programs,
        file,
        servers,
        contents,
        problems: &state.problems,
        warnings,
    }
}

fn show(session: &Session, state: &State) {
    let printer = &session.printer;
    let setting = match &state.place.setting {
        None => "core.hooksPath is not set".to_owned(),
        Some((scope, value)) => format!("core.hooksPath {value:?} of the {scope} git config"),
    };
    printer.result(&format!(
        "git       {}, hooks in {} ({setting})",
        state.version.text,
        state.place.folder.display()
    ));
    let mut table = Table::new(&["EVENT", "GIT HOOK", "STATE", "FROM"]);
    for (event, hooks) in &state.hooks {
        for hook in hooks {
            if hook.entries.is_empty() {
                table.row([
                    (None, event.name().to_owned()),
                    (None, hook.hook.to_owned()),
                    (Some(Tone::Dim), "nothing".to_owned()),
                    (None, String::new()),
                ]);
            }
            for entry in &hook.entries {
                let tone = match entry.whose {
                    Whose::Foreign => Tone::Dim,
                    Whose::Shadowed => Tone::Bad,
                    Whose::Ours | Whose::Chained | Whose::Below => Tone::Good,
                };
                let note = entry.note.as_ref().map(|note| format!(" ({note})"));
                table.row([
                    (None, event.name().to_owned()),
                    (None, hook.hook.to_owned()),
                    (Some(tone), entry.whose.name().to_owned()),
                    (None, format!("{}{}", entry.from, note.unwrap_or_default())),
                ]);
            }
        }
    }
    printer.table(&table);
    for program in &state.programs {
        let version = match (&program.version, &program.instead) {
            (Some(version), _) => version.clone(),
            (None, Some(instead)) => format!("gone; {} is run instead", instead.display()),
            (None, None) => "gone".to_owned(),
        };
        printer.result(&format!("program   {} ({version})", program.path.display()));
    }
}
