//! `untrust`: takes back what a repository may reach and fire.

use clap::Args;
use url::Url;

use super::chosen::Chosen;
use super::{Exit, Refusal, Session, trust};
use crate::credentials::trust::{Taken, Trust};
use crate::ui::Printer;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this server, by its URL or its name in the file, with its jobs [default: all that is allowed here]
    #[arg(value_name = "SERVER")]
    server: Option<String>,

    /// In every repository, and you are asked about it again before it is trusted anywhere
    #[arg(long, requires = "server")]
    everywhere: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let record = Trust::of_user().map_err(Refusal::from)?;
    let given = arguments.server.as_deref();
    let chosen = given.map(|given| Chosen::of(session, Some(given))).transpose()?;
    let server = chosen.as_ref().map(|chosen| chosen.only("untrust")).transpose()?;
    if let (true, Some(server)) = (arguments.everywhere, server) {
        return everywhere(printer, &record, server);
    }
    let repository = session.repository()?;
    let server = server.map(Url::as_str);
    let taken = record
        .take_back(repository.common_dir(), server)
        .map_err(Refusal::from)?;
    if taken.is_empty() {
        let what = server.map_or_else(
            || "nothing is allowed in this repository".to_owned(),
            |server| format!("{server} is not allowed in this repository"),
        );
        return Err(Refusal::new(what, "what is allowed: jenkins-trigger trust --list").into());
    }
    say(printer, &taken);
    Ok(Exit::Done)
}

fn say(printer: &Printer, taken: &Taken) {
    for server in &taken.servers {
        printer.result(&format!(
            "taken back: {server} is not sent your credentials from here any more"
        ));
    }
    for line in trust::lines(&taken.accepted) {
        printer.result(&format!("taken back: {line}"));
    }
}

fn everywhere(printer: &Printer, record: &Trust, server: &Url) -> anyhow::Result<Exit> {
    let places = record
        .take_back_everywhere(server.as_str())
        .map_err(Refusal::from)?;
    let Some(places) = places else {
        return Err(Refusal::plain(format!("you have allowed {server} nowhere")).into());
    };
    printer.result(&format!(
        "taken back: {server} is not sent your credentials from anywhere any more"
    ));
    for place in places {
        printer.note(&format!("that was allowed in {place}"));
    }
    Ok(Exit::Done)
}
