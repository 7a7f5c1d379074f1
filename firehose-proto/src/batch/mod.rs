//! [`Batch`], the body of a PutRecordBatch request under construction, and [`Batcher`], the producer made of many.
//!
//! ```text
//! push(data)      limits first, then base64 straight into the body, inside its JSON frame
//! request()       hashes the body, once; the request borrows it
//! decode()        one entry for each record
//! retain(failed)  the encoded records that failed slide to the front, in order: what is sent again
//! ```
//!
//! A record is copied once, when it is encoded; nothing keeps a second copy for the retry.
//!
//! ```
//! use firehose_proto::{Endpoint, Region};
//! use firehose_proto::batch::Batch;
//! use firehose_proto::http::Response;
//!
//! let endpoint = Endpoint::resolve(Region::parse("us-east-1")?, false, false);
//! let mut batch = Batch::new("s")?;
//! batch.push(b"one")?;
//! batch.push(b"two")?;
//! let request = batch.request(&endpoint)?;
//! assert_eq!(request.body(), br#"{"DeliveryStreamName":"s","Records":[{"Data":"b25l"},{"Data":"dHdv"}]}"#);
//!
//! // The caller signs the request and sends it. The service accepts the first record and not the second:
//! let answer = br#"{"FailedPutCount":1,"RequestResponses":[{"RecordId":"1"},
//!     {"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]}"#;
//! let response = Response::new(200, answer.to_vec());
//! let output = batch.decode(&response)?;
//! batch.retain(|index| output.request_responses[index].is_failed());
//! assert_eq!(batch.request(&endpoint)?.body(), br#"{"DeliveryStreamName":"s","Records":[{"Data":"dHdv"}]}"#);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod batcher;
mod disposition;
mod manifest;
mod outcome;
mod oversize;
mod pack;
mod policy;
mod rate_limit;
mod sealed_batch;
mod settle;
mod size;

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

pub use batcher::{Batcher, EnqueueError, Output, Statistics};
pub use outcome::{Accepted, Event, Failure, Reason, Undelivered};
pub use pack::{Billing, billed_bytes};
pub use policy::{Delivery, MaxFailedCalls, Order, Oversize, Packing, Policy, Quotas};
pub use settle::PutBatchOutput;

use crate::client::{self, ResponseError};
use crate::crypto::DigestOnce;
use crate::endpoint::Endpoint;
use crate::http::{Body, Owner, Request, Response};
use crate::json::{self, Base64};
use crate::limits::Limits;
use crate::model::record::Record;
use crate::op::Operation;
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput};
use crate::validate::{self, Violation};

const RECORDS: &[u8] = br#","Records":["#;
const ENTRY_OPEN: &[u8] = br#"{"Data":""#;
const ENTRY_CLOSE: &[u8] = br#""}"#;
const CLOSE: &[u8] = b"]}";

/// How much more memory than twice its records' a batch may hold before [`Batch::shrink`] does something about it.
const SPARE_BYTES: usize = 4096;

/// Records on their way into one stream, kept as the bytes of the request that carries them.
///
/// It grows to what is pushed and keeps its memory over [`clear`](Self::clear): a batch that is used again
/// allocates nothing.
#[derive(Clone)]
pub struct Batch {
    delivery_stream_name: String,
    limits: Limits,
    base64: Base64,
    /// Everything up to the first record, the records with commas between them, the end of the frame, and spare
    /// room that was written once already: only so can an encoder write in place without unsafe code.
    buffer: Vec<u8>,
    /// Length of what stands before the first record.
    head: usize,
    entries: Vec<Entry>,
    data_bytes: usize,
    sha256: DigestOnce,
}

/// One record in the buffer.
#[derive(Clone, Copy)]
struct Entry {
    /// Where the record's object ends, its comma not included.
    end: usize,
    data_bytes: usize,
}

impl Batch {
    /// An empty batch for a stream, with the service's limits.
    ///
    /// # Errors
    ///
    /// [`Violation`] when the name breaks its rules.
    pub fn new(delivery_stream_name: &str) -> Result<Self, Violation> {
        Self::with_limits(delivery_stream_name, Limits::SERVICE)
    }

    /// An empty batch for a stream, with other limits.
    ///
    /// # Errors
    ///
    /// [`Violation`] when the name breaks its rules.
    pub fn with_limits(delivery_stream_name: &str, limits: Limits) -> Result<Self, Violation> {
        validate::check_stream_name(delivery_stream_name)?;
        Ok(Self::unchecked(delivery_stream_name, limits))
    }

    fn unchecked(delivery_stream_name: &str, limits: Limits) -> Self {
        let mut buffer = br#"{"DeliveryStreamName":"#.to_vec();
        json::write_string(delivery_stream_name, &mut buffer);
        buffer.extend_from_slice(RECORDS);
        Self {
            delivery_stream_name: delivery_stream_name.into(),
            limits,
            base64: Base64::new(),
            head: buffer.len(),
            buffer,
            entries: Vec::new(),
            data_bytes: 0,
            sha256: DigestOnce::default(),
        }
    }

    /// Appends the body for records that are all there, whatever the limits say.
    pub(crate) fn write(delivery_stream_name: &str, records: &[Record<'_>], out: &mut Vec<u8>) {
        let mut batch = Self::unchecked(delivery_stream_name, Limits::SERVICE);
        let sizes = records.iter().map(|record| Self::entry_len(record.data.len()) + 1);
        batch.buffer.resize(batch.head + sizes.sum::<usize>() + CLOSE.len(), 0);
        for record in records {
            batch.append(&record.data);
        }
        batch.close();
        out.extend_from_slice(batch.body());
    }

    /// The stream.
    #[must_use]
    pub fn delivery_stream_name(&self) -> &str {
        &self.delivery_stream_name
    }

    /// The limits that [`push`](Self::push) enforces.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of data in all records, before base64.
    #[must_use]
    pub const fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    /// Bytes of memory that the batch holds for records, used or spare.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Adds a record, or refuses it and stays as it was. Never splits one.
    ///
    /// # Errors
    ///
    /// [`PushError::RecordTooLarge`] when no batch can take the record, [`PushError::Full`] when the next one can.
    pub fn push(&mut self, data: &[u8]) -> Result<(), PushError> {
        let Limits { max_records, max_record_bytes, max_request_bytes } = self.limits;
        let bytes = data.len();
        let max_bytes = max_record_bytes.min(max_request_bytes);
        if bytes > max_bytes {
            return Err(PushError::RecordTooLarge { bytes, max_bytes });
        }
        if self.entries.len() >= max_records || bytes > max_request_bytes - self.data_bytes {
            return Err(PushError::Full);
        }
        self.sha256.reset();
        self.append(data);
        Ok(())
    }

    /// Length of the object that carries so many bytes of data.
    const fn entry_len(data_bytes: usize) -> usize {
        ENTRY_OPEN.len() + Base64::encoded_len(data_bytes) + ENTRY_CLOSE.len()
    }

    fn append(&mut self, data: &[u8]) {
        // The frame is closed after each record: for another one, a comma goes over its end.
        if let Some(comma) = self.entries.last().and_then(|entry| self.buffer.get_mut(entry.end)) {
            *comma = b',';
        }
        let start = self.next_start();
        let end = start + Self::entry_len(data.len());
        let room = end + CLOSE.len();
        if room > self.buffer.len() {
            let doubled = (self.buffer.len() * 2).min(self.max_bytes());
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
    fn max_bytes(&self) -> usize {
        let Limits { max_records, max_request_bytes, .. } = self.limits;
        // Each record may pad its last group of base64.
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

    /// Ends the frame after the last record. The next push writes over it.
    fn close(&mut self) {
        let end = self.end();
        self.buffer.get_mut(end..end + CLOSE.len()).expect("each record leaves room for it").copy_from_slice(CLOSE);
    }

    /// Where the records end, which is where the frame is closed.
    fn end(&self) -> usize {
        self.entries.last().map_or(self.head, |entry| entry.end)
    }

    fn body(&self) -> &[u8] {
        self.buffer.get(..self.end() + CLOSE.len()).expect("each record leaves room for the frame's end")
    }

    /// The request that carries the records, unsigned. Asking for it again costs nothing as long as the records stay the
    /// same: neither the body nor its digest is made twice.
    ///
    /// # Errors
    ///
    /// [`EmptyBatch`]: the service takes no request without records.
    pub fn request<'a>(&'a self, endpoint: &'a Endpoint) -> Result<Request<'a>, EmptyBatch> {
        self.request_to(endpoint, endpoint.url(), || Body::from(self.body()))
    }

    /// The same request, which need not be done before the endpoint is.
    pub(crate) fn borrowed_request<'a>(&'a self, endpoint: &Endpoint) -> Result<Request<'a>, EmptyBatch> {
        self.request_to(endpoint, endpoint.url().to_string(), || Body::from(self.body()))
    }

    /// The same request as something that lives on its own, for transports that send it from another task or thread. The
    /// body is not copied: it keeps the batch.
    ///
    /// # Errors
    ///
    /// [`EmptyBatch`]: the service takes no request without records.
    pub fn shared_request(self: &Arc<Self>, endpoint: &Endpoint) -> Result<Request<'static>, EmptyBatch> {
        self.request_to(endpoint, endpoint.url().to_string(), || Body::shared(Arc::<Self>::clone(self)))
    }

    fn request_to<'a>(
        &self,
        endpoint: &Endpoint,
        url: impl Into<Cow<'a, str>>,
        body: impl FnOnce() -> Body<'a>,
    ) -> Result<Request<'a>, EmptyBatch> {
        if self.is_empty() {
            return Err(EmptyBatch);
        }
        let mut request = client::request(PutRecordBatch::TARGET, endpoint, url);
        request.set_hashed_body(body(), self.sha256.of(self.body()));
        Ok(request)
    }

    /// Reads the answer to the request: one entry for each record, in order.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Refused`] when the service refused the call as a whole, [`ResponseError::Malformed`]
    /// when nothing can be concluded from the answer. The batch stays as it was.
    pub fn decode<'a>(&self, response: &'a Response) -> Result<PutRecordBatchOutput<'a>, ResponseError> {
        client::successful(response, |body| PutRecordBatchOutput::read(self.len(), body))
    }

    /// Keeps the records for which `keep` says so, in their order and as they are encoded.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
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
        if !self.is_empty() {
            self.close();
        }
        self.sha256.reset();
    }

    /// Removes every record and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.data_bytes = 0;
        self.sha256.reset();
    }

    /// Takes the records from this one on into a batch of their own, as they are encoded.
    fn split_off(&mut self, index: usize) -> Self {
        let mut tail = Self::unchecked(&self.delivery_stream_name, self.limits);
        let start = self.start(index).unwrap_or(self.end());
        tail.buffer.extend_from_slice(self.buffer.get(start..self.end()).unwrap_or_default());
        tail.buffer.extend_from_slice(CLOSE);
        tail.entries = self.entries.split_off(index.min(self.len()));
        for entry in &mut tail.entries {
            entry.end -= start - self.head;
            tail.data_bytes += entry.data_bytes;
        }
        self.data_bytes -= tail.data_bytes;
        if !self.is_empty() {
            self.close();
        }
        self.sha256.reset();
        self.shrink();
        tail
    }

    /// Where the second half of the records begins, by the bytes that they take. Neither half is empty, if there are two.
    fn half(&self) -> usize {
        let half = self.head + (self.end() - self.head) / 2;
        self.entries.partition_point(|entry| entry.end <= half).clamp(1, self.len().saturating_sub(1).max(1))
    }

    /// How many of the records fit into a body of so many bytes.
    fn fitting(&self, max_bytes: usize) -> usize {
        self.entries.partition_point(|entry| entry.end + CLOSE.len() <= max_bytes)
    }

    /// Length of the body.
    fn body_bytes(&self) -> usize {
        self.end() + CLOSE.len()
    }

    /// What the length of the body becomes with one more record of so many bytes.
    fn body_bytes_with(&self, data_bytes: usize) -> usize {
        self.next_start() + Self::entry_len(data_bytes) + CLOSE.len()
    }

    /// Gives back memory that the records do not need, if it is more than they do.
    fn shrink(&mut self) {
        let used = self.end() + CLOSE.len();
        if self.buffer.len() > 2 * used + SPARE_BYTES {
            self.buffer.truncate(used);
            self.buffer.shrink_to_fit();
        }
        self.entries.shrink_to(2 * self.entries.len());
    }

    /// Bytes of memory held in all.
    fn memory_bytes(&self) -> usize {
        self.buffer.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// The data of one record, decoded again.
    fn data(&self, index: usize) -> Option<Vec<u8>> {
        self.base64.decode(self.encoded(index)?)
    }

    /// The base64 text of one record, as it stands in the request.
    #[must_use]
    pub fn encoded(&self, index: usize) -> Option<&str> {
        let (start, end) = (self.start(index)?, self.entries.get(index)?.end);
        let text = self.buffer.get(start + ENTRY_OPEN.len()..end - ENTRY_CLOSE.len())?;
        core::str::from_utf8(text).ok()
    }
}

impl Owner for Batch {
    fn bytes(&self) -> &[u8] {
        self.body()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("delivery_stream_name", &self.delivery_stream_name)
            .field("records", &self.len())
            .field("data_bytes", &self.data_bytes)
            .finish_non_exhaustive()
    }
}

/// Why a batch did not take a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The record is over the limit and fits into no batch.
    RecordTooLarge {
        /// Its size.
        bytes: usize,
        /// The most allowed.
        max_bytes: usize,
    },
    /// The record fits, but not beside those already here: send them first.
    Full,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordTooLarge { bytes, max_bytes } => {
                write!(f, "record of {bytes} bytes is above the {max_bytes} that one record may have")
            }
            Self::Full => f.write_str("batch is full"),
        }
    }
}

impl core::error::Error for PushError {}

/// A batch without records was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyBatch;

impl fmt::Display for EmptyBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("batch has no records; PutRecordBatch takes 1 to 500")
    }
}

impl core::error::Error for EmptyBatch {}
