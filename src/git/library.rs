//! The repository through libgit2.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice as _};
use git2::{DiffOptions, ErrorCode, ObjectType, Oid, RepositoryOpenFlags};

use super::{Changes, Commit, Error, Head, Tip};
use crate::environment::RepositoryPaths;

pub(super) struct Library {
    repository: git2::Repository,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Library")
            .field("path", &self.repository.path())
            .finish()
    }
}

fn told(commit: &git2::Commit<'_>) -> Commit {
    let author = commit.author();
    Commit {
        id: commit.id().to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        author_name: author.name_bytes().into(),
        author_email: author.email_bytes().into(),
        message: commit.message_bytes().into(),
    }
}

fn failed(action: impl Into<String>) -> impl FnOnce(git2::Error) -> Error {
    move |error| Error::Library {
        action: action.into(),
        reason: error.message().to_owned(),
    }
}

impl Library {
    /// Not `open_from_env`: below `--git-dir` and `--work-tree` git exports `GIT_WORK_TREE=.`,
    /// from which libgit2 makes the git directory the work tree.
    pub(super) fn open(start: &Path, named: &RepositoryPaths) -> Result<Self, git2::Error> {
        // git does not do it either, and a push may be of many thousands of objects.
        git2::opts::strict_hash_verification(false);
        let repository = match &named.git_dir {
            Some(git_dir) => git2::Repository::open(start.join(git_dir))?,
            // Not `discover`, which forgets the `.git` file it came by, and with it the work tree.
            None => {
                git2::Repository::open_ext(start, RepositoryOpenFlags::empty(), &[] as &[&std::ffi::OsStr])?
            }
        };
        Ok(Self { repository })
    }

    pub(super) fn git_dir(&self) -> &Path {
        self.repository.path()
    }

    pub(super) fn common_dir(&self) -> &Path {
        self.repository.commondir()
    }

    pub(super) fn work_tree(&self, start: &Path, named: &RepositoryPaths) -> Option<PathBuf> {
        if let Some(work_tree) = &named.work_tree {
            return Some(start.join(work_tree));
        }
        let own = self.repository.workdir().map(Path::to_owned);
        let configured = || {
            self.repository
                .config()
                .is_ok_and(|config| config.get_entry("core.worktree").is_ok())
        };
        // git's own rule: with GIT_DIR alone, the current directory is the top of the work tree.
        if named.git_dir.is_some() && own.is_some() && !configured() {
            return Some(start.to_owned());
        }
        own
    }

    pub(super) fn head(&self) -> Result<Head, Error> {
        let head = self
            .repository
            .find_reference("HEAD")
            .map_err(failed("read HEAD"))?;
        match (head.symbolic_target_bytes(), head.target()) {
            (Some(reference), _) => {
                let reference = BString::from(reference);
                let tip = self.resolve(reference.as_bstr())?;
                Ok(Head::Branch { reference, tip })
            }
            (None, Some(tip)) => Ok(Head::Detached { tip: tip.to_string() }),
            (None, None) => Err(Error::Library {
                action: "read HEAD".into(),
                reason: "it points nowhere".into(),
            }),
        }
    }

    /// The reference of exactly this name.
    fn reference(&self, reference: &BStr) -> Result<Option<git2::Reference<'_>>, Error> {
        let action = || format!("read {reference}");
        // libgit2 takes names as C strings, git2 as `str`: a name that is not UTF-8 is looked up
        // by walking the references.
        Ok(match reference.to_str() {
            Ok(name) => match self.repository.find_reference(name) {
                // libgit2 takes `refs/heads//main` for `refs/heads/main`.
                Ok(found) => (found.name_bytes() == reference.as_bytes()).then_some(found),
                // A name that cannot be is a name that is not there.
                Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => None,
                Err(error) => return Err(failed(action())(error)),
            },
            Err(_) => self
                .repository
                .references()
                .map_err(failed(action()))?
                .filter_map(Result::ok)
                .find(|candidate| candidate.name_bytes() == reference.as_bytes()),
        })
    }

    pub(super) fn resolve(&self, reference: &BStr) -> Result<Option<String>, Error> {
        let Some(found) = self.reference(reference)? else {
            return Ok(None);
        };
        let commit = found
            .peel(ObjectType::Commit)
            .map_err(failed(format!("find the commit of {reference}")))?;
        Ok(Some(commit.id().to_string()))
    }

    pub(super) fn id_of(&self, reference: &BStr) -> Result<Option<String>, Error> {
        let Some(found) = self.reference(reference)? else {
            return Ok(None);
        };
        // One that leads nowhere has no object.
        Ok(found
            .resolve()
            .ok()
            .and_then(|found| Some(found.target()?.to_string())))
    }

    pub(super) fn references(&self) -> Result<BTreeMap<BString, String>, Error> {
        let all = self
            .repository
            .references()
            .map_err(failed("list the references"))?;
        let entry = |found: git2::Reference<'_>| {
            let id = found.resolve().ok()?.target()?;
            Some((BString::from(found.name_bytes()), id.to_string()))
        };
        Ok(all.filter_map(Result::ok).filter_map(entry).collect())
    }

    pub(super) fn symbolic_target(&self, reference: &BStr) -> Result<Option<BString>, Error> {
        let found = self.reference(reference)?;
        Ok(found.and_then(|found| found.symbolic_target_bytes().map(BString::from)))
    }

    pub(super) fn settings(&self, key: &str) -> Result<Vec<BString>, Error> {
        let config = self.repository.config();
        Self::values(&config.map_err(failed(format!("read the setting {key}")))?, key)
    }

    pub(super) fn own_settings(&self, key: &str) -> Result<Vec<BString>, Error> {
        let config = self.repository.config();
        let own = config.and_then(|config| config.open_level(git2::ConfigLevel::Local));
        Self::values(&own.map_err(failed(format!("read the setting {key}")))?, key)
    }

    fn values(config: &git2::Config, key: &str) -> Result<Vec<BString>, Error> {
        let cannot = || failed(format!("read the setting {key}"));
        let mut entries = config.multivar(key, None).map_err(cannot())?;
        let mut values = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(cannot())?;
            // A key without `=` has none.
            let value = entry.has_value().then(|| entry.value_bytes());
            values.push(BString::from(value.unwrap_or_default()));
        }
        Ok(values)
    }

    pub(super) fn tip(&self, id: &str, file: &str) -> Result<Option<Tip>, Error> {
        let Some(commit) = self.peel(id) else {
            return Ok(None);
        };
        let tree = commit.tree().map_err(failed(format!("read the tree of {id}")))?;
        Ok(Some(Tip {
            commit: commit.id().to_string(),
            file: tree.get_name(file).map(|entry| entry.id().to_string()),
        }))
    }

    fn peel(&self, id: &str) -> Option<git2::Commit<'_>> {
        let object = self.repository.find_object(Oid::from_str(id).ok()?, None).ok()?;
        object.peel(ObjectType::Commit).ok()?.into_commit().ok()
    }

    pub(super) fn commit_of(&self, id: &str) -> Option<String> {
        self.peel(id).map(|commit| commit.id().to_string())
    }

    pub(super) fn peeled(&self, id: &str) -> Option<Commit> {
        self.peel(id).as_ref().map(told)
    }

    pub(super) fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        let (one, other) = (self.find(one)?.id(), self.find(other)?.id());
        match self.repository.merge_base(one, other) {
            Ok(base) => Ok(Some(base.to_string())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(failed(format!("find what {one} and {other} have in common"))(
                error,
            )),
        }
    }

    pub(super) fn remotes(&self) -> Result<Vec<BString>, Error> {
        let names = self.repository.remotes().map_err(failed("list the remotes"))?;
        Ok(names.iter_bytes().map(BString::from).collect())
    }

    fn find(&self, id: &str) -> Result<git2::Commit<'_>, Error> {
        Oid::from_str(id)
            .and_then(|oid| self.repository.find_commit(oid))
            .map_err(failed(format!("read commit {id}")))
    }

    pub(super) fn commit(&self, id: &str) -> Result<Commit, Error> {
        self.find(id).map(|commit| told(&commit))
    }

    pub(super) fn file_at(&self, commit: &str, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let tree = self
            .find(commit)?
            .tree()
            .map_err(failed(format!("read the tree of {commit}")))?;
        let entry = match tree.get_path(Path::new(path)) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(failed(format!("find {path} in {commit}"))(error)),
        };
        super::check_is_file(entry.filemode().cast_unsigned(), path, commit)?;
        let cannot = || failed(format!("read {path} of {commit}"));
        let objects = self.repository.odb().map_err(cannot())?;
        let (size, _) = objects.read_header(entry.id()).map_err(cannot())?;
        super::check_size(size as u64, path, commit, limit)?;
        let blob = self.repository.find_blob(entry.id()).map_err(cannot())?;
        Ok(Some(blob.content().to_vec()))
    }

    pub(super) fn in_index(&self, path: &str) -> Result<bool, Error> {
        let index = self.repository.index().map_err(failed("read the index"))?;
        Ok(index.get_path(Path::new(path), 0).is_some())
    }

    pub(super) fn changes(&self, old: Option<&str>, new: &str, limit: usize) -> Result<Changes, Error> {
        let tree_of = |id: &str| {
            self.find(id)?
                .tree()
                .map_err(failed(format!("read the tree of {id}")))
        };
        let old_tree = old.map(tree_of).transpose()?;
        let new_tree = tree_of(new)?;
        let mut options = DiffOptions::new();
        options.skip_binary_check(true).include_typechange(true);
        let diff = self
            .repository
            .diff_tree_to_tree(old_tree.as_ref(), Some(&new_tree), Some(&mut options))
            .map_err(failed(format!("compare {new} with its base")))?;
        if diff.deltas().len() > limit {
            return Ok(Changes::TooMany);
        }
        let paths = diff
            .deltas()
            .filter_map(|delta| {
                let path = delta.new_file().path().or(delta.old_file().path())?;
                Some(BString::from(path.as_os_str().as_bytes()))
            })
            .collect();
        Ok(Changes::Known(paths))
    }
}
