//! The [`Batcher`] against a simulated service, on virtual time: whatever the policy, the faults and the pushes, each
//! record has exactly one outcome, and it is the true one.
//!
//! Each run follows from its seed alone: no threads, no clock, no sleep. A run that fails prints the command that
//! repeats it. `FIREHOSE_SIMULATION_RUNS` sets the number of runs of each kind.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that unwraps fails with the line that did, and says how to repeat it"
)]

mod ledger;
mod random;
mod scenario;
mod service;

use std::time::Duration;
use std::{env, thread};

use firehose_proto::batch::{Batcher, Delivery, EnqueueError, Event, Order, Output, Oversize, Policy};
use firehose_proto::time::Tick;

use ledger::{Ledger, NAME_BYTES};
use random::Random;
use scenario::Scenario;
use service::Service;

/// Runs of each kind, unless the environment says otherwise.
const RUNS: u64 = 25_000;

/// The part of them that a kind has whose runs go on until all is delivered, however long that takes.
const LONG_RUNS_PART: u64 = 5;

/// Turns of the loop after which a run that has not ended is taken for one that never will.
const MAX_TURNS: u32 = 100_000;

#[test]
fn at_least_once_in_any_order() {
    run_all(Order::Relaxed, Delivery::AtLeastOnce);
}

#[test]
fn at_most_once_in_any_order() {
    run_all(Order::Relaxed, Delivery::AtMostOnce);
}

#[test]
fn at_least_once_in_strict_order() {
    run_all(Order::Strict, Delivery::AtLeastOnce);
}

#[test]
fn at_most_once_in_strict_order() {
    run_all(Order::Strict, Delivery::AtMostOnce);
}

#[test]
fn delivers_everything_once_transient_faults_end_in_any_order() {
    run_each(RUNS / LONG_RUNS_PART, |seed| {
        Run::new(seed, |random| Scenario::draw_transient(random, Order::Relaxed)).run_to_delivery();
    });
}

#[test]
fn delivers_everything_once_transient_faults_end_in_strict_order() {
    run_each(RUNS / LONG_RUNS_PART, |seed| {
        Run::new(seed, |random| Scenario::draw_transient(random, Order::Strict)).run_to_delivery();
    });
}

fn run_all(order: Order, delivery: Delivery) {
    run_each(RUNS, |seed| {
        Run::new(seed, |random| Scenario::draw(random, order, delivery)).run();
    });
}

fn run_each(runs: u64, run: impl Fn(u64)) {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("FIREHOSE_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FIREHOSE_SIMULATION_RUNS").unwrap_or(runs),
    };
    for seed in seeds {
        let _replay = Replay(seed);
        run(seed);
    }
}

/// Prints how to repeat the run, should it fail.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if thread::panicking() {
            let name = thread::current().name().unwrap_or_default().to_owned();
            eprintln!(
                "repeat with: FIREHOSE_SIMULATION_SEED={} cargo test -p firehose-proto --test batcher_simulation {name}",
                self.0
            );
        }
    }
}

/// One run: application, driver and service around one batcher.
struct Run {
    random: Random,
    scenario: Scenario,
    batcher: Batcher,
    service: Service,
    ledger: Ledger,
    now: Tick,
    /// A record that there was no room for, to be pushed again.
    blocked: Option<Vec<u8>>,
    /// Records that came back, or were not taken after a stop, to be pushed again.
    returned: Vec<Vec<u8>>,
    /// When the application does something next, until it has closed.
    acts_at: Option<Tick>,
    abandons_at: Option<Tick>,
    pushes_left: usize,
    next_name: u32,
}

impl Run {
    fn new(seed: u64, draw: impl FnOnce(&mut Random) -> Scenario) -> Self {
        let mut random = Random::new(seed);
        let scenario = draw(&mut random);
        let batcher = Batcher::new("s", scenario.policy.clone(), random.next()).unwrap();
        let now = Tick::from_duration(Duration::from_secs(random.within(0..=3)));
        Self {
            batcher,
            service: Service::default(),
            ledger: Ledger::default(),
            now,
            blocked: None,
            returned: Vec::new(),
            acts_at: Some(now),
            abandons_at: None,
            pushes_left: scenario.pushes,
            next_name: 0,
            random,
            scenario,
        }
    }

    /// Nothing is refused for good, so nothing is lost.
    fn run_to_delivery(self) {
        self.run().assert_all_accepted();
    }

    fn run(mut self) -> Ledger {
        for _ in 0..MAX_TURNS {
            let wait = self.drain();
            self.ledger.check(self.now, &self.scenario.policy, &self.batcher);
            self.ledger.check_pause(self.now, &self.scenario.policy, wait);
            let is_over = self.acts_at.is_none() && self.batcher.is_idle();
            if is_over {
                assert_eq!(wait, None, "nothing is left to wait for");
                self.ledger.finish(&self.batcher);
                return self.ledger;
            }
            let acts_at = self.acts_at.filter(|_| self.blocked.is_none());
            let times = [wait, self.service.next_time(), acts_at, self.abandons_at];
            self.now =
                times.into_iter().flatten().min().expect("something happens as long as records wait").max(self.now);
            if self.abandons_at.is_some_and(|time| time <= self.now) {
                (self.abandons_at, self.acts_at) = (None, None);
                self.batcher.abandon();
                self.ledger.is_abandoned = true;
            } else if self.service.next_time().is_some_and(|time| time <= self.now) {
                self.service.land(self.now, &mut self.batcher, &mut self.ledger, &mut self.random);
            } else if acts_at.is_some_and(|time| time <= self.now) {
                self.act();
            }
        }
        panic!("it never ends: {:?}", self.batcher.statistics());
    }

    /// Does all that the batcher wants, and returns when it wants to be polled again.
    fn drain(&mut self) -> Option<Tick> {
        loop {
            if self.blocked.is_some() {
                self.push();
            }
            match self.batcher.poll_output(self.now) {
                Output::Send { id, batch, attempt } => {
                    let Scenario { policy, faults, max_delay_ms, .. } = &self.scenario;
                    let (ledger, random) = (&mut self.ledger, &mut self.random);
                    let faults = (faults, *max_delay_ms);
                    self.service.receive(self.now, (id, batch, attempt), policy, faults, ledger, random);
                }
                Output::Event(event) => {
                    self.ledger.note(self.now, &self.scenario.policy, &event);
                    if let (Event::Undelivered(undelivered), true) = (event, self.scenario.pushes_again) {
                        self.returned.push(undelivered.data);
                    }
                }
                Output::Wait(wait) => {
                    assert!(wait.is_none_or(|time| time > self.now), "it waits for {wait:?} at {:?}", self.now);
                    return wait;
                }
            }
        }
    }

    /// The application pushes, flushes or closes, and decides when it goes on.
    fn act(&mut self) {
        if self.random.chance(self.scenario.flush) {
            self.batcher.flush();
        }
        if self.random.chance(self.scenario.resume) {
            self.batcher.resume();
            self.ledger.resume();
        }
        if self.pushes_left == 0 && self.scenario.pushes_again && !(self.batcher.is_idle() && self.returned.is_empty())
        {
            self.acts_at = Some(self.now + Duration::from_millis(self.random.within(1..=5000)));
            if !self.returned.is_empty() {
                self.push();
            }
            return;
        }
        if self.pushes_left == 0 {
            self.acts_at = None;
            self.abandons_at = self.scenario.timeout.map(|timeout| self.now + timeout);
            self.batcher.close();
            assert!(matches!(
                self.batcher.push(self.now, b"late"),
                Err(EnqueueError::Closed | EnqueueError::Stopped(_))
            ));
            return;
        }
        self.pushes_left -= 1;
        self.push();
        let gap = Duration::from_millis(self.random.within(0..=self.scenario.max_gap_ms));
        self.acts_at = Some(self.now + gap);
    }

    fn push(&mut self) {
        let data = self.blocked.take().or_else(|| self.returned.pop()).unwrap_or_else(|| self.data());
        let policy = &self.scenario.policy;
        let pieces = pieces(policy, &data);
        let framed: Vec<_> = pieces.iter().flatten().map(|piece| framed_bytes(policy, piece)).collect();
        match self.batcher.push(self.now, &data) {
            Ok(tickets) => {
                let pieces = pieces.expect("what no piece can carry is not taken");
                assert!(tickets.clone().eq(tickets.start..tickets.start + pieces.len() as u64));
                for ((ticket, piece), framed_bytes) in tickets.zip(pieces).zip(framed) {
                    self.ledger.push(self.now, ticket, piece, framed_bytes);
                }
            }
            Err(error) => {
                self.ledger.refuse(policy, &error, framed.len(), framed.iter().sum());
                let waits = matches!(error, EnqueueError::Full) && !self.ledger.is_stopped;
                if self.scenario.pushes_again && matches!(error, EnqueueError::Stopped(_)) {
                    self.returned.push(data);
                    return;
                }
                // An application without answers to wait for gives up at some time.
                self.blocked = (waits && self.scenario.faults.hang == 0).then_some(data);
            }
        }
    }

    /// A record, or several lines in one when it is to be split.
    fn data(&mut self) -> Vec<u8> {
        let bytes = self.random.size(NAME_BYTES..=self.scenario.max_data_bytes);
        let is_oversize = bytes > self.scenario.policy.limits.max_record_bytes;
        let mut data = Vec::new();
        if is_oversize && matches!(self.scenario.policy.oversize, Oversize::Split { .. }) {
            while data.len() < bytes {
                let line = self.random.size(NAME_BYTES..=14);
                data.extend(self.line(line));
                if !data.ends_with(b"\n") {
                    data.push(b'\n');
                }
            }
            return data;
        }
        self.line(bytes)
    }

    /// A name, something that is not in the names, and some end.
    fn line(&mut self, bytes: usize) -> Vec<u8> {
        let mut line = format!("{:0NAME_BYTES$}", self.next_name).into_bytes();
        self.next_name += 1;
        let filler = self.random.one_of(&["x", "é", "x|", "🦀"]);
        while line.len() + filler.len() <= bytes {
            line.extend_from_slice(filler.as_bytes());
        }
        if line.len() < bytes {
            line.push(self.random.one_of(b"x\n|"));
        }
        line
    }
}

/// Bytes that a record takes, with the delimiter that packing may add.
fn framed_bytes(policy: &Policy, data: &[u8]) -> usize {
    let delimiter = policy.packing.as_ref().map_or(&[][..], |packing| &packing.delimiter);
    let is_whole = data.len() > policy.limits.max_record_bytes.min(policy.limits.max_request_bytes);
    if is_whole || data.ends_with(delimiter) { data.len() } else { data.len() + delimiter.len() }
}

/// What becomes of a record when it is pushed, as slow and obvious as can be; nothing when it cannot be taken.
fn pieces<'a>(policy: &Policy, data: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let max = policy.limits.max_record_bytes.min(policy.limits.max_request_bytes);
    let delimiter = policy.packing.as_ref().map_or(&[][..], |packing| &packing.delimiter);
    let is_oversize = data.len() + if data.ends_with(delimiter) { 0 } else { delimiter.len() } > max;
    let max = max - delimiter.len();
    match &policy.oversize {
        _ if !is_oversize => Some(vec![data]),
        Oversize::Refuse => None,
        Oversize::Reject => Some(vec![data]),
        Oversize::Truncate => {
            let text = str::from_utf8(data).unwrap();
            let end = (0..=max.min(data.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap();
            Some(vec![&data[..end]])
        }
        Oversize::Split { .. } => {
            let (mut pieces, mut start) = (Vec::new(), 0);
            while start < data.len() {
                let rest = &data[start..];
                let is_end = |&end: &usize| end == rest.len() || rest[end - 1] == b'\n';
                let end = (1..=max.min(rest.len())).rev().find(is_end)?;
                pieces.push(&rest[..end]);
                start += end;
            }
            Some(pieces)
        }
    }
}
