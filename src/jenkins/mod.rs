//! The HTTP client: how Jenkins is asked to build a job, and what its answers mean.

mod certificate;
mod client;
mod explain;
mod follow;
mod front;
mod job;
mod listing;
mod look;
mod multibranch;
mod origin;
pub mod parameters;
mod probe;
mod proxy;
mod read;
mod session;
mod tls;
mod token;
mod trigger;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

pub use client::{Client, is_loopback};
pub use explain::{Explanation, needs_login, needs_trigger_token};
pub use follow::{Build, Item, Place, Unseen, build_url};
pub use front::Front;
pub use job::Job;
pub use listing::{Listed, Listing};
pub use look::{Looked, Wanted};
pub use multibranch::Scanned;
pub use origin::{Given, Origin};
pub use probe::{About, Allowed, Identity, Reached, TokenCheck, Version};
pub use session::is_api_token;
pub use tls::{ClientCertificate, NoAuthorities, Security, check_authorities};
pub use token::Made;
pub use trigger::{Attempt, NoWay, Way};

use crate::secret::{Login, Secret};

/// How long to wait before Jenkins is asked once more what it may say otherwise then: while it starts,
/// valid credentials get a 401 for 0.3 to 0.8 s (contract, observed 4), and a request whose answer
/// was lost may still be on its way.
pub const SECOND_LOOK: Duration = Duration::from_secs(3);

/// How Jenkins is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `/job/X/build…` with a user and API token (or password).
    Api,
    /// The same with the job's own trigger token on top.
    JobToken,
    /// `/buildByToken/…` with the job's trigger token alone.
    TokenRoot,
}

impl Method {
    /// The name as the file has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::JobToken => "job-token",
            Self::TokenRoot => "token-root",
        }
    }

    /// Whether the request carries a user and API token.
    #[must_use]
    pub fn needs_user(self) -> bool {
        self != Self::TokenRoot
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Api, Self::JobToken, Self::TokenRoot]
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or_else(|| format!("unknown method {name}"))
    }
}

/// What Jenkins is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To build.
    Build,
    /// To look into the job's SCM, and to build if something is new there.
    Poll,
}

/// What Jenkins is asked to do.
#[derive(Debug)]
pub struct Order<'a> {
    /// How.
    pub method: Method,
    /// What for.
    pub action: Action,
    /// Whether the job is the one of a branch in a multibranch project: which branch it builds is
    /// no matter of its parameters.
    pub is_branch_job: bool,
    /// Whether what the job does not declare is refused.
    pub is_strict: bool,
    /// The job's full name, folders separated by `/`.
    pub job: &'a str,
    /// The parameters, in order; each name once.
    pub parameters: &'a [(&'a str, &'a [u8])],
    /// How long Jenkins is to wait; `None`: the field is not sent.
    pub delay: Option<Duration>,
    /// The note for the build's page; Jenkins records it with a job token only.
    pub cause: &'a [u8],
    /// Who asks; `None` with [`Method::TokenRoot`].
    pub login: Option<&'a Login>,
    /// The job's trigger token; `None` with [`Method::Api`].
    pub job_token: Option<&'a Secret>,
}

/// All but the characters that RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a job below the server's base: `a/b` → `job/a/job/b/` (contract, observed 1:
/// blanks as `%20`, letters as UTF-8; a slash within one segment is a 404).
#[must_use]
pub fn job_path(job: &str) -> String {
    let mut path = String::new();
    for name in job.split('/') {
        path.push_str("job/");
        path.extend(utf8_percent_encode(name, ENCODED));
        path.push('/');
    }
    path
}

/// The address of a job's page.
#[must_use]
pub fn job_url(server: &Url, job: &str) -> String {
    format!("{server}{}", job_path(job))
}

impl Order<'_> {
    /// The address that is posted to; `with_parameters` picks the endpoint.
    #[must_use]
    pub fn url(&self, server: &Url, with_parameters: bool) -> String {
        let endpoint = match self.action {
            Action::Poll => "polling",
            Action::Build if with_parameters => "buildWithParameters",
            Action::Build => "build",
        };
        match self.method {
            Method::Api | Method::JobToken => {
                format!("{}{endpoint}", job_url(server, self.job))
            }
            Method::TokenRoot => format!("{server}buildByToken/{endpoint}"),
        }
    }

    /// The fields of the form in order, secrets included; what is not sent is not there.
    /// `with_parameters` as for [`Order::url`].
    #[must_use]
    pub fn form(&self, with_parameters: bool) -> Vec<(&str, Vec<u8>)> {
        let mut form: Vec<(&str, Vec<u8>)> = Vec::new();
        if self.method == Method::TokenRoot {
            form.push(("job", self.job.into()));
        }
        if let Some(token) = self.job_token {
            form.push(("token", token.expose().into()));
            // Contract, observed 1 (`cause=`): dropped unless a token comes with it.
            if !self.cause.is_empty() && self.action == Action::Build {
                form.push(("cause", self.cause.into()));
            }
        }
        if self.action == Action::Poll {
            return form;
        }
        if let Some(delay) = self.delay {
            // A bare number would be milliseconds (contract, observed 1: `delay`).
            form.push(("delay", format!("{}sec", delay.as_secs()).into()));
        }
        let parameters = self.parameters.iter().filter(|_| with_parameters);
        form.extend(parameters.map(|(name, value)| (*name, value.to_vec())));
        form
    }
}

/// The form-encoded body; bytes that are no UTF-8 go out as they are.
#[must_use]
pub fn encode_form(form: &[(&str, Vec<u8>)]) -> String {
    let encode = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    form.iter()
        .map(|(name, value)| format!("{}={}", encode(name.as_bytes()), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The number of the queue item that a Location ends in, wherever the rest of it points
/// (contract, observed 3: it is made from the request and may name another host).
#[must_use]
pub fn item_of(location: &str) -> Option<u64> {
    let (_, item) = location.rsplit_once("/queue/item/")?;
    item.strip_suffix('/').unwrap_or(item).parse().ok()
}

/// The address of a queue item under the configured URL.
#[must_use]
pub fn item_url(server: &Url, item: u64) -> String {
    format!("{server}queue/item/{item}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_names_become_paths_that_jenkins_finds() {
        assert_eq!(job_path("simple"), "job/simple/");
        assert_eq!(job_path("team/app/deploy"), "job/team/job/app/job/deploy/");
        assert_eq!(job_path("my jöb"), "job/my%20j%C3%B6b/");
        assert_eq!(job_path("a%2Fb"), "job/a%252Fb/");
    }

    #[test]
    fn an_item_is_read_from_any_location_that_ends_in_one() {
        assert_eq!(item_of("http://127.0.0.1:8080/queue/item/25/"), Some(25));
        assert_eq!(item_of("/jenkins/queue/item/363/"), Some(363));
        assert_eq!(item_of("/queue/item/7"), Some(7));
        assert_eq!(item_of("/job/branchy/"), None);
        assert_eq!(item_of("/queue/item/"), None);
        assert_eq!(item_of("/queue/item/7/evil"), None);
        assert_eq!(item_of("/queue/item/-7/"), None);
    }

    #[test]
    fn every_byte_of_a_value_is_encoded_as_itself() {
        let form = [("BRANCH", b"f/x y+z&\xfc#%2F\xc3\xa9".to_vec())];
        assert_eq!(encode_form(&form), "BRANCH=f%2Fx+y%2Bz%26%FC%23%252F%C3%A9");
    }
}
