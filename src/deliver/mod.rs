//! spool → Jenkins: who sends, in which order, and what an answer makes of a trigger.

mod asker;
mod connect;
mod detached;
mod foreground;
mod known;
mod lanes;
mod order;
mod project;
mod sender;
mod state;
mod worker;

use std::time::Duration;

pub use connect::{NoClient, connect, connect_for};
pub use detached::{COMMAND, Lifetime, Start, run, start};
pub use foreground::{Foreground, Sent};
pub use known::known_job;
pub use order::{
    Wish, cause_of, incomplete, is_refusal, lacks, learn, order_of, out_of_bounds, parameters_of, refusal,
    untrusted,
};
pub use sender::{Ask, Stopped};

/// How long whoever has a user waiting waits for a sender that is at work.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often whoever waits looks whether the spool changed or is gone.
const GLANCE: Duration = Duration::from_millis(500);
