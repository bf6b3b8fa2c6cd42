//! What a commit sets off, and that it never gets in the way of the commit.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod branch_names;
mod cherry_pick_revert_merge;
mod detached_head;
mod file_source;
mod formats;
mod layouts;
mod max_triggers;
mod not_waiting;
mod path_filters;
mod rebase_and_bisect;
mod request;
mod secrets;
mod sender;
mod shim;
mod skip_markers;
mod watch;
