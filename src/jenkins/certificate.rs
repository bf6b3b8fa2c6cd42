//! What a certificate says, for people. Nothing here decides whom to trust.

use std::net::IpAddr;

use jiff::Timestamp;
use x509_cert::Certificate as Parsed;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::time::Time;

use crate::text::harmless;

/// So many names are told, and no more.
const FEW: usize = 5;

/// A certificate, read.
#[derive(Debug)]
pub(super) struct Certificate {
    /// As RFC 4514 writes it, for example `CN=ci.example.com`.
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The host names and addresses that it is for.
    pub(super) names: Vec<String>,
    /// Whether it may issue others.
    pub(super) is_authority: bool,
}

/// Reads a DER certificate.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(der: &[u8]) -> Result<Certificate, String> {
    let parsed = Parsed::from_der(der).map_err(|error| error.to_string())?;
    let content = parsed.tbs_certificate();
    let validity = content.validity();
    let alternatives = content.get_extension::<SubjectAltName>().ok().flatten();
    let names = alternatives.map(|(_, names)| names.0).unwrap_or_default();
    let constraints = content.get_extension::<BasicConstraints>().ok().flatten();
    Ok(Certificate {
        subject: harmless(&content.subject().to_string()),
        issuer: harmless(&content.issuer().to_string()),
        from: time(validity.not_before),
        to: time(validity.not_after),
        names: names.iter().filter_map(name).collect(),
        is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
    })
}

fn time(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(harmless(name.as_str())),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            Some(address.ok()?.to_string())
        }
        _ => None,
    }
}

impl Certificate {
    pub(super) fn is_valid_at(&self, seconds: u64) -> bool {
        let now = i64::try_from(seconds).unwrap_or(i64::MAX);
        (self.from.as_second()..=self.to.as_second()).contains(&now)
    }

    pub(super) fn validity(&self) -> String {
        let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
        format!("valid from {} to {}", day(&self.from), day(&self.to))
    }

    pub(super) fn names_in_words(&self) -> String {
        let few = self
            .names
            .iter()
            .take(FEW)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        match self.names.len() {
            // Old ones have it in the subject only, where nobody looks any more.
            0 => format!(
                "no name at all (the one in its subject, {}, does not count)",
                self.subject
            ),
            count if count > FEW => format!("{few} and {} more", count - FEW),
            _ => few,
        }
    }
}

/// How `openssl` takes the name or address that a certificate is to be for.
pub(super) fn subject_alternative(host: &str) -> String {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => format!("IP:{address}"),
        Err(_) => format!("DNS:{host}"),
    }
}

/// A time to the minute.
pub(super) fn moment(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
