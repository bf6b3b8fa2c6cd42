//! Files that hold secrets: opened once, looked at while they are open, and read from that.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Error;
use crate::environment;
use crate::platform;
use crate::text::shell_argument;

/// Why this file is not to be used, and what mends it; `None` for one that is this user's and that
/// nobody else can read or write.
pub(super) fn objection(path: &Path, found: &Metadata) -> Option<Error> {
    let named = shell_argument(path.as_os_str().as_bytes());
    if !found.is_file() {
        return Some(unusable(
            path,
            "it is no file",
            format!("look at it: ls -ld {named}"),
        ));
    }
    if found.uid() != platform::user_id() {
        return Some(foreign(path, found));
    }
    let what = match found.mode() & 0o066 {
        0 => return None,
        bits if bits & 0o044 != 0 => "others can read it",
        _ => "others can write to it",
    };
    Some(unusable(path, what, format!("chmod 600 {named}")))
}

/// The same for the folder that it lies in, where only writing matters: who can write there can put
/// another file in its place.
pub(super) fn folder_objection(path: &Path, found: &Metadata) -> Option<Error> {
    if found.uid() != platform::user_id() {
        return Some(foreign(path, found));
    }
    (found.mode() & 0o022 != 0).then(|| {
        let named = shell_argument(path.as_os_str().as_bytes());
        unusable(path, "others can write to it", format!("chmod 700 {named}"))
    })
}

fn foreign(path: &Path, found: &Metadata) -> Error {
    let (owner, user) = (found.uid(), platform::user_id());
    unusable(
        path,
        &format!("it belongs to user id {owner}, not to you ({user})"),
        "run this as that user, or with a HOME of your own",
    )
}

/// The error about a file with secrets, which never has anything of the file's content.
pub(super) fn unusable(path: &Path, why: &str, fix: impl Into<String>) -> Error {
    Error::Unusable {
        path: path.to_owned(),
        why: why.to_owned(),
        fix: fix.into(),
    }
}

/// All of an open file; [`io::ErrorKind::FileTooLarge`] for one with more bytes than `most`.
pub(super) fn read(file: &mut File, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // Some file systems tell no size. Never grown: what a buffer leaves behind when it moves is not wiped.
    let room = if size == 0 { most } else { size.min(most) };
    let mut bytes = Zeroizing::new(vec![0; room + 1]);
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

/// A path as its user would write it, with `~` for his home folder.
pub(super) fn shown(path: &Path) -> String {
    let below = environment::home().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned));
    let path = below.map_or_else(|| path.to_owned(), |rest| PathBuf::from("~").join(rest));
    path.display().to_string()
}
