//! All limits that AWS documents for the put operations, and our own, each a named constant.

/// Most records in one PutRecordBatch call
/// ([`Records`](https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html)).
pub const MAX_BATCH_RECORDS: usize = 500;

/// Most bytes in one record, before base64
/// ([`Data`](https://docs.aws.amazon.com/firehose/latest/APIReference/API_Record.html)). A record may be empty.
pub const MAX_RECORD_BYTES: usize = 1_024_000;

/// Most bytes of data in one PutRecordBatch call, before base64
/// ([PutRecordBatch](https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html): "4 MB for
/// the entire request").
///
/// The page does not say which bytes count. The service accepts bodies whose base64 is well over this, and AWS's own
/// producers count decoded bytes.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Most characters in a delivery stream's name
/// ([`DeliveryStreamName`](https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecord.html)).
pub const MAX_STREAM_NAME_CHARACTERS: usize = 64;

/// Most bytes of a response that are read and parsed. Our choice: the largest response to a put is about 120 kB, and a
/// peer that sends far more is not Firehose.
pub const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of a document that contains credentials. Our choice: a session token may have several thousand
/// characters, and a sign-in's cache holds two or three tokens.
pub const MAX_CREDENTIAL_DOCUMENT_BYTES: usize = 128 * 1024;

/// Most bytes of a configuration or credentials file. Our choice: profiles for a role in each of a thousand accounts
/// fit.
pub const MAX_PROFILE_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of an error's message that are kept. Our choice.
pub const MAX_ERROR_TEXT_BYTES: usize = 1024;

/// Limits of one PutRecordBatch call.
///
/// Start from [`Limits::SERVICE`] and lower what needs a margin. The service refuses a whole call that exceeds its own
/// limits; raise one only after the service has raised it.
///
/// ```
/// use firehose_proto::limits::Limits;
///
/// let small = Limits { max_records: 100, ..Limits::SERVICE };
/// assert_eq!(small.max_record_bytes, 1_024_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most records in a request.
    pub max_records: usize,
    /// Most bytes in a record, before base64.
    pub max_record_bytes: usize,
    /// Most bytes of data in a request, before base64.
    pub max_request_bytes: usize,
}

impl Limits {
    /// The limits that AWS documents.
    pub const SERVICE: Self = Self {
        max_records: MAX_BATCH_RECORDS,
        max_record_bytes: MAX_RECORD_BYTES,
        max_request_bytes: MAX_REQUEST_BYTES,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::SERVICE
    }
}
