//! Entry points of the fuzz targets `spool_frames` and `spool`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a fuzz target fails at what is wrong")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::frame::{self, HEAD_BYTES, HEADER_BYTES, Piece, Walk};
use super::{Spool, SpoolError, SpoolOptions, SpoolTarget};

/// Reads any bytes as a segment: every byte is in one piece, and every record is encoded the same again.
pub fn walk(first: u64, bytes: &[u8]) {
    let mut walk = Walk::default();
    let mut offset = if frame::previous(bytes).is_some() { HEAD_BYTES } else { 0 };
    let mut next_index = 0;
    while let Some(piece) = walk.next(first, bytes) {
        let range = match piece {
            Piece::Record { index, frame } => {
                assert!(index >= next_index, "record {index} again");
                next_index = index.saturating_add(1);
                let mut written = Vec::new();
                frame::encode(first, index, &bytes[frame.start + HEADER_BYTES..frame.end], &mut written);
                assert_eq!(written, bytes[frame.clone()]);
                frame
            }
            Piece::Bad { bytes: range, is_unfinished } => {
                assert!(!is_unfinished || range.end == bytes.len());
                range
            }
        };
        assert!(range.start == offset && range.end > offset, "{range:?} after {offset}");
        offset = range.end;
    }
    assert_eq!(offset, bytes.len().max(offset));
    for range in frame::completions(first, bytes) {
        let entry = frame::encode_completion(first, &range);
        assert!(bytes.chunks_exact(entry.len()).any(|chunk| chunk == entry));
    }
}

/// Writes a segment and damages it: every record with an intact frame is found.
pub fn walk_damaged(first: u64, records: &[&[u8]], damage: &[(u16, u8)]) {
    let mut bytes = frame::encode_head(first).to_vec();
    let mut frames = Vec::new();
    for (index, data) in (0..).zip(records) {
        let start = bytes.len();
        frame::encode(first, index, data, &mut bytes);
        frames.push(Piece::Record { index, frame: start..bytes.len() });
    }
    let before = bytes.clone();
    for (at, bits) in damage {
        let at = HEAD_BYTES + usize::from(*at);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= bits;
        }
    }
    let mut walk = Walk::default();
    let found: Vec<Piece> = std::iter::from_fn(|| walk.next(first, &bytes)).collect();
    for piece in frames {
        let Piece::Record { frame, .. } = &piece else { continue };
        let is_sound = before[frame.clone()] == bytes[frame.clone()];
        assert_eq!(found.contains(&piece), is_sound, "{piece:?} in {found:?}");
    }
}

fn target() -> SpoolTarget {
    SpoolTarget::new("s", "eu-west-1", "https://firehose.eu-west-1.amazonaws.com/")
}

/// Writes, completes, damages and reopens in any order: a record without an outcome comes back unchanged, or damage is
/// reported.
pub fn run(dir: &Path, steps: &[(u8, u16, &[u8])]) {
    let options = SpoolOptions { max_bytes: 4096, segment_bytes: 256, ..SpoolOptions::default() };
    let (mut spool, mut replay) = Spool::open(dir, target(), options.clone()).unwrap();
    assert!(replay.next().is_none(), "the directory is new");
    let mut open: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    // Records found corrupt are missing from then on, and are reported again.
    let mut is_sound = true;
    for (kind, number, data) in steps {
        match kind % 8 {
            0..4 => match spool.write(&[data, &data[..data.len() / 2]]) {
                Ok(positions) => open.extend(positions.zip([data.to_vec(), data[..data.len() / 2].to_vec()])),
                Err(SpoolError::Full { .. } | SpoolError::TooLarge { .. }) => {}
                Err(error) => panic!("{error}"),
            },
            4..6 => {
                let start = open.keys().nth(usize::from(number % 16)).copied().unwrap_or_default();
                let end = start + u64::from(number >> 8);
                spool.complete(start..end).unwrap();
                open.retain(|position, _| !(start..end).contains(position));
            }
            _ => {
                drop(spool);
                let is_damaged = kind % 8 == 7 && damage(dir, *number, data);
                let mut faults = 0;
                let replay;
                (spool, replay) = Spool::open(dir, target(), options.clone()).unwrap();
                let mut found = BTreeMap::new();
                for item in replay {
                    match item {
                        Ok((position, data)) => assert!(found.insert(position, data).is_none(), "{position} twice"),
                        Err(_) => faults += 1,
                    }
                }
                if is_damaged {
                    // Damage to a record's completion brings the record back.
                    let written = found.iter().all(|(at, data)| open.get(at).is_none_or(|expected| expected == data));
                    assert!(written, "{found:?} is not {open:?}");
                    open = found;
                    is_sound = false;
                } else {
                    assert!((faults == 0 || !is_sound) && found == open, "{faults} faults, {found:?} is not {open:?}");
                }
            }
        }
        assert_eq!(spool.pending(), u64::try_from(open.len()).unwrap());
    }
}

/// Changes, truncates or extends one of the files; returns whether there was one.
fn damage(dir: &Path, number: u16, data: &[u8]) -> bool {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "log" || extension == "done"));
    files.sort();
    let Some(path) = files.get(usize::from(number >> 12) % files.len().max(1)) else { return false };
    let mut bytes = fs::read(path).unwrap();
    let at = usize::from(number & 0xfff) % (bytes.len() + 1);
    match data.split_first() {
        None => bytes.truncate(at),
        Some((0, rest)) => bytes.extend_from_slice(rest),
        Some(_) => bytes.iter_mut().skip(at).zip(data).for_each(|(byte, bits)| *byte ^= bits),
    }
    fs::write(path, bytes).unwrap();
    true
}
