//! Pushes that git has not ended yet, or of which nobody could say what the remote took: what is
//! to be triggered if it took it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use bstr::{BStr, ByteSlice as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::trigger::check_id;
use super::{Error, Result, Spool, Trigger, Unreadable, io_error, read_own};
use crate::platform::{self, Lock};
use crate::secret;
use crate::text::Text;

/// The format of a push's entry; one of another format is left alone.
pub const PUSH_FORMAT: u32 = 1;

/// The folder of those that git, or the one who waits for its end, is at.
const UNDER_WAY: &str = "pushes";
/// The folder of those that could not be decided yet.
const UNDECIDED: &str = "undecided";
/// The folder of what later pushes have decided: a file for each push, and in it a line for each of
/// its references.
const NOTED: &str = "noted";

/// A process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number; 0 for nobody known.
    pub pid: u32,
    /// When it was started; 0 where the system does not tell.
    pub started: u64,
}

/// One call of git's `pre-push`, with what is to be triggered for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The entry's format, [`PUSH_FORMAT`].
    pub v: u32,
    /// Unique, and later ids sort later.
    pub id: String,
    /// When git was about to push.
    pub created: Timestamp,
    /// The git that pushes.
    pub git: ProcessId,
    /// A `jenkins-trigger push` that runs it and will see itself what the remote took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_by: Option<ProcessId>,
    /// The remote's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Text>,
    /// Where it goes, without user and password.
    pub address: Text,
    /// The most triggers of one push.
    pub max_triggers: usize,
    /// The references for which something is to be triggered.
    pub references: Vec<PushedReference>,
    /// When the remote was last asked in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// Why it is not decided, as a person reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// One reference of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedReference {
    /// Its full name on the remote.
    pub reference: Text,
    /// The object that is pushed.
    pub new: String,
    /// The object that the remote had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// git's own copy of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<TrackedReference>,
    /// An earlier push of the same was not decided yet, and is left to this one.
    #[serde(default)]
    pub repeats: bool,
    /// What is to be triggered if the remote takes it.
    pub triggers: Vec<Trigger>,
}

/// git's own copy of a remote's reference before the push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedReference {
    /// Its full name.
    pub reference: Text,
    /// The object it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// How long its reflog was, in bytes.
    pub reflog: u64,
}

/// One reference of a push as far as it tells something of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later<'a> {
    /// Its full name on the remote.
    pub reference: &'a BStr,
    /// The object that is pushed.
    pub new: &'a str,
    /// The object that the remote had, `Some(None)` for none; `None` where that is not known.
    pub old: Option<Option<&'a str>>,
}

/// What a later push has decided of one reference of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Its full name on the remote.
    pub reference: Text,
    /// The object that was pushed.
    pub new: String,
    /// Whether the remote had it then.
    pub taken: bool,
}

impl Push {
    /// What is to be triggered.
    pub fn triggers(&self) -> impl Iterator<Item = &Trigger> {
        self.references.iter().flat_map(|reference| &reference.triggers)
    }

    /// Leaves out the triggers that would send a secret, and returns them, each with what is to be
    /// said of it.
    #[must_use]
    pub fn refuse_secrets(&mut self) -> Vec<(Trigger, Error)> {
        let mut refused = Vec::new();
        for reference in &mut self.references {
            for trigger in std::mem::take(&mut reference.triggers) {
                match trigger.secret_part() {
                    Some(part) => refused.push((trigger, Error::Secret(part))),
                    None => reference.triggers.push(trigger),
                }
            }
        }
        self.references.retain(|reference| !reference.triggers.is_empty());
        refused
    }

    /// Where it goes, for people: the remote's name, else the address.
    #[must_use]
    pub fn destination(&self) -> String {
        self.remote.as_ref().unwrap_or(&self.address).to_string()
    }
}

/// The pushes of a spool that are not decided.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pushes {
    /// Those that git, or the one who waits for its end, is at, oldest first.
    pub under_way: Vec<Push>,
    /// Those of which it could not be found out what the remote took, oldest first.
    pub undecided: Vec<Push>,
    /// Files that are no entries of this version.
    pub unreadable: Vec<Unreadable>,
}

impl Spool {
    /// Takes in a push that git is about to make.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put_push(&self, push: &Push) -> Result<()> {
        self.write_push(push, UNDER_WAY)
    }

    /// All pushes that are not decided.
    ///
    /// # Errors
    /// What the file system says about the folders; an entry that cannot be read is listed.
    pub fn pushes(&self) -> Result<Pushes> {
        let mut pushes = Pushes::default();
        pushes.under_way = self.read_pushes(UNDER_WAY, &mut pushes.unreadable)?;
        pushes.undecided = self.read_pushes(UNDECIDED, &mut pushes.unreadable)?;
        Ok(pushes)
    }

    /// A push as it is now, with the right to decide it; `None` if somebody else has that or it is
    /// decided.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take_push(&self, id: &str) -> Result<Option<(Push, Lock)>> {
        for folder in [UNDER_WAY, UNDECIDED] {
            let path = self.file(folder, id);
            let Some(lock) = Lock::try_take_of(&path).map_err(io_error("lock", &path))? else {
                continue;
            };
            // Read after it is locked: another may have written it anew until then.
            let text = read_own(&path).map_err(io_error("read", &path))?;
            return Ok(decode(&text).ok().map(|push| (push, lock)));
        }
        Ok(None)
    }

    /// Decides what can be decided of earlier pushes, by another git than this, because a later one
    /// found what it found. Those of the same object are left to it, and returned: whatever made
    /// the remote have it, it is one event.
    ///
    /// # Errors
    /// What the file system says.
    pub fn note_later<'a>(
        &self,
        git: u32,
        remote: Option<&Text>,
        later: &[Later<'a>],
    ) -> Result<BTreeSet<(&'a BStr, &'a str)>> {
        let mut repeated = BTreeSet::new();
        if !self.may_have_pushes() {
            return Ok(repeated);
        }
        let later: BTreeMap<&BStr, &Later<'a>> = later.iter().map(|later| (later.reference, later)).collect();
        let open = self.pushes()?;
        for earlier in open.under_way.iter().chain(&open.undecided) {
            // git runs the hook once for each address of one remote.
            let same_git = earlier.git.pid == git && git != 0;
            if same_git || earlier.remote.as_ref() != remote {
                continue;
            }
            for own in &earlier.references {
                let Some(later) = later.get(own.reference.0.as_bstr()) else {
                    continue;
                };
                let found = later.old;
                if found == Some(Some(&own.new)) {
                    self.note(&earlier.id, own, true)?;
                } else if later.new == own.new {
                    self.note(&earlier.id, own, false)?;
                    repeated.insert((later.reference, later.new));
                } else if found == Some(own.old.as_deref()) {
                    self.note(&earlier.id, own, false)?;
                }
            }
        }
        Ok(repeated)
    }

    fn note(&self, id: &str, reference: &PushedReference, taken: bool) -> Result<()> {
        let folder = self.folder.join(NOTED);
        platform::private_directory(&folder).map_err(io_error("use", &folder))?;
        let noted = Noted {
            reference: reference.reference.clone(),
            new: reference.new.clone(),
            taken,
        };
        let mut line = serde_json::to_vec(&noted).unwrap_or_default();
        line.push(b'\n');
        let path = folder.join(id);
        platform::append_own(&path)
            .and_then(|(mut file, _)| file.write_all(&line))
            .map_err(io_error("write", &path))
    }

    /// What later pushes have decided of this one.
    #[must_use]
    pub fn noted(&self, id: &str) -> Vec<Noted> {
        let lines = read_own(&self.folder.join(NOTED).join(id)).unwrap_or_default();
        lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    /// Keeps what is left to be decided of a push.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_undecided(&self, push: &Push) -> Result<()> {
        self.write_push(push, UNDECIDED)?;
        self.remove(UNDER_WAY, &push.id)
    }

    /// Forgets a push that is decided.
    ///
    /// # Errors
    /// What the file system says.
    pub fn end_push(&self, id: &str) -> Result<()> {
        self.remove(UNDER_WAY, id)?;
        self.remove(UNDECIDED, id)?;
        super::remove_if_there(&self.folder.join(NOTED).join(id)).map(drop)
    }

    /// Whether this trigger has been put into the spool, be it that its outcome is known already.
    ///
    /// # Errors
    /// What the file system says.
    pub fn knows(&self, trigger: &Trigger) -> Result<bool> {
        let waits = |folder: &str| self.file(folder, &trigger.id).exists();
        if waits("new") || waits("failed") {
            return Ok(true);
        }
        let mut entries = self.journal().newest_first()?;
        Ok(entries.any(|entry| entry.id == trigger.id && entry.outcome.is_of_delivery()))
    }

    fn write_push(&self, push: &Push, folder: &str) -> Result<()> {
        self.prepare()?;
        let path = self.folder.join(folder);
        platform::private_directory(&path).map_err(io_error("use", &path))?;
        // Serialisation to memory fails only for maps with keys that are no strings; there are none.
        let mut text = serde_json::to_vec(&*redacted(push)).unwrap_or_default();
        text.push(b'\n');
        self.write_entry(&push.id, folder, &text)
    }

    fn read_pushes(&self, folder: &str, unreadable: &mut Vec<Unreadable>) -> Result<Vec<Push>> {
        let mut pushes = Vec::new();
        for path in self.paths(folder)? {
            let read = match read_own(&path) {
                Ok(text) => decode(&text).and_then(|push| super::named_so(&path, &push.id).map(|()| push)),
                // Somebody has just decided it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => Err(error.to_string()),
            };
            match read {
                Ok(push) => pushes.push(push),
                Err(reason) => unreadable.push(Unreadable { path, reason }),
            }
        }
        Ok(pushes)
    }

    /// Whether there may be pushes that are not decided: next to free.
    #[must_use]
    pub fn may_have_pushes(&self) -> bool {
        [UNDER_WAY, UNDECIDED]
            .iter()
            .any(|folder| self.paths(folder).is_ok_and(|paths| !paths.is_empty()))
    }
}

/// The push without any secret in what was said about it.
fn redacted(push: &Push) -> Cow<'_, Push> {
    match push.trouble.as_deref().map(secret::redact) {
        Some(Cow::Owned(trouble)) => Cow::Owned(Push {
            trouble: Some(trouble),
            ..push.clone()
        }),
        _ => Cow::Borrowed(push),
    }
}

fn decode(text: &[u8]) -> std::result::Result<Push, String> {
    super::check_format(text, PUSH_FORMAT)?;
    let push: Push = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    check_id(&push.id)?;
    push.triggers().try_for_each(Trigger::check_ids)?;
    Ok(push)
}
