//! What a commit sets off, and that it never gets in the way of the commit.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod bisect;
mod branch_names;
mod chained;
mod cherry_pick_revert_merge;
mod detached_head;
mod everywhere;
mod file_source;
mod formats;
mod layouts;
mod max_triggers;
mod merges;
mod not_waiting;
mod objects;
mod path_filters;
mod rebase;
mod receive;
mod receive_allow;
mod receive_input;
mod receive_options;
mod receive_paths;
mod receive_truth;
mod receive_users;
mod request;
mod secrets;
mod sender;
mod shim;
mod skip_markers;
mod trusted_jobs;
mod twice;
mod watch;
