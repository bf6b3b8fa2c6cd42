//! The questions that are asked before a repository may reach a server.

use std::path::Path;

use url::Url;

use super::Refusal;
use crate::config::Config;
use crate::credentials::trust::{self, Trust};
use crate::credentials::{self, ALLOW_PLAIN_HTTP};
use crate::deliver::{self, Start};
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
}

/// Asks about every server of the file that is not trusted here yet, and records the answers;
/// without a terminal (or with `yes`) it records them.
pub(super) fn ask(
    printer: &Printer,
    common_dir: &Path,
    config: &Config,
    yes: bool,
) -> anyhow::Result<Answers> {
    let trust = Trust::of_user().map_err(Refusal::from)?;
    let known = trust.servers(common_dir).map_err(Refusal::from)?;
    let mut answers = Answers {
        trusted: Vec::new(),
        new: Vec::new(),
        declined: Vec::new(),
    };
    for server in config.servers.iter().map(|server| &server.url) {
        if known.iter().any(|known| known == server.as_str()) {
            printer.detail(&format!("{server} is trusted already"));
            answers.trusted.push(server.clone());
            continue;
        }
        let agreed = yes
            || printer
                .confirm(&format!("Trust {server} with your credentials?"))
                .unwrap_or(true);
        if agreed {
            trust
                .add(common_dir, std::slice::from_ref(server))
                .map_err(Refusal::from)?;
            answers.trusted.push(server.clone());
            answers.new.push(server.clone());
        } else {
            answers.declined.push(server.clone());
        }
    }
    for server in &answers.trusted {
        ask_about_plain_http(printer, server)?;
    }
    Ok(answers)
}

/// Starts sending what waited for a server to be trusted.
pub(super) fn release(printer: &Printer, repository: &Repository, answers: &Answers) -> anyhow::Result<()> {
    let waiting = Spool::of(repository.common_dir()).waiting()?.triggers;
    let freed = |trigger: &&Trigger| {
        trigger.hold.is_none() && answers.trusted.iter().any(|url| url.as_str() == trigger.server)
    };
    let freed = waiting.iter().filter(freed).count();
    if freed > 0 {
        deliver::start(repository.common_dir(), Start::Eager)?;
        printer.note(&format!(
            "{freed} that waited are being sent; see: jenkins-trigger log"
        ));
    }
    Ok(())
}

/// A token over plain http can be read by everybody on the way, so it is never sent unasked.
fn ask_about_plain_http(printer: &Printer, server: &Url) -> anyhow::Result<()> {
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

impl From<trust::Error> for Refusal {
    fn from(error: trust::Error) -> Self {
        Self::plain(error.to_string())
    }
}
