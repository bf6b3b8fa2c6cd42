//! A git hook that triggers the mapped Jenkins job with the branch passed as a parameter.
//!
//! Each room has one job, and the data flows one way: [`event`] → [`config`] → [`plan`] →
//! [`spool`] → [`deliver`] → [`jenkins`]. [`cli`] is the only room that knows them all and that
//! talks to people, through [`ui`]. [`platform`], [`environment`], [`secret`] and [`text`] are the
//! ground that every room stands on; they know none of them.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod config;
pub mod credentials;
pub mod deliver;
pub mod environment;
pub mod event;
pub mod git;
pub mod install;
pub mod jenkins;
pub mod plan;
pub mod platform;
pub mod secret;
pub mod spool;
pub mod text;
pub mod ui;
