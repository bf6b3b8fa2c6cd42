//! Making an API token with whatever a user logs in with, and taking it back (contract, observed 4:
//! `generateNewToken`, `revoke`).

use std::io::Read as _;

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ENCODED;
use super::client::{Client, TOTAL_LIMIT};
use super::explain::{Answer, Explanation, Reading, Tried, say};
use super::session::{Crumb, is_api_token};
use crate::secret::{Login, Secret};

/// The answer has about 200 bytes; Jenkins' largest error pages have 85 KB (contract, observed 4).
const MOST_BODY: u16 = u16::MAX;
/// Today's have 34 characters (contract, observed 4); later ones may be longer.
const LONGEST_TOKEN: usize = 512;

/// An API token that was made.
#[derive(Debug)]
pub struct Made {
    /// Who logs in with it.
    pub login: Login,
    /// By what it is taken back.
    uuid: String,
}

/// As Jenkins tells of it. The token is only borrowed, so that no copy of it stays behind.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    token_uuid: &'a str,
    #[serde(borrow)]
    token_value: &'a str,
}

impl Made {
    /// `None` for an answer without a token in it that can be sent.
    fn read(user: &str, body: &[u8]) -> Option<Self> {
        let reply: Reply<'_> = serde_json::from_slice(body).ok()?;
        let data = reply.data?;
        let is_token = (1..=LONGEST_TOKEN).contains(&data.token_value.len())
            && data.token_value.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| Self {
            login: Login::new(user.to_owned(), Secret::new(data.token_value.to_owned())),
            uuid: data.token_uuid.to_owned(),
        })
    }
}

impl Client {
    /// Makes an API token called `name` for the user of `login`, whose id is `user` by Jenkins' own
    /// word. `login` may be a password, which needs a crumb and its session, or an API token, which
    /// needs neither.
    ///
    /// The body of the answer, which has the token in it, is wiped; what the HTTP library read it
    /// into is not within reach.
    ///
    /// # Errors
    /// Why there is none. No part of the answer that could be a token is in it.
    pub fn make_token(&self, login: &Login, user: &str, name: &str) -> Result<Made, Explanation> {
        let form = [("newTokenName", name.as_bytes().to_vec())];
        let (answer, body) = self.post_for_token(login, user, "generateNewToken", &form)?;
        if answer.status == 200 {
            return Made::read(user, &body).ok_or_else(|| self.no_token(user));
        }
        // Nothing else than a 200 has a token in it.
        let body = String::from_utf8_lossy(&body).into_owned();
        Err(self.refused_token(&answer.with_body(body), login, user))
    }

    /// Takes back a token that was just made, by itself; whether that came about.
    #[must_use]
    pub fn revoke_token(&self, made: &Made) -> bool {
        let form = [("tokenUuid", made.uuid.as_bytes().to_vec())];
        let done = self.post_for_token(&made.login, &made.login.user, "revoke", &form);
        done.is_ok_and(|(answer, _)| answer.status == 200)
    }

    fn post_for_token(
        &self,
        login: &Login,
        user: &str,
        action: &str,
        form: &[(&str, Vec<u8>)],
    ) -> Result<(Answer, Zeroizing<Vec<u8>>), Explanation> {
        let url = format!("{}{action}", self.tokens_of(user));
        let (session, crumb) = if is_api_token(login) {
            (None, Crumb::NotAskedFor)
        } else {
            match self.new_session(login, TOTAL_LIMIT) {
                Ok(session) => (Some(session), Crumb::Refused),
                // Where crumbs are off there is none to get, and none is needed.
                Err(crumb) => (None, crumb),
            }
        };
        let response = self
            .send_once(&url, form, (Some(login), session.as_ref()), TOTAL_LIMIT)
            .map_err(|error| self.no_page(&error, TOTAL_LIMIT).of_question())?;
        let head = Answer::head(&response);
        // With room for all of it: growing would leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(usize::from(MOST_BODY) + 1));
        // What is there says enough, or nothing does.
        let _ = response.take(MOST_BODY.into()).read_to_end(&mut body);
        Ok((Answer { crumb, ..head }, body))
    }

    fn tokens_of(&self, user: &str) -> String {
        let id = utf8_percent_encode(user, ENCODED);
        format!(
            "{}user/{id}/descriptorByName/jenkins.security.ApiTokenProperty/",
            self.server
        )
    }

    fn no_token(&self, user: &str) -> Explanation {
        say(
            format!(
                "Jenkins at {} answered, but with no API token for user {user}",
                self.server.host_str().unwrap_or_default()
            ),
            self.by_hand(),
        )
    }

    fn refused_token(&self, answer: &Answer, login: &Login, user: &str) -> Explanation {
        let host = self.server.host_str().unwrap_or_default();
        // Not even an administrator makes one for another user; the refusal is empty (s5-12j).
        let is_plain_no = answer.status == 403 && (answer.permission.is_some() || answer.body.is_empty());
        if is_plain_no {
            return say(
                format!("Jenkins at {host} does not let user {user} make an API token"),
                self.by_hand(),
            );
        }
        if answer.status == 404 && answer.is_jenkins {
            return say(
                format!("Jenkins at {host} has no page that makes API tokens for user {user}"),
                self.by_hand(),
            );
        }
        let reading = Reading {
            job: "",
            login,
            for_trigger: false,
        };
        let url = self.tokens_of(user);
        self.explain(answer, &Tried::to_read(&self.server, &url, &reading))
            .of_question()
    }

    fn by_hand(&self) -> String {
        format!(
            "make one at {}me/security/ and log in with it: jenkins-trigger login {}",
            self.server, self.server
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_only_from_an_answer_that_has_a_whole_one() {
        let read = |body: &str| Made::read("ada", body.as_bytes());
        let made =
            read(r#"{"status":"ok","data":{"tokenName":"x","tokenUuid":"u-1","tokenValue":"11canary"}}"#)
                .expect("a token");
        assert_eq!(made.login.token.expose(), "11canary");
        assert_eq!(made.uuid, "u-1");
        assert!(!format!("{made:?}").contains("canary"));
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"status":"error","message":"no"}"#,
            r#"{"status":"ok","data":{"tokenUuid":"u","tokenValue":""}}"#,
            r#"{"status":"ok","data":{"tokenUuid":"u","tokenValue":"a b"}}"#,
            r#"{"status":"ok","data":{"tokenUuid":"u","tokenValue":"a\nb"}}"#,
            r#"{"status":"ok","data":{"tokenUuid":"u","tokenValue":"ü"}}"#,
            r#"{"status":"ok","data":{"tokenUuid":"u"}}"#,
            r#"{"status":"ok","data":{"tokenUuid":"u","tokenValue":17}}"#,
        ] {
            assert!(read(body).is_none(), "{body}");
        }
    }
}
