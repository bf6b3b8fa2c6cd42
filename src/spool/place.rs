//! Where a spool lies: in the common git directory, beside those of the other users. Whoever may push
//! over the file system may write there, so that one of them can take another's place, by a folder or
//! a link of the other's number; the other's spool lies with what he keeps for himself then.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{Error, Result, Spool, io_error, sha256};
use crate::environment;
use crate::platform;
use crate::text::shell_argument;

const FOLDER: &str = "jenkins-trigger";

/// The bits of a mode by which others than its owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

pub(super) fn of(common_dir: &Path) -> Spool {
    let beside = common_dir.join(FOLDER);
    let folder = beside.join(platform::user_id().to_string());
    // Where nobody else could have done it, its user has, and is told.
    if [common_dir, &beside].into_iter().any(is_open_to_others)
        && let Some(elsewhere) = elsewhere(common_dir)
    {
        let why = taken(&folder, &beside);
        // What was put there once stays there, whatever becomes of the other place.
        if why.is_some() || elsewhere.exists() {
            let kept = format!(
                "your triggers for this repository are kept in {}",
                elsewhere.display()
            );
            return Spool {
                folder: elsewhere,
                elsewhere: Some(why.map_or(kept.clone(), |why| format!("{kept}: {why}"))),
            };
        }
    }
    Spool {
        folder,
        elsewhere: None,
    }
}

/// Why this user cannot have the folder.
fn taken(folder: &Path, beside: &Path) -> Option<String> {
    match check_folder(folder) {
        Err(Error::NotOurs {
            path,
            problem,
            remedy,
        }) => Some(format!("{} {problem}; {remedy}", path.display())),
        Err(error) => Some(error.to_string()),
        // Whoever made it keeps it to himself.
        Ok(()) if beside.exists() && !folder.exists() && !becomes_open(beside) => Some(format!(
            "you may not write into {0}; have its owner make it as {1} is, or remove it: rm -r {0}",
            shell_argument(beside.as_os_str().as_bytes()),
            shell_argument(beside.with_file_name("objects").as_os_str().as_bytes()),
        )),
        Ok(()) => None,
    }
}

/// Whether this user may write into the folder, perhaps only once he who is just making it has given
/// it its mode.
fn becomes_open(folder: &Path) -> bool {
    const GLANCES: usize = 20;
    let look = || platform::may_put_into(folder);
    let later = || {
        thread::sleep(Duration::from_millis(5));
        look()
    };
    look() || (0..GLANCES).any(|_| later())
}

/// The place that nobody else can write to.
fn elsewhere(common_dir: &Path) -> Option<PathBuf> {
    let state = environment::state_home()?.join(FOLDER).join("spools");
    let real = common_dir.canonicalize().ok()?;
    Some(state.join(sha256(real.as_os_str().as_bytes())))
}

fn is_open_to_others(folder: &Path) -> bool {
    let own = platform::user_id();
    fs::symlink_metadata(folder)
        .is_ok_and(|found| found.uid() != own || (found.is_dir() && found.mode() & WRITABLE_BY_OTHERS != 0))
}

/// That this folder of one user's is no link and nobody else's, and no link leads to it. One that is
/// not there is good.
pub(super) fn check_folder(folder: &Path) -> Result<()> {
    if let Some(parent) = folder.parent() {
        look_at(parent)?;
    }
    check_own(folder)
}

pub(super) fn check_own(folder: &Path) -> Result<()> {
    let Some(found) = look_at(folder)? else {
        return Ok(());
    };
    let own = platform::user_id();
    let path = shell_argument(folder.as_os_str().as_bytes());
    if found.uid() == own && found.mode() & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    if found.uid() == own {
        return Err(Error::NotOurs {
            path: folder.to_owned(),
            problem: "can be written by others".into(),
            remedy: format!("if what is in it is yours: chmod -R go= {path}; if not: rm -r {path}"),
        });
    }
    Err(Error::NotOurs {
        path: folder.to_owned(),
        problem: format!("belongs to user id {}, not to you", found.uid()),
        remedy: format!("if what is in it is yours: chown -R {own} {path}; if not: rm -r {path}"),
    })
}

fn look_at(folder: &Path) -> Result<Option<fs::Metadata>> {
    let found = match fs::symlink_metadata(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("look at", folder)(error)),
    };
    if found.is_dir() {
        return Ok(Some(found));
    }
    let what = if found.is_symlink() { "a link" } else { "no folder" };
    Err(Error::NotOurs {
        path: folder.to_owned(),
        problem: format!("is {what}, and is to be a folder"),
        remedy: format!("remove it: rm {}", shell_argument(folder.as_os_str().as_bytes())),
    })
}
