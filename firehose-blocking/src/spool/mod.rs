//! [`Spool`]: records on disk until their outcome is known, so that they survive the process.
//!
//! ```text
//! write ─▶ segment file ─▶ commit (syncs)        complete ─▶ recorded beside the segment
//!                │                                  └─▶ every record of a segment ─▶ segment removed
//!                └─ after a crash: open ─▶ replay of the records without outcome
//! ```
//!
//! A record's position is its number, one more than the previous record's. So a range of positions stands for a range
//! of records.
//!
//! # What survives
//!
//! What [`Spool::write`], [`Spool::complete`] and [`Spool::save_checkpoint`] wrote is with the operating system when
//! they return: it survives any end of the process. [`SyncPolicy`] decides what survives a crash of the machine or a
//! loss of power:
//!
//! | | records that survive | also |
//! |---|---|---|
//! | `EachRecord` | each whose `commit` returned | |
//! | `Interval` | those older than the interval | a checkpoint is never ahead of the records |
//! | `Never` | those that the system has written by itself, after some 30 s on Linux | a checkpoint may be ahead of them |
//!
//! # What is replayed twice
//!
//! After the end of the process: only records whose outcome came and whose `complete` had not returned. After a crash
//! of the machine: also records completed since the last sync whose segment was not removed. `complete` does not sync,
//! because it risks only a duplicate, not a loss.
//!
//! # What is damaged
//!
//! An unfinished write at the end of the last segment is truncated: it was never confirmed, or not synced. Any other
//! corrupt bytes are copied to a file with the segment's name and the extension `.corrupt`, and [`Replay`] reports
//! them. The valid records around them are still delivered.

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

/// Bytes that a record takes besides its data: its frame, and at most one completion entry.
const RECORD_BYTES: u64 = 28;
const _: () = assert!(RECORD_BYTES == (HEADER_BYTES + COMPLETION_BYTES) as u64);

/// How often a checkpoint is synced if the policy syncs nothing.
const CHECKPOINT_SYNC_INTERVAL: Duration = Duration::from_secs(5);

/// How many of a source's first checkpoints are synced.
const FIRST_CHECKPOINTS: u32 = 16;

/// How large a spool may be, and when its records are safe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SpoolOptions {
    /// The most bytes on disk: data, and 28 bytes for each record. Corrupt bytes set aside and checkpoints do not
    /// count.
    pub max_bytes: u64,
    /// A segment of this many bytes takes no more records. A segment is removed as a whole, so make this a small part
    /// of `max_bytes`.
    pub segment_bytes: u64,
    /// When records are made safe from a loss of power.
    pub sync: SyncPolicy,
    /// Whether to deliver records for another stream, region or endpoint to this one. If not, a spool with such records
    /// is not opened. With it, the checkpoints for the other target count for this one too.
    pub redirect: bool,
    /// A name for the endpoint, to be kept in the spool instead of its URL. For an endpoint whose URL changes, such as
    /// a [`LocalEndpoint`](crate::LocalEndpoint) on a free port. The service's own endpoints of a region need no name:
    /// FIPS, dual-stack and plain ones count as the same.
    pub endpoint_name: Option<String>,
}

impl Default for SpoolOptions {
    /// 1 GiB in segments of 16 MiB, without syncs. Holds an hour of a stream with 300 kB/s. Safe from the end of the
    /// process, but not from that of the machine.
    fn default() -> Self {
        let (max_bytes, segment_bytes, sync) = (1 << 30, 16 << 20, SyncPolicy::Never);
        Self { max_bytes, segment_bytes, sync, redirect: false, endpoint_name: None }
    }
}

/// When records are made safe from a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// Before they are confirmed. Threads that wait at the same time share one sync.
    EachRecord,
    /// When this much time has passed since the last sync.
    Interval(Duration),
    /// When the operating system decides.
    Never,
}

/// Records on disk until their outcome is known.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    target: SpoolTarget,
    /// The previous target, whose checkpoints count for this one too.
    before: Option<SpoolTarget>,
    options: SpoolOptions,
    pub(crate) state: Mutex<State>,
    /// Always locked before `state`.
    pub(crate) synced: Mutex<Synced>,
    sync_ended: Condvar,
    /// For each source, how many checkpoints were synced and when last, if the policy does not sync them.
    checkpoint_syncs: Mutex<BTreeMap<String, (u32, Tick)>>,
    _lock: DirLock,
}

/// How much of the written data is on disk.
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
    /// Opens the spool in a directory, creating it if necessary. Also returns the records that an earlier process left
    /// for the same target.
    ///
    /// # Errors If the directory is in use or has records for another target, or the file system fails. Damage is not
    /// an error here: [`Replay`] reports it first.
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
            State { segments, active: next, file, bytes, is_unusable: false, names_changed: true, buffer: Vec::new() };
        let spool = Self {
            dir: dir.into(),
            target,
            before,
            options,
            state: Mutex::new(state),
            synced: Mutex::new(Synced { end: 0, since: None, is_syncing: false, has_failed: false }),
            sync_ended: Condvar::new(),
            checkpoint_syncs: Mutex::default(),
            _lock: lock,
        };
        Ok((spool, Replay::new(dir, faults, unfinished)))
    }

    /// Hands records to the operating system, all or none, and returns their positions.
    ///
    /// Each call makes one write, whose cost its records share. [`Spool::commit`] must follow; it is separate, so that
    /// one thread can wait for the disk while others write.
    ///
    /// # Errors [`SpoolError::Full`] if the spool is full, [`SpoolError::TooLarge`] if waiting would not help,
    /// [`SpoolError::Io`] if the file system fails. Nothing is then added to the spool.
    pub(crate) fn write<D: AsRef<[u8]>>(&self, records: &[D]) -> Result<Range<u64>, SpoolError> {
        let data_bytes: u64 = records.iter().map(|data| bytes_in(data.as_ref().len())).sum();
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let needed = data_bytes + u64::from(count) * RECORD_BYTES;
        let file_bytes = data_bytes + u64::from(count) * bytes_in(HEADER_BYTES);
        let max_bytes = self.options.max_bytes;
        let overhead = bytes_in(HEAD_BYTES);
        // Besides the records, there must be room for the head of their segment and of the next one.
        if needed + 2 * overhead > max_bytes || file_bytes > u32::MAX.into() {
            return Err(SpoolError::TooLarge { needed, max_bytes });
        }
        let mut state = lock(&self.state);
        let is_over = |state: &State| state.bytes + needed + overhead > max_bytes;
        let is_unusable = state.is_unusable;
        let frees = is_over(&state) && state.active_segment().pending == 0;
        let active = state.active_segment();
        let is_full = frees
            || active.file_bytes + file_bytes > self.options.segment_bytes
            || active.end.checked_add(count).is_none();
        if is_unusable || is_full && active.end > 0 {
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

    /// Makes a record and all before it as safe as [`SyncPolicy`] promises.
    ///
    /// # Errors If the sync failed. The spool stays usable without syncs, but never promises one again.
    pub(crate) fn commit(&self, now: Tick, position: u64) -> Result<(), SpoolError> {
        match self.options.sync {
            SyncPolicy::Never => Ok(()),
            SyncPolicy::EachRecord => self.sync_after(Some(position)),
            SyncPolicy::Interval(_) => self.poll_sync(now).map(|_| ()),
        }
    }

    /// How often to call [`Spool::poll_sync`], if the policy needs it.
    pub(crate) const fn sync_interval(&self) -> Option<Duration> {
        match self.options.sync {
            SyncPolicy::Interval(interval) => Some(interval),
            SyncPolicy::EachRecord | SyncPolicy::Never => None,
        }
    }

    /// Syncs if the interval is over, and returns when to call again: `None` if nothing will need it.
    ///
    /// Covers the time in which no `commit` comes to do it.
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

    /// Syncs all records and completions, whatever the policy.
    ///
    /// # Errors If this sync or an earlier one failed.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        self.sync_after(None)
    }

    /// Marks records as complete: they are not replayed any more.
    ///
    /// Positions that are complete already, or not in the spool, are skipped. Pass consecutive ones in one call, which
    /// costs one small write.
    ///
    /// # Errors If the file system fails. The room is free nevertheless, but the records may be replayed after a
    /// restart.
    pub(crate) fn complete(&self, positions: Range<u64>) -> Result<(), SpoolError> {
        if positions.is_empty() {
            return Ok(());
        }
        lock(&self.state).complete(&self.dir, &positions)
    }

    /// The number of records without an outcome.
    pub(crate) fn pending(&self) -> u64 {
        lock(&self.state).segments.values().map(|segment| u64::from(segment.pending)).sum()
    }

    /// Bytes of the limit that files with records without an outcome take.
    pub(crate) fn pending_bytes(&self) -> u64 {
        lock(&self.state).segments.values().filter(|segment| segment.pending > 0).map(|segment| segment.bytes).sum()
    }

    /// All records without an outcome, to be sent again. The caller reads them all before it writes new ones.
    pub(crate) fn replay(&self) -> Replay {
        let state = lock(&self.state);
        let pending = state.segments.iter().filter(|(_, segment)| segment.pending > 0);
        let segments = pending.map(|(&first, segment)| (first, segment.done.clone())).collect();
        Replay::new(&self.dir, Vec::new(), segments)
    }

    /// Saves a checkpoint for a source of records: a few bytes of the caller's that replace the previous ones
    /// atomically.
    ///
    /// With a policy that syncs, all records written so far are synced first, so that a checkpoint is never ahead of
    /// them. Without, one checkpoint every few seconds is synced, so that a loss of power does not lose it.
    ///
    /// # Errors If the file system fails. The previous checkpoint is kept.
    pub(crate) fn save_checkpoint(&self, now: Tick, source: &str, checkpoint: &[u8]) -> Result<(), SpoolError> {
        let mut checkpoint_syncs = lock(&self.checkpoint_syncs);
        let syncs = self.options.sync != SyncPolicy::Never;
        if syncs {
            self.sync()?;
        }
        // Without syncs, a loss of power may leave an empty file. So a checkpoint is synced now and then; and so are
        // the first ones of a source, for which no useful earlier one exists.
        let (count, at) = checkpoint_syncs.get(source).copied().unwrap_or_default();
        let has_copy = !syncs && (count < FIRST_CHECKPOINTS || now.since(at) >= CHECKPOINT_SYNC_INTERVAL);
        checkpoints::write(&self.dir, &self.target, source, checkpoint, (syncs, has_copy))?;
        if has_copy {
            checkpoint_syncs.insert(source.into(), (count + 1, now));
        }
        Ok(())
    }

    /// Loads the last checkpoint of a source for this target, saved by this process or an earlier one. A damaged one is
    /// set aside and treated as missing.
    ///
    /// # Errors If it cannot be read.
    pub(crate) fn load_checkpoint(&self, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        let checkpoint = checkpoints::read(&self.dir, &self.target, source)?;
        match &self.before {
            Some(before) if checkpoint.is_none() => checkpoints::read(&self.dir, before, source),
            _ => Ok(checkpoint),
        }
    }

    /// Syncs, unless another thread has synced, or is syncing, everything up to a position.
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
        // No lock is held during the sync: others can write, and those whose records are already synced continue at
        // once.
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

/// Locks data that no thread leaves half-changed, so a panic of another thread does no harm.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
