//! The questions that are asked before a repository may reach a server.

use std::collections::BTreeSet;
use std::fmt;

use url::Url;

use super::Refusal;
use super::authorities::{self, Authorities};
use super::consent::Consent;
use super::file::Place;
use crate::config::{Config, Server};
use crate::credentials::trust::{self, Occasion, Trust, Trusted};
use crate::credentials::{self, ALLOW_PLAIN_HTTP};
use crate::deliver::{self, NoClient, Start};
use crate::git::{self, Repository};
use crate::jenkins;
use crate::spool::{Spool, Trigger};
use crate::ui::Printer;

/// What came of the questions.
pub(super) struct Answers {
    /// The servers of the file that may be reached now.
    pub(super) trusted: Vec<Url>,
    /// Those of them that could not be before.
    pub(super) new: Vec<Url>,
    /// Those the user said no to.
    pub(super) declined: Vec<Url>,
    /// What vouches for them beside the system's own authorities.
    pub(super) authorities: Vec<Vouching>,
    /// What the user does not want to.
    pub(super) declined_authorities: Vec<Vouching>,
}

/// Certificates of authorities, for one server.
pub(super) struct Vouching {
    pub(super) server: Url,
    /// As the file names it.
    pub(super) file: String,
    /// Whose they are.
    pub(super) what: String,
    /// Whether they were not accepted before.
    pub(super) is_new: bool,
}

impl fmt::Display for Vouching {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            server, file, what, ..
        } = self;
        write!(out, "{file} says who {server} is ({what})")
    }
}

/// Asks about every server of the file that is not trusted here yet, and records the answers;
/// without a terminal (or with `yes`) it records them.
pub(super) fn ask(
    printer: &Printer,
    repository: &Repository,
    (config, place): (&Config, &Place),
    yes: bool,
) -> anyhow::Result<Answers> {
    let common_dir = repository.common_dir();
    let trust = Trust::of_user().map_err(Refusal::from)?;
    let known = trust.trusted(common_dir).map_err(Refusal::from)?;
    let mut answers = Answers {
        trusted: Vec::new(),
        new: Vec::new(),
        declined: Vec::new(),
        authorities: Vec::new(),
        declined_authorities: Vec::new(),
    };
    for server in config.servers.iter().map(|server| &server.url) {
        if known.has_server(server.as_str()) {
            printer.detail(&format!("{server} is trusted already"));
            answers.trusted.push(server.clone());
            continue;
        }
        let agreed = yes
            || trust.accepts(server).map_err(Refusal::from)?
            || printer
                .confirm(&format!("Trust {server} with your credentials?"))
                .unwrap_or(true);
        if agreed {
            trust.add(common_dir, server).map_err(Refusal::from)?;
            answers.trusted.push(server.clone());
            answers.new.push(server.clone());
        } else {
            answers.declined.push(server.clone());
        }
    }
    for server in &answers.trusted {
        ask_about_plain_http(printer, server)?;
    }
    let authorities = Authorities::new(repository, place).kept();
    let trusted = |server: &&Server| answers.trusted.contains(&server.url);
    for server in config.servers.iter().filter(trusted) {
        let Some(found) = authorities.of(server) else {
            continue;
        };
        let authority = match &*found {
            Ok(authority) => authority,
            Err(wrong) => return Err(Refusal::new(wrong.message.clone(), wrong.help.clone()).into()),
        };
        let shown = Vouching {
            server: server.url.clone(),
            file: server.ca_file.clone().unwrap_or_default(),
            what: authority.in_words(),
            is_new: !known.has_authority(server.url.as_str(), &authority.sha256, Occasion::Own),
        };
        let agreed = !shown.is_new
            || yes
            || printer
                .confirm(&format!(
                    "Trust {} ({}) to say who {} is?",
                    shown.file, shown.what, shown.server
                ))
                .unwrap_or(true);
        if !agreed {
            answers.declined_authorities.push(shown);
            continue;
        }
        // Also one that is known: the newest stands in where a commit's own cannot be read.
        trust
            .add_authority(common_dir, &server.url, &authority.sha256)
            .map_err(Refusal::from)?;
        answers.authorities.push(shown);
    }
    Ok(answers)
}

/// The certificates that the file names for a server, for a command that asks it now; nothing where it
/// names none.
///
/// # Errors
/// What is wrong with them, or that they are not trusted here.
pub(super) fn vouching(
    repository: &Repository,
    place: &Place,
    server: &Server,
    trusted: &Trusted,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(path) = &server.ca_file else {
        return Ok(None);
    };
    let authority = authorities::read(repository, place, path)
        .map_err(|wrong| Refusal::new(wrong.message, wrong.help))?;
    if trusted.has_authority(server.url.as_str(), &authority.sha256, Occasion::Own) {
        return Ok(Some(authority.pem));
    }
    Err(Refusal::new(
        format!(
            "{path} ({}) is not trusted in this repository to say who {} is",
            authority.in_words(),
            server.url
        ),
        "to allow it: jenkins-trigger trust",
    ))
}

/// Starts sending what waited to be allowed.
pub(super) fn release(printer: &Printer, repository: &Repository) -> anyhow::Result<()> {
    let waiting = Spool::of(repository.common_dir()).waiting()?.triggers;
    let consent = Consent::of(repository);
    let freed = |trigger: &&Trigger| trigger.hold.is_none() && consent.refusal(trigger).is_none();
    let (complete, lost): (Vec<&Trigger>, Vec<&Trigger>) = waiting
        .iter()
        .filter(freed)
        .partition(|trigger| trigger.withheld.is_empty());
    if complete.is_empty() && lost.is_empty() {
        return Ok(());
    }
    deliver::start(repository.common_dir(), Start::Eager)?;
    let troubles: Vec<Option<String>> = complete.iter().map(|trigger| consent.trouble(trigger)).collect();
    let sent = troubles.iter().filter(|trouble| trouble.is_none()).count();
    if sent > 0 {
        printer.note(&format!(
            "{sent} that waited are being sent; see: jenkins-trigger log"
        ));
    }
    for trouble in troubles.into_iter().flatten().collect::<BTreeSet<_>>() {
        printer.warning(&format!("what waited is still not sent: {trouble}"));
    }
    for trigger in lost {
        if let Some(why) = deliver::incomplete(trigger) {
            printer.warning(&format!(
                "{} → {} is not sent: {why}",
                trigger.reference(),
                trigger.job
            ));
        }
    }
    Ok(())
}

/// A token over plain http can be read by everybody on the way, so it is never sent unasked.
pub(super) fn ask_about_plain_http(printer: &Printer, server: &Url) -> anyhow::Result<()> {
    let Err(reason) = credentials::check_transport(server, jenkins::is_loopback(server)) else {
        return Ok(());
    };
    let origin = server.origin().ascii_serialization();
    let agreed = printer.confirm(&format!(
        "{origin} is plain http: a token sent there can be read on the way. Allow it for this server?"
    ));
    if agreed != Some(true) {
        printer.warning(&reason.to_string());
        return Ok(());
    }
    let mut command = git::command();
    command.args(["config", "--global", "--add", ALLOW_PLAIN_HTTP, &origin]);
    let output = git::run(&mut command)?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Refusal::plain(reason).into());
    }
    printer.note(&format!(
        "written to your git config: {ALLOW_PLAIN_HTTP} = {origin}"
    ));
    Ok(())
}

impl From<NoClient> for Refusal {
    fn from(error: NoClient) -> Self {
        if let NoClient::Explained(why) = error {
            let why = why.of_question();
            return Self::new(why.meaning, why.advice);
        }
        let message = error.to_string();
        match message.split_once("; ") {
            Some((meaning, help)) => Self::new(meaning, help),
            None => Self::plain(message),
        }
    }
}

impl From<trust::Error> for Refusal {
    fn from(error: trust::Error) -> Self {
        Self::plain(error.to_string())
    }
}
