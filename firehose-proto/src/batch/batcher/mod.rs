//! [`Batcher`]: a producer without its I/O. It decides what is sent when, and what became of each record.
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
//! A record is encoded when it is pushed, into the body of the request that is going to carry it. What the service does
//! not take stays where it is while its accepted neighbours leave, and is sent again from the same bytes.
//!
//! * A failure of *records* (entries of an answer), or of a call, makes their batch wait, while others go on.
//! * Failures of *calls* in a row, with none that got through in between, say nothing about their records: all batches
//!   wait, and the next attempt tests the service.
//! * A request that is refused as too large goes again in halves, and later ones are made no larger than what passes.
//! * A refusal that is about every call (no such stream, no permission) stops the line: nothing waits in vain. If the
//!   policy has such refusals waited out, all batches wait before, and one call at a time tests the service.
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

/// Takes records and says what to send, when, and what became of each: exactly one outcome for each ticket.
///
/// * The application pushes ([`push`](Self::push), [`flush`](Self::flush), [`close`](Self::close),
///   [`abandon`](Self::abandon), [`resume`](Self::resume)).
/// * The driver sends what it is told to and reports back ([`handle_outcome`](Self::handle_outcome)).
/// * **After each of these, poll until [`Output::Wait`]**, and again at the time that it names.
///
/// Time comes from the caller with each of these and does not go back; the seed of its jitter comes once.
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
    /// Where pushed records go. With packing, events go through the pack first.
    open: Open,
    pack: Pack,
    /// Sealed, by first ticket: what waits for room in flight, and nothing else.
    ready: BTreeMap<u64, SealedBatch>,
    /// By the time at which they are ready again.
    resting: BTreeMap<(Tick, u64), SealedBatch>,
    /// By id.
    in_flight: BTreeMap<u64, SealedBatch>,
    events: Events,
    /// Everything whose outcome has not been handed out.
    buffered: Load,
    circuit: CircuitBreaker,
    rate_limit: RateLimit,
    size: RequestSize,
    /// For the jitter of waits.
    random: Random,
    /// Whether a record was not taken for want of room since the open batch began: then it waits for no others.
    is_full: bool,
    /// What was polled last, if it was to wait and nothing has happened since that could change it.
    wait: Option<Option<Tick>>,
    /// Emptied batches, to be filled again.
    spares: Vec<Open>,
    billing: Billing,
    statistics: Statistics,
}

/// A batch that takes records.
struct Open {
    batch: Batch,
    manifest: Manifest,
}

impl Batcher {
    /// A producer for one stream. The seed should differ between producers, lest their retries meet.
    ///
    /// # Errors
    ///
    /// [`Violation`] when the name breaks its rules, or no record could ever pass.
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
            resting: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            events: Events::default(),
            buffered: Load::default(),
            circuit: CircuitBreaker::default(),
            rate_limit: RateLimit::new(policy.quotas),
            size: RequestSize::default(),
            random: Random::new(seed),
            is_full: false,
            wait: None,
            spares: Vec::new(),
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

    /// Why nothing can be delivered, if so.
    #[must_use]
    pub const fn stopped(&self) -> Option<&Arc<Reason>> {
        self.stopped.as_ref()
    }

    /// Whether every record has had its outcome handed out.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.buffered.records == 0
    }

    /// Whether nothing has happened since it last said to wait that would make it say something else, time aside:
    /// then there is no need to poll it after a push.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.wait.is_some()
    }

    /// What has happened since the start.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            in_flight: self.in_flight.len(),
            buffered_records: self.buffered.records,
            buffered_bytes: self.buffered.bytes,
            ..self.statistics
        }
    }

    /// When the oldest record was pushed that has no outcome. Looks at each batch: not for the hot path.
    #[must_use]
    pub fn oldest(&self) -> Option<Tick> {
        let sealed = self.ready.values().chain(self.resting.values()).chain(self.in_flight.values());
        let sealed = sealed.filter_map(|sealed_batch| Some(sealed_batch.oldest()?.pushed));
        sealed.chain(self.open_since()).min()
    }

    /// What the records cost that were pushed.
    #[must_use]
    pub const fn billing(&self) -> Billing {
        let mut billing = self.billing;
        if !self.pack.is_empty() {
            billing.bytes += pack::billed_bytes(self.pack.data.len()) as u64;
        }
        billing
    }

    /// Bytes of memory held for records, used or spare. The sum over all batches: not for the hot path.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let open = self.spares.iter().chain([&self.open]).map(|open| (&open.batch, &open.manifest));
        let sealed = self.ready.values().chain(self.resting.values()).chain(self.in_flight.values());
        let sealed = sealed.map(|sealed_batch| (&*sealed_batch.batch, &sealed_batch.manifest));
        let batches: usize =
            open.chain(sealed).map(|(batch, books)| batch.body.memory_bytes() + books.memory_bytes()).sum();
        batches + self.pack.data.capacity() + self.pack.lens.capacity() * size_of::<u32>()
    }

    /// Lets nothing linger that has been pushed so far.
    pub fn flush(&mut self) {
        self.close_pack();
        self.seal();
    }

    /// Takes no more records. Those that were taken are delivered as before, without lingering.
    ///
    /// When [`is_idle`](Self::is_idle), it is over.
    pub fn close(&mut self) {
        self.flush();
        self.is_closed = true;
    }

    /// Goes on after a stop, when its cause is mended; of no effect otherwise.
    ///
    /// What came back because of the stop stays back: whoever wants it delivered pushes it again. What was in flight then is
    /// treated as ever, but refusals of calls from before the stop no longer count.
    pub fn resume(&mut self) {
        if self.stopped.take().is_some() {
            self.first_id = self.next_id;
            self.circuit.reset();
            self.wait = None;
        }
    }

    /// Takes no more records and gives up those that were taken: each of them comes back with its outcome.
    ///
    /// What is in flight may be stored, and ends as unknown; its answer is not waited for, nor heeded when it comes.
    pub fn abandon(&mut self) {
        self.close();
        for (_, mut sealed_batch) in mem::take(&mut self.in_flight) {
            sealed_batch.may_be_stored = true;
            self.give_up(sealed_batch, Failure::Unknown, None);
        }
        self.give_up_waiting(Failure::Expired, None);
        self.wait = None;
    }

    /// The one outlet. Poll it until it says to wait.
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

    /// Does what the time alone brings about.
    fn advance(&mut self, now: Tick) {
        if self.open_since().is_some_and(|since| self.expires_at(since) <= now) {
            self.flush();
        }
        while let Some(entry) = self.resting.first_entry().filter(|entry| entry.key().0 <= now) {
            let mut sealed_batch = entry.remove();
            self.expire(now, &mut sealed_batch);
            if sealed_batch.rests_until > now { self.rest(sealed_batch) } else { self.make_ready(sealed_batch) }
        }
        // Tickets are given in the order of time: whoever has the first is the oldest.
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

    /// Ends the records of a parcel that are too old.
    fn expire(&mut self, now: Tick, sealed_batch: &mut SealedBatch) {
        let (circuit, max_age) = (&self.circuit, self.policy.max_age);
        sealed_batch.undeliver(Failure::Expired, delimiter(&self.policy), &mut self.events, |_, item| {
            (circuit.ages_from(item.pushed) + max_age <= now).then_some(None)
        });
    }

    /// When a record is too old that was pushed at this time.
    fn expires_at(&self, pushed: Tick) -> Tick {
        self.circuit.ages_from(pushed) + self.policy.max_age
    }

    /// When the first record was pushed that is not sealed.
    fn open_since(&self) -> Option<Tick> {
        let first = self.open.manifest.items().first().map(|item| item.pushed);
        first.or_else(|| (!self.pack.is_empty()).then_some(self.pack.pushed))
    }

    /// Whether the order and the number of calls under way allow another one.
    fn may_send(&self) -> bool {
        match self.policy.order {
            Order::Relaxed if self.circuit.is_refused() => self.in_flight.is_empty(),
            Order::Relaxed => self.in_flight.len() < self.policy.max_in_flight.get(),
            Order::Strict => self.in_flight.is_empty() && self.resting.is_empty(),
        }
    }

    /// When the next batch may leave, if there is room for one in flight. The open batch only does when no other is
    /// left: as long as it would have to wait anyway, it goes on filling.
    fn sends_at(&self) -> Option<Tick> {
        if !self.may_send() {
            return None;
        }
        let ready = (!self.ready.is_empty()).then(Tick::default);
        let linger = if self.is_full { Duration::ZERO } else { self.policy.linger };
        let time = ready.or_else(|| Some(self.open_since()? + linger))?;
        Some(time.max(self.circuit.opens_at).max(self.rate_limit.opens_at()))
    }

    /// When time alone changes something. Only asked when nothing is to be done before.
    fn next_time(&self) -> Option<Tick> {
        let resting = self.resting.first_key_value().map(|((time, _), _)| *time);
        let oldest = self.ready.first_key_value().and_then(|(_, sealed_batch)| sealed_batch.oldest());
        let oldest = [self.open_since(), oldest.map(|item| item.pushed)].into_iter().flatten().min();
        let expiry = oldest.map(|pushed| self.expires_at(pushed));
        let never = Tick::from_duration(Duration::MAX);
        [resting, expiry, self.sends_at()].into_iter().flatten().min().filter(|time| *time < never)
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

    /// Puts a parcel where it can be sent from, or its memory where it can be used again.
    fn make_ready(&mut self, sealed_batch: SealedBatch) {
        if let Some(item) = sealed_batch.oldest() {
            self.ready.insert(item.first, sealed_batch);
        } else {
            self.recycle(sealed_batch);
        }
    }

    /// Sets a parcel aside until it may be sent again, or a record of it is too old for that.
    fn rest(&mut self, sealed_batch: SealedBatch) {
        if let Some(item) = sealed_batch.oldest() {
            let time = sealed_batch.rests_until.min(self.expires_at(item.pushed));
            self.resting.insert((time, item.first), sealed_batch);
        } else {
            self.recycle(sealed_batch);
        }
    }

    fn recycle(&mut self, sealed_batch: SealedBatch) {
        let SealedBatch { batch, mut manifest, .. } = sealed_batch;
        if self.spares.len() > self.policy.max_in_flight.get() {
            return;
        }
        if let Some(mut batch) = Arc::into_inner(batch) {
            batch.clear();
            manifest.clear();
            self.spares.push(Open { batch, manifest });
        }
    }

    /// Ends all records of a parcel.
    fn give_up(&mut self, mut sealed_batch: SealedBatch, failure: Failure, reason: Option<&Arc<Reason>>) {
        sealed_batch.undeliver(failure, delimiter(&self.policy), &mut self.events, |_, _| Some(reason.cloned()));
        self.recycle(sealed_batch);
    }

    /// Ends all records that are not in flight.
    fn give_up_waiting(&mut self, failure: Failure, reason: Option<&Arc<Reason>>) {
        self.flush();
        let resting = mem::take(&mut self.resting).into_values();
        let mut waiting: BTreeMap<u64, SealedBatch> = mem::take(&mut self.ready);
        waiting.extend(resting.filter_map(|sealed_batch| Some((sealed_batch.oldest()?.first, sealed_batch))));
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

/// What packing adds to each event.
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
