//! [`follow`]: reads a file that grows, is renamed and made anew, or cut; and [`Track`], how far it was read.
//!
//! ```text
//! read to the end ─▶ the path names another file with something in it?  ─▶ to the end once more, then that one
//!        ▲     │     the file is shorter than what was read of it?      ─▶ from its beginning
//!        └ wait┘
//! ```
//!
//! What was read of a file that is cut and has grown beyond that point before anybody looked cannot be told from what was
//! not: rotation by renaming loses nothing, rotation by copying and cutting may.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::console::{Exit, Failure};
use crate::input::{CHUNK_BYTES, Event};

/// How often somebody looks whether a file has grown, in steps of which one looks whether to halt.
const POLL: (u32, Duration) = (4, Duration::from_millis(50));

/// Bytes at the beginning of a file by which it is known again: its number may have been given to another one.
const HEAD_BYTES: usize = 1024;

/// A file that has been opened, from where on it is read, and its first bytes, as far as they come before.
#[derive(Debug)]
pub(crate) struct Opened {
    id: String,
    offset: u64,
    head: Vec<u8>,
}

/// The only file that can be followed: one, and no pipe.
pub(crate) fn check(files: &[PathBuf]) -> Result<&Path, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    match files {
        [path] if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) => Ok(path),
        [path] => Err(usage(format!("cannot follow {}: not a regular file", path.display()))),
        _ => Err(usage("--follow takes one file".into())),
    }
}

/// Reads the file and its successors from where the last run ended, until it is to halt or nobody listens.
pub(crate) fn follow(
    path: &Path,
    last: Option<&Position>,
    halt: &AtomicBool,
    buffers: &Receiver<Vec<u8>>,
    events: &Sender<Event>,
) {
    let outcome = begin(path, last, events).and_then(|(mut file, mut offset)| {
        while let Some(next) = read_on(path, &mut file, offset, halt, buffers, events)? {
            (file, offset) = (next, 0);
        }
        Ok(())
    });
    let event = match outcome {
        Ok(()) => Event::Halted,
        Err(error) => Event::EndOfSource(Some(error)),
    };
    // Nobody listens any more: then nobody misses this.
    let _ = events.send(event);
}

/// The file that the last run has read last, wherever it is by now, or the one at the path.
fn begin(path: &Path, last: Option<&Position>, events: &Sender<Event>) -> io::Result<(File, u64)> {
    let Some(last) = last else { return Ok((File::open(path)?, 0)) };
    if let Some(file) = last.find(path)? {
        return Ok((file, last.offset));
    }
    let notice = format!(
        "the file that was followed to byte {} is gone, or was cut; if it had more, that is not read. Beginning with the \
         first byte of {}",
        last.offset,
        path.display()
    );
    let _ = events.send(Event::Notice(notice));
    Ok((File::open(path)?, 0))
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
    let opened = Opened { id: id(&file.metadata()?), offset, head: head(file, offset)? };
    file.seek(SeekFrom::Start(offset))?;
    let known = opened.id.clone();
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
fn next_file(path: &Path, known: &str, offset: u64) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        // It has been renamed, and the next one is not there yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let metadata = file.metadata()?;
    // As long as there is nothing in a new one, its writer may still write to the old one.
    let is_next = if id(&metadata) == known { metadata.len() < offset } else { metadata.len() > 0 };
    Ok(is_next.then_some(file))
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

/// What stays the same when a file is renamed, and differs between files that exist at the same time.
#[cfg(unix)]
fn id(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;

    format!("{}:{}", metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn id(metadata: &Metadata) -> String {
    let created = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    created.map_or_else(String::new, |time| time.as_nanos().to_string())
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
    id: String,
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
            id: text("file")?.into(),
            offset: number("offset")?,
            head_bytes: number("head_bytes")?,
            head_crc32: number("head_crc32")?.try_into().ok()?,
        })
    }

    /// The file, at its path or beside it under another name.
    fn find(&self, path: &Path) -> io::Result<Option<File>> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let siblings = fs::read_dir(parent)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        for candidate in [path.to_owned()].into_iter().chain(siblings) {
            // One that cannot be read is not the one that was.
            if let Ok(file) = self.open(&candidate) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// Opens a file if it is this one.
    fn open(&self, path: &Path) -> io::Result<File> {
        let metadata = fs::metadata(path)?;
        if metadata.is_file() && id(&metadata) == self.id && metadata.len() >= self.offset {
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
        let Opened { id, offset, head } = &self.opened;
        let offset = offset.saturating_sub(u64::try_from(bytes_left).unwrap_or(u64::MAX));
        let head_bytes = head.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let head_crc32 = crc32fast::hash(head.split_at(head_bytes).0);
        let note = json!({
            "path": self.path, "file": id, "offset": offset, "head_bytes": head_bytes, "head_crc32": head_crc32,
        });
        note.to_string().into_bytes()
    }
}

/// The name by which a path is known from one run to the next, wherever they are started.
fn name(path: &Path) -> String {
    path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}
