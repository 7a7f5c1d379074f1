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
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::outcome::Reason;
use crate::client::ResponseError;
use crate::exception::{ErrorCode, ServiceError};
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use crate::op::{MalformedResponse, Operation};
use crate::retry::{RetryClass, classify};

/// A call that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallFailure {
    /// The request did not reach the service: its records are not stored.
    NotSent(Reason),
    /// The request, or a part of it, left, and no answer came: the records may be stored.
    Unanswered(Reason),
    /// No request can succeed: there are no credentials, or a certificate is not to be trusted.
    Impossible(Reason),
}

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
    /// Judges the answer to a call with so many records.
    pub(super) fn of_answer(answer: Result<PutRecordBatchOutput<'a>, ResponseError>, sent: usize) -> Self {
        let malformed = match answer {
            Ok(output) if output.request_responses.len() == sent => return Self::Each(output.request_responses),
            Ok(output) => MalformedResponse::WrongCount { sent, answered: output.request_responses.len() },
            Err(ResponseError::Refused(error)) => return Self::of_refusal(&error, sent),
            Err(ResponseError::Malformed(error)) => error,
        };
        let reason = Arc::new(Reason::new(malformed.to_string()));
        Self::Again { class: RetryClass::Transient, may_be_stored: true, reason }
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

    pub(super) fn of_failure(failure: CallFailure) -> Self {
        let (may_be_stored, reason) = match failure {
            CallFailure::NotSent(reason) => (false, reason),
            CallFailure::Unanswered(reason) => (true, reason),
            CallFailure::Impossible(reason) => return Self::Stop(Arc::new(reason)),
        };
        Self::Again { class: RetryClass::Transient, may_be_stored, reason: Arc::new(reason) }
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
    use super::*;

    fn shown(verdict: &Verdict<'_>) -> alloc::string::String {
        match verdict {
            Verdict::Each(entries) => alloc::format!("each of {}", entries.len()),
            Verdict::Without { named, .. } => alloc::format!("without {named:?}"),
            Verdict::Again { class, may_be_stored, .. } => alloc::format!("again {class:?} {may_be_stored}"),
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
            let verdict = Verdict::of_answer(Err(ResponseError::Refused(error)), 3);
            assert_eq!(shown(&verdict), expected, "{status} {message}");
        }
        let entries = |count| PutRecordBatchOutput::new(alloc::vec![PutRecordBatchResponseEntry::accepted("1"); count]);
        assert_eq!(shown(&Verdict::of_answer(Ok(entries(3)), 3)), "each of 3");
        assert_eq!(shown(&Verdict::of_answer(Ok(entries(2)), 3)), "again Transient true");
        let senseless = MalformedResponse::Missing { member: "FailedPutCount" };
        assert_eq!(shown(&Verdict::of_answer(Err(ResponseError::Malformed(senseless)), 3)), "again Transient true");
    }

    #[test]
    fn judges_failures() {
        for (failure, expected) in [
            (CallFailure::NotSent(Reason::new("")), "again Transient false"),
            (CallFailure::Unanswered(Reason::new("")), "again Transient true"),
            (CallFailure::Impossible(Reason::new("")), "stop"),
        ] {
            assert_eq!(shown(&Verdict::of_failure(failure)), expected);
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
