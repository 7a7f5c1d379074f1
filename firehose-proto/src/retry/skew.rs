//! [`ClockSkew`]: the difference between the local clock and the service's.

use core::time::Duration;

use time::{OffsetDateTime, SignedDuration};

use crate::time::HttpDate;

/// Skew up to which the service accepts a signature, with a margin: its window is five minutes or more.
pub(super) const MAX_SKEW: Duration = Duration::from_secs(240);

/// In a longer exchange, nobody knows well enough when the service read its clock.
const MAX_EXCHANGE: SignedDuration = SignedDuration::minutes(15);

/// How far the service's clock is ahead of the local one, by its last response.
///
/// A client keeps one for all its operations, passes it every response, and signs at the corrected time. The expiry of
/// credentials is checked by the uncorrected local clock.
///
/// ```
/// use firehose_proto::internal::retry::ClockSkew;
/// use firehose_proto::time::AmzDate;
///
/// let local = AmzDate::parse("20150830T120000Z").unwrap();
/// let mut skew = ClockSkew::new();
/// let measured = skew.observe(local, local, Some("Sun, 30 Aug 2015 12:36:00 GMT"), false);
/// assert_eq!(measured.unwrap().whole_minutes(), 36);
/// assert_eq!(AmzDate::new(skew.now(local)).as_str(), "20150830T123600Z");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockSkew {
    offset: SignedDuration,
    is_enabled: bool,
}

impl ClockSkew {
    /// Assumes that the clock is right until a response shows otherwise.
    #[must_use]
    pub const fn new() -> Self {
        Self { offset: SignedDuration::ZERO, is_enabled: true }
    }

    /// Assumes that the clock is right, whatever the responses show.
    #[must_use]
    pub const fn disabled() -> Self {
        Self { offset: SignedDuration::ZERO, is_enabled: false }
    }

    /// Learns from a response, success or not; returns the skew if this response showed one.
    ///
    /// `sent` and `received` are local and uncorrected; `received` is when the head of the response arrived. `date` and
    /// `has_age` are about the headers `Date` and `Age`. With `Age`, the response and its date come from a cache.
    pub fn observe(
        &mut self,
        sent: OffsetDateTime,
        received: OffsetDateTime,
        date: Option<&str>,
        has_age: bool,
    ) -> Option<SignedDuration> {
        let exchange = received - sent;
        if !self.is_enabled || has_age || exchange > MAX_EXCHANGE {
            return None;
        }
        self.offset = HttpDate::parse(date?)? - sent.saturating_add(exchange / 2);
        Some(self.offset)
    }

    /// Whether a response shows no new skew, if the service dated it between these two moments of the local clock.
    pub(super) fn agrees(&self, sent: OffsetDateTime, received: OffsetDateTime, date: Option<&str>) -> bool {
        let date = date.and_then(HttpDate::parse);
        // The header counts whole seconds.
        date.is_some_and(|date| self.now(sent) - SignedDuration::SECOND <= date && date <= self.now(received))
    }

    /// The skew to classify a refusal by: the larger of the measured skew and the request's remaining signing error.
    ///
    /// AWS's SDKs use only the measured skew. A call then fails after a wrong clock has been corrected: the response
    /// shows no skew, but the request was signed with the old correction.
    ///
    /// ```
    /// use firehose_proto::internal::retry::ClockSkew;
    /// use time::SignedDuration;
    ///
    /// let (none, minutes) = (SignedDuration::ZERO, SignedDuration::minutes(20));
    /// assert_eq!(ClockSkew::effective_skew(minutes, none), minutes);
    /// assert_eq!(ClockSkew::effective_skew(none, minutes), -minutes);
    /// assert_eq!(ClockSkew::effective_skew(minutes, -minutes), minutes * 2);
    /// ```
    #[must_use]
    pub const fn effective_skew(measured: SignedDuration, correction: SignedDuration) -> SignedDuration {
        let remaining = measured.saturating_sub(correction);
        if remaining.unsigned_abs().as_nanos() > measured.unsigned_abs().as_nanos() { remaining } else { measured }
    }

    /// How far the service's clock is ahead of the local one, as far as known.
    pub(crate) const fn offset(&self) -> SignedDuration {
        self.offset
    }

    /// Whether responses correct the clock.
    pub(super) const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// The service's time when the local clock says `now`, as far as known.
    #[must_use]
    pub const fn now(&self, now: OffsetDateTime) -> OffsetDateTime {
        now.saturating_add(self.offset)
    }
}

impl Default for ClockSkew {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use time::{Date, Time, UtcOffset};

    use super::*;
    use crate::time::AmzDate;

    const NOON: &str = "Sun, 30 Aug 2015 12:00:00 GMT";

    fn at(time: &str) -> OffsetDateTime {
        HttpDate::parse(&alloc::format!("Sun, 30 Aug 2015 {time} GMT")).unwrap()
    }

    #[test]
    fn measures_from_the_middle_of_the_exchange() {
        for (sent, received, skew_seconds) in [
            ("12:00:00", "12:00:00", 0),
            ("11:59:58", "12:00:02", 0),
            ("11:50:00", "11:50:10", 595),
            ("12:10:00", "12:10:10", -605),
            ("11:45:00", "12:00:00", 450),
            // The local clock was set back during the exchange.
            ("12:00:10", "12:00:00", -5),
        ] {
            let mut skew = ClockSkew::new();
            let measured = skew.observe(at(sent), at(received), Some(NOON), false);
            assert_eq!(measured, Some(SignedDuration::seconds(skew_seconds)), "{sent} {received}");
            assert_eq!(skew.now(at("00:30:00")), at("00:30:00") + SignedDuration::seconds(skew_seconds));
        }
    }

    #[test]
    fn keeps_the_last_measurement_through_answers_that_show_none() {
        let mut skew = ClockSkew::new();
        skew.observe(at("11:00:00"), at("11:00:00"), Some(NOON), false).unwrap();
        for (received, date, has_age) in [
            ("12:00:00", None, false),
            ("12:00:00", Some("yesterday"), false),
            ("12:00:00", Some("2015-08-30T12:00:00Z"), false),
            ("12:00:00", Some(NOON), true),
            ("12:15:01", Some(NOON), false),
        ] {
            assert_eq!(skew.observe(at("12:00:00"), at(received), date, has_age), None, "{received} {date:?}");
            assert_eq!(skew.now(at("01:00:00")), at("02:00:00"), "{received} {date:?}");
        }
        skew.observe(at("12:00:01"), at("12:00:01"), Some(NOON), false).unwrap();
        assert_eq!(skew.now(at("01:00:00")), at("00:59:59"), "small corrections count too");
    }

    #[test]
    fn stays_out_of_the_way_when_disabled() {
        let mut skew = ClockSkew::disabled();
        assert_eq!(skew.observe(at("11:00:00"), at("11:00:00"), Some(NOON), false), None);
        assert_eq!(skew.now(at("11:00:00")), at("11:00:00"));
    }

    #[test]
    fn survives_absurd_clocks() {
        let first = Date::MIN.midnight().assume_utc();
        let last = Date::MAX.with_time(Time::MAX).assume_utc();
        let offsets = [-23, 0, 23].map(|hours| UtcOffset::from_hms(hours, 0, 0).unwrap());
        let clocks = || {
            [first, last, at("12:00:00")]
                .into_iter()
                .flat_map(move |moment| offsets.map(|offset| moment.replace_offset(offset)))
        };
        for date in ["Sat, 01 Jan 0000 00:00:00 GMT", NOON, "Fri, 31 Dec 9999 23:59:59 GMT"] {
            for (sent, received) in clocks().flat_map(|sent| clocks().map(move |received| (sent, received))) {
                let mut skew = ClockSkew::new();
                skew.observe(sent, received, Some(date), false);
                for now in clocks() {
                    assert!(AmzDate::parse(AmzDate::new(skew.now(now)).as_str()).is_some());
                }
            }
        }
    }
}
