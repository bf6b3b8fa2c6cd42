//! What a hook sees of the repository.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use bstr::ByteSlice as _;

use super::call::{Call, Hook};
use super::push::{self, Pushing};
use super::receive::{self, Received};
use crate::cli::file::{self, Source};
use crate::config::FILE_NAME;
use crate::environment;
use crate::event::Event;
use crate::event::commit::{self, Found, Rebased};
use crate::git::{Head, Repository, digest};
use crate::platform::Process;

/// What was found in the repository that the hook ran for.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) hook: Hook,
    pub(super) repository: Repository,
    pub(super) doing: Doing,
    /// The commit that the file is looked for in, if there is one.
    pub(super) tip: Option<String>,
    /// What a push has moved, as git tells it.
    pub(super) input: Vec<u8>,
}

/// What git did.
#[derive(Debug)]
pub(super) enum Doing {
    /// Something to trigger for.
    Fired(Box<Event>),
    /// A push is about to be made.
    Pushing(Pushing),
    /// A push was taken, perhaps of several references.
    Received(Received),
    /// A commit without a branch.
    Detached,
    /// A rebase whose branch moves when it ends.
    AtTheEnd(Rebased),
}

/// What has become of what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// It is as it was.
    Same,
    /// There is another commit.
    Moved,
    /// There is nothing to trigger for any more.
    Gone,
}

/// What git told on stdin, of which this may have been read already.
///
/// # Errors
/// What the system says.
pub(super) fn input(stdin: Option<&[u8]>) -> io::Result<Vec<u8>> {
    if let Some(stdin) = stdin {
        return Ok(stdin.to_vec());
    }
    let stdin = io::stdin();
    let mut bytes = Vec::new();
    // Whoever tries the hook by hand is not to wait for himself.
    if !stdin.is_terminal() {
        stdin.lock().read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The hook that this is, where git did not say it.
pub(super) fn hook_of(call: &Call, here: &Path, repository: &Repository) -> Hook {
    call.hook.unwrap_or_else(|| {
        // The one runs at the top of a work tree, the other in the git directory.
        let here = std::fs::canonicalize(here).unwrap_or_else(|_| here.to_owned());
        if here == repository.git_dir() {
            Hook::Receive
        } else {
            Hook::Commit
        }
    })
}

impl Seen {
    /// Looks; `None` if there is nothing to do.
    ///
    /// # Errors
    /// What the repository says.
    pub(super) fn look(call: &Call, here: &Path, stdin: Option<&[u8]>) -> anyhow::Result<Option<Self>> {
        let paths = environment::repository_paths();
        let repository = if call.everywhere {
            match Repository::discover_with_file(here, &paths, FILE_NAME)? {
                Some(repository) => repository,
                None => return Ok(None),
            }
        } else {
            Repository::discover(here, &paths)?
        };
        let hook = hook_of(call, here, &repository);
        match hook {
            Hook::Push => return push::look(call, repository, stdin),
            Hook::Receive => return receive::look(call, repository, stdin),
            Hook::Commit | Hook::Merge | Hook::Rewrite => {}
        }
        let found = match hook {
            Hook::Merge => commit::read_merge(&repository)?,
            Hook::Rewrite => commit::read_rebase(&repository)?,
            _ => commit::read(&repository)?,
        };
        let (doing, tip) = match found {
            Found::Nothing => return Ok(None),
            Found::Event(event) => {
                let tip = event.commit.id.clone();
                (Doing::Fired(event), Some(tip))
            }
            Found::Detached(tip) => (Doing::Detached, tip),
            Found::AtTheEnd(made) => {
                let tip = made.tip.clone();
                (Doing::AtTheEnd(made), Some(tip))
            }
        };
        Ok(Some(Self {
            hook,
            repository,
            doing,
            tip,
            input: Vec::new(),
        }))
    }

    /// The file that says what is to be triggered.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) fn source(&self) -> anyhow::Result<Option<Source>> {
        match &self.tip {
            Some(tip) if self.hook == Hook::Receive => file::of_default_branch(&self.repository, tip),
            Some(tip) => file::of_commit(&self.repository, tip),
            None => Ok(None),
        }
    }

    /// Takes over what has become of it while a chained hook ran. What git itself has left behind,
    /// such as `MERGE_HEAD`, may be gone by then, so the rest stays as it was seen: what the hook
    /// adds comes on top of what git did.
    ///
    /// # Errors
    /// What the repository says.
    pub(super) fn catch_up(&mut self) -> anyhow::Result<Since> {
        let now = match &mut self.doing {
            Doing::Pushing(_) | Doing::Received(_) => return Ok(Since::Same),
            Doing::Fired(event) => {
                // Of a branch its own tip: another one may have been checked out meanwhile.
                let now = self.repository.resolve(event.reference.as_bstr())?;
                if now == self.tip {
                    return Ok(Since::Same);
                }
                // Deleted, or back where it was before.
                if now.is_none() || now == event.old_id {
                    return Ok(Since::Gone);
                }
                if let Some(tip) = &now {
                    event.commit = self.repository.commit(tip)?;
                }
                now
            }
            Doing::Detached | Doing::AtTheEnd(_) => match self.repository.head()? {
                Head::Detached { tip } if self.tip.as_ref() != Some(&tip) => {
                    // git moves the branch to wherever HEAD is when it ends.
                    if let Doing::AtTheEnd(made) = &mut self.doing {
                        made.tip.clone_from(&tip);
                    }
                    Some(tip)
                }
                Head::Branch { tip, .. } if self.tip != tip => return Ok(Since::Gone),
                _ => return Ok(Since::Same),
            },
        };
        self.tip = now;
        Ok(Since::Moved)
    }

    /// What this run stands for: several of one git for the same thing count once, be it that git
    /// was told twice to run this program or that a hook manager runs what it has moved aside.
    /// Without the arguments, to which a manager may add.
    pub(super) fn claim(&self, git: &Process) -> String {
        format!(
            "{}-{}-{}-{}",
            self.hook.name(),
            git.pid,
            git.started,
            self.digest()
        )
    }

    /// What the claims of all runs for the same thing end with, whichever hook and git they are of.
    pub(super) fn digest(&self) -> String {
        let mut what = self.repository.git_dir().as_os_str().as_encoded_bytes().to_vec();
        for part in [self.tip.as_deref().unwrap_or_default().as_bytes(), &self.input] {
            what.push(0);
            what.extend_from_slice(part);
        }
        digest(&what)
    }
}
