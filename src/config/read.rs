//! The whole file: from nodes to a [`Config`].

use std::collections::HashMap;

use super::error::{Problem, quote};
use super::keys::{self, Fields};
use super::model::{BranchParameter, Config, DEFAULT_BRANCH_PARAMETER, Rule, Skip};
use super::rule::{self, Defaults, Scope};
use super::tree::{Document, Kind, Node, Value};
use super::{parameters, secret, server, value, words};

/// How many triggers one event may cause when the file does not say.
const MAX_TRIGGERS: usize = 50;

const SMALLEST: &str = "write at least:\n\
    version: 1\n\
    server: https://ci.example.com\n\
    jobs:\n  \
      main: folder/job";

pub(super) fn config(document: &Document<'_>) -> Result<Config, Problem> {
    let root = &document.root;
    match &root.value {
        Value::Map(entries) => version(root, entries)?,
        Value::Null => return Err(Problem::new(root.id, "the file is empty", SMALLEST)),
        _ => {
            return Err(Problem::new(
                root.id,
                format!("the file is a map, not {}", value::describe(root)),
                SMALLEST,
            ));
        }
    }
    check(document, root)?;
    let fields = Fields::of(root, &keys::FILE, "`version: 1`, `server: …`, `jobs: …`")?;
    let servers = server::servers(&fields)?;
    let env = fields
        .get("env")
        .map(parameters::environment)
        .transpose()?
        .unwrap_or_default();
    let skip = fields.get("skip").map(skip).transpose()?.unwrap_or_default();
    let max_triggers = fields
        .get("max_triggers")
        .map(max_triggers)
        .transpose()?
        .unwrap_or(MAX_TRIGGERS);
    let mut scope = Scope {
        servers,
        env: env.iter().cloned().collect(),
        defaults: Defaults::default(),
    };
    if let Some(node) = fields.get("defaults") {
        scope.defaults = defaults(node, &scope)?;
    }
    let Some(jobs) = fields.get("jobs") else {
        return Err(Problem::new(
            root.id,
            "no `jobs`",
            "add what to trigger:\njobs:\n  main: folder/job",
        ));
    };
    let rules = rules(document, jobs, &scope)?;
    Ok(Config {
        servers: scope.servers.list,
        env,
        skip,
        max_triggers,
        rules,
    })
}

/// `version` comes first: of another version nothing else is known.
fn version(root: &Node, entries: &[(Node, Node)]) -> Result<(), Problem> {
    let found = entries
        .iter()
        .find(|(key, _)| matches!(&key.value, Value::Scalar(_, text) if text == "version"));
    let Some((_, node)) = found else {
        return Err(Problem::new(
            root.id,
            "no `version`",
            "add `version: 1` as the first line",
        ));
    };
    let Value::Scalar(kind, text) = &node.value else {
        return Err(Problem::new(
            node.id,
            format!("`version` is 1, not {}", value::describe(node)),
            "write `version: 1`",
        ));
    };
    let number = text.parse::<u64>();
    match (kind, number) {
        (Kind::Integer, Ok(1)) => Ok(()),
        (Kind::Integer, Ok(number)) if number > 1 => Err(Problem::new(
            node.id,
            format!("this release reads version 1; version {number} needs a newer jenkins-trigger"),
            "update jenkins-trigger, or write the file for `version: 1`",
        )),
        _ => Err(Problem::new(
            node.id,
            format!(
                "there is no version {}; this release reads version 1",
                quote(text)
            ),
            "write `version: 1`, without quotes",
        )),
    }
}

/// What holds for every node, wherever it stands.
fn check(document: &Document<'_>, node: &Node) -> Result<(), Problem> {
    match &node.value {
        Value::Null => {}
        Value::Scalar(_, text) => check_text(node, text)?,
        Value::List(items) => {
            for item in items {
                check(document, item)?;
            }
        }
        Value::Map(entries) => {
            let mut seen: HashMap<&str, usize> = HashMap::new();
            for (key, value) in entries {
                check(document, key)?;
                let name = value::key(key)?;
                if let Some(first) = seen.insert(name, key.id) {
                    return Err(Problem::new(
                        key.id,
                        format!(
                            "duplicate key {}, first on line {}",
                            quote(name),
                            document.line_of(first)
                        ),
                        "keep one of the two; several jobs for one branch need a list of rules",
                    ));
                }
                check(document, value)?;
            }
        }
    }
    Ok(())
}

fn check_text(node: &Node, text: &str) -> Result<(), Problem> {
    if let Some(kind) = secret::find(text) {
        return Err(Problem::secret(
            node.id,
            format!("this looks like {kind}; nothing secret belongs in this file"),
            "remove it here and revoke it: it may be in the history already. Credentials are kept by \
             `jenkins-trigger login`, a job's trigger token, with `token_from: NAME` here, by \
             `jenkins-trigger login --job-token NAME`",
        ));
    }
    if secret::has_url_password(text) {
        return Err(Problem::new(
            node.id,
            "a user and password in a URL",
            "remove all up to the `@`; credentials are kept by: jenkins-trigger login",
        ));
    }
    // Only an escape in double quotes can make one: the source itself was checked.
    if text
        .chars()
        .any(|character| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}'))
    {
        return Err(Problem::new(
            node.id,
            "a control character in a text",
            "remove the escape; in double quotes a backslash is written `\\\\`",
        ));
    }
    Ok(())
}

fn skip(node: &Node) -> Result<Skip, Problem> {
    let fields = Fields::of(
        node,
        &keys::SKIP,
        "`skip: { markers: true, while: [rebase, bisect] }`",
    )?;
    let mut skip = Skip::default();
    if let Some(node) = fields.get("markers") {
        skip.markers = value::bool(node, "markers")?;
    }
    if let Some(node) = fields.get("while") {
        skip.while_ = words::operations(node)?;
    }
    Ok(skip)
}

fn max_triggers(node: &Node) -> Result<usize, Problem> {
    let number = match &node.value {
        Value::Scalar(Kind::Integer, text) => text.parse().ok().filter(|number| *number > 0),
        _ => None,
    };
    number.ok_or_else(|| {
        Problem::new(
            node.id,
            format!(
                "`max_triggers` is a whole number from 1, not {}",
                value::describe(node)
            ),
            "write `max_triggers: 50`",
        )
    })
}

fn defaults(node: &Node, scope: &Scope) -> Result<Defaults, Problem> {
    let fields = Fields::of(node, &keys::DEFAULTS, "`defaults: { branch_parameter: BRANCH }`")?;
    let branch_parameter = match fields.get("branch_parameter") {
        None => BranchParameter::Default(DEFAULT_BRANCH_PARAMETER.into()),
        Some(node) => {
            parameters::branch_parameter(node)?.map_or(BranchParameter::Off, BranchParameter::Default)
        }
    };
    Ok(Defaults {
        server: fields
            .get("server")
            .map(|node| scope.servers.find(node))
            .transpose()?,
        branch_parameter,
        delay: fields.get("delay").map(words::delay).transpose()?,
        events: fields.get("events").map(words::events).transpose()?,
        method: fields.get("method").map(words::method).transpose()?,
    })
}

fn rules(document: &Document<'_>, jobs: &Node, scope: &Scope) -> Result<Vec<Rule>, Problem> {
    const HELP: &str = "write `main: folder/job`, or a list of rules that begin with `- job: folder/job`";
    let mut line = 1;
    let mut rules: Vec<Rule> = Vec::new();
    match &jobs.value {
        Value::Map(entries) => {
            for (pattern, job) in entries {
                line = document.line(pattern, document.line(job, line));
                rules.push(rule::short(pattern, job, scope, line)?);
            }
        }
        Value::List(items) => {
            let mut names: HashMap<String, usize> = HashMap::new();
            for item in items {
                line = document.line(item, line);
                let (rule, name) = rule::long(item, scope, line)?;
                if let Some(name) = name
                    && let Some(first) = names.insert(rule.name.clone(), line)
                {
                    return Err(Problem::new(
                        name.id,
                        format!("a second rule named {}, first on line {first}", quote(&rule.name)),
                        "give each rule a name of its own, or leave `name` out",
                    ));
                }
                rules.push(rule);
            }
        }
        _ => {
            return Err(Problem::new(
                jobs.id,
                format!("`jobs` is a map or a list, not {}", value::describe(jobs)),
                HELP,
            ));
        }
    }
    if rules.is_empty() {
        return Err(Problem::new(
            jobs.id,
            "`jobs` is empty, so nothing would ever be triggered",
            HELP,
        ));
    }
    Ok(rules)
}
