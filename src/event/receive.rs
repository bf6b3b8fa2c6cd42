//! The events of git's `post-receive` hook.

use bstr::{BStr, BString, ByteSlice as _};

use super::{Event, Kind, is_branch_or_tag, is_reference, object_id};
use crate::git::{Error, Repository};

/// One reference that a push has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The object before; `None` for a new reference.
    pub old: Option<String>,
    /// The object now; `None` for one that was deleted.
    pub new: Option<String>,
    /// The full name.
    pub reference: BString,
}

/// Reads the hook's input: a line `<old> <new> <reference>` for each reference. A line that is
/// none of these is skipped. A last one without an end may be a part of one: it counts only if
/// the repository has just that.
#[must_use]
pub fn updates(repository: &Repository, input: &[u8]) -> Vec<Update> {
    let whole = input.rfind_byte(b'\n').map_or(0, |end| end + 1);
    let (whole, rest) = input.split_at(whole);
    let mut updates: Vec<Update> = whole.lines().filter_map(update).collect();
    updates.extend(update(rest).filter(|update| is_so(repository, update)));
    updates
}

fn update(line: &[u8]) -> Option<Update> {
    let mut fields = line.splitn(3, |byte| *byte == b' ');
    let (old, new) = (object_id(fields.next()?)?, object_id(fields.next()?)?);
    let reference = BString::from(fields.next()?);
    is_reference(reference.as_bstr()).then_some(Update { old, new, reference })
}

fn is_so(repository: &Repository, update: &Update) -> bool {
    let now = repository.resolve(update.reference.as_bstr());
    let said = update.new.as_deref().map(|new| repository.commit_of(new));
    matches!((now, said), (Ok(Some(now)), Some(Ok(Some(said)))) if now == said)
}

/// Whether the update can be an event: a branch or a tag that points at something now.
#[must_use]
pub fn is_event(update: &Update) -> bool {
    update.new.is_some() && is_branch_or_tag(update.reference.as_bstr())
}

/// The events of a push: branches and tags that point at a commit now, as far as they are
/// `wanted` by their full names. The commits of others are not read: a push may move thousands of
/// references for which nothing is to be done.
///
/// # Errors
/// What the repository says when it cannot be read.
pub fn events(
    repository: &Repository,
    updates: &[Update],
    wanted: impl Fn(&BStr) -> bool,
) -> Result<Vec<Event>, Error> {
    let wanted: Vec<(&Update, &String)> = updates
        .iter()
        .filter(|update| is_event(update) && wanted(update.reference.as_bstr()))
        .filter_map(|update| Some((update, update.new.as_ref()?)))
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = wanted.iter().map(|(_, new)| (*new).clone()).collect();
    let commits = repository.commits(&ids)?;
    let name = repository.name();
    let event = |((update, _), commit): (&(&Update, &String), Option<_>)| {
        let (reference, old) = (update.reference.clone(), update.old.clone());
        Some(Event::of_push(
            Kind::PostReceive,
            reference,
            old,
            commit?,
            name.clone(),
        ))
    };
    Ok(wanted.iter().zip(commits).filter_map(event).collect())
}

/// What whoever pushed asked for with `git push -o`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The option by which nothing is to be triggered.
    pub skip: Option<&'static str>,
    /// Values for parameters that rules name, in the order given.
    pub parameters: Vec<(BString, BString)>,
    /// Options that begin like one for a parameter and are none.
    pub malformed: Vec<BString>,
    /// Others that begin as if they were for this tool.
    pub unknown: Vec<BString>,
}

const SKIPS: &[&str] = &["ci.skip", "jenkins.skip"];

/// What an option for a parameter begins with; `NAME=VALUE` follows.
pub const PARAMETER: &str = "jenkins.param.";

/// What every option begins with that can only be meant for this tool.
const OURS: &str = "jenkins.";

impl Options {
    /// Reads the options as git tells them. Those that are for others are left to them.
    #[must_use]
    pub fn of(given: Vec<BString>) -> Self {
        let mut options = Self::default();
        for option in given {
            if let Some(skip) = SKIPS.iter().find(|skip| option == skip.as_bytes()) {
                options.skip = options.skip.or(Some(skip));
            } else if let Some(parameter) = option.strip_prefix(PARAMETER.as_bytes()) {
                match parameter.split_once_str("=") {
                    Some((name, value)) if !name.is_empty() => {
                        options.parameters.push((name.into(), value.into()));
                    }
                    _ => options.malformed.push(option),
                }
            } else if option.starts_with(OURS.as_bytes()) {
                options.unknown.push(option);
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::RepositoryPaths;

    const ZERO: &str = "0000000000000000000000000000000000000000";
    const ONE: &str = "1111111111111111111111111111111111111111";

    #[test]
    fn lines_are_read_as_git_writes_them_and_others_skipped() {
        let place = tempfile::tempdir().expect("a folder");
        git2::Repository::init_bare(place.path()).expect("a repository");
        let repository =
            Repository::discover(place.path(), &RepositoryPaths::default()).expect("a repository");
        let long = "x".repeat(1 << 20);
        let input = format!(
            "{ZERO} {ONE} refs/heads/a b\n\
             \n\
             nonsense\n\
             {ONE} {ZERO} refs/tags/\u{e9}\n\
             {ONE} {ONE}\n\
             {ONE} {ONE} HEAD\n\
             {ONE} short refs/heads/x\n\
             {ONE} {ONE} refs/heads/{long}\n\
             {ONE} {ONE} refs/heads/last\n\
             {ONE} {ONE} refs/heads/cut-o"
        );
        let update = |old: &str, new: &str, reference: &str| Update {
            old: (old != ZERO).then(|| old.to_owned()),
            new: (new != ZERO).then(|| new.to_owned()),
            reference: reference.into(),
        };
        assert_eq!(
            updates(&repository, input.as_bytes()),
            [
                update(ZERO, ONE, "refs/heads/a b"),
                update(ONE, ZERO, "refs/tags/\u{e9}"),
                update(ONE, ONE, "refs/heads/last"),
            ]
        );
        assert_eq!(updates(&repository, b"\0\xff \n"), []);
        assert_eq!(updates(&repository, b""), []);
    }

    #[test]
    fn push_options_are_read_and_those_of_others_left_alone() {
        let read = |given: &[&[u8]]| Options::of(given.iter().map(|option| BString::from(*option)).collect());
        let none = Options::default();
        let others: &[&[u8]] = &[
            b"",
            b"ci.skip=1",
            b"CI.SKIP",
            b"ci.variable=A=1",
            b"jenkins",
            b"jenkinsfile.lint",
            b"\xff",
        ];
        assert_eq!(read(others), none);
        assert_eq!(read(&[b"ci.skip"]).skip, Some("ci.skip"));
        assert_eq!(
            read(&[b"x", b"jenkins.skip", b"ci.skip"]).skip,
            Some("jenkins.skip")
        );
        let parameters = read(&[
            b"jenkins.param.A=1",
            b"jenkins.param.B=x=\xff y ${sha}",
            b"jenkins.param.A=",
            b"jenkins.param.a.b=2",
        ]);
        let pair = |name: &str, value: &[u8]| (BString::from(name), BString::from(value));
        assert_eq!(
            parameters.parameters,
            [
                pair("A", b"1"),
                pair("B", b"x=\xff y ${sha}"),
                pair("A", b""),
                pair("a.b", b"2"),
            ]
        );
        let unknown: &[&[u8]] = &[b"jenkins.skipped", b"jenkins.params.X=1", b"jenkins."];
        assert_eq!(read(unknown).unknown, unknown);
        let malformed: &[&[u8]] = &[b"jenkins.param.X", b"jenkins.param.", b"jenkins.param.=1"];
        assert_eq!(read(malformed).malformed, malformed);
        assert_eq!(
            Options {
                malformed: Vec::new(),
                ..read(malformed)
            },
            none
        );
    }
}
