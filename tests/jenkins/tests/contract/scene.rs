//! Which recorded exchanges belong together, and the set-up that their ids, notes and answers describe.

use std::collections::BTreeMap;
use std::time::Duration;

use jenkins_stand_in::{
    Authorization, BuildResult, Cause, Clock, ItemState, Permission, Setup, StandIn, StartUp,
};
use serde_json::Value;

use crate::client::{self, Reply};
use crate::recordings::{Exchange, differences};

/// Which exchanges share a server, by session: what one does must be seen by the next.
pub fn scene_of(id: &str) -> String {
    let stem = id.split("-q").next().unwrap_or(id);
    let numbered = stem.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let launch = |session: &str| {
        id.starts_with(session)
            .then(|| session.trim_end_matches('-').to_owned())
    };
    // Queue items, their merging and their end.
    if id.starts_with("s4-") {
        return "s4".into();
    }
    // Merging by build-token-root; the server that shuts down; builds, tokens and items that are made and then used.
    if [
        "s3-30", "s3-31", "s3-33", "s5-08", "s5-09", "s5-12", "s5-13", "s7-06",
    ]
    .contains(&numbered)
    {
        return numbered.into();
    }
    if id.starts_with('a') {
        return "a".into();
    }
    // A launch is one scene; what was queued before it is looked at after it.
    if id.starts_with("s8-03") {
        return "s8-02".into();
    }
    ["s8-01-", "s8-02-", "s8-05-", "s8-07-"]
        .into_iter()
        .find_map(launch)
        .unwrap_or_else(|| id.to_owned())
}

/// The server's configuration in a session. The recording changed it between the numbers of s7 and s8.
fn setup_of(scene: &str) -> Setup {
    use Permission as P;
    let setup = Setup::recorded_server()
        .root_url("http://127.0.0.1:8080/")
        .clock(Clock::Manual);
    let is = |session: &str| scene.starts_with(session);
    if is("s7-01") {
        setup.csrf(false)
    } else if is("s7-02") {
        setup.authorization(Authorization::LoggedInUsersCanDoAnything)
    } else if is("s7-03") {
        setup.anonymous([P::OverallRead, P::JobRead])
    } else if is("s7-04") {
        setup.anonymous([P::OverallRead, P::JobRead, P::JobBuild])
    } else if is("s7-05") {
        setup.authorization(Authorization::AnyoneCanDoAnything)
    } else if is("s7-06") {
        setup.root_url("https://ci.example.test/jenkins/")
    } else if is("s8-02") || is("s8-03") || is("s8-04") {
        setup.context_path("/jenkins")
    } else if is("s8-05") || is("s8-06") {
        setup.build_token_root(false)
    } else {
        setup
    }
}

/// The three recorded launches. The figures differ from run to run; these lie between what was polled.
fn launch_of(scene: &str) -> Option<StartUp> {
    let [
        port_opens,
        first_post_held_until,
        credentials_refused_from,
        credentials_refused_until,
        ready,
    ] = match scene {
        "s8-02" => [7500, 13_200, 14_500, 15_500, 20_300],
        "s8-05" => [7000, 12_000, 14_300, 15_000, 19_400],
        "s8-07" => [6800, 10_900, 12_300, 13_200, 19_500],
        _ => return None,
    }
    .map(Duration::from_millis);
    Some(StartUp {
        port_opens,
        first_post_held_until,
        credentials_refused_from,
        credentials_refused_until,
        ready,
    })
}

/// A server on which the exchanges of one scene are replayed.
pub struct Scene<'a> {
    jenkins: StandIn,
    name: String,
    all: &'a [Exchange],
    /// The recorded time 0 of a launch, on the server's clock.
    launched: Option<Duration>,
    /// Recorded uuid to the one that came.
    uuids: Vec<(String, String)>,
    /// The API token that was made last in this scene.
    new_token: Option<String>,
    stopped: bool,
}

impl<'a> Scene<'a> {
    pub fn new(name: &str, exchanges: &[&Exchange], all: &'a [Exchange]) -> Self {
        let jenkins = StandIn::start(setup_of(name));
        let mut scene = Self {
            jenkins,
            name: name.to_owned(),
            all,
            launched: None,
            uuids: Vec::new(),
            new_token: None,
            stopped: false,
        };
        if name != "a" {
            scene.make_past(exchanges);
        }
        if let Some(start_up) = launch_of(name) {
            // What was triggered before the launch and is looked at after it.
            let before = all.iter().find(|exchange| exchange.id == "s8-00");
            if let Some(mut before) = before.filter(|_| name == "s8-02").cloned() {
                before.path = format!("/jenkins{}", before.path);
                scene.align(&before);
                let _ = scene.send(&before);
                // 2 s passed between that trigger and the launch, by the recorded times of the items.
                scene.jenkins.advance(Duration::from_millis(2050));
            }
            scene.jenkins.stop();
            scene.jenkins.restart(start_up);
            scene.launched = Some(scene.jenkins.now());
        }
        scene
    }

    /// The builds that the jobs had before: the recording shows their first colour and their lowest build number.
    fn make_past(&self, exchanges: &[&Exchange]) {
        let mut past: BTreeMap<String, (Option<u32>, Option<BuildResult>)> = BTreeMap::new();
        let mut before = |job: String, number: u32| {
            let entry = past.entry(job).or_default();
            entry.0 = Some(entry.0.map_or(number - 1, |known| known.min(number - 1)));
        };
        let shown = |exchange: &&&Exchange| exchange.status == Some(200) && exchange.answer_body.is_some();
        for exchange in exchanges.iter().filter(shown) {
            let body = exchange.answer_body.as_deref().unwrap_or_default();
            // A job that lists its builds has them all behind it.
            if let (true, Some((job, None))) = (body.contains("\"builds\":[{"), job_of_url(path_of(exchange)))
            {
                let url = |piece: &str| job_of_url(piece.split('"').next()?)?.1;
                let listed = body.split("\"url\":\"").skip(1).filter_map(url);
                for number in 1..=listed.max().unwrap_or(0) {
                    self.jenkins.put_past_build(&job, number, BuildResult::Success);
                }
                continue;
            }
            let urls = || {
                body.split("\"url\":\"")
                    .skip(1)
                    .filter_map(|piece| piece.split_once('"'))
            };
            for (job, number) in urls().filter_map(|(url, _)| job_of_url(url)) {
                if let Some(number) = number.filter(|&number| number > 0) {
                    before(job, number);
                }
            }
            if let Some((job, Some(number))) = job_of_url(exchange.path.split('?').next().unwrap_or_default())
            {
                before(job, number.max(1));
            }
        }
        // A job's own word on its next build counts most: the builds it shows are the past then.
        for exchange in exchanges.iter().filter(shown) {
            let body = exchange.answer_body.as_deref().unwrap_or_default();
            let asked_for = job_of_url(exchange.path.split('?').next().unwrap_or_default());
            if let (Some((job, _)), Some(next)) = (asked_for, number_after(body, "\"nextBuildNumber\":")) {
                past.entry(job).or_default().0 = Some(next.max(1) - 1);
            }
        }
        for exchange in exchanges.iter().filter(shown) {
            let body = exchange.answer_body.as_deref().unwrap_or_default();
            for (url, rest) in body
                .split("\"url\":\"")
                .skip(1)
                .filter_map(|piece| piece.split_once('"'))
            {
                let color = rest
                    .strip_prefix(",\"color\":\"")
                    .and_then(|rest| rest.split('"').next());
                if let (Some((job, _)), Some(color)) = (job_of_url(url), color) {
                    let entry = past.entry(job).or_default();
                    entry.1 = entry.1.or(result_of_color(color));
                }
            }
        }
        for (job, (last, result)) in past {
            // Number 1 has nothing before it, and a grey job has no builds.
            if last == Some(0) || (last.is_none() && result.is_none()) {
                continue;
            }
            self.jenkins
                .put_past_build(&job, last.unwrap_or(1), result.unwrap_or(BuildResult::Success));
        }
    }

    pub fn replay(&mut self, exchange: &Exchange) -> Result<Vec<String>, String> {
        // Some time passed in the recording from one exchange to the next.
        if self.launched.is_none() {
            self.jenkins.advance(Duration::from_millis(10));
        }
        self.prepare(exchange)?;
        if exchange.status.is_none() {
            if !self.stopped && self.launched.is_none() {
                self.jenkins.stop();
                self.stopped = true;
            }
            return Ok(match self.send(exchange) {
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Vec::new(),
                Err(error) => vec![format!("recorded a refused connection, got {error}")],
                Ok(reply) => vec![format!("recorded a refused connection, got {}", reply.status)],
            });
        }
        let mut reply = match self.send(exchange) {
            Ok(reply) => reply,
            Err(error) => return Ok(vec![format!("no answer came: {error}")]),
        };
        let mut found = differences(exchange, &reply);
        // What a queue item looks like depends on the moment. The clock moves on, in steps too small to miss one, until
        // the answer fits or the item's way is over.
        if !found.is_empty() && looks_at_moment(exchange) {
            let first = (found.clone(), reply.clone());
            for step in 0..if is_right_after(exchange) { 100 } else { 400 } {
                self.jenkins
                    .advance(Duration::from_millis(if step < 100 { 2 } else { 100 }));
                let Ok(next) = self.send(exchange) else { break };
                reply = next;
                found = differences(exchange, &reply);
                if found.is_empty() {
                    break;
                }
            }
            if !found.is_empty() {
                (found, reply) = first;
            }
        }
        self.remember(exchange, &reply);
        Ok(found)
    }

    /// Everything that the note, the path and the recorded answer say must be so before.
    fn prepare(&mut self, exchange: &Exchange) -> Result<(), String> {
        let note = exchange.note.to_lowercase();
        if let Some(launched) = self.launched {
            if let Some(seconds) = seconds_before(&note, "s after") {
                let until = launched + Duration::from_secs_f64(seconds);
                self.jenkins.advance(until.saturating_sub(self.jenkins.now()));
            }
        } else if let Some(seconds) = seconds_before(&note, "s later") {
            self.jenkins.advance(Duration::from_secs_f64(seconds));
        }
        if note.contains("in quietdown") {
            self.jenkins.quiet_down(true);
        }
        if note.contains("no free executor") {
            // Nothing else was queued then.
            for item in self.jenkins.queue_items() {
                self.jenkins.cancel_item(item.id);
            }
            self.jenkins.set_executors(0);
        } else if note.contains("after it started") {
            self.jenkins.set_executors(2);
        }
        self.prepare_administration(&note, exchange)?;
        if self.name == "s4" && exchange.id.starts_with("s4-12") {
            self.let_item_leave(exchange, &note);
            return Ok(());
        }
        if let Some(id) = item_of_path(&exchange.path)
            && exchange.status.is_some()
            && self.launched.is_none_or(|_| self.name == "s8-02")
        {
            self.make_item(id, exchange)?;
            self.wait_for_item(id, exchange);
        }
        if exchange.path.contains("/queue/api/json") && exchange.answer_body.is_some() {
            let queued = exchange
                .answer_body
                .as_deref()
                .and_then(|body| serde_json::from_str::<Value>(body).ok());
            for item in queued
                .iter()
                .flat_map(|queue| queue["items"].as_array().into_iter().flatten())
            {
                if let Some(id) = item["id"].as_u64() {
                    self.make_item(id, exchange)?;
                    self.wait_for_item(id, exchange);
                }
            }
        }
        if let Some(id) = exchange
            .path
            .split_once("cancelItem?id=")
            .and_then(|(_, id)| id.parse().ok())
        {
            // An item to cancel must be there, unless the recording says that it was not.
            if exchange.status != Some(404) {
                self.make_item(id, exchange)?;
            }
        }
        if let Some((job, number)) = job_of_url(exchange.path.split('?').next().unwrap_or_default()) {
            self.make_build(exchange, &job, number)?;
        }
        // An item that the recording had made and that is merged into.
        if let Some(id) = item_of_answer(exchange) {
            let made_here = self.maker_of(id).is_none_or(|maker| maker.id == exchange.id);
            if !made_here || exchange.status == Some(303) {
                self.make_item(id, exchange)?;
            }
        }
        self.align(exchange);
        Ok(())
    }

    fn prepare_administration(&mut self, note: &str, exchange: &Exchange) -> Result<(), String> {
        if self.name == "a" {
            // The one exchange whose note speaks of a change that was made outside the recording.
            if note.starts_with("project-based matrix now") {
                return Err("the strategy was changed on the server itself".into());
            }
            if exchange.path.starts_with("/search/") || note.starts_with("jobs tree") {
                return Err("shows more of the server than the stand-in keeps".into());
            }
            if exchange.path.contains("tree=builds") && exchange.status == Some(200) {
                return Err("shows a build that followed the changed strategy".into());
            }
        }
        // What is cancelled by a change to its job must be queued before that change.
        if let Some(job) = exchange
            .path
            .strip_suffix("/doDelete")
            .or_else(|| exchange.path.strip_suffix("/disable"))
        {
            let position = self.position(&exchange.id);
            let later: Vec<_> = self
                .all
                .iter()
                .skip(position)
                .filter(|later| scene_of(&later.id) == self.name)
                .collect();
            let changes = |path: &str| {
                ["/doDelete", "/disable", "/enable"]
                    .iter()
                    .any(|action| path.ends_with(action))
            };
            for looking in later
                .into_iter()
                .skip(1)
                .take_while(|later| !changes(&later.path))
            {
                let item = looking
                    .answer_body
                    .as_deref()
                    .and_then(|body| serde_json::from_str::<Value>(body).ok())
                    .unwrap_or_default();
                let is_of_job = item["task"]["url"]
                    .as_str()
                    .is_some_and(|url| url.trim_end_matches('/').ends_with(job));
                let Some(id) = item["id"]
                    .as_u64()
                    .filter(|_| is_of_job && item["cancelled"] == Value::Bool(true))
                else {
                    continue;
                };
                if self.item(id).is_none() && self.maker_of(id).is_none() {
                    self.jenkins.set_next_queue_id(id);
                    self.trigger_like(&item, &causes_of(&item).first().cloned().unwrap_or_default());
                }
            }
        }
        // "name taken" and "delete" speak of a job that an earlier, unrecorded exchange made.
        let name = exchange
            .path
            .split_once("createItem?name=")
            .map(|(_, name)| name.split('&').next().unwrap_or(name).to_owned());
        let taken = name.filter(|_| note.contains("name taken"));
        let deleted = exchange
            .path
            .strip_suffix("/doDelete")
            .and_then(|path| path.rsplit('/').next())
            .map(str::to_owned);
        if let Some(name) = taken.or(deleted).filter(|name| name.starts_with("made-")) {
            self.jenkins.put_job(jenkins_stand_in::Job::new(name));
        }
        Ok(())
    }

    /// New items get the recorded id.
    fn align(&self, exchange: &Exchange) {
        if let Some(id) = item_of_answer(exchange)
            && self.item(id).is_none()
        {
            self.jenkins.set_next_queue_id(id);
        }
    }

    fn item(&self, id: u64) -> Option<jenkins_stand_in::ItemView> {
        self.jenkins.queue_items().into_iter().find(|item| item.id == id)
    }

    fn position(&self, id: &str) -> usize {
        self.all
            .iter()
            .position(|exchange| exchange.id == id)
            .unwrap_or(usize::MAX)
    }

    /// The recorded exchange that put an item into the queue.
    fn maker_of(&self, id: u64) -> Option<&'a Exchange> {
        let session = self.name.split('-').next().unwrap_or_default();
        let made = |exchange: &&Exchange| {
            exchange.status == Some(201)
                && item_of_answer(exchange) == Some(id)
                && (scene_of(&exchange.id) == self.name || exchange.id.starts_with(&format!("{session}-")))
        };
        // Launches of the same server used the same ids again.
        self.all
            .iter()
            .find(|exchange| made(exchange) && scene_of(&exchange.id) == self.name)
            .or_else(|| self.all.iter().find(made))
    }

    /// Makes sure that an item which the recording looks at is there: by the exchange that made it, or by a trigger made
    /// up from what the recording shows of the item.
    fn make_item(&mut self, id: u64, looking: &Exchange) -> Result<(), String> {
        let shown = looking
            .answer_body
            .as_deref()
            .and_then(|body| serde_json::from_str::<Value>(body).ok());
        let shown = shown.map(|value| match value["items"].as_array() {
            Some(items) => items
                .iter()
                .find(|item| item["id"].as_u64() == Some(id))
                .cloned()
                .unwrap_or(Value::Null),
            None => value,
        });
        if self.item(id).is_none() {
            if let Some(maker) = self.maker_of(id).filter(|maker| maker.id != looking.id) {
                if scene_of(&maker.id) == self.name && self.position(&maker.id) < self.position(&looking.id) {
                    // It was replayed, and the item is not there: that is for the comparison to find.
                    return Ok(());
                }
                self.align(maker);
                self.send(maker).map_err(|error| error.to_string())?;
            } else if looking.status == Some(200) {
                let shown = shown.as_ref().filter(|item| item["actions"].is_array());
                let Some(item) = shown else {
                    return Err("the trigger behind the item is not recorded".into());
                };
                self.jenkins.set_next_queue_id(id);
                self.trigger_like(item, &causes_of(item).first().cloned().unwrap_or_default());
            } else if looking.status == Some(303) || looking.path.contains("cancelItem") {
                return Err("the trigger behind the item is not recorded".into());
            }
        }
        // Triggers that were merged into it but are not recorded.
        if let (Some(item), Some(have)) = (&shown, self.item(id)) {
            let mut missing = causes_of(item);
            for cause in &have.causes {
                let is_same = |recorded: &Value| match cause {
                    Cause::User(id) => recorded["userId"].as_str() == id.as_deref(),
                    Cause::Remote { note, .. } => {
                        recorded["addr"].is_string() && recorded["note"].as_str() == note.as_deref()
                    }
                    Cause::BranchIndexing => false,
                };
                if let Some(at) = missing.iter().position(is_same) {
                    missing.remove(at);
                }
            }
            for cause in missing {
                self.trigger_like(item, &cause);
            }
            if item["cancelled"] == Value::Bool(true) {
                self.jenkins.cancel_item(id);
            }
        }
        Ok(())
    }

    /// A trigger as the recorded item shows one: its job, its parameters, who sent it, and how long it was to wait.
    fn trigger_like(&self, item: &Value, cause: &Value) {
        let url = item["task"]["url"].as_str().unwrap_or_default();
        let Some((job, _)) = job_of_url(url) else { return };
        let mut form: Vec<(String, String)> = Vec::new();
        for parameter in item["actions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|action| action["parameters"].as_array())
            .flatten()
        {
            let value = match &parameter["value"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            form.push((parameter["name"].as_str().unwrap_or_default().to_owned(), value));
        }
        let action = if form.is_empty() {
            "build"
        } else {
            "buildWithParameters"
        };
        let (due, since) = (item["timestamp"].as_u64(), item["inQueueSince"].as_u64());
        // What was cancelled must have waited.
        let otherwise = if item["cancelled"] == Value::Bool(true) {
            60
        } else {
            0
        };
        let delay = due
            .zip(since)
            .map_or(otherwise, |(due, since)| (due - since) / 1000);
        form.push(("delay".into(), format!("{delay}sec")));
        let user = cause["userId"].as_str();
        if user.is_none() {
            let tokens = [
                ("simple", "SIMPLETOKEN"),
                ("branchy", "BRANCHTOKEN"),
                ("choicey", "CHOICETOKEN"),
                ("slow", "SLOWTOKEN"),
                ("quiet", "QUIETTOKEN"),
                ("quietp", "QUIETPTOKEN"),
                ("my jöb", "SPACETOKEN"),
                ("pipe", "PIPETOKEN"),
                ("team/app/deploy", "DEPLOYTOKEN"),
            ];
            let token = tokens
                .into_iter()
                .find(|(name, _)| *name == job)
                .map_or("", |(_, token)| token);
            form.push(("token".into(), token.into()));
            if let Some(note) = cause["note"].as_str() {
                form.push(("cause".into(), note.to_owned()));
            }
        }
        let body: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let credentials = match user {
            Some(user) => credentials("user+api-token", user),
            None => credentials("user+api-token", "reader"),
        };
        let content_type = (
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        );
        let path: String = job
            .split('/')
            .map(|name| format!("/job/{}", encode(name).replace('+', "%20")))
            .collect();
        let context_path = if self.name == "s8-02" { "/jenkins" } else { "" };
        let headers: Vec<_> = credentials.into_iter().chain([content_type]).collect();
        let target = format!("{context_path}{path}/{action}");
        let _ = client::send(
            self.jenkins.port(),
            "POST",
            &target,
            &headers,
            body.join("&").as_bytes(),
        );
    }

    /// Moves the clock to where a waiting item has no more time left than the recording shows, or past its quiet period.
    fn wait_for_item(&self, id: u64, looking: &Exchange) {
        let Some(item) = self.item(id) else { return };
        let Some(body) = looking.answer_body.as_deref() else {
            return;
        };
        let after_id = body.find(&format!("\"id\":{id},")).map_or(body, |at| &body[at..]);
        if let Some(left) = time_left(after_id) {
            let until = item.due.saturating_sub(left);
            self.jenkins.advance(until.saturating_sub(self.jenkins.now()));
        } else if item.state == ItemState::Waiting
            && looks_at_moment(looking)
            && !is_right_after(looking)
            && !body.contains("\"cancelled\":true")
        {
            self.jenkins.advance(item.due.saturating_sub(self.jenkins.now()));
        }
    }

    /// "299 s after it left": the poller saw the item leave up to a second late.
    fn let_item_leave(&mut self, exchange: &Exchange, note: &str) {
        let Some(id) = item_of_path(&exchange.path) else {
            return;
        };
        let seconds = seconds_before(note, "s after it left").unwrap_or(299.0);
        for _ in 0..1000 {
            match self.item(id).map(|item| item.state) {
                Some(ItemState::Left { .. }) | None => break,
                Some(_) => self.jenkins.advance(Duration::from_millis(10)),
            }
        }
        self.jenkins.advance(Duration::from_secs_f64(seconds + 1.0));
    }

    /// Makes sure that the build which the recording looks at is there, running or finished as recorded.
    fn make_build(&mut self, exchange: &Exchange, job: &str, number: Option<u32>) -> Result<(), String> {
        if exchange.status != Some(200) && !exchange.path.ends_with("/stop") {
            return Ok(());
        }
        let looks_at_last = exchange.path.contains("/lastBuild/");
        if number.is_none() && !looks_at_last {
            return Ok(());
        }
        let build = |jenkins: &StandIn| {
            let builds = jenkins.builds(job);
            builds
                .into_iter()
                .rev()
                .find(|build| number.is_none_or(|number| build.number == number))
        };
        let running = exchange.path.ends_with("/stop")
            || exchange.answer_headers.contains_key("X-More-Data")
            || exchange
                .answer_body
                .as_ref()
                .is_some_and(|body| body.contains("\"building\":true"));
        for _ in 0..2000 {
            if build(&self.jenkins).is_some_and(|build| running || build.result.is_some()) {
                return Ok(());
            }
            let state = self.jenkins.state();
            let may_come = state.items.iter().any(|item| {
                let is_over = matches!(
                    item.state,
                    ItemState::Left {
                        executable: Some(_),
                        ..
                    } | ItemState::Left { cancelled: true, .. }
                );
                item.job == job && !is_over
            });
            if !may_come && build(&self.jenkins).is_none() {
                return Err("the trigger behind the build is not recorded".into());
            }
            self.jenkins.advance(Duration::from_millis(20));
        }
        Ok(())
    }

    fn send(&self, exchange: &Exchange) -> std::io::Result<Reply> {
        let (kind, user) = exchange
            .auth
            .split_once(" (")
            .map_or((exchange.auth.as_str(), ""), |(kind, user)| {
                (kind, user.trim_end_matches(')'))
            });
        let mut headers: Vec<(String, String)> = credentials(kind, user).into_iter().collect();
        // Crumbs and sessions are of their time: a recorded crumb stands for the valid one of its session.
        // Where nobody may read, a crumb without credentials can only be one that somebody else got (s1-15d).
        let anonymous_gets_crumbs = ["s7-03", "s7-04", "s7-05"]
            .iter()
            .any(|session| self.name.starts_with(session));
        let owner = if user.is_empty() && !anonymous_gets_crumbs {
            "builduser"
        } else {
            user
        };
        let (crumb, cookie) = self
            .jenkins
            .crumb_and_cookie((!owner.is_empty()).then_some(owner));
        let with_crumb = |text: &str| -> String {
            let recorded = text
                .find(|c: char| c.is_ascii_hexdigit())
                .and_then(|_| find_hex(text, 64));
            recorded.map_or_else(|| text.to_owned(), |recorded| text.replace(&recorded, &crumb))
        };
        for (name, value) in &exchange.headers {
            let value = match name.as_str() {
                "Cookie" if value.starts_with('<') => cookie.clone(),
                "Jenkins-Crumb" => with_crumb(value),
                "Authorization" => self.current_token(value),
                _ => value.clone(),
            };
            headers.push((name.clone(), value));
        }
        let is_crumb = |text: &str| text.contains("Jenkins-Crumb=");
        let path = if is_crumb(&exchange.path) {
            with_crumb(&exchange.path)
        } else {
            exchange.path.clone()
        };
        let mut body = exchange.body.clone();
        if let Ok(text) = std::str::from_utf8(&exchange.body) {
            let mut text = if is_crumb(text) {
                with_crumb(text)
            } else {
                text.to_owned()
            };
            for (recorded, got) in &self.uuids {
                text = text.replace(recorded, got);
            }
            body = text.into_bytes();
        }
        client::send(self.jenkins.port(), &exchange.method, &path, &headers, &body)
    }

    /// A recorded header with the token that was made in this scene carries the one that was made now.
    fn current_token(&self, value: &str) -> String {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        let decoded = value
            .strip_prefix("Basic ")
            .and_then(|text| engine.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match (
            decoded.as_deref().and_then(|text| text.split_once(':')),
            &self.new_token,
        ) {
            (Some((user, _)), Some(token)) => client::basic(user, token).1,
            _ => value.to_owned(),
        }
    }

    fn remember(&mut self, exchange: &Exchange, reply: &Reply) {
        if !exchange.path.ends_with("/generateNewToken") || reply.status != 200 {
            return;
        }
        let recorded = exchange
            .answer_body
            .as_deref()
            .and_then(|body| serde_json::from_str::<Value>(body).ok());
        let (Some(recorded), got) = (recorded, reply.json()) else {
            return;
        };
        if let (Some(recorded), Some(got)) = (
            recorded["data"]["tokenUuid"].as_str(),
            got["data"]["tokenUuid"].as_str(),
        ) {
            self.uuids.push((recorded.to_owned(), got.to_owned()));
        }
        self.new_token = got["data"]["tokenValue"].as_str().map(str::to_owned);
    }
}

fn looks_at_moment(exchange: &Exchange) -> bool {
    let left = |body: &String| {
        ["LeftItem", "BuildableItem", "BlockedItem"]
            .iter()
            .any(|class| body.contains(class))
    };
    exchange.method == "GET"
        && exchange.path.contains("/queue/")
        && exchange.answer_body.as_ref().is_some_and(left)
}

fn credentials(kind: &str, user: &str) -> Option<(String, String)> {
    let token = |user: &str| match user {
        "builduser" => "1111873655f48ad8b405a87d679a6975c7".to_owned(),
        user => format!("{user}-api-token"),
    };
    match kind {
        "user+api-token" => Some(client::basic(user, &token(user))),
        "user+password" => Some(client::basic(user, &format!("{user}-password"))),
        "wrong-token" => Some(client::basic(user, "11ffffffffffffffffffffffffffffffff")),
        "wrong-password" => Some(client::basic(user, "not-the-password")),
        "bearer api token" => Some(("Authorization".into(), format!("Bearer {}", token(user)))),
        _ => None,
    }
}

/// What was looked at right after its trigger had no quiet period to wait for.
fn is_right_after(exchange: &Exchange) -> bool {
    exchange.note.contains("right after the trigger")
}

fn path_of(exchange: &Exchange) -> &str {
    exchange.path.split('?').next().unwrap_or_default()
}

fn causes_of(item: &Value) -> Vec<Value> {
    let actions = item["actions"].as_array().into_iter().flatten();
    actions
        .filter_map(|action| action["causes"].as_array())
        .flatten()
        .cloned()
        .collect()
}

fn item_of_path(path: &str) -> Option<u64> {
    path.split_once("/queue/item/")?
        .1
        .split(['/', '?'])
        .next()?
        .parse()
        .ok()
}

fn item_of_answer(exchange: &Exchange) -> Option<u64> {
    item_of_path(exchange.answer_headers.get("Location")?)
}

/// `…/job/team/job/app/3/` to `team/app` and 3.
fn job_of_url(url: &str) -> Option<(String, Option<u32>)> {
    let (_, path) = url.split_once("/job/")?;
    let path = format!("job/{path}");
    let mut rest = path.split('/');
    let mut names = Vec::new();
    let mut number = None;
    while let Some(word) = rest.next() {
        if word == "job" {
            names.push(percent_decode(rest.next()?));
        } else {
            number = word.parse().ok();
            break;
        }
    }
    Some((names.join("/"), number))
}

fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn result_of_color(color: &str) -> Option<BuildResult> {
    match color.trim_end_matches("_anime") {
        "blue" => Some(BuildResult::Success),
        "red" => Some(BuildResult::Failure),
        "aborted" => Some(BuildResult::Aborted),
        _ => None,
    }
}

fn number_after(text: &str, marker: &str) -> Option<u32> {
    let (_, rest) = text.split_once(marker)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The number before a phrase of a note: "login, 7.88 s after".
fn seconds_before(note: &str, phrase: &str) -> Option<f64> {
    let at = note.rfind(phrase)?;
    note[..at].trim_end().rsplit([' ', ',']).next()?.parse().ok()
}

/// The most that "Expires in 9 min 34 sec" can mean.
fn time_left(body: &str) -> Option<Duration> {
    let (_, rest) = body.split_once("Expires in ")?;
    let words: Vec<&str> = rest.split('"').next()?.split(' ').collect();
    let (mut ms, mut smallest) = (0.0, 1.0);
    for pair in words.chunks(2) {
        let [number, unit] = pair else { return None };
        let factor = match *unit {
            "ms" => 1.0,
            "sec" => 1000.0,
            "min" => 60_000.0,
            "hr" => 3_600_000.0,
            _ => return None,
        };
        ms += number.parse::<f64>().ok()? * factor;
        let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
        smallest = factor / [1.0, 10.0, 100.0][digits.min(2)];
    }
    Some(Duration::from_secs_f64((ms + smallest - 1.0) / 1000.0))
}

fn find_hex(text: &str, length: usize) -> Option<String> {
    text.split(|c: char| !c.is_ascii_hexdigit())
        .find(|word| word.len() == length)
        .map(str::to_owned)
}
