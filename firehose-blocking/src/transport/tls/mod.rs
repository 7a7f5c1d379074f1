//! TLS: whom to trust is in [`trust`], what went wrong in [`words`]; nothing else names `rustls`.

mod trust;
mod words;

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
pub(super) use rustls::{ClientConfig as Config, Error as Failure};
use rustls::{ClientConnection, StreamOwned};
use ureq::unversioned::transport::NextTimeout;

pub(super) use self::trust::{bundle, mozilla};
pub(super) use self::words::{explain, is_final, within};
use super::socket::Stream;

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

/// Agrees on TLS with a host. The client's one configuration also remembers sessions, so that the next connection is cheaper.
pub(super) fn handshake<S: Stream>(
    config: &Arc<Config>,
    host: &str,
    mut stream: S,
    timeout: NextTimeout,
) -> io::Result<StreamOwned<ClientConnection, S>> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    stream.set_timeout(timeout);
    connection.complete_io(&mut stream)?;
    Ok(StreamOwned::new(connection, stream))
}
