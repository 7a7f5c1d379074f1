//! [`Replay`]: the records that an earlier process left without an outcome.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use super::error::SpoolError;
use super::files;
use super::frame::{HEADER_BYTES, Piece, Walk};
use super::ranges::Ranges;

/// Iterates over the damage found, then over the records without an outcome, in the order of their positions.
///
/// Reads one segment at a time. Independent of the spool: records may be written and completed meanwhile.
#[derive(Debug)]
pub(crate) struct Replay {
    dir: PathBuf,
    faults: vec::IntoIter<SpoolError>,
    segments: vec::IntoIter<(u64, Ranges)>,
    current: Option<Current>,
}

/// The segment being read.
#[derive(Debug)]
struct Current {
    first: u64,
    done: Ranges,
    bytes: Vec<u8>,
    walk: Walk,
}

impl Replay {
    pub(crate) fn new(dir: &Path, faults: Vec<SpoolError>, segments: Vec<(u64, Ranges)>) -> Self {
        Self { dir: dir.into(), faults: faults.into_iter(), segments: segments.into_iter(), current: None }
    }

    /// The next record of that segment.
    fn next_record(&mut self) -> Option<Result<(u64, Vec<u8>), SpoolError>> {
        let Current { first, done, bytes, walk } = self.current.as_mut()?;
        loop {
            match walk.next(*first, bytes)? {
                Piece::Record { index, .. } if done.contains(index) => {}
                Piece::Record { index, frame } => {
                    let data = bytes.get(frame.start + HEADER_BYTES..frame.end).unwrap_or_default();
                    return Some(Ok((first.saturating_add(index.into()), data.to_vec())));
                }
                // It was valid when the spool was opened, so nothing is set aside.
                Piece::Bad { bytes, .. } => {
                    return Some(Err(SpoolError::Corrupt {
                        path: files::path(&self.dir, *first, "log"),
                        offset: files::bytes_in(bytes.start),
                        bytes: files::bytes_in(bytes.len()),
                        kept: None,
                    }));
                }
            }
        }
    }
}

impl Iterator for Replay {
    type Item = Result<(u64, Vec<u8>), SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(fault) = self.faults.next() {
            return Some(Err(fault));
        }
        loop {
            if let Some(record) = self.next_record() {
                return Some(record);
            }
            let (first, done) = self.segments.next()?;
            let path = files::path(&self.dir, first, "log");
            match fs::read(&path) {
                Ok(bytes) => self.current = Some(Current { first, done, bytes, walk: Walk::default() }),
                // All its records have got their outcomes meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.current = None,
                Err(error) => {
                    self.current = None;
                    return Some(Err(files::io_error("read", &path)(error)));
                }
            }
        }
    }
}
