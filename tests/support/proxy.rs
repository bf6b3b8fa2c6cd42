//! A proxy that keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use crate::tls_server::TlsServer;

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It passes everything on to this port of this machine, whatever host was asked for.
    To(u16),
    /// With these bytes.
    Saying(&'static str),
}

pub struct Proxy {
    server: TlsServer,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start(manner: Manner) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        let server = TlsServer::serve(move |stream| handle(stream, manner, Arc::clone(&kept)));
        Self { server, heads }
    }

    /// Its address, with who asks.
    pub fn url(&self, login: &str) -> String {
        format!("http://{login}127.0.0.1:{}", self.server.port)
    }

    /// The first lines and headers of all requests that it could read, in small letters.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("nobody panicked").clone()
    }
}

async fn handle(mut client: TcpStream, manner: Manner, kept: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    kept.lock().expect("nobody panicked").push(text.clone());
    let port = match manner {
        Manner::To(port) => port,
        Manner::Saying(answer) => {
            let _ = client.write_all(answer.as_bytes()).await;
            let _ = client.shutdown().await;
            let _ = client.read_to_end(&mut Vec::new()).await;
            return;
        }
    };
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.expect("a server");
    if text.starts_with("connect ") {
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    } else {
        // One request on each connection, so that the head of each is seen.
        let head = String::from_utf8_lossy(&head).into_owned();
        let (first, rest) = head.split_once("\r\n").expect("lines");
        let mut words = first.split(' ');
        let (method, url) = (words.next().expect("a method"), words.next().expect("a URL"));
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let passed = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n{rest}");
        let _ = server.write_all(passed.as_bytes()).await;
    }
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
