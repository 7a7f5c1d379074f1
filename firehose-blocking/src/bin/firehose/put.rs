//! `firehose put`: from the input to the stream.
//!
//! ```text
//! reader ──chunks──▶ Filler: records into a batch ──batches──▶ workers: Delivery ──▶ accepted, or rejects file
//!    ▲                  │      ▲                                   │
//!    └── empty buffers ─┘      └────────── empty batches ──────────┘
//! ```
//!
//! Buffers and batches go round in circles of fixed size: that is what bounds memory, and what makes the reader
//! wait for the service.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use firehose_blocking::firehose_proto::limits::MAX_RECORD_BYTES;
use firehose_blocking::{Batch, Client, Credentials, LocalEndpoint, PushError};

use crate::args::PutArgs;
use crate::connect::{check_credentials, connect, described};
use crate::console::{self, Exit, Failure};
use crate::deliver::{Delivery, Stop, Stopped};
use crate::input::{self, Event, Source, Sources};
use crate::local;
use crate::progress::Progress;
use crate::records::{Framing, Piece, Splitter};
use crate::rejects::Rejects;
use crate::report::{Report, plural};

/// Longest that a record waits for others to share a request with, when the input is slow.
const MAX_LINGER: Duration = Duration::from_secs(1);

/// Longest that a run waits for a reader that was told to halt. Only one that waits for a pipe to be opened takes it.
const MAX_HALT: Duration = Duration::from_secs(1);

/// Exit status when a second signal ends the program, as a shell reports the first.
const INTERRUPTED: i32 = 130;

/// Puts the input and tells what became of it.
pub(crate) fn run(args: &PutArgs) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let sources = Sources::check(&args.files)?;
    args.local.as_ref().map(|dir| check_local(dir, &args.stream)).transpose()?;
    let local = args.local.as_ref().map(|dir| LocalEndpoint::builder(dir).start());
    let local = local.transpose().map_err(|error| Failure::new(Exit::Configuration, console::chain(&error)))?;
    let client = client(args, local.as_ref())?;
    let rejects = Arc::new(Rejects::create(args.rejects.as_deref())?);
    let report = Arc::new(Report::default());
    let stop = Stop::default();
    let progress = Progress::new(args.progress, sources.total_bytes);
    let delivery = Delivery {
        client: &client,
        report: &report,
        rejects: &rejects,
        stop: &stop,
        has_answered: AtomicBool::new(false),
    };
    let read = pump(args, &sources, &delivery, &progress);
    progress.clear();
    let are_rejects_kept = rejects.flush();
    let stopped = stop.stopped();
    explain(args, &delivery, &read, &sources, stopped.as_ref());
    if let Some(endpoint) = local {
        endpoint.stop();
    }
    console::print(&report.summary(args.output, started.elapsed(), read.is_complete && !read.has_failed))
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot write the summary: {error}")))?;
    Ok(match stopped {
        Some(stopped) => stopped.exit.into(),
        None if report.rejected.value() > 0 || read.has_failed || !are_rejects_kept || !read.is_complete => {
            Exit::Incomplete.into()
        }
        None => ExitCode::SUCCESS,
    })
}

/// Makes sure that a stream can be delivered into a directory.
fn check_local(dir: &Path, stream: &str) -> Result<(), Failure> {
    local::check_dir(dir)?;
    // The endpoint has other names for the directories of these two streams.
    let stream_dir = Some(dir.join(stream)).filter(|dir| ![".", ".."].contains(&stream) && dir.exists());
    stream_dir.map_or(Ok(()), |dir| local::check_dir(&dir))
}

/// The client that the arguments and the environment describe.
fn client(args: &PutArgs, local: Option<&LocalEndpoint>) -> Result<Client, Failure> {
    // Failed calls are tried again by the deliveries, which know how many records of theirs are left.
    let mut builder = Client::builder().max_attempts(NonZeroU32::MIN);
    if let Some(endpoint) = local {
        // What is set for AWS is not meant for it.
        builder = builder.environment(|_| None).region("us-east-1");
        builder = builder.endpoint_url(endpoint.url()).credentials(Credentials::new("test", "test"));
    }
    if local.is_none() {
        check_credentials()?;
    }
    connect(described(builder, args.profile.as_deref(), args.region.as_deref(), args.endpoint_url.as_deref()))
}

/// How far the input was read.
#[derive(Debug, Default)]
struct Read {
    /// Bytes that were cut into records.
    bytes: u64,
    /// Whether the end of the last source was seen.
    is_complete: bool,
    /// Whether a source came to an error.
    has_failed: bool,
}

/// Runs the input through the workers until its end, or until the run is stopped.
fn pump(args: &PutArgs, sources: &Sources, delivery: &Delivery<'_>, progress: &Progress) -> Read {
    let (events, incoming) = mpsc::channel();
    let (spare_buffers, empty_buffers) = mpsc::channel();
    for _ in 0..input::CHUNKS {
        spare_buffers.send(Vec::new()).expect("the receiver is in this very function");
    }
    let halt = Arc::new(AtomicBool::new(false));
    let (list, reader_halt, reader_events) = (sources.list.clone(), Arc::clone(&halt), events.clone());
    // Nobody waits for this thread: when the run is stopped it may be waiting for a terminal.
    thread::spawn(move || input::read(&list, &reader_halt, &empty_buffers, &reader_events));
    on_interrupt(events.clone(), halt, delivery, progress.clone());

    // Each worker has a batch, another waits for the next free worker, and one is being filled.
    let in_flight = args.max_in_flight.get();
    let (spare_batches, empty_batches) = mpsc::channel();
    for _ in 0..in_flight + 2 {
        let batch = Batch::new(&args.stream).expect("the name was checked when it was read");
        spare_batches.send(batch).expect("the receiver is in this very function");
    }
    let (full_batches, work) = mpsc::sync_channel(in_flight + 2);
    let work = Mutex::new(work);
    thread::scope(|scope| {
        for _ in 0..in_flight {
            let (spare_batches, events, work) = (spare_batches.clone(), events.clone(), &work);
            scope.spawn(move || {
                while let Some(mut batch) = next(work) {
                    delivery.deliver(&mut batch, || _ = events.send(Event::Stopped));
                    // At the end nobody fills another batch.
                    let _ = spare_batches.send(batch);
                }
            });
        }
        let filler = Filler {
            delivery,
            sources: &sources.list,
            source: 0,
            record: 0,
            batch: None,
            filled_since: None,
            open_bytes: None,
            is_interrupted: false,
            empty_batches,
            full_batches,
        };
        filler.run(&args.framing(), &incoming, &spare_buffers, progress)
    })
}

/// Ends the input at the first signal, so that what was read is still delivered; a second one ends the program.
fn on_interrupt(events: Sender<Event>, halt: Arc<AtomicBool>, delivery: &Delivery<'_>, progress: Progress) {
    let (report, rejects) = (Arc::clone(delivery.report), Arc::clone(delivery.rejects));
    let handler = move || {
        if halt.swap(true, Ordering::Relaxed) {
            progress.clear();
            let left = report.undecided();
            rejects.close("interrupted within this record");
            console::complain(&format!("interrupted again; {left} record{} left without an outcome", plural(left)));
            process::exit(INTERRUPTED);
        }
        progress.aside(|| console::complain("interrupted; delivering what was read, unless interrupted again"));
        // At the end of the input nobody has to be told to read no further.
        let _ = events.send(Event::Interrupted);
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        log::warn!("an interrupt will end the program at once: {error}");
    }
}

/// The next batch to deliver, for whichever worker comes first; nothing when there will be none.
fn next(work: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    work.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Fills batches with the records of the input.
struct Filler<'a> {
    delivery: &'a Delivery<'a>,
    sources: &'a [Source],
    /// Which source is being read.
    source: usize,
    /// Records begun in this source.
    record: u64,
    batch: Option<Batch>,
    filled_since: Option<Instant>,
    /// Bytes so far of a record that comes in parts.
    open_bytes: Option<usize>,
    /// Whether only what has been read by now is to be delivered.
    is_interrupted: bool,
    empty_batches: Receiver<Batch>,
    full_batches: mpsc::SyncSender<Batch>,
}

impl Filler<'_> {
    /// Reads to the end, or until the run is stopped, and hands over the last batch.
    fn run(
        mut self,
        framing: &Framing,
        events: &Receiver<Event>,
        spare_buffers: &Sender<Vec<u8>>,
        progress: &Progress,
    ) -> Read {
        let mut splitter = Splitter::new(framing, MAX_RECORD_BYTES);
        let mut read = Read::default();
        let mut fed_bytes = 0;
        while let Some(event) = self.next_event(events) {
            match event {
                Event::Chunk(buffer, length) => {
                    splitter.feed(buffer.get(..length).unwrap_or_default(), |piece| self.take(piece));
                    fed_bytes += length;
                    // At the end nobody reads any more.
                    let _ = spare_buffers.send(buffer);
                    progress.show(as_u64(fed_bytes), self.delivery.report.records.value());
                }
                Event::EndOfSource(error) => {
                    splitter.finish(|piece| self.take(piece));
                    if let Some(error) = error {
                        read.has_failed = true;
                        let source = self.sources.get(self.source).map_or_else(String::new, ToString::to_string);
                        progress.aside(|| console::complain(&format!("cannot read all of {source}: {error}")));
                    }
                    self.source += 1;
                    self.record = 0;
                }
                Event::EndOfInput => {
                    read.is_complete = true;
                    break;
                }
                Event::Interrupted => self.is_interrupted = true,
                Event::Halted => {
                    self.is_interrupted = true;
                    break;
                }
                // After an interrupt what has been read is seen to the end, if only to be rejected.
                Event::Stopped if self.is_interrupted => {}
                Event::Stopped => break,
            }
        }
        if self.is_interrupted && !read.is_complete {
            self.cut_short(&mut splitter, framing);
        }
        if let Some(bytes) = self.open_bytes.take() {
            let reason = match bytes > MAX_RECORD_BYTES {
                true => format!("record above {MAX_RECORD_BYTES} bytes, of which {bytes} were read"),
                false => format!("interrupted after {bytes} bytes of the file"),
            };
            self.reject(&reason, bytes);
        }
        read.bytes = as_u64(fed_bytes - splitter.pending_bytes());
        self.send();
        read
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

    /// The next event, unless the run is stopped. Sends the batch when its time has come.
    fn next_event(&mut self, events: &Receiver<Event>) -> Option<Event> {
        if self.is_interrupted {
            return events.recv_timeout(MAX_HALT).ok();
        }
        loop {
            if self.delivery.stop.stopped().is_some() {
                return None;
            }
            let Some(since) = self.filled_since else { return events.recv().ok() };
            match events.recv_timeout(MAX_LINGER.saturating_sub(since.elapsed())) {
                Ok(event) => return Some(event),
                Err(RecvTimeoutError::Timeout) => self.send(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn take(&mut self, piece: Piece<'_>) {
        if self.open_bytes.is_none() {
            self.record += 1;
        }
        match piece {
            Piece::Record(data) => self.push(data),
            Piece::Part(data) => {
                self.delivery.rejects.write_part(data);
                *self.open_bytes.get_or_insert(0) += data.len();
            }
            Piece::Last(data) => {
                self.delivery.rejects.write_part(data);
                let bytes = self.open_bytes.take().unwrap_or_default() + data.len();
                self.reject(&PushError::RecordTooLarge { bytes, max_bytes: MAX_RECORD_BYTES }.to_string(), bytes);
            }
        }
    }

    fn push(&mut self, data: &[u8]) {
        loop {
            if self.batch.is_none() {
                self.batch = Some(self.empty_batches.recv().expect("workers give back every batch"));
            }
            match self.batch.as_mut().map(|batch| batch.push(data)) {
                Some(Err(PushError::Full)) => self.send(),
                Some(Err(error)) => {
                    self.delivery.rejects.write_part(data);
                    return self.reject(&error.to_string(), data.len());
                }
                _ => break,
            }
        }
        self.delivery.report.records.add(1);
        self.delivery.report.bytes.add(data.len());
        self.filled_since.get_or_insert_with(Instant::now);
    }

    /// Hands the batch to the workers.
    fn send(&mut self) {
        self.filled_since = None;
        if let Some(batch) = self.batch.take_if(|batch| !batch.is_empty()) {
            self.full_batches.send(batch).expect("workers wait as long as there may be another batch");
        }
    }

    /// Gives up a record of so many bytes that no request can carry.
    fn reject(&mut self, reason: &str, bytes: usize) {
        self.delivery.rejects.end(reason);
        self.delivery.report.records.add(1);
        self.delivery.report.bytes.add(bytes);
        self.delivery.report.reject(&format!("{}: {reason}", self.place()));
    }

    /// The current record, as compilers and grep name a line.
    fn place(&self) -> impl fmt::Display + use<> {
        let source = self.sources.get(self.source).map_or_else(String::new, ToString::to_string);
        format!("{source}:{}", self.record)
    }
}

/// Tells on standard error what did not go well.
fn explain(args: &PutArgs, delivery: &Delivery<'_>, read: &Read, sources: &Sources, stopped: Option<&Stopped>) {
    if let Some(stopped) = stopped {
        stopped.messages.iter().for_each(|message| console::complain(message));
    }
    if !read.is_complete {
        match sources.total_bytes {
            Some(total) => {
                let unread = total.saturating_sub(read.bytes);
                console::complain(&format!("stopped with {unread} of {total} bytes of the input not read"));
            }
            None => {
                let bytes = read.bytes;
                console::complain(&format!("stopped after {bytes} bytes of the input, before its end was seen"));
            }
        }
    }
    let Delivery { report, rejects, .. } = delivery;
    let rejected = report.rejected.value();
    if rejected > 0 {
        let kept = match &args.rejects {
            Some(path) => match (rejects.kept(), path.display()) {
                (kept, path) if kept < rejected => format!("{kept} of them in {path}, {} lost", rejected - kept),
                (_, path) => format!("they are in {path}"),
            },
            None => "--rejects FILE would keep them".into(),
        };
        console::complain(&format!("{rejected} of {} records not accepted; {kept}", report.records.value()));
        // Why the run was stopped has been said.
        let known = stopped.map(|stopped| &*stopped.reason);
        for line in report.rejections().iter().filter(|line| !known.is_some_and(|known| line.contains(known))) {
            console::complain(line);
        }
    }
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
