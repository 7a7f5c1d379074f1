//! What is between the reader and the service: the spool on its files, and the batcher, put together as the producer does it.

use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use firehose_blocking::firehose_proto::batch::{Batcher, EnqueueError, Event, Output, Policy, Undelivered};
use firehose_blocking::firehose_proto::time::Tick;

use super::files::number;
use super::kept::Kept;
use super::positions::Positions;
use super::service::{Call, Service};
use super::spool::{Replay, Spool, SpoolError, SpoolOptions, SpoolTarget};
use crate::args::{Cli, Command};
use crate::delivery;

/// What the spool takes at most, and a segment of it.
const SPOOL_BYTES: [u64; 2] = [16 << 10, 2 << 10];

/// Beside what holds the records: empty batches that are kept to be filled again, and what is open.
const SPARE_BYTES: usize = 256 << 10;

/// A producer with a spool.
pub(crate) struct Pipeline {
    spool: Spool,
    /// What an earlier process has left, and the next record of it.
    replay: Option<Replay>,
    replayed: Option<(u64, Vec<u8>)>,
    batcher: Batcher,
    positions: Positions,
    calls: Vec<Call>,
}

/// What became of a record that was to be sent.
pub(crate) enum Sent {
    Taken,
    Full,
    /// The run ends: nothing can be delivered any more, or the spool takes nothing.
    Ended(String),
}

impl Pipeline {
    /// Opens the spool, or says why that does not go.
    pub(crate) fn start(dir: &Path, random: &mut fastrand::Rng) -> Result<Self, SpoolError> {
        let mut options = SpoolOptions::default();
        [options.max_bytes, options.segment_bytes] = SPOOL_BYTES;
        let (spool, replay) = Spool::open(dir, SpoolTarget::new("s", "r", "e"), options)?;
        let batcher = Batcher::new("s", policy(random), random.u64(..)).unwrap();
        let (positions, calls) = (Positions::default(), Vec::new());
        Ok(Self { spool, replay: Some(replay), replayed: None, batcher, positions, calls })
    }

    /// Takes a record if there is room.
    pub(crate) fn send(&mut self, now: Tick, data: &[u8]) -> Sent {
        if let Some(reason) = self.batcher.stopped() {
            return Sent::Ended(reason.to_string());
        }
        let (policy, statistics) = (self.batcher.policy(), self.batcher.statistics());
        if self.replay.is_some() || statistics.buffered_records >= policy.max_buffered_records {
            return Sent::Full;
        }
        let position = match self.spool.write(&[data]) {
            Ok(positions) => positions.start,
            Err(SpoolError::Full { .. }) => return Sent::Full,
            Err(error) => return Sent::Ended(error.to_string()),
        };
        match self.batcher.push(now, data) {
            Ok(tickets) => self.positions.note(tickets, position),
            Err(reason) => panic!("there was room: {reason}"),
        }
        Sent::Taken
    }

    /// Does the next thing; whether there was one.
    pub(crate) fn step(
        &mut self,
        now: Duration,
        service: &mut Service,
        kept: &mut Kept,
        random: &mut fastrand::Rng,
    ) -> bool {
        let tick = Tick::from_duration(now);
        if let Some(landed) = self.calls.iter().position(|call| call.has_landed(now)) {
            self.calls.swap_remove(landed).land(tick, &mut self.batcher);
            return true;
        }
        if self.replay_one(tick) {
            return true;
        }
        match self.batcher.poll_output(tick) {
            Output::Wait(_) => return false,
            Output::Send { id, batch, .. } => self.calls.push(service.receive(now, id, batch, random)),
            Output::Event(event) => self.settle(&event, kept),
        }
        self.check_bounds();
        true
    }

    /// Sends the next record that an earlier process has left.
    fn replay_one(&mut self, now: Tick) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        if self.replayed.is_none() {
            self.replayed = replay.next().map(|record| record.expect("nothing is damaged"));
        }
        let Some((position, data)) = &self.replayed else {
            self.replay = None;
            return true;
        };
        match self.batcher.push(now, data) {
            Ok(tickets) => self.positions.note(tickets, *position),
            Err(EnqueueError::Full) => return false,
            // The rest is for the next process.
            Err(_) => {
                self.replay = None;
                return true;
            }
        }
        self.replayed = None;
        true
    }

    fn settle(&mut self, event: &Event, kept: &mut Kept) {
        let tickets = match event {
            Event::Accepted(accepted) => accepted.tickets.clone(),
            // About calls, and no record's outcome.
            Event::Outage(_) | Event::Recovered(_) | Event::Stopped(_) => return,
            // Once nothing can be delivered, what comes back stays in the spool.
            Event::Undelivered(_) if self.batcher.stopped().is_some() => return,
            Event::Undelivered(Undelivered { ticket, data, .. }) => {
                kept.told.extend(number(data));
                *ticket..*ticket + 1
            }
        };
        for positions in self.positions.settle(&tickets) {
            // If that does not go, they come again.
            _ = self.spool.complete(positions);
        }
    }

    /// Whether nothing can be delivered any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.batcher.stopped().is_some()
    }

    pub(crate) fn save_checkpoint(&self, now: Tick, checkpoint: &[u8]) -> Result<(), SpoolError> {
        self.spool.save_checkpoint(now, "log", checkpoint)
    }

    pub(crate) fn load_checkpoint(&self) -> Result<Option<Vec<u8>>, SpoolError> {
        self.spool.load_checkpoint("log")
    }

    /// Records that the service has not taken.
    pub(crate) fn pending(&self) -> u64 {
        self.spool.pending()
    }

    fn check_bounds(&self) {
        let (policy, statistics) = (self.batcher.policy(), self.batcher.statistics());
        assert!(statistics.buffered_records <= policy.max_buffered_records, "{statistics:?}");
        let (memory, held) =
            (self.batcher.memory_bytes(), statistics.buffered_bytes + 200 * statistics.buffered_records);
        assert!(memory <= 4 * held + SPARE_BYTES, "{memory} bytes of memory: {statistics:?}");
        assert!(self.spool.pending() * 28 <= SPOOL_BYTES[0], "{} records in the spool", self.spool.pending());
        assert!(self.calls.len() <= policy.max_in_flight.get());
    }
}

/// What a run with these options goes by, with a buffer that is soon full.
fn policy(random: &mut fastrand::Rng) -> Policy {
    let cli = Cli::try_parse_from(["firehose", "put", "s", "log", "--follow", "--spool", "spool", "--linger", "0.2"]);
    let Command::Put(args) = cli.unwrap().command else { panic!("it is a put") };
    let mut policy = delivery::policy(&args, None);
    policy.max_buffered_records = random.usize(10..200);
    policy
}
