//! What the driver reports, and what follows from it: the second half of [`Batcher`].

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Batcher, State, delimiter};
use crate::batch::outcome::{Failure, Reason};
use crate::batch::parcel::Parcel;
use crate::batch::policy::Delivery;
use crate::batch::verdict::{Verdict, entry_reason};
use crate::call::Error;
use crate::exception::is_about_credentials;
use crate::op::put_record_batch::{PutRecordBatchOutput, PutRecordBatchResponseEntry};
use crate::retry::{self, RetryClass};
use crate::time::Tick;

impl Batcher {
    /// Takes what came of a call: the answer, as [`Batch::decode`](crate::batch::Batch::decode) reads it, or why there is
    /// none. An id that is not in flight, or not any more, is ignored.
    ///
    /// What the driver can mend by itself, such as a wrong clock or a token that has just expired, it mends, and sends
    /// the batch again before it reports.
    pub fn handle_outcome(&mut self, now: Tick, id: u64, outcome: Result<PutRecordBatchOutput<'_>, Error>) {
        if let Some(parcel) = self.in_flight.remove(&id) {
            let hint = match &outcome {
                Err(Error::Refused { retry_after, .. }) => *retry_after,
                _ => None,
            };
            if matches!(&outcome, Err(Error::Refused { error, .. }) if error.code.is_some() && error.is_throttling()) {
                self.line.prove();
            }
            let verdict = Verdict::new(outcome, parcel.batch.len());
            self.apply(now, hint, parcel, verdict);
        }
    }

    /// Stops the line for a reason that the driver found without a call, such as credentials that cannot be had.
    ///
    /// All records but those in flight have their outcome at once; those in flight when they are answered.
    pub fn stop(&mut self, reason: Reason) {
        self.halt(Arc::new(reason));
    }

    fn halt(&mut self, reason: Arc<Reason>) {
        self.wait = None;
        self.give_up_waiting(Failure::Rejected, Some(&reason));
        if self.stopped().is_none() {
            self.state = State::Stopped(reason);
        }
    }

    fn apply(&mut self, now: Tick, hint: Option<Duration>, mut parcel: Parcel, verdict: Verdict<'_>) {
        self.wait = None;
        match verdict {
            Verdict::Each(entries) => {
                self.line.succeed();
                self.size.accept(parcel.batch.body_bytes());
                self.apply_each(now, parcel, &entries);
            }
            Verdict::Without { named, reason } => {
                self.line.succeed();
                let is_named = |index: usize| named.binary_search(&index).is_ok();
                parcel.undeliver(Failure::Rejected, delimiter(&self.policy), &mut self.events, |index, _| {
                    is_named(index).then(|| Some(Arc::clone(&reason)))
                });
                // The others have done nothing wrong: they go at once, and this call does not count.
                self.send_again(parcel);
            }
            Verdict::TooLarge(reason) => {
                self.line.succeed();
                self.halve(parcel, &reason);
            }
            Verdict::Again { class, may_be_stored, reason } => {
                self.note_throttling(now, &parcel, class);
                self.line.fail(now, parcel.sent_at, class, hint, self.random.next());
                parcel.may_be_stored |= may_be_stored;
                parcel.charged += 1;
                if let Some(calls) = self.line.is_dead(self.policy.max_failed_calls) {
                    let message = format!("{calls} calls in a row failed, the last one with {reason}");
                    // Somebody has to mend it, who goes by the code.
                    let code = reason.code.clone().filter(|code| is_about_credentials(code));
                    return self.give_all_up(parcel, Arc::new(Reason { code, message }));
                }
                let failure = if reason.code.is_some() { Failure::Rejected } else { Failure::Expired };
                parcel.reason = Some(reason);
                let is_over = self.policy.delivery == Delivery::AtMostOnce && parcel.may_be_stored;
                if is_over || self.is_exhausted(&parcel) {
                    self.give_up(parcel, failure, None);
                } else {
                    self.let_rest(now, hint, class, parcel);
                }
            }
            Verdict::Stop(reason) => self.give_all_up(parcel, reason),
        }
    }

    /// Stops the line because of what a call has shown.
    fn give_all_up(&mut self, parcel: Parcel, reason: Arc<Reason>) {
        self.give_up(parcel, Failure::Rejected, Some(&reason));
        self.halt(reason);
    }

    /// Every record has its own answer.
    fn apply_each(&mut self, now: Tick, mut parcel: Parcel, entries: &[PutRecordBatchResponseEntry<'_>]) {
        let accepted = parcel.accept(entries, &mut self.events);
        if parcel.is_empty() {
            return self.recycle(parcel);
        }
        // The entries of what is left, in the same order.
        let failed = || entries.iter().filter(|entry| entry.is_failed());
        let is_throttled = entries.iter().any(PutRecordBatchResponseEntry::is_throttled);
        let class = if is_throttled { RetryClass::Throttling } else { RetryClass::Transient };
        self.note_throttling(now, &parcel, class);
        parcel.charged += 1;
        parcel.reason = failed().next().and_then(entry_reason);
        if self.is_exhausted(&parcel) {
            let reasons: Vec<_> = failed().map(entry_reason).collect();
            parcel.undeliver(Failure::Rejected, delimiter(&self.policy), &mut self.events, |index, _| {
                Some(reasons.get(index).cloned().flatten())
            });
            return self.recycle(parcel);
        }
        // A stream at its quota takes a part each time: that is progress.
        if accepted > 0 {
            parcel.fruitless = 0;
        }
        self.let_rest(now, None, class, parcel);
    }

    /// Sets what is left of a parcel aside for longer after each attempt in vain, unless the line has been stopped.
    fn let_rest(&mut self, now: Tick, hint: Option<Duration>, class: RetryClass, mut parcel: Parcel) {
        if let State::Stopped(_) = self.state {
            return self.send_again(parcel);
        }
        parcel.fruitless = parcel.fruitless.saturating_add(1);
        let wait = retry::heed(hint, retry::backoff(class, parcel.fruitless, self.random.next()));
        parcel.rests_until = now + wait;
        self.rest(parcel);
    }

    /// Sends both halves of a parcel at once, or ends the one record that no request can carry.
    fn halve(&mut self, mut parcel: Parcel, reason: &Arc<Reason>) {
        let bytes = parcel.batch.body_bytes();
        parcel.reason = Some(Arc::clone(reason));
        let Some(second) = parcel.split_off_half() else {
            self.size.refuse_alone(bytes);
            let why = format!("too large even alone in its request: {}", reason.message);
            let code = reason.code.clone();
            return self.give_up(parcel, Failure::Rejected, Some(&Arc::new(Reason { code, message: why })));
        };
        self.size.refuse(bytes);
        // This call does not count: it says nothing about the records of either half.
        self.send_again(parcel);
        self.send_again(second);
    }

    fn is_exhausted(&self, parcel: &Parcel) -> bool {
        parcel.charged >= self.policy.max_attempts.get()
    }

    fn note_throttling(&mut self, now: Tick, parcel: &Parcel, class: RetryClass) {
        if class == RetryClass::Throttling {
            self.statistics.throttles += 1;
            self.pace.slow(now, parcel.sent_at);
        }
    }

    /// Puts what is left of a parcel back into the line, unless it has been stopped meanwhile.
    fn send_again(&mut self, parcel: Parcel) {
        match self.state.clone() {
            State::Stopped(reason) => self.give_up(parcel, Failure::Rejected, Some(&reason)),
            State::Running | State::Closed => self.make_ready(parcel),
        }
    }
}
