//! [`Clock`]: time and chance, the two things a client needs that no value can carry. [`SystemClock`] is the real one.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use firehose_proto::time::Tick;
use time::OffsetDateTime;

/// Where a client gets time and random numbers.
///
/// Open for implementation: a test on virtual time returns moments of its own and does not sleep.
pub trait Clock: Send + Sync {
    /// The time of day, which signatures carry.
    fn now(&self) -> OffsetDateTime;

    /// The time that has passed since some moment, whatever happens to the time of day.
    fn tick(&self) -> Tick;

    /// Returns after this long.
    fn sleep(&self, duration: Duration);

    /// The next random number, for the jitter of retries and the ids of calls. Need not be secret.
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
