//! [`Spool`]: records on disk until their outcome is known, so that they survive the process.
//!
//! ```text
//! write ─▶ segment file ─▶ commit (syncs)        complete ─▶ noted beside the segment
//!                │                                  └─▶ every record of a segment ─▶ segment removed
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
//! | `EachRecord` | each whose `commit` returned | |
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

mod checkpoints;
pub(crate) mod disk;
mod error;
pub(crate) mod files;
pub(crate) mod frame;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod ranges;
mod replay;
mod state;
mod target;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firehose_proto::time::Tick;

pub use self::error::SpoolError;
use self::files::{DirLock, bytes_in, io_error};
use self::frame::{COMPLETION_BYTES, HEAD_BYTES, HEADER_BYTES};
pub(crate) use self::replay::Replay;
use self::state::{Segment, State, Unsynced, create_segment, remove_segment};
pub use self::target::SpoolTarget;

/// What a record takes of the bound beside its data: its frame, and at most one entry of completion.
const RECORD_BYTES: u64 = 28;
const _: () = assert!(RECORD_BYTES == (HEADER_BYTES + COMPLETION_BYTES) as u64);

/// How often a note is synced where nothing else is.
const NOTE_SYNC_INTERVAL: Duration = Duration::from_secs(5);

/// How many of a source's notes are synced at the beginning.
const FIRST_NOTES: u32 = 16;

/// How much a spool holds and when it is safe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SpoolOptions {
    /// What it takes of the disk at most: data, and 28 bytes for each record. Files set aside and notes are not counted.
    pub max_bytes: u64,
    /// A segment that has reached this many bytes is not added to. A segment is removed as a whole, so this should be a
    /// small part of `max_bytes`.
    pub segment_bytes: u64,
    /// When records are made to outlast the machine's power.
    pub sync: SyncPolicy,
    /// Whether records that are meant for another stream, region or endpoint are delivered to this one. If not, a spool that
    /// has any is not opened. How far sources were read for that one counts for this one as well, then.
    pub redirect: bool,
    /// What the endpoint is called in the spool, in place of its URL: for one whose URL is another each time, such as that of
    /// a [`LocalEndpoint`](crate::LocalEndpoint) on a free port. The service's own endpoints of a region need none: with FIPS,
    /// dual-stack or neither, they are one.
    pub endpoint_name: Option<String>,
}

impl Default for SpoolOptions {
    /// 1 GiB, an hour of a stream with 300 kB/s, in segments of 16 MiB, and no syncs: safe from the process's end, but not from the machine's.
    fn default() -> Self {
        let (max_bytes, segment_bytes, sync) = (1 << 30, 16 << 20, SyncPolicy::Never);
        Self { max_bytes, segment_bytes, sync, redirect: false, endpoint_name: None }
    }
}

/// When records are made to outlast the machine's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
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
    target: SpoolTarget,
    /// What notes are looked for under as well: the target was another one before.
    before: Option<SpoolTarget>,
    options: SpoolOptions,
    pub(crate) state: Mutex<State>,
    /// Always locked before `state`.
    pub(crate) synced: Mutex<Synced>,
    sync_ended: Condvar,
    /// How often each source's note was synced, and when last, if notes are not by themselves.
    noted: Mutex<BTreeMap<String, (u32, Tick)>>,
    _lock: DirLock,
}

/// How far the disk has what was written.
#[derive(Debug)]
pub(crate) struct Synced {
    /// All records before this position are safe.
    pub(crate) end: u64,
    /// When the first record after it was committed.
    since: Option<Tick>,
    is_syncing: bool,
    has_failed: bool,
}

impl Spool {
    /// Opens the spool in a directory, which is made if it is not there, and returns with it what an earlier one left for
    /// the same target.
    ///
    /// # Errors
    /// When the directory is in use or has records for another target, or the file system says no. Damage is no error
    /// here: [`Replay`] begins with it.
    pub(crate) fn open(dir: &Path, target: SpoolTarget, options: SpoolOptions) -> Result<(Self, Replay), SpoolError> {
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
        let before = target::claim(dir, &target, !segments.is_empty(), options.redirect)?;
        let file = create_segment(dir, next, firsts.last().copied().unwrap_or(next))?;
        let bytes = segments.values().map(|segment| segment.bytes).sum::<u64>() + bytes_in(HEAD_BYTES);
        segments.insert(next, Segment::empty());
        let state =
            State { segments, active: next, file, bytes, is_spoilt: false, names_changed: true, buffer: Vec::new() };
        let spool = Self {
            dir: dir.into(),
            target,
            before,
            options,
            state: Mutex::new(state),
            synced: Mutex::new(Synced { end: 0, since: None, is_syncing: false, has_failed: false }),
            sync_ended: Condvar::new(),
            noted: Mutex::default(),
            _lock: lock,
        };
        Ok((spool, Replay::new(dir, faults, unfinished)))
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
        // Beside what it needs there is the head of its segment, and room for the next one's.
        if needed + 2 * overhead > max_bytes || file_bytes > u32::MAX.into() {
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
            state.roll(&self.dir)?;
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
            SyncPolicy::EachRecord => self.sync_after(Some(position)),
            SyncPolicy::Interval(_) => self.poll_sync(now).map(|_| ()),
        }
    }

    /// How often to call [`Spool::poll_sync`], if the policy wants it.
    pub(crate) const fn sync_interval(&self) -> Option<Duration> {
        match self.options.sync {
            SyncPolicy::Interval(interval) => Some(interval),
            SyncPolicy::EachRecord | SyncPolicy::Never => None,
        }
    }

    /// Syncs when the interval is over, and returns when to call again: `None` if there is nothing that will need it.
    ///
    /// For the time when no `commit` comes that would do it.
    ///
    /// # Errors
    /// As [`Spool::sync`].
    pub(crate) fn poll_sync(&self, now: Tick) -> Result<Option<Tick>, SpoolError> {
        let Some(interval) = self.sync_interval() else { return Ok(None) };
        let mut synced = lock(&self.synced);
        let end = lock(&self.state).next();
        if synced.end >= end {
            return Ok(None);
        }
        // The first record begins the interval.
        let due = *synced.since.get_or_insert(now) + interval;
        if now < due {
            return Ok(Some(due));
        }
        if synced.is_syncing {
            return Ok(Some(now + interval));
        }
        drop(synced);
        self.sync_after(end.checked_sub(1))?;
        Ok(None)
    }

    /// Makes all records and completions outlast the machine's power, whatever the policy.
    ///
    /// # Errors
    /// When the disk did not take them, now or at an earlier sync.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        self.sync_after(None)
    }

    /// Takes note that records have their outcome: they are not replayed again.
    ///
    /// Positions that are complete already, or that the spool does not have, are passed over. Consecutive ones should come
    /// in one call, which costs one small write.
    ///
    /// # Errors
    /// When the file system says no. The room is free nevertheless, but the records may be replayed after a restart.
    pub(crate) fn complete(&self, positions: Range<u64>) -> Result<(), SpoolError> {
        if positions.is_empty() {
            return Ok(());
        }
        lock(&self.state).complete(&self.dir, &positions)
    }

    /// Records without an outcome.
    pub(crate) fn pending(&self) -> u64 {
        lock(&self.state).segments.values().map(|segment| u64::from(segment.pending)).sum()
    }

    /// Bytes that the files of records without an outcome take of the bound.
    pub(crate) fn pending_bytes(&self) -> u64 {
        lock(&self.state).segments.values().filter(|segment| segment.pending > 0).map(|segment| segment.bytes).sum()
    }

    /// All records without an outcome, to be sent again. None may be written until it has been read.
    pub(crate) fn replay(&self) -> Replay {
        let state = lock(&self.state);
        let pending = state.segments.iter().filter(|(_, segment)| segment.pending > 0);
        let segments = pending.map(|(&first, segment)| (first, segment.done.clone())).collect();
        Replay::new(&self.dir, Vec::new(), segments)
    }

    /// Keeps a few bytes of the caller's for a source of records, in place of those before; whole or not at all.
    ///
    /// With a policy that syncs, all records written so far are synced first: a note is never ahead of them. Without, one in a
    /// few seconds is synced, so that it is not lost with the machine's power.
    ///
    /// # Errors
    /// When the file system says no. The note before is there still.
    pub(crate) fn save_checkpoint(&self, now: Tick, source: &str, note: &[u8]) -> Result<(), SpoolError> {
        let mut noted = lock(&self.noted);
        let syncs = self.options.sync != SyncPolicy::Never;
        if syncs {
            self.sync()?;
        }
        // Without syncs, a loss of power may leave an empty file. Now and then one is worth its time, then; and so are the first
        // ones, as what is known when a source begins is little to go on from.
        let (count, at) = noted.get(source).copied().unwrap_or_default();
        let has_copy = !syncs && (count < FIRST_NOTES || now.since(at) >= NOTE_SYNC_INTERVAL);
        checkpoints::write(&self.dir, &self.target, source, note, (syncs, has_copy))?;
        if has_copy {
            noted.insert(source.into(), (count + 1, now));
        }
        Ok(())
    }

    /// The bytes that were kept last for a source and this target, by this or an earlier process. Those that are not what
    /// was written are set aside, and count as none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn load_checkpoint(&self, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        let note = checkpoints::read(&self.dir, &self.target, source)?;
        match &self.before {
            Some(before) if note.is_none() => checkpoints::read(&self.dir, before, source),
            _ => Ok(note),
        }
    }

    /// Syncs, unless everything up to a position is or comes to be synced by others.
    fn sync_after(&self, position: Option<u64>) -> Result<(), SpoolError> {
        let mut synced = lock(&self.synced);
        loop {
            if synced.has_failed {
                return Err(SpoolError::Unsynced { dir: self.dir.clone() });
            }
            if position.is_some_and(|position| synced.end > position) {
                return Ok(());
            }
            if !synced.is_syncing {
                break;
            }
            synced = self.sync_ended.wait(synced).unwrap_or_else(PoisonError::into_inner);
        }
        // Nothing is locked while the disk works, so that others can write, and those whose records it covers go on at once.
        synced.is_syncing = true;
        drop(synced);
        let mut has_failed = false;
        let unsynced = lock(&self.state).unsynced(&self.dir);
        let result = unsynced.and_then(|Unsynced { end, files, names_changed }| {
            let synced = files.iter().try_for_each(|(path, file)| file.sync_data().map_err(io_error("sync", path)));
            let synced = synced.and_then(|()| if names_changed { files::sync_dir(&self.dir) } else { Ok(()) });
            has_failed = synced.is_err();
            synced.map(|()| end)
        });
        let mut synced = lock(&self.synced);
        synced.is_syncing = false;
        synced.has_failed = has_failed;
        if let Ok(end) = result {
            synced.end = end;
            synced.since = None;
        }
        self.sync_ended.notify_all();
        result.map(|_| ())
    }
}

/// Locks what no thread leaves half-changed, so that one that panicked elsewhere does no harm.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
