//! The recorded exchanges, and how two answers are compared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::Reply;

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub id: String,
    pub note: String,
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub auth: String,
    pub body: Vec<u8>,
    /// `None` when there was no answer because the connection was refused.
    pub status: Option<u16>,
    pub answer_headers: BTreeMap<String, String>,
    pub text: Option<String>,
    pub answer_body: Option<String>,
    pub body_length: usize,
    pub opens_session: Option<bool>,
}

/// All exchanges of a file; a line that is none is an error, not something to skip.
pub fn parse(text: &str) -> Result<Vec<Exchange>, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| exchange(line).ok_or_else(|| format!("not an exchange: {line}")))
        .collect()
}

fn exchange(line: &str) -> Option<Exchange> {
    let value: Value = serde_json::from_str(line).ok()?;
    let (request, response) = (&value["request"], &value["response"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let map = |value: &Value| -> BTreeMap<String, String> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect()
    };
    let status = match &response["status"] {
        Value::Number(status) => Some(u16::try_from(status.as_u64()?).ok()?),
        Value::String(error) if error.contains("refused") => None,
        _ => return None,
    };
    let answer_headers = map(&response["headers"]);
    let id = text(&value["id"])?;
    // The files of one kind note whether a session was opened, in every exchange or in none.
    let notes_sessions = id.starts_with('s');
    Some(Exchange {
        id,
        note: text(&value["note"]).unwrap_or_default(),
        method: text(&request["method"])?,
        path: expand(&text(&request["path"])?)?,
        headers: map(&request["headers"]),
        auth: text(&request["auth"]).unwrap_or_else(|| "none".to_owned()),
        body: expand(request["body"].as_str().unwrap_or_default())?.into_bytes(),
        status,
        answer_headers,
        text: text(&response["text"]),
        answer_body: text(&response["body"]),
        body_length: usize::try_from(response["body_length"].as_u64().unwrap_or(0)).ok()?,
        opens_session: notes_sessions.then(|| response["sets_session_cookie"] == Value::Bool(true)),
    })
}

/// Long texts were cut in the recording and end in `...<LENGTH bytes>`: the last character goes on, or the numbered
/// fields do.
fn expand(text: &str) -> Option<String> {
    let Some((start, rest)) = text.split_once("...<") else {
        return Some(text.to_owned());
    };
    let length: usize = rest.split(' ').next()?.parse().ok()?;
    let mut whole = start.to_owned();
    if let Some(first) = start.strip_suffix('&') {
        let mut number: usize = first
            .rsplit('&')
            .next()?
            .strip_prefix('p')?
            .split('=')
            .next()?
            .parse()
            .ok()?;
        while whole.len() + 1 < length {
            number += 1;
            whole.push_str(&format!("p{number}=1&"));
        }
        whole.truncate(length);
        return Some(whole);
    }
    let last = start.chars().last()?;
    while whole.len() < length {
        whole.push(last);
    }
    Some(whole)
}

/// Headers whose presence, absence and value all say something.
const TELLING: [&str; 10] = [
    "Location",
    "Content-Type",
    "X-Jenkins",
    "WWW-Authenticate",
    "Allow",
    "X-You-Are-Authenticated-As",
    "X-Required-Permission",
    "X-Text-Size",
    "X-More-Data",
    "Retry-After",
];

/// The differences between what was recorded and what came.
pub fn differences(recorded: &Exchange, reply: &Reply) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: Option<&str>, got: Option<&str>| {
        if expected != got {
            found.push(format!(
                "{what}: recorded {}, got {}",
                shown(expected),
                shown(got)
            ));
        }
    };
    compare(
        "status",
        recorded.status.map(|status| status.to_string()).as_deref(),
        Some(&reply.status.to_string()),
    );
    for name in TELLING {
        compare(
            name,
            recorded.answer_headers.get(name).map(String::as_str),
            reply.header(name),
        );
    }
    // Only some of the recordings kept these.
    for name in ["Connection", "X-Error"] {
        if let Some(value) = recorded.answer_headers.get(name) {
            compare(name, Some(value), reply.header(name));
        }
    }
    if let Some(opens) = recorded.opens_session {
        let opened = reply
            .header("set-cookie")
            .is_some_and(|cookie| cookie.starts_with("JSESSIONID"));
        compare(
            "opens a session",
            Some(&opens.to_string()),
            Some(&opened.to_string()),
        );
    }
    // The lengths of pages with a layout are another thing than what they say; the plain ones must fit to the byte.
    let kind = recorded
        .answer_headers
        .get("Content-Type")
        .map_or("", String::as_str);
    let length = recorded.answer_headers.get("Content-Length");
    let plain = kind.ends_with("iso-8859-1")
        || kind.starts_with("application/xml;")
        || length.is_some_and(|length| length == "0");
    let login_redirect =
        recorded.text.as_deref() == Some("Authentication required") || recorded.status == Some(503);
    if let Some(length) = length.filter(|_| plain) {
        compare("Content-Length", Some(length), reply.header("content-length"));
    }
    if login_redirect && recorded.method != "HEAD" {
        compare(
            "body length",
            Some(&recorded.body_length.to_string()),
            Some(&reply.body.len().to_string()),
        );
    }
    if let Some(body) = &recorded.answer_body {
        let (expected, got) = (normalized(body), normalized(&reply.text()));
        let whole = body.len() == recorded.body_length;
        // What was cut off in the recording cannot be compared.
        let fits = if whole {
            expected == got
        } else {
            got.starts_with(cut(&expected))
        };
        if !fits {
            found.push(format!(
                "body:\n    recorded {}\n    got      {}",
                start(&expected),
                start(&got)
            ));
        }
    } else if let Some(text) = recorded.text.as_ref().filter(|_| !kind.starts_with("image/")) {
        let (expected, got) = (normalized(text), normalized(&visible(&reply.text())));
        if !says(recorded, &expected, &got) {
            found.push(format!(
                "text:\n    recorded {}\n    got      {}",
                start(&expected),
                start(&got)
            ));
        }
    }
    found
}

fn start(text: &str) -> String {
    text.chars().take(2000).collect()
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"))
}

/// A cut text may end inside a number.
fn cut(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-')
}

/// Whether a page says what the recorded one says.
fn says(recorded: &Exchange, expected: &str, got: &str) -> bool {
    let got = got.trim();
    // Some recorded texts still have unread tags in them; what stands before is compared.
    if let Some((readable, _)) = expected.split_once('<') {
        return got.starts_with(readable.trim());
    }
    // Dashboards and forms are more layout than message: title and header must fit, and the sentence of the form.
    let is_form = recorded.status == Some(405)
        && !recorded.answer_headers.contains_key("Allow")
        && !expected.contains("requires POST");
    if (recorded.status == Some(200) && expected.contains("Skip to content")) || is_form {
        let sentence = "This build requires parameters";
        let header = expected.find("Search ").map_or(expected, |at| {
            let rest = &expected[at + "Search ".len()..];
            &expected[..at + "Search ".len() + rest.find(' ').unwrap_or(rest.len())]
        });
        return got.starts_with(header) && (!expected.contains(sentence) || got.contains(sentence));
    }
    if recorded.id.starts_with('a') {
        // The administrator's exchanges keep a part of a text, cut at both ends.
        return got.contains(expected);
    }
    // The others were cut at 220 characters.
    if expected.chars().count() >= 180 {
        got.starts_with(expected)
    } else {
        got == expected
    }
}

/// What remains of HTML or XML when the tags are gone.
fn visible(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        text.push(' ');
        let end = if rest[start..].starts_with("<!--") {
            "-->"
        } else {
            ">"
        };
        rest = rest[start..]
            .find(end)
            .map_or("", |at| &rest[start + at + end.len()..]);
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts constants in the place of what differs from run to run: moments, lengths of time, secrets, ids.
fn normalized(text: &str) -> String {
    let mut text = with_quiet_periods(text);
    for key in [
        "inQueueSince",
        "timestamp",
        "buildableStartMilliseconds",
        "duration",
        "estimatedDuration",
    ] {
        text = replace_after(&text, &format!("\"{key}\":"), |c| c.is_ascii_digit() || c == '-');
    }
    for key in ["crumb", "tokenUuid", "tokenValue"] {
        text = replace_after(&text, &format!("\"{key}\":\""), |c| c != '"');
    }
    text = replace_after(&text, "Token created on ", |c| {
        c.is_ascii_digit() || "-T:.Z".contains(c)
    });
    text = replace_after(&text, "Logging ID=", |c| c.is_ascii_hexdigit() || c == '-');
    text = replace_after(&text, "Jenkins-Crumb:", |c| c.is_ascii_hexdigit());
    text = replace_after(&text, "/var/tmp/jenkins", |c| c.is_ascii_digit());
    // Thirteen digits in the XML of an item are a moment too.
    text.split(' ')
        .map(|word| {
            if word.len() == 13 && word.bytes().all(|byte| byte.is_ascii_digit()) {
                "…"
            } else {
                word
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Puts the length of an item's quiet period, to a tenth of a second, in the place of its end.
fn with_quiet_periods(text: &str) -> String {
    let number =
        |text: &str| -> Option<u64> { text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok() };
    let mut out = String::new();
    for (index, item) in text.split("\"inQueueSince\":").enumerate() {
        if index > 0 {
            out.push_str("\"inQueueSince\":");
        }
        match (number(item), item.split_once("\"timestamp\":")) {
            (Some(since), Some((before, after))) if index > 0 => {
                let end = number(after).unwrap_or(since);
                let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                let tenths = (end.saturating_sub(since) + 50) / 100;
                out.push_str(&format!("{before}\"quietPeriod\":{tenths}{rest}"));
            }
            _ => out.push_str(item),
        }
    }
    out
}

fn replace_after(text: &str, marker: &str, belongs: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(marker) {
        let (before, after) = rest.split_at(at + marker.len());
        out.push_str(before);
        let end = after.find(|c| !belongs(c)).unwrap_or(after.len());
        if end > 0 {
            out.push('…');
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}
