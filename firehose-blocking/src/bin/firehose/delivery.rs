//! [`Delivery`]: the producer behind a run, and what becomes of the records that it gives back.

use std::cell::Cell;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{self, Path};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use firehose_blocking::firehose_proto::batch::{
    EnqueueError, Event as Outcome, Order, Packing, Policy, Reason, Undelivered,
};
use firehose_blocking::firehose_proto::limits::{MAX_BATCH_RECORDS, MAX_REQUEST_BYTES};
use firehose_blocking::{Client, Producer, ProducerError, SendError, SpoolError, SpoolOptions};

use crate::args::PutArgs;
use crate::console::{self, Exit, Failure};
use crate::input::Event;
use crate::locations::{Location, Locations};
use crate::monitor::{Monitor, report_health};
use crate::progress::Progress;
use crate::reasons::reason_of;
use crate::rejects::Rejects;
use crate::report::{Report, as_u64, plural};
use crate::shutdown::Shutdown;

/// Calls in a row that fail before the first one got through: then the endpoint is more likely to be wrong than down.
const MAX_FAILED_CALLS_AT_FIRST: NonZeroU32 = NonZeroU32::new(8).expect("eight is not zero");

/// The same after one has, which takes some four minutes.
const MAX_FAILED_CALLS: NonZeroU32 = NonZeroU32::new(32).expect("32 is not zero");

/// How long a record is tried for: longer than it takes for an outage to end the run, so that it is the run that ends.
const MAX_AGE: Duration = Duration::from_secs(900);

/// Batches of small records that there may be at least.
const MIN_BATCHES: usize = 64;

/// How long a run that was interrupted goes on waiting for answers when the spool keeps what has none.
const SPOOLED_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Rejected records that are reported one by one in a minute.
const MAX_LINES: u32 = 10;

const MINUTE: Duration = Duration::from_secs(60);

/// How often a run that waits for the last outcomes looks for new ones.
const POLL: Duration = Duration::from_millis(200);

/// Sends records and counts their outcomes.
pub(crate) struct Delivery {
    producer: Producer,
    account: Account,
    shutdown: Arc<Shutdown>,
    /// How long to wait for a record's outcome after a shutdown was requested.
    drain_timeout: Duration,
    /// Records and bytes of this run that the producer has taken.
    sent: Cell<(u64, u64)>,
    /// The ticket of the next record, once the first has one.
    ticket: Cell<Option<u64>>,
}

/// What became of records.
struct Account {
    report: Arc<Report>,
    rejects: Arc<Rejects>,
    locations: Arc<Locations>,
    is_following: bool,
    is_spooled: bool,
    message_limit: Cell<MessageLimit>,
}

/// How many rejected records were reported in this minute, and how many were not.
#[derive(Debug, Clone, Copy)]
struct MessageLimit {
    since: Instant,
    lines: u32,
    suppressed: u64,
}

impl Delivery {
    /// Starts a producer. It sends an event on the channel when records come back.
    pub(crate) fn start(
        args: &PutArgs,
        client: Client,
        max_attempts: Option<NonZeroU32>,
        rejects: Arc<Rejects>,
        shutdown: Arc<Shutdown>,
        events: Sender<Event>,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let account = Account::new(args, Arc::clone(progress.report()), rejects);
        let (report, locations) = (Arc::clone(&account.report), Arc::clone(&account.locations));
        let (health_client, stream, progress) = (client.clone(), args.stream.clone(), progress.clone());
        let mut builder = Producer::builder(client, &*args.stream)
            .policy(policy(args, max_attempts))
            // By the time that it is dropped, all records have come back or are in the spool.
            .drop_timeout(Duration::ZERO)
            .on_outcome(move |outcome| match outcome {
                Outcome::Accepted(run) => {
                    locations.settle(&run.tickets);
                    report.accepted.add(run.tickets.end - run.tickets.start);
                }
                // Nobody listens any more when the run is over.
                Outcome::Undelivered(_) => _ = events.send(Event::Undelivered),
                outcome => report_health(outcome, &health_client, &stream, &progress),
            });
        if let Some(dir) = &args.spool {
            builder = builder.spool(dir, spool_options(args));
        }
        let producer = builder.start().map_err(|error| not_started(&error))?;
        let (sent, ticket) = (Cell::default(), Cell::default());
        Ok(Self { producer, account, shutdown, drain_timeout: args.drain_timeout, sent, ticket })
    }

    pub(crate) fn report(&self) -> &Arc<Report> {
        &self.account.report
    }

    /// Gives records to the producer, the first of which stands at this place, and waits for room; or says how many it has
    /// taken, and why not the next one.
    pub(crate) fn send(&self, records: &[&[u8]], location: &Location) -> Result<(), (usize, NotSent)> {
        let locations = &self.account.locations;
        let (Some(ticket), Some((_, rest))) = (self.ticket.get(), records.split_first()) else {
            return self.send_first(records, location);
        };
        locations.insert(ticket, location, as_u64(1 + rest.len()));
        let sent = self.push(records);
        let taken = sent.as_ref().map_or_else(|(taken, _)| *taken, |()| records.len());
        locations.remove_last(as_u64(records.len() - taken));
        self.ticket.set(Some(ticket + as_u64(taken)));
        sent
    }

    /// The same, when no record has a ticket yet.
    fn send_first(&self, records: &[&[u8]], location: &Location) -> Result<(), (usize, NotSent)> {
        let Some((first, rest)) = records.split_first() else { return Ok(()) };
        self.push(&[first])?;
        // Those that were in the spool have been pushed before it, and nobody else pushes any.
        let end = self.producer.statistics().records.pushed;
        self.account.locations.insert(end.saturating_sub(1), location, 1);
        self.ticket.set(Some(end));
        self.send(rest, &location.after(1)).map_err(|(taken, reason)| (1 + taken, reason))
    }

    fn push(&self, records: &[&[u8]]) -> Result<(), (usize, NotSent)> {
        let mut taken = 0;
        loop {
            let (_, rest) = records.split_at(taken);
            let sent = self.producer.send_many(rest, POLL);
            let (count, reason) = sent.map_or_else(|error| (error.taken, Some(error.reason)), |()| (rest.len(), None));
            self.count(rest.split_at(count).0);
            taken += count;
            let not_sent = match reason {
                None => return Ok(()),
                // What is followed is read again by the next run.
                Some(SendError::NotTaken(EnqueueError::Full))
                    if self.account.is_following && self.shutdown.is_requested() =>
                {
                    NotSent::GivenUp
                }
                Some(SendError::NotTaken(EnqueueError::Full))
                    if self.shutdown.is_requested_since(self.drain_timeout) =>
                {
                    NotSent::GivenUp
                }
                Some(SendError::NotTaken(EnqueueError::Full)) => {
                    self.reject_undelivered();
                    continue;
                }
                Some(SendError::NotTaken(EnqueueError::Stopped(reason))) => {
                    NotSent::Record(format!("not sent: {reason}"))
                }
                Some(SendError::NotTaken(reason)) => NotSent::Record(reason.to_string()),
                Some(error) => NotSent::Spool(console::chain(&error)),
            };
            return Err((taken, not_sent));
        }
    }

    /// Counts records that the producer has taken.
    fn count(&self, taken: &[&[u8]]) {
        let (count, taken_bytes) = (as_u64(taken.len()), taken.iter().map(|data| as_u64(data.len())).sum());
        let (records, bytes) = self.sent.get();
        self.sent.set((records + count, bytes + taken_bytes));
        self.account.report.count(count, taken_bytes);
    }

    /// Why nothing can be delivered any more, if so.
    pub(crate) fn stopped(&self) -> Option<Arc<Reason>> {
        self.producer.stopped()
    }

    /// Saves a checkpoint of a source in the spool.
    pub(crate) fn save_checkpoint(&self, path: &Path, note: &[u8]) -> Result<(), String> {
        self.producer.save_checkpoint(&source_name(path), note).map_err(|error| console::chain(&error))
    }

    /// Loads the checkpoint that an earlier run saved of a source.
    pub(crate) fn load_checkpoint(&self, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
        let note = self.producer.load_checkpoint(&source_name(path));
        note.map_err(|error| Failure::new(Exit::Configuration, console::chain(&error)))
    }

    /// Writes the records that have come back to the rejects. Not to be called while a record is being written there in parts.
    pub(crate) fn reject_undelivered(&self) {
        let records = self.producer.take_undelivered();
        if !records.is_empty() {
            self.account.reject(&records, self.stopped().as_ref());
        }
        if self.account.message_limit.get().since.elapsed() >= MINUTE {
            self.account.report_suppressed();
        }
    }

    /// Reports a rejected record at once if the run has no end at which it would be reported.
    pub(crate) fn report_rejected(&self, message: &str) {
        if self.account.is_following {
            self.account.report_rejected(message);
        }
    }

    /// Waits until every record has its outcome; or, once somebody wants the run to end, for as long as that is worth. Returns
    /// how many records are left in the spool because of that, and why nothing can be delivered any more, if so.
    pub(crate) fn finish(self) -> (u64, Option<Arc<Reason>>) {
        let timeout =
            if self.account.is_spooled { SPOOLED_DRAIN_TIMEOUT.min(self.drain_timeout) } else { self.drain_timeout };
        let mut is_pending = true;
        while is_pending {
            is_pending = self.producer.flush(POLL).is_err();
            self.reject_undelivered();
            if self.shutdown.is_requested_since(timeout) {
                break;
            }
        }
        let statistics = self.producer.statistics();
        let stopped = self.stopped();
        let Self { producer, account, sent, .. } = self;
        let mut kept = 0;
        if account.is_spooled && (is_pending || stopped.is_some()) {
            // What is in flight may still get through while the summary is written; the rest is the next run's.
            kept = producer.spooled_records();
        } else {
            account.reject(&producer.close(Duration::ZERO).undelivered, stopped.as_ref());
        }
        let report = &account.report;
        report.resent.add(statistics.records.resent);
        report.requests.add(statistics.records.batches);
        report.billed_bytes.add(statistics.billing.accepted_bytes);
        // The others were in the spool before this run.
        let (records, bytes) = sent.get();
        report.count(statistics.records.pushed - records, statistics.billing.data_bytes - bytes);
        account.report_suppressed();
        (kept, stopped)
    }

    /// A monitor of the run for other threads.
    pub(crate) fn monitor(&self, progress: &Progress) -> Monitor {
        Monitor {
            producer: self.producer.clone(),
            report: Arc::clone(&self.account.report),
            rejects: Arc::clone(&self.account.rejects),
            progress: progress.clone(),
            is_spooled: self.account.is_spooled,
        }
    }
}

impl Account {
    fn new(args: &PutArgs, report: Arc<Report>, rejects: Arc<Rejects>) -> Self {
        Self {
            report,
            rejects,
            locations: Arc::new(Locations::default()),
            is_following: args.follow,
            is_spooled: args.spool.is_some(),
            message_limit: Cell::new(MessageLimit { since: Instant::now(), lines: 0, suppressed: 0 }),
        }
    }

    /// Writes records to the rejects. Those that a stop has given back stay in the spool, if there is one, for the next run.
    fn reject(&self, records: &[Undelivered], stopped: Option<&Arc<Reason>>) {
        for record in records {
            let location = self.locations.take(record.ticket);
            let is_given_back = stopped.zip(record.reason.as_ref()).is_some_and(|(stop, own)| Arc::ptr_eq(stop, own));
            if is_given_back && self.is_spooled {
                continue;
            }
            let reason = reason_of(record);
            self.report.reject(&reason);
            if self.is_following && !is_given_back {
                let location =
                    location.as_ref().map_or_else(|| "from the spool of an earlier run".into(), ToString::to_string);
                self.report_rejected(&format!("{location}: {reason}"));
            }
            let attempts = location.map_or(0, |location| location.attempts).saturating_add(record.attempts);
            self.rejects.write(&record.data, &reason, attempts);
        }
        self.rejects.flush();
    }

    /// Reports a rejected record, up to a number of them in a minute.
    fn report_rejected(&self, message: &str) {
        if self.message_limit.get().since.elapsed() >= MINUTE {
            self.report_suppressed();
            self.message_limit.set(MessageLimit { since: Instant::now(), lines: 0, suppressed: 0 });
        }
        let message_limit = self.message_limit.get();
        if message_limit.lines < MAX_LINES {
            console::eprint(&format!("rejected: {message}"));
            self.message_limit.set(MessageLimit { lines: message_limit.lines + 1, ..message_limit });
        } else {
            self.message_limit.set(MessageLimit { suppressed: message_limit.suppressed + 1, ..message_limit });
        }
    }

    /// Reports how many rejected records were not reported one by one.
    fn report_suppressed(&self) {
        let message_limit = self.message_limit.get();
        if message_limit.suppressed > 0 {
            console::eprint(&format!(
                "rejected: {} more record{}, not listed one by one",
                message_limit.suppressed,
                plural(message_limit.suppressed)
            ));
            self.message_limit.set(MessageLimit { suppressed: 0, ..message_limit });
        }
    }
}

/// Why a record was not sent.
pub(crate) enum NotSent {
    /// The reason to reject it for.
    Record(String),
    /// The spool takes no more records.
    Spool(String),
    /// There is no time left to send it or any other.
    GivenUp,
}

/// How to use the spool. The local endpoint has another port in each run, so its directory names it.
fn spool_options(args: &PutArgs) -> SpoolOptions {
    let mut options = SpoolOptions::default();
    options.redirect = args.spool_redirect;
    let local = args.local.as_ref().map(|dir| dir.canonicalize().unwrap_or_else(|_| dir.clone()));
    options.endpoint_name = local.map(|dir| format!("--local {}", dir.display()));
    options
}

/// Why there is no producer, and what to do about it.
fn not_started(error: &ProducerError) -> Failure {
    let failure = Failure::new(Exit::Configuration, console::chain(error));
    match error {
        ProducerError::Spool(SpoolError::OtherTarget { known, wanted, .. }) => failure.with([
            format!("to deliver them to their own target, run this for {known} first"),
            format!("to send them to {wanted} instead, add --spool-redirect"),
        ]),
        _ => failure,
    }
}

/// How the producer is to deliver.
pub(crate) fn policy(args: &PutArgs, max_attempts: Option<NonZeroU32>) -> Policy {
    let mut policy = Policy::default();
    policy.linger = args.linger;
    policy.max_in_flight = args.max_in_flight;
    // As much again as is in flight: batches that wait for their next attempt, and one that is being filled. Of small
    // records there may be more, so that a stream at its quota has something else to take in the meantime.
    let batches = 2 * args.max_in_flight.get() + 2;
    policy.max_buffered_bytes = batches * MAX_REQUEST_BYTES;
    policy.max_buffered_records = batches.max(MIN_BATCHES) * MAX_BATCH_RECORDS;
    policy.max_attempts = max_attempts.unwrap_or(policy.max_attempts);
    policy.max_failed_calls.at_first = Some(MAX_FAILED_CALLS_AT_FIRST);
    policy.max_failed_calls.later = Some(MAX_FAILED_CALLS);
    policy.max_age = MAX_AGE;
    if args.follow || args.spool.is_some() {
        // What waits in its file, or in the spool, is in no hurry: an outage ends no record.
        (policy.max_attempts, policy.max_age) = (NonZeroU32::MAX, Duration::MAX);
    }
    if args.follow {
        // Nor does it end the run, and neither do a stream or a permission that are not there yet.
        (policy.max_failed_calls.at_first, policy.max_failed_calls.later) = (None, None);
        policy.refusal_timeout = Duration::MAX;
    }
    policy.quotas = args.rate.unwrap_or_default();
    if args.strict_order {
        policy.order = Order::Strict;
        policy.max_in_flight = NonZeroUsize::MIN;
    }
    if args.pack {
        // Each of the stream's records has room for many; the bytes are bounded all the same.
        policy.max_buffered_records *= 50;
    }
    policy.packing = args.pack.then(|| {
        let mut packing = Packing::new(args.delimiter());
        packing.max_events = Some(Packing::MAX_DEAGGREGATED_EVENTS);
        packing
    });
    policy
}

/// The name by which a log is known from one run to the next, wherever they are started.
fn source_name(path: &Path) -> String {
    path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}
