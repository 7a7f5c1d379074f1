//! [`Socket`], a TCP connection with a deadline, and [`Channel`], which carries ureq's bytes over it, with or without
//! TLS.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::mem;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::time::{Duration as After, Instant as Moment};
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport, TransportAdapter};
use ureq::{Error, Timeout};

/// Size of the output and input buffers, as in ureq.
const BUFFER_BYTES: usize = 128 * 1024;

/// The error of a socket whose own timeout has passed.
const TIMED_OUT: io::ErrorKind = if cfg!(windows) { io::ErrorKind::TimedOut } else { io::ErrorKind::WouldBlock };

/// A deadline, and ureq's name for the timeout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Option<Instant>,
    reason: Timeout,
}

impl Deadline {
    /// The deadline of a timeout that starts at a moment.
    pub(super) fn new(begun: Moment, timeout: NextTimeout) -> Self {
        let begun = if let Moment::Exact(begun) = begun { begun } else { Instant::now() };
        let at = match timeout.after {
            After::Exact(after) => begun.checked_add(after),
            After::NotHappening => None,
        };
        Self { at, reason: timeout.reason }
    }

    /// The time left, if there is a deadline; ureq's timeout error if it has passed.
    pub(super) fn left(&self) -> Result<Option<Duration>, Error> {
        let Some(at) = self.at else { return Ok(None) };
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::Timeout(self.reason)) } else { Ok(Some(left)) }
    }

    /// The same deadline, as ureq's type.
    pub(super) fn timeout(&self) -> Result<NextTimeout, Error> {
        let after = self.left()?.map_or(After::NotHappening, After::Exact);
        Ok(NextTimeout { after, reason: self.reason, ..NextTimeout::default() })
    }

    /// The timeout that has passed.
    pub(super) const fn reason(&self) -> Timeout {
        self.reason
    }
}

/// The byte stream under a channel.
pub(super) trait Stream: Read + Write + Send + Sync + 'static {
    /// Sets the deadline for the next operations.
    fn set_timeout(&mut self, timeout: NextTimeout);

    /// Whether the peer has neither closed nor sent anything unrequested.
    fn is_open(&mut self) -> bool;

    fn is_tls(&self) -> bool {
        false
    }
}

/// A tunnel through a proxy.
impl Stream for TransportAdapter {
    fn set_timeout(&mut self, timeout: NextTimeout) {
        Self::set_timeout(self, timeout);
    }

    fn is_open(&mut self) -> bool {
        self.get_mut().is_open()
    }
}

/// A TCP connection.
pub(super) struct Socket {
    stream: TcpStream,
    deadline: Deadline,
    /// The socket's current system timeouts.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Whether anything was read since the last check that the connection is open.
    is_in_use: bool,
}

impl Socket {
    pub(super) const fn new(stream: TcpStream, deadline: Deadline) -> Self {
        Self { stream, deadline, read_timeout: None, write_timeout: None, is_in_use: false }
    }

    /// Retries operations that were interrupted, or that the system ended before the deadline.
    fn until_deadline(
        &mut self,
        mut operate: impl FnMut(&mut Self, Option<Duration>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let left = self.deadline.left().map_err(Error::into_io)?;
            match operate(self, left) {
                Err(error) if [TIMED_OUT, io::ErrorKind::Interrupted].contains(&error.kind()) => {}
                result => return result,
            }
        }
    }

    fn write_with(&mut self, write: impl Fn(&mut TcpStream) -> io::Result<usize>) -> io::Result<usize> {
        self.until_deadline(|socket, left| {
            adjust(&mut socket.write_timeout, left, |timeout| socket.stream.set_write_timeout(timeout))?;
            write(&mut socket.stream)
        })
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_in_use = true;
        self.until_deadline(|socket, left| {
            adjust(&mut socket.read_timeout, left, |timeout| socket.stream.set_read_timeout(timeout))?;
            socket.stream.read(buffer)
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(|stream| stream.write(bytes))
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_with(|stream| stream.write_vectored(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Socket {
    fn set_timeout(&mut self, timeout: NextTimeout) {
        self.deadline = Deadline::new(Moment::now(), timeout);
    }

    fn is_open(&mut self) -> bool {
        // ureq asks when it returns a connection to the pool and again before it uses it; only the second answer
        // counts.
        mem::take(&mut self.is_in_use) || is_silent(&self.stream).unwrap_or(false)
    }
}

/// Whether there is nothing to read, not even the end.
fn is_silent(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let is_silent = stream.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false)?;
    Ok(is_silent)
}

/// Sets a system timeout, unless the current one fits the remaining time.
///
/// A slightly shorter one fits too: an operation that ends too early is retried. So calls with equal timeouts share one
/// setting. Windows allows no retry on a socket that has timed out.
fn adjust(
    current: &mut Option<Duration>,
    left: Option<Duration>,
    set: impl FnOnce(Option<Duration>) -> io::Result<()>,
) -> io::Result<()> {
    let fits = match (*current, left) {
        (Some(current), Some(left)) if !cfg!(windows) => (left - left / 32..=left).contains(&current),
        (current, left) => current == left,
    };
    if fits {
        return Ok(());
    }
    let least = Duration::from_millis(1);
    let wanted = if cfg!(windows) { left } else { left.map(|left| left - left / 64) };
    let wanted = wanted.map(|wanted| wanted.max(least));
    match set(wanted) {
        Ok(()) => *current = wanted,
        // macOS refuses if the peer has closed already; the next read or write then reports it.
        Err(error) if cfg!(target_os = "macos") && error.kind() == io::ErrorKind::InvalidInput => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// A stream as ureq uses it. Buffers ureq's output until the buffer is full or ureq waits for a response, so that a
/// small request leaves in one write.
pub(super) struct Channel<S> {
    stream: S,
    buffers: Gathering,
}

impl<S: Stream> Channel<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffers: Gathering { buffers: LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES), filled: 0 } }
    }

    fn write_gathered(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        let Gathering { buffers, filled } = &mut self.buffers;
        let gathered = buffers.output().get(..mem::take(filled)).unwrap_or_default();
        if !gathered.is_empty() {
            self.stream.set_timeout(timeout);
            self.stream.write_all(gathered)?;
            self.stream.flush()?;
        }
        Ok(())
    }
}

impl<S: Stream> Transport for Channel<S> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.buffers.filled += amount;
        if self.buffers.filled >= BUFFER_BYTES { self.write_gathered(timeout) } else { Ok(()) }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.write_gathered(timeout)?;
        self.stream.set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.is_open()
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

impl<S> fmt::Debug for Channel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

/// Buffers whose free output begins after the bytes already gathered.
struct Gathering {
    buffers: LazyBuffers,
    filled: usize,
}

impl Buffers for Gathering {
    fn output(&mut self) -> &mut [u8] {
        self.buffers.output().get_mut(self.filled..).unwrap_or_default()
    }

    fn input(&self) -> &[u8] {
        self.buffers.input()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.buffers.input_append_buf()
    }

    fn input_appended(&mut self, amount: usize) {
        self.buffers.input_appended(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.buffers.input_consume(amount);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        let (spare, output) = self.buffers.tmp_and_output();
        (spare, output.get_mut(self.filled..).unwrap_or_default())
    }

    fn can_use_input(&self) -> bool {
        self.buffers.can_use_input()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Records what is written, piece by piece, and answers with one byte at a time.
    #[derive(Default)]
    struct Recorder {
        pieces: Vec<Vec<u8>>,
    }

    impl Read for Recorder {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer[0] = b'!';
            Ok(1)
        }
    }

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.pieces.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Recorder {
        fn set_timeout(&mut self, _: NextTimeout) {}

        fn is_open(&mut self) -> bool {
            true
        }
    }

    fn within(after: After) -> NextTimeout {
        NextTimeout { after, reason: Timeout::RecvResponse, ..NextTimeout::default() }
    }

    /// Writes as ureq does, a buffer at a time.
    fn say(channel: &mut Channel<Recorder>, mut text: &[u8]) {
        while !text.is_empty() {
            let output = channel.buffers().output();
            let (now, later) = text.split_at(text.len().min(output.len()));
            output[..now.len()].copy_from_slice(now);
            channel.transmit_output(now.len(), within(After::NotHappening)).unwrap();
            text = later;
        }
    }

    #[test]
    fn a_small_request_leaves_in_one_piece_and_a_large_one_in_full_buffers() {
        let mut channel = Channel::new(Recorder::default());
        say(&mut channel, b"head");
        say(&mut channel, b"body");
        assert_eq!(channel.stream.pieces, [b""; 0], "nothing leaves before the answer is waited for");
        channel.await_input(within(After::NotHappening)).unwrap();
        assert_eq!(channel.buffers().input(), b"!");
        assert_eq!(channel.stream.pieces, [b"headbody"]);

        let large: Vec<u8> = (0..3 * BUFFER_BYTES).map(|index| (index % 251) as u8).collect();
        channel.stream.pieces.clear();
        say(&mut channel, b"head");
        say(&mut channel, &large);
        channel.await_input(within(After::NotHappening)).unwrap();
        let sizes: Vec<_> = channel.stream.pieces.iter().map(Vec::len).collect();
        assert_eq!(sizes, [BUFFER_BYTES, BUFFER_BYTES, BUFFER_BYTES, 4]);
        assert_eq!(channel.stream.pieces.concat(), [b"head".to_vec(), large].concat());
        // Nothing is written twice.
        channel.await_input(within(After::NotHappening)).unwrap();
        assert_eq!(channel.stream.pieces.len(), 4);
    }

    #[test]
    fn one_setting_of_the_system_serves_all_calls_with_the_same_timeout() {
        let second = Duration::from_secs(1);
        let close_to = |time: Duration| time - time / 64;
        for (current, left, wanted) in [
            (None, None, None),
            (None, Some(second), Some(close_to(second))),
            (Some(second), None, Some(Duration::ZERO)),
            (Some(close_to(second)), Some(second), None),
            (Some(close_to(second)), Some(second - Duration::from_millis(10)), None),
            (Some(close_to(second)), Some(second + Duration::from_millis(10)), None),
            (Some(second), Some(second / 2), Some(close_to(second / 2))),
            (Some(second), Some(second * 2), Some(close_to(second * 2))),
            (Some(second), Some(Duration::from_nanos(1)), Some(Duration::from_millis(1))),
        ] {
            if cfg!(windows) {
                continue;
            }
            let mut socket = current;
            let mut set = None;
            adjust(&mut socket, left, |timeout| {
                set = Some(timeout.unwrap_or_default());
                Ok(())
            })
            .unwrap();
            assert_eq!(set, wanted, "{current:?} {left:?}");
            assert_eq!(
                socket.unwrap_or_default(),
                wanted.unwrap_or(current.unwrap_or_default()),
                "{current:?} {left:?}"
            );
        }
    }

    #[test]
    fn waits_until_the_deadline_and_no_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        let mut channel = Channel::new(Socket::new(stream, Deadline { at: None, reason: Timeout::Connect }));
        let timeout = Duration::from_millis(100);
        let start = Instant::now();
        let error = channel.await_input(within(timeout.into())).unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::RecvResponse)), "{error}");
        assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
        // A peer that reads nothing: the output fills the system's buffers.
        let start = Instant::now();
        let error = loop {
            let amount = channel.buffers().output().len();
            if let Err(error) = channel.transmit_output(amount, within(timeout.into())) {
                break error;
            }
        };
        assert!(matches!(error, Error::Timeout(Timeout::RecvResponse)), "{error}");
        assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
        drop(peer);
    }

    #[test]
    fn a_connection_is_open_until_the_peer_says_something_or_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || {
            let stream = TcpStream::connect(address).unwrap();
            let (peer, _) = listener.accept().unwrap();
            (Socket::new(stream, Deadline { at: None, reason: Timeout::Connect }), peer)
        };
        let (mut socket, mut peer) = connect();
        assert!(socket.is_open() && socket.is_open());
        peer.write_all(b"unasked").unwrap();
        // Loopback delivers before `write` returns, or soon after.
        socket.stream.peek(&mut [0]).unwrap();
        assert!(!socket.is_open());

        let (mut socket, peer) = connect();
        drop(peer);
        assert_eq!(socket.read(&mut [0]).unwrap(), 0);
        // The first check returns the connection to the pool, the second precedes its use.
        assert!(socket.is_open());
        assert!(!socket.is_open());
    }
}
