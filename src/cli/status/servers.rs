//! The servers of the file, and where the credentials for each come from.

use crate::cli::file;
use crate::cli::sources::{self, Known};
use crate::git::Repository;

/// None where there is no file that can be read: `check` says what is wrong with it.
pub(super) fn of(repository: &Repository) -> Vec<Known> {
    let config = file::compare(repository)
        .ok()
        .and_then(|(source, _)| source.read_with_files(repository).ok());
    config.map_or_else(Vec::new, |config| sources::known(&config))
}
