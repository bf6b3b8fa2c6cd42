//! A hook of the user's own that was there before ours and was moved aside: it goes on running,
//! as git would run it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bstr::ByteSlice as _;

use crate::environment;
use crate::platform;

/// The exit code, as a shell's, of a hook that could not be started.
pub const NOT_STARTED: u8 = 127;

/// How long a hook that has ended may leave its stdin to somebody who does not read it.
const GRACE: Duration = Duration::from_secs(1);

/// Why a hook could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What its first line names is not there.
    #[error("its first line asks for {interpreter:?}, which is not there")]
    NoInterpreter {
        /// The program, with whatever stands before the end of the line.
        interpreter: String,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

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
    pub fn run(&self, arguments: &[OsString], stdin: Option<&[u8]>, mark: bool) -> Result<u8, Error> {
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
        };
        let child = child.map_err(|error| self.explain(error))?;
        Ok(wait(child, stdin)?)
    }

    /// The system says only that something is not there, and the file itself is.
    fn explain(&self, error: io::Error) -> Error {
        if error.kind() != io::ErrorKind::NotFound {
            return error.into();
        }
        let mut start = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(256).read_to_end(&mut start));
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match line.strip_prefix(b"#!") {
            Some(interpreter) if read.is_ok() => Error::NoInterpreter {
                interpreter: interpreter.to_str_lossy().trim_start().to_owned(),
            },
            _ => error.into(),
        }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Where nobody tells what a process runs below, a variable does.
    #[test]
    fn a_mark_names_the_hook_and_is_set_only_where_it_is_asked_for() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("hook");
        let seen = place.path().join("seen");
        let script = format!(
            "printf %s \"${{{}-none}}\" >'{}'\n",
            environment::CHAIN,
            seen.display()
        );
        let draft = place.path().join("draft");
        fs::write(&draft, script).expect("a draft");
        // Not by this process: another thread's child would keep it open, and nobody could run it.
        let mut install = Command::new("install");
        let done = install.args(["-m", "755"]).args([&draft, &path]).status();
        assert!(done.expect("install starts").success());
        let chained = Chained::new(path.clone());
        assert_eq!(chained.run(&[], None, true).expect("a run"), 0);
        assert_eq!(
            fs::read_to_string(&seen).expect("what was seen"),
            path.display().to_string()
        );
        assert_eq!(chained.run(&[], None, false).expect("a run"), 0);
        assert_eq!(fs::read_to_string(&seen).expect("what was seen"), "none");
        assert!(!chained.is_marked());
    }
}
