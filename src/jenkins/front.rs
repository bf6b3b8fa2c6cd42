//! Who answers at a server's address: Jenkins, or something in its place.

use std::time::Duration;

use super::client::{self, Client, header};
use super::explain::{self, Answer};
use crate::text::harmless;

/// How long the question may take.
const LIMIT: Duration = Duration::from_secs(5);
/// What needs no credentials and no permission.
pub(super) const WHO_AM_I: &str = "whoAmI/api/json";

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Front {
    /// Jenkins itself.
    Jenkins {
        /// Its version, as it tells.
        version: String,
    },
    /// A single sign-on that knows no anonymous requests.
    SingleSignOn {
        /// Where it sends people to; `None`: the page that it shows is the login.
        at: Option<String>,
    },
    /// Something that wants a login of its own, of the kind that HTTP has.
    Login {
        /// For what.
        realm: Option<String>,
    },
    /// Another server.
    NotJenkins {
        /// The status of its answer.
        status: u16,
        /// What it says it is.
        server: Option<String>,
    },
    /// Nobody now, or nobody who can tell.
    Unreachable,
}

impl Client {
    /// Who answers at this server; asked once, and again as long as nobody can tell.
    ///
    /// `whoAmI` is the one page that every Jenkins shows to everybody, with its version in a header
    /// (contract, observed 4). It is asked for without credentials: with a wrong token Jenkins
    /// itself answers without that header.
    pub fn front(&self) -> Front {
        if let Some(front) = self.front.get() {
            return front.clone();
        }
        let Ok(response) = self.get(WHO_AM_I).timeout(LIMIT).send() else {
            return Front::Unreachable;
        };
        let version = header(&response, "X-Jenkins");
        self.learn_front(&client::answer(response), version.as_deref())
    }

    /// The same, by an answer to that question, and the version that it tells.
    pub(super) fn learn_front(&self, answer: &Answer, version: Option<&str>) -> Front {
        let front = match version {
            Some(version) => Front::Jenkins {
                version: shown(version),
            },
            None => self.read_front(answer),
        };
        if front != Front::Unreachable {
            let _ = self.front.set(front.clone());
        }
        front
    }

    fn read_front(&self, answer: &Answer) -> Front {
        let location = answer.location.as_deref();
        let login = location.and_then(|location| explain::login_at(location, &self.server));
        match answer.status {
            429 | 502..=504 => Front::Unreachable,
            401 => Front::Login {
                realm: answer.challenge.as_deref().and_then(realm),
            },
            300..=399 if login.is_some() => Front::SingleSignOn { at: login },
            200 | 403 if is_login_page(&answer.body) => Front::SingleSignOn { at: None },
            status => Front::NotJenkins {
                status,
                server: answer.server.as_deref().map(shown),
            },
        }
    }
}

/// What a header says, for people.
fn shown(text: &str) -> String {
    harmless(text).chars().take(80).collect()
}

/// The realm of a challenge like `Basic realm="Jenkins"`.
fn realm(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("realm=\"")?;
    let (realm, _) = rest.split_once('"')?;
    Some(shown(realm))
}

fn is_login_page(body: &str) -> bool {
    const SIGNS: [&str; 5] = [
        "type=\"password\"",
        "type='password'",
        "type=password",
        "samlrequest",
        "openid",
    ];
    let body = body.to_ascii_lowercase();
    SIGNS.iter().any(|sign| body.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_realm_is_read_from_what_servers_send() {
        for (challenge, expected) in [
            ("Basic realm=\"Jenkins\"", Some("Jenkins")),
            ("Digest qop=\"auth\", realm=\"a b\", nonce=\"x\"", Some("a b")),
            ("Basic realm=\"\u{1b}[2J\"", Some("\\u{1b}[2J")),
            ("Negotiate", None),
            ("Basic realm=\"open", None),
        ] {
            assert_eq!(realm(challenge).as_deref(), expected, "{challenge}");
        }
    }
}
