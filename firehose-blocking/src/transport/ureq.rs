//! [`Ureq`]: the default transport, and the only file that names `ureq`.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use firehose_proto::http::{Method, Request, Response};
use firehose_proto::limits::MAX_RESPONSE_BYTES;
use firehose_proto::settings::Setting;
use firehose_proto::settings::proxy::Proxies;
use ureq::config::AutoHeaderValue;
use ureq::tls::{self, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, ProxyProtocol, http};

use super::{Timeouts, Transport, TransportError, TransportErrorKind};

/// Connections kept for the next request, for each host.
const MAX_IDLE_CONNECTIONS: usize = 10;

/// The service closes connections that rest for about a minute; those we keep must be younger.
const MAX_IDLE_AGE: Duration = Duration::from_secs(55);

/// HTTP/1.1 over `ureq` with kept-alive connections and rustls.
///
/// Beware of the log target `ureq_proto` at level `trace`: that crate then dumps what goes over the wire, session
/// tokens and records included.
///
/// Connects directly unless it is given [`proxies`](Self::proxies), through which it tunnels with `CONNECT`, also to
/// endpoints that are not encrypted. Trusts Mozilla's certificates unless it is given [others](Self::ca_bundle).
#[derive(Clone)]
pub struct Ureq {
    agent: Agent,
    proxies: Proxies,
    max_response_bytes: usize,
}

impl Ureq {
    /// A transport with no connection yet.
    #[must_use]
    pub fn new() -> Self {
        Self { agent: agent(RootCerts::WebPki), proxies: Proxies::default(), max_response_bytes: MAX_RESPONSE_BYTES }
    }

    /// The same transport through these proxies.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// The same transport with the certificates of this PEM text to trust, in place of Mozilla's.
    ///
    /// # Errors
    ///
    /// [`InvalidCaBundle`] when the text has no certificate or one that is broken.
    pub fn ca_bundle(mut self, pem: &[u8]) -> Result<Self, InvalidCaBundle> {
        let mut certificates = Vec::new();
        for item in tls::parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|_| InvalidCaBundle::Pem)? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(InvalidCaBundle::Empty);
        }
        self.agent = agent(RootCerts::from(certificates));
        Ok(self)
    }

    /// The same transport for answers that are smaller than Firehose's.
    pub(crate) const fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// The proxy for a URL, if it is not reached directly.
    fn proxy(&self, url: &str) -> Result<Option<ureq::Proxy>, TransportError> {
        let Some(Setting { value: proxy, .. }) = self.proxies.for_url(url) else { return Ok(None) };
        let protocol = if proxy.is_https { ProxyProtocol::Https } else { ProxyProtocol::Http };
        // An IPv6 address stands in brackets in the URL that this builder makes.
        let host = if proxy.host.contains(':') { format!("[{}]", proxy.host) } else { proxy.host.clone() };
        let mut builder = ureq::Proxy::builder(protocol).host(&host).port(proxy.port);
        if let Some(user) = &proxy.user {
            builder = builder.username(user);
        }
        if let Some(password) = &proxy.password {
            builder = builder.password(password.reveal());
        }
        let cannot = |_| TransportError::new(TransportErrorKind::Request).with_source("the proxy cannot be used");
        builder.build().map(Some).map_err(cannot)
    }
}

fn agent(roots: RootCerts) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .save_redirect_history(false)
        // What the request does not have is not sent: a header of ureq's own would confuse the signature's reader.
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .max_idle_connections_per_host(MAX_IDLE_CONNECTIONS)
        .max_idle_connections(MAX_IDLE_CONNECTIONS)
        .max_idle_age(MAX_IDLE_AGE)
        // Which proxy is decided for each request.
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    config.into()
}

impl Default for Ureq {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Ureq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ureq").finish_non_exhaustive()
    }
}

impl Transport for Ureq {
    fn send(&self, request: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError> {
        let mut builder = http::Request::builder().method(method(request.method)?).uri(&*request.uri);
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        let outgoing = builder
            .body(request.body())
            .map_err(|error| TransportError::new(TransportErrorKind::Request).with_source(error))?;
        let outgoing = self
            .agent
            .configure_request(outgoing)
            .proxy(self.proxy(&request.uri)?)
            .timeout_global(timeouts.attempt)
            .timeout_resolve(Some(timeouts.connect))
            .timeout_connect(Some(timeouts.connect))
            .timeout_send_request(Some(timeouts.read))
            .timeout_send_body(Some(timeouts.read))
            .timeout_recv_response(Some(timeouts.read))
            .timeout_recv_body(Some(timeouts.read))
            .build();
        read(self.agent.run(outgoing).map_err(classify)?, self.max_response_bytes)
    }
}

/// Reads a response to its end into a buffer of the right size.
fn read(incoming: http::Response<ureq::Body>, max_bytes: usize) -> Result<Response, TransportError> {
    let (head, body) = incoming.into_parts();
    let mut response = Response::new(head.status.as_u16(), Vec::new());
    for (name, value) in &head.headers {
        // A value that is no header of ours says nothing we need; the body decides.
        if response.headers.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes())).is_err() {
            log::debug!("ignoring the malformed response header {name}");
        }
    }
    let expected = body.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if expected > max_bytes {
        return Err(TransportError::new(TransportErrorKind::ResponseTooLarge));
    }
    response.body.reserve_exact(expected);
    let cap = u64::try_from(max_bytes).unwrap_or(u64::MAX) + 1;
    body.into_reader().take(cap).read_to_end(&mut response.body).map_err(broken_off)?;
    if response.body.len() > max_bytes {
        return Err(TransportError::new(TransportErrorKind::ResponseTooLarge));
    }
    Ok(response)
}

fn method(method: Method) -> Result<http::Method, TransportError> {
    http::Method::from_bytes(method.as_str().as_bytes())
        .map_err(|error| TransportError::new(TransportErrorKind::Request).with_source(error))
}

/// Classifies an error in the middle of a response, when all that comes before one is behind us.
fn broken_off(error: io::Error) -> TransportError {
    let mut error = classify(error.into());
    if error.kind != TransportErrorKind::Timeout {
        error.kind = TransportErrorKind::Broken;
    }
    error
}

fn classify(error: ureq::Error) -> TransportError {
    let kind = match &error {
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => TransportErrorKind::Connect,
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
            TransportErrorKind::Connect
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
            TransportErrorKind::Tls
        }
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TransportErrorKind::Timeout,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => TransportErrorKind::Connect,
            // The standard library has no kind for a name that does not resolve, only this text.
            _ if error.to_string().starts_with("failed to lookup address") => TransportErrorKind::Connect,
            // rustls wraps what it refuses, a certificate above all, in this kind.
            io::ErrorKind::InvalidData => TransportErrorKind::Tls,
            _ => TransportErrorKind::Broken,
        },
        ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => TransportErrorKind::Request,
        ureq::Error::LargeResponseHeader(..) => TransportErrorKind::ResponseTooLarge,
        _ => TransportErrorKind::Broken,
    };
    TransportError::new(kind).with_source(error)
}

/// Why a file of certificates cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCaBundle {
    /// The file cannot be read.
    Io(io::ErrorKind),
    /// The text is not PEM.
    Pem,
    /// There is no certificate in it.
    Empty,
}

impl fmt::Display for InvalidCaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => write!(f, "cannot read it: {kind}"),
            Self::Pem => f.write_str("must be PEM, with lines such as `-----BEGIN CERTIFICATE-----`"),
            Self::Empty => f.write_str("must have at least one certificate in PEM"),
        }
    }
}

impl std::error::Error for InvalidCaBundle {}
