//! [`LocalEndpoint`]: a Firehose on loopback, for trying things out, for tests and for other people's clients.
//!
//! ```text
//! socket ──▶ http: deadlines and caps ──▶ verify the signature ──▶ server::parse ──▶ Store: write, then answer
//! ```
//!
//! A record is acknowledged once it has been written to its file, so that killing the process loses none of
//! those acknowledged; with [`fsync`](LocalEndpointBuilder::fsync) neither does a loss of power.
//! [`Faults`] come before and after the handler: they keep a call from it, or its answer from the caller.

mod faults;
pub(crate) mod http;
mod script;
mod store;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use firehose_proto::credentials::Credentials;
use firehose_proto::exception::{ErrorCode, ServiceError};
use firehose_proto::http::{Request, Response};
use firehose_proto::model::record::Record;
use firehose_proto::op::put_record::{PutRecord, PutRecordOutput};
use firehose_proto::op::put_record_batch::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use firehose_proto::server::{self, Call};
use firehose_proto::sigv4::Verifier;
use firehose_proto::time::HttpDate;
use time::OffsetDateTime;

use self::http::{Answer, Limits, Server};
use self::script::{Scene, Script};
use self::store::{AppendError, Store};
use crate::clock::{Clock, SystemClock};
use crate::uuid;

pub use self::faults::{FaultCounts, Faults, FaultsError};
pub use self::store::Accepted;

/// Both halves of the key pair that is accepted unless another is set.
const DEFAULT_KEY: &str = "test";

/// The account that streams belong to, as far as messages name one.
const ACCOUNT: &str = "000000000000";

/// A Firehose that keeps what it accepts in files.
///
/// It answers PutRecord and PutRecordBatch over HTTP/1.1, verifies signatures of any region, and enforces the
/// service's limits with the service's codes and messages. The records of a stream are in
/// `DIR/<stream>/YYYY/MM/DD/HH/<stream>-1-YYYY-MM-DD-HH-MM-SS-<uuid>`, one after the other without a
/// delimiter; the files in the order of their names are in the order of acceptance. A new file begins after
/// 5 MiB or 300 s, Firehose's own defaults. A stream named `.` or `..` is in `%2E` or `%2E%2E`.
///
/// Dropping it stops it.
///
/// ```
/// use firehose_blocking::{Client, Credentials, LocalEndpoint, PutRecordInput, Record};
///
/// let dir = std::env::temp_dir().join("firehose-local-endpoint-example");
/// let endpoint = LocalEndpoint::builder(&dir).start()?;
/// let client = Client::builder()
///     .region("us-east-1")
///     .endpoint_url(endpoint.url())
///     .credentials(Credentials::new("test", "test"))
///     .build()?;
/// client.put_record(&PutRecordInput::new("demo", Record::new(b"one line\n")))?;
/// assert_eq!(endpoint.accepted().records, 1);
/// # drop(endpoint);
/// # std::fs::remove_dir_all(dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LocalEndpoint {
    url: String,
    server: Server,
    store: Arc<Store>,
    script: Arc<Script>,
}

impl LocalEndpoint {
    /// Begins an endpoint that keeps its records below this directory, which is made if it is not there.
    pub fn builder(dir: impl Into<PathBuf>) -> LocalEndpointBuilder {
        LocalEndpointBuilder {
            dir: dir.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credentials: Credentials::new(DEFAULT_KEY, DEFAULT_KEY),
            creates_streams: true,
            syncs: false,
            allows_remote: false,
            faults: Faults::default(),
        }
    }

    /// Where it listens, such as `http://127.0.0.1:4573`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has accepted since it started.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        self.store.accepted()
    }

    /// What it has done wrong on purpose since it started.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        self.script.counts()
    }

    /// Answers the requests that are in progress, for a few seconds at most, and stops.
    pub fn stop(mut self) -> Accepted {
        self.server.stop();
        self.store.accepted()
    }
}

/// Settings of a [`LocalEndpoint`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it starts"]
pub struct LocalEndpointBuilder {
    dir: PathBuf,
    listen: SocketAddr,
    credentials: Credentials,
    creates_streams: bool,
    syncs: bool,
    allows_remote: bool,
    faults: Faults,
}

impl LocalEndpointBuilder {
    /// The address to listen on; port 0 lets the system choose. `127.0.0.1:0` unless set.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The only credentials whose signatures are accepted; `test` and `test` unless set.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Whether a stream comes into being with its first put, which it does unless this is set to `false`.
    /// Otherwise a stream is there when its directory is.
    pub fn auto_create(mut self, creates_streams: bool) -> Self {
        self.creates_streams = creates_streams;
        self
    }

    /// Whether each answer waits until the disk has its records, which it does not unless this is set.
    pub fn fsync(mut self, syncs: bool) -> Self {
        self.syncs = syncs;
        self
    }

    /// Whether it may listen where other machines can reach it. It speaks plain HTTP and knows one key.
    pub fn allow_remote(mut self, allows_remote: bool) -> Self {
        self.allows_remote = allows_remote;
        self
    }

    /// What it is to do wrong; nothing unless this is set.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Starts listening.
    ///
    /// # Errors
    ///
    /// [`LocalEndpointError`], naming the directory, the address or the setting.
    pub fn start(self) -> Result<LocalEndpoint, LocalEndpointError> {
        let Self { dir, listen, credentials, creates_streams, syncs, allows_remote, faults } = self;
        faults.check().map_err(LocalEndpointError::Faults)?;
        if !allows_remote && !listen.ip().is_loopback() {
            return Err(LocalEndpointError::Remote { listen });
        }
        std::fs::create_dir_all(&dir).map_err(|error| LocalEndpointError::Directory { dir: dir.clone(), error })?;
        let store = Arc::new(Store::new(dir, creates_streams, syncs));
        let script = Arc::new(Script::new(faults));
        let handler =
            Handler { store: Arc::clone(&store), script: Arc::clone(&script), credentials, clock: SystemClock };
        let refused = |error| LocalEndpointError::Listen { listen, error };
        let listener = TcpListener::bind(listen).map_err(refused)?;
        let server =
            Server::start(listener, Limits::default(), move |request| handler.handle(&request)).map_err(refused)?;
        Ok(LocalEndpoint { url: format!("http://{}", server.local_addr()), server, store, script })
    }
}

/// Why a local endpoint did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalEndpointError {
    /// Other machines could reach the address, and that was not allowed.
    Remote {
        /// The address.
        listen: SocketAddr,
    },
    /// The faults contradict each other.
    Faults(FaultsError),
    /// The directory cannot be made.
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The address cannot be listened on.
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for LocalEndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote { listen } => {
                write!(f, "{listen} is not a loopback address, and remote access is not allowed")
            }
            Self::Faults(_) => f.write_str("the faults cannot be"),
            Self::Directory { dir, .. } => write!(f, "cannot make the directory {}", dir.display()),
            Self::Listen { listen, .. } => write!(f, "cannot listen on {listen}"),
        }
    }
}

impl std::error::Error for LocalEndpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Remote { .. } => None,
            Self::Faults(error) => Some(error),
            Self::Directory { error, .. } | Self::Listen { error, .. } => Some(error),
        }
    }
}

/// Answers requests.
struct Handler<C> {
    store: Arc<Store>,
    script: Arc<Script>,
    credentials: Credentials,
    clock: C,
}

impl<C: Clock> Handler<C> {
    fn handle(&self, request: &Request<'_>) -> Answer {
        let scene = self.script.next();
        let delay = scene.delay;
        let answer = scene.play(|scene| self.response(scene.and_then(|scene| self.call(request, scene))));
        if !delay.is_zero() {
            self.clock.sleep(delay);
        }
        answer
    }

    fn response(&self, result: Result<Response, ServiceError>) -> Response {
        let mut response = result.unwrap_or_else(|error| {
            log::debug!("refusing a call: {error}");
            server::refuse(&error)
        });
        let request_id = uuid::v4(u128::from(self.clock.random()) << 64 | u128::from(self.clock.random()));
        let added = response.headers.append("x-amzn-RequestId", &request_id);
        debug_assert!(added.is_ok(), "a UUID has no control characters");
        if !self.script.skew().is_zero() {
            let added = response.headers.append("Date", HttpDate::new(self.shown_time()).as_str());
            debug_assert!(added.is_ok(), "a date has no control characters");
        }
        response
    }

    /// The time as callers are to see it.
    fn shown_time(&self) -> OffsetDateTime {
        self.clock.now().saturating_add(self.script.skew())
    }

    fn call(&self, request: &Request<'_>, scene: &mut Scene<'_>) -> Result<Response, ServiceError> {
        Verifier::new("firehose")
            .verify(self.shown_time(), request, &self.credentials)
            .map_err(|error| ServiceError::new(error.status(), ErrorCode::parse(error.code()), error.to_string()))?;
        match server::parse(request)? {
            Call::PutRecord(input) => {
                let entry = self.put(&input.delivery_stream_name, vec![input.record], scene)?.pop().unwrap_or_default();
                let Some(id) = &entry.record_id else { return Err(script::refusal_of(&entry)) };
                let mut output = PutRecordOutput::new(&**id);
                output.encrypted = Some(false);
                Ok(server::respond::<PutRecord>(&output))
            }
            Call::PutRecordBatch(input) => {
                let mut entries = self.put(&input.delivery_stream_name, input.records, scene)?;
                scene.miscount(&mut entries);
                let mut output = PutRecordBatchOutput::new(entries);
                output.encrypted = Some(false);
                Ok(server::respond::<PutRecordBatch>(&output))
            }
            _ => Err(ServiceError::new(400, ErrorCode::UnknownOperationException, "")),
        }
    }

    /// Stores the records that are not to fail, and says what became of each.
    fn put(
        &self,
        stream: &str,
        mut records: Vec<Record<'_>>,
        scene: &mut Scene<'_>,
    ) -> Result<Vec<PutRecordBatchResponseEntry<'static>>, ServiceError> {
        let failures = scene.fail(&mut records);
        let ids = self.append(stream, &records)?;
        Ok(scene.entries(ids, failures))
    }

    fn append(&self, stream: &str, records: &[Record<'_>]) -> Result<Vec<String>, ServiceError> {
        self.store.append(self.clock.now(), stream, records).map_err(|error| match error {
            AppendError::NoStream => {
                let message = format!("Firehose {stream} not found under account {ACCOUNT}.");
                ServiceError::new(400, ErrorCode::ResourceNotFoundException, message)
            }
            AppendError::Io { path, error } => {
                log::error!("cannot write {}: {error}", path.display());
                let message = format!("The local endpoint cannot write the records: {error}");
                ServiceError::new(503, ErrorCode::ServiceUnavailableException, message)
            }
        })
    }
}
