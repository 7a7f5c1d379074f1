//! [`Error`]: why a call failed, and whether the service may still have acted on it.

use core::error;
use core::fmt;
use core::time::Duration;

use time::SignedDuration;

use crate::client::ResponseError;
use crate::credentials::CredentialsError;
use crate::exception::ServiceError;
use crate::op::MalformedResponse;
use crate::retry::RetryClass;
use crate::sigv4::SignError;
use crate::transport::TransportError;
use crate::validate::Violations;

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The input breaks documented limits. Nothing was sent.
    Invalid(Violations),
    /// A batch without records. Nothing was sent.
    EmptyBatch,
    /// There are no credentials. Nothing was sent.
    Credentials(CredentialsError),
    /// The credentials cannot sign. Nothing was sent.
    Sign(SignError),
    /// The operation timeout expired before an attempt could be made. Nothing was sent, or nothing that took effect.
    DeadlineExceeded {
        /// Attempts made.
        attempts: u32,
    },
    /// No attempt got a response.
    Transport {
        /// Why the last attempt failed.
        error: TransportError,
        /// Attempts made.
        attempts: u32,
    },
    /// The service refused the call.
    Refused {
        /// The response to the last attempt.
        error: ServiceError,
        /// Attempts made.
        attempts: u32,
        /// Whether the same call may succeed later.
        is_transient: bool,
        /// How long the service asks to wait before that, from its header `x-amz-retry-after`.
        retry_after: Option<Duration>,
        /// How far the service's clock is ahead of the local one. Set when that explains the refusal and the correction
        /// is disabled.
        clock_skew: Option<SignedDuration>,
    },
    /// The service's response proves neither success nor failure.
    Malformed(MalformedResponse),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::EmptyBatch | Self::Sign(_) | Self::Malformed(_) => false,
            Self::Credentials(error) => error.is_transient(),
            Self::Transport { error, .. } => error.kind().is_transient(),
            Self::DeadlineExceeded { .. } => true,
            Self::Refused { is_transient, .. } => *is_transient,
        }
    }

    /// Whether the service may have acted on the call, so that calling again may repeat the effect.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::EmptyBatch | Self::Credentials(_) | Self::Sign(_) => false,
            Self::DeadlineExceeded { .. } => false,
            Self::Transport { error, .. } => error.kind().is_ambiguous(),
            Self::Refused { error, .. } => error.status >= 500,
            Self::Malformed(_) => true,
        }
    }

    /// Whether nothing of the call has left: there was no connection, or nothing to send.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::EmptyBatch | Self::Credentials(_) | Self::Sign(_) => true,
            Self::DeadlineExceeded { attempts } => *attempts == 0,
            Self::Transport { error, .. } => !error.kind().is_ambiguous(),
            Self::Refused { .. } | Self::Malformed(_) => false,
        }
    }

    /// Whether the service refused the credentials.
    pub(super) fn is_about_credentials(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.is_about_credentials())
    }

    /// How long the service asks to wait.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |attempts: u32| if attempts == 1 { "" } else { "s" };
        match self {
            Self::Invalid(_) => f.write_str("input not sent, it breaks the service's limits"),
            Self::EmptyBatch => f.write_str("batch has no records; PutRecordBatch takes 1 to 500"),
            Self::Credentials(_) => f.write_str("no credentials to sign the request with"),
            Self::Sign(_) => f.write_str("cannot sign the request"),
            Self::Transport { attempts, .. } => write!(f, "no answer after {attempts} attempt{}", times(*attempts)),
            Self::DeadlineExceeded { attempts } => {
                write!(f, "no time left for another attempt ({attempts} attempt{})", times(*attempts))
            }
            Self::Refused { attempts, error, clock_skew, .. } => {
                let who = if error.is_foreign() { "something on the way" } else { "the service" };
                write!(f, "{who} refused the call ({attempts} attempt{})", times(*attempts))?;
                clock_skew.map_or(Ok(()), |skew| write!(f, "; {}", UncorrectedSkew(skew)))
            }
            Self::Malformed(_) => f.write_str("the service's response is malformed; the call may have taken effect"),
        }
    }
}

/// Says how far the local clock is off when the correction is disabled.
pub(crate) struct UncorrectedSkew(pub(crate) SignedDuration);

impl fmt::Display for UncorrectedSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, way) =
            (self.0.whole_seconds().unsigned_abs(), if self.0.is_positive() { "behind" } else { "ahead of" });
        write!(
            f,
            "the local clock is {seconds} s {way} the service's, and disable_clock_skew_correction forbids the correction"
        )
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            Self::EmptyBatch | Self::DeadlineExceeded { .. } => None,
            Self::Credentials(error) => Some(error),
            Self::Sign(error) => Some(error),
            Self::Transport { error, .. } => Some(error),
            Self::Refused { error, .. } => Some(error),
            Self::Malformed(error) => Some(error),
        }
    }
}

impl From<Violations> for Error {
    fn from(error: Violations) -> Self {
        Self::Invalid(error)
    }
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}

/// As the outcome of a call with one attempt, for drivers that encode and decode by hand.
impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Malformed(error) => Self::Malformed(error),
            ResponseError::Refused(error) => {
                let is_transient = error.disposition(&[], None) != RetryClass::None;
                Self::Refused { error, attempts: 1, is_transient, retry_after: None, clock_skew: None }
            }
        }
    }
}

impl From<MalformedResponse> for Error {
    fn from(error: MalformedResponse) -> Self {
        Self::Malformed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TransportErrorKind;

    #[test]
    fn nothing_has_left_without_a_connection_or_credentials() {
        use TransportErrorKind::{Broken, Connect, Proxy, Request, ResponseTooLarge, Timeout, Tls};
        let transport = |kind| Error::Transport { error: TransportError::new(kind), attempts: 1 };
        let refused = |status| {
            let error = ServiceError::of_status(status);
            Error::Refused { error, attempts: 1, is_transient: false, retry_after: None, clock_skew: None }
        };
        for (error, is_unsent) in [
            (Error::EmptyBatch, true),
            (Error::Credentials(CredentialsError::absent("none")), true),
            (Error::Sign(SignError::Host), true),
            (Error::DeadlineExceeded { attempts: 0 }, true),
            (Error::DeadlineExceeded { attempts: 1 }, false),
            (transport(Connect), true),
            (transport(Proxy), true),
            (transport(Tls), true),
            (transport(Request), true),
            (transport(Timeout), false),
            (transport(Broken), false),
            (transport(ResponseTooLarge), false),
            (refused(400), false),
            (refused(500), false),
            (Error::Malformed(MalformedResponse::Missing { member: "RecordId" }), false),
        ] {
            assert_eq!(error.is_unsent(), is_unsent, "{error:?}");
        }
    }
}
