//! Folders that are made for our hooks, and go with them.
//!
//! Each comes into its place by one rename, with a note in it that says that it was made, and goes
//! out of it by one: a process may die at any instruction and the next one knows.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::folder::{Found, NOTE, TEMPORARY, look};
use super::shim::Shim;
use super::{ALL_HOOKS, Error, failed};
use crate::git::Repository;
use crate::platform::{self, Lock};

/// Makes the folder and its missing parents. Gives how many were made: none if somebody else was
/// faster.
pub(super) fn make(path: &Path, repository: Option<&Repository>) -> Result<usize, Error> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| fs::symlink_metadata(folder).is_err())
        .collect();
    let Some((top, parent)) = missing.last().and_then(|top| Some((*top, top.parent()?))) else {
        return if path.is_dir() {
            Ok(0)
        } else {
            Err(Error::NoFolder {
                path: path.to_owned(),
            })
        };
    };
    if !parent.is_dir() {
        return Err(Error::NoFolder {
            path: parent.to_owned(),
        });
    }
    let _lock = Lock::of_folder(parent).map_err(failed("use", parent))?;
    sweep_in(parent);
    let new = aside(top);
    let made = build(&new, top, &missing, repository);
    // A folder that somebody else made meanwhile, and left empty, is as good as none.
    let made = made.and_then(|()| match fs::rename(&new, top) {
        Err(error) if fs::symlink_metadata(top).is_err() => Err(failed("create", top)(error)),
        Err(_) => Ok(0),
        Ok(()) => Ok(missing.len()),
    });
    if !matches!(made, Ok(1..)) {
        sweep(&new);
    }
    made
}

/// What `top` is called before it is in its place, and after.
fn aside(top: &Path) -> PathBuf {
    top.with_file_name(format!("{TEMPORARY}-{}", std::process::id()))
}

fn build(new: &Path, top: &Path, missing: &[&Path], repository: Option<&Repository>) -> Result<(), Error> {
    for folder in missing.iter().rev() {
        let rest = folder.strip_prefix(top).unwrap_or(Path::new(""));
        // Joining nothing would add a slash.
        let place = if rest.as_os_str().is_empty() {
            new.to_owned()
        } else {
            new.join(rest)
        };
        let inside = repository
            .map(Repository::common_dir)
            .filter(|common_dir| folder.starts_with(common_dir));
        let created = match inside {
            Some(common_dir) => platform::shared_directory(&place, common_dir),
            None => fs::create_dir(&place),
        };
        created.map_err(failed("create", folder))?;
        if folder.as_os_str() == missing[0].as_os_str() {
            note(&place, missing.len()).map_err(failed("write into", folder))?;
        }
    }
    Ok(())
}

/// Writes down that the folder, and so many in all upwards, were made.
pub(super) fn note(folder: &Path, made: usize) -> io::Result<()> {
    let note = Shim {
        hook: ALL_HOOKS[0].to_owned(),
        program: PathBuf::new(),
        chained: None,
        made,
        everywhere: false,
    };
    let path = folder.join(NOTE);
    let written = fs::write(&path, note.render());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Whether that is written down here.
pub(super) fn has_note(folder: &Path) -> bool {
    matches!(look(&folder.join(NOTE)), Ok(Found::Ours(_)))
}

/// Removes the folder and so many in all upwards, as far as nothing is in them but what we made,
/// or the note alone. Gives the topmost.
pub(super) fn remove(path: &Path, made: usize) -> Option<PathBuf> {
    let Some(top) = topmost(path, made) else {
        drop_note(path);
        return None;
    };
    // Where something fails, the note stays for the next one.
    let gone = aside(top);
    fs::rename(top, &gone).ok()?;
    sweep(&gone);
    if has_more(&gone) {
        // It came at the last moment.
        let _ = fs::rename(&gone, top);
        return None;
    }
    Some(top.to_owned())
}

/// Removes the note, whole or as a death left it.
pub(super) fn drop_note(folder: &Path) {
    let note = folder.join(NOTE);
    if is_note(&note) {
        let _ = fs::remove_file(note);
    }
}

/// The topmost of so many folders upwards that has nothing in it but what we made.
fn topmost(path: &Path, made: usize) -> Option<&Path> {
    let mut only = NOTE.as_ref();
    let mut top = None;
    for folder in path.ancestors().take(made) {
        let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
        if !entries.is_ok_and(|entries| entries.iter().all(|entry| entry.file_name() == only)) {
            break;
        }
        top = Some(folder);
        only = folder.file_name()?;
    }
    top
}

/// Removes what a death left where the folder, or the topmost missing one above it, belongs.
pub(super) fn sweep_beside(path: &Path) {
    let parent = path.ancestors().skip(1).find(|folder| folder.is_dir());
    if let Some(parent) = parent
        && let Ok(_lock) = Lock::of_folder(parent)
    {
        sweep_in(parent);
    }
}

/// The caller has the lock.
fn sweep_in(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name
            .as_bytes()
            .strip_prefix(TEMPORARY.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"-"));
        if process.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit)) {
            sweep(&entry.path());
        }
    }
}

/// Removes a folder, as far as nothing is in it but folders and our note.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&path);
        } else if is_note(&path) {
            let _ = fs::remove_file(&path);
        }
    }
    let _ = fs::remove_dir(folder);
}

/// Whether something else is in it.
fn has_more(folder: &Path) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            has_more(&path)
        } else {
            !is_note(&path)
        }
    })
}

/// Whole, or as a death left it.
fn is_note(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NOTE)
        && match look(path) {
            Ok(Found::Ours(_)) => true,
            Ok(Found::Foreign(content)) => content.is_empty(),
            _ => false,
        }
}
