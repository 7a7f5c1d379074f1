//! A worker: polls the batcher and executes its output.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, MutexGuard, PoisonError};

use firehose_proto::batch::{Batch, Event, Output};
use firehose_proto::call::Error;
use firehose_proto::error::WithCauses;

use super::receipts::tickets;
use super::{Handlers, Shared, State, health};

impl Shared {
    /// Runs until the producer is closed and every record has its outcome.
    pub(super) fn work(&self) {
        let mut state = self.lock();
        loop {
            state.is_woken = false;
            let now = state.time(self.now());
            match state.batcher.poll_output(now) {
                Output::Event(event) => state = self.dispatch(state, event),
                Output::Send { id, batch, .. } => {
                    // There may be more work than this one call.
                    self.wake_worker(&state);
                    drop(state);
                    state = self.call(id, batch);
                }
                Output::Wait(_) if state.is_closing && state.batcher.is_idle() => {
                    self.work.notify_all();
                    return;
                }
                Output::Wait(until) => {
                    state.idle_workers += 1;
                    state = match until {
                        None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                        Some(time) => {
                            let left = time.since(self.now());
                            self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                        }
                    };
                    state.idle_workers -= 1;
                }
            }
        }
    }

    /// Dispatches every event that is ready.
    pub(super) fn drain_events<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        loop {
            let now = state.time(self.now());
            let Output::Event(event) = state.batcher.poll_output(now) else { return state };
            state = self.dispatch(state, event);
        }
    }

    /// Makes one call and reports its outcome.
    fn call(&self, id: u64, batch: Arc<Batch>) -> MutexGuard<'_, State> {
        let sent = self.now();
        let mut response = None;
        let outcome = match self.client.put_batch_once(&batch) {
            // Read before locking: an answer has hundreds of entries.
            Ok(answer) => batch.decode(response.insert(answer)).map_err(Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            log::debug!("a call with {} records failed: {}", batch.len(), WithCauses(error));
        }
        drop(batch);
        let mut state = self.lock();
        let now = state.time(self.now());
        if matches!(outcome, Ok(_) | Err(Error::Refused { .. } | Error::Malformed(_))) {
            state.latencies.add(now.since(sent));
        }
        state.batcher.handle_outcome(now, id, outcome);
        state
    }

    /// Reports an event to its callbacks and handlers, outside the lock if there are any.
    pub(super) fn dispatch<'a>(&'a self, mut state: MutexGuard<'a, State>, event: Event) -> MutexGuard<'a, State> {
        let callbacks = state.receipts.take_completed(&event);
        let tickets = tickets(&event);
        let is_about_calls = matches!(event, Event::Outage(_) | Event::Recovered(_) | Event::Stopped(_));
        // Records that a stop returns stay in the spool: their delivery was hardly tried. Computed now, because a
        // handler may resume the producer.
        let is_stopped = matches!(event, Event::Undelivered(_)) && state.batcher.stopped().is_some();
        let is_left_to_spool = state.spool.is_some() && (state.is_left_to_spool || is_stopped);
        // Kept until somebody takes it, unless a handler does.
        let held = match &event {
            Event::Undelivered(undelivered) if self.handlers.on_undelivered.is_none() => Some(undelivered.clone()),
            _ => None,
        };
        if is_about_calls || !callbacks.is_empty() || self.handlers.wants(&event) {
            drop(state);
            health::log(&event);
            for (callback, outcome) in callbacks {
                catch_panic(|| callback(outcome));
            }
            self.handlers.dispatch(event);
            state = self.lock();
        }
        if let Some(undelivered) = held {
            state.undelivered.push(undelivered, is_left_to_spool);
        }
        if state.spool.is_some() {
            let records = state.positions.settle(&tickets);
            records.into_iter().filter(|_| !is_left_to_spool).for_each(|positions| state.complete(positions));
        }
        state.receipts.settle(tickets);
        self.wake_application(&state);
        state
    }
}

impl Handlers {
    /// Whether an event concerns any callback or handler.
    fn wants(&self, event: &Event) -> bool {
        self.on_outcome.is_some() || (self.on_undelivered.is_some() && matches!(event, Event::Undelivered(_)))
    }

    fn dispatch(&self, event: Event) {
        if let Some(on_outcome) = &self.on_outcome {
            catch_panic(|| on_outcome(&event));
        }
        if let (Event::Undelivered(undelivered), Some(on_undelivered)) = (event, &self.on_undelivered) {
            catch_panic(|| on_undelivered(undelivered));
        }
    }
}

/// Runs the application's code and survives its panics.
fn catch_panic(run: impl FnOnce()) {
    if panic::catch_unwind(AssertUnwindSafe(run)).is_err() {
        log::error!("a producer's callback panicked");
    }
}
