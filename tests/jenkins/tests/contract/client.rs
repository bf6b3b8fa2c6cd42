//! A client that sends exactly the bytes it is told.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use base64::Engine as _;

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// A `100 Continue` came first.
    pub continued: bool,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The queue item that `Location` names.
    pub fn item(&self) -> u64 {
        let location = self.header("location").expect("a Location");
        location
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .and_then(|id| id.parse().ok())
            .expect("an id in Location")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

pub fn basic(user: &str, secret: &str) -> (String, String) {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"));
    ("Authorization".into(), format!("Basic {encoded}"))
}

/// The recorded build user, with his API token.
pub fn builduser() -> (String, String) {
    basic("builduser", "1111873655f48ad8b405a87d679a6975c7")
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::new(stream.try_clone()?),
            stream,
        })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub fn reply(&mut self, head_only: bool) -> io::Result<Reply> {
        let mut reply = Reply::default();
        loop {
            let line = self.line()?;
            reply.status = line
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok())
                .ok_or_else(|| io::Error::other(line.clone()))?;
            reply.headers.clear();
            loop {
                let line = self.line()?;
                let Some((name, value)) = line.split_once(':') else {
                    break;
                };
                reply
                    .headers
                    .push((name.to_owned(), value.trim_start().to_owned()));
            }
            if reply.status != 100 {
                break;
            }
            reply.continued = true;
        }
        let length = reply
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        if !head_only {
            reply.body.resize(length, 0);
            self.reader.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Whether the server closes the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.fill_buf(), Ok([]) | Err(_))
    }
}

/// The bytes of a request. `Host` and `Content-Length` are added where they are missing.
pub fn request(method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let has = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    if !has("host") {
        bytes.extend_from_slice(b"Host: 127.0.0.1:8080\r\n");
    }
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !has("transfer-encoding")
        && !has("content-length")
        && (!body.is_empty() || matches!(method, "POST" | "PUT"))
    {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// One request on a connection of its own.
pub fn send(
    port: u16,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut connection = Connection::open(port)?;
    // A server that refuses early may close while the body is still being sent; its answer counts, not that error.
    let sent = connection.send(&request(method, target, headers, body));
    let reply = connection.reply(method == "HEAD");
    if reply.is_err() {
        sent?;
    }
    reply
}

/// A form POST by the build user.
pub fn post(port: u16, target: &str, form: &str) -> Reply {
    let content_type = (
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    );
    send(
        port,
        "POST",
        target,
        &[builduser(), content_type],
        form.as_bytes(),
    )
    .expect("an answer")
}

/// A GET by the build user.
pub fn get(port: u16, target: &str) -> Reply {
    send(port, "GET", target, &[builduser()], b"").expect("an answer")
}
