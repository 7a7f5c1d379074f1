//! Implementations of `Firehose` in place of the client, and behind it.

use std::sync::{Arc, Mutex};

use firehose_blocking::firehose_proto::error::{ResponseError, ServiceError, TransportError};
use firehose_blocking::firehose_proto::op::ListDeliveryStreamsInput;
use firehose_blocking::{Firehose, Producer, PutRecordBatchOutput, PutRecordBatchResponseEntry, PutRecordOutput};

use super::*;

/// Knows two operations: it accepts the second attempt at any record, and refuses single ones.
#[derive(Default)]
struct Mock(Mutex<Vec<Vec<u8>>>);

impl Firehose for Mock {
    fn put_record(&self, input: &PutRecordInput<'_>) -> Result<PutRecordOutput<'static>, Error> {
        Err(match &*input.record.data {
            b"refused" => {
                ResponseError::Refused(ServiceError::new(400, ErrorCode::ResourceNotFoundException, "no such stream"))
                    .into()
            }
            b"unsent" => Error::Transport { error: TransportError::new(TransportErrorKind::Connect), attempts: 1 },
            _ => Error::EmptyBatch,
        })
    }

    fn put_record_batch(&self, input: &PutRecordBatchInput<'_>) -> Result<PutRecordBatchOutput<'static>, Error> {
        let mut seen = self.0.lock().unwrap();
        let mut entry = |data: &[u8]| {
            let is_known = seen.iter().any(|known| known == data);
            seen.push(data.to_vec());
            match is_known {
                true => PutRecordBatchResponseEntry::accepted("1"),
                false => PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "Slow down."),
            }
        };
        Ok(PutRecordBatchOutput::new(input.records.iter().map(|record| entry(&record.data)).collect()))
    }
}

#[test]
fn an_operation_that_is_left_out_fails_by_name() {
    let firehose: &dyn Firehose = &Arc::new(Mock::default());
    let direct = firehose.list_delivery_streams(&ListDeliveryStreamsInput::new()).unwrap_err();
    let client = Client::mock(Mock::default()).build().unwrap();
    let behind = client.list_delivery_streams(&ListDeliveryStreamsInput::new()).unwrap_err();
    for error in [direct, behind] {
        let Error::Refused { error, is_transient: false, .. } = error else { panic!("{error:?}") };
        assert_eq!(error.code, Some(ErrorCode::UnknownOperationException));
        assert_eq!(error.message, "this `Firehose` does not implement ListDeliveryStreams");
    }
}

#[test]
fn a_client_takes_the_errors_of_a_mock_for_the_service_s() {
    let client = Client::mock(Mock::default()).max_attempts(NonZeroU32::MIN).build().unwrap();
    let put = |data| client.put_record(&PutRecordInput::new("s", Record::new(data))).unwrap_err();
    let error = put("refused");
    assert!(
        matches!(&error, Error::Refused { error, .. } if error.code == Some(ErrorCode::ResourceNotFoundException)),
        "{error:?}"
    );
    for (data, kind) in [("unsent", TransportErrorKind::Connect), ("other", TransportErrorKind::Broken)] {
        let error = put(data);
        assert!(matches!(&error, Error::Transport { error, .. } if error.kind() == kind), "{error:?}");
    }
    let invalid = client.put_record(&PutRecordInput::new("a b", Record::new(b"refused"))).unwrap_err();
    assert!(matches!(invalid, Error::Invalid(_)), "inputs are checked: {invalid:?}");
}

#[test]
fn a_producer_delivers_to_a_mock() {
    let mock = Arc::new(Mock::default());
    let producer = Producer::builder(Client::mock(Arc::clone(&mock)).build().unwrap(), "s").start().unwrap();
    producer.send(b"one").unwrap();
    let closed = producer.close(Duration::from_secs(30));
    assert_eq!((closed.statistics.records.accepted, closed.statistics.records.resent), (1, 1));
    assert_eq!(*mock.0.lock().unwrap(), [b"one", b"one"]);
}
