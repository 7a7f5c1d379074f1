//! [`Filler`]: cuts what is read into records and hands them to the delivery.

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use firehose_blocking::PushError;
use firehose_blocking::firehose_proto::limits::MAX_RECORD_BYTES;

use crate::console;
use crate::delivery::{Delivery, NotSent};
use crate::follow::Track;
use crate::input::{CHUNK_BYTES, Event, Source};
use crate::progress::Progress;
use crate::records::{Framing, Piece, Splitter};
use crate::rejects::Rejects;
use crate::report::as_u64;

/// Longest that a run waits for a reader that was told to halt. Only one that waits for a pipe to be opened takes it.
const MAX_HALT: Duration = Duration::from_secs(1);

/// Bytes after which somebody looks whether a note is due.
const PART_BYTES: usize = 8 * 1024;

/// How often a note is taken while there is much to read.
const NOTE_INTERVAL: Duration = Duration::from_millis(20);

/// How far the input was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Bytes that were cut into records.
    pub(crate) bytes: u64,
    /// Whether the end of the last source was seen. A source that is followed has none: it ends when somebody says so.
    pub(crate) is_complete: bool,
    /// Whether a source came to an error.
    pub(crate) has_failed: bool,
    /// What is wrong with the spool, if that ended the run.
    pub(crate) broken_spool: Option<String>,
}

/// Takes what is read, event by event.
pub(crate) struct Filler<'a> {
    delivery: &'a Delivery,
    rejects: &'a Rejects,
    progress: &'a Progress,
    sources: &'a [Source],
    /// The path of the file that is followed, if one is, and how far it was read.
    followed: Option<(PathBuf, Option<Track>)>,
    noted_at: Instant,
    /// Which source is being read.
    source: usize,
    /// Records begun in this source.
    record: u64,
    /// Bytes so far of a record that comes in parts.
    open_bytes: Option<usize>,
    /// Whether only what has been read by now is to be delivered.
    is_interrupted: bool,
    read: Read,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(
        delivery: &'a Delivery,
        rejects: &'a Rejects,
        progress: &'a Progress,
        sources: &'a [Source],
        followed: Option<PathBuf>,
    ) -> Self {
        Self {
            delivery,
            rejects,
            progress,
            sources,
            followed: followed.map(|path| (path, None)),
            noted_at: Instant::now(),
            source: 0,
            record: 0,
            open_bytes: None,
            is_interrupted: false,
            read: Read::default(),
        }
    }

    /// Reads to the end, or until the run is stopped.
    pub(crate) fn run(mut self, framing: &Framing, events: &Receiver<Event>, spare_buffers: &Sender<Vec<u8>>) -> Read {
        let mut splitter = Splitter::new(framing, MAX_RECORD_BYTES);
        let mut fed_bytes = 0;
        while let Some(event) = self.next_event(events) {
            match event {
                Event::Chunk(buffer, length) => {
                    let part_bytes = if self.followed.is_some() { PART_BYTES } else { CHUNK_BYTES };
                    for part in buffer.get(..length).unwrap_or_default().chunks(part_bytes) {
                        splitter.feed(part, |piece| self.take(piece));
                        self.advance(part, splitter.pending_bytes());
                    }
                    fed_bytes += length;
                    self.note(splitter.pending_bytes());
                    // At the end nobody reads any more.
                    let _ = spare_buffers.send(buffer);
                    self.progress.show(as_u64(fed_bytes), self.delivery.report().records.value());
                }
                Event::Opened(opened) => {
                    // What stands after the last delimiter of the file before it.
                    splitter.finish(|piece| self.take(piece));
                    if let Some((path, track)) = &mut self.followed {
                        *track = Some(Track::new(path, opened));
                    }
                    self.note(0);
                }
                Event::Notice(message) => self.progress.aside(|| console::complain(&message)),
                Event::EndOfSource(error) => {
                    splitter.finish(|piece| self.take(piece));
                    if let Some(error) = error {
                        self.read.has_failed = true;
                        let source = self.sources.get(self.source).map_or_else(String::new, ToString::to_string);
                        self.progress.aside(|| console::complain(&format!("cannot read all of {source}: {error}")));
                    }
                    self.source += 1;
                    self.record = 0;
                }
                Event::EndOfInput => {
                    self.read.is_complete = true;
                    break;
                }
                Event::Interrupted => self.is_interrupted = true,
                Event::Halted => {
                    self.is_interrupted = true;
                    break;
                }
                // They wait until a record that comes in parts has ended.
                Event::Undelivered if self.open_bytes.is_some() => {}
                Event::Undelivered => self.delivery.keep_undelivered(),
            }
        }
        if self.is_interrupted && self.followed.is_some() {
            // What is left of a line is read again by the next run, when there is more of it.
            self.read.is_complete = self.open_bytes.is_none();
        } else if self.is_interrupted && !self.read.is_complete {
            self.cut_short(&mut splitter, framing);
        }
        if let Some(bytes) = self.open_bytes.take() {
            let reason = match bytes > MAX_RECORD_BYTES {
                true => format!("record above {MAX_RECORD_BYTES} bytes, of which {bytes} were read"),
                false => format!("interrupted after {bytes} bytes of the file"),
            };
            self.reject(&reason, bytes);
        }
        self.read.bytes = as_u64(fed_bytes - splitter.pending_bytes());
        self.read
    }

    /// Ends the record that an interrupt has left unfinished: a line is delivered, but half a file is not.
    fn cut_short(&mut self, splitter: &mut Splitter, framing: &Framing) {
        if splitter.pending_bytes() == 0 {
            return;
        }
        splitter.finish(|piece| match piece {
            Piece::Record(_) if *framing != Framing::Whole => self.take(piece),
            Piece::Record(data) | Piece::Part(data) | Piece::Last(data) => self.take(Piece::Part(data)),
        });
    }

    /// The next event, unless the run is stopped.
    fn next_event(&self, events: &Receiver<Event>) -> Option<Event> {
        if self.is_interrupted {
            // What has been read is seen to the end, if only to be rejected.
            return events.recv_timeout(MAX_HALT).ok();
        }
        if self.is_over() { None } else { events.recv().ok() }
    }

    /// More of a file that is followed has been cut into records. While there is much to read, a note is due now and then:
    /// what has been sent since the last one would be sent again after a crash.
    fn advance(&mut self, part: &[u8], pending_bytes: usize) {
        if let Some((_, Some(track))) = &mut self.followed {
            track.advance(part);
            if self.noted_at.elapsed() >= NOTE_INTERVAL {
                self.note(pending_bytes);
            }
        }
    }

    /// Takes note of how far the file was read that is followed, but for what is not cut into records yet.
    fn note(&mut self, pending_bytes: usize) {
        // What the producer has not taken is to be read again.
        if self.is_over() {
            return;
        }
        let Some((_, Some(track))) = &self.followed else { return };
        self.noted_at = Instant::now();
        if let Err(error) = self.delivery.note(&track.note(pending_bytes + self.open_bytes.unwrap_or_default())) {
            self.read.broken_spool = Some(error);
        }
    }

    /// Whether nothing more can be delivered.
    fn is_over(&self) -> bool {
        self.read.broken_spool.is_some() || self.delivery.stopped().is_some()
    }

    fn take(&mut self, piece: Piece<'_>) {
        if self.open_bytes.is_none() {
            self.record += 1;
        }
        match piece {
            Piece::Record(data) => self.send(data),
            Piece::Part(data) => {
                self.rejects.write_part(data);
                *self.open_bytes.get_or_insert(0) += data.len();
            }
            Piece::Last(data) => {
                self.rejects.write_part(data);
                let bytes = self.open_bytes.take().unwrap_or_default() + data.len();
                self.reject(&PushError::RecordTooLarge { bytes, max_bytes: MAX_RECORD_BYTES }.to_string(), bytes);
            }
        }
    }

    fn send(&mut self, data: &[u8]) {
        let reason = match self.delivery.send(data) {
            Ok(()) => return,
            Err(NotSent::Record(reason)) => reason,
            Err(NotSent::Spool(reason)) => self.read.broken_spool.get_or_insert(reason).clone(),
        };
        self.rejects.write_part(data);
        self.reject(&reason, data.len());
    }

    /// Gives up a record of so many bytes that the producer has not taken.
    fn reject(&mut self, reason: &str, bytes: usize) {
        self.rejects.end(reason);
        let report = self.delivery.report();
        report.count(1, as_u64(bytes));
        // Why the run was stopped is told once, and not for each line.
        report.reject(&if self.is_over() { reason.to_owned() } else { format!("{}: {reason}", self.place()) });
    }

    /// The current record, as compilers and grep name a line.
    fn place(&self) -> impl fmt::Display + use<> {
        let source = self.sources.get(self.source).map_or_else(String::new, ToString::to_string);
        format!("{source}:{}", self.record)
    }
}
