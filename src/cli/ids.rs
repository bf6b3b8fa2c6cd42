//! Which trigger a user means: the end of an id is enough.

use std::collections::BTreeSet;

use crate::spool::{self, Error};

/// So many characters of an id are shown: ids of one event differ at their end.
const SHOWN: usize = 8;

/// The part of an id that is shown, and that commands take.
pub(super) fn short(id: &str) -> &str {
    let start = id.char_indices().rev().nth(SHOWN - 1);
    start.map_or(id, |(start, _)| &id[start..])
}

/// Whether `end` is the end of this id, in upper or lower case.
pub(super) fn is_end_of(end: &str, id: &str) -> bool {
    let (end, id) = (end.as_bytes(), id.as_bytes());
    let start = id.len().checked_sub(end.len());
    start.is_some_and(|start| id[start..].eq_ignore_ascii_case(end))
}

/// Whether any of these is the end of this id.
pub(super) fn name(ends: &[String], id: &str) -> bool {
    ends.iter().any(|end| is_end_of(end, id))
}

/// Each of `ends` must name one of `all`, or the user meant another.
///
/// # Errors
/// [`Error::Unknown`] or [`Error::Ambiguous`].
pub(super) fn check<'a>(ends: &[String], all: impl IntoIterator<Item = &'a str>) -> spool::Result<()> {
    // One whose sender died in between lies in two places.
    let all: BTreeSet<&str> = all.into_iter().collect();
    for end in ends {
        match all.iter().filter(|id| is_end_of(end, id)).count() {
            0 => return Err(Error::Unknown(end.clone())),
            1 => {}
            _ => return Err(Error::Ambiguous(end.clone())),
        }
    }
    Ok(())
}
