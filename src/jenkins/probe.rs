//! Questions that change nothing and start nothing: who answers, whose credentials they are, what a
//! user may do. Nothing of it asks twice or in parallel.

use std::thread;
use std::time::Duration;

use super::client::{self, Client, TOTAL_LIMIT, header};
use super::explain::{self, Answer, Explanation, Reading, Tried, say};
use super::front::WHO_AM_I;
use super::read;
use super::{Action, Method, Order, item_of, item_url, job_path};
use crate::secret::{Login, Secret};
use serde::Deserialize;

/// While Jenkins starts, valid credentials get a 401 for at most 0.8 s (contract, observed 4).
const STARTING: Duration = Duration::from_secs(1);

/// A version of Jenkins, as `X-Jenkins` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The text as the server sent it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether a GET with an API token and without a trigger token never builds: since 2.469, and in
    /// the LTS line, whose versions have a third number, since 2.479 (contract, observed 6).
    #[must_use]
    pub fn builds_by_post_only(&self) -> bool {
        let mut parts = self.0.split(['.', '-']).map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), third) => {
                let weekly = third.is_none_or(|part| part.is_err());
                major > 2 || (major == 2 && minor >= if weekly { 469 } else { 479 })
            }
            _ => false,
        }
    }
}

/// Who answers at a server's address to somebody without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// A Jenkins that is up.
    Jenkins(Version),
    /// Something else, or a Jenkins that is not up.
    Other(Explanation),
    /// Nobody.
    Nobody(Explanation),
}

/// What credentials are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// An API token of this user, by Jenkins's own name of him.
    ApiToken(String),
    /// A password of this user.
    Password(String),
    /// One of the two of this user; which, the server does not tell.
    Unclear(String),
    /// They are not accepted, or do not reach Jenkins.
    Refused(Explanation),
}

/// What Jenkins tells of itself to who has Overall/Read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The address that its administrator configured, where one is.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether it is about to shut down: it takes triggers and starts none of them.
    #[serde(default)]
    pub quieting_down: bool,
}

/// Whether something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// It is.
    Yes,
    /// It is not.
    No(Explanation),
    /// It could not be found out, or not without a risk.
    Unknown(String),
}

/// What a check of a job's trigger token came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenCheck {
    /// A trigger with this token would be taken.
    Accepted,
    /// The job has no trigger token of its own, so that it takes any from who has Job/Build.
    Ignored,
    /// It would not.
    Refused(Explanation),
    /// It could not be found out without a risk.
    Unknown(String),
    /// The job was changed in the very moment of the check, and a build was queued.
    Queued {
        /// The address of the queue item.
        url: String,
    },
}

/// What is no job's trigger token.
fn nobodys() -> Secret {
    Secret::unregistered("no-token-of-any-job".into())
}

#[derive(Deserialize)]
struct Me {
    name: String,
    #[serde(default)]
    anonymous: bool,
}

/// What tells for certain whether a job takes parameters: both lists must be there, and agree.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certain {
    #[serde(rename = "_class")]
    class: String,
    buildable: bool,
    in_queue: bool,
    last_build: Option<Numbered>,
    last_completed_build: Option<Numbered>,
    property: Vec<Option<Declares>>,
    actions: Vec<Option<Declares>>,
}

#[derive(Deserialize, PartialEq, Eq)]
struct Numbered {
    number: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Declares {
    #[serde(default)]
    parameter_definitions: Option<Vec<serde_json::Value>>,
}

fn declares(list: &[Option<Declares>]) -> bool {
    let definitions = |one: &Declares| one.parameter_definitions.as_ref().map(Vec::len);
    list.iter()
        .flatten()
        .filter_map(definitions)
        .any(|count| count > 0)
}

/// No job is called so; where there is one it has a token, and none is sent.
const NO_SUCH_JOB: &str = "no-such-job-says-jenkins-trigger-doctor";

impl Client {
    /// Who answers. Asked without credentials.
    #[must_use]
    pub fn reach(&self) -> Reached {
        let url = self.address(WHO_AM_I);
        let response = match self.get(WHO_AM_I).send() {
            Ok(response) => response,
            Err(error) => return Reached::Nobody(self.no_answer(&error)),
        };
        let version = header(&response, "X-Jenkins");
        let answer = client::answer(response);
        self.learn_front(&answer, version.as_deref());
        let is_object = serde_json::from_str::<Me>(&answer.body).is_ok();
        match version {
            Some(version) if answer.status == 200 && is_object => {
                Reached::Jenkins(Version(crate::text::harmless(&version)))
            }
            // whoAmI is shown to everybody, so this is another of its addresses.
            Some(_) if matches!(answer.status, 403 | 404) && self.server.path() != "/" => {
                let root = self.server.join("/").unwrap_or_else(|_| self.server.clone());
                Reached::Other(say(
                    format!(
                        "a Jenkins answers, but not at {} (HTTP {}; tried {url})",
                        self.server, answer.status
                    ),
                    format!(
                        "perhaps its context path is not {}: check `server` in .jenkins-trigger.yml, it may be {root}",
                        self.server.path()
                    ),
                ))
            }
            _ if answer.is_jenkins || answer.status < 300 => Reached::Other(say(
                format!(
                    "what answers at {url} (HTTP {}) is no Jenkins, or not all of it",
                    answer.status
                ),
                "check `server` in .jenkins-trigger.yml, with its context path",
            )),
            _ => Reached::Other(self.explained(&answer, &url, "", None)),
        }
    }

    /// Whose credentials these are. A password is told from an API token by a POST without a crumb,
    /// which only the token may do (contract, observed 7).
    #[must_use]
    pub fn identify(&self, login: &Login) -> Identity {
        let me = match self.who_am_i(login) {
            Err(_) => {
                thread::sleep(STARTING);
                self.who_am_i(login)
            }
            me => me,
        };
        let me = match me {
            Ok(me) => me,
            Err(explanation) => return Identity::Refused(explanation),
        };
        if me.anonymous {
            return Identity::Refused(say(
                format!(
                    "Jenkins at {} saw no credentials",
                    self.server.host_str().unwrap_or_default()
                ),
                "a proxy before it takes the Authorization header away; it must let API tokens through",
            ));
        }
        let name = crate::text::harmless(&me.name);
        match self.post_once(&self.address(WHO_AM_I), &[], (Some(login), None), TOTAL_LIMIT) {
            // Where crumbs are off nobody needs one.
            Ok(answer) if answer.status == 200 && self.wants_crumbs(login) => Identity::ApiToken(name),
            Ok(answer) if answer.says("No valid crumb was included") => Identity::Password(name),
            _ => Identity::Unclear(name),
        }
    }

    fn who_am_i(&self, login: &Login) -> Result<Me, Explanation> {
        let url = self.address(WHO_AM_I);
        let answer = self
            .fetch(WHO_AM_I, Some(login))
            .map_err(|error| self.no_answer(&error))?;
        match serde_json::from_str(&answer.body) {
            Ok(me) if answer.status == 200 => Ok(me),
            _ => Err(self.explained(&answer, &url, "", Some(login))),
        }
    }

    /// Off, the crumb issuer is not there (contract, observed 4: 404); every other answer is one of a
    /// server that has it.
    fn wants_crumbs(&self, login: &Login) -> bool {
        self.fetch("crumbIssuer/api/json", Some(login))
            .is_ok_and(|answer| answer.status != 404)
    }

    /// What Jenkins tells of itself.
    ///
    /// # Errors
    /// Why not; most often that the user lacks Overall/Read.
    pub fn about(&self, login: &Login) -> Result<About, Explanation> {
        let path = format!("api/json{}", read::tree("url,quietingDown"));
        let url = self.address("api/json");
        let answer = self
            .fetch(&path, Some(login))
            .map_err(|error| self.no_answer(&error))?;
        match serde_json::from_str(&answer.body) {
            Ok(about) if answer.status == 200 => Ok(about),
            _ if answer.permission.is_some() => Err(say(
                format!("user {} lacks the permission Overall/Read", login.user),
                format!(
                    "an administrator ticks Overall/Read for {} at {}manage/configureSecurity/",
                    login.user, self.server
                ),
            )),
            _ => Err(self.explained(&answer, &url, "", Some(login))),
        }
    }

    /// Whether this user has Job/Build on a job that he can read. There is no question for that but
    /// the endpoint itself, which says so before it minds the method: a GET without a trigger token
    /// is a 405 to who may and a 403 to who may not (sources of Jenkins; contract, observed 1).
    #[must_use]
    pub fn may_build(&self, job: &str, login: &Login, version: &Version) -> Allowed {
        if !version.builds_by_post_only() {
            return Allowed::Unknown(format!(
                "Jenkins {} builds when it is asked by GET, so that it cannot be asked without building",
                version.text()
            ));
        }
        let path = format!("{}buildWithParameters", job_path(job));
        let url = self.address(&path);
        match self.fetch(&path, Some(login)) {
            Ok(answer) if answer.status == 405 && answer.only_post => Allowed::Yes,
            Ok(answer) if answer.status == 403 && answer.permission.is_some() => {
                Allowed::No(self.explained(&answer, &url, job, Some(login)))
            }
            Ok(answer) => Allowed::Unknown(format!("{url} answered HTTP {}", answer.status)),
            Err(error) => Allowed::Unknown(self.no_answer(&error).meaning),
        }
    }

    /// Whether the plugin Build Authorization Token Root is there (contract, observed 2: an empty
    /// 404). `None` when the answer tells neither.
    #[must_use]
    pub fn has_build_token_root(&self) -> Option<bool> {
        let answer = self
            .fetch(&format!("buildByToken/build?job={NO_SUCH_JOB}"), None)
            .ok()?;
        match answer.status {
            404 => Some(answer.body.is_empty()),
            403 => Some(false),
            _ => None,
        }
    }

    /// Whether a job's trigger token is the right one, found out by a request that the job must refuse
    /// for another reason: at the endpoint with parameters for a job that has none, or the reverse
    /// (contract, observed 7). With a wrong idea of the job that request would build it, so the job is
    /// looked at right before, and nothing is sent unless all it says agrees.
    ///
    /// `login` is whose Job/Read is used.
    #[must_use]
    pub fn check_token(&self, method: Method, job: &str, login: &Login, token: &Secret) -> TokenCheck {
        let ask = |token: &Secret| self.ask_about_token(method, job, login, token);
        match ask(token) {
            // Contract, s2-35.
            TokenCheck::Accepted if method.needs_user() && ask(&nobodys()) == TokenCheck::Accepted => {
                TokenCheck::Ignored
            }
            answer => answer,
        }
    }

    fn ask_about_token(&self, method: Method, job: &str, login: &Login, token: &Secret) -> TokenCheck {
        let with_parameters = match self.takes_parameters(job, login) {
            Ok(takes) => !takes,
            Err(why) => return TokenCheck::Unknown(why),
        };
        let order = Order {
            method,
            action: Action::Build,
            is_branch_job: false,
            is_strict: true,
            job,
            parameters: &[],
            delay: None,
            cause: b"",
            login: method.needs_user().then_some(login),
            job_token: Some(token),
        };
        let url = order.url(&self.server, with_parameters);
        let form = order.form(with_parameters);
        // Without a crumb for a password: too much could change until that has come.
        let answer = match self.post_once(&url, &form, (order.login, None), TOTAL_LIMIT) {
            Ok(answer) => answer,
            Err(error) => return TokenCheck::Unknown(self.no_answer(&error).meaning),
        };
        let item = answer.location.as_deref().and_then(item_of);
        let refused_otherwise = if method == Method::TokenRoot {
            answer.is_jenkins && answer.says("Oops!")
        } else {
            [
                "is not parameterized",
                "Nothing is submitted",
                "This page expects a form submission",
            ]
            .iter()
            .any(|sentence| answer.says(sentence))
        };
        match (answer.status, item) {
            (403, _) if method.needs_user() && answer.says("No valid crumb was included") => {
                TokenCheck::Unknown("it can be tried with an API token only, not with a password".into())
            }
            (400, _) if refused_otherwise => TokenCheck::Accepted,
            (201 | 303, Some(item)) => TokenCheck::Queued {
                url: item_url(&self.server, item),
            },
            (403 | 404, _) => TokenCheck::Refused(self.explained_order(&answer, &url, &order)),
            (status, _) => TokenCheck::Unknown(format!("{url} answered HTTP {status}")),
        }
    }

    /// Whether the job takes parameters now. In doubt it is not known.
    fn takes_parameters(&self, job: &str, login: &Login) -> Result<bool, String> {
        let tree = "_class,buildable,inQueue,lastBuild[number],lastCompletedBuild[number],\
                    property[parameterDefinitions[name]],actions[parameterDefinitions[name]]";
        let path = format!("{}api/json{}", job_path(job), read::tree(tree));
        let unsure = |why: &str| format!("it is not certain which parameters {job} takes ({why})");
        let answer = self
            .fetch(&path, Some(login))
            .map_err(|_| unsure("Jenkins did not answer"))?;
        let certain: Certain = match serde_json::from_str(&answer.body) {
            Ok(certain) if answer.status == 200 => certain,
            _ => return Err(unsure("Jenkins does not describe the job")),
        };
        let (by_property, by_action) = (declares(&certain.property), declares(&certain.actions));
        if by_property != by_action || certain.class.is_empty() {
            return Err(unsure("Jenkins's description of the job contradicts itself"));
        }
        if !certain.buildable {
            return Err(format!("{job} is disabled"));
        }
        let is_idle = !certain.in_queue && certain.last_build == certain.last_completed_build;
        if certain.class.ends_with(".WorkflowJob") && !is_idle {
            return Err(unsure("the build of a pipeline that runs now may change them"));
        }
        Ok(by_property)
    }

    /// What is said of a job that this user does not see, with the names that he does see there.
    #[must_use]
    pub fn missing(&self, job: &str, login: &Login) -> Explanation {
        let near = self.near(job, login, TOTAL_LIMIT);
        explain::no_job(&self.server, job, &login.user, near)
    }

    /// A GET with or without credentials.
    pub(super) fn fetch(&self, path: &str, login: Option<&Login>) -> reqwest::Result<Answer> {
        let mut request = self.get(path);
        if let Some(login) = login {
            request = request.basic_auth(&login.user, Some(login.token.expose()));
        }
        request.send().map(client::answer)
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    fn explained(&self, answer: &Answer, url: &str, job: &str, login: Option<&Login>) -> Explanation {
        let tried = match login {
            Some(login) => Tried::to_read(
                &self.server,
                url,
                &Reading {
                    job,
                    login,
                    for_trigger: false,
                },
            ),
            None => Tried::to_ask(&self.server, url, job),
        };
        self.explain(answer, &tried).of_question()
    }

    fn explained_order(&self, answer: &Answer, url: &str, order: &Order<'_>) -> Explanation {
        self.explain(answer, &Tried::to_build(&self.server, url, order))
            .of_question()
    }

    fn no_answer(&self, error: &reqwest::Error) -> Explanation {
        self.no_page(error, TOTAL_LIMIT).of_question()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_are_known_not_to_build_by_get_count() {
        let builds_by_post_only = |text: &str| Version(text.to_owned()).builds_by_post_only();
        for yes in [
            "2.469",
            "2.479.1",
            "2.528.2",
            "2.541",
            "2.479.1.3",
            "3.0",
            "2.470-SNAPSHOT",
        ] {
            assert!(builds_by_post_only(yes), "{yes}");
        }
        for no in [
            "2.468", "2.462.3", "2.469.1", "2.478.9", "1.999", "2", "", "x.y", "2.x", "-2.500",
        ] {
            assert!(!builds_by_post_only(no), "{no}");
        }
    }
}
