//! [`Ureq`]: the default transport. [`connect`](super::connect) and [`socket`](super::socket) open its connections.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use firehose_proto::http::{Method, Request, Response};
use firehose_proto::limits::{MAX_PROFILE_FILE_BYTES, MAX_RESPONSE_BYTES};
use firehose_proto::settings::{Proxies, Proxy, Setting, Settings};
use ureq::config::AutoHeaderValue;
use ureq::http::{HeaderName, HeaderValue};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};
use ureq::{Agent, AsSendBody, ProxyProtocol, SendBody, http};

use super::ca_bundle::InvalidCaBundle;
use super::connect::{Connect, NameResolver, NoAddresses, SystemResolver};
use super::{Timeouts, Transport, TransportError, TransportErrorKind, tls};
use crate::builder::BuildError;
use crate::files;

/// Connections kept per host for later requests.
const MAX_IDLE_CONNECTIONS: usize = 10;

/// The service closes connections after about a minute without use; ours must be younger.
const MAX_IDLE_AGE: Duration = Duration::from_secs(55);

/// AWS's header names, which `http` would otherwise copy for each request.
static OUR_HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("amz-sdk-invocation-id"),
    HeaderName::from_static("amz-sdk-request"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-target"),
    HeaderName::from_static("x-amzn-trace-id"),
];

/// HTTP/1.1 over `ureq`, with keep-alive connections and rustls.
///
/// The log target `ureq_proto` at level `trace` prints all traffic, including session tokens and records.
///
/// It connects directly, unless [`proxies`](Self::proxies) are set: then it tunnels with `CONNECT`, even to endpoints
/// that are not encrypted. It trusts Mozilla's certificates, unless [others](Self::ca_bundle) are set.
#[derive(Clone)]
pub struct Ureq {
    agent: Agent,
    proxies: Proxies,
    /// The last proxy used, also as ureq's type.
    last_proxy: Arc<Mutex<Option<(Proxy, ureq::Proxy)>>>,
    max_response_bytes: usize,
}

impl Ureq {
    /// A transport without connections yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with(SystemResolver, tls::mozilla())
    }

    /// Uses these proxies.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Trusts the certificates of this PEM text instead of Mozilla's.
    ///
    /// Certificates that cannot be trust anchors are ignored, because bundles of old systems contain some. A server may
    /// also present one of these certificates as its own.
    ///
    /// # Errors
    ///
    /// [`InvalidCaBundle`] if the text is not PEM or has no certificate that can be a trust anchor.
    pub fn ca_bundle(mut self, pem: &[u8]) -> Result<Self, InvalidCaBundle> {
        self.agent = agent(SystemResolver, tls::bundle(pem)?);
        Ok(self)
    }

    /// The default transport of a client with these settings, with their proxies and certificates. For programs that
    /// inspect the traffic or send requests of their own.
    ///
    /// # Errors
    ///
    /// [`BuildError::CaBundle`].
    pub fn configured(settings: &Settings) -> Result<Self, BuildError> {
        let ureq = Self::new().proxies(settings.proxies.clone());
        let Some(Setting { value: path, source }) = &settings.ca_bundle else { return Ok(ureq) };
        let invalid = |error| BuildError::CaBundle { path: path.clone(), source: source.clone(), error };
        let pem = files::read(path, MAX_PROFILE_FILE_BYTES);
        ureq.ca_bundle(&pem.map_err(|error| invalid(InvalidCaBundle::Io(error.kind())))?).map_err(invalid)
    }

    pub(super) fn with(resolver: impl NameResolver, tls: Arc<tls::Config>) -> Self {
        Self {
            agent: agent(resolver, tls),
            proxies: Proxies::default(),
            last_proxy: Arc::default(),
            max_response_bytes: MAX_RESPONSE_BYTES,
        }
    }

    /// Sends a request through ureq.
    fn run(
        &self,
        builder: http::request::Builder,
        body: impl AsSendBody,
        route: &Route<'_>,
        timeouts: &Timeouts,
    ) -> Result<Result<http::Response<ureq::Body>, ureq::Error>, TransportError> {
        let request = builder.body(body).map_err(unsendable)?;
        let request = self
            .agent
            .configure_request(request)
            .proxy(self.proxy(route)?)
            .timeout_global(timeouts.attempt)
            .timeout_connect(Some(timeouts.connect))
            .timeout_send_request(Some(timeouts.read))
            .timeout_send_body(Some(timeouts.read))
            .timeout_recv_response(Some(timeouts.read))
            .timeout_recv_body(Some(timeouts.read))
            .build();
        Ok(self.agent.run(request))
    }

    /// The proxy of a route, as ureq's type. Cached, because to make one takes longer than all the rest of a request's
    /// head.
    fn proxy(&self, route: &Route<'_>) -> Result<Option<ureq::Proxy>, TransportError> {
        let Some(Setting { value: proxy, .. }) = route.proxy else { return Ok(None) };
        let mut last = self.last_proxy.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.take().filter(|(known, _)| known == proxy);
        let (_, tunnel) = last.insert(match known {
            Some(known) => known,
            None => (proxy.clone(), route.tunnel(proxy)?),
        });
        Ok(Some(tunnel.clone()))
    }

    /// The same transport for smaller responses than Firehose's.
    const fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }
}

/// The default transport of a client.
pub(crate) fn default_transport(
    settings: &Settings,
    max_response_bytes: usize,
) -> Result<Arc<dyn Transport>, BuildError> {
    Ok(Arc::new(Ureq::configured(settings)?.max_response_bytes(max_response_bytes)))
}

fn agent(resolver: impl NameResolver, tls: Arc<tls::Config>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .save_redirect_history(false)
        // Sends only the request's own headers: extra ones would confuse a reader of the signature.
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .max_idle_connections_per_host(MAX_IDLE_CONNECTIONS)
        .max_idle_connections(MAX_IDLE_CONNECTIONS)
        .max_idle_age(MAX_IDLE_AGE)
        // The proxy is chosen for each request.
        .proxy(None)
        .build();
    let connector = ().chain(ConnectProxyConnector::default()).chain(Connect::new(resolver, tls));
    Agent::with_parts(config, connector, NoAddresses)
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
        let route = Route::new(&request.uri, &self.proxies)?;
        let builder = head(request)?;
        let mut body = Body { rest: request.body(), is_begun: false };
        let outcome = if request.body().is_empty() {
            self.run(builder, request.body(), &route, timeouts)?
        } else {
            // The length is set explicitly, because ureq sees only a reader.
            let builder = builder.header(http::header::CONTENT_LENGTH, request.body().len());
            self.run(builder, SendBody::from_reader(&mut body), &route, timeouts)?
        };
        let was_sent = body.is_begun || request.body().is_empty();
        let incoming = outcome.map_err(|error| route.failure(&error, was_sent))?;
        read(incoming, self.max_response_bytes, &route)
    }
}

/// The body of a request, and whether ureq has read any of it: until then the service cannot act on the request.
struct Body<'r> {
    rest: &'r [u8],
    is_begun: bool,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_begun = true;
        self.rest.read(buffer)
    }
}

/// The destination of a request, and its proxy.
struct Route<'a> {
    url: &'a str,
    proxy: Option<&'a Setting<Proxy>>,
}

impl<'a> Route<'a> {
    fn new(url: &'a str, proxies: &'a Proxies) -> Result<Self, TransportError> {
        let proxy =
            proxies.for_url(url).map_err(|error| unsendable(format!("{}: {error}", Self { url, proxy: None })))?;
        Ok(Self { url, proxy })
    }

    fn is_encrypted(&self) -> bool {
        self.url.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
    }

    fn tunnel(&self, proxy: &Proxy) -> Result<ureq::Proxy, TransportError> {
        let protocol = if proxy.is_https { ProxyProtocol::Https } else { ProxyProtocol::Http };
        let mut builder = ureq::Proxy::builder(protocol).host(&bracketed(&proxy.host)).port(proxy.port);
        if let Some(user) = &proxy.user {
            builder = builder.username(user);
        }
        if let Some(password) = &proxy.password {
            builder = builder.password(password.expose());
        }
        builder.build().map_err(|_| unsendable(format!("{self}: the proxy cannot be used")))
    }

    /// The error for a request without a response.
    fn failure(&self, error: &ureq::Error, was_sent: bool) -> TransportError {
        if let ureq::Error::ConnectProxyFailed(reason) = error {
            return self.refusal(status_of_tunnel(reason));
        }
        if let ureq::Error::Io(error) = error
            && error.kind() == io::ErrorKind::UnexpectedEof
            && !was_sent
            && self.is_encrypted()
        {
            let words = format!("{self}: the connection closed during the TLS handshake; does the server speak TLS?");
            return TransportError::new(TransportErrorKind::Connect).with_source(words);
        }
        let kind = match (classify(error, was_sent), was_sent) {
            (TransportErrorKind::Broken | TransportErrorKind::Timeout, false) => TransportErrorKind::Connect,
            (kind, _) => kind,
        };
        self.error(kind, error)
    }

    fn error(&self, kind: TransportErrorKind, error: &ureq::Error) -> TransportError {
        TransportError::new(kind).with_source(format!("{self}: {}", explain(error)))
    }

    /// The error for a proxy that refuses with a status or closes the connection.
    fn refusal(&self, status: Option<u16>) -> TransportError {
        let has_user = self.proxy.is_some_and(|proxy| proxy.value.user.is_some());
        let (kind, words) = match status {
            Some(407) if has_user => {
                (TransportErrorKind::Proxy, "it does not accept the user and password of its URL (407)".into())
            }
            Some(407) => {
                let words = "it requires a user and a password (407): set its URL to http://user:password@host:port";
                (TransportErrorKind::Proxy, words.into())
            }
            // A proxy that is busy or cannot connect may succeed later.
            Some(status @ (408 | 429 | 500..)) => (TransportErrorKind::Connect, format!("it answers {status}")),
            Some(status) => {
                let port = if self.is_encrypted() { 443 } else { 80 };
                let words =
                    format!("it answers {status}; does it allow CONNECT to port {port}, or to the port in the URL?");
                (TransportErrorKind::Proxy, words)
            }
            None => (TransportErrorKind::Connect, "it does not answer".into()),
        };
        TransportError::new(kind).with_source(format!("{self}: {words}"))
    }
}

/// The host, and the proxy with the setting that names it.
impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Request::new(Method::Get, self.url).authority().unwrap_or(self.url))?;
        let Some(Setting { value: proxy, source }) = self.proxy else { return Ok(()) };
        write!(f, " through the proxy {proxy} (from {source})")
    }
}

/// A host as written in a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// The status in ureq's error about a refused tunnel.
fn status_of_tunnel(reason: &str) -> Option<u16> {
    reason.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

/// Reads a response to its end, into a buffer of the right size.
fn read(incoming: http::Response<ureq::Body>, max_bytes: usize, route: &Route<'_>) -> Result<Response, TransportError> {
    let too_large = || {
        let words = format!("{route}: more than {max_bytes} bytes");
        TransportError::new(TransportErrorKind::ResponseTooLarge).with_source(words)
    };
    let (head, body) = incoming.into_parts();
    let mut response = Response::new(head.status.as_u16(), Vec::new());
    for (name, value) in &head.headers {
        // Nothing depends on a header that is malformed; the body decides.
        if response.headers.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes())).is_err() {
            log::debug!("ignoring the malformed response header {name}");
        }
    }
    let expected = body.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if expected > max_bytes {
        return Err(too_large());
    }
    response.body.reserve_exact(expected);
    let cap = u64::try_from(max_bytes).unwrap_or(u64::MAX) + 1;
    body.into_reader().take(cap).read_to_end(&mut response.body).map_err(|error| broken_off(error, route))?;
    if response.body.len() > max_bytes {
        return Err(too_large());
    }
    Ok(response)
}

/// Writes the head of a request. All values share one buffer.
fn head(request: &Request<'_>) -> Result<http::request::Builder, TransportError> {
    let method = http::Method::from_bytes(request.method.as_str().as_bytes()).map_err(unsendable)?;
    let mut values = Bytes::from(request.headers.iter().map(|(_, value)| value).collect::<String>());
    let mut builder = http::Request::builder().method(method).uri(&*request.uri);
    for (name, value) in request.headers.iter() {
        let value = HeaderValue::from_maybe_shared(values.split_to(value.len())).map_err(unsendable)?;
        builder = match OUR_HEADERS.iter().find(|known| known.as_str() == name) {
            Some(known) => builder.header(known, value),
            None => builder.header(name, value),
        };
    }
    Ok(builder)
}

/// The error for a request that cannot be sent.
fn unsendable(why: impl Into<Box<dyn Error + Send + Sync>>) -> TransportError {
    TransportError::new(TransportErrorKind::Request).with_source(why)
}

/// Classifies an error during a response, after all that can fail earlier.
fn broken_off(error: io::Error, route: &Route<'_>) -> TransportError {
    let error = error.into();
    let kind = match classify(&error, true) {
        TransportErrorKind::Timeout => TransportErrorKind::Timeout,
        _ => TransportErrorKind::Broken,
    };
    route.error(kind, &error)
}

/// The TLS failure within an error.
fn tls_failure(error: &ureq::Error) -> Option<&tls::Failure> {
    if let ureq::Error::Io(error) = error { tls::within(error) } else { None }
}

fn classify(error: &ureq::Error, was_sent: bool) -> TransportErrorKind {
    if let Some(error) = tls_failure(error) {
        return if tls::is_final(error, was_sent) { TransportErrorKind::Tls } else { TransportErrorKind::Broken };
    }
    match error {
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => TransportErrorKind::Connect,
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => TransportErrorKind::Connect,
        ureq::Error::Tls(_) | ureq::Error::TlsRequired => TransportErrorKind::Tls,
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TransportErrorKind::Timeout,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => TransportErrorKind::Connect,
            // The standard library has only this text for a name that does not resolve.
            _ if error.to_string().starts_with("failed to lookup address") => TransportErrorKind::Connect,
            _ => TransportErrorKind::Broken,
        },
        ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => TransportErrorKind::Request,
        ureq::Error::LargeResponseHeader(..) => TransportErrorKind::ResponseTooLarge,
        _ => TransportErrorKind::Broken,
    }
}

/// Describes an error.
fn explain(error: &ureq::Error) -> String {
    if let Some(error) = tls_failure(error) {
        return tls::explain(error);
    }
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(ureq::Timeout::Resolve) => "its address was not found in time".into(),
        ureq::Error::Timeout(ureq::Timeout::Connect) => "no connection in time".into(),
        other => other.to_string(),
    }
}
