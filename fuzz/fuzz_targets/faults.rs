//! Faults that can be read say the same when they are written and read again, and whatever is wrong is named.
#![no_main]

use firehose_blocking::Faults;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Faults>() {
        Ok(faults) => assert_eq!(faults.to_string().parse(), Ok(faults)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
