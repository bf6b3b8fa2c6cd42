//! What a login changes: what answers before it, and what waited for it.

use std::collections::BTreeSet;

use url::Url;

use crate::cli::chosen::Chosen;
use crate::credentials::Keyring;
use crate::deliver::{self, Start};
use crate::secret::Login;
use crate::spool::{Spool, Trigger};
use crate::ui::Printer;

/// The name of the journal for a failure that a login puts right.
const CREDENTIALS: &str = "credentials";

/// Says that something goes before what was kept, and is not the same.
pub(super) fn warn_of_others(printer: &Printer, url: &Url, kept: &Login) {
    match Keyring::default().login(url) {
        Ok(found) if found.value.user != kept.user || found.value.token.expose() != kept.token.expose() => {
            printer.warning(&format!(
                "{} goes first, and has other credentials: take it away for what was kept to count",
                found.source
            ));
        }
        Ok(_) => {}
        Err(error) => printer.warning(&error.to_string()),
    }
}

/// Starts sending what waited here for it, and says what failed for want of it.
pub(super) fn release(printer: &Printer, chosen: &Chosen, url: &Url) -> anyhow::Result<()> {
    let Some(repository) = &chosen.repository else {
        return Ok(());
    };
    let spool = Spool::of(repository.common_dir());
    let of_server = |trigger: &&Trigger| trigger.server == url.as_str();
    let failed = spool.failed()?.triggers;
    let mut failed: BTreeSet<&str> = failed
        .iter()
        .filter(of_server)
        .map(|trigger| trigger.id.as_str())
        .collect();
    if !failed.is_empty() {
        let mut for_want_of_it = 0;
        for entry in spool
            .journal()
            .newest_first()?
            .filter(|entry| entry.outcome.is_of_delivery())
        {
            let is_it = entry.reason.as_deref() == Some(CREDENTIALS);
            for id in entry.ids() {
                for_want_of_it += usize::from(failed.remove(id) && is_it);
            }
            if failed.is_empty() {
                break;
            }
        }
        if for_want_of_it > 0 {
            printer.note(&format!(
                "{for_want_of_it} that failed for want of it can be sent again: jenkins-trigger retry"
            ));
        }
    }
    if !chosen.trusted()?.has_server(url.as_str()) {
        return Ok(());
    }
    let waiting = spool.waiting()?.triggers;
    let freed = waiting
        .iter()
        .filter(of_server)
        .filter(|trigger| trigger.hold.is_none())
        .count();
    if freed > 0 {
        deliver::start(repository.common_dir(), Start::Eager)?;
        printer.note(&format!(
            "{freed} that waited are being sent; see: jenkins-trigger log"
        ));
    }
    Ok(())
}
