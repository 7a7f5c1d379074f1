//! [`Transport`]: the one thing the client asks of HTTP. [`Ureq`] is the default; bring another to use your own stack.

mod tls;
mod ureq;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use firehose_proto::http::{Request, Response};
use firehose_proto::settings::{DEFAULT_CONNECT_TIMEOUT, DEFAULT_READ_TIMEOUT};

pub use self::ureq::{InvalidCaBundle, Ureq};

/// Carries one request to the server and its response back.
///
/// Open for implementation. The client relies on this:
///
/// * the headers and the body are sent exactly as they are, with `Content-Length` added; those that are signed
///   must not change;
/// * redirects are not followed, and a response of any status is a response;
/// * the response is read to its end, at most [`MAX_RESPONSE_BYTES`](firehose_proto::limits::MAX_RESPONSE_BYTES) of it;
/// * what is on the machine itself or on a link-local address is reached without a proxy: through the transport,
///   credentials are also asked for;
/// * nothing takes longer than the caller's [`Timeouts`], and nothing is retried.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when there is no complete response, with the kind that tells whether trying again may help.
    fn send(&self, request: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError>;
}

/// How long one attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For looking the name up, and then until the connection stands, the TLS handshake included. 3.1 s, as in the
    /// AWS SDKs: a lost SYN is sent again after 1 s and 3 s.
    pub connect: Duration,
    /// For sending the request, for the response to begin, and for the response to end: 30 s each. A request of
    /// 4 MiB needs 190 kB/s to be sent in that time; raise it for slower links.
    pub read: Duration,
    /// For all of that together. Without limit unless it is set.
    pub attempt: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: DEFAULT_CONNECT_TIMEOUT, read: DEFAULT_READ_TIMEOUT, attempt: None }
    }
}

/// Why there is no complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: refused, unreachable, name not found. Nothing was sent, or no byte of the body at least.
    Connect,
    /// The proxy does not let the request through, such as for want of a password. Nothing reached the service, and
    /// trying again will not help.
    Proxy,
    /// The peer's certificate or its TLS is not acceptable. Nothing was sent, and trying again will not help.
    Tls,
    /// Time ran out. The request may have had its effect.
    Timeout,
    /// The connection broke, or what came was not HTTP. The request may have had its effect.
    Broken,
    /// The response is larger than any of the service's.
    ResponseTooLarge,
    /// The request cannot be sent as it is.
    Request,
}

impl TransportErrorKind {
    /// Whether the service may have got the request, and acted on it.
    #[must_use]
    pub const fn is_ambiguous(self) -> bool {
        !matches!(self, Self::Connect | Self::Proxy | Self::Tls | Self::Request)
    }

    /// Whether the same request may succeed when it is sent again.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Connect | Self::Timeout | Self::Broken)
    }
}

/// A failed exchange: its kind, and the transport's own account as the source.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// A failure without more to say.
    #[must_use]
    pub const fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same failure with the transport's own error, which must not quote headers or body.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "cannot connect",
            TransportErrorKind::Proxy => "refused by the proxy",
            TransportErrorKind::Tls => "TLS failed",
            TransportErrorKind::Timeout => "timed out",
            TransportErrorKind::Broken => "connection broken",
            TransportErrorKind::ResponseTooLarge => "response too large",
            TransportErrorKind::Request => "request cannot be sent",
        })
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
