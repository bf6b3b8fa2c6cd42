//! What a repository may reach and fire with its user's credentials. Kept outside the repository, by
//! the real path of its common git directory, so that an unpacked repository cannot bring its own.

mod record;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use record::{Taken, Trust};

/// The setting of a repository by whose values its owner bounds what pushes into it may trigger.
pub const ALLOW_SETTING: &str = "jenkinsTrigger.allow";

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
    /// Somebody else could have written it.
    #[error("{path} {problem}; {remedy}")]
    NotOurs {
        /// The file, or its folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

/// Certificates that were accepted as authorities for a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The server's base URL.
    pub server: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// A job, and how it is triggered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fire {
    /// The server's base URL.
    pub server: String,
    /// `api`, `job-token` or `token-root`.
    pub method: String,
    /// The job's full name; of a multibranch rule the project's.
    pub job: String,
    /// Whether it stands for every branch's job in the project.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multibranch: bool,
    /// The name of the job's trigger token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
}

impl fmt::Display for Fire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            server, method, job, ..
        } = self;
        let branches = if self.multibranch { "each branch of " } else { "" };
        write!(out, "{branches}{job} on {server} ({method}")?;
        match &self.token_from {
            Some(name) => write!(out, ", token_from {name})"),
            None => write!(out, ")"),
        }
    }
}

/// What may be done with servers that may be reached.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What vouches for them beside the system's own authorities; the newest last.
    pub authorities: Vec<Authority>,
    /// The jobs that may be triggered.
    pub fires: Vec<Fire>,
    /// The environment variables that the file may read.
    pub env: Vec<String>,
}

impl Accepted {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.fires.is_empty() && self.env.is_empty()
    }
}

/// On what occasion a job is to be triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Something that the user did here, or asks for by hand.
    Own,
    /// A push that this repository received.
    Received,
}

impl Occasion {
    /// That of an event, by its name.
    #[must_use]
    pub fn of(event: &str) -> Self {
        if event == "post-receive" {
            Self::Received
        } else {
            Self::Own
        }
    }
}

/// What counts beside the record. It is in the repository, so it is no word of the user's: it never
/// says that a server may be reached.
pub trait Beside: fmt::Debug + Send + Sync {
    /// What the file at the default branch of the remote names: others have looked at it. Asked for
    /// only where the record does not accept.
    fn reviewed(&self) -> &Accepted;

    /// Whether the repository's owner lets pushes into it trigger this job; `None` where he has set no
    /// bound.
    fn bound(&self, server: &str, job: &str) -> Option<bool>;
}

/// Why a job may not be triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAllowed {
    /// Nobody has accepted it.
    Unknown,
    /// The owner of the repository that was pushed to does not let pushes trigger it.
    OutOfBounds,
}

/// What a repository may reach and fire, and by whose word it knows whom it has reached.
#[derive(Debug, Default)]
pub struct Trusted {
    servers: Vec<String>,
    accepted: Accepted,
    expected: Accepted,
    beside: Option<Box<dyn Beside>>,
}

impl Trusted {
    fn new(servers: Vec<String>, accepted: Accepted) -> Self {
        Self {
            servers,
            accepted,
            ..Self::default()
        }
    }

    /// The same with what counts beside the record.
    #[must_use]
    pub fn with(self, beside: Box<dyn Beside>) -> Self {
        Self {
            beside: Some(beside),
            ..self
        }
    }

    /// The same as it will be when the default branch of the remote has this. Variables are read
    /// before that, so theirs must be accepted already.
    #[must_use]
    pub fn expecting(self, expected: Accepted) -> Self {
        Self {
            expected: Accepted {
                env: Vec::new(),
                ..expected
            },
            ..self
        }
    }

    /// The base URLs of the servers that may be reached.
    #[must_use]
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// What the record has accepted.
    #[must_use]
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// Whether this server may be reached.
    #[must_use]
    pub fn has_server(&self, server: &str) -> bool {
        self.servers.iter().any(|known| known == server)
    }

    /// Whether this job may be triggered. The server is another question.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_fire(&self, fire: &Fire, occasion: Occasion) -> Result<(), NotAllowed> {
        if occasion == Occasion::Received {
            let bound = self.beside.as_ref();
            match bound.and_then(|beside| beside.bound(&fire.server, &fire.job)) {
                Some(true) => return Ok(()),
                Some(false) => return Err(NotAllowed::OutOfBounds),
                None => {}
            }
        }
        if self.any(occasion, |accepted| accepted.fires.contains(fire)) {
            Ok(())
        } else {
            Err(NotAllowed::Unknown)
        }
    }

    /// Whether the file may read this environment variable.
    #[must_use]
    pub fn may_read(&self, name: &str, occasion: Occasion) -> bool {
        self.any(occasion, |accepted| {
            accepted.env.iter().any(|known| known == name)
        })
    }

    /// Whether the certificates with this SHA-256 may vouch for this server.
    #[must_use]
    pub fn has_authority(&self, server: &str, sha256: &str, occasion: Occasion) -> bool {
        let is_it = |known: &Authority| known.server == server && known.sha256 == sha256;
        self.any(occasion, |accepted| accepted.authorities.iter().any(is_it))
    }

    /// What the user himself has accepted last for this server.
    #[must_use]
    pub fn newest_authority(&self, server: &str) -> Option<&str> {
        let mut known = self.accepted.authorities.iter().rev();
        let newest = known.find(|known| known.server == server)?;
        Some(newest.sha256.as_str())
    }

    /// What others have looked at counts for what happens here. What is pushed into a repository goes
    /// by the word of whom it costs.
    fn any(&self, occasion: Occasion, has: impl Fn(&Accepted) -> bool) -> bool {
        let reviewed = || self.beside.as_ref().is_some_and(|beside| has(beside.reviewed()));
        has(&self.accepted) || (occasion == Occasion::Own && (has(&self.expected) || reviewed()))
    }
}

/// What the repository with this common git directory may reach for this user.
///
/// # Errors
/// When there is no record's place, or the record is there and cannot be read.
pub fn trusted(common_dir: &Path) -> Result<Trusted, Error> {
    Trust::of_user()?.trusted(common_dir)
}
