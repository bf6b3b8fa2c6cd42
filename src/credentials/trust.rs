//! Which servers a repository may reach with its user's credentials. Kept outside the
//! repository, by the real path of its common git directory, so that an unpacked repository
//! cannot bring its own.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::environment;
use crate::platform::{self, Lock};
use crate::text::Text;

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither `XDG_STATE_HOME` nor `HOME` is set.
    #[error("there is no place to record trust; set HOME or XDG_STATE_HOME")]
    NoHome,
    /// The file system refused.
    #[error("could not use {path}: {reason}")]
    Io {
        /// On what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is not what this version wrote.
    #[error("{path} cannot be read ({reason}); move it away and run: jenkins-trigger trust")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    v: u32,
    repositories: Vec<Repository>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Repository {
    path: Text,
    servers: Vec<String>,
}

const FORMAT: u32 = 1;

/// The servers that the repository with this common git directory may reach for this user.
///
/// # Errors
/// When there is no record's place, or the record is there and cannot be read.
pub fn servers_of(common_dir: &Path) -> Result<Vec<String>, Error> {
    Trust::of_user()?.servers(common_dir)
}

/// The record of one user.
#[derive(Debug, Clone)]
pub struct Trust {
    file: PathBuf,
}

impl Trust {
    /// The record of the user this process runs for.
    ///
    /// # Errors
    /// [`Error::NoHome`].
    pub fn of_user() -> Result<Self, Error> {
        let state = environment::state_home().ok_or(Error::NoHome)?;
        Ok(Self {
            file: state.join("jenkins-trigger").join("trust"),
        })
    }

    /// The servers that the repository with this common git directory may reach.
    ///
    /// # Errors
    /// When the record is there and cannot be read.
    pub fn servers(&self, common_dir: &Path) -> Result<Vec<String>, Error> {
        let record = self.read()?;
        let key = key(common_dir);
        Ok(record
            .repositories
            .into_iter()
            .find(|repository| repository.path == key)
            .map(|repository| repository.servers)
            .unwrap_or_default())
    }

    /// Adds servers to what the repository may reach.
    ///
    /// # Errors
    /// What the file system says; the record is as it was then.
    pub fn add(&self, common_dir: &Path, servers: &[Url]) -> Result<(), Error> {
        let folder = self.file.parent().unwrap_or(&self.file);
        platform::private_directory(folder).map_err(|reason| self.io(reason))?;
        let _lock = self.lock()?;
        let mut record = self.read()?;
        let key = key(common_dir);
        let repository = match record.repositories.iter_mut().position(|r| r.path == key) {
            Some(index) => &mut record.repositories[index],
            None => {
                record.repositories.push(Repository {
                    path: key,
                    servers: Vec::new(),
                });
                let last = record.repositories.len() - 1;
                &mut record.repositories[last]
            }
        };
        for server in servers {
            if !repository.servers.iter().any(|known| known == server.as_str()) {
                repository.servers.push(server.as_str().to_owned());
            }
        }
        // Serialisation to memory fails only for maps with keys that are no strings.
        let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        text.push(b'\n');
        platform::replace(&self.file, &text, 0o600).map_err(|reason| self.io(reason))
    }

    fn read(&self) -> Result<Record, Error> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Record {
                    v: FORMAT,
                    repositories: Vec::new(),
                });
            }
            Err(reason) => return Err(self.io(reason)),
        };
        let damaged = |reason: String| Error::Damaged {
            path: self.file.clone(),
            reason,
        };
        let record: Record = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if record.v != FORMAT {
            return Err(damaged(format!("it is of format {}", record.v)));
        }
        Ok(record)
    }

    /// Two `install`s at once would lose one's record; nobody holds this for longer than a write.
    fn lock(&self) -> Result<Lock, Error> {
        let path = self.file.with_extension("lock");
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            match Lock::try_take(&path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) if Instant::now() < patience => {
                    thread::sleep(Duration::from_millis(10));
                }
                Ok(None) => {
                    return Err(self.io(io::Error::new(
                        io::ErrorKind::WouldBlock,
                        "another jenkins-trigger holds its lock",
                    )));
                }
                Err(reason) => return Err(self.io(reason)),
            }
        }
    }

    fn io(&self, reason: io::Error) -> Error {
        Error::Io {
            path: self.file.clone(),
            reason,
        }
    }
}

fn key(common_dir: &Path) -> Text {
    let real = fs::canonicalize(common_dir).unwrap_or_else(|_| common_dir.to_owned());
    Text::from(real.as_os_str().as_bytes())
}
