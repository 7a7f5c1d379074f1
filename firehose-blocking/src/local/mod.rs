//! [`LocalEndpoint`]: a Firehose endpoint on loopback, to try things out, and to test this client or others.
//!
//! ```text
//! socket ──▶ http: deadlines and caps ──▶ verify the signature ──▶ server::parse ─┬─▶ Store: write, then answer
//!                                                                                   └─▶ Streams: change, write, then answer
//! ```
//!
//! A record is acknowledged after it is written to its file, so killing the process loses no acknowledged record; with
//! [`fsync`](LocalEndpointBuilder::fsync) neither does a loss of power. [`Faults`] act before or after the handler:
//! they keep a call from it, or its answer from the caller.

mod definitions;
mod destination;
mod faults;
mod files;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod handler;
mod hosts;
pub(crate) mod http;
mod lock;
mod script;
mod store;
mod stream;
mod streams;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firehose_proto::credentials::Credentials;
use firehose_proto::http::Request;

use self::files::FileError;
use self::handler::Handler;
use self::hosts::Hosts;
use self::http::{Limits, Server};
use self::lock::{DirLock, Taken};
use self::script::Script;
use self::store::Store;
use self::streams::Streams;
use crate::clock::SystemClock;

pub use self::faults::{FaultCounts, Faults, FaultsError};
pub use self::store::LocalEndpointStatistics;

/// Both halves of the default key pair.
const DEFAULT_KEY: &str = "test";

/// A local Firehose endpoint that stores accepted records in files.
///
/// It answers all twelve operations over HTTP/1.1, verifies signatures of any region, and enforces the service's limits
/// with the service's codes and messages. A stream's records are in
/// `DIR/<stream>/YYYY/MM/DD/HH/<stream>-1-YYYY-MM-DD-HH-MM-SS-<uuid>`, one after the other without a delimiter. Sorted
/// by name, the files are in the order of acceptance. A new file begins after 5 MiB or 300 s, Firehose's own defaults.
/// A stream named `.` or `..` is in `%2E` or `%2E%2E`.
///
/// Streams are created, described, tagged, updated and deleted as with the service, in the account `000000000000`. They
/// have the states, versions and exceptions that the service documents. Their destinations are stored but never called.
/// All regions share the streams. A stream that a call has created or changed has a definition in `DIR/@streams`, which
/// only its owner can read. It holds what DescribeDeliveryStream returns, and so no passwords or private keys. Any
/// other stream exists if its directory does. All of that survives a restart. A deleted stream leaves its delivered
/// files behind, and is not found until a call, perhaps a put, creates it again.
///
/// It answers only to its own names, see [`allowed_host`](LocalEndpointBuilder::allowed_host). It locks its directory:
/// a second endpoint does not start there. Its drop stops it.
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
    /// Released after the server has stopped.
    _lock: DirLock,
}

impl LocalEndpoint {
    /// Begins an endpoint that stores its records below this directory, creating it if necessary.
    pub fn builder(dir: impl Into<PathBuf>) -> LocalEndpointBuilder {
        LocalEndpointBuilder {
            dir: dir.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credentials: Credentials::new(DEFAULT_KEY, DEFAULT_KEY),
            creates_streams: true,
            syncs: false,
            allows_remote: false,
            allowed_hosts: Vec::new(),
            transition: Duration::ZERO,
            faults: Faults::default(),
        }
    }

    /// The URL that it listens at, such as `http://127.0.0.1:4573`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many records it has accepted since it started.
    #[must_use]
    pub fn accepted(&self) -> LocalEndpointStatistics {
        self.store.accepted()
    }

    /// How many faults it has injected since it started.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        self.script.counts()
    }

    /// Finishes the requests in progress, for a few seconds at most, and stops.
    pub fn stop(mut self) -> LocalEndpointStatistics {
        self.server.stop();
        self.store.accepted()
    }
}

/// The settings of a [`LocalEndpoint`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it starts"]
pub struct LocalEndpointBuilder {
    dir: PathBuf,
    listen: SocketAddr,
    credentials: Credentials,
    creates_streams: bool,
    syncs: bool,
    allows_remote: bool,
    allowed_hosts: Vec<String>,
    transition: Duration,
    faults: Faults,
}

impl LocalEndpointBuilder {
    /// Sets the address to listen on; port 0 lets the system choose. The default is `127.0.0.1:0`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the only credentials whose signatures are accepted. The default is `test` and `test`.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Whether the first put to a stream creates it. On by default. Otherwise a stream must be created, or have a
    /// directory already.
    pub fn auto_create(mut self, creates_streams: bool) -> Self {
        self.creates_streams = creates_streams;
        self
    }

    /// Whether each answer waits until its records are on disk. Off by default.
    pub fn fsync(mut self, syncs: bool) -> Self {
        self.syncs = syncs;
        self
    }

    /// Sets how long a stream stays `CREATING` before it is `ACTIVE`, `DELETING` before it is gone, and its encryption
    /// `ENABLING` or `DISABLING`. Zero by default; the service needs minutes.
    pub fn creating_for(mut self, transition: Duration) -> Self {
        self.transition = transition;
        self
    }

    /// Whether it may listen where other machines can reach it. It uses plain HTTP and a single key.
    pub fn allow_remote(mut self, allows_remote: bool) -> Self {
        self.allows_remote = allows_remote;
        self
    }

    /// Allows another host name in requests, such as that of its container; may be called several times. By default it
    /// answers to its listening address, to loopback addresses, and to `localhost` and names below it. A web page could
    /// point any other name at this machine, and write records through its visitor's browser.
    pub fn allowed_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Sets the faults to inject. None by default.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Starts listening.
    ///
    /// # Errors
    ///
    /// [`LocalEndpointError`], which names the directory, the address or the setting.
    pub fn start(self) -> Result<LocalEndpoint, LocalEndpointError> {
        let Self { dir, listen, credentials, creates_streams, syncs, allows_remote, allowed_hosts, transition, faults } =
            self;
        faults.check().map_err(LocalEndpointError::Faults)?;
        if !listen.ip().is_loopback() {
            if !allows_remote {
                return Err(LocalEndpointError::Remote { listen });
            }
            if credentials.access_key_id == DEFAULT_KEY && credentials.secret_access_key.expose() == DEFAULT_KEY {
                log::warn!(
                    "other machines can reach {listen}, and everybody knows the keys `{DEFAULT_KEY}` and \
                     `{DEFAULT_KEY}`: set others"
                );
            }
        }
        std::fs::create_dir_all(&dir).map_err(|error| LocalEndpointError::Directory { dir: dir.clone(), error })?;
        let lock = DirLock::new(&dir).map_err(|Taken| LocalEndpointError::Locked { dir: dir.clone() })?;
        let store = Arc::new(Store::new(dir, syncs));
        let streams = Streams::open(Arc::clone(&store), creates_streams, transition)
            .map_err(|FileError { path, error }| LocalEndpointError::Definition { path, error })?;
        let script = Arc::new(Script::new(faults));
        let (shared_store, shared_script) = (Arc::clone(&store), Arc::clone(&script));
        let hosts = Hosts::new(listen.ip(), &allowed_hosts);
        let clock = SystemClock;
        let handler = Handler { store: shared_store, streams, script: shared_script, credentials, hosts, clock };
        let refused = |error| LocalEndpointError::Listen { listen, error };
        let listener = TcpListener::bind(listen).map_err(refused)?;
        let mut limits = Limits::default();
        if let Some(descriptors) = max_descriptors() {
            // The other half is for files and the rest of the process.
            limits.max_connections = limits.max_connections.min(descriptors / 2).max(1);
        }
        let files = Arc::clone(&store);
        let handle = move |request: Request<'_>| handler.handle(&request);
        let server = Server::start(listener, limits, handle, move || files.close_idle_files()).map_err(refused)?;
        Ok(LocalEndpoint { url: format!("http://{}", server.local_addr()), server, store, script, _lock: lock })
    }
}

/// How many descriptors this process may open, if that is known and bounded.
fn max_descriptors() -> Option<usize> {
    #[cfg(unix)]
    return usize::try_from(rustix::process::getrlimit(rustix::process::Resource::Nofile).current?).ok();
    #[cfg(not(unix))]
    None
}

/// Why a local endpoint did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalEndpointError {
    /// Other machines could reach the address, which is not allowed.
    Remote {
        /// The address.
        listen: SocketAddr,
    },
    /// The faults are invalid.
    Faults(FaultsError),
    /// The directory cannot be created.
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// Another endpoint uses the directory.
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// A stream's definition cannot be read.
    Definition {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The endpoint cannot listen on the address.
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The error.
        error: io::Error,
    },
}

impl fmt::Display for LocalEndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote { listen } => {
                write!(f, "{listen} is not a loopback address, and remote access is not allowed")
            }
            Self::Faults(_) => f.write_str("the faults are invalid"),
            Self::Directory { dir, .. } => write!(f, "cannot make the directory {}", dir.display()),
            Self::Locked { dir } => {
                write!(
                    f,
                    "another local endpoint uses the directory {}: use that endpoint or choose another directory",
                    dir.display()
                )
            }
            Self::Definition { path, .. } => write!(f, "cannot read the definition of a stream, {}", path.display()),
            Self::Listen { listen, .. } => write!(f, "cannot listen on {listen}"),
        }
    }
}

impl std::error::Error for LocalEndpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Remote { .. } | Self::Locked { .. } => None,
            Self::Faults(error) => Some(error),
            Self::Directory { error, .. } | Self::Definition { error, .. } | Self::Listen { error, .. } => Some(error),
        }
    }
}
