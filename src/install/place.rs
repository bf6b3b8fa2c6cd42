//! Where hooks belong: what git itself says, and whether that place is this repository's own.

use std::path::{Path, PathBuf};

use bstr::ByteSlice as _;

use super::Error;
use super::manager::husky_of;
use crate::git::Repository;

/// Where git looks for this repository's hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// The scope and the value of `core.hooksPath`, where it is set.
    pub setting: Option<(String, bstr::BString)>,
}

impl Place {
    /// Asks git.
    ///
    /// # Errors
    /// What git says.
    pub fn of(repository: &Repository) -> Result<Self, Error> {
        Ok(Self {
            folder: repository.git_path("hooks")?,
            setting: repository.hooks_path_setting()?,
        })
    }

    /// Whether git looks for hooks nowhere at all.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        let value = self.setting.as_ref().map(|(_, value)| value);
        value.is_some_and(|value| value.is_empty() || value == "/dev/null")
    }

    /// Whether the folder is set for every repository of the user or of the machine.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        let scope = self.setting.as_ref().map(|(scope, _)| scope.as_str());
        !matches!(scope, None | Some("local" | "worktree" | "command"))
    }

    /// The folder's path from the top of the work tree, if it lies in it and outside of the git
    /// directory.
    #[must_use]
    pub fn in_work_tree(&self, repository: &Repository) -> Option<PathBuf> {
        let folder = resolved(&self.folder);
        if folder.starts_with(repository.common_dir()) || folder.starts_with(repository.git_dir()) {
            return None;
        }
        let inside = folder.strip_prefix(repository.work_tree()?).ok()?;
        Some(inside.to_owned())
    }

    /// Whether the folder is no part of this repository, by its path or by a link.
    #[must_use]
    pub fn is_outside(&self, repository: &Repository) -> bool {
        let folder = resolved(&self.folder);
        let parts = [
            Some(repository.common_dir()),
            Some(repository.git_dir()),
            repository.work_tree(),
        ];
        !parts.into_iter().flatten().any(|part| folder.starts_with(part))
    }

    /// Whether this repository's own hooks may be written there.
    ///
    /// # Errors
    /// The reason why not, with the way out.
    pub fn check(&self, repository: &Repository) -> Result<(), Error> {
        if let Some((scope, value)) = self.setting.clone() {
            if scope == "command" {
                return Err(Error::PassingHooksPath { value });
            }
            if self.is_nowhere() {
                return Err(Error::NoHooks { scope, value });
            }
            if self.is_shared() {
                return Err(Error::SharedHooksPath {
                    scope,
                    value,
                    own: own_folder(repository),
                });
            }
            if let Some((work_tree, folder)) = self.dead_work_tree(repository)? {
                return Err(Error::DeadHooksPath {
                    scope,
                    value,
                    work_tree,
                    dead: folder,
                    alive: self.alive_folder(repository),
                });
            }
        }
        if let Some(folder) = husky_of(&self.folder) {
            return Err(Error::Husky { folder });
        }
        Ok(())
    }

    /// A relative path counts from the top of each work tree: the first work tree in which it
    /// cannot be a folder, because `.git` is a file in a linked one.
    fn dead_work_tree(&self, repository: &Repository) -> Result<Option<(PathBuf, PathBuf)>, Error> {
        let dead = |folder: &Path| folder.ancestors().any(|part| part.exists() && !part.is_dir());
        Ok(self
            .folders_elsewhere(repository)?
            .into_iter()
            .find(|(_, folder)| dead(folder)))
    }

    /// The work trees, and where git looks for hooks in them, if the path is relative.
    ///
    /// # Errors
    /// What git says.
    pub fn folders_elsewhere(&self, repository: &Repository) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
        let Some((scope, value)) = &self.setting else {
            return Ok(Vec::new());
        };
        if [&b"/"[..], b"~", b"%"]
            .iter()
            .any(|start| value.starts_with(start))
        {
            return Ok(Vec::new());
        }
        let value = value.to_path_lossy();
        let work_trees = match (scope.as_str(), repository.work_tree()) {
            // Set for this one alone.
            ("worktree", Some(top)) => vec![top.to_owned()],
            _ => repository.work_trees()?,
        };
        Ok(work_trees
            .into_iter()
            // git lists one that was deleted until it prunes.
            .filter(|top| top.is_dir())
            .map(|top| {
                let folder = top.join(&value);
                (top, folder)
            })
            .collect())
    }

    /// What the same path means in the main work tree, absolute.
    fn alive_folder(&self, repository: &Repository) -> PathBuf {
        let folders = self.folders_elsewhere(repository).unwrap_or_default();
        let alive = folders
            .into_iter()
            .map(|(_, folder)| folder)
            .find(|path| path.is_dir());
        alive.unwrap_or_else(|| own_folder(repository))
    }
}

/// The folder that git runs hooks from when nothing else is configured.
pub(super) fn own_folder(repository: &Repository) -> PathBuf {
    repository.common_dir().join("hooks")
}

/// The path with links resolved as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    for part in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (part.canonicalize(), path.strip_prefix(part)) {
            return real.join(rest);
        }
    }
    path.to_owned()
}
