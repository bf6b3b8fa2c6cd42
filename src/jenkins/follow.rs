//! What becomes of a queue item: why it waits, its build, the build's console and result.

use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::client::{Client, TOTAL_LIMIT, header};
use super::explain::{self, Explanation, Reading};
use super::look::Action;
use super::origin::Origin;
use super::read::{self, Page};
use super::{job_path, job_url};
use crate::secret::Login;

/// How long one answer with a console may take: what is there already may be long.
const CONSOLE_LIMIT: Duration = Duration::from_secs(60);

/// Where a queue item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// It waits.
    Waits {
        /// Jenkins's reason, in its words and its language.
        why: String,
        /// In the quiet period; the reason counts down.
        quiet: bool,
        /// Jenkins thinks that it will not go on by itself.
        stuck: bool,
    },
    /// It left the queue, and its build is not there yet.
    Left,
    /// Somebody took it out; there will be no build.
    Cancelled,
    /// It is the build of this number.
    Builds(u64),
}

/// A build at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// `SUCCESS`, `UNSTABLE`, `FAILURE`, `ABORTED` or `NOT_BUILT` once it ended.
    pub result: Option<String>,
    /// How long it runs or ran.
    pub duration: Duration,
    /// How long those before it took.
    pub estimated: Option<Duration>,
}

/// Why something cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// The server does not answer, or not as itself; it may later.
    Away(Explanation),
    /// There is no such thing, or this user may not see it.
    Missing(Explanation),
    /// It does not know the user. While it starts it does so for a moment (contract, observed 4).
    Unknown(Explanation),
    /// It says no.
    Denied(Explanation),
}

/// How much of a console was read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In bytes of the log as Jenkins keeps it.
    start: u64,
    /// What of the text from there on was read before the answer broke off.
    known: u64,
}

/// The address of a build's page, made from the configured URL: what Jenkins says comes from its
/// root URL, which may be wrong (contract, observed 3).
#[must_use]
pub fn build_url(server: &Url, job: &str, number: u64) -> String {
    format!("{}{number}/", job_url(server, job))
}

#[derive(Deserialize)]
struct ItemObject {
    #[serde(rename = "_class", default)]
    class: String,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    stuck: bool,
    #[serde(default)]
    cancelled: Option<bool>,
    #[serde(default)]
    executable: Option<Executable>,
}

#[derive(Deserialize)]
struct Executable {
    #[serde(default)]
    number: Option<u64>,
}

#[derive(Deserialize)]
struct Builds {
    #[serde(default)]
    builds: Vec<Queued>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    number: u64,
    queue_id: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildObject {
    building: bool,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    duration: i64,
    #[serde(default)]
    estimated_duration: i64,
    timestamp: i64,
    #[serde(default)]
    actions: Vec<Option<Action>>,
}

const BUILD: &str = "building,result,duration,estimatedDuration,timestamp";
const ORIGIN: &str = "actions[causes[shortDescription],parameters[_class,name,value]]";

impl Client {
    /// Where a queue item of this job is. Jenkins forgets it 300 s after it left the queue (contract, observed 3).
    ///
    /// # Errors
    /// [`Unseen`].
    pub fn item(&self, job: &str, item: u64, login: &Login) -> Result<Item, Unseen> {
        let path = format!("queue/item/{item}/api/json");
        let asked = "why,stuck,cancelled,executable[number]";
        let (found, _): (ItemObject, _) = self.see(&path, asked, (job, login))?;
        let number = found.executable.and_then(|build| build.number);
        Ok(match (number, found.cancelled) {
            (Some(number), _) => Item::Builds(number),
            (None, Some(true)) => Item::Cancelled,
            (None, Some(false)) => Item::Left,
            (None, None) => Item::Waits {
                why: found.why.unwrap_or_default(),
                quiet: found.class.ends_with("$WaitingItem"),
                stuck: found.stuck,
            },
        })
    }

    /// The build that a queue item became, among the last 100 of its job.
    ///
    /// # Errors
    /// [`Unseen`], which is about the job.
    pub fn build_of(&self, job: &str, item: u64, login: &Login) -> Result<Option<u64>, Unseen> {
        let path = format!("{}api/json", job_path(job));
        let (found, _): (Builds, _) = self.see(&path, "builds[number,queueId]{0,100}", (job, login))?;
        let build = found.builds.iter().find(|build| build.queue_id == item);
        Ok(build.map(|build| build.number))
    }

    /// How a build goes.
    ///
    /// # Errors
    /// [`Unseen`].
    pub fn build(&self, job: &str, number: u64, login: &Login) -> Result<Build, Unseen> {
        Ok(self.read_build((job, number), BUILD, login)?.0)
    }

    /// The same, with what the build came of: that does not change, and may be long.
    ///
    /// # Errors
    /// [`Unseen`].
    pub fn build_with_origin(
        &self,
        job: &str,
        number: u64,
        login: &Login,
    ) -> Result<(Build, Origin), Unseen> {
        self.read_build((job, number), &format!("{BUILD},{ORIGIN}"), login)
    }

    fn read_build(
        &self,
        (job, number): (&str, u64),
        asked: &str,
        login: &Login,
    ) -> Result<(Build, Origin), Unseen> {
        let path = format!("{}{number}/api/json", job_path(job));
        let (found, page): (BuildObject, Page) = self.see(&path, asked, (job, login))?;
        let milliseconds = |length: i64| u64::try_from(length).ok().map(Duration::from_millis);
        // By the server's own clock, as far as it tells.
        let running = page
            .date
            .and_then(|now| milliseconds(now.as_millisecond().saturating_sub(found.timestamp)));
        let build = Build {
            result: found.result.filter(|_| !found.building),
            duration: if found.building {
                running.unwrap_or_default()
            } else {
                milliseconds(found.duration).unwrap_or_default()
            },
            // -1 where there is none.
            estimated: milliseconds(found.estimated_duration),
        };
        Ok((build, Origin::of(found.actions)))
    }

    /// Reads on in the console of a build. `take` gets it piece by piece and can end it. Tells
    /// whether there will be more.
    ///
    /// # Errors
    /// [`Unseen`]; `place` says how much was read all the same.
    pub fn console(
        &self,
        (job, number): (&str, u64),
        place: &mut Place,
        login: &Login,
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, Unseen> {
        let path = format!(
            "{}{number}/logText/progressiveText?start={}",
            job_path(job),
            place.start
        );
        let request = self.get(&path).timeout(CONSOLE_LIMIT);
        let request = request.basic_auth(&login.user, Some(login.token.expose()));
        let mut response = request
            .send()
            .map_err(|error| Unseen::Away(self.no_page(&error, CONSOLE_LIMIT)))?;
        let size = header(&response, "X-Text-Size").and_then(|size| size.parse().ok());
        let Some(size) = size.filter(|_| response.status() == 200) else {
            let reading = Reading {
                job,
                login,
                for_trigger: false,
            };
            let page = self.page(response, CONSOLE_LIMIT);
            let page = page.map_err(Unseen::Away)?;
            return Err(self.unseen(page, &path, &reading));
        };
        // Absent once the log is whole (contract, observed 4).
        let more = header(&response, "X-More-Data").is_some_and(|more| more == "true");
        if size < place.start {
            // It gives the whole log again to who asks for what is past its end.
            *place = Place {
                start: size,
                known: 0,
            };
            return Ok(more);
        }
        let mut known = place.known;
        let mut chunk = [0; 8 * 1024];
        loop {
            let length = match response.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(Unseen::Away(explain::cut_short(
                        &error,
                        CONSOLE_LIMIT,
                        &self.server,
                    )));
                }
            };
            let skipped = known.min(length as u64);
            known -= skipped;
            let new = usize::try_from(skipped).map_or(&[][..], |skipped| &chunk[skipped..length]);
            place.known += new.len() as u64;
            if !new.is_empty() && take(new).is_break() {
                return Ok(false);
            }
        }
        *place = Place {
            start: size,
            known: 0,
        };
        Ok(more)
    }

    fn see<T: DeserializeOwned>(
        &self,
        path: &str,
        tree: &str,
        (job, login): (&str, &Login),
    ) -> Result<(T, Page), Unseen> {
        let reading = Reading {
            job,
            login,
            for_trigger: false,
        };
        self.see_within(path, tree, &reading, TOTAL_LIMIT)
    }

    /// What this expression picks of the object at this path; `limit` is for the whole answer.
    pub(super) fn see_within<T: DeserializeOwned>(
        &self,
        path: &str,
        tree: &str,
        reading: &Reading<'_>,
        limit: Duration,
    ) -> Result<(T, Page), Unseen> {
        let asked = format!("{path}{}", read::tree(tree));
        let page = self
            .read(&asked, Some(reading.login), limit)
            .map_err(Unseen::Away)?;
        match page.json() {
            Ok(found) if page.status == 200 => Ok((found, page)),
            _ => Err(self.unseen(page, path, reading)),
        }
    }

    fn unseen(&self, page: Page, path: &str, reading: &Reading<'_>) -> Unseen {
        let status = page.status;
        let why = self.explain_page(page, path, reading);
        match status {
            404 => Unseen::Missing(why),
            429 | 502..=504 => Unseen::Away(why),
            _ if why.is_about_credentials() => Unseen::Unknown(why),
            _ => Unseen::Denied(why),
        }
    }
}
