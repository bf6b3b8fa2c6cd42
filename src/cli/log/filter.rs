//! Which lines of the journal are shown.

use bstr::Finder;
use jiff::{SignedDuration, Timestamp};

use crate::cli::ids;
use crate::spool::{self, Journal, Line};
use crate::text::Text;

/// What a line must be to be shown; what is empty does not matter.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) ids: Vec<String>,
    pub(super) branch: Option<Text>,
    pub(super) job: Option<String>,
    pub(super) outcomes: Vec<String>,
    pub(super) since: Option<Timestamp>,
}

/// A line so much older than asked for is the last that is looked at: the clock may have been set
/// back in between.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(24);

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
            && self.branch.is_none()
            && self.job.is_none()
            && self.outcomes.is_empty()
            && self.since.is_none()
    }

    pub(super) fn lets_pass(&self, line: &Line) -> bool {
        let outcome = |wanted: &String| wanted == line.outcome();
        (self.ids.is_empty() || line.is_about(|id| ids::name(&self.ids, id)))
            && (self.branch.is_none() || self.branch == line.branch())
            && (self.job.is_none() || self.job.as_deref() == line.job())
            && (self.outcomes.is_empty() || self.outcomes.iter().any(outcome))
            && self.since.is_none_or(|since| line.time() >= since)
    }

    /// The newest lines that it lets pass, oldest first.
    ///
    /// # Errors
    /// What the file system says about the journal.
    pub(super) fn newest(&self, journal: &Journal, number: usize) -> spool::Result<Vec<Line>> {
        let words = self.words();
        let finders: Vec<Finder> = words.iter().map(Finder::new).collect();
        let may_pass = move |line: &[u8]| finders.iter().all(|word| word.find(line).is_some());
        let earliest = self
            .since
            .map(|since| since.checked_sub(CLOCKS_DIFFER).unwrap_or(since));
        let mut found = Vec::new();
        for line in journal.lines(may_pass)? {
            if found.len() == number {
                break;
            }
            let line = line?;
            if earliest.is_some_and(|earliest| line.time() < earliest) {
                break;
            }
            if self.lets_pass(&line) {
                found.push(line);
            }
        }
        found.reverse();
        Ok(found)
    }

    /// What stands in every line that it lets pass: to look for that is a hundred times as fast as
    /// to read the line.
    fn words(&self) -> Vec<Vec<u8>> {
        // Serialisation to memory fails only for maps with keys that are no strings.
        let mut words = Vec::new();
        words.extend(
            self.branch
                .as_ref()
                .map(|branch| serde_json::to_vec(branch).unwrap_or_default()),
        );
        words.extend(
            self.job
                .as_ref()
                .map(|job| serde_json::to_vec(job).unwrap_or_default()),
        );
        if let [outcome] = self.outcomes.as_slice() {
            words.push(serde_json::to_vec(outcome).unwrap_or_default());
        }
        words
    }
}
