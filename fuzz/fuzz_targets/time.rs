//! Times that can be read say the same when they are written and read again.
#![no_main]

use firehose_proto::time::{AmzDate, HttpDate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(moment) = HttpDate::parse(text) {
        assert_eq!(HttpDate::parse(HttpDate::new(moment).as_str()), Some(moment));
        assert_eq!(AmzDate::parse(AmzDate::new(moment).as_str()), Some(moment));
    }
    if let Some(moment) = AmzDate::parse(text) {
        assert_eq!(AmzDate::new(moment).as_str(), text);
        assert_eq!(HttpDate::parse(HttpDate::new(moment).as_str()), Some(moment));
    }
});
