//! [`RateLimit`]: token buckets for a stream's quotas, with lower rates while the service throttles.

use core::num::NonZeroU32;
use core::time::Duration;

use super::policy::Quotas;
use crate::time::Tick;

/// How much a bucket may save up. Enough for a driver that wakes late, too little for the service to notice.
const BURST: Duration = Duration::from_millis(100);

/// The full rate, and the lowest, in thousandths.
const WHOLE: u64 = 1000;
const LEAST: u64 = 10;

/// The tenths of the rates that remain after a throttled request: the factor of AWS's adaptive retry mode.
const KEPT_TENTHS: u64 = 7;

/// The time in which a thousandth of the rates recovers: all of them in 30 s.
const RECOVERY: Duration = Duration::from_millis(30);

/// When the next request may leave.
///
/// Each bucket is a time: from then on it is not empty. A request may leave when no bucket is empty. It then moves each
/// time on by what it takes, however much: so a request above a second's quota can leave too, and later ones wait.
#[derive(Debug)]
pub(super) struct RateLimit {
    quotas: Quotas,
    records: Tick,
    requests: Tick,
    bytes: Tick,
    /// The remaining share of the rates after the last cut, in thousandths, and the time of that cut.
    share: u64,
    cut_at: Tick,
}

impl RateLimit {
    pub(super) fn new(quotas: Quotas) -> Self {
        let start = Tick::default();
        Self { quotas, records: start, requests: start, bytes: start, share: WHOLE, cut_at: start }
    }

    /// When the next request may leave; a time in the past means at once.
    pub(super) fn opens_at(&self) -> Tick {
        self.records.max(self.requests).max(self.bytes)
    }

    /// Takes what a request needs that leaves now.
    pub(super) fn take(&mut self, now: Tick, records: usize, bytes: usize) {
        let share = self.share(now);
        let Quotas { records_per_second, requests_per_second, bytes_per_second } = self.quotas;
        for (bucket, rate, amount) in [
            (&mut self.records, records_per_second, records),
            (&mut self.requests, requests_per_second, 1),
            (&mut self.bytes, bytes_per_second, bytes),
        ] {
            if let Some(rate) = rate {
                let saved = Tick::from_duration(now.as_duration().saturating_sub(BURST));
                *bucket = saved.max(*bucket) + cost(amount, rate, share);
            }
        }
    }

    /// Slows down after a request that was sent at `sent_at` was throttled. A request sent before the last cut says
    /// nothing about the rates since.
    pub(super) fn slow(&mut self, now: Tick, sent_at: Tick) {
        let is_first = self.share == WHOLE;
        if is_first || sent_at >= self.cut_at {
            self.share = (self.share(now) * KEPT_TENTHS / 10).max(LEAST);
            self.cut_at = now;
        }
    }

    fn share(&self, now: Tick) -> u64 {
        let recovered = now.since(self.cut_at).as_millis() / RECOVERY.as_millis();
        self.share.saturating_add(u64::try_from(recovered).unwrap_or(WHOLE)).min(WHOLE)
    }
}

/// How long it takes to earn this many tokens.
fn cost(amount: usize, rate: NonZeroU32, share: u64) -> Duration {
    let nanoseconds =
        (amount as u128) * 1_000_000_000 * u128::from(WHOLE) / (u128::from(rate.get()) * u128::from(share));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Tick {
        Tick::from_duration(Duration::from_millis(milliseconds))
    }

    /// Sends as early as allowed until `end`, throttled at the given times; returns how many it sent.
    fn run(quotas: Quotas, records: usize, bytes: usize, end: u64, throttled: &[u64]) -> usize {
        let mut rate_limit = RateLimit::new(quotas);
        let (mut now, mut sent) = (at(1000), 0);
        let mut throttled = throttled.iter().copied().map(at).peekable();
        while now < at(1000 + end) {
            while throttled.next_if(|&time| time <= now).is_some() {
                rate_limit.slow(now, now);
            }
            rate_limit.take(now, records, bytes);
            sent += 1;
            now = now.max(rate_limit.opens_at());
        }
        sent
    }

    #[test]
    fn keeps_each_quota() {
        let rate = NonZeroU32::new;
        let quotas = |records, requests, bytes| Quotas {
            records_per_second: rate(records),
            requests_per_second: rate(requests),
            bytes_per_second: rate(bytes),
        };
        for (quotas, records, bytes, requests_in_10_s) in [
            (quotas(1000, 0, 0), 100, 5, 100),
            (quotas(0, 20, 0), 500, 4_000_000, 200),
            (quotas(0, 0, 1 << 20), 500, 1 << 22, 3),
            (quotas(1000, 5, 1_000_000), 500, 10, 20),
        ] {
            let sent = run(quotas, records, bytes, 10_000, &[]);
            // The saved-up tokens are extra, rounded up to a request.
            assert!((requests_in_10_s..=requests_in_10_s * 101 / 100 + 1).contains(&sent), "{quotas:?}: {sent}");
        }
    }

    #[test]
    fn falls_by_three_tenths_and_comes_back() {
        let mut rate_limit = RateLimit::new(Quotas::default());
        assert_eq!(rate_limit.share(at(0)), 1000);
        rate_limit.slow(at(50), at(0));
        assert_eq!(rate_limit.share(at(50)), 700);
        rate_limit.slow(at(60), at(49));
        assert_eq!(rate_limit.share(at(60)), 700);
        rate_limit.slow(at(80), at(50));
        assert_eq!(rate_limit.share(at(80)), 490);
        assert_eq!(rate_limit.share(at(110)), 491);
        assert_eq!(rate_limit.share(at(40_000)), 1000);
        for _ in 0..50 {
            rate_limit.slow(at(80), at(80));
        }
        assert_eq!(rate_limit.share(at(80)), 10);
    }

    #[test]
    fn sends_less_after_it_was_throttled() {
        let quotas = Quotas { requests_per_second: NonZeroU32::new(100), ..Quotas::default() };
        let sent = run(quotas, 1, 1, 1000, &[1000, 1100, 1200]);
        assert!((45..70).contains(&sent), "{sent}");
    }
}
