//! [`State`]: the segments of a spool in memory, and how changes reach the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::disk;
use super::error::SpoolError;
use super::files::{self, bytes_in, io_error};
use super::frame::{self, COMPLETION_BYTES, HEAD_BYTES};
use super::ranges::Ranges;

/// What to sync to make every record before a position safe.
#[derive(Debug)]
pub(super) struct Unsynced {
    pub(super) end: u64,
    pub(super) files: Vec<(PathBuf, File)>,
    pub(super) names_changed: bool,
}

/// The segments in memory.
#[derive(Debug)]
pub(crate) struct State {
    /// Keyed by first position. Records are written to the last one.
    pub(super) segments: BTreeMap<u64, Segment>,
    pub(super) active: u64,
    pub(crate) file: File,
    /// Bytes of the limit that all segments take.
    pub(super) bytes: u64,
    /// Whether the active segment ends with a failed write, and so takes no more records.
    pub(super) is_unusable: bool,
    /// Whether files were created whose names may not be on disk.
    pub(super) names_changed: bool,
    /// The frames of one write.
    pub(super) buffer: Vec<u8>,
}

/// A file of records, and the file of its completions.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// The index after the last record.
    pub(super) end: u32,
    /// Records without an outcome.
    pub(super) pending: u32,
    /// Bytes of the limit that it takes.
    pub(super) bytes: u64,
    /// The length of its file.
    pub(super) file_bytes: u64,
    pub(super) done: Ranges,
    pub(super) done_file: Option<File>,
    pub(super) is_synced: bool,
    pub(super) done_is_synced: bool,
}

impl State {
    /// The position of the next record.
    pub(crate) fn next(&self) -> u64 {
        let end = self.segments.get(&self.active).map_or(0, |segment| segment.end);
        self.active.saturating_add(end.into())
    }

    pub(super) fn active_segment(&mut self) -> &mut Segment {
        self.segments.entry(self.active).or_default()
    }

    /// Writes frames at the end of the active segment, all or none.
    pub(super) fn write<D: AsRef<[u8]>>(&mut self, dir: &Path, records: &[D]) -> Result<(), SpoolError> {
        let (first, Segment { end, file_bytes, .. }) = (self.active, self.active_segment());
        let (end, file_bytes) = (*end, *file_bytes);
        self.buffer.clear();
        for (index, record) in (end..).zip(records) {
            frame::encode(first, index, record.as_ref(), &mut self.buffer);
        }
        disk::write(&self.file, &self.buffer).map_err(|error| {
            // If even the truncation fails, nothing may follow what was written.
            self.is_unusable = disk::change(|| self.file.set_len(file_bytes)).is_err();
            io_error("write", &files::path(dir, first, "log"))(error)
        })
    }

    /// Ends the active segment and begins the next; removes the old one if all its records are complete.
    pub(super) fn roll(&mut self, dir: &Path) -> Result<(), SpoolError> {
        let (old, new) = (self.active, self.next());
        // The new segment's file replaces the old one if that has no record.
        self.file = create_segment(dir, new, old)?;
        self.is_unusable = false;
        if old == new {
            return Ok(());
        }
        self.active = new;
        self.names_changed = true;
        self.segments.insert(new, Segment::empty());
        self.bytes += bytes_in(HEAD_BYTES);
        let is_complete = self.segments.get(&old).is_some_and(|segment| segment.pending == 0);
        if is_complete { self.remove(dir, old) } else { Ok(()) }
    }

    /// Marks a nonempty range of records as complete.
    pub(super) fn complete(&mut self, dir: &Path, positions: &Range<u64>) -> Result<(), SpoolError> {
        let begin = self.segments.range(..=positions.start).next_back().map_or(positions.start, |(&first, _)| first);
        let mut result = Ok(());
        let mut removed = Vec::new();
        for (&first, segment) in self.segments.range_mut(begin..positions.end) {
            let index =
                |position: u64| u32::try_from(position.saturating_sub(first)).unwrap_or(u32::MAX).min(segment.end);
            let indices = index(positions.start)..index(positions.end);
            let new = segment.done.insert(indices.clone());
            if new == 0 {
                continue;
            }
            segment.pending -= new;
            if segment.pending == 0 && first != self.active {
                removed.push(first);
            } else {
                self.names_changed |= segment.done_file.is_none();
                result = result.and(segment.note_completion(dir, first, &indices));
            }
        }
        for first in removed {
            result = result.and(self.remove(dir, first));
        }
        result
    }

    /// Removes a segment and its files.
    pub(super) fn remove(&mut self, dir: &Path, first: u64) -> Result<(), SpoolError> {
        if let Some(segment) = self.segments.remove(&first) {
            self.bytes -= segment.bytes;
        }
        remove_segment(dir, first)
    }

    /// What to sync to make everything written so far safe; counts as synced from now on.
    pub(super) fn unsynced(&mut self, dir: &Path) -> Result<Unsynced, SpoolError> {
        let mut files = Vec::new();
        for (&first, segment) in &self.segments {
            if !segment.is_synced {
                let path = files::path(dir, first, "log");
                let is_active = first == self.active;
                let file = if is_active { self.file.try_clone() } else { File::options().write(true).open(&path) };
                files.push((path.clone(), file.map_err(io_error("open", &path))?));
            }
            if let (Some(file), false) = (&segment.done_file, segment.done_is_synced) {
                let path = files::path(dir, first, "done");
                files.push((path.clone(), file.try_clone().map_err(io_error("open", &path))?));
            }
        }
        for segment in self.segments.values_mut() {
            (segment.is_synced, segment.done_is_synced) = (true, true);
        }
        Ok(Unsynced { end: self.next(), files, names_changed: std::mem::take(&mut self.names_changed) })
    }
}

impl Segment {
    pub(super) fn empty() -> Self {
        Self { bytes: bytes_in(HEAD_BYTES), file_bytes: bytes_in(HEAD_BYTES), done_is_synced: true, ..Self::default() }
    }

    /// Writes a completion entry.
    pub(super) fn note_completion(&mut self, dir: &Path, first: u64, indices: &Range<u32>) -> Result<(), SpoolError> {
        let path = files::path(dir, first, "done");
        let mut write = || {
            let file = match self.done_file.take() {
                Some(file) => file,
                None => open_aligned(&path)?,
            };
            disk::write(&file, &frame::encode_completion(first, indices))?;
            // Kept only after success; otherwise later entries would be at the wrong offsets.
            self.done_file = Some(file);
            Ok(())
        };
        self.done_is_synced = false;
        write().map_err(io_error("write", &path))
    }
}

/// Opens a file of completions, and truncates a partial entry that a crash may have left at its end.
fn open_aligned(path: &Path) -> io::Result<File> {
    let file = disk::change(|| files::private().append(true).create(true).open(path))?;
    let bytes = file.metadata()?.len();
    disk::change(|| file.set_len(bytes - bytes % bytes_in(COMPLETION_BYTES)))?;
    Ok(file)
}

pub(super) fn create_segment(dir: &Path, first: u64, previous: u64) -> Result<File, SpoolError> {
    // Neither file holds a record: this one is from a failed attempt, its completions from before it was truncated.
    remove_segment(dir, first)?;
    let path = files::path(dir, first, "log");
    let create = || {
        let file = disk::change(|| files::private().append(true).create_new(true).open(&path))?;
        disk::write(&file, &frame::encode_head(previous))?;
        Ok(file)
    };
    create().map_err(io_error("create", &path))
}

/// Removes the records first: completions without records are harmless, but records without completions are replayed.
pub(super) fn remove_segment(dir: &Path, first: u64) -> Result<(), SpoolError> {
    files::remove(&files::path(dir, first, "log"))?;
    files::remove(&files::path(dir, first, "done"))
}
