//! The hidden command that the hook scripts and git's config hooks run.

mod call;
mod fire;
mod push;
mod rebase;
mod receive;
mod seen;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use self::call::{Call, Hook};
use self::fire::Fire;
use self::seen::{Doing, Seen, Since};
use super::Refusal;
use crate::config::FILE_NAME;
use crate::environment;
use crate::git;
use crate::install::chain::{self, Chained};
use crate::install::manager::{Manager, manager_of};
use crate::platform::{self, Process};
use crate::spool::Spool;
use crate::ui::Printer;

pub(super) use rebase::{COMMAND as AFTER_REBASE, run as after_rebase};

/// What comes of an error that keeps the whole hook from its work.
const NOTHING: &str = "nothing triggered";

/// What is remembered of having been said once.
const DETACHED: &str = "detached";

/// Runs a hook. 0, or the exit code of the chained hook: nothing here may fail a commit.
pub(super) fn run(words: &[OsString]) -> ExitCode {
    let printer = Printer::for_hook();
    // The frame that a panic ends at says its one line; the default message would be many.
    panic::set_hook(Box::new(|_| {}));
    let call = match Call::read(words) {
        Ok(call) => call,
        Err(what) => {
            printer.hook_line(&what);
            return ExitCode::SUCCESS;
        }
    };
    let mut code = 0;
    let done = guarded(|| serve(&printer, &call, &mut code));
    if let Some(Err(error)) = done {
        printer.hook_line(&one_line(NOTHING, &error));
        if let Some(repository) = pushed_to(&call) {
            fire::tell_where(&printer, &repository);
        }
    } else if done.is_none() {
        printer.hook_line("stopped by a fault of its own; git is not affected");
    }
    ExitCode::from(code)
}

/// The repository that was pushed to, if this is about a push from elsewhere.
fn pushed_to(call: &Call) -> Option<git::Repository> {
    if !matches!(call.hook, None | Some(Hook::Receive)) {
        return None;
    }
    let here = std::env::current_dir().ok()?;
    let repository = git::Repository::discover(&here, &environment::repository_paths()).ok()?;
    (seen::hook_of(call, &here, &repository) == Hook::Receive).then_some(repository)
}

/// `None` for what ended in a panic.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

fn serve(printer: &Printer, call: &Call, code: &mut u8) -> anyhow::Result<()> {
    let Some(chained) = &call.chained else {
        return react(printer, call, look(call, None)?, platform::ancestors);
    };
    let ancestors = platform::ancestors();
    let below_itself = match &ancestors {
        Some(ancestors) => Lineage::of(ancestors).below_hook,
        None => chained.is_marked(),
    };
    if below_itself {
        return Ok(());
    }
    let stdin = read_stdin(call);
    let stdin = stdin.as_deref();
    // What a fault of this tool's keeps from being seen must not keep the user's hook from running.
    let seen = guarded(|| look(call, stdin));
    if !runs_already(call, chained) {
        *code = run_chained(printer, chained, call, stdin, ancestors.is_none());
    }
    if call.hook == Some(Hook::Push) && *code != 0 {
        // git does not push then.
        return Ok(());
    }
    match seen {
        Some(seen) => react(printer, call, seen?, || ancestors),
        None => anyhow::bail!("stopped by a fault of its own; git is not affected"),
    }
}

/// What this process and the chained hook both need of it.
fn read_stdin(call: &Call) -> Option<Vec<u8>> {
    let stdin = io::stdin();
    if !matches!(call.hook, Some(Hook::Push | Hook::Receive)) || stdin.is_terminal() {
        return None;
    }
    let mut bytes = Vec::new();
    // What was read is passed on and used, whatever came after it.
    let _ = stdin.lock().read_to_end(&mut bytes);
    Some(bytes)
}

fn run_chained(printer: &Printer, chained: &Chained, call: &Call, stdin: Option<&[u8]>, mark: bool) -> u8 {
    match chained.run(&call.arguments, stdin, mark) {
        Ok(code) => code,
        Err(error) => {
            let path = chained.path().display();
            printer.hook_line(&format!("could not run the hook {path}: {error}"));
            chain::NOT_STARTED
        }
    }
}

/// Whether the chained hook is the script of a hook manager that has since taken the hook's place
/// and moved ours aside: then that manager is what runs us.
fn runs_already(call: &Call, chained: &Chained) -> bool {
    let folder = chained.path().parent().unwrap_or(Path::new(""));
    let mut top = folder.join(&call.event);
    // Moved into a folder of its own, it has kept its name.
    if top == chained.path() {
        top = folder.parent().unwrap_or(Path::new("")).join(&call.event);
    }
    let chained_by = || manager_of_file(chained.path());
    manager_of_file(&top).is_some_and(|manager| chained_by() == Some(manager))
}

fn manager_of_file(path: &Path) -> Option<Manager> {
    const ENOUGH: u64 = 64 * 1024;
    // Not what a pipe would have to say.
    if !path.is_file() {
        return None;
    }
    let mut content = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(ENOUGH)
        .read_to_end(&mut content)
        .ok()?;
    manager_of(&content)
}

/// What is to be made known, before a chained hook can change it; `None` for nothing.
fn look(call: &Call, stdin: Option<&[u8]>) -> anyhow::Result<Option<Seen>> {
    if environment::switched_off() || !call.is_of_interest() {
        return Ok(None);
    }
    let here = std::env::current_dir()?;
    match Seen::look(call, &here, stdin) {
        Err(error) if error.downcast_ref::<git::Error>().is_some_and(is_none) => Ok(None),
        // Nobody asked for anything in a repository that has no file, be it ever so broken.
        Err(_) if call.everywhere && !here.join(FILE_NAME).exists() => Ok(None),
        other => other,
    }
}

fn is_none(error: &git::Error) -> bool {
    matches!(error, git::Error::NoRepository(_))
}

/// Does what is to be done about it.
fn react(
    printer: &Printer,
    call: &Call,
    seen: Option<Seen>,
    ancestors: impl FnOnce() -> Option<Vec<Process>>,
) -> anyhow::Result<()> {
    let Some(mut seen) = seen else {
        return Ok(());
    };
    let since = match &call.chained {
        Some(_) => seen.catch_up()?,
        None => Since::Same,
    };
    if since == Since::Gone {
        return Ok(());
    }
    if let Doing::Pushing(pushing) = &seen.doing {
        let ancestors = ancestors();
        return push::announce(printer, call, &seen, pushing, ancestors.as_deref());
    }
    let source = seen.source();
    if matches!(source, Ok(None)) && call.everywhere {
        return Ok(());
    }
    let spool = Spool::of(seen.repository.common_dir());
    let ancestors = ancestors();
    let lineage = Lineage::of(ancestors.as_deref().unwrap_or_default());
    if lineage.below_hook {
        return Ok(());
    }
    // The git that moved it has run a hook of ours for it, unless it was told to run none.
    if since == Since::Moved && spool.has_claim(&seen.digest()) {
        return Ok(());
    }
    if !matches!(source, Ok(None))
        && let Some(git) = lineage.gits.first()
        // A trigger too many is better than one that is lost.
        && !spool.claim(&seen.claim(git)).unwrap_or(true)
    {
        return Ok(());
    }
    let missing = || anyhow::Error::from(without_file(seen.hook, &seen.repository));
    match &mut seen.doing {
        Doing::Detached => {
            if spool.say_once(DETACHED).unwrap_or(true) {
                printer.hook_line("HEAD is detached, so there is no branch to trigger for");
            }
            Ok(())
        }
        Doing::AtTheEnd(made) => {
            let source = source?.ok_or_else(missing)?;
            // Now somebody is there to be told.
            source.read()?;
            Ok(rebase::start(
                &seen.repository,
                made,
                lineage.gits.last().copied(),
            )?)
        }
        Doing::Fired(event) => {
            spool.unsay(DETACHED);
            let fire = Fire {
                printer,
                repository: &seen.repository,
                tells: true,
                from_afar: false,
                by_commit: seen.hook == Hook::Commit,
            };
            let source = source.and_then(|source| source.ok_or_else(missing));
            fire.run(source, std::slice::from_mut(event))
        }
        // Dealt with above.
        Doing::Pushing(_) => Ok(()),
        Doing::Received(received) => {
            let fire = Fire {
                printer,
                repository: &seen.repository,
                tells: true,
                from_afar: true,
                by_commit: false,
            };
            let source = source.and_then(|source| source.ok_or_else(missing));
            fire.run_push(source, |config| Ok(received.read(&seen.repository, config)?))
        }
    }
}

fn without_file(hook: Hook, repository: &git::Repository) -> Refusal {
    let why = match repository.work_tree() {
        _ if hook == Hook::Receive => {
            format!("the default branch has no {FILE_NAME}; push one to it")
        }
        Some(top) if top.join(FILE_NAME).exists() => {
            format!("this commit has no {FILE_NAME}; commit it")
        }
        _ => format!("there is no {FILE_NAME}; write one"),
    };
    Refusal::plain(format!("{why}, or take the hook out: jenkins-trigger uninstall"))
}

/// What this process runs below.
#[derive(Debug, Default)]
struct Lineage<'a> {
    /// The git that ran the hook, the git that ran that one, and so on: `git rebase` runs `git am`.
    gits: Vec<&'a Process>,
    /// Whether this program, as a hook of the same git or of none, is one of those between.
    below_hook: bool,
}

impl<'a> Lineage<'a> {
    fn of(ancestors: &'a [Process]) -> Self {
        let nearest = ancestors.iter().position(is_git).unwrap_or(ancestors.len());
        let (between, from_git) = ancestors.split_at(nearest);
        Self {
            gits: from_git.iter().take_while(|process| is_git(process)).collect(),
            below_hook: between.iter().any(runs_a_hook),
        }
    }
}

/// Whether this is one of git's own programs that run a hook, and not one that merely has a name
/// like theirs.
fn is_git(process: &Process) -> bool {
    const GITS: &[&str] = &[
        "git",
        // As one distribution's wrapper calls what it wraps.
        ".git-wrapped",
        "git-am",
        "git-cherry-pick",
        "git-commit",
        "git-merge",
        "git-pull",
        "git-push",
        "git-rebase",
        // The system keeps 15 bytes.
        "git-receive-pac",
        "git-revert",
    ];
    GITS.iter().any(|name| process.name == *name)
}

/// Whether this is the program itself at a hook: a script of its name is not.
fn runs_a_hook(process: &Process) -> bool {
    let is_named = process.name == "jenkins-trigger" || platform::own().name == process.name;
    is_named
        && platform::arguments_of(process.pid)
            .get(1)
            .is_some_and(|word| word == "hook")
}

/// What does not come about because of the error, and how to put it right.
fn one_line(consequence: &str, error: &anyhow::Error) -> String {
    let (message, help) = if let Some(mistake) = error.downcast_ref::<crate::config::Error>() {
        let help = mistake.help().map(str::to_owned);
        (format!("{mistake}"), help)
    } else if let Some(refusal) = error.downcast_ref::<Refusal>() {
        (refusal.message.clone(), refusal.help.clone())
    } else {
        (format!("{error:#}"), None)
    };
    match help {
        // An example of several lines is none on one line.
        Some(help) if help.lines().count() > 1 => {
            format!("{consequence}: {message}; see: jenkins-trigger check")
        }
        Some(help) => format!("{consequence}: {message}; {help}"),
        None => format!("{consequence}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of these names, nearest first, which are taken for the gits that ran the hook.
    fn gits(names: &[&str]) -> Vec<u32> {
        let ancestors: Vec<Process> = (1..)
            .zip(names)
            .map(|(pid, name)| Process {
                // No process has so high a number.
                pid: 1 << 30 | pid,
                started: 1,
                name: name.into(),
            })
            .collect();
        let lineage = Lineage::of(&ancestors);
        assert!(!lineage.below_hook);
        lineage.gits.iter().map(|git| git.pid ^ (1 << 30)).collect()
    }

    #[test]
    fn the_gits_that_ran_the_hook_are_those_in_a_row() {
        assert_eq!(gits(&["git", "bash"]), [1]);
        assert_eq!(
            gits(&["sh", "python3", "git", "git", "git", "sh", "git"]),
            [3, 4, 5]
        );
        assert_eq!(gits(&["post-receive", "git-receive-pac", "sshd"]), [2]);
        // Tools of other people that git runs, or that run hooks.
        assert_eq!(gits(&["git-lfs", "git-branchless", "git"]), [3]);
        assert_eq!(gits(&["sh", "java"]), [0; 0]);
        assert_eq!(gits(&[]), [0; 0]);
    }
}
