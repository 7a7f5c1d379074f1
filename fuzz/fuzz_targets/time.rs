//! A moment that can be read says the same when it is written and read again, whichever form it came in.
#![no_main]

use firehose_proto::internal::retry;
use firehose_proto::time::{AmzDate, HttpDate, IsoDate, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(moment) = AmzDate::parse(text) {
        assert_eq!(AmzDate::new(moment).as_str(), text);
    }
    for moment in [HttpDate::parse(text), AmzDate::parse(text), IsoDate::parse(text)].into_iter().flatten() {
        // Fractions of a second are read, and not written.
        let moment = moment.replace_nanosecond(0).unwrap();
        assert_eq!(HttpDate::parse(HttpDate::new(moment).as_str()), Some(moment));
        assert_eq!(AmzDate::parse(AmzDate::new(moment).as_str()), Some(moment));
        assert_eq!(IsoDate::parse(IsoDate::new(moment).as_str()), Some(moment));
    }
    if let Some(timestamp) = Timestamp::parse(text) {
        let number = serde_json::to_string(&timestamp).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&number).unwrap(), timestamp);
    }
    if let Some(wait) = retry::retry_after(text) {
        assert_eq!(retry::retry_after(&wait.as_millis().to_string()), Some(wait));
    }
});
