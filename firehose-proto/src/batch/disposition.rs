//! [`Disposition`]: what a call's answer, or the lack of one, means for its records.
//!
//! ```text
//! 200, an entry for each record      each record has its own result
//! 400 that names records             those are rejected, the others sent again at once
//! 413, 400 about the size            sent again in halves, at once, down to one record
//! 4xx that asks to slow down         all sent again, later; certainly not stored
//! 4xx about credentials              the same; the credentials are renewed meanwhile
//! 3xx and 4xx that are not AWS's     the same; a proxy in between may let them through later
//! 5xx, no answer, or a malformed one all sent again, later, unless that may store them twice
//! 4xx of any other kind              would refuse every call: the batcher stops
//! ```

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use time::SignedDuration;

use super::outcome::Reason;
use crate::call::{Error, UncorrectedSkew};
use crate::exception::{ErrorCode, ServiceError};
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use crate::op::{MalformedResponse, Operation};
use crate::retry::RetryClass;

/// What to do with the records of a call.
pub(super) enum Disposition<'a> {
    /// Each record has its own entry.
    Each(Vec<PutRecordBatchResponseEntry<'a>>),
    /// The service refused the call because of the records at these indices.
    Without { named: Vec<usize>, reason: Arc<Reason> },
    /// The service refused the call because of its size.
    TooLarge(Arc<Reason>),
    /// The call failed for a temporary reason.
    Again { class: RetryClass, may_be_stored: bool, reason: Arc<Reason> },
    /// Every other call would fail the same way.
    Stop(Arc<Reason>),
}

impl<'a> Disposition<'a> {
    /// Classifies the outcome of a call with this many records.
    pub(super) fn new(outcome: Result<PutRecordBatchOutput<'a>, Error>, sent: usize) -> Self {
        let error = match outcome {
            Ok(output) if output.request_responses.len() == sent => return Self::Each(output.request_responses),
            Ok(output) => MalformedResponse::WrongCount { sent, answered: output.request_responses.len() }.into(),
            Err(error) => error,
        };
        match error {
            Error::Refused { error, clock_skew, is_transient, .. } => {
                Self::of_refusal(&error, clock_skew, is_transient, sent)
            }
            Error::Malformed(error) => Self::again(true, Reason::of(&error)),
            Error::Transport { error, .. } => {
                let (kind, reason) = (error.kind(), Reason::of(&error));
                // What no attempt can change concerns all calls.
                if kind.is_ambiguous() || kind.is_transient() {
                    Self::again(kind.is_ambiguous(), reason)
                } else {
                    Self::Stop(Arc::new(reason))
                }
            }
            error @ Error::DeadlineExceeded { .. } => Self::again(false, Reason::of(&error)),
            Error::Credentials(error) if error.is_transient() => Self::again(false, Reason::of(&error)),
            Error::Credentials(error) => Self::Stop(Arc::new(Reason::of(&error))),
            error @ (Error::Invalid(_) | Error::EmptyBatch | Error::Sign(_)) => {
                Self::Stop(Arc::new(Reason::of(&error)))
            }
        }
    }

    fn again(may_be_stored: bool, reason: Reason) -> Self {
        Self::Again { class: RetryClass::Transient, may_be_stored, reason: Arc::new(reason) }
    }

    /// `is_transient` is what the call knows besides the answer: that it has corrected a wrong clock.
    fn of_refusal(error: &ServiceError, clock_skew: Option<SignedDuration>, is_transient: bool, sent: usize) -> Self {
        let class = match error.disposition(PutRecordBatch::ERRORS, None) {
            RetryClass::None if is_transient => RetryClass::Transient,
            class => class,
        };
        if error.is_foreign() && class == RetryClass::Transient {
            return Self::again(false, Reason::of(error));
        }
        let code = error.code.as_ref().map_or_else(|| error.status.to_string(), |code| code.as_str().to_owned());
        let words = clock_skew.map(|skew| format!("; {}", UncorrectedSkew(skew))).unwrap_or_default();
        let reason = Arc::new(Reason::refusal(code, format!("{}{words}", error.message)));
        if error.is_too_large() {
            return Self::TooLarge(reason);
        }
        // A server error may come after the records were stored, whatever a retry rule says about its code.
        let may_be_stored = error.status >= 500;
        let named = named_records(error, sent);
        match class {
            RetryClass::None if !named.is_empty() => Self::Without { named, reason },
            RetryClass::None if !may_be_stored => Self::Stop(reason),
            RetryClass::Throttling => Self::Again { class, may_be_stored, reason },
            _ => Self::Again { class: RetryClass::Transient, may_be_stored, reason },
        }
    }
}

/// The records that a validation error names, as indices from 0, in order. The error names them as
/// `records.97.member.data`, with indices from 1. `None` if one of them was not sent.
fn named_records(error: &ServiceError, sent: usize) -> Vec<usize> {
    if error.code != Some(ErrorCode::ValidationException) {
        return Vec::new();
    }
    let place = |rest: &str| {
        let (digits, _) = rest.split_once(".member")?;
        digits.parse::<usize>().ok()?.checked_sub(1).filter(|&place| place < sent)
    };
    let places: Option<Vec<_>> = error.message.split("'records.").skip(1).map(place).collect();
    let mut places = places.unwrap_or_default();
    places.sort_unstable();
    places.dedup();
    places
}

/// Why one record was refused.
pub(super) fn entry_reason(entry: &PutRecordBatchResponseEntry<'_>) -> Option<Arc<Reason>> {
    let code = entry.error_code.as_deref()?;
    Some(Arc::new(Reason::refusal(code, entry.error_message.as_deref().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::credentials::CredentialsError;
    use crate::sigv4::SignError;
    use crate::transport::{TransportError, TransportErrorKind};

    fn shown(disposition: &Disposition<'_>) -> alloc::string::String {
        match disposition {
            Disposition::Each(entries) => format!("each of {}", entries.len()),
            Disposition::Without { named, .. } => format!("without {named:?}"),
            Disposition::TooLarge(_) => "halves".into(),
            Disposition::Again { class, may_be_stored, .. } => format!("again {class:?} {may_be_stored}"),
            Disposition::Stop(_) => "stop".into(),
        }
    }

    #[test]
    fn classifies_answers() {
        use ErrorCode::{
            AccessDeniedException, ExpiredTokenException, InternalFailure, InvalidArgumentException,
            InvalidKMSResourceException, InvalidSignatureException, MissingAuthenticationTokenException,
            ResourceNotFoundException, ServiceUnavailableException, ThrottlingException, Unknown,
            UnrecognizedClientException, ValidationException,
        };
        let one = "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=9 cap=9]' at \
                   'records.3.member.data' failed to satisfy constraint: Member must have length …";
        let two = "2 validation errors detected: Value at 'records.3.member.data' failed …; \
                   Value at 'records.1.member.data' failed …";
        for (status, code, message, expected) in [
            (400, Some(ValidationException), one, "without [2]"),
            (400, Some(ValidationException), two, "without [0, 2]"),
            (400, Some(ValidationException), "Value at 'records.4.member.data' …", "stop"),
            (400, Some(ValidationException), "Value at 'records.0.member.data' …", "stop"),
            (400, Some(ValidationException), "Value at 'deliveryStreamName' …", "stop"),
            (400, Some(InvalidArgumentException), one, "stop"),
            (400, Some(InvalidArgumentException), "Records size exceeds 4 MB limit", "halves"),
            (400, Some(InvalidArgumentException), "This operation is not permitted on KinesisStreamAsSource …", "stop"),
            (400, Some(ValidationException), "Records size exceeds 4 MB limit", "stop"),
            (400, Some(ResourceNotFoundException), "", "stop"),
            (400, Some(AccessDeniedException), "", "stop"),
            (403, Some(ExpiredTokenException), "", "again Transient false"),
            (400, Some(UnrecognizedClientException), "", "again Transient false"),
            (400, Some(Unknown("ExpiredToken".into())), "", "again Transient false"),
            (403, Some(Unknown("InvalidClientTokenId".into())), "", "again Transient false"),
            (400, Some(Unknown("InvalidToken".into())), "", "again Transient false"),
            (403, Some(InvalidSignatureException), "", "stop"),
            (400, Some(MissingAuthenticationTokenException), "", "stop"),
            (400, Some(InvalidKMSResourceException), "", "stop"),
            (413, None, "", "halves"),
            (413, Some(Unknown("RequestEntityTooLarge".into())), "", "halves"),
            (301, None, "", "again Transient false"),
            (403, None, "<html>", "again Transient false"),
            (400, None, "{}", "again Transient false"),
            (400, Some(ThrottlingException), "", "again Throttling false"),
            (429, None, "", "again Throttling false"),
            (503, Some(ThrottlingException), "", "again Throttling true"),
            (503, Some(ServiceUnavailableException), "Slow down.", "again Throttling true"),
            (400, Some(ServiceUnavailableException), "Slow down.", "again Throttling false"),
            (503, Some(Unknown("ServiceUnavailable".into())), "", "again Throttling true"),
            (503, None, "", "again Transient true"),
            (500, Some(ExpiredTokenException), "", "again Transient true"),
            (500, Some(InternalFailure), "", "again Transient true"),
            (502, None, "<html>", "again Transient true"),
            (501, None, "", "again Transient true"),
        ] {
            let mut error = ServiceError::of_status(status);
            (error.code, error.message) = (code, message.into());
            let refused =
                Error::Refused { error, attempts: 1, is_transient: false, retry_after: None, clock_skew: None };
            assert_eq!(shown(&Disposition::new(Err(refused), 3)), expected, "{status} {message}");
        }
    }

    #[test]
    fn classifies_answers_and_their_absence() {
        use TransportErrorKind::{Broken, Connect, Proxy, Request, ResponseTooLarge, Timeout, Tls};
        let entries = |count| Ok(PutRecordBatchOutput::new(vec![PutRecordBatchResponseEntry::accepted("1"); count]));
        let transport = |kind| Err(Error::Transport { error: TransportError::new(kind), attempts: 1 });
        let credentials = |error: CredentialsError| Err(Error::Credentials(error));
        for (outcome, expected) in [
            (entries(3), "each of 3"),
            (entries(2), "again Transient true"),
            (Err(MalformedResponse::Missing { member: "FailedPutCount" }.into()), "again Transient true"),
            (transport(Connect), "again Transient false"),
            (transport(Timeout), "again Transient true"),
            (transport(Broken), "again Transient true"),
            (transport(ResponseTooLarge), "again Transient true"),
            (transport(Proxy), "stop"),
            (transport(Tls), "stop"),
            (transport(Request), "stop"),
            (credentials(CredentialsError::transient("the instance metadata is away")), "again Transient false"),
            (credentials(CredentialsError::failed("no such profile")), "stop"),
            (credentials(CredentialsError::absent("nothing set")), "stop"),
            (Err(Error::EmptyBatch), "stop"),
            (Err(SignError::Host.into()), "stop"),
        ] {
            let text = format!("{outcome:?}");
            assert_eq!(shown(&Disposition::new(outcome, 3)), expected, "{text}");
        }
    }
}
