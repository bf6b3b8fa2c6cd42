//! Hooks as files in the folder that git runs them from.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{self, Folder, Found, look};
use super::manager::{self, Manager, manager_of};
use super::place::{Place, own_folder};
use super::shim::Shim;
use super::{ALL_HOOKS, Done, Error, Event, Request, block, failed, is_executable, made, named};
use crate::git::Repository;
use crate::platform;

/// So often the folder is looked at again because a file in it changed meanwhile.
const ATTEMPTS: usize = 5;

/// What is special about an installation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// The folder serves other repositories too.
    pub(super) everywhere: bool,
    /// A hook in whose place ours would not last is refused.
    pub(super) lasting: bool,
}

pub(super) fn install(
    repository: &Repository,
    request: &Request<'_>,
    lasting: bool,
) -> Result<Vec<Done>, Error> {
    let place = Place::of(repository)?;
    let outside = place.is_outside(repository);
    let kind = Kind {
        everywhere: outside,
        lasting,
    };
    match place.check(repository) {
        Err(Error::Husky { folder }) if request.append && !lasting => return append(&folder, request.hooks),
        other => other?,
    }
    let inside = place.in_work_tree(repository);
    if let Some(inside) = &inside {
        let mut tracked = Vec::new();
        for hook in request.hooks {
            let path = place.folder.join(hook);
            let served = runs_us_by_a_line(&path, hook)? || matches!(look(&path)?, Found::Ours(_));
            // Moving it aside would show up as a change of everybody's.
            if !served && repository.tracks(&inside.join(hook))? {
                tracked.push(*hook);
            }
        }
        if let Some(first) = tracked.first() {
            return Err(Error::Tracked {
                path: place.folder.join(first),
                hooks: tracked,
            });
        }
    }
    let elsewhere = place.folders_elsewhere(repository)?;
    let mut done = into_folder(&place.folder, Some(repository), request, kind)?;
    if outside {
        done.push(Done::Outside(place.folder.clone()));
    }
    if let Some(inside) = inside {
        match exclude(repository, &place, &inside) {
            Ok(excluded) => done.extend(excluded),
            Err(error) => {
                take_back(&done);
                return Err(error);
            }
        }
    }
    for (work_tree, folder) in elsewhere {
        let ours = |hook: &&str| {
            let path = folder.join(hook);
            matches!(look(&path), Ok(Found::Ours(_))) || matches!(runs_us_by_a_line(&path, hook), Ok(true))
        };
        if !request.hooks.iter().all(ours) {
            done.push(Done::Elsewhere {
                work_tree,
                events: Event::of_hooks(request.hooks),
            });
        }
    }
    Ok(done)
}

/// Whether this is somebody else's hook that git runs, with a line in it that runs our program.
pub(super) fn runs_us_by_a_line(path: &Path, hook: &str) -> Result<bool, Error> {
    let Found::Foreign(content) = look(path)? else {
        return Ok(false);
    };
    Ok(is_executable(path) && manager::calls_us(&content, hook))
}

/// Undoes an installation that cannot be completed; the reason to be told is the first one. A
/// renewed hook is as good as it was before.
pub(super) fn take_back(done: &[Done]) {
    if done
        .iter()
        .any(|done| matches!(done, Done::Put { renewed: true, .. }))
    {
        return;
    }
    for done in done {
        let _ = match done {
            Done::Put { path, .. } => out_of_folder(path.parent().unwrap_or(path)).map(drop),
            Done::Excluded(file) => block::remove(file).map(drop),
            _ => Ok(()),
        };
    }
}

/// Installs into a folder, all hooks or none.
pub(super) fn into_folder(
    path: &Path,
    repository: Option<&Repository>,
    request: &Request<'_>,
    kind: Kind,
) -> Result<Vec<Done>, Error> {
    let mut attempt = 1;
    loop {
        match try_folder(path, repository, request, kind) {
            Err(Error::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

fn try_folder(
    path: &Path,
    repository: Option<&Repository>,
    request: &Request<'_>,
    kind: Kind,
) -> Result<Vec<Done>, Error> {
    let mut folder = Folder::make(path, repository)?;
    let made = folder.made();
    let places = match check(&mut folder, request, kind) {
        Ok(places) => places,
        Err(error) => {
            folder.remove();
            return Err(error);
        }
    };
    let mut done = Vec::new();
    if made > 0 {
        done.push(Done::MadeFolder(path.to_owned()));
    }
    let mut put: Vec<Done> = places
        .iter()
        .map(|place| Done::Put {
            path: folder.file(&place.name),
            renewed: matches!(place.before, Found::Ours(_)),
            aside: None,
            manager: match &place.before {
                Found::Foreign(content) => manager_of(content),
                _ => None,
            },
        })
        .collect();
    for hook in request.hooks {
        let path = folder.file(hook);
        if runs_us_by_a_line(&path, hook)? {
            done.push(Done::ByLine(path));
        }
    }
    let names = folder.put(places)?;
    // Where a manager put ours and runs it no more, it stands in that manager's own way.
    for (name, shim) in folder.ours()? {
        if request.hooks.iter().any(|hook| name == named(hook, ".old")) {
            folder.take_out(&name, &shim)?;
        }
    }
    for (done, name) in put.iter_mut().zip(names) {
        if let Done::Put { aside, .. } = done {
            *aside = name.map(|name| path.join(name));
        }
    }
    done.extend(put);
    Ok(done)
}

/// Looks at every place before any is changed.
fn check(folder: &mut Folder, request: &Request<'_>, kind: Kind) -> Result<Vec<folder::Place>, Error> {
    let ours = folder.ours()?;
    let mut places = Vec::new();
    for hook in request.hooks {
        let mut name = OsString::from(hook);
        let path = folder.file(hook);
        // Chained, it would run our program a second time.
        if runs_us_by_a_line(&path, hook)? {
            continue;
        }
        let mut before = look(&path)?;
        match &before {
            Found::Nothing | Found::Ours(_) => {}
            Found::Edited => return Err(Error::Edited { path }),
            Found::NoFile => return Err(Error::NoFile { path }),
            Found::Foreign(content) => {
                let manager = manager_of(content);
                if let Some((below, found)) = run_by(folder, hook, manager)? {
                    name = below;
                    before = found;
                } else if let Some(manager) = manager.filter(|manager| manager.takes_back())
                    && kind.lasting
                {
                    return Err(Error::TakenBack { manager });
                } else if manager.is_some_and(Manager::goes_by_name) || manager::asks_its_name(content) {
                    return Err(Error::Named {
                        path,
                        hook,
                        manager,
                        program: request.program.to_owned(),
                    });
                }
            }
        }
        let chained = match &before {
            Found::Ours(shim) => shim.chained.clone(),
            // Somebody removed ours by hand, and what it had moved aside is there yet.
            Found::Nothing => folder.orphans(hook, &ours)?.pop(),
            _ => None,
        };
        places.push(folder::Place {
            name,
            shim: Shim {
                hook: (*hook).to_owned(),
                program: request.program.to_owned(),
                chained,
                made: folder.made(),
                everywhere: kind.everywhere,
            },
            before,
        });
    }
    Ok(places)
}

/// Our own script, if the manager whose hook is in the place runs it under another name.
fn run_by(folder: &Folder, hook: &str, manager: Option<Manager>) -> Result<Option<(OsString, Found)>, Error> {
    if !manager.is_some_and(Manager::runs_legacy) {
        return Ok(None);
    }
    let name = named(hook, manager::LEGACY);
    let path = folder.file(&name);
    let found = look(&path)?;
    let runs = matches!(found, Found::Ours(_)) && is_executable(&path);
    Ok(runs.then_some((name, found)))
}

/// Takes our hooks out of every folder that an `install` may have used.
pub(super) fn uninstall(repository: &Repository) -> Result<Vec<Done>, Error> {
    Places::of(repository)?.take_out()
}

/// Where hooks of ours may be.
pub(super) struct Places {
    folders: Vec<PathBuf>,
    exclude: PathBuf,
    /// The files of husky's own.
    husky: Vec<PathBuf>,
}

impl Places {
    /// Asks git, and changes nothing.
    pub(super) fn of(repository: &Repository) -> Result<Self, Error> {
        let place = Place::of(repository)?;
        // A folder that serves other repositories too is theirs: `--global` takes that one.
        let mut folders = Vec::new();
        // Set to nothing, git's answer is the top of the work tree.
        if !place.is_shared() && !place.is_nowhere() {
            folders.push(place.folder.clone());
            let elsewhere = place.folders_elsewhere(repository)?;
            folders.extend(elsewhere.into_iter().map(|(_, folder)| folder));
        }
        folders.push(own_folder(repository));
        let exclude = repository.git_path("info/exclude")?;
        folders.extend(excluded_folders(repository, &exclude)?);
        let husky = manager::husky_of(&place.folder);
        let husky = husky
            .iter()
            .flat_map(|folder| ALL_HOOKS.map(|hook| folder.join(hook)));
        Ok(Self {
            folders,
            exclude,
            husky: husky.collect(),
        })
    }

    pub(super) fn take_out(&self) -> Result<Vec<Done>, Error> {
        let mut done = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for path in &self.folders {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if !seen.contains(&real) {
                done.extend(out_of_folder(path)?);
                seen.push(real);
            }
        }
        block::remove(&self.exclude)?;
        for path in &self.husky {
            if block::remove(path)? {
                done.push(Done::Cut(path.clone()));
            }
        }
        Ok(done)
    }
}

pub(super) fn out_of_folder(path: &Path) -> Result<Vec<Done>, Error> {
    let mut attempt = 1;
    loop {
        match try_out(path) {
            Err(Error::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

fn try_out(path: &Path) -> Result<Vec<Done>, Error> {
    made::sweep_beside(path);
    let mut folder = match Folder::take(path) {
        Ok(folder) => folder,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed("use", path)(error)),
    };
    let mut done = Vec::new();
    let ours = folder.ours()?;
    for (name, shim) in &ours {
        let file = folder.file(name);
        let back = folder.take_out(name, shim)?;
        match &shim.chained {
            Some(_) if back => done.push(Done::Restored(file)),
            Some(aside) => done.extend([Done::Removed(file), Done::Vanished(folder.file(aside))]),
            None => done.push(Done::Removed(file)),
        }
    }
    for hook in ALL_HOOKS {
        let file = folder.file(hook);
        let was_ours = ours.iter().any(|(name, _)| name == hook);
        let mut aside = folder.orphans(hook, &[])?;
        match look(&file)? {
            // What ours led to is back: whoever named a file so named it himself.
            Found::Nothing if was_ours => aside.clear(),
            // Somebody removed ours by hand.
            Found::Nothing => {
                if let Some(former) = aside.pop() {
                    let former = folder.file(former);
                    platform::rename_to_new(&former, &file).map_err(failed("restore", &file))?;
                    done.push(Done::Restored(file));
                }
            }
            _ if was_ours => {}
            Found::Ours(_) | Found::NoFile => {}
            Found::Foreign(content) if manager::calls_us(&content, hook) => done.push(Done::ByLine(file)),
            Found::Edited | Found::Foreign(_) => done.push(Done::Foreign(file)),
        }
        done.extend(aside.into_iter().map(|name| Done::StillAside(folder.file(name))));
    }
    if let Some(removed) = folder.remove() {
        done.push(Done::RemovedFolder(removed));
    }
    Ok(done)
}

/// Hides our files in the work tree from `git status`, which would show them as new.
fn exclude(repository: &Repository, place: &Place, inside: &Path) -> Result<Option<Done>, Error> {
    let mut folder = match Folder::take(&place.folder) {
        // Somebody took the hooks out again.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed("use", &place.folder))?,
    };
    let mut names = Vec::new();
    for (name, shim) in folder.ours()? {
        names.extend(shim.chained);
        names.push(name);
    }
    names.sort();
    let file = repository.git_path("info/exclude")?;
    let known = block::read(&file).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    let mut missing = false;
    for name in names {
        let path = inside.join(name);
        // As bytes that are no UTF-8 cannot be written here, such a file stays visible.
        let Some(pattern) = path.to_str().map(pattern) else {
            continue;
        };
        missing |= !known.contains(&pattern.clone().into_bytes()) && !repository.ignores(&path)?;
        lines.push(pattern);
    }
    if !missing {
        block::tidy(&file)?;
        return Ok(None);
    }
    block::put(&file, &lines, block::At::End, 0o644)?;
    Ok(Some(Done::Excluded(file)))
}

/// A line of an exclude file that stands for this one file.
fn pattern(path: &str) -> String {
    let mut pattern = String::from("/");
    for c in path.chars() {
        if "*?[]\\ ".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The folders, in whichever work tree, that our lines in the exclude file tell of.
fn excluded_folders(repository: &Repository, exclude: &Path) -> Result<Vec<PathBuf>, Error> {
    let lines = block::read(exclude).unwrap_or_default();
    let folder = |line: &Vec<u8>| {
        let path = std::str::from_utf8(line).ok()?.strip_prefix('/')?;
        let mut plain = String::new();
        let mut chars = path.chars();
        while let Some(c) = chars.next() {
            plain.push(if c == '\\' { chars.next()? } else { c });
        }
        Some(Path::new(&plain).parent()?.to_owned())
    };
    let inside: Vec<PathBuf> = lines.iter().filter_map(folder).collect();
    if inside.is_empty() {
        return Ok(Vec::new());
    }
    let tops = repository.work_trees()?;
    Ok(tops
        .iter()
        .flat_map(|top| inside.iter().map(|folder| top.join(folder)))
        .collect())
}

/// Adds our lines to the files that husky has for them.
fn append(folder: &Path, hooks: &[&'static str]) -> Result<Vec<Done>, Error> {
    let mut done = Vec::new();
    for hook in hooks {
        let path = folder.join(hook);
        let at = if *hook == manager::PRE_PUSH {
            block::At::Begin
        } else {
            block::At::End
        };
        block::put(&path, &manager::guarded_lines(hook), at, 0o644)?;
        done.push(Done::Appended(path));
    }
    Ok(done)
}
