//! Any sequence of operations leaves a batch as it leaves its slow twin.
#![no_main]

#[path = "../../firehose-proto/tests/twin/mod.rs"]
mod twin;

use firehose_proto::limits::Limits;
use libfuzzer_sys::fuzz_target;
use twin::Step;

fuzz_target!(|input: (u8, u8, u16, Vec<(u8, u64, &[u8])>)| {
    let (max_records, max_record_bytes, max_request_bytes, steps) = input;
    let steps: Vec<_> = steps
        .into_iter()
        .map(|(kind, mask, data)| match kind % 8 {
            0..4 => Step::Push(data.to_vec()),
            4..6 => Step::Retain(mask),
            6 => Step::Encode,
            _ => Step::Clear,
        })
        .collect();
    let (max_records, max_record_bytes) = (max_records.into(), max_record_bytes.into());
    twin::run(Limits { max_records, max_record_bytes, max_request_bytes: max_request_bytes.into() }, &steps);
});
