//! What a repository knows of its remotes, and what a remote says itself.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use super::{Error, Repository};
use crate::environment;
use crate::platform;
use crate::text::without_userinfo;

/// What git writes into a reflog when a remote took a push (`transport.c`).
const BY_PUSH: &[u8] = b"update by push";

/// How long a remote may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(30);

/// Beyond so many references all of a remote's are asked for.
const MOST_NAMED: usize = 100;

/// The name under which a remote is asked: it stands for an address only while git runs.
const ASKED: &str = "jenkins-trigger-asks";

/// Which references of a remote git keeps a copy of, and where: `remote.<name>.fetch`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Refspecs(Vec<Refspec>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Refspec {
    negative: bool,
    from: BString,
    to: BString,
}

impl Refspecs {
    fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let parse = |value: &[u8]| {
            let negative = value.starts_with(b"^");
            let value = value.strip_prefix(b"^").unwrap_or(value);
            let value = value.strip_prefix(b"+").unwrap_or(value);
            let (from, to) = value.split_once_str(":").unwrap_or((value, b""));
            Refspec {
                negative,
                from: from.into(),
                to: to.into(),
            }
        };
        Self(values.into_iter().map(parse).collect())
    }

    /// The full name of the copy of this reference; `None` if git keeps none.
    #[must_use]
    pub fn tracking(&self, reference: &BStr) -> Option<BString> {
        let excluded = |spec: &&Refspec| spec.negative && between(&spec.from, reference).is_some();
        if self.0.iter().any(|spec| excluded(&spec)) {
            return None;
        }
        self.0
            .iter()
            .filter(|spec| !spec.negative && !spec.to.is_empty())
            .find_map(|spec| Some(spec.to.replacen("*", between(&spec.from, reference)?, 1).into()))
    }
}

/// What the only `*` of `pattern` stands for in `name`; nothing at all where the two are equal.
fn between<'a>(pattern: &BString, name: &'a BStr) -> Option<&'a [u8]> {
    match pattern.split_once_str("*") {
        Some((start, end)) => name.strip_prefix(start)?.strip_suffix(end),
        None => (pattern.as_bstr() == name).then_some(&[]),
    }
}

/// An address as it may be written down: without the password in it, and for http without the
/// user's name too, which often is a token.
#[must_use]
pub fn address_to_keep(address: &BStr) -> BString {
    let Some((scheme, rest)) = address.split_once_str("://") else {
        // A path, or `user@host:path` of ssh.
        return address.to_owned();
    };
    let (place, path) = rest.split_at(rest.find_byte(b'/').unwrap_or(rest.len()));
    let Some((user, host)) = place.rsplit_once_str("@") else {
        return address.to_owned();
    };
    let mut kept = [scheme, b"://"].concat();
    if !scheme.to_ascii_lowercase().starts_with(b"http") {
        let name = user.split_once_str(":").map_or(user, |(name, _)| name);
        kept.extend([name, b"@"].concat());
    }
    kept.extend([host, path].concat());
    kept.into()
}

impl Repository {
    /// Where git keeps copies of what this remote has.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn refspecs(&self, remote: &BStr) -> Result<Refspecs, Error> {
        let values = self.settings_of(remote, "fetch")?;
        Ok(Refspecs::parse(values.iter().map(|value| value.as_slice())))
    }

    /// The one remote that has this address.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn remote_at(&self, addresses: &[&BStr]) -> Result<Option<BString>, Error> {
        let mut found = Vec::new();
        for remote in self.remotes()? {
            let own = self.addresses_of(remote.as_ref())?;
            if own.iter().any(|own| addresses.contains(&own.as_bstr())) {
                found.push(remote);
            }
        }
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// The addresses that are set for a remote, for fetching and for pushing.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn addresses_of(&self, remote: &BStr) -> Result<Vec<BString>, Error> {
        let mut addresses = self.settings_of(remote, "url")?;
        addresses.extend(self.settings_of(remote, "pushurl")?);
        Ok(addresses)
    }

    /// The default branch of a remote, as last fetched: its full name there, and its tip.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub fn default_branch_of(&self, remote: &BStr) -> Result<Option<(BString, String)>, Error> {
        let folder = [b"refs/remotes/", remote.as_bytes(), b"/"].concat();
        let head = BString::from([folder.as_slice(), b"HEAD"].concat());
        let Some(target) = self.symbolic_target(head.as_ref())? else {
            return Ok(None);
        };
        let Some(branch) = target.strip_prefix(folder.as_slice()) else {
            return Ok(None);
        };
        let reference = BString::from([b"refs/heads/", branch].concat());
        let tip = self.resolve(target.as_ref())?;
        Ok(tip.map(|tip| (reference, tip)))
    }

    /// How long the reflog of this reference is; 0 where none is kept as a file.
    #[must_use]
    pub fn reflog_length(&self, reference: &BStr) -> u64 {
        fs::metadata(self.reflog(reference)).map_or(0, |found| found.len())
    }

    /// Whether git noted, since the reflog of this reference was so long, that a remote took a push
    /// of this object.
    #[must_use]
    pub fn was_pushed_since(&self, reference: &BStr, length: u64, id: &str) -> bool {
        let read = || {
            let mut file = fs::File::open(self.reflog(reference))?;
            file.seek(SeekFrom::Start(length))?;
            let mut lines = Vec::new();
            file.read_to_end(&mut lines)?;
            std::io::Result::Ok(lines)
        };
        let lines = read().unwrap_or_default();
        lines.lines().any(|line| {
            let Some((entry, action)) = line.split_once_str("\t") else {
                return false;
            };
            let new = entry.split_str(" ").nth(1);
            action == BY_PUSH && new == Some(id.as_bytes())
        })
    }

    /// The values of `remote.<remote>.<name>`.
    fn settings_of(&self, remote: &BStr, name: &str) -> Result<Vec<BString>, Error> {
        let key = [b"remote.", remote.as_bytes(), b".", name.as_bytes()].concat();
        self.settings(BStr::new(&key))
    }

    fn reflog(&self, reference: &BStr) -> PathBuf {
        self.common_dir().join("logs").join(OsStr::from_bytes(reference))
    }

    /// Whether git could not write this reference if it had to: somebody else's lock is there, or,
    /// among all `references`, one that would have to be a folder, or for which this would have to.
    #[must_use]
    pub fn is_blocked(&self, reference: &BStr, references: &BTreeMap<BString, String>) -> bool {
        let mut lock = reference.to_vec();
        lock.extend_from_slice(b".lock");
        if self.common_dir().join(OsStr::from_bytes(&lock)).exists() {
            return true;
        }
        let above = reference
            .find_iter("/")
            .any(|end| references.contains_key(BStr::new(&reference[..end])));
        let folder = BString::from([reference.as_bytes(), b"/"].concat());
        let below = references.range(folder.clone()..).next();
        above || below.is_some_and(|(name, _)| name.starts_with(&folder))
    }

    /// Asks the remote at this address which objects these references of its are. Nobody can be
    /// asked for anything, and it ends after a while.
    ///
    /// `remote` is the name under which further settings are found, for example the path of git's
    /// program over there.
    ///
    /// # Errors
    /// Why there is no answer, on one line.
    pub fn ask_remote(
        &self,
        remote: Option<&BStr>,
        address: &BStr,
        references: &[&BStr],
    ) -> Result<BTreeMap<BString, String>, String> {
        let mut git = self.command();
        let mut settings = vec![("url", address.to_owned())];
        if let Some(remote) = remote {
            for name in ["uploadpack", "proxy", "proxyAuthMethod", "vcs"] {
                let value = self.settings_of(remote, name);
                let value = value.map_err(|error| error.to_string())?.pop();
                settings.extend(value.map(|value| (name, value)));
            }
        }
        for (name, value) in settings {
            // It may have a password in it, which must not stand in a list of processes.
            let variable = format!("{}{}", environment::ASKED_PREFIX, name.to_ascii_uppercase());
            git.arg(format!("--config-env=remote.{ASKED}.{name}={variable}"))
                .env(variable, OsStr::from_bytes(&value));
        }
        git.args(["-c", "credential.interactive=false", "-c", "core.askPass="])
            .args(["ls-remote", "--quiet", "--", ASKED]);
        if references.len() <= MOST_NAMED {
            git.args(references.iter().map(|name| OsStr::from_bytes(name)));
        }
        self.without_prompts(&mut git);
        let output = platform::run_alone(&mut git, PATIENCE).map_err(|error| error.to_string())?;
        let Some(output) = output else {
            return Err(format!("it did not answer within {} s", PATIENCE.as_secs()));
        };
        if !output.status.success() {
            return Err(last_words(&output.stderr));
        }
        let line = |line: &[u8]| {
            let (id, name) = line.split_once_str("\t")?;
            Some((BString::from(name), id.to_str().ok()?.to_owned()))
        };
        Ok(output.stdout.lines().filter_map(line).collect())
    }

    fn without_prompts(&self, git: &mut Command) {
        git.env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env("GCM_INTERACTIVE", "never")
            .stdin(Stdio::null());
        let setting = |key: &str| self.settings(BStr::new(key)).ok()?.pop();
        let configured = || setting("core.sshCommand");
        let variant = environment::git_ssh_variant().or_else(|| setting("ssh.variant"));
        let ssh = match environment::git_ssh_command() {
            Some(command) => Some(command),
            None => configured().or_else(|| environment::git_ssh().is_none().then(|| "ssh".into())),
        };
        // Another program than OpenSSH's may not know the option; without a terminal it cannot ask
        // either.
        if let Some(mut command) = ssh.filter(|command| is_openssh(command, variant.as_ref())) {
            command.extend_from_slice(b" -o BatchMode=yes");
            git.env(environment::GIT_SSH_COMMAND, OsStr::from_bytes(&command));
        }
    }
}

/// Whether git would give it OpenSSH's options. What the user says of it counts, whatever its name.
fn is_openssh(command: &BString, variant: Option<&BString>) -> bool {
    if variant.is_some_and(|variant| variant != "ssh" && variant != "auto") {
        return false;
    }
    let program = command.split_str(" ").next().unwrap_or_default();
    let program = program.trim_with(|c| matches!(c, '"' | '\''));
    Path::new(OsStr::from_bytes(program)).file_name() == Some(OsStr::new("ssh"))
}

/// What git said last, which is why it failed; before that may stand what it tried.
fn last_words(stderr: &[u8]) -> String {
    let said: Vec<&[u8]> = stderr
        .lines()
        .map(ByteSlice::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let fatal = said
        .iter()
        .find(|line| line.starts_with(b"fatal: "))
        .or(said.last());
    let words = fatal.map(|line| line.strip_prefix(b"fatal: ").unwrap_or(line));
    // git says first what was wrong and then what may have been.
    without_userinfo(&words.unwrap_or(b"git failed and said nothing").to_str_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracking(specs: &[&str], reference: &str) -> Option<String> {
        let specs = Refspecs::parse(specs.iter().map(|spec| spec.as_bytes()));
        specs.tracking(reference.into()).map(|name| name.to_string())
    }

    #[test]
    fn copies_are_where_the_refspecs_put_them() {
        let usual = ["+refs/heads/*:refs/remotes/origin/*"];
        let copy = Some("refs/remotes/origin/a/b".to_owned());
        assert_eq!(tracking(&usual, "refs/heads/a/b"), copy);
        assert_eq!(tracking(&usual, "refs/tags/v1"), None);
        let single = ["+refs/heads/main:refs/remotes/origin/main"];
        assert_eq!(tracking(&single, "refs/heads/mains"), None);
        let main = Some("refs/remotes/origin/main".to_owned());
        assert_eq!(tracking(&single, "refs/heads/main"), main);
        assert_eq!(
            tracking(&["refs/heads/main"], "refs/heads/main"),
            None,
            "only FETCH_HEAD"
        );
        let but = ["^refs/heads/wip/*", usual[0]];
        assert_eq!(tracking(&but, "refs/heads/wip/x"), None);
        assert_eq!(tracking(&but, "refs/heads/a/b"), copy);
        let inner = ["refs/heads/*/done:refs/d/*/x"];
        assert_eq!(tracking(&inner, "refs/heads/a/done"), Some("refs/d/a/x".into()));
        assert_eq!(tracking(&[], "refs/heads/main"), None);
    }

    #[test]
    fn addresses_are_kept_without_their_secrets() {
        for (address, kept) in [
            ("/srv/shop.git", "/srv/shop.git"),
            ("git@host:shop.git", "git@host:shop.git"),
            ("https://host/shop@2.git", "https://host/shop@2.git"),
            (
                "https://me:secret@host:8443/shop.git",
                "https://host:8443/shop.git",
            ),
            ("HTTP://token@host", "HTTP://host"),
            ("ssh://git@host:22/shop.git", "ssh://git@host:22/shop.git"),
            ("ssh://git:secret@host/shop.git", "ssh://git@host/shop.git"),
            ("https://me:se@cret@host/", "https://host/"),
        ] {
            assert_eq!(address_to_keep(address.into()), kept, "{address}");
        }
    }

    #[test]
    fn only_openssh_is_given_its_own_option() {
        for (command, expected) in [
            ("ssh", true),
            ("/usr/bin/ssh -i key", true),
            ("'/usr/bin/ssh' -v", true),
            ("plink -batch", false),
            ("sshpass -e ssh", false),
            ("", false),
        ] {
            assert_eq!(is_openssh(&command.into(), None), expected, "{command}");
        }
        for (variant, expected) in [("ssh", true), ("auto", true), ("simple", false), ("plink", false)] {
            let found = is_openssh(&"ssh".into(), Some(&variant.into()));
            assert_eq!(found, expected, "{variant}");
        }
    }
}
