//! The spool against a model, through random steps and crashes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::spool::frame;

/// What happens to a spool.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Vec<u8>>),
    Complete(usize, usize),
    Reopen,
    /// Bytes truncated from the last segment.
    Cut(usize),
    /// Bytes appended to the last segment.
    Garbage(Vec<u8>),
    Zeros(usize),
    /// A bit of the last segment.
    Flip(usize, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let data = prop::collection::vec(any::<u8>(), 0..60);
    let step = prop_oneof![
        8 => prop::collection::vec(data, 0..5).prop_map(Step::Write),
        6 => (0usize..30, 1usize..12).prop_map(|(skip, count)| Step::Complete(skip, count)),
        1 => Just(Step::Reopen),
        1 => (0usize..300).prop_map(Step::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..100).prop_map(Step::Garbage),
        1 => (1usize..100).prop_map(Step::Zeros),
        1 => (any::<prop::sample::Index>(), 0u8..8).prop_map(|(at, bit)| Step::Flip(at.index(1 << 16), bit)),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn opens_whatever_its_files_hold(
        log in prop::collection::vec(any::<u8>(), 0..200),
        done in prop::collection::vec(any::<u8>(), 0..60),
        checkpoint in prop::collection::vec(any::<u8>(), 0..10),
        begins_well in any::<bool>(),
        is_last in any::<bool>(),
    ) {
        let dir = fast_dir();
        let head = frame::encode_head(7);
        let log = if begins_well { [&head[..], &log].concat() } else { log };
        fs::write(files::path(dir.path(), 7, "log"), &log).unwrap();
        fs::write(files::path(dir.path(), 7, "done"), done).unwrap();
        let other = fast_dir();
        open(other.path(), OPTIONS).0.save_checkpoint(START, "log", b"").unwrap();
        fs::write(dir.path().join(checkpoint_path(other.path()).file_name().unwrap()), checkpoint).unwrap();
        if !is_last {
            fs::write(files::path(dir.path(), u64::MAX, "log"), head).unwrap();
        }
        let (spool, _, records) = open(dir.path(), OPTIONS);
        prop_assert!(records.is_empty());
        prop_assert_eq!(spool.load_checkpoint("log").unwrap(), None);
        spool.complete(0..u64::MAX).unwrap();
    }
}

/// The records of the last segment that lose a byte by a truncation.
fn lost_by_cut(bytes: &[u8], first: u64, cut: usize) -> Vec<u64> {
    let (mut walk, mut lost) = (frame::Walk::default(), Vec::new());
    while let Some(piece) = walk.next(first, bytes) {
        let frame::Piece::Record { index, frame } = piece else { panic!("{piece:?}") };
        if frame.end > bytes.len() - cut {
            lost.push(first + u64::from(index));
        }
    }
    lost
}

proptest! {
    #[test]
    fn keeps_exactly_what_has_no_outcome_whatever_crashes(steps in steps()) {
        let dir = fast_dir();
        let options = SpoolOptions { max_bytes: 1500, segment_bytes: 300, ..OPTIONS };
        let (mut spool, ..) = open(dir.path(), options.clone());
        // Records without an outcome.
        let mut model: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for step in steps {
            let (mut lost, mut may_lose) = (Vec::new(), 0);
            match &step {
                Step::Write(records) => {
                    match spool.write(records) {
                        Ok(positions) => {
                            prop_assert_eq!(positions.end - positions.start, bytes_in(records.len()));
                            prop_assert!(model.keys().all(|&position| position < positions.start));
                            model.extend(positions.zip(records.iter().cloned()));
                        }
                        Err(error) => {
                            prop_assert!(matches!(error, SpoolError::Full { .. }), "{:?}", error);
                            prop_assert!(!model.is_empty(), "an empty spool has room");
                        }
                    }
                    prop_assert!(bytes_on_disk(dir.path()) <= options.max_bytes);
                    continue;
                }
                Step::Complete(skip, count) => {
                    let begin = model.keys().nth(*skip).copied().unwrap_or_default();
                    let positions = begin..begin + bytes_in(*count);
                    spool.complete(positions.clone()).unwrap();
                    model.retain(|position, _| !positions.contains(position));
                    prop_assert!(bytes_on_disk(dir.path()) <= options.max_bytes);
                    continue;
                }
                Step::Reopen | Step::Cut(_) | Step::Garbage(_) | Step::Zeros(_) | Step::Flip(..) => drop(spool),
            }
            let last = files_of(dir.path(), "log").pop().unwrap();
            let first: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let mut bytes = fs::read(&last).unwrap();
            match step {
                Step::Cut(cut) => {
                    let cut = cut.min(bytes.len());
                    lost = lost_by_cut(&bytes, first, cut);
                    bytes.truncate(bytes.len() - cut);
                }
                Step::Garbage(garbage) => bytes.extend(garbage),
                Step::Zeros(count) => bytes.resize(bytes.len() + count, 0),
                Step::Flip(at, bit) => {
                    let at = at % bytes.len();
                    bytes[at] ^= 1 << bit;
                    may_lose = 1;
                }
                _ => {}
            }
            fs::write(&last, bytes).unwrap();
            let (opened, faults, records) = open(dir.path(), options.clone());
            spool = opened;
            model.retain(|position, _| !lost.contains(position));
            let records: BTreeMap<_, _> = records.into_iter().collect();
            let missing: Vec<u64> = model.keys().filter(|position| !records.contains_key(position)).copied().collect();
            prop_assert!(missing.len() <= may_lose, "{:?} lost", missing);
            let is_reported = faults.iter().any(|fault| matches!(fault, SpoolError::Corrupt { .. }));
            prop_assert!(missing.is_empty() || is_reported, "lost in silence");
            model.retain(|position, _| !missing.contains(position));
            prop_assert_eq!(&records, &model);
            drop(spool);
            let (opened, again, records) = open(dir.path(), options.clone());
            spool = opened;
            prop_assert!(again.iter().all(|fault| matches!(fault, SpoolError::Missing { .. })), "{:?}", again);
            prop_assert_eq!(&records.into_iter().collect::<BTreeMap<_, _>>(), &model);
        }
    }
}
