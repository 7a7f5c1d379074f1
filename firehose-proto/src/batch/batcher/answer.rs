//! Handling outcomes of calls: the second half of [`Batcher`].

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::{Batcher, delimiter};
use crate::batch::disposition::{Disposition, entry_reason};
use crate::batch::outcome::{Event, Failure, Outage, Reason};
use crate::batch::policy::Delivery;
use crate::batch::sealed_batch::{Load, SealedBatch};
use crate::call::Error;
use crate::exception::is_about_credentials;
use crate::op::put_record_batch::{PutRecordBatchOutput, PutRecordBatchResponseEntry};
use crate::retry::{self, RetryClass};
use crate::time::Tick;

impl Batcher {
    /// Takes the outcome of a call: the answer, as [`Batch::decode`](crate::batch::Batch::decode) returns it, or an
    /// error. Ignores an id that is not in flight, or no longer.
    ///
    /// The driver first fixes by itself what it can, such as a wrong clock or an expired token, and sends the batch
    /// again before it reports.
    pub fn handle_outcome(&mut self, now: Tick, id: u64, outcome: Result<PutRecordBatchOutput<'_>, Error>) {
        if let Some(mut sealed_batch) = self.in_flight.remove(&id) {
            if outcome.as_ref().is_err_and(Error::is_unsent) {
                self.uncount(&mut sealed_batch);
            }
            let hint = match &outcome {
                Err(Error::Refused { retry_after, .. }) => *retry_after,
                _ => None,
            };
            if matches!(&outcome, Err(Error::Refused { error, .. }) if error.code.is_some() && error.is_throttling()) {
                self.circuit.confirm_service();
            }
            let disposition = Disposition::new(outcome, sealed_batch.batch.len());
            self.apply(now, hint, id, sealed_batch, disposition);
        }
    }

    /// Stops the batcher for a reason that the driver found without a call, such as missing credentials.
    ///
    /// Records in flight get their outcomes when they are answered, all others at once.
    pub fn stop(&mut self, reason: Reason) {
        self.halt(&Arc::new(reason));
    }

    fn halt(&mut self, reason: &Arc<Reason>) {
        self.wait = None;
        self.mark_stopped(reason);
        self.give_up_waiting(Failure::Rejected, Some(reason));
    }

    fn mark_stopped(&mut self, reason: &Arc<Reason>) {
        if self.stopped.is_none() {
            self.stopped = Some(Arc::clone(reason));
            self.events.push(Event::Stopped(Arc::clone(reason)), Load::default());
        }
    }

    /// Handles a success: calls succeed again.
    fn recover(&mut self, now: Tick) {
        let was_refused = self.circuit.is_refused();
        if let Some(recovered) = self.circuit.succeed(now) {
            self.events.push(Event::Recovered(recovered), Load::default());
        }
        if was_refused {
            // Their records age again.
            mem::take(&mut self.backing_off).into_values().for_each(|sealed_batch| self.schedule_retry(sealed_batch));
        }
    }

    /// Reports a failure of a call, if that is news.
    fn note_failure(&mut self, now: Tick, sent_at: Tick, is_refusal: bool, reason: &Arc<Reason>) {
        if let Some(since) = self.circuit.note_failure(now, sent_at, is_refusal) {
            let Load { records: waiting_records, bytes: waiting_bytes } = self.buffered;
            let (reason, elapsed) = (Arc::clone(reason), now.since(since));
            let outage = Outage { reason, is_refusal, since, elapsed, waiting_records, waiting_bytes };
            self.events.push(Event::Outage(outage), Load::default());
        }
    }

    fn apply(
        &mut self,
        now: Tick,
        hint: Option<Duration>,
        id: u64,
        mut sealed_batch: SealedBatch,
        disposition: Disposition<'_>,
    ) {
        self.wait = None;
        // Calls sent before a stop say nothing about the time after its cause was fixed.
        let is_current = id >= self.first_id;
        match disposition {
            Disposition::Each(entries) => {
                self.recover(now);
                self.size.accept(sealed_batch.batch.body.len_bytes());
                self.apply_each(now, sealed_batch, &entries);
            }
            Disposition::Without { named, reason } => {
                self.recover(now);
                let is_named = |index: usize| named.binary_search(&index).is_ok();
                sealed_batch.undeliver(Failure::Rejected, delimiter(&self.policy), &mut self.events, |index, _| {
                    is_named(index).then(|| Some(Arc::clone(&reason)))
                });
                // The other records are fine: they go at once, and this call does not count.
                self.send_again(sealed_batch);
            }
            Disposition::TooLarge(reason) => {
                self.recover(now);
                self.halve(sealed_batch, &reason);
            }
            Disposition::Again { class, may_be_stored, reason } => {
                self.note_throttling(now, &sealed_batch, class);
                sealed_batch.may_be_stored |= may_be_stored;
                sealed_batch.charged += 1;
                let mut failed_calls = None;
                if is_current {
                    self.circuit.fail(now, sealed_batch.sent_at, class, hint, self.random.next());
                    failed_calls = self.circuit.reached_limit(self.policy.max_failed_calls);
                }
                if let Some(calls) = failed_calls {
                    let message = format!("{calls} calls in a row failed, the last one with {reason}");
                    // The code tells the person who must fix it what is wrong.
                    let code = reason.code.clone().filter(|code| is_about_credentials(code));
                    return self.give_all_up(sealed_batch, &Arc::new(Reason { code, message }));
                }
                if is_current {
                    self.note_failure(now, sealed_batch.sent_at, false, &reason);
                }
                let failure = if reason.code.is_some() { Failure::Rejected } else { Failure::Expired };
                sealed_batch.reason = Some(reason);
                let is_over = self.policy.delivery == Delivery::AtMostOnce && sealed_batch.may_be_stored;
                if is_over || self.is_exhausted(&sealed_batch) {
                    self.give_up(sealed_batch, failure, None);
                } else {
                    self.back_off(now, hint, class, sealed_batch);
                }
            }
            Disposition::Stop(_) if !is_current => self.send_again(sealed_batch),
            Disposition::Stop(reason) => {
                let (timeout, random) = (self.policy.refusal_timeout, self.random.next());
                if self.stopped.is_none() && self.circuit.refuse(now, sealed_batch.sent_at, timeout, hint, random) {
                    self.note_failure(now, sealed_batch.sent_at, true, &reason);
                    // This call does not count: it says nothing about its records.
                    sealed_batch.reason = Some(reason);
                    self.make_ready(sealed_batch);
                } else {
                    self.give_all_up(sealed_batch, &reason);
                }
            }
        }
    }

    /// Stops the batcher because of a call's outcome.
    fn give_all_up(&mut self, sealed_batch: SealedBatch, reason: &Arc<Reason>) {
        self.mark_stopped(reason);
        self.give_up(sealed_batch, Failure::Rejected, Some(reason));
        self.halt(reason);
    }

    /// Handles an answer with an entry for each record.
    fn apply_each(&mut self, now: Tick, mut sealed_batch: SealedBatch, entries: &[PutRecordBatchResponseEntry<'_>]) {
        self.billing.accepted_bytes += sealed_batch.billed_bytes(entries);
        let accepted = sealed_batch.accept(entries, &mut self.events);
        if sealed_batch.is_empty() {
            return self.recycle(sealed_batch);
        }
        // The entries of the records left, in the same order.
        let failed = || entries.iter().filter(|entry| entry.is_failed());
        let is_throttled = entries.iter().any(PutRecordBatchResponseEntry::is_throttled);
        let class = if is_throttled { RetryClass::Throttling } else { RetryClass::Transient };
        self.note_throttling(now, &sealed_batch, class);
        sealed_batch.charged += 1;
        sealed_batch.reason = failed().next().and_then(entry_reason);
        if self.is_exhausted(&sealed_batch) {
            let reasons: Vec<_> = failed().map(entry_reason).collect();
            sealed_batch.undeliver(Failure::Rejected, delimiter(&self.policy), &mut self.events, |index, _| {
                Some(reasons.get(index).cloned().flatten())
            });
            return self.recycle(sealed_batch);
        }
        // A stream at its quota accepts a part each time, which is progress.
        if accepted > 0 {
            sealed_batch.consecutive_failures = 0;
        }
        self.back_off(now, None, class, sealed_batch);
    }

    /// Schedules the retry of a batch with growing backoff, unless the batcher has stopped.
    fn back_off(&mut self, now: Tick, hint: Option<Duration>, class: RetryClass, mut sealed_batch: SealedBatch) {
        if self.stopped.is_some() {
            return self.send_again(sealed_batch);
        }
        sealed_batch.consecutive_failures = sealed_batch.consecutive_failures.saturating_add(1);
        let wait =
            retry::apply_retry_hint(hint, retry::backoff(class, sealed_batch.consecutive_failures, self.random.next()));
        sealed_batch.retry_at = now + wait;
        self.schedule_retry(sealed_batch);
    }

    /// Sends both halves of a batch at once, or ends a single record that no request can carry.
    fn halve(&mut self, mut sealed_batch: SealedBatch, reason: &Arc<Reason>) {
        let bytes = sealed_batch.batch.body.len_bytes();
        sealed_batch.reason = Some(Arc::clone(reason));
        let Some(second) = sealed_batch.split_off_half() else {
            self.size.refuse_alone(bytes);
            let why = format!("too large even in a request of its own: {}", reason.message);
            let code = reason.code.clone();
            return self.give_up(sealed_batch, Failure::Rejected, Some(&Arc::new(Reason { code, message: why })));
        };
        self.size.refuse(bytes);
        // This call does not count: it says nothing about the records of either half.
        self.send_again(sealed_batch);
        self.send_again(second);
    }

    /// Uncounts a request that was never sent.
    fn uncount(&mut self, sealed_batch: &mut SealedBatch) {
        self.statistics.batches -= 1;
        sealed_batch.attempts -= 1;
        if sealed_batch.attempts > 0 {
            self.statistics.resent -= sealed_batch.manifest.events() as u64;
        }
    }

    fn is_exhausted(&self, sealed_batch: &SealedBatch) -> bool {
        sealed_batch.charged >= self.policy.max_attempts.get()
    }

    fn note_throttling(&mut self, now: Tick, sealed_batch: &SealedBatch, class: RetryClass) {
        if class == RetryClass::Throttling {
            self.statistics.throttles += 1;
            self.rate_limit.slow(now, sealed_batch.sent_at);
        }
    }

    /// Queues a batch to be sent again, unless the batcher has stopped meanwhile.
    fn send_again(&mut self, sealed_batch: SealedBatch) {
        match self.stopped.clone() {
            Some(reason) => self.give_up(sealed_batch, Failure::Rejected, Some(&reason)),
            None => self.make_ready(sealed_batch),
        }
    }
}
