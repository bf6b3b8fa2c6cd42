//! spool → Jenkins: who sends, in which order, and what an answer makes of a trigger.

mod detached;
mod foreground;
mod sender;

pub use detached::{COMMAND, run, start};
pub use foreground::send_now;
pub use sender::untrusted;
