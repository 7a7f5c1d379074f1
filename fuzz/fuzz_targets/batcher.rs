//! Whatever is done to a batcher in whatever order, each ticket has one outcome, no wait is in the past, and bounds hold.
#![no_main]

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use firehose_proto::batch::{
    Batch, Batcher, Delivery, EnqueueError, Event, Order, Output, Oversize, Packing, Policy, Reason,
};
use firehose_proto::call::Error;
use firehose_proto::credentials::CredentialsError;
use firehose_proto::error::{ErrorCode, MalformedResponse, ServiceError, TransportError, TransportErrorKind};
use firehose_proto::http::Response;
use firehose_proto::op::{PutRecordBatchOutput, PutRecordBatchResponseEntry};
use firehose_proto::time::Tick;
use libfuzzer_sys::fuzz_target;

/// What is known beside the batcher.
struct World {
    batcher: Batcher,
    now: Tick,
    in_flight: BTreeMap<u64, Arc<Batch>>,
    /// Whether the outcome of each ticket has come.
    tickets: Vec<bool>,
    is_abandoned: bool,
}

fuzz_target!(|input: (u64, [u8; 13], Vec<(u8, u16, &[u8])>)| {
    let (seed, policy, steps) = input;
    let Ok(batcher) = Batcher::new("s", draw(policy), seed) else { return };
    let mut world =
        World { batcher, now: Tick::default(), in_flight: BTreeMap::new(), tickets: Vec::new(), is_abandoned: false };
    for (kind, number, data) in steps {
        match kind % 16 {
            0..5 => world.push(data),
            5..7 => world.now = world.now + Duration::from_millis(number.into()),
            7..13 => world.answer(number, data),
            13 => world.batcher.flush(),
            14 => match number % 8 {
                0 => world.batcher.stop(Reason::new("the driver cannot go on")),
                1 => world.abandon(),
                2..4 => world.batcher.close(),
                4 => world.batcher.resume(),
                _ => {}
            },
            // No call has such an id, or no longer.
            _ => world.batcher.handle_outcome(world.now, u64::MAX - u64::from(number), outcome(number, data, 1)),
        }
        world.drain();
    }
    world.finish();
});

impl World {
    fn push(&mut self, data: &[u8]) {
        match self.batcher.push(self.now, data) {
            Ok(tickets) => {
                assert_eq!(tickets.start, self.tickets.len() as u64, "tickets have no gaps");
                self.tickets.resize(tickets.end as usize, false);
            }
            Err(EnqueueError::Stopped(_)) => assert!(self.batcher.stopped().is_some()),
            Err(_) => {}
        }
    }

    fn answer(&mut self, number: u16, data: &[u8]) {
        let index = usize::from(number >> 8) % self.in_flight.len().max(1);
        let Some(id) = self.in_flight.keys().nth(index).copied() else { return };
        let batch = self.in_flight.remove(&id).unwrap();
        let records = batch.len();
        drop(batch);
        self.batcher.handle_outcome(self.now, id, outcome(number, data, records));
    }

    fn abandon(&mut self) {
        self.batcher.abandon();
        self.is_abandoned = true;
    }

    /// Polls until it waits.
    fn drain(&mut self) {
        loop {
            match self.batcher.poll_output(self.now) {
                Output::Send { id, batch, attempt } => {
                    assert!(!self.is_abandoned && attempt > 0);
                    self.check(&batch);
                    assert!(self.in_flight.insert(id, batch).is_none(), "no id comes twice");
                }
                Output::Event(Event::Accepted(accepted)) => accepted.tickets.for_each(|ticket| self.end(ticket)),
                Output::Event(Event::Undelivered(undelivered)) => self.end(undelivered.ticket),
                Output::Event(Event::Outage(_) | Event::Recovered(_)) => {}
                Output::Event(Event::Stopped(_)) => assert!(self.batcher.stopped().is_some()),
                Output::Wait(time) => {
                    assert!(time.is_none_or(|time| time > self.now), "it waits for the past");
                    break;
                }
            }
        }
        let (policy, statistics) = (self.batcher.policy(), self.batcher.statistics());
        let open = self.tickets.iter().filter(|is_over| !**is_over).count();
        assert_eq!((statistics.buffered_records, statistics.pushed), (open, self.tickets.len() as u64));
        assert!(open <= policy.max_buffered_records && statistics.buffered_bytes <= policy.max_buffered_bytes);
        assert!(statistics.in_flight <= policy.max_in_flight.get());
        let is_over = self.is_abandoned || (self.batcher.stopped().is_some() && self.in_flight.is_empty());
        assert!(!is_over || open == 0, "{open} tickets wait in vain");
        assert_eq!(self.batcher.is_idle(), open == 0);
    }

    fn check(&self, batch: &Batch) {
        let policy = self.batcher.policy();
        assert!((1..=policy.limits.max_records).contains(&batch.len()));
        assert!(batch.data_bytes() <= policy.limits.max_request_bytes);
        if policy.order == Order::Strict {
            assert_eq!((batch.len(), self.batcher.statistics().in_flight), (1, 1));
        }
    }

    fn end(&mut self, ticket: u64) {
        let is_over = &mut self.tickets[ticket as usize];
        assert!(!*is_over, "ticket {ticket} has a second outcome");
        *is_over = true;
    }

    /// A driver that answers every call with a yes comes to the end.
    fn finish(mut self) {
        self.batcher.close();
        for _ in 0..10_000 {
            self.drain();
            if let Some((id, batch)) = self.in_flight.pop_first() {
                let records = batch.len();
                drop(batch);
                self.batcher.handle_outcome(self.now, id, Ok(accepted(records)));
            } else if let Output::Wait(Some(time)) = self.batcher.poll_output(self.now) {
                self.now = time;
            } else {
                break;
            }
        }
        assert!(self.tickets.iter().all(|is_over| *is_over), "a ticket has no outcome");
        assert!(self.batcher.is_idle());
    }
}

fn accepted(records: usize) -> PutRecordBatchOutput<'static> {
    PutRecordBatchOutput::new(vec![PutRecordBatchResponseEntry::accepted("id"); records])
}

/// One of everything that may come of a call.
fn outcome(number: u16, data: &[u8], records: usize) -> Result<PutRecordBatchOutput<'static>, Error> {
    use TransportErrorKind::{Broken, Connect, Proxy, Request, ResponseTooLarge, Timeout, Tls};
    let retry_after = data.first().map(|byte| Duration::from_millis(u64::from(*byte) * 100));
    let refused =
        |error| Err(Error::Refused { error, attempts: 1, is_transient: false, retry_after, clock_skew: None });
    let coded = |status, code: &str, message: &str| refused(ServiceError::new(status, ErrorCode::parse(code), message));
    let transport = |kind| Err(Error::Transport { error: TransportError::new(kind), attempts: 1 });
    match number % 24 {
        0..6 => {
            let entry = |index: usize| match data.get(index % data.len().max(1)).copied().unwrap_or_default() % 4 {
                0 => PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "Slow down."),
                1 => PutRecordBatchResponseEntry::failed("InternalFailure", ""),
                _ => PutRecordBatchResponseEntry::accepted("id"),
            };
            Ok(PutRecordBatchOutput::new((0..records).map(entry).collect()))
        }
        6 => Ok(accepted(records + 1)),
        7 => coded(400, "InvalidArgumentException", "Records size exceeds 4 MB limit"),
        8..10 => refused(ServiceError::of_status(413)),
        10 => coded(400, "ThrottlingException", ""),
        11 => coded(503, "ServiceUnavailableException", "Slow down."),
        12 => coded(403, "ExpiredTokenException", ""),
        13 => refused(ServiceError::of_status(403)),
        14 => coded(500, "InternalFailure", ""),
        15 => coded(400, "ValidationException", &format!("'records.{}.member.data'", data.len())),
        16 => coded(400, "ResourceNotFoundException", ""),
        17 => Err(Error::Credentials(CredentialsError::transient("away"))),
        18 => Err(Error::Credentials(CredentialsError::absent("none"))),
        19 => Err(Error::Malformed(MalformedResponse::Missing { member: "RequestResponses" })),
        20 => transport([Proxy, Request, Tls][data.len() % 3]),
        21 => transport([Broken, ResponseTooLarge, Timeout][data.len() % 3]),
        22 => refused(ServiceError::read(&Response::new(number, data.to_vec()))),
        _ => transport(Connect),
    }
}

fn draw(choices: [u8; 13]) -> Policy {
    let mut choices = choices.into_iter().map(usize::from);
    let mut next = || choices.next().unwrap_or_default();
    let mut policy = Policy::default();
    policy.limits.max_records = next() % 8;
    policy.limits.max_record_bytes = next();
    policy.limits.max_request_bytes = next() * 2;
    policy.max_in_flight = NonZeroUsize::new(next() % 4).unwrap_or(NonZeroUsize::MIN);
    policy.max_attempts = NonZeroU32::new(next() as u32 % 8).unwrap_or(NonZeroU32::MAX);
    policy.max_failed_calls.later = NonZeroU32::new(next() as u32 % 8);
    policy.max_buffered_records = next();
    policy.max_buffered_bytes = next() * 8;
    policy.max_age = match next() {
        0 => Duration::MAX,
        age => Duration::from_millis(age as u64 * 100),
    };
    let flags = next();
    policy.order = if flags & 1 == 0 { Order::Relaxed } else { Order::Strict };
    policy.delivery = if flags & 2 == 0 { Delivery::AtLeastOnce } else { Delivery::AtMostOnce };
    policy.packing = (flags & 4 != 0).then(|| Packing::new("\n"));
    policy.oversize = match (flags >> 3) % 4 {
        0 => Oversize::Refuse,
        1 => Oversize::Split { delimiter: b"\n".to_vec() },
        2 => Oversize::Truncate,
        _ => Oversize::Reject,
    };
    policy.linger = Duration::from_millis(next() as u64);
    policy.quotas.bytes_per_second = NonZeroU32::new(next() as u32 * 100);
    policy.refusal_timeout = match next() {
        255 => Duration::MAX,
        timeout => Duration::from_millis(timeout as u64 * 100),
    };
    policy
}
