//! The events of a push from here. git has no hook for them: its `pre-push` tells what is about to
//! be pushed, and what became of it is found out when git has ended.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice as _};

use super::{Event, Kind, is_branch_or_tag, is_reference, object_id};
use crate::git::{Commit, Error, Repository};
use crate::platform::End;

/// One reference that is about to be pushed. Deletions are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The object that is pushed: for an annotated tag the tag itself.
    pub new: String,
    /// The full name that it is to have on the remote.
    pub reference: BString,
    /// The object that the remote had there when git connected.
    pub old: Option<String>,
}

/// Reads the hook's input: a line `<local ref> <local id> <remote ref> <remote id>` for each
/// reference (githooks, "pre-push"). Deletions and lines that are none of these, one that is cut off
/// for example, are skipped.
#[must_use]
pub fn lines(input: &[u8]) -> Vec<Line> {
    input.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Line> {
    // From its end: what the user pushes may be an expression with spaces in it.
    let mut fields = line.rsplitn(4, |byte| *byte == b' ');
    let old = object_id(fields.next()?)?;
    let reference = BString::from(fields.next()?);
    let new = object_id(fields.next()?)?;
    fields.next()?;
    Some(Line {
        new: new.filter(|_| is_reference(reference.as_bstr()))?,
        reference,
        old,
    })
}

/// The full name of the branch that Gerrit would have this reviewed for: to push to
/// `refs/for/main`, perhaps with options as in `refs/for/main%topic=x`, makes no branch.
#[must_use]
pub fn review_of(reference: &BStr) -> Option<BString> {
    let target = reference.strip_prefix(b"refs/for/")?;
    let target = target.split_once_str("%").map_or(target, |(target, _)| target);
    let branch = target.strip_prefix(b"refs/heads/").unwrap_or(target);
    Some([b"refs/heads/", branch].concat().into())
}

/// The event of a push that the remote took; `None` for what is neither branch nor tag.
#[must_use]
pub fn event(repository: &Repository, line: &Line, commit: Commit, remote: Option<&BStr>) -> Option<Event> {
    is_branch_or_tag(line.reference.as_bstr()).then(|| Event {
        remote: remote.map(BStr::to_owned),
        ..Event::of_push(
            Kind::PostPush,
            line.reference.clone(),
            line.old.clone(),
            commit,
            repository.name(),
        )
    })
}

/// git's own copy of a reference of a remote, as it was before the push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// Its full name.
    pub reference: BString,
    /// The object it led to.
    pub before: Option<String>,
    /// How long its reflog was, in bytes.
    pub reflog: u64,
}

impl Tracking {
    /// Looks at it.
    ///
    /// # Errors
    /// What the repository says.
    pub fn look(repository: &Repository, reference: BString) -> Result<Self, Error> {
        // The reflog first: what is written in between is then seen as new.
        let reflog = repository.reflog_length(reference.as_ref());
        let before = repository.id_of(reference.as_ref())?;
        Ok(Self {
            reference,
            before,
            reflog,
        })
    }
}

/// What git left behind in this repository about one reference, after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// Its copy was moved because the remote took it.
    Moved,
    /// Its copy is as it was, though git would have moved it.
    Unmoved,
    /// Either there is no copy, or it tells nothing.
    None,
}

/// Looks for what git left behind about a push of object `new`. All references are read only
/// where the reflog does not tell, and once.
///
/// # Errors
/// What the repository says.
pub fn trace(
    repository: &Repository,
    references: &OnceCell<BTreeMap<BString, String>>,
    tracking: Option<&Tracking>,
    new: &str,
) -> Result<Trace, Error> {
    let Some(tracking) = tracking else {
        return Ok(Trace::None);
    };
    let reference = tracking.reference.as_bstr();
    if repository.was_pushed_since(reference, tracking.reflog, new) {
        return Ok(Trace::Moved);
    }
    let references = match references.get() {
        Some(known) => known,
        None => {
            let all = repository.references()?;
            references.get_or_init(|| all)
        }
    };
    let now = references.get(reference);
    let was_new = tracking.before.as_deref() == Some(new);
    let is_new = now.is_some_and(|now| now == new);
    if is_new && !was_new {
        // Where no reflog is kept; or a fetch has just seen it there.
        return Ok(Trace::Moved);
    }
    if now == tracking.before.as_ref() && !is_new && !repository.is_blocked(reference, references) {
        return Ok(Trace::Unmoved);
    }
    Ok(Trace::None)
}

/// What became of one reference of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The remote took it.
    Taken,
    /// It did not, or it was never asked to.
    NotTaken,
    /// Nobody can say, for this reason.
    Undecided(String),
}

/// Whether the remote refused something, and git had its whole answer: then what git did not note
/// is a no.
///
/// Over http git exits with 1 also when the answer was lost on the way, after the remote had taken
/// the push (a gateway's 504, for example); over its own protocol it ends with 128 then. Where it
/// exits with 0, and it was no dry run, its copy is unmoved because it could not be written, which
/// changes no exit code.
#[must_use]
pub fn refused(end: End, address: &BStr) -> bool {
    end == End::Exited(1) && speaks_gits_protocol(address)
}

/// Whether git came to its end by itself, so that the remote is not at it any more.
#[must_use]
pub fn ended_well(end: End, address: &BStr) -> bool {
    end == End::Exited(0) || refused(end, address)
}

/// Whether git itself talks to this address: it is a path or ssh's, and needs no helper program.
fn speaks_gits_protocol(address: &BStr) -> bool {
    const OWN: [&[u8]; 5] = [b"file", b"git", b"ssh", b"git+ssh", b"ssh+git"];
    match address.split_once_str("://") {
        Some((scheme, _)) => OWN.contains(&scheme.to_ascii_lowercase().as_slice()),
        None => !address.contains_str("::"),
    }
}

/// What the trace says, and whether the remote [`refused`] something; `None` if it has to be asked.
#[must_use]
pub fn judge(trace: Trace, refused: bool) -> Option<Verdict> {
    match trace {
        Trace::Moved => Some(Verdict::Taken),
        Trace::Unmoved if refused => Some(Verdict::NotTaken),
        Trace::Unmoved | Trace::None => None,
    }
}

/// What it means that the remote, asked after the push, has `there` where it was to have
/// `line.new`.
#[must_use]
pub fn judge_answer(line: &Line, there: Option<&str>) -> Verdict {
    match there {
        Some(there) if there == line.new => Verdict::Taken,
        Some(there) if Some(there) != line.old.as_deref() => {
            // Over this, or over what was there before: nobody can say.
            let there = there.get(..7).unwrap_or(there);
            Verdict::Undecided(format!("by now {there} is there, which somebody has pushed"))
        }
        _ => Verdict::NotTaken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "0000000000000000000000000000000000000000";
    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    #[test]
    fn lines_are_read_as_git_writes_them_and_others_skipped() {
        let input = format!(
            "refs/heads/main {ONE} refs/heads/main {ZERO}\n\
             HEAD {ONE} refs/heads/other {TWO}\n\
             HEAD^{{/fix the bug}} {ONE} refs/heads/fix {ZERO}\n\
             (delete) {ZERO} refs/heads/gone {TWO}\n\
             \n\
             nonsense\n\
             refs/heads/a {ONE} HEAD {TWO}\n\
             {ONE} refs/heads/b {TWO}\n\
             refs/heads/c {ONE} refs/heads/c 22222222"
        );
        let line = |reference: &str, old: Option<&str>| Line {
            new: ONE.into(),
            reference: reference.into(),
            old: old.map(str::to_owned),
        };
        assert_eq!(
            lines(input.as_bytes()),
            [
                line("refs/heads/main", None),
                line("refs/heads/other", Some(TWO)),
                line("refs/heads/fix", None),
            ]
        );
        assert_eq!(lines(b"\0\xff \n   \n"), []);
    }

    #[test]
    fn a_review_is_for_a_branch_whatever_options_it_has() {
        let of = |reference: &str| review_of(reference.into()).map(|branch| branch.to_string());
        for reference in ["main", "main%topic=x,wip", "refs/heads/main%r=a@b"] {
            assert_eq!(
                of(&format!("refs/for/{reference}")),
                Some("refs/heads/main".into())
            );
        }
        assert_eq!(of("refs/heads/for/main"), None);
    }

    #[test]
    fn a_refusal_is_told_by_the_exit_code_where_git_speaks_its_own_protocol() {
        let cases = [
            ("../shop.git", [false, true, false]),
            ("git@host:shop.git", [false, true, false]),
            ("ssh://git@host/shop.git", [false, true, false]),
            ("FILE:///srv/shop.git", [false, true, false]),
            ("https://host/shop.git", [false, false, false]),
            ("helper::host/shop.git", [false, false, false]),
        ];
        for (address, expected) in cases {
            let ends = [0, 1, 128].map(|code| refused(End::Exited(code), address.into()));
            assert_eq!(ends, expected, "{address}");
            assert!(ended_well(End::Exited(0), address.into()));
            for end in [End::Exited(128), End::Killed, End::Unknown] {
                assert!(!ended_well(end, address.into()));
            }
        }
    }

    #[test]
    fn an_unmoved_copy_is_a_no_only_after_a_refusal() {
        assert_eq!(judge(Trace::Unmoved, true), Some(Verdict::NotTaken));
        assert_eq!(judge(Trace::Unmoved, false), None);
        assert_eq!(judge(Trace::None, true), None);
        assert_eq!(judge(Trace::Moved, false), Some(Verdict::Taken));
    }

    #[test]
    fn the_remote_s_answer_is_taken_for_no_more_than_it_is() {
        let line = Line {
            new: TWO.into(),
            reference: "refs/heads/main".into(),
            old: Some(ONE.into()),
        };
        assert_eq!(judge_answer(&line, Some(TWO)), Verdict::Taken);
        assert_eq!(judge_answer(&line, Some(ONE)), Verdict::NotTaken);
        assert_eq!(judge_answer(&line, None), Verdict::NotTaken);
        let other = "3333333333333333333333333333333333333333";
        assert!(matches!(judge_answer(&line, Some(other)), Verdict::Undecided(_)));
    }
}
