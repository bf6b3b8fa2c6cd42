//! Those who want the user's secrets, one module for each, and what each of them gets: nothing. Every
//! test ends in a search for canaries in all that the tool wrote, printed, sent and passed on.

#[path = "../support/mod.rs"]
mod support;

mod branch;
mod canary;
#[cfg(target_os = "linux")]
mod children;
mod jenkins;
#[cfg(target_os = "linux")]
mod processes;
mod pushed;
mod scene;
mod store;
#[path = "../support/tls.rs"]
mod tls_server;
mod unpacked;
mod words;
