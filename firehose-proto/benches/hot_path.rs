//! The hot path, from records in memory to a signed request and from the answer to outcomes, against its floor.
//!
//! ```text
//! cargo bench -p firehose-proto --bench hot_path
//! ```
//!
//! The floor of a request is SHA-256 of the same body, by the same implementation, in the same run: no client can
//! sign a body that it has not hashed. Of a small body that leaves next to nothing, so W1's floor also has the four
//! HMACs that deriving a key takes. Work and floor take turns, in rounds of a few milliseconds, and the median of
//! the rounds' ratios counts: whatever else runs on the machine hits both alike.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use firehose_proto::batch::Batch;
use firehose_proto::client;
use firehose_proto::credentials::Credentials;
use firehose_proto::crypto::{self, HmacKey};
use firehose_proto::endpoint::Endpoint;
use firehose_proto::http::{Request, Response};
use firehose_proto::model::record::Record;
use firehose_proto::op::Operation;
use firehose_proto::op::put_record::{PutRecord, PutRecordInput};
use firehose_proto::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use firehose_proto::region::Region;
use firehose_proto::sigv4::{KeyCache, Signer};
use firehose_proto::time::AmzDate;
use time::OffsetDateTime;

const STREAM: &str = "benchmark";
/// How long the floor is run in one round, at least; the work takes about as long.
const ROUND: Duration = Duration::from_millis(2);
const ROUNDS: usize = 301;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` runs this as well, to see that it works; figures come from `cargo bench`.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let endpoint = Endpoint::resolve(Region::parse("us-east-1")?, false, false);
    let long_term = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let temporary = long_term.clone().with_session_token("T0ken/+=".repeat(100));

    let record = data(100);
    let input = || PutRecordInput::new(STREAM, Record::new(&record));
    let mut body = Vec::new();
    PutRecord::write_input(&input(), &mut body);
    for (name, credentials) in [("W1", long_term.clone()), ("W1 with session token", temporary)] {
        let mut signing = Signing::new(credentials);
        let mut work = || {
            let input = input();
            let mut request = client::encode::<PutRecord>(&input, &endpoint).expect("the record is within the limits");
            signing.sign(&mut request);
            black_box(&request);
        };
        let compared = compare(rounds, timed(&mut work), |runs| hash(runs, &body) + four_macs(runs));
        println!("{name} build+sign/sha256 = {:.2}", compared.ratio);
        println!("{name} allocations = {}", allocations(work));
    }

    let mut signing = Signing::new(long_term);
    for (name, count, bytes) in [("W2", 500, 200), ("W3", 500, 8192), ("W4", 4, 1_024_000)] {
        let records = vec![data(bytes); count];
        let mut batch = filled(&records);
        let body = batch.encode(&endpoint)?.body().to_vec();
        let mut work = || {
            batch.clear();
            fill(&mut batch, &records);
            signing.sign_batch(&mut batch, &endpoint);
        };
        let compared = compare(rounds, timed(&mut work), |runs| hash(runs, &body));
        println!("{name} build+sign/sha256 = {:.2}", compared.ratio);
        println!("{name} allocations = {}", allocations(work));
    }

    let records = vec![data(200); 500];
    let mut full = filled(&records);
    let body = full.encode(&endpoint)?.body().to_vec();
    let mut work = || signing.sign_batch(&mut filled(&records), &endpoint);
    let compared = compare(rounds, timed(&mut work), |runs| hash(runs, &body));
    println!("W2 fresh batch build+sign/sha256 = {:.2}", compared.ratio);
    println!("W2 fresh batch allocations = {}", allocations(work));

    let keep_half = |batch: &mut Batch| batch.retain(|index| index % 2 == 1);
    let mut half = full.clone();
    keep_half(&mut half);
    let half_body = half.encode(&endpoint)?.body().to_vec();
    let resend = |runs| {
        let resend_one = |_| {
            let mut batch = full.clone();
            timed(|| {
                keep_half(&mut batch);
                signing.sign_batch(&mut batch, &endpoint);
            })(1)
        };
        (0..runs).map(resend_one).sum()
    };
    let compared = compare(rounds, resend, |runs| hash(runs, &half_body));
    println!("W5 resend+sign/sha256 = {:.2}", compared.ratio);

    let answer = answer(records.len());
    let as_usual = data(140_000);
    let parse = || {
        black_box(full.decode(black_box(&answer))).expect("the answer is in order");
    };
    let compared = compare(rounds, timed(parse), |runs| hash(runs, &as_usual));
    println!(
        "parse {} entries = {:.0} us (sha256 of 140 kB = {:.0} us)",
        records.len(),
        compared.work.as_secs_f64() * 1e6,
        compared.floor.as_secs_f64() * 1e6,
    );
    println!("parse allocations = {}", allocations(parse));
    Ok(())
}

/// What a producer signs with.
struct Signing {
    credentials: Credentials,
    keys: KeyCache,
    now: OffsetDateTime,
}

impl Signing {
    fn new(credentials: Credentials) -> Self {
        let now = AmzDate::parse("20261122T010203Z").expect("a date of the right form");
        Self { credentials, keys: KeyCache::new(), now }
    }

    fn sign(&mut self, request: &mut Request<'_>) {
        let now = black_box(self.now);
        let key = self.keys.key(now, &self.credentials, "us-east-1", "firehose").expect("the names are in order");
        Signer::new(&self.credentials, key).sign(now, request).expect("the request has a host");
    }

    fn sign_batch(&mut self, batch: &mut Batch, endpoint: &Endpoint) {
        let mut request = batch.encode(endpoint).expect("the batch has records");
        self.sign(&mut request);
        black_box(&request);
    }
}

fn filled(records: &[Vec<u8>]) -> Batch {
    let mut batch = Batch::new(STREAM).expect("the name is in order");
    fill(&mut batch, records);
    batch
}

fn fill(batch: &mut Batch, records: &[Vec<u8>]) {
    for record in black_box(records) {
        batch.push(record).expect("the records are within the limits");
    }
}

/// Bytes without a pattern that a cache or predictor could profit from.
fn data(bytes: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|state| state.to_be_bytes()[0]).take(bytes).collect()
}

/// An answer that accepts every record, with ids as long as the service's.
fn answer(entries: usize) -> Response {
    let entry = |index| PutRecordBatchResponseEntry::accepted(format!("{index:0220}"));
    let mut body = Vec::new();
    PutRecordBatch::write_output(&PutRecordBatchOutput::new((0..entries).map(entry).collect()), &mut body);
    Response::new(200, body)
}

/// The time that hashing takes.
fn hash(runs: usize, body: &[u8]) -> Duration {
    timed(|| {
        black_box(crypto::sha256(black_box(body)));
    })(runs)
}

/// The time that deriving a key takes, less the text work.
fn four_macs(runs: usize) -> Duration {
    timed(|| {
        for message in [b"20261122".as_slice(), b"us-east-1", b"firehose", b"aws4_request"] {
            black_box(HmacKey::new(black_box(&[0x2a; 32])).mac(black_box(message)));
        }
    })(runs)
}

fn timed(mut work: impl FnMut()) -> impl FnMut(usize) -> Duration {
    move |runs| {
        let start = Instant::now();
        for _ in 0..runs {
            work();
        }
        start.elapsed()
    }
}

/// Medians over all rounds.
struct Compared {
    work: Duration,
    floor: Duration,
    ratio: f64,
}

/// Runs work and floor in turns; each gets a number of runs and returns the time they took.
fn compare(
    rounds: usize,
    mut work: impl FnMut(usize) -> Duration,
    mut floor: impl FnMut(usize) -> Duration,
) -> Compared {
    let mut runs = 1;
    while floor(runs) < ROUND {
        runs *= 2;
    }
    work(runs);
    let rounds: Vec<_> = (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let work = work(runs);
                (work, floor(runs))
            } else {
                let floor = floor(runs);
                (work(runs), floor)
            }
        })
        .collect();
    let of_one = |seconds: f64| Duration::from_secs_f64(seconds) / u32::try_from(runs).unwrap_or(u32::MAX);
    Compared {
        work: of_one(median(rounds.iter().map(|(work, _)| work.as_secs_f64()))),
        floor: of_one(median(rounds.iter().map(|(_, floor)| floor.as_secs_f64()))),
        ratio: median(rounds.iter().map(|(work, floor)| work.as_secs_f64() / floor.as_secs_f64())),
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The number of allocations in one run, once everything is warm.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// The system's allocator, counting what it is asked for.
struct Counting;

thread_local! {
    // An atomic counter would take a measurable part of the smallest request.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count_one() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "nothing else sees allocations; each call goes to the system's allocator as it is")]
// SAFETY: each method hands its arguments on to `System` and returns what that returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: our caller keeps the contract, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count_one();
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, new_size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}
