//! [`Pack`]: the record under construction when events share records; and [`Billing`], the cost of records.

use alloc::vec::Vec;

use super::policy::Packing;
use crate::time::Tick;

/// The billing step of a record, in bytes.
pub(super) const BILLING_STEP: usize = 5 * 1024;

/// Bytes [billed](https://aws.amazon.com/firehose/pricing/) for a record: its size, rounded up to the next 5 KB.
#[must_use]
pub const fn billed_bytes(record_bytes: usize) -> usize {
    let steps = record_bytes.div_ceil(BILLING_STEP);
    (if steps == 0 { 1 } else { steps }).saturating_mul(BILLING_STEP)
}

/// An estimate of the bytes billed for the pushed records, if each is stored once.
///
/// ```
/// use firehose_proto::batch::{Batcher, Packing, Policy};
/// use firehose_proto::time::Tick;
///
/// let mut policy = Policy::default();
/// policy.packing = Some(Packing::new("\n"));
/// let mut batcher = Batcher::new("s", policy, 7)?;
/// for _ in 0..100 {
///     batcher.push(Tick::default(), &[b'x'; 500])?;
/// }
/// let billing = batcher.billing();
/// assert_eq!((billing.unpacked_bytes, billing.bytes), (100 * 5120, 10 * 5120));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Billing {
    /// Bytes of data that were pushed.
    pub data_bytes: u64,
    /// Bytes billed if each event were a record of its own.
    pub unpacked_bytes: u64,
    /// Bytes billed for the records as they are.
    pub bytes: u64,
    /// The part of [`bytes`](Self::bytes) that the service has accepted.
    pub accepted_bytes: u64,
}

/// Events being packed into one record.
#[derive(Debug, Default)]
pub(super) struct Pack {
    pub(super) data: Vec<u8>,
    /// The length of each event, without an added delimiter.
    pub(super) lens: Vec<u32>,
    /// When the first event was pushed, and its ticket.
    pub(super) pushed: Tick,
    pub(super) first: u64,
}

impl Pack {
    pub(super) const fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }

    /// Whether the record should end before an event of this many bytes, including its delimiter.
    pub(super) fn is_full_for(&self, packing: &Packing, framed_bytes: usize, max_record_bytes: usize) -> bool {
        let has_all = packing.max_events.is_some_and(|max| self.lens.len() >= max.get() as usize);
        let max_bytes = packing.target_bytes.min(max_record_bytes);
        !self.is_empty() && (has_all || self.data.len() + framed_bytes > max_bytes)
    }

    pub(super) fn push(&mut self, now: Tick, ticket: u64, event: &[u8], delimiter: &[u8]) {
        if self.is_empty() {
            (self.pushed, self.first) = (now, ticket);
        }
        self.data.extend_from_slice(event);
        if !event.ends_with(delimiter) {
            self.data.extend_from_slice(delimiter);
        }
        self.lens.push(u32::try_from(event.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.lens.clear();
    }
}

/// Bytes that an event takes in a record.
pub(super) fn framed_len(event: &[u8], delimiter: &[u8]) -> usize {
    event.len() + if event.ends_with(delimiter) { 0 } else { delimiter.len() }
}

/// The events of a record, as they were pushed.
pub(super) fn unpack<'a>(mut data: &'a [u8], lens: &[u32], delimiter: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    lens.iter().map_while(move |&len| {
        let (event, rest) = data.split_at_checked(len as usize)?;
        data = if event.ends_with(delimiter) { rest } else { rest.strip_prefix(delimiter)? };
        Some(event)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bills_in_steps() {
        for (bytes, billed) in [(0, 5120), (1, 5120), (5120, 5120), (5121, 10_240), (1_024_000, 1_024_000)] {
            assert_eq!(billed_bytes(bytes), billed, "{bytes}");
        }
    }

    #[test]
    fn gives_events_back_as_they_came() {
        for delimiter in ["\n", "", "||", "aa"] {
            let events = ["one", "", "\n", "two\n", "a\nb", "x||", "|", "aaa", "a", ""];
            let mut pack = Pack::default();
            for (ticket, event) in (0..).zip(events) {
                pack.push(Tick::default(), ticket, event.as_bytes(), delimiter.as_bytes());
            }
            let expected: usize = events.iter().map(|event| framed_len(event.as_bytes(), delimiter.as_bytes())).sum();
            assert_eq!(pack.data.len(), expected, "{delimiter:?}");
            let back: Vec<_> = unpack(&pack.data, &pack.lens, delimiter.as_bytes()).collect();
            assert_eq!(back, events.map(str::as_bytes), "{delimiter:?}");
        }
    }
}
