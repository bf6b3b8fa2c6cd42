//! `install`: the hooks into this repository, or for every one.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::authorities::Authorities;
use super::consent::Consent;
use super::file::Place;
use super::fires::{self, Difference};
use super::{Exit, Refusal, Session, allow, file, reviewed, servers, trust, twice};
use crate::config::{Config, FILE_NAME};
use crate::environment;
use crate::git::{self, Head, Repository};
use crate::install::{self, Done, Request, state};
use crate::platform;
use crate::ui::Printer;

/// The events that can be installed.
#[allow(clippy::enum_variant_names, reason = "these are git's own names")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Event {
    /// When a commit was made here, by a merge or a rebase too
    PostCommit,
    /// When a remote took a push made here
    PostPush,
    /// When a bare repository took a push
    PostReceive,
}

impl From<Event> for install::Event {
    fn from(event: Event) -> Self {
        match event {
            Event::PostCommit => Self::PostCommit,
            Event::PostPush => Self::PostPush,
            Event::PostReceive => Self::PostReceive,
        }
    }
}

/// How hooks are installed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    /// Files; where they cannot be this repository's own, the git config if git is 2.54 or newer
    #[default]
    Auto,
    /// Files in the folder that git runs hooks from
    File,
    /// The git config (2.54 or newer), beside every hook file
    Config,
}

impl From<Via> for install::Via {
    fn from(via: Via) -> Self {
        match via {
            Via::Auto => Self::Auto,
            Via::File => Self::File,
            Via::Config => Self::Config,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to trigger on [default: post-push; in a bare repository post-receive]
    #[arg(value_enum)]
    events: Vec<Event>,

    /// How git is told of the hook
    #[arg(long, value_enum, default_value_t, value_name = "WAY")]
    via: Via,

    /// For every repository of yours
    #[arg(long)]
    global: bool,

    /// Allow the servers and jobs of the file, and add lines to husky's own files, without asking
    #[arg(short, long)]
    yes: bool,
}

impl Arguments {
    /// Git's hooks, each once.
    fn hooks(&self, default: install::Event) -> Vec<&'static str> {
        let events: Vec<install::Event> = if self.events.is_empty() {
            vec![default]
        } else {
            self.events.iter().copied().map(Into::into).collect()
        };
        let mut hooks = Vec::new();
        for hook in events.iter().flat_map(|event| event.hooks()) {
            if !hooks.contains(hook) {
                hooks.push(*hook);
            }
        }
        hooks
    }
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    if arguments.global {
        return run_global(&session.printer, arguments);
    }
    let printer = &session.printer;
    let repository = session.repository()?;
    check_events(&repository, arguments)?;
    let hooks = arguments.hooks(install::Event::usual(&repository));
    // The file first: a mistake in it is to be seen now, not at the first commit.
    let config = match file::of_work_tree(&repository, printer) {
        Ok(source) => Some((source.read_with_files(&repository)?, source.place)),
        Err(error) if error.is::<Refusal>() && !file::exists(&repository)? => None,
        Err(error) => return Err(error),
    };
    let program = program()?;
    let request = Request {
        program: &program,
        hooks: &hooks,
        via: arguments.via.into(),
        append: arguments.yes,
    };
    let done = install::install(&repository, &request).map_err(|error| refusal(&error, &hooks))?;
    for done in &done {
        say(printer, done);
    }
    printer.detail(&format!("it runs {}", program.display()));
    warn_of_managers(printer, &done, &install::Event::of_hooks(&hooks));
    warn_of_old_gits(printer, &done);
    let (exit, firing) = verify(printer, &repository);
    if hooks.contains(&install::Event::PostPush.hooks()[0]) {
        say_what_is_not_seen(printer);
    }
    if let Some(warning) = config
        .as_ref()
        .and_then(|(config, _)| twice::warning(config, &firing))
    {
        printer.warning(&warning);
    }
    if hooks.contains(&install::Event::PostReceive.hooks()[0]) {
        check_head(printer, &repository)?;
    }
    let Some((config, place)) = config else {
        printer.note(&format!(
            "there is no {FILE_NAME} yet; write one, then: jenkins-trigger trust"
        ));
        return Ok(exit);
    };
    let first = Consent::of(&repository).is_none();
    let answers = servers::ask(printer, &repository, (&config, &place), arguments.yes)?;
    for server in &answers.new {
        printer.note(&format!(
            "trusted: {server} may be sent your credentials from here"
        ));
    }
    for authority in answers.authorities.iter().filter(|authority| authority.is_new) {
        printer.note(&format!("trusted: {authority}"));
    }
    allow_fires(
        printer,
        &repository,
        (&config, &place, &answers.trusted),
        first,
        arguments.yes,
    )?;
    if hooks.contains(&install::Event::PostReceive.hooks()[0]) {
        allow::say_bound(printer, &repository, &config)?;
    }
    servers::release(printer, &repository)?;
    for authority in &answers.declined_authorities {
        printer.warning(&format!(
            "nothing is sent where {authority} until you allow it: jenkins-trigger trust"
        ));
    }
    for server in &answers.declined {
        printer.warning(&format!(
            "nothing is sent to {server} until you allow it: jenkins-trigger trust"
        ));
    }
    Ok(exit)
}

/// Records what the file may fire now. Where something was recorded before, what is new is asked about.
fn allow_fires(
    printer: &Printer,
    repository: &Repository,
    (config, place, servers): (&Config, &Place, &[Url]),
    first: bool,
    yes: bool,
) -> anyhow::Result<()> {
    let difference = Difference::of(repository, config, servers)?;
    let sign = if first { "allowed:" } else { "+" };
    for line in difference.added() {
        printer.note(&format!("{sign} {line}"));
    }
    if first || !difference.has_new() || fires::confirm(printer, yes) {
        difference.add(repository)?;
    } else {
        printer.warning("nothing of that is sent until you allow it: jenkins-trigger trust");
    }
    // A repository may have come with a default branch of its own.
    if let Some(found) = reviewed::look(repository) {
        let own = reviewed::named_by(config, &Authorities::new(repository, place));
        let mut others = found.accepted;
        others.fires.retain(|fire| !own.fires.contains(fire));
        others.env.retain(|name| !own.env.contains(name));
        others
            .authorities
            .retain(|authority| !own.authorities.contains(authority));
        let remote = reviewed::remote(repository);
        for line in trust::lines(&others) {
            printer.note(&format!(
                "the file at the default branch of {remote} counts too: {line}"
            ));
        }
    }
    Ok(())
}

/// Without a default branch no file counts for what is pushed.
fn check_head(printer: &Printer, repository: &Repository) -> anyhow::Result<()> {
    let what = match repository.head()? {
        Head::Branch { tip: Some(_), .. } => return Ok(()),
        Head::Branch { reference, .. } => format!("HEAD names {reference}, which is no branch here yet"),
        Head::Detached { .. } => "HEAD is detached".to_owned(),
    };
    printer.warning(&format!(
        "{what}: pushes trigger what the file of the default branch says, and there is none; to set it: git \
         symbolic-ref HEAD refs/heads/..."
    ));
    Ok(())
}

/// This program by the path it was started by, if that leads to it: what a link leads to changes
/// with every update.
fn program() -> io::Result<PathBuf> {
    let own = platform::this_program()?;
    let started = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let candidates = if started.components().count() > 1 {
        vec![std::path::absolute(&started)?]
    } else {
        let named = |folder: PathBuf| folder.join(&started);
        environment::search_path().into_iter().map(named).collect()
    };
    let is_own = |path: &PathBuf| platform::is_same_file(path, &own);
    Ok(candidates.into_iter().find(is_own).unwrap_or(own))
}

/// Whatever was written, git decides what it runs: the events too on which it does.
fn verify(printer: &Printer, repository: &Repository) -> (Exit, Vec<install::Event>) {
    let state = match state::inspect(repository) {
        Ok(state) => state,
        Err(error) => {
            printer.warning(&format!("could not find out whether git will run it: {error}"));
            return (Exit::Done, Vec::new());
        }
    };
    for problem in &state.problems {
        printer.error(&problem.message, Some(&problem.help));
    }
    let exit = if state.problems.is_empty() {
        Exit::Done
    } else {
        Exit::Act
    };
    (exit, state.firing())
}

fn say_what_is_not_seen(printer: &Printer) {
    printer.note(
        "a push with --no-verify, or by a client that runs no hooks, is not seen; for those: jenkins-trigger push",
    );
}

fn run_global(printer: &Printer, arguments: &Arguments) -> anyhow::Result<Exit> {
    let program = program()?;
    let hooks = arguments.hooks(install::Event::PostPush);
    let request = Request {
        program: &program,
        hooks: &hooks,
        via: arguments.via.into(),
        append: false,
    };
    let done = install::install_everywhere(&request).map_err(|error| refusal(&error, &hooks))?;
    for done in &done {
        say(printer, done);
    }
    warn_of_old_gits(printer, &done);
    if hooks.contains(&install::Event::PostPush.hooks()[0]) {
        say_what_is_not_seen(printer);
    }
    printer.note("each repository still says itself what it may reach and fire: jenkins-trigger trust");
    Ok(Exit::Done)
}

/// Refuses an event that this repository cannot have.
fn check_events(repository: &Repository, arguments: &Arguments) -> Result<(), Refusal> {
    let bare = repository.work_tree().is_none();
    let place = repository.git_dir().display();
    for event in &arguments.events {
        match event {
            Event::PostCommit if bare => {
                return Err(Refusal::new(
                    format!("{place} is bare: nobody commits in it"),
                    "install post-commit where people work; here: jenkins-trigger install post-receive",
                ));
            }
            Event::PostReceive if !bare => {
                return Err(Refusal::new(
                    format!("{place} has a work tree: it is where people commit, not where they push to"),
                    "install post-receive in the bare repository; here: jenkins-trigger install post-push",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Says one thing that was done.
pub(super) fn say(printer: &Printer, done: &Done) {
    match done {
        Done::MadeFolder(path) => printer.note(&format!("created {}", path.display())),
        Done::RemovedFolder(path) => printer.note(&format!("removed {}, which was made for it", path.display())),
        Done::Put {
            path,
            renewed,
            aside,
            ..
        } => {
            let verb = if *renewed { "renewed" } else { "installed" };
            printer.result(&format!("{verb} {}", path.display()));
            match aside {
                Some(aside) if install::is_executable(aside) => printer.note(&format!(
                    "the hook that was there runs first, from {}",
                    aside.display()
                )),
                Some(aside) => printer.note(&format!(
                    "the hook that was there, which git does not run, is kept as {}",
                    aside.display()
                )),
                None => {}
            }
            if !install::is_executable(path) {
                printer.warning("git will not run it: this file system keeps no run bits; mount it with them");
            }
        }
        Done::ByLine(path) => printer.note(&format!(
            "{} runs jenkins-trigger by a line in it, and stays as it is",
            path.display()
        )),
        Done::Appended(path) => printer.result(&format!("added to {}", path.display())),
        Done::Cut(path) => printer.result(&format!("taken out of {}", path.display())),
        Done::Excluded(path) => printer.note(&format!(
            "hidden from git status by lines in {}",
            path.display()
        )),
        Done::Outside(path) => printer.warning(&format!(
            "{} lies outside of this repository: others that use it run this too, which says nothing where there is \
             no {FILE_NAME}",
            path.display()
        )),
        Done::Elsewhere { work_tree, events } => {
            let there = crate::text::shell_argument(work_tree.as_os_str().as_bytes());
            let command = install::command(events).replacen(' ', &format!(" -C {there} "), 1);
            printer.warning(&format!(
                "the work tree {} has a hooks folder of its own; install there too: {command}",
                work_tree.display()
            ));
        }
        Done::Configured { scope, hooks, renewed } => {
            let verb = if *renewed { "renewed" } else { "installed" };
            printer.result(&format!(
                "{verb} hook.jenkins-trigger in the {scope} git config, for {}",
                hooks.join(", ")
            ));
        }
        Done::Because(reason) => {
            let reason = reason.trim_end_matches("; nothing was changed");
            printer.note(&format!("by the git config, because {reason}"));
        }
        Done::EverywhereAlready => {
            printer.result("installed already: hook.jenkins-trigger in your git config, for every repository");
        }
        Done::EverywhereByFiles(folder) => printer.result(&format!(
            "installed already: in {}, for every repository",
            folder.display()
        )),
        Done::StillEverywhere => printer.note(
            "hook.jenkins-trigger is still in your git config, for every repository; to take that out: \
             jenkins-trigger uninstall --global",
        ),
        Done::Removed(path) => printer.result(&format!("removed {}", path.display())),
        Done::Restored(path) => printer.result(&format!("restored {}", path.display())),
        Done::Vanished(path) => printer.note(&format!(
            "{}, which ran before it, was removed by somebody else",
            path.display()
        )),
        Done::Foreign(path) => {
            printer.note(&format!("{} is not jenkins-trigger's and stays as it is", path.display()));
        }
        Done::StillAside(path) => printer.note(&format!(
            "a hook that was moved aside is still at {}",
            path.display()
        )),
        Done::Unset(scope) => {
            printer.result(&format!("removed hook.jenkins-trigger from the {scope} git config"));
        }
    }
}

/// A hook manager that puts its own hook back has a file where ours would last.
fn warn_of_managers(printer: &Printer, done: &[Done], events: &[install::Event]) {
    let manager = done.iter().find_map(|done| match done {
        Done::Put { manager, .. } => manager.filter(|manager| manager.takes_back()),
        _ => None,
    });
    let Some(manager) = manager else { return };
    printer.warning(&format!(
        "{} moves it away again when its own file changes; to make it last, write",
        manager.name()
    ));
    for line in manager.offer(events) {
        printer.note(&line);
    }
}

/// A git without config hooks runs none of them, and says nothing.
fn warn_of_old_gits(printer: &Printer, done: &[Done]) {
    if !done
        .iter()
        .any(|done| matches!(done, Done::Configured { .. } | Done::EverywhereAlready))
    {
        return;
    }
    for (path, version) in git::versions_on_path() {
        if !version.has_config_hooks() {
            printer.warning(&format!(
                "{} is git {}, which does not run hooks of the git config: what is done with it triggers nothing",
                path.display(),
                version.text
            ));
        }
    }
    printer
        .note("graphical clients and editors may bring an older git along; 2.54 is the first that runs it");
}

/// An error of an installation: its help names the same events again.
pub(super) fn refusal(error: &install::Error, hooks: &[&str]) -> Refusal {
    Refusal {
        help: error.help(&install::Event::of_hooks(hooks)),
        message: error.to_string(),
    }
}
