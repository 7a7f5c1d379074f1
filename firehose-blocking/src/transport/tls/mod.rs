//! TLS: [`trust`] decides whom to trust, [`words`] explains errors; no other module uses `rustls`.

mod trust;
mod words;

use std::io::{self, BufReader, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
pub(super) use rustls::{ClientConfig as Config, Error as Failure};
use rustls::{ClientConnection, StreamOwned};
use ureq::unversioned::transport::NextTimeout;

pub(super) use self::trust::{bundle, mozilla};
pub(super) use self::words::{explain, is_final, within};
use super::socket::Stream;

/// Bytes read at once: two TLS records. rustls itself asks for 4 KiB at a time, each with a system call.
const READ_BYTES: usize = 32 * 1024;

/// A stream with read-ahead.
pub(super) struct ReadAhead<S>(BufReader<S>);

impl<S: Stream> Read for ReadAhead<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: Stream> Write for ReadAhead<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.get_mut().write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

impl<S: Stream> Stream for ReadAhead<S> {
    fn set_timeout(&mut self, timeout: NextTimeout) {
        self.0.get_mut().set_timeout(timeout);
    }

    fn is_open(&mut self) -> bool {
        // Buffered bytes here answer no request.
        self.0.buffer().is_empty() && self.0.get_mut().is_open()
    }
}

impl<S: Stream> Stream for StreamOwned<ClientConnection, S> {
    fn set_timeout(&mut self, timeout: NextTimeout) {
        self.sock.set_timeout(timeout);
    }

    fn is_open(&mut self) -> bool {
        self.sock.is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Performs the TLS handshake with a host. All connections share one configuration, which caches sessions to make the
/// next handshake cheaper.
pub(super) fn handshake<S: Stream>(
    config: &Arc<Config>,
    host: &str,
    mut stream: S,
    timeout: NextTimeout,
) -> io::Result<StreamOwned<ClientConnection, ReadAhead<S>>> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    stream.set_timeout(timeout);
    let mut stream = ReadAhead(BufReader::with_capacity(READ_BYTES, stream));
    connection.complete_io(&mut stream)?;
    Ok(StreamOwned::new(connection, stream))
}
