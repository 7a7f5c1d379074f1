//! A producer within somebody's service: refusals that pass, stops that it gets over, handles, and what it says of all that.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::batch::{EnqueueError, Event, Policy};
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::model::ExtendedS3DestinationConfiguration;
use firehose_blocking::firehose_proto::op::{
    CreateDeliveryStreamInput, Operation as _, PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry,
};
use firehose_blocking::firehose_proto::server;
use firehose_blocking::{
    Client, Credentials, LocalEndpoint, Outcome, Producer, ProducerBuilder, SendError, SpoolOptions, Timeouts,
    Transport, TransportError, TransportErrorKind,
};
use log::{Level, Log, Metadata};

const LONG: Duration = Duration::from_secs(30);

/// A service that answers as it is told, once it is told to accept: that, and remembers what it was sent.
#[derive(Clone)]
struct Service {
    answer: Arc<Mutex<Answer>>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Accept,
    /// For want of the permission, with a word by which it is known again in the log.
    Deny(&'static str),
    /// So many calls in this way, then accept.
    DenyTimes(&'static str, u32),
    NoConnection,
}

impl Service {
    fn new(answer: Answer) -> Self {
        Self { answer: Arc::new(Mutex::new(answer)), sent: Arc::default() }
    }

    fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn producer(&self, change: impl FnOnce(&mut Policy)) -> ProducerBuilder {
        let client = Client::builder().region("eu-west-1").credentials(Credentials::new("AKIDEXAMPLE", "secret"));
        let mut policy = Policy::default();
        policy.linger = Duration::ZERO;
        change(&mut policy);
        Producer::builder(client.transport(self.clone()).build().unwrap(), "s").policy(policy)
    }

    /// What was accepted.
    fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.lock().unwrap().clone()
    }
}

impl Transport for Service {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        let mut answer = self.answer.lock().unwrap();
        let deny = |word| {
            let body = format!(r#"{{"__type":"AccessDeniedException","message":"not authorized, {word}"}}"#);
            Ok(Response::new(400, body.into_bytes()))
        };
        match *answer {
            Answer::Accept => {}
            Answer::Deny(word) => return deny(word),
            Answer::DenyTimes(word, 1) => {
                *answer = Answer::Accept;
                return deny(word);
            }
            Answer::DenyTimes(word, times) => {
                *answer = Answer::DenyTimes(word, times - 1);
                return deny(word);
            }
            Answer::NoConnection => return Err(TransportError::new(TransportErrorKind::Connect)),
        }
        let input = PutRecordBatch::read_input(request.body()).unwrap();
        let entries = input.records.iter().map(|_| PutRecordBatchResponseEntry::accepted("id")).collect();
        self.sent.lock().unwrap().extend(input.records.into_iter().map(|record| record.data.into_owned()));
        Ok(server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries)))
    }
}

/// What is told of all calls.
fn health(builder: ProducerBuilder) -> (ProducerBuilder, Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let builder = builder.on_outcome(move |event| match event {
        Event::Accepted(_) | Event::Undelivered(_) => {}
        event => _ = sender.send(event.clone()),
    });
    (builder, events)
}

/// The lines of the log, and how bad they are, with a word in them.
fn logged(word: &str) -> Vec<(Level, String)> {
    let lines = Lines::get().0.lock().unwrap().clone();
    lines.into_iter().filter(|(_, line)| line.contains(word)).collect()
}

#[derive(Default)]
struct Lines(Mutex<Vec<(Level, String)>>);

impl Lines {
    fn get() -> &'static Self {
        static LINES: OnceLock<Lines> = OnceLock::new();
        LINES.get_or_init(Self::default)
    }

    fn watch() {
        // Another test may have done it.
        let _ = log::set_logger(Self::get());
        log::set_max_level(log::LevelFilter::Info);
    }
}

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}

#[test]
fn waits_for_a_stream_that_is_made_later() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).auto_create(false).start().unwrap();
    let client = Client::builder().region("eu-west-1").endpoint_url(endpoint.url());
    let client = client.credentials(Credentials::new("test", "test")).build().unwrap();
    let mut policy = Policy::default();
    (policy.refusal_timeout, policy.linger) = (Duration::MAX, Duration::ZERO);
    policy.max_attempts = 1.try_into().unwrap();
    let (builder, events) = health(Producer::builder(client.clone(), "later").policy(policy));
    let producer = builder.start().unwrap();
    let receipts: Vec<_> = (0..3).map(|_| producer.send_with_receipt(b"a").unwrap()).collect();
    let Event::Outage(outage) = events.recv_timeout(LONG).unwrap() else { panic!("something else is told") };
    assert!(outage.is_refusal && outage.reason.to_string().starts_with("ResourceNotFoundException: "), "{outage:?}");
    assert_eq!(producer.stopped(), None);

    let bucket = ExtendedS3DestinationConfiguration::new("arn:aws:iam::123456789012:role/r", "arn:aws:s3:::b");
    client.create_delivery_stream(&CreateDeliveryStreamInput::new("later").destination(bucket)).unwrap();
    assert!(receipts.into_iter().all(|receipt| receipt.wait().is_accepted()));
    assert!(matches!(events.recv_timeout(LONG).unwrap(), Event::Recovered(_)));
    assert_eq!(producer.close(LONG).statistics.records.accepted, 3);
    assert_eq!(endpoint.stop().records, 3);
}

#[test]
fn a_permission_that_spreads_slowly_costs_no_record_and_two_lines_in_the_log() {
    Lines::watch();
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(Answer::DenyTimes("slowly", 3));
    let builder = service.producer(|policy| policy.refusal_timeout = LONG);
    let producer = builder.spool(dir.path(), SpoolOptions::default()).start().unwrap();
    [b"a", b"b", b"c"].into_iter().for_each(|data| producer.send(data).unwrap());
    producer.flush(LONG).unwrap();
    let mut sent = service.sent();
    sent.sort();
    assert_eq!(sent, [b"a", b"b", b"c"]);
    let lines = logged("slowly");
    let [(Level::Warn, line)] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("every record is refused, for ") && line.contains(" wait for a retry"), "{line}");
    // Of other tests' recoveries there may be lines, too.
    assert!(logged("calls succeed again, after ").iter().any(|(level, _)| *level == Level::Info));
    assert_eq!(producer.spooled_records(), 0);
}

#[test]
fn stops_when_the_time_for_refusals_is_over_and_says_why() {
    Lines::watch();
    let service = Service::new(Answer::Deny("for good"));
    let builder = service.producer(|policy| policy.refusal_timeout = Duration::from_millis(300));
    let (builder, events) = health(builder);
    let producer = builder.start().unwrap();
    let outcome = producer.send_with_receipt(b"a").unwrap().wait();
    assert!(matches!(&outcome, Outcome::Rejected { code: Some(code), .. } if code == "AccessDeniedException"));
    let reason = "AccessDeniedException: not authorized, for good";
    let error = producer.send(b"b").unwrap_err();
    assert_eq!(error.to_string(), format!("the record was not taken: nothing can be delivered: {reason}"));
    assert_eq!(producer.try_send(b"b").unwrap_err().to_string(), error.to_string());
    assert!(matches!(events.recv_timeout(LONG).unwrap(), Event::Outage(_)));
    assert!(matches!(events.recv_timeout(LONG).unwrap(), Event::Stopped(stop) if stop.to_string() == reason));
    let errors: Vec<_> = logged("for good").into_iter().filter(|(level, _)| *level == Level::Error).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors.iter().all(|(_, line)| line.ends_with(reason)), "{errors:?}");
}

#[test]
fn goes_on_after_a_stop_with_what_the_caller_sends_again() {
    let service = Service::new(Answer::Deny("stop"));
    let producer = service.producer(|_| {}).start().unwrap();
    // It is running.
    producer.resume();
    let receipts: Vec<_> = [b"a", b"b"].into_iter().filter_map(|data| producer.send_with_receipt(data).ok()).collect();
    let count = receipts.len();
    assert!(receipts.into_iter().all(|receipt| !receipt.wait().is_accepted()));
    producer.flush(LONG).unwrap();
    service.answer(Answer::Accept);
    assert!(producer.send(b"c").is_err());
    producer.resume();
    assert_eq!(producer.stopped(), None);
    let back = producer.take_undelivered();
    assert_eq!(back.len(), count);
    back.iter().for_each(|record| producer.send(&record.data).unwrap());
    producer.send(b"c").unwrap();
    let closed = producer.close(LONG);
    assert!(closed.undelivered.is_empty());
    let mut sent = service.sent();
    sent.sort();
    assert_eq!(sent.len(), count + 1);
    assert_eq!(closed.statistics.records.accepted, sent.len() as u64);
    // There is nothing to resume.
    producer.resume();
    assert!(matches!(producer.send(b"d"), Err(SendError::NotTaken(EnqueueError::Closed))));
}

#[test]
fn what_a_stop_has_left_in_the_spool_is_sent_after_it_before_anything_else() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(Answer::NoConnection);
    // A run of an earlier process: what of it has not been read back when it stops is sent as well.
    let builder = || {
        let builder = service.producer(|policy| {
            (policy.max_in_flight, policy.max_buffered_records) = (1.try_into().unwrap(), 10);
        });
        builder.drop_timeout(Duration::ZERO).spool(dir.path(), SpoolOptions::default())
    };
    let producer = builder().start().unwrap();
    let names: Vec<_> = (0..10).map(|number| format!("old {number}")).collect();
    names.iter().for_each(|name| producer.send(name.as_bytes()).unwrap());
    let statistics = producer.statistics();
    assert_eq!(statistics.spooled_bytes, 16 + 10 * (5 + 28));
    assert!(statistics.oldest.is_some());
    drop(producer);

    service.answer(Answer::Deny("again and again"));
    let producer = builder().start().unwrap();
    for _ in 0..3 {
        while producer.stopped().is_none() {
            thread::yield_now();
        }
        assert_eq!(producer.spooled_records(), 10);
        producer.resume();
    }
    while producer.stopped().is_none() {
        thread::yield_now();
    }
    service.answer(Answer::Accept);
    producer.resume();
    assert!(producer.take_undelivered().is_empty(), "what is in the spool is sent from there");
    producer.send(b"new").unwrap();
    producer.flush(LONG).unwrap();
    let expected: Vec<_> =
        names.iter().map(String::as_str).chain(["new"]).map(|name| name.as_bytes().to_vec()).collect();
    assert_eq!(service.sent(), expected);
    let statistics = producer.statistics();
    assert_eq!((statistics.spooled_bytes, statistics.oldest), (0, None));
    assert!(producer.close(LONG).undelivered.is_empty());
    assert_eq!(builder().start().unwrap().spooled_records(), 0);
}

#[test]
fn one_close_is_for_all_handles() {
    let service = Service::new(Answer::NoConnection);
    let producer = service.producer(|policy| policy.max_buffered_records = 1).start().unwrap();
    producer.send(b"a").unwrap();
    let handles: Vec<Producer> = (0..3).map(|_| producer.clone()).collect();
    thread::scope(|scope| {
        // It waits for room, and there will be none.
        let sender = scope.spawn(|| producer.send(b"b"));
        let closed: Vec<_> = handles
            .iter()
            .map(|handle| scope.spawn(|| handle.close(Duration::from_millis(100))))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|closing| closing.join().unwrap())
            .collect();
        assert_eq!(closed.iter().map(|closed| closed.undelivered.len()).sum::<usize>(), 1);
        assert!(closed.windows(2).all(|two| two[0].statistics == two[1].statistics));
        assert!(matches!(sender.join().unwrap(), Err(SendError::NotTaken(EnqueueError::Closed))));
    });
    let again = producer.close(LONG);
    assert_eq!((again.statistics.records.expired, again.undelivered.len()), (1, 0));
    assert!(producer.flush(Duration::ZERO).is_ok());
}

#[test]
fn the_last_handle_closes_it_wherever_it_is_dropped() {
    let service = Service::new(Answer::Accept);
    let producer = service.producer(|policy| policy.linger = LONG).start().unwrap();
    producer.send(b"lingers").unwrap();
    let other = producer.clone();
    drop(producer);
    assert_eq!(service.sent().len(), 0);
    drop(other);
    assert_eq!(service.sent(), [b"lingers"]);

    // On a thread of its own, by a callback that has the last one.
    let (dropped, drops) = mpsc::channel();
    let told = Arc::new(AtomicUsize::new(0));
    let producer = service.producer(|_| {}).drop_timeout(Duration::from_millis(50)).start().unwrap();
    let (own, counter) = (Mutex::new(None::<Producer>), Arc::clone(&told));
    let own = Arc::new(own);
    let theirs = Arc::clone(&own);
    *own.lock().unwrap() = Some(producer.clone());
    let is_free = Arc::new(Mutex::new(()));
    let gate = Arc::clone(&is_free);
    let closed = is_free.lock().unwrap();
    producer
        .send_with_callback(b"a", move |_| {
            drop(gate.lock());
            counter.fetch_add(1, Ordering::Relaxed);
            let last = theirs.lock().unwrap().take();
            drop(last);
            dropped.send(()).unwrap();
        })
        .unwrap();
    drop(producer);
    drop(closed);
    drops.recv_timeout(LONG).unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 1);
}
