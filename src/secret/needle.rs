//! One text to be found, however others have written it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Bytes that are searched for.
#[derive(Debug)]
pub(super) struct Needle {
    bytes: Zeroizing<Vec<u8>>,
}

/// The needles for a secret: itself, and what base64 makes of it, wherever it stands in a longer
/// text.
pub(super) fn needles(secret: &str) -> Vec<Needle> {
    let mut all = vec![Needle::new(secret.as_bytes().to_vec())];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let mut text = Zeroizing::new(vec![0; before]);
            text.extend_from_slice(secret.as_bytes());
            let encoded = Zeroizing::new(engine.encode(&*text));
            // The characters at the ends have bits of what stands before or after.
            let first = (before * 8).div_ceil(6);
            let last = text.len() * 8 / 6;
            let core = &encoded.as_bytes()[first..last];
            if !all.iter().any(|known| *known.bytes == core) {
                all.push(Needle::new(core.to_vec()));
            }
        }
    }
    all
}

impl Needle {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Zeroizing::new(bytes),
        }
    }

    pub(super) fn first(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    /// Where it ends, if it begins here in any of the ways to write it; and whether it may begin here
    /// and end in what comes after the text.
    pub(super) fn find(&self, text: &[u8], begin: usize) -> (Option<usize>, bool) {
        if self.is_elsewhere(&text[begin..]) {
            return (None, false);
        }
        let mut end = None;
        let mut is_cut = false;
        // How much of it was found, and up to where. The most bytes are written in one way, some in
        // several, of which only the rest of the text tells which was meant.
        let mut open = vec![(0, begin)];
        let mut tried = BTreeSet::new();
        while let Some((found, at)) = open.pop() {
            if found == self.bytes.len() {
                end = end.max(Some(at));
                continue;
            }
            let rest = &self.bytes[found..];
            is_cut |= is_cut_off(&text[at..]);
            let before = open.len();
            each_reading(&text[at..], |bytes, length| {
                if rest.starts_with(bytes) {
                    open.push((found + bytes.len(), at + length));
                }
            });
            if open.len() > before + 1 {
                // Or a text of nothing but such bytes would take for ever.
                let mut index = before;
                while index < open.len() {
                    if tried.insert(open[index]) {
                        index += 1;
                    } else {
                        open.swap_remove(index);
                    }
                }
            }
        }
        (end, is_cut)
    }

    /// Whether it surely does not begin here, which is so nearly everywhere and found out at once.
    fn is_elsewhere(&self, text: &[u8]) -> bool {
        for (own, other) in self.bytes.iter().zip(text) {
            if ENCODING.contains(other) {
                return false;
            }
            if own != other {
                return true;
            }
        }
        false
    }
}

/// Whether what these bytes stand for depends on what follows them, as far as they are few enough to
/// stand for one character.
fn is_cut_off(text: &[u8]) -> bool {
    const LONGEST: usize = 12;
    text.first()
        .is_none_or(|first| text.len() < LONGEST && ENCODING.contains(first))
}

/// The bytes that may stand for another, or with which begins what does.
pub(super) const ENCODING: [u8; 4] = *b"%+\\&";

/// Tells all that the beginning of a text can stand for, each with its length in the text.
fn each_reading(text: &[u8], mut tell: impl FnMut(&[u8], usize)) {
    let Some(first) = text.first() else { return };
    tell(&[*first], 1);
    match first {
        b'+' => tell(b" ", 1),
        b'%' => {
            // What was encoded twice begins with `%25`.
            let mut at = 1;
            while let Some(byte) = text.get(at..at + 2).and_then(hexadecimal) {
                at += 2;
                let Ok(byte) = u8::try_from(byte) else { return };
                tell(&[byte], at);
                if byte != b'%' {
                    break;
                }
            }
        }
        b'\\' => {
            if let Some((c, length)) = backslashed(text) {
                tell(c.encode_utf8(&mut [0; 4]).as_bytes(), length);
            }
        }
        b'&' => {
            if let Some((c, length)) = entity(text) {
                tell(c.encode_utf8(&mut [0; 4]).as_bytes(), length);
            }
        }
        _ => {}
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    number(digits, 16)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

/// What JSON escapes so, or this tool where a terminal would obey it.
fn backslashed(text: &[u8]) -> Option<(char, usize)> {
    let c = match *text.get(1)? {
        c @ (b'"' | b'\\' | b'/' | b'\'') => char::from(c),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' if text.get(2) == Some(&b'{') => {
            let length = text.iter().take(12).position(|byte| *byte == b'}')?;
            let c = char::from_u32(hexadecimal(&text[3..length])?)?;
            return Some((c, length + 1));
        }
        b'u' => {
            let high = hexadecimal(text.get(2..6)?)?;
            if let Some(c) = char::from_u32(high) {
                return Some((c, 6));
            }
            // Half of a pair.
            let low = text.get(6..8).filter(|next| *next == b"\\u");
            let low = low.and_then(|_| hexadecimal(text.get(8..12)?))?;
            let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
            let c = char::decode_utf16(units).next()?.ok()?;
            return Some((c, 12));
        }
        _ => return None,
    };
    Some((c, 2))
}

/// What HTML escapes so.
fn entity(text: &[u8]) -> Option<(char, usize)> {
    let length = text.iter().take(12).position(|byte| *byte == b';')?;
    let c = match text.get(1..length)? {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"nbsp" => '\u{a0}',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hexadecimal(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => return None,
    };
    Some((c, length + 1))
}
