//! [`Twin`]: a slow, simple model of a batch, and a driver that compares [`Batch`] with it step by step.

use std::{mem, str};

use firehose_proto::batch::{Batch, EmptyBatch, PushError};
use firehose_proto::internal::crypto;
use firehose_proto::limits::Limits;
use firehose_proto::model::Record;
use firehose_proto::op::PutRecordBatchInput;
use firehose_proto::{Endpoint, Region};

/// An operation on a batch.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Push(Vec<u8>),
    /// Keeps the records whose bit is set; indices count modulo 64.
    Retain(u64),
    Clear,
    Encode,
}

/// Records in a list. The serializer makes the document each time that one is asked for.
struct Twin {
    limits: Limits,
    records: Vec<Vec<u8>>,
}

impl Twin {
    fn data_bytes(&self) -> usize {
        self.records.iter().map(Vec::len).sum()
    }

    fn push(&mut self, data: &[u8]) -> Result<(), PushError> {
        let max_bytes = self.limits.max_record_bytes.min(self.limits.max_request_bytes);
        if data.len() > max_bytes {
            return Err(PushError::RecordTooLarge { bytes: data.len(), max_bytes });
        }
        let is_over = self.data_bytes() + data.len() > self.limits.max_request_bytes;
        if is_over || self.records.len() + 1 > self.limits.max_records {
            return Err(PushError::Full);
        }
        self.records.push(data.to_vec());
        Ok(())
    }

    fn retain(&mut self, mask: u64) {
        let records = mem::take(&mut self.records).into_iter().enumerate();
        self.records = records.filter(|(index, _)| is_kept(mask, *index)).map(|(_, record)| record).collect();
    }

    fn body(&self) -> String {
        let records = self.records.iter().map(Record::new).collect();
        serde_json::to_string(&PutRecordBatchInput::new("s", records)).unwrap()
    }
}

fn is_kept(mask: u64, index: usize) -> bool {
    (mask >> (index % 64)) & 1 == 1
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::resolve(Region::parse("us-east-1").unwrap(), false, false)
}

/// Applies the steps to both and panics where they differ.
pub(crate) fn run(limits: Limits, steps: &[Step]) {
    let endpoint = endpoint();
    let mut batch = Batch::with_limits("s", limits).unwrap();
    let mut twin = Twin { limits, records: Vec::new() };
    for step in steps {
        match step {
            Step::Push(data) => assert_eq!(batch.push(data), twin.push(data)),
            Step::Retain(mask) => {
                batch.retain(|index| is_kept(*mask, index));
                twin.retain(*mask);
            }
            Step::Clear => {
                batch.clear();
                twin.records.clear();
            }
            Step::Encode => encode(&batch, &twin, &endpoint),
        }
        assert_eq!((batch.len(), batch.is_empty()), (twin.records.len(), twin.records.is_empty()));
        assert_eq!(batch.data_bytes(), twin.data_bytes());
        assert!(batch.len() <= limits.max_records && batch.data_bytes() <= limits.max_request_bytes);
    }
    encode(&batch, &twin, &endpoint);
}

fn encode(batch: &Batch, twin: &Twin, endpoint: &Endpoint) {
    for (index, record) in twin.records.iter().enumerate() {
        let document = serde_json::to_value(Record::new(record)).unwrap();
        assert_eq!(batch.encoded(index), document.get("Data").and_then(serde_json::Value::as_str), "record {index}");
    }
    assert_eq!(batch.encoded(twin.records.len()), None);
    match batch.request(endpoint) {
        Err(EmptyBatch) => assert!(twin.records.is_empty()),
        Ok(mut request) => {
            assert!(!twin.records.is_empty());
            assert_eq!(str::from_utf8(request.body()), Ok(&*twin.body()));
            assert_eq!(request.body_sha256(), crypto::sha256(twin.body().as_bytes()));
        }
    }
}
