//! [`Monitor`]: what a run reports while it lasts: statistics, and when calls begin to fail and succeed again.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::batch::{Event, Outage, Recovered};
use firehose_blocking::firehose_proto::time::IsoDate;
use firehose_blocking::{Client, Producer};
use time::OffsetDateTime;

use crate::console;
use crate::progress::Progress;
use crate::reasons::{Stopped, reason_of};
use crate::rejects::Rejects;
use crate::report::{Report, as_u64, plural};

/// A view of a run from other threads.
#[derive(Clone)]
pub(crate) struct Monitor {
    pub(crate) producer: Producer,
    pub(crate) report: Arc<Report>,
    pub(crate) rejects: Arc<Rejects>,
    pub(crate) progress: Progress,
    pub(crate) is_spooled: bool,
}

impl Monitor {
    /// Writes the records that have come back to the rejects and closes that file. Returns how many records have no outcome,
    /// and whether they are in the spool.
    pub(crate) fn close(&self) -> (u64, bool) {
        let last = self.producer.take_undelivered().into_iter().map(|record| {
            let reason = reason_of(&record);
            self.report.reject(&reason);
            (record.data, reason, record.attempts)
        });
        self.rejects.close("interrupted within this record", last);
        (self.report.undecided(), self.is_spooled)
    }

    /// Prints the current statistics.
    pub(crate) fn print_statistics(&self) {
        let figures = self.figures();
        self.progress.suspend(|| console::eprint(&figures));
    }

    /// Prints the statistics at an interval, until the returned sender is dropped.
    pub(crate) fn print_statistics_every(&self, interval: Duration) -> Sender<()> {
        let (running, is_over) = mpsc::channel();
        let monitor = self.clone();
        thread::spawn(move || {
            while is_over.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                monitor.print_statistics();
            }
        });
        running
    }

    fn figures(&self) -> String {
        let statistics = self.producer.statistics();
        let (accepted, rejected) = (self.report.accepted.value(), self.report.rejected.value());
        // Records that an earlier run left in the spool wait as well, even if the producer has not read them back yet.
        let waiting = self.producer.spooled_records().max(as_u64(statistics.records.buffered_records));
        let (resent, spooled_bytes) = (statistics.records.resent, statistics.spooled_bytes);
        let oldest = statistics.oldest.unwrap_or_default().as_secs_f64();
        format!(
            "{accepted} accepted, {waiting} waiting, {resent} resent, {rejected} rejected, {spooled_bytes} bytes in the \
             spool, oldest record waiting for {oldest:.1} seconds"
        )
    }
}

/// Reports that calls fail or succeed again, if an event is about that.
pub(crate) fn report_health(event: &Event, client: &Client, stream: &str, progress: &Progress) {
    let lines = match event {
        Event::Outage(outage) => outage_lines(outage, OffsetDateTime::now_utc(), client, stream),
        Event::Recovered(Recovered { elapsed, .. }) => {
            vec![format!("calls succeed again, after {:.1} seconds", elapsed.as_secs_f64())]
        }
        // The end of the run reports why it was stopped.
        Event::Stopped(_) | Event::Accepted(_) | Event::Undelivered(_) => return,
    };
    progress.suspend(|| lines.iter().for_each(|line| console::eprint(line)));
}

/// Since when calls fail, why, and what waits; for a refusal, also what to do.
fn outage_lines(outage: &Outage, now: OffsetDateTime, client: &Client, stream: &str) -> Vec<String> {
    let Outage { reason, is_refusal, elapsed, waiting_records, waiting_bytes, .. } = outage;
    let (since, records) = (IsoDate::new(now - *elapsed), plural(as_u64(*waiting_records)));
    let waiting = format!("{waiting_records} record{records} ({waiting_bytes} bytes)");
    if !is_refusal {
        let since = since.as_str();
        return vec![format!("no call has succeeded since {since}: {reason}; {waiting} waiting to be sent again")];
    }
    let mut lines = Stopped::new(reason, client, stream).messages;
    if let Some(first) = lines.first_mut() {
        *first = format!("the service has refused every record since {}: {first}; {waiting} waiting", since.as_str());
    }
    lines
}
