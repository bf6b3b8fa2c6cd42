//! The table: one row for each failure of the contract. The first that holds is said, so that a
//! row may leave out what those above it have taken.

use super::redirect::Leads;
use super::words::{AGAIN, clipped};
use super::{Answer, Finding, Row, Trouble, wants_parameters};
use crate::jenkins::Order;
use crate::jenkins::front::Front;
use crate::jenkins::session::Crumb;
use crate::jenkins::{proxy, tls};

/// The row for credentials that Jenkins does not accept.
pub(super) const CREDENTIALS: &str = "credentials";
/// The row for a trigger token that the job does not accept.
pub(super) const TRIGGER_TOKEN: &str = "trigger-token";
/// The rows that another API token puts right.
pub(super) const OF_LOGIN: [&str; 4] = [CREDENTIALS, "no-api-token", "no-crumb-for-user", "crumb-refused"];

/// In the order in which they are tried.
pub(super) static ROWS: &[Row] = &[
    // No answer.
    Row {
        name: "impossible-request",
        when: |c| c.met(Trouble::Request),
        meaning: |c| format!("no request could be made for {}: {}", c.url(), c.cause()),
        advice: |_| "check user id, job and server for characters that HTTP cannot carry".into(),
    },
    Row {
        name: "host-not-found",
        when: |c| c.met(Trouble::Name),
        meaning: |c| format!("the host name {} cannot be resolved", c.tried.host()),
        advice: |c| {
            format!(
                "check `server` in .jenkins-trigger.yml, the network or VPN{}",
                c.then_retry()
            )
        },
    },
    Row {
        name: "connection-refused",
        when: |c| c.met(Trouble::Refused),
        meaning: |c| format!("{} refuses the connection", c.host_and_port()),
        advice: |c| {
            format!(
                "Jenkins is down, or `server` in .jenkins-trigger.yml is wrong{}",
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-route",
        when: |c| c.met(Trouble::Silent),
        meaning: |c| format!("{} does not answer", c.host_and_port()),
        advice: |c| format!("check the network or VPN{}", c.then_retry()),
    },
    Row {
        name: "certificate",
        when: |c| c.met(Trouble::Certificate),
        meaning: |c| {
            format!(
                "the TLS certificate of {} is not accepted: {}",
                c.tried.host(),
                c.cause()
            )
        },
        advice: |c| {
            format!(
                "add the issuing CA to this system's trust store{}",
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-connection",
        when: |c| c.met(Trouble::Connection),
        meaning: |c| format!("no connection to {}: {}", c.host_and_port(), c.cause()),
        advice: |c| {
            format!(
                "check `server` in .jenkins-trigger.yml, the network or VPN{}",
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-answer",
        when: |c| c.met(Trouble::NoAnswer),
        meaning: |c| {
            format!(
                "{} took the request and gave no answer {}{}",
                c.tried.host(),
                c.cause(),
                c.may_be_queued()
            )
        },
        advice: |c| c.look_first(),
    },
    Row {
        name: "broken-answer",
        when: |c| c.met(Trouble::Broken),
        meaning: |c| {
            format!(
                "the connection to {} broke before an answer that is HTTP ({}){}",
                c.tried.host(),
                c.cause(),
                c.may_be_queued()
            )
        },
        advice: |c| c.look_first(),
    },
    Row {
        name: "cut-short",
        when: |c| c.met(Trouble::CutShort),
        meaning: |c| format!("the answer of {} {}", c.tried.host(), c.cause()),
        advice: |_| AGAIN.into(),
    },
    // Redirects.
    Row {
        name: "redirect-nowhere",
        when: |c| matches!(c.leads(), Some(Leads::Nowhere)),
        meaning: |c| format!("{} redirects to nowhere (HTTP {})", c.url(), c.status()),
        advice: |_| "check `server` in .jenkins-trigger.yml".into(),
    },
    Row {
        name: "moved",
        when: |c| matches!(c.leads(), Some(Leads::Moved { .. })),
        meaning: |c| match c.leads() {
            Some(Leads::Moved { to, .. }) => format!("{} redirects to {to}", c.tried.server),
            _ => String::new(),
        },
        advice: |c| match c.leads() {
            Some(Leads::Moved { base, same_host, .. }) => {
                let doubt = if same_host {
                    ""
                } else {
                    "if that is your Jenkins, "
                };
                format!("{doubt}write in .jenkins-trigger.yml: server: {base}")
            }
            _ => String::new(),
        },
    },
    Row {
        name: "vetoed",
        when: |c| matches!(c.leads(), Some(Leads::Job)),
        meaning: |c| format!("a policy on the server refused to queue job {}", c.tried.job),
        advice: |_| "a throttle, build blocker or folder rule says no; ask its administrator".into(),
    },
    Row {
        name: "single-sign-on",
        when: |c| {
            matches!(c.leads(), Some(Leads::Login(_))) || matches!(c.front, Some(Front::SingleSignOn { .. }))
        },
        meaning: |c| match (c.leads(), c.front) {
            (Some(Leads::Login(at)), _) => format!("{} asks for a login first, at {at}", c.tried.host()),
            (_, Some(Front::SingleSignOn { at: Some(at) })) => {
                format!("{} asks for a login first, at {at}", c.tried.host())
            }
            _ => format!("{} shows a login page in Jenkins' place", c.tried.host()),
        },
        advice: |_| {
            "a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use \
             an internal URL as `server`"
                .into()
        },
    },
    // Somebody else in Jenkins' place.
    Row {
        name: "proxy-login",
        when: |c| c.status() == 407,
        meaning: |c| proxy::wants_login(c.tried.server).meaning,
        advice: |c| proxy::wants_login(c.tried.server).advice,
    },
    Row {
        name: "wants-https",
        when: |c| {
            // nginx, Apache and what is written in Go.
            let sentences = [
                "plain HTTP request was sent to HTTPS port",
                "speaking plain HTTP to an SSL-enabled server port",
                "sent an HTTP request to an HTTPS server",
            ];
            let says = |answer: &Answer| sentences.iter().any(|sentence| answer.says(sentence));
            c.status() == 400 && c.answer().is_some_and(says)
        },
        meaning: |c| tls::refused_plain(c.tried.server).meaning,
        advice: |c| tls::refused_plain(c.tried.server).advice,
    },
    Row {
        name: "front-login",
        when: |c| {
            let is_other = matches!(c.front, Some(Front::NotJenkins { .. }));
            let challenges = c.answer().is_some_and(|answer| answer.challenge.is_some());
            let is_foreign = c.status() == 401 && challenges && !c.asks_for_jenkins_login() && !is_other;
            is_foreign || matches!(c.front, Some(Front::Login { .. }))
        },
        meaning: |c| {
            let realm = match c.front {
                Some(Front::Login {
                    realm: Some(realm), ..
                }) => format!(", realm \"{realm}\""),
                _ => String::new(),
            };
            format!(
                "something before Jenkins at {} wants a login of its own (HTTP {}{realm})",
                c.tried.host(),
                c.status()
            )
        },
        advice: |_| {
            "the proxy must let requests with an API token through to Jenkins, which checks it; or use an internal \
             URL as `server`"
                .into()
        },
    },
    Row {
        name: "wrong-context-path",
        when: |c| {
            let is_away = matches!(c.front, Some(Front::NotJenkins { status: 404, .. }));
            is_away && c.status() == 404 && c.answer().is_some_and(Answer::is_jetty)
        },
        meaning: |c| format!("there is no Jenkins at {} (tried {})", c.tried.server, c.url()),
        advice: |c| {
            let example = match c.tried.server.path() {
                "/" => format!("is missing (as in {}jenkins/)", c.tried.server),
                path => format!("{path} is wrong"),
            };
            format!(
                "a Jetty answers there, as under Jenkins: perhaps the context path {example}; correct `server` in \
                 .jenkins-trigger.yml"
            )
        },
    },
    Row {
        name: "not-jenkins",
        // A proxy may let nothing but the jobs' addresses through.
        when: |c| matches!(c.front, Some(Front::NotJenkins { .. })) && !c.asks_for_jenkins_login(),
        meaning: |c| {
            format!(
                "there is no Jenkins at {} (HTTP {}; tried {})",
                c.tried.server,
                c.status(),
                c.url()
            )
        },
        advice: |c| {
            format!(
                "{}; check `server` in .jenkins-trigger.yml, with its context path",
                c.other_server()
            )
        },
    },
    // Jenkins, in the order of the status.
    Row {
        name: "no-queue-item",
        when: |c| c.tried.builds() && (200..300).contains(&c.status()),
        meaning: |c| {
            format!(
                "{} answered HTTP {} without a queue item: nothing says that a build was queued",
                c.url(),
                c.status()
            )
        },
        advice: |c| {
            format!(
                "check that `server` in .jenkins-trigger.yml is a Jenkins, with its context path, and see {}",
                c.job_page()
            )
        },
    },
    Row {
        name: "not-json",
        when: |c| (200..300).contains(&c.status()),
        meaning: |c| format!("{} does not show the JSON that was asked for", c.url()),
        advice: |_| "something before Jenkins may have changed it: a proxy or single sign-on".into(),
    },
    Row {
        name: "redirected",
        when: |c| c.leads().is_some(),
        meaning: |c| match c.leads() {
            Some(Leads::Elsewhere(to)) => format!("{} redirects to {to}", c.url()),
            _ => String::new(),
        },
        advice: |_| {
            "check `server` in .jenkins-trigger.yml, with its context path; or a single sign-on stands before Jenkins"
                .into()
        },
    },
    Row {
        name: "no-parameters",
        // 500 before 2.524.
        when: |c| matches!(c.status(), 400 | 500) && c.says("is not parameterized"),
        meaning: |c| {
            format!(
                "job {} declares no parameters, so the branch cannot be passed",
                c.tried.job
            )
        },
        advice: |_| {
            "add the parameter to the job (a pipeline: run it once by hand, so that its parameters register), or \
             write `branch_parameter: false`"
                .into()
        },
    },
    Row {
        name: "no-scm-polling",
        // The reason is in the server's log only (contract, observed 2).
        when: |c| c.tried.polls() && c.tried.token_root() && c.status() == 400,
        meaning: |c| {
            format!(
                "job {} is not set up to poll its SCM, or is disabled (HTTP 400; the reason is in the server's log)",
                c.tried.job
            )
        },
        advice: |c| {
            format!(
                "tick \"Poll SCM\" at {}configure, its schedule may be empty; or write `action: build`",
                c.job_page()
            )
        },
    },
    Row {
        name: "refused-at-token-root",
        when: |c| c.tried.token_root() && c.status() == 400,
        meaning: |c| {
            format!(
                "job {} takes no build this way (HTTP 400; the reason is in the server's log)",
                c.tried.job
            )
        },
        advice: |c| {
            if c.tried.order.is_some_and(|order| !order.parameters.is_empty()) {
                format!(
                    "the job is disabled, or declares no parameters: enable it or add the parameter, or write \
                     `branch_parameter: false`{}",
                    c.then_retry()
                )
            } else {
                format!("the job is disabled: enable it{}", c.then_retry())
            }
        },
    },
    Row {
        name: "wants-parameters",
        when: |c| c.status() == 400 && c.answer().is_some_and(|answer| wants_parameters(answer, c.tried)),
        meaning: |c| {
            format!(
                "job {} declares parameters and did not take them (HTTP 400)",
                c.tried.job
            )
        },
        advice: |c| {
            format!(
                "something on the way lost the form that was sent to {}; a proxy may",
                c.url()
            )
        },
    },
    Row {
        name: "bad-request",
        when: |c| c.status() == 400,
        meaning: |c| format!("{} was not understood (HTTP 400)", c.url()),
        advice: |_| "check `server` and `job` in .jenkins-trigger.yml".into(),
    },
    Row {
        name: CREDENTIALS,
        when: |c| c.status() == 401,
        meaning: |c| {
            format!(
                "Jenkins at {} does not accept the API token of user {}{}",
                c.tried.host(),
                c.tried.user(),
                c.whence()
            )
        },
        advice: |c| {
            format!(
                "it may be mistyped, revoked or expired: make one at {} and {}{}",
                c.token_page(),
                c.renewal(),
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-job-at-token-root",
        // The plugin's own 404, unlike every other, is empty (contract, observed 2).
        when: |c| {
            let is_empty = c.answer().is_some_and(|answer| answer.body.is_empty());
            c.tried.token_root() && c.status() == 404 && is_empty
        },
        meaning: |c| {
            format!(
                "{} knows no job {} with a trigger token",
                c.tried.host(),
                c.tried.job
            )
        },
        advice: |c| {
            format!(
                "check `job`, and that \"Trigger builds remotely\" is on at {}configure{}",
                c.job_page(),
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-token-root",
        when: |c| {
            let by_crumb = c.status() == 403 && c.says("No valid crumb was included");
            let by_page = c.status() == 404 && c.is_jenkins();
            c.tried.token_root() && (by_crumb || by_page)
        },
        meaning: |c| {
            format!(
                "Jenkins at {} has no Build Authorization Token Root plugin (tried {})",
                c.tried.host(),
                c.url()
            )
        },
        advice: |_| "install the plugin build-token-root, or use `method: job-token`".into(),
    },
    Row {
        name: "no-api-token",
        when: |c| c.lacks_crumb(&[Crumb::NotAskedFor, Crumb::NotGiven]),
        meaning: |c| {
            format!(
                "Jenkins at {} took what user {} sent{} for no API token, and asked for a crumb",
                c.tried.host(),
                c.tried.user(),
                c.whence()
            )
        },
        advice: |c| {
            format!(
                "a password serves only where Jenkins gives it a crumb; make an API token at {} and {}{}",
                c.token_page(),
                c.renewal(),
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-crumb-for-user",
        when: |c| c.lacks_crumb(&[Crumb::Withheld]),
        meaning: |c| {
            format!(
                "a password needs a crumb from Jenkins at {}, and user {} lacks the permission Overall/Read to get one",
                c.tried.host(),
                c.tried.user()
            )
        },
        advice: |c| {
            format!(
                "an administrator ticks Overall/Read for {} at {}manage/configureSecurity/; or make an API token, which \
                 needs no crumb, at {} and {}{}",
                c.tried.user(),
                c.tried.server,
                c.token_page(),
                c.renewal(),
                c.then_retry()
            )
        },
    },
    Row {
        name: "crumb-refused",
        when: |c| c.lacks_crumb(&[Crumb::Refused]),
        meaning: |c| {
            format!(
                "Jenkins at {} refused the crumb that it had just given to user {}",
                c.tried.host(),
                c.tried.user()
            )
        },
        advice: |c| {
            format!(
                "a proxy before it takes the session's cookie or the crumb's header away; make an API token, which needs \
                 neither, at {} and {}{}",
                c.token_page(),
                c.renewal(),
                c.then_retry()
            )
        },
    },
    Row {
        name: TRIGGER_TOKEN,
        when: |c| {
            let login_page = c.tried.token_root() && c.permission().is_none() && c.is_jenkins();
            c.status() == 403 && (c.says("Invalid token provided") || login_page)
        },
        meaning: |c| format!("the trigger token of job {} is wrong", c.tried.job),
        advice: |c| {
            format!(
                "set a new one under \"Trigger builds remotely\" at {}configure (a Jenkins since 2.541 does not \
                 show the old one), and keep it by the name that `token_from` has: jenkins-trigger login --job-token \
                 NAME{}",
                c.job_page(),
                c.then_retry()
            )
        },
    },
    Row {
        name: "no-credentials-arrived",
        when: |c| {
            let by_name = c
                .answer()
                .is_some_and(|answer| answer.user.as_deref() == Some("anonymous"));
            let by_page = c.is_jenkins() && c.says("Authentication required");
            c.lacks_crumb(&[Crumb::Anonymous]) || (c.status() == 403 && (by_name || by_page))
        },
        meaning: |c| format!("Jenkins at {} saw no credentials", c.tried.host()),
        advice: |c| {
            format!(
                "a proxy before it takes the Authorization header away: let it forward that of user {}, or use an internal \
                 URL as `server`",
                c.tried.user()
            )
        },
    },
    Row {
        name: "overall-permission",
        when: |c| c.status() == 403 && c.permission().is_some_and(|words| words.starts_with("Overall/")),
        meaning: |c| {
            let permission = c.permission().unwrap_or_default();
            format!("user {} lacks the permission {permission} in Jenkins", c.user())
        },
        advice: |c| {
            let permission = c.permission().unwrap_or_default();
            format!(
                "an administrator ticks {permission} for {} at {}manage/configureSecurity/{}",
                c.user(),
                c.tried.server,
                c.then_retry()
            )
        },
    },
    Row {
        name: "job-permission",
        when: |c| c.status() == 403 && c.permission().is_some(),
        meaning: |c| {
            let permission = c.permission().unwrap_or_default();
            format!(
                "user {} lacks the permission {permission} on job {}",
                c.user(),
                c.tried.job
            )
        },
        advice: |c| {
            let permission = c.permission().unwrap_or_default();
            format!(
                "an administrator ticks {permission} for {} at {}manage/configureSecurity/, or in the job's or \
                 folder's own matrix{}",
                c.user(),
                c.tried.server,
                c.then_retry()
            )
        },
    },
    Row {
        name: "job-read",
        // What is read here needs no other permission (contract, observed 3).
        when: |c| {
            let reads = c.tried.order.is_none() && c.is_jenkins();
            c.status() == 403 && (reads || c.says("Please login to access job"))
        },
        meaning: |c| {
            format!(
                "user {} lacks the permission Job/Read on job {}",
                c.tried.user(),
                c.tried.job
            )
        },
        advice: |c| {
            format!(
                "an administrator ticks Job/Read for {} on the job and its folders{}",
                c.tried.user(),
                c.then_retry()
            )
        },
    },
    Row {
        name: "blocked-on-the-way",
        when: |c| {
            let refused = matches!(c.status(), 400 | 403 | 404 | 405 | 500);
            refused && !c.is_jenkins_own() && matches!(c.front, Some(Front::Jenkins { .. }))
        },
        meaning: |c| {
            format!(
                "something before Jenkins at {} refuses {} (HTTP {})",
                c.tried.host(),
                c.url(),
                c.status()
            )
        },
        advice: |c| {
            let method = if c.tried.builds() { "a POST" } else { "a GET" };
            format!(
                "the proxy or firewall there must let {method} to it pass; or use an internal URL as `server`"
            )
        },
    },
    Row {
        name: "forbidden",
        when: |c| c.status() == 403,
        meaning: |c| format!("{} is forbidden for user {} (HTTP 403)", c.url(), c.tried.user()),
        advice: |c| {
            if c.is_jenkins() {
                "check the job's permissions and its trigger token".into()
            } else {
                "this is no answer of a Jenkins: a proxy or firewall before it says no".into()
            }
        },
    },
    Row {
        name: "no-job",
        when: |c| c.status() == 404 || c.found(Finding::NoJob),
        meaning: |c| {
            let names = c.tried.near.iter().map(|name| clipped(name, 100));
            let near = match names.collect::<Vec<_>>().as_slice() {
                [] => String::new(),
                [one] => format!("; did you mean {one}?"),
                several => format!("; he sees {}", several.join(", ")),
            };
            format!(
                "there is no job {}, or user {} may not see it (tried {}){near}",
                c.tried.job,
                c.tried.user(),
                c.url()
            )
        },
        advice: |c| {
            let may_be_branch = |order: &Order<'_>| !order.is_branch_job && c.tried.job.contains('/');
            let branch = if c.tried.order.is_some_and(may_be_branch) {
                "; for a branch of a multibranch project, the project's and `multibranch: true`"
            } else {
                ""
            };
            format!(
                "check `job` (the full name with its folders{branch}), and the permission Job/Read of {} on job and \
                 folders",
                c.tried.user()
            )
        },
    },
    Row {
        name: "post-arrived-as-get",
        when: |c| c.status() == 405 && c.answer().is_some_and(|answer| answer.only_post),
        meaning: |c| format!("the POST to {} did not arrive as one (HTTP 405)", c.url()),
        advice: |_| {
            "a redirect on the way turned it into a GET; check the scheme (https?) of `server` in \
             .jenkins-trigger.yml"
                .into()
        },
    },
    Row {
        name: "method-refused",
        when: |c| c.status() == 405,
        meaning: |c| format!("{} wants another HTTP method (HTTP 405)", c.url()),
        advice: |_| "the address is not a job's; check `server` and `job` in .jenkins-trigger.yml".into(),
    },
    Row {
        name: "no-polling",
        when: |c| c.found(Finding::NoPolling),
        meaning: |c| format!("job {} cannot be told to poll (tried {})", c.tried.job, c.url()),
        advice: |_| "only freestyle and similar jobs can; write `action: build`".into(),
    },
    Row {
        name: "job-disabled",
        when: |c| c.status() == 409 || c.found(Finding::Disabled),
        meaning: |c| format!("job {} is disabled", c.tried.job),
        advice: |c| format!("enable it at {}{}", c.job_page(), c.then_retry()),
    },
    Row {
        name: "too-large",
        when: |c| matches!(c.status(), 413 | 414 | 431),
        meaning: |c| {
            format!(
                "the request is too large for {} (HTTP {})",
                c.tried.host(),
                c.status()
            )
        },
        advice: |_| {
            "send shorter parameters (a commit message can be long), or raise the limit of the proxy before Jenkins"
                .into()
        },
    },
    Row {
        name: "too-often",
        when: |c| c.status() == 429,
        meaning: |c| format!("{} is asked too often (HTTP 429)", c.tried.host()),
        advice: |_| AGAIN.into(),
    },
    Row {
        name: "server-error",
        when: |c| c.status() == 500,
        meaning: |c| {
            let id = c
                .logging_id()
                .map(|id| format!(" (Logging ID={id})"))
                .unwrap_or_default();
            format!("Jenkins failed over the request for job {}{id}", c.tried.job)
        },
        advice: |c| {
            let usual = if c.tried.builds() {
                "usually a value that a choice parameter does not list; "
            } else {
                ""
            };
            let place = match c.logging_id() {
                Some(_) => " under that id",
                None => "",
            };
            format!("{usual}its log has the reason{place}, for an administrator")
        },
    },
    Row {
        name: "lost-by-proxy",
        when: |c| matches!(c.status(), 502 | 504),
        meaning: |c| {
            format!(
                "the proxy before {} lost Jenkins (HTTP {}){}",
                c.tried.host(),
                c.status(),
                c.may_be_queued()
            )
        },
        advice: |c| c.look_first(),
    },
    Row {
        name: "starting",
        // "Please wait while Jenkins is getting ready to work" until 2.477.
        when: |c| c.status() == 503 && (c.says("Starting Jenkins") || c.says("Jenkins is getting ready")),
        meaning: |c| format!("Jenkins at {} is starting", c.tried.host()),
        advice: |_| AGAIN.into(),
    },
    Row {
        name: "unavailable",
        when: |c| c.status() == 503,
        meaning: |c| format!("{} is not available (HTTP 503)", c.tried.host()),
        advice: |_| AGAIN.into(),
    },
];

/// What no row is about.
pub(super) static LAST: Row = Row {
    name: "unknown-answer",
    when: |_| true,
    meaning: |c| format!("{} answered HTTP {}", c.url(), c.status()),
    advice: |_| "this is no answer of a Jenkins; check `server` in .jenkins-trigger.yml".into(),
};
