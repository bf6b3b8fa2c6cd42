//! The certificates that the file names by a `ca_file`, read where the file itself was read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;

use bstr::ByteSlice as _;

use super::file::Place;
use crate::config::{Server, WrongFile};
use crate::git::Repository;
use crate::jenkins;
use crate::spool::{self, Spool};

/// The largest file that is read, in bytes; a bundle of all authorities that there are has 250 KB.
const MOST: u64 = 1 << 20;

/// No more of a name is told: whoever writes a certificate would push what counts out of sight.
const MOST_SHOWN: usize = 80;

/// Certificates of authorities.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) pem: Vec<u8>,
    pub(super) sha256: String,
    /// Whose they are.
    pub(super) subjects: Vec<String>,
}

impl Authority {
    /// What they are, for a question.
    pub(super) fn in_words(&self) -> String {
        let (subject, more) = match &self.subjects[..] {
            [] => return format!("SHA-256 {}", self.sha256),
            [first, more @ ..] => (first, more.len()),
        };
        let mut first: String = subject.chars().take(MOST_SHOWN).collect();
        if first.len() < subject.len() {
            first.push('…');
        }
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        format!("{first}{more}, SHA-256 {}", self.sha256)
    }
}

/// What the servers of one file name.
pub(super) struct Authorities<'a> {
    repository: &'a Repository,
    place: Place,
    /// Where they are kept for the sender.
    spool: Option<Spool>,
    found: RefCell<BTreeMap<String, Rc<Result<Authority, WrongFile>>>>,
}

impl<'a> Authorities<'a> {
    /// Those of a file that was read there.
    pub(super) fn new(repository: &'a Repository, place: &Place) -> Self {
        Self {
            repository,
            place: place.clone(),
            spool: None,
            found: RefCell::default(),
        }
    }

    /// From now on they are kept for the sender too.
    pub(super) fn kept(self) -> Self {
        Self {
            spool: Some(Spool::of(self.repository.common_dir())),
            ..self
        }
    }

    /// What vouches for this server; nothing if the file names nothing.
    pub(super) fn of(&self, server: &Server) -> Option<Rc<Result<Authority, WrongFile>>> {
        let path = server.ca_file.as_ref()?;
        let mut found = self.found.borrow_mut();
        let found = found
            .entry(path.clone())
            .or_insert_with(|| Rc::new(self.take(path)));
        Some(Rc::clone(found))
    }

    /// The SHA-256 for a trigger of this server, or why there is none.
    pub(super) fn for_trigger(&self, server: &Server) -> (Option<String>, Option<String>) {
        match self.of(server).as_deref() {
            None => (None, None),
            Some(Ok(authority)) => (Some(authority.sha256.clone()), None),
            Some(Err(wrong)) => (None, Some(wrong.message.clone())),
        }
    }

    fn take(&self, path: &str) -> Result<Authority, WrongFile> {
        let authority = read(self.repository, &self.place, path)?;
        if let Some(spool) = &self.spool {
            spool
                .keep_authorities(&authority.pem)
                .map_err(|error| WrongFile {
                    message: format!("the `ca_file` {path} could not be kept for the sender: {error}"),
                    help: "make room, or mend the folder".into(),
                })?;
        }
        Ok(authority)
    }
}

/// Reads what a `ca_file` names, and checks it.
pub(super) fn read(repository: &Repository, place: &Place, path: &str) -> Result<Authority, WrongFile> {
    let wrong = |reason: &str, help: &str| WrongFile {
        message: format!("the `ca_file` {path} cannot be used: {reason}"),
        help: help.to_owned(),
    };
    let found = if Path::new(path).is_absolute() {
        // A link is its owner's choice there.
        on_disk(Path::new(path), fs::metadata(path))
    } else {
        match place {
            Place::Commit(commit) => repository
                .file_at(commit, path, MOST)
                .map_err(|error| error.to_string()),
            Place::WorkTree => match repository.work_tree() {
                Some(top) => on_disk(&top.join(path), fs::symlink_metadata(top.join(path))),
                None => Ok(None),
            },
        }
    };
    let found = found.map_err(|reason| wrong(&reason, "put the certificate itself there, in PEM"))?;
    let Some(found) = found else {
        return Err(match place {
            Place::Commit(commit) if !Path::new(path).is_absolute() => wrong(
                &format!("commit {} has no such file", short(commit)),
                "commit it, or write its path from the top of the repository",
            ),
            _ => wrong(
                "there is no such file",
                "put it there, or write its path from the top of the repository",
            ),
        });
    };
    if found.len() as u64 > MOST {
        return Err(wrong(
            "it has more than 1 MiB",
            "leave only the certificates of the server's authorities in it",
        ));
    }
    // A work tree may have other ends of lines than the commit.
    let pem = found.replace("\r\n", "\n");
    let subjects = jenkins::check_authorities(&pem).map_err(|error| match error {
        jenkins::NoAuthorities::PrivateKey => wrong(
            &error.to_string(),
            "leave only the certificate in it, and have the key replaced: whoever has the repository has it",
        ),
        error => wrong(
            &error.to_string(),
            "put the certificate of the server's authority there, in PEM",
        ),
    })?;
    Ok(Authority {
        sha256: spool::sha256(&pem),
        pem,
        subjects,
    })
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// The content of a regular file; nothing where there is none. A pipe would block.
fn on_disk(path: &Path, found: std::io::Result<fs::Metadata>) -> Result<Option<Vec<u8>>, String> {
    match found {
        // What the kernel makes up has no size, and some of it blocks whoever reads it.
        Ok(found) if found.is_file() && found.len() == 0 => return Ok(Some(Vec::new())),
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_symlink() => return Err("it is a link".into()),
        Ok(_) => return Err("it is not a regular file".into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}
