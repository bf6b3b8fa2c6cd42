//! The keys of each map in the file. A new key is a word in one of these lists and a `get` where it
//! is read.

use super::error::{Names, Problem, quote};
use super::tree::{Node, Value};
use super::value;

/// One kind of map.
pub(super) struct Keys {
    /// What the map is, for messages.
    pub place: &'static str,
    pub known: &'static [&'static str],
}

pub(super) const FILE: Keys = Keys {
    place: "the file",
    known: &[
        "version",
        "server",
        "servers",
        "defaults",
        "env",
        "skip",
        "max_triggers",
        "jobs",
    ],
};

pub(super) const SERVER: Keys = Keys {
    place: "a server",
    known: &["url", "method", "ca_file"],
};

pub(super) const DEFAULTS: Keys = Keys {
    place: "`defaults`",
    known: &["server", "branch_parameter", "delay", "events", "method"],
};

pub(super) const SKIP: Keys = Keys {
    place: "`skip`",
    known: &["markers", "while"],
};

pub(super) const RULE: Keys = Keys {
    place: "a rule",
    known: &[
        "name",
        "job",
        "server",
        "method",
        "token_from",
        "events",
        "branches",
        "tags",
        "remotes",
        "paths",
        "paths_ignore",
        "branch_parameter",
        "parameters",
        "delay",
        "coalesce",
        "cause",
        "multibranch",
        "action",
        "strict_parameters",
        "skip_ci",
    ],
};

/// Keys that people expect for secrets.
const SECRETS: [&str; 15] = [
    "token",
    "password",
    "passwd",
    "pass",
    "user",
    "username",
    "login",
    "api_token",
    "api_key",
    "apikey",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "auth",
];

/// Keys that people expect for weakening TLS.
const TLS: [&str; 12] = [
    "insecure",
    "verify",
    "tls",
    "ssl",
    "verify_ssl",
    "ssl_verify",
    "verify_tls",
    "tls_verify",
    "skip_tls_verify",
    "insecure_skip_verify",
    "skip_verify",
    "no_verify",
];

/// The entries of a map whose keys are all known.
pub(super) struct Fields<'n> {
    /// The map itself.
    pub node: &'n Node,
    entries: Vec<(&'n str, &'n Node, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// Checks a map's keys. `example` shows the map as it should be.
    pub fn of(node: &'n Node, keys: &Keys, example: &str) -> Result<Self, Problem> {
        let Value::Map(map) = &node.value else {
            return Err(Problem::new(
                node.id,
                format!("{} is a map, not {}", keys.place, value::describe(node)),
                format!("write {example}"),
            ));
        };
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map {
            let name = value::key(key)?;
            if !keys.known.contains(&name) {
                return Err(unknown(key, name, keys));
            }
            entries.push((name, key, value));
        }
        Ok(Self { node, entries })
    }

    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(key, ..)| *key == name)
            .map(|(.., value)| *value)
    }

    /// The key itself, for a refusal of its being there.
    pub fn key(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(key, ..)| *key == name)
            .map(|(_, key, _)| *key)
    }
}

fn unknown(key: &Node, name: &str, keys: &Keys) -> Problem {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    let message = format!("unknown key {} in {}", quote(name), keys.place);
    if SECRETS.contains(&&*plain) {
        return Problem::new(
            key.id,
            format!(
                "{} in {}: nothing secret belongs in this file",
                quote(name),
                keys.place
            ),
            "credentials are kept by `jenkins-trigger login`; for a job's trigger token write \
             `token_from: NAME` and run: jenkins-trigger login --job-token NAME",
        );
    }
    if TLS.contains(&&*plain) {
        return Problem::new(
            key.id,
            format!(
                "{} in {}: this file has no switches for TLS",
                quote(name),
                keys.place
            ),
            "name a file with the certificate of the server's authority: `ca_file: FILE` of a server under `servers`; or \
             add it to the system's trust store",
        );
    }
    if name == "<<" {
        return Problem::new(
            key.id,
            "the merge key `<<` is not known here",
            "put what rules share under `defaults`, or repeat it",
        );
    }
    let help = if plain == "on" || plain == "event" || (plain == "true" && keys.known.contains(&"events")) {
        "write `events: [post-push]`; YAML 1.1 reads `on` as true".to_owned()
    } else if let Some(known) = keys.known.iter().find(|known| **known == plain) {
        format!("did you mean `{known}`?")
    } else if let Some(place) = elsewhere(&plain, keys) {
        format!("`{plain}` belongs in {place}")
    } else if let Some(near) = nearest(&plain, keys.known) {
        format!("did you mean `{near}`?")
    } else {
        format!("known keys here are {}", Names(keys.known))
    };
    Problem::new(key.id, message, help)
}

/// Where a key that is unknown here is known.
fn elsewhere(name: &str, keys: &Keys) -> Option<String> {
    let places: Vec<&str> = [&FILE, &SERVER, &DEFAULTS, &RULE, &SKIP]
        .iter()
        .filter(|other| other.place != keys.place && other.known.contains(&name))
        .map(|other| other.place)
        .collect();
    (!places.is_empty()).then(|| {
        let named = places
            .join(" or ")
            .replace("a rule", "a rule under `jobs`")
            .replace("a server", "a server under `servers`");
        named.replace("the file", "the top of the file")
    })
}

/// The known word that someone who wrote `name` probably meant.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // The comparison takes time with the product of the lengths, and a long text is no typing mistake.
    if name.len() > 40 {
        return None;
    }
    let most = match name.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
