//! A batch that is put again and again loses records to acceptance alone, waits for nothing in the past, and comes to an end.
#![no_main]

use std::time::Duration;

use firehose_fuzz::response;
use firehose_proto::batch::Batch;
use firehose_proto::call::{ClientState, Config, Error, Resend};
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::time::Tick;
use firehose_proto::{Endpoint, Region};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u16, Vec<(u8, &[u8])>)| {
    let (records, seconds, answers) = input;
    let config = Config::new(Endpoint::resolve(Region::parse("eu-west-1").unwrap(), false, false));
    let mut shared = ClientState::new(config, 7);
    let mut batch = Batch::new("s").unwrap();
    (0..=records).for_each(|record| batch.push(&[record]).unwrap());
    let mut now = Tick::default();
    let deadline = now + Duration::from_secs(seconds.into());
    let mut resend = Resend::new(deadline);
    for (kind, data) in answers {
        let before = batch.clone();
        let answer = response(data);
        let accepted = before.decode(&answer).map_or(0, |output| before.len() - output.failed_put_count);
        let (outcome, accepted) = match kind % 8 {
            0 => (Err(TransportError::new(TransportErrorKind::Timeout)), 0),
            1 => (Err(TransportError::new(TransportErrorKind::Connect)), 0),
            _ => (Ok(answer), accepted),
        };
        let outcome = outcome.map_err(|error| Error::Transport { error, attempts: 1 });
        let result = resend.settle(now, &mut shared, &mut batch, outcome);
        assert_eq!(batch.len(), before.len() - accepted);
        match result {
            Ok(Some(time)) => {
                assert!(time >= now && time < deadline && !batch.is_empty());
                now = time;
            }
            Ok(None) => return assert!(batch.is_empty()),
            Err(error) => return assert!(!error.to_string().is_empty()),
        }
    }
});
