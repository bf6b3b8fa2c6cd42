//! The commands as people run them.

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod cancel;
mod cancel_pushes;
mod chaining;
mod check;
mod check_branch;
mod check_mistakes;
mod check_remote;
mod config_hooks;
mod credentials;
mod helpers;
mod hooks_path;
mod install;
mod install_layouts;
mod install_refusals;
mod log;
mod log_lines;
mod other_hooks;
mod places;
mod plain_http;
mod post_push;
mod push;
mod push_hooks;
mod push_outcomes;
mod push_scene;
mod readme;
mod retry;
mod retry_ids;
mod spool_damage;
mod status;
mod status_waiting;
mod terminal;
mod trigger;
mod trigger_branch;
mod trigger_curl;
mod trigger_dry_run;
mod trigger_head;
mod trigger_outcomes;
mod trust;
mod uninstall;
mod untrusted;
