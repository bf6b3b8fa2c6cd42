//! `login`: keeps credentials for a server, after Jenkins has accepted them.

mod after;
mod enter;
mod job_token;
mod keep;
mod verify;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use url::Url;

use super::chosen::Chosen;
use super::{Exit, Refusal, Session, servers};
use crate::credentials::helper::Wanted;
use crate::credentials::trust::Trust;
use crate::credentials::{self, check_transport};
use crate::jenkins::{self, Client, Explanation, Reached};
use crate::ui::{NoAnswer, Printer};
pub(super) use keep::erase_from_git;
use keep::{KeepIn, Keeper};
use verify::Verified;

#[derive(Debug, Args)]
#[command(after_help = "\
Asks for your user id and for an API token, which is made at <server>/me/security/, without showing it. Of a password
an API token is made, and the password is forgotten. Without a terminal a line is read from standard input: the token,
if --user is given, else user:token. Nothing is kept that Jenkins does not accept.

Kept by git's credential helper, if one is configured that encrypts; else in ~/.config/jenkins-trigger/credentials,
which only you can read.

Exit codes: 0 kept, 1 you must act, 3 Jenkins refused; nothing is kept then.")]
pub(super) struct Arguments {
    /// The server's URL, or its name in the file; without it, the file's only one
    #[arg(value_name = "SERVER")]
    server: Option<String>,

    /// Your user id there
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,

    /// Keep them in the own file, or with git's credential helpers
    #[arg(long, value_enum, value_name = "PLACE")]
    keep_in: Option<KeepIn>,

    /// What the API token is called that is made of a password
    #[arg(long, value_name = "TOKEN-NAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,

    /// Keep a job's trigger token instead, under the name that `token_from` has
    #[arg(long, value_name = "NAME", conflicts_with_all = ["user", "name"])]
    job_token: Option<String>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let done = match &arguments.job_token {
        Some(name) => job_token::run(session, arguments, name),
        None => login(session, arguments),
    };
    done.or_else(|error| match error.downcast_ref::<NoAnswer>() {
        Some(NoAnswer::Interrupted) => Ok(Exit::Interrupted),
        Some(answer) => Err(Refusal::plain(format!("{answer}, so nothing was kept")).into()),
        None => Err(error),
    })
}

fn login(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let chosen = Chosen::of(session, arguments.server.as_deref())?;
    let url = chosen.only("login")?;
    let keeper = Keeper::of(url, Wanted::User, arguments.keep_in)?;
    if !may_be_sent_secrets(printer, url)? {
        return Ok(Exit::Act);
    }
    let client = chosen.client(url)?;
    reach(&client)?;
    let login = enter::login(printer, url, arguments.user.as_deref())?;
    let name = arguments.name.clone().unwrap_or_else(token_name);
    let verified = match verify::verify(printer, (&client, url), login, &name)? {
        Ok(verified) => verified,
        Err(exit) => return Ok(exit),
    };
    let place = match keeper.keep(printer, verified.login()) {
        Ok(place) => place,
        Err(error) => {
            if let Verified::Made(made) = &verified {
                verify::take_back(printer, &client, made);
            }
            return Err(error);
        }
    };
    accept(printer, url)?;
    let (user, what) = (&verified.login().user, verified.what());
    printer.result(&format!("logged in to {url} as {user}: {what}, kept in {place}"));
    after::warn_of_others(printer, url, verified.login());
    after::release(printer, &chosen, url, jenkins::needs_login);
    Ok(Exit::Done)
}

/// What an API token is called on Jenkins' page, so that its user knows which to take back.
fn token_name() -> String {
    let host = crate::platform::hostname();
    format!("jenkins-trigger on {}", String::from_utf8_lossy(&host))
}

/// Asks, where that is not settled yet, whether the user's secrets may go to the server at all.
fn may_be_sent_secrets(printer: &Printer, url: &Url) -> anyhow::Result<bool> {
    let check = || check_transport(url, jenkins::is_loopback(url));
    if let Err(refused) = check() {
        if !printer.can_ask() {
            return Err(refusal(&refused).into());
        }
        servers::ask_about_plain_http(printer, url)?;
        if check().is_err() {
            return Ok(false);
        }
    }
    let trust = Trust::of_user().map_err(Refusal::from)?;
    if !printer.can_ask() || trust.accepts(url).map_err(Refusal::from)? {
        return Ok(true);
    }
    let agreed = printer.confirm(&format!("Trust {url} with your credentials?"));
    if agreed != Some(true) {
        printer.result(&format!("not trusted: nothing is sent to {url}"));
        return Ok(false);
    }
    trust.accept(url).map_err(Refusal::from)?;
    Ok(true)
}

/// Records that this user trusts the server, and says so where he was not asked.
fn accept(printer: &Printer, url: &Url) -> anyhow::Result<()> {
    let trust = Trust::of_user().map_err(Refusal::from)?;
    if !trust.accepts(url).map_err(Refusal::from)? {
        trust.accept(url).map_err(Refusal::from)?;
        printer.note(&format!("trusted: {url} may be sent your credentials"));
    }
    Ok(())
}

/// Whether a Jenkins is there, before anybody types a password for it or sends one.
pub(super) fn reach(client: &Client) -> Result<(), Refusal> {
    match client.reach() {
        Reached::Jenkins(_) => Ok(()),
        Reached::Other(why) | Reached::Nobody(why) => {
            let why = why.of_question();
            Err(Refusal::new(why.meaning, why.advice))
        }
    }
}

/// What Jenkins refused, and that nothing came of it.
fn refused(printer: &Printer, why: Explanation) -> Exit {
    let why = why.of_question();
    printer.error(&format!("{}; nothing was kept", why.meaning), Some(&why.advice));
    Exit::Refused
}

/// The message with the line that puts it right.
pub(super) fn refusal(error: &credentials::Error) -> Refusal {
    let message = error.to_string();
    match message.split_once("; ") {
        Some((meaning, help)) => Refusal::new(meaning, help),
        None => Refusal::plain(message),
    }
}
