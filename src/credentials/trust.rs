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
    /// The newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<Authority>,
}

/// Certificates that were accepted as authorities for a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The server's base URL.
    pub server: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// What a repository may reach, and by whose word it knows whom it has reached.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// The servers' base URLs.
    pub servers: Vec<String>,
    /// What vouches for them beside the system's own authorities; the newest last.
    pub authorities: Vec<Authority>,
}

impl Trusted {
    /// Whether this server may be reached.
    #[must_use]
    pub fn has_server(&self, server: &str) -> bool {
        self.servers.iter().any(|known| known == server)
    }

    /// Whether the certificates with this SHA-256 may vouch for this server.
    #[must_use]
    pub fn has_authority(&self, server: &str, sha256: &str) -> bool {
        self.of(server).any(|known| known.sha256 == sha256)
    }

    /// What was accepted last for this server.
    #[must_use]
    pub fn newest_authority(&self, server: &str) -> Option<&str> {
        self.of(server).last().map(|known| known.sha256.as_str())
    }

    fn of(&self, server: &str) -> impl Iterator<Item = &Authority> {
        self.authorities
            .iter()
            .filter(move |known| known.server == server)
    }
}

const FORMAT: u32 = 1;

/// What the repository with this common git directory may reach for this user.
///
/// # Errors
/// When there is no record's place, or the record is there and cannot be read.
pub fn trusted(common_dir: &Path) -> Result<Trusted, Error> {
    Trust::of_user()?.trusted(common_dir)
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

    /// What the repository with this common git directory may reach.
    ///
    /// # Errors
    /// When the record is there and cannot be read.
    pub fn trusted(&self, common_dir: &Path) -> Result<Trusted, Error> {
        let record = self.read()?;
        let key = key(common_dir);
        let found = record.repositories.into_iter().find(|known| known.path == key);
        Ok(found.map_or_else(Trusted::default, |found| Trusted {
            servers: found.servers,
            authorities: found.authorities,
        }))
    }

    /// Adds a server to what the repository may reach.
    ///
    /// # Errors
    /// What the file system says; the record is as it was then.
    pub fn add(&self, common_dir: &Path, server: &Url) -> Result<(), Error> {
        self.change(common_dir, |repository| {
            if !repository.servers.iter().any(|known| known == server.as_str()) {
                repository.servers.push(server.as_str().to_owned());
            }
        })
    }

    /// Accepts what vouches for a server from now on, beside what was accepted before.
    ///
    /// # Errors
    /// As [`Trust::add`].
    pub fn add_authority(&self, common_dir: &Path, server: &Url, sha256: &str) -> Result<(), Error> {
        let authority = Authority {
            server: server.as_str().to_owned(),
            sha256: sha256.to_owned(),
        };
        self.change(common_dir, |repository| {
            repository.authorities.retain(|known| *known != authority);
            repository.authorities.push(authority);
        })
    }

    fn change(&self, common_dir: &Path, change: impl FnOnce(&mut Repository)) -> Result<(), Error> {
        let folder = self.file.parent().unwrap_or(&self.file);
        platform::private_directory(folder).map_err(|reason| self.io(reason))?;
        let _lock = self.lock()?;
        let mut record = self.read()?;
        let key = key(common_dir);
        let place = record.repositories.iter().position(|known| known.path == key);
        let place = place.unwrap_or_else(|| {
            record.repositories.push(Repository {
                path: key,
                servers: Vec::new(),
                authorities: Vec::new(),
            });
            record.repositories.len() - 1
        });
        change(&mut record.repositories[place]);
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
