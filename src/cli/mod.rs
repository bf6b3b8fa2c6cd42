//! The command line: one file per command.

mod allow;
mod authorities;
mod backlog;
mod cancel;
mod check;
mod chosen;
mod consent;
mod deliver;
mod doctor;
mod enqueue;
mod file;
mod fires;
mod hook;
mod ids;
mod install;
mod jobs;
mod log;
mod login;
mod logout;
mod outcomes;
mod push;
mod pushes;
mod retry;
mod reviewed;
mod servers;
mod sources;
mod status;
mod trigger;
mod trust;
mod twice;
mod uninstall;
mod untrust;
mod watch;
mod whoami;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bstr::BString;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Parser, Subcommand};

use crate::deliver::{COMMAND as SEND_DETACHED, Lifetime, Start};
use crate::environment;
use crate::git::{self, Repository};
use crate::platform;
use crate::secret;
use crate::spool;
use crate::ui::{Color, Printer, Verbosity};

/// Triggers the mapped Jenkins job when git pushes or commits.
///
/// A git hook reads `.jenkins-trigger.yml` from the repository and asks Jenkins, in the background, to build the job
/// that the file maps the branch to, with the branch as a parameter.
#[derive(Debug, Parser)]
#[command(name = "jenkins-trigger", version, arg_required_else_help = true)]
#[command(after_help = "\
Credentials come from the first of these that has some for the server: JENKINS_USER_ID and JENKINS_API_TOKEN (for the
server in JENKINS_URL, if that is set); the file that JENKINS_TRIGGER_TOKEN_FILE names; what `jenkins-trigger login` kept;
git's credential helpers; ~/.netrc. A job's trigger token, with `token_from: name` in the file, is in the variable
JENKINS_TRIGGER_TOKEN_<NAME> or in the same places (`jenkins-trigger login --job-token NAME`).
JENKINS_TRIGGER=0 switches the hook off for one command: JENKINS_TRIGGER=0 git push ...

Exit codes: 0 done, 1 you must act, 2 unexpected, 3 Jenkins refused, 4 build not successful (trigger --wait),
130 interrupted.")]
struct Arguments {
    /// Work as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true)]
    color: Color,

    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Print details too
    #[arg(short, long, action = ArgAction::SetTrue, global = true)]
    verbose: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install the hooks into this repository, or for every one
    Install(install::Arguments),
    /// Take out exactly what install put in
    Uninstall(uninstall::Arguments),
    /// Show what git will really run, and what waits
    Status(status::Arguments),
    /// Allow this repository to reach the servers and fire the jobs that its file names
    Trust(trust::Arguments),
    /// Take back what this repository may reach and fire
    Untrust(untrust::Arguments),
    /// Keep credentials for a server, after Jenkins has accepted them
    Login(login::Arguments),
    /// Erase the credentials that are kept for a server
    Logout(logout::Arguments),
    /// Show which credentials answer for a server, and who Jenkins says they are
    Whoami(whoami::Arguments),
    /// Read the file and say what is wrong; with --branch or --tag, which rules fire and why
    Check(check::Arguments),
    /// Ask Jenkins, step by step, whether a trigger would be taken; starts nothing
    Doctor(doctor::Arguments),
    /// List the jobs that you can build, with their parameters
    Jobs(jobs::Arguments),
    /// Trigger by hand what the file maps a branch to
    Trigger(trigger::Arguments),
    /// Push, and trigger at once what the remote took
    Push(push::Arguments),
    /// Send now what waits or failed
    Retry(retry::Arguments),
    /// Drop what waits or failed
    Cancel(cancel::Arguments),
    /// Show what became of the triggers
    Log(log::Arguments),
    /// Send what waits, until nothing is left that can be sent; with --watch, as a service
    Deliver(deliver::Arguments),
}

/// Reads an argument that may be any bytes, as branch names may.
fn bytes() -> impl TypedValueParser<Value = BString> {
    OsStringValueParser::new().map(|word| BString::from(word.into_vec()))
}

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// 0: done.
    Done,
    /// 1: the user must act.
    Act,
    /// 3: Jenkins refused.
    Refused,
    /// 4: a build ended with another result than success, or was cancelled.
    NotSuccessful,
    /// 130: the user interrupted it.
    Interrupted,
    /// That of the git that was run.
    Git(u8),
}

impl Exit {
    /// The one of two that whoever ran the command has to hear of first.
    fn worse(self, other: Self) -> Self {
        let weight = |exit: Self| match exit {
            Self::Done => 0,
            Self::Act => 1,
            Self::NotSuccessful => 2,
            Self::Refused => 3,
            Self::Git(_) => 4,
            Self::Interrupted => 5,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Act => Self::from(1),
            Exit::Refused => Self::from(3),
            Exit::NotSuccessful => Self::from(4),
            Exit::Interrupted => Self::from(130),
            Exit::Git(code) => Self::from(code),
        }
    }
}

/// Something the user has to put right: exit code 1, and the way out of it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Refusal {
    message: String,
    help: Option<String>,
}

impl Refusal {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// One whose message says it all.
    fn plain(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }
}

/// What every command works with.
struct Session {
    printer: Printer,
    directory: PathBuf,
}

impl Session {
    fn repository(&self) -> anyhow::Result<Repository> {
        if !self.directory.is_dir() {
            let directory = self.directory.display();
            return Err(Refusal::plain(format!("{directory} is not a directory; see -C")).into());
        }
        let found = Repository::discover(&self.directory, &environment::repository_paths());
        found.map_err(not_found)
    }
}

fn not_found(error: git::Error) -> anyhow::Error {
    match error {
        git::Error::NoRepository(place) => Refusal::plain(format!(
            "{} is not in a git repository; go into one, or name it: jenkins-trigger -C DIR ...",
            place.display()
        ))
        .into(),
        git::Error::Program { .. } => Refusal::plain(error.to_string()).into(),
        other => other.into(),
    }
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os().collect())
}

/// Runs the program; the first argument is its name.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // Whoever is never asked for his token may still say it, or write it down.
    let login = environment::jenkins_login();
    let code = dispatch(arguments);
    drop(login);
    secret::forget_all();
    code
}

fn dispatch(arguments: Vec<OsString>) -> ExitCode {
    // Before clap: a hook exits with 0 whatever its arguments, and starts as fast as it can.
    let mut words = arguments.get(1..).unwrap_or_default().iter();
    match words.next().and_then(|word| word.to_str()) {
        Some("hook") => return hook::run(words.as_slice()),
        Some(hook::AFTER_REBASE) => return hook::after_rebase(words.as_slice()),
        Some(pushes::COMMAND) => return after_push(words.next().and_then(|word| word.to_str())),
        // What people type begins with an option, or ends there.
        Some(SEND_DETACHED) if words.as_slice().first().is_some_and(is_path) => {
            let common_dir = words.next().map(Path::new);
            return send(common_dir, Start::of(words.next().map(OsString::as_os_str)));
        }
        _ => {}
    }
    let parsed = match Arguments::try_parse_from(push::apart(arguments)) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.print();
            // clap's own code for bad arguments is 2; here that is for the unexpected.
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    command(parsed)
}

fn is_path(word: &OsString) -> bool {
    Path::new(word).is_absolute()
}

/// The detached sender: nobody reads what it would say; the journal has it all.
fn send(common_dir: Option<&Path>, how: Start) -> ExitCode {
    platform::close_inherited_files();
    let errand = Lifetime::errand(&|| false);
    let send = |common_dir| crate::deliver::run(common_dir, (how, consent::ask), errand, &mut |_| {});
    match common_dir.map(send) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(_)) | None => ExitCode::from(2),
    }
}

/// The one who waits for the end of a push: nobody reads what it would say either.
fn after_push(id: Option<&str>) -> ExitCode {
    platform::close_inherited_files();
    match pushes::run(id) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

fn command(arguments: Arguments) -> ExitCode {
    let verbosity = match (arguments.quiet, arguments.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let session = Session {
        printer: Printer::new(arguments.color, verbosity),
        directory: arguments.directory.unwrap_or_else(|| PathBuf::from(".")),
    };
    let done = std::path::absolute(&session.directory)
        .map_err(anyhow::Error::from)
        .and_then(|directory| {
            let session = Session { directory, ..session };
            let done = match &arguments.command {
                Command::Install(arguments) => install::run(&session, arguments),
                Command::Uninstall(arguments) => uninstall::run(&session, arguments),
                Command::Status(arguments) => status::run(&session, arguments),
                Command::Trust(arguments) => trust::run(&session, arguments),
                Command::Login(arguments) => login::run(&session, arguments),
                Command::Logout(arguments) => logout::run(&session, arguments),
                Command::Whoami(arguments) => whoami::run(&session, arguments),
                Command::Untrust(arguments) => untrust::run(&session, arguments),
                Command::Check(arguments) => check::run(&session, arguments),
                Command::Trigger(arguments) => trigger::run(&session, arguments),
                Command::Push(arguments) => push::run(&session, arguments),
                Command::Retry(arguments) => retry::run(&session, arguments),
                Command::Cancel(arguments) => cancel::run(&session, arguments),
                Command::Doctor(arguments) => doctor::run(&session, arguments),
                Command::Jobs(arguments) => jobs::run(&session, arguments),
                Command::Log(arguments) => log::run(&session, arguments),
                Command::Deliver(arguments) => deliver::run(&session, arguments),
            };
            done.or_else(|error| complain(&session.printer, &error))
        });
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            let printer = Printer::new(arguments.color, verbosity);
            printer.error(&error.to_string(), None);
            for cause in error.chain().skip(1) {
                printer.note(&format!("caused by: {cause}"));
            }
            ExitCode::from(2)
        }
    }
}

/// Says what the user has to put right; what he cannot put right is handed on.
fn complain(printer: &Printer, error: &anyhow::Error) -> anyhow::Result<Exit> {
    complain_with(printer, "", error)
}

/// The same with what does not come about because of it.
fn complain_about(printer: &Printer, consequence: &str, error: &anyhow::Error) -> anyhow::Result<Exit> {
    complain_with(printer, &format!("{consequence}: "), error)
}

fn complain_with(printer: &Printer, beginning: &str, error: &anyhow::Error) -> anyhow::Result<Exit> {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        let message = format!("{beginning}{}", refusal.message);
        printer.error(&message, refusal.help.as_deref());
        return Ok(Exit::Act);
    }
    if let Some(mistake) = error.downcast_ref::<crate::config::Error>() {
        file::show(printer, beginning, mistake);
        return Ok(Exit::Act);
    }
    if let Some(error @ spool::Error::Secret(_)) = error.downcast_ref() {
        printer.error(&format!("{beginning}nothing triggered: {error}"), None);
        return Ok(Exit::Act);
    }
    if let Some(spool::Error::NotOurs {
        path,
        problem,
        remedy,
    }) = error.downcast_ref()
    {
        let message = format!("{beginning}{} {problem}", path.display());
        printer.error(&message, Some(remedy));
        return Ok(Exit::Act);
    }
    Err(anyhow::anyhow!("{error:#}"))
}
