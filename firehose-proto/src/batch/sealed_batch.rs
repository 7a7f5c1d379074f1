//! [`SealedBatch`]: a batch with its manifest, from its first attempt to its last outcome.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::manifest::{Item, Manifest};
use super::outcome::{Accepted, Event, Failure, Reason, RecordIds, Undelivered};
use super::{Batch, pack};
use crate::op::put_record_batch::PutRecordBatchResponseEntry;
use crate::time::Tick;

/// A number of records and bytes in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// Events to return, each with the load that it frees.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<(Event, Load)>);

impl Events {
    pub(super) fn push(&mut self, event: Event, load: Load) {
        self.0.push_back((event, load));
    }

    pub(super) fn pop(&mut self) -> Option<(Event, Load)> {
        self.0.pop_front()
    }
}

/// A complete batch: it only loses records, until none is left.
#[derive(Debug)]
pub(super) struct SealedBatch {
    /// Shared with the sender. Once the sender drops it, changes copy nothing.
    pub(super) batch: Arc<Batch>,
    pub(super) manifest: Manifest,
    /// Requests that carried it.
    pub(super) attempts: u32,
    /// The attempts that count against the limit.
    pub(super) charged: u32,
    /// Consecutive calls by which nothing was accepted.
    pub(super) consecutive_failures: u32,
    /// When it may be sent again.
    pub(super) retry_at: Tick,
    /// Whether one of its requests got no answer.
    pub(super) may_be_stored: bool,
    /// The last error.
    pub(super) reason: Option<Arc<Reason>>,
    pub(super) sent_at: Tick,
}

impl SealedBatch {
    pub(super) fn new(batch: Batch, manifest: Manifest) -> Self {
        Self {
            batch: Arc::new(batch),
            manifest,
            attempts: 0,
            charged: 0,
            consecutive_failures: 0,
            retry_at: Tick::default(),
            may_be_stored: false,
            reason: None,
            sent_at: Tick::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The oldest record left.
    pub(super) fn oldest(&self) -> Option<&Item> {
        self.manifest.items().first()
    }

    /// Splits off the second half, if there are at least two records.
    pub(super) fn split_off_half(&mut self) -> Option<Self> {
        (self.batch.len() > 1).then(|| self.split_off(self.batch.body.half()))
    }

    /// Splits off what exceeds a body of this many bytes, but never the first record.
    pub(super) fn split_off_above(&mut self, max_bytes: usize) -> Option<Self> {
        let fitting = self.batch.body.fitting(max_bytes).max(1);
        (fitting < self.batch.len()).then(|| self.split_off(fitting))
    }

    fn split_off(&mut self, index: usize) -> Self {
        let batch = Arc::new(Arc::make_mut(&mut self.batch).split_off(index));
        let manifest = self.manifest.split_off(index);
        Self { batch, manifest, reason: self.reason.clone(), ..*self }
    }

    /// Removes the accepted records, with one event for each run of tickets. Returns how many there were.
    pub(super) fn accept(&mut self, entries: &[PutRecordBatchResponseEntry<'_>], events: &mut Events) -> usize {
        let mut run = Run::default();
        let mut accepted = 0;
        for (index, (item, entry)) in self.manifest.items().iter().zip(entries).enumerate() {
            let Some(id) = &entry.record_id else { continue };
            if run.next != item.first {
                run.end(self.attempts, events);
                let others = entries.iter().skip(index).take_while(|entry| entry.record_id.is_some());
                let ids = RecordIds::with_capacity(others.count(), id);
                run = Run { first: item.first, ids, ..Run::default() };
            }
            run.ids.push(item.events, id);
            run.next = item.tickets().end;
            run.load.records += item.events as usize;
            run.load.bytes += self.data_bytes(index);
            accepted += 1;
        }
        run.end(self.attempts, events);
        self.retain(|index| entries.get(index).is_none_or(PutRecordBatchResponseEntry::is_failed));
        accepted
    }

    /// Bytes billed for the accepted records.
    pub(super) fn billed_bytes(&self, entries: &[PutRecordBatchResponseEntry<'_>]) -> u64 {
        let accepted = entries.iter().enumerate().filter(|(_, entry)| entry.record_id.is_some());
        accepted.map(|(index, _)| pack::billed_bytes(self.data_bytes(index)) as u64).sum()
    }

    /// Removes records that will not be delivered.
    ///
    /// `failed` returns for each record whether it is one of them, and why; without a reason of its own it gets the
    /// last error. Whatever `failure` is, a record that may be stored ends as unknown.
    pub(super) fn undeliver(
        &mut self,
        failure: Failure,
        delimiter: &[u8],
        events: &mut Events,
        failed: impl Fn(usize, &Item) -> Option<Option<Arc<Reason>>>,
    ) {
        let failure = if self.may_be_stored { Failure::Unknown } else { failure };
        let mut removed: Vec<bool> = Vec::with_capacity(self.batch.len());
        for (index, (item, lens)) in self.manifest.records().enumerate() {
            let reason = failed(index, &item);
            removed.push(reason.is_some());
            let Some(reason) = reason.map(|reason| reason.or_else(|| self.reason.clone())) else { continue };
            let data = self.batch.data(index).unwrap_or_default();
            let mut end = |ticket, data: Vec<u8>, bytes| {
                let (attempts, reason) = (self.attempts, reason.clone());
                let undelivered = Undelivered { ticket, attempts, failure, reason, data };
                events.push(Event::Undelivered(undelivered), Load { records: 1, bytes });
            };
            if lens.is_empty() {
                let bytes = data.len();
                end(item.first, data, bytes);
            } else {
                for (ticket, event) in item.tickets().zip(pack::unpack(&data, lens, delimiter)) {
                    end(ticket, event.to_vec(), pack::framed_len(event, delimiter));
                }
            }
        }
        self.retain(|index| removed.get(index).is_none_or(|is_removed| !is_removed));
    }

    fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let batch = Arc::make_mut(&mut self.batch);
        batch.retain(&keep);
        self.manifest.retain(keep);
        // An empty batch will be filled again.
        if !batch.is_empty() {
            batch.body.shrink();
            self.manifest.shrink();
        }
    }

    fn data_bytes(&self, index: usize) -> usize {
        self.batch.body.record_bytes(index)
    }
}

/// Accepted records with consecutive tickets.
#[derive(Default)]
struct Run {
    first: u64,
    next: u64,
    ids: RecordIds,
    load: Load,
}

impl Run {
    fn end(&mut self, attempts: u32, events: &mut Events) {
        if self.load.records > 0 {
            let ids = core::mem::take(&mut self.ids);
            events.push(Event::Accepted(Accepted::new(self.first, attempts, ids)), self.load);
        }
    }
}
