//! What counts beside what the user has accepted: what others have looked at before it reached the
//! default branch of the remote, and what the owner of a repository lets pushes into it trigger.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bstr::BString;

use super::allow::Allow;
use super::authorities::Authorities;
use super::file::Place;
use crate::config::{self, Config, FILE_NAME, MAX_FILE_SIZE, Rule, Server};
use crate::credentials::trust::{Accepted, Authority, Beside, Fire};
use crate::environment::RepositoryPaths;
use crate::git::Repository;

/// The file at the default branch of the remote that counts.
pub(super) struct Reviewed {
    /// The commit that has it.
    pub(super) commit: String,
    pub(super) accepted: Accepted,
}

/// The remote whose default branch counts: the only one, else `origin`. A stranger's fork that is
/// fetched from has one too, by git's own doing.
pub(super) fn remote(repository: &Repository) -> BString {
    match repository.remotes().unwrap_or_default().as_mut_slice() {
        [only] => std::mem::take(only),
        _ => "origin".into(),
    }
}

/// The file at the default branch of the remote, as last fetched; `None` where there is none, or
/// none that can be read.
pub(super) fn look(repository: &Repository) -> Option<Reviewed> {
    let remote = remote(repository);
    // Without that remote its references are anybody's who may write here.
    if !repository.remotes().ok()?.contains(&remote) {
        return None;
    }
    let (_, commit) = repository.default_branch_of(remote.as_ref()).ok()??;
    let bytes = repository.file_at(&commit, FILE_NAME, MAX_FILE_SIZE).ok()??;
    let config = config::read(FILE_NAME, &bytes).ok()?;
    let authorities = Authorities::new(repository, &Place::Commit(commit.clone()));
    let accepted = named_by(&config, &authorities);
    Some(Reviewed { commit, accepted })
}

/// What the user is asked about because of a rule.
pub(super) fn fire_of(config: &Config, rule: &Rule) -> Fire {
    Fire {
        server: config.servers[rule.server].url.to_string(),
        method: rule.method.to_string(),
        job: rule.job.clone(),
        multibranch: rule.multibranch,
        token_from: rule.token_from.clone(),
    }
}

/// The jobs that a file may trigger, each once.
pub(super) fn fires(config: &Config) -> Vec<Fire> {
    let mut fires = Vec::new();
    for rule in &config.rules {
        let fire = fire_of(config, rule);
        if !fires.contains(&fire) {
            fires.push(fire);
        }
    }
    fires
}

/// All that the user is asked about because of a file.
pub(super) fn named_by(config: &Config, authorities: &Authorities<'_>) -> Accepted {
    // What lies anywhere else than in the commit nobody has looked at with it.
    let is_here = |server: &&Server| {
        let path = server.ca_file.as_ref();
        path.is_some_and(|path| !Path::new(path).is_absolute())
    };
    let vouching = config.servers.iter().filter(is_here).filter_map(|server| {
        let (sha256, _) = authorities.for_trigger(server);
        Some(Authority {
            server: server.url.to_string(),
            sha256: sha256?,
        })
    });
    Accepted {
        authorities: vouching.collect(),
        fires: fires(config),
        env: config.env.clone(),
    }
}

/// Looks only where it is asked, and then once.
#[derive(Debug)]
pub(super) struct Circumstances {
    common_dir: PathBuf,
    reviewed: OnceLock<Accepted>,
    allow: OnceLock<Option<Allow>>,
}

impl Circumstances {
    /// Those of the repository with this common git directory.
    pub(super) fn of(common_dir: &Path) -> Self {
        Self {
            common_dir: common_dir.to_owned(),
            reviewed: OnceLock::new(),
            allow: OnceLock::new(),
        }
    }

    /// The same where it is known already what the owner has set.
    pub(super) fn bounded(common_dir: &Path, allow: Option<Allow>) -> Self {
        Self {
            allow: OnceLock::from(allow),
            ..Self::of(common_dir)
        }
    }

    /// It may be another thread that asks than the one that has the repository.
    fn open(&self) -> Result<Repository, crate::git::Error> {
        Repository::discover(&self.common_dir, &RepositoryPaths::default())
    }
}

impl Beside for Circumstances {
    fn reviewed(&self) -> &Accepted {
        self.reviewed.get_or_init(|| {
            let found = self.open().ok().as_ref().and_then(look);
            found.map(|found| found.accepted).unwrap_or_default()
        })
    }

    fn bound(&self, server: &str, job: &str) -> Option<bool> {
        let look = || self.open().and_then(|repository| Allow::of(&repository));
        let allow = self
            .allow
            .get_or_init(|| look().unwrap_or_else(|error| Some(Allow::nothing(&error))));
        allow.as_ref().map(|allow| allow.has(server, job))
    }
}
