//! [`Attempt`]: what the response to one attempt says about clocks and waiting.

use core::time::Duration;

use time::{OffsetDateTime, SignedDuration};

use super::skew::MAX_SKEW;
use super::{ClockSkew, RETRY_AFTER_HEADER, retry_after};
use crate::http::Headers;

/// One attempt, from its signature to its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// The local time, uncorrected, when the request was signed and passed to the transport.
    begun: OffsetDateTime,
    /// The corrected time that the request was signed with.
    signed_at: OffsetDateTime,
}

/// What a response shows apart from its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The skew to classify a refusal by, if the response showed one.
    pub(crate) skew: Option<SignedDuration>,
    /// Whether the response shows that the request was signed for the right time, however wrong the local clock is.
    pub(crate) is_timely: bool,
    /// The skew that the response showed, when the correction is disabled.
    pub(crate) uncorrected: Option<SignedDuration>,
    /// Whether the signature was so old when the response arrived that its age alone may explain a refusal: the process
    /// was suspended, or the clock was set, before the response.
    pub(crate) is_signature_old: bool,
    /// How long the service asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl Attempt {
    /// An attempt that is signed now.
    pub(crate) const fn begin(now: OffsetDateTime, skew: &ClockSkew) -> Self {
        Self { begun: now, signed_at: skew.now(now) }
    }

    /// The time to sign with.
    pub(crate) const fn signed_at(&self) -> OffsetDateTime {
        self.signed_at
    }

    /// Learns from a response that arrives now, success or not.
    pub(crate) fn observe(&self, now: OffsetDateTime, headers: &Headers, skew: &mut ClockSkew) -> Observed {
        let elapsed = now - self.begun;
        let is_signature_old = elapsed.unsigned_abs() > MAX_SKEW;
        let (date, has_age) = (headers.value("date"), headers.value("age").is_some());
        // In an exchange this long, nobody knows when the service read its clock.
        let is_consistent = is_signature_old && skew.agrees(self.begun, now, date);
        let measured = if is_consistent { None } else { skew.observe(self.begun, now, date, has_age) };
        let uncorrected =
            if skew.is_enabled() { None } else { ClockSkew::new().observe(self.begun, now, date, has_age) };
        let correction = self.signed_at - self.begun;
        Observed {
            is_timely: measured.is_some_and(|measured| (measured - correction).unsigned_abs() <= MAX_SKEW),
            uncorrected,
            // Other calls may have measured the skew since this request was signed.
            skew: measured.map(|measured| ClockSkew::effective_skew(measured, correction)),
            is_signature_old,
            retry_after: headers.value(RETRY_AFTER_HEADER).and_then(retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HttpDate;

    const NOON: &str = "Sun, 30 Aug 2015 12:00:00 GMT";

    fn at(time: &str) -> OffsetDateTime {
        HttpDate::parse(&alloc::format!("Sun, 30 Aug 2015 {time} GMT")).unwrap()
    }

    #[test]
    fn tells_an_old_signature_from_a_wrong_clock() {
        for (begun, answered, date, skew_seconds, is_old) in [
            ("12:00:00", "12:00:00", Some(NOON), Some(0), false),
            ("11:30:00", "11:30:01", Some(NOON), Some(1799), false),
            ("12:30:00", "12:30:01", Some(NOON), Some(-1800), false),
            ("12:00:00", "12:04:00", None, None, false),
            // Suspended before the request was sent, or before it was answered.
            ("11:54:50", "12:00:00", Some(NOON), None, true),
            ("11:52:00", "12:00:00", Some(NOON), None, true),
            ("11:43:20", "12:00:00", Some(NOON), None, true),
            ("12:00:00", "12:08:00", Some(NOON), None, true),
            // Suspended, and the clock is wrong as well.
            ("10:52:00", "11:00:00", Some(NOON), Some(3840), true),
            // The clock was set back during the exchange.
            ("12:20:00", "12:00:00", Some(NOON), Some(-600), true),
        ] {
            let mut skew = ClockSkew::new();
            let mut headers = Headers::new();
            if let Some(date) = date {
                headers.append("Date", date).unwrap();
            }
            let observed = Attempt::begin(at(begun), &skew).observe(at(answered), &headers, &mut skew);
            let seconds = observed.skew.map(SignedDuration::whole_seconds);
            assert_eq!((seconds, observed.is_signature_old), (skew_seconds, is_old), "{begun} {answered}");
        }
    }

    #[test]
    fn knows_the_wait_that_the_service_asks_for() {
        let mut headers = Headers::new();
        headers.append("x-amz-retry-after", "1500").unwrap();
        let observed = Attempt::begin(at("12:00:00"), &ClockSkew::disabled()).observe(
            at("12:00:01"),
            &headers,
            &mut ClockSkew::disabled(),
        );
        assert_eq!(observed.retry_after, Some(Duration::from_millis(1500)));
    }
}
