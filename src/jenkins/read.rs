//! Reading from Jenkins: requests that change nothing.

use std::io::Read as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use percent_encoding::utf8_percent_encode;
use reqwest::header::DATE;
use serde::de::DeserializeOwned;

use super::ENCODED;
use super::client::{Client, header};
use super::explain::{self, Explanation};
use crate::secret::Login;

/// The longest answer that is read. A queue of 10,000 items has about 4 MB, cut to what is asked.
const MOST_BODY: u64 = 32 * 1024 * 1024;

/// An answer.
pub(super) struct Page {
    pub(super) status: u16,
    /// The server's clock when it answered.
    pub(super) date: Option<Timestamp>,
    pub(super) body: Vec<u8>,
}

impl Page {
    /// The body as the JSON it should be.
    pub(super) fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }
}

/// Why there is no whole answer.
pub(super) struct NoPage {
    /// What it means.
    pub(super) explanation: Explanation,
}

/// `?tree=…` for this expression; brackets are percent-encoded (contract, observed 8).
pub(super) fn tree(expression: &str) -> String {
    format!("?tree={}", utf8_percent_encode(expression, ENCODED))
}

impl Client {
    /// What is at this path below the server's base, within `limit` from the first byte of the
    /// connection to the last of the body.
    pub(super) fn read(&self, path: &str, login: Option<&Login>, limit: Duration) -> Result<Page, NoPage> {
        let mut request = self.get(path).timeout(limit);
        if let Some(login) = login {
            request = request.basic_auth(&login.user, Some(login.token.expose()));
        }
        let response = request.send().map_err(|error| NoPage {
            explanation: self.no_page(&error, limit),
        })?;
        let mut page = Page {
            status: response.status().as_u16(),
            date: header(&response, DATE.as_str())
                .and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()),
            body: Vec::new(),
        };
        match response.take(MOST_BODY).read_to_end(&mut page.body) {
            Ok(_) => Ok(page),
            Err(error) => Err(NoPage {
                explanation: explain::cut_short(&error, limit, &self.server),
            }),
        }
    }
}
