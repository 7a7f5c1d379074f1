//! Whatever a peer answers, success means that the entries add up, and no error is at a loss for words.
#![no_main]

use std::error::Error;

use firehose_proto::batch::Batch;
use firehose_proto::call;
use firehose_proto::error::ResponseError;
use firehose_proto::model::Record;
use firehose_proto::op::{PutRecord, PutRecordInput};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let response = firehose_fuzz::response(text);
    let is_success = (200..300).contains(&response.status);
    let records: u8 = response.headers.value("records").and_then(|count| count.parse().ok()).unwrap_or(1);
    let mut batch = Batch::new("s").unwrap();
    (0..records).for_each(|_| batch.push(b"").unwrap());
    match batch.decode(&response) {
        Ok(output) => {
            assert!(is_success);
            assert_eq!(output.request_responses.len(), batch.len());
            assert!(output.request_responses.iter().all(|entry| entry.is_failed() == entry.record_id.is_none()));
            batch.retain(|index| output.request_responses[index].is_failed());
            assert_eq!(batch.len(), output.failed_put_count);
        }
        Err(error) => say(&error),
    }
    match call::decode::<PutRecord>(&PutRecordInput::new("s", Record::new(b"")), &response) {
        Ok(_) => assert!(is_success),
        Err(error) => say(&error),
    }
});

fn say(error: &ResponseError) {
    assert!(!format!("{error} {error:?} {}", error.source().unwrap()).is_empty());
}
