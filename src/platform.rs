//! What differs between operating systems: locks, file modes, detaching a process.

#[cfg(not(unix))]
compile_error!("jenkins-trigger runs on Unix only for now: hooks, locks and detaching are written for it");

mod process;
mod signals;
pub mod terminal;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use zeroize::Zeroizing;

pub use process::{
    End, Handle, Process, ancestors, arguments_of, follow, own, parent, runs, wait_for_end, wait_on_stdin,
};
pub use signals::Interruption;

/// The numeric id of the user whose rights this process has.
#[must_use]
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The name of this machine as the kernel knows it.
#[must_use]
pub fn hostname() -> Vec<u8> {
    rustix::system::uname().nodename().to_bytes().to_vec()
}

/// Creates `path` and its missing parents, readable by its owner only, and refuses one that
/// somebody else owns or that is a link.
///
/// # Errors
/// What the file system says, or [`io::ErrorKind::PermissionDenied`] for a foreign directory.
pub fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "is a link or no directory",
        ));
    }
    if found.uid() != user_id() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("belongs to user id {}, not to you", found.uid()),
        ));
    }
    Ok(())
}

/// Creates `path` for all who may write to the git directory `repository`: with the mode of its
/// `objects`, and, if root creates it, for the owner of `repository`. One that is there stays as it
/// is, and may be no link: whoever set that would have this user write where he likes.
///
/// # Errors
/// What the file system says.
pub fn shared_directory(path: &Path, repository: &Path) -> io::Result<()> {
    make_shared(path, repository, 0)
}

/// The same for what each of them keeps for himself: none takes away what another has put there.
///
/// # Errors
/// What the file system says.
pub fn directory_of_each(path: &Path, repository: &Path) -> io::Result<()> {
    const STICKY: u32 = 0o1000;
    make_shared(path, repository, STICKY)
}

/// `restriction` are mode bits for one that others may write to.
fn make_shared(path: &Path, repository: &Path, restriction: u32) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(path)?.is_dir() {
                return Ok(());
            }
            return Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                "is a link or no directory",
            ));
        }
        Err(error) => return Err(error),
    }
    // Where either fails, the folder is this user's alone, which is no reason to stop.
    if let Ok(objects) = fs::metadata(repository.join("objects")) {
        let mut mode = objects.mode() & 0o7777;
        if mode & 0o022 != 0 {
            mode |= restriction;
        }
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    }
    if user_id() == 0
        && let Ok(owned) = fs::metadata(repository)
    {
        let _ = std::os::unix::fs::chown(path, Some(owned.uid()), Some(owned.gid()));
    }
    Ok(())
}

/// Creates a new file that only its owner can read and write; an existing one is an error.
///
/// # Errors
/// What the file system says.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Opens a file for reading and appending, created for its owner only, and none that a link leads to.
///
/// # Errors
/// What the file system says.
pub fn append_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(AS_IT_IS.bits().cast_signed())
        .open(path)
}

/// What keeps an opening from following a link, and from waiting for the other end of a pipe.
const AS_IT_IS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

/// The same with a file that must be one: neither a link nor a pipe.
///
/// # Errors
/// What the file system says, or [`io::ErrorKind::InvalidInput`] for what is no file.
pub fn append_own(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    open_as_it_is(&mut options, path)
}

/// The same for one that is there.
///
/// # Errors
/// As [`append_own`], and [`io::ErrorKind::NotFound`].
pub fn append_own_if_there(path: &Path) -> io::Result<(File, Metadata)> {
    open_as_it_is(OpenOptions::new().read(true).append(true), path)
}

/// Opens a file for reading that must be one: neither a link nor a pipe.
///
/// # Errors
/// As [`append_own`].
pub fn open_own(path: &Path) -> io::Result<(File, Metadata)> {
    open_as_it_is(OpenOptions::new().read(true), path)
}

fn open_as_it_is(options: &mut OpenOptions, path: &Path) -> io::Result<(File, Metadata)> {
    let file = options.custom_flags(AS_IT_IS.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if found.is_file() {
        Ok((file, found))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "is no file"))
    }
}

/// Whose an open file is to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// This one's, until it is closed.
    ByUs,
    /// Another's, who has not let go of it in time.
    ByAnother,
    /// Anybody's: the file system has no locks.
    ByNobody,
}

/// Locks an open file, and waits so long for others that have locked it.
#[must_use]
pub fn lock_for_a_moment(file: &File, patience: Duration) -> Locked {
    let end = Instant::now() + patience;
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Locked::ByUs,
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < end => {
                thread::sleep(Duration::from_micros(200));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Locked::ByAnother,
            Err(_) => return Locked::ByNobody,
        }
    }
}

/// Replaces `path` by `content` in one step: a reader sees the old bytes or the new ones.
///
/// `mode` is the new file's mode; the temporary file lies beside `path`, and after a kill until
/// [`sweep`].
///
/// # Errors
/// What the file system says; the temporary file is gone then.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut name = unfinished(path);
    name.push(std::process::id().to_string());
    let temporary = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(content)?;
            // The umask may have taken bits away that a hook needs.
            rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(mode))?;
            Ok(())
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// What the name of the temporary file of [`replace`] begins with; the process id follows.
fn unfinished(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".jenkins-trigger-");
    name
}

/// Removes what a kill in [`replace`] left behind. Nobody may be in it: the caller has a lock.
///
/// # Errors
/// What the file system says.
pub fn sweep(path: &Path) -> io::Result<()> {
    let start = unfinished(path);
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name();
        let process = name.as_bytes().strip_prefix(start.as_bytes());
        if process.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Lets two files change places in one step.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::Unsupported`] where it cannot.
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    rename_with(one, other, rustix::fs::RenameFlags::EXCHANGE)
}

/// Renames `from` to `to`, where nothing may be yet.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::AlreadyExists`] if something is there.
pub fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match rename_with(from, to, rustix::fs::RenameFlags::NOREPLACE) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            fs::hard_link(from, to)?;
            fs::remove_file(from).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })
        }
        done => done,
    }
}

fn rename_with(from: &Path, to: &Path, flags: rustix::fs::RenameFlags) -> io::Result<()> {
    use rustix::fs::CWD;
    use rustix::io::Errno;
    rustix::fs::renameat_with(CWD, from, CWD, to, flags).map_err(|error| match error {
        Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
        other => other.into(),
    })
}

/// Whether two paths lead to one file.
#[must_use]
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    id(one).is_some() && id(one) == id(other)
}

/// The permission bits of a file.
#[must_use]
pub fn mode_of(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.mode() & 0o7777)
}

/// Whether the system would run the file for this user.
#[must_use]
pub fn may_run(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

/// Whether this user may make files in a folder.
#[must_use]
pub fn may_put_into(folder: &Path) -> bool {
    use rustix::fs::Access;
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Whether the system knows no way to run a file because it does not say its interpreter.
#[must_use]
pub fn has_no_interpreter(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

/// The exit code as a shell reports it: 128 and the signal for a process that died of one.
#[must_use]
pub fn exit_code(status: std::process::ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}

/// An exclusive lock on a file, held until dropped or until the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: Arc<File>,
}

thread_local! {
    /// The folders that this thread has locked, by device and inode.
    static FOLDERS: RefCell<BTreeMap<(u64, u64), Weak<File>>> = const { RefCell::new(BTreeMap::new()) };
}

impl Lock {
    /// Takes the lock, and waits so long for whoever holds it; `None` if he still does then.
    ///
    /// # Errors
    /// What the file system says about the lock file.
    pub fn take_within(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        const GLANCE: Duration = Duration::from_millis(10);
        let end = Instant::now() + patience;
        loop {
            match Self::try_take(path)? {
                None if Instant::now() < end => thread::sleep(GLANCE),
                taken => return Ok(taken),
            }
        }
    }

    /// Takes the lock if nobody holds it; `None` if somebody does.
    ///
    /// # Errors
    /// What the file system says about the lock file.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = append_private(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self {
                _file: Arc::new(file),
            })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the lock of a file that is there for something else, if nobody holds it; `None` if
    /// somebody does, or the file is gone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn try_take_of(path: &Path) -> io::Result<Option<Self>> {
        let file = match open_own(path) {
            Ok((file, _)) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // Somebody may have dealt with it, and even put another in its place, in between.
        let id = |found: fs::Metadata| (found.dev(), found.ino());
        let same =
            fs::metadata(path).is_ok_and(|named| file.metadata().is_ok_and(|own| id(own) == id(named)));
        Ok(same.then(|| Self {
            _file: Arc::new(file),
        }))
    }

    /// Waits for the lock of a folder, which needs no file of its own. A thread that has it already
    /// has it twice then.
    ///
    /// # Errors
    /// What the file system says; a folder that is no longer there is
    /// [`io::ErrorKind::NotFound`].
    pub fn of_folder(path: &Path) -> io::Result<Self> {
        let folder = File::open(path)?;
        let opened = folder.metadata()?;
        let id = (opened.dev(), opened.ino());
        // A second descriptor would wait for the first one forever.
        let held = FOLDERS.with_borrow(|held| held.get(&id).and_then(Weak::upgrade));
        if let Some(file) = held {
            return Ok(Self { _file: file });
        }
        match rustix::fs::flock(&folder, FlockOperation::LockExclusive) {
            // Where folders have no locks, two installations at one time are left to luck.
            Ok(()) | Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::INVAL | rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
        let named = fs::metadata(path)?;
        if id != (named.dev(), named.ino()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = Arc::new(folder);
        FOLDERS.with_borrow_mut(|held| held.insert(id, Arc::downgrade(&file)));
        Ok(Self { _file: file })
    }
}

/// The path of this program, and after an update that of its successor: while an older one runs
/// on, the system calls its file deleted.
///
/// # Errors
/// What the system says.
pub fn this_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(OsStr::from_bytes(path))),
        _ => Ok(path),
    }
}

/// Waits so long, or until nobody reads any more what this process writes to its stdout; whether it
/// is so.
#[must_use]
pub fn reader_leaves_within(wait: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let wait = Timespec::try_from(wait).ok();
    let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    // An interrupted one has not waited for long, and is as good as one that has.
    poll(&mut asked, wait.as_ref()).is_ok() && asked[0].revents().intersects(gone)
}

/// Starts `command` in a session of its own with nothing of the caller's left open, so that git,
/// a GUI or a pipe never waits for it and Ctrl-C never reaches it.
///
/// # Errors
/// What the system says when the program cannot be started.
pub fn spawn_detached(command: &mut Command) -> io::Result<()> {
    spawn_detached_with(command, Stdio::null())
}

/// The same with this as its stdin.
///
/// # Errors
/// As [`spawn_detached`].
pub fn spawn_detached_with(command: &mut Command, stdin: Stdio) -> io::Result<()> {
    command
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/");
    in_own_session(command);
    command.spawn().map(drop)
}

#[allow(unsafe_code)]
fn in_own_session(command: &mut Command) {
    // SAFETY: setsid is async-signal-safe and touches no memory of this process.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// Runs `command` in a session of its own, without a terminal that it could ask anything on, and
/// returns its output; `None` if it was killed because it took longer than `limit`.
///
/// # Errors
/// What the system says when the program cannot be started.
pub fn run_alone(command: &mut Command, limit: Duration) -> io::Result<Option<Output>> {
    in_own_session(command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    end_of_alone(child, limit)
}

/// The same with a program that is told something on its stdin.
///
/// # Errors
/// As [`run_alone`].
pub fn run_alone_told(
    command: &mut Command,
    told: Zeroizing<Vec<u8>>,
    limit: Duration,
) -> io::Result<Option<Output>> {
    in_own_session(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not listen would have this one wait for ever.
        thread::spawn(move || {
            // One that went away says why on its own.
            let _ = stdin.write_all(&told);
        });
    }
    end_of_alone(child, limit)
}

fn end_of_alone(mut child: Child, limit: Duration) -> io::Result<Option<Output>> {
    let end = Instant::now() + limit;
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let all = stdout.recv_timeout(limit).ok();
    let status = match all {
        // It has closed its stdout, which it does at its very end.
        Some(_) => wait_until(&mut child, end)?,
        None => None,
    };
    let (Some(stdout), Some(status)) = (all, status) else {
        if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        child.wait()?;
        return Ok(None);
    };
    // A program that stays in the background, as ssh may, keeps it open.
    let stderr = stderr
        .recv_timeout(Duration::from_millis(200))
        .unwrap_or_default();
    Ok(Some(Output {
        status,
        stdout,
        stderr,
    }))
}

fn wait_until(child: &mut Child, end: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= end {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn read_in_background(from: Option<impl io::Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // It may be a secret, which is not to be left where a buffer was before it grew.
        let mut bytes = Vec::with_capacity(16 * 1024);
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut bytes);
        }
        // Nobody waits any more where this fails.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Closes every descriptor above stderr that the caller handed down: a shell's `3>&1` would keep
/// a pipe open, and its reader waiting, for as long as this process lives.
///
/// To be called by a detached process before it opens anything of its own.
#[allow(unsafe_code)]
pub fn close_inherited_files() {
    let Ok(listed) = fs::read_dir("/dev/fd") else {
        return;
    };
    let open: Vec<i32> = listed
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        // SAFETY: nothing in this process owns a descriptor above stderr yet. The listing's own
        // one is in the list and closed by now, so each is asked first whether it is open.
        unsafe {
            if rustix::io::fcntl_getfd(BorrowedFd::borrow_raw(descriptor)).is_ok() {
                rustix::io::close(descriptor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Several users may push to one repository, each under his own id.
    #[test]
    fn what_several_users_share_has_the_mode_of_the_objects() {
        let repository = tempfile::tempdir().expect("a folder");
        let objects = repository.path().join("objects");
        fs::create_dir(&objects).expect("a folder");
        fs::set_permissions(&objects, fs::Permissions::from_mode(0o2775)).expect("a mode");
        let shared = repository.path().join("jenkins-trigger");
        shared_directory(&shared, repository.path()).expect("a folder");
        let mode = |path| fs::metadata(path).expect("metadata").permissions().mode() & 0o7777;
        assert_eq!(mode(&shared), 0o2775);
        let of_each = repository.path().join("of-each");
        directory_of_each(&of_each, repository.path()).expect("a folder");
        assert_eq!(mode(&of_each), 0o3775);
    }

    #[test]
    fn a_folder_is_locked_once_by_a_thread_and_free_when_the_last_lock_is_gone() {
        let place = tempfile::tempdir().expect("a folder");
        let outer = Lock::of_folder(place.path()).expect("a lock");
        let inner = Lock::of_folder(place.path()).expect("the same lock");
        let (tell, told) = std::sync::mpsc::channel();
        let path = place.path().to_owned();
        let other = std::thread::spawn(move || {
            let _lock = Lock::of_folder(&path).expect("a lock");
            tell.send(()).expect("a listener");
        });
        drop(outer);
        let early = told.recv_timeout(std::time::Duration::from_millis(100));
        assert!(early.is_err(), "the inner one is left");
        drop(inner);
        told.recv().expect("the lock is free");
        other.join().expect("no panic");
    }

    #[test]
    fn a_private_folder_that_is_a_link_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let link = place.path().join("spool");
        std::os::unix::fs::symlink(place.path(), &link).expect("a link");
        assert!(private_directory(&link).is_err());
    }
}
