//! [`Ledger`]: what was pushed, sent, stored and reported, and what must be true of it at every moment.

use std::collections::HashMap;
use std::time::Duration;

use firehose_proto::batch::{
    Accepted, Batcher, Delivery, EnqueueError, Event, Failure, Order, Outage, Policy, Quotas, Undelivered,
};
use firehose_proto::time::Tick;

/// Bytes with which each record begins, by which it is known again; no two records share them.
pub(crate) const NAME_BYTES: usize = 4;

/// One record as the application knows it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) data: Vec<u8>,
    /// Bytes that it takes in a request.
    pub(crate) framed_bytes: usize,
    pushed_at: Tick,
    pub(crate) sent: u32,
    is_in_flight: bool,
    /// How often the service has stored it.
    stored: u32,
    /// The id, once an answer that says so has been given to the batcher.
    acknowledged: Option<String>,
    /// Whether a call that carried it ended without an answer that can be relied on.
    is_ambiguous: bool,
    /// Calls that failed for no fault of another record.
    failed: u32,
    /// Whether the service refused a request of this record alone as too large.
    is_too_large: bool,
    outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Failed(Failure),
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    by_name: HashMap<[u8; NAME_BYTES], usize>,
    /// Records without an outcome, and their bytes.
    open_records: usize,
    open_bytes: usize,
    /// All before it have their outcome.
    first_open: usize,
    pub(crate) is_abandoned: bool,
    pub(crate) is_stopped: bool,
    /// How often it went on after a stop.
    pub(crate) resumed: u32,
    /// While refusals of every record are waited out: until when.
    refused_until: Option<Tick>,
    /// From when on records age that were pushed before.
    ages_from: Tick,
    /// Whether it was told that calls fail, and that they are refused.
    is_outage_told: bool,
    is_refusal_told: bool,
    is_stop_told: bool,
    /// Calls that failed in a row by now, and whether one ever got through.
    failed_calls: u32,
    /// Whether Firehose has answered, with a success or by throttling.
    pub(crate) is_proven: bool,
    /// Calls of which nothing was sent.
    unsent: u64,
    /// When each call left, and what it took: records, bytes.
    calls: Vec<(Tick, usize, usize)>,
}

impl Ledger {
    pub(crate) fn push(&mut self, now: Tick, ticket: u64, data: &[u8], framed_bytes: usize) {
        assert_eq!(ticket, self.entries.len() as u64, "tickets have no gaps");
        let name = data[..NAME_BYTES].try_into().unwrap();
        if let Some(before) = self.by_name.insert(name, self.entries.len()) {
            let outcome = self.entries[before].outcome;
            assert!(matches!(outcome, Some(Outcome::Failed(_))), "it is pushed again, and is {outcome:?}");
        }
        self.open_records += 1;
        self.open_bytes += framed_bytes;
        self.entries.push(Entry {
            data: data.to_vec(),
            framed_bytes,
            pushed_at: now,
            sent: 0,
            is_in_flight: false,
            stored: 0,
            acknowledged: None,
            is_ambiguous: false,
            failed: 0,
            is_too_large: false,
            outcome: None,
        });
    }

    /// A record was not taken: there was a reason.
    pub(crate) fn refuse(&self, policy: &Policy, error: &EnqueueError, records: usize, bytes: usize) {
        let fits = self.open_records + records <= policy.max_buffered_records
            && self.open_bytes + bytes <= policy.max_buffered_bytes;
        match error {
            EnqueueError::Full => assert!(!fits, "refused although there is room"),
            EnqueueError::Stopped(_) => assert!(self.is_stopped),
            EnqueueError::TooLarge { .. } => {}
            other => panic!("{other}"),
        }
    }

    /// The tickets in a record of a request, which must be whole events one after the other.
    pub(crate) fn read(&self, policy: &Policy, mut record: &[u8]) -> Vec<usize> {
        let delimiter = policy.packing.as_ref().map_or(&[][..], |packing| &packing.delimiter);
        let mut tickets = Vec::new();
        while !record.is_empty() {
            let ticket = self.by_name[&record[..NAME_BYTES]];
            let data = &self.entries[ticket].data;
            record = record.strip_prefix(&**data).expect("a record is sent as it was pushed");
            if !data.ends_with(delimiter) {
                record = record.strip_prefix(delimiter).expect("a delimiter follows each event");
            }
            tickets.push(ticket);
        }
        match &policy.packing {
            None => assert_eq!(tickets.len(), 1),
            Some(packing) => {
                let max = packing.max_events.map_or(usize::MAX, |max| max.get() as usize);
                assert!((1..=max).contains(&tickets.len()), "{} events in a record", tickets.len());
            }
        }
        tickets
    }

    /// A call leaves with these tickets, grouped by record.
    pub(crate) fn send(&mut self, now: Tick, policy: &Policy, attempt: u32, records: &[Vec<usize>], bytes: usize) {
        let tickets: Vec<_> = records.iter().flatten().copied().collect();
        assert!(!self.is_abandoned, "nothing is sent after all was abandoned");
        assert!(tickets.is_sorted_by(|a, b| a < b), "records leave in their order: {tickets:?}");
        for &ticket in &tickets {
            let is_first_of_record = records.iter().any(|record| record[0] == ticket);
            let entry = &mut self.entries[ticket];
            assert_eq!(entry.outcome, None, "ticket {ticket} was sent after its outcome");
            assert!(entry.acknowledged.is_none(), "ticket {ticket} was sent after it was accepted");
            assert!(!entry.is_in_flight, "ticket {ticket} is in flight twice");
            assert!(!entry.is_too_large, "ticket {ticket} was sent again although no request can carry it");
            let is_young = now < entry.pushed_at.max(self.ages_from) + policy.max_age;
            assert!(is_young || !is_first_of_record, "ticket {ticket} was sent beyond its age");
            assert!(entry.failed < policy.max_attempts.get(), "ticket {ticket} was sent too often");
            if policy.delivery == Delivery::AtMostOnce {
                assert!(!entry.is_ambiguous, "ticket {ticket} may be stored, and was sent again");
            }
            entry.sent += 1;
            assert_eq!(entry.sent, attempt, "ticket {ticket}");
            entry.is_in_flight = true;
        }
        assert!(!self.is_stopped, "nothing is sent after a stop");
        self.keep_pace(now, policy, records.len(), bytes);
        if self.refused_until.is_some() {
            let in_flight = self.entries.iter().filter(|entry| entry.is_in_flight).count();
            assert_eq!(in_flight, tickets.len(), "one call at a time tests a service that refuses all");
        }
        if policy.order == Order::Strict {
            let in_flight = self.entries.iter().filter(|entry| entry.is_in_flight).count();
            assert_eq!((records.len(), in_flight), (1, tickets.len()), "one record at a time");
            assert_eq!(self.first_undecided(), tickets[0], "it is the first");
        }
    }

    /// The quotas hold from the first call on, with what may be saved up.
    fn keep_pace(&mut self, now: Tick, policy: &Policy, records: usize, bytes: usize) {
        if let Some((first, ..)) = self.calls.first() {
            let seconds = (now.since(*first) + Duration::from_millis(101)).as_secs_f64();
            // What left last may go into debt.
            let before = &self.calls[1..];
            for (rate, taken) in [
                (policy.quotas.records_per_second, before.iter().map(|call| call.1).sum::<usize>()),
                (policy.quotas.requests_per_second, before.len()),
                (policy.quotas.bytes_per_second, before.iter().map(|call| call.2).sum()),
            ] {
                if let Some(rate) = rate {
                    let allowed = f64::from(rate.get()) * seconds;
                    assert!(taken as f64 <= allowed, "{taken} taken in {seconds} s at {rate} in a second");
                }
            }
        }
        self.calls.push((now, records, bytes));
    }

    /// The first record whose fate the batcher could not know by now.
    fn first_undecided(&self) -> usize {
        let is_undecided = |entry: &Entry| entry.outcome.is_none() && entry.acknowledged.is_none();
        self.entries.iter().position(is_undecided).unwrap_or(self.entries.len())
    }

    pub(crate) fn store(&mut self, policy: &Policy, tickets: &[usize]) {
        for &ticket in tickets {
            let entry = &mut self.entries[ticket];
            entry.stored += 1;
            if policy.delivery == Delivery::AtMostOnce {
                assert_eq!(entry.stored, 1, "ticket {ticket} is stored twice");
            }
        }
    }

    /// The answer to a call reaches the batcher.
    pub(crate) fn land(&mut self, tickets: &[usize]) {
        for &ticket in tickets {
            self.entries[ticket].is_in_flight = false;
        }
    }

    pub(crate) fn acknowledge(&mut self, tickets: &[usize], id: &str) {
        for &ticket in tickets {
            self.entries[ticket].acknowledged = Some(id.into());
        }
    }

    pub(crate) fn fail(&mut self, tickets: &[usize], is_ambiguous: bool) {
        for &ticket in tickets {
            let entry = &mut self.entries[ticket];
            entry.failed += 1;
            entry.is_ambiguous |= is_ambiguous;
        }
    }

    pub(crate) fn find_too_large(&mut self, tickets: &[usize]) {
        for &ticket in tickets {
            self.entries[ticket].is_too_large = true;
        }
    }

    pub(crate) fn note(&mut self, now: Tick, policy: &Policy, event: &Event) {
        match event {
            Event::Accepted(accepted) => self.note_accepted(policy, accepted),
            Event::Undelivered(undelivered) => self.note_undelivered(now, policy, undelivered),
            Event::Outage(outage) => {
                assert!(!self.is_outage_told || (outage.is_refusal && !self.is_refusal_told), "told twice: {outage:?}");
                assert!(outage.is_refusal || outage.elapsed >= Outage::TOLD_AFTER, "too early: {outage:?}");
                assert!(!outage.is_refusal || policy.refusal_timeout > Duration::ZERO, "not waited out: {outage:?}");
                assert_eq!(outage.since + outage.elapsed, now);
                assert!(outage.waiting_records > 0, "nobody cares: {outage:?}");
                (self.is_outage_told, self.is_refusal_told) = (true, self.is_refusal_told || outage.is_refusal);
            }
            Event::Recovered(recovered) => {
                assert!(self.is_outage_told && self.failed_calls == 0 && self.refused_until.is_none());
                assert_eq!(recovered.since + recovered.elapsed, now);
                (self.is_outage_told, self.is_refusal_told) = (false, false);
            }
            Event::Stopped(_) => {
                assert!(self.is_stopped && !self.is_stop_told, "told twice, or for no reason");
                self.is_stop_told = true;
            }
        }
    }

    /// A call has shown that every record is refused.
    pub(crate) fn refuse_all(&mut self, now: Tick, policy: &Policy) {
        let ends_at = self.refused_until.unwrap_or(now + policy.refusal_timeout);
        if self.is_stopped || now >= ends_at {
            self.is_stopped = true;
        } else {
            (self.refused_until, self.ages_from) = (Some(ends_at), ends_at);
        }
    }

    /// The application goes on after a stop.
    pub(crate) fn resume(&mut self) {
        if std::mem::take(&mut self.is_stopped) {
            assert!(std::mem::take(&mut self.is_stop_told), "it has stopped without a word");
            (self.is_outage_told, self.is_refusal_told) = (false, false);
            (self.refused_until, self.failed_calls) = (None, 0);
            self.resumed += 1;
        }
    }

    /// While everything is refused, the next try is not far.
    pub(crate) fn check_pause(&self, now: Tick, policy: &Policy, wait: Option<Tick>) {
        let is_testable = self.open_records > 0 && !self.entries.iter().any(|entry| entry.is_in_flight);
        if self.refused_until.is_some() && !self.is_stopped && is_testable && policy.quotas == Quotas::default() {
            let wait = wait.expect("somebody has to try");
            assert!(wait <= now + Duration::from_secs(30), "a pause of {:?}", wait.since(now));
        }
    }

    fn note_accepted(&mut self, policy: &Policy, accepted: &Accepted) {
        assert!(!accepted.tickets.is_empty());
        for ticket in accepted.tickets.clone() {
            let entry = &self.entries[ticket as usize];
            assert!(entry.stored > 0, "ticket {ticket} is accepted, and not stored");
            assert_eq!(entry.acknowledged.as_deref(), accepted.record_id(ticket), "ticket {ticket}: its id");
            assert!(entry.acknowledged.is_some(), "ticket {ticket} is accepted, and nobody said so");
            assert_eq!(entry.sent, accepted.attempts, "ticket {ticket}");
            self.end(ticket, Outcome::Accepted);
            if policy.order == Order::Strict {
                assert!(self.first_open > ticket as usize, "ticket {ticket} is accepted before an earlier one");
            }
        }
    }

    fn note_undelivered(&mut self, now: Tick, policy: &Policy, undelivered: &Undelivered) {
        let Undelivered { ticket, attempts, failure, ref reason, ref data, .. } = *undelivered;
        let entry = &self.entries[ticket as usize];
        assert_eq!(*data, entry.data, "ticket {ticket} comes back as it was pushed");
        assert_eq!(attempts, entry.sent, "ticket {ticket}");
        assert_eq!(entry.acknowledged, None, "ticket {ticket} is {failure}, and was accepted");
        match failure {
            Failure::Rejected => {
                assert_eq!(entry.stored, 0, "ticket {ticket} is rejected, and stored");
                let words = reason.as_ref().expect("who rejects says why").to_string();
                let says_so = words.contains("too large even in a request of its own");
                assert!(!says_so || entry.is_too_large, "ticket {ticket} was not alone: {words}");
            }
            Failure::Expired => {
                assert_eq!(entry.stored, 0, "ticket {ticket} is expired, and stored");
                // Events in one record have the age of the first.
                let is_old = now >= entry.pushed_at.max(self.ages_from) + policy.max_age || policy.packing.is_some();
                let is_exhausted = entry.failed >= policy.max_attempts.get();
                assert!(is_old || is_exhausted || self.is_abandoned, "ticket {ticket} is expired before its time");
            }
            Failure::Unknown => {
                let was_in_flight = self.is_abandoned && entry.is_in_flight;
                assert!(entry.is_ambiguous || was_in_flight, "ticket {ticket} is unknown, and nothing is in doubt");
            }
            other => panic!("{other}"),
        }
        self.end(ticket, Outcome::Failed(failure));
    }

    fn end(&mut self, ticket: u64, outcome: Outcome) {
        let entry = &mut self.entries[ticket as usize];
        assert_eq!(entry.outcome, None, "ticket {ticket} has a second outcome, {outcome:?}");
        entry.outcome = Some(outcome);
        self.open_records -= 1;
        self.open_bytes -= entry.framed_bytes;
        while self.entries.get(self.first_open).is_some_and(|entry| entry.outcome.is_some()) {
            self.first_open += 1;
        }
    }

    /// A call has failed as a whole, or has not; the line stops when that was one too many.
    pub(crate) fn note_call(&mut self, now: Tick, has_failed: bool, batcher: &Batcher) {
        if !has_failed && self.refused_until.take().is_some() {
            self.ages_from = self.ages_from.min(now);
        }
        self.failed_calls = if has_failed { self.failed_calls + 1 } else { 0 };
        self.is_proven |= !has_failed;
        let policy = batcher.policy();
        let max = policy.max_failed_calls;
        let max = if self.is_proven { max.later } else { max.at_first };
        let is_one_too_many = max.is_some_and(|max| self.failed_calls >= max.get());
        let is_stopped = batcher.stopped().is_some();
        assert!(!is_stopped || is_one_too_many || self.is_stopped, "the line has stopped for no reason");
        // Of several that were under way at the same time, only the first counts.
        let is_alone = policy.max_in_flight.get() == 1 || policy.order == Order::Strict;
        assert!(is_stopped || self.is_abandoned || !is_alone || !is_one_too_many, "the line goes on");
        self.is_stopped |= is_stopped;
    }

    /// What must be true whenever the batcher waits.
    pub(crate) fn check(&self, now: Tick, policy: &Policy, batcher: &Batcher) {
        let statistics = batcher.statistics();
        let counted = (statistics.buffered_records, statistics.buffered_bytes);
        assert_eq!(counted, (self.open_records, self.open_bytes), "the buffer is counted exactly");
        assert!(self.open_records <= policy.max_buffered_records && self.open_bytes <= policy.max_buffered_bytes);
        assert!(statistics.in_flight <= policy.max_in_flight.get());
        assert_eq!(batcher.is_idle(), self.open_records == 0);
        // One batch for each record at worst, each with some spare room, and the empty ones.
        let batches = self.open_records + policy.max_in_flight.get() + 2;
        let most = 4 * self.open_bytes + 400 * self.open_records + batches * 6000;
        assert!(batcher.memory_bytes() <= most, "{} bytes of memory, {most} allowed", batcher.memory_bytes());
        let is_waiting = |entry: &&Entry| entry.outcome.is_none() && !entry.is_in_flight;
        let mut waiting = self.entries.iter().skip(self.first_open).filter(is_waiting);
        let is_young = |entry: &Entry| now < entry.pushed_at.max(self.ages_from) + policy.max_age;
        assert!(waiting.all(|entry| is_young(entry) && !self.is_stopped), "it waits in vain");
    }

    /// A call of which nothing was sent is none.
    pub(crate) fn take_back(&mut self, tickets: &[usize]) {
        self.unsent += 1;
        tickets.iter().for_each(|ticket| self.entries[*ticket].sent -= 1);
    }

    /// What must be true when nothing was refused for good: each record was accepted in the end, however often it came back.
    pub(crate) fn assert_all_accepted(&self) {
        for &ticket in self.by_name.values() {
            let entry = &self.entries[ticket];
            assert_eq!(entry.outcome, Some(Outcome::Accepted), "ticket {ticket}");
            assert!(entry.stored > 0, "ticket {ticket}");
        }
    }

    /// What must be true when all is over.
    pub(crate) fn finish(&self, batcher: &Batcher) {
        assert!(self.entries.iter().all(|entry| entry.outcome.is_some()), "a record has no outcome");
        let statistics = batcher.statistics();
        let count = |outcome| self.entries.iter().filter(|entry| entry.outcome == Some(outcome)).count() as u64;
        assert_eq!(statistics.pushed, self.entries.len() as u64);
        assert_eq!(statistics.accepted, count(Outcome::Accepted));
        assert_eq!(statistics.rejected, count(Outcome::Failed(Failure::Rejected)));
        assert_eq!(statistics.unknown, count(Outcome::Failed(Failure::Unknown)));
        assert_eq!(statistics.expired, count(Outcome::Failed(Failure::Expired)));
        assert_eq!(statistics.batches, self.calls.len() as u64 - self.unsent);
        let resent: u32 = self.entries.iter().map(|entry| entry.sent.saturating_sub(1)).sum();
        assert_eq!(statistics.resent, u64::from(resent));
    }
}
