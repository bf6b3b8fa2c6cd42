//! What looks like a secret: refused in the file's values, masked in whatever an error shows.
//!
//! Refusing is exact (a known shape, or a name that says it), because a wrong refusal blocks a good
//! file. Masking is generous, because a wrong mask only hides a word of an error.

use std::ops::Range;

/// What a masked text is replaced by.
pub(super) const MASK: &str = "•••";

/// Ends of parameter names that promise a secret, in upper case.
const SECRET_ENDINGS: [&str; 7] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
];

/// More keys whose values are not shown.
const PRIVATE_KEYS: [&str; 8] = [
    "USER",
    "USERNAME",
    "CREDENTIALS",
    "CREDENTIAL",
    "AUTH",
    "PASS",
    "PASSPHRASE",
    "API_TOKENS",
];

/// Whether a parameter of this name promises to hold a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    SECRET_ENDINGS.iter().any(|ending| upper.ends_with(ending))
}

/// What kind of secret the text contains, if any.
pub(super) fn find(text: &str) -> Option<&'static str> {
    if let Some((_, kind)) = private_key(text) {
        return Some(kind);
    }
    words(text).find_map(|word| token(&text[word]))
}

/// Whether the text contains a URL with a password that is written here, and not only a name's value.
pub(super) fn has_url_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let authority = rest
            .split(['/', '?', '#', ' ', '\t', '\n'])
            .next()
            .unwrap_or_default();
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        without_names(user)
            .split_once(':')
            .is_some_and(|(_, password)| !password.is_empty())
    })
}

/// The text without its `${names}`.
fn without_names(text: &str) -> String {
    let mut parts = text.split("${");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    kept
}

/// The text with everything masked that may be a secret.
pub(super) fn mask(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges(text) {
        shown.push_str(&text[end..range.start]);
        shown.push_str(MASK);
        end = range.end;
    }
    shown.push_str(&text[end..]);
    shown
}

/// What to mask in one line, in order and without overlap.
pub(super) fn ranges(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    found.extend(words(line).filter(|word| token(&line[word.clone()]).is_some()));
    found.extend(user_information(line));
    found.extend(assignments(line));
    if let Some((at, _)) = private_key(line) {
        found.push(at..line.len());
    }
    merged(found)
}

/// The same ranges in order and without overlap.
pub(super) fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found.into_iter().filter(|range| !range.is_empty()) {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Whether this line's key says that what belongs to it, here or on deeper lines, is private.
pub(super) fn is_private_line(line: &str) -> bool {
    assignments(line).next().is_some()
}

/// Runs of the characters that tokens are made of.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|byte| is_word(*byte))?;
        at = bytes[start..]
            .iter()
            .position(|byte| !is_word(*byte))
            .map_or(bytes.len(), |length| start + length);
        Some(start..at)
    })
}

/// The kind of token, when a word is one.
fn token(word: &str) -> Option<&'static str> {
    // A sentence may end with the token, and a name may be glued to it: `x-ghp_…`.
    word.split('.').find_map(vendor_token).or_else(|| {
        let start = word.find("eyJ")?;
        let mut parts = word[start..].split('.');
        let long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 10);
        (long(parts.next()) && long(parts.next())).then_some("a JSON web token")
    })
}

fn vendor_token(word: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, usize, &str); 14] = [
        ("ghp_", 20, "a GitHub token"),
        ("gho_", 20, "a GitHub token"),
        ("ghu_", 20, "a GitHub token"),
        ("ghs_", 20, "a GitHub token"),
        ("ghr_", 20, "a GitHub token"),
        ("github_pat_", 20, "a GitHub token"),
        ("glpat-", 16, "a GitLab token"),
        ("xoxa-", 10, "a Slack token"),
        ("xoxb-", 10, "a Slack token"),
        ("xoxp-", 10, "a Slack token"),
        ("xoxr-", 10, "a Slack token"),
        ("xoxs-", 10, "a Slack token"),
        ("AKIA", 16, "an AWS access key"),
        ("ASIA", 16, "an AWS access key"),
    ];
    for (prefix, length, kind) in PREFIXES {
        let Some(at) = word.find(prefix) else {
            continue;
        };
        if at > 0 && word.as_bytes()[at - 1].is_ascii_alphanumeric() {
            continue;
        }
        let body = &word[at + prefix.len()..];
        let upper_only = prefix.ends_with('A');
        let counted = |byte: u8| {
            if upper_only {
                byte.is_ascii_uppercase() || byte.is_ascii_digit()
            } else {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
            }
        };
        if body.bytes().take_while(|byte| counted(*byte)).count() >= length {
            return Some(kind);
        }
    }
    // A Jenkins API token is `11` and 32 hexadecimal digits: 34 exactly, so that the 40 of a commit
    // are none.
    word.split(|character: char| !character.is_ascii_hexdigit())
        .any(|run| run.len() == 34 && run.starts_with("11"))
        .then_some("a Jenkins API token")
}

fn private_key(text: &str) -> Option<(usize, &'static str)> {
    let at = text.find("-----BEGIN ")?;
    text[at..]
        .contains("PRIVATE KEY")
        .then_some((at, "a private key"))
}

/// `user:password` before the `@` of a URL, and of a text that only lacks its scheme.
fn user_information(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for chunk in line.split_inclusive(char::is_whitespace) {
        if let Some(at) = chunk.rfind('@') {
            if let Some(scheme) = chunk.find("://").filter(|scheme| scheme + 3 <= at) {
                found.push(start + scheme + 3..start + at);
            } else if chunk[..at].contains(':') {
                let quoted = chunk.len() - chunk.trim_start_matches(['"', '\'', '[', '{', '(']).len();
                found.push(start + quoted.min(at)..start + at);
            }
        }
        start += chunk.len();
    }
    found
}

/// What follows a key or a query parameter whose name says that it is private.
fn assignments(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices([':', '=']).filter_map(move |(at, sign)| {
        let key = line[..at].trim_end_matches([' ', '\t', '"', '\'']);
        let start = key
            .rfind(|character: char| !(character.is_alphanumeric() || matches!(character, '_' | '-' | '.')))
            .map_or(0, |last| {
                last + key[last..].chars().next().map_or(1, char::len_utf8)
            });
        let name = key[start..].to_ascii_uppercase().replace(['-', '.'], "_");
        let after = at + sign.len();
        let value = after + (line[after..].len() - line[after..].trim_start().len());
        let content = line[value..].trim_end();
        // The sign of a block text is not its content, and shows how the value is written.
        (is_private(&name, content) && !content.is_empty() && !content.starts_with(['|', '>']))
            .then(|| value..value + content.len())
    })
}

/// Whether a key's value is not to be shown. `token_from` names a token; what cannot be a name may
/// be the token itself.
fn is_private(name: &str, content: &str) -> bool {
    if name == "TOKEN_FROM" {
        let word = content
            .split([',', '}', ' '])
            .next()
            .unwrap_or_default()
            .trim_matches(['"', '\'']);
        return !super::value::is_name(word);
    }
    SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending)) || PRIVATE_KEYS.contains(&name)
}
