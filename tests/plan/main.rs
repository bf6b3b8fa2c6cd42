//! event × file → triggers, by the library: every key that decides.

mod branches;
mod helpers;
mod identical;
mod operations;
mod parameters;
mod paths;
mod properties;
mod remotes;
mod variables;
mod wishes;
