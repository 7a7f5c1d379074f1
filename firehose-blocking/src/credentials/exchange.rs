//! [`ask`]: one question to somebody who gives out credentials, asked again as the rules for retries allow.

use std::num::NonZeroU32;
use std::time::Duration;

use firehose_proto::credentials::DocumentError;
use firehose_proto::http::{Request, Response};
use firehose_proto::retry::{self, ClockSkew, DEFAULT_MAX_ATTEMPTS, Decision, Retries, RetryClass, RetryQuota};
use time::OffsetDateTime;

use super::CredentialsError;
use super::context::Context;
use super::lock;
use crate::transport::{Timeouts, TransportError, TransportErrorKind};

/// How long and how often somebody is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    timeouts: Timeouts,
    max_attempts: NonZeroU32,
    /// Whether one who cannot be reached may be reached later.
    is_certain_to_exist: bool,
}

impl Patience {
    /// For a service of AWS's, as the client's settings say.
    pub(crate) const fn service(timeouts: Timeouts, max_attempts: NonZeroU32) -> Self {
        Self { timeouts, max_attempts, is_certain_to_exist: true }
    }

    /// For a container's agent.
    pub(super) const AGENT: Self = Self {
        timeouts: Timeouts::new(Duration::from_secs(2), Duration::from_secs(5)),
        max_attempts: DEFAULT_MAX_ATTEMPTS,
        is_certain_to_exist: true,
    };

    /// For the instance metadata, which are not there on most machines.
    pub(super) const fn metadata(timeout: Duration, max_attempts: NonZeroU32) -> Self {
        let timeouts = Timeouts::new(timeout, timeout);
        Self { timeouts, max_attempts, is_certain_to_exist: false }
    }
}

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum AskError {
    /// It could not be put.
    Question(CredentialsError),
    /// No answer came.
    Transport(TransportError),
    /// The answer holds no credentials.
    Answer(DocumentError),
}

impl AskError {
    /// The status of a refusal.
    pub(super) const fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(error) => error.status(),
            _ => None,
        }
    }

    /// Whether there may be nobody to ask.
    pub(super) fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Transport(error) if error.kind() == TransportErrorKind::Connect)
    }

    /// Whether somebody took the question and did not answer in time.
    pub(super) fn is_time_out(&self) -> bool {
        matches!(self, Self::Transport(error) if error.kind() == TransportErrorKind::Timeout)
    }

    fn retry_class(&self, patience: &Patience, skew: Option<time::SignedDuration>) -> RetryClass {
        match self {
            Self::Transport(_) if self.is_out_of_reach() && !patience.is_certain_to_exist => RetryClass::None,
            Self::Transport(error) if error.kind().is_transient() => RetryClass::Transient,
            Self::Answer(error) => error.retry_class(skew),
            _ => RetryClass::None,
        }
    }

    /// The error that tells what was asked.
    pub(super) fn while_doing(self, what: impl Into<String>) -> CredentialsError {
        match self {
            Self::Question(error) => error,
            Self::Transport(error) if error.kind().is_transient() => {
                CredentialsError::transient(what).with_source(error)
            }
            Self::Transport(error) => CredentialsError::failed(what).with_source(error),
            Self::Answer(error) if error.retry_class(None) != RetryClass::None => {
                CredentialsError::transient(what).with_source(error)
            }
            Self::Answer(error) => CredentialsError::failed(what).with_source(error),
        }
    }
}

impl From<CredentialsError> for AskError {
    fn from(error: CredentialsError) -> Self {
        Self::Question(error)
    }
}

/// Asks, and asks again where that may help. Each question is made anew, for the time that the service's clock shows.
pub(super) fn ask<T>(
    context: &Context,
    patience: &Patience,
    question: impl Fn(OffsetDateTime) -> Result<Request<'static>, CredentialsError>,
    read: impl Fn(&Response) -> Result<T, DocumentError>,
) -> Result<T, AskError> {
    let Context { clock, transport, skew, .. } = context;
    let mut quota = RetryQuota::new();
    let mut retries = Retries::new(patience.max_attempts);
    loop {
        let sent = clock.now();
        let signed_at = lock(skew).now(sent);
        let request = question(signed_at)?;
        let mut measured = None;
        let mut hint = None;
        let outcome = match transport.send(&request, &patience.timeouts) {
            Ok(response) => {
                let headers = &response.headers;
                let has_age = headers.value("age").is_some();
                let shown = lock(skew).observe(sent, clock.now(), headers.value("date"), has_age);
                measured = shown.map(|shown| ClockSkew::to_judge_by(shown, signed_at - sent));
                hint = headers.value(retry::RETRY_AFTER_HEADER).and_then(retry::retry_after);
                read(&response).map_err(AskError::Answer)
            }
            Err(error) => Err(AskError::Transport(error)),
        };
        let error = match outcome {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match retries.on_failure(error.retry_class(patience, measured), hint, clock.random(), &mut quota) {
            Decision::RetryAfter(delay) => clock.sleep(delay),
            Decision::GiveUp(_) => return Err(error),
        }
    }
}
