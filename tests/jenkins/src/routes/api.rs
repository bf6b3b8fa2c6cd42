//! `api/json` and its siblings.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Context, Routed, text, versioned};
use crate::export::{self, Flavor, Object, Tree};
use crate::http::Answer;

/// What stands unencoded in a segment of Jenkins's own URLs.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b':')
    .remove(b'=')
    .remove(b'@');

pub(super) fn encode_segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

impl Context<'_> {
    /// An object in the asked-for flavor, cut by `tree` or `depth`.
    pub(super) fn api(&mut self, object: &Object, flavor: &str) -> Routed {
        let parameters = self.parameters()?;
        if flavor == "json" && parameters.get("jsonp").is_some() {
            return Err(self.refused(403, "jsonp forbidden; implement jenkins.security.SecureRequester"));
        }
        if !matches!(flavor, "json" | "python" | "xml") {
            return Err(self.not_found());
        }
        let tree = match parameters.get("tree").map(Tree::parse) {
            None => None,
            Some(Ok(tree)) => Some(tree),
            Some(Err(_)) => return Err(self.oops(500, None, false)),
        };
        let depth = match parameters.get("depth").map(str::parse::<i16>) {
            None => 0,
            Some(Ok(depth)) => depth,
            Some(Err(_)) => return Err(self.failure()),
        };
        let shown = object.shown(tree.as_ref(), depth);
        let body = match flavor {
            "python" => {
                return Ok(with_body(
                    "text/x-python;charset=UTF-8",
                    &export::write(&shown, Flavor::Python),
                ));
            }
            "xml" => {
                if let Some(xpath) = parameters.get("xpath") {
                    return match xpath_text(&shown, xpath) {
                        Some(found) => Ok(with_body("text/plain;charset=utf-8", &found)),
                        None => Err(self.failure()),
                    };
                }
                return Ok(with_body(
                    "application/xml;charset=UTF-8",
                    &export::write_xml(&shown),
                ));
            }
            _ if parameters.get("pretty") == Some("true") => export::write(&shown, Flavor::PrettyJson),
            _ => export::write(&shown, Flavor::Json),
        };
        Ok(with_body("application/json;charset=utf-8", &body))
    }
}

fn with_body(content_type: &str, body: &str) -> Answer {
    versioned(text(content_type, body))
}

/// The two forms of `xpath` that scripts use on a crumb: `//name` and `concat(//name,"text",//name)`.
fn xpath_text(object: &Object, xpath: &str) -> Option<String> {
    let term = |term: &str| {
        let term = term.trim();
        match term.strip_prefix("//") {
            Some(name) => export::scalar(object, name.strip_suffix("/text()").unwrap_or(name)),
            None => Some(
                term.strip_prefix(['"', '\''])?
                    .strip_suffix(['"', '\''])?
                    .to_owned(),
            ),
        }
    };
    match xpath
        .strip_prefix("concat(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(terms) => terms.split(',').map(term).collect(),
        None => term(xpath),
    }
}
