//! What is read of a refusal survives being written and read again.
#![no_main]

use firehose_proto::error::ServiceError;
use firehose_proto::op::{Operation, PutRecord};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let error = ServiceError::read(&firehose_fuzz::response(text));
    assert!(!error.to_string().is_empty());
    let again = ServiceError::read(&error.write());
    assert_eq!((&again.code, &again.reason, again.status), (&error.code, &error.reason, error.status));
    assert_eq!(again.retry_class(PutRecord::ERRORS, None), error.retry_class(PutRecord::ERRORS, None));
    if error.code.is_some() {
        assert_eq!(again.message, error.message);
    }
});
