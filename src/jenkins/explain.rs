//! answer → meaning → what to do (contract, "Failure answers a client must explain").

use std::fmt;
use std::io;
use std::time::Duration;

use url::Url;

use super::client::innermost;
use super::session::Crumb;
use super::{Method, Order, job_url, proxy, tls};
use crate::text::harmless;

/// What a failure means and what the user can do about it. Holds no secret and no control
/// character, whatever the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What happened, in one sentence without its full stop.
    pub meaning: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}; {}", self.meaning, self.advice)
    }
}

pub(super) fn say(meaning: impl AsRef<str>, advice: impl AsRef<str>) -> Explanation {
    Explanation {
        meaning: harmless(meaning.as_ref()),
        advice: harmless(advice.as_ref()),
    }
}

/// What was asked, for the words of an explanation.
pub(super) struct Tried<'a> {
    pub(super) server: &'a Url,
    pub(super) url: &'a str,
    pub(super) order: &'a Order<'a>,
    /// Names of jobs that this user can see where the job was looked for, the most alike first.
    pub(super) near: Vec<String>,
}

impl Tried<'_> {
    fn host(&self) -> &str {
        self.server.host_str().unwrap_or_default()
    }

    fn user(&self) -> &str {
        self.order.login.map_or("nobody", |login| &login.user)
    }

    fn job(&self) -> &str {
        self.order.job
    }

    pub(super) fn token_root(&self) -> bool {
        self.order.method == Method::TokenRoot
    }
}

/// What of an answer matters.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) user: Option<String>,
    pub(super) permission: Option<String>,
    pub(super) is_jenkins: bool,
    pub(super) asks_for_jenkins_login: bool,
    pub(super) only_post: bool,
    pub(super) crumb: Crumb,
    pub(super) body: String,
}

impl Answer {
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
}

/// Whether a 400 says that the job has parameters and the endpoint without them was used.
/// build-token-root hides the reason (contract, observed 2).
pub(super) fn wants_parameters(answer: &Answer, tried: &Tried<'_>) -> bool {
    answer.says("Nothing is submitted")
        || answer.says("This page expects a form submission")
        || (tried.token_root() && answer.says("Oops!"))
}

pub(super) const RETRY: &str = "then: jenkins-trigger retry";

pub(super) fn no_client(cause: &str) -> Explanation {
    say(
        format!("no HTTPS client could be set up: {cause}"),
        "install the system's CA certificates (package ca-certificates), or name the server's by `ca_file: FILE` in \
         .jenkins-trigger.yml",
    )
}

pub(super) fn no_request(cause: &str, tried: &Tried<'_>) -> Explanation {
    say(
        format!("no request could be made for {}: {cause}", tried.url),
        "check user id, job and server for characters that HTTP cannot carry",
    )
}

pub(super) fn no_connection(cause: &str, timed_out: bool, server: &Url) -> Explanation {
    let host = server.host_str().unwrap_or_default();
    let port = server.port_or_known_default().unwrap_or_default();
    let lower = cause.to_lowercase();
    if timed_out {
        say(
            format!("{host} port {port} does not answer"),
            format!("check the network or VPN; {RETRY}"),
        )
    } else if lower.contains("lookup address") || lower.contains("dns") {
        say(
            format!("the host name {host} cannot be resolved"),
            format!("check `server` in .jenkins-trigger.yml, the network or VPN; {RETRY}"),
        )
    } else if lower.contains("refused") {
        say(
            format!("{host} port {port} refuses the connection"),
            format!("Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; {RETRY}"),
        )
    } else {
        say(
            format!("no connection to {host} port {port}: {cause}"),
            format!("check `server` in .jenkins-trigger.yml, the network or VPN; {RETRY}"),
        )
    }
}

/// A question that changes nothing got no answer.
pub(super) fn no_page(error: &reqwest::Error, limit: Duration, server: &Url) -> Explanation {
    let host = server.host_str().unwrap_or_default();
    let cause = innermost(error);
    if error.is_connect() {
        no_connection(&cause, error.is_timeout(), server)
    } else if error.is_timeout() {
        say(
            format!(
                "{host} took the request and gave no answer within {} s",
                limit.as_secs()
            ),
            AGAIN,
        )
    } else {
        say(
            format!("the connection to {host} broke before an answer that is HTTP ({cause})"),
            AGAIN,
        )
    }
}

/// The body of an answer did not come to its end.
pub(super) fn cut_short(error: &io::Error, limit: Duration, server: &Url) -> Explanation {
    let host = server.host_str().unwrap_or_default();
    let how = if error.kind() == io::ErrorKind::TimedOut {
        format!("took longer than {} s", limit.as_secs())
    } else {
        format!("broke off ({error})")
    };
    say(format!("the answer of {host} {how}"), AGAIN)
}

/// What is said of a server that a question did not get through to.
pub(super) fn away(status: u16, answer_says_starting: bool, server: &Url) -> Explanation {
    let host = server.host_str().unwrap_or_default();
    let meaning = match status {
        429 => format!("{host} is asked too often (HTTP 429)"),
        502 | 504 => format!("the proxy before {host} lost Jenkins (HTTP {status})"),
        503 if answer_says_starting => format!("Jenkins at {host} is starting"),
        status => format!("{host} is not available (HTTP {status})"),
    };
    say(meaning, AGAIN)
}

const AGAIN: &str = "it is tried again later";

pub(super) fn no_answer(limit: Duration, tried: &Tried<'_>) -> Explanation {
    say(
        format!(
            "{} took the request and gave no answer within {} s: it may have been queued",
            tried.host(),
            limit.as_secs()
        ),
        look_first(tried),
    )
}

pub(super) fn broken_answer(cause: &str, tried: &Tried<'_>) -> Explanation {
    say(
        format!(
            "the connection to {} broke before an answer that is HTTP ({cause}): it may have been queued",
            tried.host()
        ),
        look_first(tried),
    )
}

fn look_first(tried: &Tried<'_>) -> String {
    format!(
        "before it is sent again it is looked for in the queue and at {}",
        job_url(tried.server, tried.job())
    )
}

pub(super) fn explain(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    match answer.status {
        200..=299 => accepted_without_item(answer, tried),
        300..=399 => redirected(answer, tried),
        400 => bad_request(answer, tried),
        401 => unauthorised(answer, tried),
        403 => forbidden(answer, tried),
        404 => not_found(answer, tried),
        405 => say(
            format!("{} wants another HTTP method", tried.url),
            if answer.only_post {
                "something on the way turned the POST into a GET; check the scheme in `server`"
            } else {
                "the address is not a job's; check `server` and `job`"
            },
        ),
        407 => proxy::wants_login(tried.server),
        409 => disabled(tried.server, tried.job()),
        413 | 414 | 431 => say(
            format!(
                "the request is too large for {} (HTTP {})",
                tried.host(),
                answer.status
            ),
            "send shorter parameters, or raise the limit of the proxy before Jenkins",
        ),
        500 => server_error(answer, tried),
        502 | 504 => say(
            format!(
                "the proxy before {} lost Jenkins (HTTP {}): it may have been queued",
                tried.host(),
                answer.status
            ),
            look_first(tried),
        ),
        429 | 503 => away(answer.status, is_starting(&answer.body), tried.server),
        other => say(
            format!("{} answered HTTP {other}", tried.url),
            "this is no answer of a Jenkins; check `server` in .jenkins-trigger.yml",
        ),
    }
}

/// What is said of a 400 to build-token-root's `polling` (contract, observed 2).
pub(super) fn does_not_poll(tried: &Tried<'_>) -> Explanation {
    say(
        format!(
            "job {} is not set up to poll its SCM, or is disabled (HTTP 400; the reason is in the server's log)",
            tried.job()
        ),
        format!(
            "tick \"Poll SCM\" at {}configure, its schedule may be empty; or write `action: build`",
            job_url(tried.server, tried.job())
        ),
    )
}

/// What is said of a job that is there and has no address for polling.
pub(super) fn no_polling(tried: &Tried<'_>) -> Explanation {
    say(
        format!("job {} cannot be told to poll (tried {})", tried.job(), tried.url),
        "only freestyle and similar jobs can; write `action: build`",
    )
}

/// Whether this is the page of a Jenkins that starts (contract, observed 4; the older text too).
pub(super) fn is_starting(body: &str) -> bool {
    body.contains("Starting Jenkins") || body.contains("Jenkins is getting ready")
}

/// What is said of a job that cannot be built (contract, observed 1: 409).
pub(super) fn disabled(server: &Url, job: &str) -> Explanation {
    say(
        format!("job {job} is disabled"),
        format!("enable it at {}; {RETRY}", job_url(server, job)),
    )
}

/// Whether an answer points at the job that was asked. By its path: Jenkins makes the rest from the
/// request (contract, observed 3).
pub(super) fn leads_to_job(answer: &Answer, tried: &Tried<'_>) -> bool {
    let location = answer.location.as_deref().unwrap_or_default();
    // Relative to the page that was asked.
    let page = Url::parse(tried.url).and_then(|page| page.join(location));
    let job = Url::parse(&job_url(tried.server, tried.job()));
    page.is_ok_and(|page| job.is_ok_and(|job| job.path() == page.path()))
}

fn accepted_without_item(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    say(
        format!(
            "{} answered HTTP {} without a queue item: nothing says that a build was queued",
            tried.url, answer.status
        ),
        "check that `server` in .jenkins-trigger.yml is a Jenkins, with its context path",
    )
}

fn redirected(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    let location = answer.location.as_deref().unwrap_or_default();
    // Relative Locations are usual (contract, observed 4).
    let target = tried.server.join(location).ok();
    let Some(target) = target.filter(|target| matches!(target.scheme(), "http" | "https")) else {
        return say(
            format!("{} redirects to nowhere", tried.url),
            "check `server` in .jenkins-trigger.yml",
        );
    };
    let shown = without_query(&target);
    let within = tried.url.strip_prefix(tried.server.as_str()).unwrap_or_default();
    if shown != tried.url
        && let Some(moved) = shown.strip_suffix(within)
    {
        return say(
            format!("{} redirects to {shown}", tried.server),
            format!("if that is your Jenkins, write in .jenkins-trigger.yml: server: {moved}"),
        );
    }
    // By its path: Jenkins makes the rest from the request (contract, observed 3).
    let job = Url::parse(&job_url(tried.server, tried.job()));
    if job.is_ok_and(|job| job.path() == target.path()) {
        return say(
            format!("a policy on the server refused to queue job {}", tried.job()),
            "a throttle, build blocker or folder rule says no; ask its administrator",
        );
    }
    let path = target.path();
    let for_login = ["/login", "/securityRealm/", "/oauth2/", "/saml", "/sso"]
        .iter()
        .any(|part| path.contains(part));
    let same_host = target.host_str() == tried.server.host_str();
    if same_host && target.origin() != tried.server.origin() && !for_login {
        let moved = format!("{}{}", target.origin().ascii_serialization(), tried.server.path());
        return say(
            format!("{} redirects to {shown}", tried.server),
            format!("write in .jenkins-trigger.yml: server: {moved}"),
        );
    }
    if !same_host || for_login {
        return say(
            format!("{} asks for a login first, at {shown}", tried.host()),
            "a single sign-on stands before Jenkins; it must let API tokens through, or use an internal URL",
        );
    }
    say(
        format!("{} redirects to {shown}", tried.url),
        "check `server` in .jenkins-trigger.yml, with its context path; or a single sign-on stands before Jenkins",
    )
}

/// An address as it may be shown: a redirect echoes what was sent.
fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

fn bad_request(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    let job = tried.job();
    // nginx, Apache and what is written in Go.
    let wants_tls = [
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
        "sent an HTTP request to an HTTPS server",
    ];
    if wants_tls.iter().any(|sentence| answer.says(sentence)) {
        return tls::explain_refused_plain(tried.server);
    }
    if answer.says("is not parameterized") {
        return say(
            format!("job {job} declares no parameters, so the branch cannot be passed"),
            "add the parameter to the job (a pipeline: run it once by hand, so that its parameters \
             register), or write `branch_parameter: false`",
        );
    }
    if tried.token_root() {
        return say(
            format!("job {job} takes no build this way (HTTP 400; the reason is in the server's log)"),
            if tried.order.parameters.is_empty() {
                "the job is disabled; enable it"
            } else {
                "the job is disabled, or declares no parameters: enable it or add the parameter, or \
                 write `branch_parameter: false`"
            },
        );
    }
    say(
        format!("{} was not understood (HTTP 400)", tried.url),
        "check `server` and `job` in .jenkins-trigger.yml",
    )
}

fn unauthorised(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    if !answer.asks_for_jenkins_login {
        return say(
            format!(
                "something before Jenkins at {} wants a login (HTTP 401)",
                tried.host()
            ),
            "a proxy or single sign-on must let API tokens through; or use an internal URL",
        );
    }
    say(
        format!(
            "Jenkins at {} does not accept the API token of user {}",
            tried.host(),
            tried.user()
        ),
        format!(
            "make one at {}me/security/ and set JENKINS_USER_ID (the user id, not the e-mail address) \
             and JENKINS_API_TOKEN; {RETRY}",
            tried.server
        ),
    )
}

/// A POST that was refused for want of a crumb.
fn no_crumb(crumb: Crumb, tried: &Tried<'_>) -> Explanation {
    let (host, user) = (tried.host(), tried.user());
    if tried.token_root() {
        return say(
            format!("Jenkins at {host} has no Build Authorization Token Root plugin"),
            "install the plugin build-token-root, or use `method: job-token`",
        );
    }
    let page = format!("{}me/security/", tried.server);
    match crumb {
        Crumb::NotAskedFor | Crumb::NotGiven => say(
            format!("Jenkins at {host} took what user {user} sent for no API token, and asked for a crumb"),
            format!(
                "make an API token at {page} and set JENKINS_API_TOKEN to it; a password serves only where Jenkins \
                 gives it a crumb; {RETRY}"
            ),
        ),
        Crumb::Withheld => say(
            format!(
                "a password needs a crumb from Jenkins at {host}, and user {user} lacks the permission Overall/Read to \
                 get one"
            ),
            format!(
                "an administrator ticks Overall/Read for {user} at {}manage/configureSecurity/; or set \
                 JENKINS_API_TOKEN to an API token, made at {page}, which needs no crumb; {RETRY}",
                tried.server
            ),
        ),
        Crumb::Anonymous => say(
            format!("Jenkins at {host} saw no credentials"),
            "a proxy before it takes the Authorization header away",
        ),
        Crumb::Refused => say(
            format!("Jenkins at {host} refused the crumb that it had just given to user {user}"),
            format!(
                "a proxy before it takes the session's cookie or the crumb's header away; set JENKINS_API_TOKEN to an \
                 API token, made at {page}, which needs neither; {RETRY}"
            ),
        ),
    }
}

fn forbidden(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    let (job, user) = (tried.job(), tried.user());
    if answer.wants_crumb() {
        return no_crumb(answer.crumb, tried);
    }
    if answer.says("Invalid token provided") || (tried.token_root() && answer.permission.is_none()) {
        return say(
            format!("the trigger token of job {job} is wrong"),
            format!(
                "compare it with \"Trigger builds remotely\" at {}configure, and set the variable that \
                 `token_from` names; {RETRY}",
                job_url(tried.server, job)
            ),
        );
    }
    if answer.user.as_deref() == Some("anonymous") {
        return say(
            format!("Jenkins at {} saw no credentials", tried.host()),
            "a proxy before it takes the Authorization header away",
        );
    }
    if let Some(permission) = &answer.permission {
        let who = answer.user.as_deref().unwrap_or(user);
        let permission = permission_in_words(permission);
        return say(
            format!("user {who} lacks the permission {permission} on job {job}"),
            format!(
                "an administrator ticks {permission} for {who} at {}manage/configureSecurity/, or in the \
                 job's or folder's own matrix; {RETRY}",
                tried.server
            ),
        );
    }
    if answer.says("Please login to access job") {
        return say(
            format!("user {user} lacks the permission Job/Read on job {job}"),
            format!("an administrator gives it; {RETRY}"),
        );
    }
    say(
        format!("{} forbids it (HTTP 403)", tried.url),
        if answer.is_jenkins {
            "check the job's permissions and its trigger token"
        } else {
            "this is no answer of a Jenkins: a proxy or firewall before it says no"
        },
    )
}

/// Jenkins's own words for the permissions that a trigger needs.
fn permission_in_words(id: &str) -> &str {
    match id {
        "hudson.model.Hudson.Read" => "Overall/Read",
        "hudson.model.Item.Read" => "Job/Read",
        "hudson.model.Item.Discover" => "Job/Discover",
        "hudson.model.Item.Build" => "Job/Build",
        other => other,
    }
}

fn not_found(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    let job = tried.job();
    if tried.token_root() {
        return if answer.body.is_empty() {
            say(
                format!("{} knows no job {job} with a trigger token", tried.host()),
                format!(
                    "check `job`, and that \"Trigger builds remotely\" is on at {}configure",
                    job_url(tried.server, job)
                ),
            )
        } else {
            say(
                format!("there is no {}", tried.url),
                "check `server` with its context path, and that the plugin build-token-root is installed",
            )
        };
    }
    if answer.is_jenkins {
        no_job(tried.server, job, tried.user(), &tried.near)
    } else {
        say(
            format!("there is no Jenkins at {} (tried {})", tried.server, tried.url),
            "check `server` in .jenkins-trigger.yml, with its context path",
        )
    }
}

/// What is said of a job that is not there for this user; `near` are the names that he sees there.
pub(super) fn no_job(server: &Url, job: &str, user: &str, near: &[String]) -> Explanation {
    let near = match near {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        several => format!("; he sees {}", several.join(", ")),
    };
    say(
        format!(
            "there is no job {job}, or user {user} may not see it (tried {}){near}",
            job_url(server, job)
        ),
        "check `job` (the full name with its folders), and the permission Job/Read on job and folders",
    )
}

fn server_error(answer: &Answer, tried: &Tried<'_>) -> Explanation {
    let id = answer
        .logging_id()
        .map(|id| format!(" (Logging ID={id})"))
        .unwrap_or_default();
    say(
        format!("Jenkins failed over the request for job {}{id}", tried.job()),
        "usually a value that a choice parameter does not list; its log has the reason under that id",
    )
}
