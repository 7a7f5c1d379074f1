//! A whole call on virtual time: what it asks its driver to do, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

mod credentials;
mod world;

use std::num::NonZeroU32;
use std::time::Duration;

use firehose_proto::batch::Batch;
use firehose_proto::call::{Action, Call, Error};
use firehose_proto::error::TransportErrorKind;
use firehose_proto::model::Record;
use firehose_proto::op::{PutRecord, PutRecordInput};
use firehose_proto::settings::RetryMode;
use firehose_proto::sigv4::Authorization;
use firehose_proto::time::{Now, Tick};
use time::SignedDuration;

use self::world::{Answer, World, accepted, answer, config, refusal};

const SECOND: Duration = Duration::from_secs(1);

fn call(world: &World) -> Call<'static> {
    Call::new::<PutRecord>(&world.config(), &PutRecordInput::new("s", Record::new(b"data"))).unwrap()
}

fn put(world: &mut World) -> Result<(), Error> {
    let call = call(world);
    world.drive(call).map(drop)
}

fn put_once(world: &mut World) -> Result<(), Error> {
    let call = call(world).single_attempt();
    world.drive(call).map(drop)
}

fn batch(records: usize) -> Batch {
    let mut batch = Batch::new("s").unwrap();
    (0..records).for_each(|_| batch.push(b"x").unwrap());
    batch
}

#[test]
fn signs_what_nobody_rewrites_and_adds_the_rest() {
    let mut world =
        World::new(config(), [refusal(500, "InternalFailure"), Err(TransportErrorKind::Broken), accepted()]);
    let call = call(&world).with_trace_id(Some("Root=1".into()));
    world.drive(call).unwrap();
    let value = |index: usize, name| world.sent[index].headers.value(name).unwrap();
    let authorization = Authorization::parse(value(0, "authorization")).unwrap();
    assert_eq!(authorization.signed_headers(), "content-type;host;x-amz-date;x-amz-target");
    assert_eq!((authorization.region(), authorization.service()), ("eu-west-1", "firehose"));
    for index in 0..3 {
        assert!(world.sent[index].is_verified);
        assert_eq!(world.sent[index].body, br#"{"DeliveryStreamName":"s","Record":{"Data":"ZGF0YQ=="}}"#);
        assert_eq!(value(index, "amz-sdk-invocation-id"), value(0, "amz-sdk-invocation-id"));
        assert_eq!(value(index, "accept-encoding"), "identity");
        assert_eq!(value(index, "x-amzn-trace-id"), "Root=1");
        assert!(value(index, "user-agent").contains(" ua/2.1 api/firehose/2015-08-04 os/"));
        assert_eq!(world.sent[index].headers.iter().len(), 10, "no header twice");
    }
    assert_eq!(value(0, "amz-sdk-request"), "attempt=1; max=3");
    assert!(value(2, "amz-sdk-request").starts_with("ttl=20261122T12003"));
    assert!(value(2, "amz-sdk-request").ends_with("; attempt=3; max=3"));
    // The version of the compiler in use, not the oldest supported one.
    assert!(!value(0, "user-agent").contains("lang/rust/unknown"));
    assert!(value(0, "user-agent").contains("lang/rust/1."));
}

#[test]
fn ids_differ_from_call_to_call() {
    let mut world = World::new(config(), [accepted()]);
    (0..100).for_each(|_| put(&mut world).unwrap());
    let ids = world.sent.iter().map(|sent| sent.headers.value("amz-sdk-invocation-id").unwrap());
    // By either half.
    for range in [0..18, 19..36] {
        assert_eq!(ids.clone().map(|id| &id[range.clone()]).collect::<std::collections::HashSet<_>>().len(), 100);
    }
}

/// Each row: the responses, the requests made in a full call and with a single attempt, and what the error says of
/// another try.
#[test]
fn tries_again_where_that_may_help() {
    for (script, full, single, is_transient, is_ambiguous) in [
        (refusal(400, "ResourceNotFoundException"), 1, 1, false, false),
        (refusal(400, "AccessDeniedException"), 1, 1, false, false),
        (refusal(400, "InvalidSignatureException"), 1, 1, false, false),
        (refusal(400, "ThrottlingException"), 3, 1, true, false),
        (refusal(503, "ServiceUnavailableException"), 3, 1, true, true),
        (refusal(500, "InternalFailure"), 3, 1, true, true),
        (answer(503, "<html>"), 3, 1, true, true),
        (answer(501, ""), 1, 1, false, true),
        (answer(413, ""), 1, 1, false, false),
        // Not the service, but a captive portal, a firewall or a proxy's page.
        (answer(302, ""), 3, 1, true, false),
        (answer(403, "<html>blocked</html>"), 3, 1, true, false),
        (answer(511, "<html>"), 1, 1, false, true),
        (refusal(400, "ExpiredTokenException"), 3, 1, true, false),
        (refusal(403, "UnrecognizedClientException"), 3, 1, true, false),
        (Err(TransportErrorKind::Connect), 3, 1, true, false),
        (Err(TransportErrorKind::Timeout), 3, 1, true, true),
        (Err(TransportErrorKind::Broken), 3, 1, true, true),
        (Err(TransportErrorKind::ResponseTooLarge), 1, 1, false, true),
        (Err(TransportErrorKind::Tls), 1, 1, false, false),
        (Err(TransportErrorKind::Proxy), 1, 1, false, false),
        (Err(TransportErrorKind::Request), 1, 1, false, false),
    ] {
        let script: Answer = script;
        for (put, requests) in [(put as fn(&mut World) -> _, full), (put_once, single)] {
            let mut world = World::new(config(), [script.clone()]);
            let error = put(&mut world).unwrap_err();
            assert!(std::error::Error::source(&error).is_some(), "{error} keeps why to itself");
            let found = (world.sent.len(), error.is_transient(), error.is_ambiguous());
            assert_eq!(found, (requests, is_transient, is_ambiguous), "{script:?}");
            assert_eq!(world.waits.len(), requests - 1, "{script:?}");
        }
    }
}

#[test]
fn says_when_something_else_than_the_service_answered() {
    let error = put(&mut World::new(config(), [answer(403, "<html>Sign in to the hotel</html>")])).unwrap_err();
    assert_eq!(error.to_string(), "something on the way refused the call (3 attempts)");
    let error = put(&mut World::new(config(), [refusal(403, "AccessDeniedException")])).unwrap_err();
    assert_eq!(error.to_string(), "the service refused the call (1 attempt)");
}

#[test]
fn waits_by_what_asks_for_it() {
    let hint = |milliseconds: &str| {
        let mut response = answer(503, "").unwrap();
        response.headers.append("x-amz-retry-after", milliseconds).unwrap();
        Ok(response)
    };
    for (script, least, most) in [
        (answer(500, ""), 0, 50),
        (refusal(400, "ThrottlingException"), 0, 1_000),
        (refusal(503, "ServiceUnavailableException"), 0, 1_000),
        (hint("1500"), 1_500, 1_500),
        (hint("99999"), 5_000, 5_050),
    ] {
        // The longest of many waits: when throttled, well above the longest without throttling.
        let waits = (0..50).map(|seed| {
            let mut world = World::new(config(), [script.clone(), accepted()]);
            world.shared = firehose_proto::call::ClientState::new(config(), seed);
            put(&mut world).unwrap();
            world.waits[0].as_millis()
        });
        let waits: Vec<_> = waits.collect();
        assert!(waits.iter().all(|wait| (least..=most).contains(wait)), "{script:?} {waits:?}");
        assert!(waits.iter().any(|wait| *wait > most * 4 / 5), "{script:?} {waits:?}");
    }
}

#[test]
fn says_why_the_last_attempt_failed_while_another_is_to_come() {
    let mut world =
        World::new(config(), [refusal(500, "InternalFailure"), Err(TransportErrorKind::Broken), accepted()]);
    put(&mut world).unwrap();
    let [Some(refused), Some(broken)] = &world.failures[..] else { panic!("{:?}", world.failures) };
    assert!(refused.contains("refused") && broken.contains("no answer"), "{refused}; {broken}");
}

#[test]
fn spends_one_quota_in_all_calls() {
    let mut world = World::new(config(), [answer(500, "")]);
    // 500 tokens pay for 35 retries at 14 each.
    (0..40).for_each(|_| drop(put(&mut world).unwrap_err()));
    assert_eq!(world.sent.len(), 40 + 35);
}

/// A wrong clock costs one more request, and none once the skew is known.
#[test]
fn corrects_the_clock_by_the_service_s() {
    for put in [put as fn(&mut World) -> _, put_once] {
        let mut world = World::new(config(), [accepted()]);
        world.is_strict = true;
        let minutes = SignedDuration::minutes;
        for (ahead, requests) in [(0, 1), (30, 2), (30, 1), (-20, 2), (0, 2), (0, 1), (4, 1), (600_000, 2), (0, 2)] {
            world.service_ahead = minutes(ahead);
            let before = world.sent.len();
            put(&mut world).unwrap();
            assert_eq!(world.sent.len() - before, requests, "{ahead} minutes");
            let error = (world.shared.clock_offset() - minutes(ahead)).abs();
            assert!(error <= SignedDuration::SECOND, "{error} at {ahead} minutes");
        }
    }
}

#[test]
fn names_the_skew_that_it_must_not_correct() {
    for (minutes, words) in [
        (20, "the local clock is 1199 s behind the service's"),
        (-20, "the local clock is 1200 s ahead of the service's"),
    ] {
        let mut config = config();
        config.disable_clock_skew_correction = true;
        let mut world = World::new(config, [accepted()]);
        (world.is_strict, world.service_ahead) = (true, SignedDuration::minutes(minutes));
        let error = put(&mut world).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(world.sent.len(), 1);
    }
}

/// The process is suspended, or the clock is set, between signing and sending: the signature is old, which says nothing
/// about the clock.
#[test]
fn signs_anew_what_was_signed_long_ago() {
    for is_corrected in [true, false] {
        for put in [put as fn(&mut World) -> _, put_once] {
            for seconds in [310, 480, 599, 700, 1_000, 100_000] {
                let mut config = config();
                config.disable_clock_skew_correction = !is_corrected;
                config.max_attempts = NonZeroU32::MIN;
                let mut world = World::new(config, [accepted()]);
                world.is_strict = true;
                world.suspensions = [SignedDuration::seconds(seconds)].into();
                put(&mut world).unwrap();
                assert_eq!((world.sent.len(), world.waits.len()), (2, 0), "{seconds} s");
                let offset = world.shared.clock_offset();
                assert!(offset.abs() <= SignedDuration::SECOND, "{offset} after {seconds} s");
                put(&mut world).unwrap();
                assert_eq!(world.sent.len(), 3, "{seconds} s");
            }
        }
    }
    // Not where the refusal is about something else.
    let mut world = World::new(config(), [refusal(400, "ResourceNotFoundException")]);
    world.suspensions = [SignedDuration::seconds(1_000)].into();
    put(&mut world).unwrap_err();
    assert_eq!(world.sent.len(), 1);
    // Once for each call: a call ends even if the process is suspended each time.
    let mut world = World::new(config(), [accepted()]);
    world.is_strict = true;
    world.suspensions = vec![SignedDuration::seconds(1_000); 9].into();
    let error = put(&mut world).unwrap_err();
    assert!(matches!(error, Error::Refused { attempts: 2, .. }), "{error:?}");
}

#[test]
fn ends_with_the_attempts_or_with_the_time() {
    for (attempt, operation, max_attempts) in [
        (None, None, 3),
        (Some(30), None, 3),
        (None, Some(60_000), 20),
        (Some(30), Some(1_000), 50),
        (None, Some(10), 3),
    ] {
        let milliseconds = |limit: Option<u64>| limit.map(Duration::from_millis);
        let mut config = config();
        config.timeouts.attempt = milliseconds(attempt);
        config.operation_timeout = milliseconds(operation);
        config.max_attempts = NonZeroU32::new(max_attempts).unwrap();
        let mut world = World::new(config, [Err(TransportErrorKind::Timeout)]);
        world.exchange = Duration::from_millis(10);
        let error = put(&mut world).unwrap_err();
        assert!(matches!(error, Error::Transport { .. }) && error.is_ambiguous(), "{error:?}");
        let limit = milliseconds(operation).unwrap_or(Duration::MAX);
        for sent in &world.sent {
            let left = limit.saturating_sub(sent.at.as_duration());
            assert!(!left.is_zero(), "no attempt begins after the time is up");
            let expected = milliseconds(attempt).into_iter().chain(operation.map(|_| left)).min();
            assert_eq!(sent.timeouts.attempt, expected);
        }
        assert!(world.waits.iter().sum::<Duration>() < limit, "nothing is waited for in vain");
        if operation.is_none() {
            assert_eq!(world.sent.len(), 3);
        }
    }
}

#[test]
fn answers_whose_records_are_throttled_slow_an_adaptive_client_down() {
    let entries = |entry: &str| {
        let entries = vec![entry; 500].join(",");
        let failed = if entry.contains("Error") { 500 } else { 0 };
        answer(200, &format!(r#"{{"FailedPutCount":{failed},"RequestResponses":[{entries}]}}"#))
    };
    let throttled = entries(r#"{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}"#);
    let fine = entries(r#"{"RecordId":"id"}"#);
    for (mode, script, waits) in [
        (RetryMode::Adaptive, throttled.clone(), true),
        (RetryMode::Adaptive, fine, false),
        (RetryMode::Standard, throttled, false),
    ] {
        let mut config = config();
        config.retry_mode = mode;
        let mut world = World::new(config, [script]);
        let batch = batch(500);
        for _ in 0..3 {
            let call = Call::put_batch(&world.config(), &batch).unwrap();
            world.drive(call).unwrap();
        }
        assert_eq!(!world.waits.is_empty(), waits, "{mode:?}");
    }
}

#[test]
fn has_no_time_left_when_its_own_rate_does_not_allow_it() {
    let mut config = config();
    (config.retry_mode, config.operation_timeout) = (RetryMode::Adaptive, Some(SECOND));
    config.max_attempts = NonZeroU32::MIN;
    let mut world = World::new(config, [refusal(400, "ThrottlingException"), accepted()]);
    put(&mut world).unwrap_err();
    let error = put(&mut world).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { attempts: 0 }), "{error:?}");
    assert!(error.is_transient() && !error.is_ambiguous());
    world.pass(10 * SECOND);
    put(&mut world).unwrap();
}

#[test]
fn sends_nothing_that_breaks_a_limit() {
    let mut lenient = config();
    lenient.parameter_validation = false;
    for config in [config(), lenient] {
        let world = World::new(config, []);
        let large = vec![0; 1_024_001];
        let input = PutRecordInput::new("s", Record::new(&large));
        let error = Call::new::<PutRecord>(&world.config(), &input).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error:?}");
        assert!(matches!(Call::put_batch(&world.config(), &batch(0)), Err(Error::EmptyBatch)));
    }
}

#[test]
fn ignores_what_comes_out_of_turn() {
    let mut world = World::new(config(), [accepted()]);
    let now = Now::new(Tick::default(), world.utc);
    let mut call = call(&world);
    call.handle_response(now, Ok(accepted().unwrap()));
    assert!(matches!(call.poll(now, &mut world.shared), Action::NeedCredentials { refused: None }));
    call.handle_credentials(Ok(world::key("AKID1").into()));
    call.handle_credentials(Ok(world::key("AKID2").into()));
    assert_eq!(call.attempts(), 0);
    for _ in 0..2 {
        let Action::Transmit { request, .. } = call.poll(now, &mut world.shared) else { panic!() };
        assert!(request.headers.value("authorization").unwrap().contains("AKID1"));
    }
    assert_eq!(call.attempts(), 1, "the same request as long as nothing is said of it");
    call.handle_response(now, Ok(accepted().unwrap()));
    assert!(matches!(call.poll(now, &mut world.shared), Action::Done(Ok(_))));
    assert!(matches!(call.poll(now, &mut world.shared), Action::Wait(Tick::MAX)));
}
