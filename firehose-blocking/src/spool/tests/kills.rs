//! A process that ends, or a disk that fills up, at any of the spool's file operations.

use super::*;
use crate::spool::disk::faults;

/// Writes and completes records and saves checkpoints, over several segments. Records what each call has confirmed.
fn work(spool: &Spool, confirmed: &mut Confirmed) {
    for number in 0..12_u64 {
        let data = format!("record {number}").into_bytes();
        if let Ok(position) = spool.append(START, &data) {
            confirmed.written.push((position, data));
        }
        if number % 3 == 2 {
            let positions = number - 1..number + 1;
            if spool.complete(positions.clone()).is_ok() {
                confirmed.complete.extend(positions);
            }
        }
        let checkpoint = number.to_le_bytes();
        if number % 4 == 3 {
            let was_killed = faults::is_killed();
            match spool.save_checkpoint(START, "log", &checkpoint) {
                Ok(()) => confirmed.checkpoint = Some(checkpoint.to_vec()),
                Err(_) if !was_killed => confirmed.unconfirmed = Some(checkpoint.to_vec()),
                Err(_) => {}
            }
        }
    }
}

#[derive(Default)]
struct Confirmed {
    written: Vec<Record>,
    complete: Vec<u64>,
    checkpoint: Option<Vec<u8>>,
    /// A checkpoint whose save did not return.
    unconfirmed: Option<Vec<u8>>,
}

fn options() -> SpoolOptions {
    SpoolOptions { segment_bytes: 100, ..OPTIONS }
}

#[test]
fn keeps_what_it_has_confirmed_wherever_the_process_ends() {
    for operations in 1.. {
        let dir = fast_dir();
        let mut confirmed = Confirmed::default();
        faults::kill_after(Some(operations));
        if let Ok((spool, _)) = Spool::open(dir.path(), target("s"), options()) {
            work(&spool, &mut confirmed);
        }
        let was_killed = faults::is_killed();
        faults::kill_after(None);
        let (spool, faults, records) = open(dir.path(), options());
        assert!(faults.is_empty(), "{operations}: {faults:?}");
        let is_left = |(position, _): &&Record| !confirmed.complete.contains(position);
        let expected: Vec<_> = confirmed.written.iter().filter(is_left).cloned().collect();
        // Nothing has confirmed the last call.
        let excess = records.iter().filter(|record| !expected.contains(record)).count();
        let missing = expected.iter().filter(|record| !records.contains(record)).count();
        assert!(excess <= 1 && missing <= 2 && (excess == 0 || missing == 0), "{operations}: {records:?}");
        let checkpoint = spool.load_checkpoint("log").unwrap();
        assert!(
            checkpoint == confirmed.checkpoint || checkpoint == confirmed.unconfirmed,
            "{operations}: {checkpoint:?}"
        );
        if !was_killed {
            assert!(operations > 50, "{operations}");
            return;
        }
    }
}

#[test]
fn goes_on_when_a_full_disk_has_room_again() {
    let dir = fast_dir();
    let (spool, ..) = open(dir.path(), options());
    let mut confirmed = Confirmed::default();
    work(&spool, &mut confirmed);
    faults::fill(true);
    let mut in_vain = Confirmed::default();
    work(&spool, &mut in_vain);
    assert!(in_vain.written.is_empty() && in_vain.checkpoint.is_none());
    drop(spool);
    assert!(matches!(Spool::open(dir.path(), target("s"), options()), Err(SpoolError::Io { .. })));
    faults::fill(false);
    let (spool, faults, records) = open(dir.path(), options());
    assert!(faults.is_empty(), "{faults:?}");
    let is_left = |(position, _): &&Record| !confirmed.complete.contains(position);
    assert_eq!(records.iter().collect::<Vec<_>>(), confirmed.written.iter().filter(is_left).collect::<Vec<_>>());
    assert_eq!(spool.load_checkpoint("log").unwrap(), confirmed.checkpoint);
    assert_eq!(spool.append(START, b"more").unwrap(), 12);
}
