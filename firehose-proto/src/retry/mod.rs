//! Decides whether and when to retry a failed attempt: AWS's "standard" retry behaviour, version 2.1.
//!
//! ```text
//!             ┌────────────────── RetryAfter(wait) ──────────────────┐
//!             ▼                                                      │
//!          attempt ──▶ answer or failure ──▶ classify ──▶ Retries::on_failure ──▶ GiveUp(reason)
//!             │                                │
//!             └──▶ 2xx ──▶ Retries::on_success │
//!                                              └── ClockSkew::observe, on every answer
//! ```
//!
//! [`Retries`] lives as long as one operation. [`RetryQuota`] and [`ClockSkew`] live as long as a client: all its
//! operations share them. The caller does the waiting, reads the clock and draws the random numbers.
//!
//! ```
//! use core::time::Duration;
//! use firehose_proto::internal::retry::{Decision, Retries, RetryQuota, classify, retry_after};
//!
//! let mut quota = RetryQuota::new();
//! let mut retries = Retries::default();
//!
//! // The first attempt is answered 503, with `x-amz-retry-after: 70`.
//! let class = classify(None, false, 503, None);
//! let half = 1 << 63; // from the caller's generator: this one means 0.5
//! let decision = retries.on_failure(class, retry_after("70"), half, &mut quota);
//! assert_eq!(decision, Decision::RetryAfter(Duration::from_millis(70)));
//! assert_eq!((retries.attempt(), quota.available()), (2, 486));
//!
//! // The second attempt, after the wait, is answered 200.
//! retries.on_success(&mut quota);
//! assert_eq!(quota.available(), 500);
//! ```
//!
//! See [retry behavior](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) in AWS's
//! reference guide for SDKs.

mod attempt;
mod class;
mod limiter;
mod mode;
mod skew;

use alloc::string::String;
use core::fmt::Write;
use core::num::NonZeroU32;
use core::time::Duration;

use time::{OffsetDateTime, SignedDuration};

pub(crate) use attempt::{Attempt, Observed};
pub(crate) use class::may_be_about_clock;
pub use class::{RetryClass, classify};
pub use limiter::RateLimiter;
pub use mode::RetryMode;
pub use skew::ClockSkew;

use crate::time::AmzDate;

/// Default number of attempts for an operation, including the first.
pub const DEFAULT_MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

/// The header in which the service says how long to wait. [`retry_after`] reads its value.
pub const RETRY_AFTER_HEADER: &str = "x-amz-retry-after";

/// The longest backoff. A hint may exceed it.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// How much longer than our own backoff a hint may make us wait.
const MAX_HINT_EXCESS: Duration = Duration::from_secs(5);

/// The retries of one operation: counts its attempts and decides after each failure.
///
/// ```text
/// class is retryable? ─no─▶ NotRetryable
///        │yes
/// attempts left?      ─no─▶ AttemptsExhausted
///        │yes
/// quota has the cost? ─no─▶ QuotaExhausted
///        │yes
///        └──▶ RetryAfter
/// ```
#[derive(Debug)]
pub struct Retries {
    attempt: u32,
    max_attempts: NonZeroU32,
    last_cost: Option<u16>,
}

impl Retries {
    /// An operation before its first attempt.
    #[must_use]
    pub const fn new(max_attempts: NonZeroU32) -> Self {
        Self { attempt: 1, max_attempts, last_cost: None }
    }

    /// The number of the current or last attempt. The first is 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Decides what follows the failure of the current attempt.
    ///
    /// `retry_after` is the service's hint, if the response had one. `random` is uniform over all of `u64`. After
    /// [`Decision::RetryAfter`] the next attempt is the current one: wait, resolve the credentials again, sign anew.
    #[must_use = "a decision to retry has used the quota"]
    pub fn on_failure(
        &mut self,
        class: RetryClass,
        retry_after: Option<Duration>,
        random: u64,
        quota: &mut RetryQuota,
    ) -> Decision {
        let Some(cost) = class.cost() else {
            return Decision::GiveUp(GiveUpReason::NotRetryable);
        };
        if self.attempt >= self.max_attempts.get() {
            return Decision::GiveUp(GiveUpReason::AttemptsExhausted);
        }
        if !quota.take(cost) {
            return Decision::GiveUp(GiveUpReason::QuotaExhausted);
        }
        let wait = backoff(class, self.attempt, random);
        self.attempt += 1;
        self.last_cost = Some(cost);
        Decision::RetryAfter(apply_retry_hint(retry_after, wait))
    }

    /// Ends the operation with success, which refunds the cost of its last retry, or 1 if it needed none.
    ///
    /// An operation that fails refunds nothing.
    pub fn on_success(self, quota: &mut RetryQuota) {
        quota.put_back(self.last_cost.unwrap_or(1));
    }

    /// Appends the value of the `amz-sdk-request` header for the current attempt, such as
    /// `ttl=20150830T123630Z; attempt=2; max=3`.
    ///
    /// `now` is corrected for clock skew. `ttl` tells the service when this client stops waiting, so that it can drop
    /// the request. Only retries have it, and only with a read timeout.
    pub fn write_sdk_request(&self, now: OffsetDateTime, read_timeout: Option<Duration>, out: &mut String) {
        if let Some(timeout) = read_timeout.filter(|_| self.attempt > 1) {
            let timeout = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
            out.push_str("ttl=");
            out.push_str(AmzDate::new(now.saturating_add(timeout)).as_str());
            out.push_str("; ");
        }
        write!(out, "attempt={}; max={}", self.attempt, self.max_attempts).expect("a string takes all text");
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_ATTEMPTS)
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then make the next attempt.
    RetryAfter(Duration),
    /// Return the failure to the caller.
    GiveUp(GiveUpReason),
}

/// Why a failed attempt is not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GiveUpReason {
    /// The same request would fail again.
    NotRetryable,
    /// All attempts have been made.
    AttemptsExhausted,
    /// Too many operations of this client are failing for each to be retried.
    QuotaExhausted,
}

/// What a client may still spend on retries. All its operations share it.
///
/// Successes fill it, retries drain it. When most requests fail, most failures are returned at once, which spares an
/// overloaded service the load of the retries. It never delays a first attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryQuota {
    available: u16,
}

impl RetryQuota {
    /// The size of a full quota.
    pub const CAPACITY: u16 = 500;

    /// A full quota.
    #[must_use]
    pub const fn new() -> Self {
        Self { available: Self::CAPACITY }
    }

    /// The tokens left, at most [`CAPACITY`](Self::CAPACITY).
    #[must_use]
    pub const fn available(&self) -> u16 {
        self.available
    }

    const fn take(&mut self, cost: u16) -> bool {
        let Some(rest) = self.available.checked_sub(cost) else {
            return false;
        };
        self.available = rest;
        true
    }

    fn put_back(&mut self, tokens: u16) {
        self.available = self.available.saturating_add(tokens).min(Self::CAPACITY);
    }
}

impl Default for RetryQuota {
    fn default() -> Self {
        Self::new()
    }
}

/// Exponential backoff with full jitter: between zero and a ceiling that doubles with each failure in a row, from 1 s
/// when throttled and 50 ms otherwise, up to 20 s.
///
/// [`Retries`] waits this long. Call it directly for what is sent again without being a retry of the same request, such
/// as the failed records of a batch. `random` is uniform over all of `u64`.
#[must_use]
pub fn backoff(class: RetryClass, failures: u32, random: u64) -> Duration {
    let doublings = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let ceiling = class.base_delay().saturating_mul(doublings).min(MAX_BACKOFF);
    // The upper half of the product is `ceiling * (random / 2^64)`, rounded down: never the ceiling itself.
    let nanoseconds = (ceiling.as_nanos() * u128::from(random)) >> u64::BITS;
    Duration::from_nanos(u64::try_from(nanoseconds).expect("20 s are less than 2^64 ns"))
}

/// Applies the service's hint on how long to wait, if any: at least our own `wait`, at most 5 s more.
#[must_use]
pub fn apply_retry_hint(retry_after: Option<Duration>, wait: Duration) -> Duration {
    retry_after.map_or(wait, |hint| hint.clamp(wait, wait + MAX_HINT_EXCESS))
}

/// Reads the value of [`RETRY_AFTER_HEADER`], whole milliseconds. Any other text is no hint.
#[must_use]
pub fn retry_after(value: &str) -> Option<Duration> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for 64 bits is still a number; it is capped later.
    is_number.then(|| Duration::from_millis(value.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = 1 << 63;

    fn attempts(max: u32) -> Retries {
        Retries::new(NonZeroU32::new(max).unwrap())
    }

    fn wait_ms(decision: Decision) -> u128 {
        let Decision::RetryAfter(wait) = decision else { panic!("{decision:?}") };
        wait.as_millis()
    }

    #[test]
    fn doubles_the_wait_up_to_the_cap() {
        for (class, failures, random, millis) in [
            (RetryClass::Transient, 1, HALF, 25),
            (RetryClass::Transient, 2, HALF, 50),
            (RetryClass::Transient, 3, HALF, 100),
            (RetryClass::Transient, 9, HALF, 6_400),
            (RetryClass::Transient, 10, HALF, 10_000),
            (RetryClass::ClockSkew, 1, HALF, 25),
            (RetryClass::Throttling, 0, HALF, 500),
            (RetryClass::Throttling, 1, HALF, 500),
            (RetryClass::Throttling, 5, HALF, 8_000),
            (RetryClass::Throttling, 6, HALF, 10_000),
            (RetryClass::Throttling, 33, HALF, 10_000),
            (RetryClass::Throttling, u32::MAX, u64::MAX, 19_999),
            (RetryClass::Throttling, u32::MAX, 0, 0),
        ] {
            assert_eq!(backoff(class, failures, random).as_millis(), millis, "{class:?} {failures} {random}");
        }
        assert_eq!(backoff(RetryClass::Throttling, 1, u64::MAX), Duration::from_nanos(999_999_999));
    }

    #[test]
    fn charges_by_class_and_refunds_the_last_retry() {
        let mut quota = RetryQuota::new();
        let mut retries = attempts(3);
        assert_eq!(wait_ms(retries.on_failure(RetryClass::Throttling, None, HALF, &mut quota)), 500);
        assert_eq!((retries.attempt(), quota.available()), (2, 495));
        assert_eq!(wait_ms(retries.on_failure(RetryClass::Transient, None, HALF, &mut quota)), 50);
        assert_eq!((retries.attempt(), quota.available()), (3, 481));
        retries.on_success(&mut quota);
        assert_eq!(quota.available(), 495);
        attempts(3).on_success(&mut quota);
        assert_eq!(quota.available(), 496);

        let mut full = RetryQuota::new();
        attempts(3).on_success(&mut full);
        assert_eq!(full.available(), RetryQuota::CAPACITY);
    }

    #[test]
    fn checks_class_then_attempts_then_quota() {
        let empty = || RetryQuota { available: 0 };
        for (class, max_attempts, reason) in [
            (RetryClass::None, 1, GiveUpReason::NotRetryable),
            (RetryClass::None, 2, GiveUpReason::NotRetryable),
            (RetryClass::Transient, 1, GiveUpReason::AttemptsExhausted),
            (RetryClass::Transient, 2, GiveUpReason::QuotaExhausted),
            (RetryClass::Throttling, 2, GiveUpReason::QuotaExhausted),
            (RetryClass::ClockSkew, 2, GiveUpReason::QuotaExhausted),
        ] {
            let mut retries = attempts(max_attempts);
            let decision = retries.on_failure(class, None, 0, &mut empty());
            assert_eq!(decision, Decision::GiveUp(reason), "{class:?} {max_attempts}");
            assert_eq!(retries.attempt(), 1);
        }
        let mut quota = RetryQuota::new();
        assert_eq!(
            attempts(1).on_failure(RetryClass::Transient, None, 0, &mut quota),
            Decision::GiveUp(GiveUpReason::AttemptsExhausted)
        );
        assert_eq!(quota.available(), RetryQuota::CAPACITY, "a retry that is not made costs nothing");
    }

    #[test]
    fn spends_the_quota_to_the_last_token() {
        for (class, available, left) in [
            (RetryClass::Transient, 14, Some(0)),
            (RetryClass::Transient, 13, None),
            (RetryClass::ClockSkew, 15, Some(1)),
            (RetryClass::ClockSkew, 13, None),
            (RetryClass::Throttling, 5, Some(0)),
            (RetryClass::Throttling, 4, None),
        ] {
            let mut quota = RetryQuota { available };
            let decision = attempts(2).on_failure(class, None, 0, &mut quota);
            assert_eq!(matches!(decision, Decision::RetryAfter(_)), left.is_some(), "{class:?} {available}");
            assert_eq!(quota.available(), left.unwrap_or(available), "{class:?} {available}");
        }
    }

    #[test]
    fn follows_the_hint_within_five_seconds() {
        for (header, millis) in [
            ("0", 500),
            ("499", 500),
            ("501", 501),
            ("1500", 1_500),
            ("5500", 5_500),
            ("5501", 5_500),
            ("18446744073709551615", 5_500),
            ("99999999999999999999999", 5_500),
        ] {
            let hint = retry_after(header);
            assert!(hint.is_some(), "{header}");
            let decision = attempts(2).on_failure(RetryClass::Throttling, hint, HALF, &mut RetryQuota::new());
            assert_eq!(wait_ms(decision), millis, "{header}");
        }
        for header in ["", " ", "-1", "+1", "1.5", "1e3", "0x10", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(retry_after(header), None, "{header:?}");
        }
    }

    #[test]
    fn tells_the_service_of_retries_and_when_to_stop() {
        let now = AmzDate::parse("20150830T123600Z").unwrap() + Duration::from_millis(700);
        let timeout = Some(Duration::from_millis(30_300));
        let text = |retries: &Retries, now, timeout| {
            let mut out = String::new();
            retries.write_sdk_request(now, timeout, &mut out);
            out
        };
        let mut retries = attempts(3);
        assert_eq!(text(&retries, now, timeout), "attempt=1; max=3");
        let _ = retries.on_failure(RetryClass::Transient, None, 0, &mut RetryQuota::new());
        assert_eq!(text(&retries, now, timeout), "ttl=20150830T123631Z; attempt=2; max=3");
        assert_eq!(text(&retries, now, None), "attempt=2; max=3");
        assert_eq!(text(&retries, now, Some(Duration::MAX)), "ttl=99991231T235959Z; attempt=2; max=3");
    }
}
