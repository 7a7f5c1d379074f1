//! [`Verdict`]: what the answer to a call, or the lack of one, means for the records that it carried.
//!
//! ```text
//! 200, an entry for each record      each record has its own fate
//! 400 that names records             those are rejected, the others sent again at once
//! 4xx that asks for less             all sent again, later; surely not stored
//! 5xx, no answer, or a senseless one all sent again, later, unless that may store them twice
//! 4xx of any other kind              is about every call: the line stops
//! ```

use alloc::borrow::ToOwned;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::outcome::Reason;
use crate::call::Error;
use crate::exception::{ErrorCode, ServiceError};
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use crate::op::{MalformedResponse, Operation};
use crate::retry::{RetryClass, classify};

/// What follows for the records of a call.
pub(super) enum Verdict<'a> {
    /// The service tells for each.
    Each(Vec<PutRecordBatchResponseEntry<'a>>),
    /// The service refused the call because of the records at these places.
    Without { named: Vec<usize>, reason: Arc<Reason> },
    /// The call failed in a way that passes.
    Again { class: RetryClass, may_be_stored: bool, reason: Arc<Reason> },
    /// Every other call would fail in the same way.
    Stop(Arc<Reason>),
}

impl<'a> Verdict<'a> {
    /// Judges the outcome of a call with so many records.
    pub(super) fn new(outcome: Result<PutRecordBatchOutput<'a>, Error>, sent: usize) -> Self {
        let error = match outcome {
            Ok(output) if output.request_responses.len() == sent => return Self::Each(output.request_responses),
            Ok(output) => MalformedResponse::WrongCount { sent, answered: output.request_responses.len() }.into(),
            Err(error) => error,
        };
        match error {
            Error::Refused { error, .. } => Self::of_refusal(&error, sent),
            Error::Malformed(error) => Self::again(true, Reason::of(&error)),
            Error::Transport { error, .. } => {
                let (kind, reason) = (error.kind(), Reason::of(&error));
                // What no attempt can get past is no matter of this call alone.
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

    fn of_refusal(error: &ServiceError, sent: usize) -> Self {
        let code = error.code.as_ref().map_or_else(|| error.status.to_string(), |code| code.as_str().to_owned());
        let reason = Arc::new(Reason::refusal(code, &*error.message));
        let named = named_records(error, sent);
        match error.retry_class(PutRecordBatch::ERRORS, None) {
            RetryClass::None if !named.is_empty() => Self::Without { named, reason },
            RetryClass::None if error.status < 500 => Self::Stop(reason),
            // A server error that no rule knows may have come after the records were stored.
            RetryClass::None => Self::Again { class: RetryClass::Transient, may_be_stored: true, reason },
            class => {
                let class = if is_slow_down(reason.code.as_deref()) { RetryClass::Throttling } else { class };
                Self::Again { class, may_be_stored: error.status >= 500, reason }
            }
        }
    }
}

/// Which records a validation error is about: places from 0, in order. It names them as `records.97.member.data`, with
/// places from 1. None, when one of them was not sent.
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

/// Why one record was not taken.
pub(super) fn entry_reason(entry: &PutRecordBatchResponseEntry<'_>) -> Option<Arc<Reason>> {
    let code = entry.error_code.as_deref()?;
    Some(Arc::new(Reason::refusal(code, entry.error_message.as_deref().unwrap_or_default())))
}

/// How soon a record may be sent again that was not taken.
pub(super) fn entry_class(entry: &PutRecordBatchResponseEntry<'_>) -> RetryClass {
    let code = entry.error_code.as_deref();
    if is_slow_down(code) || classify(code, false, 0, None) == RetryClass::Throttling {
        RetryClass::Throttling
    } else {
        RetryClass::Transient
    }
}

/// Whether a code is the one by which the service says that a stream is at its quota, with the words "Slow down.": in
/// no list of AWS's, but
/// [on the operation's page](https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html).
fn is_slow_down(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("ServiceUnavailable"))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::credentials::CredentialsError;
    use crate::sigv4::SignError;
    use crate::transport::{TransportError, TransportErrorKind};

    fn shown(verdict: &Verdict<'_>) -> alloc::string::String {
        match verdict {
            Verdict::Each(entries) => format!("each of {}", entries.len()),
            Verdict::Without { named, .. } => format!("without {named:?}"),
            Verdict::Again { class, may_be_stored, .. } => format!("again {class:?} {may_be_stored}"),
            Verdict::Stop(_) => "stop".into(),
        }
    }

    #[test]
    fn judges_answers() {
        use ErrorCode::{
            AccessDeniedException, ExpiredTokenException, InternalFailure, InvalidArgumentException,
            InvalidKMSResourceException, ResourceNotFoundException, ServiceUnavailableException, ThrottlingException,
            ValidationException,
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
            (400, Some(InvalidArgumentException), "Records size exceeds 4 MB limit", "stop"),
            (400, Some(ResourceNotFoundException), "", "stop"),
            (400, Some(AccessDeniedException), "", "stop"),
            (403, Some(ExpiredTokenException), "", "stop"),
            (400, Some(InvalidKMSResourceException), "", "stop"),
            (413, None, "", "stop"),
            (301, None, "", "stop"),
            (400, Some(ThrottlingException), "", "again Throttling false"),
            (429, None, "", "again Throttling false"),
            (503, Some(ThrottlingException), "", "again Throttling true"),
            (503, Some(ServiceUnavailableException), "Slow down.", "again Throttling true"),
            (500, Some(InternalFailure), "", "again Transient true"),
            (502, None, "<html>", "again Transient true"),
            (501, None, "", "again Transient true"),
        ] {
            let mut error = ServiceError::of_status(status);
            (error.code, error.message) = (code, message.into());
            let refused =
                Error::Refused { error, attempts: 1, is_transient: false, retry_after: None, clock_skew: None };
            assert_eq!(shown(&Verdict::new(Err(refused), 3)), expected, "{status} {message}");
        }
    }

    #[test]
    fn judges_answers_and_their_absence() {
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
            assert_eq!(shown(&Verdict::new(outcome, 3)), expected, "{text}");
        }
    }

    #[test]
    fn waits_longer_where_an_entry_asks_for_it() {
        for (code, class) in [
            ("ServiceUnavailableException", RetryClass::Throttling),
            ("ServiceUnavailable", RetryClass::Throttling),
            ("ThrottlingException", RetryClass::Throttling),
            ("InternalFailure", RetryClass::Transient),
            ("Whatever", RetryClass::Transient),
        ] {
            assert_eq!(entry_class(&PutRecordBatchResponseEntry::failed(code, "Slow down.")), class, "{code}");
        }
    }
}
