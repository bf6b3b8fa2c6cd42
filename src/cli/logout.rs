//! `logout`: erases what is kept for a server, wherever it is.

use clap::Args;
use url::Url;

use super::chosen::Chosen;
use super::login::{erase_from_git, refusal};
use super::{Exit, Refusal, Session};
use crate::config;
use crate::credentials::helper::{self, Wanted};
use crate::credentials::store::Store;
use crate::credentials::trust::Trust;
use crate::credentials::{self, Keyring, Source};
use crate::ui::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Erases from the own file and from git's credential helpers; does not ask Jenkins anything. What is in a variable, in a
token file or in netrc is yours to take away, and is named.

Exit codes: 0 erased, 1 there was nothing, or something still answers.")]
pub(super) struct Arguments {
    /// The server's URL, or its name in the file; without it, the file's only one
    #[arg(value_name = "SERVER")]
    server: Option<String>,

    /// Erase the job's trigger token of this name instead
    #[arg(long, value_name = "NAME")]
    job_token: Option<String>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let wanted = match &arguments.job_token {
        Some(name) if !config::is_token_name(name) => {
            return Err(Refusal::plain(
                "--job-token takes the name of a token, as `token_from` has it: letters, digits, `-` and `_`, and \
                 not `file`",
            )
            .into());
        }
        Some(name) => Wanted::JobToken(name.clone()),
        None => Wanted::User,
    };
    let chosen = Chosen::of(session, arguments.server.as_deref())?;
    let command = match &wanted {
        Wanted::User => "logout".to_owned(),
        Wanted::JobToken(name) => format!("logout --job-token {name}"),
    };
    let url = chosen.only(&command)?;
    let accepts = || Trust::of_user().and_then(|trust| trust.accepts(url));
    // A helper may go and look what kind of server that is.
    if !chosen.by_hand
        && helper::may_be_configured(url)
        && !accepts().map_err(Refusal::from)?
        && !chosen.trusted()?.has_server(url.as_str())
    {
        return Err(Refusal::new(
            format!("this file names {url}, which you have not trusted"),
            format!("if you mean it: jenkins-trigger {command} {url}"),
        )
        .into());
    }
    let erased = erase(printer, url, &wanted);
    if wanted == Wanted::User
        && let Ok(trust) = Trust::of_user()
    {
        // What repositories may reach has nothing to do with who the user is there.
        if let Err(error) = trust.forget(url) {
            printer.warning(&error.to_string());
        }
    }
    let left = left(url, &wanted);
    for (source, way) in &left {
        printer.error(&format!("{source} still has something for {url}"), Some(way));
    }
    if erased.places.is_empty() && left.is_empty() && erased.sound {
        return Err(Refusal::plain(match &wanted {
            Wanted::User => format!("no credentials are kept for {url}"),
            Wanted::JobToken(name) => format!("no trigger token {name} is kept for {url}"),
        })
        .into());
    }
    if !erased.places.is_empty() {
        printer.note(&match &wanted {
            Wanted::User => {
                format!("the API token itself stays valid until it is revoked: {url}me/security/")
            }
            Wanted::JobToken(_) => {
                "the token itself stays valid until the job has another: its page, Configure, \
                                    \"Trigger builds remotely\""
                    .to_owned()
            }
        });
    }
    Ok(if left.is_empty() && erased.sound {
        Exit::Done
    } else {
        Exit::Act
    })
}

/// What was erased.
struct Erased {
    /// Where, for people.
    places: Vec<String>,
    /// Whether each place could be looked into.
    sound: bool,
}

fn erase(printer: &Printer, url: &Url, wanted: &Wanted) -> Erased {
    let mut erased = Erased {
        places: Vec::new(),
        sound: true,
    };
    let store = Store::of_user().and_then(|store| {
        let had = match wanted {
            Wanted::User => store.erase_login(url)?,
            Wanted::JobToken(name) => store.erase_job_token(url, name)?,
        };
        Ok((had, store))
    });
    match store {
        Ok((true, store)) => erased
            .places
            .push(Source::Store(store.path().to_owned()).to_string()),
        Ok((false, _)) => {}
        Err(error) => erased.failed(printer, &refusal(&error)),
    }
    if helper::may_be_configured(url) {
        let own = erase_from_git(url, wanted);
        match own.and_then(|own| Ok((own, erase_answer(url, wanted)?))) {
            // What is left is told with all else that still answers.
            Ok(((had, gone), answer)) if (had || answer.is_some()) && gone && answer.unwrap_or(true) => {
                erased.places.push(Source::Helper.to_string());
            }
            Ok(_) => {}
            Err(error) => erased.failed(printer, &refusal(&error)),
        }
    }
    for place in &erased.places {
        printer.result(&match wanted {
            Wanted::User => format!("logged out of {url}: erased from {place}"),
            Wanted::JobToken(name) => format!("trigger token {name} for {url}: erased from {place}"),
        });
    }
    erased
}

impl Erased {
    fn failed(&mut self, printer: &Printer, refusal: &Refusal) {
        self.sound = false;
        printer.error(&refusal.message, refusal.help.as_deref());
    }
}

/// Erases the one thing that git's helpers answer with beside that: whether it is gone.
fn erase_answer(url: &Url, wanted: &Wanted) -> Result<Option<bool>, credentials::Error> {
    let found = helper::fill(url, wanted)?;
    found
        .map(|found| helper::reject_answer(url, wanted, &found))
        .transpose()
}

/// What still answers, and how it is taken away.
fn left(url: &Url, wanted: &Wanted) -> Vec<(Source, String)> {
    let keyring = Keyring::default();
    let sources: Vec<Source> = match wanted {
        Wanted::User => {
            let found = keyring.logins(url).found;
            found.into_iter().map(|found| found.source).collect()
        }
        Wanted::JobToken(name) => {
            let found = keyring.job_tokens(url, name).found;
            found.into_iter().map(|found| found.source).collect()
        }
    };
    sources
        .into_iter()
        .map(|source| {
            let way = way(&source, url);
            (source, way)
        })
        .collect()
}

fn way(source: &Source, url: &Url) -> String {
    match source {
        Source::Environment(name) => format!("unset {name}; and take it out of the file that sets it"),
        Source::TokenFile(_) => source.removal(),
        Source::Store(_) => "see what is said of that file above".into(),
        Source::Helper => "it may be another program's for that host; if not, see `git config --get-all \
                           credential.helper`, and take it away there"
            .into(),
        Source::Netrc(_) => format!(
            "take the entry for {} out of {source}",
            url.host_str().unwrap_or_default()
        ),
    }
}
