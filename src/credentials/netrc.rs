//! The netrc of the user (ftp(1), curl): only by host, and never its `default`.

use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use bstr::ByteSlice as _;
use rustix::fs::OFlags;
use url::Url;
use zeroize::Zeroizing;

use super::Error;
use super::private::{self, unusable};
use crate::environment;
use crate::secret::{Login, Secret};

/// More than this nobody has.
const MOST: usize = 1024 * 1024;

/// What the file says of its hosts, in its order.
#[derive(Debug, Default)]
pub(super) struct Netrc {
    pub(super) path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    host: String,
    login: Option<String>,
    password: Option<Secret>,
}

impl Netrc {
    /// The user's; one with nothing in it, if he has none.
    ///
    /// # Errors
    /// [`Error::Unusable`] if it is not his alone, or no netrc.
    pub(super) fn of_user() -> Result<Self, Error> {
        let Some(path) = environment::netrc() else {
            return Ok(Self::default());
        };
        // Through a link of the user's own.
        let opened = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&path);
        let failed = |reason: io::Error| {
            unusable(
                &path,
                &reason.to_string(),
                "make it a file that you, and only you, can read",
            )
        };
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(reason) => return Err(failed(reason)),
        };
        let found = file.metadata().map_err(failed)?;
        if let Some(objection) = private::objection(&path, &found) {
            return Err(objection);
        }
        let text = private::read(&mut file, MOST).map_err(failed)?;
        let text = text
            .to_str()
            .map_err(|_| unusable(&path, "it is no text", "look at it with an editor"))?;
        let entries = parse(text);
        Ok(Self { path, entries })
    }

    fn of_host<'a>(&'a self, server: &Url) -> impl Iterator<Item = (&'a str, &'a Secret)> {
        let host = bare(server.host_str().unwrap_or_default()).to_lowercase();
        self.entries
            .iter()
            .filter(move |entry| bare(&entry.host).to_lowercase() == host)
            .filter_map(|entry| Some((entry.login.as_deref()?, entry.password.as_ref()?)))
    }

    /// The first for the server's host.
    pub(super) fn login(&self, server: &Url) -> Option<Login> {
        let (user, password) = self.of_host(server).next()?;
        Some(Login::new(user.to_owned(), password.clone()))
    }

    /// The password of the one that is called so.
    pub(super) fn job_token(&self, server: &Url, name: &str) -> Option<Secret> {
        let found = self.of_host(server).find(|(login, _)| *login == name);
        found.map(|(_, password)| password.clone())
    }
}

/// An IPv6 address stands there without the brackets that it has in a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn parse(text: &str) -> Vec<Entry> {
    let mut words = Words { rest: text };
    let mut entries: Vec<Entry> = Vec::new();
    // What follows `default` belongs to no host.
    let mut of_host = false;
    while let Some(word) = words.next() {
        match &**word {
            "machine" => {
                let host = words.next().map(|host| host.to_string()).unwrap_or_default();
                of_host = true;
                entries.push(Entry {
                    host,
                    ..Entry::default()
                });
            }
            "default" => of_host = false,
            "macdef" => words.skip_macro(),
            "login" | "password" | "account" => {
                let Some(value) = words.next() else { break };
                let Some(entry) = entries.last_mut().filter(|_| of_host) else {
                    continue;
                };
                match &**word {
                    "login" => entry.login = Some(value.to_string()),
                    "password" => entry.password = Some(Secret::unregistered(value.to_string())),
                    _ => {}
                }
            }
            comment if comment.starts_with('#') => words.skip_line(),
            _ => {}
        }
    }
    let is_sound = |value: &str| !value.is_empty() && !value.contains(char::is_control);
    entries.retain(|entry| {
        let login = entry.login.as_deref().is_none_or(is_sound);
        login
            && entry
                .password
                .as_ref()
                .is_none_or(|password| is_sound(password.expose()))
    });
    entries
}

/// The words of a netrc: between white space, or in double quotes, where `\` takes the next
/// character as it is.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next(&mut self) -> Option<Zeroizing<String>> {
        self.rest = self.rest.trim_start();
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            return (!word.is_empty()).then(|| Zeroizing::new(word.to_owned()));
        };
        let mut word = Zeroizing::new(String::with_capacity(quoted.len()));
        let mut characters = quoted.char_indices();
        while let Some((place, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = &quoted[place + 1..];
                    return Some(word);
                }
                '\\' => word.extend(characters.next().map(|(_, c)| c)),
                c => word.push(c),
            }
        }
        self.rest = "";
        None
    }

    /// To the empty line after a macro.
    fn skip_macro(&mut self) {
        let ends = ["\n\n", "\n\r\n"].iter().filter_map(|end| self.rest.find(end));
        self.rest = ends.min().map_or("", |end| &self.rest[end..]);
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn netrc(text: &str) -> Netrc {
        Netrc {
            path: PathBuf::new(),
            entries: parse(text),
        }
    }

    fn of(text: &str, server: &str) -> Option<(String, String)> {
        let login = netrc(text).login(&Url::parse(server).expect("a URL"))?;
        Some((login.user, login.token.expose().to_owned()))
    }

    #[test]
    fn the_first_whole_entry_of_the_host_answers_whatever_the_port() {
        let text = "# machine ci.example.com login no password no\n\
                    machine other.example.com login bob password x\n\
                    machine CI.example.com\n\tlogin ada\n\tpassword token\n\
                    machine ci.example.com login eve password later\n\
                    machine ::1 login six password s\n";
        let ada = Some(("ada".into(), "token".into()));
        assert_eq!(of(text, "https://ci.example.com:8443/jenkins/"), ada);
        assert_eq!(of(text, "https://example.com/"), None);
        assert_eq!(of(text, "http://[::1]:8080/"), Some(("six".into(), "s".into())));
        let half = "machine ci login ada\nmachine ci login bob password t";
        assert_eq!(of(half, "https://ci/"), Some(("bob".into(), "t".into())));
    }

    #[test]
    fn neither_a_default_nor_a_macro_is_anybodys() {
        let text = "default login any password any\n";
        assert_eq!(of(text, "https://ci/"), None);
        let after =
            "machine x login a password b default login any password any machine ci login c password d";
        assert_eq!(of(after, "https://x/"), Some(("a".into(), "b".into())));
        assert_eq!(of(after, "https://ci/"), Some(("c".into(), "d".into())));
        let text = "machine x login a password b\nmacdef init\nmachine ci login evil password evil\n\n\
                    machine ci login ada password t\n";
        assert_eq!(of(text, "https://ci/"), Some(("ada".into(), "t".into())));
    }

    #[test]
    fn a_password_may_be_in_quotes_or_begin_with_a_hash() {
        let text = "machine ci login ada password \"a b\\\"c\\\\\" machine cd login bob password #1";
        assert_eq!(of(text, "https://ci/"), Some(("ada".into(), "a b\"c\\".into())));
        assert_eq!(of(text, "https://cd/"), Some(("bob".into(), "#1".into())));
        assert_eq!(of("machine ci login ada password \"open", "https://ci/"), None);
        assert_eq!(of("machine ci login ada password \"a\nb\"", "https://ci/"), None);
    }

    #[test]
    fn a_jobs_trigger_token_has_its_name_for_a_login() {
        let file = netrc("machine ci login ada password t machine ci login deploy password j");
        let ci = Url::parse("https://ci/jenkins/").expect("a URL");
        assert_eq!(file.job_token(&ci, "deploy").expect("a token").expose(), "j");
        assert!(file.job_token(&ci, "mirror").is_none());
    }
}
