//! [`RequestSize`]: the largest request that passes, learned from refusals.

/// Bounds of the largest size that passes, in bytes of the body.
///
/// AWS does not document whether its "4 MB" are 4,194,304 or 4,000,000 bytes, nor bytes of what; a proxy may have its
/// own limit. So the first refusal begins a binary search. It ends when little is left to gain, or when a refused size
/// passes after all.
#[derive(Debug, Default)]
pub(super) struct RequestSize {
    accepted: usize,
    refused: Option<usize>,
}

/// A gain below this fraction (1 in n) of a refused size is not worth another refusal.
const TOLERANCE: usize = 16;

/// The eighths of the unknown range to try next: half of it, plus room for the halves of a batch to differ.
const TRIED_EIGHTHS: usize = 5;

impl RequestSize {
    /// A request of this size has passed.
    pub(super) fn accept(&mut self, bytes: usize) {
        self.accepted = self.accepted.max(bytes);
        self.refused = self.refused.filter(|&refused| refused > bytes);
    }

    /// A request of this size was too large. The latest result wins over contradicting earlier ones.
    pub(super) fn refuse(&mut self, bytes: usize) {
        if bytes <= self.accepted {
            self.accepted = 0;
        }
        self.refused = Some(self.refused.map_or(bytes, |refused| refused.min(bytes)));
    }

    /// A request of this size was too large although it had one record. Larger requests may have been refused because
    /// of that record, so their refusals say nothing about others.
    pub(super) fn refuse_alone(&mut self, bytes: usize) {
        self.refused = self.refused.filter(|&refused| refused < bytes);
    }

    /// The size limit for the next request.
    pub(super) fn max_bytes(&self) -> usize {
        let Some(refused) = self.refused else { return usize::MAX };
        let unknown = refused - self.accepted;
        if unknown <= refused / TOLERANCE { self.accepted } else { self.accepted + unknown * TRIED_EIGHTHS / 8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_limit_with_few_refusals() {
        for limit in [1, 10, 1000, 4_000_000, 5_333_336, 5_592_400] {
            let mut size = RequestSize::default();
            let mut refusals = 0;
            for _ in 0..1000 {
                let bytes = size.max_bytes().min(5_592_408);
                if bytes <= limit {
                    size.accept(bytes);
                } else {
                    refusals += 1;
                    size.refuse(bytes);
                }
            }
            let found = size.max_bytes();
            assert!((limit - limit / 15..=limit).contains(&found), "{limit}: {found}");
            // A driver halves what was refused, and is down to the limit sooner.
            assert!(refusals <= 6 + (5_592_408_usize / limit).ilog2() * 3 / 2, "{limit}: {refusals}");
        }
    }

    #[test]
    fn believes_the_latest_word() {
        let mut size = RequestSize::default();
        assert_eq!(size.max_bytes(), usize::MAX);
        size.accept(100);
        size.refuse(80);
        assert_eq!(size.max_bytes(), 50);
        size.accept(79);
        assert_eq!(size.max_bytes(), 79);
        size.accept(80);
        assert_eq!(size.max_bytes(), usize::MAX);
    }

    #[test]
    fn forgets_what_one_record_is_to_blame_for() {
        let mut size = RequestSize::default();
        size.refuse(200);
        size.refuse_alone(201);
        assert_eq!(size.max_bytes(), 125);
        size.refuse_alone(200);
        assert_eq!(size.max_bytes(), usize::MAX);
        size.refuse(200);
        size.refuse_alone(150);
        assert_eq!(size.max_bytes(), usize::MAX);
    }
}
