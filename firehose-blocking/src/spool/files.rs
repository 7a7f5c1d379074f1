//! Files in a spool's directory: names, creation and syncs; reading and repairing a segment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::disk;
use super::error::SpoolError;
use super::frame::{self, Piece, Walk};
use super::ranges::Ranges;

/// Digits of the largest position, so that names sort by position.
const NAME_DIGITS: usize = 20;

/// A file of the segment that begins at a position: `log` for records, `done` for completions.
pub(crate) fn path(dir: &Path, first: u64, extension: &str) -> PathBuf {
    dir.join(format!("{first:0NAME_DIGITS$}.{extension}"))
}

/// Converts an I/O error.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    move |error| SpoolError::Io { action, path: path.into(), error }
}

/// Options to open or create a file for writing that only its owner can access.
pub(crate) fn private() -> OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A lock on a directory; it ends with the process at the latest.
#[derive(Debug)]
pub(crate) struct DirLock(File);

impl DirLock {
    pub(crate) fn new(dir: &Path) -> Result<Self, SpoolError> {
        let path = dir.join("lock");
        let file = private().create(true).truncate(false).open(&path);
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
        // Closing is not enough: a process that another thread is starting may have a copy of the descriptor.
        if let Err(error) = fs4::FileExt::unlock(&self.0) {
            log::warn!("cannot unlock a spool's directory: {error}");
        }
    }
}

pub(crate) fn create_dir(dir: &Path) -> Result<(), SpoolError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir).map_err(io_error("create", dir))
}

/// Makes created, renamed and removed names durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), SpoolError> {
    if cfg!(unix) { File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir)) } else { Ok(()) }
}

pub(crate) fn remove(path: &Path) -> Result<(), SpoolError> {
    match disk::change(|| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Replaces a file atomically.
pub(crate) fn replace(path: &Path, bytes: &[u8], syncs: bool) -> Result<(), SpoolError> {
    let new = path.with_extension("tmp");
    let write = || {
        let file = disk::change(|| private().create(true).truncate(true).open(&new))?;
        disk::write(&file, bytes)?;
        if syncs {
            file.sync_all()?;
        }
        disk::change(|| fs::rename(&new, path))
    };
    write().map_err(io_error("write", path))?;
    match path.parent() {
        Some(dir) if syncs => sync_dir(dir),
        _ => Ok(()),
    }
}

/// The first positions of a directory's segments, in order. Removes the files of unfinished operations.
pub(crate) fn segments(dir: &Path) -> Result<Vec<u64>, SpoolError> {
    let list = || {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    };
    let names = list().map_err(io_error("list", dir))?;
    let with = |extension: &str| {
        let first = |name: &String| {
            let digits = name.strip_suffix(extension)?.strip_suffix('.')?;
            digits.parse().ok().filter(|_| digits.len() == NAME_DIGITS)
        };
        names.iter().filter_map(first).collect::<Vec<u64>>()
    };
    let mut firsts = with("log");
    firsts.sort_unstable();
    for first in with("tmp") {
        remove(&path(dir, first, "tmp"))?;
    }
    for first in with("done") {
        if firsts.binary_search(&first).is_err() {
            remove(&path(dir, first, "done"))?;
        }
    }
    Ok(firsts)
}

/// The contents of a segment.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The index after the last record.
    pub(crate) end: u32,
    /// Records without an outcome.
    pub(crate) pending: u32,
    /// Bytes of data in all records.
    pub(crate) data_bytes: u64,
    /// Records.
    pub(crate) records: u32,
    /// Indices of records that have an outcome or are missing.
    pub(crate) done: Ranges,
}

/// Reads a segment. Sets damaged bytes aside and removes them, and truncates an unfinished write at the end.
///
/// The position of the next segment tells how many records there were, if that segment was begun after this one. Only
/// the last segment may end unfinished.
pub(crate) fn read(
    dir: &Path,
    first: u64,
    next: Option<u64>,
    faults: &mut Vec<SpoolError>,
) -> Result<Contents, SpoolError> {
    let log = path(dir, first, "log");
    let bytes = fs::read(&log).map_err(io_error("read", &log))?;
    let Scan { mut contents, frames, bad, unfinished, mut missing } = Scan::new(first, next.is_none(), &bytes);
    if let Some(next) = next.filter(|&next| begins_after(dir, next, first)) {
        missing += next.saturating_sub(first.saturating_add(contents.end.into()));
    }
    if !bad.is_empty() {
        set_aside(&log, &bytes, &bad, faults)?;
        let good: Vec<&[u8]> = frames.into_iter().filter_map(|frame| bytes.get(frame)).collect();
        let head = frame::encode_head(frame::previous(&bytes).unwrap_or(first));
        replace(&log, &[&head, &good.concat()[..]].concat(), true)?;
    } else if missing > 0 {
        faults.push(SpoolError::Missing { path: log.clone(), records: missing });
    }
    if let (Some(unfinished), true) = (unfinished, bad.is_empty()) {
        cut_off(&log, unfinished)?;
    }
    read_done(&path(dir, first, "done"), first, &mut contents)?;
    contents.pending = contents.end - contents.done.len();
    Ok(contents)
}

/// What the bytes of a segment are.
struct Scan {
    contents: Contents,
    /// The good frames.
    frames: Vec<Range<usize>>,
    bad: Vec<Range<usize>>,
    /// The beginning of a frame at the end of the last segment.
    unfinished: Option<Range<usize>>,
    /// Records that should be between those that are there.
    missing: u64,
}

impl Scan {
    fn new(first: u64, is_last: bool, bytes: &[u8]) -> Self {
        let mut contents = Contents { end: 0, pending: 0, data_bytes: 0, records: 0, done: Ranges::default() };
        let (mut frames, mut bad, mut unfinished, mut missing) = (Vec::new(), Vec::new(), None, 0_u64);
        let mut walk = Walk::default();
        while let Some(piece) = walk.next(first, bytes) {
            match piece {
                Piece::Record { index, frame } => {
                    missing += u64::from(contents.done.insert(contents.end..index));
                    contents.end = index.saturating_add(1);
                    contents.records += 1;
                    contents.data_bytes += bytes_in(frame.len() - frame::HEADER_BYTES);
                    frames.push(frame);
                }
                Piece::Bad { bytes, is_unfinished } if is_unfinished && is_last => unfinished = Some(bytes),
                Piece::Bad { bytes, .. } => bad.push(bytes),
            }
        }
        Self { contents, frames, bad, unfinished, missing }
    }
}

/// Cuts off what a crash left unfinished at the end of a segment.
fn cut_off(log: &Path, unfinished: Range<usize>) -> Result<(), SpoolError> {
    log::warn!("{}: truncated {} unfinished bytes after a crash", log.display(), unfinished.len());
    let cut = || {
        let file = File::options().write(true).open(log)?;
        disk::change(|| file.set_len(bytes_in(unfinished.start)))?;
        file.sync_all()
    };
    cut().map_err(io_error("cut", log))
}

/// Reads which records of a segment have their outcome.
fn read_done(path: &Path, first: u64, contents: &mut Contents) -> Result<(), SpoolError> {
    match fs::read(path) {
        Ok(bytes) => {
            for range in frame::completions(first, &bytes) {
                contents.done.insert(range.start.min(contents.end)..range.end.min(contents.end));
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

/// Whether two segments are consecutive. Damage at the start of the later one is reported separately.
fn begins_after(dir: &Path, first: u64, previous: u64) -> bool {
    let mut head = [0; frame::HEAD_BYTES];
    let read = File::open(path(dir, first, "log")).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && frame::previous(&head) == Some(previous)
}

/// Copies corrupt bytes to a file beside their own before they are removed, and logs that.
fn set_aside(log: &Path, bytes: &[u8], bad: &[Range<usize>], faults: &mut Vec<SpoolError>) -> Result<(), SpoolError> {
    let kept = log.with_extension("corrupt");
    let keep = || {
        let file = disk::change(|| private().append(true).create(true).open(&kept))?;
        for range in bad {
            disk::write(&file, bytes.get(range.clone()).unwrap_or_default())?;
        }
        file.sync_all()
    };
    keep().map_err(io_error("write", &kept))?;
    faults.extend(bad.iter().map(|range| SpoolError::Corrupt {
        path: log.into(),
        offset: bytes_in(range.start),
        bytes: bytes_in(range.len()),
        kept: Some(kept.clone()),
    }));
    Ok(())
}

pub(crate) fn bytes_in(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
