//! That every secret is found in every form, and nothing else is.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::known::Known;
use super::{MASK, SHORTEST_SAID, replaced};

/// What is left of a text by one who knows this secret alone.
fn redacted(secret: &str, text: &str) -> String {
    let mut known = Known::default();
    let held = Arc::new(Zeroizing::new(secret.to_owned()));
    known.learn(&held, &held);
    let spans = known.spans(text.as_bytes(), SHORTEST_SAID);
    let left = replaced(text.as_bytes(), &spans.found, MASK.as_bytes());
    String::from_utf8(left).expect("a secret ends where a character does")
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_in_ascii(text: &str) -> String {
    let mut units = [0; 2];
    let escaped = text.chars().flat_map(|c| c.encode_utf16(&mut units).to_vec());
    escaped.map(|unit| format!("\\u{unit:04X}")).collect()
}

fn html(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        '\'' => "&#39;".into(),
        other => String::from(other),
    });
    escaped.collect()
}

/// The ways to write a text that leave no doubt where it begins and ends.
fn written(text: &str) -> Vec<String> {
    let percent = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let every: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        text.into(),
        form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        // Lower case only in what stands for a byte.
        percent_lowered(&percent),
        utf8_percent_encode(&percent, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(&every, NON_ALPHANUMERIC).to_string(),
        percent,
        every,
        json(text),
        json(text).replace('/', "\\/"),
        json_in_ascii(text),
        html(text),
        text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        text.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(),
        crate::text::harmless(text),
        json(&html(text)),
    ]
}

fn percent_lowered(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lowered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        lowered.push('%');
        lowered.push_str(&digits.to_ascii_lowercase());
        lowered.push_str(rest);
    }
    lowered
}

fn in_base64(text: &[u8]) -> [String; 4] {
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|engine| engine.encode(text))
}

/// At least eight bytes, and none of a surrounding.
fn secrets() -> impl Strategy<Value = String> {
    "[a-zA-Z/+%&\"'\\\\<>:;=.~ äß€𝄞\u{202e}\n-]{8,40}"
}

/// Nothing that a secret or its encoding is made of.
fn surroundings() -> impl Strategy<Value = String> {
    "[0-9_ é(){},]{0,30}"
}

proptest! {
    #[test]
    fn a_secret_is_taken_out_however_it_is_written_and_nothing_else_is(
        secret in secrets(),
        before in surroundings(),
        between in surroundings(),
        after in surroundings(),
    ) {
        // Blanks at its ends would be the surroundings' as well.
        let secret = secret.trim().to_owned();
        prop_assume!(secret.len() >= SHORTEST_SAID);
        for one in written(&secret) {
            let text = format!("{before}{one} {between}{one}{after}");
            let expected = format!("{before}{MASK} {between}{MASK}{after}");
            prop_assert_eq!(redacted(&secret, &text), expected, "{}", one);
        }
    }

    #[test]
    fn what_base64_makes_of_a_text_with_a_secret_in_it_tells_nothing_of_the_secret(
        secret in secrets(),
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
    ) {
        let text = format!("{before}{secret}{after}");
        for encoded in in_base64(text.as_bytes()) {
            for one in [encoded.clone(), json(&encoded).replace('/', "\\/"),
                        form_urlencoded::byte_serialize(encoded.as_bytes()).collect()] {
                let left = redacted(&secret, &format!("{{{one}}}"));
                // At most a character at each end has some bits of it.
                let begin = before.len() * 8 / 6;
                let end = (before.len() + secret.len()) * 8 / 6;
                let core = &encoded[begin + 1..end - 1];
                prop_assert!(left.contains(MASK), "{one} became {left}");
                prop_assert!(!left.contains(core), "{one} became {left}");
            }
        }
    }

    #[test]
    fn a_text_without_the_secret_is_left_alone(text in any::<String>()) {
        let secret = "Zy9-never-in-such-a-text";
        prop_assert_eq!(redacted(secret, &text), text);
    }

    /// A text can be made so that nearly all of it could be the beginning of a secret.
    #[test]
    fn no_text_takes_for_ever(unit in "[\\\\%25+]{1,4}", count in 1_usize..40, end in "[\\\\%a]{0,2}") {
        let secret = format!("{}{end}", unit.repeat(8));
        redacted(&secret, &unit.repeat(count * 8));
    }
}

#[test]
fn what_overlaps_is_taken_out_as_a_whole() {
    assert_eq!(redacted("abababab", "xababababababx"), "x•••x");
}

#[test]
fn a_login_as_its_header_has_it_is_taken_out() {
    let _login = super::Login::new("ada".into(), super::Secret::new("s3cret-of-ada".into()));
    let header = STANDARD_NO_PAD.encode("ada:s3cret-of-ada");
    let left = super::redact(&header).into_owned();
    assert!(left.starts_with(MASK) && left.len() <= MASK.len() + 1, "{left}");
}
