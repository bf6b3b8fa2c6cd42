//! Request parameters: the query, then the form body, as a servlet reads them.

use crate::http::Request;

/// The parameters could not be read; Jenkins answers 500 to whatever asked for them (s2-13q, s2-26e, s2-26f, s2-41).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadParameters;

/// All parameters of a request in order, the query's first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    /// Names of the parts of a multipart body that are files.
    files: Vec<String>,
}

const MAX_KEYS: usize = 10_000;

impl Parameters {
    pub(crate) fn read(request: &Request) -> Result<Self, BadParameters> {
        let mut pairs = Vec::new();
        let mut files = Vec::new();
        if let Some(query) = request.query() {
            for (name, value) in split(query.as_bytes()) {
                let strict = |bytes: &[u8]| String::from_utf8(decode(bytes)?).map_err(|_| BadParameters);
                pairs.push((strict(name)?, strict(value)?));
            }
        }
        let content_type = request.header_text("content-type").unwrap_or_default();
        let media_type = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if media_type == "application/x-www-form-urlencoded" {
            let latin1 = parameter_of(content_type, "charset")
                .is_some_and(|charset| charset.eq_ignore_ascii_case("iso-8859-1"));
            for (name, value) in split(&request.body) {
                let text = |bytes: &[u8]| -> Result<String, BadParameters> {
                    let bytes = decode(bytes)?;
                    Ok(if latin1 {
                        bytes.iter().map(|&byte| char::from(byte)).collect()
                    } else {
                        // A body with bytes that are not UTF-8 is taken, with replacement characters (s2-13).
                        String::from_utf8_lossy(&bytes).into_owned()
                    })
                };
                pairs.push((text(name)?, text(value)?));
            }
        } else if media_type == "multipart/form-data" {
            let boundary = parameter_of(content_type, "boundary").ok_or(BadParameters)?;
            for part in multipart(&request.body, &boundary) {
                if part.is_file {
                    files.push(part.name);
                } else {
                    pairs.push((part.name, part.value));
                }
            }
        }
        if pairs.len() > MAX_KEYS {
            return Err(BadParameters);
        }
        Ok(Self { pairs, files })
    }

    /// The first value, as `getParameter` gives it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.files.iter().any(|other| other == name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// `name=value` pairs of an urlencoded text, undecoded.
pub(crate) fn split(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|&byte| byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &b""[..]),
        })
}

/// Undoes `+` and `%XX`; an incomplete or wrong escape is an error, not text.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, BadParameters> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    rest.next()
                        .and_then(|&byte| char::from(byte).to_digit(16))
                        .ok_or(BadParameters)
                };
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).map_err(|_| BadParameters)?
            }
            byte => byte,
        });
    }
    Ok(decoded)
}

fn parameter_of(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

struct Part {
    name: String,
    value: String,
    is_file: bool,
}

fn multipart(body: &[u8], boundary: &str) -> Vec<Part> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    for section in split_at(body, delimiter.as_bytes()).into_iter().skip(1) {
        if section.starts_with(b"--") {
            break;
        }
        let section = section.strip_prefix(b"\r\n").unwrap_or(section);
        let section = section.strip_suffix(b"\r\n").unwrap_or(section);
        let Some(blank) = section.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&section[..blank]).into_owned();
        let Some(disposition) = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
        else {
            continue;
        };
        let Some(name) = parameter_of(disposition, "name") else {
            continue;
        };
        parts.push(Part {
            name,
            value: String::from_utf8_lossy(&section[blank + 4..]).into_owned(),
            is_file: parameter_of(disposition, "filename").is_some(),
        });
    }
    parts
}

fn split_at<'a>(mut text: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = text
        .windows(delimiter.len())
        .position(|window| window == delimiter)
    {
        pieces.push(&text[..at]);
        text = &text[at + delimiter.len()..];
    }
    pieces.push(text);
    pieces
}
