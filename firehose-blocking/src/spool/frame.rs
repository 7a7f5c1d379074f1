//! The bytes of a segment: records in frames, detection of damage and recovery after it, and completion entries.
//!
//! ```text
//! segment     "fhspool1" | first position of the segment before, or its own if there is none u64 | frame*
//! frame       length u32 | index u32 | CRC-32 of data u32 | CRC-32 of the segment's first position and these three u32 | data
//! completion  first index u32 | index after the last u32 | CRC-32 of the segment's first position and these two u32
//! ```
//!
//! Numbers are little-endian. A length counts the whole frame, so zeros are never a valid frame. An index counts the
//! records of a segment, so a frame after damage still identifies its record. The checksum covers the segment's first
//! position, so that a frame of another segment left on a disk block is not taken for one of this segment.

use std::ops::Range;

/// Distinguishes segments from other files, and this format from later ones.
const MAGIC: u64 = u64::from_le_bytes(*b"fhspool1");

/// Bytes of a segment before its frames.
pub(crate) const HEAD_BYTES: usize = 16;

/// Bytes of a frame before its data.
pub(crate) const HEADER_BYTES: usize = 16;

/// Bytes of a completion.
pub(crate) const COMPLETION_BYTES: usize = 12;

/// Encodes the start of a segment.
pub(crate) fn encode_head(previous: u64) -> [u8; HEAD_BYTES] {
    (u128::from(MAGIC) | u128::from(previous) << 64).to_le_bytes()
}

/// Reads from a segment's start which segment preceded it.
pub(crate) fn previous(bytes: &[u8]) -> Option<u64> {
    let head = u128::from_le_bytes(*bytes.first_chunk::<HEAD_BYTES>()?);
    let low = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).ok();
    (low(head)? == MAGIC).then_some(low(head >> 64)?)
}

/// Appends a record's frame, unless its length exceeds 32 bits.
pub(crate) fn encode(first: u64, index: u32, data: &[u8], out: &mut Vec<u8>) {
    let Ok(length) = u32::try_from(HEADER_BYTES + data.len()) else {
        return;
    };
    let sum = crc32fast::hash(data);
    for word in [length, index, sum, checksum(first, &[length, index, sum])] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(data);
}

/// The entry that marks a range of a segment's records as complete.
pub(crate) fn encode_completion(first: u64, indices: &Range<u32>) -> [u8; COMPLETION_BYTES] {
    let mut entry = [0; COMPLETION_BYTES];
    let words = [indices.start, indices.end, checksum(first, &[indices.start, indices.end])];
    for (bytes, word) in entry.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    entry
}

/// Reads the completion entries. Skips damaged ones: their records are replayed.
pub(crate) fn completions(first: u64, bytes: &[u8]) -> impl Iterator<Item = Range<u32>> {
    bytes.chunks_exact(COMPLETION_BYTES).filter_map(move |entry| {
        let (start, end, sum) = (word(entry, 0)?, word(entry, 4)?, word(entry, 8)?);
        (checksum(first, &[start, end]) == sum).then_some(start..end)
    })
}

fn checksum(first: u64, words: &[u32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&first.to_le_bytes());
    for word in words {
        hasher.update(&word.to_le_bytes());
    }
    hasher.finalize()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// A piece of a segment, from some byte on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A valid frame; its data follows the [`HEADER_BYTES`].
    Record { index: u32, frame: Range<usize> },
    /// Bytes without a record, up to the next valid frame or the end.
    Bad { bytes: Range<usize>, is_unfinished: bool },
}

/// Iterates over the pieces of a segment's bytes.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    offset: usize,
    next_index: u32,
}

enum Frame {
    Good {
        index: u32,
        end: usize,
    },
    /// The data does not match the header's checksum.
    Spoilt {
        index: u32,
        end: usize,
    },
    /// The data extends beyond the end of the file.
    Short,
    /// There is no valid header.
    None,
}

impl Walk {
    pub(crate) fn next(&mut self, first: u64, bytes: &[u8]) -> Option<Piece> {
        if self.offset == 0 && previous(bytes).is_some() {
            self.offset = HEAD_BYTES;
        }
        let start = self.offset;
        if start >= bytes.len() {
            return None;
        }
        let frame = self.frame(first, bytes, start);
        if let Frame::Good { index, end } = frame {
            self.offset = end;
            self.next_index = index.saturating_add(1);
            return Some(Piece::Record { index, frame: start..end });
        }
        self.offset = match frame {
            Frame::Spoilt { index, end } => {
                self.next_index = index.saturating_add(1);
                self.next_good(first, bytes, end)
            }
            Frame::Short => bytes.len(),
            _ => self.next_good(first, bytes, start + 1),
        };
        let bad = bytes.get(start..self.offset).unwrap_or_default();
        // The remains of a write that was cut short, or whose length reached the disk without its bytes.
        let is_cut = matches!(frame, Frame::Short) || bad.len() < HEADER_BYTES || bad.iter().all(|&byte| byte == 0);
        Some(Piece::Bad { bytes: start..self.offset, is_unfinished: is_cut && self.offset == bytes.len() })
    }

    /// The start of the next valid frame, at or after an offset.
    fn next_good(&self, first: u64, bytes: &[u8], from: usize) -> usize {
        let is_good = |&offset: &usize| matches!(self.frame(first, bytes, offset), Frame::Good { .. });
        (from..bytes.len()).find(is_good).unwrap_or(bytes.len())
    }

    fn frame(&self, first: u64, bytes: &[u8], offset: usize) -> Frame {
        let header = || {
            let bytes = bytes.get(offset..)?;
            Some((word(bytes, 0)?, word(bytes, 4)?, word(bytes, 8)?, word(bytes, 12)?))
        };
        let Some((length, index, sum, header_sum)) = header() else {
            return Frame::None;
        };
        let length_is_right = usize::try_from(length).is_ok_and(|length| length >= HEADER_BYTES);
        // An index that no record here can have, given those before it, would break the numbering.
        if !length_is_right || index < self.next_index || checksum(first, &[length, index, sum]) != header_sum {
            return Frame::None;
        }
        let end = offset.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        match bytes.get(offset + HEADER_BYTES..end) {
            None => Frame::Short,
            Some(data) if crc32fast::hash(data) == sum => Frame::Good { index, end },
            Some(_) => Frame::Spoilt { index, end },
        }
    }
}
