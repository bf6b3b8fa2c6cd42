//! Pushes that are not decided yet: what git left behind, and what the remote says, make triggers
//! of them or not.

mod plan;
mod settle;
mod tell;
mod waiter;

use jiff::{SignedDuration, Timestamp};

use crate::platform;
use crate::spool::{ProcessId, Push};

pub(super) use plan::{Planned, Planner};
pub(super) use tell::{ask_again, not_known, tend, under_way};
pub(super) use waiter::{COMMAND, run, wait_for};

/// What is remembered of having been said once: that a review is no branch.
pub(super) const REVIEW: &str = "review";

/// Why nothing is triggered for a review.
pub(super) const NO_BRANCH: &str =
    "what is pushed to refs/for/ goes to a review and is no branch yet, so nothing is triggered for it";

/// How long it is tried to find out what a remote took.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// So long a remote that gave no answer is not asked again by a hook.
const ASK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Stands for whoever pushes where that is no git: some clients run git's hooks and push themselves.
pub(super) const NOBODY: ProcessId = ProcessId { pid: 0, started: 0 };

/// Whether git, and who watches it, are gone.
pub(super) fn has_ended(push: &Push) -> bool {
    let watched = push.watched_by.is_some_and(runs);
    !watched && !runs(push.git)
}

fn runs(process: ProcessId) -> bool {
    platform::runs(process.pid, process.started)
}

fn is_too_old(push: &Push) -> bool {
    Timestamp::now().duration_since(push.created) > GIVE_UP_AFTER
}

fn asked_lately(push: &Push) -> bool {
    // After the clock was set back, the next to look asks.
    let age = push.asked.map(|asked| Timestamp::now().duration_since(asked));
    age.is_some_and(|age| !age.is_negative() && age < ASK_EVERY)
}
