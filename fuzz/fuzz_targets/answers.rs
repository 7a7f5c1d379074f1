//! An answer means the same whichever reader it meets: the one for the form that the service writes, or the one for any.
#![no_main]

use firehose_proto::error::MalformedResponse;
use firehose_proto::model::Record;
use firehose_proto::op::{Operation, PutRecordBatch, PutRecordBatchInput};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &[u8]| {
    // White space in front means nothing in JSON, but is not in the form.
    let spaced = [b" ", answer].concat();
    let input = |records| PutRecordBatchInput::new("s", vec![Record::new(b""); records]);
    let answered = match PutRecordBatch::read_output(&input(0), &spaced) {
        Err(MalformedResponse::WrongCount { answered, .. }) => answered,
        _ => 0,
    };
    for records in [answered, answered + 1] {
        let input = input(records);
        match (PutRecordBatch::read_output(&input, answer), PutRecordBatch::read_output(&input, &spaced)) {
            // They say where, which is one byte further on in one of them.
            (Err(MalformedResponse::Parse(_)), Err(MalformedResponse::Parse(_))) => {}
            (one, other) => assert_eq!(one, other),
        }
    }
});
