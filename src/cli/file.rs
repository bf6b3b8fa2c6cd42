//! Where `.jenkins-trigger.yml` is read.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context as _;

use super::Refusal;
use crate::config::{self, Config, FILE_NAME, MAX_FILE_SIZE};
use crate::git::{Head, Repository};
use crate::ui::{Printer, Snippet};

/// The file's bytes and what it is called in messages.
pub(super) struct Source {
    pub(super) origin: String,
    pub(super) bytes: Vec<u8>,
}

impl Source {
    pub(super) fn read(&self) -> Result<Config, config::Error> {
        config::read(&self.origin, &self.bytes)
    }
}

/// What a hook reads for an event about `commit`: the commit's own file, else an unshared one of
/// the work tree.
pub(super) fn of_commit(repository: &Repository, commit: &str) -> anyhow::Result<Option<Source>> {
    if let Some(bytes) = repository.file_at(commit, FILE_NAME, MAX_FILE_SIZE)? {
        return Ok(Some(Source {
            origin: FILE_NAME.into(),
            bytes,
        }));
    }
    let Some(work_tree) = repository.work_tree() else {
        return Ok(None);
    };
    let Some(bytes) = read_plain(&work_tree.join(FILE_NAME))? else {
        return Ok(None);
    };
    // A file that git tracks speaks for the commits that have it, and for no other.
    let tracked = repository.in_index(FILE_NAME)?;
    Ok((!tracked).then(|| Source {
        origin: FILE_NAME.into(),
        bytes,
    }))
}

/// Whether there is a file for [`of_work_tree`] to read.
pub(super) fn exists(repository: &Repository) -> anyhow::Result<bool> {
    if let Some(top) = repository.work_tree() {
        return Ok(top.join(FILE_NAME).symlink_metadata().is_ok());
    }
    Ok(match repository.head()? {
        Head::Branch { tip: Some(tip), .. } | Head::Detached { tip } => {
            repository.file_at(&tip, FILE_NAME, MAX_FILE_SIZE)?.is_some()
        }
        Head::Branch { tip: None, .. } => false,
    })
}

/// What a push into this repository goes by: the file of the default branch, whose tip this is.
/// Never what the pusher may write as he likes.
pub(super) fn of_default_branch(repository: &Repository, tip: &str) -> anyhow::Result<Option<Source>> {
    let bytes = repository.file_at(tip, FILE_NAME, MAX_FILE_SIZE)?;
    Ok(bytes.map(|bytes| Source {
        origin: format!("HEAD:{FILE_NAME}"),
        bytes,
    }))
}

/// What commands read: the work tree's file, in a bare repository the default branch's. Says
/// when the last commit has another.
pub(super) fn of_work_tree(repository: &Repository, printer: &Printer) -> anyhow::Result<Source> {
    let (source, differs) = compare(repository)?;
    if differs {
        printer.note(&format!("note: {FILE_NAME} {DIFFERS}"));
    }
    Ok(source)
}

/// What is said of a file that is not the committed one.
pub(super) const DIFFERS: &str = "differs from the committed one, which is what a hook reads";

/// The same, with whether the last commit has another.
pub(super) fn compare(repository: &Repository) -> anyhow::Result<(Source, bool)> {
    let committed = match repository.head()? {
        Head::Branch { tip, .. } => tip,
        Head::Detached { tip } => Some(tip),
    }
    .map(|tip| repository.file_at(&tip, FILE_NAME, MAX_FILE_SIZE))
    .transpose()?
    .flatten();
    let Some(work_tree) = repository.work_tree() else {
        return match committed {
            Some(bytes) => {
                let origin = format!("HEAD:{FILE_NAME}");
                Ok((Source { origin, bytes }, false))
            }
            None => Err(Refusal::new(
                format!("the default branch has no {FILE_NAME}"),
                "commit one to it; `jenkins-trigger --help` and the README show what goes in",
            )
            .into()),
        };
    };
    let path = work_tree.join(FILE_NAME);
    let Some(bytes) = read_plain(&path)? else {
        return Err(Refusal::new(
            format!("there is no {}", path.display()),
            "write one, for example:\nversion: 1\nserver: https://ci.example.com\njobs:\n  main: folder/job",
        )
        .into());
    };
    let differs = committed.is_some_and(|committed| committed != bytes);
    let origin = FILE_NAME.into();
    Ok((Source { origin, bytes }, differs))
}

/// The content of a regular file; a link could show any file of this user in an error message,
/// and a pipe would block.
fn read_plain(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context(format!("could not look at {}", path.display())),
    };
    if !found.is_file() {
        return Err(Refusal::new(
            format!("{} is not a regular file", path.display()),
            "write the file itself there, not a link",
        )
        .into());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        // One byte more, so that the reader sees that it is too large.
        .and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            Refusal::new(
                format!("could not read {}: {error}", path.display()),
                format!("make it readable for you: chmod u+r {}", path.display()),
            )
        })?;
    Ok(Some(bytes))
}

/// Prints a mistake in the file with the line that has it; before that stands `beginning`.
pub(super) fn show(printer: &Printer, beginning: &str, mistake: &config::Error) {
    match mistake.source_line() {
        Some(text) => printer.snippet(&Snippet {
            message: &format!("{beginning}{}", mistake.message()),
            origin: mistake.origin(),
            line: mistake.line(),
            text,
            span: mistake.span(),
            help: mistake.help(),
        }),
        None => printer.error(&format!("{beginning}{mistake}"), mistake.help()),
    }
}
