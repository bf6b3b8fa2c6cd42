//! One request, its answer, and what the answer is worth.

use std::io::Read as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect;
use url::{Host, Url};

use super::explain::{self, Answer, Explanation, Tried};
use super::front::Front;
use super::session::{Session, Sessions};
use super::tls::{self, Handshakes, Security};
use super::{encode_form, proxy};
use crate::secret::{Login, conceal};

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a request may take, from the first byte of the connection to the last of the body.
pub(super) const TOTAL_LIMIT: Duration = Duration::from_secs(10);
/// Jenkins closes an idle connection after 30.0 s (contract, observed 4).
const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// Its largest error pages have 85 KB (contract, observed 4); what is beyond is not read.
const MOST_BODY: u64 = 256 * 1024;

/// A connection to one Jenkins.
#[derive(Debug)]
pub struct Client {
    http: Http,
    pub(super) server: Url,
    pub(super) front: OnceLock<Front>,
    pub(super) sessions: Sessions,
    /// For https only.
    handshakes: Option<Arc<Handshakes>>,
}

/// Whether `server` is this machine itself: 127.0.0.0/8, `::1` or exactly `localhost`.
#[must_use]
pub fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl Client {
    /// Prepares a client for the server with this base URL, which ends in `/`; `security` counts for
    /// https.
    ///
    /// # Errors
    /// An explanation when the TLS set-up of this machine, or `security`, cannot be used.
    pub fn new(server: Url, security: &Security) -> Result<Self, Explanation> {
        let mut builder = Http::builder()
            .user_agent(concat!("jenkins-trigger/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(1);
        if is_loopback(&server) {
            builder = builder.no_proxy();
        }
        let mut handshakes = None;
        if server.scheme() == "http" {
            // Redirects are off, so TLS is never spoken: do not read the system's trust store, and
            // do not depend on there being one. Fails only when a provider is installed already.
            let _ = rustls::crypto::ring::default_provider().install_default();
            builder = builder.tls_certs_only([]);
        } else {
            let (config, seen) = tls::set_up(security)?;
            builder = builder.tls_backend_preconfigured(config);
            handshakes = Some(seen);
        }
        let http = builder
            .build()
            .map_err(|error| explain::no_client(&innermost(&error)))?;
        Ok(Self {
            http,
            server,
            front: OnceLock::new(),
            sessions: Sessions::default(),
            handshakes,
        })
    }

    // A limit of the request, not the client's: that one starts anew with each read of the body, so
    // that an answer that drips would have days.

    /// Asks for what is at this path below the server's base.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.server))
            .timeout(TOTAL_LIMIT)
    }

    /// One request of [`Client::post`], which gets no crumb by itself.
    pub(super) fn post_once(
        &self,
        url: &str,
        form: &[(&str, Vec<u8>)],
        (login, session): (Option<&Login>, Option<&Session>),
        limit: Duration,
    ) -> reqwest::Result<Answer> {
        self.send_once(url, form, (login, session), limit).map(answer)
    }

    /// The same, with the answer as it comes: for one with a secret in it.
    pub(super) fn send_once(
        &self,
        url: &str,
        form: &[(&str, Vec<u8>)],
        (login, session): (Option<&Login>, Option<&Session>),
        limit: Duration,
    ) -> reqwest::Result<Response> {
        let mut request = self
            .http
            .post(url)
            .timeout(limit.min(TOTAL_LIMIT))
            // Also without a body: a job with a file parameter answers 500 to a POST without a
            // content type (contract, observed 1).
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encode_form(form));
        if let Some(login) = login {
            request = request.basic_auth(&login.user, Some(login.token.expose()));
        }
        if let Some(session) = session {
            request = session.add_to(request);
        }
        request.send()
    }

    /// What an answer means; who gave it is asked where it does not say.
    pub(super) fn explain(&self, answer: &Answer, tried: &Tried<'_>) -> Explanation {
        let front = answer.may_be_anothers().then(|| self.front());
        explain::explain(answer, tried, front.as_ref())
    }

    /// A question that changes nothing got no answer.
    pub(super) fn no_page(&self, error: &reqwest::Error, limit: Duration) -> Explanation {
        self.no_way_to_it(error)
            .or_else(|| tls::explain_plain(&innermost(error), &self.server))
            .or_else(|| {
                let is_broken = error.is_request() && !error.is_timeout() && !error.is_connect();
                is_broken.then(|| tls::explain_broken(&self.server, self.handshakes.as_deref()))?
            })
            .unwrap_or_else(|| explain::no_page(error, limit, &self.server))
    }

    /// What TLS or a proxy has against it, where that kept the request from being sent.
    pub(super) fn no_way_to_it(&self, error: &reqwest::Error) -> Option<Explanation> {
        let is_new = error.is_connect();
        tls::explain((error, is_new), &self.server, self.handshakes.as_deref()).or_else(|| {
            let cause = innermost(error);
            error
                .is_connect()
                .then(|| proxy::explain(&cause, error.is_timeout(), &self.server))?
        })
    }

    /// Whether these credentials are accepted now; `None` when the server cannot say.
    ///
    /// While Jenkins starts, valid ones get a 401 or a crumb-403 (contract, observed 4); `whoAmI`
    /// needs no crumb and no permission.
    #[must_use]
    pub fn knows(&self, login: &Login) -> Option<bool> {
        let answer = self
            .get("whoAmI/api/json")
            .basic_auth(&login.user, Some(login.token.expose()))
            .send()
            .ok()?;
        match answer.status().as_u16() {
            200 => Some(true),
            401 | 403 => Some(false),
            _ => None,
        }
    }
}

/// What of a response matters.
pub(super) fn answer(response: Response) -> Answer {
    let head = Answer::head(&response);
    head.with_body(body(response))
}

pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// As much of the body as counts and comes in time; where it breaks off, what came until then.
fn body(response: Response) -> String {
    let mut bytes = Vec::new();
    // What is there says enough, or nothing does.
    let _ = response.take(MOST_BODY).read_to_end(&mut bytes);
    conceal(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The deepest cause: the layers above it only say that something failed.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
