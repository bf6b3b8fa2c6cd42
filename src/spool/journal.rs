//! The append-only record of what became of every trigger.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Result, Trigger, io_error};
use crate::platform;
use crate::text::Text;

/// What became of a trigger, or how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Jenkins made a queue item of it.
    Queued,
    /// Jenkins merged it with an item that waited already.
    Merged,
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

fn ends_in_a_line(file: &mut fs::File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    length: u64,
}

/// The journal file.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Adds a line, in one write: lines of several processes never mix.
    ///
    /// # Errors
    /// What the file system says.
    pub fn append(&self, entry: &Entry) -> Result<()> {
        // Serialisation to memory fails only for maps with keys that are no strings.
        let mut line = serde_json::to_vec(entry).unwrap_or_default();
        line.push(b'\n');
        platform::append_private(&self.path)
            .and_then(|mut file| {
                // A writer that died in the middle of a line must not take this one with it.
                if ends_in_a_line(&mut file)? {
                    file.write_all(&line)
                } else {
                    file.write_all(&[b"\n", line.as_slice()].concat())
                }
            })
            .map_err(io_error("write", &self.path))
    }

    /// Makes what was appended survive a loss of power.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync(&self) -> Result<()> {
        match fs::File::open(&self.path).and_then(|file| file.sync_data()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("sync", &self.path)(error)),
            _ => Ok(()),
        }
    }

    fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |found| found.len())
    }

    /// Where it ends now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            length: self.length(),
        }
    }

    /// The lines that came after `mark`, oldest first; a torn or foreign line is left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn since(&self, mark: &Mark) -> Result<Vec<Entry>> {
        self.entries_from(mark.length)
    }

    /// All lines, oldest first; a torn or foreign line is left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        self.entries_from(0)
    }

    /// All lines, newest first; a torn or foreign line is left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn newest_first(&self) -> Result<impl Iterator<Item = Entry> + use<>> {
        Ok(self.entries()?.into_iter().rev())
    }

    /// The newest line.
    ///
    /// # Errors
    /// What the file system says.
    pub fn last(&self) -> Result<Option<Entry>> {
        // No line is longer than what a trigger's names and one message make.
        const ENOUGH: u64 = 64 * 1024;
        let tail = self.entries_from(self.length().saturating_sub(ENOUGH))?;
        Ok(tail.into_iter().next_back())
    }

    fn entries_from(&self, start: u64) -> Result<Vec<Entry>> {
        if let Some(folder) = self.path.parent() {
            super::check_folder(folder)?;
        }
        let read = || {
            let mut file = fs::File::open(&self.path)?;
            file.seek(SeekFrom::Start(start))?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok(text)
        };
        let text = match read() {
            Ok(text) => text,
            Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("read", &self.path)(error)),
        };
        Ok(text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }
}
