//! What a driver and its transport tell each other of an attempt: [`Timeouts`] for it, and the [`TransportError`] that
//! stands in place of a response.
//!
//! The core makes no connection. These are the words in which it is told what became of one.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::time::Duration;

/// How long a connection may take to come about, unless the caller decides otherwise.
pub(crate) const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// How long one attempt may wait for its answer, unless the caller decides otherwise.
pub(crate) const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From looking the name up until the connection stands, the TLS handshake included. 3.1 s, as in the AWS SDKs: a
    /// lost SYN is sent again after 1 s and 3 s.
    pub connect: Duration,
    /// For sending the request, for the response to begin, and for the response to end: 30 s each. A request of
    /// 4 MiB needs 190 kB/s to be sent in that time; raise it for slower links.
    pub read: Duration,
    /// For all of that together. Without limit unless it is set.
    pub attempt: Option<Duration>,
}

impl Timeouts {
    /// Timeouts for connecting and for each part after that, and none for the whole.
    #[must_use]
    pub const fn new(connect: Duration, read: Duration) -> Self {
        Self { connect, read, attempt: None }
    }

    /// All the time that an attempt may take, for transports that count no smaller part: connecting, sending the request,
    /// and reading the answer's head and body.
    #[must_use]
    pub fn whole(&self) -> Duration {
        let parts = self.connect.saturating_add(self.read.saturating_mul(3));
        self.attempt.map_or(parts, |attempt| attempt.min(parts))
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::new(DEFAULT_CONNECT_TIMEOUT, DEFAULT_READ_TIMEOUT)
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
