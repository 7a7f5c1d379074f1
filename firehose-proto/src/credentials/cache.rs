//! [`CredentialsCache`]: keeps credentials until shortly before they expire, and has one caller at a time renew them.
//!
//! ```text
//!              kept and fresh; or aging, and somebody renews them or failed to a minute ago
//! CredentialsRequest ─▶ poll ─┬───────────────────────────────────────────────────────────────────────────▶ Use
//!               ├─▶ Refresh ─▶ search ─▶ handle_refresh ─┬─▶ poll again ─▶ Use, or the failure
//!               ├─▶ WaitForRefresh ──────────────────────┘
//!               └─▶ Failed: there are none; or the service refuses them, and there are no others until `retry_at`
//! ```
//!
//! **After each [`handle_refresh`](CredentialsCache::handle_refresh) whoever waits polls again.** One who is told to
//! refresh must come back with a result, if only that it was interrupted: the others wait for it.
//!
//! When the service refuses credentials that should be good, they are renewed at once, but once a minute at most, and
//! again in five seconds when that fails. That this
//! fails ends nothing: what is refused may be taken a moment later (instance metadata that are down, with credentials
//! extended beyond their expiry), or there are new ones then.

use alloc::sync::Arc;
use core::time::Duration;

use super::expiry::{Lifetime, RETRY_INTERVAL, Stage};
use super::search::Found;
use super::{Credentials, CredentialsError};
use crate::time::{Now, Tick};

/// How long to wait until the service's word that credentials are no good has them renewed once more.
const FORCE_INTERVAL: Duration = Duration::from_secs(60);

/// The same after a renewal that failed.
const FORCE_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The credentials of one client, as long as they are good.
///
/// ```
/// use core::time::Duration;
/// use firehose_proto::credentials::{CacheAnswer, Credentials, CredentialsCache, Found, CredentialsRequest};
/// use firehose_proto::time::{AmzDate, Now, Tick};
///
/// let now = Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap());
/// let mut cache = CredentialsCache::new();
///
/// let (mut first, mut second) = (CredentialsRequest::any(), CredentialsRequest::any());
/// assert!(matches!(cache.poll(now, &mut first), CacheAnswer::Refresh));
/// assert!(matches!(cache.poll(now, &mut second), CacheAnswer::WaitForRefresh));
/// let credentials = Credentials::new("AKIDEXAMPLE", "secret");
/// cache.handle_refresh(now, Ok(Found { credentials, provider: "vault".into() }));
/// for mut want in [first, second, CredentialsRequest::any()] {
///     let CacheAnswer::Use(credentials) = cache.poll(now, &mut want) else { panic!("they are there") };
///     assert_eq!(credentials.access_key_id, "AKIDEXAMPLE");
/// }
/// ```
#[derive(Debug, Default)]
pub struct CredentialsCache {
    current: Option<Entry>,
    is_refreshing: bool,
    /// Refreshes that have come to an end.
    refreshes: u64,
    /// What became of the last one, if it failed, and when.
    failure: Option<(CredentialsError, Tick)>,
    /// When the service's word last had them renewed.
    forced_at: Option<Tick>,
}

#[derive(Debug)]
struct Entry {
    credentials: Arc<Credentials>,
    lifetime: Lifetime,
}

/// One caller's wish for credentials, from its first poll to the credentials.
#[derive(Debug)]
pub struct CredentialsRequest {
    refused: Option<Arc<Credentials>>,
    /// How many refreshes had ended when this one began to wait for the next.
    waits_since: Option<u64>,
}

impl CredentialsRequest {
    /// Credentials that are good now.
    #[must_use]
    pub const fn any() -> Self {
        Self { refused: None, waits_since: None }
    }

    /// Others than those that the service has just refused.
    #[must_use]
    pub const fn other_than(refused: Arc<Credentials>) -> Self {
        Self { refused: Some(refused), waits_since: None }
    }
}

/// What to do about a wish for credentials.
#[derive(Debug, Clone)]
pub enum CacheAnswer {
    /// Sign with these.
    Use(Arc<Credentials>),
    /// Search for new ones, say what came of it by [`CredentialsCache::handle_refresh`], and poll again.
    Refresh,
    /// Another caller does that: poll again when it has.
    WaitForRefresh,
    /// There are none to use.
    Failed {
        /// Why. Transient where the service refuses those that there are: until there are others they may as well be tried
        /// again, for it may be the service that is behind.
        error: CredentialsError,
        /// From when on others than the refused ones are searched for again.
        retry_at: Option<Tick>,
    },
}

impl CredentialsCache {
    /// A cache without credentials.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The credentials that are kept, good or not.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<Credentials>> {
        self.current.as_ref().map(|entry| &entry.credentials)
    }

    /// What to do about a wish.
    pub fn poll(&mut self, now: Now, want: &mut CredentialsRequest) -> CacheAnswer {
        if let Some(since) = want.waits_since {
            if since == self.refreshes {
                return CacheAnswer::WaitForRefresh;
            }
            want.waits_since = None;
            return self.outcome(now, want);
        }
        if let Some(refused) = &want.refused {
            return match &self.current {
                Some(entry) if !entry.credentials.has_same_keys(refused) => {
                    CacheAnswer::Use(Arc::clone(&entry.credentials))
                }
                _ => self.force(now, want),
            };
        }
        let Some(Entry { credentials, lifetime }) = &self.current else { return self.refresh(want) };
        let may_try = self.failure.as_ref().is_none_or(|(_, at)| now.tick.since(*at) >= RETRY_INTERVAL);
        match lifetime.stage(now.utc) {
            Stage::Fresh => CacheAnswer::Use(Arc::clone(credentials)),
            Stage::Aging if self.is_refreshing || !may_try => CacheAnswer::Use(Arc::clone(credentials)),
            Stage::Stale if !may_try => CacheAnswer::Use(Arc::clone(credentials)),
            Stage::Aging | Stage::Stale | Stage::Expired => self.refresh(want),
        }
    }

    /// Takes what a search has found at the word of [`CacheAnswer::Refresh`].
    pub fn handle_refresh(&mut self, now: Now, result: Result<Found, CredentialsError>) {
        self.is_refreshing = false;
        self.refreshes += 1;
        self.failure = match result.and_then(|found| found.unless_expired(now)) {
            Ok(Found { credentials, .. }) => {
                let lifetime = Lifetime::new(now.utc, credentials.expires_at);
                self.current = Some(Entry { credentials: Arc::new(credentials), lifetime });
                None
            }
            Err(error) => Some((error, now.tick)),
        };
    }

    /// Has this caller renew the credentials, or wait for the one that does.
    const fn refresh(&mut self, want: &mut CredentialsRequest) -> CacheAnswer {
        want.waits_since = Some(self.refreshes);
        if self.is_refreshing {
            return CacheAnswer::WaitForRefresh;
        }
        self.is_refreshing = true;
        CacheAnswer::Refresh
    }

    /// Renews what the service refuses, however good it should be.
    fn force(&mut self, now: Now, want: &mut CredentialsRequest) -> CacheAnswer {
        // Whoever comes while they are being renewed already waits for that, however recent it is.
        if !self.is_refreshing {
            if self.forced_at.is_some_and(|at| now.tick.since(at) < self.force_interval()) {
                return self.no_other(now);
            }
            self.forced_at = Some(now.tick);
        }
        self.refresh(want)
    }

    const fn force_interval(&self) -> Duration {
        if self.failure.is_some() { FORCE_RETRY_INTERVAL } else { FORCE_INTERVAL }
    }

    /// What came of the refresh that a caller has made or waited for.
    fn outcome(&self, now: Now, want: &CredentialsRequest) -> CacheAnswer {
        let failure = self.failure.as_ref().map(|(error, _)| error);
        match (&self.current, &want.refused) {
            (Some(entry), Some(refused)) if !entry.credentials.has_same_keys(refused) => {
                CacheAnswer::Use(Arc::clone(&entry.credentials))
            }
            (_, Some(_)) => self.no_other(now),
            (Some(entry), None) if failure.is_none() || entry.lifetime.stage(now.utc) != Stage::Expired => {
                CacheAnswer::Use(Arc::clone(&entry.credentials))
            }
            (_, None) => {
                let error = failure.cloned().unwrap_or_else(|| CredentialsError::transient("they were not renewed"));
                CacheAnswer::Failed { error, retry_at: None }
            }
        }
    }

    fn no_other(&self, now: Now) -> CacheAnswer {
        let error = CredentialsError::transient("the service refuses the credentials, and there are no others for now");
        let error = match &self.failure {
            Some((failure, _)) => error.with_source(failure.clone()),
            None => error,
        };
        let retry_at = self.forced_at.map_or(now.tick, |at| at + self.force_interval()).max(now.tick);
        CacheAnswer::Failed { error, retry_at: Some(retry_at) }
    }
}
