//! Ctrl-C and the like, for commands that have something to say before they end.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// The wish that this process end, by SIGINT (Ctrl-C) or SIGTERM.
///
/// From [`Interruption::watch`] on the first of them is only noted, and whoever watches has to end
/// soon; a second one kills as usual. That stays so when this is dropped: it is for the rest of a
/// process.
#[derive(Debug)]
pub struct Interruption {
    came: Arc<AtomicUsize>,
    /// Something to read once it came.
    woken: UnixStream,
}

impl Interruption {
    /// Begins to watch.
    ///
    /// # Errors
    /// What the system says about signals and sockets.
    pub fn watch() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        let came = Arc::new(AtomicUsize::new(0));
        let second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: what kills looks at what the signals before it have left.
            flag::register_conditional_default(signal, Arc::clone(&second))?;
            flag::register(signal, Arc::clone(&second))?;
            flag::register_usize(signal, Arc::clone(&came), usize::try_from(signal).unwrap_or(1))?;
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Self { came, woken })
    }

    /// Whether it came.
    #[must_use]
    pub fn came(&self) -> bool {
        self.signal().is_some()
    }

    /// The number of the signal that came.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        let signal = self.came.load(Ordering::SeqCst);
        i32::try_from(signal).ok().filter(|signal| *signal != 0)
    }

    /// Sleeps, but not on when it comes. Tells whether it came.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        loop {
            if self.came() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let mut woken = [PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN)];
            // Whatever ends it, the flag and the clock say what to do.
            let _ = poll(&mut woken, Timespec::try_from(left).ok().as_ref());
        }
    }
}
