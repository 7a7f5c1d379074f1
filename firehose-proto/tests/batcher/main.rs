//! What a [`Batcher`] does, one behaviour at a time. That it does so whatever else happens is the simulation's part.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

mod refusals;

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use firehose_proto::batch::{
    Batch, Batcher, EnqueueError, Event, Failure, Order, Output, Oversize, Packing, Policy, Reason,
};
use firehose_proto::call::Error;
use firehose_proto::credentials::CredentialsError;
use firehose_proto::error::{ErrorCode, ServiceError, TransportError, TransportErrorKind};
use firehose_proto::op::{PutRecordBatchOutput, PutRecordBatchResponseEntry as Entry};
use firehose_proto::time::Tick;
use firehose_proto::{Endpoint, Region};

/// Seeds of batchers whose waits together show how long one can be.
const SEEDS: Range<u64> = 0..64;

fn at(milliseconds: u64) -> Tick {
    Tick::from_duration(Duration::from_millis(milliseconds))
}

fn batcher(change: impl FnOnce(&mut Policy)) -> Batcher {
    seeded(7, change)
}

fn seeded(seed: u64, change: impl FnOnce(&mut Policy)) -> Batcher {
    let mut policy = Policy::default();
    change(&mut policy);
    Batcher::new("s", policy, seed).unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint::resolve(Region::parse("us-east-1").unwrap(), false, false)
}

fn sent(output: Output) -> (u64, Arc<Batch>) {
    match output {
        Output::Send { id, batch, .. } => (id, batch),
        other => panic!("{other:?}"),
    }
}

/// Waits as often as it is told to, and tells when what was sent.
fn next_sent(batcher: &mut Batcher, mut now: Tick) -> (Tick, u64, Arc<Batch>) {
    loop {
        match batcher.poll_output(now) {
            Output::Wait(Some(time)) => now = time,
            Output::Event(Event::Outage(_)) => {}
            output => {
                let (id, batch) = sent(output);
                return (now, id, batch);
            }
        }
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
        _ => None,
    });
    let words = |reason: &Option<Arc<Reason>>| reason.as_ref().map(ToString::to_string).unwrap_or_default();
    undelivered.map(|record| (record.ticket, record.failure, words(&record.reason))).collect()
}

fn refused(status: u16, code: ErrorCode, message: &str) -> Result<PutRecordBatchOutput<'static>, Error> {
    refused_with(ServiceError::new(status, code, message), None)
}

fn refused_with(error: ServiceError, retry_after: Option<Duration>) -> Result<PutRecordBatchOutput<'static>, Error> {
    Err(Error::Refused { error, attempts: 1, is_transient: false, retry_after, clock_skew: None })
}

fn transport(kind: TransportErrorKind) -> Result<PutRecordBatchOutput<'static>, Error> {
    Err(Error::Transport { error: TransportError::new(kind), attempts: 1 })
}

/// An answer in which `+` is a record that was accepted.
fn answer(entries: &str) -> Result<PutRecordBatchOutput<'static>, Error> {
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
    batcher.handle_outcome(at(600), id, answer("++"));
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
    assert_eq!(batcher.push(at(1), b"c"), Err(EnqueueError::Full));
    assert!(!batcher.is_waiting());
    let (id, _) = sent(batcher.poll_output(at(1)));
    batcher.handle_outcome(at(2), id, answer("+"));
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
    batcher.handle_outcome(at(1), id, answer("++"));
    let events = events(&mut batcher, at(1));
    let [Event::Accepted(accepted)] = &*events else { panic!("{events:?}") };
    assert_eq!((accepted.tickets.clone(), accepted.attempts), (0..3, 1));
    let ids: Vec<_> = accepted.record_ids().collect();
    assert_eq!(ids, [(0..2, "id-0"), (2..3, "id-1")]);
    assert!(batcher.is_idle());
}

#[test]
fn lets_records_that_failed_rest_while_others_go_on() {
    for (entries, longest) in [("+f", 50), ("+s", 1000), ("sf", 1000)] {
        let waits = SEEDS.map(|seed| {
            let mut batcher = seeded(seed, |policy| policy.limits.max_records = 2);
            for data in ["a", "b", "c", "d"] {
                batcher.push(at(0), data.as_bytes()).unwrap();
            }
            let (id, _) = sent(batcher.poll_output(at(0)));
            batcher.handle_outcome(at(0), id, answer(entries));
            while let Output::Event(_) = batcher.poll_output(at(0)) {}
            let wait = waits_for(&batcher.poll_output(at(0))).unwrap();
            assert_eq!(batcher.statistics().in_flight, 1, "the other batch has left");
            let (_, batch) = sent(batcher.poll_output(Tick::from_duration(wait)));
            assert_eq!(batch.encoded(batch.len() - 1), Some("Yg=="));
            wait
        });
        assert_spread(waits, 0, longest, entries);
    }
}

/// Waits are anything between two times, in milliseconds, and together come close to both.
fn assert_spread(waits: impl Iterator<Item = Duration>, shortest: u64, longest: u64, name: &str) {
    let (shortest, longest) = (Duration::from_millis(shortest), Duration::from_millis(longest));
    let waits: Vec<_> = waits.collect();
    let (least, most) = (*waits.iter().min().unwrap(), *waits.iter().max().unwrap());
    let near = (longest - shortest) / 10;
    assert!((shortest..=shortest + near).contains(&least), "{name}: {least:?}");
    assert!((longest - near..=longest).contains(&most), "{name}: {most:?}");
}

#[test]
fn lets_a_call_that_fails_rest_and_all_batches_wait_when_another_follows() {
    for (status, code, rest, wait) in [
        (400, ErrorCode::ThrottlingException, 1000, 2000),
        (503, ErrorCode::ServiceUnavailableException, 1000, 2000),
        (500, ErrorCode::InternalFailure, 50, 100),
    ] {
        let ends = SEEDS.map(|seed| {
            let mut batcher = seeded(seed, |policy| {
                policy.limits.max_records = 1;
                policy.max_in_flight = NonZeroUsize::MIN;
            });
            for data in ["a", "b", "c"] {
                batcher.push(at(0), data.as_bytes()).unwrap();
            }
            let (id, _) = sent(batcher.poll_output(at(0)));
            batcher.handle_outcome(at(0), id, refused(status, code.clone(), ""));
            // The next one tests whether that was a matter of the first one alone.
            let (id, batch) = sent(batcher.poll_output(at(0)));
            assert_eq!(batch.encoded(0), Some("Yg=="));
            drop(batch);
            batcher.handle_outcome(at(0), id, refused(status, code.clone(), ""));
            // Now the third waits, too, although it has not failed, until the line opens.
            let (time, _, batch) = next_sent(&mut batcher, at(0));
            (time.as_duration(), batch.encoded(0).map(str::to_owned))
        });
        let ends: Vec<_> = ends.collect();
        assert_spread(ends.iter().map(|(time, _)| *time), 0, wait, code.as_str());
        // By then the oldest has rested in most runs, and is first.
        let first = ends.iter().filter(|(_, data)| data.as_deref() == Some("YQ==")).count();
        assert!((ends.len() / 2..ends.len()).contains(&first), "{code} {rest}: {first}");
    }
}

#[test]
fn waits_as_long_as_the_service_asks_for() {
    // Never less than without being asked, and not much more.
    for (code, asked, shortest, longest) in [
        (ErrorCode::InternalFailure, 40, 40, 50),
        (ErrorCode::InternalFailure, 70, 70, 70),
        (ErrorCode::ThrottlingException, 500, 500, 1000),
        (ErrorCode::InternalFailure, 60_000, 5000, 5050),
    ] {
        let waits = SEEDS.map(|seed| {
            let mut batcher = seeded(seed, |_| ());
            batcher.push(at(0), b"a").unwrap();
            batcher.flush();
            let (id, _) = sent(batcher.poll_output(at(0)));
            let error = ServiceError::new(500, code.clone(), "");
            batcher.handle_outcome(at(0), id, refused_with(error, Some(Duration::from_millis(asked))));
            // All others wait as well.
            batcher.push(at(0), b"b").unwrap();
            batcher.flush();
            next_sent(&mut batcher, at(0)).0.as_duration()
        });
        let name = format!("{code} {asked}");
        let (least, most) =
            waits.fold((Duration::MAX, Duration::ZERO), |(least, most), wait| (least.min(wait), most.max(wait)));
        assert!(least >= Duration::from_millis(shortest), "{name}: {least:?}");
        assert!(most <= Duration::from_millis(longest), "{name}: {most:?}");
    }
}

#[test]
fn stops_the_line_when_every_call_would_fail() {
    let missing = "Firehose s under account 1 not found.";
    for (stop, words) in [
        (refused(400, ErrorCode::ResourceNotFoundException, missing), "ResourceNotFoundException: Firehose s under"),
        (refused(403, ErrorCode::AccessDeniedException, ""), "AccessDeniedException"),
        (transport(TransportErrorKind::Tls), "TLS failed"),
        (Err(Error::Credentials(CredentialsError::absent("no credentials"))), "no credentials"),
    ] {
        let mut batcher = batcher(|policy| policy.limits.max_records = 1);
        for data in ["a", "b", "c", "d", "e"] {
            batcher.push(at(0), data.as_bytes()).unwrap();
        }
        let calls: Vec<_> = (0..4).map(|_| sent(batcher.poll_output(at(0))).0).collect();
        batcher.handle_outcome(at(1), calls[1], answer("f"));
        batcher.handle_outcome(at(1), calls[0], stop);
        // Sent and refused, resting, and never sent: all at once.
        let first = failures(&events(&mut batcher, at(1)));
        assert_eq!(first.iter().map(|(ticket, ..)| *ticket).collect::<Vec<_>>(), [0, 1, 4]);
        assert!(first.iter().all(|(_, failure, reason)| *failure == Failure::Rejected && reason.starts_with(words)));
        let Err(EnqueueError::Stopped(reason)) = batcher.push(at(1), b"f") else { panic!("taken") };
        assert!(reason.to_string().starts_with(words), "{reason}");
        // Calls under way keep their answers.
        batcher.handle_outcome(at(2), calls[2], answer("+"));
        batcher.handle_outcome(at(2), calls[3], transport(TransportErrorKind::Timeout));
        let last = events(&mut batcher, at(2));
        assert!(matches!(&last[0], Event::Accepted(accepted) if accepted.tickets == (2..3)));
        assert_eq!(failures(&last)[0].1, Failure::Unknown);
        assert!(batcher.is_idle());
    }
}

#[test]
fn a_service_that_throttles_from_the_first_call_on_is_not_taken_for_a_wrong_address() {
    for (answer, stops) in [
        (refused(503, ErrorCode::ServiceUnavailableException, "Slow down."), false),
        (refused(400, ErrorCode::ThrottlingException, "Rate exceeded"), false),
        (transport(TransportErrorKind::Connect), true),
    ] {
        let mut batcher = batcher(|policy| policy.max_failed_calls.at_first = NonZeroU32::new(3));
        let mut now = Tick::default();
        batcher.push(now, b"a").unwrap();
        let mut answer = Some(answer);
        for _ in 0..9 {
            if batcher.stopped().is_some() {
                break;
            }
            let (time, id, _) = next_sent(&mut batcher, now);
            now = time;
            let outcome = answer.take().unwrap_or_else(|| transport(TransportErrorKind::Connect));
            batcher.handle_outcome(now, id, outcome);
        }
        assert_eq!(batcher.stopped().is_some(), stops);
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
        let mut call = |batcher: &mut Batcher| {
            let (time, id, _) = next_sent(batcher, now);
            now = time;
            (now, id)
        };
        batcher.push(at(0), b"a").unwrap();
        if succeeds {
            let (now, id) = call(&mut batcher);
            batcher.handle_outcome(now, id, answer("s"));
        }
        for _ in 0..may_fail {
            let (now, id) = call(&mut batcher);
            batcher.handle_outcome(now, id, transport(TransportErrorKind::Connect));
            assert_eq!(batcher.stopped(), None);
        }
        let (now, id) = call(&mut batcher);
        batcher.handle_outcome(now, id, transport(TransportErrorKind::Connect));
        let reason = batcher.stopped().map(ToString::to_string);
        let is_stopped = may_fail == 2;
        assert_eq!(
            reason.as_deref(),
            is_stopped.then_some("3 calls in a row failed, the last one with cannot connect")
        );
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
    batcher.handle_outcome(at(1), id, refused(400, ErrorCode::ValidationException, message));
    let Output::Event(Event::Undelivered(record)) = batcher.poll_output(at(1)) else { panic!("no event") };
    assert_eq!((record.ticket, record.failure, &*record.data), (1, Failure::Rejected, &b"b"[..]));
    let (_, batch) = sent(batcher.poll_output(at(1)));
    assert_eq!([batch.encoded(0), batch.encoded(1), batch.encoded(2)], [Some("YQ=="), Some("Yw=="), None]);
}

#[test]
fn tries_credentials_and_foreign_answers_again_until_the_policy_says_enough() {
    let page = || refused_with(ServiceError::of_status(403), None);
    let away = || Err(Error::Credentials(CredentialsError::transient("the instance metadata is away")));
    let expired = || refused(403, ErrorCode::ExpiredTokenException, "");
    let without = "response of status 403 without an AWS error code";
    for (answer, failure, words) in [
        (&expired as &dyn Fn() -> _, Failure::Rejected, "ExpiredTokenException"),
        (&away, Failure::Expired, "the instance metadata is away"),
        (&page, Failure::Expired, without),
    ] {
        let mut batcher = batcher(|policy| policy.max_attempts = NonZeroU32::new(3).unwrap());
        batcher.push(at(0), b"a").unwrap();
        let mut now = at(0);
        for _ in 0..3 {
            let (time, id, _) = next_sent(&mut batcher, now);
            now = time;
            batcher.handle_outcome(now, id, answer());
            assert_eq!(batcher.stopped(), None);
        }
        let ended = failures(&events(&mut batcher, now));
        assert!(matches!(&*ended, [(0, found, reason)] if *found == failure && reason.starts_with(words)), "{ended:?}");
        // The next one gets through.
        batcher.push(now, b"b").unwrap();
        let (time, id, _) = next_sent(&mut batcher, now);
        batcher.handle_outcome(time, id, self::answer("+"));
        assert!(matches!(batcher.poll_output(time), Output::Event(Event::Accepted(_))));
    }
}

#[test]
fn halves_what_is_too_large_down_to_the_record_that_is() {
    for too_large in [(|| refused_with(ServiceError::of_status(413), None)) as fn() -> _, || {
        refused(400, ErrorCode::InvalidArgumentException, "Records size exceeds 4 MB limit")
    }] {
        // Such a call does not count: one attempt is enough.
        let mut batcher = batcher(|policy| policy.max_attempts = NonZeroU32::MIN);
        for data in b"abcd" {
            batcher.push(at(0), &[*data; 300]).unwrap();
        }
        batcher.flush();
        let mut requests = Vec::new();
        let mut all = Vec::new();
        while !batcher.is_idle() {
            let (id, batch) = match batcher.poll_output(at(0)) {
                Output::Send { id, batch, .. } => (id, batch),
                Output::Event(event) => {
                    all.push(event);
                    continue;
                }
                Output::Wait(_) => panic!("there is nothing to wait for"),
            };
            let records: Vec<_> = (0..batch.len()).filter_map(|index| batch.encoded(index)?.get(..2)).collect();
            requests.push(records.concat());
            let is_poisoned = records.contains(&"Ym");
            let outcome = if is_poisoned { too_large() } else { answer(&"+".repeat(records.len())) };
            batcher.handle_outcome(at(0), id, outcome);
        }
        assert_eq!(requests, ["YWYmY2ZG", "YWYm", "YW", "Ym", "Y2ZG"]);
        let ended = failures(&all);
        let [(1, Failure::Rejected, reason)] = &*ended else { panic!("{ended:?}") };
        assert!(reason.contains("too large even in a request of its own"), "{reason}");
        assert_eq!((batcher.statistics().accepted, batcher.stopped()), (3, None));
    }
}

#[test]
fn learns_what_passes_from_what_is_too_large() {
    // By data, as the service counts, or by the body, as a proxy does; under load, and record by record.
    for (max_data, max_body, in_flight) in
        [(40_000, usize::MAX, 4), (40_000, usize::MAX, 1), (usize::MAX, 16_000, 4), (10_000, usize::MAX, 1)]
    {
        let mut batcher = batcher(|policy| {
            policy.max_in_flight = NonZeroUsize::new(in_flight).unwrap();
            (policy.limits.max_request_bytes, policy.limits.max_record_bytes) = (65_536, 65_536);
            policy.max_buffered_bytes = 262_144;
        });
        let (mut refusals, mut accepted, mut sent_bytes) = (0, 0, Vec::new());
        for _ in 0..20 {
            while batcher.push(at(0), &[b'x'; 300]).is_ok() {}
            loop {
                let (id, batch) = match batcher.poll_output(at(0)) {
                    Output::Send { id, batch, .. } => (id, batch),
                    Output::Event(Event::Accepted(_)) => continue,
                    Output::Event(event) => panic!("{event:?}"),
                    Output::Wait(_) => break,
                };
                let body = batch.request(&endpoint()).unwrap().body().len();
                let is_too_large = batch.data_bytes() > max_data || body > max_body;
                refusals += u32::from(is_too_large);
                let records = if is_too_large { 0 } else { batch.len() };
                sent_bytes.push(batch.data_bytes());
                drop(batch);
                let outcome = match records {
                    0 => refused_with(ServiceError::of_status(413), None),
                    _ => answer(&"+".repeat(records)),
                };
                batcher.handle_outcome(at(0), id, outcome);
                accepted += records as u64;
            }
        }
        let statistics = batcher.statistics();
        assert!(accepted > 10_000 && statistics.accepted <= accepted, "{accepted} {statistics:?}");
        assert!(refusals <= 8, "{refusals} of {} requests were refused", sent_bytes.len());
        // And they are not much smaller than they could be.
        let usual = sent_bytes[sent_bytes.len() - 20];
        let most = max_data.min(max_body / 4 * 3);
        assert!(usual > most * 9 / 10 && usual <= most, "{usual} of {most}");
    }
}

#[test]
fn gives_everything_back_when_it_is_abandoned() {
    let mut batcher = batcher(|policy| policy.limits.max_records = 1);
    for data in ["in flight", "resting", "ready"] {
        batcher.push(at(0), data.as_bytes()).unwrap();
    }
    let (in_flight, _held) = sent(batcher.poll_output(at(0)));
    let (id, _) = sent(batcher.poll_output(at(0)));
    batcher.handle_outcome(at(0), id, answer("s"));
    batcher.abandon();
    let events = events(&mut batcher, at(0));
    let back: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Undelivered(record) => (record.data.as_slice(), record.failure, record.attempts),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected =
        [(&b"in flight"[..], Failure::Unknown, 1), (b"resting", Failure::Expired, 1), (b"ready", Failure::Expired, 0)];
    assert_eq!(back, expected);
    assert!(batcher.is_idle());
    assert_eq!(batcher.push(at(0), b"x"), Err(EnqueueError::Closed));
    // The answer comes too late to matter, and so would a second one.
    for _ in 0..2 {
        batcher.handle_outcome(at(1), in_flight, answer("+"));
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
    batcher.handle_outcome(at(0), id, answer("f"));
    let rested = waits_for(&batcher.poll_output(at(0))).unwrap();
    let (id, batch) = sent(batcher.poll_output(Tick::from_duration(rested)));
    assert_eq!(batch.encoded(0), Some("YQ=="));
    batcher.handle_outcome(at(60), id, answer("+"));
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
        (Oversize::Reject, "abcdé", Some(0..1), vec![]),
    ] {
        let mut batcher = batcher(|policy| {
            policy.limits.max_record_bytes = 5;
            policy.oversize = oversize.clone();
        });
        let expected = tickets.ok_or(EnqueueError::TooLarge { bytes: data.len(), max_bytes: 5 });
        assert_eq!(batcher.push(at(0), data.as_bytes()), expected, "{oversize:?}");
        if oversize == Oversize::Reject {
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
    for (data, result) in [("12345678", Ok(0..1)), ("123", Err(EnqueueError::Full)), ("12", Ok(1..2)), ("", Ok(2..3))] {
        assert_eq!(batcher.push(at(0), data.as_bytes()), result, "{data:?}");
    }
    assert_eq!(batcher.push(at(0), b""), Err(EnqueueError::Full));
    // Room is made by outcomes, and not before they have been handed out.
    let (id, _) = sent(batcher.poll_output(at(0)));
    batcher.handle_outcome(at(0), id, answer("+ff"));
    assert_eq!(batcher.push(at(0), b"x"), Err(EnqueueError::Full));
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
    batcher.handle_outcome(at(0), id, answer(&format!("{}f", "+".repeat(99))));
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
        batcher.handle_outcome(at(0), id, answer(&"+".repeat(50)));
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
        Batcher::new("s", policy, 7).map(|_| ()).map_err(|violation| violation.path)
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert_eq!(check(|policy| policy.limits.max_records = 0), Err("Policy.limits.max_records".into()));
    assert_eq!(check(|policy| policy.max_buffered_records = 0), Err("Policy.max_buffered_records".into()));
    assert_eq!(check(|policy| policy.max_buffered_bytes = 1_023_999), Err("Policy.max_buffered_bytes".into()));
    let narrow = |policy: &mut Policy| {
        (policy.limits.max_record_bytes, policy.packing) = (1, Some(Packing::new("||")));
    };
    assert_eq!(check(narrow), Err("Policy.limits.max_record_bytes".into()));
    assert!(Batcher::new("a b", Policy::default(), 7).is_err());
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
