//! A branch whose multibranch project has no job for it yet: Jenkins is asked to look for new
//! branches, and the trigger waits until it has (contract, rows 47 and 49).

use std::collections::BTreeMap;

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
    // Each look of many branches is a request, and with a password a login.
    let wait = SOON.max(age / 4);
    (!age.is_negative() && age < YOUNG).then(|| now.saturating_add(wait).unwrap_or(now))
}

/// Has the project of this branch looked through, if that was not done just now. `scans` are those
/// that were asked for on behalf of other branches, by project.
pub(super) fn scan(
    client: &Client,
    scans: &mut BTreeMap<String, Scan>,
    trigger: &mut Trigger,
    login: &Login,
) -> State {
    let Some((project, _)) = trigger.job.rsplit_once('/') else {
        return State::Refused(format!("{} is in no multibranch project", trigger.job).into());
    };
    let branch = trigger.reference();
    let now = Timestamp::now();
    let before = trigger.scan.filter(|scan| goes_on(scan, now));
    let first = before.map_or(now, |scan| scan.first);
    if now.duration_since(first) >= PATIENCE {
        return State::Refused(client.not_indexed(project, &branch).into());
    }
    // What was there when another's began is found by it too.
    let others = scans.get(project).filter(|scan| scan.last >= trigger.created);
    let asked = [before.as_ref(), others].into_iter().flatten();
    let asked = asked.copied().find(|scan| now.duration_since(scan.last) < PAUSE);
    let scan = if let Some(scan) = asked {
        Scan { first, ..scan }
    } else {
        let refused = match client.scan(project, login) {
            Scanned::Asked => None,
            Scanned::MayNot(status) => Some(status),
            Scanned::Away(why) => return State::Waiting(why.into()),
            Scanned::Impossible(why) => return State::Refused(why.into()),
        };
        let scan = Scan {
            first,
            last: now,
            refused,
        };
        scans.insert(project.to_owned(), scan);
        scan
    };
    trigger.scan = Some(scan);
    let why = match scan.refused {
        None => client.is_scanning(project, &branch),
        Some(status) => client.may_not_scan(project, &branch, &login.user, status),
    };
    State::Waiting(why.into())
}

/// Whether a search is still the same one: not if nobody could ask for so long that Jenkins may have
/// been away all the time, nor if the clock was set back since.
fn goes_on(scan: &Scan, now: Timestamp) -> bool {
    scan.first <= now && scan.last <= now && now.duration_since(scan.last) < PATIENCE
}
