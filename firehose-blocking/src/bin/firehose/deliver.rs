//! [`Delivery`]: sends a batch until each of its records is accepted or given up, and decides when to stop the run.
//!
//! ```text
//! answer for every record   accepted ones leave the batch ─▶ the others are sent again
//! failure that may pass     the whole batch is sent again
//! ten attempts              what is left is rejected; without any answer, the run stops
//! refusal                   the run stops: no other call would fare better
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use firehose_blocking::firehose_proto::exception::{ErrorCode, ServiceError};
use firehose_blocking::firehose_proto::op::Operation;
use firehose_blocking::firehose_proto::op::put_record_batch::PutRecordBatch;
use firehose_blocking::firehose_proto::retry::{self, RetryClass};
use firehose_blocking::{Batch, Client, Error, PutRecordBatchResponseEntry, TransportErrorKind};

use crate::console::{self, Exit};
use crate::rejects::Rejects;
use crate::report::Report;

/// Most times that a record is sent.
const MAX_ATTEMPTS: u32 = 10;

/// The same while nothing has shown yet that there is a Firehose at the endpoint: more likely its URL is wrong.
const MAX_FIRST_ATTEMPTS: u32 = 3;

/// Why a run was stopped before the end of its input.
#[derive(Debug, Clone)]
pub(crate) struct Stopped {
    pub(crate) exit: Exit,
    /// What happened, and if there is one, a second sentence on what to do.
    pub(crate) messages: Vec<String>,
    /// The same in short, for the records that it concerns.
    pub(crate) reason: String,
}

/// Set once, when there is no use in going on.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<Option<Stopped>>,
    told: Condvar,
}

impl Stop {
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Only the first cause counts: the others follow from the same.
    fn set(&self, stopped: Stopped) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stopped);
        self.told.notify_all();
    }

    /// Waits for so long, or until the run is stopped.
    fn wait(&self, delay: Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.told.wait_timeout_while(state, delay, |stopped| stopped.is_none()));
    }
}

/// What all deliveries of a run share.
pub(crate) struct Delivery<'a> {
    pub(crate) client: &'a Client,
    pub(crate) report: &'a Report,
    pub(crate) rejects: &'a Rejects,
    pub(crate) stop: &'a Stop,
    /// Whether the endpoint has given any answer that Firehose might.
    pub(crate) has_answered: AtomicBool,
}

/// What stands between the records of a batch and their acceptance.
enum Trouble {
    NotSent,
    /// The call failed, and so did all records.
    Call(String),
    /// One entry for each record.
    Records(Vec<PutRecordBatchResponseEntry<'static>>),
}

impl Delivery<'_> {
    /// Sends the records of a batch until none is left in it. When this has stopped the run, `on_stop` is called
    /// before anything else is done.
    pub(crate) fn deliver(&self, batch: &mut Batch, on_stop: impl Fn()) {
        let mut trouble = Trouble::NotSent;
        let mut attempts = 0;
        let mut failures_in_a_row = 0;
        let mut may_be_stored = false;
        while attempts < MAX_ATTEMPTS && self.stop.stopped().is_none() {
            let sent = batch.len();
            self.report.requests.add(1);
            self.report.resent.add(if attempts == 0 { 0 } else { sent });
            attempts += 1;
            failures_in_a_row += 1;
            let class;
            match self.client.put_batch(batch) {
                Ok(output) => {
                    self.has_answered.store(true, Ordering::Relaxed);
                    self.report.accepted.add(sent - batch.len());
                    if batch.is_empty() {
                        return;
                    }
                    if batch.len() < sent {
                        failures_in_a_row = 1;
                    }
                    let failed = |entry: &PutRecordBatchResponseEntry<'_>| entry.is_failed();
                    let entries: Vec<_> = output.request_responses.into_iter().filter(failed).collect();
                    let is_throttled = entries.iter().any(|entry| is_throttle(entry.error_code.as_deref()));
                    class = if is_throttled { RetryClass::Throttling } else { RetryClass::Transient };
                    trouble = Trouble::Records(entries);
                }
                Err(error) => {
                    may_be_stored |= error.is_ambiguous();
                    let is_refusal = matches!(error, Error::Refused { .. });
                    self.has_answered.fetch_or(is_refusal, Ordering::Relaxed);
                    class = class_of(&error);
                    trouble = Trouble::Call(reason_of(&error));
                    if let Some(exit) = self.last_resort(&error, attempts) {
                        let messages = self.messages(&error, batch.delivery_stream_name());
                        self.stop.set(Stopped { exit, messages, reason: reason_of(&error) });
                        on_stop();
                        break;
                    }
                }
            }
            if attempts < MAX_ATTEMPTS {
                self.stop.wait(retry::backoff(class, failures_in_a_row, fastrand::u64(..)));
            }
        }
        self.reject(batch, &trouble, attempts, may_be_stored);
    }

    /// How the run ends when a call that failed like this shows that others would as well.
    fn last_resort(&self, error: &Error, attempts: u32) -> Option<Exit> {
        let has_answered = self.has_answered.load(Ordering::Relaxed);
        match error {
            Error::Refused { is_transient, .. } => (!is_transient).then_some(Exit::Refused),
            Error::Malformed(_) => (!has_answered && attempts >= MAX_FIRST_ATTEMPTS).then_some(Exit::Incomplete),
            Error::Transport { error, .. } => {
                let kind = error.kind();
                let max_attempts = match kind {
                    TransportErrorKind::Tls | TransportErrorKind::Request => 1,
                    TransportErrorKind::Connect if !has_answered => MAX_FIRST_ATTEMPTS,
                    _ => MAX_ATTEMPTS,
                };
                (attempts >= max_attempts).then_some(Exit::Incomplete)
            }
            _ => Some(Exit::Configuration),
        }
    }

    /// What to tell about a failure that stops the run.
    fn messages(&self, error: &Error, stream: &str) -> Vec<String> {
        let endpoint = self.client.endpoint();
        let (url, region) = (endpoint.url(), endpoint.region().as_str());
        match error {
            Error::Refused { error, .. } => {
                let mut messages = vec![format!("the service refused the call: {error}")];
                messages.extend(hint(error, stream, region, url));
                messages
            }
            Error::Transport { .. } => vec![
                format!("cannot reach the service: {}", reason_of(error)),
                format!("is {url} its address, and is it up?"),
            ],
            Error::Malformed(_) => vec![reason_of(error), format!("is {url} a Firehose endpoint?")],
            _ => vec![console::chain(error)],
        }
    }

    /// Gives up what is left in a batch.
    fn reject(&self, batch: &mut Batch, trouble: &Trouble, attempts: u32, may_be_stored: bool) {
        let suffix = if may_be_stored { "; may have been stored nevertheless" } else { "" };
        let stopped = self.stop.stopped().map_or_else(String::new, |stopped| stopped.reason);
        for index in 0..batch.len() {
            let reason = match trouble {
                Trouble::NotSent => format!("not sent: {stopped}"),
                Trouble::Call(reason) => format!("{reason}{suffix}"),
                Trouble::Records(entries) => {
                    format!("{}{suffix}", entries.get(index).map_or_else(String::new, words_of))
                }
            };
            self.report.reject(&reason);
            self.rejects.write(batch.encoded(index).unwrap_or_default(), &reason, attempts);
        }
        batch.clear();
    }
}

fn is_throttle(code: Option<&str>) -> bool {
    code == Some(ErrorCode::ServiceUnavailableException.as_str())
}

/// How eagerly to try again after a call that failed.
fn class_of(error: &Error) -> RetryClass {
    match error {
        Error::Refused { error, .. } if is_throttle(error.code.as_ref().map(ErrorCode::as_str)) => {
            RetryClass::Throttling
        }
        Error::Refused { error, .. } => error.retry_class(PutRecordBatch::ERRORS, None),
        _ => RetryClass::Transient,
    }
}

/// Why a call failed, without how often it was tried.
fn reason_of(error: &Error) -> String {
    match error {
        Error::Refused { error, .. } => match &error.code {
            Some(code) => words(code.as_str(), &error.message),
            None => words(&format!("status {}", error.status), &error.message),
        },
        Error::Transport { error, .. } => console::chain(error),
        Error::Malformed(error) => words("the answer makes no sense", &console::chain(error)),
        _ => console::chain(error),
    }
}

/// The service's words about one record.
fn words_of(entry: &PutRecordBatchResponseEntry<'_>) -> String {
    words(entry.error_code.as_deref().unwrap_or_default(), entry.error_message.as_deref().unwrap_or_default())
}

/// A code and the message that goes with it, if any does.
fn words(code: &str, message: &str) -> String {
    if message.is_empty() { code.into() } else { format!("{code}: {message}") }
}

/// What to do about a refusal.
fn hint(error: &ServiceError, stream: &str, region: &str, url: &str) -> Option<String> {
    Some(match error.code.as_ref()? {
        ErrorCode::ResourceNotFoundException => {
            format!("does the stream {stream} exist in {region}, in the account of these credentials?")
        }
        ErrorCode::AccessDeniedException => {
            format!("the credentials need the permission firehose:PutRecordBatch on the stream {stream} in {region}")
        }
        ErrorCode::InvalidSignatureException => {
            "does AWS_SECRET_ACCESS_KEY belong to AWS_ACCESS_KEY_ID, and is the clock right?".into()
        }
        ErrorCode::UnrecognizedClientException => {
            format!("is AWS_ACCESS_KEY_ID active, and valid in {region}? Temporary credentials need AWS_SESSION_TOKEN")
        }
        ErrorCode::ExpiredTokenException => "get new temporary credentials".into(),
        ErrorCode::UnknownOperationException => format!("is {url} a Firehose endpoint?"),
        _ => return None,
    })
}
