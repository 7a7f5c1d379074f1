//! [`Spool`]: records on disk until their outcome is known, so that they survive the process.
//!
//! ```text
//! write ─▶ segment file ─▶ commit (syncs)        complete ─▶ noted beside the segment
//!                │                                   └─▶ every record of a segment ─▶ segment removed
//!                └─ after a crash: open ─▶ replay of the records without outcome
//! ```
//!
//! A position is the number of a record: one more than the last one's, so ranges of positions stand for ranges of records.
//!
//! # What survives
//!
//! What [`Spool::write`], [`Spool::complete`] and [`Spool::note`] return from, the operating system has: it survives the end
//! of the process by whatever means. What survives the end of the machine, or of its power, is up to [`SyncPolicy`]:
//!
//! | | records that survive | also |
//! |---|---|---|
//! | `EachRecord` | each whose `append` or `commit` returned | |
//! | `Interval` | those older than the interval | the note is never ahead of the records |
//! | `Never` | those that the system has written by itself, after some 30 s on Linux | the note may be ahead of them |
//!
//! # What is replayed twice
//!
//! After the end of the process: only records whose outcome came and whose `complete` had not returned. After the end of the
//! machine: also those that were completed since the last sync and whose segment was not removed; a sync is no part of
//! `complete`, because what is at stake is a duplicate and no loss.
//!
//! # What is damaged
//!
//! An unfinished write at the end of the last segment is cut off: it was never confirmed, or not synced. Any other bytes that
//! do not check are set aside in a file named as the segment, ending in `.corrupt`, reported by [`Replay`], and the good
//! records around them go on.

mod error;
mod files;
mod frame;
mod ranges;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use firehose_proto::time::Tick;

pub(crate) use self::error::SpoolError;
use self::files::{bytes_in, io_error};
use self::frame::{COMPLETION_BYTES, HEAD_BYTES, HEADER_BYTES};
use self::ranges::Ranges;
pub(crate) use self::replay::Replay;

/// What a record takes of the bound beside its data: its frame, and at most one entry of completion.
const RECORD_BYTES: u64 = 28;
const _: () = assert!(RECORD_BYTES == (HEADER_BYTES + COMPLETION_BYTES) as u64);

/// How much a spool holds and when it is safe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpoolOptions {
    /// What it takes of the disk at most: data, and 28 bytes for each record. Files set aside and the note are not counted.
    pub(crate) max_bytes: u64,
    /// A segment that has reached this many bytes is not added to. A segment is removed as a whole, so this should be a
    /// small part of `max_bytes`.
    pub(crate) segment_bytes: u64,
    /// When records are made to outlast the machine's power.
    pub(crate) sync: SyncPolicy,
}

/// When records are made to outlast the machine's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncPolicy {
    /// Before they are confirmed. Threads that wait at the same time share one sync.
    EachRecord,
    /// When so much time has passed since the last sync.
    Interval(Duration),
    /// When the operating system sees fit.
    Never,
}

/// Records on disk until their outcome is known.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    options: SpoolOptions,
    state: Mutex<State>,
    /// Held during a sync, when others go on writing; always locked before `state`.
    synced: Mutex<Synced>,
    noting: Mutex<()>,
    _lock: DirLock,
}

#[derive(Debug)]
struct State {
    /// By their first position. The last one is written to.
    segments: BTreeMap<u64, Segment>,
    active: u64,
    file: File,
    /// What all segments take of the bound.
    bytes: u64,
    /// The active segment ends with what a failed write left, and takes no more.
    is_spoilt: bool,
    /// Files were made whose names the disk may not have.
    names_changed: bool,
    /// Frames of the records that are written at once.
    buffer: Vec<u8>,
}

#[derive(Debug, Default)]
struct Segment {
    /// The index after the last record's.
    end: u32,
    /// Records without outcome.
    pending: u32,
    /// What it takes of the bound.
    bytes: u64,
    /// How long its file is.
    file_bytes: u64,
    done: Ranges,
    done_file: Option<File>,
    is_synced: bool,
    done_is_synced: bool,
}

#[derive(Debug)]
struct Synced {
    /// All records before this position are safe.
    end: u64,
    at: Option<Tick>,
    has_failed: bool,
}

impl Spool {
    /// Opens the spool in a directory, which is made if it is not there, and returns with it what an earlier one left.
    ///
    /// # Errors
    /// When the directory is in use or the file system says no. Damage is no error here: [`Replay`] begins with it.
    pub(crate) fn open(dir: &Path, options: SpoolOptions) -> Result<(Self, Replay), SpoolError> {
        files::create_dir(dir)?;
        let lock = DirLock::new(dir)?;
        let firsts = files::segments(dir)?;
        let (mut segments, mut unfinished, mut faults) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut next = 0;
        for (number, &first) in firsts.iter().enumerate() {
            let contents = files::read(dir, first, firsts.get(number + 1).copied(), &mut faults)?;
            next = first.saturating_add(contents.end.into()).max(next);
            if contents.pending == 0 {
                remove_segment(dir, first)?;
                continue;
            }
            let bytes = contents.data_bytes + u64::from(contents.records) * RECORD_BYTES + bytes_in(HEAD_BYTES);
            unfinished.push((first, contents.done.clone()));
            let (end, pending, done) = (contents.end, contents.pending, contents.done);
            segments.insert(first, Segment { end, pending, bytes, done, done_is_synced: true, ..Segment::default() });
        }
        let file = create_segment(dir, next, firsts.last().copied().unwrap_or(next))?;
        let bytes = segments.values().map(|segment| segment.bytes).sum::<u64>() + bytes_in(HEAD_BYTES);
        segments.insert(next, Segment::empty());
        let state =
            State { segments, active: next, file, bytes, is_spoilt: false, names_changed: true, buffer: Vec::new() };
        let spool = Self {
            dir: dir.into(),
            options,
            state: Mutex::new(state),
            synced: Mutex::new(Synced { end: 0, at: None, has_failed: false }),
            noting: Mutex::new(()),
            _lock: lock,
        };
        Ok((spool, Replay::new(dir, faults, unfinished)))
    }

    /// Writes a record and makes it as safe as [`SyncPolicy`] says: [`Spool::write`] and [`Spool::commit`] in one.
    ///
    /// # Errors
    /// As of the two.
    pub(crate) fn append(&self, now: Tick, data: &[u8]) -> Result<u64, SpoolError> {
        let position = self.write(&[data])?.start;
        self.commit(now, position)?;
        Ok(position)
    }

    /// Hands records to the operating system, all or none, and returns their positions.
    ///
    /// One call is one write, whose cost is shared by its records. [`Spool::commit`] is to follow; being apart, it can wait
    /// for the disk while others write.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when the bound would be passed, [`SpoolError::TooLarge`] when waiting would not help,
    /// [`SpoolError::Io`] when the file system says no. Nothing is in the spool then.
    pub(crate) fn write<D: AsRef<[u8]>>(&self, records: &[D]) -> Result<Range<u64>, SpoolError> {
        let data_bytes: u64 = records.iter().map(|data| bytes_in(data.as_ref().len())).sum();
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let needed = data_bytes + u64::from(count) * RECORD_BYTES;
        let file_bytes = data_bytes + u64::from(count) * bytes_in(HEADER_BYTES);
        let max_bytes = self.options.max_bytes;
        let overhead = bytes_in(HEAD_BYTES);
        if needed + overhead > max_bytes || file_bytes > u32::MAX.into() {
            return Err(SpoolError::TooLarge { needed, max_bytes });
        }
        let mut state = lock(&self.state);
        let is_over = |state: &State| state.bytes + needed + overhead > max_bytes;
        let is_spoilt = state.is_spoilt;
        let frees = is_over(&state) && state.active_segment().pending == 0;
        let active = state.active_segment();
        let is_full = frees
            || active.file_bytes + file_bytes > self.options.segment_bytes
            || active.end.checked_add(count).is_none();
        if is_spoilt || is_full && active.end > 0 {
            self.roll(&mut state)?;
        }
        if is_over(&state) {
            return Err(SpoolError::Full { needed, free: max_bytes.saturating_sub(state.bytes + overhead) });
        }
        state.write(&self.dir, records)?;
        let start = state.next();
        let active = state.active_segment();
        active.end += count;
        active.pending += count;
        active.bytes += needed;
        active.file_bytes += file_bytes;
        active.is_synced = false;
        state.bytes += needed;
        Ok(start..state.next())
    }

    /// Makes a record and all before it as safe as [`SyncPolicy`] says.
    ///
    /// # Errors
    /// When the disk did not take them. The spool stays usable for what needs no sync, and never promises one again.
    pub(crate) fn commit(&self, now: Tick, position: u64) -> Result<(), SpoolError> {
        match self.options.sync {
            SyncPolicy::Never => Ok(()),
            SyncPolicy::EachRecord => {
                let mut synced = lock(&self.synced);
                if synced.end > position { Ok(()) } else { self.sync_now(&mut synced) }
            }
            SyncPolicy::Interval(_) => self.poll_sync(now).map(|_| ()),
        }
    }

    /// Syncs when the interval is over, and returns when to call again: `None` if there is nothing that will need it.
    ///
    /// For the time when no `commit` comes that would do it.
    ///
    /// # Errors
    /// As [`Spool::sync`].
    pub(crate) fn poll_sync(&self, now: Tick) -> Result<Option<Tick>, SpoolError> {
        let SyncPolicy::Interval(interval) = self.options.sync else {
            return Ok(None);
        };
        let mut synced = match self.synced.try_lock() {
            Ok(synced) => synced,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            // Somebody is syncing.
            Err(TryLockError::WouldBlock) => return Ok(Some(now + interval)),
        };
        if synced.end >= lock(&self.state).next() {
            return Ok(None);
        }
        // The first record begins the interval.
        let due = *synced.at.get_or_insert(now) + interval;
        if now < due {
            return Ok(Some(due));
        }
        self.sync_now(&mut synced)?;
        synced.at = None;
        Ok(None)
    }

    /// Makes all records and completions outlast the machine's power, whatever the policy.
    ///
    /// # Errors
    /// When the disk did not take them, now or at an earlier sync.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        self.sync_now(&mut lock(&self.synced))
    }

    /// Takes note that records have their outcome: they are not replayed again.
    ///
    /// Positions that are complete already, or that the spool does not have, are passed over. Consecutive ones should come
    /// in one call, which costs one small write.
    ///
    /// # Errors
    /// When the file system says no. The room is free nevertheless, but the records may be replayed after a restart.
    pub(crate) fn complete(&self, positions: Range<u64>) -> Result<(), SpoolError> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let begin = state.segments.range(..=positions.start).next_back().map_or(positions.start, |(&first, _)| first);
        let mut result = Ok(());
        let mut removed = Vec::new();
        if positions.is_empty() {
            return result;
        }
        for (&first, segment) in state.segments.range_mut(begin..positions.end) {
            let index =
                |position: u64| u32::try_from(position.saturating_sub(first)).unwrap_or(u32::MAX).min(segment.end);
            let indices = index(positions.start)..index(positions.end);
            let new = segment.done.insert(indices.clone());
            if new == 0 {
                continue;
            }
            segment.pending -= new;
            if segment.pending == 0 && first != state.active {
                removed.push(first);
            } else {
                state.names_changed |= segment.done_file.is_none();
                result = result.and(segment.note_completion(&self.dir, first, &indices));
            }
        }
        for first in removed {
            result = result.and(state.remove(&self.dir, first));
        }
        result
    }

    /// Keeps a few bytes of the caller's, in place of those before; whole or not at all.
    ///
    /// With a policy that syncs, all records written so far are synced first: a note is never ahead of them.
    ///
    /// # Errors
    /// When the file system says no. The note before is there still.
    pub(crate) fn note(&self, note: &[u8]) -> Result<(), SpoolError> {
        let _guard = lock(&self.noting);
        let syncs = self.options.sync != SyncPolicy::Never;
        if syncs {
            self.sync()?;
        }
        let bytes = [&crc32fast::hash(note).to_le_bytes(), note].concat();
        files::replace(&self.dir.join("note"), &bytes, syncs)
    }

    /// The bytes that were kept last, by this or an earlier process.
    ///
    /// # Errors
    /// When they cannot be read or are not what was written.
    pub(crate) fn last_note(&self) -> Result<Option<Vec<u8>>, SpoolError> {
        let path = self.dir.join("note");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        match bytes.split_first_chunk() {
            Some((sum, note)) if crc32fast::hash(note).to_le_bytes() == *sum => Ok(Some(note.to_vec())),
            _ => Err(SpoolError::Corrupt { path, offset: 0, bytes: bytes_in(bytes.len()), kept: None }),
        }
    }

    /// Ends the active segment and begins the next; frees the old one if all its records are complete.
    fn roll(&self, state: &mut State) -> Result<(), SpoolError> {
        let (old, new) = (state.active, state.next());
        // If no record is in it, its file gives way to the new one.
        state.file = create_segment(&self.dir, new, old)?;
        state.is_spoilt = false;
        if old == new {
            return Ok(());
        }
        state.active = new;
        state.names_changed = true;
        state.segments.insert(new, Segment::empty());
        state.bytes += bytes_in(HEAD_BYTES);
        let is_complete = state.segments.get(&old).is_some_and(|segment| segment.pending == 0);
        if is_complete { state.remove(&self.dir, old) } else { Ok(()) }
    }

    fn sync_now(&self, synced: &mut Synced) -> Result<(), SpoolError> {
        if synced.has_failed {
            return Err(SpoolError::Unsynced { dir: self.dir.clone() });
        }
        let mut state = lock(&self.state);
        let files = state.unsynced(&self.dir)?;
        let (end, names_changed) = (state.next(), std::mem::take(&mut state.names_changed));
        drop(state);
        // Others may write while the disk works.
        let sync = || {
            for (path, file) in files {
                file.sync_data().map_err(io_error("sync", &path))?;
            }
            if names_changed { files::sync_dir(&self.dir) } else { Ok(()) }
        };
        sync().inspect_err(|_| synced.has_failed = true)?;
        synced.end = end;
        synced.at = None;
        Ok(())
    }
}

impl State {
    /// The position of the next record.
    fn next(&self) -> u64 {
        let end = self.segments.get(&self.active).map_or(0, |segment| segment.end);
        self.active.saturating_add(end.into())
    }

    fn active_segment(&mut self) -> &mut Segment {
        self.segments.entry(self.active).or_default()
    }

    /// Writes frames at the end of the active segment, all or none.
    fn write<D: AsRef<[u8]>>(&mut self, dir: &Path, records: &[D]) -> Result<(), SpoolError> {
        let (first, Segment { end, file_bytes, .. }) = (self.active, self.active_segment());
        let (end, file_bytes) = (*end, *file_bytes);
        self.buffer.clear();
        for (index, record) in (end..).zip(records) {
            frame::encode(first, index, record.as_ref(), &mut self.buffer);
        }
        self.file.write_all(&self.buffer).map_err(|error| {
            // If not even that works, nothing is added after what was written.
            self.is_spoilt = self.file.set_len(file_bytes).is_err();
            io_error("write", &files::path(dir, first, "log"))(error)
        })
    }

    /// Forgets a segment and its files.
    fn remove(&mut self, dir: &Path, first: u64) -> Result<(), SpoolError> {
        if let Some(segment) = self.segments.remove(&first) {
            self.bytes -= segment.bytes;
        }
        remove_segment(dir, first)
    }

    /// The files to sync for everything written so far to be safe; they count as synced from now on.
    fn unsynced(&mut self, dir: &Path) -> Result<Vec<(PathBuf, File)>, SpoolError> {
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
        Ok(files)
    }
}

impl Segment {
    fn empty() -> Self {
        Self { bytes: bytes_in(HEAD_BYTES), file_bytes: bytes_in(HEAD_BYTES), done_is_synced: true, ..Self::default() }
    }

    /// Writes down which records have their outcome.
    fn note_completion(&mut self, dir: &Path, first: u64, indices: &Range<u32>) -> Result<(), SpoolError> {
        let path = files::path(dir, first, "done");
        let mut write = || {
            let file = match self.done_file.take() {
                Some(file) => file,
                None => open_aligned(&path)?,
            };
            (&file).write_all(&frame::encode_completion(first, indices))?;
            // Kept only if all went well, or later entries would not be where they are looked for.
            self.done_file = Some(file);
            Ok(())
        };
        self.done_is_synced = false;
        write().map_err(io_error("write", &path))
    }
}

/// Opens a file of completions without the part of an entry that a crash may have left at its end.
fn open_aligned(path: &Path) -> io::Result<File> {
    let file = files::private().append(true).create(true).open(path)?;
    let bytes = file.metadata()?.len();
    file.set_len(bytes - bytes % bytes_in(COMPLETION_BYTES))?;
    Ok(file)
}

fn create_segment(dir: &Path, first: u64, previous: u64) -> Result<File, SpoolError> {
    // Neither holds a record: the file is left from an attempt that failed, its completions from before it was cut.
    remove_segment(dir, first)?;
    let path = files::path(dir, first, "log");
    let create = || {
        let mut file = files::private().append(true).create_new(true).open(&path)?;
        file.write_all(&frame::encode_head(previous))?;
        Ok(file)
    };
    create().map_err(io_error("create", &path))
}

/// Removes the records first: completions without records do no harm, records without completions are replayed.
fn remove_segment(dir: &Path, first: u64) -> Result<(), SpoolError> {
    files::remove(&files::path(dir, first, "log"))?;
    files::remove(&files::path(dir, first, "done"))
}

/// The right to a directory, which ends with the process at the latest.
#[derive(Debug)]
struct DirLock(File);

impl DirLock {
    fn new(dir: &Path) -> Result<Self, SpoolError> {
        let path = dir.join("lock");
        let file = files::private().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(io_error("open", &path))?;
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Self(file)),
            Err(fs4::TryLockError::WouldBlock) => Err(SpoolError::Locked { dir: dir.into() }),
            Err(fs4::TryLockError::Error(error)) => Err(io_error("lock", &path)(error)),
        }
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing is not enough while a process that another thread is starting still has a copy of the descriptor.
        if let Err(error) = fs4::FileExt::unlock(&self.0) {
            log::warn!("cannot unlock a spool's directory: {error}");
        }
    }
}

/// Locks what no thread leaves half-changed, so that one that panicked elsewhere does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
