//! [`Sources`]: the files to read, checked before anything is sent, and the thread that reads them.
//!
//! Reading has a thread of its own so that a source that says nothing for a while, such as a pipe, holds up
//! neither the records that are there already nor the end of a run that the service has refused. It takes no byte
//! off its source after a shutdown was requested: what it has read by then is all that there is to deliver.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, StdinLock};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};

use flate2::read::MultiGzDecoder;

use crate::console::{Exit, Failure};
use crate::encoding::Encoding;
use crate::follow;
use crate::shutdown::Shutdown;

/// Bytes that are read at once.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks that are read ahead of those that are being cut into records.
pub(crate) const CHUNKS: usize = 4;

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

/// What wakes the thread that fills batches.
pub(crate) enum Event {
    /// The next bytes of a stream: these of the buffer. The streams are the sources, counted from 0, or the logs.
    Chunk { stream: u64, buffer: Vec<u8>, range: Range<usize> },
    /// The current source has come to its end, or to an error beyond which nothing can be read of it.
    EndOfSource(Option<io::Error>),
    /// There is no other source.
    EndOfInput,
    /// A shutdown was requested: the reader stops as soon as it can.
    Interrupted,
    /// The reader has stopped, and has handed over everything that it read.
    ReaderStopped,
    /// What there is to know of a log that is followed.
    Log(follow::Event),
    /// Records have come back.
    Undelivered,
}

/// All sources of a run, in order.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) list: Vec<Source>,
    /// Bytes in all of them, if all are files of a known length.
    pub(crate) total_bytes: Option<u64>,
}

impl Sources {
    /// Makes sure that each file can be read, as far as that shows before it is.
    ///
    /// What is compressed is read if that is the way to its records, and refused if that way is not known here.
    pub(crate) fn check(files: &[PathBuf], is_decoded: bool) -> Result<Self, Failure> {
        let mut sources = Self { list: Vec::new(), total_bytes: Some(0) };
        for path in files {
            let bytes = if path == Path::new("-") {
                sources.list.push(Source::Stdin);
                None
            } else {
                sources.list.push(Source::File(path.clone()));
                check_file(path, is_decoded)
                    .map_err(|error| Failure::new(Exit::Usage, format!("cannot read {}: {error}", path.display())))?
            };
            sources.total_bytes = sources.total_bytes.zip(bytes).map(|(total, bytes)| total + bytes);
        }
        if sources.list.is_empty() {
            sources = Self { list: vec![Source::Stdin], total_bytes: None };
        }
        Ok(sources)
    }
}

/// The bytes to be read from a file, if that is known.
fn check_file(path: &Path, is_decoded: bool) -> io::Result<Option<u64>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.is_file() {
        // A pipe is not opened to try it: its writer would take the end of the trial for that of its reader.
        let mut first = Vec::new();
        // What is wrong with its bytes, reading them will tell.
        let _ = File::open(path)?.take(Encoding::MAGIC_BYTES as u64).read_to_end(&mut first);
        match Encoding::of(&first) {
            Encoding::Gzip if is_decoded => return Ok(None),
            encoding @ Encoding::Other(_) if is_decoded => return Err(refusal(encoding, path)),
            _ => {}
        }
    }
    Ok(metadata.is_file().then_some(metadata.len()))
}

impl Source {
    fn open(&self) -> io::Result<Open> {
        Ok(match self {
            Self::Stdin => Open::Stdin(io::stdin().lock()),
            Self::File(path) => Open::File(File::open(path)?),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

fn refusal(encoding: Encoding, path: &Path) -> io::Error {
    io::Error::other(format!("it is compressed; {}", encoding.hint(path)))
}

/// A source that is being read.
enum Open {
    Stdin(StdinLock<'static>),
    File(File),
}

impl Open {
    /// Waits until a read would not block, or until a shutdown. Returns whether to read.
    #[cfg(unix)]
    fn wait(&self, shutdown: &Shutdown) -> bool {
        use std::os::fd::AsFd as _;

        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        /// How often a waiting reader checks for a shutdown.
        const PERIOD: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

        let source = match self {
            Self::Stdin(stdin) => stdin.as_fd(),
            Self::File(file) => file.as_fd(),
        };
        while !shutdown.is_requested() {
            match poll(&mut [PollFd::new(&source, PollFlags::IN)], Some(&PERIOD)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // What is wrong with the source, reading it will tell.
                Ok(_) | Err(_) => return true,
            }
        }
        false
    }

    /// Whether to read; reading may then wait.
    #[cfg(not(unix))]
    fn wait(&self, shutdown: &Shutdown) -> bool {
        !shutdown.is_requested()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let outcome = match self {
                Self::Stdin(stdin) => stdin.read(buffer),
                Self::File(file) => file.read(buffer),
            };
            match outcome {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }
}

/// Reads all sources into buffers that come back empty, until there is no more, nobody listens, or a shutdown.
pub(crate) fn read(
    sources: &[Source],
    is_decoded: bool,
    shutdown: &Shutdown,
    buffers: &Receiver<Vec<u8>>,
    events: &Sender<Event>,
) {
    for (stream, source) in (0..).zip(sources) {
        let reader = Reader { stream, source, shutdown, buffers, events };
        let outcome = source.open().and_then(|open| reader.read(open, is_decoded));
        let event = match outcome {
            Ok(false) => Event::ReaderStopped,
            Ok(true) => Event::EndOfSource(None),
            Err(error) => Event::EndOfSource(Some(error)),
        };
        let is_stopping = matches!(event, Event::ReaderStopped);
        if events.send(event).is_err() || is_stopping {
            return;
        }
    }
    // Nobody listens any more: then nobody misses this.
    let _ = events.send(Event::EndOfInput);
}

/// How one source is read.
struct Reader<'a> {
    stream: u64,
    source: &'a Source,
    shutdown: &'a Shutdown,
    buffers: &'a Receiver<Vec<u8>>,
    events: &'a Sender<Event>,
}

impl Reader<'_> {
    /// Reads the source; whether to its end.
    fn read(&self, mut open: Open, is_decoded: bool) -> io::Result<bool> {
        let mut is_first = is_decoded;
        while let Ok(mut buffer) = self.buffers.recv() {
            buffer.resize(CHUNK_BYTES, 0);
            let mut length = 0;
            let outcome = loop {
                if !open.wait(self.shutdown) {
                    break None;
                }
                let read = open.read(buffer.get_mut(length..).unwrap_or_default());
                length += read.as_ref().unwrap_or(&0);
                // The first bytes of a pipe may come one by one.
                let is_open = is_first && Encoding::is_open(buffer.get(..length).unwrap_or_default());
                if !is_open || !matches!(read, Ok(1..)) {
                    break Some(read);
                }
            };
            let first = buffer.get(..length).unwrap_or_default();
            match Encoding::of(first) {
                Encoding::Gzip if is_first => {
                    let compressed = Compressed { first: first.to_vec(), open, shutdown: self.shutdown };
                    return self.decode(compressed, buffer);
                }
                encoding @ Encoding::Other(_) if is_first => {
                    // The buffer is needed for the next source.
                    let _ = self.send(buffer, 0);
                    return Err(match self.source {
                        Source::File(path) => refusal(encoding, path),
                        Source::Stdin => refusal(encoding, Path::new("FILE")),
                    });
                }
                _ => is_first = false,
            }
            // Also after an end or an error.
            if self.send(buffer, length).is_none() {
                return Ok(false);
            }
            match outcome.transpose()? {
                None => return Ok(false),
                Some(0) => return Ok(true),
                Some(_) => {}
            }
        }
        Ok(false)
    }

    /// Reads what gzip has compressed.
    fn decode(&self, compressed: Compressed<'_>, mut buffer: Vec<u8>) -> io::Result<bool> {
        let mut decoder = MultiGzDecoder::new(compressed);
        loop {
            let read = decoder.read(&mut buffer);
            if self.send(buffer, *read.as_ref().unwrap_or(&0)).is_none() {
                return Ok(false);
            }
            match read {
                // It breaks off because nobody reads on.
                Err(_) if self.shutdown.is_requested() => return Ok(false),
                Err(error) => {
                    return Err(io::Error::new(
                        error.kind(),
                        format!("the gzip data is incomplete or corrupt: {error}"),
                    ));
                }
                Ok(0) => return Ok(!self.shutdown.is_requested()),
                Ok(_) => {}
            }
            let Ok(next) = self.buffers.recv() else { return Ok(false) };
            buffer = next;
            buffer.resize(CHUNK_BYTES, 0);
        }
    }

    fn send(&self, buffer: Vec<u8>, length: usize) -> Option<()> {
        self.events.send(Event::Chunk { stream: self.stream, buffer, range: 0..length }).ok()
    }
}

/// What gzip has compressed: bytes that were read to find that out, and the rest, until a shutdown.
struct Compressed<'a> {
    first: Vec<u8>,
    open: Open,
    shutdown: &'a Shutdown,
}

impl Read for Compressed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.first.is_empty() {
            return if self.open.wait(self.shutdown) { self.open.read(buffer) } else { Ok(0) };
        }
        let length = self.first.as_slice().read(buffer)?;
        self.first.drain(..length);
        Ok(length)
    }
}
