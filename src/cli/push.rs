//! `push`: git's own, and then the triggers of what the remote took, in the foreground.

mod land;
mod objects;
mod options;
mod report;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use clap::Args;
use jiff::Timestamp;

use self::land::{Before, Landing};
use self::options::Options;
use self::report::Report;
use super::{Exit, Session, complain};
use crate::environment;
use crate::git::{self, Repository};
use crate::platform;

#[derive(Debug, Args)]
#[command(
    override_usage = "jenkins-trigger [OPTIONS] push [GIT PUSH ARGUMENT]...",
    after_help = "\
Everything after `push` is git's, for example: jenkins-trigger push -u origin main
Options of jenkins-trigger itself stand before `push`. The exit code is git's, whatever Jenkins says."
)]
pub(super) struct Arguments {
    /// What `git push` is run with
    #[arg(
        value_name = "GIT PUSH ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    git: Vec<OsString>,
}

/// Sets apart what is git's, so that it keeps the options that this tool has too.
pub(super) fn apart(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut place = 1;
    while let Some(word) = arguments.get(place).map(|word| word.as_bytes()) {
        if !word.starts_with(b"-") {
            break;
        }
        let cluster = !word.starts_with(b"--");
        let takes_next = word == b"--color" || cluster && word.ends_with(b"C");
        place += if takes_next { 2 } else { 1 };
    }
    let word = |place: usize| arguments.get(place).map(|word| word.as_bytes());
    let asks_for_help = matches!(word(place + 1), Some(b"--help" | b"-h"));
    if word(place) == Some(b"push") && !asks_for_help {
        arguments.insert(place + 1, "--".into());
    }
    arguments
}

/// Whether `git push` with these arguments pushes nothing.
pub(super) fn is_dry_run(arguments: &[OsString]) -> bool {
    Options::of(arguments).dry_run
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let options = Options::of(&arguments.git);
    let repository = match session.repository() {
        Ok(repository) => repository,
        Err(error) => return in_no_repository(session, &arguments.git, error),
    };
    if options.dry_run {
        let mut git = git_push(session, &arguments.git);
        let status = watched(&mut git, &repository).status();
        let code = platform::exit_code(status.map_err(git::Error::Start)?);
        session.printer.note("a dry run: nothing is triggered");
        return Ok(Exit::Git(code));
    }
    let before = Before::look(&repository, &options);
    let since = Timestamp::now();
    let mut git = git_push(session, &options.telling(&arguments.git));
    let mut child = watched(&mut git, &repository)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(git::Error::Start)?;
    let mut report = Report::new(&session.printer, options.porcelain, options.verbosity);
    let status = platform::follow(&mut child, |bytes| report.take(bytes));
    report.end();
    let code = platform::exit_code(status?);
    let printer = if options.porcelain {
        session.printer.on_stderr()
    } else {
        session.printer.clone()
    };
    let landing = Landing {
        printer: &printer,
        repository: &repository,
        options: &options,
        git: child.id(),
        since,
        address: report.address.unwrap_or_default(),
        told: report.told,
    };
    Ok(ended(session, code, landing.trigger(before)))
}

/// git has its own words, and its own exit code, for what is wrong with the place.
fn in_no_repository(session: &Session, arguments: &[OsString], error: anyhow::Error) -> anyhow::Result<Exit> {
    let Ok(status) = git_push(session, arguments).status() else {
        return Err(error);
    };
    let done = if status.success() { Err(error) } else { Ok(()) };
    Ok(ended(session, platform::exit_code(status), done))
}

fn git_push(session: &Session, arguments: &[OsString]) -> Command {
    let mut git = git::users_own();
    git.arg("push").args(arguments).current_dir(&session.directory);
    git
}

/// Has the hook leave the push to this process.
fn watched<'a>(git: &'a mut Command, repository: &Repository) -> &'a mut Command {
    let own = platform::own();
    let mut note = OsString::from(format!("{} {} ", own.pid, own.started));
    note.push(repository.common_dir());
    git.env(environment::PUSH, note)
}

/// What went wrong here does not change how the push went.
fn ended(session: &Session, code: u8, done: anyhow::Result<()>) -> Exit {
    if let Err(error) = done
        && let Err(error) = complain(&session.printer, &error)
    {
        session
            .printer
            .error(&format!("nothing triggered: {error:#}"), None);
    }
    Exit::Git(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_after_push_is_git_s() {
        for (line, expected) in [
            ("push -q --color", "push -- -q --color"),
            ("push -- x", "push -- -- x"),
            ("-C push push push", "-C push push -- push"),
            ("-qC x push", "-qC x push --"),
            ("--color never -v push", "--color never -v push --"),
            ("--color=never push", "--color=never push --"),
            ("-Cx push -C y", "-Cx push -- -C y"),
            ("push --help", "push --help"),
            ("push -h", "push -h"),
            ("help push", "help push"),
            ("trigger push", "trigger push"),
            ("-C", "-C"),
            ("", ""),
        ] {
            let words = |line: &str| -> Vec<OsString> {
                let line = format!("jenkins-trigger {line}");
                line.split_whitespace().map(OsString::from).collect()
            };
            assert_eq!(apart(words(line)), words(expected), "{line}");
        }
    }
}
