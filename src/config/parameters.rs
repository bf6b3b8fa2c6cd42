//! What a rule passes to its job.

use std::collections::HashSet;

use super::error::{Problem, plain, quote};
use super::model::BranchParameter;
use super::secret;
use super::template::{Template, Variable, is_environment_name};
use super::tree::{Kind, Node, Value};
use super::value;
use crate::environment::{API_TOKEN, ASKED_PREFIX, JOB_TOKEN_PREFIX, PUSH_ADDRESS};

/// Names that Jenkins takes for parts of its protocol, whatever the job declares.
const PROTOCOL: [&str; 9] = [
    "token",
    "delay",
    "cause",
    "job",
    "json",
    "statusCode",
    "redirectTo",
    "Submit",
    "Jenkins-Crumb",
];

/// The top key `env`: the only environment variables that a rule may read.
pub(super) fn environment(node: &Node) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    for item in value::list(node, "env", "BUILD_CHANNEL")? {
        let name = value::word(item, "the variable's name")?;
        if !is_environment_name(name) {
            let bare = name.trim_start_matches('$').trim_matches(['{', '}']);
            let help = if is_environment_name(bare) {
                format!("write {}", quote(bare))
            } else {
                "write names only, of letters, digits and `_`; values come from the environment".into()
            };
            return Err(Problem::new(
                item.id,
                format!("{} is no environment variable's name", quote(name)),
                help,
            ));
        }
        // These are this program's own secrets; a file that could pass them on could send them anywhere.
        if [API_TOKEN, PUSH_ADDRESS].contains(&name)
            || [JOB_TOKEN_PREFIX, ASKED_PREFIX]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        {
            return Err(Problem::new(
                item.id,
                format!(
                    "{} holds a secret of this program, which no parameter may carry",
                    quote(name)
                ),
                "remove it; the credentials are used without being named here",
            ));
        }
        if !seen.insert(name) {
            return Err(Problem::new(
                item.id,
                format!("{} twice", quote(name)),
                "write it once",
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// A text with names, of which the environment variables must be in `env`.
pub(super) fn template(node: &Node, what: &str, env: &HashSet<String>) -> Result<Template, Problem> {
    let text = value::text(node, what)?;
    let template = Template::parse(text)
        .map_err(|error| Problem::within(node.id, error.range(), error.message(), error.help()))?;
    for (variable, _, start) in template.names() {
        if let Variable::Env(name) = variable
            && !env.contains(name)
        {
            let end = start + "${env.".len() + name.len();
            return Err(Problem::within(
                node.id,
                start..end,
                format!(
                    "the environment variable {} is not listed under `env`",
                    quote(name)
                ),
                format!("add it at the top of the file: `env: [{}]`", plain(name)),
            ));
        }
    }
    Ok(template)
}

/// `branch_parameter`: the name or `false`, `None`.
pub(super) fn branch_parameter(node: &Node) -> Result<Option<String>, Problem> {
    const HELP: &str = "write the parameter's name, or `branch_parameter: false` to pass no branch";
    match &node.value {
        Value::Scalar(Kind::Bool, text) if text.eq_ignore_ascii_case("false") => Ok(None),
        Value::Scalar(Kind::Bool, _) => Err(Problem::new(
            node.id,
            "`branch_parameter` is a name or `false`, not `true`",
            HELP,
        )),
        Value::Scalar(Kind::Text, text) if matches!(text.as_str(), "false" | "no" | "off") => {
            Err(Problem::new(
                node.id,
                format!("{} is a text here, so a parameter of this name", quote(text)),
                "write `branch_parameter: false`, without quotes, to pass no branch",
            ))
        }
        Value::Scalar(..) => {
            let name = value::text(node, "`branch_parameter`")?;
            check_name(node, name)?;
            Ok(Some(name.to_owned()))
        }
        _ => Err(Problem::new(
            node.id,
            format!("`branch_parameter` is a name, not {}", value::describe(node)),
            HELP,
        )),
    }
}

/// The map `parameters`, in its order.
pub(super) fn parameters(node: &Node, env: &HashSet<String>) -> Result<Vec<(String, Template)>, Problem> {
    let Value::Map(entries) = &node.value else {
        return Err(Problem::new(
            node.id,
            format!("`parameters` is a map, not {}", value::describe(node)),
            "write `parameters: { COMMIT: \"${sha}\" }`",
        ));
    };
    let mut parameters = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let name = value::key(key)?;
        check_name(key, name)?;
        if secret::is_secret_name(name) && holds_literal(node) {
            return Err(Problem::secret(
                node.id,
                format!(
                    "the parameter {} looks like a secret, and its value stands in the file",
                    quote(name)
                ),
                "keep secrets in Jenkins' credentials; a value from the environment is `${env.NAME}`, \
                 listed under `env`",
            ));
        }
        let value = template(node, &format!("the parameter {}", quote(name)), env)?;
        parameters.push((name.to_owned(), value));
    }
    Ok(parameters)
}

/// Whether a value is, or defaults to, something that is written here.
fn holds_literal(node: &Node) -> bool {
    let Value::Scalar(_, text) = &node.value else {
        return false;
    };
    if !text.contains("${") {
        return !text.is_empty();
    }
    Template::parse(text).is_ok_and(|template| {
        template
            .names()
            .any(|(_, default, _)| default.is_some_and(|text| !text.is_empty()))
    })
}

/// Whether a job may have a parameter of this name, for one that does not come from the file.
///
/// # Errors
/// What is wrong with the name, and what to do, in one line.
pub fn check_parameter_name(name: &str) -> Result<(), String> {
    match name_fault(name) {
        Some((message, help)) => Err(format!("{message}; {help}")),
        None => Ok(()),
    }
}

fn check_name(node: &Node, name: &str) -> Result<(), Problem> {
    match name_fault(name) {
        Some((message, help)) => Err(Problem::new(node.id, message, help)),
        None => Ok(()),
    }
}

/// What is wrong with a parameter's name, and what to write instead.
fn name_fault(name: &str) -> Option<(String, &'static str)> {
    if name.trim().is_empty() {
        return Some((
            "a parameter without a name".into(),
            "write the name that the job declares",
        ));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Some((
            format!(
                "blanks at the edge or a control character in the parameter's name {}",
                quote(name)
            ),
            "write the name as the job declares it",
        ));
    }
    if name.contains("${") {
        return Some((
            "a parameter's name has no names in it".into(),
            "write the name that the job declares",
        ));
    }
    if PROTOCOL.contains(&name) {
        let help = match name {
            "delay" => "for a delay write `delay: 30s` in the rule; else rename the parameter in the job",
            "cause" => "for a note write `cause` in the rule; else rename the parameter in the job",
            "token" => {
                "for the job's trigger token write `token_from: NAME` in the rule; \
                 else rename the parameter in the job"
            }
            _ => "rename the parameter in the job",
        };
        return Some((
            format!(
                "Jenkins takes a parameter named {} for a part of its protocol",
                quote(name)
            ),
            help,
        ));
    }
    None
}

/// The branch's parameter after `parameters` has its say: what is written there for the default's
/// name wins.
pub(super) fn settle(branch: BranchParameter, parameters: &[(String, Template)]) -> BranchParameter {
    match branch {
        BranchParameter::Default(name) if parameters.iter().any(|(other, _)| *other == name) => {
            BranchParameter::Off
        }
        other => other,
    }
}
