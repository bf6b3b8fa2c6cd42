//! The repository's file `.jenkins-trigger.yml`: its model, and reading it so that every refusal
//! has a position.
//!
//! Reading has three steps, one room each: `source` and `tree` turn bytes into nodes that know
//! where they stand, `read` and `rule` turn nodes into a [`Config`], and `error` turns a refusal
//! into what a person can act on. Nothing here touches the disk, git or the environment.

mod authority;
mod error;
mod glob;
mod glob_syntax;
mod job;
mod keys;
mod model;
mod parameters;
mod pattern;
mod read;
mod remotes;
mod rule;
mod secret;
mod server;
mod source;
mod syntax;
mod template;
mod tree;
mod value;
mod visit;
mod words;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use job::branch_job;
pub use model::{
    Action, BranchParameter, Config, DEFAULT_BRANCH_PARAMETER, EventKind, Method, Operation, Rule, Server,
    Skip, UnknownName,
};
pub use parameters::check_parameter_name;
pub use pattern::{Decision, Pattern, PatternError, PatternList};
pub use rule::is_token_name;
pub use server::{WrongUrl, server_url};
pub use template::{Template, TemplateError, Variable};

/// What the file is called, at the top of a repository.
pub const FILE_NAME: &str = ".jenkins-trigger.yml";

/// The largest file that is read, in bytes.
pub const MAX_FILE_SIZE: u64 = 1 << 20;

/// Reads a configuration file.
///
/// `origin` is what the file is called in messages, for example `.jenkins-trigger.yml` or
/// `HEAD:.jenkins-trigger.yml`.
///
/// # Errors
///
/// The first thing in the file that is not understood, not allowed or not complete.
pub fn read(origin: &str, bytes: &[u8]) -> Result<Config, Error> {
    read_with_files(origin, bytes, &|_| Ok(()))
}

/// What is wrong with a file that the configuration names, and what to do about it.
pub struct WrongFile {
    /// What was refused, and why.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// As [`read`], and asks `look` about each file that the configuration names by a `ca_file`.
///
/// # Errors
///
/// As [`read`]; after that what `look` says, at the place that names the file.
pub fn read_with_files(
    origin: &str,
    bytes: &[u8],
    look: &dyn Fn(&str) -> Result<(), WrongFile>,
) -> Result<Config, Error> {
    let source = source::Source::new(origin, bytes)?;
    let document = tree::Document::parse(&source)?;
    let config = read::config(&document).map_err(|problem| document.error(problem))?;
    for node in authority::nodes(&document.root) {
        authority::check(node, look).map_err(|problem| document.error(problem))?;
    }
    Ok(config)
}
