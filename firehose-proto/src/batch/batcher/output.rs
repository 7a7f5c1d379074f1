//! [`Output`]: what the driver does next; and [`Statistics`]: counts since the start.

use alloc::sync::Arc;

use crate::batch::{Batch, Event};
use crate::time::Tick;

/// What the driver does next.
#[derive(Debug)]
pub enum Output {
    /// Send [`batch.request`](Batch::request), and report the outcome once, under this id.
    ///
    /// The batch is shared during the call. Drop it before the report, so that its memory can be reused.
    Send {
        /// Identifies the call.
        id: u64,
        /// The records.
        batch: Arc<Batch>,
        /// The number of this attempt, from 1. Attempts that sent nothing do not count.
        attempt: u32,
    },
    /// An outcome of records, or a change that concerns all calls.
    Event(Event),
    /// Nothing to do until the next input, or until this time if there is one.
    Wait(Option<Tick>),
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Records taken, that is, tickets assigned.
    pub pushed: u64,
    /// Records accepted.
    pub accepted: u64,
    /// Records rejected.
    pub rejected: u64,
    /// Records of which it is unknown whether they are stored.
    pub unknown: u64,
    /// Records given up without an answer about them.
    pub expired: u64,
    /// Records sent again: one that is sent three times counts twice. A request that never left, for lack of a
    /// connection or of credentials, does not count.
    pub resent: u64,
    /// Requests sent.
    pub batches: u64,
    /// Answers that asked to slow down.
    pub throttles: u64,
    /// Requests in flight.
    pub in_flight: usize,
    /// Records whose outcome has not been returned.
    pub buffered_records: usize,
    /// Bytes of their data.
    pub buffered_bytes: usize,
}
