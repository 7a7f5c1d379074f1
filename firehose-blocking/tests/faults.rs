//! Faults of the local endpoint: what is on the wire, what is on the disk, and what a client makes of it.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use firehose_blocking::firehose_proto::error::ErrorCode;
use firehose_blocking::firehose_proto::op::{ListDeliveryStreamsInput, PutRecordBatch};
use firehose_blocking::firehose_proto::sigv4::{KeyCache, Signer};
use firehose_blocking::firehose_proto::{Endpoint, Region, call as exchange};
use firehose_blocking::{
    Batch, Client, Clock, Credentials, Error, FaultCounts, Faults, LocalEndpoint, LocalEndpointError,
    PutRecordBatchInput, PutRecordInput, Record, SystemClock, TransportErrorKind,
};
use tempfile::TempDir;

/// Calls of each kind that meet each fault, so that each way of meeting it is seen.
const ROUNDS: u64 = 24;

const RECORDS: u64 = 20;

struct World {
    dir: TempDir,
    endpoint: LocalEndpoint,
    client: Client,
}

impl World {
    fn new(spec: &str) -> Self {
        Self::with_attempts(spec, 1)
    }

    fn with_attempts(spec: &str, max_attempts: u32) -> Self {
        let dir = TempDir::new().unwrap();
        let endpoint = LocalEndpoint::builder(dir.path()).faults(spec.parse().unwrap()).start().unwrap();
        let client = Client::builder()
            .region("us-east-1")
            .endpoint_url(endpoint.url())
            .credentials(Credentials::new("test", "test"))
            .max_attempts(NonZeroU32::new(max_attempts).unwrap())
            .build()
            .unwrap();
        Self { dir, endpoint, client }
    }

    fn delivered(&self) -> String {
        String::from_utf8(read_below(self.dir.path())).unwrap()
    }

    /// What a call of PutRecordBatch brings back, to the last byte.
    fn raw(&self, data: &[String]) -> Vec<u8> {
        let records = data.iter().map(|data| Record::new(data.as_bytes())).collect();
        let endpoint = Endpoint::custom(self.endpoint.url(), Region::parse("us-east-1").unwrap()).unwrap();
        let mut request =
            exchange::encode::<PutRecordBatch>(&PutRecordBatchInput::new("s", records), &endpoint).unwrap();
        let (credentials, mut keys, now) = (Credentials::new("test", "test"), KeyCache::new(), SystemClock.now());
        let key = keys.key(now, &credentials, "us-east-1", "firehose").unwrap();
        Signer::new(&credentials, key).sign(now, &mut request).unwrap();
        let mut text = format!("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", request.body().len());
        for (name, value) in request.headers.iter() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut socket = TcpStream::connect(self.endpoint.url().strip_prefix("http://").unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.write_all(&[text.as_bytes(), b"\r\n", request.body()].concat()).unwrap();
        let mut answer = Vec::new();
        match socket.read_to_end(&mut answer) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("still open: {error}"),
            _ => answer,
        }
    }
}

/// Everything below a directory, in the order of the names.
fn read_below(dir: &Path) -> Vec<u8> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| if path.is_dir() { read_below(path) } else { fs::read(path).unwrap() }).collect()
}

fn lines(round: u64) -> Vec<String> {
    (0..RECORDS).map(|number| format!("{round}-{number}\n")).collect()
}

/// The fates, whether they leave a call's records stored, and the answer's status if it has one.
const FATES: [(&str, bool, Option<&str>); 8] = [
    ("throttle", false, Some("400")),
    ("http500", false, Some("500")),
    ("http503", false, Some("503")),
    ("cut_before", false, None),
    ("cut_after", true, None),
    ("truncate", true, Some("200")),
    ("malformed", true, Some("200")),
    ("wrong_count", true, Some("200")),
];

fn count(counts: FaultCounts, fate: &str) -> u64 {
    match fate {
        "throttle" => counts.throttle,
        "http500" => counts.http500,
        "http503" => counts.http503,
        "cut_before" => counts.cut_before,
        "cut_after" => counts.cut_after,
        "truncate" => counts.truncate,
        "malformed" => counts.malformed,
        "wrong_count" => counts.wrong_count,
        _ => panic!("{fate}"),
    }
}

#[test]
fn each_fate_is_on_the_wire_as_described_and_stores_what_it_says() {
    for (fate, is_stored, status) in FATES {
        let world = World::new(&format!("{fate}=1"));
        let (mut sent, mut bodies) = (String::new(), Vec::new());
        for round in 0..ROUNDS {
            let answer = String::from_utf8(world.raw(&lines(round))).unwrap();
            sent.push_str(&lines(round).concat());
            let Some(status) = status else {
                assert_eq!(answer, "", "{fate}");
                continue;
            };
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(head["HTTP/1.1 ".len()..][..3], *status, "{fate}: {head}");
            let length = head.split_once("content-length: ").unwrap().1.lines().next().unwrap();
            let is_whole = body.len() == length.parse::<usize>().unwrap();
            assert_eq!(is_whole, fate != "truncate", "{fate}: {answer}");
            bodies.push((body.matches("RecordId").count(), body.to_string()));
        }
        match fate {
            "malformed" => {
                assert!(bodies.iter().any(|(_, body)| body == "{}"));
                assert!(bodies.iter().any(|(_, body)| body.starts_with("<html>")));
            }
            "wrong_count" => {
                assert!(bodies.iter().any(|(entries, _)| *entries == 19), "{bodies:?}");
                assert!(bodies.iter().any(|(entries, _)| *entries == 21), "{bodies:?}");
                assert!(bodies.iter().all(|(entries, _)| [19, 21].contains(entries)), "{bodies:?}");
            }
            _ => {}
        }
        assert_eq!(world.delivered(), if is_stored { sent } else { String::new() }, "{fate}");
        let counts = world.endpoint.faults();
        assert_eq!((counts.calls, count(counts, fate), counts.failed_records), (ROUNDS, ROUNDS, 0), "{fate}");
        let stored = if is_stored { ROUNDS * RECORDS } else { 0 };
        assert_eq!((counts.unconfirmed_records, world.endpoint.stop().records), (stored, stored), "{fate}");
    }
}

/// What a client makes of an answer: the kind of error, and whether it is transient and ambiguous.
fn verdict(error: &Error) -> (String, bool, bool) {
    let kind = match error {
        Error::Refused { error, .. } => error.code.as_ref().unwrap().to_string(),
        Error::Transport { error, .. } if error.kind() == TransportErrorKind::Broken => "broken".into(),
        Error::Malformed(_) => "malformed".into(),
        other => panic!("{other:?}"),
    };
    (kind, error.is_transient(), error.is_ambiguous())
}

#[test]
fn client_knows_what_it_does_not_know() {
    for (fate, is_stored, _) in FATES {
        let expected = match fate {
            "throttle" => ("ThrottlingException", true, false),
            "http500" => ("InternalFailure", true, true),
            "http503" => ("ServiceUnavailableException", true, true),
            "cut_before" | "cut_after" | "truncate" => ("broken", true, true),
            _ => ("malformed", false, true),
        };
        let expected = (expected.0.to_string(), expected.1, expected.2);
        let world = World::new(&format!("{fate}=1,seed=3"));
        let mut sent = String::new();
        for round in 0..ROUNDS {
            let mut batch = Batch::new("s").unwrap();
            lines(round).iter().for_each(|line| batch.push(line.as_bytes()).unwrap());
            sent.push_str(&lines(round).concat());
            assert_eq!(verdict(&world.client.put_batch(&mut batch).unwrap_err()), expected, "{fate}");
            assert_eq!(batch.len(), 20, "{fate}");
            let single = world.client.put_record(&PutRecordInput::new("s", Record::new(b"one\n")));
            sent.push_str("one\n");
            match single {
                // PutRecord's answer has no entries to miscount.
                Ok(_) => assert_eq!(fate, "wrong_count"),
                Err(error) => assert_eq!(verdict(&error), expected, "{fate}"),
            }
        }
        assert_eq!(world.delivered(), if is_stored { sent } else { String::new() }, "{fate}");
    }
}

#[test]
fn records_that_fail_are_not_stored_and_the_others_are() {
    for spec in ["partial=1", "throttle_records=0.4", "partial=0.5,throttle_records=0.1"] {
        let world = World::new(spec);
        let (mut expected, mut failed) = (String::new(), 0);
        for round in 0..ROUNDS {
            let mut batch = Batch::new("s").unwrap();
            lines(round).iter().for_each(|line| batch.push(line.as_bytes()).unwrap());
            let output = world.client.put_batch(&mut batch).unwrap();
            assert_eq!(batch.len(), output.failed_put_count, "{spec}");
            for (line, entry) in lines(round).iter().zip(output.request_responses()) {
                match entry.error_code.as_deref() {
                    None => expected.push_str(line),
                    Some("ServiceUnavailableException") => {
                        assert_eq!(entry.error_message.as_deref(), Some("Slow down."));
                    }
                    Some(code) => assert_eq!(code, "InternalFailure", "{spec}"),
                }
            }
            failed += output.failed_put_count as u64;
            let line = format!("{round}\n");
            match world.client.put_record(&PutRecordInput::new("s", Record::new(line.as_bytes()))) {
                Ok(_) => expected.push_str(&line),
                Err(error) => {
                    let (code, is_transient, is_ambiguous) = verdict(&error);
                    assert!(["ServiceUnavailableException", "InternalFailure"].contains(&&*code), "{code}");
                    assert!(is_transient && is_ambiguous);
                    failed += 1;
                }
            }
        }
        assert_eq!(world.delivered(), expected, "{spec}");
        let counts = world.endpoint.faults();
        assert_eq!((counts.failed_records, counts.unconfirmed_records), (failed, 0), "{spec}");
        assert_eq!(counts.partial == 2 * ROUNDS, spec == "partial=1", "{counts}");
    }
}

#[test]
fn calls_without_records_meet_faults_too() {
    let world = World::new("throttle=1");
    let error = world.client.list_delivery_streams(&ListDeliveryStreamsInput::new()).unwrap_err();
    assert_eq!(verdict(&error).0, "ThrottlingException");
}

#[test]
fn what_is_refused_anyway_is_not_counted_as_stored() {
    for fate in ["partial", "cut_after", "truncate", "malformed", "wrong_count"] {
        let world = World::new(&format!("{fate}=1"));
        let wrong = Client::builder()
            .region("us-east-1")
            .endpoint_url(world.endpoint.url())
            .credentials(Credentials::new("test", "wrong"))
            .build()
            .unwrap();
        let error = wrong.put_record(&PutRecordInput::new("s", Record::new(b"x"))).unwrap_err();
        assert_eq!(verdict(&error).0, ErrorCode::InvalidSignatureException.as_str(), "{fate}");
        assert_eq!(world.endpoint.faults().to_string(), "1 calls; 0 records failed, 0 stored without confirmation");
    }
}

#[test]
fn clock_that_is_off_costs_a_client_one_attempt() {
    // Up to 68 years: a machine without a battery thinks it is 1970.
    for skew_s in [-3600, 3600, 400 * 86_400, i32::MIN, i32::MAX] {
        let spec = format!("skew_s={skew_s}");
        let once = World::new(&spec);
        let input = PutRecordInput::new("s", Record::new(b"x"));
        let error = once.client.put_record(&input).unwrap_err();
        assert_eq!(verdict(&error), ("InvalidSignatureException".into(), true, false), "{spec}");
        let world = World::with_attempts(&spec, 2);
        let before = SystemClock.now().year();
        world.client.put_record(&input).unwrap();
        let years = fs::read_dir(world.dir.path().join("s")).unwrap().map(|entry| entry.unwrap().file_name());
        let years: Vec<i32> = years.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
        assert!(years == [before] || years == [SystemClock.now().year()], "{spec}: files are named as ever: {years:?}");
    }
}

#[test]
fn faults_that_cannot_be_keep_it_from_starting() {
    let dir = TempDir::new().unwrap();
    for change in [
        |faults: &mut Faults| faults.partial = 1.5,
        |faults: &mut Faults| faults.throttle_records = f64::NAN,
        |faults: &mut Faults| (faults.throttle, faults.truncate) = (0.6, 0.6),
        |faults: &mut Faults| faults.delay_ms = 60_001,
    ] {
        let mut faults = Faults::default();
        change(&mut faults);
        let started = LocalEndpoint::builder(dir.path()).faults(faults).start();
        assert!(matches!(started, Err(LocalEndpointError::Faults(_))), "{faults}: {started:?}");
    }
}

#[test]
fn what_is_stored_unconfirmed_is_what_is_stored_twice() {
    let world = World::with_attempts(
        "partial=0.2,throttle=0.02,http500=0.05,http503=0.02,cut_before=0.05,cut_after=0.05,truncate=0.05,\
         malformed=0.05,wrong_count=0.05,throttle_records=0.05,seed=11",
        1,
    );
    let mut confirmed = 0;
    for round in 0..50 {
        let mut batch = Batch::new("s").unwrap();
        lines(round).iter().for_each(|line| batch.push(line.as_bytes()).unwrap());
        while !batch.is_empty() {
            let sent = batch.len();
            drop(world.client.put_batch(&mut batch));
            confirmed += (sent - batch.len()) as u64;
        }
    }
    let counts = world.endpoint.faults();
    let delivered = world.delivered();
    let mut unique: Vec<_> = delivered.lines().collect();
    let stored = unique.len() as u64;
    unique.sort_unstable();
    unique.dedup();
    assert_eq!((unique.len(), confirmed), (1000, 1000));
    assert!(counts.unconfirmed_records > 0, "{counts}");
    assert_eq!(stored, 1000 + counts.unconfirmed_records, "{counts}");
}
