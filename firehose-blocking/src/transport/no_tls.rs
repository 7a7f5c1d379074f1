//! Replaces TLS where the feature `tls` is off: every encrypted connection fails with an error that says why.

use std::io;
use std::sync::Arc;

use ureq::Error;
use ureq::unversioned::transport::NextTimeout;

use super::ca_bundle::InvalidCaBundle;
use super::socket::Stream;

/// There are no certificates to trust.
#[derive(Debug)]
pub(super) struct Config;

/// There is none.
pub(super) enum Failure {}

pub(super) fn mozilla() -> Arc<Config> {
    Arc::new(Config)
}

#[expect(clippy::unnecessary_wraps, reason = "with TLS, a bundle may be of no use")]
pub(super) fn bundle(_: &[u8]) -> Result<Arc<Config>, InvalidCaBundle> {
    Ok(mozilla())
}

pub(super) fn handshake<S: Stream>(_: &Arc<Config>, _: &str, _: S, _: NextTimeout) -> Result<S, Error> {
    Err(Error::Tls("this program is built without TLS: turn on the feature `tls` of firehose-blocking"))
}

pub(super) const fn within(_: &io::Error) -> Option<&Failure> {
    None
}

pub(super) const fn is_final(failure: &Failure, _: bool) -> bool {
    match *failure {}
}

pub(super) fn explain(failure: &Failure) -> String {
    match *failure {}
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use firehose_proto::http::{Method, Request};

    use super::super::ureq::Ureq;
    use super::super::{Timeouts, Transport, TransportErrorKind};

    #[test]
    fn an_encrypted_connection_fails_for_good_and_says_why() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let timeouts = Timeouts::new(Duration::from_secs(10), Duration::from_secs(10));
        let error = Ureq::new().send(&Request::new(Method::Get, url), &timeouts).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls);
        assert!(format!("{error:?}").contains("turn on the feature `tls`"), "{error:?}");
    }
}
