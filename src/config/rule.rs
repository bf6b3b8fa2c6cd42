//! One rule, in its short form `pattern: job` or its long form.

use std::collections::HashSet;
use std::time::Duration;

use super::error::{Names, Problem, quote};
use super::keys::{self, Fields};
use super::model::{Action, BranchParameter, DEFAULT_BRANCH_PARAMETER, EventKind, Method, Rule, Word};
use super::pattern::{PatternList, Subject, hopeless};
use super::server::Servers;
use super::template::Template;
use super::tree::{Node, Value};
use super::{job, parameters, remotes, value, words};

/// What the rest of the file says that a rule refers to.
pub(super) struct Scope {
    pub servers: Servers,
    pub env: HashSet<String>,
    pub defaults: Defaults,
}

/// What holds for a rule that does not say otherwise.
pub(super) struct Defaults {
    pub server: Option<usize>,
    pub branch_parameter: BranchParameter,
    pub delay: Option<Duration>,
    pub events: Option<Vec<EventKind>>,
    pub method: Option<Method>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            server: None,
            branch_parameter: BranchParameter::Default(DEFAULT_BRANCH_PARAMETER.into()),
            delay: None,
            events: None,
            method: None,
        }
    }
}

const EXAMPLE: &str = "`- { job: folder/job, branches: [main] }`";

/// `pattern: job`
pub(super) fn short(pattern: &Node, job: &Node, scope: &Scope, line: usize) -> Result<Rule, Problem> {
    if let Value::List(_) | Value::Map(_) = job.value {
        return Err(Problem::new(
            job.id,
            format!(
                "in the short form each branch pattern has one job, not {}",
                value::describe(job)
            ),
            format!("for more than a job's name write `jobs` as a list: {EXAMPLE}"),
        ));
    }
    let branches = patterns_of(&[(pattern, value::key(pattern)?)], Subject::Branch)?;
    let server = server_of(pattern, None, scope)?;
    let method = method_of(pattern, None, scope, server, None)?;
    let job = job::name(job, &scope.servers.list, server)?;
    Ok(Rule {
        name: job.clone(),
        named: false,
        line,
        job,
        server,
        method,
        token_from: None,
        events: events_of(scope),
        branches: Some(branches),
        tags: None,
        remotes: None,
        paths: None,
        paths_ignore: None,
        branch_parameter: scope.defaults.branch_parameter.clone(),
        parameters: Vec::new(),
        delay: scope.defaults.delay,
        coalesce: false,
        cause: Template::default_cause(),
        cause_given: false,
        multibranch: false,
        action: Action::Build,
        strict_parameters: true,
        skip_ci: true,
    })
}

/// A rule of the list, and the node of its name where one is given.
pub(super) fn long<'n>(
    node: &'n Node,
    scope: &Scope,
    line: usize,
) -> Result<(Rule, Option<&'n Node>), Problem> {
    let fields = Fields::of(node, &keys::RULE, EXAMPLE)?;
    let Some(job) = fields.get("job") else {
        return Err(Problem::new(
            node.id,
            "a rule without a `job`",
            "add `job: folder/job`",
        ));
    };
    let server = server_of(node, fields.get("server"), scope)?;
    let job = job::name(job, &scope.servers.list, server)?;
    let name = fields.get("name").map(name_of).transpose()?;
    let token = fields.get("token_from");
    let method = method_of(node, fields.get("method"), scope, server, token)?;
    let parameters = match fields.get("parameters") {
        Some(node) => parameters::parameters(node, &scope.env)?,
        None => Vec::new(),
    };
    let cause = match fields.get("cause") {
        Some(node) => {
            value::word(node, "`cause`")?;
            Some(parameters::template(node, "`cause`", &scope.env)?)
        }
        None => None,
    };
    let list = |key, subject| {
        fields
            .get(key)
            .map(|node| patterns(node, key, subject))
            .transpose()
    };
    let events = fields
        .get("events")
        .map(words::events)
        .transpose()?
        .unwrap_or_else(|| events_of(scope));
    let delay = fields.get("delay").map(words::delay).transpose()?;
    let delay = delay.or(scope.defaults.delay);
    let action = match fields.get("action") {
        Some(node) => words::action(node)?,
        None => Action::Build,
    };
    if action == Action::Poll {
        passes_nothing(&fields)?;
    }
    let multibranch = switch(&fields, "multibranch")?.unwrap_or(false);
    let branch_parameter = match branch_of(&fields, scope, &parameters)? {
        BranchParameter::Default(_) if multibranch || action == Action::Poll => BranchParameter::Off,
        other => other,
    };
    let delay = delay.filter(|_| action == Action::Build);
    let rule = Rule {
        name: name.unwrap_or(&job).to_owned(),
        named: name.is_some(),
        line,
        server,
        method,
        token_from: token.map(token_of).transpose()?,
        branches: list("branches", Subject::Branch)?,
        tags: list("tags", Subject::Tag)?,
        remotes: remotes::of(&fields, &events)?,
        paths: list("paths", Subject::Path)?,
        paths_ignore: list("paths_ignore", Subject::Path)?,
        events,
        branch_parameter,
        parameters,
        delay,
        coalesce: match fields.get("coalesce") {
            Some(node) => words::coalesce(node, delay)?,
            None => false,
        },
        cause_given: cause.is_some(),
        cause: cause.unwrap_or_else(Template::default_cause),
        multibranch,
        action,
        strict_parameters: switch(&fields, "strict_parameters")?.unwrap_or(true),
        skip_ci: switch(&fields, "skip_ci")?.unwrap_or(true),
        job,
    };
    Ok((rule, fields.get("name")))
}

fn switch(fields: &Fields<'_>, key: &str) -> Result<Option<bool>, Problem> {
    fields.get(key).map(|node| value::bool(node, key)).transpose()
}

/// Refuses what a request to poll cannot carry (contract, observed 2 and 7).
fn passes_nothing(fields: &Fields<'_>) -> Result<(), Problem> {
    const NOTHING: [&str; 7] = [
        "parameters",
        "branch_parameter",
        "strict_parameters",
        "delay",
        "coalesce",
        "cause",
        "multibranch",
    ];
    match NOTHING.into_iter().find_map(|key| Some((key, fields.key(key)?))) {
        None => Ok(()),
        Some((key, node)) => Err(Problem::new(
            node.id,
            format!(
                "`{key}` in a rule with `action: poll`: Jenkins looks into the job's SCM and takes nothing along"
            ),
            format!("take `{key}` out, or write `action: build`"),
        )),
    }
}

fn name_of(node: &Node) -> Result<&str, Problem> {
    let name = value::word(node, "`name`")?;
    if name.chars().any(super::error::is_unprintable) || name.starts_with('-') {
        return Err(Problem::new(
            node.id,
            format!(
                "the name {} begins with `-` or has invisible characters",
                quote(name)
            ),
            "write a name that can be typed after `--only`",
        ));
    }
    Ok(name)
}

/// A token called so would be the variable that names the file with the credentials.
const NO_TOKEN: &str = "file";

/// Whether `token_from` may say so.
#[must_use]
pub fn is_token_name(name: &str) -> bool {
    value::is_name(name) && !name.eq_ignore_ascii_case(NO_TOKEN)
}

fn token_of(node: &Node) -> Result<String, Problem> {
    let name = value::word(node, "`token_from`")?;
    if name.eq_ignore_ascii_case(NO_TOKEN) {
        return Err(Problem::new(
            node.id,
            "JENKINS_TRIGGER_TOKEN_FILE already names the file with the credentials",
            "choose another name for the token",
        ));
    }
    if value::is_name(name) {
        return Ok(name.to_owned());
    }
    Err(Problem::secret(
        node.id,
        "`token_from` names a token, with letters, digits, `-` and `_`; it is not the token",
        "write `token_from: mirror` and run: jenkins-trigger login --job-token mirror",
    ))
}

fn server_of(rule: &Node, node: Option<&Node>, scope: &Scope) -> Result<usize, Problem> {
    if let Some(node) = node {
        return scope.servers.find(node);
    }
    match (scope.defaults.server, &scope.servers.list[..]) {
        (Some(server), _) => Ok(server),
        (None, [_]) => Ok(0),
        (None, servers) => {
            let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
            Err(Problem::new(
                rule.id,
                format!("this rule does not say which server: {}", Names(&names)),
                "add `server: NAME` to the rule, or `defaults: { server: NAME }` to the file",
            ))
        }
    }
}

/// The rule's method, else its server's, else the defaults', else what `token_from` suggests.
fn method_of(
    rule: &Node,
    node: Option<&Node>,
    scope: &Scope,
    server: usize,
    token: Option<&Node>,
) -> Result<Method, Problem> {
    let server = &scope.servers.list[server];
    let (method, origin) = if let Some(node) = node {
        (words::method(node)?, String::new())
    } else if let Some(method) = server.method {
        (method, format!(" (from the server {})", quote(&server.name)))
    } else if let Some(method) = scope.defaults.method {
        (method, " (from `defaults`)".into())
    } else {
        return Ok(if token.is_some() {
            Method::JobToken
        } else {
            Method::Api
        });
    };
    match (method, token) {
        (Method::Api, Some(token)) => Err(Problem::new(
            token.id,
            format!("the method `api`{origin} uses no job token"),
            "remove `token_from`, or write `method: job-token` in the rule",
        )),
        (Method::JobToken | Method::TokenRoot, None) => Err(Problem::new(
            node.map_or(rule.id, |node| node.id),
            format!("the method `{method}`{origin} needs the name of the job's trigger token"),
            "add `token_from: NAME` to the rule, and run: jenkins-trigger login --job-token NAME",
        )),
        _ => Ok(method),
    }
}

fn events_of(scope: &Scope) -> Vec<EventKind> {
    scope
        .defaults
        .events
        .clone()
        .unwrap_or_else(|| EventKind::ALL.to_vec())
}

fn branch_of(
    fields: &Fields<'_>,
    scope: &Scope,
    parameters: &[(String, Template)],
) -> Result<BranchParameter, Problem> {
    let Some(node) = fields.get("branch_parameter") else {
        return Ok(parameters::settle(
            scope.defaults.branch_parameter.clone(),
            parameters,
        ));
    };
    let Some(name) = parameters::branch_parameter(node)? else {
        return Ok(BranchParameter::Off);
    };
    if parameters.iter().any(|(other, _)| *other == name) {
        return Err(Problem::new(
            node.id,
            format!(
                "the parameter {} is both `branch_parameter` and under `parameters`",
                quote(&name)
            ),
            "keep one; under `parameters` the branch is `${branch}`",
        ));
    }
    Ok(BranchParameter::Explicit(name))
}

fn patterns(node: &Node, key: &str, subject: Subject) -> Result<PatternList, Problem> {
    let example = match subject {
        Subject::Branch => "main",
        Subject::Tag => "\"v*\"",
        Subject::Path => "\"src/**\"",
    };
    let items = value::list(node, key, example)?;
    let help = match key {
        "branches" => "leave `branches` out for every branch, or write `[\"**\"]`",
        "tags" => "leave `tags` out for no tag, or write `[\"**\"]` for every tag",
        _ => "leave the key out, or write at least one pattern",
    };
    value::not_empty(node, items, key, help)?;
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        list.push((item, value::text(item, &format!("a pattern of `{key}`"))?));
    }
    patterns_of(&list, subject)
}

fn patterns_of(list: &[(&Node, &str)], subject: Subject) -> Result<PatternList, Problem> {
    for (node, text) in list {
        if let Some((range, message, help)) = hopeless(subject, text) {
            return Err(Problem::within(node.id, range, message, help));
        }
    }
    let texts: Vec<&str> = list.iter().map(|(_, text)| *text).collect();
    PatternList::parse(&texts).map_err(|error| {
        let id = list.get(error.index()).map_or(0, |(node, _)| node.id);
        Problem::within(id, error.range(), error.message(), error.help())
    })
}
