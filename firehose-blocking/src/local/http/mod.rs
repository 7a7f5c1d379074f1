//! [`Server`]: HTTP/1.1 on blocking sockets, one thread per connection, for a handler that maps request to response.
//!
//! ureq-proto parses the protocol. This module has the sockets, the threads and the [`Limits`], so that slow,
//! half-sent, oversized and malformed requests hold nothing for long:
//!
//! ```text
//! accept ──▶ idle ──first byte──▶ head ──▶ body ──▶ handler ──▶ response ──▶ idle …
//!             │                    │        │         │            │
//!         limits.idle         limits.head  limits.body │       limits.write
//!             ▼                    └──── 4xx / 501 ────┴ 500          ▼
//!           close                              └──────▶ linger ──▶ close
//! ```
//!
//! Each deadline is for a whole step, not for a pause between bytes. After a refused request the connection is closed,
//! because the start of the next request is uncertain.

mod connection;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod message;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use firehose_proto::http::{Request, Response};
use log::{debug, warn};

/// Pause after an `accept` that failed for lack of descriptors or memory, to avoid a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often [`Server::stop`] connects to its own port until the accepting thread notices.
const KNOCK_EVERY: Duration = Duration::from_millis(50);
/// Time for threads to notice that their sockets are shut down.
const FORCED_STOP: Duration = Duration::from_secs(1);

/// Limits for one client: time, memory and connections.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// From the end of one exchange to the first byte of the next request.
    pub(crate) idle: Duration,
    /// From the first byte of a request to the end of its head.
    pub(crate) head: Duration,
    /// From the end of the head to the end of the body.
    pub(crate) body: Duration,
    /// For the whole response.
    pub(crate) write: Duration,
    /// For the client to read the last response and close; the server discards what it still sends.
    pub(crate) linger: Duration,
    /// For requests in progress when the server stops.
    pub(crate) stop: Duration,
    /// Request line and header section together; also the framing of a chunked body between two chunks.
    pub(crate) max_head_bytes: usize,
    /// The number of header fields; the parser has its own limit of 128.
    pub(crate) max_headers: usize,
    /// The body without its transfer coding.
    pub(crate) max_body_bytes: usize,
    /// Connections, and so threads and descriptors. For one more connection an idle one is closed; if none is idle, it
    /// waits in the listener's backlog.
    pub(crate) max_connections: usize,
}

impl Limits {
    /// Default of [`idle`](Self::idle).
    pub(crate) const IDLE: Duration = Duration::from_secs(60);
    /// Default of [`head`](Self::head).
    pub(crate) const HEAD: Duration = Duration::from_secs(10);
    /// Default of [`body`](Self::body): half a megabyte per second for the largest body.
    pub(crate) const BODY: Duration = Duration::from_secs(30);
    /// Default of [`write`](Self::write).
    pub(crate) const WRITE: Duration = Duration::from_secs(30);
    /// Default of [`linger`](Self::linger).
    pub(crate) const LINGER: Duration = Duration::from_secs(2);
    /// Default of [`stop`](Self::stop).
    pub(crate) const STOP: Duration = Duration::from_secs(5);
    /// Default of [`max_head_bytes`](Self::max_head_bytes).
    pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
    /// Default of [`max_headers`](Self::max_headers).
    pub(crate) const MAX_HEADERS: usize = 100;
    /// Default of [`max_body_bytes`](Self::max_body_bytes): three times the largest Firehose request, 4 MiB in base64.
    pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
    /// Default of [`max_connections`](Self::max_connections): half of the usual 1024 descriptors.
    pub(crate) const MAX_CONNECTIONS: usize = 512;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Self::IDLE,
            head: Self::HEAD,
            body: Self::BODY,
            write: Self::WRITE,
            linger: Self::LINGER,
            stop: Self::STOP,
            max_head_bytes: Self::MAX_HEAD_BYTES,
            max_headers: Self::MAX_HEADERS,
            max_body_bytes: Self::MAX_BODY_BYTES,
            max_connections: Self::MAX_CONNECTIONS,
        }
    }
}

/// What the connection does for an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Send this response.
    Whole(Response),
    /// Send the head and this many bytes of the body, then close as if the connection broke.
    CutShort(Response, usize),
    /// Close without a response.
    Nothing,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Whole(response)
    }
}

/// A running server; its drop stops it.
pub(crate) struct Server {
    local_addr: SocketAddr,
    stop: Duration,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Serves the connections of a listener; calls the handler from many threads at once.
    ///
    /// If a connection cannot be accepted, most likely for lack of a descriptor, `free_descriptors` closes what it can
    /// spare and returns how many it closed.
    ///
    /// The handler gets the URI in origin form (RFC 9112, section 3.2.1) and the whole body. If it panics or answers
    /// with an interim status, the response is 500. The server writes `Content-Length` and `Connection`; also `Date`,
    /// unless the handler has set it.
    ///
    /// # Errors
    ///
    /// If the listener has no address, or no thread can be started.
    pub(crate) fn start<A: Into<Answer>>(
        listener: TcpListener,
        limits: Limits,
        handler: impl Fn(Request<'_>) -> A + Send + Sync + 'static,
        free_descriptors: impl Fn() -> usize + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let handler = move |request: Request<'_>| -> Answer { handler(request).into() };
        let local_addr = listener.local_addr()?;
        let stop = limits.stop;
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("firehose-accept".into()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                // The scope joins every connection's thread; none of them can panic.
                thread::scope(|scope| accept(scope, listener, &limits, &handler, &free_descriptors, &shared));
                drop((handler, free_descriptors));
                shared.enter(Phase::Finished);
            }
        })?;
        Ok(Self { local_addr, stop, shared, thread: Some(thread) })
    }

    /// The address that the listener is bound to.
    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, closes idle connections, lets requests in progress be answered, and joins the threads.
    ///
    /// Returns within [`Limits::stop`] plus a second. It cuts off what is unanswered by then; a handler that does not
    /// return even so keeps its thread.
    pub(crate) fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stop();
        if !self.is_finished_by(Instant::now() + self.stop) {
            self.shared.shut_all();
            if !self.is_finished_by(Instant::now() + FORCED_STOP) {
                warn!("a request handler on {} does not return; its thread is left behind", self.local_addr);
                return;
            }
        }
        if thread.join().is_err() {
            warn!("the accepting thread on {} panicked", self.local_addr);
        }
    }

    fn is_finished_by(&self, deadline: Instant) -> bool {
        loop {
            if self.shared.state().phase == Phase::Accepting {
                // The standard library has no other way to wake a thread from `accept`.
                drop(TcpStream::connect_timeout(&self.knock_addr(), KNOCK_EVERY));
            }
            let state = self.shared.state();
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = match state.phase {
                Phase::Finished => return true,
                _ if left.is_zero() => return false,
                Phase::Accepting => left.min(KNOCK_EVERY),
                Phase::Draining => left,
            };
            drop(self.shared.wait(state, wait));
        }
    }

    /// An address at which to reach a listener that may be bound to every address.
    const fn knock_addr(&self) -> SocketAddr {
        let ip = match self.local_addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, self.local_addr.port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// Accepts connections until the server stops, with a thread for each.
fn accept<'scope, 'env>(
    scope: &'scope thread::Scope<'scope, 'env>,
    listener: TcpListener,
    limits: &'env Limits,
    handler: &'env (dyn Fn(Request<'_>) -> Answer + Send + Sync),
    free_descriptors: &dyn Fn() -> usize,
    shared: &'env Shared,
) {
    for id in 0.. {
        let (socket, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            // The client gave up before its turn.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
                continue;
            }
            Err(error) => {
                debug!("accept: {error}");
                if free_descriptors() == 0 {
                    shared.pause();
                }
                if shared.is_stopping.load(Ordering::SeqCst) {
                    break;
                }
                continue;
            }
        };
        if !shared.makes_room(limits.max_connections) {
            break;
        }
        let registration =
            Registration { shared, id, open: Arc::new(OpenConnection { socket, is_idle: AtomicBool::new(false) }) };
        shared.state().connections.insert(id, Arc::clone(&registration.open));
        let spawned = thread::Builder::new().name("firehose-connection".into()).spawn_scoped(scope, move || {
            let serve = || connection::serve(&registration.open, peer, limits, handler, &shared.is_stopping);
            if panic::catch_unwind(AssertUnwindSafe(serve)).is_err() {
                warn!("connection of {peer} panicked");
            }
        });
        if let Err(error) = spawned {
            debug!("no thread for {peer}: {error}");
            shared.pause();
        }
    }
    drop(listener);
    shared.enter(Phase::Draining);
}

/// State shared by the accepting thread, the connections and [`Server::stop`].
#[derive(Default)]
struct Shared {
    is_stopping: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// Keyed by age, the oldest first.
    connections: BTreeMap<u64, Arc<OpenConnection>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Accepting,
    /// The listener is closed; connections may be left.
    Draining,
    /// Every thread has been joined except the accepting one, which is about to end.
    Finished,
}

/// A connection as seen from outside its thread.
struct OpenConnection {
    socket: TcpStream,
    /// Whether it is between two requests, with no byte of the next one received.
    is_idle: AtomicBool,
}

/// The registration of an open connection.
struct Registration<'a> {
    shared: &'a Shared,
    id: u64,
    open: Arc<OpenConnection>,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.shared.state().connections.remove(&self.id);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn enter(&self, phase: Phase) {
        self.state().phase = phase;
        self.changed.notify_all();
    }

    /// Waits until one more connection may be served; `false` when the server stops.
    ///
    /// At the limit, closes the oldest idle connection.
    fn makes_room(&self, max_connections: usize) -> bool {
        let mut state = self.state();
        while state.connections.len() >= max_connections && !self.is_stopping.load(Ordering::SeqCst) {
            if let Some(open) = state.connections.values().find(|open| open.is_idle.load(Ordering::SeqCst)) {
                shut(open, Shutdown::Read);
            }
            // Connections do not report when they become idle, so check again soon.
            state = self.wait(state, ACCEPT_PAUSE);
        }
        !self.is_stopping.load(Ordering::SeqCst)
    }

    fn pause(&self) {
        let state = self.state();
        if !self.is_stopping.load(Ordering::SeqCst) {
            drop(self.wait(state, ACCEPT_PAUSE));
        }
    }

    /// Tells all threads to stop, and closes the idle connections.
    ///
    /// Only their receiving half is shut down: a request that arrives at this very moment is still answered. A
    /// connection first marks itself idle and then checks whether the server is stopping; this does the reverse, so one
    /// of the two sees the other.
    fn stop(&self) {
        let state = self.state();
        self.is_stopping.store(true, Ordering::SeqCst);
        self.changed.notify_all();
        for open in state.connections.values().filter(|open| open.is_idle.load(Ordering::SeqCst)) {
            shut(open, Shutdown::Read);
        }
    }

    fn shut_all(&self) {
        for open in self.state().connections.values() {
            shut(open, Shutdown::Both);
        }
    }
}

/// Wakes the connection's thread. An error means that the client has gone, which wakes it too.
fn shut(open: &OpenConnection, how: Shutdown) {
    if let Err(error) = open.socket.shutdown(how) {
        debug!("shutdown: {error}");
    }
}
