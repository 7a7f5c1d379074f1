//! [`Manifest`]: which tickets each record of a batch has.

use alloc::vec::Vec;
use core::ops::Range;

use super::pack::Pack;
use crate::time::Tick;

/// A record: its tickets, and when the first of them was pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) first: u64,
    pub(super) events: u32,
    pub(super) pushed: Tick,
}

impl Item {
    pub(super) fn tickets(&self) -> Range<u64> {
        self.first..self.first + u64::from(self.events)
    }
}

/// The items of a batch's records, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifest {
    items: Vec<Item>,
    /// The length of each event of each record, if events are packed; otherwise empty.
    lens: Vec<u32>,
}

impl Manifest {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn push(&mut self, now: Tick, ticket: u64) {
        self.items.push(Item { first: ticket, events: 1, pushed: now });
    }

    pub(super) fn push_pack(&mut self, pack: &Pack) {
        let events = u32::try_from(pack.lens.len()).unwrap_or(u32::MAX);
        self.items.push(Item { first: pack.first, events, pushed: pack.pushed });
        self.lens.extend_from_slice(&pack.lens);
    }

    /// The records, each with the lengths of its events if they are packed.
    pub(super) fn records(&self) -> impl Iterator<Item = (Item, &[u32])> {
        let mut lens = self.lens.as_slice();
        self.items.iter().map(move |item| {
            let (own, rest) = lens.split_at_checked(item.events as usize).unwrap_or_default();
            lens = rest;
            (*item, own)
        })
    }

    /// How many events there are.
    pub(super) fn events(&self) -> usize {
        self.items.iter().map(|item| item.events as usize).sum()
    }

    /// Removes what [`Batch::retain`](super::Batch::retain) removes.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        if !self.lens.is_empty() {
            let (mut index, mut left) = (0, self.items.first().map_or(0, |item| item.events));
            let items = &self.items;
            self.lens.retain(|_| {
                while left == 0 {
                    index += 1;
                    left = items.get(index).map_or(1, |item| item.events);
                }
                left -= 1;
                keep(index)
            });
        }
        let mut index = 0..;
        self.items.retain(|_| index.next().is_some_and(&keep));
    }

    /// Splits off what [`Batch::split_off`](super::Batch::split_off) does.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let items = self.items.split_off(index.min(self.items.len()));
        let kept = self.events().min(self.lens.len());
        let tail = Self { items, lens: self.lens.split_off(kept) };
        self.shrink();
        tail
    }

    pub(super) fn shrink(&mut self) {
        self.items.shrink_to(2 * self.items.len());
        self.lens.shrink_to(2 * self.lens.len());
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.lens.clear();
    }

    /// Bytes of memory held.
    pub(super) fn memory_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Item>() + self.lens.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_events_of_the_records_it_keeps() {
        let mut manifest = Manifest::default();
        let mut ticket = 0;
        for events in [2, 1, 3] {
            let mut pack = Pack::default();
            for _ in 0..events {
                pack.push(Tick::default(), ticket, &alloc::vec![b'x'; ticket as usize], b"\n");
                ticket += 1;
            }
            manifest.push_pack(&pack);
        }
        manifest.retain(|index| index != 1);
        let left: Vec<_> = manifest.records().map(|(item, lens)| (item.tickets(), lens)).collect();
        assert_eq!(left, [(0..2, &[0, 1][..]), (3..6, &[3, 4, 5])]);
        assert_eq!(manifest.events(), 5);
        let tail = manifest.split_off(1);
        assert_eq!(
            (manifest.events(), &*manifest.lens, tail.events(), &*tail.lens),
            (2, &[0, 1][..], 3, &[3, 4, 5][..])
        );
    }
}
