//! A few lines of ours in a file that belongs to somebody else, which come out again byte for
//! byte.

use std::fs;
use std::io;
use std::path::Path;

use bstr::ByteSlice as _;

use super::{Error, failed};
use crate::platform;

const BEGIN: &str = "# jenkins-trigger: begin";
const END: &str = "# jenkins-trigger: end";
/// On the first line where the file was made for the block.
const NEW_FILE: &str = " (in a file made for it)";
/// On the first line where the file's folder was made for the block too.
const NEW_FOLDER: &str = " (in a folder and a file made for it)";
/// On the first line where the file's last one had no end.
const NO_NEWLINE: &str = " (after a line without an end)";

/// What a file, or its absence, is like without our block.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rest {
    /// There is not even the folder.
    NoFolder,
    /// There is no file.
    NoFile,
    /// The file's content.
    File(Vec<u8>),
}

/// The file with the block at its end.
fn with_block(rest: Rest, lines: &[String]) -> Vec<u8> {
    let (mut content, note) = match rest {
        Rest::NoFolder => (Vec::new(), NEW_FOLDER),
        Rest::NoFile => (Vec::new(), NEW_FILE),
        Rest::File(mut content) if !content.is_empty() && !content.ends_with(b"\n") => {
            content.push(b'\n');
            (content, NO_NEWLINE)
        }
        Rest::File(content) => (content, ""),
    };
    content.extend_from_slice(format!("{BEGIN}{note}\n").as_bytes());
    for line in lines {
        content.extend_from_slice(line.as_bytes());
        content.push(b'\n');
    }
    content.extend_from_slice(format!("{END}\n").as_bytes());
    content
}

/// What was there before the block; `None` where the file has none.
fn without_block(content: &[u8]) -> Option<Rest> {
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
        if first.ends_with(NEW_FOLDER.as_bytes()) {
            return Some(Rest::NoFolder);
        }
        if first.ends_with(NEW_FILE.as_bytes()) {
            return Some(Rest::NoFile);
        }
    }
    Some(Rest::File([before, after].concat()))
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

/// Puts the block into the file, in place of an older one. The file is made if it is missing, and
/// its folder.
pub(super) fn put(path: &Path, lines: &[String], mode: u32) -> Result<(), Error> {
    let before = match fs::read(path) {
        Ok(content) => Some(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", path)(error)),
    };
    let rest = match (&before, path.parent()) {
        (Some(content), _) => without_block(content).unwrap_or_else(|| Rest::File(content.clone())),
        (None, Some(folder)) if !folder.exists() => {
            fs::create_dir_all(folder).map_err(failed("create", folder))?;
            Rest::NoFolder
        }
        (None, _) => Rest::NoFile,
    };
    let after = with_block(rest, lines);
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    write(path, &after, mode)
}

/// Takes the block out of the file; `false` where there was none.
pub(super) fn remove(path: &Path) -> Result<bool, Error> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("read", path)(error)),
    };
    match without_block(&content) {
        None => return Ok(false),
        Some(Rest::File(before)) => write(path, &before, 0o644)?,
        Some(rest) => {
            fs::remove_file(path).map_err(failed("remove", path))?;
            if rest == Rest::NoFolder
                && let Some(folder) = path.parent()
            {
                // It stays if somebody put something in.
                let _ = fs::remove_dir(folder);
            }
        }
    }
    Ok(true)
}

/// A file that is there keeps its mode; a link is written through, not replaced.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = platform::mode_of(&real).unwrap_or(mode);
    platform::replace(&real, content, mode).map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn before() -> impl Strategy<Value = Rest> {
        prop_oneof![
            Just(Rest::NoFolder),
            Just(Rest::NoFile),
            any::<Vec<u8>>().prop_map(Rest::File),
        ]
    }

    proptest! {
        #[test]
        fn a_block_comes_out_again_byte_for_byte(before in before(), twice: bool) {
            let lines = ["one".to_owned(), "two".to_owned()];
            let mut after = with_block(before.clone(), &lines);
            if twice {
                let rest = without_block(&after).expect("a block");
                after = with_block(rest, &["other".to_owned()]);
            }
            prop_assert_eq!(without_block(&after), Some(before));
        }

        #[test]
        fn what_others_add_around_the_block_stays(before in "[a-z\n]{0,9}", after in "[a-z\n]{1,9}") {
            let mut content = with_block(Rest::File(before.clone().into_bytes()), &["one".to_owned()]);
            content.extend_from_slice(after.as_bytes());
            let Some(Rest::File(rest)) = without_block(&content) else {
                panic!("the file is gone");
            };
            prop_assert!(rest.starts_with(before.as_bytes()) && rest.ends_with(after.as_bytes()));
        }
    }

    #[test]
    fn a_block_without_its_end_is_left_alone() {
        assert_eq!(without_block(format!("{BEGIN}\none\n").as_bytes()), None);
    }
}
