//! [`Producer`]: takes records from any thread and delivers them in the background, each with exactly one outcome.
//!
//! ```text
//! send ─▶ Batcher (the core decides) ─▶ workers: sign, send, read the answer ─▶ outcomes: callbacks, receipts, the rest
//!   └──── waits while the buffer is full ◀── room ────────────────────────────────┘
//! ```
//!
//! The [`Batcher`] makes all decisions, behind one lock. Workers send requests outside the lock, one thread for each
//! request in flight. A worker with nothing to do sleeps until the time that the batcher named, or until a new record
//! wakes it.

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

use std::cell::Cell;
use std::fmt;
use std::ptr;
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

/// Takes records from any thread, batches them within limits, and retries those that failed.
///
/// Every record ends in one [`Outcome`]. An undelivered record goes to the handler
/// ([`on_undelivered`](ProducerBuilder::on_undelivered)) if one is set, else to
/// [`take_undelivered`](Self::take_undelivered) and [`close`](Self::close). The policy limits memory: while the buffer
/// is full, [`send`](Self::send) waits.
///
/// Clones are cheap handles of the same producer. [`close`](Self::close) through any handle closes the producer for all
/// and returns the undelivered records. The drop of the last handle closes it too, and waits a few seconds at most.
///
/// If the service refuses every record, for example because the stream or a permission is missing, the producer
/// [stops](Self::stopped): at once, or after the [policy](firehose_proto::batch::Policy::refusal_timeout)'s time.
/// [`resume`](Self::resume) starts it again. During an outage it waits and retries. It logs a warning when calls begin
/// to fail, information when they succeed again, and an error when it stops.
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

/// What the handles share and the workers do not: its drop ends the workers.
struct Handle {
    shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    drop_timeout: Duration,
    /// The final statistics, once closed. Locked while the producer closes.
    closed: Mutex<Option<ProducerStatistics>>,
}

/// The result of closing a producer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Closed {
    /// What the producer has done.
    pub statistics: ProducerStatistics,
    /// The undelivered records that nobody has taken, in no particular order.
    pub undelivered: Vec<Undelivered>,
}

/// The time ran out before all records had their outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushTimeout {
    /// How many records have no outcome.
    pub records: u64,
}

impl Producer {
    /// Begins a producer for a stream, with the settings of a client.
    ///
    /// Of the client's retries only the correction of a wrong clock remains: the producer's policy decides what is
    /// retried.
    pub fn builder(client: Client, delivery_stream_name: impl Into<String>) -> ProducerBuilder {
        ProducerBuilder::new(client, delivery_stream_name.into())
    }

    /// Takes a record; waits while the buffer is full.
    ///
    /// # Errors
    ///
    /// [`SendError`]. A full buffer is an error only if undelivered records fill it and nobody takes them.
    pub fn send(&self, data: &[u8]) -> Result<(), SendError> {
        self.0.shared.send(data, None, None)
    }

    /// Takes a record like [`send`](Self::send), but waits at most this long for room.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`EnqueueError::Full`](firehose_proto::batch::EnqueueError::Full) after the
    /// timeout.
    pub fn send_timeout(&self, data: &[u8], timeout: Duration) -> Result<(), SendError> {
        self.0.shared.send(data, None, Some(timeout))
    }

    /// Takes records one after the other, like [`send_timeout`](Self::send_timeout). For many small records this costs
    /// less CPU time.
    ///
    /// # Errors
    ///
    /// [`SendManyError`]: how many records were taken, and why the next one was not.
    pub fn send_many<D: AsRef<[u8]>>(&self, records: &[D], timeout: Duration) -> Result<(), SendManyError> {
        self.0.shared.send_all(records, None, Some(timeout))
    }

    /// Takes a record if there is room now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`]: the record, and why it was not taken.
    pub fn try_send<D: AsRef<[u8]>>(&self, data: D) -> Result<(), TrySendError<D>> {
        self.0.shared.try_send(data.as_ref()).map_err(|reason| TrySendError { data, reason })
    }

    /// Takes a record like [`send`](Self::send), and calls back with its outcome.
    ///
    /// The callback runs on a thread of the producer and blocks it: keep it short. A [`send`](Self::send) from it does not
    /// wait for room, because only this thread may make some: it fails as full. A callback that panics harms no other record. If an oversize record
    /// was split, the callback gets the worst outcome of its parts.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); the callback is then not called.
    pub fn send_with_callback(
        &self,
        data: &[u8],
        callback: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<(), SendError> {
        self.0.shared.send(data, Some(Box::new(callback)), None)
    }

    /// Takes a record like [`send`](Self::send), and returns a receipt to wait for its outcome.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with_receipt(&self, data: &[u8]) -> Result<Receipt, SendError> {
        let (callback, receipt) = Receipt::new();
        self.0.shared.send(data, Some(callback), None).map(|()| receipt)
    }

    /// Sends all taken records at once and waits until each has its outcome, including records that an earlier process
    /// left in the spool.
    ///
    /// # Errors
    ///
    /// [`FlushTimeout`] when the time is up. The records are still delivered.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushTimeout> {
        let start = self.0.shared.now();
        let state = self.0.shared.lock();
        let mut state = self.0.shared.wait_until(state, timeout, |state| !state.is_replaying);
        let timeout = timeout.saturating_sub(self.0.shared.now().since(start));
        state.batcher.flush();
        self.0.shared.wake_worker(&state);
        let end = state.receipts.end();
        let state = self.0.shared.wait_until(state, timeout, |state| state.receipts.is_settled_below(end));
        // Records not yet read back from the spool have no receipts.
        let replaying = state.spool.as_ref().filter(|_| state.is_replaying).map_or(0, |spool| spool.pending());
        match state.receipts.pending_below(end).max(replaying) {
            0 => Ok(()),
            records => Err(FlushTimeout { records }),
        }
    }

    /// Takes the undelivered records that nobody has taken yet, which makes room. Empty if a handler is set for them.
    #[must_use]
    pub fn take_undelivered(&self) -> Vec<Undelivered> {
        let undelivered = self.0.shared.lock().undelivered.take();
        self.0.shared.changed.notify_all();
        undelivered
    }

    /// Why nothing can be delivered any more, if the producer has stopped. [`send`](Self::send) then fails with the
    /// same reason until somebody [resumes](Self::resume) the producer.
    #[must_use]
    pub fn stopped(&self) -> Option<Arc<Reason>> {
        self.0.shared.lock().batcher.stopped().cloned()
    }

    /// Continues after a stop, once its cause is fixed. Does nothing otherwise.
    ///
    /// Records that the stop returned have had their outcome: to deliver them, send them again. With a spool, do not send
    /// them again: they are still in it and the producer sends them first. [`take_undelivered`](Self::take_undelivered)
    /// then no longer returns them.
    pub fn resume(&self) {
        let shared = &self.0.shared;
        let mut state = shared.lock();
        // The records that the stop returns come back before it is over.
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

    /// Saves a checkpoint for a source of records: a few bytes that say how far the source has been read, for the next
    /// process to continue from. It replaces the previous checkpoint atomically, and is never ahead of the records sent
    /// before it. Each stream at each endpoint has its own checkpoints, one for each source; a source's name is any
    /// text. Without a spool, and after [`close`](Self::close), nothing is saved.
    ///
    /// # Errors
    ///
    /// If the file system fails. The previous checkpoint is kept.
    pub fn save_checkpoint(&self, source: &str, checkpoint: &[u8]) -> Result<(), SpoolError> {
        let shared = &self.0.shared;
        shared.spool().map_or(Ok(()), |spool| spool.save_checkpoint(shared.now(), source, checkpoint))
    }

    /// Loads the last checkpoint of a source, saved by this process or an earlier one. A damaged checkpoint is set
    /// aside in the spool's directory, logged as an error, and treated as missing.
    ///
    /// # Errors
    ///
    /// If the checkpoint cannot be read.
    pub fn load_checkpoint(&self, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        self.0.shared.spool().map_or(Ok(None), |spool| spool.load_checkpoint(source))
    }

    /// How many records in the spool have no outcome, including those of an earlier process. 0 without a spool.
    #[must_use]
    pub fn spooled_records(&self) -> u64 {
        self.0.shared.spool().map_or(0, |spool| spool.pending())
    }

    /// What the producer has done so far.
    #[must_use]
    pub fn statistics(&self) -> ProducerStatistics {
        let shared = &self.0.shared;
        shared.statistics(&mut shared.lock())
    }

    /// Stops taking records, from any handle; waits until all taken records have their outcomes, and gives up the rest
    /// when the time is up. A second close waits for the first, and returns the same statistics and no records.
    ///
    /// Do not call this from a callback: it would wait for that callback's own record until the time is up.
    ///
    /// Records that an earlier process left in the spool are sent first. If too many of them come back, the rest stays
    /// in the spool. A request in flight when the time is up may be stored; its records end as
    /// [`Failure::Unknown`](firehose_proto::batch::Failure).
    #[must_use]
    pub fn close(&self, timeout: Duration) -> Closed {
        self.0.close(timeout, false)
    }
}

impl Handle {
    /// Ends the workers and returns the undelivered records. A second call does nothing.
    fn close(&self, timeout: Duration, leaves_to_spool: bool) -> Closed {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statistics) = *closed {
            return Closed { statistics, undelivered: Vec::new() };
        }
        let start = self.shared.now();
        let state = self.shared.lock();
        // Records of an earlier process go first, as long as there is room for those that come back: nobody else makes
        // room.
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
            // Workers may be stuck in a request, so this thread handles the remaining events.
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
        // A callback that owns the last handle drops it on a worker.
        let own = thread::current().id();
        for worker in workers.into_iter().filter(|worker| is_in_time && worker.thread().id() != own) {
            // That worker ends by itself once it sees that the producer is closed.
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

/// Waiting senders are woken once this fraction of the buffer (1 in n) is free.
const ROOM_SHARE: usize = 8;

/// How long a close waits for workers that report outcomes; the application's handlers may take any time.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

thread_local! {
    /// The address of the producer whose thread this is, or zero.
    static OWNER: Cell<usize> = const { Cell::new(0) };
}

/// How often a sender yields to other threads while one of them holds the lock.
const YIELDS: u32 = 16;

/// What the application's threads and the workers share.
struct Shared {
    client: Client,
    state: Mutex<State>,
    /// Wakes workers: there may be something to poll.
    work: Condvar,
    /// Wakes the application: there may be room, or new outcomes.
    changed: Condvar,
    handlers: Handlers,
}

/// The application's handlers; any worker's thread may call them.
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
    /// The spool, if records are to survive the process. Released with the producer, so that the next one can open it
    /// while a worker still waits for an answer.
    spool: Option<Arc<Spool>>,
    positions: Positions,
    /// Whether records in the spool, from an earlier process or before a stop, go first.
    is_replaying: bool,
    /// Whether to look for such records there, because the producer was resumed.
    is_resumed: bool,
    is_closing: bool,
    /// Whether a worker has been woken for records and none has polled since. Saves a system call for each further
    /// record.
    is_woken: bool,
    /// Workers that sleep, and threads that wait for outcomes. With none there is nobody to wake, which saves a system
    /// call.
    idle_workers: usize,
    watchers: usize,
    /// The latest time given to the batcher.
    latest: Tick,
    /// Whether records given up here stay in the spool.
    is_left_to_spool: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks to take a record. While another thread holds the lock, yields before it sleeps: to wake this thread would
    /// cost the other one more than the record does.
    ///
    /// A thread of the producer's own gets none if the lock is taken, because it may have taken it itself.
    fn lock_to_send(&self) -> Option<MutexGuard<'_, State>> {
        for _ in 0..YIELDS {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
        (!self.is_own_thread()).then(|| self.lock())
    }

    /// Marks the current thread as one of the producer's own.
    fn own_thread(&self) {
        OWNER.set(ptr::from_ref(self).addr());
    }

    /// Whether the current thread is one of the producer's own: what it waits for, nobody else may do.
    fn is_own_thread(&self) -> bool {
        OWNER.get() == ptr::from_ref(self).addr()
    }

    fn now(&self) -> Tick {
        self.client.clock().tick()
    }

    fn statistics(&self, state: &mut State) -> ProducerStatistics {
        let now = state.time(self.now());
        ProducerStatistics::new(now, &state.batcher, state.spool.as_deref(), &state.latencies)
    }

    /// The spool has its own lock.
    fn spool(&self) -> Option<Arc<Spool>> {
        self.lock().spool.clone()
    }

    /// Waits until a condition holds or the deadline passes.
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

    /// Wakes a worker, if one sleeps.
    fn wake_worker(&self, state: &State) {
        if state.idle_workers > 0 {
            self.work.notify_one();
        }
    }

    /// Wakes threads that wait for outcomes; and those that wait for room, if there is enough of it.
    fn wake_application(&self, state: &State) {
        if state.watchers > 0 || state.is_over() || state.has_room() {
            self.changed.notify_all();
        }
    }
}

impl State {
    /// Corrects a time read before locking: the batcher's time never goes back.
    fn time(&mut self, read: Tick) -> Tick {
        self.latest = self.latest.max(read);
        self.latest
    }

    /// Whether the producer takes no more records.
    fn is_over(&self) -> bool {
        self.is_closing || self.batcher.stopped().is_some()
    }

    /// Whether there is room for more than a few records. To wake a sender for each batch would cost more than its
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

/// Undelivered records that nobody has taken yet.
#[derive(Default)]
struct Held {
    records: Vec<Undelivered>,
    /// Those that are also in the spool, because of a stop.
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

    /// Drops those that are in the spool.
    fn forget_left(&mut self) {
        self.bytes -= self.left.drain(..).map(|record| record.data.len()).sum::<usize>();
    }
}
