//! [`Ranges`]: a set of mostly consecutive numbers, stored as ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges by their start; they neither overlap nor touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranges(BTreeMap<u32, u32>);

impl Ranges {
    /// Adds a range and returns how many of its numbers are new.
    pub(crate) fn insert(&mut self, range: Range<u32>) -> u32 {
        if range.is_empty() {
            return 0;
        }
        let (mut start, mut end) = (range.start, range.end);
        let mut known = 0;
        // From the last range that begins within or at the end of this one, back to the first that reaches it.
        while let Some((&found, &found_end)) = self.0.range(..=end).next_back() {
            if found_end < start {
                break;
            }
            known += found_end.min(range.end).saturating_sub(found.max(range.start));
            start = start.min(found);
            end = end.max(found_end);
            self.0.remove(&found);
        }
        self.0.insert(start, end);
        range.end - range.start - known
    }

    /// How many numbers the set has.
    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, &end)| number < end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_set_of_numbers(inserts in prop::collection::vec((0u32..40, 0u32..12), 0..30)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (start, length) in inserts {
                let new = (start..start + length).filter(|&number| set.insert(number)).count();
                prop_assert_eq!(usize::try_from(ranges.insert(start..start + length)).unwrap(), new);
                for number in 0..60 {
                    prop_assert_eq!(ranges.contains(number), set.contains(&number), "{}", number);
                }
            }
            prop_assert_eq!(usize::try_from(ranges.len()).unwrap(), set.len());
            // As few ranges as can be.
            let gaps = set.iter().filter(|&&number| !set.contains(&(number + 1))).count();
            prop_assert_eq!(ranges.0.len(), gaps);
        }
    }
}
