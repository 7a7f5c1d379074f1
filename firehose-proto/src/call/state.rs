//! [`Config`], the settings of one client's calls, and [`ClientState`], which these calls share.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use time::{OffsetDateTime, SignedDuration};

use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::random::Random;
use crate::retry::RetryMode;
use crate::retry::{ClockSkew, DEFAULT_MAX_ATTEMPTS, RateLimiter, RetryQuota};
use crate::sigv4::{KeyCache, SignError, SigningKey};
use crate::time::{Now, Tick};
use crate::transport::Timeouts;
use crate::user_agent::UserAgent;

/// The service name in signatures.
const SERVICE: &str = "firehose";

/// The settings of one client's calls.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where requests go, and the region that they are signed for.
    pub endpoint: Endpoint,
    /// The timeouts of one attempt.
    pub timeouts: Timeouts,
    /// The time for all attempts of a call and the waits between them, without the time to find credentials. No limit
    /// by default.
    pub operation_timeout: Option<Duration>,
    /// Attempts for each call, including the first. 3 by default.
    pub max_attempts: NonZeroU32,
    /// How failed attempts are retried, and whether the client limits its own rate.
    pub retry_mode: RetryMode,
    /// Whether to sign by the local clock even when the service's responses show that it is wrong.
    pub disable_clock_skew_correction: bool,
    /// Whether to check inputs against the API's limits before sending. The limits of the puts are always checked.
    pub parameter_validation: bool,
    /// The value of the `User-Agent` header, see [`UserAgent`].
    pub user_agent: String,
}

impl Config {
    /// The defaults of AWS's clients.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            timeouts: Timeouts::default(),
            operation_timeout: None,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            retry_mode: RetryMode::Standard,
            disable_clock_skew_correction: false,
            parameter_validation: true,
            user_agent: UserAgent::default().to_string(),
        }
    }
}

/// What one client's calls share: signing keys, retry quota, clock skew, the client's rate limit, and a pseudo-random
/// generator.
///
/// Each client has one. Each poll and each response borrows it for a few microseconds.
pub struct ClientState {
    config: Arc<Config>,
    keys: KeyCache,
    pub(super) quota: RetryQuota,
    pub(super) skew: ClockSkew,
    pub(super) random: Random,
    limiter: Option<RateLimiter>,
}

impl ClientState {
    /// The state of a new client.
    ///
    /// `seed` is for jitter and call ids. Clients with the same seed retry at the same moments.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            keys: KeyCache::new(),
            quota: RetryQuota::new(),
            skew: if config.disable_clock_skew_correction { ClockSkew::disabled() } else { ClockSkew::new() },
            random: Random::new(seed),
            limiter: (config.retry_mode == RetryMode::Adaptive).then(RateLimiter::new),
            config: Arc::new(config),
        }
    }

    /// The settings of the calls. Keep a clone to make calls without a lock.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// How far the service's clock is ahead of the local one, as far as known and corrected.
    #[must_use]
    pub const fn clock_offset(&self) -> SignedDuration {
        self.skew.offset()
    }

    /// The key for a request that is signed at this time.
    pub(super) fn key(&mut self, time: OffsetDateTime, credentials: &Credentials) -> Result<&SigningKey, SignError> {
        self.keys.key(time, credentials, self.config.endpoint.region().as_str(), SERVICE)
    }

    /// Takes a token for one request from the rate limit, or says until when to wait.
    pub(super) fn acquire(&mut self, now: Now) -> Option<Tick> {
        self.limiter.as_mut()?.acquire(now.tick).map(|wait| now.tick + wait)
    }

    pub(super) const fn is_rate_limited(&self) -> bool {
        self.limiter.is_some()
    }

    /// Tells the rate limit how an attempt ended.
    pub(super) fn observe_rate(&mut self, now: Now, is_throttled: bool) {
        if let Some(limiter) = &mut self.limiter {
            limiter.observe(now.tick, is_throttled);
        }
    }
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientState")
            .field("endpoint", &self.config.endpoint)
            .field("retry_quota", &self.quota.available())
            .field("clock_offset", &self.clock_offset())
            .finish_non_exhaustive()
    }
}
