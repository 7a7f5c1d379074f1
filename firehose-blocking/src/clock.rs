//! [`Clock`]: a client's source of time and random numbers. [`SystemClock`] is the real one.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use firehose_proto::time::Tick;
use time::OffsetDateTime;

/// A client's source of time and random numbers.
///
/// Implement it for tests on virtual time that never sleep.
pub trait Clock: Send + Sync {
    /// The time of day, for signatures.
    fn now(&self) -> OffsetDateTime;

    /// The time since some fixed moment. Changes of the time of day do not affect it.
    fn tick(&self) -> Tick;

    /// Sleeps this long.
    fn sleep(&self, duration: Duration);

    /// The next random number, for the jitter of retries and the ids of calls. It need not be secret.
    fn random(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn tick(&self) -> Tick {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        Tick::from_duration(ORIGIN.get_or_init(Instant::now).elapsed())
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }
}
