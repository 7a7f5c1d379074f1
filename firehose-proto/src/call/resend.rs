//! [`Resend`]: puts one batch again and again until the service has accepted all of it.

use super::error::Error;
use super::state::ClientState;
use crate::batch::Batch;
use crate::http::Response;
use crate::op::put_record_batch::PutRecordBatchResponseEntry;
use crate::retry::{self, RetryClass};
use crate::time::Tick;

/// Decides, after each call that put a batch, which records to put again, and when.
///
/// After a success, some records may have failed; a [`Call`](super::Call) does not send them again. `Resend` is for
/// drivers that put one batch after the other. With several in flight, use the [`Batcher`](crate::batch::Batcher).
///
/// ```
/// use core::time::Duration;
/// use firehose_proto::batch::Batch;
/// use firehose_proto::call::{Config, Resend, ClientState};
/// # use firehose_proto::Endpoint;
/// use firehose_proto::http::Response;
/// # use firehose_proto::Region;
/// use firehose_proto::time::Tick;
///
/// # let endpoint = Endpoint::resolve(Region::parse("eu-west-1")?, false, false);
/// let mut shared = ClientState::new(Config::new(endpoint), 7);
/// let mut batch = Batch::new("my-stream")?;
/// batch.push(b"one")?;
/// batch.push(b"two")?;
/// let now = Tick::default();
/// let mut resend = Resend::new(now + Duration::from_secs(60));
///
/// // The call for the batch is over: the service has accepted the first record and not the second.
/// let answer = br#"{"FailedPutCount":1,"RequestResponses":[{"RecordId":"1"},
///     {"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]}"#;
/// let again = resend.settle(now, &mut shared, &mut batch, Ok(Response::new(200, answer.to_vec())))?;
/// assert_eq!((batch.len(), batch.encoded(0)), (1, Some("dHdv")));
/// assert!(again.is_some_and(|time| time.since(now) <= Duration::from_secs(1)));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Resend {
    deadline: Tick,
    consecutive_failures: u32,
}

impl Resend {
    /// Tries until this time.
    #[must_use]
    pub const fn new(deadline: Tick) -> Self {
        Self { deadline, consecutive_failures: 0 }
    }

    /// Removes the records that the service accepted from the batch, and says when to put the others: `None` when none
    /// is left.
    ///
    /// When no response came, or a malformed one, all records stay in the batch. They may then be stored twice.
    ///
    /// # Errors
    ///
    /// The failure that another call would not change, or the last one before the deadline. The remaining records are
    /// in the batch.
    pub fn settle(
        &mut self,
        now: Tick,
        shared: &mut ClientState,
        batch: &mut Batch,
        outcome: Result<Response, Error>,
    ) -> Result<Option<Tick>, Error> {
        let outcome = outcome.and_then(|response| Self::take_accepted(batch, &response));
        let (class, hint) = match &outcome {
            Ok(_) if batch.is_empty() => return Ok(None),
            Ok(Progress { accepted, is_throttled }) => {
                // A stream at its quota accepts some records each time.
                self.consecutive_failures = if *accepted > 0 { 0 } else { self.consecutive_failures };
                (if *is_throttled { RetryClass::Throttling } else { RetryClass::Transient }, None)
            }
            Err(error) if error.is_transient() || error.is_ambiguous() => {
                let is_throttling = matches!(error, Error::Refused { error, .. } if error.is_throttling());
                (if is_throttling { RetryClass::Throttling } else { RetryClass::Transient }, error.retry_after())
            }
            Err(_) => return outcome.map(|_| None),
        };
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        let wait = retry::backoff(class, self.consecutive_failures, shared.random.next());
        let time = now + retry::apply_retry_hint(hint, wait);
        if time < self.deadline {
            return Ok(Some(time));
        }
        Err(outcome.err().unwrap_or(Error::DeadlineExceeded { attempts: self.consecutive_failures }))
    }

    fn take_accepted(batch: &mut Batch, response: &Response) -> Result<Progress, Error> {
        let output = batch.decode(response)?;
        let is_throttled = output.is_throttled();
        let accepted = batch.len() - output.failed_put_count;
        let entries = &output.request_responses;
        batch.retain(|index| entries.get(index).is_some_and(PutRecordBatchResponseEntry::is_failed));
        Ok(Progress { accepted, is_throttled })
    }
}

/// What a successful call achieved.
struct Progress {
    accepted: usize,
    is_throttled: bool,
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::*;
    use crate::call::Config;
    use crate::endpoint::Endpoint;
    use crate::exception::{ErrorCode, ServiceError};
    use crate::region::Region;
    use crate::transport::{TransportError, TransportErrorKind};

    fn shared() -> ClientState {
        let endpoint = Endpoint::resolve(Region::parse("eu-west-1").unwrap(), false, false);
        ClientState::new(Config::new(endpoint), 7)
    }

    fn batch() -> Batch {
        let mut batch = Batch::new("s").unwrap();
        for record in [b"a", b"b", b"c"] {
            batch.push(record).unwrap();
        }
        batch
    }

    /// A response in which `+` is accepted, `-` failed and `s` throttled.
    fn answer(entries: &str) -> Result<Response, Error> {
        let entry = |entry| match entry {
            '+' => r#"{"RecordId":"1"}"#,
            's' => r#"{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}"#,
            _ => r#"{"ErrorCode":"InternalFailure","ErrorMessage":"Internal."}"#,
        };
        let failed = entries.chars().filter(|&entry| entry != '+').count();
        let entries: Vec<_> = entries.chars().map(entry).collect();
        let body = format!(r#"{{"FailedPutCount":{failed},"RequestResponses":[{}]}}"#, entries.join(","));
        Ok(Response::new(200, body.into_bytes()))
    }

    fn refused(status: u16, code: ErrorCode, is_transient: bool) -> Result<Response, Error> {
        let error = ServiceError::new(status, code, "");
        Err(Error::Refused { error, attempts: 3, is_transient, retry_after: None, clock_skew: None })
    }

    #[test]
    fn keeps_what_was_not_accepted_and_knows_when_to_give_up() {
        let broken = || Err(Error::Transport { error: TransportError::new(TransportErrorKind::Broken), attempts: 3 });
        // Number of records left; the longest wait in milliseconds, or `None` when it ends.
        for (outcome, left, longest) in [
            (answer("+++"), 0, None),
            (answer("+-+"), 1, Some(50)),
            (answer("-s-"), 3, Some(1_000)),
            (answer("++"), 3, Some(50)),
            (broken(), 3, Some(50)),
            (refused(400, ErrorCode::ThrottlingException, true), 3, Some(1_000)),
            (refused(400, ErrorCode::ResourceNotFoundException, false), 3, None),
        ] {
            let (mut batch, name) = (batch(), format!("{outcome:?}"));
            let settled = Resend::new(Tick::MAX).settle(Tick::default(), &mut shared(), &mut batch, outcome);
            assert_eq!(batch.len(), left, "{name}");
            assert_eq!(settled.is_err(), left > 0 && longest.is_none(), "{name}");
            let wait = settled.ok().flatten().map(|time| time.as_duration().as_millis());
            assert_eq!(wait.is_some(), longest.is_some(), "{name}");
            assert!(wait <= longest, "{name}");
        }
    }

    #[test]
    fn waits_as_long_as_the_service_asks_for() {
        let mut outcome = refused(400, ErrorCode::ThrottlingException, true);
        if let Err(Error::Refused { retry_after, .. }) = &mut outcome {
            *retry_after = Some(Duration::from_secs(3));
        }
        let time = Resend::new(Tick::MAX).settle(Tick::default(), &mut shared(), &mut batch(), outcome).unwrap();
        assert_eq!(time, Some(Tick::from_duration(Duration::from_secs(3))));
    }

    #[test]
    fn puts_nothing_at_its_deadline_or_later() {
        let settle =
            |deadline| Resend::new(deadline).settle(Tick::default(), &mut shared(), &mut batch(), answer("sss"));
        // The same seed, the same wait.
        let time = settle(Tick::MAX).unwrap().unwrap();
        assert!(matches!(settle(time), Err(Error::DeadlineExceeded { attempts: 1 })));
        assert_eq!(settle(time + Duration::from_nanos(1)).unwrap(), Some(time));
    }

    #[test]
    fn waits_longer_as_long_as_nothing_is_accepted_and_ends_with_its_time() {
        let (mut shared, mut batch, mut now) = (shared(), batch(), Tick::default());
        let mut resend = Resend::new(now + Duration::from_secs(60));
        let error = loop {
            match resend.settle(now, &mut shared, &mut batch, answer("sss")) {
                Ok(time) => now = time.unwrap(),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error:?}");
        assert!(now.as_duration() < Duration::from_secs(60) && resend.consecutive_failures > 5);
        let mut resend = Resend { consecutive_failures: 30, ..Resend::new(Tick::MAX) };
        let time = resend.settle(now, &mut shared, &mut batch, answer("+--")).unwrap().unwrap();
        assert!(time.since(now) < Duration::from_millis(50), "something was accepted");
    }
}
