//! answer → meaning → what to do (contract, "Failure answers a client must explain").

mod redirect;
mod table;
mod words;

use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::header::{ALLOW, LOCATION, SERVER, WWW_AUTHENTICATE};
use url::Url;

use super::client::{header, innermost};
use super::front::Front;
use super::session::Crumb;
use super::{Action, ENCODED, Method, Order, job_url};
use crate::secret::{Login, Provenance, concealed, redact};
use crate::text::harmless;
use redirect::Leads;

pub(super) use redirect::login_at;
pub(super) use words::RETRY;

/// What a failure means and what the user can do about it. Holds no secret and no control
/// character, whatever the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What happened, in one sentence without its full stop.
    pub meaning: String,
    /// What to do.
    pub advice: String,
    /// The name of the kind of failure, which stays the same in every version; for programs.
    pub reason: &'static str,
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}; {}", self.meaning, self.advice)
    }
}

impl Explanation {
    /// The same, with the name of the kind of failure.
    #[must_use]
    pub(super) fn named(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// Whether it is about credentials that Jenkins itself does not accept. While it starts, it does
    /// not accept valid ones either (contract, observed 4).
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        self.reason == table::CREDENTIALS
    }

    /// The same for who has only asked: nothing waits here that is sent again, by itself or by him.
    #[must_use]
    pub fn of_question(self) -> Self {
        let advice = match self.advice.strip_suffix(RETRY) {
            Some(rest) => rest.trim_end_matches("; ").to_owned(),
            None if self.advice == words::AGAIN => "try again later".into(),
            None => self.advice,
        };
        Self { advice, ..self }
    }

    /// Whether the user lacks a permission, which is no matter of the moment.
    #[must_use]
    pub(super) fn is_about_permission(&self) -> bool {
        matches!(self.reason, "job-read" | "job-permission" | "overall-permission")
    }

    /// Whether Jenkins itself says that the job is not there for this user.
    #[must_use]
    pub(super) fn is_about_job(&self) -> bool {
        self.reason == "no-job"
    }

    /// The same, with what follows from it.
    #[must_use]
    pub(super) fn so(self, consequence: &str) -> Self {
        let meaning = format!("{}, so {consequence}", self.meaning);
        Self { meaning, ..self }
    }
}

/// Whether a failure of this kind is put right by logging in with an API token that is accepted.
#[must_use]
pub fn needs_login(reason: &str) -> bool {
    table::OF_LOGIN.contains(&reason)
}

/// Whether a failure of this kind is put right by the job's right trigger token.
#[must_use]
pub fn needs_trigger_token(reason: &str) -> bool {
    reason == table::TRIGGER_TOKEN
}

/// How many characters of a sentence are said at most: a server can make its part of it long.
const LONGEST: usize = 1500;

/// An explanation outside the table.
pub(super) fn say(meaning: impl AsRef<str>, advice: impl AsRef<str>) -> Explanation {
    Explanation {
        meaning: words::clipped(&harmless(&redact(meaning.as_ref())), LONGEST),
        advice: words::clipped(&harmless(&redact(advice.as_ref())), LONGEST),
        reason: "other",
    }
}

/// What was asked, for the words of an explanation.
pub(super) struct Tried<'a> {
    pub(super) server: &'a Url,
    pub(super) url: &'a str,
    job: &'a str,
    user: Option<&'a str>,
    /// Where the user and token were found.
    provenance: Option<&'a Provenance>,
    /// What was ordered; `None`: something was only to be read.
    order: Option<&'a Order<'a>>,
    /// A trigger depends on it.
    for_trigger: bool,
    /// Names of jobs that this user can see where the job was looked for, the most alike first.
    pub(super) near: Vec<String>,
}

impl<'a> Tried<'a> {
    /// A build was asked for at this address, or a look into the SCM.
    pub(super) fn to_build(server: &'a Url, url: &'a str, order: &'a Order<'a>) -> Self {
        Self {
            user: order.login.map(|login| login.user.as_str()),
            provenance: order.login.and_then(|login| login.provenance.as_ref()),
            order: Some(order),
            for_trigger: true,
            ..Self::to_ask(server, url, order.job)
        }
    }

    /// What is at this address was to be read.
    pub(super) fn to_read(server: &'a Url, url: &'a str, reading: &Reading<'a>) -> Self {
        Self {
            user: Some(&reading.login.user),
            provenance: reading.login.provenance.as_ref(),
            for_trigger: reading.for_trigger,
            ..Self::to_ask(server, url, reading.job)
        }
    }

    /// Nobody in particular asked for what is at this address.
    pub(super) fn to_ask(server: &'a Url, url: &'a str, job: &'a str) -> Self {
        Self {
            server,
            url,
            job,
            user: None,
            provenance: None,
            order: None,
            for_trigger: false,
            near: Vec::new(),
        }
    }

    /// Whether a look into the SCM was asked for.
    pub(super) fn polls(&self) -> bool {
        self.order.is_some_and(|order| order.action == Action::Poll)
    }

    /// Whether a build was asked for.
    fn builds(&self) -> bool {
        self.order.is_some_and(|order| order.action != Action::Poll)
    }

    pub(super) fn token_root(&self) -> bool {
        self.order.is_some_and(|order| order.method == Method::TokenRoot)
    }

    fn host(&self) -> &str {
        self.server.host_str().unwrap_or_default()
    }

    fn user(&self) -> &str {
        self.user.unwrap_or("nobody")
    }
}

/// What a question is about, and who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The job's full name.
    pub(super) job: &'a str,
    pub(super) login: &'a Login,
    /// A trigger depends on it, which can be sent again.
    pub(super) for_trigger: bool,
}

/// What of an answer matters.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// Who Jenkins takes the user for.
    pub(super) user: Option<String>,
    /// The id of the permission that is missing.
    pub(super) permission: Option<String>,
    pub(super) is_jenkins: bool,
    /// What a login is asked with, and for what.
    pub(super) challenge: Option<String>,
    pub(super) only_post: bool,
    /// What came of asking for a crumb before.
    pub(super) crumb: Crumb,
    /// What the server says it is.
    pub(super) server: Option<String>,
    pub(super) body: String,
}

impl Answer {
    /// What the head says; the body is the caller's to read.
    pub(super) fn head(response: &Response) -> Self {
        let said = |name| header(response, name).map(concealed);
        Self {
            status: response.status().as_u16(),
            // What is read of it is a number, or is concealed once it was taken apart.
            location: header(response, LOCATION.as_str()),
            user: said("X-You-Are-Authenticated-As"),
            permission: said("X-Required-Permission"),
            is_jenkins: response.headers().contains_key("X-Jenkins"),
            challenge: said(WWW_AUTHENTICATE.as_str()),
            only_post: header(response, ALLOW.as_str()).is_some_and(|allowed| allowed == "POST"),
            crumb: Crumb::NotAskedFor,
            server: said(SERVER.as_str()),
            body: String::new(),
        }
    }

    pub(super) fn with_body(self, body: String) -> Self {
        Self { body, ..self }
    }

    pub(super) fn says(&self, sentence: &str) -> bool {
        self.body.contains(sentence)
    }

    /// Whether the POST was refused for want of a crumb. While Jenkins starts, also to valid
    /// credentials (contract, observed 4).
    pub(super) fn wants_crumb(&self) -> bool {
        self.status == 403 && self.says("No valid crumb was included")
    }

    /// The id under which the server's log has the reason of a 500.
    fn logging_id(&self) -> Option<&str> {
        let (_, rest) = self.body.split_once("Logging ID=")?;
        let end = rest
            .find(|c: char| !c.is_ascii_hexdigit() && c != '-')
            .unwrap_or(rest.len());
        rest.get(..end.min(40)).filter(|id| !id.is_empty())
    }

    /// Whether nothing in it shows that Jenkins gave it: then only asking tells who did. Many of
    /// Jenkins' own answers have no `X-Jenkins` (contract, observed 4).
    pub(super) fn may_be_anothers(&self) -> bool {
        match self.status {
            // Too busy, too large or away: that is what counts, whoever says so.
            407 | 413 | 414 | 429 | 431 | 502..=504 => false,
            // nginx can ask for a login to "Jenkins" too.
            200..=399 | 401 => true,
            _ => !self.is_jenkins && !self.has_known_sentence(),
        }
    }

    fn has_known_sentence(&self) -> bool {
        const SENTENCES: [&str; 8] = [
            "No valid crumb was included",
            "Nothing is submitted",
            "This page expects a form submission",
            "is not parameterized",
            "is not buildable",
            "Invalid token provided",
            "Please login to access job",
            "Logging ID=",
        ];
        SENTENCES.iter().any(|sentence| self.says(sentence))
    }

    /// Whether the server under Jenkins wrote it, which is in front of nothing else as a rule.
    fn is_jetty(&self) -> bool {
        self.says("Powered by Jetty") || self.says("<th>SERVLET:</th>")
    }
}

/// Whether a 400 says that the job has parameters and the endpoint without them was used.
/// build-token-root hides the reason (contract, observed 2).
pub(super) fn wants_parameters(answer: &Answer, tried: &Tried<'_>) -> bool {
    let hides_it = tried.token_root() && tried.builds() && answer.says("Oops!");
    answer.says("Nothing is submitted") || answer.says("This page expects a form submission") || hides_it
}

/// Why there is no answer, or no whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// There is no request that could be sent.
    Request,
    /// The host name stands for no address.
    Name,
    /// Nobody listens.
    Refused,
    /// Nobody answers when a connection is asked for.
    Silent,
    /// The certificate is not accepted.
    Certificate,
    /// Anything else that is in the way of a connection.
    Connection,
    /// The request is out, and its time is up.
    NoAnswer,
    /// The request is out, and what came is no HTTP or breaks off.
    Broken,
    /// The body of the answer did not come to its end.
    CutShort,
}

/// What was found out before Jenkins could refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Disabled,
    NoJob,
    NoPolling,
}

enum Got<'a> {
    Answer(&'a Answer),
    Trouble(Trouble, &'a str),
    Finding(Finding),
}

/// What a row of the table is asked about.
struct Case<'a> {
    got: Got<'a>,
    tried: &'a Tried<'a>,
    /// Who answers at this server, where that was asked.
    front: Option<&'a Front>,
}

/// One kind of failure.
struct Row {
    name: &'static str,
    when: fn(&Case<'_>) -> bool,
    meaning: fn(&Case<'_>) -> String,
    advice: fn(&Case<'_>) -> String,
}

/// What an answer means; `front`, where it [may be another's](Answer::may_be_anothers).
pub(super) fn explain(answer: &Answer, tried: &Tried<'_>, front: Option<&Front>) -> Explanation {
    look_up(Got::Answer(answer), tried, front)
}

fn look_up(got: Got<'_>, tried: &Tried<'_>, front: Option<&Front>) -> Explanation {
    let case = Case { got, tried, front };
    let row = table::ROWS
        .iter()
        .find(|row| (row.when)(&case))
        .unwrap_or(&table::LAST);
    say((row.meaning)(&case), (row.advice)(&case)).named(row.name)
}

fn trouble(trouble: Trouble, cause: &str, tried: &Tried<'_>) -> Explanation {
    look_up(Got::Trouble(trouble, cause), tried, None)
}

pub(super) fn no_client(cause: &str) -> Explanation {
    say(
        format!("no HTTPS client could be set up: {cause}"),
        "install the system's CA certificates (package ca-certificates), or name the server's by `ca_file: FILE` in \
         .jenkins-trigger.yml",
    )
    .named("no-https")
}

pub(super) fn no_request(cause: &str, tried: &Tried<'_>) -> Explanation {
    trouble(Trouble::Request, cause, tried)
}

pub(super) fn no_connection(cause: &str, timed_out: bool, server: &Url) -> Explanation {
    let lower = cause.to_lowercase();
    let kind = if timed_out {
        Trouble::Silent
    } else if lower.contains("lookup address") || lower.contains("dns") {
        Trouble::Name
    } else if lower.contains("certificate") {
        Trouble::Certificate
    } else if lower.contains("refused") {
        Trouble::Refused
    } else {
        Trouble::Connection
    };
    let tried = Tried {
        for_trigger: true,
        ..Tried::to_ask(server, server.as_str(), "")
    };
    trouble(kind, cause, &tried)
}

/// A question that changes nothing got no answer.
pub(super) fn no_page(error: &reqwest::Error, limit: Duration, server: &Url) -> Explanation {
    let cause = innermost(error);
    let tried = Tried::to_ask(server, server.as_str(), "");
    if error.is_connect() {
        no_connection(&cause, error.is_timeout(), server)
    } else if error.is_timeout() {
        no_answer(limit, &tried)
    } else {
        broken_answer(&cause, &tried)
    }
}

/// The body of an answer did not come to its end.
pub(super) fn cut_short(error: &io::Error, limit: Duration, server: &Url) -> Explanation {
    let how = if error.kind() == io::ErrorKind::TimedOut {
        format!("took longer than {} s", limit.as_secs())
    } else {
        format!("broke off ({error})")
    };
    let tried = Tried::to_ask(server, server.as_str(), "");
    trouble(Trouble::CutShort, &how, &tried)
}

pub(super) fn no_answer(limit: Duration, tried: &Tried<'_>) -> Explanation {
    let within = format!("within {} s", limit.as_secs());
    trouble(Trouble::NoAnswer, &within, tried)
}

pub(super) fn broken_answer(cause: &str, tried: &Tried<'_>) -> Explanation {
    trouble(Trouble::Broken, cause, tried)
}

/// What is said of a job that is there and has no address for polling.
pub(super) fn no_polling(tried: &Tried<'_>) -> Explanation {
    look_up(Got::Finding(Finding::NoPolling), tried, None)
}

/// What is said of a job that cannot be built (contract, observed 1: 409).
pub(super) fn disabled(server: &Url, job: &str) -> Explanation {
    let tried = Tried {
        for_trigger: true,
        ..Tried::to_ask(server, server.as_str(), job)
    };
    look_up(Got::Finding(Finding::Disabled), &tried, None)
}

/// What is said of a job that is not there for this user; `near` are the names that he sees there.
pub(super) fn no_job(server: &Url, job: &str, user: &str, near: Vec<String>) -> Explanation {
    let page = job_url(server, job);
    let tried = Tried {
        user: Some(user),
        near,
        ..Tried::to_ask(server, &page, job)
    };
    look_up(Got::Finding(Finding::NoJob), &tried, None)
}

/// Whether an answer points at the job that was asked.
pub(super) fn leads_to_job(answer: &Answer, tried: &Tried<'_>) -> bool {
    matches!(redirect::leads(answer.location.as_deref(), tried), Leads::Job)
}

impl Case<'_> {
    /// The answer's status; 0 where there is no answer.
    fn status(&self) -> u16 {
        self.answer().map_or(0, |answer| answer.status)
    }

    fn answer(&self) -> Option<&Answer> {
        match self.got {
            Got::Answer(answer) => Some(answer),
            Got::Trouble(..) | Got::Finding(_) => None,
        }
    }

    fn found(&self, finding: Finding) -> bool {
        matches!(self.got, Got::Finding(found) if found == finding)
    }

    fn met(&self, trouble: Trouble) -> bool {
        matches!(self.got, Got::Trouble(met, _) if met == trouble)
    }

    /// Whether a crumb was missing, and this came of asking for one.
    fn lacks_crumb(&self, crumbs: &[Crumb]) -> bool {
        self.answer()
            .is_some_and(|answer| answer.wants_crumb() && crumbs.contains(&answer.crumb))
    }

    fn cause(&self) -> &str {
        match self.got {
            Got::Trouble(_, cause) => cause,
            Got::Answer(_) | Got::Finding(_) => "",
        }
    }

    fn says(&self, sentence: &str) -> bool {
        self.answer().is_some_and(|answer| answer.says(sentence))
    }

    fn is_jenkins(&self) -> bool {
        self.answer().is_some_and(|answer| answer.is_jenkins)
    }

    /// Where it redirects to.
    fn leads(&self) -> Option<Leads> {
        let answer = self.answer()?;
        (300..400)
            .contains(&answer.status)
            .then(|| redirect::leads(answer.location.as_deref(), self.tried))
    }

    /// Whether Jenkins itself gave this answer, as far as can be told.
    fn is_jenkins_own(&self) -> bool {
        let by_jetty = self.answer().is_some_and(Answer::is_jetty);
        self.is_jenkins() || (by_jetty && matches!(self.front, Some(Front::Jenkins { .. })))
    }

    /// Whether a login is asked for in Jenkins' name.
    fn asks_for_jenkins_login(&self) -> bool {
        let challenge = self.answer().and_then(|answer| answer.challenge.as_deref());
        self.status() == 401 && challenge.is_some_and(|challenge| challenge.contains("\"Jenkins\""))
    }

    /// Who lacks what: by Jenkins' own word, where it has one.
    fn user(&self) -> String {
        let said = self.answer().and_then(|answer| answer.user.as_deref());
        match said {
            Some(user) => words::clipped(&redact(user), 100),
            None => self.tried.user().to_owned(),
        }
    }

    /// The permission that is missing, in Jenkins' own words.
    fn permission(&self) -> Option<String> {
        let id = self.answer()?.permission.as_deref()?;
        Some(words::permission_in_words(&redact(id)))
    }

    fn logging_id(&self) -> Option<String> {
        let id = self.answer()?.logging_id()?;
        Some(redact(id).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let names: BTreeSet<_> = table::ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), table::ROWS.len());
        assert!(table::OF_LOGIN.iter().all(|name| names.contains(name)));
        for name in names {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(plain), "{name}");
        }
    }

    /// What no server of a test can be made to do; the rest is in tests/delivery/explained.rs.
    #[test]
    fn what_went_wrong_on_the_way_is_told_apart() {
        let server = Url::parse("https://ci.example.com/ci/").expect("a URL");
        let url = "https://ci.example.com/ci/job/a/api/json?tree=x";
        let tried = Tried::to_ask(&server, url, "a");
        let broken = io::Error::other("end of file before message length reached");
        let said = [
            no_polling(&tried),
            no_request("bad header", &tried),
            no_connection("", true, &server),
            no_connection("network unreachable", false, &server),
            no_connection("invalid peer certificate: UnknownIssuer", false, &server),
            cut_short(&broken, Duration::from_secs(10), &server),
            explain(&answer(200), &tried, None),
        ];
        let lines: Vec<String> = said.iter().map(|one| format!("{}: {one}", one.reason)).collect();
        let expected = [
            "no-polling: job a cannot be told to poll (tried https://ci.example.com/ci/job/a/api/json); only freestyle \
             and similar jobs can; write `action: build`",
            "impossible-request: no request could be made for https://ci.example.com/ci/job/a/api/json: bad header; \
             check user id, job and server for characters that HTTP cannot carry",
            "no-route: ci.example.com port 443 does not answer; check the network or VPN; then: jenkins-trigger retry",
            "no-connection: no connection to ci.example.com port 443: network unreachable; check `server` in \
             .jenkins-trigger.yml, the network or VPN; then: jenkins-trigger retry",
            "certificate: the TLS certificate of ci.example.com is not accepted: invalid peer certificate: \
             UnknownIssuer; add the issuing CA to this system's trust store; then: jenkins-trigger retry",
            "cut-short: the answer of ci.example.com broke off (end of file before message length reached); it is tried \
             again later",
            "not-json: https://ci.example.com/ci/job/a/api/json does not show the JSON that was asked for; something \
             before Jenkins may have changed it: a proxy or single sign-on",
        ];
        assert_eq!(lines, expected);
    }

    fn answer(status: u16) -> Answer {
        Answer {
            status,
            location: None,
            user: None,
            permission: None,
            is_jenkins: false,
            challenge: None,
            only_post: false,
            crumb: Crumb::NotAskedFor,
            server: None,
            body: String::new(),
        }
    }

    /// A header can repeat what was sent, as it was sent or encoded.
    #[test]
    fn a_secret_that_the_server_repeats_is_not_said() {
        let server = Url::parse("https://ci.example.com/").expect("a URL");
        let login = Login::new("ada".into(), Secret::new("11 secret/token".into()));
        let reading = Reading {
            job: "job",
            login: &login,
            for_trigger: false,
        };
        let tried = Tried::to_read(&server, "https://ci.example.com/x", &reading);
        for location in ["/a/11%20secret%2Ftoken/b", "https://11 secret/token/"] {
            let answer = Answer {
                location: Some(location.into()),
                ..answer(302)
            };
            let said = explain(&answer, &tried, None).to_string();
            assert!(said.contains("redirects") || said.contains("login"), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
