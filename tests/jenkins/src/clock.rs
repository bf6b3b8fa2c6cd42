//! The server's time: real, sped up, or moved by the test.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How the stand-in's time passes. Quiet periods, builds, the life of queue items and the start-up follow it; faults
/// and socket timeouts stay in real time, because they meet a client that lives there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clock {
    /// As on the wall.
    Real,
    /// So many times faster than on the wall.
    Scaled(f64),
    /// Stands still until [`StandIn::advance`](crate::StandIn::advance) moves it.
    Manual,
}

#[derive(Debug)]
pub(crate) struct Time {
    clock: Clock,
    started: Instant,
    epoch_ms: u64,
    /// What the test added, in any mode.
    added: Duration,
}

impl Time {
    pub(crate) fn new(clock: Clock) -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            clock,
            started: Instant::now(),
            epoch_ms: ms(epoch),
            added: Duration::ZERO,
        }
    }

    /// Milliseconds since the server was made.
    pub(crate) fn now(&self) -> u64 {
        let passed = match self.clock {
            Clock::Real => self.started.elapsed(),
            Clock::Scaled(factor) => self.started.elapsed().mul_f64(factor.max(0.0)),
            Clock::Manual => Duration::ZERO,
        };
        ms(passed + self.added)
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.added += by;
    }

    pub(crate) fn is_manual(&self) -> bool {
        self.clock == Clock::Manual
    }

    /// A moment of this clock as Jenkins prints it: milliseconds since 1970.
    pub(crate) fn epoch(&self, at: u64) -> i64 {
        i64::try_from(self.epoch_ms + at).unwrap_or(i64::MAX)
    }

    /// The present second as HTTP writes it.
    pub(crate) fn http_date(&self) -> Option<String> {
        let now = jiff::Timestamp::from_millisecond(self.epoch(self.now())).ok()?;
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        printer.timestamp_to_rfc9110_string(&now).ok()
    }
}

pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
