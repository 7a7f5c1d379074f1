//! [`Endpoint`]: where requests go, and the region they are signed for.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::Ipv6Addr;

use crate::region::Region;

/// The service's name in its host names.
const SERVICE: &str = "firehose";

/// The URL that requests go to, and the region they are signed for.
///
/// ```
/// use firehose_proto::{Endpoint, Region};
///
/// let region = Region::parse("us-gov-west-1")?;
/// let endpoint = Endpoint::resolve(region.clone(), true, false);
/// assert_eq!(endpoint.url(), "https://firehose-fips.us-gov-west-1.amazonaws.com/");
///
/// let endpoint = Endpoint::custom("http://localhost:4566", region)?;
/// assert_eq!(endpoint.url(), "http://localhost:4566/");
/// assert_eq!(endpoint.host(), "localhost:4566");
/// assert_eq!((endpoint.hostname(), endpoint.port()), ("localhost", 4566));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme and authority in lower case, then a path that begins with a slash.
    url: String,
    /// Where the host begins; where it ends without the port, and with the port unless it is the scheme's default.
    host_start: usize,
    hostname_end: usize,
    host_end: usize,
    authority_end: usize,
    port: Option<u16>,
    is_https: bool,
    region: Region,
}

impl Endpoint {
    /// The service's own endpoint in a region
    /// ([endpoints](https://docs.aws.amazon.com/general/latest/gr/fh.html)).
    ///
    /// The region may lack the kind of endpoint asked for; its host name then does not resolve.
    #[must_use]
    pub fn resolve(region: Region, fips: bool, dual_stack: bool) -> Self {
        let partition = region.partition();
        let suffix = if dual_stack { partition.dual_stack_dns_suffix } else { partition.dns_suffix };
        let host = format!("{SERVICE}{}.{region}.{suffix}", if fips { "-fips" } else { "" });
        Self::of_host(&host, region)
    }

    /// A service's own endpoint.
    pub(crate) fn of_host(host: &str, region: Region) -> Self {
        Self::new(true, host, host.len(), None, "/", region)
    }

    /// An endpoint that the caller chooses: a VPC endpoint, a proxy, a local stand-in.
    ///
    /// A base path is kept unchanged.
    ///
    /// # Errors
    ///
    /// The [`EndpointError`] of the first part of the URL that breaks a rule.
    pub fn custom(url: &str, region: Region) -> Result<Self, EndpointError> {
        let Parts { is_https, authority, host, port, path } = check_url(url)?;
        Ok(Self::new(is_https, authority, host.len(), port, if path.is_empty() { "/" } else { path }, region))
    }

    /// Applies the service's whole rule set to a program's merged configuration.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Fips`] or [`EndpointError::DualStack`] when a custom URL is combined with a kind of endpoint
    /// that only the service has. [`EndpointError::MissingRegion`] when there is no region to sign for. Every error of
    /// [`custom`](Self::custom).
    pub fn configured(
        region: Option<Region>,
        url: Option<&str>,
        fips: bool,
        dual_stack: bool,
    ) -> Result<Self, EndpointError> {
        match url {
            Some(_) if fips => Err(EndpointError::Fips),
            Some(_) if dual_stack => Err(EndpointError::DualStack),
            Some(url) => Self::custom(url, region.ok_or(EndpointError::MissingRegion)?),
            None => Ok(Self::resolve(region.ok_or(EndpointError::MissingRegion)?, fips, dual_stack)),
        }
    }

    /// Builds the URL. The host is the first `host_bytes` of the authority.
    fn new(is_https: bool, authority: &str, host_bytes: usize, port: Option<u16>, path: &str, region: Region) -> Self {
        let scheme = if is_https { "https://" } else { "http://" };
        let mut url = format!("{scheme}{authority}");
        url.make_ascii_lowercase();
        let (hostname_end, authority_end) = (scheme.len() + host_bytes, url.len());
        let is_implied = port.is_none_or(|port| port == default_port(is_https));
        let host_end = if is_implied { hostname_end } else { authority_end };
        url.push_str(path);
        Self { url, host_start: scheme.len(), hostname_end, host_end, authority_end, port, is_https, region }
    }

    /// The absolute URL that requests are sent to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The part of the URL that names the server, with the port as given.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.part(self.authority_end)
    }

    /// The value of the `Host` header: the authority, without the port if it is the scheme's default.
    #[must_use]
    pub fn host(&self) -> &str {
        self.part(self.host_end)
    }

    /// The name or address of the server, for a transport that dials by itself: an IPv6 address without its brackets.
    #[must_use]
    pub fn hostname(&self) -> &str {
        let host = self.part(self.hostname_end);
        host.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(host)
    }

    /// The server's port: that of the URL, or else the scheme's default.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(default_port(self.is_https))
    }

    /// Whether requests are encrypted.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// The region that requests are signed for.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    fn part(&self, end: usize) -> &str {
        self.url.get(self.host_start..end).expect("the ends of whole strings that were put together")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("region", &self.region.as_str())
            .finish_non_exhaustive()
    }
}

const fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

/// The parts of an endpoint's URL.
pub(crate) struct Parts<'u> {
    is_https: bool,
    authority: &'u str,
    host: &'u str,
    port: Option<u16>,
    path: &'u str,
}

/// Splits an endpoint's URL into its parts and checks them.
pub(crate) fn check_url(url: &str) -> Result<Parts<'_>, EndpointError> {
    let (scheme, rest) = url.split_once("://").ok_or(EndpointError::Scheme)?;
    let is_https = scheme.eq_ignore_ascii_case("https");
    if !is_https && !scheme.eq_ignore_ascii_case("http") {
        return Err(EndpointError::Scheme);
    }
    if rest.contains('#') {
        return Err(EndpointError::Fragment);
    }
    if rest.contains('?') {
        return Err(EndpointError::Query);
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    if !path.bytes().all(is_path_byte) {
        return Err(EndpointError::Path);
    }
    let (host, port) = split_port(authority)?;
    Ok(Parts { is_https, authority, host, port, path })
}

/// Splits `host[:port]` and checks both (RFC 3986, section 3.2).
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<u16>), EndpointError> {
    let port_at = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(port_at);
    if !is_host(host) {
        return Err(EndpointError::Host);
    }
    if rest.is_empty() {
        return Ok((host, None));
    }
    // Only one spelling of each port: the signed one and the one that a transport writes must be equal.
    let digits = rest.strip_prefix(':').filter(|digits| digits.starts_with(|first| matches!(first, '1'..='9')));
    let port = digits.and_then(|digits| digits.parse().ok()).ok_or(EndpointError::Port)?;
    Ok((host, Some(port)))
}

/// Whether this is an IPv6 address in brackets, or labels that a resolver may know. Underscores are accepted: they
/// break the rules for host names, but container networks use them.
fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// Whether a byte is allowed in a path (RFC 3986, section 3.3).
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'-'
                | b'.'
                | b'_'
                | b'~'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

/// Why settings give no endpoint. Never repeats the URL, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no region.
    MissingRegion,
    /// FIPS together with a custom URL.
    Fips,
    /// Dual-stack together with a custom URL.
    DualStack,
    /// The URL is not absolute, or neither `http` nor `https`.
    Scheme,
    /// The URL has a user name or password.
    UserInfo,
    /// The URL's host is neither a name nor an address.
    Host,
    /// The URL's port is not a number from 1 to 65535, or has leading zeros.
    Port,
    /// The URL's path has a character that must be percent-encoded.
    Path,
    /// The URL has a query.
    Query,
    /// The URL has a fragment.
    Fragment,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingRegion => "no region is set",
            Self::Fips => "FIPS cannot be combined with a custom endpoint URL",
            Self::DualStack => "dual-stack cannot be combined with a custom endpoint URL",
            Self::Scheme => "endpoint URL must begin with `http://` or `https://`",
            Self::UserInfo => "endpoint URL must not have a user name or password",
            Self::Host => "host of the endpoint URL must be a name, an IPv4 address, or an IPv6 address in brackets",
            Self::Port => "port of the endpoint URL must be a number from 1 to 65535 without leading zeros",
            Self::Path => "path of the endpoint URL has a character that must be percent-encoded",
            Self::Query => "endpoint URL must not have a query",
            Self::Fragment => "endpoint URL must not have a fragment",
        })
    }
}

impl core::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    #[test]
    fn resolves_each_kind_in_each_partition() {
        for (name, suffix, dual_stack_suffix) in [
            ("us-east-1", "amazonaws.com", "api.aws"),
            ("aws-global", "amazonaws.com", "api.aws"),
            ("cn-north-1", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu", "api.amazonwebservices.eu"),
            ("us-iso-east-1", "c2s.ic.gov", "api.aws.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov", "api.aws.scloud"),
            ("eu-isoe-west-1", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
            ("us-isof-south-1", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
            ("us-gov-west-1", "amazonaws.com", "api.aws"),
            ("unheard-of", "amazonaws.com", "api.aws"),
        ] {
            for (fips, dual_stack, host) in [
                (false, false, format!("firehose.{name}.{suffix}")),
                (true, false, format!("firehose-fips.{name}.{suffix}")),
                (false, true, format!("firehose.{name}.{dual_stack_suffix}")),
                (true, true, format!("firehose-fips.{name}.{dual_stack_suffix}")),
            ] {
                let endpoint = Endpoint::configured(Some(region(name)), None, fips, dual_stack).unwrap();
                assert_eq!(endpoint, Endpoint::resolve(region(name), fips, dual_stack));
                assert_eq!(endpoint.url(), format!("https://{host}/"));
                assert_eq!((endpoint.authority(), endpoint.host()), (&*host, &*host));
                assert_eq!((endpoint.is_https(), endpoint.region().as_str()), (true, name));
            }
        }
    }

    #[test]
    fn folds_a_region_in_the_host_and_in_what_is_signed_for() {
        let endpoint = Endpoint::resolve(region("EU-West-1"), false, false);
        assert_eq!(endpoint.host(), "firehose.eu-west-1.amazonaws.com");
        assert_eq!(endpoint.region().as_str(), "eu-west-1");
    }

    #[test]
    fn takes_a_custom_url_apart() {
        for (given, url, authority, host, hostname, port) in [
            ("https://example.com", "https://example.com/", "example.com", "example.com", "example.com", 443),
            ("https://example.com/", "https://example.com/", "example.com", "example.com", "example.com", 443),
            (
                "HTTPS://Example.COM/Base/p%20q",
                "https://example.com/Base/p%20q",
                "example.com",
                "example.com",
                "example.com",
                443,
            ),
            ("http://h//a/../b/", "http://h//a/../b/", "h", "h", "h", 80),
            ("https://h:443", "https://h:443/", "h:443", "h", "h", 443),
            ("http://h:80/x", "http://h:80/x", "h:80", "h", "h", 80),
            ("http://h:443", "http://h:443/", "h:443", "h:443", "h", 443),
            ("https://h:80", "https://h:80/", "h:80", "h:80", "h", 80),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566/", "127.0.0.1:4566", "127.0.0.1:4566", "127.0.0.1", 4566),
            ("http://[::1]:8080/b", "http://[::1]:8080/b", "[::1]:8080", "[::1]:8080", "::1", 8080),
            ("https://[FD00::A]:443", "https://[fd00::a]:443/", "[fd00::a]:443", "[fd00::a]", "fd00::a", 443),
            ("http://local_stack.", "http://local_stack./", "local_stack.", "local_stack.", "local_stack.", 80),
            ("http://h/a:b@c", "http://h/a:b@c", "h", "h", "h", 80),
            ("http://h:65535", "http://h:65535/", "h:65535", "h:65535", "h", 65535),
        ] {
            let endpoint = Endpoint::custom(given, region("us-east-1")).unwrap();
            assert_eq!((endpoint.url(), endpoint.authority(), endpoint.host()), (url, authority, host), "{given}");
            assert_eq!((endpoint.hostname(), endpoint.port()), (hostname, port), "{given}");
            assert_eq!(endpoint.is_https(), url.starts_with("https"), "{given}");
            let request = crate::http::Request::new(crate::http::Method::Post, endpoint.url());
            assert_eq!(request.authority(), Some(authority), "{given}");
        }
    }

    #[test]
    fn refuses_what_is_no_endpoint() {
        let long_label = format!("http://{}.x", "a".repeat(64));
        for (url, error) in [
            ("", EndpointError::Scheme),
            ("example.com", EndpointError::Scheme),
            ("ftp://h", EndpointError::Scheme),
            ("://h", EndpointError::Scheme),
            (" http://h", EndpointError::Scheme),
            ("http://user:pw@h", EndpointError::UserInfo),
            ("http://user@h/", EndpointError::UserInfo),
            ("http://@h", EndpointError::UserInfo),
            ("http://h\\@evil", EndpointError::UserInfo),
            ("http://h?x=y", EndpointError::Query),
            ("http://h/p?", EndpointError::Query),
            ("http://h#f", EndpointError::Fragment),
            ("http://h/#f?x", EndpointError::Fragment),
            ("http://", EndpointError::Host),
            ("http:///path", EndpointError::Host),
            ("http://.", EndpointError::Host),
            ("http://a..b", EndpointError::Host),
            ("http://a b", EndpointError::Host),
            ("http://h\r\nX: y", EndpointError::Host),
            ("http://ü.example", EndpointError::Host),
            ("http://[::1", EndpointError::Host),
            ("http://[]", EndpointError::Host),
            ("http://[127.0.0.1]", EndpointError::Host),
            ("http://x[::1]", EndpointError::Host),
            ("http://[fe80::1%25eth0]", EndpointError::Host),
            (&*long_label, EndpointError::Host),
            ("http://h:", EndpointError::Port),
            ("http://h:0", EndpointError::Port),
            ("http://h:080", EndpointError::Port),
            ("http://h:+80", EndpointError::Port),
            ("http://h:65536", EndpointError::Port),
            ("http://h:80:80", EndpointError::Port),
            ("http://::1", EndpointError::Host),
            ("http://[::1]8080", EndpointError::Port),
            ("http://h/a b", EndpointError::Path),
            ("http://h/\r\n", EndpointError::Path),
            ("http://h/é", EndpointError::Path),
        ] {
            assert_eq!(Endpoint::custom(url, region("us-east-1")), Err(error), "{url:?}");
        }
    }

    #[test]
    fn holds_settings_against_each_other() {
        let url = Some("https://example.com");
        let here = || Some(region("us-east-1"));
        for (region, url, fips, dual_stack, expected) in [
            (here(), url, false, false, Ok("https://example.com/")),
            (here(), url, true, false, Err(EndpointError::Fips)),
            (here(), url, false, true, Err(EndpointError::DualStack)),
            (here(), url, true, true, Err(EndpointError::Fips)),
            (None, url, true, false, Err(EndpointError::Fips)),
            (None, url, false, false, Err(EndpointError::MissingRegion)),
            (None, None, false, false, Err(EndpointError::MissingRegion)),
            (None, None, true, true, Err(EndpointError::MissingRegion)),
            (here(), Some(""), false, false, Err(EndpointError::Scheme)),
            (here(), None, false, false, Ok("https://firehose.us-east-1.amazonaws.com/")),
        ] {
            let row = format!("{region:?} {url:?} {fips} {dual_stack}");
            let endpoint = Endpoint::configured(region, url, fips, dual_stack);
            assert_eq!(endpoint.as_ref().map(Endpoint::url), expected.as_ref().copied(), "{row}");
        }
    }

    #[test]
    fn errors_repeat_nothing_of_the_url() {
        let error = Endpoint::custom("https://user:hunter2@h", region("us-east-1")).unwrap_err();
        let text = format!("{error:?} {error}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(error.to_string(), "endpoint URL must not have a user name or password");
    }
}
