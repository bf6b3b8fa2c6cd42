//! Where credentials are kept, so that no older copy answers before them.

use clap::ValueEnum;
use url::Url;

use super::refusal;
use crate::cli::Refusal;
use crate::credentials::helper::{self, Wanted};
use crate::credentials::store::Store;
use crate::credentials::{self, Source};
use crate::secret::Login;
use crate::ui::Printer;

/// Where they are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeepIn {
    /// The own file, which only its user can read
    File,
    /// git's credential helpers
    Git,
}

/// The one who keeps something for a server.
pub(super) struct Keeper<'a> {
    url: &'a Url,
    wanted: Wanted,
    store: Store,
    keep_in: KeepIn,
    /// Whether the user chose the place himself.
    by_hand: bool,
}

impl<'a> Keeper<'a> {
    /// Refuses, before anybody is asked for a secret, a place that cannot be used.
    pub(super) fn of(url: &'a Url, wanted: Wanted, chosen: Option<KeepIn>) -> Result<Self, Refusal> {
        let store = Store::of_user().map_err(|error| refusal(&error))?;
        // Also for what git keeps: a store that is refused is in the way of all that comes after it.
        store.read().map_err(|error| refusal(&error))?;
        if chosen == Some(KeepIn::Git) && !helper::may_be_configured(url) {
            return Err(Refusal::new(
                "git has no credential helper that could keep it",
                "configure one: git config --global credential.helper libsecret; or: --keep-in file",
            ));
        }
        let by_itself = || {
            if helper::encrypts(url) {
                KeepIn::Git
            } else {
                KeepIn::File
            }
        };
        Ok(Self {
            url,
            wanted,
            store,
            keep_in: chosen.unwrap_or_else(by_itself),
            by_hand: chosen.is_some(),
        })
    }

    /// Keeps it, and erases what is older; where it is now, for people.
    pub(super) fn keep(&self, printer: &Printer, login: &Login) -> anyhow::Result<String> {
        if self.keep_in == KeepIn::Git {
            match self.give_to_git(login) {
                Ok(()) => {
                    if let Err(error) = self.erase_from_store() {
                        printer.warning(&format!("an older copy may be left: {error}"));
                    }
                    return Ok(Source::Helper.to_string());
                }
                Err(why) if self.by_hand => return Err(why.into()),
                Err(why) => printer.warning(&format!("{}; it is kept in a file instead", why.message)),
            }
        }
        let kept = match &self.wanted {
            Wanted::User => self.store.keep_login(self.url, login),
            Wanted::JobToken(name) => self.store.keep_job_token(self.url, name, &login.token),
        };
        kept.map_err(|error| refusal(&error))?;
        if let Err(error) = self.erase_from_git() {
            printer.warning(&format!(
                "an older copy may be left with git's credential helpers: {error}"
            ));
        }
        Ok(Source::Store(self.store.path().to_owned()).to_string())
    }

    fn give_to_git(&self, login: &Login) -> Result<(), Refusal> {
        let older = helper::fill_own(self.url, &self.wanted).map_err(|error| refusal(&error))?;
        if let Some(older) = older.as_ref().filter(|older| older.user != login.user) {
            // Helpers keep one for each user, and say which they like.
            let _ = helper::reject(self.url, &self.wanted, older);
        }
        let why = match helper::approve(self.url, &self.wanted, login) {
            Ok(true) => return Ok(()),
            Ok(false) => Refusal::new(
                "git's credential helper did not keep it",
                "see what git says: git credential approve; or: --keep-in file",
            ),
            Err(error) => refusal(&error),
        };
        let _ = helper::reject(self.url, &self.wanted, login);
        if let Some(older) = older {
            let _ = helper::approve(self.url, &self.wanted, &older);
        }
        Err(why)
    }

    fn erase_from_store(&self) -> Result<bool, credentials::Error> {
        match &self.wanted {
            Wanted::User => self.store.erase_login(self.url),
            Wanted::JobToken(name) => self.store.erase_job_token(self.url, name),
        }
    }

    fn erase_from_git(&self) -> Result<(), credentials::Error> {
        if helper::may_be_configured(self.url) {
            erase_from_git(self.url, &self.wanted)?;
        }
        Ok(())
    }
}

/// So many users one server has at most with git's helpers.
const MOST_USERS: usize = 20;

/// Erases what was given to git's helpers for a server, whoever's it is; whether there was something,
/// and whether all of it is gone.
pub(in crate::cli) fn erase_from_git(url: &Url, wanted: &Wanted) -> Result<(bool, bool), credentials::Error> {
    for round in 0..MOST_USERS {
        let Some(found) = helper::fill_own(url, wanted)? else {
            return Ok((round > 0, true));
        };
        if !helper::reject(url, wanted, &found)? {
            return Ok((true, false));
        }
    }
    Ok((true, false))
}
