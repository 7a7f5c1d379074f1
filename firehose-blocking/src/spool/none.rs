//! Replaces the spool where the feature `spool` is off: none can be opened.

use std::fmt;
use std::iter;
use std::ops::Range;
use std::time::Duration;

use firehose_proto::time::Tick;

/// An error of the spool. There is none without the feature `spool`.
#[derive(Debug)]
pub enum SpoolError {}

impl SpoolError {
    pub(crate) fn is_full(&self) -> bool {
        match *self {}
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for SpoolError {}

/// A spool. None can be opened.
pub(crate) enum Spool {}

impl Spool {
    pub(crate) fn write<D: AsRef<[u8]>>(&self, _: &[D]) -> Result<Range<u64>, SpoolError> {
        match *self {}
    }

    pub(crate) fn commit(&self, _: Tick, _: u64) -> Result<(), SpoolError> {
        match *self {}
    }

    pub(crate) fn sync_interval(&self) -> Option<Duration> {
        match *self {}
    }

    pub(crate) fn poll_sync(&self, _: Tick) -> Result<Option<Tick>, SpoolError> {
        match *self {}
    }

    pub(crate) fn complete(&self, _: Range<u64>) -> Result<(), SpoolError> {
        match *self {}
    }

    pub(crate) fn pending(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn pending_bytes(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn replay(&self) -> Replay {
        match *self {}
    }

    pub(crate) fn save_checkpoint(&self, _: Tick, _: &str, _: &[u8]) -> Result<(), SpoolError> {
        match *self {}
    }

    pub(crate) fn load_checkpoint(&self, _: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        match *self {}
    }
}

/// No record is replayed.
pub(crate) type Replay = iter::Empty<Result<(u64, Vec<u8>), SpoolError>>;
