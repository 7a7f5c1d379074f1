//! [`Event`]: what became of records, exactly once for each, and whether calls get through.

use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use crate::error::WithCauses;
use crate::time::Tick;

/// What became of one or more records, or of all calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The service stored them and said so.
    Accepted(Accepted),
    /// One was not delivered, or it is not known to have been.
    Undelivered(Undelivered),
    /// Calls have begun to fail.
    Outage(Outage),
    /// A call has got through, the first one after an [`Outage`].
    Recovered(Recovered),
    /// Nothing can be delivered, for this reason: the line has stopped. Records come back in the events that follow.
    Stopped(Arc<Reason>),
}

/// Calls fail, and are tried again: none has got through for [`Outage::TOLD_AFTER`], or the service refuses every record
/// and that is [waited out](super::Policy::refusal_timeout), which is told at once.
///
/// Told once, until calls get through; a second time only when failures turn into such refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// Why the last call failed.
    pub reason: Arc<Reason>,
    /// Whether every record is refused until somebody mends that. Otherwise it may pass by itself.
    pub is_refusal: bool,
    /// Since when no call has got through: when the first one that failed was sent.
    pub since: Tick,
    /// How long ago that was.
    pub elapsed: Duration,
    /// Records without an outcome.
    pub waiting_records: usize,
    /// Bytes of their data.
    pub waiting_bytes: usize,
}

impl Outage {
    /// How long calls fail until that is told. A failure or two, or a moment of throttling, is nobody's concern.
    pub const TOLD_AFTER: Duration = Duration::from_secs(5);
}

/// Calls get through again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Since when none had: the [`Outage`]'s.
    pub since: Tick,
    /// How long that took.
    pub elapsed: Duration,
}

/// Records with neighbouring tickets that the service stored with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The tickets.
    pub tickets: Range<u64>,
    /// Requests that carried them, the one that was answered included.
    pub attempts: u32,
    ids: RecordIds,
}

impl Accepted {
    pub(super) const fn new(first: u64, attempts: u32, ids: RecordIds) -> Self {
        Self { tickets: first..ids.next_ticket(first), attempts, ids }
    }

    /// The id that the service gave the record with this ticket. Events packed into one record share its id.
    #[must_use]
    pub fn record_id(&self, ticket: u64) -> Option<&str> {
        let offset = ticket.checked_sub(self.tickets.start)?;
        let index = self.ids.ends.partition_point(|end| end.events <= offset);
        self.ids.get(index)
    }

    /// Every id, with the tickets that it stands for.
    pub fn record_ids(&self) -> impl Iterator<Item = (Range<u64>, &str)> {
        let mut start = self.tickets.start;
        self.ids.ends.iter().enumerate().map(move |(index, end)| {
            let tickets = start..self.tickets.start + end.events;
            start = tickets.end;
            (tickets, self.ids.get(index).unwrap_or_default())
        })
    }
}

/// Ids of records one after the other, in one text: an answer has hundreds, and most callers look at none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RecordIds {
    text: String,
    ends: Vec<End>,
}

/// Where a record ends, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    events: u64,
    text: usize,
}

impl RecordIds {
    /// Room for so many ids that are about as long as this one.
    pub(super) fn with_capacity(ids: usize, id: &str) -> Self {
        Self { text: String::with_capacity(ids.saturating_mul(id.len())), ends: Vec::with_capacity(ids) }
    }

    pub(super) fn push(&mut self, events: u32, id: &str) {
        self.text.push_str(id);
        self.ends.push(End { events: self.next_ticket(0) + u64::from(events), text: self.text.len() });
    }

    /// The ticket after the last record's, when this is the first one's.
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

/// A record that was not delivered, or is not known to have been: it comes back as it was pushed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The ticket.
    pub ticket: u64,
    /// Requests that carried it; none when it was never sent.
    pub attempts: u32,
    /// What is known.
    pub failure: Failure,
    /// What was said last about it or the request it was in, if anything was; always there for
    /// [`Failure::Rejected`].
    pub reason: Option<Arc<Reason>>,
    /// The record.
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

/// What is known of a record that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The service refused it, as often as it was to be sent, and it is not stored.
    Rejected,
    /// The answer to a request that carried it never came: it may be stored.
    Unknown,
    /// Its time ran out, or its attempts without the service being reached; it is not stored.
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

/// Why something failed, in the words of whoever said so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reason {
    /// The code of a refusal: AWS's, or else the status.
    pub code: Option<String>,
    /// What it means; may be empty.
    pub message: String,
}

impl Reason {
    /// A reason that is no refusal of the service.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }

    /// What an error says, with everything that caused it.
    pub(super) fn of(error: &dyn Error) -> Self {
        Self::new(WithCauses(error).to_string())
    }

    /// A refusal.
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
