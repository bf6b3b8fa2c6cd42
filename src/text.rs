//! Text that comes from elsewhere: bytes that may be no UTF-8, and characters that a terminal
//! would obey.

use std::fmt;

use bstr::{BStr, BString, ByteSlice as _};
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Deserialize, Serialize};

/// Bytes that are text most of the time: a JSON string where they are UTF-8, else an array of
/// numbers, because branch names and commit messages are whatever bytes git allows.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(pub BString);

impl<T: Into<BString>> From<T> for Text {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(BStr::new(&self.0), out)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut bytes = serializer.serialize_seq(Some(self.0.len()))?;
                for byte in self.0.iter() {
                    bytes.serialize_element(byte)?;
                }
                bytes.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Text;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string or an array of bytes")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::from(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Text, A::Error> {
                let mut text = Vec::new();
                while let Some(byte) = bytes.next_element()? {
                    text.push(byte);
                }
                Ok(Text::from(text))
            }
        }
        deserializer.deserialize_any(Bytes)
    }
}

/// Whether a terminal would do something other than show this character: the controls proper, and
/// the marks that turn the reading direction, which can make a line show other words than it holds.
#[must_use]
pub fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with every control character shown and none obeyed, for a terminal or a log line.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// These bytes as an argument in a command to be copied: quoted only where a shell needs it.
#[must_use]
pub fn shell_argument(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_str_lossy().into_owned();
    }
    shell_word(bytes).to_str_lossy().into_owned()
}

/// One quoted word of a shell that stands for these bytes, whatever they are.
#[must_use]
pub fn shell_word(bytes: &[u8]) -> Vec<u8> {
    let mut word = b"'".to_vec();
    for byte in bytes {
        match byte {
            b'\'' => word.extend_from_slice(b"'\\''"),
            other => word.push(*other),
        }
    }
    word.push(b'\'');
    word
}

/// The text without what stands before the `@` of the addresses in it, which may be a password.
#[must_use]
pub fn without_userinfo(text: &str) -> String {
    const START: &str = "://";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(START) {
        let (before, after) = rest.split_at(start + START.len());
        shown.push_str(before);
        let host_ends = after
            .find(|c: char| c == '/' || c == '\'' || c == '"' || c.is_whitespace())
            .unwrap_or(after.len());
        rest = after;
        if let Some(at) = after[..host_ends].rfind('@') {
            shown.push_str("•••");
            rest = &after[at..];
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_utf8_survive_the_spool() {
        for bytes in [&b"feature/\xfc"[..], b"main", b"", "\u{fc}\0\"".as_bytes()] {
            let text = Text::from(bytes);
            let json = serde_json::to_string(&text).expect("serialises");
            let back: Text = serde_json::from_str(&json).expect("deserialises");
            assert_eq!(back, text, "{json}");
        }
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        let shown = harmless("a\u{1b}[2Jb\r\n\u{202e}c é");
        assert_eq!(shown, "a\\u{1b}[2Jb\\r\\n\\u{202e}c é");
    }

    #[test]
    fn addresses_are_shown_without_their_passwords() {
        for (text, expected) in [
            ("https://ci.example.com/a@b", "https://ci.example.com/a@b"),
            (
                "https://me:pass@h/x and http://t@h:80",
                "https://•••@h/x and http://•••@h:80",
            ),
            ("for 'https://me:p@ss@h'", "for 'https://•••@h'"),
            ("git@host:path", "git@host:path"),
            ("://", "://"),
        ] {
            assert_eq!(without_userinfo(text), expected);
        }
    }
}
