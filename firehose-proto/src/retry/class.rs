//! [`classify`]: whether another attempt may help, judged by the response to a failed one.

use core::time::Duration;

use time::SignedDuration;

use super::skew::MAX_SKEW;

/// Codes that ask for fewer requests, whatever their status.
const THROTTLING_CODES: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of temporary failures, whatever their status.
const TRANSIENT_CODES: [&str; 3] = ["InternalError", "RequestTimeout", "RequestTimeoutException"];

/// Codes that a wrong clock may cause. Each also has other causes, so a measured skew must confirm it.
const CLOCK_SKEW_CODES: [&str; 7] = [
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Whether a wrong clock, or a signature that expired on its way, may have caused a code.
pub(crate) fn may_be_about_clock(code: &str) -> bool {
    CLOCK_SKEW_CODES.contains(&code)
}

/// Whether a failed attempt may be retried, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryClass {
    /// The same request would fail again.
    None,
    /// A temporary failure, of the transport or of the service.
    Transient,
    /// The service asked for fewer requests.
    ///
    /// `LimitExceededException` counts as throttling for every service, as in AWS's own SDKs. Firehose means a quota of
    /// resources by it, which waiting does not raise.
    Throttling,
    /// The service does not accept the time of the signature. The clock has been corrected since.
    ClockSkew,
}

impl RetryClass {
    /// What a retry costs, if one is allowed.
    pub(super) const fn cost(self) -> Option<u16> {
        match self {
            Self::None => None,
            Self::Transient | Self::ClockSkew => Some(14),
            Self::Throttling => Some(5),
        }
    }

    /// The longest wait after the first failure.
    pub(super) const fn base_delay(self) -> Duration {
        match self {
            Self::Throttling => Duration::from_secs(1),
            Self::None | Self::Transient | Self::ClockSkew => Duration::from_millis(50),
        }
    }
}

/// Classifies a response that is not a success, first by its code, then by its status.
///
/// `is_modeled` says whether the operation declares the code. `skew` is what
/// [`ClockSkew::observe`](super::ClockSkew::observe) measured on this response. Failures without a response (no
/// connection, a timeout, a body cut short) are [`RetryClass::Transient`]. An untrusted certificate and an unreadable
/// success are [`RetryClass::None`].
#[must_use]
pub fn classify(code: Option<&str>, is_modeled: bool, status: u16, skew: Option<SignedDuration>) -> RetryClass {
    let is_among = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
    if is_among(&THROTTLING_CODES) {
        return RetryClass::Throttling;
    }
    if is_among(&TRANSIENT_CODES) || matches!(status, 500 | 502 | 503 | 504) {
        return RetryClass::Transient;
    }
    if status == 429 && !is_modeled {
        return RetryClass::Throttling;
    }
    if skew.is_some_and(|skew| skew.unsigned_abs() > MAX_SKEW) && is_among(&CLOCK_SKEW_CODES) {
        return RetryClass::ClockSkew;
    }
    RetryClass::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_by_code_then_status() {
        for (code, status, class) in [
            (Some("ResourceNotFoundException"), 400, RetryClass::None),
            (Some("InvalidKMSResourceException"), 400, RetryClass::None),
            (Some("HdrErr"), 400, RetryClass::None),
            (Some("ConcurrentModificationException"), 400, RetryClass::None),
            (Some("InvalidArgumentException"), 400, RetryClass::None),
            (Some("InvalidSourceException"), 400, RetryClass::None),
            (Some("ResourceInUseException"), 400, RetryClass::None),
            (Some("ExpiredTokenException"), 400, RetryClass::None),
            (Some("UnrecognizedClientException"), 400, RetryClass::None),
            (None, 413, RetryClass::None),
            (None, 400, RetryClass::None),
            (None, 301, RetryClass::None),
            (None, 501, RetryClass::None),
            (None, 505, RetryClass::None),
            (None, 509, RetryClass::None),
            (None, 500, RetryClass::Transient),
            (None, 502, RetryClass::Transient),
            (None, 503, RetryClass::Transient),
            (None, 504, RetryClass::Transient),
            (Some("ServiceUnavailableException"), 503, RetryClass::Transient),
            (Some("InternalFailure"), 500, RetryClass::Transient),
            (Some("RequestTimeout"), 400, RetryClass::Transient),
            (Some("RequestTimeoutException"), 408, RetryClass::Transient),
            (Some("InternalError"), 400, RetryClass::Transient),
            (None, 429, RetryClass::Throttling),
            (Some("Whatever"), 429, RetryClass::Throttling),
            (Some("ThrottlingException"), 503, RetryClass::Throttling),
            (Some("throttlingexception"), 400, RetryClass::None),
            (Some(""), 400, RetryClass::None),
        ] {
            assert_eq!(classify(code, false, status, None), class, "{code:?} {status}");
        }
    }

    #[test]
    fn lets_a_throttling_code_beat_any_status() {
        for code in [
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottledException",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "LimitExceededException",
            "RequestThrottled",
            "SlowDown",
            "PriorRequestNotComplete",
            "EC2ThrottledException",
        ] {
            for (status, is_modeled) in [(400, false), (400, true), (429, true), (500, false)] {
                assert_eq!(classify(Some(code), is_modeled, status, None), RetryClass::Throttling, "{code} {status}");
            }
        }
    }

    #[test]
    fn takes_429_literally_unless_the_operation_declares_the_code() {
        assert_eq!(classify(Some("InvalidArgumentException"), true, 429, None), RetryClass::None);
        assert_eq!(classify(Some("InvalidArgumentException"), false, 429, None), RetryClass::Throttling);
        assert_eq!(classify(Some("ServiceUnavailableException"), true, 503, None), RetryClass::Transient);
    }

    #[test]
    fn blames_the_clock_only_when_it_was_measured_wrong() {
        let seconds = SignedDuration::seconds;
        for (skew, is_skewed) in [
            (None, false),
            (Some(seconds(0)), false),
            (Some(seconds(240)), false),
            (Some(seconds(-240)), false),
            (Some(seconds(240) + SignedDuration::MILLISECOND), true),
            (Some(seconds(-240) - SignedDuration::MILLISECOND), true),
            (Some(SignedDuration::MIN), true),
            (Some(SignedDuration::MAX), true),
        ] {
            let expected = if is_skewed { RetryClass::ClockSkew } else { RetryClass::None };
            for code in [
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                "AuthFailure",
                "RequestTimeTooSkewed",
                "AccessDeniedException",
                "RequestExpired",
                "RequestInTheFuture",
            ] {
                assert_eq!(classify(Some(code), false, 403, skew), expected, "{code} {skew:?}");
            }
            for code in [None, Some("ResourceNotFoundException"), Some("ExpiredTokenException")] {
                assert_eq!(classify(code, false, 403, skew), RetryClass::None, "{code:?} {skew:?}");
            }
            assert_eq!(classify(Some("SlowDown"), false, 403, skew), RetryClass::Throttling);
            assert_eq!(classify(Some("AccessDeniedException"), false, 503, skew), RetryClass::Transient);
        }
    }
}
