//! What the user's git config says about TLS, so that nobody has to say it twice: the client
//! certificate and further authorities. Never `http.sslVerify`: nothing switches the verification off.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};
use url::Url;
use zeroize::Zeroizing;

use super::Error;
use crate::git;
use crate::secret::Secret;

/// What git would use for a server.
#[derive(Debug, Default)]
pub struct Settings {
    /// Certificates of authorities, in PEM.
    pub authorities: Option<Vec<u8>>,
    /// The client certificate and its private key, in PEM.
    pub identity: Option<(Secret, Secret)>,
}

/// A file that the git config names and that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "your git config names {path} for {server} ({setting}), and it cannot be read: {reason}; mend it: git config --global \
     --edit"
)]
pub struct Unreadable {
    /// The server.
    pub server: Url,
    /// The setting, without the URL that it may be for.
    pub setting: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
}

const CERTIFICATE: &str = "http.sslCert";
const KEY: &str = "http.sslKey";
const AUTHORITIES: &str = "http.sslCAInfo";

/// What the git config of the user and the system says for this server. Without a git there is none.
///
/// # Errors
/// [`Error::Tls`] for a file that cannot be read.
pub fn of(server: &Url) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    let known = git::settings_for_url("http", server.as_str()).unwrap_or_default();
    // The most have none, and each question is a process.
    if !known.keys().any(|key| key.starts_with("http.ssl")) {
        return Ok(settings);
    }
    let file = |key: &'static str| -> Option<PathBuf> {
        let path: BString = git::path_for_url(key, server.as_str()).ok()??;
        (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(&path)))
    };
    if let Some(path) = file(AUTHORITIES) {
        settings.authorities = Some(read(AUTHORITIES, &path, server)?);
    }
    if let Some(path) = file(CERTIFICATE) {
        // As for git, one file may hold both.
        let certificate = secret(read(CERTIFICATE, &path, server)?);
        let key = match file(KEY) {
            Some(path) => secret(read(KEY, &path, server)?),
            None => certificate.clone(),
        };
        settings.identity = Some((certificate, key));
    }
    Ok(settings)
}

/// A PEM text with a key in it.
fn secret(pem: Vec<u8>) -> Secret {
    let pem = Zeroizing::new(pem);
    // Longer than anything that is ever said.
    Secret::unregistered(pem.to_str_lossy().into_owned())
}

fn read(setting: &'static str, path: &Path, server: &Url) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|reason| {
        Error::Tls(Box::new(Unreadable {
            server: server.clone(),
            setting,
            path: path.to_owned(),
            reason: reason.to_string(),
        }))
    })
}
