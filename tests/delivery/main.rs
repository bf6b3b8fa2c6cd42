//! What becomes of a trigger between the spool and Jenkins.

#[path = "../support/mod.rs"]
mod support;

mod accepted;
mod kept;
mod look;
mod methods;
mod order;
mod refused;
mod scene;
mod secrets;
mod servers;
mod service;
mod starting;
mod storms;
mod storm;
mod unknown;
mod worktrees;
