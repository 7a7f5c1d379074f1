//! [`CircuitBreaker`]: whether calls get through at all.

use core::time::Duration;

use crate::batch::outcome::{Outage, Recovered};
use crate::batch::policy::MaxFailedCalls;
use crate::retry::{self, RetryClass};
use crate::time::Tick;

/// Shared by all batches: calls that fail in a row make all of them wait, one that gets through ends that.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    pub(super) opens_at: Tick,
    failures: u32,
    failed_at: Tick,
    /// Whether it is known that there is a Firehose at the other end.
    is_proven: bool,
    /// When the last call got through.
    succeeded_at: Tick,
    /// When the first call was sent that failed since then.
    failing_since: Option<Tick>,
    told: Told,
    refused: Option<Refused>,
    /// From when on records age that were pushed before.
    ages_from: Tick,
}

/// Refusals of every record that are waited out.
#[derive(Debug, Clone, Copy)]
struct Refused {
    count: u32,
    last_at: Tick,
    /// When they stop the line.
    ends_at: Tick,
}

/// What was told of the calls that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Told {
    #[default]
    Nothing,
    Outage,
    Refusal,
}

impl CircuitBreaker {
    /// Waits longer after each failure in a row. The first may be a matter of that call alone, unless the service asks to
    /// wait; what was sent before the last one has nothing new to tell.
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

    /// Waits after a refusal of every record, longer after each in a row, and with a last try when time is up. Returns
    /// whether there is time left.
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
        // Whatever is in the way, it is nothing that passes within milliseconds.
        let wait = retry::apply_retry_hint(hint, retry::backoff(RetryClass::Throttling, count, random));
        self.opens_at = (now + wait).min(ends_at);
        true
    }

    /// Whether refusals of every record are being waited out.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// When a record that was pushed at this time began to age.
    pub(super) fn ages_from(&self, pushed: Tick) -> Tick {
        pushed.max(self.ages_from)
    }

    /// Ends all waiting. Tells of it, if it was told that calls fail.
    pub(super) fn succeed(&mut self, now: Tick) -> Option<Recovered> {
        let since = self.failing_since.filter(|_| self.told != Told::Nothing);
        if self.refused.is_some() {
            self.ages_from = self.ages_from.min(now);
        }
        self.is_proven = true;
        self.succeeded_at = now;
        self.reset();
        since.map(|since| Recovered { since, elapsed: now.since(since) })
    }

    /// Forgets what has failed.
    pub(super) fn reset(&mut self) {
        let Self { failed_at, is_proven, succeeded_at, ages_from, .. } = *self;
        *self = Self { failed_at, is_proven, succeeded_at, ages_from, ..Self::default() };
    }

    /// Learns that it is Firehose that answers, even though not with a success.
    pub(super) const fn prove(&mut self) {
        self.is_proven = true;
    }

    /// How many failures in a row there were, if they are as many as may be.
    pub(super) fn is_dead(&self, max: MaxFailedCalls) -> Option<u32> {
        let max = if self.is_proven { max.later } else { max.at_first };
        max.filter(|max| self.failures >= max.get()).map(|_| self.failures)
    }

    /// Takes note of a call that has failed. Returns since when none has got through, if that is to be told now.
    pub(super) fn note_failure(&mut self, now: Tick, sent_at: Tick, is_refusal: bool) -> Option<Tick> {
        let since = *self.failing_since.get_or_insert(sent_at.max(self.succeeded_at));
        let told = match is_refusal {
            true => Told::Refusal,
            false if now.since(since) >= Outage::TOLD_AFTER => Told::Outage,
            false => Told::Nothing,
        };
        let is_news = told > self.told;
        self.told = self.told.max(told);
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
        assert_eq!(circuit.is_dead(max), Some(1));
        circuit.prove();
        assert_eq!(circuit.is_dead(max), None);
    }

    #[test]
    fn waits_out_refusals_and_tries_a_last_time_when_time_is_up() {
        let (half, timeout) = (1 << 63, Duration::from_secs(4));
        let mut circuit = CircuitBreaker::default();
        for (now, sent_at, opens_at) in [
            (at(100), at(0), Some(at(600))),
            // Under way together with the one before.
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
            // It was sent before the last one that got through.
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
