//! [`Client`]: signing, retries and clock correction around each call, and the put that resends what failed.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firehose_proto::batch::Batch;
use firehose_proto::call::Error;
use firehose_proto::client as exchange;
use firehose_proto::client::ResponseError;
use firehose_proto::credentials::Credentials;
use firehose_proto::endpoint::Endpoint;
use firehose_proto::exception::{ErrorCode, ServiceError};
use firehose_proto::http::{Request, Response};
use firehose_proto::op::Operation;
use firehose_proto::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use firehose_proto::retry::{self, ClockSkew, Decision, RateLimiter, Retries, RetryClass, RetryQuota};
use firehose_proto::settings;
use firehose_proto::sigv4::{KeyCache, SignError, Signer};
use firehose_proto::time::{IsoDate, Tick};
use time::{OffsetDateTime, SignedDuration};

use crate::builder::ClientBuilder;
use crate::clock::Clock;
use crate::credentials::{Cache, Context, CredentialsError};
use crate::error::Chain;
use crate::transport::{Timeouts, Transport, TransportError, TransportErrorKind};
use crate::uuid;

/// The name under which requests are signed.
const SERVICE: &str = "firehose";

/// Headers that are not signed: they change between attempts, or on the way.
const UNSIGNED: [&str; 5] =
    ["amz-sdk-invocation-id", "amz-sdk-request", "user-agent", "accept-encoding", "x-amzn-trace-id"];

/// What the service answers to credentials that were good once.
const ABOUT_CREDENTIALS: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken"];

/// A Firehose client for one region and set of credentials.
///
/// It is `Send` and `Sync`, and a clone shares connections, signing key, clock correction and retry quota with
/// its origin: make one and clone it into every thread.
///
/// Calls are tried up to three times, by the rules that all AWS SDKs share. A call that times out or ends in a
/// server error may have stored its records; trying it again may store them twice.
///
/// ```no_run
/// use firehose_blocking::{Client, Credentials, PutRecordInput, Record};
///
/// let client = Client::builder().region("eu-west-1").credentials(Credentials::new("AKIDEXAMPLE", "secret")).build()?;
/// let output = client.put_record(&PutRecordInput::new("my-stream", Record::new(b"one line\n")))?;
/// println!("accepted as {}", output.record_id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    credentials: Cache,
    context: Context,
    settings: CallSettings,
    keys: Mutex<KeyCache>,
    quota: Mutex<RetryQuota>,
    skew: Mutex<ClockSkew>,
    limiter: Option<Mutex<RateLimiter>>,
}

/// What a client needs of its settings for each call.
pub(crate) struct CallSettings {
    pub(crate) timeouts: Timeouts,
    pub(crate) operation_timeout: Option<Duration>,
    pub(crate) max_attempts: NonZeroU32,
    pub(crate) user_agent: String,
    pub(crate) validates: bool,
    pub(crate) is_adaptive: bool,
    pub(crate) is_skew_corrected: bool,
}

impl Client {
    /// Begins a client with the settings of the environment.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn new(
        endpoint: Endpoint,
        transport: Arc<dyn Transport>,
        credentials: Cache,
        context: Context,
        settings: CallSettings,
    ) -> Self {
        let shared = Shared {
            keys: Mutex::new(KeyCache::new()),
            quota: Mutex::new(RetryQuota::new()),
            skew: Mutex::new(if settings.is_skew_corrected { ClockSkew::new() } else { ClockSkew::disabled() }),
            limiter: settings.is_adaptive.then(|| Mutex::new(RateLimiter::new())),
            endpoint,
            transport,
            credentials,
            context,
            settings,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Where requests go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// The credentials that the next request would be signed with. Every call looks for them itself; this is for a
    /// program that wants to know at its start.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`], which says what was tried.
    pub fn credentials(&self) -> Result<Credentials, CredentialsError> {
        self.shared.credentials.provide(&self.shared.context).map(Arc::unwrap_or_clone)
    }

    /// Puts the records of a batch, and leaves in it exactly those that failed, in order and ready to be sent again.
    ///
    /// The output has an entry for each record that was in the batch before the call. When the call fails as a
    /// whole the batch keeps all of its records.
    ///
    /// ```no_run
    /// use firehose_blocking::{Batch, Client};
    ///
    /// let client = Client::builder().build()?;
    /// let mut batch = Batch::new("my-stream")?;
    /// batch.push(b"one line\n")?;
    /// client.put_batch(&mut batch)?;
    /// println!("{} to send again", batch.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`put_record_batch`](Self::put_record_batch), and [`Error::EmptyBatch`].
    pub fn put_batch(&self, batch: &mut Batch) -> Result<PutRecordBatchOutput<'static>, Error> {
        let mut request = batch.request(&self.shared.endpoint).map_err(|_| Error::EmptyBatch)?;
        let response = self.call(&mut request, PutRecordBatch::ERRORS)?;
        let output = decoded(batch.decode(&response))?.into_owned();
        let entries = &output.request_responses;
        batch.retain(|index| entries.get(index).is_some_and(PutRecordBatchResponseEntry::is_failed));
        Ok(output)
    }

    /// Makes the call of any operation, for programs that do not know which. The response is one of success;
    /// [`decode`](firehose_proto::client::decode) reads it.
    ///
    /// # Errors
    ///
    /// [`Error`]; the exceptions of the service are those of the operation's page and the common ones.
    pub fn exchange<O: Operation>(&self, input: &O::Input<'_>) -> Result<Response, Error> {
        let encode =
            if self.shared.settings.validates { exchange::encode::<O> } else { exchange::encode_unvalidated::<O> };
        let mut request = encode(input, &self.shared.endpoint)?;
        self.call(&mut request, O::ERRORS)
    }

    /// The clock that the client waits by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.shared.context.clock()
    }

    /// Makes one call: signs, sends, and tries again as the rules allow. Returns a response of success.
    fn call(&self, request: &mut Request<'_>, modeled: &[ErrorCode]) -> Result<Response, Error> {
        let Shared { context, settings, quota, credentials, .. } = &*self.shared;
        let clock = context.clock();
        let invocation_id = uuid::v4(u128::from(clock.random()) << 64 | u128::from(clock.random()));
        let mut retries = Retries::new(settings.max_attempts);
        let deadline = settings.operation_timeout.map(|timeout| clock.tick() + timeout);
        let mut renewed = None;
        let mut last_failure = None;
        loop {
            let found = match &renewed {
                Some(renewed) => Ok(Arc::clone(renewed)),
                None => credentials.provide(context),
            };
            let used = found.map_err(|error| without_credentials(error, last_failure.take()))?;
            self.wait_for_turn();
            let signed_at = self.prepare(request, &used, &invocation_id, &retries)?;
            let outcome = self.attempt(request, signed_at, modeled, &self.timeouts_until(deadline));
            let attempts = retries.attempt() + u32::from(renewed.is_some());
            let (class, hint, failure) = match outcome {
                Ok(response) => {
                    self.learn(RetryClass::None);
                    retries.on_success(&mut lock(quota));
                    return Ok(response);
                }
                Err(Failure::NoResponse(error)) => {
                    let class = if error.kind().is_transient() { RetryClass::Transient } else { RetryClass::None };
                    (class, None, Error::Transport { error, attempts })
                }
                Err(Failure::Refused(refusal)) => {
                    let Refusal { error, class, hint, .. } = *refusal;
                    if renewed.is_none() && is_about_credentials(&error) && class == RetryClass::None {
                        renewed = credentials.renew(context, &used);
                        if renewed.is_some() {
                            log::debug!("trying again with other credentials: {error}");
                            self.learn(RetryClass::None);
                            continue;
                        }
                    }
                    let is_transient = class != RetryClass::None;
                    (class, hint, Error::Refused { error, attempts, is_transient, retry_after: hint })
                }
            };
            self.learn(class);
            match retries.on_failure(class, hint, clock.random(), &mut lock(quota)) {
                Decision::RetryAfter(delay) if deadline.is_some_and(|deadline| clock.tick() + delay >= deadline) => {
                    log::debug!("attempt {attempts} failed, giving up (time is up): {}", Chain(&failure));
                    return Err(failure);
                }
                Decision::RetryAfter(delay) => {
                    log::debug!("attempt {attempts} failed, trying again in {delay:?}: {}", Chain(&failure));
                    last_failure = Some(failure);
                    clock.sleep(delay);
                }
                Decision::GiveUp(reason) => {
                    log::debug!("attempt {attempts} failed, giving up ({reason:?}): {}", Chain(&failure));
                    return Err(failure);
                }
            }
        }
    }

    /// Waits until the client's own rate allows another request.
    fn wait_for_turn(&self) {
        let Some(limiter) = &self.shared.limiter else { return };
        let clock = self.clock();
        loop {
            let wait = lock(limiter).acquire(clock.tick());
            let Some(wait) = wait else { return };
            clock.sleep(wait);
        }
    }

    /// Tells the client's own rate how an attempt ended.
    fn learn(&self, class: RetryClass) {
        if let Some(limiter) = &self.shared.limiter {
            lock(limiter).observe(self.clock().tick(), class == RetryClass::Throttling);
        }
    }

    /// Makes one attempt to put a batch that its owner will send again by rules of its own. Only a clock that turns out
    /// to be wrong is corrected at once: that answer is about this client, not about the records.
    pub(crate) fn send_once(&self, batch: &Batch) -> Result<Answer, NoAnswer> {
        let Shared { endpoint, context, credentials, settings, .. } = &*self.shared;
        let clock = context.clock();
        let empty = |_| NoAnswer::Impossible(Error::EmptyBatch.to_string());
        let mut request = batch.request(endpoint).map_err(empty)?;
        let invocation_id = uuid::v4(u128::from(clock.random()) << 64 | u128::from(clock.random()));
        let retries = Retries::new(NonZeroU32::MIN);
        let mut is_corrected = false;
        let mut renewed = None;
        loop {
            let found = renewed.clone().map_or_else(|| credentials.provide(context), Ok);
            let used = found.map_err(|error| {
                let reason = Chain(&error).to_string();
                if error.is_transient() { NoAnswer::NotSent(reason) } else { NoAnswer::Impossible(reason) }
            })?;
            self.wait_for_turn();
            let prepared = self.prepare(&mut request, &used, &invocation_id, &retries);
            let signed_at = prepared.map_err(|error| NoAnswer::Impossible(Chain(&Error::from(error)).to_string()))?;
            match self.attempt(&request, signed_at, PutRecordBatch::ERRORS, &settings.timeouts) {
                Ok(response) => {
                    self.learn(RetryClass::None);
                    return Ok(Answer { response, retry_after: None });
                }
                Err(Failure::Refused(refusal)) => {
                    self.learn(refusal.class);
                    if renewed.is_none() && is_about_credentials(&refusal.error) {
                        renewed = credentials.renew(context, &used);
                        if renewed.is_some() {
                            continue;
                        }
                    }
                    let without_clock = refusal.error.retry_class(PutRecordBatch::ERRORS, None);
                    if is_corrected || refusal.class == without_clock {
                        return Ok(Answer { response: refusal.response, retry_after: refusal.hint });
                    }
                    is_corrected = true;
                }
                Err(Failure::NoResponse(error)) => {
                    self.learn(RetryClass::None);
                    let kind = error.kind();
                    let reason = Chain(&error).to_string();
                    return Err(match kind {
                        TransportErrorKind::Connect => NoAnswer::NotSent(reason),
                        kind if kind.is_ambiguous() => NoAnswer::Unanswered(reason),
                        _ => NoAnswer::Impossible(reason),
                    });
                }
            }
        }
    }

    /// Signs a request for its next attempt, and returns for when. What differs between attempts stays outside the
    /// signature.
    fn prepare(
        &self,
        request: &mut Request<'_>,
        credentials: &Credentials,
        invocation_id: &str,
        retries: &Retries,
    ) -> Result<OffsetDateTime, SignError> {
        let Shared { endpoint, context, settings, keys, skew, .. } = &*self.shared;
        let now = lock(skew).now(context.clock.now());
        // Hashed before the key is locked: of all that signing does, only this takes long.
        request.body_sha256();
        let mut keys = lock(keys);
        let key = keys.key(now, credentials, endpoint.region().as_str(), SERVICE)?;
        for unsigned in UNSIGNED {
            request.headers.remove(unsigned);
        }
        Signer::new(credentials, key).sign(now, request)?;
        drop(keys);
        let mut sdk_request = String::with_capacity(48);
        retries.write_sdk_request(now, Some(settings.timeouts.read), &mut sdk_request);
        let trace_id = settings::trace_id(|name| context.environment.variable(name));
        let values = [
            Some(invocation_id),
            Some(&*sdk_request),
            Some(&*settings.user_agent),
            Some("identity"),
            trace_id.as_deref(),
        ];
        for (name, value) in UNSIGNED.into_iter().zip(values) {
            if value.is_some_and(|value| request.headers.append(name, value).is_err()) {
                log::debug!("leaving out the header {name}, whose value no header can have");
            }
        }
        Ok(now)
    }

    /// How long an attempt may take that begins now.
    fn timeouts_until(&self, deadline: Option<Tick>) -> Timeouts {
        let mut timeouts = self.shared.settings.timeouts;
        if let Some(deadline) = deadline {
            // Some time even when there is none left: transports may take nothing for no limit.
            let left = deadline.since(self.clock().tick()).max(Duration::from_millis(1));
            timeouts.attempt = Some(timeouts.attempt.map_or(left, |attempt| attempt.min(left)));
        }
        timeouts
    }

    /// Sends a request once, which was signed for a moment.
    fn attempt(
        &self,
        request: &Request<'_>,
        signed_at: OffsetDateTime,
        modeled: &[ErrorCode],
        timeouts: &Timeouts,
    ) -> Result<Response, Failure> {
        let Shared { transport, context: Context { clock, .. }, settings, skew, .. } = &*self.shared;
        let sent = clock.now();
        let response = transport.send(request, timeouts).map_err(Failure::NoResponse)?;
        let headers = &response.headers;
        let received = clock.now();
        let (date, has_age) = (headers.value("date"), headers.value("age").is_some());
        let measured = {
            let mut skew = lock(skew);
            let believed = skew.now(sent);
            let shown = skew.observe(sent, received, date, has_age);
            warn_of_change(believed, skew.now(sent));
            // Other threads may have learned since what this request was signed without.
            shown.map(|shown| ClockSkew::to_judge_by(shown, signed_at - sent))
        };
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let error = ServiceError::read(&response);
        let class = error.retry_class(modeled, measured);
        if !settings.is_skew_corrected {
            let shown = ClockSkew::new().observe(sent, received, date, has_age);
            warn_of_uncorrected(sent, shown.filter(|_| error.retry_class(modeled, shown) != class));
        }
        let hint = headers.value(retry::RETRY_AFTER_HEADER).and_then(retry::retry_after);
        Err(Failure::Refused(Box::new(Refusal { error, class, hint, response })))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.shared.endpoint)
            .field("access_key_id", &self.shared.credentials.access_key_id())
            .finish_non_exhaustive()
    }
}

/// Why one attempt failed.
enum Failure {
    NoResponse(TransportError),
    Refused(Box<Refusal>),
}

struct Refusal {
    error: ServiceError,
    class: RetryClass,
    hint: Option<Duration>,
    response: Response,
}

/// What came back of one attempt, be it a yes or a no.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// How long the service asks to wait, after a no.
    pub(crate) retry_after: Option<Duration>,
}

/// Why nothing came back, in words.
pub(crate) enum NoAnswer {
    /// The request did not reach the service.
    NotSent(String),
    /// The request left, or a part of it, and no answer came.
    Unanswered(String),
    /// No request can succeed.
    Impossible(String),
}

fn is_about_credentials(error: &ServiceError) -> bool {
    error.code.as_ref().is_some_and(|code| ABOUT_CREDENTIALS.contains(&code.as_str()))
}

/// How a call ends for which there are no credentials, or no longer: then an earlier attempt may have had its effect.
fn without_credentials(error: CredentialsError, last_failure: Option<Error>) -> Error {
    match last_failure {
        Some(failure) if failure.is_ambiguous() => {
            log::warn!("not trying again: {}", Chain(&error));
            failure
        }
        _ => Error::Credentials(error),
    }
}

/// Separates the service's no from an answer that makes no sense; `call` has dealt with the former already.
pub(crate) fn decoded<T>(result: Result<T, ResponseError>) -> Result<T, Error> {
    result.map_err(|error| match error {
        ResponseError::Malformed(error) => Error::Malformed(error),
        ResponseError::Refused(error) => Error::Refused { error, attempts: 1, is_transient: false, retry_after: None },
        _ => unreachable!("the core has no other kind"),
    })
}

/// Says so when an answer shows the local clock to be off by more, or less, than was known.
fn warn_of_change(believed: OffsetDateTime, known: OffsetDateTime) {
    let seconds = (known - believed).whole_seconds();
    if seconds.abs() > 240 {
        log::warn!("the local clock is off; requests are signed {seconds} s later than until now");
    }
}

/// Says so when the service refuses what a correction of the local clock would make acceptable.
fn warn_of_uncorrected(now: OffsetDateTime, skew: Option<SignedDuration>) {
    if let Some(skew) = skew {
        let (local, service) = (IsoDate::new(now), IsoDate::new(now.saturating_add(skew)));
        let (local, service) = (local.as_str(), service.as_str());
        log::warn!(
            "the local clock says {local}, the service's {service}; disable_clock_skew_correction forbids to correct it"
        );
    }
}

/// Locks what no thread leaves half-changed, so that one that panicked elsewhere does no harm.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
