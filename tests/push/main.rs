//! What a push sets off: whatever the remote took, and nothing else. The truth is what the remote
//! itself wrote down.

#[path = "../support/mod.rs"]
mod support;

mod http;
mod scene;
mod server;
mod ssh;

mod addresses;
mod bad_input;
mod chained;
mod every_way;
mod formats;
mod held;
mod killed;
mod layouts;
mod random;
mod tracking;
mod trusted_jobs;
mod undecided;
