//! Values from a closed set: events, operations, methods, delays.

use std::time::Duration;

use super::error::{Names, Problem, quote};
use super::keys::nearest;
use super::model::{Action, EventKind, Method, Operation, Word};
use super::tree::{Kind, Node, Value};
use super::value;

/// The longest delay. Jenkins forgets a quiet period when it restarts, so a day is already much.
const LONGEST_DELAY: u64 = 24 * 60 * 60;

/// The longest time that a trigger is held here: the one who sends it in the background lives for
/// 15 minutes.
const LONGEST_HOLD: Duration = Duration::from_secs(10 * 60);

/// `events: [post-push]`
pub(super) fn events(node: &Node) -> Result<Vec<EventKind>, Problem> {
    let items = value::list(node, "events", "post-push")?;
    value::not_empty(
        node,
        items,
        "events",
        "name at least one, or leave `events` out for all three",
    )?;
    several(items, "event", |id, text| {
        let near = match text.replace('_', "-").as_str() {
            "manual" => {
                return Problem::new(
                    id,
                    "`manual` is not an event that a rule can name",
                    "leave it out: `jenkins-trigger trigger` ignores `events`",
                );
            }
            "push" | "pre-push" | "pushed" => Some(EventKind::PostPush),
            "commit" | "pre-commit" | "commit-msg" | "post-merge" | "post-rewrite" | "committed" => {
                Some(EventKind::PostCommit)
            }
            "receive" | "pre-receive" | "update" | "post-update" | "received" => Some(EventKind::PostReceive),
            other => EventKind::from_name(other),
        };
        unknown(id, "event", text, EventKind::NAMES, near.map(EventKind::name))
    })
}

/// `while: [rebase, bisect]`
pub(super) fn operations(node: &Node) -> Result<Vec<Operation>, Problem> {
    let items = value::list(node, "while", "rebase, bisect")?;
    several(items, "operation", |id, text| {
        unknown(id, "operation", text, Operation::NAMES, None)
    })
}

/// `method: api`
pub(super) fn method(node: &Node) -> Result<Method, Problem> {
    let text = value::word(node, "`method`")?;
    let near = Method::from_name(&text.replace('_', "-")).map(Method::name);
    Method::from_name(text).ok_or_else(|| unknown(node.id, "method", text, Method::NAMES, near))
}

/// `action: poll`
pub(super) fn action(node: &Node) -> Result<Action, Problem> {
    let text = value::word(node, "`action`")?;
    let near = matches!(text, "polling" | "scm").then_some(Action::Poll.name());
    Action::from_name(text).ok_or_else(|| unknown(node.id, "action", text, Action::NAMES, near))
}

/// `delay: 30s`
pub(super) fn delay(node: &Node) -> Result<Duration, Problem> {
    let refused = |message: String, help: String| Err(Problem::new(node.id, message, help));
    if let Value::Scalar(Kind::Integer | Kind::Float, text) = &node.value {
        let help = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("write `delay: {text}s` for seconds, or `m`, `h`")
        } else {
            "write `delay: 30s`".into()
        };
        return refused(
            format!(
                "the delay {} has no unit; to Jenkins a bare number is milliseconds",
                quote(text)
            ),
            help,
        );
    }
    let text = value::word(node, "`delay`")?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        _ => {
            return refused(
                format!(
                    "the delay {} is not a whole number with `s`, `m` or `h`",
                    quote(text)
                ),
                "write `30s`, `2m` or `1h`; `0s` is at once".into(),
            );
        }
    };
    if number.is_empty() {
        return refused(
            format!("the delay {} has no number", quote(text)),
            "write `30s`, `2m` or `1h`".into(),
        );
    }
    // A number that does not fit is too long, too.
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale));
    match seconds {
        Some(seconds) if seconds <= LONGEST_DELAY => Ok(Duration::from_secs(seconds)),
        _ => refused(
            format!("the delay {} is longer than a day", quote(text)),
            "write at most `24h`".into(),
        ),
    }
}

/// `coalesce: latest`, in a rule with this delay
pub(super) fn coalesce(node: &Node, delay: Option<Duration>) -> Result<bool, Problem> {
    let text = value::word(node, "`coalesce`")?;
    if text != "latest" {
        return Err(Problem::new(
            node.id,
            format!("unknown value {} of `coalesce`", quote(text)),
            "write `coalesce: latest`, or leave it out: then every trigger is sent",
        ));
    }
    match delay {
        None => Err(Problem::new(
            node.id,
            "`coalesce` without a `delay`: how long is it to wait for newer ones?",
            "add `delay: 30s`",
        )),
        Some(delay) if delay > LONGEST_HOLD => Err(Problem::new(
            node.id,
            "with `coalesce` it is this tool that waits, and not for longer than 10 minutes",
            "write `delay: 10m` or less, or leave `coalesce` out: then Jenkins waits",
        )),
        Some(_) => Ok(true),
    }
}

/// Words of one kind, each at most once.
fn several<W: Word + PartialEq>(
    items: &[Node],
    kind: &str,
    unknown: impl Fn(usize, &str) -> Problem,
) -> Result<Vec<W>, Problem> {
    let mut words = Vec::with_capacity(items.len().min(W::ALL.len()));
    for item in items {
        let text = value::word(item, &format!("the {kind}"))?;
        let word = W::from_name(text).ok_or_else(|| unknown(item.id, text))?;
        if words.contains(&word) {
            return Err(Problem::new(
                item.id,
                format!("the {kind} {} twice", quote(text)),
                "write it once",
            ));
        }
        words.push(word);
    }
    Ok(words)
}

fn unknown(
    id: usize,
    kind: &str,
    text: &str,
    known: &'static [&'static str],
    near: Option<&'static str>,
) -> Problem {
    let help = match near.or_else(|| nearest(&text.to_ascii_lowercase().replace('_', "-"), known)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", Names(known)),
    };
    Problem::new(id, format!("unknown {kind} {}", quote(text)), help)
}
