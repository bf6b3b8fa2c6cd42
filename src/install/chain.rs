//! A hook of the user's own that was there before ours and was moved aside: it goes on running,
//! as git would run it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::environment;
use crate::platform;

/// The exit code, as a shell's, of a hook that could not be started.
pub const NOT_STARTED: u8 = 127;

/// How long a hook that has ended may leave its stdin to somebody who does not read it.
const GRACE: Duration = Duration::from_secs(1);

/// A hook that was moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chained {
    path: PathBuf,
}

impl Chained {
    /// The hook at `path`, which is relative to the current folder or absolute.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        // A bare name would be looked for on the PATH.
        let path = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new(".").join(path),
            _ => path,
        };
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it with the environment, folder, stdout and stderr of this process, and gives its exit
    /// code. `stdin`: what this process has read of its own, else the hook gets what is left there.
    ///
    /// As git does, leaves out a file that may not be run, and runs with the shell one that does
    /// not say its interpreter.
    ///
    /// # Errors
    /// Why it could not be started.
    pub fn run(&self, arguments: &[OsString], stdin: Option<&[u8]>, mark: bool) -> io::Result<u8> {
        if !platform::may_run(&self.path) {
            return Ok(0);
        }
        let start = |program: &Path, script: Option<&Path>| {
            let mut command = Command::new(program);
            command.args(script).args(arguments);
            if mark {
                command.env(environment::CHAIN, self.absolute());
            }
            if stdin.is_some() {
                command.stdin(Stdio::piped());
            }
            command.spawn()
        };
        let child = match start(&self.path, None) {
            Err(error) if platform::has_no_interpreter(&error) => {
                start(Path::new("/bin/sh"), Some(&self.path))
            }
            other => other,
        }?;
        wait(child, stdin)
    }

    /// Whether this process runs below that hook, as far as `mark` told it.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        environment::chain().is_some_and(|path| path == self.absolute())
    }

    fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }
}

/// Feeds the child while it runs: it may well write before it reads, or never read.
fn wait(mut child: Child, stdin: Option<&[u8]>) -> io::Result<u8> {
    let (done, fed) = mpsc::channel::<()>();
    if let (Some(mut pipe), Some(stdin)) = (child.stdin.take(), stdin) {
        let stdin = stdin.to_vec();
        thread::spawn(move || {
            // Whoever does not want to read it all need not.
            let _ = pipe.write_all(&stdin);
            drop(done);
        });
    } else {
        drop(done);
    }
    let status = child.wait()?;
    // Something it left behind may still be reading.
    let _ = fed.recv_timeout(GRACE);
    Ok(platform::exit_code(status))
}
