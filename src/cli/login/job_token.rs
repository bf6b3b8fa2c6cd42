//! `login --job-token`: keeps a job's trigger token.

use url::Url;

use super::keep::Keeper;
use super::{Arguments, accept, after, enter, may_be_sent_secrets, refused};
use crate::cli::chosen::Chosen;
use crate::cli::{Exit, Refusal, Session};
use crate::config::{self, Rule};
use crate::credentials::Keyring;
use crate::credentials::helper::{JOB_TOKEN, Wanted};
use crate::jenkins::{Explanation, Method, TokenCheck, needs_trigger_token};
use crate::secret::{Login, Secret};

/// What Jenkins has to say about a token.
enum Checked {
    Accepted(String),
    Refused(Explanation),
    /// Why it was not asked, or its answer says nothing.
    Not(String),
}

pub(super) fn run(session: &Session, arguments: &Arguments, name: &str) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    if !config::is_token_name(name) {
        // It may be the token itself, which is not to be repeated.
        return Err(Refusal::new(
            "--job-token takes the name of a token, as `token_from` has it: letters, digits, `-` and `_`, and not \
             `file`",
            "the token itself is asked for, or read from standard input: jenkins-trigger login --job-token NAME",
        )
        .into());
    }
    let chosen = Chosen::of(session, arguments.server.as_deref())?;
    let url = chosen.only(&format!("login --job-token {name}"))?;
    let keeper = Keeper::of(url, Wanted::JobToken(name.to_owned()), arguments.keep_in)?;
    if !may_be_sent_secrets(printer, url)? {
        return Ok(Exit::Act);
    }
    let token = enter::job_token(printer, url, name)?;
    let checked = check(&chosen, url, name, &token);
    if let Checked::Refused(why) = checked {
        return Ok(refused(printer, why));
    }
    let place = keeper.keep(printer, &Login::new(JOB_TOKEN.to_owned(), token.clone()))?;
    accept(printer, url)?;
    printer.result(&format!("trigger token {name} for {url}: kept in {place}"));
    match checked {
        Checked::Accepted(job) => printer.note(&format!("Jenkins takes it for {job}")),
        Checked::Not(why) => printer.note(&format!("it was not checked: {why}")),
        Checked::Refused(_) => {}
    }
    if let Ok(found) = Keyring::default().job_token(url, name, "")
        && !found.value.is(&token)
    {
        printer.warning(&format!(
            "{} goes first, and has another token: take it away for what was kept to count",
            found.source
        ));
    }
    after::release(printer, &chosen, url, needs_trigger_token);
    Ok(Exit::Done)
}

/// Asks by a request that starts nothing, where a rule says which job takes it.
fn check(chosen: &Chosen, url: &Url, name: &str, token: &Secret) -> Checked {
    let rules = chosen.config().map_or(&[][..], |config| &config.rules);
    let takes_it = |rule: &&Rule| {
        rule.token_from.as_deref() == Some(name) && !rule.multibranch && is_of(chosen, rule, url)
    };
    let Some(rule) = rules.iter().find(takes_it) else {
        return Checked::Not("no rule of a file here takes it for one job".into());
    };
    if let Some(why) = chosen.refusal_of(rule) {
        return Checked::Not(why);
    }
    let Ok(login) = Keyring::default().login(url) else {
        return Checked::Not(format!(
            "only who may read the job can do that: jenkins-trigger login {url}"
        ));
    };
    let client = match chosen.client(url) {
        Ok(client) => client,
        Err(refusal) => return Checked::Not(refusal.message),
    };
    let method = match rule.method {
        config::Method::TokenRoot => Method::TokenRoot,
        config::Method::Api | config::Method::JobToken => Method::JobToken,
    };
    match client.check_token(method, &rule.job, &login.value, token) {
        TokenCheck::Ignored => Checked::Not(format!(
            "job {} has no trigger token, so that it takes any",
            rule.job
        )),
        TokenCheck::Accepted => Checked::Accepted(rule.job.clone()),
        TokenCheck::Refused(why) => Checked::Refused(why),
        TokenCheck::Unknown(why) => Checked::Not(why),
        TokenCheck::Queued { url } => Checked::Not(format!(
            "the job was changed in this very moment, and the question has queued a build: {url}"
        )),
    }
}

fn is_of(chosen: &Chosen, rule: &Rule, url: &Url) -> bool {
    let server = chosen.config().and_then(|config| config.servers.get(rule.server));
    server.is_some_and(|server| server.url == *url)
}
