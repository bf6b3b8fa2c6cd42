//! A branch whose multibranch project has no job for it yet: Jenkins is asked to look for new
//! branches, and the trigger waits until it has (contract, rows 47 and 49).

use jiff::{SignedDuration, Timestamp};

use super::state::State;
use crate::jenkins::{Client, Scanned};
use crate::secret::Login;
use crate::spool::{Scan, Trigger};

/// How often a project is asked at most: a scan of a large one takes its time.
const PAUSE: SignedDuration = SignedDuration::from_mins(2);
/// For so long the first scan may take before the branch counts as one that Jenkins will not build.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// While the scan is young it is looked again so soon.
pub(super) const SOON: SignedDuration = SignedDuration::from_secs(2);
/// For so long it is young.
const YOUNG: SignedDuration = SignedDuration::from_mins(1);

/// When to look again for the job of a branch, if that is sooner than after other failures.
pub(super) fn next_look(trigger: &Trigger, now: Timestamp) -> Option<Timestamp> {
    let age = now.duration_since(trigger.scan?.first);
    (age < YOUNG).then(|| now.saturating_add(SOON).unwrap_or(now))
}

/// Has the project of this branch looked through, if that was not done just now.
pub(super) fn scan(client: &Client, trigger: &mut Trigger, login: &Login) -> State {
    let Some((project, _)) = trigger.job.rsplit_once('/') else {
        return State::Refused(format!("{} is in no multibranch project", trigger.job).into());
    };
    let branch = trigger.reference();
    let now = Timestamp::now();
    let asked = trigger.scan.filter(|scan| {
        let age = now.duration_since(scan.last);
        !age.is_negative() && age < PAUSE
    });
    let scan = if let Some(scan) = asked {
        scan
    } else {
        let refused = match client.scan(project, login) {
            Scanned::Asked => None,
            Scanned::MayNot(status) => Some(status),
            Scanned::Away(why) => return State::Waiting(why.into()),
            Scanned::Impossible(why) => return State::Refused(why.into()),
        };
        Scan {
            first: trigger.scan.map_or(now, |scan| scan.first),
            last: now,
            refused,
        }
    };
    trigger.scan = Some(scan);
    if now.duration_since(scan.first) >= PATIENCE {
        return State::Refused(client.not_indexed(project, &branch).into());
    }
    let why = match scan.refused {
        None => client.is_scanning(project, &branch),
        Some(status) => client.may_not_scan(project, &branch, &login.user, status),
    };
    State::Waiting(why.into())
}
