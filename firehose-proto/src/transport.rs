//! What a driver passes to its transport, the [`Timeouts`] of an attempt, and what it gets when there is no response: a
//! [`TransportError`].
//!
//! The core itself makes no connections.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::time::Duration;

/// Default timeout for connecting.
pub(crate) const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// Default timeout for each later part of an attempt.
pub(crate) const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeouts of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the start of the name lookup to the end of the TLS handshake. 3.1 s, as in the AWS SDKs: a lost SYN is sent
    /// again after 1 s and 3 s.
    pub connect: Duration,
    /// 30 s for each of three parts: sending the request, waiting for the response to begin, and reading it to its
    /// end. A request of 4 MiB then needs 190 kB/s; raise it for slower links.
    pub read: Duration,
    /// For the whole attempt. No limit by default.
    pub attempt: Option<Duration>,
}

impl Timeouts {
    /// Timeouts for connecting and for each later part, without a limit for the whole.
    #[must_use]
    pub const fn new(connect: Duration, read: Duration) -> Self {
        Self { connect, read, attempt: None }
    }

    /// The time that a whole attempt may take, for transports with only one timeout: connecting, sending the request,
    /// and reading the response's head and body.
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
    /// No connection: refused, unreachable, or name not found. No byte of the body was sent.
    Connect,
    /// The proxy refused the request, for example because a password is missing. Nothing reached the service. Trying
    /// again does not help.
    Proxy,
    /// The peer's certificate or TLS version is not acceptable. Nothing was sent. Trying again does not help.
    Tls,
    /// A timeout expired. The request may have taken effect.
    Timeout,
    /// The connection broke, or the response was not HTTP. The request may have taken effect.
    Broken,
    /// The response is larger than any response of the service.
    ResponseTooLarge,
    /// The transport cannot send this request.
    Request,
}

impl TransportErrorKind {
    /// Whether the service may have received the request and acted on it.
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

/// A failed exchange: its kind, and the transport's own error as the source.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// A failure without a source.
    #[must_use]
    pub const fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same failure with the transport's own error, which must not quote headers or the body.
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
