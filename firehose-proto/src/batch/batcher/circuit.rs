//! [`CircuitBreaker`]: whether calls succeed at all.

use core::time::Duration;

use crate::batch::outcome::{Outage, Recovered};
use crate::batch::policy::MaxFailedCalls;
use crate::retry::{self, RetryClass};
use crate::time::Tick;

/// Shared by all batches: consecutive failures of calls make all of them wait, and a success ends that.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    pub(super) opens_at: Tick,
    failures: u32,
    failed_at: Tick,
    /// Whether an answer has shown that the peer is Firehose.
    is_service_confirmed: bool,
    /// When the last call succeeded.
    succeeded_at: Tick,
    /// When the first call that failed since then was sent.
    failing_since: Option<Tick>,
    reported: Reported,
    refused: Option<Refused>,
    /// Records pushed earlier age only from this time on.
    ages_from: Tick,
}

/// Refusals of every record that are waited out.
#[derive(Debug, Clone, Copy)]
struct Refused {
    count: u32,
    last_at: Tick,
    /// When they stop the batcher.
    ends_at: Tick,
}

/// What has been reported about failing calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Reported {
    #[default]
    Nothing,
    Outage,
    Refusal,
}

impl CircuitBreaker {
    /// Waits longer after each consecutive failure. The first may concern only that call, so it causes a wait only if
    /// the service asks for one. A call sent before the last failure tells nothing new.
    pub(super) fn fail(&mut self, now: Tick, sent_at: Tick, class: RetryClass, hint: Option<Duration>, random: u64) {
        if self.failures > 0 && sent_at < self.failed_at {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        if self.failures > 1 || hint.is_some() {
            self.opens_at = now + retry::apply_retry_hint(hint, retry::backoff(class, self.failures, random));
        }
    }

    /// Waits after a refusal of every record, longer after each consecutive one, with a last try when the time is up.
    /// Returns whether there is time left.
    pub(super) fn refuse(
        &mut self,
        now: Tick,
        sent_at: Tick,
        timeout: Duration,
        hint: Option<Duration>,
        random: u64,
    ) -> bool {
        let fresh = Refused { count: 0, last_at: Tick::default(), ends_at: now + timeout };
        let Refused { count, last_at, ends_at } = self.refused.unwrap_or(fresh);
        if now >= ends_at {
            return false;
        }
        if count > 0 && sent_at < last_at {
            return true;
        }
        let count = count.saturating_add(1);
        self.refused = Some(Refused { count, last_at: now, ends_at });
        self.ages_from = ends_at;
        // The cause will not pass within milliseconds.
        let wait = retry::apply_retry_hint(hint, retry::backoff(RetryClass::Throttling, count, random));
        self.opens_at = (now + wait).min(ends_at);
        true
    }

    /// Whether refusals of every record are being waited out.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// When a record pushed at this time began to age.
    pub(super) fn ages_from(&self, pushed: Tick) -> Tick {
        pushed.max(self.ages_from)
    }

    /// Ends all waiting. Returns an event if the failures were reported.
    pub(super) fn succeed(&mut self, now: Tick) -> Option<Recovered> {
        let since = self.failing_since.filter(|_| self.reported != Reported::Nothing);
        if self.refused.is_some() {
            self.ages_from = self.ages_from.min(now);
        }
        self.is_service_confirmed = true;
        self.succeeded_at = now;
        self.reset();
        since.map(|since| Recovered { since, elapsed: now.since(since) })
    }

    /// Forgets all failures.
    pub(super) fn reset(&mut self) {
        let Self { failed_at, is_service_confirmed, succeeded_at, ages_from, .. } = *self;
        *self = Self { failed_at, is_service_confirmed, succeeded_at, ages_from, ..Self::default() };
    }

    /// Notes that the peer is Firehose, even though its answer is no success.
    pub(super) const fn confirm_service(&mut self) {
        self.is_service_confirmed = true;
    }

    /// The number of consecutive failures, if it has reached the limit.
    pub(super) fn reached_limit(&self, max: MaxFailedCalls) -> Option<u32> {
        let max = if self.is_service_confirmed { max.later } else { max.at_first };
        max.filter(|max| self.failures >= max.get()).map(|_| self.failures)
    }

    /// Notes a failed call. Returns since when none has succeeded, if that is to be reported now.
    pub(super) fn note_failure(&mut self, now: Tick, sent_at: Tick, is_refusal: bool) -> Option<Tick> {
        let since = *self.failing_since.get_or_insert(sent_at.max(self.succeeded_at));
        let reported = match is_refusal {
            true => Reported::Refusal,
            false if now.since(since) >= Outage::TOLD_AFTER => Reported::Outage,
            false => Reported::Nothing,
        };
        let is_news = reported > self.reported;
        self.reported = self.reported.max(reported);
        is_news.then_some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Tick {
        Tick::from_duration(Duration::from_millis(milliseconds))
    }

    #[test]
    fn counts_an_outage_once_for_all_calls_that_were_under_way() {
        let half = 1 << 63;
        let mut circuit = CircuitBreaker::default();
        for (now, sent_at, opens_at) in [
            (at(100), at(0), at(0)),
            (at(110), at(10), at(0)),
            (at(140), at(130), at(190)),
            (at(150), at(139), at(190)),
            (at(300), at(200), at(400)),
        ] {
            circuit.fail(now, sent_at, RetryClass::Transient, None, half);
            assert_eq!(circuit.opens_at, opens_at, "{now:?}");
        }
        circuit.succeed(at(400));
        circuit.fail(at(500), at(450), RetryClass::Transient, Some(Duration::from_millis(300)), half);
        assert_eq!(circuit.opens_at, at(800));
    }

    #[test]
    fn a_service_that_throttles_is_there() {
        let (first, later) = (core::num::NonZeroU32::new(1), core::num::NonZeroU32::new(2));
        let max = MaxFailedCalls { at_first: first, later };
        let mut circuit = CircuitBreaker::default();
        circuit.fail(Tick::default(), Tick::default(), RetryClass::Throttling, None, 0);
        assert_eq!(circuit.reached_limit(max), Some(1));
        circuit.confirm_service();
        assert_eq!(circuit.reached_limit(max), None);
    }

    #[test]
    fn waits_out_refusals_and_tries_a_last_time_when_time_is_up() {
        let (half, timeout) = (1 << 63, Duration::from_secs(4));
        let mut circuit = CircuitBreaker::default();
        for (now, sent_at, opens_at) in [
            (at(100), at(0), Some(at(600))),
            // Sent while the one before was in flight.
            (at(120), at(50), Some(at(600))),
            (at(700), at(600), Some(at(1700))),
            (at(1800), at(1700), Some(at(3800))),
            (at(3900), at(3800), Some(at(4100))),
            (at(4100), at(4100), None),
        ] {
            let is_waiting = circuit.refuse(now, sent_at, timeout, None, half);
            assert_eq!(is_waiting.then_some(circuit.opens_at), opens_at, "{now:?}");
        }
        assert_eq!(circuit.ages_from(at(0)), at(4100));
        circuit.succeed(at(4000));
        assert_eq!((circuit.ages_from(at(0)), circuit.ages_from(at(5000))), (at(4000), at(5000)));
        assert!(
            !CircuitBreaker::default().refuse(at(100), at(0), Duration::ZERO, None, half),
            "it is not to wait at all"
        );
    }

    #[test]
    fn tells_of_calls_that_fail_once_and_when_they_get_through_again() {
        let mut circuit = CircuitBreaker::default();
        assert_eq!(circuit.succeed(at(1000)), None);
        for (now, sent_at, is_refusal, since) in [
            // Sent before the last success.
            (5999, 500, false, None),
            (6000, 3000, false, Some(at(1000))),
            (9000, 8000, false, None),
            (9500, 9100, true, Some(at(1000))),
            (9600, 9550, true, None),
            (9700, 9650, false, None),
        ] {
            assert_eq!(circuit.note_failure(at(now), at(sent_at), is_refusal), since, "{now}");
        }
        let recovered = Some(Recovered { since: at(1000), elapsed: Duration::from_secs(9) });
        assert_eq!((circuit.succeed(at(10_000)), circuit.succeed(at(10_001))), (recovered, None));
        assert_eq!(circuit.note_failure(at(20_000), at(19_000), false), None);
    }
}
