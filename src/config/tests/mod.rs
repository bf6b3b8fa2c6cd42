//! The room's tests, one module per part of the format.

mod actions;
mod files;
mod mutations;
mod patterns;
mod reference;
mod refusals;
mod rules;
mod secrets;
mod templates;
mod values;

use super::{Config, Error, Rule, read};

/// The lines before the rules of most examples; the next line is the third.
const HEAD: &str = "version: 1\nserver: https://ci.example.com/jenkins\n";

/// The help where one text is due.
const QUOTE_TEXT: &str =
    "write one text; quote it if it begins with `[`, `{`, `-` or another special character";

fn config(text: &str) -> Config {
    match read(".jenkins-trigger.yml", text.as_bytes()) {
        Ok(config) => config,
        Err(error) => panic!("{error}\n{}\n---\n{text}", error.help().unwrap_or_default()),
    }
}

fn refusal(text: impl AsRef<[u8]>) -> Error {
    let text = text.as_ref();
    match read(".jenkins-trigger.yml", text) {
        Ok(config) => panic!("accepted:\n{}\n{config:#?}", String::from_utf8_lossy(text)),
        Err(error) => error,
    }
}

/// The only rule of a file whose rule has these keys besides `job: shop/build`.
fn rule(keys: &str) -> Rule {
    config(&with_rule(keys)).rules.remove(0)
}

/// A file with one rule on line 4; its other keys begin on line 5, column 5.
fn with_rule(keys: &str) -> String {
    format!(
        "{HEAD}jobs:\n  - job: shop/build\n    {}\n",
        keys.replace('\n', "\n    ")
    )
}

/// `line:column message` and the help of a refusal.
fn told(error: &Error) -> (String, String) {
    let place = format!("{}:{} {}", error.line(), error.column(), error.message());
    (place, error.help().unwrap_or_default().to_owned())
}

/// Asserts place, message and help of each refused file.
#[track_caller]
fn refused(cases: &[(&str, &str, &str)]) {
    for (text, place, help) in cases {
        let told = told(&refusal(text));
        assert_eq!((told.0.as_str(), told.1.as_str()), (*place, *help), "\n{text}");
    }
}

/// As [`refused`], for keys of a rule.
#[track_caller]
fn rule_refused(cases: &[(&str, &str, &str)]) {
    for (keys, place, help) in cases {
        refused(&[(&with_rule(keys), place, help)]);
    }
}

/// As [`refused`], for keys at the top of a file that has rules.
#[track_caller]
fn file_refused(cases: &[(&str, &str, &str)]) {
    for (keys, place, help) in cases {
        refused(&[(
            &format!("{HEAD}{keys}\njobs: {{ main: shop/build }}\n"),
            place,
            help,
        )]);
    }
}
