//! An authority that signs certificates, and a server that shows them and takes every put.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use time::{Duration, OffsetDateTime};

/// Somebody who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate and the key to it.
pub(crate) struct Identity(pub(crate) CertificateDer<'static>, pub(crate) PrivateKeyDer<'static>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// The certificate that others are checked against.
    pub(crate) fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// Signs for a name or address, for the days from one to the other, counted from today.
    pub(crate) fn sign(&self, name: &str, days: std::ops::Range<i64>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now + Duration::days(days.start), now + Duration::days(days.end));
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Identity(certificate, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// Signs for an address, now.
    pub(crate) fn sign_for(&self, name: &str) -> Identity {
        self.sign(name, -1..1)
    }

    /// An authority that signs for itself alone, for a name or address and these days.
    pub(crate) fn for_itself(name: &str, days: std::ops::Range<i64>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now + Duration::days(days.start), now + Duration::days(days.end));
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Identity(certificate, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

/// A certificate as a file of them has it.
pub(crate) fn pem(der: &[u8]) -> String {
    labelled("CERTIFICATE", der)
}

/// What is encoded, as a file has it.
pub(crate) fn labelled(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    /// Bytes that were read, decrypted.
    bytes: AtomicUsize,
    /// Requests on connections whose TLS goes on where an earlier one's ended.
    resumed: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// A server on loopback. Lives as long as the test program.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Server {
    /// Shows a certificate.
    pub(crate) fn start(identity: Identity) -> Self {
        Self::with(Some(config(identity, rustls::ALL_VERSIONS)), Manner::default())
    }

    /// Shows a certificate, and speaks one version of TLS.
    pub(crate) fn of_version(identity: Identity, version: &'static SupportedProtocolVersion) -> Self {
        Self::with(Some(config(identity, &[version])), Manner::default())
    }

    /// Shows a certificate; its answers come as if somebody on the way had made them, who knows no key.
    pub(crate) fn spoiled(identity: Identity) -> Self {
        let manner = Manner { is_spoiled: true, ..Manner::default() };
        Self::with(Some(config(identity, rustls::ALL_VERSIONS)), manner)
    }

    /// Shows a certificate, and ends each connection after one answer.
    pub(crate) fn closing(identity: Identity, version: &'static SupportedProtocolVersion) -> Self {
        let manner = Manner { closes: true, ..Manner::default() };
        Self::with(Some(config(identity, &[version])), manner)
    }

    /// Shows a certificate, and reads nothing that comes after it.
    pub(crate) fn deaf(identity: Identity) -> Self {
        let manner = Manner { is_deaf: true, ..Manner::default() };
        Self::with(Some(config(identity, rustls::ALL_VERSIONS)), manner)
    }

    /// Speaks plain HTTP.
    pub(crate) fn plain() -> Self {
        Self::with(None, Manner::default())
    }

    fn with(config: Option<Arc<ServerConfig>>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = Arc::clone(&server.seen);
        thread::spawn(move || {
            for socket in listener.incoming() {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let (socket, seen, config) = (socket.unwrap(), Arc::clone(&seen), config.clone());
                // A connection that ends early is the client's doing, which is what is tested.
                thread::spawn(move || match config {
                    Some(config) => {
                        let past_tls = manner.is_spoiled.then(|| socket.try_clone().unwrap());
                        let mut connection = ServerConnection::new(config).unwrap();
                        if manner.is_deaf {
                            connection.complete_io(&mut &socket)?;
                            loop {
                                thread::park();
                            }
                        }
                        serve(StreamOwned::new(connection, socket), past_tls, manner.closes, &seen)
                    }
                    None => serve(&socket, None, manner.closes, &seen).or_else(|_| {
                        let no = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                        (&socket).write_all(no)
                    }),
                });
            }
        });
        server
    }

    /// Its URL with this host, which should lead here.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How much of what the client had to say was read.
    pub(crate) fn bytes(&self) -> usize {
        self.seen.bytes.load(Ordering::SeqCst)
    }

    /// How many requests came on connections whose TLS went on where an earlier one's had ended.
    pub(crate) fn resumed(&self) -> usize {
        self.seen.resumed.load(Ordering::SeqCst)
    }

    /// The bodies of the requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }
}

/// How a server behaves.
#[derive(Clone, Copy, Default)]
struct Manner {
    is_spoiled: bool,
    is_deaf: bool,
    closes: bool,
}

/// Shows a certificate, also with a key that is not its own.
fn config(Identity(certificate, key): Identity, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let key = ring::sign::any_supported_type(&key).unwrap();
    let resolver: Arc<dyn ResolvesServerCert> =
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Arc::new(config.with_protocol_versions(versions).unwrap().with_no_client_auth().with_cert_resolver(resolver))
}

/// A way to the client.
trait Way: Read + Write {
    fn is_resumed(&self) -> bool {
        false
    }
}

impl Way for &TcpStream {}

impl Way for StreamOwned<ServerConnection, TcpStream> {
    fn is_resumed(&self) -> bool {
        self.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// Answers requests, on another stream if there is one.
fn serve(stream: impl Way, mut answers: Option<TcpStream>, closes: bool, seen: &Seen) -> io::Result<()> {
    let mut reader = BufReader::new(Counted { stream, seen });
    loop {
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 && line != "\r\n" {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        let entry = r#"{"RecordId":"id"}"#;
        let entries = vec![entry; body.matches("\"Data\":").count()].join(",");
        let answer = match body.contains("\"Records\":") {
            true => format!(r#"{{"FailedPutCount":0,"RequestResponses":[{entries}]}}"#),
            false => entry.to_owned(),
        };
        seen.requests.lock().unwrap().push(body);
        seen.resumed.fetch_add(usize::from(reader.get_ref().stream.is_resumed()), Ordering::SeqCst);
        let connection = if closes { "Connection: close\r\n" } else { "" };
        let answer = format!("HTTP/1.1 200 OK\r\n{connection}Content-Length: {}\r\n\r\n{answer}", answer.len());
        match &mut answers {
            Some(answers) => answers.write_all(answer.as_bytes())?,
            None => reader.get_mut().stream.write_all(answer.as_bytes())?,
        }
        reader.get_mut().stream.flush()?;
        if closes {
            return Ok(());
        }
    }
}

/// A stream whose bytes are counted.
struct Counted<'a, S> {
    stream: S,
    seen: &'a Seen,
}

impl<S: Read> Read for Counted<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.seen.bytes.fetch_add(read, Ordering::SeqCst);
        Ok(read)
    }
}
