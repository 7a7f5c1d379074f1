//! The producer against a transport that answers from a script: outcomes, back-pressure, closing.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

#[path = "producer/writer.rs"]
mod writer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::batch::{Delivery, EnqueueError, Failure, Oversize, Policy};
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::op::{
    Operation, PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry,
};
use firehose_blocking::firehose_proto::server;
use firehose_blocking::{
    Client, Credentials, Outcome, Producer, Receipt, SendError, SpoolOptions, SyncPolicy, Timeouts, Transport,
    TransportError, TransportErrorKind,
};

const LONG: Duration = Duration::from_secs(30);

/// What becomes of a request with these records.
type Script = dyn Fn(usize, &[Vec<u8>]) -> Result<Response, TransportErrorKind> + Send + Sync;

/// A service that does as it is told, and remembers what it was sent.
#[derive(Clone)]
struct Service {
    script: Arc<Script>,
    requests: Arc<Mutex<Vec<Vec<Vec<u8>>>>>,
}

impl Service {
    fn new(script: impl Fn(usize, &[Vec<u8>]) -> Result<Response, TransportErrorKind> + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), requests: Arc::default() }
    }

    fn client(&self) -> Client {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret");
        Client::builder().region("eu-west-1").credentials(credentials).transport(self.clone()).build().unwrap()
    }

    fn requests(&self) -> Vec<Vec<Vec<u8>>> {
        self.requests.lock().unwrap().clone()
    }
}

impl Transport for Service {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        let input: PutRecordBatchInput<'_> = PutRecordBatch::read_input(request.body()).unwrap();
        let records: Vec<Vec<u8>> = input.records.into_iter().map(|record| record.data.into_owned()).collect();
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(records.clone());
            requests.len() - 1
        };
        (self.script)(number, &records).map_err(TransportError::new)
    }
}

/// A 200 in which each record is accepted, but for those that are named.
fn accept_all_but(records: &[Vec<u8>], failing: &[&[u8]]) -> Result<Response, TransportErrorKind> {
    let entry = |record: &Vec<u8>| match failing.contains(&&**record) {
        true => PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "Slow down."),
        false => PutRecordBatchResponseEntry::accepted(format!("id-{}", String::from_utf8_lossy(record))),
    };
    Ok(server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(records.iter().map(entry).collect())))
}

fn refuse(status: u16, code: &str, message: &str) -> Result<Response, TransportErrorKind> {
    Ok(Response::new(status, format!(r#"{{"__type":"{code}","message":"{message}"}}"#).into_bytes()))
}

/// One request at a time, and no lingering.
fn prompt() -> Policy {
    let mut policy = Policy::default();
    policy.linger = Duration::ZERO;
    policy.max_in_flight = 1.try_into().unwrap();
    policy
}

#[test]
fn each_record_has_its_outcome_and_only_what_failed_is_sent_again() {
    let service = Service::new(|number, records| accept_all_but(records, if number == 0 { &[b"b"] } else { &[] }));
    let mut policy = prompt();
    policy.linger = LONG;
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    let receipts: Vec<_> = ["a", "b", "c"].map(|data| producer.send_with_receipt(data.as_bytes()).unwrap()).into();
    producer.flush(LONG).unwrap();
    let outcomes: Vec<_> = receipts.into_iter().map(Receipt::wait).collect();
    let shown: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Accepted { record_id, attempts, .. } => (record_id.as_str(), *attempts),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, [("id-a", 1), ("id-b", 2), ("id-c", 1)]);
    assert_eq!(service.requests(), [vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()], vec![b"b".to_vec()]]);
    let closed = producer.close(LONG);
    let records = closed.statistics.records;
    assert_eq!((records.pushed, records.accepted, records.resent, records.batches), (3, 3, 1, 2));
    assert!(closed.undelivered.is_empty() && closed.statistics.latency_p99 > Duration::ZERO);
}

/// As many calls panic as there may be in flight, and more: no worker is lost, and no record.
#[test]
fn survives_a_transport_that_panics() {
    let service = Service::new(|number, records| {
        assert!(number >= 9, "the transport has a defect");
        accept_all_but(records, &[])
    });
    let mut policy = prompt();
    policy.max_in_flight = 2.try_into().unwrap();
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    let receipts: Vec<_> = (0..20).map(|n| producer.send_with_receipt(format!("{n}").as_bytes()).unwrap()).collect();
    assert!(receipts.into_iter().all(|receipt| receipt.wait().is_accepted()));
    assert!(service.requests().len() > 9);

    let service = Service::new(|_, _| panic!("the transport has a defect"));
    let mut policy = prompt();
    policy.delivery = Delivery::AtMostOnce;
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    let outcome = producer.send_with_receipt(b"a").unwrap().wait();
    assert!(matches!(outcome, Outcome::Unknown { attempts: 1, .. }), "it may have been sent: {outcome:?}");
    let closed = producer.close(LONG);
    let reason = closed.undelivered[0].reason.as_ref().unwrap().to_string();
    assert!(reason.contains("the transport panicked: the transport has a defect"), "{reason}");
}

#[test]
fn a_missing_stream_is_reported_at_once() {
    let service = Service::new(|_, _| refuse(400, "ResourceNotFoundException", "Firehose s not found"));
    let producer = Producer::builder(service.client(), "s").policy(prompt()).start().unwrap();
    let receipt = producer.send_with_receipt(b"a").unwrap();
    let Outcome::Rejected { code, message, attempts, .. } = receipt.wait() else { panic!("it was refused") };
    assert_eq!((code.as_deref(), &*message, attempts), (Some("ResourceNotFoundException"), "Firehose s not found", 1));
    let Err(SendError::NotTaken(EnqueueError::Stopped(reason))) = producer.send(b"b") else {
        panic!("the line has stopped")
    };
    assert_eq!(reason.to_string(), "ResourceNotFoundException: Firehose s not found");
    let closed = producer.close(LONG);
    assert_eq!(closed.undelivered.len(), 1);
    assert_eq!((closed.undelivered[0].data.as_slice(), closed.undelivered[0].failure), (&b"a"[..], Failure::Rejected));
}

#[test]
fn an_ambiguous_write_is_not_repeated_at_most_once() {
    let service = Service::new(|_, _| Err(TransportErrorKind::Broken));
    let mut policy = prompt();
    policy.delivery = Delivery::AtMostOnce;
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    assert_eq!(producer.send_with_receipt(b"a").unwrap().wait(), {
        let Outcome::Unknown { attempts, .. } = producer.send_with_receipt(b"b").unwrap().wait() else { panic!() };
        assert_eq!(attempts, 1);
        producer.send_with_receipt(b"c").unwrap().wait()
    });
    assert_eq!(service.requests().len(), 3);
}

/// Holds requests until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

/// A service that accepts everything, once its gate is open.
fn gated() -> (Gate, Service) {
    let gate = Gate::default();
    let service = Service::new({
        let gate = gate.clone();
        move |_, records| {
            gate.pass();
            accept_all_but(records, &[])
        }
    });
    (gate, service)
}

#[test]
fn a_full_buffer_makes_senders_wait_and_hands_the_data_back() {
    let (gate, service) = gated();
    let mut policy = prompt();
    policy.max_buffered_records = 2;
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    producer.send(b"a").unwrap();
    producer.send(b"b").unwrap();
    let error = producer.try_send(b"c".to_vec()).unwrap_err();
    assert!(error.data == b"c" && matches!(error.reason, SendError::NotTaken(EnqueueError::Full)));
    let pending = producer.flush(Duration::ZERO).unwrap_err();
    assert_eq!(pending.records, 2);
    thread::scope(|scope| {
        let sender = scope.spawn(|| producer.send(b"c"));
        gate.open();
        sender.join().unwrap().unwrap();
    });
    assert_eq!(producer.close(LONG).statistics.records.accepted, 3);
}

#[test]
fn many_records_are_taken_in_their_order_as_far_as_there_is_room() {
    let (gate, service) = gated();
    let mut policy = prompt();
    policy.max_buffered_records = 200;
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    let all: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    let error = producer.send_many(&all, Duration::from_millis(1)).unwrap_err();
    assert_eq!(error.taken, 200);
    assert!(matches!(error.reason, SendError::NotTaken(EnqueueError::Full)), "{error}");
    gate.open();
    producer.send_many(&all[error.taken..], LONG).unwrap();
    assert_eq!(producer.close(LONG).statistics.records.accepted, 2000);
    assert!(service.requests().concat().iter().eq(all.iter().map(String::as_bytes)));
}

#[test]
fn closing_in_time_or_not_gives_every_record_back() {
    let (gate, service) = gated();
    let (arrived, arrivals) = mpsc::channel();
    let service = {
        let inner = service.script.clone();
        Service::new(move |number, records| {
            arrived.send(()).unwrap();
            inner(number, records)
        })
    };
    let producer = Producer::builder(service.client(), "s").policy(prompt()).start().unwrap();
    producer.send(b"in flight").unwrap();
    arrivals.recv().unwrap();
    producer.send(b"waiting").unwrap();
    let closed = producer.close(Duration::ZERO);
    let mut back: Vec<_> =
        closed.undelivered.iter().map(|undelivered| (undelivered.data.as_slice(), undelivered.failure)).collect();
    back.sort_by_key(|(data, _)| *data);
    assert_eq!(back, [(&b"in flight"[..], Failure::Unknown), (b"waiting", Failure::Expired)]);
    gate.open();
}

#[test]
fn a_callback_that_panics_harms_no_other() {
    let service = Service::new(|_, records| accept_all_but(records, &[]));
    let told = Arc::new(AtomicUsize::new(0));
    let producer = Producer::builder(service.client(), "s").policy(prompt()).start().unwrap();
    for number in 0..10 {
        let told = Arc::clone(&told);
        producer
            .send_with_callback(b"x", move |outcome| {
                assert!(outcome.is_accepted());
                told.fetch_add(1, Ordering::Relaxed);
                assert!(number % 2 == 0, "this panic is part of the test");
            })
            .unwrap();
    }
    producer.flush(LONG).unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 10);
    assert_eq!(producer.close(LONG).statistics.records.accepted, 10);
}

#[test]
fn handlers_hear_of_every_outcome() {
    let service = Service::new(|_, records| accept_all_but(records, &[]));
    let heard = Arc::new(Mutex::new(VecDeque::new()));
    let mut policy = prompt();
    policy.oversize = Oversize::Reject;
    let (sender, diverted): (Sender<Vec<u8>>, _) = mpsc::channel();
    let producer = {
        let heard = Arc::clone(&heard);
        Producer::builder(service.client(), "s")
            .policy(policy)
            .on_outcome(move |event| heard.lock().unwrap().push_back(format!("{event:?}")))
            .on_undelivered(move |undelivered| sender.send(undelivered.data).unwrap())
            .start()
            .unwrap()
    };
    producer.send(b"a").unwrap();
    producer.send(&[b'x'; 1_024_001]).unwrap();
    let closed = producer.close(LONG);
    assert!(closed.undelivered.is_empty());
    assert_eq!(diverted.recv().unwrap().len(), 1_024_001);
    assert_eq!(heard.lock().unwrap().len(), 2);
}

#[test]
fn many_threads_send_at_once() {
    let service =
        Service::new(|number, records| accept_all_but(records, if number % 3 == 0 { &[b"1-7", b"2-9"] } else { &[] }));
    let producer = Producer::builder(service.client(), "s").start().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let producer = &producer;
            scope.spawn(move || (0..500).for_each(|n| producer.send(format!("{thread}-{n}").as_bytes()).unwrap()));
        }
    });
    let closed = producer.close(LONG);
    assert_eq!((closed.statistics.records.accepted, closed.undelivered.len()), (2000, 0));
}

fn options(sync: SyncPolicy) -> SpoolOptions {
    let mut options = SpoolOptions::default();
    options.sync = sync;
    options
}

#[test]
fn what_a_producer_leaves_in_its_spool_the_next_one_sends_first() {
    let dir = tempfile::tempdir().unwrap();
    let down = Service::new(|_, _| Err(TransportErrorKind::Connect));
    for sync in [SyncPolicy::EachRecord, SyncPolicy::Interval(Duration::from_secs(1)), SyncPolicy::Never] {
        let start = |service: &Service| {
            let builder = Producer::builder(service.client(), "s").policy(prompt()).drop_timeout(Duration::ZERO);
            builder.spool(dir.path(), options(sync)).start().unwrap()
        };
        let producer = start(&down);
        producer.send(b"a").unwrap();
        producer.send(b"b").unwrap();
        drop(producer);

        let up = Service::new(|_, records| accept_all_but(records, &[]));
        let producer = start(&up);
        producer.send(b"c").unwrap();
        assert_eq!(producer.close(LONG).statistics.records.accepted, 3);
        assert_eq!(up.requests().concat(), [b"a", b"b", b"c"]);

        // What has an outcome is not sent again.
        let again = Service::new(|_, records| accept_all_but(records, &[]));
        assert_eq!(start(&again).close(LONG).statistics.records.pushed, 0);
    }
}

#[test]
fn what_comes_back_because_nothing_can_be_delivered_stays_in_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let start = |service: &Service| {
        let builder = Producer::builder(service.client(), "s").policy(prompt());
        builder.spool(dir.path(), options(SyncPolicy::Never)).start().unwrap()
    };
    let missing = Service::new(|_, _| refuse(400, "ResourceNotFoundException", "Firehose s not found"));
    let producer = start(&missing);
    let receipt = producer.send_with_receipt(b"a").unwrap();
    assert!(matches!(receipt.wait(), Outcome::Rejected { code: Some(code), .. } if code.starts_with("ResourceNot")));
    let reason = producer.stopped().unwrap().to_string();
    assert!(reason.starts_with("ResourceNotFoundException: "), "{reason}");
    assert_eq!(producer.close(LONG).undelivered.len(), 1);

    let made = Service::new(|_, records| accept_all_but(records, &[]));
    let producer = start(&made);
    producer.flush(LONG).unwrap();
    assert_eq!((made.requests(), producer.stopped()), (vec![vec![b"a".to_vec()]], None));
}

#[test]
fn a_note_is_there_for_the_next_producer() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::new(|_, records| accept_all_but(records, &[]));
    let builder = || Producer::builder(service.client(), "s");
    for note in ["one", "two"] {
        let producer = builder().spool(dir.path(), options(SyncPolicy::Never)).start().unwrap();
        assert_eq!(producer.load_checkpoint("log").unwrap().is_some(), note == "two");
        producer.save_checkpoint("log", note.as_bytes()).unwrap();
        assert_eq!(producer.load_checkpoint("another").unwrap(), None);
        assert_eq!(producer.load_checkpoint("log").unwrap().unwrap(), note.as_bytes());
    }
    let producer = builder().start().unwrap();
    producer.save_checkpoint("log", b"kept nowhere").unwrap();
    assert_eq!(producer.load_checkpoint("log").unwrap(), None);
}

#[test]
fn a_full_spool_makes_senders_wait_as_a_full_buffer_does() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, service) = gated();
    let mut small = options(SyncPolicy::Never);
    (small.max_bytes, small.segment_bytes) = (2000, 200);
    let producer = Producer::builder(service.client(), "s").policy(prompt()).spool(dir.path(), small).start().unwrap();
    // The first one waits until it is clear that nothing is to be replayed.
    producer.send(&[b'x'; 100]).unwrap();
    let taken = 1 + (0..100).take_while(|_| producer.try_send([b'x'; 100]).is_ok()).count();
    assert!((2..20).contains(&taken), "{taken}");
    assert_eq!(producer.spooled_records(), taken as u64);
    let full = producer.send_timeout(&[b'x'; 100], Duration::from_millis(1)).unwrap_err();
    assert!(matches!(full, SendError::NotTaken(EnqueueError::Full)), "{full}");
    thread::scope(|scope| {
        let sender = scope.spawn(|| producer.send(&[b'x'; 100]));
        gate.open();
        sender.join().unwrap().unwrap();
    });
    assert_eq!(producer.close(LONG).statistics.records.accepted, taken as u64 + 1);
}

#[test]
fn senders_that_wait_for_room_learn_that_there_will_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(SyncPolicy::Never);
    (small.max_bytes, small.segment_bytes) = (2000, 200);
    let mut narrow = prompt();
    narrow.max_buffered_records = 2;
    for full in ["spool", "buffer"] {
        let gate = Gate::default();
        let service = Service::new({
            let gate = gate.clone();
            move |_, _| {
                gate.pass();
                refuse(400, "ResourceNotFoundException", "not found")
            }
        });
        let builder = Producer::builder(service.client(), "s");
        let producer = match full {
            "spool" => builder.policy(prompt()).spool(dir.path(), small.clone()),
            _ => builder.policy(narrow.clone()),
        };
        let producer = producer.start().unwrap();
        producer.send(&[b'x'; 100]).unwrap();
        while producer.try_send([b'x'; 100]).is_ok() {}
        thread::scope(|scope| {
            let sender = scope.spawn(|| producer.send_timeout(&[b'x'; 100], LONG));
            gate.open();
            let answer = sender.join().unwrap();
            assert!(matches!(answer, Err(SendError::NotTaken(EnqueueError::Stopped(_)))), "{full}: {answer:?}");
        });
        let answer = producer.try_send([b'x'; 100]).unwrap_err();
        assert!(matches!(answer.reason, SendError::NotTaken(EnqueueError::Stopped(_))), "{full}: {}", answer.reason);
    }
}

#[test]
fn no_more_comes_back_from_the_spool_than_is_kept() {
    const RECORDS: u64 = 100;
    const KEPT: usize = 10;
    let dir = tempfile::tempdir().unwrap();
    let start = |service: &Service, policy| {
        let builder = Producer::builder(service.client(), "s").policy(policy).drop_timeout(Duration::ZERO);
        builder.spool(dir.path(), options(SyncPolicy::Never)).start().unwrap()
    };
    let producer = start(&Service::new(|_, _| Err(TransportErrorKind::Connect)), prompt());
    (0..RECORDS / 2).for_each(|_| [b"a", b"b"].into_iter().for_each(|data| producer.send(data).unwrap()));
    drop(producer);

    let mut impatient = prompt();
    (impatient.max_buffered_records, impatient.max_attempts) = (KEPT, 1.try_into().unwrap());
    let producer = start(&Service::new(|_, records| accept_all_but(records, &[b"a"])), impatient);
    // The rest is held back until somebody takes what has come back, and nobody does.
    let pending = producer.flush(Duration::from_secs(1)).unwrap_err();
    let closed = producer.close(LONG);
    // Those that were on their way when there was no more room are kept too.
    assert!((KEPT..=2 * KEPT).contains(&closed.undelivered.len()), "{:?}", closed.statistics);

    let outcomes = closed.statistics.records.accepted + closed.undelivered.len() as u64;
    assert!(pending.records >= RECORDS - outcomes, "{pending}");
    let producer = start(&Service::new(|_, records| accept_all_but(records, &[])), prompt());
    producer.flush(LONG).unwrap();
    assert_eq!(producer.close(LONG).statistics.records.accepted, RECORDS - outcomes);
}

#[test]
fn close_waits_for_an_outcome_that_is_being_reported() {
    let service = Service::new(|_, records| accept_all_but(records, &[b"a"]));
    let mut policy = prompt();
    policy.max_attempts = 1.try_into().unwrap();
    let (entered, is_in_handler) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let handler = Mutex::new((entered, released));
    let producer = Producer::builder(service.client(), "s").policy(policy).on_outcome(move |_| {
        let (entered, released) = &*handler.lock().unwrap();
        entered.send(()).unwrap();
        // The other end is never used: this is for how long the handler takes.
        let _ = released.recv_timeout(Duration::from_millis(100));
    });
    let producer = producer.start().unwrap();
    producer.send(b"a").unwrap();
    is_in_handler.recv().unwrap();
    let closed = producer.close(Duration::ZERO);
    assert_eq!(closed.undelivered.len(), 1, "the record that a worker was reporting");
    drop(release);
}

#[test]
fn a_send_from_a_thread_of_its_own_does_not_wait_for_itself() {
    let own = Arc::new(OnceLock::<Producer>::new());
    let (tell, told) = mpsc::channel();
    let (sender, tell) = (Arc::clone(&own), Mutex::new(tell));
    // Stands for a logger that ships what a transport logs.
    let service = Service::new(move |number, records| {
        if number == 0 {
            let result = sender.wait().send(b"log");
            tell.lock().unwrap().send(result).unwrap();
        }
        accept_all_but(records, &[])
    });
    let mut policy = prompt();
    policy.max_buffered_records = 1;
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    own.set(producer.clone()).ok().unwrap();
    producer.send(b"a").unwrap();
    let result = told.recv_timeout(LONG).expect("it does not wait");
    assert!(matches!(result, Err(SendError::NotTaken(EnqueueError::Full))), "{result:?}");
    assert_eq!(producer.close(LONG).statistics.records.accepted, 1);
}
