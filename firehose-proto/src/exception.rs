//! [`ServiceError`]: a response that refuses a call. The client reads it, the server writes it.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use ::time::SignedDuration;

use crate::http::{Headers, Response};
use crate::json::{self, TextOrNone};
use crate::limits;
use crate::retry::{self, RetryClass};

/// Content type of every Firehose document.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Codes for credentials that expired or are not known everywhere yet: other credentials, or the same ones later, may
/// work.
const ABOUT_CREDENTIALS: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"];

/// Declares the codes, each under AWS's name.
macro_rules! error_codes {
    ($($name:ident: $doc:literal,)+) => {
        /// The code of a refusal: the modelled exceptions, the codes that any AWS service may answer with, and unknown
        /// ones.
        ///
        /// Each operation's page lists the modelled ones, the page of
        /// [common errors](https://docs.aws.amazon.com/firehose/latest/APIReference/CommonErrors.html) the shared ones.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $doc] $name,)+
            /// Any other code.
            Unknown(String),
        }

        impl ErrorCode {
            /// Reads a code as AWS spells it.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text {
                    $(stringify!($name) => Self::$name,)+
                    other => Self::Unknown(other.into()),
                }
            }

            /// The code as AWS spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self::Unknown(text) => text,
                }
            }
        }
    };
}

error_codes! {
    ConcurrentModificationException: "Another call changed the stream in the meantime (modelled).",
    InvalidArgumentException: "A value that the service cannot use (modelled).",
    InvalidKMSResourceException: "Firehose cannot use the stream's KMS key (modelled).",
    InvalidSourceException: "The source is not valid for the call (modelled).",
    LimitExceededException: "A quota of resources is exhausted (modelled).",
    ResourceInUseException: "The stream is in another state than the call needs (modelled).",
    ResourceNotFoundException: "No such stream (modelled).",
    ServiceUnavailableException: "The service cannot take the call now (modelled).",
    AccessDeniedException: "The credentials may not do this.",
    ExpiredTokenException: "The session token has expired.",
    IncompleteSignature: "The signature lacks a part or is malformed.",
    InternalFailure: "The service failed.",
    InvalidSignatureException: "The signature does not match, or its time is off.",
    MissingAuthenticationTokenException: "The request is not signed.",
    RequestTimeoutException: "The request did not arrive in time.",
    SerializationException: "The request's body is not JSON of the right types.",
    ThrottlingException: "Too many calls.",
    UnknownOperationException: "No such operation.",
    UnrecognizedClientException: "No such access key.",
    ValidationException: "The input breaks a constraint of the model.",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a code is one of those about credentials.
pub(crate) fn is_about_credentials(code: &str) -> bool {
    ABOUT_CREDENTIALS.contains(&code)
}

/// Whether a code, of a call or of one record, asks for fewer or smaller requests. These are the codes that all AWS
/// services share, and `ServiceUnavailableException`: Firehose answers with it, and the words "Slow down.", when a
/// stream is at its quota. AWS lists it only
/// [on the operation's page](https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html).
#[must_use]
pub(crate) fn is_throttling(code: &str) -> bool {
    code.starts_with("ServiceUnavailable") || retry::classify(Some(code), false, 0, None) == RetryClass::Throttling
}

/// The service refused the call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    /// The status of the response.
    pub status: u16,
    /// The code, when the response has one.
    pub code: Option<ErrorCode>,
    /// The service's words, or the beginning of a body that is not an error document; may be empty.
    pub message: String,
    /// The member `code` of `InvalidKMSResourceException` and `InvalidSourceException`.
    pub reason: Option<String>,
    /// Which side is at fault, as the header `x-amzn-query-error` says it.
    pub fault: Option<String>,
    /// The request id, for AWS's support.
    pub request_id: Option<String>,
    /// The second request id, for AWS's support.
    pub extended_request_id: Option<String>,
}

impl ServiceError {
    /// An error of a status and code, as a server makes it.
    #[must_use]
    pub fn new(status: u16, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into(), ..Self::of_status(status) }
    }

    /// An error without a code or body, such as the 413 of a load balancer.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        Self {
            status,
            code: None,
            message: String::new(),
            reason: None,
            fault: None,
            request_id: None,
            extended_request_id: None,
        }
    }

    /// Reads a response without a success status.
    ///
    /// The code comes from the first of these that is present: the header `x-amzn-errortype`, the members `__type`,
    /// `code` and `Code`. `__type` comes before `code` because two of Firehose's exceptions have a member `code` of
    /// another meaning.
    #[must_use]
    pub fn read(response: &Response) -> Self {
        let headers = &response.headers;
        let owned = |name| headers.value(name).map(ToString::to_string);
        let mut error = Self {
            request_id: owned("x-amzn-requestid").or_else(|| owned("x-amz-request-id")),
            extended_request_id: owned("x-amz-id-2"),
            ..Self::of_status(response.status)
        };
        let header_code = headers.value("x-amzn-errortype").and_then(bare_code);
        let mut body_code = None;
        match json::parse::<ErrorDocument<'_>>(&response.body) {
            Ok(document) => {
                let [kind, code, capital_code] = [document.kind, document.code, document.capital_code].map(text);
                let candidates = [&kind, &code, &capital_code];
                body_code = candidates.into_iter().flatten().find_map(|text| bare_code(text)).map(ErrorCode::parse);
                let messages = [document.message, document.capital_message, document.error_message];
                error.message = messages.into_iter().find_map(text).unwrap_or_default().into_owned();
                error.reason = code.map(Cow::into_owned);
            }
            Err(_) => error.message = beginning(&response.body),
        }
        redact(&mut error.message);
        cap(&mut error.message);
        error.reason.as_mut().map(cap);
        error.code = header_code.map(ErrorCode::parse).or(body_code);
        if let Some((code, fault)) = headers.value("x-amzn-query-error").and_then(query_error) {
            error.code = Some(ErrorCode::parse(code));
            error.fault = Some(fault.into());
        }
        if !matches!(error.code, Some(ErrorCode::InvalidKMSResourceException | ErrorCode::InvalidSourceException)) {
            error.reason = None;
        }
        error
    }

    /// Writes the response that a server sends.
    #[must_use]
    pub fn write(&self) -> Response {
        let mut response = Response::new(self.status, Vec::new());
        if let Some(code) = &self.code {
            let body = &mut response.body;
            body.extend_from_slice(b"{\"__type\":");
            json::write_string(code.as_str(), body);
            if let Some(reason) = &self.reason {
                body.extend_from_slice(b",\"code\":");
                json::write_string(reason, body);
            }
            body.extend_from_slice(b",\"message\":");
            json::write_string(&self.message, body);
            body.push(b'}');
            response.headers = Headers::with_capacity(4, 256);
            response.headers.append_with("content-type", |value| value.push_str(CONTENT_TYPE));
        }
        response
    }

    /// Whether a retry may help, by the rules that all AWS SDKs share.
    ///
    /// `modeled` lists the codes on the operation's page. `skew` is the skew measured on this response, if any.
    #[must_use]
    pub fn retry_class(&self, modeled: &[ErrorCode], skew: Option<SignedDuration>) -> RetryClass {
        let is_modeled = self.code.as_ref().is_some_and(|code| modeled.contains(code));
        retry::classify(self.code_str(), is_modeled, self.status, skew)
    }

    /// Whether the service asks for fewer or smaller requests, by a code that AWS's SDKs know or by status 429.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.code_str().map_or(self.status == 429, is_throttling)
    }

    /// Whether the service refused the credentials, so that refreshed ones may work.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        self.code_str().is_some_and(is_about_credentials)
    }

    /// Whether the request was too large, so that a smaller one may pass: the service answers
    /// `Records size exceeds 4 MB limit`, a load balancer or proxy answers 413 without a message.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        let says_so = || {
            let words = self.message.to_ascii_lowercase();
            words.contains("size") && words.contains("exceed")
        };
        self.status == 413 || (self.code == Some(ErrorCode::InvalidArgumentException) && says_so())
    }

    /// Whether this looks like the answer of a proxy, captive portal or firewall on the way: a redirection or refusal
    /// without a code. AWS's own refusals have a code, except for 413.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        self.code.is_none() && self.status < 500 && self.status != 413
    }

    fn code_str(&self) -> Option<&str> {
        self.code.as_ref().map(ErrorCode::as_str)
    }

    /// The retry class for calls, batches and the client's rate limit: AWS's shared rules
    /// ([`retry_class`](Self::retry_class)), plus cases that no SDK retries.
    pub(crate) fn disposition(&self, modeled: &[ErrorCode], skew: Option<SignedDuration>) -> RetryClass {
        match self.retry_class(modeled, skew) {
            _ if self.code_str().is_some_and(is_throttling) => RetryClass::Throttling,
            RetryClass::None if self.is_about_credentials() || self.is_foreign() => RetryClass::Transient,
            class => class,
        }
    }

    /// Whether a wrong clock, or a signature that expired on its way, may be the cause.
    pub(crate) fn may_be_about_clock(&self) -> bool {
        self.code_str().is_some_and(retry::may_be_about_clock)
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code} (status {}", self.status)?,
            None if self.is_foreign() => write!(f, "response of status {} without an AWS error code (", self.status)?,
            None => write!(f, "status {} without an error code (", self.status)?,
        }
        match (&self.code, &self.request_id) {
            (Some(_), Some(id)) => write!(f, ", request id {id})")?,
            (None, Some(id)) => write!(f, "request id {id})")?,
            (Some(_), None) => f.write_str(")")?,
            (None, None) => f.write_str("no request id)")?,
        }
        if self.is_foreign() {
            f.write_str(
                "; something between here and Firehose (a proxy, captive portal or firewall) may have answered",
            )?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl core::error::Error for ServiceError {}

json::document!(
    /// The members in which AWS services put a code and a message. Values other than text are ignored.
    ErrorDocument<'a> {
        kind: TextOrNone<'a> = "__type",
        code: TextOrNone<'a> = "code",
        capital_code: TextOrNone<'a> = "Code",
        message: TextOrNone<'a> = "message",
        capital_message: TextOrNone<'a> = "Message",
        error_message: TextOrNone<'a> = "errorMessage",
    }
);

fn text(member: Option<TextOrNone<'_>>) -> Option<Cow<'_, str>> {
    member.and_then(|member| member.0)
}

/// Cuts a shape's name out of `namespace#Name:http://…`; `None` when it is empty.
fn bare_code(text: &str) -> Option<&str> {
    let text = text.split_once(':').map_or(text, |(before, _)| before);
    let name = text.rsplit_once('#').map_or(text, |(_, after)| after).trim();
    (!name.is_empty()).then_some(name)
}

/// Splits `Code;Fault`, which must have exactly two parts.
fn query_error(text: &str) -> Option<(&str, &str)> {
    let (code, fault) = text.split_once(';')?;
    bare_code(code).filter(|_| !fault.contains(';')).map(|code| (code, fault))
}

/// Cuts off the canonical request that some services quote when a signature does not match: it contains the session
/// token.
pub(crate) fn redact(message: &mut String) {
    for quoted in ["The Canonical String", "<CanonicalRequest"] {
        if let Some((shown, _)) = message.split_once(quoted) {
            message.truncate(shown.trim_end().len());
        }
    }
}

/// The beginning of a body that is not an error document, in printable form.
fn beginning(body: &[u8]) -> String {
    let end = body.len().min(limits::MAX_ERROR_TEXT_BYTES);
    String::from_utf8_lossy(body.get(..end).unwrap_or(body)).into_owned()
}

/// Cuts a peer's text to the length that is kept.
fn cap(text: &mut String) {
    let boundary = (0..=limits::MAX_ERROR_TEXT_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    text.truncate(boundary);
}
