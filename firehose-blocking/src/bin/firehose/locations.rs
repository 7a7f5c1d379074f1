//! [`Locations`]: where in the input each record stands that has no outcome yet.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a record stands: its number in a source, or after one of the source's bytes; and its earlier attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) source: Arc<str>,
    /// The byte from which on records are counted; none when they are from the beginning, as lines.
    pub(crate) byte: Option<u64>,
    /// Counted from 1.
    pub(crate) number: u64,
    /// Requests that an earlier run has made for it.
    pub(crate) attempts: u32,
}

/// The locations of records by ticket. A producer numbers tickets one after the other.
#[derive(Debug, Default)]
pub(crate) struct Locations(Mutex<Runs>);

#[derive(Debug, Default)]
struct Runs {
    /// By first ticket: records with neighbouring tickets and locations.
    runs: BTreeMap<u64, Run>,
}

#[derive(Debug)]
struct Run {
    end: u64,
    /// Records without an outcome.
    left: u64,
    location: Location,
}

impl Locations {
    /// Adds the records with the next tickets, which follow each other from this location on.
    pub(crate) fn insert(&self, ticket: u64, location: &Location, records: u64) {
        let mut runs = self.lock();
        if let Some((first, run)) = runs.runs.iter_mut().next_back()
            && run.end == ticket
            && run.location.is_followed_by(location, ticket - first)
        {
            run.end += records;
            run.left += records;
            return;
        }
        runs.runs.insert(ticket, Run { end: ticket + records, left: records, location: location.clone() });
    }

    /// Removes the records that were added last, because they got no tickets.
    pub(crate) fn remove_last(&self, records: u64) {
        if records == 0 {
            return;
        }
        let mut runs = self.lock();
        let Some(mut last) = runs.runs.last_entry() else { return };
        last.get_mut().end -= records;
        last.get_mut().left -= records;
        if last.get().left == 0 {
            last.remove();
        }
    }

    /// Removes records that have their outcome.
    pub(crate) fn settle(&self, tickets: &Range<u64>) {
        let mut runs = self.lock();
        let first = runs.runs.range(..=tickets.start).next_back().map_or(tickets.start, |(first, _)| *first);
        let mut over = Vec::new();
        for (&first, run) in runs.runs.range_mut(first..tickets.end) {
            run.left -= run.end.min(tickets.end).saturating_sub(first.max(tickets.start)).min(run.left);
            if run.left == 0 {
                over.push(first);
            }
        }
        for first in over {
            runs.runs.remove(&first);
        }
    }

    /// Where a record stands; nothing when it was in the spool before this run.
    pub(crate) fn take(&self, ticket: u64) -> Option<Location> {
        let location = {
            let runs = self.lock();
            let (first, run) = runs.runs.range(..=ticket).next_back()?;
            (ticket < run.end).then(|| run.location.after(ticket - first))
        };
        self.settle(&(ticket..ticket + 1));
        location
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Location {
    /// Whether another location is so many records further.
    fn is_followed_by(&self, other: &Self, records: u64) -> bool {
        let is_same_source = Arc::ptr_eq(&self.source, &other.source);
        is_same_source
            && self.byte == other.byte
            && self.attempts == other.attempts
            && self.number + records == other.number
    }

    /// The location so many records further.
    pub(crate) fn after(&self, records: u64) -> Self {
        Self { number: self.number + records, ..self.clone() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.byte {
            // As compilers and grep name a line.
            None => write!(f, "{}:{}", self.source, self.number),
            Some(byte) => write!(f, "{}, record {} from byte {byte} on", self.source, self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_places_of_records_until_they_have_their_outcome() {
        let locations = Locations::default();
        let [log, other]: [Arc<str>; 2] = ["log".into(), "other".into()];
        let location =
            |source: &Arc<str>, byte, number| Location { source: Arc::clone(source), byte, number, attempts: 0 };
        let all = [(&log, None, 7), (&log, None, 8), (&log, None, 10), (&other, Some(99), 1), (&other, Some(99), 2)];
        for (ticket, (source, byte, number)) in (50..).zip(all) {
            locations.insert(ticket, &location(source, byte, number), 1);
        }
        assert_eq!(locations.lock().runs.len(), 3);
        assert_eq!(locations.take(49), None);
        assert_eq!(locations.take(51).unwrap().to_string(), "log:8");
        locations.insert(55, &location(&other, Some(99), 3), 2);
        locations.remove_last(2);
        assert_eq!(locations.take(55), None);
        locations.settle(&(40..51));
        assert_eq!(locations.lock().runs.len(), 2);
        assert_eq!(locations.take(54).unwrap().to_string(), "other, record 2 from byte 99 on");
        locations.settle(&(52..54));
        assert!(locations.lock().runs.is_empty());
        assert_eq!(locations.take(52), None);
    }
}
