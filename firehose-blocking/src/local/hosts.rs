//! [`Hosts`]: the host names that the endpoint answers to.
//!
//! A web page can point its own name at the address of this machine; its visitor's browser then calls the endpoint
//! under that name ([DNS rebinding](https://en.wikipedia.org/wiki/DNS_rebinding)). An endpoint that answers only to its
//! own names is safe from that.

use std::net::{IpAddr, Ipv6Addr};

/// The names allowed in `Host`, with any port: tunnels and containers have ports of their own.
#[derive(Debug)]
pub(super) struct Hosts {
    listen: IpAddr,
    allowed: Vec<String>,
}

impl Hosts {
    /// The names of an endpoint that listens on this address, and further allowed ones.
    pub(super) fn new(listen: IpAddr, allowed: &[String]) -> Self {
        Self { listen, allowed: allowed.iter().map(|name| plain(name).to_owned()).collect() }
    }

    /// Whether a request with this `Host` may be for the endpoint.
    pub(super) fn allows(&self, host: &str) -> bool {
        let name = plain(without_port(host));
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        match bare.parse::<IpAddr>() {
            // An address cannot be another's host name. An endpoint that listens on every address has many.
            Ok(address) if self.listen.is_unspecified() || address.is_loopback() || address == self.listen => true,
            Ok(IpAddr::V6(address)) if is_mapped_loopback(address) => true,
            _ => self.is_own_name(name),
        }
    }

    fn is_own_name(&self, name: &str) -> bool {
        // Names below `localhost` are loopback too (RFC 6761, section 6.3).
        let last = name.rsplit('.').next().unwrap_or_default();
        last.eq_ignore_ascii_case("localhost") || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

fn is_mapped_loopback(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
}

/// A name without its optional final dot.
fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The host without its optional port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // In an IPv6 address without a port, the last colon is within the brackets.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_its_own_names_alone() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let everywhere: IpAddr = "::".parse().unwrap();
        let lan: IpAddr = "192.168.1.5".parse().unwrap();
        for (listen, host, is_allowed) in [
            (loopback, "127.0.0.1", true),
            (loopback, "127.0.0.1:4573", true),
            (loopback, "127.8.8.8:1", true),
            (loopback, "[::1]:4573", true),
            (loopback, "[::1]", true),
            (loopback, "[::ffff:127.0.0.1]:80", true),
            (loopback, "localhost", true),
            (loopback, "LocalHost.:4573", true),
            (loopback, "firehose.localhost:4573", true),
            (loopback, "told.example:4573", true),
            (loopback, "Told.Example.", true),
            (loopback, "more.told.example", false),
            (loopback, "evil.example", false),
            (loopback, "evil.example:4573", false),
            (loopback, "localhost.evil.example", false),
            (loopback, "notlocalhost", false),
            (loopback, "127.0.0.1.evil.example", false),
            (loopback, "127.0.0.1@evil.example", false),
            (loopback, "192.168.1.5", false),
            (loopback, "[2001:db8::1]:80", false),
            (loopback, "", false),
            (loopback, ":80", false),
            (lan, "192.168.1.5:4573", true),
            (lan, "192.168.1.6:4573", false),
            (lan, "localhost:4573", true),
            (everywhere, "192.168.1.6:4573", true),
            (everywhere, "[2001:db8::1]:80", true),
            (everywhere, "evil.example", false),
        ] {
            let hosts = Hosts::new(listen, &["told.example".into()]);
            assert_eq!(hosts.allows(host), is_allowed, "{host:?} at {listen}");
        }
    }
}
