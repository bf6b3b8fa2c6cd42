//! What becomes of a trigger between the spool and Jenkins.

#[path = "../support/mod.rs"]
mod support;

mod accepted;
mod bad_server;
mod explained;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod failing_calls;
mod identical;
mod kept;
mod look;
mod look_up;
mod methods;
mod multibranch;
mod order;
mod password;
mod poll;
mod proxy;
#[path = "../support/proxy.rs"]
mod proxy_server;
mod refused;
mod replaced;
mod requests;
mod scene;
mod secrets;
mod servers;
mod service;
mod spool_places;
mod starting;
mod storm;
mod tls;
#[path = "../support/tls.rs"]
mod tls_server;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[path = "../support/traced.rs"]
mod traced;
mod unknown;
mod worktrees;
