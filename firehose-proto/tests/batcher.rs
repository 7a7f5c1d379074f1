//! What a [`Batcher`] does, one behaviour at a time. That it does so whatever else happens is the simulation's part.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use firehose_proto::batch::{
    Batch, Batcher, CallFailure, Event, Failure, NotTaken, Order, Output, Oversize, Packing, Policy, Reason,
};
use firehose_proto::client::ResponseError;
use firehose_proto::exception::{ErrorCode, ServiceError};
use firehose_proto::op::put_record_batch::{PutRecordBatchOutput, PutRecordBatchResponseEntry as Entry};
use firehose_proto::time::Tick;

/// A draw that makes the wait as long as it can be, but for a nanosecond.
const LONGEST: u64 = u64::MAX;

fn at(milliseconds: u64) -> Tick {
    Tick::from_duration(Duration::from_millis(milliseconds))
}

fn batcher(change: impl FnOnce(&mut Policy)) -> Batcher {
    let mut policy = Policy::default();
    change(&mut policy);
    Batcher::new("s", policy).unwrap()
}

fn sent(output: Output) -> (u64, Arc<Batch>) {
    match output {
        Output::Send { id, batch, .. } => (id, batch),
        other => panic!("{other:?}"),
    }
}

fn waits_for(output: &Output) -> Option<Duration> {
    match output {
        Output::Wait(time) => time.map(Tick::as_duration),
        other => panic!("{other:?}"),
    }
}

/// Everything until the next wait that is an event.
fn events(batcher: &mut Batcher, now: Tick) -> Vec<Event> {
    let next = |batcher: &mut Batcher| match batcher.poll_output(now) {
        Output::Event(event) => Some(event),
        _ => None,
    };
    std::iter::from_fn(|| next(batcher)).collect()
}

/// Ticket, failure and words of each record that was not delivered.
fn failures(events: &[Event]) -> Vec<(u64, Failure, String)> {
    let undelivered = events.iter().filter_map(|event| match event {
        Event::Undelivered(record) => Some(record),
        Event::Accepted(_) => None,
    });
    let words = |reason: &Option<Arc<Reason>>| reason.as_ref().map(ToString::to_string).unwrap_or_default();
    undelivered.map(|record| (record.ticket, record.failure, words(&record.reason))).collect()
}

fn refused(status: u16, code: ErrorCode, message: &str) -> Result<PutRecordBatchOutput<'static>, ResponseError> {
    Err(ResponseError::Refused(ServiceError::new(status, code, message)))
}

/// An answer in which `+` is a record that was accepted.
fn answer(entries: &str) -> Result<PutRecordBatchOutput<'static>, ResponseError> {
    let entry = |(index, kind)| match kind {
        '+' => Entry::accepted(format!("id-{index}")),
        's' => Entry::failed("ServiceUnavailableException", "Slow down."),
        _ => Entry::failed("InternalFailure", "Internal service failure."),
    };
    Ok(PutRecordBatchOutput::new(entries.chars().enumerate().map(entry).collect()))
}

#[test]
fn lingers_only_while_there_is_something_to_wait_for() {
    let mut batcher = batcher(|policy| {
        policy.limits.max_records = 2;
        policy.max_in_flight = NonZeroUsize::MIN;
    });
    assert_eq!(waits_for(&batcher.poll_output(at(0))), None);
    batcher.push(at(5), b"a").unwrap();
    assert_eq!(waits_for(&batcher.poll_output(at(5))), Some(Duration::from_millis(105)));
    batcher.push(at(6), b"b").unwrap();
    // A full batch leaves at once.
    let (id, batch) = sent(batcher.poll_output(at(6)));
    assert_eq!(batch.len(), 2);
    // With no room in flight there is only the records' age to wait for.
    batcher.push(at(7), b"c").unwrap();
    assert_eq!(waits_for(&batcher.poll_output(at(7))), Some(Duration::from_millis(300_007)));
    // What has lingered long enough meanwhile, and still has room, goes on filling.
    assert!(matches!(batcher.poll_output(at(500)), Output::Wait(_)));
    batcher.push(at(501), b"d").unwrap();
    batcher.handle_response(at(600), id, answer("++"), None, 0);
    assert!(matches!(batcher.poll_output(at(600)), Output::Event(Event::Accepted(_))));
    assert_eq!(sent(batcher.poll_output(at(600))).1.len(), 2);
}

#[test]
fn neither_flush_nor_close_lets_anything_linger() {
    for end in [Batcher::flush as fn(&mut Batcher), Batcher::close] {
        for packing in [None, Some(Packing::new("\n"))] {
            let mut batcher = batcher(|policy| policy.packing = packing.clone());
            batcher.push(at(0), b"a").unwrap();
            end(&mut batcher);
            assert_eq!(sent(batcher.poll_output(at(0))).1.len(), 1, "{packing:?}");
        }
    }
}

#[test]
fn lets_nothing_linger_in_a_full_buffer() {
    let mut batcher = batcher(|policy| {
        policy.max_buffered_records = 2;
        policy.packing = Some(Packing::new("\n"));
    });
    for data in ["a", "b"] {
        batcher.push(at(0), data.as_bytes()).unwrap();
    }
    assert_eq!(waits_for(&batcher.poll_output(at(0))), Some(Duration::from_millis(100)));
    assert_eq!(batcher.push(at(1), b"c"), Err(NotTaken::Full));
    assert!(!batcher.is_waiting());
    let (id, _) = sent(batcher.poll_output(at(1)));
    batcher.handle_response(at(2), id, answer("+"), None, 0);
    events(&mut batcher, at(2));
    // The next one waits for company again.
    batcher.push(at(2), b"c").unwrap();
    assert_eq!(waits_for(&batcher.poll_output(at(2))), Some(Duration::from_millis(102)));
}

#[test]
fn reports_a_whole_batch_as_one_event() {
    let mut packing = Packing::new("\n");
    packing.max_events = NonZeroU32::new(2);
    let mut batcher = batcher(|policy| policy.packing = Some(packing));
    for event in ["a", "b\n", "c"] {
        batcher.push(at(0), event.as_bytes()).unwrap();
    }
    batcher.flush();
    let (id, batch) = sent(batcher.poll_output(at(0)));
    // "a\nb\n" and "c\n".
    assert_eq!([batch.encoded(0), batch.encoded(1)], [Some("YQpiCg=="), Some("Ywo=")]);
    batcher.handle_response(at(1), id, answer("++"), None, 0);
    let events = events(&mut batcher, at(1));
    let [Event::Accepted(accepted)] = &*events else { panic!("{events:?}") };
    assert_eq!((accepted.tickets.clone(), accepted.attempts), (0..3, 1));
    let ids: Vec<_> = accepted.record_ids().collect();
    assert_eq!(ids, [(0..2, "id-0"), (2..3, "id-1")]);
    assert!(batcher.is_idle());
}

#[test]
fn lets_records_that_failed_rest_while_others_go_on() {
    for (entries, hint, rest) in [
        ("+f", None, 50),
        ("+s", None, 1000),
        ("sf", None, 1000),
        ("+f", Some(70), 70),
        ("+s", Some(70), 1000),
        ("+f", Some(60_000), 5050),
    ] {
        let mut batcher = batcher(|policy| policy.limits.max_records = 2);
        for data in ["a", "b", "c", "d"] {
            batcher.push(at(0), data.as_bytes()).unwrap();
        }
        let (id, _) = sent(batcher.poll_output(at(0)));
        batcher.handle_response(at(0), id, answer(entries), hint.map(Duration::from_millis), LONGEST);
        while let Output::Event(_) = batcher.poll_output(at(0)) {}
        let wait = waits_for(&batcher.poll_output(at(0))).unwrap();
        assert_eq!(wait.as_micros().div_ceil(1000), rest, "{entries} {hint:?}");
        assert_eq!(batcher.statistics().in_flight, 1, "the other batch has left");
        let (_, batch) = sent(batcher.poll_output(Tick::from_duration(wait)));
        assert_eq!(batch.encoded(batch.len() - 1), Some("Yg=="));
    }
}

#[test]
fn lets_a_call_that_fails_rest_and_all_batches_wait_when_another_follows() {
    for (result, hint, rest, wait) in [
        (refused(400, ErrorCode::ThrottlingException, ""), None, 1000, 2000),
        (refused(503, ErrorCode::ServiceUnavailableException, "Slow down."), None, 1000, 2000),
        (refused(500, ErrorCode::InternalFailure, ""), None, 50, 100),
        (refused(500, ErrorCode::InternalFailure, ""), Some(Duration::from_millis(70)), 70, 100),
    ] {
        let mut batcher = batcher(|policy| {
            policy.limits.max_records = 1;
            policy.max_in_flight = NonZeroUsize::MIN;
        });
        for data in ["a", "b", "c"] {
            batcher.push(at(0), data.as_bytes()).unwrap();
        }
        let rested = |batcher: &mut Batcher, now: Tick| {
            let time = waits_for(&batcher.poll_output(now)).unwrap();
            (time.as_micros().div_ceil(1000), Tick::from_duration(time))
        };
        let (id, _) = sent(batcher.poll_output(at(0)));
        batcher.handle_response(at(0), id, result.clone(), hint, LONGEST);
        if hint.is_some() {
            // The service asks to wait: all do.
            assert_eq!(rested(&mut batcher, at(0)).0, rest, "{result:?}");
            continue;
        }
        // The next one tests whether that was a matter of the first one alone.
        let (id, batch) = sent(batcher.poll_output(at(0)));
        assert_eq!(batch.encoded(0), Some("Yg=="));
        drop(batch);
        batcher.handle_response(at(0), id, result.clone(), None, LONGEST);
        let (time, now) = rested(&mut batcher, at(0));
        assert_eq!(time, rest, "{result:?}");
        let (time, now) = rested(&mut batcher, now);
        assert_eq!(time, wait, "{result:?}");
        // The oldest one is first.
        assert_eq!(sent(batcher.poll_output(now)).1.encoded(0), Some("YQ=="));
    }
}

#[test]
fn stops_the_line_when_every_call_would_fail() {
    let missing = "Firehose s under account 1 not found.";
    for (stop, words) in [
        (refused(400, ErrorCode::ResourceNotFoundException, missing), "ResourceNotFoundException: Firehose s under"),
        (refused(403, ErrorCode::ExpiredTokenException, ""), "ExpiredTokenException"),
        (Err(ResponseError::Refused(ServiceError::of_status(413))), "413"),
    ] {
        let mut batcher = batcher(|policy| policy.limits.max_records = 1);
        for data in ["a", "b", "c", "d", "e"] {
            batcher.push(at(0), data.as_bytes()).unwrap();
        }
        let calls: Vec<_> = (0..4).map(|_| sent(batcher.poll_output(at(0))).0).collect();
        batcher.handle_response(at(1), calls[1], answer("f"), None, LONGEST);
        batcher.handle_response(at(1), calls[0], stop, None, LONGEST);
        // Sent and refused, resting, and never sent: all at once.
        let first = failures(&events(&mut batcher, at(1)));
        assert_eq!(first.iter().map(|(ticket, ..)| *ticket).collect::<Vec<_>>(), [0, 1, 4]);
        assert!(first.iter().all(|(_, failure, reason)| *failure == Failure::Rejected && reason.starts_with(words)));
        let Err(NotTaken::Stopped(reason)) = batcher.push(at(1), b"f") else { panic!("taken") };
        assert!(reason.to_string().starts_with(words), "{reason}");
        // Calls under way keep their answers.
        batcher.handle_response(at(2), calls[2], answer("+"), None, LONGEST);
        batcher.handle_failure(at(2), calls[3], CallFailure::Unanswered(Reason::new("timeout")), LONGEST);
        let last = events(&mut batcher, at(2));
        assert!(matches!(&last[0], Event::Accepted(accepted) if accepted.tickets == (2..3)));
        assert_eq!(failures(&last)[0].1, Failure::Unknown);
        assert!(batcher.is_idle());
    }
}

#[test]
fn stops_the_line_after_so_many_failed_calls_in_a_row() {
    let three = NonZeroU32::new(3);
    for (at_first, later, succeeds, may_fail) in
        [(three, None, false, 2), (three, None, true, 9), (None, three, false, 9), (None, three, true, 2)]
    {
        let mut batcher = batcher(|policy| {
            (policy.max_failed_calls.at_first, policy.max_failed_calls.later) = (at_first, later);
            policy.limits.max_records = 1;
            policy.max_in_flight = NonZeroUsize::MIN;
            policy.max_age = Duration::MAX;
        });
        let mut now = Tick::default();
        let mut call = |batcher: &mut Batcher, succeeds: bool| {
            now = match batcher.poll_output(now) {
                Output::Wait(Some(time)) => time,
                Output::Send { id, .. } => return (now, id, succeeds),
                other => panic!("{other:?}"),
            };
            (now, sent(batcher.poll_output(now)).0, succeeds)
        };
        batcher.push(at(0), b"a").unwrap();
        if succeeds {
            let (now, id, _) = call(&mut batcher, true);
            batcher.handle_response(now, id, answer("s"), None, LONGEST);
        }
        for _ in 0..may_fail {
            let (now, id, _) = call(&mut batcher, false);
            batcher.handle_failure(now, id, CallFailure::NotSent(Reason::new("refused")), LONGEST);
            assert_eq!(batcher.stopped(), None);
        }
        let (now, id, _) = call(&mut batcher, false);
        batcher.handle_failure(now, id, CallFailure::NotSent(Reason::new("refused")), LONGEST);
        let reason = batcher.stopped().map(ToString::to_string);
        let is_stopped = may_fail == 2;
        assert_eq!(reason.as_deref(), is_stopped.then_some("3 calls in a row failed, the last one with refused"));
        let given_up = failures(&events(&mut batcher, now));
        assert_eq!(given_up, reason.map(|reason| (0, Failure::Rejected, reason)).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn sends_the_rest_at_once_when_a_refusal_names_records() {
    let mut batcher = batcher(|policy| policy.max_attempts = NonZeroU32::MIN);
    for data in ["a", "b", "c"] {
        batcher.push(at(0), data.as_bytes()).unwrap();
    }
    batcher.flush();
    let (id, _) = sent(batcher.poll_output(at(0)));
    let message = "1 validation error detected: Value '…' at 'records.2.member.data' failed to satisfy constraint: …";
    batcher.handle_response(at(1), id, refused(400, ErrorCode::ValidationException, message), None, LONGEST);
    let Output::Event(Event::Undelivered(record)) = batcher.poll_output(at(1)) else { panic!("no event") };
    assert_eq!((record.ticket, record.failure, &*record.data), (1, Failure::Rejected, &b"b"[..]));
    let (_, batch) = sent(batcher.poll_output(at(1)));
    assert_eq!([batch.encoded(0), batch.encoded(1), batch.encoded(2)], [Some("YQ=="), Some("Yw=="), None]);
}

#[test]
fn gives_everything_back_when_it_is_abandoned() {
    let mut batcher = batcher(|policy| policy.limits.max_records = 1);
    for data in ["in flight", "resting", "ready"] {
        batcher.push(at(0), data.as_bytes()).unwrap();
    }
    let (in_flight, _held) = sent(batcher.poll_output(at(0)));
    let (id, _) = sent(batcher.poll_output(at(0)));
    batcher.handle_response(at(0), id, answer("s"), None, LONGEST);
    batcher.abandon();
    let events = events(&mut batcher, at(0));
    let back: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Undelivered(record) => (record.data.as_slice(), record.failure, record.attempts),
            Event::Accepted(_) => panic!("accepted"),
        })
        .collect();
    let expected =
        [(&b"in flight"[..], Failure::Unknown, 1), (b"resting", Failure::Expired, 1), (b"ready", Failure::Expired, 0)];
    assert_eq!(back, expected);
    assert!(batcher.is_idle());
    assert_eq!(batcher.push(at(0), b"x"), Err(NotTaken::Closed));
    // The answer comes too late to matter, and so would a second one.
    for _ in 0..2 {
        batcher.handle_response(at(1), in_flight, answer("+"), None, 0);
        assert_eq!(waits_for(&batcher.poll_output(at(1))), None);
    }
}

#[test]
fn lets_nothing_overtake_in_strict_order() {
    let mut batcher = batcher(|policy| policy.order = Order::Strict);
    for data in ["a", "b"] {
        batcher.push(at(0), data.as_bytes()).unwrap();
    }
    let (id, _) = sent(batcher.poll_output(at(0)));
    assert!(matches!(batcher.poll_output(at(0)), Output::Wait(_)));
    batcher.handle_response(at(0), id, answer("f"), None, LONGEST);
    let rested = waits_for(&batcher.poll_output(at(0))).unwrap();
    let (id, batch) = sent(batcher.poll_output(Tick::from_duration(rested)));
    assert_eq!(batch.encoded(0), Some("YQ=="));
    batcher.handle_response(at(60), id, answer("+"), None, LONGEST);
    assert!(matches!(batcher.poll_output(at(60)), Output::Event(Event::Accepted(_))));
    assert_eq!(sent(batcher.poll_output(at(60))).1.encoded(0), Some("Yg=="));
}

#[test]
fn does_with_oversize_records_what_it_was_told() {
    let split = |delimiter: &str| Oversize::Split { delimiter: delimiter.into() };
    for (oversize, data, tickets, encoded) in [
        (Oversize::Refuse, "abcdé", None, vec![]),
        (Oversize::Truncate, "abcdé", Some(0..1), vec!["YWJjZA=="]),
        (split(","), "a,b,c,d", Some(0..2), vec!["YSxiLA==", "Yyxk"]),
        (split(";"), "a,b,c,d", None, vec![]),
        (Oversize::Divert, "abcdé", Some(0..1), vec![]),
    ] {
        let mut batcher = batcher(|policy| {
            policy.limits.max_record_bytes = 5;
            policy.oversize = oversize.clone();
        });
        let expected = tickets.ok_or(NotTaken::TooLarge { bytes: data.len(), max_bytes: 5 });
        assert_eq!(batcher.push(at(0), data.as_bytes()), expected, "{oversize:?}");
        if oversize == Oversize::Divert {
            let events = events(&mut batcher, at(0));
            let [Event::Undelivered(record)] = &*events else { panic!("{events:?}") };
            assert_eq!((record.failure, &*record.data), (Failure::Rejected, data.as_bytes()));
        }
        batcher.flush();
        if let Output::Send { batch, .. } = batcher.poll_output(at(0)) {
            assert!((0..batch.len()).filter_map(|index| batch.encoded(index)).eq(encoded), "{oversize:?}");
        } else {
            assert!(encoded.is_empty(), "{oversize:?}");
        }
    }
}

#[test]
fn takes_no_more_than_the_buffer_holds() {
    let mut batcher = batcher(|policy| {
        policy.limits.max_record_bytes = 10;
        (policy.max_buffered_bytes, policy.max_buffered_records) = (10, 3);
        policy.limits.max_records = 3;
    });
    for (data, result) in [("12345678", Ok(0..1)), ("123", Err(NotTaken::Full)), ("12", Ok(1..2)), ("", Ok(2..3))] {
        assert_eq!(batcher.push(at(0), data.as_bytes()), result, "{data:?}");
    }
    assert_eq!(batcher.push(at(0), b""), Err(NotTaken::Full));
    // Room is made by outcomes, and not before they have been handed out.
    let (id, _) = sent(batcher.poll_output(at(0)));
    batcher.handle_response(at(0), id, answer("+ff"), None, 0);
    assert_eq!(batcher.push(at(0), b"x"), Err(NotTaken::Full));
    assert!(matches!(batcher.poll_output(at(0)), Output::Event(_)));
    assert_eq!(batcher.push(at(0), b"12345678"), Ok(3..4));
}

#[test]
fn gives_back_the_memory_of_records_that_are_gone() {
    let mut batcher = batcher(|policy| policy.limits.max_request_bytes = 100_000);
    for _ in 0..100 {
        batcher.push(at(0), &[0; 1000]).unwrap();
    }
    batcher.flush();
    let (id, batch) = sent(batcher.poll_output(at(0)));
    drop(batch);
    let before = batcher.memory_bytes();
    batcher.handle_response(at(0), id, answer(&format!("{}f", "+".repeat(99))), None, LONGEST);
    assert!(before > 130_000 && batcher.memory_bytes() < 8192, "{before}, then {}", batcher.memory_bytes());
}

#[test]
fn fills_the_same_memory_again() {
    let mut batcher = batcher(|policy| policy.limits.max_records = 50);
    let mut held = Vec::new();
    for _ in 0..10 {
        for _ in 0..50 {
            batcher.push(at(0), &[0; 1000]).unwrap();
        }
        let (id, batch) = sent(batcher.poll_output(at(0)));
        drop(batch);
        batcher.handle_response(at(0), id, answer(&"+".repeat(50)), None, 0);
        assert_eq!(events(&mut batcher, at(0)).len(), 1);
        held.push(batcher.memory_bytes());
    }
    assert_eq!(held[2..], vec![held[2]; 8], "{held:?}");
}

#[test]
fn refuses_policies_under_which_nothing_could_pass() {
    let check = |change: fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        Batcher::new("s", policy).map(|_| ()).map_err(|violation| violation.path)
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert_eq!(check(|policy| policy.limits.max_records = 0), Err("Policy.limits.max_records".into()));
    assert_eq!(check(|policy| policy.max_buffered_records = 0), Err("Policy.max_buffered_records".into()));
    assert_eq!(check(|policy| policy.max_buffered_bytes = 1_023_999), Err("Policy.max_buffered_bytes".into()));
    let narrow = |policy: &mut Policy| {
        (policy.limits.max_record_bytes, policy.packing) = (1, Some(Packing::new("||")));
    };
    assert_eq!(check(narrow), Err("Policy.limits.max_record_bytes".into()));
    assert!(Batcher::new("a b", Policy::default()).is_err());
}

#[test]
fn can_be_moved_and_shows_no_data() {
    fn is_send<T: Send>(_: &T) {}
    let mut batcher = batcher(|_| ());
    is_send(&batcher);
    batcher.push(at(0), b"secret").unwrap();
    batcher.flush();
    let output = batcher.poll_output(at(0));
    is_send(&output);
    let shown = format!("{batcher:?} {output:?}");
    assert!(!shown.contains("secret") && !shown.contains("c2VjcmV0") && !shown.contains("115"), "{shown}");
}
