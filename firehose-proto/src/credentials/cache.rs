//! [`CredentialsCache`]: keeps credentials until shortly before they expire, and lets one caller at a time refresh them.
//!
//! ```text
//!                             fresh; or aging, while another caller refreshes or a refresh failed less than a minute ago
//! CredentialsRequest ─▶ poll ─┬───────────────────────────────────────────────────────────────────────────▶ Use
//!                             ├─▶ Refresh ─▶ search ─▶ handle_refresh ─┬─▶ poll again ─▶ Use, or the failure
//!                             ├─▶ WaitForRefresh ──────────────────────┘
//!                             └─▶ Failed: no credentials; or the service refuses them, and no others come before `retry_at`
//! ```
//!
//! **After each [`handle_refresh`](CredentialsCache::handle_refresh), all who wait poll again.** A caller told to
//! refresh must report a result, even if the refresh was interrupted: the others wait for it.
//!
//! When the service refuses credentials that should be valid, they are refreshed at once, but at most once a minute,
//! and five seconds after a refresh that failed. A failed refresh is not final. The service may accept the refused
//! credentials a moment later (the instance metadata are down, and credentials were extended beyond their expiry), or
//! new ones may exist then.

use alloc::sync::Arc;
use core::time::Duration;

use super::expiry::{Lifetime, RETRY_INTERVAL, Stage};
use super::search::Found;
use super::{Credentials, CredentialsError};
use crate::time::{Now, Tick};

/// How long after a refresh the service's refusal may trigger another.
const FORCE_INTERVAL: Duration = Duration::from_secs(60);

/// The same after a refresh that failed.
const FORCE_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The credentials of one client, as long as they are valid.
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
/// for mut request in [first, second, CredentialsRequest::any()] {
///     let CacheAnswer::Use(credentials) = cache.poll(now, &mut request) else { panic!("they are there") };
///     assert_eq!(credentials.access_key_id, "AKIDEXAMPLE");
/// }
/// ```
#[derive(Debug, Default)]
pub struct CredentialsCache {
    current: Option<Entry>,
    is_refreshing: bool,
    /// Refreshes that have ended.
    refreshes: u64,
    /// The error and time of the last refresh, if it failed.
    failure: Option<(CredentialsError, Tick)>,
    /// When a refusal by the service last triggered a refresh.
    forced_at: Option<Tick>,
}

#[derive(Debug)]
struct Entry {
    credentials: Arc<Credentials>,
    lifetime: Lifetime,
}

/// One caller's request for credentials, from its first poll to the result.
#[derive(Debug)]
pub struct CredentialsRequest {
    refused: Option<Arc<Credentials>>,
    /// How many refreshes had ended when this request began to wait for the next.
    waits_since: Option<u64>,
}

impl CredentialsRequest {
    /// Credentials that are valid now.
    #[must_use]
    pub const fn any() -> Self {
        Self { refused: None, waits_since: None }
    }

    /// Credentials other than those that the service just refused.
    #[must_use]
    pub const fn other_than(refused: Arc<Credentials>) -> Self {
        Self { refused: Some(refused), waits_since: None }
    }
}

/// What to do about a request for credentials.
#[derive(Debug, Clone)]
pub enum CacheAnswer {
    /// Sign with these.
    Use(Arc<Credentials>),
    /// Search for new ones, report the result to [`CredentialsCache::handle_refresh`], and poll again.
    Refresh,
    /// Another caller is refreshing them. Poll again when it has finished.
    WaitForRefresh,
    /// There are no usable credentials.
    Failed {
        /// Why. Transient when the service refuses the current ones: the service may be the one that is behind, so they
        /// may be tried again until there are others.
        error: CredentialsError,
        /// When to search again for others than the refused ones.
        retry_at: Option<Tick>,
    },
}

impl CredentialsCache {
    /// A cache without credentials.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The current credentials, valid or not.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<Credentials>> {
        self.current.as_ref().map(|entry| &entry.credentials)
    }

    /// What to do about a request.
    pub fn poll(&mut self, now: Now, request: &mut CredentialsRequest) -> CacheAnswer {
        if let Some(since) = request.waits_since {
            if since == self.refreshes {
                return CacheAnswer::WaitForRefresh;
            }
            request.waits_since = None;
            return self.outcome(now, request);
        }
        if let Some(refused) = &request.refused {
            return match &self.current {
                Some(entry) if !entry.credentials.has_same_keys(refused) => {
                    CacheAnswer::Use(Arc::clone(&entry.credentials))
                }
                _ => self.force(now, request),
            };
        }
        let Some(Entry { credentials, lifetime }) = &self.current else { return self.refresh(request) };
        let may_try = self.failure.as_ref().is_none_or(|(_, at)| now.tick.since(*at) >= RETRY_INTERVAL);
        match lifetime.stage(now.utc) {
            Stage::Fresh => CacheAnswer::Use(Arc::clone(credentials)),
            Stage::Aging if self.is_refreshing || !may_try => CacheAnswer::Use(Arc::clone(credentials)),
            Stage::Stale if !may_try => CacheAnswer::Use(Arc::clone(credentials)),
            Stage::Aging | Stage::Stale | Stage::Expired => self.refresh(request),
        }
    }

    /// Handles the result of a search that [`CacheAnswer::Refresh`] asked for.
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

    /// Lets this caller refresh the credentials, or wait for the caller that does.
    const fn refresh(&mut self, request: &mut CredentialsRequest) -> CacheAnswer {
        request.waits_since = Some(self.refreshes);
        if self.is_refreshing {
            return CacheAnswer::WaitForRefresh;
        }
        self.is_refreshing = true;
        CacheAnswer::Refresh
    }

    /// Refreshes credentials that the service refuses, even if they should be valid.
    fn force(&mut self, now: Now, request: &mut CredentialsRequest) -> CacheAnswer {
        // During a refresh the interval does not matter: the caller waits for the result.
        if !self.is_refreshing {
            if self.forced_at.is_some_and(|at| now.tick.since(at) < self.force_interval()) {
                return self.no_other(now);
            }
            self.forced_at = Some(now.tick);
        }
        self.refresh(request)
    }

    const fn force_interval(&self) -> Duration {
        if self.failure.is_some() { FORCE_RETRY_INTERVAL } else { FORCE_INTERVAL }
    }

    /// The result of the refresh that a caller made or waited for.
    fn outcome(&self, now: Now, request: &CredentialsRequest) -> CacheAnswer {
        let failure = self.failure.as_ref().map(|(error, _)| error);
        match (&self.current, &request.refused) {
            (Some(entry), Some(refused)) if !entry.credentials.has_same_keys(refused) => {
                CacheAnswer::Use(Arc::clone(&entry.credentials))
            }
            (_, Some(_)) => self.no_other(now),
            (Some(entry), None) if failure.is_none() || entry.lifetime.stage(now.utc) != Stage::Expired => {
                CacheAnswer::Use(Arc::clone(&entry.credentials))
            }
            (_, None) => {
                let error = failure.cloned().unwrap_or_else(|| CredentialsError::transient("they were not refreshed"));
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
