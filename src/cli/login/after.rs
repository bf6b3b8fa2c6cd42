//! What a login changes: what answers before it, and what waited for it.

use std::collections::BTreeSet;

use url::Url;

use crate::cli::chosen::Chosen;
use crate::cli::consent::Consent;
use crate::credentials::Keyring;
use crate::deliver::{self, Start};
use crate::git::Repository;
use crate::secret::Login;
use crate::spool::{self, Spool, Trigger};
use crate::ui::Printer;

/// Says that something goes before what was kept, and is not the same.
pub(super) fn warn_of_others(printer: &Printer, url: &Url, kept: &Login) {
    match Keyring::default().login(url) {
        Ok(found) if found.value.user != kept.user || !found.value.token.is(&kept.token) => {
            printer.warning(&format!(
                "{} goes first, and has other credentials: take it away for what was kept to count",
                found.source
            ));
        }
        Ok(_) => {}
        Err(error) => printer.warning(&error.to_string()),
    }
}

/// Starts sending what waited here for it, and says what failed for want of it; `is_it` tells whether a
/// kind of failure is of that. What was kept stays kept, whatever comes of this.
pub(super) fn release(printer: &Printer, chosen: &Chosen, url: &Url, is_it: fn(&str) -> bool) {
    if let Some(repository) = &chosen.repository
        && let Err(error) = release_in(printer, repository, url, is_it)
    {
        printer.warning(&format!("what waits here could not be looked at: {error:#}"));
    }
}

fn release_in(
    printer: &Printer,
    repository: &Repository,
    url: &Url,
    is_it: fn(&str) -> bool,
) -> anyhow::Result<()> {
    let spool = Spool::of(repository.common_dir());
    let failed = failed_for_want_of_it(&spool, url, is_it)?;
    if failed > 0 {
        printer.note(&format!(
            "{failed} that failed for want of it can be sent again: jenkins-trigger retry"
        ));
    }
    let consent = Consent::of(repository);
    let freed = |trigger: &&Trigger| {
        trigger.server == url.as_str() && trigger.hold.is_none() && consent.trouble(trigger).is_none()
    };
    let freed = spool.waiting()?.triggers.iter().filter(freed).count();
    if freed > 0 {
        deliver::start(repository.common_dir(), Start::Eager)?;
        printer.note(&format!(
            "{freed} that waited are being sent; see: jenkins-trigger log"
        ));
    }
    Ok(())
}

/// How many failed triggers have a failure of that kind as their last one.
fn failed_for_want_of_it(spool: &Spool, url: &Url, is_it: fn(&str) -> bool) -> spool::Result<usize> {
    let failed = spool.failed()?.triggers.into_iter();
    let of_server = failed.filter(|trigger| trigger.server == url.as_str());
    let mut left: BTreeSet<String> = of_server.map(|trigger| trigger.id).collect();
    let mut count = 0;
    if left.is_empty() {
        return Ok(count);
    }
    for entry in spool.journal().newest_first()? {
        if !entry.outcome.is_of_delivery() {
            continue;
        }
        let is_one = entry.reason.as_deref().is_some_and(is_it);
        count += entry.ids().filter(|id| left.remove(*id) && is_one).count();
        if left.is_empty() {
            break;
        }
    }
    Ok(count)
}
