//! [`Producer`]: takes records from any thread and delivers them in the background, each with exactly one outcome.
//!
//! ```text
//! send ─▶ Batcher (the core decides) ─▶ workers: sign, send, read the answer ─▶ outcomes: callbacks, receipts, the rest
//!   └──── waits while the buffer is full ◀── room ────────────────────────────────┘
//! ```
//!
//! All decisions are the [`Batcher`]'s, behind one lock; requests are made outside it, by one thread for each that may
//! be in flight. A worker that finds nothing to do sleeps until the time that the batcher named, or until a record
//! changes that.

mod builder;
mod health;
mod outcome;
mod positions;
mod receipts;
mod send;
#[cfg(feature = "spool")]
mod spool;
mod statistics;
mod worker;
mod write;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use firehose_proto::batch::{Batcher, Event, Output, Reason, Undelivered};
use firehose_proto::time::Tick;

use self::positions::Positions;
use self::receipts::Receipts;
use self::statistics::Latencies;
use crate::client::Client;
use crate::spool::{Spool, SpoolError};

pub use self::builder::{ProducerBuilder, ProducerError};
pub use self::outcome::{Outcome, Receipt};
pub use self::send::{SendError, SendManyError, TrySendError};
pub use self::statistics::ProducerStatistics;
pub use self::write::RecordWriter;

/// Takes records from any thread, batches them, keeps within limits, and sends again what failed.
///
/// Every record ends in one [`Outcome`]. Those that are not delivered come back, to the handler that was set
/// ([`on_undelivered`](ProducerBuilder::on_undelivered)) or else to [`take_undelivered`](Self::take_undelivered) and
/// [`close`](Self::close). Memory is bounded by the policy: a full buffer makes [`send`](Self::send) wait.
///
/// Its clones are handles of the same producer, cheap to make and to hand to threads. [`close`](Self::close) through any of
/// them closes it for all, and tells what was not delivered. The drop of the last one closes it as well, and waits for a few
/// seconds at most.
///
/// Refusals of every record, such as for want of the stream or of the permission, [stop](Self::stopped) it, at once or after
/// the [policy](firehose_proto::batch::Policy::refusal_timeout)'s time; [`resume`](Self::resume) lets it go on. An outage is
/// waited out. Either is logged: as a warning when calls begin to fail, as information when they get through again, as an
/// error when it stops.
///
/// ```
/// use std::time::Duration;
///
/// use firehose_blocking::{Client, Credentials, LocalEndpoint, Producer};
///
/// # let dir = std::env::temp_dir().join("firehose-producer-example");
/// let endpoint = LocalEndpoint::builder(&dir).start()?;
/// let client = Client::builder()
///     .region("us-east-1")
///     .endpoint_url(endpoint.url())
///     .credentials(Credentials::new("test", "test"))
///     .build()?;
///
/// let producer = Producer::builder(client, "demo").start()?;
/// for line in ["one\n", "two\n", "three\n"] {
///     producer.send(line.as_bytes())?;
/// }
/// let closed = producer.close(Duration::from_secs(10));
/// assert_eq!(closed.statistics.records.accepted, 3);
/// assert!(closed.undelivered.is_empty());
/// # drop(endpoint);
/// # std::fs::remove_dir_all(dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Producer(Arc<Handle>);

/// What the handles of a producer have in common, and its workers have not: its drop ends them.
struct Handle {
    shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    drop_timeout: Duration,
    /// What it had done when it was closed. Locked as long as that takes.
    closed: Mutex<Option<ProducerStatistics>>,
}

/// What a producer was when it was closed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Closed {
    /// What it had done.
    pub statistics: ProducerStatistics,
    /// The records that were not delivered and had not been taken, in no particular order.
    pub undelivered: Vec<Undelivered>,
}

/// There was no time left for some records to have their outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushTimeout {
    /// How many records.
    pub records: u64,
}

impl Producer {
    /// Begins a producer for a stream, with the settings of a client.
    ///
    /// Of the client's retries only the correction of a wrong clock remains: it is the producer's policy that decides
    /// what is sent again.
    pub fn builder(client: Client, delivery_stream_name: impl Into<String>) -> ProducerBuilder {
        ProducerBuilder::new(client, delivery_stream_name.into())
    }

    /// Takes a record, and waits while the buffer is full.
    ///
    /// # Errors
    ///
    /// [`SendError`], for a full buffer only when what fills it came back undelivered and was not taken.
    pub fn send(&self, data: &[u8]) -> Result<(), SendError> {
        self.0.shared.send(data, None, None)
    }

    /// Takes a record as [`send`](Self::send) does, but waits for room no longer than this.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`EnqueueError::Full`](firehose_proto::batch::EnqueueError::Full) when time is up.
    pub fn send_timeout(&self, data: &[u8], timeout: Duration) -> Result<(), SendError> {
        self.0.shared.send(data, None, Some(timeout))
    }

    /// Takes records one after the other, as [`send_timeout`](Self::send_timeout) would: for many small ones this takes less
    /// of the processor.
    ///
    /// # Errors
    ///
    /// [`SendManyError`]: how many were taken, and why the next one was not.
    pub fn send_many<D: AsRef<[u8]>>(&self, records: &[D], timeout: Duration) -> Result<(), SendManyError> {
        self.0.shared.send_all(records, None, Some(timeout))
    }

    /// Takes a record if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the record, and why it was not taken.
    pub fn try_send<D: AsRef<[u8]>>(&self, data: D) -> Result<(), TrySendError<D>> {
        self.0.shared.try_send(data.as_ref()).map_err(|reason| TrySendError { data, reason })
    }

    /// Takes a record as [`send`](Self::send) does, and tells its outcome.
    ///
    /// The callback runs on a thread of the producer, which does nothing else in the meantime: keep it short, and do not
    /// [`send`](Self::send) from it, which may wait for that very thread. One that panics harms no other record. When an oversize record was split, the callback is told of the part that fared
    /// worst.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); the callback is not called then.
    pub fn send_with_callback(
        &self,
        data: &[u8],
        callback: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<(), SendError> {
        self.0.shared.send(data, Some(Box::new(callback)), None)
    }

    /// Takes a record as [`send`](Self::send) does, and returns what its outcome can be waited for with.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with_receipt(&self, data: &[u8]) -> Result<Receipt, SendError> {
        let (callback, receipt) = Receipt::new();
        self.0.shared.send(data, Some(callback), None).map(|()| receipt)
    }

    /// Sends at once what has been taken so far, and waits until all of it has its outcome, what an earlier process left
    /// in the spool included.
    ///
    /// # Errors
    ///
    /// [`FlushTimeout`] when time is up; they are delivered all the same.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushTimeout> {
        let start = self.0.shared.now();
        let state = self.0.shared.lock();
        let mut state = self.0.shared.wait_until(state, timeout, |state| !state.is_replaying);
        let timeout = timeout.saturating_sub(self.0.shared.now().since(start));
        state.batcher.flush();
        self.0.shared.wake_worker(&state);
        let end = state.receipts.end();
        let state = self.0.shared.wait_until(state, timeout, |state| state.receipts.is_settled_below(end));
        // What has not been read back yet is not in the ledger.
        let replaying = state.spool.as_ref().filter(|_| state.is_replaying).map_or(0, |spool| spool.pending());
        match state.receipts.pending_below(end).max(replaying) {
            0 => Ok(()),
            records => Err(FlushTimeout { records }),
        }
    }

    /// The records that were not delivered and have not been taken yet, unless a handler was set for them. Makes room.
    #[must_use]
    pub fn take_undelivered(&self) -> Vec<Undelivered> {
        let undelivered = self.0.shared.lock().undelivered.take();
        self.0.shared.changed.notify_all();
        undelivered
    }

    /// Why nothing can be delivered any more, if so. From then on [`send`](Self::send) fails, for the same reason, until
    /// somebody [resumes](Self::resume) it.
    #[must_use]
    pub fn stopped(&self) -> Option<Arc<Reason>> {
        self.0.shared.lock().batcher.stopped().cloned()
    }

    /// Goes on after a stop, once its cause is mended; of no effect otherwise.
    ///
    /// Records that came back because of the stop have had their outcome: whoever wants them delivered sends them again. With
    /// a spool, they are still in it and are sent from there, before anything else: do not send those again. Of them,
    /// [`take_undelivered`](Self::take_undelivered) then has none any more.
    pub fn resume(&self) {
        let shared = &self.0.shared;
        let mut state = shared.lock();
        // What comes back because of the stop does so before it is over.
        while state.batcher.stopped().is_some() && !state.is_closing {
            let now = state.time(shared.now());
            if let Output::Event(event) = state.batcher.poll_output(now) {
                state = shared.dispatch(state, event);
                continue;
            }
            state.batcher.resume();
            if state.spool.is_some() {
                state.undelivered.forget_left();
                (state.is_replaying, state.is_resumed) = (true, true);
            }
            shared.changed.notify_all();
        }
    }

    /// Keeps a few bytes in the spool for a source of records, in place of those before, whole or not at all: how far it has
    /// been read, for the next process to go on from there. Each stream at each endpoint has its own notes, one for each
    /// source, whose name is any text. A note is never ahead of the records that were sent before it. Without a spool nothing is kept.
    ///
    /// # Errors
    ///
    /// When the file system says no. The note before is there still.
    pub fn save_checkpoint(&self, source: &str, note: &[u8]) -> Result<(), SpoolError> {
        let shared = &self.0.shared;
        shared.spool().map_or(Ok(()), |spool| spool.save_checkpoint(shared.now(), source, note))
    }

    /// The bytes that were kept last for a source, by this process or an earlier one. Those that are not what was written
    /// are set aside in the spool's directory, which is logged as an error, and count as none.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn load_checkpoint(&self, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        self.0.shared.spool().map_or(Ok(None), |spool| spool.load_checkpoint(source))
    }

    /// Records in the spool that have no outcome, those of an earlier process included; none without a spool.
    #[must_use]
    pub fn spooled_records(&self) -> u64 {
        self.0.shared.spool().map_or(0, |spool| spool.pending())
    }

    /// What it has done so far.
    #[must_use]
    pub fn statistics(&self) -> ProducerStatistics {
        let shared = &self.0.shared;
        shared.statistics(&mut shared.lock())
    }

    /// Takes no more records, through whichever handle, waits until those that were taken have their outcomes, and gives up
    /// the rest. A second close waits until the first is over, and returns the same statistics and no records.
    ///
    /// Not to be called from a callback, whose own record would be waited for until time is up.
    ///
    /// What an earlier process left in the spool is sent first; where too much of it comes back, the rest stays there.
    /// What is in flight when time is up may be stored, and ends as [`Failure::Unknown`](firehose_proto::batch::Failure).
    #[must_use]
    pub fn close(&self, timeout: Duration) -> Closed {
        self.0.close(timeout, false)
    }
}

impl Handle {
    /// Ends the workers, and returns what has not been delivered. The second time there is nothing left to do.
    fn close(&self, timeout: Duration, leaves_to_spool: bool) -> Closed {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statistics) = *closed {
            return Closed { statistics, undelivered: Vec::new() };
        }
        let start = self.shared.now();
        let state = self.shared.lock();
        // What an earlier process took comes first, as far as there is room for what comes back: nobody makes more.
        let is_read = |state: &State| !state.is_replaying || state.is_full_of_undelivered();
        let mut state = self.shared.wait_until(state, timeout, is_read);
        let timeout = timeout.saturating_sub(self.shared.now().since(start));
        state.batcher.close();
        state.is_closing = true;
        self.shared.work.notify_all();
        self.shared.changed.notify_all();
        let is_over = |state: &State| state.receipts.is_settled();
        let mut state = self.shared.wait_until(state, timeout, is_over);
        let is_in_time = is_over(&state);
        if !is_in_time {
            state.is_left_to_spool = leaves_to_spool && state.spool.is_some();
            state.batcher.abandon();
            // Workers may be stuck in a request: what is left is handed out from here.
            state = self.shared.drain_events(state);
            // A worker may be reporting an outcome already.
            state = self.shared.wait_until(state, REPORT_TIMEOUT, is_over);
        }
        let statistics = self.shared.statistics(&mut state);
        state.spool = None;
        let undelivered = state.undelivered.take();
        drop(state);
        *closed = Some(statistics);
        drop(closed);
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        // A callback that has the last handle drops it on a worker.
        let own = thread::current().id();
        for worker in workers.into_iter().filter(|worker| is_in_time && worker.thread().id() != own) {
            // It has nothing left to do but to see that.
            let ended = worker.join();
            debug_assert!(ended.is_ok(), "a worker does not panic");
        }
        Closed { statistics, undelivered }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.workers.get_mut().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        let lost = self.close(self.drop_timeout, true).undelivered.len();
        let is_left_to_spool = self.shared.lock().is_left_to_spool;
        if is_left_to_spool {
            log::warn!("{lost} records were not delivered when their producer was dropped; they are in its spool");
        } else if lost > 0 {
            log::error!("{lost} records were not delivered when their producer was dropped");
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("batcher", &self.0.shared.lock().batcher).finish_non_exhaustive()
    }
}

impl fmt::Display for FlushTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records have no outcome yet", self.records)
    }
}

impl std::error::Error for FlushTimeout {}

/// The share of the buffer, one in so many, that is free before those are woken that wait for room.
const ROOM_SHARE: usize = 8;

/// How long a close waits for workers that are reporting outcomes, which takes as long as the application's handlers do.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a thread that wants to send lets others run while one of them has the lock.
const YIELDS: u32 = 16;

/// What the threads of the application and the workers share.
struct Shared {
    client: Client,
    state: Mutex<State>,
    /// Wakes workers: there may be something to poll.
    work: Condvar,
    /// Wakes the application: there may be room, or records may have had their outcomes.
    changed: Condvar,
    handlers: Handlers,
}

/// What the application wants to be told, on whichever worker's thread.
#[derive(Default)]
struct Handlers {
    on_undelivered: Option<Box<dyn Fn(Undelivered) + Send + Sync>>,
    on_outcome: Option<OnOutcome>,
}

type OnOutcome = Box<dyn Fn(&Event) + Send + Sync>;

struct State {
    batcher: Batcher,
    receipts: Receipts,
    latencies: Latencies,
    undelivered: Held,
    /// Where records are until their outcome is known, if they are to survive the process. Given up with the producer,
    /// so that the next one can have it although a worker is still waiting for an answer.
    spool: Option<Arc<Spool>>,
    positions: Positions,
    /// Whether records that are in the spool, of an earlier process or from before a stop, come first.
    is_replaying: bool,
    /// Whether they are to be looked for there, because it goes on after a stop.
    is_resumed: bool,
    is_closing: bool,
    /// Whether a worker has been woken because of records and none has polled since: then it need not be done again for
    /// each of them, which is a call of the system.
    is_woken: bool,
    /// Workers that sleep, and threads that wait for outcomes: where there is none, nobody has to be woken, which is a call
    /// of the system.
    idle_workers: usize,
    watchers: usize,
    /// The latest time that the batcher knows.
    latest: Tick,
    /// Whether records stay in the spool though they are given up here.
    is_left_to_spool: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks to take a record. While another thread is at it, this one lets others run before it goes to sleep, as to wake
    /// it would cost that other one more than the record does.
    fn lock_to_send(&self) -> MutexGuard<'_, State> {
        for _ in 0..YIELDS {
            match self.state.try_lock() {
                Ok(state) => return state,
                Err(TryLockError::Poisoned(error)) => return error.into_inner(),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
        self.lock()
    }

    fn now(&self) -> Tick {
        self.client.clock().tick()
    }

    fn statistics(&self, state: &mut State) -> ProducerStatistics {
        let now = state.time(self.now());
        ProducerStatistics::new(now, &state.batcher, state.spool.as_deref(), &state.latencies)
    }

    /// The spool, not under the lock: it has its own.
    fn spool(&self) -> Option<Arc<Spool>> {
        self.lock().spool.clone()
    }

    /// Waits until something holds, or it is too late.
    fn wait_until<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        timeout: Duration,
        holds: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        state.watchers += 1;
        let waited = self.changed.wait_timeout_while(state, timeout, |state| !holds(state));
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.watchers -= 1;
        state
    }

    /// Wakes a worker if one sleeps.
    fn wake_worker(&self, state: &State) {
        if state.idle_workers > 0 {
            self.work.notify_one();
        }
    }

    /// Wakes whoever waits for outcomes, or for room if there is enough to be worth it.
    fn wake_application(&self, state: &State) {
        if state.watchers > 0 || state.is_over() || state.has_room() {
            self.changed.notify_all();
        }
    }
}

impl State {
    /// A time that was read before the lock was had, or else the batcher's, for which time does not go back.
    fn time(&mut self, read: Tick) -> Tick {
        self.latest = self.latest.max(read);
        self.latest
    }

    /// Whether it takes no record any more.
    fn is_over(&self) -> bool {
        self.is_closing || self.batcher.stopped().is_some()
    }

    /// Whether there is room for more than a few records. A sender that was woken for each batch would cost more than its
    /// records do.
    fn has_room(&self) -> bool {
        let (policy, now) = (self.batcher.policy(), self.batcher.statistics());
        let is_above = |used: usize, max: usize| used > max - max / ROOM_SHARE;
        !is_above(now.buffered_records, policy.max_buffered_records)
            && !is_above(now.buffered_bytes, policy.max_buffered_bytes)
    }

    fn is_full_of_undelivered(&self) -> bool {
        let policy = self.batcher.policy();
        self.undelivered.bytes >= policy.max_buffered_bytes || self.undelivered.len() >= policy.max_buffered_records
    }
}

/// Records that have come back and that nobody has taken yet.
#[derive(Default)]
struct Held {
    records: Vec<Undelivered>,
    /// Those that are in the spool all the same, because of a stop.
    left: Vec<Undelivered>,
    /// Bytes in both, which count against the buffer.
    bytes: usize,
}

impl Held {
    fn push(&mut self, record: Undelivered, is_left_to_spool: bool) {
        self.bytes += record.data.len();
        let held = if is_left_to_spool { &mut self.left } else { &mut self.records };
        held.push(record);
    }

    const fn len(&self) -> usize {
        self.records.len() + self.left.len()
    }

    fn take(&mut self) -> Vec<Undelivered> {
        let Self { mut records, left, .. } = std::mem::take(self);
        records.extend(left);
        records
    }

    /// Leaves those that are in the spool to it.
    fn forget_left(&mut self) {
        self.bytes -= self.left.drain(..).map(|record| record.data.len()).sum::<usize>();
    }
}
