//! The objects that the API exports, fields in the recorded order.

use super::Context;
use crate::export::{Object, Value};
use crate::jobs::{Build, BuildResult, Job, JobState, Kind, Parameter, ParameterKind};
use crate::queue::{Cause, Item, ItemState, ParameterValue, ValueClass};
use crate::world::World;

impl Context<'_> {
    pub(super) fn root_object(&self) -> Object {
        let world = &self.world;
        let url = world.root_url.as_str();
        let jobs: Vec<Object> = self
            .visible_children("")
            .into_iter()
            .map(|job| self.job_object(job))
            .collect();
        let view = || {
            Object::new("hudson.model.AllView")
                .always("name", "all")
                .always("url", url)
        };
        Object::new("hudson.model.Hudson")
            .top(
                "assignedLabels",
                vec![Object::without_class().always("name", "built-in")],
            )
            .top("mode", "NORMAL")
            .top("nodeDescription", "the Jenkins controller's built-in node")
            .top("nodeName", "")
            .top("numExecutors", i64::try_from(world.executors).unwrap_or(0))
            .top("description", Value::Null)
            .top("jobs", jobs)
            .top("overallLoad", Object::without_class())
            .top("primaryView", view())
            .top("quietDownReason", Value::Null)
            .top("quietingDown", world.queue.quieting_down)
            .top("slaveAgentPort", 0_i64)
            .top(
                "unlabeledLoad",
                Object::new("jenkins.model.UnlabeledLoadStatistics"),
            )
            .top("url", url)
            .top("useCrumbs", world.csrf)
            .top("useSecurity", true)
            .top("views", vec![view()])
    }

    pub(super) fn visible_children(&self, parent: &str) -> Vec<usize> {
        let children = self.world.children(parent).into_iter();
        children
            .filter(|&job| self.allows(crate::Permission::JobRead, Some(job)))
            .collect()
    }

    pub(super) fn job_object(&self, index: usize) -> Object {
        let world = &self.world;
        let state = &world.jobs[index];
        let job = &state.job;
        let url = job_url(world, state);
        let full_display_name = full_display_name(job);
        if job.kind.is_folder() {
            return self.folder_object(job, &url);
        }
        let definitions = || {
            let definitions: Vec<Object> = state.declared().iter().map(definition_object).collect();
            Object::new("hudson.model.ParametersDefinitionProperty")
                .always("parameterDefinitions", definitions)
        };
        let properties = if state.declared().is_empty() {
            Vec::new()
        } else {
            vec![definitions()]
        };
        let mut actions = properties.clone();
        actions.push(Object::without_class());
        let build = |build: Option<&Build>| build.map(|build| build_object(world, state, build));
        let finished = |results: &[BuildResult]| {
            build(state.builds.iter().rev().find(|build| {
                build
                    .finished
                    .is_some_and(|(_, result)| results.contains(&result))
            }))
        };
        let good = [BuildResult::Success, BuildResult::Unstable];
        let bad = [
            BuildResult::Unstable,
            BuildResult::Failure,
            BuildResult::NotBuilt,
            BuildResult::Aborted,
        ];
        let all = [&[BuildResult::Success], &bad[..]].concat();
        let queued = world
            .queue
            .items
            .iter()
            .find(|item| item.job == index && item.is_queued());
        let object = Object::new(job.kind.class())
            .top("actions", actions)
            .top("description", job.description.clone().unwrap_or_default())
            .top("displayName", job.display_name.as_deref().unwrap_or(job.name()))
            .top("displayNameOrNull", job.display_name.clone())
            .top("fullDisplayName", full_display_name)
            .top("fullName", job.full_name.as_str())
            .always("name", job.name())
            .always("url", url.as_str())
            .top("buildable", job.is_buildable())
            .top(
                "builds",
                state
                    .builds
                    .iter()
                    .rev()
                    .map(|build| build_object(world, state, build))
                    .collect::<Vec<_>>(),
            )
            .always("color", state.color())
            .top("firstBuild", build(state.builds.first()))
            .top("healthReport", health(state))
            .top("inQueue", queued.is_some())
            .top("keepDependencies", false)
            .top("lastBuild", build(state.builds.last()))
            .top("lastCompletedBuild", finished(&all))
            .top("lastFailedBuild", finished(&[BuildResult::Failure]))
            .top("lastStableBuild", finished(&[BuildResult::Success]))
            .top("lastSuccessfulBuild", finished(&good))
            .top("lastUnstableBuild", finished(&[BuildResult::Unstable]))
            .top("lastUnsuccessfulBuild", finished(&bad))
            .top("nextBuildNumber", state.next_build)
            .top("property", properties)
            .top("queueItem", queued.map(|item| item_object(world, item)))
            .top("concurrentBuild", job.concurrent);
        match job.kind {
            Kind::Pipeline => object.top("resumeBlocked", false),
            _ => object
                .top("disabled", job.disabled)
                .top("downstreamProjects", Value::List(Vec::new()))
                .top("labelExpression", Value::Null)
                .top("scm", Object::new("hudson.scm.NullSCM"))
                .top("upstreamProjects", Value::List(Vec::new())),
        }
    }

    fn folder_object(&self, job: &Job, url: &str) -> Object {
        let children: Vec<Object> = self
            .visible_children(&job.full_name)
            .into_iter()
            .map(|child| self.job_object(child))
            .collect();
        let view = || {
            Object::new("hudson.model.AllView")
                .always("name", "All")
                .always("url", url)
        };
        let object = Object::new(job.kind.class())
            .top("actions", vec![Object::without_class(), Object::without_class()])
            .top("description", job.description.clone())
            .top("displayName", job.name())
            .top("displayNameOrNull", Value::Null)
            .top("fullDisplayName", full_display_name(job))
            .top("fullName", job.full_name.as_str())
            .always("name", job.name())
            .always("url", url)
            .top("healthReport", Value::List(Vec::new()))
            .top("jobs", children)
            .top("primaryView", view())
            .top("views", vec![view()]);
        match job.kind {
            Kind::Multibranch => object.top("sources", vec![Object::without_class()]),
            _ => object,
        }
    }

    pub(super) fn plugins_object(&self) -> Object {
        let plugin = |name: &str| {
            Object::without_class()
                .always("active", true)
                .always("shortName", name)
        };
        let mut plugins = vec![
            plugin("cloudbees-folder"),
            plugin("matrix-auth"),
            plugin("workflow-job"),
        ];
        if self.world.build_token_root {
            plugins.insert(0, plugin("build-token-root"));
        }
        Object::new("hudson.LocalPluginManager").top("plugins", plugins)
    }
}

/// The stability of the last five builds, as Jenkins words it.
fn health(state: &JobState) -> Vec<Object> {
    let results = state
        .builds
        .iter()
        .rev()
        .filter_map(|build| build.finished)
        .take(5);
    let failed: Vec<bool> = results
        .map(|(_, result)| result == BuildResult::Failure)
        .collect();
    let (all, bad) = (failed.len(), failed.iter().filter(|&&failed| failed).count());
    let Some(score) = ((all - bad) * 100).checked_div(all) else {
        return Vec::new();
    };
    let summary = match bad {
        0 => "No recent builds failed.".to_owned(),
        bad if bad == all => "All recent builds failed.".to_owned(),
        bad => format!("{bad} out of the last {all} builds failed."),
    };
    let weather = match score {
        81.. => "80plus",
        61.. => "60to79",
        41.. => "40to59",
        21.. => "20to39",
        _ => "00to19",
    };
    vec![
        Object::without_class()
            .always("description", format!("Build stability: {summary}"))
            .always("iconClassName", format!("icon-health-{weather}"))
            .always("iconUrl", format!("health-{weather}.png"))
            .always("score", i64::try_from(score).unwrap_or(0)),
    ]
}

/// The names people read, from the folder down.
fn full_display_name(job: &Job) -> String {
    let parent = job.parent();
    let name = job.display_name.as_deref().unwrap_or(job.name());
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{} » {name}", parent.replace('/', " » "))
    }
}

fn job_url(world: &World, state: &JobState) -> String {
    format!("{}{}", world.root_url, Context::item_path(&state.job.full_name))
}

pub(super) fn build_url(world: &World, state: &JobState, number: u32) -> String {
    format!("{}{number}/", job_url(world, state))
}

fn definition_object(parameter: &Parameter) -> Object {
    let (kind, default) = match &parameter.kind {
        ParameterKind::String { default, .. } => (
            "String",
            Some(ParameterValue::new(&parameter.name, default, ValueClass::String)),
        ),
        ParameterKind::Text { default } => (
            "Text",
            Some(ParameterValue::new(&parameter.name, default, ValueClass::Text)),
        ),
        ParameterKind::Boolean { default } => (
            "Boolean",
            Some(ParameterValue::new(
                &parameter.name,
                default.to_string(),
                ValueClass::Boolean,
            )),
        ),
        ParameterKind::Password { default } => (
            "Password",
            Some(ParameterValue::new(
                &parameter.name,
                default,
                ValueClass::Password,
            )),
        ),
        ParameterKind::Choice { choices } => {
            let first = choices
                .first()
                .map(|choice| ParameterValue::new(&parameter.name, choice, ValueClass::String));
            ("Choice", first)
        }
        ParameterKind::File => ("File", None),
    };
    let object = Object::new(&format!("hudson.model.{kind}ParameterDefinition"))
        .always("defaultParameterValue", default.as_ref().map(value_object))
        .always("description", parameter.description.as_str())
        .always("name", parameter.name.as_str())
        .always("type", format!("{kind}ParameterDefinition"));
    match &parameter.kind {
        ParameterKind::Choice { choices } => object.always("choices", choices.clone()),
        _ => object,
    }
}

/// A value as it is shown: secrets and files have none.
fn value_object(value: &ParameterValue) -> Object {
    let class = match value.class {
        ValueClass::String => "String",
        ValueClass::Text => "Text",
        ValueClass::Boolean => "Boolean",
        ValueClass::Password => "Password",
        ValueClass::File => "File",
    };
    let object =
        Object::new(&format!("hudson.model.{class}ParameterValue")).always("name", value.name.as_str());
    match value.class {
        ValueClass::String | ValueClass::Text => object.always("value", value.value.as_str()),
        ValueClass::Boolean => object.always("value", value.value == "true"),
        ValueClass::Password | ValueClass::File => object,
    }
}

fn cause_object(world: &World, cause: &Cause) -> Object {
    match cause {
        Cause::User(id) => {
            let full_name = id
                .as_ref()
                .map(|id| world.user(id).map_or(id.as_str(), |user| user.full_name.as_str()));
            let name = full_name.unwrap_or("anonymous");
            Object::new("hudson.model.Cause$UserIdCause")
                .always("shortDescription", format!("Started by user {name}"))
                .always("userId", id.clone())
                .always("userName", name)
        }
        Cause::Remote { addr, note } => {
            let with_note = note
                .as_ref()
                .map(|note| format!(" with note: {note}"))
                .unwrap_or_default();
            Object::new("hudson.model.Cause$RemoteCause")
                .always(
                    "shortDescription",
                    format!("Started by remote host {addr}{with_note}"),
                )
                .always("addr", addr.as_str())
                .always("note", note.clone())
        }
        Cause::BranchIndexing => {
            Object::new("jenkins.branch.BranchIndexingCause").always("shortDescription", "Branch indexing")
        }
    }
}

fn actions(world: &World, parameters: Option<&Vec<ParameterValue>>, causes: &[Cause]) -> Vec<Object> {
    let mut actions = Vec::new();
    if let Some(parameters) = parameters {
        let values: Vec<Object> = parameters.iter().map(value_object).collect();
        actions.push(Object::new("hudson.model.ParametersAction").always("parameters", values));
    }
    let causes: Vec<Object> = causes.iter().map(|cause| cause_object(world, cause)).collect();
    actions.push(Object::new("hudson.model.CauseAction").always("causes", causes));
    actions
}

/// The text of all parameters, one to a line, secrets hidden.
fn parameters_text(parameters: Option<&Vec<ParameterValue>>) -> String {
    let line = |value: &ParameterValue| {
        let shown = if value.class == ValueClass::Password {
            "****"
        } else {
            &value.value
        };
        format!("\n{}={shown}", value.name)
    };
    parameters.into_iter().flatten().map(line).collect()
}

pub(super) fn item_object(world: &World, item: &Item) -> Object {
    let state = &world.jobs[item.job];
    let class = match item.state {
        ItemState::Waiting => "WaitingItem",
        ItemState::Blocked => "BlockedItem",
        ItemState::Buildable { .. } => "BuildableItem",
        ItemState::Left { .. } => "LeftItem",
    };
    let task = Object::new(state.job.kind.class())
        .always("name", state.job.name())
        .always("url", job_url(world, state))
        .always("color", state.color());
    let object = Object::new(&format!("hudson.model.Queue${class}"))
        .top("actions", actions(world, item.parameters.as_ref(), &item.causes))
        .top("blocked", item.state == ItemState::Blocked)
        .top("buildable", matches!(item.state, ItemState::Buildable { .. }))
        .top("id", i64::try_from(item.id).unwrap_or(i64::MAX))
        .top("inQueueSince", world.time.epoch(item.since))
        .top("params", parameters_text(item.parameters.as_ref()))
        .top("stuck", false)
        .top("task", task)
        .top("url", format!("queue/item/{}/", item.id))
        .top("why", world.why(item));
    match item.state {
        ItemState::Waiting => object.top("timestamp", world.time.epoch(item.due)),
        ItemState::Blocked => object.top(
            "buildableStartMilliseconds",
            world.time.epoch(item.buildable_since),
        ),
        ItemState::Buildable { pending } => object
            .top(
                "buildableStartMilliseconds",
                world.time.epoch(item.buildable_since),
            )
            .top("pending", pending),
        ItemState::Left {
            cancelled,
            executable,
        } => {
            let executable = executable.map(|number| {
                Object::new(state.job.kind.build_class())
                    .always("number", number)
                    .always("url", build_url(world, state, number))
            });
            object.top("cancelled", cancelled).top("executable", executable)
        }
    }
}

pub(super) fn build_object(world: &World, state: &JobState, build: &Build) -> Object {
    let length = build.finished.map_or(0, |(end, _)| end - build.started);
    let object = Object::new(state.job.kind.build_class())
        .top(
            "actions",
            actions(world, build.parameters.as_ref(), &build.causes),
        )
        .top("artifacts", Value::List(Vec::new()))
        .top("building", build.finished.is_none())
        .top("description", Value::Null)
        .top("displayName", format!("#{}", build.number))
        .top("duration", i64::try_from(length).unwrap_or(0))
        .top("estimatedDuration", state.estimated_ms())
        .top("executor", build.finished.is_none().then(Object::without_class))
        .top(
            "fullDisplayName",
            format!("{} #{}", full_display_name(&state.job), build.number),
        )
        .top("id", build.number.to_string())
        .top("inProgress", build.finished.is_none())
        .top("keepLog", false)
        .always("number", build.number)
        .top("queueId", i64::try_from(build.queue_id).unwrap_or(0))
        .top("result", build.finished.map(|(_, result)| result.name()))
        .top("timestamp", world.time.epoch(build.started))
        .always("url", build_url(world, state, build.number));
    match state.job.kind {
        Kind::Pipeline => object
            .top("changeSets", Value::List(Vec::new()))
            .top("culprits", Value::List(Vec::new()))
            .top("nextBuild", Value::Null)
            .top("previousBuild", Value::Null),
        _ => {
            let changes = Object::new("hudson.scm.EmptyChangeLogSet")
                .always("items", Value::List(Vec::new()))
                .always("kind", Value::Null);
            object
                .top("builtOn", "")
                .top("changeSet", changes)
                .top("culprits", Value::List(Vec::new()))
        }
    }
}
