//! `untrust`: takes back what a repository may reach and fire.

use clap::Args;
use url::Url;

use super::{Exit, Refusal, Session, trust};
use crate::credentials::trust::{Taken, Trust};
use crate::ui::Printer;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this server, with its jobs [default: all that is allowed here]
    #[arg(value_name = "SERVER", value_parser = server)]
    server: Option<Url>,

    /// In every repository, and you are asked about it again before it is trusted anywhere
    #[arg(long, requires = "server")]
    everywhere: bool,
}

/// A server's address as a file's is kept: with one `/` at its end.
fn server(argument: &str) -> Result<Url, String> {
    let mut url = Url::parse(argument).map_err(|error| format!("it is no address: {error}"))?;
    if !url.has_host() || !matches!(url.scheme(), "http" | "https") {
        return Err("write it as https://ci.example.com".into());
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let record = Trust::of_user().map_err(Refusal::from)?;
    if let (true, Some(server)) = (arguments.everywhere, &arguments.server) {
        return everywhere(printer, &record, server);
    }
    let repository = session.repository()?;
    let server = arguments.server.as_ref().map(Url::as_str);
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
