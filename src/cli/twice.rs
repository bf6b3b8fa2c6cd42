//! Rules that fire for a commit and again for its push, where the hooks of both are installed.

use super::file;
use crate::config::Config;
use crate::git::Repository;
use crate::install::Event;
use crate::install::state::State;
use crate::plan;
use crate::ui::Printer;

/// One line that names each such rule of the file and says how it builds once.
pub(super) fn warning(config: &Config, installed: &[Event]) -> Option<String> {
    let both = [Event::PostCommit, Event::PostPush];
    let twice = plan::fires_twice(config);
    if twice.is_empty() || !both.iter().all(|event| installed.contains(event)) {
        return None;
    }
    let named = twice.iter().map(|rule| &config.rules[*rule]);
    let named: Vec<String> = named
        .map(|rule| format!("{} (line {})", rule.name, rule.line))
        .collect();
    Some(format!(
        "post-commit and post-push are both installed, so a commit builds once when it is made and again when it is \
         pushed: {}; for the push only, write `events: [post-push]` in the rule, or `defaults: {{ events: [post-push] }}` \
         at the top of the file for all",
        named.join(", ")
    ))
}

/// The same for a command that reads the file for nothing else: one that cannot be read is not its
/// business.
pub(super) fn warning_of_file(repository: &Repository, state: &State, printer: &Printer) -> Option<String> {
    let installed = state.firing();
    if !installed.contains(&Event::PostPush) || !file::exists(repository).ok()? {
        return None;
    }
    let config = file::of_work_tree(repository, printer).ok()?.read().ok()?;
    warning(&config, &installed)
}
