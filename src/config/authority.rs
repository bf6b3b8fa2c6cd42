//! `ca_file` of a server: a path, not yet the file.

use url::Url;

use super::WrongFile;
use super::error::{Problem, quote};
use super::tree::{Node, Value};
use super::value;

/// The path that this node names, for a server of this address.
pub(super) fn path(node: &Node, server: &Url) -> Result<String, Problem> {
    let text = value::text(node, "`ca_file`")?;
    let refused = |message: String, help: &str| Problem::new(node.id, message, help);
    if text.contains("-----BEGIN") {
        return Err(Problem::secret(
            node.id,
            "`ca_file` is the name of a file, not its content",
            "put the certificate into a file beside this one, and write its name",
        ));
    }
    let text = value::word(node, "`ca_file`")?;
    if server.scheme() == "http" {
        return Err(refused(
            "a `ca_file` for a server that is reached by http, where no certificate is shown".into(),
            "write `url: https://…`, or take `ca_file` out",
        ));
    }
    if text.contains("${") || text.starts_with('~') || text.contains("://") {
        return Err(refused(
            format!("`ca_file` is a plain path, not {}", quote(text)),
            "write a path from the top of the repository, or an absolute one",
        ));
    }
    if text.contains(|character: char| character == '\\' || character.is_control()) {
        return Err(refused(
            format!("a control character or `\\` in the path {}", quote(text)),
            "write it with `/`",
        ));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(refused(
            format!("the path {} leads out of the repository", quote(text)),
            "put the file into the repository, or write an absolute path without `..`",
        ));
    }
    let path = plain(text);
    if path.is_empty() || text.ends_with('/') {
        return Err(refused(
            format!("{} names a folder", quote(text)),
            "name the file in it",
        ));
    }
    Ok(path)
}

/// The same path with nothing in it that leads nowhere: git knows its files by no other.
fn plain(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.collect::<Vec<_>>().join("/"))
}

/// The nodes of all `ca_file`s, in a file that was read.
pub(super) fn nodes(root: &Node) -> impl Iterator<Item = &Node> {
    let servers = get(root, "servers").map(|node| &node.value);
    let entries: &[(Node, Node)] = match servers {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    };
    entries.iter().filter_map(|(_, server)| get(server, "ca_file"))
}

fn get<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let is_it = |(key, _): &&(Node, Node)| matches!(&key.value, Value::Scalar(_, text) if text == name);
    entries.iter().find(is_it).map(|(_, value)| value)
}

pub(super) fn check(node: &Node, look: &dyn Fn(&str) -> Result<(), WrongFile>) -> Result<(), Problem> {
    let Value::Scalar(_, text) = &node.value else {
        return Ok(());
    };
    look(&plain(text)).map_err(|wrong| Problem::new(node.id, wrong.message, wrong.help))
}
