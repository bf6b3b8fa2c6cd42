//! Reading from Jenkins: requests that change nothing.

use std::io::Read as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use percent_encoding::utf8_percent_encode;
use reqwest::blocking::Response;
use reqwest::header::DATE;
use serde::de::DeserializeOwned;

use super::ENCODED;
use super::client::{Client, header};
use super::explain::{self, Answer, Explanation, Reading, Tried};
use crate::secret::{Login, conceal};

/// The longest answer that is read. A queue of 10,000 items has about 4 MB, cut to what is asked.
const MOST_BODY: u64 = 32 * 1024 * 1024;
/// Jenkins' largest error pages have 85 KB (contract, observed 4); what is beyond is not read.
const MOST_SAID: u64 = 256 * 1024;

/// An answer.
pub(super) struct Page {
    pub(super) status: u16,
    head: Answer,
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

/// `?tree=…` for this expression; brackets are percent-encoded (contract, observed 8).
pub(super) fn tree(expression: &str) -> String {
    format!("?tree={}", utf8_percent_encode(expression, ENCODED))
}

impl Client {
    /// What is at this path below the server's base, within `limit` from the first byte of the
    /// connection to the last of the body. The error says why there is no whole answer.
    pub(super) fn read(
        &self,
        path: &str,
        login: Option<&Login>,
        limit: Duration,
    ) -> Result<Page, Explanation> {
        let mut request = self.get(path).timeout(limit);
        if let Some(login) = login {
            request = request.basic_auth(&login.user, Some(login.token.expose()));
        }
        let response = request.send().map_err(|error| self.no_page(&error, limit))?;
        self.page(response, limit)
    }

    /// Reads an answer to its end; `limit` is what it was given.
    pub(super) fn page(&self, response: Response, limit: Duration) -> Result<Page, Explanation> {
        let mut page = Page {
            status: response.status().as_u16(),
            head: Answer::head(&response),
            date: header(&response, DATE.as_str())
                .and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()),
            body: Vec::new(),
        };
        let most = if page.status == 200 { MOST_BODY } else { MOST_SAID };
        let read = response.take(most).read_to_end(&mut page.body);
        conceal(&mut page.body);
        match read {
            Ok(_) => Ok(page),
            // The status says enough, or nothing does.
            Err(_) if page.status != 200 => Ok(page),
            Err(error) => Err(explain::cut_short(&error, limit, &self.server)),
        }
    }

    /// Why the page at this path does not show what it should.
    pub(super) fn explain_page(&self, page: Page, path: &str, reading: &Reading<'_>) -> Explanation {
        let most = usize::try_from(MOST_SAID).unwrap_or(usize::MAX);
        let said = page.body.get(..most).unwrap_or(&page.body);
        let answer = page.head.with_body(String::from_utf8_lossy(said).into_owned());
        let url = format!("{}{path}", self.server);
        self.explain(&answer, &Tried::to_read(&self.server, &url, reading))
    }
}
