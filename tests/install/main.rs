//! Installing and taking out, whatever happens meanwhile: a kill at any moment, other programs at
//! the same hooks, a file system that refuses.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod killed;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod sequences;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "../support/traced.rs"]
mod traced;
mod tree;
