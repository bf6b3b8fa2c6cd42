//! Which object it was that a remote took: git tells the name of what was pushed, and at most the
//! beginning of its id.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice as _};

use super::options::Options;
use super::report::Told;
use crate::event::push::Line;
use crate::git::{Error, Head, Repository, is_id};

const HEAD: &[u8] = b"HEAD";

/// What names led to at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names(BTreeMap<BString, String>);

impl Names {
    /// All references, `HEAD`, and the expressions that the user pushes.
    ///
    /// # Errors
    /// What the repository says.
    pub(super) fn look(repository: &Repository, options: &Options) -> Result<Self, Error> {
        let mut names = repository.references()?;
        let head = match repository.head()? {
            Head::Branch { tip, .. } => tip,
            Head::Detached { tip } => Some(tip),
        };
        names.extend(head.map(|tip| (HEAD.into(), tip)));
        for refspec in &options.refspecs {
            let from = pushed_by(refspec.as_bstr());
            if is_expression(&names, from)
                && let Some(id) = repository.meaning_of(from)?
            {
                names.insert(from.to_owned(), id);
            }
        }
        Ok(Self(names))
    }

    fn id_of<'a>(&'a self, name: &'a BStr) -> Option<&'a str> {
        let literal = name.to_str().ok().filter(|name| is_id(name));
        literal.or_else(|| self.0.get(name).map(String::as_str))
    }
}

/// What a refspec has on its left.
fn pushed_by(refspec: &BStr) -> &BStr {
    let refspec = refspec.strip_prefix(b"+").unwrap_or(refspec);
    refspec
        .rsplit_once_str(":")
        .map_or(refspec, |(from, _)| from)
        .into()
}

fn is_expression(names: &BTreeMap<BString, String>, from: &BStr) -> bool {
    let is_name = |folder: &str| {
        let name = [folder.as_bytes(), from.as_bytes()].concat();
        names.contains_key(BStr::new(&name))
    };
    let known = ["", "refs/", "refs/heads/", "refs/tags/"]
        .into_iter()
        .any(is_name);
    !(from.is_empty() || from.contains(&b'*') || known)
}

/// What names led to before and after the push.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) before: Names,
    pub(super) after: Names,
}

impl Objects {
    /// What the remote was given and what it had before; `None` where nobody can be sure: it moved
    /// while git was at it. `copy` is git's own copy of the remote's reference.
    pub(super) fn line(&self, repository: &Repository, told: &Told, copy: Option<&BStr>) -> Option<Line> {
        let ids = told.ids();
        let copies = |names: &Names| copy.and_then(|copy| names.0.get(copy)).cloned();
        let new = self.new_id(told, ids.map(|(_, new)| new), copies(&self.after).as_deref())?;
        let old = ids.map(|(old, _)| {
            let copy = copies(&self.before).filter(|id| id.starts_with(old));
            let known = || repository.meaning_of(BStr::new(old)).ok().flatten();
            // What is not here is at least named.
            copy.or_else(known).unwrap_or_else(|| old.to_owned())
        });
        Some(Line {
            new,
            reference: told.to.clone(),
            old,
        })
    }

    fn new_id(&self, told: &Told, begins: Option<&str>, copy: Option<&str>) -> Option<String> {
        let before = self.before.id_of(told.from.as_ref());
        let after = self.after.id_of(told.from.as_ref());
        let found = match begins {
            Some(begins) => [before, after, copy]
                .into_iter()
                .flatten()
                .find(|id| id.starts_with(begins)),
            None if before == after => before,
            None => copy.filter(|copy| [before, after].contains(&Some(copy))),
        };
        found.map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refspec_pushes_stands_before_its_last_colon() {
        for (refspec, from) in [
            ("main", "main"),
            ("+main:other", "main"),
            (":/a fix: it:refs/heads/x", ":/a fix: it"),
            (":gone", ""),
        ] {
            assert_eq!(pushed_by(refspec.into()), from, "{refspec}");
        }
    }
}
