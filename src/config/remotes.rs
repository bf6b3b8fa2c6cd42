//! `remotes: [origin]`: the remotes whose pushes count for a rule.

use super::error::{Problem, quote};
use super::keys::Fields;
use super::model::EventKind;
use super::tree::Node;
use super::value;

const KEY: &str = "remotes";

/// The names under `remotes`, for a rule with these `events`.
pub(super) fn of(fields: &Fields<'_>, events: &[EventKind]) -> Result<Option<Vec<String>>, Problem> {
    let (Some(node), Some(key)) = (fields.get(KEY), fields.key(KEY)) else {
        return Ok(None);
    };
    let remotes = names(node)?;
    if events.contains(&EventKind::PostPush) {
        return Ok(Some(remotes));
    }
    let origin = if fields.get("events").is_some() {
        "this rule's `events`"
    } else {
        "`events` under `defaults`"
    };
    let mut meant: Vec<&str> = events.iter().map(|event| event.name()).collect();
    meant.push(EventKind::PostPush.name());
    Err(Problem::new(
        key.id,
        format!("`remotes` counts for post-push only, which {origin} do not list"),
        format!(
            "write `events: [{}]` in the rule, or leave `remotes` out",
            meant.join(", ")
        ),
    ))
}

fn names(node: &Node) -> Result<Vec<String>, Problem> {
    let items = value::list(node, KEY, "origin")?;
    value::not_empty(node, items, KEY, "leave `remotes` out for every remote")?;
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        let name = value::word(item, "the remote")?;
        check(item, name)?;
        if names.iter().any(|other| other == name) {
            return Err(Problem::new(
                item.id,
                format!("the remote {} twice", quote(name)),
                "write it once",
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Refuses what cannot be a remote's name, because it would wait for ever.
fn check(node: &Node, name: &str) -> Result<(), Problem> {
    let refused = |message: String, help: &str| Err(Problem::new(node.id, message, help));
    if name.contains(':') || name.starts_with(['/', '.', '~']) {
        return refused(
            format!("{} is an address, and `remotes` has names", quote(name)),
            "write a name that `git remote` lists, `origin`",
        );
    }
    if name.starts_with('!') || name.contains(['*', '?', '[']) {
        return refused(
            format!("{} is a pattern, and `remotes` has exact names", quote(name)),
            "write each name that `git remote` lists: `remotes: [origin, upstream]`",
        );
    }
    Ok(())
}
