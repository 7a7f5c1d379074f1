//! [`Call`]: one API call from its input to its outcome, for any transport.
//!
//! A call says what it needs and is told what happened. It does no I/O, reads no clock and never sleeps. It knows what
//! AWS's clients know: which headers to sign, when a signature has expired, what a retry costs, which refusals concern
//! the clock or the credentials, and whether an interrupted request may have taken effect.
//!
//! ```text
//!          ┌──────────────────────────── another attempt ◀── Wait(until) ◀──┐
//!          ▼                                                                │ backoff, within attempts, quota and deadline
//!  NeedCredentials ─▶ (Wait for the client's own rate) ─▶ Transmit ─▶ handle_response ─▶ Done(response or error)
//!          ▲                                                                │
//!          └──── at once: credentials refused, signature expired ◀──────────┘
//! ```
//!
//! The calls of one client share a [`ClientState`]. A driver with threads keeps it behind a lock. The lock is never
//! held for long: a call hashes its body when it is made. The whole driver is a loop:
//!
//! ```
//! use firehose_proto::{Endpoint, Region};
//! use firehose_proto::call::{self, Action, Call, Config, Error, ClientState, Timeouts};
//! use firehose_proto::credentials::Credentials;
//! use firehose_proto::error::TransportError;
//! use firehose_proto::http::{Request, Response};
//! use firehose_proto::model::Record;
//! use firehose_proto::op::{PutRecord, PutRecordInput};
//! use firehose_proto::time::{AmzDate, Now, Tick};
//!
//! // The driver's part: a clock, credentials, and a way to carry a request.
//! fn now() -> Now {
//!     Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap())
//! }
//! fn send(request: &Request<'_>, _: Timeouts) -> Result<Response, TransportError> {
//!     assert!(request.headers.value("authorization").is_some());
//!     Ok(Response::new(200, br#"{"RecordId":"id-1"}"#.to_vec()))
//! }
//!
//! let endpoint = Endpoint::resolve(Region::parse("eu-west-1")?, false, false);
//! let seed = 7; // from the driver's source of entropy
//! let mut shared = ClientState::new(Config::new(endpoint), seed);
//!
//! let input = PutRecordInput::new("my-stream", Record::new(b"one line\n"));
//! let mut call = Call::new::<PutRecord>(shared.config(), &input)?;
//! let response = loop {
//!     match call.poll(now(), &mut shared) {
//!         Action::NeedCredentials { .. } => call.handle_credentials(Ok(Credentials::new("AKIDEXAMPLE", "secret").into())),
//!         Action::Transmit { request, timeouts } => {
//!             let result = send(request, timeouts);
//!             call.handle_response(now(), result);
//!         }
//!         Action::Wait(_until) => {} // sleep
//!         Action::Done(outcome) => break outcome?,
//!     }
//! };
//! assert_eq!(call::decode::<PutRecord>(&input, &response)?.record_id, "id-1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod request;
mod resend;
mod state;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::num::NonZeroU32;
use core::time::Duration;

pub use self::error::Error;
pub(crate) use self::error::UncorrectedSkew;
pub use self::resend::Resend;
pub use self::state::{ClientState, Config};
use crate::batch::Batch;
use crate::client;
pub use crate::client::{decode, encode, encode_unvalidated};
use crate::credentials::{Credentials, CredentialsError};
use crate::exception::{ErrorCode, ServiceError};
use crate::http::{Request, Response};
use crate::op::Operation;
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput};
use crate::retry::{Attempt, Decision, Observed, Retries, RetryClass};
use crate::sigv4::SignError;
use crate::time::{Now, Tick};
pub use crate::transport::Timeouts;
use crate::transport::TransportError;
use crate::uuid;
#[cfg(feature = "control")]
pub use crate::wait::{WaitFailure, WaitStep, Waiter};

/// One call of the API, with all its attempts.
///
/// **Poll it, do what it asks for, and tell it what happened, until it is done.** A call ignores what it did not ask
/// for. The monotonic clock must not go back; the wall clock may jump.
///
/// `'a` is how long the body is borrowed. A [new](Self::new) call owns its body.
pub struct Call<'a> {
    config: Arc<Config>,
    request: Request<'a>,
    modeled: &'static [ErrorCode],
    /// How many records a PutRecordBatch carries. Its response has an entry for each.
    records: Option<usize>,
    is_single: bool,
    trace_id: Option<String>,
    invocation_id: Option<String>,
    retries: Retries,
    /// Requests sent so far.
    attempts: u32,
    /// What each call repeats once, at once and without cost.
    used: Used,
    deadline: Option<Tick>,
    credentials: Option<Arc<Credentials>>,
    last_failure: Option<Error>,
    state: State,
}

/// The repetitions that are not retries.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    refresh: bool,
    signature: bool,
    clock: bool,
}

enum State {
    /// The call needs credentials; if the service refused the last ones, others.
    Unauthorized {
        refused: bool,
    },
    /// The service refused the last credentials, and there are no others.
    NotRefreshed,
    /// A request may be made.
    Ready,
    InFlight(Attempt),
    /// The result of the request, and when it arrived.
    Answered(Attempt, Now, Box<Result<Response, TransportError>>),
    Waiting(Tick),
    Done(Box<Result<Response, Error>>),
    /// The outcome was returned.
    Over,
}

/// What a call asks its driver to do.
#[derive(Debug)]
pub enum Action<'c, 'a> {
    /// Find credentials, and pass them to [`Call::handle_credentials`].
    NeedCredentials {
        /// The credentials of the last attempt, if the service refused them. The call needs others.
        refused: Option<&'c Arc<Credentials>>,
    },
    /// Send this request unchanged, and pass the result to [`Call::handle_response`].
    ///
    /// It has all headers except `Content-Length`. Do not follow redirects. Return a response of any status, and read
    /// at most [`MAX_RESPONSE_BYTES`](crate::limits::MAX_RESPONSE_BYTES) of it.
    Transmit {
        /// The request, signed.
        request: &'c Request<'a>,
        /// How long it may take.
        timeouts: Timeouts,
    },
    /// Poll again at this time or later.
    Wait(Tick),
    /// The call is over. A response is a success; read it with [`decode`] or [`Batch::decode`].
    Done(Result<Response, Error>),
}

impl<'a> Call<'a> {
    /// A call of an operation.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: every breach of a documented limit, unless [`Config::parameter_validation`] is off.
    pub fn new<O: Operation>(config: &Arc<Config>, input: &O::Input<'_>) -> Result<Self, Error> {
        if config.parameter_validation || O::IS_PUT {
            O::validate(input)?;
        }
        let url = config.endpoint.url().to_owned();
        Ok(Self::of(config, client::write::<O>(input, url, &config.endpoint), O::ERRORS, None))
    }

    /// A call that puts the records of a batch. It borrows the batch's body.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyBatch`].
    pub fn put_batch(config: &Arc<Config>, batch: &'a Batch) -> Result<Self, Error> {
        let request = batch.borrowed_request(&config.endpoint).map_err(|_| Error::EmptyBatch)?;
        Ok(Self::of(config, request, PutRecordBatch::ERRORS, Some(batch.len())))
    }

    fn of(
        config: &Arc<Config>,
        mut request: Request<'a>,
        modeled: &'static [ErrorCode],
        records: Option<usize>,
    ) -> Self {
        // The only slow part of a call. It happens here, outside of any lock.
        request.body_sha256();
        Self {
            retries: Retries::new(config.max_attempts),
            config: Arc::clone(config),
            request,
            modeled,
            records,
            is_single: false,
            trace_id: None,
            invocation_id: None,
            attempts: 0,
            used: Used::default(),
            deadline: None,
            credentials: None,
            last_failure: None,
            state: State::Unauthorized { refused: false },
        }
    }

    /// The same call with one attempt, for callers with their own retry rules, such as the
    /// [`Batcher`](crate::batch::Batcher). It still repeats a request whose clock or credentials were wrong.
    #[must_use]
    pub fn single_attempt(mut self) -> Self {
        self.is_single = true;
        self.retries = Retries::new(NonZeroU32::MIN);
        self
    }

    /// The same call as part of this trace, see [`settings::trace_id`](crate::settings::trace_id).
    #[must_use]
    pub fn with_trace_id(mut self, trace_id: Option<String>) -> Self {
        self.trace_id = trace_id;
        self
    }

    /// How many requests were sent so far.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why the last attempt failed, while another one is due.
    #[must_use]
    pub const fn last_failure(&self) -> Option<&Error> {
        self.last_failure.as_ref()
    }

    /// Says what to do next. It repeats itself until it is told the result, or until the wait is over.
    pub fn poll(&mut self, now: Now, shared: &mut ClientState) -> Action<'_, 'a> {
        match mem::replace(&mut self.state, State::Over) {
            State::Answered(attempt, at, result) => self.evaluate(at, shared, &attempt, *result),
            State::NotRefreshed => {
                if let Some(failure) = self.last_failure.take() {
                    let retry_after = failure.retry_after();
                    self.fail(now, shared, RetryClass::Transient, retry_after, failure);
                }
            }
            State::Waiting(until) if until <= now.tick => {
                let refused = self.last_failure.as_ref().is_some_and(Error::is_about_credentials);
                self.state = State::Unauthorized { refused };
            }
            state => self.state = state,
        }
        if let State::Ready = self.state
            && let Some(until) = self.transmit(now, shared)
        {
            return Action::Wait(until);
        }
        match &self.state {
            State::Unauthorized { refused } => {
                Action::NeedCredentials { refused: self.credentials.as_ref().filter(|_| *refused) }
            }
            State::InFlight(_) => Action::Transmit { request: &self.request, timeouts: self.timeouts(now) },
            State::Waiting(until) => Action::Wait(*until),
            State::Done(_) => match mem::replace(&mut self.state, State::Over) {
                State::Done(outcome) => Action::Done(*outcome),
                _ => unreachable!("matched above"),
            },
            State::Answered(..) | State::NotRefreshed | State::Ready | State::Over => Action::Wait(Tick::MAX),
        }
    }

    /// Handles the credentials to sign with, or the reason why there are none.
    pub fn handle_credentials(&mut self, found: Result<Arc<Credentials>, CredentialsError>) {
        let State::Unauthorized { refused } = self.state else { return };
        let is_refresh = refused && !self.used.refresh;
        match found {
            Ok(found) => {
                let is_same = self.credentials.as_ref().is_some_and(|refused| refused.has_same_keys(&found));
                self.credentials = Some(found);
                self.used.refresh |= is_refresh;
                self.state = if is_refresh && is_same { State::NotRefreshed } else { State::Ready };
            }
            // The service's refusal of the old credentials says more, and a later attempt may find others.
            Err(_) if refused => {
                self.used.refresh = true;
                self.state = State::NotRefreshed;
            }
            Err(error) => {
                // An earlier attempt may have taken effect. The caller must know that.
                let earlier = self.last_failure.take().filter(Error::is_ambiguous);
                self.end(Err(earlier.unwrap_or(Error::Credentials(error))));
            }
        }
    }

    /// Handles the result of the request: a response of any status, or the reason why there is no complete one.
    pub fn handle_response(&mut self, now: Now, result: Result<Response, TransportError>) {
        if let State::InFlight(attempt) = self.state {
            self.state = State::Answered(attempt, now, Box::new(result));
        }
    }

    /// Decides what follows from the result of the request.
    fn evaluate(
        &mut self,
        now: Now,
        shared: &mut ClientState,
        attempt: &Attempt,
        result: Result<Response, TransportError>,
    ) {
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                shared.observe_rate(now, false);
                let class = if error.kind().is_transient() { RetryClass::Transient } else { RetryClass::None };
                let failure = Error::Transport { error, attempts: self.attempts };
                return self.fail(now, shared, class, None, failure);
            }
        };
        let observed = attempt.observe(now.utc, &response.headers, &mut shared.skew);
        if response.is_success() {
            let is_throttled = shared.is_rate_limited() && self.is_throttled(&response);
            shared.observe_rate(now, is_throttled);
            mem::take(&mut self.retries).on_success(&mut shared.quota);
            return self.end(Ok(response));
        }
        let error = ServiceError::read(&response);
        // The request was signed for the right time, so the clock is not the cause, even if it is wrong.
        let skew = observed.skew.filter(|_| !observed.is_timely);
        let class = error.disposition(self.modeled, skew);
        shared.observe_rate(now, class == RetryClass::Throttling);
        self.refused(now, shared, &observed, class, error);
    }

    /// Handles a refusal: repeats at once what can be corrected at once, else applies the retry rules.
    fn refused(
        &mut self,
        now: Now,
        shared: &mut ClientState,
        observed: &Observed,
        class: RetryClass,
        error: ServiceError,
    ) {
        let is_about_credentials = error.is_about_credentials();
        let is_old = observed.is_signature_old && error.may_be_about_clock();
        let signs_again = is_old && first_time(&mut self.used.signature);
        let is_about_clock = self.is_single && class == RetryClass::ClockSkew;
        let is_corrected = is_about_clock && first_time(&mut self.used.clock);
        let failure = Error::Refused {
            clock_skew: observed
                .uncorrected
                .filter(|&skew| error.retry_class(self.modeled, Some(skew)) == RetryClass::ClockSkew),
            error,
            attempts: self.attempts,
            // A call made again gets a new signature.
            is_transient: class != RetryClass::None || is_old,
            retry_after: observed.retry_after,
        };
        if signs_again || is_corrected {
            self.last_failure = Some(failure);
            self.state = State::Unauthorized { refused: false };
        } else if is_about_credentials && !self.used.refresh {
            self.last_failure = Some(failure);
            self.state = State::Unauthorized { refused: true };
        } else {
            self.fail(now, shared, class, observed.retry_after, failure);
        }
    }

    /// Ends the call, or waits for the next attempt.
    fn fail(&mut self, now: Now, shared: &mut ClientState, class: RetryClass, hint: Option<Duration>, failure: Error) {
        let random = shared.random.next();
        match self.retries.on_failure(class, hint, random, &mut shared.quota) {
            Decision::RetryAfter(delay) if self.deadline.is_none_or(|deadline| now.tick + delay < deadline) => {
                self.last_failure = Some(failure);
                self.state = State::Waiting(now.tick + delay);
            }
            Decision::RetryAfter(_) | Decision::GiveUp(_) => self.end(Err(failure)),
        }
    }

    fn end(&mut self, outcome: Result<Response, Error>) {
        self.last_failure = None;
        self.state = State::Done(Box::new(outcome));
    }

    /// Makes the request of the next attempt, or says until when to wait.
    fn transmit(&mut self, now: Now, shared: &mut ClientState) -> Option<Tick> {
        // The operation timeout does not include finding credentials.
        let operation_timeout = self.config.operation_timeout.filter(|_| !self.is_single);
        let deadline =
            *self.deadline.get_or_insert_with(|| operation_timeout.map_or(Tick::MAX, |timeout| now.tick + timeout));
        let until = shared.acquire(now);
        if deadline <= until.unwrap_or(now.tick) {
            let attempts = self.attempts;
            let failure = self.last_failure.take().unwrap_or(Error::DeadlineExceeded { attempts });
            self.end(Err(failure));
            return None;
        }
        if until.is_some() {
            return until;
        }
        if let Err(error) = self.sign(now, shared) {
            self.end(Err(Error::Sign(error)));
        }
        None
    }

    fn sign(&mut self, now: Now, shared: &mut ClientState) -> Result<(), SignError> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let attempt = Attempt::begin(now.utc, &shared.skew);
        request::sign(&mut self.request, shared, &attempt, credentials)?;
        let random = &mut shared.random;
        let id = self
            .invocation_id
            .get_or_insert_with(|| uuid::v4(u128::from(random.next()) << u64::BITS | u128::from(random.next())));
        request::add_unsigned(&mut self.request, &self.config, &attempt, &self.retries, id, self.trace_id.as_deref());
        self.attempts += 1;
        self.state = State::InFlight(attempt);
        Ok(())
    }

    /// The timeouts of an attempt that begins now.
    fn timeouts(&self, now: Now) -> Timeouts {
        let mut timeouts = self.config.timeouts;
        if let Some(deadline) = self.deadline.filter(|deadline| *deadline < Tick::MAX) {
            // Never zero: some transports take zero for no limit.
            let left = deadline.since(now.tick).max(Duration::from_millis(1));
            timeouts.attempt = Some(timeouts.attempt.map_or(left, |attempt| attempt.min(left)));
        }
        timeouts
    }

    /// Whether a successful response still asks for fewer requests.
    fn is_throttled(&self, response: &Response) -> bool {
        let read = |records| PutRecordBatchOutput::read(records, &response.body);
        self.records.is_some_and(|records| read(records).is_ok_and(|output| output.is_throttled()))
    }
}

impl Call<'static> {
    /// A call that puts the records of a batch and shares it, for a driver that sends from another task or thread. See
    /// [`Request::shared_body`].
    ///
    /// # Errors
    ///
    /// [`Error::EmptyBatch`].
    pub fn put_shared_batch(config: &Arc<Config>, batch: &Arc<Batch>) -> Result<Self, Error> {
        let request = batch.shared_request(&config.endpoint).map_err(|_| Error::EmptyBatch)?;
        Ok(Self::of(config, request, PutRecordBatch::ERRORS, Some(batch.len())))
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("request", &self.request).field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

fn first_time(is_used: &mut bool) -> bool {
    !mem::replace(is_used, true)
}
