//! Who this user is to a server: the sources in their order, each asked once.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::helper::{self, Wanted};
use super::netrc::Netrc;
use super::private::shown;
use super::store::{Contents, Store};
use super::token_file::{self, TokenFile};
use super::{Error, NoJobToken};
use crate::environment;
use crate::secret::{Login, Provenance, Secret};

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment.
    Environment(String),
    /// The file of a service account.
    TokenFile(PathBuf),
    /// The own store.
    Store(PathBuf),
    /// A credential helper of git's.
    Helper,
    /// The user's netrc.
    Netrc(PathBuf),
}

impl Source {
    /// How what is there is taken away by hand.
    #[must_use]
    pub fn removal(&self) -> String {
        match self {
            Self::TokenFile(path) => {
                let (place, then) = token_file::place_to_change(path);
                format!("take it out of {place}{then}")
            }
            _ => format!("take it out of {self}"),
        }
    }

    /// How another token gets there.
    fn renewal(&self, server: &Url) -> String {
        const USER: &str = "the user id, not the e-mail address or full name";
        match self {
            Self::Environment(_) => format!(
                "set {} ({USER}) and {}, or unset both and log in: jenkins-trigger login {server}",
                environment::USER_ID,
                environment::API_TOKEN
            ),
            Self::TokenFile(path) => {
                let (place, then) = token_file::place_to_change(path);
                format!("write `user:token` into {place} ({USER}){then}")
            }
            Self::Store(_) | Self::Helper | Self::Netrc(_) => {
                format!("log in: jenkins-trigger login {server}")
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(out, "{name}"),
            Self::TokenFile(path) | Self::Store(path) | Self::Netrc(path) => write!(out, "{}", shown(path)),
            Self::Helper => write!(out, "git credential"),
        }
    }
}

/// A secret with where it was found.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// What was looked for.
    pub value: T,
    /// Where it was.
    pub source: Source,
    /// Whether it is kept for this very server. What is not serves only servers that the user trusts.
    pub bound: bool,
}

/// All that the sources have for a server.
#[derive(Debug, Clone)]
pub struct Answers<T> {
    /// What they have, in their order; the first counts.
    pub found: Vec<Found<T>>,
    /// Why some could not be asked, or would not answer for this server.
    pub passed_over: Vec<String>,
}

/// The sources, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Environment,
    TokenFile,
    Store,
    Helper,
    Netrc,
}

const ORDER: [Place; 5] = [
    Place::Environment,
    Place::TokenFile,
    Place::Store,
    Place::Helper,
    Place::Netrc,
];

/// What one source says.
enum Answer<T> {
    Found(Found<T>),
    Nothing,
    /// There may be something, but not to be used for this.
    PassedOver(String),
    /// There is something wrong that the user must know of before another source is asked.
    Refused(Error),
    /// It was not asked, and may have something.
    NotAsked,
}

impl<T> Answer<T> {
    fn map<U>(self, of: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Found(found) => Answer::Found(Found {
                value: of(found.value),
                source: found.source,
                bound: found.bound,
            }),
            Self::Nothing => Answer::Nothing,
            Self::PassedOver(why) => Answer::PassedOver(why),
            Self::Refused(error) => Answer::Refused(error),
            Self::NotAsked => Answer::NotAsked,
        }
    }
}

type HelperSaid = Result<Option<Login>, Error>;

/// The credentials of the user that this process runs for. What a source has said counts as long as
/// this lives.
#[derive(Debug, Default)]
pub struct Keyring {
    without_programs: bool,
    token_file: OnceCell<Result<Option<TokenFile>, Error>>,
    store: OnceCell<Result<Option<(PathBuf, Contents)>, Error>>,
    netrc: OnceCell<Result<Netrc, Error>>,
    has_helper: RefCell<BTreeMap<Url, bool>>,
    helper: RefCell<BTreeMap<(Url, Wanted), HelperSaid>>,
}

impl Keyring {
    /// One that starts no program: where nothing has anything but git's helpers might, the answer is
    /// [`Error::NotAsked`].
    #[must_use]
    pub fn without_programs() -> Self {
        Self {
            without_programs: true,
            ..Self::default()
        }
    }

    /// The user and API token for a server that the user trusts.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::Unusable`] for a file that is there to be used and must not be,
    /// [`Error::NotAsked`].
    pub fn login(&self, server: &Url) -> Result<Found<Login>, Error> {
        let answers = ORDER.iter().map(|place| self.login_in(*place, server));
        first(answers, server)?.map_err(|passed_over| Error::NoUser {
            server: server.clone(),
            passed_over,
        })
    }

    /// The same where something says that they are for this server: for a question that is not needed
    /// for what he asked, and that nobody is to ask another server with his token.
    #[must_use]
    pub fn bound_login(&self, server: &Url) -> Option<Login> {
        let answers = ORDER.iter().map(|place| self.login_in(*place, server));
        let bound = answers.filter(|answer| !matches!(answer, Answer::Found(found) if !found.bound));
        Some(first(bound, server).ok()?.ok()?.value)
    }

    /// All the users and API tokens that there are for a server, in the order of their sources.
    #[must_use]
    pub fn logins(&self, server: &Url) -> Answers<Login> {
        all(ORDER.iter().map(|place| self.login_in(*place, server)))
    }

    /// The trigger token called `name`, for `job` of a server that the user trusts.
    ///
    /// # Errors
    /// [`Error::NoJobToken`], and as [`Keyring::login`].
    pub fn job_token(&self, server: &Url, name: &str, job: &str) -> Result<Found<Secret>, Error> {
        let answers = ORDER.iter().map(|place| self.job_token_in(*place, server, name));
        let found = first(answers, server)?.map(|found| Found {
            value: found.value.registered_for(job),
            ..found
        });
        found.map_err(|passed_over| {
            Error::NoJobToken(Box::new(NoJobToken {
                server: server.clone(),
                job: job.to_owned(),
                name: name.to_owned(),
                variable: environment::job_token_variable(name),
                passed_over,
            }))
        })
    }

    /// All the trigger tokens called `name` that there are for a server, in the order of their sources.
    #[must_use]
    pub fn job_tokens(&self, server: &Url, name: &str) -> Answers<Secret> {
        all(ORDER.iter().map(|place| self.job_token_in(*place, server, name)))
    }

    fn login_in(&self, place: Place, server: &Url) -> Answer<Login> {
        let mut answer = match place {
            Place::Environment => login_in_environment(server),
            Place::TokenFile => self.in_token_file(server, |file| file.login().cloned()),
            Place::Store => self.in_store(|contents| contents.login(server)),
            Place::Helper => self
                .in_helper(server, Wanted::User)
                .map(|login| Login::new(login.user, login.token)),
            Place::Netrc => self.in_netrc(|netrc| netrc.login(server)),
        };
        if let Answer::Found(found) = &mut answer {
            found.value.provenance = Some(Provenance {
                name: found.source.to_string(),
                renewal: found.source.renewal(server),
            });
        }
        answer
    }

    fn job_token_in(&self, place: Place, server: &Url, name: &str) -> Answer<Secret> {
        match place {
            Place::Environment => {
                let variable = environment::job_token_variable(name);
                environment::job_token(&variable).map_or(Answer::Nothing, |value| {
                    Answer::Found(Found {
                        value,
                        source: Source::Environment(variable),
                        bound: false,
                    })
                })
            }
            Place::TokenFile => self.in_token_file(server, |file| file.job_token(name).cloned()),
            Place::Store => self.in_store(|contents| contents.job_token(server, name)),
            Place::Helper => {
                let wanted = Wanted::JobToken(name.to_owned());
                self.in_helper(server, wanted).map(|login| login.token)
            }
            Place::Netrc => self.in_netrc(|netrc| netrc.job_token(server, name)),
        }
    }

    fn in_token_file<T>(&self, server: &Url, look: impl Fn(&TokenFile) -> Option<T>) -> Answer<T> {
        let file = match self.token_file.get_or_init(TokenFile::given) {
            Ok(Some(file)) => file,
            Ok(None) => return Answer::Nothing,
            Err(error) => return Answer::Refused(error.clone()),
        };
        let Some(value) = look(file) else {
            return Answer::Nothing;
        };
        let source = Source::TokenFile(file.path.clone());
        match &file.bound {
            Some(bound) if !is_for(bound, server) => {
                let (origin, path) = (bound.origin().ascii_serialization(), base_path(bound));
                let path = if path == "/" { "" } else { &path };
                Answer::PassedOver(format!("{source} is for {origin}{path}"))
            }
            bound => Answer::Found(Found {
                value,
                source,
                bound: bound.is_some(),
            }),
        }
    }

    fn in_store<T>(&self, look: impl Fn(&Contents) -> Option<T>) -> Answer<T> {
        let read = || {
            let Ok(store) = Store::of_user() else {
                return Ok(None);
            };
            Ok(Some((store.path().to_owned(), store.read()?)))
        };
        match self.store.get_or_init(read) {
            Ok(Some((path, contents))) => {
                look(contents).map_or(Answer::Nothing, |value| bound(value, Source::Store(path.clone())))
            }
            Ok(None) => Answer::Nothing,
            Err(error) => Answer::Refused(error.clone()),
        }
    }

    fn in_helper(&self, server: &Url, wanted: Wanted) -> Answer<Login> {
        let mut has_helper = self.has_helper.borrow_mut();
        let has_helper = has_helper
            .entry(server.clone())
            .or_insert_with_key(helper::may_be_configured);
        if !*has_helper {
            return Answer::Nothing;
        }
        if self.without_programs {
            return Answer::NotAsked;
        }
        let mut known = self.helper.borrow_mut();
        let answer = known
            .entry((server.clone(), wanted))
            .or_insert_with_key(|(server, wanted)| helper::fill(server, wanted));
        match answer {
            Ok(Some(login)) => bound(login.clone(), Source::Helper),
            Ok(None) => Answer::Nothing,
            Err(error) => Answer::PassedOver(error.to_string()),
        }
    }

    fn in_netrc<T>(&self, look: impl Fn(&Netrc) -> Option<T>) -> Answer<T> {
        match self.netrc.get_or_init(Netrc::of_user) {
            Ok(netrc) => look(netrc).map_or(Answer::Nothing, |value| {
                bound(value, Source::Netrc(netrc.path.clone()))
            }),
            // It is for other programs first, and may well have nothing for us.
            Err(error) => Answer::PassedOver(error.to_string().replacen("; ", ": ", 1)),
        }
    }
}

fn bound<T>(value: T, source: Source) -> Answer<T> {
    Answer::Found(Found {
        value,
        source,
        bound: true,
    })
}

fn login_in_environment(server: &Url) -> Answer<Login> {
    let Some(login) = environment::jenkins_login() else {
        // Whoever set one of them meant them to be used.
        let half = |missing| Answer::PassedOver(format!("{missing} is not set"));
        return environment::missing_of_login().map_or(Answer::Nothing, half);
    };
    let url = environment::jenkins_url();
    if let Some(url) = &url {
        let same = Url::parse(url).is_ok_and(|url| url.origin() == server.origin());
        if !same {
            let (token, variable) = (environment::API_TOKEN, environment::URL);
            return Answer::PassedOver(format!("{token} is for {} ({variable})", origin_of(url)));
        }
    }
    Answer::Found(Found {
        value: login,
        source: Source::Environment(environment::API_TOKEN.into()),
        bound: url.is_some(),
    })
}

/// The first answer. `Ok(Err(…))`: nobody has any, and why some were passed over.
fn first<T>(
    answers: impl Iterator<Item = Answer<T>>,
    server: &Url,
) -> Result<Result<Found<T>, Vec<String>>, Error> {
    let mut passed_over = Vec::new();
    let mut all_asked = true;
    for answer in answers {
        match answer {
            Answer::Found(found) => return Ok(Ok(found)),
            Answer::Nothing => {}
            Answer::PassedOver(why) => passed_over.push(why),
            Answer::Refused(error) => return Err(error),
            Answer::NotAsked => all_asked = false,
        }
    }
    if all_asked {
        Ok(Err(passed_over))
    } else {
        Err(Error::NotAsked(server.clone()))
    }
}

fn all<T>(answers: impl Iterator<Item = Answer<T>>) -> Answers<T> {
    let mut all = Answers {
        found: Vec::new(),
        passed_over: Vec::new(),
    };
    for answer in answers {
        match answer {
            Answer::Found(found) => all.found.push(found),
            Answer::PassedOver(why) => all.passed_over.push(why),
            Answer::Refused(error) => all.passed_over.push(error.to_string()),
            Answer::Nothing | Answer::NotAsked => {}
        }
    }
    all
}

/// Whether what is bound to this URL may go to the server: to all of a host where the URL has no path.
fn is_for(bound: &Url, server: &Url) -> bool {
    let path = base_path(bound);
    bound.origin() == server.origin() && (path == "/" || path == base_path(server))
}

/// The path of a base URL, with the one `/` at its end that may not have been written.
fn base_path(url: &Url) -> String {
    format!("{}/", url.path().trim_end_matches('/'))
}

/// A URL out of the environment without the password that may stand in it.
fn origin_of(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => "something that is no URL".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_for_itself_and_one_without_a_path_for_all_of_its_host() {
        let is_for = |bound: &str, server: &str| {
            let url = |text| Url::parse(text).expect("a URL");
            is_for(&url(bound), &url(server))
        };
        for bound in [
            "https://ci/a",
            "https://ci/a/",
            "https://ci:443/a//",
            "https://ci",
        ] {
            assert!(is_for(bound, "https://ci/a/"), "{bound}");
        }
        for bound in [
            "https://ci/b",
            "https://ci/a/b",
            "https://ci/A",
            "http://ci/a",
            "https://ci:8443",
        ] {
            assert!(!is_for(bound, "https://ci/a/"), "{bound}");
        }
        assert!(!is_for("https://ci/a", "https://ci/"));
    }
}
