//! How lines get out of the journal, which may be put aside meanwhile.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use bstr::ByteSlice as _;

use super::write::{KEPT, older};
use super::{Result, io_error, not_ours};
use crate::platform;

/// A place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The file, by device and inode: its name changes. `None` before there was one.
    file: Option<(u64, u64)>,
    /// How many of its bytes lie before.
    length: u64,
}

fn id(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The names that a file may have, newest first. Files move on along them, so that whoever opens
/// one after the other may meet one twice but never misses one.
fn names(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let path = path.to_owned();
    (0..=KEPT).map(move |number| match number {
        0 => path.clone(),
        number => older(&path, number),
    })
}

/// Where the journal ends.
pub(super) fn mark(path: &Path) -> Mark {
    // For an instant there is none of the first name.
    let found = names(path).find_map(|name| fs::symlink_metadata(name).ok());
    Mark {
        file: found.as_ref().map(id),
        length: found.map_or(0, |found| found.len()),
    }
}

/// A part of one file, up to its end.
pub(super) struct Piece {
    file: (u64, u64),
    start: u64,
    pub(super) bytes: Vec<u8>,
}

impl Piece {
    /// Behind the last line that its writer has ended, and the bytes up to there.
    pub(super) fn whole_lines(&self) -> (Mark, &[u8]) {
        let end = self.bytes.rfind_byte(b'\n').map_or(0, |at| at + 1);
        let mark = Mark {
            file: Some(self.file),
            length: self.start + end as u64,
        };
        (mark, &self.bytes[..end])
    }
}

/// What came after `mark`, oldest first.
pub(super) fn since(path: &Path, mark: &Mark) -> Result<Vec<Piece>> {
    let mut opened: Vec<(PathBuf, File, (u64, u64))> = Vec::new();
    for name in names(path) {
        let Some((file, found)) = open(&name)? else {
            continue;
        };
        let id = id(&found);
        if opened.iter().all(|(_, _, known)| *known != id) {
            opened.push((name, file, id));
        }
        if mark.file == Some(id) {
            break;
        }
    }
    let mut pieces = Vec::new();
    for (name, file, id) in opened.into_iter().rev() {
        let start = if mark.file == Some(id) { mark.length } else { 0 };
        let bytes = read_from(&file, start).map_err(io_error("read", &name))?;
        pieces.push(Piece {
            file: id,
            start,
            bytes,
        });
    }
    Ok(pieces)
}

fn read_from(mut file: &File, start: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `None` if there is no such file.
fn open(name: &Path) -> Result<Option<(File, Metadata)>> {
    match platform::open_own(name) {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(not_ours(name, error, "read")),
    }
}

/// Reads lines from the end to the beginning, block by block, and one file after the other.
pub(super) struct Backwards {
    path: PathBuf,
    /// The number of the next file.
    next: u32,
    seen: Vec<(u64, u64)>,
    file: Option<(PathBuf, File)>,
    /// So much of the file lies before the buffer.
    before: u64,
    buffer: Vec<u8>,
    /// So much of the buffer is not given out.
    left: usize,
}

/// Enough for what people ask for as a rule.
const BLOCK: usize = 64 * 1024;

impl Backwards {
    pub(super) fn begin(path: &Path) -> Result<Self> {
        let mut backwards = Self {
            path: path.to_owned(),
            next: 0,
            seen: Vec::new(),
            file: None,
            before: 0,
            buffer: Vec::new(),
            left: 0,
        };
        backwards.open_next()?;
        Ok(backwards)
    }

    /// The next line that is not empty, without its end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let start = match self.buffer[..self.left].rfind_byte(b'\n') {
                Some(newline) => newline + 1,
                None if self.before == 0 => 0,
                None => {
                    self.read_block()?;
                    continue;
                }
            };
            let line = start..self.left;
            self.left = start.saturating_sub(1);
            if !line.is_empty() {
                return Ok(Some(&self.buffer[line]));
            }
            if start == 0 && !self.open_next()? {
                return Ok(None);
            }
        }
    }

    /// Puts a block before what is in the buffer, which is a part of one line.
    fn read_block(&mut self) -> Result<()> {
        let Some((name, file)) = &self.file else {
            self.before = 0;
            return Ok(());
        };
        // Ever more, or a file that is one long line would be copied again and again.
        let wanted = BLOCK.max(self.left);
        let size = usize::try_from(self.before).map_or(wanted, |before| before.min(wanted));
        self.before -= size as u64;
        let mut block = vec![0; size];
        let read = read_at(file, &mut block, self.before).map_err(io_error("read", name))?;
        // A writer may have taken back a line that it could not write to its end.
        block.truncate(read);
        block.extend_from_slice(&self.buffer[..self.left]);
        self.left = block.len();
        self.buffer = block;
        Ok(())
    }

    fn open_next(&mut self) -> Result<bool> {
        while let Some(name) = names(&self.path).nth(self.next as usize) {
            self.next += 1;
            let Some((file, found)) = open(&name)? else {
                continue;
            };
            if self.seen.contains(&id(&found)) {
                continue;
            }
            self.seen.push(id(&found));
            self.before = found.len();
            self.left = 0;
            self.file = Some((name, file));
            return Ok(true);
        }
        Ok(false)
    }
}

/// Fills the block as far as the file goes.
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < block.len() {
        match file.read_at(&mut block[read..], start + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
