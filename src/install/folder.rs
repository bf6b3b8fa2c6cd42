//! The hook files of one folder: looked at first, then changed all together or not at all.
//!
//! Every change is one rename, so a process may die at any instruction: a hook is what it was
//! before or what it is after, and what was in its place has a name of its own. Files that such a
//! death leaves behind are our own script under another name, and the next change sweeps them. So
//! it is with folders: they come and go with our script in them, which says that they were made.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bstr::ByteSlice as _;

use super::manager::manager_of;
use super::shim::{self, Shim};
use super::{ALL_HOOKS, Error, failed, made};
use crate::git::Repository;
use crate::platform::{self, Lock};

/// What is added to the name of a hook that is moved aside, with a number from the second on.
pub(super) const ASIDE: &str = ".before-jenkins-trigger";

/// What a file that is not yet in its place is called: this, the process and the hook; a folder:
/// this and the process.
pub(super) const TEMPORARY: &str = ".jenkins-trigger-new";

/// A script of ours that nobody runs: it says that the folder was made for us, as long as no hook
/// in it does.
pub(super) const NOTE: &str = ".jenkins-trigger-new-made";

/// What is where a hook belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Our own script, untouched.
    Ours(Shim),
    /// Our own script with other lines in it.
    Edited,
    /// Somebody else's hook; its content, where it can be read.
    Foreign(Vec<u8>),
    /// No file at all but a folder, a pipe or the like.
    NoFile,
}

/// Looks at one file.
///
/// # Errors
/// What the file system says.
pub fn look(path: &Path) -> Result<Found, Error> {
    let found = match fs::symlink_metadata(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Found::Nothing);
        }
        Err(error) => return Err(failed("look at", path)(error)),
        Ok(found) => found,
    };
    if found.is_symlink() {
        // Whatever it leads to, the link is what somebody made.
        let content = fs::metadata(path).is_ok_and(|target| target.is_file());
        return Ok(Found::Foreign(
            content.then(|| fs::read(path).ok()).flatten().unwrap_or_default(),
        ));
    }
    if !found.is_file() {
        return Ok(Found::NoFile);
    }
    let content = match fs::read(path) {
        Ok(content) => content,
        // It can be moved aside all the same.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Vec::new(),
        Err(error) => return Err(failed("read", path)(error)),
    };
    Ok(match Shim::parse(&content) {
        Some(shim) => Found::Ours(shim),
        None if shim::was_ours(&content) => Found::Edited,
        None => Found::Foreign(content),
    })
}

/// A folder of hooks that nobody else of this program changes meanwhile.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// How many folders, from this one upwards, were made for it, as far as is known.
    made: usize,
    _lock: Lock,
}

impl Folder {
    /// Takes the folder, made if it is missing.
    pub(super) fn make(path: &Path, repository: Option<&Repository>) -> Result<Self, Error> {
        let mut made = 0;
        loop {
            match Self::take(path) {
                Ok(folder) => return Ok(Self { made, ..folder }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    return Err(Error::NoFolder {
                        path: path.to_owned(),
                    });
                }
                Err(error) => return Err(failed("use", path)(error)),
            }
            // Another process may remove it again until it is locked.
            made = made::make(path, repository)?;
        }
    }

    /// Takes the folder as it is; the error is [`io::ErrorKind::NotFound`] where there is none.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            path: path.to_owned(),
            made: 0,
            _lock: Lock::of_folder(path)?,
        })
    }

    /// How many folders were made for it, as far as is known.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    pub(super) fn file(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    /// Our scripts in this folder under whatever name, sorted by it, without what a death left
    /// behind: that is removed, and kept in mind.
    pub(super) fn ours(&mut self) -> Result<Vec<(OsString, Shim)>, Error> {
        let mut ours = Vec::new();
        for name in self.names()? {
            let path = self.file(&name);
            let temporary = name.as_bytes().starts_with(TEMPORARY.as_bytes());
            let of_a_hook = ALL_HOOKS
                .iter()
                .any(|hook| name.as_bytes().starts_with(hook.as_bytes()));
            if !(temporary || of_a_hook) {
                continue;
            }
            match look(&path)? {
                // Its own name as the one it chains: it was never in its place, or is out of it.
                Found::Ours(shim) if temporary || shim.chained.as_ref() == Some(&name) => {
                    self.made = self.made.max(shim.made);
                    if name != NOTE {
                        self.discard(&path, &shim)?;
                    }
                }
                Found::Ours(shim) => {
                    self.made = self.made.max(shim.made);
                    ours.push((name, shim));
                }
                Found::Foreign(content) if temporary && content.is_empty() => {
                    fs::remove_file(&path).map_err(failed("remove", &path))?;
                }
                // The second link that `swap_by_links` begins with.
                Found::Foreign(_) if self.is_link_of_hook(&name) => {
                    fs::remove_file(&path).map_err(failed("remove", &path))?;
                }
                _ => {}
            }
        }
        Ok(ours)
    }

    /// Removes a script of ours that is in nobody's place. If it says that the folder was made,
    /// one stays that says so.
    fn discard(&self, path: &Path, shim: &Shim) -> Result<(), Error> {
        if shim.made > 0 && platform::rename_to_new(path, &self.file(NOTE)).is_ok() {
            return Ok(());
        }
        fs::remove_file(path).map_err(failed("remove", path))
    }

    fn is_link_of_hook(&self, aside: &OsStr) -> bool {
        let Some(at) = aside.as_bytes().find(ASIDE) else {
            return false;
        };
        let hook = OsStr::from_bytes(&aside.as_bytes()[..at]);
        let of = |name: &OsStr| fs::symlink_metadata(self.file(name)).ok();
        match (of(aside), of(hook)) {
            (Some(one), Some(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
            _ => false,
        }
    }

    /// The names of what was moved aside for this hook and that no script of ours leads to, the
    /// newest last.
    pub(super) fn orphans(&self, hook: &str, ours: &[(OsString, Shim)]) -> Result<Vec<OsString>, Error> {
        let start = format!("{hook}{ASIDE}");
        let number = |name: &OsString| match name.as_bytes().strip_prefix(start.as_bytes())? {
            b"" => Some(1),
            rest => rest.strip_prefix(b"-")?.to_str().ok()?.parse::<u32>().ok(),
        };
        let led_to = |name: &OsString| ours.iter().any(|(_, shim)| shim.chained.as_ref() == Some(name));
        let mut found: Vec<(u32, OsString)> = self
            .names()?
            .into_iter()
            .filter(|name| !led_to(name))
            .filter_map(|name| Some((number(&name)?, name)))
            .collect();
        found.sort();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    fn names(&self) -> Result<Vec<OsString>, Error> {
        let entries = fs::read_dir(&self.path).map_err(failed("read", &self.path))?;
        let names: io::Result<Vec<OsString>> = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect();
        let mut names = names.map_err(failed("read", &self.path))?;
        names.sort();
        Ok(names)
    }

    /// A name for what is moved aside that nothing has yet.
    fn free_name(&self, file: &OsStr) -> OsString {
        let mut number = 1;
        loop {
            let mut name = file.to_os_string();
            name.push(ASIDE);
            if number > 1 {
                name.push(format!("-{number}"));
            }
            if fs::symlink_metadata(self.file(&name)).is_err() {
                return name;
            }
            number += 1;
        }
    }

    /// Puts the scripts into their places, all or none; each with what was found there. Gives the
    /// name that each place's former hook has now.
    pub(super) fn put(&self, mut places: Vec<Place>) -> Result<Vec<Option<OsString>>, Error> {
        let mut written = Ok(());
        for place in &mut places {
            if matches!(place.before, Found::Foreign(_)) {
                place.shim.chained = Some(self.free_name(&place.name));
            }
            written = self.write(place);
            if written.is_err() {
                break;
            }
        }
        let mut done = 0;
        if written.is_ok() {
            for place in &places {
                written = self.put_one(place);
                if written.is_err() {
                    break;
                }
                done += 1;
            }
        }
        if let Err(error) = written {
            for place in places[..done].iter().rev() {
                self.take_back(place);
            }
            for place in &places {
                let _ = fs::remove_file(self.temporary(&place.name));
            }
            self.remove();
            return Err(error);
        }
        // From now on the hooks say it.
        made::drop_note(&self.path);
        for place in &places {
            if matches!(place.before, Found::Ours(_)) {
                let _ = fs::remove_file(self.temporary(&place.name));
            }
        }
        let aside = |place: Place| match place.before {
            Found::Ours(_) => None,
            _ => place.shim.chained,
        };
        Ok(places.into_iter().map(aside).collect())
    }

    fn temporary(&self, name: &OsStr) -> PathBuf {
        let mut temporary = OsString::from(format!("{TEMPORARY}-{}-", std::process::id()));
        temporary.push(name);
        self.file(temporary)
    }

    fn write(&self, place: &Place) -> Result<(), Error> {
        let path = self.temporary(&place.name);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(&place.shim.render())?;
                // The umask may have taken run bits away.
                rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o755))?;
                Ok(())
            });
        written.map_err(failed("write", &self.file(&place.name)))
    }

    fn put_one(&self, place: &Place) -> Result<(), Error> {
        let path = self.file(&place.name);
        let temporary = self.temporary(&place.name);
        let replaced = failed("replace", &path);
        match &place.before {
            Found::Nothing => {
                platform::rename_to_new(&temporary, &path).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => Error::Changed { path: path.clone() },
                    _ => replaced(error),
                })
            }
            Found::Ours(_) => {
                swap(&temporary, &path).map_err(replaced)?;
                // Somebody else's may have come since it was looked at; then it goes back.
                if matches!(look(&temporary)?, Found::Ours(_)) {
                    return Ok(());
                }
                swap(&temporary, &path).map_err(failed("replace", &path))?;
                Err(Error::Changed { path })
            }
            _ => {
                let aside = self.aside_of(place);
                platform::rename_to_new(&temporary, &aside).map_err(failed("write", &aside))?;
                swap(&aside, &path).map_err(|error| {
                    let _ = fs::remove_file(&aside);
                    match error.kind() {
                        io::ErrorKind::NotFound => Error::Changed { path: path.clone() },
                        _ => replaced(error),
                    }
                })
            }
        }
    }

    fn aside_of(&self, place: &Place) -> PathBuf {
        self.file(place.shim.chained.as_deref().unwrap_or_default())
    }

    /// Undoes [`put_one`](Self::put_one). An error here leaves a chain that works.
    fn take_back(&self, place: &Place) {
        let path = self.file(&place.name);
        let _ = match &place.before {
            Found::Nothing => fs::remove_file(&path),
            Found::Ours(_) => fs::rename(self.temporary(&place.name), &path),
            _ => fs::rename(self.aside_of(place), &path),
        };
    }

    /// Takes one of our scripts out; what it had moved aside comes back in the same step.
    /// `false` where that is no longer there.
    pub(super) fn take_out(&self, name: &OsStr, shim: &Shim) -> Result<bool, Error> {
        let path = self.file(name);
        let mut aside = shim.chained.as_ref().map(|name| self.file(name));
        if let Some(older) = aside.take_if(|aside| self.is_outdated(name, shim, aside)) {
            // What differs is kept under the name it has.
            if fs::read(&older).ok() == fs::read(self.not_ours(&shim.hook)).ok() {
                fs::remove_file(&older).map_err(failed("remove", &older))?;
            }
        }
        let former = aside.as_ref().filter(|aside| fs::symlink_metadata(aside).is_ok());
        let out = match former {
            Some(aside) => match platform::exchange(aside, &path) {
                Ok(()) => aside.clone(),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    fs::rename(aside, &path).map_err(failed("restore", &path))?;
                    return Ok(true);
                }
                Err(error) => return Err(failed("restore", &path)(error)),
            },
            None => {
                let temporary = self.temporary(name);
                platform::rename_to_new(&path, &temporary).map_err(failed("remove", &path))?;
                temporary
            }
        };
        if !matches!(look(&out)?, Found::Ours(_)) {
            // It was replaced since it was looked at.
            let _ = match former {
                Some(aside) => platform::exchange(aside, &path),
                None => platform::rename_to_new(&out, &path),
            };
            return Err(Error::Changed { path });
        }
        self.discard(&out, shim)?;
        Ok(former.is_some() || aside.is_none())
    }

    /// Whether what ours had moved aside is a script of the manager that since then renamed ours
    /// and put its script into the place anew. Below that one, the manager would find itself.
    fn is_outdated(&self, name: &OsStr, shim: &Shim, aside: &Path) -> bool {
        let manager = |path: &Path| match look(path) {
            Ok(Found::Foreign(content)) => manager_of(&content),
            _ => None,
        };
        name != shim.hook.as_str()
            && manager(aside).is_some()
            && manager(aside) == manager(&self.not_ours(&shim.hook))
    }

    /// The file of the hook that is not ours: what is in its place, or what ours there chains.
    fn not_ours(&self, hook: &str) -> PathBuf {
        let path = self.file(hook);
        match look(&path) {
            Ok(Found::Ours(Shim {
                chained: Some(aside), ..
            })) => self.file(aside),
            _ => path,
        }
    }

    /// Removes the folder, and those above it that were made for it, as far as nothing else is in
    /// them. Gives the topmost that was removed.
    pub(super) fn remove(&self) -> Option<PathBuf> {
        made::remove(&self.path, self.made)
    }
}

/// A script on its way into its place.
#[derive(Debug)]
pub(super) struct Place {
    /// The file name.
    pub(super) name: OsString,
    /// The script; the name of what is moved aside for it is chosen when that is done.
    pub(super) shim: Shim,
    /// What is there: nothing, ours or somebody else's.
    pub(super) before: Found,
}

/// Lets our new script and what is at `path` change places. Where the file system cannot, the
/// latter first gets the name `new` as well, and the script is then renamed over it.
fn swap(new: &Path, path: &Path) -> io::Result<()> {
    match platform::exchange(new, path) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => swap_by_links(new, path),
        done => done,
    }
}

fn swap_by_links(new: &Path, path: &Path) -> io::Result<()> {
    let coming = new.with_file_name(format!("{TEMPORARY}-{}", std::process::id()));
    fs::rename(new, &coming)?;
    let swapped = fs::hard_link(path, new).and_then(|()| fs::rename(&coming, path));
    if swapped.is_err() {
        // Over the second name, if it came so far.
        fs::rename(&coming, new)?;
    }
    swapped
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const THEIRS: &[u8] = b"#!/bin/sh\necho theirs\n";

    /// A folder with a hook of somebody else's, and our script under the name that this one is to
    /// get.
    struct Case {
        place: tempfile::TempDir,
        hook: PathBuf,
        aside: PathBuf,
        ours: Vec<u8>,
    }

    impl Case {
        fn new(theirs: impl FnOnce(&Path)) -> Self {
            let place = tempfile::tempdir().expect("a folder");
            let hook = place.path().join("post-commit");
            let aside = place.path().join("post-commit.before-jenkins-trigger");
            let shim = Shim {
                hook: "post-commit".into(),
                program: "/usr/bin/jenkins-trigger".into(),
                chained: Some("post-commit.before-jenkins-trigger".into()),
                made: 0,
                everywhere: false,
            };
            theirs(&hook);
            fs::write(&aside, shim.render()).expect("our script");
            Self {
                place,
                hook,
                aside,
                ours: shim.render(),
            }
        }

        fn file() -> Self {
            Self::new(|hook| fs::write(hook, THEIRS).expect("a hook"))
        }

        fn coming(&self) -> PathBuf {
            self.place.path().join(".jenkins-trigger-new-1")
        }

        fn names(&self) -> Vec<OsString> {
            let folder = Folder::take(self.place.path()).expect("the folder");
            folder.names().expect("names")
        }

        /// What the next one finds, and that he finds nothing else.
        #[track_caller]
        fn is_swept(&self) {
            let mut folder = Folder::take(self.place.path()).expect("the folder");
            assert_eq!(folder.ours().expect("a sweep"), []);
            drop(folder);
            assert_eq!(self.names(), ["post-commit"]);
            assert_eq!(fs::read(&self.hook).expect("the hook"), THEIRS);
        }
    }

    #[test]
    fn where_files_cannot_change_places_a_second_name_comes_first() {
        let case = Case::file();
        let number = fs::metadata(&case.hook).expect("metadata").ino();
        swap_by_links(&case.aside, &case.hook).expect("a swap");
        assert_eq!(fs::read(&case.hook).expect("the hook"), case.ours);
        assert_eq!(fs::metadata(&case.aside).expect("metadata").ino(), number);
        assert_eq!(
            case.names(),
            ["post-commit", "post-commit.before-jenkins-trigger"]
        );
    }

    #[test]
    fn a_link_gets_its_second_name_itself_and_not_what_it_leads_to() {
        let case = Case::new(|hook| symlink("nowhere", hook).expect("a link"));
        swap_by_links(&case.aside, &case.hook).expect("a swap");
        assert_eq!(fs::read_link(&case.aside).expect("a link"), Path::new("nowhere"));
        assert_eq!(fs::read(&case.hook).expect("the hook"), case.ours);
    }

    #[test]
    fn what_can_have_no_second_name_stays_and_ours_is_back_where_it_was() {
        let case = Case::new(|hook| fs::create_dir(hook).expect("a folder"));
        swap_by_links(&case.aside, &case.hook).expect_err("no second name");
        assert!(case.hook.is_dir());
        assert_eq!(fs::read(&case.aside).expect("our script"), case.ours);
        assert_eq!(case.names().len(), 2);
        // Nothing at all: somebody was faster.
        let case = Case::file();
        fs::remove_file(&case.hook).expect("a hook to remove");
        let error = swap_by_links(&case.aside, &case.hook).expect_err("nothing there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read(&case.aside).expect("our script"), case.ours);
    }

    /// Each of its three steps is one change.
    #[test]
    fn what_a_death_leaves_between_its_steps_is_swept() {
        Case::file().is_swept();
        let first = Case::file();
        fs::rename(&first.aside, first.coming()).expect("a rename");
        first.is_swept();
        let second = Case::file();
        fs::rename(&second.aside, second.coming()).expect("a rename");
        fs::hard_link(&second.hook, &second.aside).expect("a link");
        second.is_swept();
    }

    /// After the last step both are where they belong.
    #[test]
    fn what_is_moved_aside_is_not_swept() {
        let case = Case::file();
        swap_by_links(&case.aside, &case.hook).expect("a swap");
        let mut folder = Folder::take(case.place.path()).expect("the folder");
        let ours = folder.ours().expect("no sweep");
        assert_eq!(ours.len(), 1);
        assert_eq!(fs::read(&case.aside).expect("theirs"), THEIRS);
        assert!(folder.take_out(&ours[0].0, &ours[0].1).expect("taken out"));
        drop(folder);
        assert_eq!(case.names(), ["post-commit"]);
        assert_eq!(fs::read(&case.hook).expect("the hook"), THEIRS);
    }

    /// A renewal: both are ours.
    #[test]
    fn a_renewal_leaves_the_new_one() {
        let case = Case::file();
        swap_by_links(&case.aside, &case.hook).expect("a swap");
        let newer = case.place.path().join(".jenkins-trigger-new-1-post-commit");
        fs::write(&newer, &case.ours).expect("our script");
        swap_by_links(&newer, &case.hook).expect("a swap");
        let mut folder = Folder::take(case.place.path()).expect("the folder");
        assert_eq!(folder.ours().expect("a sweep").len(), 1);
        drop(folder);
        assert_eq!(
            case.names(),
            ["post-commit", "post-commit.before-jenkins-trigger"]
        );
        assert_eq!(fs::read(&case.aside).expect("theirs"), THEIRS);
    }
}
