//! [`Lifetime`]: when credentials are refreshed, and when they expire.
//!
//! ```text
//! obtained            15 min before       5 min before       expiry
//!    ├────── Fresh ──────┼────── Aging ──────┼────── Stale ─────┼── Expired
//! ```
//!
//! All of it uses the uncorrected local clock.

use core::time::Duration;

use time::{OffsetDateTime, SignedDuration};

use super::Credentials;

/// How long to wait after a source failed while its credentials were [`Aging`](Stage::Aging).
pub const RETRY_INTERVAL: Duration = Duration::from_secs(60);

const AGING: SignedDuration = SignedDuration::minutes(15);
const STALE: SignedDuration = SignedDuration::minutes(5);

/// From when to when credentials are valid.
///
/// ```
/// use firehose_proto::internal::expiry::{Lifetime, Stage};
/// use firehose_proto::time::IsoDate;
///
/// let at = |text| IsoDate::parse(text).unwrap();
/// let lifetime = Lifetime::new(at("2026-11-22T01:00:00Z"), Some(at("2026-11-22T02:00:00Z")));
/// assert_eq!(lifetime.stage(at("2026-11-22T01:44:59Z")), Stage::Fresh);
/// assert_eq!(lifetime.stage(at("2026-11-22T01:45:00Z")), Stage::Aging);
/// assert_eq!(lifetime.stage(at("2026-11-22T01:55:00Z")), Stage::Stale);
/// assert_eq!(lifetime.stage(at("2026-11-22T02:00:00Z")), Stage::Expired);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    obtained_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
}

impl Lifetime {
    /// The lifetime of credentials that are obtained now.
    #[must_use]
    pub const fn new(now: OffsetDateTime, expires_at: Option<OffsetDateTime>) -> Self {
        Self { obtained_at: now, expires_at }
    }

    /// The stage that the credentials are in. Without an expiry they stay fresh.
    ///
    /// Short lifetimes have shorter stages, to avoid constant refreshes: credentials are stale for their last third at
    /// most, and aging in their second half.
    #[must_use]
    pub fn stage(&self, now: OffsetDateTime) -> Stage {
        let Some(expires_at) = self.expires_at else { return Stage::Fresh };
        let life = (expires_at - self.obtained_at).max(SignedDuration::ZERO);
        let left = expires_at - now;
        if left <= SignedDuration::ZERO {
            Stage::Expired
        } else if left <= STALE.min(life / 3) {
            Stage::Stale
        } else if left <= AGING.min(life / 2) {
            Stage::Aging
        } else {
            Stage::Fresh
        }
    }
}

/// The stages of a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Use them.
    Fresh,
    /// Use them. The first caller refreshes them; the others do not wait. If that fails, the next try is after
    /// [`RETRY_INTERVAL`].
    Aging,
    /// Refresh them before use. If that fails, use them anyway.
    Stale,
    /// Refresh them. If that fails, there are none.
    Expired,
}

/// Extends expired credentials of the instance metadata by 10 to 15 minutes from now. When the service behind the
/// metadata is down, other services accept them beyond their expiry (see
/// [static stability](https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/static-stability.html)).
///
/// `random` is uniform over all of `u64`. Valid credentials stay unchanged.
#[must_use]
pub fn extend(now: OffsetDateTime, credentials: Credentials, random: u64) -> Credentials {
    if credentials.expires_at.is_none_or(|expires_at| now < expires_at) {
        return credentials;
    }
    // The upper half of the product is `300 s * (random / 2^64)`.
    let jitter = (u128::from(random) * 300_000) >> u64::BITS;
    let extension = SignedDuration::minutes(10) + SignedDuration::milliseconds(jitter as i64);
    Credentials { expires_at: Some(now.saturating_add(extension)), ..credentials }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn refreshes_ahead_of_expiry_and_short_lifetimes_later() {
        for (life, aging, stale) in
            [(12 * 3600, 900, 300), (3600, 900, 300), (1800, 900, 300), (900, 450, 300), (90, 45, 30)]
        {
            let lifetime = Lifetime::new(at(0), Some(at(life)));
            for (left, stage) in [
                (aging + 1, Stage::Fresh),
                (aging, Stage::Aging),
                (stale + 1, Stage::Aging),
                (stale, Stage::Stale),
                (1, Stage::Stale),
                (0, Stage::Expired),
                (-1, Stage::Expired),
            ] {
                assert_eq!(lifetime.stage(at(life - left)), stage, "{life} {left}");
            }
            assert_eq!(lifetime.stage(at(0)), Stage::Fresh, "{life}");
        }
    }

    #[test]
    fn knows_lives_without_end_and_those_that_were_over_at_once() {
        assert_eq!(Lifetime::new(at(0), None).stage(at(i64::from(i32::MAX))), Stage::Fresh);
        let over = Lifetime::new(at(0), Some(at(-1)));
        assert_eq!((over.stage(at(0)), over.stage(at(-2))), (Stage::Expired, Stage::Fresh));
    }

    #[test]
    fn extends_only_what_has_expired() {
        let with_expiry = |expires_at| Credentials { expires_at, ..Credentials::new("A", "s") };
        for (expires_at, random, expected) in [
            (None, 0, None),
            (Some(at(1)), 0, Some(at(1))),
            (Some(at(0)), 0, Some(at(600))),
            (Some(at(-9999)), 1 << 63, Some(at(750))),
        ] {
            assert_eq!(extend(at(0), with_expiry(expires_at), random).expires_at, expected);
        }
        let latest = extend(at(0), with_expiry(Some(at(0))), u64::MAX).expires_at.unwrap();
        assert!(latest < at(900) && latest > at(899));
    }
}
