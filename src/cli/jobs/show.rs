//! The list as a table and as JSON.

use serde::Serialize;
use url::Url;

use super::Shown;
use crate::jenkins::job_url;
use crate::jenkins::parameters::{Definition, Kind};
use crate::ui::{Table, Tone};

/// No more of a default or a description is shown.
const MOST_SHOWN: usize = 60;

/// For people.
pub(super) fn table(jobs: &[Shown<'_>], with_state: bool) -> Table {
    let mut headings = vec!["JOB", "PARAMETER", "TYPE", "DEFAULT", "NOTE"];
    if with_state {
        headings.insert(1, "BUILD");
    }
    let mut table = Table::new(&headings);
    for shown in jobs {
        let mut rows = parameters(shown);
        let listed = shown.listed;
        if listed.job.is_multibranch() {
            let plural = if shown.branches == 1 { "" } else { "es" };
            rows = vec![row(
                "",
                "",
                "",
                format!("multibranch project, {} branch{plural}", shown.branches),
            )];
        } else if listed.job.is_unborn_pipeline() {
            rows = vec![row(
                "",
                "",
                "",
                "a pipeline of which no run has ended: its parameters are known after that".into(),
            )];
        } else if rows.is_empty() {
            rows = vec![row("", "", "", "no parameters".into())];
        }
        for (number, mut cells) in rows.into_iter().enumerate() {
            let first = number == 0;
            if with_state {
                let tone = if shown.can_build() { Tone::Good } else { Tone::Warn };
                let state = if first { shown.state() } else { "" };
                cells.insert(0, (Some(tone), state.to_owned()));
            }
            let name = if first { listed.name.clone() } else { String::new() };
            cells.insert(0, (None, name));
            table.row(cells);
        }
    }
    table
}

type Cells = Vec<(Option<Tone>, String)>;

fn row(name: &str, kind: &str, default: &str, note: String) -> Cells {
    let texts = [name.to_owned(), kind.to_owned(), short(default), note];
    texts.into_iter().map(|text| (None, text)).collect()
}

fn parameters(shown: &Shown<'_>) -> Vec<Cells> {
    let listed = shown.listed;
    let described = listed.job.parameters.iter().zip(&listed.descriptions);
    described
        .map(|(definition, description)| {
            row(
                &definition.name,
                definition.kind.name(),
                definition.default.as_deref().unwrap_or_default(),
                note(definition, description),
            )
        })
        .collect()
}

fn note(definition: &Definition, description: &str) -> String {
    let mut notes = Vec::new();
    match &definition.kind {
        Kind::Choice => notes.push(format!("one of {}", definition.choices.join(", "))),
        Kind::File => notes.push("a trigger carries no file: the build goes without".into()),
        _ => {}
    }
    if !description.trim().is_empty() {
        notes.push(short(description));
    }
    notes.join("; ")
}

/// The first line, and not too much of it.
fn short(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(MOST_SHOWN).collect();
    if shown.len() < text.trim().len() {
        shown.push('…');
    }
    shown
}

#[derive(Serialize)]
pub(super) struct JobObject<'a> {
    job: &'a str,
    server: &'a str,
    url: String,
    multibranch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    branches: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buildable: Option<bool>,
    /// Absent where it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_build: Option<bool>,
    parameters: Vec<ParameterObject<'a>>,
}

#[derive(Serialize)]
struct ParameterObject<'a> {
    name: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    choices: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
}

/// For programs.
pub(super) fn object<'a>(server: &'a Url, shown: &'a Shown<'a>) -> JobObject<'a> {
    let listed = shown.listed;
    let described = listed.job.parameters.iter().zip(&listed.descriptions);
    JobObject {
        job: &listed.name,
        server: server.as_str(),
        url: job_url(server, &listed.name),
        multibranch: listed.job.is_multibranch(),
        branches: listed.job.is_multibranch().then_some(shown.branches),
        buildable: listed.job.buildable,
        may_build: shown.may_build,
        parameters: described
            .map(|(definition, description)| ParameterObject {
                name: &definition.name,
                r#type: definition.kind.name(),
                choices: &definition.choices,
                default: definition.default.as_deref(),
                description,
            })
            .collect(),
    }
}
