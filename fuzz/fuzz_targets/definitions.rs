//! What a file says of a stream of the local endpoint is written again to mean the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| firehose_blocking::fuzz::read_definition(document));
