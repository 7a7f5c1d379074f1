//! [`Log`]: a run of bytes that is followed, and where it is.

use std::ffi::OsString;
use std::ops::Range;

use firehose_blocking::firehose_proto::time::Tick;

use super::fingerprint::{Fingerprint, as_u64};
use super::names::uncompressed;
use super::step::Identity;
use crate::encoding::Encoding;

/// Up to so many bytes to reread, one read takes them together with the fingerprint's last bytes.
const MAX_REREAD: u64 = 64 * 1024;

/// A run of bytes that is followed.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) log: u64,
    pub(super) name: OsString,
    /// Its file; none after that was truncated.
    pub(super) identity: Option<Identity>,
    pub(super) encoding: Encoding,
    pub(super) fingerprint: Fingerprint,
    /// Bytes before the fingerprint's end that have to be read again.
    pub(super) reread: u64,
    /// The file's length and time of change, at the last listing.
    pub(super) bytes: u64,
    pub(super) modified: u64,
    /// The longest that the log was.
    pub(super) longest: u64,
    /// The time of the last change after which the fingerprint was compared.
    pub(super) verified: Option<u64>,
    pub(super) state: FileState,
    pub(super) is_listed: bool,
    /// Whether it was read to its end once.
    pub(super) is_drained: bool,
    pub(super) is_ended: bool,
    pub(super) changed: Tick,
    /// Since when another log is at the path.
    pub(super) replaced: Option<Tick>,
    /// When it was read, counted in reads.
    pub(super) read: u64,
    /// The listing at which it last could not be read, and whether that was reported.
    pub(super) tried: u64,
    pub(super) is_reported: bool,
}

/// The state of a log whose file is not known.
pub(super) const MISSING: FileState = FileState::Missing { listings: 0, searched: 0 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    /// In a file that is not open.
    Closed,
    Open(u64),
    /// In no known file, after so many searches; the last listing in which it was searched.
    Missing {
        listings: u32,
        searched: u64,
    },
}

impl Log {
    pub(super) fn new(log: u64, name: OsString, identity: Option<Identity>, now: Tick) -> Self {
        // Until a file is opened, its name tells whether it is compressed.
        let encoding = if uncompressed(&name).is_some() { Encoding::Gzip } else { Encoding::Plain };
        Self {
            log,
            name,
            identity,
            encoding,
            fingerprint: Fingerprint::default(),
            reread: 0,
            bytes: 0,
            modified: 0,
            longest: 0,
            verified: None,
            state: FileState::Closed,
            is_listed: false,
            is_drained: false,
            is_ended: false,
            changed: now,
            replaced: None,
            read: 0,
            tried: 0,
            is_reported: false,
        }
    }

    /// Separates the log from its file, which now belongs to another log.
    pub(super) fn detach(&mut self) {
        (self.identity, self.is_listed) = (None, false);
        self.state = if self.is_ended { FileState::Closed } else { MISSING };
    }

    pub(super) fn is_readable(&self, listings: u64) -> bool {
        matches!(self.state, FileState::Open(_))
            && !self.is_ended
            && self.tried < listings
            && match self.encoding {
                Encoding::Plain => {
                    self.bytes > self.fingerprint.offset() || self.reread > 0 || self.verified != Some(self.modified)
                }
                _ => !self.is_drained,
            }
    }

    /// Where to read from: the last bytes are read once more, to compare them.
    pub(super) fn read_from(&self) -> u64 {
        let overlap = match self.encoding {
            Encoding::Plain if self.reread <= MAX_REREAD => self.reread.max(self.fingerprint.tail().bytes),
            _ => self.reread,
        };
        self.fingerprint.offset() - overlap
    }

    /// Whether what was read from `read_from` on, and the checksum of the first bytes, are as they were.
    pub(super) fn is_as_it_was(&self, data: &[u8], head: Option<u32>) -> bool {
        if self.encoding != Encoding::Plain {
            return true;
        }
        let span = self.fingerprint.tail_span();
        let is_head = self.fingerprint.head().bytes == 0 || head == Some(self.fingerprint.head().crc32);
        let Some(start) = span.start.checked_sub(self.read_from()) else { return is_head };
        let [start, end] = [start, span.end - self.read_from()].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let is_compared = self.reread <= MAX_REREAD;
        is_head && (!is_compared || data.get(start..end).map(crc32fast::hash) == Some(self.fingerprint.tail().crc32))
    }

    /// Takes what was read from [`Log::read_from`] on, and returns which part of it is new.
    pub(super) fn take(&mut self, now: Tick, data: &[u8]) -> Range<usize> {
        let start = usize::try_from(self.fingerprint.offset() - self.reread - self.read_from()).unwrap_or(usize::MAX);
        let new = data.get(start..).unwrap_or_default();
        let (reread, more) =
            new.split_at(usize::try_from(self.reread).map_or(new.len(), |reread| reread.min(new.len())));
        self.reread -= as_u64(reread.len());
        self.fingerprint.advance(more);
        let is_plain = self.encoding == Encoding::Plain;
        if is_plain {
            self.bytes =
                if new.is_empty() { self.fingerprint.offset() } else { self.bytes.max(self.fingerprint.offset()) };
        }
        self.longest = self.longest.max(if is_plain { self.bytes } else { self.fingerprint.offset() });
        let is_at_end = match is_plain {
            true => self.fingerprint.offset() >= self.bytes && self.reread == 0,
            false => new.is_empty(),
        };
        if is_at_end {
            (self.is_drained, self.verified) = (true, Some(self.modified));
        }
        if !new.is_empty() {
            self.changed = now;
        }
        start..start.max(data.len())
    }
}
