//! Lines that somebody types, or a pipe brings: read without a buffer that would keep a secret.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};
use zeroize::Zeroizing;

/// A terminal itself gives lines of at most 4096 bytes.
const LONGEST: usize = 8 * 1024;

/// What came of reading a line.
#[derive(Debug)]
pub enum Line {
    /// The line, without its end.
    Text(Zeroizing<Vec<u8>>),
    /// There is none any more.
    End,
    /// It is longer than any that makes sense.
    TooLong,
    /// A signal like that of Ctrl-C came first.
    Interrupted,
}

/// Reads a line from stdin.
///
/// # Errors
/// What the system says.
pub fn read_line() -> io::Result<Line> {
    read(None)
}

/// Reads a line that the terminal on stdin does not show. The signals that would end this process
/// end the reading instead, so that the terminal shows again what is typed.
///
/// # Errors
/// What the system says; also when stdin is no terminal.
pub fn read_hidden_line() -> io::Result<Line> {
    let signals = Signals::of_process()?;
    let _held = signals.hold();
    let stdin = io::stdin();
    let _hidden = Hidden::new(stdin.as_fd())?;
    let line = read(Some(&signals.woken));
    if !matches!(line, Ok(Line::Text(_))) {
        // The terminal has shown the end of a line only.
        let _ = writeln!(io::stderr());
    }
    line
}

fn read(woken: Option<&UnixStream>) -> io::Result<Line> {
    let stdin = io::stdin();
    // With room for all of it: growing would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    loop {
        let mut asked = vec![PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
        asked.extend(woken.map(|woken| PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN)));
        match poll(&mut asked, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if asked.get(1).is_some_and(|woken| !woken.revents().is_empty()) {
            return Ok(Line::Interrupted);
        }
        if asked[0].revents().is_empty() {
            continue;
        }
        let mut byte = Zeroizing::new([0]);
        match rustix::io::read(&stdin, &mut *byte) {
            Ok(0) if line.is_empty() => return Ok(Line::End),
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() == LONGEST => return Ok(Line::TooLong),
            Ok(_) => line.push(byte[0]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The other end of a terminal has gone.
            Err(Errno::IO) => return Ok(Line::End),
            Err(error) => return Err(error.into()),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Line::Text(line))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: BorrowedFd<'a>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden
            .local_modes
            .insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        // Who comes back from the shell by `fg` would find the echo on again.
        hidden.special_codes[SpecialCodeIndex::VSUSP] = 0;
        // What was typed ahead stays: a pasted name and token are two lines at once.
        tcsetattr(terminal, OptionalActions::Drain, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        let _ = tcsetattr(self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// The signals that end a process, held back while a terminal has to be put right first.
struct Signals {
    /// Whether they do what they do as a rule.
    free: Arc<AtomicBool>,
    /// Something to read once one came.
    woken: UnixStream,
}

struct Held<'a>(&'a Signals);

impl Signals {
    /// Those of this process: what is registered for a signal stays so for good.
    fn of_process() -> io::Result<&'static Self> {
        static SIGNALS: OnceLock<Signals> = OnceLock::new();
        if let Some(signals) = SIGNALS.get() {
            return Ok(signals);
        }
        let signals = Self::register()?;
        Ok(SIGNALS.get_or_init(|| signals))
    }

    fn register() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        let free = Arc::new(AtomicBool::new(true));
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            flag::register_conditional_default(signal, Arc::clone(&free))?;
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Self { free, woken })
    }

    fn hold(&self) -> Held<'_> {
        self.free.store(false, Ordering::SeqCst);
        Held(self)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.free.store(true, Ordering::SeqCst);
    }
}
