//! Real TLS before a stand-in: authorities, certificates, and a server that passes on what it reads.

#![allow(dead_code, reason = "each module uses a part of this")]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jenkins_stand_in::StandIn;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use crate::support::{Home, Ran, Repository, program};

/// Who issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate with its key.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params
}

/// A certificate for these names, or this machine itself.
fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "ci");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2089, 1, 1);
    params
}

pub const HERE: &[&str] = &["localhost", "127.0.0.1"];

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = authority_params(name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub fn issue(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A good one for a server on this machine.
    pub fn server(&self) -> Issued {
        self.issue(&params(HERE))
    }

    pub fn server_for(&self, names: &[&str]) -> Issued {
        self.issue(&params(names))
    }

    /// One that was good from the first to the second year.
    pub fn server_between(&self, years: (i32, i32)) -> Issued {
        let mut params = params(HERE);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        self.issue(&params)
    }

    /// One for a user.
    pub fn user(&self) -> Issued {
        let mut params = params(&[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params)
    }
}

/// One that signs itself, as an authority does or not.
pub fn signed_by_itself(is_authority: bool) -> Issued {
    let key = KeyPair::generate().expect("a key");
    let mut params = params(HERE);
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    Issued {
        certificate: params.self_signed(&key).expect("a certificate").pem(),
        key: key.serialize_pem(),
    }
}

fn config(own: &Issued, users: Option<&Authority>) -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match users {
        None => builder.with_no_client_auth(),
        Some(users) => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(users.pem.as_bytes()).expect("a certificate");
            roots.add(root).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    builder
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key")
}

/// A server on this machine, with a thread of its own.
pub struct TlsServer {
    pub port: u16,
    connections: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TlsServer {
    /// One that passes on to Jenkins what comes in.
    pub fn before(jenkins: &StandIn, own: &Issued) -> Self {
        Self::start(jenkins, own, None)
    }

    /// The same, for those only who have a certificate of this authority.
    pub fn for_users_of(users: &Authority, jenkins: &StandIn, own: &Issued) -> Self {
        Self::start(jenkins, own, Some(users))
    }

    fn start(jenkins: &StandIn, own: &Issued, users: Option<&Authority>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(own, users)));
        let target = address_of(jenkins);
        Self::serve(move |mut stream| {
            let acceptor = acceptor.clone();
            async move {
                let (mut inside, mut jenkins) = match acceptor.accept(&mut stream).await {
                    Ok(inside) => (inside, TcpStream::connect(target).await.expect("Jenkins")),
                    Err(_) => {
                        // Closed with something unread, the client would not see what it was told.
                        let _ = stream.shutdown().await;
                        let _ = stream.read_to_end(&mut Vec::new()).await;
                        return;
                    }
                };
                let _ = copy_bidirectional(&mut inside, &mut jenkins).await;
            }
        })
    }

    /// One that does this with each connection.
    pub fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let serve = async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    counted.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(handle(stream));
                }
            };
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            port,
            connections,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// One that sends these bytes to whoever says anything, and waits for him to go.
    pub fn saying(bytes: &'static [u8]) -> Self {
        Self::serve(move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
    }

    /// One that sends one byte of a handshake each tenth of a second.
    pub fn trickling() -> Self {
        Self::serve(|mut stream| async move {
            // A record of 16 KiB that never comes to its end.
            let mut bytes = [0x16, 0x03, 0x03, 0x3f, 0xff]
                .into_iter()
                .chain(std::iter::repeat(0));
            while let Some(byte) = bytes.next()
                && stream.write_all(&[byte]).await.is_ok()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub fn address_of(jenkins: &StandIn) -> SocketAddr {
    let url = jenkins.url();
    let rest = url.trim_start_matches("http://");
    rest.split('/')
        .next()
        .expect("an address")
        .parse()
        .expect("an address")
}

/// A machine whose trust store has one authority.
pub struct Machine<'a> {
    home: &'a Home,
    pub system: Authority,
    /// What is set beside that, for all programs.
    pub environment: Vec<(&'static str, String)>,
}

impl<'a> Machine<'a> {
    pub fn new(home: &'a Home) -> Self {
        let system = Authority::new("System Root");
        let store = home.path("system.pem");
        fs::write(&store, &system.pem).expect("the store");
        let environment = vec![
            ("SSL_CERT_FILE", store.display().to_string()),
            ("SSL_CERT_DIR", home.path("none").display().to_string()),
        ];
        Self {
            home,
            system,
            environment,
        }
    }

    fn run(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        repository: &Repository<'_>,
        arguments: &[&str],
    ) -> Ran {
        let mut command = self.home.command(program, &repository.folder);
        command.args(arguments);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        Ran::of(&mut command)
    }

    pub fn tool(&self, repository: &Repository<'_>, arguments: &[&str]) -> Ran {
        self.run(program(), repository, arguments)
    }

    /// A line of the shell.
    pub fn shell(&self, repository: &Repository<'_>, line: &str) -> Ran {
        self.run("sh", repository, &["-c", line])
    }

    pub fn git(&self, repository: &Repository<'_>, arguments: &[&str]) -> Ran {
        self.run("git", repository, arguments).succeeded()
    }

    /// Commits everything there is.
    pub fn commit(&self, repository: &Repository<'_>, message: &str) -> Ran {
        self.git(repository, &["add", "--all"]);
        self.git(repository, &["commit", "--allow-empty", "-m", message])
    }

    /// A setting of the user's.
    pub fn set(&self, repository: &Repository<'_>, key: &str, value: &str) {
        self.git(repository, &["config", "--global", key, value]);
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.home.path(name);
        fs::write(&path, content).expect("a file");
        path
    }
}
