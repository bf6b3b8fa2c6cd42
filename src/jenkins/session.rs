//! What a password needs besides itself to POST: a crumb, and the session it was made for (contract,
//! observed 1 and row 34). An API token needs neither.

use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{Client, TOTAL_LIMIT, header};
use super::explain::Answer;
use crate::secret::{Login, Secret};

/// The answer with a crumb has 163 bytes (contract, s5-03).
const MOST_BODY: u16 = 16 * 1024;
/// The shape of an API token: `11` and 32 hexadecimal digits (contract, observed 4).
const TOKEN_LENGTH: usize = 34;
/// Headers that say what the request is and whose: an administrator may have given the crumb any
/// other name.
const NO_CRUMBS: [&str; 8] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "transfer-encoding",
    "upgrade",
];

/// What became of the crumb for a request that was refused for want of one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crumb {
    /// None was asked for: nobody logged in, or with an API token.
    #[default]
    NotAskedFor,
    /// Jenkins gave none now. While it starts it asks valid API tokens for one too (contract,
    /// observed 4).
    NotGiven,
    /// This user lacks Overall/Read, and gets none (contract, observed 8).
    Withheld,
    /// Jenkins saw nobody's credentials.
    Anonymous,
    /// Jenkins refused the one that it had just given.
    Refused,
}

/// A crumb and the cookies of the answer that it came with.
#[derive(Debug)]
pub(super) struct Session {
    user: String,
    field: HeaderName,
    crumb: Secret,
    /// As the header has them; none where Jenkins binds crumbs to no session.
    cookies: Option<Secret>,
}

impl Session {
    /// `None` for an answer that has no crumb in it.
    fn of(user: &str, response: Response) -> Option<Self> {
        let cookies = cookies(response.headers());
        // With room for all of it: growing would leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(usize::from(MOST_BODY) + 1));
        response.take(MOST_BODY.into()).read_to_end(&mut body).ok()?;
        let object: CrumbObject = serde_json::from_slice(&body).ok()?;
        // Whoever made it up, no text of anybody else's is to be hidden for its sake.
        let crumb = Secret::unregistered(object.crumb);
        let field = HeaderName::from_bytes(object.crumb_request_field.as_bytes()).ok()?;
        value(&crumb)?;
        (!NO_CRUMBS.contains(&field.as_str())).then(|| Self {
            user: user.to_owned(),
            field,
            crumb,
            cookies,
        })
    }

    /// The request with crumb and cookies.
    pub(super) fn add_to(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(crumb) = value(&self.crumb) {
            request = request.header(&self.field, crumb);
        }
        if let Some(cookies) = self.cookies.as_ref().and_then(value) {
            request = request.header(COOKIE, cookies);
        }
        request
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CrumbObject {
    crumb: String,
    crumb_request_field: String,
}

fn value(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The cookies that an answer sets, without their attributes: they go to this server alone, below
/// its base, and no longer than this process.
fn cookies(headers: &HeaderMap) -> Option<Secret> {
    let mut all = Zeroizing::new(String::new());
    for cookie in headers.get_all(SET_COOKIE) {
        let pair = cookie.to_str().ok().and_then(|cookie| cookie.split(';').next());
        let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        // An empty one takes an old one away.
        if name.trim().is_empty() || value.trim().is_empty() {
            continue;
        }
        if !all.is_empty() {
            all.push_str("; ");
        }
        all.push_str(name.trim());
        all.push('=');
        all.push_str(value.trim());
    }
    (!all.is_empty()).then(|| Secret::unregistered(std::mem::take(&mut all)))
}

/// The session that a client has, if it needs one.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Option<Arc<Session>>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        // Nobody panics between two halves of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, login: &Login) -> Option<Arc<Session>> {
        self.lock().clone().filter(|session| session.user == login.user)
    }

    fn keep(&self, session: Option<Arc<Session>>) {
        *self.lock() = session;
    }
}

/// Whether this is an API token and surely no password.
#[must_use]
pub fn is_api_token(login: &Login) -> bool {
    let token = login.token.expose();
    token.len() == TOKEN_LENGTH
        && token.starts_with("11")
        && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Client {
    /// Posts a form, and reads as much of the answer as counts. A login that turns out to be a password gets a crumb, which
    /// is kept for what this client posts later. `limit` is for all of it.
    pub(super) fn post(
        &self,
        url: &str,
        form: &[(&str, Vec<u8>)],
        login: Option<&Login>,
        limit: Duration,
    ) -> reqwest::Result<Answer> {
        let begun = Instant::now();
        let left = || limit.saturating_sub(begun.elapsed());
        let known = login.and_then(|login| self.sessions.of(login));
        let answer = self.post_once(url, form, (login, known.as_deref()), limit)?;
        let Some(login) = login.filter(|login| answer.wants_crumb() && !is_api_token(login)) else {
            return Ok(answer);
        };
        // It was refused before anything came of it. What is known is no longer good.
        self.sessions.keep(None);
        let session = match self.new_session(login, left()) {
            Ok(session) => Arc::new(session),
            Err(crumb) => return Ok(Answer { crumb, ..answer }),
        };
        let left = left();
        if left.is_zero() {
            return Ok(Answer {
                crumb: Crumb::NotGiven,
                ..answer
            });
        }
        let mut answer = self.post_once(url, form, (Some(login), Some(&session)), left)?;
        if answer.wants_crumb() {
            answer.crumb = Crumb::Refused;
        } else if answer.status != 401 && answer.status < 500 {
            // While Jenkins starts nothing is learnt.
            self.sessions.keep(Some(session));
        }
        Ok(answer)
    }

    /// A session for a password, which needs one to POST.
    pub(super) fn new_session(&self, login: &Login, limit: Duration) -> Result<Session, Crumb> {
        let request = self
            .get("crumbIssuer/api/json")
            .timeout(limit.min(TOTAL_LIMIT))
            .basic_auth(&login.user, Some(login.token.expose()));
        let response = request.send().map_err(|_| Crumb::NotGiven)?;
        match response.status().as_u16() {
            200 => Session::of(&login.user, response).ok_or(Crumb::NotGiven),
            403 => Err(match header(&response, "X-You-Are-Authenticated-As") {
                Some(user) if user != "anonymous" => Crumb::Withheld,
                _ if header(&response, "X-Jenkins").is_some() => Crumb::Anonymous,
                _ => Crumb::NotGiven,
            }),
            _ => Err(Crumb::NotGiven),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_sent_without_their_attributes_and_not_when_they_are_empty() {
        let cookies_of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(SET_COOKIE, HeaderValue::from_static(line));
            }
            cookies(&headers).map(|secret| secret.expose().to_owned())
        };
        assert_eq!(cookies_of(&[]), None);
        assert_eq!(cookies_of(&["rememberMe=; Path=/; Max-Age=0", "; x", "=y"]), None);
        assert_eq!(
            cookies_of(&[
                "JSESSIONID.5a1d2a5c=node01; Path=/jenkins; HttpOnly",
                " route = a=b ;Secure"
            ])
            .as_deref(),
            Some("JSESSIONID.5a1d2a5c=node01; route=a=b")
        );
    }

    #[test]
    fn an_api_token_is_told_from_a_password_by_its_shape() {
        for (token, is_one) in [
            ("1111873655f48ad8b405a87d679a6975c7", true),
            ("1111873655f48ad8b405a87d679a6975c", false),
            ("2211873655f48ad8b405a87d679a6975c7", false),
            ("11correct-horse-battery-staple-xyz", false),
            ("", false),
        ] {
            let login = Login::new("ada".into(), Secret::new(token.into()));
            assert_eq!(is_api_token(&login), is_one, "{token}");
        }
    }

    #[test]
    fn what_is_held_of_a_session_does_not_show_in_debug_output() {
        let session = Session {
            user: "ada".into(),
            field: HeaderName::from_static("jenkins-crumb"),
            crumb: Secret::new("canary".into()),
            cookies: Some(Secret::new("canary".into())),
        };
        assert!(!format!("{session:?}").contains("canary"));
    }
}
