//! The servers of a file.

use std::collections::HashMap;

use url::Url;

use super::error::{Names, Problem, quote};
use super::keys::{self, Fields, nearest};
use super::model::Server;
use super::tree::{Kind, Node, Value};
use super::{authority, value, words};

/// What the only server of a file is called.
const ONLY: &str = "default";

/// The servers of a file, and where each name stands among them.
pub(super) struct Servers {
    pub list: Vec<Server>,
    index: HashMap<String, usize>,
}

impl Servers {
    fn new(list: Vec<Server>) -> Self {
        let index = list
            .iter()
            .enumerate()
            .map(|(index, server)| (server.name.clone(), index))
            .collect();
        Self { list, index }
    }

    /// The index of the server with this name.
    pub fn find(&self, node: &Node) -> Result<usize, Problem> {
        let name = value::word(node, "`server`")?;
        if let Some(index) = self.index.get(name) {
            return Ok(*index);
        }
        let known: Vec<&str> = self.list.iter().map(|server| server.name.as_str()).collect();
        let help = if let [ONLY] = known[..] {
            "leave it out: this file has a single `server`. For several write them under `servers`".into()
        } else if let Some(near) = nearest(name, &known) {
            format!("did you mean `{near}`?")
        } else if name.contains("://") {
            "write the URL under `servers`, and its name here".into()
        } else {
            format!("known are {}", Names(&known))
        };
        Err(Problem::new(
            node.id,
            format!("unknown server {}", quote(name)),
            help,
        ))
    }
}

const EXAMPLE: &str = "`server: https://ci.example.com`";

/// `server` or `servers`, of which a file has exactly one.
pub(super) fn servers(fields: &Fields<'_>) -> Result<Servers, Problem> {
    match (fields.get("server"), fields.get("servers")) {
        (Some(node), None) => Ok(Servers::new(vec![Server {
            name: ONLY.into(),
            url: url(node)?,
            method: None,
            ca_file: None,
        }])),
        (None, Some(node)) => named(node).map(Servers::new),
        (Some(_), Some(_)) => Err(Problem::new(
            fields.key("servers").map_or(fields.node.id, |key| key.id),
            "`server` and `servers` in one file",
            "keep `servers`, and choose one under `defaults: { server: NAME }`",
        )),
        (None, None) => Err(Problem::new(
            fields.node.id,
            "no `server`",
            format!("add {EXAMPLE}"),
        )),
    }
}

fn named(node: &Node) -> Result<Vec<Server>, Problem> {
    const SHOWN: &str = "`servers: { main: { url: https://ci.example.com } }`";
    let Value::Map(entries) = &node.value else {
        return Err(Problem::new(
            node.id,
            format!("`servers` is a map of names, not {}", value::describe(node)),
            format!("write {SHOWN}, or {EXAMPLE} for a single one"),
        ));
    };
    if entries.is_empty() {
        return Err(Problem::new(
            node.id,
            "`servers` is empty",
            format!("write {SHOWN}"),
        ));
    }
    let mut servers = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let name = value::key(key)?;
        if !value::is_name(name) {
            return Err(Problem::new(
                key.id,
                format!(
                    "the server name {} has more than letters, digits, `-` and `_`",
                    quote(name)
                ),
                "write a short name, such as `main`",
            ));
        }
        let fields = Fields::of(node, &keys::SERVER, "`{ url: https://ci.example.com }`")?;
        let Some(address) = fields.get("url") else {
            return Err(Problem::new(
                key.id,
                format!("the server {} has no `url`", quote(name)),
                "add `url: https://ci.example.com`",
            ));
        };
        let method = fields.get("method").map(words::method).transpose()?;
        let url = url(address)?;
        let ca_file = fields
            .get("ca_file")
            .map(|node| authority::path(node, &url))
            .transpose()?;
        servers.push(Server {
            name: name.to_owned(),
            url,
            method,
            ca_file,
        });
    }
    Ok(servers)
}

/// Reads a server's address that somebody gave by hand, in the one form in which all addresses are
/// kept and compared: with a path that ends in `/`, without a default port.
///
/// # Errors
/// What is wrong with it, as for one in a file; a password in it is not repeated.
pub fn server_url(text: &str) -> Result<Url, WrongUrl> {
    let node = Node {
        id: 0,
        value: Value::Scalar(Kind::Text, text.to_owned()),
        offset: None,
    };
    url(&node).map_err(|problem| WrongUrl {
        message: problem.message,
        help: problem.help.unwrap_or_default(),
    })
}

/// Why a server's address is refused.
#[derive(Debug)]
pub struct WrongUrl {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

fn url(node: &Node) -> Result<Url, Problem> {
    let text = value::word(node, "the server's URL")?;
    let refused = |message: &str, help: String| Problem::new(node.id, message, help);
    if let Some(scheme) = text.find("${") {
        return Err(Problem::within(
            node.id,
            scheme..text.len(),
            "a server's URL has no names in it",
            "write the URL itself; several servers go under `servers`",
        ));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(refused(
            "the server's URL has no scheme",
            format!(
                "write {}",
                quote(&format!("https://{}", text.trim_start_matches('/')))
            ),
        ));
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(refused(
            &format!("a server is reached by https or http, not by {}", quote(scheme)),
            format!("write {}", quote(&format!("https://{}", without_user(rest)))),
        ));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || super::secret::has_url_password(text) {
        return Err(refused(
            "a user or password in the server's URL",
            "remove all up to the `@`; credentials are kept by: jenkins-trigger login".into(),
        ));
    }
    if text.contains(['\\', ' ', '\t']) {
        return Err(refused(
            "a blank or `\\` in the server's URL",
            "write `https://host/path`".into(),
        ));
    }
    let mut url = Url::parse(text).map_err(|error| {
        refused(
            &format!("the server's URL is not valid: {error}"),
            format!("write {EXAMPLE}"),
        )
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "a user or password in the server's URL",
            "remove all up to the `@`".into(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(
            "the server's URL has a query (`?…`) or a fragment (`#…`)",
            "write only the address of Jenkins' start page".into(),
        ));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if let Some(base) = path.split_once("/job/").map(|(base, _)| base) {
        url.set_path(base);
        return Err(refused(
            "this is the URL of a job, not of a server",
            format!(
                "write {}, and the rest as `job`",
                quote(url.as_str().trim_end_matches('/'))
            ),
        ));
    }
    url.set_path(&format!("{path}/"));
    Ok(url)
}

fn without_user(rest: &str) -> &str {
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}
