//! [`Transport`]: sends a client's HTTP requests. [`Ureq`] is the default; implement it to use another HTTP stack.

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

/// Sends one request to the server and returns its response.
///
/// Implement it to use another HTTP stack. The client relies on this:
///
/// * The transport sends headers and body unchanged and adds `Content-Length`: the signature covers them. `host` is one
///   of the request's headers. A stack that writes it by itself must write the same value, once.
/// * It follows no redirects, and returns a response of any status.
/// * It reads the response to its end, at most [`MAX_RESPONSE_BYTES`](firehose_proto::limits::MAX_RESPONSE_BYTES) of
///   it.
/// * It reaches loopback and link-local addresses without a proxy, because credentials are also requested through it.
/// * It keeps to the caller's [`Timeouts`] and never retries.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if there is no complete response; its kind tells whether a retry may help.
    fn send(&self, request: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError>;
}
