//! A job's `config.xml`: enough of it to read and set parameters, token and switches.

use std::fmt::Write as _;

use crate::jobs::{Job, Kind, Parameter, ParameterKind};
use crate::pages::escape;

const DECLARATION: &str = "<?xml version=\"1.1\" encoding=\"UTF-8\"?>";

pub(crate) fn write(job: &Job) -> String {
    if let Some(posted) = &job.config_xml {
        return format!("{DECLARATION}{posted}");
    }
    let root = match job.kind {
        Kind::Freestyle => "project",
        Kind::Pipeline => "flow-definition",
        Kind::Folder | Kind::Multibranch => job.kind.class(),
    };
    let mut out = format!("{DECLARATION}<{root}>");
    let mut leaf = |name: &str, text: &str| {
        let _ = write!(out, "<{name}>{}</{name}>", escape(text));
    };
    if let Some(description) = &job.description {
        leaf("description", description);
    }
    leaf("keepDependencies", "false");
    let _ = write!(
        out,
        "<properties>{}</properties><scm class=\"hudson.scm.NullSCM\"/>",
        definitions(&job.parameters)
    );
    let mut leaf = |name: &str, text: &str| {
        let _ = write!(out, "<{name}>{}</{name}>", escape(text));
    };
    leaf("canRoam", "false");
    leaf("disabled", &job.disabled.to_string());
    leaf("blockBuildWhenDownstreamBuilding", "false");
    leaf("blockBuildWhenUpstreamBuilding", "false");
    if let Some(token) = &job.trigger_token {
        leaf("authToken", token);
    }
    if let Some(period) = job.quiet_period {
        leaf("quietPeriod", &period.as_secs().to_string());
    }
    leaf("concurrentBuild", &job.concurrent.to_string());
    let _ = write!(
        out,
        "<builders><hudson.tasks.Shell><command>{}</command></hudson.tasks.Shell></builders></{root}>",
        escape(&job.shell)
    );
    out
}

fn definitions(parameters: &[Parameter]) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    let one = |parameter: &Parameter| {
        let (kind, rest) = match &parameter.kind {
            ParameterKind::String { default, trim } => (
                "String",
                format!(
                    "<defaultValue>{}</defaultValue><trim>{trim}</trim>",
                    escape(default)
                ),
            ),
            ParameterKind::Text { default } => (
                "Text",
                format!("<defaultValue>{}</defaultValue>", escape(default)),
            ),
            ParameterKind::Boolean { default } => {
                ("Boolean", format!("<defaultValue>{default}</defaultValue>"))
            }
            ParameterKind::Password { .. } => ("Password", "<defaultValue/>".to_owned()),
            ParameterKind::Choice { choices } => {
                let choices: String = choices
                    .iter()
                    .map(|choice| format!("<string>{}</string>", escape(choice)))
                    .collect();
                (
                    "Choice",
                    format!("<choices class=\"java.util.Arrays$ArrayList\">{choices}</choices>"),
                )
            }
            ParameterKind::File => ("File", String::new()),
        };
        let class = format!("hudson.model.{kind}ParameterDefinition");
        let (name, description) = (escape(&parameter.name), escape(&parameter.description));
        format!("<{class}><name>{name}</name><description>{description}</description>{rest}</{class}>")
    };
    let all: String = parameters.iter().map(one).collect();
    format!(
        "<hudson.model.ParametersDefinitionProperty><parameterDefinitions>{all}</parameterDefinitions>\
         </hudson.model.ParametersDefinitionProperty>"
    )
}

/// The job that a `config.xml` describes, named as `old` and with its build time and result. `None` if it is not XML.
pub(crate) fn read(xml: &[u8], old: &Job) -> Option<Job> {
    let xml = std::str::from_utf8(xml).ok()?;
    let elements = parse(xml)?;
    let root = elements.first()?;
    let kind = match root.name.as_str() {
        "project" => Kind::Freestyle,
        "flow-definition" => Kind::Pipeline,
        "com.cloudbees.hudson.plugins.folder.Folder" => Kind::Folder,
        _ => return None,
    };
    let text = |name: &str| root.child(name).map(|element| element.text.clone());
    let mut parameters = Vec::new();
    if let Some(list) = root.find("parameterDefinitions") {
        for element in &list.children {
            let of = |name: &str| {
                element
                    .child(name)
                    .map(|element| element.text.clone())
                    .unwrap_or_default()
            };
            let default = of("defaultValue");
            let class = element.name.rsplit('.').next().unwrap_or_default();
            let kind = match class.strip_suffix("ParameterDefinition")? {
                "String" => ParameterKind::String {
                    default,
                    trim: of("trim") == "true",
                },
                "Text" => ParameterKind::Text { default },
                "Boolean" => ParameterKind::Boolean {
                    default: default == "true",
                },
                "Password" => ParameterKind::Password { default },
                "Choice" => {
                    let choices = element.child("choices")?;
                    let choices = choices
                        .find("string")
                        .map_or(Vec::new(), |_| choices.texts_of("string"));
                    ParameterKind::Choice { choices }
                }
                "File" => ParameterKind::File,
                _ => return None,
            };
            parameters.push(Parameter {
                name: of("name"),
                description: of("description"),
                kind,
            });
        }
    }
    // Permissions of the job's own matrix, `USER:` or the older form without it.
    let grants = root
        .find("hudson.security.AuthorizationMatrixProperty")
        .map_or(Vec::new(), |matrix| {
            matrix
                .children
                .iter()
                .filter(|element| element.name == "permission")
                .filter_map(|element| grant(&element.text))
                .collect()
        });
    Some(Job {
        kind,
        description: text("description"),
        parameters,
        trigger_token: text("authToken").filter(|token| !token.is_empty()),
        disabled: text("disabled").as_deref() == Some("true"),
        quiet_period: text("quietPeriod")
            .and_then(|text| text.parse().ok())
            .map(std::time::Duration::from_secs),
        concurrent: text("concurrentBuild").as_deref() == Some("true") || kind == Kind::Pipeline,
        shell: root
            .find("command")
            .map(|element| element.text.clone())
            .unwrap_or_default(),
        grants,
        unsaved_copy: false,
        config_xml: Some(
            xml.split_once("?>")
                .map_or(xml, |(_, root)| root)
                .trim()
                .to_owned(),
        ),
        ..old.clone()
    })
}

fn grant(text: &str) -> Option<(String, std::collections::BTreeSet<crate::Permission>)> {
    use crate::Permission as P;
    let all = [
        P::OverallAdminister,
        P::OverallRead,
        P::JobRead,
        P::JobDiscover,
        P::JobBuild,
        P::JobCancel,
        P::JobConfigure,
        P::JobCreate,
        P::JobDelete,
    ];
    let text = text.strip_prefix("USER:").unwrap_or(text);
    let (id, user) = text.split_once(':')?;
    let permission = all.into_iter().find(|permission| permission.id() == id)?;
    Some((user.to_owned(), [permission].into()))
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element of a name below this one.
    fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| {
            if child.name == name {
                Some(child)
            } else {
                child.find(name)
            }
        })
    }

    fn texts_of(&self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for child in &self.children {
            if child.name == name {
                texts.push(child.text.clone());
            }
            texts.extend(child.texts_of(name));
        }
        texts
    }
}

/// A strict enough reader: every element is closed, nothing stands outside the one root.
fn parse(xml: &str) -> Option<Vec<Element>> {
    let mut open: Vec<Element> = vec![Element::default()];
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        open.last_mut()?.text.push_str(&unescape(&rest[..start]));
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = &after[after.find("-->")? + 3..];
            continue;
        }
        let end = rest.find('>')?;
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') || tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let done = open.pop()?;
            if done.name != name.trim() {
                return None;
            }
            open.last_mut()?.children.push(done);
            continue;
        }
        let closed = tag.ends_with('/');
        let name = tag.trim_end_matches('/').split_whitespace().next()?.to_owned();
        let element = Element {
            name,
            ..Element::default()
        };
        if closed {
            open.last_mut()?.children.push(element);
        } else {
            open.push(element);
        }
    }
    let document = open.pop()?;
    (open.is_empty()
        && rest.trim().is_empty()
        && document.text.trim().is_empty()
        && document.children.len() == 1)
        .then_some(document.children)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
