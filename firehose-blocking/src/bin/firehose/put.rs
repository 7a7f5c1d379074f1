//! `firehose put`: from the input to the stream.
//!
//! ```text
//! reader ──chunks──▶ Filler: records ──▶ Delivery: the producer ──▶ accepted, or rejects file
//!    ▲                  │
//!    └── empty buffers ─┘
//! ```
//!
//! Buffers go round in a circle of fixed size, and the producer's is bounded: that is what bounds memory, and what makes
//! the reader wait for the service.

use std::num::NonZeroU32;
use std::path::Path;
use std::process::{self, ExitCode};
use std::slice;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use firehose_blocking::firehose_proto::settings;
use firehose_blocking::{Client, Credentials, LocalEndpoint};

use crate::args::PutArgs;
use crate::connect::{check_credentials, connect, connect_in_time, described, failure};
use crate::console::{self, Exit, Failure};
use crate::delivery::Delivery;
use crate::fill::{Filler, Input, Read};
use crate::follow::{Follower, Position, Tracks};
use crate::halt::Halt;
use crate::input::{self, Event, Source, Sources};
use crate::local;
use crate::progress::Progress;
use crate::reasons::Stopped;
use crate::rejects::Rejects;
use crate::report::{Report, plural};
use crate::signals;
use crate::tail;
use crate::watch::Watch;

/// Exit status when a second signal ends the program, as a shell reports the first.
const INTERRUPTED: i32 = 130;

/// Puts the input and tells what became of it.
pub(crate) fn run(args: &PutArgs) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let watched = on_question();
    let followed = args.follow.then(|| tail::check(&args.files)).transpose()?;
    let sources = match followed {
        Some(path) => Sources { list: vec![Source::File(path.to_owned())], total_bytes: None },
        None => Sources::check(args.from_rejects.as_ref().map_or(&*args.files, slice::from_ref), !args.whole_file)?,
    };
    args.local.as_ref().map(|dir| check_local(dir, &args.stream)).transpose()?;
    let local = args.local.as_ref().map(|dir| LocalEndpoint::builder(dir).start());
    let local = local.transpose().map_err(|error| Failure::new(Exit::Configuration, console::chain(&error)))?;
    let (client, max_attempts) = client(args, local.as_ref())?;
    let rejects = Arc::new(Rejects::create(args.rejects.as_deref(), args.follow)?);
    let (events, incoming) = mpsc::channel();
    let halt = Arc::new(Halt::default());
    let (kept_in, sender) = (Arc::clone(&rejects), events.clone());
    let progress = Progress::new(args.progress, sources.total_bytes);
    let delivery = Delivery::start(args, client.clone(), max_attempts, kept_in, Arc::clone(&halt), sender, &progress)?;
    let watch = watched.get_or_init(|| delivery.watch(&progress)).clone();
    let stats = args.stats.map(|interval| watch.tell_figures_every(interval));

    let (spare_buffers, empty_buffers) = mpsc::channel();
    for _ in 0..input::CHUNKS {
        spare_buffers.send(Vec::new()).expect("the receiver is in this very function");
    }
    let (reader_halt, reader_events) = (Arc::clone(&halt), events.clone());
    // Nobody waits for these threads: when the run is stopped, one may be waiting for a terminal.
    let mut tracks = None;
    if let Some(path) = followed {
        let note = delivery.load_checkpoint(path)?;
        let position = note.as_ref().and_then(|note| Position::read(note));
        if note.is_some() && position.is_none() {
            console::complain("the position in the spool is another version's; beginning with the file as it is now");
        }
        tracks = Some((path, Tracks::new(position.as_ref())));
        let path = path.to_owned();
        let name = path.file_name().unwrap_or_default().to_owned();
        let mut follower = Follower::new(name, args.rotate_wait, position);
        thread::spawn(move || tail::follow(&path, &mut follower, &reader_halt, &empty_buffers, &reader_events));
    } else {
        let (list, is_decoded) = (sources.list.clone(), !args.whole_file);
        thread::spawn(move || input::read(&list, is_decoded, &reader_halt, &empty_buffers, &reader_events));
    }
    on_interrupt(events, Arc::clone(&halt), watch);

    let framing = args.framing();
    let input = if args.from_rejects.is_some() { Input::Rejects } else { Input::Bytes(&framing) };
    let filler = Filler::new(&delivery, &rejects, &progress, input, &sources.list, tracks);
    let read = filler.run(&incoming, &spare_buffers);
    let report = Arc::clone(delivery.report());
    let (in_spool, stopped) = delivery.finish();
    drop(stats);
    let is_interrupted = halt.is_asked();
    progress.clear();
    let are_rejects_kept = rejects.flush();
    let stopped = stopped.map(|reason| Stopped::new(&reason, &client, &args.stream));
    explain(args, &report, &rejects, &read, &sources, stopped.as_ref());
    if let Some(dir) = args.spool.as_ref().filter(|_| in_spool > 0) {
        let (records, dir) = (plural(in_spool), dir.display());
        console::complain(&format!(
            "{in_spool} record{records} kept in {dir}; the next run with this --spool sends them"
        ));
    }
    if let Some(endpoint) = local {
        endpoint.stop();
    }
    let is_complete = read.is_complete && !read.has_failed;
    let why = stopped.as_ref().map(|stopped| &*stopped.reason).or(read.broken_spool.as_deref());
    let why = why.or_else(|| is_interrupted.then_some("interrupted"));
    console::print(&report.summary(args.output, started.elapsed(), is_complete, why))
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

/// The client that the arguments and the environment describe, and how often a record is tried if anybody says so.
fn client(args: &PutArgs, local: Option<&LocalEndpoint>) -> Result<(Client, Option<NonZeroU32>), Failure> {
    let builder = || {
        let builder = described(Client::builder(), &args.service);
        let Some(endpoint) = local else { return builder };
        // What is set for AWS is not meant for it.
        let builder = builder.environment(|_| None).region("us-east-1");
        builder.endpoint_url(endpoint.url()).credentials(Credentials::new("test", "test"))
    };
    if local.is_none() {
        check_credentials()?;
    }
    // A run that has no end can wait for its beginning.
    let client = if args.follow { connect_in_time(builder)? } else { connect(builder())? };
    let max_attempts = builder().settings().map_err(|error| failure(&error))?.max_attempts;
    let is_said = max_attempts.source != settings::SettingSource::Default;
    Ok((client, is_said.then_some(max_attempts.value)))
}

/// Tells figures at each SIGUSR1, once there is a run to look at.
fn on_question() -> Arc<OnceLock<Watch>> {
    let watched = Arc::new(OnceLock::<Watch>::new());
    let watch = Arc::clone(&watched);
    let handler = move || match watch.get() {
        Some(watch) => watch.tell_figures(),
        None => console::complain("nothing has been read yet"),
    };
    if let Err(error) = signals::on_question(handler) {
        log::warn!("SIGUSR1 will end the program: {error}");
    }
    watched
}

/// Ends the input at the first signal, so that what was read is still delivered; a second one ends the program.
fn on_interrupt(events: Sender<Event>, halt: Arc<Halt>, watch: Watch) {
    let handler = move || {
        if !halt.ask() {
            watch.progress.clear();
            let (left, is_spooled) = watch.close();
            let records = plural(left);
            console::complain(&match is_spooled && left > 0 {
                true => format!("interrupted again; {left} record{records} without an outcome left in the spool"),
                false => format!("interrupted again; {left} record{records} left without an outcome"),
            });
            process::exit(INTERRUPTED);
        }
        watch.progress.aside(|| console::complain("interrupted; delivering what was read, unless interrupted again"));
        // At the end of the input nobody has to be told to read no further.
        let _ = events.send(Event::Interrupted);
    };
    if let Err(error) = signals::on_termination(handler) {
        log::warn!("an interrupt will end the program at once: {error}");
    }
}

/// Tells on standard error what did not go well.
fn explain(
    args: &PutArgs,
    report: &Report,
    rejects: &Rejects,
    read: &Read,
    sources: &Sources,
    stopped: Option<&Stopped>,
) {
    if let Some(stopped) = stopped {
        stopped.messages.iter().for_each(|message| console::complain(message));
    }
    if let Some(error) = &read.broken_spool {
        console::complain(error);
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
    let rejected = report.rejected.value();
    if rejected > 0 {
        let kept = match &args.rejects {
            Some(path) => match (rejects.kept(), path.display()) {
                (kept, path) if kept < rejected => format!("{kept} of them in {path}, {} lost", rejected - kept),
                (_, path) => format!("they are in {path}"),
            },
            None => "--rejects FILE would keep them, and --from-rejects FILE send them again".into(),
        };
        console::complain(&format!("{rejected} of {} records not accepted; {kept}", report.records.value()));
        // Why the run was stopped has been said.
        let known = stopped.map(|stopped| &*stopped.reason);
        for line in report.rejections().iter().filter(|line| !known.is_some_and(|known| line.contains(known))) {
            console::complain(line);
        }
    }
}
