//! [`RetryMode`]: how failed attempts are retried.

/// How failed attempts are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryMode {
    /// Backoff and a quota, as in the AWS SDKs.
    #[default]
    Standard,
    /// The same, and a limit on the client's own rate that follows how often it is throttled.
    Adaptive,
}

impl RetryMode {
    /// The mode as AWS spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Adaptive => "adaptive",
        }
    }
}
