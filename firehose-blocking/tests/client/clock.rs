//! Clocks that are off, and that are set while the client runs: the service's, and the client's own.

use firehose_blocking::firehose_proto::batch::Policy;
use firehose_blocking::firehose_proto::error::ErrorCode;
use firehose_blocking::{Error, Outcome, Producer};
use time::Duration;

use crate::put;
use crate::world::{World, accepted, answer, refusal};

/// A service that takes what is signed at the right time.
fn strict() -> World {
    let world = World::new([accepted()]);
    world.state().verifies = true;
    world
}

/// How many attempts a call takes.
fn attempts(world: &World, call: impl FnOnce() -> Result<String, Error>) -> Result<usize, Error> {
    let before = world.attempts();
    call().map(|_| world.attempts() - before)
}

#[test]
fn corrects_its_clock_by_the_service_s() {
    for minutes in [20, -20] {
        let world = World::new([refusal(400, "InvalidSignatureException"), accepted()]);
        world.state().service_ahead = Duration::minutes(minutes);
        let client = world.client();
        put(&client).unwrap();
        put(&client).unwrap();
        let verified: Vec<_> = world.state().sent.iter().map(|sent| sent.verified.is_ok()).collect();
        assert_eq!(verified, [false, true, true], "{minutes}");
    }
}

#[test]
fn blames_the_key_when_the_clock_is_right() {
    let world = World::new([refusal(400, "InvalidSignatureException")]);
    put(&world.client()).unwrap_err();
    assert_eq!(world.attempts(), 1);
}

#[test]
fn takes_one_more_attempt_after_each_jump_of_the_service_s_clock() {
    let world = strict();
    let client = world.client();
    for (minutes, expected) in [(0, 1), (4, 1), (20, 2), (20, 1), (-20, 2), (-20, 1), (20, 2), (0, 2), (0, 1), (-6, 2)]
    {
        world.state().service_ahead = Duration::minutes(minutes);
        assert_eq!(attempts(&world, || put(&client)).unwrap(), expected, "at {minutes} minutes");
    }
}

#[test]
fn takes_one_more_attempt_after_each_jump_of_the_local_clock() {
    let world = strict();
    let client = world.client();
    for (minutes, expected) in [(0, 1), (20, 2), (0, 1), (-40, 2), (0, 1), (3, 1), (600_000, 2), (-600_000, 2)] {
        world.set_clock(Duration::minutes(minutes));
        assert_eq!(attempts(&world, || put(&client)).unwrap(), expected, "after {minutes} minutes");
    }
}

#[test]
fn jumps_cost_a_producer_a_request_and_no_record_an_attempt() {
    let world = World::new([answer(200, r#"{"FailedPutCount":0,"RequestResponses":[{"RecordId":"1"}]}"#)]);
    world.state().verifies = true;
    let mut policy = Policy::default();
    policy.linger = std::time::Duration::ZERO;
    let producer = Producer::builder(world.client(), "s").policy(policy).start().unwrap();
    for (minutes, expected) in [(0, 1), (20, 2), (20, 1), (-20, 2), (0, 2), (0, 1)] {
        world.state().service_ahead = Duration::minutes(minutes);
        let before = world.attempts();
        let outcome = producer.send_with_receipt(b"a").unwrap().wait();
        assert!(matches!(outcome, Outcome::Accepted { attempts: 1, .. }), "at {minutes} minutes: {outcome:?}");
        assert_eq!(world.attempts() - before, expected, "at {minutes} minutes");
    }
}

#[test]
fn recovers_in_one_attempt_from_a_jump_while_a_request_was_under_way() {
    for minutes in [20, -20, 10, -10] {
        let world = strict();
        let client = world.client();
        world.state().set_on_the_way = Duration::minutes(minutes);
        assert_eq!(attempts(&world, || put(&client)).unwrap(), 1, "{minutes}");
        let next = attempts(&world, || put(&client)).unwrap();
        assert!(next <= 2, "{minutes}: {next}");
        assert_eq!(attempts(&world, || put(&client)).unwrap(), 1, "{minutes}");
    }
}

#[test]
fn learns_nothing_from_a_date_that_is_none_or_comes_from_a_cache() {
    for (date, age) in [
        (Some("soon"), None),
        (Some(""), None),
        (Some("2026-11-22T12:20:00Z"), None),
        (Some("Sun, 31 Feb 2026 12:00:00 GMT"), None),
        (None, Some("0")),
        (None, Some("1200")),
        (None, Some("?")),
    ] {
        let world = strict();
        let client = world.client();
        world.state().service_ahead = Duration::minutes(20);
        (world.state().date, world.state().age) = (date, age);
        let error = put(&client).unwrap_err();
        assert!(matches!(error, Error::Refused { attempts: 1, .. }), "{date:?} {age:?}: {error:?}");

        (world.state().date, world.state().age) = (None, None);
        assert_eq!(attempts(&world, || put(&client)).unwrap(), 2, "{date:?} {age:?}");
        (world.state().date, world.state().age) = (date, age);
        assert_eq!(attempts(&world, || put(&client)).unwrap(), 1, "what was known stays: {date:?} {age:?}");
    }
}

#[test]
fn fails_with_both_times_when_it_must_not_correct_its_clock() {
    for (minutes, signed, service) in
        [(20, "20261122T120000Z", "20261122T122000Z"), (-20, "20261122T120000Z", "20261122T114000Z")]
    {
        let world = strict();
        world.state().service_ahead = Duration::minutes(minutes);
        let variable = |name: &str| (name == "AWS_DISABLE_CLOCK_SKEW_CORRECTION").then(|| "true".to_owned());
        let client = world.builder().environment(variable).build().unwrap();
        for _ in 0..2 {
            let error = put(&client).unwrap_err();
            let Error::Refused { error, attempts: 1, is_transient: false, .. } = &error else { panic!("{error:?}") };
            assert_eq!(error.code, Some(ErrorCode::InvalidSignatureException));
            let text = error.to_string();
            assert!(text.contains(signed) && text.contains(service), "{text}");
        }
    }
}
