//! [`Policy`]: how long and how often one of the sources is asked.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::retry::DEFAULT_MAX_ATTEMPTS;
use crate::transport::Timeouts;

/// Timeouts and attempts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) timeouts: Timeouts,
    pub(super) max_attempts: NonZeroU32,
    /// Whether an unreachable service may become reachable later.
    pub(super) must_exist: bool,
}

impl Policy {
    /// For a container's agent.
    pub(super) const AGENT: Self = Self {
        timeouts: Timeouts::new(Duration::from_secs(2), Duration::from_secs(5)),
        max_attempts: DEFAULT_MAX_ATTEMPTS,
        must_exist: true,
    };
}
