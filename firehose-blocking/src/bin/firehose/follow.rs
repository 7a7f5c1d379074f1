//! [`follow`]: reads a file that grows, is renamed and made anew, or cut; and [`Track`], how far it was read.
//!
//! ```text
//! read to the end ─▶ the path names another file with something in it?  ─▶ to the end once more, then the next one
//!        ▲     │     the file is shorter than what was read of it?      ─▶ from its beginning
//!        └ wait┘
//! ```
//!
//! The next one is the file at the path, unless others have been there in between: those have been renamed since, and are
//! known by their names (`log.1`, `log-20261123`, `app.2026-11-23.log` of `app.log`) and the times at which they were made.
//!
//! What was read of a file that is cut and has grown beyond that point before anybody looked cannot be told from what was
//! not: rotation by renaming loses nothing, rotation by copying and cutting may.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::console::{Exit, Failure};
use crate::input::{CHUNK_BYTES, Event};

/// How often somebody looks whether a file has grown, in steps of which one looks whether to halt.
const POLL: (u32, Duration) = (4, Duration::from_millis(50));

/// How often to look for a file that is not there at the start.
const STEPS_TO_BEGIN: u32 = 20;

/// Bytes at the beginning of a file by which it is known again: its number may have been given to another one.
const HEAD_BYTES: usize = 1024;

/// A file that has been opened, from where on it is read, and its first bytes, as far as they come before.
#[derive(Debug)]
pub(crate) struct Opened {
    file: Identity,
    offset: u64,
    head: Vec<u8>,
}

/// What stays the same when a file is renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    /// Different for files that exist at the same time.
    id: String,
    /// When it was made, in nanoseconds; nothing where no file system knows.
    made: Option<u64>,
}

/// The only file that can be followed: one, and no pipe. It may be a moment until the next one is there.
pub(crate) fn check(files: &[PathBuf]) -> Result<&Path, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let [path] = files else { return Err(usage("--follow takes one file".into())) };
    let cannot = |why: &dyn fmt::Display| usage(format!("cannot follow {}: {why}", path.display()));
    for _ in 0..STEPS_TO_BEGIN {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => return Ok(path),
            Ok(_) => return Err(cannot(&"not a regular file")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(&error)),
            Err(_) => thread::sleep(POLL.1),
        }
    }
    Err(cannot(&"there is no such file"))
}

/// Reads the file and its successors from where the last run ended, until it is to halt or nobody listens.
pub(crate) fn follow(
    path: &Path,
    last: Option<&Position>,
    halt: &AtomicBool,
    buffers: &Receiver<Vec<u8>>,
    events: &Sender<Event>,
) {
    let outcome = begin(path, last, halt, events).and_then(|mut current| {
        while let Some((mut file, offset)) = current {
            current = read_on(path, &mut file, offset, halt, buffers, events)?.map(|next| (next, 0));
        }
        Ok(())
    });
    // Nobody listens any more: then nobody misses this.
    let _ = match outcome {
        Ok(()) => events.send(Event::Halted),
        Err(error) => events.send(Event::EndOfSource(Some(error))).and_then(|()| events.send(Event::EndOfInput)),
    };
}

/// The file that the last run has read last, wherever it is by now, or the one after it; nothing when it is to halt.
fn begin(
    path: &Path,
    last: Option<&Position>,
    halt: &AtomicBool,
    events: &Sender<Event>,
) -> io::Result<Option<(File, u64)>> {
    if let Some(last) = last {
        if let Some(file) = last.find(path)? {
            return Ok(Some((file, last.offset)));
        }
        let notice = format!(
            "the file that was followed to byte {} is gone, or was cut: what else was in it is not read. Going on with \
             what came after it at {}",
            last.offset,
            path.display()
        );
        // Nobody listens any more: then nobody misses this.
        let _ = events.send(Event::Notice(notice));
    }
    while !halt.load(Ordering::Relaxed) {
        match File::open(path) {
            // It has been renamed, and the next one is not there yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => wait(halt),
            file => {
                let file = file?;
                let earlier = between(path, last.and_then(|last| last.file.made))?;
                return Ok(Some((earlier.unwrap_or(file), 0)));
            }
        }
    }
    Ok(None)
}

/// Reads a file until there is another to be read from its beginning; nothing when it is to halt.
fn read_on(
    path: &Path,
    file: &mut File,
    mut offset: u64,
    halt: &AtomicBool,
    buffers: &Receiver<Vec<u8>>,
    events: &Sender<Event>,
) -> io::Result<Option<File>> {
    let opened = Opened { file: Identity::of(&file.metadata()?), offset, head: head(file, offset)? };
    file.seek(SeekFrom::Start(offset))?;
    let known = opened.file.clone();
    if events.send(Event::Opened(opened)).is_err() {
        return Ok(None);
    }
    let mut successor = None;
    while let Ok(mut buffer) = buffers.recv() {
        buffer.resize(CHUNK_BYTES, 0);
        loop {
            if halt.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let length = file.read(&mut buffer)?;
            if length > 0 {
                offset += u64::try_from(length).unwrap_or(u64::MAX);
                if events.send(Event::Chunk(buffer, length)).is_err() {
                    return Ok(None);
                }
                break;
            }
            if successor.is_some() {
                // The buffer is needed for the next one.
                let _ = events.send(Event::Chunk(buffer, 0));
                return Ok(successor);
            }
            successor = next_file(path, &known, offset)?;
            if successor.is_none() {
                wait(halt);
            }
        }
    }
    Ok(None)
}

/// The file that comes after the one of which so much was read, once there is one.
fn next_file(path: &Path, known: &Identity, offset: u64) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        // It has been renamed, and the next one is not there yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let metadata = file.metadata()?;
    if Identity::of(&metadata).id == known.id {
        return Ok((metadata.len() < offset).then_some(file));
    }
    if let Some(file) = between(path, known.made)? {
        return Ok(Some(file));
    }
    // As long as there is nothing in a new one, its writer may still write to the old one.
    Ok((metadata.len() > 0).then_some(file))
}

/// The oldest file that was at the path after the one made at that time, and is there no more.
fn between(path: &Path, made: Option<u64>) -> io::Result<Option<File>> {
    // By now the latest may have been renamed as well, and has nothing after it.
    let latest = fs::metadata(path).ok().and_then(|metadata| Identity::of(&metadata).made);
    let Some((made, latest)) = made.zip(latest) else { return Ok(None) };
    let rotated = siblings(path)?.filter(|sibling| is_rotated(sibling, path));
    let made_at =
        |sibling: &PathBuf| fs::metadata(sibling).ok().filter(Metadata::is_file).and_then(|m| Identity::of(&m).made);
    let after = rotated.filter_map(|sibling| Some((made_at(&sibling)?, sibling)));
    let next = after.filter(|(time, _)| made < *time && *time < latest).min();
    next.map(|(_, sibling)| File::open(sibling)).transpose()
}

/// All that is in the directory of a file.
fn siblings(path: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(fs::read_dir(parent)?.filter_map(|entry| entry.ok().map(|entry| entry.path())))
}

/// Whether a name is one that a file is given when it is rotated: a number or a date is added, at its end or before its
/// extension.
fn is_rotated(sibling: &Path, path: &Path) -> bool {
    let text = |part: Option<&OsStr>| part.and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let (sibling, name) = (text(sibling.file_name()), text(path.file_name()));
    let (stem, extension) = (text(path.file_stem()), text(path.extension()));
    let inserted =
        |name: &str| name.strip_suffix(&*extension)?.strip_suffix('.')?.strip_prefix(&*stem).map(str::to_owned);
    let added = sibling.strip_prefix(&*name).map(str::to_owned).or_else(|| inserted(&sibling)).unwrap_or_default();
    added.starts_with(['.', '-', '_']) && added.chars().all(|c| c.is_ascii_digit() || "._-:T".contains(c))
}

fn wait(halt: &AtomicBool) {
    let (steps, step) = POLL;
    for _ in 0..steps {
        if halt.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(step);
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        let made = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let made = made.and_then(|time| u64::try_from(time.as_nanos()).ok());
        #[cfg(unix)]
        let id = {
            use std::os::unix::fs::MetadataExt as _;
            format!("{}:{}", metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let id = made.map_or_else(String::new, |made| made.to_string());
        Self { id, made }
    }
}

/// The first bytes of a file of which so much was read.
fn head(file: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.seek(SeekFrom::Start(0))?;
    file.take(offset.min(HEAD_BYTES as u64)).read_to_end(&mut head)?;
    Ok(head)
}

/// Where a run ended, to be kept for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    file: Identity,
    offset: u64,
    head_bytes: u64,
    head_crc32: u32,
}

impl Position {
    /// Reads what [`Track::note`] wrote; nothing when it is about another path.
    pub(crate) fn read(note: &[u8], path: &Path) -> Option<Self> {
        let note: Value = serde_json::from_slice(note).ok()?;
        let text = |name: &str| note.get(name).and_then(Value::as_str);
        let number = |name: &str| note.get(name).and_then(Value::as_u64);
        if text("path")? != name(path) {
            return None;
        }
        Some(Self {
            file: Identity { id: text("file")?.into(), made: number("made") },
            offset: number("offset")?,
            head_bytes: number("head_bytes")?,
            head_crc32: number("head_crc32")?.try_into().ok()?,
        })
    }

    /// The file, at its path or beside it under another name.
    fn find(&self, path: &Path) -> io::Result<Option<File>> {
        let mut candidates = [path.to_owned()].into_iter().chain(siblings(path)?);
        // One that cannot be read is not the one that was.
        Ok(candidates.find_map(|candidate| self.open(&candidate).ok()))
    }

    /// Opens a file if it is this one.
    fn open(&self, path: &Path) -> io::Result<File> {
        let metadata = fs::metadata(path)?;
        if metadata.is_file() && Identity::of(&metadata).id == self.file.id && metadata.len() >= self.offset {
            let mut file = File::open(path)?;
            if crc32fast::hash(&head(&mut file, self.head_bytes)?) == self.head_crc32 {
                return Ok(file);
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

/// How far the file that is being followed has been read.
pub(crate) struct Track {
    path: String,
    opened: Opened,
}

impl Track {
    pub(crate) fn new(path: &Path, opened: Opened) -> Self {
        Self { path: name(path), opened }
    }

    /// So much more was read.
    pub(crate) fn advance(&mut self, chunk: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.opened.head.len()).min(chunk.len());
        self.opened.head.extend_from_slice(chunk.split_at(missing).0);
        self.opened.offset += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
    }

    /// The note that lets the next run go on before the last so many bytes.
    pub(crate) fn note(&self, bytes_left: usize) -> Vec<u8> {
        let Opened { file: Identity { id, made }, offset, head } = &self.opened;
        let offset = offset.saturating_sub(u64::try_from(bytes_left).unwrap_or(u64::MAX));
        let head_bytes = head.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let head_crc32 = crc32fast::hash(head.split_at(head_bytes).0);
        let note = json!({
            "path": self.path, "file": id, "made": made, "offset": offset,
            "head_bytes": head_bytes, "head_crc32": head_crc32,
        });
        note.to_string().into_bytes()
    }
}

/// The name by which a path is known from one run to the next, wherever they are started.
fn name(path: &Path) -> String {
    path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_that_rotated_files_are_given() {
        for (sibling, path, expected) in [
            ("log.1", "log", true),
            ("access.log.12", "access.log", true),
            ("access.log-20261123", "access.log", true),
            ("access.log.2026-11-23T10:00", "access.log", true),
            ("app.2026-11-23.log", "app.log", true),
            ("worker-1-2.log", "worker-1.log", true),
            ("access.log", "access.log", false),
            ("access.log.1.gz", "access.log", false),
            ("access.log.json", "access.log", false),
            ("access.log2", "access.log", false),
            ("worker-2.log", "worker-1.log", false),
            ("worker-10.log", "worker-1.log", false),
            ("other.log.1", "access.log", false),
        ] {
            assert_eq!(is_rotated(&Path::new("/d").join(sibling), Path::new(path)), expected, "{sibling} of {path}");
        }
    }

    #[test]
    fn takes_no_note_for_its_own_that_is_about_another_path_or_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "0123456789").unwrap();
        let opened = Opened { file: Identity::of(&fs::metadata(&path).unwrap()), offset: 0, head: Vec::new() };
        let mut track = Track::new(&path, opened);
        track.advance(b"0123456789");
        let note = track.note(4);
        let position = Position::read(&note, &path).unwrap();
        assert_eq!((position.offset, position.head_bytes), (6, 6));
        assert!(position.find(&path).unwrap().is_some());
        assert_eq!(Position::read(&note, &dir.path().join("other")), None);
        assert_eq!(Position::read(note.split_at(note.len() - 1).0, &path), None);
        // Others may come to have its number.
        fs::write(&path, "0123x56789").unwrap();
        assert!(position.find(&path).unwrap().is_none());
    }
}
