//! `whoami`: which credentials there are for a server, and who Jenkins says they are.

use clap::Args;
use serde::Serialize;
use url::Url;

use super::chosen::Chosen;
use super::login::reach;
use super::{Exit, Refusal, Session};
use crate::credentials::Keyring;
use crate::deliver::NoClient;
use crate::jenkins::Identity;
use crate::ui::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 Jenkins accepts them, 1 there are none, no Jenkins answers, or you must act, 3
Jenkins refused.")]
pub(super) struct Arguments {
    /// The server's URL, or its name in the file; without it, each of the file's
    #[arg(value_name = "SERVER")]
    server: Option<String>,

    /// Print one JSON object per server
    #[arg(long)]
    json: bool,
}

/// What is found out about one server.
#[derive(Serialize)]
struct Answer<'a> {
    server: &'a str,
    /// Where the credentials are.
    source: Option<String>,
    /// By Jenkins' own word, where there is one.
    user: Option<String>,
    /// `api-token`, `password` or `unknown`.
    kind: Option<&'static str>,
    /// Why they are not accepted, or were not sent.
    error: Option<String>,
    help: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let chosen = Chosen::of(session, arguments.server.as_deref())?;
    let mut worst = Exit::Done;
    for url in &chosen.urls {
        let answer = ask(&chosen, url);
        worst = worst.worse(answer.exit);
        if arguments.json {
            session.printer.json(&answer);
        } else {
            print(&session.printer, &answer);
        }
    }
    Ok(worst)
}

fn ask<'a>(chosen: &Chosen, url: &'a Url) -> Answer<'a> {
    let mut answer = Answer {
        server: url.as_str(),
        source: None,
        user: None,
        kind: None,
        error: None,
        help: None,
        exit: Exit::Done,
    };
    let identity = match identify(chosen, url, &mut answer) {
        Ok(identity) => identity,
        Err(refusal) => {
            answer.error = Some(refusal.message);
            answer.help = refusal.help;
            answer.exit = Exit::Act;
            return answer;
        }
    };
    let (user, kind) = match identity {
        Identity::ApiToken(user) => (user, "api-token"),
        Identity::Password(user) => (user, "password"),
        Identity::Unclear(user) => (user, "unknown"),
        Identity::Refused(why) => {
            answer.error = Some(why.meaning);
            answer.help = Some(why.advice);
            answer.exit = Exit::Refused;
            return answer;
        }
    };
    answer.user = Some(user);
    answer.kind = Some(kind);
    answer
}

fn identify(chosen: &Chosen, url: &Url, answer: &mut Answer<'_>) -> Result<Identity, Refusal> {
    if !chosen.by_hand && !chosen.trusted()?.has_server(url.as_str()) {
        return Err(Refusal::new(
            format!("{url} is not trusted in this repository, so nothing was sent to it"),
            "to allow it: jenkins-trigger trust",
        ));
    }
    let found = Keyring::default().login(url).map_err(NoClient::from)?;
    answer.source = Some(found.source.to_string());
    answer.user = Some(found.value.user.clone());
    chosen.check_may_be_sent(url, &found)?;
    let client = chosen.client(url)?;
    reach(&client)?;
    Ok(client.identify(&found.value))
}

fn print(printer: &Printer, answer: &Answer<'_>) {
    let from = answer.source.as_deref().unwrap_or("nowhere");
    match (&answer.user, answer.kind, &answer.error) {
        (Some(user), Some(kind), None) => {
            let kind = match kind {
                "api-token" => "an API token",
                "password" => "a password",
                _ => "an API token or a password (this server does not tell)",
            };
            printer.result(&format!("{}: {user}, {kind} from {from}", answer.server));
        }
        (user, _, error) => {
            if let Some(user) = user {
                printer.note(&format!("{}: {user}, from {from}", answer.server));
            }
            let error = error.as_deref().unwrap_or_default();
            printer.error(error, answer.help.as_deref());
        }
    }
}
