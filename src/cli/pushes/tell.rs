//! What is said of pushes that are not decided.

use bstr::BString;

use super::settle::{Meanwhile, settle_ended};
use super::{asked_lately, has_ended, is_too_old, waiter};
use crate::cli::enqueue::some_of;
use crate::cli::outcomes::tone;
use crate::git::Repository;
use crate::spool::{Entry, Outcome, Push, Spool, Trigger};
use crate::text::shell_argument;
use crate::ui::Printer;

/// Says of what nobody could find out yet, gives up what is too old, and lets somebody look again
/// at the rest.
pub(in crate::cli) fn tend(printer: &Printer, repository: &Repository, spool: &Spool) {
    if !spool.may_have_pushes() {
        return;
    }
    let pushes = spool.pushes().unwrap_or_default();
    let (too_old, undecided): (Vec<_>, Vec<_>) = pushes.undecided.into_iter().partition(is_too_old);
    for push in &too_old {
        if let Ok(true) = give_up(spool, push) {
            printer.hook_line(&given_up(push));
        }
    }
    for push in &undecided {
        printer.hook_line(&format!("{}; it is asked again", not_known(push)));
    }
    let left_behind = pushes.under_way.iter().any(has_ended);
    let to_ask = undecided.iter().any(|push| !asked_lately(push));
    if left_behind || to_ask {
        // Without it the next hook looks again.
        let _ = waiter::look_after(repository);
    }
}

/// Forgets what could not be found out for too long; `false` if somebody else is at it.
///
/// # Errors
/// What the spool says.
fn give_up(spool: &Spool, push: &Push) -> crate::spool::Result<bool> {
    let Some((push, _lock)) = spool.take_push(&push.id)? else {
        return Ok(false);
    };
    for trigger in push.triggers() {
        let mut entry = Entry::of(trigger, Outcome::Dropped);
        entry.message = Some(given_up(&push));
        spool.journal().append(&entry)?;
    }
    spool.end_push(&push.id)?;
    Ok(true)
}

/// Asks once more about everything that is not decided, with the user looking on, and says what
/// came of it; what landed waits to be sent then. `false` if something is still to be decided.
///
/// # Errors
/// What the repository or the spool says.
pub(in crate::cli) fn ask_again(
    printer: &Printer,
    repository: &Repository,
    spool: &Spool,
    json: bool,
) -> anyhow::Result<bool> {
    if !spool.may_have_pushes() {
        return Ok(true);
    }
    let tell = |push: &Push| printer.note(&being_found_out(push));
    let settled = settle_ended(repository, spool, |_| true, Meanwhile::Tell(&tell))?;
    for (trigger, why) in &settled.not_taken {
        let text = format!("{} → {}: {why}", trigger.reference(), trigger.job);
        say(printer, Outcome::NotPushed, [trigger], (why, &text), json);
    }
    let pushes = spool.pushes()?;
    for unreadable in &pushes.unreadable {
        printer.warning(&unreadable.to_string());
    }
    let (too_old, undecided): (Vec<_>, Vec<_>) = pushes.undecided.into_iter().partition(is_too_old);
    for push in &too_old {
        if give_up(spool, push)? {
            let text = given_up(push);
            say(printer, Outcome::Dropped, push.triggers(), (&text, &text), json);
        }
    }
    for push in &undecided {
        let text = not_known(push);
        say(printer, Outcome::Undecided, push.triggers(), (&text, &text), json);
    }
    for push in &pushes.under_way {
        printer.note(&under_way(push));
    }
    Ok(undecided.is_empty())
}

/// Prints an outcome: for programs a line for each trigger with the message, else the text.
fn say<'a>(
    printer: &Printer,
    outcome: Outcome,
    triggers: impl IntoIterator<Item = &'a Trigger>,
    (message, text): (&str, &str),
    json: bool,
) {
    if !json {
        printer.toned(tone(outcome), outcome.name(), &format!(" {text}"));
        return;
    }
    for trigger in triggers {
        let mut entry = Entry::of(trigger, outcome);
        entry.message = Some(message.to_owned());
        printer.json(&entry);
    }
}

/// That git has not ended, or that somebody is at finding out what came of it.
pub(in crate::cli) fn under_way(push: &Push) -> String {
    if has_ended(push) {
        return being_found_out(push);
    }
    format!(
        "{} is being pushed to {}; what lands is triggered then",
        names_of(push),
        push.destination()
    )
}

fn being_found_out(push: &Push) -> String {
    format!(
        "it is being found out whether {} took {}",
        push.destination(),
        names_of(push)
    )
}

/// That and why it is not known whether the remote took a push.
pub(in crate::cli) fn not_known(push: &Push) -> String {
    format!(
        "it is not known whether {} took {}: {}",
        push.destination(),
        names_of(push),
        push.trouble.as_deref().unwrap_or("nobody has looked yet")
    )
}

/// That nobody tries to find out any more.
fn given_up(push: &Push) -> String {
    let branch = push.triggers().find_map(|trigger| trigger.branch.as_ref());
    let by_hand = match branch {
        Some(branch) => format!("jenkins-trigger trigger --branch {}", shell_argument(&branch.0)),
        None => "start the job in Jenkins".into(),
    };
    format!(
        "nothing triggered for {}: for 24 hours nobody could say whether {} took it ({}); if it did: {by_hand}",
        names_of(push),
        push.destination(),
        push.trouble.as_deref().unwrap_or("nobody has looked")
    )
}

/// The branches and tags of a push, the first few.
fn names_of(push: &Push) -> String {
    let mut names: Vec<BString> = Vec::new();
    for trigger in push.triggers() {
        let name = trigger.reference().into();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    some_of(&names)
}
