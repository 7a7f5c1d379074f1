//! [`PutBatchOutput`]: the result of putting a batch.

use alloc::vec::Vec;
use core::fmt;

use super::Batch;
use crate::client::ResponseError;
use crate::http::Response;
use crate::op::put_record_batch::{PutRecordBatchOutput, PutRecordBatchResponseEntry};

/// The result of putting a batch: the answer as it came, without a copy.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutBatchOutput {
    /// How many records were refused; these are still in the batch.
    pub failed_put_count: usize,
    /// Whether server-side encryption was on.
    pub encrypted: Option<bool>,
    records: usize,
    body: Vec<u8>,
}

impl PutBatchOutput {
    /// Decodes one entry for each record that was in the batch, in order: the id of an accepted record, the error of a
    /// refused one. Each call decodes the answer again.
    ///
    /// ```
    /// use firehose_proto::batch::Batch;
    /// use firehose_proto::http::Response;
    ///
    /// let mut batch = Batch::new("s")?;
    /// batch.push(b"one")?;
    /// batch.push(b"two")?;
    /// let answer = br#"{"FailedPutCount":1,"RequestResponses":[{"RecordId":"1"},
    ///     {"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]}"#;
    /// let output = batch.settle(Response::new(200, answer.to_vec()))?;
    /// assert_eq!((output.failed_put_count, batch.encoded(0)), (1, Some("dHdv")));
    /// let entries = output.request_responses();
    /// assert_eq!(entries[0].record_id.as_deref(), Some("1"));
    /// assert_eq!(entries[1].error_message.as_deref(), Some("Slow down."));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn request_responses(&self) -> Vec<PutRecordBatchResponseEntry<'_>> {
        let output = PutRecordBatchOutput::read(self.records, &self.body);
        output.expect("the same bytes were read when the batch was settled").request_responses
    }
}

impl fmt::Debug for PutBatchOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutBatchOutput")
            .field("failed_put_count", &self.failed_put_count)
            .field("encrypted", &self.encrypted)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl Batch {
    /// Decodes the answer to the request. The failed records stay in the batch, in order and ready to send again.
    /// Combines [`decode`](Self::decode) and [`retain`](Self::retain), for callers who keep the answer.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode). The batch is then unchanged.
    pub fn settle(&mut self, response: Response) -> Result<PutBatchOutput, ResponseError> {
        let records = self.len();
        let PutRecordBatchOutput { failed_put_count, encrypted, request_responses: entries, .. } =
            self.decode(&response)?;
        self.retain(|index| entries.get(index).is_some_and(PutRecordBatchResponseEntry::is_failed));
        Ok(PutBatchOutput { failed_put_count, encrypted, records, body: response.body })
    }
}
