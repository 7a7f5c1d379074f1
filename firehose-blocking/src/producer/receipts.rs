//! [`Receipts`]: which tickets are settled, and whom to notify of the others.

use std::collections::BTreeMap;
use std::ops::Range;

use firehose_proto::batch::Event;

use super::outcome::{Callback, Outcome};

/// Open tickets and their callbacks. Tickets are assigned in order and settled in any order.
#[derive(Default)]
pub(super) struct Receipts {
    /// The next ticket to assign.
    end: u64,
    settled_below: u64,
    /// Runs settled beyond that: start to end.
    settled: BTreeMap<u64, u64>,
    /// Keyed by first ticket.
    waiting: BTreeMap<u64, Waiting>,
}

/// A callback for a record that became one or more tickets.
struct Waiting {
    end: u64,
    /// Tickets without an outcome.
    left: u64,
    /// The outcome to report so far: the first failure, or else the last success.
    outcome: Option<Outcome>,
    callback: Callback,
}

impl Receipts {
    /// Registers newly assigned tickets.
    pub(super) fn open(&mut self, tickets: Range<u64>, callback: Option<Callback>) {
        self.end = tickets.end;
        if let Some(callback) = callback {
            let left = tickets.end - tickets.start;
            self.waiting.insert(tickets.start, Waiting { end: tickets.end, left, outcome: None, callback });
        }
    }

    /// The ticket after the last assigned one.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Whether all tickets below this one are settled.
    pub(super) const fn is_settled_below(&self, ticket: u64) -> bool {
        self.settled_below >= ticket
    }

    /// Whether every assigned ticket is settled.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_settled_below(self.end)
    }

    /// How many tickets below this one are not settled.
    pub(super) fn pending_below(&self, ticket: u64) -> u64 {
        let beyond = self.settled.range(..ticket).map(|(start, end)| (*end).min(ticket) - start).sum::<u64>();
        ticket.saturating_sub(self.settled_below).saturating_sub(beyond)
    }

    /// Settles tickets, once all callbacks have run.
    pub(super) fn settle(&mut self, tickets: Range<u64>) {
        if tickets.is_empty() {
            return;
        }
        let before = self.settled.range(..tickets.start).next_back().filter(|(_, end)| **end == tickets.start);
        let start = before.map_or(tickets.start, |(start, _)| *start);
        let end = self.settled.remove(&tickets.end).unwrap_or(tickets.end);
        if start == self.settled_below {
            self.settled_below = end;
        } else {
            self.settled.insert(start, end);
        }
    }

    /// Takes out the callbacks that an event completes, each with the outcome to report.
    pub(super) fn take_completed(&mut self, event: &Event) -> Vec<(Callback, Outcome)> {
        let mut callbacks = Vec::new();
        if self.waiting.is_empty() {
            return callbacks;
        }
        let tickets = tickets(event);
        if tickets.is_empty() {
            return callbacks;
        }
        // The first one's tickets may begin before the event's.
        let first = self.waiting.range(..=tickets.start).next_back().map_or(tickets.start, |(first, _)| *first);
        let concerned = self.waiting.range_mut(first..tickets.end).filter(|(_, waiting)| waiting.end > tickets.start);
        let mut completed = Vec::new();
        for (&first, waiting) in concerned {
            let overlap = first.max(tickets.start)..waiting.end.min(tickets.end);
            waiting.left -= overlap.end - overlap.start;
            if waiting.outcome.as_ref().is_none_or(Outcome::is_accepted) {
                waiting.outcome = Outcome::new(event, overlap.start);
            }
            if waiting.left == 0 {
                completed.push(first);
            }
        }
        for first in completed {
            if let Some(Waiting { outcome: Some(outcome), callback, .. }) = self.waiting.remove(&first) {
                callbacks.push((callback, outcome));
            }
        }
        callbacks
    }
}

/// The tickets that an event settles. Empty if it concerns no record.
pub(super) fn tickets(event: &Event) -> Range<u64> {
    match event {
        Event::Accepted(accepted) => accepted.tickets.clone(),
        Event::Undelivered(undelivered) => undelivered.ticket..undelivered.ticket + 1,
        Event::Outage(_) | Event::Recovered(_) | Event::Stopped(_) => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_settled_in_any_order() {
        let mut receipts = Receipts::default();
        receipts.open(0..10, None);
        for (settled, below, pending) in
            [(3..5, 0, 8), (8..9, 0, 7), (5..8, 0, 4), (1..3, 0, 2), (0..1, 9, 1), (9..10, 10, 0)]
        {
            receipts.settle(settled.clone());
            assert_eq!((receipts.settled_below, receipts.pending_below(10)), (below, pending), "{settled:?}");
        }
        assert!(receipts.is_settled_below(10) && receipts.settled.is_empty());
        receipts.open(10..12, None);
        receipts.settle(11..12);
        assert_eq!((receipts.pending_below(11), receipts.pending_below(12)), (1, 1));
    }
}
