//! [`Transport`]: the one thing the client asks of HTTP. [`Ureq`] is the default; bring another to use your own stack.

mod ca_bundle;
#[cfg(feature = "ureq")]
mod connect;
#[cfg(feature = "ureq")]
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(all(feature = "ureq", not(feature = "tls")))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "ureq")]
mod ureq;
#[cfg(not(feature = "ureq"))]
#[path = "no_ureq.rs"]
mod ureq;

pub use firehose_proto::call::Timeouts;
pub use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::http::{Request, Response};

pub use self::ca_bundle::InvalidCaBundle;
#[cfg(feature = "ureq")]
pub use self::ureq::Ureq;
pub(crate) use self::ureq::default_transport;

/// Carries one request to the server and its response back.
///
/// Open for implementation. The client relies on this:
///
/// * the headers and the body are sent exactly as they are, with `Content-Length` added; those that are signed
///   must not change. `host` is one of them, and comes with the request: a stack that writes it by itself must write the
///   same, and not a second one;
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
