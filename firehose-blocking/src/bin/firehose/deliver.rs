//! [`Delivery`]: sends a batch until each of its records is accepted or given up, and decides when to stop the run.
//!
//! ```text
//! answer for every record   accepted ones leave the batch ─▶ the others are sent again
//! failure that may pass     the whole batch is sent again
//! eight times in a row in vain   records that failed are rejected; calls that failed stop the run, unless others
//!                                get through: then throttled calls wait for their turn, and the rest is rejected
//! refusal                   the run stops: it is about the stream or the caller, and so about every call
//! ```
//!
//! A stream at its quota takes a part of each batch: that is progress, however many attempts it takes in all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use firehose_blocking::firehose_proto::exception::{ErrorCode, ServiceError};
use firehose_blocking::firehose_proto::limits::MAX_ERROR_TEXT_BYTES;
use firehose_blocking::firehose_proto::op::Operation;
use firehose_blocking::firehose_proto::op::put_record_batch::PutRecordBatch;
use firehose_blocking::firehose_proto::retry::{self, RetryClass};
use firehose_blocking::{Batch, Client, Error, PutRecordBatchResponseEntry, TransportErrorKind};

use crate::console::{self, Exit};
use crate::rejects::Rejects;
use crate::report::{Report, plural};

/// Most attempts in a row without any record of the batch being accepted.
const MAX_IN_VAIN: u32 = 8;

/// The same for answers that make no sense, after each of which the records may be stored once more, and for
/// connections that fail while nothing has shown yet that there is a Firehose at the endpoint.
const MAX_SENSELESS: u32 = 3;

/// How long a batch whose calls are throttled may wait for its turn while the stream takes records of others.
const MAX_THROTTLED: Duration = Duration::from_secs(300);

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
    pub(crate) report: &'a Arc<Report>,
    pub(crate) rejects: &'a Arc<Rejects>,
    pub(crate) stop: &'a Stop,
    /// Whether the endpoint has given any answer that only Firehose gives.
    pub(crate) has_answered: AtomicBool,
}

/// What has been done so far to get a batch accepted.
struct Effort {
    attempts: u32,
    /// Attempts since a record of the batch was last accepted.
    in_vain: u32,
    /// How far the waits between attempts have grown: one up for an attempt in vain, one down for progress.
    level: u32,
    /// When a record of the batch was last accepted, and how many of the whole run were by then.
    since: Instant,
    accepted_by_then: u64,
    /// Whether the last call was throttled as a whole.
    is_throttled: bool,
    may_be_stored: bool,
}

impl Effort {
    /// Whether what is left of a batch is to be given up.
    fn is_hopeless(&self, others_get_through: bool) -> bool {
        let waits_for_its_turn = self.is_throttled && others_get_through && self.since.elapsed() < MAX_THROTTLED;
        self.in_vain >= MAX_IN_VAIN && !waits_for_its_turn
    }
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
        let mut effort = Effort {
            attempts: 0,
            in_vain: 0,
            level: 0,
            since: Instant::now(),
            accepted_by_then: self.report.accepted.value(),
            is_throttled: false,
            may_be_stored: false,
        };
        let mut trouble = Trouble::NotSent;
        while self.stop.stopped().is_none() && !effort.is_hopeless(self.others_get_through(&effort)) {
            let sent = batch.len();
            self.report.requests.add(1);
            self.report.resent.add(if effort.attempts == 0 { 0 } else { sent });
            effort.attempts += 1;
            let (class, hint);
            match self.client.put_batch(batch) {
                Ok(output) => {
                    self.has_answered.store(true, Ordering::Relaxed);
                    self.report.accepted.add(sent - batch.len());
                    if batch.is_empty() {
                        return;
                    }
                    let failed = |entry: &PutRecordBatchResponseEntry<'_>| entry.is_failed();
                    let entries: Vec<_> = output.request_responses.into_iter().filter(failed).collect();
                    effort.is_throttled = false;
                    self.count(&mut effort, batch.len() < sent);
                    let is_throttled = entries.iter().any(|entry| is_throttle(entry.error_code.as_deref()));
                    class = if is_throttled { RetryClass::Throttling } else { RetryClass::Transient };
                    hint = None;
                    trouble = Trouble::Records(entries);
                }
                Err(error) => {
                    effort.may_be_stored |= error.is_ambiguous();
                    let has_code = matches!(&error, Error::Refused { error, .. } if error.code.is_some());
                    self.has_answered.fetch_or(has_code, Ordering::Relaxed);
                    (class, hint) = (class_of(&error), retry_after(&error));
                    effort.is_throttled = class == RetryClass::Throttling;
                    self.count(&mut effort, false);
                    trouble = Trouble::Call(reason_of(&error));
                    if let Some(exit) = self.last_resort(&error, &effort) {
                        let messages = self.messages(&error, exit, effort.attempts, batch.delivery_stream_name());
                        self.stop.set(Stopped { exit, messages, reason: reason_of(&error) });
                        on_stop();
                        break;
                    }
                }
            }
            if !effort.is_hopeless(self.others_get_through(&effort)) {
                self.stop.wait(retry::heed(hint, retry::backoff(class, effort.level, fastrand::u64(..))));
            }
        }
        self.reject(batch, &trouble, &effort);
    }

    /// Counts an attempt after which there are records left.
    fn count(&self, effort: &mut Effort, is_progress: bool) {
        if is_progress {
            effort.in_vain = 0;
            effort.level = effort.level.saturating_sub(1).max(1);
            effort.since = Instant::now();
            effort.accepted_by_then = self.report.accepted.value();
        } else {
            effort.in_vain += 1;
            effort.level += 1;
        }
    }

    /// Whether anything was accepted, of this batch or another, since the last progress of this one.
    fn others_get_through(&self, effort: &Effort) -> bool {
        self.report.accepted.value() > effort.accepted_by_then
    }

    /// How the run ends when a call that failed like this shows that others would as well.
    fn last_resort(&self, error: &Error, effort: &Effort) -> Option<Exit> {
        let has_answered = self.has_answered.load(Ordering::Relaxed);
        let limit = match error {
            Error::Refused { is_transient: false, .. } => return Some(Exit::Refused),
            Error::Refused { error, .. } => {
                // A clock that was off has been corrected by the first answer: a second one means what it says.
                let blames_clock = error.retry_class(PutRecordBatch::ERRORS, None) == RetryClass::None;
                if blames_clock && effort.in_vain > 1 {
                    return Some(Exit::Refused);
                }
                MAX_IN_VAIN
            }
            Error::Malformed(_) => MAX_SENSELESS,
            Error::Transport { error, .. } => match error.kind() {
                TransportErrorKind::Tls | TransportErrorKind::Request => 1,
                TransportErrorKind::ResponseTooLarge => MAX_SENSELESS,
                TransportErrorKind::Connect if !has_answered => MAX_SENSELESS,
                _ => MAX_IN_VAIN,
            },
            Error::Credentials(error) if error.is_transient() => MAX_IN_VAIN,
            _ => return Some(Exit::Configuration),
        };
        (effort.in_vain >= limit && !self.others_get_through(effort)).then_some(Exit::Incomplete)
    }

    /// What to tell about a failure that stops the run.
    fn messages(&self, error: &Error, exit: Exit, attempts: u32, stream: &str) -> Vec<String> {
        let endpoint = self.client.endpoint();
        let (url, region) = (endpoint.url(), endpoint.region().as_str());
        match error {
            Error::Refused { error, .. } if exit == Exit::Refused => {
                let mut messages = vec![format!("the service refused the call: {error}")];
                messages.extend(hint(error, stream, region, url));
                messages
            }
            Error::Refused { error, .. } => {
                let what = match error.retry_class(PutRecordBatch::ERRORS, None) {
                    RetryClass::Throttling => "throttled the calls",
                    _ => "was unavailable",
                };
                vec![format!("the service {what} ({attempts} attempt{}): {error}", plural(attempts.into()))]
            }
            Error::Transport { error: cause, .. } => broken(cause.kind(), &reason_of(error), url),
            Error::Malformed(_) => vec![reason_of(error), format!("is {url} a Firehose endpoint?")],
            _ => vec![console::chain(error)],
        }
    }

    /// Gives up what is left in a batch.
    fn reject(&self, batch: &mut Batch, trouble: &Trouble, effort: &Effort) {
        let suffix = if effort.may_be_stored { "; an earlier attempt may have stored it" } else { "" };
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
            self.rejects.write(batch.encoded(index).unwrap_or_default(), &reason, effort.attempts);
        }
        self.rejects.flush();
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

/// How long the service asks to wait.
const fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Refused { retry_after, .. } => *retry_after,
        _ => None,
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

/// A code and the message that goes with it, if any does. A reason is kept for each record: none may be endless.
fn words(code: &str, message: &str) -> String {
    let end = message.char_indices().map(|(at, _)| at).find(|&at| at >= MAX_ERROR_TEXT_BYTES).unwrap_or(message.len());
    let message = message.split_at(end).0;
    if message.is_empty() { code.into() } else { format!("{code}: {message}") }
}

/// What to tell about a call that brought no answer.
fn broken(kind: TransportErrorKind, reason: &str, url: &str) -> Vec<String> {
    let what = match kind {
        TransportErrorKind::Connect => {
            return vec![format!("cannot reach the service: {reason}"), format!("is {url} its address, and is it up?")];
        }
        // What rustls says of a first answer that is none of TLS.
        TransportErrorKind::Tls if reason.contains("InvalidContentType") => {
            let plain = url.replacen("https:", "http:", 1);
            return vec![format!("the server at {url} does not speak TLS; did you mean {plain}?")];
        }
        TransportErrorKind::Tls => "cannot be trusted",
        TransportErrorKind::Timeout => "does not answer in time",
        TransportErrorKind::Broken => "gives no whole HTTP answer",
        TransportErrorKind::ResponseTooLarge => "answers with more than Firehose ever does",
        _ => return vec![format!("the request cannot be sent: {reason}")],
    };
    vec![format!("the server at {url} {what}: {reason}"), "is it a Firehose endpoint?".into()]
}

/// What to do about a refusal.
fn hint(error: &ServiceError, stream: &str, region: &str, url: &str) -> Option<String> {
    if (300..400).contains(&error.status) {
        return Some(format!("redirects are not followed; is {url} a Firehose endpoint?"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_beyond_eight_attempts_for_throttled_calls_alone_while_others_get_through() {
        for (in_vain, is_throttled, others_get_through, is_hopeless) in [
            (7, false, false, false),
            (8, false, false, true),
            (8, false, true, true),
            (8, true, false, true),
            (8, true, true, false),
            (38, true, true, false),
        ] {
            let effort = Effort {
                attempts: in_vain,
                in_vain,
                level: in_vain,
                since: Instant::now(),
                accepted_by_then: 0,
                is_throttled,
                may_be_stored: false,
            };
            let case = (in_vain, is_throttled, others_get_through);
            assert_eq!(effort.is_hopeless(others_get_through), is_hopeless, "{case:?}");
        }
    }
}
