//! Taking records: the input half of [`Batcher`].

use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::ops::{ControlFlow, Range};

use super::{Batcher, Open};
use crate::batch::manifest::Manifest;
use crate::batch::outcome::{Event, Failure, Reason, Undelivered};
use crate::batch::policy::{Oversize, Policy};
use crate::batch::sealed_batch::{Load, SealedBatch};
use crate::batch::{Batch, PushError, oversize, pack};
use crate::time::Tick;

/// Why a record was not taken. The caller keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnqueueError {
    /// There is no room now. Outcomes of other records will make room.
    Full,
    /// The record can never fit.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// [`Batcher::close`] was called.
    Closed,
    /// Nothing can be delivered.
    Stopped(Arc<Reason>),
}

impl fmt::Display for EnqueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("buffer is full; push again after more outcomes"),
            Self::TooLarge { bytes, max_bytes } => {
                PushError::RecordTooLarge { bytes: *bytes, max_bytes: *max_bytes }.fmt(f)
            }
            Self::Closed => f.write_str("producer is closed"),
            Self::Stopped(reason) => write!(f, "nothing can be delivered: {reason}"),
        }
    }
}

impl core::error::Error for EnqueueError {}

impl Batcher {
    /// Takes a record and assigns it a ticket; several if it was [split](Oversize::Split).
    ///
    /// Tickets count from 0 without gaps. A record is taken whole or not at all.
    ///
    /// # Errors
    ///
    /// [`EnqueueError`]; its variant tells whether to try again.
    pub fn push(&mut self, now: Tick, data: &[u8]) -> Result<Range<u64>, EnqueueError> {
        if let Some(reason) = &self.stopped {
            return Err(EnqueueError::Stopped(Arc::clone(reason)));
        }
        if self.is_closed {
            return Err(EnqueueError::Closed);
        }
        let bytes = self.framed_len(data);
        if bytes > self.policy.max_record_bytes() {
            return self.push_oversize(now, data);
        }
        self.check_room(Load { records: 1, bytes })?;
        Ok(self.append(now, data))
    }

    /// Bytes that a record takes, including its delimiter.
    fn framed_len(&self, data: &[u8]) -> usize {
        match &self.policy.packing {
            Some(packing) => pack::framed_len(data, &packing.delimiter),
            None => data.len(),
        }
    }

    fn check_room(&mut self, load: Load) -> Result<(), EnqueueError> {
        let Policy { max_buffered_records, max_buffered_bytes, .. } = self.policy;
        let max_bytes = max_buffered_bytes;
        if load.records > max_buffered_records || load.bytes > max_bytes {
            return Err(EnqueueError::TooLarge { bytes: load.bytes, max_bytes });
        }
        let has_room = load.records <= max_buffered_records - self.buffered.records
            && load.bytes <= max_bytes - self.buffered.bytes;
        if has_room {
            return Ok(());
        }
        // The buffer is full, so no more records will join the open batch for now.
        if !self.is_full {
            (self.is_full, self.wait) = (true, None);
        }
        Err(EnqueueError::Full)
    }

    /// Assigns tickets to this many records.
    fn assign_tickets(&mut self, load: Load, data_bytes: usize) -> u64 {
        let first = self.next_ticket;
        self.next_ticket += load.records as u64;
        self.buffered.records += load.records;
        self.buffered.bytes += load.bytes;
        self.statistics.pushed += load.records as u64;
        self.billing.data_bytes += data_bytes as u64;
        first
    }

    /// Takes a record that fits.
    fn append(&mut self, now: Tick, data: &[u8]) -> Range<u64> {
        let bytes = self.framed_len(data);
        let ticket = self.assign_tickets(Load { records: 1, bytes }, data.len());
        let billed = pack::billed_bytes(data.len()) as u64;
        self.billing.unpacked_bytes += billed;
        if self.open.batch.is_empty() && self.pack.is_empty() {
            // Now there is a record whose linger ends.
            self.wait = None;
        }
        let max_record_bytes = self.policy.max_record_bytes();
        let packing = self.policy.packing.as_ref();
        if packing.is_some_and(|packing| self.pack.is_full_for(packing, bytes, max_record_bytes)) {
            self.close_pack();
        }
        if let Some(packing) = &self.policy.packing {
            self.pack.push(now, ticket, data, &packing.delimiter);
        } else {
            self.billing.bytes += billed;
            self.encode(data);
            self.open.manifest.push(now, ticket);
            self.seal_full();
        }
        ticket..ticket + 1
    }

    /// Ends the record under construction.
    pub(super) fn close_pack(&mut self) {
        if self.pack.is_empty() {
            return;
        }
        self.billing.bytes += pack::billed_bytes(self.pack.data.len()) as u64;
        let data = mem::take(&mut self.pack.data);
        self.encode(&data);
        self.pack.data = data;
        self.open.manifest.push_pack(&self.pack);
        self.pack.clear();
        self.seal_full();
    }

    /// Adds a record to the open batch; to a new one, if it does not fit beside the others.
    fn encode(&mut self, data: &[u8]) {
        // A record that exceeds the learned size by itself must be tried all the same.
        let is_above = self.open.batch.body.len_bytes_with(data.len()) > self.size.max_bytes();
        if is_above && !self.open.batch.is_empty() {
            self.seal();
        }
        if self.open.batch.push(data) == Err(PushError::Full) {
            self.seal();
            let pushed = self.open.batch.push(data);
            debug_assert_eq!(pushed, Ok(()), "an empty batch takes any record within the limits");
        }
    }

    /// Seals the open batch if it is full: it has nothing to linger for.
    fn seal_full(&mut self) {
        if self.open.batch.len() >= self.open.batch.limits().max_records {
            self.seal();
        }
    }

    pub(super) fn seal(&mut self) {
        self.is_full = false;
        if self.open.batch.is_empty() {
            return;
        }
        let fresh = self.spare_batches.pop().unwrap_or_else(|| Open {
            batch: Batch::unchecked(self.open.batch.delivery_stream_name(), self.open.batch.limits()),
            manifest: Manifest::default(),
        });
        let Open { mut batch, mut manifest } = mem::replace(&mut self.open, fresh);
        batch.body.shrink();
        manifest.shrink();
        self.wait = None;
        self.make_ready(SealedBatch::new(batch, manifest));
    }

    #[cold]
    fn push_oversize(&mut self, now: Tick, data: &[u8]) -> Result<Range<u64>, EnqueueError> {
        let max_bytes = self.policy.max_record_bytes();
        let too_large = EnqueueError::TooLarge { bytes: data.len(), max_bytes };
        // A delimiter that packing adds needs room, too.
        let added = self.policy.packing.as_ref().map_or(0, |packing| packing.delimiter.len());
        let max_piece_bytes = max_bytes - added;
        match mem::take(&mut self.policy.oversize) {
            Oversize::Refuse => Err(too_large),
            Oversize::Truncate => {
                self.policy.oversize = Oversize::Truncate;
                let kept = oversize::truncated(data, max_piece_bytes);
                self.check_room(Load { records: 1, bytes: self.framed_len(kept) })?;
                Ok(self.append(now, kept))
            }
            Oversize::Reject => {
                self.policy.oversize = Oversize::Reject;
                let load = Load { records: 1, bytes: data.len() };
                self.check_room(load)?;
                // The tickets of a record are consecutive.
                self.close_pack();
                let ticket = self.assign_tickets(load, data.len());
                let reason = Some(Arc::new(Reason::refusal("RecordTooLarge", alloc::format!("{too_large}"))));
                let data = data.to_vec();
                let rejected = Undelivered { ticket, attempts: 0, failure: Failure::Rejected, reason, data };
                self.events.push(Event::Undelivered(rejected), load);
                self.wait = None;
                Ok(ticket..ticket + 1)
            }
            Oversize::Split { delimiter } => {
                let result = self.push_split(now, data, &delimiter, max_piece_bytes, too_large);
                self.policy.oversize = Oversize::Split { delimiter };
                result
            }
        }
    }

    fn push_split(
        &mut self,
        now: Tick,
        data: &[u8],
        delimiter: &[u8],
        max_bytes: usize,
        too_large: EnqueueError,
    ) -> Result<Range<u64>, EnqueueError> {
        let mut load = Load::default();
        let end = oversize::split(data, delimiter, max_bytes, |piece| {
            load.records += 1;
            load.bytes += self.framed_len(piece);
            ControlFlow::Continue(())
        });
        if end.is_break() {
            return Err(too_large);
        }
        self.check_room(load)?;
        let first = self.next_ticket;
        let end = oversize::split(data, delimiter, max_bytes, |piece| {
            self.append(now, piece);
            ControlFlow::Continue(())
        });
        debug_assert!(end.is_continue(), "the same pieces as before");
        Ok(first..self.next_ticket)
    }
}
