//! `/job/NAME/build`, `/buildWithParameters` and `/polling`: what all triggers share, and the job's own.

use super::{Context, Routed, redirect};
use crate::auth::{Permission, Who};
use crate::http::Answer;
use crate::jobs::{Parameter, ParameterKind};
use crate::pages;
use crate::parameters::Parameters;
use crate::queue::{Cause, ParameterValue, Scheduled, ValueClass};

impl Context<'_> {
    /// The parameter `delay` in seconds. It is read before anything else is looked at, so a bad one is a 500 even with
    /// a wrong token (contract, section 7).
    pub(super) fn delay(&mut self) -> Result<Option<i64>, Answer> {
        let parameters = self.parameters()?;
        parameters
            .get("delay")
            .map(|text| delay_seconds(text).ok_or_else(|| self.failure()))
            .transpose()
    }

    /// Who may trigger: a job with a token asks for it first, and a wrong one loses even for those who have Job/Build
    /// (s1-05). Without a token Job/Build counts, and then only for POST.
    pub(super) fn authorize_trigger(&mut self, job: usize) -> Result<(), Answer> {
        let parameters = self.parameters()?;
        if let (Some(expected), Some(given)) =
            (&self.world.jobs[job].job.trigger_token, parameters.get("token"))
        {
            return if expected == given {
                Ok(())
            } else {
                Err(self.denied("Invalid token provided."))
            };
        }
        self.require(Permission::JobBuild, Some(job))?;
        if self.is_post() {
            return Ok(());
        }
        let main = "<p>You must use POST method to trigger builds. (From scripts you may instead pass a per-project \
                    authentication token, or authenticate with your API token.)</p> <button>Proceed</button>";
        let name = self.world.jobs[job].job.name().to_owned();
        Err(self
            .page(405, "Form post required", &name, main, true)
            .header("Allow", "POST"))
    }

    /// The cause of a trigger: whoever sent a token to a job that has one is a remote host, and his name is lost
    /// (s2-23); `cause` is dropped otherwise (s2-22).
    fn cause(&mut self, job: usize) -> Result<Cause, Answer> {
        let parameters = self.parameters()?;
        if self.world.jobs[job].job.trigger_token.is_some() && parameters.get("token").is_some() {
            return Ok(self.remote_cause(&parameters));
        }
        Ok(self.user_cause())
    }

    fn user_cause(&self) -> Cause {
        Cause::User(match &self.who {
            Who::Anonymous => None,
            Who::User { id, .. } => Some(id.clone()),
        })
    }

    pub(super) fn remote_cause(&self, parameters: &Parameters) -> Cause {
        let forwarded = self
            .request
            .header_text("x-forwarded-for")
            .and_then(|list| list.split(',').next());
        let addr = forwarded.map_or_else(|| self.request.remote_addr.clone(), |addr| addr.trim().to_owned());
        Cause::Remote {
            addr,
            note: parameters.get("cause").map(str::to_owned),
        }
    }

    fn quiet_seconds(&self, job: usize) -> i64 {
        let period = self.world.jobs[job]
            .job
            .quiet_period
            .unwrap_or(self.world.quiet_period);
        i64::try_from(period.as_secs()).unwrap_or(i64::MAX)
    }

    pub(super) fn is_parameterized(&self, job: usize) -> bool {
        !self.world.jobs[job].declared().is_empty()
    }

    fn require_buildable(&mut self, job: usize) -> Result<(), Answer> {
        let job = &self.world.jobs[job].job;
        if job.is_buildable() {
            return Ok(());
        }
        Err(self.refused(409, &format!("{} is not buildable", job.full_name)))
    }

    /// `Location` with scheme and host as the client sees them.
    fn absolute(&self, path: &str) -> String {
        format!("{}{}/{path}", self.request.origin(), self.world.context_path)
    }

    /// 201 for a new item, 303 for one that was there, both with the item's place.
    pub(super) fn item_answer(&self, scheduled: Scheduled) -> Answer {
        let location = self.absolute(&format!("queue/item/{}/", scheduled.id));
        redirect(if scheduled.created { 201 } else { 303 }, &location)
    }

    /// `/build`. Whether the job is buildable goes before who asks (s2-32d), and a GET of a job with parameters gets the
    /// form before its token is looked at (s2-27f).
    pub(super) fn build(&mut self, job: usize) -> Routed {
        let delay = self.delay()?;
        self.require_buildable(job)?;
        if self.is_parameterized(job) && !self.is_post() {
            return Ok(self.parameters_form(job));
        }
        self.authorize_trigger(job)?;
        let delay = delay.unwrap_or_else(|| self.quiet_seconds(job));
        if self.is_parameterized(job) {
            return self.build_submitted(job, delay);
        }
        let cause = self.cause(job)?;
        // New and merged cannot be told apart here (s4-03b).
        let scheduled = self.world.schedule(job, None, cause, delay);
        Ok(self.item_answer(Scheduled {
            created: true,
            ..scheduled
        }))
    }

    /// The form "Build with Parameters", with a 405 so that no script takes it for success.
    fn parameters_form(&mut self, job: usize) -> Answer {
        let state = &self.world.jobs[job].job;
        let name = state.name().to_owned();
        let rows: String = self.world.jobs[job]
            .declared()
            .iter()
            .map(|parameter| {
                format!(
                    " <div>{} {}</div>",
                    pages::escape(&parameter.name),
                    pages::escape(&parameter.description)
                )
            })
            .collect();
        let main = format!(
            "<h1>Project {}</h1> <p>This build requires parameters:</p>{rows} <button>Build</button>",
            pages::escape(&name)
        );
        self.page(405, &name, &name, &main, true)
    }

    /// The old way: `/build` with `json={"parameter":[…]}`. It answers with the job's place, not the item's (s2-28).
    fn build_submitted(&mut self, job: usize, delay: i64) -> Routed {
        let parameters = self.parameters()?;
        let Some(json) = parameters.get("json").filter(|json| !json.is_empty()) else {
            let nothing = parameters.is_empty();
            let sentence = if nothing {
                "Nothing is submitted"
            } else {
                "This page expects a form submission"
            };
            return Err(self.refused(400, sentence));
        };
        let Ok(serde_json::Value::Object(form)) = serde_json::from_str::<serde_json::Value>(json) else {
            return Err(self.failure());
        };
        let entries = match form.get("parameter") {
            None | Some(serde_json::Value::Null) => Vec::new(),
            Some(serde_json::Value::Array(entries)) => entries.clone(),
            Some(other) => vec![other.clone()],
        };
        let mut values = Vec::new();
        for entry in entries {
            let name = entry.get("name").and_then(serde_json::Value::as_str);
            let definition = self.world.jobs[job]
                .declared()
                .iter()
                .find(|parameter| Some(parameter.name.as_str()) == name);
            let Some(definition) = definition.cloned() else {
                return Err(self.failure());
            };
            let text = match entry.get("value") {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(serde_json::Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            match value_of(&definition, &text) {
                Some(value) => values.push(value),
                None => return Err(self.failure()),
            }
        }
        let cause = self.user_cause();
        self.world.schedule(job, Some(values), cause, delay);
        let path = Self::item_path(&self.world.jobs[job].job.full_name);
        Ok(redirect(201, &self.absolute(&path)))
    }

    /// `/buildWithParameters`. Here the token goes before everything else.
    pub(super) fn build_with_parameters(&mut self, job: usize) -> Routed {
        let delay = self.delay()?;
        self.authorize_trigger(job)?;
        self.require_buildable(job)?;
        if !self.is_parameterized(job) {
            let sentence = format!("{} is not parameterized", self.world.jobs[job].job.full_name);
            return Err(self.refused(400, &sentence));
        }
        let values = self.declared_values(job)?;
        let delay = delay.unwrap_or_else(|| self.quiet_seconds(job));
        let cause = self.cause(job)?;
        let scheduled = self.world.schedule(job, Some(values), cause, delay);
        Ok(self.item_answer(scheduled))
    }

    /// `/polling`: back to the job, whether or not there is an SCM to ask.
    pub(super) fn poll(&mut self, job: usize) -> Routed {
        self.authorize_trigger(job)?;
        let path = Self::item_path(&self.world.jobs[job].job.full_name);
        Ok(redirect(302, &format!("{}/{path}", self.world.context_path)))
    }

    /// The values of the declared parameters: sent once, or the default. What is not declared is dropped (s2-24).
    pub(super) fn declared_values(&mut self, job: usize) -> Result<Vec<ParameterValue>, Answer> {
        let parameters = self.parameters()?;
        let definitions = self.world.jobs[job].declared().to_vec();
        let mut values = Vec::new();
        for definition in &definitions {
            if definition.kind == ParameterKind::File {
                // The upload code stumbles over a request without a content type (s2-36).
                if self.request.header("content-type").is_none() {
                    return Err(self.failure());
                }
                if parameters.has_file(&definition.name) {
                    values.push(ParameterValue::new(&definition.name, "", ValueClass::File));
                }
                continue;
            }
            match parameters.all(&definition.name).as_slice() {
                [] => values.extend(default_of(definition)),
                [one] => match value_of(definition, one) {
                    Some(value) => values.push(value),
                    None => return Err(self.failure()),
                },
                _ => return Err(self.failure()),
            }
        }
        Ok(values)
    }
}

/// A bare number is milliseconds, `sec` and `secs` are the only units, whole seconds count (s2-20).
fn delay_seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let (number, factor) = match text.strip_suffix("sec").or_else(|| text.strip_suffix("secs")) {
        Some(number) => (number.trim(), 1000),
        None => (text, 1),
    };
    number
        .parse::<i64>()
        .ok()
        .map(|number| number.saturating_mul(factor) / 1000)
}

fn default_of(definition: &Parameter) -> Option<ParameterValue> {
    let (text, class) = match &definition.kind {
        ParameterKind::String { default, .. } => (default.clone(), ValueClass::String),
        ParameterKind::Text { default } => (default.clone(), ValueClass::Text),
        ParameterKind::Boolean { default } => (default.to_string(), ValueClass::Boolean),
        ParameterKind::Password { default } => (default.clone(), ValueClass::Password),
        ParameterKind::Choice { choices } => (choices.first()?.clone(), ValueClass::String),
        ParameterKind::File => return None,
    };
    Some(ParameterValue::new(&definition.name, text, class))
}

/// The value that a text makes, `None` for what the definition refuses.
fn value_of(definition: &Parameter, text: &str) -> Option<ParameterValue> {
    let (text, class) = match &definition.kind {
        ParameterKind::String { trim: true, .. } => (text.trim().to_owned(), ValueClass::String),
        ParameterKind::String { .. } => (text.to_owned(), ValueClass::String),
        ParameterKind::Text { .. } => (text.to_owned(), ValueClass::Text),
        ParameterKind::Boolean { .. } => (text.eq_ignore_ascii_case("true").to_string(), ValueClass::Boolean),
        ParameterKind::Password { .. } => (text.to_owned(), ValueClass::Password),
        ParameterKind::Choice { choices } => (
            choices.iter().find(|choice| *choice == text)?.clone(),
            ValueClass::String,
        ),
        ParameterKind::File => return None,
    };
    Some(ParameterValue::new(&definition.name, text, class))
}
