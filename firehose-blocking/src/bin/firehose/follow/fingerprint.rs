//! [`Fingerprint`]: how much of a log was read, and the bytes that identify it.

use std::ops::Range;

/// How many of the first and of the last bytes that were read identify a log.
pub(crate) const FINGERPRINT_BYTES: usize = 1024;

/// How much of a log was read, and the checksums of its first bytes and of the last ones before that place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fingerprint {
    offset: u64,
    head: Sum,
    tail: Sum,
    /// The bytes of `tail`, unless it comes from an earlier run.
    last: Vec<u8>,
}

/// Some bytes, and their CRC-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
}

impl Fingerprint {
    /// Restores what an earlier run saved; nothing if it is not valid.
    pub(crate) fn restore(offset: u64, head: Sum, tail: Sum) -> Option<Self> {
        let limit = offset.min(FINGERPRINT_BYTES as u64);
        (head.bytes <= limit && tail.bytes <= limit).then_some(Self { offset, head, tail, last: Vec::new() })
    }

    /// Bytes that were read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The first bytes.
    pub(crate) fn head(&self) -> Sum {
        self.head
    }

    /// The last bytes that were read.
    pub(crate) fn tail(&self) -> Sum {
        self.tail
    }

    /// Where the first bytes are.
    pub(crate) fn head_span(&self) -> Range<u64> {
        0..self.head.bytes
    }

    /// Where the last bytes are that were read.
    pub(crate) fn tail_span(&self) -> Range<u64> {
        self.offset - self.tail.bytes..self.offset
    }

    /// Adds bytes that were read.
    pub(crate) fn advance(&mut self, bytes: &[u8]) {
        if self.head.bytes == self.offset {
            let missing =
                FINGERPRINT_BYTES.saturating_sub(usize::try_from(self.head.bytes).unwrap_or(FINGERPRINT_BYTES));
            let (first, _) = bytes.split_at(missing.min(bytes.len()));
            let mut hasher = crc32fast::Hasher::new_with_initial_len(self.head.crc32, self.head.bytes);
            hasher.update(first);
            self.head = Sum { bytes: self.head.bytes + as_u64(first.len()), crc32: hasher.finalize() };
        }
        self.offset += as_u64(bytes.len());
        let (_, new) = bytes.split_at(bytes.len().saturating_sub(FINGERPRINT_BYTES));
        let excess = (self.last.len() + new.len()).saturating_sub(FINGERPRINT_BYTES);
        self.last.drain(..excess.min(self.last.len()));
        self.last.extend_from_slice(new);
        self.tail = Sum { bytes: as_u64(self.last.len()), crc32: crc32fast::hash(&self.last) };
    }
}

pub(crate) fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_first_and_last_bytes_whatever_the_steps_they_come_in() {
        let text: Vec<u8> = (0..5_000_u32).map(|number| (number * number % 251) as u8).collect();
        for (length, step) in [(0, 1), (1, 1), (1000, 7), (1024, 1024), (1025, 1), (5000, 1), (5000, 999), (5000, 5000)]
        {
            let text = &text[..length];
            let mut fingerprint = Fingerprint::default();
            text.chunks(step).for_each(|chunk| fingerprint.advance(chunk));
            let sum = |bytes: &[u8]| Sum { bytes: bytes.len() as u64, crc32: crc32fast::hash(bytes) };
            assert_eq!(fingerprint.offset(), length as u64);
            assert_eq!(fingerprint.head(), sum(&text[..length.min(1024)]), "{length} by {step}");
            assert_eq!(fingerprint.tail(), sum(&text[length.saturating_sub(1024)..]), "{length} by {step}");
            let mut restored =
                Fingerprint::restore(fingerprint.offset(), fingerprint.head(), fingerprint.tail()).unwrap();
            restored.advance(b"more");
            assert_eq!(restored.tail(), sum(b"more"));
            fingerprint.advance(b"more");
            assert_eq!((restored.head(), restored.offset()), (fingerprint.head(), fingerprint.offset()));
        }
        let sum = Sum { bytes: 5, crc32: 0 };
        assert_eq!(Fingerprint::restore(4, sum, Sum::default()), None);
        assert_eq!(Fingerprint::restore(4, Sum::default(), sum), None);
    }
}
