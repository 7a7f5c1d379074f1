//! Refusals of every record that are waited out, stops that are got over, and what is told of both.

use std::time::Duration;

use firehose_proto::batch::{Batcher, EnqueueError, Event, Failure, Outage, Output, Reason};
use firehose_proto::error::{ErrorCode, TransportErrorKind};
use firehose_proto::op::PutRecordBatchOutput;
use firehose_proto::time::Tick;

use crate::{answer, at, batcher, events, failures, refused, sent, transport, waits_for};

fn missing() -> Result<PutRecordBatchOutput<'static>, firehose_proto::call::Error> {
    refused(400, ErrorCode::ResourceNotFoundException, "not found")
}

/// What is told of all calls, in short.
fn told(events: &[Event]) -> Vec<String> {
    let short = |event: &Event| match event {
        Event::Outage(Outage { reason, is_refusal, since, elapsed, waiting_records, waiting_bytes, .. }) => {
            let (since, kind) = (since.as_duration(), if *is_refusal { "refused" } else { "failing" });
            Some(format!("{kind} since {since:?}, {elapsed:?}: {reason}; {waiting_records}, {waiting_bytes} bytes"))
        }
        Event::Recovered(recovered) => {
            Some(format!("recovered since {:?}, {:?}", recovered.since.as_duration(), recovered.elapsed))
        }
        Event::Stopped(reason) => Some(format!("stopped: {reason}")),
        Event::Accepted(_) | Event::Undelivered(_) => None,
    };
    events.iter().filter_map(short).collect()
}

/// Polls through all waits until a call leaves, and returns when, which, and what was told before.
fn next_call(batcher: &mut Batcher, mut now: Tick) -> (Tick, u64, Vec<Event>) {
    let mut events = Vec::new();
    loop {
        match batcher.poll_output(now) {
            Output::Event(event) => events.push(event),
            Output::Wait(time) => now = time.expect("a call is to come"),
            output @ Output::Send { .. } => return (now, sent(output).0, events),
        }
    }
}

#[test]
fn waits_out_refusals_with_one_call_at_a_time_and_loses_nothing() {
    let mut batcher = batcher(|policy| {
        policy.limits.max_records = 1;
        policy.refusal_timeout = Duration::MAX;
        policy.max_attempts = 2.try_into().unwrap();
        policy.max_age = Duration::from_secs(60);
    });
    let data = ["a", "b", "c", "d", "e"];
    data.iter().for_each(|data| assert!(batcher.push(at(0), data.as_bytes()).is_ok()));
    let calls: Vec<_> = (0..4).map(|_| sent(batcher.poll_output(at(0))).0).collect();
    // All four are refused, the first of them with a word about it.
    for (call, seen) in calls.into_iter().zip([1, 0, 0, 0]) {
        batcher.handle_outcome(at(10), call, missing());
        let told = told(&events(&mut batcher, at(10)));
        assert_eq!(told.len(), seen, "{told:?}");
        let first = "refused since 0ns, 10ms: ResourceNotFoundException: not found; 5, 5 bytes";
        assert!(told.iter().all(|told| told == first), "{told:?}");
    }
    // For an hour, far beyond the age and the attempts of a record, there is one call at a time.
    let (mut now, mut calls) = (at(10), 0);
    while now < at(3_600_000) {
        let (time, call, events) = next_call(&mut batcher, now);
        assert!(events.is_empty(), "{events:?}");
        assert!(time.since(now) <= Duration::from_secs(30), "{:?}", time.since(now));
        assert!(!matches!(batcher.poll_output(time), Output::Send { .. }), "a second call");
        now = time;
        calls += 1;
        batcher.handle_outcome(now, call, missing());
    }
    assert!((120..720).contains(&calls), "{calls} calls in an hour");
    // The stream is made.
    let (mut now, call, _) = next_call(&mut batcher, now);
    batcher.handle_outcome(now, call, answer("+"));
    for number in 1..data.len() {
        let (time, call, events) = next_call(&mut batcher, now);
        let is_first = number == 1;
        assert_eq!(told(&events).len(), usize::from(is_first), "{events:?}");
        assert!(!is_first || matches!(&events[..], [Event::Recovered(_), Event::Accepted(_)]), "{events:?}");
        assert!(failures(&events).is_empty(), "{events:?}");
        now = time;
        batcher.handle_outcome(now, call, answer("+"));
    }
    assert!(failures(&events(&mut batcher, now)).is_empty());
    assert!(batcher.is_idle() && batcher.oldest().is_none());
}

#[test]
fn stops_when_the_time_for_refusals_is_over_and_not_before() {
    for seed in 0..20 {
        let mut batcher = crate::seeded(seed, |policy| policy.refusal_timeout = Duration::from_secs(45));
        batcher.push(at(0), b"a").unwrap();
        batcher.flush();
        let (mut now, mut call, _) = next_call(&mut batcher, at(0));
        batcher.handle_outcome(now, call, missing());
        let start = now;
        while batcher.stopped().is_none() {
            assert!(now.since(start) < Duration::from_secs(45), "it goes on after {:?}", now.since(start));
            (now, call, _) = next_call(&mut batcher, now);
            batcher.handle_outcome(now, call, missing());
        }
        // The last try is made when time is up.
        assert_eq!(now.since(start), Duration::from_secs(45));
        let last = events(&mut batcher, now);
        assert_eq!(told(&last), ["stopped: ResourceNotFoundException: not found"]);
        assert_eq!(failures(&last).len(), 1);
        assert!(batcher.is_idle());
    }
}

/// A record's age begins anew when refusals end, and is not counted while they last.
#[test]
fn time_for_which_refusals_are_waited_out_makes_no_record_old() {
    let mut batcher = batcher(|policy| {
        policy.refusal_timeout = Duration::from_secs(100);
        policy.max_age = Duration::from_secs(10);
    });
    batcher.push(at(0), b"a").unwrap();
    batcher.flush();
    let (_, call, _) = next_call(&mut batcher, at(0));
    batcher.handle_outcome(at(0), call, missing());
    let mut now = at(0);
    while now < at(50_000) {
        let (time, call, events) = next_call(&mut batcher, now);
        assert!(failures(&events).is_empty(), "{events:?}");
        now = time;
        batcher.handle_outcome(now, call, missing());
    }
    let (ended, call, _) = next_call(&mut batcher, now);
    batcher.handle_outcome(ended, call, answer("f"));
    let mut now = ended;
    let last = loop {
        match batcher.poll_output(now) {
            Output::Event(Event::Undelivered(undelivered)) => break undelivered,
            Output::Event(_) => {}
            Output::Wait(time) => now = time.unwrap(),
            Output::Send { id, .. } => batcher.handle_outcome(now, id, answer("f")),
        }
    };
    assert_eq!(last.failure, Failure::Expired);
    assert_eq!(now.since(ended), Duration::from_secs(10));
}

#[test]
fn goes_on_after_a_stop_and_heeds_no_refusal_from_before_it() {
    let mut batcher = batcher(|policy| policy.limits.max_records = 1);
    ["a", "b", "c", "d"].iter().for_each(|data| assert!(batcher.push(at(0), data.as_bytes()).is_ok()));
    let calls: Vec<_> = (0..4).map(|_| sent(batcher.poll_output(at(0))).0).collect();
    batcher.push(at(0), b"e").unwrap();
    batcher.handle_outcome(at(1), calls[0], missing());
    let back = events(&mut batcher, at(1));
    assert_eq!(told(&back), ["stopped: ResourceNotFoundException: not found"]);
    let back: Vec<_> = failures(&back).into_iter().map(|(ticket, ..)| ticket).collect();
    assert_eq!(back, [0, 4]);
    assert!(matches!(batcher.push(at(1), b"f"), Err(EnqueueError::Stopped(_))));

    batcher.resume();
    assert_eq!(batcher.stopped(), None);
    assert_eq!(batcher.push(at(2), b"f"), Ok(5..6));
    batcher.flush();
    assert_eq!(sent(batcher.poll_output(at(2))).1.encoded(0), Some("Zg=="));
    // They were under way when it stopped.
    batcher.handle_outcome(at(3), calls[1], answer("+"));
    batcher.handle_outcome(at(3), calls[2], missing());
    batcher.handle_outcome(at(3), calls[3], transport(TransportErrorKind::Connect));
    assert_eq!(batcher.stopped(), None);
    let (_, again, events) = next_call(&mut batcher, at(3));
    assert!(matches!(&events[..], [Event::Accepted(accepted)] if accepted.tickets == (1..2)), "{events:?}");
    // What is refused since then counts.
    batcher.handle_outcome(at(4), again, missing());
    assert!(batcher.stopped().is_some());
    // Of no effect, or of none any more.
    batcher.close();
    batcher.resume();
    batcher.resume();
    assert_eq!(batcher.push(at(5), b"g"), Err(EnqueueError::Closed));
}

#[test]
fn the_driver_can_stop_it_and_resume_it() {
    let mut batcher = batcher(|policy| policy.refusal_timeout = Duration::MAX);
    batcher.push(at(0), b"a").unwrap();
    batcher.stop(Reason::new("the driver cannot go on"));
    let back = events(&mut batcher, at(0));
    assert_eq!((told(&back).len(), failures(&back).len()), (1, 1));
    batcher.stop(Reason::new("said once"));
    assert_eq!(told(&events(&mut batcher, at(0))), [""; 0]);
    batcher.resume();
    batcher.push(at(0), b"b").unwrap();
    assert!(waits_for(&batcher.poll_output(at(0))).is_some());
}

#[test]
fn tells_of_an_outage_after_seconds_and_of_its_end() {
    for (outcome, reason) in [
        (transport(TransportErrorKind::Connect), "cannot connect"),
        (refused(400, ErrorCode::ThrottlingException, "Rate exceeded"), "ThrottlingException: Rate exceeded"),
    ] {
        let mut outcome = Some(outcome);
        let mut again = || match reason {
            "cannot connect" => transport(TransportErrorKind::Connect),
            _ => refused(400, ErrorCode::ThrottlingException, "Rate exceeded"),
        };
        let mut batcher = batcher(|policy| policy.linger = Duration::ZERO);
        batcher.push(at(0), b"one").unwrap();
        let (mut now, mut call, mut news) = next_call(&mut batcher, at(0));
        while told(&news).is_empty() {
            batcher.handle_outcome(now, call, outcome.take().unwrap_or_else(&mut again));
            if now < at(5_000) {
                assert_eq!(told(&events(&mut batcher, now)), [""; 0], "{now:?}");
            }
            (now, call, news) = next_call(&mut batcher, now);
        }
        let said = told(&news);
        assert!(said[0].starts_with("failing since 0ns, ") && said[0].ends_with(&format!(": {reason}; 1, 3 bytes")));
        // Once.
        batcher.handle_outcome(now, call, again());
        let (now, call, news) = next_call(&mut batcher, now);
        assert_eq!(told(&news), [""; 0]);
        assert_eq!(batcher.oldest(), Some(at(0)));
        batcher.handle_outcome(now, call, answer("+"));
        let told = told(&events(&mut batcher, now));
        assert_eq!(told, [format!("recovered since 0ns, {:?}", now.as_duration())]);
    }
}
