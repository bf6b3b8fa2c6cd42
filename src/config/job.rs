//! A job's full name, however it is written.

use bstr::{BStr, ByteSlice as _};
use percent_encoding::percent_decode_str;
use url::Url;

use super::error::{Problem, quote};
use super::model::Server;
use super::secret;
use super::tree::Node;
use super::value;

/// Pages of a job that people copy along with its address.
const PAGES: [&str; 7] = [
    "build",
    "buildWithParameters",
    "configure",
    "changes",
    "ws",
    "lastBuild",
    "console",
];

/// The full name, `folder/job`, from itself, from `job/folder/job/job`, or from an address under
/// the server.
pub(super) fn name(node: &Node, servers: &[Server], server: usize) -> Result<String, Problem> {
    let text = value::word(node, "`job`")?;
    if let Some(at) = text.find("${") {
        return Err(Problem::within(
            node.id,
            at..text.len(),
            "a job's name has no names in it",
            "write one rule per job, or pass the value as a parameter",
        ));
    }
    let components = if text.contains("://") {
        from_url(node, text, servers, server)?
    } else if let Some(components) = from_path(node, text)? {
        components
    } else {
        text.split('/').map(str::to_owned).collect()
    };
    check(node, text, &components)?;
    Ok(components.join("/"))
}

/// The full name of a branch's job in a multibranch project. Jenkins's own encoding makes it an item's
/// name, which is encoded once more in an address (contract, row 48): `feature/x` is `feature%2Fx`.
#[must_use]
pub fn branch_job(project: &str, branch: &BStr) -> String {
    let mut name = format!("{project}/");
    for character in branch.to_str_lossy().chars() {
        match character {
            '#' | '%' | '/' | '?' | '[' | ']' | '\\' => {
                name.push_str(&format!("%{:02X}", u32::from(character)));
            }
            other => name.push(other),
        }
    }
    name
}

fn from_url(node: &Node, text: &str, servers: &[Server], server: usize) -> Result<Vec<String>, Problem> {
    let refused = |message: String, help: String| Problem::new(node.id, message, help);
    let url = Url::parse(text).map_err(|error| {
        refused(
            format!("the job's URL is not valid: {error}"),
            "write the job's full name, `folder/job`".into(),
        )
    })?;
    if !url.username().is_empty() || url.password().is_some() || secret::has_url_password(text) {
        return Err(refused(
            "a user or password in the job's URL".into(),
            "write the job's full name, `folder/job`; credentials go into the environment".into(),
        ));
    }
    let Some(path) = below(&url, &servers[server].url) else {
        let help = match servers.iter().find(|other| below(&url, &other.url).is_some()) {
            Some(other) => format!("add `server: {}` to the rule", other.name),
            None => "write the full name of a job of this server, `folder/job`".into(),
        };
        let base = servers[server].url.as_str().trim_end_matches('/');
        return Err(refused(
            format!("this job is not under the rule's server {}", quote(base)),
            help,
        ));
    };
    if url.query().is_some() || url.fragment().is_some() {
        let parts = from_path(node, path).ok().flatten().map(|parts| parts.join("/"));
        let token = url.query_pairs().any(|(key, _)| secret::is_secret_name(&key));
        let short = parts.map_or_else(|| "the job's full name".into(), |name| quote(&name));
        let more = if token {
            ", and `token_from: NAME` with `jenkins-trigger login --job-token NAME`"
        } else {
            ""
        };
        let message = if token {
            "a token in the job's URL"
        } else {
            "the job's URL has a query (`?…`) or a fragment (`#…`)"
        };
        return Err(refused(message.into(), format!("write {short}{more}")));
    }
    from_path(node, path)?.ok_or_else(|| {
        refused(
            "this is no job's URL".into(),
            "a job's address is `…/job/folder/job/name/`; or write its full name".into(),
        )
    })
}

/// The rest of an address below a server's.
fn below<'u>(url: &'u Url, base: &Url) -> Option<&'u str> {
    let same = url.scheme() == base.scheme()
        && url.host_str() == base.host_str()
        && url.port_or_known_default() == base.port_or_known_default();
    if same {
        url.path().strip_prefix(base.path())
    } else {
        None
    }
}

/// The components of `job/a/job/b`, which is how addresses are made. `None` when the text is not of
/// this kind.
fn from_path(node: &Node, text: &str) -> Result<Option<Vec<String>>, Problem> {
    let mut rest = text.trim_matches('/').split('/').peekable();
    let mut components = Vec::new();
    while let Some(segment) = rest.next_if(|segment| matches!(*segment, "job" | "view")) {
        let Some(name) = rest.next() else {
            return Ok(None);
        };
        if segment == "job" {
            components.push(decode(node, name)?);
        }
    }
    let page = rest
        .peek()
        .is_none_or(|page| PAGES.contains(page) || page.bytes().all(|byte| byte.is_ascii_digit()));
    Ok((!components.is_empty() && page).then_some(components))
}

fn decode(node: &Node, segment: &str) -> Result<String, Problem> {
    let name = percent_decode_str(segment).decode_utf8().map_err(|_| {
        Problem::new(
            node.id,
            format!(
                "{} is not UTF-8 when its `%` escapes are resolved",
                quote(segment)
            ),
            "write the job's full name, `folder/job`",
        )
    })?;
    if name.contains('/') {
        return Err(Problem::new(
            node.id,
            format!("{} has a `/` inside a name", quote(segment)),
            "copy the address from the browser: there a branch job's `/` is `%252F`",
        ));
    }
    Ok(name.into_owned())
}

fn check(node: &Node, text: &str, components: &[String]) -> Result<(), Problem> {
    for component in components {
        let refused = |message: String, help: &str| Err(Problem::new(node.id, message, help));
        if component.is_empty() {
            let kept: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
            let shown = if kept.is_empty() {
                "folder/job".into()
            } else {
                kept.join("/")
            };
            return refused(
                format!("an empty part in the job's name {}", quote(text)),
                &format!("write {}", quote(&shown)),
            );
        }
        if component == "." || component == ".." {
            return refused(
                format!("{} in the job's name {}", quote(component), quote(text)),
                "write the job's full name from the top, `folder/job`",
            );
        }
        if component.chars().any(char::is_control) {
            return refused(
                "a control character in the job's name".into(),
                "write the name as Jenkins shows it",
            );
        }
        if component.trim() != component {
            return refused(
                format!("a blank at the edge of {}", quote(component)),
                "write the name without it",
            );
        }
        // Jenkins lets no item have these, not even encoded in a branch job's name.
        if let Some(character) = component
            .chars()
            .find(|character| matches!(character, '*' | '?' | '[' | ']' | '#' | '\\'))
        {
            return refused(
                format!(
                    "{} in a job's name, which Jenkins does not allow",
                    quote(&character.to_string())
                ),
                "write the job's full name; the branch pattern comes before it: `\"release/**\": shop/release`",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_job_has_the_name_that_jenkins_gives_it() {
        for (branch, name) in [
            ("main", "mb/main"),
            ("feature/x", "mb/feature%2Fx"),
            ("100%", "mb/100%25"),
            ("a#b?[c]\\d", "mb/a%23b%3F%5Bc%5D%5Cd"),
            ("fix ü&+;", "mb/fix ü&+;"),
            ("feature%2Fx", "mb/feature%252Fx"),
        ] {
            assert_eq!(branch_job("mb", branch.into()), name);
        }
    }
}
