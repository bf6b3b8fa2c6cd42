//! The file that keeps what a user has accepted, for each repository and for all of them.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Accepted, Authority, Error, Fire, Trusted};
use crate::environment;
use crate::platform::{self, Lock};
use crate::text::{Text, shell_argument};

/// The format that is written.
const FORMAT: u32 = 2;

/// The one before it, which knew servers and authorities only.
const SERVERS_ONLY: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    v: u32,
    /// The base URLs of the servers that this user has accepted, wherever that was.
    #[serde(default)]
    accepted: Vec<String>,
    repositories: Vec<Repository>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Repository {
    path: Text,
    servers: Vec<String>,
    /// The newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<Authority>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fires: Vec<Fire>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
}

impl Repository {
    fn new(path: Text) -> Self {
        Self {
            path,
            servers: Vec::new(),
            authorities: Vec::new(),
            fires: Vec::new(),
            env: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.authorities.is_empty() && self.fires.is_empty() && self.env.is_empty()
    }

    fn into_trusted(self) -> Trusted {
        Trusted::new(
            self.servers,
            Accepted {
                authorities: self.authorities,
                fires: self.fires,
                env: self.env,
            },
        )
    }

    /// Takes a server out, with all that was accepted of it; what that was.
    fn forget(&mut self, server: &str) -> Taken {
        let mut taken = Taken::default();
        self.servers.retain(|known| {
            let goes = known == server;
            taken.servers.extend(goes.then(|| known.clone()));
            !goes
        });
        self.authorities.retain(|known| {
            let goes = known.server == server;
            taken.accepted.authorities.extend(goes.then(|| known.clone()));
            !goes
        });
        self.fires.retain(|known| {
            let goes = known.server == server;
            taken.accepted.fires.extend(goes.then(|| known.clone()));
            !goes
        });
        taken
    }
}

/// What was taken back.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The servers' base URLs.
    pub servers: Vec<String>,
    /// What was accepted of them, and the names of environment variables.
    pub accepted: Accepted,
}

impl Taken {
    /// Whether there was nothing to take back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.accepted.is_empty()
    }
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

    /// Whether this user has accepted the server before, in whatever repository or without any.
    ///
    /// # Errors
    /// When the record is there and cannot be read.
    pub fn accepts(&self, server: &Url) -> Result<bool, Error> {
        let record = self.read()?;
        Ok(record.accepted.iter().any(|known| known == server.as_str()))
    }

    /// Notes that this user accepts the server. A repository may reach it only after
    /// [`Trust::add`].
    ///
    /// # Errors
    /// As [`Trust::add`].
    pub fn accept(&self, server: &Url) -> Result<(), Error> {
        self.change(|record| note(&mut record.accepted, server.as_str()))
    }

    /// Takes that back; whether there was something to take back. What repositories may reach stays.
    ///
    /// # Errors
    /// As [`Trust::add`].
    pub fn forget(&self, server: &Url) -> Result<bool, Error> {
        if !self.accepts(server)? {
            return Ok(false);
        }
        self.change(|record| {
            let before = record.accepted.len();
            record.accepted.retain(|known| known != server.as_str());
            record.accepted.len() < before
        })
    }

    /// What the repository with this common git directory may reach and fire.
    ///
    /// # Errors
    /// When the record is there and cannot be read.
    pub fn trusted(&self, common_dir: &Path) -> Result<Trusted, Error> {
        let key = key(common_dir);
        let mut repositories = self.read()?.repositories.into_iter();
        let found = repositories.find(|known| known.path == key);
        Ok(found.map_or_else(Trusted::default, Repository::into_trusted))
    }

    /// Adds a server to what the repository may reach, and to those that the user has accepted.
    ///
    /// # Errors
    /// What the file system says; the record is as it was then.
    pub fn add(&self, common_dir: &Path, server: &Url) -> Result<(), Error> {
        self.change(|record| {
            note(&mut record.accepted, server.as_str());
            note(&mut record.of(common_dir).servers, server.as_str());
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
        self.change(|record| {
            let repository = record.of(common_dir);
            repository.authorities.retain(|known| *known != authority);
            repository.authorities.push(authority);
        })
    }

    /// Sets which jobs the repository may fire, and which environment variables its file may read.
    ///
    /// # Errors
    /// As [`Trust::add`].
    pub fn set_fires(&self, common_dir: &Path, fires: Vec<Fire>, env: Vec<String>) -> Result<(), Error> {
        self.change(|record| {
            let repository = record.of(common_dir);
            repository.fires = fires;
            repository.env = env;
        })
    }

    /// Takes back what the repository may reach and fire: all of it, or one server with its jobs and
    /// authorities.
    ///
    /// # Errors
    /// As [`Trust::add`].
    pub fn take_back(&self, common_dir: &Path, server: Option<&str>) -> Result<Taken, Error> {
        let key = key(common_dir);
        self.change(|record| {
            let Some(place) = record.repositories.iter().position(|known| known.path == key) else {
                return Taken::default();
            };
            let taken = if let Some(server) = server {
                record.repositories[place].forget(server)
            } else {
                let all = record.repositories.remove(place);
                Taken {
                    servers: all.servers,
                    accepted: Accepted {
                        authorities: all.authorities,
                        fires: all.fires,
                        env: all.env,
                    },
                }
            };
            record.repositories.retain(|known| !known.is_empty());
            taken
        })
    }

    /// Takes a server back in every repository, and from those that the user has accepted. Of which
    /// repositories, each by its common git directory; `None` where it was accepted nowhere.
    ///
    /// # Errors
    /// As [`Trust::add`].
    pub fn take_back_everywhere(&self, server: &str) -> Result<Option<Vec<Text>>, Error> {
        self.change(|record| {
            let before = record.accepted.len();
            record.accepted.retain(|known| known != server);
            let was_accepted = record.accepted.len() < before;
            let mut places = Vec::new();
            for repository in &mut record.repositories {
                if !repository.forget(server).is_empty() {
                    places.push(repository.path.clone());
                }
            }
            record.repositories.retain(|known| !known.is_empty());
            (was_accepted || !places.is_empty()).then_some(places)
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> Result<T, Error> {
        let folder = self.file.parent().unwrap_or(&self.file);
        platform::private_directory(folder).map_err(|reason| self.io(reason))?;
        let _lock = self.lock()?;
        let mut record = self.read()?;
        let before = record.clone();
        let changed = change(&mut record);
        if record == before {
            return Ok(changed);
        }
        // Serialisation to memory fails only for maps with keys that are no strings.
        let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        text.push(b'\n');
        // A process with the number of one that was killed in between could not write.
        platform::sweep(&self.file)
            .and_then(|()| platform::replace(&self.file, &text, 0o600))
            .map_err(|reason| self.io(reason))?;
        Ok(changed)
    }

    fn read(&self) -> Result<Record, Error> {
        let Some(text) = self.text()? else {
            return Ok(Record {
                v: FORMAT,
                accepted: Vec::new(),
                repositories: Vec::new(),
            });
        };
        let damaged = |reason: String| Error::Damaged {
            path: self.file.clone(),
            reason,
        };
        let mut record: Record = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        match record.v {
            FORMAT => {}
            SERVERS_ONLY => {
                record.v = FORMAT;
                for repository in &record.repositories {
                    for server in &repository.servers {
                        note(&mut record.accepted, server);
                    }
                }
            }
            other => return Err(damaged(format!("it is of format {other}"))),
        }
        Ok(record)
    }

    /// The file's content, if nobody else can have written it.
    fn text(&self) -> Result<Option<Vec<u8>>, Error> {
        let folder = self.file.parent().unwrap_or(&self.file);
        match fs::symlink_metadata(folder) {
            Ok(found) => self.check(folder, &found, "700")?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(self.io(reason)),
        }
        let (mut file, found) = match platform::open_own(&self.file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // What is no file is said better than by the system.
            Err(reason) => {
                if let Ok(found) = fs::symlink_metadata(&self.file) {
                    self.check(&self.file, &found, "600")?;
                }
                return Err(self.io(reason));
            }
        };
        self.check(&self.file, &found, "600")?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|reason| self.io(reason))?;
        Ok(Some(text))
    }

    /// Refuses what somebody else could have written.
    fn check(&self, path: &Path, found: &fs::Metadata, mode: &str) -> Result<(), Error> {
        /// Anybody but its owner may write to it.
        const OTHERS: u32 = 0o022;
        let word = shell_argument(path.as_os_str().as_bytes());
        let refuse = |problem: String, remedy: String| {
            Err(Error::NotOurs {
                path: path.to_owned(),
                problem,
                remedy,
            })
        };
        if found.is_symlink() {
            return refuse(
                "is a link, so somebody else may have written what is accepted here".into(),
                format!("rm {word}; then: jenkins-trigger trust"),
            );
        }
        if found.uid() != platform::user_id() {
            return refuse(
                format!("belongs to user id {}, not to you", found.uid()),
                "move it away, then: jenkins-trigger trust".into(),
            );
        }
        if found.permissions().mode() & OTHERS != 0 {
            return refuse(
                "can be written by others, so they may have written what is accepted here".into(),
                format!(
                    "look at what is in {}, then: chmod {mode} {word}",
                    self.file.display()
                ),
            );
        }
        Ok(())
    }

    /// Two `install`s at once would lose one's record; nobody holds this for longer than a write.
    fn lock(&self) -> Result<Lock, Error> {
        let path = self.file.with_extension("lock");
        let lock = Lock::take_within(&path, Duration::from_secs(5)).map_err(|reason| self.io(reason))?;
        lock.ok_or_else(|| {
            self.io(io::Error::new(
                io::ErrorKind::WouldBlock,
                "another jenkins-trigger holds its lock",
            ))
        })
    }

    fn io(&self, reason: io::Error) -> Error {
        Error::Io {
            path: self.file.clone(),
            reason,
        }
    }
}

impl Record {
    fn of(&mut self, common_dir: &Path) -> &mut Repository {
        let key = key(common_dir);
        let place = self.repositories.iter().position(|known| known.path == key);
        let place = place.unwrap_or_else(|| {
            self.repositories.push(Repository::new(key));
            self.repositories.len() - 1
        });
        &mut self.repositories[place]
    }
}

fn note(list: &mut Vec<String>, server: &str) {
    if !list.iter().any(|known| known == server) {
        list.push(server.to_owned());
    }
}

fn key(common_dir: &Path) -> Text {
    let real = fs::canonicalize(common_dir).unwrap_or_else(|_| common_dir.to_owned());
    Text::from(real.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(folder: &tempfile::TempDir) -> Trust {
        Trust {
            file: folder.path().join("jenkins-trigger/trust"),
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn fire(server: &Url, job: &str) -> Fire {
        Fire {
            server: server.to_string(),
            method: "api".into(),
            job: job.into(),
            multibranch: false,
            token_from: None,
        }
    }

    fn put(trust: &Trust, text: &str) {
        platform::private_directory(trust.file.parent().expect("a folder")).expect("a folder");
        platform::replace(&trust.file, text.as_bytes(), 0o600).expect("a file");
    }

    #[test]
    fn a_record_of_servers_only_is_read_and_fires_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        let path = folder.path().canonicalize().expect("a path");
        put(
            &trust,
            &format!(
                r#"{{"v":1,"repositories":[{{"path":"{}","servers":["https://one/"]}}]}}"#,
                path.display()
            ),
        );
        let trusted = trust.trusted(folder.path()).expect("a record");
        assert!(trusted.has_server("https://one/"));
        assert!(trusted.accepted().is_empty());
        assert!(trust.accepts(&url("https://one/")).expect("a record"));
        trust.add(folder.path(), &url("https://two/")).expect("a record");
        let text = fs::read_to_string(&trust.file).expect("the record");
        assert!(text.contains("\"v\": 2"), "{text}");
        assert!(
            trust
                .trusted(folder.path())
                .expect("a record")
                .has_server("https://one/")
        );
    }

    #[test]
    fn what_the_user_accepts_is_no_right_of_a_repository() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        let one = url("https://one/");
        trust.accept(&one).expect("a record");
        assert!(trust.accepts(&one).expect("a record"));
        assert!(
            !trust
                .trusted(folder.path())
                .expect("a record")
                .has_server("https://one/")
        );
        assert!(trust.forget(&one).expect("a record"));
        assert!(!trust.forget(&one).expect("a record"));
        assert!(!trust.accepts(&one).expect("a record"));
    }

    #[test]
    fn where_nothing_changes_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        let one = url("https://one/");
        assert!(!trust.forget(&one).expect("no record"));
        assert!(!folder.path().join("jenkins-trigger").exists());
        trust.accept(&one).expect("a record");
        let number = || fs::metadata(&trust.file).expect("the record").ino();
        let before = number();
        trust.accept(&one).expect("a record");
        assert!(trust.take_back(folder.path(), None).expect("a record").is_empty());
        assert_eq!(number(), before);
    }

    #[test]
    fn one_server_is_taken_back_with_its_jobs_and_authorities_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        let (one, two) = (url("https://one/"), url("https://two/"));
        for server in [&one, &two] {
            trust.add(folder.path(), server).expect("a record");
            trust
                .add_authority(folder.path(), server, "ab")
                .expect("a record");
        }
        let fires = vec![fire(&one, "a"), fire(&two, "b")];
        trust
            .set_fires(folder.path(), fires, vec!["CHANNEL".into()])
            .expect("a record");
        let taken = trust
            .take_back(folder.path(), Some("https://one/"))
            .expect("a record");
        assert_eq!(taken.servers, ["https://one/"]);
        assert_eq!(taken.accepted.fires, [fire(&one, "a")]);
        assert_eq!(taken.accepted.authorities.len(), 1);
        let left = trust.trusted(folder.path()).expect("a record");
        assert_eq!(left.servers(), ["https://two/"]);
        assert_eq!(left.accepted().fires, [fire(&two, "b")]);
        assert_eq!(left.accepted().env, ["CHANNEL"]);
        let all = trust.take_back(folder.path(), None).expect("a record");
        assert_eq!((all.servers.len(), all.accepted.env.len()), (1, 1));
        assert!(trust.take_back(folder.path(), None).expect("a record").is_empty());
        // The user still knows them.
        assert!(trust.accepts(&one).expect("a record"));
    }

    #[test]
    fn everywhere_is_every_repository_and_the_user_himself() {
        let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir());
        let other = other.expect("a folder");
        let trust = record(&folder);
        let one = url("https://one/");
        for place in [folder.path(), other.path()] {
            trust.add(place, &one).expect("a record");
        }
        let places = trust.take_back_everywhere("https://one/").expect("a record");
        assert_eq!(places.map(|places| places.len()), Some(2));
        assert!(!trust.accepts(&one).expect("a record"));
        assert_eq!(
            trust.take_back_everywhere("https://one/").expect("a record"),
            None
        );
    }

    #[test]
    fn a_record_that_others_can_write_to_is_refused_with_the_line_that_mends_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        trust.add(folder.path(), &url("https://one/")).expect("a record");
        let holder = trust.file.parent().expect("a folder").to_owned();
        for (path, mode, good) in [(&trust.file, 0o620, 0o600), (&holder, 0o702, 0o700)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
            let error = trust.trusted(folder.path()).expect_err("a refusal").to_string();
            assert!(error.contains(&format!("chmod {good:o} ")), "{error}");
            fs::set_permissions(path, fs::Permissions::from_mode(good)).expect("a mode");
        }
        trust.trusted(folder.path()).expect("a record");
    }

    #[test]
    fn a_link_is_no_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        trust.add(folder.path(), &url("https://one/")).expect("a record");
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&trust.file, &elsewhere).expect("a move");
        std::os::unix::fs::symlink(&elsewhere, &trust.file).expect("a link");
        let error = trust.trusted(folder.path()).expect_err("a refusal").to_string();
        assert!(error.contains("is a link"), "{error}");
        assert!(trust.add(folder.path(), &url("https://two/")).is_err());
    }
    #[test]
    fn what_a_killed_process_left_behind_is_in_nobody_s_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = record(&folder);
        trust.add(folder.path(), &url("https://one/")).expect("a record");
        // In a container every process may have the same number.
        let number = std::process::id();
        let left = trust
            .file
            .with_file_name(format!(".trust.jenkins-trigger-{number}"));
        fs::write(&left, "{").expect("a file");
        trust.add(folder.path(), &url("https://two/")).expect("a record");
        assert!(!left.exists());
    }
}
