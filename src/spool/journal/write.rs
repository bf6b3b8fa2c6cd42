//! How a line gets into the journal.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::platform::{self, Locked};

/// Longer than this, in bytes, no file becomes.
const LONGEST: u64 = 8 * 1024 * 1024;

/// So many older files are kept.
pub(super) const KEPT: u32 = 4;

/// How long to wait for other writers, of whom each is done in an instant: one that was stopped
/// must not stop a hook.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the file is looked for again that others have put aside meanwhile.
const TRIES: u32 = 10;

/// The file that is kept as the `number`th: 1 is the newest.
pub(super) fn older(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("{number}.jsonl"))
}

/// Adds a line, which ends in a newline.
pub(super) fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let (file, opened) = platform::append_own(path)?;
        let patience = if left == TRIES - 1 {
            PATIENCE
        } else {
            PATIENCE / TRIES
        };
        let locked = platform::lock_for_a_moment(&file, patience);
        // It may have been put aside between the two.
        let named = fs::symlink_metadata(path).ok();
        let named = named.filter(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino()));
        let again = left > 0;
        let length = match named {
            Some(named) => named.len(),
            None if again => continue,
            None => file.metadata()?.len(),
        };
        let full = length > 0 && length + line.len() as u64 > LONGEST;
        // One that cannot be put aside grows on.
        if again && full && locked != Locked::ByAnother && put_aside(path).is_ok() {
            continue;
        }
        return write(&file, length, line, locked == Locked::ByUs);
    }
}

fn write(mut file: &File, length: u64, line: &[u8], alone: bool) -> io::Result<()> {
    let mut bytes = line;
    let mended;
    // A writer that died in the middle of a line must not take this one with it.
    if length > 0 && !ends_in_a_line(file, length)? {
        mended = [b"\n", line].concat();
        bytes = &mended;
    }
    file.write_all(bytes).inspect_err(|_| {
        // What is there of it is torn. Where this fails too, the next line begins anew.
        if alone {
            let _ = file.set_len(length);
        }
    })
}

fn ends_in_a_line(file: &File, length: u64) -> io::Result<bool> {
    let mut last = [0];
    file.read_exact_at(&mut last, length - 1)?;
    Ok(last == *b"\n")
}

/// Makes room for a new file. The last step is the one that counts: whoever dies before it leaves a
/// gap among the older ones, which the next one fills first.
fn put_aside(path: &Path) -> io::Result<()> {
    let free = (1..KEPT).find(|number| !older(path, *number).exists());
    for number in (1..free.unwrap_or(KEPT)).rev() {
        fs::rename(older(path, number), older(path, number + 1))?;
    }
    fs::rename(path, older(path, 1))
}
