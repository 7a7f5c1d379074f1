//! [`Output`], what the driver is to do next, and [`Statistics`], what has happened so far.

use alloc::sync::Arc;

use crate::batch::{Batch, Event};
use crate::time::Tick;

/// What to do next.
#[derive(Debug)]
pub enum Output {
    /// Send [`batch.request`](Batch::request), and report what came of it under this id, once.
    ///
    /// The batch is shared for the time of the call: dropped before the answer is handled, its memory is used again.
    Send {
        /// Names the call.
        id: u64,
        /// The records.
        batch: Arc<Batch>,
        /// Which attempt at these records it is; the first is 1. One of which nothing was sent does not count.
        attempt: u32,
    },
    /// Records have their outcome.
    Event(Event),
    /// Nothing to do until something happens, or until the time given, if any.
    Wait(Option<Tick>),
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Records taken: that is, tickets given.
    pub pushed: u64,
    /// Records accepted.
    pub accepted: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Records of which it is not known whether they are stored.
    pub unknown: u64,
    /// Records that were given up without a word about them.
    pub expired: u64,
    /// Records sent for the second time or more; one that is sent three times counts twice. What never left, for want of a
    /// connection or of credentials, is not sent.
    pub resent: u64,
    /// Requests sent.
    pub batches: u64,
    /// Answers by which the service asked for less.
    pub throttles: u64,
    /// Requests under way.
    pub in_flight: usize,
    /// Records whose outcome has not been handed out.
    pub buffered_records: usize,
    /// Bytes of their data.
    pub buffered_bytes: usize,
}
