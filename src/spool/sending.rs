//! Which requests are out: the sender notes each before it goes, so that nobody takes a trigger
//! whose sender died for one that was never sent.
//!
//! One file for all of a sender's requests and one write for each: a new file for each would take
//! longer than the request itself. Whoever gets the lock next writes what is still open into the
//! entries, and empties the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Result, Spool, Trigger, io_error};
use crate::platform;

const FILE: &str = "sending.jsonl";

/// A line: a request that goes out, or, without a time, one whose end is in the entry.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    with: Vec<String>,
}

/// The notes of one who holds the sending lock. Several threads of one process may share it.
#[derive(Debug)]
pub struct Sending {
    path: PathBuf,
    file: File,
}

impl Sending {
    /// Notes that a request for this trigger, and those in its `with`, goes out now. From here on
    /// nobody can say that it was not queued, whatever becomes of this process.
    ///
    /// # Errors
    /// What the file system says; nothing may be sent then.
    pub fn begin(&self, trigger: &Trigger) -> Result<()> {
        self.write(&Line {
            id: trigger.id.clone(),
            since: trigger.sending,
            with: trigger.with.clone(),
        })
    }

    /// Notes that what became of it is in the entry. Where there is no entry any more nothing needs
    /// to be noted.
    ///
    /// # Errors
    /// What the file system says; the trigger is looked for in Jenkins then, once.
    pub fn end(&self, id: &str) -> Result<()> {
        self.write(&Line {
            id: id.to_owned(),
            since: None,
            with: Vec::new(),
        })
    }

    fn write(&self, line: &Line) -> Result<()> {
        // Serialisation to memory fails only for maps with keys that are no strings.
        let line = serde_json::to_vec(line).unwrap_or_default();
        // A line that was torn before, on a full disk, must not take this one with it.
        let line = [b"\n", line.as_slice(), b"\n"].concat();
        loop {
            match (&self.file).write(&line) {
                Ok(written) if written == line.len() => return Ok(()),
                Ok(0) => return Err(io_error("write", &self.path)(io::ErrorKind::WriteZero.into())),
                // Another thread's line may come before its rest: it is written anew, as a whole.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("write", &self.path)(error)),
            }
        }
    }
}

impl Spool {
    /// Begins to note what is sent. Whoever asks holds the sending lock.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sending(&self) -> Result<Sending> {
        let path = self.folder().join(FILE);
        let (file, _) = platform::append_own(&path).map_err(io_error("open", &path))?;
        Ok(Sending { path, file })
    }

    /// Lets the next of those for which this trigger's request went out be looked for in its place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn hand_on(&self, id: &str) -> Result<()> {
        let Some(trigger) = self.read(id)? else {
            return Ok(());
        };
        let mut others = trigger.with.iter();
        while let (Some(_), Some(other)) = (trigger.sending, others.next()) {
            if let Some(next) = self.read(other)? {
                return self.update(&Trigger {
                    sending: trigger.sending,
                    with: others.cloned().collect(),
                    sent_as: Some(trigger.id_in_note().to_owned()),
                    ..next
                });
            }
        }
        Ok(())
    }

    /// Whether a request for this trigger is out; of a sender that died only until somebody gets the
    /// lock. What cannot be read is not out.
    #[must_use]
    pub fn is_out(&self, id: &str) -> bool {
        let Ok((mut file, _)) = platform::append_own_if_there(&self.folder().join(FILE)) else {
            return false;
        };
        let mut text = Vec::new();
        let read = file.read_to_end(&mut text);
        let is_in = |line: &Line| line.id == id || line.with.iter().any(|other| other == id);
        read.is_ok() && open_ones(&text).values().any(is_in)
    }

    /// Writes into the entries which requests of a sender that died were out.
    pub(super) fn take_over(&self) -> Result<()> {
        let path = self.folder().join(FILE);
        let (mut file, found) = match platform::append_own_if_there(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        if found.len() == 0 {
            return Ok(());
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io_error("read", &path))?;
        // Of the most there is nothing any more: one look for all is cheaper than one for each.
        let there: BTreeSet<PathBuf> = self.paths("new")?.into_iter().collect();
        for (id, line) in open_ones(&text) {
            // The entry may know of an earlier request, which turned out not to be there before this
            // one went out, perhaps for more.
            if there.contains(&self.file("new", &id))
                && let Some(trigger) = self.read(&id)?
                && (trigger.sending, &trigger.with) != (line.since, &line.with)
            {
                self.update(&Trigger {
                    sending: line.since,
                    with: line.with,
                    sent_as: trigger.sent_as.clone().filter(|_| trigger.sending == line.since),
                    ..trigger
                })?;
            }
        }
        file.set_len(0).map_err(io_error("empty", &path))
    }
}

fn open_ones(text: &[u8]) -> BTreeMap<String, Line> {
    let mut open = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            continue;
        };
        match line.since {
            Some(_) => drop(open.insert(line.id.clone(), line)),
            None => drop(open.remove(&line.id)),
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_and_did_not_end_is_open_beside_torn_lines() {
        let text = b"\n{\"id\":\"a\",\"since\":\"2026-01-02T03:04:05Z\"}\n\n{\"id\":\"b\",\"sin\n\
            {\"id\":\"c\",\"since\":\"2026-01-02T03:04:05Z\",\"with\":[\"d\"]}\n\n{\"id\":\"a\"}\n";
        let open = open_ones(text);
        assert_eq!(open.keys().collect::<Vec<_>>(), ["c"]);
        assert_eq!(open["c"].with, ["d"]);
    }
}
