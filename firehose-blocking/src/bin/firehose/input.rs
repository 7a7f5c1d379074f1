//! [`Sources`]: the files to read, checked before anything is sent, and the thread that reads them.
//!
//! Reading has a thread of its own so that a source that says nothing for a while, such as a pipe, holds up
//! neither the records that are there already nor the end of a run that the service has refused. It takes no byte
//! off its source once it has been told to halt: what it has taken by then is all that there is to deliver.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, StdinLock};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use crate::console::{Exit, Failure};
use crate::follow::Opened;

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
    /// The next bytes of the current source: so many at the front of the buffer.
    Chunk(Vec<u8>, usize),
    /// The current source has come to its end, or to an error beyond which nothing can be read of it.
    EndOfSource(Option<io::Error>),
    /// There is no other source.
    EndOfInput,
    /// Somebody wants the run to end: the reader halts when it can.
    Interrupted,
    /// The reader has halted; nothing was read that was not handed over.
    Halted,
    /// A file is followed from here on: what comes next is not of the file before it.
    Opened(Opened),
    /// Something to tell.
    Notice(String),
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
    pub(crate) fn check(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut sources = Self { list: Vec::new(), total_bytes: Some(0) };
        for path in files {
            let bytes = if path == Path::new("-") {
                sources.list.push(Source::Stdin);
                None
            } else {
                sources.list.push(Source::File(path.clone()));
                check_file(path)
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

/// The length of a file, if it is one that has a length.
fn check_file(path: &Path) -> io::Result<Option<u64>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.is_file() {
        // A pipe is not opened to try it: its writer would take the end of the trial for that of its reader.
        File::open(path)?;
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

/// A source that is being read.
enum Open {
    Stdin(StdinLock<'static>),
    File(File),
}

impl Open {
    /// Waits until a read would not wait, or until it is halted: whether to read.
    #[cfg(unix)]
    fn wait(&self, halt: &AtomicBool) -> bool {
        use std::os::fd::AsFd as _;

        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        /// How often a reader that waits looks whether it is to halt.
        const PERIOD: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

        let source = match self {
            Self::Stdin(stdin) => stdin.as_fd(),
            Self::File(file) => file.as_fd(),
        };
        while !halt.load(Ordering::Relaxed) {
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
    fn wait(&self, halt: &AtomicBool) -> bool {
        !halt.load(Ordering::Relaxed)
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

/// Reads all sources into buffers that come back empty, until there is no more, nobody listens, or it is to halt.
pub(crate) fn read(sources: &[Source], halt: &AtomicBool, buffers: &Receiver<Vec<u8>>, events: &Sender<Event>) {
    for source in sources {
        let outcome = source.open().and_then(|source| read_source(source, halt, buffers, events));
        let event = match outcome {
            Ok(false) => Event::Halted,
            Ok(true) => Event::EndOfSource(None),
            Err(error) => Event::EndOfSource(Some(error)),
        };
        let is_halted = matches!(event, Event::Halted);
        if events.send(event).is_err() || is_halted {
            return;
        }
    }
    // Nobody listens any more: then nobody misses this.
    let _ = events.send(Event::EndOfInput);
}

/// Reads one source; whether to its end.
fn read_source(
    mut source: Open,
    halt: &AtomicBool,
    buffers: &Receiver<Vec<u8>>,
    events: &Sender<Event>,
) -> io::Result<bool> {
    while let Ok(mut buffer) = buffers.recv() {
        if !source.wait(halt) {
            return Ok(false);
        }
        buffer.resize(CHUNK_BYTES, 0);
        let length = source.read(&mut buffer);
        // Also after an end or an error: the buffer is needed for the next source.
        if events.send(Event::Chunk(buffer, *length.as_ref().unwrap_or(&0))).is_err() {
            return Ok(false);
        }
        if length? == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
