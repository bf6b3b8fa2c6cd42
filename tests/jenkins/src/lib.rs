//! A stand-in Jenkins: an HTTP server in this process that answers as a recorded Jenkins 2.528.2 did.
//!
//! It keeps users and their permissions, jobs with parameters and trigger tokens, folders, crumbs and sessions, the
//! queue with its quiet period and merging, executors, and build-token-root. Its rules come from recorded exchanges,
//! which the crate's own test program replays against it; where a rule is unknown it refuses rather than obliges.
//!
//! ```
//! use jenkins_stand_in::{Job, Permission, Setup, StandIn, User};
//!
//! let jenkins = StandIn::start(
//!     Setup::new()
//!         .context_path("/jenkins")
//!         .user(User::new("dev", "API-TOKEN").grant([Permission::OverallRead, Permission::JobRead, Permission::JobBuild]))
//!         .job(Job::new("shop/deploy").string_parameter("BRANCH", "main").trigger_token("JOB-TOKEN")),
//! );
//! assert!(jenkins.url().ends_with("/jenkins"));
//! assert!(jenkins.requests().is_empty());
//! ```

mod auth;
mod clock;
mod config_xml;
mod export;
mod faults;
mod http;
mod jobs;
mod multibranch;
mod pages;
mod parameters;
mod queue;
mod recorded;
mod routes;
mod server;
mod setup;
mod start_up;
mod world;

pub use auth::{Permission, User};
pub use clock::Clock;
pub use faults::{Fault, FaultAction};
pub use http::Answer;
pub use jobs::{BuildResult, Job, Kind, Parameter};
pub use queue::{Cause, ItemState, ParameterValue};
pub use recorded::{BuildView, ItemView, RecordedRequest, StateView, Taken};
pub use server::StandIn;
pub use setup::{Authorization, Setup};
pub use start_up::StartUp;
