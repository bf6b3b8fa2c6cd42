//! The own store: one file of this user's, by server.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Deserializer};
use url::Url;
use zeroize::Zeroizing;

use super::Error;
use super::private::{self, unusable};
use crate::environment;
use crate::platform::{self, Lock};
use crate::secret::{Login, Secret};

const FORMAT: u32 = 1;

/// How long to wait for another that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than this it never holds.
const MOST: usize = 1024 * 1024;

/// `$XDG_CONFIG_HOME/jenkins-trigger/credentials`: a folder of mode 0700, a file of mode 0600 that is
/// replaced in one step.
#[derive(Debug, Clone)]
pub struct Store {
    file: PathBuf,
}

/// What the store held when it was read.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct Contents {
    v: u32,
    servers: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    /// The base URL, with the context path and a `/` at its end.
    url: String,
    user: Option<String>,
    token: Option<Kept>,
    #[serde(default)]
    job_tokens: Vec<Named>,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    name: String,
    token: Kept,
}

/// A secret as it is read. Nothing writes one but [`Contents::written`].
#[derive(Debug, Clone)]
struct Kept(Secret);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::unregistered(text)))
    }
}

impl Contents {
    fn entry(&self, server: &Url) -> Option<&Entry> {
        self.servers.iter().find(|entry| entry.url == server.as_str())
    }

    fn entry_mut(&mut self, server: &Url) -> &mut Entry {
        let place = self.servers.iter().position(|entry| entry.url == server.as_str());
        let place = place.unwrap_or_else(|| {
            self.servers.push(Entry {
                url: server.as_str().to_owned(),
                user: None,
                token: None,
                job_tokens: Vec::new(),
            });
            self.servers.len() - 1
        });
        &mut self.servers[place]
    }

    /// The user and API token for this server.
    #[must_use]
    pub fn login(&self, server: &Url) -> Option<Login> {
        let entry = self.entry(server)?;
        Some(Login::new(entry.user.clone()?, entry.token.clone()?.0))
    }

    /// The job's trigger token of this name for this server.
    #[must_use]
    pub fn job_token(&self, server: &Url, name: &str) -> Option<Secret> {
        let tokens = &self.entry(server)?.job_tokens;
        let found = tokens.iter().find(|token| token.name == name)?;
        Some(found.token.0.clone())
    }

    /// As the file has it. By hand, because a secret is serialised nowhere else.
    fn written(&self) -> Zeroizing<Vec<u8>> {
        // Six bytes for one are the most that JSON takes; a buffer that grows leaves secrets behind.
        let needed = |entry: &Entry| {
            let named = entry.job_tokens.iter();
            let tokens = named.map(|named| 64 + 6 * (named.name.len() + named.token.0.expose().len()));
            let token = entry.token.as_ref().map_or(0, |token| token.0.expose().len());
            let user = entry.user.as_ref().map_or(0, String::len);
            256 + 6 * (entry.url.len() + user + token) + tokens.sum::<usize>()
        };
        let room = 64 + self.servers.iter().map(needed).sum::<usize>();
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        text.extend_from_slice(format!("{{\n  \"v\": {FORMAT},\n  \"servers\": [").as_bytes());
        for (number, entry) in self.servers.iter().enumerate() {
            text.extend_from_slice(if number == 0 { b"\n    {" } else { b",\n    {" });
            pair(&mut text, "\n      ", "url", &entry.url);
            if let (Some(user), Some(token)) = (&entry.user, &entry.token) {
                pair(&mut text, ",\n      ", "user", user);
                pair(&mut text, ",\n      ", "token", token.0.expose());
            }
            text.extend_from_slice(b",\n      \"job_tokens\": [");
            for (number, named) in entry.job_tokens.iter().enumerate() {
                text.extend_from_slice(if number == 0 {
                    b"\n        {"
                } else {
                    b",\n        {"
                });
                pair(&mut text, " ", "name", &named.name);
                pair(&mut text, ", ", "token", named.token.0.expose());
                text.extend_from_slice(b" }");
            }
            text.extend_from_slice(b"]\n    }");
        }
        text.extend_from_slice(b"\n  ]\n}\n");
        text
    }
}

fn pair(text: &mut Vec<u8>, before: &str, key: &str, value: &str) {
    text.extend_from_slice(before.as_bytes());
    text.extend_from_slice(format!("\"{key}\": ").as_bytes());
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(text, value);
}

impl Store {
    /// The store of the user this process runs for.
    ///
    /// # Errors
    /// [`Error::NoHome`].
    pub fn of_user() -> Result<Self, Error> {
        let home = environment::config_home().ok_or(Error::NoHome)?;
        Ok(Self {
            file: home.join("jenkins-trigger").join("credentials"),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// What it holds; nothing, if there is none.
    ///
    /// # Errors
    /// [`Error::Unusable`] if it is not this user's alone, a link, or damaged.
    pub fn read(&self) -> Result<Contents, Error> {
        let Some(mut file) = self.open()? else {
            return Ok(Contents::default());
        };
        let text = private::read(&mut file, MOST).map_err(|reason| self.failed(&reason))?;
        let aside = "move it away and log in anew: jenkins-trigger login";
        // The error's own words may repeat a value.
        let contents: Contents = serde_json::from_slice(&text).map_err(|error| {
            let place = format!(
                "it is damaged in line {}, column {}",
                error.line(),
                error.column()
            );
            unusable(&self.file, &place, aside)
        })?;
        if contents.v != FORMAT {
            let why = format!("it is of format {}, not {FORMAT}", contents.v);
            return Err(unusable(&self.file, &why, aside));
        }
        Ok(contents)
    }

    /// Opens it and looks at what was opened, so that nothing can take its place in between.
    fn open(&self) -> Result<Option<File>, Error> {
        use rustix::io::Errno;
        let folder = self.folder();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = match rustix::fs::open(folder, flags, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) => return Ok(None),
            Err(reason) => return Err(unusable(folder, &reason.to_string(), "make it a folder of yours")),
        };
        // Through a link of the user's own it may be anywhere that is his.
        let found = opened.metadata().map_err(|reason| self.failed(&reason))?;
        if let Some(objection) = private::folder_objection(folder, &found) {
            return Err(objection);
        }
        let name = self.file.file_name().unwrap_or_default();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&opened, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                let fix = "put the file itself there, with mode 600, or remove the link";
                return Err(unusable(&self.file, "it is a link", fix));
            }
            Err(reason) => return Err(self.failed(&reason.into())),
        };
        let found = file.metadata().map_err(|reason| self.failed(&reason))?;
        match private::objection(&self.file, &found) {
            Some(objection) => Err(objection),
            None => Ok(Some(file)),
        }
    }

    /// The user and API token for this server.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn login(&self, server: &Url) -> Result<Option<Login>, Error> {
        Ok(self.read()?.login(server))
    }

    /// The job's trigger token of this name for this server.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn job_token(&self, server: &Url, name: &str) -> Result<Option<Secret>, Error> {
        Ok(self.read()?.job_token(server, name))
    }

    /// Keeps the user and API token for this server, instead of those it had.
    ///
    /// # Errors
    /// As [`Store::read`], and what the file system says; the store is as it was then.
    pub fn keep_login(&self, server: &Url, login: &Login) -> Result<(), Error> {
        self.change(|contents| {
            let entry = contents.entry_mut(server);
            entry.user = Some(login.user.clone());
            entry.token = Some(Kept(login.token.clone()));
            true
        })
        .map(drop)
    }

    /// Keeps a job's trigger token of this name for this server, instead of the one it had.
    ///
    /// # Errors
    /// As [`Store::keep_login`].
    pub fn keep_job_token(&self, server: &Url, name: &str, token: &Secret) -> Result<(), Error> {
        self.change(|contents| {
            let tokens = &mut contents.entry_mut(server).job_tokens;
            tokens.retain(|known| known.name != name);
            tokens.push(Named {
                name: name.to_owned(),
                token: Kept(token.clone()),
            });
            true
        })
        .map(drop)
    }

    /// Forgets the user and API token for this server; whether it had any.
    ///
    /// # Errors
    /// As [`Store::keep_login`].
    pub fn erase_login(&self, server: &Url) -> Result<bool, Error> {
        if self.login(server)?.is_none() {
            return Ok(false);
        }
        self.change(|contents| {
            let entry = contents
                .servers
                .iter_mut()
                .find(|entry| entry.url == server.as_str());
            let had = entry.map(|entry| (entry.user.take(), entry.token.take()));
            had.is_some_and(|(user, token)| user.is_some() || token.is_some())
        })
    }

    /// Forgets the job's trigger token of this name for this server; whether it had it.
    ///
    /// # Errors
    /// As [`Store::keep_login`].
    pub fn erase_job_token(&self, server: &Url, name: &str) -> Result<bool, Error> {
        if self.job_token(server, name)?.is_none() {
            return Ok(false);
        }
        self.change(|contents| {
            let entry = contents
                .servers
                .iter_mut()
                .find(|entry| entry.url == server.as_str());
            entry.is_some_and(|entry| {
                let before = entry.job_tokens.len();
                entry.job_tokens.retain(|known| known.name != name);
                entry.job_tokens.len() != before
            })
        })
    }

    /// Writes it anew if `change` says that there is something to write; what that said.
    fn change(&self, change: impl FnOnce(&mut Contents) -> bool) -> Result<bool, Error> {
        let folder = self.folder();
        // A link to a folder of this user's is his choice, and looked at when it is opened.
        if fs::metadata(folder).is_err() {
            platform::private_directory(folder)
                .map_err(|reason| unusable(folder, &reason.to_string(), "make it a folder of yours"))?;
        }
        // Before anything is put into a folder that is not private.
        self.read()?;
        let _lock = self.lock()?;
        let mut contents = self.read()?;
        if !change(&mut contents) {
            return Ok(false);
        }
        contents
            .servers
            .retain(|entry| entry.token.is_some() || !entry.job_tokens.is_empty());
        let replaced = platform::sweep(&self.file)
            .and_then(|()| platform::replace(&self.file, &contents.written(), 0o600));
        replaced.map_err(|reason| self.failed(&reason))?;
        Ok(true)
    }

    /// Two at once would lose one's secrets; nobody holds this for longer than a write.
    fn lock(&self) -> Result<Lock, Error> {
        let path = self.file.with_extension("lock");
        let lock = Lock::take_within(&path, PATIENCE).map_err(|reason| self.failed(&reason))?;
        lock.ok_or_else(|| {
            let why = "another jenkins-trigger holds its lock";
            unusable(&self.file, why, "wait for that one, then try again")
        })
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(&self.file)
    }

    fn failed(&self, reason: &io::Error) -> Error {
        unusable(
            &self.file,
            &reason.to_string(),
            "make it readable and writable for you",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn store(place: &Path) -> Store {
        Store {
            file: place.join("jenkins-trigger/credentials"),
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn login(user: &str, token: &str) -> Login {
        Login::new(user.to_owned(), Secret::new(token.to_owned()))
    }

    fn urls(store: &Store) -> Vec<String> {
        let contents = store.read().expect("a store");
        contents.servers.into_iter().map(|entry| entry.url).collect()
    }

    #[test]
    fn what_is_kept_is_found_by_its_server_and_gone_when_it_is_erased() {
        let place = tempfile::tempdir().expect("a folder");
        let store = store(place.path());
        let (one, other) = (
            url("https://ci.example.com/"),
            url("https://ci.example.com/jenkins/"),
        );
        assert!(store.login(&one).expect("no store").is_none());
        assert!(!store.erase_login(&one).expect("nothing"));
        assert!(!store.path().exists(), "nothing is made to erase nothing");
        let token = "\"\\\u{1f511} é/";
        store.keep_login(&one, &login("ada \"x\"", token)).expect("kept");
        store.keep_login(&other, &login("bob", "t")).expect("kept");
        store
            .keep_job_token(&other, "deploy", &Secret::new("j".into()))
            .expect("kept");
        store
            .keep_job_token(&other, "deploy", &Secret::new("k".into()))
            .expect("kept");
        let found = store.login(&one).expect("a store").expect("a login");
        assert_eq!((&*found.user, found.token.expose()), ("ada \"x\"", token));
        let job_token = |name: &str| store.job_token(&other, name).expect("a store");
        assert_eq!(job_token("deploy").expect("a token").expose(), "k");
        assert!(job_token("mirror").is_none());
        assert!(store.job_token(&one, "deploy").expect("a store").is_none());
        assert!(store.erase_login(&other).expect("erased"));
        assert!(store.login(&other).expect("a store").is_none());
        assert!(job_token("deploy").is_some());
        assert!(store.erase_job_token(&other, "deploy").expect("erased"));
        assert!(!store.erase_job_token(&other, "deploy").expect("nothing"));
        assert_eq!(urls(&store), [one.as_str()]);
    }

    #[test]
    fn nobody_else_can_read_it_whatever_the_umask_was() {
        let place = tempfile::tempdir().expect("a folder");
        let store = store(place.path());
        store
            .keep_login(&url("https://ci/"), &login("ada", "t"))
            .expect("kept");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o7777;
        assert_eq!((mode(store.path()), mode(store.folder())), (0o600, 0o700));
    }

    #[test]
    fn two_that_keep_at_once_lose_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let store = store(place.path());
        std::thread::scope(|scope| {
            for number in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    let server = url(&format!("https://ci-{number}/"));
                    store.keep_login(&server, &login("ada", "t")).expect("kept");
                });
            }
        });
        assert_eq!(urls(&store).len(), 8);
    }

    #[test]
    fn what_is_put_in_its_place_while_it_is_read_is_looked_at_too() {
        let place = tempfile::tempdir().expect("a folder");
        let store = store(place.path());
        let server = url("https://ci/");
        store.keep_login(&server, &login("ada", "own")).expect("kept");
        let evil = place.path().join("evil");
        let text = fs::read_to_string(store.path()).expect("its text");
        fs::write(&evil, text.replace("own", "evil")).expect("a file");
        fs::set_permissions(&evil, fs::Permissions::from_mode(0o644)).expect("a mode");
        let (done, evil) = (&AtomicBool::new(false), &evil);
        std::thread::scope(|scope| {
            let path = store.path();
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    platform::exchange(evil, path).expect("an exchange");
                }
            });
            let found: Vec<_> = (0..20_000).filter_map(|_| store.login(&server).ok()).collect();
            done.store(true, Ordering::Relaxed);
            let is_own =
                |login: &Option<Login>| login.as_ref().is_some_and(|login| login.token.expose() == "own");
            assert!(!found.is_empty() && found.iter().all(is_own));
        });
    }
}
