//! The hot path, from records in memory to a signed request and from the response to outcomes, compared with its floor.
//!
//! ```text
//! cargo bench -p firehose-proto --bench hot_path
//! ```
//!
//! The floor of a request is SHA-256 of the same body, by the same implementation, in the same run: no client can sign
//! a body without hashing it. For a small body that is next to nothing, so W1's floor includes the four HMACs of
//! deriving a key. Work and floor alternate, and so do the workloads, in rounds of a few milliseconds. The median of
//! the rounds' ratios counts: other programs on the machine then affect all alike.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use firehose_proto::batch::Batch;
use firehose_proto::credentials::Credentials;
use firehose_proto::http::{Request, Response};
use firehose_proto::internal::crypto::{self, HmacKey};
use firehose_proto::model::Record;
use firehose_proto::op::{
    Operation, PutRecord, PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry, PutRecordInput,
};
use firehose_proto::sigv4::{KeyCache, Signer};
use firehose_proto::time::AmzDate;
use firehose_proto::{Endpoint, Region, call};
use time::OffsetDateTime;

const STREAM: &str = "benchmark";
/// Records of a full batch, and entries of its response.
const ENTRIES: usize = 500;
/// The only workload that is also reported in microseconds.
const PARSE: &str = "parse";
/// How long the floor runs in one round, at least. The work takes about as long.
const ROUND: Duration = Duration::from_millis(2);
const ROUNDS: usize = 301;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` runs this once, to check that it works. Figures come from `cargo bench`.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let endpoint = Endpoint::resolve(Region::parse("us-east-1")?, false, false);
    let long_term = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let temporary = long_term.clone().with_session_token("T0ken/+=".repeat(100));
    let signing = |credentials: &Credentials| Signing::new(credentials.clone(), endpoint.clone());
    let mut contests = [
        put_record("W1", signing(&long_term)),
        put_record("W1 with session token", signing(&temporary)),
        put_batch("W2", signing(&long_term), 500, 200),
        put_batch("W3", signing(&long_term), 500, 8192),
        put_batch("W4", signing(&long_term), 4, 1_024_000),
        put_fresh_batch("W2 fresh batch", signing(&long_term)),
        resend("W5", signing(&long_term)),
        parse(),
    ];
    // One round of each in turn, so that other load on the machine affects all of them.
    for round in 0..rounds {
        contests.iter_mut().for_each(|contest| contest.run(round));
    }
    for contest in &mut contests {
        contest.report();
    }
    Ok(())
}

fn put_record(name: &'static str, mut signing: Signing) -> Contest {
    let record = data(100);
    let mut body = Vec::new();
    PutRecord::write_input(&PutRecordInput::new(STREAM, Record::new(&record)), &mut body);
    let work = move || {
        let input = PutRecordInput::new(STREAM, Record::new(&record));
        let Signing { endpoint, credentials, keys, now } = &mut signing;
        let mut request = call::encode::<PutRecord>(&input, endpoint).expect("the record is within the limits");
        sign(keys, credentials, *now, &mut request);
        black_box(&request);
    };
    Contest::new(name, "build+sign", work, move || {
        hash(&body);
        four_macs();
    })
}

fn put_batch(name: &'static str, mut signing: Signing, count: usize, bytes: usize) -> Contest {
    let records = vec![data(bytes); count];
    let mut batch = filled(&records);
    let body = signing.body(&mut batch);
    let work = move || {
        batch.clear();
        fill(&mut batch, &records);
        signing.sign_batch(&mut batch);
    };
    Contest::new(name, "build+sign", work, move || hash(&body))
}

fn put_fresh_batch(name: &'static str, mut signing: Signing) -> Contest {
    let records = vec![data(200); 500];
    let body = signing.body(&mut filled(&records));
    let work = move || signing.sign_batch(&mut filled(&records));
    Contest::new(name, "build+sign", work, move || hash(&body))
}

/// After a partial failure. The time includes a copy, which no producer makes: a batch is not sent again twice.
fn resend(name: &'static str, mut signing: Signing) -> Contest {
    let full = filled(&vec![data(200); 500]);
    let half = move || {
        let mut half = full.clone();
        half.retain(|index| index % 2 == 1);
        half
    };
    let body = signing.body(&mut half());
    let work = move || signing.sign_batch(&mut half());
    Contest::new(name, "copy+resend+sign", work, move || hash(&body))
}

/// The response to a full batch, with ids as long as the service's.
fn parse() -> Contest {
    let batch = filled(&vec![data(200); ENTRIES]);
    let entry = |index| PutRecordBatchResponseEntry::accepted(format!("{index:0220}"));
    let mut body = Vec::new();
    PutRecordBatch::write_output(&PutRecordBatchOutput::new((0..ENTRIES).map(entry).collect()), &mut body);
    let answer = Response::new(200, body);
    let work = move || {
        black_box(batch.decode(black_box(&answer))).expect("the answer is in order");
    };
    let usual = data(140_000);
    Contest::new(PARSE, "", work, move || hash(&usual))
}

/// What a producer signs with.
struct Signing {
    endpoint: Endpoint,
    credentials: Credentials,
    keys: KeyCache,
    now: OffsetDateTime,
}

impl Signing {
    fn new(credentials: Credentials, endpoint: Endpoint) -> Self {
        let now = AmzDate::parse("20261122T010203Z").expect("a date of the right form");
        Self { endpoint, credentials, keys: KeyCache::new(), now }
    }

    fn body(&self, batch: &mut Batch) -> Vec<u8> {
        batch.request(&self.endpoint).expect("the batch has records").body().to_vec()
    }

    fn sign_batch(&mut self, batch: &mut Batch) {
        let mut request = batch.request(&self.endpoint).expect("the batch has records");
        sign(&mut self.keys, &self.credentials, self.now, &mut request);
        black_box(&request);
    }
}

fn sign(keys: &mut KeyCache, credentials: &Credentials, now: OffsetDateTime, request: &mut Request<'_>) {
    let now = black_box(now);
    let key = keys.key(now, credentials, "us-east-1", "firehose").expect("the names are in order");
    Signer::new(credentials, key).sign(now, request).expect("the request has a host");
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

/// Bytes without a pattern that a cache or predictor could use.
fn data(bytes: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|state| state.to_be_bytes()[0]).take(bytes).collect()
}

fn hash(body: &[u8]) {
    black_box(crypto::sha256(black_box(body)));
}

/// The cost of deriving a key, without the text work.
fn four_macs() {
    for message in [b"20261122".as_slice(), b"us-east-1", b"firehose", b"aws4_request"] {
        black_box(HmacKey::new(black_box(&[0x2a; 32])).mac(black_box(message)));
    }
}

/// A workload and its floor, and the times of each round.
struct Contest {
    name: &'static str,
    verb: &'static str,
    work: Box<dyn FnMut()>,
    floor: Box<dyn FnMut()>,
    /// How often each runs in one round.
    runs: u32,
    rounds: Vec<(Duration, Duration)>,
}

/// Medians of one run over all rounds.
struct Medians {
    work: Duration,
    floor: Duration,
    ratio: f64,
}

impl Contest {
    fn new(
        name: &'static str,
        verb: &'static str,
        work: impl FnMut() + 'static,
        mut floor: impl FnMut() + 'static,
    ) -> Self {
        let mut runs = 1;
        while time(runs, &mut floor) < ROUND {
            runs *= 2;
        }
        let mut contest = Self { name, verb, work: Box::new(work), floor: Box::new(floor), runs, rounds: Vec::new() };
        time(runs, &mut contest.work);
        contest
    }

    fn run(&mut self, round: usize) {
        let Self { work, floor, runs, .. } = self;
        self.rounds.push(if round.is_multiple_of(2) {
            let work = time(*runs, work);
            (work, time(*runs, floor))
        } else {
            let floor = time(*runs, floor);
            (time(*runs, work), floor)
        });
    }

    fn report(&mut self) {
        let Medians { work, floor, ratio } = self.medians();
        let Self { name, verb, .. } = self;
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        if *name == PARSE {
            let (work, floor) = (micros(work), micros(floor));
            println!("{name} {ENTRIES} entries = {work:.0} us (sha256 of 140 kB = {floor:.0} us), {ratio:.2} of it");
        } else {
            println!("{name} {verb}/sha256 = {ratio:.2}");
        }
        println!("{} allocations = {}", self.name, allocations(&mut self.work));
    }

    fn medians(&self) -> Medians {
        let of_one = |seconds: f64| Duration::from_secs_f64(seconds) / self.runs;
        let seconds = self.rounds.iter().map(|(work, floor)| (work.as_secs_f64(), floor.as_secs_f64()));
        Medians {
            work: of_one(median(seconds.clone().map(|(work, _)| work))),
            floor: of_one(median(seconds.clone().map(|(_, floor)| floor))),
            ratio: median(seconds.map(|(work, floor)| work / floor)),
        }
    }
}

/// The time of this many runs.
fn time(runs: u32, work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        work();
    }
    start.elapsed()
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The number of allocations in one run after warm-up.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// The system's allocator, with a counter.
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
// SAFETY: each method passes its arguments to `System` and returns its result.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: our caller keeps the contract, which is the contract of `System`.
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
