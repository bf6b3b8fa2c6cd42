//! Looking for a trigger whose answer was lost: in the queue, then among the last builds.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::client::{Client, TOTAL_LIMIT};
use super::explain::{Explanation, Reading, say};
use super::job::{self, Job};
use super::read::{self, Page};
use super::{SECOND_LOOK, item_url, job_path};
use crate::secret::Login;

/// What is looked for after an answer was lost.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The job's full name.
    pub job: &'a str,
    /// The parameters that were sent.
    pub parameters: &'a [(&'a str, &'a [u8])],
    /// The trigger's id, where the note that was sent ends with it and Jenkins keeps the note.
    pub id: Option<&'a str>,
    /// Whether Jenkins may have dropped the note all the same: a job without a trigger token goes
    /// by the user's own permission (contract, observed 1).
    pub may_lack_id: bool,
    /// How long ago the request went out; `None` where a clock that was set back cannot tell.
    pub age: Option<Duration>,
    /// The newest queue item known from before the request: what is no newer is another trigger's,
    /// unless ours was merged with it and its build started afterwards.
    pub after: Option<u64>,
}

/// What looking came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// Jenkins has it.
    Found {
        /// The number of the queue item, also where its build runs or ended.
        item: u64,
        /// The item's address under the configured URL.
        url: String,
    },
    /// It is neither in the queue nor among the builds.
    NotThere,
    /// This user may not see it, or the server cannot show it: nobody will ever know.
    MayNotLook(Explanation),
    /// The server does not answer now; to be asked again.
    Unanswered(Explanation),
}

/// How many of the last builds Jenkins lists as `builds`.
const LISTED: usize = 100;
/// How far a clock may jump between the two requests. No more: an identical build that was there
/// before would be taken for ours. That the server tells whole seconds needs nothing: its last full
/// second is no later than its time.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(1);
/// How old a request counts of which the clock says that it is yet to come.
const CLOCK_SET_BACK: Duration = Duration::from_secs(60 * 60);
/// An item that left the queue has no build for an instant (contract, observed 3).
const BUILD_COMES: Duration = Duration::from_millis(300);

impl Client {
    /// Looks whether Jenkins has what was sent.
    ///
    /// With an id it is what has the id in the note of one of its causes: those of merged triggers
    /// gather in one item (contract, observed 3). Without, it is an item of the job that waits with
    /// the same parameters, however long, because Jenkins would have merged ours with it; or a build
    /// with the same parameters that started after the request.
    #[must_use]
    pub fn look(&self, wanted: &Wanted<'_>, login: &Login) -> Looked {
        let mut search = Search {
            client: self,
            wanted,
            login,
            begun: Instant::now(),
            defaults: BTreeMap::new(),
        };
        let found = match search.all() {
            Ok(found) => found,
            Err(looked) => return looked,
        };
        match found {
            Some(item) => Looked::Found {
                item,
                url: item_url(&self.server, item),
            },
            None => Looked::NotThere,
        }
    }
}

struct Search<'a> {
    client: &'a Client,
    wanted: &'a Wanted<'a>,
    login: &'a Login,
    begun: Instant,
    /// What a parameter is that was not sent, as far as Jenkins tells.
    defaults: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Queue {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: u64,
    #[serde(default)]
    task: Option<Task>,
    #[serde(default)]
    actions: Vec<Option<Action>>,
}

#[derive(Deserialize)]
struct Task {
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Builds {
    #[serde(default)]
    builds: Vec<Build>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Build {
    queue_id: u64,
    /// Milliseconds since 1970 on the server's clock.
    timestamp: i64,
    #[serde(default)]
    actions: Vec<Option<Action>>,
}

/// One of the many kinds of things that belong to an item; most have neither field.
#[derive(Deserialize)]
pub(super) struct Action {
    #[serde(default)]
    pub(super) parameters: Option<Vec<Parameter>>,
    #[serde(default)]
    pub(super) causes: Option<Vec<Cause>>,
}

#[derive(Deserialize)]
pub(super) struct Parameter {
    #[serde(rename = "_class", default)]
    pub(super) class: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cause {
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    pub(super) short_description: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
}

const ACTIONS: &str = "actions[parameters[name,value],causes[note,shortDescription,userId]]";

impl Search<'_> {
    fn all(&mut self) -> Result<Option<u64>, Looked> {
        if self.wanted.id.is_none() || self.wanted.may_lack_id {
            self.defaults = self.find_defaults()?;
        }
        // In this order: an item goes from the queue to the builds and never back.
        if let Some(item) = self.in_queue()? {
            return Ok(Some(item));
        }
        if let Some(item) = self.in_builds()? {
            return Ok(Some(item));
        }
        thread::sleep(BUILD_COMES);
        self.in_builds()
    }

    fn find_defaults(&self) -> Result<BTreeMap<String, String>, Looked> {
        let path = format!("{}api/json{}", job_path(self.wanted.job), read::tree(job::TREE));
        let (found, _): (job::JobObject, _) = self.ask(&path)?;
        let definitions = Job::from(found).parameters.into_iter();
        Ok(definitions
            .filter_map(|definition| Some((definition.name, definition.default?)))
            .collect())
    }

    fn in_queue(&self) -> Result<Option<u64>, Looked> {
        let path = format!(
            "queue/api/json{}",
            read::tree(&format!("items[id,task[url],{ACTIONS}]"))
        );
        let (queue, _): (Queue, _) = self.ask(&path)?;
        let here = |item: &&Item| {
            let url = item.task.as_ref().and_then(|task| task.url.as_deref());
            url.is_some_and(|url| is_of_job(url, &self.client.server, self.wanted.job))
        };
        let mut items = queue.items.iter().filter(here);
        let found = items.find(|item| self.has_id(&item.actions) || self.is_alike(&item.actions));
        Ok(found.map(|item| item.id))
    }

    fn in_builds(&self) -> Result<Option<u64>, Looked> {
        let path = format!(
            "{}api/json{}",
            job_path(self.wanted.job),
            read::tree(&format!("builds[queueId,timestamp,{ACTIONS}]{{0,{LISTED}}}"))
        );
        let (builds, date): (Builds, _) = self.ask(&path)?;
        let sent = self.sent(date);
        // The server tells whole seconds.
        let surely = sent.saturating_add(CLOCK_MARGIN + SignedDuration::from_secs(1));
        let surely = surely.ok().filter(|_| self.wanted.age.is_some());
        let surely = surely.unwrap_or(Timestamp::MAX).as_millisecond();
        let sent = sent.as_millisecond();
        let since = |build: &&Build| {
            let is_known = self.wanted.after.is_some_and(|after| build.queue_id <= after);
            build.timestamp >= if is_known { surely } else { sent }
        };
        // An id is no other trigger's, whatever the clocks say.
        let found = builds
            .builds
            .iter()
            .find(|build| self.has_id(&build.actions) || (since(build) && self.is_alike(&build.actions)));
        if found.is_none() && builds.builds.iter().filter(since).count() >= LISTED {
            return Err(Looked::MayNotLook(say(
                format!(
                    "job {} has had {LISTED} builds since, and Jenkins lists no more: nobody can tell whether it \
                     was queued",
                    self.wanted.job
                ),
                "a job token makes triggers recognisable: `token_from`",
            )));
        }
        Ok(found.map(|build| build.queue_id))
    }

    /// When the request went out, on the server's clock, or a little earlier.
    fn sent(&self, date: Option<Timestamp>) -> Timestamp {
        let age = self
            .wanted
            .age
            .unwrap_or(CLOCK_SET_BACK)
            .saturating_add(self.begun.elapsed());
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        date.unwrap_or_else(Timestamp::now)
            .checked_sub(age.saturating_add(CLOCK_MARGIN))
            .unwrap_or(Timestamp::MIN)
    }

    fn has_id(&self, actions: &[Option<Action>]) -> bool {
        let Some(id) = self.wanted.id else { return false };
        causes(actions).any(|cause| {
            let said = [&cause.note, &cause.short_description];
            said.into_iter().flatten().any(|text| text.contains(id))
        })
    }

    fn is_alike(&self, actions: &[Option<Action>]) -> bool {
        let by_user = |cause: &Cause| {
            let user = cause.user_id.as_deref();
            // Contract, observed 1: a user id is accepted in other letter case.
            user.is_some_and(|user| user.eq_ignore_ascii_case(&self.login.user))
        };
        match self.wanted.id {
            None => {}
            Some(_) if self.wanted.may_lack_id && causes(actions).any(by_user) => {}
            Some(_) => return false,
        }
        let mut shown = actions
            .iter()
            .flatten()
            .filter_map(|action| action.parameters.as_ref())
            .flatten();
        // What we did not send has its default, and what Jenkins does not show it dropped.
        shown.all(|parameter| {
            let mut sent = self.wanted.parameters.iter();
            let sent = sent.find(|(name, _)| *name == parameter.name);
            match (sent, self.defaults.get(&parameter.name)) {
                (Some((_, sent)), _) => is_value(sent, &parameter.value),
                (None, Some(default)) => is_value(default.as_bytes(), &parameter.value),
                (None, None) => true,
            }
        })
    }

    /// What is there; every other answer ends the search.
    fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<(T, Option<Timestamp>), Looked> {
        let page = self
            .client
            .read(path, Some(self.login), TOTAL_LIMIT)
            .map_err(|error| self.unanswered(&error))?;
        if page.status == 200
            && let Ok(found) = page.json()
        {
            return Ok((found, page.date));
        }
        Err(self.refused(page, path))
    }

    fn host(&self) -> &str {
        self.client.server.host_str().unwrap_or_default()
    }

    fn unanswered(&self, why: &Explanation) -> Looked {
        Looked::Unanswered(say(
            format!(
                "{} could not be asked whether it has it: {}",
                self.host(),
                why.meaning
            ),
            "it is asked again later",
        ))
    }

    fn refused(&self, page: Page, path: &str) -> Looked {
        let status = page.status;
        let reading = Reading {
            job: self.wanted.job,
            login: self.login,
            for_trigger: false,
        };
        let why = self.client.explain_page(page, path, &reading);
        match status {
            _ if why.is_about_credentials() => {
                thread::sleep(SECOND_LOOK);
                if self.client.knows(self.login) != Some(false) {
                    let user = &self.login.user;
                    return Looked::Unanswered(say(
                        format!("Jenkins at {} did not know user {user} for a moment", self.host()),
                        "it is asked again later",
                    ));
                }
            }
            429 | 502..=504 => return Looked::Unanswered(why),
            // Also a 500: where it has a lasting reason, the trigger would wait for ever.
            _ => {}
        }
        Looked::MayNotLook(why.so("nobody can look whether it was queued"))
    }
}

fn causes(actions: &[Option<Action>]) -> impl Iterator<Item = &Cause> {
    let causes = actions
        .iter()
        .flatten()
        .filter_map(|action| action.causes.as_ref());
    causes.flatten()
}

/// Whether a parameter with this value, as Jenkins shows it, is what was sent.
pub(super) fn is_value(sent: &[u8], shown: &Value) -> bool {
    // Bytes that are no UTF-8 arrive as U+FFFD (contract, observed 1), as many as Java takes.
    let plain = |text: &str| text.replace('\u{fffd}', "").trim().to_owned();
    let sent = String::from_utf8_lossy(sent);
    match shown {
        Value::String(text) => plain(text) == plain(&sent),
        Value::Bool(is) => sent.trim().eq_ignore_ascii_case("true") == *is,
        Value::Number(number) => number.to_string() == sent.trim(),
        // A password or a file has no value to be seen.
        Value::Null | Value::Array(_) | Value::Object(_) => true,
    }
}

/// Whether this is the address of the job, by its path: scheme, host and context path come from the
/// configured root URL, which may be wrong (contract, observed 3).
fn is_of_job(address: &str, server: &Url, job: &str) -> bool {
    let Ok(address) = Url::parse(address) else {
        return false;
    };
    let path = address.path();
    let below = path
        .strip_prefix(server.path())
        .filter(|rest| rest.starts_with("job/"))
        .or_else(|| path.find("/job/").map(|at| &path[at + 1..]));
    let Some(below) = below else { return false };
    // Letter case: Jenkins finds a job by any (contract, observed 1).
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().to_lowercase();
    let mut parts = below.trim_end_matches('/').split('/').map(decoded);
    let mut wanted = job.split('/');
    loop {
        match (parts.next(), parts.next(), wanted.next()) {
            (None, None, None) => return true,
            (Some(word), Some(name), Some(wanted)) if word == "job" && name == wanted.to_lowercase() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_told_by_the_path_of_its_address() {
        let server = Url::parse("https://ci.example.com/jenkins/").expect("a URL");
        for (address, job, same) in [
            (
                "https://ci.example.com/jenkins/job/shop/job/deploy/",
                "shop/deploy",
                true,
            ),
            ("http://wrong.invalid/job/shop/job/deploy/", "shop/deploy", true),
            ("http://x/other/job/shop/job/deploy/", "shop/deploy", true),
            ("http://x/jenkins/job/shop/job/deploy/", "deploy", false),
            ("http://x/jenkins/job/deploy/", "shop/deploy", false),
            ("http://x/jenkins/job/shop/", "shop/deploy", false),
            ("http://x/jenkins/job/pipe/7/", "pipe", false),
            ("http://x/jenkins/job/Branchy/", "branchy", true),
            ("http://x/job/my%20j%C3%B6b/", "my jöb", true),
            ("http://x/job/mb/job/feature%252Fx/", "mb/feature%2Fx", true),
            ("http://x/job/job/job/job/", "job/job", true),
            ("http://x/", "shop", false),
            ("queue/item/1/", "item", false),
        ] {
            assert_eq!(is_of_job(address, &server, job), same, "{address} {job}");
        }
    }

    #[test]
    fn a_value_is_what_was_sent_if_jenkins_shows_it_so() {
        let text = |text: &str| Value::String(text.into());
        for (sent, shown, same) in [
            (&b"main"[..], text("main"), true),
            (b" main\n", text("main"), true),
            (b"main", text("dev"), false),
            (b"", text("main"), false),
            (b"f\xfc\xfcr", text("f\u{fffd}r"), true),
            (b"f\xfcr", text("fur"), false),
            (b"TRUE", Value::Bool(true), true),
            (b"yes", Value::Bool(true), false),
            (b"7", Value::from(7), true),
            (b"hunter2", Value::Null, true),
        ] {
            assert_eq!(is_value(sent, &shown), same, "{sent:?} {shown}");
        }
    }
}
