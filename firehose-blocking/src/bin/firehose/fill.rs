//! [`Filler`]: cuts what is read into records and hands them to the delivery.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{io, mem};

use firehose_blocking::PushError;
use firehose_blocking::firehose_proto::limits::MAX_RECORD_BYTES;

use crate::console;
use crate::delivery::{Delivery, NotSent};
use crate::follow::{self, LogPositions};
use crate::input::{CHUNK_BYTES, Event, Source};
use crate::locations::Location;
use crate::progress::Progress;
use crate::records::{Framing, Piece, Splitter};
use crate::rejects::{Rejected, Rejects};
use crate::report::as_u64;

/// How long a run waits for its reader to stop. Only a reader that waits for a pipe to be opened takes that long.
const READER_STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// How often to look for records that have come back while nothing else happens.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Bytes of a log after which to check whether a checkpoint is due.
const PART_BYTES: usize = 8 * 1024;

/// How often to save a checkpoint while there is much to read.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(20);

/// Bytes of a line of rejects that may still hold a record: its base64, and room for the reason.
const MAX_REJECT_BYTES: usize = 2 * 1024 * 1024;

/// What the sources hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Records, one after the other.
    Bytes(&'a Framing),
    /// Lines that an earlier run has written to its rejects.
    Rejects,
}

/// How far the input was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Bytes that were cut into records.
    pub(crate) bytes: u64,
    /// Whether the last source was read to its end. A source that is followed ends at a shutdown.
    pub(crate) is_complete: bool,
    /// Whether a source failed.
    pub(crate) has_failed: bool,
    /// What is wrong with the spool, if that ended the run.
    pub(crate) broken_spool: Option<String>,
}

/// Takes what is read, event by event.
pub(crate) struct Filler<'a> {
    delivery: &'a Delivery,
    rejects: &'a Rejects,
    progress: &'a Progress,
    framing: &'a Framing,
    /// Records, or lines that hold them, come in parts from this length on.
    max_bytes: usize,
    is_from_rejects: bool,
    sources: &'a [Source],
    /// The current source, counted from 0.
    source: u64,
    followed: Option<Followed>,
    /// What is being cut into records: the current source, or each log.
    streams: BTreeMap<u64, Stream>,
    /// The stream whose record is being written to the rejects in parts.
    open: Option<u64>,
    fed_bytes: u64,
    /// Whether to deliver only what has been read so far.
    is_interrupted: bool,
    /// Whether there is no time left to wait for the producer.
    is_given_up: bool,
    read: Read,
}

/// The log that is followed, and how far it was read.
struct Followed {
    path: PathBuf,
    positions: LogPositions,
    saved_at: Instant,
}

/// Something that is being cut into records.
struct Stream {
    splitter: Splitter,
    /// The current record's.
    location: Location,
    /// Bytes so far of a record that comes in parts.
    open_bytes: Option<usize>,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(
        delivery: &'a Delivery,
        rejects: &'a Rejects,
        progress: &'a Progress,
        input: Input<'a>,
        sources: &'a [Source],
        followed: Option<(&Path, LogPositions)>,
    ) -> Self {
        let (framing, max_bytes, is_from_rejects) = match input {
            Input::Bytes(framing) => (framing, MAX_RECORD_BYTES, false),
            Input::Rejects => (&Framing::LINES, MAX_REJECT_BYTES, true),
        };
        let followed =
            followed.map(|(path, positions)| Followed { path: path.to_owned(), positions, saved_at: Instant::now() });
        Self {
            delivery,
            rejects,
            progress,
            framing,
            max_bytes,
            is_from_rejects,
            sources,
            source: 0,
            followed,
            streams: BTreeMap::new(),
            open: None,
            fed_bytes: 0,
            is_interrupted: false,
            is_given_up: false,
            read: Read::default(),
        }
    }

    /// Reads to the end, or until the run is stopped.
    pub(crate) fn run(mut self, events: &Receiver<Event>, spare_buffers: &Sender<Vec<u8>>) -> Read {
        while let Some(event) = self.next_event(events) {
            if self.handle(event, spare_buffers).is_break() {
                break;
            }
        }
        if self.is_interrupted && self.followed.is_some() {
            // What is left of a line is read again by the next run, when there is more of it.
            self.read.is_complete = self.open.is_none();
        } else if self.is_interrupted && !self.read.is_complete {
            self.cut_short(self.source);
        }
        let unused: u64 = self.streams.values().map(Stream::unused).sum();
        self.read.bytes = self.fed_bytes - unused;
        self.reject_unfinished();
        self.read
    }

    /// Handles an event; a break ends the run.
    fn handle(&mut self, event: Event, spare_buffers: &Sender<Vec<u8>>) -> ControlFlow<()> {
        match event {
            Event::Chunk { stream, buffer, range } => {
                self.feed(stream, buffer.get(range).unwrap_or_default());
                // At the end nobody reads any more.
                let _ = spare_buffers.send(buffer);
                self.progress.show(self.fed_bytes);
            }
            Event::Log(event) => self.handle_log(&event),
            Event::EndOfSource(error) => self.end_source(error),
            Event::EndOfInput => {
                self.read.is_complete = true;
                return ControlFlow::Break(());
            }
            Event::Interrupted => self.is_interrupted = true,
            Event::ReaderStopped => {
                self.is_interrupted = true;
                return ControlFlow::Break(());
            }
            // They wait until a record that comes in parts has ended, unless it may never.
            Event::Undelivered if self.open.is_some() && self.followed.is_none() => {}
            Event::Undelivered => {
                self.pause();
                self.delivery.reject_undelivered();
            }
        }
        ControlFlow::Continue(())
    }

    /// Ends the current source, and reports the error if it could not be read to its end.
    fn end_source(&mut self, error: Option<io::Error>) {
        // The records of the next one are not to begin in the last line of this one.
        self.finish(self.source, as_u64(self.sources.len()) > self.source + 1);
        if let Some(error) = error {
            self.read.has_failed = true;
            let name = self.name(self.source);
            self.progress.suspend(|| console::eprint(&format!("cannot read all of {name}: {error}")));
        }
        self.source += 1;
    }

    /// Rejects the records that come in parts and whose last part is missing.
    fn reject_unfinished(&mut self) {
        for mut stream in mem::take(&mut self.streams).into_values() {
            if let Some(bytes) = stream.open_bytes.take().filter(|_| !self.is_from_rejects) {
                self.read.bytes += as_u64(bytes);
                let reason = match bytes > MAX_RECORD_BYTES {
                    true => format!("record above {MAX_RECORD_BYTES} bytes, of which {bytes} were read"),
                    false => format!("interrupted after {bytes} bytes of the file"),
                };
                self.reject(&stream.location, &reason, bytes);
            }
        }
    }

    /// Applies an event of a log.
    fn handle_log(&mut self, event: &follow::Event) {
        match event {
            follow::Event::End { log } => self.finish(*log, true),
            follow::Event::Notice(notice) => {
                let path =
                    self.followed.as_ref().map_or_else(String::new, |followed| followed.path.display().to_string());
                self.progress.suspend(|| console::eprint(&format!("{path}: {notice}")));
            }
            _ => {}
        }
        if let Some(followed) = &mut self.followed {
            followed.positions.handle(event);
        }
        self.save_checkpoint();
    }

    /// Cuts more of a stream into records. While there is much to read of a log, saves a checkpoint now and then: after a
    /// crash, everything since the last checkpoint is sent again.
    fn feed(&mut self, key: u64, bytes: &[u8]) {
        if self.open.is_some_and(|open| open != key) {
            self.pause();
        }
        let part_bytes = if self.followed.is_some() { PART_BYTES } else { CHUNK_BYTES };
        for part in bytes.chunks(part_bytes) {
            let mut stream = self.streams.remove(&key).unwrap_or_else(|| self.stream(key));
            self.count_from_here(key, &mut stream);
            let Stream { splitter, location, open_bytes } = &mut stream;
            splitter.feed(part, |piece| self.take(key, location, open_bytes, piece));
            self.streams.insert(key, stream);
            self.fed_bytes += as_u64(part.len());
            if let Some(followed) = &mut self.followed {
                followed.positions.advance(key, part);
                if followed.saved_at.elapsed() >= CHECKPOINT_INTERVAL {
                    self.save_checkpoint();
                }
            }
        }
        self.save_checkpoint();
    }

    /// A stream that begins.
    fn stream(&self, key: u64) -> Stream {
        let location = Location { source: self.name(key), byte: None, number: 0, attempts: 0 };
        Stream { splitter: Splitter::new(self.framing, self.max_bytes), location, open_bytes: None }
    }

    /// Lets the records of a log be counted from the next byte on that is cut into them: the lines before are not known.
    fn count_from_here(&self, key: u64, stream: &mut Stream) {
        let followed = self.followed.as_ref().filter(|_| stream.open_bytes.is_none());
        let Some((name, offset)) = followed.and_then(|followed| followed.positions.location(key)) else { return };
        if *stream.location.source != *name {
            stream.location.source = name.into();
        }
        stream.location.byte = Some(offset - stream.unused());
        stream.location.number = 0;
    }

    fn name(&self, key: u64) -> Arc<str> {
        let source = usize::try_from(key).ok().and_then(|index| self.sources.get(index));
        source.map_or_else(String::new, ToString::to_string).into()
    }

    /// Ends a stream: what stands after its last delimiter is a record as well, which gets one if others may follow.
    fn finish(&mut self, key: u64, is_followed: bool) {
        let stream = self.streams.remove(&key);
        // A file that is one record is one also when it is empty.
        let stream = stream.or_else(|| (*self.framing == Framing::Whole).then(|| self.stream(key)));
        let Some(mut stream) = stream else { return };
        self.count_from_here(key, &mut stream);
        let Stream { splitter, location, open_bytes } = &mut stream;
        splitter.finish(is_followed, |piece| self.take(key, location, open_bytes, piece));
    }

    /// Ends the record that an interrupt has left unfinished: a line is delivered, but half a file is not.
    fn cut_short(&mut self, key: u64) {
        let Some(mut stream) = self.streams.remove(&key) else { return };
        let Stream { splitter, location, open_bytes } = &mut stream;
        if splitter.pending_bytes() > 0 {
            let is_whole = *self.framing == Framing::Whole;
            splitter.finish(false, |piece| match piece {
                Piece::Records(_) if !is_whole => self.take(key, location, open_bytes, piece),
                Piece::Records(data) => {
                    self.take(key, location, open_bytes, Piece::Part(data.first().copied().unwrap_or_default()));
                }
                Piece::Part(data) | Piece::Last(data) => self.take(key, location, open_bytes, Piece::Part(data)),
            });
        }
        self.streams.insert(key, stream);
    }

    /// The next event, unless the run is stopped.
    fn next_event(&self, events: &Receiver<Event>) -> Option<Event> {
        if self.is_interrupted && !(self.is_given_up && self.followed.is_some()) {
            // What has been read is seen to the end, if only to be rejected.
            return events.recv_timeout(READER_STOP_TIMEOUT).ok();
        }
        if self.is_over() {
            return None;
        }
        if self.followed.is_none() {
            return events.recv().ok();
        }
        // A run without an end looks by itself for records that have come back.
        match events.recv_timeout(LOOK_INTERVAL) {
            Err(RecvTimeoutError::Timeout) => Some(Event::Undelivered),
            event => event.ok(),
        }
    }

    /// Saves how far the logs were read, without the bytes that are not cut into records yet.
    fn save_checkpoint(&mut self) {
        // The next run has to read again what the producer has not taken.
        if self.is_over() {
            return;
        }
        let Some(followed) = &mut self.followed else { return };
        followed.saved_at = Instant::now();
        let unused = |log| self.streams.get(&log).map_or(0, Stream::unused);
        let checkpoint = followed.positions.checkpoint(unused);
        if let Err(error) = self.delivery.save_checkpoint(&followed.path, &checkpoint) {
            self.read.broken_spool = Some(error);
        }
    }

    /// Whether nothing more can be delivered.
    fn is_over(&self) -> bool {
        self.is_given_up || self.read.broken_spool.is_some() || self.delivery.stopped().is_some()
    }

    fn take(&mut self, key: u64, location: &mut Location, open_bytes: &mut Option<usize>, piece: Piece<'_>) {
        if open_bytes.is_none() && !matches!(piece, Piece::Records(_)) {
            location.number += 1;
        }
        match piece {
            Piece::Records(lines) if self.is_from_rejects => self.send_again(location, lines),
            Piece::Part(data) if self.is_from_rejects => *open_bytes.get_or_insert(0) += data.len(),
            Piece::Last(_) if self.is_from_rejects => {
                *open_bytes = None;
                self.pass_over(location, "the record is too long for any stream");
            }
            Piece::Records(records) => self.send(location, records),
            Piece::Part(data) => {
                self.open = Some(key);
                self.rejects.write_part(data);
                *open_bytes.get_or_insert(0) += data.len();
            }
            Piece::Last(data) => {
                self.rejects.write_part(data);
                let bytes = open_bytes.take().unwrap_or_default() + data.len();
                self.reject(
                    location,
                    &PushError::RecordTooLarge { bytes, max_bytes: MAX_RECORD_BYTES }.to_string(),
                    bytes,
                );
            }
        }
    }

    /// Sends the records in lines of rejects.
    fn send_again(&mut self, location: &mut Location, lines: &[&[u8]]) {
        for line in lines {
            match Rejected::read(line) {
                Ok(Rejected { data, attempts }) => {
                    location.attempts = attempts;
                    self.send(location, &[&data]);
                }
                Err(why) => {
                    location.number += 1;
                    self.pass_over(location, &why);
                }
            }
        }
    }

    /// Sends the records that follow the one at this place, which then is that of the last.
    fn send(&mut self, location: &mut Location, mut records: &[&[u8]]) {
        while !records.is_empty() {
            location.number += 1;
            let sent =
                if self.is_given_up { Err((0, NotSent::GivenUp)) } else { self.delivery.send(records, location) };
            let (taken, reason) = sent.map_or_else(|(taken, reason)| (taken, Some(reason)), |()| (records.len(), None));
            let (_, rest) = records.split_at(taken);
            let reason = reason.map(|reason| self.explain(reason));
            let (Some(reason), Some((data, rest))) = (reason, rest.split_first()) else {
                location.number += as_u64(taken) - 1;
                return;
            };
            location.number += as_u64(taken);
            records = rest;
            // The next run reads it again.
            if self.is_over() && self.followed.is_some() {
                continue;
            }
            self.rejects.write_part(data);
            self.reject(location, &reason, data.len());
        }
    }

    /// Why a record is rejected, and what that means for those that follow.
    fn explain(&mut self, reason: NotSent) -> String {
        match reason {
            NotSent::Record(reason) => reason,
            NotSent::Spool(reason) => self.read.broken_spool.get_or_insert(reason).clone(),
            NotSent::GivenUp => {
                (self.is_given_up, self.is_interrupted) = (true, true);
                "interrupted before it was sent".into()
            }
        }
    }

    /// Reports a line of rejects that cannot be sent.
    fn pass_over(&mut self, location: &Location, why: &str) {
        self.read.has_failed = true;
        self.progress.suspend(|| console::eprint(&format!("{location}: not sent, and left in the file: {why}")));
    }

    /// Interrupts a record that comes in parts so that other rejects can be written: its rest becomes an entry of its own.
    fn pause(&mut self) {
        if self.open.take().is_some() {
            self.rejects.end(&format!("part of a record above {MAX_RECORD_BYTES} bytes; the next part follows"), 0);
        }
    }

    /// Gives up a record of so many bytes that the producer has not taken.
    fn reject(&mut self, location: &Location, reason: &str, bytes: usize) {
        self.rejects.end(reason, location.attempts);
        self.open = None;
        let report = self.delivery.report();
        report.count(1, as_u64(bytes));
        // The reason of the stop is reported once, not for each line.
        let message = if self.is_over() { reason.to_owned() } else { format!("{location}: {reason}") };
        report.reject(&message);
        if self.followed.is_some() && !self.is_over() {
            self.rejects.flush();
            self.delivery.report_rejected(&message);
        }
    }
}

impl Stream {
    /// Bytes that were fed and have not become records.
    fn unused(&self) -> u64 {
        as_u64(self.splitter.pending_bytes() + self.open_bytes.unwrap_or_default())
    }
}
