//! A segment of the spool is gone through to its end whatever is in it, and damage to one record costs no other.
#![no_main]

use firehose_blocking::fuzz::{walk_damaged_segment, walk_segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, Vec<(u16, u8)>, Vec<&[u8]>)| {
    let (first, damage, records) = input;
    walk_segment(first, &records.concat());
    walk_damaged_segment(first, &records, &damage);
});
