//! Tests of what no driver sees in the requests: bytes billed, memory, polls that may be skipped.

use core::num::NonZeroUsize;

use super::*;
use crate::batch::Packing;
use crate::batch::policy::Oversize;
use crate::call::Error;
use crate::op::put_record_batch::{PutRecordBatchOutput, PutRecordBatchResponseEntry};
use crate::transport::{TransportError, TransportErrorKind};

fn at(milliseconds: u64) -> Tick {
    Tick::from_duration(Duration::from_millis(milliseconds))
}

fn batcher(change: impl FnOnce(&mut Policy)) -> Batcher {
    let mut policy = Policy::default();
    change(&mut policy);
    Batcher::new("s", policy, 7).unwrap()
}

/// Each row: packing, treatment of oversize records, pushed sizes; then the bytes of data, the bytes billed for each
/// event alone and those billed as it is, in thousands and in steps.
#[test]
fn bills_records_as_they_are_stored() {
    let packing = |target_bytes, max_events| {
        let mut packing = Packing::new("\n");
        (packing.target_bytes, packing.max_events) = (target_bytes, core::num::NonZeroU32::new(max_events));
        Some(packing)
    };
    let split = Oversize::Split { delimiter: Vec::new() };
    for (packing, oversize, sizes, data_bytes, unpacked_steps, steps) in [
        (None, Oversize::Refuse, &[0, 1, 5120, 5121, 10_240][..], 20_482, 1 + 1 + 1 + 2 + 2, 7),
        // Each event has its delimiter: the two of 2,559 fill a step, and one byte more does not fit into it.
        (packing(5120, 0), Oversize::Refuse, &[2559, 2559], 5118, 2, 1),
        (packing(5120, 0), Oversize::Refuse, &[2559, 2559, 1], 5119, 3, 2),
        (packing(5120, 0), Oversize::Refuse, &[2559, 2560, 1], 5120, 3, 2),
        (packing(10_240, 0), Oversize::Refuse, &[2559, 2560, 1], 5120, 3, 2),
        (packing(10_240, 2), Oversize::Refuse, &[1, 1, 1, 1, 1], 5, 5, 3),
        // What is not taken, or is never sent, costs nothing.
        (None, Oversize::Refuse, &[20_001], 0, 0, 0),
        (None, Oversize::Reject, &[20_001, 1], 20_002, 1, 1),
        (packing(10_240, 0), Oversize::Reject, &[1, 20_001, 1], 20_003, 2, 2),
        (None, Oversize::Truncate, &[20_001], 20_000, 4, 4),
        (None, split, &[20_001], 0, 0, 0),
        (None, Oversize::Split { delimiter: b"x".to_vec() }, &[20_001], 20_001, 5, 5),
    ] {
        let mut batcher = batcher(|policy| {
            policy.limits.max_record_bytes = 20_000;
            (policy.packing, policy.oversize) = (packing, oversize.clone());
        });
        for &size in sizes {
            let _ = batcher.push(at(0), &alloc::vec![b'x'; size]);
        }
        let (unpacked_bytes, bytes) = (unpacked_steps * 5120, steps * 5120);
        let expected = Billing { data_bytes, unpacked_bytes, bytes, accepted_bytes: 0 };
        assert_eq!(batcher.billing(), expected, "{oversize:?} {sizes:?}");
        // A record that is still being filled is billed already.
        batcher.flush();
        assert_eq!(batcher.billing(), expected, "{oversize:?} {sizes:?}, flushed");
    }
}

/// The manifest of small events takes more memory than their data, and is counted wherever the events are.
#[test]
fn counts_the_memory_of_data_and_books_wherever_they_are() {
    const EVENTS: usize = 4000;
    for (is_packed, least) in [(true, EVENTS * (2 + size_of::<u32>())), (false, EVENTS * (24 + 2 * size_of::<u64>()))] {
        let mut batcher = batcher(|policy| {
            policy.limits.max_records = 2 * EVENTS;
            policy.max_in_flight = NonZeroUsize::MIN;
            policy.packing = is_packed.then(|| Packing::new("\n"));
        });
        let empty = batcher.memory_bytes();
        for _ in 0..EVENTS {
            batcher.push(at(0), b"x").unwrap();
        }
        let holds = |batcher: &Batcher, place: &str| {
            let bytes = batcher.memory_bytes() - empty;
            assert!((least..4 * least).contains(&bytes), "{place}, packed {is_packed}: {bytes}, not {least} or so");
        };
        holds(&batcher, "open");
        batcher.flush();
        holds(&batcher, "ready");
        let Output::Send { id, batch, .. } = batcher.poll_output(at(0)) else { panic!("it is ready") };
        holds(&batcher, "in flight");
        drop(batch);
        batcher.handle_outcome(at(0), id, Err(failure(TransportErrorKind::Timeout)));
        holds(&batcher, "resting");
    }
}

fn failure(kind: TransportErrorKind) -> Error {
    Error::Transport { error: TransportError::new(kind), attempts: 1 }
}

#[test]
fn a_push_that_changes_nothing_needs_no_poll() {
    let mut batcher = batcher(|policy| policy.limits.max_records = 3);
    assert!(!batcher.is_waiting(), "it has not been polled");
    let is_polled =
        |batcher: &mut Batcher| matches!(batcher.poll_output(at(0)), Output::Wait(_)) && batcher.is_waiting();
    assert!(is_polled(&mut batcher));
    // The first begins to linger, the second only keeps it company, the third makes the batch full.
    for is_waiting in [false, true, false] {
        batcher.push(at(0), b"x").unwrap();
        assert_eq!(batcher.is_waiting(), is_waiting);
        if !is_waiting && batcher.statistics().pushed == 1 {
            assert!(is_polled(&mut batcher));
        }
    }
    let Output::Send { id, .. } = batcher.poll_output(at(0)) else { panic!("it is full") };
    assert!(is_polled(&mut batcher));
    batcher.handle_outcome(at(0), id + 1, Err(failure(TransportErrorKind::Timeout)));
    assert!(batcher.is_waiting(), "no such call");
    batcher.handle_outcome(at(0), id, Err(failure(TransportErrorKind::Timeout)));
    assert!(!batcher.is_waiting());
}

/// Whatever happens: while it says to wait, another poll yields nothing else.
#[test]
fn a_wait_that_is_remembered_is_the_one_that_would_be_found() {
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut batcher = batcher(|policy| {
            policy.limits.max_records = 1 + random.below(4);
            policy.max_buffered_records = 1 + random.below(12);
            policy.max_in_flight = NonZeroUsize::new(1 + random.below(2)).unwrap();
            policy.max_age = Duration::from_millis(200 + random.below(3000) as u64);
            policy.quotas.records_per_second = core::num::NonZeroU32::new(random.below(40) as u32);
            policy.order = if random.below(4) == 0 { Order::Strict } else { Order::Relaxed };
            policy.oversize = if random.below(2) == 0 { Oversize::Reject } else { Oversize::Refuse };
            policy.limits.max_record_bytes = 10;
            policy.packing = (random.below(3) == 0).then(|| Packing::new("\n"));
        });
        let (mut now, mut in_flight) = (0, Vec::new());
        for step in 0..60 {
            match random.below(16) {
                0..6 => drop(batcher.push(at(now), &alloc::vec![b'x'; random.below(12)])),
                6..9 => now += random.below(150) as u64,
                9 => batcher.flush(),
                10 if step > 40 => batcher.close(),
                11 if step > 50 => batcher.stop(Reason::new("no")),
                12 if step > 50 => batcher.abandon(),
                _ if !in_flight.is_empty() => {
                    let (id, records) = in_flight.swap_remove(random.below(in_flight.len()));
                    let entry = |index| match index {
                        0 => PutRecordBatchResponseEntry::failed("ServiceUnavailableException", ""),
                        _ => PutRecordBatchResponseEntry::accepted("id"),
                    };
                    let outcome = match random.below(4) {
                        0 => Err(failure(TransportErrorKind::Timeout)),
                        part => Ok(PutRecordBatchOutput::new((part % 2..records + part % 2).map(entry).collect())),
                    };
                    batcher.handle_outcome(at(now), id, outcome);
                }
                _ => {}
            }
            if let Some(wait) = batcher.wait.filter(|wait| wait.is_none_or(|time| at(now) < time)) {
                batcher.wait = None;
                match batcher.poll_output(at(now)) {
                    Output::Wait(found) => assert_eq!(found, wait, "seed {seed}, step {step}"),
                    output => panic!("seed {seed}, step {step}: {output:?} instead of a wait for {wait:?}"),
                }
            }
            while random.below(8) > 0 {
                match batcher.poll_output(at(now)) {
                    Output::Send { id, batch, .. } => in_flight.push((id, batch.len())),
                    Output::Event(_) => {}
                    Output::Wait(_) => break,
                }
            }
        }
    }
}

impl Random {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
