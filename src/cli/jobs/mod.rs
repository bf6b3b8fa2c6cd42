//! `jobs`: what the user can build, with the parameters it takes.

mod show;

use std::time::{Duration, Instant};

use clap::Args;
use url::Url;

use super::file::{self, Place};
use super::{Exit, Refusal, Session, consent, servers};
use crate::config::{Config, PatternList, Server};
use crate::credentials::Keyring;
use crate::deliver::{self, NoClient};
use crate::git::Repository;
use crate::jenkins::{Allowed, Client, Explanation, Listed, Listing, Reached, Unseen, Version};
use crate::secret::Login;
use crate::ui::Printer;

/// After so long no further folder is looked into, and no further job asked about.
const LIMIT: Duration = Duration::from_secs(60);
/// Of more jobs than this nobody is asked whether he may build each.
const MOST_ASKED: usize = 100;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 there are some, 1 there are none or you must act, 3 Jenkins refused.")]
pub(super) struct Arguments {
    /// Only jobs that match: a pattern as in the file (`shop/**`), or a part of the full name
    pattern: Option<String>,

    /// Only this server of the file's
    #[arg(short, long, value_name = "NAME")]
    server: Option<String>,

    /// Those too that are disabled or that you may not build
    #[arg(short, long)]
    all: bool,

    /// Print one JSON object per job
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let source = file::of_work_tree(&repository, printer)?;
    let config = source.read_with_files(&repository)?;
    let filter = arguments.pattern.as_deref().map(Filter::parse).transpose()?;
    let mut worst = Exit::Done;
    let servers = chosen(&config, arguments.server.as_deref())?;
    let several = servers.len() > 1;
    for server in servers {
        let exit = match list(
            printer,
            (&repository, &source.place),
            (server, several),
            filter.as_ref(),
            arguments,
        ) {
            Ok(exit) => exit,
            Err(error) => super::complain(printer, &error)?,
        };
        worst = worst.worse(exit);
    }
    Ok(worst)
}

fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a Server>, Refusal> {
    let Some(name) = name else {
        return Ok(config.servers.iter().collect());
    };
    match config.servers.iter().find(|server| server.name == name) {
        Some(server) => Ok(vec![server]),
        None => {
            let names: Vec<&str> = config.servers.iter().map(|server| server.name.as_str()).collect();
            Err(Refusal::new(
                format!("no server is called {name}"),
                format!("the file's servers: {}", names.join(", ")),
            ))
        }
    }
}

/// What the argument asks for.
enum Filter {
    Pattern(PatternList),
    /// In lower case.
    Part(String),
}

impl Filter {
    fn parse(text: &str) -> Result<Self, Refusal> {
        if !text.contains(['*', '?', '[', '{', '\\', '!']) {
            return Ok(Self::Part(text.trim_matches('/').to_lowercase()));
        }
        PatternList::parse(&[text])
            .map(Self::Pattern)
            .map_err(|error| Refusal::new(format!("the pattern {text}: {}", error.message()), error.help()))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Pattern(patterns) => patterns.matches(name.as_bytes()),
            Self::Part(part) => name.to_lowercase().contains(part),
        }
    }
}

/// A job that matches, and whether the user may build it, where that was asked.
struct Shown<'a> {
    listed: &'a Listed,
    may_build: Option<bool>,
    /// Of a multibranch project the number of its branches' jobs.
    branches: usize,
}

impl Shown<'_> {
    fn can_build(&self) -> bool {
        self.listed.job.buildable != Some(false) && self.may_build != Some(false)
    }

    fn state(&self) -> &'static str {
        match (self.listed.job.buildable, self.may_build) {
            (Some(false), _) => "disabled",
            (_, Some(false)) => "no Job/Build",
            (_, Some(true)) => "yes",
            (_, None) => "not asked",
        }
    }
}

fn list(
    printer: &Printer,
    (repository, place): (&Repository, &Place),
    (server, several): (&Server, bool),
    filter: Option<&Filter>,
    arguments: &Arguments,
) -> anyhow::Result<Exit> {
    let until = Instant::now() + LIMIT;
    let url = &server.url;
    let (client, login) = asked(repository, place, server)?;
    let version = match client.reach() {
        Reached::Jenkins(version) => version,
        Reached::Other(explanation) | Reached::Nobody(explanation) => return Err(of(explanation).into()),
    };
    let listing = match client.jobs(&login, LIMIT) {
        Ok(listing) => listing,
        Err(Unseen::Away(explanation)) => return Err(of(explanation).into()),
        Err(Unseen::Unknown(explanation)) => return Ok(refused(printer, explanation)),
        // The list itself needs Overall/Read.
        Err(Unseen::Denied(unreadable) | Unseen::Missing(unreadable)) => {
            let why = client.about(&login).err().unwrap_or(unreadable);
            return Ok(refused(printer, why));
        }
    };
    if listing.jobs.is_empty() && listing.unseen.is_empty() {
        return Err(nothing(url, &login).into());
    }
    for folder in &listing.unseen {
        printer.warning(&format!("folder {folder} could not be looked into in time"));
    }
    let matching = matching(&listing, filter, printer.is_verbose());
    if matching.is_empty() {
        let pattern = arguments.pattern.as_deref().unwrap_or_default();
        return Err(Refusal::new(
            format!(
                "no job of the {} that user {} sees matches {pattern}",
                listing.jobs.len(),
                login.user
            ),
            "see all of them: jenkins-trigger jobs",
        )
        .into());
    }
    let asking = Asking {
        client: &client,
        login: &login,
        version: &version,
        until,
    };
    let shown = asking.ask(printer, matching);
    let (left, out): (Vec<_>, Vec<_>) = shown
        .into_iter()
        .partition(|shown| arguments.all || shown.can_build());
    if arguments.json {
        for shown in &left {
            printer.json(&show::object(url, shown));
        }
    } else if !left.is_empty() {
        if several {
            printer.result(&format!("server {url}"));
        }
        printer.table(&show::table(&left, arguments.all));
    }
    if !out.is_empty() {
        printer.note(&format!(
            "{} more: disabled, or user {} lacks Job/Build; --all shows them",
            out.len(),
            login.user
        ));
    }
    Ok(if left.is_empty() { Exit::Act } else { Exit::Done })
}

fn refused(printer: &Printer, explanation: Explanation) -> Exit {
    let explanation = explanation.of_question();
    printer.error(&explanation.meaning, Some(&explanation.advice));
    Exit::Refused
}

/// What goes wrong on the way, for the one place that prints it.
fn of(explanation: Explanation) -> Refusal {
    let explanation = explanation.of_question();
    Refusal::new(explanation.meaning, explanation.advice)
}

/// A server that may be asked, and the credentials for it.
fn asked(repository: &Repository, place: &Place, server: &Server) -> Result<(Client, Login), Refusal> {
    let url = &server.url;
    let trusted = consent::trusted(repository.common_dir())?;
    if !trusted.has_server(url.as_str()) {
        return Err(Refusal::new(
            format!("{url} is not trusted in this repository, so nothing was sent to it"),
            "to allow it: jenkins-trigger trust",
        ));
    }
    let ca = servers::vouching(repository, place, server, &trusted)?;
    let client = deliver::connect(url, ca.as_deref())?;
    let login = Keyring::default().login(url).map_err(NoClient::from)?.value;
    Ok((client, login))
}

fn nothing(url: &Url, login: &Login) -> Refusal {
    Refusal::new(
        format!("user {} sees no job on {url}", login.user),
        format!(
            "there is none yet, or an administrator has to give {} the permission Job/Read (on folders too)",
            login.user
        ),
    )
}

/// What matches; branches' jobs only on demand, else they are counted with their project.
fn matching<'a>(listing: &'a Listing, filter: Option<&Filter>, branches: bool) -> Vec<Shown<'a>> {
    let wanted = |listed: &&Listed| {
        filter.is_none_or(|filter| filter.matches(&listed.name)) && (branches || listed.project.is_none())
    };
    let shown = listing.jobs.iter().filter(wanted).map(|listed| Shown {
        listed,
        may_build: None,
        branches: listing
            .jobs
            .iter()
            .filter(|other| other.project.as_deref() == Some(&listed.name))
            .count(),
    });
    shown.collect()
}

/// Finding out which jobs the user may build.
struct Asking<'a> {
    client: &'a Client,
    login: &'a Login,
    version: &'a Version,
    until: Instant,
}

impl Asking<'_> {
    fn ask<'s>(&self, printer: &Printer, mut all: Vec<Shown<'s>>) -> Vec<Shown<'s>> {
        let asked = |shown: &Shown<'_>| shown.listed.job.buildable == Some(true);
        let count = all.iter().filter(|shown| asked(shown)).count();
        let why = if !self.version.builds_by_post_only() {
            Some(format!(
                "Jenkins {} cannot be asked without building",
                self.version.text()
            ))
        } else if count > MOST_ASKED {
            Some(format!("there are {count}; a pattern chooses among them"))
        } else {
            None
        };
        if let Some(why) = why {
            printer.note(&format!(
                "note: which of them user {} may build (Job/Build) was not asked: {why}",
                self.login.user
            ));
            return all;
        }
        for shown in all.iter_mut().filter(|shown| asked(shown)) {
            if Instant::now() >= self.until {
                printer.note("note: of some Job/Build was not asked, because all of it took too long");
                break;
            }
            shown.may_build = match self
                .client
                .may_build(&shown.listed.name, self.login, self.version)
            {
                Allowed::Yes => Some(true),
                Allowed::No(_) => Some(false),
                Allowed::Unknown(_) => None,
            };
        }
        all
    }
}
