//! [`Store`]: the directories of streams, and the files in them that records are appended to.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use firehose_proto::internal::uuid;
use firehose_proto::model::Record;
use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::files::{FileError, dir_name, sync_names};

/// A file of this size takes no more records; Firehose's default buffer size for S3.
const ROLL_BYTES: u64 = 5 * 1024 * 1024;

/// A file of this age takes no more records; Firehose's default buffer interval for S3.
const ROLL_AGE: Duration = Duration::seconds(300);

/// Sequence numbers of a version 7 UUID within one millisecond.
const SEQUENCES: u16 = 1 << 12;

/// How much was accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalEndpointStatistics {
    /// Records.
    pub records: u64,
    /// Bytes of data in them.
    pub bytes: u64,
}

/// All streams below one directory.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    syncs: bool,
    streams: RwLock<HashMap<String, Arc<Mutex<Stream>>>>,
    accepted_records: AtomicU64,
    accepted_bytes: AtomicU64,
}

impl Store {
    pub(crate) fn new(dir: PathBuf, syncs: bool) -> Self {
        Self {
            dir,
            syncs,
            streams: RwLock::default(),
            accepted_records: AtomicU64::new(0),
            accepted_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn accepted(&self) -> LocalEndpointStatistics {
        LocalEndpointStatistics {
            records: self.accepted_records.load(Ordering::Relaxed),
            bytes: self.accepted_bytes.load(Ordering::Relaxed),
        }
    }

    /// The directory of all streams.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether each write is synced.
    pub(super) const fn syncs(&self) -> bool {
        self.syncs
    }

    /// Writes records to their stream's file, all or none, and returns an id for each. After an I/O error none is
    /// stored.
    pub(crate) fn append(
        &self,
        now: OffsetDateTime,
        name: &str,
        records: &[Record<'_>],
    ) -> Result<Vec<String>, FileError> {
        let stream = self.with_descriptors(|| self.stream(name))?;
        let written = self.with_descriptors(|| lock(&stream).append(now, records, self.syncs));
        let Place { file_id, mut offset } = written?;
        let start = offset;
        let ids = records.iter().enumerate().map(|(index, record)| {
            // The record's offset, and its index in the request because records may be empty.
            let id = format!("{file_id}-{offset:012x}-{index:03x}");
            offset += length(&record.data);
            id
        });
        let ids = ids.collect();
        self.accepted_records.fetch_add(length(records), Ordering::Relaxed);
        self.accepted_bytes.fetch_add(offset - start, Ordering::Relaxed);
        Ok(ids)
    }

    fn stream(&self, name: &str) -> Result<Arc<Mutex<Stream>>, FileError> {
        if let Some(stream) = self.streams.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(stream));
        }
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = streams.get(name) {
            return Ok(Arc::clone(stream));
        }
        let dir = self.dir.join(dir_name(name));
        let earliest = first_free_moment(&dir).map_err(|error| FileError { path: dir.clone(), error })?;
        let stream = Stream { name: name.into(), dir, last: earliest, sequence: 0, file: None, buffer: Vec::new() };
        let stream = Arc::new(Mutex::new(stream));
        streams.insert(name.into(), Arc::clone(&stream));
        Ok(stream)
    }

    /// Runs what needs a descriptor. If none is left, closes idle files and runs it once more.
    pub(super) fn with_descriptors<T>(&self, mut run: impl FnMut() -> Result<T, FileError>) -> Result<T, FileError> {
        match run() {
            Err(FileError { error, .. }) if is_out_of_descriptors(&error) && self.close_idle_files() > 0 => run(),
            result => result,
        }
    }

    /// Closes idle files, which are reopened when needed, and counts them.
    pub(super) fn close_idle_files(&self) -> usize {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        let close = |stream: &Arc<Mutex<Stream>>| stream.try_lock().ok()?.file.as_mut()?.file.take();
        streams.values().filter_map(close).count()
    }
}

/// A stream and its open file.
#[derive(Debug)]
struct Stream {
    name: String,
    dir: PathBuf,
    /// No file may be named for an earlier time than this, or files would not sort by age.
    last: OffsetDateTime,
    sequence: u16,
    file: Option<OpenFile>,
    /// The records of one request, joined for a single write.
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct OpenFile {
    id: String,
    path: PathBuf,
    /// Closed while another file needs the descriptor more.
    file: Option<File>,
    opened: OffsetDateTime,
    bytes: u64,
}

/// The position of one request's records.
struct Place {
    file_id: String,
    offset: u64,
}

impl Stream {
    fn append(&mut self, now: OffsetDateTime, records: &[Record<'_>], syncs: bool) -> Result<Place, FileError> {
        if self.file.as_ref().is_none_or(|file| file.is_done(now)) {
            self.file = Some(self.open(now, syncs)?);
        }
        self.buffer.clear();
        for record in records {
            self.buffer.extend_from_slice(&record.data);
        }
        let Some(open) = &mut self.file else { unreachable!("a file has just been opened") };
        let offset = open.bytes;
        let mut file = match open.file.take() {
            Some(file) => file,
            None => File::options()
                .append(true)
                .open(&open.path)
                .map_err(|error| FileError { path: open.path.clone(), error })?,
        };
        let written = file.write_all(&self.buffer).and_then(|()| if syncs { file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            let path = open.path.clone();
            // A partly written request must not be delivered. If even the truncation fails, nothing may follow it.
            if let Err(error) = file.set_len(offset) {
                log::error!("cannot remove a partial request from {}: {error}", path.display());
            }
            self.file = None;
            if offset == 0 {
                remove_empty(&path);
            }
            return Err(FileError { path, error });
        }
        open.file = Some(file);
        open.bytes += length(&self.buffer);
        Ok(Place { file_id: open.id.clone(), offset })
    }

    /// Creates the next file, whose name sorts after all earlier ones.
    fn open(&mut self, now: OffsetDateTime, syncs: bool) -> Result<OpenFile, FileError> {
        let moment = truncate_to_millis(now).max(self.last);
        self.sequence = if moment == self.last { self.sequence + 1 } else { 0 };
        self.last = moment;
        if self.sequence == SEQUENCES {
            self.last += Duration::MILLISECOND;
            self.sequence = 0;
        }
        let (moment, name) = (self.last, &self.name);
        let (date, time) = (moment.date(), moment.time());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let millis = u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let id = uuid::v7(millis, self.sequence, fastrand::u64(..));
        let dir = self.dir.join(format!("{year:04}/{month:02}/{day:02}/{hour:02}"));
        let file_name = format!("{name}-1-{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}-{second:02}-{id}");
        let path = dir.join(file_name);
        let open = || {
            fs::create_dir_all(&dir)?;
            let file = File::options().append(true).create_new(true).open(&path)?;
            if syncs {
                sync_names(&dir, self.dir.parent().unwrap_or(&self.dir)).inspect_err(|_| remove_empty(&path))?;
            }
            Ok(file)
        };
        let file = open().map_err(|error| FileError { path: path.clone(), error })?;
        Ok(OpenFile { id, path, file: Some(file), opened: now, bytes: 0 })
    }
}

impl OpenFile {
    /// Whether the next records need another file, also if somebody has removed this one.
    fn is_done(&self, now: OffsetDateTime) -> bool {
        self.bytes >= ROLL_BYTES || (now - self.opened).abs() >= ROLL_AGE || !self.path.exists()
    }
}

/// Removes a file that nothing could be written to.
fn remove_empty(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        log::warn!("cannot remove the empty file {}: {error}", path.display());
    }
}

/// The first time whose file name sorts after all existing ones.
fn first_free_moment(stream_dir: &Path) -> io::Result<OffsetDateTime> {
    let mut newest = stream_dir.to_path_buf();
    // Year, month, day, hour, file.
    for _ in 0..5 {
        match last_entry(&newest)? {
            Some(entry) => newest = entry,
            None => return Ok(OffsetDateTime::UNIX_EPOCH),
        }
    }
    let name = newest.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(moment_of(&name).map_or(OffsetDateTime::UNIX_EPOCH, |moment| moment + Duration::SECOND))
}

/// The directory entry that sorts last. `None` if the directory is empty or missing.
fn last_entry(dir: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut last = None;
    for entry in entries {
        last = last.max(Some(entry?.path()));
    }
    Ok(last)
}

/// Reads the time from a file's name: `YYYY-MM-DD-HH-MM-SS-`, before a UUID of 36 characters.
fn moment_of(file_name: &str) -> Option<OffsetDateTime> {
    let end = file_name.len().checked_sub(37)?;
    let mut numbers = file_name.get(end.checked_sub(19)?..end)?.split('-').map(str::parse::<u16>);
    let mut next = || numbers.next()?.ok();
    let (year, month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let small = |number: u16| u8::try_from(number).ok();
    let month = Month::try_from(small(month)?).ok()?;
    let date = Date::from_calendar_date(year.into(), month, small(day)?).ok()?;
    let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
    Some(date.with_time(time).assume_utc())
}

fn truncate_to_millis(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_millisecond(moment.millisecond()).unwrap_or(moment)
}

/// Whether the process or the machine has run out of file descriptors.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

fn length<T>(slice: &[T]) -> u64 {
    u64::try_from(slice.len()).unwrap_or(u64::MAX)
}

/// Locks data that no thread leaves half-changed, so a panic of another thread does no harm.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-22 12:00:00.5 UTC);

    fn put(store: &Store, now: OffsetDateTime, stream: &str, data: &[u8]) -> String {
        store.append(now, stream, &[Record::new(data)]).unwrap().remove(0)
    }

    /// The files below a directory in the order of their names, with their bytes.
    fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut dirs = vec![dir.to_path_buf()];
        while let Some(next) = dirs.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    let name = path.strip_prefix(dir).unwrap().to_str().unwrap().into();
                    found.push((name, fs::read(path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn joins_the_records_of_a_stream_in_one_file_named_as_the_service_does() {
        let dir = TempDir::new().unwrap();
        let store = Store::new(dir.path().into(), true);
        let records = [Record::new(b"a\n"), Record::new(b""), Record::new(b"b\xff")];
        let ids = store.append(NOON, "s.1", &records).unwrap();
        put(&store, NOON + Duration::MINUTE, "s.1", b"c");
        let found = files(dir.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0.starts_with("s.1/2026/11/22/12/s.1-1-2026-11-22-12-00-00-"), "{found:?}");
        assert_eq!(found[0].1, b"a\nb\xffc");
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 3, "{ids:?}");
        assert_eq!(store.accepted(), LocalEndpointStatistics { records: 4, bytes: 5 });
    }

    #[test]
    fn begins_files_that_sort_by_their_age_even_when_the_clock_goes_back() {
        let dir = TempDir::new().unwrap();
        let moments = [0, 0, 301, 301, -7200, 302, 86400, 86400];
        for (index, seconds) in moments.into_iter().enumerate() {
            // Every second one after a restart, the others after the file has become full.
            let store = Store::new(dir.path().into(), false);
            let now = NOON + Duration::seconds(seconds);
            for half in 0..2 {
                let data = vec![u8::try_from(index * 2 + half).unwrap(); usize::try_from(ROLL_BYTES).unwrap()];
                for chunk in data.chunks(1_024_000) {
                    put(&store, now, "s", chunk);
                }
            }
        }
        let order: Vec<_> = files(dir.path()).iter().map(|(_, bytes)| bytes[0]).collect();
        assert_eq!(order, (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn keeps_every_stream_below_its_directory() {
        let dir = TempDir::new().unwrap();
        let inner = dir.path().join("inner");
        let store = Store::new(inner.clone(), false);
        for name in [".", "..", "..."] {
            put(&store, NOON, name, b"x");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let mut names: Vec<_> = fs::read_dir(inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["%2E", "%2E%2E", "..."]);
    }

    #[test]
    fn writes_on_when_its_files_are_removed() {
        let dir = TempDir::new().unwrap();
        let store = Store::new(dir.path().into(), false);
        put(&store, NOON, "s", b"gone");
        fs::remove_dir_all(dir.path().join("s")).unwrap();
        put(&store, NOON, "s", b"there");
        assert_eq!(files(dir.path()).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), [b"there"]);
    }

    #[test]
    fn goes_on_in_a_file_that_was_closed() {
        let dir = TempDir::new().unwrap();
        let store = Store::new(dir.path().into(), false);
        for stream in ["a", "b"] {
            put(&store, NOON, stream, b"1");
        }
        let busy = store.stream("b").unwrap();
        let writing = lock(&busy);
        assert_eq!(store.close_idle_files(), 1, "not the one that is written to");
        drop(writing);
        assert_eq!(store.close_idle_files(), 1);
        let ids = ["a", "b"].map(|stream| put(&store, NOON, stream, b"2"));
        assert_ne!(ids[0], ids[1]);
        assert_eq!(files(dir.path()).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), [b"12", b"12"]);
    }

    #[test]
    fn stores_all_or_nothing() {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("s"), b"a file where the stream's directory would be").unwrap();
        let store = Store::new(dir.path().into(), false);
        assert!(matches!(store.append(NOON, "s", &[Record::new(b"x")]), Err(FileError { .. })));
        assert_eq!(store.accepted(), LocalEndpointStatistics::default());
    }

    #[test]
    fn leaves_no_empty_file_behind_when_it_cannot_write() {
        let dir = TempDir::new().unwrap();
        let store = Store::new(dir.path().into(), false);
        put(&store, NOON, "s", b"");
        // The same file, empty up to now, through a handle that cannot write.
        let stream = store.stream("s").unwrap();
        let mut locked = lock(&stream);
        let open = locked.file.as_mut().unwrap();
        open.file = Some(File::open(&open.path).unwrap());
        drop(locked);
        assert!(matches!(store.append(NOON, "s", &[Record::new(b"x")]), Err(FileError { .. })));
        assert_eq!(files(dir.path()), []);
        put(&store, NOON, "s", b"y");
        assert_eq!(files(dir.path()).len(), 1);
    }

    #[test]
    fn reads_the_moment_of_a_name() {
        let name = "a-1-2026-11-22-12-00-07-017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
        assert_eq!(moment_of(name), Some(datetime!(2026-11-22 12:00:07 UTC)));
        for name in ["", "x", "a-1-2026-13-22-12-00-07-017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "é".repeat(40).as_str()]
        {
            assert_eq!(moment_of(name), None, "{name}");
        }
    }
}
