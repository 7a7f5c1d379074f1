//! [`PutRecord`]: puts one record into a stream.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{InputError, MalformedResponse, Operation, sealed};
use crate::exception::ErrorCode;
use crate::json::{self, Base64, Text};
use crate::model::record::{DELIVERY_STREAM_NAME, PUT_RESPONSE_RECORD_ID, Record, RecordDocument};
use crate::schema::{Document, Member, Shape, Structure};
use crate::validate::{self, Rule, Violation, Violations};

/// Writes one record of up to 1,024,000 bytes.
///
/// For frequent records, use [`PutRecordBatch`](super::put_record_batch::PutRecordBatch) or a
/// [`Batch`](crate::batch::Batch).
///
/// See [PutRecord](https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecord.html).
///
/// ```
/// use firehose_proto::model::Record;
/// use firehose_proto::op::{Operation, PutRecord, PutRecordInput};
///
/// let mut body = Vec::new();
/// PutRecord::write_input(&PutRecordInput::new("s", Record::new(b"\0\xffhi")), &mut body);
/// assert_eq!(body, br#"{"DeliveryStreamName":"s","Record":{"Data":"AP9oaQ=="}}"#);
/// ```
#[derive(Debug, Clone, Copy)]
pub enum PutRecord {}

/// Input of [`PutRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct PutRecordInput<'a> {
    /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
    #[serde(borrow)]
    pub delivery_stream_name: Cow<'a, str>,
    /// The record.
    #[serde(borrow)]
    pub record: Record<'a>,
}

impl<'a> PutRecordInput<'a> {
    /// A record for a stream.
    pub fn new(delivery_stream_name: impl Into<Cow<'a, str>>, record: Record<'a>) -> Self {
        Self { delivery_stream_name: delivery_stream_name.into(), record }
    }
}

/// Output of [`PutRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct PutRecordOutput<'a> {
    /// The record's id from the service.
    #[serde(borrow)]
    pub record_id: Cow<'a, str>,
    /// Whether server-side encryption was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
}

impl<'a> PutRecordOutput<'a> {
    /// An output for an accepted record.
    pub fn new(record_id: impl Into<Cow<'a, str>>) -> Self {
        Self { record_id: record_id.into(), encrypted: None }
    }

    /// The same output, owned.
    #[must_use]
    pub fn into_owned(self) -> PutRecordOutput<'static> {
        PutRecordOutput { record_id: self.record_id.into_owned().into(), encrypted: self.encrypted }
    }
}

json::document!(Input<'a> { name: Text<'a> = "DeliveryStreamName", record: RecordDocument<'a> = "Record", });
json::document!(Output<'a> { record_id: Text<'a> = "RecordId", encrypted: bool = "Encrypted", });

impl Document for PutRecordInput<'_> {
    const STRUCTURE: &'static Structure = &Structure::new(
        "PutRecordInput",
        &[
            Member::required("DeliveryStreamName", DELIVERY_STREAM_NAME),
            Member::required("Record", Shape::Structure(Record::STRUCTURE)),
        ],
    );
}

impl Document for PutRecordOutput<'_> {
    const STRUCTURE: &'static Structure = &Structure::new(
        "PutRecordOutput",
        &[Member::required("RecordId", PUT_RESPONSE_RECORD_ID), Member::optional("Encrypted", Shape::Boolean)],
    );
}

impl sealed::Sealed for PutRecord {
    const IS_PUT: bool = true;
}

impl Operation for PutRecord {
    const NAME: &'static str = "PutRecord";
    const TARGET: &'static str = "Firehose_20150804.PutRecord";
    const ERRORS: &'static [ErrorCode] = super::put_record_batch::PUT_ERRORS;
    const INPUT: &'static Structure = PutRecordInput::STRUCTURE;
    const OUTPUT: &'static Structure = PutRecordOutput::STRUCTURE;
    type Input<'a> = PutRecordInput<'a>;
    type Output<'a> = PutRecordOutput<'a>;

    fn validate(input: &Self::Input<'_>) -> Result<(), Violations> {
        let name = validate::check_stream_name(&input.delivery_stream_name).err();
        let data = input.record.check(|| "Record.Data".into()).err();
        Violations::check(name.into_iter().chain(data).collect())
    }

    fn write_input(input: &Self::Input<'_>, out: &mut Vec<u8>) {
        const FRAME_BYTES: usize = r#"{"DeliveryStreamName":"","Record":{"Data":""}}"#.len();
        let (name, data) = (&*input.delivery_stream_name, &*input.record.data);
        out.reserve_exact(FRAME_BYTES + name.len() + Base64::encoded_len(data.len()));
        out.extend_from_slice(br#"{"DeliveryStreamName":"#);
        json::write_string(name, out);
        out.extend_from_slice(br#","Record":{"Data":""#);
        json::write_blob(data, out);
        out.extend_from_slice(br#""}}"#);
    }

    fn read_input(body: &[u8]) -> Result<Self::Input<'_>, InputError> {
        let input: Input<'_> = json::parse(body)?;
        let name = input.name.ok_or_else(|| Violation::new("DeliveryStreamName", Rule::Missing))?;
        let record = input.record.ok_or_else(|| Violation::new("Record", Rule::Missing))?;
        let record = record.read(&Base64::new(), || "Record".into())?;
        Ok(PutRecordInput::new(name.0, record))
    }

    fn write_output(output: &Self::Output<'_>, out: &mut Vec<u8>) {
        json::write(output, out);
    }

    fn read_output<'a>(_: &Self::Input<'_>, body: &'a [u8]) -> Result<Self::Output<'a>, MalformedResponse> {
        let output: Output<'a> = json::parse(body)?;
        // An empty id counts as absent: no record has one.
        let id = output.record_id.filter(|id| !id.0.is_empty());
        let record_id = id.ok_or(MalformedResponse::Missing { member: "RecordId" })?.0;
        Ok(PutRecordOutput { record_id, encrypted: output.encrypted })
    }
}
