//! Whatever a peer answers, success means that the entries add up, and no error is at a loss for words.
#![no_main]

use std::error::Error;

use firehose_proto::batch::Batch;
use firehose_proto::client::{self, ResponseError};
use firehose_proto::http::Response;
use firehose_proto::model::record::Record;
use firehose_proto::op::put_record::{PutRecord, PutRecordInput};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, Vec<(&str, &str)>, &[u8])| {
    let (records, is_success, headers, body) = input;
    let mut response = Response::new(if is_success { 200 } else { 400 }, body.to_vec());
    for (name, value) in headers {
        let _ = response.headers.append(name, value);
    }
    let mut batch = Batch::new("s").unwrap();
    (0..records).for_each(|_| batch.push(b"").unwrap());
    match batch.decode(&response) {
        Ok(output) => {
            assert!(is_success);
            assert_eq!(output.request_responses.len(), batch.len());
            assert_eq!(output.failed_put_count, output.request_responses.iter().filter(|e| e.is_failed()).count());
            assert!(output.request_responses.iter().all(|entry| entry.is_failed() == entry.record_id.is_none()));
            batch.retain(|index| output.request_responses[index].is_failed());
            assert_eq!(batch.len(), output.failed_put_count);
        }
        Err(error) => say(&error),
    }
    match client::decode::<PutRecord>(&PutRecordInput::new("s", Record::new(b"")), &response) {
        Ok(_) => assert!(is_success),
        Err(error) => say(&error),
    }
});

fn say(error: &ResponseError) {
    assert!(!format!("{error} {error:?} {}", error.source().unwrap()).is_empty());
}
