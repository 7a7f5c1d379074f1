//! [`CircuitBreaker`]: whether calls get through at all.

use core::time::Duration;

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

    pub(super) const fn succeed(&mut self) {
        self.failures = 0;
        self.is_proven = true;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_an_outage_once_for_all_calls_that_were_under_way() {
        let at = |milliseconds| Tick::from_duration(Duration::from_millis(milliseconds));
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
        circuit.succeed();
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
}
