//! Whatever a client sends, what the server's side takes is written out again to mean the same.
#![no_main]

use firehose_proto::error::ServiceError;
use firehose_proto::http::{Method, Request};
use firehose_proto::op::{Operation, PutRecord, PutRecordBatch};
use firehose_proto::server::{self, OperationInput};
use firehose_proto::{Endpoint, Region, call};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte says which operation; what is left is the body, so that seeds are plain JSON.
    let Some((first, body)) = data.split_first() else { return };
    let target = [PutRecordBatch::TARGET, PutRecord::TARGET, "Firehose_20150804.None"][usize::from(*first) % 3];
    let mut request = Request::new(Method::Post, "/");
    request.headers.append("X-Amz-Target", target).unwrap();
    request.set_body(body);
    let endpoint = Endpoint::resolve(Region::parse("us-east-1").unwrap(), false, false);
    let (call, again) = match server::parse(&request) {
        Ok(OperationInput::PutRecord(input)) => {
            let again = call::encode::<PutRecord>(&input, &endpoint).unwrap();
            (OperationInput::PutRecord(input), again)
        }
        Ok(OperationInput::PutRecordBatch(input)) => {
            let again = call::encode::<PutRecordBatch>(&input, &endpoint).unwrap();
            (OperationInput::PutRecordBatch(input), again)
        }
        Ok(call) => panic!("{call:?}"),
        Err(error) => {
            let mut read = ServiceError::read(&server::error_response(&error));
            // A message is cut where it seems to quote a canonical request, and it quotes names that are not valid.
            assert!(error.message.starts_with(&read.message));
            read.message.clone_from(&error.message);
            assert_eq!(read, error);
            return;
        }
    };
    assert_eq!(server::parse(&again), Ok(call));
});
