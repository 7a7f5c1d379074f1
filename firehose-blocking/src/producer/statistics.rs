//! [`ProducerStatistics`]: a snapshot of what a producer has done.

use std::time::Duration;

use firehose_proto::batch::{Batcher, Billing, Statistics};
use firehose_proto::time::Tick;

use crate::spool::Spool;

/// What a producer has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerStatistics {
    /// How many records had which outcome.
    pub records: Statistics,
    /// What the service bills for the records.
    pub billing: Billing,
    /// Bytes of the spool's files that hold at least one record without an outcome. 0 without a spool.
    pub spooled_bytes: u64,
    /// How long the oldest record without an outcome has waited. For a record of an earlier process, since it was read
    /// back from the spool.
    pub oldest: Option<Duration>,
    /// The median latency of requests, to within a sixteenth.
    pub latency_p50: Duration,
    /// The 99th percentile of the latency of requests, to within a sixteenth.
    pub latency_p99: Duration,
}

impl ProducerStatistics {
    pub(super) fn new(now: Tick, batcher: &Batcher, spool: Option<&Spool>, latencies: &Latencies) -> Self {
        Self {
            records: batcher.statistics(),
            billing: batcher.billing(),
            spooled_bytes: spool.map_or(0, Spool::pending_bytes),
            oldest: batcher.oldest().map(|pushed| now.since(pushed)),
            latency_p50: latencies.quantile(0.5),
            latency_p99: latencies.quantile(0.99),
        }
    }
}

/// Buckets in each doubling of the latency.
const STEPS: u32 = 16;

/// A histogram of latencies: a fixed 4 kB, from 1 µs to an hour.
pub(super) struct Latencies {
    counts: [u64; 32 * STEPS as usize],
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: [0; 32 * STEPS as usize], total: 0 }
    }
}

impl Latencies {
    pub(super) fn add(&mut self, latency: Duration) {
        let last = self.counts.len() - 1;
        if let Some(count) = self.counts.get_mut(bucket(latency).min(last)) {
            *count += 1;
        }
        self.total += 1;
    }

    /// The upper end of the bucket at this quantile; zero if there are no samples.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a rank may be off by one beyond 2^53 requests")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count is a count")]
        let rank = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank && rank > 0
        });
        found.map_or(Duration::ZERO, upper_end)
    }
}

/// The bucket of a latency: its doubling, then its sixteenth within that.
fn bucket(latency: Duration) -> usize {
    let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(u64::from(STEPS));
    let doubling = microseconds.ilog2() - STEPS.ilog2();
    let step = (microseconds >> doubling) - u64::from(STEPS);
    usize::try_from(u64::from(doubling * STEPS) + step).unwrap_or(usize::MAX)
}

fn upper_end(bucket: usize) -> Duration {
    let (doubling, step) = (bucket / STEPS as usize, bucket % STEPS as usize);
    Duration::from_micros((u64::from(STEPS) + step as u64 + 1) << doubling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_quantiles_to_within_a_sixteenth() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), Duration::ZERO);
        for milliseconds in 1..=1000 {
            latencies.add(Duration::from_millis(milliseconds));
        }
        for (share, milliseconds) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = latencies.quantile(share).as_secs_f64() * 1e3;
            assert!((milliseconds..milliseconds * 17.0 / 16.0 + 0.1).contains(&found), "{share}: {found}");
        }
        latencies.add(Duration::MAX);
        assert!(latencies.quantile(1.0) > Duration::from_secs(3600));
    }
}
