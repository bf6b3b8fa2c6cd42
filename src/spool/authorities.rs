//! Certificates of authorities that triggers name by their SHA-256: the commit that they were read
//! from may be gone when a trigger is sent.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Error, Push, Result, Spool, io_error, read_own, remove_if_there};
use crate::platform;

const FOLDER: &str = "ca";

/// What nobody has put there anew for so long, and no trigger names, goes.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The SHA-256 by which a text is kept, in hexadecimal.
#[must_use]
pub fn sha256(text: &[u8]) -> String {
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Spool {
    /// Keeps certificates for the triggers that name them by [`sha256`].
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_authorities(&self, pem: &[u8]) -> Result<()> {
        self.prepare()?;
        let folder = self.folder.join(FOLDER);
        platform::private_directory(&folder).map_err(io_error("use", &folder))?;
        let path = folder.join(file_name(&sha256(pem)));
        platform::replace(&path, pem, 0o600).map_err(io_error("write", &path))
    }

    /// The certificates with this SHA-256.
    ///
    /// # Errors
    /// What the file system says, and [`Error::Damaged`] where they are others by now.
    pub fn authorities(&self, sha: &str) -> Result<Vec<u8>> {
        self.check()?;
        let path = self.authorities_file(sha);
        let pem = read_own(&path).map_err(io_error("read", &path))?;
        if sha256(&pem) == sha {
            Ok(pem)
        } else {
            Err(Error::Damaged(path))
        }
    }

    /// Where those with this SHA-256 are kept.
    #[must_use]
    pub fn authorities_file(&self, sha: &str) -> PathBuf {
        self.folder.join(FOLDER).join(file_name(sha))
    }

    /// Removes those that were put there long ago and that no trigger names, but for those with these
    /// SHA-256: they are needed by triggers that name none.
    pub fn sweep_authorities<'a>(&self, kept: impl IntoIterator<Item = &'a str>) {
        let mut old = self.old_authorities();
        if old.is_empty() {
            return;
        }
        let kept: BTreeSet<PathBuf> = kept.into_iter().map(|sha| self.authorities_file(sha)).collect();
        old.retain(|path| !kept.contains(path));
        if old.is_empty() {
            return;
        }
        let Some(named) = self.named_authorities() else {
            return;
        };
        for path in old {
            if !named.contains(&path) {
                // Another time, then.
                let _ = remove_if_there(&path);
            }
        }
    }

    fn old_authorities(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.join(FOLDER)) else {
            return Vec::new();
        };
        let is_old = |entry: &fs::DirEntry| {
            let put = entry.metadata().and_then(|found| found.modified());
            put.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT))
        };
        entries
            .filter_map(io::Result::ok)
            .filter(is_old)
            .map(|entry| entry.path())
            .collect()
    }

    /// Nothing where one cannot be read: it may name any.
    fn named_authorities(&self) -> Option<BTreeSet<PathBuf>> {
        let (waiting, failed) = (self.waiting().ok()?, self.failed().ok()?);
        let pushes = self.pushes().ok()?;
        let unreadable = [&waiting.unreadable, &failed.unreadable, &pushes.unreadable];
        if unreadable.iter().any(|files| !files.is_empty()) {
            return None;
        }
        let folder = self.folder.join(FOLDER);
        let pushes = pushes.under_way.iter().chain(&pushes.undecided);
        let pushed = pushes.flat_map(Push::triggers);
        let all = waiting.triggers.iter().chain(&failed.triggers).chain(pushed);
        Some(
            all.filter_map(|trigger| trigger.ca.as_deref())
                .map(|sha| folder.join(file_name(sha)))
                .collect(),
        )
    }
}

/// Whatever stands in a trigger, it leads nowhere else.
fn file_name(sha: &str) -> PathBuf {
    let name: String = sha.chars().filter(char::is_ascii_hexdigit).collect();
    Path::new(&name).with_extension("pem")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sha256_is_the_one_that_everybody_knows() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), known);
    }

    #[test]
    fn a_name_that_is_no_sha256_leads_nowhere_else() {
        assert_eq!(file_name("../../etc/ab"), Path::new("ecab.pem"));
    }
}
