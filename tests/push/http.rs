//! git over HTTP: as much of a web server as `git http-backend` needs.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::support::Home;

/// What becomes of those who ask what there is (`git ls-remote`); who pushes is always served,
/// if only with the password where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    #[default]
    Answers,
    /// Says nothing, for ever.
    Hangs,
    /// Wants a password.
    Locked,
}

/// A server on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    /// All that git's program is to know of its surroundings.
    environment: Vec<(OsString, OsString)>,
    git: PathBuf,
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    asked: Asked,
    /// `user:password` in base64, for everything.
    password: Option<String>,
    /// How many requests of those who ask what there is were answered.
    answers: usize,
    /// Connections that hang.
    held: Vec<TcpStream>,
    closed: bool,
}

impl HttpServer {
    /// Serves the repositories below `root`.
    pub fn start(home: &Home, root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let inside = Arc::new(Inside {
            environment: environment(home),
            git: home.git.program.clone(),
            root: root.to_owned(),
            state: Mutex::default(),
        });
        let served = Arc::clone(&inside);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.state().closed {
                    return;
                }
                let served = Arc::clone(&served);
                // A client that was killed is no reason to say anything.
                thread::spawn(move || stream.and_then(|stream| served.answer(&stream)));
            }
        });
        Self { address, inside }
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// From now on this becomes of those who ask what there is.
    pub fn when_asked(&self, asked: Asked) {
        let mut state = self.inside.state();
        state.asked = asked;
        state.held.clear();
    }

    /// Nobody was told anything so far.
    pub fn forget_told(&self) {
        self.inside.state().answers = 0;
    }

    /// Whether somebody was told what there is: it takes git two requests.
    pub fn has_told(&self) -> bool {
        self.inside.state().answers > 1
    }

    /// From now on everything takes `user:password`, given in base64.
    pub fn lock(&self, password: &str) {
        self.inside.state().password = Some(password.to_owned());
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        let mut state = self.inside.state();
        state.closed = true;
        state.held.clear();
        drop(state);
        // Wakes the thread that waits for a client.
        let _ = TcpStream::connect(self.address);
    }
}

/// The variables of a [`Home`].
pub fn environment(home: &Home) -> Vec<(OsString, OsString)> {
    home.command("git", &home.path(""))
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect()
}

#[derive(Debug, Default)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Inside {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        let request = read(stream)?;
        let asks = request.query.contains("git-upload-pack") || request.path.ends_with("git-upload-pack");
        let mut state = self.state();
        if asks && state.asked == Asked::Hangs {
            state.held.push(stream.try_clone()?);
            return Ok(());
        }
        let given = request
            .headers
            .get("authorization")
            .and_then(|value| value.strip_prefix("Basic "));
        let locked = asks && state.asked == Asked::Locked
            || state.password.as_deref().is_some_and(|p| Some(p) != given);
        drop(state);
        let answer = if locked {
            let headers = "Status: 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\n\r\n";
            headers.as_bytes().to_vec()
        } else {
            self.run(&request)?
        };
        self.state().answers += usize::from(asks);
        write(stream, &answer)
    }

    /// What git's program answers.
    fn run(&self, request: &Request) -> io::Result<Vec<u8>> {
        let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
        let mut command = Command::new(&self.git);
        command
            .arg("http-backend")
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_PROTOCOL", header("git-protocol"))
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", &request.path)
            .env("QUERY_STRING", &request.query)
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().expect("a pipe");
        thread::scope(|scope| {
            // It may answer before it has read everything.
            scope.spawn(move || stdin.write_all(&request.body));
            child.wait_with_output().map(|output| output.stdout)
        })
    }
}

fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let first = line(&mut reader)?;
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HashMap::new();
    loop {
        let header = line(&mut reader)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    if headers.contains_key("expect") {
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        reader.take(length).read_to_end(&mut body)?;
    } else if headers.contains_key("transfer-encoding") {
        loop {
            let length = u64::from_str_radix(&line(&mut reader)?, 16).map_err(io::Error::other)?;
            (&mut reader).take(length).read_to_end(&mut body)?;
            line(&mut reader)?;
            if length == 0 {
                break;
            }
        }
    }
    Ok(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// Turns the answer of a CGI program into one of HTTP.
fn write(mut stream: &TcpStream, answer: &[u8]) -> io::Result<()> {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or(io::ErrorKind::InvalidData)?;
    let headers = String::from_utf8_lossy(&answer[..end]);
    let body = &answer[end + 4..];
    let mut status = "200 OK";
    let mut rest = String::new();
    for header in headers.lines() {
        match header.strip_prefix("Status: ") {
            Some(given) => status = given,
            None => rest.push_str(&format!("{header}\r\n")),
        }
    }
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{rest}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
