//! The hook managers that people have, beside ours: each really installed and run, before ours,
//! after ours, and once more.

#[path = "../support/mod.rs"]
mod support;

#[path = "../hook/watch.rs"]
#[allow(dead_code, reason = "this program needs a part of it")]
mod watch;

mod config_hook;
mod git_lfs;
mod helpers;
mod husky;
mod lefthook;
mod pre_commit;
mod pre_push;
