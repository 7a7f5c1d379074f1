//! [`Batcher`]: a producer without its I/O. It decides what to send when, and reports the outcome of each record.
//!
//! ```text
//!  push ─▶ open batch ──full, or linger over──▶ ready ──room in flight──▶ in flight ─▶ answer
//!            (pack)                               ▲ ▲                                    │
//!                                                 │ └── calls fail in a row: all wait ───┤
//!                                                 └──── records, or all, failed: rest ────┤
//!                                                                                        ▼
//!  caller ◀─────────────────────────── poll_output: Event ◀──────────────────── outcomes of records
//! ```
//!
//! A record is encoded once, when it is pushed, into the body of its request. Records that the service does not accept
//! stay there while their accepted neighbours are removed, and are sent again from the same bytes.
//!
//! * A failure of *records* (entries of an answer), or of a call, makes their batch wait, while others continue.
//! * Consecutive failures of *calls*, without a success in between, say nothing about their records: all batches wait,
//!   and the next attempt tests the service.
//! * A request that is refused as too large is sent again in halves; later requests are no larger than what passes.
//! * A refusal that concerns every call (no such stream, no permission) stops the batcher, so that nothing waits in
//!   vain. If the policy waits out such refusals, all batches wait first, and one call at a time tests the service.
//!
//! ```text
//!             refused, and that is waited out          refused for too long, or not waited out
//!   running ──────────────────────────────▶ refused ───────────────────────▶ stopped
//!      ▲  ▲                                    │                                │
//!      │  └────────── a call gets through ─────┘                                │
//!      └──────────────────────────── resume ────────────────────────────────────┘
//! ```

mod answer;
mod circuit;
mod output;
mod push;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::time::Duration;

use circuit::CircuitBreaker;
pub use output::{Output, Statistics};
pub use push::EnqueueError;

use super::Batch;
use super::manifest::{Item, Manifest};
use super::outcome::{Event, Failure, Reason};
use super::pack::{self, Billing, Pack};
use super::policy::{Order, Policy};
use super::rate_limit::RateLimit;
use super::sealed_batch::{Events, Load, SealedBatch};
use super::size::RequestSize;
use crate::random::Random;
use crate::time::Tick;
use crate::validate::Violation;

/// Takes records, decides what to send and when, and reports exactly one outcome for each ticket.
///
/// * The application pushes ([`push`](Self::push), [`flush`](Self::flush), [`close`](Self::close),
///   [`abandon`](Self::abandon), [`resume`](Self::resume)).
/// * The driver sends what it gets and reports back ([`handle_outcome`](Self::handle_outcome)).
/// * **After each of these, poll until [`Output::Wait`]**, and again at the time that it names.
///
/// The caller passes the time to each of these; it must not go back. It passes the seed of the jitter once.
///
/// ```
/// use core::time::Duration;
/// use firehose_proto::batch::{Batcher, Event, Output, Policy};
/// use firehose_proto::call::Error;
/// use firehose_proto::http::Response;
/// use firehose_proto::time::Tick;
///
/// let mut batcher = Batcher::new("s", Policy::default(), 7)?;
/// let start = Tick::default();
/// assert_eq!(batcher.push(start, b"one")?, 0..1);
/// assert_eq!(batcher.push(start, b"two")?, 1..2);
///
/// // The batch waits for more, but not for long.
/// let linger = start + Duration::from_millis(100);
/// let Output::Wait(Some(time)) = batcher.poll_output(start) else { panic!() };
/// assert_eq!(time, linger);
/// let Output::Send { id, batch, attempt: 1 } = batcher.poll_output(linger) else { panic!() };
/// assert_eq!(batch.len(), 2);
///
/// // The driver signs `batch.request(&endpoint)`, sends it and gets an answer: one record is accepted.
/// let answer = Response::new(200, br#"{"FailedPutCount":1,"RequestResponses":[{"RecordId":"1"},
///     {"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]}"#.to_vec());
/// let output = batch.decode(&answer);
/// drop(batch);
/// batcher.handle_outcome(linger, id, output.map_err(Error::from));
/// let Output::Event(Event::Accepted(accepted)) = batcher.poll_output(linger) else { panic!() };
/// assert_eq!((accepted.tickets.clone(), accepted.record_id(0)), (0..1, Some("1")));
///
/// // The other one rests for a second at most, then is sent again.
/// let Output::Wait(Some(rested)) = batcher.poll_output(linger) else { panic!() };
/// assert!(rested.since(linger) < Duration::from_secs(1));
/// let Output::Send { batch, attempt: 2, .. } = batcher.poll_output(rested) else { panic!() };
/// assert_eq!(batch.encoded(0), Some("dHdv"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Batcher {
    policy: Policy,
    is_closed: bool,
    stopped: Option<Arc<Reason>>,
    next_ticket: u64,
    next_id: u64,
    /// The first call after the last stop, if there was one.
    first_id: u64,
    /// The open batch. With packing, events go through the pack first.
    open: Open,
    pack: Pack,
    /// Sealed batches that wait only for room in flight, by first ticket.
    ready: BTreeMap<u64, SealedBatch>,
    /// Keyed by the time of their retry.
    backing_off: BTreeMap<(Tick, u64), SealedBatch>,
    /// Keyed by call id.
    in_flight: BTreeMap<u64, SealedBatch>,
    events: Events,
    /// All records whose outcome has not been returned.
    buffered: Load,
    circuit: CircuitBreaker,
    rate_limit: RateLimit,
    size: RequestSize,
    /// For the jitter of waits.
    random: Random,
    /// Whether a record was refused for lack of room since the open batch began: then the batch does not linger.
    is_full: bool,
    /// The last wait returned, if nothing has happened since that could change it.
    wait: Option<Option<Tick>>,
    /// Emptied batches for reuse.
    spare_batches: Vec<Open>,
    billing: Billing,
    statistics: Statistics,
}

/// A batch that takes records.
struct Open {
    batch: Batch,
    manifest: Manifest,
}

impl Batcher {
    /// Creates a batcher for one stream. Give each its own seed, so that their retries do not coincide.
    ///
    /// # Errors
    ///
    /// [`Violation`] if the name breaks its rules, or no record could ever pass.
    pub fn new(delivery_stream_name: &str, policy: Policy, seed: u64) -> Result<Self, Violation> {
        policy.check()?;
        let batch = Batch::with_limits(delivery_stream_name, policy.request_limits())?;
        Ok(Self {
            is_closed: false,
            stopped: None,
            next_ticket: 0,
            next_id: 0,
            first_id: 0,
            open: Open { batch, manifest: Manifest::default() },
            pack: Pack::default(),
            ready: BTreeMap::new(),
            backing_off: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            events: Events::default(),
            buffered: Load::default(),
            circuit: CircuitBreaker::default(),
            rate_limit: RateLimit::new(policy.quotas),
            size: RequestSize::default(),
            random: Random::new(seed),
            is_full: false,
            wait: None,
            spare_batches: Vec::new(),
            billing: Billing::default(),
            statistics: Statistics::default(),
            policy,
        })
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Why nothing can be delivered, if the batcher has stopped.
    #[must_use]
    pub const fn stopped(&self) -> Option<&Arc<Reason>> {
        self.stopped.as_ref()
    }

    /// Whether every record's outcome has been returned.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.buffered.records == 0
    }

    /// Whether a poll would again say to wait, until the time named: then a push needs no poll after it.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.wait.is_some()
    }

    /// Counts since the start.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            in_flight: self.in_flight.len(),
            buffered_records: self.buffered.records,
            buffered_bytes: self.buffered.bytes,
            ..self.statistics
        }
    }

    /// When the oldest record without an outcome was pushed. Looks at each batch: not for the hot path.
    #[must_use]
    pub fn oldest(&self) -> Option<Tick> {
        let sealed = self.ready.values().chain(self.backing_off.values()).chain(self.in_flight.values());
        let sealed = sealed.filter_map(|sealed_batch| Some(sealed_batch.oldest()?.pushed));
        sealed.chain(self.open_since()).min()
    }

    /// The cost of the pushed records.
    #[must_use]
    pub const fn billing(&self) -> Billing {
        let mut billing = self.billing;
        if !self.pack.is_empty() {
            billing.bytes += pack::billed_bytes(self.pack.data.len()) as u64;
        }
        billing
    }

    /// Bytes of memory held for records, used or spare. Sums over all batches: not for the hot path.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let open = self.spare_batches.iter().chain([&self.open]).map(|open| (&open.batch, &open.manifest));
        let sealed = self.ready.values().chain(self.backing_off.values()).chain(self.in_flight.values());
        let sealed = sealed.map(|sealed_batch| (&*sealed_batch.batch, &sealed_batch.manifest));
        let batches: usize =
            open.chain(sealed).map(|(batch, manifest)| batch.body.memory_bytes() + manifest.memory_bytes()).sum();
        batches + self.pack.data.capacity() + self.pack.lens.capacity() * size_of::<u32>()
    }

    /// Ends the lingering of all records pushed so far.
    pub fn flush(&mut self) {
        self.close_pack();
        self.seal();
    }

    /// Stops taking records. Those taken are delivered as before, without lingering.
    ///
    /// Delivery has ended once [`is_idle`](Self::is_idle).
    pub fn close(&mut self) {
        self.flush();
        self.is_closed = true;
    }

    /// Continues after a stop, once its cause is fixed. Does nothing otherwise.
    ///
    /// Records that the stop returned are not sent again: to deliver them, push them again. Calls in flight are handled
    /// as usual, except that refusals of calls from before the stop no longer count.
    pub fn resume(&mut self) {
        if self.stopped.take().is_some() {
            self.first_id = self.next_id;
            self.circuit.reset();
            self.wait = None;
        }
    }

    /// Stops taking records and gives up those taken: each comes back with its outcome.
    ///
    /// Records in flight may be stored, and end as unknown; later answers to them are ignored.
    pub fn abandon(&mut self) {
        self.close();
        for (_, mut sealed_batch) in mem::take(&mut self.in_flight) {
            sealed_batch.may_be_stored = true;
            self.give_up(sealed_batch, Failure::Unknown, None);
        }
        self.give_up_waiting(Failure::Expired, None);
        self.wait = None;
    }

    /// The next output. Poll until it says to wait.
    pub fn poll_output(&mut self, now: Tick) -> Output {
        if let Some(wait) = self.wait.filter(|wait| wait.is_none_or(|time| now < time)) {
            return Output::Wait(wait);
        }
        self.wait = None;
        self.advance(now);
        if let Some((event, load)) = self.events.pop() {
            self.count(&event);
            self.buffered.records -= load.records;
            self.buffered.bytes -= load.bytes;
            return Output::Event(event);
        }
        if self.sends_at().is_some_and(|time| time <= now) {
            if self.ready.is_empty() {
                self.flush();
            }
            if let Some((_, sealed_batch)) = self.ready.pop_first() {
                return self.send(now, sealed_batch);
            }
        }
        let wait = self.next_time();
        self.wait = Some(wait);
        Output::Wait(wait)
    }

    /// Applies what has changed by time alone.
    fn advance(&mut self, now: Tick) {
        if self.open_since().is_some_and(|since| self.expires_at(since) <= now) {
            self.flush();
        }
        while let Some(entry) = self.backing_off.first_entry().filter(|entry| entry.key().0 <= now) {
            let mut sealed_batch = entry.remove();
            self.expire(now, &mut sealed_batch);
            if sealed_batch.retry_at > now { self.schedule_retry(sealed_batch) } else { self.make_ready(sealed_batch) }
        }
        // Tickets are assigned in order of time, so the lowest is the oldest.
        while let Some(entry) = self.ready.first_entry() {
            let expires_at = |item: &Item| self.circuit.ages_from(item.pushed) + self.policy.max_age;
            if entry.get().oldest().is_none_or(|item| expires_at(item) > now) {
                break;
            }
            let mut sealed_batch = entry.remove();
            self.expire(now, &mut sealed_batch);
            self.make_ready(sealed_batch);
        }
    }

    /// Ends the records of a batch that are too old.
    fn expire(&mut self, now: Tick, sealed_batch: &mut SealedBatch) {
        let (circuit, max_age) = (&self.circuit, self.policy.max_age);
        sealed_batch.undeliver(Failure::Expired, delimiter(&self.policy), &mut self.events, |_, item| {
            (circuit.ages_from(item.pushed) + max_age <= now).then_some(None)
        });
    }

    /// When a record pushed at this time is too old.
    fn expires_at(&self, pushed: Tick) -> Tick {
        self.circuit.ages_from(pushed) + self.policy.max_age
    }

    /// When the oldest record that is not sealed was pushed.
    fn open_since(&self) -> Option<Tick> {
        let first = self.open.manifest.items().first().map(|item| item.pushed);
        first.or_else(|| (!self.pack.is_empty()).then_some(self.pack.pushed))
    }

    /// Whether the order and the number of calls in flight allow another one.
    fn may_send(&self) -> bool {
        match self.policy.order {
            Order::Relaxed if self.circuit.is_refused() => self.in_flight.is_empty(),
            Order::Relaxed => self.in_flight.len() < self.policy.max_in_flight.get(),
            Order::Strict => self.in_flight.is_empty() && self.backing_off.is_empty(),
        }
    }

    /// When the next batch may leave, if there is room in flight. The open batch leaves only after all others: until
    /// then it would wait anyway, so it continues to fill.
    fn sends_at(&self) -> Option<Tick> {
        if !self.may_send() {
            return None;
        }
        let ready = (!self.ready.is_empty()).then(Tick::default);
        let linger = if self.is_full { Duration::ZERO } else { self.policy.linger };
        let time = ready.or_else(|| Some(self.open_since()? + linger))?;
        Some(time.max(self.circuit.opens_at).max(self.rate_limit.opens_at()))
    }

    /// When time alone changes something. Called only when there is nothing to do earlier.
    fn next_time(&self) -> Option<Tick> {
        let backing_off = self.backing_off.first_key_value().map(|((time, _), _)| *time);
        let oldest = self.ready.first_key_value().and_then(|(_, sealed_batch)| sealed_batch.oldest());
        let oldest = [self.open_since(), oldest.map(|item| item.pushed)].into_iter().flatten().min();
        let expiry = oldest.map(|pushed| self.expires_at(pushed));
        let never = Tick::from_duration(Duration::MAX);
        [backing_off, expiry, self.sends_at()].into_iter().flatten().min().filter(|time| *time < never)
    }

    fn send(&mut self, now: Tick, mut sealed_batch: SealedBatch) -> Output {
        // It may have been sealed before the service refused another one of its size.
        if let Some(rest) = sealed_batch.split_off_above(self.size.max_bytes()) {
            self.make_ready(rest);
        }
        self.rate_limit.take(now, sealed_batch.batch.len(), sealed_batch.batch.data_bytes());
        self.statistics.batches += 1;
        if sealed_batch.attempts > 0 {
            self.statistics.resent += sealed_batch.manifest.events() as u64;
        }
        sealed_batch.attempts += 1;
        sealed_batch.sent_at = now;
        let id = self.next_id;
        self.next_id += 1;
        let output = Output::Send { id, batch: Arc::clone(&sealed_batch.batch), attempt: sealed_batch.attempts };
        self.in_flight.insert(id, sealed_batch);
        output
    }

    /// Queues a batch to be sent, or keeps its memory for reuse if it is empty.
    fn make_ready(&mut self, sealed_batch: SealedBatch) {
        if let Some(item) = sealed_batch.oldest() {
            self.ready.insert(item.first, sealed_batch);
        } else {
            self.recycle(sealed_batch);
        }
    }

    /// Schedules the retry of a batch, or an earlier check when a record of it will be too old.
    fn schedule_retry(&mut self, sealed_batch: SealedBatch) {
        if let Some(item) = sealed_batch.oldest() {
            let time = sealed_batch.retry_at.min(self.expires_at(item.pushed));
            self.backing_off.insert((time, item.first), sealed_batch);
        } else {
            self.recycle(sealed_batch);
        }
    }

    fn recycle(&mut self, sealed_batch: SealedBatch) {
        let SealedBatch { batch, mut manifest, .. } = sealed_batch;
        if self.spare_batches.len() > self.policy.max_in_flight.get() {
            return;
        }
        if let Some(mut batch) = Arc::into_inner(batch) {
            batch.clear();
            manifest.clear();
            self.spare_batches.push(Open { batch, manifest });
        }
    }

    /// Ends all records of a batch.
    fn give_up(&mut self, mut sealed_batch: SealedBatch, failure: Failure, reason: Option<&Arc<Reason>>) {
        sealed_batch.undeliver(failure, delimiter(&self.policy), &mut self.events, |_, _| Some(reason.cloned()));
        self.recycle(sealed_batch);
    }

    /// Ends all records that are not in flight.
    fn give_up_waiting(&mut self, failure: Failure, reason: Option<&Arc<Reason>>) {
        self.flush();
        let backing_off = mem::take(&mut self.backing_off).into_values();
        let mut waiting: BTreeMap<u64, SealedBatch> = mem::take(&mut self.ready);
        waiting.extend(backing_off.filter_map(|sealed_batch| Some((sealed_batch.oldest()?.first, sealed_batch))));
        for sealed_batch in waiting.into_values() {
            self.give_up(sealed_batch, failure, reason);
        }
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Outage(_) | Event::Recovered(_) | Event::Stopped(_) => {}
            Event::Accepted(accepted) => self.statistics.accepted += accepted.tickets.end - accepted.tickets.start,
            Event::Undelivered(undelivered) => {
                *match undelivered.failure {
                    Failure::Rejected => &mut self.statistics.rejected,
                    Failure::Unknown => &mut self.statistics.unknown,
                    Failure::Expired => &mut self.statistics.expired,
                } += 1;
            }
        }
    }
}

/// The delimiter that packing adds to each event.
fn delimiter(policy: &Policy) -> &[u8] {
    policy.packing.as_ref().map_or(&[], |packing| &packing.delimiter)
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("delivery_stream_name", &self.open.batch.delivery_stream_name())
            .field("is_closed", &self.is_closed)
            .field("stopped", &self.stopped)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
