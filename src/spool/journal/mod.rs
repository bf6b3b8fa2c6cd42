//! The append-only record of what became of every trigger: JSON lines in `journal.jsonl`, and in
//! `journal.1.jsonl` to `journal.4.jsonl` what was written before, the newest first.

mod line;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Result, Trigger, io_error};
use crate::platform;
use crate::secret;
use crate::text::{Text, shell_argument};

pub use line::{Foreign, Line};
pub use read::Mark;

use read::Backwards;

/// What became of a trigger, or how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Jenkins made a queue item of it.
    Queued,
    /// Jenkins merged it with an item that waited already.
    Merged,
    /// Jenkins looks into the job's SCM because of it.
    Polled,
    /// It could not be sent and will be tried again.
    Waiting,
    /// It is not sent until its user does something.
    Held,
    /// It was sent, and no answer says what became of it.
    Unknown,
    /// Jenkins refused it.
    Failed,
    /// Its user gave it up, or nobody could find out whether the remote took the push.
    Dropped,
    /// The remote did not take the push that it was for.
    NotPushed,
    /// It is not known yet whether the remote took the push that it is for.
    Undecided,
    /// A newer one of its rules and branch goes out instead.
    Superseded,
}

impl Outcome {
    /// Every one there is.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Merged,
        Self::Polled,
        Self::Waiting,
        Self::Held,
        Self::Unknown,
        Self::Failed,
        Self::Dropped,
        Self::NotPushed,
        Self::Undecided,
        Self::Superseded,
    ];

    /// Whether it is about sending, and not about what was to be known before.
    #[must_use]
    pub fn is_of_delivery(self) -> bool {
        !matches!(self, Self::NotPushed | Self::Undecided)
    }

    /// The word people read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Merged => "merged",
            Self::Polled => "polled",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::NotPushed => "not-pushed",
            Self::Undecided => "undecided",
            Self::Superseded => "superseded",
        }
    }
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub time: Timestamp,
    /// The trigger.
    pub id: String,
    /// Identical ones that were sent as one with it, and share its outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// The event that caused it.
    pub event: String,
    /// The rules that fired.
    pub rules: Vec<String>,
    /// The server's base URL.
    pub server: String,
    /// The job's full name.
    pub job: String,
    /// The branch's short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
    /// The tag's short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Text>,
    /// The commit's id.
    pub sha: String,
    /// The number of the queue item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u64>,
    /// The queue item's address under the configured URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What went wrong and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The name of the kind of failure, where it was Jenkins' answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Entry {
    /// A line about `trigger`, now.
    #[must_use]
    pub fn of(trigger: &Trigger, outcome: Outcome) -> Self {
        Self {
            time: Timestamp::now(),
            id: trigger.id.clone(),
            also: trigger.with.clone(),
            outcome,
            event: trigger.event.clone(),
            rules: trigger.rules.clone(),
            server: trigger.server.clone(),
            job: trigger.job.clone(),
            branch: trigger.branch.clone(),
            tag: trigger.tag.clone(),
            sha: trigger.sha.clone(),
            item: None,
            url: None,
            message: None,
            reason: None,
        }
    }

    /// All the triggers it is about.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id).chain(&self.also).map(String::as_str)
    }

    /// The branch or tag it is about, for people.
    #[must_use]
    pub fn reference(&self) -> String {
        super::trigger::reference(self.branch.as_ref(), self.tag.as_ref())
    }
}

/// The line without any secret in what was said about its trigger. What the trigger is stays as it
/// is: it is found by that.
fn redacted(entry: &Entry) -> Cow<'_, Entry> {
    let said = [&entry.message, &entry.url, &entry.reason];
    if !said
        .into_iter()
        .flatten()
        .any(|text| secret::is_in(text.as_bytes()))
    {
        return Cow::Borrowed(entry);
    }
    let without = |text: &Option<String>| Some(secret::redact(text.as_deref()?).into_owned());
    Cow::Owned(Entry {
        message: without(&entry.message),
        url: without(&entry.url),
        reason: without(&entry.reason),
        ..entry.clone()
    })
}

/// What is to be said where the journal cannot be opened: it may be no file at all.
fn not_ours(path: &Path, error: io::Error, action: &'static str) -> Error {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return io_error(action, path)(error);
    };
    if found.is_file() {
        return io_error(action, path)(error);
    }
    let what = if found.is_symlink() { "a link" } else { "no file" };
    let name = shell_argument(path.as_os_str().as_bytes());
    Error::NotOurs {
        path: path.to_owned(),
        problem: format!("is {what}, and is to be a file"),
        remedy: format!("remove it: rm -r {name}"),
    }
}

/// The journal of one spool.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Adds a line: those of several processes never mix.
    ///
    /// # Errors
    /// What the file system says; nothing of the line is left then that could be read.
    pub fn append(&self, entry: &Entry) -> Result<()> {
        // Serialisation to memory fails only for maps with keys that are no strings.
        let mut line = serde_json::to_vec(&redacted(entry)).unwrap_or_default();
        line.push(b'\n');
        write::append(&self.path, &line).map_err(|error| not_ours(&self.path, error, "write"))
    }

    /// Makes what was appended survive a loss of power.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync(&self) -> Result<()> {
        // The last lines may have been put aside since.
        for path in [write::older(&self.path, 1), self.path.clone()] {
            match platform::open_own(&path).and_then(|(file, _)| file.sync_data()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("sync", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where it ends now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        read::mark(&self.path)
    }

    /// The lines that came after `mark`, oldest first; a torn or foreign line is left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn since(&self, mark: &Mark) -> Result<Vec<Entry>> {
        self.check()?;
        let pieces = read::since(&self.path, mark)?;
        let lines = pieces
            .iter()
            .flat_map(|piece| piece.bytes.split(|byte| *byte == b'\n'));
        Ok(lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    /// The whole lines that came after `mark`, oldest first, and moves it behind them. What a
    /// writer has not ended yet comes the next time.
    ///
    /// # Errors
    /// What the file system says.
    pub fn follow(&self, mark: &mut Mark) -> Result<Vec<Line>> {
        self.check()?;
        let pieces = read::since(&self.path, mark)?;
        let mut lines = Vec::new();
        for piece in &pieces {
            let (end, whole) = piece.whole_lines();
            lines.extend(whole.split(|byte| *byte == b'\n').filter_map(Line::read));
            *mark = end;
        }
        Ok(lines)
    }

    /// All lines, oldest first; a torn or foreign line is left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = self.newest_first()?.collect();
        entries.reverse();
        Ok(entries)
    }

    /// All lines, newest first, read as they are asked for; a torn or foreign line is left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn newest_first(&self) -> Result<impl Iterator<Item = Entry> + use<>> {
        let lines = self.lines(|_| true)?;
        Ok(lines.filter_map(|line| match line {
            Ok(Line::Known(entry)) => Some(*entry),
            // What cannot be read is as if it were not there.
            Ok(Line::Foreign(_)) | Err(_) => None,
        }))
    }

    /// Those of all lines, newest first, whose bytes `wanted` lets pass, with what a later version
    /// has written; a torn line is left out.
    ///
    /// # Errors
    /// What the file system says, here and for a line.
    pub fn lines<F: Fn(&[u8]) -> bool>(
        &self,
        wanted: F,
    ) -> Result<impl Iterator<Item = Result<Line>> + use<F>> {
        self.check()?;
        let mut backwards = Backwards::begin(&self.path)?;
        Ok(std::iter::from_fn(move || {
            loop {
                match backwards.next() {
                    Ok(None) => return None,
                    Ok(Some(line)) if wanted(line) => {
                        if let Some(line) = Line::read(line) {
                            return Some(Ok(line));
                        }
                    }
                    Ok(Some(_)) => {}
                    Err(error) => return Some(Err(error)),
                }
            }
        }))
    }

    /// The newest line.
    ///
    /// # Errors
    /// What the file system says.
    pub fn last(&self) -> Result<Option<Entry>> {
        Ok(self.newest_first()?.next())
    }

    /// Somebody else's words are not read as this user's journal.
    fn check(&self) -> Result<()> {
        self.path.parent().map_or(Ok(()), super::check_folder)
    }
}
