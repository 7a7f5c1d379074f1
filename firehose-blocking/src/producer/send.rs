//! Takes records: into the spool if there is one, then into the batcher; and [`SendError`], when that fails.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use firehose_proto::batch::EnqueueError;
use firehose_proto::error::WithCauses;
use firehose_proto::time::Tick;

use super::outcome::Callback;
use super::{Shared, State};
use crate::spool::{Replay, Spool, SpoolError};

/// Why a record was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The producer does not take it, for good or for now.
    NotTaken(EnqueueError),
    /// The spool cannot hold it.
    Spool(SpoolError),
    /// It **was** taken and will be delivered, but may not be on disk: a loss of power may lose it before.
    NotDurable(SpoolError),
    /// The value cannot be written as JSON.
    Serialize(Box<dyn std::error::Error + Send + Sync>),
}

/// How many records one lock covers: enough to make it cheap for each, few enough to keep other threads from waiting.
const MAX_RUN: usize = 128;

/// Only some of the records were taken.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendManyError {
    /// How many were taken, from the first on.
    pub taken: usize,
    /// Why the next one was not taken; or, if [`SendError::NotDurable`], what may happen to those that were.
    pub reason: SendError,
}

/// A record that was not taken, and why.
pub struct TrySendError<D> {
    /// The record, as it was given.
    pub data: D,
    /// Why it was not taken.
    pub reason: SendError,
}

impl Shared {
    /// Takes a record; waits while there is no room, until the timeout if there is one.
    pub(super) fn send(
        &self,
        data: &[u8],
        callback: Option<Callback>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        self.send_all(&[data], callback, timeout).map_err(|error| error.reason)
    }

    /// Takes records one after the other, the callback with the first. Waits like [`send`](Self::send).
    pub(super) fn send_all<D: AsRef<[u8]>>(
        &self,
        records: &[D],
        mut callback: Option<Callback>,
        timeout: Option<Duration>,
    ) -> Result<(), SendManyError> {
        let mut now = self.now();
        let deadline = timeout.map(|timeout| now + timeout);
        let (mut taken, mut last) = (0, None);
        let Some(mut state) = self.lock_to_send() else {
            return Err(SendManyError { taken, reason: EnqueueError::Full.into() });
        };
        let pushed = loop {
            let Some(data) = records.get(taken) else { break Ok(()) };
            match self.push(&mut state, now, data.as_ref(), &mut callback) {
                Ok(written) => {
                    (taken, last) = (taken + 1, written);
                    if taken.is_multiple_of(MAX_RUN) && !self.is_own_thread() {
                        // Lets workers and other threads continue.
                        drop(state);
                        now = self.now();
                        state = self.lock_to_send().unwrap_or_else(|| self.lock());
                    }
                }
                Err(SendError::NotTaken(EnqueueError::Full))
                    if !self.is_own_thread()
                        && !state.is_full_of_undelivered()
                        && deadline.is_none_or(|deadline| now < deadline) =>
                {
                    // A full buffer ends the lingering of what is in it.
                    if !state.batcher.is_waiting() {
                        self.wake_worker(&state);
                    }
                    state = match deadline {
                        None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                        Some(deadline) => {
                            let left = deadline.since(now);
                            self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                        }
                    };
                    now = self.now();
                }
                Err(reason) => break Err(reason),
            }
        };
        drop(state);
        // The commit of the last record covers all before it.
        pushed.and(self.commit(last)).map_err(|reason| SendManyError { taken, reason })
    }

    pub(super) fn try_send(&self, data: &[u8]) -> Result<(), SendError> {
        let now = self.now();
        let Some(mut state) = self.lock_to_send() else { return Err(EnqueueError::Full.into()) };
        let pushed = self.push(&mut state, now, data, &mut None);
        drop(state);
        pushed.and_then(|written| self.commit(written))
    }

    /// Takes a record with its callback if there is room. Returns its position in the spool.
    fn push(
        &self,
        state: &mut State,
        now: Tick,
        data: &[u8],
        callback: &mut Option<Callback>,
    ) -> Result<Option<Written>, SendError> {
        // Checked first, because there will never be room again.
        if let Some(reason) = state.batcher.stopped() {
            return Err(EnqueueError::Stopped(Arc::clone(reason)).into());
        }
        if state.is_closing {
            return Err(EnqueueError::Closed.into());
        }
        if state.is_replaying || state.is_full_of_undelivered() {
            return Err(EnqueueError::Full.into());
        }
        // Under the lock, so that positions have the order of tickets.
        let written = match &state.spool {
            Some(spool) if state.has_room_for(data) => match spool.write(&[data]) {
                Ok(positions) => Some(Written { spool: Arc::clone(spool), position: positions.start }),
                Err(error) if error.is_full() => return Err(EnqueueError::Full.into()),
                Err(error) => return Err(SendError::Spool(error)),
            },
            _ => None,
        };
        let position = written.as_ref().map(|written| written.position);
        let pushed = self.admit(state, now, data, position, callback);
        if let (Err(_), Some(position)) = (&pushed, position) {
            state.complete(position..position + 1);
        }
        pushed.map(|()| written).map_err(SendError::NotTaken)
    }

    /// Hands a record to the batcher.
    fn admit(
        &self,
        state: &mut State,
        now: Tick,
        data: &[u8],
        position: Option<u64>,
        callback: &mut Option<Callback>,
    ) -> Result<(), EnqueueError> {
        let now = state.time(now);
        let tickets = state.batcher.push(now, data)?;
        if let Some(position) = position {
            state.positions.note(tickets.clone(), position);
        }
        state.receipts.open(tickets, callback.take());
        if !state.batcher.is_waiting() && !state.is_woken {
            state.is_woken = true;
            self.wake_worker(state);
        }
        Ok(())
    }

    /// Syncs as the spool's policy promises. Outside the lock, so that threads share syncs.
    fn commit(&self, written: Option<Written>) -> Result<(), SendError> {
        written.map_or(Ok(()), |Written { spool, position }| {
            spool.commit(self.now(), position).map_err(SendError::NotDurable)
        })
    }

    /// Syncs what was committed an interval ago, until the producer is closed.
    pub(super) fn keep_synced(&self, interval: Duration) {
        let mut state = self.lock();
        while !state.is_closing {
            // Not on `work`: a wake-up there is for one worker, and must not end here.
            let is_open = |state: &mut State| !state.is_closing;
            let waited = self.changed.wait_timeout_while(state, interval, is_open);
            let (state_now, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let spool = state_now.spool.clone();
            drop(state_now);
            if let Some(Err(error)) = spool.map(|spool| spool.poll_sync(self.now())) {
                log::error!("records may not survive a loss of power: {}", WithCauses(&error));
            }
            state = self.lock();
        }
    }

    /// Sends what an earlier process left in the spool, before anything else; after each resumption, what the stop
    /// left.
    pub(super) fn replay(&self, mut replay: Replay) {
        let mut state = self.lock();
        loop {
            state = self.read_back(state, replay);
            state.is_replaying = state.is_resumed;
            self.changed.notify_all();
            // Settled records are complete in the spool or stay there, and nobody sends anything else meanwhile.
            let is_due = |state: &State| state.is_closing || state.is_resumed && state.receipts.is_settled();
            state = self.changed.wait_while(state, |state| !is_due(state)).unwrap_or_else(PoisonError::into_inner);
            let Some(spool) = state.spool.as_ref().filter(|_| !state.is_closing) else {
                state.is_replaying = false;
                self.changed.notify_all();
                return;
            };
            replay = spool.replay();
            if state.batcher.stopped().is_none() {
                // Some may have come back only after the resumption.
                state.undelivered.forget_left();
            }
            state.is_resumed = false;
        }
    }

    /// Sends what is in the spool, until the producer takes no more records.
    fn read_back<'a>(&'a self, mut state: MutexGuard<'a, State>, replay: Replay) -> MutexGuard<'a, State> {
        'replay: for record in replay {
            let (position, data) = match record {
                Ok(record) => record,
                Err(damage) => {
                    log::error!("the spool is damaged: {}", WithCauses(&damage));
                    continue;
                }
            };
            loop {
                // As in `send`, no more records may come back than can be kept.
                let is_held = |state: &mut State| state.is_full_of_undelivered() && !state.is_over();
                state = self.changed.wait_while(state, is_held).unwrap_or_else(PoisonError::into_inner);
                if state.is_over() {
                    break 'replay;
                }
                match self.admit(&mut state, self.now(), &data, Some(position), &mut None) {
                    Err(EnqueueError::Full) if !state.is_closing => {
                        state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                    Err(EnqueueError::TooLarge { bytes, .. }) => {
                        log::error!("a record of {bytes} bytes stays in the spool: it is above the current limit");
                        break;
                    }
                    // The rest is for the next process.
                    Err(_) => break 'replay,
                    Ok(()) => break,
                }
            }
        }
        state
    }
}

/// A record's position in the spool.
struct Written {
    spool: Arc<Spool>,
    position: u64,
}

impl State {
    /// Lets the spool forget records.
    pub(super) fn complete(&self, positions: Range<u64>) {
        if let Some(spool) = &self.spool
            && let Err(error) = spool.complete(positions)
        {
            let error = WithCauses(&error);
            log::error!("cannot complete records in the spool, so the next process will send them again: {error}");
        }
    }

    /// Whether the batcher would take a record unchanged. The batcher itself handles records that it would cut or
    /// refuse.
    fn has_room_for(&self, data: &[u8]) -> bool {
        let (policy, now) = (self.batcher.policy(), self.batcher.statistics());
        now.buffered_records < policy.max_buffered_records
            && data.len() <= policy.max_buffered_bytes.saturating_sub(now.buffered_bytes)
    }
}

impl From<EnqueueError> for SendError {
    fn from(reason: EnqueueError) -> Self {
        Self::NotTaken(reason)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken(reason) => write!(f, "the record was not taken: {reason}"),
            Self::Spool(_) => f.write_str("the record was not taken, the spool cannot hold it"),
            Self::NotDurable(_) => f.write_str("the record was taken, but may not survive a loss of power"),
            Self::Serialize(_) => f.write_str("the value cannot be written as JSON"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The message already includes it.
            Self::NotTaken(_) => None,
            Self::Spool(error) | Self::NotDurable(error) => Some(error),
            Self::Serialize(error) => Some(&**error),
        }
    }
}

impl fmt::Display for SendManyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records were taken; then: {}", self.taken, self.reason)
    }
}

impl std::error::Error for SendManyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.reason.source()
    }
}

impl<D> fmt::Debug for TrySendError<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySendError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<D> fmt::Display for TrySendError<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<D> std::error::Error for TrySendError<D> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.reason.source()
    }
}
