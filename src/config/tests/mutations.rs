//! Files that nobody would write: whatever the bytes, an answer and no panic.

use proptest::prelude::*;

use super::super::{Error, read};

const FILE: &str = r#"version: 1
servers:
  main: { url: https://ci.example.com/jenkins }
  legacy: { url: "https://old-ci.example.com", method: token-root }
defaults: &defaults
  server: main
  delay: 1m
env: [BUILD_CHANNEL]
skip: { markers: true, while: [rebase, bisect] }
max_triggers: 5
jobs:
  - name: 'app'
    job: shop/build
    events: &events [post-push]
    remotes: [origin]
    branches: ["**", "!dependabot/**", '{a,b}/[!c-é]?']
    paths_ignore: ["**/*.md"]
    parameters: { COMMIT: "${sha}", CHANNEL: "${env.BUILD_CHANNEL:-dev}" }
    cause: >-
      ${event} of ${branch}
  - { job: mirror, server: legacy, token_from: t, branches: [main], events: *events }
"#;

const PIECES: [&str; 36] = [
    "\n",
    "\n  ",
    "- ",
    ": ",
    "? ",
    "*",
    "&a ",
    "*a",
    "!",
    "!x ",
    "!!str ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "#",
    " #",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\t",
    "\\",
    "$",
    "${",
    "<<: ",
    "null",
    "~",
    "é",
    "\u{85}",
    "\u{2028}",
    "\r\n",
];

/// What every refusal promises.
fn check(text: &[u8]) -> Result<(), TestCaseError> {
    let Err(error) = read("file", text) else {
        return Ok(());
    };
    check_error(&error)
}

fn check_error(error: &Error) -> Result<(), TestCaseError> {
    let shown = error.to_string();
    prop_assert!(error.line() >= 1 && error.column() >= 1);
    prop_assert!(
        !shown.contains(super::super::error::is_unprintable),
        "{:?}",
        shown
    );
    prop_assert!(error.help().is_some_and(|help| !help.is_empty()), "{}", shown);
    if let Some(line) = error.source_line() {
        let (start, length) = error.span();
        let count = line.chars().count();
        prop_assert!(
            length >= 1 && start + length <= count + 1,
            "{} {:?} {:?}",
            shown,
            line,
            error.span()
        );
        prop_assert!(!line.contains(char::is_control), "{:?}", line);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_file_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }

    #[test]
    fn any_yaml_signs_are_a_file_or_a_refusal(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40),
    ) {
        check(pieces.concat().as_bytes())?;
        check(format!("version: 1\nserver: https://a\njobs:\n  - job: {}", pieces.concat()).as_bytes())?;
    }

    #[test]
    fn a_good_file_with_something_inserted_is_a_file_or_a_refusal(
        at in 0..FILE.len(),
        removed in 0..12_usize,
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..4),
    ) {
        let mut bytes = FILE.as_bytes().to_vec();
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, pieces.concat().into_bytes());
        check(&bytes)?;
    }

    #[test]
    fn a_token_put_anywhere_is_never_shown(at in 0..FILE.len(), removed in 0..6_usize) {
        let token = format!("ghp_{}", "abcdefghijklmnopqrstuvwxyz0123456789");
        let mut bytes = FILE.as_bytes().to_vec();
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, format!(" {token} ").into_bytes());
        if let Err(error) = read("file", &bytes) {
            let all = format!("{error} {error:?} {:?} {:?}", error.help(), error.source_line());
            prop_assert!(!all.contains("ghijklmnop"), "{}", all);
        }
    }
}

#[test]
fn the_file_that_is_mutated_is_good() {
    super::config(FILE);
}
