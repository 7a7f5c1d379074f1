//! The thread that reads a log as it grows: it carries out what the [`Follower`] says.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use firehose_blocking::firehose_proto::time::Tick;

use crate::console::{Exit, Failure};
use crate::encoding::{Decoder, Encoding};
use crate::follow::{Checked, Entry, Event, Follower, Identity, Listing, Step, Target, is_rotated};
use crate::input::{self, CHUNK_BYTES};
use crate::shutdown::Shutdown;

/// How often it checks for a shutdown.
const STEP: Duration = Duration::from_millis(50);

/// Bytes that are read at once to compare them.
const CHECK_BYTES: usize = 64 * 1024;

/// The only file that can be followed: one, and no pipe. It need not be there yet.
pub(crate) fn check(files: &[PathBuf]) -> Result<&Path, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let [path] = files else { return Err(usage("--follow takes one file".into())) };
    let cannot = |why: &str| Err(usage(format!("cannot follow {}: {why}", path.display())));
    if path.as_os_str() == "-" || path.file_name().is_none() {
        return cannot("it takes a file");
    }
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => cannot("not a regular file"),
        Ok(_) => match open(path).and_then(|mut file| encoding_of(&mut file)) {
            Ok(Encoding::Plain) | Err(_) => Ok(path),
            Ok(encoding) => cannot(&format!("it is compressed; without --follow, {}", encoding.hint(path))),
        },
        // It is waited for, or tried again.
        Err(_) => Ok(path),
    }
}

/// Reads a log as its follower says, until a shutdown or until nobody listens.
pub(crate) fn follow(
    path: &Path,
    follower: &mut Follower,
    shutdown: &Shutdown,
    buffers: &Receiver<Vec<u8>>,
    events: &Sender<input::Event>,
) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (started, files, buffer) = (Instant::now(), BTreeMap::new(), None);
    let mut driver = Driver { path, parent, started, files, shutdown, buffers, events, buffer };
    while !shutdown.is_requested() {
        if driver.step(follower).is_none() {
            return;
        }
    }
    // Nobody listens any more: then nobody misses this.
    let _ = events.send(input::Event::ReaderStopped);
}

struct Driver<'a> {
    path: &'a Path,
    parent: &'a Path,
    started: Instant,
    files: BTreeMap<u64, Open>,
    shutdown: &'a Shutdown,
    buffers: &'a Receiver<Vec<u8>>,
    events: &'a Sender<input::Event>,
    buffer: Option<Vec<u8>>,
}

/// A file that is being read.
enum Open {
    Plain(File),
    Gzip(File, Box<Decoder>),
}

impl Driver<'_> {
    fn now(&self) -> Tick {
        Tick::from_duration(self.started.elapsed())
    }

    /// Does what is to be done next; nothing when nobody listens.
    fn step(&mut self, follower: &mut Follower) -> Option<()> {
        if self.buffer.is_none() {
            self.buffer = self.buffers.try_recv().ok();
        }
        match follower.poll(self.now(), self.buffer.is_some()) {
            Step::List { all } => {
                let listing = self.list(all).map_err(|error| error.to_string());
                follower.handle_listing(self.now(), listing);
            }
            Step::Open { handle, name, identity } => {
                let opened = self.open(handle, &name, &identity).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => None,
                    _ => Some(error.to_string()),
                });
                follower.handle_open(handle, opened);
            }
            Step::Check { target, span } => {
                // What cannot be read is not there.
                let nothing = Checked { encoding: Encoding::Plain, sum: Err(0) };
                let checked = self.check(&target, span.clone()).unwrap_or(nothing);
                follower.handle_check(target, span, checked);
            }
            Step::Read { handle, offset, head_bytes } => return self.read(follower, handle, offset, head_bytes),
            Step::Close { handle } => _ = self.files.remove(&handle),
            Step::Emit(event) => return self.emit(event),
            Step::Wait(until) => return self.wait(until.since(self.now())),
        }
        Some(())
    }

    fn list(&self, all: bool) -> io::Result<Listing> {
        let name = self.path.file_name().unwrap_or_default();
        let at_path = match fs::metadata(self.path) {
            Ok(metadata) => Some(entry(name, &metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut siblings = Vec::new();
        let names = match fs::read_dir(self.parent) {
            Ok(names) => Some(names),
            // The path may be there all the same, if its directory may be passed through.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => None,
            Err(error) => return Err(error),
        };
        for found in names.into_iter().flatten() {
            let sibling = found?.file_name();
            if sibling != name && (all || is_rotated(&sibling, name)) {
                // It may be gone by now.
                let metadata = fs::metadata(self.parent.join(&sibling));
                siblings.extend(metadata.map(|metadata| entry(&sibling, &metadata)));
            }
        }
        let of = |(handle, open): (&u64, &Open)| {
            let metadata = open.file().metadata().ok()?;
            Some((*handle, metadata.len(), modified(&metadata)))
        };
        Ok(Listing { at_path, siblings, open: self.files.iter().filter_map(of).collect() })
    }

    fn open(&mut self, handle: u64, name: &OsStr, identity: &Identity) -> io::Result<Encoding> {
        let mut file = open_same(&self.parent.join(name), identity)?;
        let encoding = encoding_of(&mut file)?;
        let open = match encoding {
            Encoding::Gzip => Open::Gzip(file.try_clone()?, Box::new(Decoder::new(file)?)),
            Encoding::Plain | Encoding::Other(_) => Open::Plain(file),
        };
        self.files.insert(handle, open);
        Ok(encoding)
    }

    fn check(&self, target: &Target, span: Range<u64>) -> io::Result<Checked> {
        let mut opened;
        let (file, encoding) = match target {
            Target::Handle(handle) => match self.files.get(handle) {
                Some(Open::Plain(file)) => (file, Encoding::Plain),
                _ => return Err(io::ErrorKind::NotFound.into()),
            },
            Target::Named(name, identity) => {
                opened = open_same(&self.parent.join(name), identity)?;
                let encoding = encoding_of(&mut opened)?;
                (&opened, encoding)
            }
        };
        let sum = match encoding {
            Encoding::Plain => self.sum(span, |offset, buffer| {
                let mut file = file;
                file.seek(SeekFrom::Start(offset))?;
                read(&mut file, buffer)
            }),
            Encoding::Gzip => {
                let mut decoder = Decoder::new(file.try_clone()?)?;
                self.sum(span, |offset, buffer| decoder.read_at(offset, buffer, || self.is_stopping()))
            }
            Encoding::Other(_) => Err(0),
        };
        Ok(Checked { encoding, sum })
    }

    /// The checksum of some bytes; or how many bytes there are up to where it breaks off, if not all of them are there.
    fn sum(&self, span: Range<u64>, mut read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>) -> Result<u32, u64> {
        let mut hasher = crc32fast::Hasher::new();
        let mut buffer = vec![0; CHECK_BYTES];
        let mut offset = span.start;
        while offset < span.end {
            let length = read(offset, &mut buffer).unwrap_or_default();
            let left = usize::try_from(span.end - offset).unwrap_or(usize::MAX);
            let part = buffer.get(..length.min(left)).unwrap_or_default();
            if part.is_empty() || self.is_stopping() {
                return Err(offset);
            }
            hasher.update(part);
            offset += u64::try_from(part.len()).unwrap_or(u64::MAX);
        }
        Ok(hasher.finalize())
    }

    fn read(&mut self, follower: &mut Follower, handle: u64, offset: u64, head_bytes: u64) -> Option<()> {
        let Some(mut buffer) = self.buffer.take() else { return Some(()) };
        buffer.resize(CHUNK_BYTES, 0);
        let outcome = match self.files.get_mut(&handle) {
            Some(Open::Plain(file)) => read_plain(file, offset, head_bytes, &mut buffer),
            Some(Open::Gzip(_, decoder)) => {
                let shutdown = self.shutdown;
                decoder.read_at(offset, &mut buffer, || shutdown.is_requested()).map(|length| (length, None))
            }
            None => Err(io::ErrorKind::NotFound.into()),
        };
        if self.is_stopping() {
            return Some(());
        }
        let now = self.now();
        let outcome = outcome.map_err(|error| error.to_string());
        let outcome = outcome.map(|(length, head)| (buffer.get(..length).unwrap_or_default(), head));
        match follower.handle_read(now, handle, outcome) {
            None => self.buffer = Some(buffer),
            Some((log, range)) => self.events.send(input::Event::Chunk { stream: log, buffer, range }).ok()?,
        }
        Some(())
    }

    fn emit(&self, event: Event) -> Option<()> {
        self.events.send(input::Event::Log(event)).ok()
    }

    /// Waits that long at most, or until there is room to read if there was none.
    fn wait(&mut self, time: Duration) -> Option<()> {
        let time = time.min(STEP);
        if self.buffer.is_some() {
            thread::sleep(time);
            return Some(());
        }
        match self.buffers.recv_timeout(time) {
            Ok(buffer) => self.buffer = Some(buffer),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        Some(())
    }

    fn is_stopping(&self) -> bool {
        self.shutdown.is_requested()
    }
}

impl Open {
    fn file(&self) -> &File {
        match self {
            Self::Plain(file) | Self::Gzip(file, _) => file,
        }
    }
}

/// Opens a file without waiting for anybody who writes to it: by now there may be a pipe of its name.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().try_into().unwrap_or_default(),
    );
    options.read(true).open(path)
}

/// Opens a file if it is this one.
fn open_same(path: &Path, identity: &Identity) -> io::Result<File> {
    // To open some kinds of files does something to them.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && Identity::of(&metadata) == *identity {
        Ok(file)
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn encoding_of(file: &mut File) -> io::Result<Encoding> {
    let mut first = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(Encoding::MAGIC_BYTES as u64).read_to_end(&mut first)?;
    Ok(Encoding::of(&first))
}

/// Reads from a byte on, then the first bytes: when those are as they were, nothing else was cut before.
fn read_plain(file: &mut File, offset: u64, head_bytes: u64, buffer: &mut [u8]) -> io::Result<(usize, Option<u32>)> {
    file.seek(SeekFrom::Start(offset))?;
    let length = read(file, buffer)?;
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(head_bytes).read_to_end(&mut head)?;
    let is_there = u64::try_from(head.len()).is_ok_and(|bytes| bytes == head_bytes);
    Ok((length, is_there.then(|| crc32fast::hash(&head))))
}

fn read(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn entry(name: &OsStr, metadata: &Metadata) -> Entry {
    Entry {
        name: name.to_owned(),
        identity: Identity::of(metadata),
        is_regular: metadata.is_file(),
        bytes: metadata.len(),
        modified: modified(metadata),
    }
}

fn modified(metadata: &Metadata) -> u64 {
    let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.and_then(|time| u64::try_from(time.as_nanos()).ok()).unwrap_or_default()
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
