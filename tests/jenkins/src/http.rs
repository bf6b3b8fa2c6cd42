//! HTTP/1.1 as Jetty speaks it: limits, hosts, chunked bodies, connections.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Jetty's limit for the request line and all headers together.
const MAX_HEAD: usize = 8192;
/// More than any test sends; a client that goes on is cut off.
const MAX_BODY: usize = 64 << 20;

/// A request as it came, with the body still on the wire until [`read_body`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    pub(crate) http_1_0: bool,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) remote_addr: String,
    /// `host[:port]` of an absolute request target, which goes before the `Host` header.
    pub(crate) target_authority: Option<String>,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer without headers and body (`Content-Length` is always added).
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

/// Why a request could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The connection ended or went silent between two requests or inside one.
    Gone,
    /// Jetty's own answer to a request it does not take; the connection is closed after it.
    Refused {
        status: u16,
        reason: &'static str,
        target: String,
    },
}

impl From<io::Error> for Unreadable {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads request line and headers.
pub(crate) fn read_head(reader: &mut BufReader<TcpStream>) -> Result<Request, Unreadable> {
    let mut head = Vec::new();
    loop {
        let available = match reader.fill_buf() {
            // As a read with a time limit ends when the machine was suspended meanwhile (signal(7)).
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if available.is_empty() {
            return Err(Unreadable::Gone);
        }
        // Empty lines before a request are skipped.
        if head.is_empty() && (available[0] == b'\r' || available[0] == b'\n') {
            reader.consume(1);
            continue;
        }
        let room = (MAX_HEAD + 1).saturating_sub(head.len());
        let take = available.len().min(room);
        let before = head.len();
        head.extend_from_slice(&available[..take]);
        if let Some(end) = end_of_head(&head) {
            reader.consume(end - before);
            head.truncate(end);
            break;
        }
        reader.consume(take);
        if head.len() > MAX_HEAD {
            return Err(too_long(&head));
        }
    }
    if head.len() > MAX_HEAD {
        return Err(too_long(&head));
    }
    parse_head(&head)
}

fn end_of_head(head: &[u8]) -> Option<usize> {
    let crlf = head
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4);
    let lf = head
        .windows(2)
        .position(|window| window == b"\n\n")
        .map(|at| at + 2);
    match (crlf, lf) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The same counter runs over request line and headers; which of the two is named depends on where it ran over
/// (s2-40, s9-07).
fn too_long(head: &[u8]) -> Unreadable {
    let line_end = head.iter().position(|&byte| byte == b'\n');
    match line_end {
        Some(end) if end < MAX_HEAD => Unreadable::Refused {
            status: 431,
            reason: "Request Header Fields Too Large",
            target: target_of_line(&head[..end]),
        },
        _ => Unreadable::Refused {
            status: 414,
            reason: "URI Too Long",
            target: "/badMessage".into(),
        },
    }
}

fn target_of_line(line: &[u8]) -> String {
    line.split(|&byte| byte == b' ').nth(1).map_or_else(
        || "/badMessage".to_owned(),
        |target| String::from_utf8_lossy(target).into_owned(),
    )
}

fn parse_head(head: &[u8]) -> Result<Request, Unreadable> {
    let bad = |reason, target: &str| Unreadable::Refused {
        status: 400,
        reason,
        target: target.to_owned(),
    };
    let mut slots = vec![httparse::EMPTY_HEADER; 512];
    let mut parsed = httparse::Request::new(&mut slots);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(bad("Illegal character", "/badMessage")),
    }
    let target = parsed.path.unwrap_or("/").to_owned();
    let headers: Vec<(String, Vec<u8>)> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), header.value.to_vec()))
        .collect();
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        http_1_0: parsed.version == Some(0),
        headers,
        target,
        ..Request::default()
    };
    if let Some(rest) = request
        .target
        .strip_prefix("http://")
        .or_else(|| request.target.strip_prefix("https://"))
    {
        let slash = rest.find(['/', '?']).unwrap_or(rest.len());
        request.target_authority = Some(rest[..slash].to_owned());
        request.target = if rest[slash..].starts_with('/') {
            rest[slash..].to_owned()
        } else {
            format!("/{}", &rest[slash..])
        };
    }
    let hosts: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .collect();
    match hosts.as_slice() {
        [] if request.http_1_0 => {}
        [] => return Err(bad("No Host", &request.target)),
        [(_, value)] if is_host_port(value) => {}
        [_] => return Err(bad("Bad HostPort", &request.target)),
        _ => return Err(bad("Duplicate Host Header", &request.target)),
    }
    Ok(request)
}

fn is_host_port(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host_fits = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~[]:%!$&'()*+,;=".contains(&byte));
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .map(str::trim)
    }

    pub(crate) fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    pub(crate) fn expects_continue(&self) -> bool {
        self.header_text("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        let connection = self
            .header_text("connection")
            .unwrap_or_default()
            .to_ascii_lowercase();
        if self.http_1_0 {
            connection.contains("keep-alive")
        } else {
            !connection.contains("close")
        }
    }

    /// Scheme and authority of this server as the client, or the proxy before it, sees them (s1-27…c).
    pub(crate) fn origin(&self) -> String {
        let first = |name| {
            self.header_text(name)
                .map(|value: &str| value.split(',').next().unwrap_or("").trim().to_owned())
        };
        let scheme = first("x-forwarded-proto")
            .unwrap_or_else(|| "http".to_owned())
            .to_ascii_lowercase();
        let authority = first("x-forwarded-host")
            .or_else(|| self.target_authority.clone())
            .or_else(|| self.header_text("host").map(str::to_owned))
            .unwrap_or_else(|| "localhost".to_owned());
        let forwarded_port = first("x-forwarded-port");
        let (host, mut port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host.to_owned(), Some(port.to_owned())),
            _ => (authority, None),
        };
        if forwarded_port.is_some() {
            port = forwarded_port;
        }
        let usual = if scheme == "https" { "443" } else { "80" };
        match port {
            Some(port) if port != usual => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        }
    }
}

/// Reads the body that the head announced.
pub(crate) fn read_body(reader: &mut BufReader<TcpStream>, request: &mut Request) -> Result<(), Unreadable> {
    let chunked = request.header_text("transfer-encoding").is_some_and(|value| {
        value
            .to_ascii_lowercase()
            .split(',')
            .any(|coding| coding.trim() == "chunked")
    });
    let refused = |request: &Request, reason| Unreadable::Refused {
        status: 400,
        reason,
        target: request.target.clone(),
    };
    if chunked {
        loop {
            let line = read_line(reader)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| refused(request, "Bad chunk"))?;
            if size == 0 {
                while !read_line(reader)?.is_empty() {}
                return Ok(());
            }
            if request.body.len().saturating_add(size) > MAX_BODY {
                return Err(Unreadable::Gone);
            }
            let start = request.body.len();
            request.body.resize(start + size, 0);
            reader.read_exact(&mut request.body[start..])?;
            read_line(reader)?;
        }
    }
    let Some(length) = request.header_text("content-length") else {
        return Ok(());
    };
    let length: usize = length
        .parse()
        .map_err(|_| refused(request, "Invalid Content-Length Value"))?;
    if length > MAX_BODY {
        return Err(Unreadable::Gone);
    }
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    Ok(())
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Result<String, Unreadable> {
    let mut line = Vec::new();
    reader
        .by_ref()
        .take(MAX_HEAD as u64)
        .read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Err(Unreadable::Gone);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Head and body of an answer. A HEAD request gets the head of the GET, its `Content-Length` included.
pub(crate) fn encode(answer: &Answer, head_only: bool, close: bool) -> Vec<u8> {
    let mut bytes = encode_head(answer, answer.body.len() as u64, close);
    if !head_only {
        bytes.extend_from_slice(&answer.body);
    }
    bytes
}

pub(crate) fn encode_head(answer: &Answer, length: u64, close: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut line = |name: &str, value: &str| {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    };
    line(
        "HTTP/1.1 ",
        &format!("{} {}", answer.status, reason(answer.status)),
    );
    for (name, value) in &answer.headers {
        line(name, &format!(": {}", value.replace(['\r', '\n'], " ")));
    }
    if answer.status != 204
        && answer.status >= 200
        && !answer.has_header("content-length")
        && !answer.has_header("transfer-encoding")
    {
        line("Content-Length", &format!(": {length}"));
    }
    if close && !answer.has_header("connection") {
        line("Connection", ": close");
    }
    line("", "");
    bytes
}

pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// Writes and forgets whether it arrived: the client may be gone, which is its right.
pub(crate) fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).and_then(|()| stream.flush()).is_ok()
}
