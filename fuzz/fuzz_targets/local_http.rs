//! Whatever bytes a client sends, the local endpoint answers each request that it takes once and in order, and refuses one at
//! most.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| firehose_blocking::fuzz::serve(bytes));
