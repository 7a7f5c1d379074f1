//! [`Script`]: chooses the [`Fault`] of each call by the seed and the call's number, and injects it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use firehose_proto::error::{ErrorCode, ServiceError};
use firehose_proto::http::Response;
use firehose_proto::model::Record;
use firehose_proto::op::PutRecordBatchResponseEntry;
use log::debug;
use time::Duration as SignedDuration;

use super::faults::{Fault, FaultCounts, Faults};
use super::http::Answer;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const EMPTY_DOCUMENT: &[u8] = b"{}";

/// A body as a captive portal or a proxy might send it.
const WEB_PAGE: &[u8] = b"<html><body>Please log in.</body></html>";

/// One in this many failed records of a partial failure has the code `InternalFailure`.
const INTERNAL_FAILURE_ONE_IN: u8 = 8;

/// The faults of a running endpoint, and their counts.
#[derive(Debug)]
pub(super) struct Script {
    faults: Faults,
    calls: AtomicU64,
    counts: Mutex<FaultCounts>,
}

impl Script {
    pub(super) fn new(faults: Faults) -> Self {
        Self { faults, calls: AtomicU64::new(0), counts: Mutex::default() }
    }

    /// How far the endpoint's clock is ahead.
    pub(super) fn skew(&self) -> SignedDuration {
        SignedDuration::seconds(self.faults.skew_s.into())
    }

    pub(super) fn counts(&self) -> FaultCounts {
        let mut counts = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.calls = self.calls.load(Ordering::Relaxed);
        counts
    }

    /// The plan for the next call.
    pub(super) fn next(&self) -> CallPlan<'_> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        // Hashed first, because neighbouring seeds give correlated sequences.
        let mut random = Rng::with_seed(Rng::with_seed(number).u64(..) ^ self.faults.seed);
        let mut point = random.f64();
        let fault = self.faults.probabilities().find(|(_, probability)| {
            point -= probability;
            point < 0.0
        });
        let delay = Duration::from_millis(random.u64(..=2 * u64::from(self.faults.delay_ms)));
        CallPlan { script: self, number, fault: fault.map(|(fault, _)| fault), delay, random, stored: 0 }
    }

    fn update(&self, change: impl FnOnce(&mut FaultCounts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A call, and the fault to inject.
#[derive(Debug)]
pub(super) struct CallPlan<'a> {
    script: &'a Script,
    /// Counted from 1.
    number: u64,
    fault: Option<Fault>,
    /// How long to wait before the answer.
    pub(super) delay: Duration,
    random: Rng,
    /// Records of the call that were stored.
    stored: u64,
}

impl CallPlan<'_> {
    /// Makes the call, unless its fault prevents that, and shapes its answer.
    ///
    /// `call` gets the plan, or the error to answer with if the fault is a refusal.
    pub(super) fn run(mut self, call: impl FnOnce(Result<&mut Self, ServiceError>) -> Response) -> Answer {
        let Some(fault) = self.fault else { return call(Ok(&mut self)).into() };
        let refusal = match fault {
            Fault::Throttle => Some(ServiceError::new(400, ErrorCode::ThrottlingException, "Rate exceeded")),
            Fault::Http500 | Fault::Http503 => Some(refusal(fault == Fault::Http503)),
            Fault::CutBefore => {
                self.count(fault);
                return Answer::Nothing;
            }
            _ => None,
        };
        if let Some(error) = refusal {
            self.count(fault);
            return call(Err(error)).into();
        }
        let response = call(Ok(&mut self));
        if response.status == 200 { self.hide_success(fault, response) } else { response.into() }
    }

    /// Removes from a put's records those that are to fail, and returns the error code of each record, if it fails. An
    /// empty list means that none does.
    pub(super) fn fail(&mut self, records: &mut Vec<Record<'_>>) -> Vec<Option<ErrorCode>> {
        let is_partial = self.fault == Some(Fault::Partial);
        let throttled = self.script.faults.throttle_records;
        let mut failures = Vec::new();
        if !is_partial && throttled == 0.0 {
            return failures;
        }
        for _ in &*records {
            failures.push(if is_partial && self.random.bool() {
                Some(self.reason())
            } else {
                (self.random.f64() < throttled).then_some(ErrorCode::ServiceUnavailableException)
            });
        }
        if is_partial && failures.iter().all(Option::is_none) {
            let reason = self.reason();
            let chosen = self.random.usize(..failures.len().max(1));
            failures.get_mut(chosen).into_iter().for_each(|failure| *failure = Some(reason.clone()));
        }
        let mut codes = failures.iter();
        records.retain(|_| codes.next().is_none_or(Option::is_none));
        failures
    }

    /// The error code of a failed record in a partial failure.
    fn reason(&mut self) -> ErrorCode {
        if self.random.u8(..INTERNAL_FAILURE_ONE_IN) == 0 {
            ErrorCode::InternalFailure
        } else {
            ErrorCode::ServiceUnavailableException
        }
    }

    /// The answer's entries, from the ids of the stored records and the error codes of the others.
    pub(super) fn entries(
        &mut self,
        ids: Vec<String>,
        failures: Vec<Option<ErrorCode>>,
    ) -> Vec<PutRecordBatchResponseEntry<'static>> {
        self.stored = as_u64(ids.len());
        let failed = as_u64(failures.iter().flatten().count());
        if failed > 0 {
            self.script.update(|counts| counts.failed_records += failed);
            debug!("call {}: {failed} records failed, {} stored", self.number, self.stored);
        }
        if self.fault == Some(Fault::Partial) {
            self.count(Fault::Partial);
        }
        let mut accepted = ids.into_iter().map(PutRecordBatchResponseEntry::accepted);
        if failures.is_empty() {
            return accepted.collect();
        }
        let failed = |code: ErrorCode| {
            let error = refusal(code == ErrorCode::ServiceUnavailableException);
            PutRecordBatchResponseEntry::failed(code.as_str().to_owned(), error.message)
        };
        failures.into_iter().filter_map(|failure| failure.map(failed).or_else(|| accepted.next())).collect()
    }

    /// Adds or removes an entry, if that is the call's fault.
    pub(super) fn miscount(&mut self, entries: &mut Vec<PutRecordBatchResponseEntry<'static>>) {
        if self.fault != Some(Fault::WrongCount) {
            return;
        }
        if self.random.bool() {
            entries.pop();
        } else {
            entries.extend(entries.last().cloned());
        }
        self.count_unconfirmed(Fault::WrongCount);
    }

    /// Hides from the caller that the call succeeded.
    fn hide_success(&mut self, fault: Fault, mut response: Response) -> Answer {
        let answer = match fault {
            Fault::CutAfter => Answer::Nothing,
            Fault::Truncate => {
                let shown = self.random.usize(..response.body.len().max(1));
                Answer::CutShort(response, shown)
            }
            Fault::Malformed => {
                let (content_type, body) =
                    if self.random.bool() { ("text/html", WEB_PAGE) } else { (CONTENT_TYPE, EMPTY_DOCUMENT) };
                let set = response.headers.set("content-type", content_type);
                debug_assert!(set.is_ok(), "a content type has no control characters");
                response.body = body.to_vec();
                response.into()
            }
            _ => return response.into(),
        };
        self.count_unconfirmed(fault);
        answer
    }

    fn count_unconfirmed(&self, fault: Fault) {
        self.script.update(|counts| counts.unconfirmed_records += self.stored);
        self.count(fault);
    }

    /// Counts a fault that occurred.
    fn count(&self, fault: Fault) {
        self.script.update(|counts| counts.count(fault));
        debug!("call {}: {}, {} records stored", self.number, fault.key(), self.stored);
    }
}

/// The refusal of a call or record: for lack of capacity, or as an internal failure.
fn refusal(is_full: bool) -> ServiceError {
    if is_full {
        ServiceError::new(503, ErrorCode::ServiceUnavailableException, "Slow down.")
    } else {
        ServiceError::new(500, ErrorCode::InternalFailure, "Internal service failure.")
    }
}

/// The refusal of a PutRecord call whose record failed, because its answer has no entries.
pub(super) fn refusal_of(entry: &PutRecordBatchResponseEntry<'_>) -> ServiceError {
    refusal(entry.error_code.as_deref() == Some(ErrorCode::ServiceUnavailableException.as_str()))
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firehose_proto::credentials::Credentials;
    use firehose_proto::http::{Method, Request};
    use firehose_proto::time::Tick;
    use tempfile::TempDir;
    use time::OffsetDateTime;

    use super::super::Handler;
    use super::super::hosts::Hosts;
    use super::super::store::Store;
    use super::super::streams::Streams;
    use super::*;
    use crate::clock::Clock;

    const SPEC: &str = "partial=0.2,throttle=0.1,http500=0.1,http503=0.1,cut_before=0.1,cut_after=0.1,truncate=0.1,\
                        malformed=0.1,wrong_count=0.1,throttle_records=0.3,delay_ms=50";

    fn script(seed: u64) -> Script {
        Script::new(format!("{SPEC},seed={seed}").parse().unwrap())
    }

    /// Everything about a call that is random.
    fn course(mut plan: CallPlan<'_>) -> (Option<Fault>, Duration, Vec<Option<ErrorCode>>, u64) {
        let failures = plan.fail(&mut vec![Record::new(b"x"); 30]);
        (plan.fault, plan.delay, failures, plan.random.u64(..))
    }

    #[test]
    fn fault_depends_on_the_seed_and_the_number_of_the_call_alone() {
        let [one, other, third] = [script(7), script(7), script(8)];
        let mut same = 0;
        for number in 0..200 {
            // The calls in between, and whether they use their plan, make no difference.
            drop((number % 2 == 1).then(|| (one.next(), course(other.next()), third.next())));
            let expected = course(one.next());
            assert_eq!(expected, course(other.next()), "{number}");
            same += usize::from(expected == course(third.next()));
        }
        assert_eq!(same, 0, "another seed, another course");
    }

    #[test]
    fn faults_come_as_often_as_they_should() {
        let script = script(1);
        let (mut faults, mut delay, mut throttled, mut halved) = (Vec::new(), Duration::ZERO, 0, 0);
        for _ in 0..10_000 {
            let (fault, pause, failures, _) = course(script.next());
            let failed = failures.iter().flatten().count();
            *(if fault == Some(Fault::Partial) { &mut halved } else { &mut throttled }) += failed;
            assert!(pause <= Duration::from_millis(100));
            delay += pause;
            faults.push(fault);
        }
        for (fault, probability) in script.faults.probabilities() {
            let share = faults.iter().filter(|met| **met == Some(fault)).count();
            let expected = if fault == Fault::Partial { 2_000 } else { 1_000 };
            assert!(share.abs_diff(expected) < 200, "{fault:?} {probability} {share}");
        }
        assert!(delay.abs_diff(Duration::from_secs(500)) < Duration::from_secs(10), "{delay:?}");
        // Of 30 records of each of 8,000 calls 0.3, and of 2,000 calls 0.5 + 0.5 · 0.3.
        assert!(throttled.abs_diff(72_000) < 2_000, "{throttled}");
        assert!(halved.abs_diff(39_000) < 2_000, "{halved}");
    }

    #[test]
    fn partial_failure_fails_at_least_one_record() {
        let script = Script::new("partial=1".parse().unwrap());
        let mut codes = Vec::new();
        for number in 0..200 {
            let data = [b"a", b"b", b"c"];
            let mut records: Vec<_> = data.map(Record::new).into();
            let failures = script.next().fail(&mut records);
            let stored = data.iter().zip(&failures).filter(|(_, failure)| failure.is_none());
            let stored: Vec<_> = stored.map(|(data, _)| Record::new(*data)).collect();
            assert_eq!(records, stored, "{number}");
            assert!(records.len() < 3, "{number}");
            codes.extend(failures.into_iter().flatten());
        }
        for code in [ErrorCode::ServiceUnavailableException, ErrorCode::InternalFailure] {
            assert!(codes.contains(&code), "{code}");
        }
    }

    #[test]
    fn without_faults_nothing_happens() {
        let script = Script::new(Faults::default());
        for _ in 0..1000 {
            assert_eq!(script.next().fail(&mut vec![Record::new(b"x")]), []);
            assert!(matches!(script.next().run(|_| Response::new(200, Vec::new())), Answer::Whole(_)));
        }
        assert_eq!(script.counts(), FaultCounts { calls: 2000, ..FaultCounts::default() });
    }

    /// A clock that stands still and knows how long it was asked to sleep.
    #[derive(Default)]
    struct Still(Mutex<Vec<Duration>>);

    impl Clock for &Still {
        fn now(&self) -> OffsetDateTime {
            OffsetDateTime::UNIX_EPOCH
        }

        fn tick(&self) -> Tick {
            Tick::from_duration(Duration::ZERO)
        }

        fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration);
        }

        fn random(&self) -> u64 {
            0
        }
    }

    #[test]
    fn delays_answers_and_dates_them_by_a_clock_that_is_off() {
        let dir = TempDir::new().unwrap();
        let clock = Still::default();
        let script = Arc::new(Script::new("delay_ms=10,skew_s=86401,cut_before=0.5".parse().unwrap()));
        let store = Arc::new(Store::new(dir.path().into(), false));
        let handler = Handler {
            store: Arc::clone(&store),
            streams: Streams::open(store, true, Duration::ZERO).unwrap(),
            hosts: Hosts::new("127.0.0.1".parse().unwrap(), &[]),
            script: Arc::clone(&script),
            credentials: Credentials::new("test", "test"),
            clock: &clock,
        };
        for _ in 0..50 {
            if let Answer::Whole(response) = handler.handle(&Request::new(Method::Post, "/")) {
                assert_eq!(response.headers.value("date"), Some("Fri, 02 Jan 1970 00:00:01 GMT"));
            }
        }
        let again = Script::new(script.faults);
        let expected: Vec<_> = (0..50).map(|_| again.next().delay).filter(|delay| !delay.is_zero()).collect();
        assert_eq!(*clock.0.lock().unwrap(), expected);
    }
}
