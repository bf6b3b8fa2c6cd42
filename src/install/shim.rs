//! The hook script as it is installed, and read back.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use bstr::ByteSlice as _;

use crate::text::shell_word;

/// What the second line of our hooks begins with, whatever else was written into them.
const MARKER: &[u8] = b"# jenkins-trigger hook, version ";

/// The script that is installed now.
const TEMPLATE: &str = include_str!("../../hooks/hook");

/// The scripts that other versions installed: they are ours as well, to renew and to take out.
/// Whenever `hooks/hook` changes, what a release had goes here.
const OLDER: &[&str] = &[
    include_str!("../../hooks/older/1"),
    include_str!("../../hooks/older/2"),
];

/// What one of our hook scripts says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shim {
    /// The git hook it was installed as.
    pub hook: String,
    /// The program it runs.
    pub program: PathBuf,
    /// The file name, in the same folder, of the hook that was there before.
    pub chained: Option<OsString>,
    /// How many folders, from its own upwards, were made for it.
    pub made: usize,
    /// Installed for every repository: says nothing where there is no configuration file.
    pub everywhere: bool,
}

impl Shim {
    /// The script.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        self.render_as(TEMPLATE)
    }

    fn render_as(&self, template: &'static str) -> Vec<u8> {
        let mut script = Vec::with_capacity(template.len() + 256);
        for piece in pieces(template) {
            match piece {
                Piece::Text(text) => script.extend_from_slice(text.as_bytes()),
                Piece::Value("HOOK") => script.extend_from_slice(self.hook.as_bytes()),
                Piece::Value("BINARY") => script.extend(shell_word(self.program.as_os_str().as_bytes())),
                Piece::Value("CHAINED") => {
                    script.extend(shell_word(self.chained.as_deref().unwrap_or_default().as_bytes()));
                }
                Piece::Value("MADE") => script.extend(self.made.to_string().into_bytes()),
                Piece::Value(_) => script.extend_from_slice(if self.everywhere { b"yes" } else { b"" }),
            }
        }
        script
    }

    /// Reads a script back; `None` unless it is what [`render`](Self::render), of this or of an
    /// older version, writes and nothing more: a line that somebody added is his, and neither
    /// overwritten nor removed.
    #[must_use]
    pub fn parse(script: &[u8]) -> Option<Self> {
        let templates = [TEMPLATE].into_iter().chain(OLDER.iter().copied());
        templates
            .into_iter()
            .find_map(|template| Self::parse_as(template, script))
    }

    fn parse_as(template: &'static str, script: &[u8]) -> Option<Self> {
        let mut shim = Self {
            // The only one that the first version knew.
            hook: "post-commit".to_owned(),
            program: PathBuf::new(),
            chained: None,
            made: 0,
            everywhere: false,
        };
        let mut rest = script;
        for piece in pieces(template) {
            match piece {
                Piece::Text(text) => rest = rest.strip_prefix(text.as_bytes())?,
                Piece::Value("BINARY") => shim.program = take_word(&mut rest)?.into(),
                Piece::Value("CHAINED") => {
                    shim.chained = Some(take_word(&mut rest)?).filter(|name| !name.is_empty());
                }
                Piece::Value(name) => {
                    let (value, _) = rest.split_once_str("\n")?;
                    rest = &rest[value.len()..];
                    let value = value.to_str().ok()?;
                    match name {
                        "HOOK" => value.clone_into(&mut shim.hook),
                        "MADE" => shim.made = value.parse().ok()?,
                        _ => shim.everywhere = value == "yes",
                    }
                }
            }
        }
        // Nobody but us names files here, and ours lie beside the script.
        let elsewhere = |name: &[u8]| name.contains(&b'/');
        let chained = shim.chained.as_deref().unwrap_or_default();
        if elsewhere(shim.hook.as_bytes()) || elsewhere(chained.as_bytes()) {
            return None;
        }
        // Whatever else reads the same, such as `+1` for a number, somebody changed.
        (shim.render_as(template) == script).then_some(shim)
    }
}

/// Whether a script began as one of ours, whatever it is now.
#[must_use]
pub fn was_ours(script: &[u8]) -> bool {
    script.lines().nth(1).is_some_and(|line| line.starts_with(MARKER))
}

enum Piece {
    Text(&'static str),
    Value(&'static str),
}

/// The template's text and, between each two `@`, the names of what differs.
fn pieces(template: &'static str) -> impl Iterator<Item = Piece> {
    // A lone `@`, as in `$@`, is always followed by the closing quote.
    let mut rest = template;
    std::iter::from_fn(move || {
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
        if let Some((name, after)) = rest.strip_prefix('@').and_then(|rest| rest.split_once('@'))
            && is_name(name)
        {
            rest = after;
            return Some(Piece::Value(name));
        }
        let end = rest
            .match_indices('@')
            .map(|(at, _)| at)
            .find(|at| {
                rest[at + 1..]
                    .split_once('@')
                    .is_some_and(|(name, _)| is_name(name))
            })
            .unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        rest = after;
        (!text.is_empty()).then_some(Piece::Text(text))
    })
}

/// Takes one word off the front, as `shell_word` writes it.
pub(super) fn take_word(rest: &mut &[u8]) -> Option<OsString> {
    let mut word = Vec::new();
    *rest = rest.strip_prefix(b"'")?;
    loop {
        let (part, after) = rest.split_once_str("'")?;
        word.extend_from_slice(part);
        *rest = after;
        match rest.strip_prefix(br"\''") {
            Some(after) => {
                word.push(b'\'');
                *rest = after;
            }
            None => return Some(OsString::from_vec(word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shim() -> Shim {
        Shim {
            hook: "post-commit".into(),
            program: "/opt/it's @HOOK@ here\n/jenkins-trigger".into(),
            chained: Some("post-commit.before-jenkins-trigger-2".into()),
            made: 2,
            everywhere: true,
        }
    }

    #[test]
    fn a_script_reads_back_as_what_it_was_written_from() {
        let plain = Shim {
            program: OsString::from_vec(b"/\xff".to_vec()).into(),
            chained: None,
            made: 0,
            everywhere: false,
            ..shim()
        };
        for shim in [shim(), plain] {
            assert_eq!(Shim::parse(&shim.render()), Some(shim));
        }
    }

    #[test]
    fn a_script_with_any_byte_changed_or_missing_is_no_longer_ours() {
        let script = shim().render();
        for at in 0..script.len() {
            let mut changed = script.clone();
            changed[at] = changed[at].wrapping_add(1);
            assert_ne!(Shim::parse(&changed), Some(shim()), "{at}");
            if let Some(other) = Shim::parse(&changed) {
                assert_eq!(other.render(), changed, "{at}");
            }
            assert_eq!(Shim::parse(&script[..at]), None, "{at}");
        }
    }

    /// A script in an unpacked repository must not make uninstall move a file of the user's.
    #[test]
    fn a_script_that_names_a_file_elsewhere_is_not_ours() {
        let chained = Shim {
            chained: Some("../../../home/.netrc".into()),
            ..shim()
        };
        let hook = Shim {
            hook: "../post-commit".into(),
            ..shim()
        };
        assert_eq!(Shim::parse(&chained.render()), None);
        assert_eq!(Shim::parse(&hook.render()), None);
    }

    /// Nobody who updates the program is left with hooks that it takes for somebody else's.
    #[test]
    fn a_script_of_an_older_version_is_ours() {
        for template in OLDER {
            let shim = Shim {
                chained: None,
                made: 0,
                everywhere: false,
                hook: "post-commit".into(),
                ..shim()
            };
            let script = shim.render_as(template);
            assert_ne!(script, shim.render());
            assert_eq!(Shim::parse(&script), Some(shim));
        }
    }

    #[test]
    fn every_name_of_the_template_is_known() {
        let rendered = String::from_utf8(shim().render()).expect("UTF-8");
        for name in ["@MADE@", "@BINARY@", "@CHAINED@", "@EVERYWHERE@"] {
            assert!(!rendered.contains(name), "{name}");
        }
        assert!(was_ours(rendered.as_bytes()));
    }
}
