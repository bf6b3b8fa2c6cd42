//! Whether Jenkins accepts what was entered, and an API token in place of a password.

use std::thread;

use url::Url;

use super::refused;
use crate::cli::Exit;
use crate::jenkins::{Client, Explanation, Identity, Made, SECOND_LOOK, is_api_token};
use crate::secret::Login;
use crate::text::harmless;
use crate::ui::Printer;

/// What may be kept.
pub(super) enum Verified {
    /// What was entered.
    Entered(Login),
    /// An API token that was made of it.
    Made(Made),
}

impl Verified {
    pub(super) fn login(&self) -> &Login {
        match self {
            Self::Entered(login) => login,
            Self::Made(made) => &made.login,
        }
    }

    /// What it is, for people.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Entered(_) => "an API token",
            Self::Made(_) => "a new API token",
        }
    }
}

/// The error is the exit code, after all was said.
pub(super) fn verify(
    printer: &Printer,
    (client, url): (&Client, &Url),
    entered: Login,
    name: &str,
) -> anyhow::Result<Result<Verified, Exit>> {
    let mut identity = client.identify(&entered);
    if matches!(identity, Identity::Password(_)) && is_api_token(&entered) {
        // While Jenkins starts it asks those for a crumb too (contract, observed 4).
        thread::sleep(SECOND_LOOK);
        identity = client.identify(&entered);
    }
    let (user, question) = match identity {
        Identity::Refused(why) if why.is_about_credentials() => {
            return Ok(Err(refused(
                printer,
                not_accepted(url, &entered.user, why.reason),
            )));
        }
        Identity::Refused(why) => return Ok(Err(refused(printer, why))),
        Identity::ApiToken(user) => return Ok(Ok(Verified::Entered(named(entered, &user)))),
        Identity::Unclear(user) if is_api_token(&entered) => {
            return Ok(Ok(Verified::Entered(named(entered, &user))));
        }
        Identity::Password(user) => {
            let question =
                "That is a password. Make an API token with it, keep that, and forget the password?";
            (user, question)
        }
        Identity::Unclear(user) => {
            let question = "This server does not tell whether that is an API token or a password. Make an API token \
                            with it, keep that, and forget what you entered?";
            (user, question)
        }
    };
    if printer.can_ask() && !printer.confirm_unless_no(question)? {
        printer.note("nothing was kept");
        return Ok(Err(Exit::Act));
    }
    let made = match client.make_token(&entered, &user, name) {
        Ok(made) => made,
        Err(why) => return Ok(Err(refused(printer, why))),
    };
    // The password is not needed any more, and wiped.
    drop(entered);
    match client.identify(&made.login) {
        Identity::ApiToken(_) | Identity::Unclear(_) => {
            printer.note(&format!("made the API token \"{name}\" of user {user}"));
            Ok(Ok(Verified::Made(made)))
        }
        Identity::Password(_) => {
            take_back(printer, client, &made);
            let message = "Jenkins made an API token and does not take it for one; nothing was kept";
            printer.error(message, Some("try again in a minute: it may be starting"));
            Ok(Err(Exit::Refused))
        }
        Identity::Refused(why) => {
            take_back(printer, client, &made);
            Ok(Err(refused(printer, why)))
        }
    }
}

/// What is said of what may be a password as well, and is not kept anywhere yet.
fn not_accepted(url: &Url, user: &str, reason: &'static str) -> Explanation {
    Explanation {
        reason,
        meaning: format!(
            "Jenkins at {} does not accept that API token or password of user {}",
            url.host_str().unwrap_or_default(),
            harmless(user)
        ),
        advice: format!(
            "it may be mistyped, revoked or expired, and the user id is not the e-mail address or full name; with a \
             single sign-on Jenkins takes API tokens only: make one at {url}me/security/"
        ),
    }
}

/// An API token that was made and that nobody has.
pub(super) fn take_back(printer: &Printer, client: &Client, made: &Made) {
    if !client.revoke_token(made) {
        printer.warning("an API token was made that could not be kept; take it back on Jenkins' page");
    }
}

/// With the user id as Jenkins writes it: it takes any letter case (contract, s1-26), and helpers do
/// not.
fn named(login: Login, user: &str) -> Login {
    if login.user.to_lowercase() == user.to_lowercase() {
        Login::new(user.to_owned(), login.token)
    } else {
        login
    }
}
