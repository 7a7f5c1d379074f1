//! [`Connect`]: opens connections for ureq: resolves the name, tries all addresses, and adds TLS.
//!
//! ureq resolves a name for each request, before it looks for an open connection; [`NoAddresses`] returns it no addresses.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, Either, NextTimeout, Transport, TransportAdapter};
use ureq::{Error, Timeout};

use super::socket::{Channel, Deadline, Socket, Stream};
use super::tls;

/// Leaves name resolution to [`Connect`].
#[derive(Debug)]
pub(super) struct NoAddresses;

impl Resolver for NoAddresses {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Resolves a name. May take any time.
pub(super) trait NameResolver: Send + Sync + 'static {
    fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Asks the operating system.
pub(super) struct SystemResolver;

impl NameResolver for SystemResolver {
    fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((name, port).to_socket_addrs()?.collect())
    }
}

/// Opens connections.
pub(super) struct Connect<L> {
    resolver: Arc<L>,
    tls: Arc<tls::Config>,
}

impl<L: NameResolver> Connect<L> {
    pub(super) fn new(resolver: L, tls: Arc<tls::Config>) -> Self {
        Self { resolver: Arc::new(resolver), tls }
    }

    /// Connects to the first address that accepts.
    fn dial(&self, host: &str, port: u16, deadline: Deadline) -> Result<Socket, Error> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return dial_all(&[SocketAddr::new(address, port)], deadline, |_| String::new());
        }
        let addresses = alternate(self.addresses(host, port, deadline)?);
        dial_all(&addresses, deadline, |address| format!("{address}: "))
    }

    /// Resolves a name on a thread, which is left behind if it exceeds the deadline.
    fn addresses(&self, name: &str, port: u16, deadline: Deadline) -> Result<Vec<SocketAddr>, Error> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let (resolver, owned) = (Arc::clone(&self.resolver), name.to_owned());
        // The receiver may have given up.
        let run = move || drop(sender.send(resolver.resolve(&owned, port)));
        thread::Builder::new().name("firehose-resolver".into()).spawn(run)?;
        let too_late = match deadline.reason() {
            Timeout::Connect => Timeout::Resolve,
            other => other,
        };
        let found = match deadline.left()? {
            Some(left) => receiver.recv_timeout(left).map_err(|_| Error::Timeout(too_late))?,
            None => receiver.recv().map_err(|_| Error::HostNotFound)?,
        };
        match found? {
            addresses if addresses.is_empty() => Err(Error::HostNotFound),
            addresses => Ok(addresses),
        }
    }

    fn encrypt<S: Stream>(&self, host: &str, stream: S, deadline: Deadline) -> Result<Box<dyn Transport>, Error> {
        Ok(Box::new(Channel::new(tls::handshake(&self.tls, host, stream, deadline.timeout()?)?)))
    }
}

impl<L: NameResolver> Connector<Either<(), Box<dyn Transport>>> for Connect<L> {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        tunnel: Option<Either<(), Box<dyn Transport>>>,
    ) -> Result<Option<Self::Out>, Error> {
        let deadline = Deadline::new(details.now, details.timeout);
        let (host, port) = host_and_port(details.uri)?;
        let transport = match tunnel {
            Some(Either::B(tunnel)) if details.needs_tls() => {
                let tunnel = TransportAdapter::new(tunnel, Arc::clone(&details.current_time));
                self.encrypt(host, tunnel, deadline)?
            }
            Some(Either::B(tunnel)) => tunnel,
            Some(Either::A(())) | None => {
                let socket = self.dial(host, port, deadline)?;
                if details.needs_tls() { self.encrypt(host, socket, deadline)? } else { Box::new(Channel::new(socket)) }
            }
        };
        Ok(Some(transport))
    }
}

impl<L> fmt::Debug for Connect<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}

/// The host of a URL, without brackets, and its port.
fn host_and_port(uri: &Uri) -> Result<(&str, u16), Error> {
    let host = uri.host().ok_or_else(|| Error::BadUri("it has no host".into()))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    Ok((host, uri.port_u16().unwrap_or(default)))
}

/// Alternates IPv4 and IPv6 addresses, so that if one family is unreachable the other is soon tried.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_first_kind = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|it| it.is_ipv6() == is_first_kind);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

/// Connects to the first address that accepts. Each attempt may take half of the remaining time, the last all of it. If
/// all fail, the error lists each failure, prefixed with `name(address)`.
fn dial_all(
    addresses: &[SocketAddr],
    deadline: Deadline,
    name: impl Fn(SocketAddr) -> String,
) -> Result<Socket, Error> {
    let mut failures = Vec::new();
    for (index, &address) in addresses.iter().enumerate() {
        let is_last = index + 1 == addresses.len();
        let connected = match deadline.left()? {
            Some(left) => TcpStream::connect_timeout(&address, if is_last { left } else { left / 2 }),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(Socket::new(stream, deadline));
            }
            Err(error) => failures.push((address, error)),
        }
    }
    if failures.iter().all(|(_, error)| error.kind() == io::ErrorKind::TimedOut) {
        return Err(Error::Timeout(deadline.reason()));
    }
    let kind = failures.first().map_or(io::ErrorKind::NotFound, |(_, error)| error.kind());
    let words: Vec<_> = failures.iter().map(|(address, error)| format!("{}{error}", name(*address))).collect();
    Err(io::Error::new(kind, words.join("; ")).into())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
    use std::sync::Mutex;
    use std::time::Duration;

    use firehose_proto::http::{Method, Request};

    use super::super::ureq::Ureq;
    use super::super::{Timeouts, Transport as _, TransportError, TransportErrorKind};
    use super::*;

    /// Names, and how often each was resolved.
    #[derive(Clone, Default)]
    struct Table {
        addresses: Vec<SocketAddr>,
        asked: Arc<Mutex<Vec<(String, u16)>>>,
        never_answers: bool,
    }

    impl NameResolver for Table {
        fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            self.asked.lock().unwrap().push((name.to_owned(), port));
            if self.never_answers {
                loop {
                    thread::park();
                }
            }
            Ok(self.addresses.clone())
        }
    }

    /// Answers every request on every connection, until the test program ends.
    fn serve(listener: TcpListener) -> SocketAddr {
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let mut lines = BufReader::new(&socket).lines().map_while(Result::ok);
                    while lines.by_ref().any(|line| line.is_empty()) {
                        (&socket).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                    }
                });
            }
        });
        address
    }

    /// An address without a listener.
    fn nobody(ip: impl Into<IpAddr>) -> SocketAddr {
        TcpListener::bind((ip.into(), 0)).unwrap().local_addr().unwrap()
    }

    fn get(ureq: &Ureq, url: &str, connect: Duration) -> Result<Vec<u8>, TransportError> {
        let timeouts = Timeouts::new(connect, Duration::from_secs(30));
        ureq.send(&Request::new(Method::Get, url), &timeouts).map(|response| response.body)
    }

    const AMPLE: Duration = Duration::from_secs(10);

    #[test]
    fn looks_a_name_up_when_a_connection_is_opened_and_not_again() {
        let address = serve(TcpListener::bind("127.0.0.1:0").unwrap());
        let table = Table { addresses: vec![address], ..Table::default() };
        let ureq = Ureq::with(table.clone(), tls::mozilla());
        for _ in 0..200 {
            assert_eq!(get(&ureq, "http://firehose.test:8080/", AMPLE).unwrap(), b"ok");
        }
        assert_eq!(*table.asked.lock().unwrap(), [("firehose.test".to_owned(), 8080)]);
    }

    #[test]
    fn looks_no_address_up() {
        let table = Table::default();
        let ureq = Ureq::with(table.clone(), tls::mozilla());
        let mut addresses = vec![serve(TcpListener::bind("127.0.0.1:0").unwrap())];
        // Some machines have no IPv6.
        addresses.extend(TcpListener::bind("[::1]:0").ok().map(serve));
        for address in addresses {
            assert_eq!(get(&ureq, &format!("http://{address}"), AMPLE).unwrap(), b"ok");
        }
        assert_eq!(*table.asked.lock().unwrap(), []);
    }

    #[test]
    fn tries_every_address_whichever_comes_first() {
        let good = serve(TcpListener::bind("127.0.0.1:0").unwrap());
        let good_v6 = TcpListener::bind("[::1]:0").ok().map(serve);
        let bad = nobody(Ipv4Addr::LOCALHOST);
        // On a machine without IPv6, no IPv6 socket can be created at all; that must not end the attempts either.
        let bad_v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), bad.port());
        let mut cases = vec![vec![bad_v6, good], vec![good, bad_v6], vec![bad_v6, bad_v6, bad, bad, good]];
        if let Some(good_v6) = good_v6 {
            cases.extend([vec![good_v6, bad], vec![bad, good_v6], vec![bad, bad, bad_v6, good_v6]]);
        }
        for addresses in cases {
            let ureq = Ureq::with(Table { addresses: addresses.clone(), ..Table::default() }, tls::mozilla());
            let result = get(&ureq, "http://localhost", AMPLE);
            assert_eq!(result.unwrap(), b"ok", "{addresses:?}");
        }
    }

    #[test]
    fn says_of_each_address_why_it_serves_not() {
        let closed = [nobody(Ipv4Addr::LOCALHOST), nobody(Ipv4Addr::LOCALHOST)];
        let ureq = Ureq::with(Table { addresses: closed.to_vec(), ..Table::default() }, tls::mozilla());
        let error = get(&ureq, "http://firehose.test/", AMPLE).unwrap_err();
        let text = format!("{error:?}");
        assert_eq!(error.kind(), TransportErrorKind::Connect, "{text}");
        for address in closed {
            assert!(text.contains(&format!("{address}: ")), "{text}");
        }
        let ureq = Ureq::with(Table::default(), tls::mozilla());
        let error = get(&ureq, "http://firehose.test/", AMPLE).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Connect);
        assert!(format!("{error:?}").contains("host not found"), "{error:?}");
    }

    #[test]
    fn waits_no_longer_for_an_address_than_for_a_connection() {
        let table = Table { never_answers: true, ..Table::default() };
        let ureq = Ureq::with(table, tls::mozilla());
        let error = get(&ureq, "http://firehose.test/", Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Connect);
        assert!(format!("{error:?}").contains("its address was not found in time"), "{error:?}");
    }

    #[test]
    fn takes_addresses_of_either_kind_in_turn() {
        for (given, expected) in [
            ("", ""),
            ("4a", "4a"),
            ("6a 6b 4a", "6a 4a 6b"),
            ("4a 4b 4c 6a", "4a 6a 4b 4c"),
            ("6a 4a 4b 6b", "6a 4a 6b 4b"),
        ] {
            let address = |text: &str| match text.split_at(1) {
                ("4", last) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), u16::from(last.as_bytes()[0])),
                (_, last) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), u16::from(last.as_bytes()[0])),
            };
            let all = |text: &str| text.split_whitespace().map(address).collect::<Vec<_>>();
            assert_eq!(alternate(all(given)), all(expected), "{given}");
        }
    }
}
