//! [`Client`]: the core's calls, carried out: a transport, a clock, credentials, and a loop around them.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firehose_proto::batch::{Batch, PutBatchOutput};
use firehose_proto::call::{Action, Call, ClientState, Config, Error, Resend, Timeouts};
use firehose_proto::credentials::Credentials;
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::http::{Request, Response};
use firehose_proto::op::Operation;
use firehose_proto::time::Now;
use firehose_proto::{Endpoint, settings};
use time::SignedDuration;

use crate::clock::Clock;
use crate::credentials::{Cache, Context, CredentialsError};
use crate::transport::Transport;
use firehose_proto::error::WithCauses;

/// A change of the local clock's correction that is worth a warning.
const NOTABLE_SKEW: SignedDuration = SignedDuration::seconds(240);

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

    /// Where requests go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.config.endpoint
    }

    /// The credentials that the next request would be signed with. Every call looks for them itself; this is for a
    /// program that wants to know at its start.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`], which says what was tried.
    pub fn credentials(&self) -> Result<Credentials, CredentialsError> {
        self.inner.credentials.provide(&self.inner.context, None).map(Arc::unwrap_or_clone)
    }

    /// Puts the records of a batch, and leaves in it exactly those that failed, in order and ready to be sent again.
    ///
    /// The output has an entry for each record that was in the batch before the call, for those who
    /// [ask](PutBatchOutput::request_responses). When the call fails as a whole the batch keeps all of its records.
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

    /// Puts the records of a batch until the service has accepted all of them, or for this long: what it did not accept is sent
    /// again after a wait that grows. What is left is in the batch.
    ///
    /// Records whose fate is unknown, because no answer came or one that makes no sense, are sent again, and may be stored
    /// twice.
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
    /// [`Error`]: the refusal that no other call would better, or what became of the last call before the time was up.
    pub fn put_all(&self, batch: &mut Batch, timeout: Duration) -> Result<(), Error> {
        let mut resend = Resend::new(self.clock().tick() + timeout);
        loop {
            let outcome = self.run(Call::put_batch(self.config(), batch)?);
            let now = self.clock().tick();
            let Some(time) = resend.settle(now, &mut lock(&self.inner.shared), batch, outcome)? else { return Ok(()) };
            self.clock().sleep(time.since(now));
        }
    }

    /// Makes the call of any operation, for programs that do not know which. The response is one of success;
    /// [`decode`](firehose_proto::call::decode) reads it.
    ///
    /// # Errors
    ///
    /// [`Error`]; the exceptions of the service are those of the operation's page and the common ones.
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

    /// Makes one attempt to put a batch that its owner will send again by rules of its own.
    pub(crate) fn put_batch_once(&self, batch: &Batch) -> Result<Response, Error> {
        self.run(Call::put_batch(self.config(), batch)?.single_attempt())
    }

    /// Carries out a call.
    fn run(&self, call: Call<'_>) -> Result<Response, Error> {
        let Inner { shared, credentials, context, .. } = &*self.inner;
        let mut call = call.with_trace_id(settings::trace_id(|name| context.environment.variable(name)));
        loop {
            let action = {
                let mut shared = lock(shared);
                let believed = shared.clock_offset();
                let action = call.poll(self.now(), &mut shared);
                warn_of_change(believed, shared.clock_offset());
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
                        // Who sees no more of it than the refusal would look for the cause elsewhere.
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

    /// Has the transport send a request, and survives it.
    fn send(&self, request: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError> {
        let send = || self.inner.transport.send(request, timeouts);
        panic::catch_unwind(AssertUnwindSafe(send)).unwrap_or_else(|panic| {
            // Nobody knows how far it got.
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

/// Says so when an answer shows the local clock to be off by more, or less, than was known.
fn warn_of_change(believed: SignedDuration, known: SignedDuration) {
    if (known - believed).abs() > NOTABLE_SKEW {
        let (seconds, way) =
            (known.whole_seconds().unsigned_abs(), if known.is_negative() { "ahead of" } else { "behind" });
        log::warn!("the local clock is {seconds} s {way} the service's; requests are signed by the service's");
    }
}

/// What a panic said, if it is text.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// Locks what no thread leaves half-changed, so that one that panicked elsewhere does no harm.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
