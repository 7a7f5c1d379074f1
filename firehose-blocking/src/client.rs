//! [`Client`]: makes the core's calls, with a transport, a clock, credentials and retries.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firehose_proto::batch::{Batch, PutBatchOutput};
use firehose_proto::call::{Action, Call, ClientState, Config, Error, Resend, Timeouts};
use firehose_proto::credentials::Credentials;
use firehose_proto::error::WithCauses;
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::http::{Request, Response};
use firehose_proto::op::Operation;
use firehose_proto::time::Now;
use firehose_proto::{Endpoint, settings};
use time::SignedDuration;

use crate::clock::Clock;
use crate::credentials::{Cache, Context, CredentialsError};
use crate::transport::Transport;

/// A change of the clock's correction that is worth a warning.
const NOTABLE_SKEW: SignedDuration = SignedDuration::seconds(240);

/// A Firehose client for one region and set of credentials.
///
/// A client is `Send` and `Sync`. Its clones share connections, signing key, clock correction and retry quota: make one
/// client and clone it into every thread.
///
/// A call is tried up to three times, by the retry rules of all AWS SDKs. A call that times out or ends in a server
/// error may have stored its records; the next attempt may store them twice.
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
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<Config>,
    shared: Mutex<ClientState>,
    transport: Arc<dyn Transport>,
    credentials: Cache,
    context: Context,
}

impl Client {
    pub(crate) fn new(config: Config, transport: Arc<dyn Transport>, credentials: Cache, context: Context) -> Self {
        let shared = ClientState::new(config, context.clock().random());
        let config = Arc::clone(shared.config());
        Self { inner: Arc::new(Inner { config, shared: Mutex::new(shared), transport, credentials, context }) }
    }

    /// The endpoint that requests go to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.config.endpoint
    }

    /// The credentials that would sign the next request. Every call finds them itself; a program may use this to check
    /// them at its start.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`], which says what was tried.
    pub fn credentials(&self) -> Result<Credentials, CredentialsError> {
        self.inner.credentials.provide(&self.inner.context, None).map(Arc::unwrap_or_clone)
    }

    /// Puts the records of a batch. Those that failed stay in the batch, in order and ready to send again.
    ///
    /// The output has an entry for each record that was in the batch before the call; read them with
    /// [`request_responses`](PutBatchOutput::request_responses). If the whole call fails, the batch keeps all of its
    /// records.
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
    pub fn put_batch(&self, batch: &mut Batch) -> Result<PutBatchOutput, Error> {
        let response = self.run(Call::put_batch(self.config(), batch)?)?;
        Ok(batch.settle(response)?)
    }

    /// Puts the records of a batch until the service has accepted all of them or this time is up. Between attempts it
    /// waits, longer each time. Records that were not accepted stay in the batch.
    ///
    /// Records without an answer, or with a malformed one, are sent again, and may be stored twice.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use firehose_blocking::{Batch, Client};
    ///
    /// let client = Client::builder().build()?;
    /// let mut batch = Batch::new("my-stream")?;
    /// batch.push(b"one line\n")?;
    /// if let Err(error) = client.put_all(&mut batch, Duration::from_secs(60)) {
    ///     println!("{} records were not accepted: {error}", batch.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`]: a refusal that no retry would change, or the failure of the last call before the time was up.
    pub fn put_all(&self, batch: &mut Batch, timeout: Duration) -> Result<(), Error> {
        let mut resend = Resend::new(self.clock().tick() + timeout);
        loop {
            let outcome = self.run(Call::put_batch(self.config(), batch)?);
            let now = self.clock().tick();
            let Some(time) = resend.settle(now, &mut lock(&self.inner.shared), batch, outcome)? else { return Ok(()) };
            self.clock().sleep(time.since(now));
        }
    }

    /// Makes a call of any operation, for programs that learn the operation at run time. The response is a success;
    /// [`decode`](firehose_proto::call::decode) reads it.
    ///
    /// # Errors
    ///
    /// [`Error`], with the operation's own exceptions of the service and the common ones.
    pub fn exchange<O: Operation>(&self, input: &O::Input<'_>) -> Result<Response, Error> {
        self.run(Call::new::<O>(self.config(), input)?)
    }

    /// The clock that the client waits by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inner.context.clock()
    }

    fn config(&self) -> &Arc<Config> {
        &self.inner.config
    }

    /// Makes one attempt to put a batch. The caller has retry rules of its own.
    pub(crate) fn put_batch_once(&self, batch: &Batch) -> Result<Response, Error> {
        self.run(Call::put_batch(self.config(), batch)?.single_attempt())
    }

    /// Makes a call, with its retries.
    fn run(&self, call: Call<'_>) -> Result<Response, Error> {
        let Inner { shared, credentials, context, .. } = &*self.inner;
        let mut call = call.with_trace_id(settings::trace_id(|name| context.environment.variable(name)));
        loop {
            let action = {
                let mut shared = lock(shared);
                let before = shared.clock_offset();
                let action = call.poll(self.now(), &mut shared);
                warn_of_skew(before, shared.clock_offset());
                action
            };
            match action {
                Action::NeedCredentials { refused } => {
                    let found = credentials.provide(context, refused);
                    call.handle_credentials(found);
                }
                Action::Transmit { request, timeouts } => {
                    let result = self.send(request, &timeouts);
                    call.handle_response(self.now(), result);
                }
                Action::Wait(until) => {
                    let delay = until.since(self.clock().tick());
                    if let Some(failure) = call.last_failure() {
                        let attempts = call.attempts();
                        log::debug!("attempt {attempts} failed, trying again in {delay:?}: {}", WithCauses(failure));
                    }
                    self.clock().sleep(delay);
                }
                Action::Done(outcome) => {
                    if let Err(error) = &outcome {
                        // Logged because the refusal alone would not show the cause.
                        if let Error::Refused { clock_skew: Some(_), .. } = error {
                            log::warn!("{error}");
                        }
                        log::debug!("a call failed after {} attempts: {}", call.attempts(), WithCauses(error));
                    }
                    return outcome;
                }
            }
        }
    }

    /// Sends a request through the transport, and survives its panics.
    fn send(&self, request: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError> {
        let send = || self.inner.transport.send(request, timeouts);
        panic::catch_unwind(AssertUnwindSafe(send)).unwrap_or_else(|panic| {
            // The request may or may not have been carried out.
            let words = format!("the transport panicked: {}", panic_message(&*panic));
            Err(TransportError::new(TransportErrorKind::Broken).with_source(words))
        })
    }

    fn now(&self) -> Now {
        self.inner.context.now()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", self.endpoint())
            .field("access_key_id", &self.inner.credentials.access_key_id())
            .finish_non_exhaustive()
    }
}

/// Logs a warning when an answer changes the measured skew of the local clock by much.
fn warn_of_skew(before: SignedDuration, known: SignedDuration) {
    if (known - before).abs() > NOTABLE_SKEW {
        let (seconds, way) =
            (known.whole_seconds().unsigned_abs(), if known.is_negative() { "ahead of" } else { "behind" });
        log::warn!("the local clock is {seconds} s {way} the service's; requests are signed with the service's time");
    }
}

/// The message of a panic, if it is text.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// Locks data that no thread leaves half-changed, so a panic of another thread does no harm.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
