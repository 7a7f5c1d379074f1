//! [`Report`]: the counts of one run, why records were not accepted, and the summary made of both.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::Output;
use crate::console::sanitize;

/// Different reasons that are remembered; of a run with more of them these are shown.
const MAX_REASONS: usize = 5;

/// One number that all threads add to.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of the input.
///
/// At the end of a run every record that was read is accepted, rejected, or kept in the spool.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Records read.
    pub(crate) records: Counter,
    /// Bytes of data in them.
    pub(crate) bytes: Counter,
    /// Records that the service acknowledged.
    pub(crate) accepted: Counter,
    /// Times that a record was sent again, in requests that left.
    pub(crate) resent: Counter,
    /// Records given up.
    pub(crate) rejected: Counter,
    /// Requests that left, answered or not.
    pub(crate) requests: Counter,
    /// Bytes that the service bills for what it has accepted: those of each of its records in steps of 5 KiB.
    pub(crate) billed_bytes: Counter,
    reasons: Mutex<Vec<(String, u64)>>,
}

impl Report {
    /// Counts records that were read.
    pub(crate) fn count(&self, records: u64, bytes: u64) {
        self.records.add(records);
        self.bytes.add(bytes);
    }

    /// Counts a rejected record and remembers why.
    pub(crate) fn reject(&self, reason: &str) {
        self.rejected.add(1);
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = reasons.iter_mut().find(|(known, _)| known == reason) {
            *count += 1;
        } else if reasons.len() < MAX_REASONS {
            reasons.push((reason.into(), 1));
        }
    }

    /// Records that are neither accepted nor rejected.
    pub(crate) fn undecided(&self) -> u64 {
        self.records.value().saturating_sub(self.accepted.value() + self.rejected.value())
    }

    /// Why records were rejected, with how many. Reasons beyond the first ones count as one, without a text.
    fn reasons(&self) -> Vec<(Option<String>, u64)> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let told: u64 = reasons.iter().map(|(_, count)| count).sum();
        let more = self.rejected.value().saturating_sub(told);
        let first = reasons.iter().map(|(reason, count)| (Some(reason.clone()), *count));
        first.chain((more > 0).then_some((None, more))).collect()
    }

    /// Messages about rejected records, one line for each reason.
    pub(crate) fn rejections(&self) -> Vec<String> {
        let line = |(reason, count): (Option<String>, u64)| match reason {
            Some(reason) if count == 1 => reason,
            Some(reason) => format!("{count} records: {reason}"),
            None => format!("{count} more record{} rejected", plural(count)),
        };
        self.reasons().into_iter().map(line).collect()
    }

    /// The summary of a run that took so long, has read all of its input or not, and was stopped for a reason or not.
    pub(crate) fn summary(
        &self,
        output: Output,
        elapsed: Duration,
        is_complete: bool,
        stopped: Option<&str>,
    ) -> String {
        let Self { records, bytes, accepted, resent, rejected, requests, billed_bytes, .. } = self;
        let [records, bytes, accepted, resent, rejected, requests, billed_bytes] =
            [records, bytes, accepted, resent, rejected, requests, billed_bytes].map(Counter::value);
        let kept = records.saturating_sub(accepted + rejected);
        let seconds = elapsed.as_secs_f64();
        if output == Output::Json {
            let reason = |(reason, records)| json!({"records": records, "reason": reason});
            let reasons: Vec<Value> = self.reasons().into_iter().map(reason).collect();
            let (reasons, stopped) = (Value::from(reasons), json!(stopped));
            return format!(
                r#"{{"records":{records},"bytes":{bytes},"accepted":{accepted},"resent":{resent},"rejected":{rejected},"kept":{kept},"requests":{requests},"billed_bytes":{billed_bytes},"seconds":{seconds:.3},"complete":{is_complete},"stopped":{stopped},"reasons":{reasons}}}"#
            );
        }
        let rate = megabytes(bytes) / seconds.max(1e-9);
        let left = if kept > 0 { format!(", {kept} kept in the spool") } else { String::new() };
        let packed = packed_bytes(records, bytes);
        // Only where all of it was accepted, and it is worth a change of what consumers get.
        let is_worth_it = accepted == records && billed_bytes > 2 * packed;
        let advice = if is_worth_it { format!(", about {packed} with --pack") } else { String::new() };
        let billed = if billed_bytes > 0 { format!(", {billed_bytes} bytes billed{advice}") } else { String::new() };
        let mut summary = format!(
            "{records} record{}, {bytes} bytes: {accepted} accepted, {resent} resent, {rejected} rejected{left}; \
             {requests} request{} in {seconds:.3} seconds, {rate:.1} MB/s{billed}",
            plural(records),
            plural(requests),
        );
        let stopped = stopped.map(|reason| format!("stopped: {reason}"));
        for line in stopped.into_iter().chain(self.rejections().iter().map(|line| format!("rejected: {line}"))) {
            summary.push('\n');
            summary.push_str(&sanitize(&line));
        }
        summary
    }
}

/// What about is billed for so many records when they are packed: as many in one as fit into 100 KiB, but 500 at most, in steps
/// of 5 KiB ([pricing](https://aws.amazon.com/firehose/pricing/)).
fn packed_bytes(records: u64, bytes: u64) -> u64 {
    const STEP: u64 = 5 * 1024;
    const TARGET: u64 = 20 * STEP;
    const MAX_EVENTS: u64 = 500;
    let packs = bytes.div_ceil(TARGET).max(records.div_ceil(MAX_EVENTS)).max(1);
    packs * bytes.div_ceil(packs).div_ceil(STEP) * STEP
}

/// Bytes in millions, as people read large numbers.
#[expect(clippy::cast_precision_loss, reason = "a number for people, shown to a tenth")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The ending of a noun after a number.
pub(crate) fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

pub(crate) fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_first_reasons_and_counts_the_rest() {
        let report = Report::default();
        for reason in ["a", "b", "a", "c", "d", "e", "f", "g", "a"] {
            report.reject(reason);
        }
        let expected = ["3 records: a", "b", "c", "d", "e", "2 more records rejected"];
        assert_eq!(report.rejections(), expected);
        assert_eq!(report.rejected.value(), 9);
    }

    #[test]
    fn says_what_packing_would_save_where_that_is_more_than_half() {
        for (records, bytes, billed, words) in [
            // 200 MB of short lines.
            (2_900_000, 200_000_000, 14_848_000_000, ", 14848000000 bytes billed, about 207872000 with --pack"),
            (1, 100, 5_120, ", 5120 bytes billed"),
            (2, 100, 10_240, ", 10240 bytes billed"),
            (3, 100, 15_360, ", 15360 bytes billed, about 5120 with --pack"),
            (10, 100_000, 102_400, ", 102400 bytes billed"),
        ] {
            let report = Report::default();
            report.count(records, bytes);
            report.accepted.add(records);
            report.billed_bytes.add(billed);
            let summary = report.summary(Output::Text, Duration::from_secs(1), true, None);
            assert!(summary.ends_with(words), "{summary}");
        }
    }

    #[test]
    fn sums_up_in_words_and_in_json() {
        let report = Report::default();
        report.count(3, 4_500_000);
        report.accepted.add(2);
        report.resent.add(5);
        report.requests.add(1);
        report.billed_bytes.add(10_240);
        report.reject("no\u{7}");
        let elapsed = Duration::from_millis(1_500);
        assert_eq!(
            report.summary(Output::Text, elapsed, true, Some("why")),
            "3 records, 4500000 bytes: 2 accepted, 5 resent, 1 rejected; 1 request in 1.500 seconds, 3.0 MB/s, 10240 bytes \
             billed\nstopped: why\nrejected: no\u{fffd}"
        );
        report.count(2, 0);
        assert!(
            report.summary(Output::Text, elapsed, true, None).contains(", 1 rejected, 2 kept in the spool; 1 request")
        );
        for reason in ["no", "b", "c", "d", "e", "f", "g"] {
            report.count(1, 0);
            report.reject(reason);
        }
        assert_eq!(
            report.summary(Output::Json, elapsed, false, Some("\"why\"")),
            r#"{"records":12,"bytes":4500000,"accepted":2,"resent":5,"rejected":8,"kept":2,"requests":1,"billed_bytes":10240,"seconds":1.500,"complete":false,"stopped":"\"why\"","reasons":[{"reason":"no\u0007","records":1},{"reason":"no","records":1},{"reason":"b","records":1},{"reason":"c","records":1},{"reason":"d","records":1},{"reason":null,"records":3}]}"#
        );
    }
}
