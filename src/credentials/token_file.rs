//! The file of a service account: one user, perhaps one server, and jobs' trigger tokens.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bstr::ByteSlice as _;
use rustix::fs::OFlags;
use url::Url;

use super::Error;
use super::private::{self, shown, unusable};
use crate::environment;
use crate::secret::{Login, Secret};

/// More than this it never needs.
const MOST: usize = 64 * 1024;

/// What systemd calls it (`LoadCredential=jenkins-trigger:…`).
const CREDENTIAL: &str = "jenkins-trigger";

const FORM: &str =
    "write `user:token`, perhaps with `url=…` as the first line and lines `NAME=TOKEN` after it";

/// What the file says.
#[derive(Debug, Clone)]
pub(super) struct TokenFile {
    pub(super) path: PathBuf,
    /// The server that it is for, if it says so.
    pub(super) bound: Option<Url>,
    login: Option<Login>,
    job_tokens: Vec<(String, Secret)>,
}

impl TokenFile {
    /// The file that this process was given, if it was given one.
    ///
    /// # Errors
    /// [`Error::Unusable`]: one that was given is there to be used.
    pub(super) fn given() -> Result<Option<Self>, Error> {
        if let Some(path) = environment::token_file() {
            if path.is_relative() {
                let fix = format!("set {} to a path that begins with /", environment::TOKEN_FILE);
                return Err(unusable(
                    &path,
                    "from a relative path nobody finds it in another folder",
                    fix,
                ));
            }
            return Self::read(&path).map(Some);
        }
        let Some(folder) = environment::credentials_directory() else {
            return Ok(None);
        };
        let path = folder.join(CREDENTIAL);
        // The service may have other credentials, and none of ours.
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        Self::read(&path).map(Some)
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let refused = |why: &str| {
            let fix = match service_file(path) {
                Some((place, then)) => format!("put what the service can read into {place}{then}"),
                None => format!(
                    "put a file there that you can read, or unset {}",
                    environment::TOKEN_FILE
                ),
            };
            unusable(path, why, fix)
        };
        // Through links: secrets are mounted into containers so.
        let mut file: File = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map_err(|reason| refused(&reason.to_string()))?;
        let found = file.metadata().map_err(|reason| refused(&reason.to_string()))?;
        if !found.is_file() {
            return Err(refused("it is no file"));
        }
        let text = private::read(&mut file, MOST).map_err(|reason| {
            if reason.kind() == std::io::ErrorKind::FileTooLarge {
                refused("it has more than 64 KiB")
            } else {
                refused(&reason.to_string())
            }
        })?;
        Self::parse(path, &text).map_err(|why| {
            let fix = match service_file(path) {
                Some((place, then)) => format!("{FORM}, into {place}{then}"),
                None => FORM.to_owned(),
            };
            unusable(path, &why, fix)
        })
    }

    /// The error never repeats anything of the text.
    fn parse(path: &Path, text: &[u8]) -> Result<Self, String> {
        let mut file = Self {
            path: path.to_owned(),
            bound: None,
            login: None,
            job_tokens: Vec::new(),
        };
        let text = text.to_str().map_err(|_| "it is no text")?;
        let lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.trim()));
        for (place, (number, line)) in lines.filter(|(_, line)| !line.is_empty()).enumerate() {
            file.take(place, line)
                .map_err(|why| format!("line {number} {why}"))?;
        }
        if file.login.is_none() && file.job_tokens.is_empty() {
            return Err("there is nothing in it".into());
        }
        Ok(file)
    }

    fn take(&mut self, place: usize, line: &str) -> Result<(), &'static str> {
        if line.contains(char::is_control) {
            return Err("has a control character");
        }
        match line.split_once('=') {
            Some(("url", url)) => {
                if place > 0 {
                    return Err("is a `url=` that is not the first line");
                }
                let url = Url::parse(url).ok().filter(Url::has_host);
                self.bound = Some(url.ok_or("is a `url=` without a URL")?);
            }
            Some((name, token)) if is_name(name) => {
                if token.is_empty() {
                    return Err("has no token after the `=`");
                }
                self.job_tokens
                    .push((name.to_owned(), Secret::unregistered(token.to_owned())));
            }
            _ => {
                let (user, token) = line
                    .split_once(':')
                    .ok_or("is neither `user:token` nor `NAME=TOKEN`")?;
                if user.is_empty() || token.is_empty() {
                    return Err("has no user or no token beside the `:`");
                }
                if self.login.is_some() {
                    return Err("is a second `user:token`");
                }
                self.login = Some(Login::new(user.to_owned(), Secret::new(token.to_owned())));
            }
        }
        Ok(())
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    pub(super) fn job_token(&self, name: &str) -> Option<&Secret> {
        let found = self.job_tokens.iter().find(|(known, _)| known == name);
        found.map(|(_, token)| token)
    }
}

/// Where a token file's content is changed, and what has to follow.
pub(super) fn place_to_change(path: &Path) -> (String, &'static str) {
    service_file(path).map_or_else(|| (shown(path), ""), |(place, then)| (place.to_owned(), then))
}

/// The same for a file out of the folder that systemd makes for a service anew each time it starts:
/// what is there is a copy, which nobody is to write to.
fn service_file(path: &Path) -> Option<(&'static str, &'static str)> {
    let folder = environment::credentials_directory()?;
    let file = (
        "the file that LoadCredential= names",
        ", then restart the service",
    );
    path.starts_with(folder).then_some(file)
}

fn is_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenFile, String> {
        TokenFile::parse(Path::new("/run/token"), text.as_bytes())
    }

    #[test]
    fn it_has_a_user_perhaps_a_server_and_any_number_of_job_tokens() {
        let file = parse(
            "url=https://ci.example.com/jenkins\r\n\r\nada:a=b:c\r\n\r\ndeploy=x=y:z\r\nmirror-2=t\r\n",
        );
        let file = file.expect("a file");
        assert_eq!(
            file.bound.as_ref().map(Url::as_str),
            Some("https://ci.example.com/jenkins")
        );
        let login = file.login().expect("a login");
        assert_eq!((&*login.user, login.token.expose()), ("ada", "a=b:c"));
        assert_eq!(file.job_token("deploy").map(Secret::expose), Some("x=y:z"));
        assert_eq!(file.job_token("mirror-2").map(Secret::expose), Some("t"));
        assert!(file.job_token("url").is_none());
        let alone = parse("ada:token").expect("a file");
        assert!(alone.bound.is_none());
        assert!(parse("deploy=token\n").expect("a file").login().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_being_repeated() {
        for (text, why) in [
            ("", "there is nothing in it"),
            ("\n\n", "there is nothing in it"),
            ("url=https://ci.example.com\n", "there is nothing in it"),
            ("canary", "line 1 is neither `user:token` nor `NAME=TOKEN`"),
            ("\nada:\n", "line 2 has no user or no token beside the `:`"),
            (":canary", "line 1 has no user or no token beside the `:`"),
            ("ada:x\nbob:canary", "line 2 is a second `user:token`"),
            (
                "ada:x\nurl=https://canary",
                "line 2 is a `url=` that is not the first line",
            ),
            ("url=canary\nada:x", "line 1 is a `url=` without a URL"),
            ("ada:can\u{1b}ary", "line 1 has a control character"),
            ("ada:x\ndeploy=", "line 2 has no token after the `=`"),
        ] {
            assert_eq!(parse(text).expect_err("refused"), why, "{text:?}");
        }
        let bytes = TokenFile::parse(Path::new("/x"), b"ada:\xff").expect_err("refused");
        assert_eq!(bytes, "it is no text");
    }
}
