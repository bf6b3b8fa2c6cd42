//! The one way to a server: what may be sent to it, whom it has to prove to be, and who asks.

use url::Url;

use crate::credentials::trust::Trusted;
use crate::credentials::{self, tls};
use crate::jenkins::{self, Client, ClientCertificate, Explanation, Security};
use crate::spool::{Spool, Trigger};

/// Why there is no client for a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoClient {
    /// The user has something to allow or to put right.
    #[error(transparent)]
    Forbidden(#[from] credentials::Error),
    /// What is to vouch for the server is not kept here any more.
    #[error(
        "the certificate authority for {server} is not there any more ({reason}); to put it back: jenkins-trigger trust"
    )]
    Gone {
        /// The server.
        server: Url,
        /// What the spool says.
        reason: String,
    },
    /// This machine has.
    #[error("{0}")]
    Explained(Explanation),
}

/// What vouches for a server beside the system's own authorities, each by its SHA-256.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Vouching {
    /// Those that the trigger needs.
    own: Option<String>,
    /// Those that the user accepted last. A trigger that is older than they are would wait for ever,
    /// and hold back those that come after it.
    newest: Option<String>,
}

impl Vouching {
    /// What vouches for the server of a trigger that may go out.
    pub(super) fn of(trusted: &Trusted, trigger: &Trigger) -> Self {
        let newest = trusted.newest_authority(&trigger.server).map(str::to_owned);
        match &trigger.ca_trouble {
            Some(_) => Self {
                own: newest,
                newest: None,
            },
            None => Self {
                newest: newest.filter(|newest| trigger.ca.as_ref() != Some(newest)),
                own: trigger.ca.clone(),
            },
        }
    }
}

/// A client for a server that these vouch for.
pub(super) fn connect_with(spool: &Spool, server: &Url, vouching: &Vouching) -> Result<Client, NoClient> {
    let mut pem = Vec::new();
    if let Some(own) = &vouching.own {
        pem = spool.authorities(own).map_err(|error| NoClient::Gone {
            server: server.clone(),
            reason: error.to_string(),
        })?;
    }
    // Nobody needs it who has come without one.
    if let Some(newest) = &vouching.newest
        && let Ok(newest) = spool.authorities(newest)
    {
        pem.push(b'\n');
        pem.extend(newest);
    }
    connect(server, Some(&pem))
}

/// A client for the server of a trigger that may go out.
///
/// # Errors
/// As [`connect`], and [`NoClient::Gone`].
pub fn connect_for(
    spool: &Spool,
    trusted: &Trusted,
    trigger: &Trigger,
    server: &Url,
) -> Result<Client, NoClient> {
    connect_with(spool, server, &Vouching::of(trusted, trigger))
}

/// A client for the server with this base URL. `ca` are certificates in PEM that vouch for it beside
/// the system's own and those of the user's git config.
///
/// # Errors
/// A server that no secret may be sent to, a client certificate or key that cannot be read, or a
/// trust store that cannot.
pub fn connect(server: &Url, ca: Option<&[u8]>) -> Result<Client, NoClient> {
    credentials::check_transport(server, jenkins::is_loopback(server))?;
    let mut security = Security::default();
    if server.scheme() == "https" {
        let own = tls::of(server)?;
        let given = ca.map(<[u8]>::to_vec);
        security.authorities = given.into_iter().chain(own.authorities).collect();
        security.identity = own
            .identity
            .map(|(certificate, key)| ClientCertificate { certificate, key });
    }
    Client::new(server.clone(), &security).map_err(NoClient::Explained)
}
