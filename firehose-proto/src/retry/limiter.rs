//! [`RateLimiter`]: the client's limit on its own rate, in AWS's "adaptive" retry mode.

use core::time::Duration;

use crate::time::Tick;

/// Weight of the newest measurement of the rate.
const SMOOTH: f64 = 0.8;
/// The share of the rate that remains after the service throttled.
const BETA: f64 = 0.7;
/// How steeply the rate recovers.
const SCALE: f64 = 0.4;
const MIN_FILL: f64 = 0.5;
const MIN_CAPACITY: f64 = 1.0;
/// The rate is measured over periods of this length.
const HALF_SECOND: u128 = 500_000_000;

/// A token bucket whose rate falls when the service throttles, and recovers along a cubic curve.
///
/// It delays nobody until the service throttles. All requests of a client share it: one stream at its quota slows down
/// the others.
///
/// ```
/// use core::time::Duration;
/// use firehose_proto::internal::retry::RateLimiter;
/// use firehose_proto::time::Tick;
///
/// let mut limiter = RateLimiter::new();
/// let now = Tick::from_duration(Duration::from_secs(1));
/// assert_eq!(limiter.acquire(now), None);
/// limiter.observe(now, true);
/// // From now on there is a limit: half a request a second, the least there is.
/// assert_eq!(limiter.acquire(now), Some(Duration::from_secs(2)));
/// assert_eq!(limiter.acquire(now + Duration::from_secs(2)), None);
/// ```
///
/// See [retry behavior](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
#[derive(Debug, Clone)]
pub struct RateLimiter {
    is_enabled: bool,
    /// The rate that fills the bucket, in requests a second.
    fill: f64,
    capacity: f64,
    available: f64,
    filled_at: Option<Tick>,
    /// The measured rate, in requests a second.
    measured: f64,
    /// The half-second in which responses are counted, and their number.
    period: Option<u128>,
    answers: f64,
    /// The rate when the service last throttled, and the time.
    last_max: f64,
    throttled_at: Tick,
}

impl RateLimiter {
    /// No limit until the service throttles.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            is_enabled: false,
            fill: 0.0,
            capacity: 0.0,
            available: 0.0,
            filled_at: None,
            measured: 0.0,
            period: None,
            answers: 0.0,
            last_max: 0.0,
            throttled_at: Tick::from_duration(Duration::ZERO),
        }
    }

    /// Takes a token for one request, be it a first attempt or a retry; else says how long to wait before asking again.
    #[must_use = "without a token the request must wait"]
    pub fn acquire(&mut self, now: Tick) -> Option<Duration> {
        if !self.is_enabled {
            return None;
        }
        self.refill(now);
        if self.available < 1.0 {
            let wait = Duration::try_from_secs_f64((1.0 - self.available) / self.fill).unwrap_or(Duration::MAX);
            // Rounded up, so that the wait does not end too early.
            return Some(wait.max(Duration::from_millis(1)));
        }
        self.available -= 1.0;
        None
    }

    /// Learns how an attempt ended: whether the service throttled it.
    pub fn observe(&mut self, now: Tick, is_throttled: bool) {
        self.measure(now);
        let rate = if is_throttled {
            let rate = if self.is_enabled { self.measured.min(self.fill) } else { self.measured };
            self.last_max = rate;
            self.throttled_at = now;
            self.is_enabled = true;
            BETA * rate
        } else {
            let recovery = cube_root(self.last_max * (1.0 - BETA) / SCALE);
            let since = now.since(self.throttled_at).as_secs_f64() - recovery;
            SCALE * since * since * since + self.last_max
        };
        let rate = rate.min(2.0 * self.measured);
        self.refill(now);
        self.fill = rate.max(MIN_FILL);
        self.capacity = rate.max(MIN_CAPACITY);
        self.available = self.available.min(self.capacity);
    }

    fn refill(&mut self, now: Tick) {
        if let Some(last) = self.filled_at {
            self.available = (self.available + now.since(last).as_secs_f64() * self.fill).min(self.capacity);
        }
        self.filled_at = Some(now);
    }

    fn measure(&mut self, now: Tick) {
        self.answers += 1.0;
        let period = now.as_duration().as_nanos() / HALF_SECOND;
        let began = *self.period.get_or_insert(period);
        if period > began {
            let seconds = Duration::from_nanos(500_000_000).as_secs_f64() * (period - began) as f64;
            self.measured = SMOOTH * self.answers / seconds + (1.0 - SMOOTH) * self.measured;
            self.answers = 0.0;
            self.period = Some(period);
        }
    }
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self::new()
    }
}

/// The cube root of a number from 0, by Newton's method: `core` has none.
fn cube_root(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    // It falls to the root, and stops when rounding makes it rise again.
    let mut root = number.max(1.0);
    loop {
        let next = (2.0 * root + number / (root * root)) / 3.0;
        if next >= root {
            return root;
        }
        root = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Tick {
        Tick::from_duration(Duration::from_millis(milliseconds))
    }

    #[test]
    fn finds_cube_roots() {
        for (number, root) in
            [(0.0, 0.0), (1.0, 1.0), (27.0, 3.0), (1e-9, 1e-3), (1e18, 1e6), (0.75, 0.908_560_296_416)]
        {
            let found = cube_root(number);
            assert!((found - root).abs() <= 1e-9 * root.max(1e-3), "{number}: {found}");
        }
    }

    #[test]
    fn never_holds_up_who_is_not_throttled() {
        let mut limiter = RateLimiter::new();
        for millisecond in 0..10_000 {
            assert_eq!(limiter.acquire(at(millisecond)), None);
            limiter.observe(at(millisecond), false);
        }
    }

    /// Measured and allowed rates after each response, from the tests of AWS's SDKs.
    #[test]
    fn falls_when_throttled_and_recovers() {
        let mut limiter = RateLimiter::new();
        for (millisecond, is_throttled, measured, fill) in [
            (200, false, 0.0, 0.5),
            (400, false, 0.0, 0.5),
            (600, false, 4.8, 0.5),
            (800, false, 4.8, 0.5),
            (1_000, false, 4.16, 0.5),
            (1_200, false, 4.16, 0.6912),
            (1_400, false, 4.16, 1.0976),
            (1_600, false, 5.632, 1.6384),
            (1_800, false, 5.632, 2.3328),
            (2_000, true, 4.3264, 3.028_48),
            (2_200, false, 4.3264, 3.486_639),
            (2_400, false, 4.3264, 3.821_874),
            (2_600, false, 5.665_28, 4.053_386),
            (2_800, false, 5.665_28, 4.200_373),
            (3_000, false, 4.333_056, 4.282_037),
            (3_200, true, 4.333_056, 2.997_426),
            (3_400, false, 4.333_056, 3.452_226),
        ] {
            limiter.observe(at(millisecond), is_throttled);
            assert!((limiter.measured - measured).abs() < 1e-6, "{millisecond}: {}", limiter.measured);
            assert!((limiter.fill - fill).abs() < 1e-6, "{millisecond}: {}", limiter.fill);
        }
    }

    #[test]
    fn gives_leave_as_often_as_its_rate_allows() {
        let mut slow = RateLimiter::new();
        slow.observe(at(1_000), true);
        let mut fast = RateLimiter::new();
        (0..40).for_each(|answer| fast.observe(at(100 * answer), answer == 30));
        for mut limiter in [slow, fast] {
            let (mut now, mut requests) = (at(5_000), 0.0);
            while now < at(25_000) && requests < 1e3 {
                match limiter.acquire(now) {
                    Some(wait) => now = now + wait,
                    None => requests += 1.0,
                }
            }
            let allowed = 20.0 * limiter.fill;
            // What was saved up comes on top.
            let range = allowed - 1.0..=allowed + limiter.capacity + 1.0;
            assert!(range.contains(&requests), "{requests} requests at {} a second", limiter.fill);
        }
    }

    #[test]
    fn a_wait_it_asks_for_is_enough() {
        let mut limiter = RateLimiter::new();
        let mut now = at(1_000);
        limiter.observe(now, true);
        for _ in 0..100 {
            let Some(wait) = limiter.acquire(now) else { continue };
            assert!(wait <= Duration::from_secs(2), "{wait:?}");
            // Asked again on the way, it names the same moment.
            let again = limiter.clone().acquire(now + wait / 3).unwrap_or_default();
            assert!((wait / 3 + again).abs_diff(wait) < Duration::from_millis(1), "{wait:?}, then {again:?}");
            now = now + wait + Duration::from_nanos(1);
            assert_eq!(limiter.acquire(now), None);
        }
    }
}
