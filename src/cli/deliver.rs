//! `deliver`: sends what waits in the foreground, and with `--watch` for as long as it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::{Exit, Refusal, Session, consent, outcomes};
use crate::deliver::{self, Lifetime, Start};
use crate::environment::RepositoryPaths;
use crate::git::Repository;
use crate::platform::Interruption;
use crate::spool::{self, Entry, Spool};

/// How long a service leaves a repository alone whose spool cannot be used.
const RECOVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Go on until interrupted, whatever waits: as a service
    #[arg(long)]
    watch: bool,

    /// The repositories [default: this one]
    #[arg(long = "repository", value_name = "DIR")]
    repositories: Vec<PathBuf>,

    /// Print one JSON object per trigger
    #[arg(long)]
    json: bool,
}

/// What one repository's sender tells the one that prints.
type Told = (PathBuf, Result<Entry, spool::Error>);

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let interruption = Interruption::watch()?;
    let common_dirs = common_dirs(session, arguments)?;
    if arguments.watch {
        for common_dir in &common_dirs {
            printer.note(&format!("watching {}", common_dir.display()));
        }
    }
    let stopped = || interruption.came();
    let lifetime = if arguments.watch {
        Lifetime::service(&stopped)
    } else {
        Lifetime::visit(&stopped)
    };
    let several = common_dirs.len() > 1;
    let mut last = BTreeMap::new();
    let mut broken = false;
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for common_dir in &common_dirs {
            let (tell, interruption) = (tell.clone(), &interruption);
            scope.spawn(move || serve(common_dir, lifetime, interruption, &tell));
        }
        drop(tell);
        for (common_dir, told) in told {
            let told = match told {
                Ok(entry) => entry,
                Err(error) => {
                    broken = true;
                    printer.warning(&format!("{}: {error}", common_dir.display()));
                    continue;
                }
            };
            if arguments.json {
                printer.json(&told);
            } else {
                let place = several.then_some(common_dir.as_path());
                outcomes::print_entry(printer, &told, place);
            }
            if !arguments.watch {
                last.insert(told.id.clone(), told);
            }
        }
    });
    // A service that is stopped has done what it should.
    if arguments.watch {
        return Ok(if broken && !interruption.came() {
            Exit::Act
        } else {
            Exit::Done
        });
    }
    if interruption.came() {
        return Ok(Exit::Interrupted);
    }
    let left = tell_left(session, &common_dirs)?;
    let exit = last.values().fold(Exit::Done, Exit::and);
    Ok(if exit == Exit::Done && (broken || left) {
        Exit::Act
    } else {
        exit
    })
}

/// Says what still waits, and whether anything does.
fn tell_left(session: &Session, common_dirs: &[PathBuf]) -> anyhow::Result<bool> {
    let mut left = 0;
    for common_dir in common_dirs {
        left += Spool::of(common_dir).waiting()?.triggers.len();
    }
    if left > 0 {
        let advice = "see: jenkins-trigger log";
        session.printer.note(&format!("{left} still waiting; {advice}"));
    }
    Ok(left > 0)
}

fn common_dirs(session: &Session, arguments: &Arguments) -> anyhow::Result<Vec<PathBuf>> {
    if arguments.repositories.is_empty() {
        return Ok(vec![session.repository()?.common_dir().to_owned()]);
    }
    let mut found = Vec::new();
    for directory in &arguments.repositories {
        let directory = session.directory.join(directory);
        if !directory.is_dir() {
            let message = format!("{} is not a directory; see --repository", directory.display());
            return Err(Refusal::plain(message).into());
        }
        // Each by its own name: what the environment says of one is not about all.
        let repository = Repository::discover(&directory, &RepositoryPaths::default());
        let common_dir = repository.map_err(super::not_found)?;
        found.push(common_dir.common_dir().to_owned());
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn serve(common_dir: &Path, lifetime: Lifetime<'_>, interruption: &Interruption, tell: &mpsc::Sender<Told>) {
    let say = |told| {
        // Who prints is there until the last of these ends.
        let _ = tell.send((common_dir.to_owned(), told));
    };
    loop {
        match deliver::run(common_dir, (Start::Eager, consent::ask), lifetime, &mut |entry| {
            say(Ok(entry));
        }) {
            Ok(()) if !lifetime.is_endless() || interruption.came() => return,
            // Somebody removed the spool: the next trigger makes another.
            Ok(()) => {}
            Err(error) => say(Err(error)),
        }
        if lifetime.is_endless() && !common_dir.is_dir() {
            return say(Err(gone(common_dir)));
        }
        if !lifetime.is_endless() || interruption.sleep(RECOVERY) {
            return;
        }
    }
}

fn gone(common_dir: &Path) -> spool::Error {
    spool::Error::Io {
        action: "find",
        path: common_dir.to_owned(),
        reason: std::io::ErrorKind::NotFound.into(),
    }
}
