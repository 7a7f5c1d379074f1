//! [`Event`]: the outcome of records, exactly one for each, and changes in whether calls succeed.

use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use crate::error::WithCauses;
use crate::time::Tick;

/// The outcome of one or more records, or a change that concerns all calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The service stored these records and confirmed it.
    Accepted(Accepted),
    /// A record was not delivered, or may not have been.
    Undelivered(Undelivered),
    /// Calls have begun to fail.
    Outage(Outage),
    /// A call has succeeded, the first one after an [`Outage`].
    Recovered(Recovered),
    /// Nothing can be delivered, for this reason: the batcher has stopped. Records come back in the events that follow.
    Stopped(Arc<Reason>),
}

/// Calls fail and are retried. Reported when none has succeeded for [`Outage::TOLD_AFTER`]; or at once, when the
/// service refuses every record and that is [waited out](super::Policy::refusal_timeout).
///
/// Reported once until calls succeed again; a second time only when failures turn into such refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// Why the last call failed.
    pub reason: Arc<Reason>,
    /// Whether every record is refused until somebody fixes the cause. Otherwise it may pass by itself.
    pub is_refusal: bool,
    /// Since when no call has succeeded: when the first failed one was sent.
    pub since: Tick,
    /// How long ago that was.
    pub elapsed: Duration,
    /// Records without an outcome.
    pub waiting_records: usize,
    /// Bytes of their data.
    pub waiting_bytes: usize,
}

impl Outage {
    /// How long calls fail before that is reported. One or two failures, or a moment of throttling, are normal.
    pub const TOLD_AFTER: Duration = Duration::from_secs(5);
}

/// Calls succeed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Since when none had: the same as in the [`Outage`].
    pub since: Tick,
    /// How long that took.
    pub elapsed: Duration,
}

/// Records with consecutive tickets that the service stored with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The tickets.
    pub tickets: Range<u64>,
    /// Requests that carried them, including the one that stored them.
    pub attempts: u32,
    ids: RecordIds,
}

impl Accepted {
    pub(super) const fn new(first: u64, attempts: u32, ids: RecordIds) -> Self {
        Self { tickets: first..ids.next_ticket(first), attempts, ids }
    }

    /// The id that the service assigned to the record with this ticket. Events packed into one record share its id.
    #[must_use]
    pub fn record_id(&self, ticket: u64) -> Option<&str> {
        let offset = ticket.checked_sub(self.tickets.start)?;
        let index = self.ids.ends.partition_point(|end| end.events <= offset);
        self.ids.get(index)
    }

    /// All ids, each with its tickets.
    pub fn record_ids(&self) -> impl Iterator<Item = (Range<u64>, &str)> {
        let mut start = self.tickets.start;
        self.ids.ends.iter().enumerate().map(move |(index, end)| {
            let tickets = start..self.tickets.start + end.events;
            start = tickets.end;
            (tickets, self.ids.get(index).unwrap_or_default())
        })
    }
}

/// Ids of consecutive records in one text: an answer has hundreds, and most callers read none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RecordIds {
    text: String,
    ends: Vec<End>,
}

/// The end of a record's tickets, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    events: u64,
    text: usize,
}

impl RecordIds {
    /// Reserves room for this many ids about as long as this one.
    pub(super) fn with_capacity(ids: usize, id: &str) -> Self {
        Self { text: String::with_capacity(ids.saturating_mul(id.len())), ends: Vec::with_capacity(ids) }
    }

    pub(super) fn push(&mut self, events: u32, id: &str) {
        self.text.push_str(id);
        self.ends.push(End { events: self.next_ticket(0) + u64::from(events), text: self.text.len() });
    }

    /// The ticket after the last record's, if this is the first one's.
    const fn next_ticket(&self, first: u64) -> u64 {
        match self.ends.as_slice() {
            [.., last] => first + last.events,
            [] => first,
        }
    }

    fn get(&self, index: usize) -> Option<&str> {
        let end = self.ends.get(index)?.text;
        let start = index.checked_sub(1).and_then(|previous| self.ends.get(previous)).map_or(0, |end| end.text);
        self.text.get(start..end)
    }
}

/// A record that was not delivered, or may not have been, returned as it was pushed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The ticket.
    pub ticket: u64,
    /// Requests that carried it; 0 if it was never sent.
    pub attempts: u32,
    /// What is known about it.
    pub failure: Failure,
    /// The last error about the record or its request, if there was one; always present for [`Failure::Rejected`].
    pub reason: Option<Arc<Reason>>,
    /// The data as it was pushed.
    pub data: Vec<u8>,
}

impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
            .field("ticket", &self.ticket)
            .field("attempts", &self.attempts)
            .field("failure", &self.failure)
            .field("reason", &self.reason)
            .field("data_bytes", &self.data.len())
            .finish()
    }
}

/// What is known about a record that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The service refused it in every attempt; it is not stored.
    Rejected,
    /// A request that carried it got no answer: it may be stored.
    Unknown,
    /// Its time ran out, or its attempts without reaching the service; it is not stored.
    Expired,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "rejected",
            Self::Unknown => "unknown whether it was stored",
            Self::Expired => "not accepted in time",
        })
    }
}

/// Why something failed, in the words of the service or of the error.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reason {
    /// The code of a refusal: AWS's, or else the status.
    pub code: Option<String>,
    /// The message; may be empty.
    pub message: String,
}

impl Reason {
    /// A reason other than a refusal of the service.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }

    /// The message of an error and of all its sources.
    pub(super) fn of(error: &dyn Error) -> Self {
        Self::new(WithCauses(error).to_string())
    }

    /// A refusal of the service.
    #[must_use]
    pub fn refusal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: Some(code.into()), message: message.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_deref(), self.message.as_str()) {
            (Some(code), "") => f.write_str(code),
            (Some(code), message) => write!(f, "{code}: {message}"),
            (None, message) => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_id_of_each_ticket() {
        let mut ids = RecordIds::default();
        for (events, id) in [(1, "a"), (3, "bcd"), (1, ""), (2, "ef")] {
            ids.push(events, id);
        }
        let accepted = Accepted::new(10, 2, ids);
        assert_eq!(accepted.tickets, 10..17);
        let by_ticket: Vec<_> = (9..18).map(|ticket| accepted.record_id(ticket)).collect();
        let bcd = Some("bcd");
        assert_eq!(by_ticket, [None, Some("a"), bcd, bcd, bcd, Some(""), Some("ef"), Some("ef"), None]);
        let all: Vec<_> = accepted.record_ids().collect();
        assert_eq!(all, [(10..11, "a"), (11..14, "bcd"), (14..15, ""), (15..17, "ef")]);
    }

    #[test]
    fn shows_no_data() {
        let data = b"secret".to_vec();
        let shown = alloc::format!(
            "{:?}",
            Undelivered { ticket: 1, attempts: 1, failure: Failure::Unknown, reason: None, data }
        );
        assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
    }
}
