//! The queue of triggers that Jenkins has not accepted yet, and the journal of what became of
//! them: small files in the common git directory, one folder per user.
//!
//! An entry is written to `tmp` and renamed into `new`, as in a maildir, so that the death of any
//! process leaves it either absent or whole. It leaves `new` only after the journal has its
//! outcome: into nothing when Jenkins took it, into `failed` when it did not.

mod authorities;
mod journal;
mod place;
mod push;
mod sending;
mod trigger;

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use authorities::sha256;
pub use journal::{Entry, Foreign, Journal, Line, Mark, Outcome};
pub use push::{Later, Noted, PUSH_FORMAT, ProcessId, Push, PushedReference, Pushes, TrackedReference};
pub use sending::Sending;
pub use trigger::{Hold, Lane, Scan, Trigger, new_ids};

use place::{check_folder, check_own};
use trigger::check_format;

use crate::platform::{self, Lock};
use crate::secret;

/// So many triggers may wait; a further one is refused.
pub const MOST_WAITING: usize = 10_000;

/// So many bytes at most are read of an entry: a push may have thousands of references.
const MOST_READ: u64 = 1 << 30;

/// So many bytes at most are read of what is kept about a server.
const MOST_KEPT: u64 = 8 << 20;

/// The format of an entry; one of another format is left alone.
pub const FORMAT: u32 = 1;

/// Why the spool could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("could not {action} {path}: {reason}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Somebody else may have put there what he likes.
    #[error("{path} {problem}; {remedy}")]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: String,
    },
    /// Somebody changed what is kept under its SHA-256.
    #[error("{0} is not what was kept there; put the file back in order, then: jenkins-trigger trust")]
    Damaged(PathBuf),
    /// It would be kept, sent and shown by Jenkins to everybody who sees the build.
    #[error(
        "{0} has a secret in it, one of your own tokens or passwords, and Jenkins shows it to all who see the build; \
         take it out of the rule"
    )]
    Secret(String),
    /// Too many wait.
    #[error("{MOST_WAITING} triggers wait already; send or drop some first: jenkins-trigger retry")]
    Full,
    /// No entry has this id.
    #[error("no trigger {0} waits or failed; see: jenkins-trigger log")]
    Unknown(String),
    /// Several entries' ids end so.
    #[error("{0} fits more than one trigger; give more of the id")]
    Ambiguous(String),
}

/// The result of a spool operation.
pub type Result<T> = std::result::Result<T, Error>;

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |reason| Error::Io {
        action,
        path: path.to_owned(),
        reason,
    }
}

/// An entry that could not be understood, and why; it stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Unreadable {
    /// Its id, which is its file's name without endings.
    #[must_use]
    pub fn id(&self) -> &str {
        let name = self.path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let id = name.strip_suffix(TOLD).and_then(|start| start.strip_suffix('.'));
        id.or_else(|| name.strip_suffix(".json")).unwrap_or(name)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is left alone: {}", self.path.display(), self.reason)
    }
}

/// What a folder of the spool holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The entries, oldest first.
    pub triggers: Vec<Trigger>,
    /// Files that are no entries of this version.
    pub unreadable: Vec<Unreadable>,
}

/// The spool of one repository and one user.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    /// Why it does not lie in the repository.
    elsewhere: Option<String>,
}

impl Spool {
    /// The spool of this common git directory, for the user this process runs as: in there, unless
    /// somebody else who may write there has taken the place.
    #[must_use]
    pub fn of(common_dir: &Path) -> Self {
        place::of(common_dir)
    }

    /// Why it does not lie in the repository, and what to do about it, as a person reads it.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_deref()
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The journal beside it.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::at(self.folder.join("journal.jsonl"))
    }

    /// Whatever stands in the place of an id, in the journal too, it leads nowhere else.
    fn file(&self, folder: &str, id: &str) -> PathBuf {
        let name: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        self.folder.join(folder).join(format!("{name}.json"))
    }

    /// Where is kept what may be forgotten about a server.
    fn about(&self, server: &str) -> PathBuf {
        let name = format!("{}.json", sha256(server.as_bytes()));
        self.folder.join("jobs").join(name)
    }

    /// Keeps something about a server that can be found out anew.
    ///
    /// # Errors
    /// What the file system says; what was kept before is as it was then.
    pub fn remember(&self, server: &str, text: &[u8]) -> Result<()> {
        self.check()?;
        let path = self.about(server);
        let folder = path.parent().unwrap_or(&self.folder);
        platform::private_directory(folder).map_err(io_error("use", folder))?;
        let mut text = text.to_vec();
        secret::conceal(&mut text);
        platform::replace(&path, &text, 0o600).map_err(io_error("write", &path))
    }

    /// What was kept about a server.
    #[must_use]
    pub fn recall(&self, server: &str) -> Option<Vec<u8>> {
        let (file, metadata) = platform::open_own(&self.about(server)).ok()?;
        let mut text = Vec::new();
        let most = metadata.len().min(MOST_KEPT);
        file.take(most).read_to_end(&mut text).ok()?;
        Some(text)
    }

    /// Whether it may be read and written, as far as it is there.
    ///
    /// # Errors
    /// [`Error::NotOurs`], or what the file system says.
    pub fn check(&self) -> Result<()> {
        check_folder(&self.folder)
    }

    fn prepare(&self) -> Result<()> {
        self.check()?;
        if let Some(parent) = self.folder.parent().filter(|_| self.elsewhere.is_none()) {
            // Other users' spools lie beside this one: only what is below is private.
            let repository = parent.parent().unwrap_or(parent);
            platform::directory_of_each(parent, repository).map_err(io_error("create", parent))?;
        }
        platform::private_directory(&self.folder).map_err(io_error("use", &self.folder))?;
        for name in ["tmp", "new", "failed"] {
            let path = self.folder.join(name);
            platform::private_directory(&path).map_err(io_error("use", &path))?;
        }
        Ok(())
    }

    /// Takes a trigger in.
    ///
    /// # Errors
    /// As [`Intake::put`].
    pub fn put(&self, trigger: &Trigger) -> Result<()> {
        self.intake()?.put(trigger)
    }

    /// Makes ready to take several triggers in.
    ///
    /// # Errors
    /// What the file system says.
    pub fn intake(&self) -> Result<Intake<'_>> {
        self.prepare()?;
        let new = self.folder.join("new");
        let waiting = fs::read_dir(&new).map_err(io_error("read", &new))?;
        let waiting = waiting.take(MOST_WAITING).count();
        Ok(Intake {
            spool: self,
            room: MOST_WAITING - waiting,
        })
    }

    fn write(&self, trigger: &Trigger, folder: &str) -> Result<()> {
        self.write_entry(&trigger.id, folder, &trigger::encode(trigger))
    }

    fn write_entry(&self, id: &str, folder: &str, text: &[u8]) -> Result<()> {
        let path = self.file(folder, id);
        let name = format!("{id}.{}.json", std::process::id());
        let temporary = self.folder.join("tmp").join(name);
        let written = platform::create_private(&temporary)
            .and_then(|mut file| file.write_all(text))
            .and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            io_error("write", &path)(error)
        })
    }

    /// Writes back a waiting trigger that was tried in vain.
    ///
    /// # Errors
    /// What the file system says.
    pub fn update(&self, trigger: &Trigger) -> Result<()> {
        self.write(trigger, "new")
    }

    /// The triggers that wait.
    ///
    /// # Errors
    /// What the file system says about the folder; an entry that cannot be read is listed.
    pub fn waiting(&self) -> Result<Listing> {
        self.list("new")
    }

    /// The triggers that Jenkins refused, or may or may not have taken.
    ///
    /// # Errors
    /// As [`Spool::waiting`].
    pub fn failed(&self) -> Result<Listing> {
        self.list("failed")
    }

    /// The oldest that waits, at most `most`, and how many wait; cheap however many do.
    ///
    /// # Errors
    /// As [`Spool::waiting`].
    pub fn oldest_waiting(&self, most: usize) -> Result<(Listing, usize)> {
        let paths = self.paths("new")?;
        let count = paths.len();
        Ok((read_all(paths.into_iter().take(most)), count))
    }

    /// The id of the newest that waits; cheap however many do.
    #[must_use]
    pub fn newest_waiting(&self) -> Option<String> {
        let entries = fs::read_dir(self.folder.join("new")).ok()?;
        let newest = entries.filter_map(|entry| Some(entry.ok()?.file_name())).max()?;
        let name = newest.to_string_lossy();
        Some(name.strip_suffix(".json").unwrap_or(&name).to_owned())
    }

    /// The waiting trigger with this id, if it is still there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(&self, id: &str) -> Result<Option<Trigger>> {
        let path = self.file("new", id);
        match read_own(&path) {
            Ok(text) => Ok(decode_at(&path, &text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }

    fn list(&self, name: &str) -> Result<Listing> {
        self.paths(name).map(read_all)
    }

    /// The files of a folder, oldest entry first.
    fn paths(&self, name: &str) -> Result<Vec<PathBuf>> {
        self.check()?;
        let folder = self.folder.join(name);
        check_own(&folder)?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("read", &folder)(error)),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort_unstable();
        Ok(paths)
    }

    /// Forgets a waiting trigger whose outcome is in the journal.
    ///
    /// # Errors
    /// What the file system says.
    pub fn done(&self, id: &str) -> Result<()> {
        self.remove("new", id)
    }

    /// Forgets a trigger that waits or failed, because its user says so.
    ///
    /// # Errors
    /// What the file system says.
    pub fn give_up(&self, id: &str) -> Result<()> {
        let failed = self.file("failed", id);
        remove_if_there(&failed.with_extension(TOLD))?;
        remove_if_there(&failed)?;
        self.done(id)
    }

    /// Keeps a trigger that Jenkins refused, for the user to look at and `retry`.
    ///
    /// # Errors
    /// What the file system says; the trigger still waits then.
    pub fn fail(&self, trigger: &Trigger) -> Result<()> {
        self.write(trigger, "failed")?;
        self.remove("new", &trigger.id)
    }

    fn remove(&self, folder: &str, id: &str) -> Result<()> {
        remove_if_there(&self.file(folder, id)).map(drop)
    }

    /// Removes an entry that cannot be read, because its user says so.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forget(&self, unreadable: &Unreadable) -> Result<()> {
        self.check()?;
        remove_if_there(&unreadable.path).map(drop)
    }

    /// The failures no hook has told of yet, oldest first, at most `most`; from now on they count
    /// as told, but for those that cannot be read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn tell_failures(&self, most: usize) -> Result<Listing> {
        let untold = self.paths("failed")?.into_iter().filter(|path| !is_told(path));
        let mut told = Listing::default();
        for path in untold {
            if told.triggers.len() == most {
                break;
            }
            let read = read_all([path.clone()]);
            if !read.triggers.is_empty() {
                // A later `retry` may have taken it away: then there is nothing to tell.
                let _ = fs::rename(&path, path.with_extension(TOLD));
            }
            told.triggers.extend(read.triggers);
            told.unreadable.extend(read.unreadable);
        }
        Ok(told)
    }

    /// Notes that the user was told of a failure.
    ///
    /// # Errors
    /// What the file system says.
    pub fn mark_told(&self, id: &str) -> Result<()> {
        let path = self.file("failed", id);
        rename_if_there(&path, &path.with_extension(TOLD)).map(drop)
    }

    /// Makes a failed trigger wait again; `false` if it is not there any more.
    ///
    /// # Errors
    /// What the file system says.
    pub fn revive(&self, id: &str) -> Result<bool> {
        let untold = self.file("failed", id);
        let new = self.file("new", id);
        Ok(rename_if_there(&untold, &new)? || rename_if_there(&untold.with_extension(TOLD), &new)?)
    }

    /// The lock of the one who sends. Whoever gets it finds in the entries which requests of one who
    /// died were out.
    ///
    /// # Errors
    /// What the file system says about the lock file and the entries.
    pub fn lock_sending(&self) -> Result<Option<Lock>> {
        let lock = self.lock("sending.lock")?;
        if lock.is_some() {
            // What a writer left that was killed.
            forget_old(&self.folder.join("tmp"));
            self.take_over()?;
        }
        Ok(lock)
    }

    /// The lock of the one who waits for the one who sends.
    ///
    /// # Errors
    /// What the file system says about the lock file.
    pub fn lock_waiting(&self) -> Result<Option<Lock>> {
        self.lock("waiting.lock")
    }

    /// The lock of the one who sleeps until something is due.
    ///
    /// # Errors
    /// What the file system says about the lock file.
    pub fn lock_sleeping(&self) -> Result<Option<Lock>> {
        self.lock("sleeping.lock")
    }

    fn lock(&self, name: &str) -> Result<Option<Lock>> {
        self.prepare()?;
        let path = self.folder.join(name);
        Lock::try_take(&path).map_err(io_error("lock", &path))
    }

    /// Asks whoever sends now to try everything once more when he is done: he may have looked
    /// before something changed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn ask_again(&self) -> Result<()> {
        self.prepare()?;
        let path = self.folder.join(AGAIN);
        platform::append_private(&path)
            .map(drop)
            .map_err(io_error("write", &path))
    }

    /// Whether somebody asked so.
    #[must_use]
    pub fn is_asked_again(&self) -> bool {
        self.folder.join(AGAIN).exists()
    }

    /// Takes the request, if there is one, before doing what it asks for.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take_asked_again(&self) -> Result<bool> {
        remove_if_there(&self.folder.join(AGAIN))
    }

    /// Notes that something was said that is not to be said again until [`Spool::unsay`];
    /// `true` if it had not been said.
    ///
    /// # Errors
    /// What the file system says.
    pub fn say_once(&self, what: &str) -> Result<bool> {
        self.prepare()?;
        let path = self.folder.join(format!("said-{what}"));
        match platform::create_private(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(io_error("write", &path)(error)),
        }
    }

    /// Takes what `name` stands for, for good; `false` if somebody did so before. A claim is
    /// remembered for an hour.
    ///
    /// # Errors
    /// What the file system says.
    pub fn claim(&self, name: &str) -> Result<bool> {
        self.prepare()?;
        let folder = self.folder.join("seen");
        platform::private_directory(&folder).map_err(io_error("use", &folder))?;
        forget_old(&folder);
        let path = folder.join(name);
        match platform::create_private(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(io_error("write", &path)(error)),
        }
    }

    /// Whether somebody has taken something whose name ends so. What cannot be read has no claims.
    #[must_use]
    pub fn has_claim(&self, ending: &str) -> bool {
        let Ok(entries) = fs::read_dir(self.folder.join("seen")) else {
            return false;
        };
        entries.filter_map(io::Result::ok).any(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().ends_with(ending.as_bytes())
        })
    }

    /// Forgets that something was said.
    pub fn unsay(&self, what: &str) {
        let _ = fs::remove_file(self.folder.join(format!("said-{what}")));
    }
}

/// A spool that takes triggers in. How many wait is counted once and not for each of them: one
/// push may bring thousands.
#[derive(Debug)]
pub struct Intake<'a> {
    spool: &'a Spool,
    room: usize,
}

impl Intake<'_> {
    /// Takes a trigger in.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Secret`], or what the file system says; nothing is left behind then.
    pub fn put(&mut self, trigger: &Trigger) -> Result<()> {
        if let Some(part) = trigger.secret_part() {
            return Err(Error::Secret(part));
        }
        self.room = self.room.checked_sub(1).ok_or(Error::Full)?;
        self.spool.write(trigger, "new")
    }
}

/// Looks at a part only: each claim adds one file and takes many, so that all get their turn.
fn forget_old(folder: &Path) {
    const PART: usize = 100;
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.take(PART).filter_map(io::Result::ok) {
        let claimed = entry.metadata().and_then(|found| found.modified());
        if claimed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > HOUR)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The file by which a sender that found another at work asks it to try everything once more.
const AGAIN: &str = "again";

/// The ending of a failed trigger's file once a hook has told of it.
const TOLD: &str = "told.json";

fn rename_if_there(from: &Path, to: &Path) -> Result<bool> {
    if_there(fs::rename(from, to)).map_err(io_error("rename", from))
}

fn remove_if_there(path: &Path) -> Result<bool> {
    if_there(fs::remove_file(path)).map_err(io_error("remove", path))
}

/// Whether it was there; somebody else may have dealt with it.
fn if_there(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_told(path: &Path) -> bool {
    path.to_string_lossy().ends_with(TOLD)
}

/// The content of a file that is one: a pipe would have a hook wait for ever, and a link shows what is
/// none of its user's triggers.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let (file, _) = platform::open_own(path)?;
    let mut text = Vec::new();
    file.take(MOST_READ).read_to_end(&mut text)?;
    Ok(text)
}

/// The trigger in this file, which is called as its id is: it could be neither kept nor forgotten
/// otherwise.
fn decode_at(path: &Path, text: &[u8]) -> std::result::Result<Trigger, String> {
    let trigger = trigger::decode(text)?;
    named_so(path, &trigger.id)?;
    Ok(trigger)
}

fn named_so(path: &Path, id: &str) -> std::result::Result<(), String> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let rest = name.strip_prefix(id.as_bytes());
    if rest.is_some_and(|rest| rest.starts_with(b".")) {
        return Ok(());
    }
    Err(format!("it is called otherwise than its id, {id}"))
}

fn read_all(paths: impl IntoIterator<Item = PathBuf>) -> Listing {
    let mut listing = Listing::default();
    for path in paths {
        match read_own(&path) {
            Ok(text) => match decode_at(&path, &text) {
                Ok(trigger) => listing.triggers.push(trigger),
                Err(reason) => listing.unreadable.push(Unreadable { path, reason }),
            },
            // Somebody else has just dealt with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => listing.unreadable.push(Unreadable {
                path,
                reason: error.to_string(),
            }),
        }
    }
    listing
}
