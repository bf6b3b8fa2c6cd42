//! What the user types, or what comes from a pipe. Never from an argument, which others can read.

use std::io::{self, IsTerminal as _};

use url::Url;
use zeroize::Zeroizing;

use crate::cli::Refusal;
use crate::credentials::Keyring;
use crate::jenkins::is_api_token;
use crate::secret::{Login, Secret};
use crate::ui::{self, NoAnswer, Printer};

/// A user with what is to prove it.
pub(super) fn login(printer: &Printer, url: &Url, user: Option<&str>) -> anyhow::Result<Login> {
    if !printer.can_ask() {
        return piped(url, user);
    }
    printer.note(&format!(
        "An API token is made at {url}me/security/ (Add new Token); a password will do: one is made with it."
    ));
    let user = match user {
        Some(user) => user.to_owned(),
        None => ask_for_user(printer, url)?,
    };
    check_user(&user)?;
    let token = printer.ask_secret(&format!("API token or password of {user}:"))?;
    Ok(without_blanks(Login::new(user, token)))
}

fn ask_for_user(printer: &Printer, url: &Url) -> Result<String, NoAnswer> {
    let known = Keyring::default().login(url).ok().map(|found| found.value.user);
    let Some(known) = known else {
        return printer.ask("User id:");
    };
    match printer.ask(&format!("User id [{known}]:")) {
        Err(NoAnswer::Empty) => Ok(known),
        answer => answer,
    }
}

fn piped(url: &Url, user: Option<&str>) -> anyhow::Result<Login> {
    let line = line_for(&match user {
        Some(user) => format!("jenkins-trigger login {url} --user {user}"),
        None => format!("jenkins-trigger login {url}"),
    })?;
    let login = match (user, line.split_once(':')) {
        (Some(user), _) => Login::new(user.to_owned(), Secret::new(line.to_string())),
        (None, Some((user, token))) => Login::new(user.trim().to_owned(), Secret::new(token.to_owned())),
        (None, None) => {
            return Err(Refusal::new(
                "standard input has no user id in it, so nothing was kept",
                format!("give it as user:token, or by --user: jenkins-trigger login {url} --user ID"),
            )
            .into());
        }
    };
    check_user(&login.user)?;
    if login.token.expose().is_empty() {
        return Err(NoAnswer::Empty.into());
    }
    Ok(without_blanks(login))
}

/// A line of standard input; `command` is how one gives it.
fn line_for(command: &str) -> anyhow::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return Err(Refusal::new(
            "nobody sees the question: standard error is no terminal",
            format!("leave it as it is, or give the token by standard input: {command} < FILE"),
        )
        .into());
    }
    ui::piped_line().map_err(|why| match why {
        NoAnswer::End | NoAnswer::Empty => Refusal::new(
            "there is no terminal to ask on, and standard input is empty, so nothing was kept",
            format!("run it on a terminal, or give the token by standard input: {command} < FILE"),
        )
        .into(),
        other => other.into(),
    })
}

/// A job's trigger token.
pub(super) fn job_token(printer: &Printer, url: &Url, name: &str) -> anyhow::Result<Secret> {
    if printer.can_ask() {
        return Ok(printer.ask_secret(&format!("Trigger token {name}:"))?);
    }
    let line = line_for(&format!("jenkins-trigger login --job-token {name} {url}"))?;
    Ok(Secret::new(line.to_string()))
}

/// A colon ends the user id in every request.
fn check_user(user: &str) -> Result<(), Refusal> {
    if user.is_empty() || user.contains(':') || user.contains(char::is_control) {
        return Err(Refusal::new(
            "that is no user id: it is empty, or has a colon or a control character in it",
            "the user id is not the full name: Jenkins shows it on your page, at the end of its address",
        ));
    }
    Ok(())
}

/// A token that was copied with the blanks around it. Those of a password may be meant.
fn without_blanks(login: Login) -> Login {
    let trimmed = Secret::new(login.token.expose().trim().to_owned());
    let trimmed = Login::new(login.user.clone(), trimmed);
    if is_api_token(&trimmed) { trimmed } else { login }
}
