//! [`Batch`], the body of a PutRecordBatch request under construction, and [`Batcher`], a producer without its I/O.
//!
//! ```text
//! push(data)      limits first, then base64 straight into the body, inside its JSON frame
//! request()       hashes the body, once; the request borrows it
//! decode()        one entry for each record
//! retain(failed)  the encoded records that failed slide to the front, in order: what is sent again
//! ```
//!
//! A record is copied once, when it is encoded; a retry needs no second copy.
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

pub use batcher::{Batcher, EnqueueError, Output, Statistics};
pub use outcome::{Accepted, Event, Failure, Outage, Reason, Recovered, Undelivered};
pub use pack::{Billing, billed_bytes};
pub use policy::{Delivery, MaxFailedCalls, Order, Oversize, Packing, Policy, Quotas};
pub use settle::PutBatchOutput;

use crate::client::{self, ResponseError};
use crate::crypto::DigestOnce;
use crate::endpoint::Endpoint;
use crate::http::{Body, Owner, Request, Response};
use crate::limits::Limits;
use crate::op::Operation;
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, RequestBody};
use crate::validate::{self, Violation};

/// Records for one stream, stored as the bytes of the request that carries them.
///
/// Its memory grows with what is pushed and is kept by [`clear`](Self::clear): a reused batch allocates nothing.
#[derive(Clone)]
pub struct Batch {
    delivery_stream_name: String,
    limits: Limits,
    body: RequestBody,
    sha256: DigestOnce,
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
        Self {
            delivery_stream_name: delivery_stream_name.into(),
            limits,
            body: RequestBody::new(delivery_stream_name),
            sha256: DigestOnce::default(),
        }
    }

    /// The name of the stream.
    #[must_use]
    pub fn delivery_stream_name(&self) -> &str {
        &self.delivery_stream_name
    }

    /// The limits that [`push`](Self::push) enforces.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Bytes of data in all records, before base64.
    #[must_use]
    pub const fn data_bytes(&self) -> usize {
        self.body.data_bytes()
    }

    /// Bytes of memory held for records, used or spare.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.body.buffered_bytes()
    }

    /// Adds a record, or leaves the batch unchanged. Never splits a record.
    ///
    /// # Errors
    ///
    /// [`PushError::RecordTooLarge`] if the record fits into no batch, [`PushError::Full`] if it fits into the next
    /// one.
    pub fn push(&mut self, data: &[u8]) -> Result<(), PushError> {
        let Limits { max_records, max_record_bytes, max_request_bytes } = self.limits;
        let bytes = data.len();
        let max_bytes = max_record_bytes.min(max_request_bytes);
        if bytes > max_bytes {
            return Err(PushError::RecordTooLarge { bytes, max_bytes });
        }
        if self.len() >= max_records || bytes > max_request_bytes - self.data_bytes() {
            return Err(PushError::Full);
        }
        self.sha256.reset();
        self.body.push(data, self.limits);
        Ok(())
    }

    /// The unsigned request that carries the records. Neither body nor digest is made twice: until the records change,
    /// asking again costs nothing.
    ///
    /// # Errors
    ///
    /// [`EmptyBatch`]: the service takes no request without records.
    pub fn request<'a>(&'a self, endpoint: &'a Endpoint) -> Result<Request<'a>, EmptyBatch> {
        self.request_to(endpoint, endpoint.url(), || Body::from(self.body.bytes()))
    }

    /// The same request; the batch may outlive the endpoint.
    pub(crate) fn borrowed_request<'a>(&'a self, endpoint: &Endpoint) -> Result<Request<'a>, EmptyBatch> {
        self.request_to(endpoint, endpoint.url().to_string(), || Body::from(self.body.bytes()))
    }

    /// The same request as an owned value, for transports that send it from another task or thread. It shares the batch
    /// and so copies no body.
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
        request.set_hashed_body(body(), self.sha256.of(self.body.bytes()));
        Ok(request)
    }

    /// Decodes the answer to the request: one entry for each record, in order.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Refused`] if the service refused the whole call, [`ResponseError::Malformed`] if the answer
    /// cannot be interpreted. The batch is unchanged.
    pub fn decode<'a>(&self, response: &'a Response) -> Result<PutRecordBatchOutput<'a>, ResponseError> {
        client::successful(response, |body| PutRecordBatchOutput::read(self.len(), body))
    }

    /// Keeps the records for which `keep` returns `true`, in order, as they are encoded.
    pub fn retain(&mut self, keep: impl FnMut(usize) -> bool) {
        self.body.retain(keep);
        self.sha256.reset();
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.body.clear();
        self.sha256.reset();
    }

    /// Splits off the records from this one on into another batch, as they are encoded.
    fn split_off(&mut self, index: usize) -> Self {
        self.sha256.reset();
        Self {
            delivery_stream_name: self.delivery_stream_name.clone(),
            limits: self.limits,
            body: self.body.split_off(index),
            sha256: DigestOnce::default(),
        }
    }

    /// The decoded data of one record.
    fn data(&self, index: usize) -> Option<Vec<u8>> {
        self.body.data(index)
    }

    /// The base64 text of one record, as in the request.
    #[must_use]
    pub fn encoded(&self, index: usize) -> Option<&str> {
        self.body.encoded(index)
    }
}

impl Owner for Batch {
    fn bytes(&self) -> &[u8] {
        self.body.bytes()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("delivery_stream_name", &self.delivery_stream_name)
            .field("records", &self.len())
            .field("data_bytes", &self.data_bytes())
            .finish_non_exhaustive()
    }
}

/// Why a batch did not take a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The record exceeds the limit and fits into no batch.
    RecordTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// The record fits, but not beside those already here: send them first.
    Full,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordTooLarge { bytes, max_bytes } => {
                write!(f, "record of {bytes} bytes is above the limit of {max_bytes}")
            }
            Self::Full => f.write_str("batch is full"),
        }
    }
}

impl core::error::Error for PushError {}

/// A request needs at least one record, and the batch has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyBatch;

impl fmt::Display for EmptyBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("batch has no records; PutRecordBatch takes 1 to 500")
    }
}

impl core::error::Error for EmptyBatch {}
