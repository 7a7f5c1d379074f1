//! What has no outcome is in the spool when it is opened again, as it was written; damaged files bring nothing down.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<(u8, u16, &[u8])>| {
    let dir = tempfile::tempdir().unwrap();
    firehose_blocking::fuzz::run_spool(dir.path(), &steps);
});
