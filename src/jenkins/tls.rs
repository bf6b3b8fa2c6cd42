//! TLS: whom this machine trusts, who this user is to a server that asks, and why a handshake failed.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use url::Url;

use super::certificate::{self, Certificate};
use super::explain::{Explanation, RETRY, say};
use crate::secret::Secret;
use crate::text::harmless;

/// The name of failures that have to do with who asks.
const CLIENT_CERTIFICATE: &str = "client-certificate";

/// Whom to trust beside the system's own authorities, and who to be to a server that asks.
#[derive(Debug, Default)]
pub struct Security {
    /// Certificates of authorities in PEM, each text of one or more. They are added to the system's
    /// trust store and replace nothing.
    pub authorities: Vec<Vec<u8>>,
    /// The client certificate.
    pub identity: Option<ClientCertificate>,
}

/// A client certificate.
#[derive(Debug)]
pub struct ClientCertificate {
    /// The certificate, and those between it and its authority, in PEM.
    pub certificate: Secret,
    /// Its private key in PEM, without a passphrase.
    pub key: Secret,
}

/// Why a text is not what `ca_file` may name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthorities {
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// A key has no business in a file that is shared.
    #[error("there is a private key in it, which nobody but its owner may have")]
    PrivateKey,
    /// It is the certificate itself and not its text form.
    #[error("it is no text; turn it into PEM: openssl x509 -inform der -in FILE -out FILE.pem")]
    NotPem,
    /// No certificate.
    #[error("no certificate is in it (a line -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// One that cannot be read.
    #[error("certificate {number} in it cannot be read: {reason}")]
    Damaged {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// The subjects of the authorities in this PEM text, for people.
///
/// # Errors
/// What keeps it from being used.
pub fn check_authorities(pem: &[u8]) -> Result<Vec<String>, NoAuthorities> {
    if pem.trim_ascii().is_empty() {
        return Err(NoAuthorities::Empty);
    }
    if has_private_key(pem) {
        return Err(NoAuthorities::PrivateKey);
    }
    let certificates = certificates_in(pem)?;
    if certificates.is_empty() {
        // A DER certificate is a sequence with a length of two bytes.
        let is_der = pem.starts_with(&[0x30, 0x82]);
        return Err(if is_der {
            NoAuthorities::NotPem
        } else {
            NoAuthorities::NoCertificate
        });
    }
    let damaged = |index: usize, reason: String| NoAuthorities::Damaged {
        number: index + 1,
        reason,
    };
    let mut store = RootCertStore::empty();
    let mut subjects = Vec::new();
    for (index, der) in certificates.into_iter().enumerate() {
        let read = certificate::read(&der).map_err(|reason| damaged(index, reason))?;
        store
            .add(der)
            .map_err(|error| damaged(index, error.to_string()))?;
        subjects.push(read.subject);
    }
    Ok(subjects)
}

fn has_private_key(pem: &[u8]) -> bool {
    // Also the kinds that the reader of PEM does not know.
    pem.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        line.starts_with(b"-----BEGIN ") && line.ends_with(b"PRIVATE KEY-----")
    })
}

fn certificates_in(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NoAuthorities> {
    let mut found = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        match section {
            Ok((SectionKind::Certificate, der)) => found.push(CertificateDer::from(der)),
            Ok(_) => {}
            Err(error) => {
                return Err(NoAuthorities::Damaged {
                    number: found.len() + 1,
                    reason: in_words(error),
                });
            }
        }
    }
    Ok(found)
}

/// The library's own words show lines of the file as lists of numbers.
fn in_words(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            let name = String::from_utf8_lossy(&end_marker);
            format!("its last line, -----END {}-----, is missing", harmless(&name))
        }
        pem::Error::IllegalSectionStart { .. } => "the dashes around a BEGIN are not five".into(),
        other => other.to_string(),
    }
}

/// What a client knows of its own handshakes.
#[derive(Debug)]
pub(super) struct Handshakes {
    key: Option<Arc<CertifiedKey>>,
    /// Whether the server wanted a client certificate.
    asked: AtomicBool,
}

impl ResolvesClientCert for Handshakes {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        // Whoever says no is not asked, and could not tell that the server did.
        true
    }
}

/// The set-up for a client, and what it will know of its handshakes.
pub(super) fn set_up(security: &Security) -> Result<(ClientConfig, Arc<Handshakes>), Explanation> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = Vec::new();
    for pem in &security.authorities {
        // A `ca_file` was read before it was accepted.
        roots.extend(certificates_in(pem).map_err(|error| {
            say(
                format!(
                    "the authorities that your git config names (http.sslCAInfo) cannot be used: {error}"
                ),
                format!("see: git config --global --get-regexp 'http.*ssl'; {RETRY}"),
            )
            .named("authorities")
        })?);
    }
    // One that is strange spoils no bundle, as it spoils none of the system's; the verifier takes all
    // that it is given or none.
    let mut readable = RootCertStore::empty();
    roots.retain(|root| readable.add(root.clone()).is_ok());
    // Without extra ones it refuses an empty store, and with them it takes it.
    let verifier =
        Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|error| no_client(&error))?;
    let key = match &security.identity {
        Some(identity) => Some(Arc::new(certified_key(identity, &provider)?)),
        None => None,
    };
    let handshakes = Arc::new(Handshakes {
        key,
        asked: AtomicBool::new(false),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| no_client(&error))?
        // Not weaker: each verdict is the platform's own.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Witness(verifier)))
        .with_client_cert_resolver(Arc::clone(&handshakes) as _);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, handshakes))
}

fn certified_key(
    identity: &ClientCertificate,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Explanation> {
    let refused = |what: String| {
        say(
            format!("the client certificate that your git config names cannot be used: {what}"),
            format!("see: git config --global --get-regexp 'http.*ssl'; {RETRY}"),
        )
        .named(CLIENT_CERTIFICATE)
    };
    let key = identity.key.expose();
    if key.contains("ENCRYPTED") {
        return Err(say(
            "the key of the client certificate that your git config names has a passphrase, and nobody is there to \
             type it",
            format!(
                "write it without one (openssl pkey -in KEY -out NEW, then chmod 600 NEW) and name that by \
                 http.sslKey; {RETRY}"
            ),
        )
        .named(CLIENT_CERTIFICATE));
    }
    let chain = certificates_in(identity.certificate.expose().as_bytes())
        .map_err(|error| refused(error.to_string()))?;
    if chain.is_empty() {
        return Err(refused(NoAuthorities::NoCertificate.to_string()));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| refused(format!("its key cannot be read: {error}")))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| refused(error.to_string()))
}

fn no_client(cause: &dyn fmt::Display) -> Explanation {
    super::explain::no_client(&cause.to_string())
}

/// The platform's verdict, which takes along what the certificate says where it is a no.
#[derive(Debug)]
struct Witness(Verifier);

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| {
                let chain = std::iter::once(end_entity).chain(intermediates);
                let rejected = Rejected {
                    chain: chain.filter_map(|der| certificate::read(der).ok()).collect(),
                    now: now.as_secs(),
                    error,
                };
                CertificateError::Other(OtherError(Arc::new(rejected))).into()
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// A certificate that was not accepted.
#[derive(Debug)]
struct Rejected {
    /// The server's own, then the others that it sent; none where they cannot be read.
    chain: Vec<Certificate>,
    /// When it was looked at, in seconds since 1970.
    now: u64,
    error: rustls::Error,
}

impl fmt::Display for Rejected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

impl StdError for Rejected {}

impl Rejected {
    /// Who signed the last of those that were sent, as far as one leads to the next.
    fn last(&self) -> Option<&Certificate> {
        let (mut last, rest) = self.chain.split_first()?;
        // Each takes one step at most.
        for _ in rest {
            match rest.iter().find(|next| next.subject == last.issuer) {
                Some(next) if next.subject != last.subject => last = next,
                _ => break,
            }
        }
        Some(last)
    }

    fn reason(&self) -> Option<&CertificateError> {
        match &self.error {
            rustls::Error::InvalidCertificate(reason) => Some(reason),
            _ => None,
        }
    }

    fn explain(&self, host: &str) -> Explanation {
        use CertificateError as No;
        let Some(certificate) = self.chain.first() else {
            return say(
                format!("the TLS certificate of {host} cannot be read: {}", self.error),
                format!("have the server send another; {RETRY}"),
            );
        };
        let issuer = &certificate.issuer;
        let valid = certificate.validity();
        match self.reason() {
            Some(No::UnknownIssuer | No::BadSignature) => self.unknown_issuer(host, certificate),
            Some(
                No::Expired | No::ExpiredContext { .. } | No::NotValidYet | No::NotValidYetContext { .. },
            ) => self.out_of_time(host, certificate),
            Some(No::NotValidForName | No::NotValidForNameContext { .. }) => say(
                format!(
                    "the TLS certificate of {host} is not for {host} but for {} (issued by {issuer}, {valid})",
                    certificate.names_in_words()
                ),
                format!(
                    "write a name that it is for as the server's in .jenkins-trigger.yml, or have it made for {host}; \
                     {RETRY}"
                ),
            ),
            Some(No::Revoked) => say(
                format!("the TLS certificate of {host} was revoked by {issuer} ({valid})"),
                format!("the server needs another; {RETRY}"),
            ),
            Some(No::Other(_)) if certificate.is_authority => say(
                format!(
                    "the TLS certificate of {host} is made for an authority (CA:TRUE), and no server may use such a one \
                     as its own (issued by {issuer}, {valid})"
                ),
                format!(
                    "have one made for the server, with basicConstraints=CA:FALSE and subjectAltName={}; {RETRY}",
                    certificate::subject_alternative(host)
                ),
            ),
            _ => say(
                format!(
                    "the TLS certificate of {host} is not accepted: {} (issued by {issuer}, {valid})",
                    self.error
                ),
                format!("have the server send another; {RETRY}"),
            ),
        }
    }

    fn unknown_issuer(&self, host: &str, certificate: &Certificate) -> Explanation {
        let valid = certificate.validity();
        let add = format!(
            "name the file with its certificate in .jenkins-trigger.yml, as `ca_file: FILE` of the server, or add it to \
             this system's trust store or to git's http.sslCAInfo; {RETRY}"
        );
        let last = self.last().unwrap_or(certificate);
        if last.issuer == last.subject && self.chain.len() == 1 {
            return say(
                format!(
                    "the TLS certificate of {host} is signed by itself, and is not trusted here ({valid})"
                ),
                format!("if it is the right one, {add}"),
            );
        }
        let issuer = &last.issuer;
        let who = match self.reason() {
            Some(CertificateError::BadSignature) => {
                format!("{issuer}, but not by the authority of that name that is trusted here")
            }
            _ => format!("{issuer}, an authority that is not trusted here"),
        };
        say(
            format!("the TLS certificate of {host} is issued by {who} ({valid})"),
            format!("if that is the right one, {add}"),
        )
    }

    fn out_of_time(&self, host: &str, own: &Certificate) -> Explanation {
        let bad = self.chain.iter().find(|one| !one.is_valid_at(self.now));
        let (whose, certificate) = match bad {
            Some(other) if !std::ptr::eq(other, own) => (
                format!("a certificate that {host} sends along ({})", other.subject),
                other,
            ),
            _ => (format!("the TLS certificate of {host}"), own),
        };
        let not_yet = certificate.from.as_second() > i64::try_from(self.now).unwrap_or(i64::MAX);
        let what = if not_yet {
            "is not valid yet"
        } else {
            "has expired"
        };
        let now = certificate::moment(self.now);
        say(
            format!(
                "{whose} {what}: {}, and the clock here says {now} (issued by {})",
                certificate.validity(),
                certificate.issuer
            ),
            format!("if the clock is right, the server needs another one; {RETRY}"),
        )
    }
}

/// What a failed handshake means; `None` where the failure is none of TLS, or may have come after
/// the request had been read. `is_new` says that the connection was only being made.
pub(super) fn explain(
    (error, is_new): (&(dyn StdError + 'static), bool),
    server: &Url,
    handshakes: Option<&Handshakes>,
) -> Option<Explanation> {
    use AlertDescription as Alert;
    let host = server.host_str().unwrap_or_default();
    let port = server.port_or_known_default().unwrap_or_default();
    let asked = handshakes.is_some_and(|handshakes| handshakes.asked.load(Ordering::Relaxed));
    let has_key = handshakes.is_some_and(|handshakes| handshakes.key.is_some());
    match cause(error)? {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            let rejected = other.0.downcast_ref::<Rejected>()?;
            Some(rejected.explain(host).named("certificate"))
        }
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure,
        ) if asked => Some(if has_key {
            say(
                format!("{host} does not accept the client certificate that your git config names for it"),
                format!(
                    "compare it with what the server's administrator gave you: git config --get-urlmatch http.sslCert \
                     {server}; {RETRY}"
                ),
            )
            .named(CLIENT_CERTIFICATE)
        } else {
            wants_certificate(server, host)
        }),
        rustls::Error::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure)
        | rustls::Error::PeerIncompatible(_) => Some(say(
            format!(
                "{host} port {port} speaks no TLS that is safe: neither 1.2 nor 1.3, or no cipher of these"
            ),
            format!("switch TLS 1.2 or 1.3 on at the server; {RETRY}"),
        )
        .named("old-tls")),
        rustls::Error::InvalidMessage(_) if is_new => {
            let mut plain = server.clone();
            let _ = plain.set_scheme("http");
            let _ = plain.set_port(Some(port));
            let explanation = say(
                format!("{host} port {port} does not speak TLS"),
                format!(
                    "if it speaks plain http, write as the server's URL {plain}, else the right port; {RETRY}"
                ),
            );
            Some(explanation.named("no-tls"))
        }
        _ => None,
    }
}

fn wants_certificate(server: &Url, host: &str) -> Explanation {
    say(
        format!("{host} wants a client certificate"),
        format!(
            "name yours in your git config: git config --global http.{server}.sslCert FILE, and its key: git config \
             --global http.{server}.sslKey FILE; {RETRY}"
        ),
    )
    .named(CLIENT_CERTIFICATE)
}

/// What a connection means that the server broke off after it had asked in vain who asks. Its word
/// about that may be lost with the connection.
pub(super) fn explain_broken(server: &Url, handshakes: Option<&Handshakes>) -> Option<Explanation> {
    let handshakes = handshakes?;
    let in_vain = handshakes.asked.load(Ordering::Relaxed) && handshakes.key.is_none();
    in_vain.then(|| wants_certificate(server, server.host_str().unwrap_or_default()))
}

/// What an answer that is no HTTP probably means of a server that was asked by http.
pub(super) fn explain_plain(cause: &str, server: &Url) -> Option<Explanation> {
    // The HTTP library's words for something else than `HTTP/1.1` at the beginning.
    let is_no_http = cause.contains("invalid HTTP version");
    (server.scheme() == "http" && is_no_http).then(|| {
        wants_https(
            format!(
                "{} answers something that is no HTTP, as one that speaks TLS does",
                place(server)
            ),
            server,
        )
    })
}

/// That a server says itself that it was to be asked by https.
pub(super) fn refused_plain(server: &Url) -> Explanation {
    wants_https(
        format!("{} speaks TLS, and was asked without", place(server)),
        server,
    )
}

fn wants_https(meaning: String, server: &Url) -> Explanation {
    let mut https = server.clone();
    let _ = https.set_scheme("https");
    let _ = https.set_port(server.port_or_known_default());
    say(
        meaning,
        format!("write as the server's URL {https} in .jenkins-trigger.yml, then: jenkins-trigger trust"),
    )
    .named("wants-https")
}

fn place(server: &Url) -> String {
    let host = server.host_str().unwrap_or_default();
    let port = server.port_or_known_default().unwrap_or_default();
    format!("{host} port {port}")
}

/// The TLS library's own error. What wraps it is often an `io::Error`, which hides it from `source`.
fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn certificate(subject: &str, issuer: &str, days: (i64, i64)) -> Certificate {
        let day = |day: i64| Timestamp::from_second(day * 24 * 60 * 60).expect("a time");
        Certificate {
            subject: subject.into(),
            issuer: issuer.into(),
            from: day(days.0),
            to: day(days.1),
            names: vec!["ci".into()],
            is_authority: false,
        }
    }

    fn explained(chain: Vec<Certificate>, reason: CertificateError) -> String {
        let rejected = Rejected {
            chain,
            now: 1_000 * 24 * 60 * 60,
            error: reason.into(),
        };
        rejected.explain("ci").to_string()
    }

    #[test]
    fn a_revoked_certificate_is_told_with_its_issuer() {
        let own = certificate("CN=ci", "CN=Root", (10, 2_000));
        assert_eq!(
            explained(vec![own], CertificateError::Revoked),
            "the TLS certificate of ci was revoked by CN=Root (valid from 1970-01-11 to 1975-06-24); the server needs \
             another; then: jenkins-trigger retry"
        );
    }

    #[test]
    fn of_a_chain_it_is_the_expired_one_that_is_told() {
        let own = certificate("CN=ci", "CN=Between", (10, 2_000));
        let between = certificate("CN=Between", "CN=Root", (10, 900));
        assert_eq!(
            explained(vec![own, between], CertificateError::Expired),
            "a certificate that ci sends along (CN=Between) has expired: valid from 1970-01-11 to 1972-06-19, and \
             the clock here says 1972-09-27 00:00 UTC (issued by CN=Root); if the clock is right, the server needs \
             another one; then: jenkins-trigger retry"
        );
    }

    #[test]
    fn of_a_chain_it_is_the_last_issuer_that_is_not_trusted() {
        let chain = || {
            vec![
                certificate("CN=ci", "CN=Between", (10, 2_000)),
                certificate("CN=Other", "CN=Nobody", (10, 2_000)),
                certificate("CN=Between", "CN=Root", (10, 2_000)),
            ]
        };
        let said = explained(chain(), CertificateError::UnknownIssuer);
        assert!(said.contains("is issued by CN=Root, an authority that"), "{said}");
        let mut circle = chain();
        circle[2].issuer = "CN=ci".into();
        let said = explained(circle, CertificateError::UnknownIssuer);
        assert!(said.contains("is issued by "), "{said}");
    }

    #[test]
    fn what_is_no_certificate_is_told_and_not_shown() {
        let said = explained(Vec::new(), CertificateError::BadEncoding);
        assert!(
            said.starts_with("the TLS certificate of ci cannot be read: "),
            "{said}"
        );
    }
}
