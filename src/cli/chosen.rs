//! The servers that a command about credentials is for: by hand, or those of the file.

use url::Url;

use super::authorities::Authorities;
use super::consent::{self, Consent};
use super::file::{self, Place};
use super::{Refusal, Session, servers};
use crate::config::{self, Config, Rule, Server};
use crate::credentials::Found;
use crate::credentials::trust::{Trust, Trusted};
use crate::deliver;
use crate::git::Repository;
use crate::jenkins::Client;

/// Which servers, and what is here that knows more of them.
pub(super) struct Chosen {
    /// Their base URLs.
    pub(super) urls: Vec<Url>,
    /// Whether the user gave its address himself.
    pub(super) by_hand: bool,
    /// The repository that the command runs in.
    pub(super) repository: Option<Repository>,
    file: Option<(Config, Place)>,
}

impl Chosen {
    /// The server of this address, or of this name in the file; without either those of the file.
    pub(super) fn of(session: &Session, given: Option<&str>) -> anyhow::Result<Self> {
        let Some(given) = given else {
            let repository = session.repository().map_err(or_by_its_url)?;
            let source = file::of_work_tree(&repository, &session.printer)?;
            let config = source.read()?;
            return Ok(Self {
                urls: config.servers.iter().map(|server| server.url.clone()).collect(),
                by_hand: false,
                repository: Some(repository),
                file: Some((config, source.place)),
            });
        };
        // Whoever names a server needs neither a repository nor a file that can be read.
        let repository = session.repository().ok();
        let file = repository.as_ref().and_then(|repository| {
            let (source, _) = file::compare(repository).ok()?;
            Some((source.read().ok()?, source.place))
        });
        let named = file.as_ref().and_then(|(config, _)| {
            let server = config.servers.iter().find(|server| server.name == given)?;
            Some(server.url.clone())
        });
        // The address of a name is the file's word, whoever wrote that.
        let by_hand = named.is_none();
        let url = match named {
            Some(url) => url,
            None => config::server_url(given).map_err(|wrong| Refusal::new(wrong.message, wrong.help))?,
        };
        Ok(Self {
            urls: vec![url],
            by_hand,
            repository,
            file,
        })
    }

    /// The only one.
    pub(super) fn only(&self, command: &str) -> Result<&Url, Refusal> {
        if let [url] = self.urls.as_slice() {
            return Ok(url);
        }
        let lines: Vec<String> = self
            .urls
            .iter()
            .map(|url| format!("jenkins-trigger {command} {url}"))
            .collect();
        Err(Refusal::new(
            format!("the file names {} servers; say which", self.urls.len()),
            lines.join("\n"),
        ))
    }

    /// What the file says of a server.
    fn server(&self, url: &Url) -> Option<(&Server, &Place)> {
        let (config, place) = self.file.as_ref()?;
        let server = config.servers.iter().find(|server| server.url == *url)?;
        Some((server, place))
    }

    /// The file, where there is one that can be read.
    pub(super) fn config(&self) -> Option<&Config> {
        self.file.as_ref().map(|(config, _)| config)
    }

    /// What this repository may reach.
    pub(super) fn trusted(&self) -> Result<Trusted, Refusal> {
        match &self.repository {
            Some(repository) => Ok(consent::trusted(repository.common_dir())?),
            None => Ok(Trusted::default()),
        }
    }

    /// Why this rule of the file must not be asked about, not even by a look, if it must not.
    pub(super) fn refusal_of(&self, rule: &Rule) -> Option<String> {
        let (repository, (config, place)) = self.repository.as_ref().zip(self.file.as_ref())?;
        let authorities = Authorities::new(repository, place);
        let occasion = consent::occasion(repository, rule);
        Consent::of(repository).refusal_of((config, rule), &authorities, occasion)
    }

    /// Refuses to send what is kept for no server in particular to one that its user has not chosen:
    /// whoever types an address has perhaps been told it by a stranger.
    pub(super) fn check_may_be_sent<T>(&self, url: &Url, found: &Found<T>) -> Result<(), Refusal> {
        if found.bound || self.trusted()?.has_server(url.as_str()) || Trust::of_user()?.accepts(url)? {
            return Ok(());
        }
        Err(Refusal::new(
            format!(
                "{} is for no server in particular, and {url} is none that you have accepted, so nothing was sent \
                 to it",
                found.source
            ),
            format!("to accept it: jenkins-trigger login {url}"),
        ))
    }

    /// A client for one of them, which has to prove who it is as it would for a trigger.
    pub(super) fn client(&self, url: &Url) -> Result<Client, Refusal> {
        let ca = match (&self.repository, self.server(url)) {
            (Some(repository), Some((server, place))) => {
                servers::vouching(repository, place, server, &self.trusted()?)?
            }
            _ => None,
        };
        Ok(deliver::connect(url, ca.as_deref())?)
    }
}

/// Outside of a repository the address alone is enough.
fn or_by_its_url(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Refusal>() {
        Ok(refusal) if refusal.help.is_none() => {
            Refusal::new(refusal.message, "or give the URL of the server after the command").into()
        }
        Ok(refusal) => refusal.into(),
        Err(other) => other,
    }
}
