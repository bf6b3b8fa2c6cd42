//! The minute in which a Jenkins starts: what it answers before it is itself.

use std::time::Duration;

/// The recorded start-up, in time since launch. Each figure can be changed; [`Default`] holds the recorded ones, which
/// were polled one request at a time and are therefore approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartUp {
    /// Until now connections are refused.
    pub port_opens: Duration,
    /// The first POST after the port opened is held until now, then gets the crumb 403.
    pub first_post_held_until: Duration,
    /// From here valid and invalid credentials alike get 401.
    pub credentials_refused_from: Duration,
    /// Until here; then everything is 503 again, POST with valid credentials too.
    pub credentials_refused_until: Duration,
    /// From here the server is itself.
    pub ready: Duration,
}

impl Default for StartUp {
    fn default() -> Self {
        Self {
            port_opens: Duration::from_secs(7),
            first_post_held_until: Duration::from_millis(12_200),
            credentials_refused_from: Duration::from_millis(14_400),
            credentials_refused_until: Duration::from_millis(14_900),
            ready: Duration::from_secs(20),
        }
    }
}

/// What the start-up does with requests at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Refused,
    /// 503, but a POST that the crumb filter sees gets its 403: credentials are not looked at yet.
    CrumbsOnly,
    CredentialsRefused,
    GettingReady,
    Ready,
}

impl StartUp {
    pub(crate) fn phase(&self, since_launch: Duration) -> Phase {
        if since_launch < self.port_opens {
            Phase::Refused
        } else if since_launch < self.credentials_refused_from {
            Phase::CrumbsOnly
        } else if since_launch < self.credentials_refused_until {
            Phase::CredentialsRefused
        } else if since_launch < self.ready {
            Phase::GettingReady
        } else {
            Phase::Ready
        }
    }
}
