//! [`RequestBody`]: the bytes of a PutRecordBatch request, which grows and shrinks record by record.
//!
//! ```text
//! {"DeliveryStreamName":"s","Records":[   {"Data":"b25l"}   ,   {"Data":"dHdv"}   ]}   spare
//! └──────────── head ─────────────────┘   └─── entry ───┘       └─── entry ───┘ close
//! ```
//!
//! A record is encoded directly into its place. When it moves, it stays encoded.

use alloc::vec::Vec;
use core::ops::Range;

use crate::json::{self, Base64};
use crate::limits::Limits;

const HEAD: &[u8] = br#"{"DeliveryStreamName":"#;
const RECORDS: &[u8] = br#","Records":["#;
const ENTRY_OPEN: &[u8] = br#"{"Data":""#;
const ENTRY_CLOSE: &[u8] = br#""}"#;
const CLOSE: &[u8] = b"]}";

/// How much memory, beyond twice its records', a body may hold before [`RequestBody::shrink`] acts.
const SPARE_BYTES: usize = 4096;

/// The records inside their JSON.
#[derive(Clone)]
pub(crate) struct RequestBody {
    base64: Base64,
    /// The head, the records separated by commas, the end of the frame, and spare room. The spare room is initialised:
    /// that lets an encoder write in place without unsafe code.
    buffer: Vec<u8>,
    /// The length of everything before the first record.
    head: usize,
    entries: Vec<Entry>,
    data_bytes: usize,
}

/// One record in the buffer.
#[derive(Clone, Copy)]
struct Entry {
    /// Where the record's object ends, without its comma.
    end: usize,
    data_bytes: usize,
}

impl RequestBody {
    /// A body without records.
    pub(crate) fn new(delivery_stream_name: &str) -> Self {
        let mut buffer = HEAD.to_vec();
        json::write_string(delivery_stream_name, &mut buffer);
        buffer.extend_from_slice(RECORDS);
        let head = buffer.len();
        buffer.extend_from_slice(CLOSE);
        Self { base64: Base64::new(), head, buffer, entries: Vec::new(), data_bytes: 0 }
    }

    /// Makes room for records of these sizes.
    pub(crate) fn reserve(&mut self, data_bytes: impl Iterator<Item = usize>) {
        let entries: usize = data_bytes.map(|bytes| Self::entry_len(bytes) + 1).sum();
        self.buffer.resize(self.end() + entries + CLOSE.len(), 0);
        self.close();
    }

    /// The number of records.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of data in all records, before base64.
    pub(crate) const fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    /// Bytes of data in one record.
    pub(crate) fn record_bytes(&self, index: usize) -> usize {
        self.entries.get(index).map_or(0, |entry| entry.data_bytes)
    }

    /// Bytes of memory for records, used or spare.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// The bytes to send.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.end() + CLOSE.len()).expect("each record leaves room for the frame's end")
    }

    /// Length of the object for this many bytes of data.
    const fn entry_len(data_bytes: usize) -> usize {
        ENTRY_OPEN.len() + Base64::encoded_len(data_bytes) + ENTRY_CLOSE.len()
    }

    /// Adds a record. The buffer doubles when it has to grow, up to what the limits allow.
    pub(crate) fn push(&mut self, data: &[u8], limits: Limits) {
        // The frame is closed after each record. A comma overwrites its end for the next one.
        if let Some(comma) = self.entries.last().and_then(|entry| self.buffer.get_mut(entry.end)) {
            *comma = b',';
        }
        let start = self.next_start();
        let end = start + Self::entry_len(data.len());
        let room = end + CLOSE.len();
        if room > self.buffer.len() {
            let doubled = (self.buffer.len() * 2).min(self.max_bytes(limits));
            self.buffer.resize(room.max(doubled), 0);
        }
        let entry = self.buffer.get_mut(start..room).expect("the buffer has just been grown to hold it");
        let (open, rest) = entry.split_at_mut(ENTRY_OPEN.len());
        let (text, close) = rest.split_at_mut(Base64::encoded_len(data.len()));
        open.copy_from_slice(ENTRY_OPEN);
        self.base64.encode(data, text);
        close.copy_from_slice(br#""}]}"#);
        self.entries.push(Entry { end, data_bytes: data.len() });
        self.data_bytes += data.len();
    }

    /// Length of the longest body that the limits allow.
    fn max_bytes(&self, limits: Limits) -> usize {
        let Limits { max_records, max_request_bytes, .. } = limits;
        // Each record may pad its last base64 group.
        let frames = (Self::entry_len(0) + 1 + 4).saturating_mul(max_records);
        let text = max_request_bytes.div_ceil(3).saturating_mul(4);
        frames.saturating_add(text).saturating_add(self.head + CLOSE.len())
    }

    /// Where the next record goes: after the last one and its comma.
    fn next_start(&self) -> usize {
        self.entries.last().map_or(self.head, |entry| entry.end + 1)
    }

    /// Where a record begins.
    fn start(&self, index: usize) -> Option<usize> {
        match index.checked_sub(1) {
            Some(previous) => Some(self.entries.get(previous)?.end + 1),
            None => Some(self.head),
        }
    }

    /// Closes the frame after the last record. The next push overwrites it.
    fn close(&mut self) {
        let end = self.end();
        self.buffer.get_mut(end..end + CLOSE.len()).expect("each record leaves room for it").copy_from_slice(CLOSE);
    }

    /// Where the records end and the frame is closed.
    fn end(&self) -> usize {
        self.entries.last().map_or(self.head, |entry| entry.end)
    }

    /// Keeps the records for which `keep` returns true, in order, and still encoded.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut old_start = self.head;
        let mut new_start = self.head;
        let mut index = 0;
        let (buffer, data_bytes) = (&mut self.buffer, &mut self.data_bytes);
        *data_bytes = 0;
        self.entries.retain_mut(|entry| {
            // A record moves together with its comma, or with the first byte of the frame's end.
            let moved: Range<usize> = old_start..entry.end + 1;
            old_start = moved.end;
            index += 1;
            if !keep(index - 1) {
                return false;
            }
            buffer.copy_within(moved.clone(), new_start);
            new_start += moved.len();
            entry.end = new_start - 1;
            *data_bytes += entry.data_bytes;
            true
        });
        self.close();
    }

    /// Removes all records and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.data_bytes = 0;
        self.close();
    }

    /// Moves the records from this index on into a body of their own, still encoded.
    pub(crate) fn split_off(&mut self, index: usize) -> Self {
        let mut tail = Self {
            base64: self.base64.clone(),
            buffer: self.buffer.get(..self.head).unwrap_or_default().to_vec(),
            head: self.head,
            entries: Vec::new(),
            data_bytes: 0,
        };
        let start = self.start(index).unwrap_or(self.end());
        tail.buffer.extend_from_slice(self.buffer.get(start..self.end()).unwrap_or_default());
        tail.buffer.extend_from_slice(CLOSE);
        tail.entries = self.entries.split_off(index.min(self.len()));
        for entry in &mut tail.entries {
            entry.end -= start - self.head;
            tail.data_bytes += entry.data_bytes;
        }
        self.data_bytes -= tail.data_bytes;
        self.close();
        self.shrink();
        tail
    }

    /// The index where the second half of the records begins, by bytes. With two or more records, neither half is
    /// empty.
    pub(crate) fn half(&self) -> usize {
        let half = self.head + (self.end() - self.head) / 2;
        self.entries.partition_point(|entry| entry.end <= half).clamp(1, self.len().saturating_sub(1).max(1))
    }

    /// How many of the records fit into a body of this length.
    pub(crate) fn fitting(&self, max_bytes: usize) -> usize {
        self.entries.partition_point(|entry| entry.end + CLOSE.len() <= max_bytes)
    }

    /// Length of the body.
    pub(crate) fn len_bytes(&self) -> usize {
        self.end() + CLOSE.len()
    }

    /// The length of the body with one more record of this many bytes.
    pub(crate) fn len_bytes_with(&self, data_bytes: usize) -> usize {
        self.next_start() + Self::entry_len(data_bytes) + CLOSE.len()
    }

    /// Frees memory that the records do not need, if it is more than they use.
    pub(crate) fn shrink(&mut self) {
        let used = self.end() + CLOSE.len();
        if self.buffer.len() > 2 * used + SPARE_BYTES {
            self.buffer.truncate(used);
            self.buffer.shrink_to_fit();
        }
        self.entries.shrink_to(2 * self.entries.len());
    }

    /// All memory held, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.buffer.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// The decoded data of one record.
    pub(crate) fn data(&self, index: usize) -> Option<Vec<u8>> {
        self.base64.decode(self.encoded(index)?)
    }

    /// The base64 text of one record.
    pub(crate) fn encoded(&self, index: usize) -> Option<&str> {
        let (start, end) = (self.start(index)?, self.entries.get(index)?.end);
        let text = self.buffer.get(start + ENTRY_OPEN.len()..end - ENTRY_CLOSE.len())?;
        core::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_longest_body_that_its_limits_allow() {
        for (records, record_bytes) in [(500, 0), (500, 1), (500, 2), (500, 3), (2, 1000), (1, 5000)] {
            let max_request_bytes = records * record_bytes;
            let limits = Limits { max_records: records, max_record_bytes: record_bytes, max_request_bytes };
            let mut body = RequestBody::new("s");
            (0..records).for_each(|_| body.push(&alloc::vec![0; record_bytes], limits));
            let (body, max) = (body.bytes().len(), body.max_bytes(limits));
            assert!(body <= max && max <= body + 4 * records + max_request_bytes + 8, "{records}: {body}, {max}");
        }
    }
}
