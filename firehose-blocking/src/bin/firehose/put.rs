//! `firehose put`: from the input to the stream.
//!
//! ```text
//! reader ──chunks──▶ Filler: records ──▶ Delivery: the producer ──▶ accepted, or rejects file
//!    ▲                  │
//!    └── empty buffers ─┘
//! ```
//!
//! A fixed number of buffers circulates, and the producer's buffer is bounded. That bounds memory, and it makes the reader
//! wait for the service.

use std::num::NonZeroU32;
use std::path::Path;
use std::process::{self, ExitCode};
use std::slice;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use firehose_blocking::firehose_proto::settings;
use firehose_blocking::{Client, Credentials, LocalEndpoint};

use crate::args::PutArgs;
use crate::connect::{check_credentials, configure, connect, connect_with_retry, failure};
use crate::console::{self, Exit, Failure};
use crate::delivery::Delivery;
use crate::fill::{Filler, Input, Read};
use crate::follow::{Checkpoint, Follower, LogPositions};
use crate::input::{self, Event, Source, Sources};
use crate::local;
use crate::monitor::Monitor;
use crate::progress::Progress;
use crate::reasons::Stopped;
use crate::rejects::Rejects;
use crate::report::{Report, plural};
use crate::shutdown::Shutdown;
use crate::signals;
use crate::tail;

/// Exit status when a second signal ends the program: the status that a shell reports for SIGINT.
const INTERRUPTED: i32 = 130;

/// Puts the input and reports what became of it.
pub(crate) fn run(args: &PutArgs) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let slot = on_statistics_signal();
    let (followed, sources) = find_input(args)?;
    let local = start_local(args)?;
    let (client, max_attempts) = client(args, local.as_ref())?;
    let rejects = Arc::new(Rejects::create(args.rejects.as_deref(), args.follow)?);
    let result = deliver(args, followed, &sources, &client, max_attempts, &rejects, &slot)?;
    result.explain();
    if let Some(endpoint) = local {
        endpoint.stop();
    }
    console::print(&result.report.summary(args.output, started.elapsed(), result.is_complete(), result.reason()))
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot write the summary: {error}")))?;
    Ok(result.exit())
}

/// Reads the input and delivers it, to its end or until the run is stopped.
fn deliver<'a>(
    args: &'a PutArgs,
    followed: Option<&Path>,
    sources: &'a Sources,
    client: &Client,
    max_attempts: Option<NonZeroU32>,
    rejects: &'a Arc<Rejects>,
    slot: &OnceLock<Monitor>,
) -> Result<RunResult<'a>, Failure> {
    let (events, incoming) = mpsc::channel();
    let shutdown = Arc::new(Shutdown::default());
    let progress = Progress::new(args.progress, sources.total_bytes);
    let (own_rejects, own_shutdown) = (Arc::clone(rejects), Arc::clone(&shutdown));
    let delivery =
        Delivery::start(args, client.clone(), max_attempts, own_rejects, own_shutdown, events.clone(), &progress)?;
    let monitor = slot.get_or_init(|| delivery.monitor(&progress)).clone();
    let statistics = args.stats.map(|interval| monitor.print_statistics_every(interval));

    let (spare_buffers, empty_buffers) = mpsc::channel();
    for _ in 0..input::CHUNKS {
        spare_buffers.send(Vec::new()).expect("the receiver is in this very function");
    }
    let channels = Channels { shutdown: Arc::clone(&shutdown), buffers: empty_buffers, events: events.clone() };
    let positions = match followed {
        Some(path) => Some((path, start_following(args, path, &delivery, channels)?)),
        None => {
            start_reading(args, sources, channels);
            None
        }
    };
    on_interrupt(events, Arc::clone(&shutdown), monitor);

    let framing = args.framing();
    let input = if args.from_rejects.is_some() { Input::Rejects } else { Input::Bytes(&framing) };
    let filler = Filler::new(&delivery, rejects, &progress, input, &sources.list, positions);
    let read = filler.run(&incoming, &spare_buffers);
    let report = Arc::clone(delivery.report());
    let (in_spool, stopped) = delivery.finish();
    drop(statistics);
    let is_interrupted = shutdown.is_requested();
    progress.clear();
    let are_rejects_kept = rejects.flush();
    let stopped = stopped.map(|reason| Stopped::new(&reason, client, &args.stream));
    Ok(RunResult { args, sources, report, rejects, read, stopped, in_spool, is_interrupted, are_rejects_kept })
}

/// Finds what to read: the file to follow, if there is one, and all sources.
fn find_input(args: &PutArgs) -> Result<(Option<&Path>, Sources), Failure> {
    if args.follow {
        let path = tail::check(&args.files)?;
        return Ok((Some(path), Sources { list: vec![Source::File(path.to_owned())], total_bytes: None }));
    }
    let files = args.from_rejects.as_ref().map_or(&*args.files, slice::from_ref);
    Ok((None, Sources::check(files, !args.whole_file)?))
}

/// Starts the endpoint of `--local`, if that is given.
fn start_local(args: &PutArgs) -> Result<Option<LocalEndpoint>, Failure> {
    let Some(dir) = &args.local else { return Ok(None) };
    check_local(dir, &args.stream)?;
    let endpoint = LocalEndpoint::builder(dir).start();
    endpoint.map(Some).map_err(|error| Failure::new(Exit::Configuration, console::chain(&error)))
}

/// What the reading thread shares with the thread that fills batches.
struct Channels {
    shutdown: Arc<Shutdown>,
    buffers: Receiver<Vec<u8>>,
    events: Sender<Event>,
}

/// Starts to read all sources. Nobody waits for the thread: when the run is stopped, it may be waiting for a terminal.
fn start_reading(args: &PutArgs, sources: &Sources, channels: Channels) {
    let (list, is_decoded) = (sources.list.clone(), !args.whole_file);
    let Channels { shutdown, buffers, events } = channels;
    thread::spawn(move || input::read(&list, is_decoded, &shutdown, &buffers, &events));
}

/// Starts to follow a log from where the last run ended. Nobody waits for the thread.
fn start_following(
    args: &PutArgs,
    path: &Path,
    delivery: &Delivery,
    channels: Channels,
) -> Result<LogPositions, Failure> {
    let saved = delivery.load_checkpoint(path)?;
    let checkpoint = saved.as_ref().and_then(|saved| Checkpoint::read(saved));
    if saved.is_some() && checkpoint.is_none() {
        console::eprint("another version wrote the position in the spool; starting with the file as it is now");
    }
    let positions = LogPositions::new(checkpoint.as_ref());
    let path = path.to_owned();
    let mut follower = Follower::new(path.file_name().unwrap_or_default().to_owned(), args.rotate_wait, checkpoint);
    let Channels { shutdown, buffers, events } = channels;
    thread::spawn(move || tail::follow(&path, &mut follower, &shutdown, &buffers, &events));
    Ok(positions)
}

/// Makes sure that a stream can be delivered into a directory.
fn check_local(dir: &Path, stream: &str) -> Result<(), Failure> {
    local::check_dir(dir)?;
    // The endpoint has other names for the directories of these two streams.
    let stream_dir = Some(dir.join(stream)).filter(|dir| ![".", ".."].contains(&stream) && dir.exists());
    stream_dir.map_or(Ok(()), |dir| local::check_dir(&dir))
}

/// The client that the arguments and the environment describe, and the number of attempts for a record, if one is set.
fn client(args: &PutArgs, local: Option<&LocalEndpoint>) -> Result<(Client, Option<NonZeroU32>), Failure> {
    let builder = || {
        let builder = configure(Client::builder(), &args.service);
        let Some(endpoint) = local else { return builder };
        // Settings for AWS are not meant for the local endpoint.
        let builder = builder.environment(|_| None).region("us-east-1");
        builder.endpoint_url(endpoint.url()).credentials(Credentials::new("test", "test"))
    };
    if local.is_none() {
        check_credentials()?;
    }
    // A run without an end can wait before it begins.
    let client = if args.follow { connect_with_retry(builder)? } else { connect(builder())? };
    let max_attempts = builder().settings().map_err(|error| failure(&error))?.max_attempts;
    let is_said = max_attempts.source != settings::SettingSource::Default;
    Ok((client, is_said.then_some(max_attempts.value)))
}

/// Prints statistics at each SIGUSR1, once the run has begun.
fn on_statistics_signal() -> Arc<OnceLock<Monitor>> {
    let slot = Arc::new(OnceLock::<Monitor>::new());
    let monitor = Arc::clone(&slot);
    let handler = move || match monitor.get() {
        Some(monitor) => monitor.print_statistics(),
        None => console::eprint("nothing has been read yet"),
    };
    if let Err(error) = signals::on_statistics_signal(handler) {
        log::warn!("SIGUSR1 will end the program: {error}");
    }
    slot
}

/// Ends the input at the first signal, so that what was read is still delivered; a second one ends the program.
fn on_interrupt(events: Sender<Event>, shutdown: Arc<Shutdown>, monitor: Monitor) {
    let handler = move || {
        if !shutdown.request() {
            monitor.progress.clear();
            let (left, is_spooled) = monitor.close();
            let records = plural(left);
            console::eprint(&match is_spooled && left > 0 {
                true => format!("interrupted again; {left} record{records} without an outcome left in the spool"),
                false => format!("interrupted again; {left} record{records} left without an outcome"),
            });
            process::exit(INTERRUPTED);
        }
        monitor.progress.suspend(|| console::eprint("interrupted; delivering what was read, unless interrupted again"));
        // At the end of the input nobody listens any more.
        let _ = events.send(Event::Interrupted);
    };
    if let Err(error) = signals::on_termination(handler) {
        log::warn!("an interrupt will end the program at once: {error}");
    }
}

/// How a run ended.
struct RunResult<'a> {
    args: &'a PutArgs,
    sources: &'a Sources,
    report: Arc<Report>,
    rejects: &'a Rejects,
    read: Read,
    stopped: Option<Stopped>,
    /// Records that are left in the spool.
    in_spool: u64,
    is_interrupted: bool,
    /// Whether all of the rejects could be written.
    are_rejects_kept: bool,
}

impl RunResult<'_> {
    /// Reports on standard error what went wrong.
    fn explain(&self) {
        if let Some(stopped) = &self.stopped {
            stopped.messages.iter().for_each(|message| console::eprint(message));
        }
        if let Some(error) = &self.read.broken_spool {
            console::eprint(error);
        }
        if !self.read.is_complete {
            self.explain_unread();
        }
        if self.report.rejected.value() > 0 {
            self.explain_rejects();
        }
        if let Some(dir) = self.args.spool.as_ref().filter(|_| self.in_spool > 0) {
            let (count, records, dir) = (self.in_spool, plural(self.in_spool), dir.display());
            console::eprint(&format!(
                "{count} record{records} kept in {dir}; the next run with this --spool sends them"
            ));
        }
    }

    fn explain_unread(&self) {
        let bytes = self.read.bytes;
        console::eprint(&match self.sources.total_bytes {
            Some(total) => {
                format!("stopped with {} of {total} bytes of the input not read", total.saturating_sub(bytes))
            }
            None => format!("stopped after {bytes} bytes of the input, before its end"),
        });
    }

    fn explain_rejects(&self) {
        let rejected = self.report.rejected.value();
        let kept = match &self.args.rejects {
            Some(path) => match (self.rejects.kept(), path.display()) {
                (kept, path) if kept < rejected => format!("{kept} of them in {path}, {} lost", rejected - kept),
                (_, path) => format!("they are in {path}"),
            },
            None => "--rejects FILE would keep them, and --from-rejects FILE would send them again".into(),
        };
        console::eprint(&format!("{rejected} of {} records not accepted; {kept}", self.report.records.value()));
        // The reason of the stop has been reported already.
        let known = self.stopped.as_ref().map(|stopped| &*stopped.reason);
        for line in self.report.rejections().iter().filter(|line| !known.is_some_and(|known| line.contains(known))) {
            console::eprint(line);
        }
    }

    /// Whether all of the input was read.
    fn is_complete(&self) -> bool {
        self.read.is_complete && !self.read.has_failed
    }

    /// Why the run was stopped, if it was.
    fn reason(&self) -> Option<&str> {
        let stopped = self.stopped.as_ref().map(|stopped| &*stopped.reason);
        stopped.or(self.read.broken_spool.as_deref()).or_else(|| self.is_interrupted.then_some("interrupted"))
    }

    fn exit(&self) -> ExitCode {
        match &self.stopped {
            Some(stopped) => stopped.exit.into(),
            None if self.report.rejected.value() > 0 || !self.are_rejects_kept || !self.is_complete() => {
                Exit::Incomplete.into()
            }
            None => ExitCode::SUCCESS,
        }
    }
}
