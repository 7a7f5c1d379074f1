//! [`Positions`]: maps each ticket to its record in the spool.

use std::collections::BTreeMap;
use std::ops::Range;

/// Tickets and positions are both assigned in order, so runs of them share one entry.
#[derive(Default)]
pub(super) struct Positions {
    /// Keyed by first ticket.
    runs: BTreeMap<u64, Run>,
}

struct Run {
    end: u64,
    /// The position of the first ticket.
    position: u64,
    /// How many tickets are not settled.
    left: u64,
    /// Whether all tickets are parts of one record.
    is_split: bool,
}

impl Positions {
    /// Records which tickets a record of the spool has.
    pub(super) fn note(&mut self, tickets: Range<u64>, position: u64) {
        let count = tickets.end - tickets.start;
        if let Some((first, last)) = self.runs.iter_mut().next_back() {
            let continues = last.end == tickets.start && last.position + (last.end - first) == position;
            if count == 1 && continues && !last.is_split {
                last.end = tickets.end;
                last.left += 1;
                return;
            }
        }
        self.runs.insert(tickets.start, Run { end: tickets.end, position, left: count, is_split: count != 1 });
    }

    /// Settles tickets, and returns the records whose last ticket this was.
    pub(super) fn settle(&mut self, tickets: &Range<u64>) -> Vec<Range<u64>> {
        let mut records = Vec::new();
        let mut over = Vec::new();
        let first = self.runs.range(..=tickets.start).next_back().map_or(tickets.start, |(first, _)| *first);
        for (&first, run) in self.runs.range_mut(first..tickets.end) {
            let (start, end) = (first.max(tickets.start), run.end.min(tickets.end));
            if start >= end {
                continue;
            }
            run.left -= end - start;
            if !run.is_split {
                records.push(run.position + (start - first)..run.position + (end - first));
            } else if run.left == 0 {
                records.push(run.position..run.position + 1);
            }
            if run.left == 0 {
                over.push(first);
            }
        }
        for first in over {
            self.runs.remove(&first);
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_records_of_tickets() {
        let mut positions = Positions::default();
        for (tickets, position) in [(0..1, 10), (1..2, 11), (2..5, 12), (5..6, 13), (6..7, 14), (7..8, 20)] {
            positions.note(tickets, position);
        }
        assert_eq!(positions.runs.len(), 4);
        for (tickets, records) in [(1..3, &[11][..]), (4..6, &[13]), (3..4, &[12]), (6..8, &[14, 20]), (0..1, &[10])] {
            let settled: Vec<u64> = positions.settle(&tickets).into_iter().flatten().collect();
            assert_eq!(settled, records, "{tickets:?}");
        }
        assert!(positions.runs.is_empty());
    }
}
