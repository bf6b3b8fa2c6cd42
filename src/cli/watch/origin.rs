//! What a build came of, in words.

use crate::jenkins::Origin;

/// So many characters of a value say which it is.
const ENOUGH: usize = 200;

/// Who asked for the build, and with what: a line each.
pub(super) fn details(origin: &Origin) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cause in &origin.causes {
        // Those of triggers that were merged are told together.
        let count = origin.causes.iter().filter(|other| *other == cause).count();
        let times = if count > 1 {
            format!(" ({count} times)")
        } else {
            String::new()
        };
        let line = format!("{}{times}", short(cause));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let parameters = origin.parameters.iter();
    lines.extend(parameters.map(|given| format!("with {}={}", given.name, short(&given.value()))));
    lines
}

/// Where the build runs with something else than what was sent, which nobody else tells.
pub(super) fn differences(build: u64, origin: &Origin, sent: &[(&str, &[u8])]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, sent) in sent {
        match origin.parameters.iter().find(|given| given.name == *name) {
            Some(given) if given.is(sent) => {}
            Some(given) => lines.push(format!(
                "build {build} runs with {name}={}, sent was {name}={}",
                short(&given.value()),
                short(&String::from_utf8_lossy(sent))
            )),
            // Who knows what it is that Jenkins has not taken: its value stays untold.
            None => lines.push(format!("build {build} runs without {name}, which it was to get")),
        }
    }
    lines
}

fn short(text: &str) -> String {
    match text.char_indices().nth(ENOUGH) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
