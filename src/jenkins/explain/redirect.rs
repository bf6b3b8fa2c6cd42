//! What a redirect means by where it leads. It is never followed: whoever is led to would get the secrets.

use url::Url;

use super::Tried;
use super::words::{clipped, without_query};
use crate::jenkins::job_url;
use crate::secret::redact;

/// How many characters of an address are shown at most.
const LONGEST: usize = 300;

/// Where a redirect leads, addresses as they may be shown.
pub(super) enum Leads {
    /// To no address of a web server.
    Nowhere,
    /// To the same below another base.
    Moved {
        /// The whole address.
        to: String,
        /// What `server` would be.
        base: String,
        /// The host is the same; another's need not be a Jenkins.
        same_host: bool,
    },
    /// To the job's own page: what Jenkins answers when it does not queue what it was asked for.
    Job,
    /// To where people log in.
    Login(String),
    /// To something else of the same host.
    Elsewhere(String),
}

/// Whether people are sent to this path to log in.
fn is_login(path: &str) -> bool {
    const PARTS: [&str; 8] = [
        "/login",
        "/securityRealm/",
        "/oauth2/",
        "/oauth/",
        "/saml",
        "/sso",
        "/openid",
        "/cdn-cgi/access",
    ];
    PARTS.iter().any(|part| path.contains(part))
}

/// The login page that this Location leads to, as it may be shown: one by its path, or on another
/// host.
pub(in crate::jenkins) fn login_at(location: &str, server: &Url) -> Option<String> {
    let target = server.join(location).ok().filter(is_web)?;
    let elsewhere = target.host_str() != server.host_str();
    (elsewhere || is_login(target.path())).then(|| clipped(&redact(&without_query(&target)), LONGEST))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

pub(super) fn leads(location: Option<&str>, tried: &Tried<'_>) -> Leads {
    // Relative Locations are usual (contract, observed 4), to the page that was asked.
    let page = Url::parse(tried.url).ok();
    let target = page.and_then(|page| page.join(location?).ok());
    let Some(target) = target.filter(is_web) else {
        return Leads::Nowhere;
    };
    let shown = |url: &str| clipped(&redact(url), LONGEST);
    let address = without_query(&target);
    let to = shown(&address);
    let same_host = target.host_str() == tried.server.host_str();
    let asked = tried.url.split_once('?').map_or(tried.url, |(url, _)| url);
    let within = asked.strip_prefix(tried.server.as_str()).unwrap_or_default();
    if address != asked
        && !within.is_empty()
        && let Some(base) = address.strip_suffix(within)
    {
        let base = shown(base);
        return Leads::Moved { to, base, same_host };
    }
    // By its path: Jenkins makes the rest from the request (contract, observed 3).
    let job = Url::parse(&job_url(tried.server, tried.job));
    if tried.order.is_some() && job.is_ok_and(|job| job.path() == target.path()) {
        return Leads::Job;
    }
    if !same_host || is_login(target.path()) {
        return Leads::Login(to);
    }
    if target.origin() != tried.server.origin() {
        let base = format!("{}{}", target.origin().ascii_serialization(), tried.server.path());
        return Leads::Moved { to, base, same_host };
    }
    Leads::Elsewhere(to)
}
