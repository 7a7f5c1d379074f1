//! [`Config`], what the calls of one client go by, and [`ClientState`], what they learn and spend together.

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

/// The name under which requests are signed.
const SERVICE: &str = "firehose";

/// What the calls of one client go by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where requests go, and the region that they are signed for.
    pub endpoint: Endpoint,
    /// How long one attempt may take.
    pub timeouts: Timeouts,
    /// How long a call may take with all its attempts and the waits between them; what it takes to find credentials comes
    /// on top. Without limit unless it is set.
    pub operation_timeout: Option<Duration>,
    /// Attempts for a call, the first included; 3 unless set.
    pub max_attempts: NonZeroU32,
    /// How failed attempts are made again, and whether the client limits its own rate.
    pub retry_mode: RetryMode,
    /// Whether to sign by the local clock even when the service's answers show that it is off.
    pub disable_clock_skew_correction: bool,
    /// Whether inputs are held to the API's limits before they are sent. The limits of the puts hold in any case.
    pub parameter_validation: bool,
    /// How the client introduces itself, see [`UserAgent`].
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

/// What the calls of one client share: signing keys, retry quota, clock skew, the client's own rate, and a source of numbers
/// that look random.
///
/// One value for each client, which each poll and each answer borrows for a few microseconds.
pub struct ClientState {
    config: Arc<Config>,
    keys: KeyCache,
    pub(super) quota: RetryQuota,
    pub(super) skew: ClockSkew,
    pub(super) random: Random,
    limiter: Option<RateLimiter>,
}

impl ClientState {
    /// What a client begins with.
    ///
    /// `seed` is for jitter and for the ids of calls: clients that share one retry at the same moments.
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

    /// What the calls go by. Whoever begins them without a lock keeps a clone.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// How far the service's clock is ahead of the local one, as far as that is known and corrected.
    #[must_use]
    pub const fn clock_offset(&self) -> SignedDuration {
        self.skew.offset()
    }

    /// The key for a request that is signed at this time.
    pub(super) fn key(&mut self, time: OffsetDateTime, credentials: &Credentials) -> Result<&SigningKey, SignError> {
        self.keys.key(time, credentials, self.config.endpoint.region().as_str(), SERVICE)
    }

    /// Takes leave for a request, or says until when to wait before the next try.
    pub(super) fn acquire(&mut self, now: Now) -> Option<Tick> {
        self.limiter.as_mut()?.acquire(now.tick).map(|wait| now.tick + wait)
    }

    pub(super) const fn is_rate_limited(&self) -> bool {
        self.limiter.is_some()
    }

    /// Tells the client's own rate how an attempt ended.
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
