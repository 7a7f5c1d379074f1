//! One connection, from its first byte to its last: every read and write has a deadline.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use firehose_proto::http::{Method, Request, Response};
use log::debug;
use ureq_proto::BodyMode;
use ureq_proto::server::state::{RecvBody, RecvRequest};
use ureq_proto::server::{RecvRequestResult, Reply};

use super::message::{self, Head, Refusal};
use super::{Answer, Limits, OpenConnection};

/// Initial size of the input buffer: the head of a signed request and the start of its body.
const INPUT_BYTES: usize = 16 * 1024;
/// Initial size of the body buffer, whatever length a client claims; it doubles as data arrives.
const BODY_BYTES: usize = 1024 * 1024;
/// How long an idle connection keeps its body buffer for the next request.
const BUFFER_KEPT: Duration = Duration::from_secs(1);
/// Room for `HTTP/1.1 100 Continue`.
const INTERIM_BYTES: usize = 64;
/// How much of a refused request is read, so that its sender can read the answer.
const MAX_DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// Refusals of what is too long to accept or to parse.
const TOO_LARGE: End = End::refused(413, "the body is too large");
const TOO_LARGE_A_HEAD: End = End::refused(431, "the head is too large");
const TOO_LARGE_A_CHUNK: End = End::refused(400, "the line with a chunk's size is too long");

/// Why a connection ends without an answer to its request.
enum End {
    /// The client is gone.
    Gone,
    /// The request is refused.
    Refused(Refusal),
    /// The server failed; the request is fine.
    Failed,
}

impl End {
    const fn refused(status: u16, rule: &'static str) -> Self {
        Self::Refused(Refusal::new(status, rule))
    }
}

/// Serves one connection until either side closes it.
pub(super) fn serve(
    open: &OpenConnection,
    peer: SocketAddr,
    limits: &Limits,
    handler: &(dyn Fn(Request<'_>) -> Answer + Send + Sync),
    is_stopping: &AtomicBool,
) {
    if open.socket.set_nodelay(true).is_err() {
        return;
    }
    let input = Input { bytes: Vec::new(), start: 0, end: 0 };
    let mut connection = Connection {
        open,
        peer,
        limits,
        handler,
        is_stopping,
        input,
        body: Vec::new(),
        head: Vec::new(),
        is_head: false,
    };
    let is_answered = loop {
        match connection.exchange() {
            Ok(true) => {}
            Ok(false) => break true,
            Err(End::Gone) => break false,
            Err(End::Failed) => break connection.answer(&Response::new(500, Vec::new()), true, 0).is_ok(),
            Err(End::Refused(refusal)) => {
                debug!("{peer} breaks a rule of HTTP: {}", refusal.rule);
                let max_body_bytes = if connection.is_head { 0 } else { usize::MAX };
                break connection.answer(&refusal.response(), true, max_body_bytes).is_ok();
            }
        }
    };
    if is_answered {
        connection.linger();
    }
}

struct Connection<'a> {
    open: &'a OpenConnection,
    peer: SocketAddr,
    limits: &'a Limits,
    handler: &'a (dyn Fn(Request<'_>) -> Answer + Send + Sync),
    is_stopping: &'a AtomicBool,
    input: Input,
    /// Holds the current body at its front; the rest is left from earlier ones.
    body: Vec<u8>,
    /// The head of the response.
    head: Vec<u8>,
    /// Whether this is a HEAD request, whose answer has no body.
    is_head: bool,
}

impl Connection<'_> {
    /// Reads one request and answers it; `false` if it was the last.
    fn exchange(&mut self) -> Result<bool, End> {
        if self.input.available().is_empty() {
            self.wait_for_request()?;
        }
        let (reply, Head { mut request, has_body, is_http10, can_stay_open }) = self.read_head()?;
        let body_bytes = if has_body { self.read_body(reply, is_http10)? } else { 0 };
        request.set_body(self.body.get(..body_bytes).unwrap_or_default());

        let max_answer_bytes = if request.method == Method::Head { 0 } else { usize::MAX };
        // A handler that panics can only break its own state.
        let answer = panic::catch_unwind(AssertUnwindSafe(|| (self.handler)(request))).map_err(|_| End::Failed)?;
        let is_last = !can_stay_open || self.is_stopping.load(Ordering::SeqCst);
        match answer {
            Answer::Whole(response) => self.answer(&response, is_last, max_answer_bytes)?,
            Answer::CutShort(response, bytes) => {
                self.answer(&response, is_last, bytes.min(max_answer_bytes))?;
                return Ok(false);
            }
            Answer::Nothing => return Ok(false),
        }
        Ok(!is_last)
    }

    /// Waits for the first byte of a request.
    fn wait_for_request(&mut self) -> Result<(), End> {
        // In this order; see `Shared::stop`.
        self.open.is_idle.store(true, Ordering::SeqCst);
        if self.is_stopping.load(Ordering::SeqCst) {
            return Err(End::Gone);
        }
        let now = Instant::now();
        let deadline = now + self.limits.idle;
        let mut received =
            self.input.fill(&self.open.socket, deadline.min(now + BUFFER_KEPT), self.limits.max_head_bytes);
        if received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            self.body = Vec::new();
            received = self.input.fill(&self.open.socket, deadline, self.limits.max_head_bytes);
        }
        self.open.is_idle.store(false, Ordering::SeqCst);
        match received {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(End::Gone),
        }
    }

    fn read_head(&mut self) -> Result<(Reply<RecvRequest>, Head), End> {
        let deadline = Instant::now() + self.limits.head;
        let mut reply = Reply::new().map_err(|_| End::Failed)?;
        // Otherwise the client would read the body of this answer as its next one.
        reply.force_recv_body();
        loop {
            self.is_head = self.input.available().starts_with(b"HEAD ");
            match reply.try_request(self.input.available()) {
                Ok((head_bytes, Some(parsed))) => {
                    self.input.consume(head_bytes);
                    let head = Head::read(&parsed, head_bytes, self.limits.max_headers).map_err(End::Refused)?;
                    return Ok((reply, head));
                }
                Ok((_, None)) => {}
                Err(error) => return Err(End::Refused(Refusal::of(error))),
            }
            self.receive(deadline, TOO_LARGE_A_HEAD)?;
        }
    }

    /// Reads the body to the front of the buffer and returns its length.
    fn read_body(&mut self, reply: Reply<RecvRequest>, is_http10: bool) -> Result<usize, End> {
        let deadline = Instant::now() + self.limits.body;
        let mut interim = [0; INTERIM_BYTES];
        let (interim_bytes, reply) = match reply.proceed() {
            Some(RecvRequestResult::RecvBody(reply)) => (0, reply),
            Some(RecvRequestResult::Send100(reply)) => reply.accept(&mut interim).map_err(|_| End::Failed)?,
            Some(RecvRequestResult::ProvideResponse(_)) | None => return Ok(0),
        };
        let length = match reply.body_mode() {
            BodyMode::LengthDelimited(length) => Some(self.admissible(length)?),
            _ => None,
        };
        // RFC 9110, section 10.1.1: an HTTP/1.0 client does not know this answer.
        if let Some(interim) = interim.get(..interim_bytes).filter(|interim| !interim.is_empty() && !is_http10) {
            self.send(&[IoSlice::new(interim)])?;
        }
        match length {
            Some(length) => self.read_sized(length, deadline),
            None => self.read_chunked(reply, deadline),
        }
    }

    fn admissible(&self, length: u64) -> Result<usize, End> {
        usize::try_from(length).ok().filter(|length| *length <= self.limits.max_body_bytes).ok_or(TOO_LARGE)
    }

    /// Reads directly from the socket into the body buffer, after the bytes that came with the head.
    fn read_sized(&mut self, length: usize, deadline: Instant) -> Result<usize, End> {
        let mut filled = 0;
        while filled < length {
            grow(&mut self.body, filled, length);
            let end = self.body.len().min(length);
            let room = self.body.get_mut(filled..end).unwrap_or_default();
            filled += match self.input.take(room) {
                0 => arrived(read_before(&self.open.socket, room, deadline))?,
                taken => taken,
            };
        }
        Ok(length)
    }

    fn read_chunked(&mut self, mut reply: Reply<RecvBody>, deadline: Instant) -> Result<usize, End> {
        let mut filled = 0;
        loop {
            // One byte above the limit shows that there is more.
            grow(&mut self.body, filled, self.limits.max_body_bytes.saturating_add(1));
            let room = self.body.get_mut(filled..).unwrap_or_default();
            let read = reply.read(self.input.available(), room);
            let (used, decoded) = read.map_err(|error| End::Refused(Refusal::of(error)))?;
            self.input.consume(used);
            filled += decoded;
            if filled > self.limits.max_body_bytes {
                return Err(TOO_LARGE);
            }
            if reply.is_ended() {
                return Ok(filled);
            }
            if used == 0 {
                self.receive(deadline, TOO_LARGE_A_CHUNK)?;
            }
        }
    }

    /// Reads more input. Refuses with `overflow` if the element does not fit into the buffer.
    fn receive(&mut self, deadline: Instant, overflow: End) -> Result<(), End> {
        if self.input.available().len() >= self.limits.max_head_bytes {
            return Err(overflow);
        }
        arrived(self.input.fill(&self.open.socket, deadline, self.limits.max_head_bytes)).map(drop)
    }

    /// Sends the head of a response and at most this much of its body, in one write if the socket takes it all.
    fn answer(&mut self, response: &Response, is_last: bool, max_body_bytes: usize) -> Result<(), End> {
        self.head.clear();
        if !message::encode_head(response, SystemTime::now(), is_last, &mut self.head) {
            return Err(End::Failed);
        }
        debug!("{} {}", self.peer, response.status);
        let body = response.body.get(..max_body_bytes).unwrap_or(&response.body);
        let body: &[u8] = if message::allows_body(response.status) { body } else { &[] };
        self.send(&[IoSlice::new(&self.head), IoSlice::new(body)])
    }

    fn send(&self, parts: &[IoSlice<'_>]) -> Result<(), End> {
        write_before(&self.open.socket, parts, Instant::now() + self.limits.write).map_err(|error| {
            debug!("{} did not read the answer: {error}", self.peer);
            End::Gone
        })
    }

    /// Closes so that the client can read the last answer: closing a socket with unread input resets the connection,
    /// and the client loses what it has not read yet (RFC 9112, section 9.6).
    fn linger(&mut self) {
        let deadline = Instant::now() + self.limits.linger;
        self.body.resize(self.body.len().max(INPUT_BYTES), 0);
        let mut left = MAX_DRAIN_BYTES;
        let mut is_open = self.open.socket.shutdown(Shutdown::Write).is_ok();
        while is_open && left > 0 {
            let read = read_before(&self.open.socket, &mut self.body, deadline).unwrap_or(0);
            left = left.saturating_sub(read);
            is_open = read > 0;
        }
    }
}

/// Bytes received and not yet used.
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    fn available(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Moves as many bytes as fit.
    fn take(&mut self, room: &mut [u8]) -> usize {
        let mut available = self.available();
        let taken = available.read(room).unwrap_or(0);
        self.consume(taken);
        taken
    }

    /// Reads once, after the bytes already there. The buffer holds at most `max_bytes` and must have fewer.
    fn fill(&mut self, socket: &TcpStream, deadline: Instant, max_bytes: usize) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            self.bytes.resize((2 * self.end).max(INPUT_BYTES).min(max_bytes), 0);
        }
        let read = read_before(socket, self.bytes.get_mut(self.end..).unwrap_or_default(), deadline)?;
        self.end += read;
        Ok(read)
    }
}

/// Grows a body buffer that is full.
fn grow(body: &mut Vec<u8>, filled: usize, max_bytes: usize) {
    if filled == body.len() {
        body.resize((2 * filled).max(BODY_BYTES).min(max_bytes), 0);
    }
}

/// Interprets a read within a request.
fn arrived(read: io::Result<usize>) -> Result<usize, End> {
    match read {
        // The client may have closed only its sending half, so it gets an answer.
        Ok(0) => Err(End::refused(400, "the connection ended within the request")),
        Ok(count) => Ok(count),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(End::refused(408, "the request took too long")),
        Err(_) => Err(End::Gone),
    }
}

/// Reads once; fails with [`TimedOut`](io::ErrorKind::TimedOut) if the deadline passes first.
fn read_before(mut socket: &TcpStream, room: &mut [u8], deadline: Instant) -> io::Result<usize> {
    loop {
        socket.set_read_timeout(Some(left_until(deadline)?))?;
        match socket.read(room) {
            Err(error) if is_transient(&error) => {}
            result => return result,
        }
    }
}

/// Writes everything; fails with [`TimedOut`](io::ErrorKind::TimedOut) if the deadline passes first.
fn write_before(mut socket: &TcpStream, parts: &[IoSlice<'_>], deadline: Instant) -> io::Result<()> {
    let mut parts = parts.to_vec();
    let mut left = parts.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        socket.set_write_timeout(Some(left_until(deadline)?))?;
        match socket.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether to check the deadline and, if it has not passed, to retry.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn left_until(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
