//! Whoever wants credentials gets them or learns why not: after any answers, in turn or not, however much time passes, and
//! whatever the service says of those that it got.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use firehose_fuzz::response;
use firehose_proto::credentials::{
    Credentials, CredentialsError, CredentialsRequest, FileError, Finder, Found, Need, Provider, SearchState,
};
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::settings::{Overrides, Settings};
use firehose_proto::time::{AmzDate, Now, Tick};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, Vec<(u8, u16, &[u8])>)| {
    let (has_own_provider, events) = input;
    let variable = |_: &str| None;
    let settings = Settings::find(&Overrides::default(), &variable, false, |_, _| Err(FileError::NotFound)).unwrap();
    let own = Provider::Custom { id: 1, name: "own".into() };
    let provider = if has_own_provider { own } else { Provider::InstanceMetadata };
    let mut finder = Finder::new(provider, SearchState::new(&settings, variable, false, 7));
    let start = AmzDate::parse("20261122T120000Z").unwrap();
    let (mut time, mut want) = (Duration::ZERO, CredentialsRequest::any());
    for (kind, seconds, data) in events {
        let now = Now::new(Tick::from_duration(time), start + time);
        let found = |expires_after: u64| {
            let mut credentials = Credentials::new(format!("AKID{}", kind % 2), "secret");
            credentials.expires_at = Some(now.utc + Duration::from_secs(expires_after));
            Found { credentials, provider: "own".into() }
        };
        match finder.poll(now, &mut want) {
            Need::Wait(until) => {
                assert!(until > now.tick, "a wait that has passed");
                time += until.since(now.tick);
            }
            Need::Done(outcome) => {
                let outcome: Result<Arc<Credentials>, _> = outcome.clone();
                want = match outcome {
                    Ok(credentials) if kind % 4 == 0 => CredentialsRequest::other_than(credentials),
                    _ => CredentialsRequest::any(),
                };
                time += Duration::from_secs(seconds.into());
            }
            _ => match kind % 8 {
                0..3 => finder.handle_response(now, Ok(response(data))),
                3 => finder.handle_response(now, Err(TransportError::new(TransportErrorKind::Timeout))),
                4..6 => finder.handle_custom(now, Ok(found(seconds.into()))),
                6 => finder.handle_custom(now, Err(CredentialsError::transient("none"))),
                _ => finder.decline(now),
            },
        }
    }
    // Declined often enough, it has nothing left to ask.
    for _ in 0..1_000 {
        let now = Now::new(Tick::from_duration(time), start + time);
        match finder.poll(now, &mut want) {
            Need::Wait(until) => time += until.since(now.tick),
            Need::Done(_) => return,
            _ => finder.decline(now),
        }
    }
    panic!("it does not end");
});
