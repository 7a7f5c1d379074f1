//! What is read of a refusal survives being written and read again.
#![no_main]

use firehose_proto::exception::ServiceError;
use firehose_proto::http::Response;
use firehose_proto::op::Operation;
use firehose_proto::op::put_record::PutRecord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, Vec<(&str, &str)>, &[u8])| {
    let (status, headers, body) = input;
    let mut response = Response::new(status, body.to_vec());
    for (name, value) in headers {
        let _ = response.headers.append(name, value);
    }
    let error = ServiceError::read(&response);
    assert!(!error.to_string().is_empty());
    let again = ServiceError::read(&error.write());
    assert_eq!((&again.code, &again.reason, again.status), (&error.code, &error.reason, status));
    assert_eq!(again.retry_class(PutRecord::ERRORS, None), error.retry_class(PutRecord::ERRORS, None));
    if error.code.is_some() {
        assert_eq!(again.message, error.message);
    }
});
