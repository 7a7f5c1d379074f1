//! A call comes to an end under any sequence of events, in turn or not, and each of its requests is signed exactly once.
#![no_main]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use firehose_fuzz::response;
use firehose_proto::batch::Batch;
use firehose_proto::call::{Action, Call, ClientState, Config};
use firehose_proto::credentials::{Credentials, CredentialsError};
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::settings::RetryMode;
use firehose_proto::time::{AmzDate, Now, Tick};
use firehose_proto::{Endpoint, Region};
use libfuzzer_sys::fuzz_target;

const KINDS: [TransportErrorKind; 7] = [
    TransportErrorKind::Connect,
    TransportErrorKind::Proxy,
    TransportErrorKind::Tls,
    TransportErrorKind::Timeout,
    TransportErrorKind::Broken,
    TransportErrorKind::ResponseTooLarge,
    TransportErrorKind::Request,
];

fuzz_target!(|input: (u8, u8, u16, Vec<(u8, u16, &[u8])>)| {
    let (flags, max_attempts, operation_timeout, events) = input;
    let mut config = Config::new(Endpoint::resolve(Region::parse("eu-west-1").unwrap(), false, false));
    config.max_attempts = NonZeroU32::MIN.saturating_add(u32::from(max_attempts % 8));
    config.retry_mode = if flags & 1 == 0 { RetryMode::Standard } else { RetryMode::Adaptive };
    config.disable_clock_skew_correction = flags & 2 != 0;
    config.operation_timeout = (flags & 4 != 0).then(|| Duration::from_millis(operation_timeout.into()));
    // Repetitions that are no retries: one for the credentials, one each for an old signature and a wrong clock.
    let max_requests = config.max_attempts.get() + 3;
    let mut shared = ClientState::new(config, flags.into());

    let mut batch = Batch::new("s").unwrap();
    batch.push(b"one").unwrap();
    batch.push(b"two").unwrap();
    let call = Call::put_batch(shared.config(), &batch).unwrap();
    let mut call = if flags & 8 == 0 { call } else { call.single_attempt() };

    let mut now = Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap());
    let mut events = events.into_iter();
    loop {
        let (kind, time, data) = events.next().unwrap_or((0, 1, b"200\n\n{}"));
        // Events in turn, and now and then one that is not.
        let is_in_turn = kind & 0x80 == 0;
        let key = |id: u8| Arc::new(Credentials::new(format!("AKID{}", id % 2), "secret"));
        let credentials = match kind % 4 {
            3 => Err(CredentialsError::transient("none")),
            id => Ok(key(id)),
        };
        let answer = match KINDS.get(usize::from(kind % 16)) {
            Some(&kind) => Err(TransportError::new(kind)),
            None => Ok(response(data)),
        };
        now.utc += Duration::from_secs(time.into());
        match call.poll(now, &mut shared) {
            Action::NeedCredentials { .. } if is_in_turn => call.handle_credentials(credentials),
            Action::Transmit { request, .. } => {
                let count = |name: &str| request.headers.iter().filter(|(found, _)| *found == name).count();
                assert_eq!((count("authorization"), count("amz-sdk-request"), count("x-amz-date")), (1, 1, 1));
                if is_in_turn {
                    call.handle_response(now, answer);
                } else {
                    call.handle_credentials(credentials);
                }
            }
            Action::NeedCredentials { .. } => call.handle_response(now, answer),
            Action::Wait(until) => {
                assert!(until > now.tick && until < Tick::MAX);
                now.tick = until;
            }
            Action::Done(outcome) => {
                assert!(outcome.is_err() || call.attempts() > 0);
                break;
            }
        }
        assert!(call.attempts() <= max_requests);
    }
});
