//! A few lines of ours in a file that belongs to somebody else, which come out again byte for
//! byte.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bstr::ByteSlice as _;

use super::{Error, failed, made};
use crate::platform::{self, Lock};

const BEGIN: &str = "# jenkins-trigger: begin";
const END: &str = "# jenkins-trigger: end";
/// On the first line where the file was made for the block.
const NEW_FILE: &str = " (in a file made for it)";
/// On the first line where the file's folder was made too.
const NEW_FOLDER: &str = " (in a folder made for it)";
/// On the first line where the file's last one had no end.
const NO_NEWLINE: &str = " (after a line without an end)";

/// What a file was before the block.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Before {
    File(Vec<u8>),
    NoFile,
    NoFolder,
}

/// Where in the file the block goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// After the line, if there is one, that says the script's interpreter.
    Begin,
    /// After all else.
    End,
}

/// The file with the block in it, in place of an older one.
fn with_block(before: Before, lines: &[String], at: At) -> Vec<u8> {
    let before = match before {
        Before::File(content) => without_block(&content).unwrap_or(Before::File(content)),
        other => other,
    };
    let (mut content, note, rest) = split(before, at);
    content.extend_from_slice(format!("{BEGIN}{note}\n").as_bytes());
    for line in lines {
        content.extend_from_slice(line.as_bytes());
        content.push(b'\n');
    }
    content.extend_from_slice(format!("{END}\n").as_bytes());
    content.extend_from_slice(&rest);
    content
}

/// What comes before the block, what its first line notes, and what comes after it.
fn split(before: Before, at: At) -> (Vec<u8>, &'static str, Vec<u8>) {
    let (content, note) = match before {
        Before::NoFolder => (Vec::new(), NEW_FOLDER),
        Before::NoFile => (Vec::new(), NEW_FILE),
        Before::File(mut content) if at == At::Begin => {
            let first = content.lines_with_terminator().next().unwrap_or_default();
            let ended = first.starts_with(b"#!") && first.ends_with(b"\n");
            let rest = content.split_off(if ended { first.len() } else { 0 });
            return (content, "", rest);
        }
        Before::File(mut content) if !content.is_empty() && !content.ends_with(b"\n") => {
            content.push(b'\n');
            (content, NO_NEWLINE)
        }
        Before::File(content) => (content, ""),
    };
    (content, note, Vec::new())
}

/// The file as it was before the block; `None` where it has none.
fn without_block(content: &[u8]) -> Option<Before> {
    let mut at = 0;
    let begin = content.lines_with_terminator().find_map(|line| {
        let start = at;
        at += line.len();
        line.starts_with(BEGIN.as_bytes()).then_some((start, line))
    });
    let (start, first) = begin?;
    let end = format!("\n{END}\n");
    let length = content[start..].find(&end)? + end.len();
    let mut before = &content[..start];
    let after = &content[start + length..];
    let first = first.trim_end();
    if first.ends_with(NO_NEWLINE.as_bytes()) && after.is_empty() {
        before = before.strip_suffix(b"\n").unwrap_or(before);
    }
    if before.is_empty() && after.is_empty() {
        if first.ends_with(NEW_FILE.as_bytes()) {
            return Some(Before::NoFile);
        }
        if first.ends_with(NEW_FOLDER.as_bytes()) {
            return Some(Before::NoFolder);
        }
    }
    Some(Before::File([before, after].concat()))
}

/// The lines of the block in this file; `None` without one.
pub(super) fn read(path: &Path) -> Option<Vec<Vec<u8>>> {
    let content = fs::read(path).ok()?;
    without_block(&content)?;
    let block = content
        .lines()
        .skip_while(|line| !line.starts_with(BEGIN.as_bytes()))
        .skip(1)
        .take_while(|line| *line != END.as_bytes());
    Some(block.map(<[u8]>::to_vec).collect())
}

/// Puts the block into the file, which is made if it is missing, and so is its folder.
pub(super) fn put(path: &Path, lines: &[String], at: At, mode: u32) -> Result<(), Error> {
    let file = loop {
        // Another process may remove the folder again.
        match Block::take(path)? {
            Some(file) => break file,
            None => made::make(path.parent().unwrap_or(path), None)?,
        };
    };
    let put = file.put(lines, at, mode);
    file.settle_folder();
    put
}

/// Removes what a kill left beside the file, and nothing else.
pub(super) fn tidy(path: &Path) -> Result<(), Error> {
    if let Some(file) = Block::take(path)? {
        file.settle_folder();
    }
    Ok(())
}

/// Takes the block out of the file; `false` where there was none.
pub(super) fn remove(path: &Path) -> Result<bool, Error> {
    if let Some(folder) = path.parent() {
        made::sweep_beside(folder);
    }
    let Some(file) = Block::take(path)? else {
        return Ok(false);
    };
    let removed = file.remove();
    file.settle_folder();
    removed
}

/// A file that nobody else of this program changes meanwhile.
struct Block<'a> {
    path: &'a Path,
    /// Where a link leads: it is written through, not replaced.
    real: PathBuf,
    _lock: Lock,
}

impl<'a> Block<'a> {
    /// `None` where there is no folder for it. What a kill left behind is removed.
    fn take(path: &'a Path) -> Result<Option<Self>, Error> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = real.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            return Ok(None);
        }
        let lock = match Lock::of_folder(folder) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("use", folder)(error)),
        };
        platform::sweep(&real).map_err(failed("read", folder))?;
        Ok(Some(Self {
            path,
            real,
            _lock: lock,
        }))
    }

    fn content(&self) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(self.path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", self.path)(error)),
        }
    }

    fn put(&self, lines: &[String], at: At, mode: u32) -> Result<(), Error> {
        if self.path.is_symlink() && !self.path.exists() {
            // It would be replaced, and is somebody's.
            return Err(failed("write", self.path)(io::ErrorKind::NotFound.into()));
        }
        let content = self.content()?;
        let before = match content.clone() {
            Some(content) => Before::File(content),
            None if made::has_note(self.folder()) => Before::NoFolder,
            None => Before::NoFile,
        };
        let after = with_block(before, lines, at);
        if content.as_ref() == Some(&after) {
            return Ok(());
        }
        self.write(&after, mode)
    }

    fn remove(&self) -> Result<bool, Error> {
        let Some(before) = self.content()?.and_then(|content| without_block(&content)) else {
            return Ok(false);
        };
        match before {
            Before::File(content) => self.write(&content, 0o644)?,
            Before::NoFile => self.remove_file()?,
            Before::NoFolder => {
                // Where it cannot be written, only a kill right now would show.
                let _ = made::note(self.folder(), 1);
                self.remove_file()?;
                made::remove(self.folder(), 1);
            }
        }
        Ok(true)
    }

    fn remove_file(&self) -> Result<(), Error> {
        fs::remove_file(self.path).map_err(failed("remove", self.path))
    }

    /// A file that is there keeps its mode.
    fn write(&self, content: &[u8], mode: u32) -> Result<(), Error> {
        let mode = platform::mode_of(&self.real).unwrap_or(mode);
        platform::replace(&self.real, content, mode).map_err(failed("write", self.path))
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(self.path)
    }

    /// A folder that was made for the file goes if it is empty; else the file says that it was.
    fn settle_folder(&self) {
        let made = made::has_note(self.folder());
        made::remove(self.folder(), usize::from(made));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn before(content: Option<Vec<u8>>, folder: bool) -> Before {
        match content {
            Some(content) => Before::File(content),
            None if folder => Before::NoFile,
            None => Before::NoFolder,
        }
    }

    proptest! {
        #[test]
        fn a_block_comes_out_again_byte_for_byte(
            content: Option<Vec<u8>>,
            script: bool,
            folder: bool,
            first: bool,
            twice: bool,
        ) {
            let at = if first { At::Begin } else { At::End };
            let start: &[u8] = if script { b"#!/bin/sh\n" } else { b"" };
            let before = before(content.map(|content| [start, &content].concat()), folder);
            let lines = ["one".to_owned(), "two".to_owned()];
            let mut after = with_block(before.clone(), &lines, at);
            if twice {
                after = with_block(Before::File(after), &["other".to_owned()], at);
            }
            prop_assert_eq!(without_block(&after), Some(before));
        }

        #[test]
        fn what_others_add_around_the_block_stays(before in "[a-z\n]{0,9}", after in "[a-z\n]{1,9}") {
            let mut content = with_block(Before::File(before.clone().into_bytes()), &["one".to_owned()], At::End);
            content.extend_from_slice(after.as_bytes());
            let Some(Before::File(rest)) = without_block(&content) else {
                panic!("no file");
            };
            prop_assert!(rest.starts_with(before.as_bytes()) && rest.ends_with(after.as_bytes()));
        }
    }

    #[test]
    fn a_block_at_the_beginning_leaves_the_interpreter_first() {
        let with = |content: &str| {
            let before = Before::File(content.as_bytes().to_vec());
            with_block(before, &["one".to_owned()], At::Begin)
        };
        let block = format!("{BEGIN}\none\n{END}\n");
        assert_eq!(with("mine\n"), format!("{block}mine\n").as_bytes());
        assert_eq!(
            with("#!/bin/sh\nmine"),
            format!("#!/bin/sh\n{block}mine").as_bytes()
        );
    }

    #[test]
    fn a_block_without_its_end_is_left_alone() {
        assert_eq!(without_block(format!("{BEGIN}\none\n").as_bytes()), None);
    }
}
