//! [`ask`]: one request for credentials, retried as the retry rules allow.
//!
//! ```text
//!   ┌─▶ read the token's file, if there is one ─▶ sign for the corrected time ─▶ transmit ─▶ read the answer ─▶ done
//!   │                 │ empty, half written                                         │ none        │ refusal, malformed
//!   └──────── wait ◀──┴── Retries: class, attempts, quota ◀─────────────────────────┴─────────────┘
//! ```
//!
//! A refusal because the signature expired on its way is not a failed attempt: the request is signed anew and sent
//! again at once, one time.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use time::{OffsetDateTime, SignedDuration};

use super::answer::FileError;
use super::policy::Policy;
use super::step::{Cx, Step, Then};
use crate::credentials::{CredentialsError, DocumentError};
use crate::http::{Request, Response};
use crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use crate::retry::{Attempt, Decision, Observed, Retries, RetryClass, RetryQuota};
use crate::sensitive::Sensitive;
use crate::transport::{TransportError, TransportErrorKind};

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum AskError {
    /// The request could not be made.
    Question(CredentialsError),
    /// There was no response.
    Transport(TransportError),
    /// The response contains no credentials; and whether asking again may have helped.
    Answer(DocumentError, RetryClass),
}

impl AskError {
    /// The status of a refusal.
    pub(super) const fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(error, _) => error.status(),
            _ => None,
        }
    }

    /// Whether the service may not exist here.
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transport(error) if error.kind() == TransportErrorKind::Connect)
    }

    /// Whether the service took the request and did not answer in time.
    pub(super) fn is_time_out(&self) -> bool {
        matches!(self, Self::Transport(error) if error.kind() == TransportErrorKind::Timeout)
    }

    fn retry_class(&self, policy: &Policy) -> RetryClass {
        match self {
            Self::Question(error) if error.is_transient() => RetryClass::Transient,
            Self::Transport(_) if self.is_unreachable() && !policy.must_exist => RetryClass::None,
            Self::Transport(error) if error.kind().is_transient() => RetryClass::Transient,
            Self::Answer(_, class) => *class,
            _ => RetryClass::None,
        }
    }

    /// The error, with what was attempted.
    pub(super) fn while_doing(self, what: impl Into<String>) -> CredentialsError {
        match self {
            Self::Question(error) => error,
            Self::Transport(error) if error.kind().is_transient() => {
                CredentialsError::transient(what).with_source(error)
            }
            Self::Transport(error) => CredentialsError::failed(what).with_source(error),
            Self::Answer(error, RetryClass::None) => CredentialsError::failed(what).with_source(error),
            Self::Answer(error, _) => CredentialsError::transient(what).with_source(error),
        }
    }
}

impl From<CredentialsError> for AskError {
    fn from(error: CredentialsError) -> Self {
        Self::Question(error)
    }
}

/// How to make a request and read its response.
pub(super) trait Question: Send + 'static {
    type Answer: 'static;

    /// The file whose token goes with the request. It is read again for each attempt.
    fn token_file(&self) -> Option<&str> {
        None
    }

    /// The request of one attempt, with the time of the service's clock, and the token.
    fn request(&self, signed_at: OffsetDateTime, token: Option<&str>) -> Result<Request<'static>, CredentialsError>;

    /// Reads a response that arrived now, by the local clock.
    fn read(&self, now: OffsetDateTime, response: &Response) -> Result<Self::Answer, DocumentError>;
}

/// Sends the request, and sends it again where that may help. Each attempt makes a new one.
pub(super) fn ask<Q: Question>(cx: &mut Cx<'_>, policy: Policy, question: Q) -> Step<Result<Q::Answer, AskError>> {
    let retries = Retries::new(policy.max_attempts);
    Exchange { policy, question, retries, quota: RetryQuota::new(), is_signed_anew: false }.attempt(cx)
}

struct Exchange<Q> {
    policy: Policy,
    question: Q,
    retries: Retries,
    quota: RetryQuota,
    is_signed_anew: bool,
}

impl<Q: Question> Exchange<Q> {
    fn attempt(self, cx: &mut Cx<'_>) -> Step<Result<Q::Answer, AskError>> {
        let Some(path) = self.question.token_file() else { return self.send(cx, None) };
        let (path, read) = (String::from(path), String::from(path));
        Step::ReadFile(
            read,
            MAX_CREDENTIAL_DOCUMENT_BYTES,
            Then::new(move |cx, file| match token(&path, file) {
                Ok(token) => self.send(cx, Some(&token)),
                Err(error) => self.fail(cx, error.into(), None),
            }),
        )
    }

    fn send(self, cx: &mut Cx<'_>, token: Option<&Sensitive<String>>) -> Step<Result<Q::Answer, AskError>> {
        let attempt = Attempt::begin(cx.now.utc, &cx.shared.skew);
        let token = token.map(|token| token.expose().as_str());
        let request = match self.question.request(attempt.signed_at(), token) {
            Ok(request) => Box::new(request),
            Err(error) => return Step::Done(Err(error.into())),
        };
        let timeouts = self.policy.timeouts;
        let answered = move |cx: &mut Cx<'_>, outcome: Result<Response, TransportError>| {
            let response = match outcome {
                Ok(response) => response,
                Err(error) => return self.fail(cx, AskError::Transport(error), None),
            };
            let observed = attempt.observe(cx.now.utc, &response.headers, &mut cx.shared.skew);
            let error = match self.question.read(cx.now.utc, &response) {
                Ok(answer) => return Step::Done(Ok(answer)),
                Err(error) => error,
            };
            if observed.is_signature_old && may_be_about_signature(&error) {
                return self.sign_anew(cx, error, observed);
            }
            let class = error.retry_class(observed.skew);
            self.fail(cx, AskError::Answer(error, class), observed.retry_after)
        };
        Step::Transmit(request, timeouts, Then::new(answered))
    }

    /// Sends it again at once, one time only, when the signature expired before it was checked.
    fn sign_anew(
        mut self,
        cx: &mut Cx<'_>,
        error: DocumentError,
        observed: Observed,
    ) -> Step<Result<Q::Answer, AskError>> {
        if self.is_signed_anew {
            return self.fail(cx, AskError::Answer(error, RetryClass::ClockSkew), observed.retry_after);
        }
        self.is_signed_anew = true;
        self.attempt(cx)
    }

    fn fail(
        mut self,
        cx: &mut Cx<'_>,
        error: AskError,
        retry_after: Option<Duration>,
    ) -> Step<Result<Q::Answer, AskError>> {
        let class = error.retry_class(&self.policy);
        match self.retries.on_failure(class, retry_after, cx.shared.random(), &mut self.quota) {
            Decision::RetryAfter(delay) => Step::Wait(cx.now.tick + delay, Then::new(move |cx, ()| self.attempt(cx))),
            Decision::GiveUp(_) => Step::Done(Err(error)),
        }
    }
}

/// Whether a signature for the wrong time may have caused a refusal.
fn may_be_about_signature(error: &DocumentError) -> bool {
    error.retry_class(Some(SignedDuration::MAX)) == RetryClass::ClockSkew
}

/// The token in a file, unchanged. A token that is still being written is an error.
fn token(path: &str, file: Result<Sensitive<Vec<u8>>, FileError>) -> Result<Sensitive<String>, CredentialsError> {
    let cannot = || CredentialsError::failed(format!("cannot read the token file {path}"));
    let content = file.map_err(|error| cannot().with_source(error))?;
    if content.expose().len() > MAX_CREDENTIAL_DOCUMENT_BYTES {
        return Err(cannot().with_source(format!("it has more than {MAX_CREDENTIAL_DOCUMENT_BYTES} bytes")));
    }
    let token = core::str::from_utf8(content.expose()).map_err(|_| cannot().with_source("it is not text"))?;
    match token.trim() {
        "" => Err(CredentialsError::transient(format!("the token file {path} is empty"))),
        jwt if jwt.starts_with(JWT_START) && !is_whole_jwt(jwt) => {
            Err(CredentialsError::transient(format!("the token file {path} holds only the beginning of a token")))
        }
        _ => Ok(Sensitive::from(token)),
    }
}

/// `{"` in base64: the start of every JSON Web Token. Other providers' tokens may be any text.
const JWT_START: &str = "eyJ";

/// Whether it has a header, claims and a signature
/// ([RFC 7515, section 3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)).
fn is_whole_jwt(token: &str) -> bool {
    token.split('.').filter(|part| !part.is_empty()).count() >= 3
}
