//! spool → Jenkins: who sends, in which order, and what an answer makes of a trigger.

mod detached;
mod foreground;
mod sender;

pub use detached::{COMMAND, Start, run, start};
pub use foreground::Foreground;
pub use sender::{lacks, order_of, parameters_of, untrusted};
