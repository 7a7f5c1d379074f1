//! What a [`Producer`] takes in a second, all in one run.
//!
//! ```text
//! cargo bench -p firehose-blocking --bench producer
//! ```
//!
//! `send` is measured against a transport that answers at once, so that what bounds it is the lock, the batch that the
//! record is encoded into, and the workers' hashing beside it. The last lines are over loopback into a local endpoint,
//! against one client that sends one batch after the other.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]
#![expect(clippy::indexing_slicing, reason = "each case has its place")]

use std::error::Error;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use firehose_blocking::firehose_proto::batch::{Packing, Policy};
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::{
    Batch, Client, Credentials, LocalEndpoint, Producer, PushError, Timeouts, Transport, TransportError,
};

const RECORD_BYTES: usize = 200;
const RECORDS: usize = 3_000_000;
const ROUNDS: usize = 5;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Accepts every record without looking at it. Ids are as long as the service's.
#[derive(Default)]
struct AtOnce {
    answers: Mutex<Vec<Option<Vec<u8>>>>,
}

impl Transport for AtOnce {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        // In sums of a byte, which are made many at once: it is not this that is to be measured.
        let ends = |part: &[u8]| usize::from(part.iter().map(|byte| u8::from(*byte == b'}')).sum::<u8>());
        let records = request.body().chunks(u8::MAX.into()).map(ends).sum::<usize>() - 1;
        let mut answers = self.answers.lock().expect("nobody panics");
        if answers.len() <= records {
            answers.resize(records + 1, None);
        }
        let answer = answers.get_mut(records).expect("it has just been made long enough").get_or_insert_with(|| {
            let entry = format!(r#"{{"RecordId":"{}"}}"#, "x".repeat(220));
            let entries = vec![entry; records].join(",");
            format!(r#"{{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[{entries}]}}"#).into_bytes()
        });
        Ok(Response::new(200, answer.clone()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Under `cargo test` there is nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    println!("records of {RECORD_BYTES} B, medians of {ROUNDS} interleaved rounds");
    let cases = [
        ("send, 1 thread, packed", 1, true),
        ("send, 1 thread", 1, false),
        ("send, 4 threads, packed", 4, true),
        ("send, 4 threads", 4, false),
    ];
    let mut figures = vec![Vec::new(); cases.len() + 2];
    for _ in 0..ROUNDS {
        for (index, (_, threads, is_packed)) in cases.iter().enumerate() {
            let client = Client::builder()
                .region("us-east-1")
                .credentials(Credentials::new("test", "test"))
                .transport(AtOnce::default())
                .build()?;
            figures[index].push(send(&client, *threads, *is_packed)?);
        }
        figures[cases.len()].push(loopback(end_to_end)?);
        figures[cases.len() + 1].push(loopback(one_after_the_other)?);
    }
    let medians: Vec<f64> = figures.iter_mut().map(|rounds| median(rounds)).collect();
    let names =
        cases.iter().map(|case| case.0).chain(["producer into a local endpoint", "client into a local endpoint"]);
    for (name, median) in names.zip(&medians) {
        println!("{name:34} {:6.2} M records/s", median / 1e6);
    }
    println!("4 threads / 1 thread, packed = {:.2}", medians[2] / medians[0]);
    println!("4 threads / 1 thread = {:.2}", medians[3] / medians[1]);
    println!("producer / client over loopback = {:.2}", medians[4] / medians[5]);
    Ok(())
}

fn median(rounds: &mut [f64]) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// Records a second, from the first `send` until the last record has its outcome.
fn send(client: &Client, threads: usize, is_packed: bool) -> Result<f64, Box<dyn Error>> {
    let mut policy = Policy::default();
    policy.packing = is_packed.then(|| Packing::new("\n"));
    let producer = Producer::builder(client.clone(), "demo").policy(policy).start()?;
    let record = [b'r'; RECORD_BYTES];
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..RECORDS / threads {
                    producer.send(&record).expect("the transport takes everything");
                }
            });
        }
    });
    let closed = producer.close(TIMEOUT);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(closed.statistics.records.accepted, RECORDS as u64);
    Ok(RECORDS as f64 / seconds)
}

fn loopback(run: fn(&Client) -> Result<f64, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let endpoint = LocalEndpoint::builder(dir.path()).start()?;
    let client = Client::builder()
        .region("us-east-1")
        .endpoint_url(endpoint.url())
        .credentials(Credentials::new("test", "test"))
        .build()?;
    run(&client)
}

fn end_to_end(client: &Client) -> Result<f64, Box<dyn Error>> {
    send(client, 1, false)
}

fn one_after_the_other(client: &Client) -> Result<f64, Box<dyn Error>> {
    let record = [b'r'; RECORD_BYTES];
    let mut batch = Batch::new("demo")?;
    let start = Instant::now();
    for _ in 0..RECORDS {
        while let Err(PushError::Full) = batch.push(&record) {
            client.put_batch(&mut batch)?;
        }
    }
    while !batch.is_empty() {
        client.put_batch(&mut batch)?;
    }
    Ok(RECORDS as f64 / start.elapsed().as_secs_f64())
}
